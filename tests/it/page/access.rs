//! Who gets in, what never gets out, and how much there is to load.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{LOGIN_FAILURE, Page};
use crate::daemon::secrets::{NOTIFIERS, assert_clean, variables};
use crate::support::browser::{Browser, key};
use crate::support::daemon::{Daemon, get};
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

/// What the page may weigh: a second or two of a slow uplink.
const GZIPPED_BYTES_MAX: usize = 40 * 1024;

/// Opens the page of a daemon that asks for `token`.
fn log_in(variables: &Variables, token: &str) -> Option<Page> {
    let browser = Browser::start()?;
    let page = Page { browser, daemon: Daemon::start(variables) };
    page.browser.open(&page.url("/"));
    page.browser.type_into("#token", &format!("{token}{}", key::ENTER));
    page.browser.wait_until("document.querySelector('#lines')");
    page.wait_until_live();
    Some(page)
}

#[test]
fn the_form_lets_in_who_has_the_token_and_nobody_else() {
    let Some(browser) = Browser::start() else { return };
    let page = Page { browser, daemon: Daemon::start(&Variables::new().with("HTTP_TOKEN", "correct-horse")) };
    let browser = &page.browser;
    for address in ["/", "/#rules"] {
        browser.open(&page.url(address));
        assert_eq!(
            browser.value("[!!document.querySelector('#token'), !!document.querySelector('#lines')]"),
            json!([true, false])
        );
    }
    browser.type_into("#token", &format!("correct-house{}", key::ENTER));
    browser.wait_until("document.querySelector('[role=alert]')");
    assert_eq!(browser.value("!!document.querySelector('#lines')"), false);
    assert_eq!(browser.value("fetch('/api/state').then(answer => answer.status)"), 401);
    // Three answers of that kind are in the console: the page's own, the form's and the call's.
    browser.console();

    browser.type_into("#token", &format!("correct-horse{}", key::ENTER));
    browser.wait_until("document.querySelector('#lines')");
    page.wait_until_live();
    // No script has the token, nor what stands for it; and it is in no address.
    assert_eq!(browser.value("[document.cookie, location.search, localStorage.length]"), json!(["", "", 0]));
    browser.open(&page.url("/"));
    page.wait_until_live();
    page.assert_clean();
    browser.click("#logout button");
    browser.wait_until("document.querySelector('#token')");
}

#[test]
fn no_secret_reaches_the_page_or_what_it_asks() {
    let recorder = Recorder::start();
    let Some(page) = log_in(&variables("http", &recorder.address().to_string()), "httpSecretToken") else {
        return;
    };
    page.send(LOGIN_FAILURE);
    for name in NOTIFIERS {
        page.daemon.wait_for_log("delivered", &[("notifier", name)]);
    }
    let rows = format!("document.querySelectorAll('#notifiers tbody tr').length >= {}", NOTIFIERS.len());
    page.browser.wait_until(&rows);
    page.browser.wait_until(
        "[...document.querySelectorAll('#notifiers .answer')].every(answer => answer.textContent)",
    );
    let dom = page.browser.text_of(
        "document.documentElement.outerHTML
            + [...document.querySelectorAll('input, textarea')].map(field => field.value).join('\\n')",
    );
    assert!(dom.contains("Generic1"));
    assert_clean(&dom);
    for path in ["/", "/api/state", "/metrics", "/healthz"] {
        let text = page.browser.text_of(&format!("fetch('{path}').then(answer => answer.text())"));
        assert!(!text.is_empty());
        assert_clean(&text);
    }
    // A draft is read beside all that is set, and says nothing of it.
    page.browser.fill("#try-pattern", "(x");
    page.browser.fill("#rule-NOTIFIER", "Telegram,Nobody");
    page.browser.wait_until("document.querySelector('#draft-faults').textContent.includes('Nobody')");
    assert_clean(&page.browser.text_of("document.documentElement.outerHTML"));
    page.assert_clean();
}

#[test]
fn the_page_is_one_small_document_and_asks_for_nothing_elsewhere() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    let asked = page
        .browser
        .value("performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)");
    for path in asked.as_array().unwrap() {
        assert!(path.as_str().unwrap().starts_with("/api/"), "{asked}");
    }
    let loaded = page
        .browser
        .value("[document.querySelectorAll('[src], link, style[src]').length, document.images.length]");
    assert_eq!(loaded, json!([0, 0]));
    let (status, text) = get(page.daemon.http.unwrap(), "/");
    assert_eq!(status, 200);
    let mut gzip =
        Command::new("gzip").arg("-9").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let length = text.len();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let gzipped = gzip.wait_with_output().unwrap().stdout.len();
    writing.join().unwrap();
    println!("the page: {length} bytes, {gzipped} gzipped");
    assert!(gzipped > 0 && gzipped < GZIPPED_BYTES_MAX, "{gzipped}");
    page.assert_clean();
}

#[test]
fn a_daemon_that_comes_back_is_watched_again() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    let Page { browser, daemon } = page;
    let address = daemon.http.unwrap();
    drop(daemon);
    browser.wait_until("/lost|not answer/.test(document.body.innerText)");
    let page =
        Page { browser, daemon: Daemon::start(&Variables::new().with("HTTP_LISTEN", address.to_string())) };
    page.wait_until_live();
    // It has complained of the connection, rightly.
    page.browser.console();
    page.send("script,info here again");
    page.assert_clean();
}
