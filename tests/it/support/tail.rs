//! `alertik tail` at work beside a daemon, and what it has printed.

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::DEADLINE;
use super::daemon::{Daemon, Ended, Output, Printed, command, spawn};
use super::variables::Variables;

/// The command; killed when dropped.
pub(crate) struct Tail {
    child: Child,
    output: Output,
}

impl Tail {
    /// Starts it with these arguments besides, and waits until it shows lines of `daemon`:
    /// each begins with `wanted`, which one of its datagrams must have.
    #[track_caller]
    pub(crate) fn start(daemon: &Daemon, arguments: &[&str], wanted: &str) -> Tail {
        let variables = asking(daemon.http.unwrap());
        let arguments = [&["tail"], arguments].concat();
        let (child, output) = spawn(command(&arguments).envs(variables.all()).stdin(Stdio::null()));
        let tail = Tail { child, output };
        let deadline = Instant::now() + DEADLINE;
        while tail.printed().is_empty() {
            assert!(Instant::now() < deadline, "it shows nothing");
            // Who watches sees what comes from then on, and nobody says when that is.
            daemon.send(wanted);
            tail.output
                .wait_for_within(Duration::from_millis(50), |printed| printed.stdout.first().map(drop));
        }
        tail
    }

    /// The lines that it has printed.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.output.look(|printed| printed.stdout.clone())
    }

    /// Waits for a line that `wanted` likes.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let found = self.output.wait_for(|printed| printed.stdout.iter().find(|line| wanted(line)).cloned());
        found.unwrap_or_else(|| panic!("the line did not come, but:\n{}", self.output.look(Printed::whole)))
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let output = Arc::clone(&self.output);
        Ended::wait(&mut self.child, &output, Instant::now())
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The variables of a command that asks the daemon at `address`.
pub(crate) fn asking(address: SocketAddr) -> Variables {
    Variables::new().with("HTTP_LISTEN", address.to_string())
}
