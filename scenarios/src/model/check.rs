//! Which checks run, and what the scenario expects of them.

macro_rules! anomalies {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// What a check or invariant may find; reports have the same names. Also the name of its switch in `[check]`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Anomaly { $($(#[$doc])* $variant),+ }

        impl Anomaly {
            /// All of them: black-box checks, then white-box invariants.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in files and reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// By name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

anomalies! {
    /// An acknowledged record is gone.
    LostAcknowledged = "lost-acknowledged",
    /// A record was read that nobody sent.
    Invented = "invented",
    /// A record is on a log twice.
    Duplicate = "duplicate",
    /// A record is on a log twice because its producer gave its batch a new epoch before it knew
    /// what had become of the first: open in Kafka itself (KAFKA-14034).
    ResentUnderNewEpoch = "resent-under-new-epoch",
    /// Two records of one producer are on a partition in the wrong order.
    Reordered = "reordered",
    /// The same where a leader knew nothing of the producer and took a later sequence first: open
    /// in Kafka itself (KAFKA-14359).
    FirstSequenceSkipped = "first-sequence-skipped",
    /// Two records of one key arrive in the wrong order.
    ReorderedKey = "reordered-key",
    /// A `read_committed` reader saw a record of an aborted transaction.
    AbortedRead = "aborted-read",
    /// Only a part of a transaction is visible.
    TornTransaction = "torn-transaction",
    /// A poll left out committed records of an assignment.
    SkippedPoll = "skipped-poll",
    /// A poll gave records again within an assignment.
    WentBack = "went-back",
    /// An input has no effect.
    EffectLost = "effect-lost",
    /// An input has more than one effect.
    EffectDoubled = "effect-doubled",
    /// An effect was applied for an entity that has no input.
    EffectInvented = "effect-invented",
    /// A row has no record.
    EventLost = "event-lost",
    /// A record has no row.
    EventPhantom = "event-phantom",
    /// An order reached no terminal state, or several.
    UnfinishedOrder = "unfinished-order",
    /// Lag did not drain after healing.
    StuckLag = "stuck-lag",
    /// A call never got an answer.
    UnansweredCall = "unanswered-call",
    /// A gate of `[gate]` failed.
    Gate = "gate",
    /// A partition's leader epoch went back.
    LeaderEpochMonotonic = "leader-epoch-monotonic",
    /// Two leaders in one leader epoch.
    OneLeaderPerEpoch = "one-leader-per-epoch",
    /// The high watermark passed a member of the maximal ISR.
    HighWatermarkInIsr = "high-watermark-in-isr",
    /// Two logs differ below the high watermark.
    LogMatching = "log-matching",
    /// A committed record was truncated.
    CommittedStays = "committed-stays",
    /// Somebody who may be elected lacks a committed record.
    LeaderCandidateCompleteness = "leader-candidate-completeness",
    /// The true high watermark went back.
    TrueHighWatermark = "true-high-watermark",
    /// A committed record was cut.
    TruncationKeepsCommitted = "truncation-keeps-committed",
    /// A fenced broker is in an ISR.
    ValidControllerState = "valid-controller-state",
    /// A leader does not wait for somebody who may be elected.
    ReplicationQuorumSuperset = "replication-quorum-superset",
    /// An ISR holds a broker that is no replica.
    IsrInReplicas = "isr-in-replicas",
    /// The leader epochs of a log are not those of its records.
    EpochsMatchRecords = "epochs-match-records",
    /// The index of aborted transactions of a log is not that of its records.
    AbortedMatchRecords = "aborted-match-records",
    /// Replicas that are not in sync were copied faster than their throttle lets.
    ReplicationThrottle = "replication-throttle",
    /// The last stable offset is wrong or above the high watermark.
    LastStableOffset = "last-stable-offset",
    /// A log has a gap in a producer's sequence.
    SequenceContiguous = "sequence-contiguous",
    /// Compaction removed the newest record of a key.
    CompactionKeepsNewest = "compaction-keeps-newest",
    /// A tombstone or a marker went before its time.
    TombstonesStay = "tombstones-stay",
    /// Compaction changed what is known of an aborted transaction.
    CompactionKeepsVerdicts = "compaction-keeps-verdicts",
    /// Compaction removed the last batch of a producer.
    CompactionKeepsProducers = "compaction-keeps-producers",
    /// Records above the high watermark were deleted, or a log ends earlier without a cut.
    LogBounds = "log-bounds",
    /// A consumer was given what is not replicated, or of an open transaction.
    VisibleReads = "visible-reads",
    /// Fewer unclean stops than promised would lose committed records.
    DurableCandidate = "durable-candidate",
    /// Two leaderships of the controllers' quorum in one epoch.
    OneControllerPerEpoch = "one-controller-per-epoch",
    /// A controller voted for two candidates in one epoch.
    OneVotePerEpoch = "one-vote-per-epoch",
    /// A controller committed older records before one of its own epoch.
    CommitInOwnEpoch = "commit-in-own-epoch",
    /// Committed metadata is not on the disks of a majority, or shrank.
    MetadataHighWatermark = "metadata-high-watermark",
    /// Committed metadata was lost, or somebody holds other metadata.
    MetadataLogPrefix = "metadata-log-prefix",
    /// A broker registered again without a higher epoch.
    BrokerEpochMonotonic = "broker-epoch-monotonic",
    /// An ISR is not full after healing.
    FullIsr = "full-isr",
    /// A group is not stable after healing.
    StableGroups = "stable-groups",
    /// A transaction is still open after healing.
    HangingTransaction = "hanging-transaction",
    /// A coordinator took a transaction from one state to another that cannot follow it.
    TransactionSteps = "transaction-steps",
    /// A marker ended a transaction that it was not written for.
    MarkerOfItsTransaction = "marker-of-its-transaction",
    /// Partitions of a transaction were not all given the verdict that was decided.
    OneVerdict = "one-verdict",
    /// They were not, because a coordinator wrote markers upon a decision that was lost before it
    /// was replicated: open in Kafka itself.
    DecisionUndone = "decision-undone",
    /// A batch of a transaction was appended that is of an epoch of the past.
    FencedEpoch = "fenced-epoch",
    /// A batch was appended to a transaction that was not open.
    OpenWhenAppended = "open-when-appended",
    /// A producer id was given out twice.
    ProducerIdsDisjoint = "producer-ids-disjoint",
    /// New records were taken for ones that are there already, and acknowledged.
    RepeatedIsTheSame = "repeated-is-the-same",
    /// A coordinator knows something else than its log says.
    CoordinatorKnowsItsLog = "coordinator-knows-its-log",
    /// A commit was accepted from a member of the past, or of what another member owns.
    CommitByOwner = "commit-by-owner",
    /// A committed offset was removed under a member that owns its partition.
    OffsetsStay = "offsets-stay",
    /// A partition was given to a member while another one had it.
    OneOwner = "one-owner",
    /// A live instance was fenced by another with the same transactional id.
    ProducerFenced = "producer-fenced",
}

/// `[check]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checks {
    /// Switched off by `NAME = false`; everything else runs. In the order of [`Anomaly::ALL`].
    pub off: Vec<Anomaly>,
    /// `exactly_once`: pairs that must correspond one to one.
    pub exactly_once: Vec<ExactlyOnce>,
    /// `per_key_order`: topics in which records of one key stay in order of
    /// their first send.
    pub per_key_order: Vec<String>,
}

impl Checks {
    /// Whether a check runs.
    #[must_use]
    pub fn runs(&self, anomaly: Anomaly) -> bool {
        !self.off.contains(&anomaly)
    }
}

/// `{ from = TOPIC, to = TOPIC or LEDGER }`: each entity on `from` ends up on `to` exactly once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExactlyOnce {
    /// A topic.
    pub from: String,
    /// A topic or an effect ledger.
    pub to: String,
}

/// A run's verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verdict {
    /// Everything held.
    #[default]
    Pass,
    /// Something did not.
    Fail,
    /// Not enough was seen.
    Inconclusive,
}

/// `[expect]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expectation {
    /// `verdict`.
    pub verdict: Verdict,
    /// `anomaly`: must be among what was found; only with `verdict = "fail"`.
    pub anomaly: Option<Anomaly>,
    /// `also`: what may be found beside it; anything else is not as expected.
    pub also: Vec<Anomaly>,
    /// `notes`: what must happen in the run, in the simulator's own words (names of notes and of
    /// faults), so that a regression does not become vacuous when the model moves on.
    pub notes: Vec<String>,
}
