//! Cost of recording and judging, per record, every check on.
//!
//! `cargo bench -p reports`. Each benchmark handles one million records in batches of 45, the
//! shape of a busy pipeline; divan's "items" are records.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use reports::checker::Claim;
use reports::history::{
    Acknowledged, Digest, Facts, Isolation, LedgerId, Poll, Recorder, Sent, Session,
};
use reports::metric::{Histogram, StageId};

const RECORDS: u32 = 990_000;
const BATCH: u32 = 45;
const PARTITIONS: u32 = 12;

fn main() {
    divan::main();
}

/// A table of facts as dense as a run's own.
struct Table(Vec<(u32, u32)>);

impl Facts for Table {
    fn key(&self, record: u32) -> u32 {
        self.0[record as usize].0
    }

    fn entity(&self, record: u32) -> u32 {
        self.0[record as usize].1
    }
}

struct Run {
    recorder: Recorder,
    ids: Vec<u32>,
    session: u32,
    stage: StageId,
    ledger: LedgerId,
}

impl Run {
    fn new() -> Self {
        let mut recorder = Recorder::new(100_000_000);
        recorder.topic(0, "orders", 0..PARTITIONS);
        recorder.topic(1, "inventory", PARTITIONS..2 * PARTITIONS);
        recorder.service_instance(0, "order-0");
        for group in 0..2 {
            recorder.group(group, "group");
            recorder.consumer(0, group, Isolation::ReadCommitted);
        }
        let session = recorder.session(Session { instance: 0, idempotent: true, ordered: true });
        let stage = recorder.stage("end_to_end");
        let ledger = recorder.ledger("stock", 0);
        recorder.lifecycle(0, [1]);
        Self { recorder, ids: (0..RECORDS).collect(), session, stage, ledger }
    }

    /// Batches with their partition and base offset.
    fn batches(&self) -> impl Iterator<Item = (u32, i64, u64, std::ops::Range<usize>)> + use<> {
        (0..RECORDS / BATCH).map(|batch| {
            let start = (batch * BATCH) as usize;
            // Every second offset run is a marker's, as with small transactions.
            let offset = i64::from(batch / PARTITIONS * (BATCH + 1));
            (batch % PARTITIONS, offset, u64::from(batch) * 1_000_000, start..start + 45)
        })
    }

    fn send(&mut self) {
        let mut transaction = 0;
        for (partition, _, at_ns, range) in self.batches() {
            if partition == 0 {
                transaction = self.recorder.transaction_begun(self.session, at_ns);
            }
            let (session, transaction) = (self.session, Some(transaction));
            let sent = Sent { partition, session, transaction, at_ns };
            self.recorder.sent(self.ids[range].iter().copied(), sent);
        }
    }

    fn acknowledge(&mut self) {
        for (partition, base_offset, at_ns, range) in self.batches() {
            let answer = Acknowledged { partition, base_offset, bytes: 49_050, at_ns };
            self.recorder.acknowledged(self.ids[range].iter().copied(), answer);
        }
    }

    fn poll(&mut self, consumer: u32) {
        for (partition, base_offset, at_ns, range) in self.batches() {
            let poll = Poll { consumer, partition, base_offset, at_ns };
            self.recorder.polled(self.ids[range].iter().copied(), poll);
        }
    }

    fn complete(&mut self) {
        for (_, _, at_ns, range) in self.batches() {
            for &id in &self.ids[range] {
                let done = at_ns + 4_000_000 + u64::from(id) * 7_919 % 9_000_000;
                self.recorder.completed(self.stage, at_ns, done);
            }
        }
    }

    fn apply(&mut self) {
        for (_, _, at_ns, range) in self.batches() {
            for &id in &self.ids[range] {
                self.recorder.effect_applied(self.ledger, id, at_ns);
            }
        }
    }

    fn audit(&mut self, table: &Table) {
        for partition in 0..PARTITIONS {
            self.recorder.audit_partition(partition);
            let mine = self.batches().filter(|batch| batch.0 == partition);
            for (_, base_offset, _, range) in mine {
                self.recorder.audit(base_offset, self.ids[range].iter().copied(), table);
            }
        }
    }
}

fn table() -> Table {
    Table((0..RECORDS).map(|id| (id, id)).collect())
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn whole_path(bencher: Bencher<'_, '_>) {
    let table = table();
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(Run::new).bench_local_values(
        |mut run| {
            run.send();
            run.acknowledge();
            run.poll(0);
            run.poll(1);
            run.complete();
            run.apply();
            run.audit(&table);
            black_box(run.recorder.judge(&Claim::ALL));
            run
        },
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn sent(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(Run::new).bench_local_values(
        |mut run| {
            run.send();
            run
        },
    );
}

fn after_sends() -> Run {
    let mut run = Run::new();
    run.send();
    run
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn acknowledged(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(after_sends).bench_local_values(
        |mut run| {
            run.acknowledge();
            run
        },
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn polled(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(after_sends).bench_local_values(
        |mut run| {
            run.poll(0);
            run
        },
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn completed(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(Run::new).bench_local_values(
        |mut run| {
            run.complete();
            run
        },
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn effect_applied(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(Run::new).bench_local_values(
        |mut run| {
            run.apply();
            run
        },
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn audit(bencher: Bencher<'_, '_>) {
    let table = table();
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(after_sends).bench_local_values(
        |mut run| {
            run.audit(&table);
            run
        },
    );
}

/// Latencies spread over a few decades.
fn latencies() -> Vec<u64> {
    (0..u64::from(RECORDS)).map(|n| 1_000_000 + n * 2_654_435_761 % 50_000_000).collect()
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn histogram_ours(bencher: Bencher<'_, '_>) {
    let values = latencies();
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(Histogram::default).bench_local_values(
        |mut histogram| {
            values.iter().for_each(|&value| histogram.record(value));
            histogram
        },
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn histogram_crate(bencher: Bencher<'_, '_>) {
    let values = latencies();
    let empty = || hdrhistogram::Histogram::<u64>::new_with_max(1 << 43, 3).expect("valid bounds");
    bencher.counter(ItemsCount::new(RECORDS)).with_inputs(empty).bench_local_values(
        |mut histogram| {
            values.iter().for_each(|&value| histogram.saturating_record(value));
            histogram
        },
    );
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn digest_of_ids(bencher: Bencher<'_, '_>) {
    let ids: Vec<u32> = (0..RECORDS).collect();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let mut digest = Digest::default();
        black_box(&ids).chunks(45).for_each(|row| digest.ids(row.iter().copied()));
        digest.finish()
    });
}
