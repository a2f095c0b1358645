//! The grammar: POSIX extended regular expressions as musl reads them.
//!
//! ```text
//!   either   = sequence { "|" sequence }
//!   sequence = { atom { "*" | "+" | "?" | "{" m [ "," [ n ] ] "}" } }
//!   atom     = "(" either ")" | "[" … "]" | "\" … | "." | "^" | "$" | byte
//! ```
//!
//! Where POSIX leaves a pattern undefined, musl decides: people bring patterns
//! that it has accepted for years. What is refused says how else to write it.
//! This module knows nothing of matching.

use std::sync::Arc;

use super::ast::{ByteSet, Node, Place};
use super::bracket;
use super::cursor::{Cursor, Error};

/// No pattern that a person wrote is longer. A variable in the environment
/// may hold 128 KiB (Linux, `MAX_ARG_STRLEN`).
const PATTERN_BYTES_MAX: usize = 64 * 1024;

/// Levels of groups and quantifiers, each within the one before. The patterns
/// that we know of have three; our recursion over this many fits in a thread's
/// 2 MiB of stack even in a debug build.
pub(super) const DEPTH_MAX: usize = 100;

/// `RE_DUP_MAX` of POSIX and of musl's `limits.h`.
const INTERVAL_MAX: u32 = 255;

/// What a pattern says.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) node: Node,
    pub(super) groups: usize,
    pub(super) lazy: Option<usize>,
}

/// A tree and how deep it is.
type Tall = (Node, usize);

struct Parser<'p> {
    cursor: Cursor<'p>,
    /// Groups opened and not yet closed here.
    depth: usize,
    /// Groups opened so far.
    groups: usize,
    /// Where the first `?` behind a quantifier is.
    lazy: Option<usize>,
}

/// Reads a whole pattern.
pub(super) fn parse(pattern: &[u8]) -> Result<Parsed, Error> {
    if pattern.len() > PATTERN_BYTES_MAX {
        let what = format!("is {} bytes long, more than {PATTERN_BYTES_MAX}", pattern.len());
        return Err(Error::whole(what));
    }
    refuse_control_bytes(pattern)?;
    let mut parser = Parser { cursor: Cursor::new(pattern), depth: 0, groups: 0, lazy: None };
    let (node, _) = parser.either()?;
    Ok(Parsed { node, groups: parser.groups, lazy: parser.lazy })
}

/// In a value typed into RouterOS, `\b` is a backspace and `\0A` a line feed:
/// a control byte here was a backslash and a letter there. A tab may stay, for
/// `\t` means the same before and after.
fn refuse_control_bytes(pattern: &[u8]) -> Result<(), Error> {
    let Some(at) = pattern.iter().position(|&byte| byte < b' ' && byte != b'\t') else {
        return Ok(());
    };
    let mut cursor = Cursor::new(pattern);
    cursor.at = at + 1;
    Err(cursor.refuse(at, "is a control byte: RouterOS has eaten a backslash, type each one twice"))
}

impl Parser<'_> {
    /// Reads up to the `)` of the open group, or to the end.
    fn either(&mut self) -> Result<Tall, Error> {
        let mut branches = Vec::new();
        let mut height = 0;
        loop {
            let (branch, branch_height) = self.sequence()?;
            branches.push(branch);
            height = height.max(branch_height);
            if !self.cursor.eat(b"|") {
                return Ok((alone_or(branches, Node::Either), height));
            }
        }
    }

    fn sequence(&mut self) -> Result<Tall, Error> {
        let mut atoms = Vec::new();
        let mut height = 0;
        loop {
            match self.cursor.peek() {
                None | Some(b'|') => break,
                // With no group open it is an ordinary character.
                Some(b')') if self.depth > 0 => break,
                Some(_) => {}
            }
            let atom = self.atom()?;
            let (atom, atom_height) = self.repeats(atom)?;
            atoms.push(atom);
            height = height.max(atom_height);
        }
        Ok((alone_or(atoms, Node::Sequence), height))
    }

    fn atom(&mut self) -> Result<Tall, Error> {
        let at = self.cursor.at;
        let node = match self.cursor.take() {
            Some(b'(') => return self.group(at),
            Some(b'[') => Node::Set(Arc::new(bracket::parse(&mut self.cursor, at)?)),
            Some(b'\\') => self.escape(at)?,
            Some(b'.') => Node::Set(Arc::new(ByteSet::ALL)),
            Some(b'^') => Node::Place(Place::Start),
            Some(b'$') => Node::Place(Place::End),
            Some(byte @ (b'*' | b'+' | b'?' | b'{')) => {
                let what = format!("has nothing to repeat (\\{} is the character)", char::from(byte));
                return Err(self.cursor.refuse(at, what));
            }
            Some(byte) => Node::Byte(byte),
            None => Node::Sequence(Vec::new()),
        };
        Ok((node, 0))
    }

    fn group(&mut self, open: usize) -> Result<Tall, Error> {
        if self.cursor.peek() == Some(b'?') {
            return Err(self.perl_group(open));
        }
        if self.depth == DEPTH_MAX {
            return Err(self.too_deep(open));
        }
        self.groups += 1;
        let number = self.groups;
        self.depth += 1;
        let (node, height) = self.either()?;
        self.depth -= 1;
        if !self.cursor.eat(b")") {
            self.cursor.at = open + 1;
            return Err(self.cursor.refuse(open, "is never closed"));
        }
        if height >= DEPTH_MAX {
            self.cursor.at = open + 1;
            return Err(self.too_deep(open));
        }
        Ok((Node::Group(number, Box::new(node)), height + 1))
    }

    /// The quantifiers after an atom, each repeating all before it: `a*?` is
    /// `(a*)?`, not a lazy star.
    fn repeats(&mut self, (mut node, mut height): Tall) -> Result<Tall, Error> {
        loop {
            let at = self.cursor.at;
            let (min, max) = match self.cursor.take() {
                Some(b'*') => (0, None),
                Some(b'+') => (1, None),
                Some(b'?') => (0, Some(1)),
                Some(b'{') => self.interval(at)?,
                _ => {
                    self.cursor.at = at;
                    return Ok((node, height));
                }
            };
            if self.cursor.peek() == Some(b'?') {
                self.lazy.get_or_insert(self.cursor.at);
            }
            // musl reads `^*` and `\b?` as `^` and `\b`: the condition holds
            // even for no rounds. Only `^{0}` and `^{0,2}` may be left out.
            if matches!(node, Node::Place(_)) && (min > 0 || matches!(max, None | Some(1))) {
                continue;
            }
            if height >= DEPTH_MAX {
                return Err(self.too_deep(at));
            }
            node = Node::Repeat { node: Box::new(node), min, max };
            height += 1;
        }
    }

    /// Reads the rest of `{m}`, `{m,}` or `{m,n}`, whose `{` is at `open`.
    fn interval(&mut self, open: usize) -> Result<(u32, Option<u32>), Error> {
        let min = self.number();
        let max = match self.cursor.eat(b",") {
            true if self.cursor.peek() == Some(b'}') => Some(None),
            true => self.number().map(Some),
            false => min.map(Some),
        };
        if let (Some(min), Some(max)) = (min, max)
            && max.is_none_or(|max| min <= max)
            && self.cursor.eat(b"}")
        {
            return Ok((min, max));
        }
        // Quotes up to a `}` nearby: `{1,999}` has seven bytes.
        self.cursor.at = open + 1;
        let close = self.cursor.rest().iter().take(10).position(|&byte| byte == b'}');
        self.cursor.at += close.map_or(0, |length| length + 1);
        let what = format!("is not {{m}}, {{m,}} or {{m,n}} up to {INTERVAL_MAX} (\\{{ is the character)");
        Err(self.cursor.refuse(open, what))
    }

    /// Reads decimal digits: `None` if there are none or they say too much.
    fn number(&mut self) -> Option<u32> {
        let mut number = None;
        while let Some(digit @ b'0'..=b'9') = self.cursor.peek() {
            self.cursor.at += 1;
            let so_far: u32 = number.unwrap_or(0);
            // Stays small: it is given up as soon as it exceeds the bound.
            let next = so_far * 10 + u32::from(digit - b'0');
            if next > INTERVAL_MAX {
                return None;
            }
            number = Some(next);
        }
        number
    }

    /// Reads what follows a backslash, at `open`.
    fn escape(&mut self, open: usize) -> Result<Node, Error> {
        let Some(byte) = self.cursor.take() else {
            return Err(self.cursor.refuse(open, "ends the pattern (\\\\ is the character)"));
        };
        Ok(match byte {
            b'd' => set(|b| b.is_ascii_digit()),
            b'D' => set(|b| !b.is_ascii_digit()),
            b'w' => set(is_word),
            b'W' => set(|b| !is_word(b)),
            b's' => set(bracket::is_space),
            b'S' => set(|b| !bracket::is_space(b)),
            b't' => Node::Byte(b'\t'),
            b'n' => Node::Byte(b'\n'),
            b'r' => Node::Byte(b'\r'),
            b'f' => Node::Byte(0x0c),
            b'a' => Node::Byte(0x07),
            b'e' => Node::Byte(0x1b),
            b'x' if self.cursor.eat(b"{") => return self.character(open),
            b'x' => Node::Byte(self.hex(2) as u8),
            b'<' => Node::Place(Place::WordStart),
            b'>' => Node::Place(Place::WordEnd),
            b'b' => Node::Place(Place::WordEdge),
            b'B' => Node::Place(Place::NotWordEdge),
            // `\.`, and also `\q` and `\1`: the character itself.
            _ => Node::Byte(byte),
        })
    }

    /// Reads `HHHH}` of `\x{HHHH}`: a character, which in UTF-8 is some bytes.
    ///
    /// Unlike Alertik: there, one beyond ASCII matched nothing.
    fn character(&mut self, open: usize) -> Result<Node, Error> {
        let value = self.hex(8);
        if !self.cursor.eat(b"}") {
            return Err(self.cursor.refuse(open, "is not \\x{…} with one to eight hexadecimal digits"));
        }
        let mut utf8 = [0; 4];
        Ok(match char::from_u32(value) {
            Some(c) => alone_or(c.encode_utf8(&mut utf8).bytes().map(Node::Byte).collect(), Node::Sequence),
            // A surrogate, or beyond Unicode: accepted, and in no text.
            None => Node::Set(Arc::new(ByteSet::EMPTY)),
        })
    }

    /// Reads up to `digits_max` hexadecimal digits; none is 0, as in musl,
    /// which also stops once the value is beyond Unicode.
    fn hex(&mut self, digits_max: usize) -> u32 {
        let mut value = 0;
        for _ in 0..digits_max {
            let digit = self.cursor.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit.filter(|_| value <= u32::from(char::MAX)) else { break };
            self.cursor.at += 1;
            value = value * 16 + digit;
        }
        value
    }

    /// The error for `(?`, which is Perl's: names what it asks for and says how
    /// to ask for it here.
    fn perl_group(&mut self, open: usize) -> Error {
        let rest = self.cursor.rest().get(1..).unwrap_or_default();
        let is_option = |byte: &&u8| byte.is_ascii_alphabetic() || **byte == b'-' || **byte == b'^';
        let options: Vec<u8> = rest.iter().take(8).take_while(is_option).copied().collect();
        let (shown, what) = match rest {
            [b':' | b'>' | b'|', ..] => (2, "is Perl's: write a plain group"),
            [b'=', ..] => {
                (2, "is Perl's look-ahead: match what follows too, a group says which part is meant")
            }
            [b'!', ..] => (2, "is Perl's look-ahead: EVENTn_EXCLUDE leaves lines out"),
            [b'<', b'=', ..] => {
                (3, "is Perl's look-behind: match what comes before too, a group says which part is meant")
            }
            [b'<', b'!', ..] => (3, "is Perl's look-behind: EVENTn_EXCLUDE leaves lines out"),
            [b'P', b'<', ..] => (3, "is Perl's named group: write a plain one, groups have numbers here"),
            [b'<' | b'\'', ..] => (2, "is Perl's named group: write a plain one, groups have numbers here"),
            [b'#', ..] => (2, "begins Perl's comment: there are none here"),
            _ if options.contains(&b'i') => {
                (1, "begins Perl's options: for either case write both, as in [Aa]")
            }
            _ if !options.is_empty() => (1, "begins Perl's options: there are none here"),
            _ => (1, "begins no group (\\? is the character)"),
        };
        let ends = rest.get(options.len()) == Some(&b')') && !options.is_empty();
        self.cursor.at += if ends { options.len() + 2 } else { shown };
        self.cursor.refuse(open, what)
    }

    fn too_deep(&self, at: usize) -> Error {
        self.cursor.refuse(at, format!("is nested deeper than {DEPTH_MAX} levels"))
    }
}

/// The one node there is, or `many` of them together.
fn alone_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(alone) if nodes.is_empty() => alone,
        last => {
            nodes.extend(last);
            many(nodes)
        }
    }
}

fn set(belongs: fn(u8) -> bool) -> Node {
    let mut set = ByteSet::EMPTY;
    set.insert_where(belongs);
    Node::Set(Arc::new(set))
}

/// What `\w` matches, and what words are made of for `\<`, `\>` and `\b`.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
