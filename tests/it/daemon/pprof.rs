//! The profile of a running daemon, in a build with the feature `pprof`: who may have one, and what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::LOGIN_FAILURE;
use crate::support::DEADLINE;
use crate::support::daemon::{Daemon, get};
use crate::support::variables::Variables;

/// Status, head and body.
#[track_caller]
fn fetch(address: SocketAddr, path: &str, headers: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head ends");
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip =
        Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, bytes) = (gzip.stdin.take().unwrap(), bytes.to_vec());
    thread::spawn(move || stdin.write_all(&bytes));
    let output = gzip.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// A field of a protobuf message: a number, or bytes.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
    }
    panic!("a number without end");
}

/// All fields of a message, by their numbers.
fn fields(mut bytes: &[u8]) -> BTreeMap<u64, Vec<Field<'_>>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            2 => {
                let length = varint(&mut bytes) as usize;
                let (field, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(field)
            }
            other => panic!("wire type {other}"),
        };
        all.entry(tag >> 3).or_default().push(field);
    }
    all
}

fn number(message: &BTreeMap<u64, Vec<Field<'_>>>, field: u64) -> u64 {
    match message.get(&field).map(Vec::as_slice) {
        None => 0,
        Some([Field::Number(number)]) => *number,
        _ => panic!("field {field} is not one number"),
    }
}

fn messages<'a>(message: &BTreeMap<u64, Vec<Field<'a>>>, field: u64) -> Vec<&'a [u8]> {
    let all = message.get(&field).map_or(&[][..], Vec::as_slice);
    all.iter()
        .map(|field| match field {
            Field::Bytes(bytes) => *bytes,
            Field::Number(_) => panic!("a number where a message should be"),
        })
        .collect()
}

fn numbers(mut packed: &[u8]) -> Vec<u64> {
    let mut all = Vec::new();
    while !packed.is_empty() {
        all.push(varint(&mut packed));
    }
    all
}

#[test]
fn a_profile_says_which_thread_was_where() {
    let daemon = Daemon::start(&Variables::new().regex("Console", "^x(a|b)*y$", "told"));
    let address = daemon.http.unwrap();
    let host = format!("Host: {address}\r\n");
    let is_done = AtomicBool::new(false);
    let started = Instant::now();
    let (status, head, body) = thread::scope(|scope| {
        // Something to see.
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                for _ in 0..200 {
                    daemon.send(LOGIN_FAILURE);
                }
                daemon.wait_until_drained();
            }
        });
        let profile = scope.spawn(|| fetch(address, "/debug/pprof/profile?seconds=2", &host));
        // One at a time; everything else goes on.
        while started.elapsed() < Duration::from_secs(1) {
            assert_eq!(get(address, "/healthz").0, 200);
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(fetch(address, "/debug/pprof/profile?seconds=1", &host).0, 409);
        let profile = profile.join();
        is_done.store(true, Ordering::Relaxed);
        profile.unwrap()
    });
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(status, 200, "{head}");
    assert!(head.contains("content-type: application/octet-stream"), "{head}");
    let profile = gunzip(&body);
    let profile = fields(&profile);
    let strings: Vec<_> =
        messages(&profile, 6).into_iter().map(|text| std::str::from_utf8(text).unwrap()).collect();
    let text = |number: u64| strings[number as usize];
    assert_eq!(text(0), "");
    let types: Vec<_> = messages(&profile, 1).into_iter().map(fields).collect();
    let types: Vec<_> =
        types.iter().map(|message| (text(number(message, 1)), text(number(message, 2)))).collect();
    assert_eq!(types, [("samples", "count"), ("cpu", "nanoseconds")]);
    assert_eq!(number(&profile, 12), 1_000_000_000 / 99);
    assert!(number(&profile, 10) >= 2_000_000_000);
    let functions: BTreeMap<u64, &str> = messages(&profile, 5)
        .into_iter()
        .map(fields)
        .map(|message| (number(&message, 1), text(number(&message, 2))))
        .collect();
    let locations: BTreeMap<u64, &str> = messages(&profile, 4)
        .into_iter()
        .map(fields)
        .map(|message| {
            let line = fields(messages(&message, 4)[0]);
            (number(&message, 1), functions[&number(&line, 1)])
        })
        .collect();
    let mut threads = BTreeSet::new();
    let mut names = BTreeSet::new();
    for sample in messages(&profile, 2).into_iter().map(fields) {
        for id in numbers(messages(&sample, 1)[0]) {
            names.insert(locations[&id]);
        }
        let values = numbers(messages(&sample, 2)[0]);
        assert_eq!(values[1], values[0] * (1_000_000_000 / 99));
        let label = fields(messages(&sample, 3)[0]);
        assert_eq!(text(number(&label, 1)), "thread");
        threads.insert(text(number(&label, 2)));
    }
    assert!(threads.contains("worker"), "{threads:?}");
    assert!(names.iter().any(|name| name.contains("alertik::worker::Worker")), "{names:?}");
    // And once more, when the first is done.
    assert_eq!(fetch(address, "/debug/pprof/profile?seconds=1", &host).0, 200);
    let ended = daemon.stop("TERM");
    assert_eq!(ended.code, Some(0), "{}", ended.whole());
}

#[test]
fn nobody_else_gets_one_and_none_that_never_ends() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    let check = |path: &str, headers: &str, expected: u16| {
        assert_eq!(fetch(address, path, headers).0, expected, "{path} {headers}");
    };
    let host = format!("Host: {address}\r\n");
    for seconds in ["0", "61", "-1", "1.5", "", "18446744073709551616"] {
        check(&format!("/debug/pprof/profile?seconds={seconds}"), &host, 400);
    }
    check("/debug/pprof/profile?seconds=1", "Host: attacker.example\r\n", 403);
    check("/debug/pprof/heap", &host, 404);
    let open = Variables::new().with("HTTP_LISTEN", "0.0.0.0:0").with("HTTP_TOKEN", "t0ken");
    let daemon = Daemon::start(&open.with("METRICS_TOKEN", "m3tric"));
    let address = daemon.http.unwrap();
    for headers in ["", "Authorization: Bearer m3tric\r\n"] {
        let (status, ..) =
            fetch(address, "/debug/pprof/profile?seconds=1", &format!("Host: {address}\r\n{headers}"));
        assert_eq!(status, 401, "{headers}");
    }
    let token = format!("Host: {address}\r\nAuthorization: Bearer t0ken\r\n");
    assert_eq!(fetch(address, "/debug/pprof/profile?seconds=1", &token).0, 200);
}
