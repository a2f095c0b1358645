//! Finds the records in the segments, one after the other, whatever is between them.

use std::collections::VecDeque;

use super::record::{self, ALERT, Record};
use super::{Disk, Place, Segment, Stored};

/// Read at once: most records are shorter.
const CHUNK_BYTES: u64 = 512;

/// One record, found.
pub(super) struct Step {
    bytes: Vec<u8>,
    pub(super) at: Place,
    pub(super) after: Place,
}

impl Step {
    pub(super) fn record(&self) -> Option<Record<'_>> {
        Record::read(&self.bytes).map(|(record, _)| record)
    }

    pub(super) fn alert(&self) -> Option<(Record<'_>, Stored<'_>)> {
        let record = self.record().filter(|record| record.kind == ALERT)?;
        Some((record, Stored::read(record.payload)?))
    }
}

/// The first record at `place` or behind it; adds to `skipped` the bytes that are none.
pub(super) fn step<D: Disk>(
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
