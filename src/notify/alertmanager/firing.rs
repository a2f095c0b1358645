//! What Alertmanager has been told, and must hear again: it forgets when it restarts, and what nobody
//! repeats it takes for over.
//!
//! ```text
//!   Once   told ████████████ 10 min ┤ silence: it has ended by itself
//!   Begun  told ███████████████████████████████ …  each time for another 12 h
//!   Over        ………………………………███ if told for less than 10 min ┤ resolved, said for 15 min
//! ```
//!
//! Pure. Time goes by in rounds, one each time that all is said again: so neither a clock that is
//! set nor hours without a connection end what nobody has heard of yet.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::alert::{Priority, Stage, is_set};
use crate::notify::Notification;
use crate::timestamp::Zone;
use crate::value;

/// How often all is said again: so late a member hears what it missed, and one that restarted what lasts.
pub(super) const EVERY: Duration = Duration::from_secs(30);

/// For ten minutes what was told is firing, however long it lasted. Alertmanager looks at a group at
/// its group_interval, five minutes by default, and never tells what began and ended in between.
const FIRING_ROUNDS: u32 = 20;

/// For a quarter of an hour a trouble is said to be over, as Prometheus does it, so that a member that
/// was not there hears of the end.
const RESOLVED_ROUNDS: u32 = 30;

/// So long a trouble lasts that nobody repeats: all listeners were restarted, and have forgotten it. A
/// night, because what says falsely that it is over is worse than what is to be looked at in the morning.
const LASTING: Duration = Duration::from_secs(12 * 3600);

/// What is said again may take this in memory, as a queue may: some 400 alerts of usual length.
pub(super) const KEPT_BYTES_MAX: usize = 256 * 1024;

/// One alert, as Alertmanager knows it.
#[derive(Clone, Debug)]
pub(super) struct Firing {
    /// By which another alert is known to be of the same trouble: less than the labels, as the
    /// priority of an end may be another.
    same: [String; 3],
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    starts: SystemTime,
    /// Rounds since it was told first.
    age: u32,
    /// None while it lasts.
    end: Option<End>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    /// When it was over.
    at: SystemTime,
    /// The round from which on it is said to be.
    resolved: u32,
    /// The round from which on nothing is said.
    silent: u32,
}

impl Firing {
    /// What `notification` says, of something that is not known yet.
    ///
    /// The labels come from the line and the rules alone, or two listeners that hear the same router
    /// would make two alerts of it. So times and counts are no labels, nor is the sender's address,
    /// which may be another on another way. Nor are topics: a trouble's end may have others.
    pub(super) fn new(notification: &Notification<'_>, listener: &str) -> Firing {
        let Notification { rule, key, priority, text, happened, .. } = *notification;
        let router = notification.value(value::Value::Router);
        // Without a key each text is something of its own: as one alert, only the last would be read.
        // Not the router's message, which may say what the rule leaves out.
        let told = match key {
            Some(_) => String::new(),
            None => without(text, notification.value(value::Value::Time)),
        };
        // What tells of no line is about this listener.
        let listener = if key.is_none() && router.is_empty() { listener } else { "" };
        let key = key.unwrap_or_default();
        // Where there is a key, the router is what its first line said: an end may have no line.
        let of = if key.is_empty() { router } else { "" };
        let name = Priority::NAMES.iter().find(|(_, known)| *known == priority).map_or("", |(name, _)| name);
        let labels = [
            ("alertname", rule),
            ("router", router),
            ("key", key),
            ("text", &told),
            ("listener", listener),
            ("severity", severity(priority)),
            ("priority", name),
        ];
        let annotations = [
            ("summary", text),
            ("topics", notification.value(value::Value::Topics)),
            ("from", notification.value(value::Value::From)),
        ];
        let mut annotations = texts(&annotations);
        annotations.insert("description".to_owned(), notification.whole().into());
        let firing = Firing {
            same: [rule, of, if key.is_empty() { &told } else { key }].map(str::to_owned),
            labels: texts(&labels),
            annotations,
            starts: happened,
            age: 0,
            end: None,
        };
        match notification.stage {
            Stage::Begun => firing,
            Stage::Once => {
                let (resolved, silent) = (FIRING_ROUNDS, FIRING_ROUNDS);
                Firing { end: Some(End { at: happened, resolved, silent }), ..firing }
            }
            Stage::Over => firing.ended(happened),
        }
    }

    fn ended(self, at: SystemTime) -> Firing {
        let resolved = self.age.max(FIRING_ROUNDS);
        Firing { end: Some(End { at, resolved, silent: resolved + RESOLVED_ROUNDS }), ..self }
    }

    /// The same trouble as it was `before`, with what is new.
    fn after(self, before: &Firing, stage: Stage) -> Firing {
        if !before.is_firing() {
            return self;
        }
        let known = Firing {
            annotations: self.annotations.clone(),
            starts: before.starts.min(self.starts),
            ..before.clone()
        };
        match (stage, before.end) {
            (Stage::Over, _) => known.ended(self.starts),
            // Word of what lasts, or is ending, changes nothing but the words.
            (Stage::Begun, None) | (Stage::Once, None) => known,
            (Stage::Once, Some(end)) if end.silent > end.resolved => known,
            (Stage::Begun | Stage::Once, Some(_)) => {
                Firing { labels: known.labels, starts: known.starts, ..self }
            }
        }
    }

    fn is_firing(&self) -> bool {
        self.end.is_none_or(|end| self.age < end.resolved)
    }

    /// As the API wants it, said at `now`.
    pub(super) fn json(&self, now: SystemTime) -> Value {
        let mut alert = json!({ "labels": self.labels, "annotations": self.annotations });
        let ends = match self.end {
            None => now + LASTING,
            Some(end) if self.is_firing() => now + EVERY * (end.resolved - self.age),
            // One that was not known then ends when that is told, but it does end.
            Some(end) if is_set(now) && !is_set(end.at) => now,
            Some(end) => end.at.max(self.starts),
        };
        let starts = if is_set(self.starts) { self.starts.min(ends) } else { now.min(ends) };
        // A clock that is not set would have it end in 1970. Without times it begins when
        // Alertmanager hears of it, and ends five minutes later unless it is said again.
        if (is_set(now) || !self.is_firing())
            && let Some(alert) = alert.as_object_mut()
        {
            alert.insert("startsAt".to_owned(), rfc3339(starts).into());
            alert.insert("endsAt".to_owned(), rfc3339(ends).into());
        }
        alert
    }

    fn bytes(&self) -> usize {
        let texts = self.labels.iter().chain(&self.annotations);
        let text = |value: &Value| value.as_str().map_or(0, str::len);
        // A text has some 100 bytes around it, and an alert what it is known by.
        texts.map(|(name, value)| name.len() + text(value) + 100).sum::<usize>()
            + self.same.iter().map(String::len).sum::<usize>()
            + size_of::<Firing>()
    }
}

/// All that is said again.
#[derive(Default)]
pub(super) struct Kept(Vec<Firing>);

impl Kept {
    /// What is to be told of `notification`, after all that was told before.
    pub(super) fn firing(&self, notification: &Notification<'_>, listener: &str) -> Firing {
        let firing = Firing::new(notification, listener);
        match self.0.iter().find(|known| known.same == firing.same) {
            Some(before) => firing.after(before, notification.stage),
            None => firing,
        }
    }

    /// Keeps what was told; how many others had to go for it, what lasts going last.
    pub(super) fn keep(&mut self, firing: Firing) -> usize {
        self.0.retain(|known| known.same != firing.same);
        self.0.push(firing);
        let mut bytes: usize = self.0.iter().map(Firing::bytes).sum();
        let before = self.0.len();
        while bytes > KEPT_BYTES_MAX && !self.0.is_empty() {
            let oldest = self.0.iter().position(|known| known.end.is_some()).unwrap_or_default();
            bytes -= self.0.remove(oldest).bytes();
        }
        before - self.0.len()
    }

    /// Has a trouble end that is over though the word of it does not come: somebody else has it, or
    /// nobody. What is not known stays so: it has been told by another, if at all.
    pub(super) fn give_up(&mut self, notification: &Notification<'_>) {
        if notification.stage != Stage::Over {
            return;
        }
        // The same trouble has the same name, whoever listens.
        let over = Firing::new(notification, "");
        if let Some(known) = self.0.iter_mut().find(|known| known.same == over.same && known.is_firing()) {
            *known = over.after(known, Stage::Over);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets a round go by; what nothing is said of any more goes.
    pub(super) fn grow_older(&mut self) {
        self.0.iter_mut().for_each(|firing| firing.age = firing.age.saturating_add(1));
        self.0.retain(|firing| firing.end.is_none_or(|end| firing.age < end.silent));
    }

    /// All of it, as the API wants it, said at `now`.
    pub(super) fn json(&self, now: SystemTime) -> Value {
        self.0.iter().map(|firing| firing.json(now)).collect()
    }
}

/// What routes usually ask for; who wants to tell urgent from high has the label `priority`.
fn severity(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "info",
        Priority::Normal => "warning",
        Priority::High | Priority::Urgent => "critical",
    }
}

/// `text` as it was before the time was put into it: each listener has its own.
fn without(text: &str, time: &str) -> String {
    if time.is_empty() { text.to_owned() } else { text.replace(time, "") }
}

/// Without those that are empty, which mean nothing to Alertmanager.
fn texts(pairs: &[(&str, &str)]) -> Map<String, Value> {
    // One by one: collected, they would be sorted first, by 10 kB of code.
    let mut texts = Map::new();
    for (name, text) in pairs.iter().filter(|(_, text)| !text.is_empty()) {
        texts.insert((*name).to_owned(), (*text).into());
    }
    texts
}

fn rfc3339(time: SystemTime) -> String {
    format!("{}Z", Zone::utc().format(time).replace(' ', "T"))
}

#[cfg(test)]
mod tests;
