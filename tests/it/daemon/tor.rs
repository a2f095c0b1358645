//! Through Tor, and about Tor: who asks its proxy for what, and what the real one says at its control port.

use std::net::Ipv4Addr;

use super::LOGIN_FAILURE;
use crate::support::daemon::Daemon;
use crate::support::elsewhere::{alone, serve_name};
use crate::support::proxy::Proxy;
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

/// Nobody but Tor knows it.
const ONION: &str = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion";

#[test]
fn each_notifier_says_a_name_of_its_own_to_the_proxy() {
    let recorder = Recorder::start();
    let tor = Proxy::socks_with_names(recorder.address());
    let by_hand = Proxy::socks_with_names(recorder.address());
    let variables = Variables::new()
        .with("PROXY", format!("socks5h://{}", tor.address()))
        .with("TELEGRAM_BOT_TOKEN", "123456:token")
        .with("TELEGRAM_CHAT_ID", "42")
        .with("TELEGRAM_API_URL", "http://telegram.invalid")
        .with("GENERIC1_WEBHOOK_URL", format!("http://{ONION}/1"))
        .with("GENERIC2_WEBHOOK_URL", format!("http://{ONION}/2"))
        .with("GENERIC3_WEBHOOK_URL", "http://hooks.invalid/3")
        .with("GENERIC3_PROXY", format!("socks5h://me:mine@{}", by_hand.address()))
        .with("HEARTBEAT_URL", "http://hc.invalid/4")
        .with("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector.invalid/5");
    let daemon = Daemon::start(&variables.substr("Telegram,Generic1,Generic2,Generic3", "login", "x"));
    daemon.send(LOGIN_FAILURE);
    recorder.wait_for(6);
    let asked = |name: &str, who: &str| (format!("{name}:80"), Some(format!("{who}:alertik")));
    let expected = [
        asked(ONION, "generic1"),
        asked(ONION, "generic2"),
        asked("collector.invalid", "otel"),
        asked("hc.invalid", "heartbeat"),
        asked("telegram.invalid", "telegram"),
    ];
    assert_eq!(tor.asked_by(), expected);
    assert_eq!(by_hand.asked_by(), [("hooks.invalid:80".to_owned(), Some("me:mine".to_owned()))]);
}

#[test]
fn what_goes_through_a_proxy_is_never_looked_up_here() {
    alone("daemon::tor::what_goes_through_a_proxy_is_never_looked_up_here", || {
        let (recorder, beside) = (Recorder::start(), Recorder::start());
        // On this machine nobody can be asked for a name but this one.
        let looked_up = serve_name("beside.example", Ipv4Addr::LOCALHOST);
        let tor = Proxy::socks_with_names(recorder.address());
        let variables = Variables::new()
            .with("PROXY", format!("socks5h://{}", tor.address()))
            .with("GENERIC1_WEBHOOK_URL", format!("http://{ONION}/1"))
            .with("GENERIC2_WEBHOOK_URL", "http://hooks.example/2");
        let daemon = Daemon::start(&variables.substr("Generic1,Generic2", "login", "x"));
        daemon.send(LOGIN_FAILURE);
        recorder.wait_for(2);
        let mut asked = tor.asked();
        asked.sort();
        assert_eq!(asked, [format!("{ONION}:80"), "hooks.example:80".to_owned()]);
        drop(daemon);
        assert_eq!(looked_up.look(Vec::clone), Vec::<String>::new());
        // And this is how one is seen that is.
        let url = format!("http://beside.example:{}/3", beside.address().port());
        let variables = Variables::new().with("GENERIC3_WEBHOOK_URL", url);
        let daemon = Daemon::start(&variables.substr("Generic3", "login", "x"));
        daemon.send(LOGIN_FAILURE);
        beside.wait_for(1);
        assert!(looked_up.look(|all| all.iter().any(|name| name == "beside.example")));
    });
}
