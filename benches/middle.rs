//! What a line costs between the ring and the senders: parsed, matched, masked.
//!
//! `cargo bench` prints nanoseconds a line over the corpus. Without the network
//! and without threads: toolchain/load.sh measures those. A plain main, because
//! the figures of one run are compared with one another, and nothing in that
//! needs a crate.

use std::ffi::OsString;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime};

use alertik::line::Line;
use alertik::record::Record;
use alertik::rules::RuleSet;
use alertik::settings::Settings;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

const CORPUS: &str = include_str!("../tests/corpus/routeros_lines.txt");

/// Fifteen rules that match no line of the corpus, 5 substrings and 10 regexes.
const NO_MATCH: &str = include_str!("no_match.env");

/// In place of the last of them: fires on 2 of some 250 lines.
const SELDOM: [(&str, &str); 2] = [
    ("EVENT14_MATCH_STR", "deassigned ([0-9.]+) for ([0-9A-F:]+)"),
    ("EVENT14_MASK_MSG", "@{router}: @2 left @1"),
];

/// Each figure is the median of so many rounds. They are taken in turns, so that
/// a noisy moment meets all rows alike.
const ROUNDS: usize = 15;

/// How long one row's round lasts: with 15 rows, 11 s in all.
const ROUND: Duration = Duration::from_millis(50);

/// Done to every line; says how much was found.
type Work<'a> = Box<dyn FnMut(&Line) -> usize + 'a>;

fn main() {
    // Cargo gives this to `cargo bench` alone; a test only wants to see it run.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, round) = if is_bench { (ROUNDS, ROUND) } else { (1, Duration::ZERO) };
    let lines = corpus();
    let (no_match, seldom) = (rules(&no_match_with(&[])), rules(&no_match_with(&SELDOM)));
    let starter = rules(&[]);
    let (substrings, regexes) = bare_patterns();

    let mut rows: Vec<(String, Work<'_>)> = vec![
        ("parse alone".into(), Box::new(|line| usize::from(!Record::parse(&line.bytes).topics.is_empty()))),
        ("15 rules, none matches".into(), observing(&no_match)),
        ("15 rules, one fires on 1 % of the lines".into(), observing(&seldom)),
        (format!("the {} starter rules", starter.rules().len()), observing(&starter)),
        (
            "the same 15 patterns by memmem and regex alone".into(),
            Box::new(|line| {
                substrings.iter().filter(|finder| finder.find(&line.bytes).is_some()).count()
                    + regexes.iter().filter(|regex| regex.is_match(&line.bytes)).count()
            }),
        ),
    ];
    for regex in &regexes {
        rows.push((format!("  {regex}"), Box::new(|line| regex.is_match(&line.bytes).into())));
    }

    let mut costs = vec![Vec::new(); rows.len()];
    for _ in 0..rounds {
        for ((_, work), costs) in rows.iter_mut().zip(&mut costs) {
            costs.push(nanoseconds_a_line(&lines, work, round));
        }
    }
    let bytes: usize = lines.iter().map(|line| line.bytes.len()).sum();
    println!("{} lines of {} bytes on average", lines.len(), bytes / lines.len());
    println!("ns/line  found");
    for ((name, mut work), mut costs) in rows.into_iter().zip(costs) {
        costs.sort_by(f64::total_cmp);
        let median = costs.get(costs.len() / 2).copied().unwrap_or_default();
        let found: usize = lines.iter().map(&mut work).sum();
        println!("{median:>7.0} {found:>6}  {name}");
    }
}

/// Passes over the corpus for `round`, after one pass that builds what is built lazily.
fn nanoseconds_a_line(lines: &[Line], work: &mut Work<'_>, round: Duration) -> f64 {
    let mut pass = || lines.iter().for_each(|line| _ = black_box(work(black_box(line))));
    pass();
    let start = Instant::now();
    let mut passes = 0;
    loop {
        pass();
        passes += 1;
        let elapsed = start.elapsed();
        if elapsed >= round {
            return elapsed.as_nanos() as f64 / (passes * lines.len()) as f64;
        }
    }
}

/// What the worker does with a line, up to the alert.
fn observing(rules: &RuleSet) -> Work<'_> {
    let mut alerts = Vec::new();
    let now = (Instant::now(), SystemTime::now());
    Box::new(move |line| {
        rules.observe(line, &Record::parse(&line.bytes), now, &mut alerts);
        let fired = alerts.len();
        alerts.clear();
        fired
    })
}

fn corpus() -> Vec<Line> {
    let (from, arrived) = (Ipv4Addr::new(192, 168, 88, 1).into(), Instant::now());
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| Line::from_datagram(line.as_bytes(), from, arrived).0).collect()
}

/// The variables of `no_match.env`, `changed` in place of some.
fn no_match_with(changed: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let lines = NO_MATCH.lines().filter(|line| !line.starts_with('#'));
    let all = lines.filter_map(|line| line.split_once('='));
    all.filter(|(name, _)| changed.iter().all(|(other, _)| name != other))
        .chain(changed.iter().copied())
        .collect()
}

fn rules(variables: &[(&str, &str)]) -> RuleSet {
    let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let (settings, faults) = Settings::read(environment);
    assert!(faults.is_empty(), "{:?}", faults.faults);
    settings.expect("there are settings where there is no fault").rules
}

/// The patterns of `no_match.env`, without anything of ours around them.
fn bare_patterns() -> (Vec<Finder<'static>>, Vec<Regex>) {
    let patterns: Vec<_> =
        no_match_with(&[]).into_iter().filter(|(name, _)| name.ends_with("_MATCH_STR")).collect();
    let (substrings, regexes) = patterns.split_at(5);
    let regex =
        |pattern| RegexBuilder::new(pattern).unicode(false).build().expect("these mean the same there");
    (
        substrings.iter().map(|(_, text)| Finder::new(*text)).collect(),
        regexes.iter().map(|(_, pattern)| regex(pattern)).collect(),
    )
}
