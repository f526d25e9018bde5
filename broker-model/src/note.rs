//! The machines' own account of what happened, in Kafka's words.
//!
//! Notes feed invariants, fault triggers, coverage and reports, so the model needs no logger.

use alloc::vec::Vec;

use crate::protocol::txn::ProducerIdAndEpoch;
use crate::records::{LogEntry, TransactionState};
use crate::types::{
    BatchId, BrokerEpoch, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId, Offset,
    PartitionEpoch, PartitionId, ProducerEpoch, ProducerId, TransactionalId,
};

/// Something observable happened on a node.
#[derive(Clone, PartialEq, Debug)]
pub enum Note {
    /// A leader or follower appended a batch.
    Appended {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// The placement.
        entry: LogEntry,
        /// Log end offset after it.
        end: Offset,
        /// Appended as leader, else copied as follower.
        leader: bool,
    },
    /// A replica's high watermark moved.
    HighWatermark {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// In this leader epoch.
        leader_epoch: LeaderEpoch,
        /// Its new value.
        high_watermark: Offset,
        /// The last stable offset with it.
        last_stable_offset: Offset,
        /// Moved as leader.
        leader: bool,
    },
    /// A leader answered an `acks=all` or `acks=1` produce with success.
    Acknowledged {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// First offset.
        base_offset: Offset,
        /// First offset after it.
        end: Offset,
    },
    /// A leader took a batch for one that it has already, and answers as it did then.
    Repeated {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// What was sent.
        batch: BatchId,
        /// Where the one that it has begins.
        base_offset: Offset,
    },
    /// A consumer was given records.
    Read {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// First offset behind them.
        end: Offset,
        /// With `read_committed`.
        committed: bool,
    },
    /// A replica cut the end of its log.
    Truncated {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// The new log end offset.
        end: Offset,
        /// The log end offset before.
        from: Offset,
        /// The leader epoch of the first record that was cut, if it is known.
        epoch: Option<LeaderEpoch>,
    },
    /// The log start offset moved: records before it are gone for good.
    LogStart {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// Its new value.
        log_start_offset: Offset,
    },
    /// A replica opened a new segment; the one before is being flushed.
    Rolled {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// Rolled as leader.
        leader: bool,
    },
    /// A broker found that a log directory fails: its replicas there are offline (KIP-112).
    DirectoryFailed {
        /// The broker.
        node: NodeId,
        /// Its place in `log.dirs`, from 0.
        directory: u32,
        /// How many replicas were in it.
        replicas: u32,
    },
    /// A recovery found a batch whose checksum does not match, and cut the log there.
    CorruptTail {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// Where the batch began: the new log end offset.
        end: Offset,
        /// The log end offset before.
        from: Offset,
    },
    /// A follower was sent a batch whose checksum does not match, and took nothing.
    CorruptFetched {
        /// The follower.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// Where the batch begins.
        base_offset: Offset,
    },
    /// A log cleaner swapped segments for cleaner ones.
    Compacted {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// What lies before was cleaned before.
        from: Offset,
        /// Nothing from here on was touched.
        end: Offset,
        /// Records that went.
        removed: u64,
        /// What was below `end` before.
        before: Vec<LogEntry>,
    },
    /// A broker became leader.
    BecameLeader {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// In this leader epoch.
        leader_epoch: LeaderEpoch,
        /// Its log end offset: the start of the epoch.
        start: Offset,
    },
    /// A broker became follower.
    BecameFollower {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// In this leader epoch.
        leader_epoch: LeaderEpoch,
    },
    /// The controller changed a partition.
    PartitionChanged {
        /// The partition.
        partition: PartitionId,
        /// The leader, if any.
        leader: Option<NodeId>,
        /// The leader epoch.
        leader_epoch: LeaderEpoch,
        /// The partition epoch.
        partition_epoch: PartitionEpoch,
        /// The ISR.
        isr: Vec<NodeId>,
        /// The replicas.
        replicas: Vec<NodeId>,
        /// The ELR.
        eligible_leader_replicas: Vec<NodeId>,
        /// Elected from outside ISR and ELR.
        unclean: bool,
    },
    /// A broker was fenced by the controller.
    BrokerFenced {
        /// The broker.
        node: NodeId,
    },
    /// A broker was unfenced by the controller.
    BrokerUnfenced {
        /// The broker.
        node: NodeId,
    },
    /// A transaction coordinator changed the state of a transactional id (when logged).
    TransactionState {
        /// The coordinator's broker.
        node: NodeId,
        /// The transactional id.
        transactional_id: TransactionalId,
        /// Id and epoch.
        producer: ProducerIdAndEpoch,
        /// The new state.
        state: TransactionState,
    },
    /// A leader wrote a marker.
    Marker {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// Whose transaction.
        producer_id: ProducerId,
        /// With this epoch.
        producer_epoch: ProducerEpoch,
        /// Commit, else abort.
        commit: bool,
    },
    /// A leader that knows nothing of an idempotent producer took a batch that is not its first:
    /// what it sent before will be out of sequence (KAFKA-14359).
    FirstSequenceSkipped {
        /// The broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
        /// What it took.
        batch: BatchId,
    },
    /// A producer with an old epoch was turned away.
    ProducerFenced {
        /// The broker.
        node: NodeId,
        /// Whose.
        producer_id: ProducerId,
    },
    /// A broker was given a block of producer ids by the controller.
    ProducerIds {
        /// The broker.
        node: NodeId,
        /// The first of them.
        first: ProducerId,
        /// How many there are.
        count: u32,
    },
    /// A coordinator has taken over a partition of its topic, and knows what its log says.
    CoordinatorLoaded {
        /// The coordinator's broker.
        node: NodeId,
        /// The partition.
        partition: PartitionId,
    },
    /// A group began a rebalance.
    RebalanceStarted {
        /// The coordinator's broker.
        node: NodeId,
        /// The group.
        group: GroupId,
    },
    /// A group is stable in a new generation.
    GroupStable {
        /// The coordinator's broker.
        node: NodeId,
        /// The group.
        group: GroupId,
        /// The generation.
        generation: GenerationId,
        /// How many members.
        members: u32,
    },
    /// A member was removed by its session timeout or fenced.
    MemberFenced {
        /// The coordinator's broker.
        node: NodeId,
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
    },
    /// A commit of a group's member was accepted; it is written next.
    CommitAccepted {
        /// The coordinator's broker.
        node: NodeId,
        /// The group.
        group: GroupId,
        /// Who commits.
        member: MemberId,
        /// The generation or member epoch that it names.
        generation: GenerationId,
        /// Of which partitions.
        partitions: Vec<PartitionId>,
    },
    /// Offsets were committed (replicated).
    OffsetsCommitted {
        /// The coordinator's broker.
        node: NodeId,
        /// The group.
        group: GroupId,
        /// How many partitions.
        partitions: u32,
    },
    /// A controller voted, for itself or for another, and has it on disk.
    QuorumVoted {
        /// The voter.
        node: NodeId,
        /// In this epoch.
        epoch: LeaderEpoch,
        /// For whom.
        candidate: NodeId,
    },
    /// A controller was elected by the quorum.
    QuorumLeader {
        /// The controller.
        node: NodeId,
        /// The epoch.
        epoch: LeaderEpoch,
        /// Offset of the first record of the epoch.
        start: u64,
    },
    /// A controller learned that more of the metadata log is committed.
    QuorumHighWatermark {
        /// The controller.
        node: NodeId,
        /// In this epoch.
        epoch: LeaderEpoch,
        /// Committed up to here.
        high_watermark: u64,
        /// It leads, and has counted itself.
        leader: bool,
    },
    /// A controller took a snapshot of the metadata log (KIP-630).
    MetadataSnapshot {
        /// The controller.
        node: NodeId,
        /// Everything before this offset is in it.
        end: u64,
        /// How many records it has.
        records: u64,
    },
    /// A controller or broker began with a snapshot instead of the records before it.
    MetadataSnapshotLoaded {
        /// The controller or broker.
        node: NodeId,
        /// Everything before this offset is in it.
        end: u64,
    },
    /// A broker registered (committed).
    BrokerRegistered {
        /// The broker.
        node: NodeId,
        /// The epoch it was given.
        epoch: BrokerEpoch,
        /// The process.
        incarnation: u64,
    },
    /// A broker applied records of the metadata log.
    MetadataApplied {
        /// The broker.
        node: NodeId,
        /// The first of them.
        from: u64,
        /// The first one after them.
        end: u64,
    },
}

impl Note {
    /// Every name that [`Note::name`] gives, in order of declaration.
    pub const NAMES: &'static [&'static str] = &[
        "appended",
        "high-watermark",
        "acknowledged",
        "repeated",
        "read",
        "truncated",
        "log-start",
        "rolled",
        "directory-failed",
        "corrupt-tail",
        "corrupt-fetched",
        "compacted",
        "became-leader",
        "became-follower",
        "partition-changed",
        "broker-fenced",
        "broker-unfenced",
        "transaction-state",
        "marker",
        "first-sequence-skipped",
        "producer-fenced",
        "producer-ids",
        "coordinator-loaded",
        "rebalance-started",
        "group-stable",
        "member-fenced",
        "commit-accepted",
        "offsets-committed",
        "unclean-election",
        "quorum-voted",
        "controller-elected",
        "quorum-high-watermark",
        "metadata-snapshot",
        "metadata-snapshot-loaded",
        "broker-registered",
        "metadata-applied",
    ];

    /// The name of what happened, for scenarios that demand it. A change of a partition that
    /// elected from outside ISR and ELR has a name of its own.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PartitionChanged { unclean: true, .. } => "unclean-election",
            Self::Appended { .. } => "appended",
            Self::HighWatermark { .. } => "high-watermark",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Repeated { .. } => "repeated",
            Self::Read { .. } => "read",
            Self::Truncated { .. } => "truncated",
            Self::LogStart { .. } => "log-start",
            Self::Rolled { .. } => "rolled",
            Self::DirectoryFailed { .. } => "directory-failed",
            Self::CorruptTail { .. } => "corrupt-tail",
            Self::CorruptFetched { .. } => "corrupt-fetched",
            Self::Compacted { .. } => "compacted",
            Self::BecameLeader { .. } => "became-leader",
            Self::BecameFollower { .. } => "became-follower",
            Self::PartitionChanged { .. } => "partition-changed",
            Self::BrokerFenced { .. } => "broker-fenced",
            Self::BrokerUnfenced { .. } => "broker-unfenced",
            Self::TransactionState { .. } => "transaction-state",
            Self::Marker { .. } => "marker",
            Self::FirstSequenceSkipped { .. } => "first-sequence-skipped",
            Self::ProducerFenced { .. } => "producer-fenced",
            Self::ProducerIds { .. } => "producer-ids",
            Self::CoordinatorLoaded { .. } => "coordinator-loaded",
            Self::RebalanceStarted { .. } => "rebalance-started",
            Self::GroupStable { .. } => "group-stable",
            Self::MemberFenced { .. } => "member-fenced",
            Self::CommitAccepted { .. } => "commit-accepted",
            Self::OffsetsCommitted { .. } => "offsets-committed",
            Self::QuorumVoted { .. } => "quorum-voted",
            Self::QuorumLeader { .. } => "controller-elected",
            Self::QuorumHighWatermark { .. } => "quorum-high-watermark",
            Self::MetadataSnapshot { .. } => "metadata-snapshot",
            Self::MetadataSnapshotLoaded { .. } => "metadata-snapshot-loaded",
            Self::BrokerRegistered { .. } => "broker-registered",
            Self::MetadataApplied { .. } => "metadata-applied",
        }
    }
}
