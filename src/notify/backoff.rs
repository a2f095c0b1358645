//! How long to wait before the next attempt.
//!
//! Apart, because it is arithmetic and nothing else: the sender says how often
//! it has failed and brings its own chance.

use std::time::Duration;

/// The wait after the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);

/// No wait is longer: an uplink that is back is noticed within five minutes.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// ±20 %, so that many senders that failed together do not come back together.
const JITTER_PERCENT: u64 = 20;

/// The wait after `failures` failures in a row, `chance` (any number) deciding the jitter.
pub fn wait_after(failures: u32, chance: u64) -> Duration {
    let doubled = FIRST.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)));
    let millis = doubled.min(LONGEST).as_millis() as u64;
    let percent = 100 - JITTER_PERCENT + chance % (2 * JITTER_PERCENT + 1);
    Duration::from_millis(millis * percent / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failures: u32, shortest: u64, longest: u64) {
        let waits: Vec<_> = (0..41).map(|chance| wait_after(failures, chance)).collect();
        assert_eq!(waits.iter().min(), Some(&Duration::from_millis(shortest)));
        assert_eq!(waits.iter().max(), Some(&Duration::from_millis(longest)));
    }

    #[test]
    fn waits_double_up_to_five_minutes_within_a_fifth() {
        check(1, 800, 1_200);
        check(2, 1_600, 2_400);
        check(4, 6_400, 9_600);
        check(9, 204_800, 307_200);
        check(10, 240_000, 360_000);
        check(u32::MAX, 240_000, 360_000);
        check(0, 800, 1_200);
    }
}
