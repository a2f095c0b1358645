//! One switch: since when nothing was heard, whether anything could have been, and what was told of it.
//!
//! ```text
//!              first span of silence        second span             both only while we can hear, and have
//!   armed ─────────────────────────► warned ───────────► told       for a grace: what was written meanwhile
//!     ▲                                │                  │         is brought by the connection
//!     └────────── a sign of life ──────┴──────────────────┘
//! ```
//!
//! Apart from all of them together, which only hand on. Pure: time is an argument, and two stages are never
//! told in one breath, however long nobody looked.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::saved::Saved;
use super::settings::{Watch, Whom};
use super::{SAVE_WAIT_MIN, Word};
use crate::alert::{Alert, AlertId, DestinationId, Priority, Stage, Unset, is_set, wall_time};
use crate::memory::{Change, Remembered};
use crate::notify::{Contact, Ear};
use crate::span::words;
use crate::stats::Silence;
use crate::timestamp::Zone;
use crate::value::{Value, Values};

/// Being able to hear again must last for a tenth of the first span before silence counts, and for so long at
/// most: by then the connection has brought what was written meanwhile.
const GRACE_MAX: Duration = Duration::from_secs(3600);

/// A connection that comes and goes, and never lasts for a grace, is told of after so many of them.
const GRACES_DEAF: u32 = 3;

/// The moment, and how its reader's clock shows it.
type Now<'z> = ((Instant, SystemTime), &'z Zone);

/// What was told of the silence.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Nothing,
    First(Instant),
    Both(Instant),
}

/// Whether what is said would reach us.
#[derive(Clone, Copy, Debug)]
enum Line {
    Open(Instant),
    Closed(Instant),
}

pub(super) struct Switch {
    pub(super) watch: Watch,
    /// The last sign of life, or when we began to count.
    heard: Instant,
    told: Told,
    /// The only contact that counts, once it is known: its name could be anybody's.
    id: Option<i64>,
    line: Line,
    /// Since when we may have missed something; None once the line has been open for a grace.
    deaf: Option<Instant>,
    is_deaf_told: bool,
    is_unknown_told: bool,
    is_impostor_told: bool,
    /// Something is to be remembered.
    is_changed: bool,
    /// When it was, last.
    saved: Option<Instant>,
    /// What the metrics show.
    pub(super) shown: Arc<Silence>,
}

impl Switch {
    /// Armed, and deaf: of a person nobody has been heard, and of a hook nobody could call.
    pub(super) fn new(watch: Watch, start: Instant) -> Switch {
        let line = match watch.whom {
            Whom::Person(_) => Line::Closed(start),
            Whom::Job(_) => Line::Open(start),
        };
        let shown = Arc::new(Silence::new(Arc::clone(&watch.name), start));
        Switch {
            watch,
            heard: start,
            told: Told::Nothing,
            id: None,
            line,
            deaf: Some(start),
            is_deaf_told: false,
            is_unknown_told: false,
            is_impostor_told: false,
            is_changed: true,
            saved: None,
            shown,
        }
    }

    /// Takes in what an earlier process remembered; false if that is another's, or cannot be read.
    pub(super) fn recall(&mut self, remembered: &Remembered, now: Instant) -> bool {
        if remembered.name != self.watch.state_name() {
            return false;
        }
        let Some(Saved { silent, stage, warned, id }) = Saved::read(&remembered.value) else { return false };
        // Where nobody knows how long ago that was, nothing of it counts: less than was is never too much.
        let written = remembered.written.unwrap_or(now);
        let ago = |span: Duration| written.checked_sub(span).unwrap_or(written);
        self.heard = ago(silent);
        self.told = match stage {
            0 => Told::Nothing,
            1 => Told::First(ago(warned)),
            _ => Told::Both(ago(warned)),
        };
        self.id = id;
        self.is_changed = false;
        self.show();
        true
    }

    pub(super) fn note_change(&mut self) {
        self.is_changed = true;
    }

    /// What is to be remembered, if that has changed.
    pub(super) fn take_change(&mut self, at: Instant) -> Option<Change> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        self.saved = Some(at);
        let (stage, warned) = match self.told {
            Told::Nothing => (0, at),
            Told::First(warned) => (1, warned),
            Told::Both(warned) => (2, warned),
        };
        let ago = |time: Instant| at.saturating_duration_since(time);
        let saved = Saved { silent: ago(self.heard), stage, warned: ago(warned), id: self.id };
        Some(Change { name: self.watch.state_name(), value: Some(saved.write()), at })
    }

    pub(super) fn wants_saving(&self, now: Instant) -> bool {
        let wait = SAVE_WAIT_MIN.max(self.watch.warn.after / 100);
        self.is_changed && self.saved.is_none_or(|saved| now.saturating_duration_since(saved) >= wait)
    }

    pub(super) fn heard_hook(&mut self, name: &str, (now, zone): Now<'_>, to: &mut Vec<Word>) {
        if matches!(&self.watch.whom, Whom::Job(hook) if **hook == *name) {
            self.sign(now.0, (now, zone), to);
        }
    }

    pub(super) fn take(&mut self, ear: &Ear, (now, zone): Now<'_>, to: &mut Vec<Word>) {
        let Whom::Person(name) = &self.watch.whom else { return };
        match ear {
            Ear::Open => {
                if let Line::Closed(_) = self.line {
                    self.line = Line::Open(now.0);
                }
            }
            Ear::Closed => {
                if let Line::Open(_) = self.line {
                    self.line = Line::Closed(now.0);
                    self.deaf.get_or_insert(now.0);
                }
            }
            Ear::Known(contact) if contact.name == *name => self.knows(contact, now.0, to),
            // By its number alone: the name may be a group's member's.
            Ear::Heard(contact, at) if self.id == Some(contact.id) => self.sign(*at, (now, zone), to),
            Ear::Unknown(unknown) if **unknown == **name && !self.is_unknown_told => {
                (self.is_unknown_told, self.is_deaf_told) = (true, true);
                let but = match self.id {
                    Some(id) => format!("; what contact {id} says, which had the name, counts still"),
                    None => ", so its silence is not told".to_owned(),
                };
                to.push(self.trouble(&format!("SimpleX knows no contact @{name}{but}")));
            }
            Ear::Known(_) | Ear::Heard(..) | Ear::Unknown(_) => {}
        }
    }

    /// The name that we watch is this contact's. Whose it is first is whom we watch, from then on.
    fn knows(&mut self, contact: &Contact, now: Instant, to: &mut Vec<Word>) {
        match self.id {
            Some(id) if id == contact.id => {}
            None => {
                self.id = Some(contact.id);
                self.is_changed = true;
                if let Line::Open(since) = &mut self.line {
                    *since = now;
                }
            }
            Some(_) if self.is_impostor_told => {}
            Some(_) => {
                self.is_impostor_told = true;
                to.push(self.trouble(&format!(
                    "@{} is another contact of SimpleX than it was, and what that says is no sign of life \
                     (if it is the same person, give the watch another number)",
                    contact.name
                )));
            }
        }
    }

    /// Somebody lives, or did `at` that time.
    fn sign(&mut self, at: Instant, (now, zone): Now<'_>, to: &mut Vec<Word>) {
        let at = at.min(now.0);
        if at <= self.heard {
            return;
        }
        let silent = at.saturating_duration_since(self.heard);
        self.heard = at;
        self.is_changed = true;
        // What comes late may be a sign of life from before: then it is as silent as was told.
        if self.told != Told::Nothing && now.0.saturating_duration_since(at) < self.watch.warn.after {
            let whom = self.watch.whom.shown();
            let text = format!("heard from {whom} again after {}", words(silent));
            let Watch { warn, all, followers, .. } = &self.watch;
            let over = |stage, destinations| {
                Word::Alert(Box::new(self.alert(stage, text.clone(), destinations, (now, zone))))
            };
            match self.told {
                Told::Both(_) => {
                    to.push(over(1, all));
                    // To everybody else it would be the same twice.
                    if !followers.is_empty() {
                        to.push(over(2, followers));
                    }
                }
                _ => to.push(over(1, &warn.destinations)),
            }
            self.told = Told::Nothing;
        }
        self.show();
    }

    /// What time brings.
    pub(super) fn tick(&mut self, (now, zone): Now<'_>, to: &mut Vec<Word>) {
        if self.is_deaf(now.0, to) {
            return;
        }
        let since = |time: Instant| now.0.saturating_duration_since(time);
        let Watch { warn, tell, file, .. } = &self.watch;
        let (notice, is_last) = match (self.told, tell) {
            (Told::Nothing, _) if since(self.heard) >= warn.after => (warn, false),
            // The first is to be read, and to be answered, before the second comes.
            (Told::First(warned), Some(tell))
                if since(self.heard) >= tell.after
                    && since(warned) >= tell.after.saturating_sub(warn.after) / 10 =>
            {
                (tell, true)
            }
            _ => return,
        };
        let stage = 1 + u8::from(is_last);
        let mut alert = self.alert(stage, notice.text.clone(), &notice.destinations, (now, zone));
        alert.stage = Stage::Begun;
        (alert.priority, alert.attachment) = match is_last {
            false => (Priority::High, None),
            true => (Priority::Urgent, file.clone()),
        };
        alert.suffix = match is_set(now.1) {
            true => format!("\nSilent since {}", zone.format(wall_time(self.heard, now))),
            false => format!("\nSilent for {}", words(since(self.heard))),
        };
        to.push(Word::Alert(Box::new(alert)));
        self.told = match self.told {
            Told::First(warned) => Told::Both(warned),
            _ => Told::First(now.0),
        };
        self.is_changed = true;
        self.show();
    }

    /// True if something may have been said that has not reached us; says so once, if that lasts.
    fn is_deaf(&mut self, now: Instant, to: &mut Vec<Word>) -> bool {
        let since = |time: Instant| now.saturating_duration_since(time);
        let grace = (self.watch.warn.after / 10).min(GRACE_MAX);
        let is_known = self.id.is_some() || matches!(self.watch.whom, Whom::Job(_));
        if let Line::Open(opened) = self.line
            && is_known
            && since(opened) >= grace
        {
            (self.deaf, self.is_deaf_told) = (None, false);
        }
        let Some(deaf) = self.deaf else { return false };
        let is_closed = matches!(self.line, Line::Closed(closed) if since(closed) >= grace);
        // A hook is never closed, and open for a grace before that.
        if (is_closed || since(deaf) >= grace * GRACES_DEAF) && !self.is_deaf_told {
            self.is_deaf_told = true;
            let (whom, span) = (self.watch.whom.shown(), words(since(deaf)));
            to.push(self.trouble(&format!(
                "{whom} cannot be heard: for {span} no connection to SimpleX has lasted. Until one does, silence is not told"
            )));
        }
        true
    }

    fn show(&self) {
        let stage = match self.told {
            Told::Nothing => 0,
            Told::First(_) => 1,
            Told::Both(_) => 2,
        };
        self.shown.note(self.heard, stage);
    }

    fn trouble(&self, text: &str) -> Word {
        Word::Trouble(format!("{}: {text}", self.watch.name))
    }

    /// That a stage, the first or the second, is over; it is a trouble of its own for who follows such, or the
    /// second would be nothing new.
    fn alert(&self, stage: u8, text: String, to: &Arc<[DestinationId]>, (now, zone): Now<'_>) -> Alert {
        let mut key = self.watch.whom.shown();
        let values = Values::of_no_line(&self.watch.name, zone.format(now.1))
            .with(Value::Router, &key)
            .with(Value::Message, &text);
        if stage > 1 {
            key.push_str(", second stage");
        }
        Alert {
            id: AlertId::fresh(),
            rule: Arc::clone(&self.watch.name),
            key: Some(key.into()),
            priority: Priority::Normal,
            stage: Stage::Over,
            text,
            suffix: String::new(),
            attachment: None,
            destinations: Arc::clone(to),
            arrived: now.0,
            unset: Unset::note(now.1, zone),
            values: Some(Box::new(values)),
        }
    }
}
