//! A member of a group of the new protocol: fencing, refusals, and an application that is slow.

use broker_model::protocol::group::{CommittedOffset, OffsetFetchResponse};
use broker_model::protocol::{ErrorCode, Response};
use broker_model::types::{GenerationId, MILLISECOND, Offset, PartitionId};

use super::Bench;
use super::member::{JOINS, assigned, lost, parts};
use crate::client::consumer::event::ConsumerError;
use crate::client::consumer::{CommitError, CommitId, ConsumerEvent};

#[test]
fn a_fenced_member_loses_everything_and_joins_again() {
    for error in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
        let mut b = Bench::member(&[], 2, 0);
        b.consumer.leave_poll();
        b.advance(5_000);
        b.said();
        b.refuse_member(error);
        b.advance(20_000);
        assert_eq!((b.told(), b.said()), (vec![], vec![]), "the application does not poll");
        assert_eq!(b.consumer.assignment(), parts(&[0, 1]));
        b.poll();
        assert_eq!(b.told(), [lost(&[0, 1])]);
        assert_eq!(b.said(), [""; 0], "it joins when the listener is back");
        b.poll();
        assert_eq!(b.said(), [JOINS]);
        assert_eq!(b.consumer.assignment(), []);
        assert_eq!(b.epoch(), Some(GenerationId(1)), "a zombie keeps its epoch");
        b.answer_member(4, Some(&[1]));
        assert_eq!(b.told(), [assigned(&[1])]);
        assert_eq!(b.epoch(), Some(GenerationId(4)));
    }
}

#[test]
fn a_fence_ends_a_reconciliation() {
    let mut b = Bench::member(&[], 2, 0);
    b.advance(5_000);
    b.answer_member(2, Some(&[0]));
    b.told();
    b.advance(5_000);
    b.refuse_member(ErrorCode::FencedMemberEpoch);
    b.said();
    b.poll();
    assert_eq!(b.told(), [lost(&[0, 1])], "nothing was given up in order");
    b.poll();
    assert_eq!(b.said(), [JOINS]);
}

const SLOW: (&str, &str) = ("max.poll.interval.ms", "10000");

#[test]
fn who_does_not_poll_leaves_and_joins_again_when_it_polls() {
    for (instance, epoch) in [(None, "-1"), (Some("i"), "-2")] {
        let mut settings = vec![SLOW];
        settings.extend(instance.map(|i| ("group.instance.id", i)));
        let named = instance.map_or(String::new(), |i| format!(" instance={i}"));
        let mut b = Bench::member(&settings, 1, 0);
        b.poll();
        b.consumer.leave_poll();
        b.advance(5_000);
        b.answer_member(1, None);
        b.advance(4_999);
        b.said();
        b.advance(1);
        assert_eq!(b.said(), [format!("member-heartbeat epoch={epoch}{named} owned=[]")]);
        b.advance(15_000);
        assert_eq!(b.said(), [""; 0], "it stays away");
        b.poll();
        assert_eq!(b.told(), [lost(&[0])]);
        b.poll();
        let joins = JOINS.replace("epoch=0", &format!("epoch=0{named}"));
        assert_eq!(b.said(), [joins.replace("300s", "10s")]);
    }
}

#[test]
fn who_waits_in_a_poll_counts_as_polling() {
    let mut b = Bench::member(&[SLOW], 1, 0);
    for _ in 0..4 {
        b.advance(5_000);
        b.answer_member(1, None);
    }
    assert_eq!(b.told(), []);
    assert!(b.said().iter().all(|line| !line.contains("epoch=-1")));
}

#[test]
fn a_moved_coordinator_is_looked_up_and_told_everything() {
    let mut b = Bench::member(&[], 1, 0);
    for error in [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable] {
        b.advance(5_000);
        b.said();
        b.refuse_member(error);
        assert_eq!(b.said(), [""; 0]);
        b.advance(100);
        assert_eq!(b.said(), ["find-coordinator"]);
        b.find_coordinator();
        let everything = "member-heartbeat epoch=1 timeout=300s topics=1 owned=[0]";
        assert_eq!(b.said(), [everything]);
        assert_eq!(b.told(), [], "the member keeps what it has");
        b.answer_member(1, Some(&[0]));
    }
}

#[test]
fn a_coordinator_that_loads_is_asked_again_after_a_backoff() {
    let mut b = Bench::member(&[], 1, 0);
    b.advance(5_000);
    b.said();
    b.refuse_member(ErrorCode::CoordinatorLoadInProgress);
    assert_eq!(b.said(), [""; 0]);
    b.advance(100);
    assert_eq!(b.said().len(), 1);
}

#[test]
fn a_lost_connection_looks_for_the_coordinator() {
    let mut b = Bench::member(&[], 1, 0);
    b.advance(5_000);
    b.said();
    b.disconnect("member-heartbeat");
    b.advance(100);
    assert_eq!(b.said(), ["metadata", "find-coordinator"]);
}

#[test]
fn what_no_retry_helps_against_is_thrown_and_ends_the_member() {
    for error in [
        ErrorCode::UnsupportedVersion,
        ErrorCode::UnreleasedInstanceId,
        ErrorCode::FencedInstanceId,
        ErrorCode::GroupMaxSizeReached,
        ErrorCode::UnsupportedAssignor,
        ErrorCode::InvalidRequest,
    ] {
        let mut b = Bench::joining(&[], 1);
        b.refuse_member(error);
        assert_eq!(b.told(), [ConsumerEvent::Error(ConsumerError::Group(error))]);
        b.said();
        b.poll();
        b.advance(60_000);
        assert!(b.said().iter().all(|line| !line.starts_with("member")), "{error:?}");
    }
    let mut b = Bench::member(&[], 1, 0);
    b.advance(5_000);
    b.refuse_member(ErrorCode::FencedInstanceId);
    b.told();
    b.poll();
    assert_eq!(b.told(), [lost(&[0])]);
}

fn commit(b: &mut Bench, sync: bool) -> CommitId {
    let offsets = vec![CommittedOffset::new(PartitionId(0), Offset(3), None)];
    b.with(|consumer, cx, _| match sync {
        true => consumer.commit_sync(cx, offsets),
        false => consumer.commit_async(cx, offsets),
    })
}

#[test]
fn commits_of_who_is_not_known_in_its_epoch_fail() {
    let stale = ErrorCode::StaleMemberEpoch;
    for (sync, error, result) in [
        (true, stale, CommitError::CommitFailed),
        (false, stale, CommitError::Refused(stale)),
        (true, ErrorCode::UnknownMemberId, CommitError::CommitFailed),
        (false, ErrorCode::UnknownMemberId, CommitError::CommitFailed),
    ] {
        let mut b = Bench::member(&[], 1, 0);
        let id = commit(&mut b, sync);
        assert_eq!(b.said(), ["offset-commit gen=1 member=me 0@3"]);
        b.commit(error);
        b.poll();
        assert_eq!(b.told(), [ConsumerEvent::Committed { id, result: Err(result) }]);
    }
}

#[test]
fn a_fenced_member_commits_without_an_epoch() {
    let mut b = Bench::member(&[], 1, 0);
    b.consumer.leave_poll();
    b.advance(5_000);
    b.refuse_member(ErrorCode::UnknownMemberId);
    b.said();
    commit(&mut b, true);
    assert_eq!(b.said(), ["offset-commit gen=-1 member=me 0@3"]);
}

#[test]
fn a_commit_looks_for_a_coordinator_that_moved_and_takes_the_epoch_of_then() {
    let mut b = Bench::member(&[], 1, 0);
    b.advance(5_000);
    let id = commit(&mut b, true);
    b.said();
    b.commit(ErrorCode::NotCoordinator);
    b.answer_member(7, None);
    b.advance(100);
    b.find_coordinator();
    assert_eq!(b.said().last().expect("sent"), "offset-commit gen=7 member=me 0@3");
    b.commit(ErrorCode::None);
    assert_eq!(b.told(), [ConsumerEvent::Committed { id, result: Ok(()) }]);
}

fn refuse_offsets(b: &mut Bench, error: ErrorCode) {
    let response = OffsetFetchResponse { error, partitions: vec![] };
    b.answer("offset-fetch", Response::OffsetFetch(response));
}

#[test]
fn committed_offsets_are_asked_for_with_the_epoch_of_then() {
    let mut b = Bench::joining(&[], 1);
    b.answer_member(1, Some(&[0]));
    b.told();
    b.poll();
    b.said();
    refuse_offsets(&mut b, ErrorCode::StaleMemberEpoch);
    assert_eq!(b.told(), []);
    b.answer_member(2, None);
    b.advance(100);
    assert_eq!(b.said(), ["offset-fetch stable=true [0] epoch=2"]);
    refuse_offsets(&mut b, ErrorCode::CoordinatorNotAvailable);
    b.advance(200);
    b.find_coordinator();
    assert_eq!(b.said(), ["find-coordinator", "offset-fetch stable=true [0] epoch=2"]);
    refuse_offsets(&mut b, ErrorCode::UnknownMemberId);
    let error = ConsumerError::Group(ErrorCode::UnknownMemberId);
    assert_eq!(b.told(), [ConsumerEvent::Error(error)], "poll fails");
}

#[test]
fn nobody_is_hurried_by_what_cannot_be_done() {
    let mut b = Bench::member(&[SLOW], 1, 0);
    b.consumer.leave_poll();
    b.advance(5_000);
    b.disconnect("member-heartbeat");
    b.advance(20_000);
    let ahead = b.consumer.next_deadline().0 - b.now.instant.0;
    assert!(ahead > 10 * MILLISECOND, "the coordinator is looked for: {ahead} ns");
}
