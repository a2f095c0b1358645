//! The page as a person has it: a real browser looks at it, clicks and types.
//!
//! ```text
//!   test ── datagrams ─► daemon ── lines, figures ─► the page in Chromium ◄── clicks, keys ── test
//!                          └─ alerts, tests ─► Recorder
//! ```
//!
//! Apart from the daemon's own tests, because what is asked of here is what is to be seen. Whatever
//! a test does, the console must have nothing to say at its end, nor the policy.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::browser::Browser;
use crate::support::daemon::Daemon;
use crate::support::variables::Variables;

mod access;
mod hostile;
mod keyboard;
mod lines;
mod looks;
mod rules;
mod tester;

const LOGIN_FAILURE: &str = "system,error,critical login failure for user guest from 192.168.88.17 via ssh";

/// The page of a daemon, open in a browser.
struct Page {
    browser: Browser,
    daemon: Daemon,
}

impl Page {
    /// Opens it and waits until lines arrive; None where there is no browser.
    #[track_caller]
    fn open(variables: &Variables) -> Option<Page> {
        let browser = Browser::start()?;
        let page = Page { browser, daemon: Daemon::start(variables) };
        page.browser.open(&page.url("/"));
        page.wait_until_live();
        Some(page)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.http.unwrap())
    }

    /// Sends lines until one is shown, and clears them.
    #[track_caller]
    fn wait_until_live(&self) {
        let is_shown = |text: &str| {
            self.daemon.send(format!("script,info {text}"));
            self.browser.wait_until_within(Duration::from_millis(300), &shows(text)).is_some()
        };
        let is_live = (0..60).any(|number| is_shown(&format!("are you there {number}?")));
        assert!(is_live, "no line is shown: {:?}", self.browser.console());
        // Behind all that were sent before.
        self.daemon.send("script,info the last of them");
        self.browser.wait_until(&shows("the last of them"));
        self.browser.click("#clear");
        self.browser.wait_until("document.querySelectorAll('#lines .line').length === 0");
    }

    /// Sends a line and waits until it is shown.
    #[track_caller]
    fn send(&self, line: &str) {
        self.daemon.send(line);
        self.browser.wait_until(&shows(line.split_once(' ').map_or(line, |(_, text)| text)));
    }

    /// The same where the daemon may leave out the first ones.
    #[track_caller]
    fn send_until_shown(&self, line: &str) {
        let text = shows(line.split_once(' ').map_or(line, |(_, text)| text));
        let is_shown = (0..60).any(|_| {
            self.daemon.send(line);
            self.browser.wait_until_within(Duration::from_millis(300), &text).is_some()
        });
        assert!(is_shown, "not shown: {line}");
    }

    /// The texts of the lines that are shown.
    #[track_caller]
    fn lines(&self) -> Vec<String> {
        let texts = self.browser.value(
            "[...document.querySelectorAll('#lines .line')].filter(line => line.checkVisibility())
                .map(line => line.querySelector('.text').textContent)",
        );
        texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// Nothing came from elsewhere, and neither the console nor the policy has complained.
    #[track_caller]
    fn assert_clean(&self) {
        let said = self.browser.console();
        assert!(said.is_empty(), "{}", said.join("\n"));
        let outside = self.browser.value(
            "performance.getEntriesByType('resource').map(entry => entry.name)
                .filter(name => new URL(name).origin !== location.origin)",
        );
        assert_eq!(outside, serde_json::json!([]));
    }
}

/// An expression that is true while a line with `text` is to be seen.
fn shows(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('#lines .line')].some(line => line.checkVisibility()
            && line.querySelector('.text').textContent.includes({}))",
        quoted(text)
    )
}

/// A text as JavaScript writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A file or folder that the run leaves or finds beside what cargo makes.
fn target(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    folder.join(name)
}
