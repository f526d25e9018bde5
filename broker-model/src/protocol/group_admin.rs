//! What administrators ask of groups. Kafka takes several groups in a request; here each has
//! a request of its own.

use alloc::string::String;
use alloc::vec::Vec;

use super::ErrorCode;
use super::group::{Assignment, Metadata, ProtocolName, ProtocolType};
use crate::types::{GroupId, MemberId, PartitionId, TopicId};

/// `DescribeGroups` of one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DescribeGroupsRequest {
    /// The group.
    pub group: GroupId,
}

/// Answer to `DescribeGroups`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribeGroupsResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// Kafka's name of the state; empty when the request was refused.
    pub state: &'static str,
    /// The kind of its members; `None` if it had none yet.
    pub protocol_type: Option<ProtocolType>,
    /// The protocol chosen, of a stable group only.
    pub protocol: Option<ProtocolName>,
    /// The members.
    pub members: Vec<DescribedMember>,
}

/// A member of a classic group, described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribedMember {
    /// The member.
    pub member: MemberId,
    /// `group.instance.id`, for static members.
    pub instance: Option<String>,
    /// The host it joined from at first.
    pub client: u32,
    /// Its metadata in the protocol chosen, of a stable group only.
    pub metadata: Option<Metadata>,
    /// Its assignment.
    pub assignment: Assignment,
}

/// Which protocol a group's members use to be its members. Source: Kafka, `GroupType`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum GroupType {
    /// The classic one, and groups without members that only commit offsets.
    Classic,
    /// That of KIP-848.
    Consumer,
}

impl GroupType {
    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

/// `ListGroups` of those that a broker coordinates.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListGroupsRequest {
    /// Names of states wanted, in any case of letters; all if empty.
    pub states: Vec<String>,
    /// Names of types wanted (KIP-848), likewise.
    pub types: Vec<String>,
}

/// Answer to `ListGroups`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListGroupsResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The groups.
    pub groups: Vec<ListedGroup>,
}

/// A group in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedGroup {
    /// The group.
    pub group: GroupId,
    /// Its type.
    pub group_type: GroupType,
    /// Kafka's name of its state.
    pub state: &'static str,
    /// The kind of its members; `None` if it had none yet.
    pub protocol_type: Option<ProtocolType>,
}

/// `DeleteGroups` of one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteGroupsRequest {
    /// The group.
    pub group: GroupId,
}

/// Answer to `DeleteGroups`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteGroupsResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// `OffsetDelete` (KIP-496).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetDeleteRequest {
    /// The group.
    pub group: GroupId,
    /// Partitions whose offsets shall go, with their topics.
    pub partitions: Vec<(TopicId, PartitionId)>,
}

/// Answer to `OffsetDelete`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetDeleteResponse {
    /// Error of the group, or none.
    pub error: ErrorCode,
    /// Each partition with its error, in order of the request; none if the group has an error.
    pub partitions: Vec<(PartitionId, ErrorCode)>,
}
