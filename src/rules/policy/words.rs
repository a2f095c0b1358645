//! What is said of what was held back.

use std::time::Duration;

use super::entry::Held;
use crate::span::words;

impl Held {
    /// What is said of it, after an alert that said `told`.
    pub(super) fn words(&self, told: &str) -> String {
        let span = self.at.saturating_duration_since(self.first);
        let span = match span < Duration::from_secs(1) {
            true => String::new(),
            false => format!(" in {}", words(span)),
        };
        let last = match self.last.text == told {
            true => String::new(),
            false => format!(", the last: {}", news(told, &self.last.text)),
        };
        format!("{told} … and {} more{span}{last}", self.count)
    }
}

/// What `text` says that `told` did not: it without the words that both begin with, if these are the most of it.
fn news(told: &str, text: &str) -> String {
    let common = told.char_indices().zip(text.chars()).take_while(|((_, a), b)| a == b);
    let end = common.filter(|((_, c), _)| *c == ' ').last().map_or(0, |((at, _), _)| at);
    match text.get(end..) {
        Some(rest) if end > text.len() / 2 => format!("…{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_said_again() {
        let check = |told, text, expected| assert_eq!(news(told, text), expected);
        check("r1: scan by 1.2.3.4, last port 10", "r1: scan by 1.2.3.4, last port 99", "… 99");
        check("r1: a is down", "r1: something else", "r1: something else");
        check("é é é x", "é é é y", "… y");
        check("same", "same", "same");
        check("", "x y", "x y");
    }
}
