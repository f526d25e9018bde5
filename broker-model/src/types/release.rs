//! The releases of Kafka that a cluster can run.

/// A release, with a new cluster's features. Ordered by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Release {
    /// 3.9.
    V3_9,
    /// 4.0.
    V4_0,
    /// 4.1.
    #[default]
    V4_1,
}

impl Release {
    /// Finalized level of `transaction.version`: 2 is KIP-890, under which each transaction has
    /// an epoch of its own; below it leaders only ask whether a partition belongs to one.
    /// Source: `kafka-storage format` of each release without `--feature`.
    #[must_use]
    pub const fn transaction_version(self) -> u8 {
        match self {
            Self::V3_9 => 0,
            Self::V4_0 | Self::V4_1 => 2,
        }
    }

    /// Whether `eligible.leader.replicas.version` is 1 (KIP-966): on in new clusters of 4.1, off
    /// in those of 4.0, unknown to 3.9.
    #[must_use]
    pub const fn eligible_leader_replicas(self) -> bool {
        matches!(self, Self::V4_1)
    }

    /// Whether a controller that wants to be elected asks first whether it would be (KIP-996).
    #[must_use]
    pub const fn pre_vote(self) -> bool {
        matches!(self, Self::V4_0 | Self::V4_1)
    }

    /// Whether a controller keeps sessions by broker epoch, apart from fencing: then a new
    /// incarnation waits for the old one's session whatever became of it (KAFKA-18062).
    #[must_use]
    pub const fn tracks_sessions_by_epoch(self) -> bool {
        matches!(self, Self::V4_0 | Self::V4_1)
    }

    /// Whether a broker asks its controller again after `broker.heartbeat.interval.ms` when it was
    /// refused or not answered (KAFKA-19294), and not after a growing pause or half a session.
    #[must_use]
    pub const fn retries_by_heartbeat(self) -> bool {
        matches!(self, Self::V4_1)
    }

    /// Whether a fetch of the metadata log is answered when the high watermark moves, and not
    /// only when there are records (KIP-1166).
    #[must_use]
    pub const fn fetch_sees_high_watermark(self) -> bool {
        matches!(self, Self::V4_1)
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn features_come_with_releases() {
        let features = |r: Release| (r.transaction_version(), r.eligible_leader_replicas());
        let all = [Release::V3_9, Release::V4_0, Release::V4_1].map(features);
        assert_eq!(all, [(0, false), (2, false), (2, true)]);
    }
}
