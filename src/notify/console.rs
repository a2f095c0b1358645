//! Console: alerts on standard output, for a first look and for logs that others collect.
//!
//! ```text
//!   ~5f09c3a1be login failure for user guest from 192.168.88.17 via ssh, at: 2026-11-21 08:29:15
//!   marker      text, control characters escaped
//! ```
//!
//! The only place that repeats received text on standard output. In a router's
//! container that output becomes log entries which may be sent back to us; the
//! marker in front lets us know them. RouterOS was seen to split an entry at
//! 299 characters, and the second part would come without the marker: so a
//! longer text is written in several lines, each with its own. So is an encrypted
//! one, whose lines are to be read without it.

use std::io::{self, Write};

use super::{Entry, Notification, Notifier, Opening, Outcome};
use crate::log;
use crate::vars::Faults;

pub(super) const ENTRY: Entry =
    Entry { name: "Console", prefix: "CONSOLE_", required: &[], optional: &[], takes_target: false, open };

/// Bytes of text in a line; with the marker and RouterOS's topics below 299.
const PIECE_BYTES_MAX: usize = 240;

struct Console {
    is_encrypted: bool,
}

fn open(opening: &Opening<'_>, _: &mut Faults) -> Option<Box<dyn Notifier>> {
    Some(Box::new(Console { is_encrypted: opening.is_encrypted }))
}

impl Notifier for Console {
    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        let (text, marker) = (notification.whole(), log::marker());
        let lines = match self.is_encrypted {
            true => text.lines().map(|line| compose(line, marker)).collect(),
            false => compose(&text, marker),
        };
        match io::stdout().lock().write_all(lines.as_bytes()).and_then(|()| io::stdout().flush()) {
            Ok(()) => Outcome::Delivered { pause: None },
            Err(error) => Outcome::Failed { reason: format!("standard output: {error}") },
        }
    }

    fn armor_chars_max(&self) -> Option<usize> {
        None
    }

    /// Programs read it, or somebody who looks at it: it rings for nobody.
    fn takes_floods(&self) -> bool {
        true
    }
}

fn compose(text: &str, marker: &str) -> String {
    let mut lines = format!("{marker} ");
    let mut room = PIECE_BYTES_MAX;
    for c in text.chars() {
        // Escaped, or a log line could move a terminal's cursor and forge others.
        let shown: String = if c.is_control() { c.escape_default().collect() } else { c.into() };
        if shown.len() > room {
            lines.push_str(&format!("\n{marker} "));
            room = PIECE_BYTES_MAX;
        }
        room -= shown.len();
        lines.push_str(&shown);
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(compose("a\nb\x1b[31m\0é", "~1"), "~1 a\\nb\\u{1b}[31m\\u{0}é\n");
        assert_eq!(compose("", "~1"), "~1 \n");
    }

    #[test]
    fn every_line_of_a_long_text_carries_the_marker() {
        let text = "é".repeat(300);
        let lines = compose(&text, "~1");
        assert!(lines.lines().all(|line| line.starts_with("~1 ") && line.len() <= 3 + PIECE_BYTES_MAX));
        assert_eq!(lines.lines().map(|line| &line[3..]).collect::<String>(), text);
        assert_eq!(lines.lines().count(), 3);
    }
}
