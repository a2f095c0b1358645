//! `HOOKn_*`: who may call, and what for.
//!
//! Whom a hook tells stays a text here, because HTTP knows no notifiers: whoever reads all settings resolves it.

use std::collections::BTreeMap;

use super::super::settings::Settings;
use super::signature::Keys;
use crate::vars::{Faults, Vars, is_index, names_any, shown};

/// What we answer ourselves, so that no hook may be called so.
const OWN_PATHS: [&str; 7] = ["api", "debug", "healthz", "hook", "login", "logout", "metrics"];

/// A name stands in a path, in a label of the metrics, and in the log.
const NAME_BYTES_MAX: usize = 64;

/// A hook as it is configured.
#[derive(Clone, Debug)]
pub struct Listed {
    /// `HOOK0`; of one that is only watched, what its watcher goes by.
    pub rule: String,
    /// What the other system calls.
    pub name: String,
    /// `HOOKn_NOTIFIER`; None, if its calls are only signs of life.
    pub notifiers: Option<String>,
    /// `HOOKn_SECRET`; without it, who may see the page may call.
    pub(super) keys: Option<Keys>,
}

impl Listed {
    /// True if it has a secret of its own.
    pub fn has_secret(&self) -> bool {
        self.keys.is_some()
    }
}

/// A hook whose silence is noticed.
pub struct Watched<'a> {
    /// `WATCH0_HOOK`.
    pub variable: &'a str,
    /// The hook's name; one that no `HOOKn_NAME` has becomes a hook that tells nobody.
    pub name: &'a str,
}

/// Reads all hooks, in the order of their numbers, and behind them those that are only watched.
pub fn read(vars: &Vars, serve: &Settings, watched: &[Watched<'_>], faults: &mut Faults) -> Vec<Listed> {
    let mut set = BTreeMap::<usize, Vec<&str>>::new();
    for name in vars.names() {
        let halves = name.strip_prefix("HOOK").and_then(|rest| rest.split_once('_'));
        if let Some((digits, _)) = halves.filter(|(digits, _)| is_index(digits))
            && let Ok(number) = digits.parse()
        {
            set.entry(number).or_default().push(name);
        }
    }
    let mut hooks: Vec<Listed> = Vec::new();
    for (number, variables) in set {
        let variable = |name: &str| format!("HOOK{number}_{name}");
        let Some(name) = vars.text(&variable("NAME")) else {
            let others = variables.join(", ");
            faults
                .fault(format!("HOOK{number}_NAME is not set (expected the name in the path, for {others})"));
            continue;
        };
        let keys = vars.text(&variable("SECRET")).and_then(|secret| {
            let keys = Keys::new(secret.trim());
            keys.map_err(|why| faults.fault(format!("HOOK{number}_SECRET {why}"))).ok()
        });
        let notifiers = vars.text(&variable("NOTIFIER")).filter(|list| names_any(list)).map(str::to_owned);
        if notifiers.is_none() && !watched.iter().any(|watched| watched.name == name) {
            let variable = variable("NOTIFIER");
            faults.fault(format!("{variable} is not set (expected a notifier such as Telegram)"));
        }
        if is_name(&variable("NAME"), name, &hooks, faults) {
            hooks.push(Listed { rule: format!("HOOK{number}"), name: name.to_owned(), notifiers, keys });
        }
    }
    for Watched { variable, name } in watched {
        let is_known = hooks.iter().any(|hook| hook.name == *name);
        if !is_known && is_name(variable, name, &[], faults) {
            let rule = variable.split('_').next().unwrap_or(variable).to_owned();
            hooks.push(Listed { rule, name: (*name).to_owned(), notifiers: None, keys: None });
        }
    }
    if let Some(first) = hooks.first().filter(|_| serve.listen.is_none()) {
        let rule = &first.rule;
        faults.fault(format!("{rule}: nobody can call {} while HTTP_LISTEN is off", shown(&first.name)));
    }
    hooks
}

/// True if a hook may be called so, besides those that there are.
fn is_name(variable: &str, name: &str, others: &[Listed], faults: &mut Faults) -> bool {
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_path = name.bytes().any(|byte| byte != b'.') && name.bytes().all(is_char);
    let fault = if !is_path || name.len() > NAME_BYTES_MAX {
        format!("is no name (expected at most {NAME_BYTES_MAX} letters, digits, - _ .)")
    } else if OWN_PATHS.contains(&name) {
        format!("is one of our own paths (none of {})", OWN_PATHS.join(", "))
    } else if let Some(other) = others.iter().find(|other| other.name == name) {
        format!("is the name of {} already", other.rule)
    } else {
        return true;
    };
    faults.fault(format!("{variable}: {} {fault}", shown(name)));
    false
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], watched: &[Watched<'_>], hooks: &[&str], expected: &[&str]) {
        let mut faults = Faults::default();
        let variables = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let known = super::super::super::settings::VARIABLES;
        let vars = Vars::read(variables, known, &|_| Err(io::ErrorKind::NotFound.into()), &mut faults);
        let serve = Settings::read(&vars, &mut faults);
        let found = read(&vars, &serve, watched, &mut faults);
        let found: Vec<_> = found.iter().map(|hook| format!("{} {}", hook.rule, hook.name)).collect();
        assert_eq!(found, hooks);
        assert_eq!(faults.faults, expected);
        assert!(!format!("{faults:?}").contains("s3cret"));
    }

    #[test]
    fn hooks_are_read_by_their_numbers() {
        let two = [
            ("HOOK7_NAME", "grafana"),
            ("HOOK7_NOTIFIER", "Slack,Telegram/-1"),
            ("HOOK0_NAME", "a.b_c-1"),
            ("HOOK0_NOTIFIER", "Slack"),
            ("HOOK0_SECRET", "s3cret"),
        ];
        check(&two, &[], &["HOOK0 a.b_c-1", "HOOK7 grafana"], &[]);
        check(&[], &[], &[], &[]);
    }

    #[test]
    fn what_cannot_be_a_hook_is_said() {
        let named = |name| [("HOOK0_NAME", name), ("HOOK0_NOTIFIER", "Slack")];
        let fault = |words: &str| format!("HOOK0_NAME: {words}");
        let long = "a".repeat(65);
        for name in ["a/b", "ü", "..", "a b", &long] {
            let words = format!("{} is no name (expected at most 64 letters, digits, - _ .)", shown(name));
            check(&named(name), &[], &[], &[&fault(&words)]);
        }
        let own =
            "\"metrics\" is one of our own paths (none of api, debug, healthz, hook, login, logout, metrics)";
        check(&named("metrics"), &[], &[], &[&fault(own)]);
        let twice = [named("a"), [("HOOK1_NAME", "a"), ("HOOK1_NOTIFIER", "Slack")]].concat();
        check(&twice, &[], &["HOOK0 a"], &["HOOK1_NAME: \"a\" is the name of HOOK0 already"]);
        let none = "HOOK1_NOTIFIER is not set (expected a notifier such as Telegram)";
        check(&[("HOOK1_NAME", "a"), ("HOOK1_NOTIFIER", " ,")], &[], &["HOOK1 a"], &[none]);
        let nameless = "HOOK2_NAME is not set (expected the name in the path, for HOOK2_SECRET)";
        check(&[("HOOK2_SECRET", "s3cret")], &[], &[], &[nameless]);
        let odd = [("HOOK0_NAME", "a"), ("HOOK0_NOTIFIER", "Slack"), ("HOOK0_SECRET", "s3cret s3cret")];
        let odd_fault = "HOOK0_SECRET is not a token (expected ASCII characters without blanks)";
        check(&odd, &[], &["HOOK0 a"], &[odd_fault]);
        let off = [("HTTP_LISTEN", "off"), ("HOOK0_NAME", "a"), ("HOOK0_NOTIFIER", "Slack")];
        check(&off, &[], &["HOOK0 a"], &["HOOK0: nobody can call \"a\" while HTTP_LISTEN is off"]);
    }

    #[test]
    fn what_is_watched_needs_nobody_to_tell() {
        let watched = |name| Watched { variable: "WATCH0_HOOK", name };
        check(&[("HOOK0_NAME", "a")], &[watched("a")], &["HOOK0 a"], &[]);
        check(&[], &[watched("backup"), watched("backup")], &["WATCH0 backup"], &[]);
        let fault = "WATCH0_HOOK: \"a b\" is no name (expected at most 64 letters, digits, - _ .)";
        check(&[], &[watched("a b")], &[], &[fault]);
    }
}
