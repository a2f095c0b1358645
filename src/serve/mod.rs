//! HTTP: health, metrics, the page, and what it asks for.
//!
//! ```text
//!   connection ─► access ─► /healthz  /metrics  /  /api/…  /hook/…     one thread for all of them
//!                              │         │      │     └───────┴─ Ask ─► the worker
//!                            health    stats   live
//! ```
//!
//! The one door for hyper. It knows nothing of rules and services; it shows what the leaves
//! say, and hands on what somebody asks for. Every client is bounded in connections, header,
//! body and time, because whoever reaches the port is a stranger.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::figures::NotifierCard;
use crate::health::Health;
use crate::hook::Told;
use crate::live::Live;
use crate::network::Routers;
use crate::stats::Stats;
use crate::timestamp::Zone;
use crate::trial::{Answer, Question};

mod access;
mod api;
mod aside;
mod body;
mod guesses;
pub mod hooks;
mod lines;
mod metrics;
mod page;
#[cfg(feature = "pprof")]
mod profile;
mod settings;

use access::Access;
pub use api::MUTE_MAX;
use body::{Body, plain};
pub use guesses::Guesses;
pub use metrics::OfTor;
pub use settings::{Settings, VARIABLES};

/// A connection takes some 20 KiB.
const CONNECTIONS_MAX: usize = 64;

/// With those that have only just come. Whoever asks whether we are well, amid hundreds that say nothing, must have
/// the time to ask.
const CONNECTIONS_MOST: usize = 128;

/// For so long a connection has only just come: a program that means to ask something has asked by then.
const YOUNG: Duration = Duration::from_millis(50);

/// Connections that wait in the kernel to be let in. Std asks for 128: of five hundred at once the rest would try
/// again only after a second, and so would whoever asks whether we are well.
const BACKLOG: i32 = 1024;

/// A client that takes longer to say what it wants is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// No connection lives longer, kept alive or not, but those that are shown lines.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// hyper's smallest buffer; a header that does not fit is answered with 431.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// Why HTTP cannot be served.
#[derive(Debug)]
pub enum Error {
    /// The address cannot be bound.
    Bind(SocketAddr, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error::Bind(address, error) = self;
        write!(f, "HTTP_LISTEN: cannot listen on {address}: {error} (set another address, or off)")
    }
}

/// Binds the address.
///
/// # Errors
/// When it cannot be bound.
pub fn bind(address: SocketAddr) -> Result<std::net::TcpListener, Error> {
    let bound = std::net::TcpListener::bind(address);
    let bound = bound.and_then(|listener| SockRef::from(&listener).listen(BACKLOG).map(|()| listener));
    let listener = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    listener.map_err(|error| Error::Bind(address, error))
}

/// What requests are answered from.
pub struct Site {
    /// Who may ask.
    pub settings: Settings,
    /// Whether we are well.
    pub health: Arc<Health>,
    /// What was counted.
    pub stats: Arc<Stats>,
    /// Lines as they are read.
    pub live: Arc<Live>,
    /// Names for senders.
    pub routers: Routers,
    /// Where the operator's clock is.
    pub zone: Zone,
    /// The rules, at the same places as in [`Stats::rules`].
    pub rules: Vec<RuleCard>,
    /// The notifiers, by their numbers.
    pub notifiers: Arc<[NotifierCard]>,
    /// What Tor says, if it is asked.
    pub tor: Option<OfTor>,
    /// When the process started.
    pub start: Instant,
    /// Who gave wrong tokens.
    pub guesses: Guesses,
    /// Where the bodies of hooks are taken in.
    pub desk: hooks::Desk,
    /// Takes what somebody asks for; never waits.
    pub ask: Box<dyn Fn(Ask) + Send + Sync>,
    /// Tries a pattern.
    pub try_pattern: fn(&Question<'_>) -> Answer,
    /// Reads variables as the daemon would.
    pub read_draft: fn(&[(String, String)]) -> Draft,
}

/// What there is to say of a rule that does not change.
pub struct RuleCard {
    /// `EVENT0`, or `STATIC_EVENT0`.
    pub name: String,
    /// What it looks for and sends.
    pub description: String,
    /// Whom it tells.
    pub notifiers: Vec<String>,
    /// What it tells is never held.
    pub is_urgent: bool,
}

/// What somebody asks of the daemon.
pub enum Ask {
    /// A test alert through the notifier of this number.
    Test(usize),
    /// Hold what the rule at this place, or any, would tell, until then. None ends that.
    Mute(Option<usize>, Option<Instant>),
    /// Tell what another system has told us.
    Hook(Told),
}

/// What variables that somebody has written would come to.
#[derive(Debug, Default, PartialEq, serde::Serialize)]
pub struct Draft {
    /// What keeps the daemon from taking them, a sentence each.
    pub faults: Vec<String>,
    /// What it takes them in spite of.
    pub warnings: Vec<String>,
    /// For a shell.
    pub shell: String,
    /// For the file that `ALERTIK_CONFIG` names.
    pub file: String,
    /// For RouterOS's console.
    pub routeros: String,
}

/// Who is connected, the oldest first.
#[derive(Default)]
struct Guests(VecDeque<Guest>);

struct Guest {
    task: AbortHandle,
    since: Instant,
    /// Set while it is shown lines, or waits for what it told us to be kept.
    stays: Arc<AtomicBool>,
}

impl Guests {
    /// Makes room for one more: the oldest goes that has not said yet what it wants, or dawdles. Whoever
    /// comes in good faith is answered within a millisecond, and is never the oldest of so many.
    fn make_room(&mut self, now: Instant) {
        self.0.retain(|guest| !guest.task.is_finished());
        while self.0.len() >= CONNECTIONS_MAX {
            let oldest = self.0.iter().position(|guest| !guest.stays.load(Ordering::Relaxed));
            let is_young = |index: &usize| {
                self.0.get(*index).is_some_and(|guest| now.saturating_duration_since(guest.since) < YOUNG)
            };
            let oldest = oldest.filter(|index| self.0.len() >= CONNECTIONS_MOST || !is_young(index));
            let Some(guest) = oldest.and_then(|index| self.0.remove(index)) else { return };
            guest.task.abort();
        }
    }

    fn is_crowded(&self) -> bool {
        self.0.len() >= CONNECTIONS_MAX
    }
}

/// Serves for ever.
///
/// # Errors
/// When the socket cannot be handed to the runtime.
pub async fn run(listener: std::net::TcpListener, site: Arc<Site>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut guests = Guests::default();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of file descriptors, usually: leave the others time to end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if guests.is_crowded() {
            // Those who have asked are answered before one more is let in.
            tokio::task::yield_now().await;
        }
        let since = Instant::now();
        guests.make_room(since);
        let (site, stays) = (Arc::clone(&site), Arc::<AtomicBool>::default());
        let task = tokio::spawn(serve_connection(stream, peer.ip(), site, Arc::clone(&stays))).abort_handle();
        guests.0.push_back(Guest { task, since, stays });
    }
}

async fn serve_connection(stream: TcpStream, peer: IpAddr, site: Arc<Site>, stays: Arc<AtomicBool>) {
    let (site, stays) = (&site, &stays);
    let service =
        service_fn(|request| async move { Ok::<_, Infallible>(answer(request, peer, site, stays).await) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let limit = async {
        loop {
            tokio::time::sleep(CONNECTION_TIMEOUT).await;
            if !stays.load(Ordering::Relaxed) {
                return;
            }
        }
    };
    // A client that goes away or talks nonsense is its own affair.
    tokio::select! {
        _ = connection => {}
        () = limit => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: IpAddr,
    site: &Site,
    stays: &Arc<AtomicBool>,
) -> Response<Body> {
    let now = Instant::now();
    let (parts, body) = request.into_parts();
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    let path = parts.uri.path();
    if path == "/healthz" {
        let is_try = access::is_try(&parts.headers);
        let may_know = (!is_try || site.guesses.may_try(peer, now))
            && access::of_reasons(&site.settings, &parts.headers);
        if is_try && !may_know {
            site.guesses.note_wrong(peer, now);
        }
        return match is_read {
            true => healthz(&site.health.troubles(now), may_know),
            false => plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n"),
        };
    }
    if let Some(called) = hooks::called(&site.settings.hooks, &parts.method, path) {
        return hooks::answer(site, called, (parts, body), peer, stays).await;
    }
    let is_try = path == "/login" || access::is_try(&parts.headers);
    if is_try && !site.guesses.may_try(peer, now) {
        return plain(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens: wait a second\n");
    }
    if path == "/metrics" {
        let access = access::of_metrics(&site.settings, &parts.headers);
        if access == Access::TokenMissing && is_try {
            site.guesses.note_wrong(peer, now);
        }
        return match access {
            Access::Granted if is_read => metrics::answer(site).await,
            Access::Granted => plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n"),
            Access::TokenMissing => body::unauthorized("METRICS_TOKEN or HTTP_TOKEN is needed\n"),
            Access::Refused(why) => plain(StatusCode::FORBIDDEN, format!("{why}\n")),
        };
    }
    let access = match path {
        "/" if is_read => access::of_document(&site.settings, &parts.headers),
        _ => access::of_page(&site.settings, &parts.headers),
    };
    if access == Access::TokenMissing && access::is_try(&parts.headers) {
        site.guesses.note_wrong(peer, now);
    }
    match (&parts.method, path, &access) {
        (_, _, Access::Refused(why)) => plain(StatusCode::FORBIDDEN, format!("{why}\n")),
        (&Method::POST, "/login", _) => page::log_in(site, peer, body).await,
        (&Method::GET | &Method::HEAD, "/", Access::TokenMissing) => page::login_form(false),
        (_, _, Access::TokenMissing) => body::unauthorized("HTTP_TOKEN is needed\n"),
        (&Method::GET | &Method::HEAD, "/", _) => page::whole(),
        (&Method::POST, "/logout", _) => page::log_out(),
        (&Method::GET, "/api/lines", _) => lines::answer(site, parts.uri.query().unwrap_or_default(), stays),
        (&Method::GET, "/api/state", _) => api::state(site, now),
        (&Method::POST, "/api/test", _) => api::test(site, body).await,
        (&Method::POST, "/api/mute", _) => api::mute(site, body, now).await,
        (&Method::POST, "/api/try", _) => api::try_pattern(site, body).await,
        (&Method::POST, "/api/draft", _) => api::draft(site, body).await,
        #[cfg(feature = "pprof")]
        (&Method::GET, "/debug/pprof/profile", _) => {
            profile::answer(parts.uri.query().unwrap_or_default(), stays).await
        }
        (_, "/" | "/login" | "/logout", _) => plain(StatusCode::METHOD_NOT_ALLOWED, "another method\n"),
        _ if path.starts_with("/api/") => plain(StatusCode::NOT_FOUND, "there is no such call\n"),
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

fn healthz(troubles: &[&str], may_know: bool) -> Response<Body> {
    match (troubles.is_empty(), may_know) {
        (true, _) => plain(StatusCode::OK, "ok\n"),
        (false, true) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", troubles.join("\n"))),
        (false, false) => plain(StatusCode::SERVICE_UNAVAILABLE, "not ok\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ill_health_has_reasons_for_those_who_may_know() {
        let check = |troubles: &[&str], may_know, status: u16, expected: &'static str| {
            let answer = healthz(troubles, may_know);
            assert_eq!(answer.status(), status);
            let Body::Piece(text) = answer.into_body() else { panic!("one piece") };
            assert_eq!(text.unwrap(), expected);
        };
        check(&[], true, 200, "ok\n");
        check(&[], false, 200, "ok\n");
        check(&["the listener has stopped", "late"], true, 503, "the listener has stopped\nlate\n");
        check(&["the listener has stopped"], false, 503, "not ok\n");
    }
}
