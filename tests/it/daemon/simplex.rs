//! SimpleX: what is stored, and how it looks, in each version's words; and with a real one.
//!
//! `SIMPLEX_E2E_URL` (`ws://127.0.0.1:5225`) and `SIMPLEX_E2E_TO` (a group of it, by the name it has there, in
//! which messages may be left) make the cases that take a [`Place`] run against that simplex-chat too. Without
//! them nothing is left out: what they can show is shown by the recordings, from which our own one answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::LOGIN_FAILURE;
use super::metrics::metrics;
use crate::support::age::Identity;
use crate::support::authority::{Authority, Validity};
use crate::support::daemon::{Daemon, run};
use crate::support::recorder::Recorder;
use crate::support::simplex::client::Client;
use crate::support::simplex::commands::json_bytes;
use crate::support::simplex::frames::Shape;
use crate::support::simplex::world::Chat;
use crate::support::simplex::{Bench, Fault, markup};
use crate::support::variables::Variables;

/// To the bench's group, each text as it is.
pub(super) fn to_alerts(bench: &Bench) -> Variables {
    at(&bench.url(), "#alerts")
}

pub(super) fn at(url: &str, to: &str) -> Variables {
    Variables::new().with("SIMPLEX_URL", url).with("SIMPLEX_TO", to).with("ALERT_SUFFIX", "")
}

/// A line that the rules of these tests tell as `text`.
pub(super) fn say(text: &str) -> String {
    format!("script,info say {text}")
}

/// The rule that does.
pub(super) const SAY: &str = "say (.*)";

/// Waits until SimpleX has delivered so many.
#[track_caller]
pub(super) fn wait_for_delivered(daemon: &Daemon, count: usize) {
    let line = format!(r#"alertik_notifications_total{{notifier="SimpleX",outcome="delivered"}} {count}"#);
    metrics(daemon, &[&line]);
}

/// Side by side, because most of it is waiting.
pub(super) fn in_each_shape(test: impl Fn(Shape) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        let run = |shape| {
            thread::Builder::new().name(format!("{shape:?}")).spawn_scoped(scope, move || test(shape))
        };
        let running = Shape::ALL.map(|shape| run(shape).unwrap());
        for one in running {
            one.join().expect("it is true in this shape");
        }
    });
}

/// A simplex-chat with a group to send to.
struct Place {
    url: String,
    group: String,
    _bench: Option<Bench>,
}

/// Our own in each version's shape, and a real one if there is one.
fn places() -> Vec<Place> {
    let group = "alerts".to_owned();
    let own = |shape| {
        let bench = Bench::start(shape);
        // As on a busy day: others write too.
        bench.chatter(2);
        Place { url: bench.url(), group: group.clone(), _bench: Some(bench) }
    };
    let mut places: Vec<Place> = Shape::ALL.into_iter().map(own).collect();
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(url), Some(group)) = (variable("SIMPLEX_E2E_URL"), variable("SIMPLEX_E2E_TO")) {
        places.push(Place { url, group: group.trim_start_matches('#').to_owned(), _bench: None });
    }
    places
}

impl Place {
    /// What is stored of us in the group after a daemon has told `lines`, and what another notifier was told.
    #[track_caller]
    fn told(&self, lines: &[String]) -> (Vec<String>, Vec<String>) {
        let other = Recorder::start();
        let variables = at(&self.url, &format!("#{}", self.group)).generic(1, &other);
        let daemon = Daemon::start(&variables.regex("SimpleX,Generic1", SAY, "@1"));
        for (number, line) in lines.iter().enumerate() {
            daemon.send(line);
            // One by one: the order is that of the lines.
            wait_for_delivered(&daemon, number + 1);
            other.wait_for(number + 1);
        }
        let ended = daemon.stop("TERM");
        assert_eq!(ended.code, Some(0), "{}", ended.whole());
        let mut client = Client::connect(&self.url);
        let group = client.group(&self.group);
        (client.own_texts(group, lines.len()), other.received().iter().map(|one| one.text()).collect())
    }
}

/// Told apart from what was sent before, which a real one remembers.
fn unique(text: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{text} (test {}-{count})", std::process::id())
}

#[test]
fn an_alert_is_delivered_when_it_is_stored() {
    for place in places() {
        let texts = [unique("one"), unique("two"), unique("three ä€😀")];
        let (stored, _) = place.told(&texts.clone().map(|text| say(&text)));
        assert_eq!(stored, texts);
    }
}

/// Each would be something else than text, if simplex-chat or an app had its way.
const HOSTILE: [&str; 20] = [
    "/stop",
    "/_stop",
    "  /help",
    "one\n/_stop",
    "#ops hello",
    "@phone hello",
    r#""}}] {"corrId":"1","cmd":"/_stop"}"#,
    r#"\"},"mentions":{}},{"msgContent":{"type":"text","text":"two"#,
    "tab\there, return\rthere, bell\u{7} and \u{202e}backwards",
    "#secret# and ##two##",
    "x #secret#",
    "!1 red! and !r red!",
    "*bold* _italic_ ~gone~ `code`",
    "*a*#b#",
    "user @phone",
    "do /this",
    "[here](https://example.org)",
    "from 192.168.88.17#hidden#",
    "call 1234567*b*",
    "192.168.88.17 /this 1234567@phone +1234567[a](https://example.org)",
];

#[test]
fn log_text_is_text_and_nothing_else() {
    for text in &HOSTILE[9..] {
        assert_ne!(markup::live(text), Vec::<String>::new(), "{text:?} would be live as it is");
    }
    for place in places() {
        let lines = HOSTILE.map(|text| say(&unique(text)));
        let (stored, others) = place.told(&lines);
        assert_eq!(stored.len(), HOSTILE.len());
        for (stored, other) in stored.iter().zip(&others) {
            assert_eq!(stored.replace('\u{200b}', ""), *other);
            assert_eq!(markup::live(stored), Vec::<String>::new(), "{stored:?}");
        }
    }
}

#[test]
fn a_text_too_long_is_cut_where_it_still_fits() {
    // As many bytes as characters, and several kinds that JSON makes longer.
    for (piece, at_least) in [("x", 14_900), (r#"\"*"#, 14_000), ("😀", 14_900)] {
        for place in places() {
            let other = Recorder::start();
            let variables = at(&place.url, &format!("#{}", place.group)).generic(1, &other);
            // A line is short, what a rule makes of it is not.
            let mask = unique(&piece.repeat(6000 / piece.len())) + &"@1".repeat(20);
            let daemon = Daemon::start(&variables.regex("SimpleX", SAY, &mask));
            daemon.send(say(&piece.repeat(1200 / piece.len())));
            wait_for_delivered(&daemon, 1);
            daemon.stop("TERM");
            let mut client = Client::connect(&place.url);
            let group = client.group(&place.group);
            let stored = client.own_texts(group, 1).remove(0);
            let bytes = json_bytes(&stored);
            assert!((at_least..=15_000).contains(&bytes), "{bytes} of {piece}");
            let plain = stored.replace('\u{200b}', "");
            assert!(plain.starts_with(&piece.repeat(1000 / piece.len())), "{}", &plain[..100]);
        }
    }
}

#[test]
fn what_is_encrypted_arrives_as_it_is() {
    let Some([ann]) = Identity::some() else { return };
    for place in places() {
        let variables = at(&place.url, &format!("#{}", place.group)).with("ENCRYPT_TO", &*ann.recipient);
        let daemon = Daemon::start(&variables.regex("SimpleX", SAY, "@1"));
        let text = unique("*bold* /stop");
        daemon.send(say(&text));
        wait_for_delivered(&daemon, 1);
        daemon.stop("TERM");
        let mut client = Client::connect(&place.url);
        let group = client.group(&place.group);
        assert_eq!(ann.read(&client.own_texts(group, 1)[0]), text);
    }
}

#[test]
fn all_targets_share_one_connection() {
    let bench = Bench::start(Shape::V6_5);
    bench.world(|world| {
        world.add_group("ops room");
        world.add_contact("ann");
    });
    let list = "SimpleX,SimpleX/#ops room,SimpleX/@ann,SimpleX/@phone";
    let daemon = Daemon::start(&to_alerts(&bench).regex(list, SAY, "@1"));
    for number in 1..=5 {
        daemon.send(say(&format!("alert {number}")));
    }
    bench.wait_for_sent(20);
    let expected: Vec<String> = (1..=5).map(|number| format!("alert {number}")).collect();
    for chat in [Chat::Group(1), Chat::Group(2), Chat::Contact(4), Chat::Contact(5)] {
        let sent = bench.world(|world| world.sent_to(chat));
        assert_eq!(sent.into_iter().map(|item| item.text).collect::<Vec<_>>(), expected, "{chat}");
    }
    assert_eq!(daemon.stop("TERM").logged("deliveries")[0].figure("delivered"), 20);
    assert_eq!((bench.look(|state| state.connections), bench.count("/user")), (1, 1));
}

#[test]
fn a_group_is_found_by_the_name_that_is_its_own_here() {
    let bench = Bench::start(Shape::V6_4);
    // Anybody can call a group so.
    let other = bench.world(|world| world.add_group("alerts"));
    let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX,SimpleX/#alerts_1", SAY, "@1"));
    daemon.send(say("one"));
    bench.wait_for_sent(2);
    daemon.wait_for_log("delivered", &[("notifier", "SimpleX/#alerts_1")]);
    let count = |id| bench.world(|world| world.sent_to(Chat::Group(id)).len());
    assert_eq!((count(1), count(other)), (1, 1));
}

#[test]
fn a_name_that_nobody_has_is_said_in_words() {
    let bench = Bench::start(Shape::V7);
    let list = "SimpleX/#nosuch,SimpleX/@nobody,SimpleX";
    // That two are parked is no message of these.
    let variables = to_alerts(&bench).with("SELF_NOTIFIER", "Console");
    let daemon = Daemon::start(&variables.regex(list, SAY, "@1"));
    daemon.send(say("one"));
    for target in ["#nosuch", "@nobody"] {
        let parked = daemon.wait_for_log("notifier parked", &[("notifier", &format!("SimpleX/{target}"))]);
        assert!(parked.value("reason").unwrap().contains(target), "{parked:?}");
    }
    // Nobody else waits for them.
    wait_for_delivered(&daemon, 1);
    assert_eq!(bench.texts()[0], "one");
}

#[test]
fn a_test_alert_comes_through() {
    let bench = Bench::start(Shape::V6_3);
    let tested = run(&["test", "SimpleX"], &to_alerts(&bench));
    assert!(tested.code == Some(0) && tested.whole().contains("SimpleX: delivered"), "{}", tested.whole());
    assert_eq!(bench.texts().len(), 1);
    bench.world(|world| world.group_mut(1).role = "observer");
    let tested = run(&["test", "SimpleX"], &to_alerts(&bench));
    assert!(tested.code == Some(1) && tested.whole().contains("observer"), "{}", tested.whole());
}

/// The password needs encoding in a URL.
const LOGIN: &str = "ops:pass/wörd:";

#[test]
fn a_proxy_with_a_password_may_stand_before_it() {
    let authority = Authority::new();
    let tls = authority.server("localhost", Validity::Now);
    let bench = Bench::over_tls(Shape::V6_5, tls, LOGIN);
    let port = bench.address().port();
    let url = |password: &str| format!("wss://ops:{password}@localhost:{port}/simplex");
    let variables = |password: &str| {
        at(&url(password), "#alerts").with("SIMPLEX_TLS_CA_FILE", authority.ca_file()).substr(
            "SimpleX",
            "login",
            "@{message}",
        )
    };
    let daemon = Daemon::start(&variables("pass%2Fw%C3%B6rd%3A"));
    daemon.send(LOGIN_FAILURE);
    wait_for_delivered(&daemon, 1);
    assert_eq!(
        bench.wait_for_sent(1)[0].text.replace('\u{200b}', ""),
        LOGIN_FAILURE.split_once(' ').unwrap().1
    );
    // Events come through TLS as well, however many.
    bench.flood(100);
    bench.wait_for("all events", |state| (state.events_written >= 100).then_some(()));
    let printed = daemon.stop("TERM").whole();
    assert!(!printed.contains("pass"), "{printed}");

    let daemon = Daemon::start(&variables("wrongSecret"));
    daemon.send(LOGIN_FAILURE);
    let parked = daemon.wait_for_log("notifier parked", &[("notifier", "SimpleX")]);
    assert!(parked.value("reason").unwrap().contains("401"), "{parked:?}");
    let printed = daemon.stop("TERM").whole();
    assert!(!printed.contains("wrongSecret"), "{printed}");
    assert_eq!(bench.texts().len(), 1);
    assert!(bench.look(|state| state.refused) > 0);
}

#[test]
fn what_others_write_is_read_at_once_however_much_it_is() {
    let bench = Bench::start(Shape::V7);
    let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, "@1"));
    daemon.send(say("before"));
    bench.wait_for_sent(1);
    let started = Instant::now();
    bench.flood(2000);
    daemon.send(say("meanwhile"));
    bench.wait_for("all events", |state| (state.events_written >= 2000).then_some(()));
    let (took, slowest) = (started.elapsed(), bench.look(|state| state.slowest_write));
    wait_for_delivered(&daemon, 2);
    println!("2,000 events of 20 kB in {took:?}, the slowest write {slowest:?}");
    // The real one has no events to spare: 1,024 that nobody reads stop it.
    assert!(slowest < Duration::from_secs(2), "a write took {slowest:?}");
}

#[test]
fn what_becomes_of_messages_is_counted() {
    in_each_shape(|shape| {
        let bench = Bench::start(shape);
        let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, "@1"));
        daemon.send(say("one"));
        bench.wait_for_sent(1);
        // Told before the answer that says which message it is about.
        bench.next("/_send", Fault::EventsFirst);
        daemon.send(say("two"));
        bench.wait_for_sent(2);
        let count = |status: &str, count: usize| {
            format!(r#"alertik_simplex_messages_total{{status="{status}"}} {count}"#)
        };
        metrics(&daemon, &[&count("sent", 2), &count("received", 2), &count("error", 0)]);
    });
}

#[test]
fn a_quiet_connection_is_pinged() {
    let bench = Bench::start(Shape::V6_5);
    let daemon = Daemon::start(&to_alerts(&bench).regex("SimpleX", SAY, "@1"));
    daemon.send(say("one"));
    bench.wait_for_sent(1);
    let pinged = |pings| move |state: &crate::support::simplex::State| (state.pings >= pings).then_some(());
    bench.wait_for_within(Duration::from_secs(45), "a ping", pinged(1));
    daemon.send(say("two"));
    bench.wait_for_sent(2);
    assert_eq!(bench.look(|state| state.connections), 1);
}
