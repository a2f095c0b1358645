//! What waits for one sender: in memory or, with `STATE_DIR`, on the disk, and then in
//! memory only what the disk would not take.
//!
//! Apart from the sender, which is to know nothing of where its alerts come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};

use super::dispatch::Left;
use super::store::Store;
use crate::alert::Alert;
use crate::ring::{Popped, Ring, wait_until};
use crate::stats::Stats;

/// What one destination's alerts may take in memory (contract of the interface).
pub(super) const QUEUE_BYTES_MAX: usize = 256 * 1024;

/// 256 KiB are some 1,600 alerts of usual length; the queue's own table stays small.
pub(super) const QUEUE_ALERTS_MAX: usize = 2048;

/// One destination's alerts.
pub(super) struct Queue {
    name: String,
    memory: Ring<Arc<Alert>>,
    /// Alerts in memory, and in hand if they were.
    pending: AtomicUsize,
    disk: Option<Shelf>,
}

/// A destination's part of the store.
struct Shelf {
    store: Arc<Store>,
    index: usize,
    /// One word says it all: there may be something.
    wake: Sender<()>,
    woken: Receiver<()>,
}

/// An alert that the sender has taken, to be settled before the next.
pub(super) struct Held {
    pub(super) alert: Arc<Alert>,
    /// Where it is on the disk, if it is.
    sequence: Option<u64>,
}

impl Queue {
    /// An empty one in memory; or a destination's part of the store, by its number there.
    pub(super) fn new(name: String, disk: Option<(Arc<Store>, usize)>) -> Queue {
        let disk = disk.map(|(store, index)| {
            let (wake, woken) = bounded(1);
            Shelf { store, index, wake, woken }
        });
        let memory = Ring::new(QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX);
        Queue { name, memory, pending: AtomicUsize::new(0), disk }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds an alert in memory; the oldest ones go, counted, where there is no room.
    pub(super) fn push_memory(&self, alert: &Arc<Alert>, stats: &Stats) {
        if alert.is_own() && !self.memory.has_room_for(alert) {
            return;
        }
        self.pending.fetch_add(1, Ordering::Relaxed);
        self.memory.push_evicting(Arc::clone(alert), |oldest| {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            if !oldest.is_own() {
                stats.alerts_evicted.add_one();
            }
        });
        self.wake();
    }

    /// Takes everything out of memory, to be put elsewhere.
    pub(super) fn drain_memory(&self) -> impl Iterator<Item = Arc<Alert>> {
        std::iter::from_fn(|| {
            let alert = self.memory.try_pop()?;
            self.pending.fetch_sub(1, Ordering::Relaxed);
            Some(alert)
        })
    }

    /// Lets the sender look at the disk.
    pub(super) fn wake(&self) {
        if let Some(disk) = &self.disk {
            // Full: it has been woken and has not looked yet.
            let _ = disk.wake.try_send(());
        }
    }

    /// Waits for the oldest alert; None when `stop` is closed. Before each wait `idle` may do something
    /// else, and say when it wants to be called again.
    pub(super) fn pop(
        &self,
        stop: &Receiver<()>,
        mut idle: impl FnMut((Instant, SystemTime)) -> Option<Instant>,
    ) -> Option<Held> {
        loop {
            match self.pop_until(stop, idle((Instant::now(), SystemTime::now()))) {
                Popped::Item(held) => return Some(held),
                Popped::Called(()) | Popped::Closed => return None,
                Popped::Nothing => {}
            }
        }
    }

    fn pop_until(&self, stop: &Receiver<()>, deadline: Option<Instant>) -> Popped<Held, ()> {
        let Some(disk) = &self.disk else {
            return match self.memory.pop(stop, deadline) {
                Popped::Item(alert) => Popped::Item(Held { alert, sequence: None }),
                Popped::Called(()) | Popped::Closed => Popped::Closed,
                Popped::Nothing => Popped::Nothing,
            };
        };
        loop {
            // The word to stop goes first, as it does in memory.
            select_biased! {
                recv(stop) -> _ => return Popped::Closed,
                default => {}
            }
            if let Some(held) = self.try_take() {
                return Popped::Item(held);
            }
            select_biased! {
                recv(stop) -> _ => return Popped::Closed,
                recv(disk.woken) -> _ => {}
                default(wait_until(deadline)) => return Popped::Nothing,
            }
        }
    }

    /// The oldest alert, if there is one now.
    pub(super) fn try_take(&self) -> Option<Held> {
        let memory = || self.memory.try_pop();
        let (alert, sequence) = match &self.disk {
            None => (memory()?, None),
            Some(disk) => disk.store.take(disk.index, memory)?,
        };
        Some(Held { alert, sequence })
    }

    /// Done with: told, or given up.
    pub(super) fn settle(&self, held: &Held) {
        match (held.sequence, &self.disk) {
            (Some(sequence), Some(disk)) => disk.store.settle(disk.index, sequence),
            _ => drop(self.pending.fetch_sub(1, Ordering::Relaxed)),
        }
    }

    /// Writes down an alert that is given up, if there is where to.
    pub(super) fn bury(&self, alert: &Alert, reason: &str) {
        if let Some(disk) = &self.disk {
            disk.store.bury(alert, &self.name, reason);
        }
    }

    /// What has not been settled.
    pub(super) fn left(&self) -> Left {
        Left {
            name: self.name.clone(),
            in_memory: self.pending.load(Ordering::Relaxed),
            on_disk: self.disk.as_ref().map_or(0, |disk| disk.store.owed(disk.index)),
        }
    }
}
