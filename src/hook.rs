//! What another system has told us over HTTP, on its way to whoever makes an alert of it.
//!
//! Apart, because HTTP knows nothing of destinations, and who hands alerts over nothing of HTTP.

use std::sync::Arc;

use crate::alert::{DestinationId, Priority};

/// Where another system tells us things, and who is told them.
pub struct Hook {
    /// `HOOK0`.
    pub rule: Arc<str>,
    /// What the other system is called.
    pub name: String,
    /// Who is told; nobody, if only its calls count.
    pub destinations: Arc<[DestinationId]>,
}

/// What a hook was told.
pub struct Told {
    /// Its place among those that are configured.
    pub hook: usize,
    /// What people are to read.
    pub text: String,
    /// How much it matters.
    pub priority: Priority,
    /// Hears whether it is kept. Dropped unheard, nobody knows.
    pub done: Done,
}

/// Takes the word that somebody waits for, from whatever thread.
pub type Done = Box<dyn FnOnce(Taken) + Send>;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Taken {
    /// It is told, whatever happens now: it is in the spool, or without one in the queues.
    Kept,
    /// Too many alerts wait already. Who asked can come again; what waits cannot.
    NoRoom,
}
