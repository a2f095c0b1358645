//! The bytes of one record in a segment.
//!
//! ```text
//!   FF AE │ kind │ sequence │ length │ CRC-32 │ payload
//!     2      1        8         4        4      length        little-endian
//! ```
//!
//! Apart and pure, because a damaged disk is read here: every byte may be anything.
//! No UTF-8 has the byte FF, so no text of a stranger can look like a record's
//! beginning to a reader who searches for the next one behind a damaged one.
//!
//! A record whose kind is not known is passed over.

/// How a record begins.
const MARK: [u8; 2] = [0xff, 0xae];

/// What stands before the payload.
pub(super) const HEAD_BYTES: usize = 19;

/// Nothing at all: to see whether it can be written.
pub(super) const NOTHING: u8 = 0;

/// An alert, and who still owes it.
pub(super) const ALERT: u8 = 1;

/// One destination is done with everything up to this sequence number; the
/// payload is its name.
pub(super) const SETTLED: u8 = 2;

/// The same; the payload is the number of its last delivery, and then the name.
pub(super) const NUMBERED: u8 = 5;

/// What is remembered under a name from now on.
pub(super) const STATE: u8 = 3;

/// The segment has, before this, all that is remembered; the payload is how many names.
pub(super) const ALL_STATES: u8 = 4;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record<'a> {
    pub(super) kind: u8,
    pub(super) sequence: u64,
    pub(super) payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Appends it to `bytes`.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        // A payload is an alert in memory, far from 4 GiB.
        let length = self.payload.len() as u32;
        bytes.extend_from_slice(&MARK);
        bytes.push(self.kind);
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&self.checksum().to_le_bytes());
        bytes.extend_from_slice(self.payload);
    }

    /// The record that `bytes` begin with, and its length; None where there is none, whole and right.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Record<'a>, usize)> {
        let end = whole_bytes(bytes)?;
        let payload = bytes.get(HEAD_BYTES..end)?;
        let record = Record { kind: *bytes.get(2)?, sequence: u64::from_le_bytes(array(bytes, 3)?), payload };
        (record.checksum() == u32::from_le_bytes(array(bytes, 15)?)).then_some((record, end))
    }

    fn checksum(&self) -> u32 {
        let length = self.payload.len() as u32;
        let (sequence, length) = (self.sequence.to_le_bytes(), length.to_le_bytes());
        let parts = [&[self.kind], sequence.as_slice(), &length, self.payload];
        !parts.into_iter().flatten().fold(!0, |crc, byte| {
            let index = usize::from(crc as u8 ^ byte);
            CRC_TABLE.get(index).copied().unwrap_or_default() ^ (crc >> 8)
        })
    }
}

/// How long the record is that `head` begins, if it begins one.
pub(super) fn whole_bytes(head: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(array(head, 11)?);
    head.starts_with(&MARK).then_some(HEAD_BYTES.checked_add(length as usize)?)
}

/// Where the next record begins in `bytes`, at `from` or behind it.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let is_one = |at: &usize| bytes.get(*at..).and_then(Record::read).is_some();
    (from..bytes.len()).find(is_one)
}

fn array<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..)?.first_chunk().copied()
}

/// CRC-32 as in Ethernet (IEEE 802.3), a byte at a time. Ten lines of our own and not
/// crc32fast: that is made for gigabytes, with code for each processor, and here it
/// would check a few hundred bytes an alert.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        #[allow(clippy::indexing_slicing)] // In a constant: out of bounds would not compile.
        {
            table[byte] = crc;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record<'_> = Record { kind: ALERT, sequence: 77, payload: b"payload \xc3\xa9" };

    fn bytes(record: &Record<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        bytes
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut two = bytes(&RECORD);
        let length = two.len();
        let empty = Record { kind: SETTLED, sequence: u64::MAX, payload: b"" };
        empty.write(&mut two);
        assert_eq!(Record::read(&two), Some((RECORD, length)));
        assert_eq!(Record::read(&two[length..]), Some((empty, HEAD_BYTES)));
        assert_eq!(Record::read(&two[1..]), None);
    }

    #[test]
    fn the_checksum_is_that_of_ethernet() {
        // The check value of CRC-32/ISO-HDLC, by another way: kind, sequence and length are its first bytes.
        let sequence = u64::from_le_bytes(*b"23456789");
        let record = Record { kind: b'1', sequence, payload: b"" };
        let over = |bytes: &[u8]| {
            !bytes.iter().fold(!0u32, |crc, byte| {
                (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                    (crc >> 1) ^ (0xedb8_8320 & (!(crc & 1)).wrapping_add(1))
                })
            })
        };
        assert_eq!(over(b"123456789"), 0xcbf4_3926);
        assert_eq!(record.checksum(), over(b"123456789\0\0\0\0"));
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_goes_unnoticed() {
        let right = bytes(&RECORD);
        for bit in 0..right.len() * 8 {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::read(&wrong), None, "bit {bit}");
        }
        for length in 0..right.len() {
            assert_eq!(Record::read(&right[..length]), None);
        }
    }

    #[test]
    fn the_next_record_is_found_behind_a_damaged_one() {
        let one = bytes(&RECORD);
        let mut three = [one.as_slice(), &one, &one].concat();
        three[one.len() + 12] ^= 0x40;
        assert_eq!(find(&three, one.len()), Some(2 * one.len()));
        assert_eq!(find(&three, 2 * one.len() + 1), None);
    }
}
