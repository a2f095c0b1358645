//! What Tor has said of itself, as families of figures.
//!
//! ```text
//!   tor ─ put ─► Tor ─► gather ─► /metrics, OTLP
//! ```
//!
//! Apart from the other figures, because nobody here counts these. Names and labels are those of
//! prometheus-tor_exporter, so that its dashboards and rules go on working, and all of them are gauges as they are
//! there, what only grows too. Who asks Tor, and how, is not known here.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Families, Kind, Value};

/// One figure that Tor has told.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The name of a row of [`FAMILIES`].
    pub family: &'static str,
    /// What it is of, in families that have a label.
    pub label: Option<String>,
    /// How much. No number in JSON is infinite, so none here may be.
    pub value: f64,
}

/// Name, label if it has one, and a sentence; in the order in which they are shown.
pub const FAMILIES: [(&str, &str, &str); 22] = [
    ("tor_written_bytes", "", "Bytes that Tor has written since it was started."),
    ("tor_read_bytes", "", "Bytes that Tor has read since it was started."),
    ("tor_version", "version", "1, with Tor's version."),
    ("tor_version_status", "version_status", "1, with what the directories think of that version."),
    ("tor_network_liveness", "", "1 while Tor believes that the network can be reached."),
    ("tor_reachable", "port", "1 if others reach this port of the relay."),
    ("tor_circuit_established", "", "1 while Tor can build circuits."),
    ("tor_dormant", "", "0 while Tor is active, otherwise it sleeps."),
    ("tor_effective_rate", "", "Bytes a second that Tor may use in the long run."),
    ("tor_effective_burst_rate", "", "Bytes a second that Tor may use for a moment."),
    ("tor_fingerprint", "fingerprint", "1, with the relay's fingerprint."),
    ("tor_nickname", "nickname", "1, with the relay's name."),
    ("tor_connection_count", "", "Connections that Tor has open, if it runs on this machine."),
    ("tor_flags", "flag", "1 if the directories give the relay this flag."),
    ("tor_bridge_clients_seen", "country", "Clients of the bridge within a day, in eights."),
    ("tor_accounting_read_bytes", "", "Bytes read in this period of accounting."),
    ("tor_accounting_left_read_bytes", "", "Bytes that may still be read in it."),
    ("tor_accounting_read_limit_bytes", "", "Bytes that may be read in all of it."),
    ("tor_accounting_write_bytes", "", "Bytes written in this period of accounting."),
    ("tor_accounting_left_write_bytes", "", "Bytes that may still be written in it."),
    ("tor_accounting_write_limit_bytes", "", "Bytes that may be written in all of it."),
    ("tor_uptime", "", "Seconds since Tor was started."),
];

/// What is known of Tor now: nothing before it was asked, and none while it does not answer.
#[derive(Debug, Default)]
pub struct Tor(Mutex<Option<Arc<[Fact]>>>);

impl Tor {
    /// Takes what Tor has said: none, if it does not answer.
    pub fn put(&self, facts: Vec<Fact>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts.into());
    }

    /// What it said last.
    fn facts(&self) -> Option<Arc<[Fact]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Of what Tor does not answer there is no family.
pub(super) fn families(families: &mut Families<'_>, tor: &Tor) {
    let Some(facts) = tor.facts() else { return };
    let is_up = Value::Whole((!facts.is_empty()).into());
    families.single(Kind::Gauge, "tor_up", "1 while Tor answers at its control port.", is_up);
    for (name, label, help) in FAMILIES {
        let mut own = facts.iter().filter(|fact| fact.family == name).peekable();
        if own.peek().is_some() {
            families.family(Kind::Gauge, name, help);
        }
        for fact in own {
            let labels = fact.label.iter().map(|value| (label, value.clone().into())).collect();
            families.sample_of(labels, Value::Real(fact.value));
        }
    }
}
