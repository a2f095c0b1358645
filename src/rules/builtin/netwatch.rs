//! A host that the router watches is down, or up again.
//!
//! ```text
//!   netwatch,info event down [ type: http_get, host: 203.0.113.12 ]
//!                       │            └ key ──────────└ key
//!                       └ the trouble; `up` is its end
//! ```

use super::said::may_be_about;
use super::{Builtin, Kind, Same, Sign, Told, View, starting_with};

const DOWN: &str = "event down [ ";
const UP: &str = "event up [ ";

pub(super) const RULE: Builtin = Builtin {
    number: 13,
    name: "netwatch",
    tells: "a watched host that is down, and up again",
    is_starter: true,
    is_last: false,
    needles: &[DOWN, UP],
    suffix: None,
    // A host on the edge of its range comes and goes with every probe, which can be every second.
    options: &[("COOLDOWN", "10m")],
    clears: true,
    same: Same::Several("host"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    if !may_be_about(view, b"netwatch") {
        return None;
    }
    let message = view.message();
    let down = starting_with(&message, DOWN).and_then(|said| said.strip_prefix(DOWN));
    let (said, sign) = match down {
        Some(said) => (said, Sign::Matched),
        None => (starting_with(&message, UP)?.strip_prefix(UP)?, Sign::Cleared),
    };
    let fields = said.strip_suffix(" ]")?;
    let field = |name| fields.split(", ").find_map(|field| field.strip_prefix(name));
    let host = field("host: ")?;
    // One host can be watched in several ways, and answer to ping while its web server does not.
    let probe = field("type: ").unwrap_or_default();
    let state = if sign == Sign::Matched { "is down" } else { "is up again" };
    let by = if probe.is_empty() { String::new() } else { format!(" (netwatch, {probe})") };
    let text = format!("{}: {host} {state}{by}", view.router());
    Some(Told { sign, ..Told::keyed(text, format!("{probe} {host}").trim_start()) })
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::Sign::{self, Cleared, Matched};
    use crate::rules::builtin::tests::{text, told};

    #[track_caller]
    fn check(said: &str, key: &str, sign: Sign, expected: &str) {
        for header in ["netwatch,info ", "netwatch,info core1: ", "<30>Oct  2 17:36:35 192.168.88.1 "] {
            let told = told("netwatch", &format!("{header}{said}")).unwrap();
            assert_eq!((&*told.key, told.sign), (key, sign));
            assert_eq!(told.text, format!("192.168.88.1: {expected}"));
        }
    }

    #[test]
    fn a_host_is_told_by_the_way_it_is_watched() {
        check(
            "event down [ type: http_get, host: 203.0.113.12 ]",
            "http_get 203.0.113.12",
            Matched,
            "203.0.113.12 is down (netwatch, http_get)",
        );
        check(
            "event up [ type: dns, host: mikrotik.com ]",
            "dns mikrotik.com",
            Cleared,
            "mikrotik.com is up again (netwatch, dns)",
        );
        check("event up [ host: 10.0.0.1 ]", "10.0.0.1", Cleared, "10.0.0.1 is up again");
    }

    #[test]
    fn other_lines_are_none_of_its_own() {
        for line in [
            "script,info event down [ type: icmp, host: 8.8.8.8 ]",
            "script,info Probe down, response code: 302",
            "dhcp,info dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 event down [ type: a, host: b ]",
            "<30>Oct  2 17:36:35 r1 dhcp1 assigned 1.1.1.1 for EE:3c:e7:da:8e:b4 event down [ type: a, host: b ]",
        ] {
            assert_eq!(text("netwatch", line), None);
        }
    }
}
