//! What becomes of an alert when a service is slow, ill, full, gone, or wants something else.

use std::time::{Duration, Instant, SystemTime};

use super::{LOGIN_FAILURE, without_time};
use crate::support::daemon::Daemon;
use crate::support::recorder::{Answer, Received, Recorder};
use crate::support::variables::Variables;

/// The texts without their times.
fn told(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| without_time(&one.text()).to_owned()).collect()
}

#[test]
fn five_login_failures_within_a_second_are_five_notifications() {
    let recorder = Recorder::start();
    let daemon = Daemon::start(&Variables::new().generic(1, &recorder).substr(
        "Generic1",
        "login failure",
        "@{message}",
    ));
    for number in 1..=5 {
        daemon.send(format!(
            "system,error,critical login failure for user u{number} from 192.168.88.17 via ssh"
        ));
    }
    let texts = told(&recorder.wait_for(5));
    let expected = |number| format!("login failure for user u{number} from 192.168.88.17 via ssh");
    assert_eq!(texts, (1..=5).map(expected).collect::<Vec<_>>());
    assert_eq!(daemon.stop("TERM").figures().figure("alerts"), 5);
    assert_eq!(recorder.received().len(), 5);
}

#[test]
fn one_alert_goes_to_every_notifier_and_target_in_the_list() {
    let recorder = Recorder::start();
    let variables = Variables::new().telegram(&recorder).slack(&recorder).discord(&recorder);
    let list = "Slack, Telegram/-100123,Telegram,Discord";
    let daemon = Daemon::start(&variables.substr(list, "login failure", "failed"));
    daemon.send(LOGIN_FAILURE);
    let received = recorder.wait_for(4);
    assert_eq!(told(&received), ["failed"; 4]);
    let chat = |one: &Received| one.json().get("chat_id").map(|id| id.to_string().replace('"', ""));
    let mut chats: Vec<_> = received.iter().filter_map(chat).collect();
    chats.sort();
    assert_eq!(chats, ["-100123", "42"]);
    assert!(received.iter().all(|one| one.method == "POST" && one.header("user-agent").is_some()));
}

/// The median time from sending a line to Telegram's first byte, of 21.
#[track_caller]
fn median_to_telegram(daemon: &Daemon, telegram: &Recorder) -> Duration {
    let mut times: Vec<_> = (1..=21)
        .map(|count| {
            let sent = Instant::now();
            daemon.send(LOGIN_FAILURE);
            telegram.wait_for(count)[count - 1].first_byte - sent
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
fn a_notifier_that_never_answers_delays_no_other() {
    let telegram = Recorder::start();
    let alone = Daemon::start(&Variables::new().telegram(&telegram).substr("Telegram", "login failure", "x"));
    let baseline = median_to_telegram(&alone, &telegram);
    drop(alone);

    let (telegram, slack) = (Recorder::start(), Recorder::scripted(|_| Answer::Hang));
    let variables = Variables::new().telegram(&telegram).slack(&slack);
    let daemon = Daemon::start(&variables.substr("Slack,Telegram", "login failure", "x"));
    let median = median_to_telegram(&daemon, &telegram);
    assert_eq!(slack.wait_for(1).len(), 1);
    println!("Telegram's first byte after {median:?} beside a hanging Slack, {baseline:?} without");
    assert!(median < baseline + Duration::from_millis(50), "{median:?} instead of {baseline:?}");
}

#[test]
fn server_errors_are_retried_later_and_later_and_nothing_is_told_twice() {
    let ill = || Answer::status(500).with_body("ill");
    let recorder = Recorder::queued([ill(), ill(), ill()]);
    let daemon =
        Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "line", "@{message}"));
    for number in 1..=3 {
        daemon.send(format!("system,info line {number}"));
    }
    let received = recorder.wait_for(6);
    assert_eq!(told(&received), ["line 1", "line 1", "line 1", "line 1", "line 2", "line 3"]);
    for (index, seconds) in [1.0, 2.0, 4.0].into_iter().enumerate() {
        let waited = (received[index + 1].first_byte - received[index].complete).as_secs_f64();
        assert!(waited > 0.79 * seconds, "attempt {} after {waited} s", index + 2);
    }
    daemon.wait_for_log("delivery postponed", &[("notifier", "Generic1"), ("attempt", "3")]);
    let ended = daemon.stop("TERM");
    assert_eq!(ended.logged("deliveries")[0].figure("delivered"), 3);
    assert_eq!(recorder.received().len(), 6);
}

#[test]
fn a_connection_that_is_cut_is_no_delivery() {
    let recorder = Recorder::queued([Answer::Cut]);
    let daemon = Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    assert_eq!(told(&recorder.wait_for(2)), ["x", "x"]);
    daemon.wait_for_log("delivered", &[("notifier", "Generic1"), ("rule", "EVENT0")]);
}

#[test]
fn a_200_that_does_not_say_ok_is_no_delivery() {
    let telegram = Recorder::queued([Answer::status(200).with_body(r#"{"ok":false}"#)]);
    let slack = Recorder::queued([Answer::status(200).with_body("invalid_token")]);
    let variables = Variables::new().telegram(&telegram).slack(&slack);
    let daemon = Daemon::start(&variables.substr("Telegram,Slack", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    assert_eq!(
        (told(&telegram.wait_for(2)), told(&slack.wait_for(2))),
        (vec!["x".into(); 2], vec!["x".into(); 2])
    );
    daemon.wait_for_log("delivered", &[("notifier", "Telegram")]);
    daemon.wait_for_log("delivered", &[("notifier", "Slack")]);
}

/// A service that asks for a wait once: how long passed until it was tried again.
#[track_caller]
fn waited(recorder: &Recorder) -> Duration {
    let received = recorder.wait_for(3);
    // The whole channel waits: nothing overtakes the one that was put off.
    assert_eq!(told(&received), ["1", "1", "2"]);
    received[1].first_byte - received[0].complete
}

#[test]
fn a_wait_is_obeyed_in_each_services_own_words() {
    let busy = || Answer::status(429);
    let telegram = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 2","parameters":{"retry_after":2}}"#;
    let telegram = Recorder::queued([busy().with_body(telegram)]);
    let slack = Recorder::queued([busy().with_header("Retry-After", "2").with_body("rate_limited")]);
    let discord = r#"{"message":"You are being rate limited.","retry_after":1.7,"global":false}"#;
    let discord = Recorder::queued([busy().with_header("Retry-After", "1").with_body(discord)]);
    let generic = Recorder::queued([busy().with_header("Retry-After", "2")]);
    let date = SystemTime::now() + Duration::from_secs(4);
    let dated = Recorder::queued([busy().with_header("Retry-After", httpdate::fmt_http_date(date))]);

    let variables = Variables::new().telegram(&telegram).slack(&slack).discord(&discord);
    let variables = variables.generic(1, &generic).generic(2, &dated);
    let list = "Telegram,Slack,Discord,Generic1,Generic2";
    let daemon = Daemon::start(&variables.regex(list, "line ([0-9])", "@1"));
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    for (recorder, told, name) in [
        (&telegram, 2.0, "Telegram"),
        (&slack, 2.0, "Slack"),
        (&discord, 1.7, "Discord"),
        (&generic, 2.0, "Generic1"),
    ] {
        let waited = waited(recorder).as_secs_f64();
        assert!(waited >= told, "{name} asked for {told} s and was left alone for {waited} s");
    }
    // An HTTP date has whole seconds.
    waited(&dated);
    let again = SystemTime::now() - dated.received()[1].first_byte.elapsed();
    assert!(again >= date - Duration::from_secs(1), "tried again {:?} too early", date.duration_since(again));
}

#[test]
fn a_refused_text_does_not_block_the_next() {
    let telegram = r#"{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}"#;
    let telegram = Recorder::queued([Answer::status(400).with_body(telegram)]);
    let generic = Recorder::queued([Answer::status(422)]);
    // That something was refused is told too, but not among these.
    let variables =
        Variables::new().telegram(&telegram).generic(1, &generic).with("SELF_NOTIFIER", "Console");
    let daemon = Daemon::start(&variables.regex("Telegram,Generic1", "line ([0-9])", "@1"));
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    assert_eq!(told(&telegram.wait_for(2)), ["1", "2"]);
    assert_eq!(told(&generic.wait_for(2)), ["1", "2"]);
    let rejected = daemon.wait_for_log("alert rejected", &[("notifier", "Telegram"), ("rule", "EVENT0")]);
    assert_eq!(rejected.value("reason"), Some("400 Bad Request: message is too long"));
    daemon.wait_for_log("delivered", &[("notifier", "Telegram")]);
    let marker = daemon.marker();
    daemon.wait_for_line(|line| line.starts_with(&marker) && line.contains("refused for good"));
    let ended = daemon.stop("TERM");
    assert_eq!(ended.logged("deliveries")[0].figure("rejected"), 2);
}

#[test]
fn a_parked_notifier_is_told_through_another() {
    let slack = Recorder::scripted(|_| Answer::status(404).with_body("no_service"));
    let (telegram, generic) = (Recorder::start(), Recorder::start());
    let variables = Variables::new().slack(&slack).telegram(&telegram).generic(1, &generic);
    let daemon = Daemon::start(&variables.substr("Slack", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    daemon.send(LOGIN_FAILURE);
    for recorder in [&telegram, &generic] {
        let text = recorder.wait_for(1)[0].text();
        assert!(text.contains("Slack") && text.contains("no_service"), "{text}");
    }
    let parked = daemon.wait_for_log("notifier parked", &[("notifier", "Slack")]);
    assert_eq!((&*parked.level, parked.value("reason")), ("ERROR", Some("404 no_service")));
    let ended = daemon.stop("TERM");
    // Asked once, not even again at the stop; and nothing of it is forgotten.
    assert_eq!((slack.received().len(), ended.left_for("Slack")), (1, 2));
}

#[test]
fn a_fallback_tells_what_a_parked_notifier_does_not_take() {
    let slack = Recorder::scripted(|_| Answer::status(404));
    let generic = Recorder::start();
    let variables = Variables::new().slack(&slack).generic(1, &generic).with("SELF_NOTIFIER", "Console");
    let variables = variables.with("FALLBACK_NOTIFIER", "Generic1").with("ALERT_SUFFIX", "!");
    let daemon = Daemon::start(&variables.regex("Slack", "line ([0-9])", "@1"));
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    let texts: Vec<_> = generic.wait_for(2).iter().map(|one| one.text()).collect();
    assert_eq!(texts, ["1! (for Slack)", "2! (for Slack)"]);
    daemon.wait_for_log("taken over by the fallback", &[("notifier", "Slack")]);
    let ended = daemon.stop("TERM");
    // Asked once, for the first; nothing is left there.
    assert_eq!((slack.received().len(), ended.left_for("Slack")), (1, 0));
}

#[test]
fn beyond_the_cap_several_alerts_are_one_message() {
    let generic = Recorder::start();
    let variables = Variables::new().generic(1, &generic).with("ALERTS_PER_HOUR_MAX", "2");
    let daemon = Daemon::start(&variables.with("ALERT_SUFFIX", "!").regex("Generic1", "line ([0-9])", "@1"));
    for number in 1..6 {
        daemon.send(format!("system,info line {number}"));
    }
    generic.wait_for(2);
    // The summary would come in five minutes: at the stop it comes at once.
    assert_eq!(daemon.stop("TERM").code, Some(0));
    let texts: Vec<_> = generic.received().iter().map(|one| one.text()).collect();
    assert_eq!(texts[..2], ["1!", "2!"]);
    assert!(texts[2].starts_with("3 alerts in one message, beyond 2 an hour, "), "{texts:?}");
    assert!(texts[2].ends_with("\nfirst: 3!\nlast: 5!") && texts.len() == 3, "{texts:?}");
}

#[test]
fn only_self_notifiers_are_told_of_our_troubles() {
    let slack = Recorder::scripted(|_| Answer::status(403));
    let (telegram, generic) = (Recorder::start(), Recorder::start());
    let variables = Variables::new().slack(&slack).telegram(&telegram).generic(1, &generic);
    let daemon = Daemon::start(&variables.with("SELF_NOTIFIER", "Telegram/7").substr("Slack", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    assert_eq!(telegram.wait_for(1)[0].json()["chat_id"], "7");
    assert_eq!(daemon.stop("TERM").code, Some(0));
    assert_eq!(generic.received().len(), 0);
}

#[test]
fn a_group_that_moved_is_followed_at_once() {
    let moved = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}"#;
    let telegram = Recorder::queued([Answer::status(400).with_body(moved)]);
    let daemon = Daemon::start(&Variables::new().telegram(&telegram).regex("Telegram", "line ([0-9])", "@1"));
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    let received = telegram.wait_for(3);
    assert_eq!(told(&received), ["1", "1", "2"]);
    let chats: Vec<_> =
        received.iter().map(|one| one.json()["chat_id"].to_string().replace('"', "")).collect();
    assert_eq!(chats, ["42", "-1001234567890", "-1001234567890"]);
    // The operator is told which number to write where the old one stands.
    let said = daemon.wait_for_line(|line| line.contains("-1001234567890"));
    assert!(said.contains(" 42 "), "{said}");
}

#[test]
fn an_alert_that_grows_too_old_makes_way_for_the_next() {
    // While the first is refused for good reason, time runs out for it.
    let is_first = |request: &Received| request.text().starts_with('1');
    let recorder = Recorder::scripted(move |request| match is_first(request) {
        true => Answer::status(503),
        false => Answer::accepting(request),
    });
    let variables = Variables::new().generic(1, &recorder).with("ALERT_EXPIRE", "1s");
    let daemon = Daemon::start(&variables.regex("Generic1", "line ([0-9])", "@1"));
    daemon.send("system,info line 1");
    let expired = daemon.wait_for_log("alert expired", &[("notifier", "Generic1"), ("rule", "EVENT0")]);
    assert_eq!(expired.level, "ERROR");
    // The wait after the last failure holds for these too, and some may grow too old in it.
    let limit = Duration::from_millis(500);
    let is_told = (0..20).any(|_| {
        daemon.send("system,info line 2");
        recorder.has_text_within(limit, |text| text.starts_with('2'))
    });
    assert!(is_told, "{}", daemon.printed());
    let ended = daemon.stop("TERM");
    assert_eq!(ended.left_for("Generic1"), 0);
}
