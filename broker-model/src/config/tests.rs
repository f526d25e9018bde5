use super::not_modelled::{BROKER, TOPIC};
use super::{BrokerConfig, ConfigError, TimestampType, TopicConfig};
use crate::types::{MILLISECOND, SECOND};

#[test]
fn no_key_is_both_read_and_named_without_effect() {
    for (known, groups) in [(BrokerConfig::KEYS, BROKER), (TopicConfig::KEYS, TOPIC)] {
        let named = || groups.iter().flat_map(|group| group.keys);
        assert!(known.iter().all(|k| named().all(|name| *name != k.key)));
        assert!(groups.iter().all(|group| group.keys.is_sorted()));
        for name in named() {
            assert_eq!(named().filter(|other| *other == name).count(), 1, "{name}");
        }
    }
}

#[test]
fn every_topic_default_is_the_broker_default() {
    assert_eq!(TopicConfig::from_broker(&BrokerConfig::default()), TopicConfig::default());
}

#[test]
fn values_are_read_in_kafka_units() {
    let mut c = BrokerConfig::default();
    c.set("replica.lag.time.max.ms", "10000").expect("a key");
    assert_eq!(c.replica_lag_time_max, 10 * SECOND);
    c.set("log.retention.hours", "1").expect("a key");
    c.set("log.retention.ms", "-1").expect("a key");
    c.set("log.retention.minutes", "5").expect("a key");
    assert_eq!(c.log_retention(), None, "the finest key wins, in whatever order they are set");
    c.set("log.flush.interval.ms", "9223372036854775807").expect("a key");
    assert_eq!(c.log_flush_interval(), u64::MAX);
    let mut t = TopicConfig::from_broker(&c);
    assert_eq!(t.retention, None);
    t.set("retention.ms", "7").expect("a key");
    assert_eq!(t.retention, Some(7 * MILLISECOND));
    t.set("message.timestamp.type", "LogAppendTime").expect("a key");
    assert_eq!(t.timestamp_type, TimestampType::LogAppendTime);
    t.set("cleanup.policy", "compact, delete").expect("a key");
    assert!(t.cleanup_policy.compact && t.cleanup_policy.delete);
}

#[test]
fn bad_keys_and_values_are_told_apart() {
    let mut c = BrokerConfig::default();
    assert!(matches!(c.set("no.such.key", "1"), Err(ConfigError::Unknown { .. })));
    assert!(matches!(c.set("ssl.protocol", "x"), Err(ConfigError::NotModelled { .. })));
    for (key, value) in [
        ("num.io.threads", "0"),
        ("num.io.threads", "eight"),
        ("min.insync.replicas", "-1"),
        ("min.insync.replicas", "2147483648"),
        ("offsets.topic.replication.factor", "40000"),
        ("unclean.leader.election.enable", "yes"),
        ("log.cleanup.policy", "shred"),
    ] {
        assert!(matches!(c.set(key, value), Err(ConfigError::Invalid { .. })), "{key}={value}");
    }
    assert_eq!(c, BrokerConfig::default(), "a refused value changes nothing");
}
