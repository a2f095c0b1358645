//! The tree in the `regex` crate's syntax.
//!
//! Separate because it is the only part that knows that crate's dialect. The
//! crate is asked whether a line matches and not for groups, so there are none
//! in what it gets: it would take memory for each. How large a pattern may
//! become is `program.rs`'s to say.

use std::fmt::Write;

use super::ast::{Node, Place};

/// The pattern for `regex::bytes` with Unicode off.
///
/// It matches wherever ours does, and nowhere else but for `\B`, which in that
/// crate also holds at the text's edges beside a byte that is not of a word.
pub(super) fn translate(node: &Node) -> String {
    let mut pattern = String::new();
    append(node, &mut pattern);
    pattern
}

fn append(node: &Node, out: &mut String) {
    match node {
        Node::Byte(byte) => push_byte(*byte, out),
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
        }
        Node::Place(place) => out.push_str(match place {
            Place::Start => r"\A",
            Place::End => r"\z",
            Place::WordStart => r"\b{start}",
            Place::WordEnd => r"\b{end}",
            Place::WordEdge => r"(?:\A|\b|\z)",
            Place::NotWordEdge => r"\B",
        }),
        Node::Group(_, node) => append(node, out),
        Node::Repeat { node, min, max } => {
            let is_one = matches!(inside(node), Node::Byte(_) | Node::Set(_) | Node::Either(_));
            out.push_str(if is_one { "" } else { "(?:" });
            append(node, out);
            out.push_str(if is_one { "" } else { ")" });
            // Writing to a `String` cannot fail.
            let _ = match max {
                Some(max) => write!(out, "{{{min},{max}}}"),
                None => write!(out, "{{{min},}}"),
            };
        }
        Node::Sequence(nodes) => nodes.iter().for_each(|node| append(node, out)),
        Node::Either(nodes) => {
            out.push_str("(?:");
            for (i, node) in nodes.iter().enumerate() {
                if i > 0 {
                    out.push('|');
                }
                append(node, out);
            }
            out.push(')');
        }
    }
}

/// What is in a group, or in the group in it.
fn inside(mut node: &Node) -> &Node {
    while let Node::Group(_, inner) = node {
        node = inner;
    }
    node
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
        assert_eq!(translate(&parsed.node), expected, "{ere}");
    }

    #[test]
    fn patterns_keep_their_shape() {
        check("", "");
        check("ab c", "ab c");
        check("a.b", r"a[\x00-\xFF]b");
        check(r"\(-\)", r"\x28\x2D\x29");
        check("(a|b)c", "(?:a|b)c");
        check("a(bc(d))e", "abcde");
        check("((a|b))*(bc)?", "(?:a|b){0,}(?:bc){0,1}");
        check("|a|", "(?:|a|)");
        check("a|(b)*", "(?:a|b{0,})");
        check("a*?", "(?:a{0,}){0,1}");
        check("a{2}{3,}", "(?:a{2,2}){3,}");
        check("^a$", r"\Aa\z");
        check("^*", r"\A");
        check(r"\<a\>\b\B", r"\b{start}a\b{end}(?:\A|\b|\z)\B");
        check("[^,]", r"[\x00-\x2B\x2D-\xFF]");
        check(r"\x{d800}", r"[^\x00-\xFF]");
        check("ï", r"\xC3\xAF");
    }
}
