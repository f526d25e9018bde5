//! What follows appends and markers, and how a shard ends.

use super::desk::{Append, Desk, Then, Timer, append_error, fenced_before};
use super::end::{COMPLETION_RETRY, end_response};
use super::transaction::{Transaction, after_completion};
use super::{TransactionCoordinator, Transactions};
use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::Context;
use crate::note::Note;
use crate::protocol::txn::{
    AddOffsetsToTxnResponse, EndTxnResponse, InitProducerIdResponse, ProducerIdAndEpoch,
    TransactionResult,
};
use crate::protocol::{ErrorCode, Response};
use crate::records::{TransactionRecord, TransactionState};
use crate::types::PartitionId;

impl TransactionCoordinator {
    /// An append is replicated. Call in the order of the log; unknown waiters are ignored.
    pub fn committed(&mut self, cx: &mut Context<'_>, effects: &mut Effects, waiter: Waiter) {
        let Some(append) = self.appends.open.remove(&waiter) else {
            return self.tombstones_settled(cx, waiter, true);
        };
        let Some((mut desk, transactions)) = self.desk(cx, effects, append.partition) else {
            return;
        };
        let transaction = landed(transactions, &append, waiter);
        desk.replay(transaction, append.record);
        desk.succeed(transaction, append.then);
    }

    /// An append was refused: nothing of it is in the log. Unknown waiters are ignored.
    pub fn failed(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        waiter: Waiter,
        error: ErrorCode,
    ) {
        let Some(append) = self.appends.open.remove(&waiter) else {
            return self.tombstones_settled(cx, waiter, false);
        };
        let Some((mut desk, transactions)) = self.desk(cx, effects, append.partition) else {
            return;
        };
        let transaction = landed(transactions, &append, waiter);
        if append.then == Then::Complete {
            let timer = Timer::Complete(append.partition, append.record.transactional_id);
            let at = desk.cx.now.instant + COMPLETION_RETRY;
            desk.timers.set(timer, at);
        } else {
            if transaction.record.state == TransactionState::Ongoing {
                desk.watch(transaction);
            }
            refuse(append, append_error(error), desk.effects);
        }
    }

    /// Markers of a waiter were answered by the leaders, some or all. `NONE` also for
    /// partitions whose topic is gone. Other errors than fencing are for the broker to retry.
    /// Unknown waiters are ignored.
    pub fn markers_written(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        waiter: Waiter,
        results: &[(PartitionId, ErrorCode)],
    ) {
        let Some(&(partition, id)) = self.appends.endings.get(&waiter) else { return };
        let Some((mut desk, transactions)) = self.desk(cx, effects, partition) else { return };
        if let Some(transaction) = transactions.get_mut(&id) {
            desk.markers_answered(transaction, results);
        }
    }

    /// The broker resigned: everything parked hears `NOT_COORDINATOR`, markers are void.
    pub fn unload(&mut self, effects: &mut Effects, partition: PartitionId) {
        let Some(shard) = self.shards.remove(&partition) else { return };
        for transaction in shard.transactions.into_values() {
            if let Some(ending) = transaction.ending {
                self.appends.endings.remove(&ending.waiter);
            }
            let waiter = transaction.in_transition;
            if let Some(append) = waiter.and_then(|w| self.appends.open.remove(&w)) {
                refuse(append, ErrorCode::NotCoordinator, effects);
            }
        }
        self.appends.tombstones.retain(|_, (of, _)| *of != partition);
        self.timers.retain(|timer| {
            let (Timer::Timeout(p, _) | Timer::Complete(p, _)) = timer;
            *p != partition
        });
    }
}

/// The transaction whose transition has come to an end.
fn landed<'a>(
    transactions: &'a mut Transactions,
    append: &Append,
    waiter: Waiter,
) -> &'a mut Transaction {
    let transaction = transactions
        .get_mut(&append.record.transactional_id)
        .expect("a transactional id with a transition stays");
    assert_eq!(transaction.in_transition.take(), Some(waiter), "one transition at a time");
    transaction
}

impl Desk<'_, '_> {
    /// The log says so now.
    fn replay(&mut self, transaction: &mut Transaction, record: TransactionRecord) {
        let began = record.state == TransactionState::Ongoing
            && transaction.record.state != TransactionState::Ongoing;
        let changed = record.state != transaction.record.state
            || record.producer != transaction.record.producer;
        transaction.record = record;
        let record = &transaction.record;
        if changed {
            self.cx.note(Note::TransactionState {
                node: self.node,
                transactional_id: record.transactional_id,
                producer: record.producer,
                state: record.state,
            });
        }
        if began {
            self.watch(transaction);
        } else if record.state != TransactionState::Ongoing {
            self.timers.cancel(Timer::Timeout(self.partition, record.transactional_id));
        }
    }

    fn succeed(&mut self, transaction: &mut Transaction, then: Then) {
        match then {
            Then::Init { token } => {
                let producer = transaction.record.producer;
                let response = InitProducerIdResponse { error: ErrorCode::None, producer };
                self.reply(token, Response::InitProducerId(response));
            }
            Then::AddPartitions { token, partitions, .. } => {
                let partitions = partitions.into_iter().map(|p| (p, ErrorCode::None)).collect();
                self.reply_partitions(token, transaction.record.transactional_id, partitions);
            }
            Then::AddOffsets { token } => {
                let response = AddOffsetsToTxnResponse { error: ErrorCode::None };
                self.reply(token, Response::AddOffsetsToTxn(response));
            }
            Then::End { token, v2 } => {
                self.reply(token, end_response(v2, after_completion(&transaction.record)));
                self.send_markers(transaction);
            }
            Then::Fence { token } => {
                if let Some((token, _)) = token {
                    let error = ErrorCode::ConcurrentTransactions;
                    self.reply(token, refused_init(error));
                }
                self.send_markers(transaction);
            }
            Then::Complete => {
                if let Some(ending) = transaction.ending.take() {
                    self.appends.endings.remove(&ending.waiter);
                }
            }
        }
    }
}

fn refused_init(error: ErrorCode) -> Response {
    let producer = ProducerIdAndEpoch::NONE;
    Response::InitProducerId(InitProducerIdResponse { error, producer })
}

/// Answers whoever waits for a transition that will not be.
fn refuse(append: Append, error: ErrorCode, effects: &mut Effects) {
    let (token, response) = match append.then {
        Then::Init { token } => (token, refused_init(error)),
        Then::Fence { token: Some((token, header)) } => {
            (token, refused_init(fenced_before(4, header, error)))
        }
        Then::AddPartitions { token, header, partitions } => {
            let error = fenced_before(2, header, error);
            let partitions = partitions.into_iter().map(|p| (p, error)).collect();
            let transactional_id = append.record.transactional_id;
            let result = TransactionResult { transactional_id, partitions };
            (token, Response::AddPartitionsToTxn(result.into()))
        }
        Then::AddOffsets { token } => {
            (token, Response::AddOffsetsToTxn(AddOffsetsToTxnResponse { error }))
        }
        Then::End { token, .. } => {
            let producer = ProducerIdAndEpoch::NONE;
            (token, Response::EndTxn(EndTxnResponse { error, producer }))
        }
        Then::Fence { token: None } | Then::Complete => return,
    };
    effects.push(Effect::Reply { token, response });
}
