//! The metrics, in Prometheus's text format.
//!
//! Apart, and pure but for the wait for Tor: from figures to a text.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::{Response, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Site;
use super::body::{Body, piece};
use crate::figures::tor::Tor;
use crate::figures::{self, Family, Kind, Labels, Sample, Source, Value};
use crate::stats::DELAYS;

/// What Prometheus asks for (exposition formats, text format 0.0.4).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prometheus waits for ten seconds by default, and what Tor said last is better than nothing.
const FRESH_WAIT: Duration = Duration::from_secs(2);

/// Tor's figures, and who is asked to have them made anew.
pub struct OfTor {
    /// Those that it told last.
    pub figures: Arc<Tor>,
    /// Takes the word of somebody who waits for fresh ones.
    pub ask: mpsc::Sender<oneshot::Sender<()>>,
}

impl OfTor {
    /// Waits for fresh figures, but not for long.
    async fn refresh(&self) {
        let (done, is_done) = oneshot::channel();
        // So many wait already that they will be fresh enough.
        if self.ask.try_send(done).is_ok() {
            let _ = timeout(FRESH_WAIT, is_done).await;
        }
    }
}

/// All metrics of now.
pub(super) async fn answer(site: &Site) -> Response<Body> {
    if let Some(tor) = &site.tor {
        tor.refresh().await;
    }
    let source = Source {
        stats: &site.stats,
        routers: &site.routers,
        notifiers: &site.notifiers,
        tor: site.tor.as_ref().map(|tor| &*tor.figures),
        start: site.start,
    };
    let text = text(&figures::gather(&source, (Instant::now(), SystemTime::now())));
    piece(StatusCode::OK, CONTENT_TYPE, text)
}

fn text(families: &[Family<'_>]) -> String {
    let mut text = String::new();
    for Family { name, help, kind, samples } in families {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for Sample { labels, value } in samples {
            match value {
                Value::Whole(number) => sample(&mut text, name, "", labels, None, number),
                Value::Real(number) => sample(&mut text, name, "", labels, None, number),
                Value::Delays(seen) => {
                    let mut below = 0;
                    for (bound, count) in DELAYS.iter().zip(seen.buckets) {
                        below += count;
                        sample(&mut text, name, "_bucket", labels, Some(&bound.to_string()), below);
                    }
                    sample(&mut text, name, "_bucket", labels, Some("+Inf"), seen.count);
                    sample(&mut text, name, "_sum", labels, None, seen.seconds);
                    sample(&mut text, name, "_count", labels, None, seen.count);
                }
            }
        }
    }
    text
}

/// One line: name and `end`, labels, a bucket's bound if it is of one, the value.
fn sample(
    text: &mut String,
    name: &str,
    end: &str,
    labels: &Labels<'_>,
    bound: Option<&str>,
    value: impl std::fmt::Display,
) {
    let _ = write!(text, "{name}{end}");
    let labels = labels.iter().map(|(label, value)| (*label, &**value));
    let mut before = '{';
    for (label, value) in labels.chain(bound.map(|bound| ("le", bound))) {
        let _ = write!(text, "{before}{label}=\"{}\"", escaped(value));
        before = ',';
    }
    let _ = writeln!(text, "{} {value}", if before == ',' { "}" } else { "" });
}

/// A label's value: the format escapes these three.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Delays;

    #[track_caller]
    fn check(kind: Kind, labels: Labels<'_>, value: Value, expected: &[&str]) {
        let family = Family { name: "x", help: "X.", kind, samples: vec![Sample { labels, value }] };
        let text = text(&[family]);
        assert_eq!(text.lines().skip(2).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_label_cannot_be_left_by_what_it_says() {
        let labels = vec![("a", "b\"} 1\n\\".into()), ("c", "d".into())];
        check(Kind::Counter, labels, Value::Whole(7), &["x{a=\"b\\\"} 1\\n\\\\\",c=\"d\"} 7"]);
    }

    #[test]
    fn a_figure_without_labels_has_no_braces() {
        check(Kind::Gauge, Vec::new(), Value::Real(1_795_249_755.0), &["x 1795249755"]);
    }

    #[test]
    fn buckets_count_all_that_are_below() {
        let delays = Delays::default();
        for millis in [50, 200, 99_999_999] {
            delays.add(std::time::Duration::from_millis(millis));
        }
        let family = Family {
            name: "x",
            help: "X.",
            kind: Kind::Histogram,
            samples: vec![Sample { labels: vec![("n", "a".into())], value: Value::Delays(delays.seen()) }],
        };
        let text = text(&[family]);
        assert!(
            text.starts_with("# HELP x X.\n# TYPE x histogram\nx_bucket{n=\"a\",le=\"0.1\"} 1\n"),
            "{text}"
        );
        let end = "x_bucket{n=\"a\",le=\"21600\"} 2\nx_bucket{n=\"a\",le=\"+Inf\"} 3\n\
                   x_sum{n=\"a\"} 100000.249\nx_count{n=\"a\"} 3\n";
        assert!(text.ends_with(end), "{text}");
    }
}
