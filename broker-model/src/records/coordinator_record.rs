//! What the group and transaction coordinators write into their topics.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::consumer_record::{ConsumerAssignmentRecord, ConsumerMemberRecord, PatternRecord};
use crate::protocol::group::{Assignment, Metadata, ProtocolName, ProtocolType};
use crate::protocol::txn::ProducerIdAndEpoch;
use crate::types::{
    Duration, GenerationId, GroupEpoch, GroupId, LeaderEpoch, MemberId, Offset, PartitionId,
    ProducerEpoch, ProducerId, TextId, Timestamp, TransactionalId,
};

/// A record of `__consumer_offsets`.
#[derive(Clone, PartialEq, Debug)]
pub enum GroupRecord {
    /// A committed offset (key version 1), `None` is a tombstone.
    Offset {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: PartitionId,
        /// The value, or a tombstone.
        value: Option<OffsetRecord>,
    },
    /// A group's metadata (key version 2), written when a round completes.
    Metadata {
        /// The group.
        group: GroupId,
        /// The generation.
        generation: GenerationId,
        /// The kind of its members; `None` if it had none yet.
        protocol_type: Option<ProtocolType>,
        /// The protocol chosen; `None` when the group is empty.
        protocol: Option<ProtocolName>,
        /// The group leader.
        leader: Option<MemberId>,
        /// The members with their assignments.
        members: Vec<GroupMemberRecord>,
    },
    /// The group is gone (a tombstone of the metadata).
    Tombstone {
        /// The group.
        group: GroupId,
    },
    /// The epoch of a group of the new protocol (key version 3), `None` is a tombstone.
    ConsumerEpoch {
        /// The group.
        group: GroupId,
        /// The group's epoch and the hash of what it subscribes to.
        value: Option<(GroupEpoch, u64)>,
    },
    /// What a member said of itself (key version 5), `None` is a tombstone.
    ConsumerMember {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// The value, or a tombstone.
        value: Option<Box<ConsumerMemberRecord>>,
    },
    /// The epoch of the target assignment (key version 6), `None` is a tombstone.
    ConsumerTargetEpoch {
        /// The group.
        group: GroupId,
        /// The value, or a tombstone.
        value: Option<GroupEpoch>,
    },
    /// What a member shall own in the end (key version 7), `None` is a tombstone.
    ConsumerTarget {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// The value, or a tombstone.
        value: Option<Vec<PartitionId>>,
    },
    /// How far a member has come (key version 8), `None` is a tombstone.
    ConsumerAssignment {
        /// The group.
        group: GroupId,
        /// The member.
        member: MemberId,
        /// The value, or a tombstone.
        value: Option<Box<ConsumerAssignmentRecord>>,
    },
    /// The topics of a regular expression (key version 16), `None` is a tombstone.
    ConsumerPattern {
        /// The group.
        group: GroupId,
        /// The regular expression.
        pattern: TextId,
        /// The value, or a tombstone.
        value: Option<Box<PatternRecord>>,
    },
}

impl GroupRecord {
    /// The group that it is about.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        match self {
            Self::Offset { group, .. }
            | Self::Metadata { group, .. }
            | Self::Tombstone { group }
            | Self::ConsumerEpoch { group, .. }
            | Self::ConsumerMember { group, .. }
            | Self::ConsumerTargetEpoch { group, .. }
            | Self::ConsumerTarget { group, .. }
            | Self::ConsumerAssignment { group, .. }
            | Self::ConsumerPattern { group, .. } => *group,
        }
    }
}

/// The value of a committed offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetRecord {
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, if known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The text that came with it.
    pub metadata: TextId,
    /// When it was committed.
    pub commit_timestamp: Timestamp,
    /// When it expires, where the commit said so (`OffsetCommit` 2 to 4).
    pub expire_timestamp: Option<Timestamp>,
}

/// A member in a group's metadata record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupMemberRecord {
    /// The member.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// `session.timeout.ms` in nanoseconds.
    pub session_timeout: Duration,
    /// `max.poll.interval.ms` in nanoseconds.
    pub rebalance_timeout: Duration,
    /// The host it joined from at first.
    pub client: u32,
    /// What it tells the others in the protocol chosen.
    pub metadata: Metadata,
    /// What the leader gave to it.
    pub assignment: Assignment,
}

/// States of a transaction. Source: Kafka, `TransactionState`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TransactionState {
    /// No transaction has begun.
    Empty,
    /// Partitions are being added and written.
    Ongoing,
    /// The decision to commit is logged; markers go out.
    PrepareCommit,
    /// The decision to abort is logged; markers go out.
    PrepareAbort,
    /// All markers of a commit are written.
    CompleteCommit,
    /// All markers of an abort are written.
    CompleteAbort,
    /// The transactional id is being removed.
    Dead,
}

impl TransactionState {
    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
            Self::Dead => "Dead",
        }
    }

    /// Whether a transaction has begun and not ended: markers of it are still to be written, or
    /// the answers to them to be heard.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Ongoing | Self::PrepareCommit | Self::PrepareAbort)
    }
}

/// A record of `__transaction_state`: the whole state of one transactional id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionRecord {
    /// The transactional id.
    pub transactional_id: TransactionalId,
    /// Id and epoch in use.
    pub producer: ProducerIdAndEpoch,
    /// The epoch before the last bump, for retries of a client (KIP-360), -1 if none.
    pub last_producer_epoch: ProducerEpoch,
    /// The state.
    pub state: TransactionState,
    /// `transaction.timeout.ms` in nanoseconds.
    pub timeout: Duration,
    /// The partitions of the transaction, in order.
    pub partitions: Vec<PartitionId>,
    /// Last change of state.
    pub last_update: Timestamp,
    /// When the transaction began, -1 if none has.
    pub start: Timestamp,
    /// Whether the client speaks protocol v2 (KIP-890).
    pub v2: bool,
    /// The producer id before the epochs of it ran out (KIP-890), `NONE` if they did not.
    pub previous_producer_id: ProducerId,
    /// The producer id to go on with once the markers are written (KIP-890), else `NONE`.
    pub next_producer_id: ProducerId,
}
