//! One rule: what it looks for, and what it makes of a line.
//!
//! Apart from the set, which knows all rules and what they remember; here nothing is remembered.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::builtin::{self, Builtin, Sign};
use super::ere::Groups;
use super::filter::Filter;
use super::mask::Mask;
use super::pattern::Pattern;
use super::policy::{Audience, Policy, Said};
use super::view::View;
use crate::alert::{Alert, AlertId, DestinationId, Priority, Stage};

/// One rule.
pub struct Rule {
    /// `EVENT0`, or `STATIC_EVENT0` for a built-in one.
    pub(super) name: Arc<str>,
    /// What it looks for and sends, in words for `check`.
    pub(super) description: String,
    pub(super) filter: Filter,
    pub(super) what: What,
    /// `_KEY`.
    pub(super) key: Option<Mask>,
    pub(super) policy: Policy,
    pub(super) destinations: Arc<[DestinationId]>,
    /// Those of them that know a trouble from its beginning to its end.
    pub(super) followers: Arc<[DestinationId]>,
    /// The number of the rule that tells what it is busy with in this one's place.
    pub(super) hushed_by: Option<usize>,
}

pub(super) enum What {
    User { pattern: Pattern, mask: Mask, clear: Option<Pattern> },
    Builtin(builtin::Ready),
}

/// What a rule makes of a line, before anything is remembered.
pub(super) struct Signal<'a> {
    pub(super) sign: Sign,
    /// What a threshold counts each of once; 0: each line by itself.
    pub(super) distinct: u64,
    words: Words<'a>,
}

enum Words<'a> {
    /// The operator's mask, with these groups.
    Mask(Option<Groups<'a>>),
    /// A built-in rule's text and key.
    Ready { text: String, key: String },
}

impl Rule {
    /// `EVENT0`, or `STATIC_EVENT0` for a built-in one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if what it tells is never held.
    pub fn is_urgent(&self) -> bool {
        self.policy.priority == Priority::Urgent
    }

    /// The same, to be kept.
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
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

    /// Why no alert may have come of a line that is its business, in words.
    pub fn why_untold(&self, view: &View<'_>) -> String {
        let is_over = self.signal(view).is_some_and(|signal| signal.sign == Sign::Cleared);
        self.policy.why_untold(is_over, self.builtin().map_or("lines", |builtin| builtin.counts))
    }

    /// Those of `followers` that it tells are told each trouble's stages by themselves.
    pub(super) fn tell_stages_to(&mut self, followers: &[DestinationId]) {
        self.followers = self.destinations.iter().copied().filter(|id| followers.contains(id)).collect();
        self.policy.follow_troubles(!self.followers.is_empty());
    }

    /// Whom it tells what is for `audience`.
    pub(super) fn audience(&self, audience: Audience) -> Arc<[DestinationId]> {
        let reads = |id: &DestinationId| !self.followers.contains(id);
        match audience {
            Audience::All => Arc::clone(&self.destinations),
            Audience::Followers => Arc::clone(&self.followers),
            Audience::Readers => self.destinations.iter().copied().filter(reads).collect(),
        }
    }

    /// The alert that it makes of what a line had it say.
    pub(super) fn alert(&self, id: AlertId, key: Option<Arc<str>>, stage: Stage, said: Said) -> Alert {
        let Said { text, note: _, suffix, arrived, unset, values } = said;
        let (rule, destinations) = (Arc::clone(&self.name), Arc::clone(&self.destinations));
        let (priority, attachment) = (self.policy.priority, None);
        Alert {
            id,
            rule,
            key,
            priority,
            stage,
            text,
            suffix,
            attachment,
            destinations,
            arrived,
            unset,
            values,
        }
    }

    /// Texts of which a line must have one, or it is none of the rule's; none where nothing is known.
    pub(super) fn needles(&self) -> Vec<&[u8]> {
        match &self.what {
            What::User { pattern, clear, .. } => {
                let needles: Vec<_> =
                    [Some(pattern), clear.as_ref()].into_iter().flatten().map(Pattern::literal).collect();
                if needles.iter().any(|text| text.is_empty()) { Vec::new() } else { needles }
            }
            What::Builtin(ready) => {
                let own = ready.builtin.needles.iter().map(|text| text.as_bytes());
                let clear = ready.clear.as_ref().map(Pattern::literal);
                match ready.builtin.needles.is_empty() || clear.is_some_and(<[u8]>::is_empty) {
                    true => Vec::new(),
                    false => own.chain(clear).collect(),
                }
            }
        }
    }

    /// True for a rule that tells only what no other one has.
    pub(super) fn is_last(&self) -> bool {
        self.builtin().is_some_and(|builtin| builtin.is_last)
    }

    /// What it makes of a line, if that is any of its business.
    pub(super) fn signal<'v>(&self, view: &'v View<'_>) -> Option<Signal<'v>> {
        if !self.filter.wants(view.record, view.line.from) {
            return None;
        }
        let line = &*view.line.bytes;
        match &self.what {
            What::User { pattern, clear, .. } => {
                // What ends a trouble may look like what begins it, and says more.
                let cleared = clear.as_ref().filter(|clear| clear.is_match(line));
                let (sign, found) = match cleared {
                    Some(clear) => (Sign::Cleared, clear),
                    None => (Sign::Matched, Some(pattern).filter(|pattern| pattern.is_match(line))?),
                };
                if self.filter.excludes(line) {
                    return None;
                }
                Some(Signal { sign, distinct: 0, words: Words::Mask(found.groups_in(line)) })
            }
            What::Builtin(ready) => {
                let told = ready.tell(view).filter(|_| !self.filter.excludes(line))?;
                let words = Words::Ready { text: told.text, key: told.key };
                Some(Signal { sign: told.sign, distinct: number(&told.distinct), words })
            }
        }
    }

    /// What counts as the same: `_KEY`, or the router and what a built-in rule tells apart.
    pub(super) fn key(&self, signal: &Signal<'_>, view: &View<'_>) -> String {
        let value = |value| view.value(value, &self.name, 1);
        match (&self.key, &signal.words) {
            (Some(mask), Words::Mask(groups)) => mask.fill(groups.as_ref(), value),
            (Some(mask), Words::Ready { .. }) => mask.fill(None, value),
            (None, Words::Ready { key, .. }) if !key.is_empty() => format!("{} {key}", view.router()),
            (None, _) => view.router().into_owned(),
        }
    }

    /// The text for a line that stands for `count`.
    pub(super) fn text(&self, signal: &Signal<'_>, view: &View<'_>, count: usize, nickname: &str) -> String {
        match (&self.what, &signal.words) {
            (What::User { mask, .. }, Words::Mask(groups)) if signal.sign == Sign::Matched => {
                mask.fill(groups.as_ref(), |value| view.value(value, &self.name, count))
            }
            (_, Words::Ready { text, .. }) => format!("{nickname}{text}"),
            // The mask is for the groups of another pattern.
            (_, Words::Mask(_)) => over(view),
        }
    }
}

/// What is told of a line that only says that a trouble is over.
pub(super) fn over(view: &View<'_>) -> String {
    format!("{}: over: {}", view.router(), Cow::from(view.message().trim_start()))
}

/// A number for a text, not 0 but for none.
fn number(text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().max(1)
}

/// Has each rule know which others it has to do with, and how many it tells.
pub(super) fn link(rules: &mut [Rule]) {
    let pairs: Vec<_> = rules
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| {
            let number = rule.builtin()?.silences?;
            let hushed =
                rules.iter().position(|other| other.builtin().is_some_and(|b| b.number == number))?;
            // Whoever is told of the one in the other's place must be told of it at all.
            let told = &rules.get(hushed)?.destinations;
            let is_told = told.iter().all(|id| rule.destinations.contains(id));
            is_told.then_some((index, hushed))
        })
        .collect();
    for (index, hushed) in pairs {
        if let Some(rule) = rules.get_mut(hushed) {
            rule.hushed_by = Some(index);
        }
    }
    for rule in rules {
        rule.policy.owe(rule.destinations.len());
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    /// Whether rule 2 tells in the place of rule 1, where they tell these.
    #[track_caller]
    fn check(failures: &str, guessing: &str, expected: bool) {
        let environment = [
            ("STATIC_EVENTS_ENABLED", "1,2"),
            ("STATIC_EVENT1_NOTIFIER", failures),
            ("STATIC_EVENT2_NOTIFIER", guessing),
            ("GENERIC1_WEBHOOK_URL", "http://127.0.0.1:1/a"),
            ("GENERIC2_WEBHOOK_URL", "http://127.0.0.1:1/b"),
        ];
        let (settings, faults) = Settings::read(environment.map(|(name, value)| (name.into(), value.into())));
        let settings = settings.unwrap_or_else(|| panic!("{:?}", faults.faults));
        assert_eq!(settings.rules.rules()[0].hushed_by.is_some(), expected, "{failures} {guessing}");
    }

    #[test]
    fn a_rule_is_hushed_only_where_the_other_is_told_to_all_of_its_people() {
        check("Generic1", "Generic1", true);
        check("Generic1", "Generic2,Generic1", true);
        check("Generic1", "Generic2", false);
        check("Generic1,Generic2", "Generic2", false);
        check("", "", true);
        check("", "Generic1", false);
    }
}
