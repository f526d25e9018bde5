//! A log whose head is in a snapshot.

use super::*;
use crate::protocol::ErrorCode;
use crate::protocol::quorum::{
    FetchSnapshotRequest, FetchSnapshotResponse, RECORD_BYTES, SnapshotId,
};
use crate::types::ProducerId;

/// Bytes of the snapshots here: a header, three records and a footer.
const SIZE: u64 = 5 * RECORD_BYTES;

/// A snapshot of what is committed: three records are enough for these machines.
fn snapshot(voters: &mut Voters, i: usize) {
    let record = |value| MetadataRecord::ProducerIds { next: ProducerId(value) };
    voters.run(i, &mut |q, cx| q.take_snapshot(cx, (-3..0).map(record).collect()));
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

/// The same, where a snapshot comes in four pieces and the voter that was away has got one of
/// them, and all that goes on waits.
fn interrupted() -> (Voters, usize, usize) {
    let (mut voters, leader, away) = cut_while_away();
    for quorum in &mut voters.quorums {
        quorum.config.snapshot_piece_max = 150;
    }
    voters.pieces_let_through = Some(1);
    voters.start(away);
    voters.pass(100 * MILLISECOND);
    assert_eq!(voters.pieces, [(away, 0, 150)]);
    (voters, leader, away)
}

fn request(voters: &Voters, of: usize) -> FetchSnapshotRequest {
    let snapshot = voters.quorums[of].snapshot().map(SnapshotId::of).expect("it has one");
    let epoch = voters.quorums[of].epoch();
    FetchSnapshotRequest { replica: None, epoch, snapshot, position: 0, max_bytes: 1 << 20 }
}

/// Somebody asks for a piece.
fn ask(voters: &mut Voters, of: usize, request: FetchSnapshotRequest) -> FetchSnapshotResponse {
    let token = Token(u64::MAX);
    voters.asked[of].push((token, of, Tag(u64::MAX)));
    voters.run(of, &mut |q, cx| q.request(cx, token, Request::FetchSnapshot(request)));
    match voters.mail.pop_back() {
        Some(Mail::Answer { result: Ok(Response::FetchSnapshot(response)), .. }) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_snapshot_comes_in_pieces_and_a_record_with_the_piece_that_it_ends_in() {
    let (mut voters, leader, away) = interrupted();
    let before = (voters.quorums[away].end(), values(voters.quorums[away].records()));
    assert_eq!(before.1, [1], "a part of a snapshot is worth nothing");
    voters.pieces_let_through = None;
    voters.pass(5 * SECOND);
    assert_eq!(
        voters.pieces,
        [(away, 0, 150), (away, 150, 150), (away, 300, 150), (away, 450, 50)]
    );
    let (from, to) = (&voters.quorums[leader], &voters.quorums[away]);
    assert_eq!(to.snapshot(), from.snapshot(), "with all records in order");
    assert_eq!((to.end(), to.committed()), (from.end(), from.committed()));
}

#[test]
fn pieces_are_refused_with_the_errors_of_kafka() {
    let (mut voters, leader, _) = cut_while_away();
    let follower = (0..3).find(|&i| voters.up[i] && i != leader).expect("two are up");
    let good = request(&voters, leader);
    let epoch = |by: i32| LeaderEpoch(good.epoch.0 + by);
    let other = SnapshotId { end: good.snapshot.end + 1, ..good.snapshot };
    for (to, request, error) in [
        (leader, FetchSnapshotRequest { epoch: epoch(-1), ..good }, ErrorCode::FencedLeaderEpoch),
        (leader, FetchSnapshotRequest { epoch: epoch(1), ..good }, ErrorCode::UnknownLeaderEpoch),
        (follower, good, ErrorCode::NotLeaderOrFollower),
        (leader, FetchSnapshotRequest { snapshot: other, ..good }, ErrorCode::SnapshotNotFound),
        (leader, FetchSnapshotRequest { position: SIZE, ..good }, ErrorCode::PositionOutOfRange),
    ] {
        let answer = ask(&mut voters, to, request);
        assert_eq!((answer.error, answer.piece), (error, None), "{request:?}");
        assert_eq!(answer.known.leader, Some(NodeId(leader as u32 + 1)));
    }
    let last = ask(&mut voters, leader, FetchSnapshotRequest { position: SIZE - 1, ..good });
    let piece = last.piece.expect("the last byte");
    assert_eq!((piece.bytes, piece.size, piece.records.len()), (1, SIZE, 0));
}

#[test]
fn an_interrupted_download_goes_on_where_it_stood() {
    let (mut voters, leader, away) = interrupted();
    voters.cut(leader, away);
    voters.pass(SECOND);
    voters.cuts.clear();
    voters.pieces_let_through = None;
    voters.pass(SECOND);
    let positions: Vec<u64> = voters.pieces.iter().map(|piece| piece.1).collect();
    assert_eq!(positions, [0, 150, 300, 450]);
    assert_eq!(voters.quorums[away].end(), voters.quorums[leader].end());
}

#[test]
fn a_download_of_a_leader_that_is_gone_begins_anew_with_the_next() {
    let (mut voters, leader, away) = interrupted();
    voters.stop(leader, StopKind::Kill);
    // The other one that has everything cannot be elected alone: the voter that is behind votes.
    voters.pieces_let_through = None;
    voters.pass(20 * SECOND);
    let next = voters.elect();
    assert!(next != leader && next != away);
    voters.append(next, 6);
    voters.pass(SECOND);
    assert_eq!(voters.quorums[away].end(), voters.quorums[next].end());
    assert_eq!(values(voters.quorums[away].records()).last(), Some(&6));
    assert_eq!(voters.pieces.len(), 1, "the next leader has kept its log");
}

#[test]
fn a_snapshot_that_is_deleted_midway_is_given_up_for_the_next() {
    let (mut voters, leader, away) = interrupted();
    let first = voters.quorums[leader].snapshot().map(|s| s.end);
    voters.append(leader, 6);
    voters.pass(100 * MILLISECOND);
    snapshot(&mut voters, leader);
    let now = voters.now + 120 * SECOND;
    voters.quorums[leader].clean_log(now);
    voters.pieces_let_through = None;
    voters.pass(5 * SECOND);
    let positions: Vec<u64> = voters.pieces.iter().map(|piece| piece.1).collect();
    assert_eq!(positions, [0, 0, 150, 300, 450]);
    let (from, to) = (&voters.quorums[leader], &voters.quorums[away]);
    assert!(to.snapshot().map(|s| s.end) > first);
    assert_eq!((to.snapshot(), to.end()), (from.snapshot(), from.end()));
}

#[test]
fn a_power_cut_midway_keeps_the_old_log() {
    let (mut voters, leader, away) = interrupted();
    voters.stop(away, StopKind::PowerCut);
    let quorum = &voters.quorums[away];
    assert_eq!((quorum.log_start(), quorum.snapshot()), (0, None));
    assert_eq!(values(quorum.records()), [1]);
    voters.pieces_let_through = None;
    voters.start(away);
    voters.pass(5 * SECOND);
    let positions: Vec<u64> = voters.pieces.iter().map(|piece| piece.1).collect();
    assert_eq!(positions, [0, 0, 150, 300, 450], "nothing of the first piece was kept");
    assert_eq!(voters.quorums[away].end(), voters.quorums[leader].end());
}

#[test]
fn who_fetches_a_snapshot_counts_for_its_leader() {
    let (mut voters, leader, away) = cut_while_away();
    for quorum in &mut voters.quorums {
        quorum.config.snapshot_piece_max = 1;
    }
    let other = (0..3).find(|&i| i != leader && i != away).expect("three");
    voters.pieces_let_through = Some(0);
    voters.start(away);
    voters.stop(other, StopKind::Kill);
    let epoch = voters.epoch(leader);
    // A byte each second, and nothing else is heard from anybody.
    for _ in 0..20 {
        voters.pieces_let_through = Some(1);
        voters.pass(SECOND);
        assert_eq!((voters.leaders(), voters.epoch(leader)), (vec![leader], epoch));
    }
    assert!(voters.pieces.len() >= 20 && voters.pieces.len() < 60, "{:?}", voters.pieces);
}

#[test]
fn one_without_a_log_begins_with_a_snapshot_though_the_log_is_there() {
    let mut voters = Voters::new(3);
    let leader = voters.elect();
    voters.append(leader, 1);
    voters.pass(SECOND);
    snapshot(&mut voters, leader);
    let other = others(3, leader)[0];
    assert_eq!(voters.quorums[leader].log_start(), 0);
    let quorum = &voters.quorums[leader];
    assert!(quorum.snapshot_for(0, Some(LeaderEpoch(-1))).is_some());
    assert!(quorum.snapshot_for(0, None).is_some(), "a broker without metadata");
    assert_eq!(quorum.snapshot_for(1, None), None);
    assert!(quorum.snapshot_for(1, Some(LeaderEpoch(0))).is_some(), "of an older epoch");
    assert_eq!(quorum.snapshot_for(1, Some(quorum.epoch())), None);
    assert_eq!(voters.quorums[other].snapshot(), None);
}
