//! POSIX's rule taken at its word: all parses of a short text, and the best.
//!
//! POSIX.1-2017, Base Definitions, 9.1: the match is the leftmost; of the
//! leftmost, the longest; and "consistent with the whole match being the
//! longest of the leftmost matches, each subpattern, from left to right, shall
//! match the longest possible string. For this purpose, a null string shall be
//! considered to be longer than no match at all."
//!
//! The accepted reading (Fowler's "An Interpretation of the POSIX Regex
//! Standard", Kuklewicz's tests, and in formal terms Okui and Suzuki's order on
//! parse trees): a subpattern is any part of the pattern, whether or not it has
//! parentheses, and one that begins further left in the pattern, or has the
//! other in it, comes first. So of two parses take the first place in the tree,
//! in the order of reading, where they differ in how much is taken: the longer
//! wins, and one that takes the empty text wins over one that is not there.
//! Rounds of a repetition are its parts from left to right. Where rounds may be
//! left out, an empty one is no round, unless it is the only one.
//!
//! Nothing here is clever; that is its use. The engine decides each part for
//! itself and in runs over the text, and must find the same.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ptr;
use std::rc::Rc;

use super::super::ast::{Node, Place};
use super::super::parse;
use super::random::Random;
use super::*;

/// One way in which a part matches: from where to where, and its parts. One
/// that is not there stands as `None`: an alternative not taken.
struct Tree {
    start: usize,
    end: usize,
    parts: Vec<Option<Rc<Tree>>>,
}

/// All parses of each part asked about, by where it begins.
struct Parses<'t> {
    text: &'t [u8],
    known: HashMap<(*const Node, usize), Rc<[Rc<Tree>]>>,
}

impl Parses<'_> {
    /// All parses of `node` that begin at `start`.
    fn of(&mut self, node: &Node, start: usize) -> Rc<[Rc<Tree>]> {
        if let Some(known) = self.known.get(&(ptr::from_ref(node), start)) {
            return known.clone();
        }
        let all: Rc<[Rc<Tree>]> = self.list(node, start).into_iter().map(Rc::new).collect();
        self.known.insert((ptr::from_ref(node), start), all.clone());
        all
    }

    fn list(&mut self, node: &Node, start: usize) -> Vec<Tree> {
        let empty = || Tree { start, end: start, parts: Vec::new() };
        let one = |tree: &Rc<Tree>, before| Tree { start, end: tree.end, parts: before };
        let next = self.text.get(start).copied();
        match node {
            Node::Byte(_) | Node::Set(_) => {
                let takes = next.is_some_and(|next| match node {
                    Node::Set(set) => set.contains(next),
                    _ => *node == Node::Byte(next),
                });
                Vec::from_iter(takes.then(|| Tree { end: start + 1, ..empty() }))
            }
            Node::Place(place) => Vec::from_iter(holds(*place, self.text, start).then(empty)),
            Node::Group(_, node) => {
                self.of(node, start).iter().map(|tree| one(tree, vec![Some(tree.clone())])).collect()
            }
            Node::Either(nodes) => {
                let taken = |(i, node)| {
                    let all = self.of(node, start);
                    let parts = |tree: &Rc<Tree>| [vec![None; i], vec![Some(tree.clone())]].concat();
                    all.iter().map(|tree| one(tree, parts(tree))).collect::<Vec<_>>()
                };
                nodes.iter().enumerate().flat_map(taken).collect()
            }
            Node::Sequence(nodes) => {
                let grow =
                    |all: Vec<Tree>, node| all.iter().flat_map(|tree| self.longer(tree, node)).collect();
                nodes.iter().fold(vec![empty()], grow)
            }
            Node::Repeat { node, min, max } => {
                let (min, max) = (*min as usize, max.map_or(usize::MAX, |max| max as usize));
                let mut all = Vec::new();
                let mut growing = vec![empty()];
                while let Some(tree) = growing.pop() {
                    if tree.parts.len() < max {
                        let mut more = self.longer(&tree, node);
                        more.retain(|tree| !tree.has_empty_part() || tree.parts.len() <= min.max(1));
                        growing.extend(more);
                    }
                    if tree.parts.len() >= min {
                        all.push(tree);
                    }
                }
                all
            }
        }
    }

    /// `tree` with one more part behind the others, in all ways.
    fn longer(&mut self, tree: &Tree, node: &Node) -> Vec<Tree> {
        let with = |next: &Rc<Tree>| {
            let parts = [tree.parts.as_slice(), &[Some(next.clone())]].concat();
            Tree { start: tree.start, end: next.end, parts }
        };
        self.of(node, tree.end).iter().map(with).collect()
    }
}

impl Tree {
    fn has_empty_part(&self) -> bool {
        self.parts.iter().flatten().any(|part| part.start == part.end)
    }
}

/// Which of two parses of the same part is the better one.
fn order(one: Option<&Rc<Tree>>, other: Option<&Rc<Tree>>) -> Ordering {
    let length = |tree: Option<&Rc<Tree>>| tree.map(|tree| tree.end - tree.start);
    let (Some(a), Some(b)) = (one, other) else { return length(one).cmp(&length(other)) };
    let part = |tree: &Rc<Tree>, i: usize| tree.parts.get(i).cloned().flatten();
    let all = 0..a.parts.len().max(b.parts.len());
    let mut orders = all.map(|i| order(part(a, i).as_ref(), part(b, i).as_ref()));
    length(one)
        .cmp(&length(other))
        .then_with(|| orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
}

/// Notes the groups of a parse; a round forgets what the one before noted.
fn note(node: &Node, tree: &Tree, groups: &mut [Option<Span>]) {
    let mut parts = tree.parts.iter();
    match node {
        Node::Byte(_) | Node::Set(_) | Node::Place(_) => {}
        Node::Group(number, node) => {
            groups[*number] = Some((tree.start, tree.end));
            parts.flatten().for_each(|tree| note(node, tree, groups));
        }
        Node::Either(nodes) | Node::Sequence(nodes) => {
            let taken =
                nodes.iter().zip(parts).filter_map(|(node, tree)| tree.as_ref().map(|tree| (node, tree)));
            taken.for_each(|(node, tree)| note(node, tree, groups));
        }
        Node::Repeat { node, .. } => {
            if let Some(Some(last)) = parts.next_back() {
                note(node, last, groups);
            }
        }
    }
}

/// The same as the scanner's, in other words.
fn holds(place: Place, text: &[u8], at: usize) -> bool {
    let word = |byte: u8| byte == b'_' || char::from(byte).is_ascii_alphanumeric();
    let left = text[..at].last().map(|&byte| word(byte));
    let right = text[at..].first().map(|&byte| word(byte));
    match place {
        Place::Start => at == 0,
        Place::End => at == text.len(),
        Place::WordStart => left != Some(true) && right == Some(true),
        Place::WordEnd => left == Some(true) && right != Some(true),
        Place::WordEdge => left != right || text.is_empty(),
        Place::NotWordEdge => left == right && !text.is_empty(),
    }
}

/// Match and groups of the best parse, by the rule, and how many there are.
fn best(parsed: &parse::Parsed, text: &[u8]) -> (Option<Vec<Option<Span>>>, usize) {
    let mut parses = Parses { text, known: HashMap::new() };
    let mut starts = (0..=text.len()).map(|start| parses.of(&parsed.node, start));
    let Some(leftmost) = starts.find(|all| !all.is_empty()) else { return (None, 0) };
    let best = leftmost.iter().max_by(|a, b| order(Some(a), Some(b)));
    let found = best.map(|best| {
        let mut found = vec![None; parsed.groups + 1];
        found[0] = Some((best.start, best.end));
        note(&parsed.node, best, &mut found);
        found
    });
    (found, leftmost.len())
}

/// The engine finds in `text` what the rule says, of so many parses.
fn check(pattern: &str, text: &str) -> usize {
    let ere = Ere::new(pattern.as_bytes()).unwrap();
    let (expected, parses) = best(&parse::parse(pattern.as_bytes()).unwrap(), text.as_bytes());
    let found = ere.find(text.as_bytes());
    assert_eq!(ere.is_match(text.as_bytes()), expected.is_some(), "{pattern} on {text:?}");
    // A line without it is not even tried, so it must be in every match.
    let has_literal = memchr::memmem::find(text.as_bytes(), ere.literal()).is_some();
    assert!(has_literal || expected.is_none(), "{:?}: {pattern} on {text:?}", ere.literal());
    assert_eq!(found.map(|found| found.spans), expected, "{pattern} on {text:?}");
    parses
}

#[test]
fn random_patterns_find_what_the_rule_says() {
    let mut random = Random(0x5EED_CAFE);
    let mut ambiguous = 0;
    for _ in 0..20_000 {
        let (pattern, text) = (random.pattern(), random.text());
        ambiguous += usize::from(check(&pattern, &text) > 1);
    }
    // A generator of patterns with nothing to decide would prove little.
    assert!(ambiguous > 4_000, "{ambiguous}");
}
