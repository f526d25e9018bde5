//! Requests in flight and the state of connections.

use broker_model::protocol::Request;
use broker_model::types::{Duration, Instant, NodeId};

use super::event::CommitId;
use crate::client::{Backoff, ClientContext, ClientOutput, Correlation};

/// Which of the two connections to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Channel {
    /// For fetches, offsets and metadata.
    Main,
    /// For the group coordinator.
    Coordinator,
}

/// What a request was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Metadata,
    FindCoordinator,
    /// A fetch of the broker with this index.
    Fetch(usize),
    /// Closes a fetch session; nobody waits.
    EndSession,
    ListOffsets,
    OffsetForLeaderEpoch,
    OffsetFetch,
    JoinGroup,
    SyncGroup,
    Heartbeat,
    /// `ConsumerGroupHeartbeat` (KIP-848).
    MemberHeartbeat,
    /// By either protocol; nobody waits.
    LeaveGroup,
    Commit(CommitId),
}

/// A request without an answer so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) correlation: Correlation,
    pub(super) node: NodeId,
    pub(super) channel: Channel,
    pub(super) purpose: Purpose,
    pub(super) deadline: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    node: NodeId,
    channel: Channel,
    failures: u32,
    until: Instant,
}

/// Requests in flight, in order of sending, and connections in their reconnect backoff.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    next: u32,
    in_flight: Vec<InFlight>,
    links: Vec<Link>,
    /// Connections that have brought an answer since they were opened.
    connected: Vec<(NodeId, Channel)>,
    backoff: Backoff,
}

impl Requests {
    pub(super) const fn new(backoff: Backoff) -> Self {
        Self { next: 0, in_flight: Vec::new(), links: Vec::new(), connected: Vec::new(), backoff }
    }

    /// Sends and remembers.
    pub(super) fn send(
        &mut self,
        cx: &mut ClientContext<'_>,
        (channel, to): (Channel, NodeId),
        purpose: Purpose,
        timeout: Duration,
        request: Request,
    ) -> Correlation {
        let correlation = Correlation(self.next);
        self.next = self.next.wrapping_add(1);
        let deadline = cx.now.instant + timeout;
        self.in_flight.push(InFlight { correlation, node: to, channel, purpose, deadline });
        let api_version = api_version(&request);
        cx.outputs.push(match channel {
            Channel::Main => ClientOutput::Send { to, correlation, api_version, request },
            Channel::Coordinator => {
                ClientOutput::SendToCoordinator { to, correlation, api_version, request }
            }
        });
        correlation
    }

    /// The request behind an answer, once; `None` when it was given up before.
    pub(super) fn take(&mut self, correlation: Correlation) -> Option<InFlight> {
        let at = self.in_flight.iter().position(|r| r.correlation == correlation)?;
        Some(self.in_flight.remove(at))
    }

    /// A request that is overdue: `request.timeout.ms` has passed.
    pub(super) fn overdue(&self, now: Instant) -> Option<(Channel, NodeId)> {
        self.in_flight.iter().find(|r| r.deadline < now).map(|r| (r.channel, r.node))
    }

    /// Closes a connection; returns what was in flight on it, in order.
    pub(super) fn close(
        &mut self,
        cx: &mut ClientContext<'_>,
        channel: Channel,
        to: NodeId,
    ) -> Vec<InFlight> {
        cx.outputs.push(match channel {
            Channel::Main => ClientOutput::Close { to },
            Channel::Coordinator => ClientOutput::CloseCoordinator { to },
        });
        self.connected.retain(|&link| link != (to, channel));
        let on_it = |r: &InFlight| r.channel == channel && r.node == to;
        let lost = self.in_flight.iter().copied().filter(on_it).collect();
        self.in_flight.retain(|r| !on_it(r));
        lost
    }

    /// The earliest instant at which a request is overdue.
    pub(super) fn next_deadline(&self) -> Instant {
        let first = self.in_flight.iter().map(|r| r.deadline).min();
        first.map_or(Instant::FAR, |at| at + 1)
    }

    pub(super) fn is_waiting_for(&self, purpose: Purpose) -> bool {
        self.in_flight.iter().any(|r| r.purpose == purpose)
    }

    /// A connection broke: it may be opened again after `reconnect.backoff.ms`.
    pub(super) fn disconnected(
        &mut self,
        cx: &mut ClientContext<'_>,
        channel: Channel,
        node: NodeId,
    ) {
        let now = cx.now.instant;
        self.connected.retain(|&link| link != (node, channel));
        let known = self.links.iter().position(|l| l.node == node && l.channel == channel);
        let at = known.unwrap_or_else(|| {
            self.links.push(Link { node, channel, failures: 0, until: Instant(0) });
            self.links.len() - 1
        });
        let link = &mut self.links[at];
        // Several requests fail with one connection: that is one failure.
        if link.until > now {
            return;
        }
        link.until = now + self.backoff.after(link.failures, Some(cx.draws.bits()));
        link.failures = link.failures.saturating_add(1);
    }

    /// An answer came over a connection.
    pub(super) fn connected(&mut self, channel: Channel, node: NodeId) {
        if !self.connected.contains(&(node, channel)) {
            self.connected.push((node, channel));
            self.links.retain(|l| l.node != node || l.channel != channel);
        }
    }

    /// When the connection may be used: now or earlier when it is not in backoff.
    pub(super) fn usable_at(&self, channel: Channel, node: NodeId) -> Instant {
        let link = self.links.iter().find(|l| l.node == node && l.channel == channel);
        link.map_or(Instant(0), |l| l.until)
    }

    /// The node with the fewest requests in flight among those not in backoff; connected ones
    /// come first, equals are drawn from (`leastLoadedNode`).
    pub(super) fn least_loaded(
        &self,
        cx: &mut ClientContext<'_>,
        nodes: &[NodeId],
    ) -> Option<NodeId> {
        let now = cx.now.instant;
        let n = nodes.len();
        if n == 0 {
            return None;
        }
        let start = usize::try_from(cx.draws.below(n as u64)).expect("below a usize");
        (0..n)
            .map(|i| nodes[(start + i) % n])
            .filter(|&node| self.usable_at(Channel::Main, node) <= now)
            .min_by_key(|&node| {
                let on_it = |r: &&InFlight| r.node == node && r.channel == Channel::Main;
                let idle = !self.connected.contains(&(node, Channel::Main));
                (idle, self.in_flight.iter().filter(on_it).count())
            })
    }

    /// The earliest instant at which one of the nodes is usable again.
    pub(super) fn any_usable_at(&self, nodes: &[NodeId]) -> Instant {
        let at = nodes.iter().map(|&node| self.usable_at(Channel::Main, node)).min();
        at.unwrap_or(Instant::FAR)
    }
}

/// What the 4.1 consumer speaks to a 4.1 broker.
const fn api_version(request: &Request) -> i16 {
    match request {
        Request::Fetch(_) => 17,
        Request::ListOffsets(_) => 10,
        Request::OffsetForLeaderEpoch(_) | Request::Heartbeat(_) => 4,
        Request::Metadata(_) => 13,
        Request::FindCoordinator(_) => 6,
        Request::JoinGroup(_) | Request::OffsetCommit(_) | Request::OffsetFetch(_) => 9,
        Request::SyncGroup(_) | Request::LeaveGroup(_) => 5,
        Request::ConsumerGroupHeartbeat(_) => 1,
        _ => 0,
    }
}
