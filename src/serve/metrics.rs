//! The metrics, in Prometheus's text format.
//!
//! Apart and pure: from figures to a text. Names follow Prometheus's own advice: base units, `_total` behind
//! what only grows, and a label only where the sum over it means something.

use std::fmt::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hyper::{Response, StatusCode};

use super::Site;
use super::body::{Body, piece};
use crate::health::Condition;
use crate::stats::{Counter, DELAYS, Deliveries};

/// What Prometheus asks for (exposition formats, text format 0.0.4).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics at `now`.
pub(super) fn answer(site: &Site, now: Instant) -> Response<Body> {
    let mut text = Text::default();
    lines(&mut text, site);
    rules(&mut text, site, now);
    notifiers(&mut text, site, now);
    process(&mut text, site, now);
    piece(StatusCode::OK, CONTENT_TYPE, text.0)
}

/// A text that grows by a metric at a time.
#[derive(Default)]
struct Text(String);

impl Text {
    fn metric(&mut self, kind: &str, name: &str, help: &str) {
        let _ = write!(self.0, "# HELP alertik_{name} {help}\n# TYPE alertik_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = write!(self.0, "alertik_{name}");
        for (index, (label, value)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if index == 0 { '{' } else { ',' }, escaped(value));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn counter(&mut self, name: &str, help: &str, counter: &Counter) {
        self.metric("counter", name, help);
        self.sample(name, &[], counter.count());
    }
}

/// A label's value: the format escapes these three.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn lines(text: &mut Text, site: &Site) {
    let stats = &site.stats;
    text.metric("counter", "lines_received_total", "Log lines received, by the router that sent them.");
    for (name, count) in site.routers.by_name(stats.senders.counts()) {
        text.sample("lines_received_total", &[("router", &name)], count);
    }
    text.counter("received_bytes_total", "Bytes of log lines received.", &stats.bytes_received);
    text.counter(
        "lines_evicted_total",
        "Lines lost because the ring was full when they came.",
        &stats.lines_evicted,
    );
    text.counter(
        "kernel_drops_total",
        "Datagrams the kernel dropped before they were received.",
        &stats.kernel_drops,
    );
    text.metric("counter", "lines_rejected_total", "Lines that were not matched, by why.");
    text.sample("lines_rejected_total", &[("reason", "not_allowed")], stats.lines_refused.count());
    text.sample("lines_rejected_total", &[("reason", "own")], stats.lines_looped.count());
    text.counter("lines_cut_total", "Lines longer than what is kept of one.", &stats.lines_cut);
    text.counter("forwards_failed_total", "Datagrams that could not be sent on.", &stats.forwards_failed);
}

fn rules(text: &mut Text, site: &Site, now: Instant) {
    let rules = &site.stats.rules;
    text.metric("counter", "rule_matches_total", "Lines that a rule matched.");
    for rule in rules {
        text.sample("rule_matches_total", &[("rule", &rule.name)], rule.matched.count());
    }
    text.metric(
        "counter",
        "alerts_total",
        "What became of what a rule matched: told, or held back by its settings.",
    );
    for rule in rules {
        text.sample("alerts_total", &[("rule", &rule.name), ("outcome", "told")], rule.alerts.count());
        let suppressed = rule.suppressed.count();
        text.sample("alerts_total", &[("rule", &rule.name), ("outcome", "suppressed")], suppressed);
    }
    text.metric("gauge", "rule_muted", "1 while somebody has muted the rule.");
    for rule in rules {
        text.sample("rule_muted", &[("rule", &rule.name)], u8::from(rule.muted_until(now).is_some()));
    }
    let forgotten = "Keys that rules had to forget because there were too many.";
    text.counter("keys_forgotten_total", forgotten, &site.stats.keys_forgotten);
    let lost = "What rules remembered and STATE_DIR had no room for.";
    text.counter("states_forgotten_total", lost, &site.stats.states_forgotten);
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

fn notifiers(text: &mut Text, site: &Site, now: Instant) {
    let cards = &site.notifiers;
    text.metric(
        "counter",
        "notifications_total",
        "What became of notifications, and of attempts that will be repeated.",
    );
    for card in cards {
        for (outcome, which) in OUTCOMES {
            let labels = [("notifier", &*card.name), ("outcome", outcome)];
            text.sample("notifications_total", &labels, which(&card.pulse.deliveries).count());
        }
    }
    let evicted = "Alerts lost because too many waited for a notifier.";
    text.counter("alerts_evicted_total", evicted, &site.stats.alerts_evicted);
    text.metric("gauge", "spool_length", "Alerts that wait for a notifier.");
    for card in cards {
        text.sample("spool_length", &[("notifier", &card.name)], (card.waiting)());
    }
    text.metric("gauge", "notifier_parked", "1 while a notifier takes nothing until somebody acts.");
    for card in cards {
        let is_parked = card.pulse.condition(now) == Condition::Parked;
        text.sample("notifier_parked", &[("notifier", &card.name)], u8::from(is_parked));
    }
    text.metric(
        "histogram",
        "delivery_seconds",
        "From a line's arrival until a notifier had taken the alert.",
    );
    for card in cards {
        let (seen, mut below) = (card.pulse.delays.seen(), 0);
        for (bound, count) in DELAYS.iter().zip(seen.buckets) {
            below += count;
            let bound = bound.to_string();
            text.sample("delivery_seconds_bucket", &[("notifier", &card.name), ("le", &bound)], below);
        }
        text.sample("delivery_seconds_bucket", &[("notifier", &card.name), ("le", "+Inf")], seen.count);
        text.sample("delivery_seconds_sum", &[("notifier", &card.name)], seen.seconds);
        text.sample("delivery_seconds_count", &[("notifier", &card.name)], seen.count);
    }
}

/// The names and meanings of Prometheus's own libraries (client library guidelines, "Process metrics").
fn process(text: &mut Text, site: &Site, now: Instant) {
    text.metric("gauge", "build_info", "1, with the version.");
    text.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let start = SystemTime::now().checked_sub(now.saturating_duration_since(site.start));
    let start = start.and_then(|start| start.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let mut plain = |name: &str, kind: &str, help: &str, value: f64| {
        let _ = write!(text.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    plain(
        "process_start_time_seconds",
        "gauge",
        "Start time of the process since unix epoch in seconds.",
        start.as_secs_f64().round(),
    );
    let Some(used) = usage::read() else { return };
    plain(
        "process_cpu_seconds_total",
        "counter",
        "Total user and system CPU time spent in seconds.",
        used.cpu_seconds,
    );
    plain("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", used.resident_bytes);
    plain("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", used.virtual_bytes);
    if let Some(open) = used.open_files {
        plain("process_open_fds", "gauge", "Number of open file descriptors.", open);
    }
}

/// What the process takes, from `/proc`: RouterOS mounts it in a container.
mod usage {
    use std::fs;

    /// What the process takes now.
    pub(super) struct Usage {
        pub(super) cpu_seconds: f64,
        pub(super) resident_bytes: f64,
        pub(super) virtual_bytes: f64,
        pub(super) open_files: Option<f64>,
    }

    /// None where there is no `/proc`.
    pub(super) fn read() -> Option<Usage> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let open_files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64);
        Some(Usage { open_files, ..parse(&stat, &status)? })
    }

    /// proc_pid_stat(5), fields 14 and 15 in ticks of which Linux shows user space 100 a second on every
    /// architecture that we are built for; proc_pid_status(5), in KiB.
    fn parse(stat: &str, status: &str) -> Option<Usage> {
        // The name in brackets may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
        let cpu_seconds = (ticks.next()?.ok()? + ticks.next()?.ok()?) / 100.0;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<f64>().ok()
        };
        let (resident, all) = (kib("VmRSS:")?, kib("VmSize:")?);
        Some(Usage {
            cpu_seconds,
            resident_bytes: resident * 1024.0,
            virtual_bytes: all * 1024.0,
            open_files: None,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn proc_is_read() {
            let stat = "1 (a) b) S 0 1 1 0 -1 4194560 0 0 0 0 150 50 0 0 20 0 6 0 100 4096 300";
            let used = parse(stat, "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\n").unwrap();
            assert_eq!((used.cpu_seconds, used.resident_bytes), (2.0, 524_288.0));
            assert!((used.virtual_bytes, used.open_files) == (2_097_152.0, None));
            assert!(parse("nonsense", "").is_none());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_be_left_by_what_it_says() {
        let mut text = Text::default();
        text.sample("x", &[("a", "b\"} 1\n\\"), ("c", "d")], 7);
        assert_eq!(text.0, "alertik_x{a=\"b\\\"} 1\\n\\\\\",c=\"d\"} 7\n");
    }
}
