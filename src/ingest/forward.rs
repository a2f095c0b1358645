//! `FORWARD_HOST`: every datagram goes on, unmodified, by UDP.
//!
//! The listener calls [`Forward::send`], which never waits: the sockets do not
//! block, and names are looked up by a thread of their own, again and again,
//! because in a router's container DNS may come up after us.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use super::Error;
use crate::log;
use crate::stack;

/// A name is looked up again after this, in case it moved.
const REFRESH: Duration = Duration::from_secs(300);
/// And after this while it is not found.
const RETRY: Duration = Duration::from_secs(10);
/// How long the start waits for the first look-up, so that a loop is refused then.
const FIRST_LOOKUP: Duration = Duration::from_millis(500);
/// Looking up a name: musl's resolver keeps its buffers on the stack, 20 KiB were used.
const STACK_BYTES: usize = 128 * 1024;

/// Where datagrams go on to.
pub struct Forward {
    target: Arc<RwLock<Option<SocketAddr>>>,
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Forward {
    /// Begins to forward to `host`; `listen` is the address we are bound to.
    ///
    /// # Errors
    /// When `host` is ourselves, or no thread is left.
    pub fn start(host: &str, port: u16, listen: SocketAddr) -> Result<Forward, Error> {
        let open = |ip: IpAddr| {
            let socket = UdpSocket::bind((ip, 0)).ok()?;
            socket.set_nonblocking(true).ok()?;
            Some(socket)
        };
        let target = Arc::new(RwLock::new(None));
        let forward = Forward {
            target: Arc::clone(&target),
            v4: open(Ipv4Addr::UNSPECIFIED.into()),
            v6: open(Ipv6Addr::UNSPECIFIED.into()),
        };
        if let Ok(ip) = host.parse::<IpAddr>() {
            let address = SocketAddr::new(ip, port);
            if is_ours(address, listen) {
                return Err(Error::ForwardToSelf(loop_fault(host, port)));
            }
            set(&target, Some(address));
            return Ok(forward);
        }
        let (first, looked_up) = mpsc::channel();
        let name = host.to_owned();
        let resolve = move || {
            loop {
                let found = (name.as_str(), port).to_socket_addrs().ok().and_then(|mut all| all.next());
                let is_loop = found.is_some_and(|address| is_ours(address, listen));
                set(&target, found.filter(|_| !is_loop));
                let _ = first.send(is_loop);
                if is_loop {
                    log::error("not forwarding", &[("host", &name), ("reason", &"this is where we listen")]);
                } else if found.is_none() {
                    log::warn(
                        "not forwarding",
                        &[("host", &name), ("reason", &"the name was not found (DNS)")],
                    );
                }
                thread::sleep(if found.is_some() { REFRESH } else { RETRY });
            }
        };
        let thread = thread::Builder::new().name("forward".to_owned()).stack_size(stack::bytes(STACK_BYTES));
        thread.spawn(resolve).map_err(Error::Start)?;
        match looked_up.recv_timeout(FIRST_LOOKUP) {
            Ok(true) => Err(Error::ForwardToSelf(loop_fault(host, port))),
            _ => Ok(forward),
        }
    }

    /// Sends `datagram` on; false if it could not be.
    pub fn send(&self, datagram: &[u8]) -> bool {
        let Some(target) = *self.target.read().unwrap_or_else(PoisonError::into_inner) else { return false };
        let socket = if target.is_ipv4() { &self.v4 } else { &self.v6 };
        socket.as_ref().is_some_and(|socket| socket.send_to(datagram, target).is_ok())
    }
}

fn set(target: &RwLock<Option<SocketAddr>>, address: Option<SocketAddr>) {
    *target.write().unwrap_or_else(PoisonError::into_inner) = address;
}

/// True if a datagram to `target` would come back to the socket bound to `listen`.
pub(super) fn is_ours(target: SocketAddr, listen: SocketAddr) -> bool {
    let (target_ip, listen_ip) = (target.ip().to_canonical(), listen.ip().to_canonical());
    // Only an address of this machine can be bound.
    let is_local = || target_ip.is_unspecified() || UdpSocket::bind((target_ip, 0)).is_ok();
    let is_heard = listen_ip.is_unspecified() || target_ip.is_unspecified() || target_ip == listen_ip;
    target.port() == listen.port() && is_heard && is_local()
}

pub(super) fn loop_fault(host: &str, port: u16) -> String {
    format!("FORWARD_HOST: {host} port {port} is where we listen ourselves")
}
