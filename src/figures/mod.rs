//! All that is counted, as families of figures: once, for whoever writes them down.
//!
//! ```text
//!   stats, health, /proc ─► gather ─► Vec<Family> ─► serve: /metrics, in Prometheus's text format
//!                                                └─► otel: OTLP, in JSON
//! ```
//!
//! Apart from both, which know nothing of each other, so that they never tell of two different daemons. Names
//! follow Prometheus's own advice: base units, `_total` behind what only grows, and a label only where the sum
//! over it means something.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::health::{Condition, Pulse};
use crate::network::Routers;
use crate::stats::{Counter, DelaysSeen, Deliveries, Stats};

mod usage;

/// What there is to say of a notifier.
pub struct NotifierCard {
    /// `Slack`, or `Telegram/-100123`.
    pub name: String,
    /// How it fares.
    pub pulse: Arc<Pulse>,
    /// How many alerts wait for it.
    pub waiting: Box<dyn Fn() -> usize + Send + Sync>,
}

/// Where the figures come from.
pub struct Source<'a> {
    /// What was counted.
    pub stats: &'a Stats,
    /// Names for senders.
    pub routers: &'a Routers,
    /// The notifiers.
    pub notifiers: &'a [NotifierCard],
    /// When the process started.
    pub start: Instant,
}

/// What a figure does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It comes and goes.
    Gauge,
    /// It counts by how long something took.
    Histogram,
}

/// Figures of one name, which differ by their labels.
#[derive(Debug, PartialEq)]
pub struct Family<'a> {
    /// The whole name.
    pub name: &'static str,
    /// A sentence.
    pub help: &'static str,
    /// What they do.
    pub kind: Kind,
    /// None, if there is nothing to count yet.
    pub samples: Vec<Sample<'a>>,
}

/// Names and values that tell figures of one family apart.
pub type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// One figure.
#[derive(Debug, PartialEq)]
pub struct Sample<'a> {
    /// What it is of.
    pub labels: Labels<'a>,
    /// How much.
    pub value: Value,
}

/// How much.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// So many.
    Whole(usize),
    /// In seconds, or bytes.
    Real(f64),
    /// How often each of [`crate::stats::DELAYS`] was enough.
    Delays(DelaysSeen),
}

/// All figures at `now`.
pub fn gather<'a>(source: &Source<'a>, now: (Instant, SystemTime)) -> Vec<Family<'a>> {
    let mut families = Families::default();
    lines(&mut families, source);
    rules(&mut families, source, now.0);
    notifiers(&mut families, source, now.0);
    process(&mut families, source, now);
    families.0
}

/// Families, to the last of which samples are added.
#[derive(Default)]
struct Families<'a>(Vec<Family<'a>>);

impl<'a> Families<'a> {
    fn family(&mut self, kind: Kind, name: &'static str, help: &'static str) {
        self.0.push(Family { name, help, kind, samples: Vec::new() });
    }

    fn sample(&mut self, labels: &[(&'static str, &'a str)], value: Value) {
        let labels = labels.iter().map(|(name, value)| (*name, Cow::Borrowed(*value))).collect();
        self.sample_of(labels, value);
    }

    fn sample_of(&mut self, labels: Labels<'a>, value: Value) {
        if let Some(family) = self.0.last_mut() {
            family.samples.push(Sample { labels, value });
        }
    }

    /// A family of one figure.
    fn single(&mut self, kind: Kind, name: &'static str, help: &'static str, value: Value) {
        self.family(kind, name, help);
        self.sample(&[], value);
    }

    fn counter(&mut self, name: &'static str, help: &'static str, counter: &Counter) {
        self.single(Kind::Counter, name, help, Value::Whole(counter.count()));
    }
}

fn lines<'a>(families: &mut Families<'a>, source: &Source<'a>) {
    let stats = source.stats;
    let help = "Log lines received, by the router that sent them.";
    families.family(Kind::Counter, "alertik_lines_received_total", help);
    for (name, count) in source.routers.by_name(stats.senders.counts()) {
        families.sample_of(vec![("router", name.into())], Value::Whole(count));
    }
    families.counter("alertik_received_bytes_total", "Bytes of log lines received.", &stats.bytes_received);
    families.counter(
        "alertik_lines_evicted_total",
        "Lines lost because the ring was full when they came.",
        &stats.lines_evicted,
    );
    families.counter(
        "alertik_kernel_drops_total",
        "Datagrams the kernel dropped before they were received.",
        &stats.kernel_drops,
    );
    families.family(Kind::Counter, "alertik_lines_rejected_total", "Lines that were not matched, by why.");
    families.sample(&[("reason", "not_allowed")], Value::Whole(stats.lines_refused.count()));
    families.sample(&[("reason", "own")], Value::Whole(stats.lines_looped.count()));
    families.counter("alertik_lines_cut_total", "Lines longer than what is kept of one.", &stats.lines_cut);
    families.counter(
        "alertik_forwards_failed_total",
        "Datagrams that could not be sent on.",
        &stats.forwards_failed,
    );
}

fn rules<'a>(families: &mut Families<'a>, source: &Source<'a>, now: Instant) {
    let stats = source.stats;
    families.family(Kind::Counter, "alertik_rule_matches_total", "Lines that a rule matched.");
    for rule in &stats.rules {
        families.sample(&[("rule", &rule.name)], Value::Whole(rule.matched.count()));
    }
    let help = "What became of what a rule matched: told, or held back by its settings.";
    families.family(Kind::Counter, "alertik_alerts_total", help);
    for rule in &stats.rules {
        for (outcome, counter) in [("told", &rule.alerts), ("suppressed", &rule.suppressed)] {
            families.sample(&[("rule", &rule.name), ("outcome", outcome)], Value::Whole(counter.count()));
        }
    }
    families.family(Kind::Gauge, "alertik_rule_muted", "1 while somebody has muted the rule.");
    for rule in &stats.rules {
        let is_muted = rule.muted_until(now).is_some();
        families.sample(&[("rule", &rule.name)], Value::Whole(is_muted.into()));
    }
    families.counter(
        "alertik_keys_forgotten_total",
        "Keys that rules had to forget because there were too many.",
        &stats.keys_forgotten,
    );
    families.counter(
        "alertik_states_forgotten_total",
        "What rules remembered and STATE_DIR had no room for.",
        &stats.states_forgotten,
    );
}

/// What becomes of a notification, and where that is counted.
type Outcome = (&'static str, fn(&Deliveries) -> &Counter);

const OUTCOMES: [Outcome; 6] = [
    ("delivered", |figures| &figures.delivered),
    ("postponed", |figures| &figures.postponed),
    ("rejected", |figures| &figures.rejected),
    ("expired", |figures| &figures.expired),
    ("merged", |figures| &figures.merged),
    ("taken_over", |figures| &figures.taken_over),
];

fn notifiers<'a>(families: &mut Families<'a>, source: &Source<'a>, now: Instant) {
    let cards = source.notifiers;
    let help = "What became of notifications, and of attempts that will be repeated.";
    families.family(Kind::Counter, "alertik_notifications_total", help);
    for card in cards {
        for (outcome, which) in OUTCOMES {
            let count = which(&card.pulse.deliveries).count();
            families.sample(&[("notifier", &card.name), ("outcome", outcome)], Value::Whole(count));
        }
    }
    families.counter(
        "alertik_alerts_evicted_total",
        "Alerts lost because too many waited for a notifier.",
        &source.stats.alerts_evicted,
    );
    families.counter(
        "alertik_otel_records_lost_total",
        "Copies of alerts that no OpenTelemetry collector took.",
        &source.stats.copies_lost,
    );
    let messages = &source.stats.messages;
    let help = "Messages that simplex-chat had taken, by what became of them.";
    families.family(Kind::Counter, "alertik_simplex_messages_total", help);
    if messages.is_used.load(Ordering::Relaxed) {
        for (status, counter) in [
            ("sent", &messages.sent),
            ("received", &messages.received),
            ("warning", &messages.warning),
            ("error", &messages.error),
            ("unconfirmed", &messages.unconfirmed),
        ] {
            families.sample(&[("status", status)], Value::Whole(counter.count()));
        }
    }
    families.family(Kind::Gauge, "alertik_spool_length", "Alerts that wait for a notifier.");
    for card in cards {
        families.sample(&[("notifier", &card.name)], Value::Whole((card.waiting)()));
    }
    let help = "1 while a notifier takes nothing until somebody acts.";
    families.family(Kind::Gauge, "alertik_notifier_parked", help);
    for card in cards {
        let is_parked = card.pulse.condition(now) == Condition::Parked;
        families.sample(&[("notifier", &card.name)], Value::Whole(is_parked.into()));
    }
    let help = "From a line's arrival until a notifier had taken the alert.";
    families.family(Kind::Histogram, "alertik_delivery_seconds", help);
    for card in cards {
        families.sample(&[("notifier", &card.name)], Value::Delays(card.pulse.delays.seen()));
    }
}

/// The names and meanings of Prometheus's own libraries (client library guidelines, "Process metrics").
fn process(families: &mut Families<'_>, source: &Source<'_>, now: (Instant, SystemTime)) {
    families.family(Kind::Gauge, "alertik_build_info", "1, with the version.");
    families.sample(&[("version", env!("CARGO_PKG_VERSION"))], Value::Whole(1));
    let start = now.1.checked_sub(now.0.saturating_duration_since(source.start));
    let start = start.and_then(|start| start.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    families.single(
        Kind::Gauge,
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        Value::Real(start.as_secs_f64().round()),
    );
    let Some(used) = usage::read() else { return };
    families.single(
        Kind::Counter,
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        Value::Real(used.cpu_seconds),
    );
    let mut gauge = |name, help, value| families.single(Kind::Gauge, name, help, Value::Real(value));
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", used.resident_bytes);
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", used.virtual_bytes);
    if let Some(open) = used.open_files {
        gauge("process_open_fds", "Number of open file descriptors.", open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_a_name_of_its_own_that_says_what_it_does() {
        let stats = Stats::new(["EVENT0"]);
        let (routers, now) = (Routers::default(), (Instant::now(), SystemTime::now()));
        let source = Source { stats: &stats, routers: &routers, notifiers: &[], start: now.0 };
        let families = gather(&source, now);
        for family in &families {
            assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
            assert_eq!(families.iter().filter(|other| other.name == family.name).count(), 1);
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
    }
}
