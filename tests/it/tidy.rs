//! The house rules that a machine can check, read from the sources: doors, layers, files, documents.
//!
//! Apart from clippy, which knows Rust and not this house. Each test names the offender. Where a rule has
//! exceptions they are listed here, so that a new one is a line of a change that somebody reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use alertik::settings::variables;
use alertik::vars::is_known;
use regex::Regex;

/// The one door, or the few, by which each outside crate comes in: files, or folders.
const DOORS: &[(&str, &[&str])] = &[
    ("aho-corasick", &["rules/candidates.rs"]),
    (
        "base64",
        &[
            "notify/alertmanager/",
            "notify/email/dialogue.rs",
            "notify/encrypt/",
            "notify/generic/signature.rs",
            "notify/simplex/socket.rs",
            "serve/hooks/signature.rs",
            "serve/page/",
        ],
    ),
    (
        "crossbeam-channel",
        &[
            "daemon.rs",
            "daemon/tor.rs",
            "heartbeat/pinger.rs",
            "notify/dispatch.rs",
            "notify/keeper.rs",
            "notify/queue.rs",
            "notify/sender.rs",
            "notify/simplex/hub.rs",
            "notify/simplex/worker.rs",
            "otel/exporter.rs",
            "ring.rs",
            "worker.rs",
        ],
    ),
    ("email-encoding", &["notify/email/message.rs"]),
    ("envy", &["vars.rs"]),
    ("httpdate", &["notify/email/message.rs", "notify/http/"]),
    ("flate2", &["serve/profile/"]),
    ("hyper", &["serve/"]),
    ("hyper-util", &["serve/"]),
    ("ipnet", &["network.rs"]),
    ("lexopt", &["cli/"]),
    ("libc", &["ingest/"]),
    ("memchr", &["live.rs", "rules/", "worker.rs"]),
    ("pprof", &["serve/profile/"]),
    ("regex-automata", &["rules/ere/automaton.rs"]),
    (
        "ring",
        &[
            "notify/encrypt/",
            "notify/generic/signature.rs",
            "serve/access.rs",
            "serve/hooks/signature.rs",
            "serve/page/",
            "tor/",
        ],
    ),
    ("rustls", &["notify/http/"]),
    ("serde", &["cli/", "notify/", "otel/json.rs", "rules/", "serve/", "trial.rs", "vars.rs"]),
    ("serde_json", &["cli/", "notify/", "otel/", "serve/"]),
    ("socket2", &["ingest/", "serve/mod.rs"]),
    ("tokio", &["daemon.rs", "daemon/tor.rs", "ingest/tcp.rs", "live.rs", "serve/", "tor/"]),
    ("tungstenite", &["notify/simplex/socket.rs"]),
    ("tz-rs", &["timestamp.rs"]),
    ("ureq", &["notify/http/"]),
    ("webpki-roots", &["notify/http/"]),
];

/// What each module uses. It stands above all that it uses, so nothing goes round in a circle.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &[]),
    (
        "cli",
        &[
            "alert", "daemon", "ingest", "line", "network", "notify", "record", "routeros", "rules",
            "secret", "serve", "settings", "span", "trial", "value", "vars",
        ],
    ),
    (
        "daemon",
        &[
            "alert",
            "draft",
            "figures",
            "health",
            "heartbeat",
            "ingest",
            "line",
            "live",
            "log",
            "network",
            "notify",
            "otel",
            "probe",
            "ring",
            "rules",
            "serve",
            "settings",
            "stack",
            "stats",
            "timestamp",
            "tor",
            "watch",
            "worker",
        ],
    ),
    (
        "worker",
        &[
            "alert",
            "health",
            "heartbeat",
            "hook",
            "ingest",
            "line",
            "live",
            "log",
            "notify",
            "probe",
            "record",
            "ring",
            "rules",
            "stats",
            "timestamp",
            "value",
            "watch",
        ],
    ),
    // Asks the settings' reader, and writes down for each place.
    ("draft", &["routeros", "serve", "settings", "vars"]),
    (
        "settings",
        &[
            "alert",
            "heartbeat",
            "hook",
            "ingest",
            "log",
            "network",
            "notify",
            "otel",
            "rules",
            "serve",
            "timestamp",
            "tor",
            "vars",
            "watch",
        ],
    ),
    // It makes alerts of silence, and is told by the worker who was heard.
    ("watch", &["alert", "fields", "memory", "notify", "span", "stats", "timestamp", "value", "vars"]),
    // It tells people as an alert does, and asks how the senders fare.
    ("heartbeat", &["alert", "health", "log", "notify", "probe", "span", "stats", "timestamp", "vars"]),
    // It looks at alerts and at figures, and sends as a notifier does.
    ("otel", &["alert", "figures", "log", "network", "notify", "ring", "secret", "stats", "value", "vars"]),
    ("tor", &["figures", "log", "secret", "vars"]),
    // These four know nothing of one another, but that rules are told whom they tell.
    ("ingest", &["line", "log", "network", "probe", "ring", "stack", "stats", "vars"]),
    (
        "rules",
        &[
            "alert",
            "fields",
            "line",
            "memory",
            "network",
            "notify",
            "record",
            "span",
            "timestamp",
            "trial",
            "value",
            "vars",
        ],
    ),
    (
        "notify",
        &[
            "alert",
            "fields",
            "health",
            "hook",
            "log",
            "memory",
            "ring",
            "secret",
            "span",
            "stack",
            "stats",
            "timestamp",
            "value",
            "vars",
        ],
    ),
    (
        "serve",
        &[
            "alert",
            "figures",
            "health",
            "hook",
            "line",
            "live",
            "log",
            "network",
            "secret",
            "span",
            "stats",
            "timestamp",
            "trial",
            "vars",
        ],
    ),
    // Leaves.
    ("figures", &["health", "network", "stats"]),
    ("live", &["line", "record"]),
    ("fields", &[]),
    ("hook", &["alert"]),
    ("span", &[]),
    ("memory", &["alert"]),
    ("alert", &["ring", "timestamp", "value"]),
    ("record", &["line"]),
    ("line", &["ring"]),
    ("log", &["timestamp", "vars"]),
    ("network", &["vars"]),
    ("health", &["stats"]),
    ("probe", &[]),
    ("ring", &[]),
    ("routeros", &[]),
    ("secret", &[]),
    ("stack", &[]),
    ("stats", &[]),
    ("timestamp", &[]),
    ("trial", &[]),
    ("value", &[]),
    ("vars", &[]),
];

/// A file that does not fit on some screens does too much.
const LINES_MAX: usize = 400;

/// Those that may be longer, and by how much.
const LONGER: &[(&str, usize)] = &[];

/// One file of Rust.
struct Source {
    /// From `src/` or `tests/` on, without that.
    path: String,
    text: String,
    /// The text without comments and without what is in quotes.
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file in a folder of the repository, and in the folders below it.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry is readable").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

fn sources(folder: &str) -> Vec<Source> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|end| end == "rs");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source is readable");
        let path = path.strip_prefix(root().join(folder)).expect("it is in that folder");
        Source { path: path.to_str().expect("a name is UTF-8").to_owned(), code: code(&text), text }
    };
    files(folder).into_iter().filter(is_rust).map(read).collect()
}

/// Files in `src` that are nothing but tests, which may use what they like.
const TEST_FILES: &[&str] = &[
    "notify/alertmanager/firing/tests.rs",
    "notify/alertmanager/tests.rs",
    "notify/conformance/",
    "notify/http/tests.rs",
    "notify/sender/tests",
    "notify/simplex/delivery/tests.rs",
    "notify/simplex/frame/tests.rs",
    "notify/simplex/tests",
    "notify/tests.rs",
    "notify/dispatch/tests",
    "notify/spool/tests/",
    "notify/store/tests.rs",
    "otel/json/tests.rs",
    "record/tests.rs",
    "timestamp/tests.rs",
    "rules/ere/tests",
];

/// The sources of the program itself.
fn program() -> Vec<Source> {
    let is_test = |source: &Source| TEST_FILES.iter().any(|start| source.path.starts_with(start));
    sources("src").into_iter().filter(|source| !is_test(source)).collect()
}

/// `text` without comments, and with nothing in its quotes.
fn code(text: &str) -> String {
    let quoted = [
        r"//[^\n]*",
        r"(?s:/\*.*?\*/)",
        r###"(?s:b?r##".*?"##)"###,
        r##"(?s:b?r#".*?"#)"##,
        r#"b?r"[^"]*""#,
        r#"(?s:b?"(?:\\.|[^"\\])*")"#,
        r"b?'(?:\\[^']+|[^\\'])'|b?'\\''",
    ];
    pattern(&quoted.join("|")).replace_all(text, "\"\"").into_owned()
}

/// A pattern in which `\w` and `\b` mean ASCII: our own binary needs no more, so the crate is built without.
fn pattern(text: &str) -> Regex {
    let text = text.replace(r"\w", "[A-Za-z0-9_]").replace(r"\b", r"(?-u:\b)");
    Regex::new(&text).expect("the pattern is one")
}

/// A document, or None while it is not written.
fn document(name: &str) -> Option<String> {
    fs::read_to_string(root().join("docs").join(name)).ok()
}

#[track_caller]
fn check_none(offenders: &[String]) {
    assert!(offenders.is_empty(), "\n{}\n", offenders.join("\n"));
}

/// Each line of a section of a manifest that names a dependency, with the line above it.
fn dependencies(manifest: &str, section: &str) -> Vec<(String, String)> {
    let manifest = fs::read_to_string(root().join(manifest)).expect("the manifest is readable");
    let head = format!("[{section}]");
    let lines = manifest.lines().skip_while(|line| *line != head).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with('[')).collect();
    let above = std::iter::once("").chain(lines.iter().copied());
    let named = lines.iter().zip(above).filter_map(|(line, above)| {
        let (name, _) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some((name.trim().to_owned(), above.to_owned()))
    });
    named.collect()
}

#[test]
fn each_outside_crate_enters_by_its_door() {
    let mut offenders = Vec::new();
    let sources = program();
    for (package, _) in dependencies("Cargo.toml", "dependencies") {
        let Some((_, doors)) = DOORS.iter().find(|(name, _)| *name == package) else {
            offenders.push(format!("Cargo.toml: {package} has no door"));
            continue;
        };
        let name = if package == "tz-rs" { "tz".to_owned() } else { package.replace('-', "_") };
        let named = pattern(&format!(r"(?:^|[^\w:.]){name}::|\buse {name}\b"));
        let users: Vec<_> = sources.iter().filter(|source| named.is_match(&source.code)).collect();
        let is_door =
            |door: &&str, path: &str| path == *door || door.ends_with('/') && path.starts_with(*door);
        for user in &users {
            if !doors.iter().any(|door| is_door(door, &user.path)) {
                offenders.push(format!(
                    "src/{}: names {package} (its doors: {})",
                    user.path,
                    doors.join(", ")
                ));
            }
        }
        for door in *doors {
            if !users.iter().any(|user| is_door(door, &user.path)) {
                offenders.push(format!("src/{door}: is a door of {package} that nobody uses"));
            }
        }
    }
    check_none(&offenders);
}

/// `code` without its module of tests, which may use what they like.
fn without_tests(code: &str) -> String {
    let Some((before, tests)) = code.split_once("#[cfg(test)]\nmod tests {") else { return code.to_owned() };
    let (_, after) = tests.split_once("\n}\n").expect("a module ends");
    format!("{before}{after}")
}

/// The modules that some code names, by `crate::` or, where that is the same, by `super::`.
fn modules_named(code: &str, is_top: bool) -> BTreeSet<String> {
    let start = if is_top { r"\b(?:crate|super)::" } else { r"\bcrate::" };
    let mut names = BTreeSet::new();
    for found in
        pattern(&format!(r"{start}(?:(\w+)|\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}})")).captures_iter(code)
    {
        if let Some(name) = found.get(1) {
            names.insert(name.as_str().to_owned());
        }
        // Without what is in inner braces, a comma separates modules.
        let list = found.get(2).map_or("", |list| list.as_str());
        let list = pattern(r"\{[^{}]*\}").replace_all(list, "").into_owned();
        let first = |part: &str| part.trim().split("::").next().unwrap_or_default().to_owned();
        names.extend(list.split(',').map(first).filter(|name| !name.is_empty()));
    }
    names
}

#[test]
fn each_module_uses_what_stands_below_it() {
    let mut found: Vec<(String, BTreeSet<String>)> = Vec::new();
    for source in program().iter().filter(|source| source.path != "lib.rs") {
        let module = source.path.trim_end_matches(".rs").split('/').next().unwrap_or_default().to_owned();
        let is_top = !source.path.contains('/') || source.path == format!("{module}/mod.rs");
        let mut names = modules_named(&without_tests(&source.code), is_top);
        names.remove(&module);
        match found.iter_mut().find(|(name, _)| *name == module) {
            Some((_, all)) => all.extend(names),
            None => found.push((module, names)),
        }
    }
    let mut offenders = Vec::new();
    for (module, names) in &found {
        let Some(place) = LAYERS.iter().position(|(name, _)| name == module) else {
            offenders.push(format!("src/{module} has no layer"));
            continue;
        };
        let (allowed, below) = LAYERS.get(place..).and_then(<[_]>::split_first).expect("it was found");
        let allowed: BTreeSet<String> = allowed.1.iter().map(|name| (*name).to_owned()).collect();
        for name in names.difference(&allowed) {
            offenders.push(format!("{module} uses {name}, which is not in its layer"));
        }
        for name in allowed.difference(names) {
            offenders.push(format!("{module} uses {name} no more: its layer can lose it"));
        }
        for name in names.iter().filter(|name| !below.iter().any(|(other, _)| other == name)) {
            offenders.push(format!("{module} uses {name}, which does not stand below it"));
        }
    }
    for (module, _) in LAYERS.iter().filter(|(module, _)| !found.iter().any(|(name, _)| name == module)) {
        offenders.push(format!("src/{module} is gone: so can its layer"));
    }
    check_none(&offenders);
}

#[test]
fn every_file_says_what_it_is_for() {
    let all = ["src", "tests/it", "benches"].map(|folder| (folder, sources(folder)));
    let silent = all.iter().flat_map(|(folder, sources)| {
        let silent = sources.iter().filter(|source| !source.text.starts_with("//! "));
        silent.map(move |source| format!("{folder}/{}: does not begin with //!", source.path))
    });
    check_none(&silent.collect::<Vec<_>>());
}

#[test]
fn no_file_is_too_long() {
    let long = sources("src").into_iter().filter_map(|source| {
        let max = LONGER.iter().find(|(path, _)| *path == source.path).map_or(LINES_MAX, |(_, max)| *max);
        let lines = source.text.lines().count();
        (lines > max).then(|| format!("src/{}: has {lines} lines, more than {max}", source.path))
    });
    check_none(&long.collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_undone_or_can_panic_for_want_of_a_reader() {
    let undone = r"\b(?:todo|unimplemented|dbg)!|#\[ignore\]";
    // They panic when the other end of the pipe is closed.
    let printing = format!(r"{undone}|\be?print(?:ln)?!");
    let folders = [("src", &*printing), ("tests/it", undone), ("benches", undone)];
    let mut offenders = Vec::new();
    for (folder, what) in folders {
        for source in sources(folder) {
            let what = pattern(what);
            let found = what.find_iter(&source.code);
            offenders.extend(found.map(|found| format!("{folder}/{}: {}", source.path, found.as_str())));
        }
    }
    check_none(&offenders);
}

#[test]
fn every_dependency_has_its_reason_above_it() {
    let mut offenders = Vec::new();
    for (manifest, section) in [
        ("Cargo.toml", "dependencies"),
        ("Cargo.toml", "dev-dependencies"),
        ("fuzz/Cargo.toml", "dependencies"),
    ] {
        let all = dependencies(manifest, section);
        assert!(!all.is_empty(), "{manifest} has no {section}");
        let bare = all.iter().filter(|(_, above)| !above.starts_with("# "));
        offenders.extend(bare.map(|(name, _)| format!("{manifest}: {name} has no reason")));
    }
    check_none(&offenders);
}

/// What stands in backticks in a text.
fn backticked(text: &str) -> impl Iterator<Item = &str> {
    // Between fences, backticks mean nothing.
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

#[test]
fn every_variable_is_documented_and_no_other() {
    let text = document("CONFIGURATION.md").expect("docs/CONFIGURATION.md is there");
    let names = variables();
    let documented: BTreeSet<&str> = backticked(&text).collect();
    let mut offenders: Vec<_> = names
        .iter()
        .filter(|name| !documented.iter().any(|text| text.split('=').next() == Some(name)))
        .map(|name| format!("docs/CONFIGURATION.md: {name} is missing"))
        .collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_variable = pattern(r"^[A-Z][A-Z0-9]*n?(?:_[A-Z0-9]+)+$");
    let code: String = sources("src").into_iter().map(|source| source.text).collect();
    for text in &documented {
        let name = text.split('=').next().unwrap_or_default();
        let is_ours = |name: &str| known.contains(&name) || is_known(name, &known);
        let is_file = name.strip_suffix("_FILE").is_some_and(|name| name == "NAME" || is_ours(name));
        if is_variable.is_match(name) && !is_ours(name) && !is_file && !code.contains(name) {
            offenders.push(format!("docs/CONFIGURATION.md: {name} is nowhere in the code"));
        }
    }
    check_none(&offenders);
}

/// The cells of a row of a Markdown table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

#[test]
fn every_difference_from_alertik_names_a_test() {
    // While the page is not written there is nothing to look at.
    let Some(text) = document("COMPATIBILITY.md") else { return };
    let tests: String = ["src", "tests/it"].into_iter().flat_map(sources).map(|source| source.code).collect();
    let is_there = |name: &str| {
        let name = name.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        let is_case = !name.is_empty() && root().join("tests/cases").join(name).is_dir();
        is_case || pattern(&format!(r"\bfn {}\(", regex::escape(name))).is_match(&tests)
    };
    let mut offenders = Vec::new();
    let mut column = None;
    let mut rows = 0;
    for line in text.lines() {
        let Some(cells) = cells(line) else {
            column = None;
            continue;
        };
        let Some(at) = column else {
            // The head of a table says which column it is, if any.
            column = Some(cells.iter().position(|cell| cell.to_lowercase().starts_with("test")));
            continue;
        };
        let Some(cell) = at.and_then(|at| cells.get(at)) else { continue };
        if cell.starts_with("--") || cell.starts_with(":-") {
            continue;
        }
        rows += 1;
        let names: Vec<_> = backticked(cell).collect();
        // What is not there yet has nothing to be tested, and the row says so.
        if names.is_empty() && *cell != "none yet" {
            offenders.push(format!("docs/COMPATIBILITY.md: no test in {line}"));
        }
        let missing = names.into_iter().filter(|name| !is_there(name));
        offenders.extend(missing.map(|name| format!("docs/COMPATIBILITY.md: {name} is no test")));
    }
    check_none(&offenders);
    assert!(rows > 10, "docs/COMPATIBILITY.md: only {rows} rows of a table with a column of tests");
}

#[test]
fn every_bound_of_what_strangers_reach_by_http_is_in_the_table() {
    let text = document("ARCHITECTURE.md").expect("docs/ARCHITECTURE.md is there");
    let documented: Vec<&str> = backticked(&text).collect();
    let bound = pattern(r"(?m)^(?:pub(?:\(\w+\))? )?const (\w+_(?:MAX|TIMEOUT|WAIT)): ");
    let (mut offenders, mut bounds) = (Vec::new(), 0);
    for source in program() {
        if !source.path.starts_with("serve/") && !["live.rs", "stats.rs"].contains(&&*source.path) {
            continue;
        }
        for found in bound.captures_iter(&source.code) {
            let name = &found[1];
            bounds += 1;
            if !documented.iter().any(|text| text.rsplit("::").next() == Some(name)) {
                offenders.push(format!("docs/ARCHITECTURE.md: {name} of src/{} is missing", source.path));
            }
        }
    }
    check_none(&offenders);
    assert!(bounds > 10, "only {bounds} were found");
}

#[test]
fn every_action_is_named_by_its_commit_and_its_version() {
    let mut offenders = Vec::new();
    let mut actions = 0;
    let pinned = pattern(r"^uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$");
    for workflow in files(".github/workflows") {
        let text = fs::read_to_string(&workflow).expect("a workflow is readable");
        for line in text.lines().map(|line| line.trim().trim_start_matches("- ")) {
            if line.starts_with("uses:") {
                actions += 1;
                if !pinned.is_match(line) {
                    offenders.push(format!("{}: {line}", workflow.display()));
                }
            }
        }
    }
    check_none(&offenders);
    assert!(actions > 0, "no workflow uses an action: this test can go");
}

#[test]
fn comments_and_quotes_are_no_code() {
    let check = |text: &str, expected: &str| assert_eq!(code(text), expected);
    check("a // b\nc /* d\n */ e", "a \"\"\nc \"\" e");
    check("f(\"g // \\\" h\", 'i', '\\'', b'\\n')", "f(\"\", \"\", \"\", \"\")");
    check("r#\"a \" b\"# + r\"c\\\" + br\"d\"", "\"\" + \"\" + \"\"");
    check("fn a<'a, 'b>(x: &'a str) {}", "fn a<'a, 'b>(x: &'a str) {}");
}

#[test]
fn modules_are_found_in_every_form() {
    let check = |code: &str, is_top, expected: &[&str]| {
        assert_eq!(modules_named(code, is_top).into_iter().collect::<Vec<_>>(), expected, "{code}");
    };
    check("use crate::ring::{Ring, Popped};", false, &["ring"]);
    check("use crate::{ingest, rules::{self, View}, serve};", false, &["ingest", "rules", "serve"]);
    check("x: crate::network::Networks, super::line::Line", false, &["network"]);
    check("x: super::line::Line", true, &["line"]);
}
