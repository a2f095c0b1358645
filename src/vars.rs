//! The environment, taken once: real variables, `NAME_FILE` files, and the file
//! that `ALERTIK_CONFIG` names.
//!
//! ```text
//!   ALERTIK_CONFIG file ─┐
//!   NAME_FILE files ─────┼─► Vars ─► section("TELEGRAM_") ─► a settings struct
//!   environment ─────────┘            (envy: the fields are the variables)
//! ```
//!
//! Apart, because this is the only place that touches the process's environment and the only door for envy.
//! What a variable means is for its owner to say; here is only what is true of all: empty means not set,
//! faults are gathered, names we do not know are pointed out.
//!
//! A snapshot by `vars_os`, because envy's own reading of the environment panics on a variable that is not
//! UTF-8 (envy 0.4.2, seen), even on one that is none of ours.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStringExt;

use serde::de::DeserializeOwned;

/// Everything wrong with the configuration, and everything odd about it.
#[derive(Debug, Default)]
pub struct Faults {
    /// What keeps the daemon from starting, a sentence each.
    pub faults: Vec<String>,
    /// What it starts in spite of.
    pub warnings: Vec<String>,
}

impl Faults {
    /// Notes what must be mended. Begins with the variable's full name.
    pub fn fault(&mut self, text: impl Into<String>) {
        let text = text.into();
        // A variable that several notifiers share is one fault.
        if !self.faults.contains(&text) {
            self.faults.push(text);
        }
    }

    /// Notes what the operator should look at.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// True if nothing keeps the daemon from starting.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A value as it may be shown in an error: quoted, escaped, cut. Never a secret.
pub fn shown(value: &(impl AsRef<[u8]> + ?Sized)) -> String {
    let text = String::from_utf8_lossy(value.as_ref());
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(60).flat_map(char::escape_debug).collect();
    let rest = if chars.next().is_some() { "…" } else { "" };
    format!("\"{head}{rest}\"")
}

/// A snapshot of the variables that are set to something.
#[derive(Default)]
pub struct Vars {
    values: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for Vars {
    /// Names only: most values that matter are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// How a file is read; a test gives its own.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

impl Vars {
    /// Takes `environment`, the files it names, and keeps what `known` lists
    /// (names as in the documentation, `n` standing for a number).
    pub fn read(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        known: &[&str],
        read_file: ReadFile<'_>,
        faults: &mut Faults,
    ) -> Vars {
        let mut set: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (name, value) in environment {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = name.into_string() {
                set.insert(name, value.into_vec());
            }
        }
        if let Some(path) = set.get("ALERTIK_CONFIG").filter(|path| !path.is_empty()) {
            let from_file = read_config_file(&String::from_utf8_lossy(path), read_file, faults);
            for (name, value) in from_file {
                // Empty means not set, here too.
                let real = set.entry(name).or_default();
                if real.is_empty() {
                    *real = value;
                }
            }
        }
        let mut vars = Vars::default();
        for (name, value) in &set {
            if is_known(name, known) {
                vars.values.insert(name.clone(), value.clone());
            } else if let Some(target) = name.strip_suffix("_FILE").filter(|t| may_stand_in_file(t, known)) {
                if value.is_empty() {
                    continue;
                }
                // An empty NAME beside NAME_FILE is how some panels say "not set".
                if set.get(target).is_some_and(|value| !value.is_empty()) {
                    faults.fault(format!("{name} and {target} are both set (set one of them)"));
                    continue;
                }
                match read_file(&String::from_utf8_lossy(value)).map(without_line_end) {
                    Ok(text) if text.is_empty() => faults.fault(format!("{name}: its file is empty")),
                    Ok(text) => drop(vars.values.insert(target.to_owned(), text)),
                    Err(error) => {
                        // What is no path may be the secret itself, put there by mistake.
                        let path = if value.starts_with(b"/") { &*shown(value) } else { "its file" };
                        faults.fault(format!("{name}: cannot read {path}: {error}"));
                    }
                }
            } else if looks_like_ours(name, known) {
                faults.warn(format!("{name} is not a variable of this version and has no effect"));
            }
        }
        for (name, value) in &vars.values {
            if std::str::from_utf8(value).is_err() && !may_be_bytes(name) {
                faults.fault(format!("{name} is not UTF-8"));
            }
        }
        vars
    }

    /// The value as it was given, which may be empty text.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The value, if it is set to something.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The value as bytes, if it is set to something: a pattern may hold bytes
    /// that are not UTF-8, since the lines it must match do.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).map(Vec::as_slice).filter(|value| !value.is_empty())
    }

    /// The names that are set to something.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str())
    }

    /// The variables that begin with `prefix`, as a struct whose fields are all
    /// `Option<String>`, named for the rest of the variable in lower case.
    pub fn section<T: DeserializeOwned + Default>(&self, prefix: &str) -> T {
        let set = self.values.iter().filter(|(_, value)| !value.is_empty());
        let texts =
            set.filter_map(|(name, value)| Some((name.clone(), std::str::from_utf8(value).ok()?.to_owned())));
        // With optional texts alone there is nothing that envy could refuse.
        envy::prefixed(prefix).from_iter(texts).unwrap_or_default()
    }

    /// A whole number in `allowed`, or `default` where it is not set.
    pub fn number(
        &self,
        name: &str,
        default: usize,
        allowed: RangeInclusive<usize>,
        faults: &mut Faults,
    ) -> usize {
        let Some(text) = self.text(name) else { return default };
        match text.trim().parse() {
            Ok(number) if allowed.contains(&number) => number,
            _ => {
                let (low, high) = allowed.into_inner();
                faults.fault(format!("{name}: {} is not a number from {low} to {high}", shown(text)));
                default
            }
        }
    }
}

/// A comma list without empty parts, spaces trimmed.
pub fn comma_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// True if a comma list has any part: a value such as `,` is as good as not set.
pub fn names_any(text: &str) -> bool {
    comma_list(text).next().is_some()
}

/// Names that end in `_FILE` themselves are files already, and so is the configuration.
fn may_stand_in_file(name: &str, known: &[&str]) -> bool {
    is_known(name, known) && !name.ends_with("_FILE") && name != "ALERTIK_CONFIG"
}

/// Only these are matched against, or mixed with, what a router says.
fn may_be_bytes(name: &str) -> bool {
    ["_MATCH_STR", "_MASK_MSG", "_EXCLUDE", "_CLEAR"].iter().any(|end| name.ends_with(end))
}

fn read_config_file(path: &str, read_file: ReadFile<'_>, faults: &mut Faults) -> Vec<(String, Vec<u8>)> {
    let text = match read_file(path) {
        Ok(text) => text,
        Err(error) => {
            faults.fault(format!("ALERTIK_CONFIG: cannot read {}: {error}", shown(path)));
            return Vec::new();
        }
    };
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut values = Vec::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() || line.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        let mut halves = line.splitn(2, |byte| *byte == b'=');
        let (name, value) = (halves.next().unwrap_or_default().trim_ascii(), halves.next());
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let (Some(value), false, true) = (value, name.is_empty(), name.iter().all(is_name)) else {
            // Not the line itself: it may hold a secret.
            faults.fault(format!("ALERTIK_CONFIG: line {} is not NAME=value", number + 1));
            continue;
        };
        let value = match value {
            [b'\'', inner @ .., b'\''] => inner,
            plain => plain,
        };
        values.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    }
    values
}

/// Editors end a file with a line feed; no secret ends with one.
fn without_line_end(mut text: Vec<u8>) -> Vec<u8> {
    while matches!(text.last(), Some(b'\n' | b'\r')) {
        text.pop();
    }
    text
}

/// True if `name` is in `known`, where `n` stands for a number from 0 to 255.
pub fn is_known(name: &str, known: &[&str]) -> bool {
    known.iter().any(|pattern| match pattern.split_once('n') {
        None => *pattern == name,
        Some((head, tail)) => {
            name.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)).is_some_and(is_index)
        }
    })
}

/// A number from 0 to 255 as it is written in a variable's name: no sign, no leading zero.
pub fn is_index(text: &str) -> bool {
    text.parse::<u8>().is_ok_and(|number| number.to_string() == text)
}

/// A name that shares its numbered beginning with ours (`EVENT3_MACHT_STR`) is a
/// slip worth a warning. Anything looser would point at other programs' variables.
fn looks_like_ours(name: &str, known: &[&str]) -> bool {
    let heads = known.iter().filter_map(|pattern| pattern.split_once('n')).map(|(head, _)| head);
    heads.filter_map(|head| name.strip_prefix(head)).any(|rest| {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        digits > 0 && rest.get(digits..).is_some_and(|tail| tail.starts_with('_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["ALERTIK_CONFIG", "TOKEN", "LOG_FILE", "EVENTn_MATCH_STR", "EVENTn_NOTIFIER"];

    fn read(environment: &[(&str, &str)], files: &[(&str, &str)]) -> (Vars, Faults) {
        let mut faults = Faults::default();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let read_file = |path: &str| {
            let found = files.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| text.as_bytes().to_vec()).ok_or(io::ErrorKind::NotFound.into())
        };
        let vars = Vars::read(environment, KNOWN, &read_file, &mut faults);
        (vars, faults)
    }

    /// The value of TOKEN, and the faults and warnings there are.
    #[track_caller]
    fn check(environment: &[(&str, &str)], files: &[(&str, &str)], token: Option<&str>, said: &[&str]) {
        let (vars, faults) = read(environment, files);
        assert_eq!(vars.text("TOKEN"), token);
        let all: Vec<_> = faults.faults.into_iter().chain(faults.warnings).collect();
        assert_eq!(all, said);
    }

    #[test]
    fn a_value_may_stand_in_a_file() {
        check(&[("TOKEN", "a")], &[], Some("a"), &[]);
        check(&[("TOKEN", "")], &[], None, &[]);
        check(&[("TOKEN_FILE", "/t")], &[("/t", "a b\n")], Some("a b"), &[]);
        check(&[("TOKEN_FILE", "/t"), ("TOKEN", "")], &[("/t", "a")], Some("a"), &[]);
        let both = "TOKEN_FILE and TOKEN are both set (set one of them)";
        check(&[("TOKEN_FILE", "/t"), ("TOKEN", "b")], &[("/t", "a")], Some("b"), &[both]);
        check(&[("TOKEN_FILE", "/t")], &[("/t", "\n")], None, &["TOKEN_FILE: its file is empty"]);
        check(&[("TOKEN_FILE", "/t")], &[], None, &["TOKEN_FILE: cannot read \"/t\": entity not found"]);
        check(&[("TOKEN_FILE", "12:x")], &[], None, &["TOKEN_FILE: cannot read its file: entity not found"]);
    }

    #[test]
    fn names_that_end_in_file_themselves_are_not_read() {
        let (vars, faults) = read(&[("LOG_FILE", "/log"), ("LOG_FILE_FILE", "/x")], &[]);
        assert_eq!(vars.text("LOG_FILE"), Some("/log"));
        assert!(faults.is_empty() && faults.warnings.is_empty());
        check(&[("SSL_CERT_FILE", "/x")], &[], None, &[]);
    }

    #[test]
    fn the_config_file_is_literal_and_real_variables_win() {
        let file = "\u{feff}# a comment\r\n\nTOKEN='a\\d=\"$x\"'\r\nEVENT0_MATCH_STR=it's $1 \\d\nEVENT1_MATCH_STR='\n";
        let (vars, faults) = read(&[("ALERTIK_CONFIG", "/c")], &[("/c", file)]);
        assert_eq!(vars.text("TOKEN"), Some("a\\d=\"$x\""));
        assert_eq!(vars.text("EVENT0_MATCH_STR"), Some("it's $1 \\d"));
        assert_eq!(vars.text("EVENT1_MATCH_STR"), Some("'"));
        assert!(faults.is_empty());
        check(&[("ALERTIK_CONFIG", "/c"), ("TOKEN", "real")], &[("/c", file)], Some("real"), &[]);
        check(&[("ALERTIK_CONFIG", "/c"), ("TOKEN", "")], &[("/c", "TOKEN=a")], Some("a"), &[]);
        check(
            &[("ALERTIK_CONFIG", "/c")],
            &[("/c", "TOKEN=a\nexport X=secret\nsecret\n=b")],
            Some("a"),
            &[
                "ALERTIK_CONFIG: line 2 is not NAME=value",
                "ALERTIK_CONFIG: line 3 is not NAME=value",
                "ALERTIK_CONFIG: line 4 is not NAME=value",
            ],
        );
        let missing = "ALERTIK_CONFIG: cannot read \"/c\": entity not found";
        check(&[("ALERTIK_CONFIG", "/c")], &[], None, &[missing]);
    }

    #[test]
    fn slips_in_numbered_names_are_pointed_out() {
        let no_effect = "EVENT3_MACHT_STR is not a variable of this version and has no effect";
        check(&[("EVENT3_MACHT_STR", "x")], &[], None, &[no_effect]);
        let no_effect = "EVENT256_NOTIFIER is not a variable of this version and has no effect";
        check(&[("EVENT256_NOTIFIER", "x")], &[], None, &[no_effect]);
        check(&[("EVENT_SOURCE", "x"), ("PATH", "/bin"), ("EVENTS3", "x")], &[], None, &[]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_where_they_are_matched() {
        let mut faults = Faults::default();
        let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
        let environment = [
            (bytes(b"EVENT0_MATCH_STR"), bytes(b"caf\xe9")),
            (bytes(b"TOKEN"), bytes(b"\xff")),
            (bytes(b"OTHERS\xff"), bytes(b"\xff")),
        ];
        let vars = Vars::read(environment, KNOWN, &|_| Err(io::ErrorKind::NotFound.into()), &mut faults);
        assert_eq!(vars.bytes("EVENT0_MATCH_STR"), Some(&b"caf\xe9"[..]));
        assert_eq!(faults.faults, ["TOKEN is not UTF-8"]);
    }

    #[test]
    fn a_section_is_read_into_a_struct() {
        #[derive(serde::Deserialize, Default)]
        struct Event {
            match_str: Option<String>,
            notifier: Option<String>,
        }
        let (vars, _) = read(&[("EVENT12_MATCH_STR", "x"), ("EVENT12_NOTIFIER", "")], &[]);
        let event: Event = vars.section("EVENT12_");
        assert_eq!((event.match_str.as_deref(), event.notifier), (Some("x"), None));
    }

    #[test]
    fn a_shown_value_is_escaped_and_cut() {
        assert_eq!(shown("a\"\n\x1b[1m"), r#""a\"\n\u{1b}[1m""#);
        assert_eq!(shown(&[b'x'; 100]).chars().count(), 63);
    }

    #[test]
    fn a_number_out_of_range_names_what_is_allowed() {
        let mut faults = Faults::default();
        let (vars, _) = read(&[("TOKEN", "9")], &[]);
        assert_eq!(vars.number("TOKEN", 5, 1..=10, &mut faults), 9);
        assert_eq!(vars.number("LOG_FILE", 5, 1..=10, &mut faults), 5);
        assert_eq!(vars.number("TOKEN", 5, 1..=8, &mut faults), 5);
        assert_eq!(faults.faults, ["TOKEN: \"9\" is not a number from 1 to 8"]);
    }
}
