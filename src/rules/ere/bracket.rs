//! Bracket expressions: `[0-9a-f:]`, `[^,]`, `[[:alpha:]_]` into sets of bytes.
//!
//! ```text
//!   [ ^ ]a-f [:digit:] \ - ]
//!   │ │ │    │         │ │ └ closes: the first "]" that is not the first item
//!   │ │ │    │         │ └── itself: the last item
//!   │ │ │    │         └──── itself: a backslash escapes nothing here
//!   │ │ │    └────────────── a class, in the C locale
//!   │ │ └─────────────────── itself: the first item; then a range
//!   │ └───────────────────── everything but
//! ```

use super::ast::ByteSet;
use super::cursor::{Cursor, Error};

/// Whether a byte belongs to a class.
type Belongs = fn(u8) -> bool;

/// The classes of POSIX with what they hold in the C locale.
const CLASSES: [(&str, Belongs); 12] = [
    ("alnum", |b| b.is_ascii_alphanumeric()),
    ("alpha", |b| b.is_ascii_alphabetic()),
    ("blank", |b| b == b' ' || b == b'\t'),
    ("cntrl", |b| b.is_ascii_control()),
    ("digit", |b| b.is_ascii_digit()),
    ("graph", |b| b.is_ascii_graphic()),
    ("lower", |b| b.is_ascii_lowercase()),
    ("print", |b| b.is_ascii_graphic() || b == b' '),
    ("punct", |b| b.is_ascii_punctuation()),
    ("space", is_space),
    ("upper", |b| b.is_ascii_uppercase()),
    ("xdigit", |b| b.is_ascii_hexdigit()),
];

/// C's `isspace`, which has the vertical tab that Rust's leaves out.
pub(super) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Reads a bracket expression whose `[`, at `open`, is already read.
pub(super) fn parse(cursor: &mut Cursor<'_>, open: usize) -> Result<ByteSet, Error> {
    let negated = cursor.eat(b"^");
    let mut set = ByteSet::EMPTY;
    let mut first = true;
    while first || !cursor.eat(b"]") {
        item(cursor, open, first, &mut set)?;
        first = false;
    }
    Ok(if negated { set.complement() } else { set })
}

/// Reads one byte, range or class into `set`.
fn item(cursor: &mut Cursor<'_>, open: usize, first: bool, set: &mut ByteSet) -> Result<(), Error> {
    let at = cursor.at;
    if cursor.eat(b"[:") {
        return class(cursor, at, set);
    }
    for (token, name) in [(b"[=", "an equivalence class"), (b"[.", "a collating symbol")] {
        if cursor.eat(token) {
            let what = format!("begins {name}, which is not supported: write the characters");
            return Err(cursor.refuse(at, what));
        }
    }
    let Some(low) = cursor.take() else { return Err(never_closed(cursor, open)) };
    // `[a-f-z]` could be two things. `--` may still begin a range, as in
    // musl: `[a-f--/]` is a to f and `-` to `/`.
    let begins_a_range = cursor.rest().starts_with(b"-") && !cursor.rest().starts_with(b"-]");
    let ends = matches!(cursor.peek(), None | Some(b']'));
    if low == b'-' && !first && !ends && !begins_a_range {
        return Err(cursor.refuse(at, "is between two items: put it first or last"));
    }
    if !begins_a_range {
        set.insert(low, low);
        return Ok(());
    }
    cursor.at += 1;
    match cursor.take() {
        None => Err(never_closed(cursor, open)),
        Some(high) if high < low => Err(cursor.refuse(at, "is a range that runs backwards")),
        Some(high) => {
            set.insert(low, high);
            Ok(())
        }
    }
}

fn never_closed(cursor: &mut Cursor<'_>, open: usize) -> Error {
    cursor.at = open + 1;
    cursor.refuse(open, "is never closed")
}

/// Reads a class whose `[:`, at `open`, is already read.
fn class(cursor: &mut Cursor<'_>, open: usize, set: &mut ByteSet) -> Result<(), Error> {
    for (name, belongs) in CLASSES {
        if cursor.eat(format!("{name}:]").as_bytes()) {
            set.insert_where(belongs);
            return Ok(());
        }
    }
    // The longest name has six letters; what runs on is quoted only in part.
    let shown = cursor.rest().iter().take(14).take_while(|b| **b != b']');
    cursor.at += shown.count();
    cursor.eat(b"]");
    let names: Vec<&str> = CLASSES.iter().map(|(name, _)| *name).collect();
    let what = format!("is not a class (expected [:NAME:] with {})", names.join(", "));
    Err(cursor.refuse(open, what))
}
