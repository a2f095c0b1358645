//! A client of simplex-chat, to look with a test's own eyes at what is stored there.
//!
//! Nothing of the notifier is in it, so it is a second opinion; and it talks to a real one as well.

use std::collections::VecDeque;
use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::super::DEADLINE;
use super::frames::body;

pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
    commands: usize,
    /// What came unasked, without envelopes, until somebody looks.
    pub(crate) events: VecDeque<Value>,
}

impl Client {
    /// Connects to `ws://ADDRESS`, with a path or without.
    #[track_caller]
    pub(crate) fn connect(url: &str) -> Client {
        let address = url.strip_prefix("ws://").expect("the URL begins with ws://");
        let address = address.split('/').next().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let (socket, _) = tungstenite::client(format!("ws://{address}/"), stream).unwrap();
        Client { socket, commands: 0, events: VecDeque::new() }
    }

    /// Sends `frame` as it is.
    #[track_caller]
    pub(crate) fn say(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).unwrap();
    }

    /// The next frame.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    /// What is answered to `command`, without its envelope.
    #[track_caller]
    pub(crate) fn command(&mut self, command: &str) -> Value {
        self.commands += 1;
        let id = self.commands.to_string();
        self.say(&json!({"corrId": id, "cmd": command}));
        loop {
            let frame = self.hear();
            if frame["corrId"] == id.as_str() {
                return body(&frame);
            }
            self.events.push_back(body(&frame));
        }
    }

    /// Waits for an event of this type.
    #[track_caller]
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = match self.events.pop_front() {
                Some(event) => event,
                None => body(&self.hear()),
            };
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The number of the group that has this name here.
    #[track_caller]
    pub(crate) fn group(&mut self, name: &str) -> i64 {
        let user = self.command("/user")["user"]["userId"].as_i64().unwrap();
        let list = self.command(&format!("/_groups {user}"));
        let entries = list["groups"].as_array().unwrap().iter();
        let info = |entry: &Value| entry.get("groupInfo").or_else(|| entry.get(0)).unwrap_or(entry).clone();
        let found = entries.map(info).find(|info| info["localDisplayName"] == name);
        found.unwrap_or_else(|| panic!("no group {name} in {list}"))["groupId"].as_i64().unwrap()
    }

    /// The last texts of ours in that group, oldest first.
    #[track_caller]
    pub(crate) fn own_texts(&mut self, group: i64, count: usize) -> Vec<String> {
        let chat = self.command(&format!("/_get chat #{group} count={count}"));
        let items = chat["chat"]["chatItems"].as_array().unwrap_or_else(|| panic!("{chat}"));
        let ours = items.iter().filter(|item| item["chatDir"]["type"] == "groupSnd");
        ours.map(|item| item["meta"]["itemText"].as_str().unwrap().to_owned()).collect()
    }
}
