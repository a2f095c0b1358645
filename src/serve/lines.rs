//! Lines as they are read, as server-sent events.
//!
//! ```text
//!   GET /api/lines?filter=ether1&fired=1
//!     data: {"text":"interface,info ether1 link down","from":"192.168.88.1",…,"fired":["EVENT0"]}
//!     data: {"left_out":950}                              at most once a second, if there were any
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
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::body::{Body, plain};
use super::{Site, api};
use crate::live::{Shown, WATCHERS_MAX, Watch, Wish};
use crate::network::Routers;
use crate::timestamp::Zone;

/// How often there is a look at how many lines were left out: a flood that is over is followed by no line
/// that could say so.
const LOOK: Duration = Duration::from_secs(1);

/// After so many looks without anything to say there is a sign of life: proxies give up on a connection that
/// says nothing for a minute.
const QUIET_LOOKS: u32 = 15;

/// A text to look for that is longer is no text to look for.
const FILTER_BYTES_MAX: usize = 256;

/// What a connection is sent, for as long as it lasts.
pub(super) struct Stream {
    watch: Watch,
    look: Interval,
    /// Looks since anything was said.
    quiet: u32,
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
}

impl Stream {
    /// The next event.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        while self.look.poll_tick(context).is_ready() {
            self.quiet += 1;
            let event = match self.watch.take_left_out() {
                0 if self.quiet < QUIET_LOOKS => continue,
                0 => Bytes::from_static(b": still here\n\n"),
                count => Bytes::from(format!("data: {{\"left_out\":{count}}}\n\n")),
            };
            self.quiet = 0;
            return Poll::Ready(event);
        }
        let Poll::Ready(Some(line)) = self.watch.lines.poll_recv(context) else { return Poll::Pending };
        self.quiet = 0;
        Poll::Ready(self.event(&line))
    }

    fn event(&self, line: &Shown) -> Bytes {
        let row = Row {
            text: &String::from_utf8_lossy(&line.text),
            topics: &line.topics,
            severity: line.severity,
            from: line.from.to_string(),
            router: self.routers.name(line.from),
            at: self.zone.format(line.at),
            fired: line.fired.iter().map(|name| &**name).collect(),
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
    let Some(watch) = site.live.watch(wish, stays) else {
        let text = format!("{WATCHERS_MAX} watch already\n");
        return plain(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first look is at once, and its sign of life says that the line is open.
    let quiet = QUIET_LOOKS;
    let (routers, zone, stays) = (site.routers.clone(), site.zone.clone(), Arc::clone(stays));
    let mut response =
        Response::new(Body::Lines(Box::new(Stream { watch, look, quiet, routers, zone, stays })));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Or nginx keeps lines back until it has a bufferful.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
