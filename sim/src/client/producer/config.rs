//! `ProducerConfig`: Kafka's keys with the defaults of 4.1.

use broker_model::protocol::produce::Acks;
use broker_model::records::Codec;
use broker_model::types::{Duration, MILLISECOND, NodeId, TransactionalId};

use super::super::backoff::Backoff;
use super::super::setting::{
    Setting, flag, int, int_from_one, long, millis, settings, without_effect,
};

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
    /// `compression.type`.
    pub compression: Codec,
    /// `partitioner.adaptive.partitioning.enable`.
    pub adaptive_partitioning: bool,
    /// `partitioner.availability.timeout.ms`, 0 for never.
    pub availability_timeout: Duration,
    /// `partitioner.ignore.keys`.
    pub ignore_keys: bool,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Duration,
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
            compression: Codec::None,
            adaptive_partitioning: true,
            availability_timeout: 0,
            ignore_keys: false,
            metadata_max_age: 300_000 * ms,
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
    /// Kafka has the key, and it has no effect here.
    #[error("producer key `{0}` has no effect here")]
    NotModelled(String),
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

/// Every key that is read. `transactional.id` and `bootstrap.servers` name things of the run,
/// and are set by whoever makes the producer.
pub(crate) const SETTINGS: &[Setting<ProducerConfig>] = settings! { ProducerConfig;
    "acks", acks, acks,
        "Which replicas have a batch before it is acknowledged.";
    "linger.ms", linger, millis,
        "How long a batch waits for more records before it is sent.";
    "batch.size", batch_size, int,
        "Bytes at which a batch is full and sent.";
    "buffer.memory", buffer_memory, long,
        "Bytes of records that wait; beyond them `send` waits for room.";
    "max.in.flight.requests.per.connection", max_in_flight, int_from_one,
        "Requests on their way to one broker at a time.";
    "retries", retries, int,
        "How often a batch is sent again after an error that may pass.";
    "delivery.timeout.ms", delivery_timeout, millis,
        "Age at which a batch that is not acknowledged fails.";
    "request.timeout.ms", request_timeout, millis,
        "How long an answer is waited for before the connection is given up.";
    "retry.backoff.ms", retry_backoff.initial, millis,
        "First wait before a request is tried again.";
    "retry.backoff.max.ms", retry_backoff.max, millis,
        "Longest wait before a request is tried again.";
    "reconnect.backoff.ms", reconnect_backoff.initial, millis,
        "First wait before a broker is connected to again.";
    "reconnect.backoff.max.ms", reconnect_backoff.max, millis,
        "Longest wait before a broker is connected to again.";
    "enable.idempotence", enable_idempotence, some_flag,
        "Whether batches carry producer id and sequence, so that a repeated one is not appended.";
    "transaction.timeout.ms", transaction_timeout, millis,
        "Age at which the coordinator aborts an open transaction.";
    "max.block.ms", max_block, millis,
        "How long calls of transactions wait for an answer, and a `send` for memory or metadata.";
    "max.request.size", max_request_size, int,
        "Bytes of the largest record and of the largest produce request.";
    "compression.type", compression, compression,
        "The codec of batches: what it leaves of records by their `payload`, and what it costs.";
    "partitioner.adaptive.partitioning.enable", adaptive_partitioning, flag,
        "Whether records without keys go rather to brokers with short queues.";
    "partitioner.availability.timeout.ms", availability_timeout, millis,
        "Brokers that take nothing for so long get no records without keys.";
    "partitioner.ignore.keys", ignore_keys, flag,
        "Whether records with keys are spread as those without.";
    "metadata.max.age.ms", metadata_max_age, millis,
        "Age at which the knowledge of leaders is refreshed.";
};

fn acks(text: &str) -> Result<Acks, &'static str> {
    match text {
        "0" => Ok(Acks::None),
        "1" => Ok(Acks::Leader),
        "all" | "-1" => Ok(Acks::All),
        _ => Err("0, 1 or all"),
    }
}

fn compression(text: &str) -> Result<Codec, &'static str> {
    Codec::named(text).ok_or("none, gzip, snappy, lz4 or zstd")
}

fn some_flag(text: &str) -> Result<Option<bool>, &'static str> {
    flag(text).map(Some)
}

impl ProducerConfig {
    /// Sets one of Kafka's keys from its text.
    ///
    /// # Errors
    /// When there is no such key, it has no effect here, or it takes no such value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(match without_effect(key) {
                Some(_) => ConfigError::NotModelled(key.to_owned()),
                None => ConfigError::UnknownKey(key.to_owned()),
            });
        };
        (setting.set)(self, value).map_err(|expected| ConfigError::BadValue {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        })?;
        self.delivery_timeout_set |= key == "delivery.timeout.ms";
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
            if self.retries == 0 {
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
