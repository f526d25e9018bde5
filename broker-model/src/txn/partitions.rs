//! `AddPartitionsToTxn` in both forms, and `AddOffsetsToTxn`.

use alloc::vec::Vec;

use super::Transactions;
use super::desk::{Desk, Then};
use super::transaction::Transaction;
use crate::io::Token;
use crate::protocol::txn::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, ProducerIdAndEpoch,
};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::TransactionState;
use crate::types::{PartitionId, TransactionalId};

impl Desk<'_, '_> {
    pub(super) fn add_partitions(
        &mut self,
        transactions: &mut Transactions,
        token: Token,
        header: Header,
        r: &AddPartitionsToTxnRequest,
    ) {
        let found = open_for(transactions, r.transactional_id, r.producer);
        let transaction = match found {
            Ok(transaction) => transaction,
            Err(error) => {
                let request = Request::AddPartitionsToTxn(r.clone());
                return self.refuse(token, header, &request, r.producer.id, error);
            }
        };
        let belongs = |p: &PartitionId| transaction.record.partitions.binary_search(p).is_ok();
        if r.verify_only {
            let error =
                |p| if belongs(p) { ErrorCode::None } else { ErrorCode::TransactionAbortable };
            let partitions = r.partitions.iter().map(|p| (*p, error(p))).collect();
            return self.reply_partitions(token, partitions);
        }
        let ongoing = transaction.record.state == TransactionState::Ongoing;
        if ongoing && r.partitions.iter().all(belongs) {
            let partitions = r.partitions.iter().map(|&p| (p, ErrorCode::None)).collect();
            return self.reply_partitions(token, partitions);
        }
        let record = transaction.with_partitions(&r.partitions, self.cx.now.wall);
        let partitions = r.partitions.clone();
        self.transition(transaction, record, Then::AddPartitions { token, header, partitions });
    }

    pub(super) fn reply_partitions(
        &mut self,
        token: Token,
        partitions: Vec<(PartitionId, ErrorCode)>,
    ) {
        let response = AddPartitionsToTxnResponse { partitions };
        self.reply(token, Response::AddPartitionsToTxn(response));
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

/// The answer if there is a partition that the broker does not know: it spoils all, before anything
/// else is looked at. Source: Kafka, `KafkaApis.handleAddPartitionsToTxnRequest`.
#[must_use]
pub fn unknown_partitions(
    r: &AddPartitionsToTxnRequest,
    is_known: impl Fn(PartitionId) -> bool,
) -> Option<Response> {
    if r.partitions.iter().all(|&p| is_known(p)) {
        return None;
    }
    let judge = |&p: &PartitionId| match is_known(p) {
        true => (p, ErrorCode::OperationNotAttempted),
        false => (p, ErrorCode::UnknownTopicOrPartition),
    };
    let partitions = r.partitions.iter().map(judge).collect();
    Some(Response::AddPartitionsToTxn(AddPartitionsToTxnResponse { partitions }))
}

/// The transaction if this producer may add to it or ask about it now.
fn open_for(
    transactions: &mut Transactions,
    id: TransactionalId,
    producer: ProducerIdAndEpoch,
) -> Result<&mut Transaction, ErrorCode> {
    let transaction = transactions.get_mut(&id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
    if transaction.is_busy() {
        Err(ErrorCode::ConcurrentTransactions)
    } else if transaction.record.producer.id != producer.id {
        Err(ErrorCode::InvalidProducerIdMapping)
    } else if transaction.record.producer.epoch != producer.epoch {
        Err(ErrorCode::ProducerFenced)
    } else {
        Ok(transaction)
    }
}
