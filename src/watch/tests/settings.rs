//! What is said of the variables, and of what they come to.

use super::{ALICE, BACKUP, DestinationId, read};

/// The faults and warnings of `WATCH0_*`, beside a notifier that is there.
#[track_caller]
fn check_faults(variables: &[(&str, &str)], expected: &[&str]) {
    let common = [("STATE_DIR", "/state"), ("WATCH0_NOTIFIER", "Console")];
    let (settings, faults) = read(&[&common, variables].concat());
    let all: Vec<_> = faults.faults.iter().chain(&faults.warnings).collect();
    assert_eq!(all, expected);
    assert!(!faults.is_empty() || settings.watches.len() == 1);
}

#[test]
fn what_is_wrong_with_a_watch_is_said() {
    let (hook, every, tell) = (("WATCH0_HOOK", "backup"), ("WATCH0_EVERY", "24h"), ("WATCH0_TELL", "x"));
    let url = ("SIMPLEX_URL", "ws://127.0.0.1:5225");
    const FORM: &str = "(expected one span, or a shorter and a longer one, such as 24h,72h, from 1m to 365d)";
    check_faults(&[hook, every], &[]);
    check_faults(&[hook], &[&format!("WATCH0_EVERY is not set {FORM}")]);
    for text in
        ["59s", "24", "366d", "24h,24h", "72h,24h", "24h,48h,72h", "24h,", ",24h", "1s,24h", "-1h", "∞"]
    {
        let fault = format!("WATCH0_EVERY: {} is not a time span {FORM}", crate::vars::shown(text));
        check_faults(&[hook, ("WATCH0_EVERY", text), tell], &[&fault]);
    }
    for text in ["1m", "365d", "24h,72h", " 24h , 72h "] {
        check_faults(&[hook, ("WATCH0_EVERY", text), tell], &[]);
    }
    let idle = "WATCH0_EVERY: its second span has no effect: WATCH0_TELL is not set";
    check_faults(&[hook, ("WATCH0_EVERY", "24h,72h")], &[idle]);
    let neither = "WATCH0_SIMPLEX or WATCH0_HOOK is not set (expected @alice, or a hook's name)";
    check_faults(&[every], &[neither]);
    let both = "WATCH0_SIMPLEX and WATCH0_HOOK are both set (a watch is for one)";
    check_faults(&[url, hook, ("WATCH0_SIMPLEX", "@alice"), every], &[both]);
    check_faults(
        &[hook, every, ("WATCH0_FILE_PATH", "/a")],
        &["WATCH0_FILE_PATH: goes with the second stage, which there is none of (set WATCH0_TELL)"],
    );
    check_faults(
        &[hook, every, tell, ("WATCH0_FILE_PATH", "/a")],
        &["WATCH0_FILE_PATH: only SimpleX can send a file, and it is not told (name it in WATCH0_NOTIFIER)"],
    );
    for name in ["alice", "@", "#group"] {
        let fault = format!("WATCH0_SIMPLEX: {name:?} is not a contact (expected @alice)");
        check_faults(&[url, ("WATCH0_SIMPLEX", name), every], &[&fault]);
    }
    check_faults(
        &[("WATCH0_SIMPLEX", "@alice"), every],
        &["WATCH0_SIMPLEX: SIMPLEX_URL is not set, so nobody can be heard"],
    );
    check_faults(
        &[("WATCH0_HOOK", "a/b"), every],
        &["WATCH0_HOOK: \"a/b\" is not a name (expected letters, digits, - _ .)"],
    );
    check_faults(
        &[hook, every, ("STATE_DIR", "")],
        &["WATCH0_EVERY: STATE_DIR is not set, so each restart counts as a sign of life"],
    );
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
        (vec!["alice".into()], vec!["backup".into()])
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
