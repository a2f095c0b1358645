//! Hands alerts to the senders, and stops them.
//!
//! The worker calls [`Dispatch::accept`], which never waits: each destination's
//! queue takes the alert or, when it is full, lets its oldest one go, counted.
//! With `STATE_DIR` there is one inbox for all, and whoever empties it keeps
//! alerts on the disk before any queue hears of them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Beginning;
use super::cap::ALERTS_PER_HOUR_MOST;
use super::destinations::Destination;
use super::fallback::Fallback;
use super::http::Url;
use super::keeper::{Inbox, Keeper};
use super::queue::Queue;
use super::report::Reporter;
use super::sender::{Terms, Worker};
use super::store::Store;
use crate::alert::{Alert, DestinationId};
use crate::health::Pulse;
use crate::hook::{Done, Taken};
use crate::memory::{Change, Recalled};
use crate::span;
use crate::stack;
use crate::stats::Stats;
use crate::timestamp::Zone;
use crate::vars::{Faults, Vars, shown};

/// A sender's call chain is ureq and rustls (names are looked up on a thread of
/// their own). A TLS handshake with a chain of four RSA certificates of 4,096 bits,
/// and then an answer of JSON as deep as serde_json reads it (128 levels), used
/// 56 KiB, on 32-bit ARM 44; in a debug build 216.
const STACK_BYTES: usize = 256 * 1024;

/// The keeper's buffers are on the heap.
const KEEPER_STACK_BYTES: usize = 128 * 1024;

/// What delivery as a whole is told by variables.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Older alerts are not sent any more.
    pub expire: Duration,
    /// Alerts that each destination is told one by one within an hour; any number, if None.
    pub alerts_per_hour_max: Option<usize>,
    /// Who takes over from the others.
    pub fallback: Vec<DestinationId>,
    /// Where alerts are kept until they are told; memory only, if nowhere.
    pub state_dir: Option<PathBuf>,
    /// Each message has a number, by which one that is missing is noticed.
    pub is_numbered: bool,
    /// Put behind each message: where whoever reads it finds the page.
    pub page_url: Option<String>,
}

/// One a minute, day and night, is more than anybody reads (contract of the interface).
const ALERTS_PER_HOUR_MAX: usize = 60;

/// It is at the end of every message, and some are short.
const PAGE_URL_BYTES_MAX: usize = 200;

impl Settings {
    /// Reads `ALERT_EXPIRE` (default a day), `ALERTS_PER_HOUR_MAX`, `STATE_DIR`, `ALERT_SERIAL` and `PAGE_URL`.
    /// Who the fallback is, only the destinations know.
    pub fn read(vars: &Vars, faults: &mut Faults) -> Settings {
        let default = Duration::from_secs(24 * 3600);
        let expire = vars.text("ALERT_EXPIRE").map_or(Some(default), |text| {
            let span = span::read(text);
            if span.is_none() {
                let text = shown(text);
                faults
                    .fault(format!("ALERT_EXPIRE: {text} is not a time span (expected 90s, 10m, 24h or 7d)"));
            }
            span
        });
        let cap = vars.text("ALERTS_PER_HOUR_MAX").map_or(Some(ALERTS_PER_HOUR_MAX), |text| {
            let number = text.trim().parse().ok().filter(|max| (1..=ALERTS_PER_HOUR_MOST).contains(max));
            if number.is_none() && text.trim() != "off" {
                faults.fault(format!(
                    "ALERTS_PER_HOUR_MAX: {} is not a number of alerts (expected 1 to {ALERTS_PER_HOUR_MOST}, or off)",
                    shown(text)
                ));
            }
            number
        });
        let state_dir = vars.text("STATE_DIR").map(PathBuf::from);
        let is_numbered = match vars.text("ALERT_SERIAL") {
            None | Some("off") => false,
            Some("on") => true,
            Some(other) => {
                faults.fault(format!(
                    "ALERT_SERIAL: {} says neither yes nor no (expected on or off)",
                    shown(other)
                ));
                false
            }
        };
        let page_url = vars.text("PAGE_URL").map(str::trim).filter(|url| {
            let is_one = url.len() <= PAGE_URL_BYTES_MAX && Url::parse(url).is_ok();
            if !is_one {
                faults.fault(format!(
                    "PAGE_URL is not a URL (expected http://… or https://…, {PAGE_URL_BYTES_MAX} bytes at most)"
                ));
            }
            is_one
        });
        let (expire, page_url) = (expire.unwrap_or(default), page_url.map(str::to_owned));
        Settings { expire, alerts_per_hour_max: cap, fallback: Vec::new(), state_dir, is_numbered, page_url }
    }
}

/// Why delivery cannot start.
#[derive(Debug)]
pub enum Error {
    /// Another process has `STATE_DIR`.
    InUse(PathBuf),
    /// The system has no thread left.
    Thread(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InUse(path) => {
                let path = path.display();
                write!(
                    f,
                    "STATE_DIR: {path} is in use by another alertik (stop that one, or name another folder)"
                )
            }
            Error::Thread(error) => write!(f, "cannot start a sender: {error}"),
        }
    }
}

/// Takes a copy of an alert, and never waits.
pub type Copy = Box<dyn Fn(&Arc<Alert>) + Send>;

/// The senders at work.
pub struct Dispatch {
    queues: Arc<[Arc<Queue>]>,
    kept: Option<Kept>,
    terms: Arc<Terms>,
    /// Sees each alert before its destinations do.
    copy: Option<Copy>,
    /// Dropped when it is time to stop.
    stop: Sender<()>,
    /// Closed when every sender has ended.
    ended: Receiver<()>,
}

/// What there is besides if alerts are kept on the disk.
struct Kept {
    store: Arc<Store>,
    inbox: Inbox,
    pulse: Arc<Pulse>,
    recalled: Recalled,
    /// Dropped when no more alerts will come.
    stop: Sender<()>,
    /// Closed when all that came are kept.
    ended: Receiver<()>,
}

/// What was not told when a destination stopped.
#[derive(Debug, PartialEq)]
pub struct Left {
    /// The destination.
    pub name: String,
    /// Alerts that are lost with the process.
    pub in_memory: usize,
    /// Alerts that the next process will tell.
    pub on_disk: usize,
}

impl Dispatch {
    /// Starts a thread for each destination; `report` takes what there is to say.
    ///
    /// # Errors
    /// When the system has no thread left, or `STATE_DIR` is another process's.
    pub fn start(
        destinations: Vec<Destination>,
        settings: &Settings,
        zone: &Zone,
        stats: &Arc<Stats>,
        report: Reporter,
    ) -> Result<Dispatch, Error> {
        let names = || destinations.iter().map(|destination| destination.name.clone());
        let open =
            |path: &PathBuf| Store::open(path, names(), zone.clone(), Arc::clone(stats), Arc::clone(&report));
        let opened = settings.state_dir.as_ref().map(open).transpose();
        let opened = opened.map_err(|in_use| Error::InUse(in_use.0))?;
        let opened = opened.map(|(store, recalled)| (Arc::new(store), recalled));
        let store = opened.as_ref().map(|(store, _)| Arc::clone(store));
        let queues: Arc<[_]> = names()
            .enumerate()
            .map(|(index, name)| {
                let disk = store.clone().map(|store| (store, index));
                Arc::new(Queue::new(name, disk, settings.is_numbered))
            })
            .collect();
        let (stop, stopped) = bounded(0);
        let (ending, ended) = bounded::<()>(0);
        let ids = settings.fallback.clone();
        let terms = Arc::new(Terms {
            expire: settings.expire,
            alerts_per_hour_max: settings.alerts_per_hour_max,
            fallback: Fallback { ids, queues: Arc::clone(&queues), store, taken: Mutex::default() },
            page_url: settings.page_url.clone(),
            zone: zone.clone(),
            stats: Arc::clone(stats),
            report,
        });
        for (index, (mut destination, queue)) in destinations.into_iter().zip(queues.iter()).enumerate() {
            let report = &terms.report;
            destination.notifier.begin(&Beginning { destination: DestinationId(index), stats, report });
            let (id, terms) = (DestinationId(index), Arc::clone(&terms));
            let worker = Worker::new(id, destination, Arc::clone(queue), terms, stopped.clone());
            spawn("sender", STACK_BYTES, &ending, move || worker.run())?;
        }
        let kept = opened.map(|(store, recalled)| Kept::start(store, recalled, &queues)).transpose()?;
        Ok(Dispatch { queues, kept, terms, copy: None, stop, ended })
    }

    /// Has `copy` see each alert from now on.
    pub fn copy_to(&mut self, copy: Copy) {
        self.copy = Some(copy);
    }

    /// Puts `alert` into the queue of each of its destinations. One about ourselves
    /// goes only where there is room: told in another's place it would be the next loss.
    pub fn accept(&self, alert: Alert) {
        let alert = Arc::new(alert);
        if let Some(copy) = &self.copy {
            copy(&alert);
        }
        let Terms { stats, report, .. } = &*self.terms;
        match &self.kept {
            None => {
                let queues = alert.destinations.iter().filter_map(|id| self.queues.get(id.0));
                queues.for_each(|queue| queue.push_memory(&alert, stats, report));
            }
            Some(kept) => kept.inbox.accept(alert, stats, report),
        }
    }

    /// The same for an alert that its sender can keep and bring again: where it would cost another its place
    /// it is not taken. `done` hears what became of it, once it is kept, or not at all if it is lost before.
    pub fn offer(&self, alert: Alert, done: Done) {
        let alert = Arc::new(alert);
        let Terms { stats, report, .. } = &*self.terms;
        let queues = alert.destinations.iter().filter_map(|id| self.queues.get(id.0));
        let has_place = self.kept.as_ref().is_none_or(|kept| !kept.store.is_full());
        if !has_place || !queues.clone().all(|queue| queue.has_room_for(&alert)) {
            return done(Taken::NoRoom);
        }
        if let Some(copy) = &self.copy {
            copy(&alert);
        }
        match &self.kept {
            None => {
                queues.for_each(|queue| queue.push_memory(&alert, stats, report));
                done(Taken::Kept);
            }
            Some(kept) => kept.inbox.offer(alert, done, stats, report),
        }
    }

    /// Whether the disk answers, if alerts are kept there.
    pub fn disk_pulse(&self) -> Option<Arc<Pulse>> {
        self.kept.as_ref().map(|kept| Arc::clone(&kept.pulse))
    }

    /// What rules remembered before the start. The second time nothing.
    pub fn recall(&mut self) -> Recalled {
        self.kept.as_mut().map(|kept| std::mem::take(&mut kept.recalled)).unwrap_or_default()
    }

    /// True if what rules remember is kept, and the disk that it is kept on works.
    pub fn can_keep_memory(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.store.is_working())
    }

    /// Has what rules remember written now, though no alert follows.
    pub fn save_memory(&self) {
        if let Some(kept) = &self.kept {
            kept.inbox.save(&self.terms.stats, &self.terms.report);
        }
    }

    /// True if what rules remember is kept.
    pub fn keeps_memory(&self) -> bool {
        self.kept.is_some()
    }

    /// Keeps what rules remember. It is written together with the alert that is accepted
    /// next, and else at the stop: what no alert followed is not worth a write. Never waits.
    pub fn remember(&self, changes: Vec<Change>) {
        if let Some(kept) = &self.kept {
            kept.inbox.remember(changes, &self.terms.stats);
        }
    }

    /// The name of a destination.
    pub fn name(&self, id: DestinationId) -> &str {
        self.queues.get(id.0).map_or("", |queue| queue.name())
    }

    /// Tells, whenever asked, how many alerts wait for a destination.
    pub fn waiting(&self, id: DestinationId) -> impl Fn() -> usize + Send + Sync + 'static {
        let queue = self.queues.get(id.0).map(Arc::clone);
        move || queue.as_ref().map_or(0, |queue| queue.waiting())
    }

    /// True if another takes over while this one is out.
    pub fn has_fallback(&self, id: DestinationId) -> bool {
        self.terms.fallback.stands_in_for(id)
    }

    /// Every destination.
    pub fn ids(&self) -> impl Iterator<Item = DestinationId> {
        (0..self.queues.len()).map(DestinationId)
    }

    /// Lets every sender try once more what is due, waits for them until `deadline`,
    /// and says what was left.
    pub fn stop(self, deadline: Instant) -> Vec<Left> {
        let kept = self.kept.map(|kept| {
            kept.inbox.close(&self.terms.stats, &self.terms.report);
            drop(kept.stop);
            let _ = kept.ended.recv_deadline(deadline);
            kept.store
        });
        drop(self.stop);
        // A sender that is waiting for an answer is left behind: the process ends.
        let _ = self.ended.recv_deadline(deadline);
        if let Some(store) = kept {
            store.finish(&self.queues);
        }
        let left = self.queues.iter().map(|queue| queue.left());
        left.filter(|left| left.in_memory + left.on_disk > 0).collect()
    }
}

impl Kept {
    fn start(store: Arc<Store>, recalled: Recalled, queues: &Arc<[Arc<Queue>]>) -> Result<Kept, Error> {
        let (inbox, pulse) = (Inbox::new(), Arc::<Pulse>::default());
        let (stop, stopped) = bounded(0);
        let (ending, ended) = bounded(0);
        let keeper = Keeper {
            store: Arc::clone(&store),
            inbox: inbox.clone(),
            queues: Arc::clone(queues),
            pulse: Arc::clone(&pulse),
            stop: stopped,
        };
        spawn("keeper", KEEPER_STACK_BYTES, &ending, move || keeper.run())?;
        Ok(Kept { store, inbox, pulse, recalled, stop, ended })
    }
}

/// Starts a thread that holds `ending` until it ends.
fn spawn(
    name: &str,
    stack_bytes: usize,
    ending: &Sender<()>,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), Error> {
    let ending = ending.clone();
    let work = move || {
        work();
        drop(ending);
    };
    let spawned =
        thread::Builder::new().name(name.to_owned()).stack_size(stack::bytes(stack_bytes)).spawn(work);
    spawned.map(drop).map_err(Error::Thread)
}

#[cfg(test)]
mod tests;
