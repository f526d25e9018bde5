use super::{Fixture, WALL, data, is_duplicate, plain, txn};
use crate::config::TopicConfig;
use crate::log::AppendOutcome;
use crate::protocol::ErrorCode::{
    InvalidProducerEpoch, InvalidTimestamp, InvalidTxnState, MessageTooLarge,
    OutOfOrderSequenceNumber, RecordListTooLarge, UnknownProducerId,
};
use crate::rules::{SequenceCheck, UnknownPid};
use crate::types::{MILLISECOND, Offset, Timestamp};

#[test]
fn five_batches_are_kept() {
    // idempotence/duplicates-and-gaps
    let mut f = Fixture::new();
    for (say, at) in [
        (data(1, 0, 0, 2), 0),
        (data(1, 0, 2, 1), 2),
        (data(1, 0, 3, 1), 3),
        (data(1, 0, 4, 1), 4),
        (data(1, 0, 5, 1), 5),
        (data(1, 0, 0, 2), 0),
        (data(1, 0, 6, 1), 6),
        (data(1, 0, 5, 1), 5),
        (data(1, 0, 2, 1), 2),
    ] {
        assert_eq!(f.produce(say), Ok(at));
    }
    for say in [data(1, 0, 0, 2), data(1, 0, 2, 2), data(1, 0, 8, 1)] {
        assert_eq!(f.produce(say), Err(OutOfOrderSequenceNumber));
    }
    assert_eq!(f.produce(data(1, 0, 7, 1)), Ok(7));
    assert_eq!(f.described(), [(1, 0, 7, -1)]);
    assert_eq!(f.bases(), [0, 2, 3, 4, 5, 6, 7], "repeats are not appended");
}

#[test]
fn a_duplicate_has_the_same_first_and_last_sequence() {
    // idempotence/duplicate-must-match-first-and-last-sequence
    let mut f = Fixture::new();
    assert_eq!(f.produce(data(1, 0, 0, 2)), Ok(0));
    assert_eq!(f.produce(data(1, 0, 2, 3)), Ok(2));
    let repeat = f.append(data(1, 0, 2, 3));
    let expected =
        AppendOutcome::Duplicate { base_offset: Offset(2), end: Offset(5), append_time: WALL };
    assert_eq!(repeat, expected);
    assert!(is_duplicate(f.append(data(1, 0, 0, 2))));
    for (seq, count) in [(2, 2), (2, 4), (4, 1), (4, 2), (0, 5)] {
        assert_eq!(f.produce(data(1, 0, seq, count)), Err(OutOfOrderSequenceNumber));
    }
    assert_eq!(f.produce(data(1, 0, 5, 1)), Ok(5));
}

#[test]
fn a_new_epoch_begins_at_zero() {
    // idempotence/epochs
    let mut f = Fixture::new();
    assert_eq!(f.produce(data(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.produce(data(1, 1, 1, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(data(1, 1, 0, 1)), Ok(1));
    assert_eq!(f.produce(data(1, 0, 1, 1)), Err(InvalidProducerEpoch));
    assert_eq!(f.produce(data(1, 1, 1, 1)), Ok(2));
    assert_eq!(f.described(), [(1, 1, 1, -1)]);
}

#[test]
fn an_unknown_producer_begins_anywhere() {
    // idempotence/unknown-producer
    let mut f = Fixture::new();
    assert_eq!(f.produce(data(1, 0, 5, 1)), Ok(0));
    assert_eq!(f.produce(data(1, 0, 6, 1)), Ok(1));
    assert!(is_duplicate(f.append(data(1, 0, 5, 1))));
    assert_eq!(f.produce(data(9, 3, 9, 1)), Ok(2));
    assert!(f.log.delete_before(Offset(3)));
    assert_eq!(f.produce(data(1, 0, 7, 1)), Ok(3), "DeleteRecords forgets no producer");
    let refused = f.append(data(1, 0, 9, 1));
    let error = OutOfOrderSequenceNumber;
    assert_eq!(refused, AppendOutcome::Refused { error, log_start_offset: Offset(3) });
    assert_eq!(f.described(), [(1, 0, 7, -1), (9, 3, 9, -1)]);
}

#[test]
fn before_kip_360_a_producer_was_forgotten_with_its_records() {
    let mut f = Fixture::new();
    f.rules.unknown_pid = UnknownPid::ResetSameEpoch;
    assert_eq!(f.produce(data(1, 0, 5, 1)), Err(UnknownProducerId));
    for (say, at) in [(data(1, 0, 0, 2), 0), (data(1, 0, 2, 1), 2), (data(2, 0, 0, 1), 3)] {
        assert_eq!(f.produce(say), Ok(at));
    }
    assert!(f.log.delete_before(Offset(2)));
    f.log.forget_deleted_producers();
    assert_eq!(f.produce(data(1, 0, 3, 1)), Ok(4), "one of its batches is left");
    assert_eq!(f.produce(data(1, 0, 0, 2)), Err(OutOfOrderSequenceNumber), "and one is not");
    assert!(f.log.delete_before(Offset(4)));
    f.log.forget_deleted_producers();
    assert_eq!(f.described(), [(1, 0, 3, -1)]);
    assert_eq!(f.produce(data(2, 0, 1, 1)), Err(UnknownProducerId));
    assert_eq!(f.produce(data(2, 0, 0, 1)), Ok(5), "from 0 again, in the same epoch");
}

#[test]
fn sequences_wrap() {
    // log/sequence-wraps
    let mut f = Fixture::new();
    assert_eq!(f.produce(data(1, 0, i32::MAX - 1, 1)), Ok(0));
    assert_eq!(f.produce(data(1, 0, i32::MAX, 3)), Ok(1));
    assert_eq!(f.described(), [(1, 0, 1, -1)]);
    assert_eq!(f.produce(data(1, 0, 3, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(data(1, 0, 2, 1)), Ok(4));
    assert!(is_duplicate(f.append(data(1, 0, i32::MAX, 3))));
    assert_eq!(f.produce(data(1, 0, i32::MAX, 2)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(data(1, 0, 0, 2)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(data(1, 0, 3, 1)), Ok(5));
    let mut f = Fixture::new();
    assert_eq!(f.produce(data(1, 0, i32::MAX, 1)), Ok(0));
    assert_eq!(f.produce(data(1, 0, 0, 1)), Ok(1), "also between batches");
}

#[test]
fn size_comes_before_the_sequence() {
    // idempotence/rejected-batch-keeps-sequence, log/message-size-limits
    let mut f = Fixture::new();
    f.log.config_mut().max_message_bytes = 99;
    for say in [data(1, 0, 0, 1), data(1, 0, 7, 1), data(1, 3, 0, 1)] {
        let error = MessageTooLarge;
        let log_start_offset = Offset::NONE;
        assert_eq!(f.append(say), AppendOutcome::Refused { error, log_start_offset });
    }
    assert_eq!(f.described(), []);
    f.log.config_mut().max_message_bytes = 100;
    f.log.config_mut().segment_bytes = 99;
    assert_eq!(f.produce(data(1, 0, 0, 1)), Err(RecordListTooLarge));
    f.log.config_mut().segment_bytes = 100;
    assert_eq!(f.produce(data(1, 0, 0, 1)), Ok(0));
}

#[test]
fn timestamps_too_far_ahead_are_refused() {
    // log/timestamps
    let mut f = Fixture::new();
    f.log.config_mut().timestamp_after_max = 1_000 * MILLISECOND;
    let say = super::Say { time: WALL.0 + 1_001, ..plain(1) };
    let error = InvalidTimestamp;
    assert_eq!(f.append(say), AppendOutcome::Refused { error, log_start_offset: Offset(0) });
    assert_eq!(f.produce(super::Say { time: WALL.0 + 1_000, ..plain(1) }), Ok(0));
    assert_eq!(f.produce(super::Say { time: 0, ..plain(1) }), Ok(1), "the past is no error");
    f.log.config_mut().timestamp_before_max = 10 * MILLISECOND;
    assert_eq!(f.produce(super::Say { time: WALL.0 - 11, ..plain(1) }), Err(InvalidTimestamp));
    // log/timestamp-bounds-by-record: one record is enough, and size of segments comes after.
    for times in [[WALL.0, 1_000], [1_000, WALL.0]] {
        let batch = f.batch_at(plain(2), &times.map(Timestamp));
        assert!(matches!(f.append_batch(batch), AppendOutcome::Refused { .. }), "{times:?}");
    }
    let unstamped = f.batch_at(plain(2), &[WALL, Timestamp::NONE]);
    assert_eq!(super::base(f.append_batch(unstamped)), Ok(2));
    f.log.config_mut().segment_bytes = 99;
    assert_eq!(f.produce(super::Say { time: 1_000, ..plain(1) }), Err(InvalidTimestamp));
}

#[test]
fn plain_batches_pass_between_those_of_a_producer() {
    // idempotence/plain-writes-between
    let mut f = Fixture::new();
    assert_eq!(f.produce(data(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.produce(plain(3)), Ok(1));
    assert_eq!(f.produce(data(1, 0, 1, 1)), Ok(4));
    assert!(is_duplicate(f.append(data(1, 0, 0, 1))));
}

#[test]
fn the_lowest_sequence_tried_comes_first() {
    // idempotence/lowest-refused-sequence-comes-first
    let mut f = Fixture::new();
    f.v2 = false;
    assert_eq!(f.produce(txn(1, 0, 5, 1)), Ok(0));
    assert_eq!(f.produce(txn(1, 0, 7, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(txn(1, 0, 6, 1)), Ok(1));
    assert_eq!(f.mark(1, 0, true), Ok(2));
    assert_eq!(f.produce(txn(1, 0, 6, 1)), Ok(1), "a repeat tried first ...");
    assert_eq!(f.produce(txn(1, 0, 7, 1)), Err(OutOfOrderSequenceNumber), "... blocks the next");
    assert_eq!(f.mark(1, 0, true), Ok(3));
    assert_eq!(f.produce(txn(1, 0, 8, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.mark(1, 0, false), Ok(4));
    assert_eq!(f.produce(txn(1, 1, 0, 1)), Ok(5));
    assert_eq!(f.described(), [(1, 1, 0, 5)]);
}

#[test]
fn sequences_go_on_between_transactions_of_v1() {
    // idempotence/sequence-after-transaction-v1
    let mut f = Fixture::new();
    f.v2 = false;
    assert_eq!(f.produce(txn(1, 0, 0, 2)), Ok(0));
    assert_eq!(f.mark(1, 0, false), Ok(2));
    assert_eq!(f.described(), [(1, 0, 1, -1)]);
    assert_eq!(f.produce(txn(1, 0, 2, 1)), Ok(3));
    assert!(is_duplicate(f.append(txn(1, 0, 0, 2))));
    assert_eq!(f.produce(txn(1, 0, 4, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(txn(1, 0, 3, 1)), Ok(4));
}

#[test]
fn one_id_transactional_and_not() {
    // idempotence/transactional-and-idempotent-of-one-id
    let mut f = Fixture::new();
    assert_eq!(f.produce(txn(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.produce(data(1, 0, 1, 1)), Err(InvalidTxnState));
    assert_eq!(f.produce(data(1, 0, 5, 1)), Err(OutOfOrderSequenceNumber));
    assert!(is_duplicate(f.append(data(1, 0, 0, 1))));
    assert_eq!(f.produce(data(1, 1, 0, 1)), Err(InvalidTxnState));
    assert_eq!(f.produce(txn(1, 0, 1, 1)), Ok(1));
    assert_eq!(f.mark(1, 1, true), Ok(2));
    assert_eq!(f.produce(data(1, 0, 2, 1)), Err(InvalidProducerEpoch));
    assert_eq!(f.produce(data(1, 1, 2, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(data(1, 1, 0, 1)), Ok(3));
    assert!(is_duplicate(f.append(txn(1, 1, 0, 1))));
    assert_eq!(f.produce(txn(1, 1, 1, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.described(), [(1, 1, 0, -1)]);
}

#[test]
fn producers_expire_by_the_timestamp_of_their_last_batch() {
    // idempotence/expiration-counts-from-batch-timestamp
    let mut f = Fixture::new();
    assert_eq!(f.produce(super::Say { time: 1_000, ..data(1, 0, 0, 1) }), Ok(0));
    assert_eq!(f.produce(data(2, 0, 0, 1)), Ok(1));
    assert_eq!(f.produce(super::Say { time: 1_000, ..txn(3, 0, 0, 1) }), Ok(2));
    f.log.expire_producers(WALL, 3_000 * MILLISECOND);
    assert_eq!(f.described(), [(2, 0, 0, -1), (3, 0, 0, 2)], "never in a transaction");
    f.log.expire_producers(Timestamp(WALL.0 + 3_000), 3_000 * MILLISECOND);
    assert_eq!(f.described(), [(3, 0, 0, 2)]);
    assert_eq!(f.produce(data(1, 0, 9, 1)), Ok(3), "the forgotten may begin anywhere");
}

#[test]
fn the_canaries_let_duplicates_and_gaps_in() {
    let mut f = Fixture::new();
    f.rules.sequence_check = SequenceCheck::NoDuplicates;
    assert_eq!(f.produce(data(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.produce(data(1, 0, 1, 1)), Ok(1));
    assert_eq!(f.produce(data(1, 0, 0, 1)), Ok(2), "appended again");
    assert_eq!(f.produce(data(1, 0, 2, 1)), Ok(3), "and the producer goes on");
    assert_eq!(f.produce(data(1, 0, 4, 1)), Err(OutOfOrderSequenceNumber));
    f.rules.sequence_check = SequenceCheck::NoGaps;
    assert_eq!(f.produce(data(1, 0, 7, 1)), Ok(4));
    assert!(is_duplicate(f.append(data(1, 0, 7, 1))));
}

#[test]
fn only_the_last_batch_is_known_after_a_restart() {
    // idempotence/clean-restart-keeps-last-batch
    let mut f = Fixture::with(TopicConfig::default());
    for seq in 0..3 {
        f.produce(data(1, 0, seq, 1)).expect("in sequence");
    }
    let mut killed = f.log.clone();
    f.log.after_clean_stop(&f.batches);
    killed.after_kill(&f.batches);
    assert_eq!(killed.describe_producers(), f.log.describe_producers());
    assert!(is_duplicate(f.append(data(1, 0, 2, 1))));
    assert_eq!(f.produce(data(1, 0, 1, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(f.produce(data(1, 0, 3, 1)), Ok(3));
}

#[test]
fn an_unreplicated_tail_is_forgotten() {
    // idempotence/unreplicated-tail-is-forgotten
    let mut f = Fixture::new();
    for seq in 0..4 {
        f.produce(data(1, 0, seq, 1)).expect("in sequence");
    }
    f.log.truncate_to(Offset(2), &f.batches);
    assert_eq!(f.described(), [(1, 0, 1, -1)]);
    f.epoch = crate::types::LeaderEpoch(1);
    assert_eq!(f.produce(data(1, 0, 3, 1)), Err(OutOfOrderSequenceNumber));
    assert!(is_duplicate(f.append(data(1, 0, 0, 1))));
    assert_eq!(f.produce(data(1, 0, 2, 1)), Ok(2));
}

#[test]
fn deleted_records_leave_their_producer_known_until_a_restart() {
    // idempotence/state-outlives-deleted-records, clean-restart-keeps-last-batch
    let mut f = Fixture::new();
    assert_eq!(f.produce(data(1, 0, 0, 2)), Ok(0));
    assert_eq!(f.produce(data(1, 0, 2, 1)), Ok(2));
    f.log.delete_before(Offset(3));
    assert!(is_duplicate(f.append(data(1, 0, 0, 2))));
    assert_eq!(f.produce(data(1, 0, 4, 1)), Err(OutOfOrderSequenceNumber));
    f.log.after_clean_stop(&f.batches);
    assert_eq!(f.described(), [], "the snapshot at the log start offset is dropped");
    assert_eq!(f.produce(data(1, 0, 7, 1)), Ok(3));
}

#[test]
fn a_producer_whose_records_are_gone_is_known_by_a_snapshot() {
    // storage/producer-known-without-records
    let config = TopicConfig { segment_bytes: 100, ..TopicConfig::default() };
    let mut f = Fixture::with(config);
    assert_eq!(f.produce(data(1, 0, 0, 1)), Ok(0));
    assert_eq!(f.produce(data(1, 0, 1, 1)), Ok(1));
    assert_eq!(f.produce(plain(1)), Ok(2));
    assert_eq!(f.produce(plain(1)), Ok(3));
    f.log.delete_before(Offset(3));
    f.log.delete_old_segments(WALL, Offset(4));
    assert_eq!(f.log.segments().len(), 1);
    assert_eq!(f.described(), [(1, 0, 1, -1)]);
    f.log.after_clean_stop(&f.batches);
    assert_eq!(f.described(), [(1, 0, 1, -1)]);
    assert_eq!(f.produce(data(1, 0, 5, 1)), Err(OutOfOrderSequenceNumber));
    assert!(is_duplicate(f.append(data(1, 0, 1, 1))));
    f.log.after_kill(&f.batches);
    assert_eq!(f.described(), [(1, 0, 1, -1)]);
    assert_eq!(f.produce(data(1, 0, 2, 1)), Ok(4));
}

#[test]
fn an_unknown_producer_that_skips_its_first_sequence_is_told() {
    let mut f = Fixture::new();
    let mut skips = |say| match f.append(say) {
        AppendOutcome::Appended { skips, .. } => skips,
        other => panic!("{other:?}"),
    };
    assert!(skips(data(1, 0, 4, 2)), "nothing is known of it");
    assert!(!skips(data(1, 0, 6, 1)), "it is known now");
    assert!(!skips(data(2, 0, 0, 1)), "its first");
    assert!(!skips(plain(1)), "no producer");
}
