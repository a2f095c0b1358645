//! Scripts of what comes when, and what is told: the time is an argument, so that nothing waits.

use std::time::{Duration, Instant};

mod apart;
mod late;
mod restart;
mod stages;

use super::options::Source;
use super::{Audience, Draft, Kind, Memory, Now, Outcome, Policy, Said, Seen, Sign};
use crate::alert::{AlertId, Stage};
use crate::value::{Value, Values};
use crate::vars::{Faults, Vars};

/// A rule, what it remembers, and a clock that the test sets.
struct Rule {
    policy: Policy,
    memory: Memory,
    start: Instant,
    /// Seconds since the start, and the minute of the local day then.
    second: u64,
    minute: u16,
    /// The router that the next lines are of.
    router: &'static str,
    told: Vec<String>,
    /// What those are told who follow a trouble: `+` it began, `-` it is over, `·` neither; the key and
    /// the router.
    followed: Vec<String>,
    /// The alerts that were told and not settled yet.
    open: Vec<(std::sync::Arc<str>, AlertId)>,
    /// Whether alerts are delivered as soon as they are told.
    is_up: bool,
    held: usize,
    forgotten: usize,
}

fn policy(options: &[(&str, &str)], kind: Kind, clears: bool) -> Policy {
    let mut faults = Faults::default();
    let vars = Vars::read([], &[], &|_| Ok(Vec::new()), &mut faults);
    let source = Source { vars: &vars, prefix: "EVENT0_", usual: options, is_builtin: false };
    let policy = source.policy(kind, clears, &mut faults);
    assert!(faults.is_empty(), "{:?}", faults.faults);
    policy
}

impl Rule {
    fn new(options: &[(&str, &str)]) -> Rule {
        Rule::of(policy(options, Kind::Usual, options.iter().any(|(name, _)| *name == "CLEAR")))
    }

    fn of(policy: Policy) -> Rule {
        let start = Instant::now();
        let memory = Memory::new(&policy, start);
        Rule {
            policy,
            memory,
            start,
            second: 0,
            minute: 12 * 60,
            router: "r1",
            told: Vec::new(),
            followed: Vec::new(),
            open: Vec::new(),
            is_up: true,
            held: 0,
            forgotten: 0,
        }
    }

    fn now(&self) -> Now {
        Now { at: self.start + Duration::from_secs(self.second), minute: Some(self.minute) }
    }

    fn take(&mut self, outcome: Outcome) {
        self.held += outcome.held;
        self.forgotten += outcome.forgotten;
        for Draft { id, key, audience, stage, said } in outcome.drafts {
            if audience != Audience::Followers {
                self.told.push(format!("{}: {}", self.second, said.text));
            }
            if audience != Audience::Readers {
                let mark = ["·", "+", "-"]
                    [[Stage::Once, Stage::Begun, Stage::Over].iter().position(|one| *one == stage).unwrap()];
                let router = said.values.as_ref().map_or("", |values| values.text(Value::Router));
                self.followed.push(format!("{}: {mark}{key}@{router} {}", self.second, said.text));
            }
            self.open.push((key, id));
        }
        if self.is_up {
            self.settle(true);
        }
    }

    /// Every open alert was delivered, or given up.
    fn settle(&mut self, is_delivered: bool) {
        for (key, id) in std::mem::take(&mut self.open) {
            let mut outcome = Outcome::default();
            self.memory.settle(&self.policy, (&key, id, is_delivered), self.now(), &mut outcome);
            self.take(outcome);
        }
    }

    fn see(&mut self, sign: Sign, key: &str, text: &str, is_hushed: bool) {
        let (now, router) = (self.now(), self.router);
        let values = |value| if value == Value::Router { router } else { "" }.to_owned();
        let say = |count: usize| Said {
            text: text.replace('#', &count.to_string()),
            note: String::new(),
            suffix: String::new(),
            arrived: now.at,
            unset: None,
            values: Some(Box::new(Values::new(values))),
        };
        let seen = Seen { key, sign, is_hushed, distinct: 0, say: &say };
        let mut outcome = Outcome::default();
        self.memory.observe(&self.policy, &seen, now, &mut outcome);
        self.take(outcome);
    }

    fn matches(&mut self, text: &str) {
        self.see(Sign::Matched, "k", text, false);
    }

    fn clears(&mut self, text: &str) {
        self.see(Sign::Cleared, "k", text, false);
    }

    /// Lets the time pass, a second at a time, as the worker does.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.second += 1;
            self.tick();
        }
    }

    fn tick(&mut self) {
        let (now, mut outcome) = (self.now(), Outcome::default());
        let blank = || Said {
            text: String::new(),
            note: String::new(),
            suffix: String::new(),
            arrived: now.at,
            unset: None,
            values: Some(Box::new(Values::of_no_line("EVENT0", String::new()))),
        };
        self.memory.tick(&self.policy, ("EVENT0", &blank), now, &mut outcome);
        self.take(outcome);
    }

    #[track_caller]
    fn told(&self, expected: &[&str]) {
        assert_eq!(self.told, expected);
    }
}

#[test]
fn without_options_nothing_is_remembered() {
    assert!(!policy(&[("PRIORITY", "high")], Kind::Usual, false).remembers());
    assert!(policy(&[("COOLDOWN", "1m")], Kind::Usual, false).remembers());
}

#[test]
fn a_cooldown_tells_once_and_then_how_many_there_were() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    for _ in 0..48 {
        rule.matches("down");
        rule.pass(10);
    }
    rule.told(&["0: down"]);
    rule.pass(3600);
    rule.told(&["0: down", "600: down … and 47 more in 7 min"]);
    assert_eq!(rule.held, 47);
    rule.matches("down again");
    assert_eq!(rule.told.len(), 3);
}

#[test]
fn what_was_held_last_is_said_where_it_is_something_else() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    rule.matches("a");
    rule.matches("b");
    rule.pass(600);
    rule.told(&["0: a", "600: a … and 1 more, the last: b"]);
}

#[test]
fn a_flood_that_lasts_is_told_once_a_cooldown() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    for _ in 0..3600 {
        rule.matches("x");
        rule.pass(1);
    }
    assert_eq!(rule.told.len(), 7);
    assert_eq!(rule.told[6], "3600: x … and 600 more in 9 min");
}

#[test]
fn only_a_delivered_alert_starts_the_cooldown() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    rule.is_up = false;
    rule.matches("x");
    rule.pass(7200);
    rule.matches("x");
    // Under way for two hours: what comes joins it, and the cooldown has not begun.
    rule.told(&["0: x"]);
    rule.is_up = true;
    rule.settle(true);
    rule.pass(599);
    rule.matches("x");
    rule.told(&["0: x"]);
    rule.pass(1);
    rule.told(&["0: x", "7800: x … and 2 more in 9 min"]);
}

#[test]
fn an_alert_that_nobody_got_lifts_the_cooldown_and_tells_what_came_since() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    rule.is_up = false;
    rule.matches("x");
    rule.settle(false);
    rule.matches("x");
    rule.matches("x");
    rule.told(&["0: x", "0: x"]);
    rule.settle(false);
    rule.told(&["0: x", "0: x", "0: x … and 1 more"]);
}

#[test]
fn one_of_several_destinations_is_enough_to_have_told_it() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    rule.policy.owe(3);
    rule.is_up = false;
    rule.matches("x");
    let open = rule.open.clone();
    rule.settle(false);
    rule.matches("x");
    rule.open = open;
    rule.settle(true);
    rule.pass(600);
    rule.told(&["0: x", "600: x … and 1 more"]);
}

#[test]
fn a_threshold_says_how_many_there_were() {
    let mut rule = Rule::new(&[("THRESHOLD", "5/60s")]);
    for _ in 0..9 {
        rule.matches("# lines");
        rule.pass(1);
    }
    rule.told(&["4: 5 lines"]);
    rule.matches("# lines");
    rule.told(&["4: 5 lines", "9: 5 lines"]);
}

#[test]
fn in_the_cooldown_each_line_counts_below_the_threshold_too() {
    let mut rule = Rule::new(&[("THRESHOLD", "3/60s"), ("COOLDOWN", "10m")]);
    (0..5).for_each(|_| rule.matches("x"));
    rule.pass(600);
    rule.told(&["0: x", "600: x … and 2 more"]);
    rule.pass(600);
    (0..2).for_each(|_| rule.matches("x"));
    rule.pass(600);
    assert_eq!(rule.told.len(), 2);
}

#[test]
fn a_trouble_is_told_with_its_end() {
    let mut rule = Rule::new(&[("CLEAR", "")]);
    rule.clears("up");
    rule.matches("down");
    rule.pass(90);
    rule.clears("up");
    rule.clears("up");
    rule.told(&["0: down", "90: up, after 90 s"]);
}

#[test]
fn what_is_over_within_the_span_is_not_told() {
    let mut rule = Rule::new(&[("CLEAR", ""), ("WITHIN", "30s")]);
    rule.matches("down");
    rule.pass(29);
    rule.clears("up");
    rule.pass(60);
    rule.told(&[]);
    rule.matches("down");
    rule.matches("down");
    rule.pass(60);
    rule.clears("up");
    rule.told(&["119: down", "149: up, after 60 s"]);
}

#[test]
fn a_trouble_held_by_the_cooldown_is_told_when_it_ends_and_so_is_its_end() {
    let mut rule = Rule::new(&[("CLEAR", ""), ("COOLDOWN", "10m")]);
    rule.matches("down");
    rule.clears("up");
    rule.matches("down");
    rule.clears("up");
    rule.matches("down");
    rule.pass(600);
    rule.told(&["0: down", "0: up, after 0 s", "600: down … and 2 more"]);
    rule.pass(60);
    rule.clears("up");
    assert_eq!(rule.told[3], "660: up, after 11 min");
}

#[test]
fn what_is_new_is_told_once_after_an_hour_of_learning() {
    let mut rule = Rule::of(policy(&[], Kind::Novelty, false));
    rule.see(Sign::Matched, "old", "old", false);
    rule.second = 3600;
    rule.see(Sign::Matched, "old", "old", false);
    rule.see(Sign::Matched, "new", "new", false);
    rule.see(Sign::Matched, "new", "new", false);
    rule.told(&["3600: new"]);
}

#[test]
fn what_another_rule_is_busy_with_is_only_counted() {
    let mut rule = Rule::new(&[("CLEAR", ""), ("COOLDOWN", "10m")]);
    rule.see(Sign::Matched, "k", "down", true);
    rule.see(Sign::Cleared, "k", "up", true);
    rule.see(Sign::Matched, "k", "down", true);
    rule.told(&[]);
    assert_eq!(rule.held, 2);
    // It was told by the other; the end is for us.
    rule.pass(10);
    rule.clears("up");
    rule.told(&["10: up, after 10 s"]);
}

#[test]
fn a_key_that_makes_room_says_what_it_held() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m"), ("THRESHOLD", "1000/1s")]);
    // 262 keys, since each may count a thousand lines.
    (0..1001).for_each(|_| rule.matches("x"));
    assert_eq!(rule.told.len(), 1);
    for key in 0..262 {
        rule.see(Sign::Matched, &key.to_string(), "other", false);
    }
    assert_eq!(rule.told[1..], ["0: x … and 1 more"]);
    assert!(rule.forgotten > 0);
}

#[test]
fn at_the_end_all_that_is_held_is_told() {
    let mut rule =
        Rule::new(&[("COOLDOWN", "10m"), ("CLEAR", ""), ("WITHIN", "30s"), ("MUTE", "22:00-07:00")]);
    rule.matches("down");
    rule.minute = 23 * 60;
    rule.pass(31);
    let (now, mut outcome) = (rule.now(), Outcome::default());
    rule.matches("down");
    rule.memory.flush(&rule.policy.clone(), now, &mut outcome);
    rule.take(outcome);
    rule.told(&["31: 2 alerts held for 1 s:\ndown … and 1 more"]);
}

#[test]
fn the_clock_of_the_wall_is_nothing_to_it() {
    // There is no wall clock among the arguments but for the minute of the day, which only mutes.
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    rule.matches("x");
    rule.minute = 3;
    rule.pass(599);
    rule.matches("x");
    rule.told(&["0: x"]);
}

#[test]
fn no_line_of_a_hostile_sender_takes_more_than_its_share() {
    let mut rule = Rule::new(&[("COOLDOWN", "10m")]);
    for number in 0..20_000 {
        rule.see(Sign::Matched, &format!("{number}{}", "k".repeat(4000)), &"t".repeat(4000), false);
    }
    assert!(rule.memory.keys.len() <= super::KEYS_MAX);
    assert_eq!(rule.forgotten + rule.memory.keys.len(), 20_000);
}
