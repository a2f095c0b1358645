//! One run over a text, from right to left: from where to how far a part matches.
//!
//! ```text
//!   part (a|ab)c*    text    a   b   c   c      a match may end at 1, 2, 3 or 4
//!                          0   1   2   3   4
//!   thread from 4          ●◀──a───b◀──c◀──c    from 0, the longest match ends at 4
//!   thread from 3                      ×        one from 4 is there already
//! ```
//!
//! From right to left, because a thread then carries the end it began at, and
//! one run answers for *every* start how far the part can match. In the other
//! direction each start would need a run of its own, and the rounds of a
//! repetition, each of which may look far beyond its own end, would cost the
//! square of the line.
//!
//! Threads stand in the order of their ends, the farthest first, and none
//! enters an instruction at a place where another is already. So the one that
//! arrives has the longest match, and a run over n bytes enters at most (n + 1)
//! times as many instructions as the part has.

use std::ops::Range;

use super::Span;
use super::ast::Place;
use super::parse::is_word;
use super::program::{Part, Step};

/// Runs over one text, with the memory they need: for each instruction of the
/// pattern 48 bytes, or 24 on a 32-bit router.
pub(super) struct Scanner<'p, 't> {
    steps: &'p [Step],
    text: &'t [u8],
    /// Threads at the place we are at, and at the one just right of it.
    here: Threads,
    right: Threads,
}

#[cfg(test)]
thread_local! {
    /// Instructions entered so far by this thread.
    pub(super) static ENTERED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl<'p, 't> Scanner<'p, 't> {
    pub(super) fn new(steps: &'p [Step], text: &'t [u8]) -> Scanner<'p, 't> {
        Scanner { steps, text, here: Threads::new(steps.len()), right: Threads::new(steps.len()) }
    }

    /// Finds the matches of `part` that start at `from` or right of it, and
    /// returns where the longest one from `from` itself ends.
    ///
    /// `is_end` is asked of each place, from right to left, whether a match may
    /// end there; it is told where the longest match that begins there and is
    /// not empty ends. `ends` says between which places, both included, it
    /// answers yes of itself: further right never, further left only because of
    /// what it was told. `tell` hears of each place from which there is a
    /// match, and where the longest ends.
    pub(super) fn scan(
        &mut self,
        part: &Part,
        from: usize,
        ends: Span,
        mut is_end: impl FnMut(usize, Option<usize>) -> bool,
        mut tell: impl FnMut(usize, usize),
    ) -> Option<usize> {
        let mut longest = None;
        self.here.clear();
        for at in (from..=ends.1).rev() {
            std::mem::swap(&mut self.here, &mut self.right);
            self.here.clear();
            longest = self.take_byte(at, &part.steps);
            if is_end(at, longest) {
                // Last, for it ends nearer than all that are under way.
                let empty = self.enter(part.steps.start, at, at, &part.steps);
                longest = longest.or(empty);
            }
            if let Some(end) = longest {
                tell(at, end);
            }
            if at <= ends.0 && self.here.is_empty() && at > from {
                return None;
            }
        }
        longest
    }

    /// Brings here, over the byte at `at`, the threads right of it.
    fn take_byte(&mut self, at: usize, part: &Range<usize>) -> Option<usize> {
        if self.right.is_empty() {
            return None;
        }
        let byte = self.text.get(at).copied()?;
        let mut longest = None;
        let mut i = 0;
        while let Some((step, end)) = self.right.get(i) {
            i += 1;
            let takes = match self.steps.get(step) {
                Some(Step::Byte(wanted)) => *wanted == byte,
                Some(Step::Set(set)) => set.contains(byte),
                _ => false,
            };
            if takes {
                longest = longest.or(self.enter(step + 1, end, at, part));
            }
        }
        longest
    }

    /// Lets a thread that began at `end` enter an instruction at place `at`,
    /// and those it leads to; returns `end` if one of them leaves the part.
    fn enter(&mut self, step: usize, end: usize, at: usize, part: &Range<usize>) -> Option<usize> {
        let mut i = self.here.len();
        let mut has_left = self.go(step, end, part);
        while let Some((step, _)) = self.here.get(i) {
            i += 1;
            match self.steps.get(step) {
                Some(Step::Byte(_) | Step::Set(_)) | None => {}
                Some(Step::Place(place)) => {
                    has_left |= holds(*place, self.text, at) && self.go(step + 1, end, part);
                }
                Some(Step::Fork(far)) => {
                    has_left |= self.go(step + 1, end, part);
                    has_left |= self.go(step.wrapping_add_signed(*far), end, part);
                }
                Some(Step::Jump(far)) => has_left |= self.go(step.wrapping_add_signed(*far), end, part),
            }
        }
        has_left.then_some(end)
    }

    /// Puts a thread at an instruction, or says that this is outside the part.
    fn go(&mut self, step: usize, end: usize, part: &Range<usize>) -> bool {
        let is_inside = part.contains(&step);
        if is_inside && self.here.add(step, end) {
            #[cfg(test)]
            ENTERED.set(ENTERED.get() + 1);
        }
        !is_inside
    }
}

/// Whether `place` is at `at` in `text`.
fn holds(place: Place, text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before)).copied();
    let after = text.get(at).copied();
    let (word_before, word_after) = (before.is_some_and(is_word), after.is_some_and(is_word));
    let is_word_edge = before.is_none() || after.is_none() || word_before != word_after;
    match place {
        Place::Start => before.is_none(),
        Place::End => after.is_none(),
        Place::WordStart => !word_before && word_after,
        Place::WordEnd => word_before && !word_after,
        Place::WordEdge => is_word_edge,
        Place::NotWordEdge => !is_word_edge,
    }
}

/// A set of threads in the order in which they came, each an instruction and
/// the end it began at, at most one at an instruction.
struct Threads {
    inside: Vec<(usize, usize)>,
    /// For an instruction, where in `inside` it would be. What stands there
    /// decides, so that emptying the set needs no sweep.
    index: Vec<usize>,
}

impl Threads {
    fn new(steps: usize) -> Threads {
        Threads { inside: Vec::with_capacity(steps), index: vec![0; steps] }
    }

    fn len(&self) -> usize {
        self.inside.len()
    }

    fn is_empty(&self) -> bool {
        self.inside.is_empty()
    }

    fn clear(&mut self) {
        self.inside.clear();
    }

    fn get(&self, i: usize) -> Option<(usize, usize)> {
        self.inside.get(i).copied()
    }

    /// Adds a thread unless one is at its instruction, and says whether it did.
    fn add(&mut self, step: usize, end: usize) -> bool {
        let Some(index) = self.index.get_mut(step) else { return false };
        if self.inside.get(*index).is_some_and(|(there, _)| *there == step) {
            return false;
        }
        *index = self.inside.len();
        self.inside.push((step, end));
        true
    }
}
