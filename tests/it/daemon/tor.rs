//! Through Tor, and about Tor: who asks its proxy for what, and what the real one says at its control port.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alertik::figures::tor::FAMILIES;
use regex::Regex;

use super::LOGIN_FAILURE;
use super::metrics::{metrics, promtool, series};
use crate::support::daemon::{Daemon, run};
use crate::support::elsewhere::{alone, faketime, serve_name};
use crate::support::proxy::Proxy;
use crate::support::recorder::Recorder;
use crate::support::server::Server;
use crate::support::smtp::ScriptedServer;
use crate::support::tor::{Tor, hashed};
use crate::support::variables::Variables;
use crate::support::{TempFolder, Watched, skip};

/// Nobody but Tor knows it.
const ONION: &str = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion";

#[test]
fn each_notifier_says_a_name_of_its_own_to_the_proxy() {
    let recorder = Recorder::start();
    let tor = Proxy::socks_with_names(recorder.address());
    let by_hand = Proxy::socks_with_names(recorder.address());
    let variables = Variables::new()
        .with("PROXY", format!("socks5h://{}", tor.address()))
        .with("TELEGRAM_BOT_TOKEN", "123456:token")
        .with("TELEGRAM_CHAT_ID", "42")
        .with("TELEGRAM_API_URL", "http://telegram.invalid")
        .with("GENERIC1_WEBHOOK_URL", format!("http://{ONION}/1"))
        .with("GENERIC2_WEBHOOK_URL", format!("http://{ONION}/2"))
        .with("GENERIC3_WEBHOOK_URL", "http://hooks.invalid/3")
        .with("GENERIC3_PROXY", format!("socks5h://me:mine@{}", by_hand.address()))
        .with("HEARTBEAT_URL", "http://hc.invalid/4")
        .with("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector.invalid/5");
    let daemon = Daemon::start(&variables.substr("Telegram,Generic1,Generic2,Generic3", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    recorder.wait_for(6);
    let asked = |name: &str, who: &str| (format!("{name}:80"), Some(format!("{who}:alertik")));
    let expected = [
        asked(ONION, "generic1"),
        asked(ONION, "generic2"),
        asked("collector.invalid", "otel"),
        asked("hc.invalid", "heartbeat"),
        asked("telegram.invalid", "telegram"),
    ];
    assert_eq!(tor.asked_by(), expected);
    assert_eq!(by_hand.asked_by(), [("hooks.invalid:80".to_owned(), Some("me:mine".to_owned()))]);
}

#[test]
fn what_goes_through_a_proxy_is_never_looked_up_here() {
    alone("daemon::tor::what_goes_through_a_proxy_is_never_looked_up_here", || {
        let (recorder, beside) = (Recorder::start(), Recorder::start());
        // On this machine nobody can be asked for a name but this one.
        let looked_up = serve_name("beside.example", Ipv4Addr::LOCALHOST);
        let tor = Proxy::socks_with_names(recorder.address());
        let variables = Variables::new()
            .with("PROXY", format!("socks5h://{}", tor.address()))
            .with("GENERIC1_WEBHOOK_URL", format!("http://{ONION}/1"))
            .with("GENERIC2_WEBHOOK_URL", "http://hooks.example/2");
        let daemon = Daemon::start(&variables.substr("Generic1,Generic2", "login", "x"));
        daemon.send(LOGIN_FAILURE);
        recorder.wait_for(2);
        let mut asked = tor.asked();
        asked.sort();
        assert_eq!(asked, [format!("{ONION}:80"), "hooks.example:80".to_owned()]);
        drop(daemon);
        assert_eq!(looked_up.look(Vec::clone), Vec::<String>::new());
        // And this is how one is seen that is.
        let url = format!("http://beside.example:{}/3", beside.address().port());
        let variables = Variables::new().with("GENERIC3_WEBHOOK_URL", url);
        let daemon = Daemon::start(&variables.substr("Generic3", "login", "x"));
        daemon.send(LOGIN_FAILURE);
        beside.wait_for(1);
        assert!(looked_up.look(|all| all.iter().any(|name| name == "beside.example")));
    });
}

/// A relay that nobody hears of, with a budget.
const RELAY: [&str; 8] = [
    // Nobody listens there, with the network disabled.
    "ORPort 127.0.0.1:9001",
    "AssumeReachable 1",
    "PublishServerDescriptor 0",
    "Nickname alertiktest",
    "AccountingMax 1 GByte",
    "RelayBandwidthRate 100 KBytes",
    "RelayBandwidthBurst 200 KBytes",
    "CookieAuthentication 1",
];

fn of_tor(text: &str) -> BTreeSet<&str> {
    series(text).into_keys().filter(|series| series.starts_with("tor_")).collect()
}

/// What every Tor tells, relay or not: as prometheus-tor_exporter shows it, and `tor_up`.
fn of_every_tor(nickname: &str, version: &str) -> BTreeSet<String> {
    let mut expected: BTreeSet<String> = [
        "tor_up",
        "tor_written_bytes",
        "tor_read_bytes",
        "tor_version_status{version_status=\"unknown\"}",
        "tor_network_liveness",
        "tor_reachable{port=\"OR\"}",
        "tor_reachable{port=\"DIR\"}",
        "tor_circuit_established",
        "tor_dormant",
        "tor_effective_rate",
        "tor_effective_burst_rate",
        "tor_connection_count",
        "tor_uptime",
    ]
    .map(str::to_owned)
    .into();
    expected.insert(format!("tor_nickname{{nickname=\"{nickname}\"}}"));
    expected.insert(format!("tor_version{{version=\"{version}\"}}"));
    for flag in [
        "Authority",
        "BadExit",
        "Exit",
        "Fast",
        "Guard",
        "HSDir",
        "NoEdConsensus",
        "Stable",
        "Running",
        "Valid",
        "V2Dir",
    ] {
        expected.insert(format!("tor_flags{{flag=\"{flag}\"}}"));
    }
    expected
}

/// The value of the label in a line of the metrics.
#[track_caller]
fn label<'t>(text: &'t str, start: &str) -> &'t str {
    let found = text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("{text}"));
    found.split('"').next().unwrap()
}

#[track_caller]
fn strs(texts: &BTreeSet<String>) -> BTreeSet<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Those that are served by `tor` alone.
fn variables(tor: &str) -> Variables {
    Variables::new().with("TOR_CONTROL", tor).with("SELF_NOTIFIER", "Console")
}

#[test]
fn a_tor_without_authentication_tells_what_the_exporter_tells_of_a_client() {
    let Some(tor) = Tor::start(&[]) else { return };
    let daemon = Daemon::start(&variables(&tor.port()));
    // The first scrape waits for the first reading.
    let text = metrics(&daemon, &["tor_up 1"]);
    let expected = of_every_tor("Unnamed", label(&text, "tor_version{version=\""));
    assert_eq!(of_tor(&text), strs(&expected));
    for line in ["tor_circuit_established 0", "tor_network_liveness 0", "tor_effective_rate 1073741824"] {
        assert!(text.contains(&format!("\n{line}\n")), "no {line} in {text}");
    }
    // Ours is the only connection there is.
    assert!(text.contains("\ntor_connection_count 1\n"), "{text}");
    assert!(!text.contains("TYPE tor_up counter") && text.contains("# TYPE tor_read_bytes gauge"));
    daemon.wait_for_log("tor answers", &[("address", &tor.port())]);
}

#[test]
fn a_relay_tells_its_fingerprint_and_its_accounting_to_who_reads_its_cookie() {
    let Some(tor) = Tor::start(&RELAY) else { return };
    // By the socket.
    let daemon = Daemon::start(&variables(&tor.socket()));
    let text = metrics(&daemon, &["tor_up 1"]);
    let mut expected = of_every_tor("alertiktest", label(&text, "tor_version{version=\""));
    let written = std::fs::read_to_string(tor.folder.path("data/fingerprint")).unwrap();
    let fingerprint = written.trim().strip_prefix("alertiktest ").unwrap();
    expected.insert(format!("tor_fingerprint{{fingerprint=\"{fingerprint}\"}}"));
    for name in ["read_bytes", "left_read_bytes", "read_limit_bytes"] {
        expected.insert(format!("tor_accounting_{name}"));
        expected.insert(format!("tor_accounting_{}", name.replace("read", "write")));
    }
    assert_eq!(of_tor(&text), strs(&expected));
    for line in [
        "tor_effective_rate 102400",
        "tor_effective_burst_rate 204800",
        "tor_accounting_read_limit_bytes 1073741824",
        "tor_accounting_write_bytes 0",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "no {line} in {text}");
    }
    // It is the exporter's name, though no other gauge should end so.
    let rest: Vec<_> = text.lines().filter(|line| !line.contains("tor_connection_count")).collect();
    if let Some(words) = promtool(&["metrics"], format!("{}\n", rest.join("\n")).as_bytes()) {
        assert_eq!(words, "", "{text}");
    }
}

#[test]
fn a_password_opens_the_port_and_a_wrong_one_is_said_to_be_wrong_and_not_shown() {
    let Some(hash) = hashed("s3cr3t \"word\"") else { return skip("there is no tor") };
    let Some(tor) = Tor::start(&[&format!("HashedControlPassword {hash}"), "CookieAuthentication 1"]) else {
        return;
    };
    let with = |password: &str| variables(&tor.port()).with("TOR_CONTROL_PASSWORD", password);
    let daemon = Daemon::start(&with("s3cr3t \"word\""));
    metrics(&daemon, &["tor_up 1"]);
    let ended = daemon.stop("TERM");
    assert!(!ended.whole().contains("s3cr3t"), "{}", ended.whole());
    let daemon = Daemon::start(&with("not the s3cr3t"));
    let text = metrics(&daemon, &["tor_up 0"]);
    assert_eq!(of_tor(&text), BTreeSet::from(["tor_up"]));
    daemon.wait_for_log("tor does not answer", &[("reason", "it does not take TOR_CONTROL_PASSWORD")]);
    let ended = daemon.stop("TERM");
    assert!(!ended.whole().contains("s3cr3t"), "{}", ended.whole());
    // Without one, the cookie will do.
    let daemon = Daemon::start(&variables(&tor.port()));
    metrics(&daemon, &["tor_up 1"]);
}

/// What answers as a control port does, to each line with these before its `OK`.
fn control_port(said: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    Server::start(move |connection| {
        let mut answers = connection.try_clone().unwrap();
        for question in BufReader::new(connection).lines().map_while(Result::ok) {
            if write!(answers, "{}250 OK\r\n", said(&question)).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_cookie_is_shown_to_a_tor_that_asks_for_it_and_not_to_one_that_should_know_it() {
    let folder = TempFolder::new();
    let cookie = folder.write("cookie", [0x5a; 32]);
    let check = |methods: &'static str| {
        let (asked, cookie) = (Arc::<Watched<Vec<String>>>::default(), cookie.clone());
        let kept = Arc::clone(&asked);
        let port = control_port(move |question| {
            kept.change(|all| all.push(question.to_owned()));
            match question {
                "PROTOCOLINFO 1" => format!("250-AUTH METHODS={methods} COOKIEFILE=\"{cookie}\"\r\n"),
                question if question.starts_with("AUTHCHALLENGE ") => {
                    let guess = "00".repeat(32);
                    format!("250-AUTHCHALLENGE SERVERHASH={guess} SERVERNONCE={guess}\r\n")
                }
                _ => String::new(),
            }
        });
        (Daemon::start(&variables(&port.address.to_string())), asked, port)
    };
    let shown = format!("AUTHENTICATE {}", "5a".repeat(32));
    // As one from before 2012.
    let (daemon, asked, _port) = check("COOKIE");
    metrics(&daemon, &["tor_up 1"]);
    assert!(asked.look(|all| all.contains(&shown)));
    let (daemon, asked, _port) = check("COOKIE,SAFECOOKIE");
    metrics(&daemon, &["tor_up 0"]);
    daemon.wait_for_log("tor does not answer", &[("reason", "it does not know its own cookie")]);
    assert!(asked.look(|all| all.iter().all(|question| !question.starts_with("AUTHENTICATE"))));
}

#[test]
fn a_cookie_that_cannot_be_read_and_a_password_that_is_missing_are_named() {
    let Some(hash) = hashed("x") else { return skip("there is no tor") };
    let check = |settings: &[&str], words: &str| {
        let Some(tor) = Tor::start(settings) else { return };
        let _ = std::fs::remove_file(tor.folder.path("data/control_auth_cookie"));
        let daemon = Daemon::start(&variables(&tor.port()));
        let said = daemon.wait_for_log("tor does not answer", &[]);
        assert!(said.value("reason").unwrap().starts_with(words), "{said:?}");
        assert_eq!(of_tor(&metrics(&daemon, &["tor_up 0"])), BTreeSet::from(["tor_up"]));
    };
    check(
        &["CookieAuthentication 1"],
        "the cookie cannot be read (let alertik read it, or set TOR_CONTROL_PASSWORD): ",
    );
    check(&[&format!("HashedControlPassword {hash}")], "it wants a password: set TOR_CONTROL_PASSWORD");
}

#[test]
fn a_collector_is_told_what_tor_said_last() {
    let Some(tor) = Tor::start(&[]) else { return };
    let collector = Recorder::start();
    let variables = variables(&tor.port())
        .with("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", collector.url("/metrics"))
        .with("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .with("HTTP_LISTEN", "off");
    let daemon = Daemon::start(&variables);
    daemon.wait_for_log("tor answers", &[]);
    // One may have been under way.
    let next = collector.received().len() + 2;
    let body = collector.wait_for(next)[next - 1].body.clone();
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains(r#""name":"tor_circuit_established""#) && body.contains(r#""tor_up""#), "{body}");
}

#[test]
fn a_tor_that_restarts_is_found_again_and_one_that_is_gone_is_down() {
    let Some(mut tor) = Tor::start(&[]) else { return };
    let daemon = Daemon::start(&variables(&tor.socket()));
    metrics(&daemon, &["tor_up 1"]);
    tor.kill();
    let text = metrics(&daemon, &["tor_up 0"]);
    assert_eq!(of_tor(&text), BTreeSet::from(["tor_up"]));
    tor.start_again();
    metrics(&daemon, &["tor_up 1"]);
}

#[test]
fn what_is_no_control_port_is_said_to_be_none() {
    let other = ScriptedServer::start(&["HTTP/1.1 400 Bad Request", "x"]);
    let daemon = Daemon::start(&variables(&other.address().to_string()));
    metrics(&daemon, &["tor_up 0"]);
    daemon.wait_for_log("tor does not answer", &[("reason", "what answers is no control port")]);
    // Who is not asked is not there at all.
    let daemon = Daemon::start(&Variables::new());
    assert_eq!(of_tor(&metrics(&daemon, &[])), BTreeSet::new());
}

#[test]
fn a_port_that_says_nothing_holds_a_scrape_for_two_seconds_and_no_longer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let daemon = Daemon::start(&variables(&silent.local_addr().unwrap().to_string()));
    let started = std::time::Instant::now();
    let text = metrics(&daemon, &[]);
    assert!(started.elapsed() >= std::time::Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(started.elapsed() < std::time::Duration::from_secs(9), "{:?}", started.elapsed());
    // Nobody knows yet.
    assert_eq!(of_tor(&text), BTreeSet::new());
}

#[test]
fn five_minutes_without_a_circuit_are_told_and_so_is_their_end() {
    let library = match faketime() {
        Ok(library) => library,
        Err(why) => return skip(&why),
    };
    // No tor without a network has a circuit, so this is none.
    let has_circuit = Arc::<AtomicBool>::default();
    let says = Arc::clone(&has_circuit);
    let port = control_port(move |question| match question {
        "PROTOCOLINFO 1" => "250-AUTH METHODS=NULL\r\n".to_owned(),
        "GETINFO status/circuit-established" => {
            format!("250-status/circuit-established={}\r\n", u8::from(says.load(Ordering::Relaxed)))
        }
        "GETINFO dormant" => "250-dormant=0\r\n".to_owned(),
        _ => String::new(),
    });
    let recorder = Recorder::start();
    let variables =
        variables(&port.address.to_string()).generic(1, &recorder).with("SELF_NOTIFIER", "Generic1");
    // Its minutes are two of our seconds, and its ten seconds, which an attempt may take, still a third of one.
    let mut faster = std::process::Command::new("env");
    faster.args([&format!("LD_PRELOAD={library}"), "FAKETIME=+0 x30"]);
    let _daemon = Daemon::start_under(faster, &variables);
    let out = "alertik: Tor has been able to build no circuit for 5 minutes: ";
    recorder.wait_for_text(|text| text.starts_with(out));
    has_circuit.store(true, Ordering::Relaxed);
    recorder.wait_for_text(|text| text.starts_with("alertik: Tor can build circuits again."));
}

#[test]
fn every_metric_of_tor_is_documented_and_no_other() {
    let page = include_str!("../../../docs/CONFIGURATION.md");
    let name = Regex::new(r"`(tor_[a-z_]+)`").unwrap();
    let documented: BTreeSet<&str> =
        name.captures_iter(page).map(|found| found.extract::<1>().1[0]).collect();
    let there: BTreeSet<&str> = FAMILIES.iter().map(|(name, ..)| *name).chain(["tor_up"]).collect();
    assert_eq!(there, documented);
}

#[test]
fn check_says_what_is_asked() {
    let folder = TempFolder::new();
    let password = folder.write("password", "s3cr3t\n");
    let given = variables("127.0.0.1:9051").with("TOR_CONTROL_PASSWORD_FILE", password);
    let checked = run(&["check"], &given);
    assert_eq!(checked.code, Some(0));
    let expected =
        "Tor is asked at 127.0.0.1:9051 how it fares, with TOR_CONTROL_PASSWORD (hidden) if it wants one";
    assert!(checked.stdout.iter().any(|line| line == expected), "{}", checked.whole());
    assert!(!checked.whole().contains("s3cr3t"));
    let wrong = run(&["check"], &variables("tor:9051"));
    assert_eq!(wrong.code, Some(78));
    assert!(wrong.whole().contains("TOR_CONTROL: \"tor:9051\" is no control port"), "{}", wrong.whole());
}
