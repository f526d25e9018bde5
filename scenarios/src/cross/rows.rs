//! Tables of rows: who commits them, who publishes them, and where to.

use super::Cross;
use crate::decoder::Problem;
use crate::model::Service;

pub(super) fn check(cross: &mut Cross<'_>) {
    let services = &cross.scenario.services;
    let tables = services.iter().filter_map(|s| Some((s, s.rows.as_ref()?.table.as_str())));
    let tables: Vec<(&Service, &str)> = tables.collect();
    for (place, &(service, table)) in tables.iter().enumerate() {
        let same = |other: &&(&Service, &str)| {
            other.1 == table && other.0.is_relay() == service.is_relay()
        };
        if let Some((other, _)) = tables[..place].iter().find(same) {
            shared(cross, service, other, table);
        }
        if service.is_relay() {
            fills(cross, service, table);
        } else if service.outbox().is_some() {
            empties(cross, service, table);
        }
        own_name(cross, service, table);
        only_writer(cross, service);
    }
}

/// Rows are counted per table, and those of an outbox published once.
fn shared(cross: &mut Cross<'_>, service: &Service, other: &Service, table: &str) {
    let (name, first) = (&service.name, &other.name);
    let problem = Problem::new(
        "scenario::duplicate",
        format!("services `{first}` and `{name}` share the table `{table}`"),
    )
    .help("give each its own; a relay may have several instances");
    let nodes = [
        (cross.given(&["service", name, "rows"]), "here"),
        (cross.given(&["service", first, "rows"]), "and here"),
    ];
    cross.raise(problem, &nodes);
}

/// What a relay empties has an outbox.
fn fills(cross: &mut Cross<'_>, relay: &Service, table: &str) {
    let services = &cross.scenario.services;
    let mut outboxes = services.iter().filter(|s| !s.is_relay()).filter_map(Service::outbox);
    if outboxes.any(|one| one == table) {
        return;
    }
    let problem =
        Problem::new("scenario::outbox", format!("no ingress fills the outbox `{table}`"))
            .help(format!("an ingress with rows = {table:?} and publish = \"outbox\" does"));
    let node = cross.given(&["service", &relay.name, "rows"]);
    cross.raise(problem, &[(node, "named here")]);
}

/// What an ingress puts into an outbox somebody publishes.
fn empties(cross: &mut Cross<'_>, ingress: &Service, table: &str) {
    let mut relays = cross.scenario.services.iter().filter(|s| s.is_relay());
    if relays.any(|relay| relay.outbox().is_some_and(|one| one == table)) {
        return;
    }
    let problem =
        Problem::new("scenario::outbox", format!("no relay publishes the outbox `{table}`"))
            .help(format!("add a service of kind \"relay\" with rows = {table:?}"));
    let node = cross.given(&["service", &ingress.name, "publish"]);
    cross.raise(problem, &[(node, "filled here")]);
}

/// Reports name tables, topics, ledgers and groups alike.
fn own_name(cross: &mut Cross<'_>, service: &Service, table: &str) {
    let taken = [
        ("topic", cross.topic_names()),
        ("ledger", cross.ledger_names()),
        ("consumer group", cross.group_names()),
    ];
    for (what, names) in taken {
        if names.contains(&table) {
            let problem =
                Problem::new("scenario::duplicate", format!("`{table}` is a table and a {what}"))
                    .help("reports tell them by name: give the table another one");
            let node = cross.given(&["service", &service.name, "rows"]);
            cross.raise(problem, &[(node, "the table")]);
        }
    }
}

/// A record of a topic is compared with the rows of one table.
fn only_writer(cross: &mut Cross<'_>, service: &Service) {
    let Some(topic) = &service.output else { return };
    let mut others = cross.scenario.services.iter().filter(|s| s.name != service.name);
    let Some(other) = others.find(|other| other.writes().any(|one| one == topic)) else { return };
    let problem = Problem::new(
        "scenario::rows",
        format!("topic `{topic}` has records of rows, and `{}` writes it too", other.name),
    )
    .help("each record there is to have a row: give the others a topic of their own");
    let nodes = [
        (cross.given(&["service", &service.name, "output"]), "of rows"),
        (cross.at(&["service", &other.name, "output"]), "of others"),
    ];
    cross.raise(problem, &nodes);
}
