//! The longest text that every match of a pattern must contain.
//!
//! Separate because it is neither reading nor matching: it answers, from the
//! tree, which lines need not be tried at all. It may miss a text that a
//! cleverer look would find; it must never name one that a match can lack.
//!
//! ```text
//!   login failure for user ([A-Za-z]+) from (\d{1,3}.*) via ssh
//!   └──────── 23 bytes ────┘           └ 6 ┘            └ 8 ──┘     the first is it
//! ```

use super::ast::Node;

/// A literal is for finding candidates: what is longer than this is found as
/// well by its beginning, and `(x{255}){255}` would take 64 KiB.
const BYTES_MAX: usize = 64;

/// What is known of the texts that a part of a pattern matches.
#[derive(Clone, Default)]
struct Known {
    /// It matches this text and no other.
    exact: Option<Vec<u8>>,
    /// Each begins with this.
    head: Vec<u8>,
    /// Each ends with this.
    tail: Vec<u8>,
    /// Each contains this.
    inside: Vec<u8>,
}

/// The longest text that is found for `node`; empty if there is none.
pub(super) fn longest(node: &Node) -> Vec<u8> {
    let Known { head, tail, inside, .. } = known(node);
    [inside, head, tail].into_iter().max_by_key(Vec::len).unwrap_or_default()
}

fn known(node: &Node) -> Known {
    match node {
        Node::Byte(byte) => exactly(vec![*byte]),
        Node::Set(set) => match set.runs().as_slice() {
            [(first, last)] if first == last => exactly(vec![*first]),
            _ => Known::default(),
        },
        // A place takes no bytes: what stands on its two sides is adjacent.
        Node::Place(_) => exactly(Vec::new()),
        Node::Group(_, node) => known(node),
        Node::Repeat { min: 0, .. } => Known::default(),
        Node::Repeat { node, min: 1, max: Some(1) } => known(node),
        // At least one round is there, but what its neighbours are is not known.
        Node::Repeat { node, .. } => Known { exact: None, ..known(node) },
        Node::Sequence(nodes) => nodes.iter().map(known).fold(exactly(Vec::new()), followed_by),
        Node::Either(nodes) => nodes.iter().map(known).reduce(or).unwrap_or_default(),
    }
}

fn exactly(text: Vec<u8>) -> Known {
    Known { head: text.clone(), tail: text.clone(), inside: text.clone(), exact: Some(text) }
}

fn followed_by(a: Known, b: Known) -> Known {
    let join = |x: &[u8], y: &[u8]| [x, y].concat();
    let exact = a.exact.as_deref().zip(b.exact.as_deref()).map(|(a, b)| join(a, b));
    // Too long to be of use: what there is of it stays known as head and tail.
    let exact = exact.filter(|text| text.len() <= BYTES_MAX);
    let head = match &a.exact {
        Some(text) => first(join(text, &b.head)),
        None => a.head,
    };
    let tail = match &b.exact {
        Some(text) => last(join(&a.tail, text)),
        None => b.tail,
    };
    let seam = first(join(&a.tail, &b.head));
    let inside = [a.inside, seam, b.inside].into_iter().max_by_key(Vec::len).unwrap_or_default();
    Known { exact, head, tail, inside }
}

fn or(a: Known, b: Known) -> Known {
    let exact = a.exact.filter(|text| b.exact.as_ref() == Some(text));
    let same_head = a.head.iter().zip(&b.head).take_while(|(x, y)| x == y).count();
    let same_tail = a.tail.iter().rev().zip(b.tail.iter().rev()).take_while(|(x, y)| x == y).count();
    let head = a.head.get(..same_head).unwrap_or_default().to_vec();
    let tail = a.tail.get(a.tail.len() - same_tail..).unwrap_or_default().to_vec();
    let contains = |long: &[u8], short: &[u8]| memchr::memmem::find(long, short).is_some();
    let inside = match (contains(&a.inside, &b.inside), contains(&b.inside, &a.inside)) {
        (true, _) => b.inside,
        (_, true) => a.inside,
        _ => Vec::new(),
    };
    Known { exact, head, tail, inside }
}

fn first(mut text: Vec<u8>) -> Vec<u8> {
    text.truncate(BYTES_MAX);
    text
}

fn last(text: Vec<u8>) -> Vec<u8> {
    text.get(text.len().saturating_sub(BYTES_MAX)..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[track_caller]
    fn check(pattern: &str, literal: &str) {
        let parsed = parse::parse(pattern.as_bytes()).unwrap();
        assert_eq!(String::from_utf8_lossy(&longest(&parsed.node)), literal, "{pattern}");
    }

    #[test]
    fn the_longest_run_of_plain_text_is_found() {
        check("login failure for user ([A-Za-z]+) from (\\d{1,3}.*) via ssh", "login failure for user ");
        check("([a-zA-Z0-9]+) link up \\(speed (\\d+Mbps), full duplex\\)", "Mbps, full duplex)");
        check("input: in:.*src-mac [0-9a-f:]+, proto [^,]+, ((\\d{1,3}\\.?)+):(\\d{1,5})->", "input: in:");
        check("a.bcd.ef", "bcd");
        check("abc", "abc");
    }

    #[test]
    fn groups_and_places_do_not_interrupt() {
        check("(ab)(c(d))", "abcd");
        check("^ab\\bc$", "abc");
        check("[a]b[c-c]", "abc");
    }

    #[test]
    fn what_may_be_absent_is_not_required() {
        check("abc(def)?", "abc");
        check("(abcdef)*gh", "gh");
        check("x{0,3}yz", "yz");
        check(".*", "");
        check("", "");
        check("a*|b", "");
    }

    #[test]
    fn rounds_are_required_but_not_what_is_between_them() {
        check("(abc)+d", "abcd");
        check("a(bc)+d", "bcd");
        check("(ab.cd){2}", "cd");
        check("x{3}", "x");
    }

    #[test]
    fn alternatives_share_their_head_their_tail_or_what_one_has_of_the_other() {
        check("(link up|link down)", "link ");
        check("interface (up|down) now", "interface ");
        check("(foobar|bar)", "bar");
        check("(abc|xyz)", "");
        check("(was rebooted|rebooted) without", "rebooted without");
    }

    #[test]
    fn a_long_text_is_known_by_a_part_of_it() {
        let pattern = format!("{}(b){{255}}", "a".repeat(1000));
        let parsed = parse::parse(pattern.as_bytes()).unwrap();
        let literal = longest(&parsed.node);
        assert!(literal.len() == BYTES_MAX, "{}", literal.len());
    }
}
