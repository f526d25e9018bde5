//! Partitions of a transaction: adding and verifying.

use super::bench::{Bench, NOSUCH, OFFSETS, V2, X, pid};
use crate::protocol::ErrorCode;
use crate::protocol::txn::TransactionPartitions;
use crate::txn::unknown_partitions;
use crate::types::PartitionId;

#[test]
fn an_unknown_partition_spoils_all() {
    let request = |partitions: [u32; 2]| TransactionPartitions {
        transactional_id: NOSUCH,
        producer: pid(77, 0),
        verify_only: false,
        partitions: partitions.map(PartitionId).to_vec(),
    };
    let is_known = |p: PartitionId| p.0 < 2;
    let answer = unknown_partitions(&request([0, 2]), is_known);
    let answer = answer.expect("one is unknown");
    let (not_tried, unknown) =
        (ErrorCode::OperationNotAttempted, ErrorCode::UnknownTopicOrPartition);
    assert_eq!(answer.partitions, [(PartitionId(0), not_tried), (PartitionId(2), unknown)]);
    assert_eq!(unknown_partitions(&request([0, 1]), is_known), None);
}

#[test]
fn partitions_are_those_of_the_transaction_in_order() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    assert_eq!(b.add(X, pid(1, 1), &[0, 1]), ErrorCode::ProducerFenced);
    assert_eq!(b.add(X, pid(1, 0), &[1, 0]), ErrorCode::None);
    assert_eq!(b.shown(X), ("Ongoing", 1, 0, [0, 1].to_vec()));
}

#[test]
fn only_the_current_producer_adds() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    assert_eq!(b.add(X, pid(99, 0), &[0]), ErrorCode::InvalidProducerIdMapping);
    assert_eq!(b.add(NOSUCH, pid(1, 0), &[0]), ErrorCode::InvalidProducerIdMapping);
    assert_eq!(b.add(X, pid(1, 1), &[0]), ErrorCode::ProducerFenced);
    assert_eq!(b.add_offsets(3, NOSUCH, pid(1, 0)), ErrorCode::InvalidProducerIdMapping);
}

#[test]
fn verifying_adds_nothing() {
    let mut b = Bench::new();
    let p = pid(1, 0);
    b.init(X).expect("fresh");
    assert_eq!(b.verify(X, p, &[0]), [ErrorCode::TransactionAbortable]);
    b.add(X, p, &[0]);
    let mixed = [ErrorCode::None, ErrorCode::TransactionAbortable];
    assert_eq!(b.verify(X, p, &[0, 1]), mixed);
    assert_eq!(b.verify(X, p, &[1]), [ErrorCode::TransactionAbortable]);
    assert_eq!(b.verify(X, pid(1, 1), &[0]), [ErrorCode::ProducerFenced]);
    assert_eq!(b.verify(X, pid(77, 0), &[0]), [ErrorCode::InvalidProducerIdMapping]);
    assert_eq!(b.commit(V2, p), Ok((1, 1)));
    assert_eq!(b.verify(X, pid(1, 1), &[0]), [ErrorCode::TransactionAbortable]);
    assert_eq!(b.verify(X, p, &[0]), [ErrorCode::ProducerFenced]);
}

#[test]
fn what_belongs_already_is_not_logged_again() {
    let mut b = Bench::new();
    let p = pid(1, 0);
    b.init(X).expect("fresh");
    b.add(X, p, &[0, 1]);
    assert_eq!(b.add_offsets(3, X, p), ErrorCode::None);
    let logged = b.log.len();
    assert_eq!(b.add(X, p, &[1]), ErrorCode::None);
    assert_eq!(b.add_offsets(3, X, p), ErrorCode::None);
    assert_eq!(b.log.len(), logged);
    assert_eq!(b.describe(X).partitions, [PartitionId(0), PartitionId(1), OFFSETS]);
}

#[test]
fn one_transition_at_a_time() {
    let mut b = Bench::new();
    let p = pid(1, 0);
    b.init(X).expect("fresh");
    b.hold = true;
    let first = b.start_add(3, X, p, &[0], false);
    assert!(b.is_pending(first));
    assert_eq!(b.add(X, p, &[1]), ErrorCode::ConcurrentTransactions);
    assert_eq!(b.commit(V2, p), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(b.init(X), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(b.describe(X).state, "Empty");
    assert_eq!(b.verify(X, p, &[0]), [ErrorCode::TransactionAbortable], "does not count yet");
    assert_eq!(b.verify(X, pid(1, 1), &[0]), [ErrorCode::ProducerFenced]);
    b.refuse(ErrorCode::NotEnoughReplicas);
    assert_eq!(b.added(first), [ErrorCode::CoordinatorNotAvailable]);
    b.hold = false;
    assert_eq!(b.add(X, p, &[1]), ErrorCode::None);
    assert_eq!(b.shown(X), ("Ongoing", 1, 0, [1].to_vec()));
}
