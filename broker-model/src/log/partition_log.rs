//! The log itself: what it holds and where it ends.

use alloc::vec;
use alloc::vec::Vec;

use super::aborted::AbortedIndex;
use super::holes::Holes;
use super::leader_epochs::LeaderEpochs;
use super::producers::{ProducerState, Producers};
use super::segment::Segment;
use super::transactions::Transactions;
use super::verification::Verifications;
use crate::config::TopicConfig;
use crate::protocol::fetch::EpochEnd;
use crate::protocol::txn::{ProducerDescription, ProducerIdAndEpoch};
use crate::records::LogEntry;
use crate::types::{LeaderEpoch, Offset, PartitionId, ProducerId};

/// The log of one replica of one partition.
///
/// Offsets have no gaps, a batch ends where the next begins, except where compaction removed
/// whole batches.
#[derive(Clone, Debug)]
pub struct Log {
    pub(super) partition: PartitionId,
    pub(super) config: TopicConfig,
    pub(super) entries: Vec<LogEntry>,
    pub(super) segments: Vec<Segment>,
    pub(super) log_start: Offset,
    pub(super) log_end: Offset,
    pub(super) size_bytes: u64,
    pub(super) start_checkpoint: Offset,
    pub(super) recovery_point: Offset,
    /// The recovery point that the next process finds, unless it finds a clean stop.
    pub(super) recovery_checkpoint: Offset,
    /// Offsets without a batch.
    pub(super) holes: Holes,
    /// What lies before was cleaned once.
    pub(super) cleaner_checkpoint: Offset,
    pub(super) epochs: LeaderEpochs,
    pub(super) producers: Producers,
    pub(super) verifications: Verifications,
    pub(super) transactions: Transactions,
    pub(super) aborted: AbortedIndex,
    pub(super) snapshots: Vec<Snapshot>,
}

/// Producer states as a snapshot file holds them: taken when a segment is rolled, at a clean
/// stop, and whenever they were rebuilt.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// Everything before this offset is in it.
    pub(super) offset: Offset,
    /// Each producer with its last batch only.
    pub(super) producers: Producers,
}

impl Log {
    /// An empty log that begins at offset 0.
    #[must_use]
    pub fn new(partition: PartitionId, config: TopicConfig) -> Self {
        Self {
            partition,
            config,
            entries: Vec::new(),
            segments: vec![Segment::new(Offset::ZERO, 0)],
            log_start: Offset::ZERO,
            log_end: Offset::ZERO,
            size_bytes: 0,
            start_checkpoint: Offset::ZERO,
            recovery_point: Offset::ZERO,
            recovery_checkpoint: Offset::ZERO,
            holes: Holes::default(),
            cleaner_checkpoint: Offset::ZERO,
            epochs: LeaderEpochs::default(),
            producers: Producers::default(),
            verifications: Verifications::default(),
            transactions: Transactions::default(),
            aborted: AbortedIndex::default(),
            snapshots: Vec::new(),
        }
    }

    /// Whose log this is.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// The topic's configuration in force.
    #[must_use]
    pub fn config(&self) -> &TopicConfig {
        &self.config
    }

    /// The topic's configuration, to be changed in place.
    pub fn config_mut(&mut self) -> &mut TopicConfig {
        &mut self.config
    }

    /// First offset a client may read.
    #[must_use]
    pub fn log_start_offset(&self) -> Offset {
        self.log_start
    }

    /// The offset the next record will get.
    #[must_use]
    pub fn log_end_offset(&self) -> Offset {
        self.log_end
    }

    /// First offset that is not known to be durable.
    #[must_use]
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Placements still held, in order; the first may begin below the log start offset.
    #[must_use]
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The segments in order, the active one last. There is always one.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether compaction left no batch at an offset, here or where the log was copied from.
    #[must_use]
    pub fn is_compacted_away(&self, offset: Offset) -> bool {
        self.holes.contains(offset)
    }

    /// The leader epochs of this log.
    #[must_use]
    pub fn leader_epochs(&self) -> &LeaderEpochs {
        &self.epochs
    }

    /// Epoch of the last leadership this log knows, if any.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// A new leadership starts at the log end offset.
    pub fn assign_epoch(&mut self, epoch: LeaderEpoch) {
        self.epochs.assign(epoch, self.log_end);
    }

    /// Forgets the latest epoch: a planted bug.
    pub(crate) fn forget_latest_epoch(&mut self) {
        if let Some(&(_, start)) = self.epochs.starts().last() {
            self.epochs.truncate_from_end(start);
        }
    }

    /// The end of the largest epoch at or below `epoch`; `None` if `epoch` is newer than all
    /// that is known. Source: KIP-101, KIP-279.
    #[must_use]
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        self.epochs.end_offset_for(epoch, self.log_end)
    }

    /// What this producer is known for, if it is known.
    #[must_use]
    pub fn producer(&self, id: ProducerId) -> Option<&ProducerState> {
        self.producers.get(id)
    }

    /// Whether this producer has an open transaction here with this epoch.
    #[must_use]
    pub fn has_ongoing_transaction(&self, producer: ProducerIdAndEpoch) -> bool {
        self.producers
            .get(producer.id)
            .is_some_and(|p| p.epoch == producer.epoch && p.txn_start.is_some())
    }

    /// Answer to `DescribeProducers`: every producer known, in order of id.
    #[must_use]
    pub fn describe_producers(&self) -> Vec<ProducerDescription> {
        self.producers
            .iter()
            .map(|p| ProducerDescription {
                producer: ProducerIdAndEpoch { id: p.id, epoch: p.epoch },
                last_sequence: p.last_sequence(),
                last_timestamp: p.last_timestamp,
                coordinator_epoch: p.coordinator_epoch,
                txn_start_offset: p.txn_start.unwrap_or(Offset::NONE),
            })
            .collect()
    }

    /// Start of the earliest transaction that is open, or whose end is not yet below the high
    /// watermark. It may be below the log start offset by part of one batch.
    #[must_use]
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        let first = self.transactions.first_unstable()?;
        if first >= self.log_start {
            return Some(first);
        }
        // Records of an open transaction were deleted: Kafka goes to the batch that holds the
        // log start offset.
        Some(
            self.entries
                .get(self.index_of(self.log_start))
                .map_or(self.log_start, |e| e.base_offset),
        )
    }

    /// Tells the log how far it is replicated, so that ended transactions become stable.
    pub fn on_high_watermark(&mut self, high_watermark: Offset) {
        self.transactions.on_high_watermark(high_watermark);
    }

    /// Whether nobody waits for a transaction's end to become stable, nor for the end itself.
    #[must_use]
    pub fn has_no_transactions(&self) -> bool {
        self.transactions.first_unstable().is_none()
    }

    /// The disk holds everything before `end`.
    pub fn flushed(&mut self, end: Offset) {
        self.recovery_point = self.recovery_point.max(end.min(self.log_end));
    }

    /// Writes the recovery point to its checkpoint, as Kafka does once a minute, when a log is cut
    /// and at a clean shutdown.
    pub fn checkpoint_recovery_point(&mut self) {
        self.recovery_checkpoint = self.recovery_point;
    }

    /// Writes the log start offset to its checkpoint, as Kafka does once a minute and at a
    /// clean shutdown.
    pub fn checkpoint_log_start(&mut self) {
        self.start_checkpoint = self.log_start;
    }

    /// Forgets producers without an open transaction whose last batch is older than
    /// `expiration`. Source: KIP-854; the age counts from the batch's timestamp.
    pub fn expire_producers(
        &mut self,
        wall: crate::types::Timestamp,
        expiration: crate::types::Duration,
    ) {
        self.producers.expire(wall, expiration);
    }

    /// For a historic rule: forgets producers whose records were deleted.
    pub fn forget_deleted_producers(&mut self) {
        self.producers.forget_before(self.log_start);
    }

    /// Position in `entries` of the entry that holds `offset`, or of the next one if none does;
    /// their number at the log end. Gallops from the end, since most reads are near it.
    pub(super) fn index_of(&self, offset: Offset) -> usize {
        let n = self.entries.len();
        if offset >= self.log_end {
            return n;
        }
        let mut step = 1;
        while step < n && self.entries[n - step].base_offset > offset {
            step *= 2;
        }
        let low = n.saturating_sub(step);
        let high = n - step / 2;
        let found = self.entries[low..high].partition_point(|e| e.base_offset <= offset);
        let after = low + found;
        if self.holes.contains(offset) { after } else { after.saturating_sub(1) }
    }

    /// First offset after the entry at `index`.
    pub(super) fn end_of(&self, index: usize) -> Offset {
        let next = self.entries.get(index + 1).map_or(self.log_end, |e| e.base_offset);
        self.holes.start_before(next)
    }

    /// What must hold of every log at every time.
    pub fn assert_invariants(&self) {
        assert!(self.log_start <= self.log_end, "the log start offset is within the log");
        assert!(self.recovery_point <= self.log_end, "what is durable is within the log");
        assert!(self.recovery_checkpoint <= self.recovery_point, "the checkpoint comes after");
        assert!(!self.segments.is_empty(), "a log has an active segment");
        let last = self.segments.last().expect("checked above");
        assert!(last.base_offset <= self.log_end, "the active segment is within the log");
        assert!(last.first_entry <= self.entries.len(), "a segment's entries are in the log");
    }
}
