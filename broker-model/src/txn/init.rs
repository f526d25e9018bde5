//! `InitProducerId`. Source: Kafka 4.1, `TransactionCoordinator.handleInitProducerId`.

use alloc::collections::btree_map::Entry;

use super::desk::{Desk, Then};
use super::transaction::{LAST_EPOCH, Transaction};
use super::{TransactionCoordinator, Transactions};
use crate::io::Token;
use crate::protocol::txn::{InitProducerIdRequest, InitProducerIdResponse, ProducerIdAndEpoch};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::TransactionState;
use crate::rules::InitializedEpoch;
use crate::types::{MILLISECOND, ProducerEpoch};

impl TransactionCoordinator {
    /// A producer that is idempotent only gets a fresh id each time.
    pub(super) fn init_idempotent(&mut self, request: InitProducerIdRequest) -> Response {
        let id = if is_contradictory(request.producer) {
            Err(ErrorCode::InvalidRequest)
        } else {
            self.ids.take().ok_or(ErrorCode::CoordinatorLoadInProgress)
        };
        let response = match id {
            Ok(id) => InitProducerIdResponse {
                error: ErrorCode::None,
                producer: ProducerIdAndEpoch { id, epoch: ProducerEpoch(0) },
            },
            Err(error) => InitProducerIdResponse { error, producer: ProducerIdAndEpoch::NONE },
        };
        Response::InitProducerId(response)
    }
}

/// An id without an epoch, or an epoch without an id.
fn is_contradictory(producer: ProducerIdAndEpoch) -> bool {
    producer.id.is_some() != (producer.epoch.0 >= 0)
}

impl Desk<'_, '_> {
    pub(super) fn init(
        &mut self,
        transactions: &mut Transactions,
        token: Token,
        header: Header,
        r: InitProducerIdRequest,
    ) {
        if let Err(error) = self.try_init(transactions, token, header, r) {
            self.refuse(token, header, &Request::InitProducerId(r), r.producer.id, error);
        }
    }

    fn try_init(
        &mut self,
        transactions: &mut Transactions,
        token: Token,
        header: Header,
        r: InitProducerIdRequest,
    ) -> Result<(), ErrorCode> {
        if is_contradictory(r.producer) {
            return Err(ErrorCode::InvalidRequest);
        }
        // `transaction.two.phase.commit.enable` is off, and Kafka 4.1 keeps no prepared transaction.
        if r.two_phase {
            return Err(ErrorCode::TransactionalIdAuthorizationFailed);
        }
        if r.keep_prepared {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let timeout = r.transaction_timeout;
        if timeout < MILLISECOND || timeout > self.settings.max_timeout {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        let id = r.transactional_id.expect("the caller answers those without");
        let transaction = match transactions.entry(id) {
            Entry::Occupied(transaction) => transaction.into_mut(),
            Entry::Vacant(place) => {
                let producer = self.ids.take().ok_or(ErrorCode::CoordinatorLoadInProgress)?;
                place.insert(Transaction::new(id, producer, timeout, self.cx.now.wall))
            }
        };
        if transaction.in_transition.is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let expected = Some(r.producer).filter(|p| p.id.is_some());
        if !expected.is_none_or(|p| may_initialize(transaction, p)) {
            return Err(ErrorCode::ProducerFenced);
        }
        match transaction.record.state {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            // The client has to come again, and gets yet another epoch then.
            TransactionState::Ongoing => self.fence(transaction, Some((token, header))),
            _ => self.next_epoch(transaction, token, expected.map(|p| p.epoch), r),
        }
    }

    fn next_epoch(
        &mut self,
        transaction: &mut Transaction,
        token: Token,
        expected: Option<ProducerEpoch>,
        r: InitProducerIdRequest,
    ) -> Result<(), ErrorCode> {
        let (timeout, now) = (r.transaction_timeout, self.cx.now.wall);
        let current = transaction.record.producer.epoch;
        let rotates =
            transaction.has_exhausted_epochs() && expected.is_none_or(|epoch| epoch == current);
        let mut record = if rotates {
            let new = self.ids.take().ok_or(ErrorCode::CoordinatorLoadInProgress)?;
            transaction.rotated(new, expected.is_some(), timeout, now)
        } else {
            transaction.initialized(expected, timeout, now)?
        };
        if self.cx.rules.initialized_epoch == InitializedEpoch::Falls && current.0 > 0 {
            record.producer.epoch.0 = current.0 - 1;
        }
        self.transition(transaction, record, Then::Init { token });
        Ok(())
    }
}

/// Whether a producer with this id may go on. The epoch is looked at later, and not at all
/// while a transaction is open.
fn may_initialize(transaction: &Transaction, producer: ProducerIdAndEpoch) -> bool {
    let record = &transaction.record;
    record.producer.epoch == ProducerEpoch::NONE
        || producer.id == record.producer.id
        || (producer.id == record.previous_producer_id && producer.epoch >= LAST_EPOCH)
}
