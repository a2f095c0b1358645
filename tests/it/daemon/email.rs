//! Mail, as a real server takes it and Python reads it; and no word to a server that is not the right one.

use serde_json::{Value, json};

use super::{LOGIN_FAILURE, without_time};
use crate::support::age::Identity;
use crate::support::authority::Authority;
use crate::support::daemon::{Daemon, Ended, run};
use crate::support::proxy::Proxy;
use crate::support::recorder::Recorder;
use crate::support::smtp::{MailServer, ScriptedServer, Tls};
use crate::support::variables::Variables;

/// The password needs encoding in a URL, and a start of it is a word.
const LOGIN: &str = "me%40mail.example:pass%2Fw%C3%B6rd%3A";
const USER: &str = "me@mail.example";
const PASSWORD: &str = "pass/wörd:";

fn email(authority: &Authority, url: String, to: &str) -> Variables {
    Variables::new()
        .with("EMAIL_URL", url)
        .with("EMAIL_FROM", "Ålertik at home <alertik@router.example>")
        .with("EMAIL_TO", to)
        .with("EMAIL_TLS_CA_FILE", authority.ca_file())
}

fn header<'a>(mail: &'a Value, name: &str) -> Vec<&'a str> {
    let all = mail["headers"].as_array().unwrap().iter();
    all.filter(|one| one[0] == name).map(|one| one[1].as_str().unwrap()).collect()
}

/// A test alert, and what is said of it.
fn test(variables: &Variables) -> Ended {
    run(&["test", "Email"], variables)
}

#[track_caller]
fn check(variables: &Variables, says: &str) {
    let ended = test(variables);
    let said = ended.whole();
    assert!(ended.code == Some(1) && said.contains(says), "{said}");
    for secret in ["pass", "w%C3", "cGFzc", "bWVAb"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn a_mail_arrives_by_either_tls_with_all_that_a_mail_has() {
    for (tls, scheme) in [(Tls::First, "smtps"), (Tls::Asked, "smtp")] {
        let authority = Authority::new();
        let settings = json!({"login": [USER, PASSWORD]});
        let Some(server) = MailServer::start(&authority, "127.0.0.1", tls, settings) else { return };
        let url = format!("{scheme}://{LOGIN}@127.0.0.1:{}", server.port());
        let variables = email(&authority, url, "ann@example.org, bob@example.net")
            .with("ROUTERS", "127.0.0.1=home")
            .substr("Email", "login", "seen: @{message}");
        let daemon = Daemon::start(&variables);
        daemon.send(LOGIN_FAILURE);
        let mail = &server.wait_for("mail", 1)[0];
        daemon.wait_for_log("delivered", &[("notifier", "Email")]);
        assert_eq!((&mail["is_tls"], &mail["user"]), (&json!(true), &json!(USER)));
        assert_eq!(mail["sender"], "alertik@router.example");
        assert_eq!(mail["recipients"], json!(["ann@example.org", "bob@example.net"]));
        assert_eq!(mail["defects"], json!([]), "{mail}");
        assert_eq!(header(mail, "From"), ["Ålertik at home <alertik@router.example>"]);
        assert_eq!(header(mail, "To"), ["ann@example.org, bob@example.net"]);
        let subject = "home: seen: login failure for user guest from 192.168.88.17 via ssh";
        assert_eq!(header(mail, "Subject"), [subject]);
        assert_eq!(header(mail, "Auto-Submitted"), ["auto-generated"]);
        let id = header(mail, "Message-ID")[0];
        assert!(id.len() == 41 && id.ends_with(".alertik@router.example>"), "{id}");
        assert!(header(mail, "Date")[0].ends_with(" +0000"));
        assert_eq!((&mail["type"], &mail["charset"]), (&json!("text/plain"), &json!("utf-8")));
        let text = mail["text"].as_str().unwrap().trim_end();
        assert_eq!(without_time(text), "seen: login failure for user guest from 192.168.88.17 via ssh");
        assert_eq!(server.events("login").len(), 1);
    }
}

#[test]
fn nothing_but_the_question_for_tls_is_said_without_it() {
    let authority = Authority::new();
    let url = |server: &ScriptedServer| format!("smtp://{LOGIN}@{}", server.address());
    let check_told = |answers: &'static [&'static str], says: &str, told: &[&str]| {
        let server = ScriptedServer::start(answers);
        check(&email(&authority, url(&server), "ann@example.org"), says);
        assert_eq!(server.told(), told);
    };
    let hello = "EHLO [127.0.0.1]";
    let offer = "250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN";
    let none = ["220 mail.example", "250-mail.example\r\n250-XSTARTTLS\r\n250 AUTH PLAIN LOGIN", "250 OK"];
    check_told(Box::leak(Box::new(none)), "the server offers no STARTTLS: nothing was sent", &[hello]);
    let refuses = Box::leak(Box::new(["220 mail.example", offer, "454 4.7.0 not now", "250 OK"]));
    check_told(refuses, "not delivered: 454 4.7.0 not now", &[hello, "STARTTLS"]);
    // Somebody on the way lets the server say in the clear what would be believed as if it came by TLS.
    let ahead = Box::leak(Box::new(["220 x", offer, "220 go\r\n250-mail\r\n250 AUTH PLAIN", "250 OK"]));
    check_told(ahead, "TLS: something was said before it", &[hello, "STARTTLS"]);
    let not_tls = Box::leak(Box::new(["220 x", offer, "220 go", "", "no TLS here"]));
    let server = ScriptedServer::start(not_tls);
    check(&email(&authority, url(&server), "ann@example.org"), "not delivered: ");
    assert!(!server.told().iter().any(|line| line.contains("AUTH") || line.contains("MAIL")));

    let Some(server) = MailServer::start(&authority, "127.0.0.1", Tls::None, json!({})) else { return };
    let url = format!("smtp://{LOGIN}@127.0.0.1:{}", server.port());
    check(&email(&authority, url, "ann@example.org"), "offers no STARTTLS");
    assert_eq!((server.events("login").len(), server.events("mail").len()), (0, 0));
}

#[test]
fn a_wrong_certificate_gets_neither_password_nor_mail() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (tls, scheme) in [(Tls::First, "smtps"), (Tls::Asked, "smtp")] {
        let Some(server) = MailServer::start(&authority, "127.0.0.1", tls, json!({})) else { return };
        let url = format!("{scheme}://{LOGIN}@127.0.0.1:{}", server.port());
        check(&email(&other, url.clone(), "ann@example.org"), "not from a known authority");
        let url = url.replace("127.0.0.1", "localhost");
        check(&email(&authority, url, "ann@example.org"), "the certificate is for another name");
        assert_eq!((server.events("login").len(), server.events("mail").len()), (0, 0));
    }
}

#[test]
fn a_refused_password_parks_and_is_not_repeated() {
    let authority = Authority::new();
    for without in [json!([]), json!(["PLAIN"])] {
        let settings = json!({"login": [USER, "another"], "without": without});
        let Some(server) = MailServer::start(&authority, "127.0.0.1", Tls::Asked, settings) else { return };
        let url = format!("smtp://{LOGIN}@127.0.0.1:{}", server.port());
        check(&email(&authority, url, "ann@example.org"), "not delivered, check its variables: 535 ");
        let login = &server.wait_for("login", 1)[0];
        assert_eq!((&login["user"], &login["password"]), (&json!(USER), &json!(PASSWORD)));
        let mechanism = if without == json!([]) { "PLAIN" } else { "LOGIN" };
        assert_eq!((&login["mechanism"], server.events("mail").len()), (&json!(mechanism), 0));
    }
    let settings = json!({"login": [USER, PASSWORD], "without": ["PLAIN", "LOGIN"]});
    let Some(server) = MailServer::start(&authority, "127.0.0.1", Tls::Asked, settings) else { return };
    let url = |login: &str| format!("smtp://{login}127.0.0.1:{}", server.port());
    let offers = "offers neither AUTH PLAIN nor LOGIN";
    check(&email(&authority, url(&format!("{LOGIN}@")), "ann@example.org"), offers);
    check(&email(&authority, url(""), "ann@example.org"), "not delivered, check its variables: 530 ");
}

#[test]
fn whoever_is_refused_is_named_and_the_others_are_told() {
    let authority = Authority::new();
    let no =
        json!({"no@example.org": "550 5.1.1 no such user", "full@example.org": "452 4.2.2 mailbox full"});
    let settings = json!({"refused": no});
    let Some(server) = MailServer::start(&authority, "127.0.0.1", Tls::First, settings) else { return };
    let url = format!("smtps://127.0.0.1:{}", server.port());
    let to = |to: &str| email(&authority, url.clone(), to);

    let ended = test(&to("no@example.org,ann@example.org,full@example.org"));
    let said = "Email: delivered; but not to all: no@example.org: 550 5.1.1 no such user; \
                full@example.org: 452 4.2.2 mailbox full";
    assert!(ended.code == Some(0) && ended.whole().contains(said), "{}", ended.whole());
    assert_eq!(server.wait_for("mail", 1)[0]["recipients"], json!(["ann@example.org"]));

    check(&to("no@example.org"), "not delivered, check its variables: 550 5.1.1 no such user");
    check(&to("no@example.org,full@example.org"), "not delivered: 452 4.2.2 mailbox full");
    assert_eq!(server.events("mail").len(), 1);

    // With a destination each, one that is refused is nobody else's business.
    let both = "Email/no@example.org,Email/ann@example.org";
    let daemon = Daemon::start(&to("bob@example.org").substr(both, "login", "seen"));
    daemon.send(LOGIN_FAILURE);
    assert_eq!(server.wait_for("mail", 2)[1]["recipients"], json!(["ann@example.org"]));
    daemon.wait_for_log("notifier parked", &[("notifier", "Email/no@example.org")]);
}

#[test]
fn a_mail_that_is_tried_again_is_known_for_the_same_and_a_poisoned_one_is_given_up() {
    let authority = Authority::new();
    let answers = ["cut", "451 4.3.0 later", "554 5.7.1 looks like spam", "552 5.2.2 mailbox full"];
    let settings = json!({"answers": answers});
    let Some(server) = MailServer::start(&authority, "127.0.0.1", Tls::First, settings) else { return };
    let variables = email(&authority, format!("smtps://127.0.0.1:{}", server.port()), "ann@example.org");
    let daemon = Daemon::start(&variables.regex("Email", "line ([0-9])", "@1"));
    daemon.send("system,info line 1");
    daemon.send("system,info line 2");
    let mails = server.wait_for("mail", 4);
    daemon.wait_for_log("notifier parked", &[("reason", "552 5.2.2 mailbox full")]);
    daemon.wait_for_log("delivery postponed", &[("reason", "the connection was cut")]);
    daemon.wait_for_log("delivery postponed", &[("reason", "451 4.3.0 later")]);
    daemon.wait_for_log("alert rejected", &[("reason", "554 5.7.1 looks like spam")]);
    let texts: Vec<_> =
        mails.iter().map(|mail| without_time(mail["text"].as_str().unwrap().trim_end())).collect();
    assert_eq!(texts, ["1", "1", "1", "2"]);
    let ids: Vec<_> = mails.iter().map(|mail| header(mail, "Message-ID")[0]).collect();
    assert_eq!([ids[1], ids[2]], [ids[0]; 2]);
    assert_ne!(ids[3], ids[0]);
}

#[test]
fn hostile_text_is_in_the_body_as_it_is_and_nowhere_else() {
    let authority = Authority::new();
    let Some(server) = MailServer::start(&authority, "127.0.0.1", Tls::First, json!({})) else { return };
    let variables = email(&authority, format!("smtps://127.0.0.1:{}", server.port()), "ann@example.org")
        .with("ALERT_SUFFIX", "")
        .with("ROUTERS", "127.0.0.1=home");
    let texts = [
        "x\r\nBcc: eve@example.org\r\n\r\nhello",
        "x\nX-Evil: 1\n\n.\nMAIL FROM:<eve@example.org>\n.\r\nRCPT TO:<eve@example.org>",
        ".\r\n..\r\n...\r\n.x",
        "=?utf-8?q?=0D=0ABcc=3A_eve=40example=2Eorg?= =?utf-8?b?DQpCY2M6IGV2ZQ==?=",
        "From here to there\nFrom",
        "blanks at the end   \t\nhere too ",
        "é€😀 \u{202e}txet \u{feff}",
        "a\rb\x0b\x0c\x1b[31m\0\u{7f}\u{85}\u{2028}z",
        &"long ".repeat(700),
        &"é".repeat(1500),
        &". ".repeat(1500),
    ];
    // The rule takes all of it; what is no UTF-8 on the wire is no UTF-8 in the text either.
    let daemon = Daemon::start(&variables.substr("Email", "begin:", "@{message}"));
    for (count, text) in texts.iter().enumerate() {
        let mut line = format!("system,info begin:{text}").into_bytes();
        line.extend(b" \xff\xfe end");
        daemon.send(line);
        let mail = &server.wait_for("mail", count + 1)[count];
        assert_eq!(mail["defects"], json!([]), "{mail}");
        let names: Vec<_> = mail["headers"].as_array().unwrap().iter().map(|one| &one[0]).collect();
        let all = ["Date", "From", "To", "Message-ID", "Subject", "Auto-Submitted", "MIME-Version"];
        let of_body = ["Content-Type", "Content-Transfer-Encoding"];
        assert_eq!(names, all.iter().chain(&of_body).collect::<Vec<_>>());
        assert_eq!(mail["recipients"], json!(["ann@example.org"]));
        let raw = mail["raw"].as_str().unwrap();
        assert!(raw.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n', '\0'])));
        let told = mail["text"].as_str().unwrap().replace("\r\n", "\n");
        let expected = format!("begin:{text} \u{fffd}\u{fffd} end").replace("\r\n", "\n");
        assert_eq!(told.strip_suffix('\n').unwrap_or(&told), expected);
        let subject = header(mail, "Subject")[0];
        assert!(subject.starts_with("home: begin:") && subject.chars().count() <= 120, "{subject}");
    }
    assert_eq!(server.events("mail").len(), texts.len());
}

#[test]
fn an_age_file_arrives_as_it_is_and_no_word_beside_it() {
    let Some([ann]) = Identity::some() else { return };
    let authority = Authority::new();
    let Some(server) = MailServer::start(&authority, "127.0.0.1", Tls::First, json!({})) else { return };
    let variables = email(&authority, format!("smtps://127.0.0.1:{}", server.port()), "ann@example.org")
        .with("EMAIL_ENCRYPT_TO", &*ann.recipient)
        .with("ROUTERS", "127.0.0.1=home")
        .substr("Email", "login", "seen: @{message}");
    let daemon = Daemon::start(&variables);
    daemon.send(LOGIN_FAILURE);
    let mail = &server.wait_for("mail", 1)[0];
    let raw = mail["raw"].as_str().unwrap();
    for word in ["seen", "guest", "192.168", "home:", "EVENT0"] {
        assert!(!raw.contains(word), "{word} in {raw}");
    }
    assert_eq!(header(mail, "Subject"), ["alertik: encrypted alert"]);
    // What is copied from the mail's source opens, too.
    let armor = mail["text"].as_str().unwrap().replace("\r\n", "\n");
    assert!(raw.contains(&armor.replace('\n', "\r\n")), "{raw}");
    assert!(armor.starts_with("-----BEGIN AGE") && armor.ends_with("-----END AGE ENCRYPTED FILE-----\n"));
    let text = ann.read(&armor);
    assert_eq!(without_time(&text), "seen: login failure for user guest from 192.168.88.17 via ssh");
}

#[test]
fn a_proxy_is_asked_for_the_name_and_nobody_else() {
    let authority = Authority::new();
    for (tls, scheme) in [(Tls::First, "smtps"), (Tls::Asked, "smtp")] {
        let Some(server) = MailServer::start(&authority, "mail.invalid", tls, json!({})) else { return };
        let address = ([127, 0, 0, 1], server.port()).into();
        let variables = |proxy: String| {
            let url = format!("{scheme}://mail.invalid");
            email(&authority, url, "ann@example.org").with("EMAIL_PROXY", proxy)
        };
        let http = Proxy::http(address);
        let socks = Proxy::socks_with_names(address);
        for (proxy, kind) in [(&http, "http"), (&socks, "socks5h")] {
            let ended = test(&variables(format!("{kind}://{}", proxy.address())));
            assert_eq!((ended.code, &*ended.stdout[0]), (Some(0), "Email: delivered"), "{kind} {scheme}");
            let port = if tls == Tls::First { 465 } else { 587 };
            assert_eq!(proxy.asked(), [format!("mail.invalid:{port}")]);
        }
        // Mail has a circuit of its own, too.
        assert_eq!(socks.asked_by()[0].1.as_deref(), Some("email:alertik"));
        assert_eq!(server.events("mail").len(), 2);
        // One that says no: nothing goes out beside it.
        let refusing = ScriptedServer::start(&["HTTP/1.1 403 No\r\nContent-Length: 0\r\n"]);
        let url = format!("{scheme}://127.0.0.1:{}", server.port());
        let refused =
            email(&authority, url, "ann@example.org").with("PROXY", format!("http://{}", refusing.address()));
        check(&refused, "the proxy refused the connection");
        assert_eq!(server.events("connected").len(), 2);
    }
}

#[test]
fn what_is_no_server_of_mail_is_said_to_be_none() {
    let authority = Authority::new();
    let recorder = Recorder::start();
    let url = format!("smtp://{}", recorder.address());
    let server = ScriptedServer::start(&["HTTP/1.1 200 OK", "x"]);
    check(&email(&authority, format!("smtp://{}", server.address()), "a@b"), "the answer is not SMTP");
    let busy = ScriptedServer::start(&["421 4.3.2 too many of you", "x"]);
    check(
        &email(&authority, format!("smtp://{}", busy.address()), "a@b"),
        "not delivered: 421 4.3.2 too many",
    );
    let banned = ScriptedServer::start(&["554 5.7.1 go away", "x"]);
    let says = "check its variables: 554 5.7.1 go away";
    check(&email(&authority, format!("smtp://{}", banned.address()), "a@b"), says);
    drop(recorder);
    check(&email(&authority, url, "a@b"), "connection refused");
}
