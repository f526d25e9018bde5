//! A consumer against a scripted broker: the test writes the answers.

mod commit;
mod fetch;
mod group;
mod member;
mod member_errors;
mod members;
mod position;
mod random;
mod show;

use broker_model::names::Names;
use std::sync::Arc;

use broker_model::protocol::coordinator::FindCoordinatorResponse;
use broker_model::protocol::fetch::{AbortedTransaction, FetchResponse, FetchedPartition};
use broker_model::protocol::group::Assignor;
use broker_model::protocol::group::{
    CommittedOffset, HeartbeatResponse, JoinGroupResponse, Metadata, OffsetCommitResponse,
    OffsetFetchResponse, ProtocolName, ProtocolType, Subscription, SyncGroupResponse,
};
use broker_model::protocol::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::{Batches, LogEntry, NewBatch};
use broker_model::rules::Rules;
use broker_model::types::{
    BatchId, CoordinatorEpoch, GenerationId, GroupId, Instant, LeaderEpoch, MILLISECOND, MemberId,
    NodeId, Now, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicId,
};

use super::{Consumer, ConsumerConfig, ConsumerEvent, Polled};
use crate::client::{ClientContext, ClientOutput, Correlation, Disconnected};
use crate::prng::Stream;
use crate::records::{Key, Lane, RecordTable};
use show::show;

/// A request without an answer.
struct Open {
    shown: String,
    node: NodeId,
    correlation: Correlation,
    request: Request,
}

/// One topic `t` (id 0) whose partitions 0, 1, ... have these leaders and leader epochs.
struct Bench {
    consumer: Consumer,
    batches: Batches,
    names: Names,
    records: RecordTable,
    rules: Rules,
    draws: Stream,
    outputs: Vec<ClientOutput>,
    now: Now,
    leaders: Vec<(u32, i32)>,
    polled: Polled,
    /// How many of `outputs` are in `open` already.
    noted: usize,
    /// Requests sent and not answered.
    open: Vec<Open>,
}

impl Bench {
    fn new(settings: &[(&str, &str)], group: bool, leaders: &[(u32, i32)]) -> Self {
        let mut config = ConsumerConfig::default();
        config.set("retry.backoff.max.ms", "100").expect("valid");
        config.set("reconnect.backoff.max.ms", "50").expect("valid");
        config.set("auto.offset.reset", "earliest").expect("valid");
        config.set("enable.auto.commit", "false").expect("valid");
        config.set("partition.assignment.strategy", "range").expect("valid");
        for (key, value) in settings {
            config.set(key, value).expect("a valid setting");
        }
        let mut names = Names::default();
        names.topic("t");
        let group = group.then(|| names.group("g"));
        let nodes: Vec<NodeId> = leaders.iter().map(|l| NodeId(l.0)).collect();
        Self {
            consumer: Consumer::new(config, group, &nodes[..1], 1),
            batches: Batches::new(),
            names,
            records: RecordTable::new(Timestamp(0)),
            rules: Rules::default(),
            draws: Stream::new(1, "consumer"),
            outputs: Vec::new(),
            now: Now { instant: Instant(0), wall: Timestamp(1_000_000) },
            leaders: leaders.to_vec(),
            polled: Polled::default(),
            noted: 0,
            open: Vec::new(),
        }
    }

    /// Assigned by hand at offset 0, metadata answered, the first fetch sent.
    fn assigned(settings: &[(&str, &str)], leaders: &[(u32, i32)]) -> Self {
        let mut bench = Self::new(settings, false, leaders);
        let partitions: Vec<_> = (0..leaders.len())
            .map(|i| ("t", PartitionId(u32::try_from(i).expect("few"))))
            .collect();
        bench.consumer.assign(&partitions);
        for &(_, partition) in &partitions {
            bench.consumer.seek(partition, Offset(0));
        }
        bench.poll();
        bench.metadata();
        bench
    }

    /// A member of generation 1 with all partitions, nothing committed before `committed`.
    fn joined(settings: &[(&str, &str)], partitions: u32, committed: i64) -> Self {
        let leaders: Vec<_> = (0..partitions).map(|_| (0, 0)).collect();
        let mut bench = Self::new(settings, true, &leaders);
        bench.consumer.subscribe(&["t"]);
        bench.poll();
        bench.metadata();
        bench.find_coordinator();
        bench.join(1, 7, 7, &[]);
        let all: Vec<u32> = (0..partitions).collect();
        bench.sync(&all);
        bench.told();
        bench.poll();
        bench.offset_fetch(committed);
        bench.sent();
        bench
    }

    fn with<R>(
        &mut self,
        f: impl FnOnce(&mut Consumer, &mut ClientContext<'_>, &mut Polled) -> R,
    ) -> R {
        let mut cx = ClientContext {
            now: self.now,
            batches: &mut self.batches,
            names: &self.names,
            records: &mut self.records,
            rules: &self.rules,
            draws: &mut self.draws,
            outputs: &mut self.outputs,
        };
        let result = f(&mut self.consumer, &mut cx, &mut self.polled);
        assert!(self.consumer.next_deadline() > self.now.instant, "a deadline lies ahead");
        self.note_sent();
        result
    }

    fn note_sent(&mut self) {
        for output in &self.outputs[self.noted..] {
            if let ClientOutput::Send { to, correlation, request, .. }
            | ClientOutput::SendToCoordinator { to, correlation, request, .. } = output
            {
                self.open.push(Open {
                    shown: show(output),
                    node: *to,
                    correlation: *correlation,
                    request: request.clone(),
                });
            }
        }
        self.noted = self.outputs.len();
    }

    /// Polls; what it gave is shown as `partition@first..end`.
    fn poll(&mut self) -> Vec<String> {
        self.with(|consumer, cx, out| consumer.poll(cx, out));
        let runs = self.polled.runs.iter();
        runs.map(|r| format!("{}@{}..{}", r.partition, r.first_offset(), r.end_offset())).collect()
    }

    /// Polls and tells what it gave.
    fn poll_runs(&mut self) -> Vec<super::Run> {
        self.poll();
        self.polled.runs.clone()
    }

    fn turn(&mut self) {
        self.with(|consumer, cx, _| consumer.turn(cx));
    }

    fn advance(&mut self, ms: u64) {
        self.now.instant = self.now.instant + ms * MILLISECOND;
        self.now.wall = Timestamp(self.now.wall.0 + i64::try_from(ms).expect("few"));
        self.turn();
    }

    /// Everything sent or closed since the last call.
    fn sent(&mut self) -> Vec<String> {
        self.noted = 0;
        self.outputs.drain(..).map(|o| show(&o)).collect()
    }

    /// Events since the last call.
    fn told(&mut self) -> Vec<ConsumerEvent> {
        std::iter::from_fn(|| self.consumer.poll_event()).collect()
    }

    /// Answers the oldest open request of a kind.
    fn answer(&mut self, kind: &str, response: Response) {
        self.finish(kind, Ok(response));
    }

    fn disconnect(&mut self, kind: &str) {
        self.finish(kind, Err(Disconnected));
    }

    fn finish(&mut self, kind: &str, result: Result<Response, Disconnected>) {
        let at = self.open.iter().position(|open| open.shown.starts_with(kind));
        let at = at.unwrap_or_else(|| panic!("no open {kind}"));
        self.finish_at(at, result);
    }

    fn finish_at(&mut self, at: usize, result: Result<Response, Disconnected>) {
        let Open { node, correlation, .. } = self.open.remove(at);
        self.with(|consumer, cx, _| consumer.response(cx, node, correlation, result));
    }

    fn metadata(&mut self) {
        let response = self.cluster();
        self.answer("metadata", response);
    }

    fn cluster(&self) -> Response {
        let topic = TopicMetadata {
            error: ErrorCode::None,
            name: "t".into(),
            id: TopicId(0),
            internal: false,
        };
        let partition = |(i, &(node, epoch)): (usize, &(u32, i32))| PartitionMetadata {
            topic: TopicId(0),
            index: u32::try_from(i).expect("few"),
            partition: PartitionId(u32::try_from(i).expect("few")),
            error: ErrorCode::None,
            leader: Some(NodeId(node)),
            leader_epoch: LeaderEpoch(epoch),
            replicas: vec![NodeId(node)],
            isr: vec![NodeId(node)],
            offline: vec![],
        };
        let response = MetadataResponse {
            brokers: vec![NodeId(0), NodeId(1)],
            topics: vec![topic],
            partitions: self.leaders.iter().enumerate().map(partition).collect(),
        };
        Response::Metadata(response.into())
    }

    fn find_coordinator(&mut self) {
        let response = FindCoordinatorResponse { error: ErrorCode::None, node: Some(NodeId(0)) };
        self.answer("find-coordinator", Response::FindCoordinator(response));
    }

    fn join(&mut self, generation: i32, member: u64, leader: u64, others: &[(u64, &[u32])]) {
        let subscription = |owned: &[u32]| {
            Metadata::Consumer(Arc::new(Subscription {
                topics: vec![TopicId(0)],
                owned: owned.iter().map(|&p| PartitionId(p)).collect(),
                generation: GenerationId(generation - 1),
            }))
        };
        let protocol = self.consumer.config.assignors[0];
        let mut members = vec![];
        if member == leader {
            let mine: Vec<u32> = self.consumer.assignment().iter().map(|p| p.0).collect();
            members.push((MemberId(member), None, subscription(&mine)));
            members.extend(others.iter().map(|(m, o)| (MemberId(*m), None, subscription(o))));
        }
        let response = JoinGroupResponse {
            error: ErrorCode::None,
            generation: GenerationId(generation),
            protocol_type: Some(ProtocolType::Consumer),
            protocol: Some(ProtocolName::Assignor(protocol)),
            leader: MemberId(leader),
            member: MemberId(member),
            skip_assignment: false,
            members,
        };
        self.answer("join-group", Response::JoinGroup(response));
    }

    fn refuse_join(&mut self, error: ErrorCode, member: u64) {
        let response = JoinGroupResponse {
            error,
            generation: GenerationId(-1),
            protocol_type: None,
            protocol: None,
            leader: MemberId(0),
            member: MemberId(member),
            skip_assignment: false,
            members: vec![],
        };
        self.answer("join-group", Response::JoinGroup(response));
    }

    fn sync(&mut self, assignment: &[u32]) {
        let assignment: Vec<_> = assignment.iter().map(|&p| PartitionId(p)).collect();
        let response = SyncGroupResponse {
            error: ErrorCode::None,
            protocol_type: Some(ProtocolType::Consumer),
            protocol: None,
            assignment: assignment.into(),
        };
        self.answer("sync-group", Response::SyncGroup(response));
    }

    fn offset_fetch(&mut self, offset: i64) {
        let committed = |partition| CommittedOffset::new(partition, Offset(offset), None);
        let all = self.consumer.assignment();
        let partitions = all.into_iter().map(|p| (ErrorCode::None, committed(p))).collect();
        let response = OffsetFetchResponse { error: ErrorCode::None, partitions };
        self.answer("offset-fetch", Response::OffsetFetch(response));
    }

    fn heartbeat(&mut self, error: ErrorCode) {
        self.answer("heartbeat", Response::Heartbeat(HeartbeatResponse { error }));
    }

    fn commit(&mut self, error: ErrorCode) {
        let partitions = vec![(PartitionId(0), error)];
        self.answer("offset-commit", Response::OffsetCommit(OffsetCommitResponse { partitions }));
    }

    fn batch(&mut self, count: u32, producer: i64) -> BatchId {
        let entity = self.records.push_entity(Lane::ANY, self.now.instant, Key::new(0));
        let ids: Vec<_> = (0..count).map(|_| self.records.push(Lane::ANY, entity, 10)).collect();
        let new = NewBatch {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            base_sequence: 0,
            transactional: producer >= 0,
            max_timestamp: Timestamp(0),
            bytes: 100,
        };
        self.batches.push_records(new, &ids)
    }

    fn marker(&mut self, producer: i64, commit: bool) -> BatchId {
        self.batches.push_marker(
            ProducerId(producer),
            ProducerEpoch(0),
            commit,
            CoordinatorEpoch(0),
            Timestamp(0),
        )
    }

    /// A fetched partition with batches from an offset on, all of leader epoch 0.
    fn data(
        &self,
        partition: u32,
        from: i64,
        batches: &[BatchId],
    ) -> (FetchedPartition, Vec<LogEntry>) {
        let mut offset = Offset(from);
        let mut entries = vec![];
        for &batch in batches {
            entries.push(LogEntry { base_offset: offset, batch, leader_epoch: LeaderEpoch(0) });
            offset += i64::from(self.batches.get(batch).count);
        }
        (fetched(partition, ErrorCode::None, offset), entries)
    }

    /// Answers the oldest fetch to a node.
    fn fetch(
        &mut self,
        node: u32,
        session: u32,
        partitions: Vec<(FetchedPartition, Vec<LogEntry>)>,
    ) {
        let mut response = FetchResponse { session_id: session, ..FetchResponse::default() };
        for (mut partition, entries) in partitions {
            let start = u32::try_from(response.entries.len()).expect("few");
            response.entries.extend(entries);
            partition.entries = start..u32::try_from(response.entries.len()).expect("few");
            response.partitions.push(partition);
        }
        self.answer(&format!("fetch node={node}"), Response::Fetch(response));
    }

    /// Answers a fetch with one batch of records of partition 0.
    fn fetch_records(&mut self, from: i64, count: u32) {
        let batch = self.batch(count, -1);
        let data = self.data(0, from, &[batch]);
        self.fetch(0, 77, vec![data]);
    }
}

fn fetched(partition: u32, error: ErrorCode, end: Offset) -> FetchedPartition {
    FetchedPartition {
        partition: PartitionId(partition),
        error,
        high_watermark: end,
        last_stable_offset: end,
        log_start_offset: Offset(0),
        diverging: None,
        preferred_read_replica: None,
        current_leader: None,
        aborted: vec![],
        cut_bytes: 0,
        entries: 0..0,
    }
}

fn aborted(producer: i64, first: i64) -> AbortedTransaction {
    AbortedTransaction { producer_id: ProducerId(producer), first_offset: Offset(first) }
}

const GROUP: GroupId = GroupId(0);

#[test]
fn the_group_is_known_by_its_id() {
    let bench = Bench::joined(&[], 1, 0);
    let expected = Some((GROUP, MemberId(7), GenerationId(1)));
    let told = bench.consumer.group_metadata().map(|m| (m.group, m.member, m.generation));
    assert_eq!(told, expected);
    assert_eq!(bench.consumer.config.assignors, [Assignor::Range]);
}
