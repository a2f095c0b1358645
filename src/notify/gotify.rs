//! Gotify, by the message API of an application.
//!
//! Without `extras` a client shows a message as plain text, so nothing in it is live.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, OverHttp, Request, Service, Url, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome};
use crate::alert::Priority;
use crate::secret::Secret;
use crate::vars::Faults;

pub(super) const ENTRY: Entry = Entry {
    name: "Gotify",
    prefix: "GOTIFY_",
    required: &["URL", "TOKEN"],
    optional: &[],
    takes_target: false,
    open,
};

/// Bytes of text as Gotify writes JSON. Gotify itself has no limit, but its answer,
/// by which we know that it has taken a text, repeats the text, and we read 64 KiB
/// of it; and a MySQL behind it ends at 65,535 bytes, with an error that looks as
/// if it would pass.
const TEXT_BYTES_MAX: usize = 60_000;

/// Gotify's 0 to 10, as its app for phones takes them: up to 3 without a sound, up to 7 with one, from 8
/// on it insists.
fn priority_of(priority: Priority) -> u8 {
    match priority {
        Priority::Low => 2,
        Priority::Normal => 5,
        Priority::High => 8,
        Priority::Urgent => 10,
    }
}

/// Of 65 characters in an armored text one is a line end, which counts six times.
const ARMOR_CHARS_MAX: usize = TEXT_BYTES_MAX / 70 * 65;

#[derive(Deserialize, Default)]
struct Variables {
    url: Option<String>,
    token: Option<String>,
}

struct Gotify {
    message: Url,
    token: Secret,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { url, token } = opening.vars.section(opening.entry.prefix);
    let url = opening.url("URL", url, faults);
    let token = opening.token("TOKEN", token, faults);
    let service = Gotify { message: url?.without_slash().join("/message"), token: token? };
    Some(Box::new(OverHttp { service, client: opening.client.clone() }))
}

/// What a character takes in JSON as Go writes it: what is live in HTML is escaped too.
fn cost(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

impl Service for Gotify {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let text = notification.within(TEXT_BYTES_MAX, cost);
        let body = json!({ "message": text, "priority": priority_of(notification.priority) });
        let mut request = Request::post_json(self.message.clone(), &body);
        request.headers.push(("x-gotify-key".into(), self.token.expose().to_owned()));
        request
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(ARMOR_CHARS_MAX)
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        let body = answer.json();
        match policy::judge_with(answer, answer.words_at("/errorDescription")) {
            Outcome::Delivered { .. } if !body.get("id").is_some_and(Value::is_number) => {
                Outcome::Failed { reason: format!("{} without id", answer.status) }
            }
            outcome => outcome,
        }
    }
}
