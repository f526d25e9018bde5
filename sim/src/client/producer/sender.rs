//! One turn of the sender (`Sender.runOnce`), and the network below it (`NetworkClient`).

use broker_model::io::Disconnected;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::produce::ProduceResponse;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{Instant, NodeId};

use super::super::io::{ClientContext, ClientOutput, Correlation};
use super::drain::written;
use super::event::ProducerError;
use super::nodes::{InFlight, Kind};
use super::requests::TransactionalRequest;
use super::transaction::ProducerState;
use super::{Producer, Sent};

impl Producer {
    /// Turns until there is nothing more to do now.
    pub fn poll(&mut self, cx: &mut ClientContext<'_>) {
        while self.next_deadline() <= cx.now.instant {
            self.turn(cx);
            self.close_overdue(cx);
        }
    }

    /// One turn: drains and sends, asks for metadata. After the answers that came meanwhile,
    /// [`Self::close_overdue`] belongs to it.
    pub fn turn(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        if self.closed || now < self.next_deadline() {
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
            let overdue = self.nodes.list.iter().map(|node| node.times_out_at(timeout)).min();
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
                    self.await_reconnect();
                }
            }
            return true;
        };
        self.send_metadata_if_due(cx);
        let at = self.nodes.at(node);
        if !self.nodes.list[at].can_send(self.config.max_in_flight, now) {
            let reconnect = self.nodes.list[at].reconnect_at;
            if reconnect > now {
                self.deadline = self.deadline.min(reconnect);
            }
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

    fn send_request(
        &mut self,
        cx: &mut ClientContext<'_>,
        at: usize,
        api_version: i16,
        request: Request,
        kind: Kind,
    ) {
        let correlation = self.nodes.next_correlation();
        let node = &mut self.nodes.list[at];
        let (sent_at, connection, to) = (cx.now.instant, node.connection, node.id);
        node.in_flight.push_back(InFlight { correlation, sent_at, connection, kind });
        self.push(cx.outputs, ClientOutput::Send { to, correlation, api_version, request });
    }

    fn any_node(&mut self, cx: &mut ClientContext<'_>) -> Option<NodeId> {
        let first = if self.scripted_draws.is_some() { 0 } else { cx.draws.bits() };
        let (max, now) = (self.config.max_in_flight, cx.now.instant);
        self.nodes.least_loaded(self.metadata.brokers(), first, max, now)
    }

    fn await_reconnect(&mut self) {
        let reconnect = self.nodes.first_reconnect(self.metadata.brokers());
        if reconnect > Instant(0) {
            self.deadline = self.deadline.min(reconnect);
        }
    }

    /// Asks for metadata if that is due and some node takes the request.
    fn send_metadata_if_due(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        let due = self.metadata.needs_request(now);
        if due > now {
            self.deadline = self.deadline.min(due);
            return;
        }
        match self.any_node(cx) {
            Some(node) => {
                let request = Request::Metadata(self.metadata.request());
                let at = self.nodes.at(node);
                self.send_request(cx, at, 13, request, Kind::Metadata);
                // What waited for this request to be sent goes in the next turn.
                self.wake();
            }
            None => {
                let reconnect = self.nodes.first_reconnect(self.metadata.brokers());
                if reconnect > now {
                    self.deadline = self.deadline.min(reconnect);
                }
            }
        }
    }

    /// Closes the connections on which an answer is overdue (`handleTimedOutRequests`), at the end
    /// of a turn: an answer that came in the same turn is taken first.
    pub fn close_overdue(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        if self.sleep.is_some() {
            return;
        }
        for at in 0..self.nodes.list.len() {
            if self.nodes.list[at].times_out_at(self.config.request_timeout) <= now {
                let to = self.nodes.list[at].id;
                self.push(cx.outputs, ClientOutput::Close { to });
                self.disconnected(cx, to);
            }
        }
    }

    /// The connection to a node is gone: everything in flight on it fails, in order.
    pub fn disconnected(&mut self, cx: &mut ClientContext<'_>, node: NodeId) {
        let at = self.nodes.at(node);
        self.lose(cx, at);
        for request in core::mem::take(&mut self.nodes.list[at].in_flight) {
            self.answered(cx, request.kind, Err(Disconnected));
        }
        self.wake();
    }

    fn lose(&mut self, cx: &mut ClientContext<'_>, at: usize) {
        let bits = self.jitter_bits();
        self.nodes.list[at].lost(&self.config.reconnect_backoff, cx.now.instant, bits);
        self.metadata.request_update();
    }

    /// The answer to a request, or that there will be none. Answers to requests given up are
    /// ignored.
    pub fn response(
        &mut self,
        cx: &mut ClientContext<'_>,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        if self.sleep.is_some() {
            self.inbox.push_back((from, correlation, result));
        } else {
            self.deliver(cx, from, correlation, result);
        }
    }

    fn deliver(
        &mut self,
        cx: &mut ClientContext<'_>,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        let at = self.nodes.at(from);
        let node = &mut self.nodes.list[at];
        let Some(place) = node.in_flight.iter().position(|r| r.correlation == correlation) else {
            return;
        };
        let Some(request) = node.in_flight.remove(place) else { return };
        if result.is_ok() {
            node.works();
        } else if request.connection == node.connection {
            self.lose(cx, at);
        }
        self.answered(cx, request.kind, result);
        self.wake();
    }

    fn answered(
        &mut self,
        cx: &mut ClientContext<'_>,
        kind: Kind,
        result: Result<Response, Disconnected>,
    ) {
        let now = cx.now.instant;
        match (kind, result) {
            (Kind::Produce(sent), Ok(Response::Produce(response))) => {
                self.produce_response(cx, &sent, &response);
            }
            (Kind::Produce(sent), result) => {
                let error = match result {
                    Ok(_) => ErrorCode::UnknownServerError,
                    Err(Disconnected) => ErrorCode::NetworkException,
                };
                for batch in sent {
                    let partition = self.partition_of(batch);
                    self.answer_batch(cx, batch, &written(partition, error));
                }
            }
            (Kind::Metadata, Ok(Response::Metadata(response))) => {
                self.metadata.update(&response, now);
            }
            (Kind::Metadata, _) => self.metadata.failed(now),
            (Kind::Transactional(request), result) => {
                self.transactional_response(*request, result);
            }
        }
    }

    fn produce_response(
        &mut self,
        cx: &mut ClientContext<'_>,
        sent: &[Sent],
        response: &ProduceResponse,
    ) {
        for (i, &batch) in sent.iter().enumerate() {
            let partition = self.partition_of(batch);
            let here = response.partitions.get(i).filter(|p| p.partition == partition);
            let found =
                here.or_else(|| response.partitions.iter().find(|p| p.partition == partition));
            // A broker that leaves a partition out has told nothing of it.
            let untold = written(partition, ErrorCode::UnknownServerError);
            let answer = found.unwrap_or(&untold);
            self.answer_batch(cx, batch, answer);
        }
        for answer in &response.partitions {
            if let Some((leader, epoch)) = answer.current_leader
                && matches!(
                    answer.error,
                    ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
                )
            {
                self.metadata.hint(answer.partition, leader, epoch);
            }
        }
    }

    fn partition_of(&self, (batch, _): Sent) -> broker_model::types::PartitionId {
        self.partitions.get(self.pool.get(batch).partition).id
    }
}
