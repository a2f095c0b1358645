//! An alert as one service is told it, at one moment.
//!
//! Apart from the alert, which knows no service, and no time but that of its line.

use std::time::{Instant, SystemTime};

use crate::alert::{Alert, AlertId, Priority, Stage, wall_time};
use crate::value::{Value, Values};

/// An alert on its way to one service.
#[derive(Clone, Copy)]
pub struct Notification<'a> {
    /// The alert's own: the same at each attempt, for services that know a repetition by it.
    pub id: AlertId,
    /// The rule that tells it; empty where that is nobody's business.
    pub rule: &'a str,
    /// What the rule calls the same, if it remembers: with the rule's name, the name of a trouble.
    pub key: Option<&'a str>,
    /// How much it matters.
    pub priority: Priority,
    /// Where in its trouble it stands.
    pub stage: Stage,
    /// What is to be told.
    pub text: &'a str,
    /// What follows it, usually the time.
    pub suffix: &'a str,
    /// The path of a file that goes with it, on the machine of the service that sends files.
    pub attachment: Option<&'a str>,
    /// What the line said that it tells of; None if nobody asked for that when it was made.
    pub values: Option<&'a Values>,
    /// When that was, by the clock of the wall.
    pub happened: SystemTime,
    /// When this attempt is made.
    pub now: SystemTime,
}

/// For tests of what a text is made of.
#[cfg(test)]
impl Default for Notification<'_> {
    fn default() -> Self {
        Notification {
            id: AlertId(0x0123_4567_89ab_cdef),
            rule: "EVENT0",
            key: None,
            priority: Priority::default(),
            stage: Stage::default(),
            text: "",
            suffix: "",
            attachment: None,
            values: None,
            happened: SystemTime::UNIX_EPOCH,
            now: SystemTime::UNIX_EPOCH,
        }
    }
}

impl<'a> Notification<'a> {
    /// `alert` at one moment, in its words and with the values of its line at that moment.
    pub(super) fn new(
        alert: &'a Alert,
        (text, suffix): (&'a str, &'a str),
        values: Option<&'a Values>,
        now: (Instant, SystemTime),
    ) -> Notification<'a> {
        Notification {
            id: alert.id,
            rule: &alert.rule,
            key: alert.key.as_deref(),
            priority: alert.priority,
            stage: alert.stage,
            text,
            suffix,
            attachment: alert.attachment.as_deref(),
            values,
            happened: wall_time(alert.arrived, now),
            now: now.1,
        }
    }

    /// Text and suffix, whatever their length.
    pub fn whole(&self) -> String {
        format!("{}{}", self.text, self.suffix)
    }

    /// Who says it: the router, or we ourselves.
    pub fn title(&self) -> &str {
        match self.value(Value::Router) {
            "" => "alertik",
            router => router,
        }
    }

    /// What the line said; empty, and no lines, where that is not known.
    pub fn value(&self, value: Value) -> &str {
        let unknown = if value == Value::Count { "0" } else { "" };
        self.values.map_or(unknown, |values| values.text(value))
    }

    /// Text and suffix, cut to what a service takes, `cost` saying what each
    /// character counts there (UTF-16 units, bytes once escaped, …).
    ///
    /// Cut on a character's boundary, marked with `…`, and at the text's end
    /// rather than the suffix's: when it happened is the last thing to lose.
    pub fn within(&self, max: usize, cost: impl Fn(char) -> usize) -> String {
        let total = |text: &str| text.chars().map(&cost).sum::<usize>();
        if total(self.text) + total(self.suffix) <= max {
            return self.whole();
        }
        let room = max.saturating_sub(cost('…'));
        let suffix = if total(self.suffix) <= room { self.suffix } else { "" };
        let mut room = room - total(suffix);
        let mut cut = String::new();
        for c in self.text.chars() {
            match room.checked_sub(cost(c)) {
                Some(rest) => room = rest,
                None => break,
            }
            cut.push(c);
        }
        cut.push('…');
        cut.push_str(suffix);
        cut
    }
}
