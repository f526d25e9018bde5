//! The pipeline of a scenario as a graph with the rates of a run.

use reports::render::{Edge, Node, NodeKind, Pipeline};
use scenarios::Scenario;

use crate::run::Run;

/// Loads, services, topics and stores, and what flows between them: into a topic what was
/// acknowledged on it, from a topic what the service was given, from a load what it offered.
pub(super) fn of(scenario: &Scenario, run: &Run) -> Pipeline {
    let mut pipeline = Pipeline::default();
    let acknowledged = |topic: &str| {
        run.summary.throughput.get(topic).map_or(0, |rate| rate.records_per_s.round() as u64)
    };
    let read = |group: &str, topic: &str| {
        let (group, topic) = (run.world.group_id(group)?, run.world.topic_id(topic)?);
        let records = run.recorder().flow().of_group(group, topic);
        Some(run.recorder().per_second_of_load(&records).round() as u64)
    };
    let offered =
        || run.recorder().per_second_of_load(&run.recorder().flow().offered).round() as u64;
    let mut node = |name: &str, kind: NodeKind, detail: String| {
        pipeline.nodes.push(Node { name: name.to_owned(), kind, detail });
        pipeline.nodes.len() - 1
    };
    let plural = |count: u32, word: &str| {
        if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
    };
    let topics: Vec<usize> = scenario
        .topics
        .iter()
        .map(|topic| node(&topic.name, NodeKind::Topic, plural(topic.partitions, "partition")))
        .collect();
    let mut edges = Vec::new();
    for service in &scenario.services {
        let detail = plural(service.instances, "instance");
        let this = node(&service.name, NodeKind::Service, detail);
        let group = service.group.as_deref().unwrap_or(&service.name);
        let mut taken = Some(0);
        for input in service.reads() {
            if let Some(index) = scenario.topic(input) {
                let given = read(group, input);
                taken = taken.zip(given).map(|(sum, one)| sum + one);
                edges.push(Edge { from: topics[index], to: this, per_second: given });
            }
        }
        for output in service.writes() {
            if let Some(index) = scenario.topic(output) {
                let per_second = Some(acknowledged(output));
                edges.push(Edge { from: this, to: topics[index], per_second });
            }
        }
        if let Some(store) = &service.effects {
            let store = node(store, NodeKind::Store, "effects".to_owned());
            edges.push(Edge { from: this, to: store, per_second: taken });
        }
        for load in scenario.loads.iter().filter(|load| load.into == service.name) {
            let from = node(&load.name, NodeKind::Service, "load".to_owned());
            // Calls are counted together: of several loads nobody knows which offered what.
            let per_second = (scenario.loads.len() == 1).then(&offered);
            edges.push(Edge { from, to: this, per_second });
        }
    }
    pipeline.edges = edges;
    pipeline
}
