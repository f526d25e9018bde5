//! What a check says: a verdict, the first violations, how many there were.

use serde::{Deserialize, Serialize};

/// How many violations a finding quotes; the rest is counted.
pub const EVIDENCE_MAX: usize = 5;

/// What is known about a property after a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The scenario does not ask for it: nothing is concluded, whatever was seen.
    Off,
    /// It held.
    Pass,
    /// The run did not show enough to tell.
    Inconclusive,
    /// It was violated.
    Fail,
}

impl Verdict {
    /// `off`, `pass`, `inconclusive` or `fail`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }

    /// The worst of many: fail, then inconclusive, then pass. What is off has no say.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().fold(Self::Pass, Self::max)
    }
}

macro_rules! anomalies {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// What a check or invariant may find. The language has the same names.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        pub enum Anomaly { $($(#[$doc])* #[serde(rename = $name)] $variant),+ }

        impl Anomaly {
            /// Every anomaly, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in scenario files and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The anomaly of this name.
            #[must_use]
            pub fn of_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

anomalies! {
    /// An acknowledged record is in no log.
    LostAcknowledged = "lost-acknowledged",
    /// A record exists that nobody sent, or whose send failed for certain.
    Invented = "invented",
    /// A record is in a log twice.
    Duplicate = "duplicate",
    /// A record is on a log twice because its producer gave its batch a new epoch before it knew
    /// what had become of the first. Source: KAFKA-14034, open in Kafka itself.
    ResentUnderNewEpoch = "resent-under-new-epoch",
    /// Records of one producer are in another order than sent.
    Reordered = "reordered",
    /// The same where a leader that knew nothing of the producer took a later sequence first.
    /// Source: KAFKA-14359, open in Kafka itself.
    FirstSequenceSkipped = "first-sequence-skipped",
    /// Records of one key are in another order than they happened.
    ReorderedKey = "reordered-key",
    /// A read_committed reader saw a record of an aborted transaction.
    AbortedRead = "aborted-read",
    /// Some records of a transaction are visible and some are not.
    TornTransaction = "torn-transaction",
    /// A reader jumped over a record.
    SkippedPoll = "skipped-poll",
    /// A reader was given an offset again within one assignment.
    WentBack = "went-back",
    /// An entity's effect was never applied.
    EffectLost = "effect-lost",
    /// An entity's effect was applied more than once.
    EffectDoubled = "effect-doubled",
    /// An effect was applied for an entity that has no input.
    EffectInvented = "effect-invented",
    /// A row was committed, and its record is in no log.
    EventLost = "event-lost",
    /// A record is in the log, and its row was never committed.
    EventPhantom = "event-phantom",
    /// An entity is in no terminal state, or in several.
    UnfinishedOrder = "unfinished-order",
    /// A group did not work off its lag.
    StuckLag = "stuck-lag",
    /// A call never returned.
    UnansweredCall = "unanswered-call",
    /// A service level was missed.
    Gate = "gate",
    /// A partition's leader epoch went back.
    LeaderEpochMonotonic = "leader-epoch-monotonic",
    /// Two brokers led a partition in one leader epoch.
    OneLeaderPerEpoch = "one-leader-per-epoch",
    /// A high watermark passed a member of the maximal ISR.
    HighWatermarkInIsr = "high-watermark-in-isr",
    /// Two logs differ below their high watermarks.
    LogMatching = "log-matching",
    /// A committed record was cut from a log that leads.
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
    /// A last stable offset is above the high watermark, falls, or passes a transaction whose
    /// marker is not replicated.
    LastStableOffset = "last-stable-offset",
    /// A log has a gap or a repetition in a producer's sequence.
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
    /// A transaction is open after healing.
    HangingTransaction = "hanging-transaction",
    /// A coordinator took a transaction from one state to another that cannot follow it.
    TransactionSteps = "transaction-steps",
    /// A marker ended a transaction that it was not written for.
    MarkerOfItsTransaction = "marker-of-its-transaction",
    /// Partitions of a transaction were not all given the verdict that was decided.
    OneVerdict = "one-verdict",
    /// They were not, because markers had been written upon a decision that was lost before it was
    /// replicated. Open in Kafka itself.
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
    /// A live producer was fenced by another with its transactional id.
    ProducerFenced = "producer-fenced",
}

impl Anomaly {
    /// Whether it is a matter of liveness: something that should have happened by now.
    #[must_use]
    pub const fn is_liveness(self) -> bool {
        matches!(
            self,
            Self::UnfinishedOrder
                | Self::StuckLag
                | Self::UnansweredCall
                | Self::FullIsr
                | Self::StableGroups
                | Self::HangingTransaction
        )
    }
}

/// One violation. Fields that do not apply are `None`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Violation {
    /// Its kind.
    pub anomaly: Anomaly,
    /// What happened, in a sentence without a final period.
    pub text: String,
    /// The record.
    pub record: Option<u32>,
    /// The partition, by name.
    pub partition: Option<String>,
    /// The offset.
    pub offset: Option<i64>,
    /// When, simulated ns.
    pub at_ns: Option<u64>,
}

/// What one check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The property's name.
    pub name: String,
    /// Did it hold?
    pub verdict: Verdict,
    /// How much was looked at and what came out, in a sentence without a final period.
    pub detail: String,
    /// How many violations there were.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub violations: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Violation>,
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Finding {
    /// The anomalies it quotes, without repetition, in order of declaration.
    #[must_use]
    pub fn anomalies(&self) -> Vec<Anomaly> {
        let mut all: Vec<Anomaly> = self.evidence.iter().map(|one| one.anomaly).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Switches it off: it says nothing of the run. What was seen stays in words, marked as such.
    pub fn switch_off(&mut self) {
        self.verdict = Verdict::Off;
        self.detail = format!("switched off by the scenario (seen: {})", self.detail);
        self.violations = 0;
        self.evidence.clear();
    }
}

/// Counts violations and keeps the first few, as facts that are turned into text at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally<T> {
    count: u64,
    first: Vec<T>,
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Tally<T> {
    /// One more.
    pub fn add(&mut self, violation: T) {
        self.count += 1;
        if self.first.len() < EVIDENCE_MAX {
            self.first.push(violation);
        }
    }

    /// How many there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &[T] {
        &self.first
    }
}

#[cfg(test)]
mod tests {
    use super::{Anomaly, EVIDENCE_MAX, Tally, Verdict};

    #[test]
    fn the_worst_verdict_wins() {
        use Verdict::{Fail, Inconclusive, Off, Pass};
        assert_eq!(Verdict::worst([]), Pass);
        assert_eq!(Verdict::worst([Off, Off]), Pass);
        assert_eq!(Verdict::worst([Pass, Inconclusive]), Inconclusive);
        assert_eq!(Verdict::worst([Fail, Inconclusive, Pass]), Fail);
    }

    #[test]
    fn names_in_json_and_in_text_agree() {
        for anomaly in Anomaly::ALL {
            let json = serde_json::to_string(anomaly).expect("an enum serializes");
            assert_eq!(json.trim_matches('"'), anomaly.name());
            assert_eq!(Anomaly::of_name(anomaly.name()), Some(*anomaly));
        }
    }

    #[test]
    fn a_tally_counts_all_and_keeps_the_first() {
        let mut tally = Tally::default();
        for n in 0..9 {
            tally.add(n);
        }
        assert_eq!(tally.count(), 9);
        assert_eq!(tally.first(), &[0, 1, 2, 3, 4][..EVIDENCE_MAX]);
    }
}
