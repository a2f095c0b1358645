//! One message from the order to the outcome: stored once, and not twice.
//!
//! ```text
//!   chat's number ─► newest message's number ─► /_send ─► newChatItems: stored, delivered
//!                                                  └► no answer: in doubt
//!   the next attempt with the same alert: a newer message of ours with the same text is there ─► delivered
//!                                         none is ─► sent again
//!   chatItemsStatusesUpdated ─► receipts ─► Report::Doubt: told to others, never a reason to send again
//! ```
//!
//! There is no key by which simplex-chat would know a repetition, so we look before we repeat. Apart from
//! the connection, and from how a name becomes a number (`joining`).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::frame::{self, Chat, Trouble};
use super::hub::{Message, Seat};
use super::receipts::Said;
use super::text;
use super::worker::{Failing, Worker};
use super::{Reply, Target};
use crate::alert::{AlertId, DestinationId};
use crate::log;
use crate::notify::{Outcome, Report};

/// simplex-chat stores a message within milliseconds, unless a slow command is before it.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// Messages of a chat among which one in doubt is looked for: between two attempts people write a few.
const LOOKED_AT: usize = 20;

/// What is remembered of one destination.
#[derive(Default)]
pub(super) struct Place {
    pub(super) destination: Option<DestinationId>,
    pub(super) target: Option<Target>,
    /// Its number, once it was looked up.
    pub(super) chat: Option<Chat>,
    /// The newest message there that we know of: what is stored from now on has a higher number.
    newest: Option<i64>,
    doubt: Option<Doubt>,
    /// The last that was stored. Its sender may not know it yet.
    told: Option<AlertId>,
}

impl Place {
    /// Numbers are looked up again: the connection is another, and so may be what it leads to.
    pub(super) fn forget(&mut self) {
        (self.chat, self.newest) = (None, None);
    }
}

/// A message that was written to the socket, and of which nobody knows whether it was stored.
struct Doubt {
    alert: AlertId,
    text: String,
    /// Messages up to this one were there before, as far as that is known.
    after: Option<i64>,
    /// The number of the command.
    command: u64,
}

fn outcome(result: Result<(), Outcome>) -> Reply {
    Reply::Outcome(result.err().unwrap_or(Outcome::Delivered { pause: None }))
}

impl Worker {
    pub(super) fn place(&mut self, seat: Seat) -> &mut Place {
        if self.places.len() <= seat {
            self.places.resize_with(seat + 1, Place::default);
        }
        #[expect(clippy::indexing_slicing, reason = "it was made long enough")]
        &mut self.places[seat]
    }

    /// Carries out one order.
    pub(super) fn deliver(&mut self, message: Message) -> Reply {
        let place = self.place(message.seat);
        place.target.get_or_insert_with(|| message.target.clone());
        if place.told == Some(message.alert) {
            return outcome(Ok(()));
        }
        if let Err(none) = self.connected() {
            return outcome(Err(none));
        }
        let chat = match self.resolve(message.seat, &message.target, message.until) {
            Ok(chat) => chat,
            Err(outcome) => return Reply::Outcome(outcome),
        };
        match self.was_stored(&message, chat) {
            Ok(true) => return outcome(Ok(())),
            Ok(false) => {}
            Err(failing) => return self.reply(&message, failing),
        }
        let sent = self.send(&message, chat, &message.text, message.file.as_deref());
        let sent = match (&message.file, sent) {
            // What it says must not be lost with the file.
            (Some(path), Err(Failing::Said(Trouble::File(_) | Trouble::Other(_)))) => {
                self.send_without(&message, chat, path)
            }
            (_, sent) => sent,
        };
        match sent {
            Ok(()) => outcome(Ok(())),
            Err(failing) => self.reply(&message, failing),
        }
    }

    fn send_without(&mut self, message: &Message, chat: Chat, path: &str) -> Result<(), Failing> {
        let text = format!("{}{}", message.text, message.without_file);
        self.send(message, chat, &text, None)?;
        let target = &message.target;
        log::error("file not sent", &[("notifier", &format!("SimpleX/{target}")), ("path", &path)]);
        let words = format!("the file {path} could not go with a message to {target}, which went without it");
        if let Some(destination) = self.place(message.seat).destination {
            self.doubt(destination, words);
        }
        Ok(())
    }

    /// True if a message that was in doubt is there. If it is another's doubt, that one is given up.
    fn was_stored(&mut self, message: &Message, chat: Chat) -> Result<bool, Failing> {
        let place = self.place(message.seat);
        if place.doubt.is_none() && place.newest.is_some() {
            return Ok(false);
        }
        let count = if place.doubt.is_some() { LOOKED_AT } else { 1 };
        let body = match self.ask_history(chat, count) {
            // Told twice is better than not at all.
            Err(Failing::Said(Trouble::Other(_))) => return Ok(false),
            answer => answer?,
        };
        let place = self.place(message.seat);
        let doubt = place.doubt.take().filter(|doubt| doubt.alert == message.alert);
        let newest = frame::history(&body).filter_map(frame::Item::id).max();
        place.newest = Some(newest.unwrap_or_default().max(place.newest.unwrap_or_default()));
        let Some(Doubt { text, after: Some(after), .. }) = doubt else { return Ok(false) };
        let is_it = |item: &frame::Item<'_>| {
            let is_new = |id| id > after && !self.receipts.knows(id);
            item.is_sent() && item.text() == text && item.id().is_some_and(is_new)
        };
        let Some(item) = frame::history(&body).find(is_it) else { return Ok(false) };
        if let Some(id) = item.id() {
            self.note_stored(message.seat, message.alert, (chat, id));
            let said = self.receipts.note(id, item.status(), &self.stats.messages, Instant::now());
            self.tell(said);
        }
        Ok(true)
    }

    fn note_stored(&mut self, seat: Seat, alert: AlertId, item: (Chat, i64)) {
        let place = self.place(seat);
        place.told = Some(alert);
        let destination = place.destination;
        let said = self.receipts.store(item, destination, &self.stats.messages, Instant::now());
        self.tell(said);
    }

    fn send(&mut self, message: &Message, chat: Chat, text: &str, file: Option<&str>) -> Result<(), Failing> {
        let now = Instant::now();
        if now >= message.until {
            return Err(Failing::Unanswered("simplex-chat was busy for too long".to_owned()));
        }
        let (alert, command) = (message.alert, self.command + 1);
        let place = self.place(message.seat);
        let doubt = Doubt { alert, text: text.to_owned(), after: place.newest, command };
        place.doubt = Some(doubt);
        let answer = self.ask(&text::command(chat, text, file), message.until.min(now + ANSWER_WAIT));
        // Only what says that it is stored says so: after anything else we look.
        let answer = answer.and_then(|body| match frame::is_stored(&body) {
            true => Ok(body),
            false => Err(Failing::Unanswered("simplex-chat does not say that it is stored".to_owned())),
        });
        if !matches!(answer, Err(Failing::Unanswered(_))) {
            self.place(message.seat).doubt = None;
        }
        self.note_answer(message.seat, alert, &answer?);
        Ok(())
    }

    /// Takes in the answer that says that a message of ours is stored.
    fn note_answer(&mut self, seat: Seat, alert: AlertId, body: &Value) {
        self.note_items(body);
        self.place(seat).told = Some(alert);
        let item = frame::items(body).next().and_then(|(chat, _, item)| Some((chat?, item.id()?)));
        if let Some(item) = item {
            self.note_stored(seat, alert, item);
        }
    }

    /// Keeps the newest number of each chat.
    pub(super) fn note_items(&mut self, body: &Value) {
        for (chat, _, item) in frame::items(body) {
            for place in self.places.iter_mut().filter(|place| chat.is_some() && place.chat == chat) {
                if let (Some(newest), Some(id)) = (&mut place.newest, item.id()) {
                    *newest = id.max(*newest);
                }
            }
        }
    }

    /// Takes in an answer that nobody waits for any more.
    pub(super) fn settle_late(&mut self, command: u64, body: &Value) {
        let is_it = |place: &Place| place.doubt.as_ref().is_some_and(|doubt| doubt.command == command);
        let Some(seat) = self.places.iter().position(is_it) else { return };
        let is_error = Trouble::read(body).is_some();
        if !is_error && !frame::is_stored(body) {
            return;
        }
        let Some(doubt) = self.place(seat).doubt.take() else { return };
        // After an error the next attempt is as the first.
        if !is_error {
            self.note_answer(seat, doubt.alert, body);
        }
    }

    /// Takes in what has become of messages.
    pub(super) fn note_statuses(&mut self, body: &Value) {
        let now = Instant::now();
        for (_, _, item) in frame::items(body).filter(|(_, _, item)| item.is_sent()) {
            let Some(id) = item.id() else { continue };
            let said = self.receipts.note(id, item.status(), &self.stats.messages, now);
            self.tell(said);
        }
    }

    /// Asks what has become of messages that should be on their way: we may have missed the word.
    pub(super) fn look_for_overdue(&mut self, now: Instant) {
        for chat in self.receipts.overdue(now) {
            let _ = self.ask_history(chat, LOOKED_AT);
            if !self.is_connected() {
                return;
            }
            let missed = self.receipts.miss(chat, &self.stats.messages, now);
            self.tell(missed);
        }
    }

    pub(super) fn tell(&self, said: impl IntoIterator<Item = Said>) {
        for said in said {
            let (Said::Failed { destination, count, .. } | Said::Unconfirmed { destination, count }) = &said;
            let place = self.places.iter().find(|place| place.destination == Some(*destination));
            let name = place.and_then(|place| place.target.as_ref()).map(ToString::to_string);
            let name = name.unwrap_or_default();
            let what = match &said {
                Said::Failed { reason, .. } => format!("does not arrive with somebody: {reason}"),
                Said::Unconfirmed { .. } => {
                    "is not on its way after two minutes: its relay may be down".to_owned()
                }
            };
            let many = if *count > 1 { format!(" (and {} more like it)", count - 1) } else { String::new() };
            self.doubt(
                *destination,
                format!("a message that simplex-chat had taken for {name} {what}{many}"),
            );
        }
    }

    /// Has the other notifiers told.
    fn doubt(&self, destination: DestinationId, text: String) {
        if let Some(report) = &self.report {
            report(Report::Doubt { destination, text });
        }
    }

    /// What the sender is told of a message that was not taken.
    fn reply(&mut self, message: &Message, failing: Failing) -> Reply {
        let target = &message.target;
        let (reason, is_parked) = match failing {
            Failing::Unanswered(reason) | Failing::Said(Trouble::Passing(reason)) => (reason, false),
            Failing::Said(Trouble::TooLong) => return Reply::TooLong,
            // Looked up again, and then said more exactly.
            Failing::Said(trouble @ (Trouble::NoChat | Trouble::NoMember)) => {
                self.place(message.seat).forget();
                (format!("simplex-chat cannot write to {target} now: {}", trouble.words()), false)
            }
            Failing::Said(Trouble::Observer) => (observer(target), true),
            Failing::Said(trouble) => {
                (format!("simplex-chat cannot write to {target}: {}", trouble.words()), true)
            }
        };
        Reply::Outcome(if is_parked { Outcome::Parked { reason } } else { Outcome::Failed { reason } })
    }
}

/// What to do where we may only read.
pub(super) fn observer(target: &Target) -> String {
    format!("the bot is only an observer in {target}: an owner must make it a member")
}

#[cfg(test)]
mod tests;
