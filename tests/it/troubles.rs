//! Who reads what is told, and who follows each trouble from its beginning to its end.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime};

use alertik::alert::{Alert, Stage};
use alertik::line::Line;
use alertik::record::Record;
use alertik::rules::Effects;
use alertik::settings::Settings;
use alertik::value::Value;

const HOUR: u64 = 3600;

/// What is told to whom of lines that come in these seconds of a day, and for so many hours.
fn told(variables: &[(&str, &str)], lines: &[(u64, &str)], hours: u64) -> Vec<String> {
    let always = [
        ("EVENT0_MATCH_TYPE", "substr"),
        ("EVENT0_MATCH_STR", "down"),
        ("EVENT0_MASK_MSG", "@{message}"),
        ("ALERTMANAGER_URL", "http://192.0.2.21:9093"),
    ];
    let all = always.iter().chain(variables).map(|(name, value)| ((*name).into(), (*value).into()));
    let (settings, faults) = Settings::read(all);
    let Settings { mut rules, destinations, .. } = settings.unwrap_or_else(|| panic!("{:?}", faults.faults));
    // 2026-11-21 00:00:00 UTC, and the zone is that.
    let (start, midnight) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_219_200));
    let (mut effects, mut told) = (Effects::default(), Vec::new());
    let mut lines = lines.iter().peekable();
    for second in 0..hours * HOUR {
        let span = Duration::from_secs(second);
        let now = (start + span, midnight + span);
        while let Some((_, text)) = lines.next_if(|(when, _)| *when <= second) {
            let from = Ipv4Addr::new(192, 168, 88, 1).into();
            let (line, _) = Line::from_datagram(text.as_bytes(), from, now.0);
            rules.observe(&line, &Record::parse(&line.bytes), now, &mut effects);
        }
        rules.tick(now, &mut effects);
        let words = |alert: Alert| {
            let mark = match alert.stage {
                Stage::Begun => '+',
                Stage::Over => '-',
                Stage::Once => '.',
            };
            let names: Vec<_> = alert.destinations.iter().map(|id| &*destinations[id.0].name).collect();
            let router = alert.values.as_ref().map_or("", |values| values.text(Value::Router));
            let key = alert.key.unwrap_or_default();
            format!("{} {mark} key={key} router={router} {}", names.join("+"), alert.text)
        };
        told.extend(effects.alerts.drain(..).map(words));
    }
    told
}

#[test]
fn after_muted_hours_people_are_told_once_and_alertmanager_how_each_trouble_stands() {
    let variables = [("EVENT0_CLEAR", "up"), ("EVENT0_MUTE", "02:00-07:00"), ("EVENT0_KEY", "@{topics}")];
    let lines = [
        (HOUR, "interface,info link down"),
        (3 * HOUR, "netwatch,info host down"),
        (6 * HOUR, "interface,info link up"),
        (8 * HOUR, "netwatch,info host up"),
    ];
    let both = ("EVENT0_NOTIFIER", "Console,Alertmanager");
    let all = told(&[&variables[..], &[both]].concat(), &lines, 9);
    let summary = "2 alerts held for 4 h:\nhost down, at: 2026-11-21 03:00:00\n192.168.88.1: over: link up, after 5 h, \
                   at: 2026-11-21 06:00:00";
    let expected = [
        "Console+Alertmanager + key=interface,info router=192.168.88.1 link down".to_owned(),
        format!("Console . key= router=192.168.88.1 {summary}"),
        "Alertmanager + key=netwatch,info router=192.168.88.1 host down".to_owned(),
        "Alertmanager - key=interface,info router=192.168.88.1 192.168.88.1: over: link up, after 5 h"
            .to_owned(),
        "Console+Alertmanager - key=netwatch,info router=192.168.88.1 192.168.88.1: over: host up, after 5 h"
            .to_owned(),
    ];
    assert_eq!(all, expected);
    // By itself it has no summary, and people have nothing else.
    let alone = told(&[&variables[..], &[("EVENT0_NOTIFIER", "Alertmanager")]].concat(), &lines, 9);
    let stages: Vec<_> = alone.iter().map(|told| &told[..14]).collect();
    assert_eq!(stages, ["Alertmanager +", "Alertmanager +", "Alertmanager -", "Alertmanager -"]);
    let people = told(&[&variables[..], &[("EVENT0_NOTIFIER", "Console")]].concat(), &lines, 9);
    assert_eq!(people.len(), 3, "{people:?}");
    assert!(people[1].starts_with("Console . key= ") && people[1].ends_with(summary), "{people:?}");
}

#[test]
fn a_silence_ends_under_the_name_under_which_it_began() {
    let variables = [("EVENT0_NOTIFIER", "Alertmanager"), ("EVENT0_SILENCE", "1h"), ("ALERT_SUFFIX", "")];
    let lines = [(2 * HOUR, "interface,info down"), (4 * HOUR, "interface,info down")];
    let expected = [
        "Alertmanager + key= router= nothing has matched EVENT0 for 1 h",
        "Alertmanager - key= router= back after 2 h: down",
        "Alertmanager + key=192.168.88.1 router=192.168.88.1 silent for 1 h, last: down",
        "Alertmanager - key=192.168.88.1 router=192.168.88.1 back after 2 h: down",
    ];
    assert_eq!(told(&variables, &lines, 5)[..4], expected);
}
