//! The tree in the `regex` crate's syntax, and how large it will be there.
//!
//! Separate because it is the only part that knows that crate's dialect, and
//! because the size must be known before the crate sees the pattern:
//! `((a{255}){255}){255}` is short to write.

use std::fmt::Write;

use super::ast::{Node, Place};

/// A pattern for `regex::bytes` with Unicode off.
pub(super) struct Translated {
    pub(super) pattern: String,
    /// About how many states an automaton for it has, `u32::MAX` if too many
    /// to count.
    pub(super) states: u32,
}

pub(super) fn translate(node: &Node) -> Translated {
    let mut pattern = String::new();
    let states = append(node, &mut pattern);
    Translated { pattern, states }
}

/// Appends `node` to `out` and returns its states.
fn append(node: &Node, out: &mut String) -> u32 {
    match node {
        Node::Byte(byte) => {
            push_byte(*byte, out);
            1
        }
        Node::Set(set) => {
            // No byte at all cannot be written, all but all of them can.
            let runs = set.runs();
            out.push_str(if runs.is_empty() { "[^" } else { "[" });
            for &(first, last) in if runs.is_empty() { &[(0, u8::MAX)] } else { runs.as_slice() } {
                push_byte(first, out);
                out.push('-');
                push_byte(last, out);
            }
            out.push(']');
            // A state lists its runs; four fit in what another state takes.
            1 + runs.len() as u32 / 4
        }
        Node::Place(place) => {
            out.push_str(match place {
                Place::Start => r"\A",
                Place::End => r"\z",
                Place::WordStart => r"\b{start}",
                Place::WordEnd => r"\b{end}",
                Place::WordEdge => r"(?:\A|\b|\z)",
                Place::NotWordEdge => r"\B",
            });
            // The longest of them.
            8
        }
        Node::Group(_, node) => {
            out.push('(');
            let states = append(node, out);
            out.push(')');
            states.saturating_add(2)
        }
        Node::Repeat { node, min, max } => {
            out.push_str("(?:");
            let states = append(node, out);
            out.push(')');
            // Writing to a `String` cannot fail.
            let _ = match max {
                Some(max) => write!(out, "{{{min},{max}}}"),
                None => write!(out, "{{{min},}}"),
            };
            // Every round is a copy, and every one that may be left out a fork.
            let rounds = max.unwrap_or(min + 1).max(1);
            states.saturating_mul(rounds).saturating_add(rounds - min.min(&rounds))
        }
        Node::Sequence(nodes) => nodes.iter().map(|node| append(node, out)).fold(1, u32::saturating_add),
        Node::Either(nodes) => {
            out.push_str("(?:");
            let mut states: u32 = 2;
            // The empty text last, or `(|a)` would never try its `a`.
            let (empty, full): (Vec<&Node>, Vec<&Node>) =
                nodes.iter().partition(|node| **node == Node::Sequence(Vec::new()));
            for (i, node) in full.into_iter().chain(empty).enumerate() {
                if i > 0 {
                    out.push('|');
                }
                states = states.saturating_add(append(node, out)).saturating_add(1);
            }
            out.push(')');
            states
        }
    }
}

/// Appends one byte, escaped unless it is plainly itself.
fn push_byte(byte: u8, out: &mut String) {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' => out.push(char::from(byte)),
        _ => {
            let _ = write!(out, r"\x{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn check(ere: &str, expected: &str) {
        let parsed = parse(ere.as_bytes()).unwrap();
        assert_eq!(translate(&parsed.node).pattern, expected, "{ere}");
    }

    #[test]
    fn patterns_keep_their_shape() {
        check("", "");
        check("ab c", "ab c");
        check("a.b", r"a[\x00-\xFF]b");
        check(r"\(-\)", r"\x28\x2D\x29");
        check("(a|b)c", "((?:a|b))c");
        check("|a|", "(?:a||)");
        check("a|(b)*", "(?:a|(?:(b)){0,})");
        check("a*?", "(?:(?:a){0,}){0,1}");
        check("a{2}{3,}", "(?:(?:a){2,2}){3,}");
        check("^a$", r"\Aa\z");
        check("^*", r"\A");
        check(r"\<a\>\b\B", r"\b{start}a\b{end}(?:\A|\b|\z)\B");
        check("[^,]", r"[\x00-\x2B\x2D-\xFF]");
        check(r"\x{d800}", r"[^\x00-\xFF]");
        check("ï", r"\xC3\xAF");
    }

    #[test]
    fn size_multiplies_and_never_overflows() {
        let states = |ere: &str| translate(&parse(ere.as_bytes()).unwrap().node).states;
        assert!((3..10).contains(&states("abc")));
        assert!((255..2_000).contains(&states("a{255}")));
        assert!(states("(a{255}){255}") > 255 * 255);
        assert_eq!(states("((((a{255}){255}){255}){255}){255}"), u32::MAX);
    }
}
