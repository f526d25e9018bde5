//! Rules of a log: sequences, transactions in it, compaction and retention.

rule_values! {
    /// The end of what `read_committed` may see.
    LastStableOffset {
        /// The first open transaction or the high watermark.
        #[default] Bounded = "bounded",
        /// Canary: the log end offset.
        LogEnd = "log-end",
    }
    /// The list of aborted transactions in a fetch response.
    AbortedList {
        /// Given.
        #[default] Given = "given",
        /// Canary: empty.
        Forgotten = "forgotten",
    }
    /// The leader's check of producer sequences.
    SequenceCheck {
        /// Duplicates answered, gaps refused.
        #[default] Full = "full",
        /// Canary: duplicates are appended again.
        NoDuplicates = "no-duplicates",
        /// Canary: gaps are accepted.
        NoGaps = "no-gaps",
        /// Canary: a batch as long as the one before passes for its duplicate, and is answered so.
        EatsNext = "eats-next",
    }
    /// What becomes of a producer's place on a partition when its last records are deleted.
    UnknownPid {
        /// The leader knows it until `producer.id.expiration.ms` (KAFKA-7190), and takes any
        /// sequence of one that it does not know; its producer raises the epoch (KIP-360).
        #[default] Bump = "bump",
        /// Before 2.5: it is forgotten with its records, and begins at 0 in the same epoch.
        ResetSameEpoch = "reset_same_epoch",
    }
    /// What compaction leaves of a key.
    Compaction {
        /// Its newest record.
        #[default] KeepNewest = "keep-newest",
        /// Canary: nothing, by an offset one too high.
        DropNewest = "drop-newest",
    }
    /// What a cleaning knows of the transactions that it meets.
    CleanedVerdicts {
        /// Which of them were aborted.
        #[default] Known = "known",
        /// Canary: that none was.
        Forgotten = "forgotten",
    }
    /// When tombstones and markers go that have nothing left to shadow. Source: KIP-534.
    DeleteHorizon {
        /// When the horizon that a cleaning gave their batch is passed.
        #[default] Honored = "honored",
        /// Canary: at once.
        Ignored = "ignored",
    }
    /// The last batch of a producer in a cleaned log.
    CleanedProducers {
        /// It stays, if need be without records.
        #[default] Kept = "kept",
        /// Canary: it goes with its records.
        Dropped = "dropped",
    }
    /// What a cleaning takes the marker of a transaction for.
    CleanControlByKey {
        /// For a marker.
        #[default] Off = "off",
        /// Before 3.2.1: for a record too, with the integer 0 or 1 as its key (KAFKA-14055).
        On = "on",
    }
    /// What a cleaning knows of aborted transactions when its map is full within a segment.
    PartialCleanIndex {
        /// All in the segments that it writes anew.
        #[default] Whole = "whole",
        /// Before 2.8.2: those that begin before the map ends (KAFKA-13727).
        CleanedPartOnly = "cleaned_part_only",
    }
    /// How far retention may delete.
    RetentionBound {
        /// To the high watermark.
        #[default] HighWatermark = "high-watermark",
        /// Canary: to the end of the log.
        LogEnd = "log-end",
    }
}
