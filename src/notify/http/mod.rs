//! Sends requests, and says what an answer means.
//!
//! ```text
//!   Service::request ─► Request ─► Client (ureq, rustls) ─► Answer ─► Service::judge ─► Outcome
//!        pure                       the only IO                         pure
//! ```
//!
//! The one door for ureq, and with [`tls`] for rustls. Apart from the services,
//! so that each of them is a pure description, and that what is retried is
//! decided in one place. It follows no redirect (a POST that moved must be seen
//! by a human), obeys no proxy but `PROXY`, and never repeats a URL in an
//! error: the secret of most services is in it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::http as wire;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};

use super::{Notification, Notifier, Outcome};
use crate::secret::Secret;
use crate::vars::{Faults, Vars, shown};

pub mod policy;
mod tls;

/// A connection that has not come about in this time will not (contract of the interface).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// From looking up the name to the last byte of the answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// ureq keeps two buffers a connection, 128 KiB each unless told otherwise;
/// our requests are mostly below 1 KiB, and a router counts its memory.
const BUFFER_BYTES: usize = 8 * 1024;

/// More of an answer is not read. Answers are a few hundred bytes; Telegram's
/// repeats the message, at most 4,096 characters.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// An address that requests can go to. Its text is a secret.
#[derive(Clone, Debug)]
pub struct Url {
    text: Secret,
    is_onion: bool,
}

impl Url {
    /// Reads a whole http or https URL.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub fn parse(text: &str) -> Result<Url, &'static str> {
        let uri: wire::Uri = text.trim().parse().map_err(|_| "this is not a URL")?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("this is not an http or https URL");
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("this URL names no host")?;
        let is_onion = host.to_ascii_lowercase().trim_end_matches('.').ends_with(".onion");
        Ok(Url { text: Secret::new(text.trim()), is_onion })
    }

    /// The URL with `rest` put behind it.
    pub fn join(&self, rest: &str) -> Url {
        Url { text: Secret::new(format!("{}{rest}", self.text.expose())), is_onion: self.is_onion }
    }

    /// The URL's text without a trailing slash.
    pub fn without_slash(&self) -> Url {
        Url { text: Secret::new(self.text.expose().trim_end_matches('/')), is_onion: self.is_onion }
    }

    /// The text, to look at or to send; never to show.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// True for a name that only Tor resolves.
    pub fn is_onion(&self) -> bool {
        self.is_onion
    }
}

/// One request, described.
#[derive(Debug)]
pub struct Request {
    /// Where it goes.
    pub url: Url,
    /// `POST` for all but a few.
    pub method: Method,
    /// Headers besides those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// The body; its type is JSON unless a header says otherwise.
    pub body: Vec<u8>,
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// For asking our own health.
    Get,
    /// For everything else.
    Post,
}

impl Request {
    /// A POST of `body` as JSON.
    pub fn post_json(url: Url, body: &serde_json::Value) -> Request {
        // A Value has string keys only: writing it to memory cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Request { url, method: Method::Post, headers: Vec::new(), body }
    }

    /// A GET.
    pub fn get(url: Url) -> Request {
        Request { url, method: Method::Get, headers: Vec::new(), body: Vec::new() }
    }
}

/// What came back.
#[derive(Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most [`ANSWER_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
    /// `Retry-After`, reckoned from the moment the answer came.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// The value of a header, `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, or null.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Status and the beginning of `text`, for a log line: `400 chat not found`.
    pub fn with_words(&self, text: &str) -> String {
        let words: String = text.chars().take(80).collect();
        format!("{} {}", self.status, words.trim()).trim_end().to_owned()
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

    /// What a delivered test does not show, for a human to check.
    fn doubt(&self) -> Option<&'static str> {
        None
    }
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
        match self.client.send(self.service.request(notification)) {
            Ok(answer) => self.service.judge(&answer),
            Err(reason) => Outcome::Failed { reason },
        }
    }

    fn doubt(&self) -> Option<&'static str> {
        self.service.doubt()
    }
}

/// Connections to one service.
#[derive(Clone)]
pub struct Client(ureq::Agent);

impl fmt::Debug for Client {
    /// Nothing: its proxy's address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    fn new(proxy: Option<ureq::Proxy>, trust: Arc<rustls::ClientConfig>) -> Client {
        let config = ureq::config::Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(REQUEST_TIMEOUT))
            .user_agent(concat!("alertik/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .proxy(proxy)
            .build();
        let connector = DefaultConnector::new().chain(tls::TlsConnector::new(trust));
        Client(ureq::Agent::with_parts(config, connector, DefaultResolver::default()))
    }

    /// Sends `request` and waits for the answer.
    ///
    /// # Errors
    /// Why there was no answer, in words; never the address.
    pub fn send(&self, request: Request) -> Result<Answer, String> {
        let method = match request.method {
            Method::Get => wire::Method::GET,
            Method::Post => wire::Method::POST,
        };
        let mut head = wire::Request::builder().method(method).uri(request.url.expose());
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            head = head.header("content-type", "application/json");
        }
        for (name, value) in &request.headers {
            head = head.header(*name, value);
        }
        let answer = match request.method {
            Method::Get => head.body(()).map(|whole| self.0.run(whole)),
            Method::Post => head.body(request.body).map(|whole| self.0.run(whole)),
        };
        let answer = answer.map_err(|_| "the request cannot be written".to_owned())?;
        let mut answer = answer.map_err(|error| words(&error))?;
        let headers: Vec<_> = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let mut answer = Answer {
            status: answer.status().as_u16(),
            headers,
            // The status alone tells what to do when the body is too long or cut off.
            body: body.unwrap_or_default(),
            retry_after: None,
        };
        answer.retry_after =
            answer.header("retry-after").and_then(|value| policy::retry_after(value, SystemTime::now()));
        Ok(answer)
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
        let proxy = match own_or_common(vars, prefix, "PROXY") {
            None => None,
            Some((name, value)) => Some(read_proxy(&name, value, faults)?),
        };
        let trust = match own_or_common(vars, prefix, "TLS_CA_FILE") {
            None => self.trust(None).ok()?,
            Some((name, path)) => match self.trust(Some(path)) {
                Ok(trust) => trust,
                Err(error) => {
                    faults.fault(format!("{name}: {}: {error}", shown(path)));
                    return None;
                }
            },
        };
        Some(Client::new(proxy, trust))
    }

    /// A client without proxy, for what is on this machine.
    pub fn local_client(&mut self) -> Option<Client> {
        self.trust(None).ok().map(|trust| Client::new(None, trust))
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

fn own_or_common<'v>(vars: &'v Vars, prefix: &str, name: &str) -> Option<(String, &'v str)> {
    let own = format!("{prefix}{name}");
    match vars.text(&own) {
        Some(value) => Some((own, value)),
        None => vars.text(name).map(|value| (name.to_owned(), value)),
    }
}

fn read_proxy(name: &str, value: &str, faults: &mut Faults) -> Option<ureq::Proxy> {
    // socks5:// would look names up here, which tells the local network whom we
    // call, and cannot work for .onion names.
    let known = ["http://", "socks5h://"].iter().any(|scheme| value.starts_with(scheme));
    let proxy = known.then(|| ureq::Proxy::new(value).ok()).flatten();
    if proxy.is_none() {
        // The value is not repeated: it may hold a password.
        faults.fault(format!("{name} is not a proxy (expected http://host:port or socks5h://host:port)"));
    }
    proxy
}

/// Why no answer came. No text of ureq's own is passed on where it may hold an address.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => io_words(error),
        ureq::Error::Timeout(_) => "timed out".to_owned(),
        ureq::Error::HostNotFound => "the name was not found (DNS)".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::ConnectProxyFailed(_) => "the proxy refused the connection".to_owned(),
        ureq::Error::Tls(what) => format!("TLS: {what}"),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => "the answer is not HTTP".to_owned(),
        ureq::Error::LargeResponseHeader(..) => "the answer's header is too long".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

fn io_words(error: &io::Error) -> String {
    if let Some(inner) = error.get_ref() {
        if let Some(error) = inner.downcast_ref::<rustls::Error>() {
            return tls::words(error);
        }
        if let Some(error) = inner.downcast_ref::<ureq::Error>() {
            return words(error);
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the connection was cut".to_owned()
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "timed out".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "no route to the host".to_owned()
        }
        // getaddrinfo's failures have no kind of their own that could be named here.
        _ if error.to_string().starts_with("failed to lookup address") => {
            "the name was not found (DNS)".to_owned()
        }
        kind => format!("the request failed ({kind})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_whole_or_refused_without_being_repeated() {
        for good in ["https://a.example/x", "http://127.0.0.1:8080", "http://[::1]/x?y=z", "https://u:p@h/x"]
        {
            assert_eq!(Url::parse(good).unwrap().expose(), good);
        }
        for bad in
            ["", "hooks.slack.com/x", "ftp://h/x", "https://", "/x", "https:// h/", "h ttp://x", "secret"]
        {
            assert!(!Url::parse(bad).unwrap_err().contains("secret"), "{bad}");
        }
        assert!(Url::parse("http://abc.ONION:80/x").unwrap().is_onion());
        assert!(!Url::parse("http://onion.example/x").unwrap().is_onion());
        assert_eq!(format!("{:?}", Url::parse("https://h/secret").unwrap()).find("secret"), None);
    }

    #[test]
    fn only_proxies_that_resolve_names_themselves_are_taken() {
        for (value, good) in [
            ("http://10.0.0.1:3128", true),
            ("socks5h://u:p@127.0.0.1:9050", true),
            ("socks5://127.0.0.1:9050", false),
            ("127.0.0.1:9050", false),
            ("http://", false),
        ] {
            let mut faults = Faults::default();
            assert_eq!(read_proxy("SLACK_PROXY", value, &mut faults).is_some(), good, "{value}");
            assert_eq!(faults.is_empty(), good);
            assert!(faults.faults.iter().all(|fault| fault.starts_with("SLACK_PROXY is not a proxy")));
        }
    }
}
