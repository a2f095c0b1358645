//! The other commands: what they print and how they end.

use serde_json::{Value, json};

use super::LOGIN_FAILURE;
use crate::support::TempFolder;
use crate::support::daemon::{Daemon, Ended, Variables, run, run_with_input};
use crate::support::recorder::{Answer, Recorder};

/// Standard output as JSON, one value a line.
#[track_caller]
fn json_lines(ended: &Ended) -> Vec<Value> {
    ended.stdout.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn check_shows_rules_and_notifiers() {
    let variables = Variables::new()
        .with("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/a/b/c")
        .regex("Slack", "failure for user ([a-z]+)", "@1 failed")
        .with("STATIC_EVENTS_ENABLED", "0");
    let checked = run(&["check"], &variables);
    assert_eq!((checked.code, checked.stderr.len()), (Some(0), 0));
    for expected in ["EVENT0", "failure for user ([a-z]+)", "@1 failed", "STATIC_EVENT0", "Slack"] {
        assert!(checked.whole().contains(expected), "{expected}: {}", checked.whole());
    }
    let rows = json_lines(&run(&["check", "--json"], &variables));
    let rule = rows.iter().find(|row| row["rule"] == "EVENT0").unwrap();
    assert_eq!(rule["notifiers"], json!(["Slack"]));
}

#[test]
fn check_tells_every_fault_with_the_variables_full_name() {
    let variables = Variables::new()
        .with("ENV_EVENTS", "3")
        .regex("slack", "([a-z]+", "x")
        .regex("Telegram", "a(b)c", "@1 @9")
        .with("EVENT2_MATCH_TYPE", "glob")
        .with("STATIC_EVENTS_ENABLED", "0,77")
        .with("FORWARD_HOST", "192.0.2.1")
        .with("SYSLOG_ALLOW", "10.0.0.0/99")
        .with("RING_LINES", "none");
    let expected = [
        "EVENT0_NOTIFIER",
        "EVENT0_MATCH_STR",
        "EVENT1_MASK_MSG",
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_CHAT_ID",
        "EVENT2_NOTIFIER",
        "EVENT2_MATCH_TYPE",
        "EVENT2_MATCH_STR",
        "EVENT2_MASK_MSG",
        "STATIC_EVENTS_ENABLED",
        "FORWARD_PORT",
        "SYSLOG_ALLOW",
        "RING_LINES",
    ];
    for arguments in [&["check"][..], &["check", "--json"], &["run"], &["test"], &["match", "/dev/null"]] {
        let ended = run(arguments, &variables);
        assert_eq!(ended.code, Some(78), "{arguments:?}");
        for name in expected {
            assert!(ended.whole().contains(name), "{arguments:?}: {name} in {}", ended.whole());
        }
    }
}

#[test]
fn match_says_what_would_be_sent_and_sends_nothing() {
    let recorder = Recorder::start();
    let variables = Variables::new()
        .telegram(&recorder)
        .slack(&recorder)
        .regex("Telegram,Slack", "login failure for user ([a-z]+)", "@1 failed")
        .with("STATIC_EVENTS_ENABLED", "login")
        .with("STATIC_EVENT3_NOTIFIER", "Slack");
    let lines = format!(
        "system,info nothing\n{LOGIN_FAILURE}\nsystem,info,account user admin logged in via winbox\n"
    );
    let matched = run_with_input(&["match", "--json"], &variables, lines.as_bytes());
    assert_eq!(matched.code, Some(0));
    let rows = json_lines(&matched);
    assert_eq!(
        rows[0],
        json!({"line":2,"rule":"EVENT0","notifiers":["Telegram","Slack"],"message":"guest failed"})
    );
    assert_eq!(
        (&rows[1]["line"], &rows[1]["rule"], &rows[1]["notifiers"]),
        (&json!(3), &json!("STATIC_EVENT3"), &json!(["Slack"]))
    );
    assert_eq!(rows.len(), 2);
    // Exactly as written, key by key.
    let first = r#"{"line":2,"rule":"EVENT0","notifiers":["Telegram","Slack"],"message":"guest failed"}"#;
    assert_eq!(matched.stdout[0], first);

    let folder = TempFolder::new();
    let file = folder.write("lines", "system,info nothing\n");
    assert_eq!(run(&["match", &file], &variables).code, Some(1));
    assert_eq!(run_with_input(&["match", "-"], &variables, LOGIN_FAILURE.as_bytes()).code, Some(0));
    assert_eq!(recorder.received().len(), 0);
}

#[test]
fn match_tries_one_pattern() {
    let none = Variables::new();
    let tried = run(&["match", "--regex", "a(x)?(b+)", "--mask", "<@2@1>", "--json", "zabb", "c"], &none);
    assert_eq!(tried.code, Some(0));
    assert_eq!(
        tried.stdout,
        [
            r#"{"text":"zabb","matched":true,"groups":[{"start":1,"end":4,"text":"abb"},null,{"start":2,"end":4,"text":"bb"}],"message":"<bb>"}"#,
            r#"{"text":"c","matched":false,"groups":[]}"#,
        ]
    );
    assert_eq!(run_with_input(&["match", "--regex", "^b$"], &none, b"a\nb\n").code, Some(0));
    assert_eq!(run(&["match", "--regex", "^b$", "a"], &none).code, Some(1));
    assert_eq!(run(&["match", "--regex", "a(b", "a"], &none).code, Some(78));
    assert_eq!(run(&["match", "--regex", "a", "--mask", "@{nope}@1", "a"], &none).code, Some(0));
    assert_eq!(run(&["match", "--regex", "(a)", "--mask", "@2", "a"], &none).code, Some(78));
}

#[test]
fn test_reports_each_notifiers_answer() {
    let (telegram, slack) =
        (Recorder::start(), Recorder::scripted(|_| Answer::status(404).with_body("no_service")));
    let variables = Variables::new().telegram(&telegram).slack(&slack).substr("Telegram,Slack", "x", "x");
    let tested = run(&["test"], &variables);
    assert_eq!(tested.code, Some(1));
    let line_of = |name: &str| tested.stdout.iter().find(|line| line.starts_with(name)).unwrap();
    assert!(line_of("Slack").contains("no_service"), "{}", tested.whole());
    assert!(!line_of("Telegram").contains("not "), "{}", tested.whole());
    assert_eq!((telegram.received().len(), slack.received().len()), (1, 1));

    let one = run(&["test", "--json", "Telegram"], &variables);
    assert_eq!(one.code, Some(0));
    let rows = json_lines(&one);
    assert_eq!(
        (rows.len(), &rows[0]["notifier"], &rows[0]["delivered"]),
        (1, &json!("Telegram"), &json!(true))
    );
    assert_eq!((telegram.received().len(), slack.received().len()), (2, 1));
    assert_eq!(run(&["test", "Discord"], &variables).code, Some(78));
}

#[test]
fn demo_shows_alerts_and_ends_by_itself() {
    let recorder = Recorder::start();
    // Nobody is told of a first look.
    let shown = run(&["demo"], &Variables::new().telegram(&recorder));
    assert_eq!(shown.code, Some(0), "{}", shown.whole());
    let alerts: Vec<_> = shown.stdout.iter().filter(|line| line.starts_with('~')).collect();
    assert!(
        alerts.len() > 3 && alerts.iter().any(|line| line.contains("login failure")),
        "{}",
        shown.whole()
    );
    assert_eq!(recorder.received().len(), 0);
}

#[test]
fn help_and_version_are_printed_and_unknown_words_refused() {
    let none = Variables::new();
    for (arguments, code, word) in [
        (&["--help"][..], 0, "match"),
        (&["--version"], 0, "alertik "),
        (&["-V"], 0, "alertik "),
        (&["sing"], 78, "sing"),
        (&["check", "--loud"], 78, "--loud"),
        (&["health", "--json"], 78, "--json"),
    ] {
        let ended = run(arguments, &none);
        assert_eq!(ended.code, Some(code), "{arguments:?}");
        assert!(ended.whole().contains(word), "{arguments:?}: {}", ended.whole());
    }
}

#[test]
fn a_port_that_is_taken_ends_it_with_words_in_its_log_file() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = TempFolder::new();
    let variables = Variables::new()
        .with("SYSLOG_LISTEN", &address)
        .with("HTTP_LISTEN", "127.0.0.1:0")
        .with("LOG_FILE", folder.path("log.txt"));
    let ended = run(&[], &variables);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.is_empty(), "{}", ended.whole());
    assert!(ended.whole().contains("SYSLOG_LISTEN") && ended.whole().contains(&address), "{}", ended.whole());
    let logged = std::fs::read_to_string(folder.path("log.txt")).unwrap();
    // In a file nobody else stamps the lines.
    assert!(logged.lines().count() > 0 && logged.lines().all(|line| super::is_time(&line[..19])), "{logged}");
    assert!(logged.contains(" INFO starting "), "{logged}");
    let elsewhere = Variables::new().with("LOG_FILE", folder.path("missing/log.txt"));
    let ended = run(&[], &elsewhere.with("SYSLOG_LISTEN", "127.0.0.1:0").with("HTTP_LISTEN", "off"));
    assert_eq!(ended.code, Some(78));
    assert!(ended.whole().contains("LOG_FILE"), "{}", ended.whole());
}

#[test]
fn test_names_what_teams_does_not_say() {
    let recorder = Recorder::start();
    let tested = run(&["test"], &Variables::new().teams(&recorder).substr("Teams", "x", "x"));
    assert_eq!(tested.code, Some(0));
    assert!(tested.whole().contains("look"), "{}", tested.whole());
    assert_eq!(recorder.received()[0].json()["type"], "message");
}

#[test]
fn a_bad_start_tells_warnings_too() {
    let variables = Variables::new().with("EVENT0_MACHT_STR", "x").with("STATIC_EVENT4_FROM", "10.0.0.1");
    let checked = run(&["check"], &variables);
    assert_eq!(checked.code, Some(0));
    assert!(checked.whole().contains("EVENT0_MACHT_STR"), "{}", checked.whole());
    drop(Daemon::start(&variables));
}
