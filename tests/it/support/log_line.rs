//! A line of the daemon's log, read back.
//!
//! ```text
//!   WARN delivery postponed notifier=Slack next_in=4.0s reason="timed out" ~5f09c3a1be
//!   level, what happened, the values, and the marker of this start
//! ```

/// One line of the daemon's log, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogLine {
    pub(crate) level: String,
    pub(crate) what: String,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) marker: String,
}

impl LogLine {
    /// None for what is not a line of our log.
    pub(crate) fn parse(line: &str) -> Option<LogLine> {
        let (level, rest) = line.split_once(' ')?;
        if !["ERROR", "WARN", "INFO", "DEBUG"].contains(&level) {
            return None;
        }
        let (rest, marker) = rest.rsplit_once(' ')?;
        let mut what = Vec::new();
        let mut values = Vec::new();
        for word in split_quoted(rest) {
            match word.split_once('=') {
                None => what.push(word),
                Some((name, value)) => values.push((name.to_owned(), value.trim_matches('"').to_owned())),
            }
        }
        let (level, marker) = (level.to_owned(), marker.to_owned());
        Some(LogLine { level, what: what.join(" "), values, marker })
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A value that is a number.
    #[track_caller]
    pub(crate) fn figure(&self, name: &str) -> usize {
        let value = self.value(name).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.parse().unwrap_or_else(|_| panic!("{name} is no number in {self:?}"))
    }
}

/// Words between spaces, except those within double quotes.
fn split_quoted(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in text.chars() {
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        match (c, words.last_mut()) {
            (' ', _) if !is_quoted => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            _ => {}
        }
    }
    words
}

mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_taken_apart() {
        let line =
            r#"WARN delivery postponed notifier=Slack next_in=4.0s reason="it \"said\" a=b" ~5f09c3a1be"#;
        let line = LogLine::parse(line).unwrap();
        assert_eq!((&*line.level, &*line.what), ("WARN", "delivery postponed"));
        assert_eq!((line.value("notifier"), line.value("next_in")), (Some("Slack"), Some("4.0s")));
        assert_eq!(line.value("reason"), Some(r#"it \"said\" a=b"#));
        assert_eq!(line.marker, "~5f09c3a1be");
        assert_eq!(LogLine::parse("INFO stopped lines=50 left=1 ~5f09c3a1be").unwrap().figure("lines"), 50);
        assert_eq!(LogLine::parse("~5f09c3a1be INFO listening"), None);
    }
}
