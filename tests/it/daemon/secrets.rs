//! No token, webhook or password in anything the daemon prints or tells, whatever goes wrong.
//! That faults of the configuration show none is shown with the commands.

use super::LOGIN_FAILURE;
use crate::support::daemon::{Daemon, run, run_with_input};
use crate::support::recorder::{Answer, Received, Recorder};
use crate::support::variables::Variables;

/// Parts of the values below that nobody may see.
const SECRETS: [&str; 18] = [
    "AAtelegramSecret",
    "B0slackSecret",
    "teamsSecretSig",
    "discordSecretToken",
    "genericSecretPath",
    "genericSecretQuery",
    "genericSecretPassword",
    "genericSecretBody",
    "genericSecretHeader",
    "genericSecretKey",
    "ntfySecretTopic",
    "ntfySecretToken",
    "gotifySecretToken",
    "pushoverSecret",
    "matrixSecretToken",
    "alertmanagerSecret",
    "proxySecretPassword",
    "httpSecretToken",
];

/// Every notifier, with its secrets, at `authority` (`host:port`).
pub(crate) fn variables(scheme: &str, authority: &str) -> Variables {
    Variables::new()
        .with("TELEGRAM_BOT_TOKEN", "987654321:AAtelegramSecret")
        .with("TELEGRAM_CHAT_ID", "42")
        .with("TELEGRAM_API_URL", format!("{scheme}://{authority}"))
        .with("SLACK_WEBHOOK_URL", format!("{scheme}://{authority}/services/T0/B0slackSecret/slack"))
        .with("TEAMS_WEBHOOK_URL", format!("{scheme}://{authority}/teams/invoke?sig=teamsSecretSig"))
        .with("DISCORD_WEBHOOK_URL", format!("{scheme}://{authority}/discord/1/discordSecretToken"))
        .with(
            "GENERIC1_WEBHOOK_URL",
            format!("{scheme}://{authority}/genericSecretPath?key=genericSecretQuery"),
        )
        .with("GENERIC2_WEBHOOK_URL", format!("{scheme}://user:genericSecretPassword@{authority}/x"))
        .with("GENERIC2_BODY", r#"{"token":"genericSecretBody","text":"@{text}"}"#)
        .with("GENERIC2_HEADERS", r#"{"X-Token":"genericSecretHeader"}"#)
        .with("GENERIC2_SECRET", "genericSecretKey")
        .with("NTFY_URL", format!("{scheme}://{authority}/ntfy"))
        .with("NTFY_TOPIC", "ntfySecretTopic")
        .with("NTFY_TOKEN", "tk_ntfySecretToken")
        .with("GOTIFY_URL", format!("{scheme}://{authority}/gotify"))
        .with("GOTIFY_TOKEN", "AgotifySecretToken")
        .with("PUSHOVER_API_URL", format!("{scheme}://{authority}/pushover"))
        .with("PUSHOVER_TOKEN", "a-pushoverSecretToken")
        .with("PUSHOVER_USER", "u-pushoverSecretUser")
        .with("MATRIX_URL", format!("{scheme}://{authority}"))
        .with("MATRIX_TOKEN", "syt_matrixSecretToken")
        .with("MATRIX_ROOM", "!room:matrix.example")
        .with("ALERTMANAGER_URL", format!("{scheme}://ops:alertmanagerSecret@{authority}"))
        .with("HTTP_TOKEN", "httpSecretToken")
        .with("LOG_LEVEL", "debug")
        .substr(&NOTIFIERS.join(","), "login", "@{message}")
}

pub(crate) const NOTIFIERS: [&str; 11] = [
    "Telegram",
    "Slack",
    "Teams",
    "Discord",
    "Generic1",
    "Generic2",
    "Ntfy",
    "Gotify",
    "Pushover",
    "Matrix",
    "Alertmanager",
];

#[track_caller]
pub(crate) fn assert_clean(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
    }
}

/// A daemon whose every delivery comes to `outcome` (a line of its log) prints no secret.
#[track_caller]
fn check(variables: &Variables, outcome: &str) {
    let daemon = Daemon::start(variables);
    daemon.send(LOGIN_FAILURE);
    for notifier in NOTIFIERS {
        daemon.wait_for_log(outcome, &[("notifier", notifier)]);
    }
    assert_clean(&daemon.stop("TERM").whole());
    assert_clean(&run(&["test"], variables).whole());
    assert_clean(&run(&["test", "--json"], variables).whole());
}

#[test]
fn deliveries_that_succeed_show_no_secret() {
    let recorder = Recorder::start();
    let variables = variables("http", &recorder.address().to_string());
    check(&variables, "delivered");
    let matched = run_with_input(&["match", "--json"], &variables, LOGIN_FAILURE.as_bytes());
    assert_eq!(matched.code, Some(0));
    assert_clean(&matched.whole());
}

#[test]
fn connections_that_fail_show_no_secret() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check(&variables("http", &gone.to_string()), "delivery postponed");
    let plain = Recorder::start();
    check(&variables("https", &plain.address().to_string()), "delivery postponed");
    let through = format!("socks5h://user:proxySecretPassword@{gone}");
    check(&variables("http", "nobody.invalid").with("PROXY", through), "delivery postponed");
}

/// Answers as web frameworks do, and worse: with all that it was sent.
fn echo(status: u16) -> Recorder {
    Recorder::scripted(move |request: &Received| {
        let key = ["authorization", "x-gotify-key", "x-token"].map(|name| request.header(name));
        let body = String::from_utf8_lossy(&request.body);
        let said = format!("Cannot POST {} for {key:?}: {body}", request.target);
        Answer::status(status).with_body(match request.target.contains("/sendMessage") {
            true => serde_json::json!({"ok": false, "description": said}).to_string(),
            false => said,
        })
    })
}

#[test]
fn answers_that_repeat_the_url_show_no_secret() {
    for (status, outcome) in [(404, "notifier parked"), (400, "alert rejected"), (500, "delivery postponed")]
    {
        let recorder = echo(status);
        check(&variables("http", &recorder.address().to_string()), outcome);
        // Nor is it told to others that a notifier is parked, and why, with the why in full.
        for received in recorder.received() {
            assert_clean(&received.text());
        }
    }
}
