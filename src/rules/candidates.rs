//! Which rules are worth trying on a line: one pass over it, for all of them.
//!
//! ```text
//!   EVENT0  link up      ┐                          line ─► automaton ─► {EVENT1, EVENT4}
//!   EVENT1  login fail   ├─ their texts, one automaton
//!   EVENT4  via ssh      ┘
//!   EVENT2  [0-9]+       no text that must be there: always tried
//! ```
//!
//! Separate because it knows no rules, only texts and numbers. Nearly every line
//! fires nothing; without this each rule would look through each line by itself,
//! and a line's cost would grow with the number of rules.

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;

use super::{builtin, user};

/// A place for every rule that there can be, in whole words.
const RULES_MAX: usize = 320;
const _: () = assert!(user::EVENTS_MAX + builtin::REGISTRY.len() <= RULES_MAX);

/// Shorter texts are everywhere: to look for them finds little that can be left out.
const NEEDLE_BYTES_MIN: usize = 3;

/// Of longer texts the beginning is looked for: an automaton has a row of some
/// 256 bytes for each byte of theirs. 200 rules as people write them take 150 KiB.
const NEEDLE_BYTES_MAX: usize = 24;

/// Some rules, by their number in the list.
#[derive(Clone, Copy)]
pub(super) struct Set([u32; RULES_MAX / 32]);

const ALL: Set = Set([u32::MAX; RULES_MAX / 32]);

impl Set {
    const EMPTY: Set = Set([0; RULES_MAX / 32]);

    fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 32) {
            *word |= 1 << (rule % 32);
        }
    }

    /// Their numbers, ascending. Costs by the words and by the rules in it, not by
    /// the rules there are.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(place, mut word)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(place * 32 + bit)
            })
        })
    }

    /// Those that are also in `other`.
    pub(super) fn and(self, other: Set) -> Set {
        Set(std::array::from_fn(|place| self.word(place) & other.word(place)))
    }

    /// Those that are not in `other`.
    pub(super) fn without(self, other: Set) -> Set {
        Set(std::array::from_fn(|place| self.word(place) & !other.word(place)))
    }

    fn word(&self, place: usize) -> u32 {
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl FromIterator<usize> for Set {
    fn from_iter<T: IntoIterator<Item = usize>>(rules: T) -> Set {
        let mut set = Set::EMPTY;
        rules.into_iter().for_each(|rule| set.insert(rule));
        set
    }
}

/// The texts of all rules, ready to be looked for.
pub(super) struct Candidates {
    /// None where there is nothing to look for. A table rather than the crate's
    /// smaller forms: over the corpus 153 ns a line, whether for 15 texts or for
    /// 200; as a contiguous NFA 335, through the crate's own iterator 226 and 447.
    automaton: Option<DFA>,
    /// For each text, by the automaton's number, the rules that have it.
    rules_of: Vec<Set>,
    /// Rules without a text.
    always: Set,
}

impl Candidates {
    /// Takes each rule's texts, of which a line must have one; none: any line will do.
    pub(super) fn new<'n>(rules: impl Iterator<Item = Vec<&'n [u8]>>) -> Candidates {
        let mut always = Set::EMPTY;
        let mut texts: Vec<&[u8]> = Vec::new();
        let mut rules_of: Vec<Set> = Vec::new();
        for (rule, needles) in rules.enumerate() {
            if needles.is_empty() || needles.iter().any(|text| text.len() < NEEDLE_BYTES_MIN) {
                always.insert(rule);
                continue;
            }
            for needle in needles {
                let needle = needle.get(..NEEDLE_BYTES_MAX).unwrap_or(needle);
                let known = texts.iter().position(|text| *text == needle);
                let place = known.unwrap_or_else(|| {
                    texts.push(needle);
                    rules_of.push(Set::EMPTY);
                    texts.len() - 1
                });
                if let Some(set) = rules_of.get_mut(place) {
                    set.insert(rule);
                }
            }
        }
        // What finds where a text may begin costs more than it saves: some text
        // begins everywhere.
        let build = || DFA::builder().prefilter(false).build(&texts).ok();
        let automaton = if texts.is_empty() { None } else { build() };
        // It is not built where it would outgrow 32 bits. Without it, all are tried.
        if automaton.is_none() {
            always = ALL;
        }
        Candidates { automaton, rules_of, always }
    }

    /// The rules that may fire on `line`.
    pub(super) fn of(&self, line: &[u8]) -> Set {
        let mut found = self.always;
        let Some(automaton) = &self.automaton else { return found };
        let Ok(mut state) = automaton.start_state(Anchored::No) else { return ALL };
        for byte in line {
            state = automaton.next_state(Anchored::No, state, *byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                for index in 0..automaton.match_len(state) {
                    let place = automaton.match_pattern(state, index).as_usize();
                    if let Some(rules) = self.rules_of.get(place) {
                        found.0.iter_mut().zip(rules.0).for_each(|(word, more)| *word |= more);
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the rules, each a list of texts, are candidates on `line`.
    #[track_caller]
    fn check(rules: &[&[&str]], line: &str, expected: &[usize]) {
        let needles = rules.iter().map(|texts| texts.iter().map(|text| text.as_bytes()).collect());
        let found = Candidates::new(needles).of(line.as_bytes()).iter();
        assert_eq!(found.filter(|rule| *rule < rules.len()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_rules_whose_text_is_there_are_tried() {
        check(&[&["link up"], &["login"], &["link"]], "ether2 link up", &[0, 2]);
        check(&[&["link up"], &["login"]], "dhcp assigned", &[]);
    }

    #[test]
    fn one_of_several_texts_is_enough() {
        check(&[&["power", "watchdog"], &["watchdog"]], "by watchdog timer", &[0, 1]);
    }

    #[test]
    fn overlapping_and_nested_texts_are_all_found() {
        check(&[&["abcd"], &["bcde"], &["bcd"], &["cde"]], "xabcdex", &[0, 1, 2, 3]);
        check(&[&["abc"], &["abc"], &["bcd"]], "abc", &[0, 1]);
    }

    #[test]
    fn of_a_long_text_the_beginning_is_enough() {
        let long = "a long text that is longer than what is looked for";
        check(&[&[long]], "a long text that is longer", &[0]);
        check(&[&[long]], "a long text that is", &[]);
    }

    #[test]
    fn a_rule_without_a_text_is_always_tried() {
        check(&[&[], &["login"], &["ab"]], "dhcp", &[0, 2]);
        check(&[&[]], "", &[0]);
        check(&[], "x", &[]);
    }

    #[test]
    fn sets_are_told_apart() {
        let set = |rules: &[usize]| rules.iter().copied().collect::<Set>();
        let all = |set: Set| set.iter().collect::<Vec<_>>();
        let (some, others) = (set(&[0, 31, 32, 319]), set(&[31, 100]));
        assert_eq!(all(some), [0, 31, 32, 319]);
        assert_eq!((all(some.and(others)), all(some.without(others))), (vec![31], vec![0, 32, 319]));
        assert!(all(set(&[RULES_MAX])).is_empty());
    }
}
