//! Rules of leaders and followers.

rule_values! {
    /// Which replicas hold back the high watermark.
    HighWatermarkRule {
        /// The maximal ISR (KIP-497).
        #[default] MaximalIsr = "maximal-isr",
        /// Canary: the leader alone.
        LeaderOnly = "leader-only",
    }
    /// Which way a leader's high watermark moves.
    HighWatermarkMoves {
        /// Forward.
        #[default] Forward = "forward",
        /// Canary: back too, to a replica that is about to join.
        Back = "back",
    }
    /// What becomes of leader epochs when the end of a log is cut.
    EpochsAtTruncation {
        /// Those that begin behind the cut go.
        #[default] Cut = "cut",
        /// Canary: the one before goes too.
        OneTooMany = "one-too-many",
    }
    /// Whether an `acks=all` produce waits for the high watermark.
    AcksAll {
        /// It waits.
        #[default] Wait = "wait",
        /// Canary: answered after the leader's append.
        Early = "early",
    }
    /// What a follower does when its log parts from the leader's.
    FollowerTruncation {
        /// Cut at the diverging epoch (KIP-595).
        #[default] Diverging = "diverging",
        /// Canary: keep it and go on behind it.
        Skip = "skip",
    }
    /// Whether a leader brings back followers that caught up.
    IsrExpand {
        /// It does.
        #[default] CaughtUp = "caught-up",
        /// Canary: never.
        Never = "never",
    }
    /// Whether replication throttles hold back who is not in sync. Source: KIP-73.
    ReplicationThrottle {
        /// They do, once the rate is exceeded.
        #[default] Kept = "kept",
        /// Canary: they measure, and nothing comes of it.
        Forgotten = "forgotten",
    }
    /// Whether a parked produce is answered.
    DelayedProduceRule {
        /// When the high watermark passes or time is up.
        #[default] Answer = "answer",
        /// Canary: lost when it should complete.
        Forget = "forget",
    }
    /// How a follower of a new leader makes its log fit. Source: KIP-101, KIP-279, KIP-595.
    Truncate {
        /// The answer to a fetch says where the logs part.
        #[default] OnFetch = "on_fetch",
        /// Before Kafka 2.7: it asks for the end of its last epoch before it fetches, and asks
        /// again as long as the leader names an epoch that it does not have.
        Epoch279 = "epoch_279",
        /// Before Kafka 2.0: it asks once, and falls back to its own high watermark.
        Epoch101 = "epoch_101",
        /// Before Kafka 0.11: it cuts at its own high watermark.
        LocalHw = "local_hw",
    }
    /// What a leader answers who is asked for the end of an epoch. Source: KIP-279.
    EpochAnswer {
        /// The end of the largest epoch at or below it.
        #[default] Floor = "floor",
        /// Before Kafka 2.0: the start of the next larger epoch, which may be far too high.
        NextLargerOnly = "next_larger_only",
    }
    /// Whether the answer to a fetch counts that was sent under another leader epoch. Source:
    /// KAFKA-18991.
    FetchResponseEpochCheck {
        /// It does not.
        #[default] On = "on",
        /// Before Kafka 3.9.1: it does, if the follower stands where it stood then.
        Off = "off",
    }
    /// When a follower takes over the high watermark of an answer that says where the logs part.
    /// Source: KAFKA-14704.
    FollowerHwBeforeTruncate {
        /// Not at all: it cuts, and hears it again.
        #[default] Off = "off",
        /// Before Kafka 3.5: before it cuts.
        On = "on",
    }
    /// The leader epochs that a fetch and a question for offsets carry. Source: KIP-320.
    FetchEpoch {
        /// The epoch that the client believes in, which the broker compares with its own.
        #[default] LeaderEpoch = "leader_epoch",
        /// Before Kafka 2.1: none, so that nobody is fenced.
        Absent = "absent",
    }
    /// Whose log ends hold back the high watermark while the ISR changes. Source: KIP-497.
    HwIsr {
        /// The maximal ISR: the committed one, and who was asked for.
        #[default] Maximal = "maximal",
        /// The committed ISR as the leader knows it, and nobody else.
        CommittedOnly = "committed_only",
    }
    /// Whether the high watermark waits while the ISR is below `min.insync.replicas`. Source:
    /// KIP-966, KAFKA-15583.
    HwRequiresMinIsr {
        /// It waits.
        #[default] On = "on",
        /// Before Kafka 3.7: it moves with whatever ISR there is.
        Off = "off",
    }
    /// Whether a follower must reach the start of the leader's epoch to join the ISR. Source:
    /// KAFKA-7128.
    IsrJoinRequiresLeso {
        /// It must.
        #[default] On = "on",
        /// Before Kafka 2.1: the leader's high watermark is enough, which lags at first.
        Off = "off",
    }
}
