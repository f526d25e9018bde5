//! Random histories against a small honest broker: everything visible is given once, in order.

use broker_model::protocol::fetch::{
    AbortedTransaction, EpochEnd, FetchRequest, FetchResponse, FetchedPartition,
    ListOffsetsResponse, ListedOffset, OffsetForLeaderEpochResponse,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::LogEntry;
use broker_model::types::{
    LeaderEpoch, MILLISECOND, NodeId, Offset, PartitionId, ProducerId, Timestamp,
};

use super::{Bench, fetched};
use crate::client::{ClientOutput, Disconnected};
use crate::prng::Stream;

const PARTITIONS: usize = 5;
const PRODUCER: i64 = 9;

#[derive(Default)]
struct Log {
    entries: Vec<LogEntry>,
    end: i64,
    aborted: Vec<AbortedTransaction>,
    /// Offsets a `read_committed` consumer must see, in order.
    visible: Vec<i64>,
}

#[derive(Default)]
struct Session {
    id: u32,
    epoch: i32,
    partitions: Vec<(PartitionId, Offset)>,
}

struct Cluster {
    bench: Bench,
    logs: Vec<Log>,
    sessions: [Session; 2],
    next_session: u32,
    draws: Stream,
    given: Vec<Vec<i64>>,
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let settings = [("isolation.level", "read_committed"), ("max.poll.records", "7")];
        let leaders: Vec<_> = (0..PARTITIONS).map(|i| (u32::from(i % 2 == 1), 0)).collect();
        Self {
            bench: Bench::assigned(&settings, &leaders),
            logs: (0..PARTITIONS).map(|_| Log::default()).collect(),
            sessions: [Session::default(), Session::default()],
            next_session: 1,
            draws: Stream::new(seed, "test"),
            given: vec![vec![]; PARTITIONS],
        }
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.draws.below(n as u64)).expect("small")
    }

    fn place(&mut self, partition: usize, batch: broker_model::types::BatchId) {
        let epoch = LeaderEpoch(self.bench.leaders[partition].1);
        let log = &mut self.logs[partition];
        log.entries.push(LogEntry { base_offset: Offset(log.end), batch, leader_epoch: epoch });
        log.end += i64::from(self.bench.batches.get(batch).count);
    }

    /// Plain records, or a whole transaction with its marker.
    fn append(&mut self) {
        let partition = self.below(PARTITIONS);
        let count = 1 + self.below(6);
        let kind = self.below(3);
        let producer = if kind == 0 { -1 } else { PRODUCER };
        let batch = self.bench.batch(u32::try_from(count).expect("small"), producer);
        let first = self.logs[partition].end;
        self.place(partition, batch);
        let end = self.logs[partition].end;
        if kind == 1 {
            self.logs[partition].aborted.push(AbortedTransaction {
                producer_id: ProducerId(PRODUCER),
                first_offset: Offset(first),
            });
        } else {
            self.logs[partition].visible.extend(first..end);
        }
        if kind > 0 {
            let marker = self.bench.marker(PRODUCER, kind == 2);
            self.place(partition, marker);
        }
    }

    fn move_leader(&mut self) {
        let partition = self.below(PARTITIONS);
        let (node, epoch) = self.bench.leaders[partition];
        self.bench.leaders[partition] = (1 - node, epoch + 1);
    }

    fn poll(&mut self) {
        for run in self.bench.poll_runs() {
            let at = run.partition.index();
            self.given[at].extend(run.first_offset().0..run.end_offset().0);
        }
        for (given, log) in self.given.iter().zip(&self.logs) {
            assert_eq!(given[..], log.visible[..given.len()], "in order, without gap or repeat");
        }
    }

    /// Answers one open request truly, or breaks its connection.
    fn answer(&mut self, may_break: bool) {
        self.forget_closed();
        if self.bench.open.is_empty() {
            return;
        }
        let at = self.below(self.bench.open.len());
        if may_break && self.below(12) == 0 {
            self.bench.finish_at(at, Err(Disconnected));
            return;
        }
        let (node, request) = (self.bench.open[at].node, self.bench.open[at].request.clone());
        let response = match request {
            Request::Metadata(_) => self.bench.cluster(),
            Request::Fetch(r) => match self.fetch(node, &r) {
                Some(response) => Response::Fetch(response),
                None => return,
            },
            Request::ListOffsets(r) => {
                let listed = r.partitions.iter().map(|p| ListedOffset {
                    partition: p.partition,
                    error: ErrorCode::None,
                    offset: Offset(0),
                    leader_epoch: None,
                    timestamp: Timestamp::NONE,
                });
                Response::ListOffsets(ListOffsetsResponse { partitions: listed.collect() })
            }
            Request::OffsetForLeaderEpoch(r) => {
                let end = |p: PartitionId, epoch| {
                    let end_offset = Offset(self.logs[p.index()].end);
                    (p, ErrorCode::None, Some(EpochEnd { epoch, end_offset }))
                };
                let partitions = r.partitions.iter().map(|&(p, _, e)| end(p, e)).collect();
                Response::OffsetForLeaderEpoch(OffsetForLeaderEpochResponse { partitions })
            }
            other => panic!("{} was not expected", other.api_key().name()),
        };
        self.bench.finish_at(at, Ok(response));
    }

    /// The consumer gave up what was open on a connection it closed.
    fn forget_closed(&mut self) {
        let outputs = std::mem::take(&mut self.bench.outputs);
        self.bench.noted = 0;
        for output in outputs {
            if let ClientOutput::Close { to } = output {
                let consumer = &self.bench.consumer;
                let alive = |c| consumer.requests.clone().take(c).is_some();
                self.bench.open.retain(|open| open.node != to || alive(open.correlation));
            }
        }
    }

    /// `None` while there is nothing to answer with.
    fn fetch(&mut self, node: NodeId, r: &FetchRequest) -> Option<FetchResponse> {
        let at = usize::try_from(node.0).expect("small");
        let session = &mut self.sessions[at];
        let mut response = FetchResponse::default();
        if r.session_epoch == 0 {
            *session = Session { id: self.next_session, epoch: 0, partitions: vec![] };
            self.next_session += 1;
        } else if session.id != r.session_id {
            response.error = ErrorCode::FetchSessionIdNotFound;
            return Some(response);
        } else if session.epoch != r.session_epoch {
            response.error = ErrorCode::InvalidFetchSessionEpoch;
            return Some(response);
        }
        session.partitions.retain(|(p, _)| !r.forgotten.contains(p));
        for p in &r.partitions {
            session.partitions.retain(|&(known, _)| known != p.partition);
            session.partitions.push((p.partition, p.fetch_offset));
        }
        response.session_id = session.id;
        let wanted = session.partitions.clone();
        for (partition, offset) in wanted {
            let read = self.read(node, partition, offset, &mut response.entries);
            response.partitions.extend(read);
        }
        if response.partitions.is_empty() && r.session_epoch > 0 && self.below(4) > 0 {
            return None;
        }
        self.sessions[at].epoch = r.session_epoch + 1;
        Some(response)
    }

    fn read(
        &mut self,
        node: NodeId,
        partition: PartitionId,
        offset: Offset,
        entries: &mut Vec<LogEntry>,
    ) -> Option<FetchedPartition> {
        let room = 1 + self.below(3);
        let log = &self.logs[partition.index()];
        let (leader, epoch) = self.bench.leaders[partition.index()];
        if leader != node.0 {
            let mut refused = fetched(partition.0, ErrorCode::NotLeaderOrFollower, Offset(-1));
            if epoch % 2 == 0 {
                refused.current_leader = Some((NodeId(leader), LeaderEpoch(epoch)));
            }
            return Some(refused);
        }
        let mut data = fetched(partition.0, ErrorCode::None, Offset(log.end));
        let start = u32::try_from(entries.len()).expect("small");
        let batches = &self.bench.batches;
        let end = |e: &LogEntry| e.base_offset + i64::from(batches.get(e.batch).count);
        entries.extend(log.entries.iter().filter(|e| end(e) > offset).take(room));
        data.entries = start..u32::try_from(entries.len()).expect("small");
        data.aborted = log.aborted.clone();
        data.aborted.retain(|t| t.first_offset >= offset);
        (!data.entries.is_empty()).then_some(data)
    }

    fn pass_time(&mut self, ms: u64) {
        self.bench.advance(ms);
    }

    fn step(&mut self) {
        match self.below(14) {
            0 | 1 => self.append(),
            2 if self.below(8) == 0 => self.move_leader(),
            3 => {
                let ms = self.draws.below(120);
                self.pass_time(ms);
            }
            4 => {
                let partition = PartitionId(u32::try_from(self.below(PARTITIONS)).expect("small"));
                self.bench.consumer.pause(partition);
                self.bench.turn();
            }
            5 => {
                let partition = PartitionId(u32::try_from(self.below(PARTITIONS)).expect("small"));
                self.bench.consumer.resume(partition);
                self.bench.turn();
            }
            6..=8 => self.poll(),
            _ => self.answer(true),
        }
    }

    /// Nothing new, nothing breaks: what is left must be read.
    fn settle(&mut self) {
        for partition in 0..PARTITIONS {
            let partition = PartitionId(u32::try_from(partition).expect("small"));
            self.bench.consumer.resume(partition);
        }
        for _ in 0..600 {
            self.poll();
            self.answer(false);
            // Only when the consumer itself asks for it, as in the real event loop.
            let deadline = self.bench.consumer.next_deadline().0;
            let now = self.bench.now.instant.0;
            self.bench.now.instant.0 += 20 * MILLISECOND;
            if deadline <= now + 20 * MILLISECOND {
                self.pass_time(0);
            }
        }
    }
}

#[test]
fn every_visible_record_is_given_once_in_order() {
    for seed in 0..150 {
        let mut cluster = Cluster::new(seed);
        for _ in 0..400 {
            cluster.step();
        }
        cluster.settle();
        for (given, log) in cluster.given.iter().zip(&cluster.logs) {
            assert_eq!(given, &log.visible, "seed {seed}: all of it");
        }
        assert_eq!(cluster.bench.told(), [], "seed {seed}: no errors");
    }
}
