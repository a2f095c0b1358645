//! Every line of the corpus, as the parser reads it.
//!
//! The corpus is lines as routers wrote them, under heads that say which part of a datagram they are. How
//! each is read is kept beside it, so that a change of the parser shows as a change of lines;
//! `UPDATE_CASES=1` rewrites that file.

use std::{env, fs};

use alertik::record::{Format, Record};
use serde::Serialize;

const LINES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/routeros_lines.txt");
const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/records.jsonl");

/// One line of `records.jsonl`. Bytes that are not UTF-8 are shown as U+FFFD.
#[derive(Serialize)]
struct Row {
    /// Its number in the corpus, from 1.
    line: usize,
    kind: String,
    format: String,
    priority: Option<u8>,
    identity: Option<String>,
    topics: String,
    message: String,
}

/// Calls `visit` with the number, kind and bytes of each line.
fn for_each_line(mut visit: impl FnMut(usize, &str, &[u8])) {
    let corpus = fs::read(LINES).expect("the corpus is readable");
    let mut kind = String::new();
    for (index, line) in corpus.split(|byte| *byte == b'\n').enumerate() {
        if let Some(name) = line.strip_prefix(b"# kind=") {
            kind = lossy(name);
        } else if !line.is_empty() && !line.starts_with(b"# ") {
            visit(index + 1, &kind, line);
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn corpus_is_read_as_recorded() {
    let mut found = String::new();
    for_each_line(|line, kind, bytes| {
        let record = Record::parse(bytes);
        let row = Row {
            line,
            kind: kind.to_owned(),
            format: format!("{:?}", record.format).to_lowercase(),
            priority: record.priority,
            identity: record.identity.map(lossy),
            topics: lossy(record.topics.as_bytes()),
            message: lossy(&record.message()),
        };
        found += &serde_json::to_string(&row).expect("a row is plain text and numbers");
        found.push('\n');
    });
    if env::var_os("UPDATE_CASES").is_some() {
        fs::write(RECORDS, &found).expect("the rows are writable");
    }
    let recorded = fs::read_to_string(RECORDS).expect("the rows are readable; UPDATE_CASES=1 writes them");
    for (found, recorded) in found.lines().zip(recorded.lines()) {
        assert_eq!(found, recorded, "UPDATE_CASES=1 rewrites {RECORDS}");
    }
    assert_eq!(found.lines().count(), recorded.lines().count(), "UPDATE_CASES=1 rewrites {RECORDS}");
}

#[test]
fn every_kind_is_read_as_its_format() {
    let mut count = 0;
    for_each_line(|line, kind, bytes| {
        let record = Record::parse(bytes);
        let format = match kind {
            "datagram-default" | "default" => Format::Default,
            "datagram-syslog" => Format::Syslog,
            "datagram-cef" => Format::Cef,
            "message-only" => Format::Plain,
            _ => panic!("line {line}: unknown kind {kind}"),
        };
        assert_eq!(record.format, format, "line {line}");
        assert_eq!(record.topics.is_empty(), matches!(format, Format::Syslog | Format::Plain), "line {line}");
        assert_eq!(record.identity.is_some(), matches!(format, Format::Syslog | Format::Cef), "line {line}");
        assert_eq!(record.priority.is_some(), format == Format::Syslog, "line {line}");
        count += 1;
    });
    assert!(count > 200, "only {count} lines");
}
