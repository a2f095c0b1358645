//! What all SimpleX destinations share: how to reach simplex-chat, and the one thread that does.
//!
//! ```text
//!   sender ─┐ Order                       ┌─► Outcome, to the sender that waits
//!   sender ─┼──────► thread "simplex" ────┤
//!   watch  ─┘        one connection       └─► Report, to the worker
//! ```
//!
//! Apart from the thread's work, because this is what others see of it. One connection for all:
//! simplex-chat tells its events to one only, and stops when nobody reads them.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::worker::Worker;
use super::{Reply, Target};
use crate::alert::{AlertId, DestinationId};
use crate::notify::http::{Address, Client};
use crate::notify::{Outcome, Reporter};
use crate::secret::Secret;
use crate::stack;
use crate::stats::Stats;

/// As much as a sender's, which goes the same way: TLS, and JSON as deep as it is read.
const STACK_BYTES: usize = 256 * 1024;

/// What is written later than this after an attempt has begun would be answered when nobody waits any more.
const ORDER_WAIT: Duration = Duration::from_secs(27);

/// An attempt ends after 30 s.
const REPLY_WAIT: Duration = Duration::from_secs(29);

/// How simplex-chat is reached.
pub(super) struct Settings {
    pub(super) client: Client,
    pub(super) address: Address,
    /// To groups that are joined when they are needed.
    pub(super) links: Vec<Secret>,
}

/// One destination, by its place in the order of opening.
pub(super) type Seat = usize;

/// What the thread is asked for.
pub(super) enum Order {
    /// The daemon has begun: there is somebody to report to.
    Begin { stats: Arc<Stats>, report: Reporter },
    /// This destination has this number, and leads there.
    Seat(Seat, DestinationId, Target),
    /// From now on tell what these people write.
    Listen(Vec<Arc<str>>),
    /// Deliver.
    Send(Message, Sender<Reply>),
}

/// One message, for one attempt.
pub(super) struct Message {
    pub(super) seat: Seat,
    pub(super) target: Target,
    pub(super) alert: AlertId,
    pub(super) text: String,
    /// A file that goes with it, on simplex-chat's machine.
    pub(super) file: Option<String>,
    /// What follows the text if the file cannot; nothing may be put behind an armored one.
    pub(super) without_file: String,
    /// It is not written after this.
    pub(super) until: Instant,
}

/// What the destinations of one configuration have in common, made when the first is opened.
#[derive(Default)]
pub struct Shared(OnceCell<Arc<Hub>>);

impl Shared {
    pub(super) fn hub(&self) -> Option<Arc<Hub>> {
        self.0.get().map(Arc::clone)
    }

    pub(super) fn hub_or(&self, settings: Settings) -> Arc<Hub> {
        Arc::clone(self.0.get_or_init(|| Arc::new(Hub::new(settings))))
    }
}

/// The way to the thread.
pub(super) struct Hub {
    orders: Sender<Order>,
    /// What the thread will be made of; None once there is one.
    waiting: Mutex<Option<(Settings, Receiver<Order>)>>,
    seats: AtomicUsize,
}

impl Hub {
    fn new(settings: Settings) -> Hub {
        // Nobody has more than one order in it.
        let (orders, inbox) = unbounded();
        Hub { orders, waiting: Mutex::new(Some((settings, inbox))), seats: AtomicUsize::new(0) }
    }

    pub(super) fn seat(&self) -> Seat {
        self.seats.fetch_add(1, Ordering::Relaxed)
    }

    /// Starts the thread, unless it is there.
    pub(super) fn start(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((settings, inbox)) = waiting.take() else { return };
        let thread = thread::Builder::new().name("simplex".to_owned()).stack_size(stack::bytes(STACK_BYTES));
        // Without it the inbox is closed, and every attempt says so.
        let _ = thread.spawn(move || Worker::new(settings, inbox).run());
    }

    /// Has the thread report from now on, and starts it.
    pub(super) fn begin(&self, stats: &Arc<Stats>, report: &Reporter) {
        stats.messages.is_used.store(true, Ordering::Relaxed);
        self.order(Order::Begin { stats: Arc::clone(stats), report: Arc::clone(report) });
        self.start();
    }

    pub(super) fn order(&self, order: Order) {
        // It can fail only for want of a thread, which every attempt says.
        let _ = self.orders.send(order);
    }

    /// Waits for what becomes of a message.
    pub(super) fn send(&self, message: Message) -> Reply {
        self.start();
        let (reply, answered) = bounded(1);
        let failed = |reason: &str| Reply::Outcome(Outcome::Failed { reason: reason.to_owned() });
        let until = message.until + (REPLY_WAIT - ORDER_WAIT);
        if self.orders.send(Order::Send(message, reply)).is_err() {
            return failed("there is no thread for it");
        }
        // One that is answered later is not sent again: the thread remembers it.
        answered.recv_deadline(until).unwrap_or_else(|_| failed("simplex-chat was busy for too long"))
    }

    /// When an attempt that begins now must have written what it has to say.
    pub(super) fn until() -> Instant {
        Instant::now() + ORDER_WAIT
    }
}

/// Whoever waits for people to write.
pub struct Listening {
    pub(super) hub: Arc<Hub>,
    pub(super) names: Vec<Arc<str>>,
}

impl Listening {
    /// Connects, and tells `report` from now on whom we hear ([`crate::notify::Ear`]).
    pub fn begin(&self, stats: &Arc<Stats>, report: &Reporter) {
        self.hub.begin(stats, report);
        self.hub.order(Order::Listen(self.names.clone()));
    }
}
