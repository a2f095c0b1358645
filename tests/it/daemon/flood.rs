//! More than anybody would send: bursts, a full ring, and 100,000 datagrams of bad will.

use std::thread;
use std::time::{Duration, Instant};

use super::{LOGIN_FAILURE, without_time};
use crate::support::daemon::Daemon;
use crate::support::hostile::Hostile;
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;

/// Sends an alert line until one has arrived, at most 100 times, each once the
/// kernel's buffer is empty; returns how many were sent. Right behind a burst the
/// kernel may drop the first ones, which no program can help.
#[track_caller]
fn send_until_told(daemon: &Daemon, recorder: &Recorder) -> usize {
    for count in 1..=100 {
        daemon.send("system,info after the flood");
        daemon.wait_until_drained();
        if recorder.has_text_within(Duration::from_millis(500), |text| text.starts_with("told")) {
            return count;
        }
    }
    panic!("nothing arrived after the flood:\n{}", daemon.printed());
}

#[test]
fn of_50_000_lines_at_full_speed_each_is_read_or_counted() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "after the flood", "told");
    let daemon = Daemon::start(&variables);
    let started = Instant::now();
    // From two routers at once: one could not send faster than is received.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..25_000).for_each(|_| daemon.send(LOGIN_FAILURE)));
        }
    });
    let took = started.elapsed();
    let more = send_until_told(&daemon, &recorder);
    let ended = daemon.stop("TERM");
    assert_eq!(ended.code, Some(0));
    let figures = ended.figures();
    let (lines, dropped) = (figures.figure("lines"), figures.figure("kernel_drops"));
    let evicted = figures.figure("evicted");
    println!(
        "50,000 lines in {took:?}: {lines} received, {evicted} evicted, {dropped} dropped by the kernel; told by {more}"
    );
    assert_eq!(lines + dropped, 50_000 + more);
    // Whoever sends so much must not fill the router's log through ours.
    assert!(ended.stdout.len() < 40, "{}", ended.whole());
    // What was lost is told to a human too.
    if evicted + dropped > 0 {
        let text = recorder.wait_for_text(|text| text.contains("lost")).text();
        assert!(text.starts_with("alertik: "), "{text}");
        let logged: usize =
            ended.logged("lost").iter().map(|line| line.figure("ring") + line.figure("kernel")).sum();
        assert_eq!(logged, evicted + dropped);
    }
}

#[test]
fn what_the_kernel_drops_is_counted_to_the_last_and_told() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "after the flood", "told");
    let daemon = Daemon::start(&variables);
    // A daemon that gets no time to run, while more comes than any receive buffer holds.
    let buffer = daemon.wait_for_log("listening", &[]).figure("receive_buffer");
    let sent = buffer / 500 + 1_000;
    daemon.signal("STOP");
    for _ in 0..sent {
        daemon.send(LOGIN_FAILURE);
    }
    daemon.signal("CONT");
    daemon.wait_until_drained();
    let more = send_until_told(&daemon, &recorder);
    let text = recorder.wait_for_text(|text| text.contains("in the kernel")).text();
    let ended = daemon.stop("TERM");
    let (lines, dropped) = (ended.figures().figure("lines"), ended.figures().figure("kernel_drops"));
    println!("of {sent} lines into {buffer} bytes the kernel dropped {dropped}");
    assert!(dropped > 0 && text.contains(&format!("{dropped} in the kernel")), "{dropped}: {text}");
    assert_eq!(lines + dropped, sent + more);
}

#[test]
fn a_full_ring_keeps_the_newest_and_the_loss_is_told() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).with("RING_LINES", "1");
    // Slow on purpose: every rule looks at every line.
    let mut variables = variables.regex("Generic1", "the newest ([0-9]+)", "told @1");
    for _ in 0..30 {
        variables = variables.regex("Generic1", "(x+x+)+y", "never");
    }
    let daemon = Daemon::start(&variables);
    let long = format!("system,info {}", "x".repeat(1_000));
    let mut round = 0;
    // A listener that is ahead of the worker by two lines is all it takes; it is tried until that is so.
    while !recorder.received().iter().any(|one| one.text().contains("lost")) {
        round += 1;
        assert!(round < 500, "no line was lost:\n{}", daemon.printed());
        for _ in 0..50 {
            daemon.send(&long);
        }
        daemon.send(format!("system,info the newest {round}"));
        daemon.wait_until_drained();
        recorder.wait_for_text(|text| text.starts_with(&format!("told {round}, ")));
    }
    let text = recorder.wait_for_text(|text| text.contains("lost")).text();
    assert!(text.starts_with("alertik: ") && text.contains("in the full ring"), "{text}");
    let ended = daemon.stop("TERM");
    assert!(ended.figures().figure("evicted") > 0);
}

#[test]
fn a_hundred_thousand_hostile_datagrams_do_no_harm() {
    const COUNT: usize = 100_000;
    let (recorder, normal) = (Recorder::start(), Recorder::start());
    let mut variables = Variables::new()
        .generic(1, &recorder)
        .generic(2, &normal)
        .with("SELF_NOTIFIER", "Console")
        .with("TELEGRAM_NICKNAME", "x")
        .regex("Generic1", "(from|via|@)(.*)$", "@0 @2 @{router} @{topics} @{message}")
        .with("EVENT0_TOPICS", "!debug")
        .substr("Generic1", "CEF", "@{line}")
        .with("EVENT1_EXCLUDE", "^Oct")
        .regex("Generic2", "^script,info a normal line ([0-9]+)$", "@1")
        .with("STATIC_EVENTS_ENABLED", "all");
    for number in 0..15 {
        variables = variables.with(&format!("STATIC_EVENT{number}_NOTIFIER"), "Generic1");
    }
    let daemon = Daemon::start(&variables);
    let (mut in_flight, mut normal_lines) = (0, 0);
    for datagram in Hostile::new(2).take(COUNT) {
        in_flight += 2 * datagram.len() + 1_000;
        daemon.send(datagram);
        // Well below what the kernel and the ring hold, so that each is read by
        // every rule; and a normal alert comes through among them, again and again.
        if in_flight > 200_000 {
            in_flight = 0;
            normal_lines += 1;
            daemon.send(format!("script,info a normal line {normal_lines}"));
            let told = &normal.wait_for(normal_lines)[normal_lines - 1];
            assert_eq!(without_time(&told.text()), normal_lines.to_string());
        }
    }
    // Whatever they made us say is JSON with a text.
    let told = recorder.received().iter().map(|one| one.text()).collect::<Vec<_>>();
    assert!(told.len() > 100, "{}", told.len());
    let ended = daemon.stop("TERM");
    assert_eq!((ended.code, ended.stderr.len()), (Some(0), 0), "{:?}", ended.stderr);
    let figures = ended.figures();
    println!(
        "{COUNT} hostile datagrams, {normal_lines} normal ones: {:?}, {} told",
        figures.values,
        told.len()
    );
    assert_eq!(figures.figure("lines"), COUNT + normal_lines);
    assert_eq!((figures.figure("evicted"), figures.figure("kernel_drops")), (0, 0));
}

#[test]
fn a_queue_that_overflows_is_told_through_the_others() {
    let (slack, generic) = (Recorder::scripted(|_| Answer::status(503)), Recorder::start());
    let variables = Variables::new().slack(&slack).generic(1, &generic);
    let daemon = Daemon::start(&variables.regex("Slack", "line ([0-9]+)", "@1"));
    for number in 0..5_000 {
        daemon.send(format!("system,info line {number}"));
        if number % 100 == 0 {
            daemon.wait_until_drained();
        }
    }
    let text = generic.wait_for_text(|text| text.contains("alerts lost")).text();
    assert!(text.starts_with("alertik: "), "{text}");
    let ended = daemon.stop("TERM");
    let lost = ended.logged("deliveries")[0].figure("evicted");
    // The oldest went, and each is accounted for. Slack is not told of the loss: where
    // there is no room, that would be the next one.
    assert!(lost > 1_000, "{}", ended.whole());
    assert_eq!(ended.figures().figure("alerts"), 5_000);
    assert_eq!(lost + ended.left_for("Slack"), 5_000);
}

#[test]
fn time_from_datagram_to_request() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "login", "x"));
    let mut times: Vec<_> = (1..=200)
        .map(|count| {
            let sent = Instant::now();
            daemon.send(LOGIN_FAILURE);
            recorder.wait_for(count)[count - 1].first_byte - sent
        })
        .collect();
    times.sort();
    // Reported, never judged: the machine may have other work.
    println!("listening after {:?}", daemon.started_in);
    println!("datagram to first byte: median {:?}, worst of 200 {:?}", times[100], times[199]);
}
