//! The pinger: a thread that asks for `HEARTBEAT_URL` for as long as we are well.
//!
//! ```text
//!   probe to ourselves ─► back in 5 s? ─► a notifier parked or stuck? ─► GET ─► wait
//!                            └─ no ───────────┴─ yes: nothing is sent ─────────► wait
//! ```
//!
//! The probe goes the way of a line (socket, listener, ring, worker), so a thread
//! that hangs and a port that is not ours any more are both noticed. `Rounds` is
//! the sense in it, pure, with the time as an argument.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::Pings;
use crate::health::{Condition, Pulse};
use crate::log;
use crate::notify::Outcome;
use crate::notify::http::{Request, policy};
use crate::probe::Probe;

/// Lines are read within milliseconds; `/healthz`, too, calls five seconds ill.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// When something was wrong, the next round comes after this, if not sooner: a ping that is
/// missed because of a moment's trouble should not cost the whole period.
const RETRY: Duration = Duration::from_secs(30);

/// While pings go on failing, that is said this often: an uplink may be down for days.
const FAILURE_QUIET: Duration = Duration::from_secs(3600);

/// Everything the thread works with.
pub struct Pinger {
    /// Where to, and how often.
    pub pings: Pings,
    /// Shared with listener and worker.
    pub probe: Arc<Probe>,
    /// The address that we listen on.
    pub listen: SocketAddr,
    /// Every destination, by its name.
    pub pulses: Vec<(String, Arc<Pulse>)>,
    /// Closed when it is time to stop.
    pub stop: Receiver<()>,
}

/// What a round came to.
#[derive(Debug)]
enum Round {
    /// The service has taken the ping.
    Pinged,
    /// It has not; why.
    Failed(String),
    /// None was sent; why.
    Withheld(String),
}

/// What is to be said of a round.
#[derive(Debug, PartialEq)]
enum Said {
    Withheld(String),
    Resumed,
    Failed { reason: String, failures: usize },
    Answered { failures: usize },
}

/// What is remembered from one round to the next.
#[derive(Default)]
struct Rounds {
    is_withheld: bool,
    failures: usize,
    failure_said_at: Option<Instant>,
}

impl Rounds {
    /// Takes in what a round came to at `now`: how long after its beginning the next one is due, and what to say.
    fn settle(&mut self, round: Round, every: Duration, now: Instant) -> (Duration, Vec<Said>) {
        let mut said = Vec::new();
        let was_withheld = std::mem::replace(&mut self.is_withheld, matches!(round, Round::Withheld(_)));
        if was_withheld && !self.is_withheld {
            said.push(Said::Resumed);
        }
        let mut wait = every.min(RETRY);
        match round {
            Round::Pinged => {
                wait = every;
                if self.failures > 0 {
                    said.push(Said::Answered { failures: self.failures });
                }
                (self.failures, self.failure_said_at) = (0, None);
            }
            Round::Failed(reason) => {
                self.failures = self.failures.saturating_add(1);
                let is_soon = |at| now.saturating_duration_since(at) < FAILURE_QUIET;
                if !self.failure_said_at.is_some_and(is_soon) {
                    self.failure_said_at = Some(now);
                    said.push(Said::Failed { reason, failures: self.failures });
                }
            }
            Round::Withheld(reason) if !was_withheld => said.push(Said::Withheld(reason)),
            Round::Withheld(_) => {}
        }
        (wait, said)
    }
}

impl Pinger {
    /// Works until it is told to stop.
    pub fn run(self) {
        let mut rounds = Rounds::default();
        loop {
            let started = Instant::now();
            let trouble = self.probe().err().or_else(|| notifier_trouble(&self.pulses, Instant::now()));
            // The worker may have been told to stop meanwhile, and that is no trouble.
            if self.stop.try_recv() != Err(TryRecvError::Empty) {
                return;
            }
            let round = match trouble {
                Some(reason) => Round::Withheld(reason),
                None => self.ping().map_or_else(Round::Failed, |()| Round::Pinged),
            };
            let (wait, said) = rounds.settle(round, self.pings.every, Instant::now());
            said.iter().for_each(say);
            let left = wait.saturating_sub(started.elapsed());
            if self.stop.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Sends a datagram to ourselves and waits for the worker to have read it.
    fn probe(&self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("cannot send to ourselves: {error}");
        let target = reachable(self.listen);
        let anywhere: IpAddr = match target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // A socket for each: its port is one more thing that nobody can know beforehand.
        let socket = UdpSocket::bind((anywhere, 0)).map_err(failed)?;
        socket.connect(target).map_err(failed)?;
        let text = self.probe.expect(log::marker(), socket.local_addr().map_err(failed)?);
        socket.send(text.as_bytes()).map_err(failed)?;
        match self.probe.wait(PROBE_TIMEOUT) {
            true => Ok(()),
            false => Err("a datagram to ourselves was not read within 5 s".to_owned()),
        }
    }

    fn ping(&self) -> Result<(), String> {
        let answer = self.pings.client.send(Request::get(self.pings.url.clone()))?;
        match policy::judge(&answer) {
            Outcome::Delivered { .. } => Ok(()),
            Outcome::TooFast { reason, .. }
            | Outcome::Failed { reason }
            | Outcome::Again { reason }
            | Outcome::Rejected { reason }
            | Outcome::Parked { reason } => Err(reason),
        }
    }
}

fn say(said: &Said) {
    match said {
        Said::Withheld(reason) => log::error("heartbeat withheld", &[("reason", reason)]),
        Said::Resumed => log::info("heartbeat resumed", &[]),
        Said::Failed { reason, failures } => {
            log::warn("heartbeat failed", &[("failures", failures), ("reason", reason)]);
        }
        Said::Answered { failures } => log::info("heartbeat answered again", &[("failures", failures)]),
    }
}

/// Where to send to reach the socket that listens on `listen`, which may be any address of ours.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        // `[::]` hears IPv4 too, and there is a loopback for that wherever there is any.
        ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    }
}

/// Which notifiers take nothing now, if any.
fn notifier_trouble(pulses: &[(String, Arc<Pulse>)], now: Instant) -> Option<String> {
    let names = |condition| {
        let found = pulses.iter().filter(move |(_, pulse)| pulse.condition(now) == condition);
        found.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (parked, stuck) = (names(Condition::Parked), names(Condition::Stuck));
    let parts = [("parked", parked), ("stuck for more than 10 min", stuck)];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {names}"))
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(300);

    /// What each round in turn (`.` pinged, `x` failed, `-` withheld), five minutes apart, has us say.
    #[track_caller]
    fn check(rounds: &str, expected: &[&str]) {
        let (mut memory, mut now, mut said) = (Rounds::default(), Instant::now(), Vec::new());
        for round in rounds.chars() {
            let (round, wait) = match round {
                '.' => (Round::Pinged, EVERY),
                'x' => (Round::Failed("down".to_owned()), RETRY),
                _ => (Round::Withheld("parked: A".to_owned()), RETRY),
            };
            let (waited, new) = memory.settle(round, EVERY, now);
            assert_eq!(waited, wait);
            said.extend(new.into_iter().map(|said| match said {
                Said::Withheld(reason) => format!("withheld {reason}"),
                Said::Resumed => "resumed".to_owned(),
                Said::Failed { reason, failures } => format!("{reason} {failures}"),
                Said::Answered { failures } => format!("answered {failures}"),
            }));
            now += EVERY;
        }
        assert_eq!(said, expected, "{rounds}");
    }

    #[test]
    fn what_lasts_is_said_once_and_its_end_too() {
        check("....", &[]);
        check(".---..", &["withheld parked: A", "resumed"]);
        check("-.-.", &["withheld parked: A", "resumed", "withheld parked: A", "resumed"]);
        check(".xxx.x.", &["down 1", "answered 3", "down 1", "answered 1"]);
        check("x-x.", &["down 1", "withheld parked: A", "resumed", "answered 2"]);
        // Twelve rounds are an hour.
        check(&"x".repeat(25), &["down 1", "down 13", "down 25"]);
    }

    #[test]
    fn a_short_period_is_not_made_longer_by_trouble() {
        let second = Duration::from_secs(1);
        let settle = |round| Rounds::default().settle(round, second, Instant::now()).0;
        assert_eq!(settle(Round::Withheld(String::new())), second);
        assert_eq!(settle(Round::Failed(String::new())), second);
    }

    #[test]
    fn notifiers_that_take_nothing_are_named() {
        let now = Instant::now();
        let pulses: Vec<_> =
            ["A", "B", "C", "D"].map(|name| (name.to_owned(), Arc::<Pulse>::default())).into();
        let pulse = |index: usize| &pulses[index].1;
        assert_eq!(notifier_trouble(&pulses, now), None);
        pulse(0).attempted(false, true, now);
        pulse(1).attempted(false, false, now);
        pulse(2).attempted(false, true, now);
        pulse(3).attempted(true, false, now);
        assert_eq!(notifier_trouble(&pulses, now).as_deref(), Some("parked: A, C"));
        let later = now + Duration::from_secs(601);
        let expected = "parked: A, C; stuck for more than 10 min: B";
        assert_eq!(notifier_trouble(&pulses, later).as_deref(), Some(expected));
    }

    #[test]
    fn wherever_we_listen_we_can_be_reached() {
        let check = |listen: &str, target: &str| {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), target);
        };
        check("[::]:5140", "127.0.0.1:5140");
        check("0.0.0.0:5140", "127.0.0.1:5140");
        check("192.0.2.1:5140", "192.0.2.1:5140");
        check("[2001:db8::1]:5140", "[2001:db8::1]:5140");
    }
}
