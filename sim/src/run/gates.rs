//! The gates of a scenario as rules for what was recorded.

use reports::checker::{Bound, GateQuantity, GateRule};
use reports::history::Phase;
use reports::summary::FaultEnd;
use scenarios::model::{Comparison, LagField, LatencyMetric, Phase as Named, Quantity, Statistic};

use super::judge::REASSIGN;
use crate::world::World;

/// The rules of a world's scenario, in order.
pub(super) fn rules(world: &World) -> Vec<GateRule> {
    let gates = world.scenario().gates.iter();
    gates
        .map(|gate| GateRule {
            name: gate.text.clone(),
            quantity: quantity(world, &gate.quantity),
            bound: match gate.comparison {
                Comparison::Less => Bound::Below(gate.bound),
                Comparison::AtMost => Bound::AtMost(gate.bound),
                Comparison::Greater => Bound::Above(gate.bound),
                Comparison::AtLeast => Bound::AtLeast(gate.bound),
                Comparison::Equal => Bound::Exactly(gate.bound),
            },
        })
        .collect()
}

fn quantity(world: &World, quantity: &Quantity) -> GateQuantity {
    let group = |name: &str| world.group_id(name).unwrap_or(u32::MAX);
    match quantity {
        Quantity::Latency { statistic, metric, phase } => {
            let stage = match metric {
                LatencyMetric::EndToEnd => "end_to_end".to_owned(),
                LatencyMetric::Produce => "produce".to_owned(),
                LatencyMetric::Stage(name) => name.clone(),
            };
            let phase = match phase {
                Named::Steady => Some(Phase::Steady),
                Named::Fault => Some(Phase::Fault),
                Named::Recovery => Some(Phase::Recovery),
                Named::All => None,
            };
            match statistic {
                Statistic::Mean => GateQuantity::LatencyMeanNs { stage, phase },
                Statistic::Max => GateQuantity::LatencyQuantileNs { stage, parts: 100_000, phase },
                Statistic::Percentile(share) => {
                    let parts = share.numerator * 100_000 / share.denominator.max(1);
                    let parts = parts.min(100_000) as u32;
                    GateQuantity::LatencyQuantileNs { stage, parts, phase }
                }
            }
        }
        Quantity::Lag { group: name, field } => match field {
            LagField::EndRecords => GateQuantity::LagEndRecords { group: group(name) },
            LagField::MaxRecords => GateQuantity::LagMaxRecords { group: group(name), phase: None },
            LagField::MaxSeconds => GateQuantity::LagMaxNs { group: group(name), phase: None },
        },
        Quantity::RecoveryTime => recovery_time(world),
        Quantity::ReassignmentTime => GateQuantity::GivenNs(longest_reassignment(world)),
        Quantity::Throughput { topic } => GateQuantity::ThroughputMicroPerSecond {
            topic: world.topic_id(topic).unwrap_or(u32::MAX),
        },
    }
}

/// Without a fault in the scenario there is nothing to recover from; where none struck, or none
/// was healed under load, nothing to tell.
fn recovery_time(world: &World) -> GateQuantity {
    if world.scenario().faults.is_empty() {
        return GateQuantity::GivenNs(Some(0));
    }
    let struck = world.fault_records().iter().any(|one| one.struck);
    match world.recovery() {
        _ if !struck => GateQuantity::UnseenNs,
        None if !world.is_recovering() => GateQuantity::UnseenNs,
        took => GateQuantity::GivenNs(took),
    }
}

/// How long the longest reassignment took under load, ns; none when one of them was not done then,
/// and 0 when nothing was to be moved.
fn longest_reassignment(world: &World) -> Option<u64> {
    let mut all = world.fault_records().iter().filter(|one| one.struck && one.kind == REASSIGN);
    all.try_fold(0, |longest, one| match (one.end, one.until) {
        (Some(FaultEnd::Done), Some(until)) => Some(until.since(one.at).max(longest)),
        _ => None,
    })
}
