//! Somebody was not let in.
//!
//! ```text
//!   system,error,critical login failure for user guest from 192.168.88.17 via ssh
//!                         └ what is looked for ┘ user       address           service
//! ```
//!
//! The user's name is the attacker's to choose, and may be empty, hold spaces,
//! or forge an address (`x from 198.51.100.66 via ssh`): the real address is the
//! last one. It may be missing (`via api`), or be a MAC address (`via winbox`).

use super::said::{is_address, one_spelling};
use super::{Builtin, Kind, Same, Told, View, starting_with};

const NEEDLE: &str = "login failure for user ";

pub(super) const RULE: Builtin = Builtin {
    number: 1,
    name: "login_failure",
    tells: "a failed login to the router: user, address, service",
    is_starter: true,
    is_last: false,
    needles: &[NEEDLE],
    suffix: None,
    options: &[("COOLDOWN", "5m")],
    clears: false,
    same: Same::One("address"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let failure = read(&message)?;
    // In quotes, so that a name cannot pose as the rest of the sentence.
    let text = format!(
        "{}: login failure for user \"{}\"{}{}",
        view.router(),
        failure.user,
        failure.from(),
        failure.service
    );
    Some(Told::keyed(text, &failure.key()))
}

/// A failed login, as the router tells it.
pub(super) struct Failure<'m> {
    pub(super) user: &'m str,
    /// IP or MAC; empty where there is none.
    address: &'m str,
    /// ` via ssh`, or empty.
    pub(super) service: String,
}

impl Failure<'_> {
    /// ` from 203.0.113.7`, or empty.
    pub(super) fn from(&self) -> String {
        if self.address.is_empty() { String::new() } else { format!(" from {}", self.address) }
    }

    /// Who it was, however the address is written.
    pub(super) fn key(&self) -> String {
        one_spelling(self.address)
    }
}

/// The failed login that `message` tells of.
pub(super) fn read(message: &str) -> Option<Failure<'_>> {
    let rest = starting_with(message, NEEDLE)?.strip_prefix(NEEDLE)?;
    let (rest, service) = match rest.rsplit_once(" via ") {
        Some((rest, service)) => (rest, format!(" via {service}")),
        None => (rest, String::new()),
    };
    let (user, address) = match rest.rsplit_once(" from ") {
        Some((user, address)) if is_address(address) => (user, address),
        _ => (rest, ""),
    };
    Some(Failure { user, address, service })
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::text;

    #[track_caller]
    fn check(said: &str, expected: &str) {
        for (datagram, router) in [
            (format!("system,error,critical {said}"), "192.168.88.1"),
            (format!("system,error,critical core1: {said}"), "192.168.88.1"),
            (format!("<27>Oct  2 17:36:35 MikroTik {said}"), "MikroTik"),
            (said.to_owned(), "192.168.88.1"),
        ] {
            assert_eq!(text("login_failure", &datagram), Some(format!("{router}: {expected}")), "{datagram}");
        }
    }

    #[test]
    fn user_address_and_service_are_told() {
        check(
            "login failure for user guest from 192.168.88.17 via ssh",
            "login failure for user \"guest\" from 192.168.88.17 via ssh",
        );
        check(
            "login failure for user  from 2001:470:1:c84::24 via ssh",
            "login failure for user \"\" from 2001:470:1:c84::24 via ssh",
        );
        check(
            "login failure for user user with space from 203.0.113.10 via ssh",
            "login failure for user \"user with space\" from 203.0.113.10 via ssh",
        );
        check(
            "login failure for user admin from 84:3A:5B:22:49:D0 via winbox",
            "login failure for user \"admin\" from 84:3A:5B:22:49:D0 via winbox",
        );
        check("login failure for user admin via api", "login failure for user \"admin\" via api");
        check("login failure for user admin via local", "login failure for user \"admin\" via local");
    }

    #[test]
    fn a_forged_address_is_part_of_the_name() {
        check(
            "login failure for user x from 198.51.100.66 via ssh from 203.0.113.40 via winbox",
            "login failure for user \"x from 198.51.100.66 via ssh\" from 203.0.113.40 via winbox",
        );
        check(
            "login failure for user x logged in from 198.51.100.66 via ssh from 203.0.113.44 via winbox",
            "login failure for user \"x logged in from 198.51.100.66 via ssh\" from 203.0.113.44 via winbox",
        );
    }

    #[test]
    fn cef_is_told_by_its_message() {
        let cef = "Oct  2 17:36:35 MikroTik CEF:0|MikroTik|hAP ax^2|7.25beta5|10|system,error,critical|High|\
                   dvchost=MikroTik dvc=192.168.88.36 msg=login failure for user guest from 192.168.88.17 via ssh \
                   app=ssh duser=guest outcome=failure src=192.168.88.17\r\n";
        let expected = "MikroTik: login failure for user \"guest\" from 192.168.88.17 via ssh";
        assert_eq!(text("login_failure", cef).as_deref(), Some(expected));
    }

    #[test]
    fn other_lines_are_none_of_its_own() {
        for said in
            ["system,info,account user admin logged in via winbox", "script,info a login failure for user b"]
        {
            assert_eq!(text("login_failure", said), None);
        }
    }
}
