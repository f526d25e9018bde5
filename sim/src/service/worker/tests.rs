//! What a worker commits.

use broker_model::types::{NodeId, Offset};

use crate::run::world_of;
use crate::world::small::cluster;
use crate::world::{NodeState, World};
use scenarios::Scenario;

/// A leader that is cut off from the other brokers until it dies, and others that lead without
/// what it wrote meanwhile: the reader's position goes back, and until the load is over the log
/// does not become as long as it was.
const CUT_OFF: &str = r#"
[service.audit]
kind = "reader"
input = "orders"
[cluster.config]
"min.insync.replicas" = 1
"replica.lag.time.max.ms" = 1000
"broker.heartbeat.interval.ms" = 500
"broker.session.timeout.ms" = 2000
"unclean.leader.election.enable" = true
"offsets.topic.num.partitions" = 1
[[fault]]
kind = "partition"
cut = "brokers"
target = "leader-of:orders/0"
at = "1s"
for = "8s"
[[fault]]
kind = "broker-kill"
target = "leader-of:orders/0"
at = "6s"
for = "4s"
"#;

/// The end of the log, and what the group has committed, each as the leader that is up knows it.
fn end_and_committed(world: &World) -> Option<(Offset, Offset)> {
    let up = world.nodes().iter().filter(|node| node.state == NodeState::Up);
    let brokers = || up.clone().filter_map(|node| node.broker());
    let image = brokers().next()?.image();
    let topic = image.topic_by_name("orders")?;
    let partition = image.partition_of(topic, 0)?;
    let leader: NodeId = partition.leader?;
    let leads = brokers().find(|broker| broker.node() == leader)?;
    let end = leads.replica(partition.partition)?.log().log_end_offset();
    let committed = brokers().flat_map(|b| b.groups().offsets_of(partition.partition));
    Some((end, committed.map(|(_, offset)| offset).max()?))
}

#[test]
fn positions_that_went_back_are_committed() {
    let scenario = Scenario::parse(&cluster((3, 3), 9, 20, CUT_OFF), &[]).expect("a scenario");
    let mut world = world_of(crate::plan::Plan::new(&scenario, 0).expect("a plan"));
    let mut furthest = Offset(0);
    while world.step() {
        if let Some((_, committed)) = end_and_committed(&world) {
            furthest = furthest.max(committed);
        }
    }
    let (end, committed) = end_and_committed(&world).expect("all are up again");
    assert!(end < furthest, "the log was cut to {end} behind {furthest}");
    assert_eq!(committed, end);
}
