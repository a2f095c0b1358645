//! `alertik health`: asks the running daemon, for HEALTHCHECK in an image without a shell.

use super::{Exit, complain, settings};
use crate::notify::http::{Clients, Request, Url};

pub(super) fn run() -> Exit {
    let Some(settings) = settings() else { return Exit::Configuration };
    let Some(address) = settings.serve.local_address() else {
        complain("HTTP_LISTEN is off, so there is nobody to ask");
        return Exit::Failure;
    };
    let url = Url::parse(&format!("http://{address}/healthz"));
    let answer = match (url, Clients::default().local_client()) {
        (Ok(url), Some(client)) => client.send(Request::get(url)),
        _ => Err("the address is not one to ask".to_owned()),
    };
    match answer {
        Ok(answer) if answer.status == 200 => Exit::Success,
        Ok(answer) => {
            complain(&answer.with_words(&String::from_utf8_lossy(&answer.body)));
            Exit::Failure
        }
        Err(reason) => {
            complain(&format!("{address}: {reason}"));
            Exit::Failure
        }
    }
}
