//! A text for people, that never grows beyond what is told.
//!
//! Apart, because every kind writes one, and none may be refused for its length: a sender whose alert is refused
//! sends it again for ever.

use super::json::{Json, string_bytes};

/// More than any phone shows, and little enough that some hundreds may wait in memory. The services cut to what
/// they take.
pub(super) const TEXT_BYTES_MAX: usize = 16 * 1024;

const MARK: char = '…';

/// What was written so far.
#[derive(Default)]
pub(super) struct Text {
    said: String,
    is_cut: bool,
}

impl Text {
    /// Adds a piece, or as much of it as there is room for. Forms on web pages end their lines in two characters.
    pub(super) fn push(&mut self, piece: &str) {
        piece.split('\r').for_each(|piece| self.push_one(piece));
    }

    fn push_one(&mut self, piece: &str) {
        let room = match self.is_cut {
            true => 0,
            false => TEXT_BYTES_MAX.saturating_sub(self.said.len() + MARK.len_utf8()),
        };
        let mut end = piece.len().min(room);
        while !piece.is_char_boundary(end) {
            end -= 1;
        }
        self.said.push_str(piece.get(..end).unwrap_or_default());
        self.is_cut |= end < piece.len();
    }

    /// The same for pieces in a row.
    pub(super) fn add(&mut self, pieces: &[&str]) {
        pieces.iter().for_each(|piece| self.push(piece));
    }

    /// On a line of its own, if there is anything.
    pub(super) fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if !line.is_empty() {
            self.add(&[if self.said.is_empty() { "" } else { "\n" }, line]);
        }
    }

    /// How many there are besides, if any.
    pub(super) fn more(&mut self, count: usize, words: &str) {
        if count > 0 {
            self.line(&format!("… and {count} {words}"));
        }
    }

    /// The same for what may be missing.
    pub(super) fn line_if(&mut self, line: Option<impl AsRef<str>>) {
        if let Some(line) = line {
            self.line(line.as_ref());
        }
    }

    /// JSON, each part on a line of its own, indented by four blanks a level.
    pub(super) fn indented(&mut self, json: Json<'_>) {
        let text = json.raw();
        let (mut rest, mut depth) = (text, 0_usize);
        while let Some(byte) = rest.bytes().next() {
            if self.is_cut {
                return;
            }
            let bytes = if byte == b'"' { string_bytes(rest.as_bytes()) } else { 1 };
            // Outside strings all is ASCII.
            let (piece, after) = rest.split_at_checked(bytes).unwrap_or((rest, ""));
            let behind = after.trim_ascii_start();
            rest = after;
            match byte {
                b'{' | b'[' if behind.starts_with(['}', ']']) => {
                    self.add(&[piece, behind.get(..1).unwrap_or_default()]);
                    rest = behind.get(1..).unwrap_or_default();
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.push(piece);
                    self.new_line(depth);
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.new_line(depth);
                    self.push(piece);
                }
                b',' => {
                    self.push(piece);
                    self.new_line(depth);
                }
                b':' => self.push(": "),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => self.push(piece),
            }
        }
    }

    fn new_line(&mut self, depth: usize) {
        self.push("\n");
        for _ in 0..depth {
            if self.is_cut {
                return;
            }
            self.push("    ");
        }
    }

    /// The text.
    pub(super) fn finish(mut self) -> String {
        if self.is_cut {
            self.said.push(MARK);
        }
        self.said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_marked() {
        let mut text = Text::default();
        text.push(&"ä".repeat(TEXT_BYTES_MAX));
        text.push("more");
        let text = text.finish();
        assert!(text.len() <= TEXT_BYTES_MAX && text.len() > TEXT_BYTES_MAX - 4, "{}", text.len());
        assert!(text.ends_with("ä…"));
        let mut text = Text::default();
        text.push(&"a".repeat(TEXT_BYTES_MAX - 3));
        assert!(!text.finish().ends_with('…'));
    }

    #[test]
    fn json_is_indented_whatever_blanks_it_had() {
        let check = |text: &str, expected: &str| {
            let mut said = Text::default();
            said.indented(Json::read(text).unwrap());
            assert_eq!(said.finish(), expected);
        };
        check(
            "{\"a\":[1,{ }],\"b\" : \"x:{\\\"\"}",
            "{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"b\": \"x:{\\\"\"\n}",
        );
        check(" [ ] ", "[]");
        check("7", "7");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let mut said = Text::default();
        said.indented(Json::read(&deep).unwrap());
        assert!(said.finish().len() <= TEXT_BYTES_MAX);
    }
}
