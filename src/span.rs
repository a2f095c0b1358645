//! Spans of time, as operators write them (`10m`) and as people read them (`10 min`).
//!
//! Apart, because rules, delivery and the heartbeat read the same.

use std::time::Duration;

/// What an error says of what [`read`] takes.
pub const FORM: &str = "a number with s, m, h or d, from 1s to 365d";

/// `90s`, `10m`, `24h`, `7d`; more than nothing, and at most a year.
pub fn read(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    let number: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=365 * 24 * 3600).contains(seconds))?;
    Some(Duration::from_secs(seconds))
}

/// In at most two units, rounded down: `45 s`, `10 min`, `1 h 5 min`, `3 d`.
pub fn words(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / (24 * 3600));
    let two = |large: u64, name: &str, small: u64, small_name: &str| match small {
        0 => format!("{large} {name}"),
        _ => format!("{large} {name} {small} {small_name}"),
    };
    match seconds {
        0..120 => format!("{seconds} s"),
        120..3600 => format!("{minutes} min"),
        3600..172_800 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_four_units() {
        let check = |text, expected: Option<u64>| {
            assert_eq!(read(text).map(|span| span.as_secs()), expected, "{text}");
        };
        check("90s", Some(90));
        check(" 10m ", Some(600));
        check("24h", Some(86_400));
        check("365d", Some(31_536_000));
        for text in ["", "10", "m", "0s", "366d", "-5m", "+5m", "1.5h", "5 m", "5é", "99999999999999999999s"]
        {
            check(text, None);
        }
    }

    #[test]
    fn people_read_two_units_at_most() {
        let check = |seconds, expected| assert_eq!(words(Duration::from_secs(seconds)), expected);
        check(0, "0 s");
        check(119, "119 s");
        check(120, "2 min");
        check(3_599, "59 min");
        check(3_600, "1 h");
        check(3_900, "1 h 5 min");
        check(172_800, "2 d");
        check(180_000, "2 d 2 h");
    }
}
