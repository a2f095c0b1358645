//! What simplex-chat 6.3.7 to 7.0.0.6 said, read: its frames are in `tests/simplex`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// A frame by its name; of a request and its answer, the answer.
fn frame(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/simplex/{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut whole: Value = serde_json::from_str(&text).unwrap();
    if whole.get("response").is_some() { whole["response"].take() } else { whole }
}

fn read(name: &str) -> Value {
    into_body(frame(name))
}

/// The prefixes of the versions of which a frame is there.
const VERSIONS: [&str; 4] = ["v6.3.7_", "v6.4.11_", "", "v7.0.0.6_"];

#[test]
fn every_frame_is_read_to_its_type_in_every_shape() {
    let mut count = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simplex")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let whole = frame(&name);
        let kind_of = kind(body(&whole)).to_owned();
        assert!(!kind_of.is_empty(), "{name}");
        assert_eq!(answers(&whole).is_none(), name.contains("event_"), "{name}");
        assert_eq!(Trouble::read(body(&whole)).is_some(), name.contains("err_"), "{name}");
        assert_eq!(*body(&whole), into_body(whole.clone()), "{name}");
        count += 1;
    }
    assert!(count > 80, "{count}");
}

#[test]
fn a_group_is_read_from_each_versions_list() {
    for version in VERSIONS {
        let groups = groups(&read(&format!("{version}cmd_groups")));
        let expected = Group {
            id: 1,
            local: "alerts".to_owned(),
            display: "alerts".to_owned(),
            standing: Standing::Member,
        };
        assert_eq!(groups, [expected], "{version}");
    }
    let two: Vec<_> = groups(&read("cmd_groups_two")).iter().map(|group| group.standing).collect();
    assert_eq!(two, [Standing::Member, Standing::Out]);
}

#[test]
fn how_things_stand_with_a_group_is_read_from_events() {
    let check = |name: &str, standing| {
        let group = Group::read(&read(name)["groupInfo"]).unwrap();
        assert_eq!((&*group.local, group.standing), ("ops room", standing), "{name}");
    };
    check("event_receivedGroupInvitation", Standing::Invited);
    check("cmd_join_group", Standing::Pending);
    check("event_deletedMemberUser", Standing::Out);
    let mut info = read("event_receivedGroupInvitation")["groupInfo"].take();
    info["membership"]["memberStatus"] = "connected".into();
    assert_eq!(Group::read(&info).unwrap().standing, Standing::Observer);
}

#[test]
fn contacts_are_read_by_our_own_name_for_them() {
    let check = |list: &Value, expected: &[(i64, &str)]| {
        assert_eq!(contacts(list).collect::<Vec<_>>(), expected);
    };
    let mut list = read("cmd_contacts");
    assert!(contacts(&list).any(|(id, name)| (id, name) == (5, "phone_1")));
    let one = |status: &str| json!({"contactId": 4, "localDisplayName": "ann", "contactStatus": status});
    list["contacts"] =
        json!([[one("active"), {}], {"contact": one("active")}, one("active"), one("deleted")]);
    check(&list, &[(4, "ann"), (4, "ann"), (4, "ann")]);
}

#[test]
fn a_plan_says_whether_we_are_there() {
    for name in ["cmd_connect_plan_group_known", "cmd_connect_group_again"] {
        assert!(matches!(plan(&read(name)), Plan::Group(group) if group.id == 1), "{name}");
    }
    for version in VERSIONS {
        assert_eq!(plan(&read(&format!("{version}cmd_connect_plan_group_short"))), Plan::New, "{version}");
    }
    let whole = json!({"connectionPlan": {"type": "groupLink", "groupLinkPlan": {"type": "connectingConfirmReconnect"}}});
    assert_eq!(plan(&whole), Plan::Asked);
    let known = json!({"type": "known", "contact": {"contactId": 4}});
    let whole = json!({"connectionPlan": {"type": "contactAddress", "contactAddressPlan": known}});
    assert_eq!(plan(&whole), Plan::Contact(4));
}

#[test]
fn a_message_that_was_stored_has_its_number_and_its_chat() {
    let check = |name: &str, expected: (Chat, i64, &str)| {
        let body = read(name);
        let (chat, _, item) = items(&body).next().unwrap();
        assert!(item.is_sent() && !item.is_message(), "{name}");
        assert_eq!((chat.unwrap(), item.id().unwrap(), item.text()), expected, "{name}");
        assert_eq!(kind(item.status()), "sndNew", "{name}");
    };
    let text = "[FIRING:1] DiskFull\nroot is *90%* full, see `df -h`";
    check("cmd_send_group", (Chat::Group(1), 13, text));
    check("cmd_send_group_file", (Chat::Group(1), 169, "here is the doc"));
    for version in ["v6.3.7_", "v6.4.11_", "v7.0.0.6_"] {
        let body = read(&format!("{version}cmd_send_group"));
        let (chat, _, item) = items(&body).next().unwrap();
        assert!(chat == Some(Chat::Group(1)) && item.is_sent() && item.id().is_some(), "{version}");
    }
    let body = read("cmd_send_contact");
    assert_eq!(items(&body).next().unwrap().0, Some(Chat::Contact(4)));
}

#[test]
fn a_message_of_somebody_has_its_time_and_who_wrote_it() {
    let body = read("event_newChatItems_received_group");
    let (chat, _, item) = items(&body).next().unwrap();
    assert_eq!((chat, item.written_at()), (Some(Chat::Group(1)), "2026-11-20T15:40:26Z"));
    assert!(item.is_message() && !item.is_sent() && !item.is_direct());
    assert_eq!(local_name(item.member()), "alertbot");
}

#[test]
fn an_error_is_known_by_its_two_levels() {
    let check = |name: &str, expected: Trouble| {
        assert_eq!(Trouble::read(&read(name)), Some(expected), "{name}");
    };
    check("err_send_group_not_found", Trouble::NoChat);
    check("v6.3.7_err_send_group_not_found", Trouble::NoChat);
    check("err_send_contact_not_found", Trouble::NoChat);
    check("err_send_other_active_user", Trouble::NoChat);
    check("err_groups_other_user", Trouble::OtherUser);
    check("err_send_group_observer", Trouble::Observer);
    check("err_send_group_removed", Trouble::NoMember);
    check("err_send_group_invited_not_joined", Trouble::NoMember);
    check("err_send_contact_deleted", Trouble::NotReady);
    for version in VERSIONS {
        check(&format!("{version}err_send_too_long"), Trouble::TooLong);
    }
    check("err_send_contact_too_long_x", Trouble::TooLong);
    check("err_connect_not_a_link", Trouble::NoLink);
    check("err_connect_server_down", Trouble::Passing("BROKER NETWORK".to_owned()));
    check("err_send_stopped", Trouble::Passing("simplex-chat has not started".to_owned()));
    check("err_send_file_missing", Trouble::File("fileNotFound /data/files/none.txt".to_owned()));
    check("err_command_parse", Trouble::Other("commandError Failed reading: empty".to_owned()));
    let used = json!({"chatError": {"type": "errorAgent", "agentError": {"type": "SMP", "smpErr": {"type": "AUTH"}}}});
    assert_eq!(Trouble::read(&used), Some(Trouble::DeadLink));
}

#[test]
fn what_an_error_repeats_of_a_link_is_hidden() {
    let link = "https://smp.example/g#s3cr3tS3CR3T";
    let error = json!({"type": "error", "errorType": {"type": "commandError", "message": format!("no: {link} {}", "x".repeat(99))}});
    let trouble = Trouble::read(&json!({"chatError": error})).unwrap();
    let said = trouble.without(&Hidden::of_parts([link].into_iter()));
    let words = said.words();
    assert!(words.starts_with("commandError no: (hidden) xx") && words.len() == WORDS_CHARS_MAX, "{words}");
}

#[test]
fn what_is_no_frame_of_simplex_chat_is_read_as_nothing() {
    for odd in
        [json!(null), json!([1]), json!({"resp": 7}), json!({"corrId": 8, "resp": {"type": 1}}), json!("x")]
    {
        assert_eq!((answers(&odd), kind(body(&odd))), (None, ""), "{odd}");
        let body = body(&odd);
        assert!(items(body).next().is_none() && groups(body).is_empty() && Trouble::read(body).is_none());
    }
}
