//! Every variable, read once, all faults together.
//!
//! Apart from the daemon, because `check`, `match` and `test` read the same and
//! start nothing. Each part of the program reads its own variables; here they
//! are only called in turn.

use std::ffi::OsString;

use crate::alert::DestinationId;
use crate::heartbeat;
use crate::hook::Hook;
use crate::log;
use crate::network::Routers;
use crate::notify::{self, Destinations, Listening, destinations::Destination, dispatch};
use crate::rules::{self, Context, RuleSet};
use crate::serve::hooks::Watched;
use crate::timestamp::Zone;
use crate::vars::{Faults, Vars, names_any};
use crate::{ingest, otel, serve, tor, watch};

/// All that the daemon is told.
pub struct Settings {
    /// Level and place of our own log.
    pub log: log::Settings,
    /// Where lines come from.
    pub ingest: ingest::Settings,
    /// What is asked of them.
    pub rules: RuleSet,
    /// What other systems may call.
    pub hooks: Vec<Hook>,
    /// Who must be heard from.
    pub watches: watch::Settings,
    /// The connection by which people among those are heard.
    pub listening: Option<Listening>,
    /// Who is told, by the index that a [`DestinationId`] is.
    pub destinations: Vec<Destination>,
    /// Who is told of our own troubles.
    pub self_destinations: Vec<DestinationId>,
    /// How delivery behaves.
    pub dispatch: dispatch::Settings,
    /// A sign of life.
    pub heartbeat: heartbeat::Settings,
    /// Figures and copies of alerts, to a collector.
    pub otel: otel::Settings,
    /// HTTP.
    pub serve: serve::Settings,
    /// Tor's control port.
    pub tor: Option<tor::Settings>,
    /// Where the operator's clock is.
    pub zone: Zone,
}

/// The name of every variable, `n` standing for a number.
pub fn variables() -> Vec<String> {
    let fixed = [
        log::VARIABLES,
        ingest::VARIABLES,
        notify::VARIABLES,
        heartbeat::VARIABLES,
        otel::VARIABLES,
        serve::VARIABLES,
        tor::VARIABLES,
        watch::VARIABLES,
        &["ALERTIK_CONFIG"],
    ];
    let own = fixed.into_iter().flatten().copied().chain(rules::variables()).map(str::to_owned);
    let of_notifiers = notify::REGISTRY.iter().flat_map(|entry| {
        // What sends nothing over the network has no proxy.
        let common: &[&str] = match entry.required.is_empty() {
            true => &["ENCRYPT_TO"],
            false => &["ENCRYPT_TO", "PROXY", "TLS_CA_FILE"],
        };
        let names = entry.required.iter().chain(entry.optional).chain(common);
        names.map(|name| format!("{}{name}", entry.prefix))
    });
    own.chain(of_notifiers).collect()
}

/// What is set of them in `environment`, with the files that it names.
pub fn read_vars(environment: impl IntoIterator<Item = (OsString, OsString)>, faults: &mut Faults) -> Vars {
    let names = variables();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    Vars::read(environment, &known, &|path| std::fs::read(path), faults)
}

impl Settings {
    /// Reads them from the environment of this process.
    pub fn from_process() -> (Option<Settings>, Faults) {
        Settings::read(std::env::vars_os())
    }

    /// Reads them from `environment`; None if there is any fault.
    pub fn read(environment: impl IntoIterator<Item = (OsString, OsString)>) -> (Option<Settings>, Faults) {
        let mut faults = Faults::default();
        let vars = read_vars(environment, &mut faults);
        Settings::from_vars(&vars, faults)
    }

    /// Reads them from variables that have been read; adds to the `faults` of that.
    pub fn from_vars(vars: &Vars, mut faults: Faults) -> (Option<Settings>, Faults) {
        let log = log::Settings::read(vars, &mut faults);
        let routers = Routers::read(vars, &mut faults);
        let ingest = ingest::Settings::read(vars, &routers, &mut faults);
        let mut serve = serve::Settings::read(vars, &mut faults);
        let tor = tor::Settings::read(vars, &mut faults);
        let mut dispatch = dispatch::Settings::read(vars, &mut faults);
        let zone = read_zone(vars, &mut faults);

        let mut destinations = Destinations::new(vars);
        let context = Context { routers, zone: zone.clone() };
        let mut rules = RuleSet::read(vars, context, &mut destinations, &mut faults);
        let self_destinations = match vars.text("SELF_NOTIFIER").filter(|list| names_any(list)) {
            Some(list) => destinations.resolve_list("SELF_NOTIFIER", list, &mut faults),
            None => destinations.usable(&mut faults),
        };
        if let Some(list) = vars.text("FALLBACK_NOTIFIER").filter(|list| names_any(list)) {
            dispatch.fallback = destinations.resolve_list("FALLBACK_NOTIFIER", list, &mut faults);
        }
        let heartbeat = heartbeat::Settings::read(vars, &mut destinations, &self_destinations, &mut faults);
        let mut watches = watch::Settings::read(vars, &mut destinations, &mut faults);
        let watched = watches.hook_names();
        let watched: Vec<_> = watched.iter().map(|(variable, name)| Watched { variable, name }).collect();
        serve.hooks = serve::hooks::read(vars, &serve, &watched, &mut faults);
        let hooks = serve.hooks.iter().map(|listed| hook(listed, &mut destinations, &mut faults)).collect();
        // That it is missing the watches have said.
        let names = Some(watches.contact_names()).filter(|_| vars.text("SIMPLEX_URL").is_some());
        let names = names.filter(|names| !names.is_empty());
        let listening = names.and_then(|names| destinations.listen_for(names, &mut faults));
        let otel = otel::read(vars, &mut destinations, &mut faults);
        // A copy says which router it is from.
        rules.keep_values(destinations.take_values() || otel.logs.is_some());
        let followers = destinations.followers();
        rules.tell_stages_to(&followers);
        watches.tell_stages_to(&followers);
        rules.expect_ends_within(dispatch.expire);
        let destinations = destinations.into_open();
        warn_of_clear_text(&destinations, &dispatch.fallback, otel.logs.as_ref(), &mut faults);
        let settings = Settings {
            log,
            ingest,
            rules,
            hooks,
            watches,
            listening,
            destinations,
            self_destinations,
            dispatch,
            heartbeat,
            otel,
            serve,
            tor,
            zone,
        };
        (faults.is_empty().then_some(settings), faults)
    }

    /// The name of a destination.
    pub fn destination_name(&self, id: DestinationId) -> &str {
        self.destinations.get(id.0).map_or("", |destination| &destination.name)
    }
}

/// What the worker knows of a hook.
fn hook(listed: &serve::hooks::Listed, destinations: &mut Destinations<'_>, faults: &mut Faults) -> Hook {
    let variable = format!("{}_NOTIFIER", listed.rule);
    let list = listed.notifiers.as_deref().unwrap_or_default();
    Hook {
        rule: listed.rule.as_str().into(),
        name: listed.name.clone(),
        destinations: destinations.resolve_list(&variable, list, faults).into(),
    }
}

/// Says which fallback, or collector, is told in clear text what another is told encrypted.
fn warn_of_clear_text(
    destinations: &[Destination],
    fallback: &[DestinationId],
    copies: Option<&otel::Signal>,
    faults: &mut Faults,
) {
    let is_clear = |destination: &&Destination| destination.notifier.recipients().is_empty();
    let Some(encrypted) = destinations.iter().find(|destination| !is_clear(destination)) else { return };
    for clear in fallback.iter().filter_map(|id| destinations.get(id.0)).filter(is_clear) {
        faults.warn(format!(
            "FALLBACK_NOTIFIER: {} is not encrypted, and would tell in clear text what {} tells encrypted (set its ENCRYPT_TO, or name another)",
            clear.name, encrypted.name
        ));
    }
    if let Some(signal) = copies {
        faults.warn(format!(
            "{}: alerts go there in clear text, which {} tells encrypted (OTEL_LOGS_EXPORTER=none keeps them here)",
            signal.variable, encrypted.name
        ));
    }
}

/// `TZ`; nonsense is UTC with a warning, because RouterOS may hand over the word `manual`.
fn read_zone(vars: &Vars, faults: &mut Faults) -> Zone {
    vars.text("TZ").map_or_else(Zone::utc, |text| {
        Zone::new(text).unwrap_or_else(|error| {
            faults.warn(format!("TZ: {error}; times are in UTC"));
            Zone::utc()
        })
    })
}
