//! From metadata to roles: which partitions this broker leads, follows, or lets go.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Broker;
use super::client_metadata::Told;
use super::replicas::Hosted;
use crate::config::TopicConfig;
use crate::fetch::News;
use crate::io::Context;
use crate::metadata::{Image, supersedes};
use crate::note::Note;
use crate::partition::Replica;
use crate::protocol::ErrorCode;
use crate::records::{MetadataRecord, MetadataSnapshot, PartitionRecord};
use crate::rules::Truncate;
use crate::types::{GroupId, NodeId, PartitionId, TopicId};

/// What a run of metadata records touched, so that each role changes once, as with Kafka's
/// metadata deltas.
#[derive(Default)]
struct Touched {
    partitions: BTreeSet<PartitionId>,
    /// Those of them that this broker had no replica of before, though they were there.
    joined: BTreeSet<PartitionId>,
    brokers: BTreeSet<NodeId>,
    topics: BTreeSet<TopicId>,
    own_config: bool,
    groups: BTreeSet<GroupId>,
    new_partitions: bool,
}

impl Broker {
    /// Applies records of the metadata log; `from` is the offset of the first.
    pub(super) fn apply_metadata(
        &mut self,
        cx: &mut Context<'_>,
        from: u64,
        records: &[MetadataRecord],
    ) {
        let mut touched = Touched::default();
        let begun = self.metadata_offset;
        for (offset, record) in (from..).zip(records) {
            if offset < self.metadata_offset {
                // Read again after a lost connection. Whether it is believed is a rule; what was let
                // go since, or deleted, is not taken up again.
                if let MetadataRecord::Partition(record) = record
                    && self.replicas.get(record.partition).is_some()
                {
                    self.reconsider(cx, record, false);
                }
                continue;
            }
            if offset > self.metadata_offset {
                break;
            }
            self.touch(&mut touched, record);
            self.image.apply(offset, record);
            self.metadata_offset += 1;
        }
        if self.metadata_offset > begun {
            let (node, end) = (self.node, self.metadata_offset);
            cx.note(Note::MetadataApplied { node, from: begun, end });
        }
        let caught_up = i64::try_from(self.metadata_offset)
            .is_ok_and(|offset| offset > self.life.broker_epoch.0);
        if !caught_up {
            return;
        }
        if !self.life.published {
            self.life.published = true;
            self.coordinators.transactions.begin(cx.now.instant);
            touched.partitions = self.image.partitions().map(|p| p.partition).collect();
            touched.partitions.extend(self.replicas.iter().map(|(p, _)| p));
            touched.topics = self.image.topics().map(|(id, _)| id).collect();
            touched.own_config = true;
            touched.groups.extend(self.image.configured_groups());
            touched.joined.clear();
        }
        if touched.new_partitions {
            self.coordinators.transactions.follow_names(|p| self.image.current(p));
        }
        for partition in touched.partitions {
            self.reconcile(cx, partition, touched.joined.contains(&partition));
        }
        // After the roles, as in Kafka: a smaller `min.insync.replicas` moves no high watermark
        // by itself, though the ELR that it clears is a change of the partition.
        for topic in touched.topics {
            self.reconfigure(cx, topic);
        }
        for broker in touched.brokers {
            self.broker_changed(broker);
        }
        if touched.own_config {
            self.take_dynamic_config();
        }
        self.take_group_configs(touched.groups);
    }

    /// The log of the controllers begins behind what this broker has: a snapshot takes the place
    /// of its image, and everything is looked at. Source: KIP-630.
    pub(super) fn load_metadata(&mut self, cx: &mut Context<'_>, snapshot: &MetadataSnapshot) {
        let (node, from, end) = (self.node, self.metadata_offset, snapshot.end);
        let mut groups: BTreeSet<GroupId> = self.image.configured_groups().collect();
        let mut partitions: BTreeSet<PartitionId> =
            self.image.partitions().map(|p| p.partition).collect();
        let joined: BTreeSet<PartitionId> =
            partitions.iter().copied().filter(|p| self.is_elsewhere(*p)).collect();
        self.image = Image::of_snapshot(snapshot);
        self.told = Told::default();
        self.metadata_offset = end;
        cx.note(Note::MetadataSnapshotLoaded { node, end });
        cx.note(Note::MetadataApplied { node, from, end });
        if self.life.published {
            partitions.extend(self.image.partitions().map(|p| p.partition));
            for partition in partitions {
                self.reconcile(cx, partition, joined.contains(&partition));
            }
        }
        self.coordinators.transactions.follow_names(|p| self.image.current(p));
        let topics: Vec<TopicId> = self.image.topics().map(|(id, _)| id).collect();
        for topic in topics {
            self.reconfigure(cx, topic);
        }
        let brokers: Vec<NodeId> = self.image.brokers().map(|(id, _)| id).collect();
        for broker in brokers {
            self.broker_changed(broker);
        }
        self.take_dynamic_config();
        groups.extend(self.image.configured_groups());
        self.take_group_configs(groups);
    }

    fn touch(&self, touched: &mut Touched, record: &MetadataRecord) {
        match record {
            MetadataRecord::Partition(p) => {
                if touched.partitions.insert(p.partition) && self.is_elsewhere(p.partition) {
                    touched.joined.insert(p.partition);
                }
                touched.new_partitions |= self.image.partition(p.partition).is_none();
            }
            MetadataRecord::RemoveTopic { topic } => {
                if let Some(topic) = self.image.topic(*topic) {
                    touched.partitions.extend(topic.partitions.iter().copied());
                }
            }
            MetadataRecord::RegisterBroker { broker, .. }
            | MetadataRecord::BrokerChange { broker, .. } => {
                touched.brokers.insert(*broker);
            }
            MetadataRecord::TopicConfig { topic, .. } => {
                touched.topics.insert(*topic);
            }
            MetadataRecord::BrokerConfig { broker, .. } => {
                touched.own_config |= broker.is_none_or(|broker| broker == self.node);
            }
            MetadataRecord::GroupConfig { group, .. } => {
                touched.groups.insert(*group);
            }
            MetadataRecord::Topic { .. }
            | MetadataRecord::BrokerDirectories { .. }
            | MetadataRecord::ProducerIds { .. }
            | MetadataRecord::ClientQuota { .. }
            | MetadataRecord::LeaderChange { .. }
            | MetadataRecord::FeatureLevel { .. } => {}
        }
    }

    /// Whether the image has a partition with no replica of this broker.
    fn is_elsewhere(&self, partition: PartitionId) -> bool {
        self.image.partition(partition).is_some_and(|p| !p.replicas.contains(&self.node))
    }

    /// Takes the role that the image gives this broker for a partition, which it may have
    /// `joined` just now.
    fn reconcile(&mut self, cx: &mut Context<'_>, partition: PartitionId, joined: bool) {
        let record = self.image.partition(partition);
        match record.filter(|r| r.replicas.contains(&self.node)).cloned() {
            Some(record) => self.reconsider(cx, &record, joined),
            None => self.let_go(cx, partition),
        }
    }

    fn reconsider(&mut self, cx: &mut Context<'_>, record: &PartitionRecord, joined: bool) {
        if !self.life.published || !record.replicas.contains(&self.node) {
            return;
        }
        let Some(hosted) = self.hosted(cx, record, joined) else { return };
        if !supersedes(hosted.record.as_ref(), record, cx.rules) {
            return;
        }
        hosted.record = Some(record.clone());
        if record.leader == Some(self.node) {
            self.lead(cx, record);
        } else {
            self.follow(cx, record);
        }
    }

    /// The replica of a partition, made if there is none; `None` while it may lie in a directory
    /// that is offline.
    fn hosted(
        &mut self,
        cx: &mut Context<'_>,
        record: &PartitionRecord,
        joined: bool,
    ) -> Option<&mut Hosted> {
        let partition = record.partition;
        if self.replicas.get(partition).is_none() {
            let assigned = record.directory(self.node);
            let place = self.replicas.directories.place(partition, assigned)?;
            let config = self.topic_config(record.topic);
            let replica = Replica::new(self.node, partition, config);
            self.replicas.insert(partition, replica, place, cx.now.instant);
            self.mark_throttled(partition);
        }
        self.assign_directory(cx, record, joined);
        self.replicas.hosted_mut(partition)
    }

    fn lead(&mut self, cx: &mut Context<'_>, record: &PartitionRecord) {
        let partition = record.partition;
        let replica = self.replicas.get_mut(partition).expect("a role needs a replica");
        let new = replica.become_leader(cx.now.instant, record);
        for &node in record.replicas.iter().filter(|&&n| n != self.node) {
            replica.set_eligible(node, self.image.is_active(node));
            replica.set_registered(node, self.image.alive_epoch(node));
        }
        if new {
            let start = replica.log().log_end_offset();
            let leader_epoch = record.leader_epoch;
            cx.note(Note::BecameLeader { node: self.node, partition, leader_epoch, start });
            self.fetchers.unfollow(partition);
            self.isr.forget(partition);
            self.sessions.news(partition, News::Role);
            self.resign_coordinator(partition);
            self.lead_coordinator(cx, record);
        }
        self.advance_high_watermark(cx, partition);
        self.sessions.ask_followers(partition);
    }

    fn follow(&mut self, cx: &mut Context<'_>, record: &PartitionRecord) {
        let partition = record.partition;
        let replica = self.replicas.get_mut(partition).expect("a role needs a replica");
        let led = replica.leader().is_some();
        let begins = replica.become_follower(record);
        // Kafka, `ReplicaManager.applyLocalFollowersDelta`.
        let stops = self.life.is_shutting_down()
            && (record.leader.is_none() || !record.isr.contains(&self.node));
        if stops {
            self.fetchers.unfollow(partition);
        }
        if !begins {
            return;
        }
        let leader_epoch = record.leader_epoch;
        cx.note(Note::BecameFollower { node: self.node, partition, leader_epoch });
        match record.leader {
            Some(leader) if !stops => {
                self.fetchers.follow(partition, leader);
                match cx.rules.truncate {
                    Truncate::OnFetch => {}
                    old => self.fit_before_fetching(cx, leader, partition, old),
                }
            }
            _ => self.fetchers.unfollow(partition),
        }
        self.sessions.news(partition, News::Role);
        if led {
            self.isr.forget(partition);
            self.resign_coordinator(partition);
            self.fail_waiting(cx, partition, ErrorCode::NotLeaderOrFollower);
        }
    }

    /// The partition was deleted, or moved away from this broker.
    fn let_go(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        if self.replicas.remove(partition).is_none() {
            return;
        }
        self.replication_throttles.forget(partition);
        let error = self.not_leading(partition);
        self.end_role(cx, partition, error);
        if error == ErrorCode::UnknownTopicOrPartition {
            self.coordinators.deleted.push(partition);
        }
    }

    /// A replica is no longer here: whoever waits for it hears this error.
    pub(super) fn end_role(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        error: ErrorCode,
    ) {
        self.fetchers.unfollow(partition);
        self.isr.forget(partition);
        self.sessions.news(partition, News::Role);
        self.resign_coordinator(partition);
        self.fail_waiting(cx, partition, error);
    }

    fn topic_config(&self, topic: TopicId) -> TopicConfig {
        let mut config = TopicConfig::from_broker(&self.config);
        let set = self.image.topic(topic).map_or(&[][..], |t| &t.config);
        for (key, value) in set {
            // The controller refused what is wrong; keys without effect here are no error.
            let _ = config.set(key, value);
        }
        config
    }

    fn reconfigure(&mut self, cx: &Context<'_>, topic: TopicId) {
        let config = self.topic_config(topic);
        let partitions: Vec<PartitionId> =
            self.image.topic(topic).map(|t| t.partitions.clone()).unwrap_or_default();
        for partition in partitions {
            if let Some(replica) = self.replicas.get_mut(partition) {
                *replica.log_mut().config_mut() = config.clone();
                self.replicas.wake_cleaner(cx.now.instant, partition);
                self.mark_throttled(partition);
            }
        }
    }

    /// A broker was fenced, unfenced or registered anew: leaders learn whether it may join
    /// an ISR, and hear of it at its next fetch. Rare, so all partitions are looked at.
    fn broker_changed(&mut self, broker: NodeId) {
        let eligible = self.image.is_active(broker);
        let alive_epoch = self.image.alive_epoch(broker);
        for (partition, hosted) in self.replicas.iter_mut() {
            hosted.replica.set_eligible(broker, eligible);
            hosted.replica.set_registered(broker, alive_epoch);
            if eligible && hosted.replica.leader().is_some() {
                self.sessions.ask_followers(partition);
            }
        }
    }
}
