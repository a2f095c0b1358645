//! On a router that has just started, and has little of anything: no name server yet,
//! no route, the wrong date, and flash that is not to be worn out.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use alertik::timestamp::Zone;

use super::{LOGIN_FAILURE, is_time, without_time};
use crate::support::TempFolder;
use crate::support::authority::{Authority, Validity};
use crate::support::daemon::{Daemon, get};
use crate::support::elsewhere::{Trace, alone, faketime, serve_name, shell};
use crate::support::recorder::{Answer, Recorder};
use crate::support::skip;
use crate::support::variables::Variables;

/// Waits until delivery has failed for a reason with these words.
#[track_caller]
fn wait_for_reason(daemon: &Daemon, words: &str) {
    let is_reason = |line: &str| line.starts_with("WARN delivery postponed ") && line.contains(words);
    daemon.wait_for_line(is_reason);
}

#[test]
fn without_name_server_and_route_it_starts_and_delivers_when_they_come() {
    alone("daemon::small::without_name_server_and_route_it_starts_and_delivers_when_they_come", || {
        let service = Ipv4Addr::new(192, 0, 2, 1);
        let variables = Variables::new().with("GENERIC1_WEBHOOK_URL", "http://hooks.example/x");
        let daemon = Daemon::start(&variables.substr("Generic1", "login", "told"));
        daemon.send(LOGIN_FAILURE);
        wait_for_reason(&daemon, "the name was not found (DNS)");

        serve_name("hooks.example", service);
        std::fs::write("/etc/resolv.conf", "nameserver 127.0.0.1\n").unwrap();
        wait_for_reason(&daemon, "no route to the host");

        shell(&format!("ip address add {service}/32 dev lo"));
        let recorder = Recorder::at((service, 80));
        assert_eq!(without_time(&recorder.wait_for(1)[0].text()), "told");
        let ended = daemon.stop("TERM");
        assert_eq!(ended.logged("deliveries")[0].figure("delivered"), 1, "{}", ended.whole());
    });
}

#[test]
fn in_1970_tls_fails_for_the_clock_and_the_alert_waits_until_it_is_set() {
    let library = match faketime() {
        Ok(library) => library,
        Err(why) => return skip(&why),
    };
    let (authority, clock) = (Authority::new(), TempFolder::new());
    let recorder = Recorder::over_tls(authority.server("127.0.0.1", Validity::Now));
    let variables = Variables::new()
        .generic(1, &recorder)
        .with("TLS_CA_FILE", authority.ca_file())
        .with("ALERT_EXPIRE", "1h")
        .with("LD_PRELOAD", library)
        .with("FAKETIME_TIMESTAMP_FILE", clock.write("clock", "@1970-01-01 00:00:10"))
        .with("FAKETIME_NO_CACHE", "1")
        // Only the clock on the wall is wrong.
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with("DONT_FAKE_MONOTONIC", "1");
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "sealed at @{time}"));
    let sent = SystemTime::now();
    daemon.send(LOGIN_FAILURE);
    wait_for_reason(&daemon, "TLS: the clock is not set: it says 1970-01-01");
    assert_eq!(recorder.received().len(), 0);

    // As a whole, or half a date could be read.
    std::fs::rename(clock.write("new", "+0"), clock.path("clock")).unwrap();
    let text = recorder.wait_for(1)[0].text();
    let (told, time) = text.rsplit_once(", at: ").unwrap();
    // The time when the line came, by the clock that is right now.
    let format = |time| Zone::utc().format(time);
    assert!(is_time(time) && told == format!("sealed at {time}"), "{text}");
    let earliest = format(sent - Duration::from_secs(1));
    assert!((&*earliest..=&*format(SystemTime::now())).contains(&time), "{time}, sent at {earliest}");
    let ended = daemon.stop("TERM");
    assert_eq!(ended.logged("deliveries")[0].figure("expired"), 0, "{}", ended.whole());
}

#[test]
fn the_deepest_patterns_and_answers_fit_the_stacks() {
    let nested = |open: &str, inner: &str, close: &str, levels: usize| {
        format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
    };
    // serde_json reads 127 levels; with the object around them.
    let answer = format!(r#"{{"ok":true,"result":{}}}"#, nested("[", "1", "]", 126));
    let recorder = Recorder::scripted(move |_| Answer::status(200).with_body(answer.clone()));
    let variables = Variables::new()
        .telegram(&recorder)
        .regex("Telegram", &nested("(", "a", ")*b", 49), "@1@{line}")
        .regex("Telegram", &nested("(x|", "a", ")", 98), "@1@{line}");
    let daemon = Daemon::start(&variables);
    daemon.send(format!("{}{}", "a".repeat(50), "b".repeat(49)));
    // A stack that is too small would end the process.
    recorder.wait_for(2);
    daemon.wait_for_log("delivered", &[("notifier", "Telegram")]);
    let ended = daemon.stop("TERM");
    assert_eq!(ended.logged("deliveries")[0].figure("delivered"), 2, "{}", ended.whole());
}

#[test]
fn nothing_is_written_to_disk() {
    let folder = TempFolder::new();
    let path = folder.path("trace");
    let strace = match Trace::command(&path) {
        Ok(strace) => strace,
        Err(why) => return skip(&why),
    };
    let recorder = Recorder::start();
    let url = format!("http://localhost:{}/x", recorder.address().port());
    let variables =
        Variables::new().with("GENERIC1_WEBHOOK_URL", url).with("SYSLOG_TCP_LISTEN", "127.0.0.1:0");
    let daemon = Daemon::start_under(strace, &variables.substr("Generic1", "login", "told"));
    daemon.send(LOGIN_FAILURE);
    recorder.wait_for(1);
    assert_eq!(get(daemon.http.unwrap(), "/healthz").0, 200);
    assert_eq!(daemon.stop("TERM").code, Some(0));
    let trace = Trace(std::fs::read_to_string(path).unwrap());
    // It has seen the whole life, the look-up of the name included.
    for seen in ["execve(", "\"/etc/hosts\"", "+++ exited with 0 +++"] {
        assert!(trace.0.contains(seen), "no {seen} in {}", trace.0);
    }
    assert_eq!(trace.changes(), Vec::<&str>::new());
}
