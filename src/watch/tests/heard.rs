//! Whom we hear, whether we could, and what is brought late.

use super::{ALICE, FIRST, KNOWN, check, check_alice};

#[test]
fn a_name_that_somebody_else_takes_is_no_sign_of_life() {
    let impostor = "2:00 (WATCH0: @alice is another contact of SimpleX than it was, and what that says is no sign of life \
                    (if it is the same person, give the watch another number))";
    check_alice(&["2h known 8 alice", "23h heard 8 alice", "25h known 8 alice", "30h -"], &[impostor, FIRST]);
    // Whatever she is called now, she is who she was; also over a restart.
    check_alice(&["23h heard 7 bob", "46h -"], &[]);
    let steps = [
        "1h kill",
        "1h start",
        "1h open",
        "2h known 8 alice",
        "22h heard 8 alice",
        "23h heard 7 alice",
        "46h -",
    ];
    check_alice(&steps, &[impostor]);
    // A member of a group may have the name before the contact is known.
    check(ALICE, &["1m open", "2m heard 8 alice", "3m known 7 alice", "23h heard 7 alice", "46h -"], &[]);
    // Others are no business of ours.
    check_alice(&["1h known 9 carol", "23h heard 9 carol", "23h unknown dave", "30h -"], &[FIRST]);
}

#[test]
fn a_contact_that_is_not_there_is_told_and_not_taken_for_silent() {
    let unknown = "0:01 (WATCH0: SimpleX knows no contact @alice, so its silence is not told)";
    check(
        ALICE,
        &["1m open", "1m unknown alice", "5h closed", "6h open", "6h unknown alice", "30d -"],
        &[unknown],
    );
    let gone = "2:00 (WATCH0: SimpleX knows no contact @alice; what contact 7 says, which had the name, counts still)";
    check_alice(&["2h unknown alice", "23h heard 7 alice_1", "46h -"], &[gone]);
    // Once it is there it is counted from the beginning: it has been silent.
    check(
        ALICE,
        &["1m open", "1m unknown alice", "30h known 7 alice", "40h -"],
        &[unknown, "31:00 are you well? / Silent since 2026-11-21 00:00:00"],
    );
}

#[test]
fn what_is_brought_late_counts_from_when_it_was_written() {
    check_alice(
        &["20h heard 7 alice 10h", "40h -"],
        &["34:00 are you well? / Silent since 2026-11-21 10:00:00"],
    );
    // What is older than what we know changes nothing, and the future is now.
    check_alice(&["20h heard 7 alice", "21h heard 7 alice 5h", "43h -"], &[]);
    check_alice(
        &["20h heard 7 alice 99h", "45h -"],
        &["44:00 are you well? / Silent since 2026-11-21 20:00:00"],
    );
    // It was silent for as long as was told.
    check_alice(&["40h heard 7 alice 10h", "50h -"], &[FIRST]);
    check_alice(
        &["40h heard 7 alice 20h", "50h -"],
        &[
            FIRST,
            "40:00 heard from @alice again after 20 h",
            "44:00 are you well? / Silent since 2026-11-21 20:00:00",
        ],
    );
}

#[test]
fn while_nobody_can_be_heard_no_stage_is_told_and_that_is_told_once() {
    let deaf = "(WATCH0: @alice cannot be heard: for 1 h no connection to SimpleX has lasted. \
                Until one does, silence is not told)";
    // Not from the start on.
    check(ALICE, &["30d -"], &[&format!("1:00 {deaf}")]);
    // From an hour on, and what was written meanwhile is brought before silence counts.
    let steps = ["2h closed", "30h open", "1805m heard 7 alice 29h", "52h -"];
    check_alice(&steps, &[&format!("3:00 {deaf}")]);
    // Nothing was: an hour after it can be heard again.
    let first = "31:00 are you well? / Silent since 2026-11-21 00:00:00";
    check_alice(&["2h closed", "30h open", "40h -"], &[&format!("3:00 {deaf}"), first]);
    // Short cuts are nothing, but they put a stage off.
    let late = "24:50 are you well? / Silent since 2026-11-21 00:00:00";
    check_alice(&["10h closed", "601m open", "1420m closed", "1430m open", "40h -"], &[late]);
}

#[test]
fn a_connection_that_comes_and_goes_is_told_too() {
    let mut steps: Vec<String> = KNOWN.map(str::to_owned).into();
    for number in 2..60 {
        // Open for 59 minutes, closed for one.
        steps.push(format!("{}m closed", 60 * number - 1));
        steps.push(format!("{}m open", 60 * number));
    }
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let deaf = "4:59 (WATCH0: @alice cannot be heard: for 3 h no connection to SimpleX has lasted. \
                Until one does, silence is not told)";
    check(ALICE, &steps, &[deaf]);
}
