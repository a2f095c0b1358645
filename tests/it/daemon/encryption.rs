//! With `ENCRYPT_TO` the services get files of `age`, and the text is nowhere but in them.

use super::{LOGIN_FAILURE, without_time};
use crate::support::age::Identity;
use crate::support::daemon::{Daemon, run};
use crate::support::recorder::{Answer, Recorder};
use crate::support::variables::Variables;

const NOTIFIERS: &str = "Telegram,Slack,Teams,Discord,Generic1";

fn all(recorder: &Recorder) -> Variables {
    Variables::new().telegram(recorder).slack(recorder).teams(recorder).discord(recorder).generic(1, recorder)
}

#[test]
fn every_service_gets_what_each_key_opens_and_no_word_of_it() {
    let Some([ann, bob, eve]) = Identity::some() else { return };
    let recorder = Recorder::start();
    let keys = format!("{}, {}", ann.recipient, bob.recipient);
    let variables = all(&recorder).with("ENCRYPT_TO", keys).with("TELEGRAM_NICKNAME", "Ann");
    let daemon = Daemon::start(&variables.substr(NOTIFIERS, "login", "told: @{message} <&> *a* 😀\\n"));
    daemon.send(LOGIN_FAILURE);
    for one in recorder.wait_for(5) {
        let armor = one.text();
        let expected = "told: login failure for user guest from 192.168.88.17 via ssh <&> *a* 😀\\n";
        for key in [&ann, &bob] {
            assert_eq!(without_time(&key.read(&armor)), expected, "{}", one.target);
        }
        assert!(eve.open(&armor).is_err());
        let body = String::from_utf8_lossy(&one.body);
        for word in ["told", "guest", "192.168", "at:", "EVENT0"] {
            assert!(!body.contains(word), "{word} in {body}");
        }
        // Each line is as it was: what is copied from the service is the file.
        assert_eq!(armor.lines().next(), Some("-----BEGIN AGE ENCRYPTED FILE-----"), "{}", one.target);
    }
    let printed = daemon.stop("TERM").whole();
    assert!(!printed.contains("guest") && printed.contains("delivered"), "{printed}");
}

#[test]
fn a_body_of_the_operators_own_has_the_file_and_no_word_beside_it() {
    let Some([ann]) = Identity::some() else { return };
    let recorder = Recorder::start();
    let of_line = "@{title},@{message},@{topics},@{router},@{from},@{time},@{line},@{count},@{rule}";
    let json = format!(r#"{{"line":"{of_line}","text":"@{{text}}"}}"#);
    let mut variables = Variables::new()
        .with("GENERIC1_BODY", &*json)
        .with("GENERIC2_HEADERS", r#"{"Content-Type":"text/plain"}"#)
        .with("GENERIC2_BODY", format!("{of_line}\n@{{text}}"))
        .with("GENERIC3_HEADERS", r#"{"Content-Type":"application/x-www-form-urlencoded"}"#)
        .with("GENERIC3_BODY", format!("line={of_line}&text=@{{text}}"))
        // One that is told in clear, so that the alert does carry what its line said.
        .with("GENERIC4_BODY", json)
        .with("ROUTERS", "127.0.0.1=home");
    for number in 1..=4 {
        variables = variables.generic(number, &recorder);
    }
    for number in 1..=3 {
        variables = variables.with(&format!("GENERIC{number}_ENCRYPT_TO"), &*ann.recipient);
    }
    let rule = variables.substr("Generic1,Generic2,Generic3,Generic4", "login", "told: @{message}");
    let daemon = Daemon::start(&rule);
    daemon.send(LOGIN_FAILURE);
    for one in recorder.wait_for(4) {
        let body = String::from_utf8(one.body.clone()).unwrap();
        let (beside, armor) = match one.target.as_str() {
            "/generic1" => (one.json()["line"].as_str().unwrap().to_owned(), one.text()),
            "/generic2" => {
                body.split_once('\n').map(|(line, text)| (line.to_owned(), text.to_owned())).unwrap()
            }
            "/generic3" => (one.form()["line"].as_str().unwrap().to_owned(), one.text()),
            _ => {
                assert!(body.contains("home,login failure for user guest "), "{body}");
                continue;
            }
        };
        assert_eq!(beside, "alertik,,,,,,,0,", "{}", one.target);
        let told = "told: login failure for user guest from 192.168.88.17 via ssh";
        assert_eq!(without_time(&ann.read(&armor)), told, "{}", one.target);
    }
}

#[test]
fn a_text_too_long_is_cut_before_it_is_encrypted() {
    let Some([ann]) = Identity::some() else { return };
    let recorder = Recorder::start();
    let variables = all(&recorder).with("ENCRYPT_TO", &*ann.recipient);
    let daemon = Daemon::start(&variables.substr(NOTIFIERS, "long", &"@{line}".repeat(12)));
    let line = format!("script,info long {}", "é😀€".repeat(400));
    daemon.send(&line);
    let whole = line.repeat(12);
    for one in recorder.wait_for(5) {
        let armor = one.text();
        let limit = match one.target.as_str() {
            "/generic1" => usize::MAX,
            "/discord?wait=true" => 2_000,
            "/slack" => 40_000,
            "/teams" => 24_000,
            _ => 4_096,
        };
        assert!(armor.len() <= limit, "{} for {}", armor.len(), one.target);
        let opened = ann.read(&armor);
        let told = without_time(&opened);
        match one.target.as_str() {
            "/generic1" => assert_eq!(told, whole),
            _ => assert!(whole.starts_with(told.strip_suffix('…').unwrap()), "{told}"),
        }
        // Base64 is four for three, and the header for one key takes 300 characters.
        assert!(opened.len() > limit.min(armor.len()) * 7 / 10 - 300, "{} for {}", opened.len(), one.target);
    }
}

#[test]
fn the_console_prints_files_too_and_each_line_has_the_mark() {
    let Some([ann]) = Identity::some() else { return };
    let daemon = Daemon::start(&Variables::new().with("ENCRYPT_TO", &*ann.recipient));
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_log("delivered", &[("notifier", "Console")]);
    let mark = format!("{} ", daemon.marker());
    let printed = daemon.stop("TERM");
    let lines: Vec<&str> = printed.stdout.iter().filter_map(|line| line.strip_prefix(&mark)).collect();
    let told = "127.0.0.1: login failure for user \"guest\" from 192.168.88.17 via ssh";
    assert_eq!(without_time(&ann.read(&lines.join("\n"))), told);
    assert!(!printed.whole().contains("guest"));
}

#[test]
fn each_notifier_has_its_own_keys_for_our_own_troubles_too() {
    let Some([ann, bob]) = Identity::some() else { return };
    let gone = Recorder::scripted(|_| Answer::status(404));
    let recorder = Recorder::start();
    let variables = Variables::new()
        .telegram(&recorder)
        .generic(1, &recorder)
        .slack(&gone)
        .with("ENCRYPT_TO", &*ann.recipient)
        .with("GENERIC1_ENCRYPT_TO", &*bob.recipient);
    let daemon = Daemon::start(&variables.substr("Slack", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    for one in recorder.wait_for(2) {
        let (reader, other) = if one.target == "/generic1" { (&bob, &ann) } else { (&ann, &bob) };
        let told = reader.read(&one.text());
        assert!(told.contains("Slack") && other.open(one.text()).is_err(), "{told}");
    }
    assert!(ann.open(gone.wait_for(1)[0].text()).is_ok());
    daemon.stop("TERM");
}

#[test]
fn check_says_who_can_read_and_test_what_to_look_for() {
    let Some([ann]) = Identity::some() else { return };
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).generic(2, &recorder);
    let variables = variables.with("GENERIC2_ENCRYPT_TO", &*ann.recipient);
    let checked = run(&["check"], &variables).stdout.join("\n");
    let expected = format!("  Generic1\n  Generic2, encrypted to {}\n", ann.recipient);
    assert!(checked.contains(&expected), "{checked}");
    let checked = run(&["check", "--json"], &variables).stdout.join("\n");
    let expected = format!(r#"{{"notifier":"Generic2","encrypt_to":["{}"]}}"#, ann.recipient);
    assert!(checked.contains("{\"notifier\":\"Generic1\"}") && checked.contains(&expected), "{checked}");
    let tested = run(&["test"], &variables);
    let said = "Generic2: delivered; it is encrypted: look whether your key opens it";
    assert_eq!(tested.stdout, ["Generic1: delivered", said]);
    let received = recorder.wait_for(2);
    let sealed = received.iter().find(|one| one.target == "/generic2").unwrap();
    assert!(without_time(&ann.read(&sealed.text())).contains("this is a test"));
}
