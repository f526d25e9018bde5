//! Answers of coordinators (the request handlers of `TransactionManager`).

use broker_model::io::Disconnected;
use broker_model::protocol::coordinator::{CoordinatorKey, FindCoordinatorResponse};
use broker_model::protocol::txn::{
    AddPartitionsToTxnResponse, EndTxnResponse, InitProducerIdResponse, TxnOffsetCommitResponse,
};
use broker_model::protocol::{ErrorCode, Response};

use super::Producer;
use super::event::ProducerError;
use super::partition::Membership;
use super::requests::{ADD_PARTITIONS_RETRY, Ask, TransactionalRequest};
use super::transaction::ProducerState;

impl Producer {
    /// Takes the answer to a request of the transaction manager.
    pub(super) fn transactional_response(
        &mut self,
        request: TransactionalRequest,
        result: Result<Response, Disconnected>,
    ) {
        self.txn.in_flight = false;
        let Ok(response) = result else {
            if let Some(key) = request.coordinator(self.config.transactional_id) {
                self.look_up_coordinator(key);
            }
            self.again(request);
            return;
        };
        match (&request.ask, response) {
            (Ask::FindCoordinator(key), Response::FindCoordinator(answer)) => {
                let key = *key;
                self.coordinator_found(request, key, answer);
            }
            (&Ask::InitProducerId { bump, .. }, Response::InitProducerId(answer)) => {
                self.producer_id_given(request, bump, answer);
            }
            (Ask::AddPartitions(_), Response::AddPartitionsToTxn(answer)) => {
                self.partitions_added(request, &answer);
            }
            (Ask::AddOffsets(offsets), Response::AddOffsetsToTxn(answer)) => {
                if answer.error == ErrorCode::None {
                    let offsets = offsets.clone();
                    self.txn.started = true;
                    self.ask(Ask::CommitOffsets(offsets));
                } else {
                    self.refused(request, answer.error);
                }
            }
            (Ask::CommitOffsets(_), Response::TxnOffsetCommit(answer)) => {
                self.offsets_committed(request, &answer);
            }
            (Ask::EndTxn { .. }, Response::EndTxn(answer)) => {
                self.transaction_ended(request, answer);
            }
            // A broker that answers another question is broken: Java fails to parse its bytes.
            _ => {
                let error = ProducerError::Code(ErrorCode::UnknownServerError);
                self.fail_fatally(&request, error);
            }
        }
    }

    /// Sends a request again, after its backoff.
    pub(super) fn again(&mut self, mut request: TransactionalRequest) {
        request.retry = true;
        self.txn.queue.push(request);
        self.wake();
    }

    fn fail_fatally(&mut self, request: &TransactionalRequest, error: ProducerError) {
        self.fail_request(request, error);
        self.fatal(error);
    }

    fn fail_abortably(&mut self, request: &TransactionalRequest, error: ProducerError) {
        self.fail_request(request, error);
        self.abortable(error);
    }

    fn coordinator_found(
        &mut self,
        request: TransactionalRequest,
        key: CoordinatorKey,
        answer: FindCoordinatorResponse,
    ) {
        match (answer.error, answer.node) {
            (ErrorCode::None, Some(node)) => match key {
                CoordinatorKey::Group(group) => self.txn.group_coordinator = Some((group, node)),
                CoordinatorKey::Transaction(_) => self.txn.coordinator = Some(node),
            },
            (ErrorCode::None, None) => self.again(request),
            (error, _) if error.is_retriable() => self.again(request),
            (ErrorCode::GroupAuthorizationFailed | ErrorCode::TransactionAbortable, _) => {
                self.fail_abortably(&request, ProducerError::Code(answer.error));
            }
            (error, _) => self.fail_fatally(&request, ProducerError::Code(error)),
        }
    }

    fn producer_id_given(
        &mut self,
        request: TransactionalRequest,
        bump: bool,
        answer: InitProducerIdResponse,
    ) {
        use ErrorCode as E;
        match answer.error {
            E::None => {
                self.set_producer(answer.producer);
                if !self.transition(ProducerState::Ready) {
                    return;
                }
                self.txn.last_error = None;
                if bump {
                    self.reset_all_sequences();
                } else {
                    self.update_transaction_version(true);
                }
                self.finish_call(Ok(()));
            }
            E::TransactionalIdAuthorizationFailed
            | E::ClusterAuthorizationFailed
            | E::TransactionAbortable => {
                self.fail_abortably(&request, ProducerError::Code(answer.error));
            }
            error => self.refused(request, error),
        }
    }

    fn partitions_added(
        &mut self,
        mut request: TransactionalRequest,
        answer: &AddPartitionsToTxnResponse,
    ) {
        use ErrorCode as E;
        request.backoff = self.config.retry_backoff.initial;
        let mut refused = None;
        for (_, error) in answer.partitions() {
            match error {
                E::None => {}
                E::ConcurrentTransactions => {
                    // The transaction before this one is still ending: that takes not long.
                    let members = self.txn.members.iter();
                    let mut added = members
                        .filter(|&&slot| self.partitions.get(slot).membership == Membership::Added);
                    if added.next().is_none() {
                        request.backoff = ADD_PARTITIONS_RETRY;
                    }
                    self.again(request);
                    return;
                }
                E::TopicAuthorizationFailed => refused = Some(ProducerError::Code(error)),
                _ if is_retried(error) || is_final(error) || is_abortable(error) => {
                    self.refused(request, error);
                    return;
                }
                _ => refused = refused.or(Some(ProducerError::PartitionsNotAdded)),
            }
        }
        let membership = if refused.is_some() { Membership::Outside } else { Membership::Added };
        for (partition, _) in answer.partitions() {
            if let Some(slot) = self.partitions.find(partition) {
                self.partitions.get_mut(slot).membership = membership;
            }
        }
        match refused {
            Some(error) => self.fail_abortably(&request, error),
            None => self.txn.started = true,
        }
    }

    fn offsets_committed(
        &mut self,
        mut request: TransactionalRequest,
        answer: &TxnOffsetCommitResponse,
    ) {
        use ErrorCode as E;
        let Ask::CommitOffsets(offsets) = &mut request.ask else { return };
        let group = offsets.of.group;
        let mut reload = false;
        let mut refused = None;
        for &(partition, error) in &answer.partitions {
            match error {
                E::None => offsets.unanswered.retain(|&p| p != partition),
                E::CoordinatorNotAvailable | E::NotCoordinator | E::RequestTimedOut => {
                    reload = true;
                }
                _ if error.is_retriable() => {}
                _ => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let done = offsets.unanswered.is_empty();
        if reload {
            self.look_up_coordinator(CoordinatorKey::Group(group));
        }
        match refused {
            None if done => self.finish_offsets(Ok(())),
            None => self.again(request),
            Some(E::UnknownMemberId | E::IllegalGeneration) => {
                self.fail_abortably(&request, ProducerError::CommitFailed);
            }
            Some(error @ (E::GroupAuthorizationFailed | E::FencedInstanceId)) => {
                self.fail_abortably(&request, ProducerError::Code(error));
            }
            Some(error) => self.refused(request, error),
        }
    }

    fn transaction_ended(&mut self, request: TransactionalRequest, answer: EndTxnResponse) {
        if answer.error != ErrorCode::None {
            self.refused(request, answer.error);
            return;
        }
        if answer.producer.id.is_some() {
            self.set_producer(answer.producer);
            self.reset_all_sequences();
        }
        self.complete_transaction();
        self.finish_end(Ok(()));
    }

    /// The errors that requests to coordinators treat alike.
    fn refused(&mut self, request: TransactionalRequest, error: ErrorCode) {
        use ErrorCode as E;
        match error {
            E::CoordinatorNotAvailable | E::NotCoordinator => {
                if let Some(key) = request.coordinator(self.config.transactional_id) {
                    self.look_up_coordinator(key);
                }
                self.again(request);
            }
            E::InvalidProducerEpoch | E::ProducerFenced => {
                self.fail_fatally(&request, ProducerError::Code(E::ProducerFenced));
            }
            _ if error.is_retriable() => self.again(request),
            _ if is_abortable(error) => {
                if error == E::UnknownProducerId && !self.txn.v2 {
                    self.txn.bump_required = true;
                }
                self.fail_abortably(&request, ProducerError::Code(error));
            }
            _ => self.fail_fatally(&request, ProducerError::Code(error)),
        }
    }

    fn reset_all_sequences(&mut self) {
        for partition in self.partitions.iter_mut() {
            partition.sequences.reset();
        }
        self.txn.unresolved.clear();
    }
}

const fn is_retried(error: ErrorCode) -> bool {
    error.is_retriable()
}

const fn is_final(error: ErrorCode) -> bool {
    use ErrorCode as E;
    matches!(
        error,
        E::InvalidProducerEpoch
            | E::ProducerFenced
            | E::TransactionalIdAuthorizationFailed
            | E::InvalidTxnState
            | E::InvalidProducerIdMapping
    )
}

const fn is_abortable(error: ErrorCode) -> bool {
    use ErrorCode as E;
    matches!(error, E::UnknownProducerId | E::TransactionAbortable | E::GroupAuthorizationFailed)
}
