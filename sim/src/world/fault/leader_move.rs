//! Leaders that move without a crash, as an administrator moves them.

use broker_model::protocol::Request;
use broker_model::protocol::controller::{
    AlterPartitionReassignmentsRequest, ElectLeadersRequest, ElectionType,
};
use broker_model::types::{LeaderEpoch, NodeId, PartitionId};
use scenarios::model::{FaultKind, Target};

use crate::world::World;

impl World {
    /// Whether there is such a partition, with a replica where it should move that does not lead
    /// it yet. One that is not in sync may be when the administrator asks.
    pub(super) fn can_move_leader(&self, target: &Target, to: Option<u32>) -> bool {
        let partition = self.partition_to_move(target);
        let record = partition.and_then(|partition| self.image().partition(partition));
        record.is_some_and(|record| {
            let wanted = to.map(NodeId).or(record.replicas.first().copied());
            wanted.is_some_and(|to| record.replicas.contains(&to) && record.leader != Some(to))
        })
    }

    /// Leadership moves by a preferred election if the leader is not the preferred one. With
    /// `to` the order of the replicas changes first: the same replicas, so that nothing is copied.
    pub(super) fn move_leader(&mut self, target: &Target, to: Option<u32>) {
        let Some(partition) = self.partition_to_move(target) else { return };
        if let (Some(to), Some(record)) = (to.map(NodeId), self.image().partition(partition)) {
            let others = record.replicas.iter().copied().filter(|replica| *replica != to);
            let request = AlterPartitionReassignmentsRequest {
                partition,
                replicas: Some(std::iter::once(to).chain(others).collect()),
                allow_replication_factor_change: true,
            };
            self.send_as_administrator(Request::AlterPartitionReassignments(request));
        }
        let request = ElectLeadersRequest { election: ElectionType::Preferred, partition };
        self.send_as_administrator(Request::ElectLeaders(request));
    }

    /// The leader epoch of the partition that a move is about. A leader has moved when it is past.
    pub(super) fn epoch_to_move(&self, kind: FaultKind, target: &Target) -> Option<LeaderEpoch> {
        let FaultKind::LeaderMove { .. } = kind else { return None };
        let partition = self.partition_to_move(target)?;
        self.image().partition(partition).map(|record| record.leader_epoch)
    }

    pub(super) fn partition_to_move(&self, target: &Target) -> Option<PartitionId> {
        match target {
            Target::Partition { topic, partition } | Target::LeaderOf { topic, partition } => {
                self.partition_named(topic, *partition)
            }
            _ => None,
        }
    }
}
