//! How it looks: what axe-core finds (contrast, names, roles), and pictures for a person to judge.

use std::fs;

use serde_json::{Value, json};

use super::{LOGIN_FAILURE, Page, target};
use crate::support::browser::{Browser, DESKTOP, PHONE};
use crate::support::daemon::Daemon;
use crate::support::recorder::{Answer, Recorder};
use crate::support::skip;
use crate::support::variables::Variables;

/// A page with something of everything on it, and the services that its daemon tells.
#[track_caller]
fn furnished() -> Option<(Page, [Recorder; 3])> {
    let good = Recorder::start();
    let parking = Recorder::scripted(|_| Answer::status(403).with_body("invalid_token"));
    let refusing = Recorder::scripted(|_| Answer::status(400).with_body("no such field: text"));
    let variables = Variables::new()
        .telegram(&good)
        .slack(&parking)
        .generic(1, &refusing)
        .with("SELF_NOTIFIER", "Console")
        .with("ROUTERS", "127.0.0.1=attic,127.0.0.2=cellar")
        .substr("Telegram,Slack,Generic1", "login failure", "@{message}")
        .regex("Telegram", "(ether[0-9]+) link (up|down)", "@1 is @2")
        .with("EVENT1_COOLDOWN", "10m")
        .with("STATIC_EVENTS_ENABLED", "all");
    let page = Page::open(&variables)?;
    for line in [
        "system,info,account user admin logged in from 192.168.88.2 via winbox",
        LOGIN_FAILURE,
        "interface,info ether1 link down",
        "interface,info ether1 link up",
        "dhcp,warning dhcp1 offering lease 192.168.88.20 for 74:4D:28:00:00:01 without success",
        "wireless,debug wlan1: 74:4D:28:00:00:01 attempts to associate",
        "firewall,info input: in:ether1 out:(unknown 0), proto UDP, 192.0.2.77:5678->192.0.2.9:53, len 76",
    ] {
        page.send(line);
    }
    page.daemon.send("script,error <b>not bold</b> \u{1b}[31mnot red\u{202e}not turned round");
    page.daemon.send_from("127.0.0.2", format!("script,info {}", "long ".repeat(200)));
    let browser = &page.browser;
    browser.fill("#try-text", &format!("{LOGIN_FAILURE}\nanother line"));
    browser.fill("#try-pattern", "user ([a-z]+) from ([0-9.]+)");
    browser.fill("#try-mask", "@1 from @2");
    browser.fill("#rule-NOTIFIER", "Telegram");
    browser.fill("#rule-COOLDOWN", "10m");
    browser.wait_until("document.querySelector('#out-file').textContent.includes('COOLDOWN')");
    browser.wait_until("document.querySelector('#losses').matches('.bad')");
    browser.click("tr[data-rule=\"EVENT1\"] .mute");
    browser.wait_until("document.querySelector('#mute').open");
    browser.click("#mute-go");
    browser.wait_until("document.querySelector('tr[data-rule=\"EVENT1\"] .unmute')?.checkVisibility()");
    browser.run("scrollTo(0, 0); document.activeElement.blur()");
    Some((page, [good, parking, refusing]))
}

/// axe-core's one file, which `.ci/run` fetches.
fn axe() -> Option<String> {
    let path = target("tools/axe-core-4.14.1.js");
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        skip(&format!("there is no axe-core at {} (.ci/run fetches it)", path.display()));
    }
    text
}

/// What it finds wrong: which rule, and where.
#[track_caller]
fn violations(browser: &Browser, axe: &str) -> Vec<String> {
    browser.run(&format!("if (!window.axe) {{ {axe}\n window.axe = axe }}"));
    let result = browser.run(
        "return axe.run({preload: false}).then(({violations, passes}) =>
            ({violations, passes: passes.map(rule => rule.id)}))",
    );
    // It did look, and at colours too.
    let passed = result["passes"].as_array().unwrap();
    assert!(passed.iter().any(|rule| rule == "color-contrast") && passed.len() > 10, "{passed:?}");
    let told = |violation: &Value| {
        let places = violation["nodes"].as_array().unwrap().iter();
        let places: Vec<_> =
            places.map(|node| format!("{} {}", node["html"], node["failureSummary"])).take(5).collect();
        format!("{}: {}\n    {}", violation["id"], violation["help"], places.join("\n    "))
    };
    result["violations"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn axe_finds_nothing_wrong_in_light_and_dark_on_phone_and_desktop() {
    let Some(axe) = axe() else { return };
    let Some((page, _services)) = furnished() else { return };
    let browser = &page.browser;
    let mut all = Vec::new();
    let mut look = |what: &str| {
        for screen in [PHONE, DESKTOP] {
            for scheme in ["light", "dark"] {
                browser.set_screen(screen);
                browser.set_scheme(scheme);
                let found = violations(browser, &axe);
                all.extend(found.into_iter().map(|one| format!("{what}, {}, {scheme}: {one}", screen.name)));
            }
        }
    };
    look("page");
    browser.fill("#try-pattern", "user (guest");
    browser.fill("#rule-COOLDOWN", "x");
    browser.wait_until("document.querySelector('#try-fault').textContent.includes('^')");
    browser.click("#lines .line");
    look("faults, a line chosen");
    browser.click("tr[data-rule=\"EVENT0\"] .mute");
    browser.wait_until("document.querySelector('#mute').open");
    look("muting");
    browser.click("#mute button:not(#mute-go)");
    browser.click("tr[data-notifier=\"Telegram\"] .test");
    browser.wait_until("document.querySelector('#ask').open");
    look("asking");
    let Page { browser, daemon } = page;
    drop(daemon);
    let daemon = Daemon::start(&Variables::new().with("HTTP_TOKEN", "token"));
    browser.open(&format!("http://{}/", daemon.http.unwrap()));
    for scheme in ["light", "dark"] {
        browser.set_scheme(scheme);
        all.extend(violations(&browser, &axe).into_iter().map(|one| format!("login, {scheme}: {one}")));
    }
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn nothing_is_wider_than_the_screen_and_pictures_are_left() {
    let Some((page, _services)) = furnished() else { return };
    let folder = target("screenshots");
    fs::create_dir_all(&folder).unwrap();
    for screen in [PHONE, DESKTOP] {
        for scheme in ["light", "dark"] {
            page.browser.set_screen(screen);
            page.browser.set_scheme(scheme);
            let widths = page.browser.value("[document.documentElement.scrollWidth, innerWidth]");
            assert!(widths[0].as_f64() <= widths[1].as_f64(), "{}: {widths}", screen.name);
            for (is_whole, end) in [(false, ""), (true, "-whole")] {
                let file = folder.join(format!("{}-{scheme}{end}.png", screen.name));
                fs::write(file, page.browser.screenshot(is_whole)).unwrap();
            }
        }
    }
    page.browser.set_screen(PHONE);
    page.browser.click("tr[data-notifier=\"Telegram\"] .test");
    page.browser.wait_until("document.querySelector('#ask').open");
    fs::write(folder.join("phone-dark-ask.png"), page.browser.screenshot(false)).unwrap();
    println!("pictures are in {}", folder.display());
    assert_eq!(page.browser.value("document.querySelectorAll('#lines .line').length > 5"), json!(true));
    page.assert_clean();
}
