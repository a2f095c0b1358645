//! `alertik demo`: the daemon with the starter rules and Console, and lines as a router sends them.

use std::ffi::OsString;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use super::{Exit, complain, print, tell};
use crate::daemon::Daemon;
use crate::settings::Settings;

/// What a router might say in a bad minute.
const SAMPLE: &str = include_str!("demo.txt");

/// Slow enough to be followed by eye.
const PACE: Duration = Duration::from_millis(150);

/// A datagram on one machine takes microseconds.
const RECEIVED_WITHIN: Duration = Duration::from_secs(1);

pub(super) fn run() -> Exit {
    // Nothing of the operator's own: a first look must neither tell anybody nor disturb a daemon.
    let environment = [
        ("SYSLOG_LISTEN", "127.0.0.1:0"),
        ("HTTP_LISTEN", "off"),
        ("LOG_LEVEL", "error"),
        ("ROUTERS", "127.0.0.1=MikroTik"),
    ];
    let environment = environment.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let (settings, faults) = Settings::read(environment);
    tell(&faults);
    let daemon = match settings.map(Daemon::start) {
        Some(Ok(daemon)) => daemon,
        Some(Err(error)) => {
            complain(&error.to_string());
            return Exit::Failure;
        }
        None => return Exit::Configuration,
    };
    print(&format!("The daemon listens on {} with the starter rules.\n", daemon.address));
    print(
        "Lines that a router sends are shown with \"<\", alerts with a \"~\" and the mark of this start.\n\n",
    );
    let sent = send(&daemon);
    if let Err(error) = sent {
        complain(&format!("cannot send to {}: {error}", daemon.address));
        return Exit::Failure;
    }
    daemon.stop();
    print("\nNext: set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID, run alertik test, then alertik.\n");
    Exit::Success
}

fn send(daemon: &Daemon) -> std::io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let lines: Vec<_> = SAMPLE.lines().filter(|line| !line.is_empty()).collect();
    for (index, line) in lines.iter().enumerate() {
        print(&format!("< {line}\n"));
        socket.send_to(line.as_bytes(), daemon.address)?;
        // One is shown behind the other; a datagram may be lost even here.
        let deadline = Instant::now() + RECEIVED_WITHIN;
        while daemon.stats.lines_received.count() <= index && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(PACE);
    }
    Ok(())
}
