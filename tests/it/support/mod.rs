//! What the end-to-end tests stand on: servers that record, proxies, a private
//! authority, a browser, and our own binary on free ports.
//!
//! ```text
//!   UdpSocket ── datagrams ─► Daemon (our binary) ── HTTP(S) ─► Recorder
//!                               │ standard output      └─ Proxy ─┘
//!                               ▼
//!                            wait_for_log, wait_for_line
//! ```
//!
//! Separate from the tests, which say what must be true. Nothing here sleeps
//! and hopes: whoever waits does so for a condition, until [`DEADLINE`].

use std::net::{Ipv6Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) mod age;
pub(crate) mod alertmanager;
pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod console;
pub(crate) mod daemon;
pub(crate) mod elsewhere;
pub(crate) mod hostile;
pub(crate) mod log_line;
pub(crate) mod proxy;
pub(crate) mod recorder;
pub(crate) mod server;
pub(crate) mod simplex;
pub(crate) mod smtp;
pub(crate) mod tail;
pub(crate) mod tor;
pub(crate) mod variables;

/// What has not happened by then never will, even on a machine with much else to do.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Whether there is IPv6, which many containers do without; a test that skips says why.
pub(crate) fn has_ipv6() -> bool {
    let has_ipv6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has_ipv6 {
        println!("skipped: this machine has no IPv6");
    }
    has_ipv6
}

/// Says that this machine lacks what a test needs. The CI must not, or its tests would pass by not looking.
#[track_caller]
pub(crate) fn skip(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "not tested: {why}");
    println!("skipped: {why}");
}

/// A value that some threads change and others wait for.
#[derive(Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Watched<T> {
        Watched { value: Mutex::new(value), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        // A test that failed while it held the lock has said so already.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the value as it is now.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    /// Changes the value, and wakes whoever waits for it.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `wanted` finds what it looks for; None when [`DEADLINE`] has passed.
    pub(crate) fn wait_for<R>(&self, wanted: impl FnMut(&T) -> Option<R>) -> Option<R> {
        self.wait_for_within(DEADLINE, wanted)
    }

    /// The same with a limit of its own.
    pub(crate) fn wait_for_within<R>(
        &self,
        limit: Duration,
        mut wanted: impl FnMut(&T) -> Option<R>,
    ) -> Option<R> {
        let deadline = Instant::now() + limit;
        let mut value = self.lock();
        loop {
            if let Some(found) = wanted(&value) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            value = self.changed.wait_timeout(value, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A folder of one test's own, gone when dropped.
pub(crate) struct TempFolder(PathBuf);

impl TempFolder {
    pub(crate) fn new() -> TempFolder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        TempFolder(path)
    }

    /// The path of the file `name` in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes the file `name`, and says where it is.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
