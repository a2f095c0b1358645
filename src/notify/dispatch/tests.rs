//! Delivery by services that answer what a test says.

use super::*;
use crate::alert::{AlertId, Priority, Stage};
use crate::notify::{Notification, Notifier, Outcome};
use crossbeam_channel::unbounded;

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
    let stats = Arc::new(Stats::default());
    let dispatch = Dispatch::start(
        destinations,
        &Settings { expire, state_dir: None },
        &Zone::utc(),
        &stats,
        Arc::new(drop),
    );
    (dispatch.unwrap(), stats)
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
