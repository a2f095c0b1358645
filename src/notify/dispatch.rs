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
use super::sender::{Report, Worker};
use crate::alert::{Alert, DestinationId};
use crate::ring::Ring;
use crate::stats::Stats;
use crate::vars::{Faults, Vars, shown};

/// What one destination's alerts may take in memory (contract of the interface).
const QUEUE_BYTES_MAX: usize = 256 * 1024;

/// 256 KiB are some 1,600 alerts of usual length; the queue's own table stays small.
const QUEUE_ALERTS_MAX: usize = 2048;

/// A sender's call chain is ureq, rustls and getaddrinfo; musl's resolver and a
/// TLS handshake were seen to stay below half of this.
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
            };
            let ending = ending.clone();
            thread::Builder::new().name("sender".to_owned()).stack_size(STACK_BYTES).spawn(move || {
                worker.run();
                drop(ending);
            })?;
        }
        Ok(Dispatch { lanes, stats: Arc::clone(stats), stop, ended })
    }

    /// Puts `alert` into the queue of each of its destinations.
    pub fn accept(&self, alert: Alert) {
        let destinations = Arc::clone(&alert.destinations);
        let alert = Arc::new(alert);
        for lane in destinations.iter().filter_map(|id| self.lanes.get(id.0)) {
            lane.pending.fetch_add(1, Ordering::Relaxed);
            let evicted = lane.queue.push(Arc::clone(&alert));
            lane.pending.fetch_sub(evicted, Ordering::Relaxed);
            self.stats.alerts_evicted.add(evicted);
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
