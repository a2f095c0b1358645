//! Somebody else hands out addresses.
//!
//! ```text
//!   dhcp,critical,error dhcp alert on Public: discovered unknown dhcp server, mac 00:02:29:60:36:E7, ip 10.5.8.236
//!                       └ begins so   └ key
//!   bridge,warning LAN1: received DHCP server message on untrusted port from source IP 192.168.0.1, MAC 30:16:9d:aa:53:8b
//!                  └ key
//! ```
//!
//! The second comes with every packet of that server. The key is the interface and not the MAC address, which
//! such a server can change with every packet; the interface is where somebody has to go and look.

use super::said::{is_mac, is_strangers, may_be_about, without_prefix};
use super::{Builtin, Kind, Same, Told, View, starting_with};

const ALERT: &str = "dhcp alert on ";
const UNKNOWN: &str = ": discovered unknown dhcp server";
const UNTRUSTED: &str = " server message on untrusted port from source IP ";

pub(super) const RULE: Builtin = Builtin {
    number: 11,
    name: "rogue_dhcp",
    tells: "an unknown DHCP server, or one on an untrusted port",
    is_starter: true,
    is_last: false,
    needles: &[ALERT, UNTRUSTED],
    suffix: None,
    options: &[("COOLDOWN", "1h")],
    clears: false,
    same: Same::One("interface"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let (interface, found, ip, mac) = unknown(view, &message).or_else(|| untrusted(view, &message))?;
    let ip = if ip.is_empty() { String::new() } else { format!(" {ip}") };
    let text = format!("{}: {found} on {interface}:{ip} ({mac})", view.router());
    Some(Told::keyed(text, interface))
}

/// Interface, what was found, its IP address if known, its MAC address.
type Server<'m> = (&'m str, &'static str, &'m str, &'m str);

fn unknown<'m>(view: &View<'_>, message: &'m str) -> Option<Server<'m>> {
    if !may_be_about(view, b"dhcp") {
        return None;
    }
    let rest = starting_with(message, ALERT)?.strip_prefix(ALERT)?;
    let (interface, rest) = rest.split_once(UNKNOWN)?;
    let rest = rest.strip_prefix(", mac ")?;
    let (mac, ip) = rest.split_once(", ip ").unwrap_or((rest, ""));
    is_mac(mac).then_some((interface, "unknown DHCP server", ip, mac))
}

fn untrusted<'m>(view: &View<'_>, message: &'m str) -> Option<Server<'m>> {
    if !may_be_about(view, b"bridge") {
        return None;
    }
    let (head, rest) = message.split_once(UNTRUSTED)?;
    let (port, _what) = head.rsplit_once(": received ")?;
    let (ip, mac) = rest.split_once(", MAC ")?;
    let is_whole = is_mac(mac) && !is_strangers(view, head);
    is_whole.then(|| (without_prefix(port), "DHCP server on an untrusted port", ip, mac))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::told;

    #[track_caller]
    fn check(topics: &str, said: &str, key: &str, expected: &str) {
        for header in
            [format!("{topics} "), format!("{topics} core1: "), "<27>Oct  2 17:36:35 192.168.88.1 ".into()]
        {
            let told = told("rogue_dhcp", &format!("{header}{said}")).unwrap();
            assert_eq!((told.text, &*told.key), (format!("192.168.88.1: {expected}"), key));
        }
    }

    #[test]
    fn both_ways_of_seeing_one_are_told() {
        check(
            "dhcp,critical,error",
            "dhcp alert on Public: discovered unknown dhcp server, mac 00:02:29:60:36:E7, ip 10.5.8.236",
            "Public",
            "unknown DHCP server on Public: 10.5.8.236 (00:02:29:60:36:E7)",
        );
        check(
            "bridge,warning",
            "LAN1: received DHCP server message on untrusted port from source IP 192.168.0.1, MAC 30:16:9d:aa:53:8b",
            "LAN1",
            "DHCP server on an untrusted port on LAN1: 192.168.0.1 (30:16:9d:aa:53:8b)",
        );
    }

    #[test]
    fn other_lines_and_forged_ones_are_not_told() {
        let forged =
            "x: received DHCP server message on untrusted port from source IP 1.1.1.1, MAC 30:16:9d:aa:53:8b";
        for line in [
            "bridge,warning ether2: dropped ARP packet on untrusted port - unknown MAC/IP combination (src IP=192.168.88.55, MAC=6c:3b:6b:eb:76:aa)".to_owned(),
            format!("dhcp,info dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 {forged}"),
            format!("<30>Oct  2 17:36:35 r1 dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 {forged}"),
            format!("<30>Oct  2 17:36:35 r1 4d2e0 password failed for user: {forged}"),
            format!("<27>Oct  2 17:36:35 r1 login failure for user {forged} from 203.0.113.7 via ssh"),
        ] {
            assert_eq!(told("rogue_dhcp", &line), None, "{line}");
        }
    }
}
