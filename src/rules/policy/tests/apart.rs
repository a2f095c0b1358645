//! What tells not each match, but that there is none, or much, or that it goes back and forth.

use super::*;

#[test]
fn silence_is_told_and_its_end() {
    let mut rule = Rule::new(&[("SILENCE", "1h")]);
    rule.pass(3600);
    rule.told(&["3600: nothing has matched EVENT0 for 1 h"]);
    rule.pass(3600);
    rule.matches("backup done");
    rule.pass(3599);
    rule.matches("backup done");
    assert_eq!(rule.told[1..], ["7200: back after 2 h: backup done"]);
    rule.pass(7200);
    assert_eq!(rule.told[2..], ["14399: silent for 1 h, last: backup done"]);
}

#[test]
fn a_spike_is_told_once() {
    let mut rule = Rule::new(&[("SPIKE", "3")]);
    for _ in 0..30 {
        (0..4).for_each(|_| rule.matches("x"));
        rule.pass(300);
    }
    rule.told(&[]);
    (0..100).for_each(|_| rule.matches("x"));
    rule.told(&["9000: x (10 in 5 min, usually 4)"]);
}

#[test]
fn what_flaps_is_told_when_it_begins_and_when_it_ends() {
    let mut rule = Rule::new(&[("CLEAR", ""), ("FLAP", "on")]);
    for _ in 0..60 {
        rule.matches("down");
        rule.pass(10);
        rule.clears("up");
        rule.pass(20);
    }
    let begun = rule.told.iter().position(|text| text.contains("flapping")).unwrap();
    assert!(begun <= 12, "{:?}", rule.told);
    assert!(rule.told[begun].contains("flapping (3"), "{:?}", rule.told);
    let calm = rule.told.len();
    assert!(calm - begun <= 2, "{:?}", rule.told);
    rule.pass(3600);
    assert_eq!(rule.told.len(), calm + 1);
    assert!(rule.told[calm].contains("no longer flapping, after 3"), "{:?}", rule.told);
    assert!(rule.told[calm].contains("all is well"), "{:?}", rule.told);
    rule.pass(36_000);
    assert_eq!(rule.told.len(), calm + 1);
}
