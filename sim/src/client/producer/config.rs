//! `ProducerConfig`: Kafka's keys with the defaults of 4.1.

use broker_model::protocol::produce::Acks;
use broker_model::types::{Duration, MILLISECOND, NodeId, TransactionalId};

use super::super::backoff::Backoff;

const MILLION: u32 = 1_000_000;

/// Configuration of a producer. Field names are Kafka's keys; times are in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerConfig {
    /// `bootstrap.servers`, by node id.
    pub bootstrap_servers: Vec<NodeId>,
    /// `acks`.
    pub acks: Acks,
    /// `linger.ms`.
    pub linger: Duration,
    /// `batch.size` in bytes; 0 counts as 1.
    pub batch_size: u32,
    /// `buffer.memory` in bytes.
    pub buffer_memory: u64,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: u32,
    /// `retries`.
    pub retries: u32,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
    /// `retry.backoff.ms` and `retry.backoff.max.ms`.
    pub retry_backoff: Backoff,
    /// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`.
    pub reconnect_backoff: Backoff,
    /// `enable.idempotence`, `None` when not set: on unless other settings forbid it.
    pub enable_idempotence: Option<bool>,
    /// `transactional.id`, interned.
    pub transactional_id: Option<TransactionalId>,
    /// `transaction.timeout.ms`.
    pub transaction_timeout: Duration,
    /// Finalized level of the feature `transaction.version` at the brokers: 2 is KIP-890.
    pub transaction_version: u32,
    /// `max.block.ms`.
    pub max_block: Duration,
    /// `max.request.size` in bytes.
    pub max_request_size: u32,
    /// `compression.type` other than `none`.
    pub compressed: bool,
    /// What compression makes of a byte, in millionths. Not a Kafka key: the model has no bytes.
    pub compression_ratio: u32,
    /// `partitioner.adaptive.partitioning.enable`.
    pub adaptive_partitioning: bool,
    /// `partitioner.availability.timeout.ms`, 0 for never.
    pub availability_timeout: Duration,
    /// `partitioner.ignore.keys`.
    pub ignore_keys: bool,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Duration,
    retries_set: bool,
    delivery_timeout_set: bool,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        let ms = MILLISECOND;
        Self {
            bootstrap_servers: Vec::new(),
            acks: Acks::All,
            linger: 5 * ms,
            batch_size: 16_384,
            buffer_memory: 32 * 1_024 * 1_024,
            max_in_flight: 5,
            retries: i32::MAX.unsigned_abs(),
            delivery_timeout: 120_000 * ms,
            request_timeout: 30_000 * ms,
            retry_backoff: Backoff { initial: 100 * ms, max: 1_000 * ms },
            reconnect_backoff: Backoff { initial: 50 * ms, max: 1_000 * ms },
            enable_idempotence: None,
            transactional_id: None,
            transaction_timeout: 60_000 * ms,
            transaction_version: 2,
            max_block: 60_000 * ms,
            max_request_size: 1_048_576,
            compressed: false,
            compression_ratio: MILLION,
            adaptive_partitioning: true,
            availability_timeout: 0,
            ignore_keys: false,
            metadata_max_age: 300_000 * ms,
            retries_set: false,
            delivery_timeout_set: false,
        }
    }
}

/// Why a setting was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigError {
    /// The producer has no such key.
    #[error("no producer key `{0}`")]
    UnknownKey(String),
    /// The value is not one the key takes.
    #[error("`{value}` is not a value of `{key}`: {expected}")]
    BadValue {
        /// The key.
        key: String,
        /// What was given.
        value: String,
        /// What the key takes.
        expected: &'static str,
    },
    /// Two settings contradict each other.
    #[error("{0}")]
    Conflict(&'static str),
}

impl ProducerConfig {
    /// Sets one of Kafka's keys from its text. `transactional.id` and `bootstrap.servers` name
    /// things of the run: set their fields.
    ///
    /// # Errors
    /// When there is no such key, or it takes no such value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "acks" => {
                self.acks = match value {
                    "0" => Acks::None,
                    "1" => Acks::Leader,
                    "all" | "-1" => Acks::All,
                    _ => return Err(bad(key, value, "0, 1 or all")),
                }
            }
            "linger.ms" => self.linger = millis(key, value)?,
            "batch.size" => self.batch_size = number(key, value)?,
            "buffer.memory" => self.buffer_memory = number(key, value)?,
            "max.in.flight.requests.per.connection" => {
                self.max_in_flight = at_least_one(key, value)?;
            }
            "retries" => {
                self.retries = number(key, value)?;
                self.retries_set = true;
            }
            "delivery.timeout.ms" => {
                self.delivery_timeout = millis(key, value)?;
                self.delivery_timeout_set = true;
            }
            "request.timeout.ms" => self.request_timeout = millis(key, value)?,
            "retry.backoff.ms" => self.retry_backoff.initial = millis(key, value)?,
            "retry.backoff.max.ms" => self.retry_backoff.max = millis(key, value)?,
            "reconnect.backoff.ms" => self.reconnect_backoff.initial = millis(key, value)?,
            "reconnect.backoff.max.ms" => self.reconnect_backoff.max = millis(key, value)?,
            "enable.idempotence" => self.enable_idempotence = Some(boolean(key, value)?),
            "transaction.timeout.ms" => self.transaction_timeout = millis(key, value)?,
            "max.block.ms" => self.max_block = millis(key, value)?,
            "max.request.size" => self.max_request_size = number(key, value)?,
            "compression.type" => {
                self.compressed = match value {
                    "none" => false,
                    "gzip" | "snappy" | "lz4" | "zstd" => true,
                    _ => return Err(bad(key, value, "none, gzip, snappy, lz4 or zstd")),
                }
            }
            "partitioner.adaptive.partitioning.enable" => {
                self.adaptive_partitioning = boolean(key, value)?;
            }
            "partitioner.availability.timeout.ms" => {
                self.availability_timeout = millis(key, value)?;
            }
            "partitioner.ignore.keys" => self.ignore_keys = boolean(key, value)?,
            "metadata.max.age.ms" => self.metadata_max_age = millis(key, value)?,
            _ => return Err(ConfigError::UnknownKey(key.to_owned())),
        }
        Ok(())
    }

    /// Whether the producer is idempotent: as set, else unless `acks` or `retries` forbid it.
    #[must_use]
    pub fn idempotent(&self) -> bool {
        self.enable_idempotence.unwrap_or(self.acks == Acks::All && self.retries > 0)
    }

    /// Checks the rules between keys, as `KafkaProducer` does when it is made, and raises a
    /// `delivery.timeout.ms` that was not set to the least it may be.
    ///
    /// # Errors
    /// When two settings contradict each other.
    pub fn check(&mut self) -> Result<(), ConfigError> {
        let conflict = |text| Err(ConfigError::Conflict(text));
        if self.enable_idempotence == Some(true) {
            if self.acks != Acks::All {
                return conflict("acks must be all to use the idempotent producer");
            }
            if self.retries_set && self.retries == 0 {
                return conflict("retries must be above 0 to use the idempotent producer");
            }
        }
        if self.idempotent() && self.max_in_flight > 5 {
            return conflict(
                "max.in.flight.requests.per.connection must be at most 5 for the idempotent producer",
            );
        }
        if self.transactional_id.is_some() && !self.idempotent() {
            return conflict(
                "transactional.id needs an idempotent producer (acks=all, retries > 0)",
            );
        }
        let least = self.linger.saturating_add(self.request_timeout);
        if self.delivery_timeout < least {
            if self.delivery_timeout_set {
                return conflict(
                    "delivery.timeout.ms must be at least linger.ms plus request.timeout.ms",
                );
            }
            self.delivery_timeout = least;
        }
        Ok(())
    }

    /// Bytes on the wire of `bytes` uncompressed ones.
    #[must_use]
    pub(super) fn compress(&self, bytes: u32) -> u32 {
        if self.compressed { scale(bytes, self.compression_ratio) } else { bytes }
    }

    /// What the accumulator expects `bytes` uncompressed ones to take: the ratio with the Java
    /// client's safety factor of 1.05.
    #[must_use]
    pub(super) fn expect(&self, bytes: u32) -> u32 {
        if self.compressed {
            scale(bytes, self.compression_ratio.saturating_add(self.compression_ratio / 20))
        } else {
            bytes
        }
    }
}

fn scale(bytes: u32, millionths: u32) -> u32 {
    let scaled = u64::from(bytes) * u64::from(millionths) / u64::from(MILLION);
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

fn bad(key: &str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError::BadValue { key: key.to_owned(), value: value.to_owned(), expected }
}

fn number<T: core::str::FromStr>(key: &str, value: &str) -> Result<T, ConfigError> {
    value.parse().map_err(|_| bad(key, value, "a whole number, not negative and not too large"))
}

fn at_least_one(key: &str, value: &str) -> Result<u32, ConfigError> {
    match number(key, value)? {
        0 => Err(bad(key, value, "a whole number from 1")),
        n => Ok(n),
    }
}

fn millis(key: &str, value: &str) -> Result<Duration, ConfigError> {
    Ok(number::<u64>(key, value)?.saturating_mul(MILLISECOND))
}

fn boolean(key: &str, value: &str) -> Result<bool, ConfigError> {
    value.parse().map_err(|_| bad(key, value, "true or false"))
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, ProducerConfig};
    use broker_model::types::MILLISECOND;

    fn config(settings: &[(&str, &str)]) -> ProducerConfig {
        let mut config = ProducerConfig::default();
        for (key, value) in settings {
            config.set(key, value).expect("these are keys and values of a producer");
        }
        config
    }

    #[test]
    fn idempotence_is_the_default_unless_forbidden() {
        assert!(config(&[]).idempotent());
        assert!(!config(&[("acks", "1")]).idempotent());
        assert!(!config(&[("retries", "0")]).idempotent());
        assert!(!config(&[("enable.idempotence", "false")]).idempotent());
    }

    #[test]
    fn contradictions_are_refused() {
        for settings in [
            [("enable.idempotence", "true"), ("acks", "1")],
            [("enable.idempotence", "true"), ("retries", "0")],
            [("enable.idempotence", "true"), ("max.in.flight.requests.per.connection", "6")],
            [("delivery.timeout.ms", "1000"), ("request.timeout.ms", "1000")],
        ] {
            let refused = config(&settings).check();
            assert!(matches!(refused, Err(ConfigError::Conflict(_))), "{settings:?}");
        }
        let mut raised = config(&[("request.timeout.ms", "200000")]);
        raised.check().expect("a delivery timeout that was not set is raised");
        assert_eq!(raised.delivery_timeout, 200_005 * MILLISECOND);
    }

    #[test]
    fn unknown_keys_and_values_are_errors() {
        let mut config = ProducerConfig::default();
        assert!(matches!(config.set("linger", "5"), Err(ConfigError::UnknownKey(_))));
        assert!(matches!(config.set("linger.ms", "-5"), Err(ConfigError::BadValue { .. })));
        assert!(matches!(config.set("acks", "2"), Err(ConfigError::BadValue { .. })));
    }
}
