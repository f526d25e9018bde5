use broker_model::types::{NodeId, PartitionId};
use reports::summary::FaultEnd;

use crate::world::small::{cluster, world};
use crate::world::{Outcome, World};

/// Four brokers, of which the last is added in the first second of the load; one partition on the
/// other three, and what else is in `faults`.
fn growing(faults: &str, seed: u64) -> World {
    let added = "[[fault]]\nkind = \"add-broker\"\ntarget = \"broker:4\"\nat = \"1s\"";
    let keys = [
        ("broker.session.timeout.ms", "1000"),
        ("broker.heartbeat.interval.ms", "200"),
        ("replica.fetch.max.bytes", "1000"),
    ];
    world(&cluster((4, 3), 12, 50, &format!("{added}\n{faults}")), &keys, seed)
}

fn reassign(replicas: &str) -> String {
    format!("[[fault]]\nkind = \"reassign\"\ntarget = \"topic:orders\"\nat = \"4s\"\n{replicas}\n")
}

fn replicas(world: &World) -> (Vec<NodeId>, Vec<NodeId>) {
    let partition = world.partition_named("orders", 0).expect("created");
    let record = world.image().partition(partition).expect("created");
    (record.replicas.clone(), record.isr.clone())
}

fn ends(world: &World) -> Vec<Option<i64>> {
    let partition: PartitionId = world.partition_named("orders", 0).expect("created");
    let replica =
        |n: &crate::world::Node| Some(n.broker()?.replica(partition)?.log().log_end_offset().0);
    world.nodes[..4].iter().map(replica).collect()
}

fn until_fault(world: &mut World, count: usize, ended: bool) {
    while world.fault_records().iter().filter(|f| !ended || f.until.is_some()).count() < count {
        assert!(world.step(), "the run goes on");
    }
}

#[test]
fn an_added_broker_is_not_there_before_and_unfenced_after() {
    let mut world = growing("", 1);
    until_fault(&mut world, 1, false);
    assert!(world.image().broker(NodeId(4)).is_none(), "it never registered");
    assert!(world.fault_records()[0].struck);
    until_fault(&mut world, 1, true);
    assert!(world.image().broker(NodeId(4)).is_some_and(|broker| !broker.fenced));
    assert!(!world.phases.load_is_over(), "done when it is unfenced, not when the load ends");
}

#[test]
fn a_broker_that_this_run_does_not_add_is_there_from_the_boot_on() {
    let mut world = growing("chance = 0", 1);
    while world.phases.load_from.0 == u64::MAX || world.now() < world.phases.load_from {
        assert!(world.step(), "the run goes on");
    }
    assert!(world.image().broker(NodeId(4)).is_some_and(|broker| !broker.fenced));
}

#[test]
fn faults_do_not_start_a_broker_that_is_not_there_yet() {
    let early = "[[fault]]\nkind = \"broker-power-cut\"\ntarget = \"broker:4\"\nat = \"100ms\"\n\
                 for = \"200ms\"\n";
    let mut world = growing(early, 1);
    until_fault(&mut world, 1, true);
    assert!(!world.fault_records()[0].struck);
    assert!(world.nodes[3].is_absent(), "the end of the power cut starts nobody");
}

#[test]
fn a_reassignment_copies_the_log_and_takes_the_old_replica_away() {
    let mut world = growing(&reassign("replicas = [\"broker:4\", \"broker:2\", \"broker:3\"]"), 1);
    until_fault(&mut world, 2, false);
    assert!(ends(&world)[3].is_none(), "broker 4 has no replica yet");
    until_fault(&mut world, 2, true);
    let wanted = [4, 2, 3].map(NodeId).to_vec();
    let (all, mut isr) = replicas(&world);
    isr.sort_unstable();
    assert_eq!((all, isr), (wanted, [2, 3, 4].map(NodeId).to_vec()));
    let until = world.now().0 + 1_000_000_000;
    while world.now().0 < until {
        assert!(world.step(), "the run goes on");
    }
    let ends = ends(&world);
    assert!(ends[0].is_none(), "broker 1 has let go: {ends:?}");
    assert!(ends[3].is_some_and(|end| end > 100), "broker 4 has it all: {ends:?}");
}

#[test]
fn replicas_that_the_file_does_not_name_are_drawn_per_seed() {
    let drawn = |seed| {
        let mut world = growing(&reassign(""), seed);
        until_fault(&mut world, 2, true);
        let (all, _) = replicas(&world);
        assert_eq!(all.len(), 3);
        all
    };
    let lists: std::collections::BTreeSet<Vec<NodeId>> = (0..6).map(drawn).collect();
    assert!(lists.len() > 1, "{lists:?}");
}

#[test]
fn a_throttled_reassignment_sets_what_kafkas_tool_sets_and_takes_it_away_again() {
    let to = |more: &str| {
        let list = "replicas = [\"broker:4\", \"broker:2\", \"broker:3\"]";
        let mut world = growing(&reassign(&format!("{list}\n{more}")), 1);
        until_fault(&mut world, 2, false);
        world
    };
    let lasted = |world: &World| {
        let record = &world.fault_records()[1];
        record.until.expect("it is over").since(record.at)
    };
    let mut free = to("");
    until_fault(&mut free, 2, true);
    let mut world = to("throttle = \"6kB/s\"");
    let half = world.now().0 + 1_000_000_000;
    while world.now().0 < half {
        assert!(world.step(), "the run goes on");
    }
    let set = |world: &World| {
        let image = world.image();
        let topic = image.topic_by_name("orders").expect("created");
        let of_topic = ["leader", "follower"].map(|side| {
            let key = format!("{side}.replication.throttled.replicas");
            image.topic_config(topic, &key).map(str::to_owned)
        });
        let of_brokers = (1..=4).map(|broker| {
            ["leader", "follower"].map(|side| {
                let key = format!("{side}.replication.throttled.rate");
                image.broker_config(NodeId(broker), &key).map(str::to_owned)
            })
        });
        (of_topic, of_brokers.collect::<Vec<_>>())
    };
    let (lists, rates) = set(&world);
    let mut sources: Vec<&str> = lists[0].as_deref().expect("set").split(',').collect();
    sources.sort_unstable();
    assert_eq!(sources, ["0:1", "0:2", "0:3"]);
    assert_eq!(lists[1].as_deref(), Some("0:4"));
    assert!(rates.iter().flatten().all(|rate| rate.as_deref() == Some("6000")), "{rates:?}");
    until_fault(&mut world, 2, true);
    assert!(lasted(&world) > 2 * lasted(&free), "{} {}", lasted(&world), lasted(&free));
    let until = world.now().0 + 1_000_000_000;
    while world.now().0 < until {
        assert!(world.step(), "the run goes on");
    }
    assert_eq!(set(&world), ([None, None], vec![[None, None]; 4]));
}

#[test]
fn a_second_throttled_reassignment_of_a_topic_leaves_the_first_throttled() {
    let one = |partition: u32, to: u32, at: &str| {
        format!(
            "[[fault]]\nkind = \"reassign\"\ntarget = \"partition:orders/{partition}\"\n\
             replicas = [\"broker:{to}\"]\nthrottle = \"100B/s\"\nat = \"{at}\"\n"
        )
    };
    let more = one(0, 3, "3s") + &one(1, 3, "4s");
    let text = cluster((3, 1), 10, 20, &more).replace("partitions = 1", "partitions = 2");
    let mut world = world(&text, &[("replica.fetch.max.bytes", "1000")], 1);
    until_fault(&mut world, 2, false);
    let until = world.now().0 + 1_000_000_000;
    while world.now().0 < until {
        assert!(world.step(), "the run goes on");
    }
    let image = world.image();
    let topic = image.topic_by_name("orders").expect("created");
    let writes = image.topic_config(topic, "follower.replication.throttled.replicas");
    assert_eq!(writes, Some("0:3,1:3"));
}

/// How the reassignment of a run ended.
fn end_of_reassignment(more: &str) -> FaultEnd {
    let list = "replicas = [\"broker:4\", \"broker:2\", \"broker:3\"]";
    let mut world = growing(&reassign(&format!("{list}\n{more}")), 1);
    until_fault(&mut world, 2, true);
    assert_eq!(world.fault_records()[0].end, Some(FaultEnd::Done), "the broker has joined");
    world.fault_records()[1].end.expect("it is over")
}

#[test]
fn a_reassignment_that_is_not_done_under_load_is_not_told_as_done() {
    assert_eq!(end_of_reassignment(""), FaultEnd::Done);
    assert_eq!(end_of_reassignment("throttle = \"100B/s\""), FaultEnd::NotDone);
}

#[test]
fn a_fault_with_a_length_ends_by_itself_and_one_without_is_healed() {
    let cut = "[[fault]]\nkind = \"partition\"\ntarget = \"broker:2\"\nat = \"5s\"\n";
    for (more, end) in [("for = \"1s\"", FaultEnd::TimeOver), ("", FaultEnd::Healed)] {
        let mut world = growing(&format!("{cut}{more}\n"), 1);
        until_fault(&mut world, 2, true);
        assert_eq!(world.fault_records()[1].end, Some(end));
    }
}

/// A broker is told to stop while it cannot reach the controller, and is cut off for longer than it
/// was to be down.
const LONG_SHUTDOWN: &str = r#"
[[fault]]
kind = "partition"
cut = "controller"
target = "broker:2"
at = "2s"
for = "5s"

[[fault]]
kind = "broker-stop"
target = "broker:2"
at = "3s"
for = "1s"
"#;

#[test]
fn a_shutdown_that_takes_longer_than_its_fault_is_followed_by_the_start() {
    let mut world = growing(LONG_SHUTDOWN, 1);
    until_fault(&mut world, 3, true);
    let incarnation = world.nodes[1].incarnation;
    while world.step() {}
    assert!(world.nodes[1].incarnation > incarnation, "it stopped");
    assert!(world.nodes[1].state.is_running(), "and started again");
    assert_eq!(world.outcome(), Outcome::Drained);
}

/// Broker 1 is killed, then 2, and 3 when nobody else is in sync. Broker 1 comes back alone.
const NOBODY_IN_SYNC: &str = r#"
[[fault]]
kind = "broker-kill"
target = "broker:1"
at = "1s"
for = "7s"

[[fault]]
kind = "broker-kill"
target = "broker:2"
at = "2s"
for = "20s"

[[fault]]
kind = "broker-kill"
target = "broker:3"
at = "6s"
for = "20s"

[[fault]]
kind = "unclean-election"
target = "partition:orders/0"
at = "10s"
"#;

#[test]
fn an_election_by_hand_gives_a_leader_to_a_partition_that_has_none() {
    let mut world = growing(NOBODY_IN_SYNC, 1);
    until_fault(&mut world, 5, false);
    let leader = |world: &World| {
        let partition = world.partition_named("orders", 0).expect("created");
        world.image().partition(partition).expect("created").leader
    };
    assert_eq!(leader(&world), None, "broker 1 is back and not in sync");
    assert!(world.fault_records()[4].struck);
    until_fault(&mut world, 3, true);
    assert_eq!(leader(&world), Some(NodeId(1)));
}

#[test]
fn a_leader_move_lasts_until_the_leader_has_moved_and_bit_rot_no_time() {
    let fault =
        |kind: &str, more: &str| format!("[[fault]]\nkind = \"{kind}\"\n{more}\nat = \"4s\"\n");
    let to = |broker: u32| {
        let more = format!("target = \"partition:orders/0\"\nto = \"broker:{broker}\"");
        fault("leader-move", &more)
    };
    let leader = |world: &World| {
        let partition = world.partition_named("orders", 0).expect("created");
        world.image().partition(partition).expect("created").leader
    };
    let rot = fault("bit-rot", "target = \"follower-of:orders/0\"");
    for (faults, moves, struck) in [(to(2), true, true), (to(1), false, false), (rot, false, true)]
    {
        let mut world = growing(&faults, 1);
        until_fault(&mut world, 2, true);
        let record = &world.fault_records()[1];
        assert_eq!((record.end, record.struck), (Some(FaultEnd::Done), struck), "{faults}");
        let took = record.until.expect("it is over").since(record.at);
        assert_eq!(took > 0, moves, "{faults}");
        assert_eq!(leader(&world), Some(NodeId(if moves { 2 } else { 1 })));
        assert!(!world.phases.load_is_over());
    }
}
