//! One transactional id: what its log says, and the transitions from there.
//! Source: Kafka 4.1, `TransactionMetadata`.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::coordinator::Waiter;
use crate::protocol::ErrorCode;
use crate::protocol::txn::ProducerIdAndEpoch;
use crate::records::{TransactionRecord, TransactionState};
use crate::types::{Duration, PartitionId, ProducerEpoch, ProducerId, Timestamp, TransactionalId};

/// The last epoch a client may use; the one behind it is for markers only.
pub(super) const LAST_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX - 1);

/// A transactional id with what is on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Transaction {
    /// What the log says, replicated.
    pub(super) record: TransactionRecord,
    /// The append of the next state.
    pub(super) in_transition: Option<Waiter>,
    /// Markers that go out.
    pub(super) ending: Option<Ending>,
}

/// Markers on their way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ending {
    pub(super) waiter: Waiter,
    pub(super) missing: BTreeSet<PartitionId>,
}

impl Transaction {
    /// An id nobody used before; not in the log.
    pub(super) const fn new(
        id: TransactionalId,
        producer: ProducerId,
        timeout: Duration,
        now: Timestamp,
    ) -> Self {
        let producer = ProducerIdAndEpoch { id: producer, epoch: ProducerEpoch::NONE };
        let record = TransactionRecord {
            transactional_id: id,
            producer,
            last_producer_epoch: ProducerEpoch::NONE,
            state: TransactionState::Empty,
            timeout,
            partitions: Vec::new(),
            last_update: now,
            start: Timestamp::NONE,
            v2: false,
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
        };
        Self { record, in_transition: None, ending: None }
    }

    pub(super) const fn is_preparing(&self) -> bool {
        matches!(
            self.record.state,
            TransactionState::PrepareCommit | TransactionState::PrepareAbort
        )
    }

    /// Nothing is open or on its way, and nobody has changed it since `limit`.
    pub(super) fn has_expired(&self, limit: Timestamp) -> bool {
        let idle = matches!(
            self.record.state,
            TransactionState::Empty
                | TransactionState::CompleteCommit
                | TransactionState::CompleteAbort
        );
        idle && self.in_transition.is_none() && self.record.last_update <= limit
    }

    /// The record after which the id is unknown.
    pub(super) fn tombstone(&self) -> TransactionRecord {
        let mut record = self.record.clone();
        record.state = TransactionState::Dead;
        record.partitions.clear();
        record
    }

    /// A transition is on its way: everything else waits. Markers count as one.
    pub(super) const fn is_busy(&self) -> bool {
        self.in_transition.is_some() || self.is_preparing()
    }

    pub(super) fn has_exhausted_epochs(&self) -> bool {
        self.record.producer.epoch >= LAST_EPOCH
    }

    /// `InitProducerId` without an open transaction: the next epoch, or the current one for a
    /// retry (KIP-360).
    pub(super) fn initialized(
        &self,
        expected: Option<ProducerEpoch>,
        timeout: Duration,
        now: Timestamp,
    ) -> Result<TransactionRecord, ErrorCode> {
        let current = self.record.producer.epoch;
        if self.has_exhausted_epochs() {
            // Recorded: Kafka answers so when the expected epoch is not the exhausted one.
            return Err(ErrorCode::UnknownServerError);
        }
        let (epoch, last) = match expected {
            None => (current.next(), ProducerEpoch::NONE),
            Some(_) if current == ProducerEpoch::NONE => (current.next(), current),
            Some(expected) if expected == current => (current.next(), current),
            Some(expected) if expected == self.record.last_producer_epoch => {
                (current, self.record.last_producer_epoch)
            }
            Some(_) => return Err(ErrorCode::ProducerFenced),
        };
        let mut record = self.emptied(timeout, now);
        record.producer.epoch = epoch;
        record.last_producer_epoch = last;
        Ok(record)
    }

    /// `InitProducerId` when the epochs ran out: another producer id.
    pub(super) fn rotated(
        &self,
        new: ProducerId,
        expected: bool,
        timeout: Duration,
        now: Timestamp,
    ) -> TransactionRecord {
        let current = self.record.producer;
        let mut record = self.emptied(timeout, now);
        record.producer = ProducerIdAndEpoch { id: new, epoch: ProducerEpoch(0) };
        record.last_producer_epoch = if expected { current.epoch } else { ProducerEpoch::NONE };
        record.previous_producer_id = current.id;
        record
    }

    fn emptied(&self, timeout: Duration, now: Timestamp) -> TransactionRecord {
        let mut record = self.record.clone();
        record.state = TransactionState::Empty;
        record.timeout = timeout;
        record.partitions.clear();
        record.start = Timestamp::NONE;
        record.last_update = now;
        record
    }

    /// Partitions join the transaction, which begins if none is open.
    pub(super) fn with_partitions(
        &self,
        partitions: &[PartitionId],
        now: Timestamp,
    ) -> TransactionRecord {
        let mut record = self.record.clone();
        if record.state != TransactionState::Ongoing {
            record.state = TransactionState::Ongoing;
            record.start = now;
        }
        let all: BTreeSet<PartitionId> =
            record.partitions.iter().chain(partitions).copied().collect();
        record.partitions = all.into_iter().collect();
        record.last_update = now;
        record.previous_producer_id = ProducerId::NONE;
        record
    }

    /// The decision. With `bump` markers carry the next epoch, which the client learns.
    pub(super) fn prepared(
        &self,
        commit: bool,
        bump: Bump,
        next_producer_id: ProducerId,
        now: Timestamp,
    ) -> TransactionRecord {
        let mut record = self.record.clone();
        record.state =
            if commit { TransactionState::PrepareCommit } else { TransactionState::PrepareAbort };
        match bump {
            Bump::Keep => {}
            Bump::Next => {
                record.last_producer_epoch = record.producer.epoch;
                record.producer.epoch = record.producer.epoch.next();
            }
            Bump::Fence => {
                record.last_producer_epoch = ProducerEpoch::NONE;
                record.producer.epoch = record.producer.epoch.next();
            }
        }
        record.v2 = bump == Bump::Next;
        record.next_producer_id = next_producer_id;
        record.previous_producer_id = ProducerId::NONE;
        if record.start == Timestamp::NONE {
            record.start = now;
        }
        record.last_update = now;
        record
    }
}

/// What the end of a transaction does to the epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bump {
    /// Protocol v1: nothing.
    Keep,
    /// Protocol v2: the client goes on with the next epoch, and may repeat its request.
    Next,
    /// Protocol v1, ended by the coordinator: the next epoch, and the client is fenced.
    Fence,
}

/// What follows once all markers are written.
pub(super) fn completed(prepared: &TransactionRecord, now: Timestamp) -> TransactionRecord {
    let mut record = prepared.clone();
    record.state = match prepared.state {
        TransactionState::PrepareCommit => TransactionState::CompleteCommit,
        TransactionState::PrepareAbort => TransactionState::CompleteAbort,
        other => panic!("only a prepared transaction completes, not {}", other.name()),
    };
    record.producer = after_completion(prepared);
    if prepared.next_producer_id.is_some() {
        record.previous_producer_id = prepared.producer.id;
    }
    record.next_producer_id = ProducerId::NONE;
    record.partitions.clear();
    record.last_update = now;
    record
}

/// The id and epoch with which the client goes on.
pub(super) fn after_completion(prepared: &TransactionRecord) -> ProducerIdAndEpoch {
    if prepared.next_producer_id.is_some() {
        ProducerIdAndEpoch { id: prepared.next_producer_id, epoch: ProducerEpoch(0) }
    } else {
        prepared.producer
    }
}
