//! What `alertik routeros` prints: the recorded scripts, and what must be true of every script.
//!
//! ```text
//!   tests/routeros/<a sentence>/
//!     env            NAME=value, as for the cases
//!     args           arguments behind `routeros`, one a line
//!     expected.rsc   what it prints
//! ```
//!
//! `UPDATE_CASES=1` rewrites the scripts. A router is not to be had here, so its console is played by
//! `support::console`, and the rest is looked at line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, str};

use crate::binary::{Binary, Ran, os};
use crate::cases::{compare, lines, variables};
use crate::oracle::random::Random;
use crate::support::TempFolder;
use crate::support::authority::Authority;
use crate::support::console::read_string;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/routeros");

fn run<N: Into<OsString>, V: Into<OsString>>(arguments: &str, set: impl IntoIterator<Item = (N, V)>) -> Ran {
    let set = set.into_iter().map(|(name, value)| (name.into(), value.into()));
    Binary::new(["routeros"].into_iter().chain(arguments.split_whitespace())).set_all(set).run()
}

/// The script for these arguments and variables.
#[track_caller]
fn script<N: Into<OsString>, V: Into<OsString>>(
    arguments: &str,
    set: impl IntoIterator<Item = (N, V)>,
) -> String {
    let ran = run(arguments, set);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

/// The script with nothing set.
#[track_caller]
fn plain(arguments: &str) -> String {
    script(arguments, [("", ""); 0])
}

/// Names and values of a command: words, or strings as the console reads them.
fn arguments(mut line: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    while let Some((_, rest)) = line.split_once(' ') {
        let (name, rest) = rest.split_once('=').expect("behind a command are names and values");
        let (value, rest) = if rest.starts_with('"') {
            read_string(rest).expect("a string is one to the console")
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            let (word, rest) = rest.split_at(end);
            (word.into(), rest)
        };
        assert!(found.insert(name.to_owned(), value).is_none(), "{name} twice in {line}");
        line = rest;
    }
    assert_eq!(line, "", "nothing stands behind the last value");
    found
}

/// The commands of a menu, each as its names and values.
fn commands(script: &str, command: &str) -> Vec<BTreeMap<String, Vec<u8>>> {
    let found = script.lines().filter(|line| line.split(' ').next() == Some(command));
    found.map(arguments).collect()
}

/// The variables that a container of this script has, by name.
fn environment(script: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    for command in commands(script, "/container/envs/add") {
        assert_eq!(command["list"], b"alertik");
        assert!(found.insert(command["key"].clone(), command["value"].clone()).is_none());
    }
    found
}

/// Sets `variables`, and reads them back from the script.
#[track_caller]
fn check_values(variables: &[(OsString, OsString)]) {
    let script = script("", variables.iter().cloned());
    let bytes = |text: &OsString| text.as_encoded_bytes().to_vec();
    let expected = variables.iter().map(|(name, value)| (bytes(name), bytes(value)));
    assert_eq!(environment(&script), expected.collect());
}

/// The four variables of an event on a substring.
fn event(number: usize, text: &[u8], mask: &[u8]) -> [(OsString, OsString); 4] {
    let name = |end: &str| OsString::from(format!("EVENT{number}_{end}"));
    [
        (name("NOTIFIER"), "Console".into()),
        (name("MATCH_TYPE"), "substr".into()),
        (name("MATCH_STR"), os(text)),
        (name("MASK_MSG"), os(mask)),
    ]
}

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(CASES).expect("the folder of scripts is readable");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry is readable").path()).collect();
    folders.sort();
    folders
}

fn recorded(folder: &Path) -> Ran {
    let arguments = lines(&folder.join("args"));
    let arguments = [OsString::from("routeros")].into_iter().chain(arguments.iter().map(|line| os(line)));
    Binary::new(arguments).set_all(variables(folder)).within(folder).run()
}

#[test]
fn every_script_is_as_recorded() {
    let mut differences = Vec::new();
    for folder in folders() {
        let ran = recorded(&folder);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{}", folder.display());
        compare(&folder.join("expected.rsc"), &ran.stdout, &mut differences);
    }
    assert!(differences.is_empty(), "{}\nUPDATE_CASES=1 rewrites", differences.join("\n"));
}

/// A line feed within a value would end the command there; a terminal may read other bytes differently.
#[test]
fn scripts_are_lines_of_plain_ascii_with_strings_that_end() {
    for folder in folders() {
        let script = recorded(&folder).stdout;
        assert!(script.lines().count() > 10);
        for line in script.lines() {
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
            let mut rest = line.trim_start();
            while let Some(at) = rest.find('"').filter(|_| !rest.starts_with('#')) {
                rest = read_string(&rest[at..]).unwrap_or_else(|error| panic!("{error} in {line}")).1;
            }
        }
    }
}

#[test]
fn every_byte_that_a_variable_can_hold_comes_back() {
    let all: Vec<u8> = (1..=255).collect();
    let text: Vec<u8> = (b' '..=b'~').chain(0x80..=0xff).collect();
    check_values(&event(0, &text, &all));
}

#[test]
fn a_nul_is_refused_because_no_variable_can_hold_it() {
    let folder = TempFolder::new();
    let file = folder.write("mask", b"a\0b");
    let [notifier, kind, text, _] = event(0, b"x", b"");
    let ran = run("", [notifier, kind, text, ("EVENT0_MASK_MSG_FILE".into(), file.into())]);
    let stderr = "alertik: EVENT0_MASK_MSG has a NUL byte, which no container can be given\n";
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (78, "", stderr));
}

#[test]
fn every_pattern_of_alertiks_readme_comes_back() {
    for pattern in [
        r"ether2 link up \(speed (.+), full duplex\)",
        "login failure for user admin",
        "honeypot: disconnected, unicast key exchange timeout",
        r"login failure for user ([A-Za-z]+) from (\d{1,3}.*) via ssh",
        r"([a-zA-Z0-9]+) link up \(speed (\d+Mbps), full duplex\)",
        r"input: in:.*src-mac [0-9a-f:]+, proto [^,]+, ((\d{1,3}\.?)+):(\d{1,5})->((\d{1,3}\.?)+):(\d{1,5})",
    ] {
        let mut event = event(0, pattern.as_bytes(), b"User @@1 and @@2");
        event[1].1 = "regex".into();
        check_values(&event);
    }
    let cases = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases")).expect("it is readable");
    let cases = cases.map(|entry| entry.expect("an entry is readable").path());
    let readme: Vec<_> = cases.filter(|path| path.to_string_lossy().contains("/readme_")).collect();
    assert!(readme.len() > 5);
    readme.iter().for_each(|folder| check_values(&variables(folder)));
}

#[test]
fn random_values_come_back() {
    for seed in 1..=8 {
        let mut random = Random(seed);
        let mut bytes = |max: usize| -> Vec<u8> {
            let length = 1 + random.below(max);
            (0..length).map(|_| 1 + random.below(255) as u8).collect()
        };
        let events: Vec<_> = (0..64).flat_map(|number| event(number, b"x", &bytes(300))).collect();
        check_values(&events);
    }
}

#[test]
fn values_from_files_stand_in_the_script_by_their_own_names() {
    let folder = TempFolder::new();
    let token = folder.write("token", "123456:ABC\n");
    let config =
        folder.write("config", "TELEGRAM_CHAT_ID=-100\nALERT_SUFFIX=\nPATH=/bin\nTZ='Europe/Rome'\n");
    let set = [
        ("TELEGRAM_BOT_TOKEN_FILE", token.as_str()),
        ("ALERTIK_CONFIG", config.as_str()),
        ("SLACK_WEBHOOK_URL", ""),
        ("HOME", "/root"),
    ];
    let found = environment(&script("", set));
    let expected = [
        ("ALERT_SUFFIX", ""),
        ("TELEGRAM_BOT_TOKEN", "123456:ABC"),
        ("TELEGRAM_CHAT_ID", "-100"),
        ("TZ", "Europe/Rome"),
    ];
    let expected = expected.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    assert_eq!(found, BTreeMap::from(expected));
}

#[test]
fn a_wrong_configuration_prints_every_fault_and_no_script() {
    let set = [
        ("TELEGRAM_BOT_TOKEN", "123456:secret"),
        ("LOG_FILE", "alertik.log"),
        ("SYSLOG_LISTEN", "127.0.0.1:5140"),
        ("SYSLOG_ALLOW", "192.0.2.1"),
    ];
    let ran = run("", set);
    let stderr = concat!(
        "alertik: TELEGRAM_CHAT_ID is not set, and Telegram needs it\n",
        "alertik: LOG_FILE: \"alertik.log\" cannot be mounted in a container (expected a folder of its own, such as /log)\n",
        "alertik: SYSLOG_LISTEN: nothing that the router sends arrives at 127.0.0.1:5140 in its container (expected a port, or 172.19.51.2:5140)\n",
        "alertik: warning: SYSLOG_ALLOW does not have 172.19.51.1, from which the router's lines will come\n",
    );
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (78, "", stderr));
    // The way back needs no configuration.
    assert_eq!(run("--remove", set).code, 0);
}

#[test]
fn arguments_that_mean_nothing_are_named() {
    for (arguments, what) in [
        ("--version seven", "--version: \"seven\" is no version (expected one such as 7.20)"),
        ("--version 7.18", "--version: \"7.18\" is too old (expected 7.19 or later)"),
        (
            "--arch mipsbe",
            "--arch: \"mipsbe\" is not an architecture (expected arm, arm64, x86, arm32v5 or arm32v6)",
        ),
        (
            "--address 192.0.2.9",
            "--address: \"192.0.2.9\" is not an IPv4 address with the size of its network (expected one such as 172.19.51.2/30)",
        ),
        (
            "--gateway 10.0.0.1",
            "--gateway: \"10.0.0.1\" is not another address in the network of 172.19.51.2/30",
        ),
        ("--disk / --remove", "--disk: \"\" is empty, or has a space in it"),
    ] {
        let ran = run(arguments, [("", ""); 0]);
        let stderr = format!("alertik: {what} (alertik --help says what there is)\n");
        assert_eq!((ran.code, &*ran.stdout, ran.stderr), (78, "", stderr));
    }
}

#[test]
fn the_router_sends_to_where_the_container_listens() {
    let script = script("--address 192.0.2.9/24 --gateway 192.0.2.7", [("SYSLOG_LISTEN", "192.0.2.9:514")]);
    let actions = commands(&script, "/system/logging/action/add");
    assert_eq!((&*actions[0]["remote"], &*actions[0]["remote-port"]), (&b"192.0.2.9"[..], &b"514"[..]));
    let addresses = commands(&script, "/ip/address/add");
    assert_eq!(addresses[0]["address"], b"192.0.2.7/24");
}

/// The image's own user could not write to a folder that RouterOS makes as root, but reads it.
#[test]
fn folders_that_variables_name_are_mounted_and_written_as_root_alone() {
    let authority = Authority::new();
    let ca_file = authority.ca_file();
    let (folder, _) = ca_file.rsplit_once('/').expect("it is in a folder");
    let check = |set: &[(&str, &str)], expected: &[(&str, &str)], is_root: bool| {
        let script = script("--disk usb1", set.iter().copied());
        let mounts = commands(&script, "/container/mounts/add");
        let found: Vec<_> = mounts.iter().map(|mount| (&*mount["src"], &*mount["dst"])).collect();
        let expected: Vec<_> = expected.iter().map(|(src, dst)| (src.as_bytes(), dst.as_bytes())).collect();
        assert_eq!(found, expected);
        let container = &commands(&script, "/container/add")[0];
        assert_eq!(container.contains_key("mountlists"), !expected.is_empty());
        assert_eq!(container.get("user").map(Vec::as_slice), is_root.then_some(&b"0:0"[..]));
    };
    check(&[], &[], false);
    check(&[("LOG_FILE", "/log/a.log")], &[("usb1/alertik-log", "/log")], true);
    check(&[("STATE_DIR", "/state")], &[("usb1/alertik-state", "/state")], true);
    check(&[("TLS_CA_FILE", &ca_file)], &[("usb1/alertik-ca", folder)], false);
}

#[test]
fn hooks_that_nobody_can_call_in_a_container_are_pointed_out() {
    let hook = [("HOOK0_NAME", "nas"), ("HOOK0_NOTIFIER", "Console")];
    let warning = "alertik: warning: HTTP_LISTEN: nobody outside the container can call HOOK0 at 127.0.0.1:7898 \
                   (expected 0.0.0.0:7898, and an HTTP_TOKEN)\n";
    let ran = run("", hook);
    assert_eq!((ran.code, &*ran.stderr), (0, warning));
    let open = [hook[0], hook[1], ("HTTP_LISTEN", "0.0.0.0:7898"), ("HTTP_TOKEN", "s3cret")];
    assert_eq!(run("", open).stderr, "");
}

/// RouterOS gives a line to each rule all of whose topics it has, and none of those behind a `!`.
#[test]
fn a_line_is_sent_once_whatever_its_topics_and_never_what_a_container_said() {
    const TOPICS: [&str; 7] = ["critical", "error", "warning", "info", "debug", "container", "system"];
    for version in ["7.19", "7.23"] {
        let rules = commands(&plain(&format!("--version {version}")), "/system/logging/add");
        for set in 0..1 << TOPICS.len() {
            let has = |topic: &str| {
                TOPICS.iter().position(|one| *one == topic).is_some_and(|at| set & (1 << at) != 0)
            };
            let fits = |rule: &&BTreeMap<String, Vec<u8>>| {
                let topics = str::from_utf8(&rule["topics"]).expect("topics are ASCII");
                topics.split(',').all(|topic| topic.strip_prefix('!').map_or(has(topic), |topic| !has(topic)))
            };
            let is_wanted = TOPICS[..4].iter().any(|topic| has(topic)) && !has("container");
            assert_eq!(rules.iter().filter(fits).count(), usize::from(is_wanted), "{set:b}");
        }
        assert!(rules.iter().all(|rule| rule["action"] == b"alertik"));
    }
}

/// The menus in which a script does something, `add` or `remove`.
fn menus(script: &str, verb: &str) -> BTreeSet<String> {
    let words = script.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split([' ', '\\']));
    let ends = words.filter_map(|word| word.strip_prefix('/')?.strip_suffix(verb));
    ends.map(str::to_owned).collect()
}

#[test]
fn whatever_is_made_is_removed_on_the_way_back() {
    let set = || [("LOG_FILE", "/log/a.log"), ("LOG_LEVEL", "warn")];
    for version in ["7.19", "7.20", "7.21", "7.23"] {
        let add = |disk: &str| menus(&script(&format!("--version {version} {disk}"), set()), "/add");
        let mut made = add("--disk usb1");
        made.extend(add("--disk tmpfs"));
        assert!(made.len() > 12, "{made:?}");
        assert_eq!(menus(&plain(&format!("--version {version} --remove")), "/remove"), made);
    }
}

/// What the memory log says of reboots is said again, and told by the rules for it; nothing else is.
#[test]
fn the_start_up_script_repeats_what_the_rules_for_reboots_tell() {
    let script = plain("");
    let scripts = commands(&script, "/system/script/add");
    let source = String::from_utf8(scripts[0]["source"].clone()).expect("it is ASCII");
    let (_, pattern) = source.split_once("message~").expect("it looks for messages");
    let (pattern, _) = read_string(pattern).expect("the pattern is a string");
    let records = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/records.jsonl"));
    let records = records.expect("the records are readable");
    let rows =
        records.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("it is JSON"));
    let mut messages: Vec<String> =
        rows.map(|row| row["message"].as_str().unwrap_or_default().to_owned()).collect();
    messages.extend(
        [
            "router rebooted by admin",
            "router was rebooted",
            "core1: router rebooted",
            "kernel failure in previous boot",
            "out of memory condition was detected",
            "login failure for user router rebooted from 192.0.2.1 via ssh",
        ]
        .map(str::to_owned),
    );
    messages.retain(|message| !message.is_empty() && !message.contains(char::REPLACEMENT_CHARACTER));

    let tried =
        Binary::new(["match", "--json", "--regex"].map(OsString::from).into_iter().chain([os(&pattern)]));
    let tried = tried.input(messages.join("\n")).run();
    let repeated: Vec<bool> = tried.stdout.lines().map(|line| line.contains("\"matched\":true")).collect();
    assert_eq!(repeated.len(), messages.len());
    assert!(repeated.iter().filter(|is_repeated| **is_repeated).count() >= 10);

    let said: Vec<String> = messages.iter().map(|message| format!("script,error {message}")).collect();
    let told =
        Binary::new(["match", "--json"]).set("STATIC_EVENTS_ENABLED", "4,5").input(said.join("\n")).run();
    let told: BTreeSet<usize> = told
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("it is JSON"))
        .map(|row| row["line"].as_u64().expect("a line is a number") as usize)
        .collect();
    for (number, (message, is_repeated)) in messages.iter().zip(repeated).enumerate() {
        assert_eq!(told.contains(&(number + 1)), is_repeated, "{message}");
    }
}
