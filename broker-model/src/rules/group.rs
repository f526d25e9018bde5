//! Rules of group coordinators.

rule_values! {
    /// Whether a group keeps the offsets of its topics while it rebalances.
    ExpireWhenUnstable {
        /// It does, from its last commit on.
        #[default] Off = "off",
        /// The rule before: nobody is known to subscribe to anything then (KAFKA-13636).
        On = "on",
    }
    /// Of what a coordinator that takes over finds of one committed offset, which counts.
    GroupLoad {
        /// What was committed last.
        #[default] LastWins = "last_wins",
        /// Of Kafka 0.11.0.0: what it came upon first (KAFKA-5600).
        FirstWins = "first_wins",
    }
    /// When an offset expires of which the log does not say it.
    ExpireTsDefault {
        /// When `offsets.retention.minutes` have passed.
        #[default] Retention = "retention",
        /// Of Kafka 2.1: with its commit, once a coordinator has read it from its log (KAFKA-8069).
        CommitTs = "commit_ts",
    }
    /// From when on `offsets.retention.minutes` count for a group with members.
    OffsetExpiry {
        /// They do not count while it has subscribed to the topic (KIP-211).
        #[default] OfTheUnused = "of_the_unused",
        /// Before Kafka 2.1: from the commit, whoever uses it.
        FromCommit = "from_commit",
    }
    /// What a coordinator answers a member that asks for an offset which a transaction has pending.
    OffsetFetchStable {
        /// To ask again.
        #[default] On = "on",
        /// Before Kafka 2.5: the offset before it (KIP-447).
        Off = "off",
    }
    /// How a coordinator of the new protocol keeps who has a partition, when a member goes a step.
    PartitionEpochBookkeeping {
        /// All that the member had is taken out, then all that it has is put in.
        #[default] Whole = "whole",
        /// Before Kafka 3.8: list by list, what it has and what it gives up. A partition that goes
        /// from the second to the first is taken out last (KAFKA-16147).
        ListByList = "list_by_list",
    }
    /// When a coordinator answers an offset commit.
    OffsetCommitRule {
        /// After replication.
        #[default] Replicated = "replicated",
        /// Canary: offsets are acknowledged and not written.
        Forgotten = "forgotten",
    }
    /// Whether a group's last round ends.
    RebalanceCompletion {
        /// When the leader's assignment arrives.
        #[default] Complete = "complete",
        /// Canary: the coordinator loses the assignment.
        Lose = "lose",
    }
    /// What a coordinator stores of what the leader of a round assigns.
    StoredAssignment {
        /// All of it, as it is.
        #[default] Given = "given",
        /// Canary: the first partition goes to the last member, too.
        Shared = "shared",
    }
}
