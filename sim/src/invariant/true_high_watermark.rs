//! The true high watermark, what any leader ever had in its epoch, never goes back.
//!
//! A leader's own may: a new one begins with what it knew as a follower. But its log reaches as
//! far as the true one, and within its epoch its own only rises, to the start of its epoch and
//! beyond. Source: KIP-966 and the notes to its published TLA+ model (the true HWM);
//! KAFKA-15583.

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, Offset, PartitionId};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

/// The newest leadership and how far it has come.
#[derive(Clone, Copy, Debug, Default)]
struct Leading {
    epoch: Option<LeaderEpoch>,
    high_watermark: Offset,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TrueHighWatermark {
    partitions: ByPartition<Leading>,
}

impl TrueHighWatermark {
    fn moved(
        &mut self,
        view: &View<'_>,
        partition: PartitionId,
        epoch: LeaderEpoch,
        high_watermark: Offset,
    ) -> Option<String> {
        let leading = self.partitions.of(partition);
        let before = leading.high_watermark;
        match leading.epoch {
            Some(known) if epoch < known => return None,
            Some(known) if epoch == known => {}
            _ => *leading = Leading { epoch: Some(epoch), high_watermark },
        }
        leading.high_watermark = leading.high_watermark.max(high_watermark);
        (high_watermark < before && leading.high_watermark == before).then(|| {
            format!(
                "the high watermark of partition {partition} went back from {before} to \
                 {high_watermark} within leader epoch {epoch}",
                partition = view.partition(partition)
            )
        })
    }
}

/// A leader whose log begins its epoch below the true high watermark takes that back.
fn taken_back(start: Offset, truth: Offset) -> bool {
    start < truth
}

impl Invariant for TrueHighWatermark {
    fn name(&self) -> &'static str {
        "true-high-watermark"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark, Interest::Role]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::HighWatermark {
                partition, leader_epoch, high_watermark, leader: true, ..
            } => self.moved(view, partition, leader_epoch, high_watermark),
            Note::BecameLeader { node, partition, leader_epoch, start } => {
                let committed = view.committed(partition)?;
                let truth = committed.end();
                let counts = !committed.is_of_the_past(leader_epoch);
                (counts && taken_back(start, truth)).then(|| {
                    format!(
                        "the high watermark of partition {partition} was {truth}, and broker \
                         {node} begins leader epoch {leader_epoch} at {start}",
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
    use broker_model::records::Batches;
    use broker_model::types::{Instant, LeaderEpoch, Offset, PartitionId};

    use super::{TrueHighWatermark, View, taken_back};

    fn fired(moves: &[(i32, i64)]) -> bool {
        let batches = Batches::new();
        let view = View::new(Instant(0), &[], &batches);
        let mut invariant = TrueHighWatermark::default();
        let mut told = |&(epoch, to): &(i32, i64)| {
            invariant.moved(&view, PartitionId(0), LeaderEpoch(epoch), Offset(to)).is_some()
        };
        moves.iter().any(&mut told)
    }

    #[test]
    fn rejects_a_fall_within_an_epoch_and_an_epoch_that_begins_too_low() {
        assert!(fired(&[(0, 5), (0, 4)]));
        assert!(fired(&[(0, 5), (2, 3), (2, 7), (2, 6)]));
        assert!(taken_back(Offset(4), Offset(5)));
    }

    #[test]
    fn accepts_a_new_leader_that_does_not_know_yet_and_a_leader_of_the_past() {
        assert!(!fired(&[(0, 5), (1, 3), (1, 5)]));
        assert!(!fired(&[(0, 5), (1, 6), (0, 4)]));
        assert!(!taken_back(Offset(5), Offset(5)));
    }
}
