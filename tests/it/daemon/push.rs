//! The services for phones: each request as the service wants it, over TLS, and each refusal in its words.

use serde_json::json;

use super::{LOGIN_FAILURE, without_time};
use crate::support::authority::{Authority, Validity};
use crate::support::daemon::{Daemon, run};
use crate::support::recorder::{Answer, Received, Recorder};
use crate::support::variables::Variables;

/// All four, at one server.
fn all(recorder: &Recorder) -> Variables {
    Variables::new().ntfy(recorder).gotify(recorder).pushover(recorder).matrix(recorder)
}

const ALL: [&str; 4] = ["Ntfy", "Gotify", "Pushover", "Matrix"];

#[test]
fn each_service_for_phones_gets_its_request_over_tls() {
    let authority = Authority::new();
    let recorder = Recorder::over_tls(authority.server("127.0.0.1", Validity::Now));
    let variables = all(&recorder).with("TLS_CA_FILE", authority.ca_file()).with("ALERT_SUFFIX", "");
    let list = "Ntfy,Ntfy/other-topic,Gotify,Pushover,Matrix,Matrix/!other:matrix.example";
    let daemon = Daemon::start(&variables.substr(list, "login", "a & <b> *c* @room"));
    daemon.send(LOGIN_FAILURE);
    let received = recorder.wait_for(6);
    for name in ALL {
        daemon.wait_for_log("delivered", &[("notifier", name)]);
    }
    let to = |path: &str| received.iter().filter(|one| one.target.starts_with(path)).collect::<Vec<_>>();
    let text = "a & <b> *c* @room";

    let ntfy = to("/ntfy/");
    let mut topics: Vec<_> = ntfy.iter().map(|one| one.json()["topic"].clone()).collect();
    topics.sort_by_key(|topic| topic.to_string());
    assert_eq!(topics, ["other-topic", "topic"]);
    for one in ntfy {
        assert_eq!((&*one.method, &*one.target), ("POST", "/ntfy/"));
        assert_eq!(one.header("authorization"), Some("Bearer tk_token"));
        assert_eq!(one.json(), json!({"topic": one.json()["topic"], "message": text, "priority": 3}));
    }

    let [gotify] = to("/gotify/")[..] else { panic!() };
    assert_eq!((&*gotify.method, &*gotify.target), ("POST", "/gotify/message"));
    assert_eq!(gotify.header("x-gotify-key"), Some("A.token"));
    assert_eq!(gotify.json(), json!({"message": text, "priority": 5}));

    let [pushover] = to("/pushover/")[..] else { panic!() };
    assert_eq!((&*pushover.method, &*pushover.target), ("POST", "/pushover/1/messages.json"));
    let form = json!({"token": "atoken", "user": "uuser", "message": text, "priority": "0"});
    assert_eq!(pushover.form(), form);

    let matrix = to("/_matrix/");
    for room in ["%21room%3Amatrix.example", "%21other%3Amatrix.example"] {
        let send = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/");
        let one = matrix.iter().find(|one| one.target.starts_with(&send)).unwrap();
        assert_eq!((&*one.method, one.header("authorization")), ("PUT", Some("Bearer syt_token")));
        assert_eq!(one.header("content-type"), Some("application/json"));
        assert_eq!(one.json(), json!({"msgtype": "m.text", "body": text, "m.mentions": {}}));
    }
}

fn transaction(request: &Received) -> &str {
    request.target.rsplit('/').next().unwrap()
}

#[test]
fn an_alert_has_one_transaction_in_a_room_however_often_it_is_tried() {
    let recorder = Recorder::queued([Answer::Cut, Answer::status(502)]);
    let variables = Variables::new().matrix(&recorder).regex("Matrix", "line ([0-9])", "@1");
    let daemon = Daemon::start(&variables);
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    let received = recorder.wait_for(4);
    let texts: Vec<_> = received.iter().map(|one| without_time(&one.text()).to_owned()).collect();
    assert_eq!(texts, ["1", "1", "1", "2"]);
    let first = transaction(&received[0]);
    assert_eq!([transaction(&received[1]), transaction(&received[2])], [first; 2]);
    assert_ne!(transaction(&received[3]), first);
    drop(daemon);

    // The same line after a restart is another alert; so is each test.
    let daemon = Daemon::start(&variables);
    daemon.send("system,info line 1");
    let received = recorder.wait_for(5);
    drop(daemon);
    for count in 6..=7 {
        assert_eq!(run(&["test", "Matrix"], &variables).code, Some(0));
        recorder.wait_for(count);
    }
    let mut transactions: Vec<_> =
        recorder.received()[2..].iter().map(|one| transaction(one).to_owned()).collect();
    transactions.sort();
    transactions.dedup();
    assert_eq!((received.len(), transactions.len()), (5, 5));

    // Some homeservers would tell an alert in one room only, were it one transaction in two.
    let daemon = Daemon::start(&variables.substr("Matrix,Matrix/!other:h", "line", "x"));
    daemon.send("system,info line");
    let received = recorder.wait_for(9);
    drop(daemon);
    assert_ne!(transaction(&received[7]), transaction(&received[8]));
}

#[test]
fn a_refusal_is_told_in_the_services_words() {
    let recorder = Recorder::scripted(|request: &Received| {
        let (status, body) = match request.target.split('/').nth(1) {
            Some("ntfy") => {
                (429, r#"{"code":42908,"http":429,"error":"limit reached: daily message quota reached"}"#)
            }
            Some("gotify") => (
                403,
                r#"{"error":"Forbidden","errorCode":403,"errorDescription":"you are not allowed to access this api"}"#,
            ),
            Some("pushover") => (
                400,
                r#"{"token":"invalid","errors":["application token is invalid"],"status":0,"request":"r"}"#,
            ),
            _ => (403, r#"{"errcode":"M_FORBIDDEN","error":"User @a:h not in room"}"#),
        };
        Answer::status(status).with_body(body)
    });
    let variables = all(&recorder).with("SELF_NOTIFIER", "Console");
    let daemon = Daemon::start(&variables.substr(&ALL.join(","), "login", "x"));
    daemon.send(LOGIN_FAILURE);
    for (name, happening, reason) in [
        ("Ntfy", "delivery postponed", "429 limit reached: daily message quota reached"),
        ("Gotify", "notifier parked", "403 you are not allowed to access this api"),
        ("Pushover", "notifier parked", "400 application token is invalid"),
        ("Matrix", "notifier parked", "403 M_FORBIDDEN User @a:h not in room"),
    ] {
        let logged = daemon.wait_for_log(happening, &[("notifier", name)]);
        assert_eq!(logged.value("reason"), Some(reason));
    }
    let quota = daemon.wait_for_log("delivery postponed", &[("notifier", "Ntfy")]);
    assert_eq!(
        quota.value("next_in").map(|wait| wait.starts_with("3600") || wait.starts_with("3599")),
        Some(true)
    );
    let ended = daemon.stop("TERM");
    assert_eq!((recorder.received().len(), ALL.map(|name| ended.left_for(name))), (4, [1; 4]));
}
