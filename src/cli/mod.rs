//! Commands: one file each.
//!
//! What a command prints for people goes to standard output, what is wrong to
//! standard error; its exit code is part of the interface.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::settings::Settings;
use crate::vars::Faults;

mod ask;
mod check;
mod demo;
mod health;
mod marks;
mod r#match;
mod mute;
mod routeros;
mod run;
mod tail;
mod test;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exit {
    /// What was asked for was done, found, or is well.
    Success,
    /// It was not.
    Failure,
    /// The configuration or the arguments are wrong (sysexits.h, `EX_CONFIG`).
    Configuration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Configuration => 78,
        })
    }
}

const HELP: &str = "\
alertik listens to a MikroTik router's remote log and tells people what matters.

usage:
  alertik [run]                  the daemon; configured by environment variables
  alertik check                  prints the rules and notifiers in force, or every fault
  alertik match [FILE|-]         what would be sent for these lines; sends nothing
  alertik match --regex ERE [--mask MASK] [TEXT...]
                                 tries one pattern
  alertik test [NOTIFIER...]     sends a test alert through each notifier
  alertik demo                   a first look, with lines of its own
  alertik health                 asks the running daemon
  alertik tail                   lines as the daemon reads them, and the rules that each fired
  alertik mute SPAN|off [RULE]   has the daemon hold the alerts of a rule, or of all, for a
                                 while (90s, 10m, 2h, 7d) or no more; RULE as check shows it
  alertik routeros [OPTION...]   the commands that install it on a router, secrets included

options:
  --json        check, match, test and tail: one JSON object a line
  --from ADDR   match: the sender of the lines (default 127.0.0.1)
  --filter TEXT tail: only lines with this text, in capitals or not
  --fired       tail: only lines that fired a rule
  -h, --help    -V, --version

options of routeros:
  --version V   the router's RouterOS, from 7.19 on (default: the newest)
  --arch ARCH   arm, arm64 (default), x86; arm32v5 for the hEX refresh and hEX S 2025
  --disk DISK   where image and container are: usb1, disk1; tmpfs for memory
                (default: the internal storage)
  --image FROM  a tar there (default: ours for ARCH), a URL of one, or a registry's reference
  --address A   the container's address and network (default 172.19.51.2/30)
  --gateway G   the router's address in it (default: the first other one)
  --remove      the way back instead

With nothing configured it runs the starter rules and prints their alerts.
";

/// What the arguments say.
#[derive(Default)]
struct Arguments {
    is_json: bool,
    regex: Option<OsString>,
    mask: Option<OsString>,
    from: Option<OsString>,
    filter: Option<OsString>,
    is_fired: bool,
    router: routeros::Given,
    /// What is left: files, texts, names.
    rest: Vec<OsString>,
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut command: Option<String> = None;
    let mut given = Arguments::default();
    loop {
        let argument = match parser.next() {
            Ok(Some(argument)) => argument,
            Ok(None) => break,
            Err(error) => return usage(&error.to_string()),
        };
        let value = match argument {
            // Elsewhere the word asks for our own.
            Long("version") if command.as_deref() == Some("routeros") => &mut given.router.version,
            Short('h') | Long("help") => return print(HELP),
            Short('V') | Long("version") => {
                return print(concat!("alertik ", env!("CARGO_PKG_VERSION"), "\n"));
            }
            Long("json") => {
                given.is_json = true;
                continue;
            }
            Long("regex") => &mut given.regex,
            Long("mask") => &mut given.mask,
            Long("from") => &mut given.from,
            Long("filter") => &mut given.filter,
            Long("fired") => {
                given.is_fired = true;
                continue;
            }
            Long("arch") => &mut given.router.arch,
            Long("address") => &mut given.router.address,
            Long("gateway") => &mut given.router.gateway,
            Long("image") => &mut given.router.image,
            Long("disk") => &mut given.router.disk,
            Long("remove") => {
                given.router.is_remove = true;
                continue;
            }
            Value(word) if command.is_none() => {
                command = Some(word.to_string_lossy().into_owned());
                continue;
            }
            Value(word) => {
                given.rest.push(word);
                continue;
            }
            other => return usage(&other.unexpected().to_string()),
        };
        match parser.value() {
            Ok(text) => *value = Some(text),
            Err(error) => return usage(&error.to_string()),
        }
    }
    let name = command.as_deref().unwrap_or("run");
    let command: fn(&Arguments) -> Exit = match name {
        "run" => |_| run::run(),
        "check" => |given| check::run(given.is_json),
        "match" => r#match::run,
        "test" => test::run,
        "demo" => |_| demo::run(),
        "health" => |_| health::run(),
        "mute" => mute::run,
        "tail" => tail::run,
        "routeros" => |given| routeros::run(&given.router),
        other => return usage(&format!("{other:?} is not a command")),
    };
    match given.suit(name) {
        Ok(()) => command(&given),
        Err(what) => usage(&what),
    }
}

impl Arguments {
    /// An option that a command does not know is a slip, not to be passed over.
    fn suit(&self, command: &str) -> Result<(), String> {
        let is_match = command == "match";
        let router =
            self.router.options().map(|(option, is_given)| (option, is_given, command == "routeros"));
        let own = [
            ("--json", self.is_json, matches!(command, "match" | "check" | "test" | "tail")),
            ("--regex", self.regex.is_some(), is_match),
            ("--mask", self.mask.is_some(), is_match && self.regex.is_some()),
            ("--from", self.from.is_some(), is_match && self.regex.is_none()),
            ("--filter", self.filter.is_some(), command == "tail"),
            ("--fired", self.is_fired, command == "tail"),
        ];
        for (option, is_given, is_known) in own.into_iter().chain(router) {
            if is_given && !is_known {
                return Err(format!("{option} means nothing here"));
            }
        }
        let rest_max = match command {
            "match" if self.regex.is_none() => 1,
            "match" | "test" => usize::MAX,
            "mute" => 2,
            _ => 0,
        };
        match self.rest.get(rest_max) {
            Some(word) => Err(format!("{word:?} means nothing here")),
            None => Ok(()),
        }
    }
}

fn usage(what: &str) -> Exit {
    complain(&format!("{what} (alertik --help says what there is)"));
    Exit::Configuration
}

/// Says what is wrong. Not by `eprintln!`, which panics where nobody reads (`2>&1 | head`).
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "alertik: {what}");
}

/// Prints `text`; a reader that has gone away (`| head`) is no failure of ours.
fn print(text: &str) -> Exit {
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Exit::Success
}

/// True if what is printed may be coloured. These two are conventions of terminals, not variables of ours.
fn has_colour() -> bool {
    let (term, no_color) = (std::env::var_os("TERM"), std::env::var_os("NO_COLOR"));
    marks::wants_colour(io::stdout().is_terminal(), term.as_deref(), no_color.as_deref())
}

/// The settings; or None, with every fault on standard error. Warnings go there too.
fn settings() -> Option<Settings> {
    let (settings, faults) = Settings::from_process();
    tell(&faults);
    settings
}

fn tell(faults: &Faults) {
    for fault in &faults.faults {
        complain(fault);
    }
    for warning in &faults.warnings {
        complain(&format!("warning: {warning}"));
    }
}

/// Prints `value` as one line of JSON.
fn print_json(value: &impl serde::Serialize) {
    // What is printed are structs of texts and numbers: nothing in them can fail.
    let line = serde_json::to_string(value).unwrap_or_default();
    print(&format!("{line}\n"));
}
