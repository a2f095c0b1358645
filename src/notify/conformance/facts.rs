//! What each service's own documentation says of it: the one table of this suite.
//!
//! A service has a row for each format it can be asked in. Nothing here is taken
//! from the code under test: the escaping is undone as a reader of the service
//! would, and a character that would be live there is a failure.

use serde_json::{Value, json};

/// In every address and token below, and then in nothing that we say.
pub(super) const SECRET: &str = "s3cr3tS3CR3T";

/// One format of one service.
pub(super) struct Fact {
    /// As in the registry; `n` stands for a number.
    pub(super) name: &'static str,
    /// The least it needs, less the prefix.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Where requests go.
    pub(super) url: &'static str,
    /// Where the text stands in the body (a JSON pointer).
    pub(super) text: &'static str,
    /// The body around an empty text.
    pub(super) body: fn() -> Value,
    /// What a reader sees of a text; fails on whatever else it would do.
    pub(super) shown: fn(&str) -> String,
    /// The longest, as the service counts it: from the whole body and the text.
    pub(super) limit: Option<Limit>,
    /// Answers (status, body) with which it takes a text.
    pub(super) taken: &'static [(u16, &'static str)],
    /// Answers that look like it, and do not mean it.
    pub(super) not_taken: &'static [(u16, &'static str)],
    /// Answers to 429 (headers, body) and the seconds that are asked for.
    pub(super) slow_down: &'static [(Headers, &'static str, f64)],
    /// An error in its own format; `@` is where it says what is wrong.
    pub(super) error: &'static str,
}

pub(super) type Headers = &'static [(&'static str, &'static str)];

pub(super) struct Limit {
    pub(super) max: usize,
    pub(super) count: fn(&str, &str) -> usize,
}

pub(super) fn all() -> Vec<Fact> {
    vec![
        telegram(),
        slack(),
        teams(),
        teams_text(),
        discord(),
        discord_slack(),
        generic(),
        generic_template(),
    ]
}

/// The formats of the service that the registry calls `name`.
pub(super) fn of(name: &str) -> Vec<Fact> {
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit());
    all().into_iter().filter(|fact| fact.name.trim_end_matches('n') == plain).collect()
}

fn telegram() -> Fact {
    Fact {
        name: "Telegram",
        environment: &[("BOT_TOKEN", "123456789:s3cr3tS3CR3T-_AbCdEf"), ("CHAT_ID", "-1001")],
        url: "https://api.telegram.org/bot123456789:s3cr3tS3CR3T-_AbCdEf/sendMessage",
        text: "/text",
        // No parse_mode, so that nothing in the text is live; no preview, so that nothing is fetched.
        body: || json!({"chat_id": "-1001", "text": "", "link_preview_options": {"is_disabled": true}}),
        shown: str::to_owned,
        limit: Some(Limit { max: 4096, count: |_, text| text.encode_utf16().count() }),
        taken: &[(200, r#"{"ok":true,"result":{"message_id":1}}"#)],
        not_taken: &[
            (200, r#"{"ok":false}"#),
            (200, ""),
            (200, "<html>ok</html>"),
            (200, r#"{"ok":"true"}"#),
        ],
        slow_down: &[
            (&[], r#"{"ok":false,"error_code":429,"parameters":{"retry_after":7}}"#, 7.0),
            (&[("retry-after", "9")], r#"{"ok":false,"parameters":{"retry_after":7}}"#, 7.0),
            (&[("retry-after", "9")], r#"{"ok":false,"parameters":{"retry_after":-7}}"#, 9.0),
        ],
        error: r#"{"ok":false,"error_code":400,"description":"@"}"#,
    }
}

fn slack() -> Fact {
    Fact {
        name: "Slack",
        environment: &[("WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/s3cr3tS3CR3T")],
        url: "https://hooks.slack.com/services/T0/B0/s3cr3tS3CR3T",
        text: "/text",
        body: || json!({"text": ""}),
        shown: without_entities,
        limit: Some(Limit { max: 40_000, count: |_, text| text.chars().count() }),
        taken: &[(200, "ok")],
        not_taken: &[(200, ""), (200, "no"), (200, "<html>ok</html>"), (200, "okay")],
        slow_down: &[(&[("retry-after", "30")], "", 30.0)],
        error: "@",
    }
}

fn teams() -> Fact {
    Fact {
        name: "Teams",
        environment: &[("WEBHOOK_URL", "https://a.example/workflows/1/run?sp=%2Frun&sig=s3cr3tS3CR3T")],
        url: "https://a.example/workflows/1/run?sp=%2Frun&sig=s3cr3tS3CR3T",
        text: "/attachments/0/content/body/0/text",
        body: || {
            json!({"type": "message", "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.2",
                    "body": [{"type": "TextBlock", "text": "", "wrap": true}],
                },
            }]})
        },
        shown: without_markdown,
        limit: Some(Limit { max: 28_000, count: |body, _| body.len() }),
        taken: &[(202, ""), (200, ""), (200, "1")],
        not_taken: &[],
        slow_down: &[(&[("retry-after", "30")], "", 30.0)],
        error: r#"{"error":{"code":"x","message":"@"}}"#,
    }
}

fn teams_text() -> Fact {
    Fact {
        environment: &[
            ("WEBHOOK_URL", "https://a.example/workflows/1/run?sp=%2Frun&sig=s3cr3tS3CR3T"),
            ("FORMAT", "text"),
        ],
        text: "/text",
        body: || json!({"text": ""}),
        shown: str::to_owned,
        ..teams()
    }
}

fn discord() -> Fact {
    Fact {
        name: "Discord",
        environment: &[("WEBHOOK_URL", "https://discord.com/api/webhooks/1/s3cr3tS3CR3T?thread_id=2")],
        url: "https://discord.com/api/webhooks/1/s3cr3tS3CR3T?thread_id=2&wait=true",
        text: "/content",
        // No mention is honoured, and no URL fetched (flag 4).
        body: || json!({"content": "", "allowed_mentions": {"parse": []}, "flags": 4}),
        shown: str::to_owned,
        limit: Some(Limit { max: 2000, count: |_, text| text.chars().count() }),
        taken: &[(200, r#"{"id":"1"}"#), (204, "")],
        not_taken: &[],
        slow_down: &[
            (&[], r#"{"message":"slow","retry_after":0.65,"global":false}"#, 0.65),
            (&[("retry-after", "1")], r#"{"retry_after":0.65}"#, 0.65),
            (&[("retry-after", "1")], r#"{"retry_after":"soon"}"#, 1.0),
        ],
        error: r#"{"message":"@","code":50006}"#,
    }
}

fn discord_slack() -> Fact {
    Fact {
        environment: &[("WEBHOOK_URL", "https://discord.com/api/webhooks/1/s3cr3tS3CR3T/slack")],
        url: "https://discord.com/api/webhooks/1/s3cr3tS3CR3T/slack",
        text: "/text",
        body: || json!({"text": ""}),
        shown: without_entities,
        taken: &[(200, "ok")],
        ..discord()
    }
}

fn generic() -> Fact {
    Fact {
        name: "Genericn",
        environment: &[("WEBHOOK_URL", "http://user:pass-s3cr3tS3CR3T@127.0.0.1:8080/hook/s3cr3tS3CR3T")],
        url: "http://user:pass-s3cr3tS3CR3T@127.0.0.1:8080/hook/s3cr3tS3CR3T",
        text: "/text",
        body: || json!({"text": ""}),
        shown: str::to_owned,
        limit: None,
        taken: &[(200, ""), (200, "no"), (201, ""), (202, ""), (204, ""), (299, "")],
        not_taken: &[],
        slow_down: &[(&[("retry-after", "30")], "", 30.0)],
        error: "@",
    }
}

/// All its variables at once: a template with a token in it, a header of its own, and a signature.
fn generic_template() -> Fact {
    Fact {
        environment: &[
            ("WEBHOOK_URL", "http://user:pass-s3cr3tS3CR3T@127.0.0.1:8080/hook/s3cr3tS3CR3T"),
            (
                "BODY",
                r#"{"token":"body-s3cr3tS3CR3T","from":"@{title}","n":@{count},"parts":[{"@{rule}":"@{text}"}]}"#,
            ),
            ("HEADERS", r#"{"Authorization":"Bearer head-s3cr3tS3CR3T","Content-Type":"application/json"}"#),
            ("METHOD", "PUT"),
            ("SECRET", "sign-s3cr3tS3CR3T"),
        ],
        text: "/parts/0/",
        body: || json!({"token": "body-s3cr3tS3CR3T", "from": "alertik", "n": 0, "parts": [{"": ""}]}),
        ..generic()
    }
}

/// Slack knows three entities; any other `<`, `>` or `&` is the beginning of something live.
fn without_entities(text: &str) -> String {
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
fn without_markdown(text: &str) -> String {
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
