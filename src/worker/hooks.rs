//! What another system has told us becomes an alert.
//!
//! Apart from the rules, because no line is behind it: it is told as it came, in the words that whoever read it
//! found for it, and nothing is remembered of it. No time is put behind it; what it tells of has its own.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::alert::{Alert, AlertId, Priority, Stage, Unset};
use crate::hook::{Done, Hook, Taken};
use crate::stats::Stats;
use crate::timestamp::Zone;
use crate::value::{Value, Values};

/// The alert that says `text`, which `hook` was told.
pub(super) fn alert(
    hook: &Hook,
    text: String,
    priority: Priority,
    zone: &Zone,
    now: (Instant, SystemTime),
) -> Alert {
    // Services that show who says it show the other system's name.
    let values = Values::of_no_line(&hook.rule, zone.format(now.1))
        .with(Value::Router, &hook.name)
        .with(Value::Message, &text);
    Alert {
        id: AlertId::fresh(),
        rule: Arc::clone(&hook.rule),
        key: None,
        priority,
        stage: Stage::Once,
        text,
        suffix: String::new(),
        attachment: None,
        destinations: Arc::clone(&hook.destinations),
        arrived: now.0,
        unset: Unset::note(now.1, zone),
        values: Some(Box::new(values)),
    }
}

/// `done`, and what is kept is counted.
pub(super) fn counted(done: Done, rule: Arc<str>, stats: Arc<Stats>) -> Done {
    Box::new(move |taken| {
        if taken == Taken::Kept {
            stats.count_alert(&rule);
        }
        done(taken);
    })
}
