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
use alertik::rules::{Effects, RuleSet};
use alertik::settings::Settings;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

const CORPUS: &str = include_str!("../tests/corpus/routeros_lines.txt");

/// Fifteen rules that match no line of the corpus, 5 substrings and 10 regexes.
const NO_MATCH: &str = include_str!("no_match.env");

/// In place of the last of them: fires on 2 of some 250 lines.
const SELDOM: [(&str, &str); 2] = [
    ("EVENT14_MATCH_STR", "deassigned ([0-9.]+) for ([0-9A-F:]+)"),
    ("EVENT14_MASK_MSG", "@{router}: @2 left @1"),
];

/// How many rules a large configuration has.
const MANY: usize = 200;

/// Each figure is the median of so many rounds. They are taken in turns, so that
/// a noisy moment meets all rows alike.
const ROUNDS: usize = 15;

/// How long one row's round lasts: with 20 rows, 15 s in all.
const ROUND: Duration = Duration::from_millis(50);

/// Done to every line; says how much was found.
type Work<'a> = Box<dyn FnMut(&Line) -> usize + 'a>;

fn main() {
    // Cargo gives this to `cargo bench` alone; a test only wants to see it run.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, round) = if is_bench { (ROUNDS, ROUND) } else { (1, Duration::ZERO) };
    let lines = corpus();
    let (mut no_match, mut seldom) = (rules(&no_match_with(&[])), rules(&no_match_with(&SELDOM)));
    let mut starter = rules(&[]);
    let starter_name = format!("the {} starter rules", starter.rules().len());
    let mut many = rules(&many_with(&[]));
    let mut many_seldom = rules(&many_with(&SELDOM));
    let (substrings, regexes) = bare_patterns(&no_match_with(&[]));
    let (many_substrings, many_regexes) = bare_patterns(&many_with(&[]));
    let (few_set, many_set) = (regex_set(&no_match_with(&[])), regex_set(&many_with(&[])));

    let mut rows: Vec<(String, Work<'_>)> = vec![
        ("parse alone".into(), Box::new(|line| usize::from(!Record::parse(&line.bytes).topics.is_empty()))),
        ("15 rules, none matches".into(), observing(&mut no_match)),
        ("15 rules, one fires on 1 % of the lines".into(), observing(&mut seldom)),
        (starter_name, observing(&mut starter)),
        ("200 rules, none matches".into(), observing(&mut many)),
        ("200 rules, one fires on 1 % of the lines".into(), observing(&mut many_seldom)),
        ("the 15 patterns one by one".into(), one_by_one(&substrings, &regexes)),
        ("the 200 patterns one by one".into(), one_by_one(&many_substrings, &many_regexes)),
        (
            "the 15 patterns in a RegexSet".into(),
            Box::new(|line| few_set.matches(&line.bytes).iter().count()),
        ),
        (
            "the 200 patterns in a RegexSet".into(),
            Box::new(|line| many_set.matches(&line.bytes).iter().count()),
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
fn observing(rules: &mut RuleSet) -> Work<'_> {
    let mut effects = Effects::default();
    let now = (Instant::now(), SystemTime::now());
    Box::new(move |line| {
        rules.observe(line, &Record::parse(&line.bytes), now, &mut effects);
        let fired = effects.alerts.len();
        effects.alerts.clear();
        fired
    })
}

fn corpus() -> Vec<Line> {
    let (from, arrived) = (Ipv4Addr::new(192, 168, 88, 1).into(), Instant::now());
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| Line::from_datagram(line.as_bytes(), from, arrived).0).collect()
}

type Variables = Vec<(String, String)>;

/// The variables of `no_match.env`, `changed` in place of some.
fn no_match_with(changed: &[(&str, &str)]) -> Variables {
    let lines = NO_MATCH.lines().filter(|line| !line.starts_with('#'));
    let all = lines.filter_map(|line| line.split_once('='));
    all.filter(|(name, _)| changed.iter().all(|(other, _)| name != other))
        .chain(changed.iter().copied())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What tells the copies of each of the fifteen apart: another interface, user, peer.
const VARIED: [(&str, &str); 15] = [
    ("user backup", "user backup#"),
    ("disk is", "disk# is"),
    ("fan speed", "fan# speed"),
    ("SYN flooding", "SYN flooding on ether#"),
    ("detected", "detected on vlan#"),
    (r"198\.18", r"198\.#"),
    ("backup .*", "backup# .*"),
    ("wlan9", "wlan9#"),
    ("(ether1[3-9]|sfp", "(ether#[3-9]|sfp#-"),
    (".*offering", ".*site# offering"),
    ("pppoe-out[0-9]+", "pppoe-site#"),
    ("failed due", "failed with peer# due"),
    ("(temperature|voltage|fan[0-9])", "(temperature#|voltage#|fan#)"),
    (r"10\.99", r"10\.#"),
    (r"198\.51", r"198\.#"),
];

/// 200 rules that match no line: the fifteen, and variations of them.
fn many_with(changed: &[(&str, &str)]) -> Variables {
    let mut all = no_match_with(changed);
    let fifteen = no_match_with(&[]);
    for number in 15..MANY {
        let Some((from, to)) = VARIED.get(number % 15) else { continue };
        let (head, new) = (format!("EVENT{}_", number % 15), format!("EVENT{number}_"));
        for (name, value) in fifteen.iter().filter(|(name, _)| name.starts_with(&head)) {
            let varied = value.replacen(*from, &to.replace('#', &(number / 15 + 20).to_string()), 1);
            all.push((name.replacen(&head, &new, 1), varied));
        }
    }
    all
}

fn rules(variables: &[(String, String)]) -> RuleSet {
    let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let (settings, faults) = Settings::read(environment);
    assert!(faults.is_empty(), "{:?}", faults.faults);
    settings.expect("there are settings where there is no fault").rules
}

/// The patterns of rules, without anything of ours around them: substrings, regexes.
fn bare_patterns(variables: &[(String, String)]) -> (Vec<Finder<'static>>, Vec<Regex>) {
    let (mut substrings, mut regexes) = (Vec::new(), Vec::new());
    for (name, pattern) in variables.iter().filter(|(name, _)| name.ends_with("_MATCH_STR")) {
        let kind = name.replace("_MATCH_STR", "_MATCH_TYPE");
        match variables.iter().any(|(name, value)| *name == kind && value == "regex") {
            true => regexes.push(bare(pattern).build().expect("these mean the same there")),
            false => substrings.push(Finder::new(pattern).into_owned()),
        }
    }
    (substrings, regexes)
}

fn bare(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false);
    builder
}

fn one_by_one<'a>(substrings: &'a [Finder<'static>], regexes: &'a [Regex]) -> Work<'a> {
    Box::new(|line| {
        substrings.iter().filter(|finder| finder.find(&line.bytes).is_some()).count()
            + regexes.iter().filter(|regex| regex.is_match(&line.bytes)).count()
    })
}

/// All patterns of rules in one set of the regex crate's.
fn regex_set(variables: &[(String, String)]) -> RegexSet {
    let (substrings, regexes) = bare_patterns(variables);
    let texts = substrings.iter().map(|text| String::from_utf8_lossy(text.needle()).into_owned());
    let all: Vec<_> = texts.chain(regexes.iter().map(|regex| regex.to_string())).collect();
    RegexSetBuilder::new(all)
        .unicode(false)
        .size_limit(64 << 20)
        .build()
        .expect("these are patterns there too")
}
