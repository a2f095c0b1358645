//! What is told in spite of damage, and what is said of it.

use std::collections::BTreeMap;

use super::super::*;
use super::platter::{Content, Platter};
use super::{alert, append, tell, tell_all};

/// Three segments: alerts 1 to 3, 4 to 6 and 7 to 9, for A; 1 is settled.
fn three_segments() -> Platter {
    let platter = Platter::new(1);
    for first in [1, 4, 7] {
        let (mut spool, ..) = platter.open();
        if first == 4 {
            tell(&mut spool, 0);
        }
        (first..first + 3).for_each(|number| append(&mut spool, &[alert(number, &[0], 9)]).unwrap());
    }
    assert_eq!(platter.0.borrow().files.len(), 3);
    platter
}

/// What is told in spite of some damage, and what was said of it.
fn told_after(damage: impl FnOnce(&mut BTreeMap<u64, Content>)) -> (Vec<usize>, Lost, Lost) {
    let platter = three_segments();
    damage(&mut platter.0.borrow_mut().files);
    let (mut spool, lost, _) = platter.open();
    let again = platter.open().1;
    (tell_all(&mut spool, 0), lost, again)
}

#[test]
fn a_flipped_bit_costs_one_record_and_is_noticed() {
    let bytes = three_segments().0.borrow().files[&2].bytes.clone();
    let states = Record::read(&bytes).unwrap().1;
    for bit in 0..bytes.len() * 8 {
        let (told, lost, _) = told_after(|files| files.get_mut(&2).unwrap().bytes[bit / 8] ^= 1 << (bit % 8));
        let missing: Vec<_> = (2..10).filter(|number| !told.contains(number)).collect();
        // The acknowledgement of 1 stands there too: without it, 1 is told again. And before it,
        // that these are all states, which are none.
        let is_in_states = bit / 8 < states;
        let costs = missing.len() + usize::from(told.contains(&1));
        assert_eq!(costs, usize::from(!is_in_states), "bit {bit}: {told:?}");
        assert!(lost.bytes > 0 && lost.alerts == missing.len() as u64 && lost.segments == 0, "{lost:?}");
    }
}

#[test]
fn half_a_record_at_the_end_is_cut_off_and_said_once() {
    let whole = three_segments().0.borrow().files[&3].bytes.clone();
    for length in 0..whole.len() {
        let (told, lost, again) = told_after(|files| files.get_mut(&3).unwrap().bytes.truncate(length));
        let ends = std::iter::successors(Some(0), |at| Some(at + Record::read(&whole[*at..])?.1));
        // The first record says that these are all states.
        let kept = ends.clone().skip(2).filter(|end| *end <= length).count();
        assert_eq!(told, (2..7 + kept).collect::<Vec<_>>());
        assert_eq!(lost.bytes > 0, !ends.into_iter().any(|end| end == length), "{length}");
        assert_eq!((lost.alerts, lost.segments, again), (0, 0, Lost::default()));
    }
}

#[test]
fn a_missing_segment_is_counted_with_its_alerts() {
    let (told, lost, _) = told_after(|files| drop(files.remove(&2)));
    // The acknowledgement of 1 was in it.
    assert_eq!((told, lost), (vec![1, 2, 3, 7, 8, 9], Lost { alerts: 3, segments: 1, bytes: 0 }));
}

#[test]
fn what_is_lost_while_it_runs_is_counted() {
    let platter = three_segments();
    let (mut spool, ..) = platter.open();
    platter.0.borrow_mut().files.get_mut(&3).unwrap().bytes.fill(0);
    assert_eq!((2..7).map(|_| tell(&mut spool, 0).unwrap()).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    assert_eq!((spool.take(0).unwrap_err(), spool.owed(0)), (3, 0));
}
