//! ntfy, by a JSON object posted to the server's root.
//!
//! The topic travels in the body and not, as in most examples, in the URL: on a
//! public server it is all that keeps strangers out. No `markdown`, so nothing
//! in a text is live.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, OverHttp, Request, Service, Url, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome, json_bytes};
use crate::alert::Priority;
use crate::secret::Secret;
use crate::vars::Faults;

pub(super) const ENTRY: Entry = Entry {
    name: "Ntfy",
    prefix: "NTFY_",
    required: &["TOPIC"],
    optional: &["URL", "TOKEN"],
    takes_target: true,
    open,
};

/// Bytes of text; of its JSON twice as many. With 4,096 bytes a message becomes an
/// attachment, which most servers refuse, and of the body no more than 8,192 are
/// read (ntfy 2, `handlePublishBody` and `transformBodyJSON`). The JSON around the
/// text has at most 150.
const TEXT_BYTES_MAX: usize = 4_000;

/// ntfy's 1 to 5: no sound; a sound and a vibration; a longer one; the longest, on top.
fn priority_of(priority: Priority) -> u8 {
    match priority {
        Priority::Low => 2,
        Priority::Normal => 3,
        Priority::High => 4,
        Priority::Urgent => 5,
    }
}

/// The code of a 429 that lasts until the day is over (UTC); others clear in seconds.
const DAILY_QUOTA: u32 = 42_908;

#[derive(Deserialize, Default)]
struct Variables {
    url: Option<String>,
    topic: Option<String>,
    token: Option<String>,
}

struct Ntfy {
    root: Url,
    topic: Secret,
    authorization: Option<Secret>,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { url, topic, token } = opening.vars.section(opening.entry.prefix);
    let expected = "a topic (expected 1 to 64 letters, digits, - or _)";
    let topic = opening.target_or("TOPIC", topic, is_topic, expected, faults);
    let url = opening.url("URL", url.or_else(|| Some("https://ntfy.sh".to_owned())), faults);
    let token = token.map(|token| opening.token("TOKEN", Some(token), faults));
    let authorization = match token {
        None => None,
        Some(token) => Some(Secret::new(format!("Bearer {}", token?.expose()))),
    };
    let (root, topic) = (url?.without_slash().join("/"), Secret::new(topic?));
    let service = Ntfy { root, topic, authorization };
    Some(Box::new(OverHttp { service, client: opening.client.clone() }))
}

fn is_topic(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

impl Service for Ntfy {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let text = notification.within(2 * TEXT_BYTES_MAX, |c| json_bytes(c).max(2 * c.len_utf8()));
        let priority = priority_of(notification.priority);
        let body = json!({ "topic": self.topic.expose(), "message": text, "priority": priority });
        let mut request = Request::post_json(self.root.clone(), &body);
        let authorization = self.authorization.iter();
        request
            .headers
            .extend(authorization.map(|value| ("authorization".into(), value.expose().to_owned())));
        request.secrets.push(self.topic.clone());
        request
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(TEXT_BYTES_MAX)
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        let body = answer.json();
        match policy::judge_with(answer, answer.words_at("/error")) {
            Outcome::Delivered { .. } if !body.get("id").is_some_and(Value::is_string) => {
                Outcome::Failed { reason: format!("{} without id", answer.status) }
            }
            Outcome::TooFast { wait: None, reason } if body.get("code") == Some(&DAILY_QUOTA.into()) => {
                Outcome::TooFast { wait: Some(policy::WAIT_MAX), reason }
            }
            outcome => outcome,
        }
    }
}
