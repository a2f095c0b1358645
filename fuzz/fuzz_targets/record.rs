//! Any bytes as a line: always a record, whose parts come from the line.

#![no_main]

use std::borrow::Cow;

use alertik::line::trim_line_end;
use alertik::record::{Format, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let record = Record::parse(line);
    let shown = || line.escape_ascii();
    let message = record.message();
    assert!(message.len() <= line.len(), "{}", shown());
    assert!(record.priority.is_none_or(|priority| priority <= 191), "{}", shown());
    assert!(record.identity.is_none_or(|name| !name.is_empty() && name.len() < line.len()), "{}", shown());
    // Only in CEF do keys follow the message, and only there are escapes undone.
    if record.format != Format::Cef {
        assert!(matches!(message, Cow::Borrowed(_)), "{}", shown());
        assert!(trim_line_end(line).ends_with(&message), "{}", shown());
    }
    assert_eq!(record.is_from_container(), record.topics.contains(b"container"), "{}", shown());
    assert!(record.topics.iter().all(|topic| !topic.is_empty()), "{}", shown());
});
