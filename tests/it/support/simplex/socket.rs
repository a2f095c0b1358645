//! One connection of the bench: frames in, answers and events out.
//!
//! It reads with a short patience and writes in between, on one thread: no event waits longer than
//! [`PATIENCE`], and nothing is shared with other connections but the state.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::StatusCode;
use tungstenite::{Message, WebSocket, accept_hdr};

use super::super::Watched;
use super::commands::not_understood;
use super::{Fault, State};

/// How long it waits for a command before it looks for something to say.
const PATIENCE: Duration = Duration::from_millis(2);

/// The real one stops when so many events wait for a reader.
const EVENTS_WAITING_MAX: usize = 1024;

/// A picture in a message of a flood.
const PICTURE_BYTES: usize = 14_000;

pub(super) fn serve(
    connection: TcpStream,
    tls: Option<&Arc<ServerConfig>>,
    login: Option<&str>,
    state: &Watched<State>,
) {
    let Ok(patient) = connection.try_clone() else { return };
    // Whoever talks to us may hang up at any time.
    let _ = match tls {
        None => talk(connection, &patient, login, state),
        Some(config) => ServerConnection::new(Arc::clone(config))
            .map_err(|_| ())
            .and_then(|session| talk(StreamOwned::new(session, connection), &patient, login, state)),
    };
}

/// What becomes of one command.
enum Next {
    Say(Vec<Value>),
    Hold(Vec<Value>),
    Nothing,
    Cut,
}

fn talk<S: Read + Write>(
    stream: S,
    connection: &TcpStream,
    login: Option<&str>,
    state: &Watched<State>,
) -> Result<(), ()> {
    let Ok(mut socket) = accept_hdr(stream, Door { login }) else {
        state.change(|state| state.refused += 1);
        return Err(());
    };
    connection.set_read_timeout(Some(PATIENCE)).map_err(|_| ())?;
    let cuts = state.change(|state| {
        state.connections += 1;
        state.cuts
    });
    let mut waiting: VecDeque<String> = VecDeque::new();
    let mut held: Option<Vec<Value>> = None;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => waiting.push_back(text.as_str().to_owned()),
            // It is answered by itself, with what is written next.
            Ok(Message::Ping(_)) => state.change(|state| state.pings += 1),
            Ok(Message::Close(_)) => {
                let _ = socket.flush();
                return Ok(());
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if is_impatience(&error) => {}
            Err(_) => return Err(()),
        }
        socket.flush().map_err(|_| ())?;
        if state.look(|state| state.cuts) > cuts {
            return Ok(());
        }
        if held.is_some() && state.look(|state| state.releases) > 0 {
            state.change(|state| state.releases -= 1);
            for frame in held.take().into_iter().flatten() {
                write(&mut socket, frame, state)?;
            }
        }
        let is_stopped = state.look(|state| state.world.events.len()) > EVENTS_WAITING_MAX;
        while held.is_none()
            && !is_stopped
            && let Some(text) = waiting.pop_front()
        {
            match state.change(|state| answer(state, &text)) {
                Next::Say(frames) => {
                    for frame in frames {
                        write(&mut socket, frame, state)?;
                    }
                }
                Next::Hold(frames) => held = Some(frames),
                Next::Nothing => {}
                Next::Cut => return Ok(()),
            }
        }
        // Some at a time, so that commands are heard in between.
        for _ in 0..50 {
            let Some(event) = next_event(state) else { break };
            write(&mut socket, event, state)?;
            state.change(|state| state.events_written += 1);
        }
    }
}

fn is_impatience(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Lets in who has the login, if one is asked for.
struct Door<'a> {
    login: Option<&'a str>,
}

impl Callback for Door<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let expected = self.login.map(|login| format!("Basic {}", STANDARD.encode(login)));
        let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if expected.is_some() && expected.as_deref() != given {
            let mut refusal = ErrorResponse::new(Some("401 Authorization Required".to_owned()));
            *refusal.status_mut() = StatusCode::UNAUTHORIZED;
            return Err(refusal);
        }
        Ok(response)
    }
}

fn write<S: Read + Write>(socket: &mut WebSocket<S>, frame: Value, state: &Watched<State>) -> Result<(), ()> {
    let started = Instant::now();
    socket.send(Message::text(frame.to_string())).map_err(|_| ())?;
    let took = started.elapsed();
    if took > state.look(|state| state.slowest_write) {
        state.change(|state| state.slowest_write = took);
    }
    Ok(())
}

/// What is said unasked, if there is anything.
fn next_event(state: &Watched<State>) -> Option<Value> {
    if state.look(|state| state.world.events.is_empty() && state.flood == 0) {
        return None;
    }
    state.change(|state| {
        let shape = state.world.shape;
        let body = state.world.events.pop_front().or_else(|| {
            state.flood = state.flood.checked_sub(1)?;
            let mut body = state.world.said(&["event_newChatItems_received_group"]);
            let picture = format!("data:image/jpg;base64,{}", "A".repeat(PICTURE_BYTES));
            body["chatItems"][0]["chatItem"]["content"]["msgContent"]["image"] = json!(picture);
            Some(body)
        });
        body.map(|body| shape.frame(None, body))
    })
}

fn answer(state: &mut State, text: &str) -> Next {
    let shape = state.world.shape;
    let request: Option<Value> = serde_json::from_str(text).ok();
    let field = |name: &str| request.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let (Some(corr_id), Some(command)) = (field("corrId"), field("cmd")) else {
        state.malformed.push(text.to_owned());
        return Next::Say(vec![shape.frame(None, not_understood())]);
    };
    state.commands.push(command.clone());
    let fault = state.faults.iter().position(|(start, _)| command.starts_with(start));
    let fault = fault.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault);
    match &fault {
        Some(Fault::CutBefore) => return Next::Cut,
        Some(Fault::Unheard) => return Next::Nothing,
        _ => {}
    }
    let mut frames = Vec::new();
    let noise = ["event_subscriptionStatus", "event_newChatItems_received_group"];
    for number in 0..state.noise {
        frames.push(shape.frame(None, state.world.said(&[noise[number % noise.len()]])));
    }
    let body = match &fault {
        Some(Fault::Error(error)) => error.clone(),
        _ => state.world.run(&command),
    };
    if let Some(Fault::EventsFirst) = fault {
        frames.extend(state.world.events.drain(..).map(|event| shape.frame(None, event)));
    }
    frames.push(shape.frame(Some(&corr_id), body));
    match fault {
        Some(Fault::CutAfter) => Next::Cut,
        Some(Fault::Unanswered) => Next::Nothing,
        Some(Fault::Late) => Next::Hold(frames),
        _ => Next::Say(frames),
    }
}
