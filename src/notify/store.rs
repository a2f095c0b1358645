//! Keeps alerts on the disk on their way to the queues, if `STATE_DIR` is set.
//!
//! ```text
//!   Dispatch ─► inbox ─► keeper ─ write, sync ─► spool ◄── take, settle ── Queue ◄─ sender
//!                          │  a thread of its own            ▲
//!                          └── while the disk fails ─► the queue's memory
//! ```
//!
//! Apart from the spool, which knows neither threads nor time. The keeper (`keeper.rs`) is a thread
//! because a disk may take long: the worker must not wait for it, and alerts that come
//! meanwhile share the next sync.
//!
//! While the disk cannot be written, alerts wait in memory as they do without
//! `STATE_DIR`. Whatever is in memory came after what is on the disk, since all of it
//! goes there, in order, as soon as the disk takes it.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Report;
use super::boot;
use super::dead::Letter;
use super::queue::Queue;
use super::report::Reporter;
use super::spool::clock::Clock;
use super::spool::folder::{Folder, InUse};
use super::spool::{Found, Lost, Spool, Stored, stored};
use crate::alert::{Alert, DestinationId, Priority};
use crate::log;
use crate::memory::{Change, Owed, Recalled, Remembered};
use crate::stats::Stats;
use crate::timestamp::Zone;

/// How often a disk that failed is tried again, when there is something to write:
/// each time everything in memory would be written.
pub(super) const RETRY: Duration = Duration::from_secs(60);

/// Owed alerts that are shown to the rules: as many as keys that one rule remembers.
/// With a longer queue, the rules would forget the older ones anyway.
const OWED_MAX: usize = 4096;

/// The disk, shared by the keeper and the senders.
pub(super) struct Store {
    inner: Mutex<Inner>,
    /// The next alert, or one soon after it, will cost the oldest ones their place.
    is_full: AtomicBool,
    clock: Clock,
    zone: Zone,
    stats: Arc<Stats>,
    report: Reporter,
}

struct Inner {
    spool: Spool<Folder>,
    /// Since when the disk has failed, at the last attempt.
    failed_at: Option<Instant>,
    /// A dead letter could not be written, and that has been said.
    is_dead_letter_lost: bool,
}

impl Inner {
    /// Whether the disk is worth an attempt: it has not failed, or not for so long.
    fn is_due(&self, now: Instant, patience: Duration) -> bool {
        self.failed_at.is_none_or(|at| now.saturating_duration_since(at) >= patience)
    }
}

impl Store {
    /// Opens the folder, says what was lost there, and whether it can be written; and
    /// what rules remembered.
    ///
    /// # Errors
    /// When another process has it.
    pub(super) fn open(
        path: &Path,
        names: impl IntoIterator<Item = String>,
        zone: Zone,
        stats: Arc<Stats>,
        report: Reporter,
    ) -> Result<(Store, Recalled), InUse> {
        let folder = Folder::open(path)?;
        let clock = Clock::read();
        let (mut orphans, mut is_written) = (0_usize, true);
        let now = (Instant::now(), SystemTime::now());
        let mut owed: Vec<Owed> = Vec::new();
        let mut find = |found: Found<'_>| match found {
            Found::Orphan(name, stored) => {
                let alert = stored.alert(&clock, &zone, now);
                if !alert.is_own() {
                    orphans += 1;
                    let reason = "its notifier is not configured any more";
                    is_written &= letter(&alert, name, reason, &zone, now).write(path).is_ok();
                }
                Report::settled(&alert, false).into_iter().for_each(&*report);
            }
            Found::Owed { alert, is_settled_elsewhere } => {
                owed.extend(alert.owed(is_settled_elsewhere));
                if owed.len() >= 2 * OWED_MAX {
                    owed.drain(..OWED_MAX);
                }
            }
        };
        let (mut spool, lost) = Spool::open(folder, names, &mut find);
        let remember = |(name, stamp, value): (&str, _, &[u8])| Remembered {
            name: name.to_owned(),
            value: value.to_owned(),
            written: clock.instant(stamp, now),
        };
        let (own, states): (Vec<_>, _) =
            spool.states().into_iter().partition(|(name, ..)| name.starts_with(boot::OWN));
        let remembered = states.into_iter().map(remember).collect();
        let mark = own.iter().find(|(name, ..)| *name == boot::NAME);
        let (rebooted, is_due) = boot::read(mark.map(|(_, stamp, value)| (*stamp, *value)), &clock, now);
        if is_due {
            spool.note(boot::NAME, clock.stamp(now.0, now), Some(boot::RUNNING.to_owned()));
        }
        owed.drain(..owed.len().saturating_sub(OWED_MAX));
        let recalled = Recalled { remembered, owed, rebooted };
        let inner = Mutex::new(Inner { spool, failed_at: None, is_dead_letter_lost: false });
        let store = Store { inner, is_full: AtomicBool::default(), clock, zone, stats, report };
        store.tell_found(orphans, is_written, lost);
        let mut inner = store.lock();
        // Nothing else would say so until an alert comes, and a disk that is written is tried.
        let tried = if is_due { inner.spool.save(true) } else { inner.spool.probe() };
        store.note(&mut inner, &tried, now.0);
        drop(inner);
        Ok((store, recalled))
    }

    fn tell_found(&self, orphans: usize, is_written: bool, lost: Lost) {
        if orphans > 0 {
            let place = if is_written { "they are in dead.jsonl" } else { "dead.jsonl cannot be written" };
            log::error("alerts without a notifier", &[("alerts", &orphans), ("where", &place)]);
            self.trouble(format!(
                "alerts from before the restart whose notifier is not configured any more, and which are not sent: {orphans}; {place}"
            ));
        }
        if lost != Lost::default() {
            let Lost { alerts, segments, bytes } = lost;
            log::error(
                "alerts on disk damaged",
                &[("alerts", &alerts), ("segments", &segments), ("bytes", &bytes)],
            );
            self.trouble(format!(
                "not all that STATE_DIR kept can be read. Missing alerts: {alerts}; missing files: {segments}; bytes that are damaged or half written: {bytes}"
            ));
        }
    }

    fn trouble(&self, text: String) {
        (self.report)(Report::Disk { trouble: text });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in whether a write went through, and says it when that has changed.
    fn note(&self, inner: &mut Inner, written: &io::Result<()>, now: Instant) {
        match written {
            Ok(()) if inner.failed_at.take().is_some() => log::info("alerts on disk again", &[]),
            Ok(()) => {}
            Err(error) => {
                let is_new = inner.failed_at.replace(now).is_none();
                if is_new {
                    let path = inner.spool.disk().path();
                    let remedy = log::remedy(error);
                    log::error("alerts in memory only", &[("path", &path.display()), ("error", error)]);
                    if !remedy.is_empty() {
                        // In a line of its own: in one, it would be what is cut.
                        log::error("alerts in memory only", &[("remedy", &remedy)]);
                    }
                    let why = log::cannot_write("STATE_DIR", path, error);
                    self.trouble(format!("alerts are in memory only, and lost if this program ends. {why}"));
                }
            }
        }
    }

    /// Puts alerts on the disk that some destinations take over from another.
    pub(super) fn take_over(&self, alerts: Vec<Arc<Alert>>, queues: &[Arc<Queue>]) {
        self.keep(Vec::new(), alerts, queues, RETRY);
    }

    /// Puts alerts on the disk, and wakes whoever owes them; into their memory, if that
    /// fails, or has failed within `patience`. The changes are in the same write; where
    /// there is no alert, they wait for the next.
    pub(super) fn keep(
        &self,
        changes: Vec<Change>,
        alerts: Vec<Arc<Alert>>,
        queues: &[Arc<Queue>],
        patience: Duration,
    ) {
        let mut inner = self.lock();
        let now = (Instant::now(), SystemTime::now());
        for Change { name, value, at } in changes {
            let forgotten = inner.spool.note(&name, self.clock.stamp(at, now), value);
            self.stats.states_forgotten.add(forgotten);
        }
        let is_due = inner.is_due(now.0, patience);
        let mut all: Vec<(Arc<Alert>, Vec<usize>)> = Vec::new();
        if is_due {
            for (index, queue) in queues.iter().enumerate() {
                all.extend(queue.drain_memory().map(|alert| (alert, vec![index])));
            }
        }
        all.extend(alerts.into_iter().map(|alert| {
            let owing = alert.destinations.iter().map(|DestinationId(index)| *index);
            let owing = owing.filter(|index| *index < queues.len()).collect();
            (alert, owing)
        }));
        // One about ourselves may be for nobody: its only reader is whom it is about.
        all.retain(|(_, owing)| !owing.is_empty());
        if all.is_empty() {
            return;
        }
        let is_kept = is_due && {
            let kept = self.append(&mut inner, &all, queues, now);
            self.note(&mut inner, &kept, now.0);
            kept.is_ok()
        };
        for (alert, owing) in all {
            for queue in owing.iter().filter_map(|index| queues.get(*index)) {
                match is_kept {
                    true => queue.wake(),
                    false => queue.push_memory(&alert, &self.stats, &self.report),
                }
            }
        }
    }

    /// Writes what rules remember, if that has not been written yet.
    pub(super) fn save(&self) {
        let mut inner = self.lock();
        let now = Instant::now();
        if inner.is_due(now, RETRY) {
            let saved = inner.spool.save(true);
            self.note(&mut inner, &saved, now);
        }
    }

    /// True if alerts that wait on the disk are about to be lost for new ones. Never waits.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// True if the disk took what it was given last.
    pub(super) fn is_working(&self) -> bool {
        self.lock().failed_at.is_none()
    }

    fn append(
        &self,
        inner: &mut Inner,
        alerts: &[(Arc<Alert>, Vec<usize>)],
        queues: &[Arc<Queue>],
        now: (Instant, SystemTime),
    ) -> io::Result<()> {
        let record = |(alert, owing): &(Arc<Alert>, Vec<usize>)| {
            let names: Vec<_> =
                owing.iter().filter_map(|index| queues.get(*index)).map(|queue| queue.name()).collect();
            (stored::write(alert, &names, &self.clock, now), owing.clone())
        };
        let records: Vec<_> = alerts.iter().map(record).collect();
        let mut evict = |stored: &Stored<'_>| {
            if !stored.is_own() {
                self.stats.alerts_evicted.add_one();
            }
            let alert = stored.alert(&self.clock, &self.zone, now);
            Report::settled(&alert, false).into_iter().for_each(&*self.report);
        };
        let appended = inner.spool.append(&records, &mut evict);
        self.is_full.store(inner.spool.is_full(), Ordering::Relaxed);
        appended
    }

    /// The oldest alert that a destination owes, from the disk or else by `memory`,
    /// and what to settle it by if it is on the disk.
    pub(super) fn take(
        &self,
        index: usize,
        memory: impl FnOnce() -> Option<Arc<Alert>>,
    ) -> Option<(Arc<Alert>, Option<u64>)> {
        let mut inner = self.lock();
        let taken = inner.spool.take(index).unwrap_or_else(|missing| {
            log::error("alerts on disk damaged", &[("alerts", &missing)]);
            self.trouble(format!("alerts that STATE_DIR kept and that cannot be read any more: {missing}"));
            None
        });
        let Some(taken) = taken else { return memory().map(|alert| (alert, None)) };
        let now = (Instant::now(), SystemTime::now());
        let stored = Stored::read(&taken.payload)?;
        let destinations = inner.spool.owing(&stored).into_iter().map(DestinationId).collect();
        let alert = Alert { destinations, ..stored.alert(&self.clock, &self.zone, now) };
        Some((Arc::new(alert), Some(taken.sequence)))
    }

    /// The number of a destination's last delivery.
    pub(super) fn serial(&self, index: usize) -> u64 {
        self.lock().spool.serial(index)
    }

    /// A destination is done with all that it took, from the disk if there is a `sequence`,
    /// which is the last of it; `serial` is the number of its last delivery, if they are numbered.
    pub(super) fn settle(&self, index: usize, sequence: Option<u64>, serial: Option<u64>) {
        let mut inner = self.lock();
        if let Some(serial) = serial {
            inner.spool.number(index, serial);
        }
        let Some(sequence) = sequence else { return };
        let now = Instant::now();
        let is_due = inner.is_due(now, RETRY);
        let settled = inner.spool.settle(index, sequence, is_due);
        self.is_full.store(inner.spool.is_full(), Ordering::Relaxed);
        if is_due {
            self.note(&mut inner, &settled, now);
        }
    }

    /// How many alerts of a destination are on the disk.
    pub(super) fn owed(&self, index: usize) -> usize {
        self.lock().spool.owed(index)
    }

    /// The same, unless whoever writes to the disk is at it just now: who only looks does not wait for that.
    pub(super) fn owed_now(&self, index: usize) -> Option<usize> {
        self.inner.try_lock().ok().map(|inner| inner.spool.owed(index))
    }

    /// Writes down an alert that is given up, for `reason`.
    pub(super) fn bury(&self, alert: &Alert, notifier: &str, reason: &str) {
        if alert.is_own() {
            return;
        }
        let mut inner = self.lock();
        let now = (Instant::now(), SystemTime::now());
        let written = letter(alert, notifier, reason, &self.zone, now).write(inner.spool.disk().path());
        if let Err(error) = &written
            && !inner.is_dead_letter_lost
        {
            log::warn("dead letters not written", &[("error", error)]);
        }
        inner.is_dead_letter_lost = written.is_err();
    }

    /// The same for all that a destination has taken from the disk and not settled.
    pub(super) fn bury_taken(&self, index: usize, notifier: &str, reason: &str) {
        let mut alerts = Vec::new();
        let now = (Instant::now(), SystemTime::now());
        let mut each = |stored: &Stored<'_>| alerts.push(stored.alert(&self.clock, &self.zone, now));
        self.lock().spool.each_taken(index, &mut each);
        // What is urgent was told at once, meanwhile.
        alerts.retain(|alert| alert.priority < Priority::Urgent);
        alerts.iter().for_each(|alert| self.bury(alert, notifier, reason));
    }

    /// At the end: once more whatever could not be written, and that it was told to stop.
    pub(super) fn finish(&self, queues: &[Arc<Queue>]) {
        if self.clock.knows_boot() {
            let at = Instant::now();
            let stamp = self.clock.stamp(at, (at, SystemTime::now()));
            self.lock().spool.note(boot::NAME, stamp, Some(boot::STOPPED.to_owned()));
        }
        self.keep(Vec::new(), Vec::new(), queues, Duration::ZERO);
        // Even if the disk failed a moment ago: it is the last chance, and what is not written is told again.
        let mut inner = self.lock();
        let saved = inner.spool.save(true);
        self.note(&mut inner, &saved, Instant::now());
    }
}

fn letter<'a>(
    alert: &'a Alert,
    notifier: &'a str,
    reason: &'a str,
    zone: &Zone,
    now: (Instant, SystemTime),
) -> Letter<'a> {
    let (text, suffix) = alert.words(now);
    Letter { time: zone.format(now.1), notifier, rule: &alert.rule, reason, text: format!("{text}{suffix}") }
}

#[cfg(test)]
mod tests;
