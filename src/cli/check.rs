//! `alertik check`: what is in force, or everything that is wrong.

use serde::Serialize;

use super::{Exit, print, print_json, tell};
use crate::alert::DestinationId;
use crate::notify::destinations::Destination;
use crate::settings::Settings;
use crate::vars::Faults;

#[derive(Serialize)]
struct RuleRow<'a> {
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    match_type: Option<&'a str>,
    description: &'a str,
    notifiers: Vec<&'a str>,
}

#[derive(Serialize)]
struct NotifierRow<'a> {
    notifier: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    encrypt_to: Vec<String>,
    /// True for one that takes over from the others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fallback: bool,
}

#[derive(Serialize)]
struct WatchRow<'a> {
    watch: &'a str,
    description: String,
}

#[derive(Serialize)]
struct HookRow<'a> {
    hook: &'a str,
    name: &'a str,
    notifiers: Vec<&'a str>,
    /// True if it has one of its own. It is not shown.
    secret: bool,
}

#[derive(Serialize)]
struct FaultRow<'a> {
    fault: &'a str,
}

#[derive(Serialize)]
struct WarningRow<'a> {
    warning: &'a str,
}

pub(super) fn run(is_json: bool) -> Exit {
    let (settings, faults) = Settings::from_process();
    match is_json {
        true => as_json(settings.as_ref(), &faults),
        false => in_words(settings.as_ref(), &faults),
    }
    if settings.is_some() { Exit::Success } else { Exit::Configuration }
}

fn as_json(settings: Option<&Settings>, faults: &Faults) {
    for fault in &faults.faults {
        print_json(&FaultRow { fault });
    }
    for warning in &faults.warnings {
        print_json(&WarningRow { warning });
    }
    let Some(settings) = settings else { return };
    for rule in settings.rules.rules() {
        let notifiers = rule.destinations().iter().map(|id| settings.destination_name(*id)).collect();
        print_json(&RuleRow {
            rule: rule.name(),
            name: rule.builtin().map(|builtin| builtin.name),
            match_type: rule.match_type(),
            description: rule.description(),
            notifiers,
        });
    }
    for watch in &settings.watches.watches {
        let description = watch.words(&|ids| names(settings, ids));
        print_json(&WatchRow { watch: watch.name(), description });
    }
    for (hook, listed) in settings.hooks.iter().zip(&settings.serve.hooks) {
        let notifiers = hook.destinations.iter().map(|id| settings.destination_name(*id)).collect();
        print_json(&HookRow { hook: &hook.rule, name: &hook.name, notifiers, secret: listed.has_secret() });
    }
    for (index, destination) in settings.destinations.iter().enumerate() {
        print_json(&NotifierRow {
            notifier: &destination.name,
            encrypt_to: recipients(destination),
            fallback: settings.dispatch.fallback.contains(&DestinationId(index)),
        });
    }
}

/// Who alone can read what it is told. These are public keys, and no secrets.
fn recipients(destination: &Destination) -> Vec<String> {
    destination.notifier.recipients().iter().map(|recipient| recipient.to_string()).collect()
}

fn names(settings: &Settings, ids: &[DestinationId]) -> String {
    ids.iter().map(|id| settings.destination_name(*id)).collect::<Vec<_>>().join(", ")
}

fn in_words(settings: Option<&Settings>, faults: &Faults) {
    tell(faults);
    let Some(settings) = settings else { return };
    let mut text = String::from("rules:\n");
    for rule in settings.rules.rules() {
        let names: Vec<_> = rule.destinations().iter().map(|id| settings.destination_name(*id)).collect();
        text.push_str(&format!("  {} ({}) -> {}\n", rule.name(), rule.description(), names.join(", ")));
    }
    if !settings.hooks.is_empty() {
        text.push_str("hooks:\n");
    }
    for (hook, listed) in settings.hooks.iter().zip(&settings.serve.hooks) {
        let names: Vec<_> = hook.destinations.iter().map(|id| settings.destination_name(*id)).collect();
        let names = if names.is_empty() { "nobody, it is watched".to_owned() } else { names.join(", ") };
        let who = match listed.has_secret() {
            true => "with its secret (hidden)",
            false => "as the page",
        };
        text.push_str(&format!("  {} (/hook/{}, opened {who}) -> {names}\n", hook.rule, hook.name));
    }
    text.push_str("notifiers:\n");
    for destination in &settings.destinations {
        text.push_str(&format!("  {}", destination.name));
        match recipients(destination) {
            all if all.is_empty() => text.push('\n'),
            all => text.push_str(&format!(", encrypted to {}\n", all.join(", "))),
        }
    }
    let names = |ids: &[DestinationId]| names(settings, ids);
    for watch in &settings.watches.watches {
        text.push_str(&format!("{}: {}\n", watch.name(), watch.words(&names)));
    }
    text.push_str(&format!("our own troubles -> {}\n", names(&settings.self_destinations)));
    let fallback = &settings.dispatch.fallback;
    if !fallback.is_empty() {
        let names = names(fallback);
        text.push_str(&format!("alerts of a notifier that fails for 2 minutes or is parked -> {names}\n"));
    }
    match settings.dispatch.alerts_per_hour_max {
        Some(max) => text.push_str(&format!(
            "at most {max} alerts an hour for each notifier but Console, the others merged\n"
        )),
        None => text.push_str("any number of alerts an hour\n"),
    }
    if let Some(daily) = &settings.heartbeat.daily {
        let names = names(&daily.destinations);
        text.push_str(&format!("what was seen, daily at {} -> {names}\n", daily.time()));
    }
    if let Some(pings) = &settings.heartbeat.pings {
        text.push_str(&format!("HEARTBEAT_URL (hidden) is pinged every {} s\n", pings.every.as_secs()));
    }
    if let Some(signal) = &settings.otel.metrics {
        let seconds = settings.otel.every.as_secs_f64();
        text.push_str(&format!("figures go to {} (hidden) every {seconds} s\n", signal.variable));
    }
    if let Some(signal) = &settings.otel.logs {
        text.push_str(&format!("a copy of each alert goes to {} (hidden)\n", signal.variable));
    }
    if let Some(tor) = &settings.tor {
        let how =
            if tor.password.is_some() { ", with TOR_CONTROL_PASSWORD (hidden) if it wants one" } else { "" };
        text.push_str(&format!("Tor is asked at {} how it fares{how}\n", tor.address));
    }
    text.push_str(&format!("lines by UDP on {}\n", settings.ingest.listen));
    if let Some(address) = settings.ingest.tcp_listen {
        text.push_str(&format!("lines by TCP on {address}\n"));
    }
    if let Some(path) = &settings.dispatch.state_dir {
        text.push_str(&format!("alerts are kept in {} until they are told\n", path.display()));
    }
    if settings.dispatch.is_numbered {
        text.push_str("each message is numbered, for each notifier by itself\n");
    }
    if let Some(url) = &settings.dispatch.page_url {
        text.push_str(&format!("each message ends with a link to {url}\n"));
    }
    if let Some((host, port)) = &settings.ingest.forward {
        text.push_str(&format!("every datagram goes on to {host} port {port}\n"));
    }
    if let Some(address) = settings.serve.listen {
        text.push_str(&format!("HTTP on {address}\n"));
    }
    print(&text);
}
