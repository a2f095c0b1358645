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

pub(super) fn read(payload: &Payload<'_>) -> Option<Message> {
    let event = EVENT_HEADERS.iter().find_map(|name| (payload.header)(name));
    let run = payload.get("run").filter(|_| payload.has("prior_status") || event.is_some());
    let place = payload.text_at("repository", &["full_name"]);
    let place = place.or_else(|| run?.text_at(&["repository", "full_name"]));
    let has_people = payload.has("sender") || payload.has("pusher");
    if event.is_none() && run.is_none() && !(place.is_some() && has_people) {
        return None;
    }
    let mut text = Text::default();
    if let Some(place) = &place {
        text.add(&[place, ": "]);
    }
    let action = payload.text("action").unwrap_or_default();
    let objects = ["pull_request", "comment", "issue", "workflow_job", "workflow_run", "release"];
    let [pull, comment, issue, job, workflow, release] =
        objects.map(|name| payload.get(name).filter(|it| it.is_object()));
    if let Some(run) = run.or(job).or(workflow) {
        ran(&mut text, payload, run, &action);
    } else if let Some(comment) = comment {
        commented(&mut text, payload, comment, issue.or(pull), &action);
    } else if let Some(pull) = pull {
        pulled(&mut text, payload, pull, &action);
    } else if let Some(issue) = issue {
        text.add(&[&actor(payload), " ", &spaced(&action), " issue "]);
        titled(&mut text, issue);
    } else if let Some(release) = release {
        let name = release.text("name").or_else(|| release.text("tag_name")).unwrap_or_default();
        text.add(&[&actor(payload), " ", &spaced(&action), " release ", &name]);
        text.line_if(link(release));
    } else if payload.get("commits").is_some_and(Json::is_array) {
        pushed(&mut text, payload);
    } else {
        other(&mut text, payload, event, &action);
    }
    Some(Message { text: text.finish(), priority: Priority::Normal })
}

/// Who did it, by the name that people call them by.
fn actor<'a>(payload: &Payload<'a>) -> Cow<'a, str> {
    let person = |field| payload.get(field).and_then(named);
    person("sender").or_else(|| person("pusher")).unwrap_or("somebody".into())
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

/// `#10: Title`, and the link below.
fn titled(text: &mut Text, what: Json<'_>) {
    let number = what.get("number").and_then(Json::shown).unwrap_or_default();
    text.add(&["#", &number, ": ", &what.text("title").unwrap_or_default()]);
    text.line_if(link(what));
}

fn pushed(text: &mut Text, payload: &Payload<'_>) {
    let commits = payload.get("commits");
    let count = commits.map_or(0, |commits| commits.items().count());
    let place = payload.text("ref").unwrap_or_default();
    let place = place.strip_prefix("refs/heads/").or(place.strip_prefix("refs/")).unwrap_or(&place);
    let actor = actor(payload);
    match count {
        0 => text.add(&[&actor, " pushed to ", place]),
        1 => text.add(&[&actor, " pushed a commit to ", place]),
        _ => text.add(&[&actor, " pushed ", &count.to_string(), " commits to ", place]),
    }
    for commit in commits.into_iter().flat_map(Json::items).take(SHOWN_MAX) {
        let message = commit.text("message").unwrap_or_default();
        text.line(&format!("- {}", message.trim().lines().next().unwrap_or_default()));
    }
    text.more(count.saturating_sub(SHOWN_MAX), "more");
    text.line_if(payload.text("compare_url").or_else(|| payload.text("compare")));
}

fn commented(text: &mut Text, payload: &Payload<'_>, comment: Json<'_>, on: Option<Json<'_>>, action: &str) {
    let is_pull = payload.get("is_pull").is_some_and(|is| is.raw() == "true")
        || payload.has("pull_request")
        || on.is_some_and(|on| on.has("pull_request"));
    let did = match action {
        "" | "created" => "commented".to_owned(),
        other => format!("{} a comment", spaced(other)),
    };
    text.add(&[&actor(payload), " ", &did, " on ", if is_pull { "pull request " } else { "issue " }]);
    let on_number = on.and_then(|on| on.get("number")).and_then(Json::shown).unwrap_or_default();
    let title = on.and_then(|on| on.text("title")).unwrap_or_default();
    text.add(&["#", &on_number, ": ", &title]);
    text.line_if(comment.text("body"));
    text.line_if(link(comment));
}

fn pulled(text: &mut Text, payload: &Payload<'_>, pull: Json<'_>, action: &str) {
    let review = payload.get("review").filter(|review| review.is_object());
    let verdict = review.and_then(|review| review.text("type").or_else(|| review.text("state")));
    let is_merged = pull.get("merged").is_some_and(|is| is.raw() == "true");
    let reviewer = payload.get("requested_reviewer").and_then(named).unwrap_or("somebody".into());
    let did = match (verdict.as_deref(), action) {
        (Some("pull_request_review_approved" | "approved" | "APPROVED"), _) => "approved".to_owned(),
        (Some("pull_request_review_rejected" | "changes_requested" | "REQUEST_CHANGES"), _) => {
            "asked for changes in".to_owned()
        }
        (Some(_), _) => "reviewed".to_owned(),
        (None, "review_requested") => format!("asked {reviewer} to review"),
        (None, "closed") if is_merged => "merged".to_owned(),
        (None, "synchronized" | "synchronize") => "pushed to".to_owned(),
        (None, action) => spaced(action),
    };
    text.add(&[&actor(payload), " ", &did, " pull request "]);
    titled(text, pull);
    text.line_if(review.and_then(|review| review.text("content").or_else(|| review.text("body"))));
}

/// A workflow: Forgejo's `run`, or Gitea's and GitHub's `workflow_job` and `workflow_run`.
fn ran(text: &mut Text, payload: &Payload<'_>, run: Json<'_>, action: &str) {
    let names = ["display_title", "title", "name", "workflow_name", "workflow_id"];
    let name =
        payload.text_at("workflow", &["name"]).or_else(|| names.iter().find_map(|name| run.text(name)));
    let result = run.text("conclusion").or_else(|| run.text("status")).unwrap_or(action.into());
    let words = match (action, &*result) {
        ("recover", _) => "is well again",
        (_, "failure") => "failed",
        (_, "success") => "succeeded",
        (_, other) => other,
    };
    text.add(&["workflow ", name.as_deref().unwrap_or("without a name"), " ", &spaced(words)]);
    if let Some(branch) = run.text("head_branch").or_else(|| run.text("prettyref")) {
        text.add(&[" on ", &branch]);
    }
    text.line_if(link(run));
}

fn other(text: &mut Text, payload: &Payload<'_>, event: Option<&str>, action: &str) {
    let event = event.unwrap_or_default();
    text.add(&[&actor(payload), " "]);
    match (event, payload.text("ref_type")) {
        ("delete", Some(what)) => text.add(&["deleted ", &what]),
        (_, Some(what)) => text.add(&["created ", &what]),
        (_, None) if action.is_empty() => text.push(&spaced(event)),
        (_, None) => text.add(&[&spaced(action), " ", &spaced(event)]),
    }
    if let Some(what) = payload.text("ref").or_else(|| payload.text("page")) {
        text.add(&[" ", &what]);
    }
    let fork = payload.text_at("forkee", &["full_name"]).filter(|_| event == "fork");
    text.line_if(fork);
    text.line_if(payload.get("repository").and_then(link));
}
