//! Groups over a failing coordinator.

use alloc::vec;

use super::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::io::StopKind;
use crate::protocol::coordinator::{CoordinatorKey, FindCoordinatorRequest};
use crate::protocol::group::{CommittedOffset, OffsetCommitRequest, OffsetFetchRequest};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{GenerationId, GroupId, MemberId, NodeId, Offset, PartitionId};

const LATEST: i16 = i16::MAX;

fn commit(c: &mut Cluster, to: u32, group: GroupId, p: PartitionId, offset: i64) -> ErrorCode {
    let position = CommittedOffset { partition: p, offset: Offset(offset), leader_epoch: None };
    let request = OffsetCommitRequest {
        group,
        member: MemberId(0),
        instance: None,
        generation: GenerationId(-1),
        offsets: vec![position],
    };
    match c.ask(to, LATEST, Request::OffsetCommit(request)) {
        Response::OffsetCommit(r) => r.partitions[0].1,
        other => panic!("another answer: {other:?}"),
    }
}

fn committed(c: &mut Cluster, to: u32, group: GroupId, p: PartitionId) -> (ErrorCode, Offset) {
    let request = OffsetFetchRequest { group, partitions: Some(vec![p]), require_stable: false };
    match c.ask(to, LATEST, Request::OffsetFetch(request)) {
        Response::OffsetFetch(r) if r.error == ErrorCode::None => {
            (r.partitions[0].0, r.partitions[0].1.offset)
        }
        Response::OffsetFetch(r) => (r.error, Offset::NONE),
        other => panic!("another answer: {other:?}"),
    }
}

#[test]
fn committed_offsets_outlive_their_coordinator() {
    let mut c = Cluster::new(3, &BrokerConfig::default());
    let group = c.names.group("g");
    let offsets = c.topic("__consumer_offsets", &[1, 2, 3], &[]);
    let p = c.topic("p", &[1, 2, 3], &[]);
    assert_eq!(commit(&mut c, 1, group, p, 7), ErrorCode::None);
    assert_eq!(commit(&mut c, 2, group, p, 8), ErrorCode::NotCoordinator);
    assert_eq!(committed(&mut c, 1, group, p), (ErrorCode::None, Offset(7)));
    c.stop(NodeId(1), StopKind::Kill);
    c.until("another coordinator", |c| c.leader(offsets).is_some_and(|l| l != 1));
    let now = c.leader(offsets).expect("just seen");
    c.until("it is loaded", |c| c.broker(now).groups().shards().count() == 1);
    assert_eq!(committed(&mut c, now, group, p), (ErrorCode::None, Offset(7)));
}

#[test]
fn a_coordinator_without_followers_does_not_acknowledge_a_commit() {
    let mut c = Cluster::new(3, &BrokerConfig::default());
    let group = c.names.group("g");
    c.topic("__consumer_offsets", &[1, 2, 3], &[]);
    let p = c.topic("p", &[1, 2, 3], &[]);
    c.pause(NodeId(2));
    c.pause(NodeId(3));
    assert_eq!(commit(&mut c, 1, group, p, 7), ErrorCode::CoordinatorNotAvailable);
    c.rules.set("offset_commit", "forgotten").expect("a rule");
    assert_eq!(commit(&mut c, 1, group, p, 7), ErrorCode::None);
}

#[test]
fn the_offsets_topic_is_made_when_first_asked_for() {
    let mut c = Cluster::new(3, &BrokerConfig::default());
    let group = c.names.group("g");
    let key = CoordinatorKey::Group(group);
    let request = Request::FindCoordinator(FindCoordinatorRequest { key });
    let Response::FindCoordinator(first) = c.ask(2, LATEST, request.clone()) else {
        panic!("another answer");
    };
    assert_eq!((first.error, first.node), (ErrorCode::CoordinatorNotAvailable, None));
    c.pump();
    let Response::FindCoordinator(second) = c.ask(2, LATEST, request) else {
        panic!("another answer");
    };
    assert_eq!(second.error, ErrorCode::None);
    assert!(second.node.is_some());
}
