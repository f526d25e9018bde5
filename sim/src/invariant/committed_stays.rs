//! What was below a leader's high watermark is on every later leader, and no replica cuts
//! what it knew to be below it.
//!
//! Source: Raft's leader completeness; `LeaderCompletenessProperty` of the published TLA+ model of
//! KIP-966; KIP-101, KIP-903; KAFKA-12460. An election that the controller calls unclean is allowed to lose: the count begins anew with it.

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId, PartitionId};

use super::by_partition::ByPartition;
use super::by_process::ByProcess;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CommittedStays {
    /// High watermarks.
    known: ByPartition<ByProcess>,
}

impl CommittedStays {
    fn elected(
        &mut self,
        view: &View<'_>,
        partition: PartitionId,
        node: NodeId,
        epoch: LeaderEpoch,
    ) -> Option<String> {
        let committed = view.truth(partition).filter(|c| !c.is_of_the_past(epoch))?;
        let missing = match committed.unclean {
            true => None,
            false => Some(committed.missing(view.replica(node, partition)?.log())?),
        };
        // The count begins anew.
        self.known.of(partition).clear();
        Some(format!(
            "broker {node} leads partition {partition} in epoch {epoch} without the records from \
             offset {} on that were committed up to {}",
            missing?,
            committed.end(),
            partition = view.partition(partition)
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
            Note::HighWatermark { node, partition, high_watermark, .. } => {
                self.known.of(partition).tell(view, node, high_watermark);
                None
            }
            Note::BecameLeader { node, partition, leader_epoch, .. } => {
                self.elected(view, partition, node, leader_epoch)
            }
            Note::PartitionChanged { partition, leader, unclean: true, .. } => {
                if view.allows_unclean_election(leader, partition) {
                    self.known.of(partition).clear();
                }
                None
            }
            Note::Truncated { node, partition, end, from, .. } => {
                let known = self.known.of(partition).of(view, node)?;
                let watermark = known.min(view.committed(partition)?.end());
                (end < watermark).then(|| {
                    format!(
                        "broker {node} cut partition {partition} from {from} to {end}, below its \
                         high watermark {watermark}",
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
    use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

    use super::super::committed::fixture::{cache, log};
    use super::super::committed::{Committed, Truth};
    use super::super::living::Living;
    use super::super::tests::violations_of;
    use super::CommittedStays;

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

    fn watermark(high_watermark: i64) -> Note {
        Note::HighWatermark {
            node: NodeId(1),
            partition: PartitionId(0),
            leader_epoch: LeaderEpoch(2),
            high_watermark: Offset(high_watermark),
            last_stable_offset: Offset(high_watermark),
            leader: false,
        }
    }

    fn cut(end: i64) -> Note {
        let (node, partition) = (NodeId(1), PartitionId(0));
        Note::Truncated { node, partition, end: Offset(end), from: Offset(20), epoch: None }
    }

    fn count(committed: &Committed, notes: &[Note]) -> usize {
        let truth = Truth::of_one(PartitionId(0), committed.clone());
        violations_of(&mut CommittedStays::default(), &truth, notes)
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
        assert_eq!(count(&committed, &[watermark(12), cut(11)]), 1);
        assert_eq!(count(&committed, &[watermark(12), cut(12)]), 0);
        assert_eq!(count(&committed, &[watermark(99), cut(15)]), 0, "nothing more is committed");
        committed.unclean = true;
        assert_eq!(count(&committed, &[watermark(12), cut(11)]), 0, "its leader may have less");
    }

    /// A truth of the living partition: so much is committed in its leader's epoch.
    fn truth(living: &Living, to: Offset) -> Committed {
        let mut committed = Committed::default();
        committed.newest = Some(living.epoch);
        committed.commit(&cache(&[(living.epoch.0, 0)]), to);
        committed
    }

    /// A watermark, and a cut below it, of the living leader.
    fn told_and_cut(living: &Living) -> (Note, Note) {
        let (mut told, mut below) = (watermark(12), cut(11));
        for note in [&mut told, &mut below] {
            if let Note::HighWatermark { node, partition, .. }
            | Note::Truncated { node, partition, .. } = note
            {
                (*node, *partition) = (living.leader, living.partition);
            }
        }
        (told, below)
    }

    fn say(living: &Living, committed: &Committed, notes: &[Note]) -> Vec<String> {
        let truth = Truth::of_one(living.partition, committed.clone());
        living.say(&mut CommittedStays::default(), &truth, notes)
    }

    #[test]
    fn a_new_process_has_told_no_watermark() {
        let mut living = Living::new();
        let truth = Truth::of_one(living.partition, truth(&living, Offset(15)));
        let mut invariant = CommittedStays::default();
        let (told, below) = told_and_cut(&living);
        assert_eq!(living.say(&mut invariant, &truth, &[told.clone(), below.clone()]).len(), 1);
        living.restart(living.leader);
        assert!(living.say(&mut invariant, &truth, std::slice::from_ref(&below)).is_empty());
        let said = living.say(&mut invariant, &truth, &[told, below]);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("from 20 to 11, below its high watermark 12"), "{said:?}");
    }

    #[test]
    fn a_leader_that_lacks_something_is_told_once_and_the_count_begins_anew() {
        let living = Living::new();
        let (epoch, end) = (living.epoch.0, living.end(living.leader));
        let (lost, has_all) = (truth(&living, end + 3), truth(&living, end));
        let (told, below) = told_and_cut(&living);
        let leads = |epoch| living.leads(epoch, 0);
        let notes = [told.clone(), leads(epoch), below.clone()];
        let said = say(&living, &lost, &notes);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(&format!("without the records from offset {end} on")), "{said:?}");
        assert!(say(&living, &lost, &[leads(epoch - 1)]).is_empty(), "a leader of the past");
        let said = say(&living, &has_all, &notes);
        assert_eq!(said.len(), 1, "only the cut: {said:?}");
        assert!(said[0].contains("cut partition"), "{said:?}");
        // A leader that was allowed to lack something says nothing, and what was told is gone.
        let mut allowed = lost;
        allowed.unclean = true;
        let mut invariant = CommittedStays::default();
        let truth = Truth::of_one(living.partition, allowed);
        assert!(living.say(&mut invariant, &truth, &[told, leads(epoch)]).is_empty());
        let truth = Truth::of_one(living.partition, has_all);
        assert!(living.say(&mut invariant, &truth, &[below]).is_empty());
    }

    #[test]
    fn an_unclean_election_counts_where_the_topic_allows_it() {
        let living = Living::new();
        let committed = truth(&living, Offset(15));
        let (told, below) = told_and_cut(&living);
        for (leader, unclean, found) in
            [(None, true, 0), (None, false, 1), (Some(living.leader), true, 1)]
        {
            let notes = [told.clone(), living.elected(leader, unclean), below.clone()];
            assert_eq!(say(&living, &committed, &notes).len(), found, "{leader:?} {unclean}");
        }
    }
}
