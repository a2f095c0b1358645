//! Answers that come when nobody waits for them any more.

use serde_json::json;

use super::*;
use crate::notify::http::{Address, Clients};
use crate::notify::simplex::hub::Settings;

fn worker() -> Worker {
    let client = Clients::default().local_client().unwrap();
    let address = Address::parse_websocket("ws://127.0.0.1:1").unwrap();
    let inbox = crossbeam_channel::never();
    Worker::new(Settings { client, address, links: Vec::new() }, inbox)
}

/// What became of an alert whose answer came late, by command 7.
fn told(answer: &Value) -> Option<AlertId> {
    let mut worker = worker();
    let doubt = Doubt { alert: AlertId(5), text: "a".to_owned(), after: Some(3), command: 7 };
    worker.place(1).doubt = Some(doubt);
    worker.observe(&json!({"corrId": "6", "resp": answer}));
    assert!(worker.place(1).doubt.is_some() && worker.place(1).told.is_none());
    worker.observe(&json!({"corrId": "7", "resp": answer}));
    assert!(worker.place(1).doubt.is_none());
    worker.place(1).told
}

#[test]
fn a_late_answer_is_not_sent_again() {
    let item = json!({"chatDir": {"type": "groupSnd"}, "meta": {"itemId": 4, "itemText": "a"}});
    let chat = json!({"groupInfo": {"groupId": 1}});
    let stored = json!({"type": "newChatItems", "chatItems": [{"chatInfo": chat, "chatItem": item}]});
    assert_eq!(told(&stored), Some(AlertId(5)));
}

#[test]
fn an_answer_that_says_something_else_leaves_the_doubt() {
    let mut worker = worker();
    worker.place(0).doubt = Some(Doubt { alert: AlertId(5), text: String::new(), after: None, command: 7 });
    for answer in [json!({"corrId": "7"}), json!({"corrId": "7", "resp": {"type": "cmdOk"}})] {
        worker.observe(&answer);
        assert!(worker.place(0).doubt.is_some() && worker.place(0).told.is_none(), "{answer}");
    }
}

#[test]
fn a_late_error_is_tried_again() {
    let error = json!({"type": "errorStore", "storeError": {"type": "largeMsg"}});
    assert_eq!(told(&json!({"type": "chatCmdError", "chatError": error})), None);
}
