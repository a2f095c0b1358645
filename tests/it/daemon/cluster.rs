//! Two listeners that hear the same routers and tell a cluster of two real Alertmanagers, as `docs/FLEET.md` has it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::alertmanager::{Alertmanager, is_there};
use crate::support::daemon::{Daemon, run};
use crate::support::recorder::{Received, Recorder};
use crate::support::variables::Variables;
use crate::support::{DEADLINE, TempFolder, skip};

/// A member that was down hears of what it missed when all is said again, after half a minute.
const SAID_AGAIN: Duration = Duration::from_secs(30);

fn failure(user: &str) -> String {
    format!("system,error,critical login failure for user {user} from 192.168.88.17 via ssh")
}

/// How often an alert about `user` is in a notification.
fn count(notifications: &[Received], user: &str) -> usize {
    let alerts = |one: &Received| one.json()["alerts"].as_array().cloned().unwrap_or_default();
    let is_of = |alert: &Value| alert["labels"]["text"].as_str().unwrap().contains(&format!(" {user} "));
    notifications.iter().flat_map(alerts).filter(is_of).count()
}

#[test]
fn two_listeners_and_two_alertmanagers_make_one_notification_of_an_alert() {
    if !is_there() {
        return;
    }
    let phone = Recorder::start();
    let [mut one, two] = Alertmanager::two(&phone);
    let urls = format!("http://{},http://{}", one.web, two.web);
    let variables =
        Variables::new().with("ALERTMANAGER_URL", urls).substr("Alertmanager", "login", "@{message}");
    let (west, east) = (Daemon::start(&variables), Daemon::start(&variables));
    // A line to each that is there, and a notification; exactly one when both members have decided.
    let tell = |listeners: &[&Daemon], user: &str| {
        listeners.iter().for_each(|listener| listener.send(failure(user)));
        for listener in listeners {
            listener.wait_for_log("delivered", &[]);
        }
    };

    tell(&[&west, &east], "first");
    for member in [&one, &two] {
        member.wait_until_decided(1, DEADLINE);
    }
    assert_eq!(count(&phone.wait_for(1), "first"), 1);

    // A listener that is gone is not missed.
    drop(east);
    tell(&[&west], "second");
    for member in [&one, &two] {
        member.wait_until_decided(2, DEADLINE);
    }
    let told = phone.wait_for(2);
    assert_eq!((count(&told, "first"), count(&told, "second")), (1, 1));

    // Nor is a member. When it comes back, it hears of all that is firing, and that it was notified.
    let east = Daemon::start(&variables);
    one.kill();
    tell(&[&west, &east], "third");
    let told = phone.wait_for(3);
    assert_eq!(count(&told, "third"), 1);
    one.start_again();
    one.wait_until_decided(3, SAID_AGAIN + DEADLINE);
    west.wait_for_log("member is back", &[("notifier", "Alertmanager"), ("member", "1")]);
    east.wait_for_log("member is back", &[("notifier", "Alertmanager"), ("member", "1")]);
    tell(&[&west, &east], "fourth");
    for member in [&one, &two] {
        member.wait_until_decided(4, DEADLINE);
    }
    phone.wait_for(4);
    let told = phone.received();
    assert_eq!(count(&told, "fourth"), 1);
    // The cluster promises at least once.
    for user in ["first", "second", "third"] {
        assert!((1..=2).contains(&count(&told, user)), "{} of {user}", count(&told, user));
    }
    assert!(told.len() <= 5, "{}", told.len());
}

/// The first block of the page in this language.
fn block(language: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FLEET.md")).unwrap();
    let block = page.split_once(&format!("```{language}\n")).and_then(|(_, rest)| rest.split_once("```"));
    block.unwrap_or_else(|| panic!("no block of {language}")).0.to_owned()
}

#[test]
fn the_pages_configuration_of_alertmanager_is_one() {
    if Command::new("amtool").arg("--version").output().is_err() {
        skip("there is no amtool");
        return;
    }
    let folder = TempFolder::new();
    let file = folder.write("alertmanager.yml", block("yaml"));
    let checked = Command::new("amtool").args(["check-config", &file]).output().unwrap();
    let printed = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && printed.contains(" - 2 receivers"), "{checked:?}");
}

#[test]
fn the_pages_variables_are_a_configuration() {
    let folder = TempFolder::new();
    let checked =
        run(&["check"], &Variables::new().with("ALERTIK_CONFIG", folder.write("alertik", block("sh"))));
    assert_eq!((checked.code, checked.stderr.len()), (Some(0), 0), "{checked:?}");
    assert!(checked.stdout.iter().any(|line| line.contains("Alertmanager")), "{checked:?}");
}
