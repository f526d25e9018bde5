//! Whom a fault hits: roles, resolved at the instant it fires.

use broker_model::types::NodeId;
use scenarios::model::Target;

use crate::prng::scale;
use crate::world::{FIRST_CONTROLLER, World, index_of};
use broker_model::broker::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};

impl World {
    pub(in crate::world) fn resolve(
        &self,
        target: &Target,
        choice: u64,
    ) -> (Vec<usize>, Vec<usize>) {
        let by_id = |id: NodeId| index_of(&self.nodes, id);
        let nodes: Vec<usize> = match target {
            Target::LeaderOf { topic, partition } | Target::Partition { topic, partition } => {
                self.leader_of(topic, *partition).and_then(by_id).into_iter().collect()
            }
            Target::FollowerOf { topic, partition } => {
                self.first_follower_of(topic, *partition).and_then(by_id).into_iter().collect()
            }
            Target::GroupCoordinator(group) => {
                self.group_coordinator(group).and_then(by_id).into_iter().collect()
            }
            Target::TransactionCoordinator(id) => {
                self.transaction_coordinator(id).and_then(by_id).into_iter().collect()
            }
            Target::Controller => by_id(self.controller().node()).into_iter().collect(),
            Target::ControllerNumber(number) => {
                by_id(NodeId(FIRST_CONTROLLER + number - 1)).into_iter().collect()
            }
            Target::Broker(id) => by_id(NodeId(*id)).into_iter().collect(),
            Target::Rack(rack) => self.nodes_in_rack(rack),
            Target::AllBrokers => self.broker_indices().collect(),
            Target::RandomBroker => {
                let brokers: Vec<usize> = self.broker_indices().collect();
                vec![brokers[scale(choice, brokers.len() as u64) as usize]]
            }
            Target::Topic(topic) => self.leaders_of(topic),
            Target::Service { .. } => Vec::new(),
        };
        let clients = match target {
            Target::Service { name, instance } => self.clients_named(name, *instance),
            _ => Vec::new(),
        };
        (nodes, clients)
    }

    fn broker_indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().enumerate().filter(|(_, n)| n.broker().is_some()).map(|(i, _)| i)
    }

    fn nodes_in_rack(&self, rack: &str) -> Vec<usize> {
        let racks = &self.plan.scenario.cluster.racks;
        self.broker_indices().filter(|i| racks[i % racks.len()] == rack).collect()
    }

    fn clients_named(&self, service: &str, instance: Option<u32>) -> Vec<usize> {
        let matches = |name: &str| match instance {
            Some(n) => name == format!("{service}/{n}"),
            None => name.rsplit_once('/').is_some_and(|(s, _)| s == service),
        };
        let clients = self.clients.iter().enumerate();
        clients.filter(|(_, c)| matches(&c.name)).map(|(i, _)| i).collect()
    }

    fn leader_of(&self, topic: &str, index: u32) -> Option<NodeId> {
        let partition = self.partition_named(topic, index)?;
        self.image().partition(partition)?.leader
    }

    /// Where the leaders of a topic's partitions are.
    fn leaders_of(&self, topic: &str) -> Vec<usize> {
        let image = self.image();
        let partitions = image.topic_by_name(topic).and_then(|id| image.topic(id));
        let leads = |id: NodeId| {
            let of = partitions.iter().flat_map(|topic| &topic.partitions);
            of.filter_map(|p| image.partition(*p)).any(|record| record.leader == Some(id))
        };
        self.broker_indices().filter(|&index| leads(self.nodes[index].id)).collect()
    }

    fn first_follower_of(&self, topic: &str, index: u32) -> Option<NodeId> {
        let partition = self.partition_named(topic, index)?;
        let image = self.image();
        let record = image.partition(partition)?;
        record.replicas.iter().copied().find(|&r| Some(r) != record.leader)
    }

    fn group_coordinator(&self, group: &str) -> Option<NodeId> {
        let count = self.internal_partitions(OFFSETS_TOPIC)?;
        let partition = broker_model::names::java_hash_abs(group) % count;
        self.leader_of(OFFSETS_TOPIC, partition)
    }

    fn transaction_coordinator(&self, id: &str) -> Option<NodeId> {
        let count = self.internal_partitions(TRANSACTIONS_TOPIC)?;
        let partition = broker_model::names::java_hash_abs(id) % count;
        self.leader_of(TRANSACTIONS_TOPIC, partition)
    }

    fn internal_partitions(&self, topic: &str) -> Option<u32> {
        let image = self.image();
        let count = image.topic(image.topic_by_name(topic)?)?.partitions.len() as u32;
        (count > 0).then_some(count)
    }

    pub(in crate::world) fn resolved_name(&self, nodes: &[usize], clients: &[usize]) -> String {
        let nodes = nodes.iter().map(|&i| {
            let kind = if self.nodes[i].broker().is_some() { "broker" } else { "controller" };
            format!("{kind} {}", self.nodes[i].id)
        });
        let clients = clients.iter().map(|&i| self.clients[i].name.clone());
        let names: Vec<String> = nodes.chain(clients).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    }
}
