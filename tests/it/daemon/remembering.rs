//! Rules that remember, in the daemon itself: what the senders report starts and lifts the quiet, what is held is
//! told at the end, and a restart repeats nothing.

use std::time::Instant;

use alertik::memory::{Recalled, Remembered};
use alertik::settings::Settings;

use super::LOGIN_FAILURE;
use crate::support::TempFolder;
use crate::support::daemon::Daemon;
use crate::support::recorder::{Answer, Received, Recorder};
use crate::support::variables::Variables;

fn texts(recorder: &Recorder) -> Vec<String> {
    recorder.received().iter().map(Received::text).collect()
}

/// An event with a cooldown, and one that tells every line with `marker`.
fn variables(recorder: &Recorder) -> Variables {
    Variables::new()
        .generic(1, recorder)
        .with("ALERT_SUFFIX", "")
        .with("SELF_NOTIFIER", "Console")
        .regex("Generic1", "line ([a-z]+)", "line @1")
        .with("EVENT0_COOLDOWN", "1h")
        .substr("Generic1", "marker", "marker")
}

#[test]
fn a_flood_of_failed_logins_is_a_handful_of_messages_with_the_attacker_and_the_count() {
    const FAILURES: usize = 10_000;
    let recorder = Recorder::start();
    let pacer = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).generic(2, &pacer).with("ALERT_SUFFIX", "");
    let variables = variables.with("STATIC_EVENTS_ENABLED", "starter").substr("Generic2", "marker", "marker");
    let daemon = Daemon::start(
        &variables.with("STATIC_EVENT1_NOTIFIER", "Generic1").with("STATIC_EVENT2_NOTIFIER", "Generic1"),
    );
    // A burst at a time, each read before the next: no line is to be lost here.
    for burst in 1..=FAILURES / 1000 {
        (0..1000).for_each(|_| daemon.send(LOGIN_FAILURE));
        daemon.send("system,info marker");
        pacer.wait_for(burst);
    }
    recorder.wait_for(2);
    let ended = daemon.stop("TERM");
    let texts = texts(&recorder);
    assert!(texts.len() <= 10 && texts.iter().all(|text| text.contains("192.168.88.17")), "{texts:#?}");
    let counted: usize = texts
        .iter()
        .filter_map(|text| text.split(" … and ").nth(1)?.split(' ').next()?.parse::<usize>().ok())
        .sum();
    // Rule 1 told one and held four, rule 2 told these five and held the rest.
    assert_eq!(counted, FAILURES - 1, "{texts:#?}\n{}", ended.whole());
}

#[test]
fn only_what_was_delivered_is_followed_by_quiet() {
    let recorder = Recorder::queued([Answer::status(422)]);
    let daemon = Daemon::start(&variables(&recorder));
    daemon.send("system,info line a");
    recorder.wait_for(1);
    // It was refused for good. Once the next is told, the worker has heard of that.
    daemon.send("system,info marker");
    recorder.wait_for(2);
    daemon.send("system,info line b");
    recorder.wait_for(3);
    daemon.send("system,info line c");
    daemon.send("system,info marker");
    recorder.wait_for(4);
    let _ = daemon.stop("TERM");
    assert_eq!(
        texts(&recorder),
        ["line a", "marker", "line b", "marker", "line b … and 1 more, the last: … c"]
    );
}

#[test]
fn a_restart_repeats_nothing_and_forgets_no_count() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let recorder = Recorder::start();
    let with_state = variables(&recorder).with("STATE_DIR", &state);
    let daemon = Daemon::start(&with_state);
    daemon.send("system,info line a");
    recorder.wait_for(1);
    daemon.wait_for_log("delivered", &[]);
    daemon.send("system,info line a");
    daemon.send("system,info marker");
    recorder.wait_for(2);
    let _ = daemon.stop("TERM");

    let daemon = Daemon::start(&with_state);
    daemon.send("system,info line a");
    daemon.send("system,info marker");
    recorder.wait_for(3);
    let _ = daemon.stop("TERM");
    assert_eq!(texts(&recorder), ["line a", "marker", "marker"]);

    // The cooldown is over sooner than it was to be, and what both processes held is told.
    let short = with_state.with("EVENT0_COOLDOWN", "1s");
    let daemon = Daemon::start(&short);
    recorder.wait_for(4);
    let _ = daemon.stop("TERM");
    assert_eq!(texts(&recorder).last().map(String::as_str), Some("line a … and 2 more"));
}

#[test]
fn a_process_that_is_killed_has_told_and_tells_once() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let recorder = Recorder::start();
    let with_state = variables(&recorder).with("STATE_DIR", &state);
    let daemon = Daemon::start(&with_state);
    daemon.send("system,info line a");
    recorder.wait_for(1);
    // Once the next is tried, the first is done with. The marker itself may come twice.
    daemon.send("system,info marker");
    recorder.wait_for(2);
    let _ = daemon.stop("KILL");
    // The alert is not owed any more, so it was told: the quiet lasts.
    let daemon = Daemon::start(&with_state);
    daemon.send("system,info line a");
    daemon.send("system,info the last marker");
    let _ = daemon.wait_for_log("delivered", &[]);
    let _ = daemon.stop("TERM");
    let told: Vec<_> = texts(&recorder).into_iter().filter(|text| text != "marker").collect();
    assert_eq!(told, ["line a"]);
}

#[test]
fn what_was_held_for_a_rule_that_is_gone_is_told_as_ours() {
    let folder = TempFolder::new();
    let recorder = Recorder::start();
    let with_state = variables(&recorder).with("STATE_DIR", folder.path("state"));
    let daemon = Daemon::start(&with_state);
    (0..3).for_each(|_| daemon.send("system,info line a"));
    recorder.wait_for(1);
    daemon.send("system,info marker");
    recorder.wait_for(2);
    let _ = daemon.stop("TERM");
    let others = Variables::new().generic(1, &recorder).with("STATIC_EVENTS_ENABLED", "5");
    let daemon = Daemon::start(&others.with("STATE_DIR", folder.path("state")));
    let text = recorder.wait_for_text(|text| text.contains("not configured any more")).text();
    assert!(text.contains("EVENT0: line a … and 2 more"), "{text}");
    let _ = daemon.stop("TERM");
}

#[test]
fn what_no_rule_asks_for_any_more_is_forgotten() {
    let mut rules = Settings::read([]).0.unwrap().rules;
    let remembered = |name: &str| Remembered { name: name.to_owned(), value: vec![0; 9], written: None };
    let names = ["EVENT9\0k", "STATIC_EVENT1\0not to be read", "STATIC_EVENT5\0k"];
    let recalled = Recalled { remembered: names.map(remembered).into(), ..Recalled::default() };
    rules.recall(&recalled, Instant::now());
    let changes = rules.take_changes(Instant::now());
    assert_eq!(changes.iter().map(|change| &*change.name).collect::<Vec<_>>(), names);
    assert!(changes.iter().all(|change| change.value.is_none()));
    assert!(rules.take_changes(Instant::now()).is_empty());
}
