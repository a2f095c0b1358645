//! `alertik tail`: lines in a terminal as the daemon reads them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::{LOGIN_FAILURE, is_time};
use crate::binary::Binary;
use crate::support::daemon::{Daemon, run};
use crate::support::hostile::Hostile;
use crate::support::tail::{Tail, asking};
use crate::support::variables::Variables;

fn daemon() -> Daemon {
    let variables = Variables::new().with("ROUTERS", "127.0.0.1=home");
    Daemon::start(&variables.substr("Console", "login failure", "x").regex("Console", "user guest", "y"))
}

/// What stands behind the time of a line, which must have one.
#[track_caller]
fn behind_time(line: &str) -> &str {
    let (time, rest) = line.split_at_checked("2026-11-21 08:29:15".len()).unwrap_or_default();
    assert!(is_time(time), "{line}");
    rest
}

#[test]
fn lines_are_shown_with_the_rules_they_fired() {
    let daemon = daemon();
    let all = Tail::start(&daemon, &[], "interface,info ether1 link up");
    let some = Tail::start(&daemon, &["--filter", "ETHER2 link+100% é"], "ether2 LINK+100% é");
    let fired = Tail::start(&daemon, &["--fired"], "login failure");
    daemon.send(LOGIN_FAILURE);
    daemon.send("<30>Nov 21 08:29:15 core ether2 link+100% é");
    let failure = all.wait_for_line(|line| line.contains("via ssh"));
    assert_eq!(behind_time(&failure), format!(" home EVENT0,EVENT1 {LOGIN_FAILURE}"));
    all.wait_for_line(|line| line.ends_with(" home - interface,info ether1 link up"));
    some.wait_for_line(|line| line.ends_with(" home - <30>Nov 21 08:29:15 core ether2 link+100% é"));
    fired.wait_for_line(|line| line.contains("via ssh"));
    all.wait_for_line(|line| line.contains("core ether2"));
    assert!(some.printed().iter().all(|line| !line.contains("failure")));
    assert!(fired.printed().iter().all(|line| line.contains("failure")));
}

#[test]
fn json_is_an_object_a_line() {
    let daemon = daemon();
    let tail = Tail::start(&daemon, &["--json"], "x");
    daemon.send(LOGIN_FAILURE);
    let row: Value = serde_json::from_str(&tail.wait_for_line(|line| line.contains("via ssh"))).unwrap();
    assert_eq!(row["text"], LOGIN_FAILURE);
    assert_eq!(row["topics"], "system,error,critical");
    assert_eq!(
        (&row["router"], &row["from"], &row["severity"]),
        (&"home".into(), &"127.0.0.1".into(), &2.into())
    );
    assert_eq!(row["fired"], serde_json::json!(["EVENT0", "EVENT1"]));
}

#[test]
fn no_line_commands_the_terminal_or_makes_another() {
    let daemon = daemon();
    let (plain, json) = (Tail::start(&daemon, &[], "x"), Tail::start(&daemon, &["--json"], "x"));
    let own = [
        "\u{9b}31m \u{202e}abc \u{2028}b \x1b]0;title\x07".as_bytes(),
        b"a\n2026-11-21 08:29:15 home EVENT0 forged",
        b"\xff\xc3\r\n\rx",
        &[b'a'; 65_000],
    ];
    // Fewer than are shown in a second.
    let strange: Vec<Vec<u8>> = Hostile::new(7).take(20).collect();
    for text in strange.iter().map(Vec::as_slice).chain(own) {
        daemon.send(text);
    }
    daemon.send("the last");
    for (tail, is_json) in [(plain, false), (json, true)] {
        tail.wait_for_line(|line| line.contains("the last"));
        let printed = tail.printed();
        assert!(printed.len() > own.len() + strange.len() / 2, "{printed:?}");
        for line in &printed {
            let is_command = |c: char| {
                let invisible = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}'];
                c.is_control() || invisible.iter().any(|range| range.contains(&c))
            };
            assert!(!line.contains(is_command), "{line:?}");
            match is_json {
                true => drop(serde_json::from_str::<Value>(line).unwrap()),
                false => assert!(behind_time(line).starts_with(" home "), "{line:?}"),
            }
        }
        assert!(
            is_json
                || printed
                    .iter()
                    .any(|line| line.ends_with(r" home - a\n2026-11-21 08:29:15 home EVENT0 forged"))
        );
    }
}

#[test]
fn a_flood_is_sampled_and_says_so() {
    let daemon = daemon();
    let tail = Tail::start(&daemon, &[], "first");
    let mut round = 0;
    let is_left_out = |line: &String| line.starts_with("… ") && line.ends_with(" lines left out");
    while !tail.printed().iter().any(is_left_out) {
        round += 1;
        assert!(round < 1000, "nothing was left out");
        for _ in 0..100 {
            daemon.send("flood");
        }
        daemon.wait_until_drained();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn it_ends_with_the_daemon() {
    let daemon = daemon();
    let address = daemon.http.unwrap();
    let tail = Tail::start(&daemon, &[], "x");
    assert_eq!(daemon.stop("TERM").code, Some(0));
    let ended = tail.wait();
    assert_eq!((ended.code, ended.stderr), (Some(1), vec!["alertik: the daemon has gone".to_owned()]));
    let ended = run(&["tail"], &asking(address));
    let refused =
        format!("alertik: {address}: connection refused (does the daemon run, with this HTTP_LISTEN?)");
    assert_eq!((ended.code, ended.stderr), (Some(1), vec![refused]));
}

#[test]
fn it_ends_quietly_when_nobody_reads() {
    let daemon = daemon();
    let variables = asking(daemon.http.unwrap());
    let mut command = Binary::new(["tail"]).set_all(variables.all()).into_command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let sending = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        });
        // More lines than it takes, until it is gone.
        loop {
            daemon.send("x");
            std::thread::sleep(std::time::Duration::from_millis(20));
            if let Some(status) = child.try_wait().unwrap() {
                return (status, reading.join().unwrap());
            }
        }
    });
    assert_eq!((sending.0.code(), behind_time(sending.1.trim_end())), (Some(0), " home - x"));
    assert_eq!(std::io::read_to_string(child.stderr.take().unwrap()).unwrap(), "");
}
