//! A line as rules see it: the bytes, what they mean, and who said it when.
//!
//! Apart from the record, which is the bytes alone; names and times come from
//! the configuration and the clock. Nothing is worked out before it is asked for.

use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use crate::alert::{Unset, wall_time};
use crate::line::Line;
use crate::network::Routers;
use crate::record::Record;
use crate::timestamp::Zone;
use crate::value::{Value, Values};

/// What rules know besides the line.
#[derive(Clone, Debug)]
pub struct Context {
    /// Names for senders that do not name themselves.
    pub routers: Routers,
    /// Where the operator's clock is.
    pub zone: Zone,
}

impl Context {
    /// For a pattern tried by itself: no names, and UTC.
    pub fn plain() -> Context {
        Context { routers: Routers::default(), zone: Zone::utc() }
    }
}

/// One line to be matched.
pub struct View<'a> {
    /// As it came.
    pub line: &'a Line,
    /// As it reads.
    pub record: &'a Record<'a>,
    /// Names and zone.
    pub context: &'a Context,
    /// Both clocks, read together.
    pub now: (Instant, SystemTime),
}

impl View<'_> {
    /// The name the line gives itself, or that `ROUTERS` gives its sender, or the address.
    pub fn router(&self) -> Cow<'_, str> {
        match (self.record.identity, self.context.routers.name(self.line.from)) {
            (Some(identity), _) => String::from_utf8_lossy(identity),
            (None, Some(name)) => name.into(),
            (None, None) => self.line.from.to_string().into(),
        }
    }

    /// What the router said.
    pub fn message(&self) -> Cow<'_, str> {
        match self.record.message() {
            Cow::Borrowed(text) => String::from_utf8_lossy(text),
            Cow::Owned(text) => String::from_utf8_lossy(&text).into_owned().into(),
        }
    }

    /// When the line came, in local time.
    pub fn time(&self) -> String {
        self.context.zone.format(wall_time(self.line.arrived, self.now))
    }

    /// What is to be put right of that later, if the clock has not been set yet.
    pub fn unset(&self) -> Option<Unset> {
        Unset::note(wall_time(self.line.arrived, self.now), &self.context.zone)
    }

    /// A value for a mask of the rule named `rule`, of an alert that stands for `count` lines.
    pub fn value(&self, value: Value, rule: &str, count: usize) -> Cow<'_, [u8]> {
        match value {
            Value::Message => self.record.message(),
            Value::Topics => Cow::Borrowed(self.record.topics.as_bytes()),
            Value::Router => match self.router() {
                Cow::Borrowed(name) => Cow::Borrowed(name.as_bytes()),
                Cow::Owned(name) => Cow::Owned(name.into_bytes()),
            },
            Value::From => Cow::Owned(self.line.from.to_string().into_bytes()),
            Value::Time => Cow::Owned(self.time().into_bytes()),
            Value::Line => Cow::Borrowed(&self.line.bytes),
            Value::Count => Cow::Owned(count.to_string().into_bytes()),
            Value::Rule => Cow::Owned(rule.as_bytes().to_vec()),
        }
    }

    /// All of them, for services whose text is made of them.
    pub fn values(&self, rule: &str, count: usize) -> Values {
        Values::new(|value| String::from_utf8_lossy(&self.value(value, rule, count)).into_owned())
    }
}
