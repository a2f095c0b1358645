//! What waits for one sender: in memory or, with `STATE_DIR`, on the disk, and then in
//! memory only what the disk would not take.
//!
//! Apart from the sender, which is to know nothing of where its alerts come from. The
//! numbers of deliveries are here too, because they are kept where the alerts are.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select_biased};

use super::Report;
use super::dispatch::Left;
use super::report::Reporter;
use super::store::Store;
use crate::alert::{Alert, Keyed};
use crate::ring::{Popped, Ring};
use crate::stats::Stats;

/// What one destination's alerts may take in memory (contract of the interface).
pub(super) const QUEUE_BYTES_MAX: usize = 256 * 1024;

/// 256 KiB are some 1,600 alerts of usual length; the queue's own table stays small.
pub(super) const QUEUE_ALERTS_MAX: usize = 2048;

/// What follows a text is never cut, but left out where it does not fit: a number stands
/// at its end only if it is shorter than this. The narrowest texts are some 160 bytes.
const SUFFIX_BYTES_MAX: usize = 100;

/// One destination's alerts.
pub(super) struct Queue {
    name: String,
    memory: Ring<Arc<Alert>>,
    /// Alerts in memory, and in hand if they were.
    pending: AtomicUsize,
    /// The number of the last delivery, if they are numbered.
    serial: Option<AtomicUsize>,
    disk: Option<Shelf>,
    /// Alerts on the disk, when somebody looked last.
    owed: AtomicUsize,
}

/// A destination's part of the store.
struct Shelf {
    store: Arc<Store>,
    index: usize,
    /// One word says it all: there may be something.
    wake: Sender<()>,
    woken: Receiver<()>,
}

/// What a sender has taken: an alert, or a summary of several.
pub(super) struct Held {
    pub(super) alert: Arc<Alert>,
    pub(super) receipt: Receipt,
    /// How many alerts it stands for.
    pub(super) count: usize,
    /// Of a summary: those whose rules want to hear of their end.
    pub(super) keyed: Vec<Keyed>,
}

/// What is to be settled: all on the disk up to a place, and some in memory.
#[derive(Default)]
pub(super) struct Receipt {
    sequence: Option<u64>,
    in_memory: usize,
}

impl Receipt {
    /// Takes in another, of what was taken later.
    pub(super) fn add(&mut self, later: Receipt) {
        self.sequence = later.sequence.or(self.sequence);
        self.in_memory += later.in_memory;
    }
}

impl Held {
    fn new(alert: Arc<Alert>, receipt: Receipt) -> Held {
        Held { alert, receipt, count: 1, keyed: Vec::new() }
    }

    /// An alert that was in memory.
    pub(super) fn in_memory(alert: Arc<Alert>) -> Held {
        Held::new(alert, Receipt { sequence: None, in_memory: 1 })
    }
}

impl Queue {
    /// An empty one in memory; or a destination's part of the store, by its number there.
    pub(super) fn new(name: String, disk: Option<(Arc<Store>, usize)>, is_numbered: bool) -> Queue {
        let last = disk.as_ref().map_or(0, |(store, index)| store.serial(*index));
        let serial = is_numbered.then(|| AtomicUsize::new(last as usize));
        let disk = disk.map(|(store, index)| {
            let (wake, woken) = bounded(1);
            Shelf { store, index, wake, woken }
        });
        let memory = Ring::new(QUEUE_ALERTS_MAX, QUEUE_BYTES_MAX);
        Queue { name, memory, pending: AtomicUsize::new(0), serial, disk, owed: AtomicUsize::new(0) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds an alert in memory; the oldest ones go, counted, where there is no room.
    pub(super) fn push_memory(&self, alert: &Arc<Alert>, stats: &Stats, report: &Reporter) {
        if alert.is_own() && !self.memory.has_room_for(alert) {
            return;
        }
        self.pending.fetch_add(1, Ordering::Relaxed);
        self.memory.push_evicting(Arc::clone(alert), |oldest| {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            if !oldest.is_own() {
                stats.alerts_evicted.add_one();
            }
            Report::settled(&oldest, false).into_iter().for_each(&**report);
        });
        self.wake();
    }

    /// True if an alert in memory would cost no other its place.
    pub(super) fn has_room_for(&self, alert: &Arc<Alert>) -> bool {
        self.memory.has_room_for(alert)
    }

    /// Puts back what was taken out of memory and is not told, as the oldest again: what is not
    /// told at the end is still to be written.
    pub(super) fn put_back(&self, held: Held) {
        if held.receipt.in_memory > 0 {
            let rest: Vec<_> = std::iter::from_fn(|| self.memory.try_pop()).collect();
            for alert in std::iter::once(held.alert).chain(rest) {
                // It had a place, and nobody has taken that.
                self.memory.push(alert);
            }
        }
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

    /// Waits for the oldest alert, until `stop` is closed, or until `deadline`. It may
    /// find nothing sooner.
    pub(super) fn pop(&self, stop: &Receiver<()>, deadline: Option<Instant>) -> Popped<Held, ()> {
        let Some(disk) = &self.disk else {
            return match self.memory.pop(stop, deadline) {
                Popped::Item(alert) => Popped::Item(Held::in_memory(alert)),
                Popped::Called(()) | Popped::Closed => Popped::Closed,
                Popped::Nothing => Popped::Nothing,
            };
        };
        // The word to stop goes first, as it does in memory.
        select_biased! {
            recv(stop) -> _ => return Popped::Closed,
            default => {}
        }
        if let Some(held) = self.try_take() {
            return Popped::Item(held);
        }
        let timer = deadline.map_or_else(never, at);
        select_biased! {
            recv(stop) -> _ => Popped::Closed,
            recv(disk.woken) -> _ => Popped::Nothing,
            recv(timer) -> _ => Popped::Nothing,
        }
    }

    /// The oldest alert, if there is one now.
    pub(super) fn try_take(&self) -> Option<Held> {
        let memory = || self.memory.try_pop();
        let (alert, sequence) = match &self.disk {
            None => (memory()?, None),
            Some(disk) => disk.store.take(disk.index, memory)?,
        };
        let in_memory = usize::from(sequence.is_none());
        Some(Held::new(alert, Receipt { sequence, in_memory }))
    }

    /// Text and suffix of an alert to be told at `now`, with a link to the page, and the number that the
    /// delivery will have.
    pub(super) fn words<'a>(
        &self,
        alert: &'a Alert,
        page: Option<&str>,
        now: (Instant, SystemTime),
    ) -> (Cow<'a, str>, Cow<'a, str>) {
        let mut words = alert.words(now);
        if let Some(page) = page {
            words.1 = format!("{}\n{page}", words.1).into();
        }
        match &self.serial {
            Some(last) => numbered(words, last.load(Ordering::Relaxed) + 1),
            None => words,
        }
    }

    /// Done with: told, given up, or another's. Only what was told has used up its number: it
    /// has even while all that it could settle is to be told again after a crash.
    pub(super) fn settle(&self, receipt: &Receipt, is_delivered: bool) {
        let serial = self.serial.as_ref().map(|last| {
            let used = usize::from(is_delivered);
            (last.fetch_add(used, Ordering::Relaxed) + used) as u64
        });
        self.pending.fetch_sub(receipt.in_memory, Ordering::Relaxed);
        if let Some(disk) = &self.disk {
            disk.store.settle(disk.index, receipt.sequence, serial);
        }
    }

    /// Writes down what is given up, if there is where to: of a summary each alert that
    /// is on the disk, and what it says of those that are not.
    pub(super) fn bury(&self, held: &Held, reason: &str) {
        let Some(disk) = &self.disk else { return };
        let is_summary = held.count > 1;
        if is_summary {
            disk.store.bury_taken(disk.index, &self.name, reason);
        }
        if !is_summary || held.receipt.in_memory > 0 {
            disk.store.bury(&held.alert, &self.name, reason);
        }
    }

    /// How many wait, for whoever looks: as of a moment ago, while the disk is being written.
    pub(super) fn waiting(&self) -> usize {
        if let Some(owed) = self.disk.as_ref().and_then(|disk| disk.store.owed_now(disk.index)) {
            self.owed.store(owed, Ordering::Relaxed);
        }
        self.pending.load(Ordering::Relaxed) + self.owed.load(Ordering::Relaxed)
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

/// Text and suffix with a number that no cut takes away, and that is encrypted with them.
fn numbered<'a>((text, suffix): (Cow<'a, str>, Cow<'a, str>), number: usize) -> (Cow<'a, str>, Cow<'a, str>) {
    match suffix.len() <= SUFFIX_BYTES_MAX {
        true => (text, format!("{suffix} #{number}").into()),
        false => (format!("{text}{suffix}").into(), format!(" #{number}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Notification;
    use crate::timestamp::Zone;

    #[track_caller]
    fn check(text: &str, suffix: &str, expected: &str) {
        let (text, suffix) = numbered((text.into(), suffix.into()), 42);
        let notification = Notification { text: &text, suffix: &suffix, ..Notification::default() };
        assert_eq!(notification.within(160, char::len_utf8), expected);
    }

    #[test]
    fn what_is_put_back_is_the_oldest_again() {
        let queue = Queue::new("A".to_owned(), None, false);
        let now = (Instant::now(), SystemTime::now());
        let alert = |text: &str| Arc::new(Alert::own(text.into(), &Zone::utc(), Arc::new([]), now));
        let report: Reporter = Arc::new(drop);
        ["1", "2"].iter().for_each(|text| queue.push_memory(&alert(text), &Stats::default(), &report));
        let held = queue.try_take().unwrap();
        queue.put_back(held);
        let told: Vec<_> = std::iter::from_fn(|| Some(queue.try_take()?.alert.text.clone())).collect();
        assert_eq!((told.concat(), queue.left().in_memory), ("12".to_owned(), 2));
    }

    #[test]
    fn a_link_to_the_page_stands_behind_the_time_and_before_the_number() {
        let now = (Instant::now(), SystemTime::now());
        let alert = Alert {
            suffix: ", at: noon".to_owned(),
            ..Alert::own("x".into(), &Zone::utc(), Arc::new([]), now)
        };
        for (is_numbered, expected) in [(false, ", at: noon\nhttp://a/"), (true, ", at: noon\nhttp://a/ #1")]
        {
            let queue = Queue::new("A".to_owned(), None, is_numbered);
            assert_eq!(queue.words(&alert, Some("http://a/"), now).1, expected);
        }
    }

    #[test]
    fn a_number_stands_at_the_end_whatever_is_cut() {
        let long = "x".repeat(200);
        check("down", ", at: noon", "down, at: noon #42");
        check("down", "", "down #42");
        check(&long, ", at: noon", &format!("{}…, at: noon #42", "x".repeat(143)));
        check("down", &long, &format!("down{}… #42", "x".repeat(149)));
    }
}
