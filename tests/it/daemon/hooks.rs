//! Other systems tell us things by HTTP: who may, what is kept, and what is refused.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::hmac;
use serde_json::json;

use super::http::{ask, request, status};
use crate::support::alertmanager::{Alertmanager, is_there};
use crate::support::daemon::{Daemon, get, run};
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder};

const BODY: &str = r#"{"text":"the pump is broken"}"#;

/// `HOOK0`, called `pump`, tells `Generic1`.
fn hooked(recorder: &Recorder) -> Variables {
    let variables = Variables::new().generic(1, recorder);
    variables.with("HOOK0_NAME", "pump").with("HOOK0_NOTIFIER", "Generic1").with("HOOK0_SECRET", "s3cret")
}

fn bearer(secret: &str) -> String {
    format!("Host: any.example\nAuthorization: Bearer {secret}\n")
}

#[track_caller]
fn call(daemon: &Daemon, path: &str, headers: &str, body: &str) -> u16 {
    status(&request(daemon.http.unwrap(), "POST", path, headers, body))
}

fn tag(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(key: &str, text: &str) -> String {
    tag(key.as_bytes(), text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The head of a POST to `pump` with the secret, whose body has still to come.
fn begin(address: SocketAddr, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = "POST /pump HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer s3cret\r\nContent-Length:";
    write!(stream, "{head} {length}\r\n\r\n").unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn whoever_knows_the_secret_may_call_by_either_path() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&hooked(&recorder).with("HTTP_TOKEN", "t0ken"));
    let signature = hex("s3cret", BODY);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let timed = hex("s3cret", &format!("{now}:{BODY}"));
    // None of them needs a Host that is this machine's: they come by name, or through an onion service.
    let proofs = [
        "Authorization: Bearer s3cret".to_owned(),
        format!("X-Hub-Signature-256: sha256={signature}"),
        format!("X-Forgejo-Signature: {signature}"),
        format!("X-Gitea-Signature: {signature}"),
        format!("X-Grafana-Alerting-Signature: {signature}"),
        format!("X-Grafana-Alerting-Signature: {timed}\nX-Grafana-Alerting-Timestamp: {now}"),
    ];
    for (path, proof) in ["/pump", "/hook/pump", "/pump?from=here"].iter().cycle().zip(&proofs) {
        assert_eq!(call(&daemon, path, &format!("Host: any.example\n{proof}\n"), BODY), 200, "{proof}");
    }
    assert_eq!(recorder.wait_for(6).last().unwrap().text(), "the pump is broken");
    let stale = hex("s3cret", &format!("{}:{BODY}", now - 400));
    let stale = format!("X-Grafana-Alerting-Signature: {stale}\nX-Grafana-Alerting-Timestamp: {}", now - 400);
    let wrong = [
        "Authorization: Bearer s3cre".to_owned(),
        // What opens the page opens no hook that has a secret of its own.
        "Authorization: Bearer t0ken".to_owned(),
        format!("X-Gitea-Signature: {}", hex("other", BODY)),
        "X-Gitea-Signature: short".to_owned(),
        stale,
        "X-Other: 1".to_owned(),
    ];
    for proof in &wrong {
        assert_eq!(call(&daemon, "/pump", &format!("Host: HOST\n{proof}\n"), BODY), 401, "{proof}");
    }
    assert!(!recorder.has_more_within(Duration::from_millis(300), 6));
    let metrics = request(daemon.http.unwrap(), "GET", "/metrics", &bearer("t0ken"), "");
    for line in [
        r#"alertik_hook_requests_total{hook="pump",outcome="accepted"} 6"#,
        r#"alertik_hook_requests_total{hook="pump",outcome="unauthorized"} 6"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    daemon.wait_for_log("hook refused", &[("hook", "pump"), ("from", "127.0.0.1")]);
}

#[test]
fn a_standard_webhook_is_known_by_its_signature() {
    let recorder = Recorder::start();
    let key = "a key of some bytes";
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(key));
    let daemon = Daemon::start(&hooked(&recorder).with("HOOK0_SECRET", secret));
    let send = |time: u64, body: &str| {
        let signature = BASE64_STANDARD.encode(tag(key.as_bytes(), &format!("msg_1.{time}.{BODY}")));
        let headers = format!(
            "Host: a\nwebhook-id: msg_1\nwebhook-timestamp: {time}\nwebhook-signature: v1,{} v1,{signature}\n",
            BASE64_STANDARD.encode([0; 32])
        );
        call(&daemon, "/pump", &headers, body)
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(send(now, BODY), 200);
    assert_eq!(send(now - 400, BODY), 401);
    assert_eq!(send(now, "{}"), 401);
    recorder.wait_for(1);
}

#[test]
fn without_a_secret_a_hook_is_open_to_whom_the_page_is_open() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder);
    let variables = variables.with("HOOK0_NAME", "pump").with("HOOK0_NOTIFIER", "Generic1");
    let daemon = Daemon::start(&variables);
    assert_eq!(call(&daemon, "/pump", "Host: HOST\n", BODY), 200);
    // A name of an attacker's that leads here, and a page of another site in the operator's browser.
    assert_eq!(call(&daemon, "/pump", "Host: attacker.example\n", BODY), 403);
    assert_eq!(call(&daemon, "/pump", "Host: HOST\nOrigin: http://attacker.example\n", BODY), 403);
    // What is only in memory goes with it.
    recorder.wait_for(1);
    drop(daemon);
    let open = variables.clone().with("HTTP_LISTEN", "0.0.0.0:0");
    let daemon = Daemon::start(&open.clone().with("HTTP_TOKEN", "t0ken"));
    assert_eq!(call(&daemon, "/pump", "Host: HOST\n", BODY), 401);
    assert_eq!(call(&daemon, "/pump", &bearer("t0ken"), BODY), 200);
    recorder.wait_for(2);
    for (refused, words) in [
        (open, "HTTP_TOKEN is not set, and HTTP_LISTEN=0.0.0.0:0 is open to others"),
        (variables.with("HTTP_LISTEN", "off"), "HOOK0: nobody can call \"pump\" while HTTP_LISTEN is off"),
    ] {
        let ended = run(&["run"], &refused);
        assert!(ended.code == Some(78) && ended.whole().contains(words), "{}", ended.whole());
    }
}

#[test]
fn what_cannot_be_told_is_refused_in_words() {
    let recorder = Recorder::start();
    let daemon =
        Daemon::start(&hooked(&recorder).with("HTTP_LISTEN", "0.0.0.0:0").with("HTTP_TOKEN", "t0ken"));
    let address = daemon.http.unwrap();
    // That there is no such hook is no secret; who may call one that there is, is.
    for path in ["/pomp", "/hook/pomp", "/hook/pump/", "/hook/"] {
        for headers in [bearer("s3cret"), bearer("wrong"), "Host: HOST\n".to_owned()] {
            assert_eq!(call(&daemon, path, &headers, BODY), 404, "{path}");
        }
    }
    assert_eq!(call(&daemon, "/pump", "Host: HOST\n", BODY), 401);
    for method in ["GET", "PUT", "HEAD"] {
        let answer = request(address, method, "/pump", &bearer("s3cret"), "");
        assert!(status(&answer) == 405 && answer.contains("allow: POST"), "{answer}");
    }
    for empty in ["", " \n"] {
        assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), empty), 400);
    }
    // The longest, and one byte more; what is far too long is answered, too.
    let longest = "a".repeat(1 << 20);
    assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), &longest), 200);
    for length in [(1 << 20) + 1, 3 << 20, 4 << 20] {
        assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), &"a".repeat(length)), 413, "{length}");
    }
    let chunks = format!("100001\n{}\n0\n\n", "a".repeat((1 << 20) + 1));
    let chunked =
        format!("POST /pump HTTP/1.1\nConnection: close\n{}Transfer-Encoding: chunked\n\n", bearer("s3cret"));
    assert_eq!(status(&ask(address, &format!("{chunked}{chunks}"))), 413);
    assert_eq!(status(&ask(address, &format!("{chunked}3\na b\n0\n\n"))), 200);
    let told = recorder.wait_for(2);
    assert!(told[0].text().ends_with("a…") && told[0].text().len() <= 16 * 1024);
    assert_eq!(told[1].text(), "a b");
    let guess = |number: u32| call(&daemon, "/pump", &bearer(&format!("x{number}")), BODY);
    let guesses: Vec<_> = (0..50).map(guess).collect();
    assert!(
        guesses.contains(&429) && guesses.iter().all(|status| [401, 429].contains(status)),
        "{guesses:?}"
    );
}

#[test]
fn who_is_slow_is_cut_off_and_nobody_waits() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&hooked(&recorder));
    let address = daemon.http.unwrap();
    let began = Instant::now();
    let mut slow = begin(address, 100);
    slow.write_all(b"a").unwrap();
    // Two bodies that stay have nearly all the room.
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = begin(address, 1 << 20);
            stream.write_all(&vec![b'a'; 1_000_000]).unwrap();
            stream
        })
        .collect();
    daemon.wait_until_read();
    let large = "a".repeat(500_000);
    let answer_to_large = request(address, "POST", "/pump", &bearer("s3cret"), &large);
    assert_eq!(status(&answer_to_large), 429);
    assert!(answer_to_large.contains("retry-after: 1\r\n"), "{answer_to_large}");
    // What is small has a place all the same.
    assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), BODY), 200);
    assert_eq!(get(address, "/healthz").0, 200);
    recorder.wait_for_text(|text| text == "the pump is broken");
    assert_eq!(status(&answer(slow)), 408);
    assert!(began.elapsed() >= Duration::from_secs(9));
    for stream in held {
        assert_eq!(status(&answer(stream)), 408);
    }
    // And the room is free again.
    assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), &large), 200);
}

#[test]
fn what_was_answered_with_200_outlives_a_kill() {
    let folder = TempFolder::new();
    let out = Recorder::scripted(|_| Answer::status(500));
    let variables = |recorder: &Recorder| hooked(recorder).with("STATE_DIR", folder.path("state"));
    let daemon = Daemon::start(&variables(&out));
    for number in 0..5 {
        assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), &format!("number {number}")), 200);
    }
    let _ = daemon.stop("KILL");
    let recorder = Recorder::start();
    let _daemon = Daemon::start(&variables(&recorder));
    let texts: Vec<_> = recorder.wait_for(5).iter().map(|one| one.text()).collect();
    assert_eq!(texts, (0..5).map(|number| format!("number {number}")).collect::<Vec<_>>());
}

#[test]
fn while_too_many_wait_the_sender_keeps_what_it_has() {
    let out = Recorder::scripted(|_| Answer::status(500));
    let daemon = Daemon::start(&hooked(&out));
    let large = "a".repeat(16 * 1024);
    let answers: Vec<_> =
        (0..40).map(|_| request(daemon.http.unwrap(), "POST", "/pump", &bearer("s3cret"), &large)).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| status(answer) == 429).collect();
    assert!(refused.iter().all(|answer| answer.contains("retry-after: 10\r\n")), "{refused:?}");
    // Alertmanager comes again after 5xx alone.
    let agent = format!("{}User-Agent: Alertmanager/0.25.0\n", bearer("s3cret"));
    assert_eq!(call(&daemon, "/pump", &agent, &large), 503);
    let accepted = answers.iter().filter(|answer| status(answer) == 200).count();
    assert!((3..30).contains(&accepted) && accepted + refused.len() == 40, "{accepted}");
    let metrics = get(daemon.http.unwrap(), "/metrics").1;
    assert!(metrics.contains("alertik_alerts_evicted_total 0\n"), "{metrics}");
    assert!(metrics.contains(&format!("outcome=\"busy\"}} {}\n", refused.len() + 1)), "{metrics}");
}

#[test]
fn a_hook_tells_several_and_each_gets_the_text_unharmed() {
    let (generic, ntfy) = (Recorder::start(), Recorder::start());
    let variables = hooked(&generic).ntfy(&ntfy).with("HOOK0_NOTIFIER", "Generic1,Ntfy/pumps,Console");
    let daemon = Daemon::start(&variables);
    let body = r#"{"title":"bell \u0007 \"quoted\"","message":"line\nesc \u001b[31m"}"#;
    assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), body), 200);
    let text = "bell \u{7} \"quoted\"\nline\nesc \u{1b}[31m";
    // As JSON: it would not be read if that were not escaped.
    assert_eq!(generic.wait_for(1)[0].text(), text);
    assert!(ntfy.wait_for(1)[0].text().contains("\"quoted\"\nline"));
    daemon.wait_for_line(|line| line.contains("\\u{1b}[31m") || line.contains("\\x1b[31m"));
    assert!(!daemon.printed().contains('\u{1b}'));
}

#[test]
fn a_sign_of_life_needs_no_body_and_tells_nobody() {
    let recorder = Recorder::start();
    let variables = hooked(&recorder)
        .with("WATCH0_HOOK", "backup")
        .with("WATCH0_EVERY", "1h")
        .with("WATCH0_WARN", "no backup")
        .with("WATCH0_NOTIFIER", "Generic1")
        .with("WATCH1_HOOK", "pump")
        .with("WATCH1_EVERY", "1h")
        .with("WATCH1_WARN", "no pump")
        .with("WATCH1_NOTIFIER", "Generic1");
    let daemon = Daemon::start(&variables);
    // Without a secret of its own it is open to whom the page is open.
    assert_eq!(call(&daemon, "/hook/backup", "Host: HOST\n", ""), 200);
    assert_eq!(call(&daemon, "/backup", "Host: attacker.example\n", ""), 403);
    // One that tells somebody still needs something to tell.
    assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), ""), 400);
    assert_eq!(call(&daemon, "/pump", &bearer("s3cret"), BODY), 200);
    assert_eq!(recorder.wait_for(1)[0].text(), "the pump is broken");
    let metrics = get(daemon.http.unwrap(), "/metrics").1;
    assert!(
        metrics.contains(r#"alertik_hook_requests_total{hook="backup",outcome="accepted"} 1"#),
        "{metrics}"
    );
    let checked = run(&["check"], &variables).whole();
    assert!(checked.contains("(/hook/backup, opened as the page) -> nobody, it is watched\n"), "{checked}");
}

#[test]
fn check_names_the_hooks_and_hides_their_secrets() {
    let recorder = Recorder::start();
    let variables = hooked(&recorder).with("HOOK1_NAME", "tank").with("HOOK1_NOTIFIER", "Generic1,Console");
    let text = run(&["check"], &variables).whole();
    assert!(text.contains("  HOOK0 (/hook/pump, opened with its secret (hidden)) -> Generic1\n"), "{text}");
    assert!(text.contains("  HOOK1 (/hook/tank, opened as the page) -> Generic1, Console\n"), "{text}");
    let rows = run(&["check", "--json"], &variables).whole();
    let row = r#"{"hook":"HOOK0","name":"pump","notifiers":["Generic1"],"secret":true}"#;
    assert!(rows.contains(row), "{rows}");
    assert!(!text.contains("s3cret") && !rows.contains("s3cret"));
    let unknown = run(&["check"], &variables.with("HOOK1_NOTIFIER", "Fax")).whole();
    assert!(unknown.contains("HOOK1_NOTIFIER: \"Fax\" is not a notifier"), "{unknown}");
}

#[test]
fn a_real_alertmanager_tells_what_fires_and_what_is_over() {
    if !is_there() {
        return;
    }
    let recorder = Recorder::start();
    let daemon = Daemon::start(&hooked(&recorder));
    let webhook = format!(
        "  - url: http://{}/hook/pump\n    send_resolved: true\n    http_config:\n      authorization:\n        \
         credentials: s3cret\n",
        daemon.http.unwrap()
    );
    let alertmanager = Alertmanager::one(&webhook);
    let alert = |more: serde_json::Value| {
        let mut alert = json!({
            "labels": {"alertname": "PumpBroken", "site": "west", "severity": "critical"},
            "annotations": {"summary": "The pump stands still"},
            "generatorURL": "http://prometheus.example.org/graph",
        });
        alert.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([alert])
    };
    alertmanager.post(&alert(json!({})));
    let firing = recorder.wait_for(1)[0].text();
    assert!(firing.starts_with("[FIRING:1] PumpBroken\n"), "{firing}");
    assert!(firing.contains("site=west") && firing.contains("\nThe pump stands still\n"), "{firing}");
    alertmanager.post(&alert(json!({"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T00:01:00Z"})));
    let over = recorder.wait_for(2)[1].text();
    assert!(over.starts_with("[RESOLVED:1] PumpBroken\n"), "{over}");
}

#[test]
fn a_stranger_who_dawdles_keeps_nobody_out_who_signs() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&hooked(&recorder));
    let mut strangers: Vec<TcpStream> = Vec::new();
    let signature = format!("X-Hub-Signature-256: sha256={}\n", hex("s3cret", BODY));
    for _ in 0..3 {
        let mut stranger = TcpStream::connect(daemon.http.unwrap()).unwrap();
        stranger.set_read_timeout(Some(DEADLINE)).unwrap();
        let forged = "0".repeat(64);
        let head = format!("POST /pump HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256={forged}\r\n");
        write!(stranger, "{head}Content-Length: 1048576\r\n\r\n").unwrap();
        stranger.write_all(&vec![b'x'; 1_048_575]).unwrap();
        strangers.push(stranger);
        assert_eq!(call(&daemon, "/pump", &format!("Host: a\n{signature}"), BODY), 200);
    }
    // The first has made room for the others, and is told so.
    let mut first = [0; 12];
    strangers[0].read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 429");
}
