//! Discord, by a webhook in its own format.
//!
//! `wait=true` makes the answer say whether the message was stored. Mentions
//! are switched off: a log line must not be able to call everybody; and so are
//! embeds, or Discord would fetch every URL in it. A URL that ends in `/slack`
//! (Alertik sent Slack's format there) is asked for in Slack's format still.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::http::{Answer, OverHttp, Request, Service, Url, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome, slack};
use crate::alert::Priority;
use crate::vars::Faults;

pub(super) const ENTRY: Entry = Entry {
    name: "Discord",
    prefix: "DISCORD_",
    required: &["WEBHOOK_URL"],
    optional: &[],
    takes_target: false,
    open,
};

/// Characters, as Discord counts a message.
const TEXT_CHARS_MAX: usize = 2000;

/// A message's flag `SUPPRESS_EMBEDS`.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// A message's flag `SUPPRESS_NOTIFICATIONS`: no sound, no push.
const SUPPRESS_NOTIFICATIONS: u32 = 1 << 12;

#[derive(Deserialize, Default)]
struct Variables {
    webhook_url: Option<String>,
}

struct Discord {
    url: Url,
    wants_slack: bool,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { webhook_url } = opening.vars.section(opening.entry.prefix);
    let url = opening.url("WEBHOOK_URL", webhook_url, faults)?;
    let path = url.expose().split(['?', '#']).next().unwrap_or_default();
    let wants_slack = path.trim_end_matches('/').ends_with("/slack");
    let url = if wants_slack {
        url
    } else {
        url.join(if url.expose().contains('?') { "&wait=true" } else { "?wait=true" })
    };
    Some(Box::new(OverHttp { service: Discord { url, wants_slack }, client: opening.client.clone() }))
}

impl Service for Discord {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let body = if self.wants_slack {
            slack::body(notification, TEXT_CHARS_MAX)
        } else {
            let flags = match notification.priority {
                Priority::Low => SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS,
                Priority::Normal | Priority::High | Priority::Urgent => SUPPRESS_EMBEDS,
            };
            json!({
                "content": notification.within(TEXT_CHARS_MAX, |_| 1),
                "allowed_mentions": {"parse": []},
                "flags": flags,
            })
        };
        Request::post_json(self.url.clone(), &body)
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(TEXT_CHARS_MAX)
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        match policy::judge(answer) {
            Outcome::Delivered { .. } => Outcome::Delivered { pause: pause(answer) },
            Outcome::TooFast { wait, reason } => {
                let told =
                    answer.json().get("retry_after").and_then(|s| s.as_f64()).and_then(policy::seconds);
                Outcome::TooFast { wait: told.map(policy::bounded).or(wait), reason }
            }
            outcome => outcome,
        }
    }
}

/// Discord says beforehand when the next one would be too fast.
fn pause(answer: &Answer) -> Option<Duration> {
    let none_left = answer.header("x-ratelimit-remaining")?.trim() == "0";
    let after = answer.header("x-ratelimit-reset-after")?.trim().parse().ok().and_then(policy::seconds)?;
    none_left.then(|| policy::bounded(after))
}
