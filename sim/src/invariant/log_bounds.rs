//! A log begins at or below its high watermark, and does not end earlier than before unless it
//! was cut.
//!
//! Source: KAFKA-5634, KAFKA-17076. What was not replicated is not deleted: a follower could not
//! get it any more.

use broker_model::note::Note;

use super::by_partition::ByPartition;
use super::by_process::ByProcess;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LogBounds {
    /// Where logs end.
    ends: ByPartition<ByProcess>,
}

impl Invariant for LogBounds {
    fn name(&self) -> &'static str {
        "log-bounds"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Appended, Interest::Truncated, Interest::Role, Interest::LogStart]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::Appended { node, partition, entry, end, .. } => {
                let before = self.ends.of(partition).tell(view, node, end)?;
                (entry.base_offset < before).then(|| {
                    format!(
                        "broker {node} appends at offset {} of partition {partition}, whose log \
                         ended at {before} and was not cut",
                        entry.base_offset,
                        partition = view.partition(partition)
                    )
                })
            }
            Note::Truncated { node, partition, end, .. } => {
                self.ends.of(partition).tell(view, node, end);
                None
            }
            Note::BecameLeader { node, partition, .. }
            | Note::BecameFollower { node, partition, .. } => {
                // Perhaps the replica was away meanwhile.
                self.ends.of(partition).forget(node);
                None
            }
            Note::LogStart { node, partition, log_start_offset } => {
                let high_watermark = view.replica(node, partition)?.high_watermark();
                (log_start_offset > high_watermark).then(|| {
                    format!(
                        "broker {node} deleted partition {partition} up to {log_start_offset}, \
                         above its high watermark {high_watermark}",
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
    use broker_model::records::{Batches, LogEntry};
    use broker_model::types::{BatchId, LeaderEpoch, NodeId, Offset, PartitionId};

    use super::super::tests::violations;
    use super::LogBounds;

    fn appended(base: i64, end: i64) -> Note {
        let (node, partition) = (NodeId(1), PartitionId(0));
        let (batch, leader_epoch) = (BatchId(0), LeaderEpoch(0));
        let entry = LogEntry { base_offset: Offset(base), batch, leader_epoch };
        Note::Appended { node, partition, entry, end: Offset(end), leader: true }
    }

    fn cut(end: i64) -> Note {
        let (node, partition) = (NodeId(1), PartitionId(0));
        Note::Truncated { node, partition, end: Offset(end), from: Offset(9), epoch: None }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut LogBounds::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_an_append_below_the_end() {
        assert_eq!(count(&[appended(0, 5), appended(4, 6)]), 1);
        assert_eq!(count(&[appended(0, 9), cut(5), appended(4, 6)]), 1);
    }

    #[test]
    fn accepts_an_append_at_the_end_behind_a_hole_or_where_it_was_cut() {
        assert_eq!(
            count(&[appended(0, 5), appended(5, 6), appended(8, 9), cut(3), appended(3, 4)]),
            0
        );
        let follows = Note::BecameFollower {
            node: NodeId(1),
            partition: PartitionId(0),
            leader_epoch: LeaderEpoch(1),
        };
        assert_eq!(count(&[appended(0, 5), follows, appended(0, 2)]), 0, "it was away meanwhile");
    }
}
