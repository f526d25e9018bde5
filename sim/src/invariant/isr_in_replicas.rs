//! The ISR is among the replicas, it and the ELR have no member in common, an ISR of the minimal
//! size leaves the ELR empty, and a leader is in its ISR. A member of the ELR is a replica, or was
//! one when it became eligible: a reassignment to fewer replicas than the ISR needs leaves those
//! eligible that it takes out, as Kafka 4.1 does.
//!
//! Source: KIP-497, KIP-841; KIP-966, `ValidControllerIsrAndElr` of its published TLA+ model.

use broker_model::note::Note;
use broker_model::types::{NodeId, PartitionId};

use super::words::listed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct IsrInReplicas {
    /// By partition: the replicas of the last change, and who was eligible after it.
    last: Vec<(Vec<NodeId>, Vec<NodeId>)>,
}

impl IsrInReplicas {
    /// Takes a change down. What it tells is the one before.
    fn replace(
        &mut self,
        partition: PartitionId,
        replicas: &[NodeId],
        elr: &[NodeId],
    ) -> (Vec<NodeId>, Vec<NodeId>) {
        let place = partition.0 as usize;
        if self.last.len() <= place {
            self.last.resize(place + 1, (Vec::new(), Vec::new()));
        }
        std::mem::replace(&mut self.last[place], (replicas.to_vec(), elr.to_vec()))
    }

    /// No more than this an ISR needs: as many as the topic's first partition had replicas before
    /// the change. Source: Kafka, `ReplicationControlManager.getTopicEffectiveMinIsr`.
    fn cap(
        &self,
        first: PartitionId,
        partition: PartitionId,
        were: &[NodeId],
        are: &[NodeId],
    ) -> usize {
        let of_first = self.last.get(first.0 as usize).map_or(0, |(replicas, _)| replicas.len());
        match if first == partition { were.len() } else { of_first } {
            0 => are.len(),
            known => known,
        }
    }
}

/// `min.insync.replicas` as the controller has it, and the first partition of the topic.
fn min_isr(view: &View<'_>, partition: PartitionId) -> Option<(usize, PartitionId)> {
    let controller = crate::world::deciding(view.nodes)?;
    let image = view.image()?;
    let topic = image.partition(partition)?.topic;
    Some((controller.min_isr(topic), *image.topic(topic)?.partitions.first()?))
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
        let (were_replicas, were_eligible) = self.replace(*partition, replicas, elr);
        let strange_isr = isr.iter().find(|n| !replicas.contains(n));
        let strange_elr = elr.iter().find(|n| {
            !replicas.contains(n) && !were_replicas.contains(n) && !were_eligible.contains(n)
        });
        if let Some(stranger) = strange_isr.or(strange_elr) {
            let (isr, elr, replicas) = (listed(isr), listed(elr), listed(replicas));
            return Some(format!(
                "broker {stranger} is in ISR {isr} or ELR {elr} of partition {partition}, whose \
                 replicas are {replicas}",
                partition = view.partition(partition)
            ));
        }
        if let Some(both) = isr.iter().find(|n| elr.contains(n)) {
            return Some(format!(
                "broker {both} is in ISR and ELR of partition {partition}",
                partition = view.partition(partition)
            ));
        }
        if let Some((min, first)) = (!elr.is_empty()).then(|| min_isr(view, *partition)).flatten()
            && isr.len() >= min.min(self.cap(first, *partition, &were_replicas, replicas))
        {
            let (isr, elr) = (listed(isr), listed(elr));
            return Some(format!(
                "ISR {isr} of partition {partition} has the {min} members that it needs, and its \
                 ELR {elr} has members too",
                partition = view.partition(partition)
            ));
        }
        let leader = leader.filter(|leader| !isr.contains(leader))?;
        let isr = listed(isr);
        Some(format!(
            "leader {leader} of partition {partition} is not in its ISR {isr}",
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId, PartitionEpoch, PartitionId};

    use super::super::tests::violations;
    use super::IsrInReplicas;

    fn changed(leader: Option<u32>, replicas: &[u32], isr: &[u32], elr: &[u32]) -> Note {
        let nodes = |ids: &[u32]| ids.iter().map(|&id| NodeId(id)).collect::<Vec<_>>();
        Note::PartitionChanged {
            partition: PartitionId(0),
            leader: leader.map(NodeId),
            leader_epoch: LeaderEpoch(1),
            partition_epoch: PartitionEpoch(1),
            isr: nodes(isr),
            replicas: nodes(replicas),
            eligible_leader_replicas: nodes(elr),
            unclean: false,
        }
    }

    fn count_all(notes: &[Note]) -> usize {
        violations(&mut IsrInReplicas::default(), &Batches::new(), notes)
    }

    fn count(leader: Option<u32>, isr: &[u32], elr: &[u32]) -> usize {
        count_all(&[changed(leader, &[1, 2, 3], isr, elr)])
    }

    #[test]
    fn who_was_in_sync_stays_eligible_when_a_reassignment_takes_it_out() {
        let created = changed(Some(1), &[1, 2, 3], &[1, 2, 3], &[]);
        let fewer = changed(Some(1), &[1], &[1], &[2, 3]);
        let killed = changed(None, &[1], &[], &[1, 2, 3]);
        let back = changed(None, &[1], &[], &[2, 3]);
        assert_eq!(count_all(&[created.clone(), fewer, killed, back]), 0);
        let stranger = changed(Some(1), &[1], &[1], &[2, 4]);
        assert_eq!(count_all(&[created.clone(), stranger]), 1, "4 never was a replica");
        let gone = changed(Some(1), &[1], &[1], &[]);
        let again = changed(Some(1), &[1], &[1], &[3]);
        assert_eq!(count_all(&[created.clone(), gone, again]), 1, "3 was eligible no more");
        let in_sync = changed(Some(1), &[1], &[1, 2], &[]);
        assert_eq!(count_all(&[created, in_sync]), 1, "the ISR is among the replicas");
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
