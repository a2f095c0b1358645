//! Lines as they are read, for whoever watches: the page, and `alertik tail`.
//!
//! ```text
//!   worker ─► Live::show ─► a bounded queue for each watcher ─► its connection
//!                 └ nobody watches: one load, and nothing else
//! ```
//!
//! Apart from the worker and the server, which know nothing of each other. A watcher sees a
//! sample where there is more than anybody reads: the worker never waits for one, and what was
//! left out is counted.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use memchr::memchr2_iter;
use tokio::sync::mpsc;

use crate::line::Line;
use crate::record::Record;

/// Who may watch at a time. Each has at most `WAITING_MAX` lines in memory.
pub const WATCHERS_MAX: usize = 16;

/// Lines in a second that a watcher is shown: no eye follows more.
const SHOWN_MAX: usize = 50;

/// And of those that fired a rule, which matter more than their number.
const FIRED_MAX: usize = 50;

/// Lines that wait for a watcher's connection: at 4 KiB each 512 KiB at the very worst, with a
/// stranger who sends the longest lines and a watcher who does not read.
const WAITING_MAX: usize = 128;

/// Who reads nothing for so long, while there is something to read, gives its place to others.
const READS_NOTHING_MAX: Duration = Duration::from_secs(60);

/// A line and what it came to.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// As received, at most [`crate::line::LINE_BYTES_MAX`] bytes.
    pub text: Box<[u8]>,
    /// As the router wrote them, commas included.
    pub topics: String,
    /// The number of its severity, 0 (emergency) to 7 (debug), if it says.
    pub severity: Option<u8>,
    /// Who sent it.
    pub from: IpAddr,
    /// When it was read.
    pub at: SystemTime,
    /// The names of the rules that it fired.
    pub fired: Vec<Arc<str>>,
}

/// What somebody sees who watches.
#[derive(Debug)]
pub struct Watch {
    /// The lines.
    pub lines: mpsc::Receiver<Arc<Shown>>,
    left_out: Arc<AtomicUsize>,
}

impl Watch {
    /// How many lines were wanted and not shown since this was asked last.
    pub fn take_left_out(&self) -> usize {
        self.left_out.swap(0, Ordering::Relaxed)
    }
}

/// What a watcher wants to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// A text that the line holds, in whatever case of ASCII letters.
    pub text: Vec<u8>,
    /// Only lines that fired a rule.
    pub is_fired: bool,
}

impl Wish {
    fn wants(&self, line: &[u8], has_fired: bool) -> bool {
        let Some(first) = self.text.first() else { return !self.is_fired || has_fired };
        let mut places = memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), line);
        let is_at = |place: usize| {
            let found = line.get(place..place + self.text.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(&self.text))
        };
        (!self.is_fired || has_fired) && places.any(is_at)
    }
}

/// Where lines are shown.
#[derive(Debug, Default)]
pub struct Live {
    /// So that nobody's watching costs the worker next to nothing.
    count: AtomicUsize,
    watchers: Mutex<Vec<Watcher>>,
}

#[derive(Debug)]
struct Watcher {
    wish: Wish,
    to: mpsc::Sender<Arc<Shown>>,
    /// Since when it has not read.
    full_since: Option<Instant>,
    /// Cleared when it is let go.
    stays: Arc<AtomicBool>,
    second: Option<Instant>,
    shown: usize,
    fired: usize,
    left_out: Arc<AtomicUsize>,
}

impl Watcher {
    fn leave_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// True if there is room in the second of `now` for one more.
    fn has_room(&mut self, has_fired: bool, now: Instant) -> bool {
        if self.second.is_none_or(|start| now.saturating_duration_since(start) >= Duration::from_secs(1)) {
            (self.second, self.shown, self.fired) = (Some(now), 0, 0);
        }
        let (count, max) = match has_fired {
            true => (&mut self.fired, FIRED_MAX),
            false => (&mut self.shown, SHOWN_MAX),
        };
        *count += 1;
        *count <= max
    }
}

impl Live {
    /// True if anybody watches.
    pub fn is_watched(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Watches from now on, for as long as it `stays`: until what is returned is dropped; None if too many do.
    pub fn watch(&self, wish: Wish, stays: &Arc<AtomicBool>) -> Option<Watch> {
        let mut watchers = self.lock();
        watchers.retain(|watcher| !watcher.to.is_closed());
        let (to, lines) = mpsc::channel(WAITING_MAX);
        let left_out = Arc::<AtomicUsize>::default();
        let watch = Watch { lines, left_out: Arc::clone(&left_out) };
        let stays = Arc::clone(stays);
        let watcher =
            Watcher { wish, to, full_since: None, stays, second: None, shown: 0, fired: 0, left_out };
        let has_place = watchers.len() < WATCHERS_MAX;
        if has_place {
            watcher.stays.store(true, Ordering::Relaxed);
            watchers.push(watcher);
        }
        self.count.store(watchers.len(), Ordering::Relaxed);
        has_place.then_some(watch)
    }

    /// Shows a line that fired the rules named `fired`. Never waits.
    pub fn show(&self, line: &Line, record: &Record<'_>, fired: &[Arc<str>], now: (Instant, SystemTime)) {
        let mut watchers = self.lock();
        let mut shown = None;
        let mut has_gone = false;
        for watcher in watchers.iter_mut() {
            if watcher.to.is_closed() {
                has_gone = true;
                continue;
            }
            if !watcher.wish.wants(&line.bytes, !fired.is_empty()) {
                continue;
            }
            if !watcher.has_room(!fired.is_empty(), now.0) {
                watcher.leave_out();
                continue;
            }
            let line = shown.get_or_insert_with(|| Arc::new(Shown::new(line, record, fired, now.1)));
            match watcher.to.try_send(Arc::clone(line)) {
                Ok(()) => watcher.full_since = None,
                Err(_) => {
                    watcher.leave_out();
                    let since = *watcher.full_since.get_or_insert(now.0);
                    has_gone |= now.0.saturating_duration_since(since) > READS_NOTHING_MAX;
                }
            }
        }
        if has_gone {
            watchers.retain(|watcher| {
                let since = watcher.full_since.map(|since| now.0.saturating_duration_since(since));
                let is_there = !watcher.to.is_closed() && since.is_none_or(|span| span <= READS_NOTHING_MAX);
                if !is_there {
                    watcher.stays.store(false, Ordering::Relaxed);
                }
                is_there
            });
            self.count.store(watchers.len(), Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn new(line: &Line, record: &Record<'_>, fired: &[Arc<str>], at: SystemTime) -> Shown {
        Shown {
            text: line.bytes.clone(),
            topics: String::from_utf8_lossy(record.topics.as_bytes()).into_owned(),
            severity: severity(record),
            from: line.from,
            at,
            fired: fired.into(),
        }
    }
}

/// RouterOS says it as a topic, or in `<PRI>` (RFC 3164, 4.1.1); CEF's own scale says no more than its topics.
fn severity(record: &Record<'_>) -> Option<u8> {
    let by_topic: [(&[u8], u8); 5] =
        [(b"critical", 2), (b"error", 3), (b"warning", 4), (b"info", 6), (b"debug", 7)];
    let found = by_topic.into_iter().find(|(topic, _)| record.topics.contains(topic));
    found.map(|(_, number)| number).or(record.priority.map(|priority| priority % 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stays() -> Arc<AtomicBool> {
        Arc::default()
    }

    fn line(text: &str) -> Line {
        Line::from_datagram(text.as_bytes(), "192.0.2.1".parse().unwrap(), Instant::now()).0
    }

    fn show(live: &Live, text: &str, fired: &[Arc<str>], now: Instant) {
        let line = line(text);
        live.show(&line, &Record::parse(&line.bytes), fired, (now, SystemTime::UNIX_EPOCH));
    }

    fn seen(watch: &mut Watch) -> Vec<String> {
        std::iter::from_fn(|| watch.lines.try_recv().ok())
            .map(|line| String::from_utf8_lossy(&line.text).into_owned())
            .collect()
    }

    #[test]
    fn a_watcher_sees_what_it_wants() {
        let (live, now, rule) = (Live::default(), Instant::now(), [Arc::from("EVENT0")]);
        assert!(!live.is_watched());
        let mut all = live.watch(Wish::default(), &stays()).unwrap();
        let mut some = live.watch(Wish { text: b"ETHER1".into(), is_fired: false }, &stays()).unwrap();
        let mut fired = live.watch(Wish { text: Vec::new(), is_fired: true }, &stays()).unwrap();
        show(&live, "interface,info ether1 link down", &[], now);
        show(&live, "system,info other", &rule, now);
        assert_eq!(seen(&mut all).len(), 2);
        assert_eq!(seen(&mut some), ["interface,info ether1 link down"]);
        assert_eq!(seen(&mut fired), ["system,info other"]);
    }

    #[test]
    fn a_flood_is_sampled_and_what_fired_has_room_of_its_own() {
        let (live, now, rule) = (Live::default(), Instant::now(), [Arc::from("EVENT0")]);
        let mut watcher = live.watch(Wish::default(), &stays()).unwrap();
        for _ in 0..1000 {
            show(&live, "flood", &[], now);
        }
        show(&live, "fired", &rule, now);
        let lines = seen(&mut watcher);
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (SHOWN_MAX + 1, Some("fired")));
        // It is known without another line, and told once.
        assert_eq!((watcher.take_left_out(), watcher.take_left_out()), (950, 0));
        show(&live, "later", &[], now + Duration::from_secs(1));
        assert_eq!((seen(&mut watcher), watcher.take_left_out()), (vec!["later".to_owned()], 0));
    }

    #[test]
    fn who_does_not_read_is_not_waited_for_and_who_left_is_forgotten() {
        let (live, start) = (Live::default(), Instant::now());
        let mut watcher = live.watch(Wish::default(), &stays()).unwrap();
        for second in 0..10 {
            for _ in 0..SHOWN_MAX {
                show(&live, "line", &[], start + Duration::from_secs(second));
            }
        }
        assert_eq!(seen(&mut watcher).len(), WAITING_MAX);
        let others: Vec<_> =
            (1..WATCHERS_MAX).map(|_| live.watch(Wish::default(), &stays()).unwrap()).collect();
        assert!(live.watch(Wish::default(), &stays()).is_none());
        drop((watcher, others));
        show(&live, "line", &[], start + Duration::from_secs(99));
        assert!(!live.is_watched() && live.watch(Wish::default(), &stays()).is_some());
    }

    #[test]
    fn who_reads_nothing_for_a_minute_gives_up_its_place() {
        let (live, start, stays) = (Live::default(), Instant::now(), stays());
        let _watch = live.watch(Wish::default(), &stays).unwrap();
        let at = |second| start + Duration::from_secs(second);
        for second in 0..63 {
            (0..SHOWN_MAX).for_each(|_| show(&live, "line", &[], at(second)));
            assert!(live.is_watched() && stays.load(Ordering::Relaxed), "{second}");
        }
        show(&live, "line", &[], at(63));
        assert!(!live.is_watched() && !stays.load(Ordering::Relaxed));
    }
}
