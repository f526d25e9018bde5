//! The classic group protocol and committed offsets.

use alloc::string::String;
use alloc::vec::Vec;

pub use super::group_protocol::{
    Assignment, Assignor, MemberProtocol, Metadata, ProtocolName, ProtocolType, Subscription,
};

use super::ErrorCode;
use crate::types::{
    Duration, GenerationId, GroupEpoch, GroupId, LeaderEpoch, MemberId, Offset, PartitionId, TextId,
};

/// `JoinGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinGroupRequest {
    /// The group.
    pub group: GroupId,
    /// The member, `MemberId(0)` at first.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// `session.timeout.ms` in nanoseconds.
    pub session_timeout: Duration,
    /// `max.poll.interval.ms` in nanoseconds.
    pub rebalance_timeout: Duration,
    /// The kind of member.
    pub protocol_type: ProtocolType,
    /// Protocols the member supports, best first.
    pub protocols: Vec<MemberProtocol>,
}

impl JoinGroupRequest {
    /// The subscription of a consumer, the same in all its protocols.
    #[must_use]
    pub fn subscription(&self) -> Option<&Subscription> {
        self.protocols.first()?.metadata.subscription()
    }
}

/// Answer to `JoinGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinGroupResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The generation.
    pub generation: GenerationId,
    /// The kind of the group's members.
    pub protocol_type: Option<ProtocolType>,
    /// The protocol chosen.
    pub protocol: Option<ProtocolName>,
    /// The group leader.
    pub leader: MemberId,
    /// This member.
    pub member: MemberId,
    /// The leader must not assign (KIP-814).
    pub skip_assignment: bool,
    /// All members, for the leader only.
    pub members: Vec<(MemberId, Option<String>, Metadata)>,
}

/// `SyncGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncGroupRequest {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// The generation.
    pub generation: GenerationId,
    /// The kind of member; `None`, like the next one, before version 5.
    pub protocol_type: Option<ProtocolType>,
    /// The protocol it was told to use.
    pub protocol: Option<ProtocolName>,
    /// The leader's assignments, empty from others.
    pub assignments: Vec<(MemberId, Assignment)>,
}

/// Answer to `SyncGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncGroupResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The kind of the group's members.
    pub protocol_type: Option<ProtocolType>,
    /// The group's protocol.
    pub protocol: Option<ProtocolName>,
    /// What the leader gives to this member.
    pub assignment: Assignment,
}

/// Heartbeat of a classic member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeartbeatRequest {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// The generation.
    pub generation: GenerationId,
}

/// Answer to Heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeartbeatResponse {
    /// `REBALANCE_IN_PROGRESS`, another error, or none.
    pub error: ErrorCode,
}

/// `LeaveGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveGroupRequest {
    /// The group.
    pub group: GroupId,
    /// Who leaves; just one before version 3 (KIP-345).
    pub members: Vec<LeavingMember>,
}

/// A member that leaves, or is made to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeavingMember {
    /// The member, `MemberId(0)` if only its instance is known.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
}

/// Answer to `LeaveGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveGroupResponse {
    /// The error of the whole request, or none.
    pub error: ErrorCode,
    /// Each member of the request with its error, in order; none if the request has an error.
    pub members: Vec<(LeavingMember, ErrorCode)>,
}

/// A position to commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommittedOffset {
    /// The partition.
    pub partition: PartitionId,
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, if known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// A text that comes with it.
    pub metadata: TextId,
}

impl CommittedOffset {
    /// A position without a text.
    #[must_use]
    pub const fn new(
        partition: PartitionId,
        offset: Offset,
        leader_epoch: Option<LeaderEpoch>,
    ) -> Self {
        Self { partition, offset, leader_epoch, metadata: TextId::EMPTY }
    }

    /// The answer for a partition of which nothing is committed.
    #[must_use]
    pub const fn none(partition: PartitionId) -> Self {
        Self::new(partition, Offset::NONE, None)
    }
}

/// `OffsetCommit`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetCommitRequest {
    /// The group.
    pub group: GroupId,
    /// The member, `MemberId(0)` outside group management.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// The generation, -1 outside group management.
    pub generation: GenerationId,
    /// How long the offsets shall be kept, `None` for the broker's retention; versions 2 to 4.
    pub retention: Option<Duration>,
    /// What to commit.
    pub offsets: Vec<CommittedOffset>,
}

/// Answer to `OffsetCommit` and `TxnOffsetCommit`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OffsetCommitResponse {
    /// Each partition with its error, in order of the request.
    pub partitions: Vec<(PartitionId, ErrorCode)>,
}

/// `OffsetFetch` of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetFetchRequest {
    /// The group.
    pub group: GroupId,
    /// Partitions wanted; all if `None`.
    pub partitions: Option<Vec<PartitionId>>,
    /// The member that asks and its epoch, from members of the new protocol.
    pub who: Option<(MemberId, GroupEpoch)>,
    /// `require_stable` (KIP-447): pending transactional offsets give an error.
    pub require_stable: bool,
}

/// Answer to `OffsetFetch`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OffsetFetchResponse {
    /// Error of the group, or none.
    pub error: ErrorCode,
    /// Each partition with its error and committed offset, -1 if there is none.
    pub partitions: Vec<(ErrorCode, CommittedOffset)>,
}
