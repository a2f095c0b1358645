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

#[test]
fn a_rule_about_flapping_tells_nothing_else_even_without_bounds() {
    let mut rule = Rule::of(policy(&[("COOLDOWN", "1m")], Kind::Flapping, false));
    rule.matches("ether9 is flapping");
    rule.pass(120);
    rule.told(&[]);
}

#[test]
fn a_trouble_that_ended_while_it_flapped_is_not_told_to_last() {
    let mut rule = Rule::new(&[("CLEAR", ""), ("FLAP", "on"), ("COOLDOWN", "30m")]);
    for _ in 0..12 {
        rule.matches("down");
        rule.pass(15);
        rule.clears("up");
        rule.pass(15);
    }
    rule.pass(7200);
    let last = rule.told.last().unwrap();
    assert!(last.contains("down … and "), "{:?}", rule.told);
    rule.matches("down");
    rule.pass(5);
    rule.clears("up");
    assert!(rule.told.last().unwrap().ends_with("up, after 5 s"), "{:?}", rule.told);
}

#[test]
fn what_is_known_is_still_seen_by_silence() {
    let mut rule = Rule::of(policy(&[("SILENCE", "1h")], Kind::Novelty, false));
    for _ in 0..3 {
        rule.matches("device");
        rule.pass(3000);
    }
    rule.told(&[]);
    rule.pass(700);
    rule.told(&["9600: silent for 1 h, last: device"]);
}

#[test]
fn an_empty_key_is_one_like_any() {
    let mut rule = Rule::new(&[("SILENCE", "1h")]);
    rule.see(Sign::Matched, "", "a", false);
    rule.pass(1800);
    rule.see(Sign::Matched, "k", "b", false);
    rule.pass(1800);
    rule.told(&["3600: silent for 1 h, last: a"]);
}
