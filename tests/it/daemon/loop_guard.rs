//! What we print, and that it fires nothing when it comes back to us, as it does
//! when the router logs what containers print.

use std::net::UdpSocket;

use super::{is_time, without_time};
use crate::support::TempFolder;
use crate::support::daemon::{Daemon, run};
use crate::support::log_line::LogLine;
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;

#[test]
fn what_a_container_printed_fires_nothing() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "login failure", "@{message}");
    let daemon = Daemon::start(&variables.with("STATIC_EVENTS_ENABLED", "all"));
    let marker = daemon.marker();
    let failure = "login failure for user guest from 192.168.88.17 via ssh";
    daemon.send(format!("container,info,debug alertik: {failure}"));
    daemon.send(format!("info,container,critical {failure}"));
    daemon.send(format!(
        "Oct  2 17:36:35 r CEF:0|MikroTik|hAP|7.20|10|container,info|Low|dvchost=r msg={failure}"
    ));
    // In the syslog format topics are absent: there the marker tells.
    daemon.send(format!("<30>Oct  2 17:36:35 MikroTik {marker} {failure}"));
    daemon.send(format!("<30>Oct  2 17:36:35 MikroTik {failure} {marker}"));
    daemon.send(format!("{marker}{failure}"));
    // A marker of another start, and a user who calls himself so, are strangers.
    daemon.send("system,error,critical login failure for user ~0123456789 from 192.168.88.17 via ssh");
    daemon.send("script,info container login failure");
    let told: Vec<_> = recorder.wait_for(3).iter().map(|one| without_time(&one.text()).to_owned()).collect();
    assert_eq!(told.iter().filter(|text| text.contains("~0123456789")).count(), 2, "{told:?}");
    assert!(told.contains(&"container login failure".to_owned()), "{told:?}");
    let ended = daemon.stop("TERM");
    assert_eq!((ended.figures().figure("looped"), ended.figures().figure("alerts")), (6, 3));
}

#[test]
fn each_start_has_a_marker_of_its_own() {
    let (one, other) = (Daemon::start(&Variables::new()), Daemon::start(&Variables::new()));
    for marker in [one.marker(), other.marker()] {
        let digits = marker.strip_prefix('~').unwrap();
        assert!(digits.len() == 10 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{marker}");
    }
    assert_ne!(one.marker(), other.marker());
}

/// The mark and the output of a daemon with Console that was sent lines with `odd` in them, and had trouble.
#[track_caller]
fn printed(level: &str, odd: &str) -> (String, Vec<String>) {
    let refusing = Recorder::scripted(|_| Answer::status(400));
    let variables = Variables::new().generic(1, &refusing).with("LOG_LEVEL", level);
    let daemon = Daemon::start(&variables.substr("Console,Generic1", "login", "told: @{line}"));
    let marker = daemon.marker();
    daemon.send(format!("system,info login of {odd}\n\x1b[31mINFO forged ~0123456789"));
    daemon.send(format!("system,info {odd}"));
    daemon.send(format!("system,info login {}", format!("{odd} ").repeat(60)));
    refusing.wait_for(2);
    (marker, daemon.stop("TERM").stdout)
}

#[test]
fn every_line_we_print_carries_the_marker_and_only_console_repeats_what_came() {
    let odd = "no-such-word";
    let (marker, lines) = printed("info", odd);
    let is_ours =
        |line: &&String| line.starts_with(&format!("{marker} ")) || line.ends_with(&format!(" {marker}"));
    assert_eq!(lines.iter().find(|line| !is_ours(line)), None);
    assert_eq!(lines.iter().find(|line| line.chars().any(char::is_control)), None);
    // RouterOS was seen to split entries at 299 characters, and our log's at 179.
    let too_long = |line: &&String| line.len() > if line.starts_with(&marker) { 299 } else { 170 };
    assert_eq!(lines.iter().find(too_long), None);
    let repeated: Vec<_> = lines.iter().filter(|line| line.contains(odd)).collect();
    assert!(repeated.len() > 3 && repeated.iter().all(|line| line.starts_with(&marker)), "{repeated:#?}");
}

#[test]
fn at_debug_received_text_carries_the_marker_too() {
    let (marker, lines) = printed("debug", "no-such-word");
    let is_ours =
        |line: &&String| line.starts_with(&format!("{marker} ")) || line.ends_with(&format!(" {marker}"));
    assert_eq!(lines.iter().find(|line| !is_ours(line)), None);
    assert!(lines.iter().any(|line| line.starts_with("DEBUG ") && line.contains("no-such-word")));
}

#[test]
fn a_log_in_a_file_has_times_and_leaves_standard_output_to_console() {
    // A port that is taken ends it by itself: nothing is to be waited for.
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let folder = TempFolder::new();
    let variables = Variables::new()
        .with("SYSLOG_LISTEN", taken.local_addr().unwrap().to_string())
        .with("HTTP_LISTEN", "127.0.0.1:0")
        .with("LOG_FILE", folder.path("log.txt"));
    let ended = run(&[], &variables);
    assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{}", ended.whole());
    assert!(ended.whole().contains("SYSLOG_LISTEN: cannot listen on "), "{}", ended.whole());
    let logged = std::fs::read_to_string(folder.path("log.txt")).unwrap();
    let (time, line) = logged.lines().next().and_then(|line| line.split_at_checked(19)).unwrap();
    assert!(is_time(time), "{logged}");
    assert_eq!(LogLine::parse(line.trim_start()).unwrap().what, "starting");
}
