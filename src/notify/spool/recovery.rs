//! What a spool makes of the segments that an earlier process left.
//!
//! Apart, because everything here may be damaged. Two passes, so that nothing needs
//! to be kept in memory for each alert: the first reads what was settled and counts
//! what is missing, the second finds what is still owed.

use std::collections::{BTreeMap, VecDeque};

use super::record::{ALERT, ALL_STATES, NUMBERED, SETTLED, STATE};
use super::states::States;
use super::step::step;
use super::{Debtor, Disk, Place, SEGMENT_BYTES, Segment, Spool, Stored};
use crate::fields::Rest;

/// An alert that somebody still owes.
pub(in crate::notify) enum Found<'a> {
    /// A destination that there is no more, with this name.
    Orphan(&'a str, &'a Stored<'a>),
    /// Destinations that there are.
    Owed {
        alert: &'a Stored<'a>,
        /// Others, who owed it too, do not any more.
        is_settled_elsewhere: bool,
    },
}

/// What was there once and cannot be read. Of what is gone from the beginning nobody
/// knows: that is also where settled segments are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::notify) struct Lost {
    /// Alerts that are missing between others.
    pub(in crate::notify) alerts: u64,
    /// Segments that are missing between others.
    pub(in crate::notify) segments: u64,
    /// Bytes that are no record: half a write, or damage.
    pub(in crate::notify) bytes: u64,
}

impl<D: Disk> Spool<D> {
    /// Reads what is on `disk` for destinations of these names. `find` gets each alert
    /// that is owed; by somebody else, it is then settled.
    ///
    /// Writes only what damage or orphans make necessary.
    pub(in crate::notify) fn open(
        mut disk: D,
        names: impl IntoIterator<Item = String>,
        find: &mut dyn FnMut(Found<'_>),
    ) -> (Spool<D>, Lost) {
        // What cannot be listed cannot be written either, which is told when it is tried.
        let mut found = disk.segments().unwrap_or_default();
        found.sort_unstable();
        let segments = found.into_iter().map(|(number, bytes)| Segment { number, bytes }).collect();
        let debtor = |name| Debtor {
            name,
            settled: 0,
            serial: 0,
            is_unsaved: false,
            waiting: 0,
            next: Place::default(),
            in_hand: None,
            taken: 0,
        };
        let debtors = names.into_iter().map(debtor).collect();
        let states = States::default();
        let full_bytes = SEGMENT_BYTES;
        let mut spool = Spool { disk, segments, is_open: false, debtors, sequence: 0, full_bytes, states };
        let (settled, lost) = spool.read_settled();
        spool.read_owed(settled, find);
        (spool, lost)
    }

    /// How far each name has come, with its last number, and what is missing.
    fn read_settled(&mut self) -> (BTreeMap<String, (u64, u64)>, Lost) {
        let mut lost = Lost::default();
        let mut settled: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut last_alert = None;
        let mut place = Place::default();
        let mut skipped = 0;
        // Of the segment that is read: its number, and the states that came before it.
        let mut begun = (0, 0);
        while let Some(step) = step(&mut self.disk, &self.segments, place, &mut skipped) {
            place = step.after;
            lost.bytes += std::mem::take(&mut skipped);
            if step.at.number != begun.0 {
                begun = (step.at.number, self.states.changes());
            }
            let Some(record) = step.record() else { continue };
            self.sequence = self.sequence.max(record.sequence);
            match record.kind {
                ALERT => {
                    let last = last_alert.unwrap_or(record.sequence);
                    lost.alerts += record.sequence.saturating_sub(last).saturating_sub(1);
                    last_alert = Some(last.max(record.sequence));
                }
                SETTLED | NUMBERED => {
                    let mut rest = Rest(record.payload);
                    let number = if record.kind == NUMBERED { rest.number() } else { None };
                    let name = String::from_utf8_lossy(rest.0).into_owned();
                    let (up_to, serial) = settled.entry(name).or_default();
                    *up_to = record.sequence.max(*up_to);
                    *serial = number.unwrap_or_default().max(*serial);
                }
                STATE => self.states.load(record.payload),
                ALL_STATES => self.states.load_all(begun.1, record.payload),
                _ => {}
            }
        }
        lost.bytes += skipped;
        lost.segments = missing(&self.segments);
        self.cut_tail(place);
        (settled, lost)
    }

    /// Cuts off what follows the last record: it is told once, and not at every start.
    fn cut_tail(&mut self, end: Place) {
        let Some(last) = self.segments.back_mut() else { return };
        let length = if end.number == last.number { end.offset } else { 0 };
        if length < last.bytes && self.disk.cut(last.number, length).is_ok() {
            last.bytes = length;
        }
    }

    fn read_owed(&mut self, mut settled: BTreeMap<String, (u64, u64)>, find: &mut dyn FnMut(Found<'_>)) {
        for debtor in &mut self.debtors {
            (debtor.settled, debtor.serial) = settled.remove(&debtor.name).unwrap_or_default();
        }
        // What is left are names that are not configured.
        let mut orphaned: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut place = Place::default();
        while let Some(step) = step(&mut self.disk, &self.segments, place, &mut 0) {
            place = step.after;
            let Some((record, stored)) = step.alert() else { continue };
            let mut owing = 0;
            for name in &stored.owes {
                if let Some(debtor) = self.debtors.iter_mut().find(|debtor| debtor.name == *name) {
                    if record.sequence > debtor.settled {
                        if debtor.waiting == 0 {
                            debtor.next = step.at;
                        }
                        debtor.waiting += 1;
                        owing += 1;
                    }
                } else if record.sequence > settled.get(*name).map_or(0, |(settled, _)| *settled) {
                    find(Found::Orphan(name, &stored));
                    orphaned.insert((*name).to_owned(), (record.sequence, 0));
                }
            }
            if owing > 0 {
                let is_settled_elsewhere = owing < stored.owes.len();
                find(Found::Owed { alert: &stored, is_settled_elsewhere });
            }
        }
        self.settle_orphans(orphaned);
    }

    fn settle_orphans(&mut self, orphaned: BTreeMap<String, (u64, u64)>) {
        if orphaned.is_empty() {
            return;
        }
        let count = self.debtors.len();
        self.debtors.extend(orphaned.into_iter().map(|(name, (settled, serial))| Debtor {
            name,
            settled,
            serial,
            is_unsaved: true,
            waiting: 0,
            next: Place::default(),
            in_hand: None,
            taken: 0,
        }));
        // If it cannot be written, they are orphans again at the next start.
        let _ = self.save(false);
        self.debtors.truncate(count);
    }
}

/// Numbers that are missing between others.
fn missing(segments: &VecDeque<Segment>) -> u64 {
    let ends = segments.front().zip(segments.back());
    ends.map_or(0, |(first, last)| last.number - first.number + 1 - segments.len() as u64)
}
