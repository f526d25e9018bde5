//! Configuration of a consumer: Kafka's keys, defaults of Apache Kafka 4.1.

use broker_model::config::ConfigError;
use broker_model::protocol::fetch::Isolation;
use broker_model::protocol::group::Assignor;
use broker_model::types::{Duration, MILLISECOND, RackId, SECOND};

use crate::client::Backoff;

/// `auto.offset.reset`: where to begin without a committed offset or outside the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetReset {
    /// `earliest`: the log start offset.
    Earliest,
    /// `latest`: the end.
    Latest,
    /// `none`: an error for the application.
    None,
    /// `by_duration:PT...` (KIP-1106): what is at most this old, in nanoseconds.
    ByDuration(Duration),
}

/// What a consumer is told. Durations are nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerConfig {
    /// `auto.commit.interval.ms`.
    pub auto_commit_interval: Duration,
    /// `auto.offset.reset`.
    pub auto_offset_reset: OffsetReset,
    /// `client.rack`, interned by the caller; without it the leader is read.
    pub client_rack: Option<RackId>,
    /// `default.api.timeout.ms`: how long `commit_sync` tries.
    pub default_api_timeout: Duration,
    /// `enable.auto.commit`. Off without a group, as in Java.
    pub enable_auto_commit: bool,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: u32,
    /// `fetch.max.wait.ms`.
    pub fetch_max_wait: Duration,
    /// `fetch.min.bytes`.
    pub fetch_min_bytes: u32,
    /// `group.instance.id`: a static member (KIP-345).
    pub group_instance_id: Option<String>,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval: Duration,
    /// `isolation.level`.
    pub isolation_level: Isolation,
    /// `max.partition.fetch.bytes`.
    pub max_partition_fetch_bytes: u32,
    /// `max.poll.interval.ms`.
    pub max_poll_interval: Duration,
    /// `max.poll.records`.
    pub max_poll_records: u32,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Duration,
    /// `partition.assignment.strategy`, best first.
    pub assignors: Vec<Assignor>,
    /// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`.
    pub reconnect_backoff: Backoff,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
    /// `retry.backoff.ms` and `retry.backoff.max.ms`.
    pub retry_backoff: Backoff,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            auto_commit_interval: 5 * SECOND,
            auto_offset_reset: OffsetReset::Latest,
            client_rack: None,
            default_api_timeout: 60 * SECOND,
            enable_auto_commit: true,
            fetch_max_bytes: 50 * 1024 * 1024,
            fetch_max_wait: 500 * MILLISECOND,
            fetch_min_bytes: 1,
            group_instance_id: None,
            heartbeat_interval: 3 * SECOND,
            isolation_level: Isolation::ReadUncommitted,
            max_partition_fetch_bytes: 1024 * 1024,
            max_poll_interval: 300 * SECOND,
            max_poll_records: 500,
            metadata_max_age: 300 * SECOND,
            assignors: vec![Assignor::Range, Assignor::CooperativeSticky],
            reconnect_backoff: Backoff { initial: 50 * MILLISECOND, max: SECOND },
            request_timeout: 30 * SECOND,
            retry_backoff: Backoff { initial: 100 * MILLISECOND, max: SECOND },
            session_timeout: 45 * SECOND,
        }
    }
}

impl ConsumerConfig {
    /// Every key that has an effect.
    pub const KEYS: &'static [&'static str] = &[
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "default.api.timeout.ms",
        "enable.auto.commit",
        "fetch.max.bytes",
        "fetch.max.wait.ms",
        "fetch.min.bytes",
        "group.instance.id",
        "heartbeat.interval.ms",
        "isolation.level",
        "max.partition.fetch.bytes",
        "max.poll.interval.ms",
        "max.poll.records",
        "metadata.max.age.ms",
        "partition.assignment.strategy",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "request.timeout.ms",
        "retry.backoff.max.ms",
        "retry.backoff.ms",
        "session.timeout.ms",
    ];

    /// Keys that Kafka has and the model does not read, in order. `group.id` and `client.rack`
    /// are here because ids are interned by the caller.
    const NOT_MODELLED: &'static [&'static str] = &[
        "allow.auto.create.topics",
        "bootstrap.servers",
        "check.crcs",
        "client.dns.lookup",
        "client.id",
        "client.rack",
        "connections.max.idle.ms",
        "enable.metrics.push",
        "exclude.internal.topics",
        "group.id",
        "group.protocol",
        "group.remote.assignor",
        "interceptor.classes",
        "key.deserializer",
        "metadata.recovery.rebootstrap.trigger.ms",
        "metadata.recovery.strategy",
        "metric.reporters",
        "metrics.num.samples",
        "metrics.recording.level",
        "metrics.sample.window.ms",
        "receive.buffer.bytes",
        "security.protocol",
        "security.providers",
        "send.buffer.bytes",
        "share.acknowledgement.mode",
        "socket.connection.setup.timeout.max.ms",
        "socket.connection.setup.timeout.ms",
        "value.deserializer",
    ];

    /// Sets one key from Kafka's text (milliseconds and bytes as integers).
    ///
    /// # Errors
    /// When Kafka has no such key, the model does not read it, or the value is bad.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let value = value.trim();
        let applied = match key {
            "auto.offset.reset" => parse_reset(value).map(|v| self.auto_offset_reset = v),
            "enable.auto.commit" => parse_bool(value).map(|v| self.enable_auto_commit = v),
            "fetch.max.bytes" => parse_int(value, 0).map(|v| self.fetch_max_bytes = v),
            "fetch.min.bytes" => parse_int(value, 0).map(|v| self.fetch_min_bytes = v),
            "group.instance.id" if value.is_empty() => Err("a non-empty string"),
            "group.instance.id" => {
                self.group_instance_id = Some(value.to_owned());
                Ok(())
            }
            "isolation.level" => parse_isolation(value).map(|v| self.isolation_level = v),
            "max.partition.fetch.bytes" => {
                parse_int(value, 0).map(|v| self.max_partition_fetch_bytes = v)
            }
            "max.poll.records" => parse_int(value, 1).map(|v| self.max_poll_records = v),
            "partition.assignment.strategy" => parse_assignors(value).map(|v| self.assignors = v),
            _ => match self.duration_field(key) {
                Some((field, least)) => parse_ms(value, least).map(|v| *field = v),
                None => return Err(unknown(key)),
            },
        };
        applied.map_err(|expected| ConfigError::Invalid {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        })
    }

    /// The field of a key in milliseconds, with the least value Kafka takes.
    fn duration_field(&mut self, key: &str) -> Option<(&mut Duration, u64)> {
        Some(match key {
            "auto.commit.interval.ms" => (&mut self.auto_commit_interval, 0),
            "default.api.timeout.ms" => (&mut self.default_api_timeout, 0),
            "fetch.max.wait.ms" => (&mut self.fetch_max_wait, 0),
            "heartbeat.interval.ms" => (&mut self.heartbeat_interval, 1),
            "max.poll.interval.ms" => (&mut self.max_poll_interval, 1),
            "metadata.max.age.ms" => (&mut self.metadata_max_age, 0),
            "reconnect.backoff.max.ms" => (&mut self.reconnect_backoff.max, 0),
            "reconnect.backoff.ms" => (&mut self.reconnect_backoff.initial, 0),
            "request.timeout.ms" => (&mut self.request_timeout, 0),
            "retry.backoff.max.ms" => (&mut self.retry_backoff.max, 0),
            "retry.backoff.ms" => (&mut self.retry_backoff.initial, 0),
            "session.timeout.ms" => (&mut self.session_timeout, 1),
            _ => return None,
        })
    }
}

fn unknown(key: &str) -> ConfigError {
    let kafka_has_it = ConsumerConfig::NOT_MODELLED.binary_search(&key).is_ok()
        || key.starts_with("sasl.")
        || key.starts_with("ssl.");
    if kafka_has_it {
        ConfigError::NotModelled { key: key.to_owned() }
    } else {
        ConfigError::Unknown { key: key.to_owned() }
    }
}

fn parse_bool(value: &str) -> Result<bool, &'static str> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("true or false"),
    }
}

fn parse_int(value: &str, least: u32) -> Result<u32, &'static str> {
    let n: u32 = value.parse().map_err(|_| "an integer from 0 to 2147483647")?;
    if n < least {
        return Err("an integer of at least 1");
    }
    if i32::try_from(n).is_err() {
        return Err("an integer from 0 to 2147483647");
    }
    Ok(n)
}

fn parse_ms(value: &str, least: u64) -> Result<Duration, &'static str> {
    let n: u64 = value.parse().map_err(|_| "a number of milliseconds")?;
    if n < least {
        return Err("at least one millisecond");
    }
    Ok(n.saturating_mul(MILLISECOND))
}

fn parse_isolation(value: &str) -> Result<Isolation, &'static str> {
    match value {
        "read_committed" => Ok(Isolation::ReadCommitted),
        "read_uncommitted" => Ok(Isolation::ReadUncommitted),
        _ => Err("read_committed or read_uncommitted"),
    }
}

fn parse_reset(value: &str) -> Result<OffsetReset, &'static str> {
    const EXPECTED: &str = "earliest, latest, none or by_duration:PnDTnHnMn.nS";
    match value {
        "earliest" => Ok(OffsetReset::Earliest),
        "latest" => Ok(OffsetReset::Latest),
        "none" => Ok(OffsetReset::None),
        _ => {
            let text = value.strip_prefix("by_duration:").ok_or(EXPECTED)?;
            parse_iso_duration(text).map(OffsetReset::ByDuration).ok_or(EXPECTED)
        }
    }
}

/// `PnDTnHnMnS` with whole numbers; fractions of a second are not taken.
fn parse_iso_duration(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    let mut number = None;
    let mut in_time = false;
    for c in text.strip_prefix('P')?.chars() {
        let unit = match (c, in_time) {
            ('T', false) if number.is_none() => {
                in_time = true;
                continue;
            }
            ('0'..='9', _) => {
                let digit = u64::from(c.to_digit(10)?);
                number = Some(number.unwrap_or(0_u64).checked_mul(10)?.checked_add(digit)?);
                continue;
            }
            ('D', false) => 86_400,
            ('H', true) => 3_600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    if number.is_some() {
        return None;
    }
    seconds.checked_mul(SECOND)
}

/// A list of Kafka's assignor classes or their protocol names.
fn parse_assignors(value: &str) -> Result<Vec<Assignor>, &'static str> {
    let assignors: Result<Vec<_>, _> = value.split(',').map(parse_assignor).collect();
    assignors.and_then(|list| if list.is_empty() { Err("a list of assignors") } else { Ok(list) })
}

fn parse_assignor(name: &str) -> Result<Assignor, &'static str> {
    let name = name.trim();
    match name.strip_prefix("org.apache.kafka.clients.consumer.").unwrap_or(name) {
        "RangeAssignor" | "range" => Ok(Assignor::Range),
        "RoundRobinAssignor" | "roundrobin" => Ok(Assignor::RoundRobin),
        "StickyAssignor" | "sticky" => Ok(Assignor::Sticky),
        "CooperativeStickyAssignor" | "cooperative-sticky" => Ok(Assignor::CooperativeSticky),
        _ => Err("a list of range, roundrobin, sticky and cooperative-sticky"),
    }
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, ConsumerConfig, OffsetReset};
    use broker_model::protocol::group::Assignor;
    use broker_model::types::{MILLISECOND, SECOND};

    #[test]
    fn keys_are_kafkas_own() {
        let mut config = ConsumerConfig::default();
        config.set("max.poll.interval.ms", "10000").expect("valid");
        config.set("auto.offset.reset", "by_duration:P1DT2H").expect("valid");
        config.set("partition.assignment.strategy", "cooperative-sticky").expect("valid");
        assert_eq!(config.max_poll_interval, 10_000 * MILLISECOND);
        assert_eq!(config.auto_offset_reset, OffsetReset::ByDuration(26 * 3_600 * SECOND));
        assert_eq!(config.assignors, [Assignor::CooperativeSticky]);
    }

    #[test]
    fn bad_keys_and_values_are_told_apart() {
        let mut config = ConsumerConfig::default();
        let set = |c: &mut ConsumerConfig, k, v| c.set(k, v).expect_err("invalid");
        assert!(matches!(set(&mut config, "max.pol.records", "1"), ConfigError::Unknown { .. }));
        assert!(matches!(set(&mut config, "check.crcs", "true"), ConfigError::NotModelled { .. }));
        for (key, value) in [
            ("max.poll.records", "0"),
            ("fetch.min.bytes", "4294967295"),
            ("session.timeout.ms", "-1"),
            ("auto.offset.reset", "by_duration:10S"),
            ("partition.assignment.strategy", ""),
        ] {
            let error = set(&mut config, key, value);
            assert!(matches!(error, ConfigError::Invalid { .. }), "{key}={value}: {error:?}");
        }
    }

    #[test]
    fn every_key_can_be_set_or_is_refused_for_its_value_only() {
        for key in ConsumerConfig::KEYS {
            let error = ConsumerConfig::default().set(key, "");
            assert!(matches!(error, Err(ConfigError::Invalid { .. })), "{key}: {error:?}");
        }
        assert!(ConsumerConfig::NOT_MODELLED.is_sorted());
    }
}
