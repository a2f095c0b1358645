//! One pattern tried on texts: the question, and the answer to it.
//!
//! Apart, because `alertik match --regex` and the page's tester ask the same, and the server
//! knows no rules: `rules::trial` answers.

use std::time::Duration;

use serde::Serialize;

/// What is to be tried.
#[derive(Clone, Debug, Default)]
pub struct Question<'q> {
    /// True for a text that stands in the line as it is; else it is a POSIX extended regex.
    pub is_substr: bool,
    /// `_MATCH_STR`.
    pub pattern: &'q [u8],
    /// `_MASK_MSG`; nothing is filled in without one.
    pub mask: Option<&'q [u8]>,
    /// What it is tried on.
    pub texts: Vec<&'q [u8]>,
    /// No more texts are tried after this long, or after [`ANSWER_BYTES_MAX`]; all are, if None.
    pub within: Option<Duration>,
}

/// What an answer may take that somebody waits for over the network: a mask and nested groups can say a text
/// any number of times.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// Why there are no rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// What the operator should look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Fault>,
    /// For each text what was found in it; fewer, if there was no time or no room for all.
    pub rows: Vec<Row>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// `pattern` or `mask`.
    pub part: &'static str,
    /// In words.
    pub what: String,
    /// The first byte of it in the pattern.
    pub at: usize,
    /// The wrong text; nothing, where that is not known.
    pub text: String,
}

/// What was found in one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The text, with what is no UTF-8 replaced.
    pub text: String,
    /// Whether it matched.
    pub matched: bool,
    /// The whole match, then each group; None for one that took no part.
    pub groups: Vec<Option<Group>>,
    /// What would be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One part of a match.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// What it holds.
    pub text: String,
}
