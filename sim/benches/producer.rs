//! Cost of a record in the producer: from `send_run` to the acknowledgement of its batch.

use assize::client::producer::{Producer, ProducerConfig, ProducerEvent};
use assize::client::{ClientContext, ClientOutput};
use assize::prng::Stream;
use assize::records::{Key, Lane, NO_KEY, RecordTable};
use broker_model::names::Names;
use broker_model::protocol::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use broker_model::protocol::produce::{ProduceResponse, ProducedPartition};
use broker_model::protocol::txn::{InitProducerIdResponse, ProducerIdAndEpoch};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::Batches;
use broker_model::rules::Rules;
use broker_model::types::{
    Instant, LeaderEpoch, MICROSECOND, NodeId, Now, Offset, PartitionId, ProducerEpoch, ProducerId,
    RecordId, Timestamp, TopicId,
};
use divan::Bencher;
use divan::counter::ItemsCount;

const PARTITIONS: u32 = 12;
const BROKERS: u32 = 3;
const RECORDS: u32 = 100_000;
/// Records that come at once, one such run every millisecond: 45,000 records a second.
const RUN: usize = 45;
const TOPIC: TopicId = TopicId(0);

fn main() {
    divan::main();
}

fn metadata() -> MetadataResponse {
    let brokers: Vec<NodeId> = (0..BROKERS).map(NodeId).collect();
    let partition = |index| PartitionMetadata {
        topic: TOPIC,
        index,
        partition: PartitionId(index),
        error: ErrorCode::None,
        leader: Some(NodeId(index % BROKERS)),
        leader_epoch: LeaderEpoch(0),
        replicas: brokers.clone(),
        isr: brokers.clone(),
        offline: Vec::new(),
    };
    MetadataResponse {
        topics: vec![TopicMetadata {
            error: ErrorCode::None,
            name: "orders".to_owned(),
            id: TOPIC,
            internal: false,
        }],
        partitions: (0..PARTITIONS).map(partition).collect(),
        brokers,
    }
}

struct Bench {
    producer: Producer,
    batches: Batches,
    names: Names,
    records: RecordTable,
    ids: Vec<RecordId>,
    rules: Rules,
    draws: Stream,
    outputs: Vec<ClientOutput>,
    now: Instant,
    acked: usize,
    requests: u32,
}

impl Bench {
    fn new(keyed: bool) -> Self {
        let mut config = ProducerConfig::default();
        config.bootstrap_servers = vec![NodeId(0)];
        let mut producer = Producer::new(config, 1).expect("the defaults agree");
        producer.want_topic("orders");
        let mut records = RecordTable::new(Timestamp(0));
        let ids = (0..RECORDS)
            .map(|n| {
                let entity = records.push_entity(
                    Lane::ANY,
                    Instant(u64::from(n) * 22 * MICROSECOND),
                    Key::new(if keyed { n } else { NO_KEY }),
                );
                records.push(Lane::ANY, entity, 250)
            })
            .collect();
        let mut bench = Self {
            producer,
            batches: Batches::new(),
            names: Names::default(),
            records,
            ids,
            rules: Rules::default(),
            draws: Stream::new(1, "producer"),
            outputs: Vec::new(),
            now: Instant(1_000_000),
            acked: 0,
            requests: 0,
        };
        while bench.producer.metadata().partitions(TOPIC).is_empty()
            || !bench.producer.producer().id.is_some()
        {
            bench.settle();
        }
        bench
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut Producer, &mut ClientContext<'_>) -> T) -> T {
        let mut cx = ClientContext {
            now: Now { instant: self.now, wall: Timestamp(0) },
            batches: &mut self.batches,
            names: &self.names,
            records: &mut self.records,
            rules: &self.rules,
            draws: &mut self.draws,
            outputs: &mut self.outputs,
        };
        f(&mut self.producer, &mut cx)
    }

    /// Everything due now is sent, and answered at once.
    fn settle(&mut self) {
        self.with(Producer::poll);
        while !self.outputs.is_empty() {
            for output in core::mem::take(&mut self.outputs) {
                let ClientOutput::Send { to, correlation, request, .. } = output else { continue };
                self.requests += 1;
                let response = answer(&request);
                self.with(|p, cx| p.response(cx, to, correlation, Ok(response)));
            }
            self.with(Producer::poll);
        }
        while let Some(event) = self.producer.poll_event() {
            if let ProducerEvent::Completed { batch, .. } = event {
                self.acked += self.batches.records(batch).len();
            }
        }
    }

    fn load(&mut self) -> usize {
        let ids = core::mem::take(&mut self.ids);
        for run in ids.chunks(RUN) {
            self.now = self.now + 1_000 * MICROSECOND;
            let sent = self.with(|p, cx| p.send_run(cx, TOPIC, run));
            assert_eq!(sent.accepted, run.len(), "the buffer has room");
            if self.producer.next_deadline() <= self.now {
                self.settle();
            }
        }
        self.now = self.now + 10_000 * MICROSECOND;
        self.settle();
        assert_eq!(self.acked, ids.len(), "every record is acknowledged");
        self.acked
    }
}

fn answer(request: &Request) -> Response {
    match request {
        Request::Metadata(_) => Response::Metadata(metadata().into()),
        Request::InitProducerId(_) => Response::InitProducerId(InitProducerIdResponse {
            error: ErrorCode::None,
            producer: ProducerIdAndEpoch { id: ProducerId(1), epoch: ProducerEpoch(0) },
        }),
        Request::Produce(request) => Response::Produce(ProduceResponse {
            throttle_time: 0,
            partitions: request
                .partitions
                .iter()
                .map(|p| ProducedPartition {
                    partition: p.partition,
                    error: ErrorCode::None,
                    base_offset: Offset(0),
                    log_append_time: Timestamp::NONE,
                    log_start_offset: Offset(0),
                    current_leader: None,
                })
                .collect(),
        }),
        other => panic!("an idempotent producer does not ask {other:?}"),
    }
}

#[divan::bench(args = [true, false])]
fn send_and_acknowledge(bencher: Bencher<'_, '_>, keyed: bool) {
    bencher
        .counter(ItemsCount::new(RECORDS))
        .with_inputs(|| Bench::new(keyed))
        .bench_local_values(|mut bench| bench.load());
}

#[divan::bench(args = [true, false])]
fn send_only(bencher: Bencher<'_, '_>, keyed: bool) {
    const SENT: usize = 20_000;
    bencher.counter(ItemsCount::new(SENT)).with_inputs(|| Bench::new(keyed)).bench_local_values(
        |mut bench| {
            let ids = core::mem::take(&mut bench.ids);
            let sent = bench.with(|p, cx| p.send_run(cx, TOPIC, &ids[..SENT]));
            assert_eq!(sent.accepted, SENT, "the buffer has room");
            bench
        },
    );
}
