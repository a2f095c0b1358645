//! Telegram, by the Bot API's `sendMessage`.
//!
//! No `parse_mode`: log lines are full of its special characters, and an
//! unbalanced one is a 400. Link previews are off, or Telegram would fetch
//! every URL in a log line. Unlike Alertik, the text travels in a body and not
//! in a URL that proxies write down.

use serde::Deserialize;
use serde_json::json;

use super::http::{Answer, OverHttp, Request, Service, Url, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome};
use crate::alert::Priority;
use crate::vars::Faults;

pub(super) const ENTRY: Entry = Entry {
    name: "Telegram",
    prefix: "TELEGRAM_",
    // TELEGRAM_NICKNAME is read by the built-in rules, whose texts it begins.
    required: &["BOT_TOKEN", "CHAT_ID"],
    optional: &["API_URL", "NICKNAME"],
    takes_target: true,
    open,
};

/// UTF-16 units, as the Bot API counts a text.
const TEXT_UNITS_MAX: usize = 4096;

#[derive(Deserialize, Default)]
struct Variables {
    bot_token: Option<String>,
    chat_id: Option<String>,
    api_url: Option<String>,
}

struct Telegram {
    send_message: Url,
    chat_id: String,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { bot_token, chat_id, api_url } = opening.vars.section(opening.entry.prefix);
    let token = opening.required("BOT_TOKEN", bot_token, faults);
    let chat_id = opening.target_or("CHAT_ID", chat_id, |_| true, "a chat", faults);
    let api_url = api_url.unwrap_or_else(|| "https://api.telegram.org".to_owned());
    let api_url = opening.url("API_URL", Some(api_url), faults);
    let token = token.and_then(|token| {
        let token = token.trim().to_owned();
        // 123456:ABC-DEF_… Anything else would change the URL's path.
        let is_known = |b: u8| b.is_ascii_alphanumeric() || b":_-".contains(&b);
        let fits = !token.is_empty() && token.bytes().all(is_known);
        if !fits {
            let name = opening.variable("BOT_TOKEN");
            faults
                .fault(format!("{name} is not a bot token (expected digits:letters, as BotFather gave it)"));
        }
        fits.then_some(token)
    });
    let (token, chat_id, api_url) = (token?, chat_id?, api_url?);
    let send_message = api_url.without_slash().join(&format!("/bot{token}/sendMessage"));
    Some(Box::new(OverHttp { service: Telegram { send_message, chat_id }, client: opening.client.clone() }))
}

impl Service for Telegram {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let mut body = json!({
            "chat_id": self.chat_id,
            "text": notification.within(TEXT_UNITS_MAX, char::len_utf16),
            "link_preview_options": {"is_disabled": true},
        });
        // Silence is all that Telegram knows of priorities.
        if let (Priority::Low, Some(fields)) = (notification.priority, body.as_object_mut()) {
            fields.insert("disable_notification".to_owned(), true.into());
        }
        Request::post_json(self.send_message.clone(), &body)
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(TEXT_UNITS_MAX)
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        let body = answer.json();
        let reason = answer.words_at("/description");
        let parameter = |name| body.get("parameters").and_then(|all| all.get(name));
        if let Some(new) = parameter("migrate_to_chat_id").and_then(|id| id.as_i64()) {
            let new = new.to_string();
            if answer.status == 400 && new != self.chat_id {
                let old = &self.chat_id;
                let reason =
                    format!("chat {old} is now {new}: change TELEGRAM_CHAT_ID or Telegram/{old} to that");
                self.chat_id = new;
                return Outcome::Again { reason };
            }
        }
        match policy::judge_with(answer, reason.clone()) {
            Outcome::Delivered { .. } if body.get("ok") != Some(&true.into()) => {
                Outcome::Failed { reason: format!("{} without ok", answer.status) }
            }
            Outcome::TooFast { wait, .. } => {
                let told = parameter("retry_after").and_then(|s| s.as_f64()).and_then(policy::seconds);
                Outcome::TooFast { wait: told.map(policy::bounded).or(wait), reason }
            }
            outcome => outcome,
        }
    }
}
