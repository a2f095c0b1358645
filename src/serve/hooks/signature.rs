//! `HOOKn_SECRET`: what shows us that a request is from who knows the secret.
//!
//! ```text
//!   Authorization: Bearer SECRET                                              known from the headers alone
//!   Authorization: Basic base64 of ANYBODY:SECRET                             the same
//!   X-Hub-Signature-256: sha256=HEX                       GitHub              HEX of HMAC-SHA256(SECRET, body)
//!   X-Forgejo-Signature, X-Gitea-Signature: HEX           Forgejo, Gitea
//!   X-Grafana-Alerting-Signature: HEX                     Grafana; with its header of the time, over time:body
//!   webhook-id, webhook-timestamp, webhook-signature:     Standard Webhooks, with SECRET = whsec_ base64 of KEY:
//!     v1,BASE64 v1,BASE64                                 HMAC-SHA256(KEY, id.time.body)
//! ```
//!
//! Pure: it is given headers, body and time. A signature whose time is signed too is good for five minutes; the
//! others are good for ever, so whoever has overheard one can send it again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName};
use ring::hmac;

use super::super::access::has_bearer;
use crate::secret::Secret;

/// How far a signed time may be from ours, as the specification of Standard Webhooks advises.
const CLOCK_WINDOW: Duration = Duration::from_secs(300);

/// While a secret is replaced a sender signs with both. More would be more guesses in a request.
const SIGNATURES_MAX: usize = 4;

/// Of a time in seconds, since 2001.
const TIME_DIGITS_MIN: usize = 10;

/// SHA-256's.
const TAG_BYTES: usize = 32;

/// What a request is compared with.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    secret: Secret,
    /// Behind `whsec_`.
    standard: Option<Secret>,
}

/// A signature that still has to be compared with the body.
#[derive(Debug, PartialEq)]
pub(super) struct Claim {
    /// What is signed before the body.
    before: String,
    /// The time that is signed, in seconds.
    time: Option<u64>,
    is_standard: bool,
    tags: Vec<Vec<u8>>,
}

impl Keys {
    /// Reads a secret.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub(super) fn new(secret: &str) -> Result<Keys, &'static str> {
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("is not a token (expected ASCII characters without blanks)");
        }
        let standard = secret.strip_prefix("whsec_");
        let is_key = |text: &str| BASE64_STANDARD.decode(text).is_ok_and(|key| !key.is_empty());
        if standard.is_some_and(|text| !is_key(text)) {
            return Err("has no key behind whsec_ (expected base64)");
        }
        Ok(Keys { secret: Secret::new(secret), standard: standard.map(Secret::new) })
    }

    /// True if the secret itself is in the headers.
    pub(super) fn open(&self, headers: &HeaderMap) -> bool {
        has_bearer(headers, &self.secret) || self.is_password(headers)
    }

    /// True if it is the password of a login, whoever logs in: some senders can show nothing else (RFC 7617).
    fn is_password(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked(6));
        let login = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Basic "));
        let login = login.and_then(|(_, login)| BASE64_STANDARD.decode(login.trim_ascii()).ok());
        let password = login.as_ref().and_then(|login| login.splitn(2, |byte| *byte == b':').nth(1));
        password.is_some_and(|password| self.secret.is(password))
    }

    /// True if somebody who knows the secret has signed this body, not too long ago.
    pub(super) fn prove(&self, claim: &Claim, body: &[u8], now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if claim.time.is_some_and(|time| time.abs_diff(now) > CLOCK_WINDOW.as_secs()) {
            return false;
        }
        if claim.time.is_none() && has_time(body) {
            return false;
        }
        let decoded;
        let key = match (claim.is_standard, &self.standard) {
            (false, _) => self.secret.expose().as_bytes(),
            (true, None) => return false,
            (true, Some(text)) => {
                decoded = BASE64_STANDARD.decode(text.expose()).unwrap_or_default();
                &decoded
            }
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mut context = hmac::Context::with_key(&key);
        context.update(claim.before.as_bytes());
        context.update(body);
        let expected = context.sign();
        // ring compares in constant time a message with its tag: here what is expected with what was given, both
        // signed once more.
        let is_it =
            |given: &Vec<u8>| hmac::verify(&key, expected.as_ref(), hmac::sign(&key, given).as_ref()).is_ok();
        claim.tags.iter().any(is_it)
    }
}

/// The first header that is a signature, if there is a well-formed one.
pub(super) fn claim(headers: &HeaderMap) -> Option<Claim> {
    let text = |name: &'static str| {
        headers.get(HeaderName::from_static(name)).and_then(|value| value.to_str().ok()).map(str::trim)
    };
    let plain =
        |before: String, time, tag: Vec<u8>| Claim { before, time, is_standard: false, tags: vec![tag] };
    let over_body =
        ["x-forgejo-signature", "x-gitea-signature"].into_iter().find_map(|name| hex(text(name)?));
    let hub = || hex(text("x-hub-signature-256")?.strip_prefix("sha256=")?);
    if let Some(tag) = over_body.or_else(hub) {
        return Some(plain(String::new(), None, tag));
    }
    if let Some(tag) = text("x-grafana-alerting-signature").and_then(hex) {
        // Its name is the operator's choice; these are the two that Grafana's documents have.
        let names = ["x-grafana-alerting-timestamp", "x-grafana-alerting-signature-timestamp"];
        let time = names.into_iter().find_map(text);
        return match time {
            None => Some(plain(String::new(), None, tag)),
            Some(time) => Some(plain(format!("{time}:"), Some(time.parse().ok()?), tag)),
        };
    }
    let (id, time) = (text("webhook-id")?, text("webhook-timestamp")?);
    let given = text("webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let tags = given.take(SIGNATURES_MAX).filter_map(|text| BASE64_STANDARD.decode(text).ok());
    let tags: Vec<_> = tags.filter(|tag| tag.len() == TAG_BYTES).collect();
    let before = format!("{id}.{time}.");
    let time = Some(time.parse().ok()?);
    (!tags.is_empty()).then_some(Claim { before, time, is_standard: true, tags })
}

/// True if this begins as what Grafana signs together with a time: with its time left out of the headers and put
/// here, an overheard call would be good for ever. No JSON begins so, and hardly any text.
fn has_time(body: &[u8]) -> bool {
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits >= TIME_DIGITS_MIN && body.get(digits) == Some(&b':')
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len() == 2 * TAG_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = |place| u8::from_str_radix(text.get(place..place + 2)?, 16).ok();
    is_hex.then(|| (0..text.len()).step_by(2).map_while(digits).collect())
}

#[cfg(test)]
mod tests {
    use super::super::super::access::tests::headers;
    use super::*;

    #[track_caller]
    fn check(secret: &str, pairs: &[(&'static str, &str)], body: &str, seconds: u64, expected: Option<bool>) {
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        let claim = claim(&headers(pairs));
        let proved = claim.map(|claim| Keys::new(secret).unwrap().prove(&claim, body.as_bytes(), now));
        assert_eq!(proved, expected, "{pairs:?}");
    }

    /// GitHub's own example, of its documents.
    const HUB: (&str, &str) = ("ItsASecretToEverybody", "Hello, World!");

    fn signed(secret: &str, text: &str) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn each_way_to_sign_a_body_is_known() {
        let (secret, body) = HUB;
        let tag = signed(secret, body);
        let github = format!("sha256={tag}");
        check(secret, &[("x-hub-signature-256", &github)], body, 0, Some(true));
        check(secret, &[("x-forgejo-signature", &tag)], body, 0, Some(true));
        check(secret, &[("x-gitea-signature", &tag.to_uppercase())], body, 0, Some(true));
        check(secret, &[("x-grafana-alerting-signature", &tag)], body, 0, Some(true));
        check(secret, &[("x-gitea-signature", &tag)], "Hello, World?", 0, Some(false));
        check("ItsAnother", &[("x-gitea-signature", &tag)], body, 0, Some(false));
        for (name, value) in [
            ("x-hub-signature-256", &*tag),
            ("x-gitea-signature", &*github),
            ("x-gitea-signature", &tag[1..]),
            ("x-gitea-signature", ""),
            ("x-hub-signature", &*github),
        ] {
            check(secret, &[(name, value)], body, 0, None);
        }
    }

    #[test]
    fn the_hmac_is_the_one_of_githubs_documents() {
        // Their secret has blanks, which no bearer token may have.
        let keys = Keys { secret: Secret::new("It's a Secret to Everybody"), standard: None };
        let value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let claim = claim(&headers(&[("x-hub-signature-256", value)])).unwrap();
        assert!(keys.prove(&claim, b"Hello, World!", UNIX_EPOCH));
    }

    #[test]
    fn a_signed_time_is_good_for_five_minutes_either_way() {
        const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        const TIME: u64 = 1_614_265_330;
        let body = "{\"test\": 2432232314}";
        let standard = |signature: &str, seconds, expected| {
            let id = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
            let pairs = [id, ("webhook-timestamp", "1614265330"), ("webhook-signature", signature)];
            check(SECRET, &pairs, body, seconds, expected);
            // Who has another kind of secret cannot have signed so.
            check("other", &pairs, body, seconds, expected.map(|_| false));
        };
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for (seconds, is_good) in
            [(TIME, true), (TIME - 300, true), (TIME + 300, true), (TIME + 301, false), (0, false)]
        {
            standard(right, seconds, Some(is_good));
        }
        standard(&format!("{wrong} v2,x {right}"), TIME, Some(true));
        standard(wrong, TIME, Some(false));
        standard(&format!("{} {right}", [wrong; SIGNATURES_MAX].join(" ")), TIME, Some(false));
        standard("v1,short", TIME, None);
        standard("", TIME, None);
        let tag = signed("s3cret", "1000:body");
        for name in ["x-grafana-alerting-timestamp", "x-grafana-alerting-signature-timestamp"] {
            let grafana = |time| [("x-grafana-alerting-signature", &*tag), (name, time)];
            check("s3cret", &grafana("1000"), "body", 1300, Some(true));
            check("s3cret", &grafana("1000"), "body", 1301, Some(false));
            check("s3cret", &grafana("1001"), "body", 1000, Some(false));
            check("s3cret", &grafana("soon"), "body", 1000, None);
        }
    }

    #[test]
    fn a_signed_time_cannot_be_moved_into_the_body() {
        let body = "1795210377:{\"text\":\"old\"}";
        let tag = signed("s3cret", body);
        let github = format!("sha256={tag}");
        for (name, value) in [
            ("x-hub-signature-256", &*github),
            ("x-forgejo-signature", &*tag),
            ("x-gitea-signature", &*tag),
            ("x-grafana-alerting-signature", &*tag),
        ] {
            check("s3cret", &[(name, value)], body, 1_795_300_000, Some(false));
        }
        for body in ["12:30 the backup is through", "1795210377", "1795210377 {}", ""] {
            let tag = signed("s3cret", body);
            check("s3cret", &[("x-gitea-signature", &tag)], body, 0, Some(true));
        }
    }

    #[test]
    fn a_secret_is_a_token_and_is_not_shown() {
        for (secret, words) in [("two words", "is not a token"), ("", "is not"), ("whsec_?", "has no key")] {
            assert!(Keys::new(secret).unwrap_err().starts_with(words));
        }
        let keys = Keys::new("s3cret").unwrap();
        assert!(!format!("{keys:?}").contains("s3cret"));
        assert!(keys.open(&headers(&[("authorization", "bearer s3cret")])));
        // sonarr:s3cret, s3cret:, and what is no base64.
        assert!(keys.open(&headers(&[("authorization", "Basic c29uYXJyOnMzY3JldA==")])));
        assert!(!keys.open(&headers(&[("authorization", "Basic czNjcmV0Og==")])));
        assert!(!keys.open(&headers(&[("authorization", "Basic czNjcmV0")])));
        assert!(!keys.open(&headers(&[("authorization", "Basic s3cret")])));
        assert!(!keys.open(&headers(&[("authorization", "Bearer s3cre")])));
    }
}
