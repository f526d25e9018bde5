//! Checks, gates and expectations against what there is to measure.

use super::Cross;
use crate::decoder::Problem;
use crate::model::FaultKind;
use crate::model::check::Anomaly;
use crate::model::gate::{LatencyMetric, Quantity};

pub(super) fn check(cross: &mut Cross<'_>) {
    checks(cross);
    gates(cross);
    expectation(cross);
}

fn checks(cross: &mut Cross<'_>) {
    let checks = &cross.scenario.checks;
    let topics = cross.topic_names();
    let mut places = topics.clone();
    places.extend(cross.ledger_names());
    let node = cross.given(&["check", "exactly_once"]);
    for pair in &checks.exactly_once {
        if !topics.contains(&pair.from.as_str()) {
            cross.unknown("topic", &pair.from, node, &topics);
        }
        if !places.contains(&pair.to.as_str()) {
            cross.unknown("topic or ledger", &pair.to, node, &places);
        }
    }
    let node = cross.given(&["check", "per_key_order"]);
    for place in &checks.per_key_order {
        if !topics.contains(&place.as_str()) {
            cross.unknown("topic", place, node, &topics);
        }
    }
}

fn gates(cross: &mut Cross<'_>) {
    for gate in &cross.scenario.gates {
        let node = cross.given(&["gate", &gate.text]);
        let (what, name, known) = match &gate.quantity {
            Quantity::Latency { metric: LatencyMetric::Stage(name), .. } => {
                ("service", name, cross.service_names())
            }
            Quantity::Lag { group, .. } => {
                let mut known = cross.group_names();
                known.extend(cross.outbox_names());
                ("consumer group", group, known)
            }
            Quantity::Throughput { topic } => ("topic", topic, cross.topic_names()),
            Quantity::ReassignmentTime => {
                let mut faults = cross.scenario.faults.iter();
                if !faults.any(|fault| matches!(fault.kind, FaultKind::Reassign { .. })) {
                    let text = "`reassignment_time` is bounded, but nothing is reassigned";
                    let problem = Problem::new("scenario::gate", text)
                        .help("add a [[fault]] of kind reassign");
                    cross.raise(problem, &[(node, "bounded here")]);
                }
                continue;
            }
            Quantity::Latency { .. } | Quantity::RecoveryTime => continue,
        };
        if !known.contains(&name.as_str()) {
            cross.unknown(what, name, node, &known);
        }
    }
}

fn expectation(cross: &mut Cross<'_>) {
    let Some(anomaly) = cross.scenario.expect.anomaly else { return };
    let node = cross.given(&["expect", "anomaly"]);
    if !cross.scenario.checks.runs(anomaly) {
        let problem = Problem::new(
            "scenario::expect",
            format!("`{}` is expected, but its check is off", anomaly.name()),
        )
        .help("remove the switch from [check]");
        let switch = cross.given(&["check", anomaly.name()]);
        cross.raise(problem, &[(node, "expected here"), (switch, "switched off here")]);
    }
    if anomaly == Anomaly::Gate && cross.scenario.gates.is_empty() {
        let problem =
            Problem::new("scenario::expect", "a failing gate is expected, but there is none")
                .help("add a [gate]");
        cross.raise(problem, &[(node, "expected here")]);
    }
}
