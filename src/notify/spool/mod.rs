//! The spool: alerts that are still owed to somebody, in one log for all destinations.
//!
//! ```text
//!   alerts-0000000007.v1   [alert 41 → A, B][alert 42 → A][A settled 41] …      the oldest, removed
//!   alerts-0000000008.v1   [B settled 41][alert 43 → B] …                       when nobody needs it
//!                           ▲                          ▲
//!                           where A reads next         only here is anything added
//! ```
//!
//! Each destination takes its alerts in order, so that what it is done with is one
//! number, and an acknowledgement that was lost is made good by the next. Segments
//! are removed from the oldest on, and an alert's acknowledgements stand behind it:
//! none is ever gone before its alert.
//!
//! Pure over a [`Disk`], so that a test can cut the power at any write. What is not
//! known to be on the disk is the caller's: an error means that nothing was added.

use std::collections::VecDeque;
use std::io;

mod again;
pub(super) mod folder;
mod record;
mod recovery;
pub(super) mod stored;
#[cfg(test)]
mod tests;

use record::{ALERT, NOTHING, Record, SETTLED};
pub(super) use recovery::Lost;
pub(super) use stored::Stored;

/// A segment is closed when it has grown to this. A 32nd of the whole, so that little
/// is kept for the sake of one alert, and little goes at once when there is too much.
const SEGMENT_BYTES: u64 = 128 * 1024;

/// What all segments may take; then the oldest goes. Some 20,000 alerts of usual
/// length, where a notifier's queue in memory has 1,600; and a USB stick, or the flash
/// of a router, has room for it.
pub(super) const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Read at once: most records are shorter.
const CHUNK_BYTES: u64 = 512;

/// What segments are kept on: files in a folder, or a test's idea of it.
pub(super) trait Disk {
    /// The numbers of the segments there are, and their lengths.
    fn segments(&mut self) -> io::Result<Vec<(u64, u64)>>;
    /// Up to `length` bytes of a segment.
    fn read(&mut self, number: u64, offset: u64, length: u64) -> io::Result<Vec<u8>>;
    /// Makes an empty segment, which must not exist.
    fn create(&mut self, number: u64) -> io::Result<()>;
    /// Puts `bytes` at `offset`, which is the segment's end.
    fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything of the segment would survive a power cut.
    fn sync(&mut self, number: u64) -> io::Result<()>;
    /// Cuts a segment to `length`.
    fn cut(&mut self, number: u64, length: u64) -> io::Result<()>;
    /// Removes a segment.
    fn remove(&mut self, number: u64) -> io::Result<()>;
}

/// Where a record is; the order is that of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    number: u64,
    offset: u64,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    bytes: u64,
}

/// A destination, and how far it has come.
#[derive(Debug)]
struct Debtor {
    name: String,
    /// It is done with everything up to here.
    settled: u64,
    /// That is not on the disk yet.
    is_unsaved: bool,
    /// Alerts it has not taken yet.
    waiting: usize,
    /// Where the first of these is, or before it.
    next: Place,
    /// The first of those it has taken and not settled, and how many these are.
    in_hand: Option<Place>,
    taken: usize,
}

impl Debtor {
    /// The first place it could not do without.
    fn needs(&self) -> Option<Place> {
        self.in_hand.or((self.waiting > 0).then_some(self.next))
    }
}

/// An alert that a destination has taken.
#[derive(Debug)]
pub(super) struct Taken {
    /// To settle it by.
    pub(super) sequence: u64,
    /// What [`Stored::read`] reads.
    pub(super) payload: Vec<u8>,
}

/// The log, and how far each destination has come in it.
#[derive(Debug)]
pub(super) struct Spool<D> {
    disk: D,
    /// Oldest first.
    segments: VecDeque<Segment>,
    /// The last of them was made by this process and may be added to.
    is_open: bool,
    debtors: Vec<Debtor>,
    /// The last that was given to an alert.
    sequence: u64,
}

impl<D: Disk> Spool<D> {
    /// Adds alerts, each with the destinations that owe it, and returns when they
    /// would survive a power cut. `evict` hears of each one that had to go for want of room.
    ///
    /// # Errors
    /// The disk's; then none of them was added.
    pub(super) fn append(
        &mut self,
        alerts: &[(Vec<u8>, Vec<usize>)],
        evict: &mut dyn FnMut(&Stored<'_>),
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut offsets = Vec::new();
        for (sequence, (payload, _)) in (self.sequence + 1..).zip(alerts) {
            offsets.push(bytes.len() as u64);
            Record { kind: ALERT, sequence, payload }.write(&mut bytes);
        }
        self.make_room(bytes.len() as u64, evict);
        let start = self.write(&bytes, true)?;
        for (offset, (_, owing)) in offsets.into_iter().zip(alerts) {
            self.sequence += 1;
            for index in owing {
                let Some(debtor) = self.debtors.get_mut(*index) else { continue };
                if debtor.waiting == 0 {
                    debtor.next = Place { number: start.number, offset: start.offset + offset };
                }
                debtor.waiting += 1;
            }
        }
        Ok(())
    }

    /// The oldest alert that a destination owes and has not taken.
    ///
    /// # Errors
    /// How many there should have been, when there are none.
    pub(super) fn take(&mut self, debtor: usize) -> Result<Option<Taken>, usize> {
        let Some(debtor) = self.debtors.get_mut(debtor).filter(|debtor| debtor.waiting > 0) else {
            return Ok(None);
        };
        while let Some(step) = step(&mut self.disk, &self.segments, debtor.next, &mut 0) {
            debtor.next = step.after;
            let Some((record, stored)) = step.alert() else { continue };
            if record.sequence > debtor.settled && stored.owes.contains(&&*debtor.name) {
                debtor.waiting -= 1;
                debtor.in_hand.get_or_insert(step.at);
                debtor.taken += 1;
                let (sequence, payload) = (record.sequence, record.payload.to_owned());
                return Ok(Some(Taken { sequence, payload }));
            }
        }
        Err(std::mem::take(&mut debtor.waiting))
    }

    /// A destination is done with all that it has taken, `sequence` the last of it.
    ///
    /// # Errors
    /// The disk's: then a restart would tell it again. It is tried again with the next write.
    pub(super) fn settle(&mut self, debtor: usize, sequence: u64, is_due: bool) -> io::Result<()> {
        if let Some(debtor) = self.debtors.get_mut(debtor) {
            debtor.in_hand = None;
            debtor.taken = 0;
            debtor.settled = sequence;
            debtor.is_unsaved = true;
        }
        match is_due {
            true => self.save(),
            false => Ok(()),
        }
    }

    /// Writes what was settled, if that has not been written yet. Not synced: a power
    /// cut that loses it repeats an alert, and each sync is wear on a router's flash.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn save(&mut self) -> io::Result<()> {
        match self.debtors.iter().any(|debtor| debtor.is_unsaved) {
            true => self.write(&[], false).map(drop),
            false => Ok(()),
        }
    }

    /// Writes a record that says nothing and takes it back: whoever starts with a disk
    /// that cannot be written wants to know it then, and not with the first alert.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn probe(&mut self) -> io::Result<()> {
        let Segment { number, bytes } = self.segment()?;
        let mut nothing = Vec::new();
        Record { kind: NOTHING, sequence: self.sequence, payload: &[] }.write(&mut nothing);
        let written = self.disk.write(number, bytes, &nothing);
        self.take_back();
        written
    }

    /// How many alerts a destination owes, those in its hand included.
    pub(super) fn owed(&self, debtor: usize) -> usize {
        self.debtors.get(debtor).map_or(0, |debtor| debtor.waiting + debtor.taken)
    }

    /// What keeps the segments.
    pub(super) fn disk(&mut self) -> &mut D {
        &mut self.disk
    }

    /// One write: what was settled and not saved, then `alerts`. Where these begin.
    fn write(&mut self, alerts: &[u8], is_synced: bool) -> io::Result<Place> {
        let mut bytes = Vec::new();
        for debtor in self.debtors.iter().filter(|debtor| debtor.is_unsaved) {
            let payload = debtor.name.as_bytes();
            Record { kind: SETTLED, sequence: debtor.settled, payload }.write(&mut bytes);
        }
        let before = bytes.len() as u64;
        bytes.extend_from_slice(alerts);
        let Segment { number, bytes: offset } = self.segment()?;
        let mut written = self.disk.write(number, offset, &bytes);
        if is_synced {
            written = written.and_then(|()| self.disk.sync(number));
        }
        if let Err(error) = written {
            self.take_back();
            return Err(error);
        }
        if let Some(last) = self.segments.back_mut() {
            last.bytes += bytes.len() as u64;
        }
        self.debtors.iter_mut().for_each(|debtor| debtor.is_unsaved = false);
        self.remove_settled();
        Ok(Place { number, offset: offset + before })
    }

    /// The segment to write to. A process never adds to what it has not made: that
    /// may end in half a record.
    fn segment(&mut self) -> io::Result<Segment> {
        let last = self.segments.back().copied();
        if let Some(last) = last.filter(|last| self.is_open && last.bytes < SEGMENT_BYTES) {
            return Ok(last);
        }
        let segment = Segment { number: last.map_or(1, |last| last.number + 1), bytes: 0 };
        self.disk.create(segment.number)?;
        self.segments.push_back(segment);
        self.is_open = true;
        Ok(segment)
    }

    /// Undoes a write that failed half-way.
    fn take_back(&mut self) {
        let Some(last) = self.segments.back().copied() else { return };
        if last.bytes == 0 {
            // A full disk is tried again and again: it must not gather empty files.
            self.is_open = false;
            if self.disk.remove(last.number).is_ok() {
                self.segments.pop_back();
            }
        } else if self.disk.cut(last.number, last.bytes).is_err() {
            self.is_open = false;
        }
    }

    /// Removes the oldest segments while nobody needs them.
    fn remove_settled(&mut self) {
        let needed = self.debtors.iter().filter_map(Debtor::needs).min();
        while let Some(first) = self.first_closed()
            && needed.is_none_or(|place| place.number > first)
            && self.disk.remove(first).is_ok()
        {
            self.segments.pop_front();
        }
    }

    /// The oldest segment, if it is not the one that is written.
    fn first_closed(&self) -> Option<u64> {
        let closed = self.segments.len() - usize::from(self.is_open).min(self.segments.len());
        self.segments.front().filter(|_| closed > 0).map(|first| first.number)
    }

    /// Removes the oldest segments until `bytes` more are within the bound.
    fn make_room(&mut self, bytes: u64, evict: &mut dyn FnMut(&Stored<'_>)) {
        while self.segments.iter().map(|segment| segment.bytes).sum::<u64>() + bytes > BYTES_MAX
            && let Some(first) = self.first_closed()
        {
            self.evict(first, evict);
            if self.disk.remove(first).is_err() {
                return;
            }
            self.segments.pop_front();
        }
    }

    /// Lets go of what is still to be taken from the oldest segment.
    fn evict(&mut self, first: u64, evict: &mut dyn FnMut(&Stored<'_>)) {
        let mut place = Place { number: first, offset: 0 };
        let end = Place { number: first + 1, offset: 0 };
        while let Some(step) = step(&mut self.disk, &self.segments, place, &mut 0)
            && step.at < end
        {
            place = step.after;
            let Some((record, stored)) = step.alert() else { continue };
            for debtor in &mut self.debtors {
                let is_taken = step.at < debtor.next || record.sequence <= debtor.settled;
                if !is_taken && stored.owes.contains(&&*debtor.name) {
                    debtor.waiting = debtor.waiting.saturating_sub(1);
                    evict(&stored);
                }
            }
        }
        for debtor in &mut self.debtors {
            debtor.next = debtor.next.max(end);
        }
    }
}

/// One record, found.
struct Step {
    bytes: Vec<u8>,
    at: Place,
    after: Place,
}

impl Step {
    fn record(&self) -> Option<Record<'_>> {
        Record::read(&self.bytes).map(|(record, _)| record)
    }

    fn alert(&self) -> Option<(Record<'_>, Stored<'_>)> {
        let record = self.record().filter(|record| record.kind == ALERT)?;
        Some((record, Stored::read(record.payload)?))
    }
}

/// The first record at `place` or behind it; adds to `skipped` the bytes that are none.
fn step<D: Disk>(
    disk: &mut D,
    segments: &VecDeque<Segment>,
    place: Place,
    skipped: &mut u64,
) -> Option<Step> {
    let behind = segments.partition_point(|segment| segment.number < place.number);
    for segment in segments.range(behind..) {
        let number = segment.number;
        let offset = if number == place.number { place.offset } else { 0 };
        let rest = segment.bytes.saturating_sub(offset);
        if rest == 0 {
            continue;
        }
        let found = |offset: u64, mut bytes: Vec<u8>| {
            let length = Record::read(&bytes)?.1;
            bytes.truncate(length);
            let after = Place { number, offset: offset + length as u64 };
            Some(Step { bytes, at: Place { number, offset }, after })
        };
        let mut bytes = disk.read(number, offset, rest.min(CHUNK_BYTES)).unwrap_or_default();
        let whole = record::whole_bytes(&bytes).unwrap_or_default() as u64;
        if whole > bytes.len() as u64 && whole <= rest {
            bytes = disk.read(number, offset, whole).unwrap_or_default();
        }
        if let Some(step) = found(offset, bytes) {
            return Some(step);
        }
        let mut bytes = disk.read(number, offset, rest).unwrap_or_default();
        let at = record::find(&bytes, 1);
        *skipped += at.map_or(rest, |at| at as u64);
        if let Some(at) = at {
            return found(offset + at as u64, bytes.split_off(at));
        }
    }
    None
}
