//! What a line made a rule say, before it is known whether, when and how that is told.

use std::time::Instant;

use crate::alert::Unset;
use crate::value::{Value, Values};

/// Of what is remembered, texts are kept to this: each of 4,096 keys may have two.
const KEPT_BYTES_MAX: usize = 300;

/// A text and when it was.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Said {
    /// Without the time.
    pub(in crate::rules) text: String,
    /// What is said behind it only this once.
    pub(in crate::rules) note: String,
    /// The time.
    pub(in crate::rules) suffix: String,
    /// When the line came.
    pub(in crate::rules) arrived: Instant,
    /// For a clock that was not set.
    pub(in crate::rules) unset: Option<Unset>,
    /// If some service wants them.
    pub(in crate::rules) values: Option<Box<Values>>,
}

impl Said {
    /// The same with another text; of something that becomes known only at `now`.
    pub(super) fn reworded(&self, text: String, now: Instant) -> Said {
        // By its arrival it expires, and it must not have done so before it is told; but a time
        // that is to be put right belongs to the arrival.
        let arrived = if self.unset.is_some() { self.arrived } else { now };
        Said { text, arrived, ..self.clone() }
    }

    /// The same, of the router that `other` is of; of none without that. Of a trouble the first and
    /// the last word must be of one router, or be of none: by it they are known to be of the same.
    pub(super) fn of_router(mut self, other: Option<&Said>) -> Said {
        let others = other.and_then(|other| other.values.as_deref());
        let router = others.map_or("", |values| values.text(Value::Router));
        if let Some(values) = self.values.as_deref_mut() {
            *values = values.with(Value::Router, router);
        }
        self
    }

    /// What is kept of it.
    pub(super) fn kept(mut self) -> Said {
        cut(&mut self.text);
        cut(&mut self.suffix);
        self.note = String::new();
        if let Some(values) = &mut self.values {
            values.cut(KEPT_BYTES_MAX);
        }
        self
    }
}

/// Cuts a text to what is kept of one, and marks it.
pub(super) fn cut(text: &mut String) {
    if text.len() > KEPT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(KEPT_BYTES_MAX - '…'.len_utf8()));
        text.push('…');
    }
    text.shrink_to_fit();
}
