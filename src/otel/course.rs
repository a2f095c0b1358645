//! What an answer means, when the next attempt is due, and what is said of it: pure, for each signal by itself.
//!
//! ```text
//!   2xx                          taken; in part, if the body says so
//!   429 502 503 504, no answer   again: after Retry-After, or later and later
//!   any other                    refused: the same is never sent again
//! ```
//!
//! That is the table of the OTLP specification ("Retryable Response Codes", "OTLP/HTTP Throttling", "All Other
//! Responses"), and not the one of the notifiers: a collector is asked to be given the same data no more, where a
//! person is still to be told.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::notify::backoff;
use crate::notify::http::{Answer, policy};

/// While it goes on failing, that is said this often: a collector may be away for days.
const QUIET: Duration = Duration::from_secs(3600);

/// What an attempt came to.
#[derive(Debug, PartialEq)]
pub(super) enum Judged {
    /// The collector has it; so many records it did not want, and why.
    Taken { rejected: usize, reason: Option<String> },
    /// To be sent again, not before so long.
    Again { wait: Option<Duration>, reason: String },
    /// Never to be sent again.
    Refused { reason: String },
}

/// What `answer` means; `pointer` is where a success names the number of rejected items.
pub(super) fn judge(answer: Result<Answer, String>, pointer: &str) -> Judged {
    let answer = match answer {
        Ok(answer) => answer,
        Err(reason) => return Judged::Again { wait: None, reason },
    };
    let reason = |at: &str| answer.words_at(at);
    match answer.status {
        200..=299 => {
            let body = answer.json();
            // A number of 64 bits: either form is right.
            let rejected = match body.pointer(pointer) {
                Some(Value::String(digits)) => digits.parse().unwrap_or(0),
                Some(number) => number.as_u64().unwrap_or(0),
                None => 0,
            };
            let said = "/partialSuccess/errorMessage";
            // With nothing rejected it may still be a warning.
            let has_words = body.pointer(said).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            let reason = (rejected > 0 || has_words).then(|| reason(said));
            Judged::Taken { rejected: usize::try_from(rejected).unwrap_or(usize::MAX), reason }
        }
        429 | 502 | 503 | 504 => {
            Judged::Again { wait: answer.retry_after.map(policy::bounded), reason: reason("/message") }
        }
        _ => Judged::Refused { reason: reason("/message") },
    }
}

/// What is to be said.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// It fails; so many times in a row.
    Failed { reason: String, failures: usize },
    /// It works again, after so many failures.
    Again { failures: usize },
    /// It works, but not all of it was wanted, or a warning came.
    Part { rejected: usize, reason: String },
}

/// What is remembered from one attempt to the next.
#[derive(Debug, Default)]
pub(super) struct Course {
    failures: usize,
    said_at: Option<Instant>,
}

impl Course {
    /// True if the last attempt failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Takes in what an attempt that ended at `now` came to: how long to wait before the same is sent again, if
    /// it is, and what to say. `chance` spreads the waits.
    pub(super) fn settle(
        &mut self,
        judged: Judged,
        now: Instant,
        chance: u64,
    ) -> (Option<Duration>, Option<Said>) {
        match judged {
            Judged::Taken { rejected, reason } => {
                let failures = std::mem::take(&mut self.failures);
                match reason {
                    Some(reason) => (None, self.may_say(now).then_some(Said::Part { rejected, reason })),
                    None => {
                        let said_at = self.said_at.filter(|_| failures == 0);
                        self.said_at = said_at;
                        (None, (failures > 0).then_some(Said::Again { failures }))
                    }
                }
            }
            Judged::Again { wait, reason } => {
                let said = self.fail(reason, now);
                let count = u32::try_from(self.failures).unwrap_or(u32::MAX);
                (Some(wait.unwrap_or_else(|| backoff::wait_after(count, chance))), said)
            }
            Judged::Refused { reason } => (None, self.fail(reason, now)),
        }
    }

    fn fail(&mut self, reason: String, now: Instant) -> Option<Said> {
        self.failures = self.failures.saturating_add(1);
        self.may_say(now).then_some(Said::Failed { reason, failures: self.failures })
    }

    fn may_say(&mut self, now: Instant) -> bool {
        let may = self.said_at.is_none_or(|at| now.saturating_duration_since(at) >= QUIET);
        if may {
            self.said_at = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: &str = "/partialSuccess/rejectedLogRecords";

    fn answer(status: u16, body: &str) -> Result<Answer, String> {
        Ok(Answer { status, body: body.into(), ..Answer::default() })
    }

    #[test]
    fn the_table_is_that_of_the_specification() {
        for status in 100..=599 {
            let judged = judge(answer(status, ""), POINTER);
            let expected = match status {
                200..=299 => Judged::Taken { rejected: 0, reason: None },
                429 | 502 | 503 | 504 => Judged::Again { wait: None, reason: status.to_string() },
                _ => Judged::Refused { reason: status.to_string() },
            };
            assert_eq!(judged, expected);
        }
        let reason = "timed out".to_owned();
        assert_eq!(judge(Err(reason.clone()), POINTER), Judged::Again { wait: None, reason });
        let refused = judge(answer(400, r#"{"code":3,"message":"bad data"}"#), POINTER);
        assert_eq!(refused, Judged::Refused { reason: "400 bad data".to_owned() });
        let waiting = |seconds| Answer {
            status: 503,
            retry_after: Some(Duration::from_secs(seconds)),
            ..Answer::default()
        };
        for (seconds, expected) in [(7, 7), (1_000_000, 3600)] {
            let wait = Some(Duration::from_secs(expected));
            assert_eq!(
                judge(Ok(waiting(seconds)), POINTER),
                Judged::Again { wait, reason: "503".to_owned() }
            );
        }
    }

    #[test]
    fn what_was_taken_in_part_is_not_sent_again() {
        let check = |body, rejected, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            assert_eq!(judge(answer(200, body), POINTER), Judged::Taken { rejected, reason });
        };
        check(r#"{"partialSuccess":{}}"#, 0, None);
        check(
            r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#,
            3,
            Some("200 too old"),
        );
        check(r#"{"partialSuccess":{"rejectedLogRecords":2,"errorMessage":"no"}}"#, 2, Some("200 no"));
        check(r#"{"partialSuccess":{"errorMessage":"old schema"}}"#, 0, Some("200 old schema"));
        check("<html>", 0, None);
    }

    /// What each attempt in turn (`.` taken, `x` failed, `!` refused, `/` in part), ten minutes apart, has us say.
    #[track_caller]
    fn check(attempts: &str, expected: &[&str]) {
        let (mut course, mut now, mut all) = (Course::default(), Instant::now(), Vec::new());
        for attempt in attempts.chars() {
            let reason = "down".to_owned();
            let judged = match attempt {
                '.' => Judged::Taken { rejected: 0, reason: None },
                '/' => Judged::Taken { rejected: 1, reason: Some(reason) },
                '!' => Judged::Refused { reason },
                _ => Judged::Again { wait: None, reason },
            };
            let (wait, said) = course.settle(judged, now, 20);
            assert_eq!(wait.is_some(), attempt == 'x');
            all.extend(said.map(|said| match said {
                Said::Failed { reason, failures } => format!("{reason} {failures}"),
                Said::Again { failures } => format!("again {failures}"),
                Said::Part { rejected, reason } => format!("{reason}, {rejected} rejected"),
            }));
            now += Duration::from_secs(600);
        }
        assert_eq!(all, expected, "{attempts}");
    }

    #[test]
    fn what_lasts_is_said_once_an_hour_and_its_end_too() {
        check("...", &[]);
        check(".xx!.x.", &["down 1", "again 3", "down 1", "again 1"]);
        check(&"x".repeat(13), &["down 1", "down 7", "down 13"]);
        check("/////././", &["down, 1 rejected", "down, 1 rejected"]);
    }

    #[test]
    fn waits_double_unless_the_collector_says_how_long() {
        let mut course = Course::default();
        let wait = |course: &mut Course, wait| {
            let judged = Judged::Again { wait, reason: String::new() };
            course.settle(judged, Instant::now(), 20).0.unwrap().as_secs()
        };
        assert_eq!([0; 4].map(|_| wait(&mut course, None)), [1, 2, 4, 8]);
        assert_eq!(wait(&mut course, Some(Duration::from_secs(70))), 70);
        assert_eq!(wait(&mut course, None), 32);
    }
}
