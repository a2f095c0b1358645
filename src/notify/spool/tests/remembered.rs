//! What is remembered, wherever a process ends: a model of it, and what is written when.

use std::time::Duration;

use super::super::clock::Stamp;
use super::super::segments::BYTES_MAX;
use super::super::states::STATE_BYTES_MAX;
use super::super::*;
use super::platter::{Chance, Platter};
use super::{alert, append, tell};

const NAMES: [&str; 4] = ["EVENT0\0a", "EVENT0\0b", "EVENT1\0é", "EVENT2"];

/// What may be found under each name: its values since the last start, from the last
/// that is surely on the disk.
pub(super) struct Model {
    histories: [Vec<Option<usize>>; 4],
    changes: usize,
}

fn stamp(changes: usize) -> Stamp {
    Stamp { boot: 7, uptime: Duration::from_millis(changes as u64), ..Stamp::NONE }
}

fn value(states: &[(&str, &Stamp, &[u8])], name: &str) -> Option<usize> {
    let (_, stamp, value) = states.iter().find(|(found, ..)| *found == name)?;
    let changes = stamp.uptime.as_millis() as usize;
    assert_eq!(value.len(), 10 * (changes % 20), "{name:?}");
    Some(changes)
}

impl Model {
    pub(super) fn new() -> Model {
        Model { histories: NAMES.map(|_| vec![None]), changes: 0 }
    }

    /// A new process finds what this allows; nothing as well, if the disk was full, had to be emptied to be
    /// written, and the process ended there.
    #[track_caller]
    pub(super) fn reopened(&mut self, spool: &Spool<Platter>, was_emptied: bool) {
        let states = spool.states();
        assert!(states.len() <= NAMES.len());
        for (name, history) in NAMES.iter().zip(&mut self.histories) {
            let found = value(&states, name);
            let is_lost = was_emptied && found.is_none();
            assert!(is_lost || history.contains(&found), "{name:?} is {found:?}, and not one of {history:?}");
            *history = vec![found];
        }
    }

    /// Some are changed, some forgotten.
    pub(super) fn change(&mut self, spool: &mut Spool<Platter>, chance: &mut Chance) {
        for _ in 0..chance.below(4) {
            let index = chance.below(NAMES.len());
            self.changes += 1;
            let changed = (chance.below(4) > 0).then_some(self.changes);
            let bytes = changed.map(|changes| vec![0xff; 10 * (changes % 20)]);
            assert_eq!(spool.note(NAMES[index], stamp(self.changes), bytes), 0);
            self.histories[index].push(changed);
        }
    }

    /// All that was changed is on the disk now.
    pub(super) fn written(&mut self) {
        self.histories.iter_mut().for_each(|history| _ = history.drain(..history.len() - 1));
    }
}

fn note(spool: &mut Spool<Platter>, name: &str, value: &str) {
    spool.note(name, stamp(0), Some(value.into()));
}

/// The calls to the disk that `work` makes, and the bytes by which its files grow.
fn cost(platter: &Platter, work: impl FnOnce()) -> (usize, usize) {
    let bytes = || platter.0.borrow().files.values().map(|content| content.bytes.len()).sum::<usize>();
    let before = bytes();
    platter.0.borrow_mut().calls_left = 1000;
    work();
    (1000 - platter.0.borrow().calls_left, bytes() - before)
}

fn found(platter: &Platter) -> String {
    let (spool, lost, _) = platter.open();
    assert_eq!(lost, Lost::default());
    let text = |(name, _, value): (&str, _, &[u8])| format!("{name}={}", String::from_utf8_lossy(value));
    spool.states().into_iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn it_goes_with_the_next_write_and_causes_none() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    append(&mut spool, &[alert(0, &[0], 9)]).unwrap();
    assert_eq!(cost(&platter, || note(&mut spool, "a", "1")), (0, 0));
    assert_eq!(found(&platter), "");
    let plain = cost(&platter, || append(&mut spool, &[alert(1, &[0], 9)]).unwrap());
    assert_eq!((plain.0, &*found(&platter)), (2, "a=1"));
    // The next alert of the same length is that much shorter.
    let (calls, bytes) = cost(&platter, || append(&mut spool, &[alert(2, &[0], 9)]).unwrap());
    assert_eq!((calls, plain.1 - bytes), (2, 58));
    note(&mut spool, "b", "2");
    assert_eq!(cost(&platter, || _ = tell(&mut spool, 0)).0, 1);
    assert_eq!(found(&platter), "a=1 b=2");
    // At a clean stop, if there is anything: written and synced.
    note(&mut spool, "a", "3");
    assert_eq!(cost(&platter, || spool.save(true).unwrap()).0, 2);
    assert_eq!(cost(&platter, || spool.save(true).unwrap()), (0, 0));
    assert_eq!(found(&platter), "b=2 a=3");
    // A start alone writes nothing, and tries the disk with no more than before.
    assert_eq!(cost(&platter, || _ = platter.open()), (0, 0));
    let (mut spool, ..) = platter.open();
    assert_eq!(cost(&platter, || spool.probe().unwrap()), (3, 0));
}

#[test]
fn the_segments_that_had_it_may_go() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    note(&mut spool, "kept", "1");
    note(&mut spool, "forgotten", "1");
    append(&mut spool, &[alert(0, &[0], 9)]).unwrap();
    spool.note("forgotten", stamp(0), None);
    for number in 1..600 {
        append(&mut spool, &[alert(number, &[0], 1000)]).unwrap();
        tell(&mut spool, 0);
    }
    assert!(platter.0.borrow().files.len() <= 2 && !platter.0.borrow().files.contains_key(&1));
    assert_eq!(found(&platter), "kept=1");
    // Damage to one segment is made good by the next.
    let (mut spool, ..) = platter.open();
    append(&mut spool, &[alert(600, &[0], 9)]).unwrap();
    let first = *platter.0.borrow().files.keys().next().unwrap();
    platter.0.borrow_mut().files.get_mut(&first).unwrap().bytes.fill(0);
    assert_eq!(platter.open().0.states().len(), 1);
}

#[test]
fn however_much_is_remembered_the_log_stays_within_its_bound_and_is_not_mostly_repetitions() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    let mut forgotten = 0;
    for number in 0..5000 {
        forgotten += spool.note(&format!("EVENT0\0{number}"), stamp(number), Some(vec![0; 40]));
    }
    let kept = spool.states().len();
    assert!(kept + forgotten == 5000 && kept > 2000, "{kept} {forgotten}");
    let (mut evicted, mut written) = (0, 0);
    for number in 0..1500 {
        let alerts = [alert(number, &[0], 4000)];
        let bytes = || platter.0.borrow().files.values().map(|content| content.bytes.len() as u64).sum();
        let before: u64 = bytes();
        spool.append(&alerts, &mut |_| evicted += 1).unwrap();
        written += bytes().saturating_sub(before);
        assert!(bytes() <= BYTES_MAX);
    }
    assert_eq!(spool.owed(0), 1500 - evicted);
    assert!(written < 3 * 1500 * 4100, "{written}");
    let (spool, ..) = platter.open();
    assert_eq!(spool.states().len(), kept);
    assert!(spool.states.bytes() <= STATE_BYTES_MAX);
}

#[test]
fn alerts_of_rules_that_remember_are_found_while_somebody_owes_them() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    let keyed = |number, owing: &[usize]| super::keyed_alert(number, owing, 9, Some("k"));
    let alerts = [keyed(1, &[0, 1]), keyed(2, &[1]), alert(3, &[1], 9), keyed(4, &[2])];
    append(&mut spool, &alerts).unwrap();
    let owed = || {
        let mut owed = Vec::new();
        let mut find = |found: Found<'_>| {
            if let Found::Owed { alert, is_settled_elsewhere } = found {
                owed.extend(
                    alert.owed(is_settled_elsewhere).map(|owed| (owed.key.to_string(), is_settled_elsewhere)),
                );
            }
        };
        let names = super::NAMES.map(str::to_owned);
        Spool::open(platter.clone(), names, &mut find);
        owed
    };
    let k = |is_settled_elsewhere| ("k".to_owned(), is_settled_elsewhere);
    assert_eq!(owed(), [k(false), k(false), k(false)]);
    tell(&mut spool, 0);
    assert_eq!(owed(), [k(true), k(false), k(false)]);
    tell(&mut spool, 1);
    assert_eq!(owed(), [k(false), k(false)]);
}
