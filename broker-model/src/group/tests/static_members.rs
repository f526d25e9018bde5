//! Static members (KIP-345, KIP-814).

use alloc::string::ToString;

use super::bench::{Bench, G, NOBODY, joining, owning, p, static_joining, supporting, syncing};
use crate::protocol::ErrorCode;
use crate::protocol::group::{Assignor, JoinGroupRequest};
use crate::types::{GenerationId, MemberId, SECOND};

fn stable_static(b: &mut Bench) -> MemberId {
    let m = b.join(static_joining(G, NOBODY, "i1")).member;
    assert_eq!(b.sync(G, m, 1, &[(m, &[0])]), Ok(p(&[0])));
    m
}

#[test]
fn a_static_member_keeps_its_place_and_fences_its_old_id() {
    let mut b = Bench::new();
    let m = stable_static(&mut b);
    let back = b.join(static_joining(G, NOBODY, "i1"));
    let n = back.member;
    assert_ne!(m, n);
    assert_eq!((back.generation, back.leader, back.skip_assignment), (GenerationId(1), n, true));
    assert_eq!(b.heartbeat_as(G, m, 1, Some("i1")), ErrorCode::FencedInstanceId);
    assert_eq!(b.join(static_joining(G, m, "i1")).error, ErrorCode::FencedInstanceId);
    assert_eq!(b.heartbeat_as(G, n, 1, Some("i1")), ErrorCode::None);
    assert_eq!(b.sync(G, n, 1, &[]), Ok(p(&[0])));
    assert_eq!(b.heartbeat_as(G, n, 1, Some("i2")), ErrorCode::UnknownMemberId);
    assert_eq!(b.leave(G, NOBODY, Some("i2")), ErrorCode::UnknownMemberId);
    assert_eq!(b.leave(G, NOBODY, Some("i1")), ErrorCode::None);
    assert_eq!(b.state(G), "Empty");
}

#[test]
fn checks_come_in_order_instance_fencing_generation() {
    let mut b = Bench::new();
    let m = stable_static(&mut b);
    let other = MemberId(9);
    assert_eq!(b.heartbeat_as(G, other, 7, Some("i1")), ErrorCode::FencedInstanceId);
    assert_eq!(b.heartbeat_as(G, other, 1, Some("i9")), ErrorCode::UnknownMemberId);
    assert_eq!(b.heartbeat_as(G, m, 1, Some("i9")), ErrorCode::UnknownMemberId);
    assert_eq!(b.heartbeat_as(G, m, 7, Some("i1")), ErrorCode::IllegalGeneration);
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::None);
    assert_eq!(b.join(static_joining(G, other, "i1")).error, ErrorCode::FencedInstanceId);
    assert_eq!(b.join(static_joining(G, other, "i9")).error, ErrorCode::UnknownMemberId);
    assert_eq!(b.leave(G, other, Some("i1")), ErrorCode::FencedInstanceId);
    assert_eq!(b.leave(G, m, Some("i9")), ErrorCode::UnknownMemberId);
    assert_eq!(b.leave(G, m, Some("i1")), ErrorCode::None);
}

#[test]
fn up_to_version_8_the_returning_leader_is_shown_the_old_one() {
    let mut b = Bench::new();
    let m = stable_static(&mut b);
    b.version = 8;
    let back = b.join(static_joining(G, NOBODY, "i1"));
    assert_eq!((back.leader, back.skip_assignment, back.members.len()), (m, false, 0));
    assert_eq!(b.sync(G, back.member, 1, &[]), Ok(p(&[0])));
}

#[test]
fn other_metadata_makes_no_round_while_the_assignor_stays() {
    let mut b = Bench::new();
    stable_static(&mut b);
    let changed = owning(static_joining(G, NOBODY, "i1"), &[0]);
    let n = b.join(changed).member;
    assert_eq!(b.state(G), "Stable");
    // Under its present id it does.
    let again = owning(static_joining(G, n, "i1"), &[1]);
    assert_eq!(b.join(again).generation, GenerationId(2));
    b.sync(G, n, 2, &[(n, &[0])]).expect("stable");
    let alien = supporting(static_joining(G, NOBODY, "i1"), &[Assignor::Sticky]);
    let refused = b.join(alien);
    assert_eq!((refused.error, refused.member), (ErrorCode::InconsistentGroupProtocol, NOBODY));
    assert_eq!(b.heartbeat_as(G, n, 2, Some("i1")), ErrorCode::None);
}

#[test]
fn coming_back_between_join_and_sync_fences_the_sync_and_starts_another_generation() {
    let mut b = Bench::new();
    let m = stable_static(&mut b);
    let j2 = b.start_join(static_joining(G, NOBODY, "i2"));
    b.join(static_joining(G, m, "i1"));
    let n = b.joined(j2).member;
    let s2 = b.start_sync(syncing(G, n, 2, &[]));
    let j3 = b.start_join(static_joining(G, NOBODY, "i2"));
    assert_eq!(b.synced(s2), Err(ErrorCode::FencedInstanceId));
    assert!(b.is_pending(j3));
    assert_eq!(b.heartbeat_as(G, m, 2, Some("i1")), ErrorCode::RebalanceInProgress);
    assert_eq!(b.sync(G, m, 2, &[(m, &[0])]), Err(ErrorCode::RebalanceInProgress));
    let leader = b.join(static_joining(G, m, "i1"));
    assert_eq!((leader.generation, leader.members.len()), (GenerationId(3), 2));
    assert_eq!(b.joined(j3).generation, GenerationId(3));
}

#[test]
fn coming_back_while_the_earlier_join_waits_fences_that_one() {
    let mut b = Bench::new();
    let m = stable_static(&mut b);
    let j2 = b.start_join(static_joining(G, NOBODY, "i2"));
    let j3 = b.start_join(static_joining(G, NOBODY, "i2"));
    assert_eq!(b.joined(j2).error, ErrorCode::FencedInstanceId);
    assert!(b.is_pending(j3));
    let j4 = b.start_join(static_joining(G, NOBODY, "i1"));
    let leader = b.joined(j4);
    assert_eq!((leader.generation, leader.leader), (GenerationId(2), leader.member));
    assert_eq!(leader.members.len(), 2);
    assert_eq!(b.joined(j3).leader, leader.member);
    assert_eq!(b.heartbeat_as(G, m, 1, Some("i1")), ErrorCode::FencedInstanceId);
}

#[test]
fn a_return_that_cannot_be_written_is_undone() {
    let mut b = Bench::new();
    let m = stable_static(&mut b);
    b.hold = true;
    let j = b.start_join(static_joining(G, NOBODY, "i1"));
    b.refuse(ErrorCode::NotLeaderOrFollower);
    assert_eq!(b.joined(j).error, ErrorCode::NotCoordinator);
    b.hold = false;
    assert_eq!(b.heartbeat_as(G, m, 1, Some("i1")), ErrorCode::None);
    assert_eq!(b.sync(G, m, 1, &[]), Ok(p(&[0])));
}

#[test]
fn a_static_member_that_does_not_join_again_stays_until_its_session_ends() {
    let mut b = Bench::new();
    let request = |member, instance: Option<&str>| JoinGroupRequest {
        instance: instance.map(ToString::to_string),
        rebalance_timeout: 10 * SECOND,
        ..joining(G, member)
    };
    let m = b.join(request(NOBODY, Some("i1"))).member;
    b.sync(G, m, 1, &[(m, &[0])]).expect("stable");
    let n = b.new_member(G);
    let jn = b.start_join(request(n, None));
    b.wait(11 * SECOND);
    let response = b.joined(jn);
    assert_eq!((response.leader, response.members.len()), (n, 2));
    assert_eq!(b.heartbeat_as(G, m, 1, Some("i1")), ErrorCode::IllegalGeneration);
}
