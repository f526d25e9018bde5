//! A replica and its role.

use super::last_stable_offset::last_stable_offset;
use super::leader::Leader;
use crate::config::TopicConfig;
use crate::io::StopKind;
use crate::log::{AppendOutcome, Log, Origin};
use crate::records::{Batches, PartitionRecord};
use crate::rules::Rules;
use crate::types::{
    BatchId, Instant, LeaderEpoch, NodeId, Now, Offset, PartitionEpoch, PartitionId,
};

/// What a replica does for its partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// It leads.
    Leader(Leader),
    /// It copies.
    Follower {
        /// From whom; `None` while the partition has no leader.
        leader: Option<NodeId>,
        /// In this leader epoch.
        leader_epoch: LeaderEpoch,
        /// Version of the partition's metadata it knows.
        partition_epoch: PartitionEpoch,
    },
    /// It has not heard of its role yet.
    Offline,
}

/// One replica of one partition on one broker.
#[derive(Clone, Debug)]
pub struct Replica {
    pub(super) node: NodeId,
    pub(super) log: Log,
    pub(super) role: Role,
    pub(super) high_watermark: Offset,
    high_watermark_checkpoint: Offset,
}

impl Replica {
    /// A replica with an empty log and no role.
    #[must_use]
    pub fn new(node: NodeId, partition: PartitionId, config: TopicConfig) -> Self {
        Self {
            node,
            log: Log::new(partition, config),
            role: Role::Offline,
            high_watermark: Offset::ZERO,
            high_watermark_checkpoint: Offset::ZERO,
        }
    }

    /// The broker it is on.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The log, to be changed. Whoever cuts it uses [`Replica::truncate`] instead.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// The leadership, if this replica leads.
    #[must_use]
    pub fn leader(&self) -> Option<&Leader> {
        match &self.role {
            Role::Leader(leader) => Some(leader),
            Role::Follower { .. } | Role::Offline => None,
        }
    }

    /// The leader epoch this replica knows.
    #[must_use]
    pub fn leader_epoch(&self) -> Option<LeaderEpoch> {
        match &self.role {
            Role::Leader(leader) => Some(leader.leader_epoch),
            Role::Follower { leader_epoch, .. } => Some(*leader_epoch),
            Role::Offline => None,
        }
    }

    /// First offset not known to be on every member of the maximal ISR.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The end of what `read_committed` may see.
    #[must_use]
    pub fn last_stable_offset(&self, rules: &Rules) -> Offset {
        last_stable_offset(
            rules,
            self.log.first_unstable_offset(),
            self.high_watermark,
            self.log.log_end_offset(),
        )
    }

    /// Takes over the lead, or takes in a change of the epoch it leads in. Says whether a new
    /// leadership began; the caller then asks [`Replica::maybe_advance_high_watermark`].
    /// An older partition epoch is ignored.
    pub fn become_leader(&mut self, now: Instant, record: &PartitionRecord) -> bool {
        if let Role::Leader(leader) = &mut self.role
            && leader.leader_epoch == record.leader_epoch
        {
            if record.partition_epoch > leader.partition_epoch {
                leader.take_metadata(record, self.node);
            }
            return false;
        }
        self.log.assign_epoch(record.leader_epoch);
        self.role = Role::Leader(Leader::new(now, record, self.node, self.log.log_end_offset()));
        true
    }

    /// Follows another leader, or nobody. Says whether the leader or its epoch is new.
    pub fn become_follower(&mut self, record: &PartitionRecord) -> bool {
        let new = match &self.role {
            Role::Follower { leader, leader_epoch, .. } => {
                (*leader, *leader_epoch) != (record.leader, record.leader_epoch)
            }
            Role::Leader(_) | Role::Offline => true,
        };
        self.role = Role::Follower {
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
        };
        new
    }

    /// Appends a client's or coordinator's batch. The replica must lead.
    pub fn append(
        &mut self,
        now: Now,
        batch: BatchId,
        batches: &Batches,
        origin: Origin,
        rules: &Rules,
    ) -> AppendOutcome {
        let epoch = self.leading_epoch();
        self.log.append_as_leader(now, batch, batches, epoch, origin, rules)
    }

    /// Appends an end-transaction marker. The replica must lead.
    pub fn append_marker(&mut self, batch: BatchId, batches: &Batches) -> AppendOutcome {
        let epoch = self.leading_epoch();
        self.log.append_marker(batch, batches, epoch)
    }

    fn leading_epoch(&self) -> LeaderEpoch {
        self.leader().expect("the caller has checked that this replica leads").leader_epoch
    }

    pub(super) fn set_high_watermark(&mut self, to: Offset) -> bool {
        if to == self.high_watermark {
            return false;
        }
        self.high_watermark = to;
        self.log.on_high_watermark(to);
        true
    }

    /// Moves the log start offset to `before`, for `DeleteRecords`; [`Offset::NONE`] is the
    /// high watermark. `None` if `before` is above the high watermark.
    pub fn delete_records(&mut self, before: Offset) -> Option<Offset> {
        let before = if before == Offset::NONE { self.high_watermark } else { before };
        if before < Offset::ZERO || before > self.high_watermark {
            return None;
        }
        self.log.delete_before(before);
        Some(self.log.log_start_offset())
    }

    /// Writes the high watermark to its checkpoint.
    pub fn checkpoint_high_watermark(&mut self) {
        self.high_watermark_checkpoint = self.high_watermark;
    }

    /// What the replica is when its broker starts again. `durable_end` matters only for a
    /// power cut.
    pub fn restart(&mut self, kind: StopKind, durable_end: Offset, batches: &Batches) {
        match kind {
            StopKind::Clean => {
                self.high_watermark_checkpoint = self.high_watermark;
                self.log.after_clean_stop(batches);
            }
            StopKind::Kill => self.log.after_kill(batches),
            StopKind::PowerCut => self.log.recover(durable_end, batches),
        }
        self.role = Role::Offline;
        self.high_watermark = self
            .high_watermark_checkpoint
            .min(self.log.log_end_offset())
            .max(self.log.log_start_offset());
        self.log.on_high_watermark(self.high_watermark);
    }

    /// What must hold of every replica at every time.
    pub fn assert_invariants(&self, rules: &Rules) {
        self.log.assert_invariants();
        let end = self.log.log_end_offset();
        assert!(self.high_watermark <= end, "the high watermark is within the log");
        assert!(
            self.log.log_start_offset() <= self.high_watermark,
            "only replicated records are deleted"
        );
        if rules.last_stable_offset == crate::rules::LastStableOffset::Bounded {
            assert!(
                self.last_stable_offset(rules) <= self.high_watermark,
                "only replicated records are stable"
            );
        }
        if let Role::Leader(leader) = &self.role {
            assert!(leader.epoch_start <= end, "an epoch starts within the log");
        }
    }
}
