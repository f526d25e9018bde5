//! Metadata and `FindCoordinator`, from the broker's own image of the cluster: a prefix of the
//! controller's log that may lag.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Broker;
use super::calls::Call;
use crate::config::BrokerConfig;
use crate::io::{Context, Token};
use crate::names::is_topic_name;
use crate::protocol::controller::CreateTopicRequest;
use crate::protocol::coordinator::{
    CoordinatorKey, FindCoordinatorRequest, FindCoordinatorResponse,
};
use crate::protocol::metadata::{
    MetadataRequest, MetadataResponse, PartitionMetadata, TopicMetadata,
};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{LeaderEpoch, NodeId, PartitionId, TopicId};

/// Kafka's topic of committed offsets.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Kafka's topic of transactions.
pub const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// What a broker asks the controller to create when it first needs the offsets topic or the
/// transaction log (`AutoTopicCreationManager`).
#[must_use]
pub fn internal_topic(config: &BrokerConfig, transactions: bool) -> CreateTopicRequest {
    let (name, partitions, factor, segment, min_isr) = if transactions {
        (
            TRANSACTIONS_TOPIC,
            config.transaction_state_log_num_partitions,
            config.transaction_state_log_replication_factor,
            config.transaction_state_log_segment_bytes,
            Some(config.transaction_state_log_min_isr),
        )
    } else {
        (
            OFFSETS_TOPIC,
            config.offsets_topic_num_partitions,
            config.offsets_topic_replication_factor,
            config.offsets_topic_segment_bytes,
            None,
        )
    };
    let pair = |key: &str, value: String| (key.to_string(), value);
    let mut pairs = Vec::from([
        pair("cleanup.policy", "compact".to_string()),
        pair("segment.bytes", segment.to_string()),
    ]);
    pairs.extend(min_isr.map(|min| pair("min.insync.replicas", min.to_string())));
    CreateTopicRequest {
        name: name.to_string(),
        partitions,
        replication_factor: factor,
        assignment: Vec::new(),
        config: pairs,
        internal: true,
    }
}

/// What Metadata says of a topic that is not there: that there could not be such a topic, if
/// its name breaks the rules. Source: Kafka, `KafkaApis.getTopicMetadata`.
fn unknown_topic(name: &str) -> ErrorCode {
    if is_topic_name(name) {
        ErrorCode::UnknownTopicOrPartition
    } else {
        ErrorCode::InvalidTopicException
    }
}

/// Answers of this state of the metadata, each kept once: thousands of clients ask the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    at: u64,
    answers: Vec<(MetadataRequest, Rc<MetadataResponse>)>,
}

impl Told {
    /// More questions than this are answered anew each time.
    const MAX: usize = 16;

    /// The answer to a question of which there was one at this end of the metadata.
    fn find(&mut self, end: u64, request: &MetadataRequest) -> Option<Rc<MetadataResponse>> {
        if self.at != end {
            self.at = end;
            self.answers.clear();
        }
        let (_, answer) = self.answers.iter().find(|(asked, _)| asked == request)?;
        Some(Rc::clone(answer))
    }

    fn keep(&mut self, request: MetadataRequest, answer: Rc<MetadataResponse>) {
        if self.answers.len() < Self::MAX {
            self.answers.push((request, answer));
        }
    }
}

impl Broker {
    /// The leader and epoch as this broker knows them (KIP-951), the leader
    /// [`NodeId::NONE`] if there is none now.
    pub(super) fn known_leader(&self, partition: PartitionId) -> Option<(NodeId, LeaderEpoch)> {
        let record = self.image.partition(partition)?;
        Some((record.leader.unwrap_or(NodeId::NONE), record.leader_epoch))
    }

    /// Whether a partition is one of the coordinators' logs: no client writes or deletes there.
    /// Source: Kafka, `ReplicaManager.appendToLocalLog` and `deleteRecordsOnLocalLog`.
    pub(super) fn is_internal(&self, partition: PartitionId) -> bool {
        let topic = self.image.partition(partition).and_then(|p| self.image.topic(p.topic));
        topic.is_some_and(|topic| topic.internal)
    }

    pub(super) fn client_metadata(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: &MetadataRequest,
    ) {
        let answer = match self.told.find(self.image.end(), request) {
            Some(answer) => answer,
            None => {
                let answer = Rc::new(self.metadata_for(request));
                self.told.keep(request.clone(), Rc::clone(&answer));
                answer
            }
        };
        cx.reply(token, Response::Metadata(answer));
    }

    fn metadata_for(&self, request: &MetadataRequest) -> MetadataResponse {
        let mut response = MetadataResponse::default();
        response.brokers.extend(self.image.brokers().filter(|(_, b)| !b.fenced).map(|(id, _)| id));
        match &request.topics {
            None => {
                let all: Vec<TopicId> = self.image.topics().map(|(id, _)| id).collect();
                for topic in all {
                    self.describe_topic(topic, &mut response);
                }
            }
            Some(names) => {
                for name in names {
                    match self.image.topic_by_name(name) {
                        Some(topic) => self.describe_topic(topic, &mut response),
                        None => response.topics.push(TopicMetadata {
                            error: unknown_topic(name),
                            name: name.clone(),
                            id: TopicId::UNKNOWN,
                            internal: false,
                        }),
                    }
                }
            }
        }
        response
    }

    fn describe_topic(&self, topic: TopicId, response: &mut MetadataResponse) {
        let Some(described) = self.image.topic(topic) else { return };
        response.topics.push(TopicMetadata {
            error: ErrorCode::None,
            name: described.name.clone(),
            id: topic,
            internal: described.internal,
        });
        for &partition in &described.partitions {
            let Some(record) = self.image.partition(partition) else { continue };
            let alive = |node: NodeId| self.image.broker(node).is_some_and(|b| !b.fenced);
            let leader = record.leader.filter(|&l| alive(l));
            let error =
                if leader.is_some() { ErrorCode::None } else { ErrorCode::LeaderNotAvailable };
            response.partitions.push(PartitionMetadata {
                topic,
                index: record.index,
                partition,
                error,
                leader,
                leader_epoch: record.leader_epoch,
                replicas: record.replicas.clone(),
                isr: record.isr.clone(),
                offline: self.image.offline_replicas(record).collect(),
            });
        }
    }

    pub(super) fn find_coordinator(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: FindCoordinatorRequest,
    ) {
        let partition = self.coordinator_partition(cx, request.key);
        if partition.is_none() {
            self.create_internal_topic(cx, matches!(request.key, CoordinatorKey::Transaction(_)));
        }
        let node = partition
            .and_then(|p| self.image.partition(p)?.leader)
            .filter(|&leader| self.image.broker(leader).is_some_and(|b| !b.fenced));
        let error =
            if node.is_some() { ErrorCode::None } else { ErrorCode::CoordinatorNotAvailable };
        cx.reply(token, Response::FindCoordinator(FindCoordinatorResponse { error, node }));
    }

    /// The partition of the internal topic that holds a key, if the topic exists.
    pub(super) fn coordinator_partition(
        &self,
        cx: &Context<'_>,
        key: CoordinatorKey,
    ) -> Option<PartitionId> {
        let name = match key {
            CoordinatorKey::Group(_) => OFFSETS_TOPIC,
            CoordinatorKey::Transaction(_) => TRANSACTIONS_TOPIC,
        };
        let topic = self.image.topic(self.image.topic_by_name(name)?)?;
        let count = u32::try_from(topic.partitions.len()).ok().filter(|&n| n > 0)?;
        let index = match key {
            CoordinatorKey::Group(group) => cx.names.group_partition(group, count),
            CoordinatorKey::Transaction(id) => cx.names.transaction_partition(id, count),
        };
        topic.partitions.get(index as usize).copied()
    }

    /// Asks the controller for an internal topic, as Kafka does when one is first needed.
    fn create_internal_topic(&mut self, cx: &mut Context<'_>, transactions: bool) {
        let asked = &mut self.coordinators.creating[usize::from(transactions)];
        let Some(controller) = self.life.controller().filter(|_| !*asked) else { return };
        *asked = true;
        let request = internal_topic(&self.config, transactions);
        let call = Call::CreateTopic { transactions };
        self.calls.send(cx, controller, call, Request::CreateTopics(request));
    }

    pub(super) fn internal_topic_created(&mut self, transactions: bool) {
        self.coordinators.creating[usize::from(transactions)] = false;
    }
}
