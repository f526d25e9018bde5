//! Connections: in order, one request at a time at the server, with lives of their own.
//!
//! A broker reads one request of a connection, and the next when the response is sent
//! (Kafka mutes the channel in between): five requests in flight wait in the socket. A request
//! that was sent outlives a connection that its client closes; only the answer is dropped.

use std::collections::VecDeque;

use broker_model::protocol::{ApiKey, Request};
use broker_model::types::Instant;

use super::message::Slot;

/// Who sends and receives: a node (broker or controller) or a client machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Endpoint(pub u32);

/// A connection between a client endpoint and a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ConnectionId(pub u32);

/// Towards the server (requests) or towards the client (responses).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "said above")]
pub enum Direction {
    ToServer,
    ToClient,
}

/// Which of several connections between two endpoints: Kafka keeps long polls, heartbeats and
/// coordinator traffic apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Channel(pub u8);

impl Channel {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// Everything that has no channel of its own.
    pub const CLIENT: Self = Self(0);
    /// A follower's fetches.
    pub const FETCH: Self = Self(1);
    /// A broker's fetches of the metadata log.
    pub const METADATA: Self = Self(2);
    /// A broker's registration and heartbeats.
    pub const HEARTBEAT: Self = Self(3);
    /// What a leader asks of the controller.
    pub const CONTROLLER: Self = Self(4);
    /// What a leader asks of a transaction coordinator.
    pub const TRANSACTIONS: Self = Self(5);
    /// A consumer's second connection, to its group coordinator.
    pub const COORDINATOR: Self = Self(6);
    /// Between controllers.
    pub const QUORUM: Self = Self(7);
    /// Markers of a transaction coordinator.
    pub const MARKERS: Self = Self(8);

    /// The channel a node's request travels on.
    #[must_use]
    pub const fn of(request: &Request) -> Self {
        if let Request::FetchSnapshot(r) = request
            && r.replica.is_none()
        {
            return Self::METADATA;
        }
        match request.api_key() {
            ApiKey::Fetch => Self::FETCH,
            ApiKey::FetchMetadata => Self::METADATA,
            ApiKey::BrokerHeartbeat | ApiKey::BrokerRegistration => Self::HEARTBEAT,
            ApiKey::AlterPartition | ApiKey::AllocateProducerIds | ApiKey::AssignReplicasToDirs => {
                Self::CONTROLLER
            }
            ApiKey::AddPartitionsToTxn => Self::TRANSACTIONS,
            ApiKey::WriteTxnMarkers => Self::MARKERS,
            ApiKey::Vote
            | ApiKey::BeginQuorumEpoch
            | ApiKey::EndQuorumEpoch
            | ApiKey::FetchQuorum
            | ApiKey::FetchSnapshot => Self::QUORUM,
            _ => Self::CLIENT,
        }
    }
}

/// One connection with all its lives.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Who opened it.
    pub client: Endpoint,
    /// The node at the other end.
    pub server: Endpoint,
    /// Which of those between the two.
    pub channel: Channel,
    /// Raised whenever the connection breaks: messages of earlier lives are ignored.
    pub life: u32,
    /// Whether it is open in its present life.
    pub open: bool,
    /// Messages that may not arrive before this (the handshake).
    pub ready_at: Instant,
    /// The server has read a request and not yet answered.
    pub muted: bool,
    /// Requests that wait in the server's socket.
    pub socket: VecDeque<Slot>,
    /// Messages held up by a cut, by direction.
    pub held: [VecDeque<Slot>; 2],
    /// When the first of them, or the news that there will be no more, was lost for the first time.
    pub held_since: [Instant; 2],
    /// How many messages were sent in its present life, by direction.
    pub sent: [u32; 2],
    /// How many of them were handed over at the other end.
    pub handed_over: [u32; 2],
    /// Messages that arrived before one that was sent before them.
    pub early: [Vec<Slot>; 2],
    /// The handshake of its present life met a cut: when it began, and when it is given up.
    pub connecting: Option<(Instant, Instant)>,
    /// The server's process has ended, and the client has not heard of it yet.
    pub server_gone: bool,
    /// How many attempts to connect have timed out in a row.
    pub timed_out_setups: u32,
    /// Nothing arrives before what was sent before it, by direction.
    pub last_arrival: [Instant; 2],
    /// Its client has given it up: when the server's first answer will have come back as a reset.
    pub abandoned: Option<Instant>,
    /// Requests that wait for an answer: correlation and time of sending, in order.
    pub in_flight: VecDeque<(u64, Instant)>,
    /// The life that a scheduled reset ends, if one is scheduled.
    pub reset_life: Option<u32>,
    /// Whether the timer of the oldest request runs.
    pub timer: bool,
    /// Key of the draws of this connection.
    pub draw_key: u64,
    /// How many draws it has made.
    pub draws: u64,
}

impl Connection {
    fn new(client: Endpoint, server: Endpoint, channel: Channel, draw_key: u64) -> Self {
        Self {
            client,
            server,
            channel,
            life: 0,
            open: false,
            ready_at: Instant(0),
            muted: false,
            socket: VecDeque::new(),
            held: [VecDeque::new(), VecDeque::new()],
            held_since: [Instant(0); 2],
            sent: [0; 2],
            handed_over: [0; 2],
            early: [Vec::new(), Vec::new()],
            connecting: None,
            server_gone: false,
            timed_out_setups: 0,
            last_arrival: [Instant(0); 2],
            abandoned: None,
            in_flight: VecDeque::new(),
            reset_life: None,
            timer: false,
            draw_key,
            draws: 0,
        }
    }

    /// The number, in its life, of the next message of a direction.
    pub const fn next_number(&mut self, way: Direction) -> u32 {
        self.sent[way as usize] += 1;
        self.sent[way as usize] - 1
    }

    /// Whether a message that arrived is the next one to hand over. One that came too early, as
    /// when a cut held up what was sent before it, waits for its turn.
    pub fn is_next(&mut self, way: Direction, number: u32, slot: Slot) -> bool {
        let next = self.handed_over[way as usize] == number;
        if next {
            self.handed_over[way as usize] += 1;
        } else {
            self.early[way as usize].push(slot);
        }
        next
    }

    /// The server's process ends while the way to the client is cut: the news is lost, and repeated
    /// as any other segment. It goes behind what the cut holds up already.
    pub fn goes_behind_a_cut(&mut self, now: Instant) {
        self.server_gone = true;
        if self.held[Direction::ToClient as usize].is_empty() {
            self.held_since[Direction::ToClient as usize] = now;
        }
    }

    /// The server's side of this connection, which its client gives up. What is under way to the
    /// client goes with the client.
    fn leave_behind(&mut self, life: u32) -> Self {
        let way = Direction::ToServer as usize;
        let mut left = Self::new(self.client, self.server, self.channel, self.draw_key);
        left.life = life;
        left.abandoned = Some(Instant::FAR);
        left.muted = self.muted;
        left.socket = std::mem::take(&mut self.socket);
        left.held[way] = std::mem::take(&mut self.held[way]);
        left.held_since[way] = self.held_since[way];
        left.early[way] = std::mem::take(&mut self.early[way]);
        left.sent[way] = self.sent[way];
        left.handed_over[way] = self.handed_over[way];
        left.last_arrival[way] = self.last_arrival[way];
        left
    }

    /// The number of the next draw.
    pub const fn next_draw(&mut self) -> u64 {
        self.draws += 1;
        self.draws
    }
}

/// All connections, found by their two ends and channel.
#[derive(Clone, Debug, Default)]
pub struct ConnectionTable {
    connections: Vec<Connection>,
    by_ends: Vec<Vec<Option<ConnectionId>>>,
    /// Those of `connections` that were given up by their clients, one life each.
    abandoned: Vec<ConnectionId>,
}

impl ConnectionTable {
    /// The connection between two ends, made (closed) when it is first asked for.
    /// `draw_key` is called then for the key of its draws.
    pub fn between(
        &mut self,
        client: Endpoint,
        server: Endpoint,
        channel: Channel,
        draw_key: impl FnOnce() -> u64,
    ) -> ConnectionId {
        let row = client.0 as usize;
        if row >= self.by_ends.len() {
            self.by_ends.resize(row + 1, Vec::new());
        }
        let column = server.0 as usize * Channel::COUNT + channel.0 as usize;
        let ends = &mut self.by_ends[row];
        if column >= ends.len() {
            ends.resize(column + 1, None);
        }
        if let Some(id) = ends[column] {
            return id;
        }
        let id = ConnectionId(self.connections.len() as u32);
        self.connections.push(Connection::new(client, server, channel, draw_key()));
        ends[column] = Some(id);
        id
    }

    /// The connection between two ends, if it was ever asked for.
    #[must_use]
    pub fn find(
        &self,
        client: Endpoint,
        server: Endpoint,
        channel: Channel,
    ) -> Option<ConnectionId> {
        let column = server.0 as usize * Channel::COUNT + channel.0 as usize;
        self.by_ends.get(client.0 as usize)?.get(column).copied().flatten()
    }

    /// Gives the server's side of a connection a place of its own, since its client gives it up: a
    /// place of one that was given up before and that is not `in_use`, or a new one.
    pub fn abandon(
        &mut self,
        id: ConnectionId,
        in_use: impl Fn(ConnectionId) -> bool,
    ) -> ConnectionId {
        let free = self.abandoned.iter().copied().find(|&place| !in_use(place));
        let life = free.map_or(0, |place| self.get(place).life + 1);
        let left = self.get_mut(id).leave_behind(life);
        if let Some(place) = free {
            *self.get_mut(place) = left;
            return place;
        }
        let place = ConnectionId(self.connections.len() as u32);
        self.connections.push(left);
        self.abandoned.push(place);
        place
    }

    /// A connection.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> &Connection {
        &self.connections[id.0 as usize]
    }

    /// A connection, to change.
    pub fn get_mut(&mut self, id: ConnectionId) -> &mut Connection {
        &mut self.connections[id.0 as usize]
    }

    /// All connections, in order of creation.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = ConnectionId> + use<> {
        (0..self.connections.len() as u32).map(ConnectionId)
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, Connection, Direction, Endpoint, Slot};

    #[test]
    fn what_was_sent_later_waits_for_what_was_sent_before() {
        let mut connection = Connection::new(Endpoint(0), Endpoint(1), Channel::CLIENT, 1);
        let way = Direction::ToServer;
        assert_eq!([0, 1, 2], [(); 3].map(|()| connection.next_number(way)));
        assert_eq!(connection.next_number(Direction::ToClient), 0, "each direction for itself");
        assert!(!connection.is_next(way, 1, Slot(11)));
        assert!(connection.is_next(way, 0, Slot(10)));
        assert_eq!(
            (connection.early[0].as_slice(), connection.handed_over),
            (&[Slot(11)][..], [1, 0])
        );
        assert!(connection.is_next(way, 1, Slot(11)));
    }
}
