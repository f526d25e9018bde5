//! The `producer` command, and the cluster it speaks of.

use broker_model::protocol::ErrorCode;
use broker_model::protocol::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use broker_model::protocol::produce::Acks;
use broker_model::records::Codec;
use broker_model::types::{LeaderEpoch, MILLISECOND, NodeId, PartitionId, TopicId};

use crate::client::producer::ProducerConfig;
use crate::dialogue::DialogueErrorKind;
use crate::dialogue::bounds::{CLIENT_BROKERS_MAX, CLIENT_PARTITIONS_MAX, at_most};

/// One partition of the scripted cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) topic: usize,
    pub(super) index: u32,
    pub(super) id: PartitionId,
    leader: Option<NodeId>,
    epoch: i32,
}

/// The scripted cluster as the brokers know it.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    pub(super) topics: Vec<String>,
    /// In order of topic and index.
    pub(super) partitions: Vec<Place>,
    pub(super) brokers: u32,
}

/// In what order the Java client lists the partitions of a topic of three: an accident of its
/// hashing that its sticky partitioner and its drain follow. Ids are given in that order.
const LISTED: [u32; 3] = [1, 0, 2];

impl Cluster {
    fn new(partitions: &str) -> Result<Self, DialogueErrorKind> {
        let mut cluster = Self::default();
        let mut first = 0;
        for (topic, spec) in partitions.split(',').enumerate() {
            let (name, count) = spec.split_once(':').ok_or(DialogueErrorKind::BadArgument)?;
            let count: u32 = parse(count)?;
            if count == 0 {
                return Err(DialogueErrorKind::UnknownPartition);
            }
            let all = u64::from(first) + u64::from(count);
            at_most("partitions", all, CLIENT_PARTITIONS_MAX)?;
            cluster.topics.push(name.to_owned());
            for index in 0..count {
                let listed = if count == 3 {
                    LISTED.iter().position(|&i| i == index).map_or(index, |at| at as u32)
                } else {
                    index
                };
                let id = PartitionId(first + listed);
                let leader = Some(NodeId(0));
                cluster.partitions.push(Place { topic, index, id, leader, epoch: 0 });
            }
            first += count;
        }
        Ok(cluster)
    }

    /// `leaders=1,0/7` for all partitions in order, or `t-0=1/7` for one.
    pub(super) fn change(&mut self, word: &str) -> Result<(), DialogueErrorKind> {
        let (what, value) = word.split_once('=').ok_or(DialogueErrorKind::BadArgument)?;
        if what == "leaders" {
            for (at, leader) in value.split(',').enumerate() {
                let place =
                    self.partitions.get_mut(at).ok_or(DialogueErrorKind::UnknownPartition)?;
                place.lead(leader)?;
            }
            return Ok(());
        }
        let id = self.find(what)?;
        let place = self.partitions.iter_mut().find(|p| p.id == id);
        place.ok_or(DialogueErrorKind::UnknownPartition)?.lead(value)
    }

    /// Where `t` or `t-0` sends: to a topic, and perhaps to one partition. A partition that the
    /// topic does not have is one that nobody knows.
    pub(super) fn target(
        &self,
        name: &str,
    ) -> Result<(usize, Option<PartitionId>), DialogueErrorKind> {
        let topic_of = |name: &str| self.topics.iter().position(|t| t == name);
        if let Some(topic) = topic_of(name) {
            return Ok((topic, None));
        }
        let unknown = || DialogueErrorKind::UnknownPartition;
        let (topic, index) = name.rsplit_once('-').ok_or_else(unknown)?;
        let topic = topic_of(topic).ok_or_else(unknown)?;
        index.parse::<u32>().map_err(|_| unknown())?;
        Ok((topic, Some(self.find(name).unwrap_or(PartitionId(u32::MAX)))))
    }

    /// The partition of a name like `t-0`.
    pub(super) fn find(&self, name: &str) -> Result<PartitionId, DialogueErrorKind> {
        let unknown = || DialogueErrorKind::UnknownPartition;
        let (topic, index) = name.rsplit_once('-').ok_or_else(unknown)?;
        let index: u32 = index.parse().map_err(|_| unknown())?;
        let found =
            self.partitions.iter().find(|p| self.topics[p.topic] == topic && p.index == index);
        found.map(|p| p.id).ok_or_else(unknown)
    }

    pub(super) fn name(&self, id: PartitionId) -> String {
        match self.partitions.iter().find(|p| p.id == id) {
            Some(place) => format!("{}-{}", self.topics[place.topic], place.index),
            None => "?".to_owned(),
        }
    }

    /// Where a partition stands when replies are sorted.
    pub(super) fn rank(&self, id: PartitionId) -> usize {
        self.partitions.iter().position(|p| p.id == id).unwrap_or(usize::MAX)
    }

    pub(super) fn metadata(&self) -> MetadataResponse {
        let topic_id = |at: usize| TopicId(u32::try_from(at).unwrap_or(u32::MAX));
        let replicas: Vec<NodeId> = (0..self.brokers).map(NodeId).collect();
        let topics = self.topics.iter().enumerate().map(|(at, name)| TopicMetadata {
            error: ErrorCode::None,
            name: name.clone(),
            id: topic_id(at),
            internal: false,
        });
        let partitions = self.partitions.iter().map(|p| PartitionMetadata {
            topic: topic_id(p.topic),
            index: p.index,
            partition: p.id,
            error: match p.leader {
                Some(_) => ErrorCode::None,
                None => ErrorCode::LeaderNotAvailable,
            },
            leader: p.leader,
            leader_epoch: LeaderEpoch(p.epoch),
            replicas: replicas.clone(),
            isr: replicas.clone(),
            offline: Vec::new(),
        });
        MetadataResponse {
            brokers: replicas.clone(),
            topics: topics.collect(),
            partitions: partitions.collect(),
        }
    }
}

impl Place {
    fn lead(&mut self, spec: &str) -> Result<(), DialogueErrorKind> {
        let (leader, epoch) = match spec.split_once('/') {
            Some((leader, epoch)) => (leader, Some(parse::<i32>(epoch)?)),
            None => (spec, None),
        };
        let leader = if leader == "-1" { None } else { Some(node_id(leader)?) };
        let raised = if leader == self.leader { self.epoch } else { self.epoch + 1 };
        self.epoch = epoch.unwrap_or(raised);
        self.leader = leader;
        Ok(())
    }
}

/// What a `producer` command says.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) config: ProducerConfig,
    pub(super) cluster: Cluster,
    pub(super) transactional_id: Option<String>,
    pub(super) connected: bool,
    /// `None` for a producer without a producer id.
    pub(super) producer_id: Option<i64>,
    pub(super) epoch: i16,
    pub(super) coordinator: u32,
    /// What compression is expected to leave of a byte at first, in millionths.
    pub(super) compression_ratio: Option<u32>,
}

impl Setup {
    pub(super) fn parse(words: &[&str]) -> Result<Self, DialogueErrorKind> {
        let get = |key: &str| words.iter().find_map(|w| w.strip_prefix(key)?.strip_prefix('='));
        let mut cluster = Cluster::new(get("partitions").unwrap_or("t:1"))?;
        if let Some(leaders) = get("leaders") {
            for (place, spec) in cluster.partitions.iter_mut().zip(leaders.split(',')) {
                place.lead(spec)?;
                if !spec.contains('/') {
                    place.epoch = 0;
                }
            }
        }
        let mut setup = Self {
            config: ProducerConfig::default(),
            cluster,
            transactional_id: None,
            connected: true,
            producer_id: Some(1),
            epoch: 0,
            coordinator: 0,
            compression_ratio: None,
        };
        // The oracle wires its clients with an idempotent producer unless told otherwise.
        setup.config.enable_idempotence = Some(true);
        setup.config.transaction_version = 2;
        for word in words {
            let (key, value) = word.split_once('=').ok_or(DialogueErrorKind::BadArgument)?;
            setup.set(key, value)?;
        }
        let named = setup.cluster.partitions.iter().filter_map(|p| p.leader).map(|n| n.0 + 1);
        let needed = named.max().unwrap_or(1).max(setup.coordinator + 1);
        setup.cluster.brokers = setup.cluster.brokers.max(needed);
        setup.config.bootstrap_servers = (0..setup.cluster.brokers).map(NodeId).collect();
        Ok(setup)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), DialogueErrorKind> {
        let config = &mut self.config;
        match key {
            "partitions" | "leaders" | "metadata.max.idle" => {}
            "brokers" => self.cluster.brokers = brokers(parse(value)?)?,
            "txn" => self.transactional_id = Some(value.to_owned()),
            "connected" => self.connected = value == "true",
            "pid" if value == "none" => self.producer_id = None,
            "pid" => self.producer_id = Some(parse(value)?),
            "epoch" => self.epoch = parse(value)?,
            "coordinator" => self.coordinator = node_id(value)?.0,
            "idempotence" => config.enable_idempotence = Some(value == "true"),
            "acks" => {
                config.acks = match value {
                    "0" => Acks::None,
                    "1" => Acks::Leader,
                    _ => Acks::All,
                }
            }
            "linger" => config.linger = millis(value)?,
            "batch.size" => config.batch_size = parse(value)?,
            "max.in.flight" => config.max_in_flight = parse(value)?,
            "retries" => config.retries = parse(value)?,
            "delivery.timeout" => config.delivery_timeout = millis(value)?,
            "request.timeout" => config.request_timeout = millis(value)?,
            "retry.backoff" => config.retry_backoff.initial = millis(value)?,
            "retry.backoff.max" => config.retry_backoff.max = millis(value)?,
            "reconnect.backoff" => config.reconnect_backoff.initial = millis(value)?,
            "reconnect.backoff.max" => config.reconnect_backoff.max = millis(value)?,
            "buffer.memory" => config.buffer_memory = parse(value)?,
            "max.block" => config.max_block = millis(value)?,
            "max.request.size" => config.max_request_size = parse(value)?,
            "compression" => {
                config.compression = Codec::named(value).ok_or(DialogueErrorKind::BadArgument)?;
            }
            "compression.ratio" => self.compression_ratio = Some(millionths(value)?),
            "adaptive" => config.adaptive_partitioning = value == "true",
            "availability.timeout" => config.availability_timeout = millis(value)?,
            "metadata.max.age" => config.metadata_max_age = millis(value)?,
            "transaction.version" => config.transaction_version = parse(value)?,
            "txn.timeout" => config.transaction_timeout = millis(value)?,
            _ => return Err(DialogueErrorKind::NotModelled),
        }
        Ok(())
    }
}

fn brokers(count: u32) -> Result<u32, DialogueErrorKind> {
    at_most("brokers", count, CLIENT_BROKERS_MAX)
}

/// A broker's number, from 0.
pub(super) fn node_id(word: &str) -> Result<NodeId, DialogueErrorKind> {
    let node: u32 = parse(word)?;
    brokers(node.saturating_add(1)).map(|_| NodeId(node))
}

pub(super) fn parse<T: core::str::FromStr>(word: &str) -> Result<T, DialogueErrorKind> {
    word.parse().map_err(|_| DialogueErrorKind::BadArgument)
}

/// `0.5` in millionths; at most 9.
fn millionths(word: &str) -> Result<u32, DialogueErrorKind> {
    let (whole, rest) = word.split_once('.').unwrap_or((word, ""));
    if rest.len() > 6 || whole.len() != 1 {
        return Err(DialogueErrorKind::BadArgument);
    }
    parse(&format!("{whole}{rest:0<6}"))
}

/// `5`, `5ms` or `2s` in nanoseconds.
pub(super) fn millis(word: &str) -> Result<u64, DialogueErrorKind> {
    let (number, unit) = if let Some(n) = word.strip_suffix("ms") {
        (n, MILLISECOND)
    } else if let Some(n) = word.strip_suffix('s') {
        (n, 1_000 * MILLISECOND)
    } else {
        (word, MILLISECOND)
    };
    Ok(parse::<u64>(number)?.saturating_mul(unit))
}
