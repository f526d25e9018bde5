//! Topics, after the recordings topics and create-topic-on-fenced-brokers.

use super::*;
use crate::protocol::controller::{
    AlterConfigsRequest, ConfigResource, CreatePartitionsRequest, DeleteTopicRequest,
};

fn chosen(name: &str, partitions: u32, factor: u32) -> CreateTopicRequest {
    CreateTopicRequest {
        name: name.to_string(),
        partitions,
        replication_factor: factor,
        assignment: vec![],
        config: vec![],
        internal: false,
    }
}

fn alter(f: &mut Fixture, name: &str, key: &str, value: Option<&str>) -> ErrorCode {
    let config = vec![(key.to_string(), value.map(ToString::to_string))];
    let request = AlterConfigsRequest { resource: ConfigResource::Topic(name.to_string()), config };
    match f.ask(Request::IncrementalAlterConfigs(request)) {
        Response::IncrementalAlterConfigs(r) => r.error,
        other => panic!("{other:?}"),
    }
}

fn grow(f: &mut Fixture, name: &str, count: u32, assignment: &[&[u32]]) -> ErrorCode {
    let assignment = assignment.iter().map(|r| only(r)).collect();
    let request = CreatePartitionsRequest { name: name.to_string(), count, assignment };
    match f.ask(Request::CreatePartitions(request)) {
        Response::CreatePartitions(r) => r.error,
        other => panic!("{other:?}"),
    }
}

fn delete(f: &mut Fixture, name: &str) -> ErrorCode {
    match f.ask(Request::DeleteTopics(DeleteTopicRequest { name: name.to_string() })) {
        Response::DeleteTopics(r) => r.error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_are_the_recorded_ones() {
    let mut f = Fixture::cluster(3);
    assert_eq!(f.create("t", &[&[1, 2]], &[]), ErrorCode::None);
    assert_eq!(f.create("t", &[&[1, 2]], &[]), ErrorCode::TopicAlreadyExists);
    let refused = [
        ("u", &[1, 1][..], None, ErrorCode::InvalidReplicaAssignment),
        ("u", &[1, 9], None, ErrorCode::InvalidReplicaAssignment),
        ("u", &[1], Some(("no.such.config", "1")), ErrorCode::InvalidConfig),
        ("u", &[1], Some(("cleanup.policy", "nonsense")), ErrorCode::InvalidConfig),
        ("b@d", &[1], None, ErrorCode::InvalidTopicException),
        ("..", &[1], None, ErrorCode::InvalidTopicException),
    ];
    for (name, replicas, config, expected) in refused {
        let config: Vec<_> = config.into_iter().collect();
        assert_eq!(f.create(name, &[replicas], &config), expected, "{name} {replicas:?}");
    }
    assert_eq!(grow(&mut f, "t", 3, &[&[2, 3], &[3, 1]]), ErrorCode::None);
    assert_eq!(f.describe(2), "@0 leader=3 epoch=0 isr=1,3 elr=- last=-");
    assert_eq!(grow(&mut f, "t", 2, &[]), ErrorCode::InvalidPartitions);
    assert_eq!(grow(&mut f, "t", 3, &[]), ErrorCode::InvalidPartitions);
    assert_eq!(alter(&mut f, "t", "retention.ms", Some("100000")), ErrorCode::None);
    assert_eq!(alter(&mut f, "nosuch", "retention.ms", None), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(alter(&mut f, "t", "no.such.config", Some("1")), ErrorCode::InvalidConfig);
    assert_eq!(delete(&mut f, "t"), ErrorCode::None);
    assert_eq!(delete(&mut f, "t"), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(f.create("a.b", &[&[1]], &[]), ErrorCode::None);
    assert_eq!(f.create("a_b", &[&[1]], &[]), ErrorCode::InvalidTopicException);
}

#[test]
fn a_fenced_replica_starts_outside_of_the_isr_and_one_must_live() {
    let mut f = Fixture::cluster(3);
    f.leave(2);
    assert_eq!(f.create("u", &[&[2, 3]], &[]), ErrorCode::None);
    assert_eq!(f.describe(0), "@0 leader=3 epoch=0 isr=3 elr=- last=-");
    assert_eq!(f.create("v", &[&[2]], &[]), ErrorCode::InvalidReplicaAssignment);
    let uneven: &[&[u32]] = &[&[1, 3], &[1]];
    assert_eq!(f.create("v", uneven, &[]), ErrorCode::InvalidReplicaAssignment);
    assert_eq!(f.create_topic(chosen("v", 1, 0)), ErrorCode::InvalidReplicationFactor);
    assert_eq!(f.create_topic(chosen("v", 1, 4)), ErrorCode::InvalidReplicationFactor);
    assert_eq!(f.create_topic(chosen("v", 0, 1)), ErrorCode::InvalidPartitions);
    assert_eq!(f.create_topic(chosen("w", 3, 3)), ErrorCode::None);
    assert_eq!(f.create_topic(chosen("w", 1, 4)), ErrorCode::TopicAlreadyExists);
    for id in 1..=3 {
        assert_ne!(f.partition(id).replicas[0], NodeId(2), "a fenced broker never comes first");
    }
}

#[test]
fn placement_goes_round_the_brokers_and_keeps_racks_apart() {
    let mut f = Fixture::new(ControllerConfig::default());
    for broker in 1..=6 {
        f.incarnations += 1;
        let request = BrokerRegistrationRequest {
            broker: NodeId(broker),
            incarnation: f.incarnations,
            rack: Some(crate::types::RackId((broker - 1) / 2)),
            previous_broker_epoch: BrokerEpoch(-1),
            directories: Vec::new(),
        };
        f.ask(Request::BrokerRegistration(request));
        f.heartbeat(broker, false);
    }
    assert_eq!(f.create_topic(chosen("t", 12, 3)), ErrorCode::None);
    let mut leaderships = [0; 7];
    for id in 0..12 {
        let replicas = &f.partition(id).replicas;
        leaderships[replicas[0].0 as usize] += 1;
        let mut racks: Vec<u32> = replicas.iter().map(|r| (r.0 - 1) / 2).collect();
        racks.sort_unstable();
        assert_eq!(racks, [0, 1, 2], "{replicas:?}");
    }
    assert_eq!(leaderships, [0, 2, 2, 2, 2, 2, 2]);
}

/// KAFKA-17870: memory for them would be asked first.
#[test]
fn a_request_creates_no_more_than_ten_thousand_partitions() {
    let mut f = Fixture::cluster(3);
    for (count, expected) in [
        (u32::MAX, ErrorCode::PolicyViolation),
        (10_001, ErrorCode::PolicyViolation),
        (10_000, ErrorCode::PolicyViolation),
        (9_999, ErrorCode::None),
    ] {
        assert_eq!(f.create_topic(chosen("t", count, 1)), expected, "{count}");
    }
    assert_eq!(f.create_topic(chosen("..", 10_001, 1)), ErrorCode::PolicyViolation);
    assert_eq!(f.create_topic(chosen("..", 10_000, 1)), ErrorCode::InvalidTopicException);
    let config = vec![("retention.ms".to_string(), "1000".to_string())];
    let with_config =
        |count| CreateTopicRequest { config: config.clone(), ..chosen("u", count, 1) };
    assert_eq!(f.create_topic(with_config(9_999)), ErrorCode::PolicyViolation);
    assert_eq!(f.create_topic(with_config(9_998)), ErrorCode::None);
    let many = CreateTopicRequest { assignment: vec![only(&[1]); 10_001], ..chosen("v", 0, 0) };
    assert_eq!(f.create_topic(many), ErrorCode::PolicyViolation);
}

#[test]
fn a_topic_grows_by_ten_thousand_partitions_at_most_whatever_it_was_to_grow_by() {
    let mut f = Fixture::cluster(1);
    assert_eq!(f.create_topic(chosen("t", 1, 1)), ErrorCode::None);
    assert_eq!(grow(&mut f, "t", 10_001, &[]), ErrorCode::None);
    assert_eq!(grow(&mut f, "t", u32::MAX, &[]), ErrorCode::UnknownServerError);
    assert_eq!(f.controller.image().partitions().count(), 20_001);
    assert_eq!(grow(&mut f, "t", 20_001, &[]), ErrorCode::InvalidPartitions);
    assert_eq!(grow(&mut f, "t", u32::MAX, &[&[1]]), ErrorCode::InvalidReplicaAssignment);
}

/// Recorded: elr-cleared-by-min-isr-change.
#[test]
fn changing_min_insync_replicas_clears_the_elr() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3]], &[("min.insync.replicas", "2")]);
    f.leave(3);
    f.leave(2);
    alter(&mut f, "t", "retention.ms", Some("1000000"));
    assert_eq!(f.describe(0), "@2 leader=1 epoch=0 isr=1 elr=2 last=-");
    alter(&mut f, "t", "min.insync.replicas", Some("3"));
    assert_eq!(f.describe(0), "@3 leader=1 epoch=0 isr=1 elr=- last=-");
    alter(&mut f, "t", "min.insync.replicas", Some("2"));
    assert_eq!(f.describe(0), "@3 leader=1 epoch=0 isr=1 elr=- last=-");
}
