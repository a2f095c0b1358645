//! The thread that has the connection: it carries out orders, and reads whatever comes, always.
//!
//! ```text
//!   ┌► an order? ─► connect, if need be ─► delivery ─► Reply
//!   │  every second: what has come ─► observe ─► receipts, ear, joining
//!   └─ ping; overdue messages; connect again, later and later
//! ```
//!
//! It waits for orders and, while one is carried out, at the socket, so that neither side waits for
//! the other by more than a second. What a command's answer means is said in `delivery` and `joining`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use serde_json::{Value, json};

use super::delivery::Place;
use super::ear::Hearing;
use super::frame::{self, Chat, Trouble, part};
use super::hub::{Order, Settings};
use super::joining::Door;
use super::receipts::Receipts;
use super::socket::{Cut, Socket};
use crate::log;
use crate::notify::backoff;
use crate::notify::http::Hidden;
use crate::notify::{Ear, Outcome, Report, Reporter};
use crate::secret::Secret;
use crate::stats::Stats;

/// Orders are waited for by this much, then the socket is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Frames that are read in a row before orders are looked at again.
const FRAMES_MAX: usize = 256;

/// For the answers that a new connection begins with.
const GREETING_WAIT: Duration = Duration::from_secs(10);

/// For what we only want to know; commands run one after another, and one before it may be slow.
const QUESTION_WAIT: Duration = Duration::from_secs(10);

/// Between attempts to connect, at worst.
const RECONNECT_MAX: Duration = Duration::from_secs(60);

/// An order makes us try at once, but not more often than this.
const RECONNECT_MIN: Duration = Duration::from_secs(1);

/// `7.0.0.6`, and whatever a fork puts behind it.
const VERSION_CHARS_MAX: usize = 40;

/// A connection that lasted so long was a good one.
const STEADY_AFTER: Duration = Duration::from_secs(60);

/// Why a command has no answer that is of use.
#[derive(Debug)]
pub(super) enum Failing {
    /// None came: nobody knows whether it was carried out.
    Unanswered(String),
    /// It is an error.
    Said(Trouble),
}

impl Failing {
    /// What the connection comes to.
    fn words(self) -> String {
        match self {
            Failing::Unanswered(words) => words,
            Failing::Said(trouble) => format!("simplex-chat is not ready: {}", trouble.words()),
        }
    }
}

/// A connection that is ready.
struct Connection {
    socket: Socket,
    since: Instant,
    user: i64,
}

pub(super) struct Worker {
    pub(super) settings: Settings,
    inbox: Receiver<Order>,
    connection: Option<Connection>,
    /// The last command's number.
    pub(super) command: u64,
    failures: u32,
    tried_at: Option<Instant>,
    retry_at: Option<Instant>,
    /// Why there is no connection.
    cut: Cut,
    is_cut_said: bool,
    pub(super) doors: Vec<Door>,
    /// What an error may repeat.
    hidden: Hidden,
    /// Counts what changes who is where.
    pub(super) news: usize,
    /// Groups that are ours, and that a member has invited us into.
    pub(super) invitations: Vec<i64>,
    pub(super) places: Vec<Place>,
    pub(super) receipts: Receipts,
    pub(super) hearing: Hearing,
    pub(super) stats: Arc<Stats>,
    pub(super) report: Option<Reporter>,
}

impl Worker {
    pub(super) fn new(settings: Settings, inbox: Receiver<Order>) -> Worker {
        let doors = settings.links.iter().map(|_| Door::default()).collect();
        let password = settings.address.login.iter().map(|(_, password)| password);
        let hidden = Hidden::of_parts(settings.links.iter().chain(password).map(Secret::expose));
        Worker {
            settings,
            inbox,
            connection: None,
            command: 0,
            failures: 0,
            tried_at: None,
            retry_at: None,
            cut: Cut::default(),
            is_cut_said: false,
            doors,
            hidden,
            news: 0,
            invitations: Vec::new(),
            places: Vec::new(),
            receipts: Receipts::default(),
            hearing: Hearing::default(),
            stats: Arc::default(),
            report: None,
        }
    }

    /// Works until nobody can order any more.
    pub(super) fn run(mut self) {
        let mut patience = TICK;
        loop {
            match self.inbox.recv_timeout(patience) {
                Ok(Order::Begin { stats, report }) => (self.stats, self.report) = (stats, Some(report)),
                Ok(Order::Seat(seat, destination, target)) => {
                    let place = self.place(seat);
                    (place.destination, place.target) = (Some(destination), Some(target));
                }
                Ok(Order::Listen(names)) => {
                    self.hearing.listen(names);
                    if self.connection.is_some() {
                        self.tell_ear(Ear::Open);
                    }
                }
                Ok(Order::Send(message, reply)) => {
                    let outcome = self.deliver(message);
                    // Who has gone away meanwhile asks again, and is told then.
                    let _ = reply.send(outcome);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // What is not read stands in simplex-chat's way, which keeps 1,024 events and then stops.
            patience = if self.tend(Instant::now()) { Duration::ZERO } else { TICK };
        }
    }

    /// Does what is due besides orders. True if there may be more to read.
    fn tend(&mut self, now: Instant) -> bool {
        if self.connection.is_none() {
            if self.retry_at.is_none_or(|at| at <= now) {
                let _ = self.connect();
            }
            return false;
        }
        let mut frames = 0;
        while frames < FRAMES_MAX
            && let Some(frame) = self.hear(Duration::ZERO)
        {
            self.observe(&frame);
            frames += 1;
        }
        self.accept_invitations();
        if let Some(Err(cut)) = self.connection.as_mut().map(|connection| connection.socket.keep(now)) {
            self.lose(cut);
        }
        self.look_for_overdue(now);
        self.listen(now);
        frames == FRAMES_MAX
    }

    /// True if there is a connection. An order brings one about, if it can be had.
    ///
    /// # Errors
    /// What the order comes to if there is none.
    pub(super) fn connected(&mut self) -> Result<(), Outcome> {
        if self.connection.is_some() {
            return Ok(());
        }
        let is_soon = |at: Instant| at.elapsed() < RECONNECT_MIN;
        if !self.tried_at.is_some_and(is_soon) && self.connect().is_ok() {
            return Ok(());
        }
        let Cut { words: reason, is_refusal } = self.cut.clone();
        Err(if is_refusal { Outcome::Parked { reason } } else { Outcome::Failed { reason } })
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    fn connect(&mut self) -> Result<(), ()> {
        self.tried_at = Some(Instant::now());
        let socket = Socket::open(&self.settings.client, &self.settings.address);
        let socket = socket.map_err(|cut| self.lose(cut))?;
        let since = Instant::now();
        self.connection = Some(Connection { socket, since, user: 0 });
        let until = since + GREETING_WAIT;
        let greeted = self.ask("/version", until).and_then(|version| {
            self.learn_user(until)?;
            Ok(frame::text(part(&version, "versionInfo/version"))
                .chars()
                .take(VERSION_CHARS_MAX)
                .collect::<String>())
        });
        let version = greeted.map_err(|failing| self.lose(Cut::new(failing.words())))?;
        if std::mem::take(&mut self.is_cut_said) || self.failures == 0 {
            log::info("simplex connected", &[("version", &version)]);
        }
        self.retry_at = None;
        self.news += 1;
        self.hearing.look_again();
        self.tell_ear(Ear::Open);
        Ok(())
    }

    fn learn_user(&mut self, until: Instant) -> Result<(), Failing> {
        let answer = self.ask("/user", until)?;
        let user = part(&answer, "user/userId").as_i64().unwrap_or_default();
        if let Some(connection) = &mut self.connection {
            connection.user = user;
        }
        Ok(())
    }

    /// Takes in that there is no connection.
    fn lose(&mut self, cut: Cut) {
        let now = Instant::now();
        if let Some(connection) = self.connection.take() {
            if now.saturating_duration_since(connection.since) >= STEADY_AFTER {
                self.failures = 0;
            }
            if connection.user != 0 {
                self.tell_ear(Ear::Closed);
            }
        }
        self.failures = self.failures.saturating_add(1);
        let chance = RandomState::new().build_hasher().finish();
        self.retry_at = Some(now + backoff::wait_after(self.failures, chance).min(RECONNECT_MAX));
        self.places.iter_mut().for_each(Place::forget);
        if !std::mem::replace(&mut self.is_cut_said, true) {
            log::warn("simplex not connected", &[("reason", &cut.words)]);
        }
        self.cut = cut;
    }

    /// The next frame, if one comes within `patience`, and the connection lasts.
    pub(super) fn hear(&mut self, patience: Duration) -> Option<Value> {
        match self.connection.as_mut()?.socket.hear(patience) {
            Ok(frame) => frame,
            Err(cut) => {
                self.lose(cut);
                None
            }
        }
    }

    /// Gives a command, and waits for its answer until then; what else comes is taken in meanwhile.
    ///
    /// # Errors
    /// When there is none, or it is an error.
    pub(super) fn ask(&mut self, command: &str, until: Instant) -> Result<Value, Failing> {
        self.command += 1;
        let number = self.command;
        let frame = json!({"corrId": number.to_string(), "cmd": command}).to_string();
        let Some(connection) = &mut self.connection else {
            return Err(Failing::Unanswered(self.cut.words.clone()));
        };
        if let Err(cut) = connection.socket.say(frame) {
            self.lose(cut);
        }
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.hear(left) {
                Some(frame) if frame::answers(&frame) == Some(number) => {
                    let body = frame::into_body(frame);
                    return match Trouble::read(&body) {
                        Some(trouble) => Err(Failing::Said(trouble.without(&self.hidden))),
                        None => Ok(body),
                    };
                }
                Some(frame) => self.observe(&frame),
                None if self.connection.is_none() => {
                    return Err(Failing::Unanswered(self.cut.words.clone()));
                }
                None => {}
            }
            // Whoever never stops talking about other things does not answer either.
            if left.is_zero() {
                return Err(Failing::Unanswered("simplex-chat does not answer".to_owned()));
            }
        }
    }

    /// The same for a command that names the active user: who that is may have changed.
    pub(super) fn ask_of_user(
        &mut self,
        command: &str,
        rest: &str,
        until: Instant,
    ) -> Result<Value, Failing> {
        let user = |worker: &Worker| worker.connection.as_ref().map_or(0, |connection| connection.user);
        match self.ask(&format!("{command} {}{rest}", user(self)), until) {
            Err(Failing::Said(Trouble::OtherUser)) => {
                self.learn_user(until)?;
                self.ask(&format!("{command} {}{rest}", user(self)), until)
            }
            answer => answer,
        }
    }

    /// Until when a question may go unanswered.
    pub(super) fn soon() -> Instant {
        Instant::now() + QUESTION_WAIT
    }

    /// Takes in a frame that nobody waits for: an event, or an answer that comes late.
    pub(super) fn observe(&mut self, frame: &Value) {
        let body = frame::body(frame);
        if let Some(command) = frame::answers(frame) {
            self.settle_late(command, body);
        }
        match frame::kind(body) {
            "chatItemsStatusesUpdated" => self.note_statuses(body),
            "newChatItems" => {
                self.note_items(body);
                self.hear_items(body);
            }
            "contactConnected" | "contactUpdated" | "contactDeletedByContact" => {
                self.hearing.look_again();
                self.look_again();
            }
            "userJoinedGroup" | "groupUpdated" | "memberRole" | "deletedMemberUser" | "groupDeleted" => {
                self.look_again();
            }
            "receivedGroupInvitation" => self.note_invitation(body),
            _ => {}
        }
    }

    /// Has names looked up again: somebody has come, gone, or is called something else.
    pub(super) fn look_again(&mut self) {
        self.news += 1;
        self.places.iter_mut().for_each(|place| place.chat = None);
    }

    /// The newest messages of a chat, whose statuses are taken in.
    ///
    /// # Errors
    /// When they are not to be had.
    pub(super) fn ask_history(&mut self, chat: Chat, count: usize) -> Result<Value, Failing> {
        let body = self.ask(&format!("/_get chat {chat} count={count}"), Worker::soon())?;
        let now = Instant::now();
        for item in frame::history(&body).filter(|item| item.is_sent()) {
            if let Some(id) = item.id().filter(|id| self.receipts.knows(*id)) {
                let said = self.receipts.note(id, item.status(), &self.stats.messages, now);
                self.tell(said);
            }
        }
        Ok(body)
    }

    pub(super) fn tell_ear(&self, ear: Ear) {
        if let Some(report) = self.report.as_ref().filter(|_| self.hearing.is_wanted()) {
            report(Report::Ear(ear));
        }
    }
}
