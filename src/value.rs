//! What texts can take from a line: the values that masks and templates name `@{router}`, `@{time}` …
//!
//! Apart, because rules fill them in and services ask for them, and neither
//! knows of the other.

/// A value of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// What the router said, without header and topics.
    Message,
    /// The topics, as a comma list.
    Topics,
    /// The router's name, or else its address.
    Router,
    /// The datagram's sender.
    From,
    /// When it came, in local time.
    Time,
    /// The whole line.
    Line,
    /// How many lines this alert stands for.
    Count,
    /// The rule's name.
    Rule,
}

impl Value {
    /// Every value under the name it has between the braces, in the order above.
    pub const NAMES: [(&'static str, Value); 8] = [
        ("message", Value::Message),
        ("topics", Value::Topics),
        ("router", Value::Router),
        ("from", Value::From),
        ("time", Value::Time),
        ("line", Value::Line),
        ("count", Value::Count),
        ("rule", Value::Rule),
    ];
}

/// The values of one line, as texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Values([String; Value::NAMES.len()]);

impl Values {
    /// What `text` says of each.
    pub fn new(text: impl Fn(Value) -> String) -> Values {
        Values(Value::NAMES.map(|(_, value)| text(value)))
    }

    /// Those of a text that tells of no line.
    pub fn of_no_line(rule: &str, time: String) -> Values {
        Values::new(|value| match value {
            Value::Time => time.clone(),
            Value::Rule => rule.to_owned(),
            // Always a number: a template may have it where JSON wants one.
            Value::Count => "0".to_owned(),
            _ => String::new(),
        })
    }

    /// One of them.
    pub fn text(&self, value: Value) -> &str {
        self.0.get(value as usize).map_or("", String::as_str)
    }

    /// The same, but for the time.
    #[must_use]
    pub fn at(&self, time: &str) -> Values {
        self.with(Value::Time, time)
    }

    /// The same, but for one of them.
    #[must_use]
    pub fn with(&self, other: Value, text: &str) -> Values {
        Values::new(|value| if value == other { text } else { self.text(value) }.to_owned())
    }

    /// Cuts each to at most `bytes`.
    pub fn cut(&mut self, bytes: usize) {
        for text in &mut self.0 {
            text.truncate(text.floor_char_boundary(bytes));
            text.shrink_to_fit();
        }
    }

    /// What they take in memory.
    pub fn weight_bytes(&self) -> usize {
        size_of::<Values>() + self.0.iter().map(String::capacity).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_found_under_its_own_name() {
        let values = Values::new(|value| format!("{value:?}").to_lowercase()).at("noon");
        for (name, value) in Value::NAMES {
            let expected = if value == Value::Time { "noon" } else { name };
            assert_eq!(values.text(value), expected);
        }
    }
}
