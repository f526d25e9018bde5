//! The state machine of producer ids and transactions (`TransactionManager`): states, transitions,
//! errors.

use broker_model::protocol::ErrorCode;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::types::{GroupId, Instant, NodeId};

use super::Producer;
use super::calls::Call;
use super::event::{ProducerError, ProducerEvent, Refusal};
use super::partition::Membership;
use super::requests::{Ask, RequestQueue, TransactionalRequest};

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
    pub(super) const fn follows(self, before: Self) -> bool {
        match self {
            Self::Uninitialized => matches!(before, Self::Ready | Self::AbortableError),
            Self::Initializing => matches!(
                before,
                Self::Uninitialized | Self::CommittingTransaction | Self::AbortingTransaction
            ),
            Self::Ready => matches!(
                before,
                Self::Initializing | Self::CommittingTransaction | Self::AbortingTransaction
            ),
            Self::InTransaction => matches!(before, Self::Ready),
            Self::CommittingTransaction => matches!(before, Self::InTransaction),
            Self::AbortingTransaction => {
                matches!(before, Self::InTransaction | Self::AbortableError)
            }
            Self::AbortableError => matches!(
                before,
                Self::InTransaction
                    | Self::CommittingTransaction
                    | Self::AbortableError
                    | Self::Initializing
            ),
            Self::FatalError => true,
        }
    }
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

    pub(super) fn refuse_unless_transactional(&self) -> Result<(), Refusal> {
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
    pub(super) fn application_transition(&mut self, to: ProducerState) -> Result<(), Refusal> {
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
            ProducerError::Code(code) if code.is_retriable() || code == E::InvalidTxnState => {
                ProducerError::AbortableCode(code)
            }
            ProducerError::DeliveryTimeout | ProducerError::BlockTimeout => {
                ProducerError::AbortableTimeout
            }
            ProducerError::BufferExhausted => ProducerError::AbortableBufferExhausted,
            other => other,
        };
        if !self.txn.v2 && !self.txn.is_completing() {
            self.txn.bump_required = true;
        }
        self.abortable(error);
    }
}
