//! The sign of life: pings for as long as we are well, silence otherwise, and the message of the day.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, SystemTime};

use alertik::timestamp::Zone;

use super::LOGIN_FAILURE;
use crate::support::authority::{Authority, Validity};
use crate::support::daemon::Daemon;
use crate::support::elsewhere::{alone, faketime, shell};
use crate::support::proxy::Proxy;
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder, has_ipv6, skip};

/// Pings to `recorder` every second.
fn pinging(recorder: &Recorder) -> Variables {
    Variables::new().with("HEARTBEAT_URL", recorder.url("/ping/a-secret-id")).with("HEARTBEAT_EVERY", "1s")
}

#[test]
fn pings_go_out_at_their_pace_and_count_nowhere() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&pinging(&recorder));
    let pings = recorder.wait_for(3);
    for ping in &pings {
        assert_eq!((&*ping.method, &*ping.target, &*ping.body), ("GET", "/ping/a-secret-id", &b""[..]));
    }
    // Each round begins a second after the last; what is seen here is its end.
    let took = pings[2].first_byte - pings[0].first_byte;
    assert!(took > Duration::from_millis(1500), "{took:?}");
    let ended = daemon.stop("TERM");
    let figures = ended.figures();
    for name in ["lines", "looped", "refused", "evicted", "alerts"] {
        assert_eq!(figures.figure(name), 0, "{name}");
    }
    assert!(!ended.whole().contains("a-secret-id"), "{}", ended.whole());
}

#[test]
fn wherever_it_listens_it_reaches_itself() {
    let mut addresses = vec!["[::]:0", "0.0.0.0:0", "127.0.0.5:0"];
    if has_ipv6() {
        addresses.push("[::1]:0");
    }
    for address in addresses {
        let recorder = Recorder::start();
        let daemon = Daemon::start(&pinging(&recorder).with("SYSLOG_LISTEN", address));
        recorder.wait_for(1);
        assert!(daemon.find_log("heartbeat withheld", &[]).is_none(), "{address}: {}", daemon.printed());
    }
}

#[test]
fn strangers_stay_out_where_only_the_probe_may_come_in() {
    let recorder = Recorder::start();
    let variables = pinging(&recorder).with("SYSLOG_ALLOW", "192.0.2.1");
    let daemon = Daemon::start(&variables);
    recorder.wait_for(2);
    // What anybody could know of a probe, its mark included.
    let probe = format!("{} alertik probe {:032x}", daemon.marker(), 7);
    daemon.send(probe);
    daemon.send(LOGIN_FAILURE);
    let count = recorder.received().len();
    recorder.wait_for(count + 1);
    let figures = daemon.stop("TERM").figures();
    let seen = ["lines", "refused", "looped"].map(|name| figures.figure(name));
    assert_eq!(seen, [0, 2, 0]);
}

#[test]
fn probes_are_not_forwarded() {
    let recorder = Recorder::start();
    let collector = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    collector.set_read_timeout(Some(DEADLINE)).unwrap();
    let port = collector.local_addr().unwrap().port().to_string();
    let daemon =
        Daemon::start(&pinging(&recorder).with("FORWARD_HOST", "127.0.0.1").with("FORWARD_PORT", port));
    recorder.wait_for(2);
    daemon.send(LOGIN_FAILURE);
    let mut buffer = [0; 512];
    let length = collector.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], LOGIN_FAILURE.as_bytes());
    assert_eq!(daemon.stop("TERM").figures().figure("lines"), 1);
}

#[test]
fn while_a_notifier_is_parked_there_is_silence() {
    let (recorder, refusing) = (Recorder::start(), Recorder::scripted(|_| Answer::status(401)));
    let variables = pinging(&recorder).generic(1, &refusing).with("SELF_NOTIFIER", "Console");
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "told"));
    recorder.wait_for(1);
    daemon.send(LOGIN_FAILURE);
    let withheld = daemon.wait_for_log("heartbeat withheld", &[("reason", "parked: Generic1")]);
    assert_eq!(withheld.level, "ERROR");
    let count = recorder.received().len();
    assert!(!recorder.has_more_within(Duration::from_secs(3), count));
    assert_eq!(daemon.stop("TERM").logged("heartbeat withheld").len(), 1);
}

#[test]
fn pings_stop_when_it_does_not_hear_itself_and_resume_when_it_does() {
    alone("daemon::heartbeat::pings_stop_when_it_does_not_hear_itself_and_resume_when_it_does", || {
        let recorder = Recorder::start();
        shell("ip address add 192.0.2.5/32 dev lo");
        let daemon = Daemon::start(&pinging(&recorder).with("SYSLOG_LISTEN", "192.0.2.5:0"));
        recorder.wait_for(1);
        // The service can still be reached.
        shell("ip address del 192.0.2.5/32 dev lo");
        let withheld = daemon.wait_for_log("heartbeat withheld", &[]);
        assert!(withheld.value("reason").unwrap().contains("ourselves"), "{withheld:?}");
        let count = recorder.received().len();
        assert!(!recorder.has_more_within(Duration::from_secs(2), count));
        shell("ip address add 192.0.2.5/32 dev lo");
        daemon.wait_for_log("heartbeat resumed", &[]);
        recorder.wait_for(count + 2);
    });
}

#[test]
fn a_service_that_fails_is_said_once_and_never_its_address() {
    // It repeats what it was asked for, as many do.
    let refused = Answer::status(404).with_body("no such page: /ping/a-secret-id");
    let recorder = Recorder::queued([Answer::status(500), refused, Answer::Cut]);
    let daemon = Daemon::start(&pinging(&recorder));
    let failed = daemon.wait_for_log("heartbeat failed", &[("failures", "1"), ("reason", "500")]);
    assert_eq!(failed.level, "WARN");
    daemon.wait_for_log("heartbeat answered again", &[("failures", "3")]);
    let ended = daemon.stop("TERM");
    assert_eq!(ended.logged("heartbeat failed").len(), 1);

    let recorder = Recorder::scripted(|one| Answer::status(404).with_body(one.target.clone()));
    let daemon = Daemon::start(&pinging(&recorder));
    daemon.wait_for_log("heartbeat failed", &[("reason", "404 (hidden)")]);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}/ping/a-secret-id");
    let other = Daemon::start(&Variables::new().with("HEARTBEAT_URL", url));
    other.wait_for_log("heartbeat failed", &[("reason", "connection refused")]);
    for printed in [ended.whole(), daemon.stop("TERM").whole(), other.stop("TERM").whole()] {
        assert!(!printed.contains("a-secret-id"), "{printed}");
    }
}

#[test]
fn it_has_a_proxy_and_authorities_of_its_own() {
    let authority = Authority::new();
    let recorder = Recorder::over_tls(authority.server("hc.invalid", Validity::Now));
    let proxy = Proxy::socks(recorder.address());
    let variables = Variables::new()
        .with("HEARTBEAT_URL", "https://hc.invalid/ping/1")
        .with("HEARTBEAT_PROXY", format!("socks5h://{}", proxy.address()))
        .with("HEARTBEAT_TLS_CA_FILE", authority.ca_file());
    let _daemon = Daemon::start(&variables);
    assert_eq!(recorder.wait_for(1)[0].target, "/ping/1");
    assert_eq!(proxy.asked(), ["hc.invalid:443"]);
}

#[test]
fn the_day_is_told_when_its_time_has_come() {
    let library = match faketime() {
        Ok(library) => library,
        Err(why) => return skip(&why),
    };
    let (recorder, pinged, clock) = (Recorder::start(), Recorder::start(), TempFolder::new());
    // Today it has been an hour ago, so it comes with tomorrow, for which nobody waits.
    let at = Zone::utc().format(SystemTime::now() - Duration::from_secs(3600))[11..16].to_owned();
    let variables = pinging(&pinged)
        .generic(1, &recorder)
        .with("HEARTBEAT_AT", at)
        .with("HEARTBEAT_NOTIFIER", "Generic1")
        .with("SELF_NOTIFIER", "Console")
        .with("LD_PRELOAD", library)
        .with("FAKETIME_TIMESTAMP_FILE", clock.write("clock", "+0"))
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with("DONT_FAKE_MONOTONIC", "1");
    let daemon = Daemon::start(&variables.substr("Console", "login", "seen"));
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_log("delivered", &[("notifier", "Console")]);
    // Two seconds later it has looked at the clock.
    pinged.wait_for(3);
    assert_eq!(recorder.received().len(), 0);
    std::fs::rename(clock.write("new", "+1d"), clock.path("clock")).unwrap();
    let text = recorder.wait_for(1)[0].text();
    assert!(text.starts_with("alertik is alive. Seen since the start at 2"), "{text}");
    assert!(text.contains(": lines 1, alerts 1, held back 0, lost lines 0, lost alerts 0. 2"), "{text}");
    assert_eq!(daemon.stop("TERM").logged("deliveries")[0].figure("delivered"), 2);
    assert_eq!(recorder.received().len(), 1);
}
