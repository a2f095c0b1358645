//! POSIX extended regular expressions, as musl's `regcomp` reads them.
//!
//! ```text
//!   bytes ──parse──▶ tree ──translate──▶ the regex crate's syntax ──▶ Ere
//! ```
//!
//! Separate from the rest of the rules because the dialect is a world of its
//! own: nobody outside knows what `\<` means, nobody inside what a rule is.
//! Matching is by bytes and takes time linear in the line, whoever wrote it.
//!
//! Two limitations, both the `regex` crate's: it prefers the first alternative
//! that matches rather than the longest, so the span and groups may differ
//! from POSIX for ambiguous alternations (`a|ab` on `ab`); and `\B` holds at
//! the start or end of the text beside a byte that is not of a word, where in
//! musl it never does.

mod ast;
mod bracket;
mod cursor;
mod literal;
mod parse;
#[cfg(test)]
mod tests;
mod translate;

use regex::bytes::{Regex, RegexBuilder};

pub use cursor::Error;

/// What the compiled pattern may take. The three of Alertik's README take 42 kB
/// together.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// What each of the two lazily built automata (forwards, backwards) may take
/// before it starts afresh. The crate's own bound is 2 MB, which times two
/// times 256 rules is more than a router has.
const AUTOMATON_BYTES_MAX: usize = 256 * 1024;

/// States times (groups + `CELLS_PER_STATE`). To find groups, the `regex` crate
/// keeps for each state and group 32 bytes: two tables, start and end, 8 bytes
/// each (4 on a 32-bit router). So they take at most 2 MiB, and a pattern has at
/// most 16,384 states.
const CELLS_MAX: u64 = 64 * 1024;

/// What a state takes by itself, in units of what a group of it takes.
const CELLS_PER_STATE: u64 = 4;

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub struct Ere {
    regex: Regex,
    groups: usize,
    lazy: Option<usize>,
    literal: Vec<u8>,
}

impl Ere {
    /// Compiles `pattern`, or says what in it is at fault and where.
    ///
    /// Unlike Alertik: a control byte other than a tab is refused, and so is a
    /// pattern that would take megabytes of memory.
    pub fn new(pattern: &[u8]) -> Result<Ere, Error> {
        let parsed = parse::parse(pattern)?;
        let translated = translate::translate(&parsed.node);
        let cells = u64::from(translated.states) * (parsed.groups as u64 + CELLS_PER_STATE);
        if cells > CELLS_MAX {
            return Err(too_large());
        }
        // A level of ours is at most a group, an alternation, a sequence and a
        // repetition of a group there.
        let regex = RegexBuilder::new(&translated.pattern)
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .nest_limit(8 * (parse::DEPTH_MAX as u32 + 1))
            .build()
            // What we write is in that crate's syntax; only size is left.
            .map_err(|_| too_large())?;
        let literal = literal::longest(&parsed.node);
        Ok(Ere { regex, groups: parsed.groups, lazy: parsed.lazy, literal })
    }

    /// How many capturing groups there are, not counting the whole match.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// A text that every line with a match contains, the longest that is known;
    /// empty if there is none.
    pub fn literal(&self) -> &[u8] {
        &self.literal
    }

    /// Whether the pattern matches anywhere in `line`.
    pub fn is_match(&self, line: &[u8]) -> bool {
        self.regex.is_match(line)
    }

    /// The leftmost match in `line`.
    pub fn find<'t>(&self, line: &'t [u8]) -> Option<Groups<'t>> {
        // First the cheap question: most lines do not match, and must not
        // cost an allocation.
        if !self.is_match(line) {
            return None;
        }
        let captures = self.regex.captures(line)?;
        let span = |i| captures.get(i).map(|group| (group.start(), group.end()));
        Some(Groups { line, spans: (0..=self.groups).map(span).collect() })
    }

    /// Where the first quantifier stands that has a `?` after it, as in `.*?`.
    ///
    /// In Perl that makes it lazy; here, as in musl, it makes it optional,
    /// which a star already is. Worth a warning, for the match will be longer
    /// than its author expects.
    pub fn lazy_quantifier(&self) -> Option<usize> {
        self.lazy
    }
}

fn too_large() -> Error {
    Error::whole("is too large: its intervals multiply, or it has too many groups for its length")
}

/// Where a pattern matched: 0 is the whole match, then its groups by number.
#[derive(Clone, Debug)]
pub struct Groups<'t> {
    line: &'t [u8],
    spans: Vec<Option<(usize, usize)>>,
}

impl<'t> Groups<'t> {
    /// Start and end of a group in the line, in bytes; `None` if it took no
    /// part in the match or there is no such group.
    pub fn get(&self, group: usize) -> Option<(usize, usize)> {
        self.spans.get(group).copied().flatten()
    }

    /// The text of a group; `None` if it took no part in the match or there is
    /// no such group.
    pub fn bytes(&self, group: usize) -> Option<&'t [u8]> {
        let (start, end) = self.get(group)?;
        self.line.get(start..end)
    }

    /// How many there are, the whole match included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Never: the whole match is always there.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}
