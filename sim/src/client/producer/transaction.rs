//! The state machine of producer ids and transactions (`TransactionManager`): states, calls of
//! the application, errors.

use broker_model::protocol::ErrorCode;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::group::CommittedOffset;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::types::{GenerationId, GroupId, Instant, MemberId, NodeId};

use super::Producer;
use super::event::{Operation, ProducerError, ProducerEvent, Refusal};
use super::partition::Membership;
use super::requests::{Ask, Offsets, RequestQueue, TransactionalRequest};

/// States of a producer, in Kafka's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProducerState {
    /// No producer id.
    #[default]
    Uninitialized,
    /// A producer id is being asked for.
    Initializing,
    /// No transaction is open.
    Ready,
    /// A transaction is open.
    InTransaction,
    /// Its commit has begun.
    CommittingTransaction,
    /// Its abort has begun.
    AbortingTransaction,
    /// It can only be aborted.
    AbortableError,
    /// The producer can only be closed.
    FatalError,
}

impl ProducerState {
    const fn follows(self, before: Self) -> bool {
        use ProducerState as S;
        match self {
            S::Uninitialized => matches!(before, S::Ready | S::AbortableError),
            S::Initializing => matches!(
                before,
                S::Uninitialized | S::CommittingTransaction | S::AbortingTransaction
            ),
            S::Ready => matches!(
                before,
                S::Initializing | S::CommittingTransaction | S::AbortingTransaction
            ),
            S::InTransaction => matches!(before, S::Ready),
            S::CommittingTransaction => matches!(before, S::InTransaction),
            S::AbortingTransaction => matches!(before, S::InTransaction | S::AbortableError),
            S::AbortableError => matches!(
                before,
                S::InTransaction | S::CommittingTransaction | S::AbortableError | S::Initializing
            ),
            S::FatalError => true,
        }
    }
}

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

/// What the producer knows of its id and its transaction.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    pub(super) state: ProducerState,
    pub(super) last_error: Option<ProducerError>,
    pub(super) producer: ProducerIdAndEpoch,
    /// The client must bump its epoch before it goes on.
    pub(super) bump_required: bool,
    /// Partitions whose sequences begin anew with the bump.
    pub(super) rewrite: Vec<u32>,
    /// Partitions with batches of unknown outcome.
    pub(super) unresolved: Vec<u32>,
    pub(super) queue: RequestQueue,
    pub(super) in_flight: bool,
    pub(super) coordinator: Option<NodeId>,
    pub(super) group_coordinator: Option<(GroupId, NodeId)>,
    /// The open transaction is of version 2.
    pub(super) v2: bool,
    /// The coordinator knows, or will know, of the open transaction.
    pub(super) started: bool,
    /// Partitions that are, or are to be, part of it.
    pub(super) members: Vec<u32>,
    pub(super) new_members: bool,
    pub(super) call: Option<Call>,
    /// `sendOffsetsToTransaction` waits until then.
    pub(super) offsets_until: Option<Instant>,
}

impl Transactions {
    pub(super) fn new(v2: bool) -> Self {
        Self {
            state: ProducerState::Uninitialized,
            last_error: None,
            producer: ProducerIdAndEpoch::NONE,
            bump_required: false,
            rewrite: Vec::new(),
            unresolved: Vec::new(),
            queue: RequestQueue::default(),
            in_flight: false,
            coordinator: None,
            group_coordinator: None,
            v2,
            started: false,
            members: Vec::new(),
            new_members: false,
            call: None,
            offsets_until: None,
        }
    }

    pub(super) const fn is_completing(&self) -> bool {
        matches!(
            self.state,
            ProducerState::CommittingTransaction | ProducerState::AbortingTransaction
        )
    }

    pub(super) const fn has_error(&self) -> bool {
        matches!(self.state, ProducerState::AbortableError | ProducerState::FatalError)
    }

    /// Whether a transaction is open or ending.
    pub(super) const fn is_ongoing(&self) -> bool {
        matches!(self.state, ProducerState::InTransaction | ProducerState::AbortableError)
            || self.is_completing()
    }
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

    /// `sendOffsetsToTransaction`. Ends with [`ProducerEvent::OffsetsSent`].
    ///
    /// # Errors
    /// When the state does not allow it.
    pub fn send_offsets(
        &mut self,
        now: Instant,
        group: GroupId,
        member: MemberId,
        generation: GenerationId,
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
        let offsets = Offsets { group, member, generation, offsets, unanswered };
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

    pub(super) fn ask(&mut self, ask: Ask) {
        let backoff = self.config.retry_backoff.initial;
        let producer = self.txn.producer;
        let request = TransactionalRequest { ask, retry: false, backoff, order: 0, producer };
        self.txn.queue.push(request);
        self.wake();
    }

    /// Asks for the partitions that are new in the transaction (protocol v1).
    pub(super) fn ask_new_members(&mut self) {
        if !core::mem::take(&mut self.txn.new_members) {
            return;
        }
        let mut added = Vec::new();
        for &slot in &self.txn.members {
            let partition = self.partitions.get_mut(slot);
            if partition.membership == Membership::New {
                partition.membership = Membership::Pending;
                added.push(partition.id);
            }
        }
        self.ask(Ask::AddPartitions(added));
    }

    pub(super) fn look_up_coordinator(&mut self, key: CoordinatorKey) {
        match key {
            CoordinatorKey::Group(_) => self.txn.group_coordinator = None,
            CoordinatorKey::Transaction(_) => self.txn.coordinator = None,
        }
        self.ask(Ask::FindCoordinator(key));
    }

    /// The transaction is over at its coordinator.
    pub(super) fn complete_transaction(&mut self) {
        let next =
            if self.txn.bump_required { ProducerState::Initializing } else { ProducerState::Ready };
        if !self.transition(next) {
            return;
        }
        self.txn.last_error = None;
        self.txn.bump_required = false;
        self.txn.started = false;
        self.txn.new_members = false;
        for slot in self.txn.members.drain(..) {
            self.partitions.get_mut(slot).membership = Membership::Outside;
        }
    }

    fn refuse_unless_transactional(&self) -> Result<(), Refusal> {
        let usable = self.config.transactional_id.is_some() && !self.is_closing();
        if usable { Ok(()) } else { Err(Refusal::IllegalState) }
    }

    pub(super) fn refuse_if_pending(&self) -> Result<(), Refusal> {
        if self.txn.call.is_some() { Err(Refusal::IllegalState) } else { Ok(()) }
    }

    pub(super) fn refuse_if_failed(&self) -> Result<(), Refusal> {
        match self.txn.last_error {
            Some(error) if self.txn.has_error() => Err(Refusal::Failed(error)),
            _ => Ok(()),
        }
    }

    /// A transition on the application's behalf: a wrong one is refused and changes nothing
    /// (KAFKA-14831).
    fn application_transition(&mut self, to: ProducerState) -> Result<(), Refusal> {
        if !to.follows(self.txn.state) {
            return Err(Refusal::IllegalState);
        }
        self.set_state(to, None);
        Ok(())
    }

    /// A transition of the sender itself: a wrong one poisons the producer. Says whether it was
    /// right.
    pub(super) fn transition(&mut self, to: ProducerState) -> bool {
        if to.follows(self.txn.state) {
            self.set_state(to, None);
            return true;
        }
        self.fatal(ProducerError::IllegalState);
        false
    }

    fn set_state(&mut self, state: ProducerState, error: Option<ProducerError>) {
        self.txn.state = state;
        if error.is_some() {
            self.txn.last_error = error;
        }
        self.note_state();
        self.wake();
    }

    /// The producer cannot go on.
    pub(super) fn fatal(&mut self, error: ProducerError) {
        let first = self.txn.state != ProducerState::FatalError;
        self.set_state(ProducerState::FatalError, Some(error));
        if first {
            self.emit(ProducerEvent::Fatal(error));
        }
        self.finish_call(Err(error));
    }

    /// The transaction can only be aborted; no news while it is being aborted.
    pub(super) fn abortable(&mut self, error: ProducerError) {
        if self.txn.state == ProducerState::AbortingTransaction {
            return;
        }
        if !ProducerState::AbortableError.follows(self.txn.state) {
            self.fatal(ProducerError::IllegalState);
            return;
        }
        self.set_state(ProducerState::AbortableError, Some(error));
        self.emit(ProducerEvent::Abortable(error));
    }

    /// A batch failed: what that means for the producer (`maybeTransitionToErrorState`).
    pub(super) fn batch_failed(&mut self, error: ProducerError) {
        use ErrorCode as E;
        if let ProducerError::Code(
            E::ClusterAuthorizationFailed
            | E::TransactionalIdAuthorizationFailed
            | E::ProducerFenced
            | E::UnsupportedVersion
            | E::InvalidProducerIdMapping,
        ) = error
        {
            self.fatal(error);
            return;
        }
        if self.config.transactional_id.is_none() {
            return;
        }
        let error = match error {
            ProducerError::Code(code) if code.is_retriable() => ProducerError::AbortableCode(code),
            ProducerError::DeliveryTimeout => ProducerError::AbortableTimeout,
            other => other,
        };
        if !self.txn.v2 && !self.txn.is_completing() {
            self.txn.bump_required = true;
        }
        self.abortable(error);
    }
}
