//! The keeper's thread, and what it is given: alerts, each with what rules came to
//! remember before it.
//!
//! ```text
//!   worker ─ remember ─► pending ┐
//!          └ accept ───────────► Parcel ─► inbox ─► keeper ─ one write for all there are
//! ```
//!
//! What is remembered travels with the next alert, because it may be about that one: were
//! it on the disk alone, a rule would take an alert for told that nobody ever had.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Receiver;

use super::Report;
use super::queue::{QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX, Queue};
use super::store::{RETRY, Reporter, Store};
use crate::alert::Alert;
use crate::memory::Change;
use crate::ring::{Popped, Ring, Weigh};
use crate::stats::Stats;

/// Changes that wait for an alert. More than these are handed on without one, so that those
/// under the same name become one; they still cause no write.
const PENDING_MAX: usize = 256;

/// What is to be kept in one write.
#[derive(Default)]
pub(super) struct Parcel {
    /// What was remembered before the alert.
    changes: Vec<Change>,
    alert: Option<Arc<Alert>>,
    /// They are to be written even if no alert is.
    is_due: bool,
}

impl Weigh for Parcel {
    /// The alert's alone: for what is remembered no alert is to go.
    fn weight_bytes(&self) -> usize {
        self.alert.as_ref().map_or(0, |alert| alert.weight_bytes())
    }
}

/// The worker's end.
pub(super) struct Inbox {
    ring: Ring<Parcel>,
    /// Changes, until an alert takes them along.
    pending: Mutex<Vec<Change>>,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox { ring: Ring::new(QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX), pending: Mutex::default() }
    }

    pub(super) fn ring(&self) -> Ring<Parcel> {
        self.ring.clone()
    }

    /// Held for moments, and by nobody who waits.
    fn pending(&self) -> MutexGuard<'_, Vec<Change>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be written with the next alert, or at the end.
    pub(super) fn remember(&self, changes: Vec<Change>, stats: &Stats, report: &Reporter) {
        // No alert followed these: they are about none.
        if self.pending().len() >= PENDING_MAX {
            self.push(Parcel::default(), stats, report);
        }
        self.pending().extend(changes);
    }

    /// To be written at once. One about ourselves only if there is room.
    pub(super) fn accept(&self, alert: Arc<Alert>, stats: &Stats, report: &Reporter) {
        let is_own = alert.is_own();
        let parcel = Parcel { alert: Some(alert), ..Parcel::default() };
        if !is_own || self.ring.has_room_for(&parcel) {
            self.push(parcel, stats, report);
        }
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
        let changes = std::mem::take(&mut *self.pending());
        self.ring.push_evicting(Parcel { changes, ..parcel }, |oldest| {
            // They are older than what is in the ring: whoever takes them in looks at the time.
            self.pending().splice(0..0, oldest.changes);
            if let Some(alert) = oldest.alert {
                if !alert.is_own() {
                    stats.alerts_evicted.add(alert.destinations.len());
                }
                let ends = alert.destinations.iter().filter_map(|_| Report::settled(&alert, false));
                ends.for_each(&**report);
            }
        });
    }
}

/// The keeper's thread: everything it works with.
pub(super) struct Keeper {
    pub(super) store: Arc<Store>,
    pub(super) inbox: Ring<Parcel>,
    pub(super) queues: Arc<[Arc<Queue>]>,
    /// Closed when no more alerts will come.
    pub(super) stop: Receiver<()>,
}

impl Keeper {
    /// Works until it is told to stop and the inbox is empty.
    pub(super) fn run(self) {
        loop {
            let first = match self.inbox.pop(&self.stop, None) {
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
        let rest = std::iter::from_fn(|| self.inbox.try_pop());
        let (mut changes, mut alerts, mut is_due) = (Vec::new(), Vec::new(), false);
        for parcel in first.into_iter().chain(rest) {
            changes.extend(parcel.changes);
            alerts.extend(parcel.alert);
            is_due |= parcel.is_due;
        }
        self.store.keep(changes, alerts, &self.queues, RETRY);
        if is_due {
            self.store.save();
        }
    }
}
