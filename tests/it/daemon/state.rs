//! `STATE_DIR`: what outlives the process, and what becomes of it when the disk is full,
//! locked, damaged or not to be written.

use std::process::Command;
use std::time::{Duration, Instant};

use super::LOGIN_FAILURE;
use crate::support::daemon::{Daemon, Ended, run};
use crate::support::elsewhere::{Trace, unshare};
use crate::support::recorder::{Answer, Received, Recorder};
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder, skip};

/// Texts like `line 1`, to Generic1; our own troubles to standard output.
fn variables(recorder: &Recorder, state: &str) -> Variables {
    let variables = Variables::new().generic(1, recorder).with("ALERT_SUFFIX", "");
    variables.with("SELF_NOTIFIER", "Console").with("STATE_DIR", state)
}

fn lines(recorder: &Recorder, state: &str) -> Variables {
    variables(recorder, state).regex("Generic1", "line ([0-9]+)", "line @1")
}

fn texts(received: &[Received]) -> Vec<String> {
    received.iter().map(Received::text).collect()
}

/// Everything in the folder.
fn content(folder: &str) -> String {
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
    files.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
}

#[track_caller]
fn check_kept(daemon: Daemon, alerts: usize) {
    let ended = daemon.stop("TERM");
    let kept: usize = ended.logged("alerts kept").iter().map(|line| line.figure("alerts")).sum();
    assert_eq!((kept, ended.left_for("Generic1")), (alerts, 0), "{}", ended.whole());
}

#[test]
fn what_was_not_told_is_told_after_a_restart_in_order_and_once() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let dead = Recorder::queued([Answer::status(200), Answer::Hang]);
    let daemon = Daemon::start(&lines(&dead, &state));
    for number in 1..=4 {
        daemon.send(format!("system,info line {number}"));
    }
    assert_eq!(texts(&dead.wait_for(2)), ["line 1", "line 2"]);
    check_kept(daemon, 3);
    // The second time nothing is owed any more.
    for (expected, sent) in [(&["line 2", "line 3", "line 4", "line 5"][..], 5), (&["line 6"], 6)] {
        let recorder = Recorder::start();
        let daemon = Daemon::start(&lines(&recorder, &state));
        daemon.send(format!("system,info line {sent}"));
        assert_eq!(texts(&recorder.wait_for(expected.len())), expected);
        check_kept(daemon, 0);
        assert_eq!(recorder.received().len(), expected.len());
    }
}

#[test]
fn each_message_has_the_next_number_through_failures_refusals_and_restarts() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let check =
        |answers: Vec<Answer>, sent: std::ops::RangeInclusive<usize>, expected: &[&str], state: &str| {
            let recorder = Recorder::queued(answers);
            let variables = lines(&recorder, state).with("ALERT_SERIAL", "on");
            let daemon = Daemon::start(&variables);
            sent.for_each(|number| daemon.send(format!("system,info line {number}")));
            recorder.wait_for(expected.len());
            let ended = daemon.stop("TERM");
            assert_eq!(texts(&recorder.received()), expected, "{}", ended.whole());
        };
    let failing = vec![Answer::status(200), Answer::status(503), Answer::status(200), Answer::status(422)];
    check(failing, 1..=4, &["line 1 #1", "line 2 #2", "line 2 #2", "line 3 #3", "line 4 #3"], &state);
    // What was on its way keeps its number.
    check(vec![Answer::Hang], 5..=5, &["line 5 #4"], &state);
    check(vec![], 6..=6, &["line 5 #4", "line 6 #5"], &state);
    // Each notifier counts for itself, and without a disk from the start.
    check(vec![], 7..=8, &["line 7 #1", "line 8 #2"], "");
}

#[test]
fn another_daemon_may_not_have_the_same_folder() {
    let (folder, recorder) = (TempFolder::new(), Recorder::start());
    let variables = lines(&recorder, &folder.path(""));
    let first = Daemon::start(&variables);
    let ended = run(&["run"], &variables.on_free_ports());
    assert_eq!(ended.code, Some(1));
    assert!(ended.whole().contains("in use by another alertik"), "{}", ended.whole());
    // However the first one ends, the folder is free.
    drop(first);
    Daemon::start(&variables);
}

#[test]
fn alerts_are_for_nobody_else_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, recorder) = (TempFolder::new(), Recorder::scripted(|_| Answer::status(503)));
    let state = folder.path("state");
    let daemon = Daemon::start(&lines(&recorder, &state));
    daemon.send("system,info line 1");
    recorder.wait_for(1);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(state.as_ref()), 0o700);
    for file in std::fs::read_dir(&state).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    check_kept(daemon, 1);
}

#[test]
fn alerts_whose_notifier_is_gone_are_dead_letters_and_that_is_told() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let recorder = Recorder::scripted(|_| Answer::status(503));
    let daemon = Daemon::start(&lines(&recorder, &state));
    daemon.send("system,info line 1");
    recorder.wait_for(1);
    check_kept(daemon, 1);
    let without = Variables::new().with("STATE_DIR", &state).substr("Console", "line", "x");
    let daemon = Daemon::start(&without);
    daemon.wait_for_line(|line| line.contains("which are not sent: 1;"));
    check_kept(daemon, 0);
    let letters = std::fs::read_to_string(format!("{state}/dead.jsonl")).unwrap();
    let letter: serde_json::Value = serde_json::from_str(&letters).unwrap();
    assert_eq!((&letter["notifier"], &letter["text"]), (&"Generic1".into(), &"line 1".into()));
    // Once.
    let ended = Daemon::start(&without).stop("TERM");
    assert!(ended.logged("alerts without a notifier").is_empty(), "{}", ended.whole());
}

#[test]
fn what_expired_or_was_refused_is_a_dead_letter() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let recorder = Recorder::scripted(|request| match request.text() == "line 1" {
        true => Answer::status(422),
        false => Answer::status(503),
    });
    let daemon = Daemon::start(&lines(&recorder, &state).with("ALERT_EXPIRE", "1s"));
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    let letters = || std::fs::read_to_string(format!("{state}/dead.jsonl")).unwrap_or_default();
    let deadline = Instant::now() + DEADLINE;
    while letters().lines().count() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    check_kept(daemon, 0);
    let letters = letters();
    let letters: Vec<serde_json::Value> =
        letters.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row =
        |letter: &serde_json::Value| format!("{} {} {}", letter["rule"], letter["text"], letter["reason"]);
    let rows: Vec<_> = letters.iter().map(row).collect();
    assert_eq!(rows, [r#""EVENT0" "line 1" "rejected: 422""#, r#""EVENT0" "line 2" "expired""#]);
}

#[test]
fn damage_is_survived_and_told() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let dead = Recorder::scripted(|_| Answer::status(503));
    let daemon = Daemon::start(&lines(&dead, &state));
    for number in 1..=3 {
        daemon.send(format!("system,info line {number}"));
    }
    dead.wait_for(1);
    check_kept(daemon, 3);
    let segment = std::fs::read_dir(&state).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(6).position(|text| text == b"line 2").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let recorder = Recorder::start();
    let daemon = Daemon::start(&lines(&recorder, &state));
    assert_eq!(texts(&recorder.wait_for(2)), ["line 1", "line 3"]);
    let said = daemon.wait_for_log("alerts on disk damaged", &[("alerts", "1"), ("segments", "0")]);
    assert!(said.figure("bytes") > 50);
    daemon.wait_for_line(|line| line.contains("Missing alerts: 1; missing files: 0;"));
    check_kept(daemon, 0);
}

/// What mounts a file system on `state` that only the program behind it sees.
fn with_mounted(state: &str, mount: &str) -> Result<Command, String> {
    std::fs::create_dir_all(state).unwrap();
    let mut command = unshare(&["--mount"])?;
    command.args(["sh", "-c", &format!("set -e; {mount}; exec \"$@\""), "sh"]);
    Ok(command)
}

/// The daemon alerts from memory, and has said `remedy` once.
#[track_caller]
fn check_in_memory(
    wrapper: Result<Command, String>,
    variables: &Variables,
    remedy: &str,
    recorder: &Recorder,
) {
    let wrapper = match wrapper {
        Ok(wrapper) => wrapper,
        Err(why) => return skip(&why),
    };
    let daemon = Daemon::start_under(wrapper, variables);
    for number in 1..=50 {
        daemon.send(format!("system,info line {number}"));
    }
    let expected: Vec<_> = (1..=50).map(|number| format!("line {number}")).collect();
    assert_eq!(texts(&recorder.wait_for(50)), expected);
    let marker = daemon.marker();
    let told = daemon.wait_for_line(|line| line.starts_with(&marker) && line.contains("in memory only"));
    assert!(told.contains("STATE_DIR: cannot write to "), "{told}");
    let ended = daemon.stop("TERM");
    assert!(ended.whole().contains(remedy), "{}", ended.whole());
    check_said_once(&ended, &marker);
    assert_eq!(ended.left_for("Generic1"), 0);
}

/// In the log the trouble and its remedy, to people one message, and not again.
#[track_caller]
fn check_said_once(ended: &Ended, marker: &str) {
    assert_eq!(ended.logged("alerts in memory only").len(), 2, "{}", ended.whole());
    let is_message = |line: &&str| line.starts_with(marker) && line.contains("alerts are in memory only");
    assert_eq!(ended.whole().lines().filter(is_message).count(), 1, "{}", ended.whole());
}

#[test]
fn on_a_full_disk_it_alerts_from_memory_and_says_so_once() {
    let (folder, recorder) = (TempFolder::new(), Recorder::start());
    let state = folder.path("state");
    let full = format!(
        "mount -t tmpfs -o size=64k none {state}; dd if=/dev/zero of={state}/full bs=64k count=1 2>/dev/null"
    );
    check_in_memory(with_mounted(&state, &full), &lines(&recorder, &state), "make room there", &recorder);
}

#[test]
fn on_a_disk_that_cannot_be_written_it_tells_what_it_finds_and_alerts_from_memory() {
    let (folder, recorder) = (TempFolder::new(), Recorder::start());
    let state = folder.path("state");
    // What an earlier process left there is told.
    let dead = Recorder::scripted(|_| Answer::status(503));
    let daemon = Daemon::start(&lines(&dead, &state));
    daemon.send("system,info line 1");
    dead.wait_for(1);
    check_kept(daemon, 1);
    let read_only = format!("mount --bind {state} {state}; mount -o remount,bind,ro {state}");
    let wrapper = match with_mounted(&state, &read_only) {
        Ok(wrapper) => wrapper,
        Err(why) => return skip(&why),
    };
    let daemon = Daemon::start_under(wrapper, &lines(&recorder, &state));
    daemon.send("system,info line 2");
    assert_eq!(texts(&recorder.wait_for(2)), ["line 1", "line 2"]);
    let marker = daemon.marker();
    let ended = daemon.stop("TERM");
    check_said_once(&ended, &marker);
    assert!(ended.whole().contains("name a path on a mount that can be written"), "{}", ended.whole());
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_its_remedy() {
    let (folder, recorder) = (TempFolder::new(), Recorder::start());
    let wrapper = Ok(Command::new("env"));
    let state = folder.path("none/state");
    check_in_memory(wrapper, &lines(&recorder, &state), "make its folder", &recorder);
}

#[test]
fn a_disk_that_fills_up_while_it_runs_loses_nothing() {
    let (folder, dead) = (TempFolder::new(), Recorder::queued([Answer::Hang]));
    let state = folder.path("state");
    let small = with_mounted(&state, &format!("mount -t tmpfs -o size=64k none {state}"));
    let wrapper = match small {
        Ok(wrapper) => wrapper,
        Err(why) => return skip(&why),
    };
    // Some 100 bytes each: the disk takes a part of them, memory the rest.
    let daemon = Daemon::start_under(wrapper, &lines(&dead, &state));
    for number in 1..=1000 {
        daemon.send(format!("system,info line {number}"));
        if number % 50 == 0 {
            daemon.wait_until_drained();
        }
    }
    daemon.wait_for_log("alerts in memory only", &[("remedy", "make room there")]);
    let ended = daemon.stop("TERM");
    let kept: usize = ended.logged("alerts kept").iter().map(|line| line.figure("alerts")).sum();
    let left = ended.left_for("Generic1");
    assert!(kept > 100 && left > 100 && kept + left == 1000, "{kept} {left}");
    assert_eq!(ended.logged("alerts in memory only").len(), 2);
}

#[test]
fn an_alert_is_one_write_a_delivery_is_one_and_idle_is_none() {
    let (folder, recorder) = (TempFolder::new(), Recorder::start());
    let (state, path) = (folder.path("state"), folder.path("trace"));
    let strace = match Trace::command_for("pwrite64,pwritev,fdatasync,fsync,ftruncate", &path) {
        Ok(strace) => strace,
        Err(why) => return skip(&why),
    };
    let daemon = Daemon::start_under(strace, &lines(&recorder, &state));
    for number in 1..=3 {
        daemon.send(format!("system,info line {number}"));
        recorder.wait_for(number);
    }
    // There is nothing to wait for: that nothing comes is what is looked for.
    std::thread::sleep(Duration::from_millis(2_500));
    check_kept(daemon, 0);
    let trace = std::fs::read_to_string(&path).unwrap();
    let count = |call: &str| trace.matches(&format!("{call}(")).count();
    // And one at the start and one at the stop: in which boot it ran, and that it was told to stop.
    assert_eq!((count("pwrite64"), count("pwritev"), count("ftruncate")), (8, 0, 0), "{trace}");
    // These and each alert are synced; for the first, the folder too.
    assert_eq!((count("fdatasync"), count("fsync")), (5, 1), "{trace}");
    let sizes =
        trace.lines().filter(|line| line.contains("pwrite64(")).filter_map(|line| line.split(" = ").last());
    println!("bytes written: {}", sizes.collect::<Vec<_>>().join(", "));
}

#[test]
fn a_reboot_of_the_machine_is_told_as_what_it_was_and_once() {
    let (folder, recorder) = (TempFolder::new(), Recorder::start());
    let (state, boot) = (folder.path("state"), folder.path("boot"));
    let variables = variables(&recorder, &state).with("STATIC_EVENTS_ENABLED", "4,5");
    // A machine that is in the boot with this number.
    let start = |number: usize| {
        std::fs::write(&boot, format!("00000000-0000-4000-8000-{number:012}\n")).unwrap();
        let mount = format!("mount --bind {boot} /proc/sys/kernel/random/boot_id");
        Ok::<_, String>(Daemon::start_under(with_mounted(&state, &mount)?, &variables))
    };
    match start(1) {
        Ok(daemon) => check_kept(daemon, 0),
        Err(why) => return skip(&why),
    }
    // Stopped, then killed in the same boot, and no alert ever: nothing to tell.
    drop(start(1));
    drop(start(1));
    assert_eq!(recorder.received().len(), 0);
    let without = "the machine that alertik runs on was rebooted without proper shutdown";
    check_kept(start(2).unwrap(), 0);
    assert_eq!(texts(&recorder.wait_for(1)), [without]);
    check_kept(start(3).unwrap(), 0);
    let clean = "the machine that alertik runs on was rebooted, and alertik was away for 1 min";
    assert_eq!(texts(&recorder.wait_for(2))[1], clean);
    check_kept(start(3).unwrap(), 0);
    assert_eq!(recorder.received().len(), 2);
}

#[test]
fn an_alert_is_on_the_disk_before_it_is_tried() {
    let folder = TempFolder::new();
    let state = folder.path("state");
    let looked_at = state.clone();
    let recorder = Recorder::scripted(move |request| {
        assert!(content(&looked_at).contains("login failure for user guest"));
        Answer::accepting(request)
    });
    let variables = variables(&recorder, &state).substr("Generic1", "login failure", "@{message}");
    let daemon = Daemon::start(&variables);
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_log("delivered", &[("notifier", "Generic1")]);
    check_kept(daemon, 0);
}
