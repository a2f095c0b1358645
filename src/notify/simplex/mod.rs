//! SimpleX: a message to a group or a contact, by a simplex-chat that runs elsewhere (its WebSocket API).
//!
//! ```text
//!   Notification ─► text::compose ─► Order ─► worker: ask, wait, look again ─► socket ─► simplex-chat
//!                      pure           hub      delivery, joining                 │
//!                        receipts, ear ◄────── events, at any time ◄─────────────┘
//! ```
//!
//! No HTTP, and no connection a message, so it is a [`Notifier`] of its own. A message is delivered once
//! simplex-chat has stored it: from then on that one sees to it, for two days and over its own restarts.

use std::sync::Arc;

use serde::Deserialize;

use super::http::Address;
use super::{Beginning, Entry, Notification, Notifier, Opening, Outcome};
use crate::secret::Secret;
use crate::vars::{Faults, Vars, shown};

mod delivery;
mod ear;
mod frame;
mod hub;
mod joining;
mod receipts;
mod socket;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod worker;

pub use hub::{Listening, Shared};

use hub::{Hub, Message, Order, Seat, Settings};

pub(super) const ENTRY: Entry = Entry {
    name: "SimpleX",
    prefix: "SIMPLEX_",
    required: &["URL"],
    optional: &["TO", "LINK"],
    takes_target: true,
    open,
};

#[derive(Deserialize, Default)]
struct Variables {
    url: Option<String>,
    to: Option<String>,
    link: Option<String>,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    /// A group, by its name.
    Group(String),
    /// A contact, by the name that is ours for it.
    Contact(String),
    /// What the first link leads to.
    Linked,
}

impl Target {
    fn parse(text: &str) -> Option<Target> {
        let name = text.get(1..).map(str::trim).filter(|name| !name.is_empty())?.to_owned();
        match text.get(..1)? {
            "#" => Some(Target::Group(name)),
            "@" => Some(Target::Contact(name)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Group(name) => write!(f, "#{name}"),
            Target::Contact(name) => write!(f, "@{name}"),
            Target::Linked => f.write_str("the group of SIMPLEX_LINK"),
        }
    }
}

/// What became of one message.
enum Reply {
    Outcome(Outcome),
    /// It must be shorter.
    TooLong,
}

struct SimpleX {
    hub: Arc<Hub>,
    seat: Seat,
    target: Target,
    is_encrypted: bool,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { url, to, link } = opening.vars.section(opening.entry.prefix);
    let target = match (opening.target, &to) {
        (Some(target), _) => Some((shown(&format!("SimpleX/{target}")), target)),
        (None, Some(to)) => Some((opening.variable("TO"), to.trim())),
        (None, None) => None,
    };
    let target = match target {
        Some((place, text)) => {
            let target = Target::parse(text);
            if target.is_none() {
                faults.fault(format!("{place} is no group or contact (expected #group or @contact)"));
            }
            target
        }
        None if link.is_some() => Some(Target::Linked),
        None => {
            if url.is_some() {
                faults.fault(
                    "SIMPLEX_TO is not set, and SimpleX needs it (expected #group or @contact; else SIMPLEX_LINK, \
                     or SimpleX/#group in place of SimpleX)",
                );
            }
            None
        }
    };
    let hub = open_hub(opening, faults);
    let (hub, target) = (hub?, target?);
    let seat = hub.seat();
    Some(Box::new(SimpleX { hub, seat, target, is_encrypted: opening.is_encrypted }))
}

/// True for every service but this one, if neither `SIMPLEX_TO` nor `SIMPLEX_LINK` says where to.
pub(super) fn has_own_target(entry: &Entry, vars: &Vars) -> bool {
    entry.name != ENTRY.name || ["SIMPLEX_TO", "SIMPLEX_LINK"].iter().any(|name| vars.text(name).is_some())
}

/// What all destinations share: made by the first.
fn open_hub(opening: &Opening<'_>, faults: &mut Faults) -> Option<Arc<Hub>> {
    if let Some(hub) = opening.shared.hub() {
        return Some(hub);
    }
    let Variables { url, link, .. } = opening.vars.section(opening.entry.prefix);
    let expected = "ws://127.0.0.1:5225 or wss://user:password@host";
    let address = opening.address("URL", url, Address::parse_websocket, expected, faults);
    let links = match &link {
        None => Vec::new(),
        Some(link) => link.split_whitespace().map(Secret::new).collect(),
    };
    let name = opening.variable("LINK");
    let is_link =
        |link: &Secret| ["https://", "simplex:/"].iter().any(|start| link.expose().starts_with(start));
    if link.is_some() && links.is_empty() {
        faults.fault(format!("{name} is blank"));
        return None;
    }
    if let Some(index) = links.iter().position(|link| !is_link(link)) {
        let index = index + 1;
        faults
            .fault(format!("{name}: link {index} is no link of SimpleX (expected https://… or simplex:/…)"));
        return None;
    }
    Some(opening.shared.hub_or(Settings { client: opening.client.clone(), address: address?, links }))
}

/// The way to hear people of these names, as simplex-chat calls them.
pub(super) fn listen(opening: &Opening<'_>, names: Vec<String>, faults: &mut Faults) -> Option<Listening> {
    let hub = open_hub(opening, faults)?;
    Some(Listening { hub, names: names.into_iter().map(Arc::from).collect() })
}

impl SimpleX {
    fn send(&self, notification: &Notification<'_>, bytes_max: usize) -> Reply {
        let file = notification.attachment.map(str::to_owned);
        let without_file = match &file {
            Some(path) if !self.is_encrypted => text::without_file(path),
            _ => String::new(),
        };
        self.hub.send(Message {
            seat: self.seat,
            target: self.target.clone(),
            alert: notification.id,
            text: text::compose(notification, bytes_max, self.is_encrypted),
            file,
            without_file,
            until: Hub::until(),
        })
    }
}

impl Notifier for SimpleX {
    fn begin(&mut self, beginning: &Beginning<'_>) {
        self.hub.order(Order::Seat(self.seat, beginning.destination, self.target.clone()));
        self.hub.begin(beginning.stats, beginning.report);
    }

    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        // A contact may take less than a group does.
        for bytes_max in [text::TEXT_BYTES_MAX, text::TEXT_BYTES_MAX / 2] {
            match self.send(notification, bytes_max) {
                Reply::Outcome(outcome) => return outcome,
                // What is encrypted would be cut in two: half of it cannot be read.
                Reply::TooLong if self.is_encrypted => break,
                Reply::TooLong => {}
            }
        }
        Outcome::Rejected { reason: "simplex-chat says that it is too long".to_owned() }
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(text::ARMOR_CHARS_MAX)
    }
}
