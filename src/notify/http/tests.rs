//! The client against real sockets on this machine: what is sent, what is read,
//! and what is said when there is no answer.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use super::*;

/// Far below what a test waits for before it fails, far above what loopback needs.
const SHORT: Duration = Duration::from_millis(300);

const PATIENCE: Duration = Duration::from_secs(20);

fn client(proxy: Option<&str>, timeouts: Timeouts) -> Client {
    let proxy = proxy.map(|url| ureq::Proxy::new(url).unwrap());
    Client::new(proxy, tls::trust(None).unwrap(), timeouts)
}

fn post(url: &str) -> Request {
    Request::post_json(Url::parse(url).unwrap(), &serde_json::json!({"text": "hello"}))
}

fn send(url: &str) -> Result<Answer, String> {
    client(None, TIMEOUTS).send(post(url))
}

/// Listens, and lets `serve` have each connection.
fn listen(mut serve: impl FnMut(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| serve(stream.unwrap())));
    address
}

/// Answers each request with `answer`, on connections that stay open; says what it was sent.
fn answering(answer: Vec<u8>) -> (SocketAddr, Receiver<String>) {
    let (heard, requests) = channel();
    let address = listen(move |mut stream| {
        while let Some(request) = read_request(&mut stream) {
            let _ = heard.send(request);
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
    });
    (address, requests)
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = request.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(request + std::str::from_utf8(&body).unwrap())
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A server that reads a request and then does as `serve` says.
fn after_request(mut serve: impl FnMut(TcpStream) + Send + 'static) -> SocketAddr {
    listen(move |mut stream| {
        if read_request(&mut stream).is_some() {
            serve(stream);
        }
    })
}

#[test]
fn a_request_says_who_asks_and_an_answer_is_read() {
    let (address, requests) = answering(answer("429 Slow", "Retry-After: 7\r\nX-Y: z\r\n", "later"));
    let answer = send(&format!("http://{address}/a?b=c")).unwrap();
    assert_eq!((answer.status, &answer.body[..]), (429, &b"later"[..]));
    assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
    assert_eq!((answer.header("x-y"), answer.header("x-z")), (Some("z"), None));
    let request = requests.recv_timeout(PATIENCE).unwrap();
    assert!(request.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(concat!("user-agent: alertik/", env!("CARGO_PKG_VERSION"))), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"text\":\"hello\"}"), "{request}");
}

#[test]
fn a_redirect_is_not_followed() {
    for status in ["301 A", "302 B", "303 C", "307 D", "308 E"] {
        for location in ["", "Location: /elsewhere\r\n", "Location: http://127.0.0.1:1/\r\n"] {
            for body in ["", "moved"] {
                let (address, requests) = answering(answer(status, location, body));
                let answer = send(&format!("http://{address}/")).unwrap();
                assert_eq!(answer.status.to_string(), status[..3]);
                assert_eq!(requests.try_iter().count(), 1);
            }
        }
    }
}

#[test]
fn a_body_over_the_limit_is_cut_and_the_status_counts() {
    let (address, _) = answering(answer("500 Oh", "", &"x".repeat(10 << 20)));
    let answer = send(&format!("http://{address}/")).unwrap();
    assert_eq!((answer.status, answer.body.len() as u64), (500, ANSWER_BYTES_MAX));
}

#[test]
fn of_a_body_that_is_cut_off_what_came_is_kept() {
    let address = after_request(|mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok").unwrap();
    });
    let answer = send(&format!("http://{address}/")).unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
}

#[test]
fn no_answer_is_words_without_the_address() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cut = after_request(drop);
    let babble = after_request(|mut stream| stream.write_all(b"220 smtp.example ESMTP\r\n\r\n").unwrap());
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(BUFFER_BYTES));
    let (long, _) = answering(head.into_bytes());
    for (scheme, address, expected) in [
        ("http", silent, "connection refused"),
        ("http", cut, "the connection was cut"),
        ("http", babble, "the answer is not HTTP"),
        ("http", long, "the answer's header is too long"),
        ("https", listen(drop), "the connection was cut"),
        (
            "https",
            listen(|mut s| s.write_all(b"220 hi\r\n").unwrap()),
            "TLS: the other side does not speak TLS",
        ),
    ] {
        assert_eq!(send(&format!("{scheme}://{address}/s3cr3t")).unwrap_err(), expected);
    }
}

/// Accepts and then says nothing, and keeps the connection.
fn hanging() -> SocketAddr {
    let mut kept = Vec::new();
    listen(move |stream| kept.push(stream))
}

#[track_caller]
fn check_times_out(url: &str, proxy: Option<&str>, timeouts: Timeouts) {
    let start = Instant::now();
    assert_eq!(client(proxy, timeouts).send(post(url)).unwrap_err(), "timed out");
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let (plain, tls) = (format!("http://{}/", hanging()), format!("https://{}/", hanging()));
    let proxy = |scheme| format!("{scheme}://{}", hanging());
    let whole = Timeouts { connect: PATIENCE * 2, whole: SHORT };
    check_times_out(&plain, None, whole);
    check_times_out(&tls, None, whole);
    // TLS and a proxy's own talk count towards the connection.
    let connect = Timeouts { connect: SHORT, whole: PATIENCE * 2 };
    check_times_out(&tls, None, connect);
    check_times_out(&plain, Some(&proxy("http")), connect);
    check_times_out(&plain, Some(&proxy("socks5h")), connect);
}

#[test]
fn a_body_that_drips_is_given_up_with_what_came() {
    let address = after_request(|mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").unwrap();
        // Each byte comes soon after the last; only the whole takes too long.
        while stream.write_all(b"x").is_ok() {
            thread::sleep(SHORT / 10);
        }
    });
    let start = Instant::now();
    let timeouts = Timeouts { connect: PATIENCE, whole: SHORT };
    let answer = client(None, timeouts).send(post(&format!("http://{address}/"))).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() < 1000 && start.elapsed() < PATIENCE);
}

#[test]
fn a_connection_is_used_again_while_it_is_open() {
    let (accepted, connections) = channel();
    let address = listen(move |mut stream| {
        accepted.send(()).unwrap();
        while read_request(&mut stream).is_some() {
            stream.write_all(&answer("200 OK", "", "ok")).unwrap();
        }
    });
    let client = client(None, TIMEOUTS);
    for _ in 0..3 {
        assert_eq!(client.send(post(&format!("http://{address}/"))).unwrap().status, 200);
    }
    assert_eq!(connections.try_iter().count(), 1);
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    let (closed, closing) = channel();
    let address = after_request(move |mut stream| {
        stream.write_all(&answer("200 OK", "", "ok")).unwrap();
        drop(stream);
        closed.send(()).unwrap();
    });
    let client = client(None, TIMEOUTS);
    for _ in 0..3 {
        assert_eq!(client.send(post(&format!("http://{address}/"))).unwrap().status, 200);
        closing.recv_timeout(PATIENCE).unwrap();
    }
}

/// A proxy that says what it was asked, and refuses to go there.
fn refusing_proxy(heard: Sender<Vec<u8>>) -> SocketAddr {
    listen(move |mut stream| {
        let mut first = [0];
        stream.peek(&mut first).unwrap();
        let (asked, reply): (_, &[u8]) = if first == [5] {
            let mut greeting = [0; 4];
            stream.read_exact(&mut greeting).unwrap();
            // No authentication; then what it is to connect to; then: not allowed.
            stream.write_all(&[5, 0]).unwrap();
            let mut asked = vec![0; 5 + "name.onion".len() + 2];
            stream.read_exact(&mut asked).unwrap();
            (asked, &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0])
        } else {
            let asked = read_request(&mut stream).unwrap().into_bytes();
            (asked, b"HTTP/1.1 403 s3cr3t\r\ncontent-length: 0\r\n\r\n")
        };
        stream.write_all(reply).unwrap();
        heard.send(asked).unwrap();
    })
}

#[test]
fn names_are_given_to_the_proxy_and_its_password_to_nobody_else() {
    for scheme in ["http", "socks5h"] {
        let (heard, asked) = channel();
        let proxy = format!("{scheme}://user:s3cr3t@{}", refusing_proxy(heard));
        let sent = client(Some(&proxy), TIMEOUTS).send(post("http://name.onion/s3cr3t"));
        let words = sent.unwrap_err();
        assert!(!words.contains("s3cr3t") && !words.contains("name.onion"), "{words}");
        let asked = String::from_utf8_lossy(&asked.recv_timeout(PATIENCE).unwrap()).into_owned();
        assert!(asked.contains("name.onion"), "{asked}");
    }
}

#[test]
fn only_proxies_that_resolve_names_themselves_are_taken() {
    for (value, good) in [
        ("http://10.0.0.1:3128", true),
        ("socks5h://u:p@127.0.0.1:9050", true),
        ("socks5://127.0.0.1:9050", false),
        ("127.0.0.1:9050", false),
        ("http://", false),
        ("http://u:s3cr3t@10.0.0.1:proxy", false),
        ("socks5h://u:s3cr3t@10.0.0.1:90500", false),
    ] {
        let mut faults = Faults::default();
        assert_eq!(read_proxy("SLACK_PROXY", value, "SLACK_", &mut faults).is_some(), good, "{value}");
        assert_eq!(faults.is_empty(), good);
        assert!(faults.faults.iter().all(|fault| fault.starts_with("SLACK_PROXY is not a proxy")));
        assert!(faults.faults.iter().all(|fault| !fault.contains("s3cr3t")));
    }
}

#[test]
fn each_notifier_has_a_name_of_its_own_at_a_socks_proxy_unless_the_operator_gives_one() {
    let check = |value: &str, prefix: &str, user: Option<&str>, password: Option<&str>| {
        let proxy = read_proxy("PROXY", value, prefix, &mut Faults::default()).unwrap();
        assert_eq!((proxy.username(), proxy.password()), (user, password), "{value} {prefix}");
        assert_eq!((proxy.host(), proxy.port()), ("127.0.0.1", 9050));
    };
    let tor = "socks5h://127.0.0.1:9050";
    check(tor, "TELEGRAM_", Some("telegram"), Some("alertik"));
    check(tor, "GENERIC1_", Some("generic1"), Some("alertik"));
    check(&format!("{tor}/"), "OTEL_", Some("otel"), Some("alertik"));
    check("socks5h://me@127.0.0.1:9050", "TELEGRAM_", Some("me"), None);
    check("socks5h://me:p%40ss@127.0.0.1:9050", "TELEGRAM_", Some("me"), Some("p@ss"));
    // It would be sent as a header, to a proxy that has asked for nothing.
    check("http://127.0.0.1:9050", "TELEGRAM_", None, None);
}

#[test]
fn what_a_server_wrote_is_one_short_line_without_our_secrets() {
    let request = post("http://h/hook/s3cr3ts3cr3t");
    let answer = Answer { status: 404, hidden: Hidden::of(&request), ..Answer::default() };
    let check = |text: &str, expected: &str| assert_eq!(answer.with_words(text), expected);
    check("no\r\n \x1b[31mpage\0", "404 no [31mpage");
    check("Cannot POST /hook/s3cr3ts3cr3t", "404 Cannot POST (hidden)");
    check("", "404");
    // Hidden before it is cut, or the cut would leave the beginning of a secret.
    let late = format!("{}s3cr3ts3cr3t", "x".repeat(WORDS_CHARS_MAX - 4));
    check(&late, &format!("404 {}(hid", "x".repeat(WORDS_CHARS_MAX - 4)));
    assert_eq!(format!("{request:?} {answer:?}"), "Request(Post) Answer(404)");
}

/// What a connection that is not for HTTP comes to.
fn read_stream(url: &str, timeouts: Timeouts) -> Result<String, String> {
    let mut stream = client(None, timeouts).connect(&Address::parse(url).unwrap())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(|error| Stream::words(&error))?;
    Ok(text)
}

#[test]
fn a_stream_is_read_to_its_end() {
    let address = listen(|mut stream| stream.write_all(b"220 hello\r\n").unwrap());
    assert_eq!(read_stream(&format!("smtp://{address}"), TIMEOUTS).as_deref(), Ok("220 hello\r\n"));
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(read_stream(&format!("smtp://{gone}"), TIMEOUTS), Err("connection refused".to_owned()));
    let not_tls = format!("smtps://{address}");
    assert_eq!(read_stream(&not_tls, TIMEOUTS), Err("TLS: the other side does not speak TLS".to_owned()));
}

#[test]
fn a_stream_has_its_time_and_no_more_whatever_comes() {
    let timed_out = Err("timed out".to_owned());
    let mut held = Vec::new();
    let silent = listen(move |stream| held.push(stream));
    let short = Timeouts { connect: PATIENCE, whole: SHORT };
    assert_eq!(read_stream(&format!("smtp://{silent}"), short), timed_out);
    assert_eq!(read_stream(&format!("smtps://{silent}"), short), timed_out);
    let short_connect = Timeouts { connect: SHORT, whole: PATIENCE };
    assert_eq!(read_stream(&format!("smtps://{silent}"), short_connect), timed_out);
    // Each read gets something, and each byte would begin the wait anew.
    let endless = listen(|mut stream| {
        thread::spawn(move || while stream.write_all(b"x").is_ok() {});
    });
    assert_eq!(read_stream(&format!("smtp://{endless}"), short), timed_out);
}
