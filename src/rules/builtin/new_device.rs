//! A device was never seen here before.
//!
//! ```text
//!   dhcp,info LAN_dhcp assigned 10.10.0.100 for 12:34:56:78:9A:BC workstation-42
//!             └ server          └ ip            └ key             └ what it calls itself
//!   wireless,info 0C:B3:19:29:08:13@wlan1: connected
//!                 └ key             └ interface
//!   caps,info 84:6c:6a:F9:D0:0F@ap-1 connected, signal strength -36          no colon
//!   wireless,info 0C:DC:7E:E4:14:80@wifi3(homenet) connected, …              the network in brackets
//! ```
//!
//! Which addresses are new is for whoever remembers them. Phones make an address up for each network, and some
//! of them another one every few weeks; each of these is told once, and marked, for nothing in a line says whose
//! it is, and to leave them out would let any stranger in unseen.

use std::net::IpAddr;

use super::said::{is_mac, is_strangers, may_be_about, one_spelling, without_prefix};
use super::{Builtin, Kind, Same, Told, View};

const ASSIGNED: &str = " assigned ";
const CONNECTED: &str = " connected";

/// How many places a line is tried at: a server's name holds the word once, if ever, and each costs a look at
/// all that stands before it.
const PLACES_MAX: usize = 4;

pub(super) const RULE: Builtin = Builtin {
    number: 12,
    name: "new_device",
    tells: "a device whose MAC address was never seen before, by DHCP and Wi-Fi",
    is_starter: false,
    is_last: false,
    needles: &[ASSIGNED, CONNECTED],
    suffix: None,
    options: &[],
    clears: false,
    same: Same::One("MAC address"),
    counts: "lines",
    kind: Kind::Novelty,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let (mac, how) = leased(view, &message).or_else(|| connected(view, &message))?;
    let mac = one_spelling(mac);
    let made_up = if is_made_up(&mac) { " (random address)" } else { "" };
    let text = format!("{}: new device {mac}{made_up}{how}", view.router());
    Some(Told::keyed(text, &mac))
}

/// The MAC address, and how it came.
fn leased<'m>(view: &View<'_>, message: &'m str) -> Option<(&'m str, String)> {
    if !may_be_about(view, b"dhcp") {
        return None;
    }
    // The first that makes sense: a server's name is the operator's and may hold the word, and what the
    // device calls itself stands behind.
    message.match_indices(ASSIGNED).take(PLACES_MAX).find_map(|(at, _)| {
        let (head, rest) = message.split_at_checked(at)?;
        let (ip, rest) = rest.strip_prefix(ASSIGNED)?.split_once(' ')?;
        let rest = rest.strip_prefix("for ").or_else(|| rest.strip_prefix("to "))?;
        let (mac, host) = rest.split_once(' ').unwrap_or((rest, ""));
        if ip.parse::<IpAddr>().is_err() || !is_mac(mac) || is_strangers(view, head) {
            return None;
        }
        let host = if host.is_empty() { String::new() } else { format!(", calls itself \"{host}\"") };
        Some((mac, format!(" with {ip} from {}{host}", without_prefix(head))))
    })
}

/// The MAC address, and how it came.
fn connected<'m>(view: &View<'_>, message: &'m str) -> Option<(&'m str, String)> {
    let subjects: [&[u8]; 3] = [b"wireless", b"caps", b"wifi"];
    if !subjects.iter().any(|topic| may_be_about(view, topic)) {
        return None;
    }
    let begins = |text: &'m str| text.split_once('@').filter(|(mac, _)| is_mac(mac));
    let (mac, rest) = begins(message).or_else(|| begins(without_prefix(message)))?;
    let (place, state) = rest.rsplit_once(CONNECTED)?;
    // Behind a bracket it would be inside of a network's name.
    let is_state = (state.is_empty() || state.starts_with(", ")) && !state.contains(')');
    is_state.then(|| (mac, format!(" on {}", place.strip_suffix(':').unwrap_or(place))))
}

/// Whether no vendor gave the address: IEEE 802's bit for locally administered ones, the second of the first
/// byte. Phones that hide set it, and so do virtual machines.
fn is_made_up(mac: &str) -> bool {
    mac.chars().nth(1).is_some_and(|digit| "26AE".contains(digit))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::told;

    #[track_caller]
    fn check(topics: &str, said: &str, key: &str, expected: &str) {
        for header in
            [format!("{topics} "), format!("{topics} core1: "), "<30>Oct  2 17:36:35 192.168.88.1 ".into()]
        {
            let told = told("new_device", &format!("{header}{said}")).unwrap();
            assert_eq!((told.text, &*told.key), (format!("192.168.88.1: new device {expected}"), key));
        }
    }

    #[test]
    fn leases_are_told_with_what_the_device_calls_itself() {
        check(
            "dhcp,info",
            "defconf assigned 192.168.88.243 to 4C:D5:77:7D:94:47",
            "4C:D5:77:7D:94:47",
            "4C:D5:77:7D:94:47 with 192.168.88.243 from defconf",
        );
        check(
            "dhcp,info",
            "верхній ряд DHCP assigned 192.168.55.159 for EE:3c:e7:da:8e:b4 My Phone",
            "EE:3C:E7:DA:8E:B4",
            "EE:3C:E7:DA:8E:B4 (random address) with 192.168.55.159 from верхній ряд DHCP, calls itself \"My Phone\"",
        );
        check(
            "dhcp,info",
            "dhcp1 assigned 10.0.0.2 for 4C:D5:77:7D:94:47 x assigned 10.0.0.3 for 00:00:5E:00:53:01",
            "4C:D5:77:7D:94:47",
            "4C:D5:77:7D:94:47 with 10.0.0.2 from dhcp1, calls itself \"x assigned 10.0.0.3 for 00:00:5E:00:53:01\"",
        );
    }

    #[test]
    fn every_driver_is_understood() {
        let mac = "0C:B3:19:29:08:13";
        for (topics, said, place) in [
            ("wireless,info", "@wlan1: connected", "wlan1"),
            ("wireless,info", "@wifi-network: connected, signal strength -85", "wifi-network"),
            ("caps,info", "@prefix-ap-1 connected, signal strength -36", "prefix-ap-1"),
            ("wireless,info", "@wifi1 connected, signal strength -61", "wifi1"),
            ("wireless,info", "@wifi3(my (5: b)) connected, signal strength -52", "wifi3(my (5: b))"),
        ] {
            check(topics, &format!("{mac}{said}"), mac, &format!("{mac} on {place}"));
        }
    }

    #[test]
    fn what_is_no_arrival_is_not_told() {
        let mac = "0C:B3:19:29:08:13";
        for said in [
            format!("defconf deassigned 192.168.88.37 for {mac} Samsung"),
            format!("server1 offering lease 192.168.201.140 for {mac} without success"),
            format!("{mac}@wlan1: disconnected, ok"),
            format!("{mac}@a(x connected, y) disconnected, connection lost"),
            format!("{mac}@a(x connected) roamed to {mac}@b(x connected), signal strength -60"),
            format!("{mac}@wlan1: reassociating"),
            "connected to ax2@04:F4:1C:34:81:DD%*7".to_owned(),
            format!("login failure for user x assigned 1.2.3.4 for {mac} from 203.0.113.7 via ssh"),
        ] {
            for header in ["dhcp,info ", "wireless,info ", "<30>Oct  2 17:36:35 r1 "] {
                if header == "dhcp,info " && said.starts_with("login") {
                    continue;
                }
                assert_eq!(told("new_device", &format!("{header}{said}")), None, "{said}");
            }
        }
    }
}
