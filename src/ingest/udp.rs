//! The listener: one blocking thread that receives and pushes, and waits for nobody.
//!
//! ```text
//!   recvmmsg ─► allowed? ─► forward ─► Line ─► ring.push     up to 32 datagrams a call
//!      ▲                                           │
//!      └── at once after 32, else lines gather ────┘
//! ```
//!
//! Whatever is slow is somebody else's: were this thread to wait, the kernel
//! would drop datagrams. Those it drops all the same are counted too, by asking
//! the kernel (`SO_MEMINFO`), because a lost line that nobody knows of is the
//! one thing this program must not have.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::sys::{self, Batch};
use super::{Error, Forward};
use crate::line::{GATHERING, LINE_BYTES_MAX, Line};
use crate::network::Networks;
use crate::probe::Probe;
use crate::ring::Ring;
use crate::stats::Stats;

/// What we ask for; the kernel doubles it, and grants what it likes. This holds
/// 10,000 lines, a tenth of a second at 100,000 a second.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// What an 85-byte datagram takes of it.
const DATAGRAM_KERNEL_BYTES: usize = 768;

/// While lines gather, a sender of a million a second, which no router is, may
/// fill this part of the buffer. The usual 416 KiB hold 554: then 69 µs.
const GATHERING_BUFFER_PART: usize = 8;

/// Datagrams a system call may bring.
const BATCH: usize = 32;

/// One byte more than is kept shows that something was cut; and a line end
/// that will be trimmed has room.
const KEPT_BYTES: usize = LINE_BYTES_MAX + 2;

/// UDP's length field has 16 bits, so a receive into this many bytes never
/// truncates. What is forwarded must be whole.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// A bound socket.
pub struct Listener {
    socket: Arc<UdpSocket>,
    /// What the kernel granted, in bytes.
    pub receive_buffer: usize,
    gathering: Duration,
}

impl Listener {
    /// Binds `address`; `[::]` hears IPv4 too, and becomes 0.0.0.0 where there is no IPv6.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(address: SocketAddr) -> Result<Listener, Error> {
        let socket = open(address).or_else(|error| {
            let has_no_ipv6 = matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL));
            if has_no_ipv6 && address.is_ipv6() && address.ip().is_unspecified() {
                return open((Ipv4Addr::UNSPECIFIED, address.port()).into());
            }
            Err(error)
        });
        let socket = socket.map_err(|error| Error::Bind("SYSLOG_LISTEN", address, error))?;
        // Beyond the system's cap where we may, else up to the cap, silently.
        if !sys::force_receive_buffer(socket.as_fd(), RECEIVE_BUFFER_BYTES as i32) {
            let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        }
        let receive_buffer = socket.recv_buffer_size().unwrap_or_default();
        let gathered_max = receive_buffer / DATAGRAM_KERNEL_BYTES / GATHERING_BUFFER_PART;
        let gathering = GATHERING.min(Duration::from_micros(gathered_max as u64));
        Ok(Listener { socket: Arc::new(socket.into()), receive_buffer, gathering })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// The system's.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Asks the kernel for its count of drops, from another thread.
    pub fn drops(&self) -> Drops {
        Drops { socket: Arc::clone(&self.socket), last: 0 }
    }

    /// Receives until the socket fails.
    ///
    /// # Errors
    /// Always: it does not end otherwise.
    pub fn run(
        self,
        ring: &Ring<Line>,
        allow: Option<&Networks>,
        forward: Option<&Forward>,
        probe: Option<&Probe>,
        stats: &Stats,
    ) -> Result<(), Error> {
        let mut batch = Batch::new(BATCH, if forward.is_some() { DATAGRAM_BYTES_MAX } else { KEPT_BYTES });
        loop {
            let count = match batch.receive(self.socket.as_fd()) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The kernel is short of memory: it will not last.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS)) => {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
                Err(error) => return Err(Error::Receive(error)),
            };
            let arrived = Instant::now();
            // Mostly they are all one router's: those in a row are counted together.
            let mut run = (None, 0);
            for datagram in batch.datagrams() {
                let from = datagram.from.ip().to_canonical();
                if probe.is_some_and(|probe| probe.let_in(datagram.bytes, datagram.from)) {
                    // Our own: no line of anybody's, and nobody else's business.
                    let (line, _) = Line::from_datagram(datagram.bytes, from, arrived);
                    stats.lines_evicted.add(ring.push(line));
                    continue;
                }
                if allow.is_some_and(|networks| !networks.contain(from)) {
                    stats.lines_refused.add_one();
                    continue;
                }
                if forward.is_some_and(|forward| !forward.send(datagram.bytes)) {
                    stats.forwards_failed.add_one();
                }
                let (line, was_cut) = Line::from_datagram(datagram.bytes, from, arrived);
                stats.lines_received.add_one();
                if run.0 != Some(from) {
                    stats.senders.add_run(run);
                    run = (Some(from), 0);
                }
                run.1 += 1;
                stats.bytes_received.add(datagram.bytes.len());
                if was_cut || datagram.is_cut {
                    stats.lines_cut.add_one();
                }
                let evicted = ring.push(line);
                if evicted > 0 {
                    stats.lines_evicted.add(evicted);
                }
            }
            stats.senders.add_run(run);
            if count < BATCH {
                std::thread::sleep(self.gathering);
            }
        }
    }
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The kernel's count of dropped datagrams.
pub struct Drops {
    socket: Arc<UdpSocket>,
    last: u32,
}

impl Drops {
    /// How many it has dropped since the last time this was asked.
    pub fn poll(&mut self) -> usize {
        let Some(now) = sys::kernel_drops(self.socket.as_fd()) else { return 0 };
        let new = now.wrapping_sub(self.last);
        self.last = now;
        new as usize
    }
}
