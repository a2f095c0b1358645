//! Microsoft Teams, by a Workflows webhook that takes an adaptive card.
//!
//! Office 365 connectors and their `{"text"}` are gone; `TEAMS_FORMAT=text` is
//! for self-hosted receivers that still want it. Markdown in a card's text is
//! live (`[x](http://…)` becomes a link), so it is escaped. 202 only says that
//! the flow was started, which the test command tells the user.
//!
//! An encrypted text is a `TextRun`, in which no Markdown is read (microsoft/AdaptiveCards 2669)
//! and a line feed is a line break: whoever copies it must get its lines as they were,
//! where a `TextBlock` shows paragraphs, with or without blank lines between, by client.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{OverHttp, Request, Service, Url};
use super::{Entry, Notification, Notifier, Opening, json_bytes};
use crate::vars::{Faults, shown};

pub(super) const ENTRY: Entry = Entry {
    name: "Teams",
    prefix: "TEAMS_",
    required: &["WEBHOOK_URL"],
    optional: &["FORMAT"],
    takes_target: false,
    open,
};

/// Bytes of text, once escaped for Markdown and JSON: a card may have about
/// 28 KB in all, and the rest of ours has 300 bytes.
const TEXT_BYTES_MAX: usize = 24_000;

/// A line of an armored file has 65 characters with its line feed, and 66 bytes in JSON.
const ARMOR_CHARS_MAX: usize = TEXT_BYTES_MAX / 66 * 65;

#[derive(Deserialize, Default)]
struct Variables {
    webhook_url: Option<String>,
    format: Option<String>,
}

struct Teams {
    url: Url,
    format: Format,
    is_encrypted: bool,
}

enum Format {
    Card,
    Text,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { webhook_url, format } = opening.vars.section(opening.entry.prefix);
    let format = match format.as_deref() {
        None | Some("card") => Some(Format::Card),
        Some("text") => Some(Format::Text),
        Some(other) => {
            faults.fault(format!(
                "{}: {} is not a format (expected card or text)",
                opening.variable("FORMAT"),
                shown(other)
            ));
            None
        }
    };
    let url = opening.url("WEBHOOK_URL", webhook_url, faults);
    let service = Teams { url: url?, format: format?, is_encrypted: opening.is_encrypted };
    Some(Box::new(OverHttp { service, client: opening.client.clone() }))
}

impl Service for Teams {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let body = match self.format {
            Format::Card if self.is_encrypted => {
                let run = json!({"type": "TextRun", "text": notification.whole(), "fontType": "Monospace"});
                card(&json!({"type": "RichTextBlock", "inlines": [run]}))
            }
            Format::Card => {
                let text = markdown(&notification.within(TEXT_BYTES_MAX, cost));
                card(&json!({"type": "TextBlock", "text": text, "wrap": true}))
            }
            Format::Text if self.is_encrypted => json!({ "text": notification.whole() }),
            Format::Text => json!({ "text": notification.within(TEXT_BYTES_MAX, cost) }),
        };
        Request::post_json(self.url.clone(), &body)
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(ARMOR_CHARS_MAX)
    }

    fn doubt(&self) -> Option<&'static str> {
        Some("Teams only says that the flow was started: look whether the card has arrived")
    }
}

fn card(element: &Value) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": [element],
            },
        }],
    })
}

/// The text as Markdown that shows it as it is. One line feed is no line break there.
///
/// A backslash stands only where something would be live without it: on some
/// phones Teams shows the backslash too (microsoft/AdaptiveCards 5590), and an
/// address must not read `192\.168\.88\.17` there.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    let mut last = '\n';
    // Lists and headings begin where there are only blanks before them in the line.
    let (mut at_start, mut in_number) = (true, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or('\n');
        let is_live = match c {
            '\\' | '`' | '*' | '~' | '[' | ']' | '<' => true,
            // Within a word it is no emphasis.
            '_' => !(last.is_alphanumeric() && next.is_alphanumeric()),
            // Phones see a link in spite of the backslash before its bracket, but not here.
            '(' => last == ']',
            '&' => next == '#' || next.is_ascii_alphanumeric(),
            '#' | '+' | '-' | '>' => at_start,
            '.' | ')' => in_number && next.is_whitespace(),
            _ => false,
        };
        if is_live {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '\n' {
            escaped.push(c);
        }
        in_number = c.is_ascii_digit() && (at_start || in_number);
        at_start = matches!(c, '\n' | '\r') || at_start && c.is_whitespace();
        last = c;
    }
    escaped
}

/// What a character needs at most: a backslash, doubled by JSON, and itself.
fn cost(c: char) -> usize {
    match c {
        '\n' => 2 * json_bytes(c),
        c if c.is_ascii_punctuation() => 2 + json_bytes(c),
        c => json_bytes(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_stands_only_where_it_must() {
        for (text, expected) in [
            (
                "from 192.168.88.17 (a-b), ether1_lan: 2026-11-21",
                "from 192.168.88.17 (a-b), ether1_lan: 2026-11-21",
            ),
            ("[x](http://e.vil) (y)", r"\[x\]\(http://e.vil) (y)"),
            ("*a* _b_ __c `d` ~~e~~", r"\*a\* \_b\_ \_\_c \`d\` \~\~e\~\~"),
            ("<http://e.vil> a > b", r"\<http://e.vil> a > b"),
            ("AT&T &amp; &#60; & b\\", r"AT\&T \&amp; \&#60; & b\\"),
            ("# a\n  - b\n+c\n> d - e", "\\# a\n\n  \\- b\n\n\\+c\n\n\\> d - e"),
            ("a\r- b", "a\r\\- b"),
            ("1. a\n 2) b 3. c\n1.2 d\n4.", "1\\. a\n\n 2\\) b 3. c\n\n1.2 d\n\n4\\."),
        ] {
            assert_eq!(markdown(text), expected);
        }
    }
}
