//! Hearing people: who of those that somebody listens for is known, and when they wrote.
//!
//! ```text
//!   connected ─► /_contacts ─► Known, Unknown ─► /_get chat of each ─► Heard, if it is news
//!   newChatItems ─► Heard
//! ```
//!
//! Apart from the sending, which works without. What they write is nobody's business here: only that
//! they did. People are told apart by their number, never by a name that anybody can take.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::frame::{self, Chat, part};
use super::worker::Worker;
use crate::alert::is_set;
use crate::notify::{Contact, Ear};

/// When the contacts could not be asked for, or the clock is not set, that is tried again after this.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Messages among which the newest of somebody is looked for: our own, which may be alerts to them, stand there too,
/// and while the clock is not set they become more.
const LOOKED_AT: usize = 50;

/// Whom we listen for.
#[derive(Default)]
pub(super) struct Hearing {
    names: Vec<Arc<str>>,
    /// Those who are there, and the newest message of each that was told of.
    known: Vec<(Contact, i64)>,
    /// True if who is there may have changed.
    is_due: bool,
    asked_at: Option<Instant>,
}

impl Hearing {
    pub(super) fn listen(&mut self, names: Vec<Arc<str>>) {
        self.names = names;
        self.look_again();
    }

    /// Has the names looked up anew.
    pub(super) fn look_again(&mut self) {
        (self.is_due, self.asked_at) = (true, None);
    }

    /// True if somebody wants to know.
    pub(super) fn is_wanted(&self) -> bool {
        !self.names.is_empty()
    }
}

impl Worker {
    /// Looks who of those that we listen for is there, and what they wrote while nobody listened.
    pub(super) fn listen(&mut self, now: Instant) {
        let is_soon = |at: Instant| now.saturating_duration_since(at) < ASK_AGAIN;
        let is_connected = self.is_connected();
        let hearing = &mut self.hearing;
        let is_due = hearing.is_due && !hearing.asked_at.is_some_and(is_soon);
        if !is_connected || !hearing.is_wanted() || !is_due {
            return;
        }
        hearing.is_due = false;
        let Ok(body) = self.ask_of_user("/_contacts", "", Worker::soon()) else {
            (self.hearing.is_due, self.hearing.asked_at) = (true, Some(now));
            return;
        };
        for name in self.hearing.names.clone() {
            let Some((id, _)) = frame::contacts(&body).find(|(_, local)| *local == &*name) else {
                self.tell_ear(Ear::Unknown(name));
                continue;
            };
            let contact = Contact { id, name };
            self.tell_ear(Ear::Known(contact.clone()));
            self.catch_up(contact, now);
        }
    }

    /// Tells of the newest message of somebody, if nobody has been told yet.
    fn catch_up(&mut self, contact: Contact, now: Instant) {
        let known = &mut self.hearing.known;
        let place = known.iter().position(|(known, _)| known.id == contact.id).unwrap_or_else(|| {
            // Whoever had the name before is heard all the same, by the number.
            known.retain(|(known, _)| known.name != contact.name);
            known.push((contact.clone(), 0));
            known.len() - 1
        });
        let clocks = (Instant::now(), SystemTime::now());
        // Before the clock is set nobody can say how long ago something was.
        let command = format!("/_get chat {} count={LOOKED_AT}", Chat::Contact(contact.id));
        let answer = if is_set(clocks.1) { self.ask(&command, Worker::soon()).ok() } else { None };
        let Some(body) = answer else {
            (self.hearing.is_due, self.hearing.asked_at) = (true, Some(now));
            return;
        };
        let messages = frame::history(&body).filter(|item| item.is_direct() && item.is_message());
        let newest = messages.filter_map(|item| Some((item.id()?, item.written_at()))).max();
        let Some((_, told)) = self.hearing.known.get_mut(place) else { return };
        let Some((id, written_at)) = newest.filter(|(id, _)| *id > *told) else { return };
        *told = id;
        if let Some(at) = instant_of(written_at, clocks) {
            self.tell_ear(Ear::Heard(contact, at));
        }
    }

    /// Tells who has written, in an event.
    pub(super) fn hear_items(&mut self, body: &Value) {
        if !self.hearing.is_wanted() {
            return;
        }
        for (_, info, item) in frame::items(body).filter(|(_, _, item)| item.is_message()) {
            let direct = item.is_direct().then(|| part(info, "contact/contactId").as_i64()).flatten();
            // Members of a group are no contacts unless we know them besides.
            let member = item.member();
            let (id, name) = match (direct, part(member, "memberContactId").as_i64()) {
                (Some(id), _) => (id, frame::local_name(part(info, "contact"))),
                (None, Some(id)) => (id, frame::local_name(member)),
                (None, None) => continue,
            };
            let known = self.hearing.known.iter_mut().find(|(known, _)| known.id == id);
            let name = match known {
                Some((known, told)) => {
                    if let Some(item) = item.id().filter(|_| direct.is_some()) {
                        *told = item.max(*told);
                    }
                    Arc::clone(&known.name)
                }
                None => Arc::from(name),
            };
            let now = Instant::now();
            let at = now.checked_sub(delay(item)).unwrap_or(now);
            self.tell_ear(Ear::Heard(Contact { id, name }, at));
        }
    }
}

/// How long a message was on its way: a relay keeps it for weeks, and a group shows old ones to who joins it. What
/// simplex-chat says of both times needs no clock of ours.
fn delay(item: frame::Item<'_>) -> Duration {
    let stored_and_written = unix_seconds(item.stored_at()).zip(unix_seconds(item.written_at()));
    stored_and_written
        .map_or(Duration::ZERO, |(stored, written)| Duration::from_secs(stored.saturating_sub(written)))
}

/// The moment of `2026-11-20T15:40:26.69Z`, never in the future.
fn instant_of(text: &str, (now, wall): (Instant, SystemTime)) -> Option<Instant> {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds(text)?);
    now.checked_sub(wall.duration_since(at).unwrap_or_default())
}

/// Seconds since 1970 of a time in UTC, as RFC 3339 has it.
fn unix_seconds(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    // A year that begins in March ends with its leap day, if it has one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // From March 1st of the year 0 to 1970.
    let days = days.checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read() {
        let check = |text: &str, seconds| assert_eq!(unix_seconds(text), seconds, "{text}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-20T15:40:26.687584121Z", Some(1_795_189_226));
        check("2024-02-29T23:59:59Z", Some(1_709_251_199));
        check("2000-03-01T00:00:00Z", Some(951_868_800));
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "1969-01-01T00:00:00Z", "2026-11-20"] {
            check(bad, None);
        }
    }

    #[test]
    fn nobody_has_written_in_the_future() {
        let now = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_189_226));
        assert_eq!(instant_of("2026-11-20T15:39:26Z", now), now.0.checked_sub(Duration::from_secs(60)));
        assert_eq!(instant_of("2027-11-20T15:39:26Z", now), Some(now.0));
    }
}
