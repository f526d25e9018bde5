use super::{Fixture, data, is_duplicate, plain, txn};
use crate::log::{Origin, Verification};
use crate::protocol::ErrorCode::{
    InvalidProducerEpoch, InvalidRecord, InvalidTxnState, MessageTooLarge,
    OutOfOrderSequenceNumber, TransactionCoordinatorFenced,
};
use crate::types::{CoordinatorEpoch, Now, Offset, ProducerEpoch, ProducerId};

#[test]
fn a_repeat_reopens_nothing_and_blocks_the_next() {
    // transactions/duplicate-reopens-transaction
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.mark(1, 0, true), Ok(1));
    assert!(is_duplicate(f.append(txn(1, 0, 0, 1))));
    assert_eq!(f.described(), [(1, 0, 0, -1)]);
    assert_eq!(f.produce(txn(1, 0, 1, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.mark(1, 0, false), Ok(2));
    assert_eq!(f.aborted(0), [], "a marker without data aborts nothing");
    assert_eq!(f.produce(txn(1, 0, 1, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.mark(1, 0, true), Ok(3));
    assert_eq!(f.stable(), 4);
}

#[test]
fn markers_check_producer_epoch_then_coordinator_epoch() {
    // transactions/markers
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.mark_by(1, 0, true, 5), Ok(1));
    assert_eq!(f.mark_by(1, 3, false, 5), Ok(2));
    assert_eq!(f.described(), [(1, 3, -1, -1)]);
    assert_eq!(f.mark_by(1, 3, false, 4), Err(TransactionCoordinatorFenced));
    assert_eq!(f.mark_by(1, 2, false, 5), Err(InvalidProducerEpoch));
    assert_eq!(f.mark_by(777, 0, false, 0), Ok(3));
    assert_eq!(f.aborted(0), []);
}

#[test]
fn a_marker_makes_the_producer_known() {
    // transactions/marker-without-data
    let mut f = Fixture::new();
    assert_eq!(f.mark(1, 1, false), Ok(0));
    assert_eq!(f.described(), [(1, 1, -1, -1)]);
    assert_eq!(f.produce(data(1, 0, 0, 1)), Err(InvalidProducerEpoch));
    assert_eq!(f.produce(data(1, 1, 4, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(data(1, 1, 0, 1)), Ok(1));
}

#[test]
fn markers_obey_the_size_limit() {
    // log/marker-above-max-message-bytes
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
    f.log.config_mut().max_message_bytes = 77;
    assert_eq!(f.mark(1, 1, true), Err(MessageTooLarge));
    assert_eq!(f.stable(), 0);
    f.log.config_mut().max_message_bytes = 78;
    assert_eq!(f.mark(1, 1, true), Ok(1));
    assert_eq!(f.stable(), 2);
}

#[test]
fn the_aborted_list_overlaps_the_range() {
    // transactions/aborted-list-of-partial-ranges
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 0, 2)), Ok(0));
    assert_eq!(f.produce(txn(2, 0, 0, 1)), Ok(2));
    assert_eq!(f.produce(txn(1, 0, 2, 1)), Ok(3));
    assert_eq!(f.mark(1, 1, false), Ok(4));
    assert_eq!(f.produce(plain(1)), Ok(5));
    assert_eq!(f.mark(2, 1, false), Ok(6));
    assert_eq!(f.produce(plain(1)), Ok(7));
    for from in 0..=4 {
        assert_eq!(f.aborted(from), [(1, 0), (2, 2)], "from {from}");
    }
    for from in 5..=6 {
        assert_eq!(f.aborted(from), [(2, 2)], "from {from}");
    }
    assert_eq!(f.aborted(7), []);
}

#[test]
fn the_first_to_begin_holds_the_last_stable_offset() {
    // transactions/last-stable-offset-interleaved
    let mut f = Fixture::new();
    assert_eq!(f.produce(plain(1)), Ok(0));
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(1));
    assert_eq!(f.produce(txn(2, 0, 0, 1)), Ok(2));
    assert_eq!(f.produce(txn(3, 0, 0, 1)), Ok(3));
    assert_eq!(f.produce(txn(1, 0, 1, 1)), Ok(4));
    assert_eq!(f.mark(2, 1, false), Ok(5));
    assert_eq!(f.stable(), 1);
    assert_eq!(f.aborted(0), [(2, 2)]);
    assert_eq!(f.mark(1, 1, true), Ok(6));
    assert_eq!(f.stable(), 3);
    assert_eq!(f.produce(txn(2, 1, 0, 1)), Ok(7));
    assert_eq!(f.mark(3, 1, false), Ok(8));
    assert_eq!(f.stable(), 7);
    assert_eq!(f.aborted(0), [(2, 2), (3, 3)]);
}

#[test]
fn a_transaction_that_ends_late_is_not_overlooked() {
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.produce(txn(2, 0, 0, 1)), Ok(1));
    assert_eq!(f.mark(2, 1, false), Ok(2));
    assert_eq!(f.mark(1, 1, false), Ok(3));
    let listed = f.log.aborted_transactions(Offset(0), Offset(1));
    assert_eq!(listed.len(), 1, "the marker of 2 comes first, but 1 overlaps");
    assert_eq!(listed[0].first_offset, Offset(0));
}

#[test]
fn an_end_counts_only_when_replicated() {
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.mark(1, 1, true), Ok(1));
    f.log.on_high_watermark(Offset(1));
    assert_eq!(f.log.first_unstable_offset(), Some(Offset(0)), "the marker may yet be lost");
    f.log.on_high_watermark(Offset(2));
    assert_eq!(f.log.first_unstable_offset(), None);
}

#[test]
fn deleted_records_of_an_open_transaction() {
    // transactions/delete-records-in-open-transaction
    let mut f = Fixture::new();
    assert_eq!(f.produce(plain(1)), Ok(0));
    assert_eq!(f.produce(txn(1, 0, 0, 2)), Ok(1));
    assert_eq!(f.produce(plain(1)), Ok(3));
    assert_eq!(f.stable(), 1);
    f.log.delete_before(Offset(2));
    assert_eq!(f.stable(), 1, "the base of the batch that holds the log start offset");
    f.log.delete_before(Offset(4));
    assert_eq!(f.stable(), 4);
    assert_eq!(f.produce(plain(1)), Ok(4));
    assert_eq!(f.stable(), 4);
    assert_eq!(f.described(), [(1, 0, 1, 1)]);
    assert_eq!(f.produce(txn(1, 0, 2, 1)), Ok(5));
    assert_eq!(f.mark(1, 1, false), Ok(6));
    assert_eq!(f.stable(), 7);
    assert_eq!(f.aborted(4), [(1, 1)]);
}

#[test]
fn a_transaction_of_v2_begins_at_zero() {
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 3, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
}

#[test]
fn an_append_without_its_verification_is_refused() {
    let mut f = Fixture::new();
    let batch = f.batch(txn(1, 0, 0, 1));
    let body = *f.batches.get(batch);
    let guard = f.log.start_verification(&body, true).expect("nothing is open");
    // The marker of a timeout settles the entry while the coordinator is asked.
    assert_eq!(f.mark(1, 1, false), Ok(0));
    let late = batch_with(&mut f, Verification::Confirmed(guard), 1);
    assert_eq!(late, Err(InvalidTxnState));
    assert_eq!(batch_with(&mut f, Verification::Ongoing, 1), Err(InvalidTxnState));
    assert_eq!(f.produce(txn(1, 1, 0, 1)), Ok(1));
    assert!(f.log.start_verification(&body, true).is_some());
}

fn batch_with(
    f: &mut Fixture,
    verification: Verification,
    epoch: i16,
) -> Result<i64, crate::protocol::ErrorCode> {
    let batch = f.batch(txn(1, epoch, 0, 1));
    super::base(f.log.append_as_leader(
        Now { wall: super::WALL, ..Now::default() },
        batch,
        &f.batches,
        f.epoch,
        Origin::Client(verification),
        &f.rules,
    ))
}

#[test]
fn coordinators_append_without_sequences() {
    let mut f = Fixture::new();
    let now = Now { wall: super::WALL, ..Now::default() };
    for at in 0..2 {
        let batch = f.batch(txn(1, 0, -1, 1));
        let origin = Origin::Coordinator(Verification::Off);
        let outcome = f.log.append_as_leader(now, batch, &f.batches, f.epoch, origin, &f.rules);
        assert_eq!(super::base(outcome), Ok(at));
    }
    assert_eq!(f.described(), [(1, 0, -1, 0)]);
    assert_eq!(f.mark(1, 1, false), Ok(2));
    assert_eq!(f.aborted(0), [(1, 0)]);
}

#[test]
fn clients_write_no_control_batches() {
    // transactions/odd-produce-requests
    let mut f = Fixture::new();
    let marker = f.batches.push_marker(
        ProducerId(1),
        ProducerEpoch(0),
        true,
        CoordinatorEpoch(0),
        super::WALL,
    );
    assert_eq!(super::base(f.append_batch(marker)), Err(InvalidRecord));
    assert_eq!(f.log.log_end_offset(), Offset(0));
}

#[test]
fn the_aborted_list_reaches_to_the_next_index_entry() {
    // transactions/aborted-list-of-partial-ranges
    let mut f = Fixture::new();
    assert_eq!(f.aborted_bound(0), 0);
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.mark(1, 1, false), Ok(1));
    for at in 2..100 {
        assert_eq!(f.produce(plain(1)), Ok(at));
    }
    assert_eq!(f.aborted_bound(1), 43, "78 and then 41 times 100 bytes are more than 4,096");
    assert_eq!(f.aborted_bound(90), 100, "else the end of the log");
    f.log.roll();
    assert_eq!(f.produce(plain(1)), Ok(100));
    assert_eq!(f.aborted_bound(90), 100, "within the segment");
    assert_eq!(f.aborted_bound(100), 100);
}
