//! What a controller reads of its configuration.

use crate::config::{BrokerConfig, GroupBounds};
use crate::quorum::{FETCH_WAIT, QuorumConfig};
use crate::rules::{Elr, Rules};
use crate::types::{Duration, Release};

/// The configuration of a controller. Durations are nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ControllerConfig {
    /// `broker.session.timeout.ms`: a broker silent for so long is fenced.
    pub broker_session_timeout: Duration,
    /// The release, which gives a new cluster its features.
    pub release: Release,
    /// Finalized level of `transaction.version`.
    pub transaction_version: u8,
    /// `eligible.leader.replicas.version` is 1 (KIP-966), as in new clusters of Kafka 4.1.
    pub eligible_leader_replicas: bool,
    /// `min.insync.replicas` of topics that do not say.
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable` of topics that do not say.
    pub unclean_leader_election: bool,
    /// `unclean.leader.election.interval.ms`: how often leaderless partitions are looked for.
    pub unclean_leader_election_interval: Duration,
    /// `auto.leader.rebalance.enable`.
    pub auto_leader_rebalance: bool,
    /// `leader.imbalance.check.interval.seconds`.
    pub leader_imbalance_check_interval: Duration,
    /// How long a broker's read of the metadata log waits for news.
    pub metadata_fetch_wait: Duration,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub snapshot_bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`.
    pub snapshot_interval: Option<Duration>,
    /// What groups may have of their own.
    pub groups: GroupBounds,
    /// How it elects and replicates with the other controllers.
    pub quorum: QuorumConfig,
}

impl Default for ControllerConfig {
    fn default() -> Self {
        Self::from(&BrokerConfig::default())
    }
}

impl ControllerConfig {
    /// The configuration under rules that may be other than today's.
    #[must_use]
    pub fn under(config: &BrokerConfig, rules: &Rules) -> Self {
        let today = Self::from(config);
        let eligible_leader_replicas = today.eligible_leader_replicas && rules.elr == Elr::On;
        Self { eligible_leader_replicas, ..today }
    }
}

impl From<&BrokerConfig> for ControllerConfig {
    fn from(config: &BrokerConfig) -> Self {
        Self {
            broker_session_timeout: config.broker_session_timeout,
            release: config.release,
            transaction_version: config.transaction_version(),
            eligible_leader_replicas: config.release.eligible_leader_replicas(),
            min_insync_replicas: config.min_insync_replicas,
            unclean_leader_election: config.unclean_leader_election,
            unclean_leader_election_interval: config.unclean_leader_election_interval,
            auto_leader_rebalance: config.auto_leader_rebalance_enable,
            leader_imbalance_check_interval: config.leader_imbalance_check_interval,
            metadata_fetch_wait: FETCH_WAIT,
            snapshot_bytes: config.metadata_log_max_record_bytes_between_snapshots,
            snapshot_interval: config.metadata_log_max_snapshot_interval,
            groups: GroupBounds::from(config),
            quorum: QuorumConfig::from(config),
        }
    }
}
