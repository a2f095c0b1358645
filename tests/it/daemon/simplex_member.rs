//! SimpleX's groups: how we come into one, and what is said of one that we cannot write in.

use super::LOGIN_FAILURE;
use super::simplex::{SAY, at, in_each_shape, say, to_alerts, wait_for_delivered};
use crate::support::daemon::Daemon;
use crate::support::simplex::frames::Shape;
use crate::support::simplex::world::Chat;
use crate::support::simplex::{Bench, Fault};
use crate::support::variables::Variables;

const LINK: &str = "https://127.0.0.1/g#aSecretLink";

fn linked(bench: &Bench, to: &str) -> Variables {
    at(&bench.url(), to).with("SIMPLEX_LINK", LINK).regex("SimpleX", SAY, "@1")
}

/// What is printed shows no link.
#[track_caller]
fn stop(daemon: Daemon) {
    let ended = daemon.stop("TERM");
    assert!(!ended.whole().contains("aSecretLink"), "{}", ended.whole());
}

#[test]
fn a_link_leads_into_the_group_and_the_alert_waits_until_we_are_let_in() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        bench.world(|world| world.add_link(LINK, "ops", false));
        let daemon = Daemon::start(&linked(&bench, "#ops"));
        daemon.send(say("one"));
        bench.wait_for_commands("/connect", 1);
        assert_eq!(bench.texts().len(), 0);
        bench.world(|world| world.let_in());
        daemon.send(say("two"));
        wait_for_delivered(&daemon, 2);
        assert_eq!(bench.texts(), ["one", "two"]);
        assert_eq!(bench.world(|world| world.sent_to(Chat::Group(2)).len()), 2);
        // Asked once: whoever lets people in is not asked again for each alert.
        assert_eq!(bench.count("/connect"), 1);
        stop(daemon);
    });
}

#[test]
fn a_join_that_takes_long_is_asked_for_once() {
    let bench = Bench::start(Shape::V6_5);
    bench.world(|world| world.add_link(LINK, "ops", false));
    let daemon = Daemon::start(&linked(&bench, "#ops"));
    daemon.send(say("one"));
    let waits = daemon.wait_for_log("delivery postponed", &[("notifier", "SimpleX")]);
    assert!(waits.value("reason").unwrap().contains("let into #ops"), "{waits:?}");
    // A cut changes nothing, nor that the group is seen before we are in it.
    bench.cut();
    bench.wait_for("a new connection", |state| (state.connections > 1).then_some(()));
    bench.world(|world| world.begin_to_let_in());
    bench.wait_for_commands("/_groups", 3);
    bench.world(|world| world.let_in());
    wait_for_delivered(&daemon, 1);
    assert_eq!((bench.texts(), bench.count("/connect")), (vec!["one".to_owned()], 1));
    stop(daemon);
}

#[test]
fn a_group_that_we_are_in_already_is_no_error() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        bench.world(|world| world.add_link(LINK, "ops", true));
        let first = Daemon::start(&linked(&bench, "#ops"));
        first.send(say("one"));
        wait_for_delivered(&first, 1);
        stop(first);
        assert_eq!(bench.count("/connect"), 1);
        // Again, and by the link alone.
        let mut again = linked(&bench, "#ops");
        for _ in 0..2 {
            let daemon = Daemon::start(&again);
            daemon.send(say("more"));
            wait_for_delivered(&daemon, 1);
            stop(daemon);
            again = Variables::new().with("SIMPLEX_URL", bench.url()).with("SIMPLEX_LINK", LINK);
            again = again.with("ALERT_SUFFIX", "").regex("SimpleX", SAY, "@1");
        }
        assert_eq!(bench.world(|world| world.sent_to(Chat::Group(2)).len()), 3);
        assert_eq!(bench.count("/connect"), 1);
    });
}

#[test]
fn the_group_of_the_link_is_the_target_if_there_is_no_other() {
    let bench = Bench::start(Shape::V6_4);
    bench.world(|world| world.add_link(LINK, "ops", true));
    let variables = Variables::new().with("SIMPLEX_URL", bench.url()).with("SIMPLEX_LINK", LINK);
    let daemon = Daemon::start(&variables.with("ALERT_SUFFIX", "").regex("SimpleX", SAY, "@1"));
    daemon.send(say("one"));
    wait_for_delivered(&daemon, 1);
    assert_eq!(bench.world(|world| world.sent_to(Chat::Group(2)).len()), 1);
    stop(daemon);
}

#[test]
fn a_link_that_was_used_up_is_said_in_words() {
    let bench = Bench::start(Shape::V6_5);
    bench.world(|world| {
        world.add_link(LINK, "ops", true);
        world.use_up(LINK);
    });
    let daemon = Daemon::start(&linked(&bench, "#ops"));
    daemon.send(say("one"));
    let parked = daemon.wait_for_log("notifier parked", &[("notifier", "SimpleX")]);
    assert!(parked.value("reason").unwrap().contains("SIMPLEX_LINK"), "{parked:?}");
    stop(daemon);
    assert_eq!(bench.texts().len(), 0);
}

#[test]
fn a_relay_that_is_down_while_we_join_is_tried_again() {
    let bench = Bench::start(Shape::V7);
    bench.world(|world| {
        world.add_link(LINK, "ops", true);
        world.relay_is_up = false;
    });
    let daemon = Daemon::start(&linked(&bench, "#ops"));
    daemon.send(say("one"));
    daemon.wait_for_log("delivery postponed", &[("notifier", "SimpleX")]);
    bench.world(|world| world.relay_comes_up());
    wait_for_delivered(&daemon, 1);
    assert_eq!(bench.texts(), ["one"]);
    stop(daemon);
}

#[test]
fn an_observer_is_told_what_has_to_change() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        bench.world(|world| world.group_mut(1).role = "observer");
        let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, "@1"));
        daemon.send(say("one"));
        let parked = daemon.wait_for_log("notifier parked", &[("notifier", "SimpleX")]);
        let reason = parked.value("reason").unwrap();
        assert!(reason.contains("observer") && reason.contains("#alerts"), "{reason}");
        assert_eq!(bench.texts().len(), 0);
    });
}

#[test]
fn whoever_becomes_an_observer_while_it_runs_is_told_too() {
    let bench = Bench::start(Shape::V6_5);
    let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, "@1"));
    daemon.send(say("one"));
    wait_for_delivered(&daemon, 1);
    bench.world(|world| world.group_mut(1).role = "observer");
    daemon.send(say("two"));
    let parked = daemon.wait_for_log("notifier parked", &[("notifier", "SimpleX")]);
    assert!(parked.value("reason").unwrap().contains("observer"), "{parked:?}");
    assert_eq!(bench.texts(), ["one"]);
}

#[test]
fn who_was_removed_from_a_group_is_told_so() {
    let bench = Bench::start(Shape::V6_5);
    let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, "@1"));
    daemon.send(say("one"));
    wait_for_delivered(&daemon, 1);
    bench.world(|world| world.remove_us(1));
    daemon.send(say("two"));
    let parked = daemon.wait_for_log("notifier parked", &[("notifier", "SimpleX")]);
    assert!(parked.value("reason").unwrap().contains("#alerts"), "{parked:?}");
    assert_eq!(bench.texts(), ["one"]);
}

#[test]
fn an_invitation_into_the_group_that_is_meant_is_accepted() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        // One that came before we did, and one that comes while we wait.
        let early = bench.world(|world| world.invite("early", "member"));
        let list = "SimpleX/#early,SimpleX/#late";
        let daemon = Daemon::start(&to_alerts(&bench).regex(list, SAY, "@1"));
        daemon.send(say("one"));
        bench.wait_for_commands(&format!("/_join #{early}"), 1);
        let late = bench.world(|world| world.invite("late", "member"));
        let foreign = bench.world(|world| world.invite("foreign", "member"));
        bench.wait_for_commands(&format!("/_join #{late}"), 1);
        daemon.wait_for_log("delivered", &[("notifier", "SimpleX/#early")]);
        assert_eq!(bench.count(&format!("/_join #{foreign}")), 0);
    });
}

#[test]
fn another_user_who_is_active_now_is_asked_for() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        bench.next("/_groups", Fault::Error(shape.recorded(&["err_groups_other_user"])));
        let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, "@1"));
        daemon.send(say("one"));
        wait_for_delivered(&daemon, 1);
        assert_eq!((bench.texts(), bench.count("/user")), (vec!["one".to_owned()], 2));
    });
}

#[test]
fn a_group_that_is_renamed_is_looked_up_anew() {
    let bench = Bench::start(Shape::V7);
    let rules = to_alerts(&bench).regex("SimpleX", SAY, "@1").substr("SimpleX/@phone", "login", "x");
    let daemon = Daemon::start(&rules);
    daemon.send(say("one"));
    wait_for_delivered(&daemon, 1);
    // What is called so now is another group: it is the name that was configured.
    bench.world(|world| world.rename(1, "alerts of old"));
    let new = bench.world(|world| world.add_group("alerts"));
    // Whoever has read an answer has read what came before it.
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_log("delivered", &[("notifier", "SimpleX/@phone")]);
    daemon.send(say("two"));
    wait_for_delivered(&daemon, 2);
    let count = |id| bench.world(|world| world.sent_to(Chat::Group(id)).len());
    assert_eq!((count(1), count(new)), (1, 1));
}
