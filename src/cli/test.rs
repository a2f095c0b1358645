//! `alertik test`: one test alert through each notifier, and each answer in words.

use std::thread;
use std::time::SystemTime;

use serde::Serialize;

use super::{Arguments, Exit, print, print_json, settings, usage};
use crate::alert::{AlertId, Priority, Stage};
use crate::notify::{Notification, Notifier, Outcome};
use crate::value::Values;

#[derive(Serialize)]
struct Row<'a> {
    notifier: &'a str,
    delivered: bool,
    answer: String,
}

pub(super) fn run(given: &Arguments) -> Exit {
    let Some(settings) = settings() else { return Exit::Configuration };
    let wanted: Vec<String> = given.rest.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let mut destinations = settings.destinations;
    for name in &wanted {
        if !destinations.iter().any(|destination| destination.name == *name) {
            let names: Vec<_> = destinations.iter().map(|destination| destination.name.as_str()).collect();
            return usage(&format!("{name:?} is not configured (expected one of {})", names.join(", ")));
        }
    }
    destinations.retain(|destination| wanted.is_empty() || wanted.contains(&destination.name));
    let now = SystemTime::now();
    let time = settings.zone.format(now);
    let suffix = format!(", at: {time}");
    let values = Values::of_no_line("test", time);
    let text = "alertik: this is a test, all is well";
    // All at once: one that hangs takes half a minute.
    let answers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = destinations
            .iter_mut()
            .map(|destination| {
                let notification = Notification {
                    id: AlertId::fresh(),
                    rule: "test",
                    key: None,
                    priority: Priority::default(),
                    stage: Stage::default(),
                    text,
                    suffix: &suffix,
                    attachment: None,
                    values: Some(&values),
                    happened: now,
                    now,
                };
                scope.spawn(move || try_one(&mut *destination.notifier, &notification))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    for (destination, (delivered, answer)) in destinations.iter().zip(&answers) {
        let row = Row { notifier: &destination.name, delivered: *delivered, answer: answer.clone() };
        match given.is_json {
            true => print_json(&row),
            false => drop(print(&format!("{}: {answer}\n", destination.name))),
        }
    }
    if answers.iter().all(|(delivered, _)| *delivered) { Exit::Success } else { Exit::Failure }
}

/// Whether it was delivered, and the answer in words.
fn try_one(notifier: &mut dyn Notifier, notification: &Notification<'_>) -> (bool, String) {
    let outcome = match notifier.deliver(notification) {
        // What had to change is changed: the answer is that of the second attempt.
        Outcome::Again { reason } => match notifier.deliver(notification) {
            Outcome::Delivered { .. } => return (true, format!("delivered, but {reason}")),
            outcome => outcome,
        },
        outcome => outcome,
    };
    match outcome {
        Outcome::Delivered { .. } => match notifier.doubt() {
            None => (true, "delivered".to_owned()),
            Some(doubt) => (true, format!("delivered; {doubt}")),
        },
        Outcome::TooFast { reason, .. } => (false, format!("not delivered, asked to wait: {reason}")),
        Outcome::Failed { reason } | Outcome::Again { reason } => (false, format!("not delivered: {reason}")),
        Outcome::Rejected { reason } => (false, format!("not delivered, the text was refused: {reason}")),
        Outcome::Parked { reason } => (false, format!("not delivered, check its variables: {reason}")),
    }
}
