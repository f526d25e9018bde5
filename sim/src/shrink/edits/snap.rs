//! Times become events of the protocol: "when the fifth batch is appended" is a reason, 1.237 s is not.

use broker_model::types::Instant;
use scenarios::Scenario;
use scenarios::model::{Drawn, Fault, FaultKind, ProtocolEvent, Ratio, Target, Trigger};

use crate::plan::Plan;
use crate::run::world_of;
use crate::shrink::trial::{Edit, edit};

/// A fault that waits for something so often never fires: it only counts.
const NEVER: u64 = u64::MAX;

/// For each fault by time the events around its moment that could have called it.
pub(in crate::shrink) fn to_events(scenario: &Scenario) -> Vec<Edit> {
    let faults = scenario.faults.iter().enumerate();
    let by_time = faults.filter_map(|(place, fault)| match fault.trigger {
        Trigger::At(at) => Some((place, at.low)),
        Trigger::On { .. } => None,
    });
    by_time
        .flat_map(|(place, at)| triggers(scenario, at).into_iter().map(move |t| (place, t)))
        .map(|(place, trigger)| {
            edit(move |s| {
                s.faults.get_mut(place).map(|fault| fault.trigger = trigger.clone()).is_some()
            })
        })
        .collect()
}

/// What happened last before a moment of the load, of each kind of event, and what is next.
fn triggers(scenario: &Scenario, at: u64) -> Vec<Trigger> {
    let mut counting = scenario.clone();
    let first = counting.faults.len();
    let events = events(scenario);
    counting.faults.extend(events.iter().enumerate().map(|(place, event)| Fault {
        name: format!("count-{place}"),
        kind: FaultKind::ConnectionLoss { probability: Ratio::ZERO },
        target: Target::Broker(1),
        trigger: Trigger::On { event: event.clone(), nth: NEVER, after: Drawn::fixed(0) },
        duration: None,
        chance: Ratio::ONE,
        draws: None,
    }));
    let Ok(plan) = Plan::new(&counting, scenario.seed) else { return Vec::new() };
    let mut world = world_of(plan);
    let is_there = |now: Instant, from: Instant| from != Instant::FAR && now >= from + at;
    while world.step() && !is_there(world.now(), world.faults_from()) {}
    let seen =
        events.into_iter().enumerate().map(|(place, event)| (event, world.seen_by(first + place)));
    let around = seen.flat_map(|(event, seen)| [(event.clone(), seen), (event, seen + 1)]);
    let there = around.filter(|(_, nth)| *nth > 0);
    there.map(|(event, nth)| Trigger::On { event, nth, after: Drawn::fixed(0) }).collect()
}

/// Events that say something to a reader, of all partitions of the scenario's topics.
fn events(scenario: &Scenario) -> Vec<ProtocolEvent> {
    let mut events = Vec::new();
    for topic in &scenario.topics {
        for partition in 0..topic.partitions {
            let topic = topic.name.clone();
            events.extend([
                ProtocolEvent::Leader { topic: topic.clone(), partition },
                ProtocolEvent::PartitionChange { topic: topic.clone(), partition },
                ProtocolEvent::Append { topic: topic.clone(), partition },
                ProtocolEvent::HighWatermark { topic, partition },
            ]);
        }
    }
    if scenario.services.iter().any(|service| service.transactional) {
        events.push(ProtocolEvent::TransactionPrepare { transactional_id: None });
    }
    if scenario.services.iter().any(|service| service.group.is_some()) {
        events.push(ProtocolEvent::Rebalance { group: None });
    }
    events.push(ProtocolEvent::ControllerElection);
    events
}
