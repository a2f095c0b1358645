//! What number each message has (`ALERT_SERIAL`), whatever became of the alerts in it.

use super::*;
use crate::health::Condition;

#[test]
fn a_summary_has_one_number_and_what_is_told_while_it_is_made_has_the_next() {
    let folder = folder("numbers");
    let open = |answer| Course::numbered(Some(&folder), vec![answer], Some(1), &[]);
    let mut course = open(fails_until(0));
    let alerts = |course: &Course| {
        let mut alerts: Vec<_> = (0..4).map(|n| course.alert(n, &format!("n{n}"), &[0])).collect();
        alerts[2].priority = Priority::Urgent;
        alerts
    };
    course.go(alerts(&course), 100);
    assert_eq!((course.numbers(0), course.owed()), (vec!["n0#1".to_owned(), "n2#2".to_owned()], vec![3]));
    course.go(Vec::new(), HOUR);
    assert_eq!((course.numbers(0), course.owed()), (vec!["2#3".to_owned()], vec![0]));
    drop(course);

    // It goes on in the next process; a number that was refused is used again.
    let mut course = open(Box::new(|now| if now == 2 { rejects_from(0)(now) } else { delivered() }));
    course.go(alerts(&course), HOUR);
    assert_eq!(course.numbers(0), ["n0#4", "2#5"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_retry_keeps_its_number_and_what_is_taken_over_has_the_fallbacks() {
    let mut course = Course::numbered(None, vec![fails_until(1000), fails_until(0)], None, &[1]);
    let mut alerts: Vec<_> =
        [0, 10, 20, 2000].map(|second| course.alert(second, &format!("n{second}"), &[0])).into();
    alerts[1].destinations = [DestinationId(1)].into();
    course.go(alerts, HOUR);
    assert_eq!(course.numbers(1), ["n10#1", "n0#2", "n20#3"]);
    assert_eq!(course.numbers(0), ["n2000#1"]);
}

#[test]
fn who_is_stood_in_for_stays_parked_until_one_goes_through() {
    let answer = |now| if now < 100 { parked() } else { delivered() };
    let mut course = Course::new(None, vec![Box::new(answer), fails_until(0)], None, &[1]);
    let alerts = [0, 200, 899].map(|second| course.alert(second, &format!("n{second}"), &[0]));
    course.go(alerts.into(), 899);
    let condition = |course: &Course| course.workers[0].destination.pulse.condition(course.at(HOUR).0);
    assert_eq!((course.told(1).len(), condition(&course)), (3, Condition::Parked));
    course.go(vec![course.alert(900, "n900", &[0])], HOUR);
    assert_eq!((course.told(0).len(), condition(&course)), (1, Condition::Well));
}
