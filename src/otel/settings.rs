//! The variables, as the OpenTelemetry specification has them.
//!
//! Their meaning is that of "OpenTelemetry Protocol Exporter" (options, endpoint URLs, headers) and of
//! "Environment Variable Specification" (types, exporter selection, metric reader). Stricter than those in one
//! point: a value that means nothing is a fault, as everywhere here, and not a warning.

use std::time::Duration;

use super::{Settings, Signal};
use crate::notify::Destinations;
use crate::notify::http::{Url, is_header};
use crate::secret::Secret;
use crate::vars::{Faults, Vars, comma_list, shown};

/// What the variable of the proxy begins with; all others are OpenTelemetry's own.
const PREFIX: &str = "OTEL_";

/// Milliseconds (exporter, "Timeout").
const TIMEOUT: usize = 10_000;

/// Nobody waits longer. Zero, which stands for no end, is this too, as the specification lets us.
const TIMEOUT_MAX: usize = 600_000;

/// Milliseconds (environment variables, "Periodic exporting MetricReader").
const EVERY: usize = 60_000;

/// Where one writes the body and its length; and its type is ours to say.
const OURS: [&str; 5] = ["connection", "content-length", "content-type", "host", "transfer-encoding"];

/// Reads them all.
pub(super) fn read(vars: &Vars, destinations: &mut Destinations<'_>, faults: &mut Faults) -> Settings {
    let mut settings = Settings { metrics: None, logs: None, every: Duration::ZERO, resource: Vec::new() };
    if is_disabled(vars, faults) {
        return settings;
    }
    settings.metrics = read_signal("METRICS", vars, destinations, faults);
    settings.logs = read_signal("LOGS", vars, destinations, faults);
    // Such variables stand in many an environment for other programs: without an endpoint none is ours.
    if settings.is_on() {
        let every = vars.number("OTEL_METRIC_EXPORT_INTERVAL", EVERY, 100..=86_400_000, faults);
        settings.every = Duration::from_millis(every as u64);
        settings.resource = read_resource(vars, faults);
    }
    settings
}

/// Only `true`, in whatever case, is true; what is neither that nor `false` is false with a warning ("Boolean").
fn is_disabled(vars: &Vars, faults: &mut Faults) -> bool {
    let Some(text) = vars.text("OTEL_SDK_DISABLED").map(str::trim) else { return false };
    let is_true = text.eq_ignore_ascii_case("true");
    if !is_true && !text.eq_ignore_ascii_case("false") {
        faults
            .warn(format!("OTEL_SDK_DISABLED: {} is taken for false (expected true or false)", shown(text)));
    }
    is_true
}

/// A signal's own variable if it is set, or else the one for all signals: its name, and the value.
fn own_or_common<'v>(signal: &str, what: &str, vars: &'v Vars) -> Option<(String, &'v str)> {
    let names = [format!("OTEL_EXPORTER_OTLP_{signal}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
    names.into_iter().find_map(|name| vars.text(&name).map(|value| (name.clone(), value)))
}

fn read_signal(
    signal: &str,
    vars: &Vars,
    destinations: &mut Destinations<'_>,
    faults: &mut Faults,
) -> Option<Signal> {
    let (variable, value) = own_or_common(signal, "ENDPOINT", vars)?;
    let exporter = format!("OTEL_{signal}_EXPORTER");
    match vars.text(&exporter).map(str::trim) {
        None | Some("otlp") => {}
        Some("none") => return None,
        Some(other) => {
            let other = shown(other);
            faults.fault(format!("{exporter}: {other} is no exporter here (expected otlp or none)"));
        }
    }
    if let Some((name, value)) = own_or_common(signal, "PROTOCOL", vars)
        && value.trim() != "http/json"
    {
        faults.fault(format!("{name}: {} is not spoken here (expected http/json)", shown(value)));
    }
    // Its own URL is used as it is; to the common one the signal's path is added ("Endpoint URLs for OTLP/HTTP").
    let url = match variable.contains(signal) {
        true => value.to_owned(),
        false => below(value, &format!("v1/{}", signal.to_ascii_lowercase())),
    };
    let url = Url::read(vars, PREFIX, &variable, &url, faults);
    let headers = match own_or_common(signal, "HEADERS", vars) {
        None => Some(Vec::new()),
        Some((name, value)) => read_headers(&name, value, faults),
    };
    let name = own_or_common(signal, "TIMEOUT", vars).map(|(name, _)| name).unwrap_or_default();
    let timeout = match vars.number(&name, TIMEOUT, 0..=TIMEOUT_MAX, faults) {
        0 => TIMEOUT_MAX,
        millis => millis,
    };
    let authority = own_or_common(signal, "CERTIFICATE", vars);
    let client = destinations.client_trusting(PREFIX, authority, faults);
    let timeout = Duration::from_millis(timeout as u64);
    Some(Signal { variable, url: url?, headers: headers?, timeout, client: client? })
}

/// `path` below the URL `base`, its query kept.
fn below(base: &str, path: &str) -> String {
    let base = base.trim().split('#').next().unwrap_or_default();
    let (base, query) = base.split_at(base.find('?').unwrap_or(base.len()));
    format!("{}/{path}{query}", base.trim_end_matches('/'))
}

/// `name=value,name=value`, each percent-encoded where it must be (W3C Baggage, "header content"). None, and a
/// fault that repeats nothing, if it is not.
fn read_pairs(variable: &str, text: &str, faults: &mut Faults) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for part in comma_list(text) {
        let pair = part.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let decoded = pair.and_then(|(name, value)| Some((decoded(name)?, decoded(value)?)));
        match decoded.filter(|(name, _)| !name.is_empty()) {
            Some(pair) => pairs.push(pair),
            None => {
                faults
                    .fault(format!("{variable} is not name=value,name=value (percent-encoded where needed)"));
                return None;
            }
        }
    }
    Some(pairs)
}

/// `text` with each `%41` the byte it stands for; None if that cannot be done, or makes no text.
fn decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        // A number may have a sign; a digit is none.
        let number = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        bytes.push(number);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn read_headers(variable: &str, text: &str, faults: &mut Faults) -> Option<Vec<(String, Secret)>> {
    let pairs = read_pairs(variable, text, faults)?;
    let wrong = pairs.iter().find(|(name, value)| {
        !is_header(name, value) || OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
    });
    if wrong.is_some() {
        faults.fault(format!("{variable}: one of them cannot be a header of ours (nothing of it is shown)"));
        return None;
    }
    Some(pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}

/// `OTEL_RESOURCE_ATTRIBUTES`, and the name and version that everything is told by (Resource SDK, "Specifying
/// resource information via an environment variable").
fn read_resource(vars: &Vars, faults: &mut Faults) -> Vec<(String, String)> {
    let variable = "OTEL_RESOURCE_ATTRIBUTES";
    let given = vars.text(variable).and_then(|text| read_pairs(variable, text, faults));
    let mut resource: Vec<(String, String)> = Vec::new();
    let service = vars.text("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name.to_owned()));
    let ours = [("service.name", "alertik"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // What stands first holds; each name once.
    for (name, value) in service.into_iter().chain(given.into_iter().flatten()).chain(ours) {
        if resource.iter().all(|(other, _)| *other != name) {
            resource.push((name, value));
        }
    }
    resource
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::VARIABLES;
    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], expected: &[&str], look: impl Fn(&Settings)) {
        let mut faults = Faults::default();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let known: Vec<_> = VARIABLES.iter().copied().chain(["PROXY", "TLS_CA_FILE"]).collect();
        let vars = Vars::read(environment, &known, &|_| Err(io::ErrorKind::NotFound.into()), &mut faults);
        let settings = read(&vars, &mut Destinations::new(&vars), &mut faults);
        faults.faults.extend(faults.warnings);
        assert_eq!(faults.faults, expected);
        look(&settings);
    }

    fn url(signal: &Option<Signal>) -> Option<&str> {
        signal.as_ref().map(|signal| signal.url.expose())
    }

    #[test]
    fn a_signals_own_endpoint_is_used_as_it_is_and_the_common_one_with_its_path() {
        let both = |metrics: Option<&'static str>, logs: Option<&'static str>| {
            move |settings: &Settings| {
                assert_eq!((url(&settings.metrics), url(&settings.logs)), (metrics, logs))
            }
        };
        let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
        check(&[], &[], both(None, None));
        check(
            &[(endpoint, "http://c:4318")],
            &[],
            both(Some("http://c:4318/v1/metrics"), Some("http://c:4318/v1/logs")),
        );
        // The specification's third example.
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://collector.example.com/v1/metrics/");
        check(
            &[(endpoint, "http://collector:4318/mycollector/"), own],
            &[],
            both(
                Some("https://collector.example.com/v1/metrics/"),
                Some("http://collector:4318/mycollector/v1/logs"),
            ),
        );
        check(&[own], &[], both(Some("https://collector.example.com/v1/metrics/"), None));
        check(
            &[(endpoint, "http://c/a?key=b"), ("OTEL_LOGS_EXPORTER", "none")],
            &[],
            both(Some("http://c/a/v1/metrics?key=b"), None),
        );
        check(&[(endpoint, "http://c"), ("OTEL_SDK_DISABLED", "True")], &[], both(None, None));
    }

    #[test]
    fn headers_are_decoded_and_a_signals_own_take_the_place_of_all() {
        let base = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20YTpi, x-scope-orgid = 7 ,"),
            ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "api-key=k=="),
        ];
        check(&base, &[], |settings| {
            let headers = |signal: &Option<Signal>| {
                let headers = signal.as_ref().unwrap().headers.iter();
                headers.map(|(name, value)| format!("{name}: {}", value.expose())).collect::<Vec<_>>()
            };
            assert_eq!(headers(&settings.metrics), ["Authorization: Basic YTpi", "x-scope-orgid: 7"]);
            assert_eq!(headers(&settings.logs), ["api-key: k=="]);
        });
    }

    #[test]
    fn what_means_nothing_is_a_fault_that_names_what_does_and_shows_no_secret() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c");
        let fault = |name: &str, value: &str, expected: &str| {
            check(&[endpoint, (name, value)], &[expected], |_| {});
            // Without an endpoint they are some other program's.
            check(&[(name, value)], &[], |_| {});
        };
        let spoken = "OTEL_EXPORTER_OTLP_PROTOCOL: \"grpc\" is not spoken here (expected http/json)";
        fault("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", spoken);
        let exporter = "OTEL_METRICS_EXPORTER: \"prometheus\" is no exporter here (expected otlp or none)";
        fault("OTEL_METRICS_EXPORTER", "prometheus", exporter);
        let number = "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: \"10s\" is not a number from 0 to 600000";
        fault("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "10s", number);
        let number = "OTEL_METRIC_EXPORT_INTERVAL: \"0\" is not a number from 100 to 86400000";
        fault("OTEL_METRIC_EXPORT_INTERVAL", "0", number);
        let pairs = " is not name=value,name=value (percent-encoded where needed)";
        for text in ["secret", "=secret", "a=%zz", "a=%c3", "a=b,secret"] {
            fault("OTEL_EXPORTER_OTLP_HEADERS", text, &format!("OTEL_EXPORTER_OTLP_HEADERS{pairs}"));
            fault("OTEL_RESOURCE_ATTRIBUTES", text, &format!("OTEL_RESOURCE_ATTRIBUTES{pairs}"));
        }
        for text in ["a b=secret", "a=secret%0d%0ab", "Host=secret", "content-type=secret"] {
            let header =
                "OTEL_EXPORTER_OTLP_HEADERS: one of them cannot be a header of ours (nothing of it is shown)";
            fault("OTEL_EXPORTER_OTLP_HEADERS", text, header);
        }
        let file = "OTEL_EXPORTER_OTLP_CERTIFICATE: \"/nowhere\": cannot be read: No such file or directory (os error 2)";
        fault("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere", file);
        let url =
            "OTEL_EXPORTER_OTLP_ENDPOINT: this is not an http or https URL (expected https://… or http://…)";
        check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://c:4317")], &[url], |_| {});
        let onion =
            "OTEL_EXPORTER_OTLP_ENDPOINT: an .onion address needs OTEL_PROXY (expected socks5h://host:port)";
        check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c.onion")], &[onion], |_| {});
        let odd = "OTEL_SDK_DISABLED: \"yes\" is taken for false (expected true or false)";
        check(&[("OTEL_SDK_DISABLED", "yes")], &[odd], |_| {});
    }

    #[test]
    fn a_resource_is_named_by_whoever_names_it_first() {
        let version = ("service.version", env!("CARGO_PKG_VERSION"));
        let named = |set: &[(&str, &str)], expected: &[(&str, &str)]| {
            let all = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")], set].concat();
            check(&all, &[], |settings| {
                let resource = settings.resource.iter().map(|(name, value)| (&**name, &**value));
                assert_eq!(resource.collect::<Vec<_>>(), expected);
            });
        };
        named(&[], &[("service.name", "alertik"), version]);
        let given = ("OTEL_RESOURCE_ATTRIBUTES", "site=caf%C3%A9,service.name=a");
        named(&[given], &[("site", "café"), ("service.name", "a"), version]);
        named(&[given, ("OTEL_SERVICE_NAME", "b")], &[("service.name", "b"), ("site", "café"), version]);
    }
}
