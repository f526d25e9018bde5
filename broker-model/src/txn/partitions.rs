//! `AddPartitionsToTxn` in both forms, and `AddOffsetsToTxn`.

use alloc::vec::Vec;

use super::desk::{Desk, Then, fenced_before};
use super::transaction::Transaction;
use super::{TransactionCoordinator, Transactions};
use crate::coordinator::{Effect, Effects};
use crate::io::{Context, Token};
use crate::note::Note;
use crate::protocol::txn::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, ProducerIdAndEpoch, TransactionPartitions,
    TransactionResult,
};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::TransactionState;
use crate::types::{PartitionId, TransactionalId};

impl TransactionCoordinator {
    /// One transaction of an `AddPartitionsToTxn`, of a transactional id of `partition` of
    /// `__transaction_state`. The reply is about this transaction alone.
    pub fn add_partitions(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        partition: PartitionId,
        token: Token,
        header: Header,
        wanted: TransactionPartitions,
    ) {
        match self.desk(cx, effects, partition) {
            Some((mut desk, transactions)) => {
                desk.add_partitions(transactions, token, header, wanted);
            }
            None => {
                let result = refused_partitions(wanted, header, ErrorCode::NotCoordinator);
                effects.push(reply(token, result));
            }
        }
    }
}

impl Desk<'_, '_> {
    fn add_partitions(
        &mut self,
        transactions: &mut Transactions,
        token: Token,
        header: Header,
        wanted: TransactionPartitions,
    ) {
        let transaction = match found_for(transactions, &wanted) {
            Ok(transaction) => transaction,
            Err(error) => {
                if error == ErrorCode::ProducerFenced {
                    let (node, producer_id) = (self.node, wanted.producer.id);
                    self.cx.note(Note::ProducerFenced { node, producer_id });
                }
                let result = refused_partitions(wanted, header, error);
                return self.effects.push(reply(token, result));
            }
        };
        let r = &wanted;
        let belongs = |p: &PartitionId| transaction.record.partitions.binary_search(p).is_ok();
        if r.verify_only {
            let error =
                |p| if belongs(p) { ErrorCode::None } else { ErrorCode::TransactionAbortable };
            let partitions = r.partitions.iter().map(|p| (*p, error(p))).collect();
            return self.reply_partitions(token, r.transactional_id, partitions);
        }
        let ongoing = transaction.record.state == TransactionState::Ongoing;
        if ongoing && r.partitions.iter().all(belongs) {
            let partitions = r.partitions.iter().map(|&p| (p, ErrorCode::None)).collect();
            return self.reply_partitions(token, r.transactional_id, partitions);
        }
        let record = transaction.with_partitions(&r.partitions, self.cx.now.wall);
        let partitions = wanted.partitions;
        self.transition(transaction, record, Then::AddPartitions { token, header, partitions });
    }

    pub(super) fn reply_partitions(
        &mut self,
        token: Token,
        transactional_id: TransactionalId,
        partitions: Vec<(PartitionId, ErrorCode)>,
    ) {
        self.effects.push(reply(token, TransactionResult { transactional_id, partitions }));
    }

    pub(super) fn add_offsets(
        &mut self,
        transactions: &mut Transactions,
        token: Token,
        header: Header,
        r: AddOffsetsToTxnRequest,
    ) {
        let found = match self.offsets_partition(r) {
            None => Err(ErrorCode::CoordinatorNotAvailable),
            Some(p) => open_for(transactions, r.transactional_id, r.producer).map(|t| (p, t)),
        };
        let (partition, transaction) = match found {
            Ok(found) => found,
            Err(error) => {
                let request = Request::AddOffsetsToTxn(r);
                return self.refuse(token, header, &request, r.producer.id, error);
            }
        };
        let record = &transaction.record;
        let belongs = record.state == TransactionState::Ongoing
            && record.partitions.binary_search(&partition).is_ok();
        if belongs {
            let response = AddOffsetsToTxnResponse { error: ErrorCode::None };
            return self.reply(token, Response::AddOffsetsToTxn(response));
        }
        let record = transaction.with_partitions(&[partition], self.cx.now.wall);
        self.transition(transaction, record, Then::AddOffsets { token });
    }

    fn offsets_partition(&self, r: AddOffsetsToTxnRequest) -> Option<PartitionId> {
        let count = u32::try_from(self.offsets_partitions.len()).expect("fewer than 2^32");
        if count == 0 {
            return None;
        }
        let index = self.cx.names.group_partition(r.group, count);
        Some(self.offsets_partitions[index as usize])
    }
}

pub(super) fn reply(token: Token, result: TransactionResult) -> Effect {
    Effect::Reply { token, response: Response::AddPartitionsToTxn(result.into()) }
}

/// The result of a transaction of which nothing was done, with the error's name in that version.
#[must_use]
pub fn refused_partitions(
    wanted: TransactionPartitions,
    header: Header,
    error: ErrorCode,
) -> TransactionResult {
    let error = fenced_before(2, header, error);
    let partitions = wanted.partitions.into_iter().map(|p| (p, error)).collect();
    TransactionResult { transactional_id: wanted.transactional_id, partitions }
}

/// The result if there is a partition that the broker does not know: it spoils the transaction,
/// before anything else is looked at. Source: Kafka,
/// `KafkaApis.handleAddPartitionsToTxnRequest`.
#[must_use]
pub fn unknown_partitions(
    r: &TransactionPartitions,
    is_known: impl Fn(PartitionId) -> bool,
) -> Option<TransactionResult> {
    if r.partitions.iter().all(|&p| is_known(p)) {
        return None;
    }
    let judge = |&p: &PartitionId| match is_known(p) {
        true => (p, ErrorCode::OperationNotAttempted),
        false => (p, ErrorCode::UnknownTopicOrPartition),
    };
    let partitions = r.partitions.iter().map(judge).collect();
    Some(TransactionResult { transactional_id: r.transactional_id, partitions })
}

/// The transaction that is added to or asked about.
fn found_for<'a>(
    transactions: &'a mut Transactions,
    r: &TransactionPartitions,
) -> Result<&'a mut Transaction, ErrorCode> {
    if r.verify_only {
        verifiable_for(transactions, r.transactional_id, r.producer)
    } else {
        open_for(transactions, r.transactional_id, r.producer)
    }
}

/// The transaction if this producer may ask about it now: also while partitions are being added,
/// which do not count yet. Source: Kafka, `handleVerifyPartitionsInTransaction`.
fn verifiable_for(
    transactions: &mut Transactions,
    id: TransactionalId,
    producer: ProducerIdAndEpoch,
) -> Result<&mut Transaction, ErrorCode> {
    let transaction = transactions.get_mut(&id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
    check_producer(transaction, producer)?;
    if transaction.is_preparing() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    Ok(transaction)
}

/// The transaction if this producer may add to it now.
fn open_for(
    transactions: &mut Transactions,
    id: TransactionalId,
    producer: ProducerIdAndEpoch,
) -> Result<&mut Transaction, ErrorCode> {
    let transaction = transactions.get_mut(&id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
    if transaction.is_busy() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    check_producer(transaction, producer)?;
    Ok(transaction)
}

fn check_producer(
    transaction: &Transaction,
    producer: ProducerIdAndEpoch,
) -> Result<(), ErrorCode> {
    let own = transaction.record.producer;
    if own.id != producer.id {
        Err(ErrorCode::InvalidProducerIdMapping)
    } else if own.epoch != producer.epoch {
        Err(ErrorCode::ProducerFenced)
    } else {
        Ok(())
    }
}
