//! `alertik match`: what would be sent, without sending it.
//!
//! Two forms: lines through the configured rules, and one pattern on texts.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStrExt;
use std::time::{Instant, SystemTime};

use serde::Serialize;

use super::{Arguments, Exit, complain, print, print_json, settings, usage};
use crate::line::Line;
use crate::record::Record;
use crate::rules::View;
use crate::rules::ere::Ere;
use crate::rules::mask::Mask;
use crate::settings::Settings;

#[derive(Serialize)]
struct AlertRow<'a> {
    line: usize,
    rule: &'a str,
    notifiers: Vec<&'a str>,
    message: &'a str,
}

#[derive(Serialize)]
struct TextRow<'a> {
    text: &'a str,
    matched: bool,
    groups: Vec<Option<GroupRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
struct GroupRow {
    start: usize,
    end: usize,
    text: String,
}

pub(super) fn run(given: &Arguments) -> Exit {
    match &given.regex {
        Some(regex) => try_pattern(regex, given),
        None => match_lines(given),
    }
}

fn match_lines(given: &Arguments) -> Exit {
    let from = match given.from.as_ref().map(|text| text.to_string_lossy().parse::<IpAddr>()) {
        None => Ipv4Addr::LOCALHOST.into(),
        Some(Ok(address)) => address,
        Some(Err(_)) => return usage("--from takes an address"),
    };
    let Some(settings) = settings() else { return Exit::Configuration };
    let file = given.rest.first().map_or(OsStr::new("-"), |file| file);
    let lines = match read(file) {
        Ok(lines) => lines,
        Err(error) => return usage(&format!("cannot read {file:?}: {error}")),
    };
    // All lines are one instant, so that an answer does not depend on how fast the file was read.
    let now = (Instant::now(), SystemTime::now());
    let mut alerts = Vec::new();
    let mut has_fired = false;
    for (index, bytes) in split(&lines).enumerate() {
        let (line, _) = Line::from_datagram(bytes, from, now.0);
        let record = Record::parse(&line.bytes);
        if record.is_from_container() {
            continue;
        }
        settings.rules.observe(&line, &record, now, &mut alerts);
        for alert in alerts.drain(..) {
            has_fired = true;
            let notifiers = alert.destinations.iter().map(|id| settings.destination_name(*id)).collect();
            let row = AlertRow { line: index + 1, rule: &alert.rule, notifiers, message: &alert.text };
            show(&row, given.is_json);
        }
    }
    if has_fired { Exit::Success } else { Exit::Failure }
}

fn show(row: &AlertRow<'_>, is_json: bool) {
    if is_json {
        return print_json(row);
    }
    let message: String = row.message.chars().map(plain).collect();
    print(&format!("line {}: {} -> {}\n  {message}\n", row.line, row.rule, row.notifiers.join(", ")));
}

/// A line from a file can hold anything; a terminal is not to obey it.
fn plain(c: char) -> String {
    if c.is_control() { c.escape_default().collect() } else { c.into() }
}

fn read(file: &OsStr) -> io::Result<Vec<u8>> {
    if file != "-" {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The lines of a text; a line feed at its end begins no further one.
fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let count = if text.is_empty() { 0 } else { usize::MAX };
    text.split(|byte| *byte == b'\n').take(count)
}

fn try_pattern(regex: &OsStr, given: &Arguments) -> Exit {
    let ere = match Ere::new(regex.as_bytes()) {
        Ok(ere) => ere,
        Err(error) => {
            complain(&format!("--regex: {error}"));
            return Exit::Configuration;
        }
    };
    let mask = given.mask.as_ref().map(|mask| Mask::new(mask.as_bytes(), ere.groups()));
    let mask = match mask.transpose() {
        Ok(mask) => mask,
        Err(what) => {
            complain(&format!("--mask: {what}"));
            return Exit::Configuration;
        }
    };
    let input;
    let texts: Vec<&[u8]> = if given.rest.is_empty() {
        input = match read(OsStr::new("-")) {
            Ok(bytes) => bytes,
            Err(error) => return usage(&format!("cannot read standard input: {error}")),
        };
        split(&input).collect()
    } else {
        given.rest.iter().map(|text| text.as_bytes()).collect()
    };
    let mut has_matched = false;
    for text in texts {
        let row = try_one(&ere, mask.as_ref(), text);
        has_matched |= row.matched;
        match given.is_json {
            true => print_json(&TextRow { text: &String::from_utf8_lossy(text), ..row }),
            false => show_text(&row, text),
        }
    }
    if has_matched { Exit::Success } else { Exit::Failure }
}

fn try_one(ere: &Ere, mask: Option<&Mask>, text: &[u8]) -> TextRow<'static> {
    let found = ere.find(text);
    let group = |number| {
        let (start, end) = found.as_ref()?.get(number)?;
        let text = String::from_utf8_lossy(found.as_ref()?.bytes(number)?).into_owned();
        Some(GroupRow { start, end, text })
    };
    let groups = if found.is_some() { (0..=ere.groups()).map(group).collect() } else { Vec::new() };
    let message = found.as_ref().zip(mask).map(|(groups, mask)| {
        let (line, _) = Line::from_datagram(text, Ipv4Addr::LOCALHOST.into(), Instant::now());
        let record = Record::parse(&line.bytes);
        let context = Settings::plain_context();
        let view = View {
            line: &line,
            record: &record,
            context: &context,
            now: (Instant::now(), SystemTime::now()),
        };
        mask.fill(Some(groups), |value| view.value(value, "match"))
    });
    TextRow { text: "", matched: found.is_some(), groups, message }
}

fn show_text(row: &TextRow<'_>, text: &[u8]) {
    let escape = |text: &str| text.chars().map(plain).collect::<String>();
    let verdict = if row.matched { "match:   " } else { "no match:" };
    let mut lines = format!("{verdict} {}\n", escape(&String::from_utf8_lossy(text)));
    for (number, group) in row.groups.iter().enumerate() {
        lines.push_str(&match group {
            Some(group) => format!("  @{number} {}-{} \"{}\"\n", group.start, group.end, escape(&group.text)),
            None => format!("  @{number} took no part\n"),
        });
    }
    if let Some(message) = &row.message {
        lines.push_str(&format!("  sends: {}\n", escape(message)));
    }
    print(&lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_an_editor_counts_them() {
        let count = |text: &[u8]| split(text).count();
        assert_eq!(
            (count(b""), count(b"a"), count(b"a\n"), count(b"a\n\nb\n"), count(b"\n")),
            (0, 1, 1, 3, 0)
        );
    }
}
