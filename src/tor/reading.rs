//! What Tor is asked, and which figures its answers are. Pure.
//!
//! Apart from the connection. Each question goes by itself, so that one that this Tor does not know, or does not
//! answer because it is no relay, leaves the others as they are; its figures are then not there.

use super::reply::Reply;
use crate::figures::tor::Fact;

/// What is asked of every Tor (control-spec, "GETINFO", "GETCONF").
pub(super) const QUESTIONS: [&str; 16] = [
    "GETINFO traffic/written",
    "GETINFO traffic/read",
    "GETINFO version",
    "GETINFO status/version/current",
    "GETINFO network-liveness",
    "GETINFO status/reachability-succeeded",
    "GETINFO status/circuit-established",
    "GETINFO dormant",
    "GETINFO fingerprint",
    "GETINFO process/pid",
    "GETINFO status/clients-seen",
    "GETINFO accounting/enabled",
    "GETINFO accounting/bytes",
    "GETINFO accounting/bytes-left",
    "GETINFO uptime",
    "GETCONF Nickname BandwidthRate RelayBandwidthRate MaxAdvertisedBandwidth BandwidthBurst RelayBandwidthBurst",
];

/// Those that the directories give a relay.
const FLAGS: [&str; 11] = [
    "Authority",
    "BadExit",
    "Exit",
    "Fast",
    "Guard",
    "HSDir",
    "NoEdConsensus",
    "Stable",
    "Running",
    "Valid",
    "V2Dir",
];

/// Tor's own texts are shorter, and a label is kept for ever by whoever scrapes it.
const LABEL_CHARS_MAX: usize = 128;

/// There are two ports, and 249 countries with a code of two letters (ISO 3166-1).
const LABELS_MAX: usize = 256;

/// Names and values of all that was answered.
pub(super) struct Answers<'r>(Vec<(&'r str, &'r str)>);

impl<'r> Answers<'r> {
    pub(super) fn of(replies: &'r [Reply]) -> Answers<'r> {
        let lines = replies.iter().filter(|reply| reply.is_well()).flat_map(|reply| &reply.lines);
        Answers(lines.filter_map(|line| line.split_once('=')).collect())
    }

    fn text(&self, name: &str) -> Option<&'r str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// Beyond 2^53 bytes, nine million gigabytes, the last digits are lost.
    fn number(&self, name: &str) -> Option<f64> {
        number(self.text(name)?)
    }

    /// Two numbers of one answer: read, and written.
    fn pair(&self, name: &str) -> Option<[f64; 2]> {
        let (one, other) = self.text(name)?.split_once(' ')?;
        Some([number(one)?, number(other)?])
    }

    /// The smallest of some limits, of which zero is none.
    fn limit(&self, names: &[&str]) -> Option<f64> {
        names.iter().filter_map(|name| self.number(name)).filter(|limit| *limit > 0.0).reduce(f64::min)
    }

    /// Tor's process, which may be on another machine.
    pub(super) fn process(&self) -> Option<u32> {
        self.text("process/pid")?.parse().ok()
    }

    /// What to ask besides, of a relay: what the directories say of it.
    pub(super) fn of_relay(&self) -> Option<String> {
        let fingerprint = self.text("fingerprint")?;
        let is_one = fingerprint.len() == 40 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| format!("GETINFO ns/id/{fingerprint}"))
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<u64>().ok().map(|number| number as f64)
}

/// Figures on their way out.
#[derive(Default)]
struct Facts(Vec<Fact>);

impl Facts {
    // Called from many places, and small in each.
    #[inline(never)]
    fn add(&mut self, family: &'static str, label: Option<&str>, value: Option<f64>) {
        let Some(value) = value else { return };
        let label = label.map(|label| label.chars().take(LABEL_CHARS_MAX).collect());
        self.0.push(Fact { family, label, value });
    }

    /// `OR=1`, `de=8`.
    fn add_listed(&mut self, family: &'static str, entries: &str, separator: char) {
        for entry in entries.split(separator).take(LABELS_MAX) {
            if let Some((label, value)) = entry.split_once('=') {
                self.add(family, Some(label), number(value));
            }
        }
    }
}

/// What is a number as it stands.
const NUMBERS: [(&str, &str); 5] = [
    ("tor_written_bytes", "traffic/written"),
    ("tor_read_bytes", "traffic/read"),
    ("tor_circuit_established", "status/circuit-established"),
    ("tor_dormant", "dormant"),
    ("tor_uptime", "uptime"),
];

/// What is a label as it stands.
const TEXTS: [(&str, &str); 3] = [
    ("tor_version", "version"),
    ("tor_version_status", "status/version/current"),
    ("tor_fingerprint", "fingerprint"),
];

/// What `AccountingMax` brings: used, left and in all.
const ACCOUNTING: [[&str; 3]; 2] = [
    ["tor_accounting_read_bytes", "tor_accounting_left_read_bytes", "tor_accounting_read_limit_bytes"],
    ["tor_accounting_write_bytes", "tor_accounting_left_write_bytes", "tor_accounting_write_limit_bytes"],
];

/// The figures: of `answers`, of what the directories say of a relay, and how many connections somebody has counted.
pub(super) fn facts(answers: &Answers<'_>, relay: Option<&Reply>, connections: Option<usize>) -> Vec<Fact> {
    let mut facts = Facts::default();
    for (family, name) in NUMBERS {
        facts.add(family, None, answers.number(name));
    }
    for (family, name) in TEXTS {
        let text = answers.text(name);
        facts.add(family, text, text.map(|_| 1.0));
    }
    // One without a name is called so.
    facts.add("tor_nickname", Some(answers.text("Nickname").unwrap_or("Unnamed")), Some(1.0));
    let liveness = answers.text("network-liveness").map(|text| if text == "up" { 1.0 } else { 0.0 });
    facts.add("tor_network_liveness", None, liveness);
    let rate = answers.limit(&["BandwidthRate", "RelayBandwidthRate", "MaxAdvertisedBandwidth"]);
    facts.add("tor_effective_rate", None, rate);
    let burst = answers.limit(&["BandwidthBurst", "RelayBandwidthBurst"]);
    facts.add("tor_effective_burst_rate", None, burst);
    let ports = answers.text("status/reachability-succeeded").unwrap_or_default();
    facts.add_listed("tor_reachable", ports, ' ');
    let countries = answers.text("status/clients-seen").and_then(|text| text.split_once("CountrySummary="));
    let countries = countries.and_then(|(_, rest)| rest.split(' ').next()).unwrap_or_default();
    facts.add_listed("tor_bridge_clients_seen", countries, ',');
    // Of a relay that the directories do not know yet, and of what is no relay, all are 0.
    let text = relay.and_then(|reply| reply.lines.first()).map_or("", String::as_str);
    let given = text.lines().find_map(|line| line.strip_prefix("s ")).unwrap_or_default();
    for flag in FLAGS {
        let has = given.split(' ').any(|one| one == flag);
        facts.add("tor_flags", Some(flag), Some(if has { 1.0 } else { 0.0 }));
    }
    facts.add("tor_connection_count", None, connections.map(|count| count as f64));
    if answers.text("accounting/enabled") == Some("1") {
        let both = answers.pair("accounting/bytes").zip(answers.pair("accounting/bytes-left"));
        for (index, [used, left, limit]) in ACCOUNTING.iter().enumerate() {
            let of = both.and_then(|(used, left)| Some((*used.get(index)?, *left.get(index)?)));
            facts.add(used, None, of.map(|(used, _)| used));
            facts.add(left, None, of.map(|(_, left)| left));
            facts.add(limit, None, of.map(|(used, left)| used + left));
        }
    }
    facts.0
}

/// Why Tor can build no circuit, if it says so; while it sleeps it needs none.
pub(super) fn trouble(facts: &[Fact]) -> Option<&'static str> {
    let is_zero = |family: &str| facts.iter().any(|fact| fact.family == family && fact.value == 0.0);
    let is_awake = is_zero("tor_dormant") || facts.iter().all(|fact| fact.family != "tor_dormant");
    (is_zero("tor_circuit_established") && is_awake).then_some("it says that it cannot build any")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::tor::FAMILIES;

    fn replies(lines: &[&str]) -> Vec<Reply> {
        let reply = |line: &&str| Reply { code: 250, lines: vec![(*line).to_owned(), "OK".to_owned()] };
        lines.iter().map(reply).collect()
    }

    /// `name{label} value`, of those families alone whose names begin so.
    #[track_caller]
    fn check(lines: &[&str], relay: Option<&str>, start: &str, expected: &[&str]) {
        let (replies, relay) = (replies(lines), relay.map(|line| replies(&[line]).remove(0)));
        let facts = facts(&Answers::of(&replies), relay.as_ref(), Some(3));
        for fact in &facts {
            let row = FAMILIES.iter().find(|(name, ..)| *name == fact.family).unwrap();
            assert_eq!(fact.label.is_some(), !row.1.is_empty(), "{}", fact.family);
        }
        let shown = facts.iter().filter(|fact| fact.family.starts_with(start)).map(|fact| {
            let label = fact.label.as_ref().map(|label| format!("{{{label}}}")).unwrap_or_default();
            format!("{}{label} {}", fact.family, fact.value)
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_answered_becomes_figures_and_nothing_else_does() {
        let lines = ["traffic/written=5000000000", "version=0.4.9.11", "network-liveness=up", "dormant=x"];
        let expected = [
            "tor_written_bytes 5000000000",
            "tor_version{0.4.9.11} 1",
            "tor_nickname{Unnamed} 1",
            "tor_network_liveness 1",
        ];
        let flags: Vec<_> = FLAGS.iter().map(|flag| format!("tor_flags{{{flag}}} 0")).collect();
        let flags = flags.iter().map(String::as_str);
        let expected: Vec<_> = expected.into_iter().chain(flags).chain(["tor_connection_count 3"]).collect();
        check(&lines, None, "tor_", &expected);
    }

    #[test]
    fn the_smallest_limit_holds_and_a_relays_zero_is_none() {
        let common = ["BandwidthRate=300", "MaxAdvertisedBandwidth=200", "BandwidthBurst=500"];
        let with = |relay: [&'static str; 2]| [&common[..], &relay].concat();
        let of_client = with(["RelayBandwidthRate=0", "RelayBandwidthBurst=0"]);
        check(&of_client, None, "tor_effective", &["tor_effective_rate 200", "tor_effective_burst_rate 500"]);
        let of_relay = with(["RelayBandwidthRate=100", "RelayBandwidthBurst=150"]);
        check(&of_relay, None, "tor_effective", &["tor_effective_rate 100", "tor_effective_burst_rate 150"]);
    }

    #[test]
    fn ports_and_countries_are_told_apart() {
        let ports = "status/reachability-succeeded=OR=1 DIR=0";
        check(&[ports], None, "tor_reachable", &["tor_reachable{OR} 1", "tor_reachable{DIR} 0"]);
        let seen = "status/clients-seen=TimeStarted=\"2026-11-21 20:00:00\" CountrySummary=de=8,it=16 IPVersions=v4=24";
        let clients = ["tor_bridge_clients_seen{de} 8", "tor_bridge_clients_seen{it} 16"];
        check(&[seen], None, "tor_bridge", &clients);
        let none = "status/clients-seen=TimeStarted=\"x\" CountrySummary= IPVersions=v4=0,v6=0";
        check(&[none], None, "tor_bridge", &[]);
    }

    #[test]
    fn accounting_is_there_when_it_is_on() {
        let of = |enabled: &'static str| [enabled, "accounting/bytes=10 20", "accounting/bytes-left=90 80"];
        let expected = [
            "tor_accounting_read_bytes 10",
            "tor_accounting_left_read_bytes 90",
            "tor_accounting_read_limit_bytes 100",
            "tor_accounting_write_bytes 20",
            "tor_accounting_left_write_bytes 80",
            "tor_accounting_write_limit_bytes 100",
        ];
        check(&of("accounting/enabled=1"), None, "tor_accounting", &expected);
        check(&of("accounting/enabled=0"), None, "tor_accounting", &[]);
    }

    #[test]
    fn flags_are_those_of_the_directories() {
        let relay = "ns/id/AB=\nr name AAA\ns Fast Running Valid\nw Bandwidth=1";
        let expected = FLAGS.map(|flag| {
            let has = ["Fast", "Running", "Valid"].contains(&flag);
            format!("tor_flags{{{flag}}} {}", u8::from(has))
        });
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        check(&[], Some(relay), "tor_flags", &expected);
    }

    #[test]
    fn a_relay_is_asked_for_by_what_is_a_fingerprint() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(Answers::of(&replies(&[line])).of_relay().as_deref(), expected, "{line}");
        };
        let fingerprint = "61A744AD03B93365001DBC6D1E15E6963A592ACE";
        let question = format!("GETINFO ns/id/{fingerprint}");
        check(&format!("fingerprint={fingerprint}"), Some(&question));
        check("fingerprint=61A7", None);
        check(&format!("fingerprint={} x", &fingerprint[2..]), None);
        check("version=1", None);
    }

    #[test]
    fn no_circuit_is_trouble_unless_tor_sleeps() {
        let check = |lines: &[&str], is_trouble: bool| {
            let replies = replies(lines);
            let facts = facts(&Answers::of(&replies), None, None);
            assert_eq!(trouble(&facts).is_some(), is_trouble, "{lines:?}");
        };
        check(&["status/circuit-established=1", "dormant=0"], false);
        check(&["status/circuit-established=0", "dormant=0"], true);
        check(&["status/circuit-established=0", "dormant=1"], false);
        check(&["status/circuit-established=0"], true);
        check(&[], false);
    }
}
