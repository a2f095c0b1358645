//! Alertmanager: alerts with labels, which it groups, silences and routes; one, or the members of a cluster.
//!
//! ```text
//!   alert ─► Firing (labels, annotations, from when to when) ─► POST /api/v2/alerts ─┬─► member 1
//!              │                                                                     └─► member 2
//!              └─ Kept: all that is firing, said again to each member every 30 s
//! ```
//!
//! Members tell one another what they have notified, and not what they were sent, so
//! each must be sent every alert. One that took it is enough for it to be delivered:
//! a member that did not hears of it when all is said again. So a member that is down
//! is asked no more for each alert, and the others do not wait for it.
//!
//! A `Notifier` and not only a `Service`, because it has several addresses and
//! because it must repeat what lasts.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::http::{Answer, Client, Request, Service, Url, policy};
use super::{Entry, Notification, Notifier, Opening, Outcome};
use crate::log;
use crate::secret::Secret;
use crate::vars::{Faults, comma_list};

mod firing;

use firing::{EVERY, Firing, Kept};

pub(super) const ENTRY: Entry = Entry {
    name: "Alertmanager",
    prefix: "ALERTMANAGER_",
    required: &["URL"],
    optional: &[],
    takes_target: false,
    open,
};

/// For all members together, as for any attempt.
const WHOLE: Duration = Duration::from_secs(30);

/// A member of several is waited for no longer. The others wait 15 s for the first of them to notify
/// (`--cluster.peer-timeout`): what came much later than that would be notified twice.
const MEMBER: Duration = Duration::from_secs(10);

/// Whether a member that was down is back shows sooner, and the next alert waits for it.
const DOWN: Duration = Duration::from_secs(3);

#[derive(Deserialize, Default)]
struct Variables {
    url: Option<String>,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { url } = opening.vars.section(opening.entry.prefix);
    let urls = opening.text("URL", url, faults);
    if opening.is_encrypted {
        let name = opening.variable("ENCRYPT_TO");
        faults.fault(format!(
            "{name}: Alertmanager routes and groups by labels that it can read (expected {name}=none, which sends them in clear)"
        ));
    }
    let listener = listener();
    let mut members: Vec<Member> = Vec::new();
    let urls = urls?;
    for url in comma_list(&urls) {
        let member = opening.url("URL", Some(url.to_owned()), faults).map(|url| Member {
            number: members.len() + 1,
            listener: Arc::clone(&listener),
            ..Member::new(&url)
        })?;
        if !members.iter().any(|known| known.alerts.expose() == member.alerts.expose()) {
            members.push(member);
        }
    }
    // A list of nothing (`,`) names nobody.
    if members.is_empty() {
        opening.text("URL", Some(String::new()), faults);
    }
    if members.is_empty() || opening.is_encrypted {
        return None;
    }
    let limit = match members.len() as u32 {
        1 => WHOLE,
        count => MEMBER.min(WHOLE / count),
    };
    let client = opening.client.clone();
    Some(Box::new(Alertmanager {
        members,
        client,
        limit,
        kept: Kept::default(),
        is_unheard: false,
        next: None,
        pace: log::Pace::default(),
    }))
}

/// What this machine is called: by it two listeners' own troubles are told apart.
fn listener() -> Arc<str> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().into()
}

/// One Alertmanager.
struct Member {
    /// Its place in the variable, from 1 on: its URL may hold a password.
    number: usize,
    alerts: Url,
    /// User and password of the URL, if it has them.
    login: Option<Login>,
    listener: Arc<str>,
    /// It did not take the last that it was sent.
    is_down: bool,
}

struct Login {
    authorization: Secret,
    /// What an answer may repeat.
    password: Secret,
}

impl Member {
    /// What a URL names; without user and password, which are sent in a header (RFC 7617).
    fn new(url: &Url) -> Member {
        let (url, login) = match url.login() {
            None => (url.clone(), None),
            Some((url, user, password)) => {
                let basic = STANDARD.encode(format!("{user}:{password}"));
                let authorization = Secret::new(format!("Basic {basic}"));
                (url, Some(Login { authorization, password: Secret::new(password) }))
            }
        };
        let alerts = url.without_slash().join("/api/v2/alerts");
        Member { number: 1, alerts, login, listener: Arc::default(), is_down: false }
    }

    fn post(&self, alerts: &Value) -> Request {
        let mut request = Request::post_json(self.alerts.clone(), alerts);
        if let Some(login) = &self.login {
            request.headers.push(("authorization".into(), login.authorization.expose().to_owned()));
            request.secrets.push(login.password.clone());
        }
        request
    }

    fn send(&mut self, client: &Client, alerts: &Value, limit: Duration) -> Outcome {
        match client.send_within(self.post(alerts), limit) {
            Ok(answer) => self.judge(&answer),
            Err(reason) => Outcome::Failed { reason },
        }
    }

    /// Takes in what became of an attempt; says so when that has changed.
    fn note(&mut self, outcome: &Outcome) {
        let was_down = self.is_down;
        let reason = match outcome {
            // It answered, and would say the same of that text again.
            Outcome::Delivered { .. } | Outcome::Rejected { .. } => None,
            Outcome::TooFast { reason, .. }
            | Outcome::Failed { reason }
            | Outcome::Again { reason }
            | Outcome::Parked { reason } => Some(reason),
        };
        self.is_down = reason.is_some();
        match reason {
            Some(reason) if !was_down => log::warn(
                "member is down",
                &[("notifier", &ENTRY.name), ("member", &self.number), ("reason", reason)],
            ),
            None if was_down => {
                log::info("member is back", &[("notifier", &ENTRY.name), ("member", &self.number)]);
            }
            _ => {}
        }
    }
}

impl Service for Member {
    fn request(&self, notification: &Notification<'_>) -> Request {
        let firing = Firing::new(notification, &self.listener);
        self.post(&Value::Array(vec![firing.json(notification.now)]))
    }

    fn armor_chars_max(&self) -> Option<usize> {
        None
    }

    fn judge(&mut self, answer: &Answer) -> Outcome {
        // What it makes of an alert is a text; what it makes of a body is an object.
        let pointer = if answer.json().is_string() { "" } else { "/message" };
        policy::judge_with(answer, answer.words_at(pointer))
    }
}

struct Alertmanager {
    members: Vec<Member>,
    client: Client,
    /// What one of them may take.
    limit: Duration,
    kept: Kept,
    /// What was said again last was heard by nobody.
    is_unheard: bool,
    /// When all is said again.
    next: Option<Instant>,
    pace: log::Pace,
}

impl Alertmanager {
    /// Sends to all members that are up, and to the others if none of them takes it, or `to_all`.
    fn send(&mut self, alerts: &Value, to_all: bool) -> Outcome {
        // Those that are up must not wait for those that are not.
        let count = self.members.len();
        let (up, down): (Vec<_>, Vec<_>) = self.members.iter_mut().partition(|member| !member.is_down);
        let mut whole: Option<Outcome> = None;
        for member in up.into_iter().chain(down) {
            let is_taken = matches!(whole, Some(Outcome::Delivered { .. }));
            if member.is_down && is_taken && !to_all {
                break;
            }
            let limit = if member.is_down && is_taken { DOWN } else { self.limit };
            let outcome = member.send(&self.client, alerts, limit);
            if count > 1 {
                member.note(&outcome);
            }
            if whole.as_ref().is_none_or(|whole| hope(&outcome) > hope(whole)) {
                whole = Some(outcome);
            }
        }
        whole.unwrap_or(Outcome::Delivered { pause: None })
    }
}

/// Of several outcomes the most hopeful is that of the whole.
fn hope(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Rejected { .. } => 0,
        Outcome::Parked { .. } => 1,
        Outcome::TooFast { .. } => 2,
        Outcome::Failed { .. } | Outcome::Again { .. } => 3,
        Outcome::Delivered { .. } => 4,
    }
}

impl Notifier for Alertmanager {
    /// It groups and holds back by itself, by labels that a summary would not have.
    fn takes_floods(&self) -> bool {
        true
    }

    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        let listener = self.members.first().map(|member| Arc::clone(&member.listener)).unwrap_or_default();
        let firing = self.kept.firing(notification, &listener);
        let outcome = self.send(&Value::Array(vec![firing.json(notification.now)]), false);
        if matches!(outcome, Outcome::Delivered { .. }) {
            let gone = self.kept.keep(firing);
            if gone > 0 {
                let values: log::Values<'_> = &[("notifier", &ENTRY.name), ("alerts", &gone)];
                log::paced(&mut self.pace, Instant::now(), log::Level::Warn, "no more said again", values);
            }
        }
        outcome
    }

    /// Or a summary would end what it has never heard begin, and what has ended would go on.
    fn follows_troubles(&self) -> bool {
        true
    }

    fn gave_up(&mut self, notification: &Notification<'_>) {
        self.kept.give_up(notification);
    }

    fn refresh(&mut self, now: (Instant, SystemTime)) -> Option<Instant> {
        if self.kept.is_empty() {
            self.next = None;
            return None;
        }
        let next = *self.next.get_or_insert(now.0 + EVERY);
        if next > now.0 {
            return Some(next);
        }
        // An end that is said while nobody hears it would be none.
        if !self.is_unheard {
            self.kept.grow_older();
        }
        self.next = None;
        if !self.kept.is_empty() {
            self.next = Some(now.0 + EVERY);
            // A single one that is down is told of by the next alert.
            let outcome = self.send(&self.kept.json(now.1), true);
            // One that is refused is refused each time, and the others were taken.
            self.is_unheard = !matches!(outcome, Outcome::Delivered { .. } | Outcome::Rejected { .. });
        }
        self.next
    }

    fn armor_chars_max(&self) -> Option<usize> {
        None
    }

    fn takes_values(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn service(&mut self) -> Option<&mut dyn Service> {
        self.members.first_mut().map(|member| member as &mut dyn Service)
    }
}

#[cfg(test)]
mod tests;
