//! How a coordinator kept who has a partition before Kafka 3.8 (KAFKA-16147).

use alloc::vec::Vec;

use super::{A, B, OK, bench, joined, owning, plain, told};
use crate::rules::PartitionEpochBookkeeping;
use crate::types::MemberId;

const C: MemberId = MemberId(3);

#[test]
fn a_partition_that_a_member_keeps_after_all_has_an_owner_today_and_had_none() {
    for (rule, given) in [
        (PartitionEpochBookkeeping::Whole, Vec::new()),
        (PartitionEpochBookkeeping::ListByList, Vec::from([1])),
    ] {
        let mut b = bench(2);
        b.rules.partition_epoch_bookkeeping = rule;
        assert_eq!(joined(&mut b, A), (OK, 1, Some(Vec::from([0, 1]))));
        assert_eq!(joined(&mut b, B), (OK, 2, Some(Vec::new())));
        assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, Some(Vec::from([0]))), "give up 1");
        assert_eq!(told(&mut b, plain(B, -1)).0, OK);
        assert_eq!(told(&mut b, owning(A, 1, &[0])), (OK, 3, Some(Vec::from([0, 1]))), "keep it");
        assert_eq!(joined(&mut b, C), (OK, 4, Some(given)));
    }
}

#[test]
fn a_partition_that_is_given_up_was_kept_track_of() {
    let mut b = bench(2);
    b.rules.partition_epoch_bookkeeping = PartitionEpochBookkeeping::ListByList;
    assert_eq!(joined(&mut b, A), (OK, 1, Some(Vec::from([0, 1]))));
    assert_eq!(joined(&mut b, B), (OK, 2, Some(Vec::new())));
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 1, Some(Vec::from([0]))));
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 2, None), "A has it still");
    assert_eq!(told(&mut b, owning(A, 1, &[0])), (OK, 2, None));
    assert_eq!(told(&mut b, plain(B, 2)), (OK, 2, Some(Vec::from([1]))));
}
