//! Bodies as they come in: each bounded, all together bounded, none slow.
//!
//! ```text
//!   frame ─► charge ─► bytes          over 1 MiB, or over the budget: what was kept is dropped at once, and up to
//!              │                      4 MiB are read and thrown away, so that the sender reads the answer
//!           Budget                    instead of seeing its connection reset
//! ```
//!
//! Apart from the bodies of the page, which are small, and come from a person: here programs write, some of them
//! strangers whose signature can only be told from a wrong one when the body is there.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::log;

/// As much as Grafana or Alertmanager send of hundreds of alerts.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;

/// So much is read of what is refused.
const DRAINED_BYTES_MAX: usize = 4 << 20;

/// All bodies together: a router has 128 MB for everything.
const BODIES_BYTES_MAX: usize = 2 << 20;

/// And those of which nobody knows yet who sent them: strangers cannot take it all. Of these the oldest goes for a
/// new one.
const UNPROVEN_BYTES_MAX: usize = 1 << 20;

/// Whoever sends a body slower is cut off.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A buffer grows by this, not by doubling: what is charged is what is taken, but for so much.
const STEP_BYTES: usize = 16 * 1024;

/// What all hooks share.
#[derive(Default)]
pub struct Desk {
    budget: Budget,
    strangers: Strangers,
    pub(super) pace: Mutex<log::Pace>,
}

/// Those whose bodies come in and of whom nobody knows who they are, the oldest first; each hears that it must go.
#[derive(Default)]
struct Strangers(Mutex<VecDeque<Arc<Notify>>>);

impl Strangers {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among them, given back when it is dropped.
struct Turn<'a> {
    strangers: &'a Strangers,
    over: Arc<Notify>,
}

impl<'a> Turn<'a> {
    fn new(strangers: &'a Strangers) -> Turn<'a> {
        let over = Arc::<Notify>::default();
        strangers.lock().push_back(Arc::clone(&over));
        Turn { strangers, over }
    }

    /// Has older ones go until `bytes` more fit: who dawdles must not keep out who signs, and is done at once.
    async fn make_room(&self, budget: &Budget, bytes: usize) {
        while budget.unproven.load(Ordering::Relaxed) + bytes > UNPROVEN_BYTES_MAX {
            let oldest = {
                let mut strangers = self.strangers.lock();
                let is_older = strangers.front().is_some_and(|oldest| !Arc::ptr_eq(oldest, &self.over));
                if is_older { strangers.pop_front() } else { None }
            };
            let Some(oldest) = oldest else { return };
            oldest.notify_one();
            // It lets go of its body.
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.strangers.lock().retain(|one| !Arc::ptr_eq(one, &self.over));
    }
}

/// Bytes of bodies in memory.
#[derive(Default)]
struct Budget {
    all: AtomicUsize,
    unproven: AtomicUsize,
}

/// What one body has taken of the budget, given back when it is dropped.
struct Charge<'a> {
    budget: &'a Budget,
    bytes: usize,
    is_proven: bool,
}

impl Charge<'_> {
    /// True if there is room for so many more bytes; then they are taken.
    fn add(&mut self, bytes: usize) -> bool {
        let take = |counter: &AtomicUsize, max: usize| {
            let sum = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= max);
            counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
        };
        if !self.is_proven && !take(&self.budget.unproven, UNPROVEN_BYTES_MAX) {
            return false;
        }
        if !take(&self.budget.all, BODIES_BYTES_MAX) {
            if !self.is_proven {
                self.budget.unproven.fetch_sub(bytes, Ordering::Relaxed);
            }
            return false;
        }
        self.bytes += bytes;
        true
    }

    fn release(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.budget.all.fetch_sub(bytes, Ordering::Relaxed);
        if !self.is_proven {
            self.budget.unproven.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

/// A whole body, and its place in the budget.
pub(super) struct Kept<'a> {
    pub(super) bytes: Vec<u8>,
    _charge: Charge<'a>,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refusal {
    /// More than [`BODY_BYTES_MAX`].
    TooLong,
    /// There are too many others.
    Busy,
    TooSlow,
    /// The connection ended before it did.
    Broken,
}

impl Desk {
    /// All of a body. Of one that is not wanted some is read, for its sender's sake.
    pub(super) async fn take(
        &self,
        mut body: Incoming,
        is_proven: bool,
        is_unwanted: bool,
    ) -> Result<Kept<'_>, Refusal> {
        let charge = Charge { budget: &self.budget, bytes: 0, is_proven };
        let mut kept = Kept { bytes: Vec::new(), _charge: charge };
        let is_long = body.size_hint().lower() > BODY_BYTES_MAX as u64;
        let mut refusal = (is_long || is_unwanted).then_some(Refusal::TooLong);
        let mut seen = 0;
        let turn = (!is_proven && refusal.is_none()).then(|| Turn::new(&self.strangers));
        let all = async {
            while let Some(frame) = next(&mut body).await {
                let Ok(frame) = frame else {
                    refusal = refusal.or(Some(Refusal::Broken));
                    return;
                };
                let piece: &[u8] = frame.data_ref().map_or(&[], |data| &data[..]);
                seen += piece.len();
                if refusal.is_none() {
                    if let Some(turn) = &turn {
                        turn.make_room(&self.budget, piece.len()).await;
                    }
                    refusal = kept.add(piece).err();
                }
                if refusal.is_some() && seen >= DRAINED_BYTES_MAX {
                    return;
                }
            }
        };
        let is_over = async {
            match &turn {
                Some(turn) => turn.over.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = timeout(BODY_TIMEOUT, all) => if ended.is_err() {
                refusal = refusal.or(Some(Refusal::TooSlow));
            },
            () = is_over => refusal = Some(Refusal::Busy),
        }
        refusal.map_or(Ok(kept), Err)
    }
}

impl Kept<'_> {
    fn add(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let is_short = self.bytes.len() + piece.len() <= BODY_BYTES_MAX;
        if !is_short || !self._charge.add(piece.len()) {
            self.bytes = Vec::new();
            self._charge.release();
            return Err(if is_short { Refusal::Busy } else { Refusal::TooLong });
        }
        if self.bytes.capacity() - self.bytes.len() < piece.len() {
            self.bytes.reserve_exact(piece.len().max(STEP_BYTES));
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

async fn next(body: &mut Incoming) -> Option<Result<hyper::body::Frame<hyper::body::Bytes>, hyper::Error>> {
    std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(budget: &Budget, is_proven: bool) -> Kept<'_> {
        Kept { bytes: Vec::new(), _charge: Charge { budget, bytes: 0, is_proven } }
    }

    #[test]
    fn all_bodies_together_are_bounded_and_strangers_take_half() {
        let budget = Budget::default();
        let piece = vec![0; BODY_BYTES_MAX / 2];
        let mut strangers: Vec<_> = (0..3).map(|_| kept(&budget, false)).collect();
        let added: Vec<_> = strangers.iter_mut().map(|stranger| stranger.add(&piece)).collect();
        assert_eq!(added, [Ok(()), Ok(()), Err(Refusal::Busy)]);
        let mut known: Vec<_> = (0..3).map(|_| kept(&budget, true)).collect();
        let added: Vec<_> = known.iter_mut().map(|known| known.add(&piece)).collect();
        assert_eq!(added, [Ok(()), Ok(()), Err(Refusal::Busy)]);
        // What goes makes room, and is given back once.
        strangers.truncate(1);
        assert_eq!(known[2].add(&piece), Ok(()));
        drop((strangers, known));
        assert_eq!((budget.all.into_inner(), budget.unproven.into_inner()), (0, 0));
    }

    #[test]
    fn what_is_too_long_is_given_back_at_once() {
        let budget = Budget::default();
        let mut body = kept(&budget, true);
        assert_eq!(body.add(&vec![0; BODY_BYTES_MAX]), Ok(()));
        assert_eq!(body.add(&[0]), Err(Refusal::TooLong));
        assert_eq!((body.bytes.capacity(), budget.all.load(Ordering::Relaxed)), (0, 0));
    }
}
