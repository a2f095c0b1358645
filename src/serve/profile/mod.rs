//! `GET /debug/pprof/profile?seconds=30`: where the processor's time goes, as Pyroscope, Grafana Alloy and
//! `go tool pprof` fetch it.
//!
//! ```text
//!   request ─► one at a time ─► a thread: SIGPROF 99 times a second of processor time ─► report ─► encode ─► gzip
//!                                                                      the answer ◄────────────────────────┘
//! ```
//!
//! The one door for the crates of the feature `pprof`, without which nothing of this is built. Apart from the
//! other answers, because it takes as long as it is told to: the server's own thread goes on meanwhile.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue};
use hyper::{Response, StatusCode};
use pprof::ProfilerGuardBuilder;
use tokio::sync::oneshot;

use super::api::pairs;
use super::body::{Body, piece, plain};

mod encode;

/// As Go's own; Pyroscope asks for 14.
const SECONDS: u64 = 30;

/// Whoever wants more asks again.
const SECONDS_MAX: u64 = 60;

/// Samples in a second of processor time: next to 100, so that nothing that happens a hundred times a second is
/// seen always, or never.
const FREQUENCY: i32 = 99;

/// The handler must not walk a stack while one of these holds its lock, or has no table to walk by (README of
/// the pprof crate): such samples are left out.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const LEFT_OUT: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

/// There is one timer and one signal for the whole process.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Held while a profile is made.
struct Turn;

impl Turn {
    fn take() -> Option<Turn> {
        (!IS_TAKEN.swap(true, Ordering::AcqRel)).then_some(Turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::Release);
    }
}

/// Makes a profile, and answers when it is made. Meanwhile the connection `stays`.
pub(super) async fn answer(query: &str, stays: &AtomicBool) -> Response<Body> {
    let asked = pairs(query).find(|(name, _)| name == "seconds").map(|(_, value)| value.parse().ok());
    let Some(seconds) = asked.unwrap_or(Some(SECONDS)).filter(|seconds| (1..=SECONDS_MAX).contains(seconds))
    else {
        return plain(StatusCode::BAD_REQUEST, format!("seconds: expected 1 to {SECONDS_MAX}\n"));
    };
    let Some(turn) = Turn::take() else {
        return plain(StatusCode::CONFLICT, "a profile is being made: one at a time\n");
    };
    let (done, made) = oneshot::channel();
    let work = move || {
        let made = make(Duration::from_secs(seconds));
        drop(turn);
        // Whoever asked may have gone.
        let _ = done.send(made);
    };
    // With std's own stack of 2 MiB: whoever looks up names in debug information needs some.
    if let Err(error) = thread::Builder::new().name("profiler".to_owned()).spawn(work) {
        return plain(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"));
    }
    stays.store(true, Ordering::Relaxed);
    let made = made.await;
    stays.store(false, Ordering::Relaxed);
    match made {
        Ok(Ok(profile)) => {
            let mut response = piece(StatusCode::OK, "application/octet-stream", profile);
            let name = HeaderValue::from_static("attachment; filename=\"profile.pb.gz\"");
            response.headers_mut().insert(CONTENT_DISPOSITION, name);
            response
        }
        Ok(Err(error)) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the profile was lost\n"),
    }
}

/// Watches the process for `span`.
fn make(span: Duration) -> Result<Vec<u8>, String> {
    let builder = ProfilerGuardBuilder::default().frequency(FREQUENCY);
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    let builder = builder.blocklist(&LEFT_OUT);
    let guard = builder.build().map_err(|error| error.to_string())?;
    thread::sleep(span);
    let report = guard.report().build().map_err(|error| error.to_string())?;
    drop(guard);
    gzipped(&encode::profile(&report)).map_err(|error| error.to_string())
}

fn gzipped(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
