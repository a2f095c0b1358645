//! An alert: a rule fired, and this is what it says.
//!
//! It is what the middle hands to delivery. Apart from both, because the rules
//! know nothing of services and the services nothing of rules.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::ring::Weigh;

/// Which destination (a notifier, or a notifier with a target) an alert goes to:
/// its index in the list that the configuration made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestinationId(pub usize);

/// The rule's name of what we tell of ourselves.
const OWN: &str = "alertik";

/// Text from a rule, on its way to somebody.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The rule's name: `EVENT0`, `STATIC_EVENT1`, or `alertik` for our own troubles.
    pub rule: Arc<str>,
    /// What is to be told, without the time.
    pub text: String,
    /// What follows the text, usually the time; kept when the text must be cut.
    pub suffix: String,
    /// Where it goes.
    pub destinations: Arc<[DestinationId]>,
    /// When the line came that it tells of, by a clock that nobody can set.
    pub arrived: Instant,
}

impl Alert {
    /// An alert about ourselves.
    pub fn own(text: String, suffix: String, destinations: Arc<[DestinationId]>, now: Instant) -> Alert {
        Alert { rule: OWN.into(), text, suffix, destinations, arrived: now }
    }

    /// True for one about ourselves. Such must never cause another: it takes no
    /// other alert's place in a queue, and when it is lost nobody is told.
    pub fn is_own(&self) -> bool {
        &*self.rule == OWN
    }
}

impl Weigh for Alert {
    fn weight_bytes(&self) -> usize {
        size_of::<Alert>() + self.text.capacity() + self.suffix.capacity()
    }
}

/// The wall-clock time of `instant`, which lies a little before `now`.
///
/// Worked out when an alert is written, not when a line arrives: most lines are
/// never told, and a clock that was set in between is then right.
pub fn wall_time(instant: Instant, now: (Instant, SystemTime)) -> SystemTime {
    let age = now.0.saturating_duration_since(instant);
    now.1.checked_sub(age).unwrap_or(now.1)
}
