//! Answers without a record of their own, in their place among the writes of the shard.

use alloc::vec::Vec;

use super::bench::{Bench, G, NOBODY};
use crate::io::Token;
use crate::protocol::group::{
    CommittedOffset, HeartbeatRequest, LeaveGroupRequest, LeavingMember, OffsetCommitRequest,
};
use crate::protocol::group_admin::DeleteGroupsRequest;
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{GenerationId, MemberId, Offset, PartitionId, SECOND};

pub(super) fn heartbeat(b: &mut Bench, member: MemberId, generation: i32) -> Token {
    let generation = GenerationId(generation);
    b.ask(Request::Heartbeat(HeartbeatRequest { group: G, member, instance: None, generation }))
}

pub(super) fn leave(b: &mut Bench, member: MemberId) -> Token {
    let members = Vec::from([LeavingMember { member, instance: None }]);
    b.ask(Request::LeaveGroup(LeaveGroupRequest { group: G, members }))
}

/// A commit with more metadata than is taken.
fn long_commit(b: &mut Bench, member: MemberId, generation: i32) -> Token {
    let text = b.names.text(&"x".repeat(5_000));
    let mut offset = CommittedOffset::new(PartitionId(0), Offset(5), None);
    offset.metadata = text;
    b.ask(Request::OffsetCommit(OffsetCommitRequest {
        group: G,
        member,
        instance: None,
        generation: GenerationId(generation),
        retention: None,
        offsets: Vec::from([offset]),
    }))
}

/// What was answered: the error of the whole, or of the only one that it is about.
fn told(b: &Bench, token: Token) -> ErrorCode {
    match &b.replies[&token] {
        Response::Heartbeat(r) => r.error,
        Response::LeaveGroup(r) => r.members.first().map_or(r.error, |(_, error)| *error),
        Response::DeleteGroups(r) => r.error,
        Response::OffsetCommit(r) => r.partitions[0].1,
        other => panic!("not asked here: {other:?}"),
    }
}

/// A stable group with a commit that is not replicated.
fn behind_a_commit() -> (Bench, MemberId) {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    b.hold = true;
    b.start_commit(G, m, 1, &[(0, 5)]);
    (b, m)
}

#[test]
fn they_wait_for_the_writes_before_them() {
    let (mut b, m) = behind_a_commit();
    let asked = [
        (heartbeat(&mut b, m, 1), ErrorCode::None),
        (leave(&mut b, MemberId(7)), ErrorCode::UnknownMemberId),
        (b.ask(Request::DeleteGroups(DeleteGroupsRequest { group: G })), ErrorCode::NonEmptyGroup),
        (long_commit(&mut b, m, 1), ErrorCode::OffsetMetadataTooLarge),
    ];
    assert!(asked.iter().all(|(token, _)| b.is_pending(*token)));
    b.replicate();
    for (token, error) in asked {
        assert_eq!(told(&b, token), error);
    }
}

#[test]
fn refusals_come_at_once() {
    let (mut b, m) = behind_a_commit();
    let stale = heartbeat(&mut b, m, 7);
    assert_eq!(told(&b, stale), ErrorCode::IllegalGeneration);
    let unknown = heartbeat(&mut b, NOBODY, 1);
    assert_eq!(told(&b, unknown), ErrorCode::UnknownMemberId);
    let stale = long_commit(&mut b, m, 7);
    assert_eq!(told(&b, stale), ErrorCode::IllegalGeneration, "who commits is judged first");
}

#[test]
fn they_wait_five_seconds_at_most_and_keep_the_session_alive() {
    let (mut b, m) = behind_a_commit();
    b.wait(SECOND);
    let asked = heartbeat(&mut b, m, 1);
    b.wait(4 * SECOND);
    assert!(b.is_pending(asked), "the commit has waited long enough, not the heartbeat");
    b.wait(SECOND);
    assert_eq!(told(&b, asked), ErrorCode::CoordinatorNotAvailable);
    b.wait(39 * SECOND);
    assert_eq!(b.state(G), "Stable", "it counted when it came");
    b.replicate();
}

#[test]
fn they_fail_with_the_write_before_them() {
    let (mut b, m) = behind_a_commit();
    let asked = [heartbeat(&mut b, m, 1), long_commit(&mut b, m, 1)];
    b.refuse(ErrorCode::NotEnoughReplicas);
    for token in asked {
        assert_eq!(told(&b, token), ErrorCode::CoordinatorNotAvailable);
    }
    b.start_commit(G, m, 1, &[(0, 5)]);
    let asked = heartbeat(&mut b, m, 1);
    b.refuse(ErrorCode::NetworkException);
    assert_eq!(told(&b, asked), ErrorCode::None, "a coordinator that loads lets members live");
    b.start_commit(G, m, 1, &[(0, 5)]);
    let asked = [heartbeat(&mut b, m, 1), leave(&mut b, MemberId(7))];
    b.unload();
    for token in asked {
        assert_eq!(told(&b, token), ErrorCode::NotCoordinator);
    }
    b.replicate();
}
