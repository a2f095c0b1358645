//! How many alerts an hour one destination is told each by itself.
//!
//! ```text
//!   told:  x x  xxx x     xxxxxxxx              the hour that ends now; as many as the cap allows,
//!          └──────── 60 min ─────────┘          and the next one goes into a summary
//! ```
//!
//! Pure, with the time as an argument. A sliding hour and not a bucket of tokens: a
//! bucket for 60 lets 119 through in its first hour, and "60 an hour" is to be true.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// Whoever wants more wants no cap; and the times of all are kept, 16 bytes each.
pub(super) const ALERTS_PER_HOUR_MOST: usize = 1000;

/// When alerts were told to one destination.
#[derive(Debug)]
pub(super) struct Cap {
    /// None: as many as come.
    max: Option<usize>,
    /// Oldest first; at most `max`.
    told: VecDeque<Instant>,
}

impl Cap {
    pub(super) fn new(max: Option<usize>) -> Cap {
        Cap { max, told: VecDeque::new() }
    }

    /// True if one more may be told at `now`.
    pub(super) fn has_room(&mut self, now: Instant) -> bool {
        let Some(max) = self.max else { return true };
        while self.told.front().is_some_and(|at| now.saturating_duration_since(*at) >= HOUR) {
            self.told.pop_front();
        }
        self.told.len() < max
    }

    /// Takes in that one was told at `now`, whether or not there was room.
    pub(super) fn count(&mut self, now: Instant) {
        let Some(max) = self.max else { return };
        self.told.push_back(now);
        if self.told.len() > max {
            self.told.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of an alert in each minute that is an `x`: told (`t`) or merged (`m`).
    #[track_caller]
    fn check(max: Option<usize>, minutes: &str, expected: &str) {
        let start = Instant::now();
        let mut cap = Cap::new(max);
        let mut became = String::new();
        for (minute, c) in (0..).zip(minutes.chars()) {
            let now = start + Duration::from_secs(60 * minute);
            became.push(match c {
                'x' if cap.has_room(now) => {
                    cap.count(now);
                    't'
                }
                'x' => 'm',
                c => c,
            });
        }
        assert_eq!(became, expected);
    }

    #[test]
    fn in_no_hour_are_more_than_the_cap_told() {
        check(Some(3), "xxxxx", "tttmm");
        let idle = ".".repeat(55);
        check(Some(3), &format!("x.xxx{idle}xxxx"), &format!("t.ttm{idle}tmtt"));
        check(None, "xxxxx", "ttttt");
    }

    #[test]
    fn what_is_told_beyond_the_cap_counts_too_and_is_not_kept() {
        let start = Instant::now();
        let mut cap = Cap::new(Some(2));
        (0..5).for_each(|second| cap.count(start + Duration::from_secs(second)));
        assert!(cap.told.len() == 2 && !cap.has_room(start + HOUR + Duration::from_secs(2)));
        assert!(cap.has_room(start + HOUR + Duration::from_secs(3)));
    }
}
