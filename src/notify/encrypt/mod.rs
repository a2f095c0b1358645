//! `ENCRYPT_TO`: what a notifier is told leaves as an age file, which only the operator's key opens.
//!
//! ```text
//!   notification ─► cut to its room ─► age: encrypted, armored ─► the notifier within ─► service
//! ```
//!
//! Around a notifier, not in each: what a service is made of has no way to the text itself, and
//! one that is added needs to say only how long an armored text may be there.

use ring::rand::SystemRandom;

use super::{Beginning, Notification, Notifier, Outcome, own_or_common};
use crate::alert::Stage;
use crate::vars::{Faults, Vars, comma_list};
use age::Recipient;

pub mod age;
mod bech32;

/// The length of a usual alert. With so many recipients that not even this fits, what arrives would
/// say nothing.
const TEXT_BYTES_MIN: usize = 160;

/// In a notifier's own variable: the common one is not for it.
const NONE: &str = "none";

/// What the variable says.
pub(super) struct Encryption {
    /// Its full name.
    variable: String,
    recipients: Vec<Recipient>,
    random: SystemRandom,
}

impl Encryption {
    /// Reads `TELEGRAM_ENCRYPT_TO`, or else `ENCRYPT_TO`; Ok(None) if neither is set. Recipients are
    /// separated by commas or line ends; lines that begin with `#` are comments, as in age's own files.
    /// The word `none` in a notifier's own variable excepts it from the common one.
    ///
    /// # Errors
    /// When it is set and cannot be used: a fault is noted, and nothing may be sent.
    pub(super) fn read(vars: &Vars, prefix: &str, faults: &mut Faults) -> Result<Option<Encryption>, ()> {
        let Some((variable, value)) = own_or_common(vars, prefix, "ENCRYPT_TO") else { return Ok(None) };
        if value.trim() == NONE && variable != "ENCRYPT_TO" {
            return Ok(None);
        }
        let lines = value.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let random = SystemRandom::new();
        let mut recipients = Vec::new();
        let mut is_sound = true;
        for (index, text) in lines.flat_map(comma_list).enumerate() {
            match Recipient::parse(text, &random) {
                Ok(recipient) if recipients.contains(&recipient) => {}
                Ok(recipient) => recipients.push(recipient),
                Err(error) => {
                    faults.fault(format!("{variable}: recipient {} {error}", index + 1));
                    is_sound = false;
                }
            }
        }
        if is_sound && recipients.is_empty() {
            // As good as not set, elsewhere. Here that would send in clear what was to be hidden.
            faults.fault(format!("{variable} names no recipient (expected age1…)"));
            is_sound = false;
        }
        if is_sound { Ok(Some(Encryption { variable, recipients, random })) } else { Err(()) }
    }

    /// `notifier`, which from then on is told nothing else; None, and a fault, if too little fits into its texts.
    pub(super) fn around(
        self,
        notifier: Box<dyn Notifier>,
        name: &str,
        faults: &mut Faults,
    ) -> Option<Box<dyn Notifier>> {
        let fits = |count: usize| {
            let Some(max) = notifier.armor_chars_max() else { return true };
            age::text_bytes_max(max, count).is_some_and(|room| room >= TEXT_BYTES_MIN)
        };
        let count = self.recipients.len();
        if !fits(count) {
            let most = (0..count).rev().find(|count| fits(*count)).unwrap_or_default();
            let variable = &self.variable;
            faults.fault(format!(
                "{variable}: with {count} recipients there is no room for a text in {name} (expected {most} at most)"
            ));
            return None;
        }
        Some(Box::new(Encrypted { notifier, recipients: self.recipients, random: self.random }))
    }
}

/// `armor` in the place of all that was said. Each part is named, so that one that is
/// added must be thought of here.
fn sealed<'a>(armor: &'a str, of: &Notification<'a>) -> Notification<'a> {
    // A file is sent as it lies there.
    let Notification { id, priority, attachment, happened, now, .. } = *of;
    // Who says it, about what, and what the line said, would be readable beside it.
    let (rule, key, stage, suffix, values) = ("", None, Stage::Once, "", None);
    Notification { id, rule, key, priority, stage, text: armor, suffix, attachment, values, happened, now }
}

struct Encrypted {
    notifier: Box<dyn Notifier>,
    recipients: Vec<Recipient>,
    random: SystemRandom,
}

impl Notifier for Encrypted {
    fn begin(&mut self, beginning: &Beginning<'_>) {
        self.notifier.begin(beginning);
    }

    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        let room = match self.notifier.armor_chars_max() {
            None => usize::MAX,
            Some(max) => age::text_bytes_max(max, self.recipients.len()).unwrap_or_default(),
        };
        let text = notification.within(room, char::len_utf8);
        match age::encrypt(text.as_bytes(), &self.recipients, &self.random) {
            Ok(armor) => self.notifier.deliver(&sealed(&armor, notification)),
            Err(_) => Outcome::Failed { reason: "no random numbers to encrypt with".to_owned() },
        }
    }

    fn armor_chars_max(&self) -> Option<usize> {
        self.notifier.armor_chars_max()
    }

    fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    fn doubt(&self) -> Option<&str> {
        self.notifier.doubt().or(Some("it is encrypted: look whether your key opens it"))
    }

    fn takes_floods(&self) -> bool {
        self.notifier.takes_floods()
    }

    #[cfg(test)]
    fn service(&mut self) -> Option<&mut dyn super::http::Service> {
        self.notifier.service()
    }
}
