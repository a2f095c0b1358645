//! What a sender remembers of its service between attempts, and when the next may be.
//!
//! Apart from the sender's loop: there is no waiting and no sending here, and the time
//! is an argument.

use std::time::{Duration, Instant};

use super::{Outcome, backoff};

/// How often a service that needs a human is tried all the same: often enough to
/// notice that the human came, rarely enough that no service minds (Discord bans
/// addresses that keep calling a webhook that is gone).
const PARKED_RETRY: Duration = Duration::from_secs(15 * 60);

/// A destination that has not taken anything for so long, each attempt having failed, is
/// out: a fallback takes over. Longer than a router's uplink takes to come back after
/// a change, and short for whoever waits for the alert.
const OUT_AFTER: Duration = Duration::from_secs(2 * 60);

/// Whoever says "too fast" is left alone for this long at least: `Retry-After: 0`,
/// obeyed to the letter, is a loop without a pause.
const TOO_FAST_WAIT_MIN: Duration = Duration::from_secs(1);

/// What to do after an attempt.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// This alert is done with; how is in the outcome.
    Done,
    /// The same alert again, not before this.
    Retry(Instant),
}

/// What a sender remembers of its service between attempts.
#[derive(Debug, Default)]
pub(super) struct Channel {
    failures: u32,
    pub(super) is_parked: bool,
    /// No attempt before this. It outlives the alert it came from: one that
    /// expires must not let the next knock at once on a door that is shut.
    pub(super) not_before: Option<Instant>,
    /// The service itself asked for the wait: then a stop does not try again.
    is_told_to_wait: bool,
    has_changed: bool,
    /// The first failure of those in a row, of whatever kind.
    failing_since: Option<Instant>,
}

impl Channel {
    /// Takes in what an attempt at `now` came to; `chance` spreads the waits.
    pub(super) fn settle(&mut self, outcome: &Outcome, now: Instant, chance: u64) -> Step {
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
        self.failing_since.get_or_insert(now);
        self.not_before = Some(now + wait);
        Step::Retry(now + wait)
    }

    /// Since when it is out, or from when on it will be; None while it works.
    pub(super) fn out_at(&self) -> Option<Instant> {
        self.failing_since.map(|since| if self.is_parked { since } else { since + OUT_AFTER })
    }

    /// True if one more attempt at the end is worth it.
    pub(super) fn is_willing(&self, now: Instant) -> bool {
        let is_due = self.not_before.is_none_or(|until| until <= now);
        !self.is_parked && (is_due || !self.is_told_to_wait)
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
    fn two_minutes_of_failures_or_a_park_is_out_until_one_goes_through() {
        let now = Instant::now();
        let out_in = |outcomes: &[(u64, Outcome)]| {
            let mut channel = Channel::default();
            for (seconds, outcome) in outcomes {
                channel.settle(outcome, now + Duration::from_secs(*seconds), CHANCE);
            }
            channel.out_at().map(|at| (at - now).as_secs())
        };
        assert_eq!(out_in(&[]), None);
        assert_eq!(out_in(&[(5, failed()), (30, too_fast(Some(60))), (90, again())]), Some(125));
        assert_eq!(out_in(&[(5, too_fast(Some(3600)))]), Some(125));
        assert_eq!(out_in(&[(5, failed()), (9, DELIVERED)]), None);
        assert_eq!(out_in(&[(5, failed()), (9, DELIVERED), (20, failed())]), Some(140));
        assert_eq!(out_in(&[(5, failed()), (9, parked())]), Some(5));
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
