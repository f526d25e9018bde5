//! How messages travel: connections, order, muting, cuts, resets.

use broker_model::io::Disconnected;
use broker_model::protocol::produce::Acks;
use broker_model::protocol::{Header, Request, Response};
use broker_model::types::Instant;

use super::{Event, World};
use crate::network::{
    Body, Channel, ConnectionId, Direction, Endpoint, HostId, Message, MessageState, Slot,
};
use crate::prng::{Stream, mix, scale};

impl World {
    /// Sends a request of an endpoint to a node.
    pub(super) fn send_request(
        &mut self,
        (client, server, channel): (Endpoint, Endpoint, Channel),
        correlation: u64,
        header: Header,
        request: Request,
    ) {
        let api = request.api_key();
        let seed = self.seed;
        let id = self.connections.between(client, server, channel, || {
            let name = format!("connection/{}/{}/{}", client.0, server.0, channel.0);
            Stream::new(seed, &name).bits()
        });
        let one_way = matches!(&request, Request::Produce(r) if r.acks == Acks::None);
        self.open(id);
        let connection = self.connections.get_mut(id);
        if !one_way {
            connection.in_flight.push_back((correlation, self.now));
        }
        let slot = self.messages.insert(Message {
            connection: id,
            life: connection.life,
            direction: Direction::ToServer,
            number: 0,
            correlation,
            header,
            api,
            sent: self.now,
            body: Body::Request(request),
            state: MessageState::Waiting,
            one_way,
        });
        if self.is_node(client) && !one_way {
            self.arm_request_timer(id);
        }
        self.transmit(slot, self.now);
    }

    /// Puts a message on the wire, not before `from_time`.
    pub(super) fn transmit(&mut self, slot: Slot, from_time: Instant) {
        let message = self.messages.get(slot);
        let (id, direction, api) = (message.connection, message.direction, message.api);
        let bytes = match &message.body {
            Body::Request(request) => request.wire_bytes(&self.shared.batches),
            Body::Response(response) => response.wire_bytes(),
            Body::Taken => unreachable!("a request that was read is not sent"),
        };
        if let (Some(coverage), Body::Response(response)) = (&mut self.coverage, &message.body) {
            coverage.answer(response);
        }
        if self.faults_listen() {
            self.message_for_faults(api, direction);
        }
        self.hear_departure(slot);
        let connection = self.connections.get_mut(id);
        let way = direction as usize;
        let (from, to) = match direction {
            Direction::ToServer => (connection.client, connection.server),
            Direction::ToClient => (connection.server, connection.client),
        };
        let draw = connection.next_draw();
        let number = connection.next_number(direction);
        let (key, ready, last) =
            (connection.draw_key, connection.ready_at, connection.last_arrival[way]);
        let (from, to) = (self.host_of(from), self.host_of(to));
        let left = self.nics[from.0 as usize].send(self.now, from_time.max(ready), bytes);
        let carried = self.links.carry(from, to, left, bytes);
        let reached = carried + self.links.latency(from, to, key, draw);
        let received = self.nics[to.0 as usize].receive(self.now, reached, bytes);
        let arrival = (received + self.delay_of(api, direction, (from, to))).max(last);
        self.connections.get_mut(id).last_arrival[way] = arrival;
        self.post(slot, arrival);
        if self.breaks(from, to, key, draw) {
            // The message is lost with its connection.
            self.messages.remove(slot);
            self.schedule_reset(id, arrival);
            return;
        }
        let message = self.messages.get_mut(slot);
        message.number = number;
        message.state = MessageState::Scheduled;
        self.queue.push(arrival, Event::Arrive(slot.0));
    }

    /// Whether the connection breaks with this message.
    fn breaks(&self, from: HostId, to: HostId, key: u64, draw: u64) -> bool {
        let chances = [self.loss[from.0 as usize], self.loss[to.0 as usize]];
        chances.iter().enumerate().any(|(end, &(numerator, denominator))| {
            numerator > 0 && {
                let bits = mix(key ^ mix(draw ^ ((end as u64 + 1) << 40)));
                scale(bits, denominator) < numerator
            }
        })
    }

    /// A message reaches the other end.
    pub(super) fn arrive(&mut self, slot: Slot) {
        let message = self.messages.get(slot);
        if message.state == MessageState::Dead {
            self.messages.remove(slot);
            return;
        }
        let (id, life, direction) = (message.connection, message.life, message.direction);
        let connection = self.connections.get(id);
        if connection.life != life {
            self.messages.remove(slot);
            return;
        }
        let (from, to) = match direction {
            Direction::ToServer => (connection.client, connection.server),
            Direction::ToClient => (connection.server, connection.client),
        };
        let (from_host, to_host) = (self.host_of(from), self.host_of(to));
        let way = direction as usize;
        let waits = !connection.held[way].is_empty() || connection.connecting.is_some();
        let under_way = message.state != MessageState::Received;
        if under_way && (waits || self.links.is_cut(from_host, to_host)) {
            self.messages.get_mut(slot).state = MessageState::Waiting;
            let connection = self.connections.get_mut(id);
            if connection.held[way].is_empty() {
                connection.held_since[way] = self.now;
            }
            connection.held[way].push_back(slot);
            return;
        }
        if self.is_frozen(to) {
            self.messages.get_mut(slot).state = MessageState::Received;
            self.freeze(to, Event::Arrive(slot.0));
            return;
        }
        let number = message.number;
        if self.connections.get_mut(id).is_next(direction, number, slot) {
            self.hand_over(slot, id, direction, to);
            self.hand_over_early(id, life, direction, to);
        } else {
            self.messages.get_mut(slot).state = MessageState::Waiting;
        }
    }

    fn hand_over(&mut self, slot: Slot, id: ConnectionId, direction: Direction, to: Endpoint) {
        self.hear_arrival(slot);
        match direction {
            Direction::ToServer => self.request_arrives(slot, id),
            Direction::ToClient => self.response_arrives(slot, id, to),
        }
    }

    /// What came too early is due now, if its turn has come.
    fn hand_over_early(&mut self, id: ConnectionId, life: u32, direction: Direction, to: Endpoint) {
        loop {
            let connection = self.connections.get_mut(id);
            let early = &connection.early[direction as usize];
            // Handing over may have ended the life, and all that waited with it.
            if early.is_empty() || connection.life != life {
                return;
            }
            let due = connection.handed_over[direction as usize];
            let is_due = |slot: &Slot| self.messages.get(*slot).number == due;
            let Some(position) = early.iter().position(is_due) else { return };
            let connection = self.connections.get_mut(id);
            let slot = connection.early[direction as usize].remove(position);
            connection.handed_over[direction as usize] += 1;
            self.hand_over(slot, id, direction, to);
        }
    }

    fn request_arrives(&mut self, slot: Slot, id: ConnectionId) {
        let connection = self.connections.get(id);
        let server = connection.server;
        // A new process knows nothing of connections of the one before.
        if connection.server_gone || !self.nodes[server.0 as usize].state.is_running() {
            self.messages.remove(slot);
            return;
        }
        let connection = self.connections.get_mut(id);
        if connection.muted {
            connection.socket.push_back(slot);
            self.messages.get_mut(slot).state = MessageState::Waiting;
        } else {
            connection.muted = true;
            self.read_request(slot, self.now);
        }
    }

    fn response_arrives(&mut self, slot: Slot, id: ConnectionId, to: Endpoint) {
        let message = self.messages.remove(slot);
        let connection = self.connections.get_mut(id);
        let expected = connection.in_flight.pop_front();
        assert_eq!(
            expected.map(|(correlation, _)| correlation),
            Some(message.correlation),
            "answers come in the order of the requests"
        );
        let server = connection.server;
        let Body::Response(response) = message.body else {
            unreachable!("only responses travel to the client")
        };
        self.deliver(to, server, message.correlation, Ok(response));
    }

    /// Hands an answer, or the news that there will be none, to whoever asked.
    pub(super) fn deliver(
        &mut self,
        to: Endpoint,
        from: Endpoint,
        correlation: u64,
        result: Result<Response, Disconnected>,
    ) {
        if self.is_node(to) {
            self.node_response(to, from, correlation, result);
        } else {
            self.client_response(to, from, correlation, result);
        }
    }

    /// The server has sent its answer (or owes none): it reads the next request of the
    /// connection, not before `at`.
    pub(super) fn unmute(&mut self, id: ConnectionId, life: u32, at: Instant) {
        let connection = self.connections.get_mut(id);
        if connection.life != life {
            return;
        }
        match connection.socket.pop_front() {
            Some(next) => self.read_request(next, at),
            None => connection.muted = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::io::StopKind;
    use broker_model::protocol::produce::{Acks, ProduceRequest};
    use broker_model::protocol::{Header, Request};
    use broker_model::types::SECOND;

    use crate::network::{Channel, ConnectionId, Endpoint};
    use crate::world::World;
    use crate::world::small::{idle, run_until};

    /// A connection that is opened from the first broker to the second while their link is cut,
    /// and when that is.
    fn opened_over_a_cut() -> (World, ConnectionId, u64) {
        let mut world = idle(&[]);
        run_until(&mut world, 10 * SECOND);
        let hosts = (world.hosts[0], world.hosts[1]);
        world.links.cut(hosts.0, hosts.1);
        // Brokers do not use it among themselves.
        let way = (Endpoint(0), Endpoint(1), Channel::QUORUM);
        let id = world.connections.between(way.0, way.1, way.2, || 5);
        world.open(id);
        let now = world.now().0;
        (world, id, now)
    }

    #[test]
    fn connecting_over_a_cut_ends_after_the_setup_timeout() {
        let (mut world, id, begun) = opened_over_a_cut();
        run_until(&mut world, begun + 7 * SECOND);
        assert!(world.connections.get(id).open, "it is still being tried");
        run_until(&mut world, begun + 13 * SECOND);
        let connection = world.connections.get(id);
        assert_eq!((connection.open, connection.life, connection.timed_out_setups), (false, 1, 1));
    }

    /// What became of the connection when the link is whole again after some seconds: how many
    /// nanoseconds after it began it is ready, if it is, and how many lives it has had after 13 s.
    fn whole_again_after(seconds: u64) -> (Option<u64>, u32) {
        let (mut world, id, begun) = opened_over_a_cut();
        run_until(&mut world, begun + seconds * SECOND);
        let hosts = (world.hosts[0], world.hosts[1]);
        assert!(world.links.mend(hosts.0, hosts.1));
        world.release_held(hosts.0, hosts.1);
        let connection = world.connections.get(id);
        let ready = connection.connecting.is_none().then_some(connection.ready_at.0 - begun);
        run_until(&mut world, begun + 13 * SECOND);
        (ready, world.connections.get(id).life)
    }

    #[test]
    fn connecting_over_a_cut_succeeds_when_its_first_segment_is_repeated_in_time() {
        assert_eq!(whole_again_after(2), (Some(3 * SECOND), 0));
        // It would be repeated after 15 s, and is given up before.
        assert_eq!(whole_again_after(8), (None, 1));
    }

    #[test]
    fn a_request_sent_over_a_cut_of_the_way_back_arrives_when_the_handshake_is_done() {
        let mut world = idle(&[]);
        run_until(&mut world, 10 * SECOND);
        let hosts = (world.hosts[0], world.hosts[1]);
        world.links.cut(hosts.1, hosts.0);
        let way = (Endpoint(0), Endpoint(1), Channel::QUORUM);
        let request = Request::Produce(ProduceRequest {
            transactional_id: None,
            acks: Acks::None,
            timeout: SECOND,
            partitions: Vec::new(),
        });
        world.send_request(way, 7, Header { api_version: i16::MAX, client: 0 }, request);
        let id = world.connections.between(way.0, way.1, way.2, || 5);
        let begun = world.now().0;
        run_until(&mut world, begun + 2 * SECOND);
        assert_eq!(world.connections.get(id).held[0].len(), 1);
        assert!(world.links.mend(hosts.1, hosts.0));
        world.release_held(hosts.1, hosts.0);
        assert!(world.connections.get(id).held[0].is_empty());
    }

    #[test]
    fn a_broker_that_is_not_yet_unfenced_refuses_connections() {
        let mut world = idle(&[]);
        run_until(&mut world, 10 * SECOND);
        world.stop_node(1, StopKind::Kill);
        world.start_node(1);
        let way = (Endpoint(0), Endpoint(1), Channel::QUORUM);
        let id = world.connections.between(way.0, way.1, way.2, || 5);
        world.open(id);
        let now = world.now().0;
        run_until(&mut world, now + SECOND);
        assert_eq!((world.connections.get(id).open, world.connections.get(id).life), (false, 1));
        run_until(&mut world, now + 20 * SECOND);
        world.open(id);
        run_until(&mut world, now + 21 * SECOND);
        assert_eq!((world.connections.get(id).open, world.connections.get(id).life), (true, 1));
    }
}
