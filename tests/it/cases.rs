//! Every folder of `tests/cases`: lines in, alerts out, as somebody who set these variables sees them.
//!
//! ```text
//!   tests/cases/<a sentence>/
//!     env              NAME=value, taken literally; a line that begins with # says why
//!     datagrams.txt    one a line
//!     args             further arguments, one a line; may be missing
//!     expected.jsonl   what `alertik match --json datagrams.txt` prints
//!     stderr.txt       what it says besides; missing where that is nothing
//! ```
//!
//! A folder's name is the fact that it shows. `UPDATE_CASES=1` rewrites the last two files: look at the
//! difference before it is committed, for that is the review.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::binary::{Binary, os};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

/// The folders, by name.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(CASES).expect("the folder of cases is readable");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry is readable").path()).collect();
    folders.sort();
    folders
}

pub(crate) fn lines(file: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(file).unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The names and values in a folder's `env`.
pub(crate) fn variables(folder: &Path) -> Vec<(OsString, OsString)> {
    let lines = lines(&folder.join("env")).into_iter().filter(|line| !line.starts_with(b"#"));
    let halves = lines.map(|line| {
        let mut halves = line.splitn(2, |byte| *byte == b'=').map(os);
        let name = halves.next().expect("a line is not empty");
        (name, halves.next().expect("a line of env is NAME=value"))
    });
    halves.collect()
}

/// Compares `found` with what `file` holds, or writes it there.
pub(crate) fn compare(file: &Path, found: &str, differences: &mut Vec<String>) {
    // Nothing on standard error needs no file.
    let recorded = fs::read_to_string(file).ok().or_else(|| file.ends_with("stderr.txt").then(String::new));
    if recorded.as_deref() == Some(found) {
        return;
    }
    if env::var_os("UPDATE_CASES").is_none() {
        let recorded = recorded.unwrap_or_default();
        differences.push(format!("{}\nrecorded:\n{recorded}found:\n{found}", file.display()));
    } else if found.is_empty() && file.ends_with("stderr.txt") {
        fs::remove_file(file).expect("the file can be removed");
    } else {
        fs::write(file, found).expect("the file is writable");
    }
}

fn run(folder: &Path, differences: &mut Vec<String>) {
    let arguments = lines(&folder.join("args"));
    let binary = Binary::new(
        ["match", "--json", "datagrams.txt"]
            .map(Into::into)
            .into_iter()
            .chain(arguments.iter().map(|argument| os(argument))),
    );
    let ran = binary.set_all(variables(folder)).within(folder).run();
    compare(&folder.join("expected.jsonl"), &ran.stdout, differences);
    compare(&folder.join("stderr.txt"), &ran.stderr, differences);
    let code = if ran.stdout.is_empty() { 1 } else { 0 };
    if ran.code != code {
        differences.push(format!("{}\nexit code {} instead of {code}", folder.display(), ran.code));
    }
}

#[test]
fn every_case_is_told_as_recorded() {
    let mut differences = Vec::new();
    for folder in folders() {
        run(&folder, &mut differences);
    }
    assert!(
        differences.is_empty(),
        "{}\n{} differ; UPDATE_CASES=1 rewrites",
        differences.join("\n"),
        differences.len()
    );
}

#[test]
fn every_case_is_a_sentence_with_the_files_it_needs() {
    let known = ["env", "datagrams.txt", "args", "expected.jsonl", "stderr.txt"];
    for folder in folders() {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name is UTF-8").to_owned();
        assert!(name.split('_').count() >= 4, "{name} is no sentence");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        for file in ["env", "datagrams.txt", "expected.jsonl"] {
            assert!(folder.join(file).is_file(), "{name} has no {file}");
        }
        let env =
            String::from_utf8_lossy(&fs::read(folder.join("env")).expect("it is readable")).into_owned();
        for entry in fs::read_dir(&folder).expect("a case is readable") {
            let file = entry.expect("an entry is readable").file_name();
            let file = file.to_str().expect("a name is UTF-8");
            // What else is there is a file that a variable names.
            let is_named = || env.lines().any(|line| line.ends_with(&format!("={file}")));
            assert!(known.contains(&file) || is_named(), "{name}/{file} is none of a case's files");
        }
    }
}
