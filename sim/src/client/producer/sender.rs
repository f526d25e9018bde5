//! One turn of the sender (`Sender.runOnce`).

use broker_model::protocol::ErrorCode;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::types::{Instant, NodeId};

use super::super::io::ClientContext;
use super::Producer;
use super::event::ProducerError;
use super::nodes::Kind;
use super::requests::TransactionalRequest;
use super::transaction::ProducerState;

impl Producer {
    /// Turns until there is nothing more to do now.
    pub fn poll(&mut self, cx: &mut ClientContext<'_>) {
        while self.turn_due() <= cx.now.instant {
            self.turn(cx);
        }
    }

    /// One turn: drains and sends, asks for metadata, closes connections that time out.
    pub fn turn(&mut self, cx: &mut ClientContext<'_>) {
        self.send_turn(cx);
        self.close_overdue(cx);
    }

    /// The first half of a turn. A script brings the answers of the turn next, and then calls
    /// [`Self::close_overdue`].
    pub fn send_turn(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        if self.closed || now < self.turn_due() {
            return;
        }
        self.dirty = false;
        self.deadline = Instant::FAR;
        self.expire_calls(now);
        if !self.close_turn(cx) {
            match self.sleep.take() {
                Some((until, node, request)) if until > now => {
                    self.sleep = Some((until, node, request));
                    self.deadline = until;
                }
                Some((_, node, request)) => {
                    self.send_transactional(cx, node, *request);
                    self.send_metadata_if_due(cx);
                    for (from, correlation, result) in core::mem::take(&mut self.inbox) {
                        self.deliver(cx, from, correlation, result);
                    }
                }
                None => {
                    if !(self.idempotent && self.transactional_turn(cx)) {
                        self.send_produce(cx);
                    }
                    if self.sleep.is_none() {
                        self.send_metadata_if_due(cx);
                    }
                }
            }
        }
        self.include_waits();
    }

    /// Waits that do not depend on what the turn did.
    fn include_waits(&mut self) {
        let call = self.txn.call.map_or(Instant::FAR, |call| call.until);
        let offsets = self.txn.offsets_until.unwrap_or(Instant::FAR);
        let close = self.close.map_or(Instant::FAR, |close| close.deadline);
        self.deadline = self.deadline.min(call).min(offsets).min(close);
        if self.sleep.is_none() {
            let timeout = self.config.request_timeout;
            let overdue = self.nodes.list.iter();
            let overdue =
                overdue.map(|node| node.times_out_at(timeout).min(node.setup_ends_at())).min();
            self.deadline = self.deadline.min(overdue.unwrap_or(Instant::FAR));
        }
    }

    /// When the sender thread wakes up, if it sleeps, and the node it sends to then.
    #[must_use]
    pub fn sleeps_until(&self) -> Option<(Instant, NodeId)> {
        self.sleep.as_ref().map(|(until, node, _)| (*until, *node))
    }

    /// Sends or awaits a request of the transaction manager. Says whether that took the turn:
    /// then no batch is sent in it.
    fn transactional_turn(&mut self, cx: &mut ClientContext<'_>) -> bool {
        let now = cx.now.instant;
        self.resolve_sequences();
        let error = self.txn.last_error.unwrap_or(ProducerError::IllegalState);
        if self.txn.state == ProducerState::FatalError {
            self.abort_batches(cx, error, false);
            return true;
        }
        let unauthorized = ProducerError::Code(ErrorCode::ClusterAuthorizationFailed);
        let unknown = ProducerError::Code(ErrorCode::TransactionalIdAuthorizationFailed);
        if self.txn.state == ProducerState::AbortableError
            && (error == unauthorized || error == unknown)
        {
            self.txn.queue.clear();
            self.abort_batches(cx, error, false);
            self.transition(ProducerState::Uninitialized);
            self.txn.last_error = None;
            self.finish_call(Err(error));
            return true;
        }
        self.bump_or_initialize();
        if self.txn.in_flight {
            return true;
        }
        if self.txn.state == ProducerState::AbortableError {
            self.abort_batches(cx, error, true);
        } else if self.txn.state == ProducerState::AbortingTransaction {
            self.abort_batches(cx, ProducerError::TransactionAborted, true);
        }
        let Some(request) = self.next_request() else { return false };
        let key = request.coordinator(self.config.transactional_id);
        let target = match key {
            None => self.any_node(cx),
            Some(CoordinatorKey::Transaction(_)) => self.txn.coordinator,
            Some(CoordinatorKey::Group(group)) => {
                self.txn.group_coordinator.filter(|(known, _)| *known == group).map(|(_, n)| n)
            }
        };
        let (Some(node), Some(_) | None) = (target, key) else {
            match key {
                Some(key) => {
                    self.look_up_coordinator(key);
                    self.again(request);
                }
                None => {
                    self.txn.queue.put_back(request);
                    self.await_reconnect(now);
                }
            }
            return true;
        };
        self.send_metadata_if_due(cx);
        let at = self.nodes.at(node);
        if !self.nodes.can_send(at, self.config.max_in_flight, now) {
            self.connect(cx, at);
            self.txn.queue.put_back(request);
        } else if request.retry {
            let until = now + request.backoff;
            self.deadline = until;
            self.sleep = Some((until, node, Box::new(request)));
        } else {
            self.send_transactional(cx, node, request);
        }
        true
    }

    /// The request that is to be sent next, if any may (`TransactionManager.nextRequest`).
    fn next_request(&mut self) -> Option<TransactionalRequest> {
        self.ask_new_members();
        if self.txn.queue.peek()?.ends_transaction() && self.incomplete > 0 {
            return None;
        }
        let request = self.txn.queue.pop()?;
        if self.txn.has_error() {
            let harmless = self.txn.state == ProducerState::AbortableError
                && matches!(request.ask, super::requests::Ask::FindCoordinator(_));
            if !harmless {
                let error = self.txn.last_error.unwrap_or(ProducerError::IllegalState);
                self.fail_request(&request, error);
                self.wake();
                return None;
            }
        }
        if request.ends_transaction() && !self.txn.started {
            // The coordinator knows nothing of it: there is nothing to end.
            self.complete_transaction();
            self.finish_end(Ok(()));
            return self.txn.queue.pop();
        }
        Some(request)
    }

    fn send_transactional(
        &mut self,
        cx: &mut ClientContext<'_>,
        node: NodeId,
        request: TransactionalRequest,
    ) {
        let (api_version, body) = request.request(
            self.config.transactional_id,
            self.config.transaction_timeout,
            self.txn.v2,
        );
        self.txn.in_flight = true;
        let at = self.nodes.at(node);
        self.send_request(cx, at, api_version, body, Kind::Transactional(Box::new(request)));
    }
}
