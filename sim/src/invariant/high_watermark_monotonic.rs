//! Within a leadership the high watermark never goes back.
//!
//! Source: the published model of Kafka's replication (the true high watermark is monotonic);
//! KAFKA-14704. A new leader may know less at first, and a leader whose process started anew
//! takes up its checkpoint.

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId, Offset};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

/// A leadership: the broker, its process, and the epoch.
type Leadership = (NodeId, u64, LeaderEpoch);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HighWatermarkMonotonic {
    last: ByPartition<Option<(Leadership, Offset)>>,
}

impl Invariant for HighWatermarkMonotonic {
    fn name(&self) -> &'static str {
        "high-watermark-monotonic"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::HighWatermark {
            node, partition, leader_epoch, high_watermark, leader: true, ..
        } = *note
        else {
            return None;
        };
        let incarnation = view.node(node).map_or(0, |n| n.incarnation);
        let leadership = (node, incarnation, leader_epoch);
        let before = self.last.of(partition).replace((leadership, high_watermark));
        let (_, before) = before.filter(|b| b.0 == leadership && b.1 > high_watermark)?;
        Some(format!(
            "the high watermark of partition {partition} on its leader, broker {node}, went back \
             from {before} to {high_watermark} in epoch {leader_epoch}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

    use super::super::tests::violations;
    use super::HighWatermarkMonotonic;

    fn moved(node: u32, epoch: i32, to: i64, leader: bool) -> Note {
        Note::HighWatermark {
            node: NodeId(node),
            partition: PartitionId(0),
            leader_epoch: LeaderEpoch(epoch),
            high_watermark: Offset(to),
            last_stable_offset: Offset(to),
            leader,
        }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut HighWatermarkMonotonic::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_a_leader_that_goes_back() {
        assert_eq!(count(&[moved(1, 3, 8, true), moved(1, 3, 7, true)]), 1);
    }

    #[test]
    fn accepts_a_new_leader_that_knows_less_and_a_follower_that_hears_it() {
        let (old, new) = (moved(1, 3, 8, true), moved(2, 4, 6, true));
        assert_eq!(count(&[old, new, moved(1, 4, 6, false), moved(2, 4, 9, true)]), 0);
    }
}
