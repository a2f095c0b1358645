//! A rule that somebody has written on the page: whether the daemon would take it, and how it is
//! written down.
//!
//! Apart from the settings, whose reader it asks: what it says of a draft is what `check` would.

use std::ffi::OsString;

use crate::routeros;
use crate::serve::Draft;
use crate::settings::{Settings, read_vars, variables};
use crate::vars::{Faults, Vars, is_known, shown};

/// Reads the variables of rules in `given` beside everything else that is set, and writes them down.
pub fn read(given: &[(String, String)]) -> Draft {
    read_beside(std::env::vars_os(), given)
}

fn read_beside(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    given: &[(String, String)],
) -> Draft {
    let mut draft = Draft::default();
    let names = variables();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, value) in given {
        if rule_of(name).is_none() || !is_known(name, &known) {
            draft.faults.push(format!("{} is not a variable of a rule", shown(name)));
        } else if value.contains(['\n', '\r', '\0']) {
            draft.faults.push(format!("{name}: has more than one line"));
        }
    }
    if !draft.faults.is_empty() {
        return draft;
    }
    let environment: Vec<_> = environment.into_iter().collect();
    let set = read_vars(environment.clone(), &mut Faults::default());
    // A rule of that number which is in force is another.
    let is_other = |(name, _): &&(OsString, OsString)| {
        let rule = name.to_str().and_then(rule_of);
        rule.is_none_or(|rule| given.iter().all(|(name, _)| rule_of(name) != Some(rule)))
            && name != "ENV_EVENTS"
    };
    let others: Vec<_> = environment.iter().filter(is_other).cloned().collect();
    let ours = given.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let (_, before) = Settings::read(others.clone());
    let (_, after) = Settings::read(others.into_iter().chain(ours));
    // What is wrong without it is not its fault.
    draft.faults = after.faults.into_iter().filter(|text| !before.faults.contains(text)).collect();
    draft.warnings = after.warnings.into_iter().filter(|text| !before.warnings.contains(text)).collect();
    let mut written = given.to_vec();
    if let Some(rule) =
        given.iter().filter_map(|(name, _)| rule_of(name)).find(|rule| rule.starts_with("EVENT"))
    {
        written.extend(besides(rule, &set, &mut draft.warnings));
    }
    for (name, value) in &written {
        draft.shell.push_str(&format!("export {name}='{}'\n", value.replace('\'', "'\\''")));
        let quote = if value.starts_with('\'') && value.ends_with('\'') { "'" } else { "" };
        draft.file.push_str(&format!("{name}={quote}{value}{quote}\n"));
        let value = routeros::quoted(value);
        draft.routeros.push_str(&format!("/container/envs/add list=alertik key={name} value={value}\n"));
    }
    draft
}

/// What has to be set besides a rule of the operator's, lest it switch off what runs; and what it has to do with that.
fn besides(rule: &str, set: &Vars, warnings: &mut Vec<String>) -> Option<(String, String)> {
    if set.names().any(|name| rule_of(name) == Some(rule)) {
        warnings.push(format!("{rule} is there already, and this takes its place"));
    }
    let number = rule.trim_start_matches("EVENT").parse().unwrap_or(0);
    if let Some(count) = set.text("ENV_EVENTS").and_then(|text| text.trim().parse::<usize>().ok())
        && count <= number
    {
        warnings
            .push(format!("ENV_EVENTS is {count}: {rule} has no effect unless it is {} or more", number + 1));
    }
    let is_choice = |name: &str| {
        ["ENV_EVENTS", "STATIC_EVENTS_ENABLED"].contains(&name)
            || rule_of(name).is_some_and(|rule| rule.starts_with("EVENT"))
    };
    if set.names().any(is_choice) {
        return None;
    }
    warnings.push(
        "STATIC_EVENTS_ENABLED=starter is set besides, or the starter rules would not run any more"
            .to_owned(),
    );
    Some(("STATIC_EVENTS_ENABLED".to_owned(), "starter".to_owned()))
}

/// `EVENT3` of `EVENT3_MASK_MSG`.
fn rule_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("STATIC_").unwrap_or(name).strip_prefix("EVENT")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_one = digits > 0 && rest.get(digits..)?.starts_with('_');
    is_one.then(|| name.get(..name.len() - rest.len() + digits))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(given: &[(&str, &str)]) -> Draft {
        let environment =
            [("EVENT0_NOTIFIER", "Nobody"), ("EVENT1_MATCH_TYPE", "wrong"), ("ENV_EVENTS", "1")];
        let environment = environment.map(|(name, value)| (name.into(), value.into()));
        let given: Vec<_> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read_beside(environment, &given)
    }

    const RULE: [(&str, &str); 4] = [
        ("EVENT1_NOTIFIER", "Console"),
        ("EVENT1_MATCH_TYPE", "regex"),
        ("EVENT1_MATCH_STR", "user '(\\d+)' \\$"),
        ("EVENT1_MASK_MSG", "'@1'"),
    ];

    #[test]
    fn what_the_daemon_would_say_of_the_drafted_rule_alone_is_said() {
        let warnings = [
            "EVENT1 is there already, and this takes its place",
            "ENV_EVENTS is 1: EVENT1 has no effect unless it is 2 or more",
        ];
        assert_eq!(
            (draft(&RULE).faults, draft(&RULE).warnings),
            (vec![], warnings.map(str::to_owned).into())
        );
        let mut wrong = RULE;
        wrong[2].1 = "(";
        wrong[0].1 = "Nobody";
        let faults = draft(&wrong).faults;
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults.iter().all(|fault| fault.starts_with("EVENT1_")));
        // Nor is it any rule's if the service lacks a variable.
        wrong = RULE;
        wrong[0].1 = "Telegram";
        assert!(draft(&wrong).faults.iter().any(|fault| fault.starts_with("TELEGRAM_BOT_TOKEN is not set")));
    }

    #[test]
    fn the_starter_rules_go_on() {
        let given: Vec<_> =
            RULE.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let alone = read_beside([], &given);
        assert!(alone.shell.ends_with("export STATIC_EVENTS_ENABLED='starter'\n"), "{}", alone.shell);
        assert_eq!((alone.faults.len(), alone.warnings.len()), (0, 1));
        let chosen = [("STATIC_EVENTS_ENABLED".into(), "5".into())];
        assert!(!read_beside(chosen, &given).shell.contains("STATIC_EVENTS"));
    }

    #[test]
    fn it_is_written_down_for_each_place() {
        let draft = draft(&RULE);
        assert!(draft.shell.contains("export EVENT1_MATCH_STR='user '\\''(\\d+)'\\'' \\$'\n"));
        assert!(draft.file.contains("EVENT1_MATCH_STR=user '(\\d+)' \\$\nEVENT1_MASK_MSG=''@1''\n"));
        let routeros = "key=EVENT1_MATCH_STR value=\"user '(\\\\d+)' \\\\\\$\"\n";
        assert!(draft.routeros.contains(routeros), "{}", draft.routeros);
    }

    #[test]
    fn nothing_but_a_rule_is_drafted() {
        for name in ["TELEGRAM_TOKEN", "EVENT1_MATCH_STR_FILE", "EVENT_X", "EVENTS", "EVENT999_NOTIFIER"] {
            assert_eq!(draft(&[(name, "x")]).faults.len(), 1, "{name}");
        }
        assert_eq!(draft(&[("EVENT1_MASK_MSG", "a\nEVENT2_NOTIFIER=x")]).faults.len(), 1);
    }
}
