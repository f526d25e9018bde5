//! Assigned partitions: positions, pauses, and which broker each may be fetched from.
//!
//! Every change of a partition goes through [`Subscriptions::refresh`], which keeps counts and
//! lists of changed partitions by broker, so that a fetch touches only what changed.

use broker_model::protocol::fetch::OffsetSpec;
use broker_model::protocol::group::CommittedOffset;
use broker_model::types::{Instant, LeaderEpoch, NodeId, Offset, PartitionId, TopicId};

/// Where a partition is on its way to being fetched (`FetchStates` in Java).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// No position yet: the committed offset is to be asked for.
    Initializing,
    /// A position is to be looked up by the reset policy.
    AwaitReset(OffsetSpec),
    /// The position is to be compared with the log of a new leader (KIP-320).
    AwaitValidation,
    /// Has a position to fetch from.
    Fetching,
}

/// A fetch position. Source: `SubscriptionState.FetchPosition`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    /// The next offset to give to the application.
    pub(super) offset: Offset,
    /// Epoch of the record before it, if known. Without it nothing is validated.
    pub(super) offset_epoch: Option<LeaderEpoch>,
    /// The leader known when the position was set or moved.
    pub(super) leader: Option<(NodeId, LeaderEpoch)>,
}

/// One assigned partition.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) partition: PartitionId,
    pub(super) topic: TopicId,
    /// Tells assignments of one partition apart.
    pub(super) stamp: u32,
    pub(super) phase: Phase,
    pub(super) position: Option<Position>,
    pub(super) paused: bool,
    /// Waits for its revocation: neither fetched nor given.
    pub(super) revoking: bool,
    /// When its position may be asked for (again).
    pub(super) retry_at: Instant,
    /// Committed as far as this consumer knows.
    pub(super) committed: Option<CommittedOffset>,
    /// High watermark, or last stable offset for `read_committed`, of the last fetch.
    pub(super) end_offset: Option<Offset>,
    /// What was last asked of a broker.
    pub(super) sent: Option<Sent>,
    /// Index of the broker that was asked.
    pub(super) sent_to: Option<usize>,
    /// Index of the broker whose fetch session holds it.
    pub(super) in_session: Option<usize>,
    /// A fetched answer for it waits.
    buffered: bool,
    /// Index of the broker it is fetchable from, as counted there.
    target: Option<usize>,
    counted_buffered: bool,
    dirty: bool,
}

/// The last entry of a partition in a fetch request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) offset: Offset,
    pub(super) epoch: Option<LeaderEpoch>,
}

/// What the fetcher must know of one broker.
#[derive(Clone, Debug)]
pub(super) struct Broker {
    pub(super) node: NodeId,
    /// Partitions fetchable from it.
    pub(super) fetchable: u32,
    /// Of these, partitions with buffered data.
    pub(super) buffered: u32,
    /// Partitions that may differ from its fetch session.
    pub(super) dirty: Vec<PartitionId>,
    /// Partitions to drop from its fetch session.
    pub(super) forgotten: Vec<PartitionId>,
    /// `session_id`, 0 for none.
    pub(super) session_id: u32,
    /// `session_epoch` of the next request.
    pub(super) session_epoch: i32,
    /// A fetch is in flight.
    pub(super) in_flight: bool,
}

const NONE: u32 = u32::MAX;

/// All assigned partitions of a consumer, in order of assignment.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscriptions {
    assigned: Vec<Assigned>,
    index: Vec<u32>,
    pub(super) brokers: Vec<Broker>,
    unsettled: u32,
    paused: u32,
    stamps: u32,
}

impl Subscriptions {
    pub(super) fn get(&self, partition: PartitionId) -> Option<&Assigned> {
        let &slot = self.index.get(partition.index())?;
        self.assigned.get(slot as usize)
    }

    fn get_mut(&mut self, partition: PartitionId) -> Option<&mut Assigned> {
        let &slot = self.index.get(partition.index())?;
        self.assigned.get_mut(slot as usize)
    }

    /// The partition as this assignment of it, if it is still that.
    pub(super) fn current(&self, partition: PartitionId, stamp: u32) -> Option<&Assigned> {
        self.get(partition).filter(|a| a.stamp == stamp)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Assigned> {
        self.assigned.iter()
    }

    pub(super) fn partitions(&self) -> Vec<PartitionId> {
        self.assigned.iter().map(|a| a.partition).collect()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.assigned.is_empty()
    }

    /// Partitions that have no position to fetch from yet.
    pub(super) const fn unsettled(&self) -> u32 {
        self.unsettled
    }

    pub(super) const fn paused(&self) -> u32 {
        self.paused
    }

    /// Replaces the assignment; what stays keeps its state.
    pub(super) fn assign(&mut self, partitions: &[(PartitionId, TopicId)]) {
        let wanted = |p: PartitionId| partitions.iter().any(|&(q, _)| q == p);
        let gone: Vec<_> =
            self.assigned.iter().map(|a| a.partition).filter(|&p| !wanted(p)).collect();
        for partition in gone {
            self.change(partition, |a| a.phase = Phase::Initializing);
            self.change(partition, |a| {
                a.paused = false;
                a.buffered = false;
            });
        }
        self.assigned.retain(|a| wanted(a.partition));
        for &(partition, topic) in partitions {
            if !self.assigned.iter().any(|a| a.partition == partition) {
                self.stamps = self.stamps.wrapping_add(1);
                self.assigned.push(Assigned::new(partition, topic, self.stamps));
            }
        }
        self.index.fill(NONE);
        for (slot, a) in self.assigned.iter().enumerate() {
            let at = a.partition.index();
            if self.index.len() <= at {
                self.index.resize(at + 1, NONE);
            }
            self.index[at] = u32::try_from(slot).expect("fewer than 2^32 partitions");
        }
        let settled = |a: &&Assigned| a.phase != Phase::Fetching;
        let unsettled = self.assigned.iter().filter(settled).count();
        self.unsettled = u32::try_from(unsettled).expect("fewer than 2^32 partitions");
    }

    /// Changes a partition and brings counts and lists up to date. The only way to
    /// change what they depend on.
    pub(super) fn change(&mut self, partition: PartitionId, f: impl FnOnce(&mut Assigned)) {
        let Some(assigned) = self.get_mut(partition) else { return };
        let (was_settled, was_paused) = (assigned.phase == Phase::Fetching, assigned.paused);
        f(assigned);
        let (settled, paused) = (assigned.phase == Phase::Fetching, assigned.paused);
        match (was_settled, settled) {
            (true, false) => self.unsettled += 1,
            (false, true) => self.unsettled -= 1,
            _ => {}
        }
        match (was_paused, paused) {
            (false, true) => self.paused += 1,
            (true, false) => self.paused -= 1,
            _ => {}
        }
        self.refresh(partition);
    }

    /// Notes the end of the log; nothing depends on it.
    pub(super) fn set_end_offset(&mut self, partition: PartitionId, end: Offset) {
        if let Some(assigned) = self.get_mut(partition) {
            assigned.end_offset = Some(end);
        }
    }

    /// Marks that a fetched answer for the partition waits, or waits no more.
    pub(super) fn set_buffered(&mut self, partition: PartitionId, stamp: u32, buffered: bool) {
        if self.current(partition, stamp).is_some() {
            self.change(partition, |a| a.buffered = buffered);
        }
    }

    fn refresh(&mut self, partition: PartitionId) {
        let Some(a) = self.get(partition) else { return };
        let leader = a.position.and_then(|p| p.leader);
        let target = match leader {
            Some((node, _)) if a.is_fetchable() => Some(self.broker(node)),
            _ => None,
        };
        let slot = self.index[partition.index()] as usize;
        let (a, brokers) = (&mut self.assigned[slot], &mut self.brokers);
        if a.target != target || a.counted_buffered != (a.buffered && target.is_some()) {
            if let Some(old) = a.target {
                brokers[old].fetchable -= 1;
                brokers[old].buffered -= u32::from(a.counted_buffered);
            }
            a.counted_buffered = a.buffered && target.is_some();
            if let Some(new) = target {
                brokers[new].fetchable += 1;
                brokers[new].buffered += u32::from(a.counted_buffered);
            }
            if a.target != target {
                a.dirty = false;
            }
            a.target = target;
        }
        if let Some(old) = a.in_session.filter(|_| a.in_session != target) {
            brokers[old].forgotten.push(partition);
            a.in_session = None;
        }
        if let Some(new) = target
            && !a.dirty
            && (a.in_session.is_none() || a.sent != a.wanted())
        {
            a.dirty = true;
            brokers[new].dirty.push(partition);
        }
    }

    /// The index of a broker, new or known.
    fn broker(&mut self, node: NodeId) -> usize {
        if let Some(at) = self.brokers.iter().position(|b| b.node == node) {
            return at;
        }
        self.brokers.push(Broker::new(node));
        self.brokers.len() - 1
    }

    /// Takes the partitions that differ from the broker's session (all of them for a full
    /// fetch) and those to forget, and counts them as sent.
    pub(super) fn take_changes(
        &mut self,
        broker: usize,
        full: bool,
        changed: &mut Vec<(PartitionId, Sent)>,
    ) -> Vec<PartitionId> {
        let mut dirty = std::mem::take(&mut self.brokers[broker].dirty);
        let mut forgotten = std::mem::take(&mut self.brokers[broker].forgotten);
        if full {
            forgotten.clear();
            dirty.clear();
            let all = self.assigned.iter().filter(|a| a.target == Some(broker));
            dirty.extend(all.map(|a| a.partition));
        }
        for &partition in &dirty {
            let Some(a) = self.get_mut(partition) else { continue };
            if a.target != Some(broker) || !(a.dirty || full) {
                continue;
            }
            let Some(wanted) = a.wanted() else { continue };
            let known = a.in_session == Some(broker) && a.sent == Some(wanted);
            a.dirty = false;
            a.in_session = Some(broker);
            a.sent = Some(wanted);
            a.sent_to = Some(broker);
            if let Some(at) = forgotten.iter().position(|&p| p == partition) {
                forgotten.swap_remove(at);
            }
            if full || !known {
                changed.push((partition, wanted));
            }
        }
        dirty.clear();
        self.brokers[broker].dirty = dirty;
        forgotten
    }
}

impl Assigned {
    const fn new(partition: PartitionId, topic: TopicId, stamp: u32) -> Self {
        Self {
            partition,
            topic,
            stamp,
            phase: Phase::Initializing,
            position: None,
            paused: false,
            revoking: false,
            retry_at: Instant(0),
            committed: None,
            end_offset: None,
            sent: None,
            sent_to: None,
            in_session: None,
            buffered: false,
            target: None,
            counted_buffered: false,
            dirty: false,
        }
    }

    /// Whether records of it may be fetched and given (`isFetchable`).
    pub(super) const fn is_fetchable(&self) -> bool {
        matches!(self.phase, Phase::Fetching) && !self.paused && !self.revoking
    }

    /// What a fetch would ask for.
    fn wanted(&self) -> Option<Sent> {
        self.position.map(|p| Sent { offset: p.offset, epoch: p.leader.map(|(_, epoch)| epoch) })
    }
}

impl Broker {
    const fn new(node: NodeId) -> Self {
        Self {
            node,
            fetchable: 0,
            buffered: 0,
            dirty: Vec::new(),
            forgotten: Vec::new(),
            session_id: 0,
            session_epoch: 0,
            in_flight: false,
        }
    }
}
