//! Somebody changed the configuration.
//!
//! ```text
//!   system,info filter rule added by ssh:oper@10.1.1.2/terminal/action:7 (*22 = /ip firewall filter add action=…)
//!               └ object    └ verb   └ how └ user └ address              └ the command: never told, for it may
//!   system,info nat rule added by admin                     version 6      hold a password
//!   system,info ppp secret <cli001> changed by api:mon-api@:: (…)          no address: the router itself
//!   system,info changed script settings by scheduler:a/script:b (…)        by a script
//! ```
//!
//! A command may hold anything, this shape included, and RouterOS splits long lines, so that a command goes on in
//! a line of its own. So only what has the shape from its beginning is read, with nothing in it that commands are
//! made of, and everything from the bracket on is left out. What scripts change is told too, as a script may be an
//! intruder's; the cooldown is long, because some do it every minute.

use super::said::{is_address, may_be_about, without_prefix};
use super::{Builtin, Kind, Same, Told, View};

const VERBS: &[&str] =
    &[" added by ", " removed by ", " changed by ", " moved by ", " scheduled by ", " settings by "];

/// How many places a line is tried at: a name holds such words once, if ever, and each costs a look at all that
/// stands before it, so that a line full of them would take a thousand times as long as any other.
const PLACES_MAX: usize = 4;

pub(super) const RULE: Builtin = Builtin {
    number: 8,
    name: "config_change",
    tells: "a changed configuration: what, by whom, how (never the command)",
    is_starter: true,
    is_last: false,
    needles: VERBS,
    suffix: None,
    options: &[("COOLDOWN", "1h")],
    clears: false,
    same: Same::Several("kind of object, change and author"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    if !may_be_about(view, b"system") {
        return None;
    }
    let message = view.message();
    let Change { object, verb, author } = read(&message)?;
    // Not the name in brackets: a provider's script may change some hundred customers in a row.
    let kind = object.split('<').next().unwrap_or(object).trim_end();
    let key = format!("{kind}{verb}{author}");
    Some(Told::keyed(format!("{}: {object}{verb}{}", view.router(), in_words(author)), &key))
}

struct Change<'m> {
    object: &'m str,
    /// With the spaces around it.
    verb: &'static str,
    /// Who and how, as RouterOS writes it, without the number of the action.
    author: &'m str,
}

fn read(message: &str) -> Option<Change<'_>> {
    let said = without_prefix(message);
    // A user's name is a stranger's, and stands before all else that could be one.
    if said.starts_with("login failure ") {
        return None;
    }
    // The first that is possible. The real one stands before the command, and what stands in the command has
    // the command's beginning before it, which no object has.
    let mut places: Vec<_> =
        VERBS.iter().flat_map(|verb| said.match_indices(verb).map(move |(at, _)| (at, *verb))).collect();
    places.sort_unstable();
    places.into_iter().take(PLACES_MAX).find_map(|(at, verb)| {
        let (object, rest) = said.split_at_checked(at)?;
        let author = author(rest.strip_prefix(verb)?)?;
        is_object(object).then_some(Change { object, verb, author })
    })
}

/// Of commands, not of names: `name=value`, lists, strings and their escapes, variables.
fn is_commands(c: char) -> bool {
    "=;\"\\{}[]$".contains(c) || c.is_control()
}

/// `filter rule`, `ppp secret <cli001>`, `bgp instance AS240`.
fn is_object(text: &str) -> bool {
    let (words, name) = match text.split_once('<') {
        Some((words, name)) => (words, name.strip_suffix('>')),
        None => (text, Some("")),
    };
    words.starts_with(char::is_alphanumeric)
        && !words.contains(['(', ')', '>', ':', ',', '@'])
        && name.is_some()
        && !text.contains(is_commands)
        && without_command(text) == text
}

/// What stands before the command.
fn author(rest: &str) -> Option<&str> {
    let shown = rest.split(" (").next().map(without_command)?;
    let shown = shown.split("/action:").next()?.trim_end();
    let first = shown.split(' ').next()?;
    // Up to version 6 it is one word, and the last of the line.
    match first.contains(':') {
        true => shown.split(is_commands).next(),
        false => Some(shown).filter(|text| !text.is_empty() && first == *text && !text.contains(is_commands)),
    }
}

/// `user "oper" from 10.1.1.2 via ssh`, `user "admin"`, `scheduler:nightly`.
fn in_words(author: &str) -> String {
    let Some((how, rest)) = author.split_once(':') else {
        return format!("user \"{author}\"");
    };
    let Some((user, place)) = rest.rsplit_once('@') else {
        return author.to_owned();
    };
    match place.split('/').next().filter(|address| is_address(address)) {
        // Who has no address is the router's own, by an API of its own.
        Some("::") => format!("user \"{user}\" via {how}"),
        Some(address) => format!("user \"{user}\" from {address} via {how}"),
        None => author.to_owned(),
    }
}

/// `message` up to where a command may begin: `(/ip …`, `(*22 = /ip …`. Says nothing of one that goes on from an
/// earlier line.
pub(super) fn without_command(message: &str) -> &str {
    let begins = ["(/", "(*", " = /"].iter().filter_map(|words| message.find(words)).min();
    begins.and_then(|at| message.get(..at)).map_or(message, str::trim_end)
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::{text, told};

    #[track_caller]
    fn check(said: &str, expected: Option<&str>) {
        let expected = expected.map(|text| format!("192.168.88.1: {text}"));
        for header in ["system,info ", "system,info mk_1: ", "<30>Oct  2 17:36:35 192.168.88.1 ", ""] {
            assert_eq!(text("config_change", &format!("{header}{said}")), expected, "{header}{said}");
        }
    }

    #[test]
    fn what_by_whom_and_how_is_told() {
        check("nat rule added by admin", Some("nat rule added by user \"admin\""));
        check("bgp instance AS240 added by admin", Some("bgp instance AS240 added by user \"admin\""));
        check(
            "filter rule moved by ssh:oper@10.1.1.2 ()",
            Some("filter rule moved by user \"oper\" from 10.1.1.2 via ssh"),
        );
        check(
            "ppp secret <cli001> changed by api:mon-api@::/action:243 (/ppp secret set cli001 password=hunter2)",
            Some("ppp secret <cli001> changed by user \"mon-api\" via api"),
        );
        check(
            "ppp secret <c 1 (home)> removed by mac-msg(winbox):admin@54:14:A7:11:53:3C/terminal/action:245 (/x)",
            Some(
                "ppp secret <c 1 (home)> removed by user \"admin\" from 54:14:A7:11:53:3C via mac-msg(winbox)",
            ),
        );
        check(
            "device changed by winbox-3.42/tcp-msg(winbox):admin@192.168.50.100 (/interface set ether3 disabled=no)",
            Some("device changed by user \"admin\" from 192.168.50.100 via winbox-3.42/tcp-msg(winbox)"),
        );
        check(
            "changed script settings by scheduler:a b/script:c/action:388 (/system script set x source=\"y",
            Some("changed script settings by scheduler:a b/script:c"),
        );
        check(
            "new script scheduled by ssh:a@2001:db8::1/terminal (*4 = /system scheduler add on-event=x)",
            Some("new script scheduled by user \"a\" from 2001:db8::1 via ssh"),
        );
    }

    #[test]
    fn the_key_is_neither_the_name_nor_the_action() {
        let key = |said: &str| told("config_change", &format!("system,info {said}")).map(|told| told.key);
        let first = key("ppp secret <cli001> changed by api:m@::/action:243 (/x)");
        assert_eq!(first.as_deref(), Some("ppp secret changed by api:m@::"));
        assert_eq!(key("ppp secret <cli002> changed by api:m@::/action:244 (/x)"), first);
        assert_ne!(key("ppp secret <cli002> removed by api:m@::/action:244 (/x)"), first);
    }

    #[test]
    fn no_command_is_told_whatever_is_in_it() {
        for object in
            ["user x", "ppp secret <x>", "ppp secret <x (y)>", "ppp secret <x added by y>", "x (y)", "a=b"]
        {
            for author in
                ["ssh:oper@10.1.1.2", "admin", "ssh:a (b@10.1.1.2", "ssh:a=b@1.1.1.1", "scheduler:a (b"]
            {
                for command in [
                    "(*1 = /user add password=hunter2)",
                    "(/user set x password=hunter2 comment=\"nat rule added by x (y)\")",
                    "(/user set x password=hunter2> changed by z:a@1.2.3.4 (/y))",
                    "(/user set-password x hunter2 added by x (",
                    "(/user set-password x hunter2> added by admin",
                ] {
                    let line = format!("system,info {object} changed by {author} {command}");
                    for rule in ["config_change", "critical"] {
                        for line in [line.clone(), line.replacen("info", "critical", 1)] {
                            let text = text(rule, &line).unwrap_or_default();
                            assert!(!text.contains("hunter2") && !text.contains("/user"), "{line}\n{text}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_rest_of_a_command_is_told_by_nobody() {
        for rest in [
            "0731;WAN1-SAT;197577548874;16398972123\\; \\n# 20731;WAN2-SAT;13908914027;512989102\\; \\n\")",
            "password=hunter2 comment=\"nat rule added by admin (x)\")",
            "hunter2\" comment=\"nat rule added by admin (x)\")",
            "hunter2 comment=x changed by ssh:a@1.2.3.4 (/x)",
            "hunter2, nat rule added by admin",
            "hunter2 added by x\" disabled=no)",
            " added by ssh:a@1.2.3.4 (/x)",
        ] {
            check(rest, None);
        }
    }

    #[test]
    fn names_that_strangers_chose_are_not_told() {
        for said in [
            "login failure for user nat rule added by admin from 203.0.113.7 via ssh",
            "login failure for user nat rule added by a:b@c (x) from 203.0.113.7 via ssh",
            "dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 x added by admin",
            "4d2e0 password failed for user: nat rule added by admin",
            "user nat rule added by admin logged in from 10.0.0.245 via winbox",
        ] {
            check(said, None);
        }
        assert_eq!(text("config_change", "script,info nat rule added by admin"), None);
    }
}
