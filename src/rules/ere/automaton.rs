//! Whether a line matches, and where: the program as a lazily built automaton.
//!
//! ```text
//!   a(b|c)*    x a b c y     read from right to left; a match may end anywhere,
//!                ◀───────    and the last start that is found is the leftmost
//! ```
//!
//! Separate because it is the only part that knows regex-automata. Of that crate
//! it takes the lazy automaton alone: most lines match nothing, and this says so
//! in about a nanosecond a byte. Ends and groups are `divide.rs`'s to find.

use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{BuildError, Builder, NFA, Transition};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;
use regex_automata::{Input, MatchKind};

use super::ast::Place;
use super::program::{Program, Step};

/// What the automaton's instructions may take. The three patterns of Alertik's
/// README take 5 kB together; sets of many ranges take 8 bytes for each.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// What its states may take before it starts afresh. 256 rules at their worst are
/// then half of what a router of 128 MB has; the crate's own bound is 2 MB.
const STATES_BYTES_MAX: usize = 256 * 1024;

/// Answers for one pattern. Whoever asks at the same time waits: it is the worker
/// that asks, and only it.
#[derive(Debug)]
pub(super) struct Automaton {
    dfa: DFA,
    cache: Mutex<Cache>,
}

/// It would take more memory than a pattern may.
#[derive(Debug)]
pub(super) struct TooLarge;

impl From<BuildError> for TooLarge {
    /// What we write is a program; only size is left.
    fn from(_: BuildError) -> TooLarge {
        TooLarge
    }
}

impl Automaton {
    pub(super) fn new(program: &Program) -> Result<Automaton, TooLarge> {
        let nfa = compile(program)?;
        let config = DFA::config()
            // Not the match that Perl would prefer: all of them.
            .match_kind(MatchKind::All)
            .cache_capacity(STATES_BYTES_MAX)
            // A state of the largest patterns takes 16 KiB; a few must fit in any case.
            .skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|_| TooLarge)?;
        let cache = Mutex::new(dfa.create_cache());
        Ok(Automaton { dfa, cache })
    }

    /// Whether there is a match. Allocates only what the automaton grows by.
    pub(super) fn is_match(&self, line: &[u8]) -> bool {
        self.search(&Input::new(line).earliest(true)).is_some()
    }

    /// Where the leftmost match starts.
    pub(super) fn start(&self, line: &[u8]) -> Option<usize> {
        self.search(&Input::new(line))
    }

    fn search(&self, input: &Input<'_>) -> Option<usize> {
        // Whoever panicked meanwhile left states that are true all the same.
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        match self.dfa.try_search_rev(&mut cache, input) {
            Ok(found) => found.map(|found| found.offset()),
            // It gives up only where it is told to. If it did, the exact engine would know.
            Err(_) => Some(0),
        }
    }
}

/// The program in that crate's instructions, in their order: each has the number it has here.
fn compile(program: &Program) -> Result<NFA, TooLarge> {
    let mut builder = Builder::new();
    builder.set_reverse(true);
    builder.set_utf8(false);
    builder.set_size_limit(Some(COMPILED_BYTES_MAX))?;
    builder.start_pattern()?;
    let matched = program.steps.len();
    // `\b` is any of three places there, and these stand behind the end.
    let mut edges = Vec::new();
    for (at, step) in program.steps.iter().enumerate() {
        let next = state(at + 1);
        match step {
            Step::Byte(byte) => builder.add_range(Transition { start: *byte, end: *byte, next })?,
            Step::Set(set) => {
                let ranges = set.runs().into_iter();
                let transitions: Vec<Transition> =
                    ranges.map(|(start, end)| Transition { start, end, next }).collect();
                if transitions.is_empty() { builder.add_fail()? } else { builder.add_sparse(transitions)? }
            }
            Step::Place(Place::WordEdge) => {
                let first = matched + 1 + edges.len();
                edges.extend([Look::Start, Look::End, Look::WordAscii].map(|look| (look, next)));
                builder.add_union((first..first + 3).map(state).collect())?
            }
            Step::Place(place) => builder.add_look(next, look(*place))?,
            Step::Fork(far) => builder.add_union(vec![next, state(at.wrapping_add_signed(*far))])?,
            Step::Jump(far) => builder.add_union(vec![state(at.wrapping_add_signed(*far))])?,
        };
    }
    builder.add_match()?;
    for (look, next) in edges {
        builder.add_look(next, look)?;
    }
    builder.finish_pattern(StateID::ZERO)?;
    // A match may end anywhere.
    let anywhere = builder.add_union(Vec::new())?;
    let any = builder.add_range(Transition { start: 0, end: u8::MAX, next: anywhere })?;
    builder.patch(anywhere, StateID::ZERO)?;
    builder.patch(anywhere, any)?;
    Ok(builder.build(StateID::ZERO, anywhere)?)
}

/// The number as that crate has it. A program has 4,096 instructions at most.
fn state(at: usize) -> StateID {
    StateID::new(at).unwrap_or(StateID::MAX)
}

/// A place as one comes upon it from the right.
fn look(place: Place) -> Look {
    match place {
        Place::Start => Look::Start,
        Place::End => Look::End,
        Place::WordStart => Look::WordStartAscii,
        Place::WordEnd => Look::WordEndAscii,
        Place::WordEdge => Look::WordAscii,
        // Also holds at the text's edges beside a byte that is not of a word,
        // where `\B` does not.
        Place::NotWordEdge => Look::WordAsciiNegate,
    }
    .reversed()
}
