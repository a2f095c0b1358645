//! What a receiver of the operator's own gets: the body, the headers and the signature that were asked for.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{LOGIN_FAILURE, is_time, without_time};
use crate::support::daemon::{Daemon, run};
use crate::support::recorder::{Answer, Received, Recorder};
use crate::support::skip;
use crate::support::variables::Variables;

#[test]
fn each_receiver_gets_the_request_that_its_variables_describe() {
    let (json, plain, form) = (Recorder::start(), Recorder::start(), Recorder::start());
    let body = r#"{"who":"@{title}","rule":"@{rule}","n":@{count},"at":"@{time}","said":["@{message}","@{topics}"],
        "from":"@{from}","line":"@{line}","all":"@{text}"}"#;
    let variables = Variables::new()
        .generic(1, &json)
        .with("GENERIC1_BODY", body)
        .with("GENERIC1_METHOD", "PUT")
        .with(
            "GENERIC1_HEADERS",
            r#"{"Authorization":"Bearer a,b:c","Content-Type":"application/vnd.x+json"}"#,
        )
        .generic(2, &plain)
        .with("GENERIC2_METHOD", "PATCH")
        .with("GENERIC2_HEADERS", r#"{"content-type":"text/plain; charset=utf-8","X-Title":"alarm"}"#)
        .generic(3, &form)
        .with("GENERIC3_HEADERS", r#"{"Content-Type":"application/x-www-form-urlencoded"}"#)
        .with("GENERIC3_BODY", "to=me&text=@{message}")
        .with("ROUTERS", "127.0.0.1=home");
    let hostile = "user \"a\\b\u{1b}\r\nX-B: c&to=you%00</x>é";
    let daemon = Daemon::start(&variables.substr("Generic1,Generic2,Generic3", "user", "told: @{message}"));
    daemon.send(format!("system,info {hostile}"));

    let one = &json.wait_for(1)[0];
    let mut told = one.json();
    let time = told["at"].take().as_str().unwrap().to_owned();
    let all = told["all"].take();
    assert!(is_time(&time) && without_time(all.as_str().unwrap()) == format!("told: {hostile}"), "{all}");
    let expected = serde_json::json!({
        "who": "home", "rule": "EVENT0", "n": 1, "at": null, "said": [hostile, "system,info"],
        "from": "127.0.0.1", "line": format!("system,info {hostile}"), "all": null,
    });
    assert_eq!((told, &*one.method), (expected, "PUT"));
    assert_eq!(one.header("authorization"), Some("Bearer a,b:c"));
    assert_eq!(one.header("content-type"), Some("application/vnd.x+json"));

    let one = &plain.wait_for(1)[0];
    let told = String::from_utf8(one.body.clone()).unwrap();
    assert_eq!((without_time(&told), &*one.method), (&*format!("told: {hostile}"), "PATCH"));
    assert_eq!((one.header("x-title"), one.header("x-b")), (Some("alarm"), None));

    let one = &form.wait_for(1)[0];
    let told = "to=me&text=user%20%22a%5Cb%1B%0D%0AX-B%3A%20c%26to%3Dyou%2500%3C%2Fx%3E%C3%A9";
    assert_eq!((std::str::from_utf8(&one.body), &*one.method), (Ok(told), "POST"));

    for recorder in [&json, &plain, &form] {
        let [one] = &recorder.received()[..] else { panic!("more than one") };
        let types = one.headers.iter().filter(|(name, _)| name == "content-type").count();
        assert_eq!((types, one.header("x-hub-signature-256"), one.header("webhook-id")), (1, None, None));
    }
}

#[test]
fn a_test_and_our_own_troubles_fill_a_template_too() {
    let recorder = Recorder::start();
    let gone = Recorder::scripted(|_| Answer::status(404));
    let variables = Variables::new()
        .generic(1, &recorder)
        .generic(2, &gone)
        .with("GENERIC1_BODY", r#"{"text":"@{title} @{rule} @{time} @{from}@{line}","n":@{count}}"#)
        .with("SELF_NOTIFIER", "Generic1")
        .substr("Generic2", "login", "x");
    assert_eq!(run(&["test", "Generic1"], &variables).code, Some(0));
    let daemon = Daemon::start(&variables);
    daemon.send(LOGIN_FAILURE);
    let received = recorder.wait_for(2);
    for (one, rule) in received.iter().zip(["test", "alertik"]) {
        let text = one.text();
        let time = text.strip_prefix(&format!("alertik {rule} ")).map(str::trim_end);
        assert!(time.is_some_and(is_time) && one.json()["n"] == 0, "{text}");
    }
}

/// Another implementation: of the key, what is signed besides the body, and the body on standard input.
const SIGN: &str = r#"
import base64, hashlib, hmac, sys
secret, *before = sys.argv[1:]
key, body = secret.encode(), sys.stdin.buffer.read()
if before:
    key, body = base64.b64decode(secret.removeprefix("whsec_")), ".".join(before).encode() + b"." + body
tag = hmac.new(key, body, hashlib.sha256)
print("v1," + base64.b64encode(tag.digest()).decode() if before else "sha256=" + tag.hexdigest(), end="")
"#;

/// Python's signature of a body.
fn sign(secret: &str, before: &[&str], body: &[u8]) -> String {
    let mut command = Command::new("python3");
    command.args(["-c", SIGN, secret]).args(before).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = command.spawn().unwrap();
    python.stdin.take().unwrap().write_all(body).unwrap();
    let ended = python.wait_with_output().unwrap();
    assert!(ended.status.success());
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn a_receiver_can_check_who_sent_it_and_knows_a_repeat() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skip("there is no python3 to check signatures with");
    }
    let (key, text) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "It's a Secret to Everybody");
    let (standard, hub) = (Recorder::queued([Answer::status(503)]), Recorder::start());
    let variables = Variables::new()
        .generic(1, &standard)
        .generic(2, &hub)
        .with("GENERIC1_SECRET", key)
        .with("GENERIC2_SECRET", text)
        .with("GENERIC2_BODY", r#"{"text":"@{line}"}"#);
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // The same words twice are two alerts.
    let daemon = Daemon::start(&variables.substr("Generic1,Generic2", "login", "x \"é\""));
    daemon.send(LOGIN_FAILURE);
    daemon.send(LOGIN_FAILURE);
    let received = standard.wait_for(3);
    for one in &received {
        let header = |name| one.header(name).unwrap();
        let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
        assert_eq!(header("webhook-signature"), sign(key, &[id, time], &one.body));
        assert!((start..start + 60).contains(&time.parse().unwrap()), "{time}");
    }
    let ids: Vec<_> = received.iter().map(|one: &Received| one.header("webhook-id").unwrap()).collect();
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    for one in hub.wait_for(2) {
        assert_eq!(one.header("x-hub-signature-256"), Some(&*sign(text, &[], &one.body)));
        assert_eq!(one.header("webhook-id"), None);
    }
}
