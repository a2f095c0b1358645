//! Sends requests, and says what an answer means.
//!
//! ```text
//!   Service::request ─► Request ─► Client (ureq, rustls) ─► Answer ─► Service::judge ─► Outcome
//!        pure                       the only IO                         pure
//! ```
//!
//! The one door for ureq, and with `tls` for rustls. Apart from the services,
//! so that each of them is a pure description, and that what is retried is
//! decided in one place. It follows no redirect (a POST that moved must be seen
//! by a human), obeys no proxy but `PROXY`, and never repeats a URL in an
//! error: the secret of most services is in it.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::http as wire;
use ureq::unversioned::transport::{Connector, DefaultConnector};

use super::{Notification, Notifier, Outcome, own_or_common};
use crate::secret::Secret;
use crate::vars::{Faults, Vars, shown};

mod answer;
mod failure;
mod hidden;
mod limit;
pub mod policy;
mod resolve;
mod stream;
mod tls;
mod url;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use hidden::Hidden;
use limit::Limit;
pub use stream::{Address, Stream};
pub use url::{Url, percent_encoded};

/// How long a request may take.
#[derive(Clone, Copy)]
struct Timeouts {
    /// For the connection, the proxy's and TLS's handshakes included.
    connect: Duration,
    /// From looking up the name to the last byte of the answer.
    whole: Duration,
}

/// A connection that has not come about in 10 s will not (contract of the interface).
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(10), whole: Duration::from_secs(30) };

/// ureq keeps two buffers a connection, 128 KiB each unless told otherwise;
/// our requests are mostly below 1 KiB, and a router counts its memory.
const BUFFER_BYTES: usize = 8 * 1024;

/// A longer head of an answer is said to be so. It must fit into the buffer with
/// a byte to spare: of one that fills it ureq says that the connection was cut.
const ANSWER_HEAD_BYTES_MAX: usize = BUFFER_BYTES - 1;

/// More of an answer's body is not read. They have a few hundred bytes;
/// Telegram's repeats the message, at most 4,096 characters.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// What is said of an answer must fit into one line of the log.
const WORDS_CHARS_MAX: usize = 80;

/// One request, described.
pub struct Request {
    /// Where it goes.
    pub url: Url,
    /// `POST` for all but a few.
    pub method: Method,
    /// Headers besides those that every request has.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body; its type is JSON unless a header says otherwise.
    pub body: Vec<u8>,
    /// What is a secret in the body, or in what made the request. URL and headers are taken for
    /// one without being asked.
    pub secrets: Vec<Secret>,
}

impl fmt::Debug for Request {
    /// The method alone: URL, headers and body may each hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?})", self.method)
    }
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// For asking our own health.
    Get,
    /// For nearly everything else.
    Post,
    /// For what may be repeated and stays one; or where the operator says so.
    Put,
    /// Where the operator says so.
    Patch,
}

impl Request {
    /// A POST of `body` as JSON.
    pub fn post_json(url: Url, body: &serde_json::Value) -> Request {
        // A Value has string keys only: writing it to memory cannot fail.
        Request::post(url, serde_json::to_vec(body).unwrap_or_default())
    }

    /// A POST of `body`, which is JSON unless a header says otherwise.
    pub fn post(url: Url, body: Vec<u8>) -> Request {
        Request { body, method: Method::Post, ..Request::get(url) }
    }

    /// A GET.
    pub fn get(url: Url) -> Request {
        Request { url, method: Method::Get, headers: Vec::new(), body: Vec::new(), secrets: Vec::new() }
    }
}

/// A service that is told by one HTTP request.
pub trait Service: Send {
    /// The request for a notification. Pure: no IO, no clock.
    fn request(&self, notification: &Notification<'_>) -> Request;

    /// What an answer means; [`policy::judge`] unless the service says more in its body.
    fn judge(&mut self, answer: &Answer) -> Outcome {
        policy::judge(answer)
    }

    /// The longest armored age file that it takes: [`Notifier::armor_chars_max`].
    fn armor_chars_max(&self) -> Option<usize>;

    /// What a delivered test does not show, for a human to check.
    fn doubt(&self) -> Option<&'static str> {
        None
    }

    /// True if its text is made of what the line said, besides the text itself.
    fn takes_values(&self) -> bool {
        false
    }

    /// True if many alerts are no burden there: [`Notifier::takes_floods`].
    fn takes_floods(&self) -> bool {
        false
    }

    /// Why it is of no use to send now, if it is.
    fn not_yet(&self, _: &Notification<'_>) -> Option<&'static str> {
        None
    }
}

/// True if a request can have this header: nothing in it ends a line, or is not ASCII.
pub fn is_header(name: &str, value: &str) -> bool {
    wire::HeaderName::try_from(name).is_ok() && value.is_ascii() && wire::HeaderValue::try_from(value).is_ok()
}

/// Makes a [`Notifier`] of a [`Service`].
pub struct OverHttp<S> {
    /// What describes and judges.
    pub service: S,
    /// What sends.
    pub client: Client,
}

impl<S: Service> Notifier for OverHttp<S> {
    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        if let Some(reason) = self.service.not_yet(notification) {
            return Outcome::Failed { reason: reason.to_owned() };
        }
        match self.client.send(self.service.request(notification)) {
            Ok(answer) => self.service.judge(&answer),
            Err(reason) => Outcome::Failed { reason },
        }
    }

    fn armor_chars_max(&self) -> Option<usize> {
        self.service.armor_chars_max()
    }

    fn doubt(&self) -> Option<&'static str> {
        self.service.doubt()
    }

    fn takes_values(&self) -> bool {
        self.service.takes_values()
    }

    fn takes_floods(&self) -> bool {
        self.service.takes_floods()
    }

    #[cfg(test)]
    fn service(&mut self) -> Option<&mut dyn Service> {
        Some(&mut self.service)
    }
}

/// Connections to one service.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    trust: Arc<rustls::ClientConfig>,
    timeouts: Timeouts,
}

impl fmt::Debug for Client {
    /// Nothing: its proxy's address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    fn new(proxy: Option<ureq::Proxy>, trust: Arc<rustls::ClientConfig>, timeouts: Timeouts) -> Client {
        let config = ureq::config::Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(timeouts.connect))
            .timeout_global(Some(timeouts.whole))
            .user_agent(concat!("alertik/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            .max_response_header_size(ANSWER_HEAD_BYTES_MAX)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .proxy(proxy)
            .build();
        let connector = DefaultConnector::new().chain(tls::TlsConnector::new(Arc::clone(&trust)));
        Client { agent: ureq::Agent::with_parts(config, connector, resolve::Names), trust, timeouts }
    }

    /// Sends `request` and waits for the answer.
    ///
    /// # Errors
    /// Why there was no answer, in words; never the address.
    pub fn send(&self, request: Request) -> Result<Answer, String> {
        self.run(request, Limit::Usual)
    }

    /// The same for a request that may take `limit` at most, where several are asked in turn.
    ///
    /// # Errors
    /// The same.
    pub fn send_within(&self, request: Request, limit: Duration) -> Result<Answer, String> {
        self.run(request, Limit::Whole(limit))
    }

    fn run(&self, request: Request, limit: Limit) -> Result<Answer, String> {
        let (mut answer, body) = self.begin(request, limit)?;
        // Too long, too slow or cut off: what has come is kept. The status alone
        // tells what to do, and most services have said all with the first bytes.
        let _ = body.take(ANSWER_BYTES_MAX).read_to_end(&mut answer.body);
        Ok(answer)
    }

    fn begin(&self, request: Request, limit: Limit) -> Result<(Answer, impl Read + use<>), String> {
        let hidden = Hidden::of(&request);
        let method = match request.method {
            Method::Get => wire::Method::GET,
            Method::Post => wire::Method::POST,
            Method::Put => wire::Method::PUT,
            Method::Patch => wire::Method::PATCH,
        };
        let mut head = wire::Request::builder().method(method).uri(request.url.expose());
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            head = head.header("content-type", "application/json");
        }
        for (name, value) in &request.headers {
            head = head.header(&**name, value);
        }
        let answer = match request.method {
            Method::Get => head.body(()).map(|whole| self.ask(whole, limit)),
            Method::Post | Method::Put | Method::Patch => {
                head.body(request.body).map(|whole| self.ask(whole, limit))
            }
        };
        let answer = answer.map_err(|_| "the request cannot be written".to_owned())?;
        let answer = answer.map_err(|error| failure::words(&error))?;
        let headers: Vec<_> = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let status = answer.status().as_u16();
        Ok((Answer::new(status, headers, Vec::new(), hidden), answer.into_body().into_reader()))
    }
}

/// Makes clients; each distinct certificate store is built once.
#[derive(Default)]
pub struct Clients {
    trusts: Vec<(Option<String>, Arc<rustls::ClientConfig>)>,
}

impl Clients {
    /// A client for the service whose variables begin with `prefix`:
    /// `TELEGRAM_PROXY` or else `PROXY`, `TELEGRAM_TLS_CA_FILE` or else `TLS_CA_FILE`.
    /// None, and a fault noted, when one of them cannot be used.
    pub fn client_for(&mut self, prefix: &str, vars: &Vars, faults: &mut Faults) -> Option<Client> {
        self.client_trusting(prefix, own_or_common(vars, prefix, "TLS_CA_FILE"), vars, faults)
    }

    /// The same for whoever's file of authorities has another name: `authority` is that name and the path.
    pub fn client_trusting(
        &mut self,
        prefix: &str,
        authority: Option<(String, &str)>,
        vars: &Vars,
        faults: &mut Faults,
    ) -> Option<Client> {
        let proxy = match own_or_common(vars, prefix, "PROXY") {
            None => None,
            Some((name, value)) => Some(read_proxy(&name, value, prefix, faults)?),
        };
        let trust = match authority {
            None => self.trust(None).ok()?,
            Some((name, path)) => match self.trust(Some(path)) {
                Ok(trust) => trust,
                Err(error) => {
                    faults.fault(format!("{name}: {}: {error}", shown(path)));
                    return None;
                }
            },
        };
        Some(Client::new(proxy, trust, TIMEOUTS))
    }

    /// A client without proxy, for what is on this machine.
    pub fn local_client(&mut self) -> Option<Client> {
        self.trust(None).ok().map(|trust| Client::new(None, trust, TIMEOUTS))
    }

    fn trust(&mut self, ca_file: Option<&str>) -> Result<Arc<rustls::ClientConfig>, String> {
        if let Some((_, trust)) = self.trusts.iter().find(|(path, _)| path.as_deref() == ca_file) {
            return Ok(Arc::clone(trust));
        }
        let trust = tls::trust(ca_file)?;
        self.trusts.push((ca_file.map(str::to_owned), Arc::clone(&trust)));
        Ok(trust)
    }
}

/// True if requests of the service with this prefix go through a proxy.
pub fn has_proxy(vars: &Vars, prefix: &str) -> bool {
    own_or_common(vars, prefix, "PROXY").is_some()
}

/// The password that goes with the name that we make up for a notifier: none would do, but RFC 1929 wants one.
const ISOLATION_PASSWORD: &str = "alertik";

/// The proxy that `name` says, for whoever's variables begin with `prefix`.
fn read_proxy(name: &str, value: &str, prefix: &str, faults: &mut Faults) -> Option<ureq::Proxy> {
    // socks5:// would look names up here, which tells the local network whom we
    // call, and cannot work for .onion names.
    let known = ["http://", "socks5h://"].iter().any(|scheme| value.starts_with(scheme));
    let proxy = known.then(|| ureq::Proxy::new(value).ok()).flatten();
    let proxy = proxy.filter(|proxy| url::has_sound_port(proxy.uri()));
    if proxy.is_none() {
        // The value is not repeated: it may hold a password.
        faults.fault(format!("{name} is not a proxy (expected http://host:port or socks5h://host:port)"));
    }
    let proxy = proxy?;
    // Tor carries those who give different names by different circuits (IsolateSOCKSAuth), so that nobody at the
    // far end sees which services are one person's. Whoever wants no name takes "no authentication", which
    // ureq offers with it.
    match value.strip_prefix("socks5h://").filter(|_| proxy.username().is_none()) {
        None => Some(proxy),
        Some(rest) => {
            let user = prefix.trim_end_matches('_').to_ascii_lowercase().replace('_', "-");
            let isolated = ureq::Proxy::new(&format!("socks5h://{user}:{ISOLATION_PASSWORD}@{rest}"));
            Some(isolated.unwrap_or(proxy))
        }
    }
}
