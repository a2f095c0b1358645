//! What an answer's status means, the same for every service.
//!
//! ```text
//!   2xx                      delivered
//!   429                      too fast: wait what it says, the whole channel
//!   408 425 5xx, 302 303 307 failed: try again, later and later
//!   401 403 404 410, 301 308 parked: a human must act
//!   any other 4xx            rejected: this text is poison, the next may be fine
//! ```
//!
//! Apart from the services, because a difference between them here would be a
//! fault: what a body says besides is theirs.

use std::time::{Duration, SystemTime};

use super::Answer;
use crate::notify::Outcome;

/// No service is silent for longer on the word of an answer; then it is asked again.
pub const WAIT_MAX: Duration = Duration::from_secs(3600);

/// The meaning of `answer` by its status alone.
pub fn judge(answer: &Answer) -> Outcome {
    judge_with(answer, answer.with_words(&String::from_utf8_lossy(&answer.body)))
}

/// The same, with a reason that the service has read from the body.
pub fn judge_with(answer: &Answer, reason: String) -> Outcome {
    match answer.status {
        200..=299 => Outcome::Delivered { pause: None },
        429 => Outcome::TooFast { wait: answer.retry_after.map(bounded), reason },
        401 | 403 | 404 | 410 => Outcome::Parked { reason },
        301 | 308 => Outcome::Parked { reason: format!("{} moved: set the new URL", answer.status) },
        // A hotel's login page answers 302 for a while.
        300..=399 => Outcome::Failed { reason: format!("{} redirected", answer.status) },
        408 | 425 => Outcome::Failed { reason },
        400..=499 => Outcome::Rejected { reason },
        _ => Outcome::Failed { reason },
    }
}

/// A wait that an answer asks for, within reason: whoever answers could ask for a year.
pub fn bounded(wait: Duration) -> Duration {
    wait.min(WAIT_MAX)
}

/// Seconds from JSON or a header, whole or not; None for anything that is no wait.
pub fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

/// `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3).
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(number) = value.parse::<f64>() {
        return seconds(number);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_meaning() {
        let kind = |status| match judge(&Answer { status, ..Answer::default() }) {
            Outcome::Delivered { .. } => "delivered",
            Outcome::TooFast { .. } => "too fast",
            Outcome::Failed { .. } => "failed",
            Outcome::Again { .. } => "again",
            Outcome::Rejected { .. } => "rejected",
            Outcome::Parked { .. } => "parked",
        };
        for (expected, statuses) in [
            ("delivered", &[200, 201, 202, 204][..]),
            ("too fast", &[429]),
            ("failed", &[302, 303, 307, 408, 425, 500, 502, 503, 504, 599, 100, 0]),
            ("parked", &[401, 403, 404, 410, 301, 308]),
            ("rejected", &[400, 402, 405, 406, 409, 411, 413, 414, 415, 418, 422, 451]),
        ] {
            for status in statuses {
                assert_eq!(kind(*status), expected, "{status}");
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check = |value, seconds| {
            assert_eq!(retry_after(value, now), seconds, "{value}");
        };
        check("7", Some(Duration::from_secs(7)));
        check(" 0.5 ", Some(Duration::from_millis(500)));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(Duration::from_secs(60)));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(Duration::ZERO));
        check("-1", None);
        check("nan", None);
        check("1e300", None);
        check("soon", None);
    }

    #[test]
    fn a_wait_is_obeyed_up_to_an_hour() {
        let answer = |seconds| Answer {
            status: 429,
            retry_after: Some(Duration::from_secs(seconds)),
            ..Answer::default()
        };
        let wait = |seconds| match judge(&answer(seconds)) {
            Outcome::TooFast { wait, .. } => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(30), Some(Duration::from_secs(30)));
        assert_eq!(wait(1_000_000), Some(WAIT_MAX));
    }
}
