use broker_model::types::Instant;

use crate::world::small::{cluster, run_until, with_fault, world};
use crate::world::{NodeState, World};

/// A world of three brokers in its load phase, with two faults of one kind on all brokers: the
/// first for one second, the second for three, from the first second of the load on.
fn overlapping(fault: &str, extra: &str) -> World {
    let lasting = |duration: &str| {
        format!("[[fault]]\nkind = \"{fault}\"\n{extra}\nat = \"1s\"\nfor = \"{duration}\"\n")
    };
    world(&cluster((3, 3), 6, 10, &(lasting("1s") + &lasting("3s"))), &[], 1)
}

/// Steps until a number of faults have ended; gives the time.
fn until_ended(world: &mut World, ended: usize) -> Instant {
    while world.fault_records().iter().filter(|f| f.until.is_some()).count() < ended {
        assert!(world.step(), "the run goes on");
    }
    world.now()
}

#[test]
fn a_broker_whose_shutdown_outlasts_the_fault_starts_when_it_has_stopped() {
    let fault =
        "kind = \"broker-stop\"\ntarget = \"leader-of:orders/0\"\nat = \"1s\"\nfor = \"1ms\"";
    let mut world = with_fault(fault);
    let incarnations = |world: &World| [0, 1].map(|index: usize| world.nodes[index].incarnation);
    let ended = until_ended(&mut world, 1);
    assert_eq!(incarnations(&world), [1, 1], "it is still handing over its partitions");
    run_until(&mut world, ended.0 + 20_000_000_000);
    assert_eq!(incarnations(&world).iter().sum::<u64>(), 4, "one stopped and started");
    assert!(world.brokers_are_registered());
}

#[test]
fn a_broker_whose_disk_is_replaced_while_it_is_down_starts_once() {
    // Both end with the load.
    let fault = |kind: &str, at: &str| {
        format!("[[fault]]\nkind = \"{kind}\"\n{ONE}\nat = \"{at}\"\nfor = \"60s\"\n")
    };
    let faults = fault("broker-stop", "1s") + &fault("disk-failure", "2s");
    let mut world = world(&cluster((3, 3), 6, 10, &faults), &[], 1);
    until_ended(&mut world, 2);
    assert_eq!(world.nodes[1].incarnation, 3, "started, stopped and started");
    while world.step() {}
    assert!(world.brokers_are_registered());
}

#[test]
fn a_disk_that_is_lost_is_one_unclean_stop_however_its_broker_had_ended() {
    let stops = |kind: &str, lost: bool| {
        let fault = |kind: &str, at: &str| {
            format!("[[fault]]\nkind = \"{kind}\"\n{ONE}\nat = \"{at}\"\nfor = \"60s\"\n")
        };
        let disk = if lost { fault("disk-failure", "2s") } else { String::new() };
        let mut world = world(&cluster((3, 3), 6, 10, &(fault(kind, "1s") + &disk)), &[], 1);
        until_ended(&mut world, 1 + usize::from(lost));
        world.nodes[1].unclean_stops
    };
    assert_eq!(stops("broker-stop", false), 0, "it has all that it had");
    assert_eq!(stops("broker-stop", true), 1, "it has nothing");
    assert_eq!(stops("broker-kill", true), 1, "one loss, not two");
}

/// `holds` while both are in force and when the first has ended, not when the second has.
fn survives(fault: &str, extra: &str, holds: impl Fn(&World) -> bool) {
    let mut world = overlapping(fault, extra);
    while world.fault_records().len() < 2 {
        assert!(world.step(), "the run goes on");
    }
    assert!(holds(&world), "{fault}: two in force");
    let first = until_ended(&mut world, 1);
    assert!(holds(&world), "{fault}: one still in force");
    let second = until_ended(&mut world, 2);
    assert!(!holds(&world), "{fault}: none in force");
    assert!(second.since(first) > 1_900_000_000);
}

const ONE: &str = "target = \"broker:2\"";

#[test]
fn the_end_of_one_fault_does_not_end_another() {
    survives("broker-kill", ONE, |w| w.nodes[1].state == NodeState::Stopped);
    survives("broker-power-cut", ONE, |w| w.nodes[1].state == NodeState::NoPower);
    survives("broker-pause", ONE, |w| w.nodes[1].state == NodeState::Paused);
    survives("full-disk", ONE, |w| w.nodes[1].disk.is_full());
    survives("service-kill", "target = \"service:order/0\"", |w| {
        w.clients[1].state == NodeState::Stopped
    });
    survives("service-pause", "target = \"service:order/0\"", |w| {
        w.clients[1].state == NodeState::Paused
    });
    let slow = format!("{ONE}\nfactor = 4");
    survives("slow-disk", &slow, |w| {
        w.nodes[1].disk.bytes_per_second() < w.nodes[0].disk.bytes_per_second()
    });
    let loss = format!("{ONE}\nprobability = 0.5");
    survives("connection-loss", &loss, |w| w.loss[w.nodes[1].host.0 as usize].0 > 0);
    let link = format!("{ONE}\nlatency = \"5ms\"");
    survives("slow-link", &link, |w| {
        let (one, two) = (w.nodes[0].host, w.nodes[1].host);
        w.links.latency(one, two, 1, 1) >= 5_000_000
    });
    let cut = format!("{ONE}\ncut = \"full\"");
    survives("partition", &cut, |w| w.links.is_cut(w.nodes[0].host, w.nodes[1].host));
}

#[test]
fn delays_of_two_faults_add_up() {
    let mut world = overlapping("slow-link", &format!("{ONE}\nlatency = \"5ms\""));
    let (one, two) = (world.nodes[0].host, world.nodes[1].host);
    while world.fault_records().len() < 2 {
        assert!(world.step());
    }
    assert!(world.links.latency(two, one, 1, 1) >= 10_000_000);
    until_ended(&mut world, 1);
    assert!(world.links.latency(two, one, 1, 1) < 10_000_000);
}

/// Records that broker 2 has in its first log and on its disk, at the first second of the load.
fn kept(world: &World) -> (i64, i64) {
    let node = &world.nodes[1];
    let broker = node.broker().expect("a broker");
    let partition = world.partition_named("orders", 0).expect("created");
    let end = broker.replica(partition).expect("a replica").log().log_end_offset();
    (end.0, node.cache.durable(partition).0)
}

#[test]
fn power_can_be_cut_from_a_host_whose_broker_was_killed() {
    let mut world = overlapping("broker-kill", ONE);
    while world.fault_records().len() < 2 {
        assert!(world.step(), "the run goes on");
    }
    let (end, durable) = kept(&world);
    assert!(end > durable, "a kill keeps {end} records, {durable} of them flushed");
    world.stop_node(1, broker_model::io::StopKind::PowerCut);
    assert_eq!(world.nodes[1].state, NodeState::NoPower);
    assert_eq!(kept(&world), (durable, durable));
}

#[test]
fn who_is_not_there_when_the_load_begins_takes_its_calls_later() {
    for kind in ["service-pause", "service-kill"] {
        let fault = format!(
            "[[fault]]\nkind = \"{kind}\"\ntarget = \"service:order/0\"\n\
             on = \"leader:orders/0\"\nfor = \"2s\"\n"
        );
        let mut world = world(&cluster((1, 1), 6, 10, &fault), &[], 1);
        let ended = until_ended(&mut world, 1);
        assert!(ended > world.shared.load.from, "{kind}: the load has begun");
        while world.step() {}
        let run = crate::run::finish(world, std::path::Path::new("it.toml"), 0.0);
        let acknowledged = run.summary.records.acknowledged;
        assert!(acknowledged > 50, "{kind}: {acknowledged} of 60 calls");
    }
}

#[test]
fn who_is_killed_before_services_start_does_not_start_before_them() {
    let fault = "[[fault]]\nkind = \"service-kill\"\ntarget = \"service:order/0\"\n\
                 on = \"broker-heartbeat#1\"\nfor = \"1ms\"\n";
    let mut world = world(&cluster((1, 1), 6, 10, fault), &[], 1);
    until_ended(&mut world, 1);
    assert!(world.shared.topics.id("orders").is_none(), "nobody knows the topics yet");
    assert_eq!(world.clients[1].state, NodeState::Stopped);
    while world.shared.topics.id("orders").is_none() {
        assert!(world.step(), "the run goes on");
    }
    assert_eq!(world.clients[1].state, NodeState::Up);
}

#[test]
fn a_fault_that_comes_behind_the_load_leaves_no_trace() {
    let late = "[[fault]]\nkind = \"broker-kill\"\ntarget = \"broker:1\"\n\
                on = \"append:orders/0#1\"\nafter = \"7s\"\nfor = \"1s\"\n";
    let trace = |more: &str| {
        let mut world = world(&cluster((1, 1), 6, 10, more), &[], 1);
        while world.step() {}
        world.trace()
    };
    assert_eq!(trace(late), trace(""));
}
