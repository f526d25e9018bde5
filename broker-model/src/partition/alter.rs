//! The leader's wish for another ISR, and the controller's answer. Source: KIP-497.

use alloc::vec::Vec;

use super::replica::{Replica, Role};
use crate::protocol::ErrorCode;
use crate::protocol::controller::{AlteredPartition, WantedIsr};
use crate::types::{BrokerEpoch, NodeId, PartitionEpoch};

/// A change of the ISR on its way to the controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The ISR asked for.
    pub isr: Vec<NodeId>,
    /// Who would join; counts in the maximal ISR from now on.
    pub joining: Option<NodeId>,
    /// The partition epoch it was asked with.
    pub partition_epoch: PartitionEpoch,
}

/// What the controller's answer meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlterOutcome {
    /// The ISR changed; the high watermark may move.
    Committed,
    /// Nothing pending, or of another leader epoch: the answer came too late.
    Stale,
    /// Refused; the ISR stays, and the next fetch or lag check may ask again.
    Refused,
    /// The leader's metadata is old: it waits for newer metadata, the change still pending.
    AwaitMetadata,
    /// A passing failure: send [`Replica::wanted_isr`] again.
    Retry,
}

impl Replica {
    /// Asks for an ISR without these members.
    pub fn propose_shrink(&mut self, leaving: &[NodeId]) {
        self.propose(None, |isr| isr.retain(|n| !leaving.contains(n)));
    }

    /// Asks for an ISR with this member too.
    pub fn propose_expand(&mut self, joining: NodeId) {
        self.propose(Some(joining), |isr| isr.push(joining));
    }

    fn propose(&mut self, joining: Option<NodeId>, change: impl FnOnce(&mut Vec<NodeId>)) {
        let Role::Leader(leader) = &mut self.role else {
            panic!("only a leader changes the ISR");
        };
        assert!(leader.pending.is_none(), "one change of the ISR at a time");
        let mut isr = leader.isr.clone();
        change(&mut isr);
        let partition_epoch = leader.partition_epoch;
        leader.pending = Some(Pending { isr, joining, partition_epoch });
    }

    /// What a request says of the pending change, if there is one.
    #[must_use]
    pub fn wanted_isr(&self, broker_epoch: BrokerEpoch) -> Option<WantedIsr> {
        let Role::Leader(leader) = &self.role else { return None };
        let pending = leader.pending.as_ref()?;
        let isr = pending
            .isr
            .iter()
            .map(|&n| {
                let epoch = if n == self.node {
                    broker_epoch
                } else {
                    leader.remote(n).map_or(BrokerEpoch(-1), |r| r.broker_epoch)
                };
                (n, epoch)
            })
            .collect();
        Some(WantedIsr {
            partition: self.log.partition(),
            leader_epoch: leader.leader_epoch,
            partition_epoch: pending.partition_epoch,
            isr,
            recovering: false,
        })
    }

    /// Takes in the controller's answer to the pending change.
    pub fn alter_partition_answer(&mut self, answer: &AlteredPartition) -> AlterOutcome {
        let Role::Leader(leader) = &mut self.role else { return AlterOutcome::Stale };
        let Some(pending) = &leader.pending else { return AlterOutcome::Stale };
        match answer.error {
            ErrorCode::None => {
                if answer.leader_epoch != leader.leader_epoch
                    || answer.partition_epoch < pending.partition_epoch
                {
                    return AlterOutcome::Stale;
                }
                leader.partition_epoch = answer.partition_epoch;
                leader.recovering = false;
                leader.pending = None;
                leader.set_isr(&answer.isr);
                AlterOutcome::Committed
            }
            ErrorCode::OperationNotAttempted | ErrorCode::IneligibleReplica => {
                leader.pending = None;
                AlterOutcome::Refused
            }
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::InvalidUpdateVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::NewLeaderElected => AlterOutcome::AwaitMetadata,
            _ => AlterOutcome::Retry,
        }
    }
}
