//! What a simplex-chat knows: groups, contacts, messages, links, and whether its relay is there.
//!
//! Apart from the socket, so that it can be asked without one. A test changes it as other people would, and
//! what simplex-chat tells of that unasked is kept in `events` until somebody reads it.

use std::collections::VecDeque;
use std::fmt;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::frames::Shape;

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Chat {
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

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: i64,
    /// Ours alone: no other group has it.
    pub(crate) local_name: String,
    pub(crate) name: String,
    /// Ours in it: `connected`, `invited`, `removed`, …
    pub(crate) status: &'static str,
    /// Ours in it: `member`, `observer`, …
    pub(crate) role: &'static str,
    pub(super) link: Option<String>,
    /// Whether a contact asked us in, and no link led there.
    pub(super) is_by_invitation: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) id: i64,
    pub(crate) local_name: String,
    pub(crate) name: String,
    pub(crate) is_ready: bool,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum From {
    Us,
    Contact,
    /// A member of the group, by the name it has here, and who that is among the contacts.
    Member(String, Option<i64>),
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) chat: Chat,
    pub(super) from: From,
    pub(crate) text: String,
    /// The path of a file that came with it.
    pub(crate) file: Option<String>,
    pub(super) status: Value,
    pub(super) at: SystemTime,
}

/// What a link is good for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Good {
    /// Whoever uses it is in the group at once.
    AtOnce,
    /// Somebody has to let them in.
    OnWord,
    Waiting,
    Joined,
    UsedUp,
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) url: String,
    pub(super) group: String,
    pub(super) good: Good,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) shape: Shape,
    pub(crate) groups: Vec<Group>,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) items: Vec<Item>,
    pub(super) links: Vec<Link>,
    /// Whose commands it takes.
    pub(crate) user_id: i64,
    pub(crate) relay_is_up: bool,
    /// Whether invitations that are taken need somebody's word.
    pub(crate) lets_in_at_once: bool,
    /// What it says unasked, as soon as somebody reads.
    pub(super) events: VecDeque<Value>,
}

impl World {
    pub(crate) fn new(shape: Shape) -> World {
        World {
            shape,
            groups: Vec::new(),
            contacts: Vec::new(),
            items: Vec::new(),
            links: Vec::new(),
            user_id: 1,
            relay_is_up: true,
            lets_in_at_once: true,
            events: VecDeque::new(),
        }
    }

    /// A group that we are a member of.
    pub(crate) fn add_group(&mut self, name: &str) -> i64 {
        let id = self.groups.iter().map(|group| group.id).max().unwrap_or(0) + 1;
        let is_taken = |wanted: &str| self.groups.iter().any(|group| group.local_name == wanted);
        let local_name = match is_taken(name) {
            true => (1..).map(|n| format!("{name}_{n}")).find(|name| !is_taken(name)).unwrap(),
            false => name.to_owned(),
        };
        let name = name.to_owned();
        let (status, role, link) = ("connected", "member", None);
        self.groups.push(Group { id, local_name, name, status, role, link, is_by_invitation: false });
        id
    }

    pub(crate) fn add_contact(&mut self, name: &str) -> i64 {
        // The first of the recorded ones has this number.
        let id = self.contacts.iter().map(|contact| contact.id).max().unwrap_or(3) + 1;
        let name = name.to_owned();
        self.contacts.push(Contact { id, local_name: name.clone(), name, is_ready: true });
        id
    }

    /// A link into the group `name`, in which we are not.
    pub(crate) fn add_link(&mut self, url: &str, group: &str, lets_in_at_once: bool) {
        let good = if lets_in_at_once { Good::AtOnce } else { Good::OnWord };
        self.links.push(Link { url: url.to_owned(), group: group.to_owned(), good });
    }

    /// Somebody else has used the link up.
    #[track_caller]
    pub(crate) fn use_up(&mut self, url: &str) {
        self.links.iter_mut().find(|link| link.url == url).expect("the link is known").good = Good::UsedUp;
    }

    /// Whoever waits behind a link or an invitation is let in.
    pub(crate) fn let_in(&mut self) {
        let waiting: Vec<_> = self.links.iter().filter(|link| link.good == Good::Waiting).cloned().collect();
        for link in waiting {
            self.join(&link.url);
        }
        for at in 0..self.groups.len() {
            if self.groups[at].status == "accepted" {
                self.groups[at].status = "connected";
                self.tell_joined(self.groups[at].id);
            }
        }
    }

    /// Whoever waits behind a link is about to be let in: the group is listed already.
    pub(crate) fn begin_to_let_in(&mut self) {
        let waiting: Vec<_> = self.links.iter().filter(|link| link.good == Good::Waiting).cloned().collect();
        for link in waiting {
            let id = self.enter(&link.url);
            self.group_mut(id).status = "accepted";
        }
    }

    pub(super) fn join(&mut self, url: &str) {
        let id = self.enter(url);
        self.tell_joined(id);
    }

    fn enter(&mut self, url: &str) -> i64 {
        let link = self.links.iter_mut().find(|link| link.url == url).expect("it was found before");
        link.good = Good::Joined;
        let name = link.group.clone();
        let id = self.add_group(&name);
        self.group_mut(id).link = Some(url.to_owned());
        id
    }

    fn tell_joined(&mut self, id: i64) {
        let mut event = self.said(&["event_userJoinedGroup"]);
        event["groupInfo"] = self.group_info(id);
        self.events.push_back(event);
    }

    /// A member asks us into a group, where we would have `role`.
    pub(crate) fn invite(&mut self, name: &str, role: &'static str) -> i64 {
        let id = self.add_group(name);
        let group = self.group_mut(id);
        (group.status, group.role, group.is_by_invitation) = ("invited", role, true);
        let mut event = self.said(&["event_receivedGroupInvitation"]);
        event["groupInfo"] = self.group_info(id);
        event["memberRole"] = json!(role);
        self.events.push_back(event);
        id
    }

    /// An owner throws us out.
    pub(crate) fn remove_us(&mut self, id: i64) {
        let mut event = self.said(&["event_deletedMemberUser"]);
        event["groupInfo"] = self.group_info(id);
        self.group_mut(id).status = "removed";
        self.events.push_back(event);
    }

    /// An owner calls the group something else; the name it has here changes with it.
    pub(crate) fn rename(&mut self, id: i64, name: &str) {
        let before = self.group_info(id);
        (self.group_mut(id).name, self.group_mut(id).local_name) = (name.to_owned(), name.to_owned());
        let host = self.said(&["event_userJoinedGroup"])["hostMember"].clone();
        let user = self.shape.user();
        let after = self.group_info(id);
        // Not recorded: as the documentation of its API has it.
        self.events.push_back(
            json!({"type": "groupUpdated", "user": user, "fromGroup": before, "toGroup": after, "member_": host}),
        );
    }

    /// A contact writes to us, and we hear it.
    pub(crate) fn contact_writes(&mut self, id: i64, text: &str) {
        let at = self.contact_wrote(id, text, SystemTime::now());
        self.tell_new(at);
    }

    /// A contact has written to us, and nobody was there to hear it.
    pub(crate) fn contact_wrote(&mut self, id: i64, text: &str, at: SystemTime) -> usize {
        self.keep(Chat::Contact(id), From::Contact, text, None, at)
    }

    /// A member of a group writes in it; some are contacts too.
    pub(crate) fn member_writes(&mut self, group: i64, member: &str, contact: Option<i64>, text: &str) {
        let from = From::Member(member.to_owned(), contact);
        let at = self.keep(Chat::Group(group), from, text, None, SystemTime::now());
        self.tell_new(at);
    }

    fn tell_new(&mut self, at: usize) {
        let mut event = self.said(&["event_newChatItems_received_group"]);
        event["chatItems"] = json!([self.chat_item(&self.items[at])]);
        self.events.push_back(event);
    }

    /// Stores a message, and says where.
    pub(super) fn keep(
        &mut self,
        chat: Chat,
        from: From,
        text: &str,
        file: Option<String>,
        at: SystemTime,
    ) -> usize {
        let id = self.items.last().map_or(13, |last| last.id + 3);
        let status = json!({"type": if from == From::Us { "sndNew" } else { "rcvNew" }});
        self.items.push(Item { id, chat, from, text: text.to_owned(), file, status, at });
        self.items.len() - 1
    }

    /// What we have sent, in its order.
    pub(crate) fn sent(&self) -> Vec<Item> {
        self.items.iter().filter(|item| item.from == From::Us).cloned().collect()
    }

    /// What we have sent there.
    pub(crate) fn sent_to(&self, chat: Chat) -> Vec<Item> {
        let mut sent = self.sent();
        sent.retain(|item| item.chat == chat);
        sent
    }

    /// The relay takes what has waited for it.
    pub(crate) fn relay_comes_up(&mut self) {
        self.relay_is_up = true;
        for at in 0..self.items.len() {
            if self.items[at].status["type"] == "sndNew" {
                self.pass_on(at);
            }
        }
    }

    /// The relay has a message, and then somebody's device, if the relay is there.
    pub(super) fn pass_on(&mut self, at: usize) {
        if self.relay_is_up {
            for status in [
                json!({"type": "sndSent", "sndProgress": "partial"}),
                json!({"type": "sndSent", "sndProgress": "complete"}),
                json!({"type": "sndRcvd", "msgRcptStatus": "ok", "sndProgress": "complete"}),
            ] {
                self.set_status(at, status);
            }
        }
    }

    /// It could not be passed on: `auth`, `quota`, `expired`.
    pub(crate) fn fail(&mut self, at: usize, why: &str) {
        self.set_status(at, json!({"type": "sndError", "agentError": {"type": why}}));
    }

    fn set_status(&mut self, at: usize, status: Value) {
        self.items[at].status = status;
        let names = ["event_chatItemsStatusesUpdated", "event_chatItemsStatusesUpdated_group"];
        let mut event = self.said(&names);
        event["chatItems"] = json!([self.chat_item(&self.items[at])]);
        self.events.push_back(event);
    }

    pub(crate) fn group_mut(&mut self, id: i64) -> &mut Group {
        self.groups.iter_mut().find(|group| group.id == id).expect("the group is known")
    }
}
