//! The classic group protocol and committed offsets.

use alloc::string::String;
use alloc::vec::Vec;

use super::ErrorCode;
use crate::types::{
    Duration, GenerationId, GroupId, LeaderEpoch, MemberId, Offset, PartitionId, TopicId,
};

/// A client-side assignor of the classic protocol, Kafka's protocol names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Assignor {
    /// `range`.
    Range,
    /// `roundrobin`.
    RoundRobin,
    /// `sticky`.
    Sticky,
    /// `cooperative-sticky`.
    CooperativeSticky,
}

/// A member's subscription (`ConsumerProtocolSubscription`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subscription {
    /// Topics subscribed to.
    pub topics: Vec<TopicId>,
    /// Partitions the member believes it owns.
    pub owned: Vec<PartitionId>,
    /// The generation in which it came to own them.
    pub generation: GenerationId,
}

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
    /// Assignors the member supports, best first.
    pub protocols: Vec<Assignor>,
    /// The member's subscription (the same under every assignor here).
    pub subscription: Subscription,
}

/// Answer to `JoinGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinGroupResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The generation.
    pub generation: GenerationId,
    /// The assignor chosen.
    pub protocol: Option<Assignor>,
    /// The group leader.
    pub leader: MemberId,
    /// This member.
    pub member: MemberId,
    /// The leader must not assign (KIP-814).
    pub skip_assignment: bool,
    /// All members, for the leader only.
    pub members: Vec<(MemberId, Option<String>, Subscription)>,
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
    /// The leader's assignments, empty from others.
    pub assignments: Vec<(MemberId, Vec<PartitionId>)>,
}

/// Answer to `SyncGroup`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncGroupResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// What this member shall own.
    pub assignment: Vec<PartitionId>,
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

/// `LeaveGroup` of one member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveGroupRequest {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
}

/// Answer to `LeaveGroup`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaveGroupResponse {
    /// The error, or none.
    pub error: ErrorCode,
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
