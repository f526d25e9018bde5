//! Tests of the log. Those of `idempotence` and `transactions` repeat what real brokers
//! answered; each names its dialogue.

mod compaction;
mod idempotence;
mod storage;
mod transactions;
mod twins;

use alloc::vec::Vec;

use super::{AppendOutcome, Log, Origin, Verification};
use crate::config::TopicConfig;
use crate::protocol::ErrorCode;
use crate::records::{Batches, NewBatch, RecordSource};
use crate::rules::Rules;
use crate::types::{
    BatchId, CoordinatorEpoch, LeaderEpoch, Now, Offset, PartitionId, ProducerEpoch, ProducerId,
    RecordId, Timestamp,
};

/// The wall clock of these tests.
const WALL: Timestamp = Timestamp(1_000_000);

/// A log with its arena, driven as one leader.
struct Fixture {
    log: Log,
    batches: Batches,
    /// Timestamps by record id.
    times: Vec<Timestamp>,
    rules: Rules,
    epoch: LeaderEpoch,
    /// Whether requests are of transactions v2.
    v2: bool,
}

/// What a test says of a batch.
#[derive(Clone, Copy)]
struct Say {
    pid: i64,
    epoch: i16,
    seq: i32,
    count: u32,
    transactional: bool,
    bytes: u32,
    time: i64,
}

/// Records of a producer: id, epoch, first sequence, count.
fn data(pid: i64, epoch: i16, seq: i32, count: u32) -> Say {
    Say { pid, epoch, seq, count, transactional: false, bytes: 100, time: WALL.0 }
}

/// Records of a producer's transaction.
fn txn(pid: i64, epoch: i16, seq: i32, count: u32) -> Say {
    Say { transactional: true, ..data(pid, epoch, seq, count) }
}

/// Records without a producer id.
fn plain(count: u32) -> Say {
    data(-1, -1, -1, count)
}

impl RecordSource for Fixture {
    fn timestamp(&self, record: RecordId) -> Timestamp {
        self.times[record.index()]
    }
    fn key(&self, _: RecordId) -> Option<u64> {
        None
    }
    fn is_tombstone(&self, _: RecordId) -> bool {
        false
    }
}

impl Fixture {
    fn new() -> Self {
        Self::with(TopicConfig::default())
    }

    fn with(config: TopicConfig) -> Self {
        Self {
            log: Log::new(PartitionId(0), config),
            batches: Batches::new(),
            times: Vec::new(),
            rules: Rules::default(),
            epoch: LeaderEpoch(0),
            v2: true,
        }
    }

    fn batch(&mut self, say: Say) -> BatchId {
        let times = alloc::vec![Timestamp(say.time); say.count as usize];
        self.batch_at(say, &times)
    }

    fn batch_at(&mut self, say: Say, times: &[Timestamp]) -> BatchId {
        let first = u32::try_from(self.times.len()).expect("few records");
        let count = u32::try_from(times.len()).expect("few records");
        self.times.extend_from_slice(times);
        let ids: Vec<RecordId> = (first..first + count).map(RecordId).collect();
        let new = NewBatch {
            producer_id: ProducerId(say.pid),
            producer_epoch: ProducerEpoch(say.epoch),
            base_sequence: say.seq,
            transactional: say.transactional,
            max_timestamp: times.iter().copied().max().expect("a batch has records"),
            bytes: say.bytes,
        };
        self.batches.push_records(new, &ids)
    }

    /// Appends as a client would have it appended, verification included.
    fn append(&mut self, say: Say) -> AppendOutcome {
        let batch = self.batch(say);
        self.append_batch(batch)
    }

    fn append_batch(&mut self, batch: BatchId) -> AppendOutcome {
        let body = *self.batches.get(batch);
        let verification = if body.transactional {
            self.log
                .start_verification(&body, self.v2)
                .map_or(Verification::Ongoing, Verification::Confirmed)
        } else {
            Verification::Off
        };
        // Tests of compaction are not about who may write there.
        if !self.log.config().cleanup_policy.compact
            && let Err(error) = self.log.check_records(WALL, batch, &self.batches, self)
        {
            return AppendOutcome::Refused { error, log_start_offset: self.log.log_start_offset() };
        }
        let now = Now { wall: WALL, ..Now::default() };
        let outcome = self.log.append_as_leader(
            now,
            batch,
            &self.batches,
            self.epoch,
            Origin::Client(verification),
            &self.rules,
        );
        self.log.assert_invariants();
        outcome
    }

    /// Base offset, or the error.
    fn produce(&mut self, say: Say) -> Result<i64, ErrorCode> {
        base(self.append(say))
    }

    fn mark(&mut self, pid: i64, epoch: i16, commit: bool) -> Result<i64, ErrorCode> {
        self.mark_by(pid, epoch, commit, 0)
    }

    fn mark_by(
        &mut self,
        pid: i64,
        epoch: i16,
        commit: bool,
        coordinator: i32,
    ) -> Result<i64, ErrorCode> {
        let batch = self.batches.push_marker(
            ProducerId(pid),
            ProducerEpoch(epoch),
            commit,
            CoordinatorEpoch(coordinator),
            WALL,
        );
        let outcome = self.log.append_marker(batch, &self.batches, self.epoch);
        self.log.assert_invariants();
        base(outcome)
    }

    /// `DescribeProducers`: id, epoch, last sequence, start of the transaction.
    fn described(&self) -> Vec<(i64, i16, i32, i64)> {
        self.log
            .describe_producers()
            .iter()
            .map(|p| (p.producer.id.0, p.producer.epoch.0, p.last_sequence, p.txn_start_offset.0))
            .collect()
    }

    /// Aborted transactions of a fetch from here to the end.
    fn aborted(&self, from: i64) -> Vec<(i64, i64)> {
        self.log
            .aborted_transactions(Offset(from), self.log.log_end_offset())
            .iter()
            .map(|a| (a.producer_id.0, a.first_offset.0))
            .collect()
    }

    /// Up to where the aborted list reaches of a fetch whose data ends here.
    fn aborted_bound(&self, end: i64) -> i64 {
        self.log.aborted_upper_bound(Offset(end), &self.batches).0
    }

    /// The last stable offset, were all replicated.
    fn stable(&mut self) -> i64 {
        let end = self.log.log_end_offset();
        self.log.on_high_watermark(end);
        self.log.first_unstable_offset().unwrap_or(end).0
    }

    /// Base offsets held.
    fn bases(&self) -> Vec<i64> {
        self.log.entries().iter().map(|e| e.base_offset.0).collect()
    }
}

fn base(outcome: AppendOutcome) -> Result<i64, ErrorCode> {
    match outcome {
        AppendOutcome::Appended { entry, .. } => Ok(entry.base_offset.0),
        AppendOutcome::Duplicate { base_offset, .. } => Ok(base_offset.0),
        AppendOutcome::Refused { error, .. } => Err(error),
    }
}

fn is_duplicate(outcome: AppendOutcome) -> bool {
    matches!(outcome, AppendOutcome::Duplicate { .. })
}
