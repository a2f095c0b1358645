//! Zones and texts, by the second.

use std::collections::HashSet;
use std::time::Duration;

use super::*;

/// `seconds` since 1970, or before it.
fn at(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

#[track_caller]
fn check(tz: &str, unix_seconds: i64, expected: &str) {
    assert_eq!(Zone::new(tz).unwrap().format(at(unix_seconds)), expected, "{tz} at {unix_seconds}");
}

#[track_caller]
fn check_refused(tz: &str) {
    let error = Zone::new(tz).unwrap_err().to_string();
    assert!(error.contains("expected a zone name such as Europe/Rome, or a POSIX string"), "{error}");
}

#[test]
fn a_name_is_enough() {
    check("Europe/Rome", 1_795_249_755, "2026-11-21 09:29:15");
    check("America/New_York", 1_795_249_755, "2026-11-21 03:29:15");
    check("America/Argentina/Buenos_Aires", 1_795_249_755, "2026-11-21 05:29:15");
    check("UTC", 1_795_249_755, "2026-11-21 08:29:15");
    check("Etc/GMT+3", 1_795_249_755, "2026-11-21 05:29:15");
    check("Africa/Casablanca", 1_795_249_755, "2026-11-21 08:29:15");
    assert_eq!(Zone::utc().format(at(1_795_249_755)), "2026-11-21 08:29:15");
}

#[test]
fn old_names_still_work() {
    check("Europe/Kiev", 1_782_907_200, "2026-07-01 15:00:00");
    check("US/Eastern", 1_782_907_200, "2026-07-01 08:00:00");
    check("Asia/Calcutta", 1_782_907_200, "2026-07-01 17:30:00");
    check("GMT", 1_782_907_200, "2026-07-01 12:00:00");
}

#[test]
fn names_are_forgiving_about_case_colon_and_blanks() {
    check("europe/rome", 1_795_249_755, "2026-11-21 09:29:15");
    check("AMERICA/ARGENTINA/SALTA", 1_795_249_755, "2026-11-21 05:29:15");
    check(":Europe/Rome", 1_795_249_755, "2026-11-21 09:29:15");
    check(" Europe/Rome\n", 1_795_249_755, "2026-11-21 09:29:15");
    check("utc", 1_795_249_755, "2026-11-21 08:29:15");
}

#[test]
fn posix_strings_are_read() {
    check("<-03>3", 1_795_249_755, "2026-11-21 05:29:15");
    check("UTC0", 1_795_249_755, "2026-11-21 08:29:15");
    check("UTC-3", 1_795_249_755, "2026-11-21 11:29:15");
    check("CET-1", 1_795_249_755, "2026-11-21 09:29:15");
    check("<+0545>-5:45", 1_795_249_755, "2026-11-21 14:14:15");
    check("<UTC+3>-3", 1_795_249_755, "2026-11-21 11:29:15");
    check("LMT0:25:21", 1_795_249_755, "2026-11-21 08:03:54");
    check("CET-1CEST,M3.5.0,M10.5.0/3", 1_795_249_755, "2026-11-21 09:29:15");
    check("CET-1CEST,M3.5.0,M10.5.0/3", 1_782_907_200, "2026-07-01 14:00:00");
    check("<+01>-1<+02>-2,M3.5.0/2,M10.5.0/3", 1_782_907_200, "2026-07-01 14:00:00");
    check("CET-1CEST,J60,J300", 1_782_907_200, "2026-07-01 14:00:00");
    check("CET-1CEST,59,299", 1_782_907_200, "2026-07-01 14:00:00");
}

#[test]
fn hours_beyond_a_day_are_read() {
    check("IST-2IDT,M3.4.4/26,M10.5.0", 1_774_569_599, "2026-03-27 01:59:59");
    check("IST-2IDT,M3.4.4/26,M10.5.0", 1_774_569_600, "2026-03-27 03:00:00");
    check("America/Nuuk", 1_774_745_999, "2026-03-28 22:59:59");
    check("America/Nuuk", 1_774_746_000, "2026-03-29 00:00:00");
}

#[test]
fn daylight_time_without_rules_follows_the_united_states() {
    check("EST5EDT", 1_772_953_199, "2026-03-08 01:59:59");
    check("EST5EDT", 1_772_953_200, "2026-03-08 03:00:00");
    check("XST5XDT", 1_772_953_199, "2026-03-08 01:59:59");
    check("XST5XDT", 1_772_953_200, "2026-03-08 03:00:00");
    check("XST5XDT4", 1_793_512_799, "2026-11-01 01:59:59");
    check("XST5XDT4", 1_793_512_800, "2026-11-01 01:00:00");
}

#[test]
fn rome_changes_at_the_exact_second() {
    check("Europe/Rome", 1_774_745_999, "2026-03-29 01:59:59");
    check("Europe/Rome", 1_774_746_000, "2026-03-29 03:00:00");
    check("Europe/Rome", 1_792_889_999, "2026-10-25 02:59:59");
    check("Europe/Rome", 1_792_890_000, "2026-10-25 02:00:00");
}

#[test]
fn the_south_has_its_summer_in_january() {
    check("Australia/Sydney", 1_768_478_400, "2026-01-15 23:00:00");
    check("Australia/Sydney", 1_775_318_399, "2026-04-05 02:59:59");
    check("Australia/Sydney", 1_775_318_400, "2026-04-05 02:00:00");
    check("Australia/Sydney", 1_791_043_199, "2026-10-04 01:59:59");
    check("Australia/Sydney", 1_791_043_200, "2026-10-04 03:00:00");
    check("America/Santiago", 1_775_357_999, "2026-04-04 23:59:59");
    check("America/Santiago", 1_775_358_000, "2026-04-04 23:00:00");
    check("America/Santiago", 1_788_667_199, "2026-09-05 23:59:59");
    check("America/Santiago", 1_788_667_200, "2026-09-06 01:00:00");
}

#[test]
fn half_hours_count() {
    check("Asia/Kolkata", 1_782_907_200, "2026-07-01 17:30:00");
    check("Australia/Lord_Howe", 1_782_907_200, "2026-07-01 22:30:00");
    check("Australia/Lord_Howe", 1_768_478_400, "2026-01-15 23:00:00");
}

#[test]
fn dublin_takes_an_hour_away_in_winter() {
    check("Europe/Dublin", 1_782_907_200, "2026-07-01 13:00:00");
    check("Europe/Dublin", 1_768_478_400, "2026-01-15 12:00:00");
    check("Europe/Dublin", 1_774_745_999, "2026-03-29 00:59:59");
    check("Europe/Dublin", 1_774_746_000, "2026-03-29 02:00:00");
}

#[test]
fn a_router_without_a_clock_starts_in_1970() {
    check("UTC", 0, "1970-01-01 00:00:00");
    check("UTC", 59, "1970-01-01 00:00:59");
    check("Europe/Rome", 0, "1970-01-01 01:00:00");
    check("America/New_York", 0, "1969-12-31 19:00:00");
    check("UTC", -1, "1969-12-31 23:59:59");
    check("Europe/Rome", -1, "1970-01-01 00:59:59");
}

#[test]
fn late_years_keep_today_s_rules() {
    check("UTC", 2_147_483_648, "2038-01-19 03:14:08");
    check("Europe/Rome", 4_118_083_200, "2100-07-01 02:00:00");
    check("UTC", 4_107_542_399, "2100-02-28 23:59:59");
    check("UTC", 4_107_542_400, "2100-03-01 00:00:00");
}

#[test]
fn an_absurd_clock_keeps_the_shape() {
    check("UTC", -62_135_596_800, "0001-01-01 00:00:00");
    check("UTC", i64::MIN, "0001-01-01 00:00:00");
    check("<-12>12", i64::MIN, "0000-12-31 12:00:00");
    check("UTC", i64::MAX, "9999-01-01 00:00:00");
    check("<+14>-14", i64::MAX, "9999-01-01 14:00:00");
    check("Europe/Rome", i64::MAX, "9999-01-01 01:00:00");
}

#[test]
fn parts_of_a_second_are_rounded_down() {
    let zone = Zone::utc();
    assert_eq!(zone.format(UNIX_EPOCH + Duration::from_millis(1999)), "1970-01-01 00:00:01");
    assert_eq!(zone.format(UNIX_EPOCH - Duration::from_millis(1)), "1969-12-31 23:59:59");
    assert_eq!(zone.format(UNIX_EPOCH - Duration::from_millis(1001)), "1969-12-31 23:59:58");
}

#[test]
fn what_is_not_a_zone_is_refused() {
    check_refused("manual");
    check_refused("");
    check_refused(" ");
    check_refused(":");
    check_refused("::Europe/Rome");
    check_refused("Europe");
    check_refused("Europe/");
    check_refused("Europe/Atlantis");
    check_refused("Europe/Rome Europe/Paris");
    check_refused("/etc/passwd");
    check_refused("Factory");
    check_refused("5");
    check_refused("<-03");
    check_refused("<-03>");
    check_refused("<>3");
    check_refused("CET-25");
    check_refused("CET-1:60");
    check_refused("CET-99999999999999999999");
    check_refused("CET-1 CEST");
    check_refused("CET-1CEST,M3.5.0");
    check_refused("CET-1CEST,M13.5.0,M10.5.0");
    check_refused("CET-1CEST,M3.6.0,M10.5.0");
    check_refused("CET-1CEST,M3.5.7,M10.5.0");
    check_refused("CET-1CEST,J0,J300");
    check_refused("CET-1CEST,M3.5.0,M10.5.0/3,");
    check_refused("CET-1CEST,M3.5.0/200,M10.5.0");
    check_refused("CET-1\nCEST");
    check_refused("CET-1\0");
    check_refused("Рим-1");
    check_refused("#");
}

#[test]
fn an_error_shows_the_text_escaped() {
    let error = Zone::new("man\u{1b}ual").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"man\\u{1b}ual\" is not a time zone (expected a zone name such as Europe/Rome, \
         or a POSIX string such as <-03>3 or CET-1CEST,M3.5.0,M10.5.0/3)"
    );
}

#[test]
fn every_name_in_the_table_can_be_used() {
    let mut seen = HashSet::new();
    for (name, posix) in named_zones() {
        assert!(read_footer(posix).is_ok(), "{name}: {posix}");
        assert_eq!(Zone::new(&name).unwrap().format(at(0)).len(), 19, "{name}");
        // The lookup takes the first name that differs only in case.
        assert!(seen.insert(name.to_ascii_lowercase()), "{name} is there twice");
    }
    assert!(seen.len() > 550, "only {} names", seen.len());
}

#[test]
fn the_beginning_of_a_zone_does_no_harm() {
    for posix in TABLE.lines().filter_map(|line| line.split(' ').next()) {
        for length in 0..posix.len() {
            if let Ok(zone) = Zone::new(&posix[..length]) {
                assert_eq!(zone.format(at(1_795_249_755)).len(), 19);
            }
        }
    }
}

#[test]
fn the_table_stays_small() {
    assert!(TABLE.len() < 9 * 1024, "{} bytes", TABLE.len());
}

#[test]
fn a_local_clock_counts_from_its_own_1970() {
    let check = |tz: &str, unix_seconds: i64, hours: i64| {
        let local = Zone::new(tz).unwrap().local_seconds(at(unix_seconds));
        assert_eq!(local, unix_seconds + hours * 3600, "{tz} at {unix_seconds}");
    };
    check("UTC", 1_795_249_755, 0);
    check("Europe/Rome", 1_792_889_999, 2);
    check("Europe/Rome", 1_792_890_000, 1);
    check("America/New_York", 0, -5);
}
