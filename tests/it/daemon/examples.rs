//! What Alertik's README promises, example by example.

use super::{is_time, without_time};
use crate::support::daemon::Daemon;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

/// The line as the README shows it, and as routers send it, tell `promised` by every notifier `variables` names.
#[track_caller]
fn check(variables: impl FnOnce(&Recorder) -> Variables, said: &str, promised: &str) {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&variables(&recorder));
    daemon.send(said);
    daemon.send(format!("some,topics {said}"));
    daemon.send(format!("<30>Oct  2 17:36:35 MikroTik {said}"));
    for received in recorder.wait_for(3) {
        assert_eq!(without_time(&received.text()), promised);
    }
}

#[test]
fn login_failures_are_told_by_slack() {
    check(
        |recorder| {
            Variables::new().slack(recorder).with("ENV_EVENTS", "1").substr(
                "Slack",
                "login failure for user admin",
                "There is a failed login attempt for user admin",
            )
        },
        "login failure for user admin",
        "There is a failed login attempt for user admin",
    );
}

#[test]
fn wifi_login_failures_are_told_by_telegram() {
    check(
        |recorder| {
            Variables::new().telegram(recorder).with("ENV_EVENTS", "1").substr(
                "Telegram",
                "honeypot: disconnected, unicast key exchange timeout",
                "There is an attempt to login into your HoneyPot network!",
            )
        },
        "36:7F:7F:07:C4:B0@honeypot: disconnected, unicast key exchange timeout, signal strength -85",
        "There is an attempt to login into your HoneyPot network!",
    );
}

#[test]
fn ssh_login_failures_are_told_by_discord_with_user_and_address() {
    check(
        |recorder| {
            Variables::new().discord(recorder).with("ENV_EVENTS", "1").regex(
                "Discord",
                r"login failure for user ([A-Za-z]+) from (\d{1,3}.*) via ssh",
                "Alert: failed user attempt to login as @1 from @2",
            )
        },
        // The README's own john_doe does not match its pattern.
        "login failure for user johndoe from 192.168.1.10 via ssh",
        "Alert: failed user attempt to login as johndoe from 192.168.1.10",
    );
}

#[test]
fn a_link_and_its_speed_are_told_by_teams() {
    check(
        |recorder| {
            Variables::new().teams(recorder).with("ENV_EVENTS", "1").regex(
                "Teams",
                r"([a-zA-Z0-9]+) link up \(speed (\d+Mbps), full duplex\)",
                "Your interface @1 is running at @2",
            )
        },
        "eth0 link up (speed 100Mbps, full duplex)",
        "Your interface eth0 is running at 100Mbps",
    );
}

#[test]
fn connection_attempts_are_told_by_telegram() {
    check(
        |recorder| {
            Variables::new().telegram(recorder).with("ENV_EVENTS", "1").regex(
                "Telegram",
                r"input: in:.*src-mac [0-9a-f:]+, proto [^,]+, ((\d{1,3}\.?)+):(\d{1,5})->((\d{1,3}\.?)+):(\d{1,5})",
                "The IP @1:@3 is trying to connect to your router @4:@6, please do something",
            )
        },
        "input: in:WANinterface out:(unknown 0), connection-state:new src-mac 18:3d:5e:79:42:a5, \
         proto TCP (SYN), 192.0.2.1:45624->198.51.100.2:80, len 60",
        "The IP 192.0.2.1:45624 is trying to connect to your router 198.51.100.2:80, please do something",
    );
}

#[test]
fn groups_and_the_at_sign_of_the_text_on_masks() {
    check(
        |recorder| {
            Variables::new().generic(4, recorder).regex(
                "Generic4",
                r"ether2 link up \(speed (.+), full duplex\)",
                "Your link ether2 is up at @1 speed",
            )
        },
        "ether2 link up (speed 1G, full duplex)",
        "Your link ether2 is up at 1G speed",
    );
    check(
        |recorder| {
            Variables::new().generic(4, recorder).regex(
                "Generic4",
                "users ([a-z]+) and ([a-z]+)",
                "User @1 and @2 were reported to user @@John",
            )
        },
        "users bob and eve",
        "User bob and eve were reported to user @John",
    );
}

#[test]
fn static_event_0_tells_network_and_mac() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(
        &Variables::new()
            .telegram(&recorder)
            .with("STATIC_EVENTS_ENABLED", " 0 ")
            .with("STATIC_EVENT0_NOTIFIER", "Telegram"),
    );
    let said = "36:7F:7F:07:C4:B0@honeypot: disconnected, unicast key exchange timeout, signal strength -85";
    daemon.send(format!("wireless,info {said}"));
    let text = recorder.wait_for(1)[0].text();
    let (told, time) = text.rsplit_once(", at:").unwrap();
    assert_eq!(
        told,
        "There is someone trying to connect to your WiFi: honeypot, with the mac-address: 36:7F:7F:07:C4:B0"
    );
    assert!(is_time(time), "{time:?}");
}

#[test]
fn every_rule_that_matches_fires_built_in_ones_first() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(
        &Variables::new()
            .telegram(&recorder)
            .with("TELEGRAM_NICKNAME", "Bob")
            .substr("Telegram", "key exchange", "second")
            .substr("Telegram", "honeypot", "third")
            .with("STATIC_EVENTS_ENABLED", "0")
            .with("STATIC_EVENT0_NOTIFIER", "Telegram"),
    );
    daemon.send("wireless,info 36:7F:7F:07:C4:B0@honeypot: disconnected, unicast key exchange timeout");
    let texts: Vec<_> = recorder.wait_for(3).iter().map(|one| one.text()).collect();
    assert!(texts[0].starts_with("Bob! Bob!, There is someone trying to connect"), "{texts:?}");
    assert_eq!([without_time(&texts[1]), without_time(&texts[2])], ["second", "third"]);
}
