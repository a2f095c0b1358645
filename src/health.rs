//! Whether lines are still received and read: what `/healthz` says.
//!
//! Apart, because the listener and the worker write it and the server reads it,
//! and neither is to know the other. Nothing else counts as ill: a service that
//! is down is told elsewhere, and RouterOS may stop a container that is unhealthy.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The worker wakes every second; behind by this much it is stuck or drowning.
const BEHIND_MAX: Duration = Duration::from_secs(5);

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
}
