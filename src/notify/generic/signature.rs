//! `GENERICn_SECRET`: what shows a receiver that a request is from us and nobody has changed it.
//!
//! ```text
//!   any text   x-hub-signature-256: sha256= hex of HMAC-SHA256(text, body)          as GitHub signs
//!   whsec_KEY  webhook-id, webhook-timestamp,
//!              webhook-signature: v1, base64 of HMAC-SHA256(KEY, id.time.body)      Standard Webhooks
//! ```
//!
//! Apart, as one of the two doors for ring and base64. Pure: id and time are arguments. The id is
//! the same in every attempt, so that a receiver that has taken an alert, and
//! whose answer was lost, can tell that it has it; the time is that of the
//! attempt, because receivers refuse what is older than some minutes.

use std::borrow::Cow;
use std::time::SystemTime;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::hmac;

use crate::alert::AlertId;

pub(super) enum Signature {
    Hub(hmac::Key),
    StandardWebhooks(hmac::Key),
}

impl Signature {
    /// Reads a secret.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub(super) fn new(secret: &str) -> Result<Signature, &'static str> {
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let Some(encoded) = secret.strip_prefix("whsec_") else {
            return Ok(Signature::Hub(key(secret.as_bytes())));
        };
        let bytes = BASE64_STANDARD.decode(encoded).ok().filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or("what is behind whsec_ is no key (expected base64)")?;
        Ok(Signature::StandardWebhooks(key(&bytes)))
    }

    /// True if the time is signed too, so that it must be right.
    pub(super) fn has_time(&self) -> bool {
        matches!(self, Signature::StandardWebhooks(_))
    }

    /// The headers that sign `body`.
    pub(super) fn headers(
        &self,
        body: &[u8],
        id: AlertId,
        now: SystemTime,
    ) -> Vec<(Cow<'static, str>, String)> {
        match self {
            Signature::Hub(key) => {
                let tag = hmac::sign(key, body);
                let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                vec![("x-hub-signature-256".into(), format!("sha256={hex}"))]
            }
            Signature::StandardWebhooks(key) => {
                let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let (id, time) = (format!("msg_{id}"), since.as_secs().to_string());
                let signature = standard_webhooks(key, &id, &time, body);
                vec![
                    ("webhook-id".into(), id),
                    ("webhook-timestamp".into(), time),
                    ("webhook-signature".into(), signature),
                ]
            }
        }
    }
}

fn standard_webhooks(key: &hmac::Key, id: &str, time: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{time}.").as_bytes());
    context.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn signed(secret: &str, body: &[u8], seconds: u64) -> Vec<(Cow<'static, str>, String)> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999);
        Signature::new(secret).unwrap().headers(body, AlertId(0xbeef), now)
    }

    // GitHub's own example (Validating webhook deliveries).
    #[test]
    fn a_text_signs_as_github_does() {
        let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let headers = signed("It's a Secret to Everybody", b"Hello, World!", 0);
        assert_eq!(headers, [("x-hub-signature-256".into(), expected.to_owned())]);
    }

    // Standard Webhooks' own example (spec, signature scheme).
    #[test]
    fn a_whsec_key_signs_id_time_and_body() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let Ok(Signature::StandardWebhooks(key)) = Signature::new(secret) else { panic!() };
        let signature = |id, time, body| standard_webhooks(&key, id, time, body);
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", &br#"{"test": 2432232314}"#[..]);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature(id, "1614265330", body), expected);
        let headers = signed(secret, body, 1_614_265_330);
        let expected = signature("msg_000000000000beef", "1614265330", body);
        assert_eq!(
            headers,
            [
                ("webhook-id".into(), "msg_000000000000beef".to_owned()),
                ("webhook-timestamp".into(), "1614265330".to_owned()),
                ("webhook-signature".into(), expected),
            ]
        );
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_not_repeated() {
        for bad in ["", "%", "hunter2", "aHVudGVyMg", "aHVudGVyMg===", " aHVudGVyMg=="] {
            let refused = Signature::new(&format!("whsec_{bad}")).map(|_| ()).unwrap_err();
            assert_eq!(refused, "what is behind whsec_ is no key (expected base64)");
        }
    }
}
