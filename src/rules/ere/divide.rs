//! Who gets which bytes: the span of a match, and of each group in it.
//!
//! POSIX asks for the leftmost match, of these for the longest, and then that
//! each subpattern, from left to right, takes the longest text it can. So a
//! part whose span is known can be divided among its own parts, and these in
//! turn, without ever taking a decision back:
//!
//! ```text
//!   (a|ab)(c|bcd)(d*)    abcd     a sequence: the first takes as much as leaves
//!   └─ab─┘└──c──┘└d─┘             the rest a match, then the second, …
//!   either                        the first alternative that takes all of it
//!   repetition                    as a sequence of rounds; groups tell the last
//! ```
//!
//! An empty round is only there if it must be: to reach the lower bound of an
//! interval, or as the only round of an empty repetition, for to POSIX the
//! empty text is longer than none.
//!
//! *Time.* For its own decisions a part needs at most two runs of the scanner
//! over its span for each of its parts (rounds of an interval are copies). A
//! part is divided once, for only the last round is, and the parts of one level
//! have together no more instructions than the pattern. So for n bytes, m
//! instructions and d levels of parts within parts, at most (n + 1) · m ·
//! (2d + 1) instructions are entered; d is at most four times `DEPTH_MAX`.
//!
//! *Memory.* One bit for each place and each part of a sequence, or round of an
//! interval, on the way down to where we are. Each of these has an instruction
//! of its own, so for a line of 4 KiB that is at most 2 MiB, and for patterns
//! that people write some hundred bytes. A repetition without end takes 16 bytes
//! for each place while its last round is looked for.

use super::Span;
use super::program::{Part, Program, Shape};
use super::scan::Scanner;

/// Where the leftmost-longest match is, and then each of `groups` groups.
///
/// Nothing matches left of `from`.
pub(super) fn find(program: &Program, groups: usize, line: &[u8], from: usize) -> Option<Vec<Option<Span>>> {
    let mut divider = Divider { scanner: Scanner::new(&program.steps, line), spans: vec![None; groups + 1] };
    let mut span = None;
    // Told from right to left, so the last is the leftmost.
    divider.scanner.scan(
        &program.root,
        from,
        (from, line.len()),
        |_, _| true,
        |start, end| span = Some((start, end)),
    );
    let span = span?;
    divider.set(0, span);
    divider.divide(&program.root, span);
    Some(divider.spans)
}

struct Divider<'p, 't> {
    scanner: Scanner<'p, 't>,
    spans: Vec<Option<Span>>,
}

impl Divider<'_, '_> {
    fn set(&mut self, group: usize, span: Span) {
        if let Some(place) = self.spans.get_mut(group) {
            *place = Some(span);
        }
    }

    /// Sets the groups in `part`, which matches `span`.
    fn divide(&mut self, part: &Part, span: Span) {
        match &part.shape {
            Shape::Plain => {}
            Shape::Group(number, inner) => {
                self.set(*number, span);
                self.divide(inner, span);
            }
            Shape::Sequence(parts) => self.sequence(parts, span),
            Shape::Either(parts) => {
                if let Some(taken) = parts.iter().find(|part| self.matches(part, span)) {
                    self.divide(taken, span);
                }
            }
            Shape::Repeat { body, min, max } => {
                if let Some(round) = self.last_round(body, *min, *max, span) {
                    self.divide(body, round);
                }
            }
        }
    }

    /// Whether `part` matches exactly `span`.
    fn matches(&mut self, part: &Part, span: Span) -> bool {
        let (from, to) = span;
        self.scanner.scan(part, from, (to, to), |at, _| at == to, |_, _| ()).is_some()
    }

    fn sequence(&mut self, mut parts: &[Part], (mut from, mut to): Span) {
        // As long as lengths are fixed there is nothing to choose.
        while let [first, rest @ ..] = parts
            && let Some(length) = first.length
        {
            self.divide(first, (from, from + length));
            (from, parts) = (from + length, rest);
        }
        while let [rest @ .., last] = parts
            && let Some(length) = last.length
        {
            self.divide(last, (to - length, to));
            (to, parts) = (to - length, rest);
        }
        // Where each part may end so that those after it match the rest.
        let mut ends = vec![Places::last((from, to))];
        for part in parts.iter().skip(1).rev() {
            let starts = self.starts(part, from, ends.last());
            ends.push(starts);
        }
        while let [part, rest @ ..] = parts
            && let Some(ends) = ends.pop()
            && let Some(end) = self.longest(part, from, &ends)
        {
            self.divide(part, (from, end));
            (from, parts) = (end, rest);
        }
    }

    /// The last round of a repetition that takes `span`, if it has any.
    fn last_round(&mut self, body: &Part, min: usize, max: Option<usize>, span: Span) -> Option<Span> {
        let (from, to) = span;
        if from == to && min <= 1 {
            return Some(span).filter(|span| self.matches(body, *span));
        }
        if let Some(length @ 1..) = body.length {
            return Some((to - length, to)).filter(|_| from < to);
        }
        // Rounds that are counted, each with the places where it may end, the
        // first on top; then those that are not.
        let (counted, free) = match max {
            Some(max) => (max, Vec::new()),
            None => (if min > 1 { min } else { 0 }, self.free_rounds(body, span)),
        };
        let mut ends = vec![Places::last(span)];
        if let Some(ends) = ends.last_mut() {
            free.iter().enumerate().filter(|(_, end)| end.is_some()).for_each(|(i, _)| ends.insert(from + i));
        }
        for round in (1..counted).rev() {
            let mut starts = self.starts(body, from, ends.last());
            if round >= min {
                starts.insert(to);
            }
            ends.push(starts);
        }
        let mut last = None;
        let mut at = from;
        let mut round = 0;
        while (at < to || round < min) && max.is_none_or(|max| round < max) {
            let end = match ends.pop().filter(|_| round < counted) {
                Some(ends) => self.longest(body, at, &ends)?,
                None => free.get(at - from).copied().flatten()?,
            };
            last = Some((at, end));
            (at, round) = (end, round + 1);
        }
        last
    }

    /// For each place in `span` from which rounds without number take the rest
    /// of it, where the longest first one ends.
    fn free_rounds(&mut self, body: &Part, span: Span) -> Vec<Option<usize>> {
        let (from, to) = span;
        let mut ends = vec![None; to + 1 - from];
        // A round may end where all is taken or where another begins.
        let is_end = |at, longest: Option<usize>| at == to || longest.is_some();
        self.scanner.scan(body, from, (to, to), is_end, |start, end| {
            if let Some(place) = ends.get_mut(start - from) {
                *place = Some(end);
            }
        });
        ends
    }

    /// The places at `from` and right of it from which `part` matches up to one
    /// of `ends`.
    fn starts(&mut self, part: &Part, from: usize, ends: Option<&Places>) -> Places {
        let Some(ends) = ends else { return Places::none((from, from)) };
        let mut starts = Places::none((from, ends.span.1));
        let is_end = |at, _| ends.contains(at);
        self.scanner.scan(part, from, ends.span, is_end, |start, _| starts.insert(start));
        starts
    }

    /// Where the longest match of `part` from `from` ends, at one of `ends`;
    /// that there is one is known.
    fn longest(&mut self, part: &Part, from: usize, ends: &Places) -> Option<usize> {
        let (first, last) = ends.span;
        if first == last {
            return Some(first);
        }
        self.scanner.scan(part, from, ends.span, |at, _| ends.contains(at), |_, _| ())
    }
}

/// Some of the places in a line, one bit each.
struct Places {
    base: usize,
    bits: Vec<u64>,
    /// The first and the last of them; the other way round if there are none.
    span: Span,
}

impl Places {
    /// None yet, with room for those in `window`, both ends included.
    fn none((from, to): Span) -> Places {
        Places { base: from, bits: vec![0; to.saturating_sub(from) / 64 + 1], span: (usize::MAX, 0) }
    }

    /// Only the last one in `window`.
    fn last((from, to): Span) -> Places {
        let mut places = Places::none((from, to));
        places.insert(to);
        places
    }

    fn insert(&mut self, at: usize) {
        let i = at - self.base;
        if let Some(bits) = self.bits.get_mut(i / 64) {
            *bits |= 1 << (i % 64);
            self.span = (self.span.0.min(at), self.span.1.max(at));
        }
    }

    fn contains(&self, at: usize) -> bool {
        let i = at - self.base;
        self.bits.get(i / 64).is_some_and(|bits| bits >> (i % 64) & 1 == 1)
    }
}
