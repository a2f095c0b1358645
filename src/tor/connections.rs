//! How many connections Tor has open, from `/proc`: it does not say so itself.
//!
//! Only where it runs on this machine and we may look at its files; elsewhere there is no such figure. Counted as
//! prometheus-tor_exporter does: established TCP connections, and UDP sockets that have another end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};

/// `TCP_ESTABLISHED`, which a UDP socket with another end has too (proc_pid_net(5), `st`).
const ESTABLISHED: &str = "01";

/// None if this process is none of ours to look at, or is no Tor.
pub(super) fn count(process: u32) -> Option<usize> {
    // Behind the number another machine's Tor may have, anything may run here.
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    if name.trim_end() != "tor" {
        return None;
    }
    count_of(process)
}

fn count_of(process: u32) -> Option<usize> {
    let mut inodes = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd")).ok()?.flatten() {
        inodes.extend(fs::read_link(entry.path()).ok().and_then(|link| inode(link.to_str()?)));
    }
    inodes.sort_unstable();
    let (mut count, mut line) = (0, String::new());
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let Ok(file) = File::open(format!("/proc/{process}/net/{table}")) else { continue };
        // Line by line: on a busy machine they have megabytes.
        let mut lines = BufReader::new(file);
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
            count += usize::from(established(&line).is_some_and(|one| inodes.binary_search(&one).is_ok()));
            line.clear();
        }
    }
    Some(count)
}

/// `socket:[2804371]`.
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The inode of a socket that is connected.
fn established(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace().skip(3);
    let is_so = words.next()? == ESTABLISHED;
    words.nth(5)?.parse().ok().filter(|_| is_so)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn connections_are_counted_and_what_listens_is_not() {
        let check = |line: &str, expected: Option<u64>| assert_eq!(established(line), expected);
        let connected =
            "   1: 0100007F:A71D 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 71 1";
        check(connected, Some(71));
        check(&connected.replace(" 01 ", " 0A "), None);
        check(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            None,
        );
        check("", None);
    }

    #[test]
    fn those_of_a_process_are_found() {
        let us = std::process::id();
        // Other tests of this process open and close theirs.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near: Vec<_> =
            (0..64).map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap()).collect();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let counted = count_of(us).unwrap();
        assert!(counted >= near.len(), "{counted}");
        drop((near, udp));
        // It is not called tor.
        assert_eq!(count(us), None);
    }
}
