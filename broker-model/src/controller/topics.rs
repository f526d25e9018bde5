//! Topics: creating, growing, deleting, configuring.

use alloc::string::String;
use alloc::vec::Vec;

use super::placement::place;
use super::{Controller, Decision};
use crate::config::{ConfigError, TopicConfig, fits_topic};
use crate::names::is_topic_name;
use crate::protocol::ErrorCode;
use crate::protocol::controller::{
    CreatePartitionsRequest, CreateTopicRequest, DeleteTopicRequest,
};
use crate::records::{MetadataRecord, PartitionRecord, directories_of};
use crate::types::{LeaderEpoch, NodeId, PartitionEpoch, PartitionId, Release, TopicId};

/// Kafka's most partitions that one request creates, and most records that one operation of a user
/// makes. Source: Kafka 4.1, `ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`,
/// `QuorumController.MAX_RECORDS_PER_USER_OP`; KAFKA-17870.
pub const RECORDS_MAX: usize = 10_000;
const MIN_ISR: &str = "min.insync.replicas";
/// Keys that 4.0 has no more.
const UNTIL_3_9: &[&str] = &[
    "message.downconversion.enable",
    "message.format.version",
    "message.timestamp.difference.max.ms",
];

impl Controller {
    /// The records of a new topic and its id, with Kafka's checks in Kafka's order: too many
    /// partitions are refused before anything is made of them, too many records at the end.
    pub(super) fn decide_create_topic(
        &self,
        request: CreateTopicRequest,
    ) -> Result<Decision<TopicId>, ErrorCode> {
        let count = match request.assignment.len() {
            0 => request.partitions as usize,
            given => given,
        };
        if count > RECORDS_MAX {
            return Err(ErrorCode::PolicyViolation);
        }
        if !is_topic_name(&request.name) || self.collides(&request.name) {
            return Err(ErrorCode::InvalidTopicException);
        }
        if self.image.topic_by_name(&request.name).is_some() {
            return Err(ErrorCode::TopicAlreadyExists);
        }
        let pairs = request.config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        check_config(self.config.release, pairs)?;
        let assignment = if request.assignment.is_empty() {
            self.choose(0, request.partitions, request.replication_factor)?
        } else {
            request.assignment
        };
        let topic = TopicId(dense(self.image.topic_count()));
        let partitions = self.new_partitions(topic, 0, &assignment)?;
        if 1 + request.config.len() + partitions.len() > RECORDS_MAX {
            return Err(ErrorCode::PolicyViolation);
        }
        let mut records = Vec::with_capacity(partitions.len() + 1);
        let CreateTopicRequest { name, internal, config, .. } = request;
        records.push(MetadataRecord::Topic { topic, name, internal, config });
        records.extend(partitions);
        Ok(Decision { records, answer: topic })
    }

    /// The records of more partitions, and the error that the answer has all the same: Kafka makes
    /// as many as an operation may, and calls what is beyond them an `UNKNOWN_SERVER_ERROR`.
    /// Source: Kafka 4.1, `ReplicationControlManager.createPartitions`, where the list of records is
    /// bounded and what was added to it before stays.
    pub(super) fn decide_create_partitions(
        &self,
        request: &CreatePartitionsRequest,
    ) -> Result<Decision<ErrorCode>, ErrorCode> {
        let topic = self.known_topic(&request.name)?;
        let existing =
            &self.image.topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?.partitions;
        let first = dense(existing.len());
        if request.count <= first {
            return Err(ErrorCode::InvalidPartitions);
        }
        let more = request.count - first;
        let factor =
            existing.first().and_then(|p| self.image.partition(*p)).map_or(0, |p| p.replicas.len());
        let made = more.min(dense(RECORDS_MAX));
        let mut assignment = if request.assignment.is_empty() {
            self.choose(first, made, dense(factor))?
        } else if request.assignment.len() == more as usize {
            request.assignment.clone()
        } else {
            return Err(ErrorCode::InvalidReplicaAssignment);
        };
        if assignment[0].len() != factor {
            return Err(ErrorCode::InvalidReplicaAssignment);
        }
        assignment.truncate(made as usize);
        let records = self.new_partitions(topic, first, &assignment)?;
        let whole = made == more;
        let answer = if whole { ErrorCode::None } else { ErrorCode::UnknownServerError };
        Ok(Decision { records, answer })
    }

    pub(super) fn decide_delete_topic(
        &self,
        request: &DeleteTopicRequest,
    ) -> Result<Decision<()>, ErrorCode> {
        let topic = self.known_topic(&request.name)?;
        let records = [MetadataRecord::RemoveTopic { topic }].into();
        Ok(Decision { records, answer: () })
    }

    /// A change of `min.insync.replicas` also clears the ELR of the topic's partitions: what
    /// made them eligible was the old minimum.
    pub(super) fn decide_topic_config(
        &self,
        name: &str,
        config: Vec<(String, Option<String>)>,
    ) -> Result<Decision<()>, ErrorCode> {
        let topic = self.known_topic(name)?;
        let known = self.image.topic(topic).map_or(&[][..], |t| &t.config);
        let stays = known.iter().filter(|(key, _)| config.iter().all(|(other, _)| other != key));
        let stays = stays.map(|(key, value)| (key.as_str(), value.as_str()));
        let new = config.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_deref()?)));
        check_config(self.config.release, stays.chain(new))?;
        let min_isr = config.iter().any(|(key, _)| key == MIN_ISR);
        let mut records: Vec<MetadataRecord> = config
            .into_iter()
            .map(|(key, value)| MetadataRecord::TopicConfig { topic, key, value })
            .collect();
        if min_isr {
            let eligible = self.image.partitions().filter(|p| {
                p.topic == topic
                    && !(p.eligible_leader_replicas.is_empty() && p.last_known_elr.is_empty())
            });
            records.extend(eligible.map(|p| {
                let mut new = p.clone();
                new.eligible_leader_replicas.clear();
                new.last_known_elr.clear();
                new.partition_epoch = p.partition_epoch.next();
                MetadataRecord::of_partition(new)
            }));
        }
        Ok(Decision { records, answer: () })
    }

    fn known_topic(&self, name: &str) -> Result<TopicId, ErrorCode> {
        self.image.topic_by_name(name).ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    /// Names that differ only in `.` against `_` give the same metric: Kafka refuses them.
    fn collides(&self, name: &str) -> bool {
        let same = |a: &str, b: &str| {
            a.len() == b.len()
                && a.bytes()
                    .zip(b.bytes())
                    .all(|(a, b)| a == b || (matches!(a, b'.' | b'_') && matches!(b, b'.' | b'_')))
        };
        name.contains(['.', '_'])
            && self.image.topics().any(|(_, t)| t.name != name && same(&t.name, name))
    }

    fn choose(&self, first: u32, count: u32, factor: u32) -> Result<Vec<Vec<NodeId>>, ErrorCode> {
        let factor_fits = factor >= 1 && factor as usize <= self.image.brokers().count();
        if !factor_fits {
            return Err(ErrorCode::InvalidReplicationFactor);
        }
        if count == 0 {
            return Err(ErrorCode::InvalidPartitions);
        }
        if !self.image.brokers().any(|(_, b)| b.is_active()) {
            return Err(ErrorCode::InvalidReplicationFactor);
        }
        let seed = if first == 0 { dense(self.image.partition_count()) } else { first };
        Ok(place(&self.image, seed, count, factor))
    }

    /// Partitions from index `first` on. The ISR starts with the replicas that are active.
    fn new_partitions(
        &self,
        topic: TopicId,
        first: u32,
        assignment: &[Vec<NodeId>],
    ) -> Result<Vec<MetadataRecord>, ErrorCode> {
        let mut records = Vec::with_capacity(assignment.len());
        let first_id = dense(self.image.partition_count());
        for (index, replicas) in (first..).zip(assignment) {
            let known = replicas.iter().all(|r| self.image.broker(*r).is_some());
            let twice = (1..replicas.len()).any(|i| replicas[..i].contains(&replicas[i]));
            let uneven = replicas.len() != assignment[0].len();
            let isr: Vec<NodeId> =
                replicas.iter().copied().filter(|r| self.image.is_active(*r)).collect();
            if !known || twice || uneven || isr.is_empty() {
                return Err(ErrorCode::InvalidReplicaAssignment);
            }
            let partition = PartitionRecord {
                partition: PartitionId(first_id + (index - first)),
                topic,
                index,
                replicas: replicas.clone(),
                leader: isr.first().copied(),
                isr,
                eligible_leader_replicas: Vec::new(),
                last_known_elr: Vec::new(),
                leader_epoch: LeaderEpoch(0),
                partition_epoch: PartitionEpoch(0),
                recovering: false,
                adding: Vec::new(),
                removing: Vec::new(),
                directories: directories_of(replicas, |r| self.default_directory(r)),
            };
            records.push(MetadataRecord::of_partition(partition));
        }
        Ok(records)
    }

    /// `min.insync.replicas` of a topic, not yet capped at a partition's replicas.
    #[must_use]
    pub fn min_isr(&self, topic: TopicId) -> usize {
        let own = self.image.topic_config(topic, MIN_ISR).and_then(|text| text.trim().parse().ok());
        own.unwrap_or(self.config.min_insync_replicas) as usize
    }

    /// `min.insync.replicas` of a topic, capped at the replicas that its first partition has.
    /// Source: Kafka, `ReplicationControlManager.getTopicEffectiveMinIsr`.
    pub(super) fn effective_min_isr(&self, topic: TopicId) -> usize {
        let first =
            self.image.topic(topic).and_then(|t| self.image.partition(*t.partitions.first()?));
        self.min_isr(topic).min(first.map_or(usize::MAX, |p| p.replicas.len()))
    }

    /// `unclean.leader.election.enable` of a topic.
    pub(super) fn unclean_election_enabled(&self, topic: TopicId) -> bool {
        let own: Option<&str> = self.image.topic_config(topic, "unclean.leader.election.enable");
        own.map_or(self.config.unclean_leader_election, |text| {
            text.trim().eq_ignore_ascii_case("true")
        })
    }
}

/// Kafka's answer to a key that does not exist, a value that does not fit, or values that do not
/// fit each other. Keys that the model does not read are judged as far as their bounds are known.
fn check_config<'a>(
    release: Release,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), ErrorCode> {
    let mut config = TopicConfig::default();
    for (key, value) in pairs {
        let good = match config.set(key, value) {
            Ok(()) => true,
            Err(ConfigError::NotModelled { .. }) => {
                fits_topic(key, value) && !(release >= Release::V4_0 && UNTIL_3_9.contains(&key))
            }
            Err(ConfigError::Unknown { .. } | ConfigError::Invalid { .. }) => false,
        };
        if !good {
            return Err(ErrorCode::InvalidConfig);
        }
    }
    if config.lags_fit() { Ok(()) } else { Err(ErrorCode::InvalidConfig) }
}

fn dense(n: usize) -> u32 {
    u32::try_from(n).expect("a cluster has fewer than 2^32 topics and partitions")
}
