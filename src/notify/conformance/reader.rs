//! How what is sent looks to whoever reads it: escapes undone, and what is live refused.

use serde_json::Value;

/// A form as a JSON object.
pub(super) fn form(body: &str) -> Value {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let (byte, used) = match first {
                b'%' => (u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap(), 3),
                // In a form that is a blank.
                b'+' => (b' ', 1),
                byte => (*byte, 1),
            };
            bytes.push(byte);
            rest = &rest[used..];
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = body.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), Value::from(decoded(value)))).collect()
}

/// Bytes of a character in JSON as Go writes it, unless told otherwise.
pub(super) fn in_go(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        c => c.len_utf8(),
    }
}

/// Slack knows three entities; any other `<`, `>` or `&` is the beginning of something live.
pub(super) fn without_entities(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let entity = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
            .into_iter()
            .find(|(entity, _)| rest.starts_with(entity));
        assert!(entity.is_some() || !"&<>".contains(c), "{c} is live in {rest:.60}");
        let (used, c) = entity.map_or((c.len_utf8(), c), |(entity, c)| (entity.len(), c));
        shown.push(c);
        rest = &rest[used..];
    }
    shown
}

/// Markdown as CommonMark reads it: a backslash takes the next character's
/// meaning away, and a single line feed is none.
pub(super) fn without_markdown(text: &str) -> String {
    let mut shown = String::new();
    let mut chars = text.chars().peekable();
    // Since the line's beginning, escapes included.
    let mut line = String::new();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let in_word = shown.ends_with(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric);
        let is_live = match c {
            '`' | '*' | '~' | '[' | ']' | '<' => true,
            '_' => !in_word,
            '(' => shown.ends_with(']'),
            '&' => next.is_some_and(|next| next == '#' || next.is_ascii_alphabetic()),
            '#' | '+' | '-' | '>' => line.trim().is_empty(),
            '.' | ')' => {
                let number = line.trim();
                !number.is_empty()
                    && number.chars().all(|c| c.is_ascii_digit())
                    && next.is_none_or(char::is_whitespace)
            }
            _ => false,
        };
        assert!(!is_live, "{c} is live behind {line}");
        line.push(c);
        match c {
            '\\' => {
                let escaped = chars.next().filter(char::is_ascii_punctuation);
                shown.push(escaped.expect("a backslash before what it does not escape"));
            }
            '\n' => {
                assert_eq!(chars.next(), Some('\n'), "a single line feed is no line break");
                shown.push('\n');
                line.clear();
            }
            '\r' => {
                shown.push('\r');
                line.clear();
            }
            c => shown.push(c),
        }
    }
    shown
}
