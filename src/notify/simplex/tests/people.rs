//! Whom we hear, over a whole connection.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::server::{Do, server, trickling_tls_server};
use super::{reporter, usual, with_destinations};
use crate::notify::{Ear, Report};

/// What somebody who listens for ann and bob hears of a server that has an old word of ann's, and then a new one.
fn heard(set: &[(&str, &str)]) -> Vec<String> {
    heard_of(set, HEARD.len())
}

/// The first `count` things of it.
fn heard_of(set: &[(&str, &str)], count: usize) -> Vec<String> {
    let listening = with_destinations(set, |destinations, faults| {
        destinations.listen_for(vec!["ann".to_owned(), "bob".to_owned()], faults).unwrap()
    });
    let (report, reports) = reporter();
    listening.begin(&Arc::default(), &report);
    let mut said = Vec::new();
    while said.len() < count {
        said.push(match reports.recv_timeout(Duration::from_secs(20)).unwrap() {
            Report::Ear(Ear::Open) => "open".to_owned(),
            Report::Ear(Ear::Known(contact)) => format!("known {} {}", contact.id, contact.name),
            Report::Ear(Ear::Unknown(name)) => format!("unknown {name}"),
            Report::Ear(Ear::Heard(contact, at)) => {
                let age = at.elapsed().as_secs() / 86_400;
                format!("heard {} {}", contact.id, if age > 2000 { "long ago" } else { "now" })
            }
            other => format!("{other:?}"),
        });
    }
    said.sort();
    said
}

fn people(command: &str) -> Vec<Do> {
    if command == ANN {
        let meta = json!({"itemId": 9, "itemTs": "2020-01-01T00:00:00Z"});
        let old =
            json!({"chatDir": {"type": "directRcv"}, "meta": meta, "content": {"type": "rcvMsgContent"}});
        let mut new = old.clone();
        new["meta"] =
            json!({"itemId": 10, "itemTs": "2026-01-01T00:00:00Z", "createdAt": "2026-01-01T00:00:01Z"});
        let ann = json!({"type": "direct", "contact": {"contactId": 4, "localDisplayName": "ann"}});
        let event = json!({"type": "newChatItems", "chatItems": [{"chatInfo": ann, "chatItem": new}]});
        let answer = json!({"type": "apiChat", "chat": {"chatItems": [old]}});
        return vec![Do::Answer(answer), Do::Event(event)];
    }
    usual(command, &json!([]))
}

/// What is asked of ann's chat.
const ANN: &str = "/_get chat @4 count=50";

const HEARD: [&str; 5] = ["heard 4 long ago", "heard 4 now", "known 4 ann", "open", "unknown bob"];

#[test]
fn people_are_heard_and_what_they_wrote_meanwhile_too() {
    let (url, _) = server(Box::new(people));
    assert_eq!(heard(&[("SIMPLEX_URL", &url)]), HEARD);
}

#[test]
fn what_comes_in_pieces_over_tls_is_read_whole() {
    let (url, ca_file) = trickling_tls_server(Box::new(people));
    assert_eq!(heard(&[("SIMPLEX_URL", &url), ("SIMPLEX_TLS_CA_FILE", &ca_file)]), HEARD);
    let _ = std::fs::remove_file(ca_file);
}

#[test]
fn an_old_word_that_arrives_only_now_counts_from_when_it_was_written() {
    let late = |command: &str| match command {
        ANN => {
            let meta =
                json!({"itemId": 10, "itemTs": "2020-01-01T00:00:00Z", "createdAt": "2026-01-01T00:00:00Z"});
            // As a group shows its past to who joins it.
            let item = json!({"chatDir": {"type": "groupRcv", "groupMember": {"memberContactId": 4}}, "meta": meta,
                "content": {"type": "rcvMsgContent"}});
            let group = json!({"type": "group", "groupInfo": {"groupId": 1}});
            let event = json!({"type": "newChatItems", "chatItems": [{"chatInfo": group, "chatItem": item}]});
            vec![Do::Answer(json!({"type": "apiChat", "chat": {"chatItems": []}})), Do::Event(event)]
        }
        command => usual(command, &json!([])),
    };
    let (url, _) = server(Box::new(late));
    let expected = ["heard 4 long ago", "known 4 ann", "open", "unknown bob"];
    assert_eq!(heard_of(&[("SIMPLEX_URL", &url)], expected.len()), expected);
}

#[test]
fn alerts_to_somebody_do_not_hide_their_last_word() {
    let behind_alerts = |command: &str| {
        let Some(count) = command.strip_prefix("/_get chat @4 count=") else {
            return usual(command, &json!([]));
        };
        let of = |id: i32, from: &str, kind: &str| {
            let meta = json!({"itemId": id, "itemTs": "2020-01-01T00:00:00Z"});
            json!({"chatDir": {"type": from}, "meta": meta, "content": {"type": kind}})
        };
        let alerts = (2..40).map(|id| of(id, "directSnd", "sndMsgContent"));
        let mut all: Vec<_> = std::iter::once(of(1, "directRcv", "rcvMsgContent")).chain(alerts).collect();
        all.drain(..all.len().saturating_sub(count.parse().unwrap()));
        vec![Do::Answer(json!({"type": "apiChat", "chat": {"chatItems": all}}))]
    };
    let (url, _) = server(Box::new(behind_alerts));
    let expected = ["heard 4 long ago", "known 4 ann", "open", "unknown bob"];
    assert_eq!(heard_of(&[("SIMPLEX_URL", &url)], expected.len()), expected);
}
