//! What somebody could say who sits in simplex-chat's place: no end of it, or more than there is memory for.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::hub::Settings;
use super::super::worker::{Failing, Worker};
use super::server::{Do, Script, server};
use super::{Outcome, Target, group, usual};
use crate::notify::http::{Address, Clients};

/// What `work` makes of a worker whose server does as `script` says; it must come to an end.
fn with_worker<T: Send + 'static>(script: Script, work: impl FnOnce(&mut Worker) -> T + Send + 'static) -> T {
    let (url, _) = server(script);
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let client = Clients::default().local_client().unwrap();
        let address = Address::parse_websocket(&url).unwrap();
        let mut worker =
            Worker::new(Settings { client, address, links: Vec::new() }, crossbeam_channel::never());
        let _ = done.send(work(&mut worker));
    });
    ended.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[track_caller]
fn check_is_unanswered(without_end: Do) {
    let mut without_end = Some(without_end);
    let script = move |command: &str| match command {
        "/_groups 1" => without_end.take().into_iter().collect(),
        command => usual(command, &json!([])),
    };
    let why = with_worker(Box::new(script), |worker| {
        assert!(worker.connected().is_ok());
        worker.ask("/_groups 1", Instant::now() + Duration::from_millis(300))
    });
    assert!(matches!(why, Err(Failing::Unanswered(words)) if words == "simplex-chat does not answer"));
}

#[test]
fn who_talks_without_end_does_not_answer() {
    check_is_unanswered(Do::Forever(json!({"resp": {"type": "somethingNew"}}).to_string()));
    check_is_unanswered(Do::Forever("no JSON".to_owned()));
}

#[test]
fn a_frame_of_millions_of_values_is_not_read() {
    let script = |command: &str| {
        let mut said = vec![Do::Event(json!(vec![0; 200_000]))];
        said.extend(usual(command, &json!([])));
        said
    };
    let outcome = with_worker(Box::new(script), |worker| worker.connected());
    let Err(Outcome::Failed { reason }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "a frame has more values than anybody needs");
}

fn invitation(id: i64) -> Value {
    json!({"type": "receivedGroupInvitation", "groupInfo": group(id, "ops", "invited")})
}

#[test]
fn invitations_without_end_keep_nobody_waiting() {
    let mut id = 0;
    let script = move |command: &str| {
        id += 1;
        let mut said = usual(command, &json!([]));
        if ["/_join", "/_groups"].iter().any(|start| command.starts_with(start)) {
            said.insert(0, Do::Event(invitation(id)));
        }
        said
    };
    let waiting = with_worker(Box::new(script), |worker| {
        assert!(worker.connected().is_ok());
        worker.place(0).target = Some(Target::Group("ops".to_owned()));
        (0..1000).for_each(|id| worker.observe(&json!({"resp": invitation(id)})));
        let waiting = worker.invitations.len();
        worker.accept_invitations();
        waiting
    });
    assert_eq!(waiting, 8);
}
