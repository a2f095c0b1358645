//! When something was, in a way that the next process understands.
//!
//! Pure, but for [`Clock::read`]. Within one boot it is the machine's uptime that says
//! it, which nobody can set. Over a reboot it is the wall clock, unless that was not set
//! then, or is not now: then nobody knows.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::alert::{is_set, wall_time};
use crate::fields::{Rest, write_number};

/// What boot this is, and how long it has lasted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Zero where the system does not say.
    pub(crate) boot: u128,
    pub(crate) start: Instant,
    /// The machine's uptime at `start`.
    pub(crate) uptime: Duration,
}

/// A moment, by every clock there was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stamp {
    pub(crate) boot: u128,
    pub(crate) uptime: Duration,
    pub(crate) wall: SystemTime,
}

impl Clock {
    /// Reads them from `/proc`.
    pub(crate) fn read() -> Clock {
        let text = |path| std::fs::read_to_string(path).unwrap_or_default();
        let uptime = text("/proc/uptime").split(' ').next().and_then(|seconds| seconds.parse().ok());
        let uptime = uptime.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let boot = text("/proc/sys/kernel/random/boot_id").trim().replace('-', "");
        Clock {
            boot: uptime.and(u128::from_str_radix(&boot, 16).ok()).unwrap_or_default(),
            start: Instant::now(),
            uptime: uptime.unwrap_or_default(),
        }
    }

    /// What to write down for `at`.
    pub(crate) fn stamp(&self, at: Instant, now: (Instant, SystemTime)) -> Stamp {
        // A line may have come before the clock was read.
        let before = self.start.saturating_duration_since(at);
        let uptime = (self.uptime + at.saturating_duration_since(self.start)).saturating_sub(before);
        Stamp { boot: self.boot, uptime, wall: wall_time(at, now) }
    }

    /// What `stamp` is by this process's clock; None if nobody knows any more.
    pub(crate) fn instant(&self, stamp: &Stamp, now: (Instant, SystemTime)) -> Option<Instant> {
        let age = if self.is_same_boot(stamp) {
            self.stamp(now.0, now).uptime.saturating_sub(stamp.uptime)
        } else if is_set(stamp.wall) && is_set(now.1) {
            now.1.duration_since(stamp.wall).unwrap_or_default()
        } else {
            return None;
        };
        now.0.checked_sub(age)
    }

    /// True if the machine says which boot it is.
    pub(crate) fn knows_boot(&self) -> bool {
        self.boot != 0
    }

    /// True if the machine has not been started again since; if it does not say, it counts as if it had.
    pub(crate) fn is_same_boot(&self, stamp: &Stamp) -> bool {
        stamp.boot == self.boot && self.boot != 0
    }
}

impl Stamp {
    /// Of what has no time.
    pub(super) const NONE: Stamp = Stamp { boot: 0, uptime: Duration::ZERO, wall: UNIX_EPOCH };

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.boot.to_le_bytes());
        write_number(bytes, self.uptime.as_millis() as u64);
        write_number(bytes, millis(self.wall));
    }

    pub(super) fn read(rest: &mut Rest<'_>) -> Option<Stamp> {
        let boot = u128::from_le_bytes(*rest.chunk()?);
        let uptime = Duration::from_millis(rest.number()?);
        Some(Stamp { boot, uptime, wall: time(rest.number()?)? })
    }
}

/// Milliseconds since 1970, not before it.
pub(super) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

pub(super) fn time(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_which_boot_it_is_and_how_long_it_has_lasted() {
        let clock = Clock::read();
        assert!(clock.boot != 0 && clock.uptime > Duration::ZERO);
        assert_eq!(clock.boot, Clock::read().boot);
    }
}
