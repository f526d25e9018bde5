//! Ids with their names.

use std::fmt;

use broker_model::metadata::Image;
use broker_model::names::Names;
use broker_model::protocol::ErrorCode;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::records::{Batches, Content};
use broker_model::types::{
    BatchId, GroupId, LeaderEpoch, MemberId, NodeId, PartitionId, TopicId, TransactionalId,
};

/// At most this many entries of a list are told.
const TOLD: usize = 4;

/// What is needed to call things by their names.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) names: &'a Names,
    pub(super) batches: &'a Batches,
    /// The controller's metadata, which names topics.
    pub(super) image: Option<&'a Image>,
}

impl Words<'_> {
    pub(super) fn topic(&self, id: TopicId) -> String {
        let topic = self.image.and_then(|image| image.topic(id));
        topic.map_or_else(|| format!("topic #{id}"), |topic| topic.name.clone())
    }

    /// `orders/3`.
    pub(super) fn partition(&self, id: PartitionId) -> String {
        match self.image.and_then(|image| image.partition(id)) {
            Some(record) => format!("{}/{}", self.topic(record.topic), record.index),
            None => format!("partition #{id}"),
        }
    }

    pub(super) fn partitions(&self, ids: &[PartitionId]) -> String {
        list(ids.iter().map(|&id| self.partition(id)))
    }

    pub(super) fn group(&self, id: GroupId) -> String {
        format!("group {}", self.names.group_name(id))
    }

    pub(super) fn transaction(&self, id: TransactionalId) -> String {
        format!("transactional id {}", self.names.transactional_id_name(id))
    }

    /// Partitions with their errors, those without one by name alone.
    pub(super) fn errors(&self, partitions: &[(PartitionId, ErrorCode)]) -> String {
        list(partitions.iter().map(|&(id, code)| format!("{}{}", self.partition(id), error(code))))
    }

    /// What a batch holds.
    pub(super) fn batch(&self, id: BatchId) -> String {
        let batch = self.batches.get(id);
        let what = match batch.content {
            Content::Records { .. } => counted(batch.count, "record"),
            Content::Marker { commit: true, .. } => "commit marker".to_owned(),
            Content::Marker { commit: false, .. } => "abort marker".to_owned(),
            Content::Group { .. } => counted(batch.count, "group record"),
            Content::Transaction { .. } => counted(batch.count, "transaction record"),
        };
        let mut text = format!("{what}, {} B", batch.bytes);
        if batch.producer_id.is_some() {
            let (id, epoch) = (batch.producer_id, batch.producer_epoch);
            text += &format!(", {}", producer(ProducerIdAndEpoch { id, epoch }));
        }
        if batch.base_sequence >= 0 {
            text += &format!(" sequence {}", batch.base_sequence);
        }
        if batch.transactional && !batch.control {
            text += ", transactional";
        }
        text
    }
}

/// The first few of a list, and how many more there are.
pub(super) fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    let told: Vec<String> = items.take(TOLD).collect();
    match count {
        0 => "nothing".to_owned(),
        n if n > TOLD => format!("{} and {} more", told.join(", "), n - TOLD),
        _ => told.join(", "),
    }
}

/// `1 record`, `2 records`.
pub(crate) fn counted<N: fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// ` ERROR_CODE`, or nothing without an error.
pub(super) fn error(code: ErrorCode) -> String {
    if code == ErrorCode::None { String::new() } else { format!(" {}", code.name()) }
}

pub(super) fn producer(producer: ProducerIdAndEpoch) -> String {
    format!("producer {} epoch {}", producer.id, producer.epoch)
}

pub(super) fn member(id: MemberId) -> String {
    if id == MemberId(0) { "a new member".to_owned() } else { format!("member {id}") }
}

pub(super) fn nodes(ids: &[NodeId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("[{}]", ids.join(", "))
}

pub(super) fn leader(id: Option<NodeId>) -> String {
    id.map_or_else(|| "nobody".to_owned(), |id| format!("broker {id}"))
}

/// ` (leader is broker 2 in epoch 5)`, or nothing.
pub(super) fn current_leader(leader: Option<(NodeId, LeaderEpoch)>) -> String {
    leader.map_or_else(String::new, |(node, epoch)| {
        format!(" (leader is broker {node} in epoch {epoch})")
    })
}
