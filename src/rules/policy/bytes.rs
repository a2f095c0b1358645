//! The parts of what a rule remembers, as bytes: times, texts, what was said.
//!
//! Apart from [`super::saved`], which knows what is remembered, and in what order.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::said::Said;
use super::{Audience, Draft};
use crate::alert::{Stage, Unset};
use crate::fields::{Rest, write_bytes, write_number, write_texts};
use crate::timestamp::Zone;
use crate::value::{Value, Values};

/// Of another version nothing is read.
const VERSION: u64 = 2;

/// A memory on its way out, at one moment.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    at: Instant,
}

impl Writer {
    pub(super) fn new(at: Instant) -> Writer {
        let mut writer = Writer { bytes: Vec::new(), at };
        writer.number(VERSION);
        writer
    }

    pub(super) fn number(&mut self, number: u64) {
        write_number(&mut self.bytes, number);
    }

    pub(super) fn text(&mut self, text: &str) {
        write_bytes(&mut self.bytes, text.as_bytes());
    }

    pub(super) fn time(&mut self, time: Instant) {
        let (after, before) =
            (time.saturating_duration_since(self.at), self.at.saturating_duration_since(time));
        let number = if after.is_zero() { before.as_millis() << 1 } else { after.as_millis() << 1 | 1 };
        self.number(number as u64);
    }

    /// Whether there is one, and then that.
    pub(super) fn option<T>(&mut self, option: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        self.number(option.is_some().into());
        if let Some(value) = option {
            write(self, value);
        }
    }

    pub(super) fn said(&mut self, said: &Said) {
        self.text(&said.text);
        self.text(&said.suffix);
        self.time(said.arrived);
        let millis =
            |unset: &Unset| unset.written().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.option(said.unset.as_ref().map(millis), |to, millis| to.number(millis as u64));
        self.option(said.values.as_ref(), |to, values| {
            write_texts(&mut to.bytes, &Value::NAMES.map(|(_, value)| values.text(value)));
        });
    }

    /// Of a trouble.
    pub(super) fn stage(&mut self, draft: &Draft) {
        self.text(&draft.key);
        self.number((draft.stage == Stage::Over).into());
        self.said(&draft.said);
    }
}

/// And back.
pub(super) struct Reader<'a> {
    pub(super) rest: Rest<'a>,
    at: Instant,
    zone: &'a Zone,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], at: Instant, zone: &'a Zone) -> Option<Reader<'a>> {
        let mut reader = Reader { rest: Rest(bytes), at, zone };
        (reader.number()? == VERSION).then_some(reader)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.rest.number()
    }

    pub(super) fn text(&mut self) -> Option<String> {
        self.rest.text().map(str::to_owned)
    }

    pub(super) fn time(&mut self) -> Option<Instant> {
        let number = self.number()?;
        let span = Duration::from_millis(number >> 1);
        if number & 1 == 1 { self.at.checked_add(span) } else { self.at.checked_sub(span) }
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.number()? {
            0 => Some(None),
            _ => read(self).map(Some),
        }
    }

    pub(super) fn said(&mut self) -> Option<Said> {
        let (text, suffix, arrived) = (self.text()?, self.text()?, self.time()?);
        let unset = self.option(|from| {
            let written: SystemTime = UNIX_EPOCH.checked_add(Duration::from_millis(from.number()?))?;
            Some(Unset::note(written, from.zone))
        })?;
        let values = self.option(|from| {
            let texts = from.rest.texts()?;
            let text = |value: Value| texts.get(value as usize).copied().unwrap_or_default().to_owned();
            Some(Box::new(Values::new(text)))
        })?;
        let note = String::new();
        Some(Said { text, note, suffix, arrived, unset: unset.flatten(), values })
    }

    /// Of a trouble, for those who follow it.
    pub(super) fn stage(&mut self) -> Option<Draft> {
        let key = Arc::from(self.rest.text()?);
        let stage = if self.number()? == 0 { Stage::Begun } else { Stage::Over };
        Some(Draft::new(&key, Audience::Followers, stage, self.said()?))
    }
}
