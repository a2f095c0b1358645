//! Forward mode: every datagram goes on as it came.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::LOGIN_FAILURE;
use crate::support::daemon::{Daemon, run};
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;
use crate::support::{DEADLINE, has_ipv6};

fn open(address: impl Into<SocketAddr>) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address.into())?;
    socket.set_read_timeout(Some(DEADLINE))?;
    Ok(socket)
}

/// A daemon that forwards to `host` passes these on to `collector`, byte for byte.
#[track_caller]
fn check(host: &str, collector: &UdpSocket) {
    let recorder = Recorder::start();
    let port = collector.local_addr().unwrap().port().to_string();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "login", "told too");
    let daemon = Daemon::start(&variables.with("FORWARD_HOST", host).with("FORWARD_PORT", port));
    let huge: Vec<u8> = (0..60_000u32).map(|n| (n % 251) as u8).collect();
    let mut buffer = vec![0; 65_536];
    for datagram in [
        LOGIN_FAILURE.as_bytes(),
        b"",
        b"\0\0a\0",
        b"CEF line\r\n",
        &huge,
        b"\xff\xfe not UTF-8",
        &[0; 2_048],
    ] {
        daemon.send(datagram);
        let length = collector.recv(&mut buffer).unwrap();
        assert!(buffer[..length] == *datagram, "{length} bytes instead of {}", datagram.len());
    }
    assert_eq!(recorder.wait_for(1).len(), 1);
    assert_eq!(daemon.stop("TERM").logged("deliveries")[0].figure("forwards_failed"), 0);
}

#[test]
fn datagrams_go_on_unmodified_over_ipv4() {
    check("127.0.0.1", &open((Ipv4Addr::LOCALHOST, 0)).unwrap());
}

#[test]
fn datagrams_go_on_unmodified_over_ipv6() {
    if has_ipv6() {
        check("::1", &open((Ipv6Addr::LOCALHOST, 0)).unwrap());
    }
}

#[test]
fn datagrams_go_on_to_a_name() {
    // Whichever address the name has on this machine.
    let address = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 0)).unwrap().next().unwrap();
    check("localhost", &open(address).unwrap());
}

/// This machine's address towards others; nothing is sent.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

#[test]
fn forwarding_to_ourselves_is_refused_at_the_start() {
    // Free now, and with luck still free in a moment; the daemon is not to get so far.
    let port = open((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut cases = vec![
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("[::]", "127.0.0.1"),
        ("[::]", "127.0.0.5"),
        ("[::]", "::ffff:127.0.0.1"),
        ("[::]", "localhost"),
        ("[::]", "0.0.0.0"),
    ];
    if has_ipv6() {
        cases.push(("[::]", "::1"));
    }
    // And by an address that others know us by, where there is one.
    let own = own_address();
    cases.extend(own.iter().map(|own| ("[::]", own.as_str())));
    for (listen, host) in cases {
        let ended = run(
            &[],
            &Variables::new()
                .with("SYSLOG_LISTEN", format!("{listen}:{port}"))
                .with("HTTP_LISTEN", "off")
                .with("FORWARD_HOST", host)
                .with("FORWARD_PORT", port.to_string()),
        );
        assert_eq!(ended.code, Some(78), "{host} at {listen}: {}", ended.whole());
        assert!(ended.whole().contains("FORWARD_HOST"), "{}", ended.whole());
    }
}

#[test]
fn a_collector_that_is_gone_disturbs_nobody() {
    let collector = open((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = collector.local_addr().unwrap().port().to_string();
    drop(collector);
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "login", "told");
    let daemon = Daemon::start(&variables.with("FORWARD_HOST", "127.0.0.1").with("FORWARD_PORT", port));
    for count in 1..=5 {
        daemon.send(LOGIN_FAILURE);
        recorder.wait_for(count);
    }
}
