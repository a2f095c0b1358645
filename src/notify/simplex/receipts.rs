//! What becomes of messages that simplex-chat has taken, and what of that must be told.
//!
//! ```text
//!   stored ─► sent ─► received          all is well
//!      ├────► error                     told at once
//!      └────► two minutes of nothing    told: a relay that is down gives no error
//! ```
//!
//! Pure: the time is an argument. Apart from the sending: an alert is delivered when it is stored, and
//! nothing here sends it again, because simplex-chat itself goes on trying for two days.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::frame::{Chat, kind, part};
use crate::alert::DestinationId;
use crate::stats::{Counter, Messages};

/// Messages that are watched. Sixty an hour are many, and none is watched for longer than its last word.
const WATCHED_MAX: usize = 1000;

/// A word on a message can come before the answer that says it is stored.
const EARLY_MAX: usize = 32;

/// Of a kind that nobody knows.
const KIND_CHARS_MAX: usize = 40;

/// A relay takes a message within a second; after this somebody should know.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(120);

/// Of one kind of trouble, no more is said of a destination.
const QUIET: Duration = Duration::from_secs(3600);

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Stage {
    Stored,
    /// Told to be late; what comes after is counted all the same.
    Unconfirmed,
    Sent,
    Received,
    Failed,
}

#[derive(Debug)]
struct Watched {
    chat: Chat,
    item: i64,
    destination: Option<DestinationId>,
    stored_at: Instant,
    stage: Stage,
    is_warned: bool,
}

/// What is to be told of a destination.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Messages did not reach somebody; why, and how many since the last time.
    Failed { destination: DestinationId, reason: String, count: usize },
    /// The relay has not taken messages; how many since the last time.
    Unconfirmed { destination: DestinationId, count: usize },
}

/// When something of a kind was last said of a destination.
struct Pace {
    destination: DestinationId,
    is_failure: bool,
    said_at: Option<Instant>,
    unsaid: usize,
}

#[derive(Default)]
pub(super) struct Receipts {
    watched: VecDeque<Watched>,
    /// Of messages that nobody here knows yet: at worst of those that a person writes as us.
    early: VecDeque<(i64, Value)>,
    paces: Vec<Pace>,
}

impl Receipts {
    /// True if this message is somebody's already.
    pub(super) fn knows(&self, item: i64) -> bool {
        self.watched.iter().any(|watched| watched.item == item)
    }

    /// Takes in that a message was stored.
    pub(super) fn store(
        &mut self,
        (chat, item): (Chat, i64),
        destination: Option<DestinationId>,
        counts: &Messages,
        now: Instant,
    ) -> Option<Said> {
        if self.watched.len() >= WATCHED_MAX {
            self.watched.pop_front();
        }
        let stage = Stage::Stored;
        self.watched.push_back(Watched { chat, item, destination, stored_at: now, stage, is_warned: false });
        let mut said = None;
        while let Some(at) = self.early.iter().position(|(early, _)| *early == item) {
            let (_, status) = self.early.remove(at)?;
            said = self.note(item, &status, counts, now).or(said);
        }
        said
    }

    /// Takes in the status of one of our messages; what there is to tell.
    pub(super) fn note(
        &mut self,
        item: i64,
        status: &Value,
        counts: &Messages,
        now: Instant,
    ) -> Option<Said> {
        let Some(watched) = self.watched.iter_mut().find(|watched| watched.item == item) else {
            if self.early.len() >= EARLY_MAX {
                self.early.pop_front();
            }
            self.early.push_back((item, essence(status)));
            return None;
        };
        let (stage, counter): (Stage, &Counter) = match kind(status) {
            "sndSent" => (Stage::Sent, &counts.sent),
            "sndRcvd" => (Stage::Received, &counts.received),
            "sndError" | "sndErrorAuth" => (Stage::Failed, &counts.error),
            "sndWarning" => {
                if !std::mem::replace(&mut watched.is_warned, true) {
                    counts.warning.add_one();
                }
                return None;
            }
            _ => return None,
        };
        // Each is counted once, though it comes again with each member that it reaches.
        if stage <= watched.stage {
            return None;
        }
        watched.stage = stage;
        counter.add_one();
        let destination = watched.destination.filter(|_| stage == Stage::Failed)?;
        let reason = reason(status);
        let count = self.admit(destination, true, 1, now)?;
        Some(Said::Failed { destination, reason, count })
    }

    /// The chats of messages that should be on their way by now, and are not known to be.
    pub(super) fn overdue(&self, now: Instant) -> Vec<Chat> {
        let mut chats = Vec::new();
        for watched in self.watched.iter().filter(|watched| watched.is_overdue(now)) {
            if !chats.contains(&watched.chat) {
                chats.push(watched.chat);
            }
        }
        chats
    }

    /// Gives up waiting for the messages of this chat that are overdue; what there is to tell.
    pub(super) fn miss(&mut self, chat: Chat, counts: &Messages, now: Instant) -> Vec<Said> {
        let mut missed: Vec<(DestinationId, usize)> = Vec::new();
        for watched in &mut self.watched {
            if watched.chat != chat || !watched.is_overdue(now) {
                continue;
            }
            watched.stage = Stage::Unconfirmed;
            counts.unconfirmed.add_one();
            let Some(destination) = watched.destination else { continue };
            match missed.iter_mut().find(|(other, _)| *other == destination) {
                Some((_, count)) => *count += 1,
                None => missed.push((destination, 1)),
            }
        }
        let said = missed.into_iter().filter_map(|(destination, count)| {
            let count = self.admit(destination, false, count, now)?;
            Some(Said::Unconfirmed { destination, count })
        });
        said.collect()
    }

    /// How many to tell of now, with those that were not told before; None if it is too soon.
    fn admit(
        &mut self,
        destination: DestinationId,
        is_failure: bool,
        count: usize,
        now: Instant,
    ) -> Option<usize> {
        let is_it = |pace: &Pace| (pace.destination, pace.is_failure) == (destination, is_failure);
        let at = self.paces.iter().position(is_it).unwrap_or_else(|| {
            self.paces.push(Pace { destination, is_failure, said_at: None, unsaid: 0 });
            self.paces.len() - 1
        });
        let pace = self.paces.get_mut(at)?;
        pace.unsaid += count;
        if pace.said_at.is_some_and(|at| now.saturating_duration_since(at) < QUIET) {
            return None;
        }
        pace.said_at = Some(now);
        Some(std::mem::take(&mut pace.unsaid))
    }
}

impl Watched {
    fn is_overdue(&self, now: Instant) -> bool {
        self.stage == Stage::Stored && now.saturating_duration_since(self.stored_at) >= CONFIRMED_WITHIN
    }
}

/// Of a status all that is looked at: there may be a frame full of it.
fn essence(status: &Value) -> Value {
    let short = |value: &Value| kind(value).chars().take(KIND_CHARS_MAX).collect::<String>();
    json!({"type": short(status), "agentError": {"type": short(part(status, "agentError"))}})
}

/// Why a message did not arrive, in words.
fn reason(status: &Value) -> String {
    match kind(part(status, "agentError")) {
        "auth" => "somebody there has left, or has lost what was to receive it".to_owned(),
        "quota" => "too much waits for somebody there who is away".to_owned(),
        "expired" => "it could not be sent for two days".to_owned(),
        "" => "simplex-chat does not say why".to_owned(),
        other => format!("simplex-chat says {}", other.chars().take(KIND_CHARS_MAX).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: Chat = Chat::Group(1);
    const HERE: Option<DestinationId> = Some(DestinationId(2));

    /// Words on message 7, each at a second: what is told, and the counts in the end
    /// (sent, received, warning, error, unconfirmed). `stored` and `missed` are ours.
    #[track_caller]
    fn check(words: &[(u64, &str)], told: &[&str], counts: [usize; 5]) {
        let (mut receipts, counted, start) = (Receipts::default(), Messages::default(), Instant::now());
        let mut said = Vec::new();
        for (at, word) in words {
            let now = start + Duration::from_secs(*at);
            match *word {
                "stored" => said.extend(receipts.store((CHAT, 7), HERE, &counted, now)),
                "missed" => {
                    let chats = receipts.overdue(now);
                    said.extend(chats.into_iter().flat_map(|chat| receipts.miss(chat, &counted, now)));
                }
                "sndError" => {
                    let status = json!({"type": "sndError", "agentError": {"type": "quota"}});
                    said.extend(receipts.note(7, &status, &counted, now));
                }
                word => said.extend(receipts.note(7, &json!({"type": word}), &counted, now)),
            }
        }
        let said: Vec<_> = said
            .iter()
            .map(|said| match said {
                Said::Failed { count, .. } => format!("failed {count}"),
                Said::Unconfirmed { count, .. } => format!("unconfirmed {count}"),
            })
            .collect();
        assert_eq!(said, told, "{words:?}");
        let Messages { sent, received, warning, error, unconfirmed, .. } = &counted;
        assert_eq!([sent, received, warning, error, unconfirmed].map(Counter::count), counts, "{words:?}");
    }

    #[test]
    fn each_status_is_counted_once() {
        let good =
            [(0, "stored"), (0, "sndSent"), (1, "sndSent"), (2, "sndRcvd"), (3, "sndRcvd"), (200, "missed")];
        check(&good, &[], [1, 1, 0, 0, 0]);
        check(&[(0, "stored"), (1, "sndWarning"), (2, "sndWarning"), (3, "sndSent")], &[], [1, 0, 1, 0, 0]);
        check(&[(0, "stored"), (1, "sndFuture")], &[], [0; 5]);
    }

    #[test]
    fn an_error_is_told_once() {
        check(&[(0, "stored"), (1, "sndError"), (2, "sndError")], &["failed 1"], [0, 0, 0, 1, 0]);
        check(&[(0, "stored"), (1, "sndSent"), (2, "sndError")], &["failed 1"], [1, 0, 0, 1, 0]);
    }

    #[test]
    fn two_minutes_of_nothing_are_told() {
        check(&[(0, "stored"), (119, "missed")], &[], [0; 5]);
        check(&[(0, "stored"), (120, "missed"), (500, "missed")], &["unconfirmed 1"], [0, 0, 0, 0, 1]);
        let late = [(0, "stored"), (120, "missed"), (130, "sndSent")];
        check(&late, &["unconfirmed 1"], [1, 0, 0, 0, 1]);
    }

    #[test]
    fn a_word_that_comes_before_the_answer_counts() {
        check(&[(0, "sndSent"), (0, "stored"), (200, "missed")], &[], [1, 0, 0, 0, 0]);
        check(&[(0, "sndError"), (0, "stored")], &["failed 1"], [0, 0, 0, 1, 0]);
    }

    #[test]
    fn what_lasts_is_told_once_an_hour_with_its_number() {
        let (mut receipts, counts, start) = (Receipts::default(), Messages::default(), Instant::now());
        let mut told = Vec::new();
        for minute in 0..130 {
            let now = start + Duration::from_secs(60 * minute);
            receipts.store((CHAT, minute as i64), HERE, &counts, now);
            told.extend(receipts.overdue(now).into_iter().flat_map(|chat| receipts.miss(chat, &counts, now)));
        }
        let [Said::Unconfirmed { count: 1, .. }, Said::Unconfirmed { count: 60, .. }, last] = &*told else {
            panic!("{told:?}")
        };
        assert_eq!(*last, Said::Unconfirmed { destination: DestinationId(2), count: 60 });
    }

    #[test]
    fn a_thousand_messages_are_watched_and_no_more() {
        let (mut receipts, counts, now) = (Receipts::default(), Messages::default(), Instant::now());
        for item in 0..1001 {
            receipts.store((CHAT, item), HERE, &counts, now);
            receipts.note(5000 + item, &json!({"type": "sndSent"}), &counts, now);
        }
        assert_eq!((receipts.watched.len(), receipts.early.len()), (WATCHED_MAX, EARLY_MAX));
        assert!(!receipts.knows(0) && receipts.knows(1000));
    }
}
