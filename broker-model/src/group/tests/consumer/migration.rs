//! Groups with members that change their protocol, and classic members in groups of the new one.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::super::bench::{Bench, G, NOBODY, joining, owning as owning_classic, syncing};
use super::{A, B, OK, bench, describe, join, joined, owning, plain, send, told};
use crate::config::MigrationPolicy;
use crate::group::GroupSettings;
use crate::protocol::group::JoinGroupRequest;
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{GroupEpoch, MemberId, SECOND};

/// A stable classic group of one member with both partitions.
fn classic(settings: GroupSettings) -> (Bench, MemberId) {
    let mut b = Bench::with(GroupSettings { initial_rebalance_delay: 0, ..settings });
    super::topic(&mut b.image, 0, "t", 0, 2);
    b.names.topic("t");
    let m = b.new_member(G);
    assert_eq!(b.join(joining(G, m)).error, OK);
    assert!(b.sync(G, m, 1, &[(m, &[0, 1])]).is_ok());
    (b, m)
}

/// As [`classic`], and A, of the new protocol, has got a partition.
fn mixed(settings: GroupSettings) -> (Bench, MemberId) {
    let (mut b, m) = classic(settings);
    assert_eq!(joined(&mut b, A), (OK, 2, Some(Vec::new())));
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::RebalanceInProgress);
    assert_eq!(rejoin(&mut b, m, &[0, 1]), (OK, 1), "it is to give up first");
    let kept = b.sync(G, m, 1, &[]).expect("what it keeps");
    assert_eq!(kept.len(), 1);
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::RebalanceInProgress);
    assert_eq!(rejoin(&mut b, m, &[kept[0].0]), (OK, 2));
    assert_eq!(b.sync(G, m, 2, &[]), Ok(kept));
    assert_eq!(told(&mut b, plain(A, 2)).2.map(|owned| owned.len()), Some(1));
    assert_eq!(describe(&mut b).state, "Stable");
    (b, m)
}

/// Error and generation of a join with these partitions.
fn rejoin(b: &mut Bench, m: MemberId, owned: &[u32]) -> (ErrorCode, i32) {
    let request = JoinGroupRequest {
        session_timeout: 30 * SECOND,
        rebalance_timeout: 60 * SECOND,
        ..owning_classic(joining(G, m), owned)
    };
    let response = b.join(request);
    (response.error, response.generation.0)
}

#[test]
fn a_classic_group_becomes_one_of_the_new_protocol_and_gives_up_what_is_not_its_own() {
    let (mut b, m) = mixed(GroupSettings::default());
    assert_eq!(b.heartbeat(G, m, 2), OK);
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::IllegalGeneration);
    assert_eq!(b.commit(G, m, 2, &[(0, 5)]), OK);
    assert_eq!(b.commit(G, m, 1, &[(0, 6)]), ErrorCode::IllegalGeneration, "not a stale epoch");
    assert_eq!(b.heartbeat(G, A, 2), ErrorCode::UnknownMemberId, "it is of the other protocol");
    let before = describe(&mut b);
    b.load();
    assert_eq!(describe(&mut b), before);
}

#[test]
fn nothing_is_given_to_a_new_member_that_a_classic_one_has() {
    let (mut b, m) = classic(GroupSettings::default());
    assert_eq!(joined(&mut b, A), (OK, 2, Some(Vec::new())));
    assert_eq!(rejoin(&mut b, m, &[0, 1]), (OK, 1));
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, None), "it has not said that it gave up");
    assert_eq!(rejoin(&mut b, m, &[0, 1]), (OK, 1));
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, None));
}

#[test]
fn when_the_last_of_the_new_protocol_goes_the_others_join_again_in_a_classic_group() {
    for leaves in [true, false] {
        let (mut b, m) = mixed(GroupSettings::default());
        if leaves {
            assert_eq!(told(&mut b, plain(A, -1)), (OK, -1, None));
        } else {
            for _ in 0..5 {
                b.wait(10 * SECOND);
                b.heartbeat(G, m, 2);
            }
        }
        assert_eq!(describe(&mut b).error, ErrorCode::GroupIdNotFound);
        assert_eq!(b.state(G), "PreparingRebalance");
        assert_eq!(b.heartbeat(G, m, 2), ErrorCode::RebalanceInProgress);
        b.load();
        assert_eq!(b.state(G), "Stable", "the log has the group, not its round");
        assert_eq!(rejoin(&mut b, m, &[0]).1, 3);
    }
}

#[test]
fn the_policy_decides_which_way_groups_go() {
    let with = |upgrades, downgrades| GroupSettings {
        migration: MigrationPolicy { upgrades, downgrades },
        ..GroupSettings::default()
    };
    let (mut b, m) = classic(with(false, true));
    assert_eq!(joined(&mut b, A).0, ErrorCode::GroupIdNotFound);
    assert_eq!(b.heartbeat(G, m, 1), OK, "nothing has changed");
    let (mut b, m) = mixed(with(true, false));
    assert_eq!(told(&mut b, plain(A, -1)).0, OK);
    assert_eq!(describe(&mut b).members.len(), 1, "it stays what it is");
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::RebalanceInProgress);
    assert_eq!(rejoin(&mut b, m, &[0]), (OK, 3));
}

#[test]
fn sizes_keep_groups_from_changing() {
    let limit = GroupSettings { consumer_max_size: 0, ..GroupSettings::default() };
    let (mut b, _) = classic(limit);
    assert_eq!(joined(&mut b, A).0, ErrorCode::GroupIdNotFound);
    let limit = GroupSettings { max_size: 1, ..GroupSettings::default() };
    let (mut b, m) = mixed(limit);
    let n = MemberId(77);
    assert_eq!(rejoin(&mut b, n, &[]), (OK, 3), "any id will do");
    assert_eq!(told(&mut b, plain(A, -1)).0, OK);
    assert_eq!(describe(&mut b).members.iter().map(|m| m.member).max(), Some(m.max(n)));
}

#[test]
fn a_classic_member_that_does_not_join_again_in_time_is_removed_although_it_heartbeats() {
    let (mut b, m) = mixed(GroupSettings::default());
    super::topic(&mut b.image, 0, "t", 2, 1);
    obey(&mut b, A);
    for seconds in [0, 20, 40] {
        assert_eq!(b.heartbeat(G, m, 2), ErrorCode::RebalanceInProgress, "{seconds}");
        b.wait(20 * SECOND);
        obey(&mut b, A);
    }
    b.wait(SECOND);
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::UnknownMemberId);
}

#[test]
fn a_classic_member_that_does_not_sync_in_time_is_removed_although_it_heartbeats() {
    let (mut b, m) = mixed(GroupSettings::default());
    assert_eq!(rejoin(&mut b, m, &[0]).0, OK);
    for seconds in [0, 20, 40] {
        assert_eq!(b.heartbeat(G, m, 2), OK, "{seconds}");
        b.wait(20 * SECOND - SECOND / 10);
        obey(&mut b, A);
    }
    assert_eq!(b.heartbeat(G, m, 2), OK);
    b.wait(SECOND);
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::UnknownMemberId);
}

/// A member of the new protocol does what it was told.
fn obey(b: &mut Bench, member: MemberId) {
    let found = describe(b).members.into_iter().find(|d| d.member == member).expect("a member");
    let owned: Vec<u32> = found.assignment.iter().map(|p| p.0).collect();
    assert_eq!(told(b, owning(member, found.epoch.0, &owned)).0, OK);
}

#[test]
fn a_change_that_is_not_written_is_none() {
    let (mut b, m) = classic(GroupSettings::default());
    let before = b.coordinator.groups();
    b.hold = true;
    let request = join(&mut b, A);
    b.ask(Request::ConsumerGroupHeartbeat(request.into()));
    assert_eq!(describe(&mut b).error, OK);
    b.refuse(ErrorCode::NotEnoughReplicas);
    b.hold = false;
    assert_eq!(b.coordinator.groups(), before);
    assert_eq!(b.heartbeat(G, m, 1), OK);

    let (mut b, m) = mixed(GroupSettings::default());
    assert_eq!(rejoin(&mut b, MemberId(77), &[]), (OK, 3));
    obey(&mut b, A);
    let before = describe(&mut b);
    b.hold = true;
    b.ask(Request::ConsumerGroupHeartbeat(plain(A, -1).into()));
    let waits = b.start_join(joining(G, m));
    b.refuse_oldest(ErrorCode::NotEnoughReplicas);
    assert!(!b.is_pending(waits), "its group is not there any more");
    b.hold = false;
    assert_eq!(describe(&mut b), before);
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::RebalanceInProgress);
    obey(&mut b, A);
}

#[test]
fn a_classic_member_has_the_session_that_it_brought() {
    let (mut b, m) = mixed(GroupSettings::default());
    b.wait(29 * SECOND);
    obey(&mut b, A);
    assert_eq!(describe(&mut b).members.len(), 2);
    b.wait(2 * SECOND);
    assert_eq!(b.heartbeat(G, m, 2), ErrorCode::UnknownMemberId);
}

#[test]
fn a_classic_member_may_take_its_time_to_give_up_while_it_joins_again_and_again() {
    let (mut b, m) = classic(GroupSettings::default());
    assert_eq!(joined(&mut b, A), (OK, 2, Some(Vec::new())));
    assert_eq!(rejoin(&mut b, m, &[0, 1]), (OK, 1));
    b.load();
    for _ in 0..5 {
        assert_eq!(rejoin(&mut b, m, &[0, 1]), (OK, 1));
        assert!(b.sync(G, m, 1, &[]).is_ok());
        b.wait(20 * SECOND);
        obey(&mut b, A);
    }
    assert_eq!(b.heartbeat(G, m, 1), ErrorCode::RebalanceInProgress);
}

#[test]
fn an_upgrade_sends_away_who_waits_in_a_round() {
    let mut b = bench(2);
    b.names.topic("t");
    let m = b.new_member(G);
    assert_eq!(b.join(joining(G, m)).error, OK);
    let n = b.new_member(G);
    let waits = b.start_join(joining(G, n));
    assert!(b.is_pending(waits), "it waits for the other one");
    assert_eq!(joined(&mut b, A).1, 2);
    let Response::JoinGroup(refused) = &b.replies[&waits] else { panic!("not a join") };
    assert_eq!(refused.error, ErrorCode::RebalanceInProgress);
    let token = b.start_sync(syncing(G, m, 1, &[(m, &[0, 1])]));
    assert_eq!(b.synced(token), Err(ErrorCode::RebalanceInProgress));
    assert_eq!(describe(&mut b).epoch, GroupEpoch(2));
}

#[test]
fn a_static_member_may_come_back_in_the_other_protocol() {
    let mut b = bench(2);
    let mut request = join(&mut b, A);
    request.instance = Some("i".to_string());
    assert_eq!(send(&mut b, request).assignment.map(|a| a.len()), Some(2));
    // The last member of the new protocol: the group is a classic one at once.
    let back = JoinGroupRequest { instance: Some("i".to_string()), ..joining(G, NOBODY) };
    let response = b.join(back);
    let m = response.member;
    assert_eq!((response.error, response.generation.0), (OK, 1));
    assert_eq!(b.state(G), "Stable");
    assert_eq!(describe(&mut b).error, ErrorCode::GroupIdNotFound);
    assert_eq!(b.group(G).members[0].1.len(), 2, "it has what it had");
    assert_eq!(b.heartbeat(G, m, 1), OK);
    // And back again.
    let mut request = join(&mut b, B);
    request.instance = Some("i".to_string());
    assert_eq!(send(&mut b, request).error, OK);
    assert_eq!(told(&mut b, owning(m, 1, &[])).0, ErrorCode::UnknownMemberId);
    let found = describe(&mut b);
    assert_eq!(
        found.members.iter().map(|d| (d.member, d.is_classic)).collect::<Vec<_>>(),
        [(B, false)]
    );
}

#[test]
fn a_classic_leave_removes_members_of_either_protocol() {
    let (mut b, m) = mixed(GroupSettings::default());
    assert_eq!(b.leave(G, MemberId(99), None), ErrorCode::UnknownMemberId);
    assert_eq!(b.leave(G, m, None), OK);
    assert_eq!(describe(&mut b).members.len(), 1);
    assert_eq!(b.leave(G, A, None), OK);
    assert_eq!(b.state(G), "Empty", "nobody is left to make it a classic one");
    assert_eq!(describe(&mut b).error, OK);
}

#[test]
fn a_group_that_went_back_and_is_empty_is_what_the_log_says() {
    let (mut b, m) = mixed(GroupSettings::default());
    b.hold = true;
    b.ask(Request::ConsumerGroupHeartbeat(plain(A, -1).into()));
    b.hold = false;
    assert_eq!(b.leave(G, m, None), OK);
    let before = b.coordinator.groups();
    assert_eq!(b.state(G), "Empty");
    b.load();
    assert_eq!(b.coordinator.groups(), before);
}
