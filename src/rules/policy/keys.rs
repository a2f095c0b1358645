//! What a rule remembers, by key, and of how many keys.
//!
//! Keys are text from the network: whoever can make a line can make a new key with
//! each. So there is a bound, and what was not seen for longest goes first.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A key is kept to this; longer ones that begin alike are told apart by a checksum.
const KEY_BYTES_MAX: usize = 200;

/// So many are let go at once: to find the oldest takes a look at all of them.
const SHARE: usize = 64;

/// Some `T` for each key.
#[derive(Debug)]
pub(super) struct Keys<T> {
    slots: HashMap<Arc<str>, Slot<T>>,
    /// Counts how often any was looked at.
    looks: usize,
    max: usize,
}

#[derive(Debug)]
struct Slot<T> {
    looked: usize,
    value: T,
}

impl<T: Default> Keys<T> {
    /// None yet, and never more than `max`.
    pub(super) fn new(max: usize) -> Keys<T> {
        Keys { slots: HashMap::new(), looks: 0, max: max.max(1) }
    }

    /// What there is of `key`, made if there was none; `let_go` gets what had to make room.
    pub(super) fn touch(&mut self, key: &str, mut let_go: impl FnMut(Arc<str>, T)) -> (Arc<str>, &mut T) {
        let key = &*short(key);
        self.looks += 1;
        let looked = self.looks;
        let name = match self.slots.get_key_value(key) {
            Some((name, _)) => Arc::clone(name),
            None => {
                if self.slots.len() >= self.max {
                    self.make_room(&mut let_go);
                }
                Arc::from(key)
            }
        };
        let slot =
            self.slots.entry(Arc::clone(&name)).or_insert_with(|| Slot { looked, value: T::default() });
        slot.looked = looked;
        (name, &mut slot.value)
    }

    /// Those not looked at for longest go, in that order.
    fn make_room(&mut self, let_go: &mut impl FnMut(Arc<str>, T)) {
        let mut ages: Vec<_> = self.slots.iter().map(|(key, slot)| (slot.looked, Arc::clone(key))).collect();
        ages.sort_unstable_by_key(|(looked, _)| *looked);
        for (_, key) in ages.into_iter().take(self.max.div_ceil(SHARE)) {
            if let Some(slot) = self.slots.remove(&key) {
                let_go(key, slot.value);
            }
        }
    }

    /// What there is of `key`.
    pub(super) fn find(&mut self, key: &str) -> Option<&mut T> {
        self.slots.get_mut(&*short(key)).map(|slot| &mut slot.value)
    }

    /// Forgets those for which `is_needed` says so.
    pub(super) fn retain(&mut self, mut is_needed: impl FnMut(&Arc<str>, &mut T) -> bool) {
        self.slots.retain(|key, slot| is_needed(key, &mut slot.value));
    }

    /// Forgets `key`.
    pub(super) fn remove(&mut self, key: &str) -> Option<T> {
        self.slots.remove(&*short(key)).map(|slot| slot.value)
    }

    /// True if there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

/// A key as it is kept: of a long one the beginning, and a checksum of the whole (FNV-1a: the same on every
/// machine and after a restart).
fn short(key: &str) -> Cow<'_, str> {
    if key.len() <= KEY_BYTES_MAX {
        return key.into();
    }
    let sum = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let end = key.floor_char_boundary(KEY_BYTES_MAX - 17);
    format!("{}~{sum:016x}", key.get(..end).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_seen_goes_first() {
        let mut keys: Keys<u8> = Keys::new(3);
        let mut gone = Vec::new();
        for key in ["a", "b", "c", "a", "d", "e", "a"] {
            keys.touch(key, |key, _| gone.push(key.to_string()));
        }
        assert_eq!(gone, ["b", "c"]);
        assert_eq!(keys.len(), 3);
    }

    #[test]
    fn a_long_key_is_cut_and_still_its_own() {
        let mut keys: Keys<u8> = Keys::new(9);
        let long = "é".repeat(1000);
        let (name, _) = keys.touch(&long, |_, _| {});
        assert!(name.len() <= KEY_BYTES_MAX);
        let other = keys.touch(&format!("{long}x"), |_, _| {}).0;
        assert_ne!(name, other);
        // What was cut is short enough to be itself from then on.
        assert_eq!(keys.touch(&name, |_, _| {}).0, name);
        assert_eq!(keys.len(), 2);
    }
}
