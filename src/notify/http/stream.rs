//! A connection that is not for HTTP, made in the same way: the name looked up,
//! the proxy asked, certificates checked, and an end to the time of all of it.
//!
//! ```text
//!   Address ─► Client::connect ─► Stream (Read, Write) ─► Stream::secure (STARTTLS)
//! ```
//!
//! Beside the client, so that ureq and rustls have one door, and a proxy holds
//! for mail and for simplex-chat as it does for the rest: nothing ever goes out
//! beside it. What is said over the connection is not known here.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http as wire;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Instant as Moment;
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport, TransportAdapter,
};

use super::hidden::percent_decoded;
use super::{Client, failure, resolve, tls, url};
use crate::secret::Secret;

/// Writing takes no longer: the system's own buffer takes what we say, unless nobody reads it.
const WRITE_WAIT: Duration = Duration::from_secs(10);

/// A server of mail or of WebSocket, how it wants TLS, and who we are there: `smtps://user:password@host:465`.
#[derive(Clone)]
pub struct Address {
    /// As ureq knows what has TLS and what has none.
    https: wire::Uri,
    http: wire::Uri,
    /// True if TLS comes first; else it is asked for once connected.
    pub is_tls_first: bool,
    /// User and password, if any are needed.
    pub login: Option<(String, Secret)>,
    is_onion: bool,
}

impl fmt::Debug for Address {
    /// Nothing: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

impl Address {
    /// Reads `smtps://…`, where TLS comes first, or `smtp://…`, where it comes after.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub fn parse(text: &str) -> Result<Address, &'static str> {
        // The ports of RFC 8314.
        let (address, rest) = Address::read(text, [("smtps", 465), ("smtp", 587)])
            .map_err(|what| what.unwrap_or("this is not an smtps or smtp URL"))?;
        if !rest.is_empty() && rest != "/" {
            // Most likely a password with a slash in it.
            return Err("something stands behind this URL's host (in a password / ? # are %2F %3F %23)");
        }
        Ok(address)
    }

    /// Reads `wss://…`, which has TLS, or `ws://…`, which has none.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub fn parse_websocket(text: &str) -> Result<Address, &'static str> {
        // The ports of RFC 6455.
        let (address, rest) = Address::read(text, [("wss", 443), ("ws", 80)])
            .map_err(|what| what.unwrap_or("this is not a wss or ws URL"))?;
        if rest.contains('@') {
            return Err("something stands before this URL's host (in a password / ? # are %2F %3F %23)");
        }
        Ok(address)
    }

    /// The address, and what stands behind the host. No words if it has none of the `schemes`, of which the
    /// first is the one with TLS.
    fn read(text: &str, schemes: [(&str, u16); 2]) -> Result<(Address, String), Option<&'static str>> {
        let uri: wire::Uri = text.trim().parse().map_err(|_| "this is not a URL")?;
        let [secure, plain] = schemes;
        let (is_tls_first, port) = match uri.scheme_str() {
            Some(scheme) if scheme == secure.0 => (true, secure.1),
            Some(scheme) if scheme == plain.0 => (false, plain.1),
            _ => return Err(None),
        };
        let authority = uri.authority().map_or("", wire::uri::Authority::as_str);
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("this URL names no host")?;
        if !url::has_sound_port(&uri) {
            return Err(Some("this URL's port is not a number from 1 to 65535"));
        }
        // The parser has dropped it.
        let fragment = text.find('#').and_then(|at| text.get(at..)).unwrap_or_default();
        let path = uri.path_and_query().map_or("/", wire::uri::PathAndQuery::as_str);
        let login = match authority.rsplit_once('@') {
            None => None,
            Some((user, _)) => {
                let (user, password) = user.split_once(':').ok_or("this URL has a user and no password")?;
                let (user, password) = (percent_decoded(user), percent_decoded(password));
                // A NUL would end one and begin the other (RFC 4616).
                if user.is_empty() || password.is_empty() || user.contains('\0') || password.contains('\0') {
                    return Err(Some("this URL's user or password is none"));
                }
                Some((user, Secret::new(password)))
            }
        };
        let port = uri.port_u16().unwrap_or(port);
        let as_http = |scheme: &str| format!("{scheme}://{host}:{port}{path}").parse::<wire::Uri>();
        let (Ok(https), Ok(http)) = (as_http("https"), as_http("http")) else {
            return Err(Some("this is not a URL"));
        };
        let address = Address { https, http, is_tls_first, login, is_onion: url::is_onion(host) };
        Ok((address, format!("{path}{fragment}")))
    }

    /// Host and port, as a request names them.
    pub fn host(&self) -> &str {
        self.http.authority().map_or("", wire::uri::Authority::as_str)
    }

    /// What is asked for there.
    pub fn path(&self) -> &str {
        self.http.path_and_query().map_or("/", wire::uri::PathAndQuery::as_str)
    }

    /// True for a name that only Tor resolves.
    pub fn is_onion(&self) -> bool {
        self.is_onion
    }
}

/// A connection.
pub struct Stream {
    socket: TransportAdapter,
    ends: Instant,
}

impl Client {
    /// Connects to `address`, by TLS if that comes first there.
    ///
    /// # Errors
    /// Why there is no connection, in words; never the address.
    pub fn connect(&self, address: &Address) -> Result<Stream, String> {
        self.connect_or(address).map_err(|error| failure::words(&error))
    }

    fn connect_or(&self, address: &Address) -> Result<Stream, ureq::Error> {
        let ends = Instant::now() + self.timeouts.whole;
        let config = self.agent.config();
        let uri = if address.is_tls_first { &address.https } else { &address.http };
        let addrs = match config.proxy() {
            // The proxy looks the name up: nobody here is asked for it.
            Some(_) => resolve::Names.empty(),
            None => resolve::Names.resolve(uri, config, until(ends)?)?,
        };
        let details = self.details(uri, addrs, ends)?;
        let socket = DefaultConnector::new().chain(tls::TlsConnector::new(Arc::clone(&self.trust)));
        let socket = socket.connect(&details, None)?.ok_or(ureq::Error::ConnectionFailed)?;
        Stream::new(socket.boxed(), ends)
    }

    /// What ureq's connectors want to know of a connection that has until `ends`.
    fn details<'a>(
        &'a self,
        uri: &'a wire::Uri,
        addrs: ResolvedSocketAddrs,
        ends: Instant,
    ) -> Result<ConnectionDetails<'a>, ureq::Error> {
        let connect = self.timeouts.connect.min(*until(ends)?.after);
        let timeout =
            NextTimeout { after: connect.into(), reason: ureq::Timeout::Connect, ..NextTimeout::default() };
        Ok(ConnectionDetails {
            uri,
            addrs,
            config: self.agent.config(),
            request_level: false,
            resolver: &resolve::Names,
            now: Moment::now(),
            timeout,
            current_time: Arc::new(Moment::now),
            // To the proxy itself.
            run_connector: Arc::new(|details| {
                DefaultConnector::new().connect(details, None)?.ok_or(ureq::Error::ConnectionFailed)
            }),
            register_shutdown: Arc::new(|_| Ok(())),
        })
    }
}

/// The time left until `ends`, or the error that there is none.
fn until(ends: Instant) -> Result<NextTimeout, ureq::Error> {
    let left: Duration = ends.saturating_duration_since(Instant::now());
    let timeout = NextTimeout { after: left.into(), ..NextTimeout::default() };
    if left.is_zero() { Err(ureq::Error::Timeout(timeout.reason)) } else { Ok(timeout) }
}

impl Stream {
    fn new(socket: Box<dyn Transport>, ends: Instant) -> Result<Stream, ureq::Error> {
        let mut socket = TransportAdapter::new(socket, Arc::new(Moment::now));
        // From here on it counts down by itself, whatever is read and written.
        socket.set_timeout(until(ends)?);
        Ok(Stream { socket, ends })
    }

    /// The same connection with TLS from here on, as both sides have agreed.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn secure(self, client: &Client, address: &Address) -> Result<Stream, String> {
        self.secure_or(client, address).map_err(|error| failure::words(&error))
    }

    fn secure_or(self, client: &Client, address: &Address) -> Result<Stream, ureq::Error> {
        let details = client.details(&address.https, resolve::Names.empty(), self.ends)?;
        let mut socket = self.socket.into_inner();
        // What somebody on the way has put in before TLS would be taken for what the server says
        // within it (CVE-2011-0411).
        if !socket.buffers().input().is_empty() {
            return Err(ureq::Error::Tls("something was said before it"));
        }
        let socket = tls::TlsConnector::new(Arc::clone(&client.trust)).connect(&details, Some(socket))?;
        Stream::new(socket.ok_or(ureq::Error::ConnectionFailed)?.boxed(), self.ends)
    }

    /// Lets the connection last: from now on a read waits for `patience`, and then says
    /// [`io::ErrorKind::WouldBlock`]; nothing that has come is lost by that.
    pub fn allow(&mut self, patience: Duration) {
        let after = WRITE_WAIT.max(patience).into();
        self.socket.set_timeout(NextTimeout {
            after,
            per_read: Some(patience.into()),
            ..NextTimeout::default()
        });
    }

    /// Why reading or writing failed, in words.
    pub fn words(error: &io::Error) -> String {
        failure::io_words(error)
    }
}

/// True if there was nothing to read for as long as there is patience.
fn is_timeout(error: &io::Error) -> bool {
    // Each layer of a connection wraps what the one below says.
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        Some(ureq::Error::Timeout(_)) => true,
        Some(ureq::Error::Io(inner)) => is_timeout(inner),
        _ => false,
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer).map_err(|error| match is_timeout(&error) {
            true => io::ErrorKind::WouldBlock.into(),
            false => error,
        })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
