//! A small world for tests.

use broker_model::types::Instant;
use scenarios::Scenario;

use super::World;
use crate::plan::Plan;

const IDLE: &str = r#"
[scenario]
name = "idle"
duration = "30s"
[cluster]
brokers = 2
hardware = "test"
[topic.orders]
partitions = 1
replication = 2
[service.order]
kind = "ingress"
time = "100us"
output = "orders"
[load.customers]
into = "order"
arrivals = { model = "open", rate = "1/s" }
size = "100B"
"#;

/// Two brokers with hardly any load, and keys of theirs.
pub(super) fn idle(keys: &[(&str, &str)]) -> World {
    let flag =
        |(key, value): &(&str, &str)| (format!("cluster.config.\"{key}\""), (*value).to_owned());
    let flags: Vec<_> = keys.iter().map(flag).collect();
    world(IDLE, &flags)
}

/// The same with a fault.
pub(super) fn with_fault(fault: &str) -> World {
    world(&format!("{IDLE}\n[[fault]]\n{fault}"), &[])
}

fn world(text: &str, flags: &[(String, String)]) -> World {
    let scenario = Scenario::parse(text, flags).expect("a scenario");
    crate::run::world_of(Plan::new(&scenario, 1).expect("a plan"))
}

/// Steps to the first event at or after a time, in nanoseconds.
pub(super) fn run_until(world: &mut World, at: u64) {
    while world.now() < Instant(at) {
        assert!(world.step(), "the run goes on");
    }
}
