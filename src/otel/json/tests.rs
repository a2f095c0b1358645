//! What a body is, to the letter.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::figures::Sample;
use crate::stats::Delays;
use crate::timestamp::Zone;
use crate::value::Values;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// What a family becomes in a request, between what is the same for all.
#[track_caller]
fn check(kind: Kind, name: &'static str, labels: Labels<'_>, value: Value, expected: &str) {
    let family = Family { name, help: "Of x.", kind, samples: vec![Sample { labels, value }] };
    let empty = Family { name: "empty", help: "None.", kind, samples: Vec::new() };
    let resource = [("service.name".to_owned(), "a\"b".to_owned())];
    let text = metrics(&[empty, family], &resource, at(1_795_000_000), at(1_795_000_060));
    let version = env!("CARGO_PKG_VERSION");
    let whole = format!(
        "{{\"resourceMetrics\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"service.name\",\"value\":\
         {{\"stringValue\":\"a\\\"b\"}}}}]}},\"scopeMetrics\":[{{\"scope\":{{\"name\":\"alertik\",\
         \"version\":\"{version}\"}},\"metrics\":[{{\"name\":\"{name}\",\"description\":\"Of x.\",{expected}}}]\
         }}]}}]}}"
    );
    assert_eq!(String::from_utf8(text).unwrap(), whole);
}

#[test]
fn a_counter_is_a_cumulative_monotonic_sum_and_its_number_a_string() {
    check(
        Kind::Counter,
        "x_total",
        vec![("router", "1.2.3.4".into())],
        Value::Whole(7),
        "\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,\"dataPoints\":[{\"attributes\":\
         [{\"key\":\"router\",\"value\":{\"stringValue\":\"1.2.3.4\"}}],\
         \"startTimeUnixNano\":\"1795000000000000000\",\"timeUnixNano\":\"1795000060000000000\",\
         \"asInt\":\"7\"}]}",
    );
}

#[test]
fn a_gauge_has_no_start_and_a_real_number_is_a_number() {
    check(
        Kind::Gauge,
        "x_bytes",
        Vec::new(),
        Value::Real(0.5),
        "\"unit\":\"By\",\"gauge\":{\"dataPoints\":[{\"attributes\":[],\
         \"timeUnixNano\":\"1795000060000000000\",\"asDouble\":0.5}]}",
    );
}

#[test]
fn a_histogram_has_one_bucket_more_than_bounds() {
    let delays = Delays::default();
    for millis in [50, 200, 99_999_999] {
        delays.add(Duration::from_millis(millis));
    }
    check(
        Kind::Histogram,
        "x_seconds",
        Vec::new(),
        Value::Delays(delays.seen()),
        "\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"attributes\":[],\
         \"startTimeUnixNano\":\"1795000000000000000\",\"timeUnixNano\":\"1795000060000000000\",\
         \"count\":\"3\",\"sum\":100000.249,\
         \"bucketCounts\":[\"1\",\"1\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"1\"],\
         \"explicitBounds\":[0.1,0.25,0.5,1.0,2.5,5.0,10.0,30.0,60.0,300.0,1800.0,21600.0]}]}",
    );
}

#[test]
fn an_alert_is_a_record_with_the_time_when_its_line_came() {
    let start = Instant::now();
    let now = (start + Duration::from_secs(5), at(1_795_000_060));
    let mut alert = Alert::own("a \u{1b} \"b\"".to_owned(), &Zone::utc(), [].into(), (start, at(12)));
    alert.rule = "EVENT0".into();
    let text = |alert: &Alert| {
        let text = String::from_utf8(logs([alert].into_iter(), &[], now)).unwrap();
        let (_, record) = text.split_once("\"logRecords\":[").unwrap();
        record.strip_suffix("]}]}]}").unwrap().replace(&alert.id.to_string(), "1d")
    };
    let expected = |number: u8, word: &str, more: &str| {
        format!(
            "{{\"timeUnixNano\":\"1795000055000000000\",\"observedTimeUnixNano\":\"1795000055000000000\",\
             \"severityNumber\":{number},\"severityText\":\"{word}\",\
             \"body\":{{\"stringValue\":\"a \\u001b \\\"b\\\"\"}},\"attributes\":[\
             {{\"key\":\"rule\",\"value\":{{\"stringValue\":\"EVENT0\"}}}},{more}\
             {{\"key\":\"id\",\"value\":{{\"stringValue\":\"1d\"}}}}]}}"
        )
    };
    assert_eq!(text(&alert), expected(13, "normal", ""));
    (alert.priority, alert.stage, alert.key) = (Priority::Urgent, Stage::Over, Some(Arc::from("k")));
    alert.values = Some(Box::new(Values::new(|_| "home".to_owned())));
    let more = [("key", "k"), ("router", "home"), ("stage", "over")];
    let more =
        more.map(|(key, value)| format!("{{\"key\":\"{key}\",\"value\":{{\"stringValue\":\"{value}\"}}}},"));
    assert_eq!(text(&alert), expected(21, "urgent", &more.concat()));
}
