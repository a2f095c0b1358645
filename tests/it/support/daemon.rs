//! Our own binary, started as an operator would, on free ports.
//!
//! It runs with no variables but those given. Its output is read in threads, so
//! that it never waits for us, and kept line by line.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::elsewhere::unshare;
use super::log_line::LogLine;
use super::variables::Variables;
use super::{DEADLINE, Watched};
use crate::binary::Binary;

/// What a process has printed so far.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) stdout: Vec<String>,
    stderr: Vec<String>,
    /// How many of the two have ended.
    ended: usize,
}

impl Printed {
    pub(super) fn whole(&self) -> String {
        let mut all = self.stdout.join("\n");
        let _ = write!(all, "\n{}", self.stderr.join("\n"));
        all
    }
}

pub(super) type Output = Arc<Watched<Printed>>;

pub(super) fn spawn(command: &mut Command) -> (Child, Output) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = Output::default();
    read_lines(child.stdout.take().unwrap(), Arc::clone(&output), |printed| &mut printed.stdout);
    read_lines(child.stderr.take().unwrap(), Arc::clone(&output), |printed| &mut printed.stderr);
    (child, output)
}

fn read_lines(from: impl Read + Send + 'static, output: Output, to: fn(&mut Printed) -> &mut Vec<String>) {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            output.change(|printed| to(printed).push(line));
        }
        output.change(|printed| printed.ended += 1);
    });
}

/// What a process that has ended leaves behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) took: Duration,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Ended {
    /// Waits for the end of `child`, which closes its output.
    #[track_caller]
    pub(super) fn wait(child: &mut Child, output: &Output, since: Instant) -> Ended {
        let ended = output.wait_for(|printed| (printed.ended == 2).then_some(()));
        if ended.is_none() {
            let _ = child.kill();
            panic!("it did not end, and printed:\n{}", output.look(Printed::whole));
        }
        let code = child.wait().unwrap().code();
        let (stdout, stderr) = output.look(|printed| (printed.stdout.clone(), printed.stderr.clone()));
        Ended { code, took: since.elapsed(), stdout, stderr }
    }

    /// Everything it printed, anywhere.
    pub(crate) fn whole(&self) -> String {
        format!("{}\n{}", self.stdout.join("\n"), self.stderr.join("\n"))
    }

    /// The lines of its log that say `what`.
    pub(crate) fn logged(&self, what: &str) -> Vec<LogLine> {
        self.stdout.iter().filter_map(|line| LogLine::parse(line)).filter(|line| line.what == what).collect()
    }

    /// The one line with all the figures, at the end.
    #[track_caller]
    pub(crate) fn figures(&self) -> LogLine {
        let stopped = self.logged("stopped");
        assert_eq!(stopped.len(), 1, "{}", self.whole());
        stopped[0].clone()
    }

    /// What was left for `notifier`, as the log says it; 0 when it says nothing.
    pub(crate) fn left_for(&self, notifier: &str) -> usize {
        let left = self.logged("alerts left");
        left.iter()
            .find(|line| line.value("notifier") == Some(notifier))
            .map_or(0, |line| line.figure("alerts"))
    }
}

pub(super) fn command(arguments: &[&str]) -> Command {
    Binary::new(arguments).into_command()
}

/// Runs a command of ours to its end, which must come: unlike [`Binary::run`], this waits no longer than it should.
#[track_caller]
pub(crate) fn run(arguments: &[&str], variables: &Variables) -> Ended {
    run_with_input(arguments, variables, b"")
}

/// The same, by another command that ends in it.
#[track_caller]
pub(crate) fn run_by(command: &mut Command, variables: &Variables) -> Ended {
    let started = Instant::now();
    let (mut child, output) = spawn(command.stdin(Stdio::null()).env_clear().envs(variables.all()));
    Ended::wait(&mut child, &output, started)
}

/// The same, with something on standard input.
#[track_caller]
pub(crate) fn run_with_input(arguments: &[&str], variables: &Variables, input: &[u8]) -> Ended {
    let started = Instant::now();
    let (mut child, output) = spawn(command(arguments).envs(variables.all()).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    // It may end without reading.
    let _ = stdin.write_all(input);
    drop(stdin);
    Ended::wait(&mut child, &output, started)
}

/// The daemon at work; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    /// The daemon's own process: the child, unless that is `unshare`.
    process: u32,
    output: Output,
    /// Where datagrams go.
    pub(crate) syslog: SocketAddr,
    /// Where it answers HTTP.
    pub(crate) http: Option<SocketAddr>,
    /// From the start until it said that it listens.
    pub(crate) started_in: Duration,
    client: UdpSocket,
}

impl Daemon {
    /// Starts it with these variables, on free ports of 127.0.0.1 unless they say
    /// otherwise, and waits until it listens.
    #[track_caller]
    pub(crate) fn start(variables: &Variables) -> Daemon {
        Daemon::start_by(&mut command(&["run"]), variables)
    }

    /// Starts it as the first process of a process namespace of its own, as in a
    /// container; or says why this machine does not let us.
    #[track_caller]
    pub(crate) fn start_as_first_process(variables: &Variables) -> Result<Daemon, String> {
        let first = ["--fork", "--pid", "--mount-proc", "--kill-child"];
        let mut daemon = Daemon::start_under(unshare(&first)?, variables);
        let unshare = daemon.process;
        let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children"));
        let children = children.map_err(|error| format!("/proc: {error}"))?;
        daemon.process = children.trim().parse().map_err(|_| "unshare has no child".to_owned())?;
        Ok(daemon)
    }

    /// Starts it by `wrapper`, a command that takes a program and its arguments.
    #[track_caller]
    pub(crate) fn start_under(mut wrapper: Command, variables: &Variables) -> Daemon {
        Daemon::start_by(wrapper.args([env!("CARGO_BIN_EXE_alertik"), "run"]), variables)
    }

    /// The same as [`Daemon::start`], by another command that ends in it.
    #[track_caller]
    pub(crate) fn start_by(command: &mut Command, variables: &Variables) -> Daemon {
        let started = Instant::now();
        let variables = variables.on_free_ports();
        let (child, output) = spawn(command.stdin(Stdio::null()).env_clear().envs(variables.all()));
        let process = child.id();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let client = UdpSocket::bind(anywhere).unwrap();
        let http = None;
        let started_in = Duration::ZERO;
        let mut daemon = Daemon { child, process, output, syslog: anywhere, http, started_in, client };
        let listening = daemon.wait_for_log("listening", &[]);
        daemon.started_in = started.elapsed();
        daemon.syslog = reachable(listening.value("udp").unwrap());
        // HTTP is bound before UDP, so its line is there by now, or never.
        daemon.http =
            daemon.find_log("http listening", &[]).map(|line| reachable(line.value("address").unwrap()));
        daemon
    }

    /// Sends one datagram from 127.0.0.1.
    pub(crate) fn send(&self, datagram: impl AsRef<[u8]>) {
        let datagram = datagram.as_ref();
        assert_eq!(self.client.send_to(datagram, self.syslog).unwrap(), datagram.len());
    }

    /// Sends one datagram from another address of this machine.
    pub(crate) fn send_from(&self, address: &str, datagram: impl AsRef<[u8]>) {
        let address: IpAddr = address.parse().unwrap();
        let target = match address {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        };
        let client = UdpSocket::bind((address, 0)).unwrap();
        client.send_to(datagram.as_ref(), (target, self.syslog.port())).unwrap();
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process
    }

    /// Waits until the daemon has taken every datagram from its socket, so that a
    /// sender that is faster than it can be told what was lost, and what was not.
    #[track_caller]
    pub(crate) fn wait_until_drained(&self) {
        let deadline = Instant::now() + DEADLINE;
        while kernel_queue_bytes(self.process, "udp", self.syslog.port()) > 0 {
            assert!(Instant::now() < deadline, "datagrams stay in the kernel");
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// Waits until the daemon has read all that was written to it by HTTP.
    #[track_caller]
    pub(crate) fn wait_until_read(&self) {
        let (port, deadline) = (self.http.unwrap().port(), Instant::now() + DEADLINE);
        while kernel_queue_bytes(self.process, "tcp", port) > 0 {
            assert!(Instant::now() < deadline, "what was written stays in the kernel");
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// Waits for a line on standard output that `wanted` likes.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let is_wanted = |line: &&String| wanted(line);
        let found = self.output.wait_for(|printed| match printed.stdout.iter().find(is_wanted) {
            Some(line) => Some(Some(line.clone())),
            None => (printed.ended == 2).then_some(None),
        });
        found.flatten().unwrap_or_else(|| panic!("the line did not come, but:\n{}", self.printed()))
    }

    /// Waits for a line of the log that says `what` and has these values.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, what: &str, values: &[(&str, &str)]) -> LogLine {
        let line =
            self.wait_for_line(|line| LogLine::parse(line).is_some_and(|line| says(&line, what, values)));
        LogLine::parse(&line).unwrap()
    }

    /// Such a line, if there is one by now.
    pub(crate) fn find_log(&self, what: &str, values: &[(&str, &str)]) -> Option<LogLine> {
        self.output.look(|printed| {
            let mut lines = printed.stdout.iter().filter_map(|line| LogLine::parse(line));
            lines.find(|line| says(line, what, values))
        })
    }

    /// The mark of this start: `~` and ten hexadecimal digits.
    #[track_caller]
    pub(crate) fn marker(&self) -> String {
        self.wait_for_log("listening", &[]).marker
    }

    /// Everything printed so far.
    pub(crate) fn printed(&self) -> String {
        self.output.look(Printed::whole)
    }

    /// Sends `signal` (`TERM`, `STOP`, …).
    #[track_caller]
    pub(crate) fn signal(&self, signal: &str) {
        // By the shell's own kill: no crate, no unsafe, and there on every machine.
        let kill = format!("kill -s {signal} {}", self.process);
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Sends `signal` and waits for the end.
    #[track_caller]
    pub(crate) fn stop(mut self, signal: &str) -> Ended {
        let told = Instant::now();
        self.signal(signal);
        let output = Arc::clone(&self.output);
        Ended::wait(&mut self.child, &output, told)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn says(line: &LogLine, what: &str, values: &[(&str, &str)]) -> bool {
    line.what == what && values.iter().all(|(name, value)| line.value(name) == Some(value))
}

/// Where to send to reach a socket that listens on `address`, which may be any of ours.
#[track_caller]
fn reachable(address: &str) -> SocketAddr {
    let mut address: SocketAddr = address.parse().unwrap_or_else(|_| panic!("{address} is no address"));
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// Bytes that wait to be received by sockets on `port`, by `protocol`; with those that its peers have not got rid of.
fn kernel_queue_bytes(process: u32, protocol: &str, port: u16) -> usize {
    let port = format!("{port:04X}");
    let queue = |line: &str| {
        // sl local_address rem_address st tx_queue:rx_queue …, all in hexadecimal
        let words: Vec<_> = line.split_whitespace().collect();
        let has_port = |index: usize| words.get(index).and_then(|end| end.rsplit(':').next()) == Some(&*port);
        let (sending, receiving) = words.get(4)?.split_once(':')?;
        let waiting = match (has_port(1), has_port(2)) {
            (true, _) => receiving,
            (_, true) => sending,
            _ => return None,
        };
        usize::from_str_radix(waiting, 16).ok()
    };
    let table =
        |end| std::fs::read_to_string(format!("/proc/{process}/net/{protocol}{end}")).unwrap_or_default();
    ["", "6"].iter().map(|end| table(end).lines().filter_map(queue).sum::<usize>()).sum()
}

/// One HTTP request to the daemon itself: status and body.
#[track_caller]
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not HTTP: {answer}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status: {head}")), body.to_owned())
}

mod tests {
    use super::*;

    #[test]
    fn what_waits_in_a_socket_is_seen() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(kernel_queue_bytes(std::process::id(), "udp", port), 0);
        socket.send_to(b"x", ("127.0.0.1", port)).unwrap();
        assert!(kernel_queue_bytes(std::process::id(), "udp", port) > 0);
        socket.recv(&mut [0]).unwrap();
        assert_eq!(kernel_queue_bytes(std::process::id(), "udp", port), 0);
    }
}
