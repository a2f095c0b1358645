//! The text to send, with places for what the line said.
//!
//! ```text
//!   Alert: user @1 from @2 on @{router}, mail me @@home
//!          └text  └group     └value          └ an @, beside groups
//! ```
//!
//! Read once at the start, when a fault can still be told to the operator:
//! Alertik noticed a bad `@9` when the line arrived, and sent nothing.

use std::borrow::Cow;

use super::ere::Groups;
use crate::value::Value;

#[derive(Debug, PartialEq)]
enum Part {
    Text(Vec<u8>),
    Group(usize),
    Value(Value),
}

/// A mask that is ready.
#[derive(Debug, Default, PartialEq)]
pub struct Mask {
    parts: Vec<Part>,
}

impl Mask {
    /// Reads the mask of a pattern with `groups` groups.
    ///
    /// Without groups only `@{known}` means something and the rest is sent as it
    /// stands, as Alertik did; with groups a stray `@` is an error.
    ///
    /// # Errors
    /// What is wrong with it, to be put behind the variable's name.
    pub fn new(mask: &[u8], groups: usize) -> Result<Mask, String> {
        let mut parts = Vec::new();
        let mut text = Vec::new();
        let mut rest = mask;
        while let Some((&byte, after)) = rest.split_first() {
            if byte != b'@' {
                text.push(byte);
                rest = after;
                continue;
            }
            let (part, after) = match read_value(after) {
                Some((value, after)) => (Part::Value(value), after),
                None if groups == 0 => (Part::Text(vec![b'@']), after),
                None => read_group(after, groups)?,
            };
            match part {
                Part::Text(more) => text.extend(more),
                part => {
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    parts.push(part);
                }
            }
            rest = after;
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Mask { parts })
    }

    /// The highest group that it takes something from.
    pub fn groups(&self) -> usize {
        let group = |part: &Part| if let Part::Group(number) = part { *number } else { 0 };
        self.parts.iter().map(group).max().unwrap_or_default()
    }

    /// True if it is the same for every line.
    pub fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// True if an `@` of it is only text.
    pub fn has_plain_at(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains(&b'@')))
    }

    /// The text with everything filled in. A group that took no part is empty.
    pub fn fill<'v>(&self, groups: Option<&Groups<'_>>, value: impl Fn(Value) -> Cow<'v, [u8]>) -> String {
        let mut text = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(bytes) => text.extend_from_slice(bytes),
                Part::Group(number) => {
                    text.extend_from_slice(groups.and_then(|all| all.bytes(*number)).unwrap_or_default());
                }
                Part::Value(name) => text.extend_from_slice(&value(*name)),
            }
        }
        // Once for the whole: two halves of a character may stand in two groups.
        match String::from_utf8(text) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }
}

/// `{router}` behind an `@`.
fn read_value(after: &[u8]) -> Option<(Value, &[u8])> {
    let inside = after.strip_prefix(b"{")?;
    Value::NAMES.iter().find_map(|(name, value)| {
        let rest = inside.strip_prefix(name.as_bytes())?.strip_prefix(b"}")?;
        Some((*value, rest))
    })
}

/// One or two digits behind an `@`, as many as there are; or a second `@`.
fn read_group(after: &[u8], groups: usize) -> Result<(Part, &[u8]), String> {
    if let Some(rest) = after.strip_prefix(b"@") {
        return Ok((Part::Text(vec![b'@']), rest));
    }
    let digits = after.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = after.split_at(digits);
    let Some(number) = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()) else {
        if after.first() == Some(&b'{') {
            let names: Vec<_> = Value::NAMES.iter().map(|(name, _)| format!("@{{{name}}}")).collect();
            return Err(format!(
                "\"@{{\" does not begin a known value (expected one of {})",
                names.join(", ")
            ));
        }
        return Err("a lone \"@\" (write @@ for an @, @1 for a group)".to_owned());
    };
    if number > groups {
        let plural = if groups == 1 { "group" } else { "groups" };
        return Err(format!("@{number}: the pattern has {groups} {plural}"));
    }
    Ok((Part::Group(number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ere::Ere;

    /// What a mask makes of `abc-7`, matched by `([a-z]+)-(x)?(\d)`: groups `abc`, none, `7`.
    #[track_caller]
    fn check(mask: &str, expected: Result<&str, &str>) {
        let ere = Ere::new(br"([a-z]+)-(x)?(\d)").unwrap();
        let groups = ere.find(b"abc-7");
        let filled = Mask::new(mask.as_bytes(), ere.groups())
            .map(|mask| mask.fill(groups.as_ref(), |value| format!("<{value:?}>").into_bytes().into()));
        assert_eq!(filled.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn groups_are_filled_in() {
        check("@1 and @3", Ok("abc and 7"));
        check("[@0]", Ok("[abc-7]"));
        check("@1@3@1", Ok("abc7abc"));
        check("[@2]", Ok("[]"));
        check("@03x", Ok("7x"));
        check("", Ok(""));
    }

    #[test]
    fn an_at_sign_is_written_twice() {
        check("me@@home @@@1", Ok("me@home @abc"));
    }

    #[test]
    fn known_values_are_filled_in() {
        check("@{router}@{time}@1", Ok("<Router><Time>abc"));
    }

    #[test]
    fn digits_are_taken_greedily_and_must_name_a_group() {
        check("@4", Err("@4: the pattern has 3 groups"));
        check("@12", Err("@12: the pattern has 3 groups"));
        check("@99", Err("@99: the pattern has 3 groups"));
    }

    #[test]
    fn a_stray_at_sign_beside_groups_is_an_error() {
        let lone = Err("a lone \"@\" (write @@ for an @, @1 for a group)");
        check("a @ b", lone);
        check("ends @", lone);
        check("@x", lone);
        let unknown = "\"@{\" does not begin a known value (expected one of @{message}, @{topics}, \
                       @{router}, @{from}, @{time}, @{line}, @{count}, @{rule})";
        check("@{nope}", Err(unknown));
        check("@{router", Err(unknown));
    }

    #[test]
    fn without_groups_only_known_values_mean_something() {
        let mask = Mask::new(b"@1 @@ @ @{nope} @{rule}@", 0).unwrap();
        assert_eq!(mask.fill(None, |_| b"R".as_slice().into()), "@1 @@ @ @{nope} R@");
    }

    #[test]
    fn a_character_in_two_groups_is_put_together() {
        let ere = Ere::new(b"(.)(.)").unwrap();
        let groups = ere.find("é".as_bytes());
        let mask = Mask::new(b"@1@2 \xff", 2).unwrap();
        assert_eq!(mask.fill(groups.as_ref(), |_| b"".as_slice().into()), "é \u{fffd}");
    }
}
