//! What is set wrong is named in full, and never repeated where it is a secret.

use std::time::{Duration, SystemTime};

use super::facts::{self, SECRET};
use super::{environment, kind, open, post, reason};
use crate::alert::{AlertId, DestinationId};
use crate::notify::http::{Answer, Hidden, Request};
use crate::notify::{Destinations, Entry, Notification, Outcome, REGISTRY};
use crate::settings::Settings;
use crate::value::{Value, Values};
use crate::vars::{Faults, Vars};

/// The rows of the registry that need something, each with its first format.
pub(super) fn configurable() -> impl Iterator<Item = (&'static Entry, facts::Fact)> {
    REGISTRY.iter().filter_map(|entry| Some((entry, facts::of_any(entry.name).into_iter().next()?)))
}

pub(super) fn with(environment: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let others = environment.iter().filter(|(other, _)| other != name).cloned();
    others.chain([(name.to_owned(), value.to_owned())]).collect()
}

/// The faults of opening `reference`, none of which holds a secret.
#[track_caller]
pub(super) fn faults(environment: &[(String, String)], reference: &str) -> Vec<String> {
    let (opened, faults) = open(environment, reference);
    assert_eq!(opened.is_none(), !faults.is_empty(), "{reference}: {faults:?}");
    assert!(faults.iter().all(|fault| !fault.contains(&SECRET[..6])), "{faults:?}");
    faults
}

/// One fault, which begins with the variable's full name.
#[track_caller]
pub(super) fn check_names(environment: &[(String, String)], reference: &str, variable: &str) -> String {
    let faults = faults(environment, reference);
    assert!(faults.len() == 1 && faults[0].starts_with(variable), "{variable}: {faults:?}");
    faults[0].clone()
}

#[test]
fn a_variable_that_is_missing_or_blank_is_named() {
    for (entry, fact) in configurable() {
        let all = environment(entry, &fact);
        for required in entry.required {
            let name = format!("{}{required}", entry.prefix);
            for value in ["", " "] {
                check_names(&with(&all, &name, value), entry.name, &name);
            }
        }
        assert_eq!(faults(&[], entry.name).len(), entry.required.len(), "{}", entry.name);
        let listed: Vec<_> = fact.environment.iter().map(|(name, _)| *name).collect();
        assert!(entry.required.iter().all(|name| listed.contains(name)), "{}", entry.name);
    }
}

#[test]
fn a_url_or_a_token_that_is_none_is_named_and_not_repeated() {
    let bad_urls = ["h.example/@", "ftp://h/@", "https://", "http://h:@/", "http:// @/", "@", "http://:1/@"];
    for (entry, _) in configurable() {
        for fact in facts::of(entry.name) {
            let all = environment(entry, &fact);
            let addresses = all.iter().filter(|(_, value)| value.contains("://"));
            for (name, _) in addresses {
                for bad in bad_urls {
                    check_names(&with(&all, name, &bad.replace('@', SECRET)), entry.name, name);
                }
            }
            for (name, _) in all.iter().filter(|(name, _)| name.ends_with("TOKEN")) {
                for bad in ["1:a/@", "1:a b@", "1:?@", "https://@"] {
                    check_names(&with(&all, name, &bad.replace('@', SECRET)), entry.name, name);
                }
            }
            for name in entry.optional.iter().filter(|name| name.ends_with("_URL")) {
                let name = format!("{}{name}", entry.prefix);
                for bad in bad_urls {
                    check_names(&with(&all, &name, &bad.replace('@', SECRET)), entry.name, &name);
                }
            }
        }
    }
}

#[test]
fn an_onion_address_needs_a_proxy() {
    for (entry, fact) in configurable() {
        let all = environment(entry, &fact);
        let required = all.iter().map(|(name, _)| name.clone());
        let optional = entry.optional.iter().map(|name| format!("{}{name}", entry.prefix));
        for name in required.chain(optional).filter(|name| name.ends_with("_URL")) {
            let onion = match entry.name {
                "Email" => format!("smtp://me:{SECRET}@abcdef.onion"),
                "SimpleX" => format!("ws://me:{SECRET}@abcdef.onion:5225"),
                _ => format!("http://abcdef.onion/{SECRET}"),
            };
            let all = with(&all, &name, &onion);
            let own = format!("{}PROXY", entry.prefix);
            let said = check_names(&all, entry.name, &name);
            assert!(said.contains(&own), "{said}");
            for proxy in ["PROXY", &own] {
                assert_eq!(faults(&with(&all, proxy, "socks5h://127.0.0.1:9050"), entry.name), [""; 0]);
            }
        }
    }
}

#[test]
fn a_proxy_or_an_authority_that_cannot_be_used_is_named_and_not_repeated() {
    let bad_proxies =
        ["127.0.0.1:@", "socks5://u:@@h:1", "https://u:@@h:1", "http://u:@@h:port", "socks5h://"];
    let files = tempfiles();
    for (entry, fact) in configurable() {
        let all = environment(entry, &fact);
        for prefix in ["", entry.prefix] {
            let name = format!("{prefix}PROXY");
            for bad in bad_proxies {
                check_names(&with(&all, &name, &bad.replace('@', SECRET)), entry.name, &name);
            }
            let good = format!("http://user:{SECRET}@127.0.0.1:3128");
            assert_eq!(faults(&with(&all, &name, &good), entry.name), [""; 0]);
            let name = format!("{prefix}TLS_CA_FILE");
            for (path, says) in &files {
                let said = check_names(&with(&all, &name, path), entry.name, &name);
                assert!(said.contains(says), "{said}");
            }
        }
        // Its own goes before the common one.
        let all = with(&with(&all, "PROXY", "nonsense"), &format!("{}PROXY", entry.prefix), "http://h:1");
        assert_eq!(faults(&all, entry.name), [""; 0]);
    }
    for (path, _) in files {
        let _ = std::fs::remove_file(path);
    }
}

/// Files that are no certificate, and what is said of each.
fn tempfiles() -> Vec<(String, &'static str)> {
    let folder = std::env::temp_dir().join(format!("alertik-ca-{}", std::process::id()));
    let path = |name: &str| format!("{}-{name}", folder.display());
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(path("empty"), "").unwrap();
    std::fs::write(path("broken"), broken).unwrap();
    vec![
        (path("missing"), "cannot be read"),
        (path("empty"), "holds no certificate"),
        (path("broken"), "holds a certificate that cannot be read"),
    ]
}

#[test]
fn a_fault_that_several_notifiers_share_is_one() {
    let mut all = vec![("PROXY".to_owned(), "nonsense".to_owned())];
    all.extend(configurable().flat_map(|(entry, fact)| environment(entry, &fact)));
    let names: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
    let (opened, faults) = open(&all, &names.join(","));
    assert!(opened.is_none() && faults.len() == 1, "{faults:?}");
}

#[test]
fn a_target_is_taken_or_refused_as_the_registry_says() {
    for entry in REGISTRY {
        let fact = facts::of_any(entry.name).into_iter().next();
        let all = fact.as_ref().map(|fact| environment(entry, fact)).unwrap_or_default();
        let target = fact.as_ref().map_or("", |fact| fact.target);
        let reference = format!("{}/{}", entry.name, if target.is_empty() { "target-1" } else { target });
        if entry.takes_target {
            let (opened, faults) = open(&all, &reference);
            assert_eq!(faults, [""; 0]);
            let mut opened = opened.unwrap();
            assert_eq!(opened.name, reference);
            if let Some(service) = opened.notifier.service() {
                let request = service.request(&Notification::default());
                let whole = format!("{}{}", request.url.expose(), String::from_utf8_lossy(&request.body));
                assert!(whole.contains("target-1"), "{whole}");
            }
            let said = check_names(&all, &format!("{}/ ", entry.name), "EVENT0_NOTIFIER");
            assert!(said.contains("names no target"), "{said}");
        } else {
            let said = check_names(&all, &reference, "EVENT0_NOTIFIER");
            assert!(said.contains(entry.name) && said.contains("takes no target"), "{said}");
        }
    }
}

#[test]
fn no_fault_of_the_whole_configuration_repeats_a_secret() {
    let mut all = vec![
        ("HTTP_TOKEN".to_owned(), SECRET.to_owned()),
        ("HTTP_LISTEN".to_owned(), "nowhere".to_owned()),
        ("PROXY".to_owned(), format!("socks5://u:{SECRET}@h:1")),
        // What goes wrong when a line of a file is mixed up with its neighbour.
        ("EVENT0_NOTIFIER".to_owned(), format!("https://hooks.slack.com/services/{SECRET}")),
    ];
    for (entry, fact) in configurable() {
        let broken = |(name, value): (String, String)| (name, format!(" {value} {SECRET}"));
        all.extend(environment(entry, &fact).into_iter().map(broken));
    }
    let (settings, faults) = Settings::read(all.iter().map(|(name, value)| (name.into(), value.into())));
    assert!(settings.is_none() && faults.faults.len() >= 3, "{faults:?}");
    let said = format!("{faults:?}");
    assert!(!said.contains(&SECRET[..6]), "{said}");
}

#[test]
fn a_telegram_group_that_moved_is_told_at_its_new_id_once() {
    let (entry, fact) = configurable().find(|(entry, _)| entry.name == "Telegram").unwrap();
    let mut opened = open(&environment(entry, &fact), entry.name).0.unwrap();
    let service = opened.notifier.service().unwrap();
    let request = service.request(&Notification { text: "", suffix: "", ..Notification::default() });
    let moved = |to: &str| {
        let body = format!(r#"{{"ok":false,"parameters":{{"migrate_to_chat_id":{to}}}}}"#).into_bytes();
        Answer::new(400, Vec::new(), body, Hidden::of(&request))
    };
    let Outcome::Again { reason } = service.judge(&moved("-1009")) else { panic!() };
    assert!(reason.contains("-1009") && reason.contains("-1001"), "{reason}");
    assert!(post(&fact, service, "", "").0.contains(r#""chat_id":"-1009""#));
    // To where it is already: nothing has changed, so this text is refused.
    assert_eq!(kind(&service.judge(&moved("-1009"))), "rejected");
    assert_eq!(kind(&service.judge(&moved("\"x\""))), "rejected");
}

#[test]
fn a_topic_or_a_room_that_is_none_is_named() {
    for (name, variable, bad) in [
        ("Ntfy", "NTFY_TOPIC", &["a b", "a/b", "é", "https://ntfy.sh/topic", &"x".repeat(65)][..]),
        ("Matrix", "MATRIX_ROOM", &["#alias:matrix.example", "@user:matrix.example", "!", "!a b:h"]),
    ] {
        let (entry, fact) = configurable().find(|(entry, _)| entry.name == name).unwrap();
        let all = environment(entry, &fact);
        for bad in bad {
            check_names(&with(&all, variable, bad), name, variable);
            check_names(&all, &format!("{name}/{bad}"), &format!("\"{name}/"));
        }
    }
}

#[test]
fn a_key_that_pushover_does_not_know_gives_up_no_text() {
    let (entry, fact) = configurable().find(|(entry, _)| entry.name == "Pushover").unwrap();
    let mut opened = open(&environment(entry, &fact), entry.name).0.unwrap();
    let service = opened.notifier.service().unwrap();
    for (field, says) in [("user", "user identifier is invalid"), ("token", "application token is invalid")] {
        let body = format!(r#"{{"{field}":"invalid","errors":["{says}"],"status":0}}"#);
        let outcome = super::judge(service, 400, &[], &body);
        assert_eq!(outcome, Outcome::Parked { reason: format!("400 {says}") });
    }
}

#[test]
fn discord_is_left_alone_before_it_must_say_so() {
    let (entry, fact) = configurable().find(|(entry, _)| entry.name == "Discord").unwrap();
    let mut opened = open(&environment(entry, &fact), entry.name).0.unwrap();
    let service = opened.notifier.service().unwrap();
    let mut pause = |remaining: &str, after: &str| {
        let headers = [("x-ratelimit-remaining", remaining), ("x-ratelimit-reset-after", after)];
        match super::judge(service, 204, &headers, "") {
            Outcome::Delivered { pause } => pause.map(|pause| pause.as_secs_f64()),
            outcome => panic!("{outcome:?}"),
        }
    };
    assert_eq!(pause("0", "1.5"), Some(1.5));
    assert_eq!(pause("1", "1.5"), None);
    for bad in ["", "-1", "NaN", "inf", "soon"] {
        assert_eq!(pause("0", bad), None, "{bad}");
    }
    assert_eq!(pause("0", "1e9"), Some(3600.0));
}

#[test]
fn a_discord_url_for_slacks_format_gets_it() {
    let (entry, _) = configurable().find(|(entry, _)| entry.name == "Discord").unwrap();
    for (url, is_slack) in [
        ("https://d.example/api/webhooks/1/x/slack", true),
        ("https://d.example/api/webhooks/1/x/slack/", true),
        ("https://d.example/api/webhooks/1/x/slack?thread_id=2", true),
        ("https://d.example/api/webhooks/1/x/slack/?thread_id=2", true),
        ("https://d.example/api/webhooks/1/slack/x", false),
        ("https://d.example/api/webhooks/1/x?y=/slack", false),
        ("https://d.example/api/webhooks/1/xslack", false),
    ] {
        let name = format!("{}WEBHOOK_URL", entry.prefix);
        let mut opened = open(&[(name, url.to_owned())], entry.name).0.unwrap();
        let request = opened.notifier.service().unwrap().request(&Notification {
            text: "<",
            suffix: "",
            ..Notification::default()
        });
        let body = String::from_utf8(request.body).unwrap();
        let sent = request.url.expose().to_owned();
        assert_eq!(body.starts_with(r#"{"text":"&lt;"#), is_slack, "{url}: {body}");
        assert_eq!(sent.ends_with("wait=true"), !is_slack, "{sent}");
        assert!(sent.matches('?').count() <= 1, "{sent}");
    }
}

/// What Generic2 makes of an alert, and what is said of a try to tell it to nobody.
fn generic(set: &[(&str, &str)], now: SystemTime) -> (String, Outcome) {
    let url = ("GENERIC2_WEBHOOK_URL".to_owned(), "http://127.0.0.1:1/x".to_owned());
    let set = set.iter().map(|(name, value)| (format!("GENERIC2_{name}"), (*value).to_owned()));
    let (opened, faults) = open(&set.chain([url]).collect::<Vec<_>>(), "Generic2");
    assert_eq!(faults, [""; 0]);
    let mut opened = opened.unwrap();
    let values = Values::new(|value| if value == Value::Router { "home" } else { "" }.to_owned());
    let (text, suffix, values) = ("a \"b\"", ", at: noon", Some(&values));
    let notification = Notification { text, suffix, values, id: AlertId(42), now, ..Notification::default() };
    let Request { method, headers, body, .. } = opened.notifier.service().unwrap().request(&notification);
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let request = format!("{method:?}\n{headers}\n{}", String::from_utf8(body).unwrap());
    (request, opened.notifier.deliver(&notification))
}

#[test]
fn a_generic_request_is_what_its_variables_say() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_249_755);
    let check = |set, expected| assert_eq!(generic(set, now).0, expected);
    check(&[], "Post\n\n{\"text\":\"a \\\"b\\\", at: noon\"}");
    check(
        &[("SECRET", "hunter2")],
        "Post\nx-hub-signature-256: sha256=8ef59073e002f276de82447e3b11f892ac8d3e0c4cccf964d870a13ef70a5fe9\n\n\
         {\"text\":\"a \\\"b\\\", at: noon\"}",
    );
    check(
        &[
            ("METHOD", "PATCH"),
            ("HEADERS", r#"{"X-Key":"k"}"#),
            ("BODY", r#"{"who":"@{title}","said":"@{text}"}"#),
            ("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ],
        "Patch\nX-Key: k\nwebhook-id: msg_000000000000002a\nwebhook-timestamp: 1795249755\n\
         webhook-signature: v1,I4Z8SvRdpkrB1bWEwIzp9eynY3yw4Xi//MH+owh+Bh8=\n\n\
         {\"who\":\"home\",\"said\":\"a \\\"b\\\", at: noon\"}",
    );
}

#[test]
fn a_time_is_not_signed_before_the_clock_is_set() {
    let boot = SystemTime::UNIX_EPOCH + Duration::from_secs(12);
    let said = |secret, now| reason(generic(&[("SECRET", secret)], now).1);
    assert_eq!(
        said("whsec_aHVudGVyMg==", boot),
        "the clock is not set, and the signature has the time in it"
    );
    assert_eq!(said("whsec_aHVudGVyMg==", SystemTime::now()), "connection refused");
    assert_eq!(said("hunter2", boot), "connection refused");
}

#[test]
fn a_teams_format_that_is_none_is_named() {
    let (entry, fact) = configurable().find(|(entry, _)| entry.name == "Teams").unwrap();
    let all = environment(entry, &fact);
    for bad in ["Card", "markdown", " "] {
        check_names(&with(&all, "TEAMS_FORMAT", bad), entry.name, "TEAMS_FORMAT");
    }
}

#[test]
fn each_configured_notifier_is_opened_once_and_console_if_there_is_none() {
    let names = crate::settings::variables();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let configured = |environment: Vec<(String, String)>| {
        let mut faults = Faults::default();
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into()));
        let vars =
            Vars::read(environment, &known, &|_| Err(std::io::ErrorKind::NotFound.into()), &mut faults);
        let mut destinations = Destinations::new(&vars);
        let ids = destinations.configured(&mut faults);
        assert_eq!(ids, destinations.configured(&mut faults));
        assert_eq!(ids, (0..ids.len()).map(DestinationId).collect::<Vec<_>>());
        destinations.names()
    };
    assert_eq!(configured(Vec::new()), ["Console"]);
    let all = configurable().flat_map(|(entry, fact)| environment(entry, &fact)).collect();
    assert_eq!(configured(all), configurable().map(|(entry, _)| entry.name).collect::<Vec<_>>());
}
