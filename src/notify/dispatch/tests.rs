//! Delivery by services that answer what a test says.

use super::*;
use crate::alert::{AlertId, Priority, Stage};
use crate::notify::{Notification, Notifier, Outcome};
use crossbeam_channel::unbounded;
use std::path::Path;

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
    (Destination { name: "Scripted".to_owned(), notifier }, texts, answer)
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
    let settings = Settings { expire, alerts_per_hour_max: None, fallback: Vec::new(), state_dir };
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
        Report::Settled { alert, is_delivered } => Some((alert.key.as_deref()?.to_owned(), is_delivered)),
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
    assert_eq!(stats.delivered.count(), 2);
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
        assert_eq!((texts.iter().count(), stats.delivered.count()), (0, 0));
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
    while stats.expired.count() < 3 && Instant::now() < deadline {
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
    assert_eq!(texts.iter().count(), stats.delivered.count());
    assert_eq!(stats.delivered.count() + stats.alerts_evicted.count(), 500);
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

#[test]
fn a_span_has_a_unit_and_an_end() {
    let check = |text, seconds: Option<u64>| {
        assert_eq!(read_span(text), seconds.map(Duration::from_secs), "{text}");
    };
    check("90s", Some(90));
    check("10m", Some(600));
    check(" 24h ", Some(86_400));
    check("7d", Some(604_800));
    for bad in ["", "s", "10", "0s", "-1m", "+1m", "1.5h", "366d", "99999999999999999999d", "1w", "é"] {
        check(bad, None);
    }
}
