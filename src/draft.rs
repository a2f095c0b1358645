//! A rule that somebody has written on the page: whether the daemon would take it, and how it is
//! written down.
//!
//! Apart from the settings, whose reader it asks: what it says of a draft is what `check` would.

use std::ffi::OsString;

use crate::routeros;
use crate::serve::Draft;
use crate::settings::{Settings, variables};
use crate::vars::{is_known, shown};

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
    // A rule of that number which is in force is another.
    let is_other = |(name, _): &(OsString, OsString)| {
        let rule = name.to_str().and_then(rule_of);
        rule.is_none_or(|rule| given.iter().all(|(name, _)| rule_of(name) != Some(rule)))
            && name != "ENV_EVENTS"
    };
    let others: Vec<_> = environment.into_iter().filter(is_other).collect();
    let ours = given.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let (_, faults) = Settings::read(others.into_iter().chain(ours));
    let is_ours = |text: &String| {
        given
            .iter()
            .filter_map(|(name, _)| rule_of(name))
            .any(|rule| text.strip_prefix(rule).is_some_and(|rest| rest.starts_with('_')))
    };
    draft.faults = faults.faults.into_iter().filter(is_ours).collect();
    draft.warnings = faults.warnings.into_iter().filter(is_ours).collect();
    for (name, value) in given {
        draft.shell.push_str(&format!("export {name}='{}'\n", value.replace('\'', "'\\''")));
        let quote = if value.starts_with('\'') && value.ends_with('\'') { "'" } else { "" };
        draft.file.push_str(&format!("{name}={quote}{value}{quote}\n"));
        let value = routeros::quoted(value);
        draft.routeros.push_str(&format!("/container/envs/add list=alertik key={name} value={value}\n"));
    }
    draft
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
        assert_eq!((draft(&RULE).faults, draft(&RULE).warnings), (vec![], vec![]));
        let mut wrong = RULE;
        wrong[2].1 = "(";
        wrong[0].1 = "Nobody";
        let faults = draft(&wrong).faults;
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults.iter().all(|fault| fault.starts_with("EVENT1_")));
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
