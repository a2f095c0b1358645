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
            let told = tell.iter().flat_map(|tell| tell.destinations.iter());
            *ours = told.copied().filter(|id| followers.contains(id)).collect();
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
    let text = |end: &str| vars.text(&format!("{name}_{end}"));
    let whom = read_whom(&name, vars, faults);
    let every = read_every(&name, text("EVERY"), faults);
    let mut told = |variable: String, list: Option<&str>, faults: &mut Faults| -> Arc<[DestinationId]> {
        match list.filter(|list| names_any(list)) {
            Some(list) => destinations.resolve_list(&variable, list, faults).into(),
            None => destinations.configured(faults).into(),
        }
    };
    let to = told(format!("{name}_NOTIFIER"), text("NOTIFIER"), faults);
    let warned = match text("WARN_NOTIFIER").filter(|list| names_any(list)) {
        Some(list) => told(format!("{name}_WARN_NOTIFIER"), Some(list), faults),
        None => Arc::clone(&to),
    };
    let tell = text("TELL");
    let file = text("FILE_PATH");
    if file.is_some() {
        let names = destinations.names();
        let is_simplex = |id: &DestinationId| names.get(id.0).is_some_and(|name| name.starts_with("SimpleX"));
        if tell.is_none() {
            faults.fault(format!(
                "{name}_FILE_PATH: goes with the second stage, which there is none of (set {name}_TELL)"
            ));
        } else if !to.iter().any(is_simplex) {
            faults.fault(format!(
                "{name}_FILE_PATH: only SimpleX can send a file, and it is not told (name it in {name}_NOTIFIER)"
            ));
        }
    }
    let (whom, (first, second)) = (whom?, every?);
    if second.is_some() && tell.is_none() {
        faults.warn(format!("{name}_EVERY: its second span has no effect: {name}_TELL is not set"));
    }
    let default = || format!("nothing heard from {} for {}", whom.shown(), span::words(first));
    let text = text("WARN").map_or_else(default, str::to_owned);
    let others = to.iter().filter(|id| !warned.contains(id) && tell.is_some());
    let all = warned.iter().chain(others).copied().collect();
    let warn = Notice { after: first, text, destinations: warned };
    let second = second.unwrap_or(first * 2);
    let tell = tell.map(|text| Notice { after: second, text: text.to_owned(), destinations: to });
    Some(Watch {
        name: name.into(),
        whom,
        warn,
        tell,
        file: file.map(Arc::from),
        all,
        followers: Arc::default(),
    })
}

fn read_whom(name: &str, vars: &Vars, faults: &mut Faults) -> Option<Whom> {
    let text = |end: &str| vars.text(&format!("{name}_{end}")).map(str::trim);
    match (text("SIMPLEX"), text("HOOK")) {
        (Some(contact), None) => {
            if vars.text("SIMPLEX_URL").is_none() {
                faults.fault(format!("{name}_SIMPLEX: SIMPLEX_URL is not set, so nobody can be heard"));
            }
            let contact = contact.strip_prefix('@').filter(|name| !name.is_empty()).or_else(|| {
                faults
                    .fault(format!("{name}_SIMPLEX: {} is not a contact (expected @alice)", shown(contact)));
                None
            });
            contact.map(|contact| Whom::Person(contact.into()))
        }
        (None, Some(hook)) => {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if !hook.bytes().all(is_name) {
                let hook = shown(hook);
                faults.fault(format!("{name}_HOOK: {hook} is not a name (expected letters, digits, - _ .)"));
                return None;
            }
            Some(Whom::Job(hook.into()))
        }
        (Some(_), Some(_)) => {
            faults.fault(format!("{name}_SIMPLEX and {name}_HOOK are both set (a watch is for one)"));
            None
        }
        (None, None) => {
            faults.fault(format!(
                "{name}_SIMPLEX or {name}_HOOK is not set (expected @alice, or a hook's name)"
            ));
            None
        }
    }
}

/// `24h`, or `24h,72h`.
fn read_every(name: &str, text: Option<&str>, faults: &mut Faults) -> Option<(Duration, Option<Duration>)> {
    const FORM: &str = "one span, or a shorter and a longer one, such as 24h,72h, from 1m to 365d";
    let Some(text) = text else {
        faults.fault(format!("{name}_EVERY is not set (expected {FORM})"));
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
        faults.fault(format!("{name}_EVERY: {} is not a time span (expected {FORM})", shown(text)));
    }
    every
}
