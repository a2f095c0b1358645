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
//! none is ever gone before its alert. What is remembered besides ([`states`]) is repeated
//! at the beginning of each segment.
//!
//! Pure over a [`Disk`], so that a test can cut the power at any write. What is not
//! known to be on the disk is the caller's: an error means that nothing was added.

use std::collections::VecDeque;
use std::io;

mod again;
pub(super) mod clock;
pub(super) mod folder;
mod record;
mod recovery;
mod segments;
mod states;
mod step;
pub(super) mod stored;
#[cfg(test)]
mod tests;

use crate::fields::write_number;
use clock::Stamp;
use record::{ALERT, NOTHING, NUMBERED, Record, SETTLED};
pub(super) use recovery::{Found, Lost};
use segments::SEGMENT_BYTES;
pub(super) use states::STATE_BYTES_MAX;
use states::States;
use step::step;
pub(super) use stored::Stored;

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
    /// The number of its last delivery, if they are numbered.
    serial: u64,
    /// These are not on the disk yet.
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
    /// How far it has come.
    fn write(&self, bytes: &mut Vec<u8>) {
        let (mut payload, kind) = match self.serial {
            0 => (Vec::new(), SETTLED),
            _ => (Vec::with_capacity(8 + self.name.len()), NUMBERED),
        };
        if kind == NUMBERED {
            write_number(&mut payload, self.serial);
        }
        payload.extend_from_slice(self.name.as_bytes());
        Record { kind, sequence: self.settled, payload: &payload }.write(bytes);
    }

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
    /// When it has grown to this, the segment that is open is closed.
    full_bytes: u64,
    states: States,
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
        // Before it is written that they are: a disk that is full of them has no room for that. All but the
        // last, which has what is remembered.
        self.remove_settled(1);
        match is_due {
            true => self.save(false),
            false => Ok(()),
        }
    }

    /// The number of a destination's last delivery; 0 if there was none, or none had a number.
    pub(super) fn serial(&self, debtor: usize) -> u64 {
        self.debtors.get(debtor).map_or(0, |debtor| debtor.serial)
    }

    /// A delivery had this number. It is written with whatever is written next.
    pub(super) fn number(&mut self, debtor: usize, serial: u64) {
        if let Some(debtor) = self.debtors.get_mut(debtor).filter(|debtor| debtor.serial != serial) {
            debtor.serial = serial;
            debtor.is_unsaved = true;
        }
    }

    /// Remembers `value` under this name from the next write on; None: nothing any more.
    /// How many other names had to go for want of room.
    pub(super) fn note(&mut self, name: &str, stamp: Stamp, value: Option<Vec<u8>>) -> usize {
        self.states.note(name, stamp, value)
    }

    /// What is remembered: names, times, values, in the order in which they changed.
    pub(super) fn states(&self) -> Vec<(&str, &Stamp, &[u8])> {
        self.states.all()
    }

    /// Writes what was settled or noted, if that has not been written yet. Usually not
    /// synced: a power cut that loses it repeats an alert, and each sync is wear on a
    /// router's flash.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn save(&mut self, is_synced: bool) -> io::Result<()> {
        match self.states.are_unsaved() || self.debtors.iter().any(|debtor| debtor.is_unsaved) {
            true => self.write(&[], is_synced).map(drop),
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

    /// Writes, and once more if the disk did not take it and there was something to give up for it.
    fn write(&mut self, alerts: &[u8], is_synced: bool) -> io::Result<Place> {
        match self.write_once(alerts, is_synced) {
            Err(_) if self.give_up_space() => self.write_once(alerts, is_synced),
            written => written,
        }
    }

    /// One write: what was settled and noted and not saved, then `alerts`. Where these begin.
    fn write_once(&mut self, alerts: &[u8], is_synced: bool) -> io::Result<Place> {
        let Segment { number, bytes: offset } = self.segment()?;
        let mut bytes = Vec::new();
        let (sequence, is_first) = (self.sequence, offset == 0);
        match is_first {
            true => self.states.write_all(sequence, &mut bytes),
            false => self.states.write_unsaved(sequence, &mut bytes),
        }
        // What older segments remembered is now here, and they may go.
        let is_synced = is_synced || is_first;
        let full_bytes = SEGMENT_BYTES.max(2 * bytes.len() as u64);
        // Older segments that have a number may go, too.
        let is_due = |debtor: &&Debtor| debtor.is_unsaved || is_first && debtor.serial > 0;
        self.debtors.iter().filter(is_due).for_each(|debtor| debtor.write(&mut bytes));
        let before = bytes.len() as u64;
        bytes.extend_from_slice(alerts);
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
        if is_first {
            self.full_bytes = full_bytes;
        }
        self.states.written();
        self.debtors.iter_mut().for_each(|debtor| debtor.is_unsaved = false);
        self.remove_settled(0);
        Ok(Place { number, offset: offset + before })
    }
}
