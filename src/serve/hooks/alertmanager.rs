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
use super::{FIELDS_MAX, Message, Payload, SHOWN_MAX};
use crate::alert::Priority;

type Fields<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

pub(super) fn read(payload: &Payload<'_>) -> Option<Message> {
    let alerts = payload.get("alerts").filter(|alerts| alerts.is_array())?;
    if !(payload.has("version") || payload.has("groupLabels") || payload.has("commonLabels")) {
        return None;
    }
    let group = Group::new(payload, alerts);
    let mut text = Text::default();
    group.say(&mut text, Some(&name(payload)));
    Some(Message { text: text.finish(), priority: group.priority })
}

/// What the group is about.
fn name<'a>(payload: &Payload<'a>) -> Cow<'a, str> {
    let of = |labels: &str| payload.text_at(labels, &["alertname"]);
    if let Some(name) = of("groupLabels").or_else(|| of("commonLabels")) {
        return name;
    }
    let labels = pairs(&fields(payload.get("groupLabels")));
    if labels.is_empty() { payload.text("receiver").unwrap_or("alerts".into()) } else { labels.into() }
}

/// Alerts that came together.
pub(super) struct Group<'a> {
    common: Fields<'a>,
    annotations: Fields<'a>,
    /// Those that fire, and those that are over.
    halves: [Half<'a>; 2],
    left_out: usize,
    /// High, if something critical fires.
    pub(super) priority: Priority,
}

#[derive(Default)]
struct Half<'a> {
    count: usize,
    shown: Vec<Json<'a>>,
}

impl<'a> Group<'a> {
    /// Reads `alerts` once, however many there are.
    pub(super) fn new(payload: &Payload<'a>, alerts: Json<'a>) -> Group<'a> {
        let left_out = payload.get("truncatedAlerts").and_then(|count| count.raw().parse().ok());
        let mut group = Group {
            common: fields(payload.get("commonLabels")),
            annotations: fields(payload.get("commonAnnotations")),
            halves: Default::default(),
            left_out: left_out.unwrap_or(0),
            priority: Priority::Normal,
        };
        let severity = find(&group.common, "severity").and_then(Json::said);
        let [firing, resolved] = &mut group.halves;
        for alert in alerts.items() {
            let is_resolved = alert.text("status").is_some_and(|status| status == "resolved");
            let half = if is_resolved { &mut *resolved } else { &mut *firing };
            half.count += 1;
            if half.shown.len() < SHOWN_MAX {
                half.shown.push(alert);
            }
            if !is_resolved && group.priority == Priority::Normal {
                let own = alert.text_at(&["labels", "severity"]);
                group.priority = super::priority_of(own.as_deref().or(severity.as_deref()));
            }
        }
        group
    }

    /// Says what fires, and then what is over, under heads with `name`; without one only where there are both.
    pub(super) fn say(&self, text: &mut Text, name: Option<&str>) {
        let is_mixed = self.halves.iter().all(|half| half.count > 0);
        let mut is_first = true;
        for (word, Half { count, shown }) in ["FIRING", "RESOLVED"].into_iter().zip(&self.halves) {
            if *count == 0 {
                continue;
            }
            if name.is_some() || is_mixed {
                text.line(&format!("[{word}:{count}] {}", name.unwrap_or_default()));
            }
            if std::mem::take(&mut is_first) {
                let common = pairs(&self.common);
                // What the head says need not be said again.
                text.line_if(Some(common).filter(|common| name != Some(common)));
                for key in ["summary", "description"] {
                    text.line_if(find(&self.annotations, key).and_then(Json::said));
                }
            }
            shown.iter().for_each(|alert| self.say_one(text, *alert));
            text.more(count - shown.len(), "more");
        }
        text.more(self.left_out, "that were not sent");
    }

    /// What sets one alert apart from the others.
    fn say_one(&self, text: &mut Text, alert: Json<'_>) {
        let mut own = fields(alert.get("labels"));
        own.retain(|(key, value)| find(&self.common, key) != Some(*value));
        let mut labels = String::new();
        own.iter().for_each(|(key, value)| pair(&mut labels, key, *value));
        if !labels.is_empty() {
            text.line(&format!("- {labels}"));
        }
        let own = fields(alert.get("annotations"));
        for key in ["summary", "description", "message"] {
            let value = find(&own, key).filter(|value| find(&self.annotations, key) != Some(*value));
            text.line_if(value.and_then(Json::said));
        }
        text.line_if(alert.text("generatorURL"));
    }
}

/// Names and values, looked at once.
fn fields(object: Option<Json<'_>>) -> Fields<'_> {
    object.into_iter().flat_map(Json::entries).take(FIELDS_MAX).collect()
}

fn find<'a>(fields: &Fields<'a>, name: &str) -> Option<Json<'a>> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
}

/// Labels but the one that is in the head: `a=b c=d`.
fn pairs(labels: &Fields<'_>) -> String {
    let mut text = String::new();
    for (key, value) in labels.iter().filter(|(key, _)| key != "alertname").take(SHOWN_MAX) {
        pair(&mut text, key, *value);
    }
    text
}

fn pair(text: &mut String, key: &str, value: Json<'_>) {
    let Some(value) = value.shown() else { return };
    for piece in [if text.is_empty() { "" } else { " " }, key, "=", &value] {
        text.push_str(piece);
    }
}
