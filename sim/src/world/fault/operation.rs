//! What an administrator does: partitions get other replicas, leaders are elected by hand, brokers
//! join. It lasts until it is done.

use broker_model::protocol::Request;
use broker_model::protocol::controller::{
    AlterPartitionReassignmentsRequest, ElectLeadersRequest, ElectionType,
};
use broker_model::types::{NodeId, PartitionId};
use reports::summary::FaultEnd;
use scenarios::model::{FaultKind, ReplicaList, Target};

use super::Active;
use crate::prng::scale;
use crate::world::World;

/// A partition and the replicas it shall have.
pub(super) type Move = (PartitionId, Vec<NodeId>);

impl World {
    /// What a reassignment asks for: each partition of the target that has other replicas now.
    /// Lists that are not in the scenario are drawn by `choice`.
    pub(super) fn moves_of(&self, kind: FaultKind, target: &Target, choice: u64) -> Vec<Move> {
        let FaultKind::Reassign { replicas, .. } = kind else { return Vec::new() };
        let partitions = self.partitions_of(target).into_iter().enumerate();
        let moves = partitions.filter_map(|(place, partition)| {
            let record = self.image().partition(partition)?;
            let settled = record.replicas.len() - record.removing.len();
            let list = match replicas {
                Some(list) => listed(&list, place),
                None => self.drawn_replicas(settled, choice, place),
            };
            (record.replicas != list).then_some((partition, list))
        });
        moves.collect()
    }

    pub(super) fn partitions_of(&self, target: &Target) -> Vec<PartitionId> {
        let image = self.image();
        match target {
            Target::Partition { topic, partition } => {
                self.partition_named(topic, *partition).into_iter().collect()
            }
            Target::Topic(topic) => image
                .topic_by_name(topic)
                .and_then(|id| image.topic(id))
                .map_or_else(Vec::new, |topic| topic.partitions.clone()),
            _ => Vec::new(),
        }
    }

    /// So many neighbors in the circle of the brokers that are there, from a drawn one on.
    fn drawn_replicas(&self, count: usize, choice: u64, place: usize) -> Vec<NodeId> {
        let there = self.nodes.iter().filter(|node| node.broker().is_some() && !node.is_absent());
        let brokers: Vec<NodeId> = there.map(|node| node.id).collect();
        let first = scale(choice, brokers.len() as u64) as usize + place;
        (0..count.min(brokers.len())).map(|i| brokers[(first + i) % brokers.len()]).collect()
    }

    /// Asks for all moves. The controller adds the new replicas and takes the old ones out by
    /// itself when the new ones are in sync.
    pub(super) fn reassign(&mut self, moves: &[Move]) {
        for (partition, replicas) in moves {
            let request = AlterPartitionReassignmentsRequest {
                partition: *partition,
                replicas: Some(replicas.clone()),
                allow_replication_factor_change: true,
            };
            self.send_as_administrator(Request::AlterPartitionReassignments(request));
        }
    }

    /// The administrator looks whether what it asked for is done.
    pub(in crate::world) fn end_what_is_done(&mut self) {
        if self.faults.running == 0 {
            return;
        }
        let in_force = self.plan.faults.iter().zip(&self.faults.active).enumerate();
        let done = in_force.filter_map(|(number, (planned, active))| {
            let active = active.as_ref()?;
            let done = self.is_done(planned.fault.kind, &planned.fault.target, active)?;
            done.then_some(number)
        });
        for number in done.collect::<Vec<_>>() {
            self.end_fault(number, FaultEnd::Done);
        }
    }

    /// What is to be said of an end: what lasts until it is done may end before.
    pub(super) fn told_end(&self, number: usize, active: &Active, end: FaultEnd) -> FaultEnd {
        let fault = &self.plan.faults[number].fault;
        match self.is_done(fault.kind, &fault.target, active) {
            None => end,
            Some(true) => FaultEnd::Done,
            Some(false) => FaultEnd::NotDone,
        }
    }

    /// Whether a task is done; `None` for what is no task but lasts its time.
    fn is_done(&self, kind: FaultKind, target: &Target, active: &Active) -> Option<bool> {
        let done = match kind {
            FaultKind::Reassign { .. } => active.moves.iter().all(|(partition, replicas)| {
                self.image().partition(*partition).is_none_or(|record| {
                    let moving = !record.adding.is_empty() || !record.removing.is_empty();
                    record.replicas == *replicas && !moving
                })
            }),
            FaultKind::LeaderMove { .. } => self.epoch_to_move(kind, target) != active.moved_from,
            FaultKind::UncleanElection => !self.can_elect_uncleanly(target),
            FaultKind::AbortHanging { .. } => self.hanging_transactions(kind, target).is_empty(),
            FaultKind::AddBroker => active.nodes.iter().all(|&index| {
                self.image().broker(self.nodes[index].id).is_some_and(|broker| !broker.fenced)
            }),
            _ => return None,
        };
        Some(done)
    }

    /// Whether there is such a partition, and nobody leads it.
    pub(super) fn can_elect_uncleanly(&self, target: &Target) -> bool {
        let partition = self.partition_to_move(target);
        partition
            .and_then(|partition| self.image().partition(partition))
            .is_some_and(|record| record.leader.is_none())
    }

    pub(super) fn elect_uncleanly(&mut self, target: &Target) {
        let Some(partition) = self.partition_to_move(target) else { return };
        let request = ElectLeadersRequest { election: ElectionType::Unclean, partition };
        self.send_as_administrator(Request::ElectLeaders(request));
    }
}

/// The replicas of the partition at this place of a topic: the list from there on, round.
fn listed(list: &ReplicaList, place: usize) -> Vec<NodeId> {
    let brokers = list.brokers();
    (0..brokers.len()).map(|i| NodeId(brokers[(place + i) % brokers.len()])).collect()
}
