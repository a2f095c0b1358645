//! `WATCHn_*`: who must be heard from, how soon, and who is told what.
//!
//! Apart from the switch, because this is only the reading of variables, with a fault for everything that
//! would be found out too late.

use std::sync::Arc;
use std::time::Duration;

use crate::alert::DestinationId;
use crate::notify::Destinations;
use crate::span;
use crate::vars::{Faults, Vars, is_index, names_any, shown};

/// The variables this module owns.
pub const VARIABLES: &[&str] = &[
    "WATCHn_SIMPLEX",
    "WATCHn_HOOK",
    "WATCHn_EVERY",
    "WATCHn_WARN",
    "WATCHn_WARN_NOTIFIER",
    "WATCHn_TELL",
    "WATCHn_NOTIFIER",
    "WATCHn_FILE_PATH",
];

/// Nobody is taken for dead who is silent for a shorter time, which a slow network may take.
const EVERY_MIN: Duration = Duration::from_secs(60);

/// Who must be heard from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Whom {
    /// A contact of SimpleX, by its name there.
    Person(Arc<str>),
    /// Whoever calls the hook of this name.
    Job(Arc<str>),
}

impl Whom {
    /// `@alice`, or `backup`.
    pub(super) fn shown(&self) -> String {
        match self {
            Whom::Person(name) => format!("@{name}"),
            Whom::Job(name) => name.to_string(),
        }
    }
}

/// What is told when the silence has lasted for so long.
pub(super) struct Notice {
    pub(super) after: Duration,
    /// As it is told, to the letter.
    pub(super) text: String,
    pub(super) destinations: Arc<[DestinationId]>,
}

/// What the operator asks for of one switch.
pub struct Watch {
    /// `WATCH0`.
    pub(super) name: Arc<str>,
    pub(super) whom: Whom,
    pub(super) warn: Notice,
    /// With `_TELL` alone.
    pub(super) tell: Option<Notice>,
    /// A path on the machine of simplex-chat.
    pub(super) file: Option<Arc<str>>,
    /// Whom either stage tells.
    pub(super) all: Arc<[DestinationId]>,
    /// Of those whom the second tells, who know a trouble from its beginning to its end.
    pub(super) followers: Arc<[DestinationId]>,
}

impl Watch {
    /// Under what its state is remembered: who watches somebody else is another.
    pub(super) fn state_name(&self) -> String {
        format!("{}\0{}", self.name, self.whom.shown())
    }

    /// `WATCH0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// In words, for `check`; `names` are those of the destinations. Not what it tells: that may be a last will.
    pub fn words(&self, names: &dyn Fn(&[DestinationId]) -> String) -> String {
        let Watch { whom, warn, tell, file, .. } = self;
        let what = if matches!(whom, Whom::Person(_)) { "no word from" } else { "no call of" };
        let (after, to) = (span::words(warn.after), names(&warn.destinations));
        let mut words = format!("{what} {} for {after} -> {to}", whom.shown());
        if let Some(tell) = tell {
            let with = if file.is_some() { ", with a file" } else { "" };
            let (after, to) = (span::words(tell.after), names(&tell.destinations));
            words.push_str(&format!("; for {after}{with} -> {to}"));
        }
        words
    }
}

/// Every watch.
#[derive(Default)]
pub struct Settings {
    /// In the order of their numbers.
    pub watches: Vec<Watch>,
}

impl Settings {
    /// Reads every `WATCHn_*`.
    pub fn read(vars: &Vars, destinations: &mut Destinations<'_>, faults: &mut Faults) -> Settings {
        let number = |name: &str| {
            let (digits, _) = name.strip_prefix("WATCH")?.split_once('_')?;
            is_index(digits).then(|| digits.parse::<usize>().ok())?
        };
        let mut numbers: Vec<usize> = vars.names().filter_map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if let Some(first) = numbers.first()
            && vars.text("STATE_DIR").is_none()
        {
            faults.warn(format!(
                "WATCH{first}_EVERY: STATE_DIR is not set, so each restart counts as a sign of life"
            ));
        }
        let read = |number| read_one(number, vars, destinations, faults);
        Settings { watches: numbers.into_iter().filter_map(read).collect() }
    }

    /// Has each of `followers` told by itself that a second stage is over.
    pub fn tell_stages_to(&mut self, followers: &[DestinationId]) {
        for Watch { tell, followers: ours, .. } in &mut self.watches {
            let Some(tell) = tell else { continue };
            let mut told = tell.destinations.to_vec();
            told.retain(|id| followers.contains(id));
            *ours = told.into();
        }
    }

    /// The hooks whose calls are a sign of life: the variable that says so, and the name.
    pub fn hook_names(&self) -> Vec<(String, String)> {
        let hook = |watch: &Watch| match &watch.whom {
            Whom::Job(name) => Some((format!("{}_HOOK", watch.name), name.to_string())),
            Whom::Person(_) => None,
        };
        self.watches.iter().filter_map(hook).collect()
    }

    /// The contacts of SimpleX who are to be heard, without the `@`.
    pub fn contact_names(&self) -> Vec<String> {
        let contact = |watch: &Watch| match &watch.whom {
            Whom::Person(name) => Some(name.to_string()),
            Whom::Job(_) => None,
        };
        self.watches.iter().filter_map(contact).collect()
    }
}

fn read_one(
    number: usize,
    vars: &Vars,
    destinations: &mut Destinations<'_>,
    faults: &mut Faults,
) -> Option<Watch> {
    let name = format!("WATCH{number}");
    let variable = |end: &str| format!("{name}{end}");
    let text = |end: &str| vars.text(&variable(end));
    let whom = read_whom(&variable, vars, faults);
    let every = read_every(&variable("_EVERY"), text("_EVERY"), faults);
    let mut told = |end: &str, faults: &mut Faults| {
        let list = text(end).filter(|list| names_any(list))?;
        Some(destinations.resolve_list(&variable(end), list, faults))
    };
    let (to, warned) = (told("_NOTIFIER", faults), told("_WARN_NOTIFIER", faults));
    let to = to.unwrap_or_else(|| destinations.configured(faults));
    let warned = warned.unwrap_or_else(|| to.clone());
    let (tell, file) = (text("_TELL"), text("_FILE_PATH"));
    if file.is_some() {
        let names = destinations.names();
        let is_simplex = |id: &DestinationId| names.get(id.0).is_some_and(|name| name.starts_with("SimpleX"));
        let what = match tell {
            None => "goes with the second stage, which there is none of (set its _TELL)",
            Some(_) if to.iter().any(is_simplex) => "",
            Some(_) => "only SimpleX can send a file, and it is not told (name it in its _NOTIFIER)",
        };
        if !what.is_empty() {
            faults.fault(format!("{}: {what}", variable("_FILE_PATH")));
        }
    }
    let (whom, (first, second)) = (whom?, every?);
    if second.is_some() && tell.is_none() {
        faults.warn(format!("{name}_EVERY: its second span has no effect: {name}_TELL is not set"));
    }
    let default = || format!("nothing heard from {} for {}", whom.shown(), span::words(first));
    let text = text("_WARN").map_or_else(default, str::to_owned);
    let mut all = warned.clone();
    if tell.is_some() {
        all.extend(to.iter().filter(|id| !warned.contains(id)));
    }
    let warn = Notice { after: first, text, destinations: warned.into() };
    let second = second.unwrap_or(first * 2);
    let tell = tell.map(|text| Notice { after: second, text: text.to_owned(), destinations: to.into() });
    let (file, followers) = (file.map(Arc::from), Arc::default());
    Some(Watch { name: name.into(), whom, warn, tell, file, all: all.into(), followers })
}

fn read_whom(variable: &dyn Fn(&str) -> String, vars: &Vars, faults: &mut Faults) -> Option<Whom> {
    let names = [variable("_SIMPLEX"), variable("_HOOK")];
    let [simplex, hook] = &names;
    match (vars.text(simplex).map(str::trim), vars.text(hook).map(str::trim)) {
        (Some(contact), None) => {
            if vars.text("SIMPLEX_URL").is_none() {
                faults.fault(format!("{simplex}: SIMPLEX_URL is not set, so nobody can be heard"));
            }
            if let Some(name) = contact.strip_prefix('@').filter(|name| !name.is_empty()) {
                return Some(Whom::Person(name.into()));
            }
            faults.fault(format!("{simplex}: {} is not a contact (expected @alice)", shown(contact)));
        }
        (None, Some(name)) => {
            let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.bytes().all(is_char) {
                return Some(Whom::Job(name.into()));
            }
            let name = shown(name);
            faults.fault(format!("{hook}: {name} is not a name (expected letters, digits, - _ .)"));
        }
        (Some(_), Some(_)) => {
            faults.fault(format!("{simplex} and {hook} are both set (a watch is for one)"));
        }
        (None, None) => {
            faults.fault(format!("{simplex} or {hook} is not set (expected @alice, or a hook's name)"))
        }
    }
    None
}

/// `24h`, or `24h,72h`.
fn read_every(name: &str, text: Option<&str>, faults: &mut Faults) -> Option<(Duration, Option<Duration>)> {
    const FORM: &str = "one span, or a shorter and a longer one, such as 24h,72h, from 1m to 365d";
    let Some(text) = text else {
        faults.fault(format!("{name} is not set (expected {FORM})"));
        return None;
    };
    let read = |text: &str| span::read(text).filter(|span| *span >= EVERY_MIN);
    let every = match text.split_once(',') {
        None => read(text).map(|first| (first, None)),
        Some((first, second)) => {
            read(first).zip(read(second)).filter(|(a, b)| a < b).map(|(a, b)| (a, Some(b)))
        }
    };
    if every.is_none() {
        faults.fault(format!("{name}: {} is not a time span (expected {FORM})", shown(text)));
    }
    every
}
