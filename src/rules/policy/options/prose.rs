//! A policy in words, for `check` and `match`.
//!
//! Made of the policy itself and not of the variables: what has no effect is not in it.

use super::Bounds;
use crate::alert::Priority;
use crate::rules::builtin::Kind;
use crate::rules::policy::Policy;
use crate::span::words;

impl Policy {
    /// What becomes of what matches, behind a semicolon; empty if each line is told at once.
    /// `each` is what it tells apart (`each address`), and `counts` what a threshold counts (`lines`).
    pub(in crate::rules) fn words(&self, each: &str, counts: &str) -> String {
        let mut text = String::new();
        let is_plain = Policy { mute: None, ..self.clone() };
        if is_plain.remembers() {
            text += &format!("; for {each}: {}", self.told(counts));
        }
        if let Some(hours) = self.mute {
            text += &format!("; held {hours}, then told in one message");
        }
        if self.priority != Priority::Normal {
            text += &format!("; priority {}", self.priority.name());
        }
        text
    }

    fn told(&self, counts: &str) -> String {
        let mut whens = Vec::new();
        let begin = match self.kind {
            Kind::Flapping if self.flap.is_none() => "never told".to_owned(),
            Kind::Flapping => format!("told when that begins{} and when it ends", self.bounds()),
            _ if !self.tells_matches() => "told only".to_owned(),
            Kind::Novelty => "told the first time".to_owned(),
            Kind::Usual => self.begin(counts),
        };
        let begin = match self.within.filter(|_| self.tells_matches()) {
            Some(within) if begin == "told" => format!("told if it lasts {}", words(within)),
            Some(within) => format!("{begin}, if it lasts {}", words(within)),
            None if begin == "told" => "told at once".to_owned(),
            None => begin,
        };
        if self.clears && self.kind != Kind::Flapping {
            whens.push("when it is over".to_owned());
        }
        if let Some(silence) = self.silence {
            whens.push(format!("when nothing has matched for {}", words(silence)));
            whens.push("when something does again".to_owned());
        }
        whens.extend(self.unusual());
        let mut text = match whens.split_last() {
            None => begin,
            Some((last, [])) if begin == "told only" => format!("{begin} {last}"),
            Some((last, [])) => format!("{begin} and {last}"),
            Some((last, others)) if begin == "told only" => {
                format!("{begin} {} and {last}", others.join(", "))
            }
            Some((last, others)) => format!("{begin}, {} and {last}", others.join(", ")),
        };
        if self.kind == Kind::Novelty && self.tells_matches() {
            text += ", but not in the first hour, in which it learns what there is";
        }
        if let Some(cooldown) = self.cooldown {
            text += &format!("; then quiet for {}, counting", words(cooldown));
        }
        if self.kind != Kind::Flapping && self.flap.is_some() {
            let bounds = self.bounds();
            text += &format!(
                "; flapping is told when it begins{bounds} and when it ends, and nothing in between"
            );
        }
        text
    }

    /// How a line of the usual kind begins to be told.
    fn begin(&self, counts: &str) -> String {
        match self.threshold.filter(|threshold| threshold.count > 1) {
            None => "told".to_owned(),
            Some(threshold) => {
                format!("told once there are {} {counts} within {}", threshold.count, words(threshold.within))
            }
        }
    }

    fn bounds(&self) -> String {
        match self.flap.filter(|bounds| Bounds::read("on").as_ref() != Some(bounds)) {
            None => String::new(),
            Some(Bounds { low, high }) => format!(" (at {high} %, until {low} %)"),
        }
    }

    fn unusual(&self) -> Option<String> {
        let number = self.spike?.0;
        let how = if number < 0.0 { "fewer" } else { "more" };
        let plural = if number.abs() == 1.0 { "" } else { "s" };
        let number = number.abs();
        Some(format!("when far {how} match in 5 min than usual (by {number} standard deviation{plural})"))
    }

    /// Why a line that matched, or that says that a trouble `is_over`, may be told by no alert.
    pub(in crate::rules) fn why_untold(&self, is_over: bool, counts: &str) -> String {
        if self.kind == Kind::Flapping {
            return "it tells only what goes back and forth".to_owned();
        }
        if !self.tells_matches() {
            let silence = self.silence.map(|_| "when nothing does");
            let spike = self.spike.map(|number| match number.0 < 0.0 {
                true => "when far fewer do than usual",
                false => "when far more do than usual",
            });
            let whens: Vec<_> = silence.into_iter().chain(spike).collect();
            return format!("it tells only {}", whens.join(", and "));
        }
        match self.kind {
            _ if is_over => "it ends what was told before, and nothing was".to_owned(),
            Kind::Novelty => "it tells only what it has not seen before".to_owned(),
            _ => format!("it is {}", self.begin(counts)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;
    use crate::vars::{Faults, Vars};

    /// A policy of these options in words.
    #[track_caller]
    fn check_kind(kind: Kind, clears: bool, options: &[(&str, &str)], expected: &str) {
        let vars = Vars::read([], &[], &|_| Ok(Vec::new()), &mut Faults::default());
        let source = Source { vars: &vars, prefix: "EVENT0_", usual: options, is_builtin: false };
        let mut faults = Faults::default();
        let policy = source.policy(kind, clears, &mut faults);
        assert!(faults.is_empty(), "{:?}", faults.faults);
        assert_eq!(policy.words("each router", "lines"), expected);
    }

    #[track_caller]
    fn check(options: &[(&str, &str)], expected: &str) {
        check_kind(Kind::Usual, false, options, expected);
    }

    #[test]
    fn each_option_is_put_in_words() {
        let each = |said: &str| format!("; for each router: {said}");
        check(&[("COOLDOWN", "10m")], &each("told at once; then quiet for 10 min, counting"));
        check(&[("THRESHOLD", " 5 / 60s ")], &each("told once there are 5 lines within 60 s"));
        check(&[("THRESHOLD", "1/60s")], &each("told at once"));
        check(
            &[("SILENCE", "24h")],
            &each("told only when nothing has matched for 24 h and when something does again"),
        );
        check(
            &[("SPIKE", "+3")],
            &each("told only when far more match in 5 min than usual (by 3 standard deviations)"),
        );
        check(
            &[("SPIKE", "-1")],
            &each("told only when far fewer match in 5 min than usual (by 1 standard deviation)"),
        );
        check(&[("MUTE", "22:00-07:00")], "; held from 22:00 to 07:00, then told in one message");
        check(&[("PRIORITY", "low")], "; priority low");
        check(&[("PRIORITY", "normal"), ("COOLDOWN", "off")], "");
    }

    #[test]
    fn options_together_make_one_sentence() {
        let clears = |options: &[(&str, &str)], said: &str| {
            check_kind(Kind::Usual, true, options, &format!("; for each router: {said}"));
        };
        clears(&[], "told at once and when it is over");
        clears(
            &[("WITHIN", "30s"), ("COOLDOWN", "1h")],
            "told if it lasts 30 s and when it is over; then quiet for 1 h, counting",
        );
        clears(
            &[("THRESHOLD", "5/60s"), ("WITHIN", "30s"), ("SILENCE", "24h")],
            "told once there are 5 lines within 60 s, if it lasts 30 s, when it is over, when nothing has \
             matched for 24 h and when something does again",
        );
        clears(
            &[("FLAP", "10/25")],
            "told at once and when it is over; flapping is told when it begins (at 25 %, until 10 %) and when \
             it ends, and nothing in between",
        );
        check(
            &[("SILENCE", "1h"), ("SPIKE", "2"), ("THRESHOLD", "3/10s"), ("PRIORITY", "urgent")],
            "; for each router: told once there are 3 lines within 10 s, when nothing has matched for 1 h, \
             when something does again and when far more match in 5 min than usual (by 2 standard deviations); \
             priority urgent",
        );
    }

    #[test]
    fn what_has_no_effect_is_not_said() {
        check(&[("WITHIN", "30s"), ("FLAP", "on")], "");
        check(&[("MUTE", "22:00-07:00"), ("PRIORITY", "urgent")], "; priority urgent");
        let once = "; for each router: told the first time, but not in the first hour, in which it learns what there is";
        check_kind(Kind::Novelty, false, &[("THRESHOLD", "5/60s"), ("COOLDOWN", "1h")], once);
        let flapping = "; for each router: told when that begins and when it ends";
        check_kind(Kind::Flapping, false, &[("FLAP", "on"), ("COOLDOWN", "1h"), ("WITHIN", "1m")], flapping);
        check_kind(Kind::Flapping, false, &[], "; for each router: never told");
    }
}
