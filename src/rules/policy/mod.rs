//! What becomes of what a rule says: told at once, later, once for many, or not at all.
//!
//! ```text
//!   line ─► key ─► silence, spike ─► flap ─► threshold ─► clear, within ─► cooldown ─► mute ─► alert
//!                  └ tell by themselves       └─ held and counted, told in one message later ─┘
//! ```
//!
//! Separate from the rules, because it knows no lines: it is told that a rule has
//! matched (or cleared) for a key, and what that would say. Pure: the time is an
//! argument and is that of arrival, by a clock that nobody can set; only the hours of
//! `_MUTE` are those of the wall. What is held is counted, and told when the hold ends.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::builtin::{Kind, Sign};
use crate::alert::{AlertId, Priority, Stage};

mod bytes;
mod draft;
mod entry;
mod flap;
mod held;
mod keys;
mod mute;
mod options;
mod said;
mod saved;
mod silence;
mod spike;
#[cfg(test)]
mod tests;
mod threshold;

pub(super) use draft::{Audience, Draft};
use entry::Entry;
use keys::Keys;
use mute::Mute;
pub(super) use options::Source;
pub(super) use said::Said;
pub(super) use saved::untold;
use silence::{Missed, Silence};

/// How many keys a rule tells from one another (contract of the interface).
const KEYS_MAX: usize = 4_096;

/// What the thresholds of a rule may count at a time: 4 MiB for 262,144 lines.
const COUNTED_MAX: usize = 262_144;

/// A rule that knows nothing yet does not call everything new for so long.
const LEARNING: Duration = Duration::from_secs(3600);

/// Whoever does not say what became of an alert has this much longer than it is tried.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What one rule was told to remember, and how quiet to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Policy {
    kind: Kind,
    /// How much its alerts matter.
    pub(super) priority: Priority,
    threshold: Option<threshold::Threshold>,
    cooldown: Option<Duration>,
    /// A trouble lasts until a line says that it is over.
    pub(super) clears: bool,
    within: Option<Duration>,
    silence: Option<Duration>,
    spike: Option<spike::Deviations>,
    flap: Option<flap::Bounds>,
    mute: Option<mute::Hours>,
    /// How many lines an alert stands for is put behind its text; a mask of the operator's may say it itself.
    says_count: bool,
    /// How many destinations have to be done with an alert.
    owing: usize,
    /// Some destination follows each trouble to its end.
    is_followed: bool,
    /// For how long an alert may be on its way.
    patience: Duration,
}

impl Policy {
    /// True if there is anything to remember.
    pub(super) fn remembers(&self) -> bool {
        let Policy { threshold, cooldown, clears, silence, spike, flap, mute, .. } = self;
        *clears
            || self.kind != Kind::Usual
            || threshold.is_some()
            || cooldown.is_some()
            || silence.is_some()
            || spike.is_some()
            || flap.is_some()
            || mute.is_some()
    }

    /// True if what matches is itself to be told, and not only that there is much or nothing of it.
    fn tells_matches(&self) -> bool {
        let is_about_all = self.silence.is_some() || self.spike.is_some();
        let is_about_each = self.threshold.is_some() || self.clears || self.flap.is_some();
        !is_about_all || is_about_each
    }

    /// True if it depends on the hour.
    pub(super) fn has_mute(&self) -> bool {
        self.mute.is_some()
    }

    /// An alert has so many destinations.
    pub(super) fn owe(&mut self, destinations: usize) {
        self.owing = destinations.max(1);
    }

    /// Some destination is to be told each trouble's stage by itself, whatever was held.
    pub(super) fn follow_troubles(&mut self, is_followed: bool) {
        self.is_followed = is_followed;
    }

    /// An alert is given up after `expire`.
    pub(super) fn expect_ends_within(&mut self, expire: Duration) {
        self.patience = expire + PATIENCE;
    }

    /// The same for lines that all come at one instant, and of which nothing is told later.
    pub(super) fn without_time(&mut self) {
        (self.cooldown, self.within, self.mute) = (None, None, None);
    }

    /// True in hours, or before a time, when nobody wants to be told.
    fn is_muted(&self, mute: &Mute, now: Now) -> bool {
        mute.until.is_some_and(|until| now.at < until)
            || self.mute.is_some_and(|hours| hours.contain(now.minute))
    }

    fn keys_max(&self) -> usize {
        let counted = self.threshold.map_or(1, |threshold| threshold.count);
        let keys = KEYS_MAX.min(COUNTED_MAX / counted.max(1));
        if self.spike.is_some() { spike::KEYS_MAX } else { keys }
    }
}

/// The time, as far as a rule's memory wants to know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// By a clock that nobody can set.
    pub(super) at: Instant,
    /// The minute of the local day; None while the clock is not set.
    pub(super) minute: Option<u16>,
}

/// What a rule has seen.
pub(super) struct Seen<'a> {
    pub(super) key: &'a str,
    pub(super) sign: Sign,
    /// Another rule is busy with the same, and tells it.
    pub(super) is_hushed: bool,
    /// What a threshold counts each of once; 0: each line by itself.
    pub(super) distinct: u64,
    /// What there is to say of so many lines.
    pub(super) say: &'a dyn Fn(usize) -> Said,
}

/// What observing came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// To be told now.
    pub(super) drafts: Vec<Draft>,
    /// Lines that were held.
    pub(super) held: usize,
    /// Keys that had to be forgotten.
    pub(super) forgotten: usize,
    /// Something is told only when the hour is another, and is to be written until then.
    pub(super) has_muted: bool,
}

/// Everything that one rule remembers.
#[derive(Debug)]
pub(super) struct Memory {
    keys: Keys<Entry>,
    /// Since when a rule that tells silence has waited for the first line.
    unseen: Option<Silence>,
    mute: Mute,
    /// When something is to be done though no line comes.
    due: Option<Instant>,
    /// Until then what is new is only taken note of.
    learns_until: Option<Instant>,
    /// Keys whose memory is not what was last saved; only if somebody saves.
    changed: Option<HashSet<Arc<str>>>,
    /// What is not about a key is not what was last saved.
    is_changed: bool,
}

/// Where a key's memory tells and holds.
struct Outlet<'a> {
    policy: &'a Policy,
    now: Now,
    key: &'a Arc<str>,
    mute: &'a mut Mute,
    outcome: &'a mut Outcome,
}

impl Outlet<'_> {
    /// Has `said` told, now or when the mute is over; the alert's id if now.
    fn tell(&mut self, mut said: Said, stage: Stage) -> Option<AlertId> {
        said.text.push_str(&std::mem::take(&mut said.note));
        let is_muted = self.policy.is_muted(self.mute, self.now);
        if is_muted && self.policy.priority != Priority::Urgent {
            self.outcome.held += 1;
            let draft = Draft::new(self.key, Audience::Followers, stage, said);
            let (draft, is_due) = self.mute.hold(draft, self.policy.is_followed, self.now.at);
            self.outcome.drafts.extend(draft);
            self.outcome.has_muted |= is_due;
            return None;
        }
        let draft = Draft::new(self.key, Audience::All, stage, said);
        let id = draft.id;
        self.outcome.drafts.push(draft);
        Some(id)
    }
}

impl Memory {
    /// Of nothing yet.
    pub(super) fn new(policy: &Policy, start: Instant) -> Memory {
        Memory {
            keys: Keys::new(policy.keys_max()),
            unseen: policy.silence.map(|_| Silence { since: start, missed: Missed::No }),
            mute: Mute::default(),
            due: policy.silence.map(|silence| start + silence),
            learns_until: Some(start + LEARNING),
            changed: None,
            // For when it began to learn.
            is_changed: policy.kind == Kind::Novelty || policy.silence.is_some(),
        }
    }

    /// Holds what there is to tell until `until`; None: from now on no more than the policy says.
    pub(super) fn mute(&mut self, until: Option<Instant>) {
        self.mute.until = until;
    }

    /// True if there is nothing to remember, neither of a key nor of all, and whoever saves knows that.
    pub(super) fn is_blank(&self, now: Instant) -> bool {
        let is_saved = self.changed.as_ref().is_none_or(|changed| changed.is_empty() && !self.is_changed);
        is_saved && self.keys.is_empty() && self.unseen.is_none() && self.mute.is_blank(now)
    }

    /// Everything is new from the first.
    pub(super) fn learn_nothing(&mut self) {
        self.learns_until = None;
    }

    /// Takes in what the rule has seen.
    pub(super) fn observe(&mut self, policy: &Policy, seen: &Seen<'_>, now: Now, outcome: &mut Outcome) {
        self.release(policy, now, outcome);
        let (mute, mut evicted) = (&mut self.mute, Vec::new());
        let mut evict = |key: Arc<str>, mut entry: Entry| {
            outcome.forgotten += 1;
            evicted.push(Arc::clone(&key));
            // What it held would be gone unsaid.
            entry.flush(&mut Outlet { policy, now, key: &key, mute: &mut *mute, outcome: &mut *outcome });
            mute.forget(&key);
        };
        let (key, entry) = self.keys.touch(seen.key, &mut evict);
        if seen.sign == Sign::Matched
            && let Some(unseen) = self.unseen.take()
        {
            // It was told of no key and no router, so its end is.
            self.is_changed = true;
            let (key, said) = (Arc::from(""), (seen.say)(1).of_router(None));
            if let Some(back) = unseen.back(said, now.at) {
                let (mute, outcome) = (&mut self.mute, &mut *outcome);
                Outlet { policy, now, key: &key, mute, outcome }.tell(back, Stage::Over);
            }
        }
        let is_learning = self.learns_until.is_some_and(|until| now.at < until);
        let mut outlet = Outlet { policy, now, key: &key, mute: &mut self.mute, outcome };
        match seen.sign {
            Sign::Matched => entry.matched(seen, is_learning, &mut outlet),
            Sign::Cleared => entry.cleared(seen, &mut outlet),
        }
        self.due = earliest(self.due, entry.due(policy));
        if entry.is_blank() {
            self.keys.remove(&key);
        }
        self.change(&key);
        evicted.iter().for_each(|key| self.change(key));
    }

    /// True if the rule is busy with `key`: its alert is under way, its cooldown lasts, or it flaps.
    /// Then another may leave to it what it sees of the same, and it counts that.
    pub(super) fn is_busy(&mut self, key: &str) -> bool {
        self.keys.find(key).is_some_and(|entry| entry.is_busy())
    }

    /// Does what is due by `now`.
    pub(super) fn tick(
        &mut self,
        policy: &Policy,
        (rule, blank): (&str, &dyn Fn() -> Said),
        now: Now,
        outcome: &mut Outcome,
    ) {
        self.release(policy, now, outcome);
        if self.due.is_none_or(|due| now.at < due) {
            return;
        }
        self.due = None;
        if let (Some(unseen), Some(silence)) = (&mut self.unseen, policy.silence)
            && unseen.missed == Missed::No
        {
            if unseen.since + silence <= now.at {
                unseen.missed = Missed::Told;
                self.is_changed = true;
                let text = format!("nothing has matched {rule} for {}", crate::span::words(silence));
                let (key, mute) = (Arc::from(""), &mut self.mute);
                let said = Said { text, ..blank() };
                Outlet { policy, now, key: &key, mute, outcome: &mut *outcome }.tell(said, Stage::Begun);
            } else {
                self.due = Some(unseen.since + silence);
            }
        }
        let (mut due, mute, mut changed) = (self.due, &mut self.mute, Vec::new());
        self.keys.retain(|key, entry| {
            if entry.due(policy).is_some_and(|due| due <= now.at) {
                let mut outlet = Outlet { policy, now, key, mute: &mut *mute, outcome: &mut *outcome };
                entry.tick(blank, &mut outlet);
                changed.push(Arc::clone(key));
            }
            due = earliest(due, entry.due(policy));
            !entry.is_blank()
        });
        self.due = due;
        changed.iter().for_each(|key| self.change(key));
    }

    /// An alert of `key` was told to one of its destinations at `now`, or given up there.
    pub(super) fn settle(
        &mut self,
        policy: &Policy,
        (key, id, is_delivered): (&Arc<str>, AlertId, bool),
        now: Now,
        outcome: &mut Outcome,
    ) {
        self.release(policy, now, outcome);
        let Some(entry) = self.keys.find(key) else { return };
        let mut outlet = Outlet { policy, now, key, mute: &mut self.mute, outcome };
        entry.settle(id, is_delivered, &mut outlet);
        self.due = earliest(self.due, entry.due(policy));
        if entry.is_blank() {
            self.keys.remove(key);
        }
        self.change(key);
    }

    /// Has all that is held told, because nobody will remember it.
    pub(super) fn flush(&mut self, policy: &Policy, now: Now, outcome: &mut Outcome) {
        // At the end nothing is held any more, whatever the hour.
        let policy = Policy { mute: None, ..policy.clone() };
        self.mute.until = None;
        self.release(&policy, now, outcome);
        let mute = &mut self.mute;
        self.keys.retain(|key, entry| {
            let (policy, mute) = (&policy, &mut *mute);
            entry.flush(&mut Outlet { policy, now, key, mute, outcome: &mut *outcome });
            true
        });
    }

    /// Has told what was held, if it need not be any more: before anything else is, or word of a trouble
    /// that began would come after that of its end.
    fn release(&mut self, policy: &Policy, now: Now, outcome: &mut Outcome) {
        if self.mute.held.is_some() && !policy.is_muted(&self.mute, now) {
            outcome.drafts.extend(self.mute.release(now.at));
            self.is_changed = true;
        }
    }

    fn change(&mut self, key: &Arc<str>) {
        self.is_changed |= self.mute.held.is_some();
        if let Some(changed) = &mut self.changed {
            changed.insert(Arc::clone(key));
        }
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
