//! The connection to a control port: who we are, and then one question after the other.
//!
//! ```text
//!   open ─► PROTOCOLINFO ─► AUTHENTICATE ─► Control ─ ask ─► replies, as many as questions
//! ```
//!
//! Apart from what is asked. It has no end of its own: whoever waits for it gives it one.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::auth::{self, COOKIE_BYTES, Way, hex};
use super::reply::{self, Reply};
use super::{Address, Settings};

/// Of what has not been read as a reply yet: all answers of a relay are some 2 KiB.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// By port or by socket.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection on which we may ask.
pub(super) struct Control {
    stream: Box<dyn Duplex>,
    /// What has come and is no whole reply yet.
    pending: Vec<u8>,
}

impl Control {
    /// Connects, and says who we are.
    ///
    /// # Errors
    /// Why not, in words, and what the operator can change.
    pub(super) async fn open(settings: &Settings) -> Result<Control, String> {
        let stream: io::Result<Box<dyn Duplex>> = match &settings.address {
            Address::Port(address) => TcpStream::connect(address).await.map(|one| Box::new(one) as _),
            Address::Socket(path) => UnixStream::connect(path).await.map(|one| Box::new(one) as _),
        };
        let stream = stream.map_err(|error| format!("no connection to {}: {error}", settings.address))?;
        let mut control = Control { stream, pending: Vec::with_capacity(4096) };
        let info = control.ask_one("PROTOCOLINFO 1").await?;
        let proof = match auth::choose(&info, settings.password.as_ref())? {
            Way::With(proof) => proof,
            Way::Cookie(path) => hex(&auth::cookie(&path)?),
            Way::SafeCookie(path) => {
                let (cookie, mut nonce) = (auth::cookie(&path)?, [0; COOKIE_BYTES]);
                SystemRandom::new().fill(&mut nonce).map_err(|_| "no random numbers".to_owned())?;
                let challenge = control.ask_one(&format!("AUTHCHALLENGE SAFECOOKIE {}", hex(&nonce))).await?;
                auth::proof(&cookie, &nonce, &challenge).ok_or("it does not know its own cookie")?
            }
        };
        let reply = control.ask_one(&format!("AUTHENTICATE {proof}")).await?;
        match (reply.is_well(), settings.password.is_some()) {
            (true, _) => Ok(control),
            (false, true) => Err("it does not take TOR_CONTROL_PASSWORD".to_owned()),
            (false, false) => Err("it does not take its own cookie (has it been started anew?)".to_owned()),
        }
    }

    async fn ask_one(&mut self, question: &str) -> Result<Reply, String> {
        let mut replies = self.ask(&[question]).await?;
        replies.pop().ok_or_else(|| "it has not answered".to_owned())
    }

    /// Asks all `questions` at once; the replies are in their order.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub(super) async fn ask(&mut self, questions: &[&str]) -> Result<Vec<Reply>, String> {
        let text: String = questions.iter().flat_map(|question| [*question, "\r\n"]).collect();
        let cut = |error: io::Error| format!("the connection was cut: {error}");
        self.stream.write_all(text.as_bytes()).await.map_err(cut)?;
        let mut replies = Vec::new();
        while replies.len() < questions.len() {
            match reply::first(&self.pending) {
                Err(()) => return Err("what answers is no control port".to_owned()),
                Ok(Some((reply, used))) => {
                    self.pending.drain(..used);
                    replies.push(reply);
                }
                Ok(None) if self.pending.len() > REPLY_BYTES_MAX => {
                    return Err("its answer has no end".to_owned());
                }
                Ok(None) => {
                    if self.stream.read_buf(&mut self.pending).await.map_err(cut)? == 0 {
                        return Err("it has closed the connection".to_owned());
                    }
                }
            }
        }
        Ok(replies)
    }
}
