//! From a host's name to its addresses.
//!
//! ureq has a resolver of its own, but it starts its thread in a way that ends
//! the process when the system has none left, and with a stack of 2 MiB. An
//! address that needs no looking up gets no thread here.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;

use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// getaddrinfo keeps its buffers on the stack: 20 KiB were used. On a server glibc's
/// loads what else is configured to look names up (NSS), which may want more.
const STACK_BYTES: usize = 256 * 1024;

/// ureq takes no more.
const ADDRESSES_MAX: usize = 16;

/// Looks names up, each on a thread of its own so that the wait has an end.
#[derive(Debug)]
pub(super) struct Names;

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        _: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().or_else(|| default_port(uri)).ok_or(ureq::Error::HostNotFound)?;
        let addresses = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => look_up(host, port, timeout)?,
        };
        let mut resolved = self.empty();
        addresses.into_iter().take(ADDRESSES_MAX).for_each(|address| resolved.push(address));
        if resolved.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(resolved) }
    }
}

fn default_port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        "socks5h" => Some(1080),
        _ => None,
    }
}

fn look_up(host: String, port: u16, timeout: NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
    let (found, answer) = mpsc::channel();
    let work = move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody waits any more when it took too long.
        let _ = found.send(addresses);
    };
    thread::Builder::new()
        .name("resolver".to_owned())
        .stack_size(crate::stack::bytes(STACK_BYTES))
        .spawn(work)?;
    match answer.recv_timeout(*timeout.after) {
        Ok(addresses) => Ok(addresses?),
        Err(_) => Err(ureq::Error::Timeout(timeout.reason)),
    }
}
