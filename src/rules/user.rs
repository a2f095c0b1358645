//! `EVENTn_*`: the operator's own rules.
//!
//! Apart from the rule itself, because this is only the reading of variables,
//! with a fault for everything that could surprise at night.

use std::sync::Arc;

use serde::Deserialize;

use super::builtin::Kind;
use super::filter::Filter;
use super::mask::Mask;
use super::pattern::Pattern;
use super::policy::Source;
use super::rule::{Rule, What};
use crate::network::{Networks, Routers};
use crate::notify::Destinations;
use crate::vars::{Faults, Vars, is_index, names_any, shown};

/// The variables this module owns.
pub(super) const VARIABLES: &[&str] = &[
    "ENV_EVENTS",
    "EVENTn_NOTIFIER",
    "EVENTn_MATCH_TYPE",
    "EVENTn_MATCH_STR",
    "EVENTn_MASK_MSG",
    "EVENTn_TOPICS",
    "EVENTn_FROM",
    "EVENTn_EXCLUDE",
    "EVENTn_KEY",
    "EVENTn_CLEAR",
    "EVENTn_THRESHOLD",
    "EVENTn_COOLDOWN",
    "EVENTn_WITHIN",
    "EVENTn_SILENCE",
    "EVENTn_SPIKE",
    "EVENTn_FLAP",
    "EVENTn_PRIORITY",
    "EVENTn_MUTE",
];

/// `EVENT0` to `EVENT255`.
pub(super) const EVENTS_MAX: usize = 256;

/// What is not a pattern of some kind; patterns and masks are read as bytes.
#[derive(Deserialize, Default)]
struct Variables {
    notifier: Option<String>,
    match_type: Option<String>,
}

/// The options that every kind of rule takes.
#[derive(Deserialize, Default)]
struct Options {
    topics: Option<String>,
    from: Option<String>,
}

/// True if anything of `ENV_EVENTS` and `EVENTn_*` is set.
pub(super) fn is_set(vars: &Vars) -> bool {
    vars.text("ENV_EVENTS").is_some() || !numbers(vars).is_empty()
}

/// Reads every rule that counts.
pub(super) fn read(
    vars: &Vars,
    routers: &Routers,
    destinations: &mut Destinations<'_>,
    faults: &mut Faults,
) -> Vec<Rule> {
    let set = numbers(vars);
    let wanted = match vars.text("ENV_EVENTS") {
        None => set,
        Some(text) => match text.trim().parse::<usize>() {
            Ok(count) if count <= EVENTS_MAX => {
                for number in set.iter().filter(|number| **number >= count) {
                    faults.warn(format!(
                        "EVENT{number}_* has no effect: ENV_EVENTS is {count}, counted from 0"
                    ));
                }
                (0..count).collect()
            }
            _ => {
                let text = shown(text);
                faults.fault(format!(
                    "ENV_EVENTS: {text} is not a number of events (expected 0 to {EVENTS_MAX})"
                ));
                set
            }
        },
    };
    wanted.into_iter().filter_map(|number| read_one(number, vars, routers, destinations, faults)).collect()
}

/// The numbers n of which some `EVENTn_*` is set, ascending.
fn numbers(vars: &Vars) -> Vec<usize> {
    let number = |name: &str| {
        let (digits, _) = name.strip_prefix("EVENT")?.split_once('_')?;
        is_index(digits).then(|| digits.parse().ok())?
    };
    let mut numbers: Vec<usize> = vars.names().filter_map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn read_one(
    number: usize,
    vars: &Vars,
    routers: &Routers,
    destinations: &mut Destinations<'_>,
    faults: &mut Faults,
) -> Option<Rule> {
    let prefix = format!("EVENT{number}_");
    let variable = |name: &str| format!("{prefix}{name}");
    let Variables { notifier, match_type } = vars.section(&prefix);

    let destinations = match notifier.filter(|list| names_any(list)) {
        None => missing(&variable("NOTIFIER"), "a notifier such as Telegram", faults),
        Some(list) => Some(destinations.resolve_list(&variable("NOTIFIER"), &list, faults)),
    };
    let is_regex = match match_type.as_deref() {
        None => missing(&variable("MATCH_TYPE"), "substr or regex", faults),
        Some("substr") => Some(false),
        Some("regex") => Some(true),
        Some(other) => {
            let name = variable("MATCH_TYPE");
            faults.fault(format!("{name}: {} is not a match type (expected substr or regex)", shown(other)));
            None
        }
    };
    let name = variable("MATCH_STR");
    let text = vars.bytes(&name).or_else(|| missing(&name, "the text or the regex to look for", faults));
    let pattern = match (text, is_regex) {
        (Some(text), Some(false)) => Some(Pattern::substr(text)),
        (Some(text), Some(true)) => read_regex(&name, text, faults),
        _ => None,
    };
    let name = variable("MASK_MSG");
    let mask = vars.bytes(&name).or_else(|| missing(&name, "the text to send", faults));
    // Whether an @ means a group depends on the pattern.
    let mask = mask.zip(pattern.as_ref()).and_then(|(mask, pattern)| {
        Mask::new(mask, pattern.groups()).map_err(|what| faults.fault(format!("{name}: {what}"))).ok()
    });
    let filter = read_filter(&prefix, vars, routers, faults);
    let name = variable("CLEAR");
    let clear = vars.bytes(&name).and_then(|text| read_regex(&name, text, faults));
    let source = Source { vars, prefix: &prefix, usual: &[], is_builtin: false };
    let key = pattern.as_ref().and_then(|pattern| source.key(pattern.groups(), faults));
    if let (Some(key), Some(clear)) = (&key, &clear)
        && key.groups() > clear.groups()
    {
        let (wanted, groups) = (key.groups(), clear.groups());
        faults.fault(format!(
            "{name}: has {groups} groups, and {} needs @{wanted}: both lines must give the same key",
            variable("KEY")
        ));
    }
    let policy = source.policy(Kind::Usual, clear.is_some(), faults);
    let description = format!("{}{}", describe(&prefix, vars), source.words());
    let (pattern, mask, destinations) = (pattern?, mask?, destinations?);
    Some(Rule {
        name: format!("EVENT{number}").into(),
        description,
        filter,
        what: What::User { pattern, mask, clear },
        key,
        policy,
        destinations: Arc::from(destinations),
        followers: Arc::new([]),
        hushed_by: None,
    })
}

/// The variables of a rule as `check` repeats them: none of them is a secret.
fn describe(prefix: &str, vars: &Vars) -> String {
    let value = |name: &str| vars.bytes(&format!("{prefix}{name}"));
    let match_type = vars.text(&format!("{prefix}MATCH_TYPE")).unwrap_or_default();
    let pattern = shown(value("MATCH_STR").unwrap_or_default());
    let mask = shown(value("MASK_MSG").unwrap_or_default());
    format!("{match_type} {pattern}{}, sends {mask}", describe_filter(prefix, vars))
}

/// `_TOPICS`, `_FROM` and `_EXCLUDE` in words; nothing if none is set.
pub(super) fn describe_filter(prefix: &str, vars: &Vars) -> String {
    [
        ("TOPICS", "with topics"),
        ("FROM", "from"),
        ("EXCLUDE", "without"),
        ("CLEAR", "until"),
        ("KEY", "apart by"),
    ]
    .into_iter()
    .filter_map(|(name, words)| Some(format!(", {words} {}", shown(vars.bytes(&format!("{prefix}{name}"))?))))
    .collect()
}

fn missing<T>(variable: &str, expected: &str, faults: &mut Faults) -> Option<T> {
    faults.fault(format!("{variable} is not set (expected {expected})"));
    None
}

/// A regex, or a fault that says what is wrong with it and where.
fn read_regex(variable: &str, text: &[u8], faults: &mut Faults) -> Option<Pattern> {
    match Pattern::regex(text) {
        Ok(pattern) => {
            if let Pattern::Regex(ere) = &pattern
                && let Some(at) = ere.lazy_quantifier()
            {
                faults.warn(format!("{variable}: the \"?\" at {at} makes nothing lazy here"));
            }
            Some(pattern)
        }
        Err(error) => {
            faults.fault(format!("{variable}: {error}"));
            None
        }
    }
}

/// `_TOPICS`, `_FROM` and `_EXCLUDE` of the rule whose variables begin with `prefix`.
pub(super) fn read_filter(prefix: &str, vars: &Vars, routers: &Routers, faults: &mut Faults) -> Filter {
    let variable = |name: &str| format!("{prefix}{name}");
    let Options { topics, from } = vars.section(prefix);
    let mut filter = Filter::default();
    if let Some(list) = topics {
        filter.read_topics(&variable("TOPICS"), &list, faults);
    }
    filter.from = from.map(|list| Networks::read(&variable("FROM"), &list, routers, faults));
    let name = variable("EXCLUDE");
    filter.exclude = vars.bytes(&name).and_then(|text| read_regex(&name, text, faults));
    filter
}
