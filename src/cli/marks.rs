//! Which part of a text matched and which group took it, shown in colour or by a line of marks.
//!
//! ```text
//!   user "bob" logged in
//!   ^^^^^^111^^^^^^^^^22       ^ the match, a digit its group: the innermost, a to z beyond 9
//! ```
//!
//! Apart from `match`, because this is nothing but counting columns: a character has one to four bytes, no
//! column or two, and an escape in its place has more.

use std::ffi::OsStr;

/// Start and end of a group in the text, in bytes; None if it took no part.
pub(super) type Span = Option<(usize, usize)>;

/// What a terminal is told before a group of that number, in turn: underlined, for a space has no colour.
const COLOURS: [&str; 6] =
    ["\x1b[4;32m", "\x1b[4;33m", "\x1b[4;36m", "\x1b[4;35m", "\x1b[4;34m", "\x1b[4;31m"];
const UNDERLINED: &str = "\x1b[4m";
const RESET: &str = "\x1b[0m";

/// How much of a long pattern is shown before and after a fault: with the rest, a line of 80 columns.
const SHOWN_BEFORE: usize = 48;
const SHOWN_AFTER: usize = 24;

/// Characters of two columns, in the terminals that have them: the blocks of wide ones in Unicode's
/// EastAsianWidth.txt, unassigned code points between them included.
const WIDE: [(u32, u32); 10] = [
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0x1f300, 0x1faff),
    (0x20000, 0x3fffd),
];

/// Accents and the like, which stand on the character before them.
const COMBINING: [(u32, u32); 5] =
    [(0x300, 0x36f), (0x483, 0x489), (0x1ab0, 0x1aff), (0x20d0, 0x20ff), (0xfe00, 0xfe0f)];

/// Invisible, or turn the direction of what follows: as much a command to a terminal as a control character.
const FORMAT: [(u32, u32); 5] =
    [(0x61c, 0x61c), (0x200b, 0x200f), (0x2028, 0x202e), (0x2060, 0x206f), (0xfeff, 0xfeff)];

/// A character of a text, and what is shown for it.
struct Cell {
    /// Its bytes in the text.
    start: usize,
    end: usize,
    shown: String,
}

impl Cell {
    fn columns(&self) -> usize {
        columns(&self.shown)
    }

    /// The number of the innermost group that took any byte of it.
    fn group(&self, spans: &[Span]) -> Option<usize> {
        let is_in = |span: &Span| span.is_some_and(|(start, end)| start < self.end && self.start < end);
        // A group stands behind those around it.
        spans.iter().rposition(is_in)
    }
}

/// True if standard output may be coloured: a terminal that can, and nobody who minds (no-color.org).
pub(super) fn wants_colour(is_terminal: bool, term: Option<&OsStr>, no_color: Option<&OsStr>) -> bool {
    is_terminal && term.is_some_and(|term| term != "dumb") && no_color.is_none_or(OsStr::is_empty)
}

/// `text` for a terminal, which is not to obey it.
pub(super) fn plain(text: &[u8]) -> String {
    text_cells(text).map(|cell| cell.shown).collect()
}

/// JSON for a terminal, which is not to obey it: the same value, in characters that can be shown.
pub(super) fn plain_json(json: &str) -> String {
    let plain = |c: char| match is_command(c) {
        // All of them are in strings, and have four digits at most.
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.into(),
    };
    json.chars().map(plain).collect()
}

/// The line of marks that belongs under `plain(text)`; empty if there is nothing to mark.
pub(super) fn marks(text: &[u8], spans: &[Span]) -> String {
    let mark = |cell: Cell| {
        let mark = match cell.group(spans) {
            None => ' ',
            Some(0) => '^',
            Some(group) => u32::try_from(group).ok().and_then(|n| char::from_digit(n, 36)).unwrap_or('+'),
        };
        String::from(mark).repeat(cell.columns())
    };
    text_cells(text).map(mark).collect::<String>().trim_end().to_owned()
}

/// `plain(text)` with the match underlined and its groups in colour.
pub(super) fn coloured(text: &[u8], spans: &[Span]) -> String {
    let mut line = String::new();
    let mut last = None;
    for cell in text_cells(text) {
        let group = cell.group(spans);
        if group != last {
            line.push_str(if last.is_some() { RESET } else { "" });
            line.push_str(group.map_or("", colour));
            last = group;
        }
        line.push_str(&cell.shown);
    }
    line.push_str(if last.is_some() { RESET } else { "" });
    line
}

/// A group's name in a mask, in its colour.
pub(super) fn coloured_name(group: usize) -> String {
    format!("{}@{group}{RESET}", colour(group))
}

/// A pattern, and under it carets where `fault`, a part of it as an error quotes it, stands.
pub(super) fn pointed(pattern: &[u8], at: usize, fault: &str) -> String {
    // Cut there, so that what is at fault begins a cell even within a character.
    let (before, after) = pattern.split_at_checked(at).unwrap_or((pattern, b""));
    let (before, after): (Vec<_>, Vec<_>) = (pattern_cells(before).collect(), pattern_cells(after).collect());
    let hidden = before.len().saturating_sub(SHOWN_BEFORE);
    let start: String = before.into_iter().skip(hidden).map(|cell| cell.shown).collect();
    let start = if hidden > 0 { format!("…{start}") } else { start };
    let rest = if after.len() > SHOWN_AFTER { "…" } else { "" };
    let end: String = after.into_iter().take(SHOWN_AFTER).map(|cell| cell.shown).collect();
    let carets = "^".repeat(columns(fault).clamp(1, columns(&end).max(1)));
    format!("  {start}{end}{rest}\n  {}{carets}", " ".repeat(columns(&start)))
}

fn colour(group: usize) -> &'static str {
    let turn = group.checked_sub(1).map(|group| group % COLOURS.len());
    turn.and_then(|turn| COLOURS.get(turn)).copied().unwrap_or(UNDERLINED)
}

/// A text as everything else that we print: `\u{1b}`, and � for bytes that are not UTF-8.
fn text_cells(text: &[u8]) -> impl Iterator<Item = Cell> {
    cells(text, |c| c.escape_default().collect(), |_| char::REPLACEMENT_CHARACTER.into())
}

/// A pattern as its errors quote it: `\x1b` and `\xff`, as one would write them there.
fn pattern_cells(pattern: &[u8]) -> impl Iterator<Item = Cell> {
    let hex = |c| format!("\\x{:02x}", u32::from(c));
    cells(pattern, hex, |bytes| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect())
}

fn cells(
    bytes: &[u8],
    escape: impl Fn(char) -> String,
    replace: impl Fn(&[u8]) -> String,
) -> impl Iterator<Item = Cell> {
    let mut start = 0;
    let parts = bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(Ok);
        valid.chain(Some(Err(chunk.invalid())).filter(|_| !chunk.invalid().is_empty()))
    });
    parts.map(move |part| {
        let (length, shown) = match part {
            Ok(c) if is_command(c) => (c.len_utf8(), escape(c)),
            Ok(c) => (c.len_utf8(), c.into()),
            Err(bytes) => (bytes.len(), replace(bytes)),
        };
        let cell = Cell { start, end: start + length, shown };
        start = cell.end;
        cell
    })
}

/// True for what a terminal would obey instead of showing it.
fn is_command(c: char) -> bool {
    c.is_control() || is_one_of(c, &FORMAT)
}

/// How many columns a text without control characters takes.
fn columns(shown: &str) -> usize {
    let columns = |c| match c {
        c if is_one_of(c, &COMBINING) => 0,
        c if is_one_of(c, &WIDE) => 2,
        _ => 1,
    };
    shown.chars().map(columns).sum()
}

fn is_one_of(c: char, ranges: &[(u32, u32)]) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ere::Ere;

    fn spans(regex: &str, text: &[u8]) -> Vec<Span> {
        let groups = Ere::new(regex.as_bytes()).unwrap().find(text);
        groups.map_or(Vec::new(), |groups| (0..groups.len()).map(|group| groups.get(group)).collect())
    }

    /// What is shown of `text` when `regex` is tried on it, and what stands under that.
    #[track_caller]
    fn check(regex: &str, text: impl AsRef<[u8]>, shown: &str, under: &str) {
        let text = text.as_ref();
        assert_eq!((&*plain(text), &*marks(text, &spans(regex, text))), (shown, under));
    }

    #[test]
    fn each_group_has_its_number() {
        check(
            "user ([a-z]+) logged (in|out)",
            "user bob logged in from",
            "user bob logged in from",
            "^^^^^111^^^^^^^^22",
        );
        check("a", "cab", "cab", " ^");
        check("(x)?a", "cab", "cab", " ^");
        check("b", "a", "a", "");
        check("x*", "abc", "abc", "");
    }

    #[test]
    fn the_innermost_group_is_marked() {
        check("((a)b(c(d)))e", "abcde", "abcde", "2134^");
        check("((a))", "a", "a", "2");
        check("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)", "abcdefghijk", "abcdefghijk", "123456789ab");
        check(&"(.)".repeat(37), [b'-'; 37], &"-".repeat(37), "123456789abcdefghijklmnopqrstuvwxyz++");
    }

    #[test]
    fn marks_stand_under_what_is_shown() {
        check("(ряд) D", "верхній ряд DHCP", "верхній ряд DHCP", "        111^^");
        check("a(.)b", "\x1b[1ma\x1bb", "\\u{1b}[1ma\\u{1b}b", "         ^111111^");
        check("\t(b)", "a\tb", "a\\tb", " ^^1");
        check("(Wi)", "咖啡馆Wi", "咖啡馆Wi", "      11");
        check("(..)(.*)", "咖", "咖", "22");
        check("(l)e", "cafe\u{301} le", "cafe\u{301} le", "     1^");
        check("b", "\u{202e}b", "\\u{202e}b", "        ^");
        assert_eq!(plain("\u{61c}\u{2028}\u{9b}".as_bytes()), "\\u{61c}\\u{2028}\\u{9b}");
    }

    #[test]
    fn json_keeps_its_meaning() {
        assert_eq!(plain_json("{\"é\":\"\u{9b}31m\u{202e}\\n\"}"), r#"{"é":"\u009b31m\u202e\n"}"#);
    }

    #[test]
    fn bytes_that_are_not_utf8_take_a_column_each_time() {
        check("(b)c", b"\xea\xffbc", "��bc", "  1^");
        check("(b)", b"\xe2\x82b", "�b", " 1");
        check("-(.*)!", b"\xc3\xa9\xff-\xe2\x82\xac!", "é�-€!", "  ^1^");
    }

    #[test]
    fn colours_begin_and_end_with_what_they_mark() {
        let check = |regex: &str, text: &str, expected: &str| {
            let line = coloured(text.as_bytes(), &spans(regex, text.as_bytes()));
            assert_eq!(line.replace('\x1b', "~"), expected);
        };
        check("user (bob)", "a user bob b", "a ~[4muser ~[0m~[4;32mbob~[0m b");
        check("(a)(b)", "ab", "~[4;32ma~[0m~[4;33mb~[0m");
        check(
            "(a)(b)(c)(d)(e)(f)(g)",
            "abcdefg",
            "~[4;32ma~[0m~[4;33mb~[0m~[4;36mc~[0m~[4;35md~[0m~[4;34me~[0m~[4;31mf~[0m~[4;32mg~[0m",
        );
        check("x", "a\x1bb", "a\\u{1b}b");
        assert_eq!(coloured_name(2).replace('\x1b', "~"), "~[4;33m@2~[0m");
    }

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        let check = |is_terminal, term: Option<&str>, no_color: Option<&str>, expected| {
            assert_eq!(wants_colour(is_terminal, term.map(OsStr::new), no_color.map(OsStr::new)), expected);
        };
        check(true, Some("xterm"), None, true);
        check(true, Some("xterm"), Some(""), true);
        check(true, Some("xterm"), Some("1"), false);
        check(true, Some("dumb"), None, false);
        check(true, None, None, false);
        check(false, Some("xterm"), None, false);
    }

    #[test]
    fn carets_stand_under_the_fault() {
        #[track_caller]
        fn check(pattern: impl AsRef<[u8]>, shown: &str, carets: &str) {
            let error = Ere::new(pattern.as_ref()).unwrap_err();
            let expected = format!("  {shown}\n  {carets}");
            assert_eq!(pointed(pattern.as_ref(), error.at, &error.text), expected);
        }
        check("ab(c", "ab(c", "  ^");
        check("ряд (?i)x", "ряд (?i)x", "    ^^^^");
        check("ab\\", "ab\\", "  ^");
        check("a\u{8}c", "a\\x08c", " ^^^^");
        check("咖a{1,999}", "咖a{1,999}", "   ^^^^^^^");
        check(b"\xea[\xff-\x80]", "\\xea[\\xff-\\x80]", "     ^^^^^^^^^");
        check("[é-a]", "[\\xc3\\xa9-a]", "     ^^^^^^");
        let long = "abcdefgh".repeat(10);
        let (before, after) = (&long[32..], &long[..23]);
        check(format!("{long}({long}"), &format!("…{before}({after}…"), &format!("{}^", " ".repeat(49)));
    }
}
