//! Without a mouse.

use super::{LOGIN_FAILURE, Page, shows};
use crate::support::browser::key;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

impl Page {
    /// Presses Tab until the focus is there, and is to be seen.
    #[track_caller]
    fn tab_to(&self, selector: &str) {
        let is_there = format!("document.activeElement.matches('{selector}')");
        let has_come = (0..120).any(|_| {
            self.browser.press([key::TAB]);
            self.browser.value(&is_there) == true
        });
        assert!(has_come, "Tab does not lead to {selector}");
        let is_seen = "(style => style.outlineStyle !== 'none' || style.boxShadow !== 'none')
            (getComputedStyle(document.activeElement)) && document.activeElement.checkVisibility()";
        assert_eq!(self.browser.value(is_seen), true, "the focus on {selector} is not to be seen");
    }
}

#[test]
fn lines_are_paused_chosen_and_tried_by_keyboard_alone() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    let browser = &page.browser;
    page.send(LOGIN_FAILURE);
    browser.open(&page.url("/"));
    page.wait_until_live();
    page.send(LOGIN_FAILURE);
    page.tab_to("#pause");
    browser.press([' ']);
    browser.wait_until("document.querySelector('#pause').getAttribute('aria-pressed') === 'true'");
    browser.press([' ']);
    browser.wait_until("document.querySelector('#pause').getAttribute('aria-pressed') === 'false'");
    page.tab_to("#filter");
    browser.press("guest".chars());
    browser.wait_until(&shows("login failure"));

    page.tab_to("#try-text");
    browser.press(LOGIN_FAILURE.chars());
    page.tab_to("#try-pattern");
    browser.press("user (g[a-z]+)".chars());
    browser.wait_until("document.querySelector('#try-result mark.g1')?.textContent === 'guest'");
    page.tab_to("#try-mask");
    browser.press("by @1".chars());
    browser.wait_until("document.querySelector('#try-result').textContent.includes('by guest')");
    page.tab_to("#rule-NOTIFIER");
    browser.press("Console".chars());
    browser.wait_until("document.querySelector('#out-shell').textContent.includes('by @1')");
    page.assert_clean();
}

#[test]
fn a_test_is_sent_by_keyboard_alone_and_the_focus_comes_back() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "login failure", "told");
    let Some(page) = Page::open(&variables) else { return };
    let browser = &page.browser;
    browser.wait_until("document.querySelector('#notifiers .test')");
    page.tab_to("tr[data-notifier=\"Generic1\"] .test");
    browser.press([key::ENTER]);
    browser.wait_until("document.querySelector('#ask').open");
    // Tab stays in the dialog, and Escape leaves it.
    for _ in 0..4 {
        browser.press([key::TAB]);
        let is_inside = "document.activeElement === document.body || document.querySelector('#ask').contains(document.activeElement)";
        assert_eq!(browser.value(is_inside), true);
    }
    browser.press([key::ESCAPE]);
    browser.wait_until("!document.querySelector('#ask').open && document.activeElement.matches('.test')");
    browser.press([key::ENTER]);
    browser.wait_until("document.querySelector('#ask').open");
    if browser.value("document.activeElement.id") != "ask-yes" {
        page.tab_to("#ask-yes");
    }
    browser.press([key::ENTER]);
    recorder.wait_for(1);
    browser.wait_until("!document.querySelector('#ask').open && document.activeElement.matches('.test')");

    page.tab_to("#mute-all");
    browser.press([key::ENTER]);
    browser.wait_until("document.querySelector('#mute').open");
    page.tab_to("#mute-go");
    browser.press([key::ENTER]);
    browser.wait_until("document.querySelector('#rules .unmute')?.checkVisibility()");
    page.assert_clean();
}
