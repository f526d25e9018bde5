//! What the group coordinator writes of members of the new protocol (KIP-848).

use alloc::string::String;
use alloc::vec::Vec;

use crate::protocol::consumer_group::ServerAssignor;
use crate::protocol::group::MemberProtocol;
use crate::types::{Duration, GroupEpoch, PartitionId, TextId, Timestamp, TopicName};

/// What a member said of itself (`ConsumerGroupMemberMetadata`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsumerMemberRecord {
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// `client.rack`.
    pub rack: Option<String>,
    /// The host that sends its heartbeats.
    pub client: u32,
    /// How long giving up partitions may take, in nanoseconds.
    pub rebalance_timeout: Duration,
    /// Topics subscribed to by name, in order of id, each once.
    pub topics: Vec<TopicName>,
    /// A regular expression of topics subscribed to; empty for none.
    pub pattern: TextId,
    /// The assignor it asks for.
    pub assignor: Option<ServerAssignor>,
    /// What a member of the classic protocol brings along.
    pub classic: Option<ClassicMemberRecord>,
}

/// The topics that a regular expression matched (`ConsumerGroupRegularExpression`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatternRecord {
    /// Their names, in order.
    pub topics: Vec<String>,
    /// How many topics had been created by then, deleted ones counted.
    pub created: usize,
    /// When they were looked up.
    pub at: Timestamp,
}

/// What a member of the classic protocol brings into a group of the new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassicMemberRecord {
    /// `session.timeout.ms` in nanoseconds.
    pub session_timeout: Duration,
    /// Protocols it supports, best first.
    pub protocols: Vec<MemberProtocol>,
}

/// How a member stands to the target assignment. Source: Kafka, `MemberState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reconciliation {
    /// It has all it can have in its epoch.
    #[default]
    Stable,
    /// It has to give up partitions before it goes on.
    Unrevoked,
    /// It waits for partitions that others have.
    Unreleased,
}

/// How far a member has come (`ConsumerGroupCurrentMemberAssignment`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsumerAssignmentRecord {
    /// The epoch the member has reached.
    pub epoch: GroupEpoch,
    /// The one before: its answer may have been lost.
    pub previous: GroupEpoch,
    /// Whether it owes or waits for partitions.
    pub state: Reconciliation,
    /// What it shall own now, in order of id.
    pub assigned: Vec<PartitionId>,
    /// What it has to give up, in order of id.
    pub revoking: Vec<PartitionId>,
}
