//! Log directories of brokers: where replicas are, and which of them failed. Source: KIP-858.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::partition_change::Election;
use super::{Controller, Decision};
use crate::metadata::BrokerImage;
use crate::protocol::ErrorCode;
use crate::protocol::controller::{AssignReplicasToDirsRequest, BrokerHeartbeatRequest};
use crate::records::{MetadataRecord, PartitionRecord};
use crate::rules::{DirectoryAssignmentElr, Rules};
use crate::types::{DirectoryId, NodeId, PartitionId};

impl Controller {
    /// Where a new replica of a broker goes.
    pub(super) fn default_directory(&self, id: NodeId) -> DirectoryId {
        let broker = self.image.broker(id);
        broker.map_or(DirectoryId::first(id), |broker| broker.default_directory(id))
    }

    /// A heartbeat names directories that have failed: their replicas leave the ISRs, and others
    /// lead. They stay eligible as far as min ISR has it, but cannot lead from such a directory.
    /// Partitions may have `changed` with the standing of the broker by the same heartbeat.
    /// Source: Kafka, `ReplicationControlManager.handleDirectoriesOffline`.
    pub(super) fn directories_offline(
        &self,
        request: &BrokerHeartbeatRequest,
        known: &BrokerImage,
        changed: &[MetadataRecord],
        rules: &Rules,
    ) -> Vec<MetadataRecord> {
        let failed: Vec<DirectoryId> = request
            .offline_directories
            .iter()
            .copied()
            .filter(|failed| known.directories.contains(failed))
            .collect();
        if failed.is_empty() {
            return Vec::new();
        }
        let broker = request.broker;
        let changed: BTreeMap<PartitionId, &PartitionRecord> = changed
            .iter()
            .filter_map(|record| match record {
                MetadataRecord::Partition(p) => Some((p.partition, &**p)),
                _ => None,
            })
            .collect();
        let concerned = self
            .image
            .partitions()
            .map(|p| changed.get(&p.partition).copied().unwrap_or(p))
            .filter(|p| p.replicas.contains(&broker) && failed.contains(&p.directory(broker)));
        let mut records: Vec<MetadataRecord> =
            concerned.filter_map(|p| self.without_replica(p, broker, Vec::new(), rules)).collect();
        let online = known.directories.iter().copied().filter(|id| !failed.contains(id));
        records.push(MetadataRecord::BrokerDirectories {
            broker,
            epoch: known.epoch,
            online: online.collect(),
        });
        records
    }

    /// The partition without a broker that can neither lead it nor be in sync.
    fn without_replica(
        &self,
        partition: &PartitionRecord,
        broker: NodeId,
        placed: Vec<(NodeId, DirectoryId)>,
        rules: &Rules,
    ) -> Option<MetadataRecord> {
        let unclean = self.unclean_election_enabled(partition.topic);
        let election = if unclean { Election::Unclean } else { Election::Online };
        let change = self.change(partition).without(broker).placed(placed).election(election);
        let live = |r: NodeId| r != broker && self.image.may_lead(partition, r);
        change.build(&live, rules).map(MetadataRecord::of_partition)
    }

    /// `AssignReplicasToDirs`: the broker knows best where its replicas are. Of a directory that
    /// has failed meanwhile they are as good as gone. Kafka builds this one change as if there were
    /// no eligible replicas, and so forgets them.
    pub(super) fn decide_assignments(
        &self,
        request: &AssignReplicasToDirsRequest,
        rules: &Rules,
    ) -> Result<Decision<()>, ErrorCode> {
        let broker = request.broker;
        let known = self.check_broker_epoch(broker, request.broker_epoch)?;
        let mut records = Vec::new();
        for &(partition, directory) in &request.assignments {
            let Some(old) = self.image.partition(partition) else { continue };
            if !old.replicas.contains(&broker) {
                continue;
            }
            let placed = vec![(broker, directory)];
            if known.is_online(directory) {
                let change = self.change(old).placed(placed);
                let change = match rules.directory_assignment_elr {
                    DirectoryAssignmentElr::Forgotten => change.without_elr(),
                    DirectoryAssignmentElr::Kept => change,
                };
                let new = change.build(&|r| self.image.may_lead(old, r), rules);
                records.extend(new.map(MetadataRecord::of_partition));
            } else {
                records.extend(self.without_replica(old, broker, placed, rules));
            }
        }
        Ok(Decision { records, answer: () })
    }
}
