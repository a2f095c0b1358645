//! The mark of the last stop, from which the next process knows whether the machine went
//! down in between, and how.
//!
//! ```text
//!   start: running, boot A     stop: stopped, boot A     start, boot B: rebooted in good order
//!   start: running, boot A                               start, boot B: rebooted without shutdown
//! ```
//!
//! Pure. Apart from what rules remember, among which it is kept, because it must be on the
//! disk at once: a machine that loses power without an alert before is the one that it is for.
//! In a container the kernel, and so the boot, is that of the machine around it.

use std::time::{Duration, Instant, SystemTime};

use super::spool::clock::{Clock, Stamp};
use crate::memory::Rebooted;

/// What names of our own begin with: none that a rule has.
pub(super) const OWN: &str = "alertik\0";

/// The name of the mark.
pub(super) const NAME: &str = "alertik\0boot";

/// The process runs, or was killed.
pub(super) const RUNNING: &[u8] = b"running";

/// It was told to stop.
pub(super) const STOPPED: &[u8] = b"stopped";

/// What the last mark says at a start: whether the machine was rebooted, and whether the
/// mark must be written anew.
pub(super) fn read(
    mark: Option<(&Stamp, &[u8])>,
    clock: &Clock,
    now: (Instant, SystemTime),
) -> (Option<Rebooted>, bool) {
    // Where the machine does not say which boot it is, nobody can tell.
    if !clock.knows_boot() {
        return (None, false);
    }
    let Some((stamp, value)) = mark else { return (None, true) };
    let is_clean = value == STOPPED;
    if clock.is_same_boot(stamp) {
        return (None, is_clean);
    }
    let away = |stopped: Instant| now.0.saturating_duration_since(stopped);
    // One that lay around for days and went with the power was not away for days.
    let away = clock.instant(stamp, now).filter(|_| is_clean).map(away);
    // A clock that was put back says nothing.
    (Some(Rebooted { is_clean, away: away.filter(|away| *away > Duration::ZERO) }), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const NOON: u64 = 1_795_249_755;

    /// A mark made at `then`, read in `boot` at `now` (both by the wall clock): whether it was a
    /// clean reboot, the seconds away, and whether it is written anew.
    #[track_caller]
    fn check(mark: (&[u8], u128, u64), now: (u128, u64), expected: (Option<(bool, Option<u64>)>, bool)) {
        let wall = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let stamp = Stamp { boot: mark.1, uptime: Duration::ZERO, wall: wall(mark.2) };
        let clock = Clock { boot: now.0, start: Instant::now(), uptime: Duration::from_secs(50) };
        let (rebooted, is_due) = read(Some((&stamp, mark.0)), &clock, (clock.start, wall(now.1)));
        let rebooted =
            rebooted.map(|Rebooted { is_clean, away }| (is_clean, away.map(|away| away.as_secs())));
        assert_eq!((rebooted, is_due), expected);
    }

    #[test]
    fn only_another_boot_is_a_reboot() {
        check((STOPPED, 7, NOON), (7, NOON + 9), (None, true));
        // Killed: the mark is right as it is.
        check((RUNNING, 7, NOON), (7, NOON + 9), (None, false));
        check((STOPPED, 7, NOON), (8, NOON + 90), (Some((true, Some(90))), true));
        check((RUNNING, 7, NOON), (8, NOON + 90), (Some((false, None)), true));
        let clock = Clock::read();
        assert_eq!(read(None, &clock, (Instant::now(), SystemTime::now())), (None, true));
    }

    #[test]
    fn what_nobody_knows_is_not_said() {
        check((STOPPED, 7, 90), (8, NOON), (Some((true, None)), true));
        check((STOPPED, 7, NOON), (8, 90), (Some((true, None)), true));
        check((STOPPED, 7, NOON), (8, NOON - 90), (Some((true, None)), true));
        check((RUNNING, 0, NOON), (0, NOON), (None, false));
        check((RUNNING, 7, NOON), (0, NOON), (None, false));
    }
}
