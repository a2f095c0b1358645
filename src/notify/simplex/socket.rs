//! The WebSocket to simplex-chat: one text frame of JSON after another, in both directions.
//!
//! ```text
//!   http::Stream (TLS, proxy, names) ─► handshake, with a password if there is one ─► Socket
//!   Socket ─ say(text) ─►      ◄─ hear(patience) ─ Some(JSON) | None, for now
//!          ─ ping, when nothing else was heard ─► ◄─ pong
//! ```
//!
//! The one door for tungstenite. Apart from what the frames mean, which nobody here knows.
//! The server never pings, so a connection that is dead is found by our own asking.

use std::io;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::{Request, generate_key};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Error, Message, WebSocket};

use super::tree::{self, Unread};
use crate::notify::http::{Address, Client, Stream};

/// The longest frame that is read. A message with an image in it, and a profile's beside, has some
/// hundred KiB; a list of a thousand groups with pictures comes near this.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Frames are read by this much; the default of 128 KiB is too much for a router.
const READ_BYTES: usize = 8 * 1024;

/// For the answer to our request to become a WebSocket.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// When nothing was heard for so long, we ask whether somebody is there.
const PING_AFTER: Duration = Duration::from_secs(30);

/// When nothing was heard for so long, in spite of our asking, nobody is.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// None at all would be an error, and a system's clock has no finer ticks.
const PATIENCE_MIN: Duration = Duration::from_millis(1);

/// Why there is no connection, or no more.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cut {
    /// In words.
    pub(super) words: String,
    /// True if somebody must act: it refuses our password.
    pub(super) is_refusal: bool,
}

impl Cut {
    pub(super) fn new(words: impl Into<String>) -> Cut {
        Cut { words: words.into(), is_refusal: false }
    }
}

pub(super) struct Socket {
    socket: WebSocket<Stream>,
    heard_at: Instant,
    pinged_at: Instant,
}

impl Socket {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// Why not, in words; never the address.
    pub(super) fn open(client: &Client, address: &Address) -> Result<Socket, Cut> {
        let mut stream = client.connect(address).map_err(Cut::new)?;
        stream.allow(HANDSHAKE_WAIT);
        let mut request = Request::builder()
            .uri(format!("ws://{}{}", address.host(), address.path()))
            .header("Host", address.host())
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", generate_key());
        if let Some((user, password)) = &address.login {
            let login = STANDARD.encode(format!("{user}:{}", password.expose()));
            request = request.header("Authorization", format!("Basic {login}"));
        }
        let request = request.body(()).map_err(|_| Cut::new("the request cannot be written"))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        match tungstenite::client::client_with_config(request, stream, Some(config)) {
            Ok((socket, _)) => {
                let now = Instant::now();
                Ok(Socket { socket, heard_at: now, pinged_at: now })
            }
            Err(HandshakeError::Interrupted(_)) => Err(Cut::new("timed out")),
            Err(HandshakeError::Failure(error)) => Err(why(&error)),
        }
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// Why the connection is of no more use. Whether the frame has arrived nobody knows then.
    pub(super) fn say(&mut self, text: String) -> Result<(), Cut> {
        self.socket.get_mut().allow(PATIENCE_MIN);
        self.socket.send(Message::Text(text.into())).map_err(|error| why(&error))
    }

    /// The next frame, if one comes within `patience`. One that is no JSON is passed over.
    ///
    /// # Errors
    /// Why the connection is of no more use.
    pub(super) fn hear(&mut self, patience: Duration) -> Result<Option<Value>, Cut> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            self.socket.get_mut().allow(left.max(PATIENCE_MIN));
            match self.socket.read() {
                Ok(message) => {
                    self.heard_at = Instant::now();
                    let read = match &message {
                        Message::Text(text) => tree::read(text),
                        // Whatever we say from now on is not read.
                        Message::Close(_) => return Err(Cut::new("the connection was closed")),
                        _ => Err(Unread::NoJson),
                    };
                    if read == Err(Unread::TooLarge) {
                        return Err(Cut::new("a frame has more values than anybody needs"));
                    }
                    let read = read.ok();
                    // Of what says nothing there may be no end.
                    if read.is_some() || Instant::now() >= until {
                        return Ok(read);
                    }
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    if left.is_zero() || Instant::now() >= until {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(why(&error)),
            }
        }
    }

    /// Asks whether somebody is there, if nothing was heard for long.
    ///
    /// # Errors
    /// That nobody is.
    pub(super) fn keep(&mut self, now: Instant) -> Result<(), Cut> {
        let since = |at| now.saturating_duration_since(at);
        if since(self.heard_at) >= SILENCE_MAX {
            return Err(Cut::new("nothing was heard for 90 s"));
        }
        if since(self.heard_at) >= PING_AFTER && since(self.pinged_at) >= PING_AFTER {
            self.pinged_at = now;
            self.socket.get_mut().allow(PATIENCE_MIN);
            return self.socket.send(Message::Ping(Bytes::new())).map_err(|error| why(&error));
        }
        Ok(())
    }
}

/// In words, which never hold what the other side has said.
fn why(error: &Error) -> Cut {
    match error {
        Error::Io(error) => Cut::new(Stream::words(error)),
        Error::Http(answer) => {
            let status = answer.status().as_u16();
            let words = match status {
                401 | 403 => format!("{status}: the password in SIMPLEX_URL is refused, or there is none"),
                _ => format!("{status}: the answer is no WebSocket"),
            };
            Cut { words, is_refusal: matches!(status, 401 | 403) }
        }
        Error::ConnectionClosed | Error::AlreadyClosed => Cut::new("the connection was closed"),
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            Cut::new("the connection was cut")
        }
        Error::Capacity(_) => Cut::new("a frame is longer than 16 MiB"),
        _ => Cut::new("the other side does not speak WebSocket"),
    }
}
