//! Whether lines are still received and read: what `/healthz` says. And how each destination fares.
//!
//! Apart, because the listener, the worker and the senders write it and the
//! server and the heartbeat read it, and neither is to know the other. Nothing
//! but the first two counts as ill: a service that is down is told elsewhere, and
//! RouterOS may stop a container that is unhealthy.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::stats::{Delays, Deliveries};

/// The worker wakes every second; behind by this much it is stuck or drowning.
const BEHIND_MAX: Duration = Duration::from_secs(5);

/// An alert that has failed for longer is stuck: a service that is being restarted is back by then.
const STUCK_AFTER: Duration = Duration::from_secs(10 * 60);

/// How one destination fares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// It took the last alert, or has failed for a short time only, or was never asked.
    Well,
    /// What it is to be told now has failed for more than ten minutes.
    Stuck,
    /// It takes nothing until a human acts.
    Parked,
}

/// What a destination's sender knows of it. An alert that was given up changes nothing: until one
/// goes through, nobody knows that the next would.
#[derive(Debug, Default)]
pub struct Pulse {
    attempts: Mutex<Attempts>,
    /// What became of its notifications.
    pub deliveries: Deliveries,
    /// From a line's arrival until it was told.
    pub delays: Delays,
}

#[derive(Debug, Default)]
struct Attempts {
    is_parked: bool,
    failing_since: Option<Instant>,
    last: Option<Answer>,
}

/// What a service said to an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// When.
    pub at: Instant,
    /// In words; nothing but that it took the alert, if empty.
    pub words: String,
}

impl Pulse {
    /// An attempt has ended at `now`: whether the service answered it for good, or parked itself.
    pub fn attempted(&self, is_done: bool, is_parked: bool, now: Instant) {
        let mut attempts = self.lock();
        attempts.is_parked = is_parked;
        attempts.failing_since = if is_done { None } else { attempts.failing_since.or(Some(now)) };
    }

    /// It has said something to an attempt.
    pub fn answered(&self, answer: Answer) {
        self.lock().last = Some(answer);
    }

    /// How it fares at `now`.
    pub fn condition(&self, now: Instant) -> Condition {
        let attempts = self.lock();
        let is_long = |since| now.saturating_duration_since(since) > STUCK_AFTER;
        match attempts.failing_since {
            _ if attempts.is_parked => Condition::Parked,
            Some(since) if is_long(since) => Condition::Stuck,
            _ => Condition::Well,
        }
    }

    /// What the last attempt was answered with.
    pub fn last_answer(&self) -> Option<Answer> {
        self.lock().last.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pulse of the two threads.
#[derive(Debug)]
pub struct Health {
    start: Instant,
    has_listener_stopped: AtomicBool,
    /// Milliseconds since `start` when the worker last looked up.
    beat: AtomicUsize,
    /// Milliseconds that the last line looked at had waited.
    lag: AtomicUsize,
}

impl Health {
    /// Everything well at `now`.
    pub fn new(now: Instant) -> Health {
        Health {
            start: now,
            has_listener_stopped: AtomicBool::new(false),
            beat: AtomicUsize::new(0),
            lag: AtomicUsize::new(0),
        }
    }

    /// The worker is alive at `now`, and reads what came `lag` ago.
    pub fn beat(&self, now: Instant, lag: Duration) {
        self.beat.store(self.millis(now), Ordering::Relaxed);
        self.lag.store(lag.as_millis() as usize, Ordering::Relaxed);
    }

    /// The listener has ended, which it never should.
    pub fn listener_stopped(&self) {
        self.has_listener_stopped.store(true, Ordering::Relaxed);
    }

    /// What is wrong at `now`; nothing, if all is well.
    pub fn troubles(&self, now: Instant) -> Vec<&'static str> {
        let mut troubles = Vec::new();
        if self.has_listener_stopped.load(Ordering::Relaxed) {
            troubles.push("the listener has stopped");
        }
        let since_beat = self.millis(now).saturating_sub(self.beat.load(Ordering::Relaxed));
        let behind = since_beat.max(self.lag.load(Ordering::Relaxed));
        if behind as u128 > BEHIND_MAX.as_millis() {
            troubles.push("the worker is more than 5 s behind");
        }
        troubles
    }

    fn millis(&self, now: Instant) -> usize {
        now.saturating_duration_since(self.start).as_millis() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_is_behind_and_a_listener_that_stopped_are_ill() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let health = Health::new(start);
        assert!(health.troubles(at(5)).is_empty());
        assert_eq!(health.troubles(at(6)), ["the worker is more than 5 s behind"]);
        health.beat(at(6), Duration::ZERO);
        assert!(health.troubles(at(7)).is_empty());
        health.beat(at(7), Duration::from_secs(6));
        assert_eq!(health.troubles(at(7)), ["the worker is more than 5 s behind"]);
        health.beat(at(8), Duration::ZERO);
        health.listener_stopped();
        assert_eq!(health.troubles(at(8)), ["the listener has stopped"]);
    }

    #[test]
    fn a_destination_is_stuck_when_it_has_failed_for_more_than_ten_minutes() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let pulse = Pulse::default();
        assert_eq!(pulse.condition(at(99)), Condition::Well);
        pulse.attempted(false, false, at(0));
        pulse.attempted(false, false, at(9));
        assert_eq!((pulse.condition(at(10)), pulse.condition(at(11))), (Condition::Well, Condition::Stuck));
        pulse.attempted(true, false, at(11));
        assert_eq!(pulse.condition(at(99)), Condition::Well);
        pulse.attempted(false, true, at(100));
        assert_eq!(pulse.condition(at(100)), Condition::Parked);
        pulse.attempted(true, false, at(101));
        assert_eq!(pulse.condition(at(101)), Condition::Well);
    }
}
