//! That silence means all is well: a sign of life to a service that misses it, and a daily message to people.
//!
//! ```text
//!   pinger ─ probe ─► ourselves ─► back in time, and no notifier parked or stuck ─► GET HEARTBEAT_URL
//!   worker ─ tick ──► daily ─► an alert like those about ourselves
//! ```
//!
//! Apart from the notifiers, because it is no alert: one that is late is not made
//! up for, and one that goes wrong must not be told through what may be the cause.
//! On trouble nothing is sent at all. Some services know a `/fail`, but to others
//! that would be an address that is not there, or a sign of life.

use std::time::Duration;

use crate::alert::DestinationId;
use crate::notify::Destinations;
use crate::notify::http::{Client, Url};
use crate::span;
use crate::vars::{Faults, Vars, names_any, shown};

pub mod daily;
pub mod pinger;

pub use daily::Daily;
pub use pinger::Pinger;

/// The variables this module owns.
pub const VARIABLES: &[&str] = &[
    "HEARTBEAT_URL",
    "HEARTBEAT_EVERY",
    "HEARTBEAT_PROXY",
    "HEARTBEAT_TLS_CA_FILE",
    "HEARTBEAT_AT",
    "HEARTBEAT_NOTIFIER",
];

const PREFIX: &str = "HEARTBEAT_";

/// The usual period of such services; some take no more than five pings a minute.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// What the operator asks for.
pub struct Settings {
    /// `HEARTBEAT_URL` and what belongs to it.
    pub pings: Option<Pings>,
    /// `HEARTBEAT_AT` and `HEARTBEAT_NOTIFIER`.
    pub daily: Option<DailyMessage>,
}

/// Where pings go, and how often.
pub struct Pings {
    /// A secret: who knows it can pretend that we are well.
    pub url: Url,
    /// `HEARTBEAT_EVERY`.
    pub every: Duration,
    /// How they are sent.
    pub client: Client,
}

/// When and to whom.
#[derive(Clone, Debug)]
pub struct DailyMessage {
    /// Minutes since midnight by the operator's clock.
    pub minute: u16,
    /// Who is told.
    pub destinations: Vec<DestinationId>,
}

impl DailyMessage {
    /// `09:00`.
    pub fn time(&self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl Settings {
    /// Reads them. Unless they say who is told of the day, it is `own`, who is told of our troubles.
    pub fn read(
        vars: &Vars,
        destinations: &mut Destinations<'_>,
        own: &[DestinationId],
        faults: &mut Faults,
    ) -> Settings {
        let every = vars.text("HEARTBEAT_EVERY").map_or(Some(EVERY), |text| {
            let span = span::read(text);
            if span.is_none() {
                let text = shown(text);
                faults.fault(format!("HEARTBEAT_EVERY: {text} is not a time span (expected 30s, 5m or 1h)"));
            }
            span
        });
        let url = vars.text("HEARTBEAT_URL");
        let pings = url.and_then(|url| {
            let url = Url::read(vars, PREFIX, "HEARTBEAT_URL", url, faults);
            let client = destinations.client_for(PREFIX, faults);
            Some(Pings { url: url?, every: every?, client: client? })
        });
        let minute = vars.text("HEARTBEAT_AT").and_then(|text| {
            let minute = read_minute(text);
            if minute.is_none() {
                faults.fault(format!("HEARTBEAT_AT: {} is not a time of day (expected 09:00)", shown(text)));
            }
            minute
        });
        let list = vars.text("HEARTBEAT_NOTIFIER").filter(|list| names_any(list));
        let told = list.map(|list| destinations.resolve_list("HEARTBEAT_NOTIFIER", list, faults));
        let told = told.unwrap_or_else(|| own.to_vec());
        let without = |needed: &str, names: &[&str], faults: &mut Faults| {
            let is_set = |name: &&&str| vars.text(name).is_some();
            for name in names.iter().filter(is_set).filter(|_| vars.text(needed).is_none()) {
                faults.warn(format!("{name} has no effect: {needed} is not set"));
            }
        };
        without("HEARTBEAT_URL", &["HEARTBEAT_EVERY", "HEARTBEAT_PROXY", "HEARTBEAT_TLS_CA_FILE"], faults);
        without("HEARTBEAT_AT", &["HEARTBEAT_NOTIFIER"], faults);
        Settings { pings, daily: minute.map(|minute| DailyMessage { minute, destinations: told }) }
    }
}

/// `00:00` to `23:59`, in minutes.
fn read_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str, below: u16| {
        let is_two_digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|number: &u16| is_two_digits && *number < below)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_two_digits_twice() {
        let check = |text: &str, minute: Option<u16>| assert_eq!(read_minute(text), minute, "{text}");
        check("00:00", Some(0));
        check("09:05", Some(545));
        check(" 23:59 ", Some(1439));
        for text in ["", "9", "9:00", "24:00", "09:60", "09:00:00", "+9:00", "09-00", "0900", "09:0é", ":"] {
            check(text, None);
        }
    }
}
