//! The state that a prefix of the metadata log amounts to.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::names::{Address, AddressedTopic};
use crate::records::{ClientQuota, MetadataRecord, PartitionRecord};
use crate::rules::{Rules, StaleLeaderEpoch};
use crate::types::{
    BrokerEpoch, DirectoryId, GroupId, NodeId, PartitionId, ProducerId, RackId, TopicId,
};

/// A topic in an [`Image`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicImage {
    /// The name.
    pub name: String,
    /// One of Kafka's own.
    pub internal: bool,
    /// Kafka's topic keys that are set, in order of setting.
    pub config: Vec<(String, String)>,
    /// Its partitions, by index.
    pub partitions: Vec<PartitionId>,
    /// Deleted: the id stays taken, the name is free again.
    pub removed: bool,
}

/// A registered broker in an [`Image`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerImage {
    /// The epoch of its latest registration.
    pub epoch: BrokerEpoch,
    /// The process that registered.
    pub incarnation: u64,
    /// `broker.rack`.
    pub rack: Option<RackId>,
    /// It may neither lead nor join an ISR.
    pub fenced: bool,
    /// It is on its way out: it may neither lead nor join an ISR.
    pub in_controlled_shutdown: bool,
    /// Its log directories that are online; with none all its replicas are.
    pub directories: Vec<DirectoryId>,
}

impl BrokerImage {
    /// Whether it may lead and join an ISR.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// Whether a replica in this directory can be read. Source: Kafka, `DirectoryId.isOnline`.
    #[must_use]
    pub fn is_online(&self, directory: DirectoryId) -> bool {
        directory == DirectoryId::UNASSIGNED
            || self.directories.is_empty()
            || self.directories.contains(&directory)
    }

    /// Where a new replica goes, as far as the controller can know: a broker with several
    /// directories chooses by itself. Source: Kafka, `ClusterControlManager.defaultDir`.
    #[must_use]
    pub fn default_directory(&self, id: NodeId) -> DirectoryId {
        match *self.directories.as_slice() {
            [] => DirectoryId::first(id),
            [only] => only,
            _ => DirectoryId::UNASSIGNED,
        }
    }
}

/// The state at a prefix of the metadata log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Image {
    end: u64,
    topics: Vec<Option<TopicImage>>,
    by_name: BTreeMap<String, TopicId>,
    partitions: Vec<Option<Arc<PartitionRecord>>>,
    brokers: Vec<Option<BrokerImage>>,
    next_producer_id: i64,
    quotas: BTreeMap<(ClientQuota, Option<u32>), u64>,
    features: BTreeMap<&'static str, i16>,
    broker_configs: BTreeMap<Option<NodeId>, BTreeMap<String, String>>,
    group_configs: BTreeMap<GroupId, BTreeMap<String, String>>,
}

impl Image {
    /// The state before the first record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The epoch of a broker that is registered and not fenced, else -1. Source: Kafka,
    /// `KRaftMetadataCache.getAliveBrokerEpoch`.
    #[must_use]
    pub fn alive_epoch(&self, broker: NodeId) -> BrokerEpoch {
        self.broker(broker).filter(|b| !b.fenced).map_or(BrokerEpoch(-1), |b| b.epoch)
    }

    /// Applies the record at `offset`, which must be the next one. A record of the log is
    /// believed as it stands; who takes records from elsewhere asks [`supersedes`] first. One
    /// that does not fit, because a broken rule made two histories of the log, changes nothing:
    /// Kafka's brokers count a metadata error and go on.
    pub fn apply(&mut self, offset: u64, record: &MetadataRecord) {
        assert_eq!(offset, self.end, "metadata records apply in order, each once");
        self.end += 1;
        match record {
            MetadataRecord::RegisterBroker { broker, epoch, incarnation, rack, directories } => {
                *slot(&mut self.brokers, broker.0 as usize) = Some(BrokerImage {
                    epoch: *epoch,
                    incarnation: *incarnation,
                    rack: *rack,
                    fenced: true,
                    in_controlled_shutdown: false,
                    directories: directories.clone(),
                });
            }
            MetadataRecord::BrokerDirectories { broker, epoch, online } => {
                let known = slot(&mut self.brokers, broker.0 as usize).as_mut();
                if let Some(known) = known.filter(|known| known.epoch == *epoch) {
                    known.directories.clone_from(online);
                }
            }
            MetadataRecord::BrokerChange { broker, epoch, fenced, in_controlled_shutdown } => {
                let known = slot(&mut self.brokers, broker.0 as usize).as_mut();
                if let Some(known) = known.filter(|known| known.epoch == *epoch) {
                    known.fenced = *fenced;
                    known.in_controlled_shutdown = *in_controlled_shutdown;
                }
            }
            MetadataRecord::Topic { topic, name, internal, config } => {
                *slot(&mut self.topics, topic.index()) = Some(TopicImage {
                    name: name.clone(),
                    internal: *internal,
                    config: config.clone(),
                    partitions: Vec::new(),
                    removed: false,
                });
                self.by_name.insert(name.clone(), *topic);
            }
            MetadataRecord::Partition(record) => self.apply_partition(record),
            MetadataRecord::RemoveTopic { topic } => self.remove_topic(*topic),
            MetadataRecord::TopicConfig { topic, key, value } => {
                if let Some(topic) = self.topic_mut(*topic) {
                    topic.config.retain(|(k, _)| k != key);
                    topic.config.extend(value.iter().map(|value| (key.clone(), value.clone())));
                }
            }
            MetadataRecord::BrokerConfig { broker, key, value } => {
                set_key(&mut self.broker_configs, *broker, key, value.as_ref());
            }
            MetadataRecord::GroupConfig { group, key, value } => {
                set_key(&mut self.group_configs, *group, key, value.as_ref());
            }
            MetadataRecord::ClientQuota { client, quota, value } => match value {
                Some(value) => {
                    self.quotas.insert((*quota, *client), *value);
                }
                None => {
                    self.quotas.remove(&(*quota, *client));
                }
            },
            MetadataRecord::FeatureLevel { feature, level } => {
                self.features.insert(feature, *level);
            }
            // The quorum's affair.
            MetadataRecord::LeaderChange { .. } => {}
            MetadataRecord::ProducerIds { next } => self.next_producer_id = next.0,
        }
    }

    fn apply_partition(&mut self, record: &Arc<PartitionRecord>) {
        let new = self.partition(record.partition).is_none();
        let Some(topic) = self.topic_mut(record.topic) else { return };
        if new {
            if topic.partitions.len() != record.index as usize {
                return;
            }
            topic.partitions.push(record.partition);
        }
        *slot(&mut self.partitions, record.partition.index()) = Some(Arc::clone(record));
    }

    fn remove_topic(&mut self, id: TopicId) {
        let Some(topic) = self.topics.get_mut(id.index()).and_then(Option::as_mut) else { return };
        topic.removed = true;
        self.by_name.remove(&topic.name);
        for partition in &topic.partitions {
            self.partitions[partition.index()] = None;
        }
    }

    /// The topic of a record about what it owns, deleted ones included.
    fn topic_mut(&mut self, id: TopicId) -> Option<&mut TopicImage> {
        self.topics.get_mut(id.index())?.as_mut()
    }

    /// The state is that of another offset: it comes from a snapshot.
    pub(super) const fn move_to(&mut self, end: u64) {
        self.end = end;
    }

    /// All bounds of clients.
    pub(super) fn quotas(&self) -> impl Iterator<Item = (ClientQuota, Option<u32>, u64)> {
        self.quotas.iter().map(|(&(quota, client), &value)| (quota, client, value))
    }

    /// Finalized features with their levels, in order of name (KIP-584). One at level 0 is not
    /// there.
    pub fn features(&self) -> impl Iterator<Item = (&'static str, i16)> {
        self.features.iter().map(|(&feature, &level)| (feature, level))
    }

    /// All dynamic configurations of brokers, those of all brokers at once as of none.
    pub(super) fn broker_configs(
        &self,
    ) -> impl Iterator<Item = (Option<NodeId>, &String, &String)> {
        let all = self.broker_configs.iter();
        all.flat_map(|(&broker, config)| config.iter().map(move |(k, v)| (broker, k, v)))
    }

    /// The value of a broker's dynamic key, if it is set: its own goes before that of all brokers.
    /// Source: KIP-226.
    #[must_use]
    pub fn broker_config(&self, broker: NodeId, key: &str) -> Option<&str> {
        let of = |whose| self.broker_configs.get(&whose)?.get(key);
        of(Some(broker)).or_else(|| of(None)).map(String::as_str)
    }

    /// Groups with a configuration of their own, in order of id.
    pub fn configured_groups(&self) -> impl Iterator<Item = GroupId> {
        self.group_configs.keys().copied()
    }

    /// What a group has of its own, in order of key.
    pub fn group_config(&self, group: GroupId) -> impl Iterator<Item = (&str, &str)> + Clone {
        let config = self.group_configs.get(&group).into_iter().flatten();
        config.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Offset of the next record.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// A partition, unless unknown or deleted.
    #[must_use]
    pub fn partition(&self, id: PartitionId) -> Option<&PartitionRecord> {
        self.partitions.get(id.index())?.as_deref()
    }

    /// All partitions in order of id.
    pub fn partitions(&self) -> impl Iterator<Item = &PartitionRecord> {
        self.partitions.iter().flatten().map(Arc::as_ref)
    }

    /// The smallest id no partition has had: deleted ones count.
    #[must_use]
    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// A topic, deleted ones included.
    #[must_use]
    pub fn topic(&self, id: TopicId) -> Option<&TopicImage> {
        self.topics.get(id.index())?.as_ref()
    }

    /// The smallest id no topic has had: deleted ones count.
    #[must_use]
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// All topics in order of id, without deleted ones.
    pub fn topics(&self) -> impl Iterator<Item = (TopicId, &TopicImage)> {
        (0..).zip(&self.topics).filter_map(|(id, topic)| {
            let topic = topic.as_ref().filter(|topic| !topic.removed)?;
            Some((TopicId(id), topic))
        })
    }

    /// The topic of a name.
    #[must_use]
    pub fn topic_by_name(&self, name: &str) -> Option<TopicId> {
        self.by_name.get(name).copied()
    }

    /// The value of a topic's key, if it is set on the topic.
    #[must_use]
    pub fn topic_config(&self, id: TopicId, key: &str) -> Option<&str> {
        let config = &self.topic(id)?.config;
        config.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// A partition of a topic by its index.
    #[must_use]
    pub fn partition_of(&self, topic: TopicId, index: u32) -> Option<&PartitionRecord> {
        self.partition(*self.topic(topic)?.partitions.get(index as usize)?)
    }

    /// The partition of an address, [`PartitionId::UNKNOWN`] if there is none.
    #[must_use]
    pub fn addressed(&self, address: Option<&Address>) -> PartitionId {
        let found = address.and_then(|address| {
            let topic = match &address.topic {
                AddressedTopic::Id(id) => Some(*id),
                AddressedTopic::Name(name) => self.topic_by_name(name),
                AddressedTopic::Unknown(_) => None,
            };
            self.partition_of(topic?, address.index)
        });
        found.map_or(PartitionId::UNKNOWN, |p| p.partition)
    }

    /// The deleted topic that a partition belonged to. Looks at all topics: for errors only.
    #[must_use]
    pub fn removed_topic_of(&self, partition: PartitionId) -> Option<&TopicImage> {
        let mut removed = self.topics.iter().flatten().filter(|topic| topic.removed);
        removed.find(|topic| topic.partitions.contains(&partition))
    }

    /// The partition that has this one's name now: itself, or if its topic was deleted and created
    /// again, the one of the same index there. Itself also when no partition has the name.
    #[must_use]
    pub fn current(&self, partition: PartitionId) -> PartitionId {
        if self.partition(partition).is_some() {
            return partition;
        }
        let again = self.removed_topic_of(partition).and_then(|removed| {
            let index = removed.partitions.iter().position(|p| *p == partition)?;
            let topic = self.topic(self.topic_by_name(&removed.name)?)?;
            topic.partitions.get(index).copied()
        });
        again.unwrap_or(partition)
    }

    /// The bound of a client a second, its own or the default, if there is one.
    #[must_use]
    pub fn client_quota(&self, client: u32, quota: ClientQuota) -> Option<u64> {
        if self.quotas.is_empty() {
            return None;
        }
        let own = self.quotas.get(&(quota, Some(client)));
        own.or_else(|| self.quotas.get(&(quota, None))).copied()
    }

    /// A registered broker.
    #[must_use]
    pub fn broker(&self, id: NodeId) -> Option<&BrokerImage> {
        self.brokers.get(id.0 as usize)?.as_ref()
    }

    /// All registered brokers in order of id.
    pub fn brokers(&self) -> impl Iterator<Item = (NodeId, &BrokerImage)> {
        (0..).zip(&self.brokers).filter_map(|(id, broker)| Some((NodeId(id), broker.as_ref()?)))
    }

    /// Whether a broker is registered, unfenced and not on its way out.
    #[must_use]
    pub fn is_active(&self, id: NodeId) -> bool {
        self.broker(id).is_some_and(BrokerImage::is_active)
    }

    /// Whether a broker may become leader of a partition as far as itself is concerned: it is
    /// active, and the directory of its replica is online. Source: Kafka, `LeaderAcceptor`.
    #[must_use]
    pub fn may_lead(&self, partition: &PartitionRecord, id: NodeId) -> bool {
        let broker = self.broker(id).filter(|broker| broker.is_active());
        broker.is_some_and(|broker| broker.is_online(partition.directory(id)))
    }

    /// The replicas of a partition that are offline: their broker is fenced or not registered, or
    /// their directory is. Source: Kafka, `KRaftMetadataCache.isReplicaOffline`.
    pub fn offline_replicas(&self, partition: &PartitionRecord) -> impl Iterator<Item = NodeId> {
        let online = |id| {
            let broker = self.broker(id).filter(|broker| !broker.fenced);
            broker.is_some_and(|broker| broker.is_online(partition.directory(id)))
        };
        partition.replicas.iter().copied().filter(move |&id| !online(id))
    }

    /// First producer id that no broker has been given.
    #[must_use]
    pub const fn next_producer_id(&self) -> ProducerId {
        ProducerId(self.next_producer_id)
    }
}

/// Whether a replica that holds `old` shall believe `new`: only a newer state of the partition.
#[must_use]
pub fn supersedes(old: Option<&PartitionRecord>, new: &PartitionRecord, rules: &Rules) -> bool {
    match rules.stale_leader_epoch {
        StaleLeaderEpoch::Ignore => old.is_none_or(|old| {
            new.leader_epoch >= old.leader_epoch && new.partition_epoch > old.partition_epoch
        }),
        StaleLeaderEpoch::Accept => true,
    }
}

fn slot<T>(table: &mut Vec<Option<T>>, index: usize) -> &mut Option<T> {
    if table.len() <= index {
        table.resize_with(index + 1, || None);
    }
    &mut table[index]
}

/// Sets or removes a key of a configuration; one without keys goes.
fn set_key<K: Ord + Copy>(
    configs: &mut BTreeMap<K, BTreeMap<String, String>>,
    whose: K,
    key: &str,
    value: Option<&String>,
) {
    let config = configs.entry(whose).or_default();
    match value {
        Some(value) => {
            config.insert(String::from(key), value.clone());
        }
        None => {
            config.remove(key);
        }
    }
    if config.is_empty() {
        configs.remove(&whose);
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;
    use crate::types::{LeaderEpoch, PartitionEpoch};

    fn partition(id: u32, topic: u32, index: u32) -> PartitionRecord {
        PartitionRecord {
            partition: PartitionId(id),
            topic: TopicId(topic),
            index,
            replicas: vec![NodeId(1), NodeId(2)],
            isr: vec![NodeId(1), NodeId(2)],
            eligible_leader_replicas: vec![],
            last_known_elr: vec![],
            leader: Some(NodeId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovering: false,
            adding: Vec::new(),
            removing: Vec::new(),
            directories: Vec::new(),
        }
    }

    fn topic(id: u32, name: &str) -> MetadataRecord {
        MetadataRecord::Topic {
            topic: TopicId(id),
            name: name.to_string(),
            internal: false,
            config: vec![],
        }
    }

    fn image(records: &[MetadataRecord]) -> Image {
        let mut image = Image::new();
        for (offset, record) in (0..).zip(records) {
            image.apply(offset, record);
        }
        image
    }

    #[test]
    fn a_broker_is_fenced_until_its_change_and_again_when_it_registers_anew() {
        let register = |epoch| MetadataRecord::RegisterBroker {
            broker: NodeId(3),
            epoch: BrokerEpoch(epoch),
            incarnation: 7,
            rack: None,
            directories: Vec::new(),
        };
        let unfence = MetadataRecord::BrokerChange {
            broker: NodeId(3),
            epoch: BrokerEpoch(0),
            fenced: false,
            in_controlled_shutdown: false,
        };
        assert!(!image(&[register(0)]).is_active(NodeId(3)));
        assert!(image(&[register(0), unfence.clone()]).is_active(NodeId(3)));
        let again = image(&[register(0), unfence, register(2)]);
        assert!(!again.is_active(NodeId(3)));
        assert_eq!(again.broker(NodeId(3)).map(|b| b.epoch), Some(BrokerEpoch(2)));
        assert_eq!(again.brokers().count(), 1);
    }

    #[test]
    fn a_removed_topic_frees_its_name_and_keeps_its_ids() {
        let image = image(&[
            topic(0, "t"),
            MetadataRecord::of_partition(partition(0, 0, 0)),
            MetadataRecord::of_partition(partition(1, 0, 1)),
            MetadataRecord::RemoveTopic { topic: TopicId(0) },
            topic(1, "t"),
            MetadataRecord::of_partition(partition(2, 1, 0)),
        ]);
        assert_eq!(image.topic_by_name("t"), Some(TopicId(1)));
        assert_eq!(image.partition_count(), 3);
        assert_eq!(image.partitions().map(|p| p.partition.0).collect::<Vec<_>>(), [2]);
        assert!(image.partition(PartitionId(1)).is_none());
        assert!(image.topic(TopicId(0)).is_some_and(|t| t.removed));
        assert_eq!(image.topics().count(), 1);
        assert_eq!(image.end(), 6);
    }

    #[test]
    fn a_partition_of_a_removed_topic_is_followed_by_name_and_index() {
        let mut log = vec![
            topic(0, "t"),
            MetadataRecord::of_partition(partition(0, 0, 0)),
            MetadataRecord::of_partition(partition(1, 0, 1)),
            MetadataRecord::RemoveTopic { topic: TopicId(0) },
        ];
        let currents = |log: &[MetadataRecord]| {
            let image = image(log);
            [0, 1, 2, 9].map(|p| image.current(PartitionId(p)).0)
        };
        assert_eq!(currents(&log), [0, 1, 2, 9], "nothing follows");
        log.extend([topic(1, "t"), MetadataRecord::of_partition(partition(2, 1, 0))]);
        assert_eq!(currents(&log), [2, 1, 2, 9]);
        log.extend([
            MetadataRecord::RemoveTopic { topic: TopicId(1) },
            topic(2, "t"),
            MetadataRecord::of_partition(partition(3, 2, 0)),
            MetadataRecord::of_partition(partition(4, 2, 1)),
        ]);
        assert_eq!(currents(&log), [3, 4, 3, 9], "the newest");
    }

    #[test]
    fn a_config_record_sets_replaces_and_removes_one_key() {
        let set = |value: Option<&str>| MetadataRecord::TopicConfig {
            topic: TopicId(0),
            key: "retention.ms".to_string(),
            value: value.map(ToString::to_string),
        };
        let mut log = vec![topic(0, "t"), set(Some("1")), set(Some("2"))];
        assert_eq!(image(&log).topic_config(TopicId(0), "retention.ms"), Some("2"));
        log.push(set(None));
        assert_eq!(image(&log).topic_config(TopicId(0), "retention.ms"), None);
    }

    #[test]
    fn only_a_newer_partition_state_supersedes_unless_the_canary_is_on() {
        let old = partition(0, 0, 0);
        let mut new = old.clone();
        let rules = Rules::default();
        assert!(supersedes(None, &new, &rules));
        assert!(!supersedes(Some(&old), &new, &rules));
        new.partition_epoch = PartitionEpoch(1);
        assert!(supersedes(Some(&old), &new, &rules));
        assert!(!supersedes(Some(&new), &old, &rules));
        let canary = Rules { stale_leader_epoch: StaleLeaderEpoch::Accept, ..Rules::default() };
        assert!(supersedes(Some(&new), &old, &canary));
    }
}
