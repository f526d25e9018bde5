//! Records of the metadata log. Source: Kafka, `metadata/src/main/resources/common/metadata`.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::types::{
    BrokerEpoch, DirectoryId, GroupId, LeaderEpoch, NodeId, PartitionEpoch, PartitionId,
    ProducerId, RackId, TopicId,
};

/// A record of the metadata log. Brokers apply them in order, each from its own position.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum MetadataRecord {
    /// A finalized feature (KIP-584), at the head of the log.
    FeatureLevel {
        /// Kafka's name of it.
        feature: &'static str,
        /// The level.
        level: i16,
    },
    /// A new incarnation of a broker, fenced at first.
    RegisterBroker {
        /// The broker.
        broker: NodeId,
        /// Its epoch: the offset of this record.
        epoch: BrokerEpoch,
        /// The process.
        incarnation: u64,
        /// `broker.rack`.
        rack: Option<RackId>,
        /// Its log directories that are online (KIP-858); with none all its replicas are.
        directories: Vec<DirectoryId>,
    },
    /// Log directories of a broker failed (`BrokerRegistrationChangeRecord`, KIP-858).
    BrokerDirectories {
        /// The broker.
        broker: NodeId,
        /// Its epoch.
        epoch: BrokerEpoch,
        /// Those that are left.
        online: Vec<DirectoryId>,
    },
    /// A broker's standing changed.
    BrokerChange {
        /// The broker.
        broker: NodeId,
        /// Its epoch.
        epoch: BrokerEpoch,
        /// Fenced: it may not lead or join an ISR.
        fenced: bool,
        /// In controlled shutdown: it may not lead or join an ISR.
        in_controlled_shutdown: bool,
    },
    /// A new topic; its partitions follow.
    Topic {
        /// The id.
        topic: TopicId,
        /// The name.
        name: String,
        /// One of Kafka's own.
        internal: bool,
        /// Kafka's topic keys with their values.
        config: Vec<(String, String)>,
    },
    /// A new partition, or a change to one: always the whole state. Every broker of a cluster has
    /// all of them, so they share one.
    Partition(Arc<PartitionRecord>),
    /// A topic is gone.
    RemoveTopic {
        /// The id.
        topic: TopicId,
    },
    /// A topic's configuration changed.
    TopicConfig {
        /// The topic.
        topic: TopicId,
        /// The key.
        key: String,
        /// The value, `None` removes it.
        value: Option<String>,
    },
    /// The dynamic configuration of a broker, or of all, changed (KIP-226).
    BrokerConfig {
        /// The broker, `None` for all that have no value of their own.
        broker: Option<NodeId>,
        /// The key.
        key: String,
        /// The value, `None` removes it.
        value: Option<String>,
    },
    /// What a group has of its own changed (KIP-848).
    GroupConfig {
        /// The group, which need not be there.
        group: GroupId,
        /// The key.
        key: String,
        /// The value, `None` removes it.
        value: Option<String>,
    },
    /// A quota of clients changed.
    ClientQuota {
        /// The client, `None` for those without one of their own.
        client: Option<u32>,
        /// Which quota.
        quota: ClientQuota,
        /// The bound a second, `None` for none.
        value: Option<u64>,
    },
    /// Producer ids up to here are given away.
    ProducerIds {
        /// First id not given away.
        next: ProducerId,
    },
    /// A leader of the quorum begins its epoch (KIP-595, a control record). It changes no state.
    /// A controller that is alone writes none.
    LeaderChange {
        /// The leader.
        leader: NodeId,
    },
}

impl MetadataRecord {
    /// A partition's state as a record of the log.
    #[must_use]
    pub fn of_partition(state: PartitionRecord) -> Self {
        Self::Partition(Arc::new(state))
    }
}

/// The state at an offset of the metadata log, as records that amount to it (KIP-630).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetadataSnapshot {
    /// Everything before this offset is in it.
    pub end: u64,
    /// Epoch of the last record before that.
    pub epoch: LeaderEpoch,
    /// The records: fewer than the log had, each with the latest state of what it is about.
    pub records: Vec<MetadataRecord>,
}

/// The whole state of a partition.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PartitionRecord {
    /// The dense id.
    pub partition: PartitionId,
    /// The topic.
    pub topic: TopicId,
    /// Number within the topic.
    pub index: u32,
    /// Assigned replicas, preferred leader first.
    pub replicas: Vec<NodeId>,
    /// In-sync replicas.
    pub isr: Vec<NodeId>,
    /// Eligible leader replicas (KIP-966).
    pub eligible_leader_replicas: Vec<NodeId>,
    /// Last known eligible leader replicas (KIP-966).
    pub last_known_elr: Vec<NodeId>,
    /// The leader, if there is one.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub leader_epoch: LeaderEpoch,
    /// Version of this state.
    pub partition_epoch: PartitionEpoch,
    /// Elected uncleanly and not yet recovered.
    pub recovering: bool,
    /// Replicas that a reassignment adds (KIP-455); they are in `replicas` already.
    pub adding: Vec<NodeId>,
    /// Replicas that a reassignment will remove; they are in `replicas` still.
    pub removing: Vec<NodeId>,
    /// The log directory of each replica, in their order (KIP-858). Empty as long as each is in
    /// the one that its broker began with, which is how clusters without several of them stay.
    pub directories: Vec<DirectoryId>,
}

impl PartitionRecord {
    /// The log directory that holds the replica of a broker, as far as it is known.
    #[must_use]
    pub fn directory(&self, node: NodeId) -> DirectoryId {
        if self.directories.is_empty() {
            return DirectoryId::first(node);
        }
        let place = self.replicas.iter().position(|r| *r == node);
        place.map_or(DirectoryId::UNASSIGNED, |place| self.directories[place])
    }

    /// Whether both records name the same directories in the same order.
    #[must_use]
    pub fn same_directories(&self, other: &Self) -> bool {
        let named = |record: &Self| record.replicas.iter().map(|&r| record.directory(r)).collect();
        let (ours, others): (Vec<DirectoryId>, Vec<DirectoryId>) = (named(self), named(other));
        ours == others
    }
}

/// [`PartitionRecord::directories`] of replicas.
#[must_use]
pub fn directories_of(replicas: &[NodeId], of: impl Fn(NodeId) -> DirectoryId) -> Vec<DirectoryId> {
    if replicas.iter().all(|&r| of(r) == DirectoryId::first(r)) {
        return Vec::new();
    }
    replicas.iter().map(|&r| of(r)).collect()
}

/// What a client may be held to. Source: Kafka documentation, "Quotas".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ClientQuota {
    /// `producer_byte_rate`: bytes of Produce requests a second and broker.
    ProducerByteRate,
    /// `controller_mutation_rate`: partitions that are created a second.
    ControllerMutationRate,
    /// `consumer_byte_rate`: bytes of answers to Fetch a second and broker.
    ConsumerByteRate,
}
