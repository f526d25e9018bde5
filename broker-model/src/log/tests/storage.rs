use alloc::vec::Vec;

use super::{Fixture, Say, WALL, data, is_duplicate, plain, txn};
use crate::config::TopicConfig;
use crate::log::{AppendOutcome, FoundOffset};
use crate::protocol::ErrorCode;
use crate::protocol::fetch::EpochEnd;
use crate::types::{LeaderEpoch, MILLISECOND, Now, Offset, Timestamp};

fn small_segments(bytes: u32) -> Fixture {
    Fixture::with(TopicConfig { segment_bytes: bytes, ..TopicConfig::default() })
}

fn read(f: &Fixture, from: i64, bound: i64, max: u32, one: bool) -> Vec<i64> {
    let mut out = Vec::new();
    let read = f.log.read(Offset(from), Offset(bound), max, one, &f.batches, &mut out);
    assert_eq!(read.count as usize, out.len());
    out.iter().map(|e| e.base_offset.0).collect()
}

#[test]
fn one_read_stays_in_one_segment() {
    let mut f = small_segments(300);
    for _ in 0..5 {
        f.produce(plain(2)).expect("no limit is met");
    }
    let bases: Vec<i64> = f.log.segments().iter().map(|s| s.base_offset.0).collect();
    assert_eq!(bases, [0, 6]);
    assert_eq!(read(&f, 0, 10, 10_000, true), [0, 2, 4]);
    assert_eq!(read(&f, 3, 10, 10_000, true), [2, 4], "from within a batch it comes whole");
    assert_eq!(read(&f, 6, 10, 10_000, true), [6, 8]);
    assert_eq!(read(&f, 6, 8, 10_000, true), [6], "nothing at or above the bound");
    assert_eq!(read(&f, 0, 10, 250, true), [0, 2]);
    assert_eq!(read(&f, 0, 10, 0, true), [0], "the first comes even if it is too large");
    assert_eq!(read(&f, 0, 10, 0, false), []);
    assert_eq!(read(&f, 10, 10, 100, true), []);
    assert_eq!(f.log.bytes_between(Offset(0), Offset(10), u64::MAX, &f.batches), 500);
    assert_eq!(f.log.bytes_between(Offset(2), Offset(8), 1, &f.batches), 100);
}

#[test]
fn segments_roll_by_time_between_timestamps() {
    let mut f = Fixture::new();
    f.log.config_mut().segment_age = 10 * MILLISECOND;
    for time in [WALL.0, WALL.0 + 10, WALL.0 + 11] {
        f.produce(Say { time, ..plain(1) }).expect("no limit is met");
    }
    let bases: Vec<i64> = f.log.segments().iter().map(|s| s.base_offset.0).collect();
    assert_eq!(bases, [0, 2]);
}

#[test]
fn retention_by_size_and_time() {
    let mut f = small_segments(200);
    for i in 0..6 {
        f.produce(Say { time: WALL.0 + i, ..plain(1) }).expect("no limit is met");
    }
    f.log.config_mut().retention_bytes = Some(450);
    let end = f.log.log_end_offset();
    assert!(!f.log.delete_old_segments(WALL, end), "a segment goes when what is left suffices");
    f.log.config_mut().retention_bytes = Some(400);
    assert!(!f.log.delete_old_segments(WALL, Offset(1)), "nothing above the high watermark");
    assert!(f.log.delete_old_segments(WALL, end));
    assert_eq!((f.log.log_start_offset(), f.log.size_bytes()), (Offset(2), 400));
    assert_eq!(f.bases(), [2, 3, 4, 5]);
    f.log.config_mut().retention_bytes = None;
    f.log.config_mut().retention = Some(MILLISECOND);
    assert!(f.log.delete_old_segments(Timestamp(WALL.0 + 5), end));
    assert_eq!(f.bases(), [4, 5]);
    assert!(f.log.delete_old_segments(Timestamp(WALL.0 + 1_000), end));
    assert_eq!(f.bases(), [], "by time the active segment goes too");
    assert_eq!(f.log.log_start_offset(), end);
    assert_eq!(f.produce(plain(1)), Ok(6));
    assert_eq!(read(&f, 6, 7, 1_000, true), [6]);
}

#[test]
fn segments_below_the_log_start_offset_go() {
    let mut f = small_segments(200);
    for seq in 0..5 {
        f.produce(data(1, 0, seq, 1)).expect("in sequence");
    }
    assert!(f.log.delete_before(Offset(3)));
    assert!(!f.log.delete_before(Offset(2)), "it never falls");
    assert_eq!(f.bases(), [0, 1, 2, 3, 4]);
    f.log.delete_old_segments(WALL, Offset(5));
    assert_eq!(f.bases(), [2, 3, 4]);
    assert_eq!(f.log.log_start_offset(), Offset(3));
    f.log.truncate_to(Offset(4), &f.batches);
    assert_eq!(f.described(), [(1, 0, 3, -1)]);
}

#[test]
fn snapshots_outlive_the_records_before_them() {
    // idempotence/state-outlives-retention
    let mut f = small_segments(200);
    for seq in 0..2 {
        f.produce(data(1, 0, seq, 1)).expect("in sequence");
    }
    for _ in 0..3 {
        f.produce(plain(1)).expect("no limit is met");
    }
    f.log.config_mut().retention_bytes = Some(200);
    f.log.delete_old_segments(WALL, Offset(5));
    assert!(f.log.log_start_offset() >= Offset(2));
    f.log.after_kill(&f.batches);
    assert_eq!(f.described(), [(1, 0, 1, -1)]);
}

#[test]
fn epochs_end_where_the_next_begins() {
    let mut f = Fixture::new();
    let end = |epoch, end| Some(EpochEnd { epoch: LeaderEpoch(epoch), end_offset: Offset(end) });
    assert_eq!(f.log.end_offset_for_epoch(LeaderEpoch(0)), None);
    f.epoch = LeaderEpoch(1);
    f.produce(plain(3)).expect("no limit is met");
    f.log.assign_epoch(LeaderEpoch(2));
    f.log.assign_epoch(LeaderEpoch(3));
    assert_eq!(f.log.leader_epochs().starts().len(), 2, "an epoch without batches is gone");
    f.epoch = LeaderEpoch(3);
    f.produce(plain(2)).expect("no limit is met");
    assert_eq!(f.log.end_offset_for_epoch(LeaderEpoch(0)), end(0, 0));
    assert_eq!(f.log.end_offset_for_epoch(LeaderEpoch(1)), end(1, 3));
    assert_eq!(f.log.end_offset_for_epoch(LeaderEpoch(2)), end(1, 3));
    assert_eq!(f.log.end_offset_for_epoch(LeaderEpoch(3)), end(3, 5));
    assert_eq!(f.log.end_offset_for_epoch(LeaderEpoch(4)), None);
    assert_eq!(f.log.diverging_epoch(Offset(3), LeaderEpoch(1)), Ok(None));
    assert_eq!(f.log.diverging_epoch(Offset(4), LeaderEpoch(1)), Ok(end(1, 3)));
    assert_eq!(f.log.diverging_epoch(Offset(4), LeaderEpoch(2)), Ok(end(1, 3)));
    assert!(f.log.diverging_epoch(Offset(4), LeaderEpoch(9)).is_err());
    assert_eq!(f.log.leader_epochs().epoch_at(Offset(2)), Some(LeaderEpoch(1)));
    assert_eq!(f.log.leader_epochs().epoch_at(Offset(3)), Some(LeaderEpoch(3)));
    f.log.truncate_to(Offset(3), &f.batches);
    assert_eq!(f.log.latest_epoch(), Some(LeaderEpoch(1)));
}

#[test]
fn a_power_cut_takes_the_torn_tail() {
    let mut f = Fixture::new();
    for seq in 0..4 {
        f.produce(txn(1, 0, 2 * seq, 2)).expect("in sequence");
    }
    f.log.flushed(Offset(4));
    f.log.delete_before(Offset(3));
    f.log.recover(Offset(5), &f.batches);
    assert_eq!(f.bases(), [0, 2], "a batch that is not whole goes");
    assert_eq!(f.log.log_end_offset(), Offset(4));
    assert_eq!(f.log.log_start_offset(), Offset(0), "not in its checkpoint yet");
    assert_eq!(f.described(), [(1, 0, 3, 0)]);
    assert_eq!(f.log.first_unstable_offset(), Some(Offset(0)));
    f.log.recover(Offset(0), &f.batches);
    assert_eq!((f.bases(), f.log.size_bytes()), (Vec::new(), 0));
    assert_eq!(f.described(), []);
}

#[test]
fn a_recovery_begins_at_the_checkpoint_of_the_recovery_point() {
    let mut f = Fixture::new();
    for seq in 0..4 {
        f.produce(txn(1, 0, 2 * seq, 2)).expect("in sequence");
    }
    f.log.flushed(Offset(4));
    f.log.checkpoint_recovery_point();
    f.log.flushed(Offset(8));
    let mut cut = f.log.clone();
    f.log.after_kill(&f.batches);
    assert_eq!((f.log.recovery_point(), f.log.log_end_offset()), (Offset(4), Offset(8)));
    f.log.flushed(Offset(8));
    f.log.recover(Offset(8), &f.batches);
    assert_eq!((f.log.recovery_point(), f.log.log_end_offset()), (Offset(4), Offset(8)));
    cut.truncate_to(Offset(2), &f.batches);
    cut.assert_invariants();
    cut.after_kill(&f.batches);
    assert_eq!(cut.recovery_point(), Offset(2));
    f.log.after_clean_stop(&f.batches);
    f.log.after_kill(&f.batches);
    assert_eq!(f.log.recovery_point(), Offset(8));
}

#[test]
fn lookups_by_timestamp() {
    // log/timestamp-lookup-out-of-order
    let mut f = Fixture::new();
    for times in
        [&[500, 300, 400][..], &[900, 200], &[700, 900, 900], &[900, 100], &[100, 950, 100, 950]]
    {
        let times: Vec<Timestamp> = times.iter().map(|&t| Timestamp(t)).collect();
        let batch = f.batch_at(plain(1), &times);
        f.append_batch(batch);
    }
    let at = |f: &Fixture, t| {
        f.log.offset_for_timestamp(Timestamp(t), &f.batches, f).map(|f| (f.offset.0, f.timestamp.0))
    };
    let max = |f: &Fixture| f.log.max_timestamp_offset(&f.batches, f);
    for (t, found) in [
        (0, Some((0, 500))),
        (350, Some((0, 500))),
        (500, Some((0, 500))),
        (501, Some((3, 900))),
        (900, Some((3, 900))),
        (901, Some((11, 950))),
        (951, None),
    ] {
        assert_eq!(at(&f, t), found, "at {t}");
    }
    let latest =
        FoundOffset { offset: Offset(11), timestamp: Timestamp(950), leader_epoch: LeaderEpoch(0) };
    assert_eq!(max(&f), Some(latest));
    f.log.delete_before(Offset(2));
    assert_eq!(at(&f, 0), Some((2, 400)));
    f.log.delete_before(Offset(4));
    assert_eq!(at(&f, 900), Some((6, 900)));
    f.log.delete_before(Offset(12));
    assert_eq!(at(&f, 901), Some((13, 950)));
    f.log.delete_before(Offset(14));
    assert_eq!(at(&f, 0), None);
    assert_eq!(max(&f), Some(latest), "known though no longer to be had");
}

#[test]
fn an_empty_log_finds_nothing() {
    let f = Fixture::new();
    assert_eq!(f.log.offset_for_timestamp(Timestamp(0), &f.batches, &f), None);
    assert_eq!(f.log.max_timestamp_offset(&f.batches, &f), None);
    assert_eq!(f.aborted(0), []);
}

#[test]
fn a_compacted_topic_wants_keys() {
    // log/compacted-topic-needs-keys
    let mut f = Fixture::new();
    let batch = f.batch(plain(1));
    assert_eq!(f.log.check_records(WALL, batch, &f.batches, &f), Ok(()));
    f.log.config_mut().set("cleanup.policy", "compact").expect("a key");
    let keyless = Err(ErrorCode::InvalidRecord);
    assert_eq!(f.log.check_records(WALL, batch, &f.batches, &f), keyless);
    // What is wrong with the key is not asked for its timestamp.
    f.log.config_mut().timestamp_before_max = MILLISECOND;
    let old = f.batch(Say { time: 1_000, ..plain(1) });
    assert_eq!(f.log.check_records(WALL, old, &f.batches, &f), keyless);
}

#[test]
fn log_append_time_is_the_leaders() {
    let mut f = Fixture::new();
    f.log.config_mut().set("message.timestamp.type", "LogAppendTime").expect("a key");
    let sent = f.batch(Say { time: 1_000, ..data(1, 0, 0, 2) });
    let now = Now { wall: WALL, ..Now::default() };
    let batch = f.log.stamped(now, sent, &mut f.batches);
    assert_eq!(f.batches.records(batch), f.batches.records(sent));
    assert!(matches!(f.append_batch(batch), AppendOutcome::Appended { append_time: WALL, .. }));
    let found = f.log.offset_for_timestamp(Timestamp(1_001), &f.batches, &f);
    assert_eq!(found.map(|f| (f.offset, f.timestamp)), Some((Offset(0), WALL)));
    let repeat = f.log.stamped(now, sent, &mut f.batches);
    assert!(is_duplicate(f.append_batch(repeat)));
}

#[test]
fn a_young_segment_keeps_those_after_it() {
    // storage/retention-by-time, retention-future-timestamp
    let mut f = small_segments(200);
    for time in [1_000, 2_000, WALL.0, 3_000, 4_000, 5_000] {
        f.produce(Say { time, ..plain(1) }).expect("no limit is met");
    }
    f.log.config_mut().retention = Some(600_000 * MILLISECOND);
    f.log.delete_old_segments(WALL, Offset(6));
    assert_eq!(f.bases(), [2, 3, 4, 5]);
    assert_eq!(f.log.leader_epochs().starts(), [(LeaderEpoch(0), Offset(2))]);
}

#[test]
fn a_log_start_that_was_lost_has_no_epoch() {
    // storage/delete-records-lost-by-kill
    let mut f = Fixture::new();
    assert_eq!(f.produce(plain(2)), Ok(0));
    assert_eq!(f.produce(plain(1)), Ok(2));
    f.log.delete_before(Offset(1));
    f.log.after_kill(&f.batches);
    assert_eq!(f.log.log_start_offset(), Offset(0));
    assert_eq!(f.log.leader_epochs().epoch_at(Offset(0)), None);
    assert_eq!(read(&f, 0, 3, 1_000, true), [0, 2]);
}

#[test]
fn exactly_the_segment_size_fits() {
    // storage/roll-by-size
    let mut f = small_segments(138);
    let sized = |bytes| Say { bytes, ..plain(1) };
    for bytes in [69, 69, 69, 70, 69] {
        f.produce(sized(bytes)).expect("no limit is met");
    }
    f.log.config_mut().segment_bytes = 1_000;
    f.produce(sized(69)).expect("no limit is met");
    f.produce(sized(69)).expect("no limit is met");
    f.log.config_mut().segment_bytes = 100;
    f.produce(sized(69)).expect("no limit is met");
    let bases: Vec<i64> = f.log.segments().iter().map(|s| s.base_offset.0).collect();
    assert_eq!(bases, [0, 2, 3, 4, 7]);
    assert_eq!(read(&f, 4, 8, 10_000, true), [4, 5, 6]);
}

#[test]
fn divergence_as_recorded() {
    // replication/diverging-epoch
    let mut f = Fixture::new();
    f.produce(plain(2)).expect("no limit is met");
    f.epoch = LeaderEpoch(2);
    f.produce(plain(2)).expect("no limit is met");
    let parts = |f: &Fixture, offset, epoch| {
        let found = f.log.diverging_epoch(Offset(offset), LeaderEpoch(epoch));
        found.map(|d| d.map(|d| (d.epoch.0, d.end_offset.0))).ok()
    };
    for (offset, epoch, expected) in [
        (2, 0, Some(None)),
        (3, 0, Some(Some((0, 2)))),
        (2, 1, Some(Some((0, 2)))),
        (9, 1, Some(Some((0, 2)))),
        (1, 2, Some(None)),
        (4, 2, Some(None)),
        (5, 2, Some(Some((2, 4)))),
        (4, 3, None),
        (0, 3, None),
    ] {
        assert_eq!(parts(&f, offset, epoch), expected, "offset {offset}, epoch {epoch}");
    }
    f.log.delete_before(Offset(3));
    assert_eq!(parts(&f, 3, 0), Some(None));
    assert_eq!(parts(&f, 5, 0), Some(Some((0, 3))));
}
