//! One call of a hook, from its headers to the answer.
//!
//! Apart from what a call says, which is pure. Here is only who may, what may be waited for, and what is counted.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::access::{self, Access};
use super::super::body::{Body, plain, unauthorized};
use super::super::{Ask, Site};
use super::intake::{BODY_BYTES_MAX, Refusal, drain};
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

/// How a call ended, before it was told.
struct Ended {
    response: Response<Body>,
    why: &'static str,
    which: fn(&HookTally) -> &Counter,
}

/// Answers a call.
pub(in crate::serve) async fn answer(
    site: &Site,
    called: Option<usize>,
    (parts, body): (Parts, Incoming),
    peer: IpAddr,
    stays: &AtomicBool,
) -> Response<Body> {
    let hook = called.and_then(|place| Some((place, site.settings.hooks.get(place)?)));
    let Some((place, hook)) = hook else {
        site.stats.hooks_unknown.add_one();
        refused(site, "", "unknown", peer);
        drain(body).await;
        return plain(StatusCode::NOT_FOUND, "there is no such hook\n");
    };
    let ended = match take(site, (place, hook), (parts, body), peer, stays).await {
        Ok(()) => Ended { response: plain(StatusCode::OK, "ok\n"), why: "", which: |tally| &tally.accepted },
        Err(ended) => {
            refused(site, &hook.name, ended.why, peer);
            ended
        }
    };
    if let Some(tally) = site.stats.hooks.get(place) {
        (ended.which)(tally).add_one();
    }
    ended.response
}

fn refused(site: &Site, hook: &str, why: &str, peer: IpAddr) {
    let mut pace = site.desk.pace.lock().unwrap_or_else(PoisonError::into_inner);
    let values: log::Values<'_> = &[("hook", &hook), ("reason", &why), ("from", &peer)];
    log::paced(&mut pace, Instant::now(), Level::Warn, "hook refused", values);
}

/// Has it told; or why not.
async fn take(
    site: &Site,
    (place, hook): (usize, &Listed),
    (parts, body): (Parts, Incoming),
    peer: IpAddr,
    stays: &AtomicBool,
) -> Result<(), Ended> {
    let claim = match may_call(site, hook, &parts, peer) {
        Ok(claim) => claim,
        Err(ended) => {
            drain(body).await;
            return Err(ended);
        }
    };
    let kept = site.desk.take(body, claim.is_none()).await.map_err(unread)?;
    if let (Some(claim), Some(keys)) = (&claim, &hook.keys)
        && !keys.prove(claim, &kept.bytes, SystemTime::now())
    {
        site.guesses.note_wrong(peer, Instant::now());
        return Err(stranger());
    }
    let message = message(hook, &parts.headers, &kept.bytes)?;
    // Others may have its place while this one waits for the disk.
    drop(kept);
    let (done, taken) = oneshot::channel();
    let Message { text, priority } = message;
    let done = Box::new(move |taken| {
        // Whoever asked may have gone.
        let _ = done.send(taken);
    });
    (site.ask)(Ask::Hook(Told { hook: place, text, priority, done }));
    stays.store(true, Ordering::Relaxed);
    let taken = timeout(KEEP_TIMEOUT, taken).await;
    stays.store(false, Ordering::Relaxed);
    match taken {
        Ok(Ok(Taken::Kept)) => Ok(()),
        Ok(Ok(Taken::NoRoom)) => Err(busy("10", "too many alerts wait: come again\n")),
        // It may be kept by now: whoever comes again is told twice, rather than not at all.
        Ok(Err(_)) | Err(_) => {
            let response = plain(StatusCode::SERVICE_UNAVAILABLE, "it is not kept: come again\n");
            Err(Ended { response, why: "not kept", which: |tally| &tally.failed })
        }
    }
}

/// Whether it may be looked at; if that hangs on the body, what to compare it with.
fn may_call(site: &Site, hook: &Listed, parts: &Parts, peer: IpAddr) -> Result<Option<Claim>, Ended> {
    let (headers, now) = (&parts.headers, Instant::now());
    let failed = |response, why| Ended { response, why, which: |tally| &tally.failed };
    if parts.method != Method::POST {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "POST only\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Err(failed(response, "another method"));
    }
    let claim = hook.keys.as_ref().and_then(|_| signature::claim(headers));
    let is_try = claim.is_some() || access::is_try(headers);
    if is_try && !site.guesses.may_try(peer, now) {
        let ended = busy("1", "too many wrong tokens: wait a second\n");
        return Err(Ended { which: |tally| &tally.unauthorized, why: "too many wrong tokens", ..ended });
    }
    let access = match &hook.keys {
        None => access::of_page(&site.settings, headers),
        Some(keys) if keys.open(headers) => Access::Granted,
        Some(_) if claim.is_some() => return Ok(claim),
        Some(_) => Access::TokenMissing,
    };
    match access {
        Access::Granted => Ok(None),
        Access::TokenMissing => {
            if is_try {
                site.guesses.note_wrong(peer, now);
            }
            Err(stranger())
        }
        Access::Refused(why) => {
            let response = plain(StatusCode::FORBIDDEN, format!("{why}\n"));
            Err(Ended { response, why: "not from here", which: |tally| &tally.unauthorized })
        }
    }
}

fn stranger() -> Ended {
    let response = unauthorized("the hook's secret is needed, as bearer token or by a signature\n");
    Ended { response, why: "no right token or signature", which: |tally| &tally.unauthorized }
}

fn busy(seconds: &'static str, text: &str) -> Ended {
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    Ended { response, why: "no room", which: |tally| &tally.busy }
}

fn unread(refusal: Refusal) -> Ended {
    let failed =
        |status, text: &str, why| Ended { response: plain(status, text), why, which: |tally| &tally.failed };
    match refusal {
        Refusal::Busy => busy("1", "too many bodies at a time: come again\n"),
        Refusal::TooSlow => failed(StatusCode::REQUEST_TIMEOUT, "too slow\n", "too slow"),
        Refusal::Broken => failed(StatusCode::BAD_REQUEST, "the body has no end\n", "no end"),
        Refusal::TooLong => {
            let response = plain(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {BODY_BYTES_MAX} bytes\n"));
            Ended { response, why: "too long", which: |tally| &tally.too_long }
        }
    }
}

/// What is told of a body.
fn message(hook: &Listed, headers: &HeaderMap, body: &[u8]) -> Result<Message, Ended> {
    // A sign of life says nothing, and nobody reads it.
    if hook.notifiers.is_none() {
        return Ok(Message { text: String::new(), priority: Priority::Normal });
    }
    if body.trim_ascii().is_empty() {
        let response = plain(StatusCode::BAD_REQUEST, "the body is empty: there is nothing to tell\n");
        return Err(Ended { response, why: "empty", which: |tally| &tally.failed });
    }
    let header = |name: &str| match name {
        "content-type" => headers.get(CONTENT_TYPE)?.to_str().ok(),
        _ => headers.get(name)?.to_str().ok(),
    };
    let (kind, message) = render(&header, body);
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
