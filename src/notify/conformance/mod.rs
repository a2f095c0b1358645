//! What must be true of every service, asked of each row of the registry.
//!
//! Loops over [`REGISTRY`], so that a service that is added is tested, or fails
//! for want of a row in [`facts`]. It looks at the pure part of a service, a
//! request described and an answer judged, with no socket anywhere; what is
//! sent and read is tested where that is done, in [`super::http`].

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::destinations::Destination;
use super::http::{Answer, Hidden, Service};
use super::{Destinations, Entry, Notification, Outcome, REGISTRY};
use crate::alert::Priority;
use crate::settings;
use crate::vars::{Faults, Vars};

mod email;
mod encrypted;
mod facts;
mod reader;
mod setup;
mod simplex;

use facts::{Fact, SECRET};

const SUFFIX: &str = ", at: 2026-11-21 08:29:15 <&>";

/// Opens what `reference` names in an environment; what was opened, and the faults.
fn open(environment: &[(String, String)], reference: &str) -> (Option<Destination>, Vec<String>) {
    let mut faults = Faults::default();
    let names = settings::variables();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    let vars = Vars::read(environment, &known, &|_| Err(std::io::ErrorKind::NotFound.into()), &mut faults);
    let mut destinations = Destinations::new(&vars);
    destinations.resolve_list("EVENT0_NOTIFIER", reference, &mut faults);
    (destinations.into_open().pop(), faults.faults)
}

fn environment(entry: &Entry, fact: &Fact) -> Vec<(String, String)> {
    let full = |(name, value): &(&str, &str)| (format!("{}{name}", entry.prefix), (*value).to_owned());
    fact.environment.iter().map(full).collect()
}

/// Every service, in each format it has.
fn each(check: impl Fn(&Fact, &mut dyn Service)) {
    for entry in REGISTRY {
        for fact in facts::of(entry.name) {
            let (mut opened, faults) = open(&environment(entry, &fact), entry.name);
            assert_eq!(faults, [""; 0], "{}", entry.name);
            check(&fact, opened.as_mut().unwrap().notifier.service().unwrap());
        }
    }
}

/// The body as it is sent, and the text in it; all else is as the service wants it.
#[track_caller]
fn post(fact: &Fact, service: &dyn Service, text: &str, suffix: &str) -> (String, String) {
    let request = service.request(&Notification { text, suffix, ..Notification::default() });
    assert_eq!((request.method, request.url.expose()), (fact.method, fact.url));
    // A signature is another for each body.
    let headers = request.headers.iter().map(|(name, value)| (&**name, &**value));
    let headers: Vec<_> = headers.filter(|(name, _)| *name != "x-hub-signature-256").collect();
    assert_eq!(headers, fact.headers);
    let body = String::from_utf8(request.body).unwrap();
    let text = (fact.read)(&body);
    let text = text.pointer(fact.text).and_then(Value::as_str).unwrap().to_owned();
    (body, text)
}

/// The service's word on an answer to a request of its own.
fn judge(service: &mut dyn Service, status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
    let request = service.request(&Notification { text: "text", suffix: SUFFIX, ..Notification::default() });
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let answer = Answer::new(status, headers.collect(), body.as_bytes().to_vec(), Hidden::of(&request));
    service.judge(&answer)
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::TooFast { .. } => "too fast",
        Outcome::Failed { .. } => "failed",
        Outcome::Again { .. } => "again",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Parked { .. } => "parked",
    }
}

fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Delivered { .. } => String::new(),
        Outcome::TooFast { reason, .. }
        | Outcome::Failed { reason }
        | Outcome::Again { reason }
        | Outcome::Rejected { reason }
        | Outcome::Parked { reason } => reason,
    }
}

/// Text that has broken somebody's notifier before.
fn hostile() -> Vec<String> {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut texts = vec![String::from_utf8_lossy(&bytes).into_owned()];
    let plain = [
        "",
        "\0",
        "\"\\\"\\\\ \\n \\u0041 {\"a\":[1]} \r\n\t\u{7f}\u{85}\u{2028}\u{2029}",
        "<!channel> <@U1> <#C1|x> <http://e.vil|good> &lt;!here&gt; &amp;amp; & &#60; &nbsp;",
        "@everyone @here <@1> <@&2> [x](http://e.vil) ![x](http://e.vil) [x]: http://e.vil",
        "*a* _b_ __c__ **d** ~~e~~ `f` ```g``` ||h|| a_b_c * _ ~ ` [] () ]( \\* \\_ \\[ \\]\\(",
        "# a\n## b\n- c\n+ d\n* e\n1. f\n2) g\n> h\n---\n===\n   - i\n\r- j\n\n\n|k|l|\n|-|-|\n1.\n-",
        "</script><script>alert(1)</script> <b>x</b> <at>y</at> {{DATE(2017-02-14T06:08:39Z)}} ${z} %s %n",
        "😀 👨‍👩‍👧 \u{202e}txet\u{202c} \u{200b} \u{feff} \u{fffd} \u{10ffff} é e\u{301}",
        "from 192.168.88.17 (a-b), user_name \"x\": 100% = 5/60s; DROP TABLE 'alerts';--",
    ];
    texts.extend(plain.map(str::to_owned));
    // Each special character at the beginning, in a word, and at the end.
    texts.extend((' '..='~').map(|c| format!("{c}a{c}b {c} {c}{c}\n{c} d{c}")));
    texts
}

#[test]
fn every_service_over_http_has_its_facts_and_every_fact_a_service() {
    for entry in REGISTRY {
        let fact = facts::of_any(entry.name).into_iter().next();
        let all = fact.map(|fact| environment(entry, &fact)).unwrap_or_default();
        let (opened, _) = open(&all, entry.name);
        let over_http = opened.is_none_or(|mut opened| opened.notifier.service().is_some());
        assert_eq!(facts::of(entry.name).is_empty(), !over_http, "{}", entry.name);
    }
    for fact in facts::all() {
        let plain = fact.name.trim_end_matches('n');
        assert!(REGISTRY.iter().any(|entry| entry.name.starts_with(plain)), "{}", fact.name);
    }
}

#[test]
fn hostile_text_arrives_as_it_is_and_does_nothing() {
    each(|fact, service| {
        for text in hostile() {
            for suffix in [SUFFIX, ""] {
                let (body, posted) = post(fact, service, &text, suffix);
                assert_eq!((fact.shown)(&posted), format!("{text}{suffix}"), "{}", fact.name);
                let mut around = (fact.read)(&body);
                *around.pointer_mut(fact.text).unwrap() = "".into();
                assert_eq!(around, (fact.body)(), "{}", fact.name);
            }
        }
    });
}

#[test]
fn each_priority_is_said_as_the_service_says_it() {
    each(|fact, service| {
        for (_, priority) in Priority::NAMES {
            let notification = Notification { text: "text", priority, ..Notification::default() };
            let request = service.request(&notification);
            let mut body = (fact.read)(std::str::from_utf8(&request.body).unwrap());
            *body.pointer_mut(fact.text).unwrap() = "".into();
            let mut expected = (fact.body)();
            let changed = (fact.priorities)(priority);
            // Alertmanager takes a list of alerts, and has it among the labels.
            let place = if expected.is_array() { "/0/labels" } else { "" };
            let object = expected.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
            object.extend(changed.as_object().unwrap().clone());
            assert_eq!(body, expected, "{priority:?} of {}", fact.name);
            let is_changed = expected != (fact.body)();
            assert!(priority != Priority::Normal || !is_changed, "{}", fact.name);
        }
    });
}

#[test]
fn a_text_that_is_too_long_is_cut_where_the_service_counts_to() {
    let alphabets = ["a", "é", "€", "😀", "\"", "\\", "<", "&", "*", "\n", "\0", "\u{7f}", ".", "a😀é<*\n"];
    each(|fact, service| {
        let Some(limit) = &fact.limit else { return };
        for alphabet in alphabets {
            let text = alphabet.repeat(limit.max);
            let (body, posted) = post(fact, service, &text, SUFFIX);
            let count = (limit.count)(&body, &posted);
            assert!(count <= limit.max, "{count} of {alphabet:?} for {}", fact.name);
            let shown = (fact.shown)(&posted);
            let kept = shown.strip_suffix(SUFFIX).and_then(|shown| shown.strip_suffix('…')).unwrap();
            assert!(text.starts_with(kept), "{alphabet:?} for {}", fact.name);
            // Not much is given away for the sake of a simple count.
            assert!(count >= limit.max / 5, "{count} of {alphabet:?} for {}", fact.name);
        }
        let (body, posted) = post(fact, service, &"a".repeat(limit.max), SUFFIX);
        assert!((limit.count)(&body, &posted) >= limit.max / 5 * 4, "{}", fact.name);
        let kept = (fact.shown)(&posted).chars().filter(|c| *c == 'a').count() - SUFFIX.matches('a').count();
        // A suffix that is too long itself, and an end at each place around the longest that is whole.
        let (body, posted) = post(fact, service, "a", &"b".repeat(limit.max));
        assert!((limit.count)(&body, &posted) <= limit.max && posted == "a…", "{}", fact.name);
        let mut whole = 0;
        for length in kept - 5..kept + 10 {
            let text = "a".repeat(length);
            let (body, posted) = post(fact, service, &text, SUFFIX);
            assert!((limit.count)(&body, &posted) <= limit.max);
            let is_whole = (fact.shown)(&posted) == format!("{text}{SUFFIX}");
            assert_ne!(is_whole, posted.contains('…'), "{length} for {}", fact.name);
            whole += usize::from(is_whole);
        }
        assert!((1..15).contains(&whole), "{whole} for {}", fact.name);
    });
}

#[test]
fn a_service_without_a_limit_gets_all_of_it() {
    each(|fact, service| {
        if fact.limit.is_none() {
            let text = "é".repeat(1 << 20);
            assert_eq!(post(fact, service, &text, SUFFIX).1, format!("{text}{SUFFIX}"));
        }
    });
}

#[test]
fn an_answer_means_the_same_whoever_gives_it() {
    let table: [(&str, &[u16]); 4] = [
        ("too fast", &[429]),
        ("failed", &[408, 425, 500, 502, 503, 504, 520, 302, 303, 307, 304]),
        ("parked", &[401, 403, 404, 410, 301, 308]),
        ("rejected", &[400, 402, 405, 406, 409, 413, 415, 422, 451]),
    ];
    each(|fact, service| {
        for (status, body) in fact.taken {
            let outcome = judge(service, *status, &[], body);
            assert_eq!(kind(&outcome), "delivered", "{status} {body} of {}", fact.name);
        }
        for (status, body) in fact.not_taken {
            let outcome = judge(service, *status, &[], body);
            assert_eq!(kind(&outcome), "failed", "{status} {body} of {}", fact.name);
        }
        // Whatever the body says: even what it says when it takes a text.
        let bodies = fact.taken.iter().map(|(_, body)| *body).chain(["", fact.error, "\0<html>", "[[[[{"]);
        for body in bodies {
            for (expected, statuses) in table {
                for status in statuses {
                    let outcome = judge(service, *status, &[], body);
                    assert_eq!(kind(&outcome), expected, "{status} {body} of {}", fact.name);
                }
            }
        }
    });
}

#[test]
fn each_service_asks_in_its_own_way_to_be_left_alone() {
    let wait = |service: &mut dyn Service, headers: &[(&str, &str)], body: &str| match judge(
        service, 429, headers, body,
    ) {
        Outcome::TooFast { wait, .. } => wait,
        outcome => panic!("{outcome:?}"),
    };
    each(|fact, service| {
        for (headers, body, seconds) in fact.slow_down {
            let expected = Some(Duration::from_secs_f64(*seconds));
            assert_eq!(wait(service, headers, body), expected, "{headers:?} {body} of {}", fact.name);
        }
        // Common to all: a header with seconds or a date; no other number is a wait.
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(600));
        let told = wait(service, &[("retry-after", &date)], "").unwrap();
        assert!((590..=600).contains(&told.as_secs()), "{told:?}");
        assert_eq!(wait(service, &[("retry-after", "0")], ""), Some(Duration::ZERO));
        for bad in ["", "-1", "NaN", "-inf", "soon"] {
            assert_eq!(wait(service, &[("retry-after", bad)], ""), None, "{bad}");
        }
        assert_eq!(wait(service, &[], ""), None);
        let body = r#"{"retry_after":1e9,"parameters":{"retry_after":1e9}}"#;
        for told in [wait(service, &[], body), wait(service, &[("retry-after", "1000000000")], "")] {
            assert!(told.is_none_or(|told| told <= Duration::from_secs(3600)), "{told:?}");
        }
    });
}

#[test]
fn nothing_that_we_say_holds_a_secret() {
    each(|fact, service| {
        let request =
            service.request(&Notification { text: "text", suffix: SUFFIX, ..Notification::default() });
        assert!(!format!("{request:?}").contains(SECRET), "{}", fact.name);
        let url = fact.url;
        let path = url.splitn(4, '/').last().unwrap();
        let parts = path.split(['/', '?', '&', '=']).filter(|part| part.contains(SECRET));
        let mut echoes = vec![url.to_owned(), format!("/{path}"), path.replace('&', "&amp;")];
        echoes.push(path.replace('/', r"\/"));
        echoes.push(format!("Cannot POST /{}", path.split('?').next().unwrap_or_default()));
        echoes.extend(parts.map(str::to_owned));
        // A server may show all that it was sent, and not only where; or what else it knows.
        let headers = request.headers.iter();
        echoes.extend(headers.flat_map(|(name, value)| [value.clone(), format!("{name}: {value}")]));
        echoes.push(String::from_utf8(request.body).unwrap());
        echoes.extend(fact.environment.iter().map(|(_, value)| (*value).to_owned()));
        // Where the cut would come, a beginning must not be left either.
        echoes.extend((0..90).step_by(3).map(|n| format!("{}{url}", "x".repeat(n))));
        for echo in echoes {
            for body in [echo.clone(), fact.error.replace('@', &echo.replace('\\', r"\\"))] {
                for status in [200, 302, 301, 400, 401, 404, 413, 429, 500] {
                    let outcome = judge(service, status, &[("location", url)], &body);
                    let said = format!("{outcome:?}");
                    assert!(!said.contains(&SECRET[..6]), "{said} of {}", fact.name);
                }
            }
        }
    });
}

#[test]
fn what_a_service_says_is_one_short_line() {
    each(|fact, service| {
        let says = format!("no such chat {}", "\\u001b[31m\\r\\n".repeat(50));
        let said = reason(judge(service, 400, &[], &fact.error.replace('@', &says)));
        assert!(said.starts_with("400 ") && said.contains("no such chat"), "{said}");
        assert!(said.chars().count() <= 90 && !said.chars().any(char::is_control), "{said:?}");
    });
}
