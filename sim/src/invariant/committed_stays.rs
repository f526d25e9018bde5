//! What was below a leader's high watermark is on every later leader, and no replica cuts
//! what it knew to be below it.
//!
//! Source: Raft's leader completeness; KIP-101, KIP-903, KIP-966; KAFKA-12460. An election
//! that the controller calls unclean is allowed to lose: the count begins anew with it.
//!
//! Kept is, for each partition, which leader epochs wrote the committed offsets: equal offset
//! and epoch mean an equal record, which is checked elsewhere.

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

use super::by_partition::ByPartition;
use super::committed::Committed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CommittedStays {
    partitions: ByPartition<Committed>,
}

impl CommittedStays {
    fn elected(
        &mut self,
        view: &View<'_>,
        partition: PartitionId,
        node: NodeId,
        epoch: LeaderEpoch,
        start: Offset,
    ) -> Option<String> {
        let committed = self.partitions.of(partition);
        if committed.is_of_the_past(epoch) {
            return None;
        }
        committed.newest = Some(epoch);
        if committed.unclean {
            committed.begin_anew(start);
            return None;
        }
        let log = view.replica(node, partition)?.log();
        let missing = committed.missing(log)?;
        let end = committed.end();
        committed.begin_anew(start);
        Some(format!(
            "broker {node} leads partition {partition} in epoch {epoch} without the records from \
             offset {missing} on that were committed up to {end}"
        ))
    }
}

impl Invariant for CommittedStays {
    fn name(&self) -> &'static str {
        "committed-stays"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark, Interest::Role, Interest::Truncated, Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::HighWatermark {
                node, partition, leader_epoch, high_watermark, leader, ..
            } => {
                let known = view.node(node)?;
                let committed = self.partitions.of(partition);
                committed.watermark(node, known.incarnation, high_watermark);
                let current = !committed.is_of_the_past(leader_epoch);
                if leader && current && !committed.unclean && high_watermark > committed.end() {
                    let log = known.broker()?.replica(partition)?.log();
                    committed.commit(log.leader_epochs(), high_watermark);
                }
                None
            }
            Note::BecameLeader { node, partition, leader_epoch, start } => {
                self.elected(view, partition, node, leader_epoch, start)
            }
            Note::PartitionChanged { partition, leader, unclean: true, .. } => {
                if !view.allows_unclean_election(leader, partition) {
                    return None;
                }
                let committed = self.partitions.of(partition);
                committed.unclean = true;
                committed.watermarks.clear();
                None
            }
            Note::Truncated { node, partition, end, from, .. } => {
                let incarnation = view.node(node).map_or(0, |n| n.incarnation);
                let committed = self.partitions.of(partition);
                let known =
                    committed.watermarks.iter().find(|w| w.0 == node && w.1 == incarnation)?;
                let watermark = known.2.min(committed.end());
                (end < watermark && !committed.unclean).then(|| {
                    format!(
                        "broker {node} cut partition {partition} from {from} to {end}, below its \
                         high watermark {watermark}"
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

    use super::super::committed::fixture::{cache, log};
    use super::super::tests::violations;
    use super::{Committed, CommittedStays};

    fn committed() -> Committed {
        let mut committed = Committed::default();
        committed.commit(&cache(&[(0, 0), (2, 10)]), Offset(8));
        committed.commit(&cache(&[(0, 0), (2, 10)]), Offset(15));
        committed
    }

    fn missing(starts: &[(i32, i64)], log_start: i64, log_end: i64) -> Option<i64> {
        committed().missing(&log(starts, log_start, log_end)).map(|offset| offset.0)
    }

    #[test]
    fn rejects_a_leader_that_lacks_committed_records() {
        assert_eq!(missing(&[(0, 0), (2, 10)], 0, 14), Some(14));
        assert_eq!(missing(&[(0, 0)], 0, 9), Some(9));
        assert_eq!(missing(&[(0, 0), (1, 8), (2, 10)], 0, 20), Some(9), "another epoch's record");
        assert_eq!(missing(&[], 0, 0), Some(0));
    }

    #[test]
    fn accepts_a_leader_that_was_never_given_what_compaction_took() {
        let mut compacted = log(&[(0, 0), (2, 12)], 0, 15);
        assert_eq!(committed().missing(&compacted), Some(Offset(10)), "of epoch 0 by its cache");
        compacted.compacted = vec![Offset(10), Offset(11)];
        assert_eq!(committed().missing(&compacted), None);
        compacted.end = Offset(14);
        assert_eq!(committed().missing(&compacted), Some(Offset(14)));
    }

    #[test]
    fn accepts_a_leader_without_the_uncommitted_tail_or_with_another() {
        assert_eq!(missing(&[(0, 0), (2, 10)], 0, 15), None);
        assert_eq!(missing(&[(0, 0), (2, 10), (3, 15)], 0, 40), None);
        assert_eq!(missing(&[(2, 12)], 12, 15), None, "retention took the rest");
    }

    fn truncated(committed: &Committed, end: i64) -> usize {
        let mut invariant = CommittedStays::default();
        *invariant.partitions.of(PartitionId(0)) = committed.clone();
        let note = Note::Truncated {
            node: NodeId(1),
            partition: PartitionId(0),
            end: Offset(end),
            from: Offset(20),
            epoch: None,
        };
        violations(&mut invariant, &Batches::new(), &[note])
    }

    #[test]
    fn a_leader_of_the_past_that_begins_late_is_no_later_leader() {
        let mut committed = committed();
        committed.newest = Some(LeaderEpoch(3));
        assert!(committed.is_of_the_past(LeaderEpoch(2)));
        assert!(!committed.is_of_the_past(LeaderEpoch(3)), "a restart leads in the same epoch");
        assert!(!committed.is_of_the_past(LeaderEpoch(4)));
        assert!(!Committed::default().is_of_the_past(LeaderEpoch(0)));
    }

    #[test]
    fn rejects_a_cut_below_the_watermark_and_accepts_one_at_it() {
        let mut committed = committed();
        committed.watermark(NodeId(1), 0, Offset(12));
        assert_eq!(truncated(&committed, 11), 1);
        assert_eq!(truncated(&committed, 12), 0);
        committed.unclean = true;
        assert_eq!(truncated(&committed, 11), 0, "an unclean leader may have less");
    }
}
