//! Transactional ids that nobody uses.

use alloc::vec::Vec;

use super::bench::{Bench, V2, X, Y, pid};
use crate::coordinator::Waiter;
use crate::log::{Key, keyed};
use crate::note::Note;
use crate::protocol::ErrorCode;
use crate::protocol::txn::ProducerIdAndEpoch;
use crate::records::{BATCH_OVERHEAD_BYTES, LogEntry, NoRecords, TransactionState};
use crate::txn::TransactionSettings;
use crate::types::{PartitionId, SECOND};

const CONCURRENT: ErrorCode = ErrorCode::ConcurrentTransactions;
const UNMAPPED: ErrorCode = ErrorCode::InvalidProducerIdMapping;
const NOT_FOUND: ErrorCode = ErrorCode::TransactionalIdNotFound;

/// Ids expire after 30 s and are looked at every 3 s.
fn bench(max_batch_bytes: u32) -> Bench {
    let mut b = Bench::with(TransactionSettings {
        id_expiration: 30 * SECOND,
        id_expiration_interval: 3 * SECOND,
        max_batch_bytes,
        ..TransactionSettings::default()
    });
    b.begin();
    b
}

fn batches_of_tombstones(b: &Bench) -> usize {
    let dead = |e: &&LogEntry| {
        b.batches.transaction_records(e.batch).all(|r| r.state == TransactionState::Dead)
    };
    b.log.iter().filter(dead).count()
}

#[test]
fn an_id_idle_for_long_is_forgotten_unless_its_transaction_is_open() {
    let mut b = bench(1000);
    b.init(X).expect("fresh");
    b.init(Y).expect("fresh");
    b.add(X, pid(1, 0), &[0]);
    b.add(Y, pid(2, 0), &[0]);
    b.commit(V2, pid(1, 0)).expect("open");
    b.wait(29 * SECOND);
    assert_eq!(b.describe(X).state, "CompleteCommit", "too early");
    b.wait(4 * SECOND);
    assert_eq!(b.describe(X).error, NOT_FOUND);
    assert_eq!(b.describe(Y).state, "Ongoing");
    assert_eq!(b.add(X, pid(1, 1), &[0]), UNMAPPED);
    assert_eq!(b.abort(V2, pid(1, 1)), Err(UNMAPPED));
    let state = TransactionState::Dead;
    assert!(
        b.notes.iter().any(|n| matches!(n, Note::TransactionState { state: s, .. } if *s == state))
    );
    b.load();
    assert_eq!(b.describe(X).error, NOT_FOUND, "the log says so");
    assert_eq!(b.init_as(X, pid(1, 1)), Ok((3, 0)), "it begins anew");
}

#[test]
fn a_cleaner_takes_the_last_record_of_an_expired_id_for_a_tombstone() {
    let mut b = bench(1000);
    b.init(X).expect("fresh");
    b.wait(40 * SECOND);
    let tombstone = |e: &LogEntry| {
        keyed(&b.batches, &NoRecords, e.batch, 0) == Some((Key::Transaction(X), true))
    };
    assert_eq!(b.log.iter().map(tombstone).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn nothing_else_is_done_to_an_id_while_its_tombstone_is_on_its_way() {
    let mut b = bench(1000);
    b.init(X).expect("fresh");
    b.hold = true;
    b.wait(34 * SECOND);
    assert_eq!(b.describe(X).state, "Empty");
    assert_eq!(b.init(X), Err(CONCURRENT));
    assert_eq!(batches_of_tombstones(&b), 1, "one, though three seconds have passed again");
    b.refuse(ErrorCode::NotEnoughReplicas);
    b.hold = false;
    assert_eq!(b.init(X), Ok((1, 1)), "it stayed");
}

#[test]
fn a_batch_of_tombstones_is_no_larger_than_a_batch_may_be() {
    for (room, batches) in [(2 * 15, 1), (2 * 15 - 1, 2), (0, 2)] {
        let mut b = bench(BATCH_OVERHEAD_BYTES + room);
        b.init(X).expect("fresh");
        b.init(Y).expect("fresh");
        b.wait(40 * SECOND);
        assert_eq!(batches_of_tombstones(&b), batches, "{room}");
        assert_eq!([b.describe(X).error, b.describe(Y).error], [NOT_FOUND, NOT_FOUND]);
    }
}

#[test]
fn tombstones_of_a_shard_that_is_given_up_count_for_nothing() {
    let mut b = bench(1000);
    b.init(X).expect("fresh");
    b.hold = true;
    b.wait(34 * SECOND);
    b.unload();
    b.replicate();
    b.log.pop();
    b.load();
    b.hold = false;
    assert_eq!(b.coordinator.missing_markers(Waiter(1)), [] as [PartitionId; 0]);
    assert_eq!(b.init_as(X, ProducerIdAndEpoch::NONE), Ok((1, 1)));
}
