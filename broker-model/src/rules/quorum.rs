//! Rules among the controllers of a quorum.

rule_values! {
    /// Whether a controller says what it voted and holds only when that is durable.
    RaftFsync {
        /// After the flush.
        #[default] On = "on",
        /// Before 2.8: at once, and a power cut takes it back (KAFKA-10533).
        Off = "off",
    }
    /// Whether a leader without a majority's fetches resigns.
    CheckQuorum {
        /// After one and a half `controller.quorum.fetch.timeout.ms`.
        #[default] On = "on",
        /// Before 3.7: it leads on (KAFKA-15489).
        Off = "off",
    }
    /// Whether a controller asks if it would be elected before it raises the epoch.
    Prevote {
        /// From 4.0 on (KIP-996).
        #[default] On = "on",
        /// Before 4.0: it raises the epoch at once.
        Off = "off",
    }
    /// Whether only records of the leader's own epoch let others be committed.
    RaftCommitRequiresOwnEpoch {
        /// They do, as in Raft.
        #[default] On = "on",
        /// Before 2.8: whatever a majority holds is committed (KAFKA-12619).
        Off = "off",
    }
    /// Whether a controller may cut its log below what it knows to be committed.
    RaftGuardHw {
        /// It ends itself instead.
        #[default] On = "on",
        /// Before 3.0: it cuts (KAFKA-12460).
        Off = "off",
    }
    /// What a leader of the quorum does that starts again in its own epoch.
    RaftResumeLeader {
        /// It has resigned.
        #[default] Off = "off",
        /// Before 2.7: it leads on (KAFKA-10527).
        On = "on",
    }
    /// By what a voter of the quorum is known.
    VoterIdentity {
        /// By its node id and its directory (KIP-853).
        #[default] DirectoryId = "directory_id",
        /// Before 3.9: by its node id, whatever became of its disk.
        IdOnly = "id_only",
    }
}
