//! `HTTP_LISTEN`, the tokens, and a place for the hooks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::hooks::Listed;
use crate::secret::Secret;
use crate::vars::{Faults, Vars, shown};

/// The variables this module owns.
pub const VARIABLES: &[&str] =
    &["HTTP_LISTEN", "HTTP_TOKEN", "METRICS_TOKEN", "HOOKn_NAME", "HOOKn_NOTIFIER", "HOOKn_SECRET"];

/// The port that the bridge this program takes over was called at.
const PORT: u16 = 7898;

/// Where HTTP is served, and to whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `HTTP_LISTEN`; None: off.
    pub listen: Option<SocketAddr>,
    /// `HTTP_TOKEN`: opens everything.
    pub(super) token: Option<Secret>,
    /// `METRICS_TOKEN`: opens the metrics alone.
    pub(super) metrics_token: Option<Secret>,
    /// Who may call; read after all that they may be about.
    pub hooks: Vec<Listed>,
}

impl Settings {
    /// Reads the variables.
    pub fn read(vars: &Vars, faults: &mut Faults) -> Settings {
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let mut token = |name: &str| {
            let text = vars.text(name)?.trim();
            // It travels in a header, and in a form that a person fills in.
            let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_one {
                faults.fault(format!("{name} is not a token (expected ASCII characters without blanks)"));
            }
            is_one.then(|| Secret::new(text))
        };
        let (token, metrics_token) = (token("HTTP_TOKEN"), token("METRICS_TOKEN"));
        let listen = match vars.text("HTTP_LISTEN").map(str::trim) {
            None => Some(default),
            Some("off") => None,
            Some(text) => {
                let address = text.parse::<SocketAddr>().ok();
                if address.is_none() {
                    let text = shown(text);
                    faults.fault(format!(
                        "HTTP_LISTEN: {text} is no address (expected {default}, [::1]:{PORT} or off)"
                    ));
                }
                address
            }
        };
        if let Some(address) = listen.filter(|address| !is_loopback(address.ip()))
            && vars.text("HTTP_TOKEN").is_none()
        {
            faults.fault(format!("HTTP_TOKEN is not set, and HTTP_LISTEN={address} is open to others"));
        }
        Settings { listen, token, metrics_token, hooks: Vec::new() }
    }

    /// True if only this machine reaches us.
    pub(super) fn is_local(&self) -> bool {
        self.listen.is_some_and(|address| is_loopback(address.ip()))
    }

    /// `HTTP_TOKEN`, for a command that asks the daemon on the same machine.
    pub fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// The address to ask on this machine: of an open one, the loopback side.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.listen.map(|mut address| {
            match address {
                SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
                _ => {}
            }
            address
        })
    }
}

pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
pub(super) mod tests {
    use std::io;

    use super::*;

    #[track_caller]
    pub(in crate::serve) fn read(
        environment: &[(&str, &str)],
        listen: Option<&str>,
        expected: &[&str],
    ) -> Settings {
        let mut faults = Faults::default();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let vars = Vars::read(environment, VARIABLES, &|_| Err(io::ErrorKind::NotFound.into()), &mut faults);
        let settings = Settings::read(&vars, &mut faults);
        assert_eq!(settings.listen, listen.map(|address| address.parse().unwrap()));
        assert_eq!(faults.faults, expected);
        settings
    }

    #[test]
    fn an_open_address_needs_a_token() {
        read(&[], Some("127.0.0.1:7898"), &[]);
        read(&[("HTTP_LISTEN", "off")], None, &[]);
        read(&[("HTTP_LISTEN", "[::1]:80")], Some("[::1]:80"), &[]);
        let open = "HTTP_TOKEN is not set, and HTTP_LISTEN=0.0.0.0:80 is open to others";
        read(&[("HTTP_LISTEN", "0.0.0.0:80")], Some("0.0.0.0:80"), &[open]);
        read(&[("HTTP_LISTEN", "0.0.0.0:80"), ("METRICS_TOKEN", "t")], Some("0.0.0.0:80"), &[open]);
        read(&[("HTTP_LISTEN", "0.0.0.0:80"), ("HTTP_TOKEN", "t")], Some("0.0.0.0:80"), &[]);
        let unread = "HTTP_LISTEN: \"on\" is no address (expected 127.0.0.1:7898, [::1]:7898 or off)";
        read(&[("HTTP_LISTEN", "on")], None, &[unread]);
    }

    #[test]
    fn a_token_that_no_header_carries_is_refused_and_not_repeated() {
        let fault = "HTTP_TOKEN is not a token (expected ASCII characters without blanks)";
        read(&[("HTTP_TOKEN", "two words")], Some("127.0.0.1:7898"), &[fault]);
    }
}
