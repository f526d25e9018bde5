//! Replication against the brokers there are.

use super::Cross;
use crate::decoder::Problem;
use crate::model::cluster::Topic;
use crate::model::kafka::RECORDS_PER_OPERATION_MAX;

pub(super) fn check(cross: &mut Cross<'_>) {
    topics(cross);
    internal_topics(cross);
    collisions(cross);
}

fn topics(cross: &mut Cross<'_>) {
    let scenario = cross.scenario;
    let brokers = scenario.brokers_at_boot();
    for topic in &scenario.topics {
        too_many_partitions(cross, topic);
        let name = topic.name.as_str();
        let factor = cross.at(&["topic", name, "replication"]);
        if topic.replication > brokers {
            let problem = Problem::new(
                "scenario::replication-above-brokers",
                format!(
                    "topic `{name}` wants {} replicas, the cluster boots with {brokers} brokers",
                    topic.replication
                ),
            )
            .help(format!("add brokers, or lower `replication` to {brokers}"));
            let cluster = cross.given(&["cluster", "brokers"]);
            cross.raise(problem, &[(factor, "replication factor"), (cluster, "brokers")]);
        }
        let key = "min.insync.replicas";
        let own = topic.config.get_int(key);
        let minimum = own.unwrap_or_else(|| scenario.cluster.config.int(key));
        if minimum > i64::from(topic.replication) {
            let node = if own.is_some() {
                cross.given(&["topic", name, "config", key])
            } else {
                cross.given(&["cluster", "config", key])
            };
            let problem = Problem::new(
                "scenario::min-isr-above-replication",
                format!(
                    "topic `{name}` needs {minimum} in-sync replicas and has {}",
                    topic.replication
                ),
            )
            .help(
                "no `acks=all` write could ever succeed: lower `min.insync.replicas` or raise \
                   `replication`",
            );
            let labels = [(node, "min.insync.replicas"), (factor, "replication factor")];
            cross.raise(problem, &labels);
        }
    }
}

/// What Kafka refuses with `POLICY_VIOLATION`: the topic, each key of its configuration and each
/// partition are a record of metadata, of which one request makes so many at most.
fn too_many_partitions(cross: &mut Cross<'_>, topic: &Topic) {
    let records = 1 + topic.config.set.len() + topic.partitions as usize;
    if records <= RECORDS_PER_OPERATION_MAX as usize {
        return;
    }
    let problem = Problem::new(
        "scenario::too-many-partitions",
        format!(
            "topic `{}` with {} partitions takes {records} records of metadata",
            topic.name, topic.partitions
        ),
    )
    .help(format!(
        "Kafka refuses a request that makes more than {RECORDS_PER_OPERATION_MAX}: use several \
         topics"
    ));
    let name = topic.name.as_str();
    let nodes = [(cross.at(&["topic", name, "partitions"]), "partitions")];
    cross.raise(problem, &nodes);
}

/// No transaction could begin when its log needs more in-sync replicas than it has. Too high a
/// factor is a warning: Kafka accepts it, and clients wait for ever.
fn internal_topics(cross: &mut Cross<'_>) {
    let scenario = cross.scenario;
    let config = &scenario.cluster.config;
    let transactions = scenario.services.iter().any(|s| s.transactional);
    let (minimum_key, key) =
        ("transaction.state.log.min.isr", "transaction.state.log.replication.factor");
    let (minimum, factor) = (config.int(minimum_key), config.int(key));
    if transactions && minimum > factor {
        let problem = Problem::new(
            "scenario::min-isr-above-replication",
            format!("the transaction log needs {minimum} in-sync replicas and has {factor}"),
        )
        .help(format!("no transaction could ever begin: lower {minimum_key:?}"));
        let nodes = [
            (cross.given(&["cluster", "config", minimum_key]), "in-sync replicas"),
            (cross.given(&["cluster", "config", key]), "replication factor"),
        ];
        cross.raise(problem, &nodes);
    }
}

/// Kafka refuses topics whose names differ in `.` and `_` only, because metric names collide.
fn collisions(cross: &mut Cross<'_>) {
    let mut seen: std::collections::BTreeMap<String, &str> = std::collections::BTreeMap::new();
    for topic in &cross.scenario.topics {
        let Some(other) = seen.insert(topic.name.replace('.', "_"), &topic.name) else { continue };
        let problem = Problem::new(
            "scenario::duplicate",
            format!("topics `{other}` and `{}` collide", topic.name),
        )
        .help("Kafka takes `.` and `_` for the same in topic names: use one of them only");
        let nodes = [
            (cross.given(&["topic", &topic.name]), "this one"),
            (cross.given(&["topic", other]), "and this one"),
        ];
        cross.raise(problem, &nodes);
    }
}
