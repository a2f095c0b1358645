//! The time of an alert as its reader's clock shows it: `2026-11-21 08:29:15` in the zone of `TZ`.
//!
//! ```text
//!   TZ=Europe/Rome ──► zones.txt ──► CET-1CEST,M3.5.0,M10.5.0/3 ──► tz-rs ──► local time
//!   TZ=<-03>3      ────────────────► <-03>3                     ──► tz-rs ──► local time
//! ```
//!
//! Apart, because the image has no zone files, so the names are in a table of our own, made from
//! tzdata by `toolchain/zones.sh`. Zone files that somebody mounts are not read: one source, one answer.
//! The rules and the calendar are tz-rs's; here are only the names and the shape of the text.
//!
//! Only the present is formatted, so the table has the rules of today and no history: the summer of 1990
//! is told by the rules of now. A rule that tzdata announces for a later date is in force here at once.

use std::error;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use tz::error::TzError;
use tz::error::parse::TzStringError;
use tz::{DateTime, TimeZone};

/// Lines of a POSIX string and the names that share it; the file's head says how they are written.
const TABLE: &str = include_str!("timestamp/zones.txt");

/// When daylight time starts and ends where a POSIX string names it and does not say: the rules of the
/// United States, as in glibc and tzcode.
const RULES_UNSAID: &str = ",M3.2.0,M11.1.0";

/// 0001-01-01 and 9999-01-01 in UTC: a day's margin in both years, so that the year has four digits in
/// every zone (offsets stay below 26 hours).
const SECONDS_MIN: i64 = -62_135_596_800;
const SECONDS_MAX: i64 = 253_370_764_800;

/// How one place's clocks are set.
#[derive(Clone, Debug)]
pub struct Zone {
    rules: TimeZone,
}

impl Zone {
    /// The zone to fall back to.
    pub fn utc() -> Zone {
        Zone { rules: TimeZone::utc() }
    }

    /// Reads what `TZ` says: a zone name (`Europe/Rome`, in any case, a colon before it or not) or a
    /// POSIX string (`<-03>3`, `CET-1CEST,M3.5.0,M10.5.0/3`).
    ///
    /// Some texts are both, such as `EST5EDT`; then they are names.
    ///
    /// # Errors
    ///
    /// Empty, or neither of the two: RouterOS may hand over the word `manual`.
    pub fn new(text: &str) -> Result<Zone, Error> {
        let trimmed = text.trim();
        let wanted = trimmed.strip_prefix(':').unwrap_or(trimmed);
        if wanted.is_empty() {
            return Err(Error::Empty);
        }
        let rules = match named_zones().find(|(name, _)| name.eq_ignore_ascii_case(wanted)) {
            Some((_, posix)) => read_posix(posix),
            None => read_posix(wanted),
        };
        match rules {
            Ok(rules) => Ok(Zone { rules }),
            Err(_) => Err(Error::Unknown(text.to_owned())),
        }
    }

    /// Formats `at` as `YYYY-MM-DD HH:MM:SS`, whole seconds rounded down.
    ///
    /// A router without a battery starts in 1970, and a clock can be set to anything: outside of the
    /// years 1 to 9998 the nearest of them is shown, so the shape never changes.
    pub fn format(&self, at: SystemTime) -> String {
        let seconds = unix_seconds(at).clamp(SECONDS_MIN, SECONDS_MAX);
        match DateTime::from_timespec(seconds, 0, self.rules.as_ref()) {
            Ok(local) => format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                local.year(),
                local.month(),
                local.month_day(),
                local.hour(),
                local.minute(),
                local.second()
            ),
            // Only years beyond 32 bits end here, and the clamp lets none through. An alert with a
            // wrong time is still an alert.
            Err(_) => "1970-01-01 00:00:00".to_owned(),
        }
    }

    /// What a clock on the wall there shows at `at`, as seconds since its own 1970: days have 86,400 of
    /// them, and an hour that comes twice is there twice.
    pub fn local_seconds(&self, at: SystemTime) -> i64 {
        let seconds = unix_seconds(at).clamp(SECONDS_MIN, SECONDS_MAX);
        let offset = self.rules.find_local_time_type(seconds).map_or(0, |kind| kind.ut_offset());
        seconds + i64::from(offset)
    }
}

/// Every name in the table, with its POSIX string.
fn named_zones() -> impl Iterator<Item = (String, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).flat_map(|line| {
        let mut words = line.split(' ');
        let posix = words.next().unwrap_or_default();
        let mut region = "";
        words.filter_map(move |word| {
            if word.ends_with('/') {
                region = word;
                return None;
            }
            Some((format!("{region}{word}"), posix))
        })
    })
}

/// Reads a POSIX string that may leave the rules of its daylight time unsaid.
fn read_posix(posix: &str) -> Result<TimeZone, TzError> {
    match read_footer(posix) {
        // Unlike Alertik, where musl takes such a string for daylight time from January to December.
        Err(TzError::TzString(TzStringError::MissingDstStartEndRules)) => {
            read_footer(&format!("{posix}{RULES_UNSAID}"))
        }
        rules => rules,
    }
}

/// Hands `posix` to tz-rs as the last line of a zone file with nothing else in it (RFC 9636, 3).
///
/// Only there does tz-rs read hours beyond 0 to 24, as Jerusalem (`M3.4.4/26`) and Nuuk (`M3.5.0/-1`)
/// need; and its reader of strings would first look for a file of that name.
fn read_footer(posix: &str) -> Result<TimeZone, TzError> {
    // Version 3, then counts of which only the types and the letters are one, as a file must have
    // one of each: UTC, which the footer overrules, with no letters but the NUL that ends them.
    let block = [b"TZif3".as_slice(), &[0; 31], &[0, 0, 0, 1], &[0, 0, 0, 1], &[0; 7]].concat();
    // The block is there twice, the first time for readers of 32 bits.
    let file = [block.as_slice(), &block, b"\n", posix.as_bytes(), b"\n"].concat();
    TimeZone::from_tz_data(&file)
}

/// Whole seconds since 1970, rounded down also before it.
fn unix_seconds(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(error) => {
            let before = error.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            (-seconds).saturating_sub(i64::from(before.subsec_nanos() > 0))
        }
    }
}

/// Why a text is not a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no text.
    Empty,
    /// The text, which is neither a name in the table nor a POSIX string.
    Unknown(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Empty => f.write_str("the time zone is empty")?,
            Error::Unknown(text) => write!(f, "{text:?} is not a time zone")?,
        }
        f.write_str(
            " (expected a zone name such as Europe/Rome, \
             or a POSIX string such as <-03>3 or CET-1CEST,M3.5.0,M10.5.0/3)",
        )
    }
}

impl error::Error for Error {}

#[cfg(test)]
mod tests;
