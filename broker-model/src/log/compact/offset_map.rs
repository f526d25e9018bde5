//! The newest offset of each key in the dirty part of a log.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::transactions::CleanedTransactions;
use crate::records::{Batches, Content, GroupRecord, LogEntry, RecordSource, TransactionState};
use crate::rules::{Compaction, Rules};
use crate::types::{BatchId, GroupId, MemberId, Offset, PartitionId, TextId, TransactionalId};

/// A record's key, as far as compaction cares: equal keys are one key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A client's record.
    Client(u64),
    /// A committed offset.
    Offset(GroupId, PartitionId),
    /// A group's metadata.
    Group(GroupId),
    /// A record of a group of the new protocol, by the version of its key, and the member.
    Consumer(u8, GroupId, MemberId),
    /// A regular expression of a group.
    Pattern(GroupId, TextId),
    /// A transactional id.
    Transaction(TransactionalId),
}

/// The record at a position of a batch: its key, and whether it is a tombstone. `None` if it has
/// no key, which compaction removes.
#[must_use]
pub fn keyed(
    batches: &Batches,
    records: &dyn RecordSource,
    batch: BatchId,
    position: u32,
) -> Option<(Key, bool)> {
    match batches.get(batch).content {
        Content::Records { .. } => {
            let id = batches.records(batch)[position as usize];
            records.key(id).map(|key| (Key::Client(key), records.is_tombstone(id)))
        }
        Content::Group { .. } => batches.group_record(batch, position).map(group_key),
        Content::Transaction { .. } => batches
            .transaction_record(batch, position)
            .map(|r| (Key::Transaction(r.transactional_id), r.state == TransactionState::Dead)),
        Content::Marker { .. } => None,
    }
}

fn group_key(record: &GroupRecord) -> (Key, bool) {
    let group_wide = MemberId(0);
    match record {
        GroupRecord::Offset { group, partition, value } => {
            (Key::Offset(*group, *partition), value.is_none())
        }
        GroupRecord::Metadata { group, .. } => (Key::Group(*group), false),
        GroupRecord::Tombstone { group } => (Key::Group(*group), true),
        GroupRecord::ConsumerEpoch { group, value } => {
            (Key::Consumer(3, *group, group_wide), value.is_none())
        }
        GroupRecord::ConsumerMember { group, member, value } => {
            (Key::Consumer(5, *group, *member), value.is_none())
        }
        GroupRecord::ConsumerTargetEpoch { group, value } => {
            (Key::Consumer(6, *group, group_wide), value.is_none())
        }
        GroupRecord::ConsumerTarget { group, member, value } => {
            (Key::Consumer(7, *group, *member), value.is_none())
        }
        GroupRecord::ConsumerAssignment { group, member, value } => {
            (Key::Consumer(8, *group, *member), value.is_none())
        }
        GroupRecord::ConsumerPattern { group, pattern, value } => {
            (Key::Pattern(*group, *pattern), value.is_none())
        }
    }
}

/// Sorted by key, one place each.
#[derive(Clone, Debug, Default)]
pub(super) struct OffsetMap {
    newest: Vec<(Key, Offset)>,
    /// The first offset that it does not know, because it was full.
    pub(super) full_at: Option<Offset>,
}

impl OffsetMap {
    /// Reads the entries, from `first_dirty` on and without what was aborted, until it has `room`
    /// for no other key.
    pub(super) fn build(
        entries: &[LogEntry],
        (first_dirty, room): (Offset, usize),
        transactions: &mut CleanedTransactions,
        batches: &Batches,
        records: &dyn RecordSource,
        rules: &Rules,
    ) -> Self {
        let mut newest = Vec::new();
        for entry in entries {
            let body = batches.get(entry.batch);
            if body.control {
                transactions.marker(entry, batches);
                continue;
            }
            if transactions.data(entry, body) {
                continue;
            }
            for position in batches.positions(entry.batch) {
                let offset = entry.base_offset + i64::from(position);
                if offset < first_dirty {
                    continue;
                }
                if let Some((key, _)) = keyed(batches, records, entry.batch, position) {
                    newest.push((key, offset));
                }
            }
        }
        let full_at = fill(&mut newest, room);
        newest.sort_unstable();
        newest.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            kept.1 = if same { later.1 } else { kept.1 };
            same
        });
        if rules.compaction == Compaction::DropNewest {
            newest.iter_mut().for_each(|(_, offset)| *offset += 1);
        }
        Self { newest, full_at }
    }

    /// Whether no record of this key is known to be newer than the one at `offset`.
    pub(super) fn is_newest(&self, key: Key, offset: Offset) -> bool {
        let found = self.newest.binary_search_by_key(&key, |&(key, _)| key);
        found.is_err() || found.is_ok_and(|at| self.newest[at].1 <= offset)
    }
}

/// Leaves of keys in order of offset those that a map has room for. Says where it was full, if it
/// was. Source: Kafka, `Cleaner.buildOffsetMapForSegment`.
fn fill(found: &mut Vec<(Key, Offset)>, room: usize) -> Option<Offset> {
    if found.len() <= room {
        return None;
    }
    let mut keys = BTreeSet::new();
    let full = found.iter().position(|(key, _)| {
        let is_full = keys.len() == room;
        keys.insert(*key);
        is_full
    })?;
    found.truncate(full);
    found.last().map(|(_, offset)| *offset + 1)
}
