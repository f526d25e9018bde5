//! Joining, syncing, leaving: recorded dialogues with dynamic members.

use alloc::vec::Vec;

use super::bench::{Bench, G, NOBODY, joining, owning, p, supporting, syncing};
use crate::group::GroupSettings;
use crate::note::Note;
use crate::protocol::ErrorCode;
use crate::protocol::group::{Assignor, JoinGroupRequest, ProtocolName};
use crate::rules::RebalanceCompletion;
use crate::types::{GenerationId, MemberId, SECOND};

fn with_protocols(member: MemberId, protocols: &[Assignor]) -> JoinGroupRequest {
    supporting(joining(G, member), protocols)
}

#[test]
fn a_second_member_makes_a_second_generation() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::None);
    let n = b.new_member(G);
    assert_ne!(m, n);
    let jn = b.start_join(joining(G, n));
    assert!(b.is_pending(jn));
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::RebalanceInProgress);
    let rejoin = owning(joining(G, m), &[0]);
    let leader = b.join(rejoin);
    assert_eq!(leader.generation, GenerationId(2));
    let shown: Vec<_> = leader
        .members
        .iter()
        .map(|x| (x.0, x.2.subscription().expect("a consumer").owned.clone()))
        .collect();
    assert_eq!(shown, [(m, p(&[0])), (n, Vec::new())]);
    let follower = b.joined(jn);
    assert_eq!((follower.leader, follower.members.len()), (m, 0));
    let sn = b.start_sync(syncing(G, n, 2, &[]));
    assert!(b.is_pending(sn));
    assert_eq!(b.sync(G, m, 2, &[(m, &[0]), (n, &[1])]), Ok(p(&[0])));
    assert_eq!(b.synced(sn), Ok(p(&[1])));
    assert_eq!(b.state(G), "Stable");
    assert_eq!(b.leave(G, n, None), ErrorCode::None);
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::RebalanceInProgress);
    assert_eq!(b.leave(G, m, None), ErrorCode::None);
    assert_eq!(b.state(G), "Empty");
    let stable = b.notes.iter().filter(|n| matches!(n, Note::GroupStable { .. })).count();
    assert_eq!(stable, 2);
}

#[test]
fn between_join_and_sync_heartbeats_pass_and_commits_do_not() {
    let mut b = Bench::new();
    let m = b.new_member(G);
    assert_eq!(b.join(joining(G, m)).generation, GenerationId(1));
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::None);
    assert_eq!(b.commit(G, m, 1, &[(0, 5)]), ErrorCode::RebalanceInProgress);
    assert_eq!(b.commit(G, m, 0, &[(0, 5)]), ErrorCode::IllegalGeneration);
    assert_eq!(b.commit(G, NOBODY, -1, &[(0, 5)]), ErrorCode::UnknownMemberId);
    assert_eq!(b.commit(G, m, -1, &[(0, 5)]), ErrorCode::IllegalGeneration);
    // The same again is answered with the same; other metadata makes another generation.
    assert_eq!(b.join(joining(G, m)).generation, GenerationId(1));
    let changed = owning(joining(G, m), &[0]);
    assert_eq!(b.join(changed).generation, GenerationId(2));
    assert_eq!(b.sync(G, m, 1, &[]), Err(ErrorCode::IllegalGeneration));
    assert_eq!(b.sync(G, m, 2, &[(m, &[0])]), Ok(p(&[0])));
    assert_eq!(b.sync(G, m, 2, &[(m, &[1])]), Ok(p(&[0])));
    assert_eq!(b.commit(G, m, 2, &[(0, 6)]), ErrorCode::None);
}

#[test]
fn strangers_and_wrong_generations_are_refused() {
    let mut b = Bench::new();
    assert_eq!(b.heartbeat(G, MemberId(7), 1), ErrorCode::UnknownMemberId);
    let refused = b.join(joining(G, MemberId(7)));
    assert_eq!((refused.error, refused.member), (ErrorCode::UnknownMemberId, MemberId(7)));
    let m = b.stable_one(G);
    assert_eq!(b.heartbeat(G, m, 0), ErrorCode::IllegalGeneration);
    assert_eq!(b.heartbeat(G, MemberId(7), 1), ErrorCode::UnknownMemberId);
    assert_eq!(b.commit(G, MemberId(7), 1, &[(0, 5)]), ErrorCode::UnknownMemberId);
    let other = b.join(with_protocols(NOBODY, &[Assignor::Sticky]));
    assert_eq!(other.error, ErrorCode::InconsistentGroupProtocol);
    assert_eq!(b.leave(G, MemberId(7), None), ErrorCode::UnknownMemberId);
    assert_eq!(b.leave(G, m, None), ErrorCode::None);
    assert_eq!(b.leave(G, m, None), ErrorCode::UnknownMemberId);
}

#[test]
fn the_session_timeout_is_judged_before_protocols_and_member() {
    let mut b = Bench::new();
    let short = JoinGroupRequest { session_timeout: 5_999_000_000, ..joining(G, MemberId(3)) };
    let refused = b.join(JoinGroupRequest { protocols: Vec::new(), ..short });
    assert_eq!((refused.error, refused.member), (ErrorCode::InvalidSessionTimeout, MemberId(3)));
    let long = JoinGroupRequest { session_timeout: 1801 * SECOND, ..joining(G, NOBODY) };
    assert_eq!(b.join(long).error, ErrorCode::InvalidSessionTimeout);
    let none = JoinGroupRequest { protocols: Vec::new(), ..joining(G, NOBODY) };
    assert_eq!(b.join(none).error, ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn before_version_4_nobody_needs_a_member_id() {
    let mut b = Bench::new();
    b.version = 3;
    assert_eq!(b.join(joining(G, NOBODY)).generation, GenerationId(1));
}

#[test]
fn ties_between_assignors_go_by_java_hash_order() {
    use Assignor::{CooperativeSticky, Range, RoundRobin, Sticky};
    for (first, second, winner) in [
        (Range, RoundRobin, Range),
        (RoundRobin, Range, Range),
        (Range, Sticky, Sticky),
        (Sticky, Range, Sticky),
        (CooperativeSticky, Range, Range),
    ] {
        let mut b = Bench::new();
        let m = b.new_member(G);
        assert_eq!(
            b.join(with_protocols(m, &[first, second])).protocol,
            Some(ProtocolName::Assignor(first))
        );
        let n = b.new_member(G);
        b.start_join(with_protocols(n, &[second, first]));
        let last = b.join(with_protocols(m, &[first, second]));
        assert_eq!(
            last.protocol,
            Some(ProtocolName::Assignor(winner)),
            "{first:?} against {second:?}"
        );
    }
}

#[test]
fn only_assignors_that_all_support_are_voted_on() {
    use Assignor::{Range, RoundRobin, Sticky};
    let mut b = Bench::new();
    let m = b.new_member(G);
    b.join(with_protocols(m, &[Sticky, Range]));
    let n = b.new_member(G);
    let jn = b.start_join(with_protocols(n, &[RoundRobin, Range]));
    assert_eq!(
        b.join(with_protocols(m, &[Sticky, Range])).protocol,
        Some(ProtocolName::Assignor(Range))
    );
    assert_eq!(b.joined(jn).protocol, Some(ProtocolName::Assignor(Range)));
}

#[test]
fn the_coordinator_that_fails_over_mid_round_knows_the_generation_before() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    let n = b.new_member(G);
    b.start_join(joining(G, n));
    b.join(joining(G, m));
    let sn = b.start_sync(syncing(G, n, 2, &[]));
    b.unload();
    assert_eq!(b.synced(sn), Err(ErrorCode::NotCoordinator));
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::NotCoordinator);
    b.load();
    assert_eq!(b.sync(G, m, 2, &[]), Err(ErrorCode::IllegalGeneration));
    assert_eq!(b.heartbeat(G, n, 2), ErrorCode::UnknownMemberId);
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::None);
    assert_eq!(b.sync(G, m, 1, &[]), Ok(p(&[0])));
    assert_eq!(b.join(joining(G, m)).generation, GenerationId(2));
}

#[test]
fn an_assignment_that_cannot_be_written_makes_everyone_join_again() {
    let mut b = Bench::new();
    let m = b.new_member(G);
    b.join(joining(G, m));
    b.hold = true;
    let s = b.start_sync(syncing(G, m, 1, &[(m, &[0])]));
    assert!(b.is_pending(s));
    b.refuse(ErrorCode::NotEnoughReplicas);
    assert_eq!(b.synced(s), Err(ErrorCode::CoordinatorNotAvailable));
    assert_eq!(b.state(G), "PreparingRebalance");
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::RebalanceInProgress);
    b.hold = false;
    assert_eq!(b.join(joining(G, m)).generation, GenerationId(2));
}

#[test]
fn an_assignment_is_given_only_once_it_is_replicated() {
    let mut b = Bench::new();
    let m = b.new_member(G);
    b.join(joining(G, m));
    b.hold = true;
    let s = b.start_sync(syncing(G, m, 1, &[(m, &[0])]));
    assert_eq!(b.state(G), "CompletingRebalance");
    b.replicate();
    assert_eq!(b.synced(s), Ok(p(&[0])));
}

#[test]
fn the_canary_loses_the_assignment() {
    let mut b = Bench::new();
    b.rules.rebalance_completion = RebalanceCompletion::Lose;
    let m = b.new_member(G);
    b.join(joining(G, m));
    let s = b.start_sync(syncing(G, m, 1, &[(m, &[0])]));
    b.wait(200 * SECOND);
    assert!(b.is_pending(s));
    assert_eq!(b.state(G), "CompletingRebalance");
}

#[test]
fn a_full_group_refuses_newcomers() {
    let settings =
        GroupSettings { initial_rebalance_delay: 0, max_size: 1, ..GroupSettings::default() };
    let mut b = Bench::with(settings);
    let m = b.stable_one(G);
    let refused = b.join(joining(G, NOBODY));
    assert_eq!((refused.error, refused.member), (ErrorCode::GroupMaxSizeReached, NOBODY));
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::None);
}

#[test]
fn a_leader_that_joins_again_starts_a_round_and_a_follower_does_not() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    let n = b.new_member(G);
    let jn = b.start_join(joining(G, n));
    b.join(joining(G, m));
    b.joined(jn);
    let sn = b.start_sync(syncing(G, n, 2, &[]));
    b.sync(G, m, 2, &[(m, &[0]), (n, &[1])]).expect("stable");
    assert_eq!(b.synced(sn), Ok(p(&[1])));
    assert_eq!(b.join(joining(G, n)).generation, GenerationId(2));
    assert_eq!(b.state(G), "Stable");
    let jm = b.start_join(joining(G, m));
    assert!(b.is_pending(jm));
    assert_eq!(b.state(G), "PreparingRebalance");
    assert_eq!(b.join(joining(G, n)).generation, GenerationId(3));
}
