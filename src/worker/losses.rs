//! What was lost, in numbers and in words.
//!
//! Apart from the worker, which says when it is told, and to whom.

use std::time::Instant;

use crate::stats::Stats;

/// What was lost; and, of what has been told, when.
#[derive(Default)]
pub(super) struct Losses {
    pub(super) ring: usize,
    pub(super) kernel: usize,
    pub(super) evicted: usize,
    pub(super) rejected: usize,
    pub(super) expired: usize,
    pub(super) at: Option<Instant>,
}

impl Losses {
    /// All since the start.
    pub(super) fn counted(stats: &Stats) -> Losses {
        Losses {
            ring: stats.lines_evicted.count(),
            kernel: stats.kernel_drops.count(),
            evicted: stats.alerts_evicted.count(),
            rejected: stats.deliveries.rejected.count(),
            expired: stats.deliveries.expired.count(),
            at: None,
        }
    }

    /// What has come since `told`. The counters may wrap.
    pub(super) fn since(&self, told: &Losses) -> Losses {
        Losses {
            ring: self.ring.wrapping_sub(told.ring),
            kernel: self.kernel.wrapping_sub(told.kernel),
            evicted: self.evicted.wrapping_sub(told.evicted),
            rejected: self.rejected.wrapping_sub(told.rejected),
            expired: self.expired.wrapping_sub(told.expired),
            at: None,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        [self.ring, self.kernel, self.evicted, self.rejected, self.expired] == [0; 5]
    }

    pub(super) fn words(&self) -> String {
        let lines = self.ring + self.kernel;
        let (ring, kernel) = (self.ring, self.kernel);
        let parts = [
            (
                lines,
                format!("log lines lost unread: {lines} ({ring} in the full ring, {kernel} in the kernel)"),
            ),
            (self.evicted, format!("alerts lost because too many were waiting: {}", self.evicted)),
            (
                self.rejected,
                format!("alerts refused for good by a notifier: {} (see the log)", self.rejected),
            ),
            (self.expired, format!("alerts that grew too old to be sent: {}", self.expired)),
        ];
        let parts: Vec<_> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_loss_is_told_and_only_what_is_new() {
        let stats = Stats::default();
        let told = Losses::counted(&stats);
        assert!(Losses::counted(&stats).since(&told).is_none());
        stats.lines_evicted.add(5);
        stats.kernel_drops.add(2);
        stats.deliveries.rejected.add_one();
        let new = Losses::counted(&stats).since(&told);
        assert_eq!(
            new.words(),
            "log lines lost unread: 7 (5 in the full ring, 2 in the kernel); \
             alerts refused for good by a notifier: 1 (see the log)"
        );
        assert!(Losses::counted(&stats).since(&Losses::counted(&stats)).is_none());
    }
}
