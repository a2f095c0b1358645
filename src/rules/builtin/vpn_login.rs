//! Somebody came in through a VPN, went out, or was refused.
//!
//! ```text
//!   l2tp,ppp,info,account user7 logged in, 192.168.199.154 from 100.78.158.207       in
//!                         └ user           └ is given           └ peer
//!   l2tp,ppp,info <l2tp-user7>: disconnected                                         out
//!   pppoe,ppp,error <0010>: user cli014 authentication failed                        refused
//!   ipsec,info ISAKMP-SA established 203.0.113.15[4500]-100.78.158.207[4500] spi:…   in; deleted: out
//!   ipsec,info,account peer authorized: … 203.0.113.15[4500]-100.78.158.207[4500] …  in (IKEv2)
//!   ipsec,error 203.0.113.16 phase1 negotiation failed.                              refused
//! ```
//!
//! RouterOS writes several lines of each happening, of which one is told: not `authenticated`, `connected` and
//! `terminating...`, nor the reasons before a failed negotiation. Under L2TP with IPsec there are two happenings,
//! the machine's tunnel and the user's login. Not told are `ovpn` connections before somebody has logged in, which
//! any scanner makes, and who comes and goes on PPPoE: a provider's customers, hundreds of them, on no VPN.

use std::net::IpAddr;

use super::said::{is_strangers, may_be_about, without_prefix};
use super::{Builtin, Kind, Same, Told, View, starting_with};

const LOGGED_IN: &str = " logged in, ";
const DISCONNECTED: &str = ">: disconnected";
const USER: &str = ">: user ";
const ESTABLISHED: &str = "ISAKMP-SA established ";
const DELETED: &str = "ISAKMP-SA deleted ";
const AUTHORIZED: &str = "peer authorized: ";
const PHASE1: &str = "phase1 negotiation failed";

pub(super) const RULE: Builtin = Builtin {
    number: 10,
    name: "vpn_login",
    tells: "VPN users (ppp, l2tp, pptp, sstp, ovpn) and IPsec peers: in, out, refused",
    is_starter: true,
    is_last: false,
    needles: &[LOGGED_IN, DISCONNECTED, USER, ESTABLISHED, DELETED, AUTHORIZED, PHASE1],
    suffix: None,
    // A phone on the edge of its network comes and goes every few minutes, and a peer with a wrong secret
    // tries every few seconds.
    options: &[("COOLDOWN", "1h")],
    clears: false,
    same: Same::Several("user and outcome"),
    counts: "lines",
    kind: Kind::Usual,
    silences: None,
    tell,
};

/// What is told behind the router's name, and its key.
type Happening = (String, String);

fn tell(view: &View<'_>) -> Option<Told> {
    let message = view.message();
    let is_ppp = may_be_about(view, b"ppp");
    let is_ipsec = may_be_about(view, b"ipsec");
    let user = || [logged_in, disconnected, refused].iter().find_map(|read| read(view, &message));
    let (text, key) = Some(())
        .filter(|()| is_ppp)
        .and_then(|()| user())
        .or_else(|| is_ipsec.then(|| ipsec(&message)).flatten())?;
    Some(Told::keyed(format!("{}: {text}", view.router()), &key))
}

fn logged_in(view: &View<'_>, message: &str) -> Option<Happening> {
    let (head, rest) = message.rsplit_once(LOGGED_IN)?;
    let (given, peer) = rest.split_once(" from ").unwrap_or((rest, ""));
    // On PPPoE the peer is a MAC address.
    let is_whole = given.parse::<IpAddr>().is_ok() && (peer.is_empty() || peer.parse::<IpAddr>().is_ok());
    if !is_whole || is_strangers(view, head) || view.record.topics.contains(b"pppoe") {
        return None;
    }
    let user = without_prefix(head);
    let from = if peer.is_empty() { String::new() } else { format!(" from {peer}") };
    Some((format!("VPN user \"{user}\" logged in{from} as {given}"), format!("in {user} {peer}")))
}

fn disconnected(_: &View<'_>, message: &str) -> Option<Happening> {
    // From the end, as the user's name may hold anything; what may follow is the reason.
    let (head, reason) = starting_with(message, "<")?.rsplit_once(DISCONNECTED)?;
    let (kind, user) = head.strip_prefix('<')?.split_once('-')?;
    let is_vpn = ["l2tp", "pptp", "sstp", "ovpn", "ppp"].contains(&kind);
    let is_whole = reason.is_empty() || reason.starts_with([' ', ',']);
    (is_vpn && is_whole)
        .then(|| (format!("VPN user \"{user}\" disconnected ({kind})"), format!("out {user}")))
}

fn refused(_: &View<'_>, message: &str) -> Option<Happening> {
    let (session, rest) = starting_with(message, "<")?.strip_prefix('<')?.split_once(USER)?;
    let (user, _reason) = rest.rsplit_once(" authentication failed")?;
    let peer = session.parse::<IpAddr>();
    let from = peer.map(|peer| format!(" from {peer}")).unwrap_or_default();
    // One key for all: the names are the attacker's, and a key for each would be an alert for each.
    Some((format!("VPN or PPP login refused for user \"{user}\"{from}"), "refused ppp".to_owned()))
}

fn ipsec(message: &str) -> Option<Happening> {
    let after = |words| starting_with(message, words).and_then(|said| said.strip_prefix(words));
    if let Some(peer) = after(ESTABLISHED).or_else(|| after(AUTHORIZED)).and_then(peer_of) {
        return Some((format!("IPsec connection with {peer} established"), format!("in ipsec {peer}")));
    }
    if let Some(peer) = after(DELETED).and_then(peer_of) {
        return Some((format!("IPsec connection with {peer} ended"), format!("out ipsec {peer}")));
    }
    let first =
        |text: &str| text.split_once(' ').filter(|(_, rest)| rest.starts_with(PHASE1))?.0.parse().ok();
    let peer = after(PHASE1)
        .and_then(peer_of)
        .or_else(|| first(message))
        .or_else(|| first(without_prefix(message)))?;
    // One key for all: whoever can send UDP can choose the address.
    Some((format!("IPsec negotiation with {peer} failed"), "refused ipsec".to_owned()))
}

/// The other end of `203.0.113.15[4500]-100.78.158.207[4500]` or `…[500]<=>…[54178]`.
fn peer_of(ends: &str) -> Option<IpAddr> {
    let (_, rest) = ends.split_once("]-").or_else(|| ends.split_once("]<=>"))?;
    rest.split('[').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::rules::builtin::tests::told;

    #[track_caller]
    fn check(topics: &str, said: &str, key: &str, expected: &str) {
        for header in
            [format!("{topics} "), format!("{topics} core1: "), "<30>Oct  2 17:36:35 192.168.88.1 ".into()]
        {
            let told = told("vpn_login", &format!("{header}{said}")).unwrap();
            assert_eq!((told.text, &*told.key), (format!("192.168.88.1: {expected}"), key));
        }
    }

    #[test]
    fn users_are_told_in_out_and_refused() {
        check(
            "l2tp,ppp,info,account",
            "user7 logged in, 192.168.199.154 from 100.78.158.207",
            "in user7 100.78.158.207",
            "VPN user \"user7\" logged in from 100.78.158.207 as 192.168.199.154",
        );
        check(
            "sstp,ppp,info,account",
            "two words logged in, 10.0.0.2",
            "in two words ",
            "VPN user \"two words\" logged in as 10.0.0.2",
        );
        check(
            "l2tp,ppp,info",
            "<l2tp-user7>: disconnected",
            "out user7",
            "VPN user \"user7\" disconnected (l2tp)",
        );
        check(
            "pppoe,ppp,error",
            "<0010>: user cli014 authentication failed",
            "refused ppp",
            "VPN or PPP login refused for user \"cli014\"",
        );
        check(
            "pptp,ppp,error",
            "<203.0.113.7>: user x authentication failed: y authentication failed",
            "refused ppp",
            "VPN or PPP login refused for user \"x authentication failed: y\" from 203.0.113.7",
        );
    }

    #[test]
    fn ipsec_peers_are_told_in_out_and_refused() {
        let ends = "203.0.113.15[4500]-100.78.158.207[4500] spi:181d1e915e436398:2719752e73bbd81a";
        let (established, ended) = (
            "IPsec connection with 100.78.158.207 established",
            "IPsec connection with 100.78.158.207 ended",
        );
        check("ipsec,info", &format!("ISAKMP-SA established {ends}"), "in ipsec 100.78.158.207", established);
        check(
            "ipsec,info,account",
            &format!("peer authorized: {ends}"),
            "in ipsec 100.78.158.207",
            established,
        );
        check("ipsec,info", &format!("ISAKMP-SA deleted {ends} rekey:1"), "out ipsec 100.78.158.207", ended);
        for said in [
            "phase1 negotiation failed due to time up 203.0.113.15[500]<=>203.0.113.16[54178] f24f2cdd171cb3d5:07a735b6d67ab108",
            "203.0.113.16 phase1 negotiation failed.",
        ] {
            check("ipsec,error", said, "refused ipsec", "IPsec negotiation with 203.0.113.16 failed");
        }
    }

    #[test]
    fn each_happening_is_one_line() {
        for line in [
            "l2tp,info first L2TP UDP packet received from 100.78.158.207 port 1701",
            "l2tp,ppp,info <l2tp-user7>: authenticated",
            "l2tp,ppp,info <l2tp-user7>: connected",
            "l2tp,ppp,info <l2tp-user7>: terminating... - peer is not responding",
            "ovpn,info connection established from 203.0.113.17",
            "ovpn,info <203.0.113.17>: disconnected",
            "ipsec,info respond new phase 1 (Identity Protection): 203.0.113.15[500]<=>203.0.113.16[54178]",
            "ipsec,error 10.5.107.112 failed to get valid proposal.",
        ] {
            assert_eq!(told("vpn_login", line), None);
        }
    }

    #[test]
    fn customers_on_pppoe_and_forged_names_are_not_told() {
        for said in [
            "<pppoe-cli001>: disconnected",
            "cli001 logged in, 100.64.0.2 from 00:0C:42:04:4C:EE",
            "login failure for user x logged in, 10.0.0.1 from 198.51.100.1 from 203.0.113.7 via ssh",
            "4d2e0 password failed for user: x logged in, 10.0.0.1 from 198.51.100.1",
            "dhcp1 assigned 192.168.1.60 for EE:3c:e7:da:8e:b4 x logged in, 10.0.0.1 from 198.51.100.1",
            "0-hs1: user9 (192.168.20.29): logged in",
        ] {
            for header in ["pppoe,ppp,info ", "<30>Oct  2 17:36:35 r1 "] {
                let is_customer = said.contains("cli001");
                if is_customer || header.starts_with('<') {
                    assert_eq!(told("vpn_login", &format!("{header}{said}")), None, "{said}");
                }
            }
            assert_eq!(told("vpn_login", &format!("system,info {said}")), None, "{said}");
        }
    }
}
