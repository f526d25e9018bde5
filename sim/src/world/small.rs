//! Small worlds for tests.

use broker_model::records::Batches;
use broker_model::types::Instant;
use scenarios::Scenario;

use super::{Node, World};
use crate::plan::Plan;

/// A cluster with one topic of one partition, replicated to so many, that a load calls so often a
/// second for a while; and more of the file.
pub(crate) fn cluster(
    (brokers, replication): (u32, u32),
    seconds: u32,
    per_second: u32,
    more: &str,
) -> String {
    format!(
        r#"
[scenario]
name = "small"
duration = "{seconds}s"
[cluster]
brokers = {brokers}
hardware = "test"
[topic.orders]
partitions = 1
replication = {replication}
[service.order]
kind = "ingress"
time = "100us"
output = "orders"
[load.customers]
into = "order"
arrivals = {{ model = "open", rate = "{per_second}/s" }}
size = "100B"
{more}"#
    )
}

/// Two brokers with hardly any load, and keys of theirs.
pub(super) fn idle(keys: &[(&str, &str)]) -> World {
    world(&cluster((2, 2), 30, 1, ""), keys, 1)
}

/// The same with a fault.
pub(super) fn with_fault(fault: &str) -> World {
    world(&cluster((2, 2), 30, 1, &format!("[[fault]]\n{fault}")), &[], 1)
}

/// The world of a file, with keys of its brokers.
pub(crate) fn world(text: &str, keys: &[(&str, &str)], seed: u64) -> World {
    let flag =
        |(key, value): &(&str, &str)| (format!("cluster.config.\"{key}\""), (*value).to_owned());
    let flags: Vec<_> = keys.iter().map(flag).collect();
    let scenario = Scenario::parse(text, &flags).expect("a scenario");
    crate::run::world_of(Plan::new(&scenario, seed).expect("a plan"))
}

/// Steps to the first event at or after a time, in nanoseconds.
pub(crate) fn run_until(world: &mut World, at: u64) {
    while world.now() < Instant(at) {
        assert!(world.step(), "the run goes on");
    }
}

/// Its nodes, to make of them what a test needs.
pub(crate) fn nodes_of(world: &mut World) -> &mut [Node] {
    &mut world.nodes
}

/// Its batches.
pub(crate) fn batches_of(world: &World) -> &Batches {
    &world.shared.batches
}
