//! Rules of the controller: who leads, who is in sync, who is registered.

rule_values! {
    /// The leader epoch at an election.
    ElectionEpoch {
        /// It rises.
        #[default] Bump = "bump",
        /// Canary: it stays.
        Reuse = "reuse",
        /// Canary: it falls, once there is room.
        Fall = "fall",
    }
    /// What a replica does with an older leader epoch in its metadata.
    StaleLeaderEpoch {
        /// It ignores it.
        #[default] Ignore = "ignore",
        /// Canary: it believes any record it is shown again.
        Accept = "accept",
    }
    /// Who may be elected.
    Electable {
        /// Members of ISR and ELR.
        #[default] InSync = "in-sync",
        /// Canary: any live replica, though unclean election is off.
        AnyLive = "any-live",
    }
    /// What a controller accepts as a member of an ISR.
    IsrMembers {
        /// Replicas of the partition that are not fenced.
        #[default] Replicas = "replicas",
        /// Canary: adds a broker that is no replica.
        Anyone = "anyone",
    }
    /// What becomes of the ISRs of a broker that is fenced.
    Fencing {
        /// It leaves them.
        #[default] Leaves = "leaves",
        /// Canary: it stays in them.
        Stays = "stays",
    }
    /// The broker epoch of a new registration.
    BrokerEpochRule {
        /// The offset of its record.
        #[default] Offset = "offset",
        /// Canary: that of the registration before.
        Reuse = "reuse",
    }
    /// Whether the controller compares the broker epochs of an ISR that is asked for with
    /// those of the registrations. Source: KIP-903.
    AlterPartitionChecksBrokerEpoch {
        /// It does.
        #[default] On = "on",
        /// Before Kafka 3.5: a replica that was another process then is let in.
        Off = "off",
    }
    /// Whether a leader asks for a replica to join the ISR that is fenced or shuts down, and the
    /// controller lets it in. Source: KIP-841.
    IsrAdmitsFenced {
        /// Neither.
        #[default] Off = "off",
        /// Before Kafka 3.3: they do, if the broker is registered.
        On = "on",
    }
    /// Whether there are eligible leader replicas. Source: KIP-966.
    Elr {
        /// As the release has it: from 4.1 on in new clusters.
        #[default] On = "on",
        /// Before Kafka 4.0: the last member of the ISR stays in it, whatever happens to it.
        Off = "off",
    }
    /// Whether a broker that registers after an unclean shutdown leaves ISR and ELR. Source:
    /// KIP-966, KAFKA-18635.
    UncleanShutdownDetect {
        /// It does, where there are eligible leader replicas.
        #[default] On = "on",
        /// It stays as if it had lost nothing.
        Off = "off",
    }
    /// What becomes of eligible leader replicas when a broker says in which of its log directories a
    /// replica is. Source: Kafka, `ReplicationControlManager.handleAssignReplicasToDirs`.
    DirectoryAssignmentElr {
        /// They are forgotten: Kafka up to 4.1 builds this one change as if there were none.
        #[default] Forgotten = "forgotten",
        /// They stay, as after Kafka 4.1 (pull request 20716).
        Kept = "kept",
    }
    /// `unclean.leader.election.enable` where nobody sets it. Source: KIP-106.
    UncleanElection {
        /// False.
        #[default] Off = "off",
        /// Before Kafka 0.11: true.
        On = "on",
    }
}
