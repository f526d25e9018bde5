//! The list of all invariants.

use super::Invariants;
use super::aborted_match_records::AbortedMatchRecords;
use super::broker_epoch_monotonic::BrokerEpochMonotonic;
use super::commit_by_owner::CommitByOwner;
use super::commit_in_own_epoch::CommitInOwnEpoch;
use super::committed_stays::CommittedStays;
use super::compaction_keeps_newest::CompactionKeepsNewest;
use super::compaction_keeps_producers::CompactionKeepsProducers;
use super::compaction_keeps_verdicts::CompactionKeepsVerdicts;
use super::coordinator_knows_its_log::CoordinatorKnowsItsLog;
use super::decision_undone::DecisionUndone;
use super::deleted_unread::DeletedUnread;
use super::durable_candidate::DurableCandidate;
use super::epochs_match_records::EpochsMatchRecords;
use super::fenced_epoch::FencedEpoch;
use super::full_isr::FullIsr;
use super::hanging_transaction::HangingTransaction;
use super::high_watermark_in_isr::HighWatermarkInIsr;
use super::isr_in_replicas::IsrInReplicas;
use super::last_stable_offset::LastStableOffset;
use super::leader_candidate_completeness::LeaderCandidateCompleteness;
use super::leader_epoch_monotonic::LeaderEpochMonotonic;
use super::log_bounds::LogBounds;
use super::log_matching::LogMatching;
use super::marker_of_its_transaction::MarkerOfItsTransaction;
use super::metadata_high_watermark::MetadataHighWatermark;
use super::metadata_log_prefix::MetadataLogPrefix;
use super::offsets_stay::OffsetsStay;
use super::one_controller_per_epoch::OneControllerPerEpoch;
use super::one_leader_per_epoch::OneLeaderPerEpoch;
use super::one_owner::OneOwner;
use super::one_verdict::OneVerdict;
use super::one_vote_per_epoch::OneVotePerEpoch;
use super::open_when_appended::OpenWhenAppended;
use super::producer_ids_disjoint::ProducerIdsDisjoint;
use super::repeated_is_the_same::RepeatedIsTheSame;
use super::replication_quorum_superset::ReplicationQuorumSuperset;
use super::replication_throttle::ReplicationThrottled;
use super::sequence_contiguous::SequenceContiguous;
use super::stable_groups::StableGroups;
use super::tombstones_stay::TombstonesStay;
use super::transaction_steps::TransactionSteps;
use super::true_high_watermark::TrueHighWatermark;
use super::truncation::TruncationKeepsCommitted;
use super::valid_controller_state::ValidControllerState;
use super::visible_reads::VisibleReads;

/// The invariants that watch every run.
#[must_use]
pub fn standard() -> Invariants {
    Invariants::new(vec![
        Box::<LeaderEpochMonotonic>::default(),
        Box::<OneLeaderPerEpoch>::default(),
        Box::new(HighWatermarkInIsr),
        Box::<LogMatching>::default(),
        Box::<CommittedStays>::default(),
        Box::new(LeaderCandidateCompleteness),
        Box::<TrueHighWatermark>::default(),
        Box::new(TruncationKeepsCommitted),
        Box::new(IsrInReplicas::default()),
        Box::new(EpochsMatchRecords),
        Box::new(AbortedMatchRecords),
        Box::<ValidControllerState>::default(),
        Box::new(ReplicationQuorumSuperset),
        Box::<ReplicationThrottled>::default(),
        Box::<LastStableOffset>::default(),
        Box::<SequenceContiguous>::default(),
        Box::new(CompactionKeepsNewest),
        Box::new(TombstonesStay),
        Box::new(CompactionKeepsVerdicts),
        Box::new(CompactionKeepsProducers),
        Box::<LogBounds>::default(),
        Box::<DeletedUnread>::default(),
        Box::new(VisibleReads),
        Box::<DurableCandidate>::default(),
        Box::<OneControllerPerEpoch>::default(),
        Box::<OneVotePerEpoch>::default(),
        Box::<CommitInOwnEpoch>::default(),
        Box::<MetadataHighWatermark>::default(),
        Box::<MetadataLogPrefix>::default(),
        Box::<BrokerEpochMonotonic>::default(),
        Box::new(FullIsr),
        Box::new(StableGroups),
        Box::new(HangingTransaction),
        Box::<TransactionSteps>::default(),
        Box::new(MarkerOfItsTransaction),
        Box::new(OneVerdict),
        Box::new(DecisionUndone),
        Box::new(FencedEpoch),
        Box::new(OpenWhenAppended),
        Box::<ProducerIdsDisjoint>::default(),
        Box::new(RepeatedIsTheSame::default()),
        Box::new(CoordinatorKnowsItsLog),
        Box::new(CommitByOwner),
        Box::new(OffsetsStay::default()),
        Box::new(OneOwner),
    ])
}

#[cfg(test)]
mod tests {
    use reports::checker::Anomaly;

    use super::standard;

    #[test]
    fn every_invariant_is_named_as_an_anomaly_and_once() {
        let all = standard();
        let mut names: Vec<&str> = all.counts().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| Anomaly::of_name(name).is_some()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 44);
    }
}
