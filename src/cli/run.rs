//! `alertik run`: the daemon.

use super::{Exit, settings};
use crate::daemon::Daemon;

pub(super) fn run() -> Exit {
    let Some(settings) = settings() else { return Exit::Configuration };
    let ended = Daemon::start(settings).and_then(Daemon::run);
    match ended {
        Ok(()) => Exit::Success,
        Err(error) => {
            eprintln!("alertik: {error}");
            if error.is_configuration() { Exit::Configuration } else { Exit::Failure }
        }
    }
}
