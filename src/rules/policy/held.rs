//! What is held back while it is quiet: how it is counted, what is said of it, and when.

use std::time::{Duration, Instant};

use super::Outlet;
use super::entry::{Entry, Quiet, State};
use super::said::Said;
use super::silence::Missed;
use crate::alert::Stage;
use crate::span::words;

/// What was held back.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) count: usize,
    pub(super) first: Instant,
    pub(super) at: Instant,
    pub(super) last: Box<Said>,
    /// What said after them that the trouble is over.
    pub(super) over: Option<Box<Said>>,
}

impl Held {
    /// What is said of it, after an alert that said `told`.
    pub(super) fn words(&self, told: &str) -> String {
        let span = self.at.saturating_duration_since(self.first);
        let span = match span < Duration::from_secs(1) {
            true => String::new(),
            false => format!(" in {}", words(span)),
        };
        let last = match self.last.text == told {
            true => String::new(),
            false => format!(", the last: {}", news(told, &self.last.text)),
        };
        let over = self.over.as_ref().map(|over| format!("; now: {}", over.text)).unwrap_or_default();
        format!("{told} … and {} more{span}{last}{over}", self.count)
    }
}

impl Entry {
    /// Counts lines that are told later.
    pub(super) fn hold(&mut self, said: Said, lines: usize, outlet: &mut Outlet<'_>) {
        let now = outlet.now.at;
        outlet.outcome.held += lines;
        let last = Box::new(said.kept());
        match &mut self.held {
            Some(held) => {
                held.count += lines;
                (held.at, held.last, held.over) = (now, last, None);
            }
            None => self.held = Some(Held { count: lines, first: now, at: now, last, over: None }),
        }
    }

    /// What is held is not to be told as if it lasted.
    pub(super) fn note_over(&mut self, said: &Said) {
        if let Some(held) = &mut self.held {
            held.over = Some(Box::new(said.clone().kept()));
        }
    }

    /// Ends the quiet, or begins it anew with a word about what it held.
    pub(super) fn close(&mut self, outlet: &mut Outlet<'_>) {
        self.quiet = Quiet::No;
        let Some(held) = self.held.take() else {
            self.told = String::new();
            return;
        };
        // Of a trouble that lasts the end is to be told.
        let trouble = self.trouble.as_mut().filter(|trouble| matches!(trouble.state, State::Held));
        let silence = self.silence.as_mut().filter(|silence| silence.missed == Missed::Held);
        let stage = match (&trouble, &silence, &held.over) {
            (None, None, None) => Stage::Once,
            (None, None, Some(_)) => Stage::Over,
            _ => Stage::Begun,
        };
        trouble.into_iter().for_each(|trouble| trouble.state = State::Told);
        silence.into_iter().for_each(|silence| silence.missed = Missed::Told);
        let said = held.last.reworded(held.words(&self.told), outlet.now.at);
        if let Some(id) = outlet.tell(said, stage)
            && outlet.policy.cooldown.is_some()
        {
            self.quiet = Quiet::UnderWay(id, outlet.policy.owing, outlet.now.at);
        }
    }
}

/// What `text` says that `told` did not: it without the words that both begin with, if these are the most of it.
fn news(told: &str, text: &str) -> String {
    let common = told.char_indices().zip(text.chars()).take_while(|((_, a), b)| a == b);
    let end = common.filter(|((_, c), _)| *c == ' ').last().map_or(0, |((at, _), _)| at);
    match text.get(end..) {
        Some(rest) if end > text.len() / 2 => format!("…{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_said_again() {
        let check = |told, text, expected| assert_eq!(news(told, text), expected);
        check("r1: scan by 1.2.3.4, last port 10", "r1: scan by 1.2.3.4, last port 99", "… 99");
        check("r1: a is down", "r1: something else", "r1: something else");
        check("é é é x", "é é é y", "… y");
        check("same", "same", "same");
        check("", "x y", "x y");
    }
}
