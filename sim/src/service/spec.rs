//! What all instances of a service have in common.

use broker_model::types::{
    Duration, GroupId, Instant, NodeId, PartitionId, RackId, RecordId, TopicId,
};
use reports::history::{Isolation, TableId};
use reports::metric::StageId;
use scenarios::model::{Commit, Poison, Publish, Ratio, TransactionalIds};

use super::kind::Output;
use crate::client::ClientOutput;
use crate::client::consumer::ConsumerConfig;
use crate::client::producer::ProducerConfig;
use crate::plan::{ClientSettings, Quantiles};
use crate::world::{ActorContext, Port};

/// The table of a local database to which a service commits rows, or whose outbox it publishes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowsSpec {
    /// The table's number in the recorder.
    pub table: TableId,
    /// How the records of rows come to their topic.
    pub publish: Publish,
    /// How long a commit takes.
    pub time: Duration,
    /// The number of its outbox, if it has one.
    pub outbox: Option<usize>,
}

/// A service of the scenario, ready to run.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// The run's seed.
    pub seed: u64,
    /// All brokers, which clients bootstrap from.
    pub brokers: Vec<NodeId>,
    /// Names of the racks, which instances are dealt to in turn.
    pub racks: Vec<String>,
    /// Service time per record, one table for each input or one for all.
    pub times: Vec<Quantiles>,
    /// Topics consumed: the inputs and, behind a single one, its retry topics.
    pub inputs: Vec<String>,
    /// Topic produced to.
    pub output: Option<String>,
    /// All topics produced to: the output, the retry topics and the dead-letter topic.
    pub targets: Vec<String>,
    /// What the records are like that it produces.
    pub makes_like: Output,
    /// For each input: whether a record of it has an output to be compressed.
    pub makes: Vec<bool>,
    /// The consumer group.
    pub group: Option<GroupId>,
    /// Outputs and offsets go through transactions.
    pub transactional: bool,
    /// Where transactional ids come from.
    pub transactional_ids: TransactionalIds,
    /// How many instances it has.
    pub instances: u32,
    /// Probability that it aborts a transaction it could commit.
    pub abort: Ratio,
    /// When offsets are committed.
    pub commit: Commit,
    /// From the first record processed to the commit, nanoseconds.
    pub commit_interval: u64,
    /// Records that the handler fails with, and what decides per seed which they are.
    pub poison: Option<(Poison, u64)>,
    /// From a failure to the restart, nanoseconds.
    pub restart: u64,
    /// Kafka's configurations of its clients.
    pub clients: ClientSettings,
    /// Its effect store.
    pub effects: Option<usize>,
    /// Its table of rows.
    pub rows: Option<RowsSpec>,
    /// Its stage: intended time to the end of service.
    pub stage: Option<StageId>,
    /// Intended time to acknowledgment, for an ingress.
    pub produce_stage: Option<StageId>,
    /// The end of the pipeline, for inputs that nobody derives from.
    pub end_stage: Option<StageId>,
    /// For each input: whether the pipeline ends with it.
    pub ends: Vec<bool>,
}

impl ServiceSpec {
    /// Whether the service commits offsets by itself, outside transactions or in them.
    #[must_use]
    pub fn commits_itself(&self) -> bool {
        self.transactional || self.commit == Commit::AfterProcessing
    }

    /// The topic it produces to.
    #[must_use]
    pub fn output_topic(&self, cx: &ActorContext<'_>) -> Option<TopicId> {
        cx.shared.topics.id(self.output.as_ref()?)
    }

    /// Which input a partition belongs to.
    #[must_use]
    pub fn input_of(&self, cx: &ActorContext<'_>, partition: PartitionId) -> usize {
        if self.inputs.len() < 2 {
            return 0;
        }
        let topic = cx.shared.topics.topic_of(partition);
        self.inputs.iter().position(|name| cx.shared.topics.id(name) == topic).unwrap_or(0)
    }

    /// The configuration of the producer of an instance, which has started so often, 1 being the first
    /// time.
    #[must_use]
    pub fn producer_config(
        &self,
        cx: &mut ActorContext<'_>,
        number: u32,
        starts: u32,
    ) -> ProducerConfig {
        let mut config = self.clients.producer.clone();
        config.bootstrap_servers.clone_from(&self.brokers);
        if self.transactional {
            let id = self.transactional_ids.of(&self.name, number, starts - 1);
            config.transactional_id = Some(cx.shared.names.transactional_id(&id));
        }
        config
    }

    /// Group, configuration and isolation of an instance's consumer. Several instances with a
    /// `group.instance.id` get one each, by their numbers: two with the same would fence each other.
    #[must_use]
    pub fn consumer_config(
        &self,
        cx: &mut ActorContext<'_>,
        number: u32,
    ) -> (GroupId, ConsumerConfig, Isolation) {
        use broker_model::protocol::fetch::Isolation as Level;
        let mut config = self.clients.consumer.clone();
        let rack = number as usize % self.racks.len();
        config.client_rack = Some(RackId(rack as u32));
        config.client_rack_name = Some(self.racks[rack].clone());
        if let Some(instance) = &mut config.group_instance_id
            && self.instances > 1
        {
            *instance = format!("{instance}-{number}");
        }
        let isolation = match config.isolation_level {
            Level::ReadUncommitted => Isolation::ReadUncommitted,
            Level::ReadCommitted => Isolation::ReadCommitted,
        };
        // By these names members of the new protocol subscribe.
        for topic in &self.inputs {
            cx.shared.names.topic(topic);
        }
        let name = self.name.clone();
        let group = self.group.unwrap_or_else(|| cx.shared.names.group(&name));
        (group, config, isolation)
    }

    /// A process is gone, and with it what its clients at these ports had open: a consumer also
    /// the connections to coordinators.
    pub fn close_connections(&self, cx: &mut ActorContext<'_>, ports: &[Port]) {
        for &to in &self.brokers {
            for &port in ports {
                cx.outputs.push((port, ClientOutput::Close { to }));
                if port == Port::CONSUMER {
                    cx.outputs.push((port, ClientOutput::CloseCoordinator { to }));
                }
            }
        }
    }

    /// Tells the recorder how long records took to the end of this stage.
    pub fn account(
        &self,
        cx: &mut ActorContext<'_>,
        input: usize,
        records: &[RecordId],
        finished: &[Instant],
    ) {
        let ends = self.ends.get(input).copied().unwrap_or(false);
        let end_stage = self.end_stage.filter(|_| ends);
        let table = &cx.shared.records;
        for stage in self.stage.into_iter().chain(end_stage) {
            let spans = records.iter().zip(finished).map(|(&id, at)| (table.intended(id).0, at.0));
            cx.shared.recorder.completed_all(stage, spans);
        }
    }

    /// A producer of this service cannot go on. If several instances share a transactional id,
    /// they have fenced each other.
    pub fn note_fenced(&self, cx: &mut ActorContext<'_>, fenced: bool, number: u32) {
        let TransactionalIds::Shared(id) = &self.transactional_ids else { return };
        if fenced && self.instances > 1 {
            cx.shared.fenced.push((
                cx.now.instant,
                format!(
                    "{}/{number} was fenced by another instance with transactional.id {id}",
                    self.name
                ),
            ));
        }
    }
}
