//! Groups of the new protocol (KIP-848).

mod fencing;
mod historic;
mod laws;
mod migration;
mod patterns;

use alloc::string::ToString;
use alloc::vec::Vec;

use super::bench::{Bench, G, NOBODY, joining};
use crate::config::GroupConfig;
use crate::group::GroupSettings;
use crate::metadata::Image;
use crate::protocol::consumer_group::{
    AssignorChoice, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::protocol::group::{JoinGroupRequest, ProtocolType};
use crate::protocol::{ErrorCode, Request, Response};
use crate::records::{MetadataRecord, PartitionRecord};
use crate::types::{
    GroupEpoch, LeaderEpoch, MemberId, NodeId, PartitionEpoch, PartitionId, SECOND, TextId, TopicId,
};

const A: MemberId = MemberId(1);
const B: MemberId = MemberId(2);

/// A topic with partitions from `first` on.
fn topic(image: &mut Image, id: u32, name: &str, first: u32, partitions: u32) {
    let topic = TopicId(id);
    if image.topic(topic).is_none() {
        let (name, config) = (name.to_string(), Vec::new());
        let record = MetadataRecord::Topic { topic, name, internal: false, config };
        image.apply(image.end(), &record);
    }
    let known = image.topic(topic).map_or(0, |t| t.partitions.len());
    for (partition, index) in (first..first + partitions).zip(known..) {
        let record = MetadataRecord::of_partition(PartitionRecord {
            partition: PartitionId(partition),
            topic,
            index: u32::try_from(index).expect("few"),
            replicas: Vec::from([NodeId(1)]),
            isr: Vec::from([NodeId(1)]),
            eligible_leader_replicas: Vec::new(),
            last_known_elr: Vec::new(),
            leader: Some(NodeId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovering: false,
            adding: Vec::new(),
            removing: Vec::new(),
            directories: Vec::new(),
        });
        image.apply(image.end(), &record);
    }
}

/// A bench with a topic of so many partitions, numbered from 0.
fn bench(partitions: u32) -> Bench {
    let mut bench = Bench::new();
    topic(&mut bench.image, 0, "t", 0, partitions);
    bench
}

/// A heartbeat that says nothing but who it is of.
fn plain(member: MemberId, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group: G,
        member,
        epoch: GroupEpoch(epoch),
        instance: None,
        rack: None,
        rebalance_timeout: None,
        topics: None,
        pattern: None,
        assignor: AssignorChoice::Unnamed,
        owned: None,
    }
}

fn join(bench: &mut Bench, member: MemberId) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        rebalance_timeout: Some(20 * SECOND),
        topics: Some(Vec::from([bench.names.topic("t")])),
        owned: Some(Vec::new()),
        ..plain(member, 0)
    }
}

fn owning(member: MemberId, epoch: i32, owned: &[u32]) -> ConsumerGroupHeartbeatRequest {
    let owned = owned.iter().copied().map(PartitionId).collect();
    ConsumerGroupHeartbeatRequest { owned: Some(owned), ..plain(member, epoch) }
}

fn send(
    bench: &mut Bench,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    bench.version = 1;
    let token = bench.ask(Request::ConsumerGroupHeartbeat(request.into()));
    bench.version = 9;
    match bench.replies.get(&token) {
        Some(Response::ConsumerGroupHeartbeat(response)) => response.clone(),
        other => panic!("no answer to a heartbeat: {other:?}"),
    }
}

/// Error, epoch and assignment of an answer.
fn told(
    bench: &mut Bench,
    request: ConsumerGroupHeartbeatRequest,
) -> (ErrorCode, i32, Option<Vec<u32>>) {
    let r = send(bench, request);
    let assignment = r.assignment.map(|a| a.into_iter().map(|p| p.0).collect());
    (r.error, r.epoch.0, assignment)
}

fn joined(bench: &mut Bench, member: MemberId) -> (ErrorCode, i32, Option<Vec<u32>>) {
    let request = join(bench, member);
    told(bench, request)
}

fn describe(bench: &mut Bench) -> ConsumerGroupDescribeResponse {
    let token =
        bench.ask(Request::ConsumerGroupDescribe(ConsumerGroupDescribeRequest { group: G }));
    match bench.replies.get(&token) {
        Some(Response::ConsumerGroupDescribe(response)) => response.clone(),
        other => panic!("no description: {other:?}"),
    }
}

const OK: ErrorCode = ErrorCode::None;

#[test]
fn a_partition_is_given_on_only_after_it_was_given_up() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A), (OK, 1, Some(Vec::from([0, 1]))));
    assert_eq!(joined(&mut b, B), (OK, 2, Some(Vec::new())));
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, Some(Vec::from([0]))));
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 2, None), "A has it still");
    assert_eq!(told(&mut b, owning(A, 1, &[0, 1])), (OK, 1, None));
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 2, None), "A says that it has it");
    assert_eq!(told(&mut b, owning(A, 1, &[0])), (OK, 2, None));
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 2, Some(Vec::from([1]))));
    assert_eq!(describe(&mut b).state, "Stable");
}

#[test]
fn an_answer_waits_until_its_records_are_replicated_and_so_does_the_next() {
    let mut b = bench(2);
    b.hold = true;
    let request = join(&mut b, A);
    let first = b.ask(Request::ConsumerGroupHeartbeat(request.into()));
    let again = b.ask(Request::ConsumerGroupHeartbeat(plain(A, 1).into()));
    assert!(b.is_pending(first), "nobody may own what the next coordinator does not know");
    assert!(b.is_pending(again), "it tells of what is not replicated, too");
    b.replicate();
    assert!(!b.is_pending(first) && !b.is_pending(again));
}

#[test]
fn a_write_that_fails_leaves_the_group_as_it_was() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A).0, OK);
    let before = describe(&mut b);
    b.hold = true;
    let request = join(&mut b, B);
    let token = b.ask(Request::ConsumerGroupHeartbeat(request.into()));
    assert_eq!(describe(&mut b).members.len(), 2, "the next heartbeat builds on it");
    let behind = b.ask(Request::ConsumerGroupHeartbeat(plain(A, 1).into()));
    b.refuse_newest(ErrorCode::NotEnoughReplicas);
    b.refuse_newest(ErrorCode::NotEnoughReplicas);
    for token in [token, behind] {
        let Response::ConsumerGroupHeartbeat(r) = &b.replies[&token] else { panic!("no answer") };
        assert_eq!(r.error, ErrorCode::CoordinatorNotAvailable);
    }
    b.hold = false;
    assert_eq!(describe(&mut b), before);
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, None));
    assert_eq!(told(&mut b, plain(B, 2)).0, ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_whose_leave_was_not_written_has_its_partitions_still() {
    let mut b = bench(3);
    assert_eq!(joined(&mut b, A), (OK, 1, Some(Vec::from([0, 1, 2]))));
    assert_eq!(joined(&mut b, B), (OK, 2, Some(Vec::new())));
    told(&mut b, plain(A, 1));
    assert_eq!(told(&mut b, owning(A, 1, &[0, 1])), (OK, 2, None));
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 2, Some(Vec::from([2]))));
    b.hold = true;
    b.ask(Request::ConsumerGroupHeartbeat(plain(A, -1).into()));
    b.ask(Request::ConsumerGroupHeartbeat(plain(B, 2).into()));
    b.refuse_oldest(ErrorCode::NotEnoughReplicas);
    b.refuse(ErrorCode::NotEnoughReplicas);
    b.hold = false;
    assert_eq!(joined(&mut b, MemberId(3)), (OK, 3, Some(Vec::new())), "A has it still");
}

#[test]
fn a_write_that_fails_under_a_later_one_is_taken_out_from_below_it() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A).0, OK);
    b.hold = true;
    let (of_b, of_c) = (join(&mut b, B), join(&mut b, MemberId(3)));
    b.ask(Request::ConsumerGroupHeartbeat(of_b.into()));
    b.ask(Request::ConsumerGroupHeartbeat(of_c.into()));
    b.refuse_oldest(ErrorCode::NotEnoughReplicas);
    b.replicate();
    let left: Vec<MemberId> = describe(&mut b).members.iter().map(|m| m.member).collect();
    assert_eq!(left, [A, MemberId(3)], "what is in the log, and no more");
    let before = describe(&mut b);
    b.load();
    assert_eq!(describe(&mut b), before);
}

#[test]
fn a_silent_member_is_removed_after_its_session() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A).0, OK);
    assert_eq!(joined(&mut b, B).0, OK);
    for _ in 0..4 {
        b.wait(11 * SECOND);
        assert_eq!(told(&mut b, plain(B, 2)).0, OK);
    }
    b.wait(2 * SECOND);
    assert_eq!(told(&mut b, plain(A, 1)).0, ErrorCode::UnknownMemberId);
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 3, Some(Vec::from([0, 1]))));
}

#[test]
fn a_group_may_have_a_session_timeout_and_a_heartbeat_interval_of_its_own() {
    let mut b = bench(1);
    assert_eq!(joined(&mut b, A).0, OK);
    let config =
        GroupConfig { session_timeout: Some(9 * SECOND), heartbeat_interval: Some(3 * SECOND) };
    b.coordinator.configure(G, config);
    b.wait(20 * SECOND);
    assert_eq!(send(&mut b, plain(A, 1)).heartbeat_interval, 3 * SECOND, "its session went on");
    b.wait(10 * SECOND);
    assert_eq!(told(&mut b, plain(A, 1)).0, ErrorCode::UnknownMemberId);
    b.coordinator.configure(G, GroupConfig::default());
    let request = join(&mut b, A);
    assert_eq!(send(&mut b, request).heartbeat_interval, 5 * SECOND);
}

#[test]
fn who_does_not_give_up_in_its_rebalance_timeout_is_removed_although_it_heartbeats() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A).0, OK);
    assert_eq!(joined(&mut b, B).0, OK);
    assert_eq!(told(&mut b, plain(A, 1)).2, Some(Vec::from([0])));
    b.wait(19 * SECOND);
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, None));
    b.wait(2 * SECOND);
    assert_eq!(told(&mut b, plain(A, 1)).0, ErrorCode::UnknownMemberId);
}

#[test]
fn giving_up_in_time_ends_the_rebalance_timeout() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A).0, OK);
    assert_eq!(joined(&mut b, B).0, OK);
    assert_eq!(told(&mut b, plain(A, 1)).1, 1);
    assert_eq!(told(&mut b, owning(A, 1, &[0])).1, 2);
    b.wait(25 * SECOND);
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, None));
}

#[test]
fn a_static_member_that_left_for_now_comes_back_to_its_partitions_without_an_epoch() {
    let mut b = bench(2);
    let named = |mut r: ConsumerGroupHeartbeatRequest| {
        r.instance = Some("i".to_string());
        r
    };
    let request = join(&mut b, A);
    assert_eq!(told(&mut b, named(request)).2, Some(Vec::from([0, 1])));
    let request = join(&mut b, B);
    assert_eq!(told(&mut b, named(request.clone())).0, ErrorCode::UnreleasedInstanceId);
    assert_eq!(told(&mut b, named(plain(A, -2))), (OK, -2, None));
    assert_eq!(told(&mut b, named(request)), (OK, 1, Some(Vec::from([0, 1]))));
    assert_eq!(told(&mut b, named(plain(A, 1))).0, ErrorCode::FencedInstanceId);
    assert_eq!(describe(&mut b).epoch, GroupEpoch(1));
}

#[test]
fn a_topic_that_grows_makes_an_epoch_at_the_next_heartbeat() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A).1, 1);
    topic(&mut b.image, 1, "other", 10, 1);
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, None), "nobody subscribes to it");
    topic(&mut b.image, 0, "t", 2, 1);
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 2, Some(Vec::from([0, 1, 2]))));
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, None));
}

#[test]
fn the_next_coordinator_goes_on_where_the_last_one_was() {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A).0, OK);
    assert_eq!(joined(&mut b, B).0, OK);
    assert_eq!(told(&mut b, plain(A, 1)).1, 1);
    let before = describe(&mut b);
    b.load();
    assert_eq!(describe(&mut b), before);
    // What runs out begins anew.
    b.wait(19 * SECOND);
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, None));
    b.wait(2 * SECOND);
    assert_eq!(told(&mut b, plain(A, 1)).0, ErrorCode::UnknownMemberId, "it had to give up");
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 3, Some(Vec::from([0, 1]))));
}

#[test]
fn an_empty_group_changes_its_protocol_and_keeps_its_offsets() {
    let mut b = bench(1);
    assert_eq!(b.commit(G, NOBODY, -1, &[(0, 5)]), OK);
    assert_eq!(joined(&mut b, A).1, 1);
    assert_eq!(b.fetch(G, 0, false), Ok(5));
    assert_eq!(b.commit(G, A, 1, &[(0, 6)]), OK);
    assert_eq!(b.commit(G, A, 2, &[(0, 7)]), ErrorCode::StaleMemberEpoch);
    assert_eq!(b.commit(G, NOBODY, -1, &[(0, 7)]), ErrorCode::UnknownMemberId);
    let connect =
        JoinGroupRequest { protocol_type: ProtocolType::Other(TextId(0)), ..joining(G, NOBODY) };
    assert_eq!(b.join(connect).error, ErrorCode::InconsistentGroupProtocol);
    assert_eq!(told(&mut b, plain(A, -1)), (OK, -1, None));
    b.load();
    assert_eq!(b.fetch(G, 0, false), Ok(6));
    let m = b.new_member(G);
    assert_eq!(b.join(joining(G, m)).generation.0, 1);
    assert_eq!(describe(&mut b).error, ErrorCode::GroupIdNotFound);
    assert_eq!(b.fetch(G, 0, false), Ok(6));
}

#[test]
fn an_empty_group_without_offsets_goes() {
    let mut b = bench(1);
    assert_eq!(joined(&mut b, A).1, 1);
    b.wait(660 * SECOND);
    assert_eq!(describe(&mut b).error, ErrorCode::GroupIdNotFound);
    b.load();
    assert_eq!(describe(&mut b).error, ErrorCode::GroupIdNotFound);
}

#[test]
fn a_broker_without_the_protocol_does_not_know_the_request() {
    let settings = GroupSettings { serves_consumer_protocol: false, ..GroupSettings::default() };
    let mut b = Bench::with(settings);
    assert_eq!(joined(&mut b, A).0, ErrorCode::UnsupportedVersion);
    assert_eq!(describe(&mut b).error, ErrorCode::UnsupportedVersion);
}
