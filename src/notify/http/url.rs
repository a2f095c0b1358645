//! An address that requests can go to.
//!
//! Apart, because its text is a secret (most services have their token in it)
//! and it must be whole before anything is joined to it. What the parser of the
//! `http` crate lets pass and a socket would not take is refused here, where the
//! variable can still be named.

use ureq::http as wire;

use super::has_proxy;
use super::hidden::percent_decoded;
use crate::secret::Secret;
use crate::vars::{Faults, Vars};

/// An http or https URL. Its text is a secret.
#[derive(Clone, Debug)]
pub struct Url {
    text: Secret,
    is_onion: bool,
}

impl Url {
    /// Reads a whole http or https URL.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub fn parse(text: &str) -> Result<Url, &'static str> {
        // A fragment is never sent, and would swallow what is joined behind it.
        let text = text.trim().split('#').next().unwrap_or_default();
        let uri: wire::Uri = text.parse().map_err(|_| "this is not a URL")?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("this is not an http or https URL");
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("this URL names no host")?;
        if !has_sound_port(&uri) {
            return Err("this URL's port is not a number from 1 to 65535");
        }
        Ok(Url { is_onion: is_onion(host), text: Secret::new(text) })
    }

    /// Reads the `value` of `variable`, for whoever's variables begin with `prefix`; notes a fault
    /// that does not repeat it.
    pub fn read(vars: &Vars, prefix: &str, variable: &str, value: &str, faults: &mut Faults) -> Option<Url> {
        match Url::parse(value) {
            // Looked up here, the name would be told to the local network, in vain.
            Ok(url) if url.is_onion() && !has_proxy(vars, prefix) => {
                faults.fault(format!(
                    "{variable}: an .onion address needs {prefix}PROXY (expected socks5h://host:port)"
                ));
                None
            }
            Ok(url) => Some(url),
            Err(what) => {
                faults.fault(format!("{variable}: {what} (expected https://… or http://…)"));
                None
            }
        }
    }

    /// The URL with `rest` put behind it.
    pub fn join(&self, rest: &str) -> Url {
        Url { text: Secret::new(format!("{}{rest}", self.text.expose())), is_onion: self.is_onion }
    }

    /// The URL's text without a trailing slash.
    pub fn without_slash(&self) -> Url {
        Url { text: Secret::new(self.text.expose().trim_end_matches('/')), is_onion: self.is_onion }
    }

    /// User and password, if it has them, and the URL without.
    pub fn login(&self) -> Option<(Url, String, String)> {
        let (scheme, rest) = self.text.expose().split_once("://")?;
        let (login, _) = rest.split(['/', '?']).next()?.rsplit_once('@')?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let bare = Secret::new(format!("{scheme}://{}", rest.get(login.len() + 1..)?));
        Some((Url { text: bare, is_onion: self.is_onion }, percent_decoded(user), percent_decoded(password)))
    }

    /// The text, to look at or to send; never to show.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// True for a name that only Tor resolves.
    pub fn is_onion(&self) -> bool {
        self.is_onion
    }
}

/// `text` as a part of a path, or a value in a form (RFC 3986, 2.3: all but the unreserved is encoded).
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => {
                let digit =
                    |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0').to_ascii_uppercase();
                encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    encoded
}

/// True for a name that only Tor resolves.
pub(super) fn is_onion(host: &str) -> bool {
    host.to_ascii_lowercase().trim_end_matches('.').ends_with(".onion")
}

/// True unless there is a port that is none: it would silently become the scheme's own.
pub(super) fn has_sound_port(uri: &wire::Uri) -> bool {
    let authority = uri.authority().map_or("", wire::uri::Authority::as_str);
    authority.ends_with(uri.host().unwrap_or_default()) || uri.port_u16().is_some_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_whole_or_refused_without_being_repeated() {
        for good in [
            "https://a.example/x",
            "http://127.0.0.1:8080",
            "http://[::1]/x?y=z",
            "http://[::1]:80/x",
            "https://u:p@h/x",
            "https://u:p@h:1/x",
        ] {
            assert_eq!(Url::parse(good).unwrap().expose(), good);
        }
        for bad in [
            "",
            "hooks.slack.com/secret",
            "ftp://h/secret",
            "https://",
            "/secret",
            "https:// h/secret",
            "h ttp://secret",
            "secret",
            "http://h:0/secret",
            "http://h:65536/secret",
            "http://h:secret/",
            "http://h:/secret",
            "http://:80/secret",
        ] {
            let refused = Url::parse(bad).map(|_| ()).unwrap_err();
            assert!(!refused.contains("secret"), "{bad}");
        }
        assert!(Url::parse("http://abc.ONION:80/x").unwrap().is_onion());
        assert!(!Url::parse("http://onion.example/x").unwrap().is_onion());
        assert_eq!(format!("{:?}", Url::parse("https://h/secret").unwrap()).find("secret"), None);
    }

    #[test]
    fn user_and_password_are_taken_out_of_a_url() {
        let check = |url: &str, expected: Option<(&str, &str, &str)>| {
            let login = Url::parse(url).unwrap().login();
            let login = login.as_ref().map(|(url, user, password)| (url.expose(), &**user, &**password));
            assert_eq!(login, expected, "{url}");
        };
        check("http://h:9093/a@b?c@d", None);
        check("http://me:pass@h:9093/x", Some(("http://h:9093/x", "me", "pass")));
        check("https://me@h", Some(("https://h", "me", "")));
        check("https://m%65:p%40:%3a@h?x=y", Some(("https://h?x=y", "me", "p@::")));
    }

    #[test]
    fn all_but_the_unreserved_is_encoded() {
        assert_eq!(percent_encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(percent_encoded("!a:b/c?d&e=f+ %é\0"), "%21a%3Ab%2Fc%3Fd%26e%3Df%2B%20%25%C3%A9%00");
    }

    #[test]
    fn what_is_joined_is_not_lost_behind_a_fragment() {
        let url = Url::parse(" https://h/x#y ").unwrap();
        assert_eq!(url.join("?wait=true").expose(), "https://h/x?wait=true");
    }
}
