//! Warnings about faults that can do nothing.

use super::{Warning, named, plural};
use crate::model::Scenario;
use crate::model::cluster::Topic;
use crate::model::fault::{FaultKind, Target};

/// A reassignment to the replicas that there are, in another order: nothing is copied.
pub(super) fn reassignment_permutes(scenario: &Scenario) -> Option<Warning> {
    let brokers = scenario.cluster.brokers;
    let on_all = |topic: &&Topic| topic.replication == brokers;
    let hit = |index: usize| {
        let fault = &scenario.faults[index];
        let FaultKind::Reassign { replicas, .. } = fault.kind else { return None };
        let (Target::Topic(name) | Target::Partition { topic: name, .. }) = &fault.target else {
            return None;
        };
        // Fewer than before would be a change.
        let as_many = replicas.is_none_or(|list| list.brokers().len() == brokers as usize);
        let topic = scenario.topics.iter().find(|topic| topic.name == *name);
        topic.filter(on_all).filter(|_| as_many).map(|_| (index, fault.name.as_str()))
    };
    let found: Vec<(usize, &str)> = (0..scenario.faults.len()).filter_map(hit).collect();
    let (first, _) = found.first()?;
    let names: Vec<&str> = found.iter().map(|&(_, name)| name).collect();
    Some(Warning {
        name: "reassignment-can-only-permute",
        text: format!(
            "{} {}: each of the {brokers} brokers has a replica, so a reassignment can only \
             permute them: nothing is copied, and it is done at once",
            plural("fault", "faults", &names),
            named(&names),
        ),
        source: "KIP-455",
        path: format!("fault.{}.target", first + 1),
    })
}
