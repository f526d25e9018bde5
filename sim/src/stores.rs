//! External stores: effects with a commit of their own, window stores of joins, and outboxes.
//!
//! A store is a database beside Kafka. What it has applied stays applied, whatever becomes of
//! the process or its transaction; only a join's window store follows the committed offsets,
//! as a state store with a changelog does.

mod outbox;

use std::collections::{BTreeMap, VecDeque};

use broker_model::types::{Duration, Instant, Offset, PartitionId};
use reports::history::LedgerId;
use scenarios::model::Dedupe;

pub use outbox::{Claimant, Outbox};

/// State of services that lives outside their processes and survives them.
#[derive(Clone, Debug, Default)]
pub struct Stores {
    /// Effects, by number.
    pub effects: Vec<EffectStore>,
    /// Window stores of joins, by number.
    pub joins: Vec<JoinStore>,
    /// Outboxes, by number.
    pub outboxes: Vec<Outbox>,
}

/// The effects of one service: each entity should get one.
#[derive(Clone, Debug)]
pub struct EffectStore {
    ledger: LedgerId,
    dedupe: Dedupe,
    applied: Vec<u64>,
    remembered: VecDeque<(Instant, u32)>,
    /// For each partition the offset behind the last one that it has applied, if it keeps offsets.
    next: Option<BTreeMap<PartitionId, Offset>>,
}

impl EffectStore {
    /// A store that reports to a ledger of the recorder.
    #[must_use]
    pub const fn new(ledger: LedgerId, dedupe: Dedupe) -> Self {
        Self { ledger, dedupe, applied: Vec::new(), remembered: VecDeque::new(), next: None }
    }

    /// As [`Self::new`], and it keeps with each effect the offset of its record.
    #[must_use]
    pub fn with_offsets(ledger: LedgerId, dedupe: Dedupe) -> Self {
        Self { next: Some(BTreeMap::new()), ..Self::new(ledger, dedupe) }
    }

    /// Where a partition is to be read from, if it keeps offsets and has one.
    #[must_use]
    pub fn next_offset(&self, partition: PartitionId) -> Option<Offset> {
        self.next.as_ref()?.get(&partition).copied()
    }

    /// Takes the offset of a record together with its effect, unless the record, or one behind
    /// it, was taken before: another instance, which had the partition, may come late. A store
    /// that keeps no offsets takes all.
    pub fn take_offset(&mut self, partition: PartitionId, offset: Offset) -> bool {
        let Some(next) = &mut self.next else { return true };
        let next = next.entry(partition).or_default();
        let fresh = offset >= *next;
        if fresh {
            *next = offset + 1;
        }
        fresh
    }

    /// Tries to apply the effect of an entity at `at`; says whether it stuck.
    pub fn apply(&mut self, entity: u32, at: Instant) -> bool {
        let Dedupe::ByEntity { capacity, ttl } = self.dedupe else { return true };
        if self.knows(entity) {
            return false;
        }
        self.remember(entity, at, capacity, ttl);
        true
    }

    /// The ledger it reports to.
    #[must_use]
    pub const fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Forgets what it has applied. Only a canary does this.
    pub fn forget(&mut self) {
        if let Some(next) = &mut self.next {
            next.clear();
        }
        self.applied.clear();
        self.remembered.clear();
    }

    fn knows(&self, entity: u32) -> bool {
        let word = self.applied.get(entity as usize / 64).copied().unwrap_or(0);
        word >> (entity % 64) & 1 == 1
    }

    fn remember(&mut self, entity: u32, at: Instant, capacity: Option<u64>, ttl: Option<Duration>) {
        let index = entity as usize / 64;
        if index >= self.applied.len() {
            self.applied.resize(index + 1, 0);
        }
        self.applied[index] |= 1 << (entity % 64);
        if capacity.is_none() && ttl.is_none() {
            return;
        }
        self.remembered.push_back((at, entity));
        let expired = |since: Instant| ttl.is_some_and(|ttl| at.since(since) > ttl);
        while let Some(&(since, oldest)) = self.remembered.front() {
            let too_many = capacity.is_some_and(|max| self.remembered.len() as u64 > max);
            if !too_many && !expired(since) {
                break;
            }
            self.remembered.pop_front();
            self.applied[oldest as usize / 64] &= !(1 << (oldest % 64));
        }
    }
}

/// The window store of a join: which side of an entity came when.
///
/// Changes above a partition's committed offset are undone when the partition is read again
/// from there, so the store is always a function of what was committed.
#[derive(Clone, Debug, Default)]
pub struct JoinStore {
    sides: Vec<[u32; 2]>,
    uncommitted: BTreeMap<PartitionId, VecDeque<(Offset, u32, usize)>>,
}

/// No record of this side has come.
const ABSENT: u32 = u32::MAX;

/// A join store to which records of one partition come.
#[derive(Debug)]
pub struct Arrivals<'a> {
    sides: &'a mut Vec<[u32; 2]>,
    uncommitted: &'a mut VecDeque<(Offset, u32, usize)>,
    side: usize,
}

impl Arrivals<'_> {
    /// The side of an entity came at an offset, intended at `at_ms`. True if the other side is
    /// there and within `window_ms`: the pair is complete.
    pub fn arrive(&mut self, entity: u32, offset: Offset, at_ms: u32, window_ms: u32) -> bool {
        let index = entity as usize;
        if index >= self.sides.len() {
            self.sides.resize(index + 1, [ABSENT; 2]);
        }
        let sides = &mut self.sides[index];
        if sides[self.side] != ABSENT {
            return false;
        }
        sides[self.side] = at_ms;
        self.uncommitted.push_back((offset, entity, self.side));
        let other = sides[1 - self.side];
        other != ABSENT && other.abs_diff(at_ms) <= window_ms
    }
}

impl JoinStore {
    /// Records of a partition come, all of one side, 0 or 1.
    pub fn from_partition(&mut self, partition: PartitionId, side: usize) -> Arrivals<'_> {
        let uncommitted = self.uncommitted.entry(partition).or_default();
        Arrivals { sides: &mut self.sides, uncommitted, side }
    }

    /// Records of the partition from `offset` on will be read again: they have not come yet.
    pub fn rewind(&mut self, partition: PartitionId, offset: Offset) {
        let Some(changes) = self.uncommitted.get_mut(&partition) else { return };
        while let Some(&(at, entity, side)) = changes.back() {
            if at < offset {
                break;
            }
            changes.pop_back();
            self.sides[entity as usize][side] = ABSENT;
        }
    }

    /// Everything of the partition below `offset` is committed for good.
    pub fn committed(&mut self, partition: PartitionId, offset: Offset) {
        let Some(changes) = self.uncommitted.get_mut(&partition) else { return };
        while changes.front().is_some_and(|&(at, ..)| at < offset) {
            changes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Offset, PartitionId};
    use reports::history::LedgerId;
    use scenarios::model::Dedupe;

    use super::{EffectStore, JoinStore};

    #[test]
    fn an_offset_is_taken_once() {
        let (one, other) = (PartitionId(0), PartitionId(1));
        let mut store = EffectStore::with_offsets(LedgerId(0), Dedupe::None);
        assert_eq!(store.next_offset(one), None);
        assert!(store.take_offset(one, Offset(4)));
        assert!(!store.take_offset(one, Offset(4)), "a second time");
        assert!(!store.take_offset(one, Offset(3)), "from an owner of the past");
        assert!(store.take_offset(one, Offset(7)), "markers have offsets too");
        assert!(store.take_offset(other, Offset(4)), "each partition by itself");
        assert_eq!(store.next_offset(one), Some(Offset(8)));
        let mut without = EffectStore::new(LedgerId(0), Dedupe::None);
        assert!(without.take_offset(one, Offset(4)) && without.take_offset(one, Offset(4)));
        assert_eq!(without.next_offset(one), None);
    }

    #[test]
    fn a_pair_is_complete_once_and_again_after_a_rewind() {
        let (orders, payments) = (PartitionId(0), PartitionId(1));
        let mut store = JoinStore::default();
        assert!(!store.from_partition(orders, 0).arrive(7, Offset(3), 100, 1_000));
        assert!(store.from_partition(payments, 1).arrive(7, Offset(9), 600, 1_000));
        assert!(
            !store.from_partition(payments, 1).arrive(7, Offset(12), 600, 1_000),
            "a second payment"
        );
        store.rewind(payments, Offset(9));
        assert!(store.from_partition(payments, 1).arrive(7, Offset(9), 600, 1_000), "read again");
        store.committed(payments, Offset(10));
        store.rewind(payments, Offset(9));
        assert!(
            !store.from_partition(payments, 1).arrive(7, Offset(9), 600, 1_000),
            "committed for good"
        );
    }

    #[test]
    fn a_late_side_is_unmatched() {
        let mut store = JoinStore::default();
        store.from_partition(PartitionId(0), 0).arrive(1, Offset(0), 0, 1_000);
        assert!(!store.from_partition(PartitionId(1), 1).arrive(1, Offset(0), 1_001, 1_000));
    }
}
