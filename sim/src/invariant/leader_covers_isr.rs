//! Everybody in the controller's ISR holds back the leader's high watermark: the maximal ISR
//! of a leader of the same epoch contains it.
//!
//! Source: KIP-497, KIP-966 and their model (the leader's replication quorum); KAFKA-16540.

use broker_model::note::Note;
use broker_model::types::NodeId;

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct LeaderCoversIsr;

/// The first member that does not count for the leader.
fn uncovered(leader: NodeId, isr: &[NodeId], counts: impl Fn(NodeId) -> bool) -> Option<NodeId> {
    isr.iter().copied().find(|&member| member != leader && !counts(member))
}

impl Invariant for LeaderCoversIsr {
    fn name(&self) -> &'static str {
        "leader-covers-isr"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::PartitionChanged { partition, leader: Some(node), leader_epoch, isr, .. } = note
        else {
            return None;
        };
        let leader = view.replica(*node, *partition)?.leader()?;
        if leader.leader_epoch != *leader_epoch {
            return None;
        }
        let counts =
            |member| leader.remote(member).is_some_and(|remote| leader.in_maximal_isr(remote));
        let member = uncovered(*node, isr, counts)?;
        Some(format!(
            "broker {member} is in the ISR {isr:?} of partition {partition}, and its leader, \
             broker {node}, does not wait for it"
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::NodeId;

    use super::uncovered;

    fn of(isr: &[u32], waits_for: &[u32]) -> Option<NodeId> {
        let isr: Vec<NodeId> = isr.iter().map(|&id| NodeId(id)).collect();
        uncovered(NodeId(1), &isr, |member| waits_for.contains(&member.0))
    }

    #[test]
    fn rejects_a_member_that_the_leader_does_not_wait_for() {
        assert_eq!(of(&[1, 2, 3], &[2]), Some(NodeId(3)));
    }

    #[test]
    fn accepts_a_leader_that_waits_for_more() {
        assert_eq!(of(&[1, 2], &[2, 3]), None);
        assert_eq!(of(&[1], &[]), None, "for itself nobody waits");
    }
}
