//! Wiring: sockets, threads, signals, an orderly stop.
//!
//! ```text
//!   listener ─► ring ─► worker ─► senders          a thread each; panics end the process
//!   heartbeat ─► probe ─► listener                 one more, with HEARTBEAT_URL
//!   copies of alerts, figures ─► exporter          and one, with OTEL_EXPORTER_OTLP_ENDPOINT
//!   main: the runtime with HTTP, TCP and signals, then the stop
//!
//!   stop:  worker drains the ring ─► senders try once more ─► what is left is said    5 s in all
//! ```
//!
//! HTTP and TCP are bound before UDP: whoever sees lines accepted can rely on the rest.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::alert::{Alert, DestinationId};
use crate::figures::NotifierCard;
use crate::health::Health;
use crate::heartbeat::{Daily, Pinger, Pings};
use crate::ingest::{self, Forward, Listener, tcp};
use crate::line::Line;
use crate::live::Live;
use crate::notify::destinations::Destination;
use crate::notify::{Dispatch, Reporter};
use crate::otel::{Copies, Exporter};
use crate::probe::Probe;
use crate::ring::Ring;
use crate::rules::{self, Rule};
use crate::settings::Settings;
use crate::stats::Stats;
use crate::timestamp::Zone;
use crate::watch::Watches;
use crate::worker::{Call, Worker};
use crate::{draft, log, serve, stack};

mod error;
mod summary;
mod tor;

pub use error::Error;

/// What all lines that wait may take in memory (contract of the interface).
const RING_BYTES_MAX: usize = 1 << 20;

/// From the signal to the end. RouterOS kills after 10 s.
const STOP_TIMEOUT: Duration = Duration::from_millis(4500);

/// Std would reserve 2 MiB for each thread, and a machine that is strict about what
/// it promises (vm.overcommit_memory=2) counts that as taken. These are from what
/// was used at worst, as `toolchain/memory.sh` shows it; a debug build needs some
/// four times that, and must not overflow either. The listener calls nothing deep,
/// and its batch is on the heap: 8 KiB.
const LISTENER_STACK_BYTES: usize = 64 * 1024;

/// Matching keeps its state on the heap, but for a frame for each level of a
/// pattern: 16 KiB with the deepest patterns, 56 KiB in a debug build.
const WORKER_STACK_BYTES: usize = 128 * 1024;

/// Of what was held for rules that are gone, so much is told word by word.
const ORPHANS_SHOWN_MAX: usize = 20;

/// It sends as a sender does, and reads less of the answer: `notify::dispatch::STACK_BYTES`.
const HEARTBEAT_STACK_BYTES: usize = 256 * 1024;

/// The same, and its bodies are on the heap.
const EXPORTER_STACK_BYTES: usize = 256 * 1024;

/// The daemon at work.
pub struct Daemon {
    /// Where it receives.
    pub address: SocketAddr,
    /// What the kernel granted, in bytes.
    receive_buffer: usize,
    /// What it has counted.
    pub stats: Arc<Stats>,
    calls: Sender<Call>,
    worker: thread::JoinHandle<Dispatch>,
    /// Says why, when the listener has ended.
    listener_ended: mpsc::UnboundedReceiver<ingest::Error>,
    http: Option<(std::net::TcpListener, serve::Site)>,
    tcp: Option<(std::net::TcpListener, Arc<tcp::Sink>)>,
    /// Dropped when no more pings are to go out.
    heartbeat: Option<Sender<()>>,
    /// Dropped when the last copies are to go out; closed when they have.
    exporter: Option<(Sender<()>, Receiver<()>)>,
    tor: Option<crate::tor::Watcher>,
}

impl Daemon {
    /// Binds everything and starts the threads.
    ///
    /// # Errors
    /// When an address cannot be bound, or the system has no thread left.
    pub fn start(mut settings: Settings) -> Result<Daemon, Error> {
        log::open(&settings.log, settings.zone.clone()).map_err(Error::Log)?;
        log::info("starting", &[("version", &env!("CARGO_PKG_VERSION"))]);
        summary::log_rules(&settings);
        let start = Instant::now();
        let health = Arc::new(Health::new(start));
        let mut watches = Watches::new(std::mem::take(&mut settings.watches), start);
        let hook_names = settings.hooks.iter().map(|hook| &*hook.name);
        let stats = Stats::new(settings.rules.rules().iter().map(Rule::name)).with_hooks(hook_names);
        let stats = Arc::new(Stats { watches: watches.silences(), ..stats });
        let live = Arc::<Live>::default();
        let ring = Ring::new(settings.ingest.ring_lines, RING_BYTES_MAX);

        let http = match settings.serve.listen {
            None => None,
            Some(address) => {
                let listener = serve::bind(address).map_err(Error::Serve)?;
                let bound = listener.local_addr().unwrap_or(address);
                log::info("http listening", &[("address", &bound)]);
                Some(listener)
            }
        };
        let tcp = match settings.ingest.tcp_listen {
            None => None,
            Some(address) => {
                let listener = tcp::bind(address).map_err(Error::Ingest)?;
                let bound = listener.local_addr().unwrap_or(address);
                log::info("tcp listening", &[("address", &bound)]);
                let allow = settings.ingest.allow.clone();
                Some((listener, Arc::new(tcp::Sink { ring: ring.clone(), allow, stats: Arc::clone(&stats) })))
            }
        };
        let listener = Listener::bind(settings.ingest.listen).map_err(Error::Ingest)?;
        let address = listener.local_address().map_err(Error::Start)?;
        let forward = settings.ingest.forward.as_ref();
        let forward = forward.map(|(host, port)| Forward::start(host, *port, address));
        let forward = forward.transpose().map_err(Error::Ingest)?;

        let (calls, called) = unbounded();
        let reporter = calls.clone();
        // The worker is gone only when everything is.
        let report: Reporter = Arc::new(move |report| drop(reporter.send(Call::Report(report))));
        let cards = summary::rule_cards(&settings);
        let (destinations, zone) = (settings.destinations, &settings.zone);
        let names_and_pulses: Vec<_> =
            destinations.iter().map(|one| (one.name.clone(), Arc::clone(&one.pulse))).collect();
        let mut pinger = settings.heartbeat.pings.map(|pings| pinger(pings, address, &destinations));
        let probe = pinger.as_ref().map(|(pinger, _)| Arc::clone(&pinger.probe));
        if let Some(listening) = &settings.listening {
            listening.begin(&stats, &report);
        }
        let dispatch = Dispatch::start(destinations, &settings.dispatch, zone, &stats, report);
        let mut dispatch = dispatch.map_err(Error::Dispatch)?;
        if let Some((pinger, _)) = &mut pinger {
            pinger.pulses.extend(dispatch.disk_pulse().map(|pulse| ("STATE_DIR".to_owned(), pulse)));
        }
        let card = |(number, (name, pulse)): (usize, (String, _))| {
            let waiting = dispatch.waiting(DestinationId(number));
            NotifierCard { name, pulse, waiting: Box::new(waiting) }
        };
        let notifiers: Arc<[_]> = names_and_pulses.into_iter().enumerate().map(card).collect();
        let routers = settings.rules.context().routers.clone();
        let copies = Copies::new(&settings.otel, &stats);
        if let Some(copies) = copies.clone() {
            dispatch.copy_to(Box::new(move |alert| copies.take(alert)));
        }
        let asker = calls.clone();
        let tor = settings.tor.map(|tor| tor::Watch::new(tor, &calls));
        let http = http.map(|listener| {
            let site = serve::Site {
                settings: settings.serve,
                health: Arc::clone(&health),
                stats: Arc::clone(&stats),
                live: Arc::clone(&live),
                routers: routers.clone(),
                zone: settings.zone.clone(),
                rules: cards,
                notifiers: Arc::clone(&notifiers),
                tor: tor.as_ref().map(tor::Watch::for_site),
                start,
                guesses: serve::Guesses::default(),
                desk: serve::hooks::Desk::default(),
                ask: Box::new(move |ask| drop(asker.send(call(ask)))),
                try_pattern: rules::trial::answer,
                read_draft: draft::read,
            };
            (listener, site)
        });
        let mut recalled = dispatch.recall();
        let now = (Instant::now(), SystemTime::now());
        if dispatch.keeps_memory() {
            watches.recall(&mut recalled, now.0);
            let orphans = settings.rules.recall(&recalled, now.0);
            tell_orphans(&orphans, &settings.self_destinations, &settings.zone, &dispatch);
        }
        if let Some(alert) = recalled.rebooted.and_then(|how| settings.rules.rebooted(&how, now)) {
            stats.count_alert(&alert.rule);
            dispatch.accept(alert);
        }
        let (stop, stopped) = bounded(0);
        let (ended, has_ended) = bounded(0);
        let exporter = settings.otel.is_on().then(|| Exporter {
            settings: settings.otel,
            copies,
            stats: Arc::clone(&stats),
            routers,
            notifiers,
            tor: tor.as_ref().map(|tor| Arc::clone(&tor.figures)),
            began: OnceLock::new(),
            start,
            stop: stopped,
            ended,
        });
        let worker = Worker {
            ring: ring.clone(),
            rules: settings.rules,
            hooks: settings.hooks,
            watches,
            dispatch,
            self_destinations: settings.self_destinations,
            zone: settings.zone,
            drops: listener.drops(),
            stats: Arc::clone(&stats),
            health: Arc::clone(&health),
            live: Arc::clone(&live),
            probe: probe.clone(),
            daily: settings.heartbeat.daily.map(|message| Daily::new(message, Instant::now())),
            calls: called,
        };
        let worker = spawn("worker", WORKER_STACK_BYTES, move || worker.run())?;
        let receive_buffer = listener.receive_buffer;
        let allow = settings.ingest.allow;
        let listener_ended = start_listener(listener, ring, allow, forward, probe, &stats, health)?;
        let start = |(pinger, stop): (Pinger, _)| {
            spawn("heartbeat", HEARTBEAT_STACK_BYTES, move || pinger.run()).map(|_| stop)
        };
        let heartbeat = pinger.map(start).transpose()?;
        let start = |exporter: Exporter| {
            spawn("exporter", EXPORTER_STACK_BYTES, move || exporter.run()).map(|_| (stop, has_ended))
        };
        let exporter = exporter.map(start).transpose()?;
        Ok(Daemon {
            address,
            receive_buffer,
            stats,
            calls,
            worker,
            listener_ended,
            http,
            tcp,
            heartbeat,
            exporter,
            tor: tor.map(|tor| tor.watcher),
        })
    }

    /// Runs until a signal says to stop, then stops.
    ///
    /// # Errors
    /// When the runtime cannot be made, or the listener has failed.
    pub fn run(mut self) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::Start)?;
        let (http, tcp, tor) = (self.http.take(), self.tcp.take(), self.tor.take());
        let ended = runtime.block_on(async {
            // As process 1 a signal without a handler does nothing.
            let mut terminate = signal(SignalKind::terminate()).map_err(Error::Start)?;
            let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Start)?;
            let mut hangup = signal(SignalKind::hangup()).map_err(Error::Start)?;
            if let Some((listener, site)) = http {
                tokio::spawn(serve::run(listener, Arc::new(site)));
            }
            if let Some((listener, sink)) = tcp {
                tokio::spawn(tcp::run(listener, sink));
            }
            tor.map(|watcher| tokio::spawn(watcher.run()));
            // Said last: from now on it receives, answers, and stops when told.
            log::info("listening", &[("udp", &self.address), ("receive_buffer", &self.receive_buffer)]);
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                _ = hangup.recv() => "SIGHUP",
                Some(error) = self.listener_ended.recv() => return Err(Error::Ingest(error)),
            };
            log::info("stopping", &[("signal", &name)]);
            Ok(())
        });
        drop(runtime);
        self.stop();
        ended
    }

    /// Stops: what is in the ring is read, what is due is tried once more, and
    /// what is left is said.
    pub fn stop(self) {
        let deadline = Instant::now() + STOP_TIMEOUT;
        drop(self.heartbeat);
        let _ = self.calls.send(Call::Stop);
        // A worker that panicked has ended the process.
        if let Ok(dispatch) = self.worker.join() {
            let exported = self.exporter.map(|(_, ended)| ended);
            for left in dispatch.stop(deadline) {
                if left.in_memory > 0 {
                    log::warn("alerts left", &[("notifier", &left.name), ("alerts", &left.in_memory)]);
                }
                if left.on_disk > 0 {
                    log::info("alerts kept", &[("notifier", &left.name), ("alerts", &left.on_disk)]);
                }
            }
            // A collector that does not answer is left behind, too.
            let _ = exported.map(|ended| ended.recv_deadline(deadline));
        }
        summary::log_stats(&self.stats);
    }
}

/// What somebody asks for on the page, as the worker hears it.
fn call(ask: serve::Ask) -> Call {
    match ask {
        serve::Ask::Test(number) => Call::Test(DestinationId(number)),
        serve::Ask::Mute(rule, until) => Call::Mute(rule, until),
        serve::Ask::Hook(told) => Call::Hook(told),
    }
}

/// Tells what was held for rules that are not configured any more: nobody else will.
fn tell_orphans(orphans: &[String], to: &[DestinationId], zone: &Zone, dispatch: &Dispatch) {
    if orphans.is_empty() {
        return;
    }
    log::warn("alerts held for rules that are gone", &[("alerts", &orphans.len())]);
    let (shown, rest) = orphans.split_at(orphans.len().min(ORPHANS_SHOWN_MAX));
    let more = if rest.is_empty() { String::new() } else { format!("\n… and {} more", rest.len()) };
    let text =
        format!("alertik: held for rules that are not configured any more:\n{}{more}", shown.join("\n"));
    let now = (Instant::now(), SystemTime::now());
    dispatch.accept(Alert::own(text, zone, to.into(), now));
}

/// What will ping, and the word that stops it.
fn pinger(pings: Pings, listen: SocketAddr, destinations: &[Destination]) -> (Pinger, Sender<()>) {
    let (stop, stopped) = bounded(0);
    let pulses = destinations.iter().map(|one| (one.name.clone(), Arc::clone(&one.pulse))).collect();
    (Pinger { pings, probe: Arc::default(), listen, pulses, stop: stopped }, stop)
}

fn start_listener(
    listener: Listener,
    ring: Ring<Line>,
    allow: Option<crate::network::Networks>,
    forward: Option<Forward>,
    probe: Option<Arc<Probe>>,
    stats: &Arc<Stats>,
    health: Arc<Health>,
) -> Result<mpsc::UnboundedReceiver<ingest::Error>, Error> {
    let (ending, ended) = mpsc::unbounded_channel();
    let stats = Arc::clone(stats);
    spawn("listener", LISTENER_STACK_BYTES, move || {
        let (allow, forward, probe) = (allow.as_ref(), forward.as_ref(), probe.as_deref());
        if let Err(error) = listener.run(&ring, allow, forward, probe, &stats) {
            health.listener_stopped();
            let _ = ending.send(error);
        }
    })?;
    Ok(ended)
}

fn spawn<T: Send + 'static>(
    name: &str,
    stack_bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(stack::bytes(stack_bytes))
        .spawn(work)
        .map_err(Error::Start)
}
