//! How connections begin: what a handshake meets, how long it is tried, and how one that met a cut
//! goes on.

use super::{NodeState, World};
use crate::client::Backoff;
use crate::network::retransmission::{self, repeated_after};
use crate::network::{ConnectionId, Direction};
use crate::prng::mix;

/// What a handshake may meet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    /// A process that takes connections, even if it stands still.
    Listener,
    /// A host on which no process listens.
    Refusal,
    /// A cut of either way, or a host without power: nothing answers.
    Silence,
}

impl World {
    /// Opens a closed connection: a handshake of one round trip, refused when no process
    /// listens, unanswered when the host is off.
    pub(super) fn open(&mut self, id: ConnectionId) {
        let connection = self.connections.get(id);
        if connection.open {
            return;
        }
        let (from, to) = (self.host_of(connection.client), self.host_of(connection.server));
        let key = connection.draw_key;
        let draw = self.connections.get_mut(id).next_draw();
        let round_trip =
            self.links.latency(from, to, key, draw) + self.links.latency(to, from, !key, draw);
        let met = self.met_by_handshake(id);
        let connection = self.connections.get_mut(id);
        connection.open = true;
        connection.ready_at = self.now + round_trip;
        connection.muted = false;
        connection.last_arrival = [self.now; 2];
        connection.sent = [0; 2];
        connection.handed_over = [0; 2];
        if met == Met::Silence {
            let timeout = Backoff::CONNECTION_SETUP
                .after(connection.timed_out_setups, Some(mix(key ^ mix(draw))));
            connection.timed_out_setups += 1;
            connection.connecting = Some((self.now, self.now + timeout));
            self.schedule_reset(id, self.now + timeout);
            return;
        }
        connection.connecting = None;
        connection.timed_out_setups = 0;
        if met == Met::Refusal {
            self.schedule_reset(id, self.now + round_trip);
        }
    }

    /// Whether messages may travel on a connection whose link is whole again. A handshake that met
    /// the cut goes on when its first segment is repeated, unless it is given up before.
    pub(super) fn is_connected(&mut self, id: ConnectionId) -> bool {
        let connection = self.connections.get(id);
        let Some((begun, given_up)) = connection.connecting else { return true };
        let again = repeated_after(begun, retransmission::SYN, self.now);
        let met = self.met_by_handshake(id);
        if met == Met::Silence || again >= given_up {
            return false;
        }
        let connection = self.connections.get_mut(id);
        connection.connecting = None;
        connection.timed_out_setups = 0;
        connection.reset_life = None;
        connection.ready_at = again;
        connection.last_arrival[Direction::ToServer as usize] = again;
        if met == Met::Refusal {
            self.schedule_reset(id, again);
        }
        true
    }

    /// What a handshake of a connection meets now.
    fn met_by_handshake(&self, id: ConnectionId) -> Met {
        let connection = self.connections.get(id);
        let (client, server) = (self.host_of(connection.client), self.host_of(connection.server));
        let cut = self.links.is_cut(client, server) || self.links.is_cut(server, client);
        let node = &self.nodes[connection.server.0 as usize];
        if cut || node.state == NodeState::NoPower {
            Met::Silence
        } else if node.state == NodeState::Stopped || !node.is_listening() {
            Met::Refusal
        } else {
            Met::Listener
        }
    }
}
