//! Topics that are deleted and created again while transactions write to them.

use super::bench::{Bench, V2, X, pid};
use crate::protocol::ErrorCode;
use crate::types::PartitionId;

/// Partition 5 has the name that 1 had, 3 had none after it.
fn current(partition: PartitionId) -> PartitionId {
    if partition == PartitionId(1) { PartitionId(5) } else { partition }
}

fn recreate(b: &mut Bench) {
    b.coordinator.follow_names(current);
}

#[test]
fn a_transaction_goes_on_with_the_partition_that_has_the_name_now() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    b.add(X, pid(1, 0), &[1, 2, 3]);
    recreate(&mut b);
    assert_eq!(b.shown(X), ("Ongoing", 1, 0, [2, 3, 5].to_vec()));
    assert_eq!(b.verify(X, pid(1, 0), &[5]), [ErrorCode::None]);
    assert_eq!(b.commit(V2, pid(1, 0)), Ok((1, 1)));
    assert_eq!(b.written, [(2, 1, true), (3, 1, true), (5, 1, true)]);
}

#[test]
fn a_marker_that_is_awaited_is_that_of_the_new_partition() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    b.add(X, pid(1, 0), &[1, 2]);
    b.hold_markers = true;
    b.commit(V2, pid(1, 0)).expect("open");
    recreate(&mut b);
    let (waiter, marker) = b.to_write.pop_front().expect("markers");
    assert_eq!(b.coordinator.missing_markers(waiter), [2, 5].map(PartitionId));
    b.answer_marker(waiter, &marker, PartitionId(2), ErrorCode::None);
    assert_eq!(b.shown(X), ("PrepareCommit", 1, 1, [5].to_vec()));
    b.answer_marker(waiter, &marker, PartitionId(5), ErrorCode::None);
    assert_eq!(b.describe(X).state, "CompleteCommit");
}

#[test]
fn what_is_being_added_is_renamed_too() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    b.hold = true;
    b.start_add(3, X, pid(1, 0), &[1], false);
    recreate(&mut b);
    b.hold = false;
    b.replicate();
    assert_eq!(b.shown(X), ("Ongoing", 1, 0, [5].to_vec()));
}
