//! The whole of it against a server of ours, in this process, on loopback: what is written, and how often.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{Beginning, Destinations, Notification, Notifier, Outcome, Report, Reporter};
use super::Target;
use crate::alert::{AlertId, DestinationId};
use crate::settings;
use crate::stats::Stats;
use crate::vars::{Faults, Vars};

mod hostile;
mod people;
mod server;

use server::{Do, server, server_that_wants};

fn group(id: i64, name: &str, status: &str) -> Value {
    let us = json!({"memberStatus": status, "memberRole": "member"});
    json!({"groupId": id, "localDisplayName": name, "groupProfile": {"displayName": name}, "membership": us})
}

fn item(id: i64, text: &str, status: &str) -> Value {
    json!({"chatDir": {"type": "groupSnd"}, "meta": {"itemId": id, "itemText": text, "itemStatus": {"type": status}},
           "content": {"type": "sndMsgContent", "msgContent": {"type": "text", "text": text}}})
}

fn stored(kind: &str, item: Value) -> Value {
    json!({"type": kind, "chatItems": [{"chatInfo": {"type": "group", "groupInfo": {"groupId": 1}}, "chatItem": item}]})
}

/// What simplex-chat says to all that is no message, with us in these groups.
fn usual(command: &str, groups: &Value) -> Vec<Do> {
    vec![Do::Answer(match command {
        "/version" => json!({"type": "versionInfo", "versionInfo": {"version": "6.5.1"}}),
        "/user" => json!({"type": "activeUser", "user": {"userId": 1}}),
        "/_groups 1" => json!({"type": "groupsList", "groups": groups}),
        "/_contacts 1" => {
            json!({"type": "contactsList", "contacts": [{"contactId": 4, "localDisplayName": "ann"}]})
        }
        command if command.starts_with("/_get chat") => json!({"type": "apiChat", "chat": {"chatItems": []}}),
        _ => {
            json!({"type": "chatCmdError", "chatError": {"type": "error", "errorType": {"type": "commandError"}}})
        }
    })]
}

/// The text of a command that sends.
fn sent(command: &str) -> Option<String> {
    let (_, json) = command.strip_prefix("/_send ")?.split_once(" json ")?;
    let read: Value = serde_json::from_str(json).unwrap();
    Some(read[0]["msgContent"]["text"].as_str().unwrap().to_owned())
}

fn with_destinations<T>(
    set: &[(&str, &str)],
    work: impl FnOnce(&mut Destinations<'_>, &mut Faults) -> T,
) -> T {
    let mut faults = Faults::default();
    let names = settings::variables();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let environment = set.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let vars = Vars::read(environment, &known, &|_| Err(std::io::ErrorKind::NotFound.into()), &mut faults);
    let made = work(&mut Destinations::new(&vars), &mut faults);
    assert_eq!(faults.faults, [""; 0]);
    made
}

/// The notifiers of these names.
fn open(url: &str, more: &[(&str, &str)], names: &str) -> Vec<Box<dyn Notifier>> {
    let set = [&[("SIMPLEX_URL", url)], more].concat();
    with_destinations(&set, |destinations, faults| {
        destinations.resolve_list("SELF_NOTIFIER", names, faults);
        let open = std::mem::replace(destinations, Destinations::new(Box::leak(Box::default()))).into_open();
        open.into_iter().map(|open| open.notifier).collect()
    })
}

fn alert(id: u64, text: &str) -> Notification<'_> {
    Notification { id: AlertId(id), text, ..Notification::default() }
}

const DELIVERED: Outcome = Outcome::Delivered { pause: None };

/// Counts of commands that begin so.
fn count(asked: &Mutex<Vec<String>>, start: &str) -> usize {
    asked.lock().unwrap().iter().filter(|command| command.starts_with(start)).count()
}

#[track_caller]
fn wait_for(what: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < until, "it has not happened");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_message_is_delivered_once_it_is_stored_and_over_one_connection() {
    let groups = json!([group(1, "ops", "connected"), group(2, "dev", "connected")]);
    let script = move |command: &str| match sent(command) {
        // Its status may come before the answer, and other things in between.
        Some(text) => vec![
            Do::Event(json!({"type": "somethingNew"})),
            Do::Event(stored("chatItemsStatusesUpdated", item(13, &text, "sndSent"))),
            Do::Answer(stored("newChatItems", item(13, &text, "sndNew"))),
        ],
        None => usual(command, &groups),
    };
    let (url, asked) = server(Box::new(script));
    let mut both = open(&url, &[], "SimpleX/#ops,SimpleX/#dev");
    for (id, notifier) in both.iter_mut().enumerate() {
        assert_eq!(notifier.deliver(&alert(id as u64, "/quit *now*\n\"}]")), DELIVERED);
        assert_eq!(notifier.deliver(&alert(7, "x")), DELIVERED);
    }
    let asked: Vec<String> = asked.lock().unwrap().clone();
    let text = "\u{200b}/quit \u{200b}*now*\n\"}]";
    let first =
        format!("/_send #1 json [{}]", json!({"mentions": {}, "msgContent": {"text": text, "type": "text"}}));
    assert_eq!(asked.iter().filter(|command| *command == "/user").count(), 1, "{asked:?}");
    assert!(asked.contains(&first), "{asked:?}");
    assert_eq!(asked.iter().filter(|command| command.starts_with("/_send #2 ")).count(), 2, "{asked:?}");
}

#[test]
fn what_was_stored_before_the_cut_is_not_sent_again() {
    let history = Arc::<Mutex<Vec<Value>>>::default();
    let kept = Arc::clone(&history);
    let script = move |command: &str| {
        let mut kept = kept.lock().unwrap();
        match sent(command) {
            // The first is stored, and the connection cut before the answer; the second is lost.
            Some(text) if kept.is_empty() => {
                kept.push(item(21, &text, "sndNew"));
                vec![Do::Cut]
            }
            Some(text) if kept.len() == 1 => {
                kept.push(item(22, "something else", "sndNew"));
                assert_eq!(text, "lost");
                vec![Do::Cut]
            }
            Some(text) => {
                let stored_item = item(23, &text, "sndNew");
                kept.push(stored_item.clone());
                vec![Do::Answer(stored("newChatItems", stored_item))]
            }
            None if command.starts_with("/_get chat #1") => {
                vec![Do::Answer(json!({"type": "apiChat", "chat": {"chatItems": *kept}}))]
            }
            None => usual(command, &json!([group(1, "ops", "connected")])),
        }
    };
    let (url, asked) = server(Box::new(script));
    let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops")], "SimpleX").remove(0);
    let mut deliver = |id, text| {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            match notifier.deliver(&alert(id, text)) {
                Outcome::Failed { .. } if Instant::now() < until => thread::sleep(Duration::from_millis(50)),
                outcome => return outcome,
            }
        }
    };
    assert_eq!(deliver(1, "stored"), DELIVERED);
    assert_eq!(deliver(2, "lost"), DELIVERED);
    let sends: Vec<_> = asked.lock().unwrap().iter().filter_map(|command| sent(command)).collect();
    assert_eq!(sends, ["stored", "lost", "lost"]);
    // The same words once more are another alert.
    assert_eq!(deliver(3, "stored"), DELIVERED);
    assert_eq!(history.lock().unwrap().len(), 4);
}

#[test]
fn a_group_is_joined_by_its_link_once() {
    let joined = Arc::<Mutex<bool>>::default();
    let script = move |command: &str| match sent(command) {
        Some(text) => vec![Do::Answer(stored("newChatItems", item(13, &text, "sndNew")))],
        None if command.starts_with("/_connect plan 1 ") => {
            let plan = json!({"type": "groupLink", "groupLinkPlan": {"type": "ok"}});
            vec![Do::Answer(json!({"type": "connectionPlan", "connectionPlan": plan}))]
        }
        None if command.starts_with("/connect ") => {
            *joined.lock().unwrap() = true;
            let event = json!({"type": "userJoinedGroup", "groupInfo": group(1, "ops", "connected")});
            vec![Do::Answer(json!({"type": "sentInvitation"})), Do::Event(event)]
        }
        None if *joined.lock().unwrap() => usual(command, &json!([group(1, "ops", "connected")])),
        None => usual(command, &json!([])),
    };
    let (url, asked) = server(Box::new(script));
    let link = "https://smp.example/g#s3cr3t";
    let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops"), ("SIMPLEX_LINK", link)], "SimpleX").remove(0);
    assert_eq!(notifier.deliver(&alert(1, "a")), DELIVERED);
    assert_eq!(notifier.deliver(&alert(2, "b")), DELIVERED);
    assert_eq!(count(&asked, "/connect "), 1);
}

#[test]
fn who_is_not_let_in_waits_and_does_not_knock_again() {
    let script = |command: &str| match command {
        command if command.starts_with("/_connect plan") => {
            let plan = json!({"type": "groupLink", "groupLinkPlan": {"type": "ok"}});
            vec![Do::Answer(json!({"type": "connectionPlan", "connectionPlan": plan}))]
        }
        command if command.starts_with("/connect ") => vec![Do::Answer(json!({"type": "sentInvitation"}))],
        command => usual(command, &json!([group(1, "ops", "removed")])),
    };
    let (url, asked) = server(Box::new(script));
    let set = [("SIMPLEX_TO", "#ops"), ("SIMPLEX_LINK", "https://smp.example/g#s3cr3t")];
    let mut notifier = open(&url, &set, "SimpleX").remove(0);
    let waiting = Outcome::Failed { reason: "waiting to be let into #ops".to_owned() };
    assert_eq!(notifier.deliver(&alert(1, "a")), waiting);
    assert_eq!(notifier.deliver(&alert(1, "a")), waiting);
    assert_eq!((count(&asked, "/connect "), count(&asked, "/_send")), (1, 0));
}

#[test]
fn what_needs_a_human_is_said_in_words_and_parked() {
    let check = |groups: Value, target: &str, says: &str| {
        let (url, _) = server(Box::new(move |command| usual(command, &groups)));
        let mut notifier = open(&url, &[], &format!("SimpleX/{target}")).remove(0);
        match notifier.deliver(&alert(1, "a")) {
            Outcome::Parked { reason } => assert!(reason.contains(says), "{reason}"),
            outcome => panic!("{outcome:?}"),
        }
    };
    check(json!([]), "#ops", "no member of #ops");
    check(json!([group(1, "ops", "removed")]), "#ops", "no member of #ops");
    check(json!([]), "@bob", "no contact called @bob");
    let mut observer = group(1, "ops", "connected");
    observer["membership"]["memberRole"] = "observer".into();
    check(json!([observer]), "#ops", "only an observer in #ops: an owner must make it a member");
}

#[test]
fn what_is_too_long_is_halved_once() {
    let script = |command: &str| match sent(command) {
        Some(text) if text.len() > 8_000 => vec![Do::Answer(json!({"type": "chatCmdError",
            "chatError": {"type": "errorStore", "storeError": {"type": "largeMsg"}}}))],
        Some(text) => vec![Do::Answer(stored("newChatItems", item(13, &text, "sndNew")))],
        None => usual(command, &json!([group(1, "ops", "connected")])),
    };
    let (url, asked) = server(Box::new(script));
    let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops")], "SimpleX").remove(0);
    assert_eq!(notifier.deliver(&alert(1, &"a".repeat(20_000))), DELIVERED);
    let lengths: Vec<_> =
        asked.lock().unwrap().iter().filter_map(|command| Some(sent(command)?.len())).collect();
    assert_eq!(lengths, [15_000, 7_500]);
}

/// Reports, as a daemon would get them.
fn reporter() -> (Reporter, mpsc::Receiver<Report>) {
    let (sender, reports) = mpsc::channel();
    (Arc::new(move |report| sender.send(report).unwrap_or_default()), reports)
}

#[test]
fn a_message_whose_file_is_gone_goes_without_it() {
    let script = |command: &str| match sent(command) {
        Some(_) if command.contains("filePath") => {
            vec![Do::Answer(json!({"type": "chatCmdError", "chatError":
            {"type": "error", "errorType": {"type": "fileNotFound", "message": "/x/will.txt"}}}))]
        }
        Some(text) => vec![Do::Answer(stored("newChatItems", item(13, &text, "sndNew")))],
        None => usual(command, &json!([group(1, "ops", "connected")])),
    };
    let (url, asked) = server(Box::new(script));
    let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops")], "SimpleX").remove(0);
    let (report, reports) = reporter();
    let (destination, stats) = (DestinationId(3), Arc::<Stats>::default());
    notifier.begin(&Beginning { destination, stats: &stats, report: &report });
    let last_words = Notification { attachment: Some("/x/will.txt"), ..alert(1, "read this") };
    assert_eq!(notifier.deliver(&last_words), DELIVERED);
    let texts: Vec<_> = asked.lock().unwrap().iter().filter_map(|command| sent(command)).collect();
    let without = "read this\n(without the file that belongs to it: \u{200b}/x/will.txt cannot be sent)";
    assert_eq!(texts, ["read this", without]);
    let report = reports.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(report, Report::Doubt { destination: DestinationId(3), .. }), "{report:?}");
}

#[test]
fn an_error_after_the_delivery_is_counted_and_told_to_others() {
    let script = |command: &str| match sent(command) {
        Some(text) => {
            let mut lost = item(13, &text, "sndError");
            lost["meta"]["itemStatus"]["agentError"] = json!({"type": "quota"});
            let lost = stored("chatItemsStatusesUpdated", lost);
            vec![Do::Answer(stored("newChatItems", item(13, &text, "sndNew"))), Do::Event(lost)]
        }
        None => usual(command, &json!([group(1, "ops", "connected")])),
    };
    let (url, asked) = server(Box::new(script));
    let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops")], "SimpleX").remove(0);
    let (report, reports) = reporter();
    let (destination, stats) = (DestinationId(3), Arc::<Stats>::default());
    notifier.begin(&Beginning { destination, stats: &stats, report: &report });
    assert_eq!(notifier.deliver(&alert(1, "a")), DELIVERED);
    let Report::Doubt { destination, text } = reports.recv_timeout(Duration::from_secs(20)).unwrap() else {
        panic!("it is another report");
    };
    assert!(destination == DestinationId(3) && text.contains("#ops") && text.contains("waits"), "{text}");
    assert_eq!((stats.messages.error.count(), count(&asked, "/_send")), (1, 1));
}

#[test]
fn a_password_is_shown_to_the_server_and_to_nobody_else() {
    // me:s3cr3t@
    let (address, _) = server_that_wants(
        "Basic bWU6czNjcjN0QA==",
        Box::new(|command| usual(command, &json!([group(1, "ops", "removed")]))),
    );
    let deliver = |login: &str| {
        let url = format!("ws://{login}@{address}/simplex?x=y");
        let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops")], "SimpleX").remove(0);
        match notifier.deliver(&alert(1, "a")) {
            Outcome::Parked { reason } => reason,
            outcome => panic!("{outcome:?}"),
        }
    };
    assert!(deliver("me:s3cr3t%40").contains("no member of #ops"));
    assert_eq!(deliver("me:s3cr3t"), "401: the password in SIMPLEX_URL is refused, or there is none");
}

#[test]
fn our_own_troubles_go_where_rules_tell_if_there_is_no_other_place() {
    let usable = |set: &[(&str, &str)], names: &str| {
        with_destinations(&[&[("SIMPLEX_URL", "ws://127.0.0.1:1")], set].concat(), |destinations, faults| {
            destinations.resolve_list("EVENT0_NOTIFIER", names, faults);
            let ids = destinations.usable(faults);
            let names = destinations.names();
            ids.into_iter().map(|id| names[id.0].clone()).collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(usable(&[], "SimpleX/#ops,Console,SimpleX/@ann"), "SimpleX/#ops SimpleX/@ann");
    assert_eq!(usable(&[("SIMPLEX_TO", "#dev")], "SimpleX/#ops"), "SimpleX");
    assert_eq!(usable(&[("SIMPLEX_LINK", "https://h/g#a")], "SimpleX/#ops"), "SimpleX");
}

#[test]
fn nobody_there_is_a_failure_in_words() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("ws://me:s3cr3t@127.0.0.1:{port}");
    let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops")], "SimpleX").remove(0);
    assert_eq!(notifier.deliver(&alert(1, "a")), Outcome::Failed { reason: "connection refused".to_owned() });
}

#[test]
fn a_connection_that_was_cut_is_made_again_by_itself() {
    let count = Arc::<Mutex<usize>>::default();
    let counted = Arc::clone(&count);
    let script = move |command: &str| {
        if command == "/user" {
            let mut count = counted.lock().unwrap();
            *count += 1;
            let cut = if *count < 3 { vec![Do::Cut] } else { Vec::new() };
            return usual(command, &json!([])).into_iter().chain(cut).collect();
        }
        usual(command, &json!([]))
    };
    let (url, _) = server(Box::new(script));
    let mut notifier = open(&url, &[("SIMPLEX_TO", "#ops")], "SimpleX").remove(0);
    let (report, _reports) = reporter();
    let stats = Arc::<Stats>::default();
    notifier.begin(&Beginning { destination: DestinationId(0), stats: &stats, report: &report });
    wait_for(|| *count.lock().unwrap() == 3);
}
