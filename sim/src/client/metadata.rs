//! A client's view of the cluster: topics, partitions, leaders, and when to ask again.
//!
//! Semantics of the Java client's `Metadata`: leader epochs never go back, a refresh is due when
//! someone asked for one or `metadata.max.age.ms` has passed, and never sooner than a backoff
//! after the last answer. Answers that teach nothing make that backoff grow.

use broker_model::protocol::ErrorCode;
use broker_model::protocol::metadata::{MetadataRequest, MetadataResponse, PartitionMetadata};
use broker_model::types::{Duration, Instant, LeaderEpoch, NodeId, PartitionId, TopicId};

use super::backoff::Backoff;
use crate::prng::mix;

/// When a client refreshes its metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetadataConfig {
    /// `retry.backoff.ms` and `retry.backoff.max.ms`.
    pub backoff: Backoff,
    /// `metadata.max.age.ms` in nanoseconds.
    pub max_age: Duration,
    /// Seed of the backoff's jitter, `None` for none.
    pub jitter_seed: Option<u64>,
}

/// A topic the client wants or was told of.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Topic {
    name: String,
    id: Option<TopicId>,
    error: ErrorCode,
}

/// A partition as the client knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownPartition {
    /// Its topic.
    pub topic: TopicId,
    /// Its number within the topic.
    pub index: u32,
    /// The leader, if there is one.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub leader_epoch: LeaderEpoch,
}

/// The metadata cache of one client.
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    config: MetadataConfig,
    brokers: Vec<NodeId>,
    wanted: Vec<Topic>,
    all_topics: bool,
    partitions: Vec<Option<KnownPartition>>,
    by_topic: Vec<Vec<PartitionId>>,
    last_refresh: Option<Instant>,
    last_success: Option<Instant>,
    allowed_at: Instant,
    wanted_now: bool,
    new_topics: bool,
    in_flight: bool,
    failures: u32,
    equivalent_answers: u32,
    draws: u64,
    version: u32,
}

impl ClientMetadata {
    /// Knows nothing but the brokers of `bootstrap.servers`; a first request is due at once.
    #[must_use]
    pub fn new(config: MetadataConfig, bootstrap: &[NodeId]) -> Self {
        Self {
            config,
            brokers: bootstrap.to_vec(),
            wanted: Vec::new(),
            all_topics: false,
            partitions: Vec::new(),
            by_topic: Vec::new(),
            last_refresh: None,
            last_success: None,
            allowed_at: Instant(0),
            wanted_now: true,
            new_topics: false,
            in_flight: false,
            failures: 0,
            equivalent_answers: 0,
            draws: 0,
            version: 0,
        }
    }

    /// Adds a topic to those asked for. A new one is asked for without any backoff.
    pub fn want(&mut self, name: &str) {
        if self.wanted.iter().any(|t| t.name == name) {
            return;
        }
        self.wanted.push(Topic { name: name.to_owned(), id: None, error: ErrorCode::None });
        self.new_topics = true;
        self.equivalent_answers = 0;
        self.allowed_at = Instant(0);
    }

    /// Someone found the metadata stale: a refresh is due as soon as the backoff allows.
    pub fn request_update(&mut self) {
        self.wanted_now = true;
    }

    /// Whether a refresh was asked for and has not come.
    #[must_use]
    pub const fn update_requested(&self) -> bool {
        self.wanted_now || self.new_topics
    }

    /// When the next request should be sent; [`Instant::FAR`] while one is in flight. An instant
    /// that is not after `now` means at once.
    #[must_use]
    pub fn needs_request(&self, now: Instant) -> Instant {
        if self.in_flight {
            return Instant::FAR;
        }
        let due = match self.last_success {
            Some(at) if !self.update_requested() => at + self.config.max_age,
            Some(_) | None => now,
        };
        due.max(self.allowed_at)
    }

    /// The request to send now; the caller names the node. Answer with [`Self::update`] or
    /// [`Self::failed`].
    pub fn request(&mut self) -> MetadataRequest {
        self.in_flight = true;
        self.new_topics = false;
        let names = || self.wanted.iter().map(|t| t.name.clone()).collect();
        MetadataRequest { topics: if self.all_topics { None } else { Some(names()) } }
    }

    /// The request got no answer.
    pub fn failed(&mut self, now: Instant) {
        self.in_flight = false;
        self.last_refresh = Some(now);
        self.failures = self.failures.saturating_add(1);
        self.equivalent_answers = 0;
        self.wanted_now = true;
        self.set_allowed(now);
    }

    /// Takes an answer. An answer without brokers counts as a failure.
    pub fn update(&mut self, response: &MetadataResponse, now: Instant) {
        if response.brokers.is_empty() {
            self.failed(now);
            return;
        }
        self.in_flight = false;
        self.last_refresh = Some(now);
        self.last_success = Some(now);
        self.failures = 0;
        self.wanted_now = false;
        self.equivalent_answers = self.equivalent_answers.saturating_add(1);
        self.version = self.version.wrapping_add(1);
        self.brokers.clone_from(&response.brokers);
        for topic in &response.topics {
            self.update_topic(&topic.name, topic.id, topic.error);
        }
        for partition in &response.partitions {
            self.update_partition(partition);
        }
        self.set_allowed(now);
    }

    fn update_topic(&mut self, name: &str, id: TopicId, error: ErrorCode) {
        if error.refreshes_metadata() {
            self.wanted_now = true;
        }
        let known = (id != TopicId::UNKNOWN).then_some(id);
        match self.wanted.iter_mut().find(|t| t.name == name) {
            Some(topic) => {
                if known.is_some() && topic.id != known {
                    self.equivalent_answers = 0;
                }
                topic.id = known.or(topic.id);
                topic.error = error;
            }
            None if self.all_topics => {
                self.wanted.push(Topic { name: name.to_owned(), id: known, error });
            }
            None => {}
        }
    }

    fn update_partition(&mut self, new: &PartitionMetadata) {
        if new.error.refreshes_metadata() {
            self.wanted_now = true;
        }
        if new.partition == PartitionId::UNKNOWN || new.topic == TopicId::UNKNOWN {
            return;
        }
        let at = new.partition.index();
        if self.partitions.len() <= at {
            self.partitions.resize(at + 1, None);
        }
        let entry = KnownPartition {
            topic: new.topic,
            index: new.index,
            leader: new.leader,
            leader_epoch: new.leader_epoch,
        };
        match &mut self.partitions[at] {
            Some(old) if new.leader_epoch < old.leader_epoch => {}
            Some(old) => {
                if new.leader_epoch > old.leader_epoch {
                    self.equivalent_answers = 0;
                }
                *old = entry;
            }
            slot @ None => {
                *slot = Some(entry);
                self.equivalent_answers = 0;
                self.enlist(new.topic, new.index, new.partition);
            }
        }
    }

    fn enlist(&mut self, topic: TopicId, index: u32, partition: PartitionId) {
        let at = topic.index();
        if self.by_topic.len() <= at {
            self.by_topic.resize_with(at + 1, Vec::new);
        }
        let list = &self.by_topic[at];
        let known = &self.partitions;
        let number = |p: &PartitionId| known[p.index()].map_or(0, |k| k.index);
        let place = list.partition_point(|p| number(p) < index);
        self.by_topic[at].insert(place, partition);
    }

    /// A broker named the leader in its answer, and how to reach it (KIP-951). Taken only with a
    /// newer epoch; says whether it was.
    pub fn hint(&mut self, partition: PartitionId, leader: NodeId, epoch: LeaderEpoch) -> bool {
        let Some(Some(known)) = self.partitions.get_mut(partition.index()) else {
            return false;
        };
        if epoch <= known.leader_epoch || leader == NodeId::NONE {
            return false;
        }
        known.leader = Some(leader);
        known.leader_epoch = epoch;
        self.equivalent_answers = 0;
        self.version = self.version.wrapping_add(1);
        true
    }

    fn set_allowed(&mut self, now: Instant) {
        let bits = self.config.jitter_seed.map(|seed| {
            self.draws = self.draws.wrapping_add(1);
            mix(seed ^ mix(self.draws))
        });
        let last = self.last_refresh.unwrap_or(now);
        let repeats = self.failures.max(self.equivalent_answers).saturating_sub(1);
        self.allowed_at = last + self.config.backoff.after(repeats, bits);
    }

    /// Leader and leader epoch of a partition, if both are known.
    #[must_use]
    pub fn leader(&self, partition: PartitionId) -> Option<(NodeId, LeaderEpoch)> {
        let known = self.partition(partition)?;
        known.leader.map(|leader| (leader, known.leader_epoch))
    }

    /// What is known of a partition.
    #[must_use]
    pub fn partition(&self, partition: PartitionId) -> Option<&KnownPartition> {
        self.partitions.get(partition.index())?.as_ref()
    }

    /// The partitions of a topic in order of their number, empty when nothing is known of it.
    #[must_use]
    pub fn partitions(&self, topic: TopicId) -> &[PartitionId] {
        self.by_topic.get(topic.index()).map_or(&[], Vec::as_slice)
    }

    /// The id of a topic, once known.
    #[must_use]
    pub fn topic_id(&self, name: &str) -> Option<TopicId> {
        self.wanted.iter().find(|t| t.name == name)?.id
    }

    /// The name of a topic that is wanted and known.
    #[must_use]
    pub fn topic_name(&self, id: TopicId) -> Option<&str> {
        self.wanted.iter().find(|t| t.id == Some(id)).map(|t| t.name.as_str())
    }

    /// Ids of the topics that are wanted and known, in order of wanting.
    pub fn topics(&self) -> impl Iterator<Item = TopicId> + '_ {
        self.wanted.iter().filter_map(|t| t.id)
    }

    /// The brokers of the last answer, or of `bootstrap.servers`.
    #[must_use]
    pub fn brokers(&self) -> &[NodeId] {
        &self.brokers
    }

    /// Changes with every answer and every leader learned.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }
}

#[cfg(test)]
mod tests;
