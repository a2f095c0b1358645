//! What a rule remembers, as bytes that outlive the process.
//!
//! ```text
//!   version │ known │ window │ trouble │ quiet │ told │ held │ silence │ spike │ flap │ last
//! ```
//!
//! Times are spans before or after the moment of writing: what that moment is to the
//! next process, whoever keeps the bytes says. Reading cannot fail but as a whole, and
//! takes only what the rule's options still ask for.

use std::sync::Arc;
use std::time::Instant;

use super::bytes::{Reader, Writer};
use super::entry::{Entry, Quiet, State, Trouble};
use super::flap::Flap;
use super::held::Held;
use super::mute::{Muted, Text};
use super::silence::{Missed, Silence};
use super::spike::Spike;
use super::threshold::Window;
use super::{Memory, Now, Outcome, Policy};
use crate::alert::AlertId;
use crate::fields::write_bytes;
use crate::memory::Owed;
use crate::timestamp::Zone;

impl Entry {
    /// False if all there is is one line towards a threshold: whoever sends from thousands of addresses
    /// must not push what matters out of what is saved.
    fn is_worth_saving(&mut self) -> bool {
        if self.window.0.len() > 1 {
            return true;
        }
        let window = std::mem::take(&mut self.window);
        let is_worth = !self.is_blank();
        self.window = window;
        is_worth
    }

    fn save(&self, at: Instant) -> Vec<u8> {
        let mut to = Writer::new(at);
        to.number(self.is_known.into());
        to.number(self.window.0.len() as u64);
        for (time, distinct) in &self.window.0 {
            to.time(*time);
            to.number(*distinct);
        }
        to.option(self.trouble.as_ref(), |to, trouble| {
            to.time(trouble.since);
            match &trouble.state {
                State::Told => to.number(0),
                State::Held => to.number(1),
                State::Hushed => to.number(2),
                State::Waiting(until, said) => {
                    to.number(3);
                    to.time(*until);
                    to.said(said);
                }
            }
        });
        match self.quiet {
            Quiet::No => to.number(0),
            Quiet::Until(until) => {
                to.number(1);
                to.time(until);
            }
            Quiet::UnderWay(id, _, since) => {
                to.number(2);
                to.number(id.0);
                to.time(since);
            }
        }
        to.text(&self.told);
        to.option(self.held.as_ref(), |to, held| {
            to.number(held.count as u64);
            to.time(held.first);
            to.time(held.at);
            to.said(&held.last);
            to.option(held.over.as_ref(), |to, over| to.said(over));
        });
        to.option(self.silence, |to, silence| silence.save(to));
        to.option(self.spike.as_ref(), |to, spike| {
            let past: Vec<u8> = spike.past.iter().flat_map(|count| count.to_le_bytes()).collect();
            write_bytes(&mut to.bytes, &past);
            to.number(spike.current.into());
            to.time(spike.began);
            to.number(spike.is_told.into());
        });
        to.option(self.flap.as_ref(), |to, flap| {
            to.number(flap.changes.into());
            to.time(flap.sampled);
            to.number(u64::from(flap.is_matched) | u64::from(flap.has_changed) << 1);
            to.option(flap.flapping, |to, (since, changes)| {
                to.time(since);
                to.number(changes.into());
            });
        });
        to.option(self.last.as_ref(), |to, last| to.said(last));
        to.bytes
    }

    fn read(from: &mut Reader<'_>) -> Option<Entry> {
        let is_known = from.number()? != 0;
        let count = from.number()?;
        let window = Window((0..count).map(|_| Some((from.time()?, from.number()?))).collect::<Option<_>>()?);
        let trouble = from.option(|from| {
            let since = from.time()?;
            let state = match from.number()? {
                0 => State::Told,
                1 => State::Held,
                2 => State::Hushed,
                _ => State::Waiting(from.time()?, Box::new(from.said()?)),
            };
            Some(Trouble { since, state })
        })?;
        let quiet = match from.number()? {
            0 => Quiet::No,
            1 => Quiet::Until(from.time()?),
            _ => Quiet::UnderWay(AlertId(from.number()?), 1, from.time()?),
        };
        let told = from.text()?;
        let held = from.option(|from| {
            let count = usize::try_from(from.number()?).ok()?;
            let (first, at, last) = (from.time()?, from.time()?, Box::new(from.said()?));
            let over = from.option(|from| from.said().map(Box::new))?;
            Some(Held { count, first, at, last, over })
        })?;
        let silence = from.option(Silence::read)?;
        let spike = from.option(|from| {
            let past = from.rest.bytes()?.chunks_exact(4);
            let past = past.map(|bytes| bytes.try_into().map(u32::from_le_bytes)).collect::<Result<_, _>>();
            let (past, current) = (past.ok()?, u32::try_from(from.number()?).ok()?);
            Some(Box::new(Spike { past, current, began: from.time()?, is_told: from.number()? != 0 }))
        })?;
        let flap = from.option(|from| {
            let (changes, sampled, state) = (from.number()? as u32, from.time()?, from.number()?);
            let flapping = from.option(|from| Some((from.time()?, from.number()? as u32)))?;
            let (is_matched, has_changed) = (state & 1 == 1, state & 2 == 2);
            Some(Box::new(Flap { changes, sampled, is_matched, has_changed, flapping }))
        })?;
        let last = from.option(|from| from.said().map(Box::new))?;
        Some(Entry { window, trouble, quiet, told, held, silence, spike, flap, last, is_known })
    }

    /// Lets go of what the rule does not ask for any more, and finds out what became of an alert under way.
    fn settle_in(&mut self, policy: &Policy, owed: &[&Owed], now: Instant) {
        let until = policy.cooldown.map(|cooldown| now + cooldown);
        self.quiet = match (self.quiet, until) {
            (Quiet::No, _) | (_, None) => Quiet::No,
            // The option may be shorter than it was.
            (Quiet::Until(old), Some(new)) => Quiet::Until(old.min(new)),
            (Quiet::UnderWay(id, _, since), Some(new)) => {
                let still: Vec<_> = owed.iter().filter(|owed| owed.id == id).collect();
                match still.is_empty() || still.iter().any(|owed| owed.is_settled_elsewhere) {
                    true => Quiet::Until(new),
                    false => Quiet::UnderWay(id, still.len(), since),
                }
            }
        };
        let Policy { threshold, clears, silence, spike, flap, .. } = policy;
        if threshold.is_none() {
            self.window = Window::default();
        }
        // What waits to be told is told, whatever for.
        let is_kept = |trouble: &Trouble| *clears || matches!(trouble.state, State::Waiting(..));
        self.trouble = self.trouble.take().filter(is_kept);
        self.silence = self.silence.filter(|_| silence.is_some());
        self.spike = self.spike.take().filter(|_| spike.is_some());
        if let Some(spike) = &mut self.spike {
            // While nobody counted there were not none.
            spike.began = now;
        }
        self.flap = self.flap.take().filter(|_| flap.is_some());
        if self.held.is_some() && matches!(self.quiet, Quiet::No) {
            // It is told at once.
            self.quiet = Quiet::Until(now);
        }
    }
}

/// The key, or None for what is not about one; and what is remembered of it, if anything.
pub(in crate::rules) type Saved = (Option<Arc<str>>, Option<Vec<u8>>);

impl Memory {
    /// From now on what changes is noted, for [`Memory::take_changes`].
    pub(in crate::rules) fn note_changes(&mut self) {
        self.changed = Some(Default::default());
    }

    /// What has changed since the last time.
    pub(in crate::rules) fn take_changes(&mut self, at: Instant) -> Vec<Saved> {
        let mut changes = Vec::new();
        if let Some(changed) = &mut self.changed {
            for key in changed.drain() {
                let entry = self.keys.find(&key);
                let value = entry.and_then(|entry| entry.is_worth_saving().then(|| entry.save(at)));
                changes.push((Some(key), value));
            }
            if std::mem::take(&mut self.is_changed) {
                changes.push((None, Some(self.save(at))));
            }
        }
        changes
    }

    fn save(&self, at: Instant) -> Vec<u8> {
        let mut to = Writer::new(at);
        to.option(self.learns_until, Writer::time);
        to.option(self.mute.held.as_ref(), |to, muted| muted.save(to));
        to.option(self.unseen, |to, silence| silence.save(to));
        // Who does not know of these stops before them, and where they are not there are none.
        to.option(self.mute.moments.as_ref(), |to, muted| muted.save(to));
        to.number(self.mute.stages.len() as u64);
        self.mute.stages.iter().for_each(|draft| to.stage(draft));
        to.bytes
    }

    /// Takes in what an earlier process remembered, `at` being when it wrote that; true if there was
    /// anything in it that can be read and is still asked for.
    pub(in crate::rules) fn recall(
        &mut self,
        policy: &Policy,
        (key, value): (Option<&str>, &[u8]),
        (at, now): (Instant, Instant),
        (zone, owed): (&Zone, &[&Owed]),
    ) -> bool {
        let Some(mut from) = Reader::new(value, at, zone) else { return false };
        let Some(key) = key else {
            if let Some(learns_until) = from.option(Reader::time) {
                self.learns_until = learns_until;
            }
            // Where nothing is muted any more it is told at once.
            self.mute.held = from.option(Muted::read).flatten();
            self.unseen = from.option(Silence::read).flatten().filter(|_| policy.silence.is_some());
            self.mute.moments = from.option(Muted::read).flatten();
            let count = from.number().filter(|_| policy.is_followed).unwrap_or_default();
            self.mute.stages = (0..count).map_while(|_| from.stage()).collect();
            if let (Some(unseen), Some(silence)) = (self.unseen, policy.silence) {
                self.due = super::earliest(self.due, Some(unseen.since + silence));
            }
            return true;
        };
        let Some(mut entry) = Entry::read(&mut from) else { return false };
        let owed: Vec<&Owed> = owed.iter().copied().filter(|owed| &*owed.key == key).collect();
        entry.settle_in(policy, &owed, now);
        if entry.is_blank() {
            return false;
        }
        self.due = super::earliest(self.due, entry.due(policy));
        *self.keys.touch(key, |_, _| {}).1 = entry;
        true
    }
}

/// What a rule that is gone had still to tell, of one key or of all.
pub(in crate::rules) fn untold(
    saved: (Option<&str>, &[u8]),
    (at, now): (Instant, Instant),
    zone: &Zone,
) -> Vec<String> {
    let policy = Policy::default();
    let (mut memory, mut outcome) = (Memory::new(&policy, now), Outcome::default());
    memory.recall(&policy, saved, (at, now), (zone, &[]));
    memory.flush(&policy, Now { at: now, minute: None }, &mut outcome);
    outcome.drafts.into_iter().map(|draft| format!("{}{}", draft.said.text, draft.said.suffix)).collect()
}

impl Silence {
    fn save(self, to: &mut Writer) {
        to.time(self.since);
        to.number(match self.missed {
            Missed::No => 0,
            Missed::Told => 1,
            Missed::Held => 2,
        });
    }

    fn read(from: &mut Reader<'_>) -> Option<Silence> {
        let (since, missed) = (from.time()?, from.number()?);
        let missed = match missed {
            0 => Missed::No,
            1 => Missed::Told,
            _ => Missed::Held,
        };
        Some(Silence { since, missed })
    }
}

impl Muted {
    fn save(&self, to: &mut Writer) {
        to.number(self.count as u64);
        to.time(self.since);
        to.number(self.texts.len() as u64);
        for Text { text, suffix, count } in &self.texts {
            to.text(text);
            to.text(suffix);
            to.number(*count as u64);
        }
        to.said(&self.last);
    }

    fn read(from: &mut Reader<'_>) -> Option<Muted> {
        let (count, since) = (usize::try_from(from.number()?).ok()?, from.time()?);
        let text = |from: &mut Reader<'_>| {
            let (text, suffix) = (from.text()?, from.text()?);
            Some(Text { text, suffix, count: usize::try_from(from.number()?).ok()? })
        };
        let texts = (0..from.number()?).map(|_| text(from)).collect::<Option<_>>()?;
        Some(Muted { count, since, texts, last: from.said()? })
    }
}
