//! Hands alerts to the senders, and stops them.
//!
//! The worker calls [`Dispatch::accept`], which never waits: each destination's
//! queue takes the alert or, when it is full, lets its oldest one go, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::destinations::Destination;
use super::sender::{Paces, Report, Worker};
use crate::alert::{Alert, DestinationId};
use crate::ring::Ring;
use crate::stats::Stats;
use crate::vars::{Faults, Vars, shown};

/// What one destination's alerts may take in memory (contract of the interface).
const QUEUE_BYTES_MAX: usize = 256 * 1024;

/// 256 KiB are some 1,600 alerts of usual length; the queue's own table stays small.
const QUEUE_ALERTS_MAX: usize = 2048;

/// A sender's call chain is ureq and rustls (names are looked up on a thread of
/// their own). A TLS handshake with a chain of four RSA certificates of 4,096 bits,
/// and then an answer of JSON as deep as serde_json reads it (128 levels), used
/// 56 KiB, on 32-bit ARM 44; in a debug build 216.
const STACK_BYTES: usize = 256 * 1024;

/// What delivery as a whole is told by variables.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Older alerts are not sent any more.
    pub expire: Duration,
}

impl Settings {
    /// Reads `ALERT_EXPIRE` (default a day).
    pub fn read(vars: &Vars, faults: &mut Faults) -> Settings {
        let default = Duration::from_secs(24 * 3600);
        let expire = vars.text("ALERT_EXPIRE").map_or(Some(default), |text| {
            let span = read_span(text);
            if span.is_none() {
                let text = shown(text);
                faults
                    .fault(format!("ALERT_EXPIRE: {text} is not a time span (expected 90s, 10m, 24h or 7d)"));
            }
            span
        });
        Settings { expire: expire.unwrap_or(default) }
    }
}

/// `90s`, `10m`, `24h`, `7d`; more than nothing, and at most a year.
pub fn read_span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    let number: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=365 * 24 * 3600).contains(seconds))?;
    Some(Duration::from_secs(seconds))
}

/// The senders at work.
pub struct Dispatch {
    lanes: Vec<Lane>,
    stats: Arc<Stats>,
    /// Dropped when it is time to stop.
    stop: Sender<()>,
    /// Closed when every sender has ended.
    ended: Receiver<()>,
}

struct Lane {
    name: String,
    queue: Ring<Arc<Alert>>,
    pending: Arc<AtomicUsize>,
}

impl Dispatch {
    /// Starts a thread for each destination; `report` takes what the senders have to say.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        destinations: Vec<Destination>,
        settings: &Settings,
        stats: &Arc<Stats>,
        report: Arc<dyn Fn(Report) + Send + Sync>,
    ) -> std::io::Result<Dispatch> {
        let (stop, stopped) = bounded(0);
        let (ending, ended) = bounded::<()>(0);
        let mut lanes = Vec::new();
        for (index, destination) in destinations.into_iter().enumerate() {
            let queue = Ring::new(QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX);
            let pending = Arc::new(AtomicUsize::new(0));
            lanes.push(Lane {
                name: destination.name.clone(),
                queue: queue.clone(),
                pending: Arc::clone(&pending),
            });
            let worker = Worker {
                id: DestinationId(index),
                destination,
                queue,
                pending,
                expire: settings.expire,
                stats: Arc::clone(stats),
                report: Arc::clone(&report),
                stop: stopped.clone(),
                paces: Paces::default(),
            };
            let ending = ending.clone();
            thread::Builder::new().name("sender".to_owned()).stack_size(STACK_BYTES).spawn(move || {
                worker.run();
                drop(ending);
            })?;
        }
        Ok(Dispatch { lanes, stats: Arc::clone(stats), stop, ended })
    }

    /// Puts `alert` into the queue of each of its destinations. One about ourselves
    /// goes only where there is room: told in another's place it would be the next loss.
    pub fn accept(&self, alert: Alert) {
        let destinations = Arc::clone(&alert.destinations);
        let alert = Arc::new(alert);
        for lane in destinations.iter().filter_map(|id| self.lanes.get(id.0)) {
            if alert.is_own() && !lane.queue.has_room_for(&alert) {
                continue;
            }
            lane.pending.fetch_add(1, Ordering::Relaxed);
            lane.queue.push_evicting(Arc::clone(&alert), |oldest| {
                lane.pending.fetch_sub(1, Ordering::Relaxed);
                if !oldest.is_own() {
                    self.stats.alerts_evicted.add_one();
                }
            });
        }
    }

    /// The name of a destination.
    pub fn name(&self, id: DestinationId) -> &str {
        self.lanes.get(id.0).map_or("", |lane| &lane.name)
    }

    /// Every destination.
    pub fn ids(&self) -> impl Iterator<Item = DestinationId> {
        (0..self.lanes.len()).map(DestinationId)
    }

    /// Lets every sender try once more what is due, waits for them until `deadline`,
    /// and says what was left: name and number of alerts.
    pub fn stop(self, deadline: Instant) -> Vec<(String, usize)> {
        drop(self.stop);
        // A sender that is waiting for an answer is left behind: the process ends.
        let _ = self.ended.recv_deadline(deadline);
        let left = self.lanes.into_iter().map(|lane| (lane.name, lane.pending.load(Ordering::Relaxed)));
        left.filter(|(_, pending)| *pending > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::AlertId;
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
        (Destination { name: "Scripted".to_owned(), notifier }, texts, answer)
    }

    fn start(destinations: Vec<Destination>, expire: Duration) -> (Dispatch, Arc<Stats>) {
        let stats = Arc::new(Stats::default());
        let dispatch = Dispatch::start(destinations, &Settings { expire }, &stats, Arc::new(drop));
        (dispatch.unwrap(), stats)
    }

    fn alert(text: &str, destinations: usize) -> Alert {
        Alert {
            id: AlertId::fresh(),
            rule: "EVENT0".into(),
            text: text.to_owned(),
            suffix: String::new(),
            destinations: (0..destinations).map(DestinationId).collect(),
            arrived: Instant::now(),
            unset: None,
            values: None,
        }
    }

    fn stop(dispatch: Dispatch, patience: Duration) -> Vec<(String, usize)> {
        dispatch.stop(Instant::now() + patience)
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
        for outcome in [
            Outcome::TooFast { wait: Some(PATIENCE), reason: reason() },
            Outcome::Parked { reason: reason() },
        ] {
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
}
