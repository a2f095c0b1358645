//! Any receiver that takes a request: four of them, Generic1 to Generic4.
//!
//! ```text
//!   GENERIC1_BODY     {"title":"@{title}","text":"@{text}"}  ─► template ─► body ─┐
//!   GENERIC1_HEADERS  {"Authorization":"Bearer …"}           ─► headers ──────────┼─► request
//!   GENERIC1_SECRET   whsec_…                                ─► signature ────────┘
//! ```
//!
//! With nothing but its URL it gets `{"text":"…"}`, as Alertik sent it. What can
//! be wrong with the rest is said at the start: when a line arrives, it fits.

use serde::Deserialize;

use super::http::{Method, OverHttp, Request, Service, Url};
use super::{Entry, Notification, Notifier, Opening};
use crate::alert;
use crate::secret::Secret;
use crate::vars::{Faults, shown};

mod headers;
mod signature;
mod template;

use headers::Headers;
use signature::Signature;
use template::{Kind, Template};

pub(super) const ENTRIES: [Entry; 4] = [
    entry("Generic1", "GENERIC1_"),
    entry("Generic2", "GENERIC2_"),
    entry("Generic3", "GENERIC3_"),
    entry("Generic4", "GENERIC4_"),
];

const fn entry(name: &'static str, prefix: &'static str) -> Entry {
    let optional = &["BODY", "HEADERS", "METHOD", "SECRET"];
    Entry { name, prefix, required: &["WEBHOOK_URL"], optional, takes_target: false, open }
}

#[derive(Deserialize, Default)]
struct Variables {
    webhook_url: Option<String>,
    body: Option<String>,
    headers: Option<String>,
    method: Option<String>,
    secret: Option<String>,
}

struct Generic {
    url: Url,
    method: Method,
    headers: Headers,
    body: Template,
    signature: Option<Signature>,
    /// What an answer may repeat of all this, and we may not.
    secrets: Vec<Secret>,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { webhook_url, body, headers, method, secret } = opening.vars.section(opening.entry.prefix);
    let url = opening.url("WEBHOOK_URL", webhook_url, faults);
    let method = match method.as_deref() {
        None | Some("POST") => Some(Method::Post),
        Some("PUT") => Some(Method::Put),
        Some("PATCH") => Some(Method::Patch),
        Some(other) => {
            let (name, other) = (opening.variable("METHOD"), shown(other));
            faults
                .fault(format!("{name}: {other} is not a method with a body (expected POST, PUT or PATCH)"));
            None
        }
    };
    let (headers, kind) = match headers {
        None => (Some(Headers::default()), Some(Kind::default())),
        Some(text) => Headers::read(&opening.variable("HEADERS"), &text, faults),
    };
    // Of what kind the body was meant to be, headers that are wrong may not say.
    let body = kind.and_then(|kind| {
        let body = Template::new(body.as_deref(), kind);
        body.map_err(|what| faults.fault(format!("{}: {what}", opening.variable("BODY")))).ok()
    });
    if opening.is_encrypted && body.as_ref().is_some_and(|body| !body.has_text()) {
        // Values stay empty then, and nothing would be told.
        let name = opening.variable("BODY");
        faults.fault(format!("{name} has no place for what is encrypted (expected @{{text}} in it)"));
    }
    let mut secrets: Vec<_> = body.iter().flat_map(Template::secrets).map(Secret::new).collect();
    let signature = match secret {
        None => Some(None),
        Some(secret) => {
            let signature = Signature::new(&secret).map_err(|what| {
                faults.fault(format!("{}: {what}", opening.variable("SECRET")));
            });
            secrets.push(Secret::new(secret));
            signature.ok().map(Some)
        }
    };
    let (url, method, headers, body, signature) = (url?, method?, headers?, body?, signature?);
    let service = Generic { url, method, headers, body, signature, secrets };
    Some(Box::new(OverHttp { service, client: opening.client.clone() }))
}

impl Service for Generic {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let body = self.body.fill(notification).into_bytes();
        let mut headers = self.headers.to_send();
        if let Some(signature) = &self.signature {
            headers.extend(signature.headers(&body, notification.id, notification.now));
        }
        let (url, secrets) = (self.url.clone(), self.secrets.clone());
        Request { url, method: self.method, headers, body, secrets }
    }

    fn armor_chars_max(&self) -> Option<usize> {
        None
    }

    fn takes_values(&self) -> bool {
        self.body.takes_values()
    }

    fn not_yet(&self, notification: &Notification<'_>) -> Option<&'static str> {
        let needs_time = self.signature.as_ref().is_some_and(Signature::has_time);
        // Refused for its time, the alert would be lost.
        (needs_time && !alert::is_set(notification.now))
            .then_some("the clock is not set, and the signature has the time in it")
    }
}
