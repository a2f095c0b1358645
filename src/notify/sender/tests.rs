//! Senders through hours of alerts and outages, by a clock that the test moves.

use std::path::PathBuf;

use super::*;
use crate::alert::{Alert, OWN, Stage};

mod course;
mod numbers;

use course::{Course, HOUR, NOON, delivered, failed, fails_until, parked, rejects_from};

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("alertik-sender-{name}-{}", std::process::id()))
}

/// 500 alerts in six hours without an uplink; then a service that wants a pause after each,
/// and says "too fast" every now and then. What was told.
fn outage(max: Option<usize>) -> Vec<(u64, String)> {
    let mut attempts = 0;
    let answer = move |now| {
        attempts += 1;
        match now {
            ..=21_600 => failed(),
            _ if attempts % 10 == 0 => {
                Outcome::TooFast { wait: Some(Duration::from_secs(5)), reason: String::new() }
            }
            _ => Outcome::Delivered { pause: Some(Duration::from_secs(2)) },
        }
    };
    let mut course = Course::new(None, vec![Box::new(answer)], max, &[]);
    let alerts: Vec<_> = (0..500).map(|n| course.alert(n * 43, &format!("number {n}"), &[0])).collect();
    course.go(alerts, 12 * HOUR);
    let mut ends = course.ends();
    assert!(ends.iter().all(|end| end.starts_with('+')));
    ends.sort();
    ends.dedup();
    assert_eq!((ends.len(), course.queues[0].left().in_memory), (500, 0));
    course.told(0)
}

#[test]
fn after_six_hours_without_an_uplink_all_is_told_in_order_and_at_the_services_pace() {
    let told = outage(None);
    assert_eq!(told.len(), 500);
    // The longest wait between attempts is five minutes and a fifth.
    assert!(told[0].0 <= 21_600 + 361);
    assert!(told.windows(2).all(|pair| pair[1].0 >= pair[0].0 + 2));
    for (number, (_, text)) in (0..).zip(&told) {
        let happened = SystemTime::UNIX_EPOCH + Duration::from_secs(NOON + number * 43);
        assert_eq!(*text, format!("number {number}, at: {}", Zone::utc().format(happened)));
    }
}

#[test]
fn after_six_hours_what_is_beyond_the_cap_is_one_text_with_its_span() {
    let told = outage(Some(60));
    assert_eq!(told.len(), 61);
    assert!((0..60).zip(&told).all(|(n, (_, text))| text.starts_with(&format!("number {n},"))));
    assert_eq!(
        told[60].1,
        "440 alerts in one message, beyond 60 an hour, 2026-11-21 09:12:15 to 2026-11-21 14:26:52\n\
         EVENT0: 440, 2026-11-21 09:12:15 to 2026-11-21 14:26:52\n\
         first: number 60, at: 2026-11-21 09:12:15\n\
         last: number 499, at: 2026-11-21 14:26:52"
    );
}

#[test]
fn a_flood_is_sixty_alerts_and_a_summary_every_five_minutes() {
    let mut course = Course::new(None, vec![fails_until(0)], Some(60), &[]);
    // One each second for two hours.
    let alerts: Vec<_> = (0..2 * HOUR).map(|n| course.alert(n, &format!("n{n}"), &[0])).collect();
    course.go(alerts, 3 * HOUR);
    let told = course.told(0);
    let counts = told.iter().map(|(_, text)| match text.split_once(" alerts in one message") {
        Some((count, _)) => count.parse::<u64>().unwrap(),
        None => 1,
    });
    assert_eq!(counts.sum::<u64>(), 2 * HOUR);
    for hour in 0..2 {
        let within = |now: &u64| (hour * HOUR..(hour + 1) * HOUR).contains(now);
        let (merged, alone): (Vec<_>, Vec<_>) = told
            .iter()
            .filter(|(now, _)| within(now))
            .partition(|(_, text)| text.contains(" in one message"));
        assert!(alone.len() <= 60 && merged.len() <= 12, "{} {}", alone.len(), merged.len());
    }
    assert_eq!(course.ends().len() as u64, 2 * HOUR);
}

#[test]
fn what_is_urgent_and_what_is_about_ourselves_does_not_wait_for_the_summary() {
    let mut course = Course::new(None, vec![fails_until(0)], Some(1), &[]);
    let mut alerts: Vec<_> = (0..5).map(|n| course.alert(n, &format!("n{n}"), &[0])).collect();
    alerts[2].priority = Priority::Urgent;
    alerts[3].rule = OWN.into();
    course.go(alerts, HOUR);
    let told = course.short(0);
    assert_eq!(told[..3], ["0 n0", "2 n2", "3 n3"]);
    assert!(told[3].starts_with("301 2 alerts in one message"), "{told:?}");
    assert_eq!(course.ends(), ["+n0", "+n2", "+n3", "+n1", "+n4"]);
}

#[test]
fn a_flood_of_many_keys_holds_up_neither_what_is_urgent_nor_itself() {
    let mut course = Course::new(None, vec![fails_until(0)], Some(2), &[]);
    let mut alerts: Vec<_> = (0..20_000).map(|n| course.alert(n / 1_000, &format!("n{n}"), &[0])).collect();
    alerts.push(Alert { priority: Priority::Urgent, ..course.alert(20, "urgent", &[0]) });
    course.go(alerts, HOUR);
    let told = course.told(0);
    let urgent = told.iter().find(|(_, text)| text.starts_with("urgent")).unwrap();
    assert_eq!((urgent.0, course.stats.alerts_evicted.count()), (20, 0));
    assert_eq!((course.ends().len(), told.len() < 20), (20_001, true), "{}", told.len());
}

#[test]
fn what_several_have_to_hand_over_the_fallback_is_told_once() {
    let answers = vec![fails_until(HOUR), fails_until(HOUR), fails_until(0)];
    let mut course = Course::new(None, answers, None, &[2]);
    let alerts = vec![course.alert(0, "both", &[0, 1]), course.alert(0, "b", &[1])];
    course.go(alerts, 1000);
    assert_eq!(course.short(2), ["120 both (for A)", "120 b (for B)"]);
    let mut ends = course.ends();
    ends.sort();
    assert_eq!(ends, ["+b", "+both", "-both"]);
}

#[test]
fn a_fallback_takes_over_after_two_minutes_and_until_one_goes_through() {
    let mut course = Course::new(None, vec![fails_until(1000), fails_until(0)], None, &[1]);
    let alerts =
        [0, 10, 500, 501, 2000, 2001].map(|second| course.alert(second, &format!("n{second}"), &[0]));
    course.go(alerts.into(), HOUR);
    assert_eq!(
        course.short(1),
        ["120 n0 (for A)", "120 n10 (for A)", "500 n500 (for A)", "501 n501 (for A)"]
    );
    assert_eq!(course.short(0), ["2000 n2000", "2001 n2001"]);
    assert_eq!(course.ends().len(), 6);
    assert_eq!(course.stats.deliveries.taken_over.count(), 4);
}

#[test]
fn a_fallback_takes_over_at_once_from_a_parked_service_which_is_asked_every_quarter_of_an_hour() {
    let answer = |now| if now < 100 { parked() } else { delivered() };
    let mut course = Course::new(None, vec![Box::new(answer), fails_until(0)], None, &[1]);
    let alerts = [0, 200, 899, 900].map(|second| course.alert(second, &format!("n{second}"), &[0]));
    course.go(alerts.into(), HOUR);
    assert_eq!(course.short(1), ["0 n0 (for A)", "200 n200 (for A)", "899 n899 (for A)"]);
    assert_eq!(course.short(0), ["900 n900"]);
}

#[test]
fn a_fallback_is_not_told_twice_and_has_none_itself() {
    let mut course = Course::new(None, vec![fails_until(HOUR), fails_until(1000)], None, &[1]);
    let alerts = vec![course.alert(0, "both", &[0, 1]), course.alert(300, "a", &[0])];
    course.go(alerts, HOUR);
    let told = course.short(1);
    assert!(
        matches!(&told[..], [both, a] if both.ends_with(" both") && a.ends_with(" a (for A)")),
        "{told:?}"
    );
    assert_eq!(course.short(0), [""; 0]);
    assert_eq!(course.ends(), ["-both", "+both", "+a"]);
}

#[test]
fn what_was_being_merged_is_taken_over_as_one() {
    // Fails from the first minute on; one that is urgent notices it.
    let answer = |now| if now < 60 { delivered() } else { failed() };
    let mut course = Course::new(None, vec![Box::new(answer), fails_until(0)], Some(1), &[1]);
    let mut alerts: Vec<_> = [0, 1, 2, 70].map(|n| course.alert(n, &format!("n{n}"), &[0])).into();
    alerts[3].priority = Priority::Urgent;
    course.go(alerts, HOUR);
    assert_eq!(course.short(0), ["0 n0"]);
    let told = course.told(1);
    assert!(told[0].1.starts_with("2 alerts in one message") && told[0].1.ends_with(" (for A)"), "{told:?}");
    assert!(told[1].1.starts_with("n70"));
    assert_eq!(course.ends(), ["+n0", "-n1", "-n2", "+n70"]);
}

#[test]
fn on_the_disk_what_is_merged_is_owed_until_the_summary_is_told() {
    let folder = folder("merged");
    let open = |answer| Course::new(Some(&folder), vec![answer], Some(1), &[]);
    let mut course = open(fails_until(0));
    let mut alerts: Vec<_> = (0..4).map(|n| course.alert(n, &format!("n{n}"), &[0])).collect();
    alerts[2].priority = Priority::Urgent;
    course.go(alerts, 100);
    assert_eq!((course.short(0), course.owed()), (vec!["0 n0".to_owned(), "2 n2".to_owned()], vec![3]));
    drop(course);

    // As after a kill: what was merged is there, and what was told meanwhile comes again.
    let mut course = open(rejects_from(200));
    course.go(Vec::new(), HOUR);
    assert_eq!((course.short(0).join(", "), course.owed()), ("0 n1, 0 n2".to_owned(), vec![0]));
    // Only n3 was beyond the cap then, and it was told by itself.
    assert_eq!(course.ends(), ["+n1", "+n2", "-n3"]);
    drop(course);

    // A summary that is refused is a dead letter for each alert.
    let mut course = open(rejects_from(200));
    let alerts = (0..4).map(|n| course.alert(n, &format!("m{n}"), &[0])).collect();
    course.go(alerts, HOUR);
    assert_eq!(
        (course.ends().join(" "), course.stats.deliveries.rejected.count()),
        ("+m0 -m1 -m2 -m3".to_owned(), 3)
    );
    let dead = std::fs::read_to_string(folder.join("dead.jsonl")).unwrap();
    assert_eq!(dead.lines().filter(|line| line.contains("rejected: no")).count(), 4, "{dead}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn on_the_disk_what_is_taken_over_is_the_others_before_the_first_is_done_with_it() {
    let folder = folder("fallback");
    let open = |answers| Course::new(Some(&folder), answers, None, &[1]);
    let mut course = open(vec![Box::new(|_| parked()), fails_until(HOUR)]);
    let alerts =
        vec![course.alert(0, "a", &[0]), course.alert(1, "both", &[0, 1]), course.alert(2, "c", &[0])];
    course.go(alerts, 100);
    assert_eq!(course.owed(), [0, 3]);
    drop(course);
    let mut course = open(vec![fails_until(0), fails_until(0)]);
    course.go(Vec::new(), 100);
    assert_eq!(course.short(0), [""; 0]);
    assert_eq!(course.short(1), ["0 a (for A)", "0 both", "0 c (for A)"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_service_knows_what_it_will_not_be_told() {
    // Handed over, what waits behind it too; what goes through again is not.
    let mut course = Course::new(None, vec![fails_until(1000), fails_until(0)], None, &[1]);
    let alerts = [0, 10, 500, 2000].map(|second| course.alert(second, &format!("n{second}"), &[0]));
    course.go(alerts.into(), HOUR);
    assert_eq!(course.given_up(0), ["n0", "n10", "n500"]);
    assert_eq!(course.given_up(1), [""; 0]);
    // Refused.
    let mut course = Course::new(None, vec![rejects_from(5)], None, &[]);
    let alerts = [0, 10].map(|second| course.alert(second, &format!("n{second}"), &[0]));
    course.go(alerts.into(), HOUR);
    assert_eq!(course.given_up(0), ["n10"]);
    // Too old, with another to take it over or with none.
    for fallback in [&[][..], &[1]] {
        let mut course =
            Course::new(None, vec![fails_until(30 * HOUR), fails_until(u64::MAX)], None, fallback);
        let alerts = vec![course.alert(0, "n0", &[0, 1]), course.alert(29 * HOUR, "n29", &[0])];
        course.go(alerts, 40 * HOUR);
        assert_eq!(course.given_up(0)[0], "n0");
        assert_eq!(course.given_up(1)[0], "n0");
    }
}

#[test]
fn who_stands_in_tells_of_a_beginning_as_of_a_moment() {
    let mut course = Course::new(None, vec![Box::new(|_| parked()), fails_until(0)], None, &[1]);
    for stage in [Stage::Begun, Stage::Once, Stage::Over] {
        course.accept(Alert { stage, ..course.alert(0, "n", &[0]) });
    }
    course.advance(0, 0);
    let taken = std::iter::from_fn(|| course.queues[1].try_take());
    let stages: Vec<_> = taken.map(|held| held.alert.stage).collect();
    assert_eq!(stages, [Stage::Once, Stage::Once, Stage::Over]);
}
