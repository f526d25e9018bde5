//! Situations: what should be met now and then if a search is to find anything.

use super::named::named;

named! {
    /// Something that happened and is worth having happened.
    Situation {
        /// A leader that was no longer in the ISR, and was eligible (KIP-966).
        LeaderFromElr => "leader-elected-from-elr",
        UncleanElection => "unclean-election",
        Leaderless => "partition-without-leader",
        /// The old leader is still in the ISR: nobody failed.
        LeaderMoved => "leader-moved-from-living-leader",
        IsrOfOne => "isr-of-one",
        IsrBelowMin => "isr-below-min",
        IsrFullAgain => "isr-full-again",
        Eligible => "elr-not-empty",
        /// It left the ELR and did not come into the ISR: its shutdown was unclean, or its disk is new.
        EligibleNoMore => "replica-eligible-no-more",
        FollowerTruncated => "follower-truncated",
        Repeated => "batch-repeated",
        FirstSequenceSkipped => "first-sequence-skipped",
        Rolled => "segment-rolled",
        Compacted => "records-compacted",
        LogStartMoved => "log-start-moved",
        CorruptTail => "corrupt-tail-cut",
        DirectoryFailed => "directory-failed",
        DivergingEpoch => "fetch-answered-with-diverging-epoch",
        FetchOutOfRange => "fetch-out-of-range",
        FetchSessionLost => "fetch-session-lost",
        FencedLeaderEpoch => "fetch-with-old-leader-epoch",
        UnknownLeaderEpoch => "fetch-with-newer-leader-epoch",
        NotEnoughAfterAppend => "appended-and-then-not-enough-replicas",
        OutOfOrder => "produce-out-of-order",
        ProducerFenced => "producer-fenced",
        EndAfterEnd => "end-txn-after-its-transaction",
        EndWhilePending => "end-txn-while-another-is-pending",
        EndOfFenced => "end-txn-of-fenced-producer",
        OffsetsRefusedInTransaction => "offsets-refused-in-transaction",
        CoordinatorChangedWithinEnd => "coordinator-changed-between-prepare-and-complete",
        LeaderChangedInTransaction => "leader-changed-in-open-transaction",
        CoordinatorLoading => "coordinator-asked-while-loading",
        MemberFenced => "member-fenced",
        StaticMemberFenced => "static-member-fenced",
        CommitRefused => "commit-refused-by-generation",
        RebalanceInRebalance => "rebalance-within-rebalance",
        AlterPartitionRefused => "alter-partition-refused",
        StaleBrokerEpoch => "stale-broker-epoch",
        BrokerFenced => "broker-fenced",
        ControllerElectedAnew => "controller-elected-anew",
        SnapshotLoaded => "metadata-snapshot-loaded",
    }
}
