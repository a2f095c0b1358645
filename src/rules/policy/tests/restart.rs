//! A process ends, and the next remembers.

use super::*;
use crate::memory::Owed;
use crate::timestamp::Zone;

impl Rule {
    /// Another process goes on, `away` seconds later, with what this one last saved.
    pub(super) fn restart(&mut self, away: u64, owed: &[Owed]) {
        let at = self.now().at;
        let saved = self.memory.take_changes(at);
        self.second += away;
        let now = self.now().at;
        self.memory = Memory::new(&self.policy, now);
        let owed: Vec<_> = owed.iter().collect();
        for (key, value) in &saved {
            let Some(value) = value else { continue };
            self.memory.recall(&self.policy, (key.as_deref(), value), (at, now), (&Zone::utc(), &owed));
        }
        self.memory.note_changes();
    }

    fn saving(options: &[(&str, &str)]) -> Rule {
        let mut rule = Rule::new(options);
        rule.memory.note_changes();
        rule
    }
}

#[test]
fn a_cooldown_goes_on_and_what_was_held_is_told() {
    let mut rule = Rule::saving(&[("COOLDOWN", "10m")]);
    rule.matches("x");
    rule.matches("x");
    rule.restart(60, &[]);
    rule.matches("x");
    rule.pass(539);
    rule.told(&["0: x"]);
    rule.pass(1);
    rule.told(&["0: x", "600: x … and 2 more in 60 s"]);
}

#[test]
fn an_alert_under_way_is_known_by_what_is_still_owed() {
    let owed = |rule: &Rule, is_settled_elsewhere| {
        let (key, id) = rule.open[0].clone();
        Owed { rule: "EVENT0".into(), key, id, is_settled_elsewhere }
    };
    let started = || {
        let mut rule = Rule::saving(&[("COOLDOWN", "10m")]);
        rule.is_up = false;
        rule.matches("x");
        rule
    };
    // Still to be told: it joins.
    let mut rule = started();
    rule.restart(3600, &[owed(&rule, false)]);
    rule.matches("x");
    rule.settle(true);
    rule.pass(600);
    rule.told(&["0: x", "4200: x … and 1 more"]);
    // Told, and the process ended before it heard: the cooldown has begun.
    for owed in [vec![], vec![owed(&started(), true)]] {
        let mut rule = started();
        let owed = owed.into_iter().map(|owed| Owed { id: rule.open[0].1, ..owed }).collect::<Vec<_>>();
        rule.restart(60, &owed);
        rule.open.clear();
        rule.matches("x");
        rule.pass(599);
        rule.told(&["0: x"]);
        rule.pass(1);
        assert_eq!(rule.told[1..], ["660: x … and 1 more"]);
    }
}

#[test]
fn a_threshold_goes_on_counting() {
    let mut rule = Rule::saving(&[("THRESHOLD", "3/60s")]);
    rule.matches("x");
    rule.matches("x");
    rule.restart(30, &[]);
    rule.matches("x");
    rule.told(&["30: x"]);
    rule.matches("x");
    rule.restart(120, &[]);
    rule.matches("x");
    rule.matches("x");
    rule.told(&["30: x"]);
}

#[test]
fn a_trouble_ends_in_another_process() {
    let mut rule = Rule::saving(&[("CLEAR", ""), ("WITHIN", "30s")]);
    rule.matches("down");
    rule.restart(10, &[]);
    rule.pass(20);
    rule.told(&["30: down"]);
    rule.restart(3570, &[]);
    rule.clears("up");
    rule.told(&["30: down", "3600: up, after 1 h"]);
    rule.matches("down");
    rule.restart(10, &[]);
    rule.clears("up");
    rule.pass(60);
    assert_eq!(rule.told.len(), 2);
}

#[test]
fn silence_spikes_and_flapping_are_remembered() {
    let mut rule = Rule::saving(&[("SILENCE", "1h")]);
    rule.matches("x");
    rule.restart(1800, &[]);
    rule.pass(1800);
    rule.told(&["3600: silent for 1 h, last: x"]);
    rule.restart(60, &[]);
    rule.pass(3600);
    rule.matches("x");
    assert_eq!(rule.told[1..], ["7260: back after 2 h 1 min: x"]);

    let mut rule = Rule::saving(&[("SPIKE", "3")]);
    for _ in 0..25 {
        (0..4).for_each(|_| rule.matches("x"));
        rule.pass(300);
    }
    rule.restart(1, &[]);
    (0..10).for_each(|_| rule.matches("x"));
    rule.told(&["7501: x (10 in 5 min, usually 4)"]);

    let mut rule = Rule::saving(&[("CLEAR", ""), ("FLAP", "on"), ("COOLDOWN", "1h")]);
    for _ in 0..20 {
        rule.matches("down");
        rule.clears("up");
        rule.pass(30);
    }
    let told = rule.told.len();
    rule.restart(30, &[]);
    rule.matches("down");
    assert_eq!(rule.told.len(), told);
    rule.clears("up");
    rule.pass(1800);
    assert!(rule.told.iter().any(|text| text.contains("no longer flapping")), "{:?}", rule.told);
}

#[test]
fn what_was_muted_and_what_is_known_is_remembered() {
    let mut rule = Rule::saving(&[("MUTE", "22:00-07:00")]);
    rule.minute = 23 * 60;
    rule.matches("a");
    rule.matches("b");
    rule.restart(60, &[]);
    rule.minute = 7 * 60;
    rule.pass(1);
    rule.told(&["61: 2 alerts held for 61 s:\na\nb"]);

    let mut rule = Rule::of(policy(&[], Kind::Novelty, false));
    rule.memory.note_changes();
    rule.see(Sign::Matched, "old", "old", false);
    rule.restart(3600, &[]);
    rule.see(Sign::Matched, "old", "old", false);
    rule.see(Sign::Matched, "new", "new", false);
    rule.told(&["3600: new"]);
}

#[test]
fn options_that_are_gone_are_not_obeyed_any_more() {
    let mut rule = Rule::saving(&[("COOLDOWN", "10m"), ("CLEAR", "")]);
    rule.matches("x");
    rule.policy = policy(&[("THRESHOLD", "1/1s")], Kind::Usual, false);
    rule.restart(1, &[]);
    rule.matches("x");
    rule.clears("x");
    rule.told(&["0: x", "1: x"]);
}

#[test]
fn damaged_bytes_are_nothing_and_do_no_harm() {
    let mut rule =
        Rule::saving(&[("COOLDOWN", "10m"), ("CLEAR", ""), ("FLAP", "on"), ("THRESHOLD", "2/60s")]);
    (0..5).for_each(|_| rule.matches("x"));
    let at = rule.now().at;
    let saved = rule.memory.take_changes(at);
    let value = saved[0].1.clone().unwrap();
    for cut in 0..value.len() {
        let mut memory = Memory::new(&rule.policy, at);
        memory.recall(&rule.policy, (Some("k"), &value[..cut]), (at, at), (&Zone::utc(), &[]));
        assert_eq!(memory.keys.len(), 0, "{cut}");
        for bit in 0..8 {
            let mut wrong = value.clone();
            wrong[cut] ^= 1 << bit;
            memory.recall(&rule.policy, (Some("k"), &wrong), (at, at), (&Zone::utc(), &[]));
        }
    }
}

#[test]
fn what_was_muted_is_told_though_nothing_is_muted_any_more() {
    let mut rule = Rule::saving(&[("MUTE", "22:00-07:00")]);
    rule.minute = 23 * 60;
    rule.matches("a");
    rule.policy = policy(&[("COOLDOWN", "1m")], Kind::Usual, false);
    rule.restart(60, &[]);
    rule.pass(1);
    rule.told(&["61: held for 61 s: a"]);
}

#[test]
fn a_rule_that_never_matched_is_silent_over_restarts() {
    let mut rule = Rule::saving(&[("SILENCE", "1h")]);
    for _ in 0..4 {
        rule.pass(900);
        rule.restart(1, &[]);
        rule.memory.is_changed = true;
    }
    rule.pass(1);
    assert_eq!(rule.told, ["3600: nothing has matched EVENT0 for 1 h"]);
    rule.restart(1, &[]);
    rule.see(Sign::Matched, "a", "first", false);
    rule.see(Sign::Matched, "b", "second", false);
    assert_eq!(rule.told[1..], ["3606: back after 1 h: first"]);
}

#[test]
fn one_line_towards_a_threshold_is_not_worth_a_place_on_the_disk() {
    let mut rule = Rule::saving(&[("THRESHOLD", "3/60s")]);
    rule.matches("x");
    let at = rule.now().at;
    assert!(rule.memory.take_changes(at).iter().all(|(_, value)| value.is_none()));
    rule.matches("x");
    assert!(rule.memory.take_changes(at).iter().all(|(_, value)| value.is_some()));
}

#[test]
fn what_was_held_is_told_though_the_rule_remembers_nothing_any_more() {
    let mut rule = Rule::saving(&[("COOLDOWN", "10m")]);
    (0..3).for_each(|_| rule.matches("x"));
    rule.policy = policy(&[], Kind::Usual, false);
    rule.restart(60, &[]);
    rule.pass(1);
    rule.told(&["0: x", "61: x … and 2 more"]);

    let mut rule = Rule::saving(&[("CLEAR", ""), ("WITHIN", "30s")]);
    rule.matches("down");
    rule.policy = policy(&[], Kind::Usual, false);
    rule.restart(10, &[]);
    rule.pass(60);
    rule.told(&["30: down"]);
}

#[test]
fn of_a_rule_that_is_gone_what_it_had_to_tell_is_known() {
    let mut rule = Rule::saving(&[("COOLDOWN", "10m")]);
    (0..3).for_each(|_| rule.matches("x"));
    let now = rule.now().at;
    let saved = rule.memory.take_changes(now);
    let (key, value) = &saved[0];
    let texts = super::super::untold((key.as_deref(), value.as_ref().unwrap()), (now, now), &Zone::utc());
    assert_eq!(texts, ["x … and 2 more"]);
}
