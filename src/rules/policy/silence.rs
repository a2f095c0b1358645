//! `_SILENCE=24h`: what is missed when it does not come, and is back when it does.
//!
//! Apart from a key's memory, because a rule that nothing has ever matched has none, and is silent too.

use std::time::Instant;

use super::said::Said;
use crate::span::words;

/// Since when nothing has matched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    pub(super) since: Instant,
    pub(super) missed: Missed,
}

/// Who knows that it is missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Missed {
    /// It is not, yet.
    No,
    /// The people.
    Told,
    /// It is counted among what is held.
    Held,
}

impl Silence {
    /// What there is to tell of its end, which a line says that matched at `now`; nothing if it was not missed.
    pub(super) fn back(self, said: Said, now: Instant) -> Option<Said> {
        if self.missed == Missed::No {
            return None;
        }
        let span = words(now.saturating_duration_since(self.since));
        Some(Said { text: format!("back after {span}: {}", said.text), ..said })
    }
}
