//! The tester and the rule that comes of it: what is marked there fires in a daemon.

use std::process::Command;

use super::{LOGIN_FAILURE, Page, quoted};
use crate::support::TempFolder;
use crate::support::daemon::Daemon;
use crate::support::recorder::{Received, Recorder};
use crate::support::variables::Variables;

/// An expression that is true when something's text has a part.
fn says(selector: &str, part: &str) -> String {
    format!("document.querySelector({selector:?}).textContent.includes({})", quoted(part))
}

#[test]
fn a_pattern_marks_its_groups_as_one_types() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    let browser = &page.browser;
    // Places are told in bytes, and these two letters are six of them.
    browser.fill("#try-text", "système,info 鍵 user guest from 192.168.88.17 via ssh");
    browser.fill("#try-pattern", "user ([a-z]+) from");
    browser.wait_until("document.querySelector('#try-result mark.g1')?.textContent === 'guest'");
    browser.type_into("#try-pattern", " ([0-9.]+)(x)?");
    browser.wait_until("document.querySelector('#try-result mark.g2')?.textContent === '192.168.88.17'");
    let whole = "[...document.querySelectorAll('#try-result mark')].some(mark => mark.matches('.g0'))";
    assert_eq!(browser.value(whole), true);
    browser.fill("#try-mask", "@1 came from @2@3");
    browser.wait_until(&says("#try-result", "guest came from 192.168.88.17"));

    // One engine: what is no match there is none here.
    browser.fill("#try-pattern", "user [A-Z]+ from");
    browser.wait_until("!document.querySelector('#try-result mark')");
    browser.choose("#try-type", "substr");
    browser.fill("#try-pattern", "88.17 via");
    browser.fill("#try-mask", "found");
    browser.wait_until("document.querySelector('#try-result mark.g0')?.textContent === '88.17 via'");
    page.assert_clean();
}

#[test]
fn a_broken_pattern_is_shown_with_a_caret_under_the_place() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    let browser = &page.browser;
    browser.fill("#try-text", LOGIN_FAILURE);
    for (pattern, wrong) in [("user (guest", '('), ("é鍵 (a|b", '('), ("[a-", '['), ("x{2,1}", '{')] {
        browser.fill("#try-pattern", pattern);
        browser.wait_until(&says("#try-fault", pattern));
        browser.wait_until(&says("#try-fault", "^"));
        let fault = browser.text_of("document.querySelector('#try-fault').textContent");
        let place = |wanted: char, holder: &str| {
            let line = fault.lines().find(|line| line.contains(holder))?;
            line.chars().position(|c| c == wanted)
        };
        let caret = fault.lines().find(|line| line.trim() == "^").and_then(|line| line.find('^'));
        assert_eq!(caret, place(wrong, pattern), "{pattern}:\n{fault}");
    }
    browser.fill("#try-pattern", "user (guest)");
    browser.wait_until("document.querySelector('#try-fault').textContent.trim() === ''");
    browser.fill("#try-mask", "@9");
    browser.wait_until("document.querySelector('#try-fault').textContent.trim() !== ''");
    page.assert_clean();
}

#[test]
fn a_line_that_is_picked_is_tried() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    page.send(LOGIN_FAILURE);
    page.browser.click("#lines .line .text");
    // However it is offered: in the end it stands where texts are tried.
    page.browser.wait_until(
        "document.querySelector('#try-text').value.includes('login failure for user guest')
            || (document.querySelector('#lines .line .try, #lines .try')?.click(), false)",
    );
    page.assert_clean();
}

#[test]
fn the_copied_variables_start_a_daemon_that_fires_on_the_same_line() {
    let (recorder, copied) = (Recorder::start(), Recorder::start());
    let Some(page) = Page::open(&Variables::new().generic(1, &recorder)) else { return };
    let browser = &page.browser;
    browser.fill("#try-text", LOGIN_FAILURE);
    // All that a shell, a file or RouterOS might take for something else.
    browser.fill("#try-pattern", r#"user ([^ '"$\]+) from ([0-9.]+) via ssh$"#);
    browser.fill("#try-mask", r#"it's @1 "from" @2, \ $HOME `id` # %"#);
    let told = r#"it's guest "from" 192.168.88.17, \ $HOME `id` # %"#;
    browser.wait_until(&says("#try-result", told));
    browser.fill("#rule-number", "3");
    browser.fill("#rule-NOTIFIER", "Generic1");
    browser.fill("#rule-COOLDOWN", "wrong");
    browser.wait_until(&says("#draft-faults", "EVENT3_COOLDOWN"));
    browser.fill("#rule-COOLDOWN", "10m");
    browser.fill("#rule-TOPICS", "system,!debug");
    browser.wait_until(&says("#out-shell", "EVENT3_COOLDOWN"));
    browser.wait_until(&says("#out-shell", "EVENT3_TOPICS"));
    browser.wait_until(&says("#out-routeros", "/container/envs/add list=alertik key=EVENT3_MATCH_STR"));
    browser.wait_until("document.querySelector('#draft-faults').textContent.trim() === ''");

    let out = |name: &str| browser.text_of(&format!("document.querySelector('#out-{name}').textContent"));
    let variables = Variables::new().generic(1, &copied).with("ALERT_SUFFIX", "");
    let script = format!("{}\nexec '{}' run", out("shell"), env!("CARGO_BIN_EXE_alertik"));
    let by_shell = Daemon::start_by(Command::new("/bin/sh").args(["-c", &script]), &variables);
    by_shell.send(LOGIN_FAILURE);
    // Beside the starter rule for the same, which runs on.
    let both = |count: usize| {
        let texts: Vec<_> = copied.wait_for(count)[count - 2..].iter().map(Received::text).collect();
        assert!(texts.iter().any(|text| text == told), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("login failure for user \"guest\"")), "{texts:?}");
    };
    both(2);
    let folder = TempFolder::new();
    let file = folder.write("alertik.conf", out("file"));
    let by_file = Daemon::start(&variables.with("ALERTIK_CONFIG", file));
    by_file.send(LOGIN_FAILURE);
    both(4);
    // Trying is not telling.
    assert_eq!(recorder.received().len(), 0);
    page.assert_clean();
}

#[test]
fn the_copy_button_copies() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    let browser = &page.browser;
    let permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"];
    browser.devtools("Browser.grantPermissions", serde_json::json!({"permissions": permissions}));
    browser.fill("#try-pattern", "login failure");
    browser.fill("#try-mask", "told");
    browser.fill("#rule-NOTIFIER", "Console");
    browser.wait_until(&says("#out-file", "EVENT0_MASK_MSG"));
    for name in ["shell", "file", "routeros"] {
        browser.click(&format!(".copy[data-of='out-{name}']"));
        let is_copied = format!(
            "navigator.clipboard.readText().then(text => text === document.querySelector('#out-{name}').textContent)"
        );
        browser.wait_until(&is_copied);
    }
    page.assert_clean();
}

#[test]
fn the_form_has_every_option_of_a_rule() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    let names = alertik::settings::variables();
    let options: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("EVENTn_")).collect();
    assert!(options.len() > 10, "{names:?}");
    for option in options {
        // These three are the tester's.
        let field = match option {
            "MATCH_TYPE" => "#try-type".to_owned(),
            "MATCH_STR" => "#try-pattern".to_owned(),
            "MASK_MSG" => "#try-mask".to_owned(),
            option => format!("#rule-{option}"),
        };
        let has_field = format!("document.querySelector('{field}')?.checkVisibility()");
        assert_eq!(page.browser.value(&has_field), true, "{option}");
    }
    page.assert_clean();
}
