//! What each service's own documentation says of it: the one table of this suite.
//!
//! A service has a row for each format it can be asked in. Nothing here is taken
//! from the code under test: the escaping is undone by [`super::reader`].

mod alertmanager;

use serde_json::{Value, json};

use super::super::http::Method;
use super::reader::{form, in_go, without_entities, without_markdown};
use crate::alert::Priority;

/// In every address and token below, and then in nothing that we say.
pub(super) const SECRET: &str = "s3cr3tS3CR3T";

/// One format of one service.
pub(super) struct Fact {
    /// As in the registry; `n` stands for a number.
    pub(super) name: &'static str,
    /// The least it needs, less the prefix.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// What may stand behind the slash, and has `target-1` in it; nothing if it takes no target.
    pub(super) target: &'static str,
    /// How requests are made.
    pub(super) method: Method,
    /// Where requests go, of the alert of a usual notification.
    pub(super) url: &'static str,
    /// The headers of its own.
    pub(super) headers: Headers,
    /// The body, if it is no JSON, as JSON.
    pub(super) read: fn(&str) -> Value,
    /// Where the text stands in the body (a JSON pointer).
    pub(super) text: &'static str,
    /// The body around an empty text.
    pub(super) body: fn() -> Value,
    /// What is another in the body of this priority; nothing in the normal one's.
    pub(super) priorities: fn(Priority) -> Value,
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

/// What many have in common: no target, a POST of JSON, plain text, a status that tells all.
const USUAL: Fact = Fact {
    name: "",
    environment: &[],
    target: "",
    method: Method::Post,
    url: "",
    headers: &[],
    read: |body| serde_json::from_str(body).unwrap(),
    text: "/text",
    body: || json!({"text": ""}),
    priorities: |_| json!({}),
    shown: str::to_owned,
    limit: None,
    taken: &[(200, "")],
    not_taken: &[],
    slow_down: &[(&[("retry-after", "30")], "", 30.0)],
    error: "@",
};

pub(super) fn all() -> Vec<Fact> {
    let webhooks = [
        telegram(),
        slack(),
        teams(),
        teams_text(),
        discord(),
        discord_slack(),
        generic(),
        generic_template(),
    ];
    webhooks.into_iter().chain([ntfy(), gotify(), pushover(), matrix(), alertmanager::fact()]).collect()
}

/// The formats of the service that the registry calls `name`.
pub(super) fn of(name: &str) -> Vec<Fact> {
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit());
    all().into_iter().filter(|fact| fact.name.trim_end_matches('n') == plain).collect()
}

/// The same, also of one that is not told over HTTP: then only what is said of its setup holds.
pub(super) fn of_any(name: &str) -> Vec<Fact> {
    let others = [email(), simplex()].into_iter().filter(|fact| fact.name == name);
    of(name).into_iter().chain(others).collect()
}

fn email() -> Fact {
    Fact {
        name: "Email",
        environment: &[
            ("URL", "smtps://me%40mail.example:s3cr3tS3CR3T@mail.example:465"),
            ("FROM", "The router <alertik@mail.example>"),
            ("TO", "ann@mail.example, bob@mail.example"),
        ],
        target: "target-1@mail.example",
        ..USUAL
    }
}

fn simplex() -> Fact {
    Fact {
        name: "SimpleX",
        environment: &[
            ("URL", "wss://me:s3cr3tS3CR3T@chat.example/"),
            ("TO", "#ops room"),
            ("LINK", "https://smp.example/g#s3cr3tS3CR3T simplex:/contact#/?v=2&s3cr3tS3CR3T"),
        ],
        target: "#target-1",
        ..USUAL
    }
}

fn telegram() -> Fact {
    Fact {
        name: "Telegram",
        environment: &[("BOT_TOKEN", "123456789:s3cr3tS3CR3T-_AbCdEf"), ("CHAT_ID", "-1001")],
        target: "target-1",
        url: "https://api.telegram.org/bot123456789:s3cr3tS3CR3T-_AbCdEf/sendMessage",
        text: "/text",
        priorities: |priority| match priority {
            Priority::Low => json!({"disable_notification": true}),
            _ => json!({}),
        },
        // No parse_mode, so that nothing in the text is live; no preview, so that nothing is fetched.
        body: || json!({"chat_id": "-1001", "text": "", "link_preview_options": {"is_disabled": true}}),
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
        ..USUAL
    }
}

fn slack() -> Fact {
    Fact {
        name: "Slack",
        environment: &[("WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/s3cr3tS3CR3T")],
        url: "https://hooks.slack.com/services/T0/B0/s3cr3tS3CR3T",
        shown: without_entities,
        limit: Some(Limit { max: 40_000, count: |_, text| text.chars().count() }),
        taken: &[(200, "ok")],
        not_taken: &[(200, ""), (200, "no"), (200, "<html>ok</html>"), (200, "okay")],
        ..USUAL
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
        error: r#"{"error":{"code":"x","message":"@"}}"#,
        ..USUAL
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
        // Flag 4096 is silence.
        priorities: |priority| match priority {
            Priority::Low => json!({"flags": 4100}),
            _ => json!({}),
        },
        limit: Some(Limit { max: 2000, count: |_, text| text.chars().count() }),
        taken: &[(200, r#"{"id":"1"}"#), (204, "")],
        slow_down: &[
            (&[], r#"{"message":"slow","retry_after":0.65,"global":false}"#, 0.65),
            (&[("retry-after", "1")], r#"{"retry_after":0.65}"#, 0.65),
            (&[("retry-after", "1")], r#"{"retry_after":"soon"}"#, 1.0),
        ],
        error: r#"{"message":"@","code":50006}"#,
        ..USUAL
    }
}

fn discord_slack() -> Fact {
    Fact {
        environment: &[("WEBHOOK_URL", "https://discord.com/api/webhooks/1/s3cr3tS3CR3T/slack")],
        url: "https://discord.com/api/webhooks/1/s3cr3tS3CR3T/slack",
        text: "/text",
        body: || json!({"text": ""}),
        priorities: |_| json!({}),
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
        taken: &[(200, ""), (200, "no"), (201, ""), (202, ""), (204, ""), (299, "")],
        ..USUAL
    }
}

/// All its variables at once: a template with a token in it, a header of its own, and a signature.
fn generic_template() -> Fact {
    Fact {
        environment: &[
            ("WEBHOOK_URL", "http://user:pass-s3cr3tS3CR3T@127.0.0.1:8080/hook/s3cr3tS3CR3T"),
            (
                "BODY",
                r#"{"token":"body-s3cr3tS3CR3T","from":"@{title}","n":@{count},"parts":[{"@{rule}":"@{text}"}],"how":"@{priority}"}"#,
            ),
            ("HEADERS", r#"{"Authorization":"Bearer head-s3cr3tS3CR3T","Content-Type":"application/json"}"#),
            ("METHOD", "PUT"),
            ("SECRET", "sign-s3cr3tS3CR3T"),
        ],
        method: Method::Put,
        headers: &[("Authorization", "Bearer head-s3cr3tS3CR3T"), ("Content-Type", "application/json")],
        text: "/parts/0/",
        body: || json!({"token": "body-s3cr3tS3CR3T", "from": "alertik", "n": 0, "parts": [{"": ""}], "how": "normal"}),
        priorities: |priority| json!({"how": (["low", "normal", "high", "urgent"][priority as usize])}),
        ..generic()
    }
}

fn ntfy() -> Fact {
    Fact {
        name: "Ntfy",
        environment: &[("TOPIC", "s3cr3tS3CR3T-topic_1"), ("TOKEN", "tk_s3cr3tS3CR3T")],
        target: "target-1",
        // To the root: the same JSON put to a topic would be the text that is shown.
        url: "https://ntfy.sh/",
        headers: &[("authorization", "Bearer tk_s3cr3tS3CR3T")],
        text: "/message",
        // No "markdown", so that nothing in the text is live.
        body: || json!({"topic": "s3cr3tS3CR3T-topic_1", "message": "", "priority": 3}),
        priorities: |priority| json!({"priority": ([2, 3, 4, 5][priority as usize])}),
        // A message of 4,096 bytes is an attachment; a body of 8,192 is refused.
        limit: Some(Limit { max: 4095, count: |body, text| text.len().max(body.len().div_ceil(2)) }),
        taken: &[(200, r#"{"id":"x","time":1,"event":"message","topic":"t","message":"m"}"#)],
        not_taken: &[(200, ""), (200, "<html>ntfy</html>"), (200, r#"{"health":true}"#)],
        slow_down: &[
            (&[("retry-after", "30")], r#"{"code":42901,"http":429,"error":"limit reached"}"#, 30.0),
            (&[], r#"{"code":42908,"http":429,"error":"daily message quota reached"}"#, 3600.0),
        ],
        error: r#"{"code":40001,"http":400,"error":"@","link":"https://ntfy.sh/docs"}"#,
        ..USUAL
    }
}

fn gotify() -> Fact {
    Fact {
        name: "Gotify",
        environment: &[("URL", "https://push.example/gotify/"), ("TOKEN", "As3cr3tS3CR3T._-")],
        url: "https://push.example/gotify/message",
        headers: &[("x-gotify-key", "As3cr3tS3CR3T._-")],
        text: "/message",
        // No "extras", so that the text is plain.
        body: || json!({"message": "", "priority": 5}),
        priorities: |priority| json!({"priority": ([2, 5, 8, 10][priority as usize])}),
        // Its answer repeats the text, escaped as Go does, and must fit into what is read of one.
        limit: Some(Limit { max: (64 << 10) - 300, count: |_, text| text.chars().map(in_go).sum() }),
        taken: &[(200, r#"{"id":25,"appid":1,"message":"m","title":"t","priority":5,"date":"d"}"#)],
        not_taken: &[(200, ""), (200, "<html>Gotify</html>"), (200, r#"{"health":"green"}"#)],
        error: r#"{"error":"Bad Request","errorCode":400,"errorDescription":"@"}"#,
        ..USUAL
    }
}

fn pushover() -> Fact {
    Fact {
        name: "Pushover",
        environment: &[("TOKEN", "as3cr3tS3CR3T"), ("USER", "us3cr3tS3CR3T")],
        url: "https://api.pushover.net/1/messages.json",
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        read: form,
        text: "/message",
        // No "html", so that the text is plain.
        body: || json!({"token": "as3cr3tS3CR3T", "user": "us3cr3tS3CR3T", "message": "", "priority": "0"}),
        priorities: |priority| match priority {
            Priority::Low => json!({"priority": "-1"}),
            Priority::Normal => json!({}),
            Priority::High => json!({"priority": "1"}),
            // Until somebody says that it was seen.
            Priority::Urgent => json!({"priority": "2", "retry": "300", "expire": "3600"}),
        },
        limit: Some(Limit { max: 1024, count: |_, text| text.chars().count() }),
        taken: &[(200, r#"{"status":1,"request":"r"}"#)],
        not_taken: &[(200, ""), (200, r#"{"status":0,"request":"r"}"#), (200, "<html>1</html>")],
        slow_down: &[
            (&[("retry-after", "30")], "", 30.0),
            (&[("x-limit-app-remaining", "0")], r#"{"errors":["over quota"],"status":0}"#, 3600.0),
        ],
        error: r#"{"message":"cannot be blank","errors":["@"],"status":0,"request":"r"}"#,
        ..USUAL
    }
}

fn matrix() -> Fact {
    Fact {
        name: "Matrix",
        environment: &[
            ("URL", "https://matrix.example"),
            ("TOKEN", "syt_s3cr3tS3CR3T_1"),
            ("ROOM", "!aB/c:matrix.example"),
        ],
        target: "!target-1:matrix.example",
        method: Method::Put,
        // The alert and the room are the transaction, whatever the text is.
        url: "https://matrix.example/_matrix/client/v3/rooms/%21aB%2Fc%3Amatrix.example/send/m.room.message/\
              0123456789abcdef-%21aB%2Fc%3Amatrix.example",
        headers: &[("authorization", "Bearer syt_s3cr3tS3CR3T_1")],
        text: "/body",
        // No "formatted_body", so that the text is plain; and whoever is named in it is not called.
        body: || json!({"msgtype": "m.text", "body": "", "m.mentions": {}}),
        priorities: |priority| match priority {
            Priority::Low => json!({"msgtype": "m.notice"}),
            _ => json!({}),
        },
        // The whole event has 64 KiB; the homeserver's part of it at most 4.
        limit: Some(Limit { max: 60 << 10, count: |body, _| body.len() }),
        taken: &[(200, r#"{"event_id":"$x"}"#)],
        not_taken: &[(200, ""), (200, "{}"), (200, "<html>Synapse</html>")],
        slow_down: &[
            (&[], r#"{"errcode":"M_LIMIT_EXCEEDED","error":"slow","retry_after_ms":2500}"#, 2.5),
            (&[("retry-after", "9")], r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}"#, 9.0),
            (&[("retry-after", "9")], "", 9.0),
        ],
        error: r#"{"errcode":"M_BAD_JSON","error":"@"}"#,
        ..USUAL
    }
}
