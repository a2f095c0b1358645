//! What a simplex-chat answers to a command.
//!
//! Only those that a bot needs, and no more of each than was seen of the real one. All else is
//! `commandError`, as there.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::world::{Chat, From, Good, World};

/// What one message may have, as JSON escapes it. Measured, and the same in all versions.
pub(crate) const TEXT_BYTES_MAX: usize = 15_488;

impl World {
    /// Runs `command` and says what is answered, without an envelope.
    pub(crate) fn run(&mut self, command: &str) -> Value {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        match word {
            "/version" | "/v" => self.said(&["cmd_version"]),
            "/user" | "/u" => {
                let mut body = self.said(&["cmd_user_activeUser"]);
                body["user"]["userId"] = json!(self.user_id);
                body
            }
            "/groups" => self.groups_list(),
            "/contacts" => self.contacts_list(),
            "/_groups" => self.of_user(rest).unwrap_or_else(|| self.groups_list()),
            "/_contacts" => self.of_user(rest).unwrap_or_else(|| self.contacts_list()),
            "/connect" | "/c" => self.connect(rest),
            "/_connect" => self.connect_by_number(rest),
            "/_send" => self.send(rest),
            "/_join" => self.accept(rest),
            "/_get" => self.look_up(rest),
            _ if word.starts_with(['#', '@']) && word.len() > 1 => self.send_by_name(word, rest),
            _ => not_understood(),
        }
    }

    fn of_user(&self, user: &str) -> Option<Value> {
        let Ok(id) = user.trim().parse::<i64>() else { return Some(not_understood()) };
        (id != self.user_id).then(|| {
            let ids = (json!(id), json!(self.user_id));
            error(json!({"type": "differentActiveUser", "commandUserId": ids.0, "activeUserId": ids.1}))
        })
    }

    fn groups_list(&self) -> Value {
        let mut body = self.said(&["cmd_groups"]);
        body["groups"] =
            self.groups.iter().map(|group| self.shape.listed(self.group_info(group.id))).collect();
        body
    }

    fn contacts_list(&self) -> Value {
        let mut body = self.said(&["cmd_contacts"]);
        body["contacts"] = self.contacts.iter().map(|contact| self.contact(contact.id)).collect();
        body
    }

    /// `#1 json […]`, with options before `json` perhaps.
    fn send(&mut self, rest: &str) -> Value {
        let Some((head, messages)) = rest.split_once(" json ") else { return not_understood() };
        let chat = head.split(' ').next().and_then(chat);
        let messages = serde_json::from_str::<Vec<Value>>(messages).ok();
        let (Some(chat), Some(messages)) = (chat, messages) else { return not_understood() };
        if messages.is_empty() || messages.iter().any(|one| !one["msgContent"]["text"].is_string()) {
            return not_understood();
        }
        if let Some(error) = self.cannot_send(chat) {
            return error;
        }
        for message in &messages {
            let text = message["msgContent"]["text"].as_str().unwrap_or_default();
            if json_bytes(text) > TEXT_BYTES_MAX {
                return self.said(&["err_send_too_long"]);
            }
            let file = message["fileSource"]["filePath"].as_str();
            if let Some(path) = file.filter(|path| !Path::new(path).exists()) {
                return error(json!({"type": "fileNotFound", "message": path}));
            }
        }
        let keep = |message: &Value| {
            let file = message["fileSource"]["filePath"].as_str().map(str::to_owned);
            let text = message["msgContent"]["text"].as_str().unwrap_or_default();
            self.keep(chat, From::Us, text, file, SystemTime::now())
        };
        let kept: Vec<usize> = messages.iter().map(keep).collect();
        let mut body = self.said(&["cmd_send_group"]);
        body["chatItems"] = kept.iter().map(|at| self.chat_item(&self.items[*at])).collect();
        for at in kept {
            self.pass_on(at);
        }
        body
    }

    fn cannot_send(&self, chat: Chat) -> Option<Value> {
        match chat {
            Chat::Group(id) => {
                let Some(group) = self.groups.iter().find(|group| group.id == id) else {
                    return Some(store_error(json!({"type": "groupNotFound", "groupId": id})));
                };
                if !["connected", "complete", "creator"].contains(&group.status) {
                    return Some(error(json!({"type": "commandError", "message": "not current member"})));
                }
                (group.role == "observer").then(|| {
                    let group = self.group_info(id);
                    error(json!({"type": "groupUserRole", "groupInfo": group, "requiredRole": "author"}))
                })
            }
            Chat::Contact(id) => match self.contacts.iter().find(|contact| contact.id == id) {
                None => Some(store_error(json!({"type": "contactNotFound", "contactId": id}))),
                Some(contact) if contact.is_ready => None,
                Some(_) => Some(error(json!({"type": "contactNotReady", "contact": self.contact(id)}))),
            },
        }
    }

    /// `#name text`, as people type it.
    fn send_by_name(&mut self, word: &str, text: &str) -> Value {
        let (kind, name) = word.split_at(1);
        let group = self.groups.iter().find(|group| group.local_name == name);
        let contact = self.contacts.iter().find(|contact| contact.local_name == name);
        let chat = match kind {
            "#" => group.map(|group| Chat::Group(group.id)),
            _ => contact.map(|contact| Chat::Contact(contact.id)),
        };
        match (chat, kind) {
            (Some(chat), _) => self.send(&format!(
                "{chat} json {}",
                json!([{"msgContent": {"type": "text", "text": text}, "mentions": {}}])
            )),
            (None, "#") => store_error(json!({"type": "groupNotFoundByName", "groupName": name})),
            (None, _) => store_error(json!({"type": "contactNotFoundByName", "contactName": name})),
        }
    }

    /// `plan 1 LINK`, or `1 LINK`.
    fn connect_by_number(&mut self, rest: &str) -> Value {
        let (is_plan, rest) = match rest.strip_prefix("plan ") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let Some((user, url)) = rest.split_once(' ') else { return not_understood() };
        match self.of_user(user) {
            Some(error) => error,
            None if is_plan => self.plan(url),
            None => self.connect(url),
        }
    }

    /// Why nothing can be found out about a link.
    fn cannot_connect(&self, good: Option<&Good>) -> Option<Value> {
        match good {
            None => Some(error(json!({"type": "invalidConnReq"}))),
            Some(Good::Waiting | Good::Joined) => None,
            Some(_) if !self.relay_is_up => Some(self.said(&["err_connect_server_down"])),
            // Not recorded: as the documentation of its API has it.
            Some(Good::UsedUp) => Some(agent_error(
                json!({"type": "SMP", "serverAddress": "127.0.0.1", "smpErr": {"type": "AUTH"}}),
            )),
            Some(_) => None,
        }
    }

    fn plan(&self, url: &str) -> Value {
        let link = self.links.iter().find(|link| link.url == url);
        if let Some(error) = self.cannot_connect(link.map(|link| &link.good)) {
            return error;
        }
        let names = match link.map(|link| &link.good) {
            Some(Good::Joined) => ["cmd_connect_plan_group_known", ""],
            _ => ["cmd_connect_plan_group_short", ""],
        };
        let mut body = self.said(&names);
        if body["connLink"].get("connShortLink").is_some() {
            body["connLink"]["connShortLink"] = json!(url);
        }
        let plan = &mut body["connectionPlan"]["groupLinkPlan"];
        // Those two of the way in were not recorded: as the documentation of its API has them.
        let is_waiting = link.is_some_and(|link| link.good == Good::Waiting);
        match self.groups.iter().find(|group| group.link.as_deref() == Some(url)) {
            Some(group) if group.status == "accepted" => {
                *plan = json!({"type": "connectingProhibit", "groupInfo_": self.group_info(group.id)});
            }
            Some(group) => plan["groupInfo"] = self.group_info(group.id),
            None if is_waiting => *plan = json!({"type": "connectingConfirmReconnect"}),
            None => {}
        }
        body
    }

    fn connect(&mut self, url: &str) -> Value {
        let link = self.links.iter_mut().find(|link| link.url == url);
        let good = link.map(|link| link.good.clone());
        if let Some(error) = self.cannot_connect(good.as_ref()) {
            return error;
        }
        match good {
            Some(Good::Joined) => return self.plan(url),
            Some(Good::AtOnce) => self.join(url),
            _ => {
                let link = self.links.iter_mut().find(|link| link.url == url).expect("it was found before");
                link.good = Good::Waiting;
            }
        }
        self.said(&["cmd_connect_group", "cmd_connect_group_short"])
    }

    /// `#2`, to which somebody has asked us.
    fn accept(&mut self, rest: &str) -> Value {
        let Some(Chat::Group(id)) = rest.split(' ').next().and_then(chat) else { return not_understood() };
        let Some(group) = self.groups.iter_mut().find(|group| group.id == id) else {
            return store_error(json!({"type": "groupNotFound", "groupId": id}));
        };
        if group.status == "invited" {
            group.status = "accepted";
        }
        let mut body = self.said(&["cmd_join_group"]);
        body["groupInfo"] = self.group_info(id);
        if self.lets_in_at_once {
            self.let_in();
        }
        body
    }

    /// `chat #1 count=20`, `item info #1 13`.
    fn look_up(&self, rest: &str) -> Value {
        let words: Vec<&str> = rest.split(' ').collect();
        match *words {
            ["chat", name, ref paging @ ..] => {
                let Some(chat) = chat(name) else { return not_understood() };
                if let Chat::Group(id) = chat
                    && !self.groups.iter().any(|group| group.id == id)
                {
                    return store_error(json!({"type": "groupNotFound", "groupId": id}));
                }
                if let Chat::Contact(id) = chat
                    && !self.contacts.iter().any(|contact| contact.id == id)
                {
                    return store_error(json!({"type": "contactNotFound", "contactId": id}));
                }
                let count = paging.iter().find_map(|word| word.strip_prefix("count=")?.parse::<usize>().ok());
                let Some(count) = count else { return not_understood() };
                let all: Vec<Value> = (self.items.iter())
                    .filter(|item| item.chat == chat)
                    .map(|item| self.bare_item(item))
                    .collect();
                let last = &all[all.len().saturating_sub(count)..];
                // Not recorded: as the documentation of its API has it.
                json!({
                    "type": "apiChat",
                    "user": self.shape.user(),
                    "chat": {
                        "chatInfo": self.chat_info(chat),
                        "chatItems": last,
                        "chatStats": {"unreadCount": 0, "minUnreadItemId": 0, "unreadChat": false},
                    },
                })
            }
            ["item", "info", _, id] => {
                let Ok(id) = id.parse::<i64>() else { return not_understood() };
                let Some(item) = self.items.iter().find(|item| item.id == id) else {
                    return store_error(json!({"type": "chatItemNotFound", "itemId": id}));
                };
                let info = json!({"itemVersions": [], "memberDeliveryStatuses": []});
                json!({
                    "type": "chatItemInfo",
                    "user": self.shape.user(),
                    "chatItem": self.chat_item(item),
                    "chatItemInfo": info,
                })
            }
            _ => not_understood(),
        }
    }
}

/// `#1`, `@4`.
fn chat(name: &str) -> Option<Chat> {
    let id = |id: &str| id.parse::<i64>().ok();
    match (name.strip_prefix('#'), name.strip_prefix('@')) {
        (Some(group), _) => id(group).map(Chat::Group),
        (_, Some(contact)) => id(contact).map(Chat::Contact),
        _ => None,
    }
}

/// How long a text is as JSON escapes it.
pub(crate) fn json_bytes(text: &str) -> usize {
    json!(text).to_string().len() - 2
}

fn error(inner: Value) -> Value {
    json!({"type": "chatCmdError", "chatError": {"type": "error", "errorType": inner}})
}

fn store_error(inner: Value) -> Value {
    json!({"type": "chatCmdError", "chatError": {"type": "errorStore", "storeError": inner}})
}

fn agent_error(inner: Value) -> Value {
    json!({"type": "chatCmdError", "chatError": {"type": "errorAgent", "agentError": inner, "agentConnId": ""}})
}

pub(super) fn not_understood() -> Value {
    error(json!({"type": "commandError", "message": "Failed reading: empty"}))
}
