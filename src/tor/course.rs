//! How Tor fares over time: what is to be logged of it, and what is to be told.
//!
//! ```text
//!   no answer, or no circuit ── 5 min ──► told once ── a circuit ──► told once
//! ```
//!
//! Pure, the time is an argument.

use std::time::{Duration, Instant};

/// Tor restarts, changes its guards and waits for an uplink; most of that is over by then.
const OUT_AFTER: Duration = Duration::from_secs(300);

/// Said again after so long, if it goes on.
const QUIET: Duration = Duration::from_secs(3600);

/// What is to be said, and to whom.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    /// For the log: since when and why it does not answer; or that it does.
    pub(super) log: Option<Option<String>>,
    /// For people.
    pub(super) tell: Option<String>,
}

/// What has become of Tor so far.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Why it did not answer, as logged, and when.
    logged: Option<(String, Instant)>,
    has_answered: bool,
    out_since: Option<Instant>,
    is_told: bool,
}

impl Course {
    /// Takes in an attempt: what is wrong with the circuits of a Tor that answers, or why it does not.
    pub(super) fn note(&mut self, attempt: Result<Option<&str>, &str>, now: Instant) -> Said {
        let trouble = match attempt {
            Ok(trouble) => trouble.map(str::to_owned),
            Err(reason) => Some(format!("its control port does not answer ({reason})")),
        };
        Said { log: self.log(attempt.err(), now), tell: self.tell(trouble, now) }
    }

    fn log(&mut self, reason: Option<&str>, now: Instant) -> Option<Option<String>> {
        let Some(reason) = reason else {
            let is_news = self.logged.take().is_some() || !self.has_answered;
            self.has_answered = true;
            return is_news.then_some(None);
        };
        let is_old =
            |(text, at): &(String, Instant)| text == reason && now.saturating_duration_since(*at) < QUIET;
        if self.logged.as_ref().is_some_and(is_old) {
            return None;
        }
        self.logged = Some((reason.to_owned(), now));
        Some(Some(reason.to_owned()))
    }

    fn tell(&mut self, trouble: Option<String>, now: Instant) -> Option<String> {
        let Some(trouble) = trouble else {
            self.out_since = None;
            let was_told = std::mem::take(&mut self.is_told);
            return was_told.then(|| "alertik: Tor can build circuits again.".to_owned());
        };
        let since = *self.out_since.get_or_insert(now);
        if self.is_told || now.saturating_duration_since(since) < OUT_AFTER {
            return None;
        }
        self.is_told = true;
        Some(format!("alertik: Tor has been able to build no circuit for 5 minutes: {trouble}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Result<Option<&str>, &str> = Ok(Some("it says so"));
    const GONE: Result<Option<&str>, &str> = Err("refused");
    const WELL: Result<Option<&str>, &str> = Ok(None);

    /// An attempt each half minute: `.` well, `o` without a circuit, `x` without an answer; and what is told, and when.
    #[track_caller]
    fn check(attempts: &str, expected: &[(usize, &str)]) {
        let (mut course, start) = (Course::default(), Instant::now());
        let mut told = Vec::new();
        for (number, attempt) in attempts.chars().enumerate() {
            let attempt = match attempt {
                '.' => WELL,
                'o' => NONE,
                _ => GONE,
            };
            let now = start + Duration::from_secs(30 * number as u64);
            told.extend(course.note(attempt, now).tell.map(|text| (number, text)));
        }
        let told: Vec<_> = told.iter().map(|(number, text)| (*number, text.as_str())).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn five_minutes_without_a_circuit_are_told_once_and_their_end_once() {
        let out = "alertik: Tor has been able to build no circuit for 5 minutes: it says so.";
        let gone = "alertik: Tor has been able to build no circuit for 5 minutes: its control port does not answer (refused).";
        let back = "alertik: Tor can build circuits again.";
        check("....................", &[]);
        check(".ooooooooooooooooooo..", &[(11, out), (20, back)]);
        check("xxxxxxxxxxxxxxxxxxxx.", &[(10, gone), (20, back)]);
        check("xxxxxooooooxxx..", &[(10, out), (14, back)]);
        check("oooooooooo.oooooooooo.", &[]);
        check("ooooooooooo.ooooooooooo.", &[(10, out), (11, back), (22, out), (23, back)]);
    }

    #[test]
    fn a_reason_is_logged_once_an_hour_and_another_at_once() {
        let (mut course, start) = (Course::default(), Instant::now());
        let mut check = |second: u64, attempt, expected: Option<Option<&str>>| {
            let log = course.note(attempt, start + Duration::from_secs(second)).log;
            assert_eq!(log, expected.map(|reason| reason.map(str::to_owned)), "{second}");
        };
        check(0, GONE, Some(Some("refused")));
        check(30, GONE, None);
        check(60, Err("cut"), Some(Some("cut")));
        check(90, WELL, Some(None));
        check(120, WELL, None);
        check(150, NONE, None);
        check(180, Err("cut"), Some(Some("cut")));
        check(3700, Err("cut"), None);
        check(3780, Err("cut"), Some(Some("cut")));
    }
}
