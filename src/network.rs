//! Addresses, networks, and the names of routers.
//!
//! The one door for ipnet. Apart, because the listener (`SYSLOG_ALLOW`), the
//! rules (`_FROM`) and the texts (`@{router}`) all ask about a sender's address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::vars::{Faults, Vars, comma_list, names_any, shown};

/// A list of networks.
#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads a comma list of addresses, networks (`192.168.88.0/24`) and names of
    /// `routers`; every part that is none of these is a fault of `variable`. So is
    /// a list of nothing (`,`), which nobody could be in.
    pub fn read(variable: &str, list: &str, routers: &Routers, faults: &mut Faults) -> Networks {
        let mut networks = Vec::new();
        if !names_any(list) {
            faults.fault(format!("{variable}: {} names nobody (unset it for everybody)", shown(list)));
        }
        for part in comma_list(list) {
            let named = routers.addresses(part).map(IpNet::from).collect::<Vec<_>>();
            match read_network(part) {
                Some(network) => networks.push(network),
                None if !named.is_empty() => networks.extend(named),
                None => faults.fault(format!(
                    "{variable}: {} is not an address, a network such as 192.168.88.0/24, or a name from ROUTERS",
                    shown(part)
                )),
            }
        }
        Networks(networks)
    }

    /// True if `address` is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn read_network(text: &str) -> Option<IpNet> {
    let address = |text: &str| text.parse().ok().map(|address: IpAddr| address.to_canonical());
    address(text).map(IpNet::from).or_else(|| text.parse().ok())
}

/// `ROUTERS`: names for senders that do not name themselves.
#[derive(Clone, Debug, Default)]
pub struct Routers(Vec<(IpAddr, String)>);

impl Routers {
    /// Reads `192.168.88.1=home,10.0.0.1=office`.
    pub fn read(vars: &Vars, faults: &mut Faults) -> Routers {
        let mut routers = Vec::new();
        for part in comma_list(vars.text("ROUTERS").unwrap_or_default()) {
            let halves = part.split_once('=').map(|(address, name)| (address.trim().parse(), name.trim()));
            match halves {
                Some((Ok(address), name)) if !name.is_empty() => {
                    let address: IpAddr = address;
                    routers.push((address.to_canonical(), name.to_owned()));
                }
                _ => faults.fault(format!("ROUTERS: {} is not address=name", shown(part))),
            }
        }
        Routers(routers)
    }

    /// The name given to `address`.
    pub fn name(&self, address: IpAddr) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == address).map(|(_, name)| name.as_str())
    }

    /// What was counted of each sender (without an address: of all others) by its name, else its address, or
    /// `other`. Each name is there once: a router may have two addresses, and be called `other` itself.
    pub fn by_name(
        &self,
        counts: impl IntoIterator<Item = (Option<IpAddr>, usize)>,
    ) -> BTreeMap<String, usize> {
        let mut sums = BTreeMap::<String, usize>::new();
        for (from, count) in counts {
            let name = from.and_then(|from| self.name(from)).map(str::to_owned);
            let name =
                name.or_else(|| from.map(|from| from.to_string())).unwrap_or_else(|| "other".to_owned());
            let sum = sums.entry(name).or_default();
            *sum = sum.wrapping_add(count);
        }
        sums
    }

    fn addresses(&self, name: &str) -> impl Iterator<Item = IpAddr> {
        self.0.iter().filter(move |(_, known)| known == name).map(|(address, _)| *address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, address: &str, expected: bool) {
        let home = ("10.0.0.1".parse().unwrap(), "home".to_owned());
        let mut faults = Faults::default();
        let networks = Networks::read("EVENT0_FROM", list, &Routers(vec![home]), &mut faults);
        assert!(faults.is_empty(), "{:?}", faults.faults);
        assert_eq!(networks.contain(address.parse().unwrap()), expected);
    }

    #[test]
    fn addresses_networks_and_names_are_read() {
        check("192.168.88.1", "192.168.88.1", true);
        check("192.168.88.1", "192.168.88.2", false);
        check("192.168.88.77/24, 10.0.0.0/8", "192.168.88.2", true);
        check("192.168.88.0/24,10.0.0.0/8", "10.255.0.1", true);
        check("home", "10.0.0.1", true);
        check("home", "10.0.0.2", false);
        check("2001:db8::/32", "2001:db8::1", true);
        check("::ffff:10.0.0.9", "10.0.0.9", true);
        check("0.0.0.0/0", "::1", false);
    }

    #[test]
    fn what_is_counted_has_each_name_once() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let named = [("10.0.0.1", "home"), ("10.0.0.2", "home"), ("10.0.0.3", "other")];
        let routers = Routers(named.map(|(from, name)| (address(from), name.to_owned())).into());
        let counts = [("10.0.0.1", 1), ("10.0.0.2", 2), ("10.0.0.3", 4), ("10.0.0.9", 8)];
        let counts = counts.map(|(from, count)| (Some(address(from)), count)).into_iter();
        let sums = routers.by_name(counts.chain([(None, 16)])).into_iter().collect::<Vec<_>>();
        assert_eq!(
            sums,
            [("10.0.0.9", 8), ("home", 3), ("other", 20)].map(|(name, sum)| (name.to_owned(), sum))
        );
    }

    #[test]
    fn what_is_none_of_these_is_named() {
        let mut faults = Faults::default();
        Networks::read("SYSLOG_ALLOW", "10.0.0.1,office,10.0.0.0/33", &Routers::default(), &mut faults);
        assert!(faults.faults[0].starts_with("SYSLOG_ALLOW: \"office\" is not an address"));
        Networks::read("SYSLOG_ALLOW", " ,", &Routers::default(), &mut faults);
        assert_eq!(faults.faults[2], "SYSLOG_ALLOW: \" ,\" names nobody (unset it for everybody)");
    }
}
