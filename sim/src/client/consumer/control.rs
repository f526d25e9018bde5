//! What an application may ask of its assignment: positions, seeks, pauses.

use broker_model::types::{Instant, Offset, PartitionId};

use super::Consumer;
use super::subscription::{Phase, Position};

impl Consumer {
    /// Assigned partitions, in order of assignment.
    #[must_use]
    pub fn assignment(&self) -> Vec<PartitionId> {
        self.subscriptions.partitions()
    }

    /// The next offset that a poll will give, once it is known.
    #[must_use]
    pub fn position(&self, partition: PartitionId) -> Option<Offset> {
        self.subscriptions.get(partition)?.position.map(|p| p.offset)
    }

    /// The high watermark, or with `read_committed` the last stable offset, of the last fetch.
    #[must_use]
    pub fn end_offset(&self, partition: PartitionId) -> Option<Offset> {
        self.subscriptions.get(partition)?.end_offset
    }

    /// Sets the position; data fetched from elsewhere is dropped.
    pub fn seek(&mut self, partition: PartitionId, offset: Offset) {
        let leader = self.metadata.leader(partition);
        self.set_position(partition, Position { offset, offset_epoch: None, leader });
        self.deadline = Instant(0);
    }

    /// Asks for the committed offset again and goes on from there. Java applications write this
    /// as `committed` and `seek`, after an aborted transaction.
    pub fn seek_to_committed(&mut self, partitions: &[PartitionId]) {
        for &partition in partitions {
            self.subscriptions.change(partition, |a| {
                a.phase = Phase::Initializing;
                a.position = None;
                a.retry_at = Instant(0);
            });
        }
        self.deadline = Instant(0);
    }

    /// Stops fetching and giving a partition; what is buffered waits.
    pub fn pause(&mut self, partition: PartitionId) {
        self.subscriptions.change(partition, |a| a.paused = true);
    }

    /// Ends a pause.
    pub fn resume(&mut self, partition: PartitionId) {
        self.subscriptions.change(partition, |a| a.paused = false);
        self.deadline = Instant(0);
    }
}
