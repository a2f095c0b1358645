//! `alertik run`: the daemon.

use super::{Exit, complain, settings};
use crate::daemon::Daemon;

pub(super) fn run() -> Exit {
    let Some(settings) = settings() else { return Exit::Configuration };
    let ended = Daemon::start(settings).and_then(Daemon::run);
    match ended {
        Ok(()) => Exit::Success,
        Err(error) => {
            complain(&error.to_string());
            if error.is_configuration() { Exit::Configuration } else { Exit::Failure }
        }
    }
}
