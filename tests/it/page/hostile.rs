//! Everything shown came from strangers, and is shown as text.

use super::{Page, shows};
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;

/// Each would do something where it is not text: make an element named `evil`, or set a variable of that name.
const MARKUP: [&str; 10] = [
    "<b id=evil>bold</b>",
    "<img src=x id=evil onerror='evil=1;alert(1)'>",
    "<script id=evil>evil=1;alert(1)</script>",
    "</script><script id=evil>evil=1;alert(1)</script>",
    "</span></li></ol><iframe id=evil srcdoc='<script>parent.evil=1</script>'></iframe>",
    "<svg id=evil onload=evil=1><style id=evil>*{display:none}</style></svg>",
    "\" id=\"evil\" onmouseover=\"evil=1\" x=\"' autofocus onfocus='evil=1",
    "&lt;b id=evil&gt; &#60;b id=evil&#62; {{constructor.constructor('evil=1')()}} ${evil=1}",
    "<a id=evil href=\"javascript:evil=1\">click</a><meta http-equiv=refresh content='0;url=data:,'>",
    "<form id=evil action=/logout method=post><input id=evil name=lines></form><base href=//evil.example/>",
];

/// What is not markup but does something to a terminal, to the order of a line, or to a stream of events.
const TROUBLES: [&[u8]; 8] = [
    b"\x1b[31mred\x1b]0;title\x07\x1b[2J here 1",
    "\u{202e}desrever\u{2066}\u{202d} here 2".as_bytes(),
    b"a\n\ndata: {\"text\":\"forged\"}\n\nevent: close\nretry: 1 here 3",
    b"a\0b\r\x08\x7f\x80\xff\xc0\xaf here 4",
    "line\u{2028}paragraph\u{2029}zero\u{200b}width\u{feff} here 5".as_bytes(),
    "Z\u{0351}\u{0365}\u{0310}\u{0301}\u{0489}algo here 6".as_bytes(),
    "\u{1f468}\u{200d}\u{1f469}\u{fffd}\u{10ffff} here 7".as_bytes(),
    br#"\u003cb id=evil\u003e"}],"fired":["forged"],"x":" here 8"#,
];

/// True when nothing has come of all that.
const IS_HARMLESS: &str = "window.evil === undefined && !document.querySelector(
    '#evil, [id=evil], [onerror], [onload], [onmouseover], img, iframe, svg, object, embed, base, meta[http-equiv]')
    && document.scripts.length === 1 && document.querySelectorAll('style').length === 1
    && !/forged/.test([...document.querySelectorAll('.fired')].map(chip => chip.textContent))";

#[test]
fn no_element_is_made_of_a_line_and_none_of_its_script_runs() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    for (number, markup) in MARKUP.iter().enumerate() {
        page.daemon.send(format!("script,info {markup} here {number}"));
        // To the letter, so that nothing of it became an element.
        page.browser.wait_until(&shows(&format!("{markup} here {number}")));
    }
    // As topics, which are shown apart, and as a program's name.
    for markup in MARKUP {
        page.daemon.send(format!("{},info x", markup.replace(' ', "/")));
        page.daemon.send(format!("<14>Nov 21 17:00:00 {markup} {markup}: x"));
    }
    page.send("script,info the last of the markup");
    assert_eq!(page.browser.value(IS_HARMLESS), true);
    // Whatever is picked is tried, and stands in a field and in the answer.
    for markup in MARKUP {
        page.browser.fill("#try-text", markup);
        page.browser.fill("#try-pattern", "(evil)");
        page.browser.fill("#try-mask", &format!("{markup} @1"));
        page.browser.wait_until("document.querySelector('#try-result mark.g1')?.textContent === 'evil'");
        page.browser.fill("#try-pattern", &format!("({markup}"));
        page.browser.wait_until("document.querySelector('#try-fault').textContent.trim() !== ''");
        assert_eq!(page.browser.value(IS_HARMLESS), true, "{markup}");
    }
    page.assert_clean();
}

#[test]
fn what_turns_a_line_round_or_cannot_be_seen_is_told_in_words() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    for (number, trouble) in (1..).zip(TROUBLES) {
        page.daemon.send([b"script,info ", trouble].concat());
        page.browser.wait_until(&shows(&format!("here {number}")));
    }
    assert_eq!(page.browser.value(IS_HARMLESS), true);
    let lines = page.lines();
    // One line each, and whether a character is shown in words or not at all: it is not there to do anything.
    assert_eq!(lines.len(), TROUBLES.len(), "{lines:#?}");
    let is_trouble = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    for line in &lines {
        let found: String = line.chars().filter(|c| is_trouble(*c)).collect();
        assert!(found.is_empty(), "{found:?} in {line:?}");
    }
    page.assert_clean();
}

#[test]
fn a_datagram_as_long_as_can_be_is_cut_and_harms_nothing() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    page.daemon.send(format!("script,info begin {}", "<b id=evil>x</b>".repeat(4_000)));
    page.daemon.send([&b"script,info bytes "[..], &[0xff; 60_000]].concat());
    page.daemon.send(format!("script,info word {}", "W".repeat(65_000)));
    page.send("script,info after the longest");
    assert_eq!(page.lines().len(), 4);
    assert_eq!(page.browser.value(IS_HARMLESS), true);
    // A word without end does not make the page wider than the window.
    for screen in [crate::support::browser::PHONE, crate::support::browser::DESKTOP] {
        page.browser.set_screen(screen);
        let widths = page.browser.value("[document.documentElement.scrollWidth, innerWidth]");
        assert!(widths[0].as_f64() <= widths[1].as_f64(), "{}: {widths}", screen.name);
    }
    page.assert_clean();
}

#[test]
fn what_a_service_answers_and_an_operator_writes_is_text_too() {
    let recorder = Recorder::scripted(|_| Answer::status(400).with_body(MARKUP[1]));
    let variables = Variables::new()
        .generic(1, &recorder)
        .with("SELF_NOTIFIER", "Console")
        .substr("Generic1", MARKUP[0], MARKUP[2])
        .regex("Generic1", "login failure", MARKUP[3]);
    let Some(page) = Page::open(&variables) else { return };
    page.send("system,info login failure");
    page.browser.wait_until("document.querySelector('#notifiers .answer')?.textContent.includes('onerror')");
    page.browser.wait_until("document.querySelector('#rules').textContent.includes('<b id=evil>')");
    assert_eq!(page.browser.value(IS_HARMLESS), true);
    page.assert_clean();
}
