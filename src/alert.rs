//! An alert: a rule fired, and this is what it says.
//!
//! It is what the middle hands to delivery. Apart from both, because the rules
//! know nothing of services and the services nothing of rules.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::ring::Weigh;
use crate::timestamp::Zone;
use crate::value::Values;

/// Which destination (a notifier, or a notifier with a target) an alert goes to:
/// its index in the list that the configuration made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestinationId(pub usize);

/// Tells an alert from every other, also from those before the last start.
///
/// By it a service knows the second attempt for what it is. It belongs to the
/// alert and is never made again: whatever keeps an alert keeps its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertId(pub u64);

impl AlertId {
    /// One that nobody has had.
    pub fn fresh() -> AlertId {
        // The clock besides: early in a boot the system's randomness may be that of
        // the last boot, and an id that comes again is an alert that nobody is told.
        AlertId(RandomState::new().hash_one(SystemTime::now()))
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A clock that shows less than 2020 has not been set since the machine started:
/// routers without a battery begin in 1970, and ask for the time once they are online.
const SET_SINCE: Duration = Duration::from_secs(1_577_836_800);

/// The rule's name of what we tell of ourselves.
pub(crate) const OWN: &str = "alertik";

/// How much it matters; each service has its own notion of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// To be read some time: silent where a service knows that.
    Low,
    /// As a service does it when nobody says.
    #[default]
    Normal,
    /// Above the others.
    High,
    /// Now, whatever the hour.
    Urgent,
}

impl Priority {
    /// Each under the word that operators write, in the order above.
    pub const NAMES: [(&'static str, Priority); 4] = [
        ("low", Priority::Low),
        ("normal", Priority::Normal),
        ("high", Priority::High),
        ("urgent", Priority::Urgent),
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        Priority::NAMES.iter().find(|(_, priority)| *priority == self).map_or("", |(name, _)| name)
    }
}

/// Where in its trouble an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It is told, and that is all of it.
    #[default]
    Once,
    /// It lasts until another alert of the same rule and key says that it is over.
    Begun,
    /// It is over.
    Over,
}

/// Text from a rule, on its way to somebody.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its own: the same for all whom it is told, in every attempt, and for as long as it waits.
    pub id: AlertId,
    /// The rule's name: `EVENT0`, `STATIC_EVENT1`, or `alertik` for our own troubles.
    pub rule: Arc<str>,
    /// What the rule calls the same, if it remembers: senders then report what became of the alert.
    pub key: Option<Arc<str>>,
    /// How much it matters.
    pub priority: Priority,
    /// Where in its trouble it stands.
    pub stage: Stage,
    /// What is to be told, without the time.
    pub text: String,
    /// What follows the text, usually the time; kept when the text must be cut.
    pub suffix: String,
    /// A file to go with it, by its path on the machine of the service that sends files, if one does.
    pub attachment: Option<Arc<str>>,
    /// Where it goes.
    pub destinations: Arc<[DestinationId]>,
    /// When the line came that it tells of, by a clock that nobody can set.
    pub arrived: Instant,
    /// Only if the clock was not set when text and suffix were written.
    pub unset: Option<Unset>,
    /// What the line said, if some service makes its text of that.
    pub values: Option<Box<Values>>,
}

/// What a clock that was not set had a text say, so that it can be put right.
#[derive(Clone, Debug)]
pub struct Unset(Box<(SystemTime, Zone)>);

impl Unset {
    /// For a text that tells `time` in `zone`; None if that can be the time.
    pub fn note(time: SystemTime, zone: &Zone) -> Option<Unset> {
        (!is_set(time)).then(|| Unset(Box::new((time, zone.clone()))))
    }

    /// The time that the text tells.
    pub fn written(&self) -> SystemTime {
        self.0.0
    }
}

/// What is left of an alert when it is done with, for a rule that wants to hear of that.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyed {
    /// The alert's.
    pub id: AlertId,
    /// The rule that made it.
    pub rule: Arc<str>,
    /// What the rule calls the same.
    pub key: Arc<str>,
}

impl Alert {
    /// What its rule knows it by; None for a rule that remembers nothing.
    pub fn keyed(&self) -> Option<Keyed> {
        let key = Arc::clone(self.key.as_ref()?);
        Some(Keyed { id: self.id, rule: Arc::clone(&self.rule), key })
    }

    /// An alert about ourselves.
    pub fn own(
        text: String,
        zone: &Zone,
        destinations: Arc<[DestinationId]>,
        now: (Instant, SystemTime),
    ) -> Alert {
        // One that waited for its notifier must still say when it was.
        let time = zone.format(now.1);
        let suffix = format!(" {time}");
        let unset = Unset::note(now.1, zone);
        let values = Some(Box::new(Values::of_no_line(OWN, time)));
        Alert {
            id: AlertId::fresh(),
            rule: OWN.into(),
            key: None,
            priority: Priority::default(),
            stage: Stage::default(),
            text,
            suffix,
            attachment: None,
            destinations,
            arrived: now.0,
            unset,
            values,
        }
    }

    /// Text and suffix to be told at `now`. What an unset clock had them say is
    /// put right once it is set: an alert from 1970 would be of no use to anybody.
    pub fn words(&self, now: (Instant, SystemTime)) -> (Cow<'_, str>, Cow<'_, str>) {
        match self.times(now) {
            Some((wrong, right)) => {
                (self.text.replace(&wrong, &right).into(), self.suffix.replace(&wrong, &right).into())
            }
            None => (self.text.as_str().into(), self.suffix.as_str().into()),
        }
    }

    /// The values of its line to be told at `now`, the time put right in the same way.
    pub fn values(&self, now: (Instant, SystemTime)) -> Option<Cow<'_, Values>> {
        let values = self.values.as_deref()?;
        Some(self.times(now).map_or(Cow::Borrowed(values), |(_, right)| Cow::Owned(values.at(&right))))
    }

    /// The time that an unset clock had it say, and the right one, if that is known at `now`.
    fn times(&self, now: (Instant, SystemTime)) -> Option<(String, String)> {
        let Unset(unset) = self.unset.as_ref().filter(|_| is_set(now.1))?;
        let (written, zone) = &**unset;
        Some((zone.format(*written), zone.format(wall_time(self.arrived, now))))
    }

    /// True for one about ourselves. Such must never cause another: it takes no
    /// other alert's place in a queue, and when it is lost nobody is told.
    pub fn is_own(&self) -> bool {
        &*self.rule == OWN
    }
}

impl Weigh for Alert {
    fn weight_bytes(&self) -> usize {
        let unset = self.unset.as_ref().map_or(0, |unset| size_of_val(&*unset.0));
        let values = self.values.as_ref().map_or(0, |values| values.weight_bytes());
        let key = self.key.as_ref().map_or(0, |key| key.len());
        let attachment = self.attachment.as_ref().map_or(0, |path| path.len());
        size_of::<Alert>() + self.text.capacity() + self.suffix.capacity() + key + attachment + unset + values
    }
}

/// The wall-clock time of `instant`, which lies a little before `now`.
///
/// Worked out when an alert is written, not when a line arrives: most lines are
/// never told, and a clock that was set in between is then right.
pub fn wall_time(instant: Instant, now: (Instant, SystemTime)) -> SystemTime {
    let age = now.0.saturating_duration_since(instant);
    now.1.checked_sub(age).unwrap_or(now.1)
}

/// Whether a clock that shows this has been set.
pub fn is_set(clock: SystemTime) -> bool {
    clock >= SystemTime::UNIX_EPOCH + SET_SINCE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// An alert written at `written`, told five seconds later when the clock shows `told`.
    #[track_caller]
    fn check(written: u64, told: u64, expected: &str) {
        let start = Instant::now();
        let zone = Zone::new("<+02>-2").unwrap();
        let mut alert = Alert::own(String::new(), &zone, Arc::new([]), (start, at(written)));
        alert.text = format!("at {} as said", zone.format(at(written)));
        let now = (start + Duration::from_secs(5), at(told));
        let (text, suffix) = alert.words(now);
        assert_eq!((&*text, &*suffix), (&*format!("at {expected} as said"), &*format!(" {expected}")));
        assert_eq!(alert.values(now).unwrap().text(Value::Time), expected);
    }

    #[test]
    fn no_two_alerts_have_the_same_id() {
        let ids: std::collections::HashSet<u64> = (0..1000).map(|_| AlertId::fresh().0).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn a_time_from_before_the_clock_was_set_is_put_right_when_it_is() {
        // It came five seconds before it is told, and that was so.
        check(12, 1_795_249_755, "2026-11-21 10:29:10");
        check(12, 17, "1970-01-01 02:00:12");
        // What a set clock has said stays: it may have been put back since.
        check(1_795_249_755, 1_795_249_000, "2026-11-21 10:29:15");
        check(1_577_836_799, 1_577_836_800, "2020-01-01 01:59:55");
    }
}
