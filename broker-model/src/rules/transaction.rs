//! Rules of transactions and their coordinators.

rule_values! {
    /// How brokers and producers keep a late record out of a transaction that is over (KIP-890).
    TxnProtocol {
        /// As new clusters of the release: from 4.0 on each transaction has an epoch of its own.
        #[default] OfRelease = "of_release",
        /// The rule of 3.6: leaders ask the coordinator before a transaction's first batch.
        V1Verified = "v1_verified",
        /// The rule before: nobody asks.
        V1 = "v1",
    }
    /// Which producer ids a controller gives to a broker that asks. Source: KAFKA-15552.
    ProducerIdBlocks {
        /// Those of a block that nobody had before.
        #[default] Unique = "unique",
        /// Canary: the block that was given out last, once more.
        Reissued = "reissued",
    }
    /// The epoch that `InitProducerId` gives.
    InitializedEpoch {
        /// A newer one.
        #[default] Rises = "rises",
        /// Canary: an older one, once there is one.
        Falls = "falls",
    }
    /// How much of its log a coordinator reads when it takes over. Source: KAFKA-5600, KAFKA-9065.
    CoordinatorLoad {
        /// All of it.
        #[default] Whole = "whole",
        /// Canary: all but the last batch.
        AllButLast = "all-but-last",
    }
    /// Which partitions get the marker of a transaction's verdict.
    Markers {
        /// All, with the same verdict.
        #[default] All = "all",
        /// Canary: the last partition gets none.
        SkipLast = "skip-last",
        /// Canary: the last partition gets the other verdict.
        FlipLast = "flip-last",
    }
    /// What ends a transaction whose producer fell silent.
    TransactionTimeout {
        /// `transaction.timeout.ms`.
        #[default] Abort = "abort",
        /// Canary: nothing.
        Never = "never",
    }
    /// Whether a transaction that timed out is aborted in a new epoch.
    AbortTimeoutBumpsEpoch {
        /// It is: its producer, should it live, is fenced (KAFKA-6119).
        #[default] On = "on",
        /// The rule before: it may go on, and ends what it writes from then on.
        Off = "off",
    }
    /// Whether a leader writes the end of a transaction twice when it is asked to.
    MarkerEpochCheck {
        /// It does: the answer to the first may be lost.
        #[default] Repeats = "ge",
        /// The rule that was tried: an end must be of a newer epoch than what it ends (KAFKA-19999).
        Newer = "gt_no_retry",
    }
    /// Whether offsets in a transaction are taken from members of the present generation alone.
    TxnOffsetCommitGenerationCheck {
        /// They are (KIP-447).
        #[default] On = "on",
        /// The rule before: whoever is not fenced by its transactional id commits.
        Off = "off",
    }
}
