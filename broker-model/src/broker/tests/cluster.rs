//! A cluster on an instant, lossless network: what one machine puts out is another's input at
//! the same instant, and time moves from deadline to deadline.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::controller::{Controller, ControllerConfig};
use crate::io::{Context, Disconnected, Input, Output, StopKind, Tag, Token};
use crate::names::Names;
use crate::note::Note;
use crate::partition::Replica;
use crate::protocol::controller::CreateTopicRequest;
use crate::protocol::fetch::{FetchPartition, FetchRequest, FetchResponse, Isolation};
use crate::protocol::produce::{
    Acks, DeleteRecordsRequest, ProducePartition, ProduceRequest, ProducedPartition,
};
use crate::protocol::txn::ProducerIdAndEpoch;
use crate::protocol::{ApiKey, ErrorCode, Header, Request, Response};
use crate::records::{Batches, NewBatch, RecordSource};
use crate::rules::Rules;
use crate::types::{
    BatchId, Duration, Instant, MILLISECOND, NodeId, Now, Offset, PartitionId, ProducerEpoch,
    ProducerId, RecordId, SECOND, Timestamp, TransactionalId,
};

pub(super) const CONTROLLER: NodeId = NodeId(100);
const LATEST: i16 = i16::MAX;
const EPOCH_MS: i64 = 1_700_000_000_000;

struct Plain;

impl RecordSource for Plain {
    fn timestamp(&self, _: RecordId) -> Timestamp {
        Timestamp(EPOCH_MS)
    }
    fn key(&self, _: RecordId) -> Option<u64> {
        None
    }
    fn is_tombstone(&self, _: RecordId) -> bool {
        false
    }
}

struct Flight {
    /// The node that asked, `None` for the test.
    from: Option<(NodeId, Tag)>,
    to: NodeId,
}

/// Brokers 1 to n and a controller.
pub(super) struct Cluster {
    pub(super) controller: Controller,
    pub(super) brokers: Vec<Broker>,
    pub(super) batches: Batches,
    pub(super) names: Names,
    pub(super) rules: Rules,
    pub(super) notes: Vec<Note>,
    /// What brokers asked other nodes.
    pub(super) sent: Vec<(NodeId, ApiKey)>,
    now: Instant,
    queue: VecDeque<(NodeId, Input)>,
    flights: BTreeMap<Token, Flight>,
    replies: BTreeMap<Token, Response>,
    paused: BTreeSet<NodeId>,
    held: Vec<(NodeId, Input)>,
    outputs: Vec<Output>,
    next_token: u64,
    incarnation: u64,
}

impl Cluster {
    /// Starts `count` brokers and waits until all are unfenced.
    pub(super) fn new(count: u32, config: &BrokerConfig) -> Self {
        let broker =
            |id| Broker::new(NodeId(id), None, config.clone()).with_controllers(vec![CONTROLLER]);
        let mut cluster = Self {
            controller: Controller::new(CONTROLLER, ControllerConfig::from(config)),
            brokers: (1..=count).map(broker).collect(),
            batches: Batches::new(),
            names: Names::default(),
            rules: Rules::default(),
            notes: Vec::new(),
            sent: Vec::new(),
            now: Instant::default(),
            queue: VecDeque::new(),
            flights: BTreeMap::new(),
            replies: BTreeMap::new(),
            paused: BTreeSet::new(),
            held: Vec::new(),
            outputs: Vec::new(),
            next_token: 0,
            incarnation: 0,
        };
        cluster.with(CONTROLLER, |node, cx| match node {
            Node::Controller(c) => c.start(cx),
            Node::Broker(_) => panic!("the controller"),
        });
        for id in 1..=count {
            cluster.start(NodeId(id));
        }
        cluster.advance(SECOND);
        for b in &cluster.brokers {
            assert!(!b.is_fenced(), "{} is unfenced after a second", b.node());
        }
        cluster
    }

    pub(super) fn with_rules(mut self, rule: &str, value: &str) -> Self {
        self.rules.set(rule, value).expect("a rule");
        self
    }

    fn with<T>(&mut self, id: NodeId, f: impl FnOnce(Node<'_>, &mut Context<'_>) -> T) -> T {
        let mut outputs = core::mem::take(&mut self.outputs);
        let wall = Timestamp(EPOCH_MS + i64::try_from(self.now.0 / MILLISECOND).expect("short"));
        let mut cx = Context {
            now: Now { instant: self.now, wall },
            batches: &mut self.batches,
            names: &self.names,
            records: &Plain,
            rules: &self.rules,
            outputs: &mut outputs,
            notes: &mut self.notes,
        };
        let node = if id == CONTROLLER {
            Node::Controller(&mut self.controller)
        } else {
            Node::Broker(&mut self.brokers[id.0 as usize - 1])
        };
        let result = f(node, &mut cx);
        for output in outputs.drain(..) {
            self.carry_out(id, output);
        }
        self.outputs = outputs;
        result
    }

    fn carry_out(&mut self, from: NodeId, output: Output) {
        match output {
            Output::Reply { token, response } => {
                let Some(flight) = self.flights.remove(&token) else { return };
                match flight.from {
                    None => {
                        self.replies.insert(token, response);
                    }
                    Some((node, tag)) => {
                        let result = Ok(response);
                        self.queue.push_back((node, Input::Response { tag, from, result }));
                    }
                }
            }
            Output::NoReply { token } | Output::Disconnect { token } => {
                self.flights.remove(&token);
            }
            Output::Send { to, tag, request } => {
                self.sent.push((from, request.api_key()));
                let header = Header { api_version: LATEST, client: from.0 };
                self.send(Some((from, tag)), to, header, request);
            }
            Output::Flush { partition, end, .. } => {
                self.queue.push_back((from, Input::Flushed { partition, end }));
            }
            Output::Recover { .. } => self.queue.push_back((from, Input::Recovered)),
            Output::Clean { partition, .. } => {
                self.queue.push_back((from, Input::Cleaned { partition }));
            }
            Output::Append { .. }
            | Output::Rewrite { .. }
            | Output::Free { .. }
            | Output::Cut { .. } => {}
            Output::Halt { at_once, .. } => {
                self.stop(from, if at_once { StopKind::Kill } else { StopKind::Clean });
            }
        }
    }

    fn send(
        &mut self,
        from: Option<(NodeId, Tag)>,
        to: NodeId,
        header: Header,
        request: Request,
    ) -> Token {
        self.next_token += 1;
        let token = Token(self.next_token);
        if self.is_running(to) {
            self.flights.insert(token, Flight { from, to });
            self.queue.push_back((to, Input::Request { token, header, request }));
        } else if let Some((node, tag)) = from {
            let result = Err(Disconnected);
            self.queue.push_back((node, Input::Response { tag, from: to, result }));
        }
        token
    }

    fn is_running(&self, id: NodeId) -> bool {
        if id == CONTROLLER { self.controller.is_running() } else { self.broker(id.0).is_running() }
    }

    /// Delivers until nothing is left to deliver.
    pub(super) fn pump(&mut self) {
        for _ in 0..1_000_000 {
            let Some((node, input)) = self.queue.pop_front() else { return };
            if self.paused.contains(&node) {
                self.held.push((node, input));
            } else if self.is_running(node) {
                self.with(node, |n, cx| n.handle(cx, input));
            }
        }
        panic!("the cluster does not come to rest");
    }

    fn deadline(&self, id: NodeId) -> Instant {
        if self.paused.contains(&id) || !self.is_running(id) {
            Instant::FAR
        } else if id == CONTROLLER {
            self.controller.next_deadline()
        } else {
            self.broker(id.0).next_deadline()
        }
    }

    fn nodes(&self) -> Vec<NodeId> {
        let brokers = self.brokers.iter().map(Broker::node);
        core::iter::once(CONTROLLER).chain(brokers).collect()
    }

    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        self.pump();
        for _ in 0..1_000_000 {
            let nodes = self.nodes();
            let next = nodes.iter().map(|&n| self.deadline(n)).min().expect("there are nodes");
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            for node in nodes {
                if self.deadline(node) <= self.now {
                    self.queue.push_back((node, Input::Tick));
                }
            }
            self.pump();
        }
        panic!("time stands still");
    }

    pub(super) fn start(&mut self, id: NodeId) {
        self.incarnation += 1;
        let incarnation = self.incarnation;
        self.with(id, |node, cx| match node {
            Node::Broker(b) => b.start(cx, incarnation),
            Node::Controller(c) => c.start(cx),
        });
    }

    /// Ends a process; whoever waits for its answers hears that none will come.
    pub(super) fn stop(&mut self, id: NodeId, kind: StopKind) {
        self.stop_keeping(id, kind, &|_| None);
    }

    pub(super) fn stop_keeping(
        &mut self,
        id: NodeId,
        kind: StopKind,
        durable: &dyn Fn(PartitionId) -> Option<Offset>,
    ) {
        self.brokers[id.0 as usize - 1].stop(kind, durable, &self.batches);
        self.queue.retain(|(node, _)| *node != id);
        self.held.retain(|(node, _)| *node != id);
        let lost: Vec<Token> =
            self.flights.iter().filter(|(_, f)| f.to == id).map(|(t, _)| *t).collect();
        for token in lost {
            if let Some((node, tag)) = self.flights.remove(&token).and_then(|f| f.from) {
                let result = Err(Disconnected);
                self.queue.push_back((node, Input::Response { tag, from: id, result }));
            }
        }
        self.flights.retain(|_, f| f.from.is_none_or(|(node, _)| node != id));
    }

    pub(super) fn pause(&mut self, id: NodeId) {
        self.paused.insert(id);
    }

    pub(super) fn resume(&mut self, id: NodeId) {
        self.paused.remove(&id);
        let held = core::mem::take(&mut self.held);
        let (mine, others): (Vec<_>, Vec<_>) = held.into_iter().partition(|(n, _)| *n == id);
        self.held = others;
        self.queue.extend(mine);
        self.pump();
    }

    /// As [`Self::resume`], but what came for it meanwhile is lost.
    pub(super) fn resume_deaf(&mut self, id: NodeId) {
        for (node, input) in &mut self.held {
            if *node == id
                && let Input::Response { result, .. } = input
            {
                *result = Err(Disconnected);
            }
        }
        self.resume(id);
    }

    /// Waits, up to a minute, until something holds.
    pub(super) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            self.pump();
            if holds(self) {
                return;
            }
            self.advance(100 * MILLISECOND);
        }
        panic!("not within a minute: {what}");
    }

    pub(super) fn broker(&self, id: u32) -> &Broker {
        &self.brokers[id as usize - 1]
    }

    pub(super) fn replica(&self, id: u32, partition: PartitionId) -> &Replica {
        self.broker(id).replica(partition).expect("hosted")
    }

    /// The node that leads a partition in its own view and the controller's.
    pub(super) fn leader(&self, partition: PartitionId) -> Option<u32> {
        let leader = self.controller.image().partition(partition)?.leader?;
        let leads = self.broker(leader.0).replica(partition)?.leader().is_some();
        leads.then_some(leader.0)
    }

    pub(super) fn isr(&self, partition: PartitionId) -> Vec<u32> {
        let record = self.controller.image().partition(partition).expect("a partition");
        record.isr.iter().map(|n| n.0).collect()
    }

    // Requests.

    pub(super) fn ask_later(&mut self, to: u32, api_version: i16, request: Request) -> Token {
        let header = Header { api_version, client: 1_000 };
        let token = self.send(None, NodeId(to), header, request);
        self.pump();
        token
    }

    pub(super) fn reply(&mut self, token: Token) -> Option<Response> {
        self.replies.remove(&token)
    }

    pub(super) fn ask(&mut self, to: u32, api_version: i16, request: Request) -> Response {
        let token = self.ask_later(to, api_version, request);
        self.ask_until(token)
    }

    /// The answer to a request that was sent before.
    pub(super) fn ask_until(&mut self, token: Token) -> Response {
        for _ in 0..600 {
            if let Some(response) = self.reply(token) {
                return response;
            }
            self.advance(100 * MILLISECOND);
        }
        panic!("no answer within a minute");
    }

    /// SIGTERM.
    pub(super) fn signal(&mut self, id: NodeId) {
        self.queue.push_back((id, Input::ControlledShutdown));
        self.pump();
    }

    pub(super) fn delete_records(
        &mut self,
        to: u32,
        partition: PartitionId,
        before: i64,
    ) -> (ErrorCode, Offset) {
        let before = Offset(before);
        let request = DeleteRecordsRequest { partition, before, timeout: 5 * SECOND };
        match self.ask(to, LATEST, Request::DeleteRecords(request)) {
            Response::DeleteRecords(r) => (r.error, r.low_watermark),
            other => panic!("not the answer: {other:?}"),
        }
    }

    /// Creates a topic of one partition with these replicas.
    pub(super) fn topic(
        &mut self,
        name: &str,
        replicas: &[u32],
        config: &[(&str, &str)],
    ) -> PartitionId {
        let config: Vec<(String, String)> =
            config.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let request = CreateTopicRequest {
            name: name.to_string(),
            partitions: 1,
            replication_factor: 1,
            assignment: vec![replicas.iter().map(|&n| NodeId(n)).collect()],
            config,
            internal: name.starts_with("__"),
        };
        let Response::CreateTopics(answer) = self.ask(1, LATEST, Request::CreateTopics(request))
        else {
            panic!("another kind of answer");
        };
        assert_eq!(answer.error, ErrorCode::None);
        let partition = self.controller.image().topic(answer.topic).expect("created").partitions[0];
        self.until("a leader", |c| c.leader(partition).is_some());
        partition
    }

    pub(super) fn batch(&mut self, new: NewBatch, count: u32) -> BatchId {
        let ids: Vec<RecordId> = (0..count).map(RecordId).collect();
        self.batches.push_records(new, &ids)
    }

    /// Sends records without a producer id; does not wait for the answer.
    pub(super) fn produce_later(
        &mut self,
        to: u32,
        partition: PartitionId,
        count: u32,
        acks: Acks,
    ) -> Token {
        let batch = self.batch(plain(), count);
        let request = produce(None, acks, &[(partition, batch)]);
        self.ask_later(to, LATEST, request)
    }

    pub(super) fn produce(
        &mut self,
        to: u32,
        partition: PartitionId,
        count: u32,
        acks: Acks,
    ) -> ProducedPartition {
        let batch = self.batch(plain(), count);
        self.produce_batch(to, None, partition, batch, acks)
    }

    pub(super) fn produce_batch(
        &mut self,
        to: u32,
        id: Option<TransactionalId>,
        partition: PartitionId,
        batch: BatchId,
        acks: Acks,
    ) -> ProducedPartition {
        produced(self.ask(to, LATEST, produce(id, acks, &[(partition, batch)])))
    }

    /// A sessionless fetch of one partition that does not wait.
    pub(super) fn fetch(
        &mut self,
        to: u32,
        partition: PartitionId,
        offset: i64,
        isolation: Isolation,
    ) -> FetchResponse {
        let request = FetchRequest {
            min_bytes: 1,
            max_bytes: 1 << 20,
            session_epoch: -1,
            isolation,
            partitions: vec![fetched(partition, offset)],
            ..FetchRequest::default()
        };
        fetch_response(self.ask(to, LATEST, Request::Fetch(request)))
    }
}

enum Node<'a> {
    Broker(&'a mut Broker),
    Controller(&'a mut Controller),
}

impl Node<'_> {
    fn handle(self, cx: &mut Context<'_>, input: Input) {
        match self {
            Self::Broker(b) => b.handle(cx, input),
            Self::Controller(c) => c.handle(cx, input),
        }
    }
}

pub(super) fn produce(
    transactional_id: Option<TransactionalId>,
    acks: Acks,
    batches: &[(PartitionId, BatchId)],
) -> Request {
    let partitions =
        batches.iter().map(|&(partition, batch)| ProducePartition { partition, batch }).collect();
    Request::Produce(ProduceRequest { transactional_id, acks, timeout: 5 * SECOND, partitions })
}

pub(super) fn produced(response: Response) -> ProducedPartition {
    match response {
        Response::Produce(r) => r.partitions[0],
        other => panic!("not a produce's answer: {other:?}"),
    }
}

pub(super) fn fetch_response(response: Response) -> FetchResponse {
    match response {
        Response::Fetch(r) => r,
        other => panic!("not a fetch's answer: {other:?}"),
    }
}

pub(super) fn fetched(partition: PartitionId, offset: i64) -> FetchPartition {
    FetchPartition {
        partition,
        fetch_offset: Offset(offset),
        current_leader_epoch: None,
        last_fetched_epoch: None,
        log_start_offset: Offset::NONE,
        max_bytes: 1 << 20,
    }
}

pub(super) fn plain() -> NewBatch {
    NewBatch::plain(100, Timestamp(EPOCH_MS))
}

pub(super) fn of_producer(producer: ProducerIdAndEpoch, sequence: i32, txn: bool) -> NewBatch {
    NewBatch {
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        base_sequence: sequence,
        transactional: txn,
        ..plain()
    }
}

pub(super) fn producer(id: i64, epoch: i16) -> ProducerIdAndEpoch {
    ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}
