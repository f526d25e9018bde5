//! Rules of group coordinators.

rule_values! {
    /// Whether a group keeps the offsets of its topics while it rebalances.
    ExpireWhenUnstable {
        /// It does, from its last commit on.
        #[default] Off = "off",
        /// The rule before: nobody is known to subscribe to anything then (KAFKA-13636).
        On = "on",
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
