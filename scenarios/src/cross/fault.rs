//! Faults against what there is to hit.

use std::collections::BTreeMap;

use super::Cross;
use crate::decoder::Problem;
use crate::model::fault::{FaultKind, ProtocolEvent, Target, Trigger};
use crate::tree::Node;

pub(super) fn check(cross: &mut Cross<'_>) {
    let scenario = cross.scenario;
    let count = match cross.given(&["fault"]).map(|n| &n.value) {
        Some(crate::tree::Value::Array(items)) => items.len(),
        _ => 0,
    };
    // A fault of unknown kind is not in the list: then numbers and entries do not match.
    if count != scenario.faults.len() {
        return;
    }
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, fault) in scenario.faults.iter().enumerate() {
        let index = i.to_string();
        let node = cross.at(&["fault", &index, "target"]);
        target(cross, &fault.target, node);
        if let FaultKind::Delay { to: Some(id), .. } | FaultKind::LeaderMove { to: Some(id) } =
            fault.kind
        {
            let to = cross.at(&["fault", &index, "to"]);
            target(cross, &Target::Broker(id), to);
        }
        if let FaultKind::DiskFailure { directory: Some(place) } = fault.kind {
            directory(cross, place, cross.at(&["fault", &index, "directory"]));
        }
        if let FaultKind::Reassign { replicas: Some(list), .. } = fault.kind {
            let replicas = cross.at(&["fault", &index, "replicas"]);
            for broker in list.brokers() {
                target(cross, &Target::Broker(*broker), replicas);
            }
        }
        let at = cross.at(&["fault", &index, "at"]);
        let on = cross.at(&["fault", &index, "on"]);
        match &fault.trigger {
            Trigger::At(drawn) if drawn.high > scenario.duration => {
                let problem = Problem::new(
                    "scenario::fault-after-load",
                    format!("fault `{}` may come after the load phase", fault.name),
                )
                .help("faults fire within `scenario.duration`; what is not healed then heals");
                let duration = cross.given(&["scenario", "duration"]);
                cross.raise(problem, &[(at, "fires here"), (duration, "the load phase")]);
            }
            Trigger::At(_) => {}
            Trigger::On { event, .. } => self::event(cross, event, on),
        }
        if let Some(other) = names.insert(&fault.name, i) {
            let other = other.to_string();
            let problem = Problem::new(
                "scenario::duplicate",
                format!("two faults have the name `{}`", fault.name),
            )
            .help("names tell faults apart in reports: choose another one");
            let nodes = [
                (cross.at(&["fault", &index, "name"]), "here"),
                (cross.at(&["fault", &other, "name"]), "and here"),
            ];
            cross.raise(problem, &nodes);
        }
    }
}

fn target(cross: &mut Cross<'_>, target: &Target, node: Option<&Node>) {
    let cluster = &cross.scenario.cluster;
    match target {
        Target::LeaderOf { topic, partition: n }
        | Target::FollowerOf { topic, partition: n }
        | Target::Partition { topic, partition: n } => partition(cross, topic, *n, node),
        Target::Topic(name) => partition(cross, name, 0, node),
        Target::GroupCoordinator(name) => group(cross, name, node),
        Target::TransactionCoordinator(id) => transactional_id(cross, id, node),
        Target::Broker(id) => {
            if *id == 0 || *id > cluster.brokers {
                let problem =
                    Problem::new("scenario::unknown-broker", format!("there is no broker {id}"))
                        .help(format!("brokers have the ids 1 to {}", cluster.brokers));
                let brokers = cross.given(&["cluster", "brokers"]);
                cross.raise(problem, &[(node, "named here"), (brokers, "brokers")]);
            }
        }
        Target::ControllerNumber(number) => {
            if *number == 0 || *number > cluster.controllers {
                let problem = Problem::new(
                    "scenario::unknown-controller",
                    format!("there is no controller {number}"),
                )
                .help(format!("controllers are numbered from 1 to {}", cluster.controllers));
                let controllers = cross.given(&["cluster", "controllers"]);
                cross.raise(problem, &[(node, "named here"), (controllers, "controllers")]);
            }
        }
        Target::Rack(name) => {
            let known: Vec<&str> = cluster.racks.iter().map(String::as_str).collect();
            if !known.contains(&name.as_str()) {
                cross.unknown("rack", name, node, &known);
            }
        }
        Target::Service { name, instance } => {
            let Some(index) = cross.scenario.service(name) else {
                let known = cross.service_names();
                cross.unknown("service", name, node, &known);
                return;
            };
            let instances = cross.scenario.services[index].instances;
            if instance.is_some_and(|i| i >= instances) {
                let problem = Problem::new(
                    "scenario::unknown-instance",
                    format!("service `{name}` has {instances} instances, counted from 0"),
                )
                .help(format!("name one of 0 to {}, or none for all", instances - 1));
                let count = cross.given(&["service", name, "instances"]);
                cross.raise(problem, &[(node, "named here"), (count, "instances")]);
            }
        }
        Target::Controller | Target::AllBrokers | Target::RandomBroker => {}
    }
}

fn event(cross: &mut Cross<'_>, event: &ProtocolEvent, node: Option<&Node>) {
    match event {
        ProtocolEvent::Append { topic, partition: n }
        | ProtocolEvent::Roll { topic, partition: n }
        | ProtocolEvent::HighWatermark { topic, partition: n }
        | ProtocolEvent::Leader { topic, partition: n }
        | ProtocolEvent::PartitionChange { topic, partition: n } => {
            partition(cross, topic, *n, node);
        }
        ProtocolEvent::TransactionPrepare { transactional_id: Some(id) } => {
            transactional_id(cross, id, node);
        }
        ProtocolEvent::Rebalance { group: Some(name) } => group(cross, name, node),
        ProtocolEvent::TransactionPrepare { transactional_id: None } => {
            if !cross.scenario.services.iter().any(|s| s.transactional) {
                let problem = Problem::new(
                    "scenario::event",
                    "no service is transactional: the event never comes",
                )
                .help("make a service `transactional = true`, or choose another event");
                cross.raise(problem, &[(node, "waited for here")]);
            }
        }
        ProtocolEvent::Rebalance { group: None }
        | ProtocolEvent::ControllerElection
        | ProtocolEvent::Sent(_) => {}
    }
}

fn partition(cross: &mut Cross<'_>, topic: &str, partition: u32, node: Option<&Node>) {
    let scenario = cross.scenario;
    let config = &scenario.cluster.config;
    let internal = |key: &str| u32::try_from(config.int(key)).unwrap_or(u32::MAX);
    let partitions = match (topic, scenario.topic(topic)) {
        ("__consumer_offsets", _) => internal("offsets.topic.num.partitions"),
        ("__transaction_state", _) => internal("transaction.state.log.num.partitions"),
        (_, Some(index)) => scenario.topics[index].partitions,
        (_, None) => {
            let mut known = cross.topic_names();
            known.extend(["__consumer_offsets", "__transaction_state"]);
            cross.unknown("topic", topic, node, &known);
            return;
        }
    };
    if partition >= partitions {
        let problem = Problem::new(
            "scenario::unknown-partition",
            format!("topic `{topic}` has {partitions} partitions, counted from 0"),
        )
        .help(format!("the last one is {topic}/{}", partitions - 1));
        let count = cross.given(&["topic", topic, "partitions"]);
        cross.raise(problem, &[(node, "named here"), (count, "partitions")]);
    }
}

fn directory(cross: &mut Cross<'_>, place: u32, node: Option<&Node>) {
    let directories = cross.scenario.cluster.log_directories();
    if place > directories {
        let problem = Problem::new(
            "scenario::unknown-directory",
            format!("there is no log directory {place}"),
        )
        .help(format!("brokers have {directories}, see `log.dirs`; they are counted from 1"));
        let given = cross.given(&["cluster", "config", "log.dirs"]);
        cross.raise(problem, &[(node, "named here"), (given, "directories")]);
    }
}

fn group(cross: &mut Cross<'_>, name: &str, node: Option<&Node>) {
    let known = cross.group_names();
    if !known.contains(&name) {
        cross.unknown("consumer group", name, node, &known);
    }
}

fn transactional_id(cross: &mut Cross<'_>, id: &str, node: Option<&Node>) {
    let services = cross.scenario.services.iter().filter(|s| s.transactional);
    let known: Vec<String> =
        services.flat_map(|s| s.transactional_ids.all(&s.name, s.instances)).collect();
    if !known.iter().any(|k| k == id) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        cross.unknown("transactional id", id, node, &known);
    }
}
