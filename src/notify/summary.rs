//! Alerts beyond the hourly cap, merged into one.
//!
//! ```text
//!   440 alerts in one message, beyond 60 an hour, 2026-11-21 08:29:15 to 2026-11-21 14:20:00
//!   STATIC_EVENT1: 300, 2026-11-21 08:29:15 to 2026-11-21 14:20:00
//!   first: login failure for user "guest" …
//!   last: login failure for user "root" …
//!   EVENT0: 140, …
//! ```
//!
//! Pure, with the time as an argument. The alerts themselves are not kept, because
//! there may be 20,000: of each rule the count and two texts are, and what the rules know
//! those by of whose end they want to hear. What is most important comes first, because a
//! service with less room cuts the end.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::queue::{Held, Receipt};
use crate::alert::{Alert, AlertId, Keyed, Priority, Stage, wall_time};
use crate::timestamp::Zone;
use crate::value::Values;

/// From the first alert that is merged to the summary: so there are at most twelve an hour.
pub(super) const SUMMARY_AFTER: Duration = Duration::from_secs(5 * 60);

/// The rule's name of a summary.
pub(super) const SUMMARY: &str = "summary";

/// Rules that a summary tells apart: the program's own and as many again. What is
/// left of a log that many versions have written is counted together.
const RULES_MAX: usize = 64;

/// What is shown of one text.
const TEXT_CHARS_MAX: usize = 200;

/// What is kept of alerts whose rules want to hear of their end. When they take so much, some
/// 3,000 of them, the summary is told at once: nothing waits for it to be due.
const KEYED_BYTES_MAX: usize = 128 * 1024;

/// Alerts that are being merged.
pub(super) struct Summary {
    /// When it is to be told.
    pub(super) due: Instant,
    /// What is to be settled when it was, and what was told meanwhile.
    pub(super) receipt: Receipt,
    /// If it is the only one, it is told as it is.
    first: Arc<Alert>,
    count: usize,
    newest: Instant,
    rules: Vec<Rule>,
    keyed: Vec<Keyed>,
    keyed_bytes: usize,
}

/// What is kept of one rule's alerts.
struct Rule {
    name: Arc<str>,
    priority: Priority,
    count: usize,
    first: (Instant, String),
    last: (Instant, String),
}

impl Summary {
    /// One that begins at `now` with `held`.
    pub(super) fn begin(held: Held, now: (Instant, SystemTime)) -> Summary {
        let mut summary = Summary {
            due: now.0 + SUMMARY_AFTER,
            receipt: Receipt::default(),
            first: Arc::clone(&held.alert),
            count: 0,
            newest: held.alert.arrived,
            rules: Vec::new(),
            keyed: Vec::new(),
            keyed_bytes: 0,
        };
        summary.add(held, now);
        summary
    }

    /// Takes in one more.
    pub(super) fn add(&mut self, held: Held, now: (Instant, SystemTime)) {
        let Held { alert, receipt, .. } = held;
        self.receipt.add(receipt);
        self.count += 1;
        self.newest = self.newest.max(alert.arrived);
        let told = (alert.arrived, shown(&alert, now));
        let is_new = !self.rules.iter().any(|rule| rule.name == alert.rule);
        let name = match is_new && self.rules.len() >= RULES_MAX {
            true => "others",
            false => &alert.rule,
        };
        match self.rules.iter_mut().find(|rule| &*rule.name == name) {
            Some(rule) => {
                rule.count += 1;
                rule.priority = rule.priority.max(alert.priority);
                rule.last = told;
            }
            None => self.rules.push(Rule {
                name: name.into(),
                priority: alert.priority,
                count: 1,
                first: told.clone(),
                last: told,
            }),
        }
        if let Some(keyed) = alert.keyed() {
            self.keyed_bytes += size_of::<Keyed>() + keyed.key.len();
            self.keyed.push(keyed);
        }
        if self.keyed_bytes >= KEYED_BYTES_MAX {
            self.due = now.0;
        }
    }

    /// All of it as one alert, to be told because there were more than `max` an hour.
    pub(super) fn close(mut self, max: usize, zone: &Zone, now: (Instant, SystemTime)) -> Held {
        if self.count == 1 {
            return Held { alert: self.first, receipt: self.receipt, count: 1, keyed: Vec::new() };
        }
        let time = |at| zone.format(wall_time(at, now));
        let span = |first, last| format!("{} to {}", time(first), time(last));
        let oldest = self.rules.iter().map(|rule| rule.first.0).min().unwrap_or(self.newest);
        let priority = self.rules.iter().map(|rule| rule.priority).max().unwrap_or_default();
        let span_of_all = span(oldest, self.newest);
        let mut text = format!("{} alerts in one message, beyond {max} an hour, {span_of_all}", self.count);
        // One after the other is quick for so few, and a sort would be 6 kB of code.
        while let Some(most) = most_important(&mut self.rules) {
            let Rule { name, count, first, last, .. } = most;
            text.push_str(&format!("\n{name}: {count}, {}\nfirst: {}", span(first.0, last.0), first.1));
            if count > 1 {
                text.push_str(&format!("\nlast: {}", last.1));
            }
        }
        let alert = Alert {
            id: AlertId::fresh(),
            rule: SUMMARY.into(),
            key: None,
            priority,
            stage: Stage::default(),
            text,
            suffix: String::new(),
            // What has a file is urgent, and never merged.
            attachment: None,
            destinations: Arc::new([]),
            // It grows too old when the last of them does.
            arrived: self.newest,
            unset: None,
            values: Some(Box::new(Values::of_no_line(SUMMARY, time(self.newest)))),
        };
        Held { alert: Arc::new(alert), receipt: self.receipt, count: self.count, keyed: self.keyed }
    }
}

/// Takes out the rule that is to be told next: the first of the most frequent of the most important.
fn most_important(rules: &mut Vec<Rule>) -> Option<Rule> {
    let rank = |rule: &Rule| (rule.priority, rule.count);
    let most = rules.iter().map(rank).max()?;
    let index = rules.iter().position(|rule| rank(rule) == most)?;
    Some(rules.remove(index))
}

/// An alert's text, cut, and in one line: none of it is to look like a line of ours.
fn shown(alert: &Alert, now: (Instant, SystemTime)) -> String {
    let (text, suffix) = alert.words(now);
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(TEXT_CHARS_MAX).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown.extend(suffix.chars().take(TEXT_CHARS_MAX));
    shown.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_795_249_755;

    /// One alert each second: rule, priority, text. What they become, told a minute after the first.
    #[track_caller]
    fn check(alerts: &[(&str, Priority, &str)], expected: &[&str]) -> Held {
        let start = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(NOON));
        let mut summary: Option<Summary> = None;
        for (second, (rule, priority, text)) in (0..).zip(alerts) {
            let after = Duration::from_secs(second);
            let now = (start.0 + after, start.1 + after);
            let mut alert = Alert::own((*text).to_owned(), &Zone::utc(), Arc::new([]), now);
            (alert.rule, alert.priority, alert.suffix) = ((*rule).into(), *priority, "!".to_owned());
            alert.key = text.starts_with("key").then(|| "key".into());
            let held = Held::in_memory(Arc::new(alert));
            match &mut summary {
                Some(summary) => summary.add(held, now),
                None => summary = Some(Summary::begin(held, now)),
            }
        }
        let minute = Duration::from_secs(60);
        let summary = summary.unwrap();
        assert_eq!(summary.due, start.0 + SUMMARY_AFTER);
        let held = summary.close(60, &Zone::utc(), (start.0 + minute, start.1 + minute));
        let (text, suffix) = (&held.alert.text, &held.alert.suffix);
        assert_eq!(format!("{text}{suffix}").lines().collect::<Vec<_>>(), expected);
        held
    }

    #[test]
    fn each_rule_has_its_count_its_span_and_its_first_and_last_text() {
        let normal = Priority::Normal;
        let held = check(
            &[
                ("EVENT0", normal, "a"),
                ("EVENT1", normal, "b"),
                ("EVENT1", normal, "key"),
                ("EVENT1", normal, "c"),
                ("EVENT2", Priority::High, "d\nEVENT9: 1"),
            ],
            &[
                "5 alerts in one message, beyond 60 an hour, 2026-11-21 08:29:15 to 2026-11-21 08:29:19",
                "EVENT2: 1, 2026-11-21 08:29:19 to 2026-11-21 08:29:19",
                "first: d EVENT9: 1!",
                "EVENT1: 3, 2026-11-21 08:29:16 to 2026-11-21 08:29:18",
                "first: b!",
                "last: c!",
                "EVENT0: 1, 2026-11-21 08:29:15 to 2026-11-21 08:29:15",
                "first: a!",
            ],
        );
        assert_eq!((held.count, held.keyed.len(), held.alert.priority), (5, 1, Priority::High));
    }

    #[test]
    fn one_alert_alone_is_told_as_it_is() {
        assert_eq!(&*check(&[("EVENT0", Priority::Normal, "a")], &["a!"]).alert.rule, "EVENT0");
    }

    #[test]
    fn neither_many_alerts_nor_many_rules_nor_long_texts_make_it_large() {
        let long = "x".repeat(4_000);
        let now = (Instant::now(), SystemTime::now());
        let held = |rule: usize| {
            let mut alert = Alert::own(long.clone(), &Zone::utc(), Arc::new([]), now);
            alert.rule = format!("EVENT{rule}").into();
            Held::in_memory(Arc::new(alert))
        };
        let mut summary = Summary::begin(held(0), now);
        (1..5_000).for_each(|number| summary.add(held(number % 255), now));
        let text = summary.close(60, &Zone::utc(), now).alert.text.clone();
        assert!(text.len() < (RULES_MAX + 1) * 600, "{}", text.len());
        assert!(text.contains("\nothers: "));
    }

    #[test]
    fn what_rules_want_to_hear_of_is_bounded_by_telling_it_sooner() {
        let now = (Instant::now(), SystemTime::now());
        let held = || {
            let mut alert = Alert::own("x".repeat(1_000), &Zone::utc(), Arc::new([]), now);
            alert.key = Some("key".into());
            Held::in_memory(Arc::new(alert))
        };
        let mut summary = Summary::begin(held(), now);
        let is_early = |summary: &Summary| summary.due == now.0;
        let added = std::iter::from_fn(|| (!is_early(&summary)).then(|| summary.add(held(), now))).count();
        assert!((2_000..4_000).contains(&added), "{added}");
    }
}
