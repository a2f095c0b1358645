//! What senders and the store tell the worker: the one thing that flows back.
//!
//! Apart from those who say it and the one who hears it.

use std::sync::Arc;
use std::time::Instant;

use crate::alert::{Alert, DestinationId, Keyed};

/// Takes what there is to say, from whatever thread; never waits.
pub type Reporter = Arc<dyn Fn(Report) + Send + Sync>;

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
    /// What a service took may not have arrived: the others are told.
    Doubt {
        /// Which.
        destination: DestinationId,
        /// What, in words.
        text: String,
    },
    /// What a connection that people can write back on says of them.
    Ear(Ear),
    /// Something is wrong with what `STATE_DIR` keeps.
    Disk {
        /// What, in words.
        trouble: String,
    },
}

/// A person, as a connection knows one. Names can be taken by anybody; the number cannot.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// The connection's own number for them.
    pub id: i64,
    /// What they are called there now.
    pub name: Arc<str>,
}

/// Whom we hear.
#[derive(Clone, Debug)]
pub enum Ear {
    /// From now on what people write reaches us.
    Open,
    /// From now on it does not.
    Closed,
    /// Somebody whom we listen for is known by this number.
    Known(Contact),
    /// Nobody has the name of somebody whom we listen for.
    Unknown(Arc<str>),
    /// Somebody wrote, then: it may be while nobody listened.
    Heard(Contact, Instant),
}

impl Report {
    /// That `alert` is done with at one destination, if its rule wants to know.
    pub(super) fn settled(alert: &Alert, is_delivered: bool) -> Option<Report> {
        alert.keyed().map(|alert| Report::Settled { alert, is_delivered })
    }
}
