//! Who follows a trouble to its end hears of each beginning and each end, whatever is held.

use super::*;
use crate::timestamp::Zone;

const NIGHT: u16 = 23 * 60;
const MORNING: u16 = 7 * 60;

impl Rule {
    fn followed(options: &[(&str, &str)]) -> Rule {
        let mut rule = Rule::new(options);
        rule.policy.follow_troubles(true);
        rule.memory.note_changes();
        rule
    }

    /// A second of another hour.
    fn at(&mut self, minute: u16) {
        self.minute = minute;
        self.pass(1);
    }

    #[track_caller]
    fn followed_as(&self, expected: &[&str]) {
        assert_eq!(self.followed, expected);
    }
}

const MUTED: &[(&str, &str)] = &[("CLEAR", ""), ("MUTE", "22:00-07:00")];

#[test]
fn a_trouble_that_ends_in_muted_hours_is_over_after_them() {
    let mut rule = Rule::followed(MUTED);
    rule.matches("down");
    rule.minute = NIGHT;
    rule.pass(60);
    rule.clears("up");
    rule.at(MORNING);
    rule.told(&["0: down", "61: held for 1 s: up, after 60 s"]);
    rule.followed_as(&["0: +k@r1 down", "61: -k@r1 up, after 60 s"]);
    rule.pass(60);
    assert_eq!((rule.told.len(), rule.followed.len()), (2, 2));
}

#[test]
fn a_trouble_that_begins_in_muted_hours_lasts_after_them() {
    let mut rule = Rule::followed(MUTED);
    rule.minute = NIGHT;
    rule.matches("down");
    rule.at(MORNING);
    rule.clears("up");
    rule.told(&["1: held for 1 s: down", "1: up, after 1 s"]);
    rule.followed_as(&["1: +k@r1 down", "1: -k@r1 up, after 1 s"]);
}

#[test]
fn of_a_trouble_only_its_last_stage_in_muted_hours_is_told() {
    let mut rule = Rule::followed(MUTED);
    rule.minute = NIGHT;
    for (key, sign) in
        [("a", Sign::Matched), ("b", Sign::Matched), ("b", Sign::Cleared), ("a", Sign::Cleared)]
    {
        rule.see(sign, key, key, false);
    }
    rule.see(Sign::Matched, "a", "a again", false);
    rule.at(MORNING);
    rule.followed_as(&["1: +a@r1 a again", "1: -b@r1 b, after 0 s"]);
    assert!(rule.told[0].starts_with("1: 5 alerts held") && rule.told.len() == 1, "{:?}", rule.told);
}

#[test]
fn what_is_no_stage_is_told_apart_and_nothing_twice() {
    let mut rule = Rule::followed(&[("CLEAR", ""), ("COOLDOWN", "1m"), ("MUTE", "22:00-07:00")]);
    rule.matches("down");
    rule.matches("down");
    rule.see(Sign::Matched, "other", "down", false);
    rule.minute = NIGHT;
    rule.pass(60);
    rule.see(Sign::Cleared, "other", "up", false);
    rule.at(MORNING);
    rule.told(&["0: down", "0: down", "61: 2 alerts held for 1 s:\ndown … and 1 more\nup, after 60 s"]);
    assert_eq!(
        rule.followed[2..],
        ["61: ·@r1 held for 1 s: down … and 1 more", "61: -other@r1 up, after 60 s",]
    );
}

#[test]
fn where_no_stage_was_held_all_are_told_the_same() {
    let mut rule = Rule::followed(&[("MUTE", "22:00-07:00")]);
    rule.minute = NIGHT;
    rule.matches("a");
    rule.matches("b");
    rule.at(MORNING);
    rule.told(&["1: 2 alerts held for 1 s:\na\nb"]);
    rule.followed_as(&["1: ·@r1 2 alerts held for 1 s:\na\nb"]);
}

#[test]
fn a_line_right_after_the_muted_hours_is_told_after_what_they_held() {
    let mut rule = Rule::followed(MUTED);
    rule.minute = NIGHT;
    rule.matches("down");
    rule.minute = MORNING;
    rule.clears("up");
    rule.pass(1);
    rule.followed_as(&["0: +k@r1 down", "0: -k@r1 up, after 0 s"]);
    rule.told(&["0: held for 0 s: down", "0: up, after 0 s"]);
}

#[test]
fn stages_beyond_the_bound_are_told_at_once_and_none_is_lost() {
    let mut rule = Rule::followed(MUTED);
    let all = |rule: &mut Rule, sign| {
        (0..100).for_each(|key| rule.see(sign, &format!("k{key}"), "x", false));
    };
    rule.minute = NIGHT;
    all(&mut rule, Sign::Matched);
    assert_eq!((rule.told.len(), rule.followed.len()), (0, 36));
    rule.at(MORNING);
    assert_eq!((rule.told.len(), rule.followed.len()), (1, 100));
    rule.minute = NIGHT;
    all(&mut rule, Sign::Cleared);
    rule.at(MORNING);
    assert_eq!((rule.told.len(), rule.followed.len()), (2, 200));
    for key in 0..100 {
        let of = |mark| rule.followed.iter().filter(|text| text.contains(&format!("{mark}k{key}@"))).count();
        assert_eq!((of('+'), of('-')), (1, 1), "{key}");
    }
}

#[test]
fn what_is_forgotten_in_muted_hours_does_not_last() {
    let mut rule = Rule::followed(MUTED);
    rule.minute = NIGHT;
    rule.matches("down");
    (0..super::super::KEYS_MAX).for_each(|key| rule.see(Sign::Matched, &key.to_string(), "x", false));
    assert!(rule.forgotten > 0);
    rule.followed.clear();
    rule.at(MORNING);
    assert_eq!(rule.followed[0], "1: -k@r1 down");
}

#[test]
fn stages_that_are_held_outlive_the_process() {
    let mut rule = Rule::followed(MUTED);
    rule.matches("down");
    rule.minute = NIGHT;
    rule.clears("up");
    rule.see(Sign::Matched, "other", "down", false);
    rule.restart(60, &[]);
    rule.at(MORNING);
    assert_eq!(rule.followed[1..], ["61: -k@r1 up, after 0 s", "61: +other@r1 down"]);
    rule.see(Sign::Cleared, "other", "up", false);
    assert_eq!(rule.followed[3], "61: -other@r1 up, after 61 s");
    // Nobody who follows is among the destinations any more.
    let mut rule = Rule::followed(MUTED);
    rule.minute = NIGHT;
    rule.matches("down");
    rule.policy.follow_troubles(false);
    rule.restart(60, &[]);
    rule.at(MORNING);
    rule.told(&["61: held for 61 s: down"]);
    rule.followed_as(&["61: ·@r1 held for 61 s: down"]);
}

#[test]
fn what_an_earlier_version_held_is_told() {
    let mut rule = Rule::new(MUTED);
    rule.memory.note_changes();
    rule.minute = NIGHT;
    rule.matches("down");
    let at = rule.now().at;
    let saved = rule.memory.take_changes(at);
    let bytes = saved.iter().find_map(|(key, value)| value.clone().filter(|_| key.is_none())).unwrap();
    rule.policy.follow_troubles(true);
    // It wrote neither what is no stage, nor how many stages there are.
    for length in [bytes.len() - 16, bytes.len() - 8, bytes.len()] {
        rule.memory = Memory::new(&rule.policy, at);
        rule.memory.recall(&rule.policy, (None, &bytes[..length]), (at, at), (&Zone::utc(), &[]));
        rule.at(MORNING);
        assert!(rule.told.pop().unwrap().ends_with(" s: down"));
        assert!(rule.followed.pop().unwrap().ends_with(" s: down"));
        rule.minute = NIGHT;
    }
}

#[test]
fn at_the_end_of_the_process_stages_are_told_too() {
    let mut rule = Rule::followed(MUTED);
    rule.matches("down");
    rule.minute = NIGHT;
    rule.clears("up");
    let (now, mut outcome) = (rule.now(), Outcome::default());
    rule.memory.flush(&rule.policy.clone(), now, &mut outcome);
    rule.take(outcome);
    assert_eq!(rule.followed[1..], ["0: -k@r1 up, after 0 s"]);
}

#[test]
fn nothing_and_back_are_of_one_trouble() {
    let mut rule = Rule::followed(&[("SILENCE", "1h")]);
    rule.pass(3600);
    rule.see(Sign::Cleared, "k", "no match", false);
    rule.pass(60);
    rule.matches("x");
    rule.followed_as(&["3600: +@ nothing has matched EVENT0 for 1 h", "3660: -@ back after 1 h 1 min: x"]);
    assert_eq!(rule.told.len(), 2);
    // From then on it is told of each key.
    rule.pass(3600);
    rule.matches("y");
    assert_eq!(rule.followed[2..], ["7260: +k@r1 silent for 1 h, last: x", "7260: -k@r1 back after 1 h: y"]);
}

#[test]
fn a_silence_is_of_the_same_router_before_and_after_a_restart() {
    let mut rule = Rule::followed(&[("SILENCE", "1h")]);
    rule.matches("x");
    rule.restart(60, &[]);
    rule.pass(3540);
    rule.restart(60, &[]);
    rule.matches("y");
    rule.followed_as(&["3600: +k@r1 silent for 1 h, last: x", "3660: -k@r1 back after 1 h 1 min: y"]);
}

#[test]
fn a_silence_that_began_before_the_first_line_ends_in_muted_hours() {
    let mut rule = Rule::followed(&[("SILENCE", "1h"), ("MUTE", "22:00-07:00")]);
    rule.pass(3600);
    rule.minute = NIGHT;
    rule.matches("x");
    rule.at(MORNING);
    rule.followed_as(&["3600: +@ nothing has matched EVENT0 for 1 h", "3601: -@ back after 1 h: x"]);
}
