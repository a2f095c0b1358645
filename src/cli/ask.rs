//! The running daemon, asked over its HTTP by a command on the same machine.
//!
//! Apart, because three commands ask, and say in the same words why there is no answer.

use std::io::Read;
use std::net::SocketAddr;

use crate::notify::http::{Answer, Client, Clients, Request, Url};
use crate::secret::Secret;
use crate::settings::Settings;

/// More of what is said instead of an answer is not read.
const WORDS_BYTES_MAX: u64 = 4096;

/// Where the daemon of this configuration answers, if it runs.
pub(super) struct Running {
    address: SocketAddr,
    client: Client,
    token: Option<Secret>,
}

impl Running {
    /// The daemon of `settings`.
    ///
    /// # Errors
    /// Why nobody can be asked.
    pub(super) fn of(settings: &Settings) -> Result<Running, String> {
        let address = settings.serve.local_address();
        let address = address.ok_or("HTTP_LISTEN is off, so there is nobody to ask")?;
        let client = Clients::default().local_client().ok_or("the address is not one to ask")?;
        Ok(Running { address, client, token: settings.serve.token().cloned() })
    }

    /// What it answers: to a GET, or to a POST of `body`.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn answer(&self, path: &str, body: Option<&serde_json::Value>) -> Result<Answer, String> {
        let answer = self.client.send(self.request(path, body)?);
        answer.map_err(|reason| self.silent(&reason))
    }

    /// The same, if it does what it is asked for.
    ///
    /// # Errors
    /// Why it does not answer, or will not.
    pub(super) fn ask(&self, path: &str, body: Option<&serde_json::Value>) -> Result<Answer, String> {
        let answer = self.answer(path, body)?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(self.refusal(&answer)) }
    }

    /// What it answers to a GET, as it comes.
    ///
    /// # Errors
    /// The same.
    pub(super) fn follow(&self, path: &str) -> Result<impl Read + use<>, String> {
        let followed = self.client.follow(self.request(path, None)?);
        let (mut answer, body) = followed.map_err(|reason| self.silent(&reason))?;
        if answer.status == 200 {
            return Ok(body);
        }
        let _ = body.take(WORDS_BYTES_MAX).read_to_end(&mut answer.body);
        Err(self.refusal(&answer))
    }

    fn request(&self, path: &str, body: Option<&serde_json::Value>) -> Result<Request, String> {
        let url = Url::parse(&format!("http://{}{path}", self.address))?;
        let mut request = match body {
            Some(body) => Request::post_json(url, body),
            None => Request::get(url),
        };
        let bearer = self.token.as_ref().map(|token| format!("Bearer {}", token.expose()));
        request.headers.extend(bearer.map(|bearer| ("authorization".into(), bearer)));
        Ok(request)
    }

    fn silent(&self, reason: &str) -> String {
        format!("{}: {reason} (does the daemon run, with this HTTP_LISTEN?)", self.address)
    }

    fn refusal(&self, answer: &Answer) -> String {
        let what = match (answer.status, &self.token) {
            (401, None) => "it has an HTTP_TOKEN, which must be set here too".to_owned(),
            (401, Some(_)) => "it has another HTTP_TOKEN".to_owned(),
            _ => answer.with_words(&String::from_utf8_lossy(&answer.body)),
        };
        format!("{}: {what}", self.address)
    }
}
