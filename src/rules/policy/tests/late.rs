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
