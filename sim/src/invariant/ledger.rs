//! What is true of transactions: what their coordinators have logged, and what is open on the
//! partitions. No process knows all of it; the invariants do.
//!
//! A log is what its leader has, so what a failover cut off is forgotten with it. A batch is known
//! by its id, which its producer gave it when it closed it: of two batches the smaller id is the
//! older one, whatever their epochs say.

use std::collections::BTreeMap;

use broker_model::log::Log;
use broker_model::note::Note;
use broker_model::records::{Batch, Content, LogEntry, TransactionRecord, TransactionState};
use broker_model::types::{
    BatchId, LeaderEpoch, NodeId, Offset, PartitionId, ProducerId, TransactionalId,
};

use super::View;
use super::by_partition::ByPartition;

/// How many records of a transactional id are kept: more than a failover can cut off.
const STEPS_KEPT: usize = 8;

/// A record of a transactional id in the log of its coordinator.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: LogEntry,
    /// Its place in the batch.
    index: u32,
    /// The newest decision at or before it.
    decision: Option<BatchId>,
    /// The decision before that one.
    decision_before: Option<BatchId>,
}

/// What is known of a transactional id.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    log: Option<PartitionId>,
    steps: Vec<Step>,
    /// Whether a record that was once its last is lost: what comes next cannot be judged.
    was_cut: bool,
}

/// The newest record of a transactional id, with what led to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    pub(super) record: &'a TransactionRecord,
    /// The record before it, if it is known.
    pub(super) before: Option<&'a TransactionRecord>,
    /// The newest decision.
    pub(super) decision: Option<BatchId>,
    /// The decision before that one.
    pub(super) decision_before: Option<BatchId>,
}

impl Standing<'_> {
    /// A decision is made, and its markers are on their way.
    pub(super) const fn is_preparing(&self) -> bool {
        is_decision(self.record.state)
    }

    /// Whether the transaction has a partition, which may have been created anew under its name.
    pub(super) fn has(&self, view: &View<'_>, partition: PartitionId) -> bool {
        let partitions = &self.record.partitions;
        partitions.binary_search(&partition).is_ok()
            || view.image().is_some_and(|i| partitions.iter().any(|p| i.current(*p) == partition))
    }
}

/// A producer on a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    producer: ProducerId,
    /// Whether a transaction of it is open.
    pub(super) open: bool,
    /// The oldest batch of records in it.
    pub(super) oldest: Option<BatchId>,
    /// The newest batch of records in it.
    pub(super) newest: Option<BatchId>,
    /// Its newest marker.
    pub(super) marker: Option<BatchId>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: Vec<Account>,
    /// Whose producer ids are.
    owners: BTreeMap<ProducerId, TransactionalId>,
    /// In order of producer id.
    written: ByPartition<Vec<Written>>,
    /// The ids that each partition of the coordinators' topic has records of.
    logs: BTreeMap<PartitionId, Vec<TransactionalId>>,
}

pub(super) const fn is_decision(state: TransactionState) -> bool {
    matches!(state, TransactionState::PrepareCommit | TransactionState::PrepareAbort)
}

/// Transactional ids are dense.
const fn place(id: TransactionalId) -> usize {
    id.0 as usize
}

impl Ledger {
    /// Whether what an id did before is known, if it did anything.
    pub(super) fn is_whole(&self, id: TransactionalId) -> bool {
        self.accounts.get(place(id)).is_none_or(|account| !account.was_cut)
    }

    /// Where a transactional id stands.
    pub(super) fn standing<'a>(
        &self,
        view: &View<'a>,
        id: TransactionalId,
    ) -> Option<Standing<'a>> {
        let steps = &self.accounts.get(place(id))?.steps;
        let last = steps.last()?;
        let read = |step: &Step| view.batches.transaction_record(step.at.batch, step.index);
        let before = steps.len().checked_sub(2).and_then(|i| read(&steps[i]));
        let (decision, decision_before) = (last.decision, last.decision_before);
        Some(Standing { record: read(last)?, before, decision, decision_before })
    }

    /// Where the transactional id stands that a producer id was given to.
    pub(super) fn standing_of<'a>(
        &self,
        view: &View<'a>,
        producer: ProducerId,
    ) -> Option<Standing<'a>> {
        self.standing(view, *self.owners.get(&producer)?)
    }

    /// What is appended to a transaction, with where its transactional id stands: no marker, and
    /// nothing that a leader of the past appends.
    pub(super) fn appending<'a>(
        &self,
        view: &View<'a>,
        partition: PartitionId,
        entry: LogEntry,
    ) -> Option<(&'a Batch, Standing<'a>)> {
        let body = view.batches.get(entry.batch);
        if !body.transactional || matches!(body.content, Content::Marker { .. }) {
            return None;
        }
        let standing = self.standing_of(view, body.producer_id)?;
        (!is_of_the_past(view, partition, entry)).then_some((body, standing))
    }

    /// What a producer has written to a partition.
    pub(super) fn written(&self, partition: PartitionId, producer: ProducerId) -> Option<&Written> {
        let written = self.written.get(partition)?;
        written.binary_search_by_key(&producer, |w| w.producer).ok().map(|i| &written[i])
    }

    /// Takes in what is new, after the invariants have looked.
    pub(super) fn after(&mut self, view: &View<'_>, note: &Note) {
        match *note {
            Note::Appended { partition, entry, leader: true, .. } => {
                let body = view.batches.get(entry.batch);
                if !is_of_the_past(view, partition, entry) {
                    self.appended(view, partition, entry, body);
                }
            }
            Note::BecameLeader { node, partition, leader_epoch, start }
                if !leads_in_the_past(view, partition, leader_epoch) =>
            {
                self.elected(view, node, (partition, start));
            }
            _ => {}
        }
    }

    fn appended(&mut self, view: &View<'_>, partition: PartitionId, entry: LogEntry, body: &Batch) {
        match body.content {
            Content::Transaction { .. } => self.states(view, partition, entry, body),
            Content::Marker { .. } => {
                let written = self.entry(partition, body.producer_id);
                (written.open, written.oldest, written.newest) = (false, None, None);
                written.marker = Some(entry.batch);
            }
            Content::Records { .. } if body.transactional => {
                let written = self.entry(partition, body.producer_id);
                let sent = Some(entry.batch);
                written.open = true;
                written.oldest = written.oldest.min(sent).or(sent);
                written.newest = written.newest.max(sent);
            }
            // When it came to be says nothing: its coordinator made it, not its producer.
            Content::Group { .. } if body.transactional => {
                self.entry(partition, body.producer_id).open = true;
            }
            Content::Group { .. } | Content::Records { .. } => {}
        }
    }

    /// Takes in the states that a coordinator has logged, if a batch has any.
    fn states(&mut self, view: &View<'_>, partition: PartitionId, entry: LogEntry, body: &Batch) {
        if matches!(body.content, Content::Transaction { .. }) {
            for index in view.batches.positions(entry.batch) {
                let record = view.batches.transaction_record(entry.batch, index);
                let at = LogEntry { batch: view.batches.origin(entry.batch), ..entry };
                self.step(partition, at, index, record.expect("within the batch"));
            }
        }
    }

    fn step(
        &mut self,
        partition: PartitionId,
        at: LogEntry,
        index: u32,
        record: &TransactionRecord,
    ) {
        let id = record.transactional_id;
        if self.accounts.len() <= place(id) {
            self.accounts.resize_with(place(id) + 1, Account::default);
        }
        let account = &mut self.accounts[place(id)];
        if account.log.is_none() {
            account.log = Some(partition);
            self.logs.entry(partition).or_default().push(id);
        }
        let last = account.steps.last();
        let known = last.map_or((None, None), |s| (s.decision, s.decision_before));
        let (decision, decision_before) =
            if is_decision(record.state) { (Some(at.batch), known.0) } else { known };
        if account.steps.len() == STEPS_KEPT {
            account.steps.remove(0);
        }
        account.steps.push(Step { at, index, decision, decision_before });
        account.was_cut = false;
        self.owners.insert(record.producer.id, id);
    }

    /// What a new leader has is the log: it may lack what the one before had, and have what one
    /// before that one had written.
    fn elected(
        &mut self,
        view: &View<'_>,
        node: NodeId,
        (partition, start): (PartitionId, Offset),
    ) {
        let Some(entries) = taken_over(view, node, partition, start) else { return };
        let Some(ids) = self.logs.get(&partition) else { return };
        for &id in ids {
            let account = &mut self.accounts[place(id)];
            account.was_cut |= !account.steps.is_empty();
            account.steps.clear();
        }
        for &entry in entries {
            self.states(view, partition, entry, view.batches.get(entry.batch));
        }
    }

    fn entry(&mut self, partition: PartitionId, producer: ProducerId) -> &mut Written {
        let written = self.written.of(partition);
        let index = match written.binary_search_by_key(&producer, |w| w.producer) {
            Ok(index) => index,
            Err(index) => {
                let new =
                    Written { producer, open: false, oldest: None, newest: None, marker: None };
                written.insert(index, new);
                index
            }
        };
        &mut written[index]
    }
}

/// Whether a leader that has not heard of its successor wrote an entry: it will be cut.
pub(super) fn is_of_the_past(view: &View<'_>, partition: PartitionId, entry: LogEntry) -> bool {
    leads_in_the_past(view, partition, entry.leader_epoch)
}

/// Whether who leads in an epoch has not heard of its successor.
pub(super) fn leads_in_the_past(
    view: &View<'_>,
    partition: PartitionId,
    leader_epoch: LeaderEpoch,
) -> bool {
    view.truth(partition).is_some_and(|committed| committed.is_of_the_past(leader_epoch))
}

/// The log as a leader finds it whose epoch begins at `start`: what it has appended since is told by
/// notes of its own.
pub(super) fn taken_over<'a>(
    view: &View<'a>,
    node: NodeId,
    partition: PartitionId,
    start: Offset,
) -> Option<&'a [LogEntry]> {
    Some(below(view.replica(node, partition)?.log(), start))
}

/// The entries below an offset.
pub(super) fn below(log: &Log, offset: Offset) -> &[LogEntry] {
    let entries = log.entries();
    &entries[..entries.partition_point(|entry| entry.base_offset < offset)]
}

/// Logs that are told what coordinators and producers write, for tests.
#[cfg(test)]
pub(super) mod fixture {
    use broker_model::note::Note;
    use broker_model::protocol::txn::ProducerIdAndEpoch;
    use broker_model::records::{Batches, LogEntry, NewBatch, TransactionRecord, TransactionState};
    use broker_model::types::{
        BatchId, CoordinatorEpoch, Instant, LeaderEpoch, NodeId, Offset, PartitionId,
        ProducerEpoch, ProducerId, RecordId, Timestamp, TransactionalId,
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
        TransactionRecord {
            partitions: partitions.iter().map(|&p| PartitionId(p)).collect(),
            ..record
        }
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

        /// Another leader has nothing of the coordinator's log.
        pub(crate) fn cut(&mut self) {
            for account in &mut self.ledger.accounts {
                account.steps.clear();
                account.was_cut = true;
            }
        }
    }
}
