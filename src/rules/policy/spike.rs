//! `_SPIKE=3`: whether there is much more, or with `-3` much less, than usual.
//!
//! ```text
//!   matches in each five minutes of the last day   4 6 5 3 5 4 … 5 │ 57     now: mean + 3 deviations is 8
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is compared.
const SPAN: Duration = Duration::from_secs(300);

/// A day of them.
const SPANS: usize = 288;

/// Two hours: of less nobody knows what is usual.
const SPANS_MIN: usize = 24;

/// Fewer in a span are no spike, whatever is usual.
const MATCHES_MIN: u32 = 10;

/// Each key has a day of figures, 1.2 KiB.
pub(super) const KEYS_MAX: usize = 64;

/// How many standard deviations; negative for "too few".
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Deviations(pub(super) f32);

impl Deviations {
    /// `3`, `-2.5`.
    pub(super) fn read(text: &str) -> Option<Deviations> {
        let number: f32 = text.trim().parse().ok()?;
        (1.0..=10.0).contains(&number.abs()).then_some(Deviations(number))
    }
}

/// Something out of the usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unusual {
    /// How many there were in five minutes.
    pub(super) matches: u32,
    /// How many there usually are.
    pub(super) usual: u32,
}

/// What was counted of one key.
#[derive(Clone, Debug)]
pub(super) struct Spike {
    /// Of the spans that are over, the oldest first.
    pub(super) past: VecDeque<u32>,
    /// Of the span now.
    pub(super) current: u32,
    pub(super) began: Instant,
    /// It has been told, and is not over.
    pub(super) is_told: bool,
}

impl Spike {
    /// Nothing was seen before `now`.
    pub(super) fn new(now: Instant) -> Spike {
        Spike { past: VecDeque::new(), current: 0, began: now, is_told: false }
    }

    /// Counts a match, after [`Spike::advance`].
    pub(super) fn observe(&mut self, deviations: Deviations) -> Option<Unusual> {
        self.current = self.current.saturating_add(1);
        if deviations.0 < 0.0 || self.is_told || self.current < MATCHES_MIN {
            return None;
        }
        let found = self.unusual(self.current, deviations)?;
        self.is_told = true;
        Some(found)
    }

    /// Ends the spans that are over by `now`; what was too little in the last of them.
    pub(super) fn advance(&mut self, deviations: Deviations, now: Instant) -> Option<Unusual> {
        let mut found = None;
        // After a day of nothing all is nothing.
        for _ in 0..=SPANS {
            if now.saturating_duration_since(self.began) < SPAN {
                return found;
            }
            let finished = std::mem::take(&mut self.current);
            self.began += SPAN;
            let unusual = self.unusual(finished, deviations);
            if unusual.is_none() {
                self.is_told = false;
            } else if deviations.0 < 0.0 && !self.is_told {
                self.is_told = true;
                found = unusual;
            }
            if self.past.len() == SPANS {
                self.past.pop_front();
            }
            self.past.push_back(finished);
        }
        self.began = now;
        found
    }

    /// When the span is over.
    pub(super) fn due(&self) -> Instant {
        self.began + SPAN
    }

    fn unusual(&self, matches: u32, deviations: Deviations) -> Option<Unusual> {
        if self.past.len() < SPANS_MIN {
            return None;
        }
        let count = self.past.len() as f32;
        let mean = self.past.iter().map(|n| *n as f32).sum::<f32>() / count;
        let variance = self.past.iter().map(|n| (*n as f32 - mean).powi(2)).sum::<f32>() / count;
        let bound = mean + deviations.0 * variance.sqrt();
        let is_unusual = match deviations.0 > 0.0 {
            true => matches as f32 > bound && matches >= MATCHES_MIN,
            false => (matches as f32) < bound,
        };
        is_unusual.then_some(Unusual { matches, usual: mean.round() as u32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spans (from 0) in which something was told, `counts` being the matches of each.
    #[track_caller]
    fn check(deviations: &str, counts: &[u32], expected: &[(usize, u32)]) {
        let deviations = Deviations::read(deviations).unwrap();
        let start = Instant::now();
        let mut spike = Spike::new(start);
        let mut told = Vec::new();
        for (span, count) in counts.iter().enumerate() {
            let now = start + SPAN * span as u32;
            told.extend(spike.advance(deviations, now).map(|found| (span - 1, found.matches)));
            for _ in 0..*count {
                told.extend(spike.observe(deviations).map(|found| (span, found.matches)));
            }
        }
        assert_eq!(told, expected);
    }

    fn day(middle: &[u32]) -> Vec<u32> {
        let usual = [4, 6].repeat(12);
        [usual.as_slice(), middle].concat()
    }

    #[test]
    fn more_than_usual_is_told_once_until_it_is_over() {
        // Mean 5, deviation 1; but fewer than ten are no spike.
        check("3", &day(&[9, 5]), &[]);
        // What was told becomes a part of what is usual.
        check("3", &day(&[30, 5, 5, 90, 5]), &[(24, 10), (27, 21)]);
    }

    #[test]
    fn of_less_than_two_hours_nobody_knows_what_is_usual() {
        check("3", &[[4, 6].repeat(11).as_slice(), &[99, 5]].concat(), &[]);
    }

    #[test]
    fn less_than_usual_is_told_when_the_span_is_over() {
        check("-3", &day(&[0, 0, 5, 5]), &[(24, 0)]);
        check("-3", &day(&[4, 4]), &[]);
    }

    #[test]
    fn what_are_no_deviations_is_refused() {
        for text in ["", "0", "x", "11", "-0.5", "nan", "inf"] {
            assert_eq!(Deviations::read(text), None, "{text}");
        }
    }
}
