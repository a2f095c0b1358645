//! What the pages show of a terminal is what a terminal shows: `alertik match`, `check` and `routeros` are run.
//!
//! Apart from the tests of commands, because here the expected output is not ours to write: it is on the page.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A command and what the page says that it prints, both outputs together.
type Example = (String, String);

/// Every command of the page's console blocks that needs nothing but itself.
fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_console = false;
    // What the commands of a block find set.
    let mut exports = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
            exports.clear();
        } else if let Some(export) = line.strip_prefix("$ export ").filter(|_| is_console) {
            exports += &format!("export {export}; ");
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            examples.push((format!("{exports}{command}"), String::new()));
        } else if let Some((_, output)) = examples.last_mut().filter(|_| is_console) {
            *output += &format!("{line}\n");
        }
    }
    let kinds = ["alertik match --regex", "EVENT0_", "| alertik match", "alertik routeros", "alertik check"];
    examples.retain(|(command, _)| kinds.iter().any(|kind| command.contains(kind)));
    examples
}

/// What `command` prints in a shell in which `alertik` is ours, and nothing else is set.
fn run(command: &str) -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_alertik")).parent().expect("it is in a folder");
    let mut shell = Command::new("/bin/sh");
    let path = format!("{}:/usr/bin:/bin", folder.display());
    shell.args(["-c", &format!("exec 2>&1; {command}")]).env_clear().env("PATH", path).stdin(Stdio::null());
    let output = shell.output().expect("there is a shell");
    String::from_utf8(output.stdout).expect("what it prints is UTF-8")
}

/// True if the page shows what is printed; a `…` in a line of its own stands for some lines.
fn is_shown(printed: &str, output: &str) -> bool {
    let mut rest = printed;
    let parts: Vec<_> = output.split("  …\n").collect();
    parts.iter().enumerate().all(|(index, part)| {
        let found = if index == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        let end = found.and_then(|at| rest.get(at + part.len()..));
        rest = end.unwrap_or_default();
        end.is_some() && (index + 1 < parts.len() || rest.is_empty())
    })
}

#[track_caller]
fn check(page: &str, count_min: usize) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect(page);
    let examples = examples(&text);
    assert!(examples.len() >= count_min, "{page}: only {} examples", examples.len());
    let wrong = examples.into_iter().filter_map(|(command, output)| {
        let printed = run(&command);
        (!is_shown(&printed, &output)).then(|| format!("$ {command}\n{printed}--- on the page:\n{output}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{page}:\n{}", wrong.join("\n"));
}

#[test]
fn examples_of_patterns_print_what_the_page_says() {
    check("docs/PATTERNS.md", 10);
}

#[test]
fn examples_of_configuration_print_what_the_page_says() {
    check("docs/CONFIGURATION.md", 1);
}

#[test]
fn examples_of_the_router_print_what_the_page_says() {
    check("docs/ROUTEROS.md", 5);
}

#[test]
fn examples_of_the_readme_print_what_it_says() {
    check("README.md", 2);
}

/// There the router is another machine, but what it should send is the same.
#[test]
fn the_readme_has_the_logging_rules_that_are_printed() {
    let rules = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("/system/logging/add "));
        lines.map(str::to_owned).collect()
    };
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("it is there");
    let printed = rules(&run("alertik routeros"));
    assert_eq!(printed.len(), 4);
    assert_eq!(rules(&readme), printed);
}
