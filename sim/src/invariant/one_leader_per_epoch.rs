//! A leader epoch has one leader, and it is the one that the controller chose.
//!
//! Source: KIP-101; Raft's election safety, which Kafka's controller inherits.

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId, PartitionId};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OneLeaderPerEpoch {
    /// The leaders of a partition, by leader epoch.
    leaders: ByPartition<Vec<Option<NodeId>>>,
}

impl OneLeaderPerEpoch {
    fn leads(
        &mut self,
        view: &View<'_>,
        partition: PartitionId,
        epoch: LeaderEpoch,
        node: NodeId,
    ) -> Option<String> {
        let leaders = self.leaders.of(partition);
        let index = usize::try_from(epoch.0).ok()?;
        if leaders.len() <= index {
            leaders.resize(index + 1, None);
        }
        let other = *leaders[index].get_or_insert(node);
        (other != node).then(|| {
            format!(
                "brokers {other} and {node} both lead partition {partition} in epoch {epoch}",
                partition = view.partition(partition)
            )
        })
    }
}

impl Invariant for OneLeaderPerEpoch {
    fn name(&self) -> &'static str {
        "one-leader-per-epoch"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Role, Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::PartitionChanged { partition, leader: Some(node), leader_epoch, .. }
            | Note::BecameLeader { node, partition, leader_epoch, .. } => {
                self.leads(view, partition, leader_epoch, node)
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

    use super::super::tests::{leads, violations};
    use super::OneLeaderPerEpoch;

    fn chosen(node: u32, epoch: i32) -> Note {
        Note::PartitionChanged {
            partition: PartitionId(0),
            leader: Some(NodeId(node)),
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: PartitionEpoch(0),
            isr: Vec::new(),
            replicas: Vec::new(),
            eligible_leader_replicas: Vec::new(),
            unclean: false,
        }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut OneLeaderPerEpoch::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_two_leaders_of_one_epoch() {
        assert_eq!(count(&[leads(1, 2), leads(2, 2)]), 1);
        assert_eq!(count(&[chosen(1, 2), chosen(2, 2)]), 1);
    }

    #[test]
    fn rejects_a_leader_that_was_not_chosen() {
        assert_eq!(count(&[chosen(1, 2), leads(2, 2)]), 1);
    }

    #[test]
    fn accepts_two_leaders_at_a_time_in_their_own_epochs() {
        // The old leader has not heard of its successor and starts again in its old epoch.
        assert_eq!(count(&[chosen(1, 2), leads(1, 2), chosen(2, 3), leads(2, 3), leads(1, 2)]), 0);
    }
}
