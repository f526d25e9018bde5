//! Configuration of a consumer: Kafka's keys, defaults of Apache Kafka 4.1.

use broker_model::config::ConfigError;
use broker_model::protocol::consumer_group::{AssignorChoice, ServerAssignor};
use broker_model::protocol::fetch::Isolation;
use broker_model::protocol::group::Assignor;
use broker_model::types::{Duration, MILLISECOND, RackId, SECOND};

use crate::client::Backoff;
use crate::client::setting::{
    Setting, flag, int, int_from_one, millis, millis_from_one, settings, without_effect,
};

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

/// `group.protocol`: who deals the partitions of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GroupProtocol {
    /// `classic`: a member, in rounds of the whole group.
    #[default]
    Classic,
    /// `consumer`: the coordinator, with each member at its own pace (KIP-848).
    Consumer,
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
    /// Its name, which members of the new protocol tell their coordinator.
    pub client_rack_name: Option<String>,
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
    /// `group.protocol`.
    pub group_protocol: GroupProtocol,
    /// `group.remote.assignor`.
    pub group_remote_assignor: AssignorChoice,
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
            client_rack_name: None,
            default_api_timeout: 60 * SECOND,
            enable_auto_commit: true,
            fetch_max_bytes: 50 * 1024 * 1024,
            fetch_max_wait: 500 * MILLISECOND,
            fetch_min_bytes: 1,
            group_instance_id: None,
            group_protocol: GroupProtocol::Classic,
            group_remote_assignor: AssignorChoice::Unnamed,
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

/// Every key that is read. `group.id` and `client.rack` name things of the run, and are set by
/// whoever makes the consumer.
pub(crate) const SETTINGS: &[Setting<ConsumerConfig>] = settings! { ConsumerConfig;
    "auto.commit.interval.ms", auto_commit_interval, millis,
        "How often positions are committed when the consumer commits by itself.";
    "auto.offset.reset", auto_offset_reset, parse_reset,
        "Where to begin without a committed offset or outside the log. Services say `earliest`.";
    "default.api.timeout.ms", default_api_timeout, millis,
        "How long a commit that is waited for is tried.";
    "enable.auto.commit", enable_auto_commit, flag,
        "Whether the consumer commits by itself; a service says it with `commit`.";
    "fetch.max.bytes", fetch_max_bytes, int,
        "Bytes of the largest answer to a fetch.";
    "fetch.max.wait.ms", fetch_max_wait, millis,
        "How long a broker holds a fetch that finds too little.";
    "fetch.min.bytes", fetch_min_bytes, int,
        "Bytes for which a broker holds a fetch.";
    "group.instance.id", group_instance_id, some_text,
        "Makes a static member (KIP-345), which keeps its partitions over a restart.";
    "group.protocol", group_protocol, parse_protocol,
        "Who deals partitions: with `classic` the members, with `consumer` the brokers (KIP-848).";
    "group.remote.assignor", group_remote_assignor, parse_remote_assignor,
        "Which of the brokers' assignors a member asks for, with `consumer` alone.";
    "heartbeat.interval.ms", heartbeat_interval, millis_from_one,
        "How often a member tells its coordinator that it lives.";
    "isolation.level", isolation_level, parse_isolation,
        "Whether records of open and aborted transactions are given out.";
    "max.partition.fetch.bytes", max_partition_fetch_bytes, int,
        "Bytes of one partition in an answer to a fetch.";
    "max.poll.interval.ms", max_poll_interval, millis_from_one,
        "Longest time between two polls before the member leaves its group.";
    "max.poll.records", max_poll_records, int_from_one,
        "Records of one poll.";
    "metadata.max.age.ms", metadata_max_age, millis,
        "Age at which the knowledge of leaders is refreshed.";
    "partition.assignment.strategy", assignors, parse_assignors,
        "How the leader of a group deals partitions, best first.";
    "reconnect.backoff.max.ms", reconnect_backoff.max, millis,
        "Longest wait before a broker is connected to again.";
    "reconnect.backoff.ms", reconnect_backoff.initial, millis,
        "First wait before a broker is connected to again.";
    "request.timeout.ms", request_timeout, millis,
        "How long an answer is waited for before the connection is given up.";
    "retry.backoff.max.ms", retry_backoff.max, millis,
        "Longest wait before a request is tried again.";
    "retry.backoff.ms", retry_backoff.initial, millis,
        "First wait before a request is tried again.";
    "session.timeout.ms", session_timeout, millis_from_one,
        "Silence after which the coordinator takes a member for dead.";
};

impl ConsumerConfig {
    /// Sets one key from Kafka's text (milliseconds and bytes as integers).
    ///
    /// # Errors
    /// When Kafka has no such key, the model does not read it, or the value is bad.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let value = value.trim();
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let named_by_the_run = ["client.rack", "group.id"].contains(&key);
            return Err(match without_effect(key) {
                Some(_) => ConfigError::NotModelled { key: key.to_owned() },
                None if named_by_the_run => ConfigError::NotModelled { key: key.to_owned() },
                None => ConfigError::Unknown { key: key.to_owned() },
            });
        };
        (setting.set)(self, value).map_err(|expected| ConfigError::Invalid {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        })
    }
}

fn some_text(value: &str) -> Result<Option<String>, &'static str> {
    if value.is_empty() { Err("a non-empty string") } else { Ok(Some(value.to_owned())) }
}

fn parse_protocol(value: &str) -> Result<GroupProtocol, &'static str> {
    match value.to_ascii_lowercase().as_str() {
        "classic" => Ok(GroupProtocol::Classic),
        "consumer" => Ok(GroupProtocol::Consumer),
        _ => Err("classic or consumer"),
    }
}

/// The coordinator refuses a name that it does not know, as Kafka's does.
fn parse_remote_assignor(value: &str) -> Result<AssignorChoice, &'static str> {
    let known = ServerAssignor::ALL.into_iter().find(|assignor| assignor.name() == value);
    match known {
        Some(assignor) => Ok(AssignorChoice::Named(assignor)),
        None if value.is_empty() => Err("the name of an assignor"),
        None => Ok(AssignorChoice::Unknown),
    }
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

/// `PnDTnHnMn.nS` as `java.time.Duration` reads it, without signs.
fn parse_iso_duration(text: &str) -> Option<Duration> {
    const MINUTE: Duration = 60 * SECOND;
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (text.strip_prefix('P')?, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let mut total: Duration = 0;
    for (mut rest, units) in [
        (days, &[('D', 1_440 * MINUTE)][..]),
        (time, &[('H', 60 * MINUTE), ('M', MINUTE), ('S', SECOND)][..]),
    ] {
        for &(letter, unit) in units {
            let Some((number, behind)) = rest.split_once(letter) else { continue };
            total = total.checked_add(times(number, unit)?)?;
            rest = behind;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(total)
}

/// A number of units; seconds may have up to nine decimals.
fn times(number: &str, unit: Duration) -> Option<Duration> {
    let (whole, decimals) = match number.split_once('.') {
        Some((whole, decimals)) if unit == SECOND => (whole, decimals),
        Some(_) => return None,
        None => (number, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 9 {
        return None;
    }
    let nanos: Duration = format!("{decimals:0<9}").parse().ok()?;
    whole.parse::<Duration>().ok()?.checked_mul(unit)?.checked_add(nanos)
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
    use super::{ConfigError, ConsumerConfig, OffsetReset, SETTINGS};
    use broker_model::protocol::group::Assignor;
    use broker_model::types::{MILLISECOND, SECOND};

    #[test]
    fn keys_are_kafkas_own() {
        let mut config = ConsumerConfig::default();
        config.set("max.poll.interval.ms", "10000").expect("valid");
        config.set("auto.offset.reset", "by_duration:P1DT2H").expect("valid");
        config.set("partition.assignment.strategy", "cooperative-sticky").expect("valid");
        config.set("auto.offset.reset", "by_duration:PT0.5S").expect("fractions of a second");
        assert_eq!(config.auto_offset_reset, OffsetReset::ByDuration(500 * MILLISECOND));
        config.set("auto.offset.reset", "by_duration:P1DT2H").expect("valid");
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
            ("auto.offset.reset", "by_duration:P"),
            ("auto.offset.reset", "by_duration:PT"),
            ("auto.offset.reset", "by_duration:PT0.5M"),
            ("auto.offset.reset", "by_duration:PT.5S"),
            ("auto.offset.reset", "by_duration:PT1S2M"),
            ("auto.offset.reset", "by_duration:P99999999999D"),
            ("partition.assignment.strategy", ""),
        ] {
            let error = set(&mut config, key, value);
            assert!(matches!(error, ConfigError::Invalid { .. }), "{key}={value}: {error:?}");
        }
    }

    #[test]
    fn every_key_can_be_set_or_is_refused_for_its_value_only() {
        for setting in SETTINGS {
            let error = ConsumerConfig::default().set(setting.key, "");
            assert!(
                matches!(error, Err(ConfigError::Invalid { .. })),
                "{}: {error:?}",
                setting.key
            );
        }
    }
}
