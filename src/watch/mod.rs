//! The dead man's switch: somebody, or some job, that must be heard from; silence is told in two stages.
//!
//! ```text
//!   a call of a hook ───────────┐                           ┌─► an alert, at each stage and when it is over
//!   SimpleX: who wrote, and     ├─► Watches ─ tick ─► Word ─┤
//!   whether we could hear it ───┘     │ ▲                   └─► our own troubles: somebody cannot be heard
//!                                     ▼ │
//!                                   memory: what survives a restart
//!
//!   heard ─── first span ──► WARN ─── second span ──► TELL ─── heard again ──► over, told to whom was told
//! ```
//!
//! Apart from the rules, because no line is behind it: what counts is that nothing comes. Pure: the worker
//! brings the time once a second, and whatever is said. It neither listens nor sends.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::alert::Alert;
use crate::memory::{Change, Recalled};
use crate::notify::Ear;
use crate::stats::Silence;
use crate::timestamp::Zone;
use crate::vars::is_index;

mod saved;
mod settings;
mod switch;

pub use settings::{Settings, VARIABLES, Watch};

use switch::Switch;

/// No sign of life is written to the disk sooner after the last that was: a person who writes all day must not
/// wear out a router's flash. A hundredth of the first span, if that is longer, is all that a crash may cost.
const SAVE_WAIT_MIN: Duration = Duration::from_secs(60);

/// What a switch has to say.
pub enum Word {
    /// To those whom its watch tells.
    Alert(Box<Alert>),
    /// To those who are told of our own troubles.
    Trouble(String),
}

/// Every switch there is; none takes no room.
#[derive(Default)]
pub struct Watches {
    switches: Vec<Switch>,
    /// What was remembered for watches that are gone.
    unclaimed: Vec<String>,
}

impl Watches {
    /// All armed at `start`, when nobody can be heard yet.
    pub fn new(settings: Settings, start: Instant) -> Watches {
        let switches = settings.watches.into_iter().map(|watch| Switch::new(watch, start)).collect();
        Watches { switches, unclaimed: Vec::new() }
    }

    /// What each shows of itself.
    pub fn silences(&self) -> Box<[Arc<Silence>]> {
        self.switches.iter().map(|switch| Arc::clone(&switch.shown)).collect()
    }

    /// Takes what an earlier process remembered for watches out of `recalled`.
    pub fn recall(&mut self, recalled: &mut Recalled, now: Instant) {
        recalled.remembered.retain(|remembered| {
            let is_ours = is_ours(&remembered.name);
            // What watches somebody else now starts afresh.
            if is_ours && !self.switches.iter_mut().any(|switch| switch.recall(remembered, now)) {
                self.unclaimed.push(remembered.name.clone());
            }
            !is_ours
        });
    }

    /// What has changed of what is remembered, since the last time.
    pub fn take_changes(&mut self, at: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(name) = self.unclaimed.pop() {
            changes.push(Change { name, value: None, at });
        }
        for switch in &mut self.switches {
            changes.extend(switch.take_change(at));
        }
        changes
    }

    /// All that is remembered: after a boot without a clock, what has passed until now would be lost.
    pub fn take_all(&mut self, at: Instant) -> Vec<Change> {
        self.switches.iter_mut().for_each(Switch::note_change);
        self.take_changes(at)
    }

    /// True if what was heard is to be written now, though no alert follows.
    pub fn wants_saving(&self, now: Instant) -> bool {
        !self.unclaimed.is_empty() || self.switches.iter().any(|switch| switch.wants_saving(now))
    }

    /// A hook was called.
    pub fn heard_hook(&mut self, name: &str, now: (Instant, SystemTime), zone: &Zone) -> Vec<Word> {
        self.each(|switch, words| switch.heard_hook(name, (now, zone), words))
    }

    /// The connection to SimpleX says something.
    pub fn take(&mut self, ear: &Ear, now: (Instant, SystemTime), zone: &Zone) -> Vec<Word> {
        self.each(|switch, words| switch.take(ear, (now, zone), words))
    }

    /// What time brings.
    pub fn tick(&mut self, now: (Instant, SystemTime), zone: &Zone) -> Vec<Word> {
        self.each(|switch, words| switch.tick((now, zone), words))
    }

    fn each(&mut self, mut ask: impl FnMut(&mut Switch, &mut Vec<Word>)) -> Vec<Word> {
        let mut words = Vec::new();
        self.switches.iter_mut().for_each(|switch| ask(switch, &mut words));
        words
    }
}

/// True for `WATCH0`, a zero byte, and whatever follows.
fn is_ours(name: &str) -> bool {
    let rule = name.strip_prefix("WATCH").and_then(|rest| rest.split_once('\0'));
    rule.is_some_and(|(digits, _)| is_index(digits))
}

#[cfg(test)]
mod tests;
