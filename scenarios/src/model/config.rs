//! Kafka's own configuration keys, verbatim, typed.

use std::collections::BTreeMap;

/// Whose keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// `server.properties`.
    Broker,
    /// Per topic.
    Topic,
    /// The producer.
    Producer,
    /// The consumer.
    Consumer,
}

/// A typed value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigValue {
    /// `BOOLEAN`.
    Bool(bool),
    /// `SHORT`, `INT`, `LONG`.
    Int(i64),
    /// `DOUBLE`, in millionths.
    Millionths(i64),
    /// `STRING`, `CLASS`, `PASSWORD`.
    Text(String),
    /// `LIST`.
    List(Vec<String>),
}

/// Keys of one scope that a scenario sets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KafkaConfig {
    /// Whose keys.
    pub scope: Scope,
    /// What is set, by key.
    pub set: BTreeMap<String, ConfigValue>,
}

impl KafkaConfig {
    /// Nothing set.
    #[must_use]
    pub fn empty(scope: Scope) -> Self {
        Self { scope, set: BTreeMap::new() }
    }

    /// What the scenario sets, if it does.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&ConfigValue> {
        self.set.get(key)
    }

    /// An integer that the scenario sets.
    #[must_use]
    pub fn get_int(&self, key: &str) -> Option<i64> {
        match self.set.get(key) {
            Some(ConfigValue::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// A boolean that the scenario sets.
    #[must_use]
    pub fn get_bool(&self, key: &str) -> Option<bool> {
        match self.set.get(key) {
            Some(ConfigValue::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A text that the scenario sets.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        match self.set.get(key) {
            Some(ConfigValue::Text(value)) => Some(value),
            _ => None,
        }
    }
}
