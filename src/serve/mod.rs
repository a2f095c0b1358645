//! HTTP: `/healthz`.
//!
//! The one door for hyper. It knows nothing of rules and services; it shows
//! what [`crate::health`] says. Every client is bounded in connections, header
//! and time, because whoever reaches the port is a stranger.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::health::Health;
use crate::secret::Secret;
use crate::vars::{Faults, Vars, shown};

/// The variables this module owns.
pub const VARIABLES: &[&str] = &["HTTP_LISTEN", "HTTP_TOKEN"];

/// The port that the bridge this program takes over was called at.
const PORT: u16 = 7898;

/// A connection takes some 20 KiB.
const CONNECTIONS_MAX: usize = 64;

/// A client that takes longer to say what it wants is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// No connection lives longer, kept alive or not.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// hyper's smallest buffer; a header that does not fit is answered with 431.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// Where HTTP is served.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `HTTP_LISTEN`; None: off.
    pub listen: Option<SocketAddr>,
    token: Option<Secret>,
}

impl Settings {
    /// Reads `HTTP_LISTEN` and `HTTP_TOKEN`.
    pub fn read(vars: &Vars, faults: &mut Faults) -> Settings {
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let token = vars.text("HTTP_TOKEN").map(Secret::new);
        let listen = match vars.text("HTTP_LISTEN").map(str::trim) {
            None => Some(default),
            Some("off") => None,
            Some(text) => {
                let address = text.parse::<SocketAddr>().ok();
                if address.is_none() {
                    let text = shown(text);
                    faults.fault(format!(
                        "HTTP_LISTEN: {text} is no address (expected {default}, [::1]:{PORT} or off)"
                    ));
                }
                address
            }
        };
        if let Some(address) = listen.filter(|address| !address.ip().to_canonical().is_loopback())
            && token.is_none()
        {
            faults.fault(format!("HTTP_TOKEN is not set, and HTTP_LISTEN={address} is open to others"));
        }
        Settings { listen, token }
    }

    /// The address to ask for our own health: of an open one, the loopback side.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.listen.map(|mut address| {
            match address {
                SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
                    address.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
                }
                _ => {}
            }
            address
        })
    }
}

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
    let listener = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    listener.map_err(|error| Error::Bind(address, error))
}

/// What requests are answered from.
pub struct Site {
    /// Whether we are well.
    pub health: Arc<Health>,
    /// Whom to tell more.
    pub settings: Settings,
}

/// Serves for ever.
///
/// # Errors
/// When the socket cannot be handed to the runtime.
pub async fn run(listener: std::net::TcpListener, site: Arc<Site>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, usually: leave the others time to end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let _ = timeout(CONNECTION_TIMEOUT, serve_connection(stream, &site)).await;
            drop(place);
        });
    }
}

async fn serve_connection(stream: TcpStream, site: &Site) {
    let service =
        service_fn(|request| async move { Ok::<_, Infallible>(answer(&request, site, Instant::now())) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away or talks nonsense is its own affair.
    let _ = connection.await;
}

fn answer(request: &Request<Incoming>, site: &Site, now: Instant) -> Response<Body> {
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => {
            let token = request.headers().get(AUTHORIZATION);
            healthz(&site.health.troubles(now), site.settings.may_know(token))
        }
        (_, "/healthz") => plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n"),
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

impl Settings {
    /// The reasons of ill health are for those on this machine, or with the token.
    fn may_know(&self, authorization: Option<&HeaderValue>) -> bool {
        let is_local = self.listen.is_some_and(|address| address.ip().to_canonical().is_loopback());
        let given = authorization.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        is_local || self.token.as_ref().zip(given).is_some_and(|(token, given)| token.is(given))
    }
}

fn healthz(troubles: &[&str], may_know: bool) -> Response<Body> {
    match (troubles.is_empty(), may_know) {
        (true, _) => plain(StatusCode::OK, "ok\n"),
        (false, true) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", troubles.join("\n"))),
        (false, false) => plain(StatusCode::SERVICE_UNAVAILABLE, "not ok\n"),
    }
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body(Some(Bytes::from(text.into()))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body of one piece.
struct Body(Option<Bytes>);

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], listen: Option<&str>, faults_expected: &[&str]) -> Settings {
        let mut faults = Faults::default();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let vars = Vars::read(environment, VARIABLES, &|_| Err(io::ErrorKind::NotFound.into()), &mut faults);
        let settings = Settings::read(&vars, &mut faults);
        assert_eq!(settings.listen, listen.map(|address| address.parse().unwrap()));
        assert_eq!(faults.faults, faults_expected);
        settings
    }

    #[test]
    fn an_open_address_needs_a_token() {
        check(&[], Some("127.0.0.1:7898"), &[]);
        check(&[("HTTP_LISTEN", "off")], None, &[]);
        check(&[("HTTP_LISTEN", "[::1]:80")], Some("[::1]:80"), &[]);
        let open = "HTTP_TOKEN is not set, and HTTP_LISTEN=0.0.0.0:80 is open to others";
        check(&[("HTTP_LISTEN", "0.0.0.0:80")], Some("0.0.0.0:80"), &[open]);
        check(&[("HTTP_LISTEN", "0.0.0.0:80"), ("HTTP_TOKEN", "t")], Some("0.0.0.0:80"), &[]);
        let unread = "HTTP_LISTEN: \"on\" is no address (expected 127.0.0.1:7898, [::1]:7898 or off)";
        check(&[("HTTP_LISTEN", "on")], None, &[unread]);
    }

    #[test]
    fn reasons_are_for_this_machine_or_the_token() {
        let open = check(&[("HTTP_LISTEN", "0.0.0.0:80"), ("HTTP_TOKEN", "t")], Some("0.0.0.0:80"), &[]);
        let given = |text| HeaderValue::from_static(text);
        assert!(open.may_know(Some(&given("Bearer t"))));
        assert!(
            !open.may_know(Some(&given("Bearer x")))
                && !open.may_know(Some(&given("t")))
                && !open.may_know(None)
        );
        assert!(check(&[], Some("127.0.0.1:7898"), &[]).may_know(None));
    }
}
