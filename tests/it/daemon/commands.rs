//! The commands that meet a notifier: `test` sends once, `match` never.

use serde_json::json;

use super::LOGIN_FAILURE;
use crate::support::daemon::{Ended, run, run_with_input};
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;

/// What `test` says of `notifier`.
#[track_caller]
fn answer<'a>(tested: &'a Ended, notifier: &str) -> &'a str {
    let answer = |line: &'a String| line.strip_prefix(notifier)?.strip_prefix(": ");
    tested.stdout.iter().find_map(answer).unwrap_or_else(|| panic!("{}", tested.whole()))
}

#[test]
fn test_sends_once_to_each_and_tells_the_answers() {
    let moved =
        r#"{"ok":false,"description":"upgraded to a supergroup","parameters":{"migrate_to_chat_id":-100}}"#;
    let telegram = Recorder::queued([Answer::status(400).with_body(moved)]);
    let slack = Recorder::scripted(|_| Answer::status(404).with_body("no_service"));
    let discord = Recorder::scripted(|_| Answer::status(429).with_body(r#"{"retry_after":30.5}"#));
    let (teams, generic) = (Recorder::start(), Recorder::scripted(|_| Answer::Cut));
    let variables = Variables::new().telegram(&telegram).slack(&slack).discord(&discord);
    let variables = variables.teams(&teams).generic(1, &generic);

    let tested = run(&["test"], &variables);
    assert_eq!(tested.code, Some(1));
    for (notifier, words) in [
        ("Telegram", "-100"),
        ("Slack", "404 no_service"),
        ("Discord", "wait"),
        ("Teams", "look whether the card has arrived"),
        ("Generic1", "the connection was cut"),
    ] {
        assert!(answer(&tested, notifier).contains(words), "{}", tested.whole());
    }
    // No retries, but for the chat that moved.
    let counts = [&telegram, &slack, &discord, &teams, &generic].map(|recorder| recorder.received().len());
    assert_eq!(counts, [2, 1, 1, 1, 1]);
    assert_eq!(teams.received()[0].json()["type"], "message");

    let one = run(&["test", "--json", "Teams"], &variables);
    assert_eq!((one.code, one.stdout.len(), teams.received().len()), (Some(0), 1, 2));
    let row: serde_json::Value = serde_json::from_str(&one.stdout[0]).unwrap();
    assert_eq!((&row["notifier"], &row["delivered"]), (&json!("Teams"), &json!(true)));
    assert_eq!(telegram.received().len(), 2);
}

#[test]
fn match_sends_nothing() {
    let recorder = Recorder::start();
    let variables = Variables::new().telegram(&recorder).slack(&recorder);
    let matched = run_with_input(&["match", "--json"], &variables, LOGIN_FAILURE.as_bytes());
    assert_eq!(matched.code, Some(0));
    assert!(matched.whole().contains(r#""notifiers":["Telegram","Slack"]"#), "{}", matched.whole());
    assert_eq!(recorder.received().len(), 0);
}
