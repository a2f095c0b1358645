//! Who may see and do what.
//!
//! ```text
//!   with HTTP_TOKEN       Authorization: Bearer …, or the cookie that a browser got for it
//!   without, on loopback  Host is this machine, and Origin, if any, is the page itself:
//!                         another site's script must reach nothing through the operator's browser
//! ```
//!
//! Pure: it reads headers and says yes or why not.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use ring::hmac;

use super::settings::{Settings, is_loopback};
use crate::secret::Secret;

/// The cookie's name.
pub(super) const COOKIE_NAME: &str = "alertik";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request may be answered.
#[derive(Debug, PartialEq)]
pub(super) enum Access {
    Granted,
    /// Whoever has the token may.
    TokenMissing,
    /// Nobody may ask so.
    Refused(&'static str),
}

/// For everything but `/healthz` and the metrics.
pub(super) fn of_page(settings: &Settings, headers: &HeaderMap) -> Access {
    let Some(token) = &settings.token else { return without_token(headers) };
    if has_bearer(headers, token) {
        return Access::Granted;
    }
    // The first alone: or one request would be any number of guesses.
    let given = cookies(headers).find(|(name, _)| *name == COOKIE_NAME);
    let expected = Secret::new(cookie_value(token));
    if !given.is_some_and(|(_, value)| expected.is(value.as_bytes())) {
        return Access::TokenMissing;
    }
    // SameSite=Strict keeps the cookie from other sites' requests; this keeps them out where a browser does not know it.
    foreign(headers).map_or(Access::Granted, Access::Refused)
}

/// For the page's own document, which shows nothing by itself: a link may lead there from anywhere.
pub(super) fn of_document(settings: &Settings, headers: &HeaderMap) -> Access {
    let mut headers = headers.clone();
    headers.remove(ORIGIN);
    headers.remove(SEC_FETCH_SITE);
    of_page(settings, &headers)
}

/// For the metrics.
pub(super) fn of_metrics(settings: &Settings, headers: &HeaderMap) -> Access {
    let has_token = settings.metrics_token.as_ref().is_some_and(|token| has_bearer(headers, token));
    if has_token || of_page(settings, headers) == Access::Granted {
        return Access::Granted;
    }
    match settings.is_local() && settings.metrics_token.is_none() {
        true => without_token(headers),
        false => Access::TokenMissing,
    }
}

/// For the reasons of ill health: those on this machine, or with the token.
pub(super) fn of_reasons(settings: &Settings, headers: &HeaderMap) -> bool {
    settings.is_local() || settings.token.as_ref().is_some_and(|token| has_bearer(headers, token))
}

/// True if a request comes with what might be a token: if it is none, somebody guesses.
pub(super) fn is_try(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || cookies(headers).any(|(name, _)| name == COOKIE_NAME)
}

/// What a browser keeps in place of the token: it opens the page, and does not tell the token.
pub(super) fn cookie_value(token: &Secret) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
    let tag = hmac::sign(&key, b"alertik: the cookie of the page");
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn has_bearer(headers: &HeaderMap, token: &Secret) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked(7));
    given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(given))
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let texts = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn without_token(headers: &HeaderMap) -> Access {
    let mut hosts = headers.get_all(HOST).into_iter().map(|value| value.to_str().unwrap_or_default());
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_this_machine(host) => {
            foreign(headers).map_or(Access::Granted, Access::Refused)
        }
        // A name of the attacker's that leads to 127.0.0.1 has its scripts read what we answer (DNS rebinding).
        _ => Access::Refused("open it as localhost or 127.0.0.1, or set HTTP_TOKEN"),
    }
}

/// What is wrong with where a request comes from, if it says.
fn foreign(headers: &HeaderMap) -> Option<&'static str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // No port and no scheme: a proxy may have taken TLS off.
    let authority = |origin: &'_ str| origin.split_once("://").map(|(_, rest)| rest.to_owned());
    let is_own = match headers.get(ORIGIN) {
        None => true,
        Some(_) => text(ORIGIN).and_then(authority).is_some_and(|origin| Some(&*origin) == text(HOST)),
    };
    let is_cross = text(SEC_FETCH_SITE).is_some_and(|site| !matches!(site, "same-origin" | "none"));
    (!is_own || is_cross).then_some("this request comes from another site")
}

/// True for `localhost` and loopback addresses, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let is_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return is_end && address.parse::<Ipv6Addr>().is_ok_and(|address| is_loopback(address.into()));
    }
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_local && is_port(port)
}

#[cfg(test)]
pub(super) mod tests {
    use hyper::header::HeaderValue;

    use super::super::settings::tests::read;
    use super::*;

    pub(in crate::serve) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn local() -> Settings {
        read(&[], Some("127.0.0.1:7898"), &[])
    }

    fn open() -> Settings {
        let variables = [("HTTP_LISTEN", "0.0.0.0:80"), ("HTTP_TOKEN", "t0ken"), ("METRICS_TOKEN", "m")];
        read(&variables, Some("0.0.0.0:80"), &[])
    }

    #[test]
    fn without_a_token_only_this_machine_and_the_page_itself_may_ask() {
        let check = |pairs: &[_], is_granted: bool| {
            assert_eq!(of_page(&local(), &headers(pairs)) == Access::Granted, is_granted, "{pairs:?}");
        };
        for host in ["localhost:7898", "LOCALHOST", "127.0.0.1:7898", "127.1.2.3", "[::1]:7898"] {
            check(&[("host", host)], true);
        }
        for host in [
            "example.com",
            "127.0.0.1.example.com:7898",
            "localhost.example.com",
            "192.0.2.1",
            "",
            "[::1]evil.example",
            "[127.0.0.1]",
            "[localhost]",
            "localhost:evil",
            "localhost:1:2",
        ] {
            check(&[("host", host)], false);
        }
        check(&[], false);
        check(&[("host", "localhost:1"), ("origin", "http://localhost:1")], true);
        check(&[("host", "localhost:1"), ("origin", "http://localhost:2")], false);
        check(&[("host", "localhost:1"), ("origin", "null")], false);
        check(&[("host", "localhost:1"), ("sec-fetch-site", "same-origin")], true);
        check(&[("host", "localhost:1"), ("sec-fetch-site", "none")], true);
        check(&[("host", "localhost:1"), ("sec-fetch-site", "cross-site")], false);
        check(&[("host", "localhost:1"), ("sec-fetch-site", "same-site")], false);
    }

    #[test]
    fn with_a_token_it_or_its_cookie_is_asked_for() {
        let check = |pairs: &[_], expected: Access| assert_eq!(of_page(&open(), &headers(pairs)), expected);
        let cookie = cookie_value(&Secret::new("t0ken"));
        let (cookie, forged) = (format!("x=1; alertik={cookie}"), format!("alertik={}", "0".repeat(64)));
        check(&[("authorization", "Bearer t0ken")], Access::Granted);
        check(&[("cookie", &cookie), ("host", "router")], Access::Granted);
        let twice = format!("alertik=x; {cookie}");
        check(&[("authorization", "bearer t0ken")], Access::Granted);
        for pairs in [
            &[("authorization", "Bearer t0ke")][..],
            &[("authorization", "t0ken")],
            &[("authorization", "Bearer m")],
            &[("cookie", &forged)],
            &[("cookie", &twice)],
            &[("cookie", "alertik=t0ken")],
            &[("host", "localhost")],
            &[],
        ] {
            check(pairs, Access::TokenMissing);
        }
        let foreign = [("cookie", &*cookie), ("host", "router"), ("origin", "http://other")];
        assert!(matches!(of_page(&open(), &headers(&foreign)), Access::Refused(_)));
        assert!(is_try(&headers(&[("cookie", &cookie)])) && is_try(&headers(&[("authorization", "x")])));
        assert!(!is_try(&headers(&[("cookie", "x=1"), ("host", "router")])));
    }

    #[test]
    fn the_metrics_have_a_token_of_their_own_and_none_on_this_machine() {
        let bearer =
            |token: &str| headers(&[("host", "localhost"), ("authorization", &format!("Bearer {token}"))]);
        for token in ["t0ken", "m"] {
            assert_eq!(of_metrics(&open(), &bearer(token)), Access::Granted);
        }
        assert_eq!(of_metrics(&open(), &bearer("x")), Access::TokenMissing);
        assert_eq!(of_metrics(&local(), &headers(&[("host", "localhost")])), Access::Granted);
        assert!(matches!(of_metrics(&local(), &headers(&[("host", "evil")])), Access::Refused(_)));
        let guarded = read(&[("METRICS_TOKEN", "m")], Some("127.0.0.1:7898"), &[]);
        // Whoever may see the page may see the metrics.
        assert_eq!(of_metrics(&guarded, &headers(&[("host", "localhost")])), Access::Granted);
        let locked = read(&[("HTTP_TOKEN", "t")], Some("127.0.0.1:7898"), &[]);
        assert_eq!(of_metrics(&locked, &headers(&[("host", "localhost")])), Access::Granted);
    }

    #[test]
    fn reasons_are_for_this_machine_or_the_token() {
        assert!(of_reasons(&local(), &headers(&[])));
        assert!(of_reasons(&open(), &headers(&[("authorization", "Bearer t0ken")])));
        assert!(!of_reasons(&open(), &headers(&[("authorization", "Bearer x")])));
        assert!(!of_reasons(&open(), &headers(&[])));
    }
}
