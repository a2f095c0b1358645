//! Whoever reaches the port is a stranger: what an attack on it costs, and what it must not.
//!
//! ```text
//!   slow clients, garbage, bodies that break off, a burst of calls ─► HTTP ◄─ /healthz, again and again
//!                                                    lines by UDP ─► all of them are told
//! ```
//!
//! How long `/healthz` took is printed, and no test fails by it: `toolchain/attack.sh` shows it for a release build,
//! beside its bound.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::http::{ask, status};
use crate::support::daemon::Daemon;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder};

/// Far more than there are places.
const CLIENTS: usize = 500;

/// Calls in a burst, by so many who each wait for their answers.
const CALLS: usize = 10_000;
const CALLERS: usize = 8;

/// Lines meanwhile.
const LINES: usize = 500;

/// What all that may take in memory: bodies under way (2 MiB), 64 connections of some 20 KiB, alerts that wait
/// (a queue of 256 KiB and an inbox of the same), and what a debug build and its allocator make of that.
const MEMORY_BYTES_MAX: usize = 24 << 20;

/// The most that the process had in memory, in bytes.
fn memory_bytes(daemon: &Daemon) -> usize {
    let text = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

fn variables(recorder: &Recorder, state: &TempFolder) -> Variables {
    Variables::new()
        .generic(1, recorder)
        .substr("Generic1", "line ", "@{message}")
        .with("ALERTS_PER_HOUR_MAX", "off")
        .with("ALERT_SUFFIX", "")
        .with("STATE_DIR", state.path("state"))
        .with("HOOK0_NAME", "ops")
        .with("HOOK0_NOTIFIER", "Generic1")
        .with("HOOK0_SECRET", "s3cret")
}

/// Asks for `/healthz` until `is_over`: how often, and how long the longest took. Whoever is cut off before it could
/// ask, on a machine this busy, asks again, and that counts.
fn watch_health(address: SocketAddr, is_over: &AtomicBool) -> (usize, Duration) {
    let (mut count, mut longest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        let ask = || ask(address, "GET /healthz HTTP/1.1\nHost: HOST\nConnection: close\n\n");
        let answer =
            std::iter::repeat_with(ask).find(|answer| !answer.is_empty() || start.elapsed() > DEADLINE);
        assert_eq!(status(&answer.unwrap()), 200);
        longest = longest.max(start.elapsed());
        count += 1;
    }
    (count, longest)
}

/// Clients that say a byte of their head now and then, for as long as there are places.
fn dawdle(address: SocketAddr) {
    let mut clients: Vec<_> = (0..CLIENTS).filter_map(|_| TcpStream::connect(address).ok()).collect();
    for byte in b"POST /hook/ops HTTP/1.1\r\nHost: x\r\nX: " {
        // Most have been cut off long since.
        clients.iter_mut().for_each(|client| _ = client.write(&[*byte]));
    }
    for client in &mut clients {
        let _ = client.write_all(b"POST /hook/ops HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
    }
}

/// Bytes that are no HTTP, the same in each run.
fn talk_nonsense(address: SocketAddr) {
    let mut seed = 88_172_645_463_325_252_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for number in 0..CLIENTS {
        let Ok(mut client) = TcpStream::connect(address) else { continue };
        let mut bytes: Vec<u8> = (0..random() % 4_000).map(|_| random() as u8).collect();
        match number % 5 {
            0 => bytes.splice(0..0, *b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").for_each(drop),
            1 => bytes.splice(0..0, *b"POST /hook/ops HTTP/1.1\r\n").for_each(drop),
            2 => bytes.splice(0..0, *b"GET / HTTP/2.0\r\nHost: x\r\nX: ").for_each(drop),
            3 => bytes = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(60_000)).into_bytes(),
            _ => {}
        }
        let _ = client.write_all(&bytes);
    }
}

/// Bodies that are announced and break off, from whoever has the secret.
fn break_off(address: SocketAddr) {
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let Ok(mut client) = TcpStream::connect(address) else { continue };
        let length = [10, 1_000_000, 4_000_000, usize::MAX / 2][number % 4];
        let head = format!(
            "POST /hook/ops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Length: {length}\r\n\r\n"
        );
        let _ = client.write_all(head.as_bytes());
        let _ = client.write_all(&[b'x'; 9]);
        // Half of them stay, and say no more.
        clients.extend((number % 2 == 0).then_some(client));
    }
}

/// Calls, each again until it is answered: the numbers of those that were taken.
fn call(address: SocketAddr, caller: usize) -> BTreeSet<usize> {
    let mut taken = BTreeSet::new();
    let mut connection: Option<BufReader<TcpStream>> = None;
    let end = Instant::now() + 4 * DEADLINE;
    for number in (caller..CALLS).step_by(CALLERS) {
        let body = format!("call {number}");
        while Instant::now() < end {
            let stream = match connection.take() {
                Some(stream) => stream,
                None => match TcpStream::connect(address) {
                    Ok(stream) => BufReader::new(stream),
                    Err(_) => continue,
                },
            };
            match call_once(stream, &body) {
                Some((200, stream)) => {
                    connection = Some(stream);
                    taken.insert(number);
                    break;
                }
                Some((429, stream)) => {
                    // It is to come again later.
                    connection = Some(stream);
                    thread::sleep(Duration::from_millis(20));
                }
                Some((status, _)) => panic!("{status}"),
                // Cut off for want of a place.
                None => {}
            }
        }
    }
    taken
}

/// One call on a connection that stays; its status. None if it was cut off.
fn call_once(mut stream: BufReader<TcpStream>, body: &str) -> Option<(u16, BufReader<TcpStream>)> {
    stream.get_ref().set_read_timeout(Some(DEADLINE)).ok()?;
    let length = body.len();
    let request = format!(
        "POST /hook/ops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.get_mut().write_all(request.as_bytes()).ok()?;
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        stream.read_line(&mut head).ok().filter(|read| *read > 0)?;
        let line = head[start..].trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).ok()?;
    Some((status(&head), stream))
}

#[test]
fn an_attack_loses_no_alert_and_leaves_room_for_who_asks_whether_we_are_well() {
    let (recorder, state) = (Recorder::start(), TempFolder::new());
    let daemon = Daemon::start(&variables(&recorder, &state));
    let address = daemon.http.unwrap();
    let before = memory_bytes(&daemon);
    let is_over = AtomicBool::new(false);
    let (taken, (asked, longest)) = thread::scope(|scope| {
        let health = scope.spawn(|| watch_health(address, &is_over));
        let lines = scope.spawn(|| {
            for number in 0..LINES {
                daemon.send(format!("script,info line {number}"));
                thread::sleep(Duration::from_millis(5));
            }
        });
        let attacks = [dawdle, talk_nonsense, break_off].map(|attack| scope.spawn(move || attack(address)));
        let callers: Vec<_> = (0..CALLERS).map(|caller| scope.spawn(move || call(address, caller))).collect();
        let taken: BTreeSet<usize> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
        attacks.into_iter().for_each(|attack| attack.join().unwrap());
        lines.join().unwrap();
        is_over.store(true, Ordering::Relaxed);
        (taken, health.join().unwrap())
    });
    println!("healthz: {asked} answers, the slowest after {:.1} ms", longest.as_secs_f64() * 1e3);
    let grown = memory_bytes(&daemon) - before;
    println!("memory: {} KiB before, {} KiB more at most", before / 1024, grown / 1024);
    assert!(grown < MEMORY_BYTES_MAX, "{grown}");
    // Each was told to come again until it was taken.
    assert_eq!(taken.len(), CALLS);
    let told = |kind: &str, number: usize| format!("{kind} {number}");
    let expected =
        (0..CALLS).map(|number| told("call", number)).chain((0..LINES).map(|number| told("line", number)));
    let expected: BTreeSet<String> = expected.collect();
    let deadline = Instant::now() + 10 * DEADLINE;
    loop {
        let missing: BTreeSet<_> = {
            let told: BTreeSet<String> = recorder.received().iter().map(|one| one.text()).collect();
            expected.iter().filter(|text| !told.contains(*text)).cloned().collect()
        };
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{} are not told, such as {:?}", missing.len(), missing.first());
        recorder.has_more_within(Duration::from_secs(1), recorder.received().len() + missing.len());
    }
    let figures = daemon.stop("TERM").figures();
    assert_eq!((figures.figure("evicted"), figures.figure("kernel_drops")), (0, 0));
}

#[test]
fn nothing_is_smuggled_in_behind_a_request() {
    let (recorder, state) = (Recorder::start(), TempFolder::new());
    let daemon = Daemon::start(&variables(&recorder, &state));
    let address = daemon.http.unwrap();
    // Whoever reads the first request in another way than we do takes this for one more.
    let inner = "POST /hook/ops HTTP/1.1\nHost: HOST\nContent-Length: 8\n\nsmuggled";
    let post = "POST /hook/ops HTTP/1.1\nHost: HOST\n";
    for head in [
        "Content-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n",
        "Transfer-Encoding: chunked\nContent-Length: 5\n\n0\n\n",
        "Content-Length: 0\nContent-Length: 70\n\n",
        "Content-Length: 0, 70\n\n",
        "Content-Length: +0\n\n",
        "Content-Length: -1\n\n",
        "Content-Length: 0x0\n\n",
        "Content-Length : 0\n\n",
        "Content-Length: 99999999999999999999999\n\n",
        "Transfer-Encoding: xchunked\n\n0\n\n",
        "Transfer-Encoding : chunked\n\n0\n\n",
        "Transfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n\n",
        "Transfer-Encoding: chunked, identity\n\n0\n\n",
        "Transfer-Encoding: \u{b}chunked\n\n0\n\n",
        "Transfer-Encoding: chunked\n\nfffffffffffffffff0\n",
        "Transfer-Encoding: chunked\n\n-1\n\n0\n\n",
        "Transfer-Encoding: chunked\n\n0;x=\"\n\n\"\n\n",
        "X: y\n Content-Length: 0\n\n",
        "Expect: 100-continue\nContent-Length: 0\n\n",
        "Connection: Content-Length\nContent-Length: 0\n\n",
        "Upgrade: h2c\nConnection: Upgrade, HTTP2-Settings\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\n\n",
    ] {
        let answer = ask(address, &format!("{post}{head}{inner}"));
        // Each that is answered at all is refused: nobody showed the secret.
        for line in answer.lines().filter(|line| line.starts_with("HTTP/1.1")) {
            assert!(status(line) >= 400, "{head:?}: {answer}");
        }
    }
    // The same behind a request that is allowed: the inner one shows no secret of its own.
    let allowed = format!("{post}Authorization: Bearer s3cret\nContent-Length: 3\n\nold");
    let answer = ask(address, &format!("{allowed}{inner}"));
    let statuses: Vec<_> = answer.lines().filter(|line| line.starts_with("HTTP/1.1")).map(status).collect();
    assert_eq!(statuses, [200, 401], "{answer}");
    let received = recorder.wait_for(1);
    assert_eq!(received[0].text(), "old");
    daemon.send("script,info line 1");
    assert_eq!(recorder.wait_for(2)[1].text(), "line 1");
}
