//! What is told: every byte, every length, every format, in the operator's own time.

use std::time::{Duration, SystemTime};

use super::without_time;
use crate::support::daemon::Daemon;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

#[test]
fn all_bytes_survive_the_way_to_every_service() {
    let recorder = Recorder::start();
    let variables = Variables::new().telegram(&recorder).slack(&recorder).teams(&recorder).discord(&recorder);
    let variables = variables.ntfy(&recorder).gotify(&recorder).pushover(&recorder).matrix(&recorder);
    let list = "Telegram,Slack,Teams,Discord,Generic1,Ntfy,Gotify,Pushover,Matrix";
    let daemon = Daemon::start(&variables.generic(1, &recorder).regex(list, "begin (.*) end", "@1"));
    let all: Vec<u8> = (0..=255).collect();
    daemon.send([b"script,info begin ", &*all, b" end"].concat());
    let received = recorder.wait_for(9);
    for one in &received {
        let text = one.text();
        // In a card a line feed is written as two, and carries no more meaning than that.
        assert_eq!(without_time(&text), String::from_utf8_lossy(&all), "{}", one.target);
    }
    assert_eq!(received.iter().filter(|one| one.target == "/generic1").count(), 1);
}

#[test]
fn a_substring_is_found_behind_a_nul_and_beyond_2047_bytes() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "needle", "found"));
    daemon.send(b"script,info a\0b needle");
    daemon.send(format!("script,info {} needle", "x".repeat(3_000)));
    assert_eq!(recorder.wait_for(2).len(), 2);
    // Beyond 4 KiB a line is cut, and the cut is counted.
    daemon.send(format!("script,info {} needle", "x".repeat(4_096)));
    daemon.send("script,info needle");
    recorder.wait_for(3);
    let figures = daemon.stop("TERM").figures();
    assert_eq!((figures.figure("lines"), figures.figure("cut"), figures.figure("alerts")), (4, 1, 3));
}

#[test]
fn a_text_too_long_for_a_service_is_cut_and_keeps_its_time() {
    let recorder = Recorder::start();
    let variables = Variables::new().telegram(&recorder).discord(&recorder).generic(1, &recorder);
    let daemon =
        Daemon::start(&variables.substr("Telegram,Discord,Generic1", "long", "@{line}@{line}@{line}"));
    let line = format!("script,info long {}", "é😀".repeat(500));
    daemon.send(&line);
    for one in recorder.wait_for(3) {
        let text = one.text();
        let (limit, length) = match one.target.as_str() {
            "/generic1" => (usize::MAX, text.chars().count()),
            "/discord?wait=true" => (2_000, text.chars().count()),
            _ => (4_096, text.encode_utf16().count()),
        };
        assert!(length <= limit, "{length} for {}", one.target);
        let told = without_time(&text);
        let whole = line.repeat(3);
        match one.target.as_str() {
            "/generic1" => assert_eq!(told, whole),
            _ => assert!(whole.starts_with(told.strip_suffix('…').unwrap()), "{told}"),
        }
    }
}

#[test]
fn masks_take_values_from_all_three_formats() {
    let recorder = Recorder::start();
    let mask = "@{router}|@{topics}|@{message}|@{from}|@{count}|@{rule}";
    let variables = Variables::new().generic(1, &recorder).with("ALERT_SUFFIX", "");
    let daemon =
        Daemon::start(&variables.with("ROUTERS", "127.0.0.1=home").substr("Generic1", "login failure", mask));
    let failure = "login failure for user guest from 192.168.88.17 via ssh";
    daemon.send(format!("system,error,critical {failure}"));
    daemon.send(format!("<27>Oct  2 17:36:35 core1 {failure}"));
    daemon.send(format!(
        "Oct  2 17:36:35 core2 CEF:0|MikroTik|hAP ax^2|7.25beta5|10|system,error,critical|High|\
         dvchost=core2 dvc=192.168.88.36 msg={failure} app=ssh duser=guest outcome=failure src=192.168.88.17\r\n"
    ));
    let texts: Vec<_> = recorder.wait_for(3).iter().map(|one| one.text()).collect();
    assert_eq!(
        texts,
        [
            format!("home|system,error,critical|{failure}|127.0.0.1|1|EVENT0"),
            format!("core1||{failure}|127.0.0.1|1|EVENT0"),
            format!("core2|system,error,critical|{failure}|127.0.0.1|1|EVENT0"),
        ]
    );
}

/// The time told with `TZ=zone`, as seconds ahead of UTC.
#[track_caller]
fn offset(zone: &str) -> i64 {
    let recorder = Recorder::start();
    let variables =
        Variables::new().generic(1, &recorder).with("TZ", zone).with("ALERT_SUFFIX", " [@{time}]");
    let daemon = Daemon::start(&variables.substr("Generic1", "line", "x"));
    daemon.send("system,info line");
    let received = recorder.wait_for(1).remove(0);
    let text = received.text();
    let digits = text.strip_prefix("x [").and_then(|rest| rest.strip_suffix(']')).unwrap();
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().unwrap();
    let (date, time) =
        ((number(0..4), number(5..7), number(8..10)), (number(11..13), number(14..16), number(17..19)));
    let shown = tz::UtcDateTime::new(
        date.0 as i32,
        date.1 as u8,
        date.2 as u8,
        time.0 as u8,
        time.1 as u8,
        time.2 as u8,
        0,
    );
    let came = SystemTime::now() - received.first_byte.elapsed();
    let came = came.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let ahead = shown.unwrap().unix_time() - came.as_secs() as i64;
    // The line came a little before the request; an offset is a multiple of 15 minutes.
    let quarter = Duration::from_secs(15 * 60).as_secs() as i64;
    let rounded = (ahead + quarter / 2).div_euclid(quarter) * quarter;
    assert!((ahead - rounded).abs() < 60, "{text} is {ahead} s ahead of UTC");
    rounded
}

#[test]
fn time_is_told_in_the_operators_zone() {
    assert_eq!(offset("<-03>3"), -3 * 3600);
    assert_eq!(offset("Asia/Kathmandu"), 5 * 3600 + 45 * 60);
    // Summer or winter, whichever it is today.
    assert_eq!(offset("Europe/Rome"), offset("CET-1CEST,M3.5.0,M10.5.0/3"));
}

#[test]
fn a_zone_that_is_none_is_utc_with_a_warning() {
    assert_eq!(offset("manual"), 0);
    let checked = crate::support::daemon::run(&["check"], &Variables::new().with("TZ", "manual"));
    assert_eq!(checked.code, Some(0));
    assert!(checked.whole().contains("TZ"), "{}", checked.whole());
}

#[test]
fn each_message_ends_with_a_link_to_the_page_if_there_is_one() {
    let recorder = Recorder::start();
    let variables = Variables::new().slack(&recorder).telegram(&recorder).teams(&recorder).discord(&recorder);
    let variables = variables.with("PAGE_URL", "http://192.0.2.1:7898/");
    let daemon = Daemon::start(&variables.substr("Slack,Telegram,Teams,Discord", "down", "link down"));
    daemon.send("interface,info ether1 link down");
    for one in recorder.wait_for(4) {
        let text = one.text();
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(
            (without_time(lines[0]), lines[1]),
            ("link down", "http://192.0.2.1:7898/"),
            "{}",
            one.target
        );
    }
}
