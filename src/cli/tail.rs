//! `alertik tail`: lines as the daemon reads them, and which rules each fired.
//!
//! ```text
//!   2026-11-21 08:27:24 home STATIC_EVENT1 system,error,critical login failure for user guest …
//!   time                router rules, or - the line, its topics first
//! ```
//!
//! The rules stand before the text and always have a place: whatever a stranger writes there, it comes after.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Write};

use serde::Deserialize;

use super::ask::Running;
use super::{Arguments, Exit, complain, has_colour, marks, settings};
use crate::notify::http::percent_encoded;

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";

/// A line as the daemon shows it; or only how many it did not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    text: String,
    topics: String,
    severity: Option<u8>,
    from: String,
    router: Option<String>,
    at: String,
    fired: Vec<String>,
    left_out: usize,
}

pub(super) fn run(given: &Arguments) -> Exit {
    let Some(settings) = settings() else { return Exit::Configuration };
    let filter = given.filter.as_ref().map_or(Cow::Borrowed(""), |text| text.to_string_lossy());
    let fired = if given.is_fired { "&fired=1" } else { "" };
    let path = format!("/api/lines?filter={}{fired}", percent_encoded(&filter));
    let lines = match Running::of(&settings).and_then(|running| running.follow(&path)) {
        Ok(lines) => BufReader::new(lines),
        Err(reason) => {
            complain(&reason);
            return Exit::Failure;
        }
    };
    let has_colour = has_colour();
    for event in lines.lines().map_while(Result::ok) {
        // Comments keep the connection alive.
        let Some(json) = event.strip_prefix("data: ") else { continue };
        let shown = match given.is_json {
            true => format!("{}\n", marks::plain_json(json)),
            false => serde_json::from_str(json).map(|row| words(&row, has_colour)).unwrap_or_default(),
        };
        // Nobody reads any more (`| head`), which is no failure.
        if io::stdout().lock().write_all(shown.as_bytes()).is_err() {
            return Exit::Success;
        }
    }
    complain("the daemon has gone");
    Exit::Failure
}

/// A row for people, on a line of its own.
fn words(row: &Row, has_colour: bool) -> String {
    match row.left_out {
        0 => {}
        1 => return "… 1 line left out\n".to_owned(),
        count => return format!("… {count} lines left out\n"),
    }
    let plain = |text: &str| marks::plain(text.as_bytes());
    let router = plain(row.router.as_ref().unwrap_or(&row.from));
    let mut text = plain(&row.text);
    // RouterOS's default format begins with them.
    if !row.topics.is_empty() && !row.text.starts_with(&row.topics) {
        text = format!("{} {text}", plain(&row.topics));
    }
    let mut fired = if row.fired.is_empty() { "-".to_owned() } else { plain(&row.fired.join(",")) };
    if has_colour {
        let colour = match row.severity {
            Some(0..=2) => "\x1b[1;31m",
            Some(3) => "\x1b[31m",
            Some(4) => "\x1b[33m",
            Some(7) => "\x1b[2m",
            _ => "",
        };
        if !colour.is_empty() {
            text = format!("{colour}{text}{RESET}");
        }
        if !row.fired.is_empty() {
            fired = format!("{BOLD}{fired}{RESET}");
        }
    }
    format!("{} {router} {fired} {text}\n", plain(&row.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a row with these besides; an escape as `~`.
    #[track_caller]
    fn check(json: &str, has_colour: bool, expected: &str) {
        let row = format!("{{\"from\":\"192.0.2.1\",\"at\":\"12:00\",{json}}}");
        let row: Row = serde_json::from_str(&row).unwrap();
        assert_eq!(words(&row, has_colour).replace('\x1b', "~"), expected);
    }

    #[test]
    fn topics_come_first_wherever_the_format_has_them() {
        let check = |json: &str, expected: &str| check(json, false, expected);
        check(
            r#""text":"system,info x","topics":"system,info","severity":6,"fired":[]"#,
            "12:00 192.0.2.1 - system,info x\n",
        );
        check(
            r#""text":"CEF:0|x","topics":"dhcp","router":"home","fired":["EVENT0","STATIC_EVENT1"]"#,
            "12:00 home EVENT0,STATIC_EVENT1 dhcp CEF:0|x\n",
        );
        check(r#""left_out":1"#, "… 1 line left out\n");
        check(r#""left_out":950"#, "… 950 lines left out\n");
    }

    #[test]
    fn severity_has_a_colour_and_nothing_of_a_stranger_has() {
        let row = |severity: u8, text: &str| {
            format!(r#""text":"{text}","topics":"","severity":{severity},"fired":[]"#)
        };
        check(&row(2, "x"), true, "12:00 192.0.2.1 - ~[1;31mx~[0m\n");
        check(&row(4, "x"), true, "12:00 192.0.2.1 - ~[33mx~[0m\n");
        check(&row(6, "x"), true, "12:00 192.0.2.1 - x\n");
        check(&row(4, "x"), false, "12:00 192.0.2.1 - x\n");
        check(
            &row(6, r"\u001b[31m\nEVENT0\u202e\u009b"),
            true,
            "12:00 192.0.2.1 - \\u{1b}[31m\\nEVENT0\\u{202e}\\u{9b}\n",
        );
        let fired = r#""text":"x","topics":"","fired":["EVENT0"]"#;
        check(fired, true, "12:00 192.0.2.1 ~[1mEVENT0~[0m x\n");
    }
}
