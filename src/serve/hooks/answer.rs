//! One call of a hook, from its headers to the answer.
//!
//! Apart from what a call says, which is pure. Here is only who may, what may be waited for, and what is counted.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::access::{self, Access};
use super::super::body::{Body, plain, unauthorized};
use super::super::{Ask, Site};
use super::intake::Refusal;
use super::settings::Listed;
use super::signature::{self, Claim};
use super::{Message, render};
use crate::alert::Priority;
use crate::hook::{Taken, Told};
use crate::log::{self, Level};
use crate::stats::{Counter, HookTally};

/// A disk that needs longer is in trouble; who asked can come again.
const KEEP_TIMEOUT: Duration = Duration::from_secs(10);

/// What a request calls: a hook by its place, or one that there is not.
pub(in crate::serve) fn called(hooks: &[Listed], method: &Method, path: &str) -> Option<Option<usize>> {
    let name = path.strip_prefix("/hook/").or_else(|| path.strip_prefix('/'))?;
    let place = hooks.iter().position(|hook| hook.name == name);
    let is_ours = matches!(name, "" | "login" | "logout") || name.contains('/');
    // Nobody is asked who they are to hear that there is nothing. Without hooks it is as it always was.
    let is_unknown = path.starts_with("/hook/") || *method == Method::POST && !is_ours;
    (place.is_some() || is_unknown && !hooks.is_empty()).then_some(place)
}

/// Why a call is not told.
#[derive(Clone, Copy, Debug)]
enum Refused {
    Unknown,
    Method,
    /// Somebody there guesses.
    Guesses,
    Stranger,
    /// Nobody may call so.
    Foreign(&'static str),
    Unread(Refusal),
    Empty,
    NoRoom,
    NotKept,
}

/// Where it is counted.
type Which = fn(&HookTally) -> &Counter;

/// What is answered: a status, words, after how many seconds to come again, and where it is counted.
type Answer = (StatusCode, &'static str, Option<&'static str>, Which);

impl Refused {
    fn answer(self) -> Answer {
        let unauthorized: Which = |tally| &tally.unauthorized;
        let too_long: Which = |tally| &tally.too_long;
        let busy: Which = |tally| &tally.busy;
        let failed: Which = |tally| &tally.failed;
        match self {
            Refused::Unknown => (StatusCode::NOT_FOUND, "there is no such hook", None, failed),
            Refused::Method => (StatusCode::METHOD_NOT_ALLOWED, "POST only", None, failed),
            Refused::Guesses => (
                StatusCode::TOO_MANY_REQUESTS,
                "too many wrong tokens: wait a second",
                Some("1"),
                unauthorized,
            ),
            Refused::Stranger => (
                StatusCode::UNAUTHORIZED,
                "a token is needed, or a signature made with the secret, a signed time within 5 min of ours",
                None,
                unauthorized,
            ),
            Refused::Foreign(why) => (StatusCode::FORBIDDEN, why, None, unauthorized),
            Refused::Unread(Refusal::TooLong) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "longer than 1 MiB", None, too_long)
            }
            Refused::Unread(Refusal::Busy) => {
                (StatusCode::TOO_MANY_REQUESTS, "too many bodies at a time: come again", Some("1"), busy)
            }
            Refused::Unread(Refusal::TooSlow) => (StatusCode::REQUEST_TIMEOUT, "too slow", None, failed),
            Refused::Unread(Refusal::Broken) => {
                (StatusCode::BAD_REQUEST, "the body has no end", None, failed)
            }
            Refused::Empty => {
                (StatusCode::BAD_REQUEST, "the body is empty: there is nothing to tell", None, failed)
            }
            Refused::NoRoom => {
                (StatusCode::TOO_MANY_REQUESTS, "too many alerts wait: come again", Some("10"), busy)
            }
            Refused::NotKept => (StatusCode::SERVICE_UNAVAILABLE, "it is not kept: come again", None, failed),
        }
    }
}

/// Answers a call.
pub(in crate::serve) async fn answer(
    site: &Site,
    called: Option<usize>,
    (parts, body): (Parts, Incoming),
    peer: IpAddr,
    stays: &AtomicBool,
) -> Response<Body> {
    let may = may_call(site, called, &parts, peer);
    // Of whoever may not call it is read too, and thrown away: or they would not read the answer.
    let is_known = may.as_ref().is_ok_and(|(_, claim)| claim.is_none());
    let kept = site.desk.take(body, is_known, may.is_err()).await;
    let told = may.and_then(|(hook, claim)| {
        let kept = kept.map_err(Refused::Unread)?;
        message(site, hook, claim, &parts.headers, &kept.bytes, peer)
    });
    let ended = match (told, called) {
        (Ok(Message { text, priority }), Some(hook)) => {
            let (done, taken) = oneshot::channel();
            let done = Box::new(move |taken| {
                // Whoever asked may have gone.
                let _ = done.send(taken);
            });
            (site.ask)(Ask::Hook(Told { hook, text, priority, done }));
            stays.store(true, Ordering::Relaxed);
            let taken = timeout(KEEP_TIMEOUT, taken).await;
            stays.store(false, Ordering::Relaxed);
            match taken {
                Ok(Ok(Taken::Kept)) => Ok(()),
                Ok(Ok(Taken::NoRoom)) => Err(Refused::NoRoom),
                // It may be kept by now: whoever comes again is told twice, rather than not at all.
                Ok(Err(_)) | Err(_) => Err(Refused::NotKept),
            }
        }
        (Ok(_), None) => Err(Refused::Unknown),
        (Err(refused), _) => Err(refused),
    };
    let mut response = said(site, called, ended, peer);
    // Alertmanager drops what any 4xx answers, 429 too: it comes again after 5xx alone.
    let agent = parts.headers.get(USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
    if matches!(ended, Err(Refused::NoRoom | Refused::Unread(Refusal::Busy)))
        && agent.starts_with(b"Alertmanager/")
    {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Counts how a call ended, and says it: in the log, if it was refused, and to who called.
fn said(site: &Site, called: Option<usize>, ended: Result<(), Refused>, peer: IpAddr) -> Response<Body> {
    let tally = called.and_then(|place| site.stats.hooks.get(place));
    let Err(refused) = ended else {
        tally.into_iter().for_each(|tally| tally.accepted.add_one());
        return plain(StatusCode::OK, "ok\n");
    };
    let (status, words, seconds, which) = refused.answer();
    tally.map_or(&site.stats.hooks_unknown, which).add_one();
    {
        let name = tally.map_or("", |tally| &*tally.name);
        let mut pace = site.desk.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let values: log::Values<'_> = &[("hook", &name), ("reason", &words), ("from", &peer)];
        log::paced(&mut pace, Instant::now(), Level::Warn, "hook refused", values);
    }
    let words = format!("{words}\n");
    let mut response = match refused {
        Refused::Stranger => unauthorized(&words),
        _ => plain(status, words),
    };
    let headers = response.headers_mut();
    if let Some(seconds) = seconds {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// The hook, and if it hangs on the body whether it may be called, what to compare that with.
fn may_call<'a>(
    site: &'a Site,
    called: Option<usize>,
    parts: &Parts,
    peer: IpAddr,
) -> Result<(&'a Listed, Option<Claim>), Refused> {
    let (headers, now) = (&parts.headers, Instant::now());
    let hook = called.and_then(|place| site.settings.hooks.get(place)).ok_or(Refused::Unknown)?;
    if parts.method != Method::POST {
        return Err(Refused::Method);
    }
    let claim = hook.keys.as_ref().and_then(|_| signature::claim(headers));
    let is_try = claim.is_some() || access::is_try(headers);
    if is_try && !site.guesses.may_try(peer, now) {
        return Err(Refused::Guesses);
    }
    let access = match &hook.keys {
        None => access::of_page(&site.settings, headers),
        Some(keys) if keys.open(headers) => Access::Granted,
        Some(_) if claim.is_some() => return Ok((hook, claim)),
        Some(_) => Access::TokenMissing,
    };
    match access {
        Access::Granted => Ok((hook, None)),
        Access::TokenMissing => {
            if is_try {
                site.guesses.note_wrong(peer, now);
            }
            Err(Refused::Stranger)
        }
        Access::Refused(why) => Err(Refused::Foreign(why)),
    }
}

/// What is told of a body, if who sent it may have that told.
fn message(
    site: &Site,
    hook: &Listed,
    claim: Option<Claim>,
    headers: &HeaderMap,
    body: &[u8],
    peer: IpAddr,
) -> Result<Message, Refused> {
    if let (Some(claim), Some(keys)) = (&claim, &hook.keys)
        && !keys.prove(claim, body, SystemTime::now())
    {
        site.guesses.note_wrong(peer, Instant::now());
        return Err(Refused::Stranger);
    }
    // A sign of life says nothing, and nobody reads it.
    if hook.notifiers.is_none() {
        return Ok(Message { text: String::new(), priority: Priority::Normal });
    }
    if body.trim_ascii().is_empty() {
        return Err(Refused::Empty);
    }
    let (kind, message) = render(&|name| headers.get(name)?.to_str().ok(), body);
    log::debug("hook called", &[("hook", &hook.name), ("kind", &kind), ("bytes", &body.len())]);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_hook_or_none_of_ours() {
        let hook = Listed { rule: "HOOK0".to_owned(), name: "a".to_owned(), notifiers: None, keys: None };
        let hooks = [hook];
        let check = |method: Method, path: &str, expected: Option<Option<usize>>| {
            assert_eq!(called(&hooks, &method, path), expected, "{method} {path}");
            // Nothing is another's business without hooks.
            assert_eq!(called(&[], &method, path), None);
        };
        for path in ["/a", "/hook/a"] {
            check(Method::POST, path, Some(Some(0)));
            check(Method::GET, path, Some(Some(0)));
        }
        check(Method::POST, "/b", Some(None));
        check(Method::POST, "/hook/b", Some(None));
        check(Method::GET, "/hook/b", Some(None));
        for path in ["/", "/b", "/login", "/api/mute", "/a/"] {
            check(Method::GET, path, None);
        }
        for path in ["/", "/login", "/logout", "/api/mute", "/debug/pprof/profile"] {
            check(Method::POST, path, None);
        }
    }
}
