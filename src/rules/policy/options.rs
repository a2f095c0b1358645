//! The options of a rule: from variables, or from a built-in rule's own list, to a [`Policy`]; and in words.

use std::time::Duration;

use super::flap::Bounds;
use super::mute::Hours;
use super::spike::Deviations;
use super::threshold::Threshold;
use super::{Kind, Policy};
use crate::alert::Priority;
use crate::rules::mask::Mask;
use crate::span;
use crate::vars::{Faults, Vars, shown};

/// What each option is called, what may stand there, and how `check` puts it (`*` is the value), in the order in
/// which a line goes through them. `_CLEAR` is the rules' to read: it is a pattern.
const OPTIONS: [(&str, &str, &str); 8] = [
    ("SILENCE", "a span such as 24h", "tells when nothing has matched for *, and when it is back"),
    ("SPIKE", "a number of standard deviations, 1 to 10 or -1 to -10", "tells when matches are * the usual"),
    ("FLAP", "on, or two percentages such as 20/30", "tells once what flaps*"),
    ("THRESHOLD", "such as 5/60s, a number up to 1000 within a span", "tells at *"),
    ("WITHIN", "a span such as 30s", "tells only what lasts *"),
    ("COOLDOWN", "a span such as 10m", "then counts in silence for *"),
    ("MUTE", "hours such as 22:00-07:00", "holds from * and then tells all in one message"),
    ("PRIORITY", "low, normal, high or urgent", "priority *"),
];

/// Where a rule's options are read.
pub(in crate::rules) struct Source<'a> {
    /// The variables.
    pub(in crate::rules) vars: &'a Vars,
    /// What they begin with.
    pub(in crate::rules) prefix: &'a str,
    /// What holds where a variable is not set.
    pub(in crate::rules) usual: &'a [(&'a str, &'a str)],
    /// Its texts are ours.
    pub(in crate::rules) is_builtin: bool,
}

impl Source<'_> {
    /// What an option is set to; `off` is not set.
    fn value(&self, name: &str) -> Option<&str> {
        let own = self.vars.text(&format!("{}{name}", self.prefix));
        let usual = || self.usual.iter().find(|(usual, _)| *usual == name).map(|(_, value)| *value);
        own.or_else(usual).filter(|value| value.trim() != "off")
    }

    fn read<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>, faults: &mut Faults) -> Option<T> {
        let value = self.value(name)?;
        let found = read(value);
        if found.is_none() {
            let expected = OPTIONS.iter().find(|option| option.0 == name).map_or("", |option| option.1);
            let (prefix, value) = (self.prefix, shown(value));
            faults.fault(format!("{prefix}{name}: {value} is not understood (expected {expected}, or off)"));
        }
        found
    }

    /// The policy of a rule of this kind; `clears` says whether something ends its troubles.
    pub(in crate::rules) fn policy(&self, kind: Kind, clears: bool, faults: &mut Faults) -> Policy {
        let within: Option<Duration> = self.read("WITHIN", span::read, faults);
        if within.is_some() && !clears {
            let prefix = self.prefix;
            faults.fault(match self.is_builtin {
                true => format!(
                    "{prefix}WITHIN has no effect on a rule of whose troubles no line says the end (rules 6 and 13 have one)"
                ),
                false => format!("{prefix}WITHIN needs {prefix}CLEAR, which is not set (expected a regex)"),
            });
        }
        let flap = self.read("FLAP", Bounds::read, faults);
        if flap.is_some() && !clears && kind != Kind::Flapping {
            let prefix = self.prefix;
            faults.warn(format!(
                "{prefix}FLAP has no effect: no line says that the trouble is over ({prefix}CLEAR)"
            ));
        }
        let priority = |text: &str| {
            Priority::NAMES.iter().find(|(name, _)| *name == text.trim()).map(|(_, priority)| *priority)
        };
        Policy {
            kind,
            priority: self.read("PRIORITY", priority, faults).unwrap_or_default(),
            threshold: self.read("THRESHOLD", Threshold::read, faults),
            cooldown: self.read("COOLDOWN", span::read, faults),
            clears,
            within,
            silence: self.read("SILENCE", span::read, faults),
            spike: self.read("SPIKE", Deviations::read, faults),
            flap,
            mute: self.read("MUTE", Hours::read, faults),
            says_count: self.is_builtin,
            owing: 1,
            is_followed: false,
            // Until somebody says how long alerts are tried.
            patience: Duration::from_secs(365 * 24 * 3600),
        }
    }

    /// `_KEY`, for a pattern with `groups` groups.
    pub(in crate::rules) fn key(&self, groups: usize, faults: &mut Faults) -> Option<Mask> {
        let name = format!("{}KEY", self.prefix);
        let mask = Mask::new(self.vars.bytes(&name)?, groups);
        mask.map_err(|what| faults.fault(format!("{name}: {what}"))).ok()
    }

    /// The options in words, each after a comma.
    pub(in crate::rules) fn words(&self) -> String {
        let words = |(name, _, words): &(&str, &str, &str)| {
            let value = self.value(name)?;
            Some(format!("; {}", words.replace('*', &value_words(name, value.trim()))))
        };
        OPTIONS.iter().filter_map(words).collect()
    }
}

/// A value as it stands in a sentence.
fn value_words(name: &str, value: &str) -> String {
    let two = |separator| value.split_once(separator).unwrap_or((value, ""));
    match name {
        "THRESHOLD" => {
            let (count, within) = two('/');
            format!("{count} lines within {}", span::read(within).map(span::words).unwrap_or_default())
        }
        "SPIKE" => match value.strip_prefix('-') {
            Some(number) => format!("{number} deviations below"),
            None => format!("{value} deviations above"),
        },
        "FLAP" if value == "on" => String::new(),
        "FLAP" => format!(" (from {} % to {} %)", two('/').1, two('/').0),
        "MUTE" => format!("{} to {}", two('-').0, two('-').1),
        _ => span::read(value).map_or_else(|| value.to_owned(), span::words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_put_in_words() {
        let check = |option, value, expected: &str| {
            let vars = Vars::read([], &[], &|_| Ok(Vec::new()), &mut Faults::default());
            let usual = &[(option, value)];
            let source = Source { vars: &vars, prefix: "EVENT0_", usual, is_builtin: false };
            assert_eq!(source.words(), expected);
        };
        check("SILENCE", "24h", "; tells when nothing has matched for 24 h, and when it is back");
        check("SPIKE", "3", "; tells when matches are 3 deviations above the usual");
        check("SPIKE", "-2.5", "; tells when matches are 2.5 deviations below the usual");
        check("FLAP", "on", "; tells once what flaps");
        check("FLAP", "20/30", "; tells once what flaps (from 30 % to 20 %)");
        check("THRESHOLD", "5/60s", "; tells at 5 lines within 60 s");
        check("WITHIN", "30s", "; tells only what lasts 30 s");
        check("COOLDOWN", "10m", "; then counts in silence for 10 min");
        check("MUTE", "22:00-07:00", "; holds from 22:00 to 07:00 and then tells all in one message");
        check("PRIORITY", "low", "; priority low");
        check("COOLDOWN", "off", "");
    }
}
