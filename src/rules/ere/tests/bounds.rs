//! How much work a pattern may make, counted and not timed.

use super::super::program::{Part, STEPS_MAX, Shape};
use super::super::scan::ENTERED;
use super::*;

/// Levels of parts that are divided.
fn levels(part: &Part) -> usize {
    match &part.shape {
        Shape::Plain => 0,
        Shape::Group(_, inner) => levels(inner),
        Shape::Sequence(parts) | Shape::Either(parts) => 1 + parts.iter().map(levels).max().unwrap_or(0),
        Shape::Repeat { body, .. } => 1 + levels(body),
    }
}

/// Instructions entered to find `pattern` in `text`, where it is; never more
/// than `divide.rs` says.
fn work(pattern: &str, text: &str) -> usize {
    let ere = Ere::new(pattern.as_bytes()).unwrap();
    ENTERED.set(0);
    assert!(ere.find(text.as_bytes()).is_some(), "{pattern} on {text}");
    let bound = (text.len() + 1) * ere.program.steps.len() * (2 * levels(&ere.program.root) + 1);
    assert!(ENTERED.get() <= bound, "{pattern}: {} entered, {bound} allowed", ENTERED.get());
    ENTERED.get()
}

/// Twice the line is twice the work, give or take what its ends cost.
fn check(pattern: &str, text: &str) {
    let [once, twice] = [64, 128].map(|times| work(pattern, &format!("{}y", text.repeat(times))));
    assert!(twice <= 2 * once + once / 20, "{pattern}: {once}, then {twice}");
}

#[test]
fn work_is_linear_in_the_line() {
    check("(a*)*y", "aa");
    check("(a|a)*y", "aa");
    check("((a*)*)*y", "aa");
    check("(a|aa)*y", "aaa");
    check("((a+)+)+y", "aaa");
    check("(x+x+)+y", "xxx");
    check("((x?)(xx)*)*y", "xxx");
    check("(.*)(.*)(.*)(.*)(.*)y", "ab");
    check("((.*)(.*))*((.*)(.*))*", "ab");
    check("(a|ab)(c|bcd)(d*)|(.*)", "abcd");
    check("((a|ab)(c|bcd)(d*))*y", "abcd");
    check("(((a|ab)|(c|bcd))*|(d*))*y", "abcd");
    check("((a{0,3}){0,3}){3,}y", "a");
    check("(a?){100}(a?){100}(.*)", "a");
    check("((a?){10}){10,}y", "a");
    check("(^|\\<|\\B|a)*y", "aa");
    check(&"(a*)".repeat(50), "a");
    check(&format!("{}a{}y", "(".repeat(50), "*)".repeat(50)), "a");
    check(&format!("{}a{}y", "(b|(".repeat(25), ")*c?)*".repeat(25)), "abc");
}

#[test]
fn no_line_costs_more_than_the_bound() {
    let line = "ab-".repeat(4096 / 3);
    for pattern in ["(((a|b)*-?)*)*", "((([ab]|a)(-|b-)?)*)+", "(.*)-(.*)-(.*)-(.*)"] {
        work(pattern, &line);
    }
}

#[test]
fn random_patterns_stay_within_the_bound() {
    let mut random = random::Random(0xB0D1E5);
    for _ in 0..1_000 {
        let (pattern, text) = (random.pattern(), random.text().repeat(5));
        if Ere::new(pattern.as_bytes()).unwrap().is_match(text.as_bytes()) {
            work(&pattern, &text);
        }
    }
}

#[test]
fn largest_patterns_take_two_mebibytes() {
    // All instructions, the parts, of which each has an instruction of its own,
    // and the places that a match in the longest line needs.
    let step = size_of::<program::Step>() + size_of::<Part>() + (4096 + 1) / 8;
    assert!(STEPS_MAX * step <= 3 * 1024 * 1024, "{step}");
}
