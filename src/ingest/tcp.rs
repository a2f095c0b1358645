//! Lines by TCP (`SYSLOG_TCP_LISTEN`), off unless asked for.
//!
//! Of RouterOS's formats only CEF carries a delimiter over TCP. What comes
//! without one is taken to be whole when nothing more follows for a moment.
//!
//! The one door for tokio in `ingest`. A stranger can hold a connection open,
//! so there are only so many, and none has more than one buffer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Error;
use crate::line::{LINE_BYTES_MAX, Line};
use crate::network::Networks;
use crate::ring::Ring;
use crate::stats::Stats;

/// Routers keep one connection each; 64 times a buffer of 4 KiB are 256 KiB.
const CONNECTIONS_MAX: usize = 64;

/// An unfinished line is taken for finished after this.
const QUIET: Duration = Duration::from_millis(500);

/// A router that vanished is noticed after a few of these.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// What every connection works with.
pub struct Sink {
    /// Where lines go.
    pub ring: Ring<Line>,
    /// Who may send.
    pub allow: Option<Networks>,
    /// What is counted.
    pub stats: Arc<Stats>,
}

/// Binds `address`.
///
/// # Errors
/// When it cannot be bound.
pub fn bind(address: SocketAddr) -> Result<std::net::TcpListener, Error> {
    let bound = std::net::TcpListener::bind(address);
    let listener = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    listener.map_err(|error| Error::Bind("SYSLOG_TCP_LISTEN", address, error))
}

/// Accepts connections for ever.
///
/// # Errors
/// When the socket cannot be handed to the runtime.
pub async fn run(listener: std::net::TcpListener, sink: Arc<Sink>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Closed never; and without a place the next one waits in the kernel.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let Ok((stream, from)) = listener.accept().await else {
            // Out of file descriptors, usually: leave the others time to end.
            tokio::time::sleep(QUIET).await;
            continue;
        };
        let from = from.ip().to_canonical();
        if sink.allow.as_ref().is_some_and(|networks| !networks.contain(from)) {
            sink.stats.lines_refused.add_one();
            continue;
        }
        let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
        let sink = Arc::clone(&sink);
        tokio::spawn(async move {
            read_lines(stream, from, &sink).await;
            drop(place);
        });
    }
}

async fn read_lines(mut stream: TcpStream, from: IpAddr, sink: &Sink) {
    let mut splitter = Splitter::default();
    let mut buffer = [0; 2048];
    loop {
        let read = stream.read(&mut buffer);
        let read = match splitter.is_empty() {
            true => Ok(read.await),
            false => timeout(QUIET, read).await,
        };
        match read {
            Err(_) => splitter.finish(|line| push(line, from, sink)),
            // What came before a connection was cut is as good as before one that was closed.
            Ok(Ok(0) | Err(_)) => return splitter.finish(|line| push(line, from, sink)),
            Ok(Ok(count)) => {
                splitter.take(buffer.get(..count).unwrap_or_default(), |line| push(line, from, sink));
            }
        }
    }
}

fn push(bytes: &[u8], from: IpAddr, sink: &Sink) {
    let (line, was_cut) = Line::from_datagram(bytes, from, Instant::now());
    sink.stats.lines_received.add_one();
    sink.stats.senders.add(from, 1);
    sink.stats.bytes_received.add(bytes.len());
    if was_cut {
        sink.stats.lines_cut.add_one();
    }
    sink.stats.lines_evicted.add(sink.ring.push(line));
}

/// Splits a stream at line feeds. Keeps one byte more than a line may have, so
/// that the cut is noticed and counted, and throws the rest of it away.
#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
}

impl Splitter {
    fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            let room = (LINE_BYTES_MAX + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(text.get(..room).unwrap_or(text));
            if is_whole {
                self.finish(&mut each);
            }
        }
    }

    fn finish(&mut self, mut each: impl FnMut(&[u8])) {
        // Empty lines between others are delimiters, not entries.
        if !self.line.trim_ascii().is_empty() {
            each(&self.line);
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reads: &[&str], expected: &[&str]) {
        let mut lines = Vec::new();
        let mut splitter = Splitter::default();
        let mut each = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
        for read in reads {
            splitter.take(read.as_bytes(), &mut each);
        }
        splitter.finish(&mut each);
        assert_eq!(lines, expected);
    }

    #[test]
    fn lines_end_at_line_feeds_wherever_a_read_ends() {
        check(&["a\nb\nc"], &["a", "b", "c"]);
        check(&["a", "b\r", "\nc\n\n", "\n"], &["ab\r", "c"]);
        check(&[""], &[]);
    }

    #[test]
    fn an_endless_line_takes_no_more_than_its_room() {
        let mut splitter = Splitter::default();
        for _ in 0..100 {
            splitter.take(&[b'x'; 2048], |_| panic!("not whole yet"));
        }
        assert_eq!(splitter.line.len(), LINE_BYTES_MAX + 1);
        let mut lengths = Vec::new();
        splitter.take(b"y\nshort\n", |line| lengths.push(line.len()));
        assert_eq!(lengths, [LINE_BYTES_MAX + 1, 5]);
    }
}
