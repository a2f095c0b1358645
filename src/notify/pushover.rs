//! Pushover, by a form posted to its message API.
//!
//! Token and user's key are in the body, for Pushover takes them nowhere else.
//! Without `html` and `monospace` a text is plain, so nothing in it is live.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use super::http::{Answer, Method, OverHttp, Request, Service, Url, percent_encoded, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome};
use crate::alert::Priority;
use crate::secret::Secret;
use crate::vars::Faults;

pub(super) const ENTRY: Entry = Entry {
    name: "Pushover",
    prefix: "PUSHOVER_",
    required: &["TOKEN", "USER"],
    optional: &["API_URL"],
    takes_target: false,
    open,
};

/// Characters, as Pushover counts a message.
const TEXT_CHARS_MAX: usize = 1024;

/// Pushover's -2 to 2: no sound; a sound, and silence in the hours that the user wants quiet; a sound
/// also then; and again every five minutes until somebody says that it was seen, for an hour at most.
fn priority_of(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "priority=-1",
        Priority::Normal => "priority=0",
        Priority::High => "priority=1",
        // Pushover wants both, `retry` from 30 on and `expire` up to 10,800 seconds.
        Priority::Urgent => "priority=2&retry=300&expire=3600",
    }
}

#[derive(Deserialize, Default)]
struct Variables {
    token: Option<String>,
    user: Option<String>,
    api_url: Option<String>,
}

struct Pushover {
    messages: Url,
    token: Secret,
    user: Secret,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { token, user, api_url } = opening.vars.section(opening.entry.prefix);
    let token = opening.token("TOKEN", token, faults);
    let user = opening.text("USER", user, faults).map(Secret::new);
    let api_url = api_url.unwrap_or_else(|| "https://api.pushover.net".to_owned());
    let api_url = opening.url("API_URL", Some(api_url), faults);
    let messages = api_url?.without_slash().join("/1/messages.json");
    let service = Pushover { messages, token: token?, user: user? };
    Some(Box::new(OverHttp { service, client: opening.client.clone() }))
}

impl Service for Pushover {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let text = notification.within(TEXT_CHARS_MAX, |_| 1);
        let mut form = priority_of(notification.priority).to_owned();
        for (name, value) in
            [("token", self.token.expose()), ("user", self.user.expose()), ("message", &*text)]
        {
            // Writing to a String cannot fail.
            let _ = write!(form, "&{name}={}", percent_encoded(value));
        }
        Request {
            url: self.messages.clone(),
            method: Method::Post,
            headers: vec![("content-type".into(), "application/x-www-form-urlencoded".to_owned())],
            body: form.into_bytes(),
            secrets: vec![self.token.clone(), self.user.clone()],
        }
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(TEXT_CHARS_MAX)
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        let body = answer.json();
        let is = |name, value: Value| body.get(name) == Some(&value);
        match policy::judge_with(answer, answer.words_at("/errors/0")) {
            Outcome::Delivered { .. } if !is("status", 1.into()) => {
                Outcome::Failed { reason: format!("{} without status 1", answer.status) }
            }
            // A 400 too; but it is not the text that is wrong, so none is given up for it.
            Outcome::Rejected { reason }
                if ["token", "user"].iter().any(|name| is(name, "invalid".into())) =>
            {
                Outcome::Parked { reason }
            }
            // Pushover's own 429 is the month's quota. (A proxy's would have no status.)
            Outcome::TooFast { wait: None, reason } if is("status", 0.into()) => {
                Outcome::TooFast { wait: Some(policy::WAIT_MAX), reason }
            }
            outcome => outcome,
        }
    }
}
