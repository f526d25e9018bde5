//! Requests of a producer to coordinators, and the order they are sent in.

use broker_model::protocol::Request;
use broker_model::protocol::coordinator::{CoordinatorKey, FindCoordinatorRequest};
use broker_model::protocol::group::CommittedOffset;
use broker_model::protocol::txn::{
    AddOffsetsToTxnRequest, EndTxnRequest, InitProducerIdRequest, ProducerIdAndEpoch,
    TransactionPartitions, TxnOffsetCommitRequest,
};
use broker_model::types::{Duration, MILLISECOND, PartitionId, TransactionalId};

use crate::client::GroupMetadata;

/// Wait before the first `AddPartitionsToTxn` of a transaction is tried again after
/// `CONCURRENT_TRANSACTIONS` (KAFKA-5477).
pub(super) const ADD_PARTITIONS_RETRY: Duration = 20 * MILLISECOND;

/// `transaction.timeout.ms` of a producer that is only idempotent: `Integer.MAX_VALUE` ms.
const NO_TRANSACTION_TIMEOUT: Duration = 2_147_483_647 * MILLISECOND;

/// Offsets to commit with the transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offsets {
    /// Whose they are.
    pub(super) of: GroupMetadata,
    pub(super) offsets: Vec<CommittedOffset>,
    /// Those not yet answered without error.
    pub(super) unanswered: Vec<PartitionId>,
}

/// What to ask of a coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    FindCoordinator(CoordinatorKey),
    InitProducerId { bump: bool, producer: ProducerIdAndEpoch },
    AddPartitions(Vec<PartitionId>),
    AddOffsets(Offsets),
    CommitOffsets(Offsets),
    EndTxn { commit: bool, producer: ProducerIdAndEpoch, v2: bool },
}

/// A request of the transaction manager.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TransactionalRequest {
    pub(super) ask: Ask,
    /// Was tried, or found no coordinator: the sender sleeps before it.
    pub(super) retry: bool,
    pub(super) backoff: Duration,
    /// Order among requests of equal priority.
    pub(super) order: u64,
    /// The producer, as of enqueuing.
    pub(super) producer: ProducerIdAndEpoch,
}

impl TransactionalRequest {
    const fn priority(&self) -> u8 {
        match self.ask {
            Ask::FindCoordinator(_) => 0,
            Ask::InitProducerId { bump: false, .. } => 1,
            Ask::AddPartitions(_) | Ask::AddOffsets(_) | Ask::CommitOffsets(_) => 2,
            Ask::EndTxn { .. } => 3,
            Ask::InitProducerId { bump: true, .. } => 4,
        }
    }

    pub(super) const fn ends_transaction(&self) -> bool {
        matches!(self.ask, Ask::EndTxn { .. })
    }

    /// Whose coordinator it goes to, `None` for any node.
    pub(super) const fn coordinator(
        &self,
        transactional_id: Option<TransactionalId>,
    ) -> Option<CoordinatorKey> {
        match (&self.ask, transactional_id) {
            (Ask::FindCoordinator(_), _) | (_, None) => None,
            (Ask::CommitOffsets(offsets), _) => Some(CoordinatorKey::Group(offsets.of.group)),
            (_, Some(id)) => Some(CoordinatorKey::Transaction(id)),
        }
    }

    /// The request on the wire with its version.
    pub(super) fn request(
        &self,
        transactional_id: Option<TransactionalId>,
        timeout: Duration,
        v2: bool,
    ) -> (i16, Request) {
        let id = || transactional_id.expect("only transactional producers ask this");
        let producer = self.producer;
        match &self.ask {
            Ask::FindCoordinator(key) => {
                (6, Request::FindCoordinator(FindCoordinatorRequest { key: *key }))
            }
            Ask::InitProducerId { producer, .. } => (
                5,
                Request::InitProducerId(InitProducerIdRequest {
                    transactional_id,
                    transaction_timeout: match transactional_id {
                        Some(_) => timeout,
                        None => NO_TRANSACTION_TIMEOUT,
                    },
                    producer: *producer,
                    two_phase: false,
                    keep_prepared: false,
                }),
            ),
            Ask::AddPartitions(partitions) => (
                3,
                Request::AddPartitionsToTxn(
                    TransactionPartitions {
                        transactional_id: id(),
                        producer,
                        verify_only: false,
                        partitions: partitions.clone(),
                    }
                    .into(),
                ),
            ),
            Ask::AddOffsets(offsets) => (
                4,
                Request::AddOffsetsToTxn(AddOffsetsToTxnRequest {
                    transactional_id: id(),
                    producer,
                    group: offsets.of.group,
                }),
            ),
            Ask::CommitOffsets(offsets) => (
                if v2 { 5 } else { 4 },
                Request::TxnOffsetCommit(TxnOffsetCommitRequest {
                    transactional_id: id(),
                    producer,
                    group: offsets.of.group,
                    member: offsets.of.member,
                    instance: offsets.of.instance.clone(),
                    generation: offsets.of.generation,
                    offsets: offsets.offsets.clone(),
                }),
            ),
            Ask::EndTxn { commit, producer, v2 } => (
                if *v2 { 5 } else { 4 },
                Request::EndTxn(EndTxnRequest {
                    transactional_id: id(),
                    producer: *producer,
                    commit: *commit,
                }),
            ),
        }
    }
}

/// Requests waiting to be sent, by priority, then in order.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestQueue {
    waiting: Vec<TransactionalRequest>,
    next: u64,
}

impl RequestQueue {
    /// Adds a request behind those of its priority.
    pub(super) fn push(&mut self, mut request: TransactionalRequest) {
        self.next += 1;
        request.order = self.next;
        self.put_back(request);
    }

    /// Adds a request where it was taken from.
    pub(super) fn put_back(&mut self, request: TransactionalRequest) {
        let key = (request.priority(), request.order);
        let at = self.waiting.partition_point(|r| (r.priority(), r.order) < key);
        self.waiting.insert(at, request);
    }

    pub(super) fn peek(&self) -> Option<&TransactionalRequest> {
        self.waiting.first()
    }

    pub(super) fn pop(&mut self) -> Option<TransactionalRequest> {
        if self.waiting.is_empty() { None } else { Some(self.waiting.remove(0)) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
