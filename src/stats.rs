//! The counters, each named for what has happened.
//!
//! Apart, because threads that know nothing of one another count, and whoever
//! shows the figures (the log at the end, the metrics, the page) must not know them.
//! `usize` and not `u64`: armv5te has no 64-bit atomics. On a 32-bit board a
//! counter wraps after four thousand million; readers take differences.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Senders whose lines are counted apart: a name in the metrics for each, and a stranger
/// can forge any number of addresses.
pub const SENDERS_MAX: usize = 256;

/// How late an alert may be told, in seconds, for the histogram of it: the first are those of
/// a service that answers, the last those of an uplink that was down.
pub const DELAYS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 21600.0];

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
    /// The same, by sender.
    pub senders: Senders,
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
    /// What became of notifications, of all destinations.
    pub deliveries: Deliveries,
    /// Notifications pushed out of a sender's full queue.
    pub alerts_evicted: Counter,
    /// What rules remembered and `STATE_DIR` had no room for.
    pub states_forgotten: Counter,
    /// Copies of alerts that no OpenTelemetry collector took.
    pub copies_lost: Counter,
    /// Messages that simplex-chat has taken from us, by what became of them.
    pub messages: Messages,
    /// Of each rule, in the order of the rules.
    pub rules: Box<[Tally]>,
}

impl Stats {
    /// Nothing yet, of rules of these names.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a str>) -> Stats {
        let tally = |name: &str| Tally { name: name.to_owned(), ..Tally::default() };
        Stats { rules: rules.into_iter().map(tally).collect(), ..Stats::default() }
    }

    /// Counts an alert that the rule of this name made.
    pub fn count_alert(&self, rule: &str) {
        self.alerts.add_one();
        self.rules.iter().filter(|tally| tally.name == rule).for_each(|tally| tally.alerts.add_one());
    }
}

/// What became of messages after simplex-chat had taken them, each counted once a status.
#[derive(Debug, Default)]
pub struct Messages {
    /// True if there is somebody who counts.
    pub is_used: AtomicBool,
    /// A relay has it, or the first of several.
    pub sent: Counter,
    /// Somebody's device has it.
    pub received: Counter,
    /// There is trouble on the way, and simplex-chat goes on trying.
    pub warning: Counter,
    /// It will not arrive with somebody.
    pub error: Counter,
    /// Two minutes after it was taken no relay was known to have it.
    pub unconfirmed: Counter,
}

/// What became of notifications, each counted once for the alert it was.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// A service took it.
    pub delivered: Counter,
    /// Attempts that will be made again.
    pub postponed: Counter,
    /// A service refused it for good.
    pub rejected: Counter,
    /// It grew too old.
    pub expired: Counter,
    /// It was told in a summary with others.
    pub merged: Counter,
    /// A fallback took it over.
    pub taken_over: Counter,
}

/// What one rule has come to.
#[derive(Debug, Default)]
pub struct Tally {
    /// The rule's.
    pub name: String,
    /// Lines that it matched.
    pub matched: Counter,
    /// Alerts that it made.
    pub alerts: Counter,
    /// Lines that its settings held back.
    pub suppressed: Counter,
    times: Mutex<Times>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    last_matched: Option<Instant>,
    muted_until: Option<Instant>,
}

impl Tally {
    /// It matched a line that arrived at `now`.
    pub fn note_match(&self, now: Instant) {
        self.matched.add_one();
        self.lock().last_matched = Some(now);
    }

    /// Somebody muted it, or ended that.
    pub fn note_mute(&self, until: Option<Instant>) {
        self.lock().muted_until = until;
    }

    /// When it last matched.
    pub fn last_matched(&self) -> Option<Instant> {
        self.lock().last_matched
    }

    /// Until when somebody muted it, if that lasts at `now`.
    pub fn muted_until(&self, now: Instant) -> Option<Instant> {
        self.lock().muted_until.filter(|until| *until > now)
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines by who sent them.
#[derive(Debug, Default)]
pub struct Senders(Mutex<BySender>);

#[derive(Debug, Default)]
struct BySender {
    counts: Vec<(IpAddr, usize)>,
    others: usize,
}

impl Senders {
    /// Counts `n` lines of `from`.
    pub fn add(&self, from: IpAddr, n: usize) {
        let BySender { counts, others } = &mut *self.lock();
        let count = match counts.binary_search_by_key(&from, |(address, _)| *address) {
            Ok(index) => counts.get_mut(index).map_or(others, |(_, count)| count),
            Err(index) if counts.len() < SENDERS_MAX => return counts.insert(index, (from, n)),
            Err(_) => others,
        };
        *count = count.wrapping_add(n);
    }

    /// Counts lines of one sender that came in a row.
    pub fn add_run(&self, (from, n): (Option<IpAddr>, usize)) {
        if let Some(from) = from {
            self.add(from, n);
        }
    }

    /// The lines of each sender by its address; last, without one, those of all others together.
    pub fn counts(&self) -> Vec<(Option<IpAddr>, usize)> {
        let senders = self.lock();
        let each = senders.counts.iter().map(|(from, count)| (Some(*from), *count));
        let others = (senders.others > 0).then_some((None, senders.others));
        each.chain(others).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BySender> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often each of [`DELAYS`] was enough.
#[derive(Debug, Default)]
pub struct Delays(Mutex<DelaysSeen>);

/// What is to be known of delays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelaysSeen {
    /// How many were at most as long as the one of [`DELAYS`] at the same place, and longer than the one before.
    pub buckets: [usize; DELAYS.len()],
    /// How many there were.
    pub count: usize,
    /// All of them, in seconds.
    pub seconds: f64,
}

impl Delays {
    /// One more.
    pub fn add(&self, delay: Duration) {
        let seconds = delay.as_secs_f64();
        let mut seen = self.lock();
        let place = DELAYS.iter().position(|bound| seconds <= *bound);
        if let Some(bucket) = place.and_then(|index| seen.buckets.get_mut(index)) {
            *bucket += 1;
        }
        seen.count += 1;
        seen.seconds += seconds;
    }

    /// All until now.
    pub fn seen(&self) -> DelaysSeen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, DelaysSeen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_senders_than_are_counted_apart_are_counted_together() {
        let senders = Senders::default();
        for round in 0..2 {
            for last in 0..=299_u32 {
                senders.add(IpAddr::V4(last.into()), 1 + round);
            }
        }
        let counts = senders.counts();
        assert_eq!(counts.len(), SENDERS_MAX + 1);
        assert_eq!(counts.first(), Some(&(Some("0.0.0.0".parse().unwrap()), 3)));
        assert_eq!(counts.last(), Some(&(None, 44 * 3)));
    }

    #[test]
    fn a_delay_is_in_the_first_bucket_that_holds_it() {
        let delays = Delays::default();
        for millis in [100, 101, 999_999_000] {
            delays.add(Duration::from_millis(millis));
        }
        let seen = delays.seen();
        assert_eq!((seen.count, &seen.buckets[..3]), (3, &[1, 1, 0][..]));
        assert_eq!(seen.buckets.iter().sum::<usize>(), 2);
        assert!((seen.seconds - 999_999.201).abs() < 0.001);
    }
}
