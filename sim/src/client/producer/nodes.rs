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

/// One broker.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) in_flight: VecDeque<InFlight>,
    /// Number of the current connection.
    pub(super) connection: u32,
    connected: bool,
    failures: u32,
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
            connected: false,
            failures: 0,
            reconnect_at: Instant(0),
            latency: None,
            drained_to: 0,
            candidates: Vec::new(),
            ready: false,
        }
    }

    /// Whether a request may be sent now.
    pub(super) fn can_send(&self, max_in_flight: u32, now: Instant) -> bool {
        self.in_flight.len() < max_in_flight as usize && self.reconnect_at <= now
    }

    /// The connection broke: the next try waits.
    pub(super) fn lost(&mut self, backoff: &Backoff, now: Instant, bits: Option<u64>) {
        self.connection = self.connection.wrapping_add(1);
        self.connected = false;
        self.reconnect_at = now + backoff.after(self.failures, bits);
        self.failures = self.failures.saturating_add(1);
    }

    /// An answer came: the connection works.
    pub(super) const fn works(&mut self) {
        self.connected = true;
        self.failures = 0;
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

    /// The broker with the fewest requests in flight, one that is connected before one that is
    /// not, the first from `first` on among equals (`leastLoadedNode`).
    pub(super) fn least_loaded(
        &mut self,
        brokers: &[NodeId],
        first: u64,
        max_in_flight: u32,
        now: Instant,
    ) -> Option<NodeId> {
        let count = brokers.len();
        let start = usize::try_from(first % count.max(1) as u64).unwrap_or(0);
        let mut best: Option<((bool, usize), NodeId)> = None;
        for i in 0..count {
            let id = brokers[(start + i) % count];
            let at = self.at(id);
            let node = &self.list[at];
            if !node.can_send(max_in_flight, now) {
                continue;
            }
            let load = (!node.connected, node.in_flight.len());
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
