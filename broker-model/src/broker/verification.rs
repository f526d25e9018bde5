//! Transactions before their first append: the leader asks the transaction coordinator whether
//! the partition belongs to the transaction, or with protocol v2 adds it (KIP-890).

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::Broker;
use super::calls::Call;
use super::coordinator_queues::CoordinatorQueues;
use crate::group;
use crate::io::{Context, Disconnected, Token};
use crate::log::Verification;
use crate::partition::Replica;
use crate::protocol::coordinator::CoordinatorKey;
use crate::protocol::produce::ProduceRequest;
use crate::protocol::txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, ProducerIdAndEpoch,
    TransactionPartitions, TxnOffsetCommitRequest,
};
use crate::protocol::{ErrorCode, Header, Request};
use crate::slab::{Key, Slab};
use crate::types::{Duration, Instant, MILLISECOND, NodeId, PartitionId};

/// From these versions on Produce and `TxnOffsetCommit` add their partitions (KIP-890).
const PRODUCE_ADDS: i16 = 12;
const COMMIT_ADDS: i16 = 5;
/// From these versions on they know `TRANSACTION_ABORTABLE`.
const PRODUCE_KNOWS_ABORTABLE: i16 = 11;
const COMMIT_KNOWS_ABORTABLE: i16 = 4;
/// `add.partitions.to.txn.retry.backoff.ms`: while the previous transaction ends the leader
/// asks again by itself.
const BACKOFF: Duration = 20 * MILLISECOND;
/// `add.partitions.to.txn.retry.backoff.max.ms`: an answer after so long is the last one.
const BACKOFF_MAX: Duration = 100 * MILLISECOND;

/// Partitions, and what is said of each.
type PartitionErrors = Vec<(PartitionId, ErrorCode)>;

#[derive(Clone, Debug)]
enum Work {
    Produce {
        request: ProduceRequest,
        verifications: Vec<Verification>,
        /// Partitions that are not appended to.
        refused: PartitionErrors,
    },
    Commit {
        partition: PartitionId,
        request: TxnOffsetCommitRequest,
    },
}

#[derive(Clone, Debug)]
struct Parked {
    token: Token,
    header: Header,
    work: Work,
    ask: TransactionPartitions,
    retry_at: Instant,
    give_up_at: Instant,
}

/// Requests that wait for the transaction coordinator.
#[derive(Clone, Debug, Default)]
pub(super) struct Verifications {
    parked: Slab<Parked>,
    queues: CoordinatorQueues,
    next_retry: Option<Instant>,
}

impl Verifications {
    pub(super) fn next_deadline(&self) -> Instant {
        self.next_retry.unwrap_or(Instant::FAR)
    }

    pub(super) fn clear(&mut self) {
        self.parked.clear();
        self.queues.clear();
        self.next_retry = None;
    }
}

impl Broker {
    /// A produce of a transactional producer. Who is not the leader when it arrives appends
    /// nothing, though he may be when the coordinator has answered: nobody asked for him. Source:
    /// Kafka, `ReplicaManager.maybeStartTransactionVerificationForPartition`.
    pub(super) fn transactional_produce(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: ProduceRequest,
    ) {
        let v2 = header.api_version >= PRODUCE_ADDS;
        let asks = v2 || self.config.transaction_partition_verification_enable;
        let mut verifications = Vec::with_capacity(request.partitions.len());
        let mut partitions = Vec::new();
        let mut refused = Vec::new();
        let mut producer = ProducerIdAndEpoch::NONE;
        for entry in &request.partitions {
            let body = cx.batches.get(entry.batch);
            if !asks || !body.transactional {
                verifications.push(Verification::Off);
                continue;
            }
            let leading = self.replicas.get_mut(entry.partition).filter(|r| r.leader().is_some());
            let Some(replica) = leading else {
                refused.push((entry.partition, self.not_leading(entry.partition)));
                verifications.push(Verification::Off);
                continue;
            };
            producer = ProducerIdAndEpoch { id: body.producer_id, epoch: body.producer_epoch };
            if replica.log().has_newer_epoch(producer) {
                refused.push((entry.partition, ErrorCode::InvalidProducerEpoch));
                verifications.push(Verification::Off);
                continue;
            }
            verifications.push(match replica.log_mut().start_verification(body, v2) {
                None => Verification::Ongoing,
                Some(guard) => {
                    partitions.push(entry.partition);
                    Verification::Confirmed(guard)
                }
            });
        }
        let Some(transactional_id) = request.transactional_id.filter(|_| !partitions.is_empty())
        else {
            self.append_produce(cx, token, header, &request, &verifications, &refused);
            return;
        };
        let ask =
            TransactionPartitions { transactional_id, producer, verify_only: !v2, partitions };
        self.verify(cx, token, header, ask, Work::Produce { request, verifications, refused });
    }

    /// Offsets that are committed in a transaction.
    pub(super) fn transactional_commit(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        partition: PartitionId,
        request: TxnOffsetCommitRequest,
    ) {
        let v2 = header.api_version >= COMMIT_ADDS;
        let asks = v2 || self.config.transaction_partition_verification_enable;
        let open = self
            .replicas
            .get(partition)
            .is_some_and(|r| r.log().has_ongoing_transaction(request.producer));
        let stale = |r: &Replica| r.log().has_newer_epoch(request.producer);
        if asks && self.replicas.get(partition).is_some_and(stale) {
            let request = Request::TxnOffsetCommit(request);
            let error = group::append_error(ErrorCode::InvalidProducerEpoch);
            self.answer(cx, token, group::refusal(&request, error));
            return;
        }
        if open || !asks {
            let request = Request::TxnOffsetCommit(request);
            self.hand_to_groups(cx, token, header, partition, request);
            return;
        }
        let ask = TransactionPartitions {
            transactional_id: request.transactional_id,
            producer: request.producer,
            verify_only: !v2,
            partitions: vec![partition],
        };
        self.verify(cx, token, header, ask, Work::Commit { partition, request });
    }

    fn verify(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        ask: TransactionPartitions,
        work: Work,
    ) {
        let key = self.verifications.parked.insert(Parked {
            token,
            header,
            work,
            ask,
            retry_at: Instant::FAR,
            give_up_at: cx.now.instant + BACKOFF_MAX,
        });
        self.ask_coordinator(cx, key);
    }

    fn ask_coordinator(&mut self, cx: &mut Context<'_>, key: Key) {
        let Some(parked) = self.verifications.parked.get(key) else { return };
        let (id, epoch) = (parked.ask.transactional_id, parked.ask.producer.epoch);
        let place = CoordinatorKey::Transaction(id);
        let coordinator =
            self.coordinator_partition(cx, place).and_then(|p| self.image.partition(p)?.leader);
        let Some(node) = coordinator else {
            self.verified(cx, key, |_| ErrorCode::CoordinatorNotAvailable);
            return;
        };
        if let Some((out, error)) = self.verifications.queues.push(node, id, epoch, key) {
            self.verified(cx, out, |_| error);
        }
        self.send_asks(cx, node);
    }

    fn send_asks(&mut self, cx: &mut Context<'_>, node: NodeId) {
        let parked = &self.verifications.parked;
        let asked = |key: &Key| parked.get(*key).expect("who waits in a queue is parked");
        let keys = self.verifications.queues.pop(node);
        if keys.is_empty() {
            return;
        }
        let transactions = keys.iter().map(|key| asked(key).ask.clone()).collect();
        let request = Request::AddPartitionsToTxn(AddPartitionsToTxnRequest { transactions });
        self.ask(cx, node, Call::AddPartitions, request);
    }

    pub(super) fn partitions_added(
        &mut self,
        cx: &mut Context<'_>,
        from: NodeId,
        result: Result<AddPartitionsToTxnResponse, Disconnected>,
    ) {
        let mut told: Result<BTreeMap<_, _>, _> = result
            .map(|r| r.results.into_iter().map(|t| (t.transactional_id, t.partitions)).collect());
        for (id, key) in self.verifications.queues.answered(from) {
            let of_one = told.as_mut().map(|all| all.remove(&id).unwrap_or_default());
            self.coordinator_spoke(cx, key, of_one.map_err(|e| *e));
        }
        self.send_asks(cx, from);
    }

    fn coordinator_spoke(
        &mut self,
        cx: &mut Context<'_>,
        key: Key,
        result: Result<PartitionErrors, Disconnected>,
    ) {
        let answers = match result {
            Ok(answers) => answers,
            Err(Disconnected) => {
                self.verified(cx, key, |_| ErrorCode::NetworkException);
                return;
            }
        };
        let busy = answers.iter().any(|(_, e)| *e == ErrorCode::ConcurrentTransactions);
        if busy && self.retry_later(cx, key) {
            return;
        }
        self.verified(cx, key, |partition| {
            let found = answers.iter().find(|(p, _)| *p == partition);
            found.map_or(ErrorCode::UnknownServerError, |(_, error)| *error)
        });
    }

    /// The previous transaction is still ending: ask again soon, but not for long. Clients wait
    /// long before they send a produce again, and that costs; not so offsets. Source: Kafka,
    /// `ReplicaManager.handleProduceAppend`, `CoordinatorPartitionWriter`.
    fn retry_later(&mut self, cx: &Context<'_>, key: Key) -> bool {
        let Some(parked) = self.verifications.parked.get_mut(key) else { return false };
        let now = cx.now.instant;
        let adds = !parked.ask.verify_only && matches!(parked.work, Work::Produce { .. });
        if !adds || now >= parked.give_up_at {
            return false;
        }
        let at = now + BACKOFF;
        parked.retry_at = at;
        let next = &mut self.verifications.next_retry;
        *next = Some(next.map_or(at, |n| n.min(at)));
        true
    }

    pub(super) fn verification_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        if self.verifications.next_retry.is_none_or(|at| at > now) {
            return;
        }
        let waiting = self.verifications.parked.iter().filter(|(_, p)| p.retry_at != Instant::FAR);
        let (due, later): (Vec<_>, Vec<_>) =
            waiting.map(|(key, p)| (key, p.retry_at)).partition(|&(_, at)| at <= now);
        self.verifications.next_retry = later.iter().map(|&(_, at)| at).min();
        for (key, _) in due {
            if let Some(parked) = self.verifications.parked.get_mut(key) {
                parked.retry_at = Instant::FAR;
            }
            self.ask_coordinator(cx, key);
        }
    }

    /// The coordinator has spoken of every partition: the request goes on.
    fn verified(
        &mut self,
        cx: &mut Context<'_>,
        key: Key,
        error_of: impl Fn(PartitionId) -> ErrorCode,
    ) {
        let Some(parked) = self.verifications.parked.remove(key) else { return };
        let Parked { token, header, work, ask, .. } = parked;
        match work {
            Work::Produce { request, verifications, mut refused } => {
                let told = ask.partitions.iter().map(|&p| (p, for_produce(error_of(p), header)));
                refused.extend(told.filter(|(_, error)| *error != ErrorCode::None));
                self.append_produce(cx, token, header, &request, &verifications, &refused);
            }
            Work::Commit { partition, request } => {
                let error = for_commit(error_of(partition), header);
                let request = Request::TxnOffsetCommit(request);
                if error == ErrorCode::None {
                    self.hand_to_groups(cx, token, header, partition, request);
                } else {
                    let error = group::append_error(error);
                    self.answer(cx, token, group::refusal(&request, error));
                }
            }
        }
    }
}

/// What a failed verification becomes. Errors that an old client would not retry become
/// `NOT_ENOUGH_REPLICAS`, which it does. Source: Kafka, `ReplicaManager`.
fn for_appends(error: ErrorCode, adds: bool, knows_abortable: bool) -> ErrorCode {
    match error {
        ErrorCode::TransactionAbortable if !knows_abortable => ErrorCode::InvalidTxnState,
        ErrorCode::ConcurrentTransactions if !adds => ErrorCode::NotEnoughReplicas,
        ErrorCode::NetworkException
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => ErrorCode::NotEnoughReplicas,
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        other => other,
    }
}

fn for_produce(error: ErrorCode, header: Header) -> ErrorCode {
    let version = header.api_version;
    for_appends(error, version >= PRODUCE_ADDS, version >= PRODUCE_KNOWS_ABORTABLE)
}

fn for_commit(error: ErrorCode, header: Header) -> ErrorCode {
    let version = header.api_version;
    for_appends(error, version >= COMMIT_ADDS, version >= COMMIT_KNOWS_ABORTABLE)
}
