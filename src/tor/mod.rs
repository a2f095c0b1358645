//! Tor, asked at its control port how it fares.
//!
//! ```text
//!   Watcher ─► Control ─ GETINFO … ─► Tor       one connection, kept; asked twice a minute, and
//!      │          └─ Reply ─► reading ─► Fact    when somebody wants fresh figures
//!      ├─► figures::tor ─► /metrics, OTLP
//!      └─ Course ─► no circuit for 5 minutes ─► the worker: a trouble of our own
//! ```
//!
//! Apart from the notifiers, which go through Tor by its SOCKS port and know nothing of this one. It only asks: of
//! all that a control port can do, nothing here changes anything. No thread, and nothing at all unless
//! `TOR_CONTROL` is set: a task of the runtime that is there for HTTP.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::secret::Secret;
use crate::vars::{Faults, Vars, shown};

mod auth;
mod connections;
mod control;
mod course;
mod reading;
mod reply;
mod watcher;

pub use watcher::Watcher;

/// The variables this module owns.
pub const VARIABLES: &[&str] = &["TOR_CONTROL", "TOR_CONTROL_PASSWORD"];

/// `sun_path` has 108 bytes on Linux, with the NUL behind it (unix(7)).
const PATH_BYTES_MAX: usize = 107;

/// What the operator asks for.
#[derive(Debug)]
pub struct Settings {
    /// `TOR_CONTROL`.
    pub address: Address,
    /// `TOR_CONTROL_PASSWORD`.
    pub password: Option<Secret>,
}

/// Where Tor listens for who controls it.
#[derive(Debug, PartialEq)]
pub enum Address {
    /// `ControlPort`.
    Port(SocketAddr),
    /// `ControlSocket`.
    Socket(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Port(address) => address.fmt(f),
            Address::Socket(path) => path.display().fmt(f),
        }
    }
}

impl Settings {
    /// Reads the variables.
    pub fn read(vars: &Vars, faults: &mut Faults) -> Option<Settings> {
        let password = vars.text("TOR_CONTROL_PASSWORD").map(Secret::new);
        let Some(text) = vars.text("TOR_CONTROL").map(str::trim) else {
            if password.is_some() {
                faults.warn("TOR_CONTROL_PASSWORD has no effect: TOR_CONTROL is not set");
            }
            return None;
        };
        let is_path = text.starts_with('/') && text.len() <= PATH_BYTES_MAX;
        let address = match is_path {
            true => Some(Address::Socket(text.into())),
            // No names: nobody is asked for one while the daemon runs, and control ports are close by.
            false => text.parse().ok().filter(|address: &SocketAddr| address.port() != 0).map(Address::Port),
        };
        if address.is_none() {
            let text = shown(text);
            faults.fault(format!(
                "TOR_CONTROL: {text} is no control port (expected 127.0.0.1:9051 or a socket's path such as /run/tor/control)"
            ));
        }
        Some(Settings { address: address?, password })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], expected: Option<&str>, words: &[&str]) {
        let mut faults = Faults::default();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let vars = Vars::read(environment, VARIABLES, &|_| Err(io::ErrorKind::NotFound.into()), &mut faults);
        let settings = Settings::read(&vars, &mut faults);
        assert_eq!(settings.map(|settings| settings.address.to_string()).as_deref(), expected);
        faults.faults.extend(faults.warnings);
        assert_eq!(faults.faults, words);
    }

    #[test]
    fn a_control_port_is_an_address_or_a_path() {
        let port = |text: &str, expected: Option<&str>| {
            let words = format!(
                "TOR_CONTROL: {} is no control port (expected 127.0.0.1:9051 or a socket's path such as /run/tor/control)",
                shown(text)
            );
            let words = [&*words];
            check(&[("TOR_CONTROL", text)], expected, if expected.is_none() { &words } else { &[] });
        };
        port("127.0.0.1:9051", Some("127.0.0.1:9051"));
        port(" [::1]:9051", Some("[::1]:9051"));
        port("/run/tor/control", Some("/run/tor/control"));
        for text in ["9051", "localhost:9051", "127.0.0.1", "127.0.0.1:0", "run/tor/control", "on"] {
            port(text, None);
        }
        port(&format!("/{}", "x".repeat(107)), None);
    }

    #[test]
    fn a_password_for_nothing_is_pointed_out_and_never_shown() {
        let password = ("TOR_CONTROL_PASSWORD", "s3cr3t");
        check(&[password], None, &["TOR_CONTROL_PASSWORD has no effect: TOR_CONTROL is not set"]);
        check(&[password, ("TOR_CONTROL", "/x")], Some("/x"), &[]);
    }
}
