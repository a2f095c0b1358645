//! What senders and the store tell the worker: the one thing that flows back.
//!
//! Apart from those who say it and the one who hears it.

use crate::alert::{Alert, DestinationId, Keyed};

/// What a sender tells the worker: the one thing that flows back.
#[derive(Clone, Debug)]
pub enum Report {
    /// A service takes nothing until a human acts.
    Parked {
        /// Which.
        destination: DestinationId,
        /// What it answered.
        reason: String,
    },
    /// It takes alerts again.
    Back {
        /// Which.
        destination: DestinationId,
    },
    /// An alert of a rule that remembers was told to one of its destinations, or given up
    /// there: refused, expired, or evicted. Once for each of them, unless the alert cannot
    /// be read any more, or the process ends first. What a fallback takes over ends there, once
    /// for each of several.
    Settled {
        /// The alert.
        alert: Keyed,
        /// True if it was told.
        is_delivered: bool,
    },
    /// Something is wrong with what `STATE_DIR` keeps.
    Disk {
        /// What, in words.
        trouble: String,
    },
}

impl Report {
    /// That `alert` is done with at one destination, if its rule wants to know.
    pub(super) fn settled(alert: &Alert, is_delivered: bool) -> Option<Report> {
        alert.keyed().map(|alert| Report::Settled { alert, is_delivered })
    }
}
