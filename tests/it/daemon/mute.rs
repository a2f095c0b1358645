//! `alertik mute`: what a rule would tell is held for a while, and told afterwards.

use super::without_time;
use crate::support::daemon::{Daemon, Ended, get, run};
use crate::support::recorder::Recorder;
use crate::support::tail::asking;
use crate::support::variables::Variables;

#[track_caller]
fn mute(daemon: &Daemon, arguments: &[&str]) -> Ended {
    run(&[&["mute"], arguments].concat(), &asking(daemon.http.unwrap()))
}

#[track_caller]
fn check(ended: &Ended, code: i32, stdout: &str, stderr: &str) {
    let lines = (ended.stdout.join("\n"), ended.stderr.join("\n"));
    assert_eq!((ended.code, &*lines.0, &*lines.1), (Some(code), stdout, stderr));
}

/// The texts told until now, without their times.
fn told(recorder: &Recorder) -> Vec<String> {
    recorder.received().iter().map(|request| without_time(&request.text()).to_owned()).collect()
}

#[test]
fn what_a_muted_rule_tells_is_held_until_that_is_over() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).regex("Generic1", "held ([0-9])", "one @1");
    let daemon = Daemon::start(&variables.substr("Generic1", "fence", "two"));
    check(&mute(&daemon, &["2h", "EVENT0"]), 0, "EVENT0 is muted for 2 h", "");
    // Alerts are told in order: the second shows that the first was held.
    daemon.send("held 1");
    daemon.send("fence");
    recorder.wait_for(1);
    assert_eq!(told(&recorder), ["two"]);
    let metrics = get(daemon.http.unwrap(), "/metrics").1;
    for line in [
        "alertik_rule_muted{rule=\"EVENT0\"} 1\n",
        "alertik_rule_muted{rule=\"EVENT1\"} 0\n",
        "alertik_alerts_total{rule=\"EVENT0\",outcome=\"suppressed\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    check(&mute(&daemon, &["off", "EVENT0"]), 0, "EVENT0 is not muted", "");
    recorder.wait_for(2);
    assert!(recorder.received()[1].text().contains("one 1"), "{:?}", recorder.received()[1].text());

    check(&mute(&daemon, &["90s"]), 0, "all rules are muted for 90 s", "");
    daemon.send("held 2");
    daemon.send("fence");
    daemon.wait_until_drained();
    check(&mute(&daemon, &["off"]), 0, "no rule is muted", "");
    recorder.wait_for(4);
    daemon.send("held 3");
    recorder.wait_for(5);
    assert_eq!(told(&recorder)[4], "one 3");
}

#[test]
fn a_built_in_rule_has_a_name_and_what_is_no_rule_is_told_which_are() {
    let variables = Variables::new().with("STATIC_EVENTS_ENABLED", "1,5").substr("Console", "x", "y");
    let daemon = Daemon::start(&variables);
    check(&mute(&daemon, &["7d", "login_failure"]), 0, "STATIC_EVENT1 is muted for 7 d", "");
    check(&mute(&daemon, &["10m", "STATIC_EVENT5"]), 0, "STATIC_EVENT5 is muted for 10 min", "");
    let rules = "STATIC_EVENT1 (login_failure), STATIC_EVENT5 (reboot), EVENT0";
    let unknown =
        |name: &str| format!("alertik: \"{name}\" is not a rule of the daemon (expected one of {rules})");
    for name in ["EVENT1", "login", "Console"] {
        check(&mute(&daemon, &["2h", name]), 1, "", &unknown(name));
    }
}

#[test]
fn the_token_is_the_daemons() {
    let daemon = Daemon::start(&Variables::new().with("HTTP_TOKEN", "t0ken"));
    let address = daemon.http.unwrap();
    let ended = |command: &str, token: Option<&str>| {
        let variables = asking(address);
        let variables = token.map_or(variables.clone(), |token| variables.with("HTTP_TOKEN", token));
        run(&command.split(' ').collect::<Vec<_>>(), &variables)
    };
    check(&ended("mute 2h", Some("t0ken")), 0, "all rules are muted for 2 h", "");
    for command in ["mute 2h", "mute off EVENT0", "tail"] {
        let missing = format!("alertik: {address}: it has an HTTP_TOKEN, which must be set here too");
        check(&ended(command, None), 1, "", &missing);
        check(
            &ended(command, Some("guess")),
            1,
            "",
            &format!("alertik: {address}: it has another HTTP_TOKEN"),
        );
    }
}
