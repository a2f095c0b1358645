//! A frame's text as a tree of values, no larger than a router bears.
//!
//! Apart from serde_json's own, which takes whatever comes. Read, a value takes up to 640 bytes, so that a frame of
//! 16 MiB would take a gigabyte; and of a message of 15 KB that somebody in a group has set in markup simplex-chat
//! makes ten thousand pieces. Those are passed over, because nobody here looks at them.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A group in a list of them has some 80, a message some 150.
const VALUES_MAX: usize = 128 * 1024;

/// What a message's text is in pieces; the text itself stands elsewhere too.
const PASSED_OVER: &str = "formattedText";

/// Why there is no tree.
#[derive(Debug, PartialEq)]
pub(super) enum Unread {
    /// This is no JSON.
    NoJson,
    /// It has more values than anybody needs.
    TooLarge,
}

/// Reads a frame.
///
/// # Errors
/// Why there is nothing to read.
pub(super) fn read(text: &str) -> Result<Value, Unread> {
    let left = Cell::new(VALUES_MAX);
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Seed(&left).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|_| if left.get() == 0 { Unread::TooLarge } else { Unread::NoJson })
}

/// How many more values there may be.
#[derive(Clone, Copy)]
struct Seed<'l>(&'l Cell<usize>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| D::Error::custom("too large"))?;
        self.0.set(left);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(one) = all.next_element_seed(self)? {
            list.push(one);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = all.next_key::<String>()? {
            if name == PASSED_OVER {
                all.next_value::<IgnoredAny>()?;
            } else {
                map.insert(name, all.next_value_seed(self)?);
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_frame_is_read_as_it_stands_but_for_the_pieces_of_a_text() {
        let check = |text: &str, expected: Result<Value, Unread>| assert_eq!(read(text), expected, "{text}");
        let text = r#" {"a":[null,true,-1,18446744073709551615,1.5,"\n",{}],"formattedText":[{"text":"b"}],"c":[]} "#;
        check(text, Ok(json!({"a": [null, true, -1, u64::MAX, 1.5, "\n", {}], "c": []})));
        for text in ["", "{", "{} {}", "[1,]", "hello"] {
            check(text, Err(Unread::NoJson));
        }
    }

    #[test]
    fn what_has_too_many_values_is_not_read() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert!(read(&list(VALUES_MAX)).is_ok());
        assert_eq!(read(&list(VALUES_MAX + 1)), Err(Unread::TooLarge));
    }

    #[test]
    fn markup_without_end_costs_nothing() {
        let pieces = r#"{"format":{"type":"bold"},"text":"a"},"#.repeat(VALUES_MAX);
        let text = format!(r#"{{"formattedText":[{pieces}{{}}],"a":1}}"#);
        assert_eq!(read(&text), Ok(json!({"a": 1})));
    }

    #[test]
    fn what_is_deep_is_not_read() {
        for depth in [127, 128, 200_000] {
            let is_read = read(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).is_ok();
            assert_eq!(is_read, depth < 128);
        }
    }
}
