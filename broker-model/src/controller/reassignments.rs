//! `AlterPartitionReassignments`: other replicas for a partition, or those it had before.
//!
//! A reassignment is a state of the partition, not a task: replicas that are added come first,
//! those to be removed stay, and whichever change of the ISR makes all target replicas in sync
//! completes it (see [`super::partition_change`]). Source: KIP-455.

use alloc::vec::Vec;

use super::partition_change::Election;
use super::{Controller, Decision};
use crate::protocol::ErrorCode;
use crate::protocol::controller::AlterPartitionReassignmentsRequest;
use crate::records::{MetadataRecord, PartitionRecord};
use crate::rules::Rules;
use crate::types::NodeId;

impl Controller {
    pub(super) fn decide_reassignment(
        &self,
        request: &AlterPartitionReassignmentsRequest,
        rules: &Rules,
    ) -> Result<Decision<()>, ErrorCode> {
        let old =
            self.image.partition(request.partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let new = match &request.replicas {
            Some(target) => {
                let resized = target.len() != settled_replicas(old);
                let wrong_size = resized && !request.allow_replication_factor_change;
                self.reassigned(old, target, wrong_size, rules)
            }
            None => self.reverted(old, rules),
        }?;
        let records = new.into_iter().map(MetadataRecord::of_partition).collect();
        Ok(Decision { records, answer: () })
    }

    /// The target replicas first, then, by number, those of now that are not among them.
    fn reassigned(
        &self,
        old: &PartitionRecord,
        target: &[NodeId],
        wrong_size: bool,
        rules: &Rules,
    ) -> Result<Option<PartitionRecord>, ErrorCode> {
        let known = target.iter().all(|r| self.image.broker(*r).is_some());
        let twice = (1..target.len()).any(|i| target[..i].contains(&target[i]));
        if target.is_empty() || !known || twice {
            return Err(ErrorCode::InvalidReplicaAssignment);
        }
        if wrong_size {
            return Err(ErrorCode::InvalidReplicationFactor);
        }
        let outside = |of: &[NodeId], all: &[NodeId]| {
            let mut nodes: Vec<NodeId> = all.iter().copied().filter(|r| !of.contains(r)).collect();
            nodes.sort_unstable();
            nodes
        };
        let removing = outside(target, &old.replicas);
        let adding = outside(&old.replicas, target);
        let replicas = target.iter().chain(&removing).copied().collect();
        let places = adding.iter().map(|&r| (r, self.default_directory(r))).collect();
        let change = self.change(old).placed(places).reassigning(replicas, adding, removing);
        Ok(change.build(&|r| self.image.may_lead(old, r), rules))
    }

    /// Takes out what was being added. Where only such replicas are in sync, the first of the
    /// others becomes the ISR, which only a topic with unclean elections allows.
    fn reverted(
        &self,
        old: &PartitionRecord,
        rules: &Rules,
    ) -> Result<Option<PartitionRecord>, ErrorCode> {
        if old.adding.is_empty() && old.removing.is_empty() {
            return Err(ErrorCode::NoReassignmentInProgress);
        }
        let kept = |nodes: &[NodeId]| -> Vec<NodeId> {
            nodes.iter().copied().filter(|r| !old.adding.contains(r)).collect()
        };
        let (replicas, mut isr) = (kept(&old.replicas), kept(&old.isr));
        let unclean = self.unclean_election_enabled(old.topic);
        if isr.is_empty() && !old.isr.is_empty() {
            if !unclean {
                return Err(ErrorCode::InvalidReplicaAssignment);
            }
            isr.extend(replicas.first());
        }
        let mut change = self.change(old).isr(isr).settled(replicas);
        if unclean {
            change = change.election(Election::Unclean);
        }
        Ok(change.build(&|r| self.image.may_lead(old, r), rules))
    }
}

/// How many replicas a partition has when what is under way is over.
fn settled_replicas(partition: &PartitionRecord) -> usize {
    if partition.adding.is_empty() && partition.removing.is_empty() {
        partition.replicas.len()
    } else {
        partition.replicas.len() - partition.removing.len()
    }
}
