//! What a rule remembers of one key, and what each thing that happens does to it.

use std::time::Instant;

use super::flap::{Flap, Turn};
use super::held::Held;
use super::said::{Said, cut};
use super::silence::{Missed, Silence};
use super::spike::{Spike, Unusual};
use super::threshold::Window;
use super::{Outlet, Policy, Seen, earliest};
use crate::alert::{AlertId, Stage};
use crate::rules::builtin::Kind;
use crate::span::words;

/// One key's memory.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) window: Window,
    pub(super) trouble: Option<Trouble>,
    pub(super) quiet: Quiet,
    /// What the alert said that the quiet follows.
    pub(super) told: String,
    pub(super) held: Option<Held>,
    pub(super) silence: Option<Silence>,
    pub(super) spike: Option<Box<Spike>>,
    pub(super) flap: Option<Box<Flap>>,
    /// What matched last, for those who tell that nothing does any more.
    pub(super) last: Option<Box<Said>>,
    /// It is not new any more.
    pub(super) is_known: bool,
}

/// Something began that another line ends.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) since: Instant,
    pub(super) state: State,
}

/// Who knows of a trouble.
#[derive(Debug)]
pub(super) enum State {
    /// Nobody, unless it lasts until then.
    Waiting(Instant, Box<Said>),
    /// The people.
    Told,
    /// It is counted among what is held.
    Held,
    /// Another rule tells of it, for as long as that is busy.
    Hushed,
}

/// Whether the next is told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Quiet {
    /// It is.
    #[default]
    No,
    /// An alert is on its way to so many destinations: what comes joins it.
    UnderWay(AlertId, usize, Instant),
    /// It was told: not before this.
    Until(Instant),
}

impl Entry {
    /// A line matched.
    pub(super) fn matched(&mut self, seen: &Seen<'_>, is_learning: bool, outlet: &mut Outlet<'_>) {
        let policy = outlet.policy;
        self.end_silence(seen, outlet);
        self.count_for_spike(seen, outlet);
        if policy.kind == Kind::Novelty && (std::mem::replace(&mut self.is_known, true) || is_learning) {
            return;
        }
        if !policy.tells_matches() || self.flaps(seen, true, outlet) {
            return;
        }
        if seen.is_hushed {
            outlet.outcome.held += 1;
            if policy.clears && !matches!(&self.trouble, Some(Trouble { state: State::Told, .. })) {
                self.trouble = Some(Trouble { since: outlet.now.at, state: State::Hushed });
            }
            return;
        }
        // In the quiet each line counts: below the threshold it would otherwise be told nowhere.
        let is_quiet = !matches!(self.quiet, Quiet::No);
        let Some(threshold) = policy.threshold.filter(|_| !is_quiet) else {
            return self.fire((seen.say)(1), 1, outlet);
        };
        let Some(span) = self.window.add(threshold, seen.distinct, outlet.now.at) else { return };
        let mut said = (seen.say)(threshold.count);
        if policy.says_count {
            let (count, span) = (threshold.count, words(span));
            let distinct = if seen.distinct == 0 { "" } else { "different " };
            said.note = format!(" ({count} {distinct}in {span})");
        }
        self.fire(said, threshold.count, outlet);
    }

    /// Enough lines matched for an alert.
    fn fire(&mut self, said: Said, lines: usize, outlet: &mut Outlet<'_>) {
        let now = outlet.now.at;
        if !outlet.policy.clears {
            self.tell(said, Stage::Once, lines, outlet);
            return;
        }
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        let was_told = match &self.trouble {
            Some(Trouble { state: State::Waiting(..), .. }) => return,
            Some(trouble) => matches!(trouble.state, State::Told),
            None => {
                if let Some(within) = outlet.policy.within {
                    let state = State::Waiting(now + within, Box::new(said.kept()));
                    self.trouble = Some(Trouble { since, state });
                    return;
                }
                false
            }
        };
        let is_told = self.tell(said, Stage::Begun, lines, outlet);
        let state = if is_told || was_told { State::Told } else { State::Held };
        self.trouble = Some(Trouble { since, state });
    }

    /// Has `said` told, unless that was just done; true if so.
    fn tell(&mut self, said: Said, stage: Stage, lines: usize, outlet: &mut Outlet<'_>) -> bool {
        if !matches!(self.quiet, Quiet::No) {
            self.hold(said, lines, outlet);
            return false;
        }
        let mut told = said.text.clone();
        if let Some(id) = outlet.tell(said, stage)
            && outlet.policy.cooldown.is_some()
        {
            self.quiet = Quiet::UnderWay(id, outlet.policy.owing, outlet.now.at);
            cut(&mut told);
            self.told = told;
        }
        true
    }

    /// A line says that the trouble is over.
    pub(super) fn cleared(&mut self, seen: &Seen<'_>, outlet: &mut Outlet<'_>) {
        if self.flaps(seen, false, outlet) || !outlet.policy.clears {
            return;
        }
        self.window = Window::default();
        let Some(trouble) = self.trouble.take() else { return };
        self.note_over(&(seen.say)(1));
        let is_told = match trouble.state {
            State::Told => true,
            State::Hushed => !seen.is_hushed,
            // Nobody was told of it, or it is told with its count.
            State::Waiting(..) | State::Held => false,
        };
        if is_told {
            let said = (seen.say)(1);
            let lasted = words(outlet.now.at.saturating_duration_since(trouble.since));
            let text = format!("{}, after {lasted}", said.text);
            outlet.tell(Said { text, ..said }, Stage::Over);
        }
    }

    /// Takes in the state; true while it changes so often that nothing else is told.
    fn flaps(&mut self, seen: &Seen<'_>, is_matched: bool, outlet: &mut Outlet<'_>) -> bool {
        let (policy, now) = (outlet.policy, outlet.now.at);
        let Some(bounds) = policy.flap else { return policy.kind == Kind::Flapping };
        self.last = Some(Box::new((seen.say)(1).kept()));
        let flap = self.flap.get_or_insert_with(|| Box::new(Flap::new(now)));
        let turn = flap.sample(bounds, now);
        flap.observe(is_matched);
        let is_flapping = flap.flapping.is_some();
        if let Some(turn) = turn {
            self.turn(turn, outlet);
        }
        // The end of a trouble that was told is told.
        let was_told = matches!(self.trouble, Some(Trouble { state: State::Told, .. }));
        if is_flapping && (is_matched || !was_told) {
            outlet.outcome.held += 1;
            // Over, or told by what is said of the flapping.
            if !is_matched || matches!(self.trouble, Some(Trouble { state: State::Waiting(..), .. })) {
                self.trouble = None;
            }
            return true;
        }
        policy.kind == Kind::Flapping
    }

    fn turn(&mut self, turn: Turn, outlet: &mut Outlet<'_>) {
        let (Some(last), Some(flap)) = (&self.last, &self.flap) else { return };
        let (now, is_own) = (outlet.now.at, outlet.policy.kind == Kind::Flapping);
        let text = &last.text;
        let (text, stage) = match turn {
            Turn::Begun(percent) if is_own => (format!("{text} ({percent} %)"), Stage::Begun),
            Turn::Begun(percent) => (format!("flapping ({percent} %): {text}"), Stage::Begun),
            Turn::Over(lasted, changes) => {
                let state = if flap.is_matched { "the trouble lasts" } else { "all is well" };
                let end = format!("after {} and {changes} changes; {state}", words(lasted));
                if flap.is_matched && outlet.policy.clears {
                    self.trouble = Some(Trouble { since: now, state: State::Told });
                }
                let text = match is_own {
                    true => format!("{text} no more, {end}"),
                    false => format!("no longer flapping, {end}: {text}"),
                };
                let is_lasting = flap.is_matched && outlet.policy.clears;
                (text, if is_lasting { Stage::Begun } else { Stage::Over })
            }
        };
        outlet.tell(last.reworded(text, now), stage);
    }

    /// Something matched: the silence begins anew.
    fn end_silence(&mut self, seen: &Seen<'_>, outlet: &mut Outlet<'_>) {
        if outlet.policy.silence.is_none() {
            return;
        }
        let said = (seen.say)(1);
        let before = self.silence.replace(Silence { since: outlet.now.at, missed: Missed::No });
        if let Some(before) = before
            && let Some(back) = before.back(said.clone(), outlet.now.at)
        {
            self.note_over(&back);
            if before.missed == Missed::Told {
                outlet.tell(back, Stage::Over);
            }
        }
        self.last = Some(Box::new(said.kept()));
    }

    fn count_for_spike(&mut self, seen: &Seen<'_>, outlet: &mut Outlet<'_>) {
        let (Some(deviations), now) = (outlet.policy.spike, outlet.now.at) else { return };
        let spike = self.spike.get_or_insert_with(|| Box::new(Spike::new(now)));
        let too_few = spike.advance(deviations, now);
        let too_many = spike.observe(deviations);
        let said = (seen.say)(1);
        if let Some(Unusual { matches, usual }) = too_many.or(too_few) {
            let text = format!("{} ({matches} in 5 min, usually {usual})", said.text);
            self.tell(Said { text, ..said.clone() }, Stage::Once, 1, outlet);
        }
        self.last = Some(Box::new(said.kept()));
    }

    /// Does what is due though no line came. `blank` says nothing, at this moment.
    pub(super) fn tick(&mut self, blank: &dyn Fn() -> Said, outlet: &mut Outlet<'_>) {
        let (policy, now) = (outlet.policy, outlet.now.at);
        if let Some(Trouble { since, state: State::Waiting(until, _) }) = self.trouble
            && until <= now
            && let Some(Trouble { state: State::Waiting(_, said), .. }) = self.trouble.take()
        {
            let said = said.reworded(said.text.clone(), now);
            let state = if self.tell(said, Stage::Begun, 1, outlet) { State::Told } else { State::Held };
            // Else it waited for an option that is not set any more.
            self.trouble = policy.clears.then_some(Trouble { since, state });
        }
        if self.quiet_until(policy).is_some_and(|until| until <= now) {
            self.close(outlet);
        }
        if let (Some(silence), Some(span)) = (self.silence, policy.silence)
            && silence.missed == Missed::No
            && silence.since + span <= now
        {
            let (span, said) = (words(span), blank().of_router(self.last.as_deref()));
            let last = self.last.as_ref().map(|last| format!(", last: {}{}", last.text, last.suffix));
            let text = format!("silent for {span}{}", last.unwrap_or_default());
            let is_told = self.tell(Said { text, ..said }, Stage::Begun, 1, outlet);
            let missed = if is_told { Missed::Told } else { Missed::Held };
            self.silence = Some(Silence { missed, ..silence });
        }
        if let (Some(spike), Some(deviations)) = (&mut self.spike, policy.spike)
            && let Some(Unusual { matches, usual }) = spike.advance(deviations, now)
        {
            let said = blank().of_router(self.last.as_deref());
            let last = self.last.as_ref().map_or("", |last| &last.text);
            let text = format!("fewer than usual ({matches} in 5 min, usually {usual}), last: {last}");
            self.tell(Said { text, ..said }, Stage::Once, 1, outlet);
        }
        if let (Some(flap), Some(bounds)) = (&mut self.flap, policy.flap)
            && let Some(turn) = flap.sample(bounds, now)
        {
            self.turn(turn, outlet);
        }
    }

    /// An alert was told to one of its destinations, or given up there.
    pub(super) fn settle(&mut self, id: AlertId, is_delivered: bool, outlet: &mut Outlet<'_>) {
        let Quiet::UnderWay(own, owing, since) = self.quiet else { return };
        if own != id {
            return;
        }
        match outlet.policy.cooldown {
            Some(cooldown) if is_delivered => self.quiet = Quiet::Until(outlet.now.at + cooldown),
            Some(_) if owing > 1 => self.quiet = Quiet::UnderWay(id, owing - 1, since),
            // Nobody was told: what has come since must not wait.
            _ => self.close(outlet),
        }
    }

    /// Has told whatever waits to be, because it will not be remembered.
    pub(super) fn flush(&mut self, outlet: &mut Outlet<'_>) {
        if let Some(Trouble { state: State::Waiting(_, said), .. }) = self.trouble.take() {
            self.tell(said.reworded(said.text.clone(), outlet.now.at), Stage::Once, 1, outlet);
        }
        if self.held.is_some() {
            self.close(outlet);
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        let is_flapping = self.flap.as_ref().is_some_and(|flap| flap.flapping.is_some());
        is_flapping || !matches!(self.quiet, Quiet::No)
    }

    /// When the quiet ends of itself. An alert that nobody has heard of for longer than any is tried
    /// is not on its way any more, whatever became of it.
    fn quiet_until(&self, policy: &Policy) -> Option<Instant> {
        match self.quiet {
            Quiet::No => None,
            Quiet::UnderWay(_, _, since) => Some(since + policy.patience),
            Quiet::Until(until) => Some(until),
        }
    }

    /// When there is something to do though no line comes.
    pub(super) fn due(&self, policy: &Policy) -> Option<Instant> {
        let trouble = match &self.trouble {
            Some(Trouble { state: State::Waiting(until, _), .. }) => Some(*until),
            _ => None,
        };
        let quiet = self.quiet_until(policy);
        let silence = self.silence.filter(|silence| silence.missed == Missed::No).zip(policy.silence);
        let silence = silence.map(|(silence, span)| silence.since + span);
        let spike = self.spike.as_ref().map(|spike| spike.due());
        let flap = self.flap.as_ref().and_then(|flap| flap.due());
        [trouble, quiet, silence, spike, flap].into_iter().fold(None, earliest)
    }

    /// True if there is nothing to remember.
    pub(super) fn is_blank(&self) -> bool {
        let is_calm = self.flap.as_ref().is_none_or(|flap| flap.due().is_none() && !flap.is_matched);
        self.window.0.is_empty()
            && self.trouble.is_none()
            && matches!(self.quiet, Quiet::No)
            && self.held.is_none()
            && self.silence.is_none()
            && self.spike.is_none()
            && is_calm
            && !self.is_known
    }
}
