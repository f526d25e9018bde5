//! Epochs of members: who is behind or ahead may neither heartbeat, commit nor read.

use alloc::vec::Vec;

use super::super::bench::{Bench, G, NOBODY, producer};
use super::{A, B, OK, bench, describe, joined, owning, plain, told};
use crate::protocol::group::OffsetFetchRequest;
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{GroupEpoch, MemberId, PartitionId, SECOND};

/// A in epoch 2 with partition 0, and B in epoch 2 with partition 1.
fn two() -> Bench {
    let mut b = bench(2);
    assert_eq!(joined(&mut b, A), (OK, 1, Some(Vec::from([0, 1]))));
    assert_eq!(joined(&mut b, B), (OK, 2, Some(Vec::new())));
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, Some(Vec::from([0]))));
    assert_eq!(told(&mut b, owning(A, 1, &[0])), (OK, 2, None));
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 2, Some(Vec::from([1]))));
    b
}

fn read(b: &mut Bench, member: MemberId, epoch: i32) -> ErrorCode {
    let token = b.ask(Request::OffsetFetch(OffsetFetchRequest {
        group: G,
        partitions: Some(Vec::from([PartitionId(0)])),
        who: Some((member, GroupEpoch(epoch))),
        require_stable: false,
    }));
    match &b.replies[&token] {
        Response::OffsetFetch(r) => r.error,
        other => panic!("not a fetch: {other:?}"),
    }
}

#[test]
fn another_epoch_fences_and_changes_nothing() {
    let mut b = two();
    let before = describe(&mut b);
    let fenced = (ErrorCode::FencedMemberEpoch, 0, None);
    assert_eq!(told(&mut b, plain(A, 3)), fenced, "ahead");
    assert_eq!(told(&mut b, owning(A, 3, &[0])), fenced, "ahead, with what it has");
    assert_eq!(told(&mut b, plain(A, 1)), fenced, "behind, and it does not say what it has");
    assert_eq!(describe(&mut b), before);
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, None));
}

#[test]
fn the_epoch_before_is_taken_of_a_member_with_nothing_that_is_not_its_own() {
    let mut b = two();
    assert_eq!(told(&mut b, owning(A, 1, &[0])), (OK, 2, None), "the answer was lost");
    assert_eq!(told(&mut b, owning(A, 1, &[])), (OK, 2, None));
    let fenced = (ErrorCode::FencedMemberEpoch, 0, None);
    assert_eq!(told(&mut b, owning(A, 1, &[0, 1])), fenced, "B has that");
    assert_eq!(joined(&mut b, MemberId(3)).1, 3);
    assert_eq!(told(&mut b, plain(A, 2)).1, 3);
    assert_eq!(told(&mut b, owning(A, 1, &[0])), fenced, "two epochs behind");
}

#[test]
fn only_the_present_epoch_commits_and_reads() {
    let mut b = two();
    for (epoch, error) in
        [(1, ErrorCode::StaleMemberEpoch), (3, ErrorCode::StaleMemberEpoch), (2, OK)]
    {
        assert_eq!(b.commit(G, A, epoch, &[(0, i64::from(epoch))]), error, "{epoch}");
        assert_eq!(read(&mut b, A, epoch), error, "{epoch}");
    }
    assert_eq!(b.fetch(G, 0, false), Ok(2));
    assert_eq!(read(&mut b, MemberId(9), 2), ErrorCode::UnknownMemberId);
    let of_transaction = [(1, ErrorCode::IllegalGeneration), (2, OK)];
    for (epoch, error) in of_transaction {
        let token = b.start_txn_commit(producer(7, 0), G, A, epoch, &[(0, 5)]);
        assert_eq!(b.committed(token), [error], "{epoch}");
    }
    let token = b.start_txn_commit(producer(7, 0), G, NOBODY, -1, &[(0, 5)]);
    assert_eq!(b.committed(token), [OK], "a transaction may be of nobody");
}

#[test]
fn a_member_that_was_removed_is_a_stranger_with_every_epoch() {
    let mut b = two();
    for _ in 0..5 {
        b.wait(10 * SECOND);
        assert_eq!(told(&mut b, plain(B, 2)).0, OK);
    }
    for epoch in [1, 2, 3] {
        assert_eq!(told(&mut b, owning(A, epoch, &[0])).0, ErrorCode::UnknownMemberId);
        assert_eq!(b.commit(G, A, epoch, &[(0, 9)]), ErrorCode::UnknownMemberId);
    }
    assert_eq!(joined(&mut b, A).0, OK, "it comes back as one that has nothing");
}
