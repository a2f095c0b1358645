//! A report as pprof's `profile.proto` has it, in protobuf's binary form.
//!
//! Apart and pure. Ours, because it is tables of numbers and nothing else: the pprof crate's own writer would
//! bring 27 crates more, a parser of Rust among them.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::UNIX_EPOCH;

use pprof::Report;

/// A message that grows by a field at a time (protobuf encoding, "Message structure").
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        // Seven bits a byte, the lowest first; the eighth says that more follows.
        while number > 0x7f {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Wire type 0. Zero is what an absent field means.
    fn number(&mut self, field: u64, number: u64) {
        if number != 0 {
            self.varint(field << 3);
            self.varint(number);
        }
    }

    /// Wire type 2. Written though it be empty: the first string is.
    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Message) {
        self.bytes(field, &message.0);
    }

    /// Many numbers in one field.
    fn numbers(&mut self, field: u64, numbers: impl IntoIterator<Item = u64>) {
        let mut packed = Message::default();
        numbers.into_iter().for_each(|number| packed.varint(number));
        self.message(field, &packed);
    }
}

/// Things by the order in which they were first named.
struct Table<T>(HashMap<T, u64>);

impl<T: Hash + Eq> Table<T> {
    /// The number of `thing`, from 1 on, and whether it is new.
    fn number(&mut self, thing: T) -> (u64, bool) {
        let next = self.0.len() as u64 + 1;
        let number = *self.0.entry(thing).or_insert(next);
        (number, number == next)
    }
}

/// The string table; its first is empty, so that zero means none.
struct Strings {
    table: Table<String>,
    all: Message,
}

impl Strings {
    fn new() -> Strings {
        let mut all = Message::default();
        all.bytes(STRING_TABLE, b"");
        Strings { table: Table(HashMap::new()), all }
    }

    fn number(&mut self, text: &str) -> u64 {
        let (number, is_new) = self.table.number(text.to_owned());
        if is_new {
            self.all.bytes(STRING_TABLE, text.as_bytes());
        }
        number
    }
}

// Fields of `Profile`.
const SAMPLE_TYPE: u64 = 1;
const SAMPLE: u64 = 2;
const LOCATION: u64 = 4;
const FUNCTION: u64 = 5;
const STRING_TABLE: u64 = 6;
const TIME_NANOS: u64 = 9;
const DURATION_NANOS: u64 = 10;
const PERIOD_TYPE: u64 = 11;
const PERIOD: u64 = 12;

/// The whole profile: how often each stack was seen, and what that is in processor time.
pub(super) fn profile(report: &Report) -> Vec<u8> {
    let (mut profile, mut strings) = (Message::default(), Strings::new());
    let (mut functions, mut locations) = (Table(HashMap::new()), Table(HashMap::new()));
    let period = 1_000_000_000 / u64::try_from(report.timing.frequency).unwrap_or(1).max(1);
    let mut value_type = |kind: &str, unit: &str| {
        let mut message = Message::default();
        message.number(1, strings.number(kind));
        message.number(2, strings.number(unit));
        message
    };
    let (count_type, time_type) = (value_type("samples", "count"), value_type("cpu", "nanoseconds"));
    profile.message(SAMPLE_TYPE, &count_type);
    profile.message(SAMPLE_TYPE, &time_type);
    for (stack, count) in &report.data {
        let mut ids = Vec::new();
        // The innermost first, on both sides.
        for symbol in stack.frames.iter().flatten() {
            let (name, file) = (strings.number(&symbol.name()), strings.number(&symbol.filename()));
            let (function, is_new) = functions.number((name, file));
            if is_new {
                let mut message = Message::default();
                message.number(1, function);
                message.number(2, name);
                message.number(3, strings.number(&symbol.sys_name()));
                message.number(4, file);
                profile.message(FUNCTION, &message);
            }
            let line_number = u64::from(symbol.lineno());
            let (location, is_new) = locations.number((function, line_number));
            if is_new {
                let mut line = Message::default();
                line.number(1, function);
                line.number(2, line_number);
                let mut message = Message::default();
                message.number(1, location);
                message.message(4, &line);
                profile.message(LOCATION, &message);
            }
            ids.push(location);
        }
        let count = u64::try_from(*count).unwrap_or_default();
        let mut label = Message::default();
        label.number(1, strings.number("thread"));
        label.number(2, strings.number(&stack.thread_name_or_id()));
        let mut sample = Message::default();
        sample.numbers(1, ids);
        sample.numbers(2, [count, count * period]);
        sample.message(3, &label);
        profile.message(SAMPLE, &sample);
    }
    let start = report.timing.start_time.duration_since(UNIX_EPOCH).unwrap_or_default();
    profile.number(TIME_NANOS, start.as_nanos() as u64);
    profile.number(DURATION_NANOS, report.timing.duration.as_nanos() as u64);
    profile.message(PERIOD_TYPE, &time_type);
    profile.number(PERIOD, period);
    // Fields may come in any order.
    profile.0.append(&mut strings.all.0);
    profile.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_protobufs_own_examples() {
        let mut message = Message::default();
        message.number(1, 150);
        message.bytes(2, b"testing");
        message.numbers(6, [3, 270, 86942]);
        message.number(7, 0);
        let expected = b"\x08\x96\x01\x12\x07testing\x32\x06\x03\x8e\x02\x9e\xa7\x05";
        assert_eq!(message.0, expected);
    }

    #[test]
    fn a_string_is_there_once_and_the_first_is_empty() {
        let mut strings = Strings::new();
        assert_eq!(["a", "b", "a"].map(|text| strings.number(text)), [1, 2, 1]);
        assert_eq!(strings.all.0, b"\x32\0\x32\x01a\x32\x01b");
    }
}
