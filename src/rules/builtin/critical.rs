//! What RouterOS itself calls critical and nobody else has told.
//!
//! ```text
//!   dhcp,critical,error dhcp alert on Public: discovered unknown dhcp server, mac 00:02:29:60:36:E7
//!        └ the topic   └ told as it stands
//! ```
//!
//! The syslog format carries no topics, so there it finds nothing. Should the line be a change of the
//! configuration, the command is left out, as everywhere.

use super::said::without_prefix;
use super::{Builtin, Kind, Same, Told, View, config_change, login_failure};

/// How many words call a line the same: `ntp change time`, `login failure for`, `dhcp alert on`.
const KEY_WORDS: usize = 3;

pub(super) const RULE: Builtin = Builtin {
    number: 14,
    name: "critical",
    tells: "a line with the topic critical that no other enabled rule matched",
    is_starter: true,
    is_last: true,
    needles: &["critical"],
    suffix: None,
    options: &[("COOLDOWN", "10m")],
    clears: false,
    same: Same::Several("kind of line, by its first three words"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    if !view.record.topics.contains(b"critical") {
        return None;
    }
    let message = view.message();
    let said = message.trim_start();
    // A failed login has no command, and a user called `(/` must not cut its address away.
    let shown = match login_failure::read(said) {
        Some(_) => said,
        None => config_change::without_command(said),
    };
    // The beginning says what kind of thing it is; what a stranger can choose stands further on, and would
    // be another key each time.
    let key: Vec<_> = without_prefix(said).split_whitespace().take(KEY_WORDS).collect();
    Some(Told::keyed(format!("{}: {shown}", view.router()), &key.join(" ")))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::{text, told};

    #[test]
    fn the_topic_counts_and_not_the_word() {
        let told = text("critical", "system,critical,info cloud change time");
        assert_eq!(told.as_deref(), Some("192.168.88.1: cloud change time"));
        assert_eq!(text("critical", "script,info this is critical"), None);
        assert_eq!(text("critical", "<27>Oct  2 17:36:35 MikroTik this is critical"), None);
    }

    #[test]
    fn a_command_is_left_out_and_an_attackers_address_is_not() {
        let check = |said: &str, expected: &str| {
            let told = text("critical", &format!("system,error,critical {said}"));
            assert_eq!(told, Some(format!("192.168.88.1: {expected}")));
        };
        check(
            "user x changed by ssh:a@10.1.1.2 (*1 = /user set x password=hunter2)",
            "user x changed by ssh:a@10.1.1.2",
        );
        check("x failed (/user set x password=hunter2)", "x failed");
        check(
            "login failure for user a (/b from 203.0.113.7 via ssh",
            "login failure for user a (/b from 203.0.113.7 via ssh",
        );
    }

    #[test]
    fn the_first_words_are_the_key() {
        let key =
            |said: &str| told("critical", &format!("system,error,critical {said}")).map(|told| told.key);
        assert_eq!(key("core1: ntp change time a => b"), key("ntp change time c => d"));
        assert_eq!(key("login failure for user a via ssh"), key("login failure for user b via ssh"));
        assert_ne!(key("ntp change time a => b"), key("cloud change time a => b"));
    }
}
