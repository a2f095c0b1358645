//! Forgejo and Gitea, and what GitHub and Gogs send of the same shape: who did what, where, and a link to it.
//!
//! ```json
//! {"action": "opened", "issue": {"number": 10, "title": "…", "html_url": "…"}, "repository": {"full_name": "a/r"},
//!  "sender": {"login": "bob"}}
//! ```
//!
//! What happened is read from the fields, because they say it wherever it comes from; the header with the event's
//! name only says that it is a forge, and tells apart what has the same fields.

use std::borrow::Cow;

use super::json::Json;
use super::text::Text;
use super::{Message, Payload, SHOWN_MAX};
use crate::alert::Priority;

const EVENT_HEADERS: [&str; 4] = ["x-forgejo-event", "x-gitea-event", "x-gogs-event", "x-github-event"];

/// What somebody did something to.
struct Done<'a> {
    did: Cow<'a, str>,
    what: &'static str,
    /// Has number and title.
    to: Option<Json<'a>>,
    /// In their own words.
    words: Option<Cow<'a, str>>,
    /// Has the link.
    at: Option<Json<'a>>,
}

pub(super) fn read(payload: &Payload<'_>) -> Option<Message> {
    let event = EVENT_HEADERS.iter().find_map(|name| (payload.header)(name));
    let object = |name: &str| payload.get(name).filter(|it| it.is_object());
    let run = object("run").filter(|_| payload.has("prior_status") || event.is_some());
    let place = [payload.get("repository"), run.and_then(|run| run.get("repository"))];
    let place = place.into_iter().flatten().find_map(|place| place.text("full_name"));
    let has_people = payload.has("sender") || payload.has("pusher");
    if event.is_none() && run.is_none() && !(place.is_some() && has_people) {
        return None;
    }
    let mut text = Text::default();
    if let Some(place) = &place {
        text.add(&[place, ": "]);
    }
    let action = payload.text("action").unwrap_or_default();
    if let Some(run) = run.or_else(|| object("workflow_job")).or_else(|| object("workflow_run")) {
        ran(&mut text, payload, run, &action);
    } else if let Some(done) = done(payload, &action) {
        let title = |name| done.to?.text(name);
        text.add(&[&actor(payload), " ", &spaced(&done.did), " ", done.what]);
        if let Some(number) = done.to.and_then(|to| to.get("number")).and_then(Json::shown) {
            text.add(&[" #", &number, ":"]);
        }
        if let Some(title) = ["title", "name", "tag_name"].into_iter().find_map(title) {
            text.add(&[" ", &title]);
        }
        text.line_if(done.words);
        text.line_if(done.at.and_then(link));
    } else if payload.get("commits").is_some_and(Json::is_array) {
        pushed(&mut text, payload);
    } else {
        other(&mut text, payload, event.unwrap_or_default(), &action);
    }
    Some(Message { text: text.finish(), priority: Priority::Normal })
}

/// Who did it, by the name that people call them by.
fn actor<'a>(payload: &Payload<'a>) -> Cow<'a, str> {
    let person = ["sender", "pusher"].iter().find_map(|field| named(payload.get(field)?));
    person.unwrap_or("somebody".into())
}

fn named(person: Json<'_>) -> Option<Cow<'_, str>> {
    ["full_name", "login", "username", "name"].iter().find_map(|name| person.text(name))
}

fn link(of: Json<'_>) -> Option<Cow<'_, str>> {
    of.text("html_url")
}

/// `review_requested`, to be read.
fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

fn is_true(value: Option<Json<'_>>) -> bool {
    value.is_some_and(|value| value.raw() == "true")
}

fn done<'a>(payload: &Payload<'a>, action: &str) -> Option<Done<'a>> {
    let object = |name: &str| payload.get(name).filter(|it| it.is_object());
    let (issue, pull) = (object("issue"), object("pull_request"));
    let did = Cow::Owned(action.to_owned());
    if let Some(comment) = object("comment") {
        let is_pull =
            is_true(payload.get("is_pull")) || issue.or(pull).is_some_and(|on| on.has("pull_request"));
        let did = match action {
            "" | "created" => "commented on".into(),
            other => format!("{other} a comment on").into(),
        };
        let what = if is_pull || pull.is_some() { "pull request" } else { "issue" };
        return Some(Done { did, what, to: issue.or(pull), words: comment.text("body"), at: Some(comment) });
    }
    if let Some(pull) = pull {
        let review = object("review");
        let said = |names: [&str; 2]| names.iter().find_map(|name| review?.text(name));
        let did = match (said(["type", "state"]).as_deref(), action) {
            (Some("pull_request_review_approved" | "approved" | "APPROVED"), _) => "approved".into(),
            (Some("pull_request_review_rejected" | "changes_requested"), _) => "asked for changes in".into(),
            (Some(_), _) => "reviewed".into(),
            (None, "review_requested") => {
                let who = payload.get("requested_reviewer").and_then(named).unwrap_or("somebody".into());
                format!("asked {who} to review").into()
            }
            (None, "closed") if is_true(pull.get("merged")) => "merged".into(),
            (None, "synchronized" | "synchronize") => "pushed to".into(),
            (None, _) => did,
        };
        let words = said(["content", "body"]);
        return Some(Done { did, what: "pull request", to: Some(pull), words, at: Some(pull) });
    }
    let (what, to) = match issue {
        Some(issue) => ("issue", issue),
        None => ("release", object("release")?),
    };
    Some(Done { did, what, to: Some(to), words: None, at: Some(to) })
}

fn pushed(text: &mut Text, payload: &Payload<'_>) {
    let commits = payload.get("commits");
    let count = commits.map_or(0, |commits| commits.items().count());
    let place = payload.text("ref").unwrap_or_default();
    let place = place.strip_prefix("refs/heads/").or(place.strip_prefix("refs/")).unwrap_or(&place);
    let what = match count {
        0 => String::new(),
        1 => "a commit ".to_owned(),
        _ => format!("{count} commits "),
    };
    text.add(&[&actor(payload), " pushed ", &what, "to ", place]);
    for commit in commits.into_iter().flat_map(Json::items).take(SHOWN_MAX) {
        let message = commit.text("message").unwrap_or_default();
        text.line(&format!("- {}", message.trim().lines().next().unwrap_or_default()));
    }
    text.more(count.saturating_sub(SHOWN_MAX), "more");
    text.line_if(payload.text("compare_url").or_else(|| payload.text("compare")));
}

/// A workflow: Forgejo's `run`, or Gitea's and GitHub's `workflow_job` and `workflow_run`.
fn ran(text: &mut Text, payload: &Payload<'_>, run: Json<'_>, action: &str) {
    let first = |names: &[&str]| names.iter().find_map(|name| run.text(name));
    let name = payload.text_at("workflow", &["name"]);
    let name = name.or_else(|| first(&["display_title", "title", "name", "workflow_name", "workflow_id"]));
    let result = first(&["conclusion", "status"]);
    let words = match (action, result.as_deref().unwrap_or(action)) {
        ("recover", _) => "is well again",
        (_, "failure") => "failed",
        (_, "success") => "succeeded",
        (_, other) => other,
    };
    text.add(&["workflow ", name.as_deref().unwrap_or("without a name"), " ", &spaced(words)]);
    if let Some(branch) = first(&["head_branch", "prettyref"]) {
        text.add(&[" on ", &branch]);
    }
    text.line_if(link(run));
}

fn other(text: &mut Text, payload: &Payload<'_>, event: &str, action: &str) {
    let kind = payload.text("ref_type");
    let did = match event {
        "delete" => "deleted",
        _ if kind.is_some() => "created",
        _ => action,
    };
    let what = kind.unwrap_or(event.into());
    text.push(&actor(payload));
    let name = payload.text("ref").or_else(|| payload.text("page")).unwrap_or_default();
    for word in [&*spaced(did), &spaced(&what), &name].into_iter().filter(|word| !word.is_empty()) {
        text.add(&[" ", word]);
    }
    text.line_if(payload.text_at("forkee", &["full_name"]).filter(|_| event == "fork"));
    text.line_if(payload.get("repository").and_then(link));
}
