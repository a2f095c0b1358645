//! The worker: takes lines out of the ring, lets the rules observe them, hands
//! alerts over. It never touches the network.
//!
//! ```text
//!   ring ──► Worker ──► dispatch
//!              ▲
//!              └─ calls: reports of the senders, the word to stop
//! ```

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::Receiver;
use memchr::memmem::Finder;

use crate::alert::{Alert, DestinationId};
use crate::health::Health;
use crate::heartbeat::Daily;
use crate::hook::{Hook, Taken, Told};
use crate::ingest::udp::Drops;
use crate::line::{GATHERING, Line};
use crate::live::Live;
use crate::log;
use crate::notify::{Dispatch, Report};
use crate::probe::Probe;
use crate::record::Record;
use crate::ring::{Popped, Ring};
use crate::rules::{Effects, Rule, RuleSet};
use crate::stats::Stats;
use crate::timestamp::Zone;
use crate::watch::Watches;

mod hooks;
mod losses;
mod watches;

use losses::Losses;

/// How often the worker looks up from the lines when there are none.
const TICK: Duration = Duration::from_secs(1);

/// And after how many lines when there is no end of them.
const LINES_BETWEEN_LOOKS: usize = 256;

/// Losses are told at once, and then summed up for this long: a flood that lasts
/// must not flood the people too.
const LOSS_QUIET: Duration = Duration::from_secs(300);

/// How long lines that are still in the ring are worked on at the end.
const DRAIN: Duration = Duration::from_secs(1);

/// What may interrupt the worker.
pub enum Call {
    /// A sender has something to say.
    Report(Report),
    /// Somebody wants a test alert through this destination.
    Test(DestinationId),
    /// Somebody wants to hear nothing of a rule, by its place, or of any, until then; None ends that.
    Mute(Option<usize>, Option<Instant>),
    /// Another system has told us something.
    Hook(Told),
    /// Something that we watch is in trouble, or is not any more: the words for it.
    Trouble(String),
    /// No more lines will come.
    Stop,
}

/// Everything the worker works with.
pub struct Worker {
    /// Lines to be read.
    pub ring: Ring<Line>,
    /// What is asked of them.
    pub rules: RuleSet,
    /// What other systems may call.
    pub hooks: Vec<Hook>,
    /// Who must be heard from.
    pub watches: Watches,
    /// Where alerts go.
    pub dispatch: Dispatch,
    /// Who is told of our own troubles.
    pub self_destinations: Vec<DestinationId>,
    /// Where the operator's clock is.
    pub zone: Zone,
    /// What the kernel lost.
    pub drops: Drops,
    /// What is counted.
    pub stats: Arc<Stats>,
    /// Whether we are well.
    pub health: Arc<Health>,
    /// Who watches.
    pub live: Arc<Live>,
    /// Our own datagrams, to be handed back.
    pub probe: Option<Arc<Probe>>,
    /// The message of the day.
    pub daily: Option<Daily>,
    /// Reports, and the word to stop.
    pub calls: Receiver<Call>,
}

impl Worker {
    /// Works until the word to stop; gives back what delivers, to be stopped next.
    pub fn run(mut self) -> Dispatch {
        let marker = Finder::new(log::marker());
        let mut losses = Losses::default();
        let mut effects = Effects::default();
        let mut now = (Instant::now(), SystemTime::now());
        let mut tick = now.0 + TICK;
        let mut lines_until_look = 0;
        loop {
            // In a flood neither the clock nor the other channel costs anything per line.
            let popped = match lines_until_look {
                0 => None,
                _ => self.ring.try_pop().map(Popped::Item),
            };
            let popped = match popped {
                Some(popped) => popped,
                None => {
                    // The ring has run empty behind us: the next line may have company.
                    if (1..LINES_BETWEEN_LOOKS).contains(&lines_until_look) {
                        thread::sleep(GATHERING);
                    }
                    let popped = self.ring.pop(&self.calls, Some(tick));
                    now = (Instant::now(), SystemTime::now());
                    lines_until_look = LINES_BETWEEN_LOOKS;
                    let lag = match &popped {
                        Popped::Item(line) => now.0.saturating_duration_since(line.arrived),
                        _ => Duration::ZERO,
                    };
                    self.health.beat(now.0, lag);
                    popped
                }
            };
            match popped {
                Popped::Item(line) => {
                    lines_until_look -= 1;
                    self.observe(&line, &marker, now, &mut effects);
                }
                Popped::Called(Call::Report(report)) => self.take_report(report, now, &mut effects),
                Popped::Called(Call::Test(destination)) => self.test(destination),
                Popped::Called(Call::Mute(rule, until)) => self.mute(rule, until, now.0),
                Popped::Called(Call::Hook(told)) => {
                    self.hear_hook(told.hook, now);
                    self.take_told(told, now);
                }
                Popped::Called(Call::Trouble(text)) => self.tell_trouble(text, None),
                Popped::Called(Call::Stop) | Popped::Closed => break,
                Popped::Nothing => {}
            }
            if now.0 >= tick {
                self.rules.tick(now, &mut effects);
                self.hand_over(&mut effects);
                self.watch(now);
                if self.dispatch.keeps_memory() {
                    self.dispatch.remember(self.rules.take_changes(now.0));
                }
                self.tell_losses(&mut losses, now.0, LOSS_QUIET);
                if let Some(alert) = self.daily.as_mut().and_then(|day| day.due(now, &self.stats, &self.zone))
                {
                    self.dispatch.accept(alert);
                }
                tick = now.0 + TICK;
            }
        }
        let deadline = Instant::now() + DRAIN;
        while Instant::now() < deadline
            && let Some(line) = self.ring.try_pop()
        {
            self.observe(&line, &marker, (Instant::now(), SystemTime::now()), &mut effects);
        }
        let now = (Instant::now(), SystemTime::now());
        match self.dispatch.can_keep_memory() {
            true => {
                self.dispatch.remember(self.rules.take_changes(now.0));
                self.dispatch.remember(self.watches.take_all(now.0));
            }
            // Nobody will remember what is held.
            false => {
                self.rules.flush(now, &mut effects);
                self.hand_over(&mut effects);
            }
        }
        // Nobody will read these any more.
        self.stats.lines_evicted.add(self.ring.len());
        self.tell_losses(&mut losses, Instant::now(), Duration::ZERO);
        self.dispatch
    }

    fn observe(
        &mut self,
        line: &Line,
        marker: &Finder<'_>,
        now: (Instant, SystemTime),
        effects: &mut Effects,
    ) {
        let record = Record::parse(&line.bytes);
        // Our own output, logged by the router and sent back to us. The marker is
        // for the syslog format, which has no topics.
        if record.is_from_container() || marker.find(&line.bytes).is_some() {
            // Sent to ourselves on purpose, it has the marker too.
            if !self.probe.as_ref().is_some_and(|probe| probe.hand_back(&line.bytes)) {
                self.stats.lines_looped.add_one();
            }
            return;
        }
        if log::is_on(log::Level::Debug) {
            log::debug("line", &[("from", &line.from), ("text", &String::from_utf8_lossy(&line.bytes))]);
        }
        self.rules.observe(line, &record, now, effects);
        if self.live.is_watched() {
            let names = effects.matched.iter().filter_map(|index| self.rules.rules().get(*index));
            let fired: Vec<_> = names.map(|rule| rule.shared_name()).collect();
            self.live.show(line, &record, &fired, now);
        }
        for tally in effects.matched.iter().filter_map(|index| self.stats.rules.get(*index)) {
            tally.note_match(line.arrived);
        }
        self.hand_over(effects);
    }

    fn test(&self, destination: DestinationId) {
        let name = self.dispatch.name(destination);
        let text = format!("alertik: a test alert for {name}, asked for on the page.");
        let now = (Instant::now(), SystemTime::now());
        self.dispatch.accept(Alert::own(text, &self.zone, [destination].into(), now));
    }

    fn mute(&mut self, rule: Option<usize>, until: Option<Instant>, now: Instant) {
        self.rules.mute(rule, until, now);
        for ((index, tally), one) in self.stats.rules.iter().enumerate().zip(self.rules.rules()) {
            // What is urgent is never held, so it is not shown as if it were.
            if rule.is_none_or(|rule| rule == index) && !one.is_urgent() {
                tally.note_mute(until);
            }
        }
        let named = rule.and_then(|index| self.rules.rules().get(index)).map_or("all rules", Rule::name);
        let minutes = until.map_or(0, |until| until.saturating_duration_since(now).as_secs().div_ceil(60));
        log::info("muted", &[("rule", &named), ("minutes", &minutes)]);
    }

    /// Makes an alert of what another system has told us.
    fn take_told(&mut self, told: Told, now: (Instant, SystemTime)) {
        let Told { hook, text, priority, done } = told;
        let Some(hook) = self.hooks.get(hook) else { return };
        if hook.destinations.is_empty() {
            return done(Taken::Kept);
        }
        let done = hooks::counted(done, Arc::clone(&hook.rule), Arc::clone(&self.stats));
        self.dispatch.offer(hooks::alert(hook, text, priority, &self.zone, now), done);
    }

    fn hand_over(&mut self, effects: &mut Effects) {
        for (index, count) in effects.held.drain(..) {
            self.stats.alerts_suppressed.add(count);
            self.stats.rules.get(index).into_iter().for_each(|tally| tally.suppressed.add(count));
        }
        if effects.forgotten > 0 {
            self.stats.keys_forgotten.add(std::mem::take(&mut effects.forgotten));
        }
        let mut alerts = effects.alerts.drain(..).peekable();
        while let Some(alert) = alerts.next() {
            self.stats.count_alert(&alert.rule);
            // With the last, so that none is taken for told that nobody ever had.
            if alerts.peek().is_none() && self.dispatch.keeps_memory() {
                self.dispatch.remember(self.rules.take_changes(Instant::now()));
            }
            self.dispatch.accept(alert);
        }
        drop(alerts);
        if std::mem::take(&mut effects.has_muted) && self.dispatch.keeps_memory() {
            // They are alerts, and nowhere else.
            self.dispatch.remember(self.rules.take_changes(Instant::now()));
            self.dispatch.save_memory();
        }
    }

    fn take_report(&mut self, report: Report, now: (Instant, SystemTime), effects: &mut Effects) {
        let (about, text) = match report {
            Report::Settled { alert, is_delivered } => {
                self.rules.settle(&alert, is_delivered, now, effects);
                return self.hand_over(effects);
            }
            Report::Doubt { destination, text } => (destination, format!("alertik: {text}.")),
            Report::Ear(ear) => return self.hear(&ear, now),
            Report::Disk { trouble } => return self.tell_trouble(format!("alertik: {trouble}."), None),
            Report::Parked { destination, reason } => {
                let name = self.dispatch.name(destination);
                let meanwhile = match self.dispatch.has_fallback(destination) {
                    true => "The fallback tells them meanwhile, and one is tried there every 15 minutes.",
                    false => "They are kept, and tried again every 15 minutes.",
                };
                let text =
                    format!("alertik: {name} takes no alerts until somebody acts: {reason}. {meanwhile}");
                (destination, text)
            }
            Report::Back { destination } => {
                let name = self.dispatch.name(destination);
                log::info("notifier is back", &[("notifier", &name)]);
                (destination, format!("alertik: {name} takes alerts again."))
            }
        };
        self.tell_trouble(text, Some(about));
    }

    /// Tells of lines and alerts that were lost, unless that was told within `quiet`.
    fn tell_losses(&mut self, told: &mut Losses, now: Instant, quiet: Duration) {
        self.stats.kernel_drops.add(self.drops.poll());
        let all = Losses::counted(&self.stats);
        let new = all.since(told);
        let is_quiet = told.at.is_some_and(|at| now.saturating_duration_since(at) < quiet);
        if new.is_none() || is_quiet {
            return;
        }
        *told = Losses { at: Some(now), ..all };
        log::error(
            "lost",
            &[
                ("ring", &new.ring),
                ("kernel", &new.kernel),
                ("alerts", &new.evicted),
                ("rejected", &new.rejected),
                ("expired", &new.expired),
            ],
        );
        self.tell_trouble(format!("alertik: {}.", new.words()), None);
    }

    /// Tells `text` through every notifier for such, except the one it is about.
    fn tell_trouble(&self, text: String, about: Option<DestinationId>) {
        let others = self.self_destinations.iter().copied().filter(|id| Some(*id) != about);
        let now = (Instant::now(), SystemTime::now());
        self.dispatch.accept(Alert::own(text, &self.zone, others.collect(), now));
    }
}
