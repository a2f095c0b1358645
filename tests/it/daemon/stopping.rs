//! The end: by each signal, as process 1, with and without something left to tell.

use std::thread;
use std::time::Duration;

use super::LOGIN_FAILURE;
use crate::support::daemon::{Daemon, get, run};
use crate::support::recorder::{Answer, Recorder};
use crate::support::skip;
use crate::support::variables::Variables;

/// RouterOS kills after ten seconds; half of it is ours.
const STOP_MAX: Duration = Duration::from_secs(5);

#[test]
fn each_signal_stops_in_time_and_what_is_left_is_said() {
    // All at once: each waits for an answer that does not come.
    thread::scope(|scope| {
        for signal in ["TERM", "INT", "HUP"] {
            scope.spawn(move || {
                let (slack, generic) = (Recorder::scripted(|_| Answer::Hang), Recorder::start());
                let variables = Variables::new().slack(&slack).generic(1, &generic);
                let daemon = Daemon::start(&variables.substr("Slack,Generic1", "login", "x"));
                daemon.send(LOGIN_FAILURE);
                daemon.send(LOGIN_FAILURE);
                slack.wait_for(1);
                generic.wait_for(2);
                let ended = daemon.stop(signal);
                assert_eq!(ended.code, Some(0), "SIG{signal}: {}", ended.whole());
                assert!(ended.took < STOP_MAX, "SIG{signal}: {:?}", ended.took);
                assert_eq!(
                    (ended.left_for("Slack"), ended.left_for("Generic1")),
                    (2, 0),
                    "{}",
                    ended.whole()
                );
                assert_eq!(ended.figures().figure("alerts"), 2);
            });
        }
    });
}

#[test]
fn with_nothing_to_do_it_stops_at_once_and_says_so() {
    let ended = Daemon::start(&Variables::new()).stop("TERM");
    assert_eq!((ended.code, ended.figures().figure("lines")), (Some(0), 0));
    assert!(ended.took < STOP_MAX / 2, "{:?}", ended.took);
    assert_eq!(ended.logged("stopping")[0].value("signal"), Some("SIGTERM"));
    assert!(ended.logged("alerts left").is_empty());
}

#[test]
fn what_waits_for_a_retry_is_tried_once_more() {
    let ill = || Answer::status(503);
    let recorder = Recorder::queued([ill(), ill()]);
    let daemon =
        Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "line", "@{message}"));
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    // The second wait is 1.6 s at least: were it not for the stop, nothing would come before.
    daemon.wait_for_log("delivery postponed", &[("attempt", "2")]);
    let ended = daemon.stop("TERM");
    let received = recorder.received();
    let texts: Vec<_> = received.iter().map(|one| super::without_time(&one.text()).to_owned()).collect();
    assert_eq!(texts, ["line 1", "line 1", "line 1", "line 2"]);
    let waited = received[2].first_byte - received[1].complete;
    println!("tried again after {waited:?}");
    assert!(waited < Duration::from_millis(1_600), "{waited:?}");
    assert_eq!((ended.code, ended.left_for("Generic1")), (Some(0), 0));
    assert_eq!(ended.logged("deliveries")[0].figure("delivered"), 2);
}

#[test]
fn what_fails_at_the_end_too_is_left() {
    let recorder = Recorder::scripted(|_| Answer::status(503));
    let daemon = Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_log("delivery postponed", &[]);
    let ended = daemon.stop("INT");
    assert_eq!((ended.code, ended.left_for("Generic1")), (Some(0), 2));
    // Once more, and not for each of those behind it.
    assert_eq!(recorder.received().len(), 2);
}

#[test]
fn lines_that_came_before_the_signal_are_read() {
    let recorder = Recorder::start();
    let daemon =
        Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "line", "@{message}"));
    for number in 0..200 {
        daemon.send(format!("system,info line {number}"));
    }
    daemon.wait_until_drained();
    let ended = daemon.stop("TERM");
    assert_eq!((ended.figures().figure("lines"), recorder.received().len()), (200, 200), "{}", ended.whole());
}

#[test]
fn as_the_first_process_it_stops_too() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "login", "x");
    match Daemon::start_as_first_process(&variables) {
        Ok(daemon) => {
            daemon.send(LOGIN_FAILURE);
            recorder.wait_for(1);
            let ended = daemon.stop("TERM");
            assert_eq!(ended.code, Some(0), "{}", ended.whole());
            assert!(ended.took < STOP_MAX, "{:?}", ended.took);
        }
        Err(why) => {
            skip(&format!("this machine gives no process namespace ({why})"));
        }
    }
}

#[test]
fn healthz_says_ok_and_the_rest_is_not_there() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    assert_eq!(get(address, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(address, "/nothing").0, 404);
}

#[test]
fn without_http_it_listens_all_the_same() {
    let daemon = Daemon::start(&Variables::new().with("HTTP_LISTEN", "off"));
    assert_eq!(daemon.http, None);
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_line(|line| line.starts_with('~'));
}

#[test]
fn http_on_an_open_address_needs_a_token() {
    let open = Variables::new().with("SYSLOG_LISTEN", "127.0.0.1:0").with("HTTP_LISTEN", "0.0.0.0:0");
    let ended = run(&[], &open);
    assert_eq!(ended.code, Some(78));
    assert!(ended.whole().contains("HTTP_TOKEN"), "{}", ended.whole());
    let daemon = Daemon::start(&open.with("HTTP_TOKEN", "t"));
    // Always open, and says no more than it must.
    assert_eq!(get(daemon.http.unwrap(), "/healthz"), (200, "ok\n".to_owned()));
}
