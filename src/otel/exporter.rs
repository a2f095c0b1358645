//! The exporter: a thread that sends figures at their pace, and copies of alerts as they come.
//!
//! ```text
//!   Copies ─► ring, 256 at most ─► batch, 64 at most ─► POST ─┬─ taken, or refused: forgotten
//!                                     ▲                        │
//!                                     └── waits ◄── again ─────┘
//!   figures, gathered anew for each attempt ─► POST
//! ```
//!
//! The worker hands a copy to the ring and goes on; when the ring is full the oldest copy goes. Figures are
//! cumulative, so an attempt that failed is made up for by the next. Nothing goes out before the clock is set: a
//! collector files everything by its time.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::course::{Course, Judged, Said, judge};
use super::{Settings, Signal, json};
use crate::alert::{Alert, is_set, wall_time};
use crate::figures::tor::Tor;
use crate::figures::{self, NotifierCard, Source};
use crate::log;
use crate::network::Routers;
use crate::ring::{Popped, Ring};
use crate::stats::Stats;

/// Copies that wait: a storm of an hour, at the pace at which notifiers are told, four times over.
const COPIES_MAX: usize = 256;

/// And what they may take in memory.
const COPIES_BYTES_MAX: usize = 256 * 1024;

/// Copies in one request.
const BATCH_MAX: usize = 64;

/// Alerts come in company; a second is also the pace of OpenTelemetry's own (`OTEL_BLRP_SCHEDULE_DELAY`).
const GATHERING: Duration = Duration::from_secs(1);

/// Notifiers, too, give an alert up after a day, unless they are told otherwise.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// How often an unset clock is looked at.
const CLOCK_LOOK: Duration = Duration::from_secs(5);

/// What the last attempts may take, within the stop of the whole.
const FLUSH: Duration = Duration::from_secs(2);

/// Where copies of alerts are put; clones share it.
#[derive(Clone)]
pub struct Copies {
    ring: Ring<Arc<Alert>>,
    stats: Arc<Stats>,
}

impl Copies {
    /// Nothing yet, of what `settings` want, if they want any.
    pub fn new(settings: &Settings, stats: &Arc<Stats>) -> Option<Copies> {
        let copies = || Copies { ring: Ring::new(COPIES_MAX, COPIES_BYTES_MAX), stats: Arc::clone(stats) };
        settings.logs.is_some().then(copies)
    }

    /// Takes a copy. Never waits.
    pub fn take(&self, alert: &Arc<Alert>) {
        self.stats.copies_lost.add(self.ring.push(Arc::clone(alert)));
    }
}

/// Everything the thread works with.
pub struct Exporter {
    /// What goes where.
    pub settings: Settings,
    /// What the worker has put there.
    pub copies: Option<Copies>,
    /// What is counted.
    pub stats: Arc<Stats>,
    /// Names for senders.
    pub routers: Routers,
    /// The notifiers.
    pub notifiers: Arc<[NotifierCard]>,
    /// What Tor said last, if it is asked.
    pub tor: Option<Arc<Tor>>,
    /// When the process started.
    pub start: Instant,
    /// The same by the wall, as of the first export: a sum with another start is another sum.
    pub began: OnceLock<SystemTime>,
    /// Closed when it is time to stop.
    pub stop: Receiver<()>,
    /// Dropped when all is sent, or left.
    pub ended: Sender<()>,
}

/// How one signal fares.
struct Lane {
    due: Instant,
    course: Course,
}

impl Lane {
    fn new(due: Instant) -> Lane {
        Lane { due, course: Course::default() }
    }

    /// Takes in an answer, and says what is to be said; how long to wait before the same is sent again, if it is.
    fn settle(&mut self, signal: &str, judged: Judged, now: Instant) -> Option<Duration> {
        let chance = RandomState::new().build_hasher().finish();
        let (wait, said) = self.course.settle(judged, now, chance);
        match said {
            None => {}
            Some(Said::Failed { reason, failures }) => {
                log::warn(
                    "export failed",
                    &[("signal", &signal), ("failures", &failures), ("reason", &reason)],
                );
            }
            Some(Said::Again { failures }) => {
                log::info("export works again", &[("signal", &signal), ("failures", &failures)]);
            }
            Some(Said::Part { rejected, reason }) => {
                let values: log::Values<'_> =
                    &[("signal", &signal), ("rejected", &rejected), ("reason", &reason)];
                log::warn("export taken in part", values);
            }
        }
        wait
    }
}

impl Exporter {
    /// Works until it is told to stop.
    pub fn run(self) {
        let now = Instant::now();
        let (mut metrics, mut logs) = (Lane::new(now), Lane::new(now));
        let mut batch: Vec<Arc<Alert>> = Vec::new();
        let mut has_waited = false;
        loop {
            let now = (Instant::now(), SystemTime::now());
            if !is_set(now.1) && !std::mem::replace(&mut has_waited, true) {
                log::warn("export waits", &[("reason", &"the clock is not set")]);
            }
            let mut next = now.0 + CLOCK_LOOK;
            if is_set(now.1) {
                self.export_metrics(&mut metrics, now);
                self.export_logs(&mut logs, &mut batch, now);
                let of_metrics = self.settings.metrics.as_ref().map(|_| metrics.due);
                let of_logs = (!batch.is_empty()).then_some(logs.due);
                // An hour without anything to do is as good as any other.
                next =
                    of_metrics.into_iter().chain(of_logs).min().unwrap_or(now.0 + Duration::from_secs(3600));
            }
            // With a full batch the others wait in the ring, which counts what it loses.
            let popped = match self.copies.as_ref().filter(|_| batch.len() < BATCH_MAX) {
                Some(copies) => copies.ring.pop(&self.stop, Some(next)),
                None => match self.stop.recv_timeout(next.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => Popped::Nothing,
                    _ => Popped::Closed,
                },
            };
            match popped {
                Popped::Item(alert) => {
                    if batch.is_empty() && !logs.course.is_failing() {
                        logs.due = logs.due.max(Instant::now() + GATHERING);
                    }
                    batch.push(alert);
                    if batch.len() >= BATCH_MAX && !logs.course.is_failing() {
                        logs.due = Instant::now();
                    }
                }
                Popped::Nothing => {}
                Popped::Called(()) | Popped::Closed => break,
            }
        }
        self.flush(batch, (&metrics, &logs));
        drop(self.ended);
    }

    /// Sends the figures, if they are due.
    fn export_metrics(&self, lane: &mut Lane, now: (Instant, SystemTime)) {
        let Some(signal) = self.settings.metrics.as_ref().filter(|_| lane.due <= now.0) else { return };
        let judged = self.send_metrics(signal, signal.timeout, now);
        let ended = Instant::now();
        lane.due = match lane.settle("metrics", judged, ended) {
            Some(wait) => ended + wait,
            None => (now.0 + self.settings.every).max(ended),
        };
    }

    fn send_metrics(&self, signal: &Signal, limit: Duration, now: (Instant, SystemTime)) -> Judged {
        let source = Source {
            stats: &self.stats,
            routers: &self.routers,
            notifiers: &self.notifiers,
            tor: self.tor.as_deref(),
            start: self.start,
        };
        let start = *self.began.get_or_init(|| wall_time(self.start, now));
        let body = json::metrics(&figures::gather(&source, now), &self.settings.resource, start, now.1);
        let answer = signal.client.send_within(signal.request(body), limit);
        judge(answer, "/partialSuccess/rejectedDataPoints")
    }

    /// Sends the batch, if it is due; what is not to be sent again leaves it.
    fn export_logs(&self, lane: &mut Lane, batch: &mut Vec<Arc<Alert>>, now: (Instant, SystemTime)) {
        let is_due = !batch.is_empty() && lane.due <= now.0;
        let Some(signal) = self.settings.logs.as_ref().filter(|_| is_due) else { return };
        let judged = self.send_logs(signal, signal.timeout, batch, now);
        let lost = match &judged {
            Judged::Taken { rejected, .. } => (*rejected).min(batch.len()),
            Judged::Refused { .. } => batch.len(),
            Judged::Again { .. } => 0,
        };
        self.stats.copies_lost.add(lost);
        let ended = Instant::now();
        match lane.settle("logs", judged, ended) {
            None => batch.clear(),
            Some(wait) => {
                lane.due = ended + wait;
                let before = batch.len();
                batch.retain(|alert| ended.saturating_duration_since(alert.arrived) < AGE_MAX);
                self.stats.copies_lost.add(before - batch.len());
            }
        }
    }

    fn send_logs(
        &self,
        signal: &Signal,
        limit: Duration,
        batch: &[Arc<Alert>],
        now: (Instant, SystemTime),
    ) -> Judged {
        let body = json::logs(batch.iter().map(|alert| &**alert), &self.settings.resource, now);
        let answer = signal.client.send_within(signal.request(body), limit);
        judge(answer, "/partialSuccess/rejectedLogRecords")
    }

    /// One last time, all there is, unless the collector has just been away; and says what is left.
    fn flush(&self, mut batch: Vec<Arc<Alert>>, (metrics, logs): (&Lane, &Lane)) {
        let deadline = Instant::now() + FLUSH;
        let limit = |signal: &Signal| {
            let left = deadline.saturating_duration_since(Instant::now());
            (!left.is_zero()).then_some(left.min(signal.timeout))
        };
        let now = || (Instant::now(), SystemTime::now());
        let is_useful = |lane: &Lane| is_set(SystemTime::now()) && !lane.course.is_failing();
        if let Some(signal) = self.settings.logs.as_ref().filter(|_| is_useful(logs)) {
            while let Some(limit) = limit(signal) {
                let room = BATCH_MAX.saturating_sub(batch.len());
                let ring = self.copies.iter().flat_map(|copies| std::iter::from_fn(|| copies.ring.try_pop()));
                batch.extend(ring.take(room));
                if batch.is_empty()
                    || !matches!(self.send_logs(signal, limit, &batch, now()), Judged::Taken { .. })
                {
                    break;
                }
                batch.clear();
            }
        }
        if let Some(signal) = self.settings.metrics.as_ref().filter(|_| is_useful(metrics))
            && let Some(limit) = limit(signal)
        {
            let _ = self.send_metrics(signal, limit, now());
        }
        let left = batch.len() + self.copies.as_ref().map_or(0, |copies| copies.ring.len());
        if left > 0 {
            self.stats.copies_lost.add(left);
            log::warn("export left", &[("records", &left)]);
        }
    }
}
