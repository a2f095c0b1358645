//! The keeper's thread, and what it is given: alerts, each with what rules came to
//! remember before it.
//!
//! ```text
//!   worker ─ remember ─► fresh ─ with the next alert ─► ready ┐
//!          └ accept ─► Parcel ─► ring ────────────────────────┴─► keeper ─ one write for all there are
//! ```
//!
//! What is remembered travels with the next alert, because it may be about that one: were
//! it on the disk alone, a rule would take an alert for told that nobody ever had.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::Report;
use super::queue::{QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX, Queue};
use super::report::Reporter;
use super::spool::STATE_BYTES_MAX;
use super::store::{RETRY, Store};
use crate::alert::Alert;
use crate::health::Pulse;
use crate::hook::{Done, Taken};
use crate::memory::Change;
use crate::ring::{Popped, Ring, Weigh};
use crate::stats::Stats;

/// What changes may take that are not written yet: no less than what is kept of them on the disk.
const CHANGES_BYTES_MAX: usize = STATE_BYTES_MAX as usize;

/// What is to be kept.
#[derive(Default)]
pub(super) struct Parcel {
    alert: Option<Arc<Alert>>,
    /// Hears that it is kept.
    done: Option<Done>,
    /// What is remembered is to be written even if no alert is.
    is_due: bool,
}

impl Weigh for Parcel {
    fn weight_bytes(&self) -> usize {
        self.alert.as_ref().map_or(0, |alert| alert.weight_bytes())
    }
}

/// What rules came to remember, by its name: the last that was said of each.
#[derive(Default)]
struct Changes {
    /// Each with its number, in the order in which they were said.
    by_name: BTreeMap<String, (usize, Change)>,
    said: usize,
    bytes: usize,
}

impl Changes {
    /// Takes in another; how many had to go for it. A disk that takes long must not cost all the memory
    /// there is, and what would not be kept for want of room on the disk need not be kept here.
    fn add(&mut self, change: Change) -> usize {
        self.said += 1;
        self.bytes += bytes_of(&change);
        if let Some((_, before)) = self.by_name.insert(change.name.clone(), (self.said, change)) {
            self.bytes -= bytes_of(&before);
        }
        let mut gone = 0;
        while self.bytes > CHANGES_BYTES_MAX
            && let Some((_, oldest)) = self.by_name.values().min_by_key(|(number, _)| number)
            && let Some((_, oldest)) = self.by_name.remove(&oldest.name.clone())
        {
            self.bytes -= bytes_of(&oldest);
            gone += 1;
        }
        gone
    }

    /// All of them, in the order in which they were said.
    fn take(&mut self) -> Vec<Change> {
        let mut all: Vec<_> = std::mem::take(self).by_name.into_values().collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, change)| change).collect()
    }
}

fn bytes_of(change: &Change) -> usize {
    // The name stands twice.
    size_of::<Change>() + 2 * change.name.len() + change.value.as_ref().map_or(0, Vec::len)
}

/// What is on its way to the disk: the worker puts in, the keeper takes out.
#[derive(Clone)]
pub(super) struct Inbox {
    ring: Ring<Parcel>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Changes, of alerts that are in the ring or not yet.
#[derive(Default)]
struct Waiting {
    /// An alert that is about to come may be what they are about.
    fresh: Changes,
    /// What they are about is in the ring, or has left it.
    ready: Changes,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox { ring: Ring::new(QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX), waiting: Arc::default() }
    }

    /// Held for moments, and by nobody who waits.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be written with the next alert, or at the end.
    pub(super) fn remember(&self, changes: Vec<Change>, stats: &Stats) {
        let mut waiting = self.waiting();
        changes.into_iter().for_each(|change| stats.states_forgotten.add(waiting.fresh.add(change)));
    }

    /// To be written at once. One about ourselves only if there is room.
    pub(super) fn accept(&self, alert: Arc<Alert>, stats: &Stats, report: &Reporter) {
        let is_own = alert.is_own();
        let parcel = Parcel { alert: Some(alert), done: None, is_due: false };
        if !is_own || self.ring.has_room_for(&parcel) {
            self.push(parcel, stats, report);
        }
    }

    /// To be written at once, for somebody who waits for that; where there is no room, never.
    pub(super) fn offer(&self, alert: Arc<Alert>, done: Done, stats: &Stats, report: &Reporter) {
        let mut parcel = Parcel { alert: Some(alert), done: None, is_due: false };
        if !self.ring.has_room_for(&parcel) {
            return done(Taken::NoRoom);
        }
        parcel.done = Some(done);
        self.push(parcel, stats, report);
    }

    /// Has written now what is remembered.
    pub(super) fn save(&self, stats: &Stats, report: &Reporter) {
        self.push(Parcel { is_due: true, ..Parcel::default() }, stats, report);
    }

    /// What no alert took along.
    pub(super) fn close(&self, stats: &Stats, report: &Reporter) {
        self.push(Parcel::default(), stats, report);
    }

    fn push(&self, parcel: Parcel, stats: &Stats, report: &Reporter) {
        let mut waiting = self.waiting();
        for change in waiting.fresh.take() {
            stats.states_forgotten.add(waiting.ready.add(change));
        }
        // While the lock is held: the keeper must not find the one without the other.
        self.ring.push_evicting(parcel, |oldest| {
            if let Some(alert) = oldest.alert {
                if !alert.is_own() {
                    stats.alerts_evicted.add(alert.destinations.len());
                }
                let ends = alert.destinations.iter().filter_map(|_| Report::settled(&alert, false));
                ends.for_each(&**report);
            }
        });
    }

    /// Everything that has come by now.
    fn take(&self) -> (Vec<Change>, Vec<Parcel>) {
        let mut waiting = self.waiting();
        (waiting.ready.take(), std::iter::from_fn(|| self.ring.try_pop()).collect())
    }
}

/// The keeper's thread: everything it works with.
pub(super) struct Keeper {
    pub(super) store: Arc<Store>,
    pub(super) inbox: Inbox,
    pub(super) queues: Arc<[Arc<Queue>]>,
    /// Whether the disk answers.
    pub(super) pulse: Arc<Pulse>,
    /// Closed when no more alerts will come.
    pub(super) stop: Receiver<()>,
}

impl Keeper {
    /// Works until it is told to stop and the inbox is empty.
    pub(super) fn run(self) {
        loop {
            let first = match self.inbox.ring.pop(&self.stop, None) {
                Popped::Item(first) => first,
                Popped::Nothing => continue,
                Popped::Called(()) | Popped::Closed => break,
            };
            self.keep(Some(first));
        }
        self.keep(None);
    }

    /// All that have come by now share a write.
    fn keep(&self, first: Option<Parcel>) {
        let (changes, rest) = self.inbox.take();
        let (mut alerts, mut waiting, mut is_due) = (Vec::new(), Vec::new(), false);
        for parcel in first.into_iter().chain(rest) {
            alerts.extend(parcel.alert);
            waiting.extend(parcel.done);
            is_due |= parcel.is_due;
        }
        // A disk that never answers is no error that anybody sees: nobody comes back from there.
        self.pulse.attempted(false, false, Instant::now());
        self.store.keep(changes, alerts, &self.queues, RETRY);
        // On the disk, or where that fails in memory, where all alerts are then.
        waiting.into_iter().for_each(|done| done(Taken::Kept));
        if is_due {
            self.store.save();
        }
        self.pulse.attempted(true, false, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_waits_for_the_disk_is_the_last_of_each_name_and_bounded() {
        let (mut changes, start) = (Changes::default(), Instant::now());
        let change = |number: usize, value: Option<Vec<u8>>| Change {
            name: format!("{number:04}"),
            value,
            at: start + Duration::from_secs(number as u64),
        };
        assert_eq!(changes.add(change(1, Some(vec![0; 100]))) + changes.add(change(1, None)), 0);
        assert_eq!((changes.bytes, changes.take().len()), (size_of::<Change>() + 8, 1));
        let gone: usize = (0..5_000).map(|number| changes.add(change(number, Some(vec![0; 200])))).sum();
        assert!(gone > 3_000 && changes.bytes <= CHANGES_BYTES_MAX);
        // The oldest went.
        let names: Vec<_> = changes.take().into_iter().map(|change| change.name).collect();
        assert_eq!(names, (gone..5_000).map(|number| format!("{number:04}")).collect::<Vec<_>>());
    }
}
