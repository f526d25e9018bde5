//! Rules as values: historic rules, canaries and mutants, each read in the one function that it changes.
//!
//! The default is today's Kafka. Every other value is a planted or historic bug. A historic
//! value re-enacts the rule as it was, and injects no outcome; what the old way needs beyond a
//! comparison is in a file of its own beside the reader.

#[macro_use]
mod table;
mod era;
mod need;

pub use era::Era;
pub use need::Need;
use need::{ASKS_FOR_EPOCHS, ON_FETCH};
pub use table::UnknownRule;

rules! {
    /// The leader epoch at an election.
    election_epoch: ElectionEpoch {
        /// It rises.
        #[default] Bump = "bump",
        /// Canary: it stays.
        Reuse = "reuse",
        /// Canary: it falls, once there is room.
        Fall = "fall",
    },
    /// What a replica does with an older leader epoch in its metadata.
    stale_leader_epoch: StaleLeaderEpoch {
        /// It ignores it.
        #[default] Ignore = "ignore",
        /// Canary: it believes any record it is shown again.
        Accept = "accept",
    },
    /// Who may be elected.
    electable: Electable {
        /// Members of ISR and ELR.
        #[default] InSync = "in-sync",
        /// Canary: any live replica, though unclean election is off.
        AnyLive = "any-live",
    },
    /// Which replicas hold back the high watermark.
    high_watermark: HighWatermarkRule needs [Need::SeveralBrokers] {
        /// The maximal ISR (KIP-497).
        #[default] MaximalIsr = "maximal-isr",
        /// Canary: the leader alone.
        LeaderOnly = "leader-only",
    },
    /// Which way a leader's high watermark moves.
    high_watermark_moves: HighWatermarkMoves needs [Need::SeveralBrokers] {
        /// Forward.
        #[default] Forward = "forward",
        /// Canary: back too, to a replica that is about to join.
        Back = "back",
    },
    /// What becomes of leader epochs when the end of a log is cut.
    epochs_at_truncation: EpochsAtTruncation needs [Need::OneOf(ON_FETCH), Need::OneOf(&[("follower_truncation", "diverging")])] {
        /// Those that begin behind the cut go.
        #[default] Cut = "cut",
        /// Canary: the one before goes too.
        OneTooMany = "one-too-many",
    },
    /// How brokers and producers keep a late record out of a transaction that is over (KIP-890).
    txn_protocol: TxnProtocol needs [Need::Transactions] {
        /// As new clusters of the release: from 4.0 on each transaction has an epoch of its own.
        #[default] OfRelease = "of_release",
        /// The rule of 3.6: leaders ask the coordinator before a transaction's first batch.
        V1Verified = "v1_verified",
        /// The rule before: nobody asks.
        V1 = "v1",
    },
    /// Whether an `acks=all` produce waits for the high watermark.
    acks_all: AcksAll {
        /// It waits.
        #[default] Wait = "wait",
        /// Canary: answered after the leader's append.
        Early = "early",
    },
    /// What a follower does when its log parts from the leader's.
    follower_truncation: FollowerTruncation needs [Need::SeveralBrokers, Need::OneOf(ON_FETCH)] {
        /// Cut at the diverging epoch (KIP-595).
        #[default] Diverging = "diverging",
        /// Canary: keep it and go on behind it.
        Skip = "skip",
    },
    /// What a controller accepts as a member of an ISR.
    isr_members: IsrMembers needs [Need::SeveralBrokers] {
        /// Replicas of the partition that are not fenced.
        #[default] Replicas = "replicas",
        /// Canary: adds a broker that is no replica.
        Anyone = "anyone",
    },
    /// What becomes of the ISRs of a broker that is fenced.
    fencing: Fencing {
        /// It leaves them.
        #[default] Leaves = "leaves",
        /// Canary: it stays in them.
        Stays = "stays",
    },
    /// Whether a leader brings back followers that caught up.
    isr_expand: IsrExpand needs [Need::SeveralBrokers] {
        /// It does.
        #[default] CaughtUp = "caught-up",
        /// Canary: never.
        Never = "never",
    },
    /// Whether replication throttles hold back who is not in sync. Source: KIP-73.
    replication_throttle: ReplicationThrottle needs [Need::ReplicationThrottles] {
        /// They do, once the rate is exceeded.
        #[default] Kept = "kept",
        /// Canary: they measure, and nothing comes of it.
        Forgotten = "forgotten",
    },
    /// The end of what `read_committed` may see.
    last_stable_offset: LastStableOffset {
        /// The first open transaction or the high watermark.
        #[default] Bounded = "bounded",
        /// Canary: the log end offset.
        LogEnd = "log-end",
    },
    /// The list of aborted transactions in a fetch response.
    aborted_list: AbortedList needs [Need::Transactions] {
        /// Given.
        #[default] Given = "given",
        /// Canary: empty.
        Forgotten = "forgotten",
    },
    /// The leader's check of producer sequences.
    sequence_check: SequenceCheck {
        /// Duplicates answered, gaps refused.
        #[default] Full = "full",
        /// Canary: duplicates are appended again.
        NoDuplicates = "no-duplicates",
        /// Canary: gaps are accepted.
        NoGaps = "no-gaps",
        /// Canary: a batch as long as the one before passes for its duplicate, and is answered so.
        EatsNext = "eats-next",
    },
    /// What becomes of a producer's place on a partition when its last records are deleted.
    unknown_pid: UnknownPid {
        /// The leader knows it until `producer.id.expiration.ms` (KAFKA-7190), and takes any
        /// sequence of one that it does not know; its producer raises the epoch (KIP-360).
        #[default] Bump = "bump",
        /// Before 2.5: it is forgotten with its records, and begins at 0 in the same epoch.
        ResetSameEpoch = "reset_same_epoch",
    },
    /// Which producer ids a controller gives to a broker that asks. Source: KAFKA-15552.
    producer_id_blocks: ProducerIdBlocks {
        /// Those of a block that nobody had before.
        #[default] Unique = "unique",
        /// Canary: the block that was given out last, once more.
        Reissued = "reissued",
    },
    /// The epoch that `InitProducerId` gives.
    initialized_epoch: InitializedEpoch needs [Need::Transactions] {
        /// A newer one.
        #[default] Rises = "rises",
        /// Canary: an older one, once there is one.
        Falls = "falls",
    },
    /// How much of its log a coordinator reads when it takes over. Source: KAFKA-5600, KAFKA-9065.
    coordinator_load: CoordinatorLoad {
        /// All of it.
        #[default] Whole = "whole",
        /// Canary: all but the last batch.
        AllButLast = "all-but-last",
    },
    /// What compaction leaves of a key.
    compaction: Compaction {
        /// Its newest record.
        #[default] KeepNewest = "keep-newest",
        /// Canary: nothing, by an offset one too high.
        DropNewest = "drop-newest",
    },
    /// What a cleaning knows of the transactions that it meets.
    cleaned_verdicts: CleanedVerdicts needs [Need::Transactions] {
        /// Which of them were aborted.
        #[default] Known = "known",
        /// Canary: that none was.
        Forgotten = "forgotten",
    },
    /// When tombstones and markers go that have nothing left to shadow. Source: KIP-534.
    delete_horizon: DeleteHorizon {
        /// When the horizon that a cleaning gave their batch is passed.
        #[default] Honored = "honored",
        /// Canary: at once.
        Ignored = "ignored",
    },
    /// The last batch of a producer in a cleaned log.
    cleaned_producers: CleanedProducers {
        /// It stays, if need be without records.
        #[default] Kept = "kept",
        /// Canary: it goes with its records.
        Dropped = "dropped",
    },
    /// What a cleaning takes the marker of a transaction for.
    clean_control_by_key: CleanControlByKey needs [Need::Transactions] {
        /// For a marker.
        #[default] Off = "off",
        /// Before 3.2.1: for a record too, with the integer 0 or 1 as its key (KAFKA-14055).
        On = "on",
    },
    /// What a cleaning knows of aborted transactions when its map is full within a segment.
    partial_clean_index: PartialCleanIndex needs [Need::Transactions] {
        /// All in the segments that it writes anew.
        #[default] Whole = "whole",
        /// Before 2.8.2: those that begin before the map ends (KAFKA-13727).
        CleanedPartOnly = "cleaned_part_only",
    },
    /// How far retention may delete.
    retention_bound: RetentionBound {
        /// To the high watermark.
        #[default] HighWatermark = "high-watermark",
        /// Canary: to the end of the log.
        LogEnd = "log-end",
    },
    /// Which partitions get the marker of a transaction's verdict.
    markers: Markers needs [Need::Transactions] {
        /// All, with the same verdict.
        #[default] All = "all",
        /// Canary: the last partition gets none.
        SkipLast = "skip-last",
        /// Canary: the last partition gets the other verdict.
        FlipLast = "flip-last",
    },
    /// What ends a transaction whose producer fell silent.
    transaction_timeout: TransactionTimeout needs [Need::Transactions] {
        /// `transaction.timeout.ms`.
        #[default] Abort = "abort",
        /// Canary: nothing.
        Never = "never",
    },
    /// Whether a transaction that timed out is aborted in a new epoch.
    abort_timeout_bumps_epoch: AbortTimeoutBumpsEpoch needs [Need::Transactions, Need::OneOf(&[("txn_protocol", "v1"), ("txn_protocol", "v1_verified")])] {
        /// It is: its producer, should it live, is fenced (KAFKA-6119).
        #[default] On = "on",
        /// The rule before: it may go on, and ends what it writes from then on.
        Off = "off",
    },
    /// Whether a leader writes the end of a transaction twice when it is asked to.
    marker_epoch_check: MarkerEpochCheck needs [Need::Transactions, Need::OneOf(&[("txn_protocol", "of_release")])] {
        /// It does: the answer to the first may be lost.
        #[default] Repeats = "ge",
        /// The rule that was tried: an end must be of a newer epoch than what it ends (KAFKA-19999).
        Newer = "gt_no_retry",
    },
    /// Whether offsets in a transaction are taken from members of the present generation alone.
    txn_offset_commit_generation_check: TxnOffsetCommitGenerationCheck needs [Need::Transactions, Need::Groups] {
        /// They are (KIP-447).
        #[default] On = "on",
        /// The rule before: whoever is not fenced by its transactional id commits.
        Off = "off",
    },
    /// Whether a group keeps the offsets of its topics while it rebalances.
    expire_when_unstable: ExpireWhenUnstable needs [Need::Groups] {
        /// It does, from its last commit on.
        #[default] Off = "off",
        /// The rule before: nobody is known to subscribe to anything then (KAFKA-13636).
        On = "on",
    },
    /// How a coordinator of the new protocol keeps who has a partition, when a member goes a step.
    partition_epoch_bookkeeping: PartitionEpochBookkeeping needs [Need::Groups] {
        /// All that the member had is taken out, then all that it has is put in.
        #[default] Whole = "whole",
        /// Before Kafka 3.8: list by list, what it has and what it gives up. A partition that goes
        /// from the second to the first is taken out last (KAFKA-16147).
        ListByList = "list_by_list",
    },
    /// When a coordinator answers an offset commit.
    offset_commit: OffsetCommitRule needs [Need::Groups] {
        /// After replication.
        #[default] Replicated = "replicated",
        /// Canary: offsets are acknowledged and not written.
        Forgotten = "forgotten",
    },
    /// Whether a group's last round ends.
    rebalance_completion: RebalanceCompletion needs [Need::Groups] {
        /// When the leader's assignment arrives.
        #[default] Complete = "complete",
        /// Canary: the coordinator loses the assignment.
        Lose = "lose",
    },
    /// What a coordinator stores of what the leader of a round assigns.
    stored_assignment: StoredAssignment needs [Need::Groups] {
        /// All of it, as it is.
        #[default] Given = "given",
        /// Canary: the first partition goes to the last member, too.
        Shared = "shared",
    },
    /// Whether a parked produce is answered.
    delayed_produce: DelayedProduceRule {
        /// When the high watermark passes or time is up.
        #[default] Answer = "answer",
        /// Canary: lost when it should complete.
        Forget = "forget",
    },
    /// Where a consumer goes on after a poll.
    consumer_position: ConsumerPosition {
        /// Behind the last record given.
        #[default] Next = "next",
        /// Canary: one record further, now and then.
        Skip = "skip",
        /// Canary: one batch back, now and then.
        Back = "back",
    },
    /// What a consumer gives to the application.
    consumer_records: ConsumerRecords {
        /// The records of the batch.
        #[default] Exact = "exact",
        /// Canary: now and then a record nobody sent.
        Invent = "invent",
    },
    /// Where a producer puts a batch that is to be sent again.
    retry_position: RetryPosition {
        /// In order of sequence, at the head of its queue.
        #[default] Head = "head",
        /// Canary: behind newer batches, with a fresh sequence.
        Tail = "tail",
    },
    /// Whether a sink remembers what it has applied.
    sink_memory: SinkMemory {
        /// As its kind says.
        #[default] Kept = "kept",
        /// Canary: forgotten at each rebalance.
        Lost = "lost",
    },
    /// What a service does with records whose output failed.
    failed_output: FailedOutput {
        /// Rewind and process them again.
        #[default] Rewind = "rewind",
        /// Canary: go on.
        Ignore = "ignore",
    },
    /// Where an application reads on that has aborted its transaction.
    app_rewinds_on_abort: AppRewindsOnAbort needs [Need::Transactions, Need::Groups] {
        /// At what was committed last, which it seeks to.
        #[default] On = "on",
        /// Behind what it was given last: an abort moves no position (KAFKA-17582).
        Off = "off",
    },
    /// The broker epoch of a new registration.
    broker_epoch: BrokerEpochRule {
        /// The offset of its record.
        #[default] Offset = "offset",
        /// Canary: that of the registration before.
        Reuse = "reuse",
    },
    /// Whether a controller says what it voted and holds only when that is durable.
    raft_fsync: RaftFsync {
        /// After the flush.
        #[default] On = "on",
        /// Before 2.8: at once, and a power cut takes it back (KAFKA-10533).
        Off = "off",
    },
    /// Whether a leader without a majority's fetches resigns.
    check_quorum: CheckQuorum needs [Need::SeveralControllers] {
        /// After one and a half `controller.quorum.fetch.timeout.ms`.
        #[default] On = "on",
        /// Before 3.7: it leads on (KAFKA-15489).
        Off = "off",
    },
    /// Whether a controller asks if it would be elected before it raises the epoch.
    prevote: Prevote needs [Need::SeveralControllers, Need::ReleaseWithPreVote] {
        /// From 4.0 on (KIP-996).
        #[default] On = "on",
        /// Before 4.0: it raises the epoch at once.
        Off = "off",
    },
    /// Whether only records of the leader's own epoch let others be committed.
    raft_commit_requires_own_epoch: RaftCommitRequiresOwnEpoch needs [Need::SeveralControllers] {
        /// They do, as in Raft.
        #[default] On = "on",
        /// Before 2.8: whatever a majority holds is committed (KAFKA-12619).
        Off = "off",
    },
    /// Whether a controller may cut its log below what it knows to be committed.
    raft_guard_hw: RaftGuardHw needs [Need::SeveralControllers] {
        /// It ends itself instead.
        #[default] On = "on",
        /// Before 3.0: it cuts (KAFKA-12460).
        Off = "off",
    },
    /// What a leader of the quorum does that starts again in its own epoch.
    raft_resume_leader: RaftResumeLeader {
        /// It has resigned.
        #[default] Off = "off",
        /// Before 2.7: it leads on (KAFKA-10527).
        On = "on",
    },
    /// By what a voter of the quorum is known.
    voter_identity: VoterIdentity needs [Need::SeveralControllers] {
        /// By its node id and its directory (KIP-853).
        #[default] DirectoryId = "directory_id",
        /// Before 3.9: by its node id, whatever became of its disk.
        IdOnly = "id_only",
    },
    /// How a follower of a new leader makes its log fit. Source: KIP-101, KIP-279, KIP-595.
    truncate: Truncate needs [Need::SeveralBrokers] {
        /// The answer to a fetch says where the logs part.
        #[default] OnFetch = "on_fetch",
        /// Before Kafka 2.7: it asks for the end of its last epoch before it fetches, and asks
        /// again as long as the leader names an epoch that it does not have.
        Epoch279 = "epoch_279",
        /// Before Kafka 2.0: it asks once, and falls back to its own high watermark.
        Epoch101 = "epoch_101",
        /// Before Kafka 0.11: it cuts at its own high watermark.
        LocalHw = "local_hw",
    },
    /// What a leader answers who is asked for the end of an epoch. Source: KIP-279.
    epoch_answer: EpochAnswer needs [Need::OneOf(ASKS_FOR_EPOCHS)] {
        /// The end of the largest epoch at or below it.
        #[default] Floor = "floor",
        /// Before Kafka 2.0: the start of the next larger epoch, which may be far too high.
        NextLargerOnly = "next_larger_only",
    },
    /// Whether the answer to a fetch counts that was sent under another leader epoch. Source:
    /// KAFKA-18991.
    fetch_response_epoch_check: FetchResponseEpochCheck needs [Need::SeveralBrokers] {
        /// It does not.
        #[default] On = "on",
        /// Before Kafka 3.9.1: it does, if the follower stands where it stood then.
        Off = "off",
    },
    /// When a follower takes over the high watermark of an answer that says where the logs part.
    /// Source: KAFKA-14704.
    follower_hw_before_truncate: FollowerHwBeforeTruncate needs [Need::SeveralBrokers, Need::OneOf(ON_FETCH)] {
        /// Not at all: it cuts, and hears it again.
        #[default] Off = "off",
        /// Before Kafka 3.5: before it cuts.
        On = "on",
    },
    /// The leader epochs that a fetch and a question for offsets carry. Source: KIP-320.
    fetch_epoch: FetchEpoch {
        /// The epoch that the client believes in, which the broker compares with its own.
        #[default] LeaderEpoch = "leader_epoch",
        /// Before Kafka 2.1: none, so that nobody is fenced.
        Absent = "absent",
    },
    /// Whether a consumer asks a new leader if its position is still that of the same record.
    /// Source: KIP-320.
    consumer_epoch_validation: ConsumerEpochValidation {
        /// It does.
        #[default] On = "on",
        /// Before Kafka 2.3: it goes on at the same offset.
        Off = "off",
    },
    /// Whose log ends hold back the high watermark while the ISR changes. Source: KIP-497.
    hw_isr: HwIsr needs [Need::SeveralBrokers, Need::OneOf(&[("high_watermark", "maximal-isr")])] {
        /// The maximal ISR: the committed one, and who was asked for.
        #[default] Maximal = "maximal",
        /// The committed ISR as the leader knows it, and nobody else.
        CommittedOnly = "committed_only",
    },
    /// Whether the high watermark waits while the ISR is below `min.insync.replicas`. Source:
    /// KIP-966, KAFKA-15583.
    hw_requires_min_isr: HwRequiresMinIsr needs [Need::MinIsr] {
        /// It waits.
        #[default] On = "on",
        /// Before Kafka 3.7: it moves with whatever ISR there is.
        Off = "off",
    },
    /// Whether a follower must reach the start of the leader's epoch to join the ISR. Source:
    /// KAFKA-7128.
    isr_join_requires_leso: IsrJoinRequiresLeso needs [Need::SeveralBrokers, Need::OneOf(&[("isr_expand", "caught-up")])] {
        /// It must.
        #[default] On = "on",
        /// Before Kafka 2.1: the leader's high watermark is enough, which lags at first.
        Off = "off",
    },
    /// Whether the controller compares the broker epochs of an ISR that is asked for with
    /// those of the registrations. Source: KIP-903.
    alter_partition_checks_broker_epoch: AlterPartitionChecksBrokerEpoch needs [Need::SeveralBrokers] {
        /// It does.
        #[default] On = "on",
        /// Before Kafka 3.5: a replica that was another process then is let in.
        Off = "off",
    },
    /// Whether there are eligible leader replicas. Source: KIP-966.
    elr: Elr needs [Need::ReleaseWithElr] {
        /// As the release has it: from 4.1 on in new clusters.
        #[default] On = "on",
        /// Before Kafka 4.0: the last member of the ISR stays in it, whatever happens to it.
        Off = "off",
    },
    /// Whether a broker that registers after an unclean shutdown leaves ISR and ELR. Source:
    /// KIP-966, KAFKA-18635.
    unclean_shutdown_detect: UncleanShutdownDetect needs [Need::Elr] {
        /// It does, where there are eligible leader replicas.
        #[default] On = "on",
        /// It stays as if it had lost nothing.
        Off = "off",
    },
    /// `unclean.leader.election.enable` where nobody sets it. Source: KIP-106.
    unclean_election: UncleanElection needs [Need::Unset("unclean.leader.election.enable")] {
        /// False.
        #[default] Off = "off",
        /// Before Kafka 0.11: true.
        On = "on",
    },
}
