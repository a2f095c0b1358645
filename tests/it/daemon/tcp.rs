//! Lines by TCP, for routers that are set to it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{LOGIN_FAILURE, without_time};
use crate::support::DEADLINE;
use crate::support::daemon::Daemon;
use crate::support::hostile::Hostile;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

fn start(recorder: &Recorder, variables: Variables) -> (Daemon, SocketAddr) {
    let variables = variables.generic(1, recorder).with("SYSLOG_TCP_LISTEN", "127.0.0.1:0");
    let daemon = Daemon::start(&variables.regex("Generic1", "line ([0-9]+)", "@1"));
    let address = daemon.wait_for_log("tcp listening", &[]).value("address").unwrap().parse().unwrap();
    (daemon, address)
}

fn told(recorder: &Recorder, count: usize) -> Vec<String> {
    recorder.wait_for(count).iter().map(|one| without_time(&one.text()).to_owned()).collect()
}

#[test]
fn lines_by_tcp_are_told_as_those_by_udp() {
    let recorder = Recorder::start();
    let (daemon, address) = start(&recorder, Variables::new());
    let mut router = TcpStream::connect(address).unwrap();
    router.write_all(b"system,info line 1\nCEF line 2\r\n\nsystem,info li").unwrap();
    router.write_all(b"ne 3\nsystem,info line 4").unwrap();
    // The fourth has no end, and is told when nothing more comes.
    assert_eq!(told(&recorder, 4), ["1", "2", "3", "4"]);
    daemon.send("system,info line 5");
    assert_eq!(told(&recorder, 5)[4], "5");
    // A connection that is open holds up nothing.
    assert_eq!(daemon.stop("TERM").code, Some(0));
    assert_eq!(router.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_line_whose_connection_is_cut_is_told() {
    let recorder = Recorder::start();
    let (_daemon, address) = start(&recorder, Variables::new());
    let mut router = TcpStream::connect(address).unwrap();
    router.write_all(b"system,info line 0\nsystem,info line 1").unwrap();
    assert_eq!(told(&recorder, 1), ["0"]);
    // Closed without lingering: the other side reads an error instead of an end.
    socket2::SockRef::from(&router).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(router);
    assert_eq!(told(&recorder, 2)[1], "1");
}

#[test]
fn a_sender_that_is_not_allowed_is_cut_off_and_counted() {
    let recorder = Recorder::start();
    let (daemon, address) = start(&recorder, Variables::new().with("SYSLOG_ALLOW", "127.0.0.2"));
    let mut stranger = TcpStream::connect(address).unwrap();
    stranger.set_read_timeout(Some(DEADLINE)).unwrap();
    let _ = stranger.write_all(b"system,info line 1\n");
    assert_eq!(stranger.read(&mut [0]).unwrap_or(0), 0);
    let figures = daemon.stop("TERM").figures();
    assert_eq!((figures.figure("lines"), figures.figure("refused")), (0, 1));
}

#[test]
fn of_too_many_connections_the_last_wait_for_a_place() {
    let recorder = Recorder::start();
    let (_daemon, address) = start(&recorder, Variables::new());
    let mut routers: Vec<_> = (0..70).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (number, router) in routers.iter_mut().enumerate() {
        writeln!(router, "system,info line {number}").unwrap();
    }
    recorder.wait_for(64);
    // Six places, and those that wait are served.
    routers.drain(..6);
    let mut numbers: Vec<usize> = told(&recorder, 70).iter().map(|text| text.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..70).collect::<Vec<_>>());
}

#[test]
fn a_hostile_stream_does_no_harm() {
    let recorder = Recorder::start();
    let (daemon, address) = start(&recorder, Variables::new().with("STATIC_EVENTS_ENABLED", "all"));
    let mut stranger = TcpStream::connect(address).unwrap();
    for datagram in Hostile::new(3).take(5_000) {
        stranger.write_all(&datagram).unwrap();
        stranger.write_all(b"\n").unwrap();
    }
    // One line of four megabytes, never ended.
    stranger.write_all(&vec![b'x'; 4 << 20]).unwrap();
    drop(stranger);
    let mut router = TcpStream::connect(address).unwrap();
    writeln!(router, "system,info line 77").unwrap();
    daemon.send(LOGIN_FAILURE);
    recorder.wait_for_text(|text| text.starts_with("77, "));
    assert_eq!(daemon.stop("TERM").code, Some(0));
}
