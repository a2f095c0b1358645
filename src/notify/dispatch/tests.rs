//! Delivery by services that answer what a test says.

use super::*;
use crate::alert::{AlertId, Priority, Stage};
use crate::memory::Owed;
use crate::notify::queue::{QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX};
use crate::notify::{Notification, Notifier, Outcome, Report};
use crossbeam_channel::unbounded;
use std::path::Path;

mod offered;

const DELIVERED: Outcome = Outcome::Delivered { pause: None };
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells the test each text it is given, and answers what the test says; when
/// the test says no more, all is delivered.
struct Scripted {
    told: Sender<String>,
    answers: Receiver<Outcome>,
}

impl Notifier for Scripted {
    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        let _ = self.told.send(notification.whole());
        self.answers.recv().unwrap_or(DELIVERED)
    }

    fn armor_chars_max(&self) -> Option<usize> {
        None
    }
}

/// A destination, what it is told, and how it answers.
fn scripted() -> (Destination, Receiver<String>, Sender<Outcome>) {
    let (told, texts) = unbounded();
    let (answer, answers) = unbounded();
    let notifier = Box::new(Scripted { told, answers });
    (Destination { name: "Scripted".to_owned(), notifier, pulse: Arc::default() }, texts, answer)
}

fn start(destinations: Vec<Destination>, expire: Duration) -> (Dispatch, Arc<Stats>) {
    let (dispatch, stats, _) = start_in(None, destinations, expire);
    (dispatch, stats)
}

/// The same with a folder, and with what is reported.
fn start_in(
    state_dir: Option<&Path>,
    destinations: Vec<Destination>,
    expire: Duration,
) -> (Dispatch, Arc<Stats>, Receiver<Report>) {
    let stats = Arc::new(Stats::default());
    let (said, reports) = unbounded();
    let state_dir = state_dir.map(Path::to_owned);
    let settings = Settings {
        expire,
        alerts_per_hour_max: None,
        fallback: Vec::new(),
        state_dir,
        is_numbered: false,
        page_url: None,
    };
    let report = Arc::new(move |report| drop(said.send(report)));
    let dispatch = Dispatch::start(destinations, &settings, &Zone::utc(), &stats, report);
    (dispatch.unwrap(), stats, reports)
}

fn alert(text: &str, destinations: usize) -> Alert {
    Alert {
        id: AlertId::fresh(),
        rule: "EVENT0".into(),
        key: None,
        priority: Priority::default(),
        stage: Stage::default(),
        text: text.to_owned(),
        suffix: String::new(),
        attachment: None,
        destinations: (0..destinations).map(DestinationId).collect(),
        arrived: Instant::now(),
        unset: None,
        values: None,
    }
}

/// One whose rule remembers: what it is told and its key are the same.
fn keyed(text: &str, destinations: usize) -> Alert {
    Alert { key: Some(text.into()), ..alert(text, destinations) }
}

/// The ends that were reported, sorted: key, and whether it was told.
fn ends(reports: &Receiver<Report>) -> Vec<(String, bool)> {
    let end = |report| match report {
        Report::Settled { alert, is_delivered } => Some((alert.key.to_string(), is_delivered)),
        _ => None,
    };
    let mut ends: Vec<_> = reports.try_iter().filter_map(end).collect();
    ends.sort();
    ends
}

fn end(key: &str, is_delivered: bool) -> (String, bool) {
    (key.to_owned(), is_delivered)
}

/// A folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("alertik-dispatch-{name}-{}", std::process::id()))
}

fn stop(dispatch: Dispatch, patience: Duration) -> Vec<(String, usize)> {
    let left = dispatch.stop(Instant::now() + patience);
    left.into_iter().map(|left| (left.name, left.in_memory)).collect()
}

fn reason() -> String {
    String::new()
}

#[test]
fn a_notifier_that_hangs_delays_no_other() {
    let ((hanging, _, answer), (other, texts, _)) = (scripted(), scripted());
    let (dispatch, _) = start(vec![hanging, other], PATIENCE);
    dispatch.accept(alert("a", 2));
    dispatch.accept(alert("b", 2));
    assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("a"));
    assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("b"));
    assert_eq!(stop(dispatch, Duration::ZERO), [("Scripted".to_owned(), 2)]);
    drop(answer);
}

#[test]
fn a_stop_tries_once_more_what_failed() {
    let (destination, texts, answer) = scripted();
    let (dispatch, stats) = start(vec![destination], PATIENCE);
    dispatch.accept(alert("a", 1));
    dispatch.accept(alert("b", 1));
    answer.send(Outcome::Failed { reason: reason() }).unwrap();
    assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("a"));
    drop(answer);
    assert_eq!(stop(dispatch, PATIENCE), []);
    assert_eq!(texts.iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(stats.deliveries.delivered.count(), 2);
}

#[test]
fn a_stop_uses_what_was_changed_just_before() {
    let (destination, texts, answer) = scripted();
    let (dispatch, _) = start(vec![destination], PATIENCE);
    dispatch.accept(alert("a", 1));
    assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("a"));
    let stopping = thread::spawn(move || stop(dispatch, PATIENCE));
    answer.send(Outcome::Failed { reason: reason() }).unwrap();
    answer.send(Outcome::Again { reason: reason() }).unwrap();
    drop(answer);
    assert_eq!(stopping.join().unwrap(), []);
    assert_eq!(texts.iter().collect::<Vec<_>>(), ["a", "a"]);
}

#[test]
fn a_stop_leaves_alone_who_asked_for_it_and_says_what_is_left() {
    for outcome in
        [Outcome::TooFast { wait: Some(PATIENCE), reason: reason() }, Outcome::Parked { reason: reason() }]
    {
        let (destination, texts, answer) = scripted();
        let (dispatch, stats) = start(vec![destination], PATIENCE);
        dispatch.accept(alert("a", 1));
        dispatch.accept(alert("b", 1));
        answer.send(outcome).unwrap();
        assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("a"));
        assert_eq!(stop(dispatch, PATIENCE), [("Scripted".to_owned(), 2)]);
        assert_eq!((texts.iter().count(), stats.deliveries.delivered.count()), (0, 0));
    }
}

#[test]
fn an_alert_that_expires_does_not_let_the_next_knock_at_once() {
    let (destination, texts, answer) = scripted();
    let (dispatch, stats) = start(vec![destination], Duration::from_millis(50));
    for text in ["a", "b", "c"] {
        dispatch.accept(alert(text, 1));
    }
    answer.send(Outcome::Parked { reason: reason() }).unwrap();
    drop(answer);
    let deadline = Instant::now() + PATIENCE;
    while stats.deliveries.expired.count() < 3 && Instant::now() < deadline {
        thread::yield_now();
    }
    assert_eq!(stop(dispatch, PATIENCE), []);
    // None at all, if this machine was slower than that.
    assert!(texts.iter().count() <= 1);
}

#[test]
fn an_alert_larger_than_the_queue_is_delivered() {
    let (destination, texts, answer) = scripted();
    let (dispatch, _) = start(vec![destination], PATIENCE);
    drop(answer);
    let text = "x".repeat(QUEUE_BYTES_MAX + 1);
    dispatch.accept(alert(&text, 1));
    assert_eq!(texts.recv_timeout(PATIENCE), Ok(text));
    assert_eq!(stop(dispatch, PATIENCE), []);
}

#[test]
fn what_is_evicted_and_what_is_delivered_add_up() {
    let (destination, texts, answer) = scripted();
    let (dispatch, stats) = start(vec![destination], PATIENCE);
    drop(answer);
    let text = "x".repeat(QUEUE_BYTES_MAX / 4);
    for _ in 0..500 {
        dispatch.accept(alert(&text, 1));
    }
    assert_eq!(stop(dispatch, PATIENCE), []);
    assert_eq!(texts.iter().count(), stats.deliveries.delivered.count());
    assert_eq!(stats.deliveries.delivered.count() + stats.alerts_evicted.count(), 500);
}

#[test]
fn what_rules_remember_comes_back_with_what_is_still_owed() {
    let folder = folder("memory");
    let change = |name: &str, value: &[u8]| {
        let at = Instant::now();
        Change { name: name.to_owned(), value: Some(value.to_owned()), at }
    };
    let keyed = || keyed("a", 1);
    let (destination, texts, answer) = scripted();
    let (mut dispatch, ..) = start_in(Some(&folder), vec![destination], PATIENCE);
    assert!(dispatch.keeps_memory() && dispatch.recall() == Recalled::default());
    let (told, owed) = (keyed(), keyed());
    let id = owed.id;
    dispatch.remember(vec![change("a", b"1"), change("b", b"1")]);
    dispatch.accept(told);
    dispatch.remember(vec![change("a", b"2")]);
    dispatch.accept(owed);
    answer.send(DELIVERED).unwrap();
    answer.send(Outcome::Parked { reason: reason() }).unwrap();
    (0..2).for_each(|_| _ = texts.recv_timeout(PATIENCE).unwrap());
    // No alert follows: it is written at the stop.
    let last = change("c", b"");
    dispatch.remember(vec![last.clone()]);
    assert_eq!(stop(dispatch, PATIENCE), [("Scripted".to_owned(), 0)]);

    let (destination, ..) = scripted();
    let (mut dispatch, ..) = start_in(Some(&folder), vec![destination], PATIENCE);
    let Recalled { remembered, owed, .. } = dispatch.recall();
    assert_eq!(dispatch.recall(), Recalled::default());
    stop(dispatch, PATIENCE);
    std::fs::remove_dir_all(folder).unwrap();
    let values: Vec<_> = remembered.iter().map(|all| (&*all.name, &*all.value)).collect();
    assert_eq!(values, [("b", &b"1"[..]), ("a", b"2"), ("c", b"")]);
    // Uptimes are known to a hundredth of a second.
    let written = remembered[2].written.unwrap();
    let apart = written.max(last.at) - written.min(last.at);
    assert!(apart < Duration::from_millis(50), "{apart:?}");
    let expected = Owed { rule: "EVENT0".into(), key: "a".into(), id, is_settled_elsewhere: false };
    assert_eq!(owed, [expected]);
}

#[test]
fn without_a_disk_nothing_is_remembered_for_later() {
    let (mut dispatch, _) = start(vec![], PATIENCE);
    assert!(!dispatch.keeps_memory());
    dispatch.remember(vec![Change { name: String::new(), value: None, at: Instant::now() }]);
    assert_eq!(dispatch.recall(), Recalled::default());
}

#[test]
fn each_destination_reports_the_end_of_an_alert_whose_rule_remembers() {
    let ((first, _, answer), (second, _, refuse)) = (scripted(), scripted());
    let (dispatch, _, reports) = start_in(None, vec![first, second], PATIENCE);
    drop(answer);
    refuse.send(Outcome::Rejected { reason: reason() }).unwrap();
    drop(refuse);
    dispatch.accept(keyed("a", 2));
    dispatch.accept(alert("no key", 2));
    dispatch.accept(keyed("b", 1));
    assert_eq!(stop(dispatch, PATIENCE), []);
    assert_eq!(ends(&reports), [end("a", false), end("a", true), end("b", true)]);
}

#[test]
fn what_expires_or_is_evicted_is_reported_as_not_told() {
    let (destination, texts, answer) = scripted();
    let (dispatch, _, reports) = start_in(None, vec![destination], Duration::from_millis(50));
    dispatch.accept(keyed("a", 1));
    assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("a"));
    for number in 0..=QUEUE_ALERTS_MAX {
        dispatch.accept(keyed(&format!("b{number}"), 1));
    }
    let evicted = ends(&reports);
    assert!(evicted.contains(&end("b0", false)), "{evicted:?}");
    // It expires, and the others while they wait behind it.
    answer.send(Outcome::Parked { reason: reason() }).unwrap();
    drop(answer);
    let (mut ended, deadline) = (evicted.len(), Instant::now() + PATIENCE);
    while ended < QUEUE_ALERTS_MAX + 2 && Instant::now() < deadline {
        let new = ends(&reports);
        assert!(new.iter().all(|(_, is_delivered)| !is_delivered));
        ended += new.len();
        thread::yield_now();
    }
    assert_eq!(ended, QUEUE_ALERTS_MAX + 2);
    assert_eq!(stop(dispatch, PATIENCE), []);
}

#[test]
fn what_is_read_back_after_a_restart_is_reported_too() {
    let folder = folder("reports");
    // Parked, so that both are kept; then it is back; then it is not configured any more.
    for (name, expected) in [("Scripted", end("a", true)), ("Other", end("a", false))] {
        let (destination, texts, answer) = scripted();
        let (dispatch, _, reports) = start_in(Some(&folder), vec![destination], PATIENCE);
        answer.send(Outcome::Parked { reason: reason() }).unwrap();
        dispatch.accept(keyed("a", 1));
        assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("a"));
        stop(dispatch, PATIENCE);
        assert_eq!(ends(&reports), []);

        let (mut destination, ..) = scripted();
        destination.name = name.to_owned();
        let (dispatch, _, reports) = start_in(Some(&folder), vec![destination], PATIENCE);
        stop(dispatch, PATIENCE);
        assert_eq!(ends(&reports), [expected]);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_the_spool_or_the_inbox_evicts_is_reported_as_not_told() {
    let folder = folder("evicted");
    let (destination, texts, answer) = scripted();
    let (dispatch, stats, reports) = start_in(Some(&folder), vec![destination], PATIENCE);
    let text = "x".repeat(8_000);
    dispatch.accept(keyed("first", 1));
    assert_eq!(texts.recv_timeout(PATIENCE).as_deref(), Ok("first"));
    for number in 0..1_000 {
        dispatch.accept(Alert { text: text.clone(), ..keyed(&number.to_string(), 1) });
    }
    drop(answer);
    stop(dispatch, PATIENCE);
    std::fs::remove_dir_all(folder).unwrap();
    let ends = ends(&reports);
    let evicted = ends.iter().filter(|(_, is_delivered)| !is_delivered).count();
    assert_eq!((ends.len(), evicted), (1_001, stats.alerts_evicted.count()));
    assert!(evicted > 0);
}
