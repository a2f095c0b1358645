//! The bench beside the recordings: what it says has the same fields, of the same kinds, with the same types.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::Client;
use super::commands::TEXT_BYTES_MAX;
use super::frames::{Shape, body};
use super::world::Chat;
use super::{Bench, Fault};

/// Every field of `value` by its path, with its kind, and with its value where that says what is meant.
fn fields(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| fields(value, &format!("{path}.{name}"), all))
        }
        Value::Array(list) => list.iter().for_each(|value| fields(value, &format!("{path}[]"), all)),
        Value::String(text) if path.ends_with(".type") => drop(all.insert(format!("{path} = {text}"))),
        Value::String(_) => drop(all.insert(format!("{path}: text"))),
        Value::Number(_) => drop(all.insert(format!("{path}: number"))),
        Value::Bool(_) => drop(all.insert(format!("{path}: bool"))),
        Value::Null => drop(all.insert(format!("{path}: null"))),
    }
}

#[track_caller]
fn check_alike(ours: &Value, recorded: &Value, shape: Shape) {
    let [mut a, mut b] = [BTreeSet::new(), BTreeSet::new()];
    fields(ours, "", &mut a);
    fields(recorded, "", &mut b);
    let more: Vec<_> = a.difference(&b).collect();
    let less: Vec<_> = b.difference(&a).collect();
    assert!(more.is_empty() && less.is_empty(), "{shape:?}: too much {more:#?}, missing {less:#?}");
}

fn send(chat: &str, text: &str) -> String {
    format!("/_send {chat} json {}", json!([{"msgContent": {"type": "text", "text": text}, "mentions": {}}]))
}

const LINK: &str = "https://127.0.0.1/g#one";

#[test]
fn answers_are_those_of_each_version() {
    for shape in Shape::ALL {
        let bench = Bench::start(shape);
        bench.world(|world| {
            world.add_contact("phone_1");
            world.add_link(LINK, "ops", false);
        });
        let mut client = Client::connect(&bench.url());
        let mut check = |command: &str, recorded: &str| {
            check_alike(&client.command(command), &shape.recorded(&[recorded]), shape);
        };
        check("/version", "cmd_version");
        check("/user", "cmd_user_activeUser");
        check("/_groups 1", "cmd_groups");
        check("/groups", "cmd_groups");
        let recorded = shape.recorded(&["cmd_send_group"]);
        let text = recorded["chatItems"][0]["chatItem"]["meta"]["itemText"].as_str().unwrap();
        check(&send("#1", text), "cmd_send_group");
        check("/nonsense", "err_command_parse");
        check(&send("#999", "x"), "err_send_group_not_found");
        check(&send("#1", &"z".repeat(TEXT_BYTES_MAX + 1)), "err_send_too_long");
        check(&send("@999", "x"), "err_send_contact_not_found");
        check("#nosuch hi", "err_send_by_name_unknown");
        check("/_groups 3", "err_groups_other_user");
        check("/_get item info #1 999999", "err_item_info_not_found");
        check("/connect notalink", "err_connect_not_a_link");
        let plan = ["cmd_connect_plan_group_short"];
        check_alike(&client.command(&format!("/_connect plan 1 {LINK}")), &shape.recorded(&plan), shape);
        let connect = ["cmd_connect_group", "cmd_connect_group_short"];
        check_alike(&client.command(&format!("/connect {LINK}")), &shape.recorded(&connect), shape);
        let largest = client.command(&send("#1", &"\"".repeat(TEXT_BYTES_MAX / 2)));
        assert_eq!(largest["type"], "newChatItems");
    }
}

#[test]
fn the_envelope_is_that_of_the_version() {
    for shape in Shape::ALL {
        let bench = Bench::start(shape);
        let mut client = Client::connect(&bench.url());
        let mut ask = |command: &str| {
            client.say(&json!({"corrId": "8", "cmd": command}));
            client.hear()["resp"].clone()
        };
        let (answer, error) = (ask("/_groups 1"), ask("/nonsense"));
        let kinds = (json!("groupsList"), json!("chatCmdError"));
        match shape {
            Shape::V6_3 => {
                assert_eq!((&answer["Right"]["type"], &error["Left"]["type"]), (&kinds.0, &kinds.1))
            }
            _ => assert_eq!((&answer["type"], &error["type"]), (&kinds.0, &kinds.1)),
        }
        let entry = &body(&json!({"resp": answer}))["groups"][0];
        let name = match shape {
            Shape::V6_3 | Shape::Flat => &entry[0]["localDisplayName"],
            Shape::V6_4 => &entry["groupInfo"]["localDisplayName"],
            Shape::V6_5 | Shape::V7 => &entry["localDisplayName"],
        };
        assert_eq!(name, "alerts");
    }
}

#[test]
fn what_only_one_version_was_seen_saying_is_said_alike() {
    let shape = Shape::V6_5;
    let bench = Bench::start(shape);
    bench.world(|world| world.add_contact("phone_1"));
    let mut client = Client::connect(&bench.url());
    let mut check = |command: &str, recorded: &str| {
        check_alike(&client.command(command), &shape.recorded(&[recorded]), shape);
    };
    check(&send("@4", "direct hello"), "cmd_send_contact");
    let file = json!([{"msgContent": {"type": "file", "text": "here"}, "fileSource": {"filePath": file!()}}]);
    check(&format!("/_send #1 json {file}"), "cmd_send_group_file");
    let none = json!([{"msgContent": {"type": "file", "text": "x"}, "fileSource": {"filePath": "/no/such"}}]);
    check(&format!("/_send #1 json {none}"), "err_send_file_missing");
    let ops = bench.world(|world| world.invite("ops room", "observer"));
    let group = format!("#{ops}");
    check(&send(&group, "before join"), "err_send_group_invited_not_joined");
    check(&format!("/_join {group}"), "cmd_join_group");
    check(&send(&group, "as observer"), "err_send_group_observer");
    bench.world(|world| world.group_mut(ops).status = "removed");
    check(&send(&group, "after removal"), "err_send_group_removed");
    bench.world(|world| world.contacts[0].is_ready = false);
    let error = client.command(&send("@4", "to deleted"));
    assert_eq!(error["chatError"]["errorType"]["type"], "contactNotReady");
}

#[test]
fn events_are_those_of_each_version() {
    for shape in Shape::ALL {
        let bench = Bench::start(shape);
        let mut client = Client::connect(&bench.url());
        client.command(&send("#1", "hello"));
        let names = ["event_chatItemsStatusesUpdated", "event_chatItemsStatusesUpdated_group"];
        let mut event = client.event("chatItemsStatusesUpdated");
        // The recorded one of 6.5 has a formatted text, and was complete.
        let mut recorded = shape.recorded(&names);
        for one in [&mut event, &mut recorded] {
            one["chatItems"][0]["chatItem"].as_object_mut().unwrap().remove("formattedText");
        }
        check_alike(&event, &recorded, shape);
        bench.world(|world| world.add_link(LINK, "ops", true));
        client.command(&format!("/connect {LINK}"));
        let joined = client.event("userJoinedGroup");
        check_alike(&joined, &shape.recorded(&["event_userJoinedGroup"]), shape);
        assert_eq!(joined["groupInfo"]["localDisplayName"], "ops");
        let known = client.command(&format!("/connect {LINK}"));
        assert_eq!(known["connectionPlan"]["groupLinkPlan"]["groupInfo"]["groupId"], 2);
        bench.world(|world| world.contact_writes(4, "still here"));
        let heard = client.event("newChatItems");
        let item = &heard["chatItems"][0];
        assert_eq!(
            (&item["chatInfo"]["contact"]["contactId"], &item["chatItem"]["chatDir"]["type"]),
            (&json!(4), &json!("directRcv"))
        );
        assert_eq!(item["chatItem"]["meta"]["itemText"], "still here");
    }
}

#[test]
fn the_relay_tells_of_what_it_took_only_while_it_is_there() {
    let bench = Bench::start(Shape::V6_5);
    bench.world(|world| world.relay_is_up = false);
    let mut client = Client::connect(&bench.url());
    let stored = client.command(&send("#1", "server is down"));
    check_alike(&stored, &Shape::V6_5.recorded(&["cmd_send_group_server_down"]), Shape::V6_5);
    client.command("/user");
    assert!(client.events.is_empty());
    bench.world(|world| world.add_link(LINK, "ops", true));
    let error = client.command(&format!("/_connect plan 1 {LINK}"));
    check_alike(&error, &Shape::V6_5.recorded(&["err_connect_server_down"]), Shape::V6_5);
    bench.world(|world| world.relay_comes_up());
    let status = client.event("chatItemsStatusesUpdated")["chatItems"][0]["chatItem"]["meta"].clone();
    assert_eq!(
        (&status["itemText"], &status["itemStatus"]["type"]),
        (&json!("server is down"), &json!("sndSent"))
    );
}

#[test]
fn what_happens_to_groups_is_told() {
    let bench = Bench::start(Shape::V7);
    bench.world(|world| {
        world.add_link(LINK, "ops", false);
        world.add_link("https://127.0.0.1/g#two", "other", true);
        world.use_up("https://127.0.0.1/g#two");
    });
    let mut client = Client::connect(&bench.url());
    assert_eq!(client.command(&format!("/connect {LINK}"))["type"], "sentInvitation");
    let plan = client.command(&format!("/_connect plan 1 {LINK}"));
    assert_eq!(plan["connectionPlan"]["groupLinkPlan"]["type"], "connectingConfirmReconnect");
    bench.world(|world| world.begin_to_let_in());
    let plan = client.command(&format!("/connect {LINK}"));
    assert_eq!(plan["connectionPlan"]["groupLinkPlan"]["type"], "connectingProhibit");
    bench.world(|world| world.let_in());
    client.event("userJoinedGroup");
    let error = client.command("/connect https://127.0.0.1/g#two");
    assert_eq!(error["chatError"]["agentError"]["smpErr"]["type"], "AUTH");
    let room = bench.world(|world| world.invite("ops room", "observer"));
    let invited = client.event("receivedGroupInvitation");
    check_alike(
        &invited["contact"],
        &Shape::V7.recorded(&["event_receivedGroupInvitation"])["contact"],
        Shape::V7,
    );
    assert_eq!(client.command(&format!("/_join #{room}"))["type"], "userAcceptedGroupSent");
    client.event("userJoinedGroup");
    bench.world(|world| world.remove_us(room));
    let removed = client.event("deletedMemberUser");
    assert_eq!(removed["groupInfo"]["groupId"], room);
    bench.world(|world| world.rename(1, "alarms"));
    let renamed = client.event("groupUpdated");
    assert_eq!(renamed["toGroup"]["localDisplayName"], "alarms");
    bench.world(|world| world.member_writes(1, "phone", Some(4), "here"));
    let item = client.event("newChatItems")["chatItems"][0]["chatItem"].clone();
    let sender = (&item["chatDir"]["groupMember"]["memberContactId"], &item["meta"]["itemText"]);
    assert_eq!(sender, (&json!(4), &json!("here")));
}

#[test]
fn each_fault_does_what_it_says() {
    let mut bench = Bench::start(Shape::V6_3);
    bench.chatter(3);
    let mut client = Client::connect(&bench.url());
    client.say(&json!({"corrId": "7", "cmd": "/user"}));
    let frames: Vec<Value> = (0..4).map(|_| client.hear()).collect();
    assert!(frames[..3].iter().all(|frame| frame.get("corrId").is_none()), "{frames:?}");
    assert_eq!((&frames[3]["corrId"], &body(&frames[3])["type"]), (&json!("7"), &json!("activeUser")));
    client.say(&json!({"corrId": 7, "cmd": "/user"}));
    assert_eq!(client.hear()["resp"]["Left"]["type"], "chatCmdError");
    assert_eq!(bench.look(|state| state.malformed.len()), 1);
    bench.chatter(0);

    bench.next("/_send", Fault::EventsFirst);
    client.command(&send("#1", "zero"));
    assert_eq!(client.events.len(), 3);
    bench.next("/_send", Fault::Late);
    client.say(&json!({"corrId": "late", "cmd": send("#1", "one")}));
    client.say(&json!({"corrId": "behind", "cmd": "/user"}));
    bench.wait_for_sent(2);
    assert_eq!(bench.count("/user"), 1);
    bench.release();
    while client.hear()["corrId"] != "behind" {}
    for (fault, stored) in
        [(Fault::Unheard, 2), (Fault::Unanswered, 3), (Fault::CutBefore, 3), (Fault::CutAfter, 4)]
    {
        bench.next("/_send", fault.clone());
        client.say(&json!({"corrId": "x", "cmd": send("#1", "two")}));
        if matches!(fault, Fault::CutBefore | Fault::CutAfter) {
            client = Client::connect(&bench.url());
        }
        let id = client.group("alerts");
        assert_eq!(bench.texts().len(), stored, "{fault:?}");
        assert_eq!(client.own_texts(id, 10).len(), stored);
    }
    bench.go_down();
    assert!(std::net::TcpStream::connect(bench.address()).is_err());
    bench.come_up();
    assert_eq!(Client::connect(&bench.url()).own_texts(1, 2).len(), 2);
    assert_eq!(bench.world(|world| world.sent_to(Chat::Group(1)).len()), 4);
}

#[test]
fn a_client_that_does_not_read_is_noticed() {
    let bench = Bench::start(Shape::V6_5);
    let mut client = Client::connect(&bench.url());
    bench.flood(2000);
    bench.wait_for("an event", |state| (state.events_written > 0).then_some(()));
    // It stands still in the middle: nobody reads.
    let mut before = 0;
    while bench.look(|state| state.events_written) != before {
        before = bench.look(|state| state.events_written);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(before < 2000, "{before}");
    for _ in 0..2000 {
        client.hear();
    }
    bench.wait_for("all events", |state| (state.events_written == 2000).then_some(()));
    assert!(bench.look(|state| state.slowest_write).as_millis() >= 100);
}
