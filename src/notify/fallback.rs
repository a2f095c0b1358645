//! Who takes alerts over from a destination that is out.
//!
//! ```text
//!   sender ─ out ─► Fallback::take_over ─► the others' queues (with STATE_DIR on the disk first)
//! ```
//!
//! Apart from the sender, which knows one queue, its own. Once this returns, the
//! alerts are the others': only then the first is done with them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Report;
use super::queue::{QUEUE_ALERTS_MAX, Queue};
use super::report::Reporter;
use super::store::Store;
use crate::alert::{Alert, AlertId, DestinationId, Stage};
use crate::stats::Stats;

/// Alerts that are known to have been taken over: as many as a queue in memory holds. Where several
/// destinations are out, each has the same ones, and nobody wants to be told them for each.
const TAKEN_MAX: usize = 2048;

/// The destinations that stand in for all others.
pub(super) struct Fallback {
    pub(super) ids: Vec<DestinationId>,
    pub(super) queues: Arc<[Arc<Queue>]>,
    pub(super) store: Option<Arc<Store>>,
    /// The ids of what was taken over last.
    pub(super) taken: Mutex<VecDeque<AlertId>>,
}

impl Fallback {
    /// True if somebody takes over from `id`. Nobody does from a fallback: two that are
    /// both out would hand the same alerts to each other.
    pub(super) fn stands_in_for(&self, id: DestinationId) -> bool {
        !self.ids.is_empty() && !self.ids.contains(&id)
    }

    /// True if what is taken over now is sure to have a place: on the disk, or in memory that is not half full.
    /// Else it is better off where it is.
    pub(super) fn has_room(&self) -> bool {
        let has_room = |queue: &Arc<Queue>| queue.left().in_memory < QUEUE_ALERTS_MAX / 2;
        self.store.as_ref().is_some_and(|store| store.is_working())
            || self.ids.iter().filter_map(|id| self.queues.get(id.0)).all(has_room)
    }

    /// True the first time that it is asked about an alert.
    fn is_first(&self, id: AlertId) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = !taken.contains(&id);
        if is_first {
            taken.push_back(id);
        }
        if taken.len() > TAKEN_MAX {
            taken.pop_front();
        }
        is_first
    }

    /// Gives the alerts of destination `from` to whoever of us is not told them anyway.
    pub(super) fn take_over(
        &self,
        from: DestinationId,
        alerts: &[Arc<Alert>],
        stats: &Stats,
        report: &Reporter,
    ) {
        let name = self.queues.get(from.0).map_or("", |queue| queue.name());
        let mut taken = Vec::new();
        for alert in alerts {
            let heirs = heirs(&self.ids, &alert.destinations);
            if heirs.is_empty() || !self.is_first(alert.id) {
                Report::settled(alert, false).into_iter().for_each(&**report);
                continue;
            }
            // Of a trouble's end only the first may be told again, once it is back.
            let stage = if alert.stage == Stage::Begun { Stage::Once } else { alert.stage };
            taken.push(Arc::new(Alert {
                stage,
                suffix: format!("{}{}", alert.suffix, note(name)),
                destinations: heirs.into(),
                ..(**alert).clone()
            }));
        }
        match &self.store {
            Some(store) => store.take_over(taken, &self.queues),
            None => {
                for alert in &taken {
                    let queues = alert.destinations.iter().filter_map(|id| self.queues.get(id.0));
                    queues.for_each(|queue| queue.push_memory(alert, stats, report));
                }
            }
        }
    }
}

/// Those of `ids` that are not told an alert with these `destinations` anyway.
fn heirs(ids: &[DestinationId], destinations: &[DestinationId]) -> Vec<DestinationId> {
    ids.iter().copied().filter(|id| !destinations.contains(id)).collect()
}

/// Says for whom it stands in: the service, and not the chat or topic behind the slash,
/// which is no other service's business.
fn note(name: &str) -> String {
    format!(" (for {})", name.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ids: &[usize], destinations: &[usize], expected: &[usize]) {
        let all = |ids: &[usize]| ids.iter().copied().map(DestinationId).collect::<Vec<_>>();
        assert_eq!(heirs(&all(ids), &all(destinations)), all(expected));
    }

    #[test]
    fn nobody_is_told_twice_what_it_is_told_anyway() {
        check(&[1, 2], &[0], &[1, 2]);
        check(&[1, 2], &[0, 1], &[2]);
        check(&[1], &[0, 1], &[]);
    }

    #[test]
    fn the_note_names_the_service_and_no_chat() {
        assert_eq!(note("Telegram/-100123"), " (for Telegram)");
        assert_eq!(note("Slack"), " (for Slack)");
    }
}
