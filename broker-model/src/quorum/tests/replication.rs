//! What is committed, and what is cut.

use super::*;
use crate::protocol::quorum::FetchQuorumRequest;
use crate::rules::{RaftCommitRequiresOwnEpoch, RaftFsync, RaftGuardHw};

#[test]
fn what_a_minority_holds_is_not_committed_and_is_cut() {
    let mut voters = Voters::new(3);
    let old = voters.elect();
    voters.append(old, 1);
    voters.pass(SECOND);
    voters.isolate(old);
    voters.append(old, 2);
    assert_eq!(voters.committed(old), [1]);
    voters.pass(10 * SECOND);
    let new = voters.elect();
    voters.append(new, 3);
    voters.cuts.clear();
    voters.pass(5 * SECOND);
    for i in 0..3 {
        assert_eq!(voters.committed(i), [1, 3]);
        assert_eq!(values(voters.quorums[i].records()), [1, 3], "2 is gone");
    }
}

#[test]
fn a_record_is_committed_when_a_majority_has_it_on_disk() {
    let check = |raft_fsync| {
        let mut voters = Voters::with(3, Rules { raft_fsync, ..Rules::default() }, Release::V4_1);
        let leader = voters.elect();
        voters.pass(SECOND);
        for i in others(3, leader) {
            voters.held[i] = Some(Vec::new());
        }
        voters.append(leader, 1);
        voters.pass(SECOND);
        let early = voters.committed(leader);
        for i in others(3, leader) {
            voters.release(i);
        }
        voters.pass(SECOND);
        assert_eq!(voters.committed(leader), [1]);
        early
    };
    assert!(check(RaftFsync::On).is_empty());
    assert_eq!(check(RaftFsync::Off), [1], "committed in memory only");
}

/// Raft's figure: a record of an old epoch that a majority holds may still be overwritten, so it
/// is not committed before one of the leader's own epoch is.
#[test]
fn only_a_record_of_its_own_epoch_commits() {
    let check = |raft_commit_requires_own_epoch| {
        let rules = Rules { raft_commit_requires_own_epoch, ..Rules::default() };
        let mut voters = Voters::with(3, rules, Release::V4_1);
        let old = voters.elect();
        voters.append(old, 1);
        voters.pass(SECOND);
        voters.stop(old, StopKind::Kill);
        voters.no_fetches = true;
        for _ in 0..1_000 {
            if !voters.leaders().is_empty() {
                break;
            }
            voters.pass(5 * MILLISECOND);
        }
        let [new] = voters.leaders()[..] else { panic!("one is elected") };
        let follower = (0..3).find(|i| *i != old && *i != new).expect("a third");
        let before = voters.quorums[new].committed();
        voters.quorums[new].log.forget_high_watermark();
        // It has everything of the old epoch, and not yet the record that begins the new one.
        let fetch = |from| FetchQuorumRequest {
            replica: voters.quorums[follower].key,
            epoch: voters.quorums[new].epoch(),
            from,
            last_epoch: voters.quorums[follower].log.last_epoch(),
            high_watermark: 0,
        };
        let fetch = fetch(before);
        let request = Request::FetchQuorum(fetch);
        voters.run(new, &mut |q, cx| q.request(cx, Token(0), request.clone()));
        (voters.quorums[new].committed(), voters.quorums[new].established().is_some(), before)
    };
    let (committed, established, _) = check(RaftCommitRequiresOwnEpoch::On);
    assert_eq!((committed, established), (0, false));
    let (committed, established, before) = check(RaftCommitRequiresOwnEpoch::Off);
    assert_eq!((committed, established), (before, false));
}

#[test]
fn a_controller_ends_itself_before_it_cuts_what_is_committed() {
    // Without flushes, a power cut of two voters takes back what was committed.
    let check = |raft_guard_hw| {
        let rules = Rules { raft_fsync: RaftFsync::Off, raft_guard_hw, ..Rules::default() };
        let mut voters = Voters::with(3, rules, Release::V4_1);
        let leader = voters.elect();
        voters.pass(SECOND);
        let down = others(3, leader);
        for i in &down {
            voters.held[*i] = Some(Vec::new());
        }
        voters.append(leader, 1);
        voters.pass(SECOND);
        assert_eq!(voters.committed(leader), [1]);
        voters.isolate(leader);
        for i in &down {
            voters.stop(*i, StopKind::PowerCut);
            voters.start(*i);
        }
        voters.pass(10 * SECOND);
        voters.cuts.clear();
        voters.pass(10 * SECOND);
        (voters.halted.contains(&leader), values(voters.quorums[leader].records()))
    };
    assert_eq!(check(RaftGuardHw::On), (true, vec![1]));
    assert_eq!(check(RaftGuardHw::Off), (false, vec![]));
}

#[test]
fn a_power_cut_of_everyone_loses_nothing_that_was_committed() {
    let mut voters = Voters::new(5);
    let leader = voters.elect();
    for value in 1..=20 {
        voters.append(leader, value);
    }
    voters.pass(SECOND);
    let committed = voters.committed(leader);
    assert_eq!(committed.len(), 20);
    for i in 0..5 {
        voters.stop(i, StopKind::PowerCut);
    }
    for i in 0..5 {
        voters.start(i);
    }
    let leader = voters.elect();
    assert_eq!(voters.committed(leader), committed);
}

#[test]
fn one_alone_commits_what_its_disk_has() {
    let mut voters = Voters::new(1);
    voters.held[0] = Some(Vec::new());
    voters.append(0, 1);
    assert!(voters.committed(0).is_empty());
    voters.release(0);
    assert_eq!(voters.committed(0), [1]);
    voters.stop(0, StopKind::Kill);
    voters.start(0);
    assert_eq!(voters.committed(0), [1]);
    assert_eq!(voters.quorums[0].end(), 1, "it writes no record of its election");
}
