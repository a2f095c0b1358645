//! Somebody tries a Wi-Fi password.
//!
//! ```text
//!   wireless,info 36:7F:7F:07:C4:B0@honeypot: disconnected, unicast key exchange timeout, signal strength -85
//!                 └─ mac ─────────┘ └network┘               └ what is looked for
//!   36:7F:7F:07:C4:B0@wifi1(My (5 GHz)) disconnected, unicast key exchange timeout, signal strength -52
//!                     └─ network ──────┘   newer drivers: no colon, and the name of the network in brackets
//! ```
//!
//! Alertik's static event 0, text for text where Alertik told something; it was
//! silent on lines without a colon behind the network.

use super::said::one_spelling;
use super::{Builtin, Kind, Same, Told, View};

const NEEDLE: &str = "unicast key exchange timeout";

pub(super) const RULE: Builtin = Builtin {
    number: 0,
    name: "wifi_login_attempt",
    tells: "a failed attempt to join a Wi-Fi network: network and MAC address",
    is_starter: true,
    is_last: false,
    needles: &[NEEDLE],
    // No space, as in Alertik.
    suffix: Some(", at:@{time}"),
    options: &[("COOLDOWN", "5m")],
    clears: false,
    same: Same::One("MAC address"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let (head, tail) = message.split_once('@').filter(|_| message.contains(NEEDLE))?;
    let mac = head.rsplit(' ').next().unwrap_or(head);
    let network = network(tail);
    Some(Told::keyed(
        format!("There is someone trying to connect to your WiFi: {network}, with the mac-address: {mac}"),
        &one_spelling(mac),
    ))
}

fn network(tail: &str) -> &str {
    let before_state = tail.split(" disconnected").next().unwrap_or(tail);
    if before_state.len() < tail.len() && before_state.ends_with(')') {
        return before_state;
    }
    match tail.split_once(':') {
        Some((network, _)) => network,
        None if before_state.len() < tail.len() => before_state,
        None => tail.split([' ', ',']).next().unwrap_or(tail),
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::text;

    #[track_caller]
    fn check(datagram: &str, network: &str, mac: &str) {
        let expected = format!(
            "There is someone trying to connect to your WiFi: {network}, with the mac-address: {mac}"
        );
        assert_eq!(text("wifi_login_attempt", datagram), Some(expected));
    }

    #[test]
    fn old_drivers_put_a_colon_behind_the_network() {
        let said =
            "36:7F:7F:07:C4:B0@honeypot: disconnected, unicast key exchange timeout, signal strength -85";
        check(&format!("wireless,info {said}"), "honeypot", "36:7F:7F:07:C4:B0");
        check(&format!("<30>Oct  2 17:36:35 MikroTik {said}"), "honeypot", "36:7F:7F:07:C4:B0");
        check(said, "honeypot", "36:7F:7F:07:C4:B0");
    }

    #[test]
    fn new_drivers_put_none() {
        let state = "disconnected, unicast key exchange timeout, signal strength -52";
        check(
            &format!("wireless,info 0C:DC:7E:E4:14:80@wifi3(homenet) {state}"),
            "wifi3(homenet)",
            "0C:DC:7E:E4:14:80",
        );
        check(&format!("02:00:5E:10:00:01@2ghz(My (5: b)) {state}"), "2ghz(My (5: b))", "02:00:5E:10:00:01");
        check(&format!("caps,info 84:6C:6A:F9:D0:0F@ap-1 {state}"), "ap-1", "84:6C:6A:F9:D0:0F");
    }

    #[test]
    fn cef_is_told_by_its_message() {
        let cef = "Oct  2 17:36:35 r1 CEF:0|MikroTik|hAP|7.20|10|wireless,info|Low|dvchost=r1 dvc=192.168.88.36 \
                   msg=36:7F:7F:07:C4:B0@honeypot: disconnected, unicast key exchange timeout";
        check(cef, "honeypot", "36:7F:7F:07:C4:B0");
    }

    #[test]
    fn other_lines_are_none_of_its_own() {
        assert_eq!(text("wifi_login_attempt", "wireless,info 0C:B3:19:29:08:13@wlan1: connected"), None);
        assert_eq!(text("wifi_login_attempt", "unicast key exchange timeout"), None);
    }
}
