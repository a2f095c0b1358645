//! The counters, each named for what has happened.
//!
//! Apart, because threads that know nothing of one another count, and whoever
//! shows the figures (the log at the end, later a page) must not know them.
//! `usize` and not `u64`: armv5te has no 64-bit atomics. On a 32-bit board a
//! counter wraps after four thousand million; readers take differences.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One figure that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicUsize);

impl Counter {
    /// Counts one.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The figure now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the daemon counts, from the socket to the services.
#[derive(Debug, Default)]
pub struct Stats {
    /// Lines that came in, from senders that may send.
    pub lines_received: Counter,
    /// Bytes of these lines, as received.
    pub bytes_received: Counter,
    /// Lines longer than what is kept of one.
    pub lines_cut: Counter,
    /// Datagrams from senders that `SYSLOG_ALLOW` does not name.
    pub lines_refused: Counter,
    /// Lines pushed out of the full ring before they were read.
    pub lines_evicted: Counter,
    /// Datagrams the kernel dropped because its receive buffer was full.
    pub kernel_drops: Counter,
    /// Our own lines that came back to us.
    pub lines_looped: Counter,
    /// Datagrams that could not be sent on to `FORWARD_HOST`.
    pub forwards_failed: Counter,
    /// Alerts that rules made.
    pub alerts: Counter,
    /// Lines that a rule's settings held back, told later in one message or counted in it.
    pub alerts_suppressed: Counter,
    /// Keys that a rule had to forget, because there were too many.
    pub keys_forgotten: Counter,
    /// Notifications a service took.
    pub delivered: Counter,
    /// Attempts that will be made again.
    pub postponed: Counter,
    /// Notifications a service refused for good.
    pub rejected: Counter,
    /// Notifications that grew too old.
    pub expired: Counter,
    /// Alerts that were told in a summary with others.
    pub merged: Counter,
    /// Alerts that a fallback took over from a destination.
    pub taken_over: Counter,
    /// Notifications pushed out of a sender's full queue.
    pub alerts_evicted: Counter,
    /// What rules remembered and `STATE_DIR` had no room for.
    pub states_forgotten: Counter,
}
