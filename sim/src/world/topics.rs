//! The topics of a run: created, led, and declared to the recorder.

use broker_model::broker::{Broker, internal_topic};
use broker_model::protocol::Request;
use broker_model::protocol::controller::CreateTopicRequest;
use broker_model::types::{NodeId, PartitionId, TopicId};
use scenarios::model::ExactlyOnce;

use super::{Node, World};
use crate::client::consumer::OffsetReset;
use crate::plan::config_text;

impl World {
    pub(super) fn create_topics(&mut self) {
        let scenario = &self.plan.scenario;
        let mut requests = Vec::new();
        for topic in &scenario.topics {
            let config = topic.config.set.iter();
            requests.push(CreateTopicRequest {
                name: topic.name.clone(),
                partitions: topic.partitions,
                replication_factor: topic.replication,
                assignment: Vec::new(),
                config: config.map(|(k, v)| (k.clone(), config_text(v))).collect(),
                internal: false,
            });
        }
        requests.extend(self.internal_topics());
        for request in requests {
            self.send_as_administrator(Request::CreateTopics(request));
        }
    }

    /// The internal topics that can be. Kafka never creates one that wants more replicas than
    /// there are brokers; the brokers are left to find that out when somebody needs it.
    fn internal_topics(&self) -> impl Iterator<Item = CreateTopicRequest> + '_ {
        let config = self.nodes.iter().find_map(Node::broker).map(Broker::config);
        let config = config.expect("a cluster has brokers");
        let brokers = self.plan.scenario.brokers_at_boot();
        let both = [false, true].map(|transactions| internal_topic(config, transactions));
        both.into_iter().filter(move |request| request.replication_factor <= brokers)
    }

    /// All topics exist, and every leader knows that it leads.
    pub(super) fn topics_have_leaders(&self) -> bool {
        let image = self.image();
        let created = self.plan.scenario.topics.iter().map(|t| t.name.as_str());
        let internal = self.internal_topics().map(|request| request.name);
        created.map(str::to_owned).chain(internal).all(|name| image.topic_by_name(&name).is_some())
            && image
                .partitions()
                .all(|p| p.leader.is_some_and(|leader| self.leads(leader, p.partition)))
    }

    fn leads(&self, node: NodeId, partition: PartitionId) -> bool {
        self.node_of(node)
            .and_then(Node::broker)
            .and_then(|b| b.replica(partition))
            .is_some_and(|r| r.leader().is_some())
    }

    /// Tells the recorder which partitions each topic has.
    pub(super) fn declare_topics(&mut self) {
        let names: Vec<String> = self.plan.scenario.topics.iter().map(|t| t.name.clone()).collect();
        for (place, name) in names.into_iter().enumerate() {
            let image = self.image();
            let Some(id) = image.topic_by_name(&name) else { continue };
            let Some(topic) = image.topic(id) else { continue };
            assert_eq!(id.0 as usize, place, "topics are numbered in the order of the file");
            let partitions: Vec<u32> = topic.partitions.iter().map(|p| p.0).collect();
            let all = topic.partitions.clone();
            self.shared.topics.add(&name, id, &all);
            self.shared.recorder.come_home().topic(id.0, &name, partitions);
        }
        self.declare_order();
        self.watch_groups();
    }

    /// Tells the recorder which topics promise an order per key, and where orders end.
    fn declare_order(&mut self) {
        let checks = self.plan.scenario.checks.clone();
        for name in &checks.per_key_order {
            let Some(topic) = self.shared.topics.id(name) else { continue };
            self.shared.recorder.come_home().keyed_topic(topic.0);
            if self.tells_of_rows(name) {
                self.shared.recorder.come_home().order_of_rows(topic.0);
            }
            if let Some(source) = self.source_of(name).and_then(|s| self.shared.topics.id(&s)) {
                self.shared.recorder.come_home().derived_topic(topic.0, source.0);
            }
        }
        let topics = |one: &ExactlyOnce| {
            Some((self.shared.topics.id(&one.from)?, self.terminals_of(&one.to)?))
        };
        let pairs: Vec<(TopicId, Vec<u32>)> =
            checks.exactly_once.iter().filter_map(topics).collect();
        for (from, terminals) in pairs {
            self.shared.recorder.come_home().lifecycle(from.0, terminals);
        }
    }

    /// Whether the records of a topic are those of rows.
    fn tells_of_rows(&self, topic: &str) -> bool {
        let mut services = self.plan.scenario.services.iter();
        services.any(|s| s.rows.is_some() && s.output.as_deref() == Some(topic))
    }

    /// A topic, and the dead-letter topics of those who write it: what they gave up ends there.
    fn terminals_of(&self, topic: &str) -> Option<Vec<u32>> {
        let makers = self.plan.scenario.services.iter();
        let makers = makers.filter(|s| s.output.as_deref() == Some(topic));
        let given_up = makers.filter_map(|s| self.shared.topics.id(s.dead_letter()?));
        let end = self.shared.topics.id(topic)?;
        Some(std::iter::once(end).chain(given_up).map(|id| id.0).collect())
    }

    /// The topic whose records a service turns into those of this one, if it is one topic.
    pub(super) fn source_of(&self, topic: &str) -> Option<String> {
        let services = &self.plan.scenario.services;
        let mut makers = services.iter().filter(|s| s.output.as_deref() == Some(topic));
        match (makers.next().map(|s| s.inputs.as_slice()), makers.next()) {
            (Some([source]), None) => Some(source.clone()),
            _ => None,
        }
    }

    fn watch_groups(&mut self) {
        let services = self.plan.scenario.services.iter().zip(&self.plan.settings.clients);
        let services: Vec<(String, bool, Vec<String>)> = services
            .filter_map(|(s, client)| {
                let reset = client.consumer.auto_offset_reset;
                s.group
                    .clone()
                    .map(|g| (g, reset == OffsetReset::Earliest, s.reads().cloned().collect()))
            })
            .collect();
        for (group, from_earliest, inputs) in services {
            let id = self.shared.names.group(&group);
            let image = self.image();
            let partitions: Vec<PartitionId> = inputs
                .iter()
                .filter_map(|name| image.topic(image.topic_by_name(name)?))
                .flat_map(|topic| topic.partitions.iter().copied())
                .collect();
            self.shared.progress.watch(id, from_earliest, partitions.into_iter());
        }
    }
}
