//! How connections end: resets, time-outs, dead peers; and what a healed link still brings.

use broker_model::io::{Disconnected, StopKind};
use broker_model::types::{Duration, Instant, MILLISECOND};

use super::{Event, World, abandoned};
use crate::network::retransmission::{self, repeated_after};
use crate::network::{Channel, ConnectionId, Direction, Endpoint, HostId, MessageState, Slot};

impl World {
    /// Ends a life of a connection at both ends. Requests that the server has not read are gone;
    /// one that it has read goes on. Returns what was still unanswered, in order.
    pub(super) fn break_connection(&mut self, id: ConnectionId) -> Vec<u64> {
        let connection = self.connections.get_mut(id);
        connection.life += 1;
        connection.open = false;
        connection.muted = false;
        connection.reset_life = None;
        connection.server_gone = false;
        let mut lost: Vec<Slot> = connection.socket.drain(..).collect();
        for way in [Direction::ToServer, Direction::ToClient] {
            lost.extend(connection.held[way as usize].drain(..));
            lost.append(&mut connection.early[way as usize]);
        }
        let unanswered = connection.in_flight.drain(..).map(|(c, _)| c).collect();
        for slot in lost {
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

    /// A node closes a connection on which it has waited long enough.
    fn give_up_connection(&mut self, id: ConnectionId) {
        let connection = self.connections.get(id);
        let (client, server) = (connection.client, connection.server);
        for correlation in self.abandon_connection(id) {
            self.deliver(client, server, correlation, Err(Disconnected));
        }
    }

    /// A connection will be reset at `at`, if its present life lasts until then.
    pub(super) fn schedule_reset(&mut self, id: ConnectionId, at: Instant) {
        let connection = self.connections.get_mut(id);
        connection.reset_life = Some(connection.life);
        self.queue.push(at, Event::Connection(id.0));
    }

    /// How long a node waits for an answer on a connection. Heartbeats are given up sooner, since
    /// another controller may answer: after half a session (KAFKA-14392), from 4.1 on after
    /// `broker.heartbeat.interval.ms` (KAFKA-19294).
    fn node_request_timeout(&self, id: ConnectionId) -> Duration {
        let config = &self.plan.settings.broker;
        let timeout = match self.connections.get(id).channel {
            Channel::FETCH => config.replica_socket_timeout,
            Channel::QUORUM | Channel::METADATA => config.controller_quorum_request_timeout,
            Channel::HEARTBEAT if config.release.retries_by_heartbeat() => {
                config.controller_socket_timeout.min(config.broker_heartbeat_interval)
            }
            Channel::HEARTBEAT => {
                config.controller_socket_timeout.min(config.broker_session_timeout / 2)
            }
            Channel::CONTROLLER => config.controller_socket_timeout,
            _ => config.request_timeout,
        };
        timeout.max(MILLISECOND)
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
            self.give_up_connection(id);
        } else {
            self.arm_request_timer(id);
        }
    }

    /// A direction of a link is whole again: what was held arrives when TCP next repeats it.
    pub(super) fn release_held(&mut self, from: HostId, to: HostId) {
        for id in self.connections.ids() {
            let connection = self.connections.get(id);
            let connecting = connection.connecting.is_some();
            let ends = (self.host_of(connection.client), self.host_of(connection.server));
            let ways = [ends == (from, to), (ends.1, ends.0) == (from, to)];
            if !ways.contains(&true) || !self.is_connected(id) {
                continue;
            }
            // A handshake needs both ways, so messages of both have waited for it.
            for way in [Direction::ToServer, Direction::ToClient] {
                if connecting || ways[way as usize] {
                    self.release_way(id, way);
                }
            }
        }
    }

    /// Sends what was held up on its way, in order, when TCP repeats it.
    fn release_way(&mut self, id: ConnectionId, way: Direction) {
        let way_index = way as usize;
        let connection = self.connections.get_mut(id);
        let held: Vec<Slot> = connection.held[way_index].drain(..).collect();
        let given_up = connection.abandoned.is_some()
            && self.now.since(connection.held_since[way_index]) > abandoned::REPEATED_FOR;
        if given_up {
            for slot in held {
                self.messages.remove(slot);
            }
            return;
        }
        let told = connection.server_gone && way == Direction::ToClient;
        if held.is_empty() && !told {
            return;
        }
        let lost_at = connection.held_since[way_index];
        let again = repeated_after(lost_at, retransmission::DATA, self.now);
        let last = again.max(connection.last_arrival[way_index]);
        connection.last_arrival[way_index] = last;
        for slot in held {
            self.messages.get_mut(slot).state = MessageState::Scheduled;
            self.queue.push(again, Event::Arrive(slot.0));
        }
        if told {
            // Behind the answers that were on their way, the news that there will be none.
            self.schedule_reset(id, last);
        }
    }

    /// A process that stood still has ended: what had reached it is read by nobody.
    pub(super) fn drop_frozen(&mut self, events: Vec<Event>) {
        for event in events {
            if let Event::Arrive(slot) | Event::Handle(slot) = event {
                self.messages.remove(Slot(slot));
            }
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
                connection.early[0].clear();
            }
        }
        for (slot, state) in slots {
            match state {
                MessageState::Scheduled | MessageState::Received => {
                    self.messages.get_mut(slot).state = MessageState::Dead;
                }
                MessageState::Waiting => {
                    self.messages.remove(slot);
                }
                MessageState::Dead => {}
            }
        }
    }

    /// A host lost its power: what a cut held up on its way out is repeated by nobody.
    pub(super) fn lose_held_of(&mut self, endpoint: Endpoint) {
        for id in self.connections.ids() {
            let connection = self.connections.get_mut(id);
            let way = match endpoint {
                end if end == connection.client => Direction::ToServer,
                end if end == connection.server => Direction::ToClient,
                _ => continue,
            };
            for slot in std::mem::take(&mut connection.held[way as usize]) {
                self.messages.remove(slot);
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
                self.abandon_connection(id);
            } else if connection.server == endpoint && kind != StopKind::PowerCut {
                let (from, to) = (self.host_of(endpoint), self.host_of(connection.client));
                if self.links.is_cut(from, to) {
                    self.connections.get_mut(id).goes_behind_a_cut(self.now);
                } else {
                    self.tell_server_gone(id);
                }
            }
        }
    }

    /// A restarted host answers packets of connections it does not know with a reset.
    pub(super) fn reset_stale_connections(&mut self, index: usize) {
        let endpoint = Endpoint(index as u32);
        for id in self.connections.ids() {
            let connection = self.connections.get(id);
            if connection.abandoned.is_some() && connection.server == endpoint {
                self.break_connection(id);
            } else if connection.open && connection.server == endpoint {
                self.tell_server_gone(id);
            }
        }
    }

    /// The server's process is gone, and its host says so. Until the client hears of it, nothing
    /// it sends means anything to a new process.
    fn tell_server_gone(&mut self, id: ConnectionId) {
        let connection = self.connections.get(id);
        let (from, to) = (self.host_of(connection.server), self.host_of(connection.client));
        let latency = self.links.latency(from, to, connection.draw_key, 0);
        self.connections.get_mut(id).server_gone = true;
        self.schedule_reset(id, self.now + latency);
    }
}

#[cfg(test)]
mod tests {
    use broker_model::io::StopKind;
    use broker_model::types::{NodeId, SECOND};

    use crate::network::{Channel, Endpoint};
    use crate::world::small::{idle, run_until};
    use crate::world::{NodeState, World};

    /// Lives that the follower's connection to its leader has had 8 s after the leader stood still.
    fn lives(world: &mut World) -> u32 {
        run_until(world, 10 * SECOND);
        let leader = world.image().partition(world.partition_named("orders", 0).expect("created"));
        let leader = leader.expect("known").leader.expect("led");
        let index = world.nodes.iter().position(|n| n.id == leader).expect("a broker");
        let follower = world.node_endpoint(NodeId(3 - leader.0)).expect("the other of two");
        world.nodes[index].state = NodeState::Paused;
        run_until(world, 18 * SECOND);
        let server = world.node_endpoint(leader).expect("a broker");
        let id = world.connections.between(follower, server, Channel::FETCH, || unreachable!());
        world.connections.get(id).life
    }

    #[test]
    fn a_follower_gives_its_leader_up_after_replica_socket_timeout_ms() {
        assert_eq!(lives(&mut idle(&[])), 0);
        assert!(lives(&mut idle(&[("replica.socket.timeout.ms", "2000")])) >= 2);
    }

    #[test]
    fn the_end_of_a_process_behind_a_cut_is_told_as_soon_as_a_segment_lost_then_is_repeated() {
        let mut world = idle(&[]);
        run_until(&mut world, 10 * SECOND);
        let brokers = [Endpoint(0), Endpoint(1)];
        let fetches = |a, b| world.connections.find(a, b, Channel::FETCH).map(|id| (id, a, b));
        let found = fetches(brokers[0], brokers[1]).or_else(|| fetches(brokers[1], brokers[0]));
        let (id, follower, leader) = found.expect("one follows the other");
        let life = world.connections.get(id).life;
        let (here, there) = (world.host_of(follower), world.host_of(leader));
        world.links.cut(there, here);
        world.stop_node(leader.0 as usize, StopKind::Kill);
        run_until(&mut world, 11 * SECOND);
        assert!(world.links.mend(there, here));
        world.release_held(there, here);
        // Lost at 10 s, it is repeated after 200, 400 and 800 ms.
        run_until(&mut world, 11 * SECOND + SECOND * 3 / 10);
        assert_eq!(world.connections.get(id).life, life);
        run_until(&mut world, 11 * SECOND + SECOND / 2);
        assert!(world.connections.get(id).life > life);
    }

    #[test]
    fn every_channel_has_its_own_timeout() {
        let mut world = idle(&[
            ("replica.socket.timeout.ms", "11000"),
            ("controller.quorum.request.timeout.ms", "12000"),
            ("controller.socket.timeout.ms", "13000"),
            ("broker.heartbeat.interval.ms", "8000"),
            ("request.timeout.ms", "14000"),
        ]);
        let mut seconds = |channel| {
            let ends = (Endpoint(0), Endpoint(1));
            let id = world.connections.between(ends.0, ends.1, channel, || 0);
            world.node_request_timeout(id) / SECOND
        };
        assert_eq!(seconds(Channel::FETCH), 11);
        assert_eq!([Channel::METADATA, Channel::QUORUM].map(&mut seconds), [12, 12]);
        assert_eq!(seconds(Channel::CONTROLLER), 13);
        assert_eq!(seconds(Channel::HEARTBEAT), 8, "its interval");
        assert_eq!([Channel::TRANSACTIONS, Channel::CLIENT].map(&mut seconds), [14, 14]);
    }
}
