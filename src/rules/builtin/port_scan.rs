//! Somebody tries one port after another.
//!
//! ```text
//!   firewall,info drop-tcp input: in:ether1-WAN out:(unknown 0), connection-state:new src-mac 00:17:10:88:bc:02,
//!                 └ log-prefix │     └ told                                      └ may be missing
//!                              └ or forward; other chains see our own packets
//!    proto TCP (SYN), 203.0.113.9:59388->203.0.113.8:23, NAT …, len 40
//!          └ probes   └ key                          └ each port counts once
//! ```
//!
//! Of all rules that one is asked most: a firewall that logs what it drops writes a line for every packet of a
//! flood. The source is what the packet claims, and can be forged, as in every firewall log.

use std::net::IpAddr;

use super::said::{is_strangers, may_be_about};
use super::{Builtin, Kind, Same, Told, View};

const CHAINS: &[&str] = &["input: in:", "forward: in:"];

/// Packets of connections that were let through before.
const KNOWN: [&str; 2] = ["connection-state:established", "connection-state:related"];

/// The ports below are those of servers (RFC 6335, 6).
const SERVER_PORTS: u16 = 1024;

pub(super) const RULE: Builtin = Builtin {
    number: 9,
    name: "port_scan",
    tells: "a port scan that the firewall logs: one source, many ports",
    is_starter: true,
    is_last: false,
    needles: CHAINS,
    suffix: None,
    options: &[("THRESHOLD", "10/60s"), ("COOLDOWN", "1h")],
    clears: false,
    same: Same::One("source"),
    counts: "different ports",
    kind: Kind::Usual,
    silences: None,
    tell,
};

fn tell(view: &View<'_>) -> Option<Told> {
    if !may_be_about(view, b"firewall") {
        return None;
    }
    let message = view.message();
    let (log_prefix, packet) = CHAINS.iter().find_map(|chain| {
        message.split_once(chain).filter(|(head, _)| head.is_empty() || head.ends_with(' '))
    })?;
    if is_strangers(view, log_prefix) {
        return None;
    }
    let Probe { interface, source, port } = read(packet)?;
    let text = format!("{}: port scan from {source} (in:{interface}), last port {port}", view.router());
    Some(Told { distinct: port.to_string(), ..Told::keyed(text, &source.to_string()) })
}

struct Probe<'m> {
    interface: &'m str,
    source: IpAddr,
    port: u16,
}

/// `packet` begins behind `in:`.
fn read(packet: &str) -> Option<Probe<'_>> {
    // The last one: an interface can be called after a PPP user. There is not always a comma before it.
    let (place, packet) = packet.rsplit_once(" proto ")?;
    let (interface, state) = place.split_once(" out:")?;
    // The whole line, so that a name made to look like one is none: something always follows a user's name.
    let (packet, length) = packet.rsplit_once(", len ")?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (protocol, flow) = packet.split_once(", ")?;
    // What stands behind the next comma is about NAT.
    let (from, to) = flow.split(", ").next()?.split_once("->")?;
    let ((source, source_port), (_, port)) = (endpoint(from)?, endpoint(to)?);
    let is_known = KNOWN.iter().any(|known| state.contains(known));
    // Answers that come late go to a new port each time, and are no scan: a DNS server's, a web server's.
    let is_probe = match protocol.split_once(' ') {
        Some(("TCP", flags)) => !flags.contains("ACK") && !flags.contains("RST"),
        _ if protocol == "TCP" || protocol == "UDP" => source_port >= SERVER_PORTS || port < SERVER_PORTS,
        _ => false,
    };
    (is_probe && !is_known).then_some(Probe { interface, source, port })
}

/// `203.0.113.9:59388` or `[2001:db8::1]:40384`. ICMP has no ports.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let address = address.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(address);
    Some((address.parse::<IpAddr>().ok()?.to_canonical(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::told;

    #[track_caller]
    fn check(said: &str, key: &str, distinct: &str, interface: &str) {
        for header in ["firewall,info ", "<30>Oct  2 17:36:35 192.168.88.1 ", ""] {
            for prefix in ["", "core1: ", "drop !LAN ", "[DROP_02] "] {
                let told = told("port_scan", &format!("{header}{prefix}{said}")).unwrap();
                assert_eq!((&*told.key, &*told.distinct), (key, distinct));
                let expected =
                    format!("192.168.88.1: port scan from {key} (in:{interface}), last port {distinct}");
                assert_eq!(told.text, expected);
            }
        }
    }

    #[test]
    fn source_and_port_are_those_of_the_packet_as_it_came() {
        check(
            "input: in:pppoe out:(unknown 0), proto TCP (SYN), 203.0.113.1:43836->203.0.113.2:51104, len 44",
            "203.0.113.1",
            "51104",
            "pppoe",
        );
        check(
            "input: in:outside1 out:(unknown 0), connection-state:new src-mac 00:00:00:00:00:00, proto UDP, \
             203.0.113.4:51710->203.0.113.5:10001, len 32",
            "203.0.113.4",
            "10001",
            "outside1",
        );
        check(
            "forward: in:WAN out:mybridge, connection-state:new,dnat src-mac 18:3d:5e:79:42:a5, proto TCP (SYN), \
             203.0.113.11:47202->10.0.0.4:22, NAT 203.0.113.11:47202->(192.168.100.30:30292->10.0.0.4:22), len 60",
            "203.0.113.11",
            "22",
            "WAN",
        );
        check(
            "input: in:WAN out:(unknown 0), connection-state:new src-mac e4:41:64:93:a8:0f, proto TCP (SYN), \
             [2001:db8:1234::1]:40384->[2001:db8:1234::2]:20461, len 24",
            "2001:db8:1234::1",
            "20461",
            "WAN",
        );
    }

    #[test]
    fn the_comma_before_the_protocol_may_be_missing() {
        check(
            "input: in:WAN out:(unknown 0), connection-state:new proto TCP (SYN), 192.0.2.1:56282->192.0.2.2:36228, len 52",
            "192.0.2.1",
            "36228",
            "WAN",
        );
    }

    #[track_caller]
    fn check_not(said: &str) {
        for header in ["firewall,info ", "<30>Oct  2 17:36:35 r1 "] {
            assert_eq!(told("port_scan", &format!("{header}{said}")), None);
        }
    }

    #[test]
    fn packets_without_ports_and_of_other_chains_are_not_counted() {
        check_not(
            "input: in:a out:(unknown 0), proto ICMP (type 8, code 0), 203.0.113.1->203.0.113.2, len 56",
        );
        check_not("input: in:a out:(unknown 0), proto 47, 203.0.113.1->203.0.113.2, len 56");
        check_not("output: in:(unknown 0) out:a, proto TCP (SYN), 203.0.113.1:43836->203.0.113.2:22, len 44");
        check_not("postrouting: in:a out:b, proto TCP (SYN), 203.0.113.1:43836->203.0.113.2:22, len 44");
        check_not("my-input: in:a out:b, proto TCP (SYN), 203.0.113.1:43836->203.0.113.2:22, len 44");
    }

    #[test]
    fn answers_are_not_counted() {
        let line = |state: &str, protocol: &str, source_port: u16| {
            format!(
                "input: in:a out:b, {state}proto {protocol}, 203.0.113.1:{source_port}->203.0.113.2:51104, len 44"
            )
        };
        check_not(&line("", "UDP", 53));
        check_not(&line("", "TCP (ACK)", 443));
        check_not(&line("", "TCP (SYN,ACK)", 443));
        check_not(&line("connection-state:invalid ", "TCP (RST)", 50_000));
        check_not(&line("connection-state:established ", "UDP", 50_000));
        check_not(&line("connection-state:related src-mac 00:00:00:00:00:00, ", "TCP (SYN)", 20));
        for scan in ["TCP (SYN)", "TCP (FIN)", "TCP (FIN,PSH,URG)", "TCP"] {
            let line = format!("firewall,info {}", line("", scan, 50_000));
            assert!(told("port_scan", &line).is_some(), "{line}");
        }
    }

    #[test]
    fn names_that_strangers_chose_are_not_counted() {
        let forged = "input: in:a out:b, proto TCP (SYN), 198.51.100.1:5000->203.0.113.2:22, len 44";
        for said in [
            format!("login failure for user {forged} from 203.0.113.7 via ssh"),
            format!("4d2e0 password failed for user: {forged}"),
            format!("dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 {forged}"),
        ] {
            for header in ["<30>Oct  2 17:36:35 r1 ", "system,error,critical ", "dhcp,info "] {
                assert_eq!(told("port_scan", &format!("{header}{said}")), None, "{said}");
            }
        }
    }
}
