//! `alertik health`: asks the running daemon, for HEALTHCHECK in an image without a shell.

use super::ask::Running;
use super::{Exit, complain, settings};

pub(super) fn run() -> Exit {
    let Some(settings) = settings() else { return Exit::Configuration };
    let answer = Running::of(&settings).and_then(|running| running.answer("/healthz", None));
    match answer {
        Ok(answer) if answer.status == 200 => Exit::Success,
        Ok(answer) => {
            complain(&answer.with_words(&String::from_utf8_lossy(&answer.body)));
            Exit::Failure
        }
        Err(reason) => {
            complain(&reason);
            Exit::Failure
        }
    }
}
