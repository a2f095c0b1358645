//! One sender: it takes the oldest alert of its queue and does not let go of it
//! until the service has taken it, refused it, or time has run out.
//!
//! ```text
//!            ┌────────────── same alert again ◄─────────────┐
//!            ▼                                              │
//!   queue ─► attempt ─► Outcome ─► Channel::settle ─► Step ─┤ Retry(at)
//!            ▲                                              │
//!            └──────────── next alert ◄─────────────────────┘ Done
//! ```
//!
//! [`Channel`] is the sense in it, pure, with the time as an argument; the loop
//! here waits and sends. Waiting happens nowhere else in delivery.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::channel::{Channel, Step};
use super::destinations::Destination;
use super::queue::{Held, Queue};
use super::{Notification, Outcome};
use crate::alert::{Alert, DestinationId, wall_time};
use crate::log::{self, Level, Values};
use crate::stats::Stats;

/// What a sender tells the worker: the one thing that flows back.
#[derive(Clone, Debug)]
pub enum Report {
    /// A service takes nothing until a human acts.
    Parked {
        /// Which.
        destination: DestinationId,
        /// What it answered.
        reason: String,
    },
    /// It takes alerts again.
    Back {
        /// Which.
        destination: DestinationId,
    },
    /// An alert of a rule that remembers was told to one of its destinations, or given up
    /// there: refused, expired, or evicted. Once for each of them, unless the alert cannot
    /// be read any more, or the process ends first.
    Settled {
        /// The alert; with no destinations if it has been on the disk.
        alert: Arc<Alert>,
        /// True if it was told.
        is_delivered: bool,
    },
    /// Something is wrong with what `STATE_DIR` keeps.
    Disk {
        /// What, in words.
        trouble: String,
    },
}

impl Report {
    /// That `alert` is done with at one destination, if its rule wants to know.
    pub(super) fn settled(alert: &Arc<Alert>, is_delivered: bool) -> Option<Report> {
        let alert = alert.key.is_some().then(|| Arc::clone(alert))?;
        Some(Report::Settled { alert, is_delivered })
    }
}

/// One sender's thread: everything it works with.
pub(super) struct Worker {
    pub(super) id: DestinationId,
    pub(super) destination: Destination,
    pub(super) queue: Arc<Queue>,
    pub(super) expire: Duration,
    pub(super) stats: Arc<Stats>,
    pub(super) report: Arc<dyn Fn(Report) + Send + Sync>,
    /// Closed when it is time to stop.
    pub(super) stop: Receiver<()>,
    /// Strangers can make us deliver, and lose, as often as they like.
    pub(super) paces: Paces,
}

/// How often a sender's log lines of each kind may come.
#[derive(Default)]
pub(super) struct Paces {
    delivered: log::Pace,
    lost: log::Pace,
}

/// Why the work on an alert ended.
enum Ended {
    Settled,
    ToldToStop,
}

impl Worker {
    /// Works until it is told to stop, then tries once more what is left.
    pub(super) fn run(mut self) {
        let mut channel = Channel::default();
        while let Some(held) = self.queue.pop(&self.stop) {
            match self.see_through(&mut channel, &held) {
                Ended::Settled => {}
                Ended::ToldToStop => return self.finish(channel, Some(held)),
            }
        }
        self.finish(channel, None);
    }

    fn see_through(&mut self, channel: &mut Channel, held: &Held) -> Ended {
        let expires = held.alert.arrived + self.expire;
        for attempt in 1.. {
            if let Some(until) = channel.not_before
                && self.wait_until(until.min(expires))
            {
                return Ended::ToldToStop;
            }
            let now = Instant::now();
            if now >= expires {
                self.expire(held, now);
                break;
            }
            if self.attempt(channel, held, attempt) == Step::Done {
                break;
            }
        }
        Ended::Settled
    }

    fn expire(&mut self, held: &Held, now: Instant) {
        let alert = &held.alert;
        self.queue.bury(alert, "expired");
        self.settle(held, false);
        if !alert.is_own() {
            self.stats.expired.add_one();
        }
        let values: Values<'_> = &[("notifier", &self.destination.name), ("rule", &alert.rule)];
        log::paced(&mut self.paces.lost, now, Level::Error, "alert expired", values);
    }

    /// Waits; true if it was told to stop meanwhile.
    fn wait_until(&self, at: Instant) -> bool {
        matches!(self.stop.recv_deadline(at), Ok(()) | Err(RecvTimeoutError::Disconnected))
    }

    fn attempt(&mut self, channel: &mut Channel, held: &Held, attempt: u32) -> Step {
        let started = Instant::now();
        let both = (started, SystemTime::now());
        let ((text, suffix), values) = (held.alert.words(both), held.alert.values(both));
        let outcome = self.destination.notifier.deliver(&Notification {
            id: held.alert.id,
            rule: &held.alert.rule,
            key: held.alert.key.as_deref(),
            priority: held.alert.priority,
            stage: held.alert.stage,
            text: &text,
            suffix: &suffix,
            values: values.as_deref(),
            happened: wall_time(held.alert.arrived, both),
            now: both.1,
        });
        let now = Instant::now();
        let was_parked = channel.is_parked;
        let step = channel.settle(&outcome, now, RandomState::new().build_hasher().finish());
        if was_parked != channel.is_parked {
            let destination = self.id;
            let report = match &outcome {
                Outcome::Parked { reason } => Report::Parked { destination, reason: reason.clone() },
                _ => Report::Back { destination },
            };
            (self.report)(report);
        }
        if let Outcome::Rejected { reason } = &outcome {
            self.queue.bury(&held.alert, &format!("rejected: {reason}"));
        }
        if step == Step::Done {
            self.settle(held, matches!(outcome, Outcome::Delivered { .. }));
        }
        self.account(&outcome, &step, &held.alert, attempt, now - started, now);
        step
    }

    fn settle(&self, held: &Held, is_delivered: bool) {
        self.queue.settle(held);
        Report::settled(&held.alert, is_delivered).into_iter().for_each(&*self.report);
    }

    fn account(
        &mut self,
        outcome: &Outcome,
        step: &Step,
        alert: &Alert,
        attempt: u32,
        took: Duration,
        now: Instant,
    ) {
        let name = &self.destination.name;
        match outcome {
            Outcome::Delivered { .. } => {
                self.stats.delivered.add_one();
                let took = format!("{}ms", took.as_millis());
                let values: Values<'_> = &[("notifier", name), ("rule", &alert.rule), ("took", &took)];
                log::paced(&mut self.paces.delivered, now, Level::Info, "delivered", values);
            }
            Outcome::Rejected { reason } => {
                if !alert.is_own() {
                    self.stats.rejected.add_one();
                }
                let values: Values<'_> = &[("notifier", name), ("rule", &alert.rule), ("reason", reason)];
                log::paced(&mut self.paces.lost, now, Level::Error, "alert rejected", values);
            }
            Outcome::Parked { reason } => {
                self.stats.postponed.add_one();
                log::error("notifier parked", &[("notifier", name), ("reason", reason)]);
            }
            Outcome::TooFast { reason, .. } | Outcome::Failed { reason } | Outcome::Again { reason } => {
                self.stats.postponed.add_one();
                let next = match step {
                    Step::Retry(at) => at.saturating_duration_since(now),
                    Step::Done => Duration::ZERO,
                };
                let next = format!("{:.1}s", next.as_secs_f32());
                log::warn(
                    "delivery postponed",
                    &[("notifier", name), ("attempt", &attempt), ("next_in", &next), ("reason", reason)],
                );
            }
        }
    }

    /// Tries once more what is due, in order, until the first that does not go through.
    fn finish(mut self, mut channel: Channel, in_hand: Option<Held>) {
        if !channel.is_willing(Instant::now()) {
            return;
        }
        let mut next = in_hand.or_else(|| self.queue.try_take());
        while let Some(held) = next {
            if Instant::now() >= held.alert.arrived + self.expire {
                self.expire(&held, Instant::now());
                next = self.queue.try_take();
                continue;
            }
            let mut step = self.attempt(&mut channel, &held, 1);
            if matches!(step, Step::Retry(at) if at <= Instant::now()) {
                // Something was changed, and this is the last chance to use it.
                step = self.attempt(&mut channel, &held, 2);
            }
            if step != Step::Done || !channel.is_willing(Instant::now()) {
                return;
            }
            next = self.queue.try_take();
        }
    }
}
