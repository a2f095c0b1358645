//! The dead man's switch in the daemon: silence is told in its stages over kills, and what is heard is on the
//! disk before long. Weeks of it are beside the switch itself (`src/watch/tests`).

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use alertik::alert::Priority;
use alertik::fields::{Rest, write_number};
use alertik::health::Health;
use alertik::hook::{Hook, Taken, Told};
use alertik::ingest::Listener;
use alertik::memory::{Change, Recalled};
use alertik::notify::Dispatch;
use alertik::ring::Ring;
use alertik::settings::Settings;
use alertik::stats::Stats;
use alertik::watch::Watches;
use alertik::worker::{Call, Worker};
use crossbeam_channel::Sender;

use super::http::{request, status};
use crate::support::daemon::{Daemon, get, run};
use crate::support::recorder::{Received, Recorder};
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder};

/// What it has been silent for when a test begins.
const SILENT: Duration = Duration::from_secs(600);

/// A minute of silence, and two; so a grace of six seconds, and as many between the stages.
fn watching(recorder: &Recorder, folder: &TempFolder) -> Variables {
    Variables::new()
        .generic(1, recorder)
        .with("STATE_DIR", folder.path("state"))
        .with("WATCH0_HOOK", "backup")
        .with("WATCH0_EVERY", "1m,2m")
        .with("WATCH0_WARN", "no backup")
        .with("WATCH0_TELL", "still no backup")
        .with("WATCH0_NOTIFIER", "Generic1")
        .with("SELF_NOTIFIER", "Console")
}

fn settings(variables: &Variables) -> Settings {
    let environment = variables.all().map(|(name, value)| (name.into(), value.into()));
    let (settings, faults) = Settings::read(environment);
    settings.unwrap_or_else(|| panic!("{:?}", faults.faults))
}

fn dispatch(settings: &mut Settings, stats: &Arc<Stats>, calls: Sender<Call>) -> Dispatch {
    let report = Arc::new(move |report| drop(calls.send(Call::Report(report))));
    let destinations = std::mem::take(&mut settings.destinations);
    Dispatch::start(destinations, &settings.dispatch, &settings.zone, stats, report).unwrap()
}

/// What somebody who comes now finds remembered in `STATE_DIR`, and forgets again.
fn recalled(variables: &Variables, remember: Vec<Change>) -> Recalled {
    let (stats, (calls, _)) = (Arc::<Stats>::default(), crossbeam_channel::unbounded());
    let mut dispatch = dispatch(&mut settings(variables), &stats, calls);
    let recalled = dispatch.recall();
    dispatch.remember(remember);
    let _ = dispatch.stop(Instant::now() + DEADLINE);
    recalled
}

/// An earlier process remembers that `backup` was last called then, and that so many stages are told.
fn remember_silence(variables: &Variables, stages: u64) {
    let (mut value, silent) = (Vec::new(), SILENT.as_millis() as u64);
    [1, silent, stages, silent, 0, 0].into_iter().for_each(|number| write_number(&mut value, number));
    let change = Change { name: "WATCH0\0backup".into(), value: Some(value), at: Instant::now() };
    let _ = recalled(variables, vec![change]);
}

fn texts(recorder: &Recorder) -> Vec<String> {
    let first_line = |received: &Received| received.text().lines().next().unwrap_or_default().to_owned();
    recorder.received().iter().map(first_line).collect()
}

/// What the metrics say of the watch.
#[track_caller]
fn watched(daemon: &Daemon, what: &str) -> f64 {
    let (_, metrics) = get(daemon.http.unwrap(), "/metrics");
    let name = format!("alertik_watch_{what}{{watch=\"WATCH0\"}} ");
    let found = metrics.lines().find_map(|line| line.strip_prefix(&name));
    found.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

#[test]
fn silence_is_told_once_in_each_stage_whoever_is_killed_between() {
    let (recorder, folder) = (Recorder::start(), TempFolder::new());
    let variables = watching(&recorder, &folder);
    remember_silence(&variables, 0);
    let started = Instant::now();
    let daemon = Daemon::start(&variables);
    let first = recorder.wait_for_text(|text| text.starts_with("no backup\nSilent since 2"));
    // The job may have been about to call when we were not there.
    let graced = first.first_byte.saturating_duration_since(started);
    assert!(graced >= Duration::from_secs(6), "{graced:?}");
    assert!(watched(&daemon, "stage") == 1.0 && watched(&daemon, "silence_seconds") >= 606.0);
    daemon.wait_for_log("delivered", &[("notifier", "Generic1")]);
    let _ = daemon.stop("KILL");
    let daemon = Daemon::start(&variables);
    let _ = recorder.wait_for_text(|text| text.starts_with("still no backup\nSilent since 2"));
    daemon.wait_for_log("delivered", &[("notifier", "Generic1")]);
    let _ = daemon.stop("KILL");
    // A third has nothing to tell, nor has it after the grace.
    let daemon = Daemon::start(&variables);
    assert!(!recorder.has_more_within(Duration::from_secs(9), 4));
    assert!(watched(&daemon, "stage") == 2.0);
    assert_eq!(daemon.stop("TERM").figures().figure("alerts"), 0);
    // What is killed before it has noted that it told something tells that again.
    let mut texts = texts(&recorder);
    texts.dedup();
    assert_eq!(texts, ["no backup", "still no backup"]);
}

/// The worker as the daemon has it, which has heard nothing for ten minutes and can hear; and how to call it.
fn worker(variables: &Variables) -> (Worker, Sender<Call>) {
    let mut settings = settings(variables);
    let now = Instant::now();
    let past = now.checked_sub(SILENT).expect("the machine has been up for as long");
    let watches = Watches::new(std::mem::take(&mut settings.watches), past);
    let stats = Arc::new(Stats { watches: watches.silences(), ..Stats::default() });
    let (calls, called) = crossbeam_channel::unbounded();
    let dispatch = dispatch(&mut settings, &stats, calls.clone());
    let hook = Hook { rule: "HOOK0".into(), name: "backup".into(), destinations: Arc::new([]) };
    let worker = Worker {
        ring: Ring::new(16, 65_536),
        rules: settings.rules,
        hooks: vec![hook],
        watches,
        dispatch,
        self_destinations: settings.self_destinations,
        zone: settings.zone,
        drops: Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap().drops(),
        stats,
        health: Arc::new(Health::new(now)),
        live: Arc::default(),
        probe: None,
        daily: None,
        calls: called,
    };
    (worker, calls)
}

/// A call of the first hook; and where its answer comes.
fn call(calls: &Sender<Call>) -> mpsc::Receiver<Taken> {
    let (answer, answered) = mpsc::channel();
    let done = Box::new(move |taken| answer.send(taken).unwrap_or_default());
    calls.send(Call::Hook(Told { hook: 0, text: String::new(), priority: Priority::Normal, done })).unwrap();
    answered
}

/// How long `backup` has been silent, and how many stages of that are told, by what is on the disk now: as whoever
/// starts after a kill would find it.
fn on_disk(variables: &Variables, folder: &TempFolder) -> Option<(u64, u64)> {
    let copy = TempFolder::new();
    let to = copy.path("state");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(folder.path("state")).unwrap().flatten() {
        let _ = std::fs::copy(entry.path(), Path::new(&to).join(entry.file_name()));
    }
    // Alerts that are owed are told there, too: to nobody.
    let variables =
        variables.clone().with("STATE_DIR", to).with("GENERIC1_WEBHOOK_URL", "http://127.0.0.1:1/");
    let recalled = recalled(&variables, Vec::new());
    let found = recalled.remembered.iter().find(|found| found.name == "WATCH0\0backup")?;
    let mut rest = Rest(&found.value);
    let (_, silent, stage) = (rest.number()?, rest.number()?, rest.number()?);
    Some((silent / 1000, stage))
}

#[track_caller]
fn wait_until_on_disk(variables: &Variables, folder: &TempFolder, wanted: impl Fn((u64, u64)) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = on_disk(variables, folder);
        if found.is_some_and(&wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_call_disarms_and_is_on_the_disk_without_a_stop() {
    let (recorder, folder) = (Recorder::start(), TempFolder::new());
    let variables = watching(&recorder, &folder);
    let (worker, calls) = worker(&variables);
    let running = thread::spawn(move || worker.run());
    let _ = recorder.wait_for_text(|text| text.starts_with("no backup\n"));
    wait_until_on_disk(&variables, &folder, |(silent, stage)| silent >= 600 && stage == 1);
    assert_eq!(call(&calls).recv_timeout(DEADLINE), Ok(Taken::Kept));
    let _ = recorder.wait_for_text(|text| text == "heard from backup again after 10 min");
    wait_until_on_disk(&variables, &folder, |(silent, stage)| silent < 60 && stage == 0);
    calls.send(Call::Stop).unwrap();
    let _ = running.join().unwrap().stop(Instant::now() + DEADLINE);
    assert_eq!(texts(&recorder), ["no backup", "heard from backup again after 10 min"]);
}

#[test]
fn a_call_in_time_is_on_the_disk_though_no_alert_follows() {
    let (recorder, folder) = (Recorder::start(), TempFolder::new());
    let variables = watching(&recorder, &folder).with("WATCH0_EVERY", "1h");
    let (worker, calls) = worker(&variables);
    // Before the first look, so that the first write has it.
    let answered = call(&calls);
    let running = thread::spawn(move || worker.run());
    assert_eq!(answered.recv_timeout(DEADLINE), Ok(Taken::Kept));
    wait_until_on_disk(&variables, &folder, |(silent, stage)| silent < 60 && stage == 0);
    calls.send(Call::Stop).unwrap();
    let _ = running.join().unwrap().stop(Instant::now() + DEADLINE);
    assert_eq!(texts(&recorder), Vec::<String>::new());
}

#[test]
fn check_says_who_is_watched_and_not_what_is_told() {
    let (recorder, folder) = (Recorder::start(), TempFolder::new());
    let ended = run(&["check"], &watching(&recorder, &folder));
    assert_eq!(ended.code, Some(0), "{}", ended.whole());
    let words = "WATCH0: no call of backup for 60 s -> Generic1; for 2 min -> Generic1";
    assert!(ended.stdout.iter().any(|line| line == words), "{}", ended.whole());
    assert!(!ended.whole().contains("still no backup"), "{}", ended.whole());
    let ended = run(&["check", "--json"], &watching(&recorder, &folder));
    let row =
        r#"{"watch":"WATCH0","description":"no call of backup for 60 s -> Generic1; for 2 min -> Generic1"}"#;
    assert!(ended.stdout.iter().any(|line| line == row), "{}", ended.whole());
}

#[test]
fn a_call_over_http_disarms_and_a_kill_right_after_forgets_nothing() {
    let (recorder, folder) = (Recorder::start(), TempFolder::new());
    let variables = watching(&recorder, &folder);
    remember_silence(&variables, 2);
    let daemon = Daemon::start(&variables);
    let address = daemon.http.unwrap();
    // It tells nobody, so it is a hook of its own, for which a call without a word is enough.
    let call = |path| status(&request(address, "POST", path, &format!("Host: {address}\n"), ""));
    assert_eq!((call("/hook/nobody"), watched(&daemon, "stage")), (404, 2.0));
    assert_eq!(call("/hook/backup"), 200);
    let _ = recorder.wait_for_text(|text| text == "heard from backup again after 10 min");
    let _ = daemon.stop("KILL");
    let daemon = Daemon::start(&variables);
    assert!(watched(&daemon, "stage") == 0.0 && watched(&daemon, "silence_seconds") < 60.0);
}
