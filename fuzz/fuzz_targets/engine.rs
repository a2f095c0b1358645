//! A pattern and a text, on a line each: what the `regex` crate says of them, and what our engine finds.
//!
//! ```text
//!   (a|ab)(c|bcd)(d*) ⏎ abcd       no pattern holds a line feed; a text may
//! ```
//!
//! The automaton decides whether a line matches and the engine what, so each judges the other. Where a pattern
//! means the same to the `regex` crate as it is written, that is asked too: whether there is a match, where it
//! starts and how long it is. Groups are judged only by where they lie: who gets which bytes is for the enumerator in
//! the unit tests, which lists all parses and would be far too slow for this.

#![no_main]

use alertik::line::LINE_BYTES_MAX;
use alertik::rules::ere::Ere;
use libfuzzer_sys::fuzz_target;
use regex::bytes::{Regex, RegexBuilder};

/// Compiling costs far more than matching, so of a short text every beginning is tried.
const SHORT_TEXT_BYTES_MAX: usize = 48;

fuzz_target!(|input: &[u8]| {
    let Some(at) = input.iter().position(|&byte| byte == b'\n') else { return };
    let (pattern, text) = (&input[..at], &input[at + 1..]);
    let Ok(ere) = Ere::new(pattern) else { return };
    let text = &text[..text.len().min(LINE_BYTES_MAX)];
    let known = Known::new(pattern);
    let first = if text.len() > SHORT_TEXT_BYTES_MAX { text.len() } else { 0 };
    for length in first..=text.len() {
        check(pattern, &ere, &known, &text[..length]);
    }
    // Few random texts match. The pattern's own letters often do, and more than one round each time.
    let plain =
        pattern.iter().copied().filter(|byte| byte.is_ascii_alphanumeric() || b" ,:-_".contains(byte));
    let once: Vec<u8> = plain.take(LINE_BYTES_MAX / 2).collect();
    let twice: Vec<u8> = once.iter().flat_map(|&byte| [byte, byte]).collect();
    check(pattern, &ere, &known, &once);
    check(pattern, &ere, &known, &twice);
});

fn check(pattern: &[u8], ere: &Ere, known: &Known, text: &[u8]) {
    let shown = || format!("{} on {}", pattern.escape_ascii(), text.escape_ascii());
    let found = ere.find(text);
    assert_eq!(ere.is_match(text), found.is_some(), "{}", shown());

    let span = found.as_ref().map(|found| found.get(0).expect("a match has a span"));
    if let (Some(found), Some((from, to))) = (&found, span) {
        assert_eq!(found.len(), ere.groups() + 1, "{}", shown());
        assert!(from <= to && to <= text.len(), "{from}-{to}: {}", shown());
        for (start, end) in (1..found.len()).filter_map(|group| found.get(group)) {
            let is_inside = from <= start && start <= end && end <= to;
            assert!(is_inside, "{start}-{end} is not in {from}-{to}: {}", shown());
        }
        let literal = ere.literal();
        let has_literal = literal.is_empty() || text[from..to].windows(literal.len()).any(|at| at == literal);
        assert!(has_literal, "{} is not in the match: {}", literal.escape_ascii(), shown());
    }

    let Some(regex) = &known.as_written else { return };
    let theirs = regex.find(text).map(|found| (found.start(), found.end()));
    assert_eq!(span.is_some(), theirs.is_some(), "{}", shown());
    let (Some((from, to)), Some(theirs)) = (span, theirs) else { return };
    // Both are leftmost; the crate's is the first alternative that matches, ours the longest.
    assert!(from == theirs.0 && to >= theirs.1, "{from}-{to}, not {theirs:?}: {}", shown());
    if text.len() <= SHORT_TEXT_BYTES_MAX
        && let Some(whole) = &known.whole
    {
        let longest = (from..=text.len()).rfind(|&to| whole.is_match(&text[from..to]));
        assert_eq!(Some(to), longest, "from {from}: {}", shown());
    }
}

/// A pattern as the `regex` crate reads it, where that is what we read.
struct Known {
    as_written: Option<Regex>,
    /// Matches a text from its beginning to its end. Not there for a pattern with places, to which a part
    /// of a text is another text.
    whole: Option<Regex>,
}

impl Known {
    fn new(pattern: &[u8]) -> Known {
        let build =
            |pattern: &str| RegexBuilder::new(pattern).unicode(false).dot_matches_new_line(true).build().ok();
        let pattern = str::from_utf8(pattern).ok().filter(|pattern| means_the_same(pattern.as_bytes()));
        // By itself first: `a)(b` would pass within parentheses.
        let as_written = pattern.and_then(build);
        let is_movable = |pattern: &&str| as_written.is_some() && !pattern.contains(['^', '$', '<', '>']);
        let whole = pattern.filter(is_movable).and_then(|pattern| build(&format!(r"\A(?:{pattern})\z")));
        Known { as_written, whole }
    }
}

/// Whether `pattern`, which we accept, is written in what is the same in both dialects, as far as a match
/// goes. Says no too often rather than once too few.
fn means_the_same(mut pattern: &[u8]) -> bool {
    // There a quantifier before `?` is lazy; here a quantified place is the place.
    let is_quantifier = |byte: &u8| b"*+?{".contains(byte);
    if pattern.windows(2).any(|pair| match pair {
        [b'*' | b'+' | b'?' | b'}', b'?'] => true,
        [b'^' | b'$' | b'<' | b'>', second] => is_quantifier(second),
        _ => false,
    }) {
        return false;
    }
    loop {
        pattern = match pattern {
            [] => return true,
            [b'\\', byte, rest @ ..] if br"dDwWsS<>.*+?()[]{}|^$\".contains(byte) => rest,
            [b'[', rest @ ..] => {
                let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
                let (inside, rest) = rest.split_at(end);
                let inside = inside.strip_prefix(b"^").unwrap_or(inside);
                let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" ,:-".contains(byte);
                // Two of them can be an operator there.
                let hyphens = inside.iter().filter(|&&byte| byte == b'-').count();
                if inside.is_empty() || !inside.iter().all(is_plain) || hyphens > 1 {
                    return false;
                }
                &rest[1..]
            }
            [byte, rest @ ..]
                if byte.is_ascii_alphanumeric() || b" ,:;-_/=@<>\".()|*+?{}^$".contains(byte) =>
            {
                rest
            }
            _ => return false,
        }
    }
}
