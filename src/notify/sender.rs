//! One sender: it takes the oldest alert of its queue and does not let go of it
//! until the service has taken it, refused it, or time has run out.
//!
//! ```text
//!              ┌───────────── same alert again ◄────────────┐
//!              ▼                                            │
//!   queue ─► in hand ─► attempt ─► Outcome ─► Channel ─► Step ─┤ Retry(at)
//!     │        ▲   └─ out ─► Fallback                       └ Done ─► the next
//!     └► Summary ┘     beyond the hourly cap
//! ```
//!
//! What is next is decided by [`Worker::next`], which never waits and is told the time;
//! the loop around it waits and sends. So a test can go through six hours at once.
//!
//! On the disk everything up to a place is settled at a time. While alerts are being
//! merged nothing is settled, not even what is told meanwhile because it is urgent: a
//! crash then repeats that, and loses nothing.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::account::Paces;
use super::cap::Cap;
use super::channel::{Channel, Step};
use super::destinations::Destination;
use super::fallback::Fallback;
use super::queue::{Held, Queue, Receipt};
use super::report::Reporter;
use super::summary::{SUMMARY, Summary};
use super::{Notification, Outcome, Report};
use crate::alert::{Alert, DestinationId, Keyed, Priority};
use crate::health::Answer;
use crate::log::{self, Level, Values};
use crate::ring::Popped;
use crate::stats::Stats;
use crate::timestamp::Zone;

/// Alerts that a fallback takes over at a time: they share a write to the disk, and
/// are in memory meanwhile.
const TAKEN_OVER_MAX: usize = 64;

/// A fallback that has no room is asked again after this.
const ROOM_AFTER: Duration = Duration::from_secs(10);

/// What holds for every sender.
pub(super) struct Terms {
    /// Older alerts are not sent any more.
    pub(super) expire: Duration,
    /// Told one by one to each; any number, if None.
    pub(super) alerts_per_hour_max: Option<usize>,
    pub(super) fallback: Fallback,
    /// Where the page is, for whoever reads an alert.
    pub(super) page_url: Option<String>,
    pub(super) zone: Zone,
    pub(super) stats: Arc<Stats>,
    pub(super) report: Reporter,
}

/// One sender's thread: everything it works with.
pub(super) struct Worker {
    id: DestinationId,
    pub(super) destination: Destination,
    queue: Arc<Queue>,
    pub(super) terms: Arc<Terms>,
    /// Closed when it is time to stop.
    stop: Receiver<()>,
    pub(super) paces: Paces,
    channel: Channel,
    cap: Cap,
    /// Taken, and not settled before it is told or given up.
    in_hand: Option<Held>,
    pub(super) attempts: u32,
    /// What is beyond the cap.
    merging: Option<Summary>,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// An attempt with what is in hand.
    Attempt,
    /// Nothing before this.
    Wait(Instant),
    /// The next alert, if one comes before this.
    Take(Option<Instant>),
}

fn clocks() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

impl Worker {
    pub(super) fn new(
        id: DestinationId,
        destination: Destination,
        queue: Arc<Queue>,
        terms: Arc<Terms>,
        stop: Receiver<()>,
    ) -> Worker {
        let max = terms.alerts_per_hour_max.filter(|_| !destination.notifier.takes_floods());
        Worker {
            id,
            destination,
            queue,
            terms,
            stop,
            paces: Paces::default(),
            channel: Channel::default(),
            cap: Cap::new(max),
            in_hand: None,
            attempts: 0,
            merging: None,
        }
    }

    /// Works until it is told to stop, then tries once more what is left.
    pub(super) fn run(mut self) {
        loop {
            match self.next(clocks()) {
                Next::Attempt => drop(self.attempt()),
                Next::Wait(until) => {
                    if self.is_stopped_before(until) {
                        break;
                    }
                }
                Next::Take(until) => {
                    let until = self.refresh_before(until);
                    match self.queue.pop(&self.stop, until) {
                        Popped::Item(held) => self.take_in(held, clocks()),
                        Popped::Called(()) | Popped::Closed => break,
                        Popped::Nothing => {}
                    }
                }
            }
        }
        self.finish();
    }

    /// Has the service say again what lasts; `until`, or when it is to do so next if that is sooner.
    fn refresh_before(&mut self, until: Option<Instant>) -> Option<Instant> {
        let next = self.destination.notifier.refresh(clocks());
        until.into_iter().chain(next).min()
    }

    /// Waits; true if it was told to stop meanwhile.
    fn is_stopped_before(&self, at: Instant) -> bool {
        matches!(self.stop.recv_deadline(at), Ok(()) | Err(RecvTimeoutError::Disconnected))
    }

    /// Does what needs no waiting, and says what does.
    pub(super) fn next(&mut self, now: (Instant, SystemTime)) -> Next {
        loop {
            let out_at = self.out_at();
            let is_out = out_at.is_some_and(|at| at <= now.0);
            if self.in_hand.is_none()
                && let Some(summary) = self.merging.take_if(|summary| is_out || summary.due <= now.0)
            {
                self.hold(self.close(summary, now));
            }
            let Some(held) = &self.in_hand else {
                return Next::Take(self.merging.as_ref().map(|summary| summary.due));
            };
            let expires = held.alert.arrived + self.terms.expire;
            if expires <= now.0 {
                self.expire(now);
                continue;
            }
            let Some(until) = self.channel.not_before.filter(|until| *until > now.0) else {
                return Next::Attempt;
            };
            if !is_out {
                return Next::Wait(out_at.map_or(until, |at| at.min(until)).min(expires));
            }
            if !self.terms.fallback.has_room() {
                return Next::Wait((now.0 + ROOM_AFTER).min(until).min(expires));
            }
            self.hand_over(now);
        }
    }

    /// Takes in what came out of the queue.
    pub(super) fn take_in(&mut self, held: Held, now: (Instant, SystemTime)) {
        let alert = &held.alert;
        let is_out = self.out_at().is_some_and(|at| at <= now.0);
        // Of a summary that was taken over, merged once more, nothing would be left.
        let is_passed = alert.is_own() || alert.priority == Priority::Urgent || &*alert.rule == SUMMARY;
        if is_out || is_passed || self.is_expired(&held, now.0) {
            self.hold(held);
        } else if let Some(summary) = &mut self.merging {
            summary.add(held, now);
        } else if self.cap.has_room(now.0) {
            self.hold(held);
        } else {
            self.merging = Some(Summary::begin(held, now));
        }
    }

    fn hold(&mut self, held: Held) {
        self.in_hand = Some(held);
        self.attempts = 0;
    }

    fn close(&self, summary: Summary, now: (Instant, SystemTime)) -> Held {
        summary.close(self.terms.alerts_per_hour_max.unwrap_or_default(), &self.terms.zone, now)
    }

    /// When somebody takes over, if nothing changes.
    fn out_at(&self) -> Option<Instant> {
        self.channel.out_at().filter(|_| self.terms.fallback.stands_in_for(self.id))
    }

    fn is_expired(&self, held: &Held, now: Instant) -> bool {
        held.alert.arrived + self.terms.expire <= now
    }

    /// Gives up what is in hand.
    fn expire(&mut self, now: (Instant, SystemTime)) {
        if let Some(held) = self.in_hand.take() {
            self.note_expired(&held, now.0);
            self.give_up(&held.alert, now);
            self.settle_alert(held, false);
        }
    }

    fn note_expired(&mut self, held: &Held, now: Instant) {
        self.queue.bury(held, "expired");
        if !held.alert.is_own() {
            self.count(|figures| &figures.expired, held.count);
        }
        let values: Values<'_> = &[("notifier", &self.destination.name), ("rule", &held.alert.rule)];
        log::paced(&mut self.paces.expired, now, Level::Error, "alert expired", values);
    }

    /// Gives what is in hand, what is being merged and what waits to whoever stands in.
    fn hand_over(&mut self, now: (Instant, SystemTime)) {
        let summary = self.merging.take().map(|summary| self.close(summary, now));
        let mut batch: Vec<Held> = summary.into_iter().chain(self.in_hand.take()).collect();
        batch.extend(std::iter::from_fn(|| self.queue.try_take()).take(TAKEN_OVER_MAX));
        let (mut alerts, mut receipt) = (Vec::new(), Receipt::default());
        for held in batch {
            self.give_up(&held.alert, now);
            // Of what was merged, the other can only tell the summary.
            let is_expired = self.is_expired(&held, now.0);
            if is_expired {
                self.note_expired(&held, now.0);
            }
            let Held { alert, receipt: taken, keyed, .. } = held;
            self.report_ends(keyed, false);
            match is_expired {
                true => self.report_ends(alert.keyed(), false),
                false => alerts.push(alert),
            }
            receipt.add(taken);
        }
        let Terms { fallback, stats, report, .. } = &*self.terms;
        fallback.take_over(self.id, &alerts, stats, report);
        self.queue.settle(&receipt, false);
        self.count(|figures| &figures.taken_over, alerts.len());
        let values: Values<'_> = &[("notifier", &self.destination.name), ("alerts", &alerts.len())];
        log::paced(&mut self.paces.taken_over, now.0, Level::Warn, "taken over by the fallback", values);
    }

    /// Makes an attempt with what is in hand.
    fn attempt(&mut self) -> Step {
        let started = clocks();
        match self.deliver(started) {
            Some(outcome) => self.settle(&outcome, started.0, Instant::now()),
            None => Step::Done,
        }
    }

    /// Sends what is in hand; that is where the time passes.
    pub(super) fn deliver(&mut self, now: (Instant, SystemTime)) -> Option<Outcome> {
        let alert = &self.in_hand.as_ref()?.alert;
        self.attempts += 1;
        let page = self.terms.page_url.as_deref();
        let ((text, suffix), values) = (self.queue.words(alert, page, now), alert.values(now));
        let notification = Notification::new(alert, (&text, &suffix), values.as_deref(), now);
        let outcome = self.destination.notifier.deliver(&notification);
        if matches!(outcome, Outcome::Rejected { .. }) {
            self.destination.notifier.gave_up(&notification);
        }
        Some(outcome)
    }

    /// Has the service know that it will not be told `alert`.
    fn give_up(&mut self, alert: &Alert, now: (Instant, SystemTime)) {
        let ((text, suffix), values) = (alert.words(now), alert.values(now));
        let notification = Notification::new(alert, (&text, &suffix), values.as_deref(), now);
        self.destination.notifier.gave_up(&notification);
    }

    /// Takes in what the attempt of `started` had come to at `now`.
    pub(super) fn settle(&mut self, outcome: &Outcome, started: Instant, now: Instant) -> Step {
        let was_parked = self.channel.is_parked;
        let step = self.channel.settle(outcome, now, RandomState::new().build_hasher().finish());
        let words = outcome.reason().unwrap_or_default().to_owned();
        self.destination.pulse.attempted(step == Step::Done, self.channel.is_parked, now);
        self.destination.pulse.answered(Answer { at: now, words });
        if was_parked != self.channel.is_parked {
            let destination = self.id;
            let report = match outcome {
                Outcome::Parked { reason } => Report::Parked { destination, reason: reason.clone() },
                _ => Report::Back { destination },
            };
            (self.terms.report)(report);
        }
        let Some(held) = self.in_hand.take() else { return step };
        self.account(outcome, &step, &held, now - started, now);
        if step != Step::Done {
            self.in_hand = Some(held);
            return step;
        }
        if let Outcome::Rejected { reason } = outcome {
            self.queue.bury(&held, &format!("rejected: {reason}"));
        }
        let is_delivered = matches!(outcome, Outcome::Delivered { .. });
        if is_delivered && !held.alert.is_own() && &*held.alert.rule != SUMMARY {
            self.cap.count(now);
        }
        self.settle_alert(held, is_delivered);
        step
    }

    /// What was in hand is told, or given up.
    fn settle_alert(&mut self, held: Held, is_delivered: bool) {
        let receipt = match &mut self.merging {
            // What was taken before it is still to be told: only its number is used up.
            Some(summary) => {
                summary.receipt.add(held.receipt);
                Receipt::default()
            }
            None => held.receipt,
        };
        self.queue.settle(&receipt, is_delivered);
        self.report_ends(held.keyed.into_iter().chain(held.alert.keyed()), is_delivered);
    }

    fn report_ends(&self, alerts: impl IntoIterator<Item = Keyed>, is_delivered: bool) {
        let reports = alerts.into_iter().map(|alert| Report::Settled { alert, is_delivered });
        reports.for_each(&*self.terms.report);
    }

    /// Tries once more what is due, in order, until the first that does not go through.
    fn finish(mut self) {
        self.try_once_more();
        let summary = self.merging.take().map(|summary| self.close(summary, clocks()));
        // The newest first: each becomes the oldest.
        summary.into_iter().chain(self.in_hand.take()).for_each(|held| self.queue.put_back(held));
    }

    fn try_once_more(&mut self) {
        while self.channel.is_willing(Instant::now()) {
            let now = clocks();
            let Some(held) = &self.in_hand else {
                if let Some(held) = self.queue.try_take() {
                    self.take_in(held, now);
                } else if let Some(summary) = self.merging.take() {
                    self.hold(self.close(summary, now));
                } else {
                    return;
                }
                continue;
            };
            if self.is_expired(held, now.0) {
                self.expire(now);
                continue;
            }
            let mut step = self.attempt();
            if matches!(step, Step::Retry(at) if at <= Instant::now()) {
                // Something was changed, and this is the last chance to use it.
                step = self.attempt();
            }
            if step != Step::Done {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
