//! Broker keys that the group coordinator reads.

use crate::config::MigrationPolicy;
use crate::protocol::consumer_group::ServerAssignor;
use crate::types::{Duration, MILLISECOND, SECOND};

/// Settings of the group coordinator, Kafka's keys with Kafka's defaults. Source: Kafka 4.1
/// documentation, "Broker Configs".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupSettings {
    /// `group.initial.rebalance.delay.ms` in nanoseconds.
    pub initial_rebalance_delay: Duration,
    /// `group.min.session.timeout.ms` in nanoseconds.
    pub min_session_timeout: Duration,
    /// `group.max.session.timeout.ms` in nanoseconds.
    pub max_session_timeout: Duration,
    /// `group.max.size` in members.
    pub max_size: u32,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_max_bytes: usize,
    /// Groups of the new protocol are served: `group.coordinator.rebalance.protocols` names it.
    pub serves_consumer_protocol: bool,
    /// `group.consumer.session.timeout.ms` in nanoseconds.
    pub consumer_session_timeout: Duration,
    /// `group.consumer.heartbeat.interval.ms` in nanoseconds.
    pub consumer_heartbeat_interval: Duration,
    /// `group.consumer.regex.refresh.interval.ms` in nanoseconds.
    pub pattern_refresh_interval: Duration,
    /// `group.consumer.max.size` in members.
    pub consumer_max_size: u32,
    /// `group.consumer.migration.policy`.
    pub migration: MigrationPolicy,
    /// `group.consumer.assignors`, the default first.
    pub assignors: [Option<ServerAssignor>; 2],
    /// `offsets.retention.minutes` in nanoseconds.
    pub offsets_retention: Duration,
    /// `offsets.retention.check.interval.ms` in nanoseconds.
    pub offsets_retention_check_interval: Duration,
    /// `offsets.commit.timeout.ms` in nanoseconds: how long any write waits for replication.
    pub offsets_commit_timeout: Duration,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            initial_rebalance_delay: 3 * SECOND,
            min_session_timeout: 6 * SECOND,
            max_session_timeout: 1800 * SECOND,
            max_size: i32::MAX.unsigned_abs(),
            offset_metadata_max_bytes: 4_096,
            serves_consumer_protocol: true,
            consumer_session_timeout: 45 * SECOND,
            consumer_heartbeat_interval: 5 * SECOND,
            pattern_refresh_interval: 600 * SECOND,
            consumer_max_size: i32::MAX.unsigned_abs(),
            migration: MigrationPolicy::BIDIRECTIONAL,
            assignors: [Some(ServerAssignor::Uniform), Some(ServerAssignor::Range)],
            offsets_retention: 10_080 * 60 * SECOND,
            offsets_retention_check_interval: 600_000 * MILLISECOND,
            offsets_commit_timeout: 5 * SECOND,
        }
    }
}

impl GroupSettings {
    /// The assignor of groups whose members name none.
    pub(super) fn default_assignor(&self) -> ServerAssignor {
        self.assignors[0].unwrap_or(ServerAssignor::Uniform)
    }
}

/// How long a member that joined for the first time may wait in its join before it counts as
/// gone: it cannot heartbeat meanwhile. Source: Kafka, `group.new.member.join.timeout` (5 min).
pub(super) const NEW_MEMBER_JOIN_TIMEOUT: Duration = 300 * SECOND;
