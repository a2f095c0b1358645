//! `alertik match`: what would be sent, without sending it.
//!
//! Two forms: lines through the configured rules, and one pattern on texts.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStrExt;
use std::time::{Instant, SystemTime};

use serde::Serialize;

use super::marks::{self, Span};
use super::{Arguments, Exit, complain, has_colour, print, print_json, settings, usage};
use crate::line::Line;
use crate::record::Record;
use crate::rules::{Effects, View, trial};
use crate::settings::Settings;
use crate::trial::{Fault, Question, Row};

#[derive(Serialize)]
struct AlertRow<'a> {
    line: usize,
    rule: &'a str,
    notifiers: Vec<&'a str>,
    message: &'a str,
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
    let Some(mut settings) = settings() else { return Exit::Configuration };
    let file = given.rest.first().map_or(OsStr::new("-"), |file| file);
    let lines = match read(file) {
        Ok(lines) => lines,
        Err(error) => return unreadable(&format!("cannot read {file:?}: {error}")),
    };
    // All lines are one instant, so that an answer does not depend on how fast the file was read.
    let now = (Instant::now(), SystemTime::now());
    let mut effects = Effects::default();
    settings.rules.without_time();
    let mut has_fired = false;
    let mut explained = HashSet::new();
    for (index, bytes) in split(&lines).enumerate() {
        let (line, _) = Line::from_datagram(bytes, from, now.0);
        let record = Record::parse(&line.bytes);
        if record.is_from_container() {
            continue;
        }
        settings.rules.observe(&line, &record, now, &mut effects);
        if !given.is_json {
            let view = View { line: &line, record: &record, context: settings.rules.context(), now };
            explain(&settings, (index + 1, &view), &effects, &mut explained);
        }
        for alert in effects.alerts.drain(..) {
            has_fired = true;
            let notifiers = alert.destinations.iter().map(|id| settings.destination_name(*id)).collect();
            let row = AlertRow { line: index + 1, rule: &alert.rule, notifiers, message: &alert.text };
            show(&row, given.is_json);
        }
    }
    if has_fired { Exit::Success } else { Exit::Failure }
}

/// Says on standard error which rules matched a line and told nothing of it, and why: without that a rule
/// that waits looks like a wrong pattern. Once for each rule and reason, however many lines there are; of a
/// built-in one, whose pattern nobody has to doubt, only where no other told the line.
fn explain(
    settings: &Settings,
    (number, view): (usize, &View<'_>),
    effects: &Effects,
    explained: &mut HashSet<(usize, String)>,
) {
    for index in &effects.matched {
        let Some(rule) = settings.rules.rules().get(*index) else { continue };
        let mut told_by = effects.alerts.iter().map(|alert| &*alert.rule);
        if told_by.any(|name| rule.builtin().is_some() || name == rule.name()) {
            continue;
        }
        let why = rule.why_untold(view);
        let text = format!("line {number}: {} matched; {why}\n", rule.name());
        if explained.insert((*index, why)) {
            // Not by `eprint!`, which panics where nobody reads.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

fn show(row: &AlertRow<'_>, is_json: bool) {
    if is_json {
        return print_json(row);
    }
    let message = marks::plain(row.message.as_bytes());
    print(&format!("line {}: {} -> {}\n  {message}\n", row.line, row.rule, row.notifiers.join(", ")));
}

fn unreadable(what: &str) -> Exit {
    complain(what);
    Exit::Configuration
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
    let (pattern, mask) = (regex.as_bytes(), given.mask.as_ref().map(|mask| mask.as_bytes()));
    let question = |texts| Question { is_substr: false, pattern, mask, texts, within: None };
    // Before anything is read: what is wrong is said without waiting for texts.
    let answer = trial::answer(&question(Vec::new()));
    if let Some(fault) = &answer.warning {
        complain(&pointing(&format!("warning: --regex: {}", fault.what), pattern, fault, given));
    }
    if let Some(fault) = &answer.fault {
        let option = if fault.part == "mask" { "--mask" } else { "--regex" };
        complain(&pointing(&format!("{option}: {}", fault.what), pattern, fault, given));
        return Exit::Configuration;
    }
    let input;
    let texts: Vec<&[u8]> = if given.rest.is_empty() {
        input = match read(OsStr::new("-")) {
            Ok(bytes) => bytes,
            Err(error) => return unreadable(&format!("cannot read standard input: {error}")),
        };
        split(&input).collect()
    } else {
        given.rest.iter().map(|text| text.as_bytes()).collect()
    };
    let has_colour = has_colour();
    let answer = trial::answer(&question(texts.clone()));
    for (row, text) in answer.rows.iter().zip(texts) {
        match given.is_json {
            true => print_json(row),
            false => show_text(row, text, has_colour),
        }
    }
    if answer.rows.iter().any(|row| row.matched) { Exit::Success } else { Exit::Failure }
}

/// What is wrong with a pattern and, for people, where in it.
fn pointing(what: &str, pattern: &[u8], fault: &Fault, given: &Arguments) -> String {
    match given.is_json || fault.text.is_empty() {
        true => what.to_owned(),
        false => format!("{what}\n{}", marks::pointed(pattern, fault.at, &fault.text)),
    }
}

fn show_text(row: &Row, text: &[u8], has_colour: bool) {
    let spans: Vec<Span> =
        row.groups.iter().map(|group| group.as_ref().map(|group| (group.start, group.end))).collect();
    let verdict = if row.matched { "match:   " } else { "no match:" };
    let mut lines = match has_colour {
        true => format!("{verdict} {}\n", marks::coloured(text, &spans)),
        false => format!("{verdict} {}\n", marks::plain(text)),
    };
    let marks = if has_colour { String::new() } else { marks::marks(text, &spans) };
    if !marks.is_empty() {
        lines.push_str(&format!("{:verdict$} {marks}\n", "", verdict = verdict.len()));
    }
    for (number, group) in row.groups.iter().enumerate() {
        let name = if has_colour { marks::coloured_name(number) } else { format!("@{number}") };
        lines.push_str(&match group {
            Some(group) => {
                format!(
                    "  {name} {}-{} \"{}\"\n",
                    group.start,
                    group.end,
                    marks::plain(group.text.as_bytes())
                )
            }
            None => format!("  {name} took no part\n"),
        });
    }
    if let Some(message) = &row.message {
        lines.push_str(&format!("  sends: {}\n", marks::plain(message.as_bytes())));
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
