//! What the operator asked for, and what becomes of a line.
//!
//! ```text
//!   line ─► candidates ─► filter (topics, sender) ─► pattern, or built-in ─► exclusion ─► mask ─► alert
//! ```
//!
//! Pure: no IO, and the time is an argument. Every rule that matches fires, the
//! built-in ones first, in the order of their numbers, as in Alertik.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::alert::{Alert, AlertId, DestinationId, Priority, Stage};
use crate::line::Line;
use crate::memory::Rebooted;
use crate::notify::Destinations;
use crate::record::Record;
use crate::vars::{Faults, Vars};

pub mod builtin;
mod candidates;
pub mod ere;
mod filter;
pub mod mask;
pub mod pattern;
mod user;
mod view;

use builtin::Builtin;
use candidates::Candidates;
use filter::Filter;
use mask::Mask;
use pattern::Pattern;
pub use view::{Context, View};

/// The variables of rules, `n` standing for a number.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let own = ["ALERT_SUFFIX", "ROUTERS", "TZ"];
    own.into_iter().chain(builtin::VARIABLES.iter().copied()).chain(user::VARIABLES.iter().copied())
}

/// What follows every text unless `ALERT_SUFFIX` says otherwise.
const SUFFIX: &str = ", at: @{time}";

/// One rule.
pub struct Rule {
    /// `EVENT0`, or `STATIC_EVENT0` for a built-in one.
    name: Arc<str>,
    /// What it looks for and sends, in words for `check`.
    description: String,
    filter: Filter,
    what: What,
    destinations: Arc<[DestinationId]>,
}

enum What {
    User { pattern: Pattern, mask: Mask },
    Builtin(builtin::Ready),
}

impl Rule {
    /// `EVENT0`, or `STATIC_EVENT0` for a built-in one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it looks for and sends, in words.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// For a built-in rule: what it is.
    pub fn builtin(&self) -> Option<&'static Builtin> {
        match &self.what {
            What::Builtin(ready) => Some(ready.builtin),
            What::User { .. } => None,
        }
    }

    /// For a rule of the operator's: `substr` or `regex`.
    pub fn match_type(&self) -> Option<&'static str> {
        match &self.what {
            What::Builtin(_) => None,
            What::User { pattern: Pattern::Substr(_), .. } => Some("substr"),
            What::User { pattern: Pattern::Regex(_), .. } => Some("regex"),
        }
    }

    /// Whom it tells.
    pub fn destinations(&self) -> &[DestinationId] {
        &self.destinations
    }

    /// Texts of which a line must have one, or the rule does not fire on it; none
    /// where nothing is known.
    fn needles(&self) -> Vec<&[u8]> {
        match &self.what {
            What::User { pattern, .. } => {
                Some(pattern.literal()).filter(|text| !text.is_empty()).into_iter().collect()
            }
            What::Builtin(ready) => ready.builtin.needles.iter().map(|text| text.as_bytes()).collect(),
        }
    }

    /// True for a rule that tells only what no other one has.
    fn is_last(&self) -> bool {
        self.builtin().is_some_and(|builtin| builtin.is_last)
    }

    /// The text for a line, if the rule fires on it.
    fn text(&self, view: &View<'_>, nickname: &str) -> Option<String> {
        if !self.filter.wants(view.record, view.line.from) {
            return None;
        }
        let line = &*view.line.bytes;
        match &self.what {
            What::User { pattern, mask } => {
                if !pattern.is_match(line) || self.filter.excludes(line) {
                    return None;
                }
                Some(mask.fill(pattern.groups_in(line).as_ref(), |value| view.value(value, &self.name)))
            }
            What::Builtin(ready) => {
                let told = ready.tell(view).filter(|_| !self.filter.excludes(line))?;
                Some(format!("{nickname}{}", told.text))
            }
        }
    }
}

/// All rules in force.
pub struct RuleSet {
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
        // Without groups no mask is wrong.
        let without_groups = |text: &str| Mask::new(text.as_bytes(), 0).ok();
        let nickname = vars.text("TELEGRAM_NICKNAME");
        RuleSet {
            candidates: Candidates::new(rules.iter().map(Rule::needles)),
            last: (0..rules.len()).filter(|index| rules.get(*index).is_some_and(Rule::is_last)).collect(),
            rules,
            context,
            // Set to nothing it means none, so not `text`.
            suffix: vars.raw("ALERT_SUFFIX").and_then(without_groups),
            usual_suffix: without_groups(SUFFIX).unwrap_or_default(),
            keeps_values: false,
            nickname: nickname.map(|name| format!("{name}! {name}!, ")).unwrap_or_default(),
        }
    }

    /// The rules, in the order in which they fire.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Has alerts carry the values of their line, if `keeps` says that some service takes them:
    /// they are more than the text itself, and would push other alerts out of the queues.
    pub fn keep_values(&mut self, keeps: bool) {
        self.keeps_values = keeps;
    }

    /// Adds to `alerts` what the rules make of `line`; allocates nothing when that is nothing.
    pub fn observe(
        &self,
        line: &Line,
        record: &Record<'_>,
        now: (Instant, SystemTime),
        alerts: &mut Vec<Alert>,
    ) {
        let view = View { line, record, context: &self.context, now };
        let candidates = self.candidates.of(&line.bytes);
        let fired = alerts.len();
        self.try_each(candidates.without(self.last), &view, alerts);
        if alerts.len() == fired {
            self.try_each(candidates.and(self.last), &view, alerts);
        }
    }

    /// What is told of a reboot of the machine that we run on, if a rule for such is in force:
    /// a router that boots cannot send the line of it, and here no line came.
    pub fn rebooted(&self, rebooted: &Rebooted, now: (Instant, SystemTime)) -> Option<Alert> {
        let (number, text) = builtin::reboot::of_this_machine(rebooted);
        let is_meant = |rule: &&Rule| rule.builtin().is_some_and(|builtin| builtin.number == number);
        let rule = self.rules.iter().find(is_meant)?;
        let (line, _) = Line::from_datagram(b"", Ipv4Addr::LOCALHOST.into(), now.0);
        let view = View { line: &line, record: &Record::parse(b""), context: &self.context, now };
        Some(self.alert(rule, format!("{}{text}", self.nickname), &view))
    }

    fn try_each(&self, candidates: candidates::Set, view: &View<'_>, alerts: &mut Vec<Alert>) {
        for rule in candidates.iter().filter_map(|index| self.rules.get(index)) {
            if let Some(text) = rule.text(view, &self.nickname) {
                alerts.push(self.alert(rule, text, view));
            }
        }
    }

    fn alert(&self, rule: &Rule, text: String, view: &View<'_>) -> Alert {
        let own = match &rule.what {
            What::Builtin(ready) => ready.suffix.as_ref(),
            What::User { .. } => None,
        };
        let suffix = self.suffix.as_ref().or(own).unwrap_or(&self.usual_suffix);
        Alert {
            id: AlertId::fresh(),
            rule: Arc::clone(&rule.name),
            key: None,
            priority: Priority::default(),
            stage: Stage::default(),
            text,
            suffix: suffix.fill(None, |value| view.value(value, &rule.name)),
            destinations: Arc::clone(&rule.destinations),
            arrived: view.line.arrived,
            unset: view.unset(),
            values: self.keeps_values.then(|| Box::new(view.values(&rule.name))),
        }
    }
}
