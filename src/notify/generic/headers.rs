//! `GENERICn_HEADERS`: headers that every request has, `{"Name":"value"}`.
//!
//! A JSON object like the body, because a value may have any comma, colon or
//! semicolon in it. They are read whole at the start and nothing that a router
//! said is ever put into one, so a log line cannot add a header. A value is a
//! secret: most of them are for `Authorization`.

use std::borrow::Cow;

use serde_json::Value;

use super::template::Kind;
use crate::notify::http::is_header;
use crate::secret::Secret;
use crate::vars::{Faults, shown};

/// Where a request ends and whom it goes to is not for a variable to say, nor what signs it.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-hub-signature-256",
];

#[derive(Default)]
pub(super) struct Headers {
    all: Vec<(String, Secret)>,
}

impl Headers {
    /// Reads them, and what they make of the body: JSON unless a `Content-Type` says
    /// otherwise. Every fault is noted behind the variable's name, and repeats no value;
    /// a kind that one of them leaves open is None.
    pub(super) fn read(variable: &str, text: &str, faults: &mut Faults) -> (Option<Headers>, Option<Kind>) {
        let object = match serde_json::from_slice(text.as_bytes()) {
            Ok(Value::Object(object)) => object,
            Ok(_) => {
                faults.fault(format!("{variable} is not a JSON object (expected {{\"Name\":\"value\"}})"));
                return (None, None);
            }
            Err(error) => {
                faults.fault(format!("{variable} is not JSON: {error} (expected {{\"Name\":\"value\"}})"));
                return (None, None);
            }
        };
        let (mut headers, mut kind) = (Headers::default(), Some(Kind::default()));
        let before = faults.faults.len();
        for (name, value) in object {
            if !is_header(&name, "") {
                // Not repeated: it may be a value in the wrong place.
                faults.fault(format!("{variable}: a name is not that of a header (expected such as X-Key)"));
                continue;
            }
            let read = read_one(&name, &value, &headers).and_then(|value| {
                if is_content_type(&name) {
                    kind = Kind::of_content_type(value);
                    kind.ok_or("has an unknown type (expected application/json, text/plain or application/x-www-form-urlencoded)")?;
                }
                Ok(value.to_owned())
            });
            match read {
                Ok(value) => headers.all.push((name, Secret::new(value))),
                Err(what) => {
                    kind = kind.filter(|_| !is_content_type(&name));
                    faults.fault(format!("{variable}: {} {what}", shown(&name)));
                }
            }
        }
        ((faults.faults.len() == before).then_some(headers), kind)
    }

    /// Names and values of a request.
    pub(super) fn to_send(&self) -> Vec<(Cow<'static, str>, String)> {
        self.all.iter().map(|(name, value)| (name.clone().into(), value.expose().to_owned())).collect()
    }
}

fn is_content_type(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-type")
}

/// The value of a header, or what is wrong with it.
fn read_one<'v>(name: &str, value: &'v Value, before: &Headers) -> Result<&'v str, &'static str> {
    if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
        return Err("is set by alertik itself");
    }
    if before.all.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
        return Err("is there twice");
    }
    let value = value.as_str().ok_or("has a value that is not a text")?;
    if !is_header(name, value) {
        return Err(
            "has a character in its value that no header may have (expected printable ASCII in one line)",
        );
    }
    if value.contains("@{") {
        return Err("has \"@{\" in its value: only the body is a template");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of some headers, or what they are.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut faults = Faults::default();
        let (headers, _) = Headers::read("X", text, &mut faults);
        assert_eq!(headers.is_some(), faults.is_empty());
        let read = headers.iter().flat_map(Headers::to_send).map(|(name, value)| format!("{name}: {value}"));
        assert_eq!(read.chain(faults.faults).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn values_may_have_what_separates_elsewhere() {
        check("{}", &[]);
        check(
            r#"{"Authorization":"Basic a:b==, c; d=\"e\"","X-Tag":""}"#,
            &["Authorization: Basic a:b==, c; d=\"e\"", "X-Tag: "],
        );
    }

    #[test]
    fn no_header_can_be_two() {
        let value = "X: \"X-A\" has a character in its value that no header may have (expected printable ASCII in \
                     one line)";
        for bad in ["\\r\\nX-B: c", "\\n", "\\r", "\\u0000", "\\u007f", "\\u0085", "é", "\\u2028"] {
            check(&format!(r#"{{"X-A":"b{bad}"}}"#), &[value]);
        }
        for bad in ["X-A: b\\r\\nX-B", "", "Bearer hunter2", "é"] {
            check(
                &format!(r#"{{"{bad}":"c"}}"#),
                &["X: a name is not that of a header (expected such as X-Key)"],
            );
        }
        for ours in ["Content-Length", "HOST", "transfer-encoding", "Webhook-Id"] {
            check(&format!(r#"{{"{ours}":"1"}}"#), &[&format!("X: \"{ours}\" is set by alertik itself")]);
        }
    }

    #[test]
    fn every_fault_is_told_and_no_value() {
        check(
            r#"{"Content-Type":"text/html","X-A":["hunter2"],"X-T":"hunter2 @{title}","x-a":"1","x-t":"2","X-T ":"3"}"#,
            &[
                "X: \"Content-Type\" has an unknown type (expected application/json, text/plain or \
                 application/x-www-form-urlencoded)",
                "X: \"X-A\" has a value that is not a text",
                "X: \"X-T\" has \"@{\" in its value: only the body is a template",
                "X: a name is not that of a header (expected such as X-Key)",
            ],
        );
        check(r#"{"X-A":"1","x-a":"2"}"#, &["X: \"x-a\" is there twice"]);
        check(r#""hunter2""#, &["X is not a JSON object (expected {\"Name\":\"value\"})"]);
        check(
            "Authorization: hunter2",
            &["X is not JSON: expected value at line 1 column 1 (expected {\"Name\":\"value\"})"],
        );
    }
}
