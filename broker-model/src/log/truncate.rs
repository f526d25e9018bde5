//! Cutting the end or the start of a log.

use alloc::vec;
use alloc::vec::Vec;

use super::Log;
use super::partition_log::Snapshot;
use super::segment::Segment;
use crate::records::Batches;
use crate::types::{Offset, ProducerId};

impl Log {
    /// Cuts the log's end to `offset`, and to a batch's border if it falls within one.
    /// Producer states and transactions are rebuilt from what is left.
    pub fn truncate_to(&mut self, offset: Offset, batches: &Batches) {
        if offset >= self.log_end {
            // A leadership that appended nothing may have left its epoch at the log end.
            self.epochs.truncate_from_end(self.log_end);
            return;
        }
        if offset < self.segments[0].base_offset {
            self.truncate_fully_and_start_at(offset);
            return;
        }
        let keep = self.index_of(offset);
        self.log_end = self.entries.get(keep).map_or(offset, |e| e.base_offset.min(offset));
        let cut: u64 =
            self.entries[keep..].iter().map(|e| u64::from(batches.get(e.batch).bytes)).sum();
        self.entries.truncate(keep);
        self.size_bytes -= cut;
        self.cut_segments(batches);
        self.log_start = self.log_start.min(self.log_end);
        self.recovery_point = self.recovery_point.min(self.log_end);
        self.recovery_checkpoint = self.recovery_checkpoint.min(self.log_end);
        self.cleaner_checkpoint = self.cleaner_checkpoint.min(self.log_end);
        self.holes.truncate_from_end(self.log_end);
        self.epochs.truncate_from_end(self.log_end);
        self.aborted.truncate_from_end(self.log_end);
        self.rebuild_producers(batches);
    }

    /// Drops everything; the log is empty and begins at `offset`.
    pub fn truncate_fully_and_start_at(&mut self, offset: Offset) {
        self.entries.clear();
        self.segments = vec![Segment::new(offset, 0)];
        self.log_start = offset;
        self.log_end = offset;
        self.size_bytes = 0;
        self.recovery_point = offset;
        self.recovery_checkpoint = offset;
        self.cleaner_checkpoint = offset;
        self.holes = Default::default();
        self.epochs.clear();
        self.producers = Default::default();
        self.verifications.clear();
        self.transactions = Default::default();
        self.aborted = Default::default();
        self.snapshots.clear();
    }

    /// Moves the log start offset up to `offset`; whole segments before it are removed by
    /// [`Log::delete_old_segments`]. Says whether it moved. The caller has checked that
    /// `offset` is not above the high watermark.
    pub fn delete_before(&mut self, offset: Offset) -> bool {
        assert!(offset <= self.log_end, "the log start offset is within the log");
        if offset <= self.log_start {
            return false;
        }
        self.log_start = offset;
        self.epochs.truncate_from_start(offset);
        true
    }

    fn cut_segments(&mut self, batches: &Batches) {
        while self.segments.len() > 1
            && self.segments.last().is_some_and(|s| s.base_offset >= self.log_end)
        {
            self.segments.pop();
        }
        while self.snapshots.last().is_some_and(|s| s.offset > self.log_end) {
            self.snapshots.pop();
        }
        let active = self.segments.last_mut().expect("a log has an active segment");
        let mut cut = Segment::new(active.base_offset, active.first_entry);
        for entry in &self.entries[active.first_entry..] {
            cut.push(entry.base_offset, batches.get(entry.batch));
        }
        *active = cut;
    }

    /// Derives producer states and transactions from the newest snapshot and the batches
    /// after it. Batches below the log start offset are not read, and snapshots of what lies
    /// below it are dropped: what only they knew is forgotten.
    pub(super) fn rebuild_producers(&mut self, batches: &Batches) {
        let (start, end) = (self.log_start, self.log_end);
        self.snapshots.retain(|s| start < s.offset && s.offset <= end);
        let snapshot = self.snapshots.last();
        let from = snapshot.map_or(self.segments[0].base_offset, |s| s.offset).max(start);
        self.producers = snapshot.map(|s| s.producers.clone()).unwrap_or_default();
        self.verifications.clear();
        let open = self
            .producers
            .iter()
            .filter_map(|p| p.txn_start.map(|first| (first, p.id)))
            .collect::<Vec<(Offset, ProducerId)>>();
        self.transactions.reset(open);
        for index in self.index_of(from)..self.entries.len() {
            let entry = self.entries[index];
            let emptied = batches.is_emptied(entry.batch);
            self.apply(entry.base_offset, batches.get(entry.batch), emptied);
        }
        self.take_snapshot();
    }

    /// Where there are snapshots of producer states, in order.
    pub fn snapshot_offsets(&self) -> impl Iterator<Item = Offset> {
        self.snapshots.iter().map(|s| s.offset)
    }

    /// Snapshots the producers at the log end, unless there is such a snapshot. Of older ones
    /// only those where a segment begins are kept.
    pub(super) fn take_snapshot(&mut self) {
        if self.snapshots.last().is_some_and(|s| s.offset >= self.log_end) {
            return;
        }
        let segments = &self.segments;
        self.snapshots
            .retain(|s| segments.binary_search_by_key(&s.offset, |g| g.base_offset).is_ok());
        let producers = self.producers.snapshot();
        self.snapshots.push(Snapshot { offset: self.log_end, producers });
    }
}
