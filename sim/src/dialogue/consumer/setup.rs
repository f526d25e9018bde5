//! The cluster and the settings of a dialogue with a consumer.

use broker_model::protocol::ErrorCode;
use broker_model::protocol::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use broker_model::types::{LeaderEpoch, NodeId, PartitionId, TopicId};

use crate::client::consumer::ConsumerConfig;
use crate::dialogue::DialogueErrorKind;
use crate::dialogue::bounds::{CLIENT_BROKERS_MAX, CLIENT_PARTITIONS_MAX, at_most};

/// Topics with their partitions, each with its leader and leader epoch.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) topics: Vec<(String, u32)>,
    pub(super) leaders: Vec<(u32, i32)>,
    pub(super) brokers: u32,
}

impl Cluster {
    /// `t-0`: a partition by name.
    pub(super) fn partition(&self, name: &str) -> Result<PartitionId, DialogueErrorKind> {
        let (topic, index) = name.rsplit_once('-').ok_or(DialogueErrorKind::BadArgument)?;
        let index: u32 = number(index)?;
        let mut first = 0;
        for (known, count) in &self.topics {
            if known == topic && index < *count {
                return Ok(PartitionId(first + index));
            }
            first += count;
        }
        Err(DialogueErrorKind::UnknownPartition)
    }

    fn place(&self, partition: PartitionId) -> (usize, u32) {
        let mut first = 0;
        for (at, (_, count)) in self.topics.iter().enumerate() {
            if partition.0 < first + count {
                return (at, partition.0 - first);
            }
            first += count;
        }
        (self.topics.len(), 0)
    }

    pub(super) fn topic_of(&self, partition: PartitionId) -> &str {
        self.topics.get(self.place(partition).0).map_or("?", |(name, _)| name)
    }

    pub(super) fn name(&self, partition: PartitionId) -> String {
        format!("{}-{}", self.topic_of(partition), self.place(partition).1)
    }

    pub(super) fn names(&self, partitions: &[PartitionId], separator: &str) -> String {
        let names: Vec<String> = partitions.iter().map(|&p| self.name(p)).collect();
        names.join(separator)
    }

    /// `0/5,1`: the leaders of all partitions; one is that of all.
    pub(super) fn set_leaders(&mut self, word: &str) -> Result<(), DialogueErrorKind> {
        let all: u32 = self.topics.iter().map(|(_, count)| count).sum();
        let mut leaders = Vec::new();
        for item in word.split(',') {
            let (node, epoch) = match item.split_once('/') {
                Some((node, epoch)) => (node_id(node)?, number(epoch)?),
                // Unless told, the epoch is the number of the node.
                None => (node_id(item)?, number(item)?),
            };
            leaders.push((node, epoch));
        }
        while leaders.len() < all as usize {
            let &last = leaders.last().ok_or(DialogueErrorKind::BadArgument)?;
            leaders.push(last);
        }
        self.leaders = leaders;
        Ok(())
    }

    pub(super) fn metadata(&self) -> MetadataResponse {
        let mut partitions = Vec::new();
        let mut topics = Vec::new();
        let mut dense = 0;
        for (at, (name, count)) in self.topics.iter().enumerate() {
            let id = TopicId(u32::try_from(at).expect("few topics"));
            let (error, internal) = (ErrorCode::None, false);
            topics.push(TopicMetadata { error, name: name.clone(), id, internal });
            for index in 0..*count {
                let (node, epoch) = self.leaders[dense];
                partitions.push(PartitionMetadata {
                    topic: id,
                    index,
                    partition: PartitionId(u32::try_from(dense).expect("few partitions")),
                    error,
                    leader: Some(NodeId(node)),
                    leader_epoch: LeaderEpoch(epoch),
                    replicas: vec![NodeId(node)],
                    isr: vec![NodeId(node)],
                    offline: vec![],
                });
                dense += 1;
            }
        }
        MetadataResponse { brokers: (0..self.brokers).map(NodeId).collect(), topics, partitions }
    }
}

/// What the line `consumer ...` says.
pub(super) struct Setup {
    pub(super) config: ConsumerConfig,
    pub(super) cluster: Cluster,
    pub(super) group: Option<String>,
    pub(super) manual_metadata: bool,
}

impl Setup {
    pub(super) fn parse(words: &[&str]) -> Result<Self, DialogueErrorKind> {
        let mut config = ConsumerConfig::default();
        config.reconnect_backoff.max = config.reconnect_backoff.initial;
        let mut setup = Self {
            config,
            cluster: Cluster { topics: vec![("t".to_owned(), 1)], leaders: vec![], brokers: 1 },
            group: Some("g".to_owned()),
            manual_metadata: false,
        };
        for (key, value) in
            [("enable.auto.commit", "false"), ("partition.assignment.strategy", "range")]
        {
            setup.set(key, value)?;
        }
        let mut leaders = "0";
        for word in words {
            let (key, value) = word.split_once('=').ok_or(DialogueErrorKind::BadArgument)?;
            match key {
                "partitions" => setup.cluster.topics = topics(value)?,
                "brokers" => setup.cluster.brokers = brokers(number(value)?)?,
                "leaders" => leaders = value,
                "group" => setup.group = (value != "none").then(|| value.to_owned()),
                "metadata" => setup.manual_metadata = value == "manual",
                _ => setup.set(long_key(key), value)?,
            }
        }
        setup.cluster.set_leaders(leaders)?;
        let highest = setup.cluster.leaders.iter().map(|l| l.0 + 1).max().unwrap_or(1);
        setup.cluster.brokers = setup.cluster.brokers.max(highest);
        Ok(setup)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), DialogueErrorKind> {
        self.config.set(key, value).map_err(|_| DialogueErrorKind::BadArgument)
    }
}

/// The dialogues shorten Kafka's keys.
fn long_key(key: &str) -> &str {
    match key {
        "reset" => "auto.offset.reset",
        "auto.commit" => "enable.auto.commit",
        "auto.commit.interval" => "auto.commit.interval.ms",
        "isolation" => "isolation.level",
        "heartbeat.interval" => "heartbeat.interval.ms",
        "session.timeout" => "session.timeout.ms",
        "max.poll.interval" => "max.poll.interval.ms",
        "request.timeout" => "request.timeout.ms",
        "instance" => "group.instance.id",
        "assignor" => "partition.assignment.strategy",
        _ => key,
    }
}

/// `t:3,u:1`: topics with their partition counts.
fn topics(value: &str) -> Result<Vec<(String, u32)>, DialogueErrorKind> {
    let topic = |item: &str| {
        let (name, count) = item.split_once(':').ok_or(DialogueErrorKind::BadArgument)?;
        Ok((name.to_owned(), number(count)?))
    };
    let topics: Vec<(String, u32)> = value.split(',').map(topic).collect::<Result<_, _>>()?;
    let all: u64 = topics.iter().map(|(_, count)| u64::from(*count)).sum();
    at_most("partitions", all, CLIENT_PARTITIONS_MAX).map(|_| topics)
}

fn brokers(count: u32) -> Result<u32, DialogueErrorKind> {
    at_most("brokers", count, CLIENT_BROKERS_MAX)
}

/// A broker's number, from 0.
pub(super) fn node_id(word: &str) -> Result<u32, DialogueErrorKind> {
    let node: u32 = number(word)?;
    brokers(node.saturating_add(1)).map(|_| node)
}

/// A number in a word.
pub(super) fn number<T: core::str::FromStr>(word: &str) -> Result<T, DialogueErrorKind> {
    word.parse().map_err(|_| DialogueErrorKind::BadArgument)
}
