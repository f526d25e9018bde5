//! Calls of the application on a transaction: they are refused at once, or wait and return later.

use broker_model::protocol::group::CommittedOffset;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::types::Instant;

use super::Producer;
use super::event::{Operation, ProducerError, ProducerEvent, Refusal};
use super::partition::Membership;
use super::requests::{Ask, Offsets, TransactionalRequest};
use super::transaction::ProducerState;
use crate::client::GroupMetadata;

/// A call that waits or timed out waiting (`PendingStateTransition`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    operation: Operation,
    /// When `max.block.ms` ends; [`Instant::FAR`] once it has.
    pub(super) until: Instant,
    waiting: bool,
    result: Option<Result<(), ProducerError>>,
    /// Ends with the epoch bump behind the end of the transaction, not with the latter.
    awaits_bump: bool,
}

impl Producer {
    /// `initTransactions`: finds the coordinator, fences older producers of the transactional id
    /// and ends what they left open. Ends with [`ProducerEvent::Initialized`].
    ///
    /// # Errors
    /// When the state does not allow it.
    pub fn init_transactions(&mut self, now: Instant) -> Result<(), Refusal> {
        self.waiting_call(now, Operation::Initialize, |producer| {
            producer.refuse_if_failed()?;
            producer.application_transition(ProducerState::Initializing)?;
            producer.ask(Ask::InitProducerId { bump: false, producer: ProducerIdAndEpoch::NONE });
            Ok(())
        })
    }

    /// `beginTransaction`.
    ///
    /// # Errors
    /// When the state does not allow it.
    pub fn begin(&mut self) -> Result<(), Refusal> {
        self.refuse_unless_transactional()?;
        self.refuse_if_pending()?;
        self.refuse_if_failed()?;
        self.application_transition(ProducerState::InTransaction)
    }

    /// `commitTransaction`: flushes, then ends the transaction. Ends with
    /// [`ProducerEvent::Committed`].
    ///
    /// # Errors
    /// When the state does not allow it.
    pub fn commit(&mut self, now: Instant) -> Result<(), Refusal> {
        self.waiting_call(now, Operation::Commit, |producer| {
            producer.refuse_if_failed()?;
            producer.application_transition(ProducerState::CommittingTransaction)?;
            producer.begin_completing(true);
            Ok(())
        })
    }

    /// `abortTransaction`: drops what was not sent, waits for what was, then ends the
    /// transaction. Ends with [`ProducerEvent::Aborted`].
    ///
    /// # Errors
    /// When the state does not allow it.
    pub fn abort(&mut self, now: Instant) -> Result<(), Refusal> {
        self.waiting_call(now, Operation::Abort, Self::begin_abort)
    }

    pub(super) fn begin_abort(&mut self) -> Result<(), Refusal> {
        if self.txn.state != ProducerState::AbortableError {
            self.refuse_if_failed()?;
        }
        self.application_transition(ProducerState::AbortingTransaction)?;
        for &slot in &self.txn.members {
            let partition = self.partitions.get_mut(slot);
            if partition.membership == Membership::New {
                partition.membership = Membership::Outside;
            }
        }
        self.txn.new_members = false;
        self.begin_completing(false);
        Ok(())
    }

    fn begin_completing(&mut self, commit: bool) {
        self.ask_new_members();
        let (producer, v2) = (self.txn.producer, self.txn.v2);
        self.ask(Ask::EndTxn { commit, producer, v2 });
        // Only now may the version change, so that the transaction ends as it began.
        self.update_transaction_version(false);
        if self.txn.bump_required {
            self.ask(Ask::InitProducerId { bump: true, producer });
        }
    }

    /// Takes over the level of `transaction.version` the brokers have finalized. A producer that
    /// goes to version 2 bumps its epoch in between, by itself.
    pub(super) fn update_transaction_version(&mut self, initializing: bool) {
        let before = self.txn.v2;
        self.txn.v2 = self.config.transaction_version >= 2;
        if !initializing && !before && self.txn.v2 {
            self.txn.bump_required = true;
        }
    }

    /// `sendOffsetsToTransaction` of a member of a group. Ends with [`ProducerEvent::OffsetsSent`].
    ///
    /// # Errors
    /// When the state does not allow it.
    pub fn send_offsets(
        &mut self,
        now: Instant,
        of: GroupMetadata,
        offsets: Vec<CommittedOffset>,
    ) -> Result<(), Refusal> {
        self.refuse_unless_transactional()?;
        if offsets.is_empty() {
            self.emit(ProducerEvent::OffsetsSent(Ok(())));
            return Ok(());
        }
        self.refuse_if_pending()?;
        self.refuse_if_failed()?;
        if self.txn.state != ProducerState::InTransaction {
            return Err(Refusal::IllegalState);
        }
        let unanswered = offsets.iter().map(|o| o.partition).collect();
        let offsets = Offsets { of, offsets, unanswered };
        if self.txn.v2 {
            self.txn.started = true;
            self.ask(Ask::CommitOffsets(offsets));
        } else {
            self.ask(Ask::AddOffsets(offsets));
        }
        self.txn.offsets_until = Some(now + self.config.max_block);
        Ok(())
    }

    /// Runs a call that waits, or waits again for the same call that timed out.
    fn waiting_call(
        &mut self,
        now: Instant,
        operation: Operation,
        start: impl FnOnce(&mut Self) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.refuse_unless_transactional()?;
        let until = now + self.config.max_block;
        if let Some(call) = &mut self.txn.call {
            if call.operation != operation {
                return Err(Refusal::IllegalState);
            }
            call.waiting = true;
            call.until = until;
            if let Some(result) = call.result {
                self.txn.call = None;
                self.tell(operation, result);
            }
            return Ok(());
        }
        start(self)?;
        self.txn.call = Some(Call {
            operation,
            until,
            waiting: true,
            result: None,
            awaits_bump: operation != Operation::Initialize && self.txn.bump_required,
        });
        self.wake();
        Ok(())
    }

    /// Calls whose `max.block.ms` has passed return with an error; what they asked for goes on.
    pub fn expire_calls(&mut self, now: Instant) {
        if let Some(call) = &mut self.txn.call
            && call.waiting
            && call.until <= now
        {
            call.waiting = false;
            call.until = Instant::FAR;
            let operation = call.operation;
            self.emit(ProducerEvent::OperationFailed(operation, ProducerError::BlockTimeout));
        }
        if self.txn.offsets_until.is_some_and(|until| until <= now) {
            self.txn.offsets_until = None;
            self.emit(ProducerEvent::OffsetsSent(Err(ProducerError::BlockTimeout)));
        }
    }

    fn tell(&mut self, operation: Operation, result: Result<(), ProducerError>) {
        self.emit(match (operation, result) {
            (operation, Err(error)) => ProducerEvent::OperationFailed(operation, error),
            (Operation::Initialize, Ok(())) => ProducerEvent::Initialized,
            (Operation::Commit, Ok(())) => ProducerEvent::Committed,
            (Operation::Abort, Ok(())) => ProducerEvent::Aborted,
            (Operation::SendOffsets, Ok(())) => ProducerEvent::OffsetsSent(Ok(())),
        });
    }

    /// The call that waits, if any, is over.
    pub(super) fn finish_call(&mut self, result: Result<(), ProducerError>) {
        let Some(call) = &mut self.txn.call else { return };
        if call.result.is_some() {
            return;
        }
        if call.waiting {
            let operation = call.operation;
            self.txn.call = None;
            self.tell(operation, result);
        } else {
            call.result = Some(result);
        }
    }

    pub(super) fn finish_offsets(&mut self, result: Result<(), ProducerError>) {
        if self.txn.offsets_until.take().is_some() {
            self.emit(ProducerEvent::OffsetsSent(result));
        }
    }

    /// Tells whoever waits for a request that it failed.
    pub(super) fn fail_request(&mut self, request: &TransactionalRequest, error: ProducerError) {
        match &request.ask {
            Ask::FindCoordinator(_) | Ask::AddPartitions(_) => {}
            Ask::AddOffsets(_) | Ask::CommitOffsets(_) => self.finish_offsets(Err(error)),
            Ask::InitProducerId { .. } => self.finish_call(Err(error)),
            Ask::EndTxn { .. } => self.finish_end(Err(error)),
        }
    }

    /// `EndTxn` is over: so is the call, unless it waits for the bump behind it.
    pub(super) fn finish_end(&mut self, result: Result<(), ProducerError>) {
        if self.txn.call.is_some_and(|call| !call.awaits_bump) {
            self.finish_call(result);
        }
    }
}
