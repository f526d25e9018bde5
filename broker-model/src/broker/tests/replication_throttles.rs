//! Replication throttles (KIP-73).

use alloc::string::ToString;
use alloc::vec;

use super::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::protocol::controller::{
    AlterConfigsRequest, AlterConfigsResponse, AlterPartitionReassignmentsRequest, ConfigResource,
};
use crate::protocol::produce::Acks;
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{MILLISECOND, NodeId, PartitionId};

const LEADER_RATE: &str = "leader.replication.throttled.rate";
const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
const LEADER_LIST: &str = "leader.replication.throttled.replicas";
const FOLLOWER_LIST: &str = "follower.replication.throttled.replicas";

fn alter(c: &mut Cluster, resource: ConfigResource, key: &str, value: Option<&str>) -> ErrorCode {
    let config = vec![(key.to_string(), value.map(ToString::to_string))];
    let request = AlterConfigsRequest { resource, config };
    match c.ask(1, i16::MAX, Request::IncrementalAlterConfigs(request)) {
        Response::IncrementalAlterConfigs(r) => r.error,
        other => panic!("{other:?}"),
    }
}

fn set(c: &mut Cluster, broker: u32, key: &str, value: &str) -> ErrorCode {
    alter(c, ConfigResource::Broker(NodeId(broker)), key, Some(value))
}

fn list(c: &mut Cluster, key: &str, value: &str) {
    let topic = ConfigResource::Topic("t".to_string());
    assert_eq!(alter(c, topic, key, Some(value)), ErrorCode::None);
}

/// Two brokers, of which the first has a partition of ten batches of 100 bytes. A fetch brings one.
fn uneven() -> (Cluster, PartitionId) {
    let mut config = BrokerConfig::default();
    config.set("replica.fetch.max.bytes", "100").expect("a key");
    let mut c = Cluster::new(2, &config);
    let p = c.topic("t", &[1], &[]);
    for _ in 0..10 {
        c.produce(1, p, 1, Acks::All);
    }
    (c, p)
}

fn reassign(c: &mut Cluster, p: PartitionId, to: &[u32]) {
    let replicas = Some(to.iter().map(|&n| NodeId(n)).collect());
    let request = AlterPartitionReassignmentsRequest {
        partition: p,
        replicas,
        allow_replication_factor_change: true,
    };
    c.ask(1, i16::MAX, Request::AlterPartitionReassignments(request));
}

/// How long, in tenths of a second, until the second broker has joined the first.
fn tenths_to_join(c: &mut Cluster, p: PartitionId) -> u32 {
    for tenths in 0..600 {
        if c.isr(p) == [1, 2] {
            return tenths;
        }
        c.advance(100 * MILLISECOND);
    }
    panic!("not within a minute");
}

#[test]
fn who_is_not_in_sync_is_copied_at_the_rate_of_whoever_is_throttled() {
    for (key, rate, broker, replicas) in [
        (FOLLOWER_LIST, FOLLOWER_RATE, 2, "0:2"),
        (FOLLOWER_LIST, FOLLOWER_RATE, 2, "*"),
        (LEADER_LIST, LEADER_RATE, 1, "0:1"),
        (LEADER_LIST, LEADER_RATE, 1, "*"),
    ] {
        let (mut c, p) = uneven();
        list(&mut c, key, replicas);
        assert_eq!(set(&mut c, broker, rate, "100"), ErrorCode::None);
        reassign(&mut c, p, &[1, 2]);
        let tenths = tenths_to_join(&mut c, p);
        assert!((70..=130).contains(&tenths), "{key}={replicas}: a kilobyte took {tenths}");
    }
}

#[test]
fn nothing_is_held_back_without_a_rate_or_without_the_replica_in_the_list() {
    for (key, rate, broker, replicas) in [
        (FOLLOWER_LIST, LEADER_RATE, 2, "*"),
        (FOLLOWER_LIST, FOLLOWER_RATE, 1, "*"),
        (FOLLOWER_LIST, FOLLOWER_RATE, 2, "0:1"),
        (FOLLOWER_LIST, FOLLOWER_RATE, 2, "1:2"),
        (LEADER_LIST, FOLLOWER_RATE, 1, "*"),
        (LEADER_LIST, LEADER_RATE, 2, "*"),
        (LEADER_LIST, LEADER_RATE, 1, "0:2"),
        (LEADER_LIST, LEADER_RATE, 1, ""),
    ] {
        let (mut c, p) = uneven();
        list(&mut c, key, replicas);
        set(&mut c, broker, rate, "100");
        reassign(&mut c, p, &[1, 2]);
        assert!(tenths_to_join(&mut c, p) <= 10, "{key}={replicas} {rate} of {broker}");
    }
}

#[test]
fn the_canary_copies_at_full_speed() {
    let (c, p) = uneven();
    let mut c = c.with_rules("replication_throttle", "forgotten");
    list(&mut c, FOLLOWER_LIST, "*");
    set(&mut c, 2, FOLLOWER_RATE, "100");
    reassign(&mut c, p, &[1, 2]);
    assert!(tenths_to_join(&mut c, p) <= 10);
}

#[test]
fn members_of_the_isr_are_not_held_back_but_what_they_take_is_counted() {
    let (mut c, p) = uneven();
    reassign(&mut c, p, &[1, 2]);
    tenths_to_join(&mut c, p);
    for key in [LEADER_LIST, FOLLOWER_LIST] {
        list(&mut c, key, "*");
    }
    set(&mut c, 1, LEADER_RATE, "1");
    set(&mut c, 2, FOLLOWER_RATE, "1");
    for _ in 0..5 {
        let answer = c.produce(1, p, 1, Acks::All);
        assert_eq!(answer.error, ErrorCode::None);
    }
    assert_eq!(c.replica(2, p).log().log_end_offset().0, 15);
    let [mut gives, mut takes] =
        [1, 2].map(|broker| c.broker(broker).replication_throttles.clone());
    let now = c.now();
    assert!(gives.leader.withheld(now, &c.rules).is_some(), "500 bytes, at one a second");
    assert!(takes.follower.withheld(now, &c.rules).is_some());
}

#[test]
fn a_rate_that_is_taken_away_or_raised_lets_the_copy_go_on() {
    for raised in [None, Some("1000000")] {
        let (mut c, p) = uneven();
        list(&mut c, FOLLOWER_LIST, "0:2");
        set(&mut c, 2, FOLLOWER_RATE, "1");
        reassign(&mut c, p, &[1, 2]);
        c.advance(5_000 * MILLISECOND);
        assert_eq!(c.isr(p), [1], "a second for each byte");
        let broker = ConfigResource::Broker(NodeId(2));
        assert_eq!(alter(&mut c, broker, FOLLOWER_RATE, raised), ErrorCode::None);
        assert!(tenths_to_join(&mut c, p) <= 20, "{raised:?}");
    }
}

#[test]
fn keys_of_brokers_are_taken_and_refused_as_recorded() {
    let (mut c, _) = uneven();
    for (key, value, error) in [
        (LEADER_RATE, "1000", ErrorCode::None),
        (LEADER_RATE, "-1", ErrorCode::InvalidRequest),
        (LEADER_RATE, "0", ErrorCode::None),
        (LEADER_RATE, "abc", ErrorCode::InvalidRequest),
        (FOLLOWER_RATE, "1.5", ErrorCode::InvalidRequest),
        ("no.such.key", "1", ErrorCode::None),
        ("broker.id", "7", ErrorCode::InvalidRequest),
        ("num.replica.fetchers", "2", ErrorCode::None),
        ("num.replica.fetchers", "-3", ErrorCode::InvalidRequest),
        ("replica.fetch.max.bytes", "1000000", ErrorCode::InvalidRequest),
        ("log.retention.ms", "100000", ErrorCode::None),
        ("min.insync.replicas", "2", ErrorCode::InvalidConfig),
    ] {
        assert_eq!(set(&mut c, 2, key, value), error, "{key}={value}");
    }
    let broker = ConfigResource::Broker(NodeId(2));
    assert_eq!(alter(&mut c, broker.clone(), "broker.id", None), ErrorCode::None);
    let twice = ["1", "2"].map(|rate| (LEADER_RATE.to_string(), Some(rate.to_string())));
    let request = AlterConfigsRequest { resource: broker, config: twice.to_vec() };
    let answer = c.ask(1, i16::MAX, Request::IncrementalAlterConfigs(request));
    let refused = AlterConfigsResponse { error: ErrorCode::InvalidRequest };
    assert_eq!(answer, Response::IncrementalAlterConfigs(refused));
    assert_eq!(set(&mut c, 7, LEADER_RATE, "5"), ErrorCode::BrokerIdNotRegistered);
    let topic = ConfigResource::Topic("t".to_string());
    assert_eq!(alter(&mut c, topic, LEADER_LIST, Some("0-1")), ErrorCode::InvalidConfig);
}

#[test]
fn a_list_that_changes_while_a_broker_is_down_counts_when_it_is_back() {
    let (mut c, p) = uneven();
    reassign(&mut c, p, &[1, 2]);
    tenths_to_join(&mut c, p);
    c.stop(NodeId(2), crate::io::StopKind::Clean);
    list(&mut c, FOLLOWER_LIST, "*");
    set(&mut c, 2, FOLLOWER_RATE, "5");
    c.until("it has left", |c| c.isr(p) == [1]);
    for _ in 0..10 {
        c.produce(1, p, 1, Acks::Leader);
    }
    c.start(NodeId(2));
    c.advance(10_000 * MILLISECOND);
    assert_eq!(c.isr(p), [1], "a kilobyte at five bytes a second");
}
