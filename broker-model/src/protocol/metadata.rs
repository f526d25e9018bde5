//! Metadata for clients.

use alloc::string::String;
use alloc::vec::Vec;

use super::ErrorCode;
use crate::types::{LeaderEpoch, NodeId, PartitionId, TopicId};

/// Metadata: of all topics if `topics` is `None`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetadataRequest {
    /// Topics wanted, by name.
    pub topics: Option<Vec<String>>,
}

/// Answer to Metadata.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MetadataResponse {
    /// Brokers that are not fenced, in order of id.
    pub brokers: Vec<NodeId>,
    /// Topics asked for.
    pub topics: Vec<TopicMetadata>,
    /// Partitions of the topics found, in order of topic and index.
    pub partitions: Vec<PartitionMetadata>,
}

/// A topic of a metadata response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicMetadata {
    /// The error, or none.
    pub error: ErrorCode,
    /// The name.
    pub name: String,
    /// The id, [`TopicId::UNKNOWN`] with an error.
    pub id: TopicId,
    /// Whether Kafka made it for itself.
    pub internal: bool,
}

/// A partition of a metadata response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionMetadata {
    /// Its topic.
    pub topic: TopicId,
    /// Its number within the topic.
    pub index: u32,
    /// Its dense id.
    pub partition: PartitionId,
    /// `LEADER_NOT_AVAILABLE` or none.
    pub error: ErrorCode,
    /// The leader, if there is one.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub leader_epoch: LeaderEpoch,
    /// The assigned replicas, in order.
    pub replicas: Vec<NodeId>,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
    /// Replicas that are offline.
    pub offline: Vec<NodeId>,
}
