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
