//! Email: a mail to one or more addresses, by an SMTP server that takes it from us (RFC 6409).
//!
//! ```text
//!   Notification ─► message::compose ─► dialogue ─► http::Stream ─► the server
//!                       pure          what is said    TLS, proxy, time
//! ```
//!
//! No HTTP, so it is a [`Notifier`] of its own; what its connection needs it has
//! from there all the same. Without TLS nothing is said but the request for it:
//! neither the password nor the mail is for the network in between. A mail is one
//! connection: alerts are rare, and servers end those that wait.

use std::time::Instant;

use serde::Deserialize;

use super::http::{Address, Client};
use super::{Entry, Notification, Notifier, Opening, Outcome};
use crate::log::{self, Level, Values};
use crate::vars::{Faults, comma_list, names_any, shown};

mod dialogue;
mod message;

use message::Mailbox;

pub(super) const ENTRY: Entry = Entry {
    name: "Email",
    prefix: "EMAIL_",
    required: &["URL", "FROM", "TO"],
    optional: &[],
    takes_target: true,
    open,
};

/// Bytes of text. No server takes less than a mail of 64 KiB (RFC 5321, 4.5.3.1.7), and base64
/// makes four of three, with a line end after 76.
const TEXT_BYTES_MAX: usize = 40_000;

/// Of 65 characters in an armored text one is a line end, which takes two bytes in a mail.
const ARMOR_CHARS_MAX: usize = TEXT_BYTES_MAX / 66 * 65;

#[derive(Deserialize, Default)]
struct Variables {
    url: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

struct Email {
    client: Client,
    server: Address,
    from: Mailbox,
    to: Vec<String>,
    is_encrypted: bool,
    /// Who was refused when the last mail went out to the others, and why.
    refused: Option<String>,
    /// Strangers can make us send as often as they like.
    pace: log::Pace,
}

fn open(opening: &Opening<'_>, faults: &mut Faults) -> Option<Box<dyn Notifier>> {
    let Variables { url, from, to } = opening.vars.section(opening.entry.prefix);
    let expected = "smtps://user:password@host or smtp://…";
    let server = opening.address("URL", url, Address::parse, expected, faults);
    let from = opening.text("FROM", from, faults).and_then(|from| {
        let mailbox = Mailbox::parse(&from);
        if mailbox.is_none() {
            let name = opening.variable("FROM");
            faults.fault(format!("{name} is not an address (expected alertik@example.org, or Name <…>)"));
        }
        mailbox
    });
    let to = read_recipients(opening, to, faults);
    Some(Box::new(Email {
        client: opening.client.clone(),
        server: server?,
        from: from?,
        to: to?,
        is_encrypted: opening.is_encrypted,
        refused: None,
        pace: log::Pace::default(),
    }))
}

/// `EMAIL_TO`, or the one address behind the slash. The variable's value is not repeated.
fn read_recipients(opening: &Opening<'_>, to: Option<String>, faults: &mut Faults) -> Option<Vec<String>> {
    let to = opening.text("TO", to, faults)?;
    let name = opening.variable("TO");
    let expected = "an address (expected name@example.org)";
    if let Some(target) = opening.target {
        if !message::is_address(target) {
            faults.fault(format!("{} is not {expected}", shown(&format!("Email/{target}"))));
            return None;
        }
        return Some(vec![target.to_owned()]);
    }
    if !names_any(&to) {
        faults.fault(format!("{name} names nobody (expected an address, or several with commas between)"));
        return None;
    }
    if let Some(index) = comma_list(&to).position(|text| !message::is_address(text)) {
        faults.fault(format!("{name}: recipient {} is not {expected}", index + 1));
        return None;
    }
    Some(comma_list(&to).map(str::to_owned).collect())
}

impl Notifier for Email {
    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        let mail = message::compose(&self.from, &self.to, notification, self.is_encrypted);
        match dialogue::send(&self.client, &self.server, &self.from.address, &self.to, &mail) {
            Err(outcome) => outcome,
            Ok(refused) => {
                self.refused = None;
                if !refused.is_empty() {
                    let all = refused.join("; ");
                    let values: Values<'_> = &[("notifier", &ENTRY.name), ("refused", &all)];
                    log::paced(&mut self.pace, Instant::now(), Level::Warn, "recipients refused", values);
                    self.refused = Some(format!("but not to all: {all}"));
                }
                Outcome::Delivered { pause: None }
            }
        }
    }

    fn armor_chars_max(&self) -> Option<usize> {
        Some(ARMOR_CHARS_MAX)
    }

    fn doubt(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// The router's name begins the subject.
    fn takes_values(&self) -> bool {
        !self.is_encrypted
    }
}
