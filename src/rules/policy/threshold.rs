//! `_THRESHOLD=5/60s`: so many within a span.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The largest number: what is counted is kept one by one.
pub(super) const COUNT_MAX: usize = 1_000;

/// How many make an alert, and within which span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Threshold {
    pub(super) count: usize,
    pub(super) within: Duration,
}

impl Threshold {
    /// `5/60s`.
    pub(super) fn read(text: &str) -> Option<Threshold> {
        let (count, within) = text.split_once('/')?;
        let count = count.trim().parse().ok().filter(|count| (1..=COUNT_MAX).contains(count))?;
        Some(Threshold { count, within: crate::span::read(within)? })
    }
}

/// What has been counted so far.
#[derive(Debug, Default)]
pub(super) struct Window(pub(super) VecDeque<(Instant, u64)>);

impl Window {
    /// Counts one more; the span they took once there are enough, and then it begins anew.
    ///
    /// Of the same `distinct` number only the last counts; 0 is distinct from all.
    pub(super) fn add(&mut self, threshold: Threshold, distinct: u64, now: Instant) -> Option<Duration> {
        let is_young = |(at, _): &(Instant, u64)| now.saturating_duration_since(*at) <= threshold.within;
        while self.0.front().is_some_and(|first| !is_young(first)) {
            self.0.pop_front();
        }
        if distinct != 0 {
            self.0.retain(|(_, other)| *other != distinct);
        }
        self.0.push_back((now, distinct));
        if self.0.len() < threshold.count {
            return None;
        }
        let first = self.0.front().map_or(now, |(at, _)| *at);
        self.0 = VecDeque::new();
        Some(now.saturating_duration_since(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One second a character: `.` nothing, a letter one of that kind (`x` distinct from all); the seconds
    /// at which 3 within 5 s are there.
    #[track_caller]
    fn check(script: &str, expected: &[u64]) {
        let threshold = Threshold::read("3/5s").unwrap();
        let start = Instant::now();
        let mut window = Window::default();
        let fired: Vec<u64> = (0..)
            .zip(script.chars())
            .filter(|(_, c)| *c != '.')
            .filter_map(|(second, c)| {
                let distinct = if c == 'x' { 0 } else { c as u64 };
                window.add(threshold, distinct, start + Duration::from_secs(second)).map(|_| second)
            })
            .collect();
        assert_eq!(fired, expected, "{script}");
    }

    #[test]
    fn the_last_of_enough_within_the_span_fires() {
        check("xxx", &[2]);
        check("x..x.x", &[5]);
        check("x..x..x", &[]);
        check("x..x..xx", &[7]);
    }

    #[test]
    fn it_begins_anew_once_it_has_fired() {
        check("xxxxxxx", &[2, 5]);
    }

    #[test]
    fn the_same_counts_once() {
        check("aaaabc", &[5]);
        check("ababab", &[]);
        check("abc", &[2]);
    }

    #[test]
    fn what_is_no_threshold_is_refused() {
        for text in ["", "5", "0/60s", "1001/60s", "5/60", "x/60s", "5/0s"] {
            assert_eq!(Threshold::read(text), None, "{text}");
        }
    }
}
