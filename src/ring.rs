//! A bounded queue that never makes its writer wait: when it is full, the
//! oldest item goes.
//!
//! ```text
//!   push ──► [ … | … | … | … ] ──► pop        bounded in items and in bytes
//!             └─ evicted when full
//! ```
//!
//! One type for both queues of the program: lines on their way to the worker,
//! and alerts on their way to a sender. It knows nothing of either.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select_biased, unbounded};

/// Stands for no deadline; the caller comes back and waits again.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// What an item counts towards a ring's bound in bytes.
pub trait Weigh {
    /// The bytes this item keeps in memory, roughly.
    fn weight_bytes(&self) -> usize;
}

impl<T: Weigh> Weigh for Arc<T> {
    fn weight_bytes(&self) -> usize {
        (**self).weight_bytes()
    }
}

/// A handle on the ring; clones share it. Either end may use any clone.
pub struct Ring<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
    shared: Arc<Shared>,
}

struct Shared {
    items_max: usize,
    bytes_max: usize,
    bytes: AtomicUsize,
    evicted: AtomicUsize,
}

/// How long to wait for what comes until `deadline`, if there is one.
pub fn wait_until(deadline: Option<Instant>) -> Duration {
    deadline.map_or(FOREVER, |at| at.saturating_duration_since(Instant::now()))
}

/// What ended a wait at the ring.
#[derive(Debug, PartialEq)]
pub enum Popped<T, C> {
    /// The oldest item.
    Item(T),
    /// What the other channel said.
    Called(C),
    /// The other channel was closed: time to stop.
    Closed,
    /// Nothing came within the time given.
    Nothing,
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Ring {
            sender: self.sender.clone(),
            receiver: self.receiver.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T: Weigh> Ring<T> {
    /// A ring of at most `items_max` items (at least one) that weigh at most `bytes_max`.
    pub fn new(items_max: usize, bytes_max: usize) -> Ring<T> {
        // The bounds are kept here: crossbeam's bounded channel would take the
        // memory of all items at once, 256 KiB for 4096 lines, however few come.
        let (sender, receiver) = unbounded();
        let (bytes, evicted) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ring { sender, receiver, shared: Arc::new(Shared { items_max, bytes_max, bytes, evicted }) }
    }

    /// Adds `item`, evicting the oldest while the ring is full; returns how many went.
    ///
    /// Evicting rather than refusing: after a burst, the newest lines say what is
    /// happening now. Blocking is not an option, because the kernel would then
    /// drop datagrams where nobody counts them.
    pub fn push(&self, item: T) -> usize {
        let mut evicted = 0;
        self.push_evicting(item, |_| evicted += 1);
        evicted
    }

    /// The same, handing each item that goes to `evict`.
    pub fn push_evicting(&self, item: T, mut evict: impl FnMut(T)) {
        let weight = item.weight_bytes();
        let mut evicted = 0;
        // Empty, and still full: an item larger than the bound is let in alone.
        while self.is_full_for(weight)
            && let Some(oldest) = self.try_pop()
        {
            evict(oldest);
            evicted += 1;
        }
        self.shared.bytes.fetch_add(weight, Ordering::Relaxed);
        // Cannot fail: whoever has the one end has the other.
        let _ = self.sender.send(item);
        if evicted > 0 {
            self.shared.evicted.fetch_add(evicted, Ordering::Relaxed);
        }
    }

    /// True if `item` would push nothing out now.
    pub fn has_room_for(&self, item: &T) -> bool {
        !self.is_full_for(item.weight_bytes())
    }

    /// Writers that ask at the same time may all be told of the same last place:
    /// the bound is then exceeded by as many as they are, and not by what they send.
    fn is_full_for(&self, weight: usize) -> bool {
        self.len() >= self.shared.items_max
            || self.shared.bytes.load(Ordering::Relaxed).saturating_add(weight) > self.shared.bytes_max
    }

    /// The oldest item, if there is one now.
    pub fn try_pop(&self) -> Option<T> {
        self.receiver.try_recv().ok().map(|item| self.taken(item))
    }

    /// Waits for an item, for anything on `call`, or until `deadline`.
    ///
    /// `call` goes first when both are ready, so that a flood of lines cannot
    /// hold up the word to stop.
    pub fn pop<C>(&self, call: &Receiver<C>, deadline: Option<Instant>) -> Popped<T, C> {
        select_biased! {
            recv(call) -> said => said.map_or(Popped::Closed, Popped::Called),
            recv(self.receiver) -> item => match item {
                Ok(item) => Popped::Item(self.taken(item)),
                Err(_) => Popped::Nothing,
            },
            default(wait_until(deadline)) => Popped::Nothing,
        }
    }

    fn taken(&self, item: T) -> T {
        self.shared.bytes.fetch_sub(item.weight_bytes(), Ordering::Relaxed);
        item
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// How many items were evicted since the ring was made.
    pub fn evicted(&self) -> usize {
        self.shared.evicted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::unbounded;

    impl Weigh for &str {
        fn weight_bytes(&self) -> usize {
            self.len()
        }
    }

    /// Pushes every item; what is then in the ring, oldest first, and how many were evicted.
    #[track_caller]
    fn check(items_max: usize, bytes_max: usize, pushed: &[&'static str], kept: &[&str], evicted: usize) {
        let ring = Ring::new(items_max, bytes_max);
        let told: usize = pushed.iter().map(|item| ring.push(*item)).sum();
        assert_eq!((told, ring.evicted()), (evicted, evicted));
        assert_eq!(std::iter::from_fn(|| ring.try_pop()).collect::<Vec<_>>(), kept);
        assert_eq!(ring.shared.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn full_ring_keeps_the_newest() {
        check(3, 100, &["a", "b", "c"], &["a", "b", "c"], 0);
        check(3, 100, &["a", "b", "c", "d", "e"], &["c", "d", "e"], 2);
        check(9, 4, &["aa", "bb", "cc"], &["bb", "cc"], 1);
        check(9, 4, &["a", "b", "c", "dddd"], &["dddd"], 3);
    }

    #[test]
    fn an_item_over_the_bound_is_let_in_alone() {
        check(9, 4, &["a", "too heavy"], &["too heavy"], 1);
        check(9, 4, &["too heavy", "b"], &["b"], 1);
        check(0, 4, &["a", "b"], &["b"], 1);
    }

    #[test]
    fn room_is_what_would_push_nothing_out() {
        let ring = Ring::new(2, 4);
        assert!(ring.has_room_for(&"four") && !ring.has_room_for(&"fives"));
        ring.push("a");
        assert!(ring.has_room_for(&"bcd") && !ring.has_room_for(&"four"));
        ring.push("b");
        assert!(!ring.has_room_for(&"c"));
    }

    #[test]
    fn a_call_goes_before_the_items() {
        let ring = Ring::new(2, 10);
        let (caller, call) = unbounded();
        let now = Some(Instant::now());
        assert_eq!(ring.pop(&call, now), Popped::Nothing);
        ring.push("a");
        caller.send(7).unwrap();
        assert_eq!(ring.pop(&call, None), Popped::Called(7));
        assert_eq!(ring.pop(&call, None), Popped::Item("a"));
        drop(caller);
        assert_eq!(ring.pop(&call, None), Popped::Closed);
    }

    #[test]
    fn many_writers_and_one_reader_lose_only_what_is_counted() {
        let ring: Ring<&str> = Ring::new(8, 1 << 20);
        let (_caller, call) = unbounded::<()>();
        let popped = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|_| {
                    let ring = ring.clone();
                    scope.spawn(move || (0..1000).for_each(|_| _ = ring.push("x")))
                })
                .collect();
            let mut popped = 0;
            while !writers.iter().all(|w| w.is_finished()) || !ring.is_empty() {
                let soon = Instant::now() + Duration::from_millis(1);
                popped += usize::from(matches!(ring.pop(&call, Some(soon)), Popped::Item(_)));
            }
            popped
        });
        assert_eq!(popped + ring.evicted(), 3000);
    }
}
