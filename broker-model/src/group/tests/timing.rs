//! Sessions, delays and timeouts.

use super::bench::{Bench, G, NOBODY, joining, p, syncing};
use crate::group::GroupSettings;
use crate::note::Note;
use crate::protocol::ErrorCode;
use crate::protocol::group::JoinGroupRequest;
use crate::types::{GenerationId, SECOND};

#[test]
fn a_silent_member_is_removed_after_its_session() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    b.wait(44 * SECOND);
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::None);
    b.wait(44 * SECOND);
    assert_eq!(b.state(G), "Stable");
    b.wait(2 * SECOND);
    assert_eq!(b.state(G), "Empty");
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::UnknownMemberId);
    assert!(b.notes.contains(&Note::MemberFenced {
        node: crate::types::NodeId(1),
        group: G,
        member: m
    }));
}

#[test]
fn a_commit_keeps_the_session_alive() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    for _ in 0..3 {
        b.wait(40 * SECOND);
        assert_eq!(b.commit(G, m, 1, &[(0, 1)]), ErrorCode::None);
    }
}

#[test]
fn the_first_round_waits_for_the_initial_delay_and_longer_when_members_come() {
    let mut b = Bench::with(GroupSettings::default());
    let m = b.new_member(G);
    let jm = b.start_join(joining(G, m));
    b.wait(2 * SECOND);
    let n = b.new_member(G);
    let jn = b.start_join(joining(G, n));
    b.wait(2 * SECOND);
    assert!(b.is_pending(jm));
    b.wait(2 * SECOND);
    assert_eq!(b.joined(jm).generation, GenerationId(1));
    assert_eq!(b.joined(jm).members.len(), 2);
    assert_eq!(b.joined(jn).generation, GenerationId(1));
}

#[test]
fn whoever_does_not_join_again_in_time_is_removed_although_it_heartbeats() {
    let mut b = Bench::new();
    let quick = |member| JoinGroupRequest { rebalance_timeout: SECOND, ..joining(G, member) };
    let slow = |member| JoinGroupRequest { rebalance_timeout: 3 * SECOND, ..joining(G, member) };
    let m = b.new_member(G);
    b.join(quick(m));
    assert_eq!(b.sync(G, m, 1, &[(m, &[0])]), Ok(p(&[0])));
    let n = b.new_member(G);
    b.start_join(slow(n));
    b.join(quick(m));
    let sn = b.start_sync(syncing(G, n, 2, &[]));
    b.sync(G, m, 2, &[(m, &[0]), (n, &[1])]).expect("stable");
    b.synced(sn).expect("stable");
    let jm = b.start_join(quick(m));
    b.wait(2 * SECOND);
    assert!(b.is_pending(jm));
    assert_eq!(b.heartbeat(G, n, 2), ErrorCode::RebalanceInProgress);
    // The generation before may still commit while the next is prepared.
    assert_eq!(b.commit(G, n, 2, &[(1, 1)]), ErrorCode::None);
    b.wait(2 * SECOND);
    let response = b.joined(jm);
    assert_eq!((response.generation, response.members.len()), (GenerationId(3), 1));
    assert_eq!(b.heartbeat(G, n, 2), ErrorCode::UnknownMemberId);
    assert_eq!(b.join(slow(n)).error, ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_that_takes_over_from_a_silent_leader_leads() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    let n = b.new_member(G);
    let jn = b.start_join(joining(G, n));
    b.wait(46 * SECOND);
    let response = b.joined(jn);
    assert_eq!((response.generation, response.leader), (GenerationId(2), n));
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::UnknownMemberId);
}

#[test]
fn an_id_that_was_given_out_holds_up_the_round_until_it_joins_leaves_or_expires() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    let k = b.new_member(G);
    assert_eq!(b.heartbeat(G, k, 1), ErrorCode::UnknownMemberId);
    let n = b.new_member(G);
    let jn = b.start_join(joining(G, n));
    let jm = b.start_join(joining(G, m));
    assert!(b.is_pending(jm));
    assert_eq!(b.leave(G, k, None), ErrorCode::None);
    assert_eq!(b.joined(jm).members.len(), 2);
    assert_eq!(b.joined(jn).generation, GenerationId(2));
    let short = JoinGroupRequest { session_timeout: 7 * SECOND, ..joining(G, NOBODY) };
    let k = b.join(short).member;
    let jm = b.start_join(super::bench::owning(joining(G, m), &[0]));
    let jn = b.start_join(joining(G, n));
    b.wait(6 * SECOND);
    assert!(b.is_pending(jm));
    b.wait(2 * SECOND);
    assert_eq!(b.joined(jm).generation, GenerationId(3));
    assert_eq!(b.joined(jn).generation, GenerationId(3));
    assert_eq!(b.join(joining(G, k)).error, ErrorCode::UnknownMemberId);
}

#[test]
fn members_that_joined_but_do_not_sync_are_removed_after_the_rebalance_timeout() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    let n = b.new_member(G);
    b.start_join(joining(G, n));
    b.join(joining(G, m));
    b.sync(G, m, 2, &[(m, &[0]), (n, &[1])]).expect("stable");
    // Both heartbeat, but the second never syncs.
    for _ in 0..7 {
        assert_eq!(b.heartbeat(G, m, 2), ErrorCode::None);
        assert_eq!(b.heartbeat(G, n, 2), ErrorCode::None);
        b.wait(40 * SECOND);
    }
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::None);
    assert_eq!(b.heartbeat(G, n, 2), ErrorCode::None);
    b.wait(30 * SECOND);
    assert_eq!(b.heartbeat(G, n, 2), ErrorCode::UnknownMemberId);
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_parked_join_of_a_known_member_needs_no_heartbeats() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    let n = b.new_member(G);
    let jn = b.start_join(joining(G, n));
    b.join(joining(G, m));
    b.joined(jn);
    let sn = b.start_sync(syncing(G, n, 2, &[]));
    for _ in 0..3 {
        b.wait(40 * SECOND);
        assert_eq!(b.heartbeat(G, m, 2), ErrorCode::None);
    }
    b.sync(G, m, 2, &[(n, &[1])]).expect("stable");
    assert_eq!(b.synced(sn), Ok(p(&[1])));
}

#[test]
fn a_slow_write_is_answered_by_time_and_still_counts() {
    let mut b = Bench::new();
    b.hold = true;
    let token = b.start_commit(G, NOBODY, -1, &[(0, 5)]);
    b.wait(4 * SECOND);
    assert!(b.is_pending(token));
    b.wait(2 * SECOND);
    assert_eq!(b.committed(token), [ErrorCode::CoordinatorNotAvailable]);
    b.replicate();
    assert_eq!(b.fetch(G, 0, false), Ok(5));
}
