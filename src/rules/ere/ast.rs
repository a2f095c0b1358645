//! A pattern as a tree: what the parser makes and what an engine is made from.
//!
//! Separate so that neither side knows the other: the tree has bytes, sets of
//! bytes and places, and no trace of how the operator wrote them.

use std::sync::Arc;

/// One part of a pattern. Children are never deeper than `DEPTH_MAX` of the
/// parser, so walking and dropping a tree may recurse.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    Byte(u8),
    Set(Arc<ByteSet>),
    Place(Place),
    /// A capturing group and its number, from 1, by the order of the `(`.
    Group(usize, Box<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        /// `None`: without end.
        max: Option<u32>,
    },
    /// One after the other; none at all matches the empty text.
    Sequence(Vec<Node>),
    /// Any one of these.
    Either(Vec<Node>),
}

/// A condition on where we are, which takes no bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// `^`: the start of the text, never of a line within it.
    Start,
    /// `$`: the end of the text.
    End,
    /// `\<`: a word byte comes next and none came before.
    WordStart,
    /// `\>`: a word byte came before and none comes next.
    WordEnd,
    /// `\b`: the text starts or ends here, or a word does.
    WordEdge,
    /// `\B`: none of what `\b` is.
    NotWordEdge,
}

/// A set of bytes, one bit each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ByteSet {
    low: u128,
    high: u128,
}

impl ByteSet {
    pub(super) const EMPTY: ByteSet = ByteSet { low: 0, high: 0 };
    pub(super) const ALL: ByteSet = ByteSet { low: u128::MAX, high: u128::MAX };

    /// Adds the bytes from `first` to `last`, both included.
    pub(super) fn insert(&mut self, first: u8, last: u8) {
        for byte in first..=last {
            match byte {
                0..=127 => self.low |= 1 << byte,
                128.. => self.high |= 1 << (byte - 128),
            }
        }
    }

    /// Adds every byte that `belongs`.
    pub(super) fn insert_where(&mut self, belongs: impl Fn(u8) -> bool) {
        (0..=u8::MAX).filter(|&byte| belongs(byte)).for_each(|byte| self.insert(byte, byte));
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        match byte {
            0..=127 => self.low >> byte & 1 == 1,
            128.. => self.high >> (byte - 128) & 1 == 1,
        }
    }

    pub(super) fn complement(self) -> ByteSet {
        ByteSet { low: !self.low, high: !self.high }
    }

    /// The set as runs of neighbours, `(first, last)` both included, ascending.
    pub(super) fn runs(&self) -> Vec<(u8, u8)> {
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for byte in (0..=u8::MAX).filter(|&byte| self.contains(byte)) {
            match runs.last_mut() {
                // `last` is below `byte`, so adding one cannot overflow.
                Some((_, last)) if *last + 1 == byte => *last = byte,
                _ => runs.push((byte, byte)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ranges: &[(u8, u8)], runs: &[(u8, u8)]) {
        let mut set = ByteSet::EMPTY;
        for &(first, last) in ranges {
            set.insert(first, last);
        }
        assert_eq!(set.runs(), runs);
        for byte in 0..=u8::MAX {
            let inside = runs.iter().any(|&(a, b)| (a..=b).contains(&byte));
            assert_eq!(set.contains(byte), inside, "{byte}");
            assert_eq!(set.complement().contains(byte), !inside, "{byte}");
        }
    }

    #[test]
    fn set_is_its_runs() {
        check(&[], &[]);
        check(&[(0, 255)], &[(0, 255)]);
        check(&[(255, 255), (0, 0)], &[(0, 0), (255, 255)]);
        check(&[(b'a', b'f'), (b'g', b'k'), (b'd', b'e')], &[(b'a', b'k')]);
        check(&[(126, 129), (127, 127)], &[(126, 129)]);
        check(&[(1, 1), (3, 3)], &[(1, 1), (3, 3)]);
        assert_eq!(ByteSet::ALL.complement(), ByteSet::EMPTY);
    }
}
