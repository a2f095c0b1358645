//! Our own log: one line for one happening, on standard output or in `LOG_FILE`.
//!
//! ```text
//!   WARN delivery postponed notifier=Telegram attempt=2 next_in=4s reason="timed out" ~5f09c3a1be
//!   level, what happened, the values, and the marker of this start
//! ```
//!
//! Apart and global, because every thread speaks and none owns the output.
//! RouterOS logs what a container prints and may send it back to us: so each
//! line carries a marker that is random for each start (a line that has it is
//! ours, and nobody can forge it into a user name), and none is longer than
//! what has been seen to survive. Text from the network is escaped, and is
//! written at debug only.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::timestamp::Zone;
use crate::vars::{Faults, Vars, shown};

/// The variables this module owns.
pub const VARIABLES: &[&str] = &["LOG_LEVEL", "LOG_FILE"];

/// One device was seen to cut a container's lines at 179 characters; RouterOS
/// puts the container's name in front.
const LINE_BYTES_MAX: usize = 170;

/// `LOG_FILE` is renamed to `LOG_FILE.1` when it has grown to this; flash is small.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What belongs to a happening: `notifier=Telegram attempt=2`.
pub type Values<'a> = &'a [(&'a str, &'a dyn std::fmt::Display)];

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something was lost, or a human must act.
    Error,
    /// We coped.
    Warn,
    /// Start, stop, configuration, delivered.
    Info,
    /// Whatever helps to find a fault, received text included.
    Debug,
}

impl Level {
    const NAMES: [(&'static str, Level); 4] =
        [("error", Level::Error), ("warn", Level::Warn), ("info", Level::Info), ("debug", Level::Debug)];

    fn name(self) -> &'static str {
        match self {
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
        }
    }
}

/// What `LOG_LEVEL` and `LOG_FILE` say.
#[derive(Clone, Debug)]
pub struct Settings {
    level: Level,
    file: Option<PathBuf>,
}

impl Settings {
    /// Reads `LOG_LEVEL` (default info) and `LOG_FILE` (default standard output).
    pub fn read(vars: &Vars, faults: &mut Faults) -> Settings {
        let level = vars.text("LOG_LEVEL").map_or(Some(Level::Info), |text| {
            let found = Level::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
            if found.is_none() {
                let text = shown(text);
                faults
                    .fault(format!("LOG_LEVEL: {text} is not a level (expected error, warn, info or debug)"));
            }
            found.map(|(_, level)| *level)
        });
        Settings { level: level.unwrap_or(Level::Info), file: vars.text("LOG_FILE").map(PathBuf::from) }
    }
}

struct Log {
    level: Level,
    zone: Zone,
    output: Mutex<Output>,
}

enum Output {
    Stdout,
    File { path: PathBuf, file: File, bytes: u64 },
}

static LOG: OnceLock<Log> = OnceLock::new();

/// Opens the log. Until then, and if it is never called (`check`, `match`), nothing is written.
///
/// Lines in a file begin with the time in `zone`. On standard output they do not:
/// whoever collects that (RouterOS, Docker, systemd) stamps them.
///
/// # Errors
/// When `LOG_FILE` cannot be opened; its message names the variable.
pub fn open(settings: &Settings, zone: Zone) -> Result<(), String> {
    let output = match &settings.file {
        None => Output::Stdout,
        Some(path) => open_file(path.clone()).map_err(|error| cannot_write("LOG_FILE", path, &error))?,
    };
    // A second opening is a test's: the first one stays.
    let _ = LOG.set(Log { level: settings.level, zone, output: Mutex::new(output) });
    Ok(())
}

/// Says that `variable` names a `path` that cannot be written, and what would help.
pub fn cannot_write(variable: &str, path: &Path, error: &io::Error) -> String {
    let remedy = remedy(error);
    let space = if remedy.is_empty() { "" } else { "; " };
    format!("{variable}: cannot write to {}: {error}{space}{remedy}", path.display())
}

/// What helps against `error`, met in writing; empty if there is nothing to say.
///
/// In the image we are not root, but who makes the mounts is (RouterOS, Docker): the first to write there
/// learns here what to do about it.
pub fn remedy(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let user = our_user().map_or_else(String::new, |user| format!(" ({user})"));
            format!("give its folder to the user we run as{user}, or run as root (on RouterOS user=0:0)")
        }
        io::ErrorKind::NotFound => "make its folder".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "name a path on a mount that can be written".to_owned(),
        io::ErrorKind::StorageFull => "make room there".to_owned(),
        _ => String::new(),
    }
}

/// The number of the user we run as. Who owns our process in `/proc` says it without a system call of our own.
fn our_user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}

fn open_file(path: PathBuf) -> io::Result<Output> {
    let file = OpenOptions::new().create(true).append(true).open(&path)?;
    let bytes = file.metadata()?.len();
    Ok(Output::File { path, file, bytes })
}

/// Lets one line a second through: for what a stranger can bring about as often
/// as they like, since every line of ours may become an entry in the router's log.
#[derive(Debug, Default)]
pub struct Pace {
    said_at: Option<Instant>,
    unsaid: usize,
}

impl Pace {
    /// Whether a line may be written at `now`; if so, how many were not since the last.
    pub fn admit(&mut self, now: Instant) -> Option<usize> {
        let is_soon = |at: Instant| now.saturating_duration_since(at) < Duration::from_secs(1);
        if self.said_at.is_some_and(is_soon) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// True if lines of `level` are written, so that costly values need not be made for nothing.
pub fn is_on(level: Level) -> bool {
    LOG.get().is_some_and(|log| level <= log.level)
}

/// Writes one line: what happened, then `name=value` for each value.
pub fn write(level: Level, what: &str, values: Values<'_>) {
    let Some(log) = LOG.get().filter(|log| level <= log.level) else { return };
    let line = compose(level, what, values);
    let mut output = log.output.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody is left to tell when the log itself cannot be written.
    let _ = match *output {
        Output::Stdout => output.write_line(&line),
        Output::File { .. } => output.write_line(&format!("{} {line}", log.zone.format(SystemTime::now()))),
    };
}

/// Writes a line if `pace` admits one at `now`, and says how many it did not.
pub fn paced(pace: &mut Pace, now: Instant, level: Level, what: &str, values: Values<'_>) {
    match pace.admit(now) {
        None => {}
        Some(0) => write(level, what, values),
        Some(unsaid) => write(level, what, &[values, &[("unsaid", &unsaid)]].concat()),
    }
}

/// Something was lost, or a human must act.
pub fn error(what: &str, values: Values<'_>) {
    write(Level::Error, what, values);
}

/// We coped.
pub fn warn(what: &str, values: Values<'_>) {
    write(Level::Warn, what, values);
}

/// Start, stop, configuration, delivered.
pub fn info(what: &str, values: Values<'_>) {
    write(Level::Info, what, values);
}

/// For finding faults; may hold received text.
pub fn debug(what: &str, values: Values<'_>) {
    write(Level::Debug, what, values);
}

/// The mark of this start: `~` and ten hexadecimal digits, in every line we
/// print. 40 bits: a stranger has no way to learn it and no time to guess it.
pub fn marker() -> &'static str {
    static MARKER: OnceLock<String> = OnceLock::new();
    // The standard library seeds its hash maps from the system's random source.
    MARKER.get_or_init(|| format!("~{:010x}", RandomState::new().build_hasher().finish() & 0xff_ffff_ffff))
}

fn compose(level: Level, what: &str, values: Values<'_>) -> String {
    let mut line = format!("{} {what}", level.name());
    for (name, value) in values {
        let value = value.to_string();
        let plain =
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && !b"\"=\\".contains(&b));
        // Writing to a String cannot fail.
        let _ = match plain {
            true => write!(line, " {name}={value}"),
            false => write!(line, " {name}=\"{}\"", value.escape_debug()),
        };
    }
    let room = LINE_BYTES_MAX - marker().len() - 1;
    if line.len() > room {
        line.truncate(line.floor_char_boundary(room - "…".len()));
        line.push('…');
    }
    line.push(' ');
    line.push_str(marker());
    line
}

impl Output {
    fn write_line(&mut self, line: &str) -> io::Result<()> {
        match self {
            Output::Stdout => writeln!(io::stdout().lock(), "{line}"),
            Output::File { path, file, bytes } => {
                if *bytes + line.len() as u64 >= FILE_BYTES_MAX {
                    let mut old = path.clone().into_os_string();
                    old.push(".1");
                    std::fs::rename(&*path, old)?;
                    *self = open_file(path.clone())?;
                    return self.write_line(line);
                }
                *bytes += line.len() as u64 + 1;
                writeln!(file, "{line}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(what: &str, values: Values<'_>, expected: &str) {
        let line = compose(Level::Warn, what, values);
        assert_eq!(line, format!("{expected} {}", marker()));
        assert!(line.len() <= LINE_BYTES_MAX);
    }

    #[test]
    fn values_are_quoted_where_they_would_mislead() {
        check(
            "delivery postponed",
            &[("attempt", &2), ("next_in", &"4s")],
            "WARN delivery postponed attempt=2 next_in=4s",
        );
        check("x", &[("reason", &"timed out")], "WARN x reason=\"timed out\"");
        check("x", &[("text", &"a\nERROR b\x1b[31m")], "WARN x text=\"a\\nERROR b\\u{1b}[31m\"");
        check("x", &[("text", &"")], "WARN x text=\"\"");
    }

    #[test]
    fn a_long_line_is_cut_and_keeps_the_marker() {
        let line = compose(Level::Info, "x", &[("text", &"é".repeat(500))]);
        assert!(line.len() <= LINE_BYTES_MAX && line.len() > LINE_BYTES_MAX - 4);
        assert!(line.ends_with(&format!("… {}", marker())));
    }

    #[test]
    fn one_line_a_second_is_admitted_and_the_others_are_counted() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let admitted: Vec<_> = [0, 1, 999, 1000, 1500, 2100, 9000]
            .map(|ms| pace.admit(start + Duration::from_millis(ms)))
            .into();
        assert_eq!(admitted, [Some(0), None, None, Some(2), None, Some(1), Some(0)]);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_told_with_what_helps() {
        let check = |kind: io::ErrorKind, remedy: &str| {
            let error = io::Error::from(kind);
            let text = cannot_write("LOG_FILE", Path::new("/log/a"), &error);
            assert_eq!(text, format!("LOG_FILE: cannot write to /log/a: {error}{remedy}"));
        };
        let ours = std::env::temp_dir().join(format!("alertik-owner-{}", std::process::id()));
        let user = File::create(&ours).unwrap().metadata().unwrap().uid();
        std::fs::remove_file(&ours).unwrap();
        let denied = format!(
            "; give its folder to the user we run as ({user}), or run as root (on RouterOS user=0:0)"
        );
        check(io::ErrorKind::PermissionDenied, &denied);
        check(io::ErrorKind::NotFound, "; make its folder");
        check(io::ErrorKind::ReadOnlyFilesystem, "; name a path on a mount that can be written");
        check(io::ErrorKind::StorageFull, "; make room there");
        check(io::ErrorKind::TimedOut, "");
    }

    #[test]
    fn a_full_log_file_is_kept_once_under_another_name() {
        let folder = std::env::temp_dir().join(format!("alertik-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log.txt");
        std::fs::write(&path, vec![b'x'; FILE_BYTES_MAX as usize - 10]).unwrap();
        let mut output = open_file(path.clone()).unwrap();
        output.write_line("the first line of the new file").unwrap();
        output.write_line("the second").unwrap();
        let new = std::fs::read_to_string(&path).unwrap();
        let old = std::fs::metadata(folder.join("log.txt.1")).unwrap().len();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(new, "the first line of the new file\nthe second\n");
        assert_eq!(old, FILE_BYTES_MAX - 10);
    }
}
