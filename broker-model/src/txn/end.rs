//! The end of a transaction: `EndTxn`, fencing, timeouts, markers.
//! Source: Kafka 4.1, `TransactionCoordinator.endTransaction`, and KIP-890.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Transactions;
use super::desk::{Desk, Then, Timer};
use super::transaction::{Bump, Ending, LAST_EPOCH, Transaction, completed};
use crate::coordinator::Effect;
use crate::io::Token;
use crate::protocol::txn::{EndTxnRequest, EndTxnResponse, ProducerIdAndEpoch, TxnMarker};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::TransactionState;
use crate::rules::{AbortTimeoutBumpsEpoch, Markers, TransactionTimeout};
use crate::types::{Duration, MILLISECOND, PartitionId, ProducerEpoch, ProducerId, Timestamp};

/// From this version on the end of a transaction raises the epoch (KIP-890).
const RAISES_EPOCH: i16 = 5;
/// Pause before the record of a completion is written again. Kafka retries in its next round.
pub(super) const COMPLETION_RETRY: Duration = 100 * MILLISECOND;

/// What an `EndTxn` that is not refused leads to.
enum Verdict {
    /// It is a repetition of what was done.
    AlreadyDone,
    /// The decision is to be logged.
    Prepare { next_producer_id: ProducerId },
}

impl Desk<'_, '_> {
    pub(super) fn end_txn(
        &mut self,
        transactions: &mut Transactions,
        token: Token,
        header: Header,
        r: EndTxnRequest,
    ) {
        let v2 = header.api_version >= RAISES_EPOCH;
        let found = match transactions.get_mut(&r.transactional_id) {
            None => Err(ErrorCode::InvalidProducerIdMapping),
            Some(t) if v2 => self.judge_v2(t, r).map(|verdict| (t, verdict)),
            Some(t) => judge_v1(t, r).map(|verdict| (t, verdict)),
        };
        match found {
            Err(error) => {
                self.refuse(token, header, &Request::EndTxn(r), r.producer.id, error);
            }
            Ok((transaction, Verdict::AlreadyDone)) => {
                let response = end_response(v2, transaction.record.producer);
                self.reply(token, response);
            }
            Ok((transaction, Verdict::Prepare { next_producer_id })) => {
                let bump = if v2 { Bump::Next } else { Bump::Keep };
                let now = self.cx.now.wall;
                let record = transaction.prepared(r.commit, bump, next_producer_id, now);
                self.transition(transaction, record, Then::End { token, v2 });
            }
        }
    }

    /// A repetition is told from the next end by its epoch, which each end raises.
    fn judge_v2(
        &mut self,
        transaction: &Transaction,
        r: EndTxnRequest,
    ) -> Result<Verdict, ErrorCode> {
        if transaction.is_busy() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let record = &transaction.record;
        let (current, epoch) = (record.producer, r.producer.epoch);
        let complete = matches!(
            record.state,
            TransactionState::CompleteCommit | TransactionState::CompleteAbort
        );
        let overflowed = complete
            && record.previous_producer_id == r.producer.id
            && epoch == LAST_EPOCH
            && current.epoch == ProducerEpoch(0);
        let raised = i32::from(current.epoch.0) == i32::from(epoch.0) + 1;
        if current.id != r.producer.id && !overflowed {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        let repetition = raised || overflowed;
        if !(epoch == current.epoch || (complete && repetition)) {
            return Err(ErrorCode::ProducerFenced);
        }
        match record.state {
            TransactionState::Ongoing => {}
            TransactionState::CompleteCommit if repetition && r.commit => {
                return Ok(Verdict::AlreadyDone);
            }
            TransactionState::CompleteAbort if repetition && !r.commit => {
                return Ok(Verdict::AlreadyDone);
            }
            // Aborting nothing raises the epoch all the same.
            _ if !r.commit && !repetition => {}
            _ => return Err(ErrorCode::InvalidTxnState),
        }
        if current.epoch.0 == i16::MAX {
            return Err(ErrorCode::UnknownServerError);
        }
        let next_producer_id = if transaction.has_exhausted_epochs() {
            self.ids.take().ok_or(ErrorCode::CoordinatorLoadInProgress)?
        } else {
            ProducerId::NONE
        };
        Ok(Verdict::Prepare { next_producer_id })
    }

    /// Aborts an open transaction on the coordinator's own account.
    pub(super) fn fence(
        &mut self,
        transaction: &mut Transaction,
        token: Option<(Token, Header)>,
    ) -> Result<(), ErrorCode> {
        if transaction.record.producer.epoch.0 == i16::MAX {
            return Err(ErrorCode::UnknownServerError);
        }
        let v2 = self.settings.transaction_version >= 2;
        let bump = if v2 { Bump::Next } else { Bump::Fence };
        let record = transaction.prepared(false, bump, ProducerId::NONE, self.cx.now.wall);
        self.transition(transaction, record, Then::Fence { token });
        Ok(())
    }

    /// A transaction began: it is looked at when its time may be over.
    pub(super) fn watch(&mut self, transaction: &Transaction) {
        let left = expiry(transaction).0.saturating_sub(self.cx.now.wall.0).max(0);
        let left = u64::try_from(left).expect("not negative") * MILLISECOND;
        let due = self.cx.now.instant + left;
        // Kafka looks at all open transactions once in an interval.
        let interval = self.settings.abort_timed_out_interval.max(MILLISECOND);
        let at = crate::types::Instant((due.0 / interval + 1).saturating_mul(interval));
        let timer = Timer::Timeout(self.partition, transaction.record.transactional_id);
        self.timers.set(timer, at);
    }

    /// The time of an open transaction may be over.
    pub(super) fn time_out(&mut self, transaction: &mut Transaction) {
        if self.cx.rules.transaction_timeout == TransactionTimeout::Never
            || transaction.record.state != TransactionState::Ongoing
        {
            return;
        }
        let over = expiry(transaction) < self.cx.now.wall;
        if !over || transaction.in_transition.is_some() {
            return self.watch(transaction);
        }
        if self.cx.rules.abort_timeout_bumps_epoch == AbortTimeoutBumpsEpoch::Off
            && self.settings.transaction_version < 2
        {
            let now = self.cx.now.wall;
            let record = transaction.prepared(false, Bump::Keep, ProducerId::NONE, now);
            return self.transition(transaction, record, Then::Fence { token: None });
        }
        // An exhausted epoch cannot be fenced; only another producer id ends this.
        let _ = self.fence(transaction, None);
    }

    /// The decision is logged: markers go out to every partition.
    pub(super) fn send_markers(&mut self, transaction: &mut Transaction) {
        let record = &transaction.record;
        let waiter = self.appends.waiter();
        let mut marker = TxnMarker {
            producer: record.producer,
            commit: record.state == TransactionState::PrepareCommit,
            coordinator_epoch: self.epoch,
            v2: record.v2,
            partitions: record.partitions.clone(),
        };
        let mut other = None;
        match self.cx.rules.markers {
            Markers::All => {}
            Markers::SkipLast => {
                marker.partitions.pop();
            }
            Markers::FlipLast => {
                other = marker.partitions.pop().map(|last| TxnMarker {
                    commit: !marker.commit,
                    partitions: Vec::from([last]),
                    ..marker.clone()
                });
            }
        }
        let mut missing = BTreeSet::new();
        for marker in [Some(marker), other].into_iter().flatten() {
            if !marker.partitions.is_empty() {
                missing.extend(marker.partitions.iter().copied());
                self.effects.push(Effect::Markers { waiter, marker });
            }
        }
        self.appends.endings.insert(waiter, (self.partition, record.transactional_id));
        transaction.ending = Some(Ending { waiter, missing });
        self.complete_if_written(transaction);
    }

    /// Leaders have answered: `results` may be of some partitions only.
    pub(super) fn markers_answered(
        &mut self,
        transaction: &mut Transaction,
        results: &[(PartitionId, ErrorCode)],
    ) {
        let Some(ending) = &mut transaction.ending else { return };
        for &(partition, error) in results {
            match error {
                ErrorCode::None => {
                    ending.missing.remove(&partition);
                }
                // Another coordinator has taken over and will write the markers.
                ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced => {
                    self.appends.endings.remove(&ending.waiter);
                    transaction.ending = None;
                    return;
                }
                _ => {}
            }
        }
        self.complete_if_written(transaction);
    }

    /// With all markers written the end of the transaction is logged.
    pub(super) fn complete_if_written(&mut self, transaction: &mut Transaction) {
        let written = transaction.ending.as_ref().is_some_and(|e| e.missing.is_empty());
        if written && transaction.in_transition.is_none() {
            let record = completed(&transaction.record, self.cx.now.wall);
            self.transition(transaction, record, Then::Complete);
        }
    }
}

/// Protocol v1: the same epoch for ever, so a repetition looks like the first request.
fn judge_v1(transaction: &Transaction, r: EndTxnRequest) -> Result<Verdict, ErrorCode> {
    let record = &transaction.record;
    if record.producer.id != r.producer.id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if record.producer.epoch != r.producer.epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    if transaction.is_busy() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    match record.state {
        TransactionState::Ongoing => Ok(Verdict::Prepare { next_producer_id: ProducerId::NONE }),
        TransactionState::CompleteCommit if r.commit => Ok(Verdict::AlreadyDone),
        TransactionState::CompleteAbort if !r.commit => Ok(Verdict::AlreadyDone),
        _ => Err(ErrorCode::InvalidTxnState),
    }
}

/// The answer to an `EndTxn` that succeeded.
pub(super) fn end_response(v2: bool, producer: ProducerIdAndEpoch) -> Response {
    let producer = if v2 { producer } else { ProducerIdAndEpoch::NONE };
    Response::EndTxn(EndTxnResponse { error: ErrorCode::None, producer })
}

/// Until when the transaction may stay open.
fn expiry(transaction: &Transaction) -> Timestamp {
    let timeout = i64::try_from(transaction.record.timeout / MILLISECOND).unwrap_or(i64::MAX);
    Timestamp(transaction.record.start.0.saturating_add(timeout))
}
