//! From the network into the ring. Understands nothing: bytes, sender, time.
//!
//! ```text
//!   UDP ─► receive ─► forward ─► ring          the listener's thread; it waits for nobody
//!   TCP ─► split at line feeds ─► ring         on the runtime's thread
//! ```
//!
//! The one door for socket2 and, in `sys`, for libc.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::network::{Networks, Routers};
use crate::vars::{Faults, Vars, shown};

pub mod forward;
mod sys;
pub mod tcp;
pub mod udp;

pub use forward::Forward;
pub use udp::Listener;

/// The variables this module owns.
pub const VARIABLES: &[&str] =
    &["SYSLOG_LISTEN", "SYSLOG_TCP_LISTEN", "SYSLOG_ALLOW", "RING_LINES", "FORWARD_HOST", "FORWARD_PORT"];

/// Alertik's port.
const PORT: u16 = 5140;

/// Where lines come from, and where they go on to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `SYSLOG_LISTEN`.
    pub listen: SocketAddr,
    /// `SYSLOG_TCP_LISTEN`.
    pub tcp_listen: Option<SocketAddr>,
    /// `SYSLOG_ALLOW`; None: everybody.
    pub allow: Option<Networks>,
    /// `RING_LINES`.
    pub ring_lines: usize,
    /// `FORWARD_HOST` and `FORWARD_PORT`.
    pub forward: Option<(String, u16)>,
}

impl Settings {
    /// Reads them; every fault is noted with the variable's full name.
    pub fn read(vars: &Vars, routers: &Routers, faults: &mut Faults) -> Settings {
        let listen = read_address("SYSLOG_LISTEN", vars, faults);
        let listen = listen.unwrap_or((Ipv6Addr::UNSPECIFIED, PORT).into());
        let allow = vars.text("SYSLOG_ALLOW");
        let forward = read_forward(vars, faults);
        if let Some((host, port)) = &forward {
            let literal: Option<IpAddr> = match host.as_str() {
                "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
                host => host.parse().ok(),
            };
            if literal.is_some_and(|ip| forward::is_ours(SocketAddr::new(ip, *port), listen)) {
                faults.fault(forward::loop_fault(host, *port));
            }
        }
        Settings {
            listen,
            tcp_listen: read_address("SYSLOG_TCP_LISTEN", vars, faults),
            allow: allow.map(|list| Networks::read("SYSLOG_ALLOW", list, routers, faults)),
            ring_lines: vars.number("RING_LINES", 4096, 1..=1_000_000, faults),
            forward,
        }
    }
}

fn read_address(variable: &str, vars: &Vars, faults: &mut Faults) -> Option<SocketAddr> {
    let text = vars.text(variable)?.trim();
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
    let address = port.ok().map(|port| (Ipv6Addr::UNSPECIFIED, port).into()).or_else(|| text.parse().ok());
    if address.is_none() {
        let text = shown(text);
        faults.fault(format!(
            "{variable}: {text} is no address (expected [::]:5140, 192.0.2.1:5140 or a port)"
        ));
    }
    address
}

fn read_forward(vars: &Vars, faults: &mut Faults) -> Option<(String, u16)> {
    let (host, port) = (vars.text("FORWARD_HOST"), vars.text("FORWARD_PORT"));
    match (host, port) {
        (None, None) => None,
        (Some(_), None) => {
            faults.fault("FORWARD_PORT is not set, and FORWARD_HOST needs it");
            None
        }
        (None, Some(_)) => {
            faults.fault("FORWARD_HOST is not set, and FORWARD_PORT needs it");
            None
        }
        // Whatever else is wrong with a name, only DNS can say.
        (Some(host), Some(_)) if host.trim().is_empty() || host.contains("//") => {
            faults.fault(format!(
                "FORWARD_HOST: {} is not a host (expected a name or an address)",
                shown(host)
            ));
            None
        }
        (Some(host), Some(port)) => match port.trim().parse::<u16>() {
            // Brackets around an IPv6 address are for URLs; they do no harm.
            Ok(port) if port > 0 => Some((host.trim().trim_matches(['[', ']']).to_owned(), port)),
            _ => {
                faults.fault(format!("FORWARD_PORT: {} is not a port (expected 1 to 65535)", shown(port)));
                None
            }
        },
    }
}

/// Why nothing can be received.
#[derive(Debug)]
pub enum Error {
    /// Forwarding would send everything back to us.
    ForwardToSelf(String),
    /// A socket could not be made or bound.
    Bind(&'static str, SocketAddr, std::io::Error),
    /// A thread could not be started.
    Start(std::io::Error),
    /// The socket failed while receiving.
    Receive(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::ForwardToSelf(fault) => f.write_str(fault),
            Error::Bind(variable, address, error) => {
                write!(f, "{variable}: cannot listen on {address}: {error}")
            }
            Error::Start(error) => write!(f, "cannot start a thread: {error}"),
            Error::Receive(error) => write!(f, "cannot receive: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], faults_expected: &[&str]) -> Settings {
        let mut faults = Faults::default();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let vars =
            Vars::read(environment, VARIABLES, &|_| Err(std::io::ErrorKind::NotFound.into()), &mut faults);
        let settings = Settings::read(&vars, &Routers::default(), &mut faults);
        assert_eq!(faults.faults, faults_expected);
        settings
    }

    #[test]
    fn unset_means_the_port_of_alertik_dual_stack() {
        let settings = check(&[], &[]);
        assert_eq!((settings.listen.to_string().as_str(), settings.ring_lines), ("[::]:5140", 4096));
        assert!(settings.tcp_listen.is_none() && settings.allow.is_none() && settings.forward.is_none());
    }

    #[test]
    fn an_address_or_a_bare_port_is_taken() {
        for (text, address) in [
            ("514", "[::]:514"),
            (":514", "[::]:514"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:5", "[::1]:5"),
        ] {
            assert_eq!(check(&[("SYSLOG_LISTEN", text)], &[]).listen.to_string(), address);
        }
        let expected = "is no address (expected [::]:5140, 192.0.2.1:5140 or a port)";
        check(&[("SYSLOG_LISTEN", "localhost:1")], &[&format!("SYSLOG_LISTEN: \"localhost:1\" {expected}")]);
        check(&[("SYSLOG_TCP_LISTEN", "70000")], &[&format!("SYSLOG_TCP_LISTEN: \"70000\" {expected}")]);
    }

    #[test]
    fn forwarding_needs_host_and_port() {
        check(&[("FORWARD_HOST", "a")], &["FORWARD_PORT is not set, and FORWARD_HOST needs it"]);
        check(&[("FORWARD_PORT", "1")], &["FORWARD_HOST is not set, and FORWARD_PORT needs it"]);
        check(
            &[("FORWARD_HOST", "a"), ("FORWARD_PORT", "x")],
            &["FORWARD_PORT: \"x\" is not a port (expected 1 to 65535)"],
        );
        for host in [" ", "http://a"] {
            check(
                &[("FORWARD_HOST", host), ("FORWARD_PORT", "1")],
                &[&format!("FORWARD_HOST: {host:?} is not a host (expected a name or an address)")],
            );
        }
        let settings = check(&[("FORWARD_HOST", "[2001:db8::1]"), ("FORWARD_PORT", "514")], &[]);
        assert_eq!(settings.forward, Some(("2001:db8::1".to_owned(), 514)));
    }

    #[test]
    fn forwarding_to_ourselves_is_refused() {
        let fault = |host| format!("FORWARD_HOST: {host} port 5140 is where we listen ourselves");
        for host in ["127.0.0.1", "::1", "localhost", "0.0.0.0"] {
            check(&[("FORWARD_HOST", host), ("FORWARD_PORT", "5140")], &[&fault(host)]);
        }
        check(&[("FORWARD_HOST", "127.0.0.1"), ("FORWARD_PORT", "5141")], &[]);
        check(&[("FORWARD_HOST", "192.0.2.1"), ("FORWARD_PORT", "5140")], &[]);
    }
}
