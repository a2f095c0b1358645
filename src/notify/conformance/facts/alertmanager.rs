//! What is true of Alertmanager, whose alerts are a list and have their text in labels too.

use serde_json::{Value, json};

use super::{Fact, USUAL};

pub(super) fn fact() -> Fact {
    Fact {
        name: "Alertmanager",
        environment: &[("URL", "https://ops:s3cr3tS3CR3T@am.example/prefix/")],
        url: "https://am.example/prefix/api/v2/alerts",
        headers: &[("authorization", "Basic b3BzOnMzY3IzdFMzQ1IzVA==")],
        // What is of no line has its text in a label too, and whose it is.
        read: |body| {
            let mut alerts: Value = serde_json::from_str(body).unwrap();
            let texts = [("labels", "text"), ("labels", "listener"), ("annotations", "summary")];
            for (part, name) in texts {
                alerts[0][part].as_object_mut().unwrap().remove(name);
            }
            alerts
        },
        text: "/0/annotations/description",
        // No times, as the clock is not set in 1970.
        body: || {
            let labels = json!({"alertname": "EVENT0", "severity": "warning", "priority": "normal"});
            json!([{"labels": labels, "annotations": {"description": ""}}])
        },
        priorities: |priority| {
            let severity = ["info", "warning", "critical", "critical"][priority as usize];
            json!({"severity": severity, "priority": priority.name()})
        },
        error: r#"{"code":601,"message":"@"}"#,
        ..USUAL
    }
}
