//! The dead man's switch at work: what it hears, what it says, and when that is written down.
//!
//! Apart from the loop, because it is off for nearly everybody. A stage travels to the disk with its alert;
//! only a sign of life, which no alert follows, asks for a write of its own.

use std::time::{Instant, SystemTime};

use super::Worker;
use crate::notify::Ear;
use crate::watch::Word;

impl Worker {
    /// Once a second.
    pub(super) fn watch(&mut self, now: (Instant, SystemTime)) {
        let words = self.watches.tick(now, &self.zone);
        self.say(words, now);
    }

    /// A hook was called, by its place.
    pub(super) fn hear_hook(&mut self, hook: usize, now: (Instant, SystemTime)) {
        let Some(hook) = self.hooks.get(hook) else { return };
        let words = self.watches.heard_hook(&hook.name, now, &self.zone);
        self.say(words, now);
    }

    /// Somebody wrote, or could not be heard.
    pub(super) fn hear(&mut self, ear: &Ear, now: (Instant, SystemTime)) {
        let words = self.watches.take(ear, now, &self.zone);
        self.say(words, now);
    }

    fn say(&mut self, words: Vec<Word>, now: (Instant, SystemTime)) {
        let is_kept = self.dispatch.keeps_memory();
        let last = words.iter().rposition(|word| matches!(word, Word::Alert(_)));
        for (index, word) in words.into_iter().enumerate() {
            match word {
                Word::Trouble(text) => self.tell_trouble(format!("alertik: {text}."), None),
                Word::Alert(alert) => {
                    self.stats.count_alert(&alert.rule);
                    // With the last, so that none is taken for told that nobody ever had.
                    if last == Some(index) && is_kept {
                        self.dispatch.remember(self.watches.take_changes(now.0));
                    }
                    self.dispatch.accept(*alert);
                }
            }
        }
        if is_kept && self.watches.wants_saving(now.0) {
            self.dispatch.remember(self.watches.take_changes(now.0));
            self.dispatch.save_memory();
        }
    }
}
