//! The files of the log: when one is begun, and when the oldest go.
//!
//! Apart, because here is what may be lost and when: nothing that is owed, unless there
//! is no room for it; nothing that is remembered, because each segment begins with that.

use std::io;

use super::step::step;
use super::{Debtor, Disk, Place, Segment, Spool, Stored};

/// A segment is closed when it has grown to this. A 32nd of the whole, so that little
/// is kept for the sake of one alert, and little goes at once when there is too much. If
/// what it begins with is more than half of that, twice as much as that: at worst, half
/// of what is written are repetitions.
pub(super) const SEGMENT_BYTES: u64 = 128 * 1024;

/// What all segments may take; then the oldest goes. Some 20,000 alerts of usual
/// length, where a notifier's queue in memory has 1,600; and a USB stick, or the flash
/// of a router, has room for it.
pub(in crate::notify) const BYTES_MAX: u64 = 4 * 1024 * 1024;

impl<D: Disk> Spool<D> {
    /// The segment to write to. A process never adds to what it has not made: that
    /// may end in half a record.
    pub(super) fn segment(&mut self) -> io::Result<Segment> {
        let last = self.segments.back().copied();
        if let Some(last) = last.filter(|last| self.is_open && last.bytes < self.full_bytes) {
            return Ok(last);
        }
        let segment = Segment { number: last.map_or(1, |last| last.number + 1), bytes: 0 };
        self.disk.create(segment.number)?;
        self.segments.push_back(segment);
        self.is_open = true;
        Ok(segment)
    }

    /// Undoes a write that failed half-way.
    pub(super) fn take_back(&mut self) {
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

    /// Removes the oldest segments while nobody needs them, and more than `left` are left.
    pub(super) fn remove_settled(&mut self, left: usize) {
        let needed = self.debtors.iter().filter_map(Debtor::needs).min();
        while self.segments.len() > left
            && let Some(first) = self.first_closed()
            && needed.is_none_or(|place| place.number > first)
            && self.disk.remove(first).is_ok()
        {
            self.segments.pop_front();
        }
    }

    /// Removes what nobody needs; all there is, if nobody needs any. What is remembered is in memory then,
    /// and what is written next begins with it: a process that is killed right here has forgotten that,
    /// but one that does nothing tells everything again after each start. True if there was anything.
    pub(super) fn give_up_space(&mut self) -> bool {
        let before = self.segments.len();
        if self.debtors.iter().all(|debtor| debtor.needs().is_none()) {
            self.is_open = false;
        }
        self.remove_settled(0);
        self.segments.len() < before
    }

    /// The oldest segment, if it is not the one that is written.
    fn first_closed(&self) -> Option<u64> {
        let closed = self.segments.len() - usize::from(self.is_open).min(self.segments.len());
        self.segments.front().filter(|_| closed > 0).map(|first| first.number)
    }

    /// Removes the oldest segments until `bytes` more are within the bound.
    pub(super) fn make_room(&mut self, bytes: u64, evict: &mut dyn FnMut(&Stored<'_>)) {
        // What is remembered may have to be repeated, by this write or one that makes no room.
        let bytes = bytes + 2 * self.states.bytes();
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

    /// True if the next segment will be within the bound only without the oldest.
    pub(in crate::notify) fn is_full(&self) -> bool {
        let taken = self.segments.iter().map(|segment| segment.bytes).sum::<u64>();
        taken + SEGMENT_BYTES + 2 * self.states.bytes() > BYTES_MAX
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
