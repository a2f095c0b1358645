//! What a sender counts and writes into the log of each attempt.
//!
//! Apart from the sender, where it would hide what is done.

use std::time::{Duration, Instant};

use super::Outcome;
use super::channel::Step;
use super::queue::Held;
use super::sender::Worker;
use crate::log::{self, Level, Values};
use crate::stats::{Counter, Deliveries};

/// How often a sender's log lines of each kind may come: strangers can make us deliver,
/// and lose, as often as they like.
#[derive(Default)]
pub(super) struct Paces {
    pub(super) delivered: log::Pace,
    pub(super) rejected: log::Pace,
    pub(super) expired: log::Pace,
    pub(super) taken_over: log::Pace,
}

impl Worker {
    /// Counts `n` of what is told of this destination, and of all.
    pub(super) fn count(&self, which: fn(&Deliveries) -> &Counter, n: usize) {
        which(&self.terms.stats.deliveries).add(n);
        which(&self.destination.pulse.deliveries).add(n);
    }

    pub(super) fn account(
        &mut self,
        outcome: &Outcome,
        step: &Step,
        held: &Held,
        took: Duration,
        now: Instant,
    ) {
        let (name, rule) = (&self.destination.name, &held.alert.rule);
        match outcome {
            Outcome::Delivered { .. } => {
                self.count(|figures| &figures.delivered, 1);
                self.count(|figures| &figures.merged, if held.count > 1 { held.count } else { 0 });
                self.destination.pulse.delays.add(now.saturating_duration_since(held.alert.arrived));
                let took = format!("{}ms", took.as_millis());
                let values: Values<'_> = &[("notifier", name), ("rule", rule), ("took", &took)];
                log::paced(&mut self.paces.delivered, now, Level::Info, "delivered", values);
            }
            Outcome::Rejected { reason } => {
                if !held.alert.is_own() {
                    self.count(|figures| &figures.rejected, held.count);
                }
                let values: Values<'_> = &[("notifier", name), ("rule", rule), ("reason", reason)];
                log::paced(&mut self.paces.rejected, now, Level::Error, "alert rejected", values);
            }
            Outcome::Parked { reason } => {
                self.count(|figures| &figures.postponed, 1);
                log::error("notifier parked", &[("notifier", name), ("reason", reason)]);
            }
            Outcome::TooFast { reason, .. } | Outcome::Failed { reason } | Outcome::Again { reason } => {
                self.count(|figures| &figures.postponed, 1);
                let next = match step {
                    Step::Retry(at) => at.saturating_duration_since(now),
                    Step::Done => Duration::ZERO,
                };
                let next = format!("{:.1}s", next.as_secs_f32());
                log::warn(
                    "delivery postponed",
                    &[
                        ("notifier", name),
                        ("attempt", &self.attempts),
                        ("next_in", &next),
                        ("reason", reason),
                    ],
                );
            }
        }
    }
}
