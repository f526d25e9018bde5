//! ISR and ELR are replicas and have no member in common, an ISR of the minimal size leaves the
//! ELR empty, and a leader is in its ISR.
//!
//! Source: KIP-497, KIP-841; KIP-966, `ValidControllerIsrAndElr` of its published TLA+ model.

use broker_model::note::Note;
use broker_model::types::PartitionId;

use super::words::listed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct IsrInReplicas;

/// `min.insync.replicas` as the controller has it.
fn min_isr(view: &View<'_>, partition: PartitionId) -> Option<usize> {
    let controller = crate::world::deciding(view.nodes)?;
    let record = view.image()?.partition(partition)?;
    Some(controller.min_isr(record.topic))
}

impl Invariant for IsrInReplicas {
    fn name(&self) -> &'static str {
        "isr-in-replicas"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::PartitionChanged {
            partition,
            leader,
            isr,
            replicas,
            eligible_leader_replicas: elr,
            ..
        } = note
        else {
            return None;
        };
        if let Some(stranger) = isr.iter().chain(elr).find(|n| !replicas.contains(n)) {
            let (isr, elr, replicas) = (listed(isr), listed(elr), listed(replicas));
            return Some(format!(
                "broker {stranger} is in ISR {isr} or ELR {elr} of partition {partition}, whose \
                 replicas are {replicas}"
            ));
        }
        if let Some(both) = isr.iter().find(|n| elr.contains(n)) {
            return Some(format!("broker {both} is in ISR and ELR of partition {partition}"));
        }
        if let Some(min) = (!elr.is_empty()).then(|| min_isr(view, *partition)).flatten()
            && isr.len() >= min.min(replicas.len())
        {
            let (isr, elr) = (listed(isr), listed(elr));
            return Some(format!(
                "ISR {isr} of partition {partition} has the {min} members that it needs, and its \
                 ELR {elr} has members too"
            ));
        }
        let leader = leader.filter(|leader| !isr.contains(leader))?;
        let isr = listed(isr);
        Some(format!("leader {leader} of partition {partition} is not in its ISR {isr}"))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId, PartitionEpoch, PartitionId};

    use super::super::tests::violations;
    use super::IsrInReplicas;

    fn count(leader: Option<u32>, isr: &[u32], elr: &[u32]) -> usize {
        let nodes = |ids: &[u32]| ids.iter().map(|&id| NodeId(id)).collect::<Vec<_>>();
        let note = Note::PartitionChanged {
            partition: PartitionId(0),
            leader: leader.map(NodeId),
            leader_epoch: LeaderEpoch(1),
            partition_epoch: PartitionEpoch(1),
            isr: nodes(isr),
            replicas: nodes(&[1, 2, 3]),
            eligible_leader_replicas: nodes(elr),
            unclean: false,
        };
        violations(&mut IsrInReplicas, &Batches::new(), &[note])
    }

    #[test]
    fn rejects_strangers_doubles_and_a_leader_outside() {
        assert_eq!(count(Some(1), &[1, 4], &[]), 1);
        assert_eq!(count(Some(1), &[1], &[4]), 1);
        assert_eq!(count(Some(1), &[1, 2], &[2]), 1);
        assert_eq!(count(Some(1), &[2, 3], &[]), 1);
    }

    #[test]
    fn accepts_a_leaderless_partition_whose_isr_is_empty() {
        assert_eq!(count(None, &[], &[3]), 0);
        assert_eq!(count(Some(3), &[3, 1], &[2]), 0);
    }
}
