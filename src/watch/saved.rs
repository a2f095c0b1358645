//! What a switch remembers, as bytes that outlive the process.
//!
//! ```text
//!   version │ silent for │ stage │ warned for │ whether pinned │ pinned to      a number each; spans in ms
//! ```
//!
//! Apart from what they mean. Reading cannot fail but as a whole.

use std::time::Duration;

use crate::fields::{Rest, write_number};

/// Of another version nothing is read.
const VERSION: u64 = 1;

/// What there is to remember, at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Saved {
    /// Since the last sign of life.
    pub(super) silent: Duration,
    /// How many stages were told.
    pub(super) stage: u64,
    /// Since the first of them was.
    pub(super) warned: Duration,
    /// The only contact that counts.
    pub(super) id: Option<i64>,
}

impl Saved {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let millis = |span: Duration| span.as_millis() as u64;
        for number in [
            VERSION,
            millis(self.silent),
            self.stage,
            millis(self.warned),
            self.id.is_some().into(),
            self.id.unwrap_or_default().cast_unsigned(),
        ] {
            write_number(&mut bytes, number);
        }
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Saved> {
        let mut rest = Rest(bytes);
        if rest.number()? != VERSION {
            return None;
        }
        let (silent, stage) = (Duration::from_millis(rest.number()?), rest.number()?);
        let warned = Duration::from_millis(rest.number()?);
        let (is_pinned, id) = (rest.number()? != 0, rest.number()?.cast_signed());
        Some(Saved { silent, stage, warned, id: is_pinned.then_some(id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for id in [None, Some(7), Some(-1)] {
            let (silent, warned) = (Duration::from_millis(1), Duration::from_secs(366 * 24 * 3600));
            let saved = Saved { silent, stage: 2, warned, id };
            let bytes = saved.write();
            assert_eq!(Saved::read(&bytes), Some(saved));
            (0..bytes.len()).for_each(|length| assert_eq!(Saved::read(&bytes[..length]), None));
        }
        assert_eq!(Saved::read(&[2; 48]), None);
    }
}
