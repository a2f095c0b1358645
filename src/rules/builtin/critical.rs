//! What RouterOS itself calls critical and nobody else has told.
//!
//! ```text
//!   dhcp,critical,error dhcp alert on Public: discovered unknown dhcp server, mac 00:02:29:60:36:E7
//!        └ the topic   └ told as it stands
//! ```
//!
//! The syslog format carries no topics, so there it finds nothing.

use super::{Builtin, Kind, Told, View};

pub(super) const RULE: Builtin = Builtin {
    number: 14,
    name: "critical",
    tells: "a line with the topic critical that no other enabled rule matched",
    is_starter: true,
    is_last: true,
    needles: &["critical"],
    suffix: None,
    options: &[],
    clears: false,
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    view.record
        .topics
        .contains(b"critical")
        .then(|| Told::plain(format!("{}: {}", view.router(), view.message().trim_start())))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::text;

    #[test]
    fn the_topic_counts_and_not_the_word() {
        let told = text("critical", "system,critical,info cloud change time");
        assert_eq!(told.as_deref(), Some("192.168.88.1: cloud change time"));
        assert_eq!(text("critical", "script,info this is critical"), None);
        assert_eq!(text("critical", "<27>Oct  2 17:36:35 MikroTik this is critical"), None);
    }
}
