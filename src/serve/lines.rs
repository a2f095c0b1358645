//! Lines as they are read, as server-sent events.
//!
//! ```text
//!   GET /api/lines?filter=ether1&fired=1
//!     data: {"text":"interface,info ether1 link down","from":"192.168.88.1",…,"fired":["EVENT0"]}
//!     : still here                                        when there was nothing for a while
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::body::{Body, plain};
use super::{Site, api};
use crate::live::{Sight, WATCHERS_MAX, Wish};
use crate::network::Routers;
use crate::timestamp::Zone;

/// Proxies give up on a connection that says nothing for a minute.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A text to look for that is longer is no text to look for.
const FILTER_BYTES_MAX: usize = 256;

/// What a connection is sent, for as long as it lasts.
pub(super) struct Stream {
    sights: mpsc::Receiver<Sight>,
    life: Interval,
    routers: Routers,
    zone: Zone,
    stays: Arc<AtomicBool>,
}

#[derive(Serialize)]
struct Row<'a> {
    text: &'a str,
    topics: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Option<&'a str>,
    at: String,
    fired: Vec<&'a str>,
    left_out: usize,
}

impl Stream {
    /// The next event.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        if let Poll::Ready(Some(sight)) = self.sights.poll_recv(context) {
            return Poll::Ready(self.event(&sight));
        }
        self.life.poll_tick(context).map(|_| Bytes::from_static(b": still here\n\n"))
    }

    fn event(&self, sight: &Sight) -> Bytes {
        let line = &sight.line;
        let row = Row {
            text: &String::from_utf8_lossy(&line.text),
            topics: &line.topics,
            severity: line.severity,
            from: line.from.to_string(),
            router: self.routers.name(line.from),
            at: self.zone.format(line.at),
            fired: line.fired.iter().map(|name| &**name).collect(),
            left_out: sight.left_out,
        };
        // JSON has no line feeds of its own, so each event is one line of data.
        let json = serde_json::to_string(&row).unwrap_or_default();
        Bytes::from(format!("data: {json}\n\n"))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stays.store(false, Ordering::Relaxed);
    }
}

/// Shows lines from now on.
pub(super) fn answer(site: &Site, query: &str, stays: &Arc<AtomicBool>) -> Response<Body> {
    let mut wish = Wish::default();
    for (name, value) in api::pairs(query) {
        match &*name {
            "filter" if value.len() <= FILTER_BYTES_MAX => wish.text = value.into_bytes(),
            "filter" => return plain(StatusCode::BAD_REQUEST, "filter: at most 256 bytes\n"),
            "fired" => wish.is_fired = value == "1",
            _ => {}
        }
    }
    let Some(sights) = site.live.watch(wish) else {
        let text = format!("{WATCHERS_MAX} watch already\n");
        return plain(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    stays.store(true, Ordering::Relaxed);
    let mut life = interval(SIGN_OF_LIFE);
    life.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (routers, zone, stays) = (site.routers.clone(), site.zone.clone(), Arc::clone(stays));
    let mut response = Response::new(Body::Lines(Box::new(Stream { sights, life, routers, zone, stays })));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Or nginx keeps lines back until it has a bufferful.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
