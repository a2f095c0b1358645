//! Senders, their services and a clock that the test moves.

use std::path::Path;

use std::sync::Mutex;

use super::super::*;
use crate::alert::{Alert, AlertId, Stage};
use crate::notify::Notifier;
use crate::notify::store::Store;
use crossbeam_channel::{Sender, never, unbounded};

pub(super) const NOON: u64 = 1_795_249_755;
pub(super) const HOUR: u64 = 3600;

/// What a service answers at a second of the test.
pub(super) type Answer = Box<dyn FnMut(u64) -> Outcome + Send>;

/// A service that notes what it takes, and when.
struct Scripted {
    told: Sender<(u64, String)>,
    gave_up: Sender<String>,
    answer: Answer,
}

impl Notifier for Scripted {
    fn deliver(&mut self, notification: &Notification<'_>) -> Outcome {
        let since = notification.now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() - NOON;
        let outcome = (self.answer)(since);
        if matches!(outcome, Outcome::Delivered { .. }) {
            self.told.send((since, notification.whole())).unwrap();
        }
        outcome
    }

    fn armor_chars_max(&self) -> Option<usize> {
        None
    }

    fn gave_up(&mut self, notification: &Notification<'_>) {
        self.gave_up.send(notification.text.to_owned()).unwrap();
    }
}

pub(super) fn delivered() -> Outcome {
    Outcome::Delivered { pause: None }
}

pub(super) fn failed() -> Outcome {
    Outcome::Failed { reason: String::new() }
}

pub(super) fn parked() -> Outcome {
    Outcome::Parked { reason: String::new() }
}

/// Fails until a second of the test, and delivers then.
pub(super) fn fails_until(end: u64) -> Answer {
    Box::new(move |now| if now < end { failed() } else { delivered() })
}

pub(super) fn rejects_from(start: u64) -> Answer {
    let rejected = || Outcome::Rejected { reason: "no".to_owned() };
    Box::new(move |now| if now < start { delivered() } else { rejected() })
}

/// Senders named A, B …, and what they have told.
pub(super) struct Course {
    pub(super) start: Instant,
    pub(super) workers: Vec<Worker>,
    pub(super) told: Vec<Receiver<(u64, String)>>,
    /// What each service was said to hear no more of.
    pub(super) given_up: Vec<Receiver<String>>,
    pub(super) reports: Receiver<Report>,
    pub(super) stats: Arc<Stats>,
    pub(super) queues: Arc<[Arc<Queue>]>,
    pub(super) store: Option<Arc<Store>>,
}

impl Course {
    /// In memory, or on the disk; the destinations in `fallback` stand in for the others.
    pub(super) fn new(
        folder: Option<&Path>,
        answers: Vec<Answer>,
        max: Option<usize>,
        fallback: &[usize],
    ) -> Course {
        Course::open(folder, answers, max, fallback, false)
    }

    /// The same with a number behind each text.
    pub(super) fn numbered(
        folder: Option<&Path>,
        answers: Vec<Answer>,
        max: Option<usize>,
        fallback: &[usize],
    ) -> Course {
        Course::open(folder, answers, max, fallback, true)
    }

    fn open(
        folder: Option<&Path>,
        answers: Vec<Answer>,
        max: Option<usize>,
        fallback: &[usize],
        is_numbered: bool,
    ) -> Course {
        let (said, reports) = unbounded();
        let report: Reporter = Arc::new(move |report| _ = said.send(report));
        let stats = Arc::new(Stats::default());
        let names: Vec<_> =
            ["A/1", "B", "C"].iter().map(|&name| name.to_owned()).take(answers.len()).collect();
        let open = |folder| {
            let (stats, report) = (Arc::clone(&stats), Arc::clone(&report));
            let (store, _) = Store::open(folder, names.clone(), Zone::utc(), stats, report).unwrap();
            Arc::new(store)
        };
        let store = folder.map(open);
        let queue = |(index, name)| {
            let disk = store.clone().map(|store| (store, index));
            Arc::new(Queue::new(name, disk, is_numbered))
        };
        let queues: Arc<[_]> = names.iter().cloned().enumerate().map(queue).collect();
        let terms = Arc::new(Terms {
            expire: Duration::from_secs(24 * HOUR),
            alerts_per_hour_max: max,
            fallback: Fallback {
                taken: Mutex::default(),
                ids: fallback.iter().copied().map(DestinationId).collect(),
                queues: Arc::clone(&queues),
                store: store.clone(),
            },
            page_url: None,
            zone: Zone::utc(),
            stats: Arc::clone(&stats),
            report,
        });
        let (mut workers, mut told, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
        for ((index, name), answer) in (0..).zip(names).zip(answers) {
            let ((sender, texts), (gave_up, lost)) = (unbounded(), unbounded());
            let destination = Destination {
                name,
                notifier: Box::new(Scripted { told: sender, gave_up, answer }),
                pulse: Arc::default(),
            };
            let (queue, terms) = (Arc::clone(&queues[index]), Arc::clone(&terms));
            workers.push(Worker::new(DestinationId(index), destination, queue, terms, never()));
            told.push(texts);
            given_up.push(lost);
        }
        Course { start: Instant::now(), workers, told, given_up, reports, stats, queues, store }
    }

    pub(super) fn at(&self, second: u64) -> (Instant, SystemTime) {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(NOON + second);
        (self.start + Duration::from_secs(second), wall)
    }

    /// An alert of a second, for these destinations.
    pub(super) fn alert(&self, second: u64, text: &str, destinations: &[usize]) -> Alert {
        let (arrived, wall) = self.at(second);
        Alert {
            id: AlertId::fresh(),
            rule: "EVENT0".into(),
            key: Some(text.into()),
            priority: Priority::default(),
            stage: Stage::default(),
            text: text.to_owned(),
            suffix: format!(", at: {}", Zone::utc().format(wall)),
            attachment: None,
            destinations: destinations.iter().copied().map(DestinationId).collect(),
            arrived,
            unset: None,
            values: None,
        }
    }

    pub(super) fn accept(&self, alert: Alert) {
        let alert = Arc::new(alert);
        match &self.store {
            Some(store) => store.take_over(vec![alert], &self.queues),
            None => {
                let queues = alert.destinations.iter().map(|id| &self.queues[id.0]);
                queues
                    .for_each(|queue| queue.push_memory(&alert, &self.stats, &self.workers[0].terms.report));
            }
        }
    }

    /// Goes on from second to second in which something happens, until `end`, accepting
    /// each alert when its second has come.
    pub(super) fn go(&mut self, alerts: Vec<Alert>, end: u64) {
        let mut alerts = alerts.into_iter().peekable();
        let mut now = 0;
        while now <= end {
            let (instant, _) = self.at(now);
            while let Some(alert) = alerts.next_if(|alert| alert.arrived <= instant) {
                self.accept(alert);
            }
            let mut next = alerts.peek().map(|alert| alert.arrived);
            // Twice: what the one hands over the other is to tell in the same second.
            for index in (0..self.workers.len()).chain(0..self.workers.len()) {
                let until = self.advance(index, now);
                next = [next, until].into_iter().flatten().min();
            }
            let Some(next) = next else { return };
            let wait = next.saturating_duration_since(self.start);
            now = (now + 1).max(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        }
    }

    /// All that one sender does in this second; when it wants to go on.
    pub(super) fn advance(&mut self, index: usize, now: u64) -> Option<Instant> {
        let now = self.at(now);
        let worker = &mut self.workers[index];
        loop {
            match worker.next(now) {
                Next::Attempt => {
                    let outcome = worker.deliver(now).unwrap();
                    worker.settle(&outcome, now.0, now.0);
                }
                Next::Wait(until) => return Some(until),
                Next::Take(until) => match worker.queue.try_take() {
                    Some(held) => worker.take_in(held, now),
                    None => return until,
                },
            }
        }
    }

    pub(super) fn told(&self, index: usize) -> Vec<(u64, String)> {
        self.told[index].try_iter().collect()
    }

    pub(super) fn given_up(&self, index: usize) -> Vec<String> {
        self.given_up[index].try_iter().collect()
    }

    /// The texts without their times, and when each was told.
    pub(super) fn short(&self, index: usize) -> Vec<String> {
        let short = |(now, text): (u64, String)| {
            let (text, rest) = text.split_once(", at: ").unwrap_or((&text, ""));
            format!("{now} {text}{}", rest.find(" (").map_or("", |at| &rest[at..]))
        };
        self.told(index).into_iter().map(short).collect()
    }

    /// The first word of each text, and its end.
    pub(super) fn numbers(&self, index: usize) -> Vec<String> {
        let ends = |(_, text): (u64, String)| {
            let words: Vec<_> = text.split_whitespace().collect();
            format!("{}{}", words[0].trim_end_matches(','), words[words.len() - 1])
        };
        self.told(index).into_iter().map(ends).collect()
    }

    /// What was reported of alerts, in order: `+` told, `-` given up.
    pub(super) fn ends(&self) -> Vec<String> {
        let end = |report| match report {
            Report::Settled { alert, is_delivered } => {
                Some(format!("{}{}", if is_delivered { '+' } else { '-' }, alert.key))
            }
            _ => None,
        };
        self.reports.try_iter().filter_map(end).collect()
    }

    pub(super) fn owed(&self) -> Vec<usize> {
        self.queues.iter().map(|queue| queue.left().on_disk).collect()
    }
}
