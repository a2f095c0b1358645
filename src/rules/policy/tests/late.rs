//! What takes long, or never comes.

use super::*;

#[test]
fn an_alert_of_which_nobody_hears_any_more_does_not_hold_the_others_for_ever() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    rule.policy.expect_ends_within(Duration::from_secs(3600));
    rule.is_up = false;
    rule.matches("x");
    rule.matches("x");
    rule.pass(7199);
    rule.told(&["0: x"]);
    rule.pass(1);
    rule.told(&["0: x", "7200: x … and 1 more"]);
}

#[test]
fn what_waited_long_is_young_when_it_is_told() {
    let mut rule = Rule::new(&[("MUTE", "22:00-07:00"), ("CLEAR", ""), ("WITHIN", "2h")]);
    rule.matches("down");
    rule.minute = 23 * 60;
    rule.pass(7200);
    rule.minute = 8 * 60;
    let (now, mut outcome) = (rule.now(), Outcome::default());
    let blank = || unreachable!();
    rule.memory.tick(&rule.policy, ("EVENT0", &blank), now, &mut outcome);
    assert_eq!(outcome.drafts[0].said.arrived, now.at);
}

#[test]
fn what_is_over_is_not_told_as_if_it_lasted() {
    // Three outages within one cooldown.
    let mut rule = Rule::new(&[("CLEAR", ""), ("COOLDOWN", "5m")]);
    for _ in 0..3 {
        rule.matches("down");
        rule.pass(60);
        rule.clears("up");
        rule.pass(30);
    }
    rule.pass(3600);
    rule.told(&["0: down", "60: up, after 60 s", "300: down … and 2 more in 90 s; now: up"]);

    // One outage, said three times.
    let mut rule = Rule::new(&[("CLEAR", ""), ("COOLDOWN", "5m")]);
    (0..3).for_each(|_| rule.matches("down"));
    rule.pass(60);
    rule.clears("up");
    rule.pass(3600);
    rule.told(&["0: down", "60: up, after 60 s", "300: down … and 2 more; now: up"]);

    // And one that lasts, after one that is over.
    let mut rule = Rule::new(&[("CLEAR", ""), ("COOLDOWN", "5m")]);
    rule.matches("down");
    rule.clears("up");
    rule.matches("down");
    rule.clears("up");
    rule.matches("down");
    rule.pass(300);
    rule.clears("up");
    rule.told(&["0: down", "0: up, after 0 s", "300: down … and 2 more", "300: up, after 5 min"]);
}

#[test]
fn a_cooldown_holds_for_silence_and_for_spikes_too() {
    let mut rule = Rule::new(&[("SILENCE", "10s"), ("COOLDOWN", "1h")]);
    for _ in 0..20 {
        rule.matches("x");
        rule.pass(20);
    }
    rule.matches("x");
    rule.pass(5);
    rule.told(&["10: silent for 10 s, last: x", "20: back after 20 s: x"]);
    rule.matches("x");
    rule.pass(3600);
    // It is silent by then, and that is told too.
    assert_eq!(rule.told.len(), 3, "{:?}", rule.told);
    assert!(rule.told[2].starts_with("3610: silent for 10 s, last: x … and 20 more"), "{:?}", rule.told);
    rule.matches("x");
    assert!(rule.told[3].contains("back after"), "{:?}", rule.told);
}

#[test]
fn muted_hours_end_with_one_message() {
    let mut rule = Rule::new(&[("MUTE", "22:00-07:00")]);
    rule.minute = 23 * 60;
    rule.matches("a");
    rule.matches("b");
    rule.pass(60);
    rule.told(&[]);
    rule.minute = 7 * 60;
    rule.pass(1);
    rule.told(&["61: 2 alerts held for 61 s:\na\nb"]);
    rule.matches("c");
    assert_eq!(rule.told.len(), 2);
}

#[test]
fn a_muted_alert_starts_no_cooldown_and_urgent_ones_are_told() {
    let mut rule = Rule::new(&[("MUTE", "22:00-07:00"), ("COOLDOWN", "1h")]);
    rule.minute = 23 * 60;
    rule.matches("a");
    rule.minute = 7 * 60;
    rule.pass(1);
    rule.matches("a");
    rule.told(&["1: held for 1 s: a", "1: a"]);

    let mut rule = Rule::new(&[("MUTE", "22:00-07:00"), ("PRIORITY", "urgent")]);
    rule.minute = 23 * 60;
    rule.matches("a");
    rule.told(&["0: a"]);
}

#[test]
fn a_flood_in_muted_hours_hides_nothing_else_and_is_a_handful_of_writes() {
    let mut rule = Rule::new(&[("MUTE", "22:00-07:00")]);
    rule.minute = 23 * 60;
    let mut writes = 0;
    for number in 0..5_007 {
        let text = if number < 5_000 { "A tried" } else { "B tried" };
        let (now, mut outcome) = (rule.now(), Outcome::default());
        let said = Said {
            text: text.to_owned(),
            note: String::new(),
            suffix: String::new(),
            arrived: now.at,
            unset: None,
            values: None,
        };
        let seen =
            Seen { key: text, sign: Sign::Matched, is_hushed: false, distinct: 0, say: &|_| said.clone() };
        rule.memory.observe(&rule.policy, &seen, now, &mut outcome);
        writes += usize::from(outcome.has_muted);
    }
    rule.minute = 8 * 60;
    rule.pass(1);
    rule.told(&["1: 5007 alerts held for 1 s:\nA tried … and 4999 more\nB tried … and 6 more"]);
    assert!(writes < 20, "{writes}");
}

#[test]
fn who_mutes_a_rule_for_a_while_is_told_in_one_message_then() {
    let mut rule = Rule::new(&[]);
    let until = rule.now().at + Duration::from_secs(60);
    rule.memory.mute(Some(until));
    assert!(!rule.memory.is_blank(rule.now().at));
    rule.matches("a");
    rule.matches("b");
    rule.pass(59);
    rule.told(&[]);
    rule.pass(1);
    rule.told(&["60: 2 alerts held for 60 s:\na\nb"]);
    assert!(rule.memory.is_blank(rule.now().at));
    // It may be ended sooner.
    rule.memory.mute(Some(until + Duration::from_secs(3600)));
    rule.matches("c");
    rule.memory.mute(None);
    rule.pass(1);
    assert_eq!(rule.told[1..], ["61: held for 1 s: c"]);
}
