//! The pipeline of a scenario as a graph with the rates of a run.

use std::collections::BTreeMap;

use reports::metric::ByPhase;
use reports::render::{Edge, Node, NodeKind, Pipeline};
use scenarios::Scenario;

use crate::run::Run;
use crate::world::counted;

/// Loads, services, topics and stores, and what flows between them: into a topic what was
/// acknowledged there to the service, from a topic what the service was given, from a load what it
/// offered, into a table the rows that were committed.
pub(super) fn of(scenario: &Scenario, run: &Run) -> Pipeline {
    let mut pipeline = Pipeline::default();
    let per_second = |counts: &ByPhase| run.recorder().per_second_of_load(counts).round() as u64;
    // Instances are numbered service by service.
    let acknowledged = |first: u32, instances: u32, topic: &str| {
        let topic = run.world.topic_id(topic)?;
        let flow = run.recorder().flow();
        let all = (first..first + instances).map(|one| flow.of_instance(one, topic));
        Some(per_second(&sum(all)))
    };
    let rows = |table: &str| {
        let table = run.recorder().table_id(table)?;
        Some(per_second(&run.recorder().flow().of_table(table)))
    };
    let read = |group: &str, topic: &str| {
        let (group, topic) = (run.world.group_id(group)?, run.world.topic_id(topic)?);
        let records = run.recorder().flow().of_group(group, topic);
        Some(per_second(&records))
    };
    let offered = || per_second(&run.recorder().flow().offered);
    let mut node = |name: &str, kind: NodeKind, detail: String| {
        pipeline.nodes.push(Node { name: name.to_owned(), kind, detail });
        pipeline.nodes.len() - 1
    };
    let topics: Vec<usize> = scenario
        .topics
        .iter()
        .map(|topic| node(&topic.name, NodeKind::Topic, counted(topic.partitions, "partition")))
        .collect();
    let (mut edges, mut tables, mut first) = (Vec::new(), BTreeMap::new(), 0);
    for service in &scenario.services {
        let detail = counted(service.instances, "instance");
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
                let per_second = acknowledged(first, service.instances, output);
                edges.push(Edge { from: this, to: topics[index], per_second });
            }
        }
        if let Some(table) = service.rows.as_ref().map(|rows| &rows.table) {
            let words = if service.outbox().is_some() { "rows and outbox" } else { "rows" };
            let store = *tables
                .entry(table)
                .or_insert_with(|| node(table, NodeKind::Store, words.to_owned()));
            let (from, to) = if service.is_relay() { (store, this) } else { (this, store) };
            edges.push(Edge { from, to, per_second: rows(table) });
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
        first += service.instances;
    }
    pipeline.edges = edges;
    pipeline
}

fn sum(all: impl Iterator<Item = ByPhase>) -> ByPhase {
    all.fold(ByPhase::default(), |sum, one| std::array::from_fn(|phase| sum[phase] + one[phase]))
}
