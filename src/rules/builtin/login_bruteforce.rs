//! Somebody guesses passwords.
//!
//! ```text
//!   system,error,critical login failure for user admin from 203.0.113.7 via ssh
//!                         └ the same lines as rule 1 tells     └ each address is counted by itself
//! ```
//!
//! While this one is busy with an address, rule 1 is not asked about it: one attack is one alert.

use super::{Builtin, Kind, Same, Told, View, login_failure};

pub(super) const RULE: Builtin = Builtin {
    number: 2,
    name: "login_bruteforce",
    tells: "passwords that are being guessed: many failed logins from one address",
    is_starter: true,
    is_last: false,
    needles: login_failure::RULE.needles,
    suffix: None,
    options: &[("THRESHOLD", "5/60s"), ("COOLDOWN", "1h")],
    clears: false,
    same: Same::One("address"),
    counts: "lines",
    kind: Kind::Usual,
    silences: Some(login_failure::RULE.number),
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let failure = login_failure::read(&message)?;
    let text = format!(
        "{}: somebody is guessing passwords: login failures{}, last for user \"{}\"{}",
        view.router(),
        failure.from(),
        failure.user,
        failure.service
    );
    Some(Told::keyed(text, &failure.key()))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::{text, told};

    #[track_caller]
    fn check(said: &str, expected: &str) {
        let told = text("login_bruteforce", &format!("system,error,critical {said}"));
        assert_eq!(told, Some(format!("192.168.88.1: somebody is guessing passwords: {expected}")));
    }

    #[test]
    fn the_attacker_is_named_and_no_number() {
        check(
            "login failure for user admin from 203.0.113.7 via ssh",
            "login failures from 203.0.113.7, last for user \"admin\" via ssh",
        );
        check("login failure for user admin via api", "login failures, last for user \"admin\" via api");
        check(
            "login failure for user x from 198.51.100.66 via ssh from 203.0.113.40 via winbox",
            "login failures from 203.0.113.40, last for user \"x from 198.51.100.66 via ssh\" via winbox",
        );
    }

    #[test]
    fn keys_are_those_of_rule_1_however_the_address_is_written() {
        for address in ["203.0.113.13", "::ffff:203.0.113.13"] {
            let line = format!("system,error,critical login failure for user a from {address} via api-ssl");
            for rule in ["login_failure", "login_bruteforce"] {
                assert_eq!(told(rule, &line).map(|told| told.key).as_deref(), Some("203.0.113.13"));
            }
        }
    }
}
