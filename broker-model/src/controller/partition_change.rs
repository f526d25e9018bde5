//! One change of one partition: the new ISR and ELR, and whom that makes leader.
//!
//! Source: KIP-966 (eligible leader replicas, last known leader); Kafka documentation,
//! "Replicated Logs: Quorums, ISRs, and State Machines".

use alloc::vec;
use alloc::vec::Vec;

use crate::records::{PartitionRecord, directories_of};
use crate::rules::{Electable, ElectionEpoch, Rules};
use crate::types::{DirectoryId, LeaderEpoch, NodeId};

/// How far an election may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Election {
    /// Keep the leader if it may lead, else the first eligible replica.
    Online,
    /// The first assigned replica before the present leader.
    Preferred,
    /// As `Online`, and if none is eligible the first live replica.
    Unclean,
}

/// A wish for a partition; [`Change::build`] makes a record of it.
#[derive(Clone, Debug)]
pub(super) struct Change<'a> {
    old: &'a PartitionRecord,
    election: Election,
    replicas: Vec<NodeId>,
    adding: Vec<NodeId>,
    removing: Vec<NodeId>,
    isr: Vec<NodeId>,
    lost_its_log: Option<NodeId>,
    min_isr: usize,
    elr_enabled: bool,
    recovering: bool,
    /// Replicas whose log directory is another one from now on.
    placed: Vec<(NodeId, DirectoryId)>,
}

impl<'a> Change<'a> {
    /// No change yet. `min_isr` is the effective one of the topic.
    pub(super) fn of(old: &'a PartitionRecord, min_isr: usize, elr_enabled: bool) -> Self {
        Self {
            old,
            election: Election::Online,
            replicas: old.replicas.clone(),
            adding: old.adding.clone(),
            removing: old.removing.clone(),
            isr: old.isr.clone(),
            lost_its_log: None,
            min_isr,
            elr_enabled,
            recovering: old.recovering,
            placed: Vec::new(),
        }
    }

    /// As in a cluster without eligible leader replicas.
    pub(super) const fn without_elr(mut self) -> Self {
        self.elr_enabled = false;
        self
    }

    pub(super) const fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    pub(super) fn isr(mut self, isr: Vec<NodeId>) -> Self {
        self.isr = isr;
        self
    }

    pub(super) fn without(mut self, broker: NodeId) -> Self {
        self.isr.retain(|r| *r != broker);
        self
    }

    /// The broker came back from an unclean shutdown: it may lack what it had (KIP-966).
    pub(super) fn lost_its_log(mut self, broker: NodeId) -> Self {
        self.lost_its_log = Some(broker);
        self.without(broker)
    }

    /// Other replicas, some of them being added or on their way out. An empty list leaves
    /// what an earlier reassignment was doing: so a replica can be both (as Kafka has it).
    pub(super) fn reassigning(
        mut self,
        replicas: Vec<NodeId>,
        adding: Vec<NodeId>,
        removing: Vec<NodeId>,
    ) -> Self {
        self.replicas = replicas;
        if !adding.is_empty() {
            self.adding = adding;
        }
        if !removing.is_empty() {
            self.removing = removing;
        }
        self
    }

    /// Other replicas, and no reassignment any more.
    pub(super) fn settled(mut self, replicas: Vec<NodeId>) -> Self {
        self.replicas = replicas;
        self.adding.clear();
        self.removing.clear();
        self
    }

    pub(super) const fn recovering(mut self, recovering: bool) -> Self {
        self.recovering = recovering;
        self
    }

    /// These replicas are in these log directories (KIP-858).
    pub(super) fn placed(mut self, placed: Vec<(NodeId, DirectoryId)>) -> Self {
        self.placed = placed;
        self
    }

    fn directories(&self, replicas: &[NodeId]) -> Vec<DirectoryId> {
        let unmoved = |placed: &(NodeId, DirectoryId)| placed.1 == DirectoryId::first(placed.0);
        if self.old.directories.is_empty() && self.placed.iter().all(unmoved) {
            return Vec::new();
        }
        directories_of(replicas, |node| {
            let placed = self.placed.iter().find(|placed| placed.0 == node);
            placed.map_or_else(|| self.old.directory(node), |placed| placed.1)
        })
    }

    /// The record, or `None` if nothing changes. `live` says who may lead.
    pub(super) fn build(
        mut self,
        live: &dyn Fn(NodeId) -> bool,
        rules: &Rules,
    ) -> Option<PartitionRecord> {
        let old = self.old;
        self.complete_reassignment();
        let mut new = old.clone();
        new.eligible_leader_replicas = self.next_elr();
        new.recovering = self.recovering;
        let (leader, unclean) = self.elect(&new.eligible_leader_replicas, live, rules);
        new.directories = self.directories(&self.replicas);
        new.isr = self.isr;
        new.replicas = self.replicas;
        new.adding = self.adding;
        new.removing = self.removing;
        new.leader = leader;
        if let Some(leader) = leader {
            if unclean {
                new.isr = vec![leader];
                new.eligible_leader_replicas.clear();
                new.recovering = true;
            } else if !new.isr.contains(&leader) {
                new.isr = vec![leader];
                new.eligible_leader_replicas.retain(|r| *r != leader);
            }
        } else if new.isr.is_empty() && !self.elr_enabled {
            // Without ELR the ISR itself remembers who may lead again.
            new.isr.clone_from(&old.isr);
        }
        if leader.is_some() {
            new.last_known_elr.clear();
        } else if self.elr_enabled && new.isr.is_empty() && !old.isr.is_empty() {
            new.last_known_elr = old.leader.into_iter().collect();
        }
        new.leader_epoch = leader_epoch(old, leader, &new.replicas, rules);
        if new == *old {
            return None;
        }
        new.partition_epoch = old.partition_epoch.next();
        Some(new)
    }

    /// A reassignment ends once all replicas it leaves are in sync, also one it keeps.
    fn complete_reassignment(&mut self) {
        if self.adding.is_empty() && self.removing.is_empty() {
            return;
        }
        let stays = |r: &NodeId| !self.removing.contains(r);
        let complete = self.replicas.iter().filter(|r| stays(r)).all(|r| self.isr.contains(r));
        if complete && self.replicas.iter().any(stays) {
            self.replicas.retain(stays);
            self.isr.retain(stays);
            self.adding.clear();
            self.removing.clear();
        }
    }

    /// Who leaves an ISR that is below the minimum stays eligible: with strict min ISR the
    /// high watermark cannot have passed it. So does who is no replica any more: Kafka does not
    /// look. Source: Kafka, `PartitionChangeBuilder.maybePopulateTargetElr`.
    fn next_elr(&self) -> Vec<NodeId> {
        if !self.elr_enabled || self.isr.len() >= self.min_isr {
            return Vec::new();
        }
        let mut elr: Vec<NodeId> = self.old.eligible_leader_replicas.clone();
        elr.extend(self.old.isr.iter().filter(|r| !self.old.eligible_leader_replicas.contains(r)));
        elr.retain(|r| !self.isr.contains(r) && self.lost_its_log != Some(*r));
        elr.sort_unstable();
        elr
    }

    /// The leader, and whether it was elected from outside ISR and ELR.
    fn elect(
        &self,
        elr: &[NodeId],
        live: &dyn Fn(NodeId) -> bool,
        rules: &Rules,
    ) -> (Option<NodeId>, bool) {
        let eligible = |r: NodeId| {
            live(r) && (self.isr.contains(&r) || (self.isr.is_empty() && elr.contains(&r)))
        };
        let replicas = &self.replicas;
        let preferred = replicas.first().copied().filter(|_| self.election == Election::Preferred);
        let clean = preferred
            .filter(|r| eligible(*r))
            .or(self.old.leader.filter(|r| eligible(*r)))
            .or_else(|| replicas.iter().copied().find(|r| eligible(*r)));
        if clean.is_some() {
            return (clean, false);
        }
        let last_known = self.last_known_leader(elr).filter(|r| live(*r));
        if last_known.is_some() {
            return (last_known, true);
        }
        let unclean_allowed = match rules.electable {
            Electable::InSync => self.election == Election::Unclean,
            Electable::AnyLive => true,
        };
        let unclean = replicas.iter().copied().find(|r| unclean_allowed && live(*r));
        (unclean, unclean.is_some())
    }

    /// When nobody is eligible any more, the leader of the last ISR may come back by itself.
    fn last_known_leader(&self, elr: &[NodeId]) -> Option<NodeId> {
        let nobody_left = self.elr_enabled && self.isr.is_empty() && elr.is_empty();
        match self.old.last_known_elr.as_slice() {
            [leader] if nobody_left => Some(*leader),
            _ => None,
        }
    }
}

/// It rises when the leader is lost and again at the election, and whenever a replica goes,
/// so that it cannot come back under the same epoch.
fn leader_epoch(
    old: &PartitionRecord,
    leader: Option<NodeId>,
    replicas: &[NodeId],
    rules: &Rules,
) -> LeaderEpoch {
    let removed = old.replicas.iter().any(|r| !replicas.contains(r));
    if leader == old.leader && !removed {
        return old.leader_epoch;
    }
    match rules.election_epoch {
        ElectionEpoch::Bump => old.leader_epoch.next(),
        ElectionEpoch::Reuse => old.leader_epoch,
        ElectionEpoch::Fall if old.leader_epoch.0 > 0 => LeaderEpoch(old.leader_epoch.0 - 1),
        ElectionEpoch::Fall => old.leader_epoch.next(),
    }
}
