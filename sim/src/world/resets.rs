//! How connections end: resets, time-outs, dead peers; and what a healed link still brings.

use broker_model::io::{Disconnected, StopKind};
use broker_model::types::{Duration, Instant, MILLISECOND, SECOND};

use super::{Event, NodeState, World};
use crate::network::{Channel, ConnectionId, Direction, Endpoint, HostId, MessageState, Slot};

/// How long a node waits for an answer from another node (`replica.socket.timeout.ms`,
/// `controller.socket.timeout.ms`: 30 s).
const NODE_REQUEST_TIMEOUT: Duration = 30 * SECOND;
/// First retransmission timeout of TCP (Linux `TCP_RTO_MIN`); it doubles up to two minutes.
const FIRST_RETRANSMISSION: Duration = 200 * MILLISECOND;
const LAST_RETRANSMISSION: Duration = 120 * SECOND;

impl World {
    /// Ends a life of a connection. Requests that the server has not read are gone; one that it
    /// has read goes on. Returns what was still unanswered, in order.
    pub(super) fn break_connection(&mut self, id: ConnectionId) -> Vec<u64> {
        let connection = self.connections.get_mut(id);
        connection.life += 1;
        connection.open = false;
        connection.muted = false;
        connection.reset_life = None;
        let lost: Vec<Slot> = connection
            .socket
            .drain(..)
            .chain(connection.held[0].drain(..).collect::<Vec<_>>())
            .collect();
        let held: Vec<Slot> = connection.held[1].drain(..).collect();
        let unanswered = connection.in_flight.drain(..).map(|(c, _)| c).collect();
        for slot in lost.into_iter().chain(held) {
            self.messages.remove(slot);
        }
        unanswered
    }

    /// Breaks a connection and tells the client that no answers will come.
    pub(super) fn reset_connection(&mut self, id: ConnectionId) {
        let connection = self.connections.get(id);
        let (client, server) = (connection.client, connection.server);
        for correlation in self.break_connection(id) {
            self.deliver(client, server, correlation, Err(Disconnected));
        }
    }

    /// A connection will be reset at `at`, if its present life lasts until then.
    pub(super) fn schedule_reset(&mut self, id: ConnectionId, at: Instant) {
        let connection = self.connections.get_mut(id);
        connection.reset_life = Some(connection.life);
        self.queue.push(at, Event::Connection(id.0));
    }

    /// How long a node waits for an answer on a connection. With several controllers those to a
    /// controller matter, since another one may answer: `controller.quorum.request.timeout.ms`,
    /// and half a session for heartbeats (KAFKA-14392).
    fn node_request_timeout(&self, id: ConnectionId) -> Duration {
        let config = &self.plan.settings.broker;
        match self.connections.get(id).channel {
            _ if self.plan.scenario.cluster.controllers == 1 => NODE_REQUEST_TIMEOUT,
            Channel::QUORUM | Channel::METADATA => config.controller_quorum_request_timeout,
            Channel::HEARTBEAT => (config.broker_session_timeout / 2).max(MILLISECOND),
            _ => NODE_REQUEST_TIMEOUT,
        }
    }

    pub(super) fn arm_request_timer(&mut self, id: ConnectionId) {
        let connection = self.connections.get_mut(id);
        if connection.timer {
            return;
        }
        if let Some(&(_, sent)) = connection.in_flight.front() {
            connection.timer = true;
            let timeout = self.node_request_timeout(id);
            self.queue.push(sent + timeout, Event::Connection(id.0));
        }
    }

    /// A reset is due, or the oldest request of a node may have waited too long.
    pub(super) fn connection_event(&mut self, id: ConnectionId) {
        let timeout = self.node_request_timeout(id);
        let connection = self.connections.get_mut(id);
        if connection.reset_life == Some(connection.life) {
            let client = connection.client;
            if self.is_frozen(client) {
                self.freeze(client, Event::Connection(id.0));
                return;
            }
            self.reset_connection(id);
            return;
        }
        if !connection.timer {
            return;
        }
        connection.timer = false;
        let client = connection.client;
        let late =
            connection.in_flight.front().is_some_and(|&(_, sent)| self.now.since(sent) >= timeout);
        if self.is_frozen(client) {
            self.connections.get_mut(id).timer = true;
            self.freeze(client, Event::Connection(id.0));
        } else if late {
            self.reset_connection(id);
        } else {
            self.arm_request_timer(id);
        }
    }

    /// A direction of a link is whole again: what was held arrives when TCP next repeats it.
    pub(super) fn release_held(&mut self, from: HostId, to: HostId) {
        for id in self.connections.ids() {
            let connection = self.connections.get(id);
            let ends = (self.host_of(connection.client), self.host_of(connection.server));
            for (way, pair) in [(0, ends), (1, (ends.1, ends.0))] {
                if pair != (from, to) {
                    continue;
                }
                self.finish_connecting(id);
                let connection = self.connections.get_mut(id);
                let held: Vec<Slot> = connection.held[way].drain(..).collect();
                if held.is_empty() {
                    continue;
                }
                let again = retransmission_after(connection.held_since[way], self.now);
                let arrival = again.max(connection.last_arrival[way]);
                connection.last_arrival[way] = arrival;
                for slot in held {
                    self.messages.get_mut(slot).state = MessageState::Scheduled;
                    self.queue.push(arrival, Event::Arrive(slot.0));
                }
            }
        }
    }

    /// A handshake that met a cut succeeds if nothing is cut between its ends any more.
    fn finish_connecting(&mut self, id: ConnectionId) {
        let connection = self.connections.get(id);
        let (client, server) = (self.host_of(connection.client), self.host_of(connection.server));
        let state = self.nodes[connection.server.0 as usize].state;
        let cut = self.links.is_cut(client, server) || self.links.is_cut(server, client);
        if !connection.connecting || state == NodeState::NoPower || cut {
            return;
        }
        let latency = self.links.latency(server, client, connection.draw_key, 0);
        let connection = self.connections.get_mut(id);
        connection.connecting = false;
        connection.timed_out_setups = 0;
        connection.reset_life = None;
        if state == NodeState::Stopped {
            self.schedule_reset(id, self.now + latency);
        }
    }

    /// Requests inside a process that ended are gone.
    pub(super) fn drop_messages_of(&mut self, index: usize) {
        let slots: Vec<(Slot, MessageState)> = self
            .messages
            .iter()
            .filter(|(_, m)| {
                self.connections.get(m.connection).server.0 as usize == index
                    && m.direction == Direction::ToServer
            })
            .map(|(slot, m)| (slot, m.state))
            .collect();
        for id in self.connections.ids() {
            let connection = self.connections.get_mut(id);
            if connection.server.0 as usize == index {
                connection.socket.clear();
                connection.held[0].clear();
            }
        }
        for (slot, state) in slots {
            match state {
                MessageState::Scheduled => {
                    self.messages.get_mut(slot).state = MessageState::Dead;
                }
                MessageState::Waiting => {
                    self.messages.remove(slot);
                }
                MessageState::Dead => {}
            }
        }
    }

    /// Connections of an endpoint whose process ended: a dead process is noticed after the
    /// link's latency, a host without power is not noticed at all.
    pub(super) fn end_connections_of(&mut self, endpoint: Endpoint, kind: StopKind) {
        for id in self.connections.ids() {
            let connection = self.connections.get(id);
            if !connection.open {
                continue;
            }
            if connection.client == endpoint {
                self.break_connection(id);
            } else if connection.server == endpoint {
                let (from, to) = (self.host_of(endpoint), self.host_of(connection.client));
                if kind != StopKind::PowerCut && !self.links.is_cut(from, to) {
                    let latency = self.links.latency(from, to, connection.draw_key, 0);
                    self.schedule_reset(id, self.now + latency);
                }
            }
        }
    }

    /// A restarted host answers packets of connections it does not know with a reset.
    pub(super) fn reset_stale_connections(&mut self, index: usize) {
        let endpoint = Endpoint(index as u32);
        for id in self.connections.ids() {
            let connection = self.connections.get(id);
            if connection.open && connection.server == endpoint {
                let (from, to) = (self.host_of(endpoint), self.host_of(connection.client));
                let latency = self.links.latency(from, to, connection.draw_key, 0);
                self.schedule_reset(id, self.now + latency);
            }
        }
    }
}

/// When TCP repeats a segment that was first lost at `lost_at`, the first time at or after `now`
/// (RFC 6298, 5.5).
fn retransmission_after(lost_at: Instant, now: Instant) -> Instant {
    let mut timeout = FIRST_RETRANSMISSION;
    let mut at = lost_at + timeout;
    while at < now {
        timeout = (timeout * 2).min(LAST_RETRANSMISSION);
        at = at + timeout;
    }
    at
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, MILLISECOND};

    use super::retransmission_after;

    #[test]
    fn retransmissions_double() {
        let at = |now: u64| retransmission_after(Instant(0), Instant(now * MILLISECOND)).0;
        assert_eq!(at(1), 200 * MILLISECOND);
        assert_eq!(at(201), 600 * MILLISECOND);
        assert_eq!(at(601), 1_400 * MILLISECOND);
    }
}
