//! Where lines may come from, and which of them a rule looks at.

use super::{LOGIN_FAILURE, without_time};
use crate::support::daemon::{Daemon, run};
use crate::support::has_ipv6;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

fn told(recorder: &Recorder, count: usize) -> Vec<String> {
    recorder.wait_for(count).iter().map(|one| without_time(&one.text()).to_owned()).collect()
}

#[test]
fn ipv4_and_ipv6_senders_reach_one_socket() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).with("SYSLOG_LISTEN", "[::]:0");
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "@{from}"));
    daemon.send_from("127.0.0.1", LOGIN_FAILURE);
    assert_eq!(told(&recorder, 1), ["127.0.0.1"]);
    if has_ipv6() {
        daemon.send_from("::1", LOGIN_FAILURE);
        assert_eq!(told(&recorder, 2), ["127.0.0.1", "::1"]);
    }
}

#[test]
fn ipv6_alone_is_listened_on() {
    if !has_ipv6() {
        return;
    }
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).with("SYSLOG_LISTEN", "[::1]:0");
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "@{from}"));
    daemon.send_from("::1", LOGIN_FAILURE);
    assert_eq!(told(&recorder, 1), ["::1"]);
}

#[test]
fn only_allowed_senders_are_read_and_the_others_are_counted() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).with("SYSLOG_LISTEN", "[::]:0");
    let variables = variables.with("SYSLOG_ALLOW", "127.0.0.2, 127.1.0.0/16,2001:db8::/32");
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "@{from}"));
    for sender in ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.1.2.3", "127.1.255.254"] {
        daemon.send_from(sender, LOGIN_FAILURE);
    }
    assert_eq!(told(&recorder, 3), ["127.0.0.2", "127.1.2.3", "127.1.255.254"]);
    let figures = daemon.stop("TERM").figures();
    assert_eq!((figures.figure("lines"), figures.figure("refused")), (3, 2));
}

#[test]
fn topics_sender_and_exclusion_choose_the_lines_of_a_rule() {
    let recorder = Recorder::start();
    let variables = Variables::new()
        .generic(1, &recorder)
        .with("ROUTERS", "127.0.0.2=attic")
        .substr("Generic1", "line", "topics: @{message}")
        .with("EVENT0_TOPICS", "system,!debug")
        .substr("Generic1", "line", "from: @{message}")
        .with("EVENT1_FROM", "attic,127.9.0.0/16")
        .substr("Generic1", "line", "excluding: @{message}")
        .with("EVENT2_EXCLUDE", "line [2-4]");
    let daemon = Daemon::start(&variables);
    daemon.send("system,info line 1");
    daemon.send("system,debug line 2");
    daemon.send_from("127.0.0.2", "dhcp,info line 3");
    daemon.send("<30>Oct  2 17:36:35 MikroTik line 4");
    daemon.send("dhcp,info line 5");
    let expected =
        ["topics: line 1", "excluding: line 1", "from: line 3", "topics: line 4", "excluding: line 5"];
    assert_eq!(told(&recorder, expected.len()), expected);
}

#[test]
fn without_env_events_every_event_counts_gaps_allowed() {
    let recorder = Recorder::start();
    let mut variables = Variables::new().generic(1, &recorder);
    for number in ["3", "255"] {
        variables = variables
            .with(&format!("EVENT{number}_NOTIFIER"), "Generic1")
            .with(&format!("EVENT{number}_MATCH_TYPE"), "substr")
            .with(&format!("EVENT{number}_MATCH_STR"), "login")
            .with(&format!("EVENT{number}_MASK_MSG"), number);
    }
    let daemon = Daemon::start(&variables);
    daemon.send(LOGIN_FAILURE);
    assert_eq!(told(&recorder, 2), ["3", "255"]);
    // With it, a higher number is a warning, a missing one a fault.
    let checked = run(&["check"], &variables.clone().with("ENV_EVENTS", "4"));
    assert_eq!(checked.code, Some(78));
    for expected in ["EVENT0_NOTIFIER", "EVENT2_MASK_MSG", "EVENT255_"] {
        assert!(checked.whole().contains(expected), "{expected}: {}", checked.whole());
    }
    assert_eq!(run(&["check"], &variables.with("ENV_EVENTS", "many")).code, Some(78));
}

#[test]
fn with_nothing_configured_the_starter_rules_tell_the_console() {
    let daemon = Daemon::start(&Variables::new());
    let marker = daemon.marker();
    daemon.send(LOGIN_FAILURE);
    daemon.send("system,critical,info cloud change time Sep/24/2026 03:01:57 => Sep/24/2026 06:25:50");
    let told = daemon.wait_for_line(|line| line.starts_with(&format!("{marker} ")));
    assert!(
        told.contains("login failure") && told.contains("guest") && told.contains("192.168.88.17"),
        "{told}"
    );
    daemon.wait_for_line(|line| line.starts_with(&marker) && line.contains("cloud change time"));
    let ended = daemon.stop("TERM");
    // A login and a clean reboot are no starters; nothing else was told.
    assert_eq!((ended.code, ended.figures().figure("alerts")), (Some(0), 2));
}

#[test]
fn a_token_and_a_chat_are_a_complete_configuration() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&Variables::new().telegram(&recorder));
    daemon.send(LOGIN_FAILURE);
    let received = recorder.wait_for(1).remove(0);
    assert_eq!(received.target, "/bot123456:token/sendMessage");
    assert_eq!(received.json()["chat_id"], "42");
    let text = received.text();
    assert!(
        without_time(&text).ends_with(r#"login failure for user "guest" from 192.168.88.17 via ssh"#),
        "{text}"
    );
}

#[test]
fn built_in_rules_are_enabled_by_name_and_all_together() {
    let recorder = Recorder::start();
    let variables = Variables::new().telegram(&recorder).slack(&recorder);
    let variables = variables
        .with("STATIC_EVENTS_ENABLED", "login, login_failure")
        .with("STATIC_EVENT3_NOTIFIER", "Slack");
    let daemon = Daemon::start(&variables);
    daemon.send("system,info,account user admin logged in from 10.0.0.245 via winbox");
    let received = recorder.wait_for(1).remove(0);
    assert_eq!(received.target, "/slack");
    assert!(
        received.text().contains("admin") && received.text().contains("10.0.0.245"),
        "{}",
        received.text()
    );
    // Without a notifier of its own a built-in rule tells all of them.
    daemon.send(LOGIN_FAILURE);
    recorder.wait_for(3);
    drop(daemon);
    let checked = run(&["check", "--json"], &Variables::new().with("STATIC_EVENTS_ENABLED", "all"));
    for number in [0, 1, 3, 4, 5, 14] {
        assert!(checked.whole().contains(&format!("\"STATIC_EVENT{number}\"")), "{}", checked.whole());
    }
}

#[test]
fn variables_may_come_from_files() {
    let recorder = Recorder::start();
    let folder = crate::support::TempFolder::new();
    let token = folder.write("token", "987:fromfile\n");
    let config = format!(
        "# comment\n\nTELEGRAM_CHAT_ID='77'\r\nTELEGRAM_API_URL={}\nEVENT0_NOTIFIER=Telegram\nEVENT0_MATCH_TYPE=regex\n\
         EVENT0_MATCH_STR=user ([a-z]+) from (\\d+)\nEVENT0_MASK_MSG=wrong\n",
        recorder.url("")
    );
    let daemon = Daemon::start(
        &Variables::new()
            .with("ALERTIK_CONFIG", folder.write("config", config))
            .with("TELEGRAM_BOT_TOKEN_FILE", token)
            // A real variable wins over the file.
            .with("EVENT0_MASK_MSG", "@1 @2"),
    );
    daemon.send(LOGIN_FAILURE);
    let received = recorder.wait_for(1).remove(0);
    assert_eq!(
        (received.target.as_str(), &received.json()["chat_id"]),
        ("/bot987:fromfile/sendMessage", &"77".into())
    );
    assert_eq!(without_time(&received.text()), "guest 192");
}
