//! Rules, notifiers and losses: what is told of them, and what can be asked of them.

use std::time::Duration;

use super::{LOGIN_FAILURE, Page};
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;

/// A row's selector.
fn rule(name: &str) -> String {
    format!("#rules tr[data-rule=\"{name}\"]")
}

fn notifier(name: &str) -> String {
    format!("#notifiers tr[data-notifier=\"{name}\"]")
}

/// An expression that is true when something's text has a part.
fn says(selector: &str, part: &str) -> String {
    format!("document.querySelector('{selector}')?.textContent.includes({part:?})")
}

fn is_open(dialog: &str) -> String {
    format!("document.querySelector('#{dialog}').open")
}

#[test]
fn the_test_button_asks_first_and_then_delivers() {
    let recorder = Recorder::start();
    let Some(page) = Page::open(&Variables::new().generic(1, &recorder)) else { return };
    let (browser, row) = (&page.browser, notifier("Generic1"));
    browser.wait_until(&format!("document.querySelector('{row} .test')"));
    browser.click(&format!("{row} .test"));
    browser.wait_until(&is_open("ask"));
    assert!(browser.text_of("document.querySelector('#ask').textContent").contains("Generic1"));
    browser.press([crate::support::browser::key::ESCAPE]);
    browser.wait_until(&format!("!{}", is_open("ask")));
    // Whoever says no, in whichever way, has sent nothing; nor does a second yes count for the first.
    browser.click(&format!("{row} .test"));
    browser.wait_until(&is_open("ask"));
    browser.click("#ask button:not(#ask-yes)");
    browser.wait_until(&format!("!{}", is_open("ask")));
    assert!(!recorder.has_more_within(Duration::from_millis(300), 0));

    browser.click(&format!("{row} .test"));
    browser.wait_until(&is_open("ask"));
    browser.click("#ask-yes");
    let text = recorder.wait_for(1)[0].text();
    assert!(text.contains("test"), "{text}");
    browser.wait_until(&format!("!{}", is_open("ask")));
    browser.wait_until(&says(&format!("{row} .answer"), "taken"));
    assert!(!recorder.has_more_within(Duration::from_millis(300), 1));
    page.assert_clean();
}

#[test]
fn a_muted_rule_holds_its_alert_and_the_others_tell_theirs() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).with("ALERT_SUFFIX", "");
    let variables =
        variables.substr("Generic1", "login failure", "failure").substr("Generic1", "link", "link");
    let Some(page) = Page::open(&variables) else { return };
    let (browser, row) = (&page.browser, rule("EVENT0"));
    browser.wait_until(&format!("document.querySelector('{row} .mute')"));
    browser.click(&format!("{row} .mute"));
    browser.wait_until(&is_open("mute"));
    browser.choose("#mute-span", "1 h");
    assert_eq!(browser.text_of("document.querySelector('#mute-span').value"), "1h");
    browser.click("#mute-go");
    browser.wait_until(&format!("document.querySelector('{row} .unmute')?.checkVisibility()"));
    page.send(LOGIN_FAILURE);
    page.send("interface,info ether1 link down");
    recorder.wait_for_text(|text| text == "link");
    assert_eq!(recorder.received().len(), 1);

    // What was held is told when the mute ends.
    browser.click(&format!("{row} .unmute"));
    browser.wait_until(&format!("!document.querySelector('{row} .unmute')?.checkVisibility()"));
    let told = recorder.wait_for(2)[1].text();
    assert!(told.contains("failure"), "{told}");
    page.assert_clean();
}

#[test]
fn everything_is_muted_at_once() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "login failure", "failure");
    let Some(page) = Page::open(&variables) else { return };
    page.browser.click("#mute-all");
    page.browser.wait_until(&is_open("mute"));
    page.browser.click("#mute-go");
    page.browser
        .wait_until(&format!("document.querySelector('{} .unmute')?.checkVisibility()", rule("EVENT0")));
    page.send(LOGIN_FAILURE);
    assert!(!recorder.has_more_within(Duration::from_millis(300), 0));
    page.assert_clean();
}

#[test]
fn rules_and_notifiers_show_what_became_of_a_line() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "login failure", "failure");
    let variables = variables.with("EVENT0_COOLDOWN", "1h");
    let Some(page) = Page::open(&variables) else { return };
    page.send(LOGIN_FAILURE);
    recorder.wait_for(1);
    page.daemon.wait_for_log("delivered", &[]);
    page.daemon.send(LOGIN_FAILURE);
    let cells = |row: &str| {
        format!("[...document.querySelectorAll('{row} td')].map(cell => cell.textContent.trim())")
    };
    // Matched twice, told once, held once.
    let has = format!(
        "(cells => cells.some((cell, at) => cell.startsWith('2') && cells[at + 1] === '1' && cells[at + 2] === '1'))({})",
        cells(&rule("EVENT0"))
    );
    page.browser.wait_until(&has);
    page.browser.wait_until(&says(&format!("{} .answer", notifier("Generic1")), "taken"));
    page.assert_clean();
}

/// What becomes visible of `#losses` and what is in it: the reddest of its colours, as red minus the rest.
const REDNESS: &str = "Math.max(...[losses, ...losses.querySelectorAll('*')].flatMap(node => {
    const style = getComputedStyle(node);
    return [style.color, style.backgroundColor].map(color => {
        const [red, green, blue, alpha] = color.match(/[\\d.]+/g).map(Number);
        return alpha === 0 ? -255 : red - Math.max(green, blue);
    });
}))";

#[test]
fn losses_turn_red_when_there_are_any() {
    let recorder = Recorder::scripted(|_| Answer::status(400).with_body("no such room"));
    let variables = Variables::new().generic(1, &recorder).with("SELF_NOTIFIER", "Console");
    let Some(page) = Page::open(&variables.substr("Generic1", "login failure", "failure")) else { return };
    let losses = |expression: &str| format!("(losses => {expression})(document.querySelector('#losses'))");
    page.browser.wait_until(&losses("losses.textContent.trim()"));
    assert_eq!(page.browser.value(&losses("losses.matches('.bad')")), false);
    page.send(LOGIN_FAILURE);
    recorder.wait_for(1);
    for scheme in ["light", "dark"] {
        page.browser.set_scheme(scheme);
        page.browser.wait_until(&losses("losses.matches('.bad') && losses.textContent.includes('1')"));
        let redness = page.browser.value(&losses(REDNESS)).as_f64().unwrap();
        assert!(redness > 60.0, "{scheme}: {redness}");
    }
    page.browser.wait_until(&says(&format!("{} .answer", notifier("Generic1")), "no such room"));
    page.assert_clean();
}
