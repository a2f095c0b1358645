//! `alertik routeros`: the RouterOS commands that install it, or remove it.
//!
//! ```text
//!   arguments ── options ─┐
//!   variables ─┬──────────┼─► script (boot, version) ─► standard output
//!              └─ mounts ─┘
//! ```
//!
//! The only command that prints secrets, because the router must have them. It
//! reads what the daemon would read, on any machine, and prints what the daemon
//! needs in its container; nothing is sent to the router.

use std::net::{IpAddr, SocketAddr};

use super::{Exit, print, tell, usage};
use crate::ingest;
use crate::network::Routers;
use crate::settings::{Settings, read_vars};
use crate::vars::{Faults, Vars};
use options::Options;
use script::Plan;

mod boot;
mod mounts;
mod options;
mod remove;
mod script;
mod version;

pub(super) use options::Given;

/// The name, list or comment of all that is made. Names of logging actions have letters and digits only.
const NAME: &str = "alertik";

pub(super) fn run(given: &Given) -> Exit {
    let options = match Options::read(given) {
        Ok(options) => options,
        Err(what) => return usage(&what),
    };
    if given.is_remove {
        return print(&remove::remove(options.syntax));
    }
    let mut faults = Faults::default();
    let vars = read_vars(std::env::vars_os(), &mut faults);
    let (settings, mut faults) = Settings::from_vars(&vars, faults);
    let mounts = mounts::read(&vars, &mut faults);
    let variables = variables(&vars, &mut faults);
    let port = read_port(&vars, &options, &mut faults);
    if let Some(settings) = &settings {
        warn_of_unheard_hooks(settings, &mut faults);
    }
    tell(&faults);
    if settings.is_none() || !faults.is_empty() {
        return Exit::Configuration;
    }
    print(&Plan { options: &options, variables: &variables, mounts: &mounts, port }.install())
}

/// What the container must be given: each variable of ours that is set, by its own name, wherever its value
/// came from. Files that hold values, and the file of variables, are not there in the container.
fn variables<'v>(vars: &'v Vars, faults: &mut Faults) -> Vec<(&'v str, &'v [u8])> {
    let set = vars.names().filter_map(|name| Some((name, vars.bytes(name)?)));
    // The one variable to which being set to nothing means something.
    let emptied =
        vars.raw("ALERT_SUFFIX").filter(|value| value.is_empty()).map(|_| ("ALERT_SUFFIX", &b""[..]));
    let mut variables: Vec<_> = set.chain(emptied).filter(|(name, _)| *name != "ALERTIK_CONFIG").collect();
    variables.sort();
    for (name, value) in &variables {
        if value.contains(&0) {
            faults.fault(format!("{name} has a NUL byte, which no container can be given"));
        }
    }
    variables
}

/// The port to which the router sends; whatever would keep its lines from being read is noted.
fn read_port(vars: &Vars, options: &Options, faults: &mut Faults) -> u16 {
    // What is wrong with the variables themselves has been noted with all the others.
    let mut noted = Faults::default();
    let routers = Routers::read(vars, &mut noted);
    let ingest = ingest::Settings::read(vars, &routers, &mut noted);
    let (container, router) = (options.network.container, options.network.router);
    let (ip, port) = (ingest.listen.ip(), ingest.listen.port());
    if port == 0 || !(ip.is_unspecified() || ip.to_canonical() == IpAddr::from(container)) {
        faults.fault(format!(
            "SYSLOG_LISTEN: nothing that the router sends arrives at {} in its container (expected a port, or {})",
            ingest.listen,
            SocketAddr::from((container, 5140))
        ));
    }
    if ingest.allow.is_some_and(|allow| !allow.contain(router.into())) {
        faults.warn(format!("SYSLOG_ALLOW does not have {router}, from which the router's lines will come"));
    }
    port
}

/// Who calls a hook is outside the container, and 127.0.0.1 is its own inside.
fn warn_of_unheard_hooks(settings: &Settings, faults: &mut Faults) {
    let loopback = settings.serve.listen.filter(|listen| listen.ip().to_canonical().is_loopback());
    if let (Some(listen), Some(hook)) = (loopback, settings.hooks.first()) {
        faults.warn(format!(
            "HTTP_LISTEN: nobody outside the container can call {} at {listen} (expected 0.0.0.0:{}, and an HTTP_TOKEN)",
            hook.rule,
            listen.port()
        ));
    }
}
