//! Matrix, by the client API of a homeserver: an `m.room.message` put into a room.
//!
//! ```text
//!   PUT …/rooms/!room:server/send/m.room.message/0123456789abcdef-!room:server
//!                                                └─ alert's id ─┘
//! ```
//!
//! A PUT with a transaction id that the homeserver has seen changes nothing, so an
//! attempt whose answer was lost does not tell twice. The room is part of the id,
//! because some homeservers (Conduit and its kin) remember ids for a device and
//! not for a room: an alert for two rooms would be told in one.
//!
//! `m.text` without a `format` is plain text; an empty `m.mentions` says that
//! nobody is called, else `@room` or a name in a log line would. `m.notice` would
//! be the type for programs, but by default phones are silent about it: so it is
//! the type of a low priority.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, Method, OverHttp, Request, Service, Url, percent_encoded, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome, json_bytes};
use crate::alert::Priority;
use crate::secret::Secret;
use crate::vars::Faults;

pub(super) const ENTRY: Entry = Entry {
    name: "Matrix",
    prefix: "MATRIX_",
    required: &["URL", "TOKEN", "ROOM"],
    optional: &[],
    takes_target: true,
    open,
};

/// Bytes of text in JSON. A whole event may have 65,536; what the homeserver adds
/// (identifiers of 255 bytes, hashes, signatures, at most 20 events before it) has
/// some 4,000 at worst.
const TEXT_BYTES_MAX: usize = 60_000;

/// Of 65 characters in an armored text one is a line end, which takes two bytes in JSON.
const ARMOR_CHARS_MAX: usize = TEXT_BYTES_MAX / 66 * 65;

#[derive(Deserialize, Default)]
struct Variables {
    url: Option<String>,
    token: Option<String>,
    room: Option<String>,
}

struct Matrix {
    /// All of the URL but the transaction id.
    send: Url,
    /// Encoded for a URL.
    room: String,
    authorization: Secret,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { url, token, room } = opening.vars.section(opening.entry.prefix);
    let url = opening.url("URL", url, faults);
    let token = opening.token("TOKEN", token, faults);
    // An alias (#room:server) would have to be looked up; clients show the id too.
    let expected = "a room's id (expected !letters:server, from the room's settings)";
    let room = opening.target_or("ROOM", room, is_room, expected, faults);
    let (url, token, room) = (url?, token?, percent_encoded(&room?));
    let send = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/");
    let service = Matrix {
        send: url.without_slash().join(&send),
        room,
        authorization: Secret::new(format!("Bearer {}", token.expose())),
    };
    Some(Box::new(OverHttp { service, client: opening.client.clone() }))
}

fn is_room(text: &str) -> bool {
    text.strip_prefix('!').is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

impl Service for Matrix {
    fn request(&self, notification: &Notification<'_>) -> Request {
        // Whoever is to be called for an urgent alert belongs into m.mentions.
        let text = notification.within(TEXT_BYTES_MAX, json_bytes);
        let kind = if notification.priority == Priority::Low { "m.notice" } else { "m.text" };
        let body = json!({ "msgtype": kind, "body": text, "m.mentions": {} });
        let url = self.send.join(&format!("{}-{}", notification.id, self.room));
        let mut request = Request { method: Method::Put, ..Request::post_json(url, &body) };
        request.headers.push(("authorization".into(), self.authorization.expose().to_owned()));
        request
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(ARMOR_CHARS_MAX)
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        let body = answer.json();
        let text = |name| body.get(name).and_then(Value::as_str);
        let reason = match (text("errcode"), text("error")) {
            (Some(code), Some(says)) => answer.with_words(&format!("{code} {says}")),
            _ => answer.words_at("/errcode"),
        };
        match policy::judge_with(answer, reason) {
            Outcome::Delivered { .. } if text("event_id").is_none() => {
                Outcome::Failed { reason: format!("{} without event_id", answer.status) }
            }
            // Older homeservers say it in the body alone.
            Outcome::TooFast { wait: None, reason } => {
                let told = body.get("retry_after_ms").and_then(Value::as_f64);
                let told = told.and_then(|milliseconds| policy::seconds(milliseconds / 1000.0));
                Outcome::TooFast { wait: told.map(policy::bounded), reason }
            }
            outcome => outcome,
        }
    }
}
