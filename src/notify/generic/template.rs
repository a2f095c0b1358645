//! `GENERICn_BODY`: the body, with places for what is told.
//!
//! ```text
//!   {"title":"@{title}","text":"@{text}","lines":@{count}}
//!   └text     └value     …                      └always a number
//! ```
//!
//! A value is written as the body's type wants it, so that no log line can end
//! a string, begin a field, or be anything else but text there. That a template
//! leaves room for that is tried at the start, with text of the worst kind.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::notify::Notification;
use crate::value::Value;

/// What a body is, by its `Content-Type`: these alone, because for each we know
/// how a text is written in it. XML or HTML a log line could break out of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Kind {
    /// Values are escaped within its strings.
    #[default]
    Json,
    /// Values stand as they are.
    Plain,
    /// Values are percent-encoded.
    Form,
}

impl Kind {
    /// The kind of `application/json; charset=utf-8`, `application/problem+json` and so on.
    pub(super) fn of_content_type(value: &str) -> Option<Kind> {
        let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match &*media_type {
            "application/json" | "text/json" => Some(Kind::Json),
            structured if structured.ends_with("+json") => Some(Kind::Json),
            "text/plain" => Some(Kind::Plain),
            "application/x-www-form-urlencoded" => Some(Kind::Form),
            _ => None,
        }
    }

    /// The body if none is given. For JSON that is what Alertik sent.
    fn default_body(self) -> &'static str {
        match self {
            Kind::Json => r#"{"text":"@{text}"}"#,
            Kind::Plain => "@{text}",
            Kind::Form => "text=@{text}",
        }
    }

    /// A value as it stands in such a body.
    fn write(self, text: &str) -> String {
        match self {
            Kind::Json => {
                // Text alone: writing it to memory cannot fail.
                let quoted = serde_json::to_string(text).unwrap_or_default();
                let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                inside.unwrap_or_default().to_owned()
            }
            Kind::Plain => text.to_owned(),
            Kind::Form => text.bytes().fold(String::new(), |mut encoded, byte| {
                match byte {
                    b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                        encoded.push(byte.into());
                    }
                    _ => drop(write!(encoded, "%{byte:02X}")),
                }
                encoded
            }),
        }
    }
}

/// What stands behind an `@`, in braces.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// The whole text, with the time behind it.
    Text,
    /// Who says it.
    Title,
    /// How much it matters, in the operator's word.
    Priority,
    /// What the line said.
    Value(Value),
}

impl Place {
    /// Every place under its name.
    fn names() -> impl Iterator<Item = (&'static str, Place)> {
        let of_line = Value::NAMES.into_iter().map(|(name, value)| (name, Place::Value(value)));
        let own = [("text", Place::Text), ("title", Place::Title), ("priority", Place::Priority)];
        own.into_iter().chain(of_line)
    }

    /// The place that `text` begins with (`text}…`), its name, and what is behind it.
    fn read(text: &str) -> Option<(&'static str, Place, &str)> {
        Place::names()
            .find_map(|(name, place)| Some((name, place, text.strip_prefix(name)?.strip_prefix('}')?)))
    }
}

enum Part {
    Text(String),
    Place { name: &'static str, place: Place, at: usize },
}

/// A body that is ready to be filled in.
pub(super) struct Template {
    kind: Kind,
    parts: Vec<Part>,
}

/// Ends strings, objects and lines wherever it is not escaped.
const HOSTILE: &str = "\"\\\u{0}\r\n'}]</,:&=%00@{text}";

impl Template {
    /// Reads a body, or takes the default one, and tries it.
    ///
    /// # Errors
    /// What is wrong with it, to be put behind the variable's name. Its text is
    /// not repeated: there may be a token in it.
    pub(super) fn new(text: Option<&str>, kind: Kind) -> Result<Template, String> {
        let whole = text.unwrap_or(kind.default_body());
        let (mut parts, mut rest) = (Vec::new(), whole);
        while let Some((before, after)) = rest.split_once("@{") {
            let at = whole.len() - rest.len() + before.len();
            let Some((name, place, behind)) = Place::read(after) else {
                let names: Vec<_> = Place::names().map(|(name, _)| format!("@{{{name}}}")).collect();
                let names = names.join(", ");
                return Err(format!(
                    "\"@{{\" at {at} does not begin a known value (expected one of {names})"
                ));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Place { name, place, at });
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        let template = Template { kind, parts };
        if kind == Kind::Json {
            template.try_as_json()?;
        }
        Ok(template)
    }

    /// The body that tells `notification`.
    pub(super) fn fill(&self, notification: &Notification<'_>) -> String {
        self.join(|_, place, _| match place {
            Place::Text => self.kind.write(&notification.whole()),
            Place::Title => self.kind.write(notification.title()),
            Place::Priority => self.kind.write(notification.priority.name()),
            Place::Value(value) => self.kind.write(notification.value(value)),
        })
    }

    /// True if it has more than the text in it.
    pub(super) fn takes_values(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Place { place: Place::Title | Place::Value(_), .. }))
    }

    /// True if it has the text in it.
    pub(super) fn has_text(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Place { place: Place::Text, .. }))
    }

    /// The texts in it that may be secrets. Not the keys of JSON or of a form: when a
    /// receiver names one, that is what the operator must read.
    pub(super) fn secrets(&self) -> Vec<String> {
        let plain = self.join(|_, _, _| " ".to_owned());
        let mut texts = Vec::new();
        match self.kind {
            Kind::Json => add_texts(self.as_json(|_| false).unwrap_or_default(), &mut texts),
            Kind::Plain => texts.push(plain),
            Kind::Form => {
                texts.extend(plain.split('&').filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
            }
        }
        texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect()
    }

    /// The parts in a row, with what `write` makes of each place.
    fn join(&self, write: impl Fn(&'static str, Place, usize) -> String) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Place { name, place, at } => write(name, *place, *at),
        };
        self.parts.iter().map(text).collect()
    }

    /// The body as JSON, with the worst of texts in the places that `is_hostile`
    /// points out and as many digits as the place has characters in the others:
    /// they may stand wherever a value may, and so an error is where it says it is.
    fn as_json(&self, is_hostile: impl Fn(usize) -> bool) -> Result<Json, serde_json::Error> {
        let filled = self.join(|name, place, at| match (is_hostile(at), place) {
            // Nothing but a number, whatever the line says; at worst one that must stand alone.
            (true, Place::Value(Value::Count)) => "0".to_owned(),
            (true, _) => self.kind.write(HOSTILE),
            (false, _) => "1".repeat(name.len() + "@{}".len()),
        });
        // From bytes, as answers are read: from a str would be a second copy of the parser in the binary.
        serde_json::from_slice(filled.as_bytes())
    }

    fn try_as_json(&self) -> Result<(), String> {
        self.as_json(|_| false).map_err(|error| {
            format!("this is not JSON: {error} (plain text needs its Content-Type among the headers)")
        })?;
        if self.as_json(|_| true).is_ok() {
            return Ok(());
        }
        let outside = self.parts.iter().find_map(|part| match part {
            Part::Place { name, at, .. } => self.as_json(|other| other == *at).err().map(|_| (name, at)),
            Part::Text(_) => None,
        });
        let (name, at) = outside.ok_or("this is not JSON once it is filled in")?;
        Err(format!("@{{{name}}} at {at} is not within a string (expected \"@{{{name}}}\")"))
    }
}

/// Adds the texts in a JSON value, without the keys.
fn add_texts(value: Json, found: &mut Vec<String>) {
    match value {
        Json::String(text) => found.push(text),
        Json::Array(values) => values.into_iter().for_each(|value| add_texts(value, found)),
        Json::Object(object) => object.into_iter().for_each(|(_, value)| add_texts(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Values;

    fn filled(body: Option<&str>, kind: Kind, text: &str) -> Result<String, String> {
        let values = Values::new(|value| match value {
            Value::Count => "3".to_owned(),
            value => format!("{value:?} {text}"),
        });
        let notification =
            Notification { text, suffix: ", at: noon", values: Some(&values), ..Notification::default() };
        Template::new(body, kind).map(|template| template.fill(&notification))
    }

    #[track_caller]
    fn check(body: &str, kind: Kind, text: &str, expected: &str) {
        assert_eq!(filled(Some(body), kind, text).as_deref(), Ok(expected));
    }

    #[test]
    fn a_body_that_is_not_given_is_the_text_alone() {
        let default = |kind| filled(None, kind, "a \"b\"\n&").unwrap();
        assert_eq!(default(Kind::Json), r#"{"text":"a \"b\"\n&, at: noon"}"#);
        assert_eq!(default(Kind::Plain), "a \"b\"\n&, at: noon");
        assert_eq!(default(Kind::Form), "text=a%20%22b%22%0A%26%2C%20at%3A%20noon");
        assert!(!Template::new(None, Kind::Json).unwrap().takes_values());
    }

    #[test]
    fn values_are_written_as_the_body_wants_them() {
        let body = r#"{ "t": "[@{title}]", "n": @{count}, "@{rule}": ["@{text}@{text}", "a@b @ {x}"] }"#;
        let expected =
            r#"{ "t": "[Router é\\]", "n": 3, "Rule é\\": ["é\\, at: nooné\\, at: noon", "a@b @ {x}"] }"#;
        check(body, Kind::Json, "é\\", expected);
        check("@{router}: @{message}\n\"@{count}", Kind::Plain, "x\r\n", "Router x\r\n: Message x\r\n\n\"3");
        check("to=me&text=@{message}", Kind::Form, "x&to=é~", "to=me&text=Message%20x%26to%3D%C3%A9~");
        // What was filled in is not looked at again.
        check(r#"["@{message}"]"#, Kind::Json, "@{line}", r#"["Message @{line}"]"#);
    }

    #[test]
    fn no_text_can_be_anything_but_text() {
        let places: Vec<_> = Place::names().map(|(name, _)| format!("\"@{{{name}}}\"")).collect();
        let body = format!("[{}]", places.join(","));
        for text in [HOSTILE, "\"", "\\", "\\u0041", "\n", "\0", "\u{7f}", "\u{2028}", "\",\"x\":\"", "😀"]
        {
            let filled = filled(Some(&body), Kind::Json, text).unwrap();
            let Ok(Json::Array(texts)) = serde_json::from_str(&filled) else { panic!("{filled}") };
            assert_eq!(texts.len(), places.len());
            assert_eq!(texts.first(), Some(&format!("{text}, at: noon").into()));
        }
    }

    #[test]
    fn a_body_that_leaves_no_room_is_refused_and_not_repeated() {
        let refused = |body: &str, expected: &str| {
            assert_eq!(filled(Some(body), Kind::Json, "").unwrap_err(), expected);
        };
        refused("{\"a\":@{text}}", "@{text} at 5 is not within a string (expected \"@{text}\")");
        refused("[\"@{text}\",@{line}]", "@{line} at 11 is not within a string (expected \"@{line}\")");
        refused("@{title}", "@{title} at 0 is not within a string (expected \"@{title}\")");
        refused("[\"\\u00@{text}\"]", "@{text} at 6 is not within a string (expected \"@{text}\")");
        refused("[@{count},@{count}0]", "@{count} at 10 is not within a string (expected \"@{count}\")");
        let help = "(plain text needs its Content-Type among the headers)";
        refused("hunter2 @{text}", &format!("this is not JSON: expected value at line 1 column 1 {help}"));
        let column = "[\"@{message}\",hunter2]".find('h').unwrap() + 1;
        let place = format!("line 1 column {column} {help}");
        refused("[\"@{message}\",hunter2]", &format!("this is not JSON: expected value at {place}"));
        refused("", &format!("this is not JSON: EOF while parsing a value at line 1 column 0 {help}"));
        for kind in [Kind::Json, Kind::Plain, Kind::Form] {
            let said = filled(Some("[\"@{hunter2}\"]"), kind, "").unwrap_err();
            let known = "\"@{\" at 2 does not begin a known value (expected one of @{text}, @{title}, @{priority}, @{message}, ";
            assert!(said.starts_with(known) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_type_is_one_in_which_we_can_write() {
        for (value, kind) in [
            ("application/json", Some(Kind::Json)),
            ("Application/JSON; charset=utf-8", Some(Kind::Json)),
            ("application/cloudevents+json", Some(Kind::Json)),
            ("text/plain;charset=utf-8", Some(Kind::Plain)),
            ("application/x-www-form-urlencoded", Some(Kind::Form)),
            ("text/html", None),
            ("application/xml", None),
            ("", None),
        ] {
            assert_eq!(Kind::of_content_type(value), kind, "{value}");
        }
    }

    #[test]
    fn texts_that_may_be_secrets_are_hidden_and_keys_are_not() {
        let secrets = |body, kind| Template::new(Some(body), kind).unwrap().secrets().join("|");
        let body = r#"{"token":"abc","a":[{"b":"Bearer def"}],"text":"@{text}","n":1}"#;
        assert_eq!(secrets(body, Kind::Json), "Bearer|def|1111111|abc");
        assert_eq!(secrets("token=abc&x&text=@{text}", Kind::Form), "abc");
        assert_eq!(secrets("abc @{text} def", Kind::Plain), "abc|def");
    }
}
