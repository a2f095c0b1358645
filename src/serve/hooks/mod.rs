//! What other systems tell us: alerts of Grafana and Alertmanager, what happens in a forge, or any text.
//!
//! ```text
//!   POST /hook/NAME or /NAME ─► answer: access (bearer, signature) ─► intake (body, budget)
//!                                 │                                      │
//!                                 │        render: the first kind that knows it ─► Message
//!                                 ▼                                      │
//!                 200 / 429 / 503 ◄── Taken ◄── the worker, the spool ◄──┘ Told
//! ```
//!
//! A kind is one file and a row of `REGISTRY`: a pure function from what came to what a person reads. It assumes
//! nothing: any field may be missing, of another type, or huge. Apart from the rest of HTTP, because whoever
//! writes here is a program that tries again, and must hear 200 only for what is kept.

use std::borrow::Cow;

use crate::alert::Priority;

mod alertmanager;
mod answer;
mod arr;
mod forgejo;
mod grafana;
mod intake;
mod json;
mod plain;
mod settings;
mod signature;
mod text;

pub(super) use answer::{answer, called};
pub use intake::Desk;
use json::Json;
pub use settings::{Listed, Watched, read};
use text::Text;

/// Fields of a payload that are looked at: no sender has so many, and each takes memory.
const FIELDS_MAX: usize = 256;

/// Alerts, commits or episodes that are told one by one: nobody reads more on a phone.
const SHOWN_MAX: usize = 20;

/// What people are told.
#[derive(Debug, PartialEq)]
pub struct Message {
    /// In words; the first line is the title.
    pub text: String,
    /// How much it matters.
    pub priority: Priority,
}

/// A header of the request by its name in lower case.
type Header<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

/// What came, as a kind looks at it: an object, and the headers.
struct Payload<'a> {
    header: Header<'a>,
    fields: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> Payload<'a> {
    fn new(header: Header<'a>, json: Json<'a>) -> Payload<'a> {
        // Once, because each kind asks for some, and a body may be long.
        Payload { header, fields: json.entries().take(FIELDS_MAX).collect() }
    }

    fn get(&self, name: &str) -> Option<Json<'a>> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.said()
    }

    /// The text at the end of several names.
    fn text_at(&self, first: &str, path: &[&str]) -> Option<Cow<'a, str>> {
        self.get(first)?.text_at(path)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.raw() != "null")
    }
}

type Kind = fn(&Payload<'_>) -> Option<Message>;

/// Every kind under its name. The first that knows a payload makes the message.
const REGISTRY: &[(&str, Kind)] = &[
    ("grafana", grafana::read),
    ("alertmanager", alertmanager::read),
    ("forgejo", forgejo::read),
    ("arr", arr::read),
    ("plain", plain::read),
];

/// The kind of what has none, and is told as it is.
const ANYTHING: &str = "anything";

/// What to tell of a body, and the kind that it was taken for. `header` finds one by its name in lower case.
pub fn render<'h>(header: &dyn Fn(&str) -> Option<&'h str>, body: &[u8]) -> (&'static str, Message) {
    // Some programs begin whatever they write with a mark that says nothing.
    let whole = String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let is_form =
        header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    // GitHub and Gitea put the JSON into a form, if they are asked to.
    let from_form = is_form.then(|| super::api::pairs(&whole).find(|(name, _)| name == "payload")).flatten();
    let whole = from_form.map_or(whole, |(_, value)| Cow::Owned(value));
    let json = Json::read(&whole);
    if let Some(json) = json.filter(|json| json.is_object()) {
        // What is found in the body does not live as long as the headers.
        let header = |name: &str| header(name);
        let payload = Payload::new(&header, json);
        let known = REGISTRY.iter().find_map(|(name, read)| Some((*name, read(&payload)?)));
        if let Some((name, message)) = known.filter(|(_, message)| !message.text.is_empty()) {
            return (name, message);
        }
    }
    let mut text = Text::default();
    match json {
        Some(json) => text.indented(json),
        None => text.push(whole.trim()),
    }
    (ANYTHING, Message { text: text.finish(), priority: Priority::Normal })
}

/// How much something of this severity matters.
fn priority_of(severity: Option<&str>) -> Priority {
    match severity
        .is_some_and(|word| ["critical", "error"].iter().any(|high| word.eq_ignore_ascii_case(high)))
    {
        true => Priority::High,
        false => Priority::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_payload_is_too_odd_to_be_told() {
        let headers = [None, Some("push"), Some("issues"), Some("action_run_failure")];
        let values = ["null", "1", "\"\"", "\"a\"", "[]", "[[]]", "[null]", "[{}]", "{}", "{\"a\":{}}"];
        let names = [
            "alerts",
            "title",
            "message",
            "version",
            "status",
            "state",
            "ruleName",
            "evalMatches",
            "orgId",
            "repository",
            "sender",
            "commits",
            "ref",
            "issue",
            "comment",
            "pull_request",
            "review",
            "run",
            "workflow_job",
            "workflow_run",
            "release",
            "eventType",
            "series",
            "episodes",
            "movie",
            "level",
            "text",
            "commonLabels",
        ];
        let event = |value| move |name: &str| if name == "x-forgejo-event" { value } else { None };
        for header in headers {
            for name in names {
                for other in names {
                    for value in values {
                        let body = format!("{{\"{name}\":{value},\"{other}\":{value}}}");
                        let (kind, message) = render(&event(header), body.as_bytes());
                        assert!(!message.text.trim().is_empty(), "{kind}: {body}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_json_is_told_as_it_is() {
        let check = |body: &[u8], expected: &str| {
            let (kind, message) = render(&|_| None, body);
            assert_eq!((kind, &*message.text), (ANYTHING, expected));
        };
        check(b" disk full\n", "disk full");
        check(b"{\"text\":\"cut off", "{\"text\":\"cut off");
        check(b"\xff\xfe", "\u{fffd}\u{fffd}");
        check(b"\xef\xbb\xbf[1]", "[\n    1\n]");
        check(b"{\"text\":\" \"}", "{\n    \"text\": \" \"\n}");
    }

    #[test]
    fn a_form_may_hold_the_payload() {
        let header = |name: &str| (name == "content-type").then_some("application/x-www-form-urlencoded");
        let (kind, message) = render(&header, b"a=b&payload=%7B%22text%22%3A%22a+b%22%7D");
        assert_eq!((kind, &*message.text), ("plain", "a b"));
        assert_eq!(render(&header, b"a=b").1.text, "a=b");
    }

    #[test]
    fn a_thousand_alerts_are_counted_and_some_told() {
        let alert = r#"{"status":"firing","labels":{"alertname":"A","n":"1"}},"#.repeat(1000);
        let body = format!(
            r#"{{"version":"4","alerts":[{}],"commonLabels":{{"alertname":"A"}}}}"#,
            alert.trim_end_matches(',')
        );
        let (kind, Message { text, .. }) = render(&|_| None, body.as_bytes());
        assert!(kind == "alertmanager" && text.starts_with("[FIRING:1000] A\n- n=1\n"), "{text}");
        assert!(text.ends_with("\n… and 980 more") && text.lines().count() == 22, "{text}");
    }
}
