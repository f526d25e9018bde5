//! Partitions by name, and the node that a command asks.

use broker_model::names::{Address, AddressedTopic};
use broker_model::protocol::ErrorCode;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::types::{NodeId, PartitionId, SECOND, TopicId};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::pump::Cluster;
use super::reply;
use super::session::{Session, Target};

impl Session {
    /// `t-0`: topic and index.
    pub(super) fn topic_and_index<'t>(
        &self,
        text: &'t str,
    ) -> Result<(&'t str, u32), DialogueErrorKind> {
        let (topic, index) = text
            .rsplit_once('-')
            .ok_or_else(|| DialogueErrorKind::syntax(format!("`{text}` is no partition")))?;
        Ok((topic, args::parse(index)?))
    }

    /// The partition of a name, [`PartitionId::UNKNOWN`] if there is none (any more).
    pub(super) fn partition(&self, text: &str) -> Result<PartitionId, DialogueErrorKind> {
        let (topic, index) = self.topic_and_index(text)?;
        let image = self.cluster.controller().image();
        let found = image.topic_by_name(topic).and_then(|t| image.partition_of(t, index));
        Ok(found.map_or(PartitionId::UNKNOWN, |p| p.partition))
    }

    /// `at=N`, else any running node.
    pub(super) fn any_node(&self, args: &Args) -> Result<NodeId, DialogueErrorKind> {
        let first = self.cluster.running().next().map_or(1, |n| n.0);
        Ok(NodeId(args.number("at", first)?))
    }

    /// `at=N`, else the leader, waited for; any node if there is no such partition.
    pub(super) fn leader(
        &mut self,
        args: &Args,
        partition: PartitionId,
    ) -> Result<NodeId, DialogueErrorKind> {
        let known = self.cluster.controller().image().partition(partition).is_some();
        if args.has("at") || !known {
            return self.any_node(args);
        }
        let found = |cluster: &mut Cluster| cluster.agreed_leader(partition).is_some();
        self.cluster.advance_until(20 * SECOND, found);
        let leader = self.cluster.agreed_leader(partition);
        leader.ok_or_else(|| DialogueErrorKind::syntax("the partition has no leader"))
    }

    /// `at=N`, else the coordinator.
    pub(super) fn coordinator_target(
        &self,
        args: &Args,
        key: CoordinatorKey,
    ) -> Result<Target, DialogueErrorKind> {
        Ok(match args.get("at") {
            Some(node) => Target::Node(NodeId(args::parse(node)?)),
            None => Target::Coordinator(key),
        })
    }

    /// The node that coordinates, waited for.
    pub(super) fn coordinator(&mut self, key: CoordinatorKey) -> Result<NodeId, DialogueErrorKind> {
        let partition = self.partition(match key {
            CoordinatorKey::Group(_) => "__consumer_offsets-0",
            CoordinatorKey::Transaction(_) => "__transaction_state-0",
        })?;
        let found = |cluster: &Cluster| {
            let node = cluster.running().next()?;
            let leader = cluster.broker(node)?.image().partition(partition)?.leader?;
            cluster.running().find(|n| *n == leader)
        };
        self.cluster.advance_until(20 * SECOND, |cluster| found(cluster).is_some());
        found(&self.cluster).ok_or_else(|| DialogueErrorKind::syntax("there is no coordinator"))
    }
}

impl Session {
    /// How a client names a partition in a fetch: by id where its topic has one.
    pub(super) fn address(
        &mut self,
        name: &str,
        by_id: bool,
    ) -> Result<PartitionId, DialogueErrorKind> {
        let (topic, index) = self.topic_and_index(name)?;
        let image = self.cluster.controller().image();
        let found = image.topic_by_name(topic);
        let known = found.and_then(|t| image.partition_of(t, index));
        if let Some(partition) = known.filter(|_| by_id) {
            return Ok(partition.partition);
        }
        let topic = match found.filter(|_| by_id) {
            Some(id) => AddressedTopic::Id(id),
            None if by_id => AddressedTopic::Unknown(topic.to_string()),
            None => AddressedTopic::Name(topic.to_string()),
        };
        Ok(self.cluster.names.address(Address { topic, index }))
    }

    /// A partition under an id that no topic has any more.
    pub(super) fn unknown_address(&mut self, name: &str) -> Result<PartitionId, DialogueErrorKind> {
        let (topic, index) = self.topic_and_index(name)?;
        let topic = AddressedTopic::Unknown(topic.to_string());
        Ok(self.cluster.names.address(Address { topic, index }))
    }

    /// A partition as a reply names it: a topic that is gone by its id.
    pub(super) fn shown_partition(&self, partition: PartitionId) -> String {
        let image = self.cluster.controller().image();
        let by_id = |id: TopicId, index| {
            let name = image.topic(id).filter(|t| !t.removed).map(|t| t.name.clone());
            format!("{}-{index}", name.unwrap_or_else(|| reply::topic_id(id)))
        };
        match self.cluster.names.addressed(partition) {
            Some(Address { topic: AddressedTopic::Id(id), index }) => by_id(*id, *index),
            Some(Address {
                topic: AddressedTopic::Name(name) | AddressedTopic::Unknown(name),
                index,
            }) => format!("{name}-{index}"),
            None => {
                let record = self.cluster.partition_record(partition);
                record.map_or_else(|| "?".to_string(), |p| by_id(p.topic, p.index))
            }
        }
    }
}

/// The partition that a name or `topic-id=` gives, and the error the wire layer has for it.
pub(super) fn addressed(
    session: &Session,
    args: &Args,
    name: &str,
    by_id: bool,
) -> Result<(PartitionId, Option<ErrorCode>), DialogueErrorKind> {
    let image = session.cluster.controller().image();
    let (topic, index) = session.topic_and_index(name)?;
    let found = match args.get("topic-id") {
        Some(id) => {
            let id = TopicId(args::parse(id)?);
            image.topic(id).filter(|t| !t.removed).map(|_| id)
        }
        None => image.topic_by_name(topic),
    };
    let partition = found.and_then(|t| image.partition_of(t, index)).map(|p| p.partition);
    let unknown = by_id && found.is_none();
    Ok((partition.unwrap_or(PartitionId::UNKNOWN), unknown.then_some(ErrorCode::UnknownTopicId)))
}
