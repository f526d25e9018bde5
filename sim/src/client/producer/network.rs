//! The network below the sender (`NetworkClient`): requests, metadata, connections, answers.

use broker_model::io::Disconnected;
use broker_model::protocol::produce::ProduceResponse;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{Instant, NodeId};

use super::super::io::{ClientContext, ClientOutput, Correlation};
use super::drain::written;
use super::nodes::{InFlight, Kind};
use super::{Producer, Sent};

impl Producer {
    pub(super) fn send_request(
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

    pub(super) fn any_node(&mut self, cx: &mut ClientContext<'_>) -> Option<NodeId> {
        let first = if self.scripted_draws.is_some() { 0 } else { cx.draws.bits() };
        let (max, now) = (self.config.max_in_flight, cx.now.instant);
        self.nodes.least_loaded(self.metadata.brokers(), first, max, now)
    }

    /// No node takes a request: wait until one may be tried again, or an answer comes.
    pub(super) fn await_reconnect(&mut self, now: Instant) {
        let reconnect = self.nodes.first_reconnect(self.metadata.brokers());
        if reconnect > now {
            self.deadline = self.deadline.min(reconnect);
        }
    }

    /// Asks for metadata if that is due and some node takes the request.
    pub(super) fn send_metadata_if_due(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        let due = self.metadata.needs_request(now);
        if due > now {
            self.deadline = self.deadline.min(due);
            return;
        }
        let Some(node) = self.any_node(cx) else {
            self.await_reconnect(now);
            return;
        };
        let at = self.nodes.at(node);
        if self.nodes.can_send(at, self.config.max_in_flight, now) {
            let request = Request::Metadata(self.metadata.request());
            self.send_request(cx, at, 13, request, Kind::Metadata);
            // What waited for this request to be sent goes in the next turn.
            self.wake();
        } else if !self.nodes.is_any_connecting() {
            self.connect(cx, at);
        }
    }

    /// Opens the connection to a node if there is none and it may be tried (`initiateConnect`);
    /// else what waits for it waits until it may.
    pub(super) fn connect(&mut self, cx: &mut ClientContext<'_>, at: usize) {
        let now = cx.now.instant;
        if self.nodes.can_connect(at, now) {
            let bits = self.jitter_bits();
            let node = &mut self.nodes.list[at];
            node.connecting(now, bits);
            let to = node.id;
            self.push(cx.outputs, ClientOutput::Connect { to });
        } else if self.nodes.list[at].reconnect_at > now {
            self.deadline = self.deadline.min(self.nodes.list[at].reconnect_at);
        }
    }

    /// The connection to a node has come up.
    pub fn connected(&mut self, node: NodeId) {
        let at = self.nodes.at(node);
        self.nodes.list[at].works();
        self.wake();
    }

    /// Closes the connections on which an answer is overdue (`handleTimedOutRequests`) and those
    /// that do not come up, at the end of a turn: an answer that came in the same turn is taken
    /// first.
    pub fn close_overdue(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        if self.sleep.is_some() {
            return;
        }
        for at in 0..self.nodes.list.len() {
            let node = &self.nodes.list[at];
            let timeout = node.times_out_at(self.config.request_timeout);
            if timeout.min(node.setup_ends_at()) <= now {
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

    pub(super) fn deliver(
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
