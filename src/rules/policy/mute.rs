//! Hours in which nobody wants to be told (`_MUTE=22:00-07:00`), a while in which somebody does not, and
//! what is held meanwhile.

use std::sync::Arc;
use std::time::Instant;

use super::said::Said;
use super::{Audience, Draft};
use crate::alert::Stage;
use crate::span;

/// So many different texts of what was muted are told, the rest is counted.
const TEXTS_MAX: usize = 20;

/// Of so many troubles the stage is held for those who follow it: some 50 KiB a rule, at worst 170. Those of
/// further ones they are told at once, as they hold back by themselves: an end that is lost would be a trouble
/// for ever.
const STAGES_MAX: usize = 64;

/// From one minute of the local day to another, maybe over midnight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// `22:00-07:00`.
    pub(super) fn read(text: &str) -> Option<Hours> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute(from)?, minute(to)?);
        (from != to).then_some(Hours { from, to })
    }

    /// True in `minute` of the local day; never while nobody knows it.
    pub(super) fn contain(self, minute: Option<u16>) -> bool {
        let Some(minute) = minute else { return false };
        match self.from < self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

/// Whether anybody wants to be told, besides the hours, and what was held meanwhile: for all, and for those
/// who follow a trouble to its end.
#[derive(Debug, Default)]
pub(super) struct Mute {
    /// Until when somebody wants to hear nothing of the rule.
    pub(super) until: Option<Instant>,
    pub(super) held: Option<Muted>,
    /// What of it is no stage of a trouble; only if somebody follows those.
    pub(super) moments: Option<Muted>,
    /// The last stage of each trouble, for who follows it.
    pub(super) stages: Vec<Draft>,
}

impl Mute {
    /// Holds what `draft` says; gives back what there is no room for and must not be lost, and says whether
    /// this is to be written now.
    pub(super) fn hold(&mut self, draft: Draft, is_followed: bool, now: Instant) -> (Option<Draft>, bool) {
        let draft = Draft { said: draft.said.kept(), ..draft };
        let is_news = Muted::add(&mut self.held, draft.said.clone(), now);
        if !is_followed {
            return (None, is_news);
        }
        if draft.stage == Stage::Once {
            Muted::add(&mut self.moments, draft.said, now);
            return (None, is_news);
        }
        let is_full = self.stages.len() >= STAGES_MAX;
        match self.stages.iter_mut().find(|held| held.key == draft.key) {
            // How it stands in the end is all there is to know of it.
            Some(held) => *held = draft,
            None if is_full => return (Some(draft), true),
            None => self.stages.push(draft),
        }
        (None, true)
    }

    /// True if there is nothing to tell and nothing is to be held.
    pub(super) fn is_blank(&self, now: Instant) -> bool {
        let Mute { until, held, moments, stages } = self;
        until.is_none_or(|until| until <= now) && held.is_none() && moments.is_none() && stages.is_empty()
    }

    /// Nobody will hear of `key`'s end any more: so what is held of it is one.
    pub(super) fn forget(&mut self, key: &str) {
        if let Some(held) = self.stages.iter_mut().find(|held| &*held.key == key) {
            held.stage = Stage::Over;
        }
    }

    /// All of it. Nobody is told anything twice: who is told each trouble's stage has the rest in one
    /// message, and all others have everything in one.
    pub(super) fn release(&mut self, now: Instant) -> Vec<Draft> {
        let Mute { held, moments, stages, .. } = std::mem::take(self);
        let summary =
            |audience, muted: Muted| Draft::new(&Arc::from(""), audience, Stage::Once, muted.summary(now));
        if stages.is_empty() {
            return held.map(|held| summary(Audience::All, held)).into_iter().collect();
        }
        let held = held.map(|held| summary(Audience::Readers, held));
        let moments = moments.map(|moments| summary(Audience::Followers, moments));
        let stages = stages
            .into_iter()
            .map(|draft| Draft { said: draft.said.reworded(draft.said.text.clone(), now), ..draft });
        held.into_iter().chain(moments).chain(stages).collect()
    }
}

/// What was held while nobody wanted to be told.
#[derive(Debug)]
pub(super) struct Muted {
    pub(super) count: usize,
    pub(super) since: Instant,
    pub(super) texts: Vec<Text>,
    pub(super) last: Said,
}

/// One text, however often it was held.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    /// Of the first time.
    pub(super) suffix: String,
    pub(super) count: usize,
}

impl Muted {
    /// Holds one more. A flood of one text leaves room for the others; true if there is so much news
    /// in it that it is worth a write to the disk by itself.
    pub(super) fn add(muted: &mut Option<Muted>, said: Said, now: Instant) -> bool {
        let said = said.kept();
        let muted = muted.get_or_insert_with(|| Muted {
            count: 0,
            since: now,
            texts: Vec::new(),
            last: said.clone(),
        });
        muted.count += 1;
        let has_room = muted.texts.len() < TEXTS_MAX;
        let known = muted.texts.iter_mut().find(|known| known.text == said.text);
        let is_new = known.is_none() && has_room;
        match known {
            Some(known) => known.count += 1,
            None if is_new => {
                let (text, suffix) = (said.text.clone(), said.suffix.clone());
                muted.texts.push(Text { text, suffix, count: 1 });
            }
            None => {}
        }
        muted.last = said;
        // Else a night of attacks would be a write for each line of it.
        is_new || muted.count.is_power_of_two()
    }

    /// All of it in one message.
    pub(super) fn summary(self, now: Instant) -> Said {
        let held_for = span::words(now.saturating_duration_since(self.since));
        if self.count == 1 {
            return self.last.reworded(format!("held for {held_for}: {}", self.last.text), now);
        }
        let mut text = format!("{} alerts held for {held_for}:", self.count);
        let mut rest = self.count;
        for Text { text: one, suffix, count } in self.texts {
            let more = if count > 1 { format!(" … and {} more", count - 1) } else { String::new() };
            text.push_str(&format!("\n{one}{suffix}{more}"));
            rest = rest.saturating_sub(count);
        }
        if rest > 0 {
            text.push_str(&format!("\n… and {rest} others"));
        }
        // Each text has its own time.
        Said { suffix: String::new(), ..self.last.reworded(text, now) }
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str, max: u16| {
        let is_two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_two.then(|| text.parse::<u16>().ok())?.filter(|n| *n <= max)
    };
    // 24:00 ends a day as 00:00 begins it.
    match number(hour, 24)? * 60 + number(minute, 59)? {
        1440 => Some(0),
        minute => Some(minute).filter(|minute| *minute < 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_go_over_midnight() {
        let check = |text, minute, expected| {
            assert_eq!(Hours::read(text).unwrap().contain(Some(minute)), expected, "{text} {minute}");
        };
        check("22:00-07:00", 22 * 60, true);
        check("22:00-07:00", 6 * 60 + 59, true);
        check("22:00-07:00", 7 * 60, false);
        check("12:00-13:30", 13 * 60 + 29, true);
        check("12:00-13:30", 11 * 60, false);
        check("22:00-24:00", 0, false);
        check("22:00-24:00", 1439, true);
        assert!(!Hours::read("00:00-23:59").unwrap().contain(None));
    }

    #[test]
    fn what_are_no_hours_is_refused() {
        for text in
            ["", "22:00", "22-07", "7:00-8:00", "25:00-07:00", "22:60-07:00", "24:01-07:00", "07:00-07:00"]
        {
            assert_eq!(Hours::read(text), None, "{text}");
        }
    }
}
