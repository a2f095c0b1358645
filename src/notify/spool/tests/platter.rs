//! A disk in memory that dies, forgets and fills up as it is told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::*;
use super::{NAMES, id};

/// Numbers that look like chance, the same for the same seed (xorshift64*).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// How much of them would survive a power cut.
    synced: usize,
    /// The folder would still know of it then.
    is_listed: bool,
}

/// A disk in memory; clones share it, as a process and the next one do.
#[derive(Clone)]
pub(super) struct Platter(pub(super) Rc<RefCell<State>>);

pub(super) struct State {
    pub(super) files: BTreeMap<u64, Content>,
    /// Removed, but not safely so.
    removed: BTreeMap<u64, Content>,
    /// Bytes it holds at most.
    pub(super) room: usize,
    /// The last file was removed, and none is whole yet.
    pub(super) was_emptied: bool,
    /// Calls until the process dies; a write is then done in part.
    pub(super) calls_left: usize,
    chance: Chance,
}

impl Platter {
    pub(super) fn new(seed: u64) -> Platter {
        Platter(Rc::new(RefCell::new(State {
            files: BTreeMap::new(),
            removed: BTreeMap::new(),
            room: usize::MAX,
            was_emptied: false,
            calls_left: usize::MAX,
            chance: Chance(seed),
        })))
    }

    fn call<T>(&self, work: impl FnOnce(&mut State, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.borrow_mut();
        if state.calls_left == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.calls_left -= 1;
        let is_last = state.calls_left == 0;
        work(&mut state, is_last)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.0.borrow().calls_left == 0
    }

    /// The power is cut: what was not synced is there in part, or not at all.
    pub(super) fn cut_power(&self) {
        let state = &mut *self.0.borrow_mut();
        for (number, content) in std::mem::take(&mut state.removed) {
            if state.chance.below(2) == 0 {
                state.files.insert(number, content);
            }
        }
        let chance = &mut state.chance;
        state.files.retain(|_, content| {
            content.bytes.truncate(content.synced + chance.below(content.bytes.len() - content.synced + 1));
            let is_there = content.is_listed || chance.below(2) == 0;
            // What is found after one power cut is not lost in the next.
            (content.synced, content.is_listed) = (content.bytes.len(), true);
            is_there
        });
    }

    pub(super) fn open(&self) -> (Spool<Platter>, Lost, Vec<String>) {
        self.open_for(&NAMES)
    }

    pub(super) fn open_for(&self, names: &[&str]) -> (Spool<Platter>, Lost, Vec<String>) {
        let mut orphans = Vec::new();
        let mut orphan = |found: Found<'_>| {
            if let Found::Orphan(name, stored) = found {
                orphans.push(format!("{name} {}", id(stored)));
            }
        };
        let names = names.iter().map(|name| (*name).to_owned());
        let (spool, lost) = Spool::open(self.clone(), names, &mut orphan);
        (spool, lost, orphans)
    }
}

impl Disk for Platter {
    fn segments(&mut self) -> io::Result<Vec<(u64, u64)>> {
        let state = self.0.borrow();
        Ok(state.files.iter().map(|(number, content)| (*number, content.bytes.len() as u64)).collect())
    }

    fn read(&mut self, number: u64, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let state = self.0.borrow();
        let content = state.files.get(&number).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.bytes[offset as usize..][..length as usize].to_vec())
    }

    fn create(&mut self, number: u64) -> io::Result<()> {
        self.call(|state, _| {
            let old = state.files.insert(number, Content::default());
            assert!(old.is_none(), "segment {number} was there");
            Ok(())
        })
    }

    fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.call(|state, is_last| {
            let used: usize = state.files.values().map(|content| content.bytes.len()).sum();
            let room = state.room.saturating_sub(used).min(bytes.len());
            let length = if is_last { state.chance.below(room + 1) } else { room };
            let content = state.files.get_mut(&number).unwrap();
            assert_eq!(content.bytes.len(), offset as usize);
            content.bytes.extend_from_slice(&bytes[..length]);
            if length < bytes.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.was_emptied = false;
            Ok(())
        })
    }

    fn sync(&mut self, number: u64) -> io::Result<()> {
        self.call(|state, is_last| {
            if is_last {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let content = state.files.get_mut(&number).unwrap();
            (content.synced, content.is_listed) = (content.bytes.len(), true);
            Ok(())
        })
    }

    fn cut(&mut self, number: u64, length: u64) -> io::Result<()> {
        self.call(|state, _| {
            let content = state.files.get_mut(&number).unwrap();
            content.bytes.truncate(length as usize);
            content.synced = content.synced.min(length as usize);
            Ok(())
        })
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        self.call(|state, _| {
            let content = state.files.remove(&number).unwrap();
            state.was_emptied |= state.files.is_empty();
            if content.is_listed {
                state.removed.insert(number, content);
            }
            Ok(())
        })
    }
}
