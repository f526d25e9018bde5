//! A leader whose ISR is not below the minimum waits for everybody who may be elected: its
//! maximal ISR holds the controller's ISR and ELR.
//!
//! Source: KIP-966, `ReplicationQuorumSupersetProperty` of its published TLA+ model; KIP-497.

use broker_model::note::Note;
use broker_model::partition::{Leader, effective_min_isr};
use broker_model::types::NodeId;

use super::words::listed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct ReplicationQuorumSuperset;

/// The first who may be elected and whom the leader does not wait for.
fn outside<'a>(
    isr: &[NodeId],
    joining: Option<NodeId>,
    candidates: impl Iterator<Item = &'a NodeId>,
) -> Option<NodeId> {
    let mut candidates = candidates;
    candidates.find(|&&c| !isr.contains(&c) && joining != Some(c)).copied()
}

fn joining(leader: &Leader) -> Option<NodeId> {
    leader.pending.as_ref().and_then(|pending| pending.joining)
}

impl Invariant for ReplicationQuorumSuperset {
    fn name(&self) -> &'static str {
        "replication-quorum-superset"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::PartitionChanged {
            partition,
            leader: Some(node),
            leader_epoch,
            isr,
            eligible_leader_replicas: elr,
            ..
        } = note
        else {
            return None;
        };
        let replica = view.replica(*node, *partition)?;
        let leader = replica.leader().filter(|leader| leader.leader_epoch == *leader_epoch)?;
        let min = replica.log().config().min_insync_replicas;
        if leader.isr.len() < effective_min_isr(min, leader.remotes.len() + 1) {
            return None;
        }
        let stranger = outside(&leader.isr, joining(leader), isr.iter().chain(elr))?;
        Some(format!(
            "broker {stranger} may be elected for partition {partition}, and leader {node} waits \
             only for {}",
            listed(&leader.isr),
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::NodeId;

    use super::outside;

    const ISR: [NodeId; 2] = [NodeId(1), NodeId(2)];

    #[test]
    fn rejects_a_candidate_that_the_leader_does_not_know() {
        assert_eq!(outside(&ISR, None, [NodeId(1), NodeId(3)].iter()), Some(NodeId(3)));
    }

    #[test]
    fn accepts_one_that_was_asked_for_and_one_less() {
        assert_eq!(outside(&ISR, Some(NodeId(3)), [NodeId(1), NodeId(3)].iter()), None);
        assert_eq!(outside(&ISR, None, [NodeId(2)].iter()), None);
    }
}
