//! `alertik mute 2h [RULE]`, `alertik mute off [RULE]`: has the running daemon hold what a rule would tell.

use serde::Deserialize;
use serde_json::json;

use super::ask::Running;
use super::{Arguments, Exit, complain, print, settings, usage};
use crate::serve::MUTE_MAX;
use crate::span;

/// As much of the daemon's answer as matters here.
#[derive(Deserialize)]
struct State {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    name: String,
    description: String,
}

impl Rule {
    /// `login_failure`, for a rule that has such a name.
    fn builtin(&self) -> Option<&str> {
        let is_builtin = self.name.starts_with("STATIC_");
        self.description.split_once(':').map(|(name, _)| name).filter(|_| is_builtin)
    }
}

pub(super) fn run(given: &Arguments) -> Exit {
    let mut words = given.rest.iter().map(|word| word.to_string_lossy());
    let expected = "(expected 90s, 10m, 24h or 7d, at most 31d, or off)";
    let Some(text) = words.next() else { return usage(&format!("mute takes a span {expected}")) };
    let span = span::read(&text).filter(|span| *span <= MUTE_MAX);
    if span.is_none() && text != "off" {
        return usage(&format!("{text:?} is not a span {expected}"));
    }
    let Some(settings) = settings() else { return Exit::Configuration };
    let muted = Running::of(&settings).and_then(|running| {
        let rule = words.next().map(|word| rule(&running, &word)).transpose()?;
        running.ask("/api/mute", Some(&json!({"rule": rule, "span": text}))).map(|_| rule)
    });
    match muted {
        Ok(rule) => print(&match (rule, span.map(span::words)) {
            (Some(rule), Some(span)) => format!("{rule} is muted for {span}\n"),
            (Some(rule), None) => format!("{rule} is not muted\n"),
            (None, Some(span)) => format!("all rules are muted for {span}\n"),
            (None, None) => "no rule is muted\n".to_owned(),
        }),
        Err(reason) => {
            complain(&reason);
            Exit::Failure
        }
    }
}

/// The rule that is called `word`, by the name that the daemon knows.
fn rule(running: &Running, word: &str) -> Result<String, String> {
    let answer = running.ask("/api/state", None)?;
    let state: State = serde_json::from_slice(&answer.body)
        .map_err(|_| "what answers there is not this version of alertik".to_owned())?;
    named(&state.rules, word)
}

fn named(rules: &[Rule], word: &str) -> Result<String, String> {
    if let Some(rule) = rules.iter().find(|rule| rule.name == word || rule.builtin() == Some(word)) {
        return Ok(rule.name.clone());
    }
    let name = |rule: &Rule| match rule.builtin() {
        Some(builtin) => format!("{} ({builtin})", rule.name),
        None => rule.name.clone(),
    };
    let names: Vec<_> = rules.iter().map(name).collect();
    Err(format!("{word:?} is not a rule of the daemon (expected one of {})", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_called_by_number_or_name() {
        let rules = [
            ("STATIC_EVENT1", "login_failure: a failed login"),
            ("EVENT0", "substr \"reboot: x\", sends \"y\""),
            ("EVENT12", "login: x"),
        ];
        let rules =
            rules.map(|(name, description)| Rule { name: name.into(), description: description.into() });
        let check = |word, expected: Result<&str, &str>| {
            assert_eq!(named(&rules, word), expected.map(str::to_owned).map_err(str::to_owned));
        };
        check("EVENT0", Ok("EVENT0"));
        check("STATIC_EVENT1", Ok("STATIC_EVENT1"));
        check("login_failure", Ok("STATIC_EVENT1"));
        let others = "(expected one of STATIC_EVENT1 (login_failure), EVENT0, EVENT12)";
        check("login", Err(&format!("\"login\" is not a rule of the daemon {others}")));
        check("EVENT1", Err(&format!("\"EVENT1\" is not a rule of the daemon {others}")));
    }
}
