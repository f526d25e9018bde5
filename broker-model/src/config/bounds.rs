//! What Kafka asks of values that the model does not read, where that is a range or a short list.
//! Source: Kafka 4.1 documentation, "Topic-Level Configs" and "Broker Configs"; Kafka,
//! `LogConfig`, `LogCleaner.validateReconfiguration`, `ConnectionQuotas`.

use super::value::flag;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
enum Bound {
    /// `true` or `false`.
    Flag,
    /// `false`, because the cluster lacks what `true` would use.
    Off,
    /// An `int` from here on.
    Int(i32),
    /// A `long` from here on.
    Long(i64),
    /// An `int` of a range, or the number that stands for a default outside it.
    Level(i32, i32, Option<i32>),
}

use Bound::{Flag, Int, Level, Long, Off};

type Bounds = &'static [(&'static str, Bound)];

const GZIP: Bound = Level(1, 9, Some(-1));
const LZ4: Bound = Level(1, 17, None);
const ZSTD: Bound = Level(-131_072, 22, None);

/// Of topics.
const TOPIC: Bounds = &[
    ("compression.gzip.level", GZIP),
    ("compression.lz4.level", LZ4),
    ("compression.zstd.level", ZSTD),
    ("file.delete.delay.ms", Long(0)),
    ("index.interval.bytes", Int(0)),
    ("local.retention.bytes", Long(-2)),
    ("local.retention.ms", Long(-2)),
    ("preallocate", Flag),
    ("remote.log.copy.disable", Flag),
    ("remote.log.delete.on.disable", Flag),
    ("remote.storage.enable", Off),
    ("segment.index.bytes", Int(4)),
    ("segment.jitter.ms", Long(0)),
];

/// Of brokers, for keys that may change while they run.
const BROKER: Bounds = &[
    ("background.threads", Int(1)),
    ("compression.gzip.level", GZIP),
    ("compression.lz4.level", LZ4),
    ("compression.zstd.level", ZSTD),
    ("log.cleaner.io.buffer.size", Int(0)),
    ("log.index.interval.bytes", Int(0)),
    ("log.index.size.max.bytes", Int(4)),
    ("log.local.retention.bytes", Long(-2)),
    ("log.local.retention.ms", Long(-2)),
    ("log.preallocate", Flag),
    ("log.segment.delete.delay.ms", Long(0)),
    ("max.connection.creation.rate", Int(1)),
    ("max.connections", Int(1)),
    ("max.connections.per.ip", Int(1)),
];

/// Whether a topic's key without effect may have this value, as far as it is known.
pub(crate) fn fits_topic(key: &str, value: &str) -> bool {
    fits(TOPIC, key, value)
}

/// As [`fits_topic`], of a running broker.
pub(super) fn fits_broker(key: &str, value: &str) -> bool {
    fits(BROKER, key, value)
}

fn fits(bounds: Bounds, key: &str, value: &str) -> bool {
    let value = value.trim();
    let Some((_, bound)) = bounds.iter().find(|(known, _)| *known == key) else { return true };
    match *bound {
        Flag => flag(value).is_ok(),
        Off => flag(value) == Ok(false),
        Int(min) => value.parse().is_ok_and(|n: i32| n >= min),
        Long(min) => value.parse().is_ok_and(|n: i64| n >= min),
        Level(min, max, or) => {
            value.parse().is_ok_and(|n: i32| (min..=max).contains(&n) || or == Some(n))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, TopicConfig};

    #[test]
    fn bounds_are_of_keys_that_kafka_has_and_the_model_does_not_read() {
        assert!(TOPIC.iter().all(|(key, _)| TopicConfig::ignored(key).is_some()));
        assert!(BROKER.iter().all(|(key, _)| BrokerConfig::ignored(key).is_some()));
    }

    #[test]
    fn values_are_judged_as_recorded() {
        // controller/topic-configuration, broker-configuration
        for (key, value, good) in [
            ("file.delete.delay.ms", "-1", false),
            ("preallocate", "yes", false),
            ("index.interval.bytes", "-1", false),
            ("segment.index.bytes", "3", false),
            ("segment.jitter.ms", "-1", false),
            ("compression.gzip.level", "0", false),
            ("compression.gzip.level", "-1", true),
            ("compression.zstd.level", "99", false),
            ("remote.storage.enable", "true", false),
            ("remote.storage.enable", "false", true),
            ("remote.log.copy.disable", "true", true),
            ("local.retention.ms", "-2", true),
            ("local.retention.ms", "-3", false),
            ("no.such", "x", true),
        ] {
            assert_eq!(fits_topic(key, value), good, "{key}={value}");
        }
        for (key, value) in
            [("background.threads", "0"), ("max.connections", "0"), ("max.connections.per.ip", "0")]
        {
            assert!(!fits_broker(key, value), "{key}={value}");
        }
    }
}
