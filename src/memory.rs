//! What rules remember beyond the end of the process, on its way to `STATE_DIR` and back.
//!
//! ```text
//!   rules ── Change ──► notify ──► the disk ──► Recalled ──► rules, in the next process
//! ```
//!
//! Apart, because the rules know nothing of a disk, and whoever keeps it nothing of what
//! the bytes mean. Times within a value are spans before [`Change::at`]: an `Instant`
//! means nothing to the next process, which is told what that one is to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::alert::AlertId;

/// Something is remembered from now on, in another way, or no more.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Whose it is and what it is about, such as `EVENT2`, a zero byte, and the key.
    pub name: String,
    /// What is remembered; None: nothing any more.
    pub value: Option<Vec<u8>>,
    /// When that was so.
    pub at: Instant,
}

/// What an earlier process remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// As in [`Change`].
    pub name: String,
    /// As in [`Change`].
    pub value: Vec<u8>,
    /// What [`Change::at`] is by this process's clock; None if nobody knows how long ago it was.
    pub written: Option<Instant>,
}

/// An alert of a rule that remembers, which is still to be told to somebody.
///
/// One that is not among these was told, or given up; so a rule that remembers an alert
/// under way knows what became of it even if the last process was killed before it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Owed {
    /// The rule's name.
    pub rule: Arc<str>,
    /// What the rule calls the same.
    pub key: Arc<str>,
    /// The alert. The same may come more than once.
    pub id: AlertId,
    /// Somebody else, whom it was for too, is done with it: was told, most likely.
    pub is_settled_elsewhere: bool,
}

/// The machine was started again since the last process ran on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rebooted {
    /// That process had been told to stop; else it went with the machine.
    pub is_clean: bool,
    /// From that stop to this start, if that is known.
    pub away: Option<Duration>,
}

/// All that a process starts with.
#[derive(Debug, Default, PartialEq)]
pub struct Recalled {
    /// In the order in which it changed last.
    pub remembered: Vec<Remembered>,
    /// Oldest first; the newest 4,096 at most.
    pub owed: Vec<Owed>,
    /// Only if it was.
    pub rebooted: Option<Rebooted>,
}
