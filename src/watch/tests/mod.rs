//! Weeks in a moment: what is told, when, and what a restart in between makes of it.

use std::collections::BTreeMap;

use super::*;
use crate::alert::{DestinationId, Priority, Stage};
use crate::memory::Remembered;
use crate::notify::{Contact, Destinations};
use crate::vars::{Faults, Vars};

mod heard;
mod settings;

const MINUTE: Duration = Duration::from_secs(60);

/// 2026-11-21 00:00:00 UTC.
const MIDNIGHT: Duration = Duration::from_secs(1_795_219_200);

fn read(variables: &[(&str, &str)]) -> (Settings, Faults) {
    let known = [VARIABLES, &["SIMPLEX_URL", "STATE_DIR", "GENERICn_WEBHOOK_URL"]].concat();
    let mut faults = Faults::default();
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let vars = Vars::read(environment, &known, &|_| Err(std::io::ErrorKind::NotFound.into()), &mut faults);
    let settings = Settings::read(&vars, &mut Destinations::new(&vars), &mut faults);
    (settings, faults)
}

/// @alice is told of after a day to the first destination, and after three to the second.
const ALICE: &[(&str, &str)] = &[
    ("SIMPLEX_URL", "ws://127.0.0.1:5225"),
    ("STATE_DIR", "/state"),
    ("GENERIC1_WEBHOOK_URL", "http://127.0.0.1:1"),
    ("WATCH0_SIMPLEX", "@alice"),
    ("WATCH0_EVERY", "24h,72h"),
    ("WATCH0_WARN", "are you well?"),
    ("WATCH0_TELL", "the safe's number is in it"),
    ("WATCH0_NOTIFIER", "Generic1"),
    ("WATCH0_WARN_NOTIFIER", "Console"),
];

/// The same of a job.
const BACKUP: &[(&str, &str)] = &[
    ("STATE_DIR", "/state"),
    ("WATCH0_HOOK", "backup"),
    ("WATCH0_EVERY", "24h,72h"),
    ("WATCH0_TELL", "no backup for days"),
    ("WATCH0_NOTIFIER", "Console"),
];

/// A daemon and its disk, a look a minute.
struct World<'v> {
    variables: &'v [(&'v str, &'v str)],
    watches: Option<Watches>,
    /// Each with the time when it was written.
    disk: BTreeMap<String, (Duration, Vec<u8>)>,
    writes: usize,
    start: Instant,
    at: Duration,
    is_clock_set: bool,
    told: Vec<String>,
    /// The last alert.
    last: Option<Alert>,
}

impl World<'_> {
    fn new<'v>(variables: &'v [(&'v str, &'v str)]) -> World<'v> {
        let mut world = World {
            variables,
            watches: None,
            disk: BTreeMap::new(),
            writes: 0,
            start: Instant::now(),
            at: Duration::ZERO,
            is_clock_set: true,
            told: Vec::new(),
            last: None,
        };
        world.begin(true);
        world
    }

    fn now(&self) -> (Instant, SystemTime) {
        let past = if self.is_clock_set { MIDNIGHT } else { Duration::ZERO };
        (self.start + self.at, SystemTime::UNIX_EPOCH + past + self.at)
    }

    fn begin(&mut self, is_age_known: bool) {
        let (settings, faults) = read(self.variables);
        assert!(faults.is_empty(), "{faults:?}");
        let now = self.now().0;
        let mut watches = Watches::new(settings, now);
        let written = |at: Duration| is_age_known.then_some(self.start + at);
        let remembered = self.disk.iter().map(|(name, (at, value))| Remembered {
            name: name.clone(),
            value: value.clone(),
            written: written(*at),
        });
        let mut recalled = Recalled { remembered: remembered.collect(), ..Recalled::default() };
        watches.recall(&mut recalled, now);
        assert_eq!(recalled.remembered, []);
        self.watches = Some(watches);
    }

    fn write(&mut self, changes: Vec<Change>) {
        self.writes += usize::from(!changes.is_empty());
        for Change { name, value, at } in changes {
            match value {
                Some(value) => drop(self.disk.insert(name, (at - self.start, value))),
                None => drop(self.disk.remove(&name)),
            }
        }
    }

    /// As the worker does.
    fn ask(&mut self, ask: impl FnOnce(&mut Watches, (Instant, SystemTime)) -> Vec<Word>) {
        let now = self.now();
        let Some(watches) = &mut self.watches else { return };
        let words = ask(watches, now);
        let has_alert = words.iter().any(|word| matches!(word, Word::Alert(_)));
        let changes = match has_alert || watches.wants_saving(now.0) {
            true => watches.take_changes(now.0),
            false => Vec::new(),
        };
        self.write(changes);
        let minutes = self.at.as_secs() / 60;
        for word in words {
            let text = match word {
                Word::Trouble(text) => format!("({text})"),
                Word::Alert(alert) => {
                    let text = format!("{}{}", alert.text, alert.suffix.replace('\n', " / "));
                    self.last = Some(*alert);
                    text
                }
            };
            self.told.push(format!("{}:{:02} {text}", minutes / 60, minutes % 60));
        }
    }

    fn take(&mut self, ear: &Ear) {
        self.ask(|watches, now| watches.take(ear, now, &Zone::utc()));
    }

    fn run_until(&mut self, at: Duration) {
        while self.at < at {
            self.at = at.min(self.at + MINUTE);
            self.ask(|watches, now| watches.tick(now, &Zone::utc()));
        }
    }

    /// `7 alice` is a contact.
    fn step(&mut self, step: &str) {
        let mut words = step.split(' ');
        let mut next = || words.next().unwrap();
        self.run_until(crate::span::read(next()).unwrap());
        let what = next();
        let contact = |id: &str, name: &str| Contact { id: id.parse().unwrap(), name: name.into() };
        match what {
            "open" => self.take(&Ear::Open),
            "closed" => self.take(&Ear::Closed),
            "known" => self.take(&Ear::Known(contact(next(), next()))),
            "unknown" => self.take(&Ear::Unknown(next().into())),
            "heard" => {
                let contact = contact(next(), next());
                let at = words.next().map_or(self.at, |at| crate::span::read(at).unwrap());
                self.take(&Ear::Heard(contact, self.start + at));
            }
            "called" => {
                let name = next();
                self.ask(|watches, now| watches.heard_hook(name, now, &Zone::utc()));
            }
            "stop" => {
                let now = self.now().0;
                let changes = self.watches.take().unwrap().take_all(now);
                self.write(changes);
            }
            "kill" => self.watches = None,
            "start" => self.begin(true),
            "boot" => self.begin(false),
            "-" => {}
            other => panic!("{other}"),
        }
    }
}

#[track_caller]
fn check<'v>(variables: &'v [(&'v str, &'v str)], steps: &[&str], expected: &[&str]) -> World<'v> {
    let mut world = World::new(variables);
    steps.iter().for_each(|step| world.step(step));
    assert_eq!(world.told, expected, "{steps:?}");
    world
}

/// Somebody is heard from the first minute on.
const KNOWN: [&str; 2] = ["1m open", "1m known 7 alice"];

#[track_caller]
fn check_alice(steps: &[&str], expected: &[&str]) -> World<'static> {
    check(ALICE, &[&KNOWN, steps].concat(), expected)
}

const FIRST: &str = "24:00 are you well? / Silent since 2026-11-21 00:00:00";
const SECOND: &str = "72:00 the safe's number is in it / Silent since 2026-11-21 00:00:00";

#[test]
fn silence_is_told_in_two_stages_and_each_once() {
    check_alice(&["1439m -"], &[]);
    check_alice(&["71h -"], &[FIRST]);
    let world = check_alice(&["60d -"], &[FIRST, SECOND]);
    // Both stages, and what was there at the beginning: nothing is written for nothing.
    assert_eq!(world.writes, 4);
    let default = "24:00 nothing heard from backup for 24 h / Silent since 2026-11-21 00:00:00";
    let second = "72:00 no backup for days / Silent since 2026-11-21 00:00:00";
    check(BACKUP, &["60d -"], &[default, second]);
    // Without a text there is no second stage; without a second span it is twice the first.
    check(&BACKUP[..3], &["60d -"], &[default]);
    let twice = [&BACKUP[..2], &[("WATCH0_EVERY", "24h"), ("WATCH0_TELL", "x")]].concat();
    check(&twice, &["60d -"], &[default, "48:00 x / Silent since 2026-11-21 00:00:00"]);
}

#[test]
fn a_sign_of_life_disarms_and_whoever_was_told_hears_of_it() {
    check_alice(&["23h heard 7 alice", "46h -"], &[]);
    let again = "25:00 heard from @alice again after 25 h";
    let world = check_alice(&["25h heard 7 alice", "48h -"], &[FIRST, again]);
    let (console, generic) = (DestinationId(1), DestinationId(0));
    assert_eq!(*world.last.unwrap().destinations, [console]);
    let again = "80:00 heard from @alice again after 3 d 8 h";
    let world = check_alice(&["80h heard 7 alice", "103h -"], &[FIRST, SECOND, again]);
    let over = world.last.unwrap();
    assert_eq!(*over.destinations, [console, generic]);
    assert_eq!((over.stage, over.key.as_deref()), (Stage::Over, Some("@alice")));
    // And it is armed again; what others call is nothing.
    let silence = |at: &str, since: &str| {
        format!("{at} nothing heard from backup for 24 h / Silent since 2026-11-{since}:00:00")
    };
    let again = "25:00 heard from backup again after 25 h";
    let told = [&*silence("24:00", "21 00"), again, &silence("50:00", "22 02")];
    let _ = check(BACKUP, &["25h called backup", "26h called backup", "27h called other", "60h -"], &told);
}

#[test]
fn the_second_stage_is_urgent_and_takes_the_file_along() {
    let world = check_alice(&["30h -"], &[FIRST]);
    let first = world.last.unwrap();
    assert_eq!((first.priority, first.stage), (Priority::High, Stage::Begun));
    assert_eq!((&*first.rule, first.attachment, first.key.as_deref()), ("WATCH0", None, Some("@alice")));
    let mut world = World::new(ALICE);
    let watch = |world: &mut World<'_>| {
        let switch = world.watches.as_mut().unwrap().switches.first_mut().unwrap();
        switch.watch.file = Some("/srv/letter.pdf".into());
    };
    watch(&mut world);
    for step in KNOWN.into_iter().chain(["73h -"]) {
        world.step(step);
    }
    let second = world.last.unwrap();
    assert_eq!((second.priority, second.stage), (Priority::Urgent, Stage::Begun));
    assert_eq!(second.attachment.as_deref(), Some("/srv/letter.pdf"));
}

#[test]
fn who_follows_troubles_hears_of_the_end_of_each_stage() {
    let keys = |hours: &str, followers: &[usize]| {
        let mut world = World::new(BACKUP);
        let switch = world.watches.as_mut().unwrap().switches.first_mut().unwrap();
        switch.watch.followers = followers.iter().copied().map(DestinationId).collect();
        world.step(&format!("{hours} -"));
        let now = world.now();
        let words = world.watches.as_mut().unwrap().heard_hook("backup", now, &Zone::utc());
        let key = |word: Word| match word {
            Word::Alert(alert) => (alert.stage == Stage::Over).then(|| alert.key.unwrap().to_string()),
            Word::Trouble(_) => None,
        };
        words.into_iter().filter_map(key).collect::<Vec<_>>()
    };
    assert_eq!(keys("80h", &[]), ["backup"]);
    assert_eq!(keys("80h", &[0]), ["backup", "backup, second stage"]);
    assert_eq!(keys("30h", &[0]), ["backup"]);
    // The second is another than the first, which lasts.
    let world = check_alice(&["73h -"], &[FIRST, SECOND]);
    assert_eq!(world.last.unwrap().key.as_deref(), Some("@alice, second stage"));
}

#[test]
fn a_restart_forgets_nothing() {
    let default =
        |at: &str, since: &str| format!("{at} nothing heard from backup for 24 h / Silent since {since}");
    let second = |at: &str| format!("{at} no backup for days / Silent since 2026-11-21 00:00:00");
    let midnight = "2026-11-21 00:00:00";
    for end in ["stop", "kill"] {
        let check = |steps: &[&str], expected: &[&str]| {
            let steps: Vec<_> = steps.iter().map(|step| step.replace("end", end)).collect();
            let steps: Vec<_> = steps.iter().map(String::as_str).chain(["30d -"]).collect();
            let _ = check(BACKUP, &steps, expected);
        };
        let both = [&*default("24:00", midnight), &*second("72:00")];
        check(&["2h end", "2h start"], &both);
        check(&["2h end", "10h start", "11h end", "12h start"], &both);
        check(&["40h end", "41h start", "42h end", "44h start"], &both);
        check(&["100h end", "200h start"], &both);
        check(
            &[
                "10h called backup",
                "20h end",
                "30h start",
                "35h end",
                "36h called backup",
                "37h start",
                "40h called backup",
            ],
            &[
                &default("34:00", "2026-11-21 10:00:00"),
                "40:00 heard from backup again after 30 h",
                &default("64:00", "2026-11-22 16:00:00"),
                "112:00 no backup for days / Silent since 2026-11-22 16:00:00",
            ],
        );
        // Long ago: a grace after the start, and the second not in the same breath.
        check(&["23h end", "100h start"], &[&default("101:00", midnight), &second("105:48")]);
    }
}

#[test]
fn a_boot_without_a_clock_counts_on_from_what_was_written() {
    let first =
        |at: &str, since: &str| format!("{at} nothing heard from backup for 24 h / Silent since {since}");
    // Ten hours of silence were written down at the stop, and none by the kill.
    let steps = ["10h called backup", "20h stop", "25h boot", "50h -"];
    check(BACKUP, &steps, &[&first("39:00", "2026-11-21 15:00:00")]);
    let steps = ["10h called backup", "20h kill", "25h boot", "50h -"];
    check(BACKUP, &steps, &[&first("49:00", "2026-11-22 01:00:00")]);
    // What was told stays told.
    let steps = ["30h kill", "40h boot", "87h -"];
    check(BACKUP, &steps, &[&first("24:00", "2026-11-21 00:00:00")]);
    let mut world = World::new(BACKUP);
    world.is_clock_set = false;
    world.step("25h -");
    assert_eq!(world.told, ["24:00 nothing heard from backup for 24 h / Silent for 24 h"]);
    assert!(world.last.unwrap().unset.is_some());
}

#[test]
fn signs_of_life_are_written_and_do_not_wear_the_disk_out() {
    let mut world = World::new(BACKUP);
    for minute in 1..=7 * 24 * 60 {
        world.step(&format!("{minute}m called backup"));
    }
    // A hundredth of a day is 15 looks of a minute.
    assert_eq!((world.writes, world.told.len()), (7 * 24 * 60 / 15, 0));
    // A crash costs no more than that.
    let sign = 7 * 24 * 60;
    for step in [format!("{sign}m kill"), format!("{sign}m start"), format!("{}m -", sign + 24 * 60)] {
        world.step(&step);
    }
    let at: u64 =
        world.told[0].split([':', ' ']).take(2).fold(0, |sum, part| 60 * sum + part.parse::<u64>().unwrap());
    assert!((sign + 24 * 60 - 15..=sign + 24 * 60).contains(&at), "{:?}", world.told);
}

#[test]
fn who_watches_somebody_else_starts_afresh() {
    let mut world = World::new(BACKUP);
    world.step("30h stop");
    assert_eq!(world.disk.keys().collect::<Vec<_>>(), ["WATCH0\0backup"]);
    let others = [&[("WATCH0_HOOK", "restore")], &BACKUP[..1], &BACKUP[2..]].concat();
    let mut other = World { variables: &others, told: Vec::new(), ..world };
    for step in ["30h start", "53h -"] {
        other.step(step);
    }
    assert_eq!(other.told, Vec::<String>::new());
    assert_eq!(other.disk.keys().collect::<Vec<_>>(), ["WATCH0\0restore"]);
    // What is not ours is left for the rules.
    let remembered = |name: &str| Remembered { name: name.to_owned(), value: vec![7], written: None };
    let names = ["EVENT0\0k", "WATCH0\0gone", "WATCHED", "WATCH0\0restore"].map(remembered);
    let mut recalled = Recalled { remembered: names.into(), ..Recalled::default() };
    let mut none = Watches::default();
    none.recall(&mut recalled, other.start);
    assert_eq!(recalled.remembered, [remembered("EVENT0\0k"), remembered("WATCHED")]);
    assert!(none.wants_saving(other.start));
    let forgotten = none.take_changes(other.start);
    assert!(forgotten.iter().all(|change| change.value.is_none()) && forgotten.len() == 2);
    assert!(!none.wants_saving(other.start));
}
