//! `/metrics` of a daemon that has seen something: what Prometheus's own tool says of it, and the dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use regex::Regex;
use serde_json::{Value, json};

use super::LOGIN_FAILURE;
use crate::support::daemon::{Daemon, get};
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;
use crate::support::{DEADLINE, skip};

/// What the daemon says once it has counted what `wanted` looks for.
#[track_caller]
pub(super) fn metrics(daemon: &Daemon, wanted: &[&str]) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let (status, text) = get(daemon.http.unwrap(), "/metrics");
        assert_eq!(status, 200, "{text}");
        let missing: Vec<_> = wanted.iter().filter(|line| !text.contains(&format!("{line}\n"))).collect();
        if missing.is_empty() {
            return text;
        }
        assert!(Instant::now() < deadline, "{missing:?} is missing in\n{text}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The names of the samples, and how often each stands there with each set of labels.
fn series(text: &str) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        *counts.entry(series).or_default() += 1;
    }
    counts
}

fn names(text: &str) -> BTreeSet<&str> {
    series(text).into_keys().map(|series| series.split('{').next().unwrap()).collect()
}

/// Everything that can happen has: lines from routers with two addresses and a difficult name, from one that
/// may not send and from ourselves; alerts that were told, held, refused, and that wait.
#[track_caller]
fn busy(slack: &Recorder, teams: &Recorder, discord: &Recorder) -> (Daemon, String) {
    let variables = Variables::new().slack(slack).teams(teams).discord(discord);
    let daemon = Daemon::start(
        &variables
            .with("SYSLOG_ALLOW", "127.0.0.0/29")
            .with("ROUTERS", r#"127.0.0.1=a "b" \c,127.0.0.2=two,127.0.0.3=two"#)
            .with("STATIC_EVENTS_ENABLED", "starter")
            .with("SELF_NOTIFIER", "Console")
            .with("STATIC_EVENT1_NOTIFIER", "Slack")
            .with("EVENT0_COOLDOWN", "1h")
            .substr("Slack,Teams,Discord", "login", "@{line}"),
    );
    daemon.send(LOGIN_FAILURE);
    daemon.send(LOGIN_FAILURE);
    for sender in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        daemon.send_from(sender, "interface,info ether1 link up");
    }
    daemon.send_from("127.0.0.99", "interface,info ether1 link up");
    daemon.send("container,info x");
    let text = metrics(
        &daemon,
        &[
            r#"alertik_lines_received_total{router="a \"b\" \\c"} 3"#,
            r#"alertik_lines_received_total{router="two"} 2"#,
            r#"alertik_lines_received_total{router="127.0.0.4"} 1"#,
            r#"alertik_lines_rejected_total{reason="not_allowed"} 1"#,
            r#"alertik_lines_rejected_total{reason="own"} 1"#,
            r#"alertik_rule_matches_total{rule="EVENT0"} 2"#,
            r#"alertik_alerts_total{rule="EVENT0",outcome="told"} 1"#,
            r#"alertik_alerts_total{rule="EVENT0",outcome="suppressed"} 1"#,
            r#"alertik_notifications_total{notifier="Slack",outcome="delivered"} 2"#,
            r#"alertik_notifications_total{notifier="Teams",outcome="rejected"} 1"#,
            r#"alertik_spool_length{notifier="Discord"} 1"#,
            r#"alertik_notifier_parked{notifier="Discord"} 1"#,
            r#"alertik_notifier_parked{notifier="Slack"} 0"#,
            r#"alertik_delivery_seconds_count{notifier="Slack"} 2"#,
        ],
    );
    (daemon, text)
}

fn recorders() -> [Recorder; 3] {
    let slack = Recorder::scripted(|_| Answer::status(200).with_body("ok"));
    [slack, Recorder::scripted(|_| Answer::status(400)), Recorder::scripted(|_| Answer::status(404))]
}

#[test]
fn promtool_has_nothing_to_say() {
    let [slack, teams, discord] = recorders();
    let (_daemon, text) = busy(&slack, &teams, &discord);
    for (series, count) in series(&text) {
        assert_eq!(count, 1, "{series}");
    }
    if let Some(words) = promtool(&["metrics"], text.as_bytes()) {
        assert_eq!(words, "", "{text}");
    }
}

/// What the real `promtool check` finds wrong with `input`; None, and a word of why, where there is no promtool.
#[track_caller]
fn promtool(what: &[&str], input: &[u8]) -> Option<String> {
    let mut command = Command::new("promtool");
    command.arg("check").args(what).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = match command.spawn() {
        Ok(promtool) => promtool,
        Err(error) => {
            skip(&format!("promtool: {error}"));
            return None;
        }
    };
    promtool.stdin.take().unwrap().write_all(input).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].concat();
    let words = String::from_utf8(words).unwrap();
    assert_eq!(said.status.code(), Some(0), "{words}");
    Some(words)
}

#[test]
fn routers_beyond_those_that_are_named_are_counted_together() {
    let daemon = Daemon::start(&Variables::new());
    for number in 0..300 {
        let sender = format!("127.1.{}.{}", number / 200, number % 200 + 1);
        daemon.send_from(&sender, "x");
        daemon.wait_until_drained();
    }
    let text = metrics(&daemon, &[r#"alertik_lines_received_total{router="other"} 44"#]);
    let routers =
        series(&text).into_keys().filter(|series| series.starts_with("alertik_lines_received_total"));
    assert_eq!(routers.count(), 257);
}

fn dashboard() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/grafana.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Of ours, what the dashboard does not show, and why.
const NOT_ON_THE_DASHBOARD: &[&str] = &[
    // The sum of what it took over the count is a mean, and the quantiles say more.
    "alertik_delivery_seconds_count",
    "alertik_delivery_seconds_sum",
    // How much the system has promised says nothing of what is used.
    "process_virtual_memory_bytes",
];

/// Every text in a value, however deep.
fn texts<'v>(value: &'v Value, all: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => all.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, all)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, all)),
        _ => {}
    }
}

#[test]
fn the_dashboard_uses_what_there_is() {
    let [slack, teams, discord] = recorders();
    let (_daemon, text) = busy(&slack, &teams, &discord);
    let there = names(&text);
    let (dashboard, mut all) = (dashboard(), Vec::new());
    texts(&dashboard, &mut all);
    let name = Regex::new(r"\b(?:alertik|process)_[a-z_]+").unwrap();
    let used: BTreeSet<&str> =
        all.iter().flat_map(|text| name.find_iter(text)).map(|found| found.as_str()).collect();
    let unknown: Vec<_> = used.difference(&there).collect();
    assert!(unknown.is_empty(), "docs/grafana.json: {unknown:?} is no metric");
    let spared: BTreeSet<&str> = NOT_ON_THE_DASHBOARD.iter().copied().collect();
    let unused: Vec<_> = there.difference(&used).filter(|name| !spared.contains(*name)).collect();
    assert!(unused.is_empty(), "docs/grafana.json: {unused:?} is neither shown nor listed as not");
    let wrong: Vec<_> = spared.iter().filter(|name| used.contains(*name) || !there.contains(*name)).collect();
    assert!(wrong.is_empty(), "{wrong:?} is listed for nothing");
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let daemon = Daemon::start(&Variables::new());
    let text = metrics(&daemon, &[]);
    let there: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md")).unwrap();
    let name = Regex::new(r"`((?:alertik|process)_[a-z_]+)`").unwrap();
    let documented: BTreeSet<&str> =
        name.captures_iter(&page).map(|found| found.extract::<1>().1[0]).collect();
    assert_eq!(there, documented);
}

#[test]
fn the_dashboard_asks_what_prometheus_understands() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let questions = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let questions = questions.map(|target| target["expr"].as_str().unwrap());
    let rules: Vec<_> = questions
        // What Grafana fills in.
        .map(|text| {
            ["range", "interval", "rate_interval"]
                .iter()
                .fold(text.to_owned(), |text, name| text.replace(&format!("[$__{name}]"), "[5m]"))
        })
        .enumerate()
        .map(|(number, text)| json!({"record": format!("question:{number}"), "expr": text}))
        .collect();
    assert!(rules.len() > 15, "{rules:?}");
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string();
    if let Some(words) = promtool(&["rules", "/dev/stdin"], rules.as_bytes()) {
        assert!(words.contains("SUCCESS"), "{words}");
    }
}
