//! A coordinator with one shard on a log that replicates at once, and leaders that write
//! markers at once, or when told.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::{Context, Token};
use crate::names::Names;
use crate::note::Note;
use crate::protocol::txn::{
    AddOffsetsToTxnRequest, DescribeTransactionsRequest, DescribeTransactionsResponse,
    EndTxnRequest, InitProducerIdRequest, ProducerIdAndEpoch, TransactionPartitions, TxnMarker,
};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::{Batches, LogEntry, NoRecords};
use crate::rules::Rules;
use crate::txn::{TransactionCoordinator, TransactionSettings};
use crate::types::{
    CoordinatorEpoch, Duration, GroupId, Instant, LeaderEpoch, MILLISECOND, NodeId, Now, Offset,
    PartitionId, ProducerEpoch, ProducerId, SECOND, Timestamp, TransactionalId,
};

/// The shard of every test.
pub(super) const SHARD: PartitionId = PartitionId(100);
/// The only partition of `__consumer_offsets`.
pub(super) const OFFSETS: PartitionId = PartitionId(200);
pub(super) const X: TransactionalId = TransactionalId(0);
pub(super) const Y: TransactionalId = TransactionalId(1);
/// Never used before.
pub(super) const NOSUCH: TransactionalId = TransactionalId(2);
/// The newest `EndTxn`, with epoch bump.
pub(super) const V2: i16 = 5;

pub(super) type Answer = Result<(i64, i16), ErrorCode>;

pub(super) struct Bench {
    pub(super) now: Now,
    pub(super) batches: Batches,
    names: Names,
    pub(super) rules: Rules,
    pub(super) notes: Vec<Note>,
    pub(super) coordinator: TransactionCoordinator,
    pub(super) log: Vec<LogEntry>,
    /// Appends wait for [`Bench::replicate`].
    pub(super) hold: bool,
    pub(super) waiting: VecDeque<Waiter>,
    /// Markers wait for [`Bench::write_markers`].
    pub(super) hold_markers: bool,
    pub(super) to_write: VecDeque<(Waiter, TxnMarker)>,
    /// Markers that were written: partition, epoch, commit.
    pub(super) written: Vec<(u32, i16, bool)>,
    pub(super) replies: BTreeMap<Token, Response>,
    next_token: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(TransactionSettings::default())
    }

    pub(super) fn with(settings: TransactionSettings) -> Self {
        let mut names = Names::default();
        names.group("g");
        for name in ["x", "y", "nosuch"] {
            names.transactional_id(name);
        }
        let mut coordinator = TransactionCoordinator::new(NodeId(1), &settings);
        coordinator.add_producer_ids(ProducerId(1), 1000);
        coordinator.set_offsets_partitions([OFFSETS].to_vec());
        let mut bench = Self {
            now: Now { instant: Instant(SECOND), wall: Timestamp(1_700_000_000_000) },
            batches: Batches::new(),
            names,
            rules: Rules::default(),
            notes: Vec::new(),
            coordinator,
            log: Vec::new(),
            hold: false,
            waiting: VecDeque::new(),
            hold_markers: false,
            to_write: VecDeque::new(),
            written: Vec::new(),
            replies: BTreeMap::new(),
            next_token: 0,
        };
        bench.load();
        bench
    }

    fn call(
        &mut self,
        f: impl FnOnce(&mut TransactionCoordinator, &mut Context<'_>, &mut Effects),
    ) {
        let mut effects = Effects::new();
        let mut outputs = Vec::new();
        let mut cx = Context {
            now: self.now,
            batches: &mut self.batches,
            names: &self.names,
            records: &NoRecords,
            rules: &self.rules,
            outputs: &mut outputs,
            notes: &mut self.notes,
        };
        f(&mut self.coordinator, &mut cx, &mut effects);
        assert!(outputs.is_empty(), "a coordinator speaks by effects");
        for effect in effects {
            match effect {
                Effect::Reply { token, response } => {
                    let earlier = self.replies.insert(token, response);
                    assert_eq!(earlier, None, "one answer for each request");
                }
                Effect::Append { partition, batch, waiter } => {
                    assert_eq!(partition, SHARD);
                    let base_offset = Offset(i64::try_from(self.log.len()).expect("short"));
                    self.log.push(LogEntry { base_offset, batch, leader_epoch: LeaderEpoch(0) });
                    self.waiting.push_back(waiter);
                }
                Effect::Markers { waiter, marker } => self.to_write.push_back((waiter, marker)),
            }
        }
        if !self.hold {
            self.replicate();
        }
        if !self.hold_markers {
            self.write_markers();
        }
    }

    pub(super) fn replicate(&mut self) {
        while let Some(waiter) = self.waiting.pop_front() {
            self.call(|c, cx, effects| c.committed(cx, effects, waiter));
        }
    }

    /// The newest append is refused and never was in the log.
    pub(super) fn refuse(&mut self, error: ErrorCode) {
        let waiter = self.waiting.pop_back().expect("an append waits");
        self.log.pop();
        self.call(|c, cx, effects| c.failed(cx, effects, waiter, error));
    }

    pub(super) fn write_markers(&mut self) {
        while let Some((waiter, marker)) = self.to_write.pop_front() {
            for partition in marker.partitions.clone() {
                self.answer_marker(waiter, &marker, partition, ErrorCode::None);
            }
        }
    }

    pub(super) fn answer_marker(
        &mut self,
        waiter: Waiter,
        marker: &TxnMarker,
        partition: PartitionId,
        error: ErrorCode,
    ) {
        if error == ErrorCode::None {
            self.written.push((partition.0, marker.producer.epoch.0, marker.commit));
        }
        self.call(|c, cx, effects| c.markers_written(cx, effects, waiter, &[(partition, error)]));
    }

    pub(super) fn load(&mut self) {
        let log = self.log.clone();
        self.waiting.clear();
        self.to_write.clear();
        self.call(|c, cx, effects| c.load(cx, effects, SHARD, CoordinatorEpoch(1), &log));
    }

    /// The broker takes part.
    pub(super) fn begin(&mut self) {
        self.coordinator.begin(self.now.instant);
    }

    pub(super) fn unload(&mut self) {
        self.call(|c, _, effects| c.unload(effects, SHARD));
    }

    /// Time passes; every timer fires at its own instant.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now.instant + time;
        while self.coordinator.next_deadline() <= end {
            self.go_to(self.coordinator.next_deadline());
            self.call(TransactionCoordinator::tick);
        }
        self.go_to(end);
    }

    fn go_to(&mut self, instant: Instant) {
        let passed = instant.since(self.now.instant) / MILLISECOND;
        self.now.wall.0 += i64::try_from(passed).expect("short");
        self.now.instant = instant.max(self.now.instant);
    }

    fn next_request(&mut self, version: i16) -> (Token, Header) {
        let token = Token(self.next_token);
        self.next_token += 1;
        (token, Header { api_version: version, client: 0 })
    }

    pub(super) fn ask(&mut self, version: i16, request: Request) -> Token {
        let (token, header) = self.next_request(version);
        self.call(|c, cx, effects| c.handle(cx, effects, SHARD, token, header, request));
        token
    }

    // Requests.

    pub(super) fn start_init(
        &mut self,
        version: i16,
        id: Option<TransactionalId>,
        producer: ProducerIdAndEpoch,
        timeout: Duration,
    ) -> Token {
        let request = InitProducerIdRequest {
            transactional_id: id,
            transaction_timeout: timeout,
            producer,
            two_phase: false,
            keep_prepared: false,
        };
        self.ask(version, Request::InitProducerId(request))
    }

    pub(super) fn initialized(&self, token: Token) -> Answer {
        match &self.replies[&token] {
            Response::InitProducerId(r) => answer(r.error, r.producer),
            other => panic!("not an init: {other:?}"),
        }
    }

    pub(super) fn init(&mut self, id: TransactionalId) -> Answer {
        self.init_as(id, ProducerIdAndEpoch::NONE)
    }

    pub(super) fn init_as(&mut self, id: TransactionalId, producer: ProducerIdAndEpoch) -> Answer {
        let token = self.start_init(5, Some(id), producer, 60 * SECOND);
        self.initialized(token)
    }

    pub(super) fn start_add(
        &mut self,
        version: i16,
        id: TransactionalId,
        producer: ProducerIdAndEpoch,
        partitions: &[u32],
        verify_only: bool,
    ) -> Token {
        let wanted = TransactionPartitions {
            transactional_id: id,
            producer,
            verify_only,
            partitions: partitions.iter().copied().map(PartitionId).collect(),
        };
        let (token, header) = self.next_request(version);
        self.call(|c, cx, effects| c.add_partitions(cx, effects, SHARD, token, header, wanted));
        token
    }

    pub(super) fn added(&self, token: Token) -> Vec<ErrorCode> {
        match &self.replies[&token] {
            Response::AddPartitionsToTxn(r) => r.partitions().map(|p| p.1).collect(),
            other => panic!("not an add: {other:?}"),
        }
    }

    /// As the client of a v1 producer, or the broker of a v2 one.
    pub(super) fn add(
        &mut self,
        id: TransactionalId,
        producer: ProducerIdAndEpoch,
        partitions: &[u32],
    ) -> ErrorCode {
        let token = self.start_add(3, id, producer, partitions, false);
        let errors = self.added(token);
        assert!(errors.iter().all(|e| *e == errors[0]), "{errors:?}");
        errors[0]
    }

    pub(super) fn verify(
        &mut self,
        id: TransactionalId,
        producer: ProducerIdAndEpoch,
        partitions: &[u32],
    ) -> Vec<ErrorCode> {
        let token = self.start_add(5, id, producer, partitions, true);
        self.added(token)
    }

    pub(super) fn add_offsets(
        &mut self,
        version: i16,
        id: TransactionalId,
        producer: ProducerIdAndEpoch,
    ) -> ErrorCode {
        let request = AddOffsetsToTxnRequest { transactional_id: id, producer, group: GroupId(0) };
        let token = self.ask(version, Request::AddOffsetsToTxn(request));
        match &self.replies[&token] {
            Response::AddOffsetsToTxn(r) => r.error,
            other => panic!("not an add: {other:?}"),
        }
    }

    pub(super) fn start_end(
        &mut self,
        version: i16,
        id: TransactionalId,
        producer: ProducerIdAndEpoch,
        commit: bool,
    ) -> Token {
        let request = EndTxnRequest { transactional_id: id, producer, commit };
        self.ask(version, Request::EndTxn(request))
    }

    pub(super) fn ended(&self, token: Token) -> Answer {
        match &self.replies[&token] {
            Response::EndTxn(r) => answer(r.error, r.producer),
            other => panic!("not an end: {other:?}"),
        }
    }

    pub(super) fn commit(&mut self, version: i16, producer: ProducerIdAndEpoch) -> Answer {
        let token = self.start_end(version, X, producer, true);
        self.ended(token)
    }

    pub(super) fn abort(&mut self, version: i16, producer: ProducerIdAndEpoch) -> Answer {
        let token = self.start_end(version, X, producer, false);
        self.ended(token)
    }

    pub(super) fn describe(&mut self, id: TransactionalId) -> DescribeTransactionsResponse {
        let request = DescribeTransactionsRequest { transactional_id: id };
        let token = self.ask(0, Request::DescribeTransactions(request));
        match &self.replies[&token] {
            Response::DescribeTransactions(r) => r.clone(),
            other => panic!("not a description: {other:?}"),
        }
    }

    /// State, producer id, epoch and partitions, as a description prints them.
    pub(super) fn shown(&mut self, id: TransactionalId) -> (&'static str, i64, i16, Vec<u32>) {
        let d = self.describe(id);
        let partitions = d.partitions.iter().map(|p| p.0).collect();
        (d.state, d.producer.id.0, d.producer.epoch.0, partitions)
    }

    pub(super) fn is_pending(&self, token: Token) -> bool {
        !self.replies.contains_key(&token)
    }

    /// Brings an id to an epoch without a thousand requests each.
    pub(super) fn init_up_to(&mut self, id: TransactionalId, epoch: i16) -> ProducerIdAndEpoch {
        loop {
            let (producer, current) = self.init(id).expect("nothing is open");
            if current == epoch {
                return pid(producer, current);
            }
        }
    }
}

fn answer(error: ErrorCode, producer: ProducerIdAndEpoch) -> Answer {
    if error == ErrorCode::None { Ok((producer.id.0, producer.epoch.0)) } else { Err(error) }
}

pub(super) fn pid(id: i64, epoch: i16) -> ProducerIdAndEpoch {
    ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}
