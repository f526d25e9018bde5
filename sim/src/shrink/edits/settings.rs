//! Configuration as Kafka has it by default, else in round numbers.

use scenarios::Scenario;
use scenarios::model::{ConfigValue, KafkaConfig};

use super::pieces;
use crate::shrink::trial::{Edit, edit};

/// Keys that say what is promised: with another value the same failure may be none.
const PROMISES: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "cleanup.policy",
    "enable.auto.commit",
    "enable.idempotence",
    "isolation.level",
    "max.in.flight.requests.per.connection",
    "min.insync.replicas",
    "offsets.topic.replication.factor",
    "transaction.state.log.min.isr",
    "transaction.state.log.replication.factor",
    "unclean.leader.election.enable",
];

/// Keys that are set back to Kafka's default, so many of one table at a time. What is promised stays.
pub(in crate::shrink) fn defaults(scenario: &Scenario, size: usize) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (place, table) in tables(&mut scenario.clone()).into_iter().enumerate() {
        let keys = table.set.keys().filter(|key| !PROMISES.contains(&key.as_str()));
        let keys: Vec<String> = keys.cloned().collect();
        edits.extend(pieces(keys.len(), size).map(|piece| {
            let keys = keys[piece].to_vec();
            on_table(place, move |table| {
                let before = table.set.len();
                table.set.retain(|key, _| !keys.contains(key));
                table.set.len() < before
            })
        }));
    }
    edits
}

/// Whole numbers with one digit that is not zero, below what a seed drew and above it.
pub(in crate::shrink) fn rounded(scenario: &Scenario) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (place, table) in tables(&mut scenario.clone()).into_iter().enumerate() {
        for (key, value) in &table.set {
            let ConfigValue::Int(value) = *value else { continue };
            edits.extend(round(value).map(|number| {
                let key = key.clone();
                on_table(place, move |table| {
                    let old = table.set.insert(key.clone(), ConfigValue::Int(number));
                    old != Some(ConfigValue::Int(number))
                })
            }));
        }
    }
    edits
}

fn round(value: i64) -> impl Iterator<Item = i64> {
    let power = value.checked_ilog10().map_or(1, |digits| 10_i64.pow(digits));
    let low = value / power * power;
    [low, low.saturating_add(power)]
        .into_iter()
        .filter(move |it| value >= 10 && low != value && *it > 0)
}

fn on_table(
    place: usize,
    change: impl Fn(&mut KafkaConfig) -> bool + Send + Sync + 'static,
) -> Edit {
    edit(move |s| tables(s).into_iter().nth(place).is_some_and(&change))
}

/// All tables of Kafka's keys.
fn tables(scenario: &mut Scenario) -> Vec<&mut KafkaConfig> {
    let mut all = vec![&mut scenario.cluster.config, &mut scenario.cluster.admin];
    all.extend(scenario.topics.iter_mut().map(|topic| &mut topic.config));
    for service in &mut scenario.services {
        all.extend([&mut service.producer, &mut service.consumer]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn numbers_are_rounded_down_and_up() {
        assert_eq!(round(1_234).collect::<Vec<_>>(), [1_000, 2_000]);
        assert_eq!(round(99).collect::<Vec<_>>(), [90, 100]);
        assert_eq!(round(500).count() + round(7).count() + round(-1).count() + round(0).count(), 0);
        assert_eq!(round(i64::MAX).count(), 2);
    }
}
