//! What a line is tried against: a substring, or a regular expression.
//!
//! Both look at the whole line as it came, topics and all, as in Alertik.

use memchr::memmem::Finder;

use super::ere::{self, Ere, Groups};

/// A pattern that is ready.
pub enum Pattern {
    /// `substr`: these bytes somewhere in the line, case-sensitive.
    Substr(Box<Finder<'static>>),
    /// `regex`: POSIX extended.
    Regex(Ere),
}

impl Pattern {
    /// These bytes, anywhere.
    pub fn substr(bytes: &[u8]) -> Pattern {
        Pattern::Substr(Box::new(Finder::new(bytes).into_owned()))
    }

    /// A POSIX extended regular expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn regex(bytes: &[u8]) -> Result<Pattern, ere::Error> {
        Ere::new(bytes).map(Pattern::Regex)
    }

    /// How many groups a mask can take.
    pub fn groups(&self) -> usize {
        match self {
            Pattern::Substr(_) => 0,
            Pattern::Regex(ere) => ere.groups(),
        }
    }

    /// A text that every line with it contains; empty if none is known.
    pub fn literal(&self) -> &[u8] {
        match self {
            Pattern::Substr(finder) => finder.needle(),
            Pattern::Regex(ere) => ere.literal(),
        }
    }

    /// True if `line` has it.
    pub fn is_match(&self, line: &[u8]) -> bool {
        match self {
            Pattern::Substr(finder) => finder.find(line).is_some(),
            Pattern::Regex(ere) => ere.is_match(line),
        }
    }

    /// Where the groups of a line that matches are; None for a substring, which has none.
    pub fn groups_in<'l>(&self, line: &'l [u8]) -> Option<Groups<'l>> {
        match self {
            Pattern::Substr(_) => None,
            Pattern::Regex(ere) => ere.find(line),
        }
    }
}
