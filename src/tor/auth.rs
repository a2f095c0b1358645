//! Who we are to a control port: nobody, who knows a password, or who can read a file.
//!
//! ```text
//!   PROTOCOLINFO ─► METHODS, COOKIEFILE ─► Way ─► AUTHENTICATE …
//!   SAFECOOKIE:  our nonce ─► AUTHCHALLENGE ─► its nonce, and its proof that it knows the cookie ─► our proof
//! ```
//!
//! Apart from the connection, because it is pure but for the one file that is read. (control-spec, "AUTHENTICATE",
//! "AUTHCHALLENGE".)

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use ring::hmac;

use super::reply::{Reply, unquoted};
use crate::secret::Secret;
use crate::vars::shown;

/// A cookie has so many bytes, and a nonce may have them.
pub(super) const COOKIE_BYTES: usize = 32;

/// What one side's proof begins with, and the other's.
const SERVER: &[u8] = b"Tor safe cookie authentication server-to-controller hash";
const CLIENT: &[u8] = b"Tor safe cookie authentication controller-to-server hash";

/// How to authenticate.
#[derive(Debug, PartialEq)]
pub(super) enum Way {
    /// With what stands behind `AUTHENTICATE`: nothing, or a password.
    With(String),
    /// By the cookie in this file, shown.
    Cookie(PathBuf),
    /// The same, proven and not shown.
    SafeCookie(PathBuf),
}

/// The way that asks for least, of those that a reply to `PROTOCOLINFO` offers.
///
/// # Errors
/// What the operator can change.
pub(super) fn choose(info: &Reply, password: Option<&Secret>) -> Result<Way, String> {
    let methods = info.word("AUTH", "METHODS").unwrap_or_default();
    let offers = |method: &str| methods.split(',').any(|one| one == method);
    let cookie = info.word("AUTH", "COOKIEFILE").and_then(unquoted);
    let cookie = cookie.map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
    if offers("NULL") {
        return Ok(Way::With(String::new()));
    }
    if let Some(password) = password.filter(|_| offers("HASHEDPASSWORD")) {
        // In hexadecimal nothing has to be quoted.
        return Ok(Way::With(hex(password.expose().as_bytes())));
    }
    match cookie {
        Some(path) if offers("SAFECOOKIE") => Ok(Way::SafeCookie(path)),
        // Only old ones: whoever else listens there would be shown a file of ours.
        Some(path) if offers("COOKIE") => Ok(Way::Cookie(path)),
        _ if offers("HASHEDPASSWORD") => Err("it wants a password: set TOR_CONTROL_PASSWORD".to_owned()),
        _ => Err("it offers no way to authenticate that is known here".to_owned()),
    }
}

/// The cookie in a file.
///
/// # Errors
/// What the operator can change.
pub(super) fn cookie(path: &Path) -> Result<[u8; COOKIE_BYTES], String> {
    // People are told it too, and it is the port that says it.
    let name = shown(path.as_os_str().as_encoded_bytes());
    let remedy = "let alertik read it, or set TOR_CONTROL_PASSWORD";
    // The port says which file it is: of anything else than a cookie nothing is read, least of all a pipe.
    let is_one = |meta: &fs::Metadata| meta.is_file() && meta.len() == COOKIE_BYTES as u64;
    match fs::metadata(path).and_then(|meta| is_one(&meta).then(|| fs::read(path)).transpose()) {
        Err(error) => Err(format!("the cookie cannot be read ({remedy}): {name}: {error}")),
        Ok(bytes) => bytes
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| format!("there is no cookie ({remedy}): {name}")),
    }
}

/// What is to be put behind `AUTHENTICATE` after a reply to `AUTHCHALLENGE`; none if that is no proof.
pub(super) fn proof(cookie: &[u8], nonce: &[u8], reply: &Reply) -> Option<String> {
    let theirs = unhex(reply.word("AUTHCHALLENGE", "SERVERNONCE")?)?;
    let hash = unhex(reply.word("AUTHCHALLENGE", "SERVERHASH")?)?;
    let text = [cookie, nonce, &theirs].concat();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SERVER), &text, &hash).ok()?;
    Some(hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, CLIENT), &text).as_ref()))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let bytes = |pair: &[u8]| match *pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    };
    digits?.chunks(2).map(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(methods: &str, file: &str) -> Reply {
        let auth = format!("AUTH METHODS={methods}{file}");
        Reply { code: 250, lines: vec!["PROTOCOLINFO 1".to_owned(), auth, "OK".to_owned()] }
    }

    #[test]
    fn what_asks_for_least_is_chosen() {
        let check = |methods: &str, password: Option<&str>, expected: Result<Way, &str>| {
            let file = if methods.contains("COOKIE") { " COOKIEFILE=\"/run/c\"" } else { "" };
            let way = choose(&info(methods, file), password.map(Secret::new).as_ref());
            assert_eq!(way, expected.map_err(str::to_owned), "{methods}");
        };
        let with = |text: &str| Ok(Way::With(text.to_owned()));
        let (safe, shown) = (|| Ok(Way::SafeCookie("/run/c".into())), || Ok(Way::Cookie("/run/c".into())));
        check("NULL", None, with(""));
        check("NULL", Some("pass"), with(""));
        check("HASHEDPASSWORD", Some("p \""), with("702022"));
        check("HASHEDPASSWORD", None, Err("it wants a password: set TOR_CONTROL_PASSWORD"));
        check("COOKIE,SAFECOOKIE", None, safe());
        check("COOKIE", None, shown());
        check("COOKIE,SAFECOOKIE,HASHEDPASSWORD", Some("p"), with("70"));
        check("COOKIE,SAFECOOKIE,HASHEDPASSWORD", None, safe());
        // A password that it does not ask for is not sent.
        check("COOKIE,SAFECOOKIE", Some("p"), safe());
        check("X", Some("p"), Err("it offers no way to authenticate that is known here"));
    }

    #[test]
    fn only_who_knows_the_cookie_is_shown_that_we_do() {
        let (cookie, nonce, theirs) = ([7; COOKIE_BYTES], [1; COOKIE_BYTES], [2; COOKIE_BYTES]);
        let text = [cookie, nonce, theirs].concat();
        let sign = |key: &[u8]| hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &text).as_ref());
        let check = |cookie: &[u8], hash: &str, expected: Option<String>| {
            let line = format!("AUTHCHALLENGE SERVERHASH={hash} SERVERNONCE={}", hex(&theirs));
            let reply = Reply { code: 250, lines: vec![line] };
            assert_eq!(proof(cookie, &nonce, &reply), expected);
        };
        check(&cookie, &sign(SERVER).to_uppercase(), Some(sign(CLIENT)));
        check(&[8; COOKIE_BYTES], &sign(SERVER), None);
        check(&cookie, &sign(CLIENT), None);
        check(&cookie, "", None);
        check(&cookie, "0", None);
        check(&cookie, "xx", None);
    }

    #[test]
    fn a_file_that_is_no_cookie_is_not_read() {
        let check = |path: &str, words: &str| {
            let error = cookie(Path::new(path)).unwrap_err();
            assert!(error.starts_with(words) && error.contains("TOR_CONTROL_PASSWORD"), "{error}");
        };
        check("/dev/null", "there is no cookie");
        check("/etc/passwd", "there is no cookie");
        check("/nowhere", "the cookie cannot be read");
        let error = cookie(Path::new("/nowhere\nalertik: all is well\u{1b}[2J")).unwrap_err();
        assert!(error.contains(r#""/nowhere\nalertik: all is well\u{1b}[2J": "#), "{error}");
        assert!(cookie(Path::new(&"/x".repeat(4000))).unwrap_err().len() < 300);
    }
}
