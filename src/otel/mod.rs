//! OpenTelemetry: the figures of `/metrics` and a copy of each alert, to a collector, over OTLP/HTTP with JSON.
//!
//! ```text
//!   worker ─ alert ─► Copies ─► ring ─► exporter ─► POST …/v1/logs        one thread, waiting for
//!                               figures ──┘    └──► POST …/v1/metrics     nobody but the collector
//! ```
//!
//! Apart from the notifiers, because a collector is no person: what it does not take is tried again for a while
//! and then forgotten, counted, and nobody is told. In JSON, because that writer is here already; a collector
//! takes it at the same address as protobuf (OTLP specification, "OTLP/HTTP Connection"). The variables are those
//! of the OpenTelemetry specification, with one difference: nothing goes out unless an endpoint is set.

use std::time::Duration;

use crate::notify::Destinations;
use crate::notify::http::{Client, Request, Url};
use crate::secret::Secret;
use crate::vars::Vars;

mod course;
pub mod exporter;
mod json;
mod settings;

pub use exporter::{Copies, Exporter};

/// The variables this module owns.
pub const VARIABLES: &[&str] = &[
    "OTEL_SDK_DISABLED",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
    "OTEL_METRICS_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_PROXY",
];

/// What the operator asks for.
pub struct Settings {
    /// Where figures go, if anywhere.
    pub metrics: Option<Signal>,
    /// Where copies of alerts go, if anywhere.
    pub logs: Option<Signal>,
    /// `OTEL_METRIC_EXPORT_INTERVAL`.
    pub every: Duration,
    /// Names and values of what we are.
    resource: Vec<(String, String)>,
}

impl Settings {
    /// True if anything is exported.
    pub fn is_on(&self) -> bool {
        self.metrics.is_some() || self.logs.is_some()
    }
}

/// Where one signal goes, and how.
pub struct Signal {
    /// The variable that says where.
    pub variable: String,
    /// A secret, as many have a key in it.
    url: Url,
    headers: Vec<(String, Secret)>,
    timeout: Duration,
    client: Client,
}

impl Signal {
    /// The request with this body.
    fn request(&self, body: Vec<u8>) -> Request {
        let mut request = Request::post(self.url.clone(), body);
        let headers = self.headers.iter();
        request.headers =
            headers.map(|(name, value)| (name.clone().into(), value.expose().to_owned())).collect();
        request
    }
}

/// Reads all of it.
pub fn read(vars: &Vars, destinations: &mut Destinations<'_>, faults: &mut crate::vars::Faults) -> Settings {
    settings::read(vars, destinations, faults)
}
