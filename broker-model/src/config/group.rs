//! Keys of a single group, which administrators change while brokers run. Source: KIP-848, "Group
//! Configurations"; Kafka 4.1, `GroupConfig`.

use super::BrokerConfig;
use super::value::millis_from_one;
use crate::types::{Duration, MILLISECOND};

const SESSION: &str = "consumer.session.timeout.ms";
const HEARTBEAT: &str = "consumer.heartbeat.interval.ms";

/// What a group has of its own; what is `None` is as its coordinator's configuration says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GroupConfig {
    /// `consumer.session.timeout.ms` in nanoseconds.
    pub session_timeout: Option<Duration>,
    /// `consumer.heartbeat.interval.ms` in nanoseconds.
    pub heartbeat_interval: Option<Duration>,
}

impl GroupConfig {
    /// Reads the keys that have an effect. Values that cannot be read count as not set: no
    /// controller takes them.
    pub fn of<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut config = Self::default();
        for (key, value) in entries {
            match key {
                SESSION => config.session_timeout = millis_from_one(value).ok(),
                HEARTBEAT => config.heartbeat_interval = millis_from_one(value).ok(),
                _ => {}
            }
        }
        config
    }
}

/// Bounds of what a group may have of its own, and what it has otherwise: `group.consumer.*` of
/// the controller that is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupBounds {
    default: (Duration, Duration),
    session: (Duration, Duration),
    heartbeat: (Duration, Duration),
}

impl From<&BrokerConfig> for GroupBounds {
    fn from(config: &BrokerConfig) -> Self {
        let session = config.group_consumer_session_timeout;
        let heartbeat = config.group_consumer_heartbeat_interval;
        Self {
            default: (session, heartbeat),
            session: (
                config.group_consumer_min_session_timeout,
                config.group_consumer_max_session_timeout,
            ),
            heartbeat: (
                config.group_consumer_min_heartbeat_interval,
                config.group_consumer_max_heartbeat_interval,
            ),
        }
    }
}

impl GroupBounds {
    /// Whether a group may have these keys with these values, together all of its own.
    pub fn allow<'a>(&self, entries: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> bool {
        let well_formed = entries.clone().all(|(key, value)| match key {
            // A Java `int`.
            SESSION | HEARTBEAT => {
                millis_from_one(value).is_ok_and(|t| t <= u64::from(INT_MAX) * MILLISECOND)
            }
            _ => OTHERS.iter().any(|(known, allowed)| *known == key && allowed.has(value)),
        });
        let own = GroupConfig::of(entries);
        let session = own.session_timeout.unwrap_or(self.default.0);
        let heartbeat = own.heartbeat_interval.unwrap_or(self.default.1);
        let within = |(min, max): (Duration, Duration), value| min <= value && value <= max;
        well_formed
            && within(self.session, session)
            && within(self.heartbeat, heartbeat)
            && heartbeat < session
    }
}

const INT_MAX: u32 = i32::MAX.unsigned_abs();

/// What a value without effect must be.
#[derive(Clone, Copy, Debug)]
enum Allowed {
    /// An `int` of a range.
    Int(i32, i32),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `earliest`, `latest`, or `by_duration:` with a duration of ISO 8601.
    Reset,
}

impl Allowed {
    fn has(self, value: &str) -> bool {
        match self {
            Self::Int(min, max) => value.parse().is_ok_and(|n: i32| (min..=max).contains(&n)),
            Self::OneOf(words) => words.contains(&value),
            Self::Reset => {
                matches!(value, "earliest" | "latest")
                    || value.strip_prefix("by_duration:P").is_some_and(|rest| !rest.is_empty())
            }
        }
    }
}

/// Keys of share and streams groups, which are not modelled, within the bounds that brokers have
/// by default.
const OTHERS: &[(&str, Allowed)] = &[
    ("share.auto.offset.reset", Allowed::Reset),
    ("share.heartbeat.interval.ms", Allowed::Int(5_000, 15_000)),
    ("share.isolation.level", Allowed::OneOf(&["read_committed", "read_uncommitted"])),
    ("share.record.lock.duration.ms", Allowed::Int(15_000, 60_000)),
    ("share.session.timeout.ms", Allowed::Int(45_000, 60_000)),
    ("streams.heartbeat.interval.ms", Allowed::Int(5_000, 15_000)),
    ("streams.num.standby.replicas", Allowed::Int(0, 2)),
    ("streams.session.timeout.ms", Allowed::Int(45_000, 60_000)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_what_lies_within_the_bounds_of_brokers() {
        let bounds = GroupBounds::from(&BrokerConfig {
            group_consumer_min_session_timeout: 3_000 * MILLISECOND,
            group_consumer_session_timeout: 10_000 * MILLISECOND,
            group_consumer_max_session_timeout: 20_000 * MILLISECOND,
            group_consumer_min_heartbeat_interval: 2_000 * MILLISECOND,
            group_consumer_max_heartbeat_interval: 9_000 * MILLISECOND,
            ..BrokerConfig::default()
        });
        let allowed = |entries: &[(&str, &str)]| bounds.allow(entries.iter().copied());
        for (key, value, taken) in [
            (SESSION, "2999", false),
            (SESSION, "20000", true),
            (SESSION, "20001", false),
            (SESSION, "0", false),
            (SESSION, "x", false),
            (SESSION, "4294977296", false),
            (SESSION, "5000", false),
            (SESSION, "5001", true),
            (HEARTBEAT, "1999", false),
            (HEARTBEAT, "2000", true),
            (HEARTBEAT, "9001", false),
            ("session.timeout.ms", "10000", false),
            ("share.session.timeout.ms", "45000", true),
            ("share.session.timeout.ms", "1", false),
            ("share.auto.offset.reset", "never", false),
            ("share.auto.offset.reset", "by_duration:PT1H", true),
            ("share.isolation.level", "read_committed", true),
            ("streams.num.standby.replicas", "3", false),
        ] {
            assert_eq!(allowed(&[(key, value)]), taken, "{key}={value}");
        }
        assert!(allowed(&[(SESSION, "5000"), (HEARTBEAT, "4999")]), "they are judged together");
    }
}
