//! The daemon as an operator has it: datagrams in, requests and output out.
//!
//! Each file is a theme, each test a fact. Whoever waits does so for a
//! condition; a wait is compared with what was asked for, never with how fast
//! this machine happens to be.

mod attack;
mod cluster;
mod commands;
mod delivery;
mod email;
mod encryption;
mod examples;
mod flood;
mod forwarding;
mod heartbeat;
mod hooks;
mod http;
mod listening;
mod loop_guard;
mod metrics;
mod mute;
mod network;
mod otel;
#[cfg(feature = "pprof")]
mod pprof;
mod push;
mod remembering;
pub(crate) mod secrets;
mod small;
mod state;
mod state_crash;
mod stopping;
mod tail;
mod tcp;
mod texts;
mod tor;
mod watch;
mod webhooks;

const LOGIN_FAILURE: &str = "system,error,critical login failure for user guest from 192.168.88.17 via ssh";

/// `text` without the time at its end, which must be there.
#[track_caller]
fn without_time(text: &str) -> &str {
    let (told, time) = text.rsplit_once(", at: ").unwrap_or_else(|| panic!("no time in {text:?}"));
    assert!(is_time(time), "{time:?}");
    told
}

/// `2026-11-21 08:29:15`, by its shape.
fn is_time(text: &str) -> bool {
    let shape = "dddd-dd-dd dd:dd:dd";
    let fits = |(c, wanted): (char, char)| if wanted == 'd' { c.is_ascii_digit() } else { c == wanted };
    text.len() == shape.len() && text.chars().zip(shape.chars()).all(fits)
}
