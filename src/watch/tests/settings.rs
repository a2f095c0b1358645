//! What is said of the variables, and of what they come to.

use super::{ALICE, BACKUP, DestinationId, read};

#[test]
fn a_contact_is_a_name_behind_an_at() {
    let check = |contact, hook, expected: &str| {
        let set = [("WATCH0_SIMPLEX", contact), ("WATCH0_HOOK", hook)];
        let (settings, faults) = read(&[&ALICE[..3], &set, &ALICE[4..]].concat());
        assert_eq!((settings.watches.len(), faults.faults), (0, vec![expected.to_owned()]));
    };
    for name in ["alice", "@", "#group"] {
        let fault = format!("WATCH0_SIMPLEX: {name:?} is not a contact (expected @alice)");
        check(name, "", &fault);
    }
    check("@alice", "backup", "WATCH0_SIMPLEX and WATCH0_HOOK are both set (a watch is for one)");
}

#[test]
fn a_watch_is_put_in_words_without_what_it_tells() {
    let check = |variables, expected: &str| {
        let names = |ids: &[DestinationId]| format!("{:?}", ids.iter().map(|id| id.0).collect::<Vec<_>>());
        assert_eq!(read(variables).0.watches[0].words(&names), expected);
    };
    check(ALICE, "no word from @alice for 24 h -> [1]; for 3 d -> [0]");
    check(&BACKUP[..3], "no call of backup for 24 h -> [0]");
    let (settings, _) = read(&[ALICE, &[("WATCH3_HOOK", "backup"), ("WATCH3_EVERY", "1h")]].concat());
    assert_eq!(
        (settings.contact_names(), settings.hook_names()),
        (vec!["alice".into()], vec![("WATCH3_HOOK".into(), "backup".into())])
    );
}

#[test]
fn only_those_who_follow_troubles_are_told_the_end_of_the_second_stage() {
    let (mut settings, _) = read(ALICE);
    // Generic1 is told the second stage, and Console the first.
    let [generic, console] = [0, 1].map(DestinationId);
    settings.tell_stages_to(&[console]);
    assert_eq!(*settings.watches[0].followers, []);
    settings.tell_stages_to(&[console, generic]);
    assert_eq!(*settings.watches[0].followers, [generic]);
}
