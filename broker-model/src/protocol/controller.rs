//! What brokers and administrators ask the controller.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::ErrorCode;
use super::quorum::{QuorumLeader, SnapshotId};
use crate::records::{ClientQuota, MetadataRecord};
use crate::types::{
    BrokerEpoch, DirectoryId, Duration, GroupId, LeaderEpoch, NodeId, PartitionEpoch, PartitionId,
    ProducerId, RackId, TopicId,
};

/// `BrokerRegistration`: a new incarnation of a broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerRegistrationRequest {
    /// The broker.
    pub broker: NodeId,
    /// Names this process: a new number at each start.
    pub incarnation: u64,
    /// `broker.rack`.
    pub rack: Option<RackId>,
    /// The broker epoch at its last clean shutdown, -1 otherwise (KIP-966: unclean detection).
    pub previous_broker_epoch: BrokerEpoch,
    /// Its log directories that are online; empty from one that does not know of them.
    pub directories: Vec<DirectoryId>,
}

/// Answer to `BrokerRegistration`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokerRegistrationResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The epoch of this incarnation.
    pub broker_epoch: BrokerEpoch,
}

/// `BrokerHeartbeat`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerHeartbeatRequest {
    /// The broker.
    pub broker: NodeId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
    /// How far it has applied the metadata log: next offset it wants.
    pub metadata_offset: u64,
    /// It wishes to stay fenced (still catching up).
    pub want_fence: bool,
    /// It wishes to shut down in order.
    pub want_shutdown: bool,
    /// Log directories that failed in this process (KIP-858).
    pub offline_directories: Vec<DirectoryId>,
}

/// Answer to `BrokerHeartbeat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokerHeartbeatResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// Whether the broker is fenced.
    pub fenced: bool,
    /// Whether it has caught up with its own registration.
    pub caught_up: bool,
    /// Whether it may stop now.
    pub may_shut_down: bool,
}

/// `AlterPartition`: a leader's wish for new ISRs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterPartitionRequest {
    /// The leader that asks.
    pub broker: NodeId,
    /// Its broker epoch.
    pub broker_epoch: BrokerEpoch,
    /// The partitions, at least one.
    pub partitions: Vec<WantedIsr>,
}

/// A partition of an [`AlterPartitionRequest`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WantedIsr {
    /// The partition.
    pub partition: PartitionId,
    /// The leader epoch it leads in.
    pub leader_epoch: LeaderEpoch,
    /// The partition epoch it knows.
    pub partition_epoch: PartitionEpoch,
    /// The new ISR, each member with the broker epoch the leader saw (-1: not checked).
    pub isr: Vec<(NodeId, BrokerEpoch)>,
    /// The partition is still recovering from an unclean election.
    pub recovering: bool,
}

/// Answer to `AlterPartition`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterPartitionResponse {
    /// The error of the whole request, or none.
    pub error: ErrorCode,
    /// The partitions, in order of the request; empty with an error.
    pub partitions: Vec<AlteredPartition>,
}

/// A partition of an [`AlterPartitionResponse`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlteredPartition {
    /// The error, or none.
    pub error: ErrorCode,
    /// The partition.
    pub partition: PartitionId,
    /// The leader now.
    pub leader: Option<NodeId>,
    /// The leader epoch now.
    pub leader_epoch: LeaderEpoch,
    /// The ISR now.
    pub isr: Vec<NodeId>,
    /// The partition epoch now.
    pub partition_epoch: PartitionEpoch,
}

/// A broker reads the metadata log from its position; the controller holds the answer
/// back until there is news or the wait is over, as a fetch does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchMetadataRequest {
    /// The broker.
    pub broker: NodeId,
    /// First record wanted.
    pub from: u64,
}

/// Answer to `FetchMetadata`.
#[derive(Clone, PartialEq, Debug)]
pub struct FetchMetadataResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// With an error or a snapshot: who leads the quorum, as far as the one asked knows.
    pub leader: Option<QuorumLeader>,
    /// What to begin with instead, by [`super::quorum::FetchSnapshotRequest`]; then there are no
    /// records.
    pub snapshot: Option<Box<SnapshotId>>,
    /// Offset of the first record.
    pub from: u64,
    /// Committed records from there on.
    pub records: Vec<MetadataRecord>,
    /// Committed end of the log.
    pub end: u64,
}

/// `AssignReplicasToDirs`: where a broker with several log directories put replicas (KIP-858).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignReplicasToDirsRequest {
    /// The broker.
    pub broker: NodeId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
    /// Its replicas with their directories.
    pub assignments: Vec<(PartitionId, DirectoryId)>,
}

/// Answer to `AssignReplicasToDirs`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignReplicasToDirsResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// `AllocateProducerIds`: a block of 1,000 ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AllocateProducerIdsRequest {
    /// The broker.
    pub broker: NodeId,
    /// Its epoch.
    pub broker_epoch: BrokerEpoch,
}

/// Answer to `AllocateProducerIds`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AllocateProducerIdsResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// First id of the block.
    pub first: ProducerId,
    /// How many.
    pub count: u32,
}

/// `CreateTopics` of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateTopicRequest {
    /// The name.
    pub name: String,
    /// How many partitions; ignored with `assignment`.
    pub partitions: u32,
    /// Replicas of each; ignored with `assignment`.
    pub replication_factor: u32,
    /// The replicas of each partition, in order; the controller chooses when empty.
    pub assignment: Vec<Vec<NodeId>>,
    /// Kafka's topic keys with their values.
    pub config: Vec<(String, String)>,
    /// One of Kafka's own topics.
    pub internal: bool,
}

/// Answer to `CreateTopics`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreateTopicResponse {
    /// For how long the client is throttled, 0 for not at all.
    pub throttle_time: Duration,
    /// The error, or none.
    pub error: ErrorCode,
    /// The id, [`TopicId::UNKNOWN`] with an error.
    pub topic: TopicId,
}

/// Which election `ElectLeaders` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ElectionType {
    /// The first assigned replica, if in sync.
    Preferred,
    /// Any live replica, when there is no leader.
    Unclean,
}

/// `ElectLeaders` of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ElectLeadersRequest {
    /// The kind.
    pub election: ElectionType,
    /// The partition.
    pub partition: PartitionId,
}

/// Answer to `ElectLeaders`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ElectLeadersResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// `AlterPartitionReassignments` of one partition (KIP-455).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterPartitionReassignmentsRequest {
    /// The partition.
    pub partition: PartitionId,
    /// The replicas it shall have, preferred leader first; `None` cancels what is under way.
    pub replicas: Option<Vec<NodeId>>,
    /// The number of replicas may change (KIP-860).
    pub allow_replication_factor_change: bool,
}

/// Answer to `AlterPartitionReassignments`. The reassignment goes on after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlterPartitionReassignmentsResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// `AlterClientQuotas` of one client (KIP-546).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterClientQuotasRequest {
    /// The client, by its number in headers; `None` is whoever has no quota of its own.
    pub client: Option<u32>,
    /// The quotas with their new values, `None` removes one.
    pub quotas: Vec<(ClientQuota, Option<u64>)>,
}

/// Answer to `AlterClientQuotas`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlterClientQuotasResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// `DeleteTopics` of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTopicRequest {
    /// The name.
    pub name: String,
}

/// Answer to `DeleteTopics`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteTopicResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// `CreatePartitions` of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatePartitionsRequest {
    /// The topic.
    pub name: String,
    /// How many partitions it shall have in all.
    pub count: u32,
    /// The replicas of each new partition; the controller chooses when empty.
    pub assignment: Vec<Vec<NodeId>>,
}

/// Answer to `CreatePartitions`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreatePartitionsResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// What has a configuration of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigResource {
    /// The topic of this name.
    Topic(String),
    /// A broker, beside what it started with (KIP-226).
    Broker(NodeId),
    /// All brokers, where they have no value of their own.
    Brokers,
    /// A group, which need not be there (KIP-848).
    Group(GroupId),
}

/// `IncrementalAlterConfigs` of one resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterConfigsRequest {
    /// Whose.
    pub resource: ConfigResource,
    /// Kafka's keys with their new values, `None` removes a key. All or none.
    pub config: Vec<(String, Option<String>)>,
}

/// Answer to `IncrementalAlterConfigs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlterConfigsResponse {
    /// The error, or none.
    pub error: ErrorCode,
}
