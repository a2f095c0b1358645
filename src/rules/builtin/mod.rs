//! Built-in rules: one file each, and a row in [`REGISTRY`].
//!
//! The numbers are public (`STATIC_EVENTS_ENABLED=0,3`), so the order never
//! changes. A rule reads the message, which is the same in all three formats of
//! RouterOS, and looks for its words at the message's beginning wherever a
//! stranger can choose what stands further on: a user name is text from outside.

use std::sync::Arc;

use serde::Deserialize;

use super::mask::Mask;
use super::policy::Source;
use super::rule::{Rule, What};
use super::user::{describe_filter, read_filter};
use super::view::View;
use crate::network::Routers;
use crate::notify::Destinations;
use crate::vars::{Faults, Vars, comma_list, is_index, names_any, shown};

mod config_change;
mod critical;
#[cfg(test)]
mod golden;
mod link_change;
mod link_flapping;
mod login;
mod login_bruteforce;
mod login_failure;
mod netwatch;
mod new_device;
mod port_scan;
pub(super) mod reboot;
mod rogue_dhcp;
mod said;
mod unclean_reboot;
mod vpn_login;
mod wifi_login_attempt;

/// Every built-in rule.
pub const REGISTRY: &[Builtin] = &[
    wifi_login_attempt::RULE,
    login_failure::RULE,
    login_bruteforce::RULE,
    login::RULE,
    unclean_reboot::RULE,
    reboot::RULE,
    link_change::RULE,
    link_flapping::RULE,
    config_change::RULE,
    port_scan::RULE,
    vpn_login::RULE,
    rogue_dhcp::RULE,
    new_device::RULE,
    netwatch::RULE,
    critical::RULE,
];

/// The variables this module owns.
pub(super) const VARIABLES: &[&str] = &[
    "STATIC_EVENTS_ENABLED",
    "STATIC_EVENTn_NOTIFIER",
    "STATIC_EVENTn_TOPICS",
    "STATIC_EVENTn_FROM",
    "STATIC_EVENTn_EXCLUDE",
    "STATIC_EVENTn_KEY",
    "STATIC_EVENTn_THRESHOLD",
    "STATIC_EVENTn_COOLDOWN",
    "STATIC_EVENTn_WITHIN",
    "STATIC_EVENTn_SILENCE",
    "STATIC_EVENTn_SPIKE",
    "STATIC_EVENTn_FLAP",
    "STATIC_EVENTn_PRIORITY",
    "STATIC_EVENTn_MUTE",
];

/// A rule that comes with the program.
pub struct Builtin {
    /// Its number in `STATIC_EVENTS_ENABLED`.
    pub number: u8,
    /// Its name there.
    pub name: &'static str,
    /// What it tells, in words for `check`.
    pub tells: &'static str,
    /// Runs when nothing is configured.
    pub is_starter: bool,
    /// Asked only about lines that no other rule has matched.
    pub is_last: bool,
    /// A line without one of these is none of the rule's; none means any line may be.
    pub(super) needles: &'static [&'static str],
    /// What follows its text, where that is not the usual.
    suffix: Option<&'static str>,
    /// What it remembers and how long it is quiet, as operators would write it less the prefix:
    /// `("COOLDOWN", "5m")`.
    options: &'static [(&'static str, &'static str)],
    /// Some lines say that a trouble is over.
    clears: bool,
    /// What becomes of what it tells.
    kind: Kind,
    /// The rule that is not asked about what this one is busy with: the same key, while this one's
    /// alert is under way, its cooldown lasts, or it flaps.
    pub(super) silences: Option<u8>,
    /// What the rule makes of a line, or None if the line is none of its own.
    tell: fn(&View<'_>) -> Option<Told>,
}

/// What becomes of what a built-in rule tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is an alert, by the rule's options.
    #[default]
    Usual,
    /// It only counts for whether something flaps, and that is the alert.
    Flapping,
    /// It is an alert the first time that its key is seen.
    Novelty,
}

/// What a built-in rule makes of a line.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    /// What is to be told.
    pub(super) text: String,
    /// What counts as the same, besides the router: an address, an interface. Empty for all that
    /// the rule tells of a router.
    pub(super) key: String,
    /// Whether that is the trouble, or the end of it.
    pub(super) sign: Sign,
    /// What a threshold counts each of only once, such as a port; empty: it counts lines.
    pub(super) distinct: String,
}

/// What a line says of a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It is there.
    Matched,
    /// It is over.
    Cleared,
}

impl Told {
    /// For a rule that calls everything the same.
    fn plain(text: String) -> Told {
        Told { text, key: String::new(), sign: Sign::Matched, distinct: String::new() }
    }

    /// For a rule that tells one `key` from another.
    fn keyed(text: String, key: &str) -> Told {
        Told { key: key.to_owned(), ..Told::plain(text) }
    }
}

/// A built-in rule with its searches made.
pub(super) struct Ready {
    pub(super) builtin: &'static Builtin,
    pub(super) suffix: Option<Mask>,
}

impl Ready {
    fn new(builtin: &'static Builtin) -> Ready {
        Ready { builtin, suffix: builtin.suffix.and_then(|text| Mask::new(text.as_bytes(), 0).ok()) }
    }

    pub(super) fn tell(&self, view: &View<'_>) -> Option<Told> {
        (self.builtin.tell)(view)
    }
}

#[derive(Deserialize, Default)]
struct Variables {
    notifier: Option<String>,
}

/// Reads which rules are in force and whom they tell. `is_user_set` says that
/// the operator has rules of their own, so that silence means no built-in ones.
pub(super) fn read(
    vars: &Vars,
    is_user_set: bool,
    routers: &Routers,
    destinations: &mut Destinations<'_>,
    faults: &mut Faults,
) -> Vec<Rule> {
    let list = match vars.text("STATIC_EVENTS_ENABLED") {
        Some(list) => list,
        None if is_user_set => "",
        None => "starter",
    };
    let enabled = read_list(list, faults);
    warn_of_idle_options(&enabled, vars, faults);
    enabled.into_iter().map(|builtin| read_one(builtin, vars, routers, destinations, faults)).collect()
}

fn read_list(list: &str, faults: &mut Faults) -> Vec<&'static Builtin> {
    let mut enabled: Vec<&'static Builtin> = Vec::new();
    for word in comma_list(list) {
        let before = enabled.len();
        enabled.extend(REGISTRY.iter().filter(|rule| match word {
            "all" => true,
            "starter" => rule.is_starter,
            word => rule.name == word || rule.number.to_string() == word,
        }));
        if enabled.len() == before {
            let known: Vec<_> =
                REGISTRY.iter().map(|rule| format!("{} {}", rule.number, rule.name)).collect();
            faults.fault(format!(
                "STATIC_EVENTS_ENABLED: {} is not a built-in rule of this version (expected all, starter, {})",
                shown(word),
                known.join(", ")
            ));
        }
    }
    enabled.sort_by_key(|rule| rule.number);
    enabled.dedup_by_key(|rule| rule.number);
    enabled
}

fn warn_of_idle_options(enabled: &[&Builtin], vars: &Vars, faults: &mut Faults) {
    for name in vars.names() {
        let Some((number, _)) = name.strip_prefix("STATIC_EVENT").and_then(|rest| rest.split_once('_'))
        else {
            continue;
        };
        if is_index(number) && !enabled.iter().any(|rule| rule.number.to_string() == number) {
            faults.warn(format!("{name} has no effect: built-in rule {number} is not enabled"));
        }
    }
}

fn read_one(
    builtin: &'static Builtin,
    vars: &Vars,
    routers: &Routers,
    destinations: &mut Destinations<'_>,
    faults: &mut Faults,
) -> Rule {
    let name = format!("STATIC_EVENT{}", builtin.number);
    let prefix = format!("{name}_");
    let Variables { notifier } = vars.section(&prefix);
    let destinations = match notifier.filter(|list| names_any(list)) {
        Some(list) => destinations.resolve_list(&format!("{prefix}NOTIFIER"), &list, faults),
        None => destinations.configured(faults),
    };
    let source = Source { vars, prefix: &prefix, usual: builtin.options, is_builtin: true };
    let filter = describe_filter(&prefix, vars);
    Rule {
        name: name.into(),
        description: format!("{}: {}{filter}{}", builtin.name, builtin.tells, source.words()),
        filter: read_filter(&prefix, vars, routers, faults),
        what: What::Builtin(Ready::new(builtin)),
        key: source.key(0, faults),
        policy: source.policy(builtin.kind, builtin.clears, faults),
        destinations: Arc::from(destinations),
        followers: Arc::new([]),
        hushed_by: None,
    }
}

/// `message` from `words` on, if it begins with them, or does so behind a logging
/// rule's prefix (`core1: message`).
///
/// A prefix is taken for one only if it has no space: what strangers can choose
/// (a user name, a host name) never stands in a message's first word.
fn starting_with<'m>(message: &'m str, words: &str) -> Option<&'m str> {
    let behind_prefix =
        || message.split_once(": ").filter(|(prefix, _)| !prefix.contains(' ')).map(|(_, rest)| rest);
    let starts = |text: &&str| text.starts_with(words);
    Some(message).filter(starts).or_else(|| behind_prefix().filter(starts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Line;
    use crate::record::Record;
    use crate::rules::Context;
    use crate::timestamp::Zone;
    use std::time::{Instant, SystemTime};

    /// The text that the rule called `name` makes of `datagram` from 192.168.88.1.
    pub(super) fn text(name: &str, datagram: &str) -> Option<String> {
        told(name, datagram).map(|told| told.text)
    }

    /// What the rule called `name` makes of `datagram` from 192.168.88.1.
    pub(super) fn told(name: &str, datagram: &str) -> Option<Told> {
        let ready = Ready::new(REGISTRY.iter().find(|rule| rule.name == name).unwrap());
        let now = (Instant::now(), SystemTime::now());
        let (line, _) = Line::from_datagram(datagram.as_bytes(), "192.168.88.1".parse().unwrap(), now.0);
        let record = Record::parse(&line.bytes);
        let context = Context { routers: Routers::default(), zone: Zone::utc() };
        ready.tell(&View { line: &line, record: &record, context: &context, now })
    }

    #[test]
    fn numbers_and_names_are_each_one_rules() {
        for (index, rule) in REGISTRY.iter().enumerate() {
            assert_eq!(usize::from(rule.number), index);
            assert!(REGISTRY[index + 1..].iter().all(|other| other.name != rule.name));
        }
    }

    #[test]
    fn a_prefix_is_one_word() {
        let check = |message, expected| assert_eq!(starting_with(message, "router "), expected, "{message}");
        check("router rebooted", Some("router rebooted"));
        check("core1: router rebooted", Some("router rebooted"));
        check("login failure for user a: router rebooted", None);
        check("a router rebooted", None);
        check("a: b: router rebooted", None);
    }

    #[test]
    fn rules_are_named_by_number_name_and_word() {
        let names = |list| {
            let mut faults = Faults::default();
            let names: Vec<_> = read_list(list, &mut faults).iter().map(|rule| rule.name).collect();
            assert!(faults.is_empty(), "{:?}", faults.faults);
            names
        };
        assert_eq!(names(" 3, 0 ,3"), ["wifi_login_attempt", "login"]);
        assert_eq!(names("critical,login"), ["login", "critical"]);
        let starters = names("starter");
        let others = ["login", "reboot", "new_device"];
        assert!(REGISTRY.iter().all(|rule| starters.contains(&rule.name) != others.contains(&rule.name)));
        assert_eq!(names("starter,5").len(), starters.len() + 1);
        assert_eq!(names("all").len(), REGISTRY.len());
        assert!(names(" , ").is_empty());
    }

    #[test]
    fn a_rule_that_is_not_there_is_named_with_those_that_are() {
        let mut faults = Faults::default();
        read_list("0,77", &mut faults);
        assert!(faults.faults[0].starts_with("STATIC_EVENTS_ENABLED: \"77\" is not a built-in rule of this version (expected all, starter, 0 wifi_login_attempt, 1 login_failure,"));
    }
}
