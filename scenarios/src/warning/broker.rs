//! Warnings about brokers and topics.

use super::{Warning, named, plural};
use crate::model::Scenario;
use crate::model::cluster::Topic;
use crate::model::config::ConfigValue;

const OFFSETS: &str = "offsets.topic.replication.factor";
const TRANSACTIONS: &str = "transaction.state.log.replication.factor";

/// An internal topic that is never created, because it wants more brokers than there are.
pub(super) fn internal_topic_factor(scenario: &Scenario) -> Option<Warning> {
    let brokers = scenario.brokers_at_boot();
    let groups = scenario.services.iter().any(|s| s.group.is_some());
    let transactions = scenario.services.iter().any(|s| s.transactional);
    let too_high = |key: &str| scenario.cluster.config.int(key) > i64::from(brokers);
    let keys: Vec<&str> = [(groups, OFFSETS), (transactions, TRANSACTIONS)]
        .into_iter()
        .filter(|(used, key)| *used && too_high(key))
        .map(|(_, key)| key)
        .collect();
    let first = keys.first()?;
    Some(Warning {
        name: "internal-topic-factor",
        text: format!(
            "{} above the number of brokers, {brokers}: the topic is never created, and what \
             needs it waits for ever",
            match keys.len() {
                1 => format!("{} is", named(&keys)),
                _ => format!("{} are", named(&keys)),
            }
        ),
        source: "Kafka documentation, broker configs: offsets.topic.replication.factor",
        path: format!("cluster.config.{first:?}"),
    })
}

/// A forced flush after so many records.
pub(super) fn flush_by_messages(scenario: &Scenario) -> Option<Warning> {
    let key = "log.flush.interval.messages";
    let topics: Vec<&str> = scenario
        .topics
        .iter()
        .filter(|t| t.config.get("flush.messages").is_some())
        .map(|t| t.name.as_str())
        .collect();
    let cluster = scenario.cluster.config.get(key).is_some();
    let (what, path) = match topics.first() {
        _ if cluster => (format!("`{key}` is set"), format!("cluster.config.{key:?}")),
        Some(first) => (
            format!("`flush.messages` is set for {}", named(&topics)),
            format!("topic.{first}.config.\"flush.messages\""),
        ),
        None => return None,
    };
    Some(Warning {
        name: "flush-by-messages",
        text: format!(
            "{what}: appends wait for the disk again and again, which costs latency, and \
             replication already keeps what one power cut takes"
        ),
        source: "Kafka documentation, broker configs: log.flush.interval.messages",
        path,
    })
}

/// A forced flush after so much time, and nothing that looks for it.
pub(super) fn flush_without_scheduler(scenario: &Scenario) -> Option<Warning> {
    let config = &scenario.cluster.config;
    if (1..i64::MAX).contains(&config.int("log.flush.scheduler.interval.ms")) {
        return None;
    }
    let key = "log.flush.interval.ms";
    let is_set = |value: Option<i64>| value.is_some_and(|millis| millis < i64::MAX);
    let topics: Vec<&str> = scenario
        .topics
        .iter()
        .filter(|t| is_set(t.config.get_int("flush.ms")))
        .map(|t| t.name.as_str())
        .collect();
    let (what, path) = match topics.first() {
        _ if is_set(config.get_int(key)) => {
            (format!("`{key}` is set"), format!("cluster.config.{key:?}"))
        }
        Some(first) => (
            format!("`flush.ms` is set for {}", named(&topics)),
            format!("topic.{first}.config.\"flush.ms\""),
        ),
        None => return None,
    };
    Some(Warning {
        name: "flush-ms-without-scheduler",
        text: format!(
            "{what} without `log.flush.scheduler.interval.ms`: a broker looks for what is old \
             enough once, `log.initial.task.delay.ms` after its start, and never again"
        ),
        source: "Kafka documentation, topic configs: flush.ms; KAFKA-19151",
        path,
    })
}

fn min_isr(scenario: &Scenario, topic: &Topic) -> i64 {
    let key = "min.insync.replicas";
    topic.config.get_int(key).unwrap_or_else(|| scenario.cluster.config.int(key))
}

/// One broker that is down stops all writes with `acks=all`.
pub(super) fn min_isr_is_factor(scenario: &Scenario) -> Option<Warning> {
    let all = |t: &&Topic| t.replication > 1 && min_isr(scenario, t) == i64::from(t.replication);
    let found: Vec<&Topic> = scenario.topics.iter().filter(all).collect();
    let first = found.first()?;
    let names: Vec<&str> = found.iter().map(|t| t.name.as_str()).collect();
    let own = first.config.get("min.insync.replicas").is_some();
    let table = if own { format!("topic.{}", first.name) } else { "cluster".to_owned() };
    Some(Warning {
        name: "min-isr-is-replication",
        text: format!(
            "{} {} as many in-sync replicas as there are: while one broker is down, nothing \
             with acks=all can be written",
            plural("topic", "topics", &names).to_owned() + " " + &named(&names),
            plural("needs", "need", &names),
        ),
        source: "Kafka documentation, topic configs: min.insync.replicas",
        path: format!("{table}.config.\"min.insync.replicas\""),
    })
}

/// Transactions promise what an unclean election takes back.
pub(super) fn unclean_with_transactions(scenario: &Scenario) -> Option<Warning> {
    let key = "unclean.leader.election.enable";
    let cluster = scenario.cluster.config.bool(key);
    let own = |topic: &Topic| match topic.config.get(key) {
        Some(ConfigValue::Bool(value)) => Some(*value),
        _ => None,
    };
    let transactional = scenario.services.iter().filter(|s| s.transactional);
    let used: Vec<&str> =
        transactional.flat_map(|s| s.inputs.iter().chain(&s.output)).map(String::as_str).collect();
    let unclean = |t: &&Topic| used.contains(&t.name.as_str()) && own(t).unwrap_or(cluster);
    let found: Vec<&Topic> = scenario.topics.iter().filter(unclean).collect();
    let first = found.first()?;
    let names: Vec<&str> = found.iter().map(|t| t.name.as_str()).collect();
    let table = match own(first) {
        Some(_) => format!("topic.{}", first.name),
        None => "cluster".to_owned(),
    };
    Some(Warning {
        name: "unclean-election-with-transactions",
        text: format!(
            "{} {} part in transactions and may elect a leader that is not in sync: committed \
             transactions can be lost in part",
            plural("topic", "topics", &names).to_owned() + " " + &named(&names),
            plural("takes", "take", &names),
        ),
        source: "Kafka documentation, topic configs: unclean.leader.election.enable; KIP-98",
        path: format!("{table}.config.{key:?}"),
    })
}

/// As many controllers as would do with one less.
pub(super) fn even_quorum(scenario: &Scenario) -> Option<Warning> {
    let controllers = scenario.cluster.controllers;
    if controllers % 2 == 1 {
        return None;
    }
    Some(Warning {
        name: "even-quorum",
        text: format!(
            "{controllers} controllers need {} for a majority, so {}: an odd number is cheaper and \
             no less safe",
            controllers / 2 + 1,
            match controllers {
                2 => "the loss of one of them ends every decision, as with one alone".to_owned(),
                _ => format!(
                    "they bear the loss of {}, as {} do",
                    controllers / 2 - 1,
                    controllers - 1
                ),
            }
        ),
        source: "Kafka documentation, KRaft: deploying considerations",
        path: "cluster.controllers".to_owned(),
    })
}
