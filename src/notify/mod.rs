//! Delivery: destinations, one queue and one sender each, and the services behind them.
//!
//! ```text
//!   worker ─ accept(alert) ─► Dispatch ─► queue ─► sender ─► Telegram      a thread each:
//!                                     ├─► queue ─► sender ─► Slack         a dead one delays
//!                                     └─► queue ─► sender ─► Console       nobody else
//!                                           ▲
//!                                 store, spool: with STATE_DIR, what waits is on the disk
//!   worker ◄──────────── reports (parked, back, disk) ────────┘
//! ```
//!
//! A service is one file and a row of [`REGISTRY`]. It owns its variables and
//! describes one request; it never sends. [`http`] sends, for all of them, and
//! says what an answer means unless a service knows better.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::alert::DestinationId;
use crate::secret::Secret;
use crate::stats::Stats;
use crate::vars::{Faults, Vars, shown};

mod account;
mod alertmanager;
pub mod backoff;
mod boot;
mod cap;
mod channel;
#[cfg(test)]
mod conformance;
pub mod console;
mod dead;
pub mod destinations;
mod discord;
pub mod dispatch;
mod email;
pub mod encrypt;
mod fallback;
mod generic;
mod gotify;
pub mod http;
mod keeper;
mod matrix;
mod notification;
mod ntfy;
mod pushover;
mod queue;
mod report;
mod sender;
pub mod simplex;
mod slack;
mod spool;
mod store;
mod summary;
mod teams;
mod telegram;

pub use destinations::Destinations;
pub use dispatch::Dispatch;
pub use notification::Notification;
pub use report::{Contact, Ear, Report, Reporter};
pub use simplex::Listening;

/// A service this program can tell.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name that operators write, case-sensitive as in Alertik.
    pub name: &'static str,
    /// What its variables begin with.
    pub prefix: &'static str,
    /// The variables it cannot do without, less the prefix. If one of them is set,
    /// the operator means to use the service.
    pub required: &'static [&'static str],
    /// Its other variables, less the prefix.
    pub optional: &'static [&'static str],
    /// True if `Name/target` means something to it.
    pub takes_target: bool,
    /// Reads the settings; every fault is noted with the variable's full name.
    pub open: fn(&Opening<'_>, &mut Faults) -> Option<Box<dyn Notifier>>,
}

/// What a service is made of.
pub struct Opening<'a> {
    /// All variables; a service reads those with its own prefix.
    pub vars: &'a Vars,
    /// The row of the registry that is opened.
    pub entry: &'a Entry,
    /// What stood behind the slash in `Name/target`.
    pub target: Option<&'a str>,
    /// How requests are sent: connections, certificates, proxy.
    pub client: http::Client,
    /// True if every text it will be given is an armored age file, which must arrive as it is.
    pub is_encrypted: bool,
    /// What all destinations of simplex-chat have in common.
    pub shared: &'a simplex::Shared,
}

impl Opening<'_> {
    /// The full name of one of the service's variables.
    pub fn variable(&self, name: &str) -> String {
        format!("{}{name}", self.entry.prefix)
    }

    /// `value`, or a fault that names the missing variable.
    pub fn required<T>(&self, name: &str, value: Option<T>, faults: &mut Faults) -> Option<T> {
        if value.is_none() {
            faults.fault(format!("{} is not set, and {} needs it", self.variable(name), self.entry.name));
        }
        value
    }

    /// `value` without blanks around it, or a fault if nothing is left.
    pub fn text(&self, name: &str, value: Option<String>, faults: &mut Faults) -> Option<String> {
        let value = self.required(name, value, faults)?.trim().to_owned();
        if value.is_empty() {
            faults.fault(format!("{} is blank", self.variable(name)));
            return None;
        }
        Some(value)
    }

    /// A token that can travel in a header (RFC 6750, 2.1), or a fault that does not repeat it.
    pub fn token(&self, name: &str, value: Option<String>, faults: &mut Faults) -> Option<Secret> {
        let value = self.text(name, value, faults)?;
        if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b)) {
            faults.fault(format!(
                "{} is not a token (expected letters, digits and -._~+/=)",
                self.variable(name)
            ));
            return None;
        }
        Some(Secret::new(value))
    }

    /// What stood behind the slash, or else the variable's value; a fault if that is none.
    /// The variable's value is not repeated.
    pub fn target_or(
        &self,
        name: &str,
        value: Option<String>,
        is_one: fn(&str) -> bool,
        expected: &str,
        faults: &mut Faults,
    ) -> Option<String> {
        let value = self.text(name, value, faults)?;
        let (place, value) = match self.target {
            None => (self.variable(name), value),
            Some(target) => (shown(&format!("{}/{target}", self.entry.name)), target.to_owned()),
        };
        if !is_one(&value) {
            faults.fault(format!("{place} is not {expected}"));
            return None;
        }
        Some(value)
    }

    /// Where a connection that is no HTTP goes to, as `parse` reads it, or a fault that does not repeat it.
    pub fn address(
        &self,
        name: &str,
        value: Option<String>,
        parse: fn(&str) -> Result<http::Address, &'static str>,
        expected: &str,
        faults: &mut Faults,
    ) -> Option<http::Address> {
        let value = self.text(name, value, faults)?;
        let name = self.variable(name);
        match parse(&value) {
            // Looked up here, the name would be told to the local network, in vain.
            Ok(address) if address.is_onion() && !http::has_proxy(self.vars, self.entry.prefix) => {
                let proxy = self.variable("PROXY");
                faults
                    .fault(format!("{name}: an .onion address needs {proxy} (expected socks5h://host:port)"));
                None
            }
            Ok(address) => Some(address),
            Err(what) => {
                faults.fault(format!("{name}: {what} (expected {expected})"));
                None
            }
        }
    }

    /// A URL that requests can go to, or a fault that does not repeat it: it is a secret.
    pub fn url(&self, name: &str, value: Option<String>, faults: &mut Faults) -> Option<http::Url> {
        let value = self.required(name, value, faults)?;
        http::Url::read(self.vars, self.entry.prefix, &self.variable(name), &value, faults)
    }
}

/// Every service, in the order in which they are listed to people.
pub const REGISTRY: &[Entry] = &[
    telegram::ENTRY,
    slack::ENTRY,
    teams::ENTRY,
    discord::ENTRY,
    generic::ENTRIES[0],
    generic::ENTRIES[1],
    generic::ENTRIES[2],
    generic::ENTRIES[3],
    ntfy::ENTRY,
    gotify::ENTRY,
    pushover::ENTRY,
    matrix::ENTRY,
    email::ENTRY,
    simplex::ENTRY,
    alertmanager::ENTRY,
    console::ENTRY,
];

/// The variables of delivery as a whole. Each service has its own in
/// [`REGISTRY`], and `_ENCRYPT_TO`, `_PROXY` and `_TLS_CA_FILE` besides.
pub const VARIABLES: &[&str] = &[
    "PROXY",
    "TLS_CA_FILE",
    "ENCRYPT_TO",
    "ALERT_EXPIRE",
    "ALERT_SERIAL",
    "ALERTS_PER_HOUR_MAX",
    "FALLBACK_NOTIFIER",
    "PAGE_URL",
    "SELF_NOTIFIER",
    "STATE_DIR",
];

/// The variable that holds for the service with this prefix, its own or else the
/// common one: its full name, and what it is set to.
fn own_or_common<'v>(vars: &'v Vars, prefix: &str, name: &str) -> Option<(String, &'v str)> {
    let own = format!("{prefix}{name}");
    match vars.text(&own) {
        Some(value) => Some((own, value)),
        None => vars.text(name).map(|value| (name.to_owned(), value)),
    }
}

/// What a character takes in JSON as we write it.
fn json_bytes(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The service took it.
    Delivered {
        /// How long it wants to be left alone before the next.
        pause: Option<Duration>,
    },
    /// Too fast (429): wait, and then the same again. Not a failure.
    TooFast {
        /// For how long, if it says.
        wait: Option<Duration>,
        /// Its answer.
        reason: String,
    },
    /// Nobody's fault that lasts: try again, later and later.
    Failed {
        /// Its answer, or why there was none.
        reason: String,
    },
    /// What had to change has been changed: try again at once.
    Again {
        /// What was changed.
        reason: String,
    },
    /// This text will never be taken: go on with the next.
    Rejected {
        /// Its answer.
        reason: String,
    },
    /// The service will take nothing until a human acts.
    Parked {
        /// Its answer.
        reason: String,
    },
}

impl Outcome {
    /// Why it was not told; None if it was.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Delivered { .. } => None,
            Outcome::TooFast { reason, .. }
            | Outcome::Failed { reason }
            | Outcome::Again { reason }
            | Outcome::Rejected { reason }
            | Outcome::Parked { reason } => Some(reason),
        }
    }
}

/// What a notifier is given before its first alert.
pub struct Beginning<'a> {
    /// Its own number.
    pub destination: DestinationId,
    /// What is counted.
    pub stats: &'a Arc<Stats>,
    /// Takes what it has to say besides the outcomes of its attempts.
    pub report: &'a Reporter,
}

/// What a sender drives. A service that speaks HTTP is an [`http::Service`] instead.
pub trait Notifier: Send {
    /// Takes in that alerts may come from now on: what a connection needs that is there before the first.
    fn begin(&mut self, _: &Beginning<'_>) {}

    /// Makes one attempt and waits for its end, 30 s at most.
    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome;

    /// The longest text of ASCII that is taken whole, if it holds nothing to be escaped but
    /// line feeds: so is an armored age file. None if any is.
    fn armor_chars_max(&self) -> Option<usize>;

    /// The keys that alone can read what it is told; none if everybody can.
    fn recipients(&self) -> &[encrypt::age::Recipient] {
        &[]
    }

    /// What the answer of a delivered test does not show, for a human to check.
    fn doubt(&self) -> Option<&str> {
        None
    }

    /// True if its text is made of what the line said, besides the text itself.
    fn takes_values(&self) -> bool {
        false
    }

    /// True if many alerts are no burden there: each is then told by itself, however many.
    fn takes_floods(&self) -> bool {
        false
    }

    /// True if it knows a trouble from its beginning to its end: it is told of each by itself then,
    /// also where others are told of several at once.
    fn follows_troubles(&self) -> bool {
        false
    }

    /// Takes in that it will not be told `notification`: that was refused, is too old, or another
    /// has taken it over.
    fn gave_up(&mut self, _: &Notification<'_>) {}

    /// Says again what must be repeated for as long as it lasts, if that is due; when to be asked
    /// next, if ever. Asked between alerts, so never while one of them is tried again.
    fn refresh(&mut self, _: (Instant, SystemTime)) -> Option<Instant> {
        None
    }

    /// What describes and judges, without what sends, if there is such a part.
    #[cfg(test)]
    fn service(&mut self) -> Option<&mut dyn http::Service> {
        None
    }
}

#[cfg(test)]
mod tests;
