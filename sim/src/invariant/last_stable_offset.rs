//! The last stable offset is at or below the high watermark, and does not fall while one
//! leadership lasts.
//!
//! Source: KIP-98; KAFKA-9835 (reads above the high watermark).

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId, Offset};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

#[derive(Clone, Copy, Debug, Default)]
struct Leadership {
    of: Option<(NodeId, LeaderEpoch)>,
    stable: Offset,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LastStableOffset {
    leaderships: ByPartition<Leadership>,
}

impl Invariant for LastStableOffset {
    fn name(&self) -> &'static str {
        "last-stable-offset"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark, Interest::Role]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::BecameLeader { node, partition, leader_epoch, .. } => {
                let of = Some((node, leader_epoch));
                *self.leaderships.of(partition) = Leadership { of, stable: Offset::ZERO };
                None
            }
            Note::HighWatermark {
                node,
                partition,
                leader_epoch,
                high_watermark,
                last_stable_offset: stable,
                leader,
            } => {
                if stable > high_watermark {
                    return Some(format!(
                        "last stable offset {stable} of partition {partition} on broker {node} \
                         is above its high watermark {high_watermark}",
                        partition = view.partition(partition)
                    ));
                }
                let leadership = self.leaderships.of(partition);
                if !leader || leadership.of != Some((node, leader_epoch)) {
                    return None;
                }
                let before = std::mem::replace(&mut leadership.stable, stable);
                (stable < before).then(|| {
                    format!(
                        "last stable offset of partition {partition} fell from {before} to \
                         {stable} within leader epoch {leader_epoch}",
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
    use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

    use super::super::tests::{leads, violations};
    use super::LastStableOffset;

    fn moved(node: u32, epoch: i32, high_watermark: i64, stable: i64, leader: bool) -> Note {
        Note::HighWatermark {
            node: NodeId(node),
            partition: PartitionId(0),
            leader_epoch: LeaderEpoch(epoch),
            high_watermark: Offset(high_watermark),
            last_stable_offset: Offset(stable),
            leader,
        }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut LastStableOffset::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_stable_records_that_are_not_replicated() {
        assert_eq!(count(&[moved(1, 0, 5, 6, false)]), 1);
    }

    #[test]
    fn rejects_a_fall_within_a_leadership() {
        assert_eq!(count(&[leads(1, 0), moved(1, 0, 5, 5, true), moved(1, 0, 6, 4, true)]), 1);
    }

    #[test]
    fn accepts_a_new_leader_that_knows_less_and_a_follower_that_falls() {
        let notes = [
            leads(1, 0),
            moved(1, 0, 9, 9, true),
            leads(2, 1),
            moved(2, 1, 7, 6, true),
            moved(1, 1, 7, 6, false),
        ];
        assert_eq!(count(&notes), 0);
    }
}
