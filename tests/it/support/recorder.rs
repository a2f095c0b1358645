//! An HTTP/1.1 server that writes down what it is asked and answers by a script.
//!
//! ```text
//!   POST /slack HTTP/1.1 ─► Received { target, headers, body, first_byte, complete }
//!   …                       script(&Received) ─► Answer: say it, hang, or cut
//! ```
//!
//! Written on bare sockets, so that it shows what our HTTP client really sends
//! and when its first byte came. It keeps connections open between requests,
//! as the services do. Bodies need a `Content-Length`.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::Watched;
use super::server::Server;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// When the first byte of the request had come.
    pub(crate) first_byte: Instant,
    /// When the last one had.
    pub(crate) complete: Instant,
}

impl Received {
    /// The value of a header, `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        let body = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {body}"))
    }

    /// The body, which must be a form, as a JSON object.
    pub(crate) fn form(&self) -> Value {
        let body = String::from_utf8(self.body.clone()).unwrap();
        let pairs = body.split('&').map(|pair| pair.split_once('=').unwrap());
        pairs.map(|(name, value)| (name.to_owned(), Value::from(without_percents(value)))).collect()
    }

    /// What a human would read in each service: its text without its escapes.
    pub(crate) fn text(&self) -> String {
        let is_form = self.header("content-type") == Some("application/x-www-form-urlencoded");
        let body = if is_form { self.form() } else { self.json() };
        let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if let Some(card) = at("/attachments/0/content/body/0/text") {
            return without_markdown(&card);
        }
        if let Some(run) = at("/attachments/0/content/body/0/inlines/0/text") {
            return run;
        }
        let text =
            ["/content", "/text", "/message", "/body", "/0/annotations/description"].into_iter().find_map(at);
        let text = text.unwrap_or_else(|| panic!("no text in {body}"));
        match self.target.contains("slack") {
            true => text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"),
            false => text,
        }
    }
}

/// A form's value as it was.
fn without_percents(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().replace('+', " ").into_bytes();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(piece[2..].replace('+', " ").bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// Markdown without its backslashes, two line feeds being one line break.
fn without_markdown(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(char::is_ascii_punctuation) => plain.extend(chars.next()),
            '\n' if chars.peek() == Some(&'\n') => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}

/// What the recorder does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Say {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Not one byte, until either side goes away.
    Hang,
    /// Closes the connection.
    Cut,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Answer {
        Answer::Say { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn with_body(self, body: impl Into<String>) -> Answer {
        match self {
            Answer::Say { status, headers, .. } => Answer::Say { status, headers, body: body.into() },
            silent => silent,
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        if let Answer::Say { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    /// What each service says when it has taken a message; which one is asked,
    /// the path tells.
    pub(crate) fn accepting(request: &Received) -> Answer {
        let path = &request.target;
        if path.contains("/sendMessage") {
            Answer::status(200).with_body(r#"{"ok":true,"result":{"message_id":7}}"#)
        } else if path.contains("slack") {
            Answer::status(200).with_body("ok")
        } else if path.contains("teams") {
            Answer::status(202)
        } else if path.contains("discord") && !path.contains("wait=true") {
            Answer::status(204)
        } else if path.contains("discord") {
            Answer::status(200).with_body(r#"{"id":"7"}"#)
        } else if path.contains("ntfy") {
            Answer::status(200).with_body(r#"{"id":"hwQ2YpKdmg","event":"message","topic":"topic"}"#)
        } else if path.contains("gotify") {
            Answer::status(200).with_body(r#"{"id":25,"appid":5,"message":"m"}"#)
        } else if path.contains("pushover") {
            Answer::status(200).with_body(r#"{"status":1,"request":"647d2300"}"#)
        } else if path.contains("/_matrix/") {
            Answer::status(200).with_body(r#"{"event_id":"$x"}"#)
        } else {
            Answer::status(200)
        }
    }
}

/// A free port.
const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

type Script = Box<dyn FnMut(&Received) -> Answer + Send>;

/// The server; it ends when dropped.
pub(crate) struct Recorder {
    server: Server,
    scheme: &'static str,
    received: Arc<Watched<Vec<Received>>>,
}

impl Recorder {
    /// One that takes everything, as each service would say it.
    pub(crate) fn start() -> Recorder {
        Recorder::scripted(Answer::accepting)
    }

    /// One that answers what `script` says.
    pub(crate) fn scripted(script: impl FnMut(&Received) -> Answer + Send + 'static) -> Recorder {
        Recorder::serve(ANYWHERE, Box::new(script), None)
    }

    /// One that takes everything at an address of the test's choice.
    pub(crate) fn at(address: (Ipv4Addr, u16)) -> Recorder {
        Recorder::serve(address, Box::new(Answer::accepting), None)
    }

    /// One that gives these answers in turn, and then takes everything.
    pub(crate) fn queued(answers: impl IntoIterator<Item = Answer>) -> Recorder {
        let mut answers = answers.into_iter().collect::<Vec<_>>().into_iter();
        Recorder::scripted(move |request| answers.next().unwrap_or_else(|| Answer::accepting(request)))
    }

    /// One that takes everything, over TLS.
    pub(crate) fn over_tls(config: Arc<ServerConfig>) -> Recorder {
        Recorder::serve(ANYWHERE, Box::new(Answer::accepting), Some(config))
    }

    fn serve(address: (Ipv4Addr, u16), script: Script, tls: Option<Arc<ServerConfig>>) -> Recorder {
        let received = Arc::new(Watched::<Vec<Received>>::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (kept, script) = (Arc::clone(&received), Mutex::new(script));
        let server = Server::start_at(address, move |connection| {
            // Whoever talks to us may hang up at any time.
            let _ = match &tls {
                None => talk(connection, &kept, &script),
                Some(config) => talk_tls(connection, config, &kept, &script),
            };
        });
        Recorder { server, scheme, received }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The URL of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.server.address)
    }

    /// What has come so far, in the order of completion.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.look(Vec::clone)
    }

    /// Waits until `count` requests have come, and returns all there are.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        let found = self.received.wait_for(|all| (all.len() >= count).then(|| all.clone()));
        found.unwrap_or_else(|| panic!("{count} requests did not come, but {:#?}", self.bodies()))
    }

    /// Waits for a request whose text `wanted` likes.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, wanted: impl Fn(&str) -> bool) -> Received {
        let found = self.received.wait_for(|all| all.iter().find(|one| wanted(&one.text())).cloned());
        found.unwrap_or_else(|| panic!("the text did not come, but {:#?}", self.bodies()))
    }

    /// Whether such a request has come, or comes within `limit`.
    pub(crate) fn has_text_within(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        let find = |all: &Vec<Received>| all.iter().any(|one| wanted(&one.text())).then_some(());
        self.received.wait_for_within(limit, find).is_some()
    }

    /// Whether more than `count` requests have come, or come within `limit`.
    pub(crate) fn has_more_within(&self, limit: Duration, count: usize) -> bool {
        self.received.wait_for_within(limit, |all| (all.len() > count).then_some(())).is_some()
    }

    fn bodies(&self) -> Vec<String> {
        let shown = |one: &Received| format!("{} {}", one.target, String::from_utf8_lossy(&one.body));
        self.received.look(|all| all.iter().map(shown).collect())
    }
}

fn talk_tls(
    connection: TcpStream,
    config: &Arc<ServerConfig>,
    received: &Watched<Vec<Received>>,
    script: &Mutex<Script>,
) -> io::Result<()> {
    let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, connection);
    talk(&mut stream, received, script)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn talk(
    mut stream: impl Read + Write,
    received: &Watched<Vec<Received>>,
    script: &Mutex<Script>,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer)? {
        let answer = (script.lock().unwrap())(&request);
        let wants_close = request.header("connection").is_some_and(|how| how.eq_ignore_ascii_case("close"));
        received.change(|all| all.push(request));
        match answer {
            Answer::Say { status, headers, body } => {
                // One write: in several, the client could see the head alone.
                let mut text = format!("HTTP/1.1 {status} Recorded\r\n");
                for (name, value) in headers {
                    text += &format!("{name}: {value}\r\n");
                }
                // RFC 9110, 8.6: an answer without content has no length.
                if status != 204 {
                    text += &format!("Content-Length: {}\r\n", body.len());
                }
                text += &format!("\r\n{body}");
                stream.write_all(text.as_bytes())?;
                stream.flush()?;
            }
            Answer::Hang => while stream.read(&mut [0; 512])? > 0 {},
            Answer::Cut => return Ok(()),
        }
        if wants_close {
            break;
        }
    }
    Ok(())
}

/// The next request; None when the client has closed. What came beyond it stays in `buffer`.
fn read_request<S: Read + Write>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<Option<Received>> {
    let mut first_byte = (!buffer.is_empty()).then(Instant::now);
    let mut more = |buffer: &mut Vec<u8>, stream: &mut S| {
        let mut chunk = [0; 16 * 1024];
        let count = stream.read(&mut chunk)?;
        first_byte.get_or_insert_with(Instant::now);
        buffer.extend_from_slice(&chunk[..count]);
        Ok::<bool, io::Error>(count > 0)
    };
    let head_length = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        // Not HTTP: a TLS client's hello, for instance. Servers say so at once.
        if buffer.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
            stream.write_all(b"HTTP/1.1 400 Not HTTP\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(None);
        }
        if !more(buffer, stream)? {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_length]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < head_length + length {
        if !more(buffer, stream)? {
            return Ok(None);
        }
    }
    let body = buffer[head_length..head_length + length].to_vec();
    buffer.drain(..head_length + length);
    let complete = Instant::now();
    let first_byte = first_byte.unwrap_or(complete);
    Ok(Some(Received { method, target, headers, body, first_byte, complete }))
}

mod tests {
    use super::super::authority::{Authority, Validity};
    use super::*;

    fn post(path: &str, body: &str) -> String {
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nX-Odd: 1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    /// Reads one answer of known end.
    #[track_caller]
    fn expect(stream: &mut impl Read, end: &str) -> String {
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(end.as_bytes()) {
            assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&text));
            text.push(byte[0]);
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn recorder_keeps_a_connection_and_the_order() {
        let recorder = Recorder::start();
        let mut stream = TcpStream::connect(recorder.address()).unwrap();
        stream.write_all(post("/slack?a=b", "{\"text\":\"1 &lt;\"}").as_bytes()).unwrap();
        assert!(expect(&mut stream, "\r\n\r\nok").starts_with("HTTP/1.1 200 "));
        let both = post("/x", "{\"text\":\"2\"}") + &post("/discord", "{\"content\":\"3\"}");
        stream.write_all(both.as_bytes()).unwrap();
        assert!(expect(&mut stream, "HTTP/1.1 204 Recorded\r\n\r\n").contains("200 Recorded"));
        let received = recorder.wait_for(3);
        let texts: Vec<_> = received.iter().map(Received::text).collect();
        assert_eq!(texts, ["1 <", "2", "3"]);
        assert_eq!((&*received[0].method, &*received[0].target), ("POST", "/slack?a=b"));
        assert_eq!(received[0].header("x-odd"), Some("1"));
        assert_eq!(recorder.wait_for_text(|text| text == "2").target, "/x");
    }

    #[test]
    fn recorder_notes_the_first_byte_and_the_last() {
        let recorder = Recorder::start();
        let mut stream = TcpStream::connect(recorder.address()).unwrap();
        let request = post("/x", "{}");
        stream.write_all(&request.as_bytes()[..1]).unwrap();
        let pause = Duration::from_millis(30);
        std::thread::sleep(pause);
        stream.write_all(&request.as_bytes()[1..]).unwrap();
        let received = recorder.wait_for(1);
        // Less than the pause, if the byte was read late; but never in one with the rest.
        assert!(received[0].first_byte < received[0].complete);
        assert!(received[0].complete.elapsed() < pause + super::super::DEADLINE);
    }

    #[test]
    fn recorder_answers_by_its_script() {
        let busy = Answer::status(429).with_header("Retry-After", "3").with_body("slow down");
        let recorder = Recorder::queued([busy, Answer::Cut, Answer::Hang]);
        let mut stream = TcpStream::connect(recorder.address()).unwrap();
        stream.write_all(post("/1", "{}").as_bytes()).unwrap();
        let answer = expect(&mut stream, "slow down");
        assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nRetry-After: 3\r\n"));
        stream.write_all(post("/2", "{}").as_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);

        let mut stream = TcpStream::connect(recorder.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        stream.write_all(post("/3", "{}").as_bytes()).unwrap();
        recorder.wait_for(3);
        assert!(stream.read(&mut [0]).is_err());
        stream.set_read_timeout(Some(super::super::DEADLINE)).unwrap();
        drop(recorder);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_form_is_read_as_it_was_meant() {
        assert_eq!(without_percents("a+b%2Bc%25%0A%C3%A9"), "a b+c%\né");
    }

    #[test]
    fn a_card_is_read_as_a_human_would() {
        assert_eq!(without_markdown(r"a\-b \\ c\n\[x\]"), r"a-b \ c\n[x]");
        assert_eq!(without_markdown("a\n\nb\n\n\n\nc"), "a\nb\n\nc");
    }

    /// Posts once over TLS to a server whose certificate is for `name`, trusting `trusted`.
    fn post_tls(
        authority: &Authority,
        name: &str,
        validity: Validity,
        trusted: &Authority,
    ) -> io::Result<String> {
        let recorder = Recorder::over_tls(authority.server(name, validity));
        let session = trusted.client("127.0.0.1");
        let mut stream = StreamOwned::new(session, TcpStream::connect(recorder.address())?);
        let outcome = stream.write_all(post("/x", "{\"text\":\"sealed\"}").as_bytes());
        if outcome.is_err() {
            assert_eq!(recorder.received().len(), 0);
        }
        outcome?;
        assert!(expect(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 200 "));
        Ok(recorder.wait_for(1)[0].text())
    }

    #[test]
    fn tls_recorder_is_trusted_only_by_its_own_authority() {
        let (ours, theirs) = (Authority::new(), Authority::new());
        assert_eq!(post_tls(&ours, "127.0.0.1", Validity::Now, &ours).unwrap(), "sealed");
        for (name, validity, trusted, word) in [
            ("127.0.0.1", Validity::Now, &theirs, "UnknownIssuer"),
            ("other.example", Validity::Now, &ours, "NotValidForName"),
            ("127.0.0.1", Validity::Expired, &ours, "Expired"),
            ("127.0.0.1", Validity::NotYet, &ours, "NotValidYet"),
        ] {
            let error = format!("{:?}", post_tls(&ours, name, validity, trusted).unwrap_err());
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
