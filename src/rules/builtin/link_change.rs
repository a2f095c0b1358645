//! An interface lost its link, or has it again.
//!
//! ```text
//!   interface,info ether9 link down
//!                  └ key └ the trouble
//!   interface,info ether9 link up (speed 1G, full duplex)
//!                  └ key └ its end  └ told
//! ```
//!
//! One that is back within ten seconds was a cable put elsewhere, or a speed being agreed upon.

use super::said::{is_strangers, may_be_about, without_prefix};
use super::{Builtin, Kind, Same, Sign, Told, View};

const DOWN: &str = " link down";
const UP: &str = " link up";

pub(super) const RULE: Builtin = Builtin {
    number: 6,
    name: "link_change",
    tells: "an interface that is down, and up again with its speed",
    is_starter: true,
    is_last: false,
    needles: &[DOWN, UP],
    suffix: None,
    options: &[("WITHIN", "10s"), ("COOLDOWN", "5m")],
    clears: true,
    same: Same::One("interface"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let Link { interface, up } = read(view, &message)?;
    let router = view.router();
    Some(match up {
        None => Told::keyed(format!("{router}: {interface} is down"), interface),
        Some(how) => {
            let how = if how.is_empty() { String::new() } else { format!(" ({how})") };
            let text = format!("{router}: {interface} is up again{how}");
            Told { sign: Sign::Cleared, ..Told::keyed(text, interface) }
        }
    })
}

/// What became of an interface's link.
pub(super) struct Link<'m> {
    pub(super) interface: &'m str,
    /// If it is up: `1G, full duplex`, or empty where the router does not say.
    pub(super) up: Option<&'m str>,
}

/// The link that `message` tells of.
pub(super) fn read<'m>(view: &View<'_>, message: &'m str) -> Option<Link<'m>> {
    if !may_be_about(view, b"interface") {
        return None;
    }
    let (head, up) = match message.strip_suffix(DOWN) {
        Some(head) => (head, None),
        None => {
            let (head, how) = message.rsplit_once(UP)?;
            // The whole rest, so that the words inside of some name are not enough.
            let how = if how.is_empty() { how } else { how.strip_prefix(" (")?.strip_suffix(')')? };
            (head, Some(how.strip_prefix("speed ").unwrap_or(how)))
        }
    };
    let interface = without_prefix(head);
    // A sentence with a colon is somebody's, such as `password failed for user: x link down`.
    let is_name = !interface.is_empty() && !interface.contains(": ") && !is_strangers(view, head);
    is_name.then_some(Link { interface, up })
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::Sign::{self, Cleared, Matched};
    use crate::rules::builtin::tests::told;

    #[track_caller]
    fn check(said: &str, key: &str, sign: Sign, expected: &str) {
        for topics in ["interface,info ", "interface,info core1: ", "<30>Oct  2 17:36:35 192.168.88.1 ", ""] {
            let told = told("link_change", &format!("{topics}{said}")).unwrap();
            assert_eq!((&*told.key, told.sign), (key, sign));
            assert_eq!(told.text, format!("192.168.88.1: {expected}"));
        }
    }

    #[test]
    fn down_is_the_trouble_and_up_its_end() {
        check("ether9 link down", "ether9", Matched, "ether9 is down");
        check(
            "ether9 link up (speed 1G, full duplex)",
            "ether9",
            Cleared,
            "ether9 is up again (1G, full duplex)",
        );
        check("lo link up", "lo", Cleared, "lo is up again");
        check("To the Office link down", "To the Office", Matched, "To the Office is down");
    }

    #[test]
    fn names_that_strangers_chose_are_not_told() {
        for said in [
            "dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 ether1 link down",
            "login failure for user ether1 link down from 203.0.113.7 via ssh",
            "4d2e0 password failed for user: ether1 link down",
            "0C:DC:7E:E4:14:80@wifi3(x link down) connected, signal strength -52",
        ] {
            assert_eq!(told("link_change", &format!("<30>Oct  2 17:36:35 r1 {said}")), None);
            assert_eq!(told("link_change", &format!("dhcp,info {said}")), None);
        }
        assert_eq!(told("link_change", "script,info WAN link down"), None);
        assert_eq!(told("link_change", "interface,info the link up there is fine"), None);
    }
}
