//! Logs that are told what coordinators and producers write, for tests.

use broker_model::note::Note;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::records::{Batches, LogEntry, NewBatch, TransactionRecord, TransactionState};
use broker_model::types::{
    BatchId, CoordinatorEpoch, Instant, LeaderEpoch, NodeId, Offset, PartitionId, ProducerEpoch,
    ProducerId, RecordId, Timestamp, TransactionalId,
};

use super::super::committed::Committed;
use super::super::living::Living;
use super::super::{Invariant, Truth, View};
use super::Ledger;

/// The partition of the coordinator's log.
const LOG: PartitionId = PartitionId(1_000);

/// Transactional id 0 with a producer.
pub(crate) fn record(state: TransactionState, id: i64, epoch: i16) -> TransactionRecord {
    let (id, epoch) = (ProducerId(id), ProducerEpoch(epoch));
    TransactionRecord {
        transactional_id: TransactionalId(0),
        producer: ProducerIdAndEpoch { id, epoch },
        last_producer_epoch: ProducerEpoch::NONE,
        state,
        timeout: 0,
        partitions: Vec::new(),
        last_update: Timestamp(0),
        start: Timestamp(0),
        v2: true,
        previous_producer_id: ProducerId::NONE,
        next_producer_id: ProducerId::NONE,
    }
}

pub(crate) fn with(record: TransactionRecord, partitions: &[u32]) -> TransactionRecord {
    TransactionRecord { partitions: partitions.iter().map(|&p| PartitionId(p)).collect(), ..record }
}

#[derive(Default)]
pub(crate) struct Bench {
    batches: Batches,
    ledger: Ledger,
    living: Option<Living>,
    truth: Truth,
    end: i64,
}

impl Bench {
    /// With a cluster of which partition 0 is a topic's.
    pub(crate) fn living() -> Self {
        let truth = Truth::of_one(PartitionId(0), Committed::default());
        Self { living: Some(Living::new()), truth, ..Self::default() }
    }

    fn say(&mut self, invariant: &mut dyn Invariant, note: &Note) -> Option<String> {
        let nodes = self.living.as_ref().map_or(&[][..], |living| living.view().nodes);
        let view = View::new(Instant(0), nodes, &self.batches);
        let view = View { truth: Some(&self.truth), ..view };
        let said = invariant.on_note(&View { ledger: Some(&self.ledger), ..view }, note);
        self.ledger.after(&view, note);
        said
    }

    pub(crate) fn append(
        &mut self,
        invariant: &mut dyn Invariant,
        partition: u32,
        batch: BatchId,
    ) -> Option<String> {
        let (base_offset, leader_epoch) = (Offset(self.end), LeaderEpoch(0));
        self.end += 1;
        let (node, partition, end) = (NodeId(1), PartitionId(partition), Offset(self.end));
        let entry = LogEntry { base_offset, batch, leader_epoch };
        self.say(invariant, &Note::Appended { node, partition, entry, end, leader: true })
    }

    /// The coordinator logs a state.
    pub(crate) fn logs(
        &mut self,
        invariant: &mut dyn Invariant,
        record: TransactionRecord,
    ) -> Option<String> {
        let new = NewBatch::plain(100, Timestamp(0));
        let batch = self.batches.push_transaction(new, vec![record]);
        self.append(invariant, LOG.0, batch)
    }

    /// The coordinator has a state logged.
    pub(crate) fn makes(
        &mut self,
        invariant: &mut dyn Invariant,
        record: &TransactionRecord,
    ) -> Option<String> {
        self.makes_at(1, invariant, record)
    }

    /// The same of a broker that is coordinator, or believes so.
    pub(crate) fn makes_at(
        &mut self,
        node: u32,
        invariant: &mut dyn Invariant,
        record: &TransactionRecord,
    ) -> Option<String> {
        let TransactionRecord { transactional_id, producer, state, .. } = *record;
        let node = NodeId(node);
        self.say(invariant, &Note::TransactionState { node, transactional_id, producer, state })
    }

    /// A producer closes a batch of its transaction.
    pub(crate) fn batch(&mut self, id: i64, epoch: i16) -> BatchId {
        let (producer_id, producer_epoch) = (ProducerId(id), ProducerEpoch(epoch));
        let new = NewBatch::plain(100, Timestamp(0));
        let new = NewBatch { producer_id, producer_epoch, transactional: true, ..new };
        self.batches.push_records(new, &[RecordId(0)])
    }

    pub(crate) fn data(
        &mut self,
        invariant: &mut dyn Invariant,
        partition: u32,
        id: i64,
        epoch: i16,
    ) -> Option<String> {
        let batch = self.batch(id, epoch);
        self.append(invariant, partition, batch)
    }

    pub(crate) fn marker(
        &mut self,
        invariant: &mut dyn Invariant,
        partition: u32,
        id: i64,
        epoch: i16,
        commit: bool,
    ) -> Option<String> {
        let (id, epoch) = (ProducerId(id), ProducerEpoch(epoch));
        let by = CoordinatorEpoch(0);
        let batch = self.batches.push_marker(id, epoch, commit, by, Timestamp(0));
        self.append(invariant, partition, batch)
    }

    /// Another leader has the coordinator's log without its last record, a decision.
    pub(crate) fn undo(&mut self) {
        for account in &mut self.ledger.accounts {
            account.undone = account.steps.pop().and_then(|step| step.decision);
        }
    }

    /// Another leader has of the coordinator's log what compaction left: how transactions began.
    pub(crate) fn compacts(&mut self) {
        for account in &mut self.ledger.accounts {
            account.steps.retain(|step| step.is_ongoing);
        }
    }

    /// Broker 2 takes over the coordinator's log, with all that is in it.
    pub(crate) fn fails_over(&mut self, invariant: &mut dyn Invariant) {
        let (node, partition, leader_epoch) = (NodeId(2), LOG, LeaderEpoch(1));
        self.say(
            invariant,
            &Note::BecameLeader { node, partition, leader_epoch, start: Offset(self.end) },
        );
    }

    /// Another leader has nothing of the coordinator's log.
    pub(crate) fn cut(&mut self) {
        for account in &mut self.ledger.accounts {
            account.steps.clear();
            account.was_cut = true;
        }
    }
}
