//! The pipeline of a scenario as a graph with the rates of a run.

use reports::render::{Edge, Node, NodeKind, Pipeline};
use reports::summary::Summary;
use scenarios::Scenario;

/// Loads, services, topics and stores, and what flows between them. A topic's flow is what was
/// acknowledged on it; every group reads all of it.
pub(super) fn of(scenario: &Scenario, summary: &Summary) -> Pipeline {
    let mut pipeline = Pipeline::default();
    let rate = |topic: &str| {
        summary.throughput.get(topic).map_or(0, |rate| rate.records_per_s.round() as u64)
    };
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
        let mut taken = 0;
        for input in &service.inputs {
            if let Some(index) = scenario.topic(input) {
                taken += rate(input);
                edges.push(Edge { from: topics[index], to: this, records_per_s: rate(input) });
            }
        }
        if let Some((output, index)) =
            service.output.as_ref().and_then(|name| Some((name, scenario.topic(name)?)))
        {
            edges.push(Edge { from: this, to: topics[index], records_per_s: rate(output) });
        }
        if let Some(store) = &service.effects {
            let store = node(store, NodeKind::Store, "effects".to_owned());
            edges.push(Edge { from: this, to: store, records_per_s: taken });
        }
        for load in scenario.loads.iter().filter(|load| load.into == service.name) {
            let from = node(&load.name, NodeKind::Service, "load".to_owned());
            let flow = service.output.as_deref().map_or(0, rate);
            edges.push(Edge { from, to: this, records_per_s: flow });
        }
    }
    pipeline.edges = edges;
    pipeline
}
