//! A producer's connections, as far as it knows them: what is in flight, when to try again.

use std::collections::VecDeque;

use broker_model::types::{BatchId, Duration, Instant, MILLISECOND, NodeId};

use super::super::backoff::Backoff;
use super::super::io::Correlation;
use super::batch::BatchRef;
use super::requests::TransactionalRequest;

/// A request without an answer.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct InFlight {
    pub(super) correlation: Correlation,
    pub(super) sent_at: Instant,
    /// The connection it went over, by number.
    pub(super) connection: u32,
    pub(super) kind: Kind,
}

/// What a request was.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    /// Produce, with each batch and the body sent for it.
    Produce(Vec<(BatchRef, BatchId)>),
    Metadata,
    Transactional(Box<TransactionalRequest>),
}

/// How far the connection to a broker is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    Down,
    /// Given up at that time.
    Connecting(Instant),
    Up,
}

/// One broker.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) in_flight: VecDeque<InFlight>,
    /// Number of the current connection.
    pub(super) connection: u32,
    link: Link,
    failures: u32,
    timed_out_setups: u32,
    /// When it was last connected to, or the connection to it last lost.
    attempted_at: Instant,
    pub(super) reconnect_at: Instant,
    /// When it last had data ready, and when it last could take it.
    pub(super) latency: Option<(Instant, Instant)>,
    /// The partition the last drain ended at.
    pub(super) drained_to: u32,
    /// Scratch of one turn: partitions with a queue that it leads, and whether it must be sent to.
    pub(super) candidates: Vec<u32>,
    pub(super) ready: bool,
}

impl Node {
    const fn new(id: NodeId) -> Self {
        Self {
            id,
            in_flight: VecDeque::new(),
            connection: 0,
            link: Link::Down,
            failures: 0,
            timed_out_setups: 0,
            attempted_at: Instant(0),
            reconnect_at: Instant(0),
            latency: None,
            drained_to: 0,
            candidates: Vec::new(),
            ready: false,
        }
    }

    /// The connection broke, or did not come up: the next try waits.
    pub(super) fn lost(&mut self, backoff: &Backoff, now: Instant, bits: Option<u64>) {
        self.connection = self.connection.wrapping_add(1);
        self.timed_out_setups = match self.link {
            Link::Connecting(_) => self.timed_out_setups.saturating_add(1),
            Link::Down | Link::Up => 0,
        };
        self.link = Link::Down;
        self.attempted_at = now;
        self.reconnect_at = now + backoff.after(self.failures, bits);
        self.failures = self.failures.saturating_add(1);
    }

    /// The connection came up, or an answer came: it works.
    pub(super) const fn works(&mut self) {
        self.link = Link::Up;
        self.failures = 0;
    }

    /// The connection is being opened, and given up strictly after the timeout, on a clock of
    /// milliseconds.
    pub(super) fn connecting(&mut self, now: Instant, bits: Option<u64>) {
        self.attempted_at = now;
        let timeout = Backoff::CONNECTION_SETUP.after(self.timed_out_setups, bits);
        self.link = Link::Connecting(now + timeout + MILLISECOND);
    }

    /// When a connection that does not come up is given up.
    pub(super) const fn setup_ends_at(&self) -> Instant {
        match self.link {
            Link::Connecting(until) => until,
            Link::Down | Link::Up => Instant::FAR,
        }
    }

    /// When its oldest request times out: strictly after `request.timeout.ms`, on a clock of
    /// milliseconds as the Java client has it.
    pub(super) fn times_out_at(&self, timeout: Duration) -> Instant {
        self.in_flight.front().map_or(Instant::FAR, |r| r.sent_at + timeout + MILLISECOND)
    }
}

/// All brokers the producer has had to do with.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    pub(super) list: Vec<Node>,
    next: u32,
    /// A request is sent only on a connection that is known to be up, as by the Java client; else
    /// whoever carries requests opens the connection on the way.
    pub(super) handshakes: bool,
}

impl Nodes {
    /// Where a node is in the list, a new place if need be.
    pub(super) fn at(&mut self, id: NodeId) -> usize {
        if let Some(at) = self.list.iter().position(|node| node.id == id) {
            return at;
        }
        self.list.push(Node::new(id));
        self.list.len() - 1
    }

    pub(super) fn next_correlation(&mut self) -> Correlation {
        self.next = self.next.wrapping_add(1);
        Correlation(self.next)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.list.iter().map(|node| node.in_flight.len()).sum()
    }

    /// Whether a request may be sent to a node now.
    pub(super) fn can_send(&self, at: usize, max_in_flight: u32, now: Instant) -> bool {
        let node = &self.list[at];
        let up = if self.handshakes { node.link == Link::Up } else { node.reconnect_at <= now };
        up && node.in_flight.len() < max_in_flight as usize
    }

    /// Whether a connection to a node may be opened now.
    pub(super) fn can_connect(&self, at: usize, now: Instant) -> bool {
        let node = &self.list[at];
        self.handshakes && node.link == Link::Down && node.reconnect_at <= now
    }

    /// Whether the connection to some node is being opened.
    pub(super) fn is_any_connecting(&self) -> bool {
        self.list.iter().any(|node| matches!(node.link, Link::Connecting(_)))
    }

    /// How little a node suits a request that any may answer; `None` if it cannot take one.
    fn burden(&self, at: usize, max_in_flight: u32, now: Instant) -> Option<(u8, u64)> {
        let node = &self.list[at];
        if self.can_send(at, max_in_flight, now) {
            return Some((u8::from(node.link != Link::Up), node.in_flight.len() as u64));
        }
        match node.link {
            Link::Connecting(_) => Some((2, 0)),
            Link::Down if self.can_connect(at, now) => Some((3, node.attempted_at.0)),
            Link::Down | Link::Up => None,
        }
    }

    /// The broker with the fewest requests in flight, one that is connected before one that is
    /// being connected to, that before the one that was not tried for longest, the first from
    /// `first` on among equals (`leastLoadedNode`).
    pub(super) fn least_loaded(
        &mut self,
        brokers: &[NodeId],
        first: u64,
        max_in_flight: u32,
        now: Instant,
    ) -> Option<NodeId> {
        let count = brokers.len();
        let start = usize::try_from(first % count.max(1) as u64).unwrap_or(0);
        let mut best: Option<((u8, u64), NodeId)> = None;
        for i in 0..count {
            let id = brokers[(start + i) % count];
            let at = self.at(id);
            let Some(load) = self.burden(at, max_in_flight, now) else { continue };
            if best.is_none_or(|(least, _)| load < least) {
                best = Some((load, id));
            }
        }
        best.map(|(_, id)| id)
    }

    /// When the first of these brokers may be tried again.
    pub(super) fn first_reconnect(&mut self, brokers: &[NodeId]) -> Instant {
        let mut first = Instant::FAR;
        for &id in brokers {
            let at = self.at(id);
            first = first.min(self.list[at].reconnect_at);
        }
        first
    }
}
