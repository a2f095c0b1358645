//! The options of a rule: from variables, or from a built-in rule's own list, to a [`Policy`].
//!
//! Every option is read for every kind of rule. One that changes nothing there is left out of the policy,
//! and the operator is told why: so what `check` says of a policy is what happens.

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

mod prose;

/// What may stand in each option; `*` is a span. `_KEY` and `_CLEAR` are a mask and a pattern.
const EXPECTED: [(&str, &str); 8] = [
    ("SILENCE", "*, such as 24h"),
    ("SPIKE", "a number of standard deviations, 1 to 10 or -1 to -10"),
    ("FLAP", "on, or two percentages such as 20/30"),
    ("THRESHOLD", "a number from 1 to 1000, a slash and *, such as 5/60s"),
    ("WITHIN", "*, such as 30s"),
    ("COOLDOWN", "*, such as 10m"),
    ("MUTE", "hh:mm-hh:mm, two times of day that differ, such as 22:00-07:00"),
    ("PRIORITY", "low, normal, high or urgent"),
];

fn expected(name: &str) -> String {
    let form = EXPECTED.iter().find(|(option, _)| *option == name).map_or("", |(_, form)| form);
    form.replace('*', span::FORM)
}

/// What a key is made of at least.
const ROUTER: &str = "@{router}";

/// True for the value that takes an option away.
pub(in crate::rules) fn is_off(value: &[u8]) -> bool {
    value.trim_ascii() == b"off"
}

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
        own.or_else(usual).filter(|value| !is_off(value.as_bytes()))
    }

    fn read<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>, faults: &mut Faults) -> Option<T> {
        let value = self.value(name)?;
        let found = read(value);
        if found.is_none() {
            let expected = expected(name);
            let (prefix, value) = (self.prefix, shown(value));
            faults.fault(format!("{prefix}{name}: {value} is not understood (expected {expected}, or off)"));
        }
        found
    }

    /// The policy of a rule of this kind; `clears` says whether something ends its troubles.
    pub(in crate::rules) fn policy(&self, kind: Kind, clears: bool, faults: &mut Faults) -> Policy {
        let priority = |text: &str| {
            Priority::NAMES.iter().find(|(name, _)| *name == text.trim()).map(|(_, priority)| *priority)
        };
        let mut policy = Policy {
            kind,
            priority: self.read("PRIORITY", priority, faults).unwrap_or_default(),
            threshold: self.read("THRESHOLD", Threshold::read, faults),
            cooldown: self.read("COOLDOWN", span::read, faults),
            clears,
            within: self.read("WITHIN", span::read, faults),
            silence: self.read("SILENCE", span::read, faults),
            spike: self.read("SPIKE", Deviations::read, faults),
            flap: self.read("FLAP", Bounds::read, faults),
            mute: self.read("MUTE", Hours::read, faults),
            says_count: self.is_builtin,
            owing: 1,
            is_followed: false,
            // Until somebody says how long alerts are tried.
            patience: Duration::from_secs(365 * 24 * 3600),
        };
        self.leave_out_idle(&mut policy, faults);
        policy
    }

    /// Takes out of `policy` what has no effect in it, and says so of what the operator has set.
    fn leave_out_idle(&self, policy: &mut Policy, faults: &mut Faults) {
        let prefix = self.prefix;
        let endless = format!("no line says that a trouble is over (expected a regex in {prefix}CLEAR)");
        let endless = (!policy.clears).then_some(&*endless);
        let flapping = Some("this rule tells only what flaps").filter(|_| policy.kind == Kind::Flapping);
        let novelty = Some("this rule tells what is new with its first line, and no other")
            .filter(|_| policy.kind == Kind::Novelty);
        let is_about_all = policy.silence.is_some() || policy.spike.is_some();
        let urgent = format!("urgent alerts are never held ({prefix}PRIORITY)");
        let urgent = (policy.priority == Priority::Urgent).then_some(&*urgent);

        self.leave_out("FLAP", &mut policy.flap, endless.filter(|_| flapping.is_none()), faults);
        self.leave_out("WITHIN", &mut policy.within, flapping.or(endless), faults);
        self.leave_out("THRESHOLD", &mut policy.threshold, flapping.or(novelty), faults);
        let cooldown = flapping.or(novelty).filter(|_| !is_about_all);
        self.leave_out("COOLDOWN", &mut policy.cooldown, cooldown, faults);
        self.leave_out("MUTE", &mut policy.mute, urgent, faults);
        if flapping.is_some() && self.value("FLAP").is_none() && !is_about_all {
            let expected = expected("FLAP");
            faults.warn(format!("{prefix}FLAP: off leaves this rule nothing to tell (expected {expected})"));
        }
    }

    fn leave_out<T>(&self, name: &str, option: &mut Option<T>, why: Option<&str>, faults: &mut Faults) {
        if let Some(why) = why
            && option.take().is_some()
            && self.vars.text(&format!("{}{name}", self.prefix)).is_some()
        {
            faults.warn(format!("{}{name} has no effect: {why}", self.prefix));
        }
    }

    /// `_KEY`, for a pattern with `groups` groups. `off` takes away what a built-in rule tells apart of itself.
    pub(in crate::rules) fn key(&self, groups: usize, faults: &mut Faults) -> Option<Mask> {
        let name = format!("{}KEY", self.prefix);
        let text = self.vars.bytes(&name)?;
        if is_off(text) {
            return Mask::new(ROUTER.as_bytes(), 0).ok().filter(|_| self.is_builtin);
        }
        let mask = Mask::new(text, groups).map_err(|what| faults.fault(format!("{name}: {what}"))).ok()?;
        let text = shown(text);
        let expected = if groups == 0 { ROUTER.to_owned() } else { format!("{ROUTER} or a group, @1") };
        if mask.is_constant() {
            faults.warn(format!(
                "{name}: {text} makes all lines count as the same (expected such as {expected})"
            ));
        } else if groups == 0 && mask.has_plain_at() {
            let whose = if self.is_builtin { "a built-in rule" } else { "the pattern" };
            faults.warn(format!(
                "{name}: an @ in {text} is only text: {whose} has no groups (expected such as {expected})"
            ));
        }
        Some(mask)
    }

    /// What `key` tells one from another, as one calls each of it; `own` where no variable says that.
    pub(in crate::rules) fn each(&self, key: Option<&Mask>, own: &str) -> String {
        let text = self.vars.bytes(&format!("{}KEY", self.prefix)).unwrap_or_default();
        match key {
            None => format!("each {own}"),
            Some(_) if is_off(text) || text == ROUTER.as_bytes() => "each router".to_owned(),
            Some(key) if key.is_constant() => "all lines together".to_owned(),
            Some(_) => format!("each {}", shown(text)),
        }
    }
}
