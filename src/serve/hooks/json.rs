//! JSON as it stands in a body: looked at in place, never taken apart.
//!
//! ```text
//!   {"alerts":[{"labels":{"a":"b"}}, …]}
//!             └ items ─► Json ─► get("labels") ─► entries ─► ("a", Json "b")
//! ```
//!
//! Apart, and of our own, because a tree of values takes up to eighty times what it was read from, and whoever
//! knows a secret could have a router's memory with one body. Here nothing is kept but the place where a value
//! stands. What is JSON at all, serde_json says first: so whatever is found is well-formed, and what is not there
//! or of another type is None.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// One value, without blanks around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// The value that `text` is, or None if it is no JSON.
    pub(super) fn read(text: &'a str) -> Option<Json<'a>> {
        // Deep nesting does not recurse here: what is ignored is only passed over.
        serde_json::from_str::<IgnoredAny>(text).is_ok().then(|| Json(text.trim_ascii()))
    }

    /// What stands there.
    pub(super) fn raw(self) -> &'a str {
        self.0
    }

    pub(super) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// The first value of that name in an object.
    pub(super) fn get(self, name: &str) -> Option<Json<'a>> {
        self.entries().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// By several names, each in the object of the one before.
    pub(super) fn at(self, path: &[&str]) -> Option<Json<'a>> {
        path.iter().try_fold(self, |value, name| value.get(name))
    }

    /// A text of that name that says something.
    pub(super) fn text(self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.said()
    }

    /// The same by several names.
    pub(super) fn text_at(self, path: &[&str]) -> Option<Cow<'a, str>> {
        self.at(path)?.said()
    }

    /// True if there is a value of that name, and it is not null.
    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.0 != "null")
    }

    /// A text that is more than blanks.
    pub(super) fn said(self) -> Option<Cow<'a, str>> {
        self.string().filter(|text| !text.trim().is_empty())
    }

    /// A string.
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(match inner.contains('\\') {
            false => Cow::Borrowed(inner),
            // Half of a pair of surrogates is all that it would refuse.
            true => serde_json::from_str(self.0).map_or(Cow::Borrowed(inner), Cow::Owned),
        })
    }

    /// A string, or what else stands there as one line; nothing of what is null, or has parts.
    pub(super) fn shown(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes().first()? {
            b'"' => self.said(),
            b'{' | b'[' | b'n' => None,
            _ => Some(Cow::Borrowed(self.0)),
        }
    }

    /// The values of an array; of anything else none.
    pub(super) fn items(self) -> impl Iterator<Item = Json<'a>> {
        let mut rest = self.0.strip_prefix('[').unwrap_or_default();
        std::iter::from_fn(move || next(&mut rest))
    }

    pub(super) fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// The names and values of an object; of anything else none.
    pub(super) fn entries(self) -> impl Iterator<Item = (Cow<'a, str>, Json<'a>)> {
        let mut rest = self.0.strip_prefix('{').unwrap_or_default();
        std::iter::from_fn(move || Some((next(&mut rest)?.string()?, next(&mut rest)?)))
    }
}

/// The value at the beginning of `rest`, behind what separates it from the last; None at the end of what has parts.
fn next<'a>(rest: &mut &'a str) -> Option<Json<'a>> {
    let text = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', ':']);
    let end = value_bytes(text.as_bytes());
    // Every byte that ends a value is ASCII.
    let (value, after) = text.split_at_checked(end)?;
    *rest = after;
    (!value.is_empty()).then_some(Json(value))
}

/// How long the value is that `text` begins with; 0 at the end of what has parts.
fn value_bytes(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        place += match byte {
            b'"' => string_bytes(text.get(place..).unwrap_or_default()),
            b'{' | b'[' => {
                depth += 1;
                1
            }
            b'}' | b']' if depth == 0 => return place,
            b'}' | b']' => {
                depth -= 1;
                1
            }
            // A number, or a word, ends where something else begins.
            b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return place,
            _ => 1,
        };
        if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
            return place;
        }
    }
    place
}

/// How long a string is, with its quotes.
pub(super) fn string_bytes(text: &[u8]) -> usize {
    let mut place = 1;
    loop {
        match text.get(place) {
            Some(b'"') => return place + 1,
            Some(b'\\') => place += 2,
            Some(_) => place += 1,
            None => return text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_they_stand() {
        let text =
            " {\"a\" : [ 1, \"x,]}\\\"\" ,{\"b\":null},[]] , \"\\u0063\":\"d\\n\", \"e\":{},\"f\":-1.5e3} ";
        let json = Json::read(text).unwrap();
        let raw = |value: Json<'_>| value.raw().to_owned();
        let items: Vec<_> = json.get("a").unwrap().items().map(raw).collect();
        assert_eq!(items, ["1", "\"x,]}\\\"\"", "{\"b\":null}", "[]"]);
        assert_eq!(json.text("c").as_deref(), Some("d\n"));
        assert_eq!(json.get("f").unwrap().shown().as_deref(), Some("-1.5e3"));
        assert_eq!(json.get("e").unwrap().entries().count(), 0);
        assert_eq!(json.entries().count(), 4);
        assert!(json.at(&["a", "b"]).is_none() && json.get("g").is_none());
    }

    #[test]
    fn what_is_of_another_type_is_not_there() {
        for text in ["1", "null", "\"{\"", "[]", "{}", "true", "\"\""] {
            let json = Json::read(text).unwrap();
            assert!(json.get("a").is_none() && json.items().next().is_none(), "{text}");
            assert!(json.text_at(&["a", "b"]).is_none() && !json.has("a"), "{text}");
        }
        for text in ["", "{", "{\"a\"}", "[1,]", "hello", "{} {}", "\u{feff}{}"] {
            assert!(Json::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_and_any_depth_are_borne() {
        assert_eq!(Json::read("\"a\\ud800\"").unwrap().string().as_deref(), Some("a\\ud800"));
        let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(Json::read(&deep).unwrap().items().count(), 1);
        let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        assert!(Json::read(&deep).unwrap().at(&["a", "a", "a"]).is_some());
    }
}
