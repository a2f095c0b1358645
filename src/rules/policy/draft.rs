//! What comes out of a rule's memory: an alert to be, and to whom.

use std::sync::Arc;

use super::Said;
use crate::alert::{AlertId, Stage};

/// An alert to be.
#[derive(Debug)]
pub(in crate::rules) struct Draft {
    pub(in crate::rules) id: AlertId,
    pub(in crate::rules) key: Arc<str>,
    pub(in crate::rules) audience: Audience,
    pub(in crate::rules) stage: Stage,
    pub(in crate::rules) said: Said,
}

/// Which of the rule's destinations are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rules) enum Audience {
    All,
    /// Those who only read what they are told.
    Readers,
    /// Those who know a trouble from its beginning to its end.
    Followers,
}

impl Draft {
    pub(super) fn new(key: &Arc<str>, audience: Audience, stage: Stage, said: Said) -> Draft {
        Draft { id: AlertId::fresh(), key: Arc::clone(key), audience, stage, said }
    }
}
