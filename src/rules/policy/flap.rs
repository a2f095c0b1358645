//! `_FLAP`: whether something goes back and forth, as Nagios computes it.
//!
//! ```text
//!   each half minute: has the state changed?     . . x x . x x x . x x . . x x x . . x x
//!   the newer, the more it weighs                0.75 ──────────────────────────► 1.25
//!   percent = 100 · Σ of the weights of x / 20   ≥ 30: flapping, until it falls to 20
//! ```
//!
//! Nagios looks at the state at each check; we count a half minute as a change also if
//! the state changed and was back at its end, or a link that is down for two seconds
//! in every minute would be seen only by chance.

use std::time::{Duration, Instant};

/// As long as Nagios's checks are apart at their shortest by default.
const SAMPLE: Duration = Duration::from_secs(30);

/// 21 states have 20 changes between them.
const CHANGES: u32 = 20;

/// At which percent it begins, and at which it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Bounds {
    /// `on` for Nagios's own, or `20/30`.
    pub(super) fn read(text: &str) -> Option<Bounds> {
        if text.trim() == "on" {
            return Some(Bounds { low: 20.0, high: 30.0 });
        }
        let (low, high) = text.split_once('/')?;
        let percent =
            |text: &str| text.trim().parse::<u8>().ok().filter(|percent| (1..=100).contains(percent));
        let (low, high) = (f32::from(percent(low)?), f32::from(percent(high)?));
        (low < high).then_some(Bounds { low, high })
    }
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    /// It has begun, at this percent.
    Begun(u32),
    /// It is over, after so long and so many changes.
    Over(Duration, u32),
}

/// The state of one key, and how often it changed.
#[derive(Clone, Debug)]
pub(super) struct Flap {
    /// The newest in the lowest bit.
    pub(super) changes: u32,
    pub(super) sampled: Instant,
    pub(super) is_matched: bool,
    pub(super) has_changed: bool,
    /// Since when, and how many changes there were.
    pub(super) flapping: Option<(Instant, u32)>,
}

impl Flap {
    /// Well, and never otherwise.
    pub(super) fn new(now: Instant) -> Flap {
        Flap { changes: 0, sampled: now, is_matched: false, has_changed: false, flapping: None }
    }

    /// Takes in the state at `now`.
    pub(super) fn observe(&mut self, is_matched: bool) {
        if is_matched != self.is_matched {
            self.is_matched = is_matched;
            self.has_changed = true;
            if let Some((_, changes)) = &mut self.flapping {
                *changes += 1;
            }
        }
    }

    /// Samples what is due by `now`.
    pub(super) fn sample(&mut self, bounds: Bounds, now: Instant) -> Option<Turn> {
        let mut turn = None;
        for _ in 0..=CHANGES {
            if now.saturating_duration_since(self.sampled) < SAMPLE {
                return turn;
            }
            self.sampled += SAMPLE;
            self.changes = (self.changes << 1 | u32::from(self.has_changed)) & ((1 << CHANGES) - 1);
            self.has_changed = false;
            let percent = self.percent();
            match self.flapping {
                None if percent >= bounds.high => {
                    self.flapping = Some((now, self.changes.count_ones()));
                    turn = Some(Turn::Begun(percent as u32));
                }
                Some((since, changes)) if percent <= bounds.low => {
                    self.flapping = None;
                    turn = Some(Turn::Over(now.saturating_duration_since(since), changes));
                }
                _ => {}
            }
        }
        // Nothing was seen for so long that nothing of it is left.
        self.sampled = now;
        turn
    }

    /// When there is something to sample that matters.
    pub(super) fn due(&self) -> Option<Instant> {
        let is_idle = self.changes == 0 && !self.has_changed && self.flapping.is_none();
        (!is_idle).then(|| self.sampled + SAMPLE)
    }

    fn percent(&self) -> f32 {
        let weight = |age: u32| 0.75 + 0.5 * (CHANGES - 1 - age) as f32 / (CHANGES - 1) as f32;
        let sum: f32 = (0..CHANGES).filter(|age| self.changes >> age & 1 == 1).map(weight).sum();
        100.0 * sum / CHANGES as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A character for each ten seconds: `d` down, `u` up, `.` nothing; `(` and `)` where it begins and ends.
    #[track_caller]
    fn check(script: &str) {
        let bounds = Bounds::read("on").unwrap();
        let mut now = Instant::now();
        let mut flap = Flap::new(now);
        let mut seen = String::new();
        for c in script.chars().filter(|c| !"()".contains(*c)) {
            now += Duration::from_secs(10);
            match flap.sample(bounds, now) {
                Some(Turn::Begun(_)) => seen.push('('),
                Some(Turn::Over(..)) => seen.push(')'),
                None => {}
            }
            if c != '.' {
                flap.observe(c == 'd');
            }
            seen.push(c);
        }
        assert_eq!(seen, script);
    }

    #[test]
    fn what_changes_often_flaps_until_it_has_been_calm() {
        // Six of the newest changes weigh 35 %.
        check(
            "dudududududududud(u..................................................)...........................",
        );
        // A change in every fourth sample is a quarter of all.
        check(&"d...........u...........".repeat(6));
    }

    #[test]
    fn a_state_that_is_back_within_a_sample_is_a_change() {
        check("du.du.du.du.du.du(.du.du.");
    }

    #[test]
    fn one_change_is_none() {
        check("d..................................................................");
        check("du.................................................................");
    }

    #[test]
    fn weights_are_nagioss() {
        let mut flap = Flap::new(Instant::now());
        flap.changes = (1 << CHANGES) - 1;
        assert_eq!(flap.percent().round(), 100.0);
        flap.changes = 1;
        assert!((flap.percent() - 6.25).abs() < 0.001);
        flap.changes = 1 << 19;
        assert!((flap.percent() - 3.75).abs() < 0.001);
    }

    #[test]
    fn a_long_pause_forgets_everything_and_tells_the_end() {
        let bounds = Bounds::read("20/30").unwrap();
        let start = Instant::now();
        let mut flap = Flap::new(start);
        (flap.changes, flap.flapping) = (0xfff, Some((start, 9)));
        let later = start + Duration::from_secs(36_000);
        assert_eq!(flap.sample(bounds, later), Some(Turn::Over(Duration::from_secs(36_000), 9)));
        assert_eq!((flap.changes, flap.sampled), (0, later));
    }

    #[test]
    fn what_are_no_bounds_is_refused() {
        for text in ["", "off", "30/20", "20/20", "0/30", "20/101", "20", "a/b"] {
            assert_eq!(Bounds::read(text), None, "{text}");
        }
    }
}
