//! What the page and the commands ask for, as JSON.
//!
//! ```text
//!   GET  /api/state                                     everything there is to show but lines
//!   POST /api/test   {"notifier":"Telegram"}
//!   POST /api/mute   {"rule":"EVENT0","span":"2h"}      without a rule: all; "off" ends it
//!   POST /api/try    {"match_type":…,"pattern":…,"mask":…,"texts":[…]}
//!   POST /api/draft  {"variables":{"EVENT0_NOTIFIER":…}}
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::aside::aside;
use super::body::{Body, json, plain, read_json};
use super::{Ask, Site};
use crate::figures::NotifierCard;
use crate::health::Condition;
use crate::line::LINE_BYTES_MAX;
use crate::span;
use crate::trial::Question;

/// Nobody means to hear nothing for longer; and time can be reckoned with.
pub const MUTE_MAX: Duration = Duration::from_secs(31 * 86_400);

/// Texts that are tried at a time: a screenful.
const TEXTS_MAX: usize = 100;

/// After so long no further text is tried: somebody waits.
const TRY_TIME_MAX: Duration = Duration::from_secs(1);

/// A pattern, or a mask, as long as what is kept of a line.
const PATTERN_BYTES_MAX: usize = 4096;

#[derive(Serialize)]
struct State<'a> {
    version: &'static str,
    uptime_seconds: u64,
    /// True if one logs in, and so can log out.
    locked: bool,
    troubles: Vec<&'a str>,
    /// What was lost, by kind: zeros if all is well.
    lost: Lost,
    lines: usize,
    alerts: usize,
    suppressed: usize,
    delivered: usize,
    routers: Vec<RouterRow<'a>>,
    rules: Vec<RuleRow<'a>>,
    notifiers: Vec<NotifierRow<'a>>,
}

#[derive(Serialize)]
struct Lost {
    lines_evicted: usize,
    kernel_drops: usize,
    alerts_evicted: usize,
    rejected: usize,
    expired: usize,
}

#[derive(Serialize)]
struct RouterRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    address: Cow<'static, str>,
    lines: usize,
}

#[derive(Serialize)]
struct RuleRow<'a> {
    name: &'a str,
    description: &'a str,
    notifiers: &'a [String],
    matched: usize,
    alerts: usize,
    suppressed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seconds_ago: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    muted_seconds: Option<u64>,
}

#[derive(Serialize)]
struct NotifierRow<'a> {
    name: &'a str,
    condition: &'static str,
    waiting: usize,
    delivered: usize,
    postponed: usize,
    rejected: usize,
    expired: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_seconds_ago: Option<u64>,
}

/// Everything there is to show at `now`.
pub(super) fn state(site: &Site, now: Instant) -> Response<Body> {
    let stats = &site.stats;
    let since = |then: Instant| now.saturating_duration_since(then).as_secs();
    json(&State {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: since(site.start),
        locked: site.settings.token.is_some(),
        troubles: site.health.troubles(now),
        lost: Lost {
            lines_evicted: stats.lines_evicted.count(),
            kernel_drops: stats.kernel_drops.count(),
            alerts_evicted: stats.alerts_evicted.count(),
            rejected: stats.deliveries.rejected.count(),
            expired: stats.deliveries.expired.count(),
        },
        lines: stats.lines_received.count(),
        alerts: stats.alerts.count(),
        suppressed: stats.alerts_suppressed.count(),
        delivered: stats.deliveries.delivered.count(),
        routers: routers(site),
        rules: rules(site, now),
        notifiers: site.notifiers.iter().map(|card| notifier(card, now)).collect(),
    })
}

fn routers(site: &Site) -> Vec<RouterRow<'_>> {
    let row = |(from, lines): (Option<std::net::IpAddr>, usize)| RouterRow {
        name: from.and_then(|from| site.routers.name(from)),
        address: from.map_or(Cow::Borrowed("others"), |from| from.to_string().into()),
        lines,
    };
    site.stats.senders.counts().into_iter().map(row).collect()
}

fn rules(site: &Site, now: Instant) -> Vec<RuleRow<'_>> {
    let cards = site.rules.iter().zip(&site.stats.rules);
    let rows = cards.map(|(card, tally)| RuleRow {
        name: &card.name,
        description: &card.description,
        notifiers: &card.notifiers,
        matched: tally.matched.count(),
        alerts: tally.alerts.count(),
        suppressed: tally.suppressed.count(),
        last_seconds_ago: tally.last_matched().map(|at| now.saturating_duration_since(at).as_secs()),
        muted_seconds: tally.muted_until(now).map(|until| until.saturating_duration_since(now).as_secs()),
    });
    rows.collect()
}

fn notifier(card: &NotifierCard, now: Instant) -> NotifierRow<'_> {
    let figures = &card.pulse.deliveries;
    let answer = card.pulse.last_answer();
    let ago = answer.as_ref().map(|answer| now.saturating_duration_since(answer.at).as_secs());
    NotifierRow {
        name: &card.name,
        condition: match card.pulse.condition(now) {
            Condition::Well => "well",
            Condition::Stuck => "stuck",
            Condition::Parked => "parked",
        },
        waiting: (card.waiting)(),
        delivered: figures.delivered.count(),
        postponed: figures.postponed.count(),
        rejected: figures.rejected.count(),
        expired: figures.expired.count(),
        answer: answer.map(|answer| if answer.words.is_empty() { "taken".to_owned() } else { answer.words }),
        answered_seconds_ago: ago,
    }
}

#[derive(Deserialize)]
struct Test {
    notifier: String,
}

/// Has a test alert told, behind whatever waits for the same notifier.
pub(super) async fn test(site: &Site, body: Incoming) -> Response<Body> {
    let asked: Test = match read_json(body).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    match site.notifiers.iter().position(|card| card.name == asked.notifier) {
        Some(number) => {
            (site.ask)(Ask::Test(number));
            plain(StatusCode::ACCEPTED, "on its way\n")
        }
        None => plain(StatusCode::NOT_FOUND, "there is no such notifier\n"),
    }
}

#[derive(Deserialize)]
struct Mute {
    rule: Option<String>,
    span: String,
}

/// Mutes a rule, or all of them.
pub(super) async fn mute(site: &Site, body: Incoming, now: Instant) -> Response<Body> {
    let asked: Mute = match read_json(body).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let place = |name: String| site.rules.iter().position(|card| card.name == name);
    let rule = match asked.rule.map(place) {
        Some(None) => return plain(StatusCode::NOT_FOUND, "there is no such rule\n"),
        Some(rule) => rule,
        None => None,
    };
    if rule.and_then(|index| site.rules.get(index)).is_some_and(|card| card.is_urgent) {
        return plain(StatusCode::CONFLICT, "what is urgent is never held\n");
    }
    let until = match &*asked.span {
        "off" => None,
        text => match span::read(text).filter(|span| *span <= MUTE_MAX) {
            Some(span) => Some(now + span),
            None => {
                return plain(
                    StatusCode::BAD_REQUEST,
                    "span: expected 90s, 10m, 24h, 7d (at most 31d) or off\n",
                );
            }
        },
    };
    (site.ask)(Ask::Mute(rule, until));
    plain(StatusCode::ACCEPTED, if until.is_some() { "muted\n" } else { "not muted\n" })
}

#[derive(Deserialize)]
struct Try {
    match_type: String,
    pattern: String,
    mask: Option<String>,
    texts: Vec<String>,
}

/// Tries a pattern and a mask on texts.
pub(super) async fn try_pattern(site: &Site, body: Incoming) -> Response<Body> {
    let asked: Try = match read_json(body).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let longest = asked.mask.as_ref().map_or(0, String::len).max(asked.pattern.len());
    if longest > PATTERN_BYTES_MAX || asked.texts.len() > TEXTS_MAX {
        let text = format!("at most {PATTERN_BYTES_MAX} bytes of pattern or mask and {TEXTS_MAX} texts\n");
        return plain(StatusCode::PAYLOAD_TOO_LARGE, text);
    }
    let answer = site.try_pattern;
    let tried = aside(move || {
        answer(&Question {
            is_substr: asked.match_type == "substr",
            pattern: asked.pattern.as_bytes(),
            mask: asked.mask.as_ref().map(String::as_bytes),
            // As the daemon keeps them.
            texts: asked.texts.iter().map(|text| kept(text.as_bytes())).collect(),
            within: Some(TRY_TIME_MAX),
        })
    });
    tried.await.map_or_else(|response| response, |answer| json(&answer))
}

fn kept(text: &[u8]) -> &[u8] {
    text.get(..LINE_BYTES_MAX).unwrap_or(text)
}

#[derive(Deserialize)]
struct Variables {
    variables: BTreeMap<String, String>,
}

/// What variables would come to.
pub(super) async fn draft(site: &Site, body: Incoming) -> Response<Body> {
    match read_json::<Variables>(body).await {
        Ok(asked) => {
            let (read, variables) = (site.read_draft, asked.variables.into_iter().collect::<Vec<_>>());
            let draft = aside(move || read(&variables)).await;
            draft.map_or_else(|response| response, |draft| json(&draft))
        }
        Err(response) => response,
    }
}

/// The pairs of a query or a form (WHATWG URL, 5.1), decoded.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let number = (byte == b'%').then(|| after.get(..2)).flatten();
        let number = number.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        (rest, _) = match number {
            Some(number) => (after.get(2..).unwrap_or_default(), bytes.push(number)),
            None => (after, bytes.push(if byte == b'+' { b' ' } else { byte })),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs(text).collect();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(pairs, expected);
        };
        check("a=b+c%2B%C3%A9&d", &[("a", "b c+é"), ("d", "")]);
        check("a=%zz%4&&=", &[("a", "%zz%4"), ("", "")]);
        check("", &[]);
    }
}
