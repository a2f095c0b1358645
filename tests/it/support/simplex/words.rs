//! What a simplex-chat knows, in the words of its version.
//!
//! Apart from what it knows, and from who asks: each piece is a recorded one with our names and numbers in it.

use std::time::SystemTime;

use alertik::timestamp::Zone;
use serde_json::{Value, json};

use super::markup;
use super::world::{Chat, From, Item, World};

impl World {
    /// What was recorded under one of `names`, with our user in it.
    pub(super) fn said(&self, names: &[&str]) -> Value {
        let mut body = self.shape.recorded(names);
        if body.get("user").is_some() {
            body["user"] = self.shape.user();
        }
        body
    }

    pub(super) fn group_info(&self, id: i64) -> Value {
        let group = self.groups.iter().find(|group| group.id == id).expect("the group is known");
        let mut info = self.shape.group_info();
        info["groupId"] = json!(id);
        info["localDisplayName"] = json!(group.local_name);
        info["groupProfile"]["displayName"] = json!(group.name);
        info["membership"]["groupId"] = json!(id);
        info["membership"]["memberStatus"] = json!(group.status);
        info["membership"]["memberRole"] = json!(group.role);
        if group.is_by_invitation {
            info["membership"]["invitedBy"] = json!({"type": "contact", "byContactId": 5});
            info.as_object_mut().expect("it is an object").remove("viaGroupLinkUri");
        }
        info
    }

    pub(super) fn contact(&self, id: i64) -> Value {
        let contact = self.contacts.iter().find(|contact| contact.id == id).expect("the contact is known");
        let mut info = self.shape.contact();
        info["contactId"] = json!(id);
        info["localDisplayName"] = json!(contact.local_name);
        info["profile"]["displayName"] = json!(contact.name);
        if !contact.is_ready {
            info["contactStatus"] = json!("deleted");
        }
        info
    }

    pub(super) fn chat_info(&self, chat: Chat) -> Value {
        match chat {
            Chat::Group(id) => json!({"type": "group", "groupInfo": self.group_info(id)}),
            Chat::Contact(id) => json!({"type": "direct", "contact": self.contact(id)}),
        }
    }

    /// A message with the chat it is in.
    pub(super) fn chat_item(&self, item: &Item) -> Value {
        json!({"chatInfo": self.chat_info(item.chat), "chatItem": self.bare_item(item)})
    }

    /// A message as a list of its chat has it.
    pub(super) fn bare_item(&self, item: &Item) -> Value {
        let mut value = self.shape.item();
        let received = ["event_newChatItems_received_group"];
        let kind = match (&item.from, item.chat) {
            (From::Us, Chat::Group(_)) => "groupSnd",
            (From::Us, Chat::Contact(_)) => "directSnd",
            (From::Member(..), _) => "groupRcv",
            (From::Contact, _) => "directRcv",
        };
        value["chatDir"] = json!({"type": kind});
        if let (From::Member(name, contact), Chat::Group(group)) = (&item.from, item.chat) {
            let recorded = self.said(&received);
            let mut member = recorded["chatItems"][0]["chatItem"]["chatDir"]["groupMember"].clone();
            member["groupId"] = json!(group);
            member["localDisplayName"] = json!(name);
            member["memberProfile"]["displayName"] = json!(name);
            if let Some(contact) = contact {
                member["memberContactId"] = json!(contact);
            }
            value["chatDir"]["groupMember"] = member;
        }
        let is_ours = item.from == From::Us;
        let meta = &mut value["meta"];
        meta["itemId"] = json!(item.id);
        meta["itemText"] = json!(item.text);
        meta["itemStatus"] = item.status.clone();
        (meta["deletable"], meta["editable"]) = (json!(is_ours), json!(is_ours));
        for name in ["createdAt", "updatedAt", "itemTs"] {
            meta[name] = json!(timestamp(item.at));
        }
        if !is_ours {
            // The sender's own time has no parts of a second.
            meta["itemTs"] = json!(format!("{}Z", timestamp(item.at).split('.').next().unwrap()));
        }
        value["content"]["type"] = json!(if is_ours { "sndMsgContent" } else { "rcvMsgContent" });
        value["content"]["msgContent"] = json!({"type": "text", "text": item.text});
        if let Some(path) = &item.file {
            value["content"]["msgContent"]["type"] = json!("file");
            let mut file = self.said(&["cmd_send_group_file"])["chatItems"][0]["chatItem"]["file"].clone();
            file["fileSource"]["filePath"] = json!(path);
            file["fileName"] = json!(path.rsplit('/').next());
            value["file"] = file;
        }
        match markup::formatted_text(&item.text) {
            Some(formatted) => value["formattedText"] = formatted,
            // Of the text that was recorded.
            None => drop(value.as_object_mut().expect("it is an object").remove("formattedText")),
        }
        value
    }
}

/// `2026-11-20T15:40:26.687584121Z`
fn timestamp(at: SystemTime) -> String {
    let nanoseconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    format!("{}.{nanoseconds:09}Z", Zone::utc().format(at).replace(' ', "T"))
}
