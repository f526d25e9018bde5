//! `AlterPartition`: a leader's wish for a new ISR.

use alloc::vec::Vec;

use super::partition_change::Election;
use super::{Controller, Decision};
use crate::metadata::BrokerImage;
use crate::protocol::ErrorCode;
use crate::protocol::controller::{AlteredPartition, WantedIsr};
use crate::records::{MetadataRecord, PartitionRecord};
use crate::rules::{AlterPartitionChecksBrokerEpoch, IsrAdmitsFenced, IsrMembers, Rules};
use crate::types::{BrokerEpoch, NodeId};

impl Controller {
    /// The change, with Kafka's checks in Kafka's order (KIP-497, KIP-841, KIP-903). An ISR
    /// that is the present one writes no record.
    pub(super) fn decide_alter_partition(
        &self,
        leader: NodeId,
        request: &WantedIsr,
        rules: &Rules,
    ) -> Result<Decision<AlteredPartition>, ErrorCode> {
        let old =
            self.image.partition(request.partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        check_epochs(old, leader, request)?;
        let isr = self.accepted_isr(old, leader, request, rules)?;
        let mut change = self.change(old).isr(isr).recovering(request.recovering);
        if self.unclean_election_enabled(old.topic) {
            change = change.election(Election::Unclean);
        }
        let new = change.build(&|r| self.image.may_lead(old, r), rules);
        let mut answer = response(new.as_ref().unwrap_or(old));
        if answer.leader != Some(leader) {
            // It completed a reassignment that leaves this leader out.
            answer.error = ErrorCode::NewLeaderElected;
        }
        let records = new.into_iter().map(MetadataRecord::of_partition).collect();
        Ok(Decision { records, answer })
    }

    fn accepted_isr(
        &self,
        old: &PartitionRecord,
        leader: NodeId,
        request: &WantedIsr,
        rules: &Rules,
    ) -> Result<Vec<NodeId>, ErrorCode> {
        let mut isr: Vec<NodeId> = request.isr.iter().map(|(id, _)| *id).collect();
        match rules.isr_members {
            IsrMembers::Anyone => {
                let stranger = self
                    .image
                    .brokers()
                    .find(|(id, b)| b.is_active() && !old.replicas.contains(id));
                isr.extend(stranger.map(|(id, _)| id).filter(|id| !isr.contains(id)));
                return Ok(isr);
            }
            IsrMembers::Replicas => {}
        }
        let strangers = isr.iter().any(|id| !old.replicas.contains(id));
        let twice = (1..isr.len()).any(|i| isr[..i].contains(&isr[i]));
        let without_leader = !isr.contains(&leader);
        // A leader that recovers is alone; one that does not never begins to.
        let bad_recovery = request.recovering && (isr.len() > 1 || !old.recovering);
        if strangers || twice || without_leader || bad_recovery {
            return Err(ErrorCode::InvalidRequest);
        }
        let another = |epoch: BrokerEpoch, known: BrokerEpoch| {
            rules.alter_partition_checks_broker_epoch == AlterPartitionChecksBrokerEpoch::On
                && epoch != BrokerEpoch(-1)
                && epoch != known
        };
        let inactive = |broker: &BrokerImage| {
            rules.isr_admits_fenced == IsrAdmitsFenced::Off && !broker.is_active()
        };
        let ineligible = request.isr.iter().any(|&(id, epoch)| {
            self.image.broker(id).is_none_or(|b| inactive(b) || another(epoch, b.epoch))
        });
        if ineligible { Err(ErrorCode::IneligibleReplica) } else { Ok(isr) }
    }
}

fn check_epochs(
    old: &PartitionRecord,
    leader: NodeId,
    request: &WantedIsr,
) -> Result<(), ErrorCode> {
    let from_the_future =
        request.leader_epoch > old.leader_epoch || request.partition_epoch > old.partition_epoch;
    if from_the_future {
        Err(ErrorCode::NotController)
    } else if request.leader_epoch < old.leader_epoch {
        Err(ErrorCode::FencedLeaderEpoch)
    } else if old.leader != Some(leader) {
        Err(ErrorCode::InvalidRequest)
    } else if request.partition_epoch < old.partition_epoch {
        Err(ErrorCode::InvalidUpdateVersion)
    } else {
        Ok(())
    }
}

fn response(partition: &PartitionRecord) -> AlteredPartition {
    AlteredPartition {
        error: ErrorCode::None,
        partition: partition.partition,
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        isr: partition.isr.clone(),
        partition_epoch: partition.partition_epoch,
    }
}
