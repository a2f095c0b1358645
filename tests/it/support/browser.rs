//! A real browser (Debian: chromium, chromium-driver), driven by W3C WebDriver.
//!
//! ```text
//!   test ── HTTP, JSON ─► chromedriver ── DevTools ─► Chromium, headless ─► our daemon
//! ```
//!
//! One for the whole run, which the tests use in turns: a browser takes more than a core to start. Each
//! finds it as new: no cookie, no page, nothing set. One in which a test failed is not used again. It ends
//! with the run, however that ends. A dialogue that a script opens (`alert`) is left open, and then
//! every command fails.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::{DEADLINE, skip};

/// How WebDriver names an element in JSON (WebDriver 2, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys as WebDriver writes them (WebDriver 2, 17.4.2).
pub(crate) mod key {
    pub(crate) const BACKSPACE: char = '\u{e003}';
    pub(crate) const ENTER: char = '\u{e007}';
    pub(crate) const ESCAPE: char = '\u{e00c}';
    pub(crate) const TAB: char = '\u{e004}';
}

/// The screens that the page is looked at on: width, height, and whether they are touched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) name: &'static str,
    width: u32,
    height: u32,
    is_phone: bool,
}

pub(crate) const PHONE: Screen = Screen { name: "phone", width: 390, height: 844, is_phone: true };
pub(crate) const DESKTOP: Screen = Screen { name: "desktop", width: 1280, height: 900, is_phone: false };

/// Runs chromedriver in a group of processes of its own, Chromium among them, until its standard input
/// ends: that is when whoever has the other end is no more. The argument is a folder for all they write.
const UNTIL_THE_END: &str = r#"
    export TMPDIR="$1"
    chromedriver --port=0 </dev/null &
    cat >/dev/null
    trap '' TERM
    kill 0
    wait
    sleep 1
    rm -rf "$1"
    kill -9 0
"#;

/// chromedriver with one session, the browser itself.
struct Session {
    http: ureq::Agent,
    /// Where its commands go.
    url: String,
    stdin: Option<ChildStdin>,
    child: Child,
}

impl Session {
    /// Starts both, or says what is missing.
    fn start() -> Result<Session, &'static str> {
        for program in ["chromium", "chromedriver"] {
            Command::new(program).arg("--version").output().map_err(|_| program)?;
        }
        // The script takes it away: a static is never dropped.
        let folder = format!("{}/browser-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", UNTIL_THE_END, "sh", &folder]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // "ChromeDriver was started successfully on port 41785."
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let url = format!("http://127.0.0.1:{}/session", port.expect("chromedriver says its port"));
        // Whatever else it says: it must never wait for a reader.
        thread::spawn(move || lines.for_each(drop));
        let http = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(3 * DEADLINE))
            .build()
            .new_agent();
        let arguments = [
            "--headless=new",
            // Chromium's own sandbox does not start for root, nor in most containers.
            "--no-sandbox",
            "--disable-gpu",
            // A container's /dev/shm has 64 MB.
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-crash-reporter",
            "--no-first-run",
            // A click does not wait for a page that glides to its place.
            "--force-prefers-reduced-motion",
            "--lang=en",
            "--window-size=1280,1000",
            &format!("--user-data-dir={folder}/profile"),
        ];
        let limit = DEADLINE.as_millis() as u64;
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "unhandledPromptBehavior": "ignore",
            "timeouts": {"script": limit, "pageLoad": limit},
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        }}});
        let made = send(http.post(&url).send(wanted.to_string())).unwrap();
        let url = format!("{url}/{}", made["sessionId"].as_str().unwrap());
        Ok(Session { http, url, stdin, child })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.http.delete(&self.url).call();
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

type Turn = MutexGuard<'static, Option<Session>>;

/// A browser with one tab, for one test.
pub(crate) struct Browser {
    turn: Turn,
}

impl Browser {
    /// Waits for a turn; None, and a word of why, where there is no browser.
    #[track_caller]
    pub(crate) fn start() -> Option<Browser> {
        static TURN: Mutex<Option<Session>> = Mutex::new(None);
        let mut turn: Turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if turn.is_none() {
            match Session::start() {
                Ok(session) => *turn = Some(session),
                Err(program) => {
                    skip(&format!("there is no {program}"));
                    return None;
                }
            }
        }
        let browser = Browser { turn };
        browser.devtools("Network.clearBrowserCookies", json!({}));
        browser.devtools("Browser.resetPermissions", json!({}));
        browser.devtools("Emulation.clearDeviceMetricsOverride", json!({}));
        browser.devtools("Emulation.setEmulatedMedia", json!({"features": []}));
        browser.console();
        Some(browser)
    }

    fn session(&self) -> &Session {
        self.turn.as_ref().expect("there is one while it is somebody's turn")
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let Session { http, url, .. } = self.session();
        send(http.post(format!("{url}/{path}")).send(body.to_string()))
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    /// A command of Chromium's own (DevTools protocol).
    #[track_caller]
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Opens a page and waits until it is loaded.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({"url": url}));
    }

    /// What `script`, the body of a function, returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.run_with(script, json!([]))
    }

    /// The same with arguments; a promise is waited for.
    #[track_caller]
    pub(crate) fn run_with(&self, script: &str, arguments: Value) -> Value {
        let ran = self.try_post("execute/sync", &json!({"script": script, "args": arguments}));
        ran.unwrap_or_else(|why| panic!("{why} in {}", script.chars().take(500).collect::<String>()))
    }

    /// What an expression is.
    #[track_caller]
    pub(crate) fn value(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression})"))
    }

    /// The same of a text.
    #[track_caller]
    pub(crate) fn text_of(&self, expression: &str) -> String {
        let value = self.value(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is {value}")).to_owned()
    }

    /// Waits until an expression is true, and returns what it is then.
    #[track_caller]
    pub(crate) fn wait_until(&self, expression: &str) -> Value {
        self.wait_until_within(DEADLINE, expression).unwrap_or_else(|| {
            let seen = self.text_of("document.body.innerText");
            panic!("not true: {expression}\n{}\non:\n{seen}", self.console().join("\n"))
        })
    }

    /// The same; None when the time has passed.
    #[track_caller]
    pub(crate) fn wait_until_within(&self, limit: Duration, expression: &str) -> Option<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let value = self.value(expression);
            let is_true = !matches!(&value, Value::Null | Value::Bool(false))
                && value != json!(0)
                && value.as_str() != Some("");
            if is_true {
                return Some(value);
            }
            if Instant::now() > deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks as a hand would: what is hidden or covered cannot be clicked.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    /// Types into a field, after what is there.
    #[track_caller]
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("element/{element}/value"), &json!({"text": text}));
    }

    /// Types into a field in place of what is there.
    #[track_caller]
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.run_with("document.querySelector(arguments[0]).select()", json!([selector]));
        self.type_into(selector, &format!("{}{text}", key::BACKSPACE));
    }

    /// Picks an option of a list as one does who has no mouse: by typing how it begins.
    #[track_caller]
    pub(crate) fn choose(&self, selector: &str, label: &str) {
        self.type_into(selector, label);
    }

    /// Presses keys one after another, wherever the focus is.
    #[track_caller]
    pub(crate) fn press(&self, keys: impl IntoIterator<Item = char>) {
        let strokes: Vec<_> = keys.into_iter().flat_map(|key| [down(key), up(key)]).collect();
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]}));
    }

    /// Shows the page on such a screen from now on.
    #[track_caller]
    pub(crate) fn set_screen(&self, screen: Screen) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": screen.width, "height": screen.height, "deviceScaleFactor": 1,
                "mobile": screen.is_phone}),
        );
    }

    /// `light` or `dark`, as the user wishes all pages to be.
    #[track_caller]
    pub(crate) fn set_scheme(&self, scheme: &str) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// What is to be seen now, or the whole length of the page, as PNG.
    #[track_caller]
    pub(crate) fn screenshot(&self, is_whole: bool) -> Vec<u8> {
        let mut wanted = json!({"format": "png", "captureBeyondViewport": is_whole});
        if is_whole {
            let size = self.devtools("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
            wanted["clip"] =
                json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        }
        let taken = self.devtools("Page.captureScreenshot", wanted);
        BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// What the console has said since this was last asked, violations of the policy among it; not its hints.
    #[track_caller]
    pub(crate) fn console(&self) -> Vec<String> {
        let said = self.post("se/log", &json!({"type": "browser"}));
        let entries = said.as_array().unwrap().iter().filter(|entry| entry["level"] != "DEBUG");
        entries.map(|entry| format!("{}: {}", entry["level"].as_str().unwrap(), entry["message"])).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Whatever a test that failed has left: the next begins with another. Else the streams of this one end.
        if thread::panicking() || self.try_post("url", &json!({"url": "about:blank"})).is_err() {
            *self.turn = None;
        }
    }
}

fn down(key: char) -> Value {
    json!({"type": "keyDown", "value": key})
}

fn up(key: char) -> Value {
    json!({"type": "keyUp", "value": key})
}

/// The value in an answer, or what went wrong in its words.
fn send(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    // A screenshot of a long page has megabytes.
    let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec();
    let said: Value = serde_json::from_slice(&body.map_err(|error| error.to_string())?)
        .map_err(|error| format!("chromedriver: {error}"))?;
    match said["value"]["error"].as_str() {
        Some(error) if !answer.status().is_success() => Err(format!("{error}: {}", said["value"]["message"])),
        _ => Ok(said["value"].clone()),
    }
}

mod tests {
    use super::*;

    #[test]
    fn a_browser_shows_a_page_and_takes_keys_and_clicks() {
        let Some(browser) = Browser::start() else { return };
        browser.open(
            "data:text/html,<meta name=viewport content=width=device-width><title>t</title>\
             <input id=a><button id=b onclick='a.value+=1'>b</button>",
        );
        browser.type_into("#a", "x");
        browser.click("#b");
        assert_eq!(browser.text_of("a.value"), "x1");
        browser.fill("#a", "y");
        browser.press([key::TAB, ' ']);
        assert_eq!(browser.text_of("a.value"), "y1");
        assert_eq!(browser.run_with("return arguments[0] + 1", json!([1])), 2);
        browser.set_screen(PHONE);
        assert_eq!(browser.value("[innerWidth, innerHeight]"), json!([390, 844]));
        for scheme in ["light", "dark"] {
            browser.set_scheme(scheme);
            let query = format!("matchMedia('(prefers-color-scheme: {scheme})').matches");
            assert_eq!(browser.value(&query), true);
        }
        assert!(browser.screenshot(false).starts_with(b"\x89PNG"));
        assert_eq!(browser.console(), <[String; 0]>::default());
        browser.run("console.error('said')");
        assert_eq!(browser.console().len(), 1);
        assert!(browser.wait_until_within(Duration::ZERO, "a.value === ''").is_none());
    }
}
