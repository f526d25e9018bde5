//! Groups over a failing coordinator.

use alloc::vec;

use super::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::io::StopKind;
use crate::protocol::coordinator::{CoordinatorKey, FindCoordinatorRequest};
use crate::protocol::group::{CommittedOffset, OffsetCommitRequest, OffsetFetchRequest};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{
    GenerationId, GroupId, MILLISECOND, MemberId, NodeId, Offset, PartitionId, Release, SECOND,
};

const LATEST: i16 = i16::MAX;

fn commit(c: &mut Cluster, to: u32, group: GroupId, p: PartitionId, offset: i64) -> ErrorCode {
    commit_error(c.ask(to, LATEST, commit_request(group, p, offset)))
}

fn commit_request(group: GroupId, p: PartitionId, offset: i64) -> Request {
    let position = CommittedOffset::new(p, Offset(offset), None);
    Request::OffsetCommit(OffsetCommitRequest {
        group,
        member: MemberId(0),
        instance: None,
        generation: GenerationId(-1),
        retention: None,
        offsets: vec![position],
    })
}

fn commit_error(response: Response) -> ErrorCode {
    match response {
        Response::OffsetCommit(r) => r.partitions[0].1,
        other => panic!("another answer: {other:?}"),
    }
}

fn committed(c: &mut Cluster, to: u32, group: GroupId, p: PartitionId) -> (ErrorCode, Offset) {
    let request =
        OffsetFetchRequest { group, partitions: Some(vec![p]), who: None, require_stable: false };
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
fn a_new_coordinator_is_active_before_its_log_is_replicated() {
    let mut c = Cluster::new(3, &BrokerConfig::default());
    let [group, other] = ["g", "h"].map(|name| c.names.group(name));
    let offsets = c.topic("__consumer_offsets", &[1, 2, 3], &[]);
    let p = c.topic("p", &[1, 2, 3], &[]);
    assert_eq!(commit(&mut c, 1, group, p, 3), ErrorCode::None);
    c.advance(SECOND);
    c.pause(NodeId(3));
    let late = c.ask_later(1, LATEST, commit_request(group, p, 5));
    c.advance(SECOND);
    c.stop(NodeId(1), StopKind::Kill);
    // 3 lives long enough to stay in the ISR, and knows no leader to fetch from.
    c.resume_deaf(NodeId(3));
    c.advance(3 * SECOND);
    c.pause(NodeId(3));
    c.until("another coordinator", |c| c.leader(offsets) == Some(2));
    assert_eq!(c.isr(offsets), [2, 3]);
    assert_eq!(committed(&mut c, 2, group, p), (ErrorCode::None, Offset(3)));
    let token = c.ask_later(2, LATEST, commit_request(other, p, 1));
    assert_eq!(c.reply(token), None, "it waits for 3");
    let request =
        OffsetFetchRequest { group, partitions: Some(vec![p]), who: None, require_stable: true };
    let stable = c.ask_later(2, LATEST, Request::OffsetFetch(request));
    assert_eq!(c.reply(stable), None, "behind the commit");
    c.resume_deaf(NodeId(3));
    assert_eq!(commit_error(c.ask_until(token)), ErrorCode::None);
    assert!(c.reply(stable).is_some());
    assert_eq!(committed(&mut c, 2, group, p), (ErrorCode::None, Offset(5)));
    assert_eq!(c.reply(late), None, "it was asked of a dead coordinator");
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

#[test]
fn commits_are_gathered_for_five_milliseconds_before_they_are_written() {
    let mut c = Cluster::new(3, &BrokerConfig::default());
    let [group, other] = ["g", "h"].map(|name| c.names.group(name));
    let offsets = c.topic("__consumer_offsets", &[1, 2, 3], &[]);
    let p = c.topic("p", &[1, 2, 3], &[]);
    let written = |c: &Cluster| c.replica(1, offsets).log().log_end_offset().0;
    let first = c.ask_later(1, LATEST, commit_request(group, p, 7));
    c.advance(3 * MILLISECOND);
    let second = c.ask_later(1, LATEST, commit_request(other, p, 8));
    c.advance(MILLISECOND);
    assert_eq!((written(&c), c.reply(first)), (0, None), "4 ms after the first");
    c.advance(MILLISECOND);
    assert_eq!(written(&c), 2, "both go when the first has waited");
    assert_eq!(commit_error(c.ask_until(first)), ErrorCode::None);
    assert_eq!(commit_error(c.ask_until(second)), ErrorCode::None);

    let at_once = [("3.9", Release::V3_9, None), ("0 ms", Release::V4_1, Some(0))];
    for (why, release, group_coordinator_append_linger) in at_once {
        let config =
            BrokerConfig { release, group_coordinator_append_linger, ..BrokerConfig::default() };
        let mut c = Cluster::new(3, &config);
        let group = c.names.group("g");
        c.topic("__consumer_offsets", &[1, 2, 3], &[]);
        let p = c.topic("p", &[1, 2, 3], &[]);
        c.ask_later(1, LATEST, commit_request(group, p, 7));
        assert_eq!(written(&c), 1, "{why}");
    }
}
