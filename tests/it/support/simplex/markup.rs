//! What SimpleX's apps make of a text: which parts are not shown as they are.
//!
//! The grammar is that of simplex-chat (`src/Simplex/Chat/Markdown.hs`, the parser `markdownP`), and recorded
//! messages are compared with it. A *fragment* begins at a line's start, after blanks, and where another fragment
//! ends; a word, which is most of a line, ends at the next blank. So a mark inside a word is a mark and no more,
//! but behind a telephone number, which `192.168.88.17` is too, it is live. Links that say where they go are left
//! out: they show the text as it is.

use serde_json::{Value, json};

/// A piece of a text, and how it is shown, if not as it is.
#[derive(Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) format: Option<Value>,
    pub(crate) text: String,
}

/// What hides, colours, or turns into something else in `text`: the names of the formats.
pub(crate) fn live(text: &str) -> Vec<String> {
    let names = |piece: Piece| piece.format.map(|format| format["type"].as_str().unwrap().to_owned());
    pieces(text).into_iter().filter_map(names).filter(|name| name != "phone").collect()
}

/// The field `formattedText`, which there is only if anything is formatted.
pub(super) fn formatted_text(text: &str) -> Option<Value> {
    let pieces = pieces(text);
    let show = |piece: Piece| match piece.format {
        Some(format) => json!({"format": format, "text": piece.text}),
        None => json!({"text": piece.text}),
    };
    let is_formatted = pieces.iter().any(|piece| piece.format.is_some());
    is_formatted.then(|| pieces.into_iter().map(show).collect())
}

/// The pieces of `text`, neighbours of one format in one.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let lines: Vec<&str> = text.lines().collect();
    if let [line] = *lines
        && let Some(command) = line.trim_start_matches(' ').strip_prefix('/')
        && !command.is_empty()
    {
        // One line that begins like a command is one, to its end.
        return vec![Piece { format: Some(named("command")), text: line.to_owned() }];
    }
    let mut all: Vec<Piece> = Vec::new();
    let mut add = |format: Option<Value>, text: &str| match all.last_mut() {
        Some(last) if last.format == format => last.text += text,
        _ if text.is_empty() => {}
        _ => all.push(Piece { format, text: text.to_owned() }),
    };
    for (number, line) in lines.iter().enumerate() {
        add(None, if number > 0 { "\n" } else { "" });
        let mut rest = *line;
        while !rest.is_empty() {
            let (format, shown, length) = fragment(rest);
            add(format, &shown);
            rest = &rest[length..];
        }
    }
    all
}

fn named(format: &str) -> Value {
    json!({"type": format})
}

/// What a fragment is, what of it is shown, and how many bytes of the text it is.
type Fragment = (Option<Value>, String, usize);

fn fragment(rest: &str) -> Fragment {
    let first = rest.chars().next().unwrap();
    let special = match first {
        ' ' => {
            let length = rest.len() - rest.trim_start_matches(' ').len();
            Some((None, rest[..length].to_owned(), length))
        }
        '*' => Some(paired(rest, '*', "bold")),
        '_' => Some(paired(rest, '_', "italic")),
        '~' => Some(paired(rest, '~', "strikeThrough")),
        '`' => Some(paired(rest, '`', "snippet")),
        '#' => Some(secret(rest)),
        '!' => coloured(rest),
        '@' => prefixed(rest, "mention"),
        '/' => prefixed(rest, "command"),
        '[' => link(rest),
        '+' | '0'..='9' => phone(rest),
        _ => None,
    };
    special.unwrap_or_else(|| {
        let length = rest.find(' ').unwrap_or(rest.len());
        (None, rest[..length].to_owned(), length)
    })
}

/// Neither empty nor with a blank at an end, which makes it plain text.
fn is_shown(inner: &str) -> bool {
    !inner.is_empty() && !inner.starts_with(' ') && !inner.ends_with(' ')
}

fn paired(rest: &str, mark: char, format: &str) -> Fragment {
    match rest[1..].find(mark) {
        // Nothing behind a mark without its second can be live.
        None => (None, rest.to_owned(), rest.len()),
        Some(end) => {
            let (inner, length) = (&rest[1..=end], end + 2);
            match is_shown(inner) {
                true => (Some(named(format)), inner.to_owned(), length),
                false => (None, rest[..length].to_owned(), length),
            }
        }
    }
}

fn secret(rest: &str) -> Fragment {
    let opening = rest.len() - rest.trim_start_matches('#').len();
    let inner_length = rest[opening..].find('#').unwrap_or(rest.len() - opening);
    let inner = &rest[opening..opening + inner_length];
    let behind = &rest[opening + inner_length..];
    let closing = behind.len() - behind.trim_start_matches('#').len();
    let length = opening + inner_length + closing;
    match closing > 0 && is_shown(inner) {
        true => (Some(named("secret")), rest[1..length - 1].to_owned(), length),
        false => (None, rest[..length].to_owned(), length),
    }
}

/// By number, letter or name.
const COLOURS: [(&str, &str); 6] =
    [("1", "red"), ("2", "green"), ("3", "blue"), ("4", "yellow"), ("5", "cyan"), ("6", "magenta")];

fn coloured(rest: &str) -> Option<Fragment> {
    let (word, inner) = rest[1..].split_once(' ')?;
    let is_it = |(digit, name): &&(&str, &str)| word == *digit || word == *name || word == &name[..1];
    let (_, colour) = COLOURS.iter().find(is_it)?;
    let end = inner.find('!')?;
    let inner = &inner[..end];
    is_shown(inner).then(|| {
        let length = 1 + word.len() + 1 + end + 1;
        (Some(json!({"type": "colored", "color": colour})), inner.to_owned(), length)
    })
}

fn prefixed(rest: &str, format: &str) -> Option<Fragment> {
    let length = rest.find(' ').unwrap_or(rest.len());
    let is_name = rest[1..length].chars().next().is_some_and(|c| c > ' ' && c != '#' && c != '@');
    is_name.then(|| (Some(named(format)), rest[..length].to_owned(), length))
}

/// `[text](https://…)`, which hides where it goes.
fn link(rest: &str) -> Option<Fragment> {
    let (text, behind) = rest[1..].split_once(']')?;
    let (target, _) = behind.strip_prefix('(')?.split_once(')')?;
    let host = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"))?;
    let is_mark = |c: char| c.is_ascii_punctuation() && c != '-' && c != '_';
    let is_honest = !text.contains(is_mark) || text == target || text == host;
    let length = 1 + text.len() + 2 + target.len() + 1;
    (!text.is_empty() && host.contains('.') && is_honest)
        .then(|| (Some(named("hyperLink")), rest[..length].to_owned(), length))
}

/// 7 to 22 characters: digits with single blanks, dashes or dots between them.
fn phone(rest: &str) -> Option<Fragment> {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let separator = |from: usize| usize::from(rest[from..].starts_with([' ', '-', '.']));
    let mut length = 0;
    if rest.starts_with('+') {
        length = 1 + digits(1);
        if length == 1 {
            return None;
        }
    }
    let open = length + separator(length);
    if let Some(code) = rest[open..].strip_prefix('(') {
        let count = digits(open + 1);
        if count > 0 && code[count..].starts_with(')') {
            length = open + count + 2;
        }
    }
    loop {
        let start = length + separator(length);
        match digits(start) {
            0 => break,
            count => length = start + count,
        }
    }
    (7..=22).contains(&length).then(|| (Some(named("phone")), rest[..length].to_owned(), length))
}

mod tests {
    use super::super::frames::Shape;
    use super::*;

    #[test]
    fn recorded_texts_are_formatted_as_recorded() {
        for name in ["cmd_send_group", "cmd_send_group_markdown"] {
            let recorded = Shape::V6_5.recorded(&[name]);
            let item = &recorded["chatItems"][0]["chatItem"];
            let text = item["meta"]["itemText"].as_str().unwrap();
            // Links and addresses are shown as they are: we do not tell them from other text.
            let mut expected: Vec<Piece> = Vec::new();
            for piece in item["formattedText"].as_array().unwrap() {
                let is_plain = ["uri", "email"].iter().any(|name| piece["format"]["type"] == **name);
                let format = piece.get("format").filter(|_| !is_plain).cloned();
                let text = piece["text"].as_str().unwrap();
                match expected.last_mut() {
                    Some(last) if last.format == format => last.text += text,
                    _ => expected.push(Piece { format, text: text.to_owned() }),
                }
            }
            assert_eq!(pieces(text), expected);
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(live(text), expected, "{text:?}: {:?}", pieces(text));
    }

    #[test]
    fn a_mark_is_live_where_a_fragment_begins() {
        check("login failure for user admin", &[]);
        check("a *b* c", &["bold"]);
        check("a*b* c", &[]);
        check("*b*#c#", &["bold", "secret"]);
        check("one\n_two_", &["italic"]);
        check("\u{200b}*b* and \u{200b}#c#", &[]);
        check("* b* ~ c~", &[]);
        check("##two##", &["secret"]);
        check("!1 red! !g green! !x no!", &["colored", "colored"]);
        check("@ann hello", &["mention"]);
        check("/stop it", &["command"]);
        check("one\n/two", &["command"]);
        check("see [here](https://example.org)", &["hyperLink"]);
        check("see [a.b](https://example.org)", &[]);
    }

    #[test]
    fn behind_a_telephone_number_a_mark_is_live() {
        check("from 192.168.88.17 via ssh", &[]);
        check("from 192.168.88.17#hidden#", &["secret"]);
        check("port 22#shown#", &[]);
        check("+1 (202) 555-0100*b*", &["bold"]);
        check("1234567\u{200b}*b*", &[]);
    }
}
