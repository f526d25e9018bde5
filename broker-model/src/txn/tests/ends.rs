//! The end of transactions: both protocols, markers, timeouts, failover.

use alloc::vec::Vec;

use super::bench::{Bench, NOSUCH, V2, X, Y, pid};
use crate::protocol::ErrorCode;
use crate::protocol::txn::ProducerIdAndEpoch;
use crate::rules::{Markers, TransactionTimeout};
use crate::types::{PartitionId, SECOND};

const INVALID: Result<(i64, i16), ErrorCode> = Err(ErrorCode::InvalidTxnState);
const FENCED: Result<(i64, i16), ErrorCode> = Err(ErrorCode::ProducerFenced);
const CONCURRENT: Result<(i64, i16), ErrorCode> = Err(ErrorCode::ConcurrentTransactions);
/// What clients before version 5 hear.
const OK: Result<(i64, i16), ErrorCode> = Ok((-1, -1));

fn open(b: &mut Bench, partitions: &[u32]) -> ProducerIdAndEpoch {
    let (id, epoch) = b.init(X).expect("nothing is open");
    assert_eq!(b.add(X, pid(id, epoch), partitions), ErrorCode::None);
    pid(id, epoch)
}

#[test]
fn each_end_raises_the_epoch_and_repetitions_are_told_by_it() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0]);
    let q = pid(1, 1);
    assert_eq!(b.commit(V2, p), Ok((1, 1)));
    assert_eq!(b.shown(X), ("CompleteCommit", 1, 1, Vec::new()));
    assert_eq!(b.commit(V2, p), Ok((1, 1)));
    assert_eq!(b.abort(V2, p), INVALID);
    b.add(X, q, &[0]);
    assert_eq!(b.commit(V2, p), FENCED);
    assert_eq!(b.abort(V2, q), Ok((1, 2)));
    assert_eq!(b.abort(V2, q), Ok((1, 2)));
    assert_eq!(b.commit(V2, q), INVALID);
    assert_eq!(b.abort(V2, pid(1, 2)), Ok((1, 3)));
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 3, Vec::new()));
    assert_eq!(b.commit(V2, pid(1, 3)), INVALID);
    assert_eq!(b.written, [(0, 1, true), (0, 2, false)]);
}

#[test]
fn nothing_begun_may_be_aborted_by_version_5_only() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    let p = pid(1, 0);
    assert_eq!(b.commit(V2, p), INVALID);
    assert_eq!(b.commit(4, p), INVALID);
    assert_eq!(b.abort(4, p), INVALID);
    assert_eq!(b.abort(3, p), INVALID);
    assert_eq!(b.abort(V2, pid(1, 1)), FENCED);
    assert_eq!(b.abort(V2, p), Ok((1, 1)));
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 1, Vec::new()));
    assert_eq!(b.init(X), Ok((1, 2)));
    assert_eq!(b.abort(V2, pid(1, 1)), FENCED);
    assert_eq!(b.abort(V2, p), FENCED);
    let nosuch = b.start_end(V2, NOSUCH, p, false);
    assert_eq!(b.ended(nosuch), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(b.abort(V2, pid(777, 0)), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(b.abort(V2, pid(1, 2)), Ok((1, 3)));
    assert_eq!(b.abort(V2, pid(1, 2)), Ok((1, 3)));
    assert_eq!(b.commit(V2, pid(1, 2)), INVALID);
}

#[test]
fn old_versions_keep_the_epoch() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0]);
    assert_eq!(b.commit(4, p), OK);
    assert_eq!(b.commit(4, p), OK);
    assert_eq!(b.abort(4, p), INVALID);
    b.add(X, p, &[0]);
    assert_eq!(b.abort(2, p), OK);
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 0, Vec::new()));
    assert_eq!(b.commit(V2, p), INVALID);
    assert_eq!(b.abort(V2, p), Ok((1, 1)));
    assert_eq!(b.abort(4, p), FENCED);
    assert_eq!(b.abort(4, pid(1, 1)), OK);
    b.add(X, pid(1, 1), &[0]);
    assert_eq!(b.commit(1, pid(1, 1)), OK);
    assert_eq!(b.shown(X), ("CompleteCommit", 1, 1, Vec::new()));
    assert_eq!(b.written, [(0, 0, true), (0, 0, false), (0, 1, true)]);
}

#[test]
fn while_markers_go_out_everything_else_waits() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0, 1]);
    b.hold_markers = true;
    assert_eq!(b.commit(V2, p), Ok((1, 1)), "the decision is enough for an answer");
    let q = pid(1, 1);
    assert_eq!(b.shown(X), ("PrepareCommit", 1, 1, [0, 1].to_vec()));
    for version in [V2, 4] {
        assert_eq!(b.commit(version, q), CONCURRENT);
        assert_eq!(b.abort(version, q), CONCURRENT);
    }
    assert_eq!(b.commit(V2, p), CONCURRENT);
    assert_eq!(b.init(X), CONCURRENT);
    assert_eq!(b.add(X, q, &[2]), ErrorCode::ConcurrentTransactions);
    assert_eq!(b.verify(X, q, &[0]), [ErrorCode::ConcurrentTransactions]);
    assert_eq!(b.add_offsets(3, X, q), ErrorCode::ConcurrentTransactions);
    let (waiter, marker) = b.to_write.pop_front().expect("one request for markers");
    b.answer_marker(waiter, &marker, PartitionId(1), ErrorCode::None);
    b.answer_marker(waiter, &marker, PartitionId(0), ErrorCode::NotEnoughReplicas);
    assert_eq!(b.shown(X), ("PrepareCommit", 1, 1, [0].to_vec()));
    assert_eq!(b.coordinator.missing_markers(waiter), [PartitionId(0)]);
    b.answer_marker(waiter, &marker, PartitionId(0), ErrorCode::None);
    assert_eq!(b.coordinator.missing_markers(waiter), []);
    assert_eq!(b.shown(X), ("CompleteCommit", 1, 1, Vec::new()));
}

#[test]
fn a_coordinator_that_others_replaced_stops_its_markers() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0, 1]);
    b.hold_markers = true;
    b.commit(V2, p).expect("decided");
    let (waiter, marker) = b.to_write.pop_front().expect("markers");
    let fenced = ErrorCode::TransactionCoordinatorFenced;
    b.answer_marker(waiter, &marker, PartitionId(0), fenced);
    assert_eq!(b.coordinator.missing_markers(waiter), []);
    assert_eq!(b.describe(X).state, "PrepareCommit");
}

#[test]
fn the_next_coordinator_writes_all_markers_again() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0, 1]);
    b.hold_markers = true;
    b.commit(V2, p).expect("decided");
    let (waiter, marker) = b.to_write.pop_front().expect("markers");
    b.answer_marker(waiter, &marker, PartitionId(1), ErrorCode::None);
    b.load();
    assert_eq!(b.shown(X), ("PrepareCommit", 1, 1, [0, 1].to_vec()));
    b.answer_marker(waiter, &marker, PartitionId(0), ErrorCode::None);
    assert_eq!(b.describe(X).state, "PrepareCommit", "answers to the old one do not count");
    assert_eq!(b.commit(V2, p), CONCURRENT);
    b.hold_markers = false;
    b.write_markers();
    assert_eq!(b.commit(V2, p), Ok((1, 1)));
    assert_eq!(b.written, [(1, 1, true), (0, 1, true), (0, 1, true), (1, 1, true)]);
}

#[test]
fn an_open_transaction_goes_on_at_the_next_coordinator() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0]);
    b.unload();
    let token = b.start_end(V2, X, p, true);
    assert_eq!(b.ended(token), Err(ErrorCode::NotCoordinator));
    b.load();
    assert_eq!(b.shown(X), ("Ongoing", 1, 0, [0].to_vec()));
    assert_eq!(b.commit(V2, p), Ok((1, 1)));
}

#[test]
fn unloading_answers_whatever_waits() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0]);
    b.hold = true;
    let end = b.start_end(V2, X, p, true);
    let init = b.start_init(5, Some(Y), ProducerIdAndEpoch::NONE, SECOND);
    b.unload();
    assert_eq!(b.ended(end), Err(ErrorCode::NotCoordinator));
    assert_eq!(b.initialized(init), Err(ErrorCode::NotCoordinator));
    b.replicate();
    assert_eq!(b.coordinator.next_deadline(), crate::types::Instant::FAR);
}

#[test]
fn a_transaction_open_too_long_is_aborted_and_its_epoch_raised() {
    let mut b = Bench::new();
    let token = b.start_init(5, Some(X), ProducerIdAndEpoch::NONE, 2 * SECOND);
    assert_eq!(b.initialized(token), Ok((1, 0)));
    b.wait(100 * SECOND);
    b.add(X, pid(1, 0), &[0]);
    b.wait(SECOND);
    assert_eq!(b.describe(X).state, "Ongoing");
    b.wait(12 * SECOND);
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 1, Vec::new()));
    assert_eq!(b.commit(V2, pid(1, 0)), INVALID);
    assert_eq!(b.add(X, pid(1, 0), &[0]), ErrorCode::ProducerFenced);
    assert_eq!(b.init_as(X, pid(1, 0)), Ok((1, 1)));
    assert_eq!(b.written, [(0, 1, false)]);
}

#[test]
fn the_time_of_a_transaction_counts_from_its_begin_also_after_a_failover() {
    let mut b = Bench::new();
    open(&mut b, &[0]);
    for partition in 1..6 {
        b.wait(10 * SECOND);
        b.add(X, pid(1, 0), &[partition]);
    }
    b.load();
    b.wait(9 * SECOND);
    assert_eq!(b.describe(X).state, "Ongoing");
    b.wait(12 * SECOND);
    assert_eq!(b.describe(X).state, "CompleteAbort");
    assert_eq!(b.written.len(), 6);
}

#[test]
fn a_transaction_that_ended_in_time_is_left_alone() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0]);
    b.commit(V2, p).expect("in time");
    b.wait(1000 * SECOND);
    assert_eq!(b.shown(X), ("CompleteCommit", 1, 1, Vec::new()));
}

#[test]
fn the_canary_never_times_out() {
    let mut b = Bench::new();
    b.rules.transaction_timeout = TransactionTimeout::Never;
    open(&mut b, &[0]);
    b.wait(1000 * SECOND);
    assert_eq!(b.describe(X).state, "Ongoing");
}

#[test]
fn the_canaries_skip_and_flip_the_last_marker() {
    for (rule, expected) in [
        (Markers::All, [(0, 1, true), (1, 1, true)].to_vec()),
        (Markers::SkipLast, [(0, 1, true)].to_vec()),
        (Markers::FlipLast, [(0, 1, true), (1, 1, false)].to_vec()),
    ] {
        let mut b = Bench::new();
        b.rules.markers = rule;
        let p = open(&mut b, &[0, 1]);
        b.commit(V2, p).expect("decided");
        assert_eq!(b.written, expected);
        assert_eq!(b.describe(X).state, "CompleteCommit");
    }
}

#[test]
fn an_end_that_could_not_be_logged_may_be_asked_again() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0]);
    b.hold = true;
    let token = b.start_end(V2, X, p, true);
    b.refuse(ErrorCode::NotEnoughReplicas);
    assert_eq!(b.ended(token), Err(ErrorCode::CoordinatorNotAvailable));
    b.hold = false;
    assert_eq!(b.abort(V2, p), Ok((1, 1)));
    assert_eq!(b.written, [(0, 1, false)]);
}

#[test]
fn a_completion_that_could_not_be_logged_is_written_again() {
    let mut b = Bench::new();
    let p = open(&mut b, &[0]);
    b.hold_markers = true;
    b.commit(V2, p).expect("decided");
    b.hold = true;
    b.hold_markers = false;
    b.write_markers();
    b.refuse(ErrorCode::NotEnoughReplicas);
    assert_eq!(b.describe(X).state, "PrepareCommit");
    b.hold = false;
    b.wait(SECOND);
    assert_eq!(b.describe(X).state, "CompleteCommit");
}
