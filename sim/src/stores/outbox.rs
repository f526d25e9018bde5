//! Outboxes: tables of rows that are to be published.
//!
//! A row is there from the commit of its transaction on, and stays until somebody has marked it as
//! sent, whatever becomes of the processes.

use std::collections::VecDeque;

use broker_model::types::{GroupId, Instant, RecordId};
use scenarios::model::Claim;

/// One row.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// The record that it asks for, of which each attempt sends a copy.
    record: RecordId,
    /// When it was committed.
    at: Instant,
    /// What its keys are divided by.
    share: u32,
    /// Who has locked it.
    locked: Option<u32>,
    sent: bool,
}

/// An instance that looks for rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claimant {
    /// How it finds them.
    pub claim: Claim,
    /// Its number among the instances.
    pub number: u32,
    /// How many of them there are.
    pub instances: u32,
}

/// The outbox of one table, in the order of the commits.
#[derive(Clone, Debug)]
pub struct Outbox {
    group: GroupId,
    rows: VecDeque<Row>,
    /// The number of the first row that is there.
    first: u64,
    waiting: u64,
}

impl Outbox {
    /// An empty one. Its backlog is told as the lag of `group`.
    #[must_use]
    pub const fn new(group: GroupId) -> Self {
        Self { group, rows: VecDeque::new(), first: 0, waiting: 0 }
    }

    /// By which its backlog is told.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        self.group
    }

    /// A row is committed at `at`. Rows with the same `share` go to the same instance of a relay
    /// that divides them by key.
    pub fn commit(&mut self, record: RecordId, share: u32, at: Instant) {
        self.rows.push_back(Row { record, at, share, locked: None, sent: false });
        self.waiting += 1;
    }

    /// The oldest rows that an instance may take, at most so many, by number. Those that it has
    /// locked stay its own until they are marked or [`Self::release`]d.
    pub fn take(&mut self, by: Claimant, most: u32) -> Vec<(u64, RecordId)> {
        let may_take = |row: &Row| match by.claim {
            Claim::SkipLocked => row.locked.is_none(),
            Claim::ByKey => row.share % by.instances == by.number,
            Claim::None => true,
        };
        let mut taken = Vec::new();
        for (number, row) in (self.first..).zip(&mut self.rows) {
            if taken.len() >= most as usize {
                break;
            }
            if !row.sent && may_take(row) {
                if by.claim == Claim::SkipLocked {
                    row.locked = Some(by.number);
                }
                taken.push((number, row.record));
            }
        }
        taken
    }

    /// The transaction of an instance is over: what it has locked others may take.
    pub fn release(&mut self, number: u32) {
        for row in self.rows.iter_mut().filter(|row| row.locked == Some(number)) {
            row.locked = None;
        }
    }

    /// A row is marked as sent, perhaps again.
    pub fn mark(&mut self, number: u64) {
        let Some(place) = number.checked_sub(self.first) else { return };
        let Some(row) = self.rows.get_mut(place as usize).filter(|row| !row.sent) else { return };
        row.sent = true;
        self.waiting -= 1;
        while self.rows.front().is_some_and(|row| row.sent) {
            self.rows.pop_front();
            self.first += 1;
        }
    }

    /// How many rows are not marked.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// When the oldest row that is not marked was committed.
    #[must_use]
    pub fn oldest(&self) -> Option<Instant> {
        // The first row that is there is never a marked one.
        self.rows.front().map(|row| row.at)
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{GroupId, Instant, RecordId};
    use scenarios::model::Claim;

    use super::{Claimant, Outbox};

    fn of_six() -> Outbox {
        let mut outbox = Outbox::new(GroupId(0));
        for n in 0..6 {
            outbox.commit(RecordId(n), n % 3, Instant(u64::from(n)));
        }
        outbox
    }

    fn by(claim: Claim, number: u32) -> Claimant {
        Claimant { claim, number, instances: 2 }
    }

    fn numbers(taken: &[(u64, RecordId)]) -> Vec<u64> {
        taken.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn what_is_not_marked_is_taken_again() {
        let mut outbox = of_six();
        let one = by(Claim::None, 0);
        assert_eq!(numbers(&outbox.take(one, 2)), [0, 1]);
        assert_eq!(numbers(&outbox.take(by(Claim::None, 1), 2)), [0, 1], "nobody locks");
        outbox.mark(1);
        assert_eq!((outbox.waiting(), outbox.oldest()), (5, Some(Instant(0))));
        assert_eq!(numbers(&outbox.take(one, 2)), [0, 2]);
        outbox.mark(0);
        outbox.mark(0);
        assert_eq!((outbox.waiting(), outbox.oldest()), (4, Some(Instant(2))));
    }

    #[test]
    fn what_is_locked_is_skipped_until_it_is_released() {
        let mut outbox = of_six();
        let (one, other) = (by(Claim::SkipLocked, 0), by(Claim::SkipLocked, 1));
        assert_eq!(numbers(&outbox.take(one, 2)), [0, 1]);
        assert_eq!(numbers(&outbox.take(other, 2)), [2, 3]);
        outbox.release(0);
        assert_eq!(numbers(&outbox.take(other, 3)), [0, 1, 4]);
    }

    #[test]
    fn a_key_is_one_instances() {
        let mut outbox = of_six();
        assert_eq!(numbers(&outbox.take(by(Claim::ByKey, 0), 9)), [0, 2, 3, 5]);
        assert_eq!(numbers(&outbox.take(by(Claim::ByKey, 1), 9)), [1, 4]);
    }
}
