//! SimpleX when the connection is cut, and when answers are late, or lost: each alert is stored once.

use std::time::{Duration, Instant};

use super::metrics::metrics;
use super::simplex::{SAY, in_each_shape, say, to_alerts, wait_for_delivered};
use crate::support::daemon::Daemon;
use crate::support::elsewhere::faketime;
use crate::support::recorder::Recorder;
use crate::support::simplex::frames::Shape;
use crate::support::simplex::{Bench, Fault};
use crate::support::{DEADLINE, TempFolder, skip};

fn start(bench: &Bench) -> Daemon {
    Daemon::start(&to_alerts(bench).regex("SimpleX", SAY, "@1"))
}

#[test]
fn a_restart_of_simplex_chat_loses_nothing() {
    in_each_shape(|shape| {
        let mut bench = Bench::start(shape);
        let daemon = start(&bench);
        daemon.send(say("before"));
        wait_for_delivered(&daemon, 1);
        bench.go_down();
        for number in 1..=3 {
            daemon.send(say(&format!("meanwhile {number}")));
        }
        daemon.wait_for_log("delivery postponed", &[("notifier", "SimpleX")]);
        bench.come_up();
        wait_for_delivered(&daemon, 4);
        assert_eq!(bench.texts(), ["before", "meanwhile 1", "meanwhile 2", "meanwhile 3"]);
        // Its state is read anew, and a cut between alerts costs nothing either.
        bench.cut();
        daemon.send(say("after"));
        wait_for_delivered(&daemon, 5);
        assert_eq!(bench.texts().len(), 5);
    });
}

#[test]
fn it_need_not_be_there_when_we_start() {
    let mut bench = Bench::start(Shape::V6_5);
    bench.go_down();
    let daemon = start(&bench);
    daemon.send(say("early"));
    daemon.wait_for_log("delivery postponed", &[("notifier", "SimpleX")]);
    bench.come_up();
    wait_for_delivered(&daemon, 1);
    assert_eq!(bench.texts(), ["early"]);
}

#[test]
fn what_was_stored_before_the_cut_is_not_sent_again() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        let daemon = start(&bench);
        bench.next("/_send", Fault::CutAfter);
        daemon.send(say("first of all"));
        wait_for_delivered(&daemon, 1);
        assert_eq!((bench.texts().len(), bench.count("/_send")), (1, 1));
        // In the middle of a life, and what another chat was told is no proof.
        bench.world(|world| world.add_contact("ann"));
        bench.next("/_send", Fault::CutAfter);
        daemon.send(say("one"));
        wait_for_delivered(&daemon, 2);
        assert_eq!(bench.texts(), ["first of all", "one"]);
        assert_eq!(bench.count("/_send"), 2);
    });
}

#[test]
fn what_was_not_stored_before_the_cut_is_sent_again() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        let daemon = start(&bench);
        // It was told once: that is not the one in doubt.
        daemon.send(say("again"));
        wait_for_delivered(&daemon, 1);
        bench.next("/_send", Fault::CutBefore);
        daemon.send(say("again"));
        wait_for_delivered(&daemon, 2);
        assert_eq!((bench.texts(), bench.count("/_send")), (vec!["again".to_owned(); 2], 3));
    });
}

#[test]
fn a_text_that_is_told_twice_is_stored_twice_whatever_is_cut() {
    let bench = Bench::start(Shape::V7);
    let daemon = start(&bench);
    for count in 1..=3 {
        bench.next("/_send", Fault::CutAfter);
        daemon.send(say("the same"));
        wait_for_delivered(&daemon, count);
        assert_eq!(bench.texts().len(), count);
    }
    assert_eq!(bench.count("/_send"), 3);
}

#[test]
fn a_restart_while_one_is_in_doubt_does_not_double_it() {
    let mut bench = Bench::start(Shape::V6_5);
    let daemon = start(&bench);
    bench.next("/_send", Fault::Late);
    daemon.send(say("stored"));
    bench.wait_for_sent(1);
    bench.go_down();
    daemon.send(say("after it"));
    daemon.wait_for_log("delivery postponed", &[("notifier", "SimpleX")]);
    bench.come_up();
    wait_for_delivered(&daemon, 2);
    assert_eq!(bench.texts(), ["stored", "after it"]);
}

#[test]
fn a_late_answer_is_waited_for() {
    let bench = Bench::start(Shape::V6_3);
    // Other events are no answer.
    bench.chatter(5);
    let daemon = start(&bench);
    bench.next("/_send", Fault::Late);
    daemon.send(say("slow"));
    bench.wait_for_sent(1);
    daemon.send(say("behind it"));
    bench.world(|world| world.contact_writes(4, "hello"));
    bench.wait_for("the event", |state| (state.events_written > 0).then_some(()));
    assert!(daemon.find_log("delivered", &[]).is_none());
    bench.release();
    wait_for_delivered(&daemon, 2);
    assert_eq!((bench.texts(), bench.count("/_send")), (vec!["slow".to_owned(), "behind it".to_owned()], 2));
}

#[test]
fn a_missing_answer_is_looked_up_and_only_what_is_not_there_is_sent_again() {
    // Side by side, for each takes as long as an answer is waited for.
    let benches = [Bench::start(Shape::V7), Bench::start(Shape::V6_4)];
    let daemons = benches.each_ref().map(start);
    let [stored, unheard] = &benches;
    stored.next("/_send", Fault::Unanswered);
    unheard.next("/_send", Fault::Unheard);
    daemons.iter().for_each(|daemon| daemon.send(say("one")));
    for bench in &benches {
        bench.wait_for_within(Duration::from_secs(60), "a look", |state| {
            let looks = |command: &&String| command.starts_with("/_get chat #1 count=20");
            state.commands.iter().find(looks).map(drop)
        });
    }
    daemons.iter().for_each(|daemon| wait_for_delivered(daemon, 1));
    assert_eq!((stored.texts().len(), stored.count("/_send")), (1, 1));
    assert_eq!((unheard.texts().len(), unheard.count("/_send")), (1, 2));
}

#[test]
fn an_error_that_passes_is_waited_for() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        bench.next("/_send", Fault::Error(shape.recorded(&["err_send_stopped"])));
        let daemon = start(&bench);
        daemon.send(say("one"));
        daemon.wait_for_log("delivery postponed", &[("notifier", "SimpleX")]);
        wait_for_delivered(&daemon, 1);
        assert_eq!(bench.texts(), ["one"]);
    });
}

#[test]
fn who_takes_less_than_others_is_told_less() {
    // As a contact with keys against quantum computers does.
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        bench.next("/_send", Fault::Error(shape.recorded(&["err_send_too_long"])));
        let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, &"@1".repeat(20)));
        daemon.send(say(&"x".repeat(1000)));
        wait_for_delivered(&daemon, 1);
        let length = bench.texts()[0].len();
        assert!((7_000..=7_500).contains(&length), "{length}");
    });
}

#[test]
fn what_could_not_be_passed_on_is_told_by_another_and_not_sent_again() {
    let (bench, other) = (Bench::start(Shape::V6_5), Recorder::start());
    bench.world(|world| world.relay_is_up = false);
    let daemon = Daemon::start(&to_alerts(&bench).generic(1, &other).regex("SimpleX/@phone", SAY, "@1"));
    daemon.send(say("one"));
    bench.wait_for_sent(1);
    // Stored is delivered, whether there is a relay or not.
    daemon.wait_for_log("delivered", &[("notifier", "SimpleX/@phone")]);
    bench.world(|world| world.fail(0, "auth"));
    let told = other.wait_for_text(|text| text.contains("@phone")).text();
    assert!(told.starts_with("alertik: "), "{told}");
    bench.world(|world| world.relay_comes_up());
    daemon.send(say("two"));
    bench.wait_for_sent(2);
    assert_eq!((bench.texts().len(), bench.count("/_send")), (2, 2));
}

#[test]
fn a_relay_that_stays_down_is_told_by_another_after_two_minutes() {
    let library = match faketime() {
        Ok(library) => library,
        Err(why) => return skip(&why),
    };
    let (bench, other, clock) = (Bench::start(Shape::V6_5), Recorder::start(), TempFolder::new());
    bench.world(|world| world.relay_is_up = false);
    // Both clocks, that on the wall and that for spans, are late, and then right: two minutes have passed at once.
    let variables = to_alerts(&bench)
        .generic(1, &other)
        .with("LD_PRELOAD", library)
        .with("FAKETIME_TIMESTAMP_FILE", clock.write("clock", "-130"))
        .with("FAKETIME_NO_CACHE", "1");
    let daemon = Daemon::start(&variables.regex("SimpleX", SAY, "@1"));
    daemon.send(say("one"));
    daemon.wait_for_log("delivered", &[("notifier", "SimpleX")]);
    std::fs::rename(clock.write("new", "+0"), clock.path("clock")).unwrap();
    // By such a clock no thread wakes by itself: the kernel has another. So lines wake them.
    let deadline = Instant::now() + DEADLINE;
    let is_it = |text: &str| text.contains("#alerts");
    while !other.has_text_within(Duration::from_millis(200), is_it) {
        assert!(Instant::now() < deadline, "nothing was told, but {}", daemon.printed());
        daemon.send(say("and another"));
    }
    let told = other.wait_for_text(is_it).text();
    assert!(told.starts_with("alertik: ") && told.contains("two minutes"), "{told}");
    metrics(&daemon, &[r#"alertik_simplex_messages_total{status="unconfirmed"} 1"#]);
    assert_eq!(bench.texts().iter().filter(|text| *text == "one").count(), 1);
}

#[test]
fn a_relay_that_is_down_is_no_reason_to_send_again() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        bench.world(|world| world.relay_is_up = false);
        let daemon = start(&bench);
        for number in 1..=3 {
            daemon.send(say(&number.to_string()));
        }
        wait_for_delivered(&daemon, 3);
        bench.world(|world| world.relay_comes_up());
        let count = r#"alertik_simplex_messages_total{status="sent"} 3"#;
        metrics(&daemon, &[count]);
        assert_eq!((bench.texts(), bench.count("/_send")), (["1", "2", "3"].map(str::to_owned).to_vec(), 3));
    });
}
