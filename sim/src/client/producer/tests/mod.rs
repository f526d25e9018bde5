//! Unit tests; the dialogues in `tests/` compare with the Java client.

mod chaos;
mod outcomes;

use broker_model::names::Names;
use broker_model::protocol::ErrorCode;
use broker_model::protocol::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use broker_model::protocol::produce::ProduceRequest;
use broker_model::protocol::{Request, Response};
use broker_model::records::Batches;
use broker_model::rules::Rules;
use broker_model::types::{
    Instant, LeaderEpoch, MILLISECOND, NodeId, Now, PartitionId, RecordId, Timestamp, TopicId,
};

use super::{Producer, ProducerConfig, ProducerEvent};
use crate::client::{ClientContext, ClientOutput, Correlation};
use crate::prng::Stream;
use crate::records::{Key, Lane, RecordTable};

const MS: u64 = MILLISECOND;
const TOPIC: TopicId = TopicId(0);

/// A producer with everything around it but a network.
struct Host {
    producer: Producer,
    batches: Batches,
    names: Names,
    records: RecordTable,
    rules: Rules,
    draws: Stream,
    outputs: Vec<ClientOutput>,
    now: Instant,
}

impl Host {
    fn new(config: ProducerConfig, seed: u64) -> Self {
        let mut producer = Producer::new(config, seed).expect("the settings of the test agree");
        producer.want_topic("t");
        Self {
            producer,
            batches: Batches::new(),
            names: Names::default(),
            records: RecordTable::new(Timestamp(0)),
            rules: Rules::default(),
            draws: Stream::new(seed, "producer"),
            outputs: Vec::new(),
            now: Instant(1_000 * MS),
        }
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut Producer, &mut ClientContext<'_>) -> T) -> T {
        let wall = Timestamp((self.now.0 / MS).cast_signed());
        let mut cx = ClientContext {
            now: Now { instant: self.now, wall },
            batches: &mut self.batches,
            names: &self.names,
            records: &mut self.records,
            rules: &self.rules,
            draws: &mut self.draws,
            outputs: &mut self.outputs,
        };
        f(&mut self.producer, &mut cx)
    }

    /// Lets the producer do what it wants; gives what it sends.
    fn poll(&mut self) -> Vec<ClientOutput> {
        self.with(Producer::poll);
        core::mem::take(&mut self.outputs)
    }

    fn record(&mut self, key: u32, size: u32) -> RecordId {
        let entity = self.records.push_entity(Lane::ANY, self.now, Key::new(key));
        self.records.push(Lane::ANY, entity, size)
    }

    fn answer(&mut self, from: NodeId, correlation: Correlation, response: Response) {
        self.with(|p, cx| p.response(cx, from, correlation, Ok(response)));
    }

    fn events(&mut self) -> Vec<ProducerEvent> {
        core::iter::from_fn(|| self.producer.poll_event()).collect()
    }
}

/// Metadata of topic `t` with these leaders and leader epochs.
fn metadata(leaders: &[(u32, i32)]) -> MetadataResponse {
    let brokers = vec![NodeId(0), NodeId(1)];
    let partition = |(index, &(leader, epoch)): (u32, &(u32, i32))| PartitionMetadata {
        topic: TOPIC,
        index,
        partition: PartitionId(index),
        error: ErrorCode::None,
        leader: Some(NodeId(leader)),
        leader_epoch: LeaderEpoch(epoch),
        replicas: brokers.clone(),
        isr: brokers.clone(),
        offline: Vec::new(),
    };
    MetadataResponse {
        topics: vec![TopicMetadata {
            error: ErrorCode::None,
            name: "t".to_owned(),
            id: TOPIC,
            internal: false,
        }],
        partitions: (0_u32..).zip(leaders).map(partition).collect(),
        brokers,
    }
}

/// The produce requests among outputs.
fn produces(outputs: Vec<ClientOutput>) -> Vec<(NodeId, Correlation, ProduceRequest)> {
    let produce = |output| match output {
        ClientOutput::Send { to, correlation, request: Request::Produce(request), .. } => {
            Some((to, correlation, request))
        }
        _ => None,
    };
    outputs.into_iter().filter_map(produce).collect()
}
