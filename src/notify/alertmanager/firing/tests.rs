//! What is said of an alert, round by round, and of the same alert told again.

use super::*;
use crate::value::{Value, Values};

/// 2026-11-21 08:00:00 UTC.
const MORNING: u64 = 1_795_248_000;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(MORNING + seconds)
}

fn line(router: &str, message: &str) -> Values {
    Values::new(|value| match value {
        Value::Router => router.to_owned(),
        Value::Message => message.to_owned(),
        Value::Topics => "interface,info".to_owned(),
        Value::From => "192.0.2.1".to_owned(),
        Value::Time => "noon".to_owned(),
        _ => "x".to_owned(),
    })
}

fn labels(notification: &Notification<'_>) -> serde_json::Value {
    Firing::new(notification, "west").json(at(0))["labels"].clone()
}

#[test]
fn labels_are_of_the_line_and_the_rule_alone() {
    let values = line("home", "login failure for user guest");
    let one = Notification {
        text: "noon: guest failed",
        suffix: ", at: noon",
        values: Some(&values),
        ..Default::default()
    };
    let expected = json!({
        "alertname": "EVENT0",
        "router": "home",
        "text": ": guest failed",
        "severity": "warning",
        "priority": "normal",
    });
    assert_eq!(labels(&one), expected);
    // The other listener's clock, way and name are its own.
    let others = Values::new(|value| match value {
        Value::Time => "later".to_owned(),
        Value::From => "198.51.100.1".to_owned(),
        value => values.text(value).to_owned(),
    });
    let other = Notification {
        id: crate::alert::AlertId(7),
        text: "later: guest failed",
        suffix: ", at: later",
        values: Some(&others),
        happened: at(3),
        now: at(9),
        ..one
    };
    assert_eq!(labels(&other), expected);
    // What differs is read beside them.
    let annotations = Firing::new(&other, "east").json(at(9))["annotations"].clone();
    let expected = json!({
        "summary": "later: guest failed",
        "description": "later: guest failed, at: later",
        "topics": "interface,info",
        "from": "198.51.100.1",
    });
    assert_eq!(annotations, expected);
}

#[test]
fn with_a_key_what_is_the_same_has_the_same_labels() {
    let (first, second) = (line("home", "ether1 link down"), line("home", "ether1 link up"));
    let one = Notification {
        key: Some("home ether1"),
        values: Some(&first),
        stage: Stage::Begun,
        ..Default::default()
    };
    let other = Notification { values: Some(&second), stage: Stage::Over, ..one };
    assert_eq!(labels(&one), labels(&other));
    assert_eq!(labels(&one)["key"], "home ether1");
    assert_eq!(labels(&one).get("text"), None);
}

#[test]
fn without_a_key_no_text_takes_the_place_of_another() {
    let values = line("home", "set password=secret");
    let one = Notification { text: "guest failed", values: Some(&values), ..Default::default() };
    let other = Notification { text: "root failed", ..one };
    assert_ne!(labels(&one), labels(&other));
    let mut kept = Kept::default();
    kept.keep(kept.firing(&one, ""));
    kept.keep(kept.firing(&other, ""));
    let all = kept.json(at(0));
    assert_eq!(all.as_array().unwrap().len(), 2);
    // What the rule leaves out of its text is nowhere else.
    assert!(!all.to_string().contains("secret"));
}

#[test]
fn own_troubles_are_each_listeners_own() {
    let values = Values::of_no_line("alertik", "noon".to_owned());
    let own =
        Notification { rule: "alertik", text: "12 lines lost", values: Some(&values), ..Default::default() };
    let of = |listener| Firing::new(&own, listener).json(at(0))["labels"].clone();
    assert_eq!(of("west")["listener"], "west");
    assert_eq!(of("west")["text"], "12 lines lost");
    assert_ne!(of("west"), of("east"));
}

#[test]
fn a_priority_is_a_severity_that_routes_know() {
    for (priority, severity) in
        [(Priority::Low, "info"), (Priority::Normal, "warning"), (Priority::High, "critical")]
    {
        assert_eq!(labels(&Notification { priority, ..Default::default() })["severity"], severity);
    }
    let urgent = labels(&Notification { priority: Priority::Urgent, ..Default::default() });
    assert_eq!((&urgent["severity"], &urgent["priority"]), (&json!("critical"), &json!("urgent")));
}

/// What is said in each round of one trouble: `f` firing, `r` resolved, `.` nothing. It is told at
/// the rounds of `told`, and happens then.
fn rounds(told: &[(u32, Stage)], count: u32) -> String {
    let mut kept = Kept::default();
    let mut said = String::new();
    for round in 0..count {
        let now = at(u64::from(round) * EVERY.as_secs());
        if round > 0 {
            kept.grow_older();
        }
        for (_, stage) in told.iter().filter(|(at, _)| *at == round) {
            let notification =
                Notification { key: Some("k"), stage: *stage, happened: now, now, ..Default::default() };
            kept.keep(kept.firing(&notification, ""));
        }
        said.push(match &kept.json(now).as_array().unwrap()[..] {
            [] => '.',
            [alert] if alert["endsAt"].as_str().unwrap() > &*rfc3339(now) => 'f',
            [_] => 'r',
            all => panic!("{all:?}"),
        });
    }
    said
}

#[track_caller]
fn check(told: &[(u32, Stage)], expected: &[(char, usize)]) {
    let expected: String = expected.iter().map(|(c, count)| c.to_string().repeat(*count)).collect();
    assert_eq!(rounds(told, expected.len() as u32), expected);
}

#[test]
fn what_happens_once_fires_for_ten_minutes() {
    use Stage::Once;
    check(&[(0, Once)], &[('f', 20), ('.', 5)]);
    // Again meanwhile, it is one that goes on; again afterwards, it is another.
    check(&[(0, Once), (15, Once)], &[('f', 35), ('.', 5)]);
    check(&[(0, Once), (25, Once)], &[('f', 20), ('.', 5), ('f', 20), ('.', 5)]);
}

#[test]
fn what_lasts_fires_until_it_is_over_and_its_end_is_said_for_a_while() {
    use Stage::{Begun, Once, Over};
    check(&[(0, Begun)], &[('f', 2000)]);
    check(&[(0, Begun), (50, Over)], &[('f', 50), ('r', 30), ('.', 5)]);
    // So short a trouble, or one that is told when it is over, would not be notified at all.
    check(&[(0, Begun), (3, Over)], &[('f', 20), ('r', 30), ('.', 5)]);
    check(&[(0, Begun), (0, Over)], &[('f', 20), ('r', 30), ('.', 5)]);
    check(&[(0, Over)], &[('f', 20), ('r', 30), ('.', 5)]);
    // More of the same while it lasts ends nothing, nor does it begin anew what is over.
    check(&[(0, Begun), (30, Once), (60, Begun), (70, Over)], &[('f', 70), ('r', 30), ('.', 5)]);
    check(&[(0, Begun), (3, Over), (4, Once)], &[('f', 20), ('r', 30), ('.', 5)]);
    check(
        &[(0, Begun), (30, Over), (40, Begun), (70, Over)],
        &[('f', 30), ('r', 10), ('f', 30), ('r', 30), ('.', 2)],
    );
}

#[test]
fn an_alert_that_waited_for_hours_is_firing_when_it_is_told() {
    let check = |stage, now: u64, starts: &str, ends: &str| {
        let notification = Notification { stage, happened: at(60), now: at(now), ..Default::default() };
        let alert = Firing::new(&notification, "").json(at(now));
        assert_eq!((alert["startsAt"].as_str(), alert["endsAt"].as_str()), (Some(starts), Some(ends)));
    };
    check(Stage::Once, 60, "2026-11-21T08:01:00Z", "2026-11-21T08:11:00Z");
    check(Stage::Once, 6 * 3600, "2026-11-21T08:01:00Z", "2026-11-21T14:10:00Z");
    check(Stage::Begun, 6 * 3600, "2026-11-21T08:01:00Z", "2026-11-22T02:00:00Z");
    check(Stage::Over, 6 * 3600, "2026-11-21T08:01:00Z", "2026-11-21T14:10:00Z");
}

#[test]
fn an_end_has_the_time_when_it_was_and_its_own_words() {
    let begun = Notification {
        key: Some("k"),
        stage: Stage::Begun,
        priority: Priority::High,
        text: "down",
        happened: at(0),
        ..Default::default()
    };
    let mut kept = Kept::default();
    kept.keep(kept.firing(&begun, ""));
    (0..40).for_each(|_| kept.grow_older());
    let over = Notification {
        stage: Stage::Over,
        priority: Priority::Low,
        text: "up",
        happened: at(1195),
        now: at(1200),
        ..begun
    };
    let alert = kept.firing(&over, "").json(at(1200));
    assert_eq!(
        (&alert["startsAt"], &alert["endsAt"]),
        (&json!("2026-11-21T08:00:00Z"), &json!("2026-11-21T08:19:55Z"))
    );
    assert_eq!(alert["annotations"]["summary"], "up");
    // Of another priority it would be another alert.
    assert_eq!(alert["labels"]["severity"], "critical");
}

#[test]
fn without_a_clock_no_times_are_said_and_the_end_is_one_all_the_same() {
    let in_1970 = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
    let begun = Notification { key: Some("k"), stage: Stage::Begun, happened: in_1970, ..Default::default() };
    let firing = Firing::new(&begun, "");
    let alert = firing.json(in_1970);
    assert_eq!((alert.get("startsAt"), alert.get("endsAt")), (None, None));
    // Once it is set, it began when that is known.
    let alert = firing.json(at(0));
    assert_eq!(
        (&alert["startsAt"], &alert["endsAt"]),
        (&json!("2026-11-21T08:00:00Z"), &json!("2026-11-21T20:00:00Z"))
    );
    let old = Firing { age: 30, ..firing }.ended(in_1970);
    assert_eq!(old.json(in_1970)["endsAt"], "1970-01-01T00:01:40Z");
    assert_eq!(old.json(at(5))["endsAt"], "2026-11-21T08:00:05Z");
}

#[test]
fn a_trouble_ends_though_the_word_of_it_goes_elsewhere() {
    let begun = Notification {
        key: Some("k"),
        stage: Stage::Begun,
        text: "down",
        happened: at(0),
        ..Default::default()
    };
    let over = Notification { stage: Stage::Over, text: "up", happened: at(1195), now: at(1300), ..begun };
    let mut kept = Kept::default();
    kept.give_up(&over);
    assert!(kept.is_empty(), "nobody knew of it");
    kept.keep(kept.firing(&begun, ""));
    // Word of what lasts ends nothing.
    kept.give_up(&Notification { text: "down again", ..begun });
    kept.give_up(&Notification { stage: Stage::Once, ..begun });
    kept.give_up(&Notification { key: Some("another"), ..over });
    (0..40).for_each(|_| kept.grow_older());
    assert_eq!(kept.json(at(1200))[0]["endsAt"], rfc3339(at(1200) + LASTING));
    kept.give_up(&over);
    let alert = kept.json(at(1300))[0].clone();
    assert_eq!(
        (&alert["endsAt"], &alert["annotations"]["summary"]),
        (&json!("2026-11-21T08:19:55Z"), &json!("up"))
    );
    // It is said for a while, like any end, and again it ends nothing.
    (0..29).for_each(|_| kept.grow_older());
    kept.give_up(&over);
    assert!(!kept.is_empty());
    kept.grow_older();
    assert!(kept.is_empty());
}

#[test]
fn what_is_told_of_no_key_has_the_same_labels_at_its_end() {
    let nothing = Values::of_no_line("EVENT0", "noon".to_owned());
    let back = line("home", "backup done").with(Value::Router, "");
    let one =
        Notification { key: Some(""), values: Some(&nothing), stage: Stage::Begun, ..Default::default() };
    let other = Notification { values: Some(&back), stage: Stage::Over, text: "back after 1 h: x", ..one };
    assert_eq!(labels(&one), labels(&other));
    let mut kept = Kept::default();
    kept.keep(kept.firing(&one, ""));
    kept.keep(kept.firing(&other, ""));
    assert_eq!(kept.json(at(0)).as_array().unwrap().len(), 1);
}

#[test]
fn a_flood_does_not_push_out_what_lasts() {
    let mut kept = Kept::default();
    let begun = Notification { key: Some("k"), stage: Stage::Begun, ..Default::default() };
    assert_eq!(kept.keep(kept.firing(&begun, "")), 0);
    let mut gone = 0;
    for number in 0..5_000 {
        let text = format!("failure {number}");
        gone += kept.keep(kept.firing(&Notification { text: &text, ..Default::default() }, ""));
    }
    let all = kept.json(at(0));
    let all = all.as_array().unwrap();
    assert!((150..1_000).contains(&all.len()) && all.len() + gone == 5_001, "{} {gone}", all.len());
    assert!(all.iter().any(|alert| alert["labels"]["key"] == "k"));
    assert_eq!(all.last().unwrap()["labels"]["text"], "failure 4999");
    assert!(all.iter().map(|alert| alert.to_string().len()).sum::<usize>() < KEPT_BYTES_MAX);
    // Nothing is kept of one that is larger than all of it.
    let text = "x".repeat(KEPT_BYTES_MAX);
    kept.keep(kept.firing(&Notification { text: &text, ..Default::default() }, ""));
    assert!(kept.json(at(0)).as_array().unwrap().len() <= 1);
}
