//! What a quorum reads of a controller's configuration.

use crate::config::BrokerConfig;
use crate::types::{Duration, MILLISECOND, Release};

/// How long a voter's or broker's fetch of the metadata log waits at the leader for news. Source:
/// Kafka, `KafkaRaftClient.MAX_FETCH_WAIT_MS`.
pub const FETCH_WAIT: Duration = 500 * MILLISECOND;
/// Kafka's `RETRY_BACKOFF_BASE_MS`, on which the back-off after a lost election grows.
pub(super) const BACKOFF_BASE: Duration = 100 * MILLISECOND;
/// How long a leader that was asked to stop waits for a successor. Source: Kafka, the time-out
/// that `KafkaRaftManager` gives to `KafkaRaftClient.shutdown`.
pub(super) const LEAVE_MAX: Duration = 5_000 * MILLISECOND;

/// The configuration of a quorum. Durations are nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuorumConfig {
    /// The release: from 4.0 on controllers ask before they vote (KIP-996).
    pub release: Release,
    /// `controller.quorum.election.timeout.ms`: an election lasts so long, and up to twice that.
    pub election_timeout: Duration,
    /// `controller.quorum.fetch.timeout.ms`: a follower without an answer from its leader for so
    /// long seeks an election, and a leader without fetches of a majority resigns after one and
    /// a half of it.
    pub fetch_timeout: Duration,
    /// `controller.quorum.election.backoff.max.ms`.
    pub election_backoff_max: Duration,
    /// `controller.quorum.retry.backoff.ms`.
    pub retry_backoff: Duration,
    /// `metadata.max.retention.bytes` of the log with its snapshots.
    pub retention_bytes: u64,
    /// `metadata.max.retention.ms`.
    pub retention: Duration,
    /// [`BrokerConfig::snapshot_piece_max`], at least one.
    pub snapshot_piece_max: u64,
}

impl From<&BrokerConfig> for QuorumConfig {
    fn from(config: &BrokerConfig) -> Self {
        Self {
            release: config.release,
            election_timeout: config.controller_quorum_election_timeout,
            fetch_timeout: config.controller_quorum_fetch_timeout,
            election_backoff_max: config.controller_quorum_election_backoff_max,
            retry_backoff: config.controller_quorum_retry_backoff,
            retention_bytes: config.metadata_max_retention_bytes,
            retention: config.metadata_max_retention,
            snapshot_piece_max: config.snapshot_piece_max(),
        }
    }
}

impl QuorumConfig {
    /// How long a leader leads without being fetched from by a majority (KAFKA-15489).
    pub(super) const fn check_quorum_timeout(&self) -> Duration {
        self.fetch_timeout / 2 * 3
    }

    /// How often a leader makes itself known to the other voters.
    pub(super) fn begin_interval(&self) -> Duration {
        (self.fetch_timeout / 2).max(MILLISECOND)
    }
}
