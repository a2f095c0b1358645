//! What the operator asked for, and what becomes of a line.
//!
//! ```text
//!   line ─► candidates ─► filter (topics, sender) ─► pattern, or built-in ─► exclusion ─► policy ─► mask ─► alert
//! ```
//!
//! No IO, and the time is an argument. Every rule that matches fires, the built-in
//! ones first, in the order of their numbers, as in Alertik; whether that is told at
//! once, later or with others is the policy's, which alone remembers anything.

use std::time::{Duration, Instant, SystemTime};

use crate::alert::{Alert, AlertId, DestinationId, Keyed, Stage, Unset, is_set};
use crate::line::Line;
use crate::memory::{Change, Rebooted, Recalled, Remembered};
use crate::notify::Destinations;
use crate::record::Record;
use crate::value::{Value, Values};
use crate::vars::{Faults, Vars};

pub mod builtin;
mod candidates;
pub mod ere;
mod filter;
pub mod mask;
pub mod pattern;
mod policy;
mod rule;
pub mod trial;
mod user;
mod view;

use candidates::Candidates;
use mask::Mask;
use policy::{Draft, Memory, Now, Outcome, Said, Seen};
pub use rule::Rule;
use rule::{Signal, What};
pub use view::{Context, View};

/// The variables of rules, `n` standing for a number.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let own = ["ALERT_SUFFIX", "ROUTERS", "TZ"];
    own.into_iter().chain(builtin::VARIABLES.iter().copied()).chain(user::VARIABLES.iter().copied())
}

/// What follows every text unless `ALERT_SUFFIX` says otherwise.
const SUFFIX: &str = ", at: @{time}";

/// What came of a line, or of time that passed.
#[derive(Default)]
pub struct Effects {
    /// To be told.
    pub alerts: Vec<Alert>,
    /// The rules that matched the last line, by their places among all.
    pub matched: Vec<usize>,
    /// Those whose settings held lines back, and how many.
    pub held: Vec<(usize, usize)>,
    /// Keys that had to be forgotten.
    pub forgotten: usize,
    /// Alerts are held until the hour is another.
    pub has_muted: bool,
}

/// All rules in force, and what they remember.
pub struct RuleSet {
    fixed: Fixed,
    /// By the rules' numbers; None for a rule that remembers nothing.
    memories: Vec<Option<Memory>>,
    /// What an earlier process remembered and nobody asks for any more.
    unclaimed: Vec<String>,
    /// Somebody saves what changes.
    is_kept: bool,
}

/// What never changes.
struct Fixed {
    rules: Vec<Rule>,
    candidates: Candidates,
    /// The rules that tell only what no other one has.
    last: candidates::Set,
    context: Context,
    /// `ALERT_SUFFIX`, or None where a rule's own or the usual one holds.
    suffix: Option<Mask>,
    usual_suffix: Mask,
    /// Alerts carry the values of their line.
    keeps_values: bool,
    /// Begins the built-in rules' texts, as early versions of Alertik did.
    nickname: String,
}

impl RuleSet {
    /// Reads the rules; every fault is noted with the variable's full name.
    pub fn read(
        vars: &Vars,
        context: Context,
        destinations: &mut Destinations<'_>,
        faults: &mut Faults,
    ) -> RuleSet {
        let mut rules = builtin::read(vars, user::is_set(vars), &context.routers, destinations, faults);
        rules.extend(user::read(vars, &context.routers, destinations, faults));
        if rules.is_empty() && faults.is_empty() {
            faults.warn("no rule is in force (set EVENTn_* or STATIC_EVENTS_ENABLED, or none of them for the starter rules)");
        }
        rule::link(&mut rules);
        // Without groups no mask is wrong.
        let without_groups = |text: &str| Mask::new(text.as_bytes(), 0).ok();
        let nickname = vars.text("TELEGRAM_NICKNAME");
        let fixed = Fixed {
            candidates: Candidates::new(rules.iter().map(Rule::needles)),
            last: (0..rules.len()).filter(|index| rules.get(*index).is_some_and(Rule::is_last)).collect(),
            rules,
            context,
            // Set to nothing it means none, so not `text`.
            suffix: vars.raw("ALERT_SUFFIX").and_then(without_groups),
            usual_suffix: without_groups(SUFFIX).unwrap_or_default(),
            keeps_values: false,
            nickname: nickname.map(|name| format!("{name}! {name}!, ")).unwrap_or_default(),
        };
        let mut rules = RuleSet { fixed, memories: Vec::new(), unclaimed: Vec::new(), is_kept: false };
        rules.forget(Instant::now());
        rules
    }

    /// The rules, in the order in which they fire.
    pub fn rules(&self) -> &[Rule] {
        &self.fixed.rules
    }

    /// What they know besides lines.
    pub fn context(&self) -> &Context {
        &self.fixed.context
    }

    /// Has alerts carry the values of their line, if `keeps` says that some service takes them:
    /// they are more than the text itself, and would push other alerts out of the queues.
    pub fn keep_values(&mut self, keeps: bool) {
        self.fixed.keeps_values = keeps;
    }

    /// Has `followers` told each trouble's stages by themselves, even where everybody else is told of
    /// several troubles in one message.
    pub fn tell_stages_to(&mut self, followers: &[DestinationId]) {
        self.fixed.rules.iter_mut().for_each(|rule| rule.tell_stages_to(followers));
    }

    /// Alerts are given up after `expire`: then no rule waits any longer to hear of one.
    pub fn expect_ends_within(&mut self, expire: Duration) {
        self.fixed.rules.iter_mut().for_each(|rule| rule.policy.expect_ends_within(expire));
    }

    /// For lines that all come at one instant: nothing is held for later.
    pub fn without_time(&mut self) {
        self.fixed.rules.iter_mut().for_each(|rule| rule.policy.without_time());
        self.forget(Instant::now());
        self.memories.iter_mut().flatten().for_each(Memory::learn_nothing);
    }

    fn forget(&mut self, now: Instant) {
        let memory = |rule: &Rule| rule.policy.remembers().then(|| Memory::new(&rule.policy, now));
        self.memories = self.fixed.rules.iter().map(memory).collect();
    }

    /// Adds to `effects` what the rules make of `line`; allocates nothing when that is nothing.
    pub fn observe(
        &mut self,
        line: &Line,
        record: &Record<'_>,
        now: (Instant, SystemTime),
        effects: &mut Effects,
    ) {
        let RuleSet { fixed, memories, .. } = self;
        effects.matched.clear();
        let view = View { line, record, context: &fixed.context, now };
        let candidates = fixed.candidates.of(&line.bytes);
        let mut try_each = |set: candidates::Set| {
            set.iter().fold(false, |is_any, index| fixed.try_one(index, memories, &view, effects) | is_any)
        };
        if !try_each(candidates.without(fixed.last)) {
            try_each(candidates.and(fixed.last));
        }
    }

    /// What is told of a reboot of the machine that we run on, if a rule for such is in force:
    /// a router that boots cannot send the line of it, and here no line came.
    pub fn rebooted(&self, rebooted: &Rebooted, now: (Instant, SystemTime)) -> Option<Alert> {
        let (number, text) = builtin::reboot::of_this_machine(rebooted);
        let is_meant = |rule: &&Rule| rule.builtin().is_some_and(|builtin| builtin.number == number);
        let rule = self.rules().iter().find(is_meant)?;
        let text = format!("{}{text}", self.fixed.nickname);
        let said = Said { text, ..self.fixed.blank(rule, now) };
        Some(rule.alert(AlertId::fresh(), None, Stage::Once, said))
    }

    /// Adds what is due though no line came.
    pub fn tick(&mut self, now: (Instant, SystemTime), effects: &mut Effects) {
        let RuleSet { fixed, memories, .. } = self;
        for (index, (rule, memory)) in fixed.rules.iter().zip(memories).enumerate() {
            // One that was muted for a while, or had something to tell from before the start.
            memory.take_if(|memory| !rule.policy.remembers() && memory.is_blank(now.0));
            let Some(memory) = memory else { continue };
            let mut outcome = Outcome::default();
            let said = || fixed.blank(rule, now);
            memory.tick(&rule.policy, (&rule.name, &said), fixed.now(now), &mut outcome);
            fixed.take(index, outcome, effects);
        }
    }

    /// An alert was told to one of its destinations, or given up there.
    pub fn settle(
        &mut self,
        alert: &Keyed,
        is_delivered: bool,
        now: (Instant, SystemTime),
        effects: &mut Effects,
    ) {
        let RuleSet { fixed, memories, .. } = self;
        let Some(index) = fixed.rules.iter().position(|rule| rule.name == alert.rule) else { return };
        let (Some(rule), Some(Some(memory))) = (fixed.rules.get(index), memories.get_mut(index)) else {
            return;
        };
        let mut outcome = Outcome::default();
        memory.settle(&rule.policy, (&alert.key, alert.id, is_delivered), fixed.now(now), &mut outcome);
        fixed.take(index, outcome, effects);
    }

    /// Takes in what an earlier process remembered, and remembers from now on what changes. What that
    /// process had still to tell for rules that are gone: their names, and texts.
    pub fn recall(&mut self, recalled: &Recalled, now: Instant) -> Vec<String> {
        let RuleSet { fixed, memories, unclaimed, .. } = self;
        let mut orphans = Vec::new();
        for Remembered { name: whole, value, written } in &recalled.remembered {
            let (name, key) =
                whole.split_once('\0').map_or((&**whole, None), |(name, key)| (name, Some(key)));
            let found = fixed.rules.iter().zip(memories.iter_mut()).find(|(rule, _)| &*rule.name == name);
            let (times, zone) = ((written.unwrap_or(now), now), &fixed.context.zone);
            let is_taken = found.is_some_and(|(rule, memory)| {
                let owed: Vec<_> = recalled.owed.iter().filter(|owed| &*owed.rule == name).collect();
                // A rule that remembers nothing any more may still have something to tell.
                let memory = memory.get_or_insert_with(|| Memory::new(&rule.policy, now));
                memory.recall(&rule.policy, (key, value), times, (zone, &owed))
            });
            if !is_taken {
                unclaimed.push(whole.clone());
                let texts = policy::untold((key, value), times, zone);
                orphans.extend(texts.into_iter().map(|text| format!("{name}: {text}")));
            }
        }
        memories.iter_mut().flatten().for_each(Memory::note_changes);
        self.is_kept = true;
        orphans
    }

    /// What has changed of what is remembered, since the last time; nothing without [`RuleSet::recall`].
    pub fn take_changes(&mut self, at: Instant) -> Vec<Change> {
        let RuleSet { fixed, memories, unclaimed, .. } = self;
        let forgotten = unclaimed.drain(..).map(|name| Change { name, value: None, at });
        let mut all: Vec<_> = forgotten.collect();
        for (rule, memory) in fixed.rules.iter().zip(memories) {
            let changes = memory.as_mut().map(|memory| memory.take_changes(at)).unwrap_or_default();
            all.extend(changes.into_iter().map(|(key, value)| {
                let name = key.map_or(rule.name.to_string(), |key| format!("{}\0{key}", rule.name));
                Change { name, value, at }
            }));
        }
        all
    }

    /// Has a rule, by its place, or every rule hold what it would tell until `until`, and tell it in
    /// one message then. None ends that.
    pub fn mute(&mut self, index: Option<usize>, until: Option<Instant>, now: Instant) {
        for (place, (rule, memory)) in self.fixed.rules.iter().zip(&mut self.memories).enumerate() {
            if index.is_none_or(|index| index == place) {
                let memory = memory.get_or_insert_with(|| {
                    let mut memory = Memory::new(&rule.policy, now);
                    if self.is_kept {
                        memory.note_changes();
                    }
                    memory
                });
                memory.mute(until);
            }
        }
    }

    /// Adds all that is held, because nobody will remember it.
    pub fn flush(&mut self, now: (Instant, SystemTime), effects: &mut Effects) {
        let RuleSet { fixed, memories, .. } = self;
        for (index, (rule, memory)) in fixed.rules.iter().zip(memories).enumerate() {
            let Some(memory) = memory else { continue };
            let mut outcome = Outcome::default();
            memory.flush(&rule.policy, fixed.now(now), &mut outcome);
            fixed.take(index, outcome, effects);
        }
    }
}

impl Fixed {
    /// True if the rule with this number matched, whatever it makes of that.
    fn try_one(
        &self,
        index: usize,
        memories: &mut [Option<Memory>],
        view: &View<'_>,
        effects: &mut Effects,
    ) -> bool {
        let Some(rule) = self.rules.get(index) else { return false };
        let Some(signal) = rule.signal(view) else { return false };
        effects.matched.push(index);
        let say = |count| self.say(rule, &signal, view, count);
        if memories.get(index).is_none_or(Option::is_none) {
            let (id, key, stage) = (AlertId::fresh(), None, Stage::Once);
            effects.alerts.push(rule.alert(id, key, stage, say(1)));
            return true;
        }
        let key = rule.key(&signal, view);
        let busy = |memories: &mut [Option<Memory>], index: Option<usize>| {
            let memory = index.and_then(|index| memories.get_mut(index));
            memory.is_some_and(|memory| memory.as_mut().is_some_and(|memory| memory.is_busy(&key)))
        };
        // Only if the other sees the line too: it counts it.
        let other = rule.hushed_by.and_then(|index| self.rules.get(index));
        let is_hushed =
            busy(memories, rule.hushed_by) && other.is_some_and(|other| other.signal(view).is_some());
        if let Some(Some(memory)) = memories.get_mut(index) {
            let mut outcome = Outcome::default();
            let Signal { sign, distinct, .. } = signal;
            let seen = Seen { key: &key, sign, is_hushed, distinct, say: &say };
            // What waited in the ring came before.
            let now = (view.line.arrived, view.now.1);
            memory.observe(&rule.policy, &seen, self.now(now), &mut outcome);
            self.take(index, outcome, effects);
        }
        true
    }

    fn now(&self, now: (Instant, SystemTime)) -> Now {
        let minute =
            || is_set(now.1).then(|| (self.context.zone.local_seconds(now.1).rem_euclid(86_400) / 60) as u16);
        let is_asked = self.rules.iter().any(|rule| rule.policy.has_mute());
        Now { at: now.0, minute: if is_asked { minute() } else { None } }
    }

    fn take(&self, index: usize, outcome: Outcome, effects: &mut Effects) {
        let Some(rule) = self.rules.get(index) else { return };
        if outcome.held > 0 {
            effects.held.push((index, outcome.held));
        }
        effects.forgotten += outcome.forgotten;
        effects.has_muted |= outcome.has_muted;
        let alerts = outcome.drafts.into_iter().map(|Draft { id, key, audience, stage, said }| Alert {
            destinations: rule.audience(audience),
            ..rule.alert(id, Some(key), stage, said)
        });
        effects.alerts.extend(alerts.filter(|alert| !alert.destinations.is_empty()));
    }

    /// What `rule` says of a line that stands for `count`.
    fn say(&self, rule: &Rule, signal: &Signal<'_>, view: &View<'_>, count: usize) -> Said {
        let value = |value| view.value(value, &rule.name, count);
        Said {
            text: rule.text(signal, view, count, &self.nickname),
            note: String::new(),
            suffix: self.suffix_of(rule).fill(None, value),
            arrived: view.line.arrived,
            unset: view.unset(),
            values: self.keeps_values.then(|| Box::new(view.values(&rule.name, count))),
        }
    }

    /// What it says of no line.
    fn blank(&self, rule: &Rule, now: (Instant, SystemTime)) -> Said {
        let values = Values::of_no_line(&rule.name, self.context.zone.format(now.1));
        let suffix =
            self.suffix_of(rule).fill(None, |value: Value| values.text(value).as_bytes().to_vec().into());
        Said {
            text: String::new(),
            note: String::new(),
            suffix,
            arrived: now.0,
            unset: Unset::note(now.1, &self.context.zone),
            values: self.keeps_values.then(|| Box::new(values)),
        }
    }

    fn suffix_of<'a>(&'a self, rule: &'a Rule) -> &'a Mask {
        let own = match &rule.what {
            What::Builtin(ready) => ready.suffix.as_ref(),
            What::User { .. } => None,
        };
        self.suffix.as_ref().or(own).unwrap_or(&self.usual_suffix)
    }
}
