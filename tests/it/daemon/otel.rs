//! OpenTelemetry: what a collector is sent, when, and what its absence costs.
//!
//! The bodies are read strictly: no field but those of the protocol, none that must be there missing, integers of
//! 64 bits as strings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::LOGIN_FAILURE;
use crate::support::authority::{Authority, Validity};
use crate::support::daemon::{Daemon, get, run};
use crate::support::elsewhere::faketime;
use crate::support::recorder::{Answer, Received, Recorder};
use crate::support::variables::Variables;
use crate::support::{TempFolder, skip};

/// Everything to `recorder`, figures five times a second.
fn exporting(recorder: &Recorder) -> Variables {
    Variables::new()
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", recorder.url("/"))
        .with("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .with("SELF_NOTIFIER", "Console")
}

/// Alerts alone.
fn exporting_logs(recorder: &Recorder) -> Variables {
    exporting(recorder).with("OTEL_METRICS_EXPORTER", "none").substr("Console", "login", "@{message}")
}

/// Requests to `path`, once there are `count` of them.
#[track_caller]
fn wait_for(recorder: &Recorder, path: &str, count: usize) -> Vec<Received> {
    let mut all = recorder.received();
    loop {
        let wanted: Vec<_> = all.iter().filter(|one| one.target == path).cloned().collect();
        if wanted.len() >= count {
            return wanted;
        }
        all = recorder.wait_for(all.len() + 1);
    }
}

/// The members of an object, which has these alone: those that must be there, and others that may.
#[track_caller]
fn members<'v>(value: &'v Value, must: &[&str], may: &[&str]) -> &'v serde_json::Map<String, Value> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for name in must {
        assert!(object.contains_key(*name), "no {name} in {value}");
    }
    for name in object.keys() {
        assert!(must.contains(&&**name) || may.contains(&&**name), "{name} in {value}");
    }
    object
}

/// The one item of a list.
#[track_caller]
fn only(value: &Value) -> &Value {
    match value.as_array().map(Vec::as_slice) {
        Some([one]) => one,
        _ => panic!("not a list of one: {value}"),
    }
}

/// An integer of 64 bits: a string of digits.
#[track_caller]
fn number(value: &Value) -> u64 {
    let text = value.as_str().unwrap_or_else(|| panic!("no string: {value}"));
    assert!(text.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
    text.parse().unwrap()
}

#[track_caller]
fn attributes(value: &Value) -> BTreeMap<String, String> {
    let pairs = value["attributes"].as_array().unwrap().iter().map(|pair| {
        members(pair, &["key", "value"], &[]);
        members(&pair["value"], &["stringValue"], &[]);
        (pair["key"].as_str().unwrap().to_owned(), pair["value"]["stringValue"].as_str().unwrap().to_owned())
    });
    let all: Vec<_> = pairs.collect();
    let map: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(map.len(), all.len(), "a key twice in {value}");
    map
}

/// What a time may be: not long ago, in nanoseconds.
#[track_caller]
fn assert_recent(nanos: &Value) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let nanos = number(nanos);
    assert!(nanos <= now && now - nanos < 60_000_000_000, "{nanos}, at {now}");
    nanos
}

/// What both kinds of request have around what they carry: the resource's attributes, and the items.
#[track_caller]
fn opened<'v>(
    body: &'v Value,
    outer: &str,
    inner: &str,
    items: &str,
) -> (BTreeMap<String, String>, &'v [Value]) {
    members(body, &[outer], &[]);
    let of_resource = only(&body[outer]);
    members(of_resource, &["resource", inner], &[]);
    members(&of_resource["resource"], &["attributes"], &[]);
    let of_scope = only(&of_resource[inner]);
    members(of_scope, &["scope", items], &[]);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(of_scope["scope"], serde_json::json!({"name": "alertik", "version": version}));
    let items = of_scope[items].as_array().unwrap();
    assert!(!items.is_empty(), "an empty envelope");
    (attributes(&of_resource["resource"]), items)
}

/// The log records of a request, each looked at: attributes by text.
#[track_caller]
fn records(request: &Received) -> Vec<(String, BTreeMap<String, String>, Value)> {
    let body = request.json();
    let (_, records) = opened(&body, "resourceLogs", "scopeLogs", "logRecords");
    let read = |record: &Value| {
        let all =
            ["timeUnixNano", "observedTimeUnixNano", "severityNumber", "severityText", "body", "attributes"];
        members(record, &all, &[]);
        members(&record["body"], &["stringValue"], &[]);
        assert!((1..=24).contains(&record["severityNumber"].as_u64().unwrap()), "{record}");
        assert_recent(&record["timeUnixNano"]);
        (record["body"]["stringValue"].as_str().unwrap().to_owned(), attributes(record), record.clone())
    };
    records.iter().map(read).collect()
}

/// The figures of a request, each looked at: the whole value of each by name and attributes.
#[track_caller]
fn figures(request: &Received) -> BTreeMap<(String, Vec<String>), Value> {
    let body = request.json();
    let (_, metrics) = opened(&body, "resourceMetrics", "scopeMetrics", "metrics");
    let mut found = BTreeMap::new();
    for metric in metrics {
        let metric_members =
            members(metric, &["name", "description"], &["unit", "sum", "gauge", "histogram"]);
        let name = metric["name"].as_str().unwrap();
        let kinds: Vec<_> = ["sum", "gauge", "histogram"]
            .into_iter()
            .filter(|kind| metric_members.contains_key(*kind))
            .collect();
        let [kind] = kinds[..] else { panic!("not one kind: {metric}") };
        let data = &metric[kind];
        match kind {
            "sum" => {
                members(data, &["aggregationTemporality", "isMonotonic", "dataPoints"], &[]);
                assert_eq!(
                    (&data["aggregationTemporality"], &data["isMonotonic"]),
                    (&2.into(), &true.into())
                );
            }
            "gauge" => drop(members(data, &["dataPoints"], &[])),
            _ => {
                members(data, &["aggregationTemporality", "dataPoints"], &[]);
                assert_eq!(data["aggregationTemporality"], 2);
            }
        }
        let points = data["dataPoints"].as_array().unwrap();
        assert!(!points.is_empty(), "{metric}");
        for point in points {
            let time = assert_recent(&point["timeUnixNano"]);
            if kind == "histogram" {
                let all = [
                    "attributes",
                    "startTimeUnixNano",
                    "timeUnixNano",
                    "count",
                    "sum",
                    "bucketCounts",
                    "explicitBounds",
                ];
                members(point, &all, &[]);
                let counts: Vec<_> = point["bucketCounts"].as_array().unwrap().iter().map(number).collect();
                assert_eq!(counts.len(), point["explicitBounds"].as_array().unwrap().len() + 1);
                assert_eq!(counts.iter().sum::<u64>(), number(&point["count"]));
                assert!(point["sum"].is_f64(), "{point}");
            } else {
                let start: &[&str] = if kind == "sum" { &["startTimeUnixNano"] } else { &[] };
                members(point, &[&["attributes", "timeUnixNano"], start].concat(), &["asInt", "asDouble"]);
                match (point.get("asInt"), point.get("asDouble")) {
                    (Some(whole), None) => drop(number(whole)),
                    (None, Some(real)) => assert!(real.is_f64(), "{point}"),
                    _ => panic!("not one value: {point}"),
                }
            }
            if kind != "gauge" {
                assert!(assert_recent(&point["startTimeUnixNano"]) < time, "{point}");
            }
            let labels = attributes(point).into_iter().map(|(name, value)| format!("{name}={value}"));
            let twice = found.insert((name.to_owned(), labels.collect()), point.clone());
            assert!(twice.is_none(), "{name} twice");
        }
    }
    found
}

#[test]
fn the_figures_are_those_of_the_metrics() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&exporting(&recorder).substr("Console", "login", "told"));
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_log("delivered", &[]);
    let before = wait_for(&recorder, "/v1/metrics", 1).len();
    let requests = wait_for(&recorder, "/v1/metrics", before + 2);
    let request = requests.last().unwrap();
    assert_eq!((&*request.method, request.header("content-type")), ("POST", Some("application/json")));
    let figures = figures(request);
    let figure = |name: &str, labels: &[&str]| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        figures.get(&(name.to_owned(), labels)).unwrap_or_else(|| panic!("no {name} in {figures:#?}"))
    };
    assert_eq!(figure("alertik_lines_received_total", &["router=127.0.0.1"])["asInt"], "1");
    assert_eq!(figure("alertik_alerts_total", &["outcome=told", "rule=EVENT0"])["asInt"], "1");
    assert_eq!(figure("alertik_delivery_seconds", &["notifier=Console"])["count"], "1");
    assert!(figure("process_resident_memory_bytes", &[])["asDouble"].as_f64().unwrap() > 1e6);
    let (status, text) = get(daemon.http.unwrap(), "/metrics");
    assert_eq!(status, 200);
    let of_prometheus: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .map(|name| {
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
        })
        .collect();
    let of_otlp: BTreeSet<&str> = figures.keys().map(|(name, _)| &**name).collect();
    assert_eq!(of_prometheus, of_otlp);
}

#[test]
fn each_alert_is_a_record_with_what_it_is_about() {
    let recorder = Recorder::start();
    let variables = exporting_logs(&recorder)
        .with("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=caf%C3%A9")
        .with("OTEL_SERVICE_NAME", "alertik-home")
        .with("ROUTERS", "127.0.0.1=home")
        .with("EVENT0_PRIORITY", "urgent")
        .with("EVENT0_KEY", "@{from}")
        .with("EVENT0_COOLDOWN", "1m");
    let daemon = Daemon::start(&variables);
    daemon.send("system,error,critical login failure for user <b>\u{1b}[31m\"\\");
    let request = wait_for(&recorder, "/v1/logs", 1).remove(0);
    let body = request.json();
    let (resource, _) = opened(&body, "resourceLogs", "scopeLogs", "logRecords");
    let expected = [
        ("deployment.environment.name", "café"),
        ("service.name", "alertik-home"),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(resource, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let all = records(&request);
    let [(text, attributes, record)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(text, "login failure for user <b>\u{1b}[31m\"\\");
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&21.into(), &"urgent".into()));
    let names: Vec<_> = attributes.keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "key", "router", "rule"]);
    assert_eq!((&*attributes["rule"], &*attributes["router"]), ("EVENT0", "home"));
    assert_eq!((&*attributes["key"], attributes["id"].len()), ("127.0.0.1", 16));
    // What is said of ourselves is a record too.
    assert_eq!(daemon.stop("TERM").logged("export failed").len(), 0);
}

#[test]
fn alerts_that_come_together_go_together_and_the_last_at_the_stop() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&exporting_logs(&recorder));
    for number in 0..10 {
        daemon.send(format!("system,info user {number} login"));
    }
    let first = records(&wait_for(&recorder, "/v1/logs", 1)[0]);
    assert_eq!(first.len(), 10, "{first:?}");
    daemon.send("system,info last login");
    daemon.wait_for_line(|line| line.contains("last login"));
    let ended = daemon.stop("TERM");
    let texts: Vec<_> = recorder.received().iter().flat_map(records).map(|(text, ..)| text).collect();
    assert_eq!((texts.len(), texts.last().map(String::as_str)), (11, Some("last login")));
    assert!(ended.logged("export left").is_empty(), "{}", ended.whole());
}

#[test]
fn what_a_collector_could_not_take_it_gets_again_and_what_it_refused_it_does_not() {
    let busy = Answer::status(503).with_header("Retry-After", "2");
    let refusing = Answer::status(400).with_body(r#"{"code":3,"message":"bad data"}"#);
    let recorder = Recorder::queued([busy, Answer::Cut, Answer::status(200), refusing]);
    let daemon = Daemon::start(&exporting_logs(&recorder));
    daemon.send("system,info first login");
    let requests = wait_for(&recorder, "/v1/logs", 3);
    let waited = requests[1].first_byte - requests[0].complete;
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    // The connection was cut: then it is our own pace.
    assert!(requests[2].first_byte - requests[1].complete >= Duration::from_millis(1500));
    let first = records(&requests[0]);
    assert_eq!(first.len(), 1);
    let ids: BTreeSet<_> = requests.iter().map(|one| records(one)[0].1["id"].clone()).collect();
    assert_eq!(ids.len(), 1, "the same each time");
    daemon.wait_for_log("export failed", &[("signal", "logs"), ("failures", "1"), ("reason", "503")]);
    daemon.wait_for_log("export works again", &[("signal", "logs"), ("failures", "2")]);

    daemon.send("system,info second login");
    daemon
        .wait_for_log("export failed", &[("signal", "logs"), ("failures", "1"), ("reason", "400 bad data")]);
    daemon.send("system,info third login");
    let requests = wait_for(&recorder, "/v1/logs", 5);
    assert_eq!(records(&requests[4])[0].0, "third login");
    let (_, text) = get(daemon.http.unwrap(), "/metrics");
    assert!(text.contains("\nalertik_otel_records_lost_total 1\n"), "{text}");
    assert_eq!(daemon.stop("TERM").logged("exported")[0].figure("lost"), 1);
}

#[test]
fn a_collector_that_is_away_costs_no_alert_and_no_memory() {
    let (collector, told) = (Recorder::scripted(|_| Answer::Hang), Recorder::start());
    let variables = exporting(&collector).generic(1, &told).substr("Generic1", "login", "@{message}");
    let daemon = Daemon::start(&variables);
    // The figures hang already.
    collector.wait_for(1);
    let count = 400;
    for number in 0..count {
        daemon.send(format!("system,info user {number} login"));
        daemon.wait_until_drained();
    }
    told.wait_for(count);
    // The ring holds 256; what was taken from it, a batch of 64.
    let (_, text) = get(daemon.http.unwrap(), "/metrics");
    let lost = text.lines().find_map(|line| line.strip_prefix("alertik_otel_records_lost_total ")).unwrap();
    assert!((count - 256 - 64..=count - 256).contains(&lost.parse().unwrap()), "{lost}");
    let ended = daemon.stop("TERM");
    assert!(ended.code == Some(0) && ended.took < Duration::from_secs(8), "{ended:?}");
    assert_eq!(ended.figures().figure("alerts"), count);
}

#[test]
fn neither_headers_nor_addresses_are_ever_shown() {
    // It repeats what it was sent, as a proxy's page of errors does.
    let repeating = |one: &Received| {
        let headers: Vec<_> = one.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        Answer::status(403).with_body(format!("{} {}", headers.join(" "), one.target))
    };
    let recorder = Recorder::scripted(repeating);
    let variables = Variables::new()
        .with(
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            recorder.url("/of-figures/theSecretPath?key=theSecretQuery"),
        )
        .with("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", recorder.url("/of-alerts/theSecretPath"))
        .with("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20theSecretToken,x-scope=theSecretScope")
        .with("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-key=theSecretKey")
        .with("LOG_LEVEL", "debug")
        .substr("Console", "login", "told");
    let daemon = Daemon::start(&variables);
    daemon.send(LOGIN_FAILURE);
    let logs = wait_for(&recorder, "/of-alerts/theSecretPath", 1).remove(0);
    assert_eq!((logs.header("x-key"), logs.header("authorization")), (Some("theSecretKey"), None));
    let metrics = wait_for(&recorder, "/of-figures/theSecretPath?key=theSecretQuery", 1).remove(0);
    assert_eq!(metrics.header("authorization"), Some("Bearer theSecretToken"));
    assert_eq!((metrics.header("x-scope"), metrics.header("x-key")), (Some("theSecretScope"), None));
    for signal in ["metrics", "logs"] {
        daemon.wait_for_log("export failed", &[("signal", signal)]);
    }
    let checked = run(&["check"], &variables.on_free_ports());
    let shown = [
        "figures go to OTEL_EXPORTER_OTLP_METRICS_ENDPOINT (hidden) every 60 s",
        "a copy of each alert goes to OTEL_EXPORTER_OTLP_LOGS_ENDPOINT (hidden)",
    ];
    for line in shown {
        assert!(checked.stdout.iter().any(|printed| printed == line), "{}", checked.whole());
    }
    for printed in [daemon.stop("TERM").whole(), checked.whole()] {
        assert!(!printed.contains("theSecret"), "{printed}");
    }
}

#[test]
fn nothing_goes_out_unless_somebody_wants_it() {
    let recorder = Recorder::start();
    let told = || Variables::new().substr("Console", "login", "told");
    let endpoint = recorder.url("");
    for variables in [
        told().with("OTEL_SERVICE_NAME", "alertik").with("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        told().with("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint).with("OTEL_SDK_DISABLED", "TRUE"),
        told()
            .with("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)
            .with("OTEL_METRICS_EXPORTER", "none")
            .with("OTEL_LOGS_EXPORTER", "none"),
    ] {
        let daemon = Daemon::start(&variables);
        daemon.send(LOGIN_FAILURE);
        daemon.wait_for_log("delivered", &[]);
        assert_eq!(daemon.stop("TERM").code, Some(0));
    }
    assert_eq!(recorder.received().len(), 0);
}

#[test]
fn a_collector_of_ones_own_authority_is_trusted_if_one_says_so() {
    let authority = Authority::new();
    let recorder = Recorder::over_tls(authority.server("localhost", Validity::Now));
    let endpoint = format!("https://localhost:{}", recorder.address().port());
    let trusting = Variables::new()
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)
        .with("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", authority.ca_file());
    let daemon = Daemon::start(&trusting.substr("Console", "login", "told"));
    assert_eq!(recorder.wait_for(1)[0].target, "/v1/metrics");
    // Who signs for the figures does not sign for the alerts.
    daemon.send(LOGIN_FAILURE);
    let failed = daemon.wait_for_log("export failed", &[("signal", "logs")]);
    assert!(failed.value("reason").unwrap().contains("not from a known authority"), "{failed:?}");
}

#[test]
fn before_the_clock_is_set_nothing_goes_out_and_then_with_the_right_times() {
    let library = match faketime() {
        Ok(library) => library,
        Err(why) => return skip(&why),
    };
    let (recorder, clock) = (Recorder::start(), TempFolder::new());
    let variables = exporting(&recorder)
        .substr("Console", "login", "told @{time}")
        .with("LD_PRELOAD", library)
        .with("FAKETIME_TIMESTAMP_FILE", clock.write("clock", "-50y"))
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with("DONT_FAKE_MONOTONIC", "1");
    let daemon = Daemon::start(&variables);
    daemon.send(LOGIN_FAILURE);
    let sent = Instant::now();
    daemon.wait_for_log("export waits", &[("reason", "the clock is not set")]);
    daemon.wait_for_log("delivered", &[]);
    assert_eq!(recorder.received().len(), 0);
    std::fs::rename(clock.write("new", "+0"), clock.path("clock")).unwrap();
    let request = wait_for(&recorder, "/v1/logs", 1).remove(0);
    // The time is that of the line, and the text was put right.
    let (text, _, record) = records(&request).remove(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let age = now - Duration::from_nanos(number(&record["timeUnixNano"]));
    assert!(age.abs_diff(sent.elapsed()) < Duration::from_secs(2), "{age:?}");
    assert!(text.starts_with("told 20"), "{text}");
    figures(&wait_for(&recorder, "/v1/metrics", 1)[0]);
}
