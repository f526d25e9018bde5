use broker_model::protocol::ErrorCode;
use broker_model::types::{GenerationId, MemberId, PartitionId};

use super::{Bench, GROUP};
use crate::client::consumer::ConsumerEvent;
use crate::client::consumer::event::ConsumerError;

fn parts(list: &[u32]) -> Vec<PartitionId> {
    list.iter().map(|&p| PartitionId(p)).collect()
}

fn revoked(list: &[u32]) -> ConsumerEvent {
    ConsumerEvent::Revoked(parts(list))
}

fn assigned(list: &[u32]) -> ConsumerEvent {
    ConsumerEvent::Assigned(parts(list))
}

fn lost(list: &[u32]) -> ConsumerEvent {
    ConsumerEvent::Lost(parts(list))
}

#[test]
fn a_member_asks_for_its_id_first_and_the_leader_assigns() {
    let mut b = Bench::new(&[], true, &[(0, 0), (0, 0), (0, 0)]);
    b.consumer.subscribe(&["t"]);
    b.poll();
    b.metadata();
    b.find_coordinator();
    assert_eq!(b.sent(), ["metadata", "find-coordinator", "join-group member=0 owned=[] gen=-1"]);
    b.refuse_join(ErrorCode::MemberIdRequired, 7);
    assert_eq!(b.sent(), ["join-group member=7 owned=[] gen=-1"]);
    b.join(1, 7, 7, &[(9, &[])]);
    assert_eq!(b.sent(), ["sync-group gen=1 member=7 7:[0, 1] 9:[2]"]);
    b.sync(&[0, 1]);
    assert_eq!(b.told(), [assigned(&[0, 1])]);
    assert_eq!(b.sent(), [""; 0], "the application must poll again");
    b.poll();
    assert_eq!(b.sent(), ["offset-fetch stable=true [0, 1]"]);
}

#[test]
fn heartbeats_keep_their_interval_without_polls_or_replies() {
    let mut b = Bench::joined(&[], 1, 0);
    b.advance(2_999);
    assert_eq!(b.sent(), [""; 0]);
    b.advance(1);
    b.advance(3_000);
    assert_eq!(b.sent(), ["heartbeat gen=1 member=7"; 2]);
    b.heartbeat(ErrorCode::None);
    b.heartbeat(ErrorCode::None);
    assert_eq!(b.consumer.next_deadline().0, 9_000_000_000);
}

#[test]
fn an_eager_member_revokes_all_before_it_joins_again() {
    let mut b = Bench::joined(&[], 2, 0);
    b.advance(3_000);
    b.heartbeat(ErrorCode::RebalanceInProgress);
    assert_eq!(b.told(), [revoked(&[0, 1])]);
    assert_eq!(b.consumer.assignment(), parts(&[0, 1]), "still owned while it is told");
    b.sent();
    b.poll();
    assert_eq!(b.sent(), ["join-group member=7 owned=[] gen=1"]);
    assert!(b.consumer.assignment().is_empty());
    b.join(2, 7, 9, &[]);
    assert_eq!(b.sent(), ["sync-group gen=2 member=7"]);
    b.sync(&[1]);
    assert_eq!(b.told(), [assigned(&[1])]);
    b.poll();
    assert_eq!(b.sent(), ["offset-fetch stable=true [1]"]);
}

#[test]
fn a_rebalance_waits_for_the_application_to_poll() {
    let mut b = Bench::joined(&[], 1, 0);
    b.fetch_records(0, 2);
    assert_eq!(b.poll(), ["0@0..2"]);
    b.advance(3_000);
    b.heartbeat(ErrorCode::RebalanceInProgress);
    assert_eq!(b.told(), []);
    b.sent();
    b.advance(3_000);
    assert_eq!(b.sent(), ["heartbeat gen=1 member=7"], "heartbeats go on meanwhile");
    b.poll();
    assert_eq!(b.told(), [revoked(&[0])]);
}

#[test]
fn a_cooperative_member_keeps_fetching_and_gives_back_in_a_second_round() {
    let cooperative = [("partition.assignment.strategy", "cooperative-sticky")];
    let mut b = Bench::joined(&cooperative, 2, 0);
    b.fetch(0, 77, vec![]);
    b.advance(3_000);
    b.sent();
    b.heartbeat(ErrorCode::RebalanceInProgress);
    assert_eq!(b.told(), [], "nothing is revoked before the round");
    assert_eq!(b.sent(), ["join-group member=7 owned=[0, 1] gen=1"]);
    b.fetch(0, 77, vec![]);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=2"], "fetching goes on");
    b.join(2, 7, 7, &[(9, &[])]);
    assert_eq!(b.sent(), ["sync-group gen=2 member=7 7:[0] 9:[]"]);
    b.sync(&[0]);
    assert_eq!(b.told(), [revoked(&[1])]);
    b.poll();
    assert_eq!(b.told(), [assigned(&[])]);
    b.poll();
    assert_eq!(b.sent(), ["join-group member=7 owned=[0] gen=2"]);
    b.join(3, 7, 7, &[(9, &[])]);
    assert_eq!(b.sent(), ["sync-group gen=3 member=7 7:[0] 9:[1]"]);
    b.sync(&[0]);
    assert_eq!(b.told(), [assigned(&[])]);
    b.poll();
    b.fetch(0, 77, vec![]);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=3 forget=[1]"]);
}

#[test]
fn illegal_generation_keeps_the_member_id_and_an_unknown_member_loses_it() {
    for (error, member) in [(ErrorCode::IllegalGeneration, 7), (ErrorCode::UnknownMemberId, 0)] {
        let mut b = Bench::joined(&[], 1, 3);
        b.advance(3_000);
        b.heartbeat(error);
        assert_eq!(b.told(), [lost(&[0])]);
        b.sent();
        b.poll();
        assert_eq!(b.sent(), [format!("join-group member={member} owned=[] gen=-1")]);
    }
}

#[test]
fn an_expelled_member_still_names_its_old_generation_to_transactions() {
    let mut b = Bench::joined(&[], 1, 3);
    b.advance(3_000);
    b.heartbeat(ErrorCode::UnknownMemberId);
    // The coordinator can refuse 7 in generation 1. It would take "no member" for a client
    // without a group, and the zombie's offsets with it.
    let told = b.consumer.group_metadata().map(|m| (m.group, m.member, m.generation));
    assert_eq!(told, Some((GROUP, MemberId(7), GenerationId(1))));
    assert_eq!(b.consumer.live_member(), Some((MemberId(0), GenerationId(-1))));
}

#[test]
fn a_refused_join_begins_again_and_loses_what_was_kept() {
    let cooperative = [("partition.assignment.strategy", "cooperative-sticky")];
    let mut b = Bench::joined(&cooperative, 1, 0);
    b.advance(3_000);
    b.heartbeat(ErrorCode::RebalanceInProgress);
    b.sent();
    b.refuse_join(ErrorCode::UnknownMemberId, 0);
    assert_eq!(b.told(), [lost(&[0])]);
    b.poll();
    assert_eq!(b.sent(), ["join-group member=0 owned=[] gen=-1"]);
}

#[test]
fn an_exceeded_poll_interval_leaves_at_once_and_is_told_at_the_next_poll() {
    let mut b = Bench::joined(&[("max.poll.interval.ms", "10000")], 1, 3);
    b.fetch_records(3, 1);
    assert_eq!(b.poll(), ["0@3..4"]);
    b.advance(3_000);
    b.heartbeat(ErrorCode::None);
    b.sent();
    b.advance(7_000);
    assert_eq!(b.sent(), ["leave-group member=7"]);
    assert_eq!(b.told(), []);
    b.advance(15_000);
    assert_eq!(b.sent(), [""; 0], "no heartbeat");
    b.poll();
    assert_eq!(b.told(), [lost(&[0])]);
    b.sent();
    b.poll();
    assert_eq!(b.sent(), ["join-group member=0 owned=[] gen=-1"]);
}

#[test]
fn a_static_member_never_leaves() {
    let settings = [("max.poll.interval.ms", "10000"), ("group.instance.id", "i")];
    let mut b = Bench::joined(&settings, 1, 3);
    b.fetch_records(3, 1);
    b.poll();
    b.sent();
    b.advance(10_000);
    assert_eq!(b.sent(), [""; 0]);
}

#[test]
fn a_silent_coordinator_is_looked_up_again_and_the_generation_stays() {
    let mut b = Bench::joined(&[("session.timeout.ms", "6000")], 1, 3);
    b.advance(3_000);
    b.sent();
    b.advance(3_000);
    assert_eq!(b.sent(), ["close-coordinator node=0"]);
    b.advance(100);
    assert_eq!(b.sent(), ["find-coordinator"]);
    b.find_coordinator();
    b.turn();
    assert_eq!(b.sent(), ["heartbeat gen=1 member=7"]);
    b.advance(3_000);
    assert_eq!(b.sent(), ["heartbeat gen=1 member=7"]);
}

#[test]
fn a_moved_coordinator_is_looked_up_again() {
    let mut b = Bench::joined(&[], 1, 3);
    b.advance(3_000);
    b.sent();
    b.heartbeat(ErrorCode::NotCoordinator);
    assert_eq!(b.sent(), [""; 0]);
    b.advance(100);
    assert_eq!(b.sent(), ["find-coordinator"]);
    b.find_coordinator();
    b.turn();
    assert_eq!(b.sent(), ["heartbeat gen=1 member=7"], "a failed one is repeated soon");
}

#[test]
fn a_join_that_finds_the_coordinator_loading_waits_a_backoff() {
    let mut b = Bench::new(&[], true, &[(0, 0)]);
    b.consumer.subscribe(&["t"]);
    b.poll();
    b.metadata();
    b.find_coordinator();
    b.sent();
    b.refuse_join(ErrorCode::CoordinatorLoadInProgress, 0);
    assert_eq!(b.sent(), [""; 0]);
    b.advance(100);
    assert_eq!(b.sent(), ["join-group member=0 owned=[] gen=-1"]);
    b.disconnect("join-group");
    b.advance(100);
    b.find_coordinator();
    assert_eq!(b.sent(), ["metadata", "find-coordinator", "join-group member=0 owned=[] gen=-1"]);
}

#[test]
fn a_fenced_member_joins_no_more() {
    let mut b = Bench::joined(&[("group.instance.id", "i")], 1, 3);
    b.advance(3_000);
    b.heartbeat(ErrorCode::FencedInstanceId);
    let error = ConsumerEvent::Error(ConsumerError::Group(ErrorCode::FencedInstanceId));
    assert_eq!(b.told(), [error]);
    b.sent();
    b.poll();
    b.advance(60_000);
    assert!(!b.sent().iter().any(|s| s.starts_with("join") || s.starts_with("heartbeat")));
}

#[test]
fn a_leader_joins_again_when_partitions_are_added() {
    let mut b = Bench::joined(&[("metadata.max.age.ms", "5000")], 1, 3);
    b.leaders.push((0, 0));
    b.advance(5_000);
    b.metadata();
    assert_eq!(b.told(), [revoked(&[0])]);
}

#[test]
fn a_leader_joins_again_when_partitions_were_added_before_it_had_its_assignment() {
    let mut b = Bench::new(&[("metadata.max.age.ms", "5000")], true, &[(0, 0)]);
    b.consumer.subscribe(&["t"]);
    b.poll();
    b.metadata();
    b.find_coordinator();
    b.join(1, 7, 7, &[]);
    b.leaders.push((0, 0));
    b.advance(5_000);
    b.metadata();
    b.sync(&[0]);
    b.told();
    b.poll();
    assert_eq!(b.told(), [revoked(&[0])]);
}

#[test]
fn close_revokes_then_leaves_and_unsubscribe_does_both_at_once() {
    let mut b = Bench::joined(&[], 1, 3);
    b.with(|consumer, cx, _| consumer.close(cx, true));
    assert_eq!(b.told(), [revoked(&[0])]);
    assert_eq!(b.sent(), [""; 0]);
    b.turn();
    assert_eq!(b.sent(), ["leave-group member=7", "fetch node=0 s=0 e=-1"]);
    assert_eq!(b.told(), [ConsumerEvent::Closed]);
    assert!(b.consumer.is_closed());

    let mut b = Bench::joined(&[], 1, 3);
    b.with(|consumer, cx, _| consumer.unsubscribe(cx));
    assert_eq!(b.told(), [revoked(&[0])]);
    assert_eq!(b.sent(), ["leave-group member=7"]);
}
