//! HTTP from the outside: who is let in, what a client may take, and what it may ask for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::LOGIN_FAILURE;
use crate::support::daemon::{Daemon, get};
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder};

/// More than there are places.
const SLOW_CLIENTS: usize = 500;

/// Sends `request` as it stands (each line feed becomes CRLF) and reads all that comes.
#[track_caller]
pub(super) fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = request.replace("HOST", &address.to_string()).replace('\n', "\r\n");
    // It may have answered, and closed, before it has all.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// One request with these header lines; its answer.
#[track_caller]
pub(super) fn request(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    ask(
        address,
        &format!("{method} {path} HTTP/1.1\nConnection: close\nContent-Length: {length}\n{headers}\n{body}"),
    )
}

pub(super) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn open() -> Variables {
    Variables::new()
        .with("SYSLOG_LISTEN", "127.0.0.1:0")
        .with("HTTP_LISTEN", "0.0.0.0:0")
        .with("HTTP_TOKEN", "t0ken")
        .with("METRICS_TOKEN", "m3tric")
}

#[test]
fn without_the_token_nothing_is_shown_or_done() {
    let daemon = Daemon::start(&open());
    let address = daemon.http.unwrap();
    let paths = [
        ("GET", "/api/state"),
        ("GET", "/api/lines"),
        ("POST", "/api/test"),
        ("POST", "/api/mute"),
        ("POST", "/api/try"),
        ("POST", "/api/draft"),
        ("GET", "/metrics"),
        ("GET", "/nothing"),
        ("POST", "/logout"),
    ];
    for (method, path) in paths {
        for headers in [
            "Host: HOST\n",
            "Host: HOST\nAuthorization: Bearer wrong\n",
            "Host: HOST\nCookie: alertik=t0ken\n",
        ] {
            // Nobody is listened to who has given so many wrong ones.
            let mut answer = request(address, method, path, headers, "{}");
            while status(&answer) == 429 {
                answer = request(address, method, path, headers, "{}");
            }
            assert_eq!(status(&answer), 401, "{method} {path}: {answer}");
        }
    }
    let bearer = |token: &str| format!("Host: HOST\nAuthorization: Bearer {token}\n");
    assert_eq!(status(&request(address, "GET", "/api/state", &bearer("t0ken"), "")), 200);
    assert_eq!(status(&request(address, "GET", "/api/state", &bearer("m3tric"), "")), 401);
    for token in ["t0ken", "m3tric"] {
        assert_eq!(status(&request(address, "GET", "/metrics", &bearer(token), "")), 200);
    }
}

#[test]
fn a_browser_gives_the_token_once_and_keeps_a_cookie_that_is_not_the_token() {
    let daemon = Daemon::start(&open());
    let address = daemon.http.unwrap();
    let form = request(address, "GET", "/", "Host: HOST\n", "");
    assert!(form.contains("action=\"/login\"") && !form.contains("api/state"), "{form}");
    let login = |token: &str| {
        let headers = "Host: HOST\nContent-Type: application/x-www-form-urlencoded\n";
        request(address, "POST", "/login", headers, &format!("token={token}"))
    };
    let wrong = login("t0ke");
    assert!(
        status(&wrong) == 403 && !wrong.contains("set-cookie") && wrong.contains("not the token"),
        "{wrong}"
    );
    let right = login("t0ken");
    let cookie = right.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let kept = cookie.split(';').next().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!right.contains("t0ken"), "{right}");
    let with = |more: &str| {
        request(address, "GET", "/api/state", &format!("Host: HOST\nCookie: {kept}\n{more}"), "")
    };
    assert_eq!(status(&with("")), 200);
    assert_eq!(status(&with("Origin: http://other.example\n")), 403);
    // The page itself, and not the form.
    let page = request(address, "GET", "/", &format!("Host: HOST\nCookie: {kept}\n"), "");
    assert!(page.contains("<script>") && !page.contains("action=\"/login\""));
    let out = request(address, "POST", "/logout", &format!("Host: HOST\nCookie: {kept}\n"), "");
    assert!(out.contains("set-cookie: alertik=; ") && out.contains("Max-Age=0"), "{out}");
}

#[test]
fn on_loopback_only_this_machines_own_page_may_ask() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    let check = |headers: &str, expected: u16| {
        for (method, path) in
            [("GET", "/"), ("GET", "/api/state"), ("GET", "/metrics"), ("POST", "/api/mute")]
        {
            let body = "{\"span\":\"off\"}";
            let answer = request(address, method, path, headers, body);
            let expected = match (expected, method) {
                (200, "POST") => 202,
                // The document shows nothing by itself, and a link may lead there.
                (403, _) if path == "/" && headers.contains("HOST\nOrigin") => 200,
                (403, _) if path == "/" && headers.contains("HOST\nSec") => 200,
                _ => expected,
            };
            assert_eq!(status(&answer), expected, "{method} {path} {headers}: {answer}");
        }
    };
    check("Host: HOST\n", 200);
    check("Host: HOST\nOrigin: http://HOST\nSec-Fetch-Site: same-origin\n", 200);
    check("Host: attacker.example\n", 403);
    check("Host: HOST\nOrigin: http://attacker.example\n", 403);
    check("Host: HOST\nSec-Fetch-Site: cross-site\n", 403);
    // Whoever checks health knows no names.
    assert_eq!(status(&request(address, "GET", "/healthz", "Host: anything\n", "")), 200);
}

#[test]
fn who_guesses_tokens_is_not_listened_to() {
    let daemon = Daemon::start(&open());
    let address = daemon.http.unwrap();
    let bearer = |token: &str| {
        status(&request(
            address,
            "GET",
            "/api/state",
            &format!("Host: HOST\nAuthorization: Bearer {token}\n"),
            "",
        ))
    };
    let answers: Vec<_> = (0..50).map(|number| bearer(&format!("x{number}"))).collect();
    assert!(
        answers.contains(&429) && answers.iter().all(|status| [401, 429].contains(status)),
        "{answers:?}"
    );
    // Right ones neither, for the rest of that second.
    let deadline = Instant::now() + DEADLINE;
    while bearer("t0ken") != 200 {
        assert!(Instant::now() < deadline);
    }
    let many = "alertik=x; ".repeat(100);
    let cookies = format!("Host: HOST\nCookie: {many}\n");
    assert_eq!(status(&request(address, "GET", "/api/state", &cookies, "")), 401);
    assert_eq!(status(&request(address, "POST", "/login", "Host: HOST\n", &"a".repeat(2000))), 413);
}

#[test]
fn a_trial_is_bounded_and_nobody_waits_for_it() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    let body = |pattern: &str, mask: &str, text: &str, count: usize| {
        let texts = vec![text.to_owned(); count];
        serde_json::json!({"match_type": "regex", "pattern": pattern, "mask": mask, "texts": texts})
            .to_string()
    };
    let large = body("(a+)", &"@1".repeat(2000), &"a".repeat(4096), 10);
    let answer = request(address, "POST", "/api/try", "Host: HOST\n", &large);
    // The first row alone is more than all may be.
    assert!(status(&answer) == 200 && answer.matches("\"matched\":true").count() == 1, "{}", answer.len());
    let slow = body(&"(((a|b)*)*)*".repeat(300), "", &"a".repeat(600), 100);
    let asking = thread::spawn(move || request(address, "POST", "/api/try", "Host: HOST\n", &slow));
    while !asking.is_finished() {
        assert_eq!(get(address, "/healthz").0, 200);
    }
    assert_eq!(status(&asking.join().unwrap()), 200);
}

#[test]
fn what_is_muted_is_told_after_a_restart_even_if_the_rule_remembers_nothing_else() {
    let (folder, recorder) = (TempFolder::new(), Recorder::start());
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "door", "open");
    let variables = variables.with("STATE_DIR", folder.path("state"));
    for signal in ["TERM", "KILL"] {
        let told = recorder.received().len();
        let daemon = Daemon::start(&variables);
        let body = "{\"span\":\"2h\"}";
        assert_eq!(status(&request(daemon.http.unwrap(), "POST", "/api/mute", "Host: HOST\n", body)), 202);
        daemon.wait_for_log("muted", &[]);
        (0..3).for_each(|_| daemon.send("system,info door"));
        let deadline = Instant::now() + DEADLINE;
        while !get(daemon.http.unwrap(), "/api/state").1.contains("\"suppressed\":3") {
            assert!(Instant::now() < deadline);
        }
        assert_eq!(recorder.received().len(), told);
        // Written by the keeper, a moment later.
        if signal == "KILL" {
            let path = folder.path("state");
            while !folder_contains(path.as_ref(), b"open") {
                assert!(Instant::now() < deadline);
            }
        }
        let _ = daemon.stop(signal);
        let daemon = Daemon::start(&variables);
        let texts = recorder.wait_for(told + 1);
        let text = texts.last().unwrap().text();
        assert!(text.contains("alerts held for") || text.contains("held for"), "{text}");
        let _ = daemon.stop("TERM");
    }
}

/// True if some file in it has these bytes.
fn folder_contains(path: &Path, wanted: &[u8]) -> bool {
    let files = std::fs::read_dir(path).unwrap().map(|entry| std::fs::read(entry.unwrap().path()));
    files.flatten().any(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
}

#[test]
fn a_body_has_a_bound() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    let try_it = |length: usize| {
        let body =
            format!("{{\"match_type\":\"substr\",\"pattern\":\"a\",\"texts\":[\"{}\"]}}", "a".repeat(length));
        request(address, "POST", "/api/try", "Host: HOST\n", &body)
    };
    assert_eq!(status(&try_it(60_000)), 200);
    assert_eq!(status(&try_it(70_000)), 413);
    let chunked = "POST /api/try HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\n\n";
    let chunk = format!("10000\n{}\n", "a".repeat(0x10000));
    assert_eq!(status(&ask(address, &format!("{chunked}{chunk}{chunk}0\n\n"))), 413);
    for nonsense in ["", "{", "[]", "{\"match_type\":1}", "\u{0}"] {
        assert_eq!(status(&request(address, "POST", "/api/try", "Host: HOST\n", nonsense)), 400);
    }
    let long = format!("GET /{} HTTP/1.1\nHost: HOST\n\n", "a".repeat(20_000));
    assert!(matches!(status(&ask(address, &long)), 414 | 431));
}

#[test]
fn who_is_slow_is_cut_off() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    let start = Instant::now();
    thread::scope(|scope| {
        for beginning in ["GET / HT", "POST /api/try HTTP/1.1\nHost: HOST\nContent-Length: 9\n\n{"] {
            scope.spawn(move || {
                let answer = ask(address, beginning);
                assert!(answer.is_empty() || status(&answer) == 408, "{answer}");
            });
        }
    });
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
}

/// Sends lines, each read before the next, until `is_over`; returns how many.
fn send_lines(daemon: &Daemon, mut is_over: impl FnMut() -> bool) -> usize {
    let mut count = 0;
    while !is_over() {
        daemon.send(LOGIN_FAILURE);
        daemon.wait_until_drained();
        count += 1;
    }
    count
}

#[test]
fn slow_connections_by_the_hundred_cost_neither_a_line_nor_an_answer() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    let slow: Vec<_> = (0..SLOW_CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    let start = Instant::now();
    let answers: Vec<_> = (0..20).map(|_| get(address, "/healthz")).collect();
    assert!(answers.iter().all(|answer| *answer == (200, "ok\n".to_owned())), "{answers:?}");
    // Far from the ten seconds that a slow client has.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let mut count = 0;
    let sent = send_lines(&daemon, || {
        count += 1;
        count > 200
    });
    drop(slow);
    let figures = daemon.stop("TERM").figures();
    assert_eq!((figures.figure("lines"), figures.figure("evicted")), (sent, 0));
    assert_eq!(figures.figure("kernel_drops"), 0);
}

#[test]
fn ten_thousand_requests_cost_neither_a_line_nor_an_answer() {
    let daemon = Daemon::start(&Variables::new());
    let address = daemon.http.unwrap();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                // Ten at a time on a connection: HTTP allows it.
                let many = format!("GET /api/state HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(10);
                for _ in 0..125 {
                    stream.write_all(many.as_bytes()).unwrap();
                    let mut text = Vec::new();
                    let mut piece = [0; 65_536];
                    while text.windows(15).filter(|window| *window == b"HTTP/1.1 200 OK").count() < 10
                        || !text.ends_with(b"}]}")
                    {
                        let count = stream.read(&mut piece).unwrap();
                        assert!(count > 0, "closed");
                        text.extend_from_slice(piece.get(..count).unwrap());
                    }
                }
            })
        })
        .collect();
    let sent = send_lines(&daemon, || clients.iter().all(thread::JoinHandle::is_finished));
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert_eq!(get(address, "/healthz").0, 200);
    let figures = daemon.stop("TERM").figures();
    assert_eq!((figures.figure("lines"), figures.figure("evicted")), (sent, 0));
    assert_eq!(figures.figure("kernel_drops"), 0);
}

#[test]
fn a_test_alert_is_told_and_what_the_service_said_is_shown() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&Variables::new().generic(1, &recorder));
    let address = daemon.http.unwrap();
    let test = |name: &str| {
        request(address, "POST", "/api/test", "Host: HOST\n", &format!("{{\"notifier\":\"{name}\"}}"))
    };
    assert_eq!(status(&test("Nobody")), 404);
    assert_eq!(status(&test("Generic1")), 202);
    recorder.wait_for_text(|text| text.starts_with("alertik: a test alert for Generic1"));
    let deadline = Instant::now() + DEADLINE;
    while !get(address, "/api/state").1.contains("\"answer\":\"taken\"") {
        assert!(Instant::now() < deadline, "{}", get(address, "/api/state").1);
    }
}

#[test]
fn what_is_muted_is_told_in_one_message_when_that_ends() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).substr("Generic1", "door", "open");
    let daemon = Daemon::start(&variables);
    let address = daemon.http.unwrap();
    let mute = |rule: &str, span: &str| {
        request(address, "POST", "/api/mute", "Host: HOST\n", &format!("{{{rule}\"span\":\"{span}\"}}"))
    };
    for wrong in ["2", "0s", "40d", "never", ""] {
        assert_eq!(status(&mute("", wrong)), 400, "{wrong}");
    }
    assert_eq!(status(&mute("\"rule\":\"EVENT9\",", "2h")), 404);
    assert_eq!(status(&mute("\"rule\":\"EVENT0\",", "2h")), 202);
    daemon.wait_for_log("muted", &[("rule", "EVENT0"), ("minutes", "120")]);
    (0..3).for_each(|_| daemon.send("system,info door"));
    let deadline = Instant::now() + DEADLINE;
    while !get(address, "/api/state").1.contains("\"suppressed\":3") {
        assert!(Instant::now() < deadline, "{}", get(address, "/api/state").1);
    }
    assert_eq!(recorder.received().len(), 0);
    // All rules, and so this one.
    assert_eq!(status(&mute("", "off")), 202);
    let text = recorder.wait_for(1).first().unwrap().text();
    assert!(text.starts_with("3 alerts held for "), "{text}");
}
