//! The three system calls that neither std nor socket2 offers.
//!
//! The only place with `unsafe`, kept so small that it can be read at once.
//! Everything here is Linux, like RouterOS's containers.

#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// `SO_MEMINFO`'s index of the datagrams dropped (linux/sock_diag.h, `SK_MEMINFO_DROPS`).
const MEMINFO_DROPS: usize = 8;
/// How many figures `SO_MEMINFO` has (`SK_MEMINFO_VARS`).
const MEMINFO_FIGURES: usize = 9;
/// Room for a sender's address of any family.
const SENDER_BYTES: libc::socklen_t = size_of::<libc::sockaddr_storage>() as libc::socklen_t;

/// Asks for a receive buffer beyond `net.core.rmem_max`; false without CAP_NET_ADMIN.
pub(super) fn force_receive_buffer(socket: BorrowedFd<'_>, bytes: i32) -> bool {
    // SAFETY: the option takes an int, and its address and size are what is passed.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const bytes).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    done == 0
}

/// How many datagrams the kernel has dropped for want of room since the socket
/// was opened; the figure wraps. None where the kernel does not say (before 4.12).
pub(super) fn kernel_drops(socket: BorrowedFd<'_>) -> Option<u32> {
    let mut figures = [0u32; MEMINFO_FIGURES];
    let mut size = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes, and `figures` has as many.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    let was_written = size as usize >= size_of_val(&figures);
    (done == 0 && was_written).then(|| figures.get(MEMINFO_DROPS).copied())?
}

/// Room for several datagrams, filled by one call.
pub(super) struct Batch {
    /// The room for all datagrams, one behind the other, of which nothing has been
    /// written: the kernel gives a page of memory only when a datagram gets there.
    /// Zeroed it would take 2 MiB from the start when forwarding, as not every
    /// `calloc` knows which memory is fresh.
    bytes: Vec<MaybeUninit<u8>>,
    datagram_bytes: usize,
    // These two point into `bytes` and into `senders`; a Vec's memory does not move
    // as long as it does not grow, and none of them ever does.
    _slices: Vec<libc::iovec>,
    senders: Vec<libc::sockaddr_storage>,
    headers: Vec<libc::mmsghdr>,
    filled: usize,
}

/// One received datagram.
pub(super) struct Datagram<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) from: SocketAddr,
    /// It was longer than the room for it.
    pub(super) is_cut: bool,
}

impl Batch {
    /// Room for `count` datagrams of at most `datagram_bytes`.
    pub(super) fn new(count: usize, datagram_bytes: usize) -> Batch {
        let mut bytes = Box::new_uninit_slice(count * datagram_bytes).into_vec();
        let mut slices: Vec<libc::iovec> = bytes
            .chunks_exact_mut(datagram_bytes)
            .map(|room| libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() })
            .collect();
        // SAFETY: both are plain C structures, for which all zeros is a value.
        let mut senders: Vec<libc::sockaddr_storage> = (0..count).map(|_| unsafe { zeroed() }).collect();
        let headers = slices
            .iter_mut()
            .zip(&mut senders)
            .map(|(slice, sender)| {
                // SAFETY: as above.
                let mut header: libc::mmsghdr = unsafe { zeroed() };
                header.msg_hdr.msg_name = (&raw mut *sender).cast();
                header.msg_hdr.msg_namelen = SENDER_BYTES;
                header.msg_hdr.msg_iov = slice;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Batch { bytes, datagram_bytes, _slices: slices, senders, headers, filled: 0 }
    }

    /// Waits for one datagram and takes as many more as are there.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        // The kernel has written the lengths of the addresses it put there.
        for header in self.headers.iter_mut().take(self.filled) {
            header.msg_hdr.msg_namelen = SENDER_BYTES;
        }
        self.filled = 0;
        // SAFETY: each header points to one slice, each slice to a part of `bytes` of
        // its length, each name to a sockaddr_storage; all live as long as `self`.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_WAITFORONE as _,
                ptr::null_mut(),
            )
        };
        self.filled = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        Ok(self.filled)
    }

    /// What the last call received.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let all = self.bytes.chunks_exact(self.datagram_bytes).zip(&self.headers).zip(&self.senders);
        all.take(self.filled).map(|((room, header), sender)| {
            let written = room.get(..header.msg_len as usize).unwrap_or_default();
            Datagram {
                // SAFETY: the last call has written so many bytes there.
                bytes: unsafe { &*(ptr::from_ref(written) as *const [u8]) },
                from: address(sender),
                is_cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            }
        })
    }
}

fn address(storage: &libc::sockaddr_storage) -> SocketAddr {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says what the storage holds, and it is large and aligned enough for any.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into()
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into()
        }
        // A UDP socket has no others.
        _ => SocketAddr::from(([0, 0, 0, 0], 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    #[track_caller]
    fn check(listen: &str, sent: &[&[u8]], received: &[(&[u8], bool)]) {
        let socket = UdpSocket::bind(listen).unwrap();
        let sender = UdpSocket::bind(listen).unwrap();
        for datagram in sent {
            sender.send_to(datagram, socket.local_addr().unwrap()).unwrap();
        }
        let mut batch = Batch::new(4, 8);
        let mut got = Vec::new();
        while got.len() < sent.len() {
            batch.receive(socket.as_fd()).unwrap();
            for datagram in batch.datagrams() {
                assert_eq!(datagram.from, sender.local_addr().unwrap());
                got.push((datagram.bytes.to_vec(), datagram.is_cut));
            }
        }
        let received: Vec<_> = received.iter().map(|(bytes, cut)| (bytes.to_vec(), *cut)).collect();
        assert_eq!(got, received);
    }

    #[test]
    fn datagrams_come_with_their_sender_and_say_if_they_are_cut() {
        let sent: &[&[u8]] = &[b"one", b"", b"8 bytes.", b"nine byte", b"five", b"six"];
        let received: &[(&[u8], bool)] = &[
            (b"one", false),
            (b"", false),
            (b"8 bytes.", false),
            (b"nine byt", true),
            (b"five", false),
            (b"six", false),
        ];
        check("127.0.0.1:0", sent, received);
        check("[::1]:0", sent, received);
    }

    #[test]
    fn drops_are_told_at_once() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(kernel_drops(socket.as_fd()), Some(0));
        socket2::SockRef::from(&socket).set_recv_buffer_size(2048).unwrap();
        for _ in 0..100 {
            socket.send_to(&[b'x'; 500], socket.local_addr().unwrap()).unwrap();
        }
        assert!(kernel_drops(socket.as_fd()) > Some(50));
    }
}
