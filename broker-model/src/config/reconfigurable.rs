//! Keys of a broker that may change while it runs. Source: KIP-226; Kafka, `DynamicBrokerConfig`.

use super::BrokerConfig;
use super::ConfigError;
use super::bounds::fits_broker;
use super::throttled::{FOLLOWER_RATE, LEADER_RATE};

/// How long a producer that is idle is known, in milliseconds.
pub const PRODUCER_ID_EXPIRATION: &str = "producer.id.expiration.ms";
/// A key that only the moves between log directories read, which are not modelled.
const MOVES: &str = "replica.alter.log.dirs.io.max.bytes.per.second";

/// In order. Of security there is none: its keys change for one listener, under its prefix.
const RECONFIGURABLE: &[&str] = &[
    "background.threads",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    FOLLOWER_RATE,
    LEADER_RATE,
    "listener.security.protocol.map",
    "listeners",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.delete.retention.ms",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.cleaner.threads",
    "log.cleanup.policy",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.local.retention.bytes",
    "log.local.retention.ms",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.ms",
    "log.roll.jitter.ms",
    "log.roll.ms",
    "log.segment.bytes",
    "log.segment.delete.delay.ms",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "message.max.bytes",
    "metric.reporters",
    "min.insync.replicas",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    PRODUCER_ID_EXPIRATION,
    "remote.fetch.max.wait.ms",
    "remote.list.offsets.request.timeout.ms",
    "remote.log.index.file.cache.total.size.bytes",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.copy.max.bytes.per.second",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.fetch.max.bytes.per.second",
    "remote.log.reader.threads",
    "transaction.partition.verification.enable",
    "unclean.leader.election.enable",
];

/// Whether a key can be set for one broker only, not for all at once. Source: Kafka,
/// `DynamicBrokerConfig.PER_BROKER_CONFIGS`.
#[must_use]
pub fn is_of_one_broker(key: &str) -> bool {
    matches!(key, "listeners" | "listener.security.protocol.map")
}

/// Whether a running broker takes a key with this value: it may change, and the value is good as
/// far as the model knows. A key that Kafka does not have may be a plug-in's and is taken.
#[must_use]
pub fn may_become(key: &str, value: &str) -> bool {
    let known = if key == MOVES { LEADER_RATE } else { key };
    match BrokerConfig::default().set(known, value) {
        Ok(()) | Err(ConfigError::NotModelled { .. }) => {
            RECONFIGURABLE.binary_search(&known).is_ok() && fits_broker(known, value)
        }
        Err(ConfigError::Unknown { .. }) => true,
        Err(ConfigError::Invalid { .. }) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_in_order_and_kafka_has_them() {
        assert!(RECONFIGURABLE.is_sorted());
        for key in RECONFIGURABLE {
            let known = BrokerConfig::KEYS.iter().any(|k| k.key == *key);
            assert!(known || BrokerConfig::ignored(key).is_some(), "{key}");
        }
    }

    #[test]
    fn a_key_that_may_change_takes_good_values_one_that_may_not_takes_none() {
        for (key, value, taken) in [
            (LEADER_RATE, "0", true),
            (LEADER_RATE, "-1", false),
            (MOVES, "1.5", false),
            (MOVES, "1000", true),
            ("num.replica.fetchers", "2", true),
            ("num.replica.fetchers", "-3", false),
            ("log.retention.ms", "100000", true),
            ("log.retention.hours", "1", false),
            ("log.retention.ms", "0", false),
            ("log.retention.ms", "-5", true),
            ("log.retention.bytes", "-5", true),
            ("log.roll.ms", "0", false),
            ("log.cleaner.dedupe.buffer.size", "1", false),
            ("log.cleaner.dedupe.buffer.size", "1048577", true),
            ("compression.type", "zip", false),
            ("log.index.interval.bytes", "4096", true),
            ("replica.fetch.max.bytes", "1000000", false),
            ("broker.id", "7", false),
            ("no.such.key", "1", true),
        ] {
            assert_eq!(may_become(key, value), taken, "{key}={value}");
        }
    }
}
