//! The spool on a disk that fails: killed and without power at any write, full, damaged.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

mod damage;
mod platter;
mod remembered;

use super::clock::Clock;
use super::segments::BYTES_MAX;
use super::*;
use crate::alert::Alert;
use crate::timestamp::Zone;
use platter::{Chance, Platter};
use remembered::Model;

const NAMES: [&str; 3] = ["A", "B/1", "C"];

fn clock() -> Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    *CLOCK.get_or_init(Clock::read)
}

/// The alert with this number, and who owes it.
fn alert(number: usize, owing: &[usize], length: usize) -> (Vec<u8>, Vec<usize>) {
    keyed_alert(number, owing, length, None)
}

fn keyed_alert(number: usize, owing: &[usize], length: usize, key: Option<&str>) -> (Vec<u8>, Vec<usize>) {
    let now = (Instant::now(), SystemTime::now());
    let text = format!("{number} {}", "x".repeat(length));
    let mut alert = Alert::own(text, &Zone::utc(), Arc::new([]), now);
    (alert.rule, alert.key) = ("EVENT0".into(), key.map(Arc::from));
    let names: Vec<_> = owing.iter().map(|index| NAMES[*index]).collect();
    (stored::write(&alert, &names, &clock(), now), owing.to_vec())
}

fn id(stored: &Stored<'_>) -> usize {
    let alert = stored.alert(&clock(), &Zone::utc(), (Instant::now(), SystemTime::now()));
    alert.text.split(' ').next().unwrap().parse().unwrap()
}

fn append(spool: &mut Spool<Platter>, alerts: &[(Vec<u8>, Vec<usize>)]) -> io::Result<()> {
    spool.append(alerts, &mut |_| panic!("there is room"))
}

/// Takes and settles one alert: its number.
fn tell(spool: &mut Spool<Platter>, debtor: usize) -> Option<usize> {
    let taken = spool.take(debtor).unwrap()?;
    let told = id(&Stored::read(&taken.payload).unwrap());
    let _ = spool.settle(debtor, taken.sequence, true);
    Some(told)
}

/// Takes up to `count` alerts and settles them together: their numbers.
fn tell_some(spool: &mut Spool<Platter>, debtor: usize, count: usize) -> Vec<usize> {
    let taken: Vec<_> = (0..count).map_while(|_| spool.take(debtor).unwrap()).collect();
    let ids = taken.iter().map(|taken| id(&Stored::read(&taken.payload).unwrap())).collect();
    let mut again = Vec::new();
    spool.each_taken(debtor, &mut |stored| again.push(id(stored)));
    // A disk that has died reads nothing.
    assert!(again == ids || again.is_empty(), "{again:?} {ids:?}");
    if let Some(last) = taken.last() {
        let _ = spool.settle(debtor, last.sequence, true);
    }
    ids
}

fn tell_all(spool: &mut Spool<Platter>, debtor: usize) -> Vec<usize> {
    std::iter::from_fn(|| tell(spool, debtor)).collect()
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Killed,
    PowerCut,
    /// Killed, and the disk is full now and then.
    Full,
}

/// 40 lives, each ending at any call to the disk. All that was kept is told, in order, and up
/// to `at_once` alerts are settled together; what is remembered is what it was at the last
/// write or later.
fn live(seed: u64, end: End, at_once: usize) {
    let platter = Platter::new(seed);
    let mut chance = Chance(seed ^ 0x5eed);
    let (mut kept, mut told) = (vec![BTreeSet::new(); 3], vec![Vec::new(); 3]);
    let mut model = Model::new();
    let (mut next, lives) = (0, 40);
    for life in 0..=lives {
        let is_last = life == lives;
        platter.0.borrow_mut().room = usize::MAX;
        platter.0.borrow_mut().calls_left = if is_last { usize::MAX } else { 1 + chance.below(40) };
        let was_emptied = std::mem::take(&mut platter.0.borrow_mut().was_emptied);
        assert!(!was_emptied || end == End::Full);
        let (mut spool, ..) = platter.open();
        model.reopened(&spool, was_emptied);
        let before: Vec<_> = told.iter().map(Vec::len).collect();
        while !platter.is_dead() && !is_last {
            if end == End::Full && chance.below(8) == 0 {
                platter.0.borrow_mut().room = [usize::MAX, 4096][chance.below(2)];
            }
            if chance.below(3) > 0 {
                let debtor = chance.below(3);
                // The end may come when it is told and not settled yet.
                told[debtor].extend(tell_some(&mut spool, debtor, 1 + chance.below(at_once)));
                if end != End::PowerCut && !spool.states.are_unsaved() {
                    model.written();
                }
                continue;
            }
            model.change(&mut spool, &mut chance);
            let alerts: Vec<_> = (next..next + 1 + chance.below(3))
                .map(|number| {
                    let owing: Vec<_> = (0..3).filter(|_| chance.below(2) == 0).collect();
                    alert(number, &owing, [9, 9, 9, 900][chance.below(4)])
                })
                .collect();
            if append(&mut spool, &alerts).is_ok() {
                model.written();
                for (number, (_, owing)) in (next..).zip(&alerts) {
                    owing.iter().for_each(|index| _ = kept[*index].insert(number));
                }
            }
            next += alerts.len();
        }
        if is_last {
            (0..3).for_each(|index| told[index].extend(tell_all(&mut spool, index)));
            assert!((0..3).all(|index| spool.owed(index) == 0));
        } else if end == End::PowerCut {
            platter.cut_power();
        }
        for (told, before) in told.iter().zip(before) {
            let (old, new) = told.split_at(before);
            let repeats = new.iter().filter(|number| old.contains(number)).count();
            assert!(end != End::Killed || repeats <= at_once, "{end:?}, seed {seed}: {new:?} after {old:?}");
        }
    }
    for (kept, told) in kept.iter().zip(&told) {
        let mut first = BTreeSet::new();
        for number in told {
            let is_new = first.insert(*number);
            assert!(!is_new || first.last() == Some(number), "{end:?}, seed {seed}: {number} out of order");
        }
        assert!(kept.is_subset(&first), "{end:?}, seed {seed}: lost {:?}", kept.difference(&first));
    }
}

#[test]
fn wherever_a_process_ends_what_it_kept_is_told_in_order() {
    for end in [End::Killed, End::PowerCut, End::Full] {
        for seed in 1..=10 {
            live(seed, end, 1);
            live(seed, end, 3);
        }
    }
}

#[test]
fn a_restart_tells_what_is_owed_and_nothing_else() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    append(&mut spool, &[alert(1, &[0, 1], 9), alert(2, &[0], 9), alert(3, &[1], 9)]).unwrap();
    assert_eq!((tell(&mut spool, 0), tell(&mut spool, 0), tell(&mut spool, 0)), (Some(1), Some(2), None));
    // Taken, and the answer never came.
    assert_eq!(spool.take(1).unwrap().unwrap().sequence, 1);
    assert_eq!((spool.owed(0), spool.owed(1), spool.owed(2)), (0, 2, 0));
    let (mut spool, lost, _) = platter.open();
    assert_eq!(lost, Lost::default());
    assert_eq!((tell_all(&mut spool, 0), tell_all(&mut spool, 1)), (vec![], vec![1, 3]));
}

#[test]
fn the_number_of_the_last_delivery_outlives_the_segment_that_had_it() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    for number in 1..400 {
        append(&mut spool, &[alert(number, &[0], 1000)]).unwrap();
        let taken = spool.take(0).unwrap().unwrap();
        // Every second one is refused, and has no number.
        spool.number(0, number as u64 / 2);
        spool.settle(0, taken.sequence, true).unwrap();
        let (mut next, ..) = platter.open();
        assert_eq!((next.serial(0), next.serial(1)), (number as u64 / 2, 0));
        assert!(next.take(0).unwrap().is_none());
    }
    assert!(!platter.0.borrow().files.contains_key(&1));
    // Of an alert that was in memory only: with the next write.
    spool.number(0, 500);
    assert_eq!(platter.open().0.serial(0), 199);
    spool.save(false).unwrap();
    assert_eq!(platter.open().0.serial(0), 500);
}

#[test]
fn an_alert_is_one_write_and_a_delivery_is_one_and_looking_is_none() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    append(&mut spool, &[alert(0, &[0], 9)]).unwrap();
    let calls = |work: &mut dyn FnMut()| {
        platter.0.borrow_mut().calls_left = 1000;
        work();
        1000 - platter.0.borrow().calls_left
    };
    // A write and a sync.
    assert_eq!(calls(&mut || append(&mut spool, &[alert(1, &[0], 9), alert(2, &[0], 9)]).unwrap()), 2);
    assert_eq!(calls(&mut || _ = tell(&mut spool, 0)), 1);
    let mut idle = || {
        assert!(spool.take(1).unwrap().is_none());
        spool.save(false).unwrap();
    };
    assert_eq!(calls(&mut idle), 0);
    assert_eq!(calls(&mut || _ = platter.open()), 0);
}

#[test]
fn an_end_while_it_tries_the_disk_is_no_damage() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    // Made and written, and not removed any more.
    let segment = spool.segment().unwrap();
    let mut nothing = Vec::new();
    Record { kind: record::NOTHING, sequence: 0, payload: &[] }.write(&mut nothing);
    spool.disk().write(segment.number, 0, &nothing).unwrap();
    let (mut spool, lost, _) = platter.open();
    append(&mut spool, &[alert(1, &[0], 9)]).unwrap();
    assert_eq!((lost, platter.open().1), (Lost::default(), Lost::default()));
    assert_eq!(platter.0.borrow().files.len(), 1);
}

#[test]
fn segments_nobody_needs_are_removed() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    for number in 0..400 {
        append(&mut spool, &[alert(number, &[0], 1000)]).unwrap();
        tell(&mut spool, 0);
    }
    assert!(platter.0.borrow().files.len() <= 2);
    // While one is owed, what stands behind it stays: it has the acknowledgements.
    append(&mut spool, &[alert(400, &[1], 9)]).unwrap();
    for number in 401..800 {
        append(&mut spool, &[alert(number, &[0], 1000)]).unwrap();
        tell(&mut spool, 0);
    }
    assert!(platter.0.borrow().files.len() > 3);
    let (mut spool, lost, _) = platter.open();
    assert_eq!((lost, tell_all(&mut spool, 0)), (Lost::default(), vec![]));
    assert_eq!(tell_all(&mut spool, 1), [400]);
    assert_eq!(platter.0.borrow().files.len(), 1);
}

#[test]
fn a_disk_that_is_full_of_what_is_told_takes_more_and_tells_nothing_again() {
    for room in [4_000, 64 * 1024, 500 * 1024] {
        let platter = Platter::new(1);
        let (mut spool, ..) = platter.open();
        spool.note("EVENT0", Stamp::NONE, Some(vec![7]));
        platter.0.borrow_mut().room = room;
        let count =
            (0..).take_while(|number| append(&mut spool, &[alert(*number, &[0], 300)]).is_ok()).count();
        // Nothing more fits, not even that something is settled.
        let used: usize = platter.0.borrow().files.values().map(|content| content.bytes.len()).sum();
        platter.0.borrow_mut().room = used;
        assert_eq!(tell_all(&mut spool, 0), (0..count).collect::<Vec<_>>());
        append(&mut spool, &[alert(count, &[0], 300)]).unwrap();
        let (mut spool, lost, _) = platter.open();
        assert_eq!((lost, tell_all(&mut spool, 0)), (Lost::default(), vec![count]));
        assert_eq!(spool.states().len(), 1);
    }
}

#[test]
fn when_there_are_too_many_the_oldest_go_and_are_counted() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    append(&mut spool, &[alert(0, &[1], 9)]).unwrap();
    let in_hand = spool.take(1).unwrap().unwrap();
    let mut evicted = Vec::new();
    for number in 1..=6000 {
        spool.append(&[alert(number, &[0], 1000)], &mut |stored| evicted.push(id(stored))).unwrap();
    }
    let bytes: usize = platter.0.borrow().files.values().map(|content| content.bytes.len()).sum();
    assert!(bytes as u64 <= BYTES_MAX && bytes as u64 > BYTES_MAX - 2 * SEGMENT_BYTES);
    assert_eq!(spool.owed(0), 6000 - evicted.len());
    let told = tell_all(&mut spool, 0);
    assert_eq!(evicted.iter().chain(&told).copied().collect::<Vec<_>>(), (1..=6000).collect::<Vec<_>>());
    // What somebody had in hand is gone from the disk only.
    spool.settle(1, in_hand.sequence, true).unwrap();
    assert_eq!(spool.owed(1), 0);
}

#[test]
fn a_full_disk_adds_nothing_and_keeps_what_there_is() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    append(&mut spool, &[alert(1, &[0], 9)]).unwrap();
    platter.0.borrow_mut().room = 300;
    append(&mut spool, &[alert(2, &[0], 9), alert(3, &[0], 999)]).unwrap_err();
    assert_eq!(spool.owed(0), 1);
    platter.0.borrow_mut().room = usize::MAX;
    append(&mut spool, &[alert(4, &[0], 9)]).unwrap();
    assert_eq!(tell_all(&mut spool, 0), [1, 4]);
    assert_eq!(platter.open().1, Lost::default());
}

#[test]
fn a_disk_that_is_full_from_the_start_gathers_no_files() {
    let platter = Platter::new(1);
    platter.0.borrow_mut().room = 0;
    let (mut spool, ..) = platter.open();
    spool.probe().unwrap_err();
    append(&mut spool, &[alert(1, &[0], 9)]).unwrap_err();
    assert_eq!(platter.0.borrow().files.len(), 0);
    platter.0.borrow_mut().room = 1000;
    spool.probe().unwrap();
    assert_eq!(platter.0.borrow().files.len(), 0);
    append(&mut spool, &[alert(2, &[0], 9)]).unwrap();
    assert_eq!(tell_all(&mut spool, 0), [2]);
}

#[test]
fn alerts_of_a_destination_that_is_gone_are_handed_out_once() {
    let platter = Platter::new(1);
    let (mut spool, ..) = platter.open();
    append(&mut spool, &[alert(1, &[0, 1], 9), alert(2, &[1], 9), alert(3, &[1, 2], 9)]).unwrap();
    assert_eq!(tell(&mut spool, 1), Some(1));
    let (mut spool, _, orphans) = platter.open_for(&["A", "C"]);
    assert_eq!(orphans, ["B/1 2", "B/1 3"]);
    assert_eq!((tell_all(&mut spool, 0), tell_all(&mut spool, 1)), (vec![1], vec![3]));
    assert_eq!(platter.open_for(&["A", "C"]).2, [""; 0]);
}
