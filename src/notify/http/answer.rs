//! What a service answered, as far as it is looked at.
//!
//! Apart, because it is what judging is about, and knows nothing of sending.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Hidden, WORDS_CHARS_MAX, policy};

/// What came back.
#[derive(Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most `ANSWER_BYTES_MAX` bytes.
    pub body: Vec<u8>,
    /// `Retry-After`, reckoned from the moment the answer came.
    pub retry_after: Option<Duration>,
    /// What of the request it may have repeated.
    pub hidden: Hidden,
}

impl fmt::Debug for Answer {
    /// The status alone: a server may repeat in its answer what it was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({})", self.status)
    }
}

impl Answer {
    /// What has come just now.
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>, hidden: Hidden) -> Answer {
        let mut answer = Answer { status, headers, body, retry_after: None, hidden };
        answer.retry_after =
            answer.header("retry-after").and_then(|value| policy::retry_after(value, SystemTime::now()));
        answer
    }

    /// The value of a header, `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, or null.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The status, and what the body's JSON says at `pointer`; of any other body, its beginning.
    pub fn words_at(&self, pointer: &str) -> String {
        match self.json().pointer(pointer).and_then(serde_json::Value::as_str) {
            Some(text) => self.with_words(text),
            None => self.with_words(&String::from_utf8_lossy(&self.body)),
        }
    }

    /// Status and the beginning of `text`, in one line: `400 chat not found`.
    ///
    /// The only way from what a server wrote to what we say: what it repeats of
    /// the request is hidden, before the text is cut and a rest of it is missed.
    pub fn with_words(&self, text: &str) -> String {
        let hidden = self.hidden.hide(text);
        let words = hidden.split(|c: char| c.is_whitespace() || c.is_control());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let words: String = words.join(" ").chars().take(WORDS_CHARS_MAX).collect();
        format!("{} {words}", self.status).trim_end().to_owned()
    }
}
