//! The state as records: what a snapshot of the metadata log holds. Source: KIP-630; Kafka,
//! `MetadataImage.write`.

use alloc::string::String;
use alloc::vec::Vec;

use super::Image;
use crate::records::{MetadataRecord, MetadataSnapshot, PartitionRecord};
use crate::types::{LeaderEpoch, NodeId, PartitionEpoch, PartitionId, ProducerId, TopicId};

impl Image {
    /// The state that a snapshot has.
    #[must_use]
    pub fn of_snapshot(snapshot: &MetadataSnapshot) -> Self {
        let mut image = Self::new();
        for (offset, record) in (0..).zip(&snapshot.records) {
            image.apply(offset, record);
        }
        image.move_to(snapshot.end);
        image
    }

    /// Records that amount to this state. Deleted topics are among them, because their ids stay
    /// taken here.
    #[must_use]
    pub fn to_records(&self) -> Vec<MetadataRecord> {
        let levels = self.features();
        let record = |(feature, level)| MetadataRecord::FeatureLevel { feature, level };
        let mut records: Vec<MetadataRecord> = levels.map(record).collect();
        for (broker, known) in self.brokers() {
            records.push(MetadataRecord::RegisterBroker {
                broker,
                epoch: known.epoch,
                incarnation: known.incarnation,
                rack: known.rack,
                directories: known.directories.clone(),
            });
            if !known.fenced || known.in_controlled_shutdown {
                records.push(MetadataRecord::BrokerChange {
                    broker,
                    epoch: known.epoch,
                    fenced: known.fenced,
                    in_controlled_shutdown: known.in_controlled_shutdown,
                });
            }
        }
        for id in (0..).map(TopicId).take(self.topic_count()) {
            self.write_topic(id, &mut records);
        }
        records.extend(self.broker_configs().map(|(broker, key, value)| {
            let (key, value) = (key.clone(), Some(value.clone()));
            MetadataRecord::BrokerConfig { broker, key, value }
        }));
        for group in self.configured_groups() {
            records.extend(self.group_config(group).map(|(key, value)| {
                let (key, value) = (String::from(key), Some(String::from(value)));
                MetadataRecord::GroupConfig { group, key, value }
            }));
        }
        records.extend(self.quotas().map(|(quota, client, value)| MetadataRecord::ClientQuota {
            client,
            quota,
            value: Some(value),
        }));
        let next = self.next_producer_id();
        if next != ProducerId(0) {
            records.push(MetadataRecord::ProducerIds { next });
        }
        records
    }

    fn write_topic(&self, id: TopicId, records: &mut Vec<MetadataRecord>) {
        let Some(topic) = self.topic(id) else { return };
        records.push(MetadataRecord::Topic {
            topic: id,
            name: topic.name.clone(),
            internal: topic.internal,
            config: topic.config.clone(),
        });
        for (index, &partition) in (0..).zip(&topic.partitions) {
            let known = self.partition(partition).cloned();
            records.push(MetadataRecord::of_partition(
                known.unwrap_or_else(|| deleted(partition, id, index)),
            ));
        }
        if topic.removed {
            records.push(MetadataRecord::RemoveTopic { topic: id });
        }
    }
}

/// Stands for a partition of a deleted topic until that is deleted again.
fn deleted(partition: PartitionId, topic: TopicId, index: u32) -> PartitionRecord {
    PartitionRecord {
        partition,
        topic,
        index,
        replicas: Vec::new(),
        isr: Vec::new(),
        eligible_leader_replicas: Vec::new(),
        last_known_elr: Vec::new(),
        leader: None::<NodeId>,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        recovering: false,
        adding: Vec::new(),
        removing: Vec::new(),
        directories: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;
    use crate::records::ClientQuota;
    use crate::types::{BrokerEpoch, GroupId};

    #[test]
    fn a_snapshot_has_all_that_the_records_before_it_had() {
        let topic = |id, name: &str| MetadataRecord::Topic {
            topic: TopicId(id),
            name: name.to_string(),
            internal: false,
            config: vec![],
        };
        let partition = |id, topic, index, epoch| {
            let replicas = vec![NodeId(1)];
            MetadataRecord::of_partition(PartitionRecord {
                isr: replicas.clone(),
                replicas,
                partition_epoch: PartitionEpoch(epoch),
                leader: Some(NodeId(1)),
                ..deleted(PartitionId(id), TopicId(topic), index)
            })
        };
        let config = |value: &str| MetadataRecord::TopicConfig {
            topic: TopicId(1),
            key: "retention.ms".to_string(),
            value: Some(value.to_string()),
        };
        let client = Some(3);
        let quota = ClientQuota::ProducerByteRate;
        let log = [
            MetadataRecord::RegisterBroker {
                broker: NodeId(1),
                epoch: BrokerEpoch(0),
                incarnation: 7,
                rack: None,
                directories: vec![],
            },
            MetadataRecord::BrokerChange {
                broker: NodeId(1),
                epoch: BrokerEpoch(0),
                fenced: false,
                in_controlled_shutdown: true,
            },
            topic(0, "t"),
            partition(0, 0, 0, 0),
            partition(1, 0, 1, 0),
            MetadataRecord::RemoveTopic { topic: TopicId(0) },
            topic(1, "t"),
            partition(2, 1, 0, 0),
            partition(2, 1, 0, 1),
            config("1"),
            config("2"),
            MetadataRecord::ClientQuota { client, quota, value: Some(9) },
            MetadataRecord::BrokerConfig {
                broker: Some(NodeId(1)),
                key: "leader.replication.throttled.rate".to_string(),
                value: Some("7".to_string()),
            },
            MetadataRecord::BrokerConfig {
                broker: None,
                key: "leader.replication.throttled.rate".to_string(),
                value: Some("9".to_string()),
            },
            MetadataRecord::GroupConfig {
                group: GroupId(3),
                key: "consumer.session.timeout.ms".to_string(),
                value: Some("50000".to_string()),
            },
            MetadataRecord::ProducerIds { next: ProducerId(2_000) },
        ];
        let mut image = Image::new();
        for (offset, record) in (0..).zip(&log) {
            image.apply(offset, record);
        }
        let (end, epoch, records) = (image.end(), LeaderEpoch(1), image.to_records());
        assert!(records.len() < log.len());
        assert_eq!(Image::of_snapshot(&MetadataSnapshot { end, epoch, records }), image);
        let rate = |broker| image.broker_config(broker, "leader.replication.throttled.rate");
        assert_eq!([NodeId(1), NodeId(2)].map(rate), [Some("7"), Some("9")]);
    }
}
