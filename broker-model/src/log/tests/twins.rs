//! The log against naive versions of itself.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Fixture, Say, data, plain, txn};
use crate::config::TopicConfig;
use crate::log::Log;
use crate::records::LogEntry;
use crate::types::{LeaderEpoch, Offset};

/// What a random client or coordinator does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Data { pid: i64, skip: i32, count: u32, transactional: bool },
    Repeat { pid: i64 },
    Marker { pid: i64, bump: bool, commit: bool },
    Plain { count: u32 },
    NewEpoch,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_i64..4, prop_oneof![9 => Just(0), 1 => 1..3], 1_u32..4, any::<bool>()).prop_map(
            |(pid, skip, count, transactional)| Step::Data { pid, skip, count, transactional }
        ),
        2 => (1_i64..4).prop_map(|pid| Step::Repeat { pid }),
        3 => (1_i64..4, any::<bool>(), any::<bool>())
            .prop_map(|(pid, bump, commit)| Step::Marker { pid, bump, commit }),
        2 => (1_u32..4).prop_map(|count| Step::Plain { count }),
        1 => Just(Step::NewEpoch),
    ]
}

/// Drives a log; what is refused is refused, the rest is the history.
pub(super) fn drive(steps: &[Step]) -> Fixture {
    let config = TopicConfig { segment_bytes: 700, ..TopicConfig::default() };
    let mut f = Fixture::with(config);
    f.v2 = false;
    let mut last: [Option<Say>; 4] = [None; 4];
    for step in steps {
        match *step {
            Step::Data { pid, skip, count, transactional } => {
                let state = f.log.producer(crate::types::ProducerId(pid));
                let (epoch, next) = state.map_or((0, 0), |s| (s.epoch.0, s.last_sequence() + 1));
                let say = if transactional { txn } else { data };
                let say = say(pid, epoch, next + skip, count);
                last[usize::try_from(pid).expect("small")] = Some(say);
                let _ = f.append(say);
            }
            Step::Repeat { pid } => {
                if let Some(say) = last[usize::try_from(pid).expect("small")] {
                    let _ = f.append(say);
                }
            }
            Step::Marker { pid, bump, commit } => {
                let state = f.log.producer(crate::types::ProducerId(pid));
                let epoch = state.map_or(0, |s| s.epoch.0) + i16::from(bump);
                let _ = f.mark(pid, epoch, commit);
            }
            Step::Plain { count } => {
                let _ = f.append(plain(count));
            }
            Step::NewEpoch => {
                f.epoch = f.epoch.next();
                f.log.assign_epoch(f.epoch);
            }
        }
    }
    f
}

/// A follower's log of the leader's first entries.
fn copy(f: &Fixture, entries: &[LogEntry]) -> Log {
    let mut log = Log::new(f.log.partition(), f.log.config().clone());
    for entry in entries {
        log.append_as_follower(*entry, &f.batches);
    }
    log
}

/// Aborted transactions by the definition: those with a batch in the log and an abort marker
/// at or after `from`, begun before `upper`.
fn naive_aborted(f: &Fixture, from: i64, upper: i64) -> Vec<(i64, i64)> {
    let mut open: Vec<(i64, i64)> = Vec::new();
    let mut out = Vec::new();
    for entry in f.log.entries() {
        let body = f.batches.get(entry.batch);
        let pid = body.producer_id.0;
        if let crate::records::Content::Marker { commit, .. } = body.content {
            if let Some(at) = open.iter().position(|o| o.0 == pid) {
                let (_, first) = open.remove(at);
                if !commit && entry.base_offset.0 >= from && first < upper {
                    out.push((pid, first));
                }
            }
        } else if body.transactional && !open.iter().any(|o| o.0 == pid) {
            open.push((pid, entry.base_offset.0));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_follower_knows_what_its_leader_knows(steps in prop::collection::vec(step(), 1..60)) {
        let f = drive(&steps);
        let copied = copy(&f, f.log.entries());
        prop_assert_eq!(copied.describe_producers(), f.log.describe_producers());
        prop_assert_eq!(copied.first_unstable_offset(), f.log.first_unstable_offset());
        prop_assert_eq!(copied.segments(), f.log.segments());
        prop_assert_eq!(copied.size_bytes(), f.log.size_bytes());
        prop_assert_eq!(
            copied.aborted_transactions(Offset(0), f.log.log_end_offset()),
            f.log.aborted_transactions(Offset(0), f.log.log_end_offset())
        );
    }

    #[test]
    fn a_truncated_log_is_as_if_the_tail_had_never_been(
        steps in prop::collection::vec(step(), 1..60),
        cut in 0_i64..120,
    ) {
        let f = drive(&steps);
        let mut log = f.log.clone();
        log.truncate_to(Offset(cut), &f.batches);
        log.assert_invariants();
        let kept = log.entries().len();
        let fresh = copy(&f, &f.log.entries()[..kept]);
        prop_assert_eq!(log.entries(), fresh.entries());
        prop_assert_eq!(log.log_end_offset(), fresh.log_end_offset());
        prop_assert_eq!(log.size_bytes(), fresh.size_bytes());
        prop_assert_eq!(log.describe_producers(), fresh.describe_producers());
        prop_assert_eq!(
            log.aborted_transactions(Offset(0), Offset(1_000)),
            fresh.aborted_transactions(Offset(0), Offset(1_000))
        );
        let mut a = log.clone();
        let mut b = fresh.clone();
        a.on_high_watermark(a.log_end_offset());
        b.on_high_watermark(b.log_end_offset());
        prop_assert_eq!(a.first_unstable_offset(), b.first_unstable_offset());
    }

    #[test]
    fn reads_are_scans(
        steps in prop::collection::vec(step(), 1..60),
        from in 0_i64..100,
        bound in 0_i64..100,
        max in 0_u32..1_000,
        one in any::<bool>(),
    ) {
        let f = drive(&steps);
        let end = f.log.log_end_offset().0;
        let (from, bound) = (from.min(end), bound.min(end));
        let mut out = Vec::new();
        f.log.read(Offset(from), Offset(bound), max, one, &f.batches, &mut out);
        let mut naive = Vec::new();
        let mut bytes = 0;
        let segment = |offset: Offset| {
            f.log.segments().iter().rposition(|s| s.base_offset <= offset)
        };
        for entry in f.log.entries() {
            let body = f.batches.get(entry.batch);
            let entry_end = entry.base_offset.0 + i64::from(body.count);
            if entry_end <= from {
                continue;
            }
            bytes += body.bytes;
            let fits = bytes <= max || (one && naive.is_empty());
            let same = naive
                .first()
                .is_none_or(|e: &LogEntry| segment(e.base_offset) == segment(entry.base_offset));
            if !fits || !same || entry_end > bound {
                break;
            }
            naive.push(*entry);
        }
        prop_assert_eq!(out, naive);
    }

    #[test]
    fn the_aborted_list_holds_all_that_overlap(
        steps in prop::collection::vec(step(), 20..60),
        from in 0_i64..100,
        length in 0_i64..100,
    ) {
        let f = drive(&steps);
        let end = f.log.log_end_offset().0;
        let from = from * end / 100;
        let upper = from + (end - from) * length / 100;
        let listed: Vec<(i64, i64)> = f
            .log
            .aborted_transactions(Offset(from), Offset(upper))
            .iter()
            .map(|a| (a.producer_id.0, a.first_offset.0))
            .collect();
        prop_assert_eq!(listed, naive_aborted(&f, from, upper));
    }

    #[test]
    fn epochs_are_those_of_the_batches(
        steps in prop::collection::vec(step(), 1..60),
        epoch in 0_i32..6,
    ) {
        let f = drive(&steps);
        let mut log = copy(&f, f.log.entries());
        let naive = f
            .log
            .entries()
            .iter()
            .filter(|e| e.leader_epoch.0 > epoch)
            .map(|e| e.base_offset)
            .next();
        let found = log.end_offset_for_epoch(LeaderEpoch(epoch));
        if let Some(next) = naive {
            prop_assert_eq!(found.map(|f| f.end_offset), Some(next));
        } else if log.latest_epoch() == Some(LeaderEpoch(epoch)) {
            prop_assert_eq!(found.map(|f| f.end_offset), Some(log.log_end_offset()));
        } else {
            prop_assert_eq!(found, None);
        }
        log.truncate_to(Offset(0), &f.batches);
        prop_assert_eq!(log.latest_epoch(), None);
    }
}
