//! Grafana's webhook: of its unified alerting (8 to 12 and on), and of the alerting it had before.
//!
//! ```json
//! {"version": "1", "status": "firing", "title": "[FIRING:1] …", "message": "…", "alerts": […], "orgId": 1, …}
//! {"ruleName": "…", "state": "alerting", "title": "[Alerting] …", "message": "…", "evalMatches": […], "ruleUrl": "…"}
//! ```
//!
//! Title and message are templates that the operator may have replaced: whether it fires or is over is put in front
//! where they do not say it.

use super::alertmanager::Group;
use super::text::Text;
use super::{Message, Payload, SHOWN_MAX};

pub(super) fn read(payload: &Payload<'_>) -> Option<Message> {
    match payload.get("alerts").filter(|alerts| alerts.is_array()) {
        Some(alerts) => {
            let is_ours = ["title", "message", "state"].iter().any(|name| payload.text(name).is_some());
            if !is_ours {
                return None;
            }
            let group = Group::new(payload, alerts);
            let mut text = Text::default();
            let title = payload.text("title").or_else(|| payload.text_at("commonLabels", &["alertname"]));
            let state = payload.text("status").unwrap_or("firing".into());
            head(&mut text, &state, title.as_deref().unwrap_or("Grafana"));
            match payload.text("message") {
                Some(message) => text.line(&message),
                None => group.say(&mut text, None),
            }
            Some(Message { text: text.finish(), priority: group.priority })
        }
        None => legacy(payload),
    }
}

/// What Grafana sent up to version 8, and with its old alerting until 10.
fn legacy(payload: &Payload<'_>) -> Option<Message> {
    let name = payload.text("ruleName")?;
    let state = payload.text("state").unwrap_or("alerting".into());
    let mut text = Text::default();
    head(&mut text, &state, payload.text("title").as_deref().unwrap_or(&name));
    text.line_if(payload.text("message"));
    for seen in payload.get("evalMatches").into_iter().flat_map(|all| all.items()).take(SHOWN_MAX) {
        let value = seen.get("value").and_then(|value| value.shown());
        if let (Some(metric), Some(value)) = (seen.text("metric"), value) {
            text.line(&format!("{metric}: {value}"));
        }
    }
    text.line_if(payload.text("ruleUrl"));
    let severity = payload.text_at("tags", &["severity"]).filter(|_| state != "ok");
    Some(Message { text: text.finish(), priority: super::priority_of(severity.as_deref()) })
}

/// The title, with the state in front where it does not say it.
fn head(text: &mut Text, state: &str, title: &str) {
    let state = state.to_ascii_uppercase();
    // `no_data` is `[No Data]` in a title; and `ok` is in many a word.
    let said = title.to_ascii_uppercase().replace(' ', "_");
    match said.contains(&format!("[{state}")) || state != "OK" && said.contains(&state) {
        true => text.line(title),
        false => text.line(&format!("[{state}] {title}")),
    }
}
