//! Services and loads against topics and each other.

use std::collections::BTreeMap;

use super::Cross;
use crate::decoder::Problem;
use crate::model::service::{Service, ServiceKind};
use crate::tree::Node;

pub(super) fn check(cross: &mut Cross<'_>) {
    let topics = cross.topic_names();
    let scenario = cross.scenario;
    for service in &scenario.services {
        let name = service.name.as_str();
        for (i, input) in service.inputs.iter().enumerate() {
            let node = item(cross, &["service", name, "input"], i);
            if !topics.contains(&input.as_str()) {
                cross.unknown("topic", input, node, &topics);
            }
            if service.inputs[..i].contains(input) {
                let problem = Problem::new(
                    "scenario::duplicate",
                    format!("service `{name}` reads topic `{input}` twice"),
                )
                .help("name each input once");
                cross.raise(problem, &[(node, "again here")]);
            }
        }
        outputs(cross, service, &topics);
    }
    loads(cross);
    ledgers(cross);
    transactional_ids(cross);
}

/// Each topic that a service writes exists, is no input of it, and has one meaning for it.
fn outputs(cross: &mut Cross<'_>, service: &Service, topics: &[&str]) {
    let name = service.name.as_str();
    let output = cross.at(&["service", name, "output"]);
    let dead_letter = cross.at(&["service", name, "dead_letter"]);
    let retry = |topic: &str| cross.at(&["service", name, "retry", topic]);
    let outputs = service.output.iter().map(|topic| (topic, output));
    let retries = service.retries().map(|one| (&one.topic, retry(&one.topic)));
    let dead_letters = service.dead_letter().into_iter().map(|topic| (topic, dead_letter));
    let all: Vec<(&String, Option<&Node>)> = outputs.chain(retries).chain(dead_letters).collect();
    for (place, &(topic, node)) in all.iter().enumerate() {
        if !topics.contains(&topic.as_str()) {
            cross.unknown("topic", topic, node, topics);
        }
        if service.inputs.contains(topic) {
            let input = cross.at(&["service", name, "input"]);
            let problem = Problem::new(
                "scenario::loop",
                format!("service `{name}` reads what it writes: topic `{topic}`"),
            )
            .help("records would go round for ever; give the output a topic of its own");
            cross.raise(problem, &[(node, "the output"), (input, "the input")]);
        }
        if let Some((_, first)) = all[..place].iter().find(|(other, _)| other == &topic) {
            let problem = Problem::new(
                "scenario::duplicate",
                format!("service `{name}` writes topic `{topic}` for two reasons"),
            )
            .help("what it makes, what it tries again and what it gives up need a topic each");
            cross.raise(problem, &[(node, "here"), (*first, "and here")]);
        }
    }
}

/// The n-th name of a key that takes a text or an array of texts.
fn item<'a>(cross: &Cross<'a>, path: &[&str], n: usize) -> Option<&'a Node> {
    let mut with_index = path.to_vec();
    let index = n.to_string();
    with_index.push(&index);
    cross.at(&with_index)
}

fn loads(cross: &mut Cross<'_>) {
    let services = cross.service_names();
    let scenario = cross.scenario;
    for load in &scenario.loads {
        let node = cross.given(&["load", &load.name, "into"]);
        let Some(index) = scenario.service(&load.into) else {
            if node.is_some() {
                cross.unknown("service", &load.into, node, &services);
            }
            continue;
        };
        let service = &scenario.services[index];
        if service.kind == ServiceKind::Ingress {
            continue;
        }
        let problem = Problem::new(
            "scenario::load",
            format!("load `{}` calls `{}`, which is no ingress", load.name, load.into),
        )
        .help("only a service of kind \"ingress\" takes calls");
        let kind = cross.given(&["service", &service.name, "kind"]);
        cross.raise(problem, &[(node, "called here"), (kind, "its kind")]);
    }
}

/// A ledger belongs to one service, and is told apart from topics by its name.
fn ledgers(cross: &mut Cross<'_>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for service in &cross.scenario.services {
        let Some(ledger) = &service.effects else { continue };
        let node = cross.given(&["service", &service.name, "effects"]);
        if let Some(other) = owners.insert(ledger, &service.name) {
            let problem = Problem::new(
                "scenario::duplicate",
                format!("services `{other}` and `{}` share the ledger `{ledger}`", service.name),
            )
            .help("effects are counted per ledger: give each service its own");
            let first = cross.given(&["service", other, "effects"]);
            cross.raise(problem, &[(node, "here"), (first, "and here")]);
        }
        if cross.scenario.topic(ledger).is_some() {
            let problem =
                Problem::new("scenario::duplicate", format!("`{ledger}` is a ledger and a topic"))
                    .help("checks name both by name: give the ledger another one");
            let topic = cross.given(&["topic", ledger]);
            cross.raise(problem, &[(node, "the ledger"), (topic, "the topic")]);
        }
    }
}

/// Two services with one transactional id fence each other for ever. Within one service the
/// scenario asks for it by `transactional_id`; between services it is a slip.
fn transactional_ids(cross: &mut Cross<'_>) {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for service in cross.scenario.services.iter().filter(|s| s.transactional) {
        for id in service.transactional_ids.all(&service.name, service.instances) {
            let Some(other) = owners.insert(id.clone(), &service.name) else { continue };
            if other == service.name {
                continue;
            }
            let problem = Problem::new(
                "scenario::duplicate",
                format!(
                    "services `{other}` and `{}` share a transactional id: `{id}`",
                    service.name
                ),
            )
            .help("they would fence each other; ids are NAME-0, NAME-1, ... unless given");
            let nodes = [
                (cross.at(&["service", &service.name, "transactional_id"]), "here"),
                (cross.at(&["service", other, "transactional_id"]), "and here"),
            ];
            cross.raise(problem, &nodes);
            break;
        }
    }
}
