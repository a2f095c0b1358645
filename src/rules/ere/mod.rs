//! POSIX extended regular expressions, as musl's `regcomp` reads them.
//!
//! ```text
//!   bytes ──parse──▶ tree ──compile──▶ program ──automaton──▶ does a line match, where does it start
//!                                         └──────divide─────▶ where does it end, what has each group
//! ```
//!
//! Separate from the rest of the rules because the dialect is a world of its
//! own: nobody outside knows what `\<` means, nobody inside what a rule is.
//! Matching is by bytes and takes time linear in the line, whoever wrote it.
//!
//! Two engines, because most lines match nothing: an automaton says so at the
//! speed of memory, but knows nothing of groups. A line that does match is worth
//! some microseconds of ours, which is exact.

mod ast;
mod automaton;
mod bracket;
mod cursor;
mod divide;
mod literal;
mod parse;
mod program;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ast::Place;
use automaton::Automaton;
use program::{Program, Step};

pub use cursor::Error;

/// A span in a line: where it starts and where it ends.
type Span = (usize, usize);

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub struct Ere {
    program: Arc<Program>,
    automaton: Arc<Automaton>,
    /// True if the automaton may find a match that is none.
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
        let program = program::compile(&parsed.node).map_err(|_| too_large())?;
        let automaton = Automaton::new(&program).map_err(|_| too_large())?;
        let is_doubtful = program.steps.iter().any(|step| matches!(step, Step::Place(Place::NotWordEdge)));
        let (program, automaton) = (Arc::new(program), Arc::new(automaton));
        let literal = literal::longest(&parsed.node);
        Ok(Ere { program, automaton, is_doubtful, groups: parsed.groups, lazy: parsed.lazy, literal })
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
        self.automaton.is_match(line) && (!self.is_doubtful || self.find(line).is_some())
    }

    /// The leftmost match in `line`, the longest of these, and its groups.
    pub fn find<'t>(&self, line: &'t [u8]) -> Option<Groups<'t>> {
        let start = self.automaton.start(line)?;
        let spans = divide::find(&self.program, self.groups, line, start)?;
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
