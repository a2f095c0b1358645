//! What every built-in rule makes of every line of the corpus, in each format that a router can send.
//!
//! Kept beside the corpus in `told.txt`, so that a change of a rule shows as a change of lines;
//! `UPDATE_CASES=1` rewrites it. Every change of it is to be read: a line that is told by a rule that should not,
//! or no longer told, looks as green as any other once it is written there.

use std::collections::BTreeMap;
use std::{env, fs};

use super::tests::told;
use super::{REGISTRY, Sign};
use crate::record::Record;

const LINES: &str = include_str!("../../../tests/corpus/routeros_lines.txt");
const TOLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/told.txt");

/// The lines as topics and message, whatever their format.
fn corpus() -> impl Iterator<Item = (String, String)> {
    LINES.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let record = Record::parse(line.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(record.topics.as_bytes()), text(&record.message()))
    })
}

/// A line as a router called 192.168.88.1 sends it: default, syslog without topics, CEF.
fn formats(topics: &str, message: &str) -> [(&'static str, String); 3] {
    let default = if topics.is_empty() { message.to_owned() } else { format!("{topics} {message}") };
    let escaped = message.replace('\\', "\\\\").replace('=', "\\=");
    let cef = format!(
        "Oct  2 17:36:35 192.168.88.1 CEF:0|MikroTik|hAP|7.20|10|{topics}|Low|dvchost=192.168.88.1 msg={escaped}\r\n"
    );
    [("default", default), ("syslog", format!("<30>Oct  2 17:36:35 192.168.88.1 {message}")), ("cef", cef)]
}

/// Who tells `datagram`: number, name, key and text; the rules that tell what no other has, only then.
fn tellers(datagram: &str) -> Vec<String> {
    let of = |is_last| {
        REGISTRY.iter().filter(move |rule| rule.is_last == is_last).filter_map(|rule| {
            let told = told(rule.name, datagram)?;
            let sign = if told.sign == Sign::Cleared { " over" } else { "" };
            let distinct = if told.distinct.is_empty() { "" } else { " #" };
            Some(format!(
                "{} {}{sign} [{}{distinct}{}] {}",
                rule.number, rule.name, told.key, told.distinct, told.text
            ))
        })
    };
    let mut tellers: Vec<_> = of(false).collect();
    if tellers.is_empty() {
        tellers = of(true).collect();
    }
    tellers
}

#[test]
fn corpus_is_told_as_recorded() {
    let mut found = String::new();
    for (topics, message) in corpus() {
        found += &format!("{}\n", format!("{topics} {message}").trim());
        let mut by_text: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (format, datagram) in formats(&topics, &message) {
            for teller in tellers(&datagram) {
                by_text.entry(teller).or_default().push(format);
            }
        }
        for (teller, formats) in by_text {
            let only =
                if formats.len() == 3 { String::new() } else { format!(" ({} only)", formats.join(", ")) };
            found += &format!("    {teller}{only}\n");
        }
    }
    if env::var_os("UPDATE_CASES").is_some() {
        fs::write(TOLD, &found).unwrap();
    }
    let recorded = fs::read_to_string(TOLD).unwrap();
    for (found, recorded) in found.lines().zip(recorded.lines()) {
        assert_eq!(found, recorded, "UPDATE_CASES=1 rewrites {TOLD}");
    }
    assert_eq!(found.lines().count(), recorded.lines().count(), "UPDATE_CASES=1 rewrites {TOLD}");
}

#[test]
fn what_a_rule_tells_has_one_of_its_words() {
    let mut told_by = vec![0; REGISTRY.len()];
    for (topics, message) in corpus() {
        for (_, datagram) in formats(&topics, &message) {
            for (rule, count) in REGISTRY.iter().zip(&mut told_by) {
                if told(rule.name, &datagram).is_some() {
                    assert!(
                        rule.needles.iter().any(|words| datagram.contains(words)),
                        "{}: {datagram}",
                        rule.name
                    );
                    *count += 1;
                }
            }
        }
    }
    assert!(!told_by.contains(&0), "not every rule tells something: {told_by:?}");
}

/// A prefix of a logging rule changes nothing but what rule 14 shows, which is the line as it stands.
#[test]
fn prefixes_change_nothing() {
    for (topics, message) in corpus().filter(|(topics, _)| !topics.is_empty()) {
        // Such a line already has one, or goes on from an earlier one.
        if message.starts_with([' ', '*']) || message.starts_with("MikroTik: ") || message.starts_with("mk_")
        {
            continue;
        }
        for rule in REGISTRY.iter().filter(|rule| !rule.is_last) {
            let plain = told(rule.name, &format!("{topics} {message}"));
            let prefixed = told(rule.name, &format!("{topics} core1: {message}"));
            // A DHCP server may be called so.
            if message.starts_with("3CC_: ") || rule.number == 0 {
                continue;
            }
            assert_eq!(prefixed, plain, "{}: {message}", rule.name);
        }
    }
}
