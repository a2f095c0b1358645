//! Prometheus Alertmanager's webhook, version 4. It has no title: that is made here.
//!
//! ```json
//! {"version": "4", "status": "firing", "groupLabels": {…}, "commonLabels": {…}, "commonAnnotations": {…},
//!  "alerts": [{"status": "resolved", "labels": {…}, "annotations": {…}, "generatorURL": "…"}], "truncatedAlerts": 0}
//! ```
//!
//! A group may be mixed: it fires as long as one of its alerts does, so each alert's own status is what counts.

use std::borrow::Cow;

use super::json::Json;
use super::text::Text;
use super::{Message, Payload, SHOWN_MAX};
use crate::alert::Priority;

pub(super) fn read(payload: &Payload<'_>) -> Option<Message> {
    let alerts = payload.get("alerts").filter(|alerts| alerts.is_array())?;
    if !(payload.has("version") || payload.has("groupLabels") || payload.has("commonLabels")) {
        return None;
    }
    let mut text = Text::default();
    say(&mut text, payload, alerts, Some(&name(payload)));
    Some(Message { text: text.finish(), priority: priority(payload, alerts) })
}

/// High, if something critical fires.
pub(super) fn priority(payload: &Payload<'_>, alerts: Json<'_>) -> Priority {
    let common = payload.text_at("commonLabels", &["severity"]);
    let is_high = |alert: Json<'_>| {
        let severity = alert.text_at(&["labels", "severity"]);
        !is_resolved(alert) && super::priority_of(severity.as_deref().or(common.as_deref())) == Priority::High
    };
    if alerts.items().any(is_high) { Priority::High } else { Priority::Normal }
}

/// What the group is about.
fn name<'a>(payload: &Payload<'a>) -> Cow<'a, str> {
    let of = |labels: &str| payload.text_at(labels, &["alertname"]);
    if let Some(name) = of("groupLabels").or_else(|| of("commonLabels")) {
        return name;
    }
    let labels = payload.get("groupLabels").map(pairs).filter(|labels| !labels.is_empty());
    labels.map(Cow::Owned).or_else(|| payload.text("receiver")).unwrap_or("alerts".into())
}

/// Says what fires, and then what is resolved, under heads with `name`, or without one only where both are there.
pub(super) fn say(text: &mut Text, payload: &Payload<'_>, alerts: Json<'_>, name: Option<&str>) {
    let (common, annotations) = (payload.get("commonLabels"), payload.get("commonAnnotations"));
    let left_out = payload.get("truncatedAlerts").and_then(|count| count.raw().parse::<usize>().ok());
    let count = |resolved| alerts.items().filter(|alert| is_resolved(*alert) == resolved).count();
    let mut is_first = true;
    for (word, resolved) in [("FIRING", false), ("RESOLVED", true)] {
        let count = count(resolved);
        if count == 0 {
            continue;
        }
        match name {
            Some(name) => text.line(&format!("[{word}:{count}] {name}")),
            None if count < alerts.items().count() => text.line(&format!("[{word}:{count}]")),
            None => {}
        }
        if std::mem::take(&mut is_first) {
            // What the head says need not be said again.
            text.line_if(common.map(pairs).filter(|pairs| name != Some(pairs)));
            text.line_if(annotations.and_then(|common| common.text("summary")));
            text.line_if(annotations.and_then(|common| common.text("description")));
        }
        let those = alerts.items().filter(|alert| is_resolved(*alert) == resolved);
        for alert in those.take(SHOWN_MAX) {
            say_one(text, alert, common, annotations);
        }
        let more = count.saturating_sub(SHOWN_MAX);
        if more > 0 {
            text.line(&format!("… and {more} more"));
        }
    }
    if let Some(count) = left_out.filter(|count| *count > 0) {
        text.line(&format!("… and {count} that were not sent"));
    }
}

fn is_resolved(alert: Json<'_>) -> bool {
    alert.text("status").is_some_and(|status| status == "resolved")
}

/// What sets one alert apart from the others in its group.
fn say_one(text: &mut Text, alert: Json<'_>, common: Option<Json<'_>>, annotations: Option<Json<'_>>) {
    let mut labels = String::new();
    let said = |object: Option<Json<'_>>, key: &str, value: Json<'_>| {
        object.and_then(|all| all.get(key)) == Some(value)
    };
    for (key, value) in alert.get("labels").into_iter().flat_map(Json::entries) {
        if !said(common, &key, value) {
            pair(&mut labels, &key, value);
        }
    }
    if !labels.is_empty() {
        text.line(&format!("- {labels}"));
    }
    let own = alert.get("annotations");
    for key in ["summary", "description", "message"] {
        let value = own.and_then(|own| own.get(key)).filter(|value| !said(annotations, key, *value));
        text.line_if(value.and_then(Json::said));
    }
    text.line_if(alert.text("generatorURL"));
}

/// Labels but the one that is in the head: `a=b c=d`.
fn pairs(labels: Json<'_>) -> String {
    let mut text = String::new();
    for (key, value) in labels.entries().filter(|(key, _)| key != "alertname").take(SHOWN_MAX) {
        pair(&mut text, &key, value);
    }
    text
}

fn pair(text: &mut String, key: &str, value: Json<'_>) {
    let Some(value) = value.shown() else { return };
    for piece in [if text.is_empty() { "" } else { " " }, key, "=", &value] {
        text.push_str(piece);
    }
}
