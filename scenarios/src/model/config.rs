//! Kafka's own configuration keys, verbatim, typed.

use std::collections::BTreeMap;

use super::Scenario;
use crate::kafka_keys::Version;

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
    /// The administrator's client.
    Admin,
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
    /// The release whose defaults apply.
    pub version: Version,
    /// What is set, by key. Of what is drawn the least value.
    pub set: BTreeMap<String, ConfigValue>,
    /// Integers that are drawn uniformly once per seed, with the least and the greatest value:
    /// `"1s..9s"`.
    pub drawn: BTreeMap<String, (i64, i64)>,
}

impl KafkaConfig {
    /// Nothing set.
    #[must_use]
    pub fn empty(scope: Scope, version: Version) -> Self {
        Self { scope, version, set: BTreeMap::new(), drawn: BTreeMap::new() }
    }

    /// Sets what is drawn to what `draw` makes of its key, its least and its greatest value.
    fn settle(&mut self, path: &str, draw: &mut impl FnMut(&str, i64, i64) -> i64) {
        for (key, (low, high)) in std::mem::take(&mut self.drawn) {
            let value = draw(&format!("{path}.{key}"), low, high);
            self.set.insert(key, ConfigValue::Int(value));
        }
    }

    /// Everything that is not as in the newest release by default: defaults of the release that
    /// differ, and what the scenario sets.
    #[must_use]
    pub fn deviations(&self) -> BTreeMap<&str, ConfigValue> {
        let mut found = BTreeMap::new();
        if self.version != Version::default() {
            for key in self.scope.keys(self.version) {
                let newest = self.scope.key(Version::default(), key.name);
                if newest.is_some_and(|newest| newest.default == key.default) {
                    continue;
                }
                if let Some(value) = key.default_value() {
                    found.insert(key.name, value);
                }
            }
        }
        found.extend(self.set.iter().map(|(key, value)| (key.as_str(), value.clone())));
        found
    }

    /// What the scenario sets, if it does.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&ConfigValue> {
        self.set.get(key)
    }

    /// What is in force: what the scenario sets, else Kafka's default. None when Kafka has no
    /// default for the key.
    ///
    /// # Panics
    /// When the key is none of Kafka's in this scope: that is a bug of the caller.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<ConfigValue> {
        if let Some(set) = self.set.get(key) {
            return Some(set.clone());
        }
        let known = self.scope.key(self.version, key);
        let known = known.unwrap_or_else(|| panic!("{key} is no {} key", self.scope.name()));
        known.default_value()
    }

    /// An integer in force.
    ///
    /// # Panics
    /// When the key is no integer key of this scope, or Kafka has no default for it.
    #[must_use]
    pub fn int(&self, key: &str) -> i64 {
        match self.value(key) {
            Some(ConfigValue::Int(value)) => value,
            other => panic!("{key} is no integer: {other:?}"),
        }
    }

    /// An integer in force, the greatest of what can be drawn.
    ///
    /// # Panics
    /// As [`Self::int`].
    #[must_use]
    pub fn int_most(&self, key: &str) -> i64 {
        self.drawn.get(key).map_or_else(|| self.int(key), |&(_, high)| high)
    }

    /// A boolean in force.
    ///
    /// # Panics
    /// When the key is no boolean key of this scope, or Kafka has no default for it.
    #[must_use]
    pub fn bool(&self, key: &str) -> bool {
        match self.value(key) {
            Some(ConfigValue::Bool(value)) => value,
            other => panic!("{key} is no boolean: {other:?}"),
        }
    }

    /// A text in force.
    ///
    /// # Panics
    /// When the key is no text key of this scope, or Kafka has no default for it.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        match self.value(key) {
            Some(ConfigValue::Text(value)) => value,
            other => panic!("{key} is no text: {other:?}"),
        }
    }

    /// A list in force.
    ///
    /// # Panics
    /// When the key is no list key of this scope, or Kafka has no default for it.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<String> {
        match self.value(key) {
            Some(ConfigValue::List(value)) => value,
            other => panic!("{key} is no list: {other:?}"),
        }
    }

    /// An integer that the scenario sets.
    #[must_use]
    pub fn get_int(&self, key: &str) -> Option<i64> {
        match self.set.get(key) {
            Some(ConfigValue::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// An integer that the scenario sets, the greatest of what can be drawn.
    #[must_use]
    pub fn get_int_most(&self, key: &str) -> Option<i64> {
        self.drawn.get(key).map(|&(_, high)| high).or_else(|| self.get_int(key))
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

impl Scenario {
    /// The same with a value for each configuration that is drawn per seed: what `draw` makes of
    /// its path, its least and its greatest value.
    #[must_use]
    pub fn settled(&self, mut draw: impl FnMut(&str, i64, i64) -> i64) -> Self {
        let mut settled = self.clone();
        settled.cluster.config.settle("cluster.config", &mut draw);
        settled.cluster.admin.settle("cluster.admin", &mut draw);
        for topic in &mut settled.topics {
            topic.config.settle(&format!("topic.{}.config", topic.name), &mut draw);
        }
        for service in &mut settled.services {
            service.producer.settle(&format!("service.{}.producer", service.name), &mut draw);
            service.consumer.settle(&format!("service.{}.consumer", service.name), &mut draw);
        }
        settled
    }
}
