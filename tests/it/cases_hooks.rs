//! Every folder of `tests/cases_hooks`: what another system sent, and what people are told of it.
//!
//! ```text
//!   tests/cases_hooks/<a sentence>/
//!     headers          those that matter, `name: value`, one a line; may be missing
//!     payload.json     the body, byte for byte
//!     expected.txt     the kind it was taken for, its priority, an empty line, the text
//! ```
//!
//! No network: a kind is a pure function. `UPDATE_CASES=1` rewrites the last file: look at the difference before it
//! is committed, for that is the review.

use std::fs;
use std::path::PathBuf;

use alertik::serve::hooks::render;

use crate::cases::{compare, lines};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases_hooks");

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(CASES).expect("the folder of cases is readable");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry is readable").path()).collect();
    folders.sort();
    folders
}

#[test]
fn every_payload_is_told_as_recorded() {
    let mut differences = Vec::new();
    for folder in folders() {
        let lines: Vec<_> =
            lines(&folder.join("headers")).into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        let headers: Vec<_> =
            lines.iter().map(|line| line.split_once(": ").expect("a header is name: value")).collect();
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let payload = fs::read(folder.join("payload.json")).expect("a case has a payload");
        let (kind, message) = render(&header, &payload);
        let found = format!("{kind}, {}\n\n{}\n", message.priority.name(), message.text);
        compare(&folder.join("expected.txt"), &found, &mut differences);
    }
    assert!(
        differences.is_empty(),
        "{}\n{} differ; UPDATE_CASES=1 rewrites",
        differences.join("\n"),
        differences.len()
    );
}

#[test]
fn every_kind_has_cases_that_are_sentences() {
    let mut kinds = std::collections::BTreeSet::new();
    for folder in folders() {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name is UTF-8").to_owned();
        assert!(name.split('_').count() >= 4, "{name} is no sentence");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        for entry in fs::read_dir(&folder).expect("a case is readable") {
            let file = entry.expect("an entry is readable").file_name();
            let known = ["headers", "payload.json", "expected.txt"];
            assert!(known.iter().any(|known| file == *known), "{name}/{file:?} is none of a case's files");
        }
        let expected = fs::read_to_string(folder.join("expected.txt")).expect("a case has what is expected");
        kinds.insert(expected.split(',').next().unwrap_or_default().to_owned());
    }
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["alertmanager", "anything", "arr", "forgejo", "grafana", "plain"]);
}
