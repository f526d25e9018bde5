//! A log before and after a cleaning, as the invariants about compaction see it.

use std::collections::BTreeMap;

use broker_model::log::Log;
use broker_model::note::Note;
use broker_model::records::{Batches, Content, LogEntry};
use broker_model::types::{NodeId, Offset, PartitionId, ProducerId};

use super::View;

/// A log before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cleaning<'a> {
    pub(super) batches: &'a Batches,
    /// What was below the border before.
    pub(super) before: &'a [LogEntry],
    /// What is below it now.
    pub(super) after: &'a [LogEntry],
    /// What is behind it, then as now.
    pub(super) rest: &'a [LogEntry],
}

impl<'a> Cleaning<'a> {
    /// What a note tells of, with the log as it is now.
    pub(super) fn of(
        view: &View<'a>,
        note: &'a Note,
    ) -> Option<(NodeId, PartitionId, &'a Log, Self)> {
        let Note::Compacted { node, partition, end, before, .. } = note else { return None };
        let log = view.replica(*node, *partition)?.log();
        let (after, rest) = split(log.entries(), *end);
        Some((*node, *partition, log, Self { batches: view.batches, before, after, rest }))
    }

    /// First offset behind an entry.
    pub(super) fn end(&self, entry: &LogEntry) -> Offset {
        entry.base_offset + i64::from(self.batches.get(entry.batch).count)
    }

    /// What is left of the entry at an offset, if there is one.
    pub(super) fn now_at(&self, base_offset: Offset) -> Option<&'a LogEntry> {
        let at = self.after.binary_search_by_key(&base_offset, |e| e.base_offset).ok()?;
        Some(&self.after[at])
    }

    /// Of each entry before: whether its transaction was aborted, by the marker that ends it.
    pub(super) fn aborted(&self) -> Vec<bool> {
        let mut next: BTreeMap<ProducerId, bool> = BTreeMap::new();
        let mut aborted = vec![false; self.before.len()];
        for entry in self.rest.iter().rev() {
            self.meet(entry, &mut next);
        }
        for (entry, aborted) in self.before.iter().zip(&mut aborted).rev() {
            if !self.meet(entry, &mut next) {
                let body = self.batches.get(entry.batch);
                *aborted = body.transactional && next.get(&body.producer_id) == Some(&false);
            }
        }
        aborted
    }

    /// Takes in a marker, which ends nothing once its record is gone. Says whether it is one.
    fn meet(&self, entry: &LogEntry, next: &mut BTreeMap<ProducerId, bool>) -> bool {
        let body = self.batches.get(entry.batch);
        let Content::Marker { commit, .. } = body.content else { return false };
        if !self.batches.is_emptied(entry.batch) {
            next.insert(body.producer_id, commit);
        }
        true
    }
}

fn split(entries: &[LogEntry], end: Offset) -> (&[LogEntry], &[LogEntry]) {
    entries.split_at(entries.partition_point(|e| e.base_offset < end))
}

#[cfg(test)]
pub(super) mod tests {
    use broker_model::records::{Batches, LogEntry, NewBatch, RecordSource};
    use broker_model::types::{
        BatchId, CoordinatorEpoch, LeaderEpoch, Offset, ProducerEpoch, ProducerId, RecordId,
        Timestamp,
    };

    use super::Cleaning;

    /// Records 0 to 9 have their number as key; 10 to 19 are tombstones of the same keys.
    pub(in crate::invariant) struct Keys;
    /// The only one.
    pub(in crate::invariant) const KEYS: Keys = Keys;

    impl RecordSource for Keys {
        fn timestamp(&self, _: RecordId) -> Timestamp {
            Timestamp(0)
        }
        fn key(&self, record: RecordId) -> Option<u64> {
            Some(u64::from(record.0 % 10))
        }
        fn is_tombstone(&self, record: RecordId) -> bool {
            record.0 >= 10
        }
    }

    /// Makes entries of one record each.
    #[derive(Default)]
    pub(in crate::invariant) struct Bench {
        batches: Batches,
    }

    impl Bench {
        pub(in crate::invariant) fn keyed(&mut self, at: i64, key: u32) -> LogEntry {
            let batch =
                self.batches.push_records(NewBatch::plain(70, Timestamp(0)), &[RecordId(key)]);
            entry(at, batch)
        }

        pub(in crate::invariant) fn tombstone(&mut self, at: i64, key: u32) -> LogEntry {
            self.keyed(at, key + 10)
        }

        pub(in crate::invariant) fn transactional(
            &mut self,
            at: i64,
            key: u32,
            id: i64,
        ) -> LogEntry {
            let new = NewBatch {
                producer_id: ProducerId(id),
                producer_epoch: ProducerEpoch(0),
                base_sequence: 0,
                transactional: true,
                ..NewBatch::plain(70, Timestamp(0))
            };
            entry(at, self.batches.push_records(new, &[RecordId(key)]))
        }

        pub(in crate::invariant) fn marker(&mut self, at: i64, id: i64, commit: bool) -> LogEntry {
            let (epoch, coordinator) = (ProducerEpoch(0), CoordinatorEpoch(0));
            let id = ProducerId(id);
            entry(at, self.batches.push_marker(id, epoch, commit, coordinator, Timestamp(0)))
        }

        /// The same entry as a cleaning leaves it that set its delete horizon.
        pub(in crate::invariant) fn with_horizon(&mut self, of: LogEntry, at: i64) -> LogEntry {
            let kept = self.batches.runs(of.batch).collect();
            let horizon = Timestamp(at);
            LogEntry { batch: self.batches.push_cleaned(of.batch, kept, horizon, horizon), ..of }
        }

        pub(in crate::invariant) const fn batches(&self) -> &Batches {
            &self.batches
        }

        /// The same batch without its records, which a cleaning leaves of a producer's last one.
        pub(in crate::invariant) fn emptied(&mut self, of: LogEntry) -> LogEntry {
            let (none, never) = (Vec::new(), Timestamp::NONE);
            LogEntry { batch: self.batches.push_cleaned(of.batch, none, never, never), ..of }
        }

        pub(in crate::invariant) fn cleaning<'a>(
            &'a self,
            before: &'a [LogEntry],
            after: &'a [LogEntry],
        ) -> Cleaning<'a> {
            Cleaning { batches: &self.batches, before, after, rest: &[] }
        }
    }

    fn entry(at: i64, batch: BatchId) -> LogEntry {
        LogEntry { base_offset: Offset(at), batch, leader_epoch: LeaderEpoch(0) }
    }
}
