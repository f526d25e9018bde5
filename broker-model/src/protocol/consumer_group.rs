//! The new consumer group protocol (KIP-848).

use alloc::string::String;
use alloc::vec::Vec;

use super::ErrorCode;
use crate::types::{Duration, GroupEpoch, GroupId, MemberId, PartitionId, TextId, TopicName};

/// An assignor that the group coordinator has, Kafka's names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ServerAssignor {
    /// `uniform`: even, and sticky.
    Uniform,
    /// `range`: each topic in contiguous runs.
    Range,
}

impl ServerAssignor {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }
}

/// Which assignor a member asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AssignorChoice {
    /// It leaves that to the group, or keeps what it asked for before.
    #[default]
    Unnamed,
    /// This one.
    Named(ServerAssignor),
    /// One that no coordinator has.
    Unknown,
}

/// `ConsumerGroupHeartbeat`. What is `None` is as it was before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerGroupHeartbeatRequest {
    /// The group.
    pub group: GroupId,
    /// The member: an id of its own making, `MemberId(0)` for none (version 0 only).
    pub member: MemberId,
    /// The epoch it has reached; see [`GroupEpoch`] for those that join and leave.
    pub epoch: GroupEpoch,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// `client.rack`.
    pub rack: Option<String>,
    /// `max.poll.interval.ms` in nanoseconds: how long giving up partitions may take.
    pub rebalance_timeout: Option<Duration>,
    /// Topics subscribed to by name.
    pub topics: Option<Vec<TopicName>>,
    /// A regular expression of topics subscribed to; empty for none.
    pub pattern: Option<TextId>,
    /// `group.remote.assignor`.
    pub assignor: AssignorChoice,
    /// Partitions the member has.
    pub owned: Option<Vec<PartitionId>>,
}

/// Answer to `ConsumerGroupHeartbeat`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerGroupHeartbeatResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// This member.
    pub member: MemberId,
    /// The epoch it is in now.
    pub epoch: GroupEpoch,
    /// When it shall heartbeat again, in nanoseconds.
    pub heartbeat_interval: Duration,
    /// What it shall own, in order of id; `None` if that is as it was.
    pub assignment: Option<Vec<PartitionId>>,
}

impl ConsumerGroupHeartbeatResponse {
    /// The answer to a heartbeat of which nothing came.
    #[must_use]
    pub const fn refused(error: ErrorCode) -> Self {
        Self {
            error,
            member: MemberId(0),
            epoch: GroupEpoch::JOINING,
            heartbeat_interval: 0,
            assignment: None,
        }
    }
}

/// `ConsumerGroupDescribe` of one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsumerGroupDescribeRequest {
    /// The group.
    pub group: GroupId,
}

/// Answer to `ConsumerGroupDescribe`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerGroupDescribeResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// Kafka's name of the group's state.
    pub state: &'static str,
    /// The group's epoch.
    pub epoch: GroupEpoch,
    /// The epoch of its target assignment.
    pub assignment_epoch: GroupEpoch,
    /// The assignor that most members ask for.
    pub assignor: ServerAssignor,
    /// Its members, in order of id.
    pub members: Vec<DescribedConsumer>,
}

/// A member of a described group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribedConsumer {
    /// The member.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// The host that sends its heartbeats.
    pub client: u32,
    /// The epoch it has reached.
    pub epoch: GroupEpoch,
    /// Topics subscribed to by name.
    pub topics: Vec<TopicName>,
    /// A regular expression of topics subscribed to; empty for none.
    pub pattern: TextId,
    /// What it shall own now.
    pub assignment: Vec<PartitionId>,
    /// What it shall own when the group has come to rest.
    pub target: Vec<PartitionId>,
    /// It speaks the classic protocol.
    pub is_classic: bool,
}
