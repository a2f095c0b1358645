//! What a spool can say of alerts again, once a destination has taken them.
//!
//! Apart from the rest, which goes through the log in one direction only.

use super::{Disk, Place, Spool, Stored, step};

impl<D: Disk> Spool<D> {
    /// Hands `each` the alerts that a destination has taken and not settled, as far as
    /// they have not been evicted: a summary of many keeps none of them.
    pub(in crate::notify) fn each_taken(&mut self, debtor: usize, each: &mut dyn FnMut(&Stored<'_>)) {
        let Some(debtor) = self.debtors.get(debtor) else { return };
        let mut place: Place = debtor.in_hand.unwrap_or(debtor.next);
        while place < debtor.next
            && let Some(step) = step(&mut self.disk, &self.segments, place, &mut 0)
            && step.at < debtor.next
        {
            place = step.after;
            let Some((record, stored)) = step.alert() else { continue };
            if record.sequence > debtor.settled && stored.owes.contains(&&*debtor.name) {
                each(&stored);
            }
        }
    }

    /// The numbers of the destinations that an alert is owed by.
    pub(in crate::notify) fn owing(&self, stored: &Stored<'_>) -> Vec<usize> {
        let index = |name: &&str| self.debtors.iter().position(|debtor| debtor.name == *name);
        stored.owes.iter().filter_map(index).collect()
    }
}
