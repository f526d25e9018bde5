//! A producer against naive brokers that lose, refuse, forget and move at random: whatever
//! happens, an idempotent producer writes every record once and in order, and never says what is
//! not so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use broker_model::io::Disconnected;
use broker_model::protocol::produce::{ProduceRequest, ProduceResponse, ProducedPartition};
use broker_model::protocol::txn::{InitProducerIdResponse, ProducerIdAndEpoch};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::rules::RetryPosition;
use broker_model::types::{
    BatchId, LeaderEpoch, NodeId, Offset, PartitionId, ProducerEpoch, ProducerId, RecordId,
    Timestamp,
};

use super::super::event::{Outcome, SendOutcome};
use super::super::{ProducerConfig, ProducerEvent};
use super::{Host, MS, TOPIC, metadata};
use crate::client::{ClientOutput, Correlation};
use crate::records::NO_KEY;

const PARTITIONS: u32 = 3;
const RECORDS: u32 = 60;

/// One partition at its leader: the log and what is known of the one producer.
#[derive(Default)]
struct Log {
    records: Vec<RecordId>,
    epoch: i16,
    next: i32,
    /// The last five batches: epoch, first sequence, first offset.
    recent: VecDeque<(i16, i32, i64)>,
}

impl Log {
    fn append(&mut self, host: &Host, batch: BatchId) -> (ErrorCode, i64) {
        let body = host.batches.get(batch);
        let (epoch, sequence) = (body.producer_epoch.0, body.base_sequence);
        if epoch < self.epoch {
            return (ErrorCode::InvalidProducerEpoch, -1);
        }
        let known = self.recent.iter().find(|(e, s, _)| (*e, *s) == (epoch, sequence));
        if let Some(&(_, _, offset)) = known {
            return (ErrorCode::None, offset);
        }
        let expected = if epoch > self.epoch { 0 } else { self.next };
        if sequence != expected {
            return (ErrorCode::OutOfOrderSequenceNumber, -1);
        }
        let offset = self.records.len() as i64;
        self.records.extend_from_slice(host.batches.records(batch));
        self.epoch = epoch;
        self.next = sequence + body.count.cast_signed();
        self.recent.push_back((epoch, sequence, offset));
        if self.recent.len() > 5 {
            self.recent.pop_front();
        }
        (ErrorCode::None, offset)
    }
}

struct Chaos {
    host: Host,
    logs: Vec<Log>,
    leaders: Vec<(u32, i32)>,
    /// Requests of each connection, in order.
    wires: [VecDeque<(Correlation, Request)>; 2],
    /// Requests that outlive their connection.
    zombies: Vec<(u32, ProduceRequest)>,
    dice: crate::prng::Stream,
    calm: bool,
    acked: BTreeMap<RecordId, (PartitionId, i64)>,
    failed: BTreeSet<RecordId>,
    unknown: BTreeSet<RecordId>,
}

impl Chaos {
    fn new(seed: u64, settings: &[(&str, &str)]) -> Self {
        let mut config = ProducerConfig::default();
        config.bootstrap_servers = vec![NodeId(0), NodeId(1)];
        for (key, value) in settings {
            config.set(key, value).expect("a setting of a producer");
        }
        Self {
            host: Host::new(config, seed),
            logs: (0..PARTITIONS).map(|_| Log::default()).collect(),
            leaders: vec![(0, 0), (1, 0), (0, 0)],
            wires: [VecDeque::new(), VecDeque::new()],
            zombies: Vec::new(),
            dice: crate::prng::Stream::new(seed, "chaos"),
            calm: false,
            acked: BTreeMap::new(),
            failed: BTreeSet::new(),
            unknown: BTreeSet::new(),
        }
    }

    fn hit(&mut self, percent: u64) -> bool {
        !self.calm && self.dice.chance(percent, 100)
    }

    fn poll(&mut self) {
        for output in self.host.poll() {
            match output {
                ClientOutput::Send { to, correlation, request, .. } => {
                    self.wires[to.0 as usize].push_back((correlation, request));
                }
                ClientOutput::Close { to } => self.wires[to.0 as usize].clear(),
                other => panic!("a producer has no second connection: {other:?}"),
            }
        }
        for event in self.host.events() {
            let ProducerEvent::Completed { partition, batch, outcome, .. } = event else {
                continue;
            };
            let records = self.host.batches.records(batch).to_vec();
            for (i, record) in (0_i64..).zip(records) {
                let fresh = match outcome {
                    Outcome::Acknowledged { base_offset } => {
                        self.acked.insert(record, (partition, base_offset.0 + i)).is_none()
                    }
                    Outcome::Failed(_) => self.failed.insert(record),
                    Outcome::Unknown(_) => self.unknown.insert(record),
                };
                assert!(fresh, "record {record} is completed once");
            }
        }
    }

    /// The oldest request of a connection is processed, or the connection breaks.
    fn serve(&mut self, node: u32) {
        if self.hit(4) {
            let broken = core::mem::take(&mut self.wires[node as usize]);
            if let Some((_, Request::Produce(request))) = broken.front()
                && self.hit(50)
            {
                self.zombies.push((node, request.clone()));
            }
            for (correlation, _) in broken {
                let from = NodeId(node);
                self.host.with(|p, cx| p.response(cx, from, correlation, Err(Disconnected)));
            }
            return;
        }
        let Some((correlation, request)) = self.wires[node as usize].pop_front() else { return };
        let response = match request {
            Request::Metadata(_) => Response::Metadata(metadata(&self.leaders).into()),
            Request::InitProducerId(_) => Response::InitProducerId(InitProducerIdResponse {
                error: if self.hit(30) {
                    ErrorCode::CoordinatorLoadInProgress
                } else {
                    ErrorCode::None
                },
                producer: ProducerIdAndEpoch { id: ProducerId(9), epoch: ProducerEpoch(0) },
            }),
            Request::Produce(request) => Response::Produce(self.produce(node, &request)),
            other => panic!("an idempotent producer does not ask {other:?}"),
        };
        self.host.answer(NodeId(node), correlation, response);
    }

    fn produce(&mut self, node: u32, request: &ProduceRequest) -> ProduceResponse {
        let mut partitions = Vec::new();
        for part in &request.partitions {
            let (leader, epoch) = self.leaders[part.partition.index()];
            let hint = self.hit(50).then_some((NodeId(leader), LeaderEpoch(epoch)));
            let (error, offset, current_leader) = if leader != node {
                (ErrorCode::NotLeaderOrFollower, -1, hint)
            } else if self.hit(5) {
                (ErrorCode::NotEnoughReplicas, -1, None)
            } else {
                let log = &mut self.logs[part.partition.index()];
                let (error, offset) = log.append(&self.host, part.batch);
                let late = self.hit(5) && error == ErrorCode::None;
                if late { (ErrorCode::RequestTimedOut, -1, None) } else { (error, offset, None) }
            };
            partitions.push(ProducedPartition {
                partition: part.partition,
                error,
                base_offset: Offset(offset),
                log_append_time: Timestamp::NONE,
                log_start_offset: Offset(0),
                current_leader,
            });
        }
        ProduceResponse { throttle_time: 0, partitions }
    }

    fn step(&mut self) {
        match self.dice.below(10) {
            0..=1 => self.serve(0),
            2..=3 => self.serve(1),
            4 => {
                let wait = self.dice.below(80) * MS;
                self.host.now = self.host.now + wait;
            }
            5 if self.hit(10) => {
                let at = self.dice.below(u64::from(PARTITIONS)) as usize;
                let (leader, epoch) = self.leaders[at];
                self.leaders[at] = (1 - leader, epoch + 1);
            }
            6 => {
                if let Some((node, request)) = self.zombies.pop() {
                    let _ = self.produce(node, &request);
                }
            }
            _ => {
                let next = self.host.producer.next_deadline();
                self.host.now = self.host.now.max(next.min(self.host.now + 200 * MS));
            }
        }
        self.poll();
    }

    fn run(&mut self) {
        let mut sent = 0;
        for _ in 0..3_000 {
            if sent < RECORDS && self.dice.chance(1, 4) {
                let size = 50 + u32::try_from(self.dice.below(400)).expect("small");
                let key = if self.dice.chance(1, 2) { NO_KEY } else { sent };
                let record = self.host.record(key, size);
                let outcome = self.host.with(|p, cx| p.send(cx, TOPIC, None, record));
                // A record that is not accepted is forgotten: nothing may come of it.
                sent += u32::from(outcome == SendOutcome::Accepted);
            }
            self.step();
        }
        self.calm = true;
        for _ in 0..20_000 {
            self.step();
        }
        let done = self.acked.len() + self.failed.len() + self.unknown.len();
        assert_eq!(done, sent as usize, "every record has an outcome after healing");
        let config = self.host.producer.config().buffer_memory;
        assert_eq!(self.host.producer.available_memory(), config, "all memory is back");
    }

    /// What the logs must look like, in a sentence if they do not.
    fn judge(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for (at, log) in self.logs.iter().enumerate() {
            if !log.records.is_sorted() {
                return Err(format!("partition {at} is out of order: {:?}", log.records));
            }
            for &record in &log.records {
                if !seen.insert(record) {
                    return Err(format!("record {record} was written twice"));
                }
                if self.failed.contains(&record) {
                    return Err(format!("record {record} was called failed and is in the log"));
                }
            }
        }
        for (&record, &(partition, offset)) in &self.acked {
            let log = &self.logs[partition.index()].records;
            if usize::try_from(offset).ok().and_then(|at| log.get(at)) != Some(&record) {
                return Err(format!("record {record} is not at {partition}@{offset}"));
            }
        }
        Ok(())
    }
}

#[test]
fn writes_once_and_in_order() {
    for seed in 0..60 {
        let mut chaos = Chaos::new(seed, &[("batch.size", "600"), ("linger.ms", "3")]);
        chaos.run();
        chaos.judge().unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        assert_eq!(chaos.acked.len(), RECORDS as usize, "seed {seed}: patience brings all");
    }
}

#[test]
fn never_claims_what_is_not_so_when_it_gives_up() {
    let settings = [
        ("batch.size", "600"),
        ("request.timeout.ms", "300"),
        ("delivery.timeout.ms", "400"),
        ("linger.ms", "3"),
    ];
    let (mut unknown, mut failed) = (0, 0);
    for seed in 0..60 {
        let mut chaos = Chaos::new(seed, &settings);
        chaos.run();
        chaos.judge().unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        unknown += chaos.unknown.len();
        failed += chaos.failed.len();
    }
    assert!(unknown > 0 && failed > 0, "the test reaches both outcomes: {unknown}, {failed}");
}

#[test]
fn retries_at_the_tail_break_the_order() {
    let caught = (0..60).any(|seed| {
        let mut chaos = Chaos::new(seed, &[("batch.size", "300"), ("linger.ms", "0")]);
        chaos.host.rules.retry_position = RetryPosition::Tail;
        chaos.run();
        chaos.judge().is_err()
    });
    assert!(caught, "the canary reorders within sixty seeds");
}
