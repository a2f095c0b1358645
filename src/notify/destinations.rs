//! From what operators write (`Slack,Telegram/-100123`) to notifiers that are open.
//!
//! A destination is a notifier, or a notifier with a target of its own. Each has
//! its own queue and sender: a chat that has thrown the bot out must not park
//! the others. Each is opened once, however many rules name it.

use std::sync::Arc;

use super::encrypt::Encryption;
use super::http::{Client, Clients};
use super::{Entry, Notifier, Opening, REGISTRY, console, simplex};
use crate::alert::DestinationId;
use crate::health::Pulse;
use crate::vars::{Faults, Vars, comma_list, shown};

/// A notifier that is ready, under the name it goes by.
pub struct Destination {
    /// `Slack`, or `Telegram/-100123`.
    pub name: String,
    /// What its sender drives.
    pub notifier: Box<dyn Notifier>,
    /// What its sender says of it.
    pub pulse: Arc<Pulse>,
}

/// The destinations that the configuration names, in the order of their first mention.
pub struct Destinations<'v> {
    vars: &'v Vars,
    clients: Clients,
    open: Vec<Destination>,
    /// What was named and cannot be opened: its faults are noted once.
    refused: Vec<String>,
    /// Empty, unless one of them is simplex-chat's.
    shared: simplex::Shared,
}

impl<'v> Destinations<'v> {
    /// None yet.
    pub fn new(vars: &'v Vars) -> Destinations<'v> {
        Destinations {
            vars,
            clients: Clients::default(),
            open: Vec::new(),
            refused: Vec::new(),
            shared: simplex::Shared::default(),
        }
    }

    /// The destinations in a comma list; `variable` is where it stands.
    pub fn resolve_list(&mut self, variable: &str, list: &str, faults: &mut Faults) -> Vec<DestinationId> {
        let mut ids: Vec<DestinationId> = Vec::new();
        for reference in comma_list(list) {
            match self.resolve(variable, reference, faults) {
                // Named twice is told once.
                Some(id) if !ids.contains(&id) => ids.push(id),
                _ => {}
            }
        }
        ids
    }

    /// Every notifier that has its variables; Console if none has.
    pub fn configured(&mut self, faults: &mut Faults) -> Vec<DestinationId> {
        let is_meant = |entry: &&Entry| {
            entry.required.iter().any(|name| self.vars.text(&format!("{}{name}", entry.prefix)).is_some())
        };
        let meant: Vec<_> = REGISTRY.iter().filter(is_meant).collect();
        let mut ids = Vec::new();
        for entry in &meant {
            // Without a chat of its own, those that rules name are what is meant.
            let named =
                if simplex::has_own_target(entry, self.vars) { Vec::new() } else { self.targets(entry) };
            match named.is_empty() {
                true => ids.extend(self.open(entry, None, faults)),
                false => ids.extend(named),
            }
        }
        if meant.is_empty() {
            ids.extend(self.open(&console::ENTRY, None, faults));
        }
        ids
    }

    /// Those of a service that were named with a target.
    fn targets(&self, entry: &Entry) -> Vec<DestinationId> {
        let is_one =
            |open: &Destination| open.name.strip_prefix(entry.name).is_some_and(|rest| rest.starts_with('/'));
        (0..self.open.len()).filter(|at| self.open.get(*at).is_some_and(is_one)).map(DestinationId).collect()
    }

    /// The same, but what is half configured and named by no rule is only a warning:
    /// Alertik, too, looked at no more than it used.
    pub fn usable(&mut self, faults: &mut Faults) -> Vec<DestinationId> {
        let mut found = Faults::default();
        let mut ids = self.configured(&mut found);
        if ids.is_empty() {
            ids.extend(self.open(&console::ENTRY, None, &mut found));
        }
        found.faults.retain(|fault| !faults.faults.contains(fault));
        found.faults.into_iter().for_each(|fault| faults.warn(fault));
        ids
    }

    fn resolve(&mut self, variable: &str, reference: &str, faults: &mut Faults) -> Option<DestinationId> {
        let (name, target) = match reference.split_once('/') {
            Some((name, target)) => (name.trim(), Some(target.trim())),
            None => (reference, None),
        };
        let Some(entry) = REGISTRY.iter().find(|entry| entry.name == name) else {
            let names: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
            let (name, names) = (shown(name), names.join(", "));
            faults.fault(format!("{variable}: {name} is not a notifier (expected one of {names})"));
            return None;
        };
        if target.is_some() && !entry.takes_target {
            faults.fault(format!("{variable}: {name} takes no target (write {name} without the slash)"));
            return None;
        }
        if target.is_some_and(str::is_empty) {
            faults.fault(format!("{variable}: {} names no target behind the slash", shown(reference)));
            return None;
        }
        self.open(entry, target, faults)
    }

    fn open(
        &mut self,
        entry: &'static Entry,
        target: Option<&str>,
        faults: &mut Faults,
    ) -> Option<DestinationId> {
        let name = target.map_or(entry.name.to_owned(), |target| format!("{}/{target}", entry.name));
        if let Some(index) = self.open.iter().position(|open| open.name == name) {
            return Some(DestinationId(index));
        }
        if self.refused.contains(&name) {
            return None;
        }
        let client = self.clients.client_for(entry.prefix, self.vars, faults);
        let encryption = Encryption::read(self.vars, entry.prefix, faults);
        let is_usable = client.is_some() && encryption.is_ok();
        let encryption = encryption.ok().flatten();
        let (vars, is_encrypted, shared) = (self.vars, encryption.is_some(), &self.shared);
        // What cannot be sent with is opened all the same, for all its faults to be told at once.
        let notifier = client
            .or_else(|| self.clients.local_client())
            .and_then(|client| {
                (entry.open)(&Opening { vars, entry, target, client, is_encrypted, shared }, faults)
            })
            .filter(|_| is_usable)
            .and_then(|notifier| match encryption {
                None => Some(notifier),
                Some(encryption) => encryption.around(notifier, entry.name, faults),
            });
        let Some(notifier) = notifier else {
            self.refused.push(name);
            return None;
        };
        self.open.push(Destination { name, notifier, pulse: Arc::default() });
        Some(DestinationId(self.open.len() - 1))
    }

    /// The way to hear what people of these names write to simplex-chat, over the connection that its
    /// destinations have; by its own names for them. None, and a fault noted, when it cannot be had.
    pub fn listen_for(&mut self, names: Vec<String>, faults: &mut Faults) -> Option<simplex::Listening> {
        let entry = &simplex::ENTRY;
        let client = self.clients.client_for(entry.prefix, self.vars, faults)?;
        let (vars, target, is_encrypted, shared) = (self.vars, None, false, &self.shared);
        simplex::listen(&Opening { vars, entry, target, client, is_encrypted, shared }, names, faults)
    }

    /// A client for what is no service, but has a proxy and authorities of its own as they do.
    pub fn client_for(&mut self, prefix: &str, faults: &mut Faults) -> Option<Client> {
        self.clients.client_for(prefix, self.vars, faults)
    }

    /// The same for what has another name for its file of authorities: that name and the path, or else the
    /// common one.
    pub fn client_trusting(
        &mut self,
        prefix: &str,
        authority: Option<(String, &str)>,
        faults: &mut Faults,
    ) -> Option<Client> {
        let common = || self.vars.text("TLS_CA_FILE").map(|path| ("TLS_CA_FILE".to_owned(), path));
        let authority = authority.or_else(common);
        self.clients.client_trusting(prefix, authority, self.vars, faults)
    }

    /// True if some service makes its text of what the line said.
    pub fn take_values(&self) -> bool {
        self.open.iter().any(|open| open.notifier.takes_values())
    }

    /// Those that know a trouble from its beginning to its end.
    pub fn followers(&self) -> Vec<DestinationId> {
        let follows = |(index, open): (usize, &Destination)| {
            open.notifier.follows_troubles().then_some(DestinationId(index))
        };
        self.open.iter().enumerate().filter_map(follows).collect()
    }

    /// The destinations, each at the index that its [`DestinationId`] says.
    pub fn into_open(self) -> Vec<Destination> {
        self.open
    }

    /// The names, by the same index.
    pub fn names(&self) -> Vec<String> {
        self.open.iter().map(|open| open.name.clone()).collect()
    }
}
