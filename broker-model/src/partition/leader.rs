//! What a leader knows of its followers.

use alloc::vec::Vec;

use super::alter::Pending;
use super::high_watermark::{HoldsBack, high_watermark};
use super::historic::{counts_when_committed, may_join_at_high_watermark};
use super::isr::{effective_min_isr, is_caught_up, may_join};
use super::replica::{Replica, Role};
use crate::records::PartitionRecord;
use crate::rules::{HwIsr, IsrAdmitsFenced, IsrExpand, IsrJoinRequiresLeso, Rules};
use crate::types::{BrokerEpoch, Duration, Instant, LeaderEpoch, NodeId, Offset, PartitionEpoch};

/// The state of a leadership.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leader {
    /// The leader epoch.
    pub leader_epoch: LeaderEpoch,
    /// The log end offset when the epoch began.
    pub epoch_start: Offset,
    /// Version of the partition's metadata this leader knows.
    pub partition_epoch: PartitionEpoch,
    /// The ISR as the controller confirmed it, the leader included.
    pub isr: Vec<NodeId>,
    /// The other replicas, in assignment order.
    pub remotes: Vec<RemoteReplica>,
    /// A change of the ISR that the controller has not answered yet.
    pub pending: Option<Pending>,
    /// Elected uncleanly and not yet recovered.
    pub recovering: bool,
}

/// A follower as its leader knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoteReplica {
    /// The follower.
    pub node: NodeId,
    /// The offset of its last fetch; [`Offset::NONE`] before the first in this leader epoch.
    pub log_end_offset: Offset,
    /// Its log start offset.
    pub log_start_offset: Offset,
    /// When it last had all records the leader had; `None` is "not in this epoch".
    pub last_caught_up: Option<Instant>,
    /// Its broker epoch as of its last fetch; -1 if it did not say.
    pub broker_epoch: BrokerEpoch,
    /// Whether metadata lets it into an ISR: not fenced, not shutting down.
    pub eligible: bool,
    /// Its broker epoch as of the metadata while it is not fenced, else -1.
    registered: BrokerEpoch,
    /// In the committed ISR.
    in_isr: bool,
    last_fetch: Instant,
    leader_end_at_last_fetch: Offset,
}

impl RemoteReplica {
    fn new(node: NodeId) -> Self {
        Self {
            node,
            log_end_offset: Offset::NONE,
            log_start_offset: Offset::NONE,
            last_caught_up: None,
            broker_epoch: BrokerEpoch(-1),
            eligible: true,
            registered: BrokerEpoch(-1),
            in_isr: false,
            last_fetch: Instant::default(),
            leader_end_at_last_fetch: Offset::ZERO,
        }
    }

    /// Whether its last fetch was of the process that is registered now, as far as both are known:
    /// what an earlier process had says nothing. Source: KIP-903.
    fn is_of_registered_process(&self) -> bool {
        self.registered.0 < 0 || self.broker_epoch.0 < 0 || self.registered == self.broker_epoch
    }

    /// Whether metadata and the process that fetches allow it into an ISR. Source: Kafka,
    /// `Partition.isReplicaIsrEligible`.
    fn may_be_in_isr(&self, rules: &Rules) -> bool {
        let eligible = self.eligible || rules.isr_admits_fenced == IsrAdmitsFenced::On;
        eligible && self.is_of_registered_process()
    }

    /// Whether it is in the ISR that the controller confirmed.
    #[must_use]
    pub fn in_isr(&self) -> bool {
        self.in_isr
    }
}

/// What became of a follower's fetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FollowerFetch {
    /// Taken in; `moved` if its log end offset changed.
    Recorded {
        /// Whether the high watermark may move.
        moved: bool,
    },
    /// That broker is no replica of the partition, or this one does not lead it.
    NotReplica,
    /// From an earlier process of a broker that is registered and not fenced (KIP-903).
    StaleBrokerEpoch,
}

impl Leader {
    pub(super) fn new(now: Instant, record: &PartitionRecord, me: NodeId, start: Offset) -> Self {
        let mut leader = Self {
            leader_epoch: record.leader_epoch,
            epoch_start: start,
            partition_epoch: record.partition_epoch,
            isr: Vec::new(),
            remotes: Vec::new(),
            pending: None,
            recovering: record.recovering,
        };
        leader.take_metadata(record, me);
        // Members of the ISR have `replica.lag.time.max.ms` to fetch for the first time.
        for remote in &mut leader.remotes {
            remote.last_caught_up = remote.in_isr.then_some(now);
        }
        leader
    }

    /// A change of the same leader epoch: ISR, replicas, partition epoch.
    pub(super) fn take_metadata(&mut self, record: &PartitionRecord, me: NodeId) {
        let old = core::mem::take(&mut self.remotes);
        self.remotes = record
            .replicas
            .iter()
            .filter(|&&node| node != me)
            .map(|&node| {
                old.iter().find(|r| r.node == node).copied().unwrap_or(RemoteReplica::new(node))
            })
            .collect();
        self.partition_epoch = record.partition_epoch;
        self.recovering = record.recovering;
        self.pending = None;
        self.set_isr(&record.isr);
    }

    pub(super) fn set_isr(&mut self, isr: &[NodeId]) {
        self.isr.clear();
        self.isr.extend_from_slice(isr);
        for remote in &mut self.remotes {
            remote.in_isr = isr.contains(&remote.node);
        }
    }

    /// A follower's state, if it is a replica.
    #[must_use]
    pub fn remote(&self, node: NodeId) -> Option<&RemoteReplica> {
        self.remotes.iter().find(|r| r.node == node)
    }

    /// Whether the follower counts in the maximal ISR: the committed one plus whoever is
    /// asked for and not refused yet.
    #[must_use]
    pub fn in_maximal_isr(&self, remote: &RemoteReplica) -> bool {
        remote.in_isr || self.pending.as_ref().is_some_and(|p| p.joining == Some(remote.node))
    }
}

impl Replica {
    /// Takes in a follower's fetch, which says what it has. The caller then asks
    /// [`Replica::isr_expand_candidate`] and, if the follower's end moved,
    /// [`Replica::maybe_advance_high_watermark`], in this order.
    pub fn record_follower_fetch(
        &mut self,
        now: Instant,
        follower: NodeId,
        broker_epoch: BrokerEpoch,
        fetch_offset: Offset,
        log_start_offset: Offset,
    ) -> FollowerFetch {
        let leader_end = self.log.log_end_offset();
        let Role::Leader(leader) = &mut self.role else { return FollowerFetch::NotReplica };
        let Some(remote) = leader.remotes.iter_mut().find(|r| r.node == follower) else {
            return FollowerFetch::NotReplica;
        };
        if broker_epoch.0 >= 0 && broker_epoch < remote.registered {
            return FollowerFetch::StaleBrokerEpoch;
        }
        // With all the records there were at its previous fetch, it was caught up then.
        let caught_up = if fetch_offset >= leader_end {
            Some(now)
        } else if fetch_offset >= remote.leader_end_at_last_fetch
            && remote.log_end_offset != Offset::NONE
        {
            Some(remote.last_fetch)
        } else {
            None
        };
        let moved = remote.log_end_offset != fetch_offset;
        remote.last_caught_up = remote.last_caught_up.max(caught_up);
        remote.log_end_offset = fetch_offset;
        remote.log_start_offset = remote.log_start_offset.max(log_start_offset);
        remote.broker_epoch = broker_epoch;
        remote.last_fetch = now;
        remote.leader_end_at_last_fetch = leader_end;
        FollowerFetch::Recorded { moved }
    }

    /// Moves a leader's high watermark if it can. Call it after each append, follower fetch
    /// and change of the ISR. Says whether it moved.
    pub fn maybe_advance_high_watermark(
        &mut self,
        now: Instant,
        lag_max: Duration,
        rules: &Rules,
    ) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let leader_end = self.log.log_end_offset();
        if self.high_watermark == leader_end {
            return false;
        }
        let followers = leader.remotes.iter().map(|r| HoldsBack {
            log_end_offset: r.log_end_offset,
            counts: match rules.hw_isr {
                HwIsr::Maximal => {
                    let (end, caught_up) = (r.log_end_offset, r.last_caught_up);
                    leader.in_maximal_isr(r)
                        || r.may_be_in_isr(rules)
                            && is_caught_up(leader_end, end, caught_up, now, lag_max)
                }
                HwIsr::CommittedOnly => counts_when_committed(r),
            },
        });
        let to =
            high_watermark(rules, self.high_watermark, leader_end, followers, self.under_min_isr());
        self.set_high_watermark(to)
    }

    /// Whether the committed ISR is smaller than `min.insync.replicas`: `acks=all` is refused
    /// and the high watermark stays. False for a replica that does not lead.
    #[must_use]
    pub fn under_min_isr(&self) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let min = self.log.config().min_insync_replicas;
        leader.isr.len() < effective_min_isr(min, leader.remotes.len() + 1)
    }

    /// Members of the ISR that lag too far behind; none while a change is pending.
    #[must_use]
    pub fn isr_shrink_candidates(&self, now: Instant, lag_max: Duration) -> Vec<NodeId> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        if leader.pending.is_some() {
            return Vec::new();
        }
        let leader_end = self.log.log_end_offset();
        leader
            .remotes
            .iter()
            .filter(|r| {
                r.in_isr
                    && !is_caught_up(leader_end, r.log_end_offset, r.last_caught_up, now, lag_max)
            })
            .map(|r| r.node)
            .collect()
    }

    /// Whether this follower may be added to the ISR now; never while a change is pending.
    #[must_use]
    pub fn isr_expand_candidate(&self, follower: NodeId, rules: &Rules) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        if leader.pending.is_some() || rules.isr_expand == IsrExpand::Never {
            return false;
        }
        let reaches = |end| match rules.isr_join_requires_leso {
            IsrJoinRequiresLeso::On => may_join(end, self.high_watermark, leader.epoch_start),
            IsrJoinRequiresLeso::Off => may_join_at_high_watermark(end, self.high_watermark),
        };
        let remote = leader.remote(follower);
        remote.is_some_and(|r| !r.in_isr && r.may_be_in_isr(rules) && reaches(r.log_end_offset))
    }

    /// Metadata says whether this follower may be in an ISR: not fenced, not shutting down.
    pub fn set_eligible(&mut self, follower: NodeId, eligible: bool) {
        if let Role::Leader(leader) = &mut self.role
            && let Some(remote) = leader.remotes.iter_mut().find(|r| r.node == follower)
        {
            remote.eligible = eligible;
        }
    }

    /// Metadata names the process of a follower that is registered and not fenced, -1 for none.
    pub fn set_registered(&mut self, follower: NodeId, epoch: BrokerEpoch) {
        if let Role::Leader(leader) = &mut self.role
            && let Some(remote) = leader.remotes.iter_mut().find(|r| r.node == follower)
        {
            remote.registered = epoch;
        }
    }

    /// The smallest log start offset of the replicas that are alive, for `DeleteRecords`;
    /// [`Offset::NONE`] while one of them has not told its own.
    #[must_use]
    pub fn low_watermark(&self) -> Offset {
        let own = self.log.log_start_offset();
        let Role::Leader(leader) = &self.role else { return own };
        let alive = leader.remotes.iter().filter(|r| r.eligible);
        alive.map(|r| r.log_start_offset).fold(own, Offset::min)
    }
}
