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
//! around it waits and sends. Waiting happens nowhere else in delivery.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::backoff;
use super::destinations::Destination;
use super::queue::{Held, Queue};
use super::{Notification, Outcome};
use crate::alert::{Alert, DestinationId, wall_time};
use crate::log::{self, Level, Values};
use crate::stats::Stats;

/// How often a service that needs a human is tried all the same: often enough to
/// notice that the human came, rarely enough that no service minds (Discord bans
/// addresses that keep calling a webhook that is gone).
const PARKED_RETRY: Duration = Duration::from_secs(15 * 60);

/// Whoever says "too fast" is left alone for this long at least: `Retry-After: 0`,
/// obeyed to the letter, is a loop without a pause.
const TOO_FAST_WAIT_MIN: Duration = Duration::from_secs(1);

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
    /// An alert of a rule that remembers was told to one of its destinations, or given up there.
    Settled {
        /// The alert.
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

/// What to do after an attempt.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// This alert is done with; how is in the outcome.
    Done,
    /// The same alert again, not before this.
    Retry(Instant),
}

/// What a sender remembers of its service between attempts.
#[derive(Debug, Default)]
pub struct Channel {
    failures: u32,
    is_parked: bool,
    /// No attempt before this. It outlives the alert it came from: one that
    /// expires must not let the next knock at once on a door that is shut.
    not_before: Option<Instant>,
    /// The service itself asked for the wait: then a stop does not try again.
    is_told_to_wait: bool,
    has_changed: bool,
}

impl Channel {
    /// Takes in what an attempt at `now` came to; `chance` spreads the waits.
    pub fn settle(&mut self, outcome: &Outcome, now: Instant, chance: u64) -> Step {
        let had_changed = std::mem::take(&mut self.has_changed);
        self.is_told_to_wait = false;
        let wait = match outcome {
            Outcome::Delivered { pause } => {
                *self = Channel {
                    not_before: pause.map(|pause| now + pause),
                    is_told_to_wait: pause.is_some(),
                    ..Channel::default()
                };
                return Step::Done;
            }
            Outcome::Rejected { .. } => {
                // The service answers: whatever was wrong with it is over.
                *self = Channel::default();
                return Step::Done;
            }
            // Once only: a service that keeps changing its mind is one that fails.
            Outcome::Again { .. } if !had_changed => {
                self.has_changed = true;
                Duration::ZERO
            }
            Outcome::TooFast { wait: Some(wait), .. } => {
                self.is_told_to_wait = true;
                (*wait).max(TOO_FAST_WAIT_MIN)
            }
            Outcome::Parked { .. } => {
                self.is_parked = true;
                PARKED_RETRY
            }
            Outcome::Failed { .. } | Outcome::Again { .. } | Outcome::TooFast { wait: None, .. } => {
                self.failures = self.failures.saturating_add(1);
                backoff::wait_after(self.failures, chance)
            }
        };
        self.not_before = Some(now + wait);
        Step::Retry(now + wait)
    }

    /// True if one more attempt at the end is worth it.
    fn is_willing(&self, now: Instant) -> bool {
        let is_due = self.not_before.is_none_or(|until| until <= now);
        !self.is_parked && (is_due || !self.is_told_to_wait)
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
        while let Some(held) = self.queue.pop(&self.stop, |now| self.destination.notifier.refresh(now)) {
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
        self.queue.settle(held);
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
            self.queue.settle(held);
        }
        self.account(&outcome, &step, &held.alert, attempt, now - started, now);
        step
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

#[cfg(test)]
mod tests {
    use super::*;

    const CHANCE: u64 = 20; // no jitter

    fn failed() -> Outcome {
        Outcome::Failed { reason: String::new() }
    }

    fn too_fast(seconds: Option<u64>) -> Outcome {
        Outcome::TooFast { wait: seconds.map(Duration::from_secs), reason: String::new() }
    }

    fn parked() -> Outcome {
        Outcome::Parked { reason: String::new() }
    }

    fn again() -> Outcome {
        Outcome::Again { reason: String::new() }
    }

    const DELIVERED: Outcome = Outcome::Delivered { pause: None };

    /// What each outcome in turn leads to: `done`, or the seconds until the same alert is tried again.
    #[track_caller]
    fn check(outcomes: &[Outcome], expected: &[&str]) {
        let now = Instant::now();
        let mut channel = Channel::default();
        let steps: Vec<_> = outcomes
            .iter()
            .map(|outcome| match channel.settle(outcome, now, CHANCE) {
                Step::Done => "done".to_owned(),
                Step::Retry(at) => (at - now).as_secs().to_string(),
            })
            .collect();
        assert_eq!(steps, expected);
    }

    #[test]
    fn failures_wait_longer_and_longer_until_one_goes_through() {
        check(&[failed(), failed(), failed(), DELIVERED, failed()], &["1", "2", "4", "done", "1"]);
    }

    #[test]
    fn a_wait_that_is_told_is_obeyed_and_is_no_failure() {
        check(&[too_fast(Some(30)), too_fast(Some(5)), failed()], &["30", "5", "1"]);
        check(&[too_fast(None), too_fast(None)], &["1", "2"]);
    }

    #[test]
    fn a_wait_of_nothing_is_no_loop_without_a_pause() {
        check(&[too_fast(Some(0)), too_fast(Some(0)), too_fast(Some(2))], &["1", "1", "2"]);
    }

    #[test]
    fn a_rejected_text_does_not_hold_up_the_next() {
        let rejected = Outcome::Rejected { reason: String::new() };
        check(&[failed(), rejected, failed()], &["1", "done", "1"]);
    }

    #[test]
    fn what_was_changed_is_tried_at_once_but_only_once() {
        check(&[again(), DELIVERED], &["0", "done"]);
        check(&[again(), again(), again()], &["0", "1", "0"]);
    }

    #[test]
    fn a_parked_service_is_tried_rarely_and_not_at_the_end() {
        check(&[parked(), parked(), DELIVERED], &["900", "900", "done"]);
        let now = Instant::now();
        let mut channel = Channel::default();
        assert!(channel.is_willing(now));
        channel.settle(&parked(), now, CHANCE);
        assert!(!channel.is_willing(now));
        channel.settle(&DELIVERED, now, CHANCE);
        assert!(channel.is_willing(now));
        channel.settle(&too_fast(Some(3)), now, CHANCE);
        assert!(!channel.is_willing(now) && channel.is_willing(now + Duration::from_secs(3)));
        channel.settle(&failed(), now, CHANCE);
        assert!(channel.is_willing(now + Duration::from_secs(3)));
    }
}
