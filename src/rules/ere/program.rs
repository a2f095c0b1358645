//! The tree as instructions, to be followed from the end of a text to its start.
//!
//! ```text
//!   a(b|c)*    0 Fork +6   1 Fork +2   2 c   3 Jump +1   4 b   5 Jump -5   6 a
//!              └─ the repetition ────────────────────────────────────────┘   └ left past the last
//! ```
//!
//! Sequences stand here in reverse, for the engine reads the text in reverse
//! (`scan.rs` says why). An instruction knows others by their distance, so the
//! rounds of an interval are plain copies. Beside the instructions stands a
//! tree of the parts that have groups, which `divide.rs` goes down.

use std::ops::Range;
use std::sync::Arc;

use super::ast::{ByteSet, Node, Place};

/// Instructions of one pattern. The three patterns of Alertik's README have 95
/// together; what has more than these has multiplied its intervals. An
/// instruction takes 16 bytes, so all of them 64 KiB, and the bounds in
/// `divide.rs` are multiples of this.
pub(super) const STEPS_MAX: usize = 4 * 1024;

/// One instruction.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Takes this byte.
    Byte(u8),
    /// Takes one byte out of these.
    Set(Arc<ByteSet>),
    /// Goes on if this holds here.
    Place(Place),
    /// Goes on with the next one and also with the one this far away.
    Fork(isize),
    /// Goes on with the one this far away.
    Jump(isize),
}

/// A part of a pattern.
#[derive(Debug)]
pub(super) struct Part {
    /// Its instructions: entered at the first, left past the last. Of a part
    /// in a repetition, those of its first copy.
    pub(super) steps: Range<usize>,
    /// How many bytes it takes, if that is always the same.
    pub(super) length: Option<usize>,
    pub(super) shape: Shape,
}

/// What a part is made of, where that matters to some group in it.
#[derive(Debug)]
pub(super) enum Shape {
    /// No group is in it.
    Plain,
    /// A group and its number.
    Group(usize, Box<Part>),
    Sequence(Vec<Part>),
    Either(Vec<Part>),
    Repeat {
        body: Box<Part>,
        min: usize,
        max: Option<usize>,
    },
}

/// A whole pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) root: Part,
}

/// The pattern would have more than `STEPS_MAX` instructions.
#[derive(Debug)]
pub(super) struct TooLarge;

pub(super) fn compile(node: &Node) -> Result<Program, TooLarge> {
    let mut compiler = Compiler { steps: Vec::new() };
    let root = compiler.part(node)?;
    compiler.steps.shrink_to_fit();
    Ok(Program { steps: compiler.steps, root })
}

struct Compiler {
    steps: Vec<Step>,
}

impl Compiler {
    /// Appends the instructions of `node`.
    fn part(&mut self, node: &Node) -> Result<Part, TooLarge> {
        let start = self.steps.len();
        let (length, shape) = match node {
            Node::Byte(byte) => (self.push(Step::Byte(*byte), Some(1))?, Shape::Plain),
            Node::Set(set) => (self.push(Step::Set(Arc::clone(set)), Some(1))?, Shape::Plain),
            Node::Place(place) => (self.push(Step::Place(*place), Some(0))?, Shape::Plain),
            Node::Group(number, node) => {
                let inner = self.part(node)?;
                (inner.length, Shape::Group(*number, Box::new(inner)))
            }
            Node::Sequence(nodes) if nodes.is_empty() => self.nothing()?,
            Node::Sequence(nodes) => self.sequence(nodes)?,
            Node::Either(nodes) => self.either(nodes)?,
            Node::Repeat { node, min, max } => {
                self.repeat(node, *min as usize, max.map(|max| max as usize))?
            }
        };
        Ok(Part { steps: start..self.steps.len(), length, shape })
    }

    /// Appends one instruction of a part that takes `length` bytes.
    fn push(&mut self, step: Step, length: Option<usize>) -> Result<Option<usize>, TooLarge> {
        self.make_room(1)?;
        self.steps.push(step);
        Ok(length)
    }

    /// Appends what matches the empty text. Each part has at least one
    /// instruction, so their number bounds that of parts.
    fn nothing(&mut self) -> Result<(Option<usize>, Shape), TooLarge> {
        Ok((self.push(Step::Jump(1), Some(0))?, Shape::Plain))
    }

    fn make_room(&self, more: usize) -> Result<(), TooLarge> {
        if self.steps.len() + more > STEPS_MAX { Err(TooLarge) } else { Ok(()) }
    }

    fn sequence(&mut self, nodes: &[Node]) -> Result<(Option<usize>, Shape), TooLarge> {
        let mut parts: Vec<Part> = Vec::new();
        let mut length = Some(0);
        for node in nodes.iter().rev() {
            let part = self.part(node)?;
            length = length.zip(part.length).map(|(all, one)| all + one);
            match parts.last_mut() {
                // Nothing is to be chosen between two parts whose lengths are
                // fixed and that have no groups: `link up` is one part.
                Some(after) if after.is_fixed_text() && part.is_fixed_text() => {
                    after.steps.end = part.steps.end;
                    after.length = after.length.zip(part.length).map(|(all, one)| all + one);
                }
                _ => parts.push(part),
            }
        }
        parts.reverse();
        let shape = if parts.iter().all(Part::is_plain) { Shape::Plain } else { Shape::Sequence(parts) };
        Ok((length, shape))
    }

    fn either(&mut self, nodes: &[Node]) -> Result<(Option<usize>, Shape), TooLarge> {
        let mut parts: Vec<Part> = Vec::new();
        let mut jumps = Vec::new();
        for (i, node) in nodes.iter().enumerate() {
            let is_last = i + 1 == nodes.len();
            let fork = self.steps.len();
            if !is_last {
                self.push(Step::Fork(0), None)?;
            }
            parts.push(self.part(node)?);
            if !is_last {
                jumps.push(self.steps.len());
                self.push(Step::Jump(0), None)?;
                self.aim_at_next(fork);
            }
        }
        jumps.into_iter().for_each(|jump| self.aim_at_next(jump));
        let length = parts.first().and_then(|first| first.length);
        let length = length.filter(|_| parts.iter().all(|part| part.length == length));
        let shape = if parts.iter().all(Part::is_plain) { Shape::Plain } else { Shape::Either(parts) };
        Ok((length, shape))
    }

    fn repeat(
        &mut self,
        node: &Node,
        min: usize,
        max: Option<usize>,
    ) -> Result<(Option<usize>, Shape), TooLarge> {
        // No group in it can take part.
        if max == Some(0) {
            return self.nothing();
        }
        // The rounds that must be, or one that may be left out.
        let mut forks = Vec::new();
        if min == 0 {
            forks.push(self.steps.len());
            self.push(Step::Fork(0), None)?;
        }
        let body = self.part(node)?;
        let copy = body.steps.clone();
        for _ in 1..min {
            self.copy(&copy)?;
        }
        match max {
            // Without end, the last round that must be leads back to itself.
            None if min > 0 => {
                self.push(Step::Fork(-(copy.len() as isize)), None)?;
            }
            None => {
                self.push(Step::Jump(-(copy.len() as isize) - 1), None)?;
            }
            Some(max) => {
                for _ in min.max(1)..max {
                    forks.push(self.steps.len());
                    self.push(Step::Fork(0), None)?;
                    self.copy(&copy)?;
                }
            }
        }
        forks.into_iter().for_each(|fork| self.aim_at_next(fork));
        let length = match body.length {
            Some(0) => Some(0),
            Some(length) if max == Some(min) => Some(length * min),
            _ => None,
        };
        let shape = match body.is_plain() {
            true => Shape::Plain,
            false => Shape::Repeat { body: Box::new(body), min, max },
        };
        Ok((length, shape))
    }

    fn copy(&mut self, steps: &Range<usize>) -> Result<(), TooLarge> {
        self.make_room(steps.len())?;
        self.steps.extend_from_within(steps.clone());
        Ok(())
    }

    /// Makes the fork or jump at `from` lead to the instruction pushed next.
    fn aim_at_next(&mut self, from: usize) {
        let far = (self.steps.len() - from) as isize;
        if let Some(Step::Fork(to) | Step::Jump(to)) = self.steps.get_mut(from) {
            *to = far;
        }
    }
}

impl Part {
    fn is_plain(&self) -> bool {
        matches!(self.shape, Shape::Plain)
    }

    fn is_fixed_text(&self) -> bool {
        self.is_plain() && self.length.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn compiled(ere: &str) -> Result<Program, TooLarge> {
        compile(&parse(ere.as_bytes()).unwrap().node)
    }

    fn check(ere: &str, expected: &str) {
        let steps: Vec<String> = compiled(ere).unwrap().steps.iter().map(shown).collect();
        assert_eq!(steps.join(" "), expected, "{ere}");
    }

    fn shown(step: &Step) -> String {
        match step {
            Step::Byte(byte) => char::from(*byte).to_string(),
            Step::Set(_) => "set".to_owned(),
            Step::Place(place) => format!("{place:?}"),
            Step::Fork(far) => format!("fork{far:+}"),
            Step::Jump(far) => format!("jump{far:+}"),
        }
    }

    #[test]
    fn sequence_stands_in_reverse() {
        check("", "jump+1");
        check("abc", "c b a");
        check("^(a[bc])$", "End set a Start");
        check("a(b|c)*", "fork+6 fork+3 b jump+2 c jump-5 a");
        check("a|bc|", "fork+3 a jump+6 fork+4 c b jump+2 jump+1");
    }

    #[test]
    fn rounds_are_copies() {
        check("a*", "fork+3 a jump-2");
        check("a+", "a fork-1");
        check("a?", "fork+2 a");
        check("a{3}", "a a a");
        check("a{2,}", "a a fork-1");
        check("a{1,3}", "a fork+4 a fork+2 a");
        check("(ab?){0,2}", "fork+8 fork+2 b a fork+4 fork+2 b a");
        check("xa{0}y", "y jump+1 x");
    }

    #[test]
    fn length_is_known_where_it_cannot_vary() {
        let check = |ere: &str, length| assert_eq!(compiled(ere).unwrap().root.length, length, "{ere}");
        check("", Some(0));
        check("ab[cd]", Some(3));
        check("(a)(bc){3}$", Some(7));
        check("ab|cd", Some(2));
        check("ab|c", None);
        check("a?", None);
        check("a{0}(^)*", Some(0));
    }

    #[test]
    fn what_multiplies_is_too_large() {
        assert_eq!(compiled(&"a".repeat(STEPS_MAX)).unwrap().steps.len(), STEPS_MAX);
        assert!(compiled(&"a".repeat(STEPS_MAX + 1)).is_err());
        assert!(compiled("((((a{255}){255}){255}){255}){255}").is_err());
        assert!(compiled("((((a?){255}){255}){255}){255}").is_err());
        assert!(compiled("(((((){255}){255}){255}){255}){255}").is_err());
    }
}
