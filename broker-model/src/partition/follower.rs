//! What a follower does with its leader's answers. Source: KIP-101, KIP-595.

use super::replica::{Replica, Role};
use crate::protocol::fetch::EpochEnd;
use crate::records::{Batches, LogEntry};
use crate::rules::{EpochsAtTruncation, FollowerTruncation, Rules};
use crate::types::{LeaderEpoch, NodeId, Offset};

/// The end of a log that was cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The new log end offset.
    pub end: Offset,
    /// The log end offset before.
    pub from: Offset,
    /// The leader epoch of the first record that was cut.
    pub epoch: Option<LeaderEpoch>,
}

impl Replica {
    /// Appends a batch that the leader sent, and says whether it opened a new segment.
    /// `None`: it was passed over, because this log holds it already (a fetch within a batch
    /// brings it whole). A batch that does not join on is appended behind a gap: compaction
    /// has been there before.
    pub fn append_from_leader(&mut self, entry: LogEntry, batches: &Batches) -> Option<bool> {
        assert!(matches!(self.role, Role::Follower { .. }), "only a follower copies");
        if entry.base_offset < self.log.log_end_offset() {
            return None;
        }
        Some(self.log.append_as_follower(entry, batches))
    }

    /// Takes in the leader's high watermark and log start offset, after the batches that came
    /// with them. Kafka lets a follower's high watermark fall to that of a new leader that
    /// does not know better yet. Says whether the high watermark moved.
    pub fn take_leader_offsets(&mut self, high_watermark: Offset, log_start: Offset) -> bool {
        let to = high_watermark.min(self.log.log_end_offset()).max(self.log.log_start_offset());
        let moved = self.set_high_watermark(to);
        if log_start > self.log.log_start_offset() {
            self.log.delete_before(log_start.min(self.high_watermark));
        }
        moved
    }

    /// Where this log must be cut when the leader says that logs part at `diverging`. Says
    /// what was cut, if anything.
    pub fn truncate_on_divergence(
        &mut self,
        diverging: EpochEnd,
        batches: &Batches,
        rules: &Rules,
    ) -> Option<Cut> {
        if rules.follower_truncation == FollowerTruncation::Skip {
            return None;
        }
        let end = self.log.log_end_offset();
        let to = match self.log.end_offset_for_epoch(diverging.epoch) {
            None => diverging.end_offset,
            Some(own) if own.epoch == diverging.epoch => own.end_offset.min(diverging.end_offset),
            // This log lacks the leader's epoch: it goes back to the end of an earlier one
            // and asks again from there.
            Some(own) => own.end_offset,
        };
        let cut = self.truncate(to.min(end), batches);
        if rules.epochs_at_truncation == EpochsAtTruncation::OneTooMany {
            self.log.forget_latest_epoch();
        }
        cut
    }

    /// Cuts the log and draws the high watermark down with it. Says what was cut, if anything.
    pub fn truncate(&mut self, to: Offset, batches: &Batches) -> Option<Cut> {
        let before = self.log.log_end_offset();
        let epochs = (to < before).then(|| self.log.leader_epochs().clone());
        self.log.truncate_to(to, batches);
        if to >= before {
            return None;
        }
        // Kafka checkpoints the recovery points when it cuts a log (`LogManager.truncateTo`).
        self.log.checkpoint_recovery_point();
        let end = self.log.log_end_offset();
        self.high_watermark = self.high_watermark.min(end);
        self.log.on_high_watermark(self.high_watermark);
        Some(Cut { end, from: before, epoch: epochs.and_then(|epochs| epochs.epoch_at(end)) })
    }

    /// The leader's log no longer reaches back to this one's end, or ends before it: begin
    /// anew at the leader's log start offset.
    pub fn restart_at(&mut self, log_start: Offset) {
        self.log.truncate_fully_and_start_at(log_start);
        self.high_watermark = log_start;
    }

    /// What a fetch of this follower carries: fetch offset and last fetched epoch.
    #[must_use]
    pub fn fetch_position(&self) -> (Offset, Option<LeaderEpoch>) {
        (self.log.log_end_offset(), self.log.latest_epoch())
    }

    /// The leader this replica follows, if there is one.
    #[must_use]
    pub fn following(&self) -> Option<NodeId> {
        match self.role {
            Role::Follower { leader, .. } => leader,
            Role::Leader(_) | Role::Offline => None,
        }
    }
}
