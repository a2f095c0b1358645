//! A datagram that we send to ourselves, to know that one can come through.
//!
//! ```text
//!   heartbeat ─ expect, send ─► kernel ─► listener ─ let_in ─► ring ─► worker ─ hand_back ─┐
//!       ▲                                                                                  │
//!       └────────────────────────────────── wait ◄─────────────────────────────────────────┘
//! ```
//!
//! Apart, because the listener, the worker and the heartbeat share it and are
//! not to know one another. It sends nothing itself. What is let in passes
//! `SYSLOG_ALLOW`, so it must be nobody else's: the text is random each time,
//! compared whole, expected from one socket of ours alone, and let in once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The one under way.
#[derive(Debug, Default)]
pub struct Probe {
    /// The port that it comes from; 0 while there is none. All that a datagram of
    /// somebody else is looked at for, unless it comes from the same.
    port: AtomicUsize,
    step: Mutex<Step>,
    has_come_back: Condvar,
}

/// How far it has come.
#[derive(Debug, Default, PartialEq)]
enum Step {
    /// There is none, or it is given up.
    #[default]
    None,
    /// Sent, or about to be.
    Expected { text: String, from: SocketAddr },
    /// The listener has seen it.
    LetIn { text: String },
    /// The worker has.
    Back,
}

impl Probe {
    /// Makes the text of a new one, which will be sent from `from`; the last one counts no more.
    ///
    /// It begins with our `mark`, by which the worker knows all that is ours.
    pub fn expect(&self, mark: &str, from: SocketAddr) -> String {
        // The standard library seeds its hash maps from the system's random source.
        let random = || RandomState::new().build_hasher().finish();
        let text = format!("{mark} alertik probe {:016x}{:016x}", random(), random());
        *self.lock() = Step::Expected { text: text.clone(), from };
        self.port.store(from.port().into(), Ordering::Release);
        text
    }

    /// True if `datagram` is the one expected; once only. For the listener.
    pub fn let_in(&self, datagram: &[u8], from: SocketAddr) -> bool {
        if usize::from(from.port()) != self.port.load(Ordering::Acquire) {
            return false;
        }
        let mut step = self.lock();
        match &mut *step {
            Step::Expected { text, from: ours }
                if text.as_bytes() == datagram && ours.ip().to_canonical() == from.ip().to_canonical() =>
            {
                *step = Step::LetIn { text: std::mem::take(text) };
                true
            }
            _ => false,
        }
    }

    /// True if `line` is the one that was let in; once only. For the worker.
    pub fn hand_back(&self, line: &[u8]) -> bool {
        let mut step = self.lock();
        let is_it = matches!(&*step, Step::LetIn { text } if text.as_bytes() == line);
        if is_it {
            *step = Step::Back;
            self.has_come_back.notify_all();
        }
        is_it
    }

    /// Waits until it is back; false if it is not within `limit`, and then it counts no more.
    pub fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut step = self.lock();
        while *step != Step::Back {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            step = self.has_come_back.wait_timeout(step, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.port.store(0, Ordering::Release);
        std::mem::take(&mut *step) == Step::Back
    }

    fn lock(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "127.0.0.1:4000";

    /// Whether the listener lets in what is made of the text expected, from `from`.
    #[track_caller]
    fn check(made: impl Fn(&str) -> String, from: &str, expected: bool) {
        let probe = Probe::default();
        let text = probe.expect("~0123456789", OURS.parse().unwrap());
        assert_eq!(probe.let_in(made(&text).as_bytes(), from.parse().unwrap()), expected);
    }

    #[test]
    fn only_the_whole_text_from_our_own_socket_is_let_in() {
        check(str::to_owned, OURS, true);
        check(str::to_owned, "[::ffff:127.0.0.1]:4000", true);
        check(str::to_owned, "127.0.0.1:4001", false);
        check(str::to_owned, "192.168.88.17:4000", false);
        check(|text| format!("{text} "), OURS, false);
        check(|text| text[1..].to_owned(), OURS, false);
        check(|text| text[..text.len() - 1].to_owned(), OURS, false);
        check(|_| String::new(), OURS, false);
    }

    #[test]
    fn a_copy_of_what_was_seen_does_nothing() {
        let (probe, ours) = (Probe::default(), OURS.parse().unwrap());
        let text = probe.expect("~0123456789", ours);
        assert!(!probe.hand_back(text.as_bytes()), "the listener has not seen it");
        assert!(probe.let_in(text.as_bytes(), ours));
        assert!(!probe.let_in(text.as_bytes(), ours));
        assert!(probe.hand_back(text.as_bytes()));
        assert!(!probe.hand_back(text.as_bytes()));
        assert!(probe.wait(Duration::ZERO));
        assert!(!probe.let_in(text.as_bytes(), ours) && !probe.hand_back(text.as_bytes()));
        assert_ne!(probe.expect("~0123456789", ours), text);
    }

    #[test]
    fn one_that_is_late_counts_no_more() {
        let (probe, ours) = (Probe::default(), OURS.parse().unwrap());
        let text = probe.expect("~0123456789", ours);
        assert!(!probe.wait(Duration::ZERO));
        assert!(!probe.let_in(text.as_bytes(), ours));
        let text = probe.expect("~0123456789", ours);
        assert!(probe.let_in(text.as_bytes(), ours));
        assert!(!probe.wait(Duration::ZERO));
        assert!(!probe.hand_back(text.as_bytes()));
    }
}
