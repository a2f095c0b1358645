//! On the way to a service: certificates, proxies, and the names that only a proxy knows.

use super::{LOGIN_FAILURE, without_time};
use crate::support::authority::{Authority, Validity};
use crate::support::daemon::{Daemon, run};
use crate::support::proxy::Proxy;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

#[test]
fn only_certificates_that_are_right_in_every_way_are_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let serve = |authority: &Authority, name, validity| Recorder::over_tls(authority.server(name, validity));
    let good = serve(&ours, "127.0.0.1", Validity::Now);
    let misnamed = serve(&ours, "other.example", Validity::Now);
    let expired = serve(&ours, "127.0.0.1", Validity::Expired);
    let early = serve(&ours, "127.0.0.1", Validity::NotYet);
    let untrusted = serve(&theirs, "127.0.0.1", Validity::Now);
    let variables = Variables::new()
        .with("TLS_CA_FILE", ours.ca_file())
        .generic(1, &good)
        .generic(2, &misnamed)
        .generic(3, &expired)
        .generic(4, &early)
        .telegram(&untrusted)
        .with("SELF_NOTIFIER", "Console");
    let list = "Generic1,Generic2,Generic3,Generic4,Telegram";
    let daemon = Daemon::start(&variables.substr(list, "login", "sealed"));
    daemon.send(LOGIN_FAILURE);
    assert_eq!(without_time(&good.wait_for(1)[0].text()), "sealed");
    for (notifier, word) in [
        ("Generic2", "another name"),
        ("Generic3", "has expired on 2001-01-01; the clock says 2"),
        ("Generic4", "not valid before 3001-01-01; the clock says 2"),
        ("Telegram", "TLS_CA_FILE"),
    ] {
        let postponed = daemon.wait_for_log("delivery postponed", &[("notifier", notifier)]);
        let reason = postponed.value("reason").unwrap();
        assert!(reason.starts_with("TLS: ") && reason.contains(word), "{notifier}: {reason}");
    }
    for refused in [&misnamed, &expired, &early, &untrusted] {
        assert_eq!(refused.received().len(), 0);
    }
}

#[test]
fn a_private_authority_may_be_one_notifiers_alone() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let one = Recorder::over_tls(ours.server("127.0.0.1", Validity::Now));
    let other = Recorder::over_tls(theirs.server("localhost", Validity::Now));
    let port = other.address().port();
    let variables = Variables::new()
        .generic(1, &one)
        .with("GENERIC1_TLS_CA_FILE", ours.ca_file())
        .with("SLACK_WEBHOOK_URL", format!("https://localhost:{port}/slack"))
        .with("TLS_CA_FILE", theirs.ca_file());
    let daemon = Daemon::start(&variables.substr("Generic1,Slack", "login", "sealed"));
    daemon.send(LOGIN_FAILURE);
    one.wait_for(1);
    // Two on one connection, which TLS makes dear to open.
    daemon.send(LOGIN_FAILURE);
    assert_eq!((one.wait_for(2).len(), other.wait_for(2).len()), (2, 2));
}

#[test]
fn a_server_without_tls_is_told_apart() {
    let plain = Recorder::start();
    let url = plain.url("/x").replace("http:", "https:");
    let variables = Variables::new().with("GENERIC1_WEBHOOK_URL", url);
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "sealed"));
    daemon.send(LOGIN_FAILURE);
    let postponed = daemon.wait_for_log("delivery postponed", &[("notifier", "Generic1")]);
    assert!(postponed.value("reason").unwrap().starts_with("TLS: "), "{postponed:?}");
    assert_eq!(plain.received().len(), 0);
}

#[test]
fn a_file_without_certificates_is_a_fault() {
    let folder = crate::support::TempFolder::new();
    for path in [folder.write("empty.pem", "nothing"), folder.path("missing.pem")] {
        let variables =
            Variables::new().with("GENERIC1_WEBHOOK_URL", "https://127.0.0.1:1/x").with("TLS_CA_FILE", path);
        let checked = run(&["check"], &variables.substr("Generic1", "x", "x"));
        assert_eq!(checked.code, Some(78));
        assert!(checked.whole().contains("TLS_CA_FILE: "), "{}", checked.whole());
    }
}

#[test]
fn proxies_are_given_names_and_not_addresses() {
    let authority = Authority::new();
    let (plain, sealed) =
        (Recorder::start(), Recorder::over_tls(authority.server("hooks.invalid", Validity::Now)));
    let (http, http_sealed) = (Proxy::http(plain.address()), Proxy::http(sealed.address()));
    let (socks, socks_sealed) = (Proxy::socks(plain.address()), Proxy::socks(sealed.address()));
    let onion = "http://abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion/generic2";
    let variables = Variables::new()
        .with("TLS_CA_FILE", authority.ca_file())
        .with("PROXY", format!("http://{}", http.address()))
        .with("GENERIC1_WEBHOOK_URL", "http://nobody.invalid:8080/generic1")
        .with("GENERIC2_WEBHOOK_URL", onion)
        .with("GENERIC2_PROXY", format!("socks5h://{}", socks.address()))
        .with("GENERIC3_WEBHOOK_URL", "https://hooks.invalid/generic3")
        .with("GENERIC3_PROXY", format!("http://{}", http_sealed.address()))
        .with("GENERIC4_WEBHOOK_URL", "https://hooks.invalid/generic4")
        .with("GENERIC4_PROXY", format!("socks5h://{}", socks_sealed.address()));
    let daemon = Daemon::start(&variables.substr("Generic1,Generic2,Generic3,Generic4", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    let mut targets: Vec<_> =
        plain.wait_for(2).into_iter().chain(sealed.wait_for(2)).map(|one| one.target).collect();
    targets.sort();
    assert_eq!(targets, ["/generic1", "/generic2", "/generic3", "/generic4"]);
    assert_eq!(http.asked(), ["nobody.invalid:8080"]);
    let name = onion.split('/').nth(2).unwrap();
    assert_eq!(socks.asked(), [format!("{name}:80")]);
    assert_eq!(
        (http_sealed.asked(), socks_sealed.asked()),
        (vec!["hooks.invalid:443".into()], vec!["hooks.invalid:443".into()])
    );
}

#[test]
fn a_proxy_that_is_gone_is_not_gone_round() {
    let recorder = Recorder::start();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let variables = Variables::new().generic(1, &recorder).with("PROXY", format!("socks5h://{gone}"));
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    daemon.wait_for_log("delivery postponed", &[("notifier", "Generic1")]);
    // Whoever wants Tor wants nothing sent beside it.
    assert_eq!(recorder.received().len(), 0);
}

#[test]
fn an_onion_address_without_a_proxy_is_a_fault() {
    let onion = "http://abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion/secret";
    let variables = Variables::new().with("GENERIC1_WEBHOOK_URL", onion).substr("Generic1", "x", "x");
    for command in ["run", "check"] {
        let ended = run(&[command], &variables);
        assert_eq!(ended.code, Some(78));
        assert!(ended.whole().contains("GENERIC1_WEBHOOK_URL: "), "{}", ended.whole());
        assert!(ended.whole().contains("GENERIC1_PROXY"), "{}", ended.whole());
    }
    assert_eq!(run(&["check"], &variables.with("PROXY", "socks5h://127.0.0.1:9050")).code, Some(0));
}

#[test]
fn the_environments_own_proxies_are_not_obeyed() {
    let (recorder, elsewhere) = (Recorder::start(), Recorder::start());
    let mut variables = Variables::new().generic(1, &recorder);
    for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy"] {
        variables = variables.with(name, elsewhere.url(""));
    }
    let daemon = Daemon::start(&variables.substr("Generic1", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    recorder.wait_for(1);
    assert_eq!(elsewhere.received().len(), 0);
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Recorder::start();
    let to = elsewhere.url("/elsewhere");
    let moved = crate::support::recorder::Answer::status(302).with_header("Location", to);
    let recorder = Recorder::queued([moved]);
    let daemon = Daemon::start(&Variables::new().generic(1, &recorder).substr("Generic1", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    recorder.wait_for(2);
    assert_eq!(elsewhere.received().len(), 0);
}
