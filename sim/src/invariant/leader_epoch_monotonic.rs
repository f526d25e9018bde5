//! Leader epochs never go back, neither at the controller nor at a broker, restarts included.
//!
//! Source: KIP-101, KIP-320: every comparison of logs rests on epochs that only rise.

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId, PartitionEpoch};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

#[derive(Clone, Debug, Default)]
struct Seen {
    controller: Option<(LeaderEpoch, PartitionEpoch)>,
    brokers: Vec<(NodeId, LeaderEpoch)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LeaderEpochMonotonic {
    seen: ByPartition<Seen>,
}

impl Invariant for LeaderEpochMonotonic {
    fn name(&self) -> &'static str {
        "leader-epoch-monotonic"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Role, Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::PartitionChanged { partition, leader_epoch, partition_epoch, .. } => {
                let new = (leader_epoch, partition_epoch);
                let old = self.seen.of(partition).controller.replace(new)?;
                (new.0 < old.0 || new.1 <= old.1).then(|| {
                    format!(
                        "partition {partition} went from leader epoch {} and partition epoch {} \
                         to {} and {} at the controller",
                        old.0,
                        old.1,
                        new.0,
                        new.1,
                        partition = view.partition(partition)
                    )
                })
            }
            Note::BecameLeader { node, partition, leader_epoch, .. }
            | Note::BecameFollower { node, partition, leader_epoch } => {
                let brokers = &mut self.seen.of(partition).brokers;
                let Some(known) = brokers.iter_mut().find(|b| b.0 == node) else {
                    brokers.push((node, leader_epoch));
                    return None;
                };
                let old = std::mem::replace(&mut known.1, leader_epoch);
                (leader_epoch < old).then(|| {
                    format!(
                        "broker {node} went from leader epoch {old} to {leader_epoch} of \
                         partition {partition}",
                        partition = view.partition(partition)
                    )
                })
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
    use super::LeaderEpochMonotonic;

    fn follows(node: u32, epoch: i32) -> Note {
        Note::BecameFollower {
            node: NodeId(node),
            partition: PartitionId(0),
            leader_epoch: LeaderEpoch(epoch),
        }
    }

    fn changed(leader_epoch: i32, partition_epoch: i32) -> Note {
        Note::PartitionChanged {
            partition: PartitionId(0),
            leader: None,
            leader_epoch: LeaderEpoch(leader_epoch),
            partition_epoch: PartitionEpoch(partition_epoch),
            isr: Vec::new(),
            replicas: Vec::new(),
            eligible_leader_replicas: Vec::new(),
            unclean: false,
        }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut LeaderEpochMonotonic::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_a_broker_that_goes_back() {
        assert_eq!(count(&[leads(1, 4), follows(1, 5), leads(1, 4)]), 1);
    }

    #[test]
    fn rejects_a_controller_that_goes_back() {
        assert_eq!(count(&[changed(4, 7), changed(3, 8)]), 1);
        assert_eq!(count(&[changed(4, 7), changed(4, 7)]), 1, "each change has its own version");
    }

    #[test]
    fn accepts_a_broker_that_is_behind_another_and_an_epoch_taken_up_again() {
        // Broker 2 hears of epoch 4 when broker 1 is in epoch 5 already; a leader that
        // restarts before it is fenced takes up its epoch again.
        assert_eq!(count(&[leads(1, 5), follows(2, 4), leads(1, 5), follows(2, 5)]), 0);
        assert_eq!(count(&[changed(4, 7), changed(4, 8), changed(5, 9)]), 0);
    }
}
