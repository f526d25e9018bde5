//! Requests and answers on a node: network thread, queue, handler thread, machine.

use broker_model::io::{Disconnected, Input, Tag, Token};
use broker_model::protocol::fetch::FetchResponse;
use broker_model::protocol::produce::{ProducePartition, ProduceRequest};
use broker_model::protocol::{Request, Response};
use broker_model::types::{Duration, Instant};

use super::node::{Node, NodeState};
use super::{Event, World};
use crate::codec::{compress_time, decompress_time};
use crate::network::{Body, Endpoint, MessageState, Slot};

/// How many answers may wait for fetcher threads at once, in all.
const ANSWER_TICKETS: u32 = 1 << 12;
/// More nodes than a scenario may ask for.
const NODES_MAX: u32 = 1 << 10;

/// An [`Event::Answer`]'s node and ticket.
pub(super) const fn answer_parts(code: u32) -> (usize, u32) {
    ((code % NODES_MAX) as usize, code / NODES_MAX)
}

impl World {
    /// A node reads a request from its socket at `at`: network thread, queue, handler thread. Of one
    /// above `socket.request.max.bytes` it reads the size, and closes the connection
    /// (`InvalidReceiveException`).
    pub(super) fn read_request(&mut self, slot: Slot, at: Instant) {
        let message = self.messages.get(slot);
        let server = self.connections.get(message.connection).server;
        let Body::Request(request) = &message.body else { unreachable!("only requests are read") };
        let bytes = request.wire_bytes(&self.shared.batches);
        if bytes > u64::from(self.plan.settings.broker.socket_request_max_bytes) {
            self.close_on(slot, at.max(self.now));
            return;
        }
        let costs = &self.costs;
        let network = costs.network_request + costs.network_kib * (bytes / 1024);
        let handler = match request {
            Request::Produce(r) => {
                costs.produce
                    + costs.batch * r.partitions.len() as u64
                    + costs.append_kib * (bytes / 1024)
                    + self.coding_time(server, r)
            }
            Request::Fetch(_) => costs.fetch,
            _ => costs.other,
        };
        let node = &mut self.nodes[server.0 as usize];
        let read = node.network_threads.schedule(at.max(self.now), network);
        let done = node.handler_threads.schedule(read, handler);
        self.messages.get_mut(slot).state = MessageState::Scheduled;
        self.queue.push(done, Event::Handle(slot.0));
    }

    /// What compression costs the leader of a produce's partitions: it decompresses each batch to
    /// look at its records, and compresses it anew where the topic wants another codec
    /// (`LogValidator`).
    fn coding_time(&self, server: Endpoint, request: &ProduceRequest) -> Duration {
        if !self.shared.records.any_payload() {
            return 0;
        }
        let broker = self.nodes.get(server.0 as usize).and_then(Node::broker);
        let of_one = |one: &ProducePartition| {
            let (batches, records) = (&self.shared.batches, &self.shared.records);
            let sent = batches.compression(one.batch);
            let replica = broker.and_then(|broker| broker.replica(one.partition));
            let wanted = replica.and_then(|replica| replica.log().config().compression_type);
            match (sent, wanted) {
                (None, None) => 0,
                (None, Some(codec)) => {
                    let packing = batches.packing(one.batch, codec, records);
                    let bytes = if packing.is_known() { packing.bytes } else { 0 };
                    compress_time(codec, u64::from(bytes))
                }
                (Some(sent), wanted) => {
                    let bytes = u64::from(sent.content);
                    let written = wanted.filter(|&codec| codec != sent.codec);
                    decompress_time(sent.codec, bytes)
                        + written.map_or(0, |codec| compress_time(codec, bytes))
                }
            }
        };
        request.partitions.iter().map(of_one).sum()
    }

    /// A node closes the connection of a request at `at` instead of reading it; what comes behind it
    /// is read no more.
    fn close_on(&mut self, slot: Slot, at: Instant) {
        let id = self.messages.remove(slot).connection;
        let connection = self.connections.get(id);
        let (from, to) = (self.host_of(connection.server), self.host_of(connection.client));
        let latency = self.links.latency(from, to, connection.draw_key, 0);
        self.schedule_reset(id, at + latency);
    }

    /// The handler thread has spent its time: the machine acts on the request.
    pub(super) fn handle_request(&mut self, slot: Slot) {
        let message = self.messages.get_mut(slot);
        if message.state == MessageState::Dead {
            self.messages.remove(slot);
            return;
        }
        let server = self.connections.get(message.connection).server;
        if self.nodes[server.0 as usize].state == NodeState::Paused {
            self.freeze(server, Event::Handle(slot.0));
            return;
        }
        let message = self.messages.get_mut(slot);
        message.state = MessageState::Waiting;
        let header = message.header;
        let Body::Request(request) = std::mem::replace(&mut message.body, Body::Taken) else {
            unreachable!("a request is handled once")
        };
        if let Request::OffsetCommit(commit) = &request
            && self.connections.get(message.connection).abandoned.is_some()
        {
            self.late_commit(server.0 as usize, commit);
        }
        let token = Token(u64::from(slot.0));
        self.run_node(server.0 as usize, Input::Request { token, header, request });
    }

    /// An answer to a request that a node sent. Data costs its fetcher thread time first.
    pub(super) fn node_response(
        &mut self,
        to: Endpoint,
        from: Endpoint,
        correlation: u64,
        result: Result<Response, Disconnected>,
    ) {
        let index = to.0 as usize;
        if !self.nodes[index].state.is_running() {
            return;
        }
        let from = self.nodes[from.0 as usize].id;
        if let Ok(Response::Fetch(fetched)) = &result
            && !fetched.entries.is_empty()
        {
            let cost = self.costs.batch * fetched.entries.len() as u64
                + self.costs.append_kib * (fetched.bytes / 1024);
            let node = &mut self.nodes[index];
            let done = node.fetcher_threads.schedule(self.now, cost);
            let ticket = self.next_ticket;
            self.next_ticket = (self.next_ticket + 1) % ANSWER_TICKETS;
            assert!(
                node.answers.len() < ANSWER_TICKETS as usize,
                "tickets are not given out twice"
            );
            node.answers.push((ticket, from, correlation, result));
            self.queue.push(done, Event::Answer(ticket * NODES_MAX + index as u32));
            return;
        }
        self.run_node(index, Input::Response { tag: Tag(correlation), from, result });
    }

    /// The fetcher thread has spent its time on an answer.
    pub(super) fn handle_answer(&mut self, code: u32) {
        let (index, ticket) = answer_parts(code);
        let node = &mut self.nodes[index];
        if node.state == NodeState::Paused {
            node.frozen.push(Event::Answer(code));
            return;
        }
        let Some(position) = node.answers.iter().position(|a| a.0 == ticket) else { return };
        let (_, from, correlation, result) = node.answers.remove(position);
        self.run_node(index, Input::Response { tag: Tag(correlation), from, result });
    }

    pub(super) fn reply(&mut self, index: usize, token: Token, response: Response) {
        let slot = Slot(token.0 as u32);
        let message = self.messages.get(slot);
        let (id, life) = (message.connection, message.life);
        if self.connections.get(id).life != life {
            self.messages.remove(slot);
            return;
        }
        let (bytes, throttle_time) = (response.wire_bytes(), response.throttle_time());
        self.trace.add(bytes);
        let mut cost = self.costs.network_request + self.costs.network_kib * (bytes / 1024);
        if !self.nodes[index].pages.is_warm()
            && let Response::Fetch(fetched) = &response
        {
            cost += self.read_cold(index, fetched);
        }
        let sent = self.nodes[index].network_threads.schedule(self.now, cost);
        if let Some(reset_at) = self.connections.get(id).abandoned {
            self.messages.remove(slot);
            self.answer_nobody(id, reset_at, (sent, throttle_time));
            return;
        }
        let message = self.messages.get_mut(slot);
        message.body = Body::Response(response);
        message.direction = crate::network::Direction::ToClient;
        self.transmit(slot, sent);
        self.unmute(id, life, sent + throttle_time);
    }

    /// How long a network thread stands still because what it sends is not in memory: sendfile
    /// reads it from the disk, and whoever else the thread serves waits too.
    pub(super) fn read_cold(&mut self, index: usize, fetched: &FetchResponse) -> Duration {
        let node = &mut self.nodes[index];
        let mut bytes = 0;
        for partition in &fetched.partitions {
            let range = partition.entries.start as usize..partition.entries.end as usize;
            for entry in &fetched.entries[range] {
                if !node.pages.is_cold(partition.partition, entry.base_offset) {
                    break;
                }
                bytes += u64::from(self.shared.batches.get(entry.batch).bytes);
            }
        }
        if bytes == 0 { 0 } else { node.disk.read(self.now, bytes).since(self.now) }
    }
}
