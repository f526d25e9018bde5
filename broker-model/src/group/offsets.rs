//! Committed offsets of one group, and those that wait for the end of a transaction.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::records::OffsetRecord;
use crate::types::{PartitionId, ProducerId};

/// A committed offset with its place in the shard's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Committed {
    pub(super) record: OffsetRecord,
    /// Of two commits the one written later wins, not the one whose transaction ends later.
    pub(super) position: u64,
}

/// The replayed state of a group's offsets: only what its log says and has replicated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct GroupOffsets {
    pub(super) committed: BTreeMap<PartitionId, Committed>,
    pub(super) pending: BTreeMap<ProducerId, BTreeMap<PartitionId, Committed>>,
}

impl GroupOffsets {
    /// Replays one offset record; `None` is a tombstone, which also drops pending offsets.
    pub(super) fn replay(
        &mut self,
        producer: ProducerId,
        partition: PartitionId,
        value: Option<OffsetRecord>,
        position: u64,
    ) {
        let Some(record) = value else {
            self.committed.remove(&partition);
            for offsets in self.pending.values_mut() {
                offsets.remove(&partition);
            }
            self.pending.retain(|_, offsets| !offsets.is_empty());
            return;
        };
        let offset = Committed { record, position };
        if producer.is_some() {
            self.pending.entry(producer).or_default().insert(partition, offset);
        } else {
            self.committed.insert(partition, offset);
        }
    }

    /// Settles a producer's pending offsets.
    pub(super) fn end(&mut self, producer: ProducerId, commit: bool) {
        let Some(pending) = self.pending.remove(&producer) else { return };
        if !commit {
            return;
        }
        for (partition, offset) in pending {
            let newer = self.committed.get(&partition).is_none_or(|c| c.position < offset.position);
            if newer {
                self.committed.insert(partition, offset);
            }
        }
    }

    pub(super) fn is_pending(&self, partition: PartitionId) -> bool {
        self.pending.values().any(|offsets| offsets.contains_key(&partition))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }

    /// Partitions with a committed or pending offset among `partitions`.
    pub(super) fn known(&self, partitions: &[PartitionId]) -> Vec<PartitionId> {
        let known = |p: &&PartitionId| self.committed.contains_key(p) || self.is_pending(**p);
        partitions.iter().filter(known).copied().collect()
    }
}
