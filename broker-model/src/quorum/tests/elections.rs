//! Who is elected, and who is not.

use super::*;
use crate::quorum::role::{Ballot, Role};
use crate::rules::{CheckQuorum, Prevote, RaftFsync, RaftResumeLeader, VoterIdentity};

#[test]
fn any_number_of_voters_elects_one_leader() {
    for n in 1..=9 {
        let mut voters = Voters::new(n);
        let leader = voters.elect();
        voters.append(leader, 7);
        voters.pass(SECOND);
        assert_eq!(voters.leaders(), [leader]);
        for i in 0..n as usize {
            assert_eq!(voters.committed(i), [7], "voter {i} of {n}");
        }
    }
}

#[test]
fn a_dead_leader_is_replaced_in_a_later_epoch_and_follows_when_it_is_back() {
    for release in [Release::V3_9, Release::V4_0, Release::V4_1] {
        let mut voters = Voters::with(3, Rules::default(), release);
        let old = voters.elect();
        let epoch = voters.epoch(old);
        voters.append(old, 1);
        voters.stop(old, StopKind::Kill);
        let new = voters.elect();
        assert!(new != old && voters.epoch(new) > epoch);
        voters.append(new, 2);
        voters.start(old);
        voters.pass(5 * SECOND);
        assert_eq!(voters.leaders(), [new], "{release:?}: a healthy leader stays");
        assert_eq!(voters.committed(old), [1, 2]);
    }
}

#[test]
fn without_a_majority_nobody_is_elected() {
    let mut voters = Voters::new(4);
    let leader = voters.elect();
    let down = &others(4, leader)[..2];
    for i in down {
        voters.stop(*i, StopKind::Kill);
    }
    voters.pass(20 * SECOND);
    assert_eq!(voters.leader(), None, "two of four are no majority");
    voters.start(down[0]);
    voters.elect();
}

#[test]
fn a_leader_that_no_majority_fetches_from_resigns() {
    let rule = |check_quorum| Rules { check_quorum, ..Rules::default() };
    for (check_quorum, stays) in [(CheckQuorum::On, false), (CheckQuorum::Off, true)] {
        let mut voters = Voters::with(3, rule(check_quorum), Release::V4_1);
        let old = voters.elect();
        voters.isolate(old);
        voters.pass(3_100 * MILLISECOND);
        assert_eq!(voters.quorums[old].is_leader(), stays, "after 1.5 fetch time-outs");
        voters.pass(5 * SECOND);
        assert_ne!(voters.leader(), Some(old), "the others have one of a later epoch");
    }
}

#[test]
fn a_voter_that_hears_nobody_does_not_raise_the_epoch() {
    let check = |prevote, release| {
        let mut voters = Voters::with(3, Rules { prevote, ..Rules::default() }, release);
        let leader = voters.elect();
        let cut = others(3, leader)[0];
        voters.isolate(cut);
        voters.pass(30 * SECOND);
        voters.cuts.clear();
        voters.pass(5 * SECOND);
        (voters.epoch(leader), voters.leaders() == [leader])
    };
    let (first, stays) = check(Prevote::On, Release::V4_1);
    assert!(stays && first == 1, "epoch {first}");
    assert!(check(Prevote::Off, Release::V4_1).0 > 3, "without asking first it unseats the leader");
    assert!(check(Prevote::On, Release::V3_9).0 > 3, "3.9 does not ask first");
}

#[test]
fn a_vote_is_given_when_it_is_on_disk() {
    let check = |raft_fsync| {
        let mut voters = Voters::with(3, Rules { raft_fsync, ..Rules::default() }, Release::V4_1);
        for i in 0..3 {
            voters.held[i] = Some(Vec::new());
        }
        voters.pass(10 * SECOND);
        voters.notes.iter().any(|n| matches!(n, Note::QuorumVoted { .. }))
    };
    assert!(!check(RaftFsync::On), "not even for itself");
    assert!(check(RaftFsync::Off));
}

#[test]
fn a_vote_that_a_power_cut_lost_was_never_given() {
    let mut voters = Voters::new(3);
    voters.held[2] = Some(Vec::new());
    let leader = voters.elect();
    assert_ne!(leader, 2);
    let before = voters.epoch(2);
    voters.stop(2, StopKind::PowerCut);
    assert!(voters.epoch(2) < before, "the epoch was in memory only");
    let said = |n: &Note| matches!(n, Note::QuorumVoted { node: NodeId(3), .. });
    assert!(!voters.notes.iter().any(said));
}

#[test]
fn a_leader_that_starts_again_does_not_lead_on() {
    let check = |raft_resume_leader| {
        let rules = Rules { raft_resume_leader, ..Rules::default() };
        let mut voters = Voters::with(3, rules, Release::V4_1);
        let leader = voters.elect();
        voters.stop(leader, StopKind::Kill);
        voters.start(leader);
        voters.quorums[leader].is_leader()
    };
    assert!(!check(RaftResumeLeader::Off));
    assert!(check(RaftResumeLeader::On));
}

#[test]
fn a_leader_that_is_asked_to_stop_has_a_successor_at_once() {
    for n in [3, 5] {
        let mut voters = Voters::new(n);
        let old = voters.elect();
        voters.append(old, 1);
        voters.pass(SECOND);
        let mut at_once = true;
        voters.run(old, &mut |q, cx| at_once = q.leave(cx));
        voters.settle();
        assert!(!at_once);
        let from = voters.now;
        while !voters.quorums[old].has_left(voters.now) {
            voters.pass(10 * MILLISECOND);
        }
        let new = voters.elect();
        assert_ne!(new, old);
        assert!(voters.now.since(from) < 500 * MILLISECOND, "no fetch time-out in between");
        assert_eq!(voters.committed(new), [1]);
        let mut at_once = false;
        voters.run(old, &mut |q, cx| at_once = q.leave(cx));
        assert!(at_once, "a follower may go");
    }
}

#[test]
fn a_voter_with_a_new_disk_is_another_one_and_does_not_vote() {
    // 1 and 2 hold what is committed; 2 gets an empty disk, 1 is cut off: 3 lags.
    let check = |voter_identity| {
        let rules = Rules { voter_identity, ..Rules::default() };
        let mut voters = Voters::with(3, rules, Release::V4_1);
        let leader = voters.elect();
        let (wiped, lags) = (others(3, leader)[0], others(3, leader)[1]);
        voters.stop(lags, StopKind::Kill);
        voters.append(leader, 1);
        voters.pass(SECOND);
        assert_eq!(voters.committed(wiped), [1]);
        voters.stop(wiped, StopKind::Kill);
        voters.stop(leader, StopKind::Kill);
        voters.quorums[wiped].replace_disk(DirectoryId(77));
        voters.start(wiped);
        voters.start(lags);
        voters.pass(20 * SECOND);
        let elected = voters.leader();
        voters.start(leader);
        voters.pass(20 * SECOND);
        (elected, voters.committed(wiped))
    };
    assert_eq!(check(VoterIdentity::DirectoryId), (None, vec![1]), "an observer, which replays");
    let (elected, committed) = check(VoterIdentity::IdOnly);
    assert!(elected.is_some() && committed.is_empty(), "what was committed is lost");
}

/// After many lost elections the back-off before 4.0 is the largest one for everybody: nothing is
/// random about it any more, so that only clocks that differ end a tie.
#[test]
fn in_step_the_largest_backoff_never_ends_a_tie() {
    let tied = |release, in_step| {
        let mut voters = Voters::with(3, Rules::default(), release);
        let until = voters.now;
        for (me, quorum) in voters.quorums.iter_mut().enumerate() {
            quorum.retries = 21;
            quorum.role = Role::Candidate { ballot: Ballot::new(3, me), until, lost: true };
        }
        voters.in_step = in_step;
        voters.pass(20 * SECOND);
        voters.leader()
    };
    assert_eq!(tied(Release::V3_9, true), None);
    assert!(tied(Release::V3_9, false).is_some());
    assert!(tied(Release::V4_0, true).is_some(), "the length of an election is random");
}
