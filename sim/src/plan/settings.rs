//! Kafka's keys as the machines read them: what they refuse is told before a run begins.
//!
//! The scenario language checks a value against Kafka's own catalogue, which has no bound for
//! many keys. The machines have bounds, and so has the simulator for sizes of tables.

use broker_model::broker::internal_topic;
use broker_model::config::{BrokerConfig, ConfigError, TopicConfig};
use broker_model::controller::RECORDS_PER_OPERATION_MAX;
use broker_model::rules::{Era, Rules, TxnProtocol, UncleanElection};
use broker_model::types::{Release, TransactionalId};
use scenarios::model::{Commit, ConfigValue, KafkaConfig, Scope, Service, Version};
use scenarios::{Scenario, Vocabulary};

use super::PlanError;
use crate::client::admin::AdminConfig;
use crate::client::consumer::{ConsumerConfig, OffsetReset};
use crate::client::producer::{ConfigError as ProducerError, ProducerConfig};

/// More log cleaners than any host has processors for.
const CLEANERS_MAX: i64 = 1_000;

/// The most partitions of a topic that a broker key counts: Kafka's controller takes a topic with
/// its configuration and partitions as one operation. `None` for other keys.
fn partitions_max(key: &str) -> Option<i64> {
    let internal =
        |transactions| internal_topic(&BrokerConfig::default(), transactions).config.len();
    let configured = match key {
        "num.partitions" => 0,
        "offsets.topic.num.partitions" => internal(false),
        "transaction.state.log.num.partitions" => internal(true),
        _ => return None,
    };
    i64::try_from(RECORDS_PER_OPERATION_MAX - 1 - configured).ok()
}

/// Kafka's configurations of a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Of every broker.
    pub broker: BrokerConfig,
    /// Of the clients of services, in order of the scenario.
    pub clients: Vec<ClientSettings>,
    /// Of the administrator.
    pub(crate) admin: AdminConfig,
}

/// Configurations of a service's clients, without what differs between its instances.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSettings {
    /// Of its producers.
    pub producer: ProducerConfig,
    /// Of its consumers.
    pub consumer: ConsumerConfig,
}

/// What the model calls a release of the language.
#[must_use]
pub(crate) const fn release_of(version: Version) -> Release {
    match version {
        Version::V3_9 => Release::V3_9,
        Version::V4_0 => Release::V4_0,
        Version::V4_1 => Release::V4_1,
    }
}

/// The words and values that the simulator knows: with them the scenario language tells a
/// mistake where it stands.
#[must_use]
pub fn vocabulary() -> Vocabulary<'static> {
    Vocabulary { rules: Rules::ALL, eras: Era::WORDS, takes: Some(takes) }
}

impl Settings {
    /// Reads the configurations of a scenario.
    ///
    /// # Errors
    /// When a machine refuses a value, or values that contradict each other.
    pub(super) fn new(scenario: &Scenario, rules: &Rules) -> Result<Self, PlanError> {
        let release = release_of(scenario.cluster.config.version);
        let mut broker = BrokerConfig {
            release,
            unclean_leader_election: rules.unclean_election == UncleanElection::On,
            formatted_transaction_version: match rules.txn_protocol {
                TxnProtocol::OfRelease => None,
                TxnProtocol::V1Verified | TxnProtocol::V1 => Some(1),
            },
            transaction_partition_verification_enable: rules.txn_protocol != TxnProtocol::V1,
            ..BrokerConfig::default()
        };
        apply(&scenario.cluster.config, "cluster.config", |key, text| broker.set(key, text))?;
        for topic in &scenario.topics {
            let mut config = TopicConfig::from_broker(&broker);
            let path = format!("topic.{}.config", topic.name);
            apply(&topic.config, &path, |key, text| config.set(key, text))?;
        }
        let mut admin = AdminConfig::default();
        apply(&scenario.cluster.admin, "cluster.admin", |key, text| admin.set(key, text))?;
        let level = broker.transaction_version();
        let clients = scenario.services.iter().map(|s| ClientSettings::new(s, level));
        Ok(Self { clients: clients.collect::<Result<_, _>>()?, broker, admin })
    }
}

impl ClientSettings {
    /// Those of a service of a cluster with this level of `transaction.version`.
    fn new(service: &Service, level: u8) -> Result<Self, PlanError> {
        let path = format!("service.{}.producer", service.name);
        let release = release_of(service.producer.version);
        let mut producer = ProducerConfig::default();
        producer.transaction_version = u32::from(level.min(release.transaction_version()));
        apply(&service.producer, &path, |key, text| set_producer(&mut producer, key, text))?;
        // The language lets this pass up to 3.9 only, whose producer yields.
        if producer.enable_idempotence.is_none()
            && producer.max_in_flight > 5
            && !service.transactional
        {
            producer.enable_idempotence = Some(false);
        }
        // Whether there is a transactional id matters to the rules, which one does not.
        producer.transactional_id = service.transactional.then_some(TransactionalId(0));
        producer.check().map_err(|error| PlanError::Refused { path, reason: error.to_string() })?;
        producer.transactional_id = None;
        if u64::from(producer.batch_size) > producer.buffer_memory {
            // Kafka's producer starts, and throws at every `send`: no batch fits the buffer.
            let path = format!("service.{}.producer.\"batch.size\"", service.name);
            let reason = "must not be above buffer.memory: no record could ever be sent";
            return Err(PlanError::Refused { path, reason: reason.to_owned() });
        }
        // A service reads what is there, and commits by itself unless told otherwise.
        let mut consumer = ConsumerConfig {
            auto_offset_reset: OffsetReset::Earliest,
            enable_auto_commit: service.commit == Commit::Auto && !service.transactional,
            ..ConsumerConfig::default()
        };
        let path = format!("service.{}.consumer", service.name);
        apply(&service.consumer, &path, |key, text| consumer.set(key, text))?;
        Ok(Self { producer, consumer })
    }
}

/// Sets all keys of a table. Keys that Kafka has and the model does not read have no effect.
fn apply(
    config: &KafkaConfig,
    path: &str,
    mut set: impl FnMut(&str, &str) -> Result<(), ConfigError>,
) -> Result<(), PlanError> {
    for (key, value) in config.deviations() {
        let refused = |reason| PlanError::Refused { path: format!("{path}.{key:?}"), reason };
        bounded(config.scope, key, &value).map_err(refused)?;
        ignoring_the_rest(set(key, &config_text(&value))).map_err(refused)?;
    }
    Ok(())
}

/// Whether the machine that reads a key takes a value; if not, a sentence why.
fn takes(scope: Scope, key: &str, value: &ConfigValue) -> Result<(), String> {
    bounded(scope, key, value)?;
    let text = config_text(value);
    ignoring_the_rest(match scope {
        Scope::Broker => BrokerConfig::default().set(key, &text),
        Scope::Topic => TopicConfig::default().set(key, &text),
        Scope::Producer => set_producer(&mut ProducerConfig::default(), key, &text),
        Scope::Consumer => ConsumerConfig::default().set(key, &text),
        Scope::Admin => AdminConfig::default().set(key, &text),
    })
}

fn ignoring_the_rest(set: Result<(), ConfigError>) -> Result<(), String> {
    match set {
        // The language knows which keys Kafka has: what a machine does not know is not modelled.
        Ok(()) | Err(ConfigError::NotModelled { .. } | ConfigError::Unknown { .. }) => Ok(()),
        Err(ConfigError::Invalid { value, expected, .. }) => {
            let short: String = value.chars().take(40).collect();
            Err(format!("must be {expected}, not `{short}`"))
        }
    }
}

/// The producer's own errors as those of the other machines.
fn set_producer(config: &mut ProducerConfig, key: &str, text: &str) -> Result<(), ConfigError> {
    let key = key.to_owned();
    match config.set(&key, text) {
        Ok(()) => Ok(()),
        Err(ProducerError::UnknownKey(_)) => Err(ConfigError::Unknown { key }),
        Err(ProducerError::NotModelled(_)) => Err(ConfigError::NotModelled { key }),
        Err(ProducerError::BadValue { value, expected, .. }) => {
            Err(ConfigError::Invalid { key, value, expected })
        }
        Err(ProducerError::Conflict(expected)) => {
            Err(ConfigError::Invalid { key, value: text.to_owned(), expected })
        }
    }
}

/// Bounds of the simulator: it keeps a table for every partition of every broker.
fn bounded(scope: Scope, key: &str, value: &ConfigValue) -> Result<(), String> {
    let ConfigValue::Int(n) = *value else { return Ok(()) };
    if scope != Scope::Broker {
        return Ok(());
    }
    if let Some(most) = partitions_max(key).filter(|most| n > *most) {
        let all = RECORDS_PER_OPERATION_MAX;
        return Err(format!(
            "must be at most {most}, not {n}: a topic with its partitions and configuration is \
             one operation of the controller, which takes {all} records"
        ));
    }
    match key {
        "log.cleaner.threads" if n > CLEANERS_MAX => {
            Err(format!("must be at most {CLEANERS_MAX} in a simulation, not {n}"))
        }
        // The language reads this one, and Kafka's catalogue has no bound for it.
        "default.replication.factor" if !(1..=32_767).contains(&n) => {
            Err(format!("must be an integer from 1 to 32767, not `{n}`"))
        }
        _ => Ok(()),
    }
}

/// A Kafka value as Kafka writes it.
#[must_use]
pub(crate) fn config_text(value: &ConfigValue) -> String {
    match value {
        ConfigValue::Bool(value) => value.to_string(),
        ConfigValue::Int(value) => value.to_string(),
        ConfigValue::Millionths(value) => format!("{}", *value as f64 / 1e6),
        ConfigValue::Text(value) => value.clone(),
        ConfigValue::List(values) => values.join(","),
    }
}

#[cfg(test)]
mod tests {
    use broker_model::rules::Rules;
    use scenarios::Scenario;

    use super::{ConfigValue, Scope, Settings, takes};
    use crate::world::small::cluster;

    const TRANSACTIONAL: &str = r#"
[topic.payments]
[service.payment]
kind = "transform"
input = "orders"
output = "payments"
transactional = true
"#;

    #[test]
    fn the_protocol_of_transactions_holds_for_brokers_and_producers() {
        let text = cluster((1, 1), 1, 10, TRANSACTIONAL);
        let of = |release: &str, protocol: &str| {
            let set = [("scenario.kafka".to_owned(), format!("\"{release}\""))];
            let scenario = Scenario::parse(&text, &set).expect("Kafka accepts this");
            let mut rules = Rules::default();
            rules.set("txn_protocol", protocol).expect("a rule");
            let settings = Settings::new(&scenario, &rules).expect("all machines do");
            let broker = &settings.broker;
            let levels = settings.clients.iter().map(|c| c.producer.transaction_version);
            let verifies = broker.transaction_partition_verification_enable;
            (broker.transaction_version(), verifies, levels.max())
        };
        assert_eq!(of("4.1", "of_release"), (2, true, Some(2)));
        assert_eq!(of("4.1", "v1_verified"), (1, true, Some(1)));
        assert_eq!(of("4.1", "v1"), (1, false, Some(1)));
        assert_eq!(of("3.9", "of_release"), (0, true, Some(0)));
    }

    #[test]
    fn no_machine_refuses_what_kafka_begins_with() {
        for scope in Scope::ALL {
            for key in scope.forms() {
                if let Some(value) = key.default_value().filter(|_| !key.default.is_empty()) {
                    assert_eq!(takes(scope, key.name, &value), Ok(()), "{}", key.name);
                }
            }
        }
    }

    #[test]
    fn refusals_are_sentences() {
        let int = ConfigValue::Int;
        let told = takes(Scope::Broker, "broker.heartbeat.interval.ms", &int(0));
        assert_eq!(told, Err("must be a number of milliseconds, 1 or more, not `0`".to_owned()));
        for (key, most) in [
            ("num.partitions", 9_999),
            ("offsets.topic.num.partitions", 9_997),
            ("transaction.state.log.num.partitions", 9_996),
        ] {
            assert_eq!(takes(Scope::Broker, key, &int(most)), Ok(()), "{key}");
            assert!(takes(Scope::Broker, key, &int(most + 1)).is_err(), "{key}");
        }
        assert!(takes(Scope::Consumer, "heartbeat.interval.ms", &int(-5)).is_err());
        assert!(takes(Scope::Producer, "batch.size", &int(-1)).is_err());
        assert!(takes(Scope::Producer, "send.buffer.bytes", &int(-1)).is_ok());
    }
}
