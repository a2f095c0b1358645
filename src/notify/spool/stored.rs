//! An alert as it lies on the disk: what it says, when it was, and who owes it.
//!
//! ```text
//!   names that owe it │ id │ boot id │ uptime │ wall time │ unset clock's time │ priority │ stage
//!   │ rule │ key, if the rule remembers │ text │ suffix │ values of the line, if a service wants them
//! ```
//!
//! Pure, but for [`Clock::read`]. Apart from the alert, because an `Instant` means
//! nothing to the next process: its age is worked out from what does. Within one
//! boot that is the machine's uptime, which nobody can set. Over a reboot it is the
//! wall clock, unless that was not set when the alert came, or is not now: then
//! nobody knows, and it counts from the start of this process, so that it is told
//! rather than given up.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::alert::{Alert, AlertId, OWN, Priority, Stage, Unset, is_set, wall_time};
use crate::timestamp::Zone;
use crate::value::{Value, Values};

/// What boot this is, and how long it has lasted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Zero where the system does not say.
    boot: u128,
    start: Instant,
    /// The machine's uptime at `start`.
    uptime: Duration,
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

    fn uptime_at(&self, at: Instant) -> Duration {
        // A line may have come before the clock was read.
        let before = self.start.saturating_duration_since(at);
        (self.uptime + at.saturating_duration_since(self.start)).saturating_sub(before)
    }

    /// When an alert with these times came; None if nobody knows any more.
    fn arrived(&self, stored: &Stored<'_>, now: (Instant, SystemTime)) -> Option<Instant> {
        let age = if stored.boot == self.boot && self.boot != 0 {
            self.uptime_at(now.0).saturating_sub(stored.uptime)
        } else if is_set(stored.wall) && is_set(now.1) {
            now.1.duration_since(stored.wall).unwrap_or_default()
        } else {
            return None;
        };
        now.0.checked_sub(age)
    }
}

/// What a record of an alert says, borrowing from it.
#[derive(Debug, PartialEq)]
pub(crate) struct Stored<'a> {
    /// The destinations that owe it.
    pub(crate) owes: Vec<&'a str>,
    id: AlertId,
    boot: u128,
    uptime: Duration,
    wall: SystemTime,
    unset: Option<SystemTime>,
    priority: Priority,
    stage: Stage,
    rule: &'a str,
    /// At most one.
    key: Vec<&'a str>,
    text: &'a str,
    suffix: &'a str,
    /// In the order of [`Value::NAMES`]; none if no service wants them.
    values: Vec<&'a str>,
}

/// The payload of the record of `alert`, which `owes` owe.
pub(crate) fn write(alert: &Alert, owes: &[&str], clock: &Clock, now: (Instant, SystemTime)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(80 + alert.text.len() + alert.suffix.len());
    let number = |bytes: &mut Vec<u8>, number: u64| bytes.extend_from_slice(&number.to_le_bytes());
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    bytes.extend_from_slice(&(owes.len() as u32).to_le_bytes());
    owes.iter().for_each(|name| text(&mut bytes, name));
    number(&mut bytes, alert.id.0);
    bytes.extend_from_slice(&clock.boot.to_le_bytes());
    number(&mut bytes, clock.uptime_at(alert.arrived).as_millis() as u64);
    number(&mut bytes, millis(wall_time(alert.arrived, now)));
    // An unset clock shows at most 2019, so this is no time of its.
    number(&mut bytes, alert.unset.as_ref().map_or(u64::MAX, |unset| millis(unset.written())));
    bytes.extend_from_slice(&[alert.priority as u8, alert.stage as u8]);
    text(&mut bytes, &alert.rule);
    bytes.extend_from_slice(&u32::from(alert.key.is_some()).to_le_bytes());
    alert.key.iter().for_each(|key| text(&mut bytes, key));
    text(&mut bytes, &alert.text);
    text(&mut bytes, &alert.suffix);
    let values = alert.values.iter().flat_map(|all| Value::NAMES.map(|(_, value)| all.text(value)));
    let values: Vec<&str> = values.collect();
    bytes.extend_from_slice(&(values.len() as u32).to_le_bytes());
    values.into_iter().for_each(|value| text(&mut bytes, value));
    bytes
}

impl<'a> Stored<'a> {
    /// Reads a payload; None if it is none of this format.
    pub(crate) fn read(payload: &'a [u8]) -> Option<Stored<'a>> {
        let mut rest = Rest(payload);
        let owes = rest.texts()?;
        let id = AlertId(rest.number()?);
        let boot = u128::from_le_bytes(*rest.chunk()?);
        let uptime = Duration::from_millis(rest.number()?);
        let wall = time(rest.number()?)?;
        let unset = match rest.number()? {
            u64::MAX => None,
            written => Some(time(written)?),
        };
        let [priority, stage] = *rest.chunk()?;
        let (_, priority) = *Priority::NAMES.get(usize::from(priority))?;
        let stage = *[Stage::Once, Stage::Begun, Stage::Over].get(usize::from(stage))?;
        let (rule, key, text, suffix) = (rest.text()?, rest.texts()?, rest.text()?, rest.text()?);
        let values = rest.texts()?;
        Some(Stored { owes, id, boot, uptime, wall, unset, priority, stage, rule, key, text, suffix, values })
    }

    /// True for one about ourselves.
    pub(crate) fn is_own(&self) -> bool {
        self.rule == OWN
    }

    /// The alert, for nobody in particular; its times by this process's clock.
    pub(crate) fn alert(&self, clock: &Clock, zone: &Zone, now: (Instant, SystemTime)) -> Alert {
        let arrived = clock.arrived(self, now);
        let value = |value: Value| self.values.get(value as usize).copied().unwrap_or_default().to_owned();
        Alert {
            id: self.id,
            rule: self.rule.into(),
            key: self.key.first().map(|key| Arc::from(*key)),
            priority: self.priority,
            stage: self.stage,
            text: self.text.to_owned(),
            suffix: self.suffix.to_owned(),
            destinations: Arc::new([]),
            arrived: arrived.unwrap_or(clock.start),
            values: (!self.values.is_empty()).then(|| Box::new(Values::new(value))),
            // Where nobody knows when it was, what the clock showed is still the best.
            unset: arrived.and(self.unset).and_then(|written| Unset::note(written, zone)),
        }
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(chunk)
    }

    fn number(&mut self) -> Option<u64> {
        self.chunk().copied().map(u64::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        self.chunk().copied().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn texts(&mut self) -> Option<Vec<&'a str>> {
        let count = self.length()?;
        (0..count).map(|_| self.text()).collect()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

/// Milliseconds since 1970, not before it.
fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn time(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const NOON: u64 = 1_795_249_755;

    fn wall(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn clock(boot: u128, uptime: u64) -> Clock {
        Clock { boot, start: Instant::now() + 2 * DAY, uptime: Duration::from_secs(uptime) }
    }

    fn alert(at: (Instant, SystemTime)) -> Alert {
        Alert::own("the text".to_owned(), &Zone::utc(), Arc::new([]), at)
    }

    /// Written at `written` by one process and read at `read` by the next (boot, uptime, wall clock):
    /// the seconds of its age, and how its suffix ends.
    #[track_caller]
    fn check(written: (u128, u64, u64), read: (u128, u64, u64), age: u64, suffix: &str) {
        let first = clock(written.0, written.1);
        let then = (first.start, wall(written.2));
        let mut before = alert(then);
        (before.key, before.priority, before.stage) = (Some("ether1".into()), Priority::Urgent, Stage::Over);
        let payload = write(&before, &["A", "B/1"], &first, then);
        let stored = Stored::read(&payload).unwrap();
        assert_eq!(stored.owes, ["A", "B/1"]);
        let second = clock(read.0, read.1);
        let now = (second.start, wall(read.2));
        let alert = stored.alert(&second, &Zone::utc(), now);
        assert_eq!((alert.id, &*alert.rule, &*alert.text), (before.id, "alertik", "the text"));
        assert_eq!(alert.values, before.values);
        assert_eq!((&alert.key, alert.priority, alert.stage), (&before.key, before.priority, before.stage));
        assert_eq!((now.0 - alert.arrived).as_secs(), age);
        assert_eq!(alert.words(now).1, format!(" {suffix}"));
    }

    #[test]
    fn within_a_boot_the_uptime_says_how_old_it_is() {
        check((7, 100, NOON), (7, 160, NOON + 60), 60, "2026-11-21 08:29:15");
        // Whatever became of the wall clock meanwhile.
        check((7, 100, NOON), (7, 160, NOON - 9_999), 60, "2026-11-21 08:29:15");
        check((7, 12, 12), (7, 72, NOON + 60), 60, "2026-11-21 08:29:15");
    }

    #[test]
    fn over_a_reboot_the_wall_clock_says_it() {
        check((7, 100, NOON), (8, 5, NOON + 3_600), 3_600, "2026-11-21 08:29:15");
        check((7, 100, NOON), (8, 5, NOON - 10), 0, "2026-11-21 08:29:15");
        // Two machines that do not say which boot it is are not on the same.
        check((0, 100, NOON), (0, 160, NOON + 3_600), 3_600, "2026-11-21 08:29:15");
    }

    #[test]
    fn what_an_unset_clock_stamped_is_not_made_old_by_a_set_one() {
        check((7, 12, 12), (8, 5, NOON), 0, "1970-01-01 00:00:12");
        check((7, 100, NOON), (8, 5, 5), 0, "2026-11-21 08:29:15");
    }

    #[test]
    fn no_payload_that_is_cut_short_is_read() {
        let clock = clock(7, 100);
        let now = (clock.start, wall(NOON));
        let payload = write(&alert(now), &["A"], &clock, now);
        assert!(Stored::read(&payload).is_some());
        for length in 0..payload.len() {
            assert_eq!(Stored::read(&payload[..length]), None);
        }
    }

    #[test]
    fn the_machine_says_which_boot_it_is_and_how_long_it_has_lasted() {
        let clock = Clock::read();
        assert!(clock.boot != 0 && clock.uptime > Duration::ZERO);
        assert_eq!(clock.boot, Clock::read().boot);
    }
}
