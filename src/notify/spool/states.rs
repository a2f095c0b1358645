//! What is remembered under a name, for as long as the log is: the last value counts.
//!
//! ```text
//!   a record:   name │ boot id, uptime, wall time of the change │ value, if there still is one
//!
//!   segment 7   [state][state][these are all][alert 41][state x] …     each begins with all
//!   segment 8   [state][state][state x][these are all][alert 42] …     there is: older ones can go
//! ```
//!
//! Pure. It knows neither whose the names are nor what the values mean. That something
//! was forgotten is written too, because an older record may still remember it. And
//! whatever an older segment has, should it come back after a power cut, is forgotten
//! where all is said to be there.

use std::collections::BTreeMap;

use super::clock::Stamp;
use super::record::{ALL_STATES, HEAD_BYTES, Record, STATE};
use crate::fields::{Rest, write_bytes, write_number};
use crate::notify::boot::OWN;

/// What all states may take, in memory and in each segment; then what has not changed
/// for the longest goes. Some 3,000 of usual length, and a sixteenth of the log.
pub(in crate::notify) const STATE_BYTES_MAX: u64 = 256 * 1024;

/// All states, and which of them the disk does not have yet.
#[derive(Debug, Default)]
pub(super) struct States {
    kept: BTreeMap<Box<str>, State>,
    /// What writing all of them takes.
    bytes: u64,
    /// The number of the last change.
    changes: u64,
    /// Names that have changed since they were written: few, unless the disk fails.
    unsaved: Vec<Box<str>>,
}

#[derive(Debug)]
struct State {
    /// Of the change that made it: the order in which they changed.
    change: u64,
    stamp: Stamp,
    value: Box<[u8]>,
    /// Some value of this name is in the log.
    is_written: bool,
    /// This value came from there.
    is_loaded: bool,
}

fn record_bytes(name: &str, value: &[u8]) -> u64 {
    const FIXED: usize = HEAD_BYTES + 4 + size_of::<[u64; 4]>() + 1;
    (FIXED + name.len() + value.len()) as u64
}

impl States {
    /// Takes in a change. How many others had to go for it.
    pub(super) fn note(&mut self, name: &str, stamp: Stamp, value: Option<Vec<u8>>) -> usize {
        let known = self.kept.get(name);
        // It had to wait, and a newer one did not. One from the log is older, whatever its clock says: where
        // the machine does not tell its boots apart, that may be of another.
        if known.is_some_and(|known| {
            !known.is_loaded && known.stamp.boot == stamp.boot && known.stamp.uptime > stamp.uptime
        }) {
            return 0;
        }
        let is_written = known.map_or_else(|| self.is_unsaved(name), |known| known.is_written);
        self.forget(name);
        if let Some(value) = value.filter(|value| record_bytes(name, value) <= STATE_BYTES_MAX) {
            self.insert(name, State { change: 0, stamp, value: value.into(), is_written, is_loaded: false });
            if !self.is_unsaved(name) {
                self.unsaved.push(name.into());
            }
        }
        self.make_room()
    }

    /// Takes in a record of the log, in its order.
    pub(super) fn load(&mut self, payload: &[u8]) {
        let Some((name, stamp, value)) = read(payload) else { return };
        self.forget(name);
        self.unsaved.retain(|unsaved| **unsaved != *name);
        if let Some(value) = value {
            let value = value.into();
            self.insert(name, State { change: 0, stamp, value, is_written: true, is_loaded: true });
            self.make_room();
        }
    }

    /// The number of the last change so far.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes in that all states there are have come since `changes`, if they were as many as
    /// the record says: where one of them is damaged, an older value is better than none.
    pub(super) fn load_all(&mut self, changes: u64, payload: &[u8]) {
        if Rest(payload).number() == Some(self.changes - changes) {
            self.kept.retain(|_, state| state.change > changes);
            self.bytes = self.kept.iter().map(|(name, state)| record_bytes(name, &state.value)).sum();
            self.unsaved.clear();
        }
    }

    fn insert(&mut self, name: &str, state: State) {
        self.changes += 1;
        self.bytes += record_bytes(name, &state.value);
        self.kept.insert(name.into(), State { change: self.changes, ..state });
    }

    fn forget(&mut self, name: &str) {
        let Some((name, state)) = self.kept.remove_entry(name) else { return };
        self.bytes -= record_bytes(&name, &state.value);
        self.unsaved.retain(|unsaved| *unsaved != name);
        if state.is_written {
            self.unsaved.push(name);
        }
    }

    fn is_unsaved(&self, name: &str) -> bool {
        self.unsaved.iter().any(|unsaved| **unsaved == *name)
    }

    /// All but our own: they are few and small, and never change while others come and go.
    fn evictable(&self) -> impl Iterator<Item = (&Box<str>, &State)> {
        self.kept.iter().filter(|(name, _)| !name.starts_with(OWN))
    }

    fn make_room(&mut self) -> usize {
        let before = self.kept.len();
        while self.bytes > STATE_BYTES_MAX
            && let Some((oldest, _)) = self.evictable().min_by_key(|(_, state)| state.change)
        {
            let oldest = oldest.clone();
            self.forget(&oldest);
        }
        before - self.kept.len()
    }

    /// What all of them take in the log.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True if the log does not have all of it.
    pub(super) fn are_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// What has changed since it was written.
    pub(super) fn write_unsaved(&self, sequence: u64, bytes: &mut Vec<u8>) {
        for name in self.unsaved.iter().filter(|name| !self.kept.contains_key(*name)) {
            let payload = payload(name, &Stamp::NONE, None);
            Record { kind: STATE, sequence, payload: &payload }.write(bytes);
        }
        let changed = self.unsaved.iter().filter_map(|name| self.kept.get_key_value(name));
        write(changed, sequence, bytes);
    }

    /// All there is, for the beginning of a segment.
    pub(super) fn write_all(&self, sequence: u64, bytes: &mut Vec<u8>) {
        write(self.kept.iter(), sequence, bytes);
        let mut payload = Vec::new();
        write_number(&mut payload, self.kept.len() as u64);
        Record { kind: ALL_STATES, sequence, payload: &payload }.write(bytes);
    }

    /// What was written is in the log.
    pub(super) fn written(&mut self) {
        for name in std::mem::take(&mut self.unsaved) {
            if let Some(state) = self.kept.get_mut(&name) {
                state.is_written = true;
            }
        }
    }

    /// Everything, in the order in which it changed last.
    pub(super) fn all(&self) -> Vec<(&str, &Stamp, &[u8])> {
        in_order(self.kept.iter()).map(|(name, state)| (&**name, &state.stamp, &*state.value)).collect()
    }
}

fn in_order<'a>(
    states: impl Iterator<Item = (&'a Box<str>, &'a State)>,
) -> impl Iterator<Item = (&'a Box<str>, &'a State)> {
    let mut states: Vec<_> = states.collect();
    states.sort_unstable_by_key(|(_, state)| state.change);
    states.into_iter()
}

fn write<'a>(states: impl Iterator<Item = (&'a Box<str>, &'a State)>, sequence: u64, bytes: &mut Vec<u8>) {
    for (name, state) in in_order(states) {
        let payload = payload(name, &state.stamp, Some(&state.value));
        Record { kind: STATE, sequence, payload: &payload }.write(bytes);
    }
}

fn payload(name: &str, stamp: &Stamp, value: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(record_bytes(name, value.unwrap_or_default()) as usize);
    write_bytes(&mut bytes, name.as_bytes());
    stamp.write(&mut bytes);
    bytes.push(u8::from(value.is_some()));
    bytes.extend_from_slice(value.unwrap_or_default());
    bytes
}

fn read(payload: &[u8]) -> Option<(&str, Stamp, Option<&[u8]>)> {
    let mut rest = Rest(payload);
    let (name, stamp, [is_some]) = (rest.text()?, Stamp::read(&mut rest)?, rest.chunk()?);
    Some((name, stamp, (*is_some == 1).then_some(rest.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn stamp(seconds: u64) -> Stamp {
        Stamp { boot: 7, uptime: Duration::from_secs(seconds), ..Stamp::NONE }
    }

    fn names(states: &States) -> Vec<String> {
        states.all().iter().map(|(name, _, value)| format!("{name}={}", value.len())).collect()
    }

    /// What another process makes of these records.
    fn reread(records: &[u8]) -> States {
        let (mut states, mut rest) = (States::default(), records);
        while let Some((record, length)) = Record::read(rest) {
            assert_eq!(record.sequence, 5);
            match record.kind {
                STATE => states.load(record.payload),
                _ => states.load_all(0, record.payload),
            }
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        states
    }

    #[test]
    fn the_last_value_counts_and_only_what_changed_is_written() {
        let (mut states, mut log) = (States::default(), Vec::new());
        for (seconds, (name, length)) in (1..).zip([("a", 1), ("b", 2), ("c", 3), ("a", 4)]) {
            assert_eq!(states.note(name, stamp(seconds), Some(vec![0; length])), 0);
        }
        states.write_unsaved(5, &mut log);
        states.written();
        assert_eq!(log.len() as u64, states.bytes());
        states.note("b", stamp(5), None);
        states.note("d", stamp(5), Some(vec![]));
        // It came late.
        states.note("a", stamp(2), Some(vec![]));
        let before = log.len();
        states.write_unsaved(5, &mut log);
        assert_eq!((log.len() - before) as u64, record_bytes("b", &[]) + record_bytes("d", &[]));
        assert_eq!(names(&states), ["c=3", "a=4", "d=0"]);
        assert_eq!((names(&reread(&log)), reread(&log).bytes()), (names(&states), states.bytes()));
        let mut all = Vec::new();
        states.written();
        states.write_all(5, &mut all);
        let end = HEAD_BYTES as u64 + 8;
        assert_eq!((names(&reread(&all)), all.len() as u64), (names(&states), states.bytes() + end));
        assert!(!states.are_unsaved());
    }

    #[test]
    fn where_all_is_said_to_be_there_nothing_older_is_remembered_unless_that_is_damaged() {
        let mut states = States::default();
        states.note("a", stamp(1), Some(vec![1]));
        states.note("b", stamp(1), Some(vec![1]));
        let mut all = Vec::new();
        states.write_all(5, &mut all);
        let second = Record::read(&all).unwrap().1;
        for (from, expected) in [(0, vec!["a=1", "b=1"]), (second, vec!["old=3", "b=1"])] {
            let (mut states, mut rest) = (States::default(), &all[from..]);
            states.note("old", stamp(1), Some(vec![0; 3]));
            let changes = states.changes();
            while let Some((record, length)) = Record::read(rest) {
                match record.kind {
                    STATE => states.load(record.payload),
                    _ => states.load_all(changes, record.payload),
                }
                rest = &rest[length..];
            }
            assert_eq!(names(&states), expected);
        }
    }

    #[test]
    fn what_comes_and_goes_between_two_writes_leaves_nothing_to_write() {
        let mut states = States::default();
        states.note("a", stamp(1), Some(vec![1]));
        states.note("a", stamp(2), None);
        assert!(!states.are_unsaved());
        states.note("a", stamp(3), Some(vec![1]));
        states.written();
        states.note("a", stamp(4), None);
        states.note("a", stamp(5), Some(vec![2]));
        states.note("a", stamp(6), None);
        assert!(states.are_unsaved());
    }

    #[test]
    fn when_there_is_no_room_what_changed_longest_ago_goes() {
        let mut states = States::default();
        let value = vec![0; STATE_BYTES_MAX as usize / 4 - 100];
        let went: usize = ["a", "b", "c", "d", "a", "e"]
            .iter()
            .map(|name| states.note(name, stamp(1), Some(value.clone())))
            .sum();
        assert_eq!((names(&states).concat().replace("=65436", ""), went), ("cdae".to_owned(), 1));
        // One that is too large by itself is not remembered, and costs no other.
        assert_eq!(states.note("f", stamp(1), Some(vec![0; STATE_BYTES_MAX as usize])), 0);
        assert_eq!(states.all().len(), 4);
    }

    #[test]
    fn what_is_our_own_stays_however_much_others_remember() {
        let mut states = States::default();
        let mark = format!("{OWN}mark");
        states.note(&mark, stamp(1), Some(vec![1]));
        (0..5_000).for_each(|number| _ = states.note(&number.to_string(), stamp(2), Some(vec![0; 100])));
        assert!(names(&states).contains(&format!("{mark}=1")) && states.bytes() <= STATE_BYTES_MAX);
    }

    #[test]
    fn one_from_the_log_is_older_even_if_the_machine_does_not_tell_its_boots_apart() {
        let (mut states, mut log) = (States::default(), Vec::new());
        states.note("a", Stamp { boot: 0, ..stamp(900_000) }, Some(vec![1]));
        states.write_unsaved(5, &mut log);
        let mut states = reread(&log);
        states.note("a", Stamp { boot: 0, ..stamp(5) }, Some(vec![1, 2]));
        assert_eq!(names(&states), ["a=2"]);
    }

    #[test]
    fn no_payload_that_is_cut_short_is_taken_for_a_value() {
        let whole = payload("name", &stamp(1), Some(b""));
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), None);
        }
        assert_eq!(read(&whole), Some(("name", stamp(1), Some(&b""[..]))));
    }
}
