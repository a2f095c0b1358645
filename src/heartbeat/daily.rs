//! The message of the day: what was seen since the last one.
//!
//! ```text
//!   ──09:00────────────09:00────────────09:00──►  the clock on the wall
//!        │ day 1          │ day 2          │      each time it steps into another day, at 09:00
//!        tell             tell             tell   if the last was told at least half a day ago
//! ```
//!
//! Pure: the worker brings both clocks once a second. Half a day is reckoned by
//! the clock that nobody can set, so whatever becomes of the other (set late, put
//! forward or back, an hour that is missing or comes twice), two messages are never
//! closer than 12 hours, and never further apart than 36 while it is right.

use std::time::{Duration, Instant, SystemTime};

use super::DailyMessage;
use crate::alert::{Alert, Priority, is_set, wall_time};
use crate::stats::Stats;
use crate::timestamp::Zone;

const DAY_SECONDS: i64 = 24 * 3600;

/// A step into another day that comes sooner after a message belongs to that message.
const APART_MIN: Duration = Duration::from_secs(12 * 3600);

/// What the counters said.
#[derive(Clone, Copy, Default)]
struct Seen {
    lines: usize,
    alerts: usize,
    held_back: usize,
    lines_lost: usize,
    alerts_lost: usize,
}

impl Seen {
    fn counted(stats: &Stats) -> Seen {
        Seen {
            lines: stats.lines_received.count(),
            alerts: stats.alerts.count(),
            held_back: stats.alerts_suppressed.count(),
            lines_lost: stats.lines_evicted.count().wrapping_add(stats.kernel_drops.count()),
            alerts_lost: [&stats.alerts_evicted, &stats.deliveries.rejected, &stats.deliveries.expired]
                .into_iter()
                .fold(0, |sum, counter| sum.wrapping_add(counter.count())),
        }
    }

    /// What has come since `last`. The counters may wrap.
    fn since(&self, last: &Seen) -> Seen {
        Seen {
            lines: self.lines.wrapping_sub(last.lines),
            alerts: self.alerts.wrapping_sub(last.alerts),
            held_back: self.held_back.wrapping_sub(last.held_back),
            lines_lost: self.lines_lost.wrapping_sub(last.lines_lost),
            alerts_lost: self.alerts_lost.wrapping_sub(last.alerts_lost),
        }
    }
}

/// When it was told, and what had been seen by then.
pub struct Daily {
    message: DailyMessage,
    /// The last message, or the start.
    last: Instant,
    is_first: bool,
    /// The day in which the clock was when it was looked at last; None until it is set.
    day: Option<i64>,
    seen: Seen,
}

impl Daily {
    /// Nothing told and nothing seen at `start`.
    pub fn new(message: DailyMessage, start: Instant) -> Daily {
        Daily { message, last: start, is_first: true, day: None, seen: Seen::default() }
    }

    /// The message, if it is due at `now`. Unset, the clock on the wall says nothing.
    pub fn due(&mut self, now: (Instant, SystemTime), stats: &Stats, zone: &Zone) -> Option<Alert> {
        if !is_set(now.1) || !self.steps_into_a_day(now, zone) {
            return None;
        }
        let all = Seen::counted(stats);
        let new = all.since(&self.seen);
        let since = zone.format(wall_time(self.last, now));
        let what = if self.is_first { "since the start at" } else { "since" };
        let text = format!(
            "alertik is alive. Seen {what} {since}: lines {}, alerts {}, held back {}, lost lines {}, lost alerts {}.",
            new.lines, new.alerts, new.held_back, new.lines_lost, new.alerts_lost
        );
        (self.last, self.is_first, self.seen) = (now.0, false, all);
        let mut alert = Alert::own(text, zone, self.message.destinations.clone().into(), now);
        // Nobody is to be woken because all is well.
        alert.priority = Priority::Low;
        Some(alert)
    }

    fn steps_into_a_day(&mut self, now: (Instant, SystemTime), zone: &Zone) -> bool {
        let day = self.day_at(now.1, zone);
        // A clock that is set late is taken to have been right all the time: what it would
        // have stepped into since the start is told now.
        let before = self.day.unwrap_or_else(|| self.day_at(wall_time(self.last, now), zone));
        self.day = Some(day);
        let is_apart = self.is_first || now.0.saturating_duration_since(self.last) >= APART_MIN;
        day > before && is_apart
    }

    /// Days begin at the time of the message.
    fn day_at(&self, time: SystemTime, zone: &Zone) -> i64 {
        (zone.local_seconds(time) - 60 * i64::from(self.message.minute)).div_euclid(DAY_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 00:00:00 UTC.
    const MIDNIGHT: u64 = 1_795_219_200;
    const HOUR: u64 = 3600;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn message(time: &str) -> DailyMessage {
        DailyMessage { minute: super::super::read_minute(time).unwrap(), destinations: Vec::new() }
    }

    /// The wall clock's times at which a message at `time` in `tz` is told. In each stretch the clock
    /// first shows `from` (seconds since 1970) and runs for some hours, a look a minute.
    #[track_caller]
    fn check(time: &str, tz: &str, stretches: &[(u64, u64)], expected: &[&str]) {
        let (zone, stats, mut now) = (Zone::new(tz).unwrap(), Stats::default(), Instant::now());
        let mut daily = Daily::new(message(time), now);
        let mut told = Vec::new();
        for (from, hours) in stretches {
            for minute in 0..hours * 60 {
                let wall = at(from + 60 * minute);
                if daily.due((now, wall), &stats, &zone).is_some() {
                    told.push(zone.format(wall));
                }
                now += Duration::from_secs(60);
            }
        }
        assert_eq!(told, expected);
    }

    #[test]
    fn each_day_has_its_message() {
        check("09:00", "UTC", &[(MIDNIGHT, 34)], &["2026-11-21 09:00:00", "2026-11-22 09:00:00"]);
        check("00:00", "UTC", &[(MIDNIGHT, 25)], &["2026-11-22 00:00:00"]);
        check("23:59", "UTC", &[(MIDNIGHT, 24)], &["2026-11-21 23:59:00"]);
        check("09:00", "<-03>3", &[(MIDNIGHT, 13)], &["2026-11-21 09:00:00"]);
        // Started after the time: tomorrow.
        check("09:00", "UTC", &[(MIDNIGHT + 10 * HOUR, 14)], &[]);
    }

    #[test]
    fn a_clock_that_is_not_set_is_waited_for() {
        check("09:00", "UTC", &[(0, 100)], &[]);
        // Set at 10:00 after an hour, or three: then the time had come since the start.
        check("09:00", "UTC", &[(0, 1), (MIDNIGHT + 10 * HOUR, 23)], &[]);
        check("09:00", "UTC", &[(0, 3), (MIDNIGHT + 10 * HOUR, 23)], &["2026-11-21 10:00:00"]);
        // And lost again in between.
        let stretches = [(MIDNIGHT + 8 * HOUR, 2), (0, 5), (MIDNIGHT + 15 * HOUR, 19)];
        check("09:00", "UTC", &stretches, &["2026-11-21 09:00:00", "2026-11-22 09:00:00"]);
    }

    #[test]
    fn days_on_which_the_clocks_change_have_one_message() {
        // Rome, 2026-03-29: 02:00 is 03:00. 2026-10-25: 03:00 is 02:00.
        let (spring, autumn) = (1_774_746_000, 1_792_890_000);
        for (time, told) in [("02:30", "03:00:00"), ("03:00", "03:00:00"), ("01:59", "01:59:00")] {
            let day = &[&*format!("2026-03-28 {time}:00"), &*format!("2026-03-29 {told}")];
            check(time, "Europe/Rome", &[(spring - 26 * HOUR, 30)], day);
        }
        for time in ["02:00", "02:30", "03:00"] {
            let day = ["24", "25", "26"].map(|day| format!("2026-10-{day} {time}:00"));
            let day = day.each_ref().map(String::as_str);
            check(time, "Europe/Rome", &[(autumn - 27 * HOUR, 54)], &day);
        }
    }

    #[test]
    fn a_clock_that_is_put_forward_skips_nothing() {
        let night = MIDNIGHT + 6 * HOUR;
        let day = ["2026-11-21 09:00:00", "2026-11-22 09:00:00"];
        check("09:00", "UTC", &[(night, 5), (night + 6 * HOUR, 22)], &day);
        // Over the time, or over days: told at once, and then as ever.
        check("09:00", "UTC", &[(night, 1), (night + 4 * HOUR, 24)], &["2026-11-21 10:00:00", day[1]]);
        let late = ["2026-12-01 10:00:00", "2026-12-02 09:00:00"];
        check("09:00", "UTC", &[(night, 1), (MIDNIGHT + 250 * HOUR, 24)], &late);
    }

    #[test]
    fn a_clock_that_is_put_about_repeats_nothing() {
        let nine = MIDNIGHT + 9 * HOUR;
        let day = ["2026-11-21 09:00:00", "2026-11-22 09:00:00"];
        // Back by an hour, and over it once more.
        check("09:00", "UTC", &[(nine - HOUR, 2), (nine - HOUR, 26)], &day);
        // A year forward by mistake, and back.
        check("09:00", "UTC", &[(nine - HOUR, 2), (nine + 8760 * HOUR, 1), (nine + 2 * HOUR, 24)], &day);
        // Back by three days.
        let back = [day[0], "2026-11-19 09:00:00"];
        check("09:00", "UTC", &[(nine - HOUR, 2), (nine - 71 * HOUR, 24)], &back);
        // To and fro, for half a day.
        let fro: Vec<_> = (0..6).map(|n| (nine - HOUR + 24 * HOUR * (n % 2), 2)).collect();
        check("09:00", "UTC", &fro, &[day[0]]);
    }

    #[test]
    fn it_says_what_was_seen_since_the_last() {
        let (zone, stats, start) = (Zone::utc(), Stats::default(), Instant::now());
        let mut daily = Daily::new(message("09:00"), start);
        let mut due = |hours: u64, stats: &Stats| {
            let now = (start + Duration::from_secs(hours * HOUR), at(MIDNIGHT + hours * HOUR));
            daily.due(now, stats, &zone)
        };
        assert!(due(0, &stats).is_none());
        stats.lines_received.add(500);
        stats.alerts.add(7);
        stats.alerts_suppressed.add(3);
        let first = due(9, &stats).unwrap();
        assert_eq!(
            first.text,
            "alertik is alive. Seen since the start at 2026-11-21 00:00:00: lines 500, alerts 7, held back 3, \
             lost lines 0, lost alerts 0."
        );
        assert!(first.is_own() && first.priority == Priority::Low);
        assert_eq!(first.suffix, " 2026-11-21 09:00:00");
        stats.lines_received.add(1);
        for counter in [&stats.lines_evicted, &stats.kernel_drops] {
            counter.add(10);
        }
        for counter in [&stats.alerts_evicted, &stats.deliveries.rejected, &stats.deliveries.expired] {
            counter.add(100);
        }
        assert!(due(10, &stats).is_none());
        assert_eq!(
            due(33, &stats).unwrap().text,
            "alertik is alive. Seen since 2026-11-21 09:00:00: lines 1, alerts 0, held back 0, \
             lost lines 20, lost alerts 300."
        );
    }
}
