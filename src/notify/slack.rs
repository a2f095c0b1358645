//! Slack, by an incoming webhook.
//!
//! Exactly `&`, `<` and `>` are escaped, which also disarms `<!channel>` and
//! links forged in a log line.

use serde::Deserialize;
use serde_json::json;

use super::http::{Answer, OverHttp, Request, Service, Url, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome};
use crate::vars::Faults;

pub(super) const ENTRY: Entry = Entry {
    name: "Slack",
    prefix: "SLACK_",
    required: &["WEBHOOK_URL"],
    optional: &[],
    takes_target: false,
    open,
};

/// Characters, once escaped.
const TEXT_CHARS_MAX: usize = 40_000;

#[derive(Deserialize, Default)]
struct Variables {
    webhook_url: Option<String>,
}

struct Slack {
    url: Url,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { webhook_url } = opening.vars.section(opening.entry.prefix);
    let url = opening.url("WEBHOOK_URL", webhook_url, faults)?;
    Some(Box::new(OverHttp { service: Slack { url }, client: opening.client.clone() }))
}

/// The body for Slack's format, which Discord understands behind `/slack`.
pub(super) fn body(notification: &Notification<'_>, chars_max: usize) -> serde_json::Value {
    let text = notification.within(chars_max, |c| escape(c).map_or(1, str::len));
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match escape(c) {
            Some(entity) => escaped.push_str(entity),
            None => escaped.push(c),
        }
    }
    json!({ "text": escaped })
}

fn escape(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

impl Service for Slack {
    fn request(&self, notification: &Notification<'_>) -> Request {
        Request::post_json(self.url.clone(), &body(notification, TEXT_CHARS_MAX))
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(TEXT_CHARS_MAX)
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        match policy::judge(answer) {
            Outcome::Delivered { .. } if answer.body.trim_ascii() != b"ok" => {
                Outcome::Failed { reason: format!("{} without ok", answer.status) }
            }
            outcome => outcome,
        }
    }
}
