//! Rules as values: historic rules, canaries and mutants, each read in the one function that it changes.
//!
//! The default is today's Kafka. Every other value is a planted or historic bug. A historic
//! value re-enacts the rule as it was, and injects no outcome; what the old way needs beyond a
//! comparison is in a file of its own beside the reader.

#[macro_use]
mod table;
mod client;
mod election;
mod era;
mod group;
mod log;
mod need;
mod quorum;
mod replication;
mod transaction;

pub use client::{
    AppRewindsOnAbort, ConsumerEpochValidation, ConsumerPosition, ConsumerRecords, FailedOutput,
    RetryPosition, SinkMemory,
};
pub use election::{
    AlterPartitionChecksBrokerEpoch, BrokerEpochRule, DirectoryAssignmentElr, Electable,
    ElectionEpoch, Elr, Fencing, IsrAdmitsFenced, IsrMembers, StaleLeaderEpoch, UncleanElection,
    UncleanShutdownDetect,
};
pub use era::Era;
pub use group::{
    ExpireTsDefault, ExpireWhenUnstable, GroupLoad, OffsetCommitRule, OffsetExpiry,
    OffsetFetchStable, PartitionEpochBookkeeping, RebalanceCompletion, StoredAssignment,
};
pub use log::{
    AbortedList, CleanControlByKey, CleanedProducers, CleanedVerdicts, Compaction, DeleteHorizon,
    LastStableOffset, PartialCleanIndex, RetentionBound, SequenceCheck, UnknownPid,
};
pub use need::Need;
use need::{ASKS_FOR_EPOCHS, ON_FETCH};
pub use quorum::{
    CheckQuorum, Prevote, RaftCommitRequiresOwnEpoch, RaftFsync, RaftGuardHw, RaftResumeLeader,
    VoterIdentity,
};
pub use replication::{
    AcksAll, DelayedProduceRule, EpochAnswer, EpochsAtTruncation, FetchEpoch,
    FetchResponseEpochCheck, FollowerHwBeforeTruncate, FollowerTruncation, HighWatermarkMoves,
    HighWatermarkRule, HwIsr, HwRequiresMinIsr, IsrExpand, IsrJoinRequiresLeso,
    ReplicationThrottle, Truncate,
};
use table::Rule;
pub use table::UnknownRule;
pub use transaction::{
    AbortTimeoutBumpsEpoch, CoordinatorLoad, InitializedEpoch, MarkerEpochCheck, Markers,
    ProducerIdBlocks, TransactionTimeout, TxnOffsetCommitGenerationCheck, TxnProtocol,
};

rules! {
    election_epoch: ElectionEpoch,
    stale_leader_epoch: StaleLeaderEpoch,
    electable: Electable,
    high_watermark: HighWatermarkRule needs [Need::SeveralBrokers],
    high_watermark_moves: HighWatermarkMoves needs [Need::SeveralBrokers],
    epochs_at_truncation: EpochsAtTruncation needs [Need::OneOf(ON_FETCH), Need::OneOf(&[("follower_truncation", "diverging")])],
    txn_protocol: TxnProtocol needs [Need::Transactions],
    acks_all: AcksAll,
    follower_truncation: FollowerTruncation needs [Need::SeveralBrokers, Need::OneOf(ON_FETCH)],
    isr_members: IsrMembers needs [Need::SeveralBrokers],
    fencing: Fencing,
    isr_expand: IsrExpand needs [Need::SeveralBrokers],
    replication_throttle: ReplicationThrottle needs [Need::ReplicationThrottles],
    last_stable_offset: LastStableOffset,
    aborted_list: AbortedList needs [Need::Transactions],
    sequence_check: SequenceCheck,
    unknown_pid: UnknownPid,
    producer_id_blocks: ProducerIdBlocks,
    initialized_epoch: InitializedEpoch needs [Need::Transactions],
    coordinator_load: CoordinatorLoad,
    compaction: Compaction,
    cleaned_verdicts: CleanedVerdicts needs [Need::Transactions],
    delete_horizon: DeleteHorizon,
    cleaned_producers: CleanedProducers,
    clean_control_by_key: CleanControlByKey needs [Need::Transactions],
    partial_clean_index: PartialCleanIndex needs [Need::Transactions],
    retention_bound: RetentionBound,
    markers: Markers needs [Need::Transactions],
    transaction_timeout: TransactionTimeout needs [Need::Transactions],
    abort_timeout_bumps_epoch: AbortTimeoutBumpsEpoch needs [Need::Transactions, Need::OneOf(&[("txn_protocol", "v1"), ("txn_protocol", "v1_verified")])],
    marker_epoch_check: MarkerEpochCheck needs [Need::Transactions, Need::OneOf(&[("txn_protocol", "of_release")])],
    txn_offset_commit_generation_check: TxnOffsetCommitGenerationCheck needs [Need::Transactions, Need::Groups],
    expire_when_unstable: ExpireWhenUnstable needs [Need::Groups],
    partition_epoch_bookkeeping: PartitionEpochBookkeeping needs [Need::Groups],
    offset_commit: OffsetCommitRule needs [Need::Groups],
    rebalance_completion: RebalanceCompletion needs [Need::Groups],
    stored_assignment: StoredAssignment needs [Need::Groups],
    delayed_produce: DelayedProduceRule,
    consumer_position: ConsumerPosition,
    consumer_records: ConsumerRecords,
    retry_position: RetryPosition,
    sink_memory: SinkMemory,
    failed_output: FailedOutput,
    app_rewinds_on_abort: AppRewindsOnAbort needs [Need::Transactions, Need::Groups],
    broker_epoch: BrokerEpochRule,
    raft_fsync: RaftFsync,
    check_quorum: CheckQuorum needs [Need::SeveralControllers],
    prevote: Prevote needs [Need::SeveralControllers, Need::ReleaseWithPreVote],
    raft_commit_requires_own_epoch: RaftCommitRequiresOwnEpoch needs [Need::SeveralControllers],
    raft_guard_hw: RaftGuardHw needs [Need::SeveralControllers],
    raft_resume_leader: RaftResumeLeader,
    voter_identity: VoterIdentity needs [Need::SeveralControllers],
    truncate: Truncate needs [Need::SeveralBrokers],
    epoch_answer: EpochAnswer needs [Need::OneOf(ASKS_FOR_EPOCHS)],
    fetch_response_epoch_check: FetchResponseEpochCheck needs [Need::SeveralBrokers],
    follower_hw_before_truncate: FollowerHwBeforeTruncate needs [Need::SeveralBrokers, Need::OneOf(ON_FETCH)],
    fetch_epoch: FetchEpoch,
    consumer_epoch_validation: ConsumerEpochValidation,
    hw_isr: HwIsr needs [Need::SeveralBrokers, Need::OneOf(&[("high_watermark", "maximal-isr")])],
    hw_requires_min_isr: HwRequiresMinIsr needs [Need::MinIsr],
    isr_join_requires_leso: IsrJoinRequiresLeso needs [Need::SeveralBrokers, Need::OneOf(&[("isr_expand", "caught-up")])],
    alter_partition_checks_broker_epoch: AlterPartitionChecksBrokerEpoch needs [Need::SeveralBrokers],
    elr: Elr needs [Need::ReleaseWithElr],
    unclean_shutdown_detect: UncleanShutdownDetect needs [Need::Elr],
    directory_assignment_elr: DirectoryAssignmentElr needs [Need::Elr],
    unclean_election: UncleanElection needs [Need::Unset("unclean.leader.election.enable")],
    isr_admits_fenced: IsrAdmitsFenced needs [Need::SeveralBrokers, Need::OneOf(&[("isr_members", "replicas")])],
    group_load: GroupLoad needs [Need::Groups],
    expire_ts_default: ExpireTsDefault needs [Need::Groups],
    offset_expiry: OffsetExpiry needs [Need::Groups],
    offset_fetch_stable: OffsetFetchStable needs [Need::Transactions, Need::Groups],
}
