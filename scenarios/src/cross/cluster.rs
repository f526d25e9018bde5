//! Replication against the brokers there are.

use super::Cross;
use crate::decoder::Problem;
use crate::model::cluster::Topic;
use crate::model::kafka::RECORDS_PER_OPERATION_MAX;

pub(super) fn check(cross: &mut Cross<'_>) {
    topics(cross);
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
