//! An alert as it lies on the disk: what it says, when it was, and who owes it.
//!
//! ```text
//!   names that owe it │ id │ boot id │ uptime │ wall time │ unset clock's time │ priority │ stage
//!   │ rule │ key, if the rule remembers │ text │ suffix │ values of the line, if a service wants them
//!   │ path of a file, if one goes with it
//! ```
//!
//! Apart from the alert, because an `Instant` means nothing to the next process: its age
//! is worked out from what does. Where nobody knows it, it counts from the start of this
//! process, so that it is told rather than given up.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::clock::{Clock, Stamp, millis, time};
use crate::alert::{Alert, AlertId, OWN, Priority, Stage, Unset};
use crate::fields::{Rest, write_bytes, write_number, write_texts};
use crate::memory::Owed;
use crate::timestamp::Zone;
use crate::value::{Value, Values};

/// What a record of an alert says, borrowing from it.
#[derive(Debug, PartialEq)]
pub(crate) struct Stored<'a> {
    /// The destinations that owe it.
    pub(crate) owes: Vec<&'a str>,
    id: AlertId,
    stamp: Stamp,
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
    /// At most one.
    attachment: Vec<&'a str>,
}

/// The payload of the record of `alert`, which `owes` owe.
pub(crate) fn write(alert: &Alert, owes: &[&str], clock: &Clock, now: (Instant, SystemTime)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(80 + alert.text.len() + alert.suffix.len());
    write_texts(&mut bytes, owes);
    write_number(&mut bytes, alert.id.0);
    clock.stamp(alert.arrived, now).write(&mut bytes);
    // An unset clock shows at most 2019, so this is no time of its.
    write_number(&mut bytes, alert.unset.as_ref().map_or(u64::MAX, |unset| millis(unset.written())));
    bytes.extend_from_slice(&[alert.priority as u8, alert.stage as u8]);
    write_bytes(&mut bytes, alert.rule.as_bytes());
    write_texts(&mut bytes, alert.key.as_deref().as_slice());
    write_bytes(&mut bytes, alert.text.as_bytes());
    write_bytes(&mut bytes, alert.suffix.as_bytes());
    let values = alert.values.iter().flat_map(|all| Value::NAMES.map(|(_, value)| all.text(value)));
    write_texts(&mut bytes, &values.collect::<Vec<_>>());
    if let Some(path) = alert.attachment.as_deref() {
        write_texts(&mut bytes, &[path]);
    }
    bytes
}

impl<'a> Stored<'a> {
    /// Reads a payload; None if it is none of this format.
    pub(crate) fn read(payload: &'a [u8]) -> Option<Stored<'a>> {
        let mut rest = Rest(payload);
        let owes = rest.texts()?;
        let id = AlertId(rest.number()?);
        let stamp = Stamp::read(&mut rest)?;
        let unset = match rest.number()? {
            u64::MAX => None,
            written => Some(time(written)?),
        };
        let [priority, stage] = *rest.chunk()?;
        let (_, priority) = *Priority::NAMES.get(usize::from(priority))?;
        let stage = *[Stage::Once, Stage::Begun, Stage::Over].get(usize::from(stage))?;
        let (rule, key, text, suffix) = (rest.text()?, rest.texts()?, rest.text()?, rest.text()?);
        let values = rest.texts()?;
        // Rare, and unknown to earlier versions: where there is none, nothing stands for it.
        let attachment = if rest.0.is_empty() { Vec::new() } else { rest.texts()? };
        Some(Stored { owes, id, stamp, unset, priority, stage, rule, key, text, suffix, values, attachment })
    }

    /// True for one about ourselves.
    pub(crate) fn is_own(&self) -> bool {
        self.rule == OWN
    }

    /// If its rule remembers: that it is still to be told.
    pub(crate) fn owed(&self, is_settled_elsewhere: bool) -> Option<Owed> {
        let key = Arc::from(*self.key.first()?);
        Some(Owed { rule: self.rule.into(), key, id: self.id, is_settled_elsewhere })
    }

    /// The alert, for nobody in particular; its times by this process's clock.
    pub(crate) fn alert(&self, clock: &Clock, zone: &Zone, now: (Instant, SystemTime)) -> Alert {
        let arrived = clock.instant(&self.stamp, now);
        let value = |value: Value| self.values.get(value as usize).copied().unwrap_or_default().to_owned();
        Alert {
            id: self.id,
            rule: self.rule.into(),
            key: self.key.first().map(|key| Arc::from(*key)),
            priority: self.priority,
            stage: self.stage,
            text: self.text.to_owned(),
            suffix: self.suffix.to_owned(),
            attachment: self.attachment.first().map(|path| Arc::from(*path)),
            destinations: Arc::new([]),
            arrived: arrived.unwrap_or(clock.start),
            values: (!self.values.is_empty()).then(|| Box::new(Values::new(value))),
            // Where nobody knows when it was, what the clock showed is still the best.
            unset: arrived.and(self.unset).and_then(|written| Unset::note(written, zone)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

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
}
