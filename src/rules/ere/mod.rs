//! POSIX extended regular expressions, as musl's `regcomp` reads them.
//!
//! ```text
//!   bytes ──parse──▶ tree ──translate──▶ the regex crate's   does a line match, where does it start
//!                      └────compile────▶ program ──divide──▶ where does it end, what has each group
//! ```
//!
//! Separate from the rest of the rules because the dialect is a world of its
//! own: nobody outside knows what `\<` means, nobody inside what a rule is.
//! Matching is by bytes and takes time linear in the line, whoever wrote it.
//!
//! Two engines, because most lines match nothing: the `regex` crate says so at
//! the speed of memory, but prefers the first alternative where POSIX wants the
//! longest. A line that does match is worth some microseconds of ours, which is
//! exact.

mod ast;
mod bracket;
mod cursor;
mod divide;
mod literal;
mod parse;
mod program;
mod scan;
#[cfg(test)]
mod tests;
mod translate;

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use ast::Place;
use program::{Program, Step};

pub use cursor::Error;

/// A pattern in the `regex` crate's syntax. That crate needs up to 240 bytes
/// for each byte of it (measured on `\b\b…`, the worst), so at most 4 MiB.
const TRANSLATED_BYTES_MAX: usize = 16 * 1024;

/// What the compiled pattern may take. The three of Alertik's README take 42 kB
/// together.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// What each of the two lazily built automata (forwards, backwards) may take
/// before it starts afresh. The crate's own bound is 2 MB, which times two
/// times 256 rules is more than a router has.
const AUTOMATON_BYTES_MAX: usize = 256 * 1024;

/// A span in a line: where it starts and where it ends.
type Span = (usize, usize);

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub struct Ere {
    regex: Regex,
    program: Arc<Program>,
    /// True if that crate may find a match that is none.
    is_doubtful: bool,
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
        // First, for it says what is too large to be translated.
        let program = program::compile(&parsed.node).map_err(|_| too_large())?;
        let translated = translate::translate(&parsed.node);
        if translated.len() > TRANSLATED_BYTES_MAX {
            return Err(too_large());
        }
        // A level of ours is at most a group, an alternation, a sequence and a
        // repetition of a group there.
        let regex = RegexBuilder::new(&translated)
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .nest_limit(8 * (parse::DEPTH_MAX as u32 + 1))
            .build()
            // What we write is in that crate's syntax; only size is left.
            .map_err(|_| too_large())?;
        let is_doubtful = program.steps.iter().any(|step| matches!(step, Step::Place(Place::NotWordEdge)));
        let (program, literal) = (Arc::new(program), literal::longest(&parsed.node));
        Ok(Ere { regex, program, is_doubtful, groups: parsed.groups, lazy: parsed.lazy, literal })
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
        // Most lines do not match, and must not cost an allocation.
        self.regex.is_match(line) && (!self.is_doubtful || self.find(line).is_some())
    }

    /// The leftmost match in `line`, the longest of these, and its groups.
    pub fn find<'t>(&self, line: &'t [u8]) -> Option<Groups<'t>> {
        let known = self.regex.find(line)?;
        let known = (known.start(), known.end());
        let spans = divide::find(&self.program, self.groups, line, known, self.is_doubtful)?;
        Some(Groups { line, spans })
    }

    /// Where the first `?` stands that follows a quantifier, as in `.*?`.
    ///
    /// In Perl that makes it lazy; here, as in musl, it makes it optional,
    /// which a star already is. Worth a warning, for the match will be longer
    /// than its author expects.
    pub fn lazy_quantifier(&self) -> Option<usize> {
        self.lazy
    }
}

fn too_large() -> Error {
    Error::whole(
        "is too large: with its intervals written out it has more than 4,096 steps, or takes too much memory",
    )
}

/// Where a pattern matched: 0 is the whole match, then its groups by number.
#[derive(Clone, Debug)]
pub struct Groups<'t> {
    line: &'t [u8],
    spans: Vec<Option<Span>>,
}

impl<'t> Groups<'t> {
    /// Start and end of a group in the line, in bytes; `None` if it took no
    /// part in the match or there is no such group.
    pub fn get(&self, group: usize) -> Option<Span> {
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
