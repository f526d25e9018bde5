//! The configuration of a broker.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::config;
use super::not_modelled::BROKER;
use super::throttled::UNTHROTTLED;
use super::value;
use super::{CleanupPolicy, MigrationPolicy, ReplicaSelector, TimestampType};
use crate::protocol::consumer_group::ServerAssignor;
use crate::records::Codec;
use crate::types::{Duration, MILLISECOND, Release};

/// The default of `log.dir`.
const LOG_DIR: &str = "/tmp/kafka-logs";
const HOUR: Duration = 3_600_000 * MILLISECOND;
/// The default of `group.coordinator.append.linger.ms` from 4.0 on.
const GROUP_APPEND_LINGER: Duration = 5 * MILLISECOND;
/// Kafka, `KafkaRaftClient.MAX_FETCH_SIZE_BYTES`.
const SNAPSHOT_PIECE_MAX: u64 = 8 << 20;
/// The default of Kafka's `int` keys without a bound.
const INT_MAX: u32 = i32::MAX as u32;

config! {
    /// What the model reads of a broker's configuration. `u64::MAX` nanoseconds mean never.
    /// Source: Kafka documentation, "Broker Configs".
    BrokerConfig, not modelled: BROKER,
    beside
        /// The release that the cluster runs.
        release: Release,
    beside
        /// Finalized level of `transaction.version`, where it is not that of a new cluster of the
        /// release (KIP-584).
        formatted_transaction_version: Option<u8>;
    /// `num.network.threads`.
    num_network_threads: u32 = 3, "num.network.threads", value::int_from_one;
    /// `num.io.threads`: request handlers.
    num_io_threads: u32 = 8, "num.io.threads", value::int_from_one;
    /// `num.recovery.threads.per.data.dir`: threads that recover logs after an unclean stop.
    num_recovery_threads_per_data_dir: u32 = 2,
        "num.recovery.threads.per.data.dir", value::int_from_one;
    /// `socket.request.max.bytes`.
    socket_request_max_bytes: u32 = 104_857_600, "socket.request.max.bytes", value::int_from_one;
    /// `replica.socket.timeout.ms`: of a follower's fetches.
    replica_socket_timeout: Duration = 30_000 * MILLISECOND,
        "replica.socket.timeout.ms", value::millis;
    /// `controller.socket.timeout.ms`: of what a broker asks the controller.
    controller_socket_timeout: Duration = 30_000 * MILLISECOND,
        "controller.socket.timeout.ms", value::millis;
    /// `request.timeout.ms`: of requests a broker sends, and of coordinators' appends.
    request_timeout: Duration = 30_000 * MILLISECOND, "request.timeout.ms", value::millis;

    /// `num.replica.fetchers`: fetcher threads to each other broker.
    num_replica_fetchers: u32 = 1, "num.replica.fetchers", value::int_from_one;
    /// `replica.lag.time.max.ms`.
    replica_lag_time_max: Duration = 30_000 * MILLISECOND,
        "replica.lag.time.max.ms", value::millis;
    /// `replica.fetch.max.bytes` of one partition.
    replica_fetch_max_bytes: u32 = 1_048_576, "replica.fetch.max.bytes", value::int_from_zero;
    /// `replica.fetch.response.max.bytes` of one response.
    replica_fetch_response_max_bytes: u32 = 10_485_760,
        "replica.fetch.response.max.bytes", value::int_from_zero;
    /// `replica.fetch.wait.max.ms`.
    replica_fetch_wait_max: Duration = 500 * MILLISECOND,
        "replica.fetch.wait.max.ms", value::millis;
    /// `replica.fetch.min.bytes`.
    replica_fetch_min_bytes: u32 = 1, "replica.fetch.min.bytes", value::int_from_zero;
    /// `replica.fetch.backoff.ms`.
    replica_fetch_backoff: Duration = 1_000 * MILLISECOND,
        "replica.fetch.backoff.ms", value::millis;
    /// `replica.high.watermark.checkpoint.interval.ms`.
    replica_high_watermark_checkpoint_interval: Duration = 5_000 * MILLISECOND,
        "replica.high.watermark.checkpoint.interval.ms", value::period;
    /// `leader.replication.throttled.rate`: bytes a second that this broker gives of throttled
    /// replicas to followers that are not in sync (KIP-73). Kafka takes it as a dynamic key only,
    /// which a change of a broker's configuration is here too.
    leader_replication_throttled_rate: u64 = UNTHROTTLED,
        "leader.replication.throttled.rate", value::long_from_zero;
    /// `follower.replication.throttled.rate`: bytes a second that this broker takes into throttled
    /// replicas that are not in sync (KIP-73).
    follower_replication_throttled_rate: u64 = UNTHROTTLED,
        "follower.replication.throttled.rate", value::long_from_zero;
    /// `replication.quota.window.num`: windows of which the throttled rates are made.
    replication_quota_window_num: u32 = 11,
        "replication.quota.window.num", value::int_from_one;
    /// `replication.quota.window.size.seconds`: the length of each of them.
    replication_quota_window_size: Duration = 1_000 * MILLISECOND,
        "replication.quota.window.size.seconds", value::seconds;
    /// `fetch.max.bytes`: largest fetch response.
    fetch_max_bytes: u32 = 57_671_680, "fetch.max.bytes", value::int_from_zero;
    /// `replica.selector.class`: whether consumers are sent to the replica in their rack.
    replica_selector: ReplicaSelector = ReplicaSelector::Leader,
        "replica.selector.class", value::replica_selector;
    /// `max.incremental.fetch.session.cache.slots`.
    max_incremental_fetch_session_cache_slots: u32 = 1_000,
        "max.incremental.fetch.session.cache.slots", value::int_from_zero;

    /// `broker.session.timeout.ms`.
    broker_session_timeout: Duration = 9_000 * MILLISECOND,
        "broker.session.timeout.ms", value::millis;
    /// `broker.heartbeat.interval.ms`.
    broker_heartbeat_interval: Duration = 2_000 * MILLISECOND,
        "broker.heartbeat.interval.ms", value::millis_from_one;
    /// `controlled.shutdown.enable`.
    controlled_shutdown_enable: bool = true, "controlled.shutdown.enable", value::flag;
    /// `auto.leader.rebalance.enable`.
    auto_leader_rebalance_enable: bool = true, "auto.leader.rebalance.enable", value::flag;
    /// `leader.imbalance.check.interval.seconds`.
    leader_imbalance_check_interval: Duration = 300_000 * MILLISECOND,
        "leader.imbalance.check.interval.seconds", value::seconds;
    /// `unclean.leader.election.interval.ms`.
    unclean_leader_election_interval: Duration = 300_000 * MILLISECOND,
        "unclean.leader.election.interval.ms", value::millis_from_one;

    /// `controller.quorum.election.timeout.ms`.
    controller_quorum_election_timeout: Duration = 1_000 * MILLISECOND,
        "controller.quorum.election.timeout.ms", value::millis_from_one;
    /// `controller.quorum.fetch.timeout.ms`.
    controller_quorum_fetch_timeout: Duration = 2_000 * MILLISECOND,
        "controller.quorum.fetch.timeout.ms", value::millis_from_one;
    /// `controller.quorum.election.backoff.max.ms`.
    controller_quorum_election_backoff_max: Duration = 1_000 * MILLISECOND,
        "controller.quorum.election.backoff.max.ms", value::millis;
    /// `controller.quorum.request.timeout.ms`.
    controller_quorum_request_timeout: Duration = 2_000 * MILLISECOND,
        "controller.quorum.request.timeout.ms", value::millis_from_one;
    /// `controller.quorum.retry.backoff.ms`.
    controller_quorum_retry_backoff: Duration = 20 * MILLISECOND,
        "controller.quorum.retry.backoff.ms", value::period;

    /// `metadata.log.max.record.bytes.between.snapshots`.
    metadata_log_max_record_bytes_between_snapshots: u64 = 20_971_520,
        "metadata.log.max.record.bytes.between.snapshots", value::long_from_one;
    /// `metadata.log.max.snapshot.interval.ms`; never if `None`.
    metadata_log_max_snapshot_interval: Option<Duration> = Some(HOUR),
        "metadata.log.max.snapshot.interval.ms", value::some_millis_unless_zero;
    /// `metadata.max.retention.bytes` of the metadata log with its snapshots.
    metadata_max_retention_bytes: u64 = 104_857_600,
        "metadata.max.retention.bytes", value::bytes_or_all;
    /// `metadata.max.retention.ms` of a snapshot of the metadata log.
    metadata_max_retention: Duration = 168 * HOUR,
        "metadata.max.retention.ms", value::millis_or_never;

    /// `min.insync.replicas`.
    min_insync_replicas: u32 = 1, "min.insync.replicas", value::int_from_one;
    /// `unclean.leader.election.enable`.
    unclean_leader_election: bool = false, "unclean.leader.election.enable", value::flag;
    /// `message.max.bytes`.
    message_max_bytes: u32 = 1_048_588, "message.max.bytes", value::int_from_zero;

    /// `log.dirs`: the log directories, told apart by their places in the list.
    log_dirs: Vec<String> = vec![String::from(LOG_DIR)], "log.dirs", value::directories;
    /// `metadata.log.dir`: where the metadata log is, `None` for the first of `log.dirs`.
    metadata_log_dir: Option<String> = None, "metadata.log.dir", value::path;
    /// `log.dir.failure.timeout.ms`: a broker that cannot tell the controller of a directory
    /// that failed ends itself.
    log_dir_failure_timeout: Duration = 30_000 * MILLISECOND,
        "log.dir.failure.timeout.ms", value::millis_from_one;
    /// `log.cleanup.policy`.
    log_cleanup_policy: CleanupPolicy = CleanupPolicy { delete: true, compact: false },
        "log.cleanup.policy", value::cleanup_policy;
    /// `compression.type`: for topics without their own; `None` leaves batches as they come.
    compression_type: Option<Codec> = None, "compression.type", value::compression_type;
    /// `log.message.timestamp.type`.
    log_message_timestamp_type: TimestampType = TimestampType::CreateTime,
        "log.message.timestamp.type", value::timestamp_type;
    /// `log.message.timestamp.after.max.ms`.
    log_message_timestamp_after_max: Duration = HOUR,
        "log.message.timestamp.after.max.ms", value::millis;
    /// `log.message.timestamp.before.max.ms`.
    log_message_timestamp_before_max: Duration = u64::MAX,
        "log.message.timestamp.before.max.ms", value::millis;
    /// `log.segment.bytes`.
    log_segment_bytes: u32 = 1 << 30, "log.segment.bytes", value::segment_bytes;
    /// `log.roll.hours`, unless `log.roll.ms` is set.
    log_roll_hours: Duration = 168 * HOUR, "log.roll.hours", value::hours;
    /// `log.roll.ms`.
    log_roll: Option<Duration> = None, "log.roll.ms", value::some_millis_from_one;
    /// `log.retention.hours`, unless a finer key is set; unlimited if `None`.
    log_retention_hours: Option<Duration> = Some(168 * HOUR),
        "log.retention.hours", value::hours_or_unlimited;
    /// `log.retention.minutes`, unless `log.retention.ms` is set.
    log_retention_minutes: Option<Option<Duration>> = None,
        "log.retention.minutes", value::some_minutes_or_unlimited;
    /// `log.retention.ms`.
    log_retention_ms: Option<Option<Duration>> = None,
        "log.retention.ms", value::some_retention;
    /// `log.retention.bytes`; unlimited if `None`.
    log_retention_bytes: Option<u64> = None, "log.retention.bytes", value::bytes_or_unlimited;
    /// `log.retention.check.interval.ms`.
    log_retention_check_interval: Duration = 300_000 * MILLISECOND,
        "log.retention.check.interval.ms", value::millis_from_one;
    /// `log.cleaner.enable`.
    log_cleaner_enable: bool = true, "log.cleaner.enable", value::flag;
    /// `log.cleaner.threads`: logs compacted at once.
    log_cleaner_threads: u32 = 1, "log.cleaner.threads", value::int_from_zero;
    /// `log.cleaner.backoff.ms`: pause of a cleaner that found nothing to do.
    log_cleaner_backoff: Duration = 15_000 * MILLISECOND,
        "log.cleaner.backoff.ms", value::period;
    /// `log.cleaner.io.max.bytes.per.second`, read and written together by all cleaners.
    log_cleaner_io_max_bytes_per_second: u64 = u64::MAX,
        "log.cleaner.io.max.bytes.per.second", value::rate;
    /// `log.cleaner.dedupe.buffer.size`, of all threads together.
    log_cleaner_dedupe_buffer_size: u64 = 134_217_728,
        "log.cleaner.dedupe.buffer.size", value::dedupe_buffer;
    /// `log.cleaner.io.buffer.load.factor`, in millionths.
    log_cleaner_io_buffer_load_factor: u32 = 900_000,
        "log.cleaner.io.buffer.load.factor", value::ratio;
    /// `log.cleaner.min.cleanable.ratio`, in millionths.
    log_cleaner_min_cleanable_ratio: u32 = 500_000,
        "log.cleaner.min.cleanable.ratio", value::ratio;
    /// `log.cleaner.min.compaction.lag.ms`.
    log_cleaner_min_compaction_lag: Duration = 0,
        "log.cleaner.min.compaction.lag.ms", value::millis;
    /// `log.cleaner.max.compaction.lag.ms`.
    log_cleaner_max_compaction_lag: Duration = u64::MAX,
        "log.cleaner.max.compaction.lag.ms", value::millis_from_one;
    /// `log.cleaner.delete.retention.ms`.
    log_cleaner_delete_retention: Duration = 24 * HOUR,
        "log.cleaner.delete.retention.ms", value::millis;
    /// `log.flush.interval.messages`; `i64::MAX` is never.
    log_flush_interval_messages: u64 = i64::MAX as u64,
        "log.flush.interval.messages", value::long_from_one;
    /// `log.flush.interval.ms`: the default of `flush.ms`.
    log_flush_interval_ms: Option<Duration> = None, "log.flush.interval.ms", value::some_millis;
    /// `log.flush.scheduler.interval.ms`: between two rounds of the flusher; 0 is one round.
    log_flush_scheduler_interval: Duration = u64::MAX,
        "log.flush.scheduler.interval.ms", value::millis;
    /// `log.flush.offset.checkpoint.interval.ms`: of the recovery point; 0 is once.
    log_flush_offset_checkpoint_interval: Duration = 60_000 * MILLISECOND,
        "log.flush.offset.checkpoint.interval.ms", value::millis;
    /// `log.flush.start.offset.checkpoint.interval.ms`: of the log start offset; 0 is once.
    log_flush_start_offset_checkpoint_interval: Duration = 60_000 * MILLISECOND,
        "log.flush.start.offset.checkpoint.interval.ms", value::millis;
    /// `log.initial.task.delay.ms`: from loading the logs to the first round of retention, of the
    /// flusher and of the checkpoints of recovery points and log start offsets.
    log_initial_task_delay: Duration = 30_000 * MILLISECOND,
        "log.initial.task.delay.ms", value::millis;

    /// `offsets.topic.num.partitions`.
    offsets_topic_num_partitions: u32 = 50, "offsets.topic.num.partitions", value::int_from_one;
    /// `offsets.topic.replication.factor`.
    offsets_topic_replication_factor: u32 = 3,
        "offsets.topic.replication.factor", value::factor;
    /// `offsets.topic.segment.bytes`.
    offsets_topic_segment_bytes: u32 = 104_857_600,
        "offsets.topic.segment.bytes", value::int_from_one;
    /// `offsets.commit.timeout.ms`.
    offsets_commit_timeout: Duration = 5_000 * MILLISECOND,
        "offsets.commit.timeout.ms", value::millis_from_one;
    /// `offset.metadata.max.bytes`.
    offset_metadata_max_bytes: u32 = 4_096, "offset.metadata.max.bytes", value::int_from_zero;
    /// `offsets.retention.minutes`.
    offsets_retention: Duration = 168 * HOUR, "offsets.retention.minutes", value::minutes;
    /// `offsets.retention.check.interval.ms`.
    offsets_retention_check_interval: Duration = 600_000 * MILLISECOND,
        "offsets.retention.check.interval.ms", value::millis_from_one;
    /// `group.initial.rebalance.delay.ms`.
    group_initial_rebalance_delay: Duration = 3_000 * MILLISECOND,
        "group.initial.rebalance.delay.ms", value::millis;
    /// `group.min.session.timeout.ms`.
    group_min_session_timeout: Duration = 6_000 * MILLISECOND,
        "group.min.session.timeout.ms", value::millis;
    /// `group.max.session.timeout.ms`.
    group_max_session_timeout: Duration = 1_800_000 * MILLISECOND,
        "group.max.session.timeout.ms", value::millis;
    /// `group.coordinator.append.linger.ms`, else the default of the release.
    group_coordinator_append_linger: Option<Duration> = None,
        "group.coordinator.append.linger.ms", value::some_millis;
    /// `group.max.size`.
    group_max_size: u32 = INT_MAX, "group.max.size", value::int_from_one;
    /// `group.coordinator.rebalance.protocols`: whether `consumer` is among them, else the default
    /// of the release (KIP-848).
    group_coordinator_rebalance_protocols: Option<bool> = None,
        "group.coordinator.rebalance.protocols", value::names_consumer_protocol;
    /// `group.consumer.session.timeout.ms`.
    group_consumer_session_timeout: Duration = 45_000 * MILLISECOND,
        "group.consumer.session.timeout.ms", value::millis_from_one;
    /// `group.consumer.heartbeat.interval.ms`.
    group_consumer_heartbeat_interval: Duration = 5_000 * MILLISECOND,
        "group.consumer.heartbeat.interval.ms", value::millis_from_one;
    /// `group.consumer.min.session.timeout.ms`: of what a group has of its own.
    group_consumer_min_session_timeout: Duration = 45_000 * MILLISECOND,
        "group.consumer.min.session.timeout.ms", value::millis_from_one;
    /// `group.consumer.max.session.timeout.ms`.
    group_consumer_max_session_timeout: Duration = 60_000 * MILLISECOND,
        "group.consumer.max.session.timeout.ms", value::millis_from_one;
    /// `group.consumer.min.heartbeat.interval.ms`: of what a group has of its own.
    group_consumer_min_heartbeat_interval: Duration = 5_000 * MILLISECOND,
        "group.consumer.min.heartbeat.interval.ms", value::millis_from_one;
    /// `group.consumer.max.heartbeat.interval.ms`.
    group_consumer_max_heartbeat_interval: Duration = 15_000 * MILLISECOND,
        "group.consumer.max.heartbeat.interval.ms", value::millis_from_one;
    /// `group.consumer.regex.refresh.interval.ms`.
    group_consumer_regex_refresh_interval: Duration = 600_000 * MILLISECOND,
        "group.consumer.regex.refresh.interval.ms", value::millis_from_one;
    /// `group.consumer.max.size`.
    group_consumer_max_size: u32 = INT_MAX, "group.consumer.max.size", value::int_from_one;
    /// `group.consumer.migration.policy`, else the default of the release.
    group_consumer_migration_policy: Option<MigrationPolicy> = None,
        "group.consumer.migration.policy", value::migration_policy;
    /// `group.consumer.assignors`, the default first; only those that come with Kafka.
    group_consumer_assignors: [Option<ServerAssignor>; 2] =
        [Some(ServerAssignor::Uniform), Some(ServerAssignor::Range)],
        "group.consumer.assignors", value::server_assignors;

    /// `transaction.state.log.num.partitions`.
    transaction_state_log_num_partitions: u32 = 50,
        "transaction.state.log.num.partitions", value::int_from_one;
    /// `transaction.state.log.replication.factor`.
    transaction_state_log_replication_factor: u32 = 3,
        "transaction.state.log.replication.factor", value::factor;
    /// `transaction.state.log.min.isr`.
    transaction_state_log_min_isr: u32 = 2, "transaction.state.log.min.isr", value::int_from_one;
    /// `transaction.state.log.segment.bytes`.
    transaction_state_log_segment_bytes: u32 = 104_857_600,
        "transaction.state.log.segment.bytes", value::int_from_one;
    /// `transaction.max.timeout.ms`.
    transaction_max_timeout: Duration = 900_000 * MILLISECOND,
        "transaction.max.timeout.ms", value::millis_from_one;
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    transaction_abort_timed_out_interval: Duration = 10_000 * MILLISECOND,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms", value::millis_from_one;
    /// `transactional.id.expiration.ms`.
    transactional_id_expiration: Duration = 168 * HOUR,
        "transactional.id.expiration.ms", value::millis_from_one;
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    transactional_id_expiration_interval: Duration = 3_600_000 * MILLISECOND,
        "transaction.remove.expired.transaction.cleanup.interval.ms", value::millis_from_one;
    /// `transaction.partition.verification.enable` (KIP-890).
    transaction_partition_verification_enable: bool = true,
        "transaction.partition.verification.enable", value::flag;
    /// `producer.id.expiration.ms`.
    producer_id_expiration: Duration = 24 * HOUR,
        "producer.id.expiration.ms", value::millis_from_one;
    /// `producer.id.expiration.check.interval.ms`.
    producer_id_expiration_check_interval: Duration = 600_000 * MILLISECOND,
        "producer.id.expiration.check.interval.ms", value::millis_from_one;
}

impl BrokerConfig {
    /// Finalized level of `transaction.version`.
    #[must_use]
    pub fn transaction_version(&self) -> u8 {
        self.formatted_transaction_version.unwrap_or(self.release.transaction_version())
    }

    /// Bytes of a piece of a metadata snapshot that brokers and controllers fetch, at most. No key
    /// of Kafka up to 4.1 sets it.
    #[must_use]
    pub const fn snapshot_piece_max(&self) -> u64 {
        SNAPSHOT_PIECE_MAX
    }

    /// The place in `log.dirs` of the directory with the metadata log, if it is among them.
    #[must_use]
    pub fn metadata_place(&self) -> Option<u32> {
        let Some(path) = &self.metadata_log_dir else { return Some(0) };
        (0..).zip(&self.log_dirs).find(|(_, known)| *known == path).map(|(place, _)| place)
    }

    /// Retention by time: the finest of `log.retention.ms`, `.minutes`, `.hours` that is set.
    #[must_use]
    pub fn log_retention(&self) -> Option<Duration> {
        self.log_retention_ms.or(self.log_retention_minutes).unwrap_or(self.log_retention_hours)
    }

    /// Age at which a segment is rolled: `log.roll.ms`, else `log.roll.hours`.
    #[must_use]
    pub fn log_roll_age(&self) -> Duration {
        self.log_roll.unwrap_or(self.log_roll_hours)
    }

    /// How long records of a group wait for others before they go to the offsets topic (KIP-848's
    /// coordinator). The group coordinator that 3.9 uses by default does not wait.
    #[must_use]
    pub fn group_append_linger(&self) -> Duration {
        if self.release < Release::V4_0 {
            return 0;
        }
        self.group_coordinator_append_linger.unwrap_or(GROUP_APPEND_LINGER)
    }

    /// Whether groups of the new protocol are served (KIP-848): by default from 4.0 on; 3.9 has a
    /// preview of it.
    #[must_use]
    pub fn serves_consumer_groups(&self) -> bool {
        self.group_coordinator_rebalance_protocols.unwrap_or(self.release >= Release::V4_0)
    }

    /// Which groups with members change their protocol: by default all from 4.0 on.
    #[must_use]
    pub fn group_migration(&self) -> MigrationPolicy {
        let default = if self.release >= Release::V4_0 {
            MigrationPolicy::BIDIRECTIONAL
        } else {
            MigrationPolicy::DISABLED
        };
        self.group_consumer_migration_policy.unwrap_or(default)
    }

    /// Age of a log's last flush at which the flusher flushes it: `log.flush.interval.ms`, else the
    /// flusher's own interval.
    #[must_use]
    pub fn log_flush_interval(&self) -> Duration {
        self.log_flush_interval_ms.unwrap_or(self.log_flush_scheduler_interval)
    }
}
