//! A fenced broker is in no ISR that has a leader.
//!
//! Source: KIP-841; KIP-966, `ValidControllerState` of its published TLA+ model. A partition
//! without a leader may remember its last ISR by fenced brokers.

use broker_model::note::Note;
use broker_model::types::{NodeId, PartitionId};

use super::words::listed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ValidControllerState {
    /// By broker id, as the controller told it last.
    fenced: Vec<bool>,
    /// By partition: the ISR, where there is a leader.
    led: Vec<Vec<NodeId>>,
}

impl ValidControllerState {
    fn is_fenced(&self, broker: NodeId) -> bool {
        self.fenced.get(broker.0 as usize).copied().unwrap_or(false)
    }

    fn set_fenced(&mut self, broker: NodeId, fenced: bool) {
        let index = broker.0 as usize;
        if self.fenced.len() <= index {
            self.fenced.resize(index + 1, false);
        }
        self.fenced[index] = fenced;
    }

    fn set_isr(&mut self, partition: PartitionId, isr: &[NodeId]) {
        let index = partition.index();
        if self.led.len() <= index {
            self.led.resize_with(index + 1, Vec::new);
        }
        self.led[index].clear();
        self.led[index].extend_from_slice(isr);
    }
}

impl Invariant for ValidControllerState {
    fn name(&self) -> &'static str {
        "valid-controller-state"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::PartitionChanged, Interest::Fence]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match note {
            Note::PartitionChanged { partition, leader, isr, .. } => {
                let isr = if leader.is_some() { isr.as_slice() } else { &[] };
                self.set_isr(*partition, isr);
                let member = isr.iter().find(|member| self.is_fenced(**member))?;
                let isr = listed(isr);
                Some(format!(
                    "broker {member} is fenced and in ISR {isr} of partition {partition}",
                    partition = view.partition(partition)
                ))
            }
            Note::BrokerUnfenced { node } => {
                self.set_fenced(*node, false);
                None
            }
            // Rare, as the controller too looks at every partition then.
            Note::BrokerFenced { node } => {
                self.set_fenced(*node, true);
                let partition = self.led.iter().position(|isr| isr.contains(node))?;
                let isr = listed(&self.led[partition]);
                let partition = PartitionId(partition as u32);
                Some(format!(
                    "broker {node} was fenced and stays in ISR {isr} of partition {partition}",
                    partition = view.partition(partition)
                ))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId, PartitionEpoch, PartitionId};

    use super::super::tests::violations;
    use super::ValidControllerState;

    fn changed(leader: Option<u32>, isr: &[u32]) -> Note {
        let nodes = |ids: &[u32]| ids.iter().map(|&id| NodeId(id)).collect::<Vec<_>>();
        Note::PartitionChanged {
            partition: PartitionId(3),
            leader: leader.map(NodeId),
            leader_epoch: LeaderEpoch(1),
            partition_epoch: PartitionEpoch(1),
            isr: nodes(isr),
            replicas: nodes(&[1, 2, 3]),
            eligible_leader_replicas: Vec::new(),
            unclean: false,
        }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut ValidControllerState::default(), &Batches::new(), notes)
    }

    const FENCED: Note = Note::BrokerFenced { node: NodeId(2) };
    const UNFENCED: Note = Note::BrokerUnfenced { node: NodeId(2) };

    #[test]
    fn rejects_a_fenced_broker_that_joins_and_a_member_that_is_fenced() {
        assert_eq!(count(&[FENCED, changed(Some(1), &[1, 2])]), 1);
        assert_eq!(count(&[changed(Some(1), &[1, 2]), FENCED]), 1);
    }

    #[test]
    fn accepts_a_broker_that_leaves_first_and_the_memory_of_a_partition_without_leader() {
        assert_eq!(count(&[changed(Some(1), &[1, 2]), changed(Some(1), &[1]), FENCED]), 0);
        assert_eq!(count(&[FENCED, UNFENCED, changed(Some(1), &[1, 2])]), 0);
        assert_eq!(count(&[changed(Some(2), &[2]), changed(None, &[2]), FENCED]), 0);
    }
}
