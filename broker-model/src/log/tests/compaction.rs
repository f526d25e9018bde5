//! Compaction against a naive reader of the whole log.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::twins::{Step, drive, step};
use super::{Fixture, WALL, data, plain, txn};
use crate::config::{CleanupPolicy, TopicConfig};
use crate::log::{Cleanable, Log};
use crate::protocol::ErrorCode;
use crate::records::{Batches, Content, LogEntry, RecordSource};
use crate::rules::{CleanControlByKey, Compaction, PartialCleanIndex, Rules};
use crate::types::{MILLISECOND, Offset, RecordId, Timestamp};

const COMPACT: CleanupPolicy = CleanupPolicy { delete: false, compact: true };
/// `delete.retention.ms` by default.
const DAY_MS: i64 = 24 * 3_600_000;

/// Few keys, and a tombstone now and then.
struct Keys;

impl RecordSource for Keys {
    fn timestamp(&self, record: RecordId) -> Timestamp {
        Timestamp(WALL.0 + i64::from(record.0))
    }
    fn key(&self, record: RecordId) -> Option<u64> {
        Some(u64::from(record.0 * 7 % 5))
    }
    fn is_tombstone(&self, record: RecordId) -> bool {
        record.0 % 6 == 5
    }
}

/// What a `read_committed` reader is given from the beginning: offsets with records.
fn visible(log: &Log, batches: &Batches) -> Vec<(Offset, RecordId)> {
    let stable = log.first_unstable_offset().unwrap_or(log.log_end_offset());
    let mut waiting = log.aborted_transactions(log.log_start_offset(), stable);
    let mut aborting = Vec::new();
    let mut out = Vec::new();
    for entry in log.entries().iter().take_while(|e| e.base_offset < stable) {
        let body = batches.get(entry.batch);
        let last = entry.base_offset + (i64::from(body.count) - 1);
        waiting.retain(|a| {
            let met = a.first_offset <= last;
            if met {
                aborting.push(a.producer_id);
            }
            !met
        });
        if matches!(body.content, Content::Marker { .. }) {
            aborting.retain(|&id| id != body.producer_id);
        } else if !(body.transactional && aborting.contains(&body.producer_id)) {
            let ids = batches.records(entry.batch);
            let at = |p: u32| (entry.base_offset + i64::from(p), ids[p as usize]);
            out.extend(batches.positions(entry.batch).map(at));
        }
    }
    out
}

/// The newest record of each key below an offset; a tombstone is no record.
fn state(visible: &[(Offset, RecordId)], end: Offset) -> BTreeMap<u64, (Offset, RecordId)> {
    let below = visible.iter().filter(|v| v.0 < end);
    let mut newest: BTreeMap<u64, _> =
        below.map(|&v| (Keys.key(v.1).expect("all have one"), v)).collect();
    newest.retain(|_, v| !Keys.is_tombstone(v.1));
    newest
}

fn clean(f: &mut Fixture, wall: Timestamp, rules: &Rules) -> Option<Cleanable> {
    let stable = f.log.first_unstable_offset().unwrap_or(f.log.log_end_offset());
    let what = f.log.cleanable(wall, stable)?;
    let done = f.log.clean((what, usize::MAX), wall, &mut f.batches, &Keys, rules);
    assert!(done.written <= done.read, "compaction never makes a log longer");
    f.log.assert_invariants();
    Some(what)
}

/// What every reader relies on, entry by entry.
fn assert_readable(log: &Log, batches: &Batches) {
    let sizes: u64 = log.entries().iter().map(|e| u64::from(batches.get(e.batch).bytes)).sum();
    assert_eq!(sizes, log.size_bytes());
    assert_eq!(sizes, log.segments().iter().map(|s| s.bytes).sum::<u64>());
    let end = log.log_end_offset();
    for offset in log.log_start_offset().0..end.0 {
        let mut out = Vec::new();
        log.read(Offset(offset), end, u32::MAX, true, batches, &mut out);
        let naive = log
            .entries()
            .iter()
            .find(|e| e.base_offset + i64::from(batches.get(e.batch).count) > Offset(offset));
        assert_eq!(out.first(), naive, "read from {offset}");
    }
}

fn compacted(steps: &[Step]) -> Fixture {
    let mut f = drive(steps);
    f.log.config_mut().cleanup_policy = COMPACT;
    let end = f.log.log_end_offset();
    f.log.on_high_watermark(end);
    f
}

proptest! {
    /// However often a log is cleaned, offsets keep their records, nothing aborted comes back,
    /// and each key keeps its newest value. Producers are known as before, also to a replica
    /// that is made from what is left, as far as that has more of them than an emptied marker.
    #[test]
    fn a_cleaned_log_has_the_same_latest_state(
        steps in prop::collection::vec(step(), 0..80),
        pauses in prop::collection::vec(0..2 * DAY_MS, 1..5),
    ) {
        let mut f = compacted(&steps);
        let before = visible(&f.log, &f.batches);
        let producers = f.described();
        let mut wall = WALL;
        for pause in pauses {
            wall = Timestamp(wall.0 + pause);
            let Some(what) = clean(&mut f, wall, &Rules::default()) else { break };
            let after = visible(&f.log, &f.batches);
            prop_assert!(after.iter().all(|v| before.contains(v)), "nothing new, nothing moved");
            let tail = |v: &[(Offset, RecordId)]| {
                v.iter().filter(|v| v.0 >= what.end).copied().collect::<Vec<_>>()
            };
            prop_assert_eq!(tail(&after), tail(&before));
            prop_assert_eq!(state(&after, what.end), state(&before, what.end));
            prop_assert_eq!(f.described(), producers.clone());
            assert_readable(&f.log, &f.batches);
            // Make it dirty again, so that tombstones and markers meet another cleaning.
            f.log.cleaner_checkpoint = f.log.log_start_offset();
        }
        let mut copy = Log::new(f.log.partition(), f.log.config().clone());
        for entry in f.log.entries() {
            copy.append_as_follower(*entry, &f.batches);
        }
        assert_readable(&copy, &f.batches);
        let known = |log: &Log, id| log.producer(id).map(|p| (p.epoch, p.last_sequence()));
        for producer in f.log.producers.iter() {
            let of_it = |e: &&LogEntry| f.batches.get(e.batch).producer_id == producer.id;
            let last = f.log.entries().iter().rfind(of_it);
            let emptied = last.is_some_and(|e| {
                f.batches.get(e.batch).control && f.batches.is_emptied(e.batch)
            });
            // Of such a marker a copy learns no more than that there was a producer.
            if emptied {
                prop_assert_ne!(known(&copy, producer.id), None);
            } else {
                prop_assert_eq!(known(&copy, producer.id), known(&f.log, producer.id));
            }
        }
    }

    /// Cut anywhere, a log with holes ends where it was cut or at a batch's border below.
    #[test]
    fn a_cleaned_log_can_be_cut(
        steps in prop::collection::vec(step(), 0..60), cut in 0_i64..200,
    ) {
        let mut f = compacted(&steps);
        clean(&mut f, WALL, &Rules::default());
        let cut = Offset(cut.min(f.log.log_end_offset().0));
        f.log.truncate_to(cut, &f.batches);
        prop_assert!(f.log.log_end_offset() <= cut);
        assert_readable(&f.log, &f.batches);
        f.log.assert_invariants();
    }
}

/// Five segments of one record each and the active one.
fn five() -> Fixture {
    let config =
        TopicConfig { cleanup_policy: COMPACT, segment_bytes: 100, ..TopicConfig::default() };
    let mut f = Fixture::with(config);
    for time in 0..6 {
        f.append(super::Say { time: WALL.0 + time, ..plain(1) });
    }
    f
}

#[test]
fn the_dirty_ratio_and_the_lags_decide() {
    let mut f = five();
    let end = f.log.log_end_offset();
    let of = |f: &Fixture, wall: i64| f.log.cleanable(Timestamp(WALL.0 + wall), end);
    let whole = of(&f, 0).expect("five segments");
    assert_eq!((whole.end, whole.clean_bytes, whole.dirty_bytes), (Offset(5), 0, 500));
    assert!(whole.is_due(999_999) && !whole.is_due(1_000_000), "the ratio must be passed");
    f.log.config_mut().min_compaction_lag = 3 * MILLISECOND;
    assert_eq!(of(&f, 5).map(|c| c.end), Some(Offset(3)), "of 0, 1 and 2 ms");
    assert_eq!(of(&f, 2).map(|c| c.dirty_bytes), Some(0));
    f.log.config_mut().min_compaction_lag = 0;
    f.log.config_mut().max_compaction_lag = 10 * MILLISECOND;
    assert!(!of(&f, 10).expect("dirty").overdue);
    assert!(of(&f, 11).expect("dirty").is_due(1_000_000), "overdue");
    f.log.cleaner_checkpoint = Offset(3);
    let half = of(&f, 0).expect("two segments");
    assert_eq!((half.clean_bytes, half.dirty_bytes), (300, 200));
    assert!(half.is_due(399_999) && !half.is_due(400_000));
}

#[test]
fn nothing_above_the_last_stable_offset_is_cleaned() {
    let f = five();
    let what = f.log.cleanable(WALL, Offset(3)).expect("something");
    assert_eq!(what.end, Offset(3));
    assert_eq!(f.log.cleanable(WALL, Offset(0)).map(|c| c.dirty_bytes), Some(0));
}

#[test]
fn the_planted_bug_loses_the_newest() {
    let mut f = five();
    f.append(data(-1, -1, -1, 1));
    let before = visible(&f.log, &f.batches);
    let rules = Rules { compaction: Compaction::DropNewest, ..Rules::default() };
    let what = clean(&mut f, WALL, &rules).expect("dirty");
    assert_ne!(state(&visible(&f.log, &f.batches), what.end), state(&before, what.end));
}

#[test]
fn before_3_2_1_a_marker_went_with_a_newer_record_of_its_key() {
    for (rule, left) in [
        (CleanControlByKey::Off, &[0, 1, 2, 3, 4, 5][..]),
        (CleanControlByKey::On, &[0, 2, 3, 4, 5]),
    ] {
        let config =
            TopicConfig { cleanup_policy: COMPACT, segment_bytes: 100, ..TopicConfig::default() };
        let mut f = Fixture::with(config);
        assert_eq!(f.produce(txn(7, 0, 0, 1)), Ok(0));
        assert_eq!(f.mark(7, 0, false), Ok(1));
        // The next records are 5, 6 and 7, with the keys 0, 2 and 4; the marker of an abort has
        // the key 0, that of a commit 1.
        f.times.resize(5, WALL);
        assert_eq!(f.produce(plain(1)), Ok(2));
        assert_eq!(f.produce(txn(8, 0, 0, 1)), Ok(3));
        assert_eq!(f.mark(8, 0, true), Ok(4));
        assert_eq!(f.produce(plain(1)), Ok(5));
        f.stable();
        let rules = Rules { clean_control_by_key: rule, ..Rules::default() };
        clean(&mut f, WALL, &rules).expect("dirty");
        assert_eq!(f.bases(), left);
    }
}

#[test]
fn where_the_map_is_full_a_cleaning_ends_and_what_was_aborted_behind_stays_so() {
    for (rule, is_alive) in
        [(PartialCleanIndex::Whole, false), (PartialCleanIndex::CleanedPartOnly, true)]
    {
        let config = TopicConfig { cleanup_policy: COMPACT, ..TopicConfig::default() };
        let mut f = Fixture::with(config);
        for at in 0..3 {
            assert_eq!(f.produce(plain(1)), Ok(at), "a key each");
        }
        assert_eq!(f.produce(txn(7, 0, 0, 1)), Ok(3));
        assert_eq!(f.mark(7, 0, false), Ok(4));
        f.log.roll();
        assert_eq!(f.produce(plain(1)), Ok(5));
        let stable = Offset(f.stable());
        let what = f.log.cleanable(WALL, stable).expect("a segment");
        let rules = Rules { partial_clean_index: rule, ..Rules::default() };
        let done = f.log.clean((what, 2), WALL, &mut f.batches, &Keys, &rules);
        assert_eq!((done.end, f.log.cleaner_checkpoint()), (Offset(5), Offset(2)));
        let left: Vec<i64> = visible(&f.log, &f.batches).iter().map(|v| v.0.0).collect();
        assert_eq!(left, if is_alive { &[0, 1, 2, 3, 5][..] } else { &[0, 1, 2, 5] });
        assert_readable(&f.log, &f.batches);
        let what = f.log.cleanable(WALL, stable).expect("the rest of it");
        assert_eq!((what.first_dirty, what.end), (Offset(2), Offset(5)));
    }
}

#[test]
fn what_was_aborted_before_the_dirty_part_says_nothing_of_it() {
    let config = TopicConfig {
        cleanup_policy: COMPACT,
        min_cleanable_dirty_ratio: 0,
        ..TopicConfig::default()
    };
    let mut f = Fixture::with(config);
    assert_eq!(f.produce(txn(7, 0, 0, 1)), Ok(0));
    assert_eq!(f.mark(7, 0, false), Ok(1));
    f.log.roll();
    f.stable();
    clean(&mut f, WALL, &Rules::default()).expect("dirty");
    // The same producer commits: the first and the last of six records have the same key.
    for sequence in 0..6 {
        assert_eq!(f.produce(txn(7, 0, sequence + 1, 1)), Ok(i64::from(sequence) + 2));
    }
    assert_eq!(f.mark(7, 0, true), Ok(8));
    f.log.roll();
    f.stable();
    clean(&mut f, WALL, &Rules::default()).expect("dirty");
    let left: Vec<i64> = visible(&f.log, &f.batches).iter().map(|v| v.0.0).collect();
    assert_eq!(left, [3, 4, 5, 6, 7], "the older of the two is gone");
}

#[test]
fn a_marker_of_which_nothing_is_left_tells_no_epoch_to_who_copies_it() {
    let config = TopicConfig {
        cleanup_policy: COMPACT,
        min_cleanable_dirty_ratio: 0,
        delete_retention: 0,
        ..TopicConfig::default()
    };
    let mut f = Fixture::with(config);
    assert_eq!(f.produce(txn(7, 0, 0, 1)), Ok(0));
    assert_eq!(f.mark(7, 1, false), Ok(1));
    for at in 2..5 {
        f.log.roll();
        f.stable();
        clean(&mut f, Timestamp(WALL.0 + at * DAY_MS), &Rules::default()).expect("dirty");
        assert_eq!(f.produce(plain(1)), Ok(at));
    }
    let marker = f.log.entries()[0];
    assert_eq!(marker.base_offset, Offset(1));
    assert!(f.batches.is_emptied(marker.batch));
    assert_eq!(f.produce(data(7, 0, 5, 1)), Err(ErrorCode::InvalidProducerEpoch), "it knows");
    let mut copy = Log::new(f.log.partition(), f.log.config().clone());
    for entry in f.log.entries() {
        copy.append_as_follower(*entry, &f.batches);
    }
    f.log = copy;
    assert_eq!(f.produce(data(7, 0, 5, 1)), Ok(5), "who copied it does not");
}
