//! The throttle of a reassignment: what `kafka-reassign-partitions.sh --execute --throttle` sets
//! before it asks for anything, and what `--verify` takes away again when all is done. Source:
//! KIP-73; Kafka, `ReassignPartitionsCommand`.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::config::{FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS};
use broker_model::metadata::Image;
use broker_model::protocol::Request;
use broker_model::protocol::controller::{AlterConfigsRequest, ConfigResource};
use broker_model::types::NodeId;
use scenarios::model::FaultKind;

use super::operation::Move;
use crate::world::World;

const RATES: [&str; 2] = [LEADER_RATE, FOLLOWER_RATE];
const LISTS: [&str; 2] = [LEADER_REPLICAS, FOLLOWER_REPLICAS];

/// Whose configuration is other than the scenario says, until no reassignment is under way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Throttled {
    topics: BTreeMap<String, Lists>,
    brokers: BTreeSet<NodeId>,
}

/// Replicas of a topic as Kafka lists them: those that are read, and those that are written.
type Lists = [BTreeSet<String>; 2];

/// For each topic the replicas there are and those that come, and every broker that has one.
fn concerned(image: &Image, moves: &[Move]) -> (BTreeMap<String, Lists>, BTreeSet<NodeId>) {
    let mut topics: BTreeMap<String, Lists> = BTreeMap::new();
    let mut brokers = BTreeSet::new();
    for (partition, target) in moves {
        let Some(record) = image.partition(*partition) else { continue };
        let Some(topic) = image.topic(record.topic) else { continue };
        let lists = topics.entry(topic.name.clone()).or_default();
        let name = |broker: &NodeId| format!("{}:{broker}", record.index);
        lists[0].extend(record.replicas.iter().map(name));
        let comes = target.iter().filter(|broker| !record.replicas.contains(broker));
        lists[1].extend(comes.map(name));
        brokers.extend(record.replicas.iter().chain(target));
    }
    (topics, brokers)
}

impl World {
    /// Throttles the brokers and replicas that these moves concern.
    pub(super) fn set_replication_throttle(&mut self, rate: u64, moves: &[Move]) {
        let (topics, brokers) = concerned(self.image(), moves);
        for (name, lists) in topics {
            // What another reassignment of the topic has throttled stays so.
            let all = self.faults.throttled.topics.entry(name.clone()).or_default();
            for (all, more) in all.iter_mut().zip(lists) {
                all.extend(more);
            }
            let values = all.clone().map(|list| Some(Vec::from_iter(list).join(",")));
            self.alter(ConfigResource::Topic(name), LISTS.into_iter().zip(values));
        }
        for broker in brokers {
            let config = RATES.map(|key| (key, Some(rate.to_string())));
            self.alter(ConfigResource::Broker(broker), config.into_iter());
            self.faults.throttled.brokers.insert(broker);
        }
    }

    /// Takes the throttles away, unless another reassignment is under way.
    pub(super) fn lift_throttles(&mut self) {
        let moving = |kind| matches!(kind, FaultKind::Reassign { .. });
        if self.in_force().any(|(planned, _)| moving(planned.fault.kind)) {
            return;
        }
        let Throttled { topics, brokers } = std::mem::take(&mut self.faults.throttled);
        for broker in brokers {
            self.alter(ConfigResource::Broker(broker), RATES.map(|key| (key, None)).into_iter());
        }
        for name in topics.into_keys() {
            self.alter(ConfigResource::Topic(name), LISTS.map(|key| (key, None)).into_iter());
        }
    }

    fn alter(
        &mut self,
        resource: ConfigResource,
        config: impl Iterator<Item = (&'static str, Option<String>)>,
    ) {
        let config = config.map(|(key, value)| (key.to_owned(), value)).collect();
        let request = AlterConfigsRequest { resource, config };
        self.send_as_administrator(Request::IncrementalAlterConfigs(request));
    }
}
