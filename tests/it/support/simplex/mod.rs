//! A simplex-chat of our own, behind a WebSocket on a free port of 127.0.0.1.
//!
//! ```text
//!                 ┌──────────── Bench ────────────┐
//!   client ◄────► │ socket: a thread a connection │
//!     {corrId,cmd}│   │ faults: cut, late, silent │
//!     {corrId,resp│   ▼                           │
//!     {resp}      │ world ── commands ── frames   │ ◄── a test changes the world, as people would
//!                 └───────────────────────────────┘
//! ```
//!
//! The real one cannot be had from a package registry; its frames were recorded (`tests/simplex/`), and these
//! answers are made from them. As there: commands of one connection run one after another, events go to whichever
//! connection reads first, and it never pings.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::Value;

use super::server::Server;
use super::{DEADLINE, Watched};

pub(crate) mod client;
pub(crate) mod commands;
pub(crate) mod frames;
pub(crate) mod markup;
mod socket;
mod tests;
mod words;
pub(crate) mod world;

use frames::Shape;
use world::{Item, World};

/// What goes wrong with a command.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The connection is cut, and nothing was done.
    CutBefore,
    /// It is done, and the connection is cut.
    CutAfter,
    /// It is done, and the answer comes when the test says so ([`Bench::release`]). What follows waits behind it.
    Late,
    /// It is done, and never answered.
    Unanswered,
    /// It is not done, and never answered.
    Unheard,
    /// This is answered, and nothing done.
    Error(Value),
    /// What it brings about is told before its answer is.
    EventsFirst,
}

/// What the bench is, and what it has seen.
pub(crate) struct State {
    pub(crate) world: World,
    /// Each for the next command that begins so.
    faults: VecDeque<(&'static str, Fault)>,
    /// How many events stand between a command and its answer.
    noise: usize,
    /// Events that are still to come, one after another.
    flood: usize,
    /// All commands, as they came.
    pub(crate) commands: Vec<String>,
    /// What was no command at all.
    pub(crate) malformed: Vec<String>,
    pub(crate) connections: usize,
    /// Those that had a wrong password, or none.
    pub(crate) refused: usize,
    pub(crate) pings: usize,
    pub(crate) events_written: usize,
    /// The longest that a client did not read what was written to it.
    pub(crate) slowest_write: Duration,
    releases: usize,
    /// Connections older than this are to end.
    cuts: usize,
}

/// The bench; it ends when dropped.
pub(crate) struct Bench {
    state: Arc<Watched<State>>,
    server: Option<Server>,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    /// `user:password`, if it asks for one.
    login: Option<&'static str>,
}

impl Bench {
    /// One with a group `alerts` (#1), in which we are a member, and a contact `phone` (@4).
    pub(crate) fn start(shape: Shape) -> Bench {
        Bench::open(shape, None, None)
    }

    /// The same behind TLS, as a proxy would do it, that lets in nobody but `login`, which is `user:password`.
    pub(crate) fn over_tls(shape: Shape, tls: Arc<ServerConfig>, login: &'static str) -> Bench {
        Bench::open(shape, Some(tls), Some(login))
    }

    fn open(shape: Shape, tls: Option<Arc<ServerConfig>>, login: Option<&'static str>) -> Bench {
        let mut world = World::new(shape);
        world.add_group("alerts");
        world.add_contact("phone");
        let state = State {
            world,
            faults: VecDeque::new(),
            noise: 0,
            flood: 0,
            commands: Vec::new(),
            malformed: Vec::new(),
            connections: 0,
            refused: 0,
            pings: 0,
            events_written: 0,
            slowest_write: Duration::ZERO,
            releases: 0,
            cuts: 0,
        };
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let state = Arc::new(Watched::new(state));
        let mut bench = Bench { state, server: None, address: anywhere, tls, login };
        bench.come_up();
        bench
    }

    /// Listens, where it did before if it did. Messages and groups are still there.
    pub(crate) fn come_up(&mut self) {
        let (state, tls, login) = (Arc::clone(&self.state), self.tls.clone(), self.login);
        let server = Server::start_at(self.address, move |connection| {
            socket::serve(connection, tls.as_ref(), login, &state);
        });
        self.address = server.address;
        self.server = Some(server);
    }

    /// Ends as simplex-chat does when it is stopped: connections are cut and new ones refused. What it had to say and
    /// nobody had read is gone.
    pub(crate) fn go_down(&mut self) {
        self.server = None;
        self.change(|state| {
            state.cuts += 1;
            state.world.events.clear();
        });
    }

    /// Cuts all connections; new ones are welcome.
    pub(crate) fn cut(&self) {
        self.change(|state| state.cuts += 1);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}", self.address)
    }

    /// Changes what people and the network have done.
    pub(crate) fn world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        self.change(|state| change(&mut state.world))
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        self.state.change(change)
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.state.look(look)
    }

    /// The next command that begins with `start` has this fault; several wait for one command each.
    pub(crate) fn next(&self, start: &'static str, fault: Fault) {
        self.change(|state| state.faults.push_back((start, fault)));
    }

    /// Lets a late answer go.
    pub(crate) fn release(&self) {
        self.change(|state| state.releases += 1);
    }

    /// From now on so many events stand between each command and its answer.
    pub(crate) fn chatter(&self, events: usize) {
        self.change(|state| state.noise = events);
    }

    /// So many events, one after another, with a picture each.
    pub(crate) fn flood(&self, events: usize) {
        self.change(|state| state.flood += events);
    }

    /// Waits until `wanted` finds what it looks for.
    #[track_caller]
    pub(crate) fn wait_for<R>(&self, what: &str, wanted: impl FnMut(&State) -> Option<R>) -> R {
        self.wait_for_within(DEADLINE, what, wanted)
    }

    /// The same with a limit of its own.
    #[track_caller]
    pub(crate) fn wait_for_within<R>(
        &self,
        limit: Duration,
        what: &str,
        wanted: impl FnMut(&State) -> Option<R>,
    ) -> R {
        self.state.wait_for_within(limit, wanted).unwrap_or_else(|| {
            panic!("{what} did not come, but the commands {:#?}", self.look(|state| state.commands.clone()))
        })
    }

    /// Waits until `count` messages were sent, and returns all there are.
    #[track_caller]
    pub(crate) fn wait_for_sent(&self, count: usize) -> Vec<Item> {
        self.wait_for(&format!("message {count}"), |state| {
            Some(state.world.sent()).filter(|sent| sent.len() >= count)
        })
    }

    /// Waits until so many commands begin with `start`.
    #[track_caller]
    pub(crate) fn wait_for_commands(&self, start: &str, count: usize) {
        self.wait_for(&format!("{start} number {count}"), |state| {
            let found = state.commands.iter().filter(|command| command.starts_with(start)).count();
            (found >= count).then_some(())
        });
    }

    /// How many commands begin with `start`.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.look(|state| state.commands.iter().filter(|command| command.starts_with(start)).count())
    }

    /// The texts that were sent, in their order.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.look(|state| state.world.sent().into_iter().map(|item| item.text).collect())
    }
}
