//! What one batch costs in a log: `cargo bench -p broker-model --bench log`.
//!
//! Each figure is for 10,000 batches of 16 records by eight producers.

use broker_model::config::TopicConfig;
use broker_model::log::{AppendOutcome, Log, Origin, Verification};
use broker_model::records::{Batches, LogEntry, NewBatch};
use broker_model::rules::Rules;
use broker_model::types::{
    BatchId, CoordinatorEpoch, LeaderEpoch, Now, Offset, PartitionId, ProducerEpoch, ProducerId,
    RecordId, Timestamp,
};

const BATCHES: usize = 10_000;
const PRODUCERS: usize = 8;
const RECORDS: u32 = 16;
const EPOCH: LeaderEpoch = LeaderEpoch(0);

fn main() {
    divan::main();
}

/// How batches are produced.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    Idempotent,
    Transactional,
}

fn new_batch(kind: Kind, i: usize) -> NewBatch {
    let plain = NewBatch::plain(16_384, Timestamp(i as i64));
    if matches!(kind, Kind::Plain) {
        return plain;
    }
    NewBatch {
        producer_id: ProducerId((i % PRODUCERS) as i64),
        producer_epoch: ProducerEpoch(0),
        base_sequence: (i / PRODUCERS) as i32 * RECORDS as i32,
        transactional: matches!(kind, Kind::Transactional),
        ..plain
    }
}

fn arena(kind: Kind) -> (Batches, Vec<BatchId>) {
    let mut batches = Batches::new();
    let ids: Vec<RecordId> = (0..RECORDS).map(RecordId).collect();
    let made = (0..BATCHES).map(|i| batches.push_records(new_batch(kind, i), &ids)).collect();
    (batches, made)
}

fn empty() -> Log {
    Log::new(PartitionId(0), TopicConfig::default())
}

fn append_all(log: &mut Log, batches: &Batches, made: &[BatchId]) {
    let rules = Rules::default();
    let origin = Origin::Client(Verification::Off);
    for &batch in made {
        let outcome = log.append_as_leader(Now::default(), batch, batches, EPOCH, origin, &rules);
        assert!(matches!(outcome, AppendOutcome::Appended { .. }));
    }
}

fn filled(kind: Kind) -> (Batches, Log) {
    let (batches, made) = arena(kind);
    let mut log = empty();
    append_all(&mut log, &batches, &made);
    (batches, log)
}

#[divan::bench(args = [Kind::Plain, Kind::Idempotent, Kind::Transactional])]
fn append_as_leader(bencher: divan::Bencher<'_, '_>, kind: Kind) {
    let (batches, made) = arena(kind);
    bencher
        .counter(divan::counter::ItemsCount::new(BATCHES))
        .with_inputs(empty)
        .bench_local_refs(|log| append_all(log, &batches, &made));
}

#[divan::bench(args = [Kind::Plain, Kind::Idempotent, Kind::Transactional])]
fn append_as_follower(bencher: divan::Bencher<'_, '_>, kind: Kind) {
    let (batches, leader) = filled(kind);
    bencher.counter(divan::counter::ItemsCount::new(BATCHES)).with_inputs(empty).bench_local_refs(
        |log| {
            for entry in leader.entries() {
                log.append_as_follower(*entry, &batches);
            }
        },
    );
}

/// Every batch is followed by the marker of its transaction; the high watermark follows.
#[divan::bench]
fn transactions_of_one_batch(bencher: divan::Bencher<'_, '_>) {
    let mut batches = Batches::new();
    let pairs: Vec<(BatchId, BatchId)> = (0..BATCHES)
        .map(|i| {
            let producer_id = ProducerId((i % PRODUCERS) as i64);
            let epoch = (i / PRODUCERS) as i16;
            let new = NewBatch {
                producer_epoch: ProducerEpoch(epoch),
                base_sequence: 0,
                ..new_batch(Kind::Transactional, i)
            };
            let data = batches.push_records(new, &[RecordId(0)]);
            let bumped = ProducerEpoch(epoch + 1);
            let coordinator = CoordinatorEpoch(0);
            let time = Timestamp(i as i64);
            (data, batches.push_marker(producer_id, bumped, true, coordinator, time))
        })
        .collect();
    bencher.counter(divan::counter::ItemsCount::new(BATCHES)).with_inputs(empty).bench_local_refs(
        |log| {
            for &(data, marker) in &pairs {
                append_all(log, &batches, &[data]);
                log.append_marker(marker, &batches, EPOCH);
                log.on_high_watermark(log.log_end_offset());
                divan::black_box(log.first_unstable_offset());
            }
        },
    );
}

/// A reader takes the log batch by batch, from its start or near its end.
#[divan::bench(args = [0, 9_000])]
fn read(bencher: divan::Bencher<'_, '_>, from: i64) {
    let (batches, log) = filled(Kind::Idempotent);
    let mut out: Vec<LogEntry> = Vec::new();
    let read = BATCHES as i64 - from;
    bencher.counter(divan::counter::ItemsCount::new(read as u64)).bench_local(|| {
        let mut at = Offset(from * i64::from(RECORDS));
        while at < log.log_end_offset() {
            out.clear();
            log.read(at, log.log_end_offset(), 20_000, true, &batches, &mut out);
            at += i64::from(RECORDS);
        }
    });
}

/// Producer states of a whole log are derived again.
#[divan::bench]
fn rebuild(bencher: divan::Bencher<'_, '_>) {
    let (batches, log) = filled(Kind::Transactional);
    bencher
        .counter(divan::counter::ItemsCount::new(BATCHES))
        .with_inputs(|| log.clone())
        .bench_local_refs(|log| log.after_kill(&batches));
}
