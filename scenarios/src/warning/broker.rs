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
    let too_high = |key: &str| scenario.cluster.config.int_most(key) > i64::from(brokers);
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
    let is_set = |value: Option<i64>| value.is_some_and(|count| count < i64::MAX);
    let own = |topic: &Topic| topic.config.get_int("flush.messages");
    let cluster = is_set(scenario.cluster.config.get_int(key));
    let all = scenario.topics.iter();
    let topics: Vec<&str> =
        all.clone().filter(|t| is_set(own(t))).map(|t| t.name.as_str()).collect();
    let flushes = |topic: &&Topic| is_set(own(topic)) || cluster && own(topic).is_none();
    let (single, several): (Vec<&Topic>, _) = all.filter(flushes).partition(|t| t.replication == 1);
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
            "{what}: appends wait for the disk again and again, which costs latency{}",
            what_keeps(&single, several.is_empty())
        ),
        source: "Kafka documentation, broker configs: log.flush.interval.messages",
        path,
    })
}

/// What else keeps records through a power cut, of topics that flush: replicas, where there are any.
fn what_keeps(single: &[&Topic], alone: bool) -> String {
    let names: Vec<&str> = single.iter().map(|t| t.name.as_str()).collect();
    let one = format!(
        "{} {} one replica, of which nothing else keeps what a power cut takes",
        named(&names),
        plural("has", "have", &names)
    );
    let replicated = "and replication already keeps what one power cut takes";
    match (single, alone) {
        ([], _) => format!(", {replicated}"),
        (_, true) => format!("; but {one}"),
        (_, false) => format!(", {replicated}; but {one}"),
    }
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
    topic.config.get_int_most(key).unwrap_or_else(|| scenario.cluster.config.int_most(key))
}

/// Internal topics that are used and exist, and need all their replicas: with what cannot be done
/// then and the key that says so. Source: Kafka documentation, broker configs.
fn internal_needs_all(scenario: &Scenario) -> Vec<(&'static str, &'static str, &'static str)> {
    let config = &scenario.cluster.config;
    let groups = scenario.services.iter().any(|s| s.group.is_some());
    let transactions = scenario.services.iter().any(|s| s.transactional);
    let offsets = ("__consumer_offsets", "no group commits offsets", "min.insync.replicas");
    let log =
        ("__transaction_state", "no transaction begins or ends", "transaction.state.log.min.isr");
    let all = [(groups, OFFSETS, offsets), (transactions, TRANSACTIONS, log)];
    let needs_all = |(used, factor, (_, _, minimum)): &(bool, &str, (&str, &str, &str))| {
        let factor = config.int(factor);
        let exists = factor <= i64::from(scenario.brokers_at_boot());
        *used && exists && factor > 1 && config.int_most(minimum) >= factor
    };
    all.into_iter().filter(needs_all).map(|(_, _, told)| told).collect()
}

/// One broker that is down stops all writes with `acks=all`.
pub(super) fn min_isr_is_factor(scenario: &Scenario) -> Option<Warning> {
    let all = |t: &&Topic| t.replication > 1 && min_isr(scenario, t) >= i64::from(t.replication);
    let found: Vec<&Topic> = scenario.topics.iter().filter(all).collect();
    let internal = internal_needs_all(scenario);
    let mut names: Vec<&str> = found.iter().map(|t| t.name.as_str()).collect();
    names.extend(internal.iter().map(|told| told.0));
    let path = match (found.first(), internal.first()) {
        (Some(topic), _) if topic.config.get("min.insync.replicas").is_some() => {
            format!("topic.{}.config.\"min.insync.replicas\"", topic.name)
        }
        (Some(_), _) => "cluster.config.\"min.insync.replicas\"".to_owned(),
        (None, Some((_, _, key))) => format!("cluster.config.{key:?}"),
        (None, None) => return None,
    };
    let stopped: String = internal.iter().map(|(_, what, _)| format!(", {what}")).collect();
    Some(Warning {
        name: "min-isr-is-replication",
        text: format!(
            "{} {} {} as many in-sync replicas as there are: while one broker is down, nothing \
             with acks=all can be written{stopped}",
            plural("topic", "topics", &names),
            named(&names),
            plural("needs", "need", &names),
        ),
        source: "Kafka documentation, topic configs: min.insync.replicas",
        path,
    })
}

/// More in-sync replicas than there are replicas: Kafka asks for all of them instead.
pub(super) fn min_isr_above_factor(scenario: &Scenario) -> Option<Warning> {
    let (key, log_key) = ("min.insync.replicas", "transaction.state.log.min.isr");
    let above = |t: &&Topic| min_isr(scenario, t) > i64::from(t.replication);
    let found: Vec<&Topic> = scenario.topics.iter().filter(above).collect();
    let config = &scenario.cluster.config;
    let factor = config.int(TRANSACTIONS);
    let log = scenario.services.iter().any(|s| s.transactional)
        && factor <= i64::from(scenario.brokers_at_boot())
        && config.int_most(log_key) > factor;
    let mut names: Vec<&str> = found.iter().map(|t| t.name.as_str()).collect();
    names.extend(log.then_some("__transaction_state"));
    let path = match found.first() {
        Some(topic) if topic.config.get(key).is_some() => {
            format!("topic.{}.config.{key:?}", topic.name)
        }
        Some(_) => format!("cluster.config.{key:?}"),
        None if log && config.get(log_key).is_none() => format!("cluster.config.{TRANSACTIONS:?}"),
        None if log => format!("cluster.config.{log_key:?}"),
        None => return None,
    };
    Some(Warning {
        name: "min-isr-above-replication",
        text: format!(
            "{} {} {} more in-sync replicas than {} replicas: Kafka takes the smaller of the two, \
             so writes with acks=all want every replica in sync, and are kept by no more of them",
            plural("topic", "topics", &names),
            named(&names),
            plural("asks for", "ask for", &names),
            plural("it has", "they have", &names),
        ),
        source: "Kafka documentation, topic configs: min.insync.replicas",
        path,
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
        transactional.flat_map(|s| s.inputs.iter().chain(s.writes())).map(String::as_str).collect();
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
            "{} {} {} part in transactions and may elect a leader that is not in sync: committed \
             transactions can be lost in part",
            plural("topic", "topics", &names),
            named(&names),
            plural("takes", "take", &names),
        ),
        source: "Kafka documentation, topic configs: unclean.leader.election.enable; KIP-98",
        path: format!("{table}.config.{key:?}"),
    })
}

/// A lease that one late heartbeat ends.
pub(super) fn heartbeat_near_session(scenario: &Scenario) -> Option<Warning> {
    let config = &scenario.cluster.config;
    let (heartbeat, lease) = ("broker.heartbeat.interval.ms", "broker.session.timeout.ms");
    let (interval, session) = (config.int_most(heartbeat), config.int(lease));
    if interval.saturating_mul(2) <= session {
        return None;
    }
    let what = if interval >= session {
        "brokers are fenced between two heartbeats, again and again"
    } else {
        "one heartbeat that is late or lost fences its broker"
    };
    Some(Warning {
        name: "broker-heartbeat-near-session",
        text: format!(
            "`{heartbeat}` is {interval}, and `{lease}`, {session}, is how long a broker's lease \
             lasts without one: {what}"
        ),
        source: "Kafka documentation, broker configs: broker.heartbeat.interval.ms, \
                 broker.session.timeout.ms",
        path: format!(
            "cluster.config.{:?}",
            if config.get(lease).is_some() { lease } else { heartbeat }
        ),
    })
}
