//! A log whose head is in a snapshot.

use super::*;
use crate::types::ProducerId;

/// A snapshot of what is committed: one record is enough for these machines.
fn snapshot(voters: &mut Voters, i: usize) {
    let record = MetadataRecord::ProducerIds { next: ProducerId(0) };
    voters.run(i, &mut |q, cx| q.take_snapshot(cx, alloc::vec![record.clone()]));
}

/// Three voters, of which the last was away while the log of the others was cut.
fn cut_while_away() -> (Voters, usize, usize) {
    let mut voters = Voters::new(3);
    let leader = voters.elect();
    for quorum in &mut voters.quorums {
        quorum.config.retention_bytes = 0;
    }
    let away = others(3, leader)[0];
    voters.append(leader, 1);
    voters.pass(SECOND);
    voters.stop(away, StopKind::PowerCut);
    for value in 2..5 {
        voters.append(leader, value);
        voters.pass(SECOND);
        snapshot(&mut voters, leader);
    }
    voters.append(leader, 5);
    voters.pass(120 * SECOND);
    (voters, leader, away)
}

#[test]
fn the_head_of_a_log_goes_behind_its_snapshots() {
    let (voters, leader, _) = cut_while_away();
    let quorum = &voters.quorums[leader];
    assert_eq!(Some(quorum.log_start()), quorum.snapshot().map(|s| s.end));
    assert_eq!(values(quorum.records()), [5]);
    assert_eq!(quorum.committed(), quorum.end());
}

#[test]
fn a_voter_that_is_behind_begins_with_the_snapshot_and_follows_from_there() {
    let (mut voters, leader, away) = cut_while_away();
    voters.start(away);
    voters.pass(5 * SECOND);
    let (from, to) = (&voters.quorums[leader], &voters.quorums[away]);
    assert_eq!(to.log_start(), from.log_start());
    assert_eq!((to.end(), to.committed()), (from.end(), from.committed()));
    assert_eq!(values(to.records()), [5]);
    let loaded = |n: &Note| matches!(n, Note::MetadataSnapshotLoaded { .. });
    assert_eq!(voters.notes.iter().filter(|n| loaded(n)).count(), 1);
    // What it has now counts: it can be the majority with the leader, and be elected.
    voters.append(leader, 6);
    voters.pass(SECOND);
    voters.isolate(leader);
    voters.pass(20 * SECOND);
    let next = voters.elect();
    assert_ne!(next, leader);
    voters.append(next, 7);
    voters.pass(SECOND);
    assert_eq!(values(voters.quorums[away].records()), [5, 6, 7]);
}

#[test]
fn a_power_cut_leaves_the_snapshot() {
    let (mut voters, leader, _) = cut_while_away();
    let start = voters.quorums[leader].log_start();
    voters.stop(leader, StopKind::PowerCut);
    voters.start(leader);
    let quorum = &voters.quorums[leader];
    assert_eq!((quorum.log_start(), quorum.committed() >= start), (start, true));
}
