//! OTLP in JSON: pure, from figures and alerts to a body.
//!
//! The messages are those of opentelemetry-proto 1 (`metrics/v1`, `logs/v1`), in its own mapping to JSON (OTLP
//! specification, "JSON Protobuf Encoding"): names in lowerCamelCase, enumerations as numbers, and integers of
//! 64 bits as strings. Written as it goes, without a tree of values in between: a tree would take ten times what
//! the text takes, on a machine that counts its memory.

use std::fmt::Display;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::alert::{Alert, Priority, Stage, wall_time};
use crate::figures::{Family, Kind, Labels, Value};
use crate::stats::DELAYS;
use crate::value;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: each figure counts from the start of the process.
const CUMULATIVE: u8 = 2;

/// Names and values of what we are.
pub(super) type Resource = [(String, String)];

/// An `ExportMetricsServiceRequest` of what was counted from `start` to `now`.
pub(super) fn metrics(
    families: &[Family<'_>],
    resource: &Resource,
    start: SystemTime,
    now: SystemTime,
) -> Vec<u8> {
    let span = Span { start: Nanos(start), now: Nanos(now) };
    // A family without samples would be an empty envelope, which senders should not make.
    let families = families.iter().filter(|family| !family.samples.is_empty());
    let scope_metrics =
        [ScopeMetrics { scope: SCOPE, metrics: families.map(|one| metric(one, span)).collect() }];
    body(&MetricsRequest {
        resource_metrics: [ResourceMetrics { resource: Of::new(resource), scope_metrics }],
    })
}

/// An `ExportLogsServiceRequest` of alerts.
pub(super) fn logs<'a>(
    alerts: impl Iterator<Item = &'a Alert>,
    resource: &Resource,
    now: (Instant, SystemTime),
) -> Vec<u8> {
    let texts: Vec<_> = alerts.map(|alert| (alert, alert.id.to_string(), alert.words(now).0)).collect();
    let records = texts.iter().map(|(alert, id, text)| record(alert, id, text, now)).collect();
    let scope_logs = [ScopeLogs { scope: SCOPE, log_records: records }];
    body(&LogsRequest { resource_logs: [ResourceLogs { resource: Of::new(resource), scope_logs }] })
}

/// Texts and finite numbers have no fault that could be met.
fn body(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetricsRequest<'a> {
    resource_metrics: [ResourceMetrics<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics<'a> {
    resource: Of<'a>,
    scope_metrics: [ScopeMetrics<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeMetrics<'a> {
    scope: Scope,
    metrics: Vec<Metric<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogsRequest<'a> {
    resource_logs: [ResourceLogs<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    resource: Of<'a>,
    scope_logs: [ScopeLogs<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    scope: Scope,
    log_records: Vec<LogRecord<'a>>,
}

/// What wrote it: the instrumentation scope.
#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

const SCOPE: Scope = Scope { name: "alertik", version: env!("CARGO_PKG_VERSION") };

/// The resource.
#[derive(Serialize)]
struct Of<'a> {
    attributes: Vec<Attribute<'a>>,
}

impl<'a> Of<'a> {
    fn new(resource: &'a Resource) -> Of<'a> {
        Of { attributes: resource.iter().map(|(key, value)| attribute(key, value)).collect() }
    }
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: Text<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a> {
    string_value: &'a str,
}

fn attribute<'a>(key: &'a str, value: &'a str) -> Attribute<'a> {
    Attribute { key, value: Text { string_value: value } }
}

/// A number of 64 bits.
#[derive(Clone, Copy)]
struct Digits<T>(T);

impl<T: Display> Serialize for Digits<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// Nanoseconds since 1970; zero, which stands for unknown, before that.
#[derive(Clone, Copy)]
struct Nanos(SystemTime);

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos())
    }
}

#[derive(Clone, Copy)]
struct Span {
    start: Nanos,
    now: Nanos,
}

#[derive(Serialize)]
struct Metric<'a> {
    name: &'static str,
    description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<Sum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gauge: Option<Gauge<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<Histogram<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sum<'a> {
    aggregation_temporality: u8,
    is_monotonic: bool,
    data_points: Vec<Point<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gauge<'a> {
    data_points: Vec<Point<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Histogram<'a> {
    aggregation_temporality: u8,
    data_points: Vec<Buckets<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Point<'a> {
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_unix_nano: Option<Nanos>,
    time_unix_nano: Nanos,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_int: Option<Digits<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_double: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Buckets<'a> {
    attributes: Vec<Attribute<'a>>,
    start_time_unix_nano: Nanos,
    time_unix_nano: Nanos,
    count: Digits<usize>,
    sum: f64,
    bucket_counts: Vec<Digits<usize>>,
    explicit_bounds: [f64; DELAYS.len()],
}

fn metric<'a>(family: &'a Family<'_>, span: Span) -> Metric<'a> {
    let mut metric = Metric {
        name: family.name,
        description: family.help,
        unit: unit(family.name),
        sum: None,
        gauge: None,
        histogram: None,
    };
    match family.kind {
        Kind::Counter => {
            let data_points = points(family, Some(span.start), span.now);
            metric.sum = Some(Sum { aggregation_temporality: CUMULATIVE, is_monotonic: true, data_points });
        }
        Kind::Gauge => metric.gauge = Some(Gauge { data_points: points(family, None, span.now) }),
        Kind::Histogram => {
            let data_points = buckets(family, span);
            metric.histogram = Some(Histogram { aggregation_temporality: CUMULATIVE, data_points });
        }
    }
    metric
}

/// The unit that a name ends with, as UCUM has it. No other: whoever makes Prometheus's names of ours puts the
/// unit behind what does not have it yet (compatibility with Prometheus, "Metric metadata").
fn unit(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches("_total");
    if name.ends_with("_seconds") { Some("s") } else { name.ends_with("_bytes").then_some("By") }
}

fn attributes<'a>(labels: &'a Labels<'_>) -> Vec<Attribute<'a>> {
    labels.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn points<'a>(family: &'a Family<'_>, start: Option<Nanos>, now: Nanos) -> Vec<Point<'a>> {
    let points = family.samples.iter().map(|sample| {
        let (as_int, as_double) = match sample.value {
            Value::Whole(number) => (Some(Digits(number)), None),
            Value::Real(number) => (None, Some(number)),
            Value::Delays(ref seen) => (Some(Digits(seen.count)), None),
        };
        let attributes = attributes(&sample.labels);
        Point { attributes, start_time_unix_nano: start, time_unix_nano: now, as_int, as_double }
    });
    points.collect()
}

fn buckets<'a>(family: &'a Family<'_>, span: Span) -> Vec<Buckets<'a>> {
    let samples = family.samples.iter().filter_map(|sample| match &sample.value {
        Value::Delays(seen) => Some((&sample.labels, seen)),
        _ => None,
    });
    let buckets = samples.map(|(labels, seen)| {
        // One more than bounds: what took longer than the last.
        let beyond = seen.count.saturating_sub(seen.buckets.iter().sum());
        Buckets {
            attributes: attributes(labels),
            start_time_unix_nano: span.start,
            time_unix_nano: span.now,
            count: Digits(seen.count),
            sum: seen.seconds,
            bucket_counts: seen.buckets.into_iter().chain([beyond]).map(Digits).collect(),
            explicit_bounds: DELAYS,
        }
    });
    buckets.collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    time_unix_nano: Nanos,
    observed_time_unix_nano: Nanos,
    severity_number: u8,
    severity_text: &'static str,
    body: Text<'a>,
    attributes: Vec<Attribute<'a>>,
}

/// Logs data model, "Field: SeverityNumber": INFO, WARN, ERROR and FATAL. An alert is never less than news.
fn severity(priority: Priority) -> u8 {
    match priority {
        Priority::Low => 9,
        Priority::Normal => 13,
        Priority::High => 17,
        Priority::Urgent => 21,
    }
}

fn record<'a>(alert: &'a Alert, id: &'a str, text: &'a str, now: (Instant, SystemTime)) -> LogRecord<'a> {
    let router = alert.values.as_deref().map(|values| values.text(value::Value::Router));
    let stage = match alert.stage {
        Stage::Once => None,
        Stage::Begun => Some("begun"),
        Stage::Over => Some("over"),
    };
    // By the id one that came twice is known: a collector may have taken what it did not answer.
    let attributes = [
        ("rule", Some(&*alert.rule)),
        ("key", alert.key.as_deref()),
        ("router", router.filter(|router| !router.is_empty())),
        ("stage", stage),
        ("id", Some(id)),
    ];
    let time = Nanos(wall_time(alert.arrived, now));
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity(alert.priority),
        severity_text: alert.priority.name(),
        body: Text { string_value: text },
        attributes: attributes.into_iter().filter_map(|(key, value)| Some(attribute(key, value?))).collect(),
    }
}

#[cfg(test)]
mod tests;
