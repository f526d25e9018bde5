//! Leaders that move without a crash, as an administrator moves them.

use broker_model::protocol::Request;
use broker_model::protocol::controller::{
    AlterPartitionReassignmentsRequest, ElectLeadersRequest, ElectionType,
};
use broker_model::types::{NodeId, PartitionId};
use scenarios::model::Target;

use crate::world::World;

impl World {
    /// Whether there is such a partition, with a replica where it should move.
    pub(super) fn can_move_leader(&self, target: &Target, to: Option<u32>) -> bool {
        let Some(partition) = self.partition_to_move(target) else { return false };
        let record = self.image().partition(partition);
        to.is_none_or(|to| record.is_some_and(|r| r.replicas.contains(&NodeId(to))))
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

    pub(super) fn partition_to_move(&self, target: &Target) -> Option<PartitionId> {
        match target {
            Target::Partition { topic, partition } | Target::LeaderOf { topic, partition } => {
                self.partition_named(topic, *partition)
            }
            _ => None,
        }
    }
}
