//! Any receiver that takes `{"text":"…"}`: four of them, Generic1 to Generic4.

use serde::Deserialize;
use serde_json::json;

use super::http::{OverHttp, Request, Service, Url};
use super::{Entry, Notification, Notifier, Opening};
use crate::vars::Faults;

pub(super) const ENTRIES: [Entry; 4] = [
    entry("Generic1", "GENERIC1_"),
    entry("Generic2", "GENERIC2_"),
    entry("Generic3", "GENERIC3_"),
    entry("Generic4", "GENERIC4_"),
];

const fn entry(name: &'static str, prefix: &'static str) -> Entry {
    Entry { name, prefix, required: &["WEBHOOK_URL"], optional: &[], takes_target: false, open }
}

#[derive(Deserialize, Default)]
struct Variables {
    webhook_url: Option<String>,
}

struct Generic {
    url: Url,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { webhook_url } = opening.vars.section(opening.entry.prefix);
    let url = opening.url("WEBHOOK_URL", webhook_url, faults)?;
    Some(Box::new(OverHttp { service: Generic { url }, client: opening.client.clone() }))
}

impl Service for Generic {
    fn request(&self, notification: &Notification<'_>) -> Request {
        Request::post_json(self.url.clone(), &json!({ "text": notification.whole() }))
    }

    fn armor_chars_max(&self) -> Option<usize> {
        None
    }
}
