//! The page: one document with its own script and style, and nothing from outside.
//!
//! The parts are files, so that editors and browsers know what they are; they are put together
//! when the daemon is built. What a browser may do with them is said in the headers: run this
//! script, by its hash, and no other.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Instant;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hyper::body::Incoming;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE};
use hyper::{Response, StatusCode};
use ring::digest;

use super::Site;
use super::access::{COOKIE_NAME, cookie_value};
use super::api::pairs;
use super::body::{self, Body, piece, plain};

mod lean;

use lean::SCRIPT;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const LOGIN: &str = include_str!("login.html");

const WRONG: &str = "<p class=\"bad\" role=\"alert\">That is not the token.</p>";

/// A form with a token: whoever sends it may be anybody.
const FORM_BYTES_MAX: usize = 1024;

struct Made {
    page: String,
    login: String,
    /// The same, and that what was given is not the token.
    wrong: String,
    policy: HeaderValue,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    let styled = |text: &str| text.replace("/*style*/", STYLE);
    MADE.get_or_init(|| Made {
        page: styled(PAGE).replace("/*script*/", SCRIPT),
        login: styled(LOGIN).replace("<!--wrong-->", ""),
        wrong: styled(LOGIN).replace("<!--wrong-->", WRONG),
        policy: policy(),
    })
}

/// Nothing but our own style and script, and no other place to send anything to. Text cannot become
/// script even by a mistake of ours: there are no trusted types to make it so.
fn policy() -> HeaderValue {
    let text = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        source(SCRIPT),
        source(STYLE),
    );
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// How a policy names a text (CSP level 3, 2.3.1).
fn source(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

fn html(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = piece(status, "text/html; charset=utf-8", text);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, made().policy.clone());
    // Not no-referrer: with that, a browser says "null" for where the form to log out comes from.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

/// The page.
pub(super) fn whole() -> Response<Body> {
    html(StatusCode::OK, &made().page)
}

/// Where the token is asked for.
pub(super) fn login_form(was_wrong: bool) -> Response<Body> {
    // Not 401: a browser would show a dialogue of its own for some of those.
    let text = if was_wrong { &made().wrong } else { &made().login };
    html(if was_wrong { StatusCode::FORBIDDEN } else { StatusCode::OK }, text)
}

/// Gives whoever has the token the cookie.
pub(super) async fn log_in(site: &Site, peer: IpAddr, body: Incoming) -> Response<Body> {
    let bytes = match body::read(body, FORM_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(response) => return response,
    };
    let form = String::from_utf8_lossy(&bytes);
    let given = pairs(&form).find(|(name, _)| name == "token").map(|(_, value)| value);
    match (&site.settings.token, given) {
        (Some(token), Some(given)) if token.is(given.trim().as_bytes()) => to_the_page(&format!(
            "{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000",
            cookie_value(token)
        )),
        _ => {
            site.guesses.note_wrong(peer, Instant::now());
            login_form(true)
        }
    }
}

/// Takes the cookie away.
pub(super) fn log_out() -> Response<Body> {
    to_the_page(&format!("{COOKIE_NAME}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"))
}

fn to_the_page(cookie: &str) -> Response<Body> {
    let mut response = plain(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_in_the_page_and_none_breaks_out_of_its_place() {
        let page = &made().page;
        assert!(page.contains(STYLE) && page.contains(SCRIPT) && !page.contains("/*script*/"));
        assert!(!SCRIPT.contains("</") && !STYLE.contains("</"));
        assert!(made().login.contains(STYLE) && made().wrong != made().login);
    }

    #[test]
    fn the_page_is_small_and_text_stays_text() {
        // It lies in the flash of the router as it is.
        assert!(made().page.len() < 44 * 1024, "{} bytes", made().page.len());
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            assert!(!SCRIPT.contains(way), "{way}");
        }
        for text in [PAGE, LOGIN] {
            assert!(!text.contains(" style=") && !text.contains(" onclick="));
        }
    }

    #[test]
    fn nothing_comes_from_outside() {
        for text in [&made().page, &made().login] {
            assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"));
        }
    }
}
