//! A place in a pattern while it is read, and what is wrong there.
//!
//! Separate because the parser and its bracket expressions share both.

use std::fmt;

/// Why a pattern is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Offset in the pattern, in bytes, of what is at fault.
    pub at: usize,
    /// The part of the pattern at fault, fit for a terminal. Empty when the
    /// whole pattern is: then `at` is 0.
    pub text: String,
    /// The rest of the sentence: `is never closed`.
    pub what: String,
}

impl Error {
    /// The whole pattern is at fault, not one place in it.
    pub(super) fn whole(what: impl Into<String>) -> Error {
        Error { at: 0, text: String::new(), what: what.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { at, text, what } = self;
        match text.is_empty() {
            true => write!(f, "the pattern {what}"),
            false => write!(f, "\"{text}\" at {at} {what}"),
        }
    }
}

impl std::error::Error for Error {}

/// The bytes of a pattern and how far they are read.
pub(super) struct Cursor<'p> {
    pattern: &'p [u8],
    pub(super) at: usize,
}

impl<'p> Cursor<'p> {
    pub(super) fn new(pattern: &'p [u8]) -> Cursor<'p> {
        Cursor { pattern, at: 0 }
    }

    /// What is not yet read.
    pub(super) fn rest(&self) -> &'p [u8] {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Reads one byte.
    pub(super) fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Reads `token` if it comes next, and says whether it did.
    pub(super) fn eat(&mut self, token: &[u8]) -> bool {
        let here = self.rest().starts_with(token);
        if here {
            self.at += token.len();
        }
        here
    }

    /// The error that the bytes from `from` to where we are `what`.
    pub(super) fn refuse(&self, from: usize, what: impl Into<String>) -> Error {
        let text = self.pattern.get(from..self.at).unwrap_or_default();
        Error { at: from, text: printable(text), what: what.into() }
    }
}

/// `bytes` as text that cannot move a terminal's cursor. Backslashes stay
/// single: the operator looks for what was typed.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c.is_control() {
                true => text.push_str(&format!("\\x{:02x}", u32::from(c))),
                false => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
