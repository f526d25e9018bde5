//! The configuration of a topic.

use super::BrokerConfig;
use super::config;
use super::not_modelled::TOPIC;
use super::throttled::{ThrottledReplicas, throttled_replicas};
use super::value;
use crate::records::Codec;
use crate::types::{Duration, MILLISECOND};

/// `cleanup.policy`; both at once are allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CleanupPolicy {
    /// Old segments are deleted by time and size.
    pub delete: bool,
    /// Only the last record of each key is kept.
    pub compact: bool,
}

/// `message.timestamp.type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimestampType {
    /// The client's time.
    #[default]
    CreateTime,
    /// The leader's wall clock at the append.
    LogAppendTime,
}

const DAY: Duration = 24 * 3_600_000 * MILLISECOND;

config! {
    /// What the model reads of a topic's configuration. `u64::MAX` nanoseconds mean never.
    /// Source: Kafka documentation, "Topic-Level Configs".
    TopicConfig, not modelled: TOPIC;
    /// `cleanup.policy`.
    cleanup_policy: CleanupPolicy = CleanupPolicy { delete: true, compact: false },
        "cleanup.policy", value::cleanup_policy;
    /// `min.insync.replicas`: at least so many in the ISR for `acks=all` and for the high
    /// watermark to move (KIP-966).
    min_insync_replicas: u32 = 1, "min.insync.replicas", value::int_from_one;
    /// `unclean.leader.election.enable`.
    unclean_leader_election: bool = false, "unclean.leader.election.enable", value::flag;
    /// `max.message.bytes`: largest batch.
    max_message_bytes: u32 = 1_048_588, "max.message.bytes", value::int_from_zero;
    /// `compression.type`: what a leader makes of batches that come in another codec; `None` leaves
    /// each as its producer sent it.
    compression_type: Option<Codec> = None, "compression.type", value::compression_type;
    /// `message.timestamp.type`.
    timestamp_type: TimestampType = TimestampType::CreateTime,
        "message.timestamp.type", value::timestamp_type;
    /// `message.timestamp.after.max.ms`: how far a record may lie in the future.
    timestamp_after_max: Duration = 3_600_000 * MILLISECOND,
        "message.timestamp.after.max.ms", value::millis;
    /// `message.timestamp.before.max.ms`: how far a record may lie in the past.
    timestamp_before_max: Duration = u64::MAX, "message.timestamp.before.max.ms", value::millis;
    /// `retention.ms`; unlimited if `None`.
    retention: Option<Duration> = Some(7 * DAY), "retention.ms", value::millis_or_unlimited;
    /// `retention.bytes` of one partition; unlimited if `None`.
    retention_bytes: Option<u64> = None, "retention.bytes", value::bytes_or_unlimited;
    /// `segment.bytes`: a batch that would pass it opens a new segment.
    segment_bytes: u32 = 1 << 30, "segment.bytes", value::segment_bytes;
    /// `segment.ms`: a batch this much younger than the segment's first opens a new one.
    segment_age: Duration = 7 * DAY, "segment.ms", value::millis_from_one;
    /// `min.cleanable.dirty.ratio`, in millionths: a log with a larger share of dirty bytes is
    /// compacted.
    min_cleanable_dirty_ratio: u32 = 500_000, "min.cleanable.dirty.ratio", value::ratio;
    /// `min.compaction.lag.ms`: younger records are not compacted.
    min_compaction_lag: Duration = 0, "min.compaction.lag.ms", value::millis;
    /// `max.compaction.lag.ms`: older records are compacted however clean the log is.
    max_compaction_lag: Duration = u64::MAX, "max.compaction.lag.ms", value::millis_from_one;
    /// `delete.retention.ms`: tombstones and markers stay so long after their first cleaning.
    delete_retention: Duration = DAY, "delete.retention.ms", value::millis;
    /// `leader.replication.throttled.replicas`: whose reading by followers that are not in sync
    /// counts towards the leader's throttle (KIP-73).
    leader_throttled_replicas: ThrottledReplicas = ThrottledReplicas::None,
        "leader.replication.throttled.replicas", throttled_replicas;
    /// `follower.replication.throttled.replicas`: whose copying counts towards the throttle of the
    /// broker that they are on (KIP-73).
    follower_throttled_replicas: ThrottledReplicas = ThrottledReplicas::None,
        "follower.replication.throttled.replicas", throttled_replicas;
    /// `flush.messages`: records between two forced flushes; `i64::MAX` is never.
    flush_messages: u64 = i64::MAX as u64, "flush.messages", value::long_from_one;
    /// `flush.ms`: age of the last flush at which the flusher flushes the log, whenever it looks.
    flush_interval: Duration = u64::MAX, "flush.ms", value::millis;
}

impl TopicConfig {
    /// Age at which a segment is rolled: a compacted one early enough that
    /// `max.compaction.lag.ms` can be kept. Source: KIP-354.
    #[must_use]
    pub fn roll_age(&self) -> Duration {
        if self.cleanup_policy.compact {
            self.segment_age.min(self.max_compaction_lag)
        } else {
            self.segment_age
        }
    }

    /// Whether the lags of compaction leave a log a time to be compacted at. Source: Kafka,
    /// `LogConfig.validateValues`.
    #[must_use]
    pub const fn lags_fit(&self) -> bool {
        self.min_compaction_lag <= self.max_compaction_lag
    }

    /// A topic without keys of its own: it takes the broker's values.
    #[must_use]
    pub fn from_broker(broker: &BrokerConfig) -> Self {
        Self {
            cleanup_policy: broker.log_cleanup_policy,
            min_insync_replicas: broker.min_insync_replicas,
            unclean_leader_election: broker.unclean_leader_election,
            max_message_bytes: broker.message_max_bytes,
            compression_type: broker.compression_type,
            timestamp_type: broker.log_message_timestamp_type,
            timestamp_after_max: broker.log_message_timestamp_after_max,
            timestamp_before_max: broker.log_message_timestamp_before_max,
            retention: broker.log_retention(),
            retention_bytes: broker.log_retention_bytes,
            segment_bytes: broker.log_segment_bytes,
            segment_age: broker.log_roll_age(),
            min_cleanable_dirty_ratio: broker.log_cleaner_min_cleanable_ratio,
            min_compaction_lag: broker.log_cleaner_min_compaction_lag,
            max_compaction_lag: broker.log_cleaner_max_compaction_lag,
            delete_retention: broker.log_cleaner_delete_retention,
            leader_throttled_replicas: ThrottledReplicas::None,
            follower_throttled_replicas: ThrottledReplicas::None,
            flush_messages: broker.log_flush_interval_messages,
            flush_interval: broker.log_flush_interval(),
        }
    }
}
