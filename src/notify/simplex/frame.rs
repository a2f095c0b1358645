//! What simplex-chat says, in all its versions' shapes, read without a type for each.
//!
//! ```text
//!   {"corrId": "8", "resp": {"type": …}}                to 6.3.3, from 6.4
//!   {"corrId": "8", "resp": {"Right": {"type": …}}}     6.3.4 to 6.3.7; Left is an error
//!                   "resp": …                           without corrId: an event, at any time
//! ```
//!
//! Pure. Apart from what is done about it. Fields that are added, and words that are new, are
//! passed over: what is known is looked up, nothing else.

use std::fmt;

use serde_json::Value;

use crate::notify::http::Hidden;

/// What is said of an answer must fit into one line of the log.
const WORDS_CHARS_MAX: usize = 80;

/// A conversation, by simplex-chat's own number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Chat {
    Group(i64),
    Contact(i64),
}

impl fmt::Display for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chat::Group(id) => write!(f, "#{id}"),
            Chat::Contact(id) => write!(f, "@{id}"),
        }
    }
}

/// The command that is answered; None for an event.
pub(super) fn answers(frame: &Value) -> Option<u64> {
    frame.get("corrId")?.as_str()?.parse().ok()
}

/// What is said, without what is around it.
pub(super) fn body(frame: &Value) -> &Value {
    let resp = part(frame, "resp");
    resp.get("Right").or_else(|| resp.get("Left")).unwrap_or(resp)
}

/// The same, taken out of its frame: some are long lists.
pub(super) fn into_body(mut frame: Value) -> Value {
    let resp = frame.get_mut("resp").map(Value::take).unwrap_or_default();
    match resp {
        Value::Object(mut resp) => {
            resp.remove("Right").or_else(|| resp.remove("Left")).unwrap_or(Value::Object(resp))
        }
        other => other,
    }
}

/// Its type, or that of a part.
pub(super) fn kind(value: &Value) -> &str {
    text(part(value, "type"))
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What stands at `path` in it (`meta/itemId`); null if nothing does.
pub(super) fn part<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('/').try_fold(value, |value, name| value.get(name)).unwrap_or(&Value::Null)
}

/// The elements of a list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// How things stand between us and a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Standing {
    /// We can write there.
    Member,
    /// We can read there.
    Observer,
    /// A member has invited us.
    Invited,
    /// Somebody there has yet to let us in, or the network to do it.
    Pending,
    /// We have left, or were removed, or it is gone.
    Out,
}

/// A group, as a list or an event has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) id: i64,
    /// Ours alone: no other group has it.
    pub(super) local: String,
    /// What its owner calls it; others may be called the same.
    pub(super) display: String,
    pub(super) standing: Standing,
}

impl Group {
    pub(super) fn read(info: &Value) -> Option<Group> {
        let us = part(info, "membership");
        let standing = match (text(part(us, "memberStatus")), text(part(us, "memberRole"))) {
            ("connected" | "complete" | "creator", "observer") => Standing::Observer,
            ("connected" | "complete" | "creator", _) => Standing::Member,
            ("invited", _) => Standing::Invited,
            ("removed" | "left" | "deleted" | "rejected", _) => Standing::Out,
            _ => Standing::Pending,
        };
        Some(Group {
            id: part(info, "groupId").as_i64()?,
            local: text(part(info, "localDisplayName")).to_owned(),
            display: text(part(info, "groupProfile/displayName")).to_owned(),
            standing,
        })
    }
}

/// An entry of a list: `X`, `{name: X, …}` or `[X, …]`, by version.
fn entry<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(0).or_else(|| value.get(name)).unwrap_or(value)
}

/// The groups of an answer to `/_groups`.
pub(super) fn groups(body: &Value) -> Vec<Group> {
    list(part(body, "groups")).iter().filter_map(|group| Group::read(entry(group, "groupInfo"))).collect()
}

/// The contacts of an answer to `/_contacts`: number and local name, those that are still there.
pub(super) fn contacts(body: &Value) -> impl Iterator<Item = (i64, &str)> {
    let contacts = list(part(body, "contacts")).iter().map(|contact| entry(contact, "contact"));
    let is_there = |contact: &&Value| !text(part(contact, "contactStatus")).starts_with("deleted");
    contacts
        .filter(is_there)
        .filter_map(|contact| Some((part(contact, "contactId").as_i64()?, local_name(contact))))
}

pub(super) fn local_name(whom: &Value) -> &str {
    text(part(whom, "localDisplayName"))
}

/// What a link leads to, if we are there already or on the way.
#[derive(Debug, PartialEq)]
pub(super) enum Plan {
    /// Nobody knows us there.
    New,
    /// We have asked, and were not let in yet.
    Asked,
    /// We are in.
    Group(Group),
    /// They are a contact.
    Contact(i64),
}

/// Reads the `connectionPlan` in an answer to `/connect` or `/_connect plan`.
pub(super) fn plan(body: &Value) -> Plan {
    let whole = part(body, "connectionPlan");
    // {"type": "groupLink", "groupLinkPlan": {"type": "known", …}}, and so for the other kinds.
    let inner = ["groupLinkPlan", "contactAddressPlan", "invitationLinkPlan"];
    let plan = inner.iter().find_map(|name| whole.get(*name)).unwrap_or(whole);
    if let Some(group) = Group::read(part(plan, "groupInfo")) {
        return Plan::Group(group);
    }
    match (kind(plan), part(plan, "contact/contactId").as_i64()) {
        ("known" | "contactViaAddress", Some(id)) => Plan::Contact(id),
        (kind, _) if kind.starts_with("connecting") => Plan::Asked,
        _ => Plan::New,
    }
}

/// A message, wherever it stands in a chat.
#[derive(Clone, Copy)]
pub(super) struct Item<'v> {
    /// `{"chatDir":…,"meta":…,"content":…}`.
    item: &'v Value,
}

impl<'v> Item<'v> {
    pub(super) fn id(self) -> Option<i64> {
        part(self.item, "meta/itemId").as_i64()
    }

    /// True if it is our own.
    pub(super) fn is_sent(self) -> bool {
        matches!(kind(part(self.item, "chatDir")), "groupSnd" | "directSnd")
    }

    /// As it was written.
    pub(super) fn text(self) -> &'v str {
        let written = text(part(self.item, "content/msgContent/text"));
        if written.is_empty() { text(part(self.item, "meta/itemText")) } else { written }
    }

    /// How far it has come.
    pub(super) fn status(self) -> &'v Value {
        part(self.item, "meta/itemStatus")
    }

    /// When it was written: `2026-11-20T15:40:26Z`.
    pub(super) fn written_at(self) -> &'v str {
        text(part(self.item, "meta/itemTs"))
    }

    /// When simplex-chat had it, in the same form.
    pub(super) fn stored_at(self) -> &'v str {
        text(part(self.item, "meta/createdAt"))
    }

    /// True if a person has written it: what programs tell each other comes as items too.
    pub(super) fn is_message(self) -> bool {
        kind(part(self.item, "content")) == "rcvMsgContent"
    }

    /// Who of a group has written it.
    pub(super) fn member(self) -> &'v Value {
        part(self.item, "chatDir/groupMember")
    }

    /// True if a contact has written it, to us alone.
    pub(super) fn is_direct(self) -> bool {
        kind(part(self.item, "chatDir")) == "directRcv"
    }
}

/// True if this says that messages were stored.
pub(super) fn is_stored(body: &Value) -> bool {
    kind(body) == "newChatItems"
}

/// The messages of an event or an answer, each with its chat and what that says of itself.
pub(super) fn items(body: &Value) -> impl Iterator<Item = (Option<Chat>, &Value, Item<'_>)> {
    list(part(body, "chatItems")).iter().map(|whole| {
        let info = part(whole, "chatInfo");
        let group = part(info, "groupInfo/groupId").as_i64().map(Chat::Group);
        let chat = group.or_else(|| part(info, "contact/contactId").as_i64().map(Chat::Contact));
        (chat, info, Item { item: part(whole, "chatItem") })
    })
}

/// The messages of an answer to `/_get chat`, which has them without their chat.
pub(super) fn history(body: &Value) -> impl Iterator<Item = Item<'_>> {
    list(part(body, "chat/chatItems")).iter().map(|item| Item { item })
}

/// What an error comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// It passes: the network, or a start that is not done.
    Passing(String),
    /// Another of simplex-chat's users is the active one.
    OtherUser,
    /// No chat has this number.
    NoChat,
    /// We are no member, yet or any more.
    NoMember,
    /// Our part there is only to read.
    Observer,
    /// The contact is gone, or not connected.
    NotReady,
    /// The message is too long.
    TooLong,
    /// Something about the file that goes with it.
    File(String),
    /// This is no link.
    NoLink,
    /// The link was used up, or withdrawn.
    DeadLink,
    /// Whatever else: somebody must look.
    Other(String),
}

impl Trouble {
    /// The same without what is to be hidden, and short enough for a line of the log.
    pub(super) fn without(self, hidden: &Hidden) -> Trouble {
        let shown = |words: String| hidden.hide(&words).chars().take(WORDS_CHARS_MAX).collect::<String>();
        match self {
            Trouble::Passing(words) => Trouble::Passing(shown(words)),
            Trouble::File(words) => Trouble::File(shown(words)),
            Trouble::Other(words) => Trouble::Other(shown(words)),
            other => other,
        }
    }

    pub(super) fn words(&self) -> &str {
        match self {
            Trouble::Passing(words) | Trouble::File(words) | Trouble::Other(words) => words,
            Trouble::OtherUser => "another of simplex-chat's users is the active one",
            Trouble::NoChat => "it does not know that chat any more",
            Trouble::NoMember => "it is no member there",
            Trouble::Observer => "it is only an observer there",
            Trouble::NotReady => "the contact is deleted, or not connected",
            Trouble::TooLong => "it is too long",
            Trouble::NoLink => "this is no link",
            Trouble::DeadLink => "the link was used up, or withdrawn",
        }
    }

    /// Reads an answer; None if it is no error.
    pub(super) fn read(body: &Value) -> Option<Trouble> {
        let error = part(body, "chatError");
        if error.is_null() {
            return None;
        }
        // {"type": "errorStore", "storeError": {"type": "largeMsg"}}, and so for the other kinds.
        let parts = ["errorType", "storeError", "agentError", "databaseError"];
        let inner = parts.iter().find_map(|name| error.get(*name)).unwrap_or(error);
        let (outer, kind_within) = (kind(error), kind(inner));
        let deepest = ["brokerErr", "smpErr"].iter().find_map(|name| inner.get(*name)).map_or("", kind);
        let message = text(part(inner, "message"));
        let words = [kind_within, deepest, message].join(" ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(match (outer, kind_within) {
            ("error", "differentActiveUser") => Trouble::OtherUser,
            (_, "groupNotFound" | "contactNotFound") => Trouble::NoChat,
            ("error", "groupUserRole") => Trouble::Observer,
            ("error", "contactNotReady" | "contactNotActive" | "contactDisabled") => Trouble::NotReady,
            (_, "largeMsg") => Trouble::TooLong,
            ("error", "invalidConnReq") => Trouble::NoLink,
            ("errorAgent", "SMP") if deepest == "AUTH" => Trouble::DeadLink,
            ("error", "commandError") if message.contains("not current member") => Trouble::NoMember,
            ("error", kind) if kind.starts_with("file") => Trouble::File(words),
            ("error", "chatNotStarted") => Trouble::Passing("simplex-chat has not started".to_owned()),
            // The agent's errors are the network's, and a database that is busy will not stay so.
            ("errorAgent" | "errorDatabase", _) | (_, "dBBusyError" | "dBException" | "internalError") => {
                Trouble::Passing(words)
            }
            _ => Trouble::Other(words),
        })
    }
}

#[cfg(test)]
mod tests;
