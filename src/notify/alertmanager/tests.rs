//! Who of a cluster is sent what, against real sockets; the rounds come by argument.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::alert::Stage;
use crate::notify::http::Clients;
use crate::notify::{Destinations, destinations::Destination};
use crate::settings;
use crate::vars::Vars;

/// A member that answers with a status, or hangs up when that is 0.
struct Listening {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    bodies: Receiver<Value>,
}

impl Listening {
    fn new() -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let status = Arc::new(AtomicU16::new(200));
        let (heard, bodies) = channel();
        let said = Arc::clone(&status);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let status = said.load(Ordering::SeqCst);
                let mut reader = BufReader::new(&stream);
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or_default() == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                if status == 0 || reader.read_exact(&mut body).is_err() {
                    continue;
                }
                let _ = heard.send(serde_json::from_slice(&body).unwrap());
                let answer = format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Listening { address, status, bodies }
    }

    fn says(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The summaries of the alerts in the next request; nothing if none has come.
    fn heard(&self) -> Vec<String> {
        let body = self.bodies.try_recv().unwrap_or_default();
        let summary = |alert: &Value| alert["annotations"]["summary"].as_str().unwrap().to_owned();
        body.as_array().map(|all| all.iter().map(summary).collect()).unwrap_or_default()
    }
}

fn cluster(members: &[&Listening]) -> Destination {
    let urls: Vec<_> = members.iter().map(|member| format!("http://{}", member.address)).collect();
    let (opened, faults) = open(&urls.join(", "));
    assert_eq!(faults, [""; 0]);
    opened.unwrap()
}

fn open(urls: &str) -> (Option<Destination>, Vec<String>) {
    let mut faults = Faults::default();
    let names = settings::variables();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let environment = [("ALERTMANAGER_URL".into(), urls.into())];
    let vars = Vars::read(environment, &known, &|_| Err(std::io::ErrorKind::NotFound.into()), &mut faults);
    let mut destinations = Destinations::new(&vars);
    destinations.resolve_list("EVENT0_NOTIFIER", "Alertmanager", &mut faults);
    (destinations.into_open().pop(), faults.faults)
}

fn tell(destination: &mut Destination, text: &str) -> Outcome {
    let now = SystemTime::now();
    let notification =
        Notification { key: Some(text), stage: Stage::Begun, text, happened: now, now, ..Default::default() };
    destination.notifier.deliver(&notification)
}

const DELIVERED: Outcome = Outcome::Delivered { pause: None };

#[test]
fn each_member_is_sent_each_alert_and_all_again_every_half_minute() {
    let (one, two) = (Listening::new(), Listening::new());
    let mut cluster = cluster(&[&one, &two, &one]);
    let start = (Instant::now(), SystemTime::now());
    assert_eq!(cluster.notifier.refresh(start), None);
    assert_eq!(tell(&mut cluster, "a"), DELIVERED);
    assert_eq!(tell(&mut cluster, "b"), DELIVERED);
    for member in [&one, &two] {
        assert_eq!([member.heard(), member.heard(), member.heard()], [vec!["a"], vec!["b"], vec![]]);
    }
    let next = start.0 + EVERY;
    assert_eq!(cluster.notifier.refresh(start), Some(next));
    assert_eq!(cluster.notifier.refresh((next - Duration::from_millis(1), start.1)), Some(next));
    assert_eq!([one.heard(), two.heard()], [[""; 0]; 2]);
    assert_eq!(cluster.notifier.refresh((next, start.1 + EVERY)), Some(next + EVERY));
    assert_eq!([one.heard(), two.heard()], [["a", "b"]; 2]);
}

#[test]
fn one_member_is_enough_and_the_other_hears_of_all_when_it_is_back() {
    let (one, two) = (Listening::new(), Listening::new());
    let mut cluster = cluster(&[&one, &two]);
    let now = (Instant::now(), SystemTime::now());
    one.says(503);
    assert_eq!(tell(&mut cluster, "a"), DELIVERED);
    assert_eq!([one.heard(), two.heard()], [["a"]; 2]);
    // While it is down, nobody waits for it.
    assert_eq!(tell(&mut cluster, "b"), DELIVERED);
    assert_eq!([one.heard(), two.heard()], [vec![], vec!["b"]]);
    one.says(200);
    cluster.notifier.refresh(now);
    cluster.notifier.refresh((now.0 + EVERY, now.1));
    assert_eq!([one.heard(), two.heard()], [["a", "b"]; 2]);
    assert_eq!(tell(&mut cluster, "c"), DELIVERED);
    assert_eq!([one.heard(), two.heard()], [["c"]; 2]);
    // If the others go too, the one that was down is asked all the same.
    one.says(0);
    assert_eq!(tell(&mut cluster, "d"), DELIVERED);
    one.says(200);
    two.says(0);
    assert_eq!(tell(&mut cluster, "e"), DELIVERED);
    assert_eq!([one.heard(), two.heard()], [["e"], ["d"]]);
}

#[test]
fn an_end_that_went_elsewhere_is_heard_when_somebody_hears_again() {
    let one = Listening::new();
    let mut cluster = cluster(&[&one]);
    let (mut now, wall) = (Instant::now(), SystemTime::now());
    let mut ends = |cluster: &mut Destination, rounds| {
        for _ in 0..rounds {
            cluster.notifier.refresh((now, wall));
            now += EVERY;
        }
        let last = one.bodies.try_iter().last().unwrap_or_default();
        last[0]["endsAt"].as_str().map(str::to_owned)
    };
    assert_eq!(tell(&mut cluster, "a"), DELIVERED);
    let lasting = ends(&mut cluster, 25).unwrap();
    // It takes nothing any more, so the end is another's.
    one.says(503);
    let over =
        Notification { key: Some("a"), stage: Stage::Over, happened: wall, now: wall, ..Default::default() };
    assert!(matches!(cluster.notifier.deliver(&over), Outcome::Failed { .. }));
    cluster.notifier.gave_up(&over);
    ends(&mut cluster, 40);
    one.says(200);
    let over = ends(&mut cluster, 1).unwrap();
    assert!(over < lasting, "{over} {lasting}");
    // Said for a quarter of an hour, and then no more.
    assert_eq!(ends(&mut cluster, 28), Some(over));
    assert_eq!(ends(&mut cluster, 1), None);
    assert_eq!(cluster.notifier.refresh((now, wall)), None);
}

#[test]
fn what_no_member_takes_is_judged_by_the_most_hopeful_answer() {
    let (one, two) = (Listening::new(), Listening::new());
    let mut cluster = cluster(&[&one, &two]);
    let mut check = |first, second, expected: fn(&Outcome) -> bool| {
        one.says(first);
        two.says(second);
        let outcome = tell(&mut cluster, "x");
        assert!(expected(&outcome), "{first} {second}: {outcome:?}");
        assert_eq!(
            cluster.notifier.refresh((Instant::now(), SystemTime::now())),
            None,
            "kept what nobody took"
        );
    };
    check(400, 400, |outcome| matches!(outcome, Outcome::Rejected { .. }));
    check(400, 503, |outcome| matches!(outcome, Outcome::Failed { .. }));
    check(401, 400, |outcome| matches!(outcome, Outcome::Parked { .. }));
    check(401, 429, |outcome| matches!(outcome, Outcome::TooFast { .. }));
    check(0, 401, |outcome| matches!(outcome, Outcome::Failed { .. }));
}

#[test]
fn a_member_that_hangs_leaves_time_for_the_others() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let two = Listening::new();
    let member = |address, number| {
        let url = Url::parse(&format!("http://{address}")).unwrap();
        Member { number, ..Member::new(&url) }
    };
    let notifier = Box::new(Alertmanager {
        members: vec![member(silent.local_addr().unwrap(), 1), member(two.address, 2)],
        client: Clients::default().local_client().unwrap(),
        limit: Duration::from_millis(200),
        kept: Kept::default(),
        is_unheard: false,
        next: None,
        pace: log::Pace::default(),
    });
    let mut cluster =
        Destination { name: "Alertmanager".to_owned(), notifier, pulse: std::sync::Arc::default() };
    assert_eq!(tell(&mut cluster, "a"), DELIVERED);
    assert_eq!(tell(&mut cluster, "b"), DELIVERED);
    assert_eq!([two.heard(), two.heard()], [["a"], ["b"]]);
    // The first did hang, and was asked once.
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_ok() && silent.accept().is_err());
}

#[test]
fn each_url_of_the_list_is_checked() {
    let check = |urls: &str, fault: &str| {
        let (opened, faults) = open(urls);
        assert!(opened.is_none() && faults.len() == 1, "{faults:?}");
        assert!(faults[0].starts_with("ALERTMANAGER_URL") && faults[0].contains(fault), "{faults:?}");
    };
    check(" , ", "blank");
    check("http://a.example:9093,b.example:9093", "not an http or https URL");
    check("http://a.example:9093,http://b.onion", "ALERTMANAGER_PROXY");
}
