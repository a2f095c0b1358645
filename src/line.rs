//! A line: what one datagram said, who sent it, and when it came.
//!
//! Apart from [`crate::record`], which understands a line, because the ring and
//! the listener must not: they move bytes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::ring::Weigh;

/// What is kept of a line. RouterOS documents no maximum; the longest captured
/// entry has 590 characters. The rest of a longer one is cut and counted.
pub const LINE_BYTES_MAX: usize = 4096;

/// How long the listener, and the worker, leave lines to gather once they have run
/// out of them, before they wait for the next. The listener takes less where the
/// kernel's buffer is small.
///
/// A line that comes alone is taken at once; those close behind it come together,
/// at most this much later. Without it every line wakes two threads: at 100,000 a
/// second on one x86-64 core that took 7 µs of CPU a line in place of 1.6; 250 µs
/// took 1.9, and 1 ms gained nothing.
pub const GATHERING: Duration = Duration::from_micros(500);

/// One received line.
#[derive(Clone, Debug)]
pub struct Line {
    /// The datagram without its final CR and LF, at most [`LINE_BYTES_MAX`] bytes.
    pub bytes: Box<[u8]>,
    /// The datagram's sender; an IPv4 sender on a dual-stack socket is IPv4 here.
    pub from: IpAddr,
    /// When it was received, by a clock that nobody can set.
    pub arrived: Instant,
}

impl Line {
    /// Keeps what is to be kept of `datagram`; true if something had to be cut.
    pub fn from_datagram(datagram: &[u8], from: IpAddr, arrived: Instant) -> (Line, bool) {
        let text = trim_line_end(datagram);
        let kept = text.get(..LINE_BYTES_MAX).unwrap_or(text);
        (Line { bytes: kept.into(), from: from.to_canonical(), arrived }, kept.len() < text.len())
    }
}

impl Weigh for Line {
    fn weight_bytes(&self) -> usize {
        size_of::<Line>() + self.bytes.len()
    }
}

/// Without the CR and LF at its end: CEF ends with CRLF, the other formats with
/// nothing, and an operator's `$` means the end of what the router said.
pub fn trim_line_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(datagram: &[u8], kept: &[u8], cut: bool) {
        let (line, was_cut) =
            Line::from_datagram(datagram, "::ffff:10.0.0.1".parse().unwrap(), Instant::now());
        assert_eq!((&*line.bytes, was_cut), (kept, cut));
        assert_eq!(line.from, "10.0.0.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn line_end_is_framing_and_everything_else_is_kept() {
        check(b"dhcp,info x\r\n", b"dhcp,info x", false);
        check(b"", b"", false);
        check(b"\n", b"", false);
        check(b"a\0b\xea", b"a\0b\xea", false);
        check(&[b'x'; 4096], &[b'x'; 4096], false);
        check(&[b'x'; 65_507], &[b'x'; 4096], true);
    }
}
