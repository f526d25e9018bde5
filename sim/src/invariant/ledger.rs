//! What is true of transactions: what their coordinators have logged, and what is open on the
//! partitions. No process knows all of it; the invariants do.
//!
//! A log is what its leader has, so what a failover cut off is forgotten with it. A batch is known
//! by its id, which its producer gave it when it closed it: of two batches the smaller id is the
//! older one, whatever their epochs say.

#[cfg(test)]
pub(super) mod fixture;

use std::collections::BTreeMap;

use broker_model::log::Log;
use broker_model::note::Note;
use broker_model::records::{Batch, Content, LogEntry, TransactionRecord, TransactionState};
use broker_model::types::{
    BatchId, LeaderEpoch, NodeId, Offset, PartitionId, ProducerId, Timestamp, TransactionalId,
};

use super::View;
use super::by_partition::ByPartition;
use super::committed::Held;

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
    /// The first record of its transaction, if there is one and it is known.
    began: Option<BatchId>,
    /// Whether its transaction is ongoing.
    is_ongoing: bool,
    /// When its transaction began.
    start: Timestamp,
}

/// What is known of a transactional id.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    log: Option<PartitionId>,
    steps: Vec<Step>,
    /// Whether a record that was once its last is lost: what comes next cannot be judged.
    was_cut: bool,
    /// The newest decision that was never committed and that a leader after it has not.
    undone: Option<BatchId>,
}

impl Account {
    /// The newest decision, if nobody has committed it.
    fn uncommitted_decision(&self, view: &View<'_>, partition: PartitionId) -> Option<BatchId> {
        let decision = self.steps.last()?.decision?;
        let at = self.steps.iter().find(|step| step.at.batch == decision)?.at;
        let committed = view.truth(partition).and_then(|truth| truth.epoch_at(at.base_offset));
        (committed != Some(at.leader_epoch)).then_some(decision)
    }
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
    /// The first record of the transaction, if there was one and it is known.
    began: Option<BatchId>,
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
    /// The newest marker that ended a transaction.
    ended: Option<Ended>,
}

/// A marker that ended what was open.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: LogEntry,
    commit: bool,
    /// What it ended: the oldest and the newest batch of records.
    batches: (Option<BatchId>, Option<BatchId>),
}

impl Written {
    const fn none_of(producer: ProducerId) -> Self {
        let (oldest, newest, marker, ended) = (None, None, None, None);
        Self { producer, open: false, oldest, newest, marker, ended }
    }

    /// A new leader has this log: what was ended by a marker that it lacks is open again. Gives the
    /// marker.
    fn cut_to(&mut self, log: &Log) -> Option<LogEntry> {
        let ended = self.ended?;
        let at = ended.at;
        if at.base_offset < log.log_start_offset() || log.has(at.base_offset, at.leader_epoch) {
            return None;
        }
        (self.oldest, self.newest) = ended.batches;
        (self.open, self.marker, self.ended) = (true, None, None);
        Some(at)
    }
}

/// A partition of a transaction that has the other verdict already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Torn {
    pub(super) partition: PartitionId,
    /// Whether its marker is of a decision that the coordinators' log has lost.
    pub(super) of_undone: bool,
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
    /// Who leads each partition, of all who may believe so.
    leaders: BTreeMap<PartitionId, NodeId>,
    /// See [`Ledger::torn_by_undone`].
    torn_by_undone: Vec<BatchId>,
    /// Of each partition, what leaders have appended of transactions that had not heard of their
    /// successors, and markers that a successor lacks. All that is cut, unless one who has it is
    /// the next leader.
    of_the_past: ByPartition<Vec<LogEntry>>,
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

    /// Whether a broker is not the coordinator of an id any more, whatever it believes.
    pub(super) fn is_deposed(&self, node: NodeId, id: TransactionalId) -> bool {
        let log = self.accounts.get(place(id)).and_then(|account| account.log);
        let leader = log.and_then(|log| self.leaders.get(&log));
        leader.is_some_and(|leader| *leader != node)
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
        let Step { decision, decision_before, began, .. } = *last;
        Some(Standing { record: read(last)?, before, decision, decision_before, began })
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

    /// What a marker tears that ends what is open of a producer on a partition: another partition
    /// of the transaction has the other verdict.
    pub(super) fn torn_by(
        &self,
        view: &View<'_>,
        partition: PartitionId,
        (producer, commit): (ProducerId, bool),
    ) -> Option<Torn> {
        self.written(partition, producer).filter(|written| written.open)?;
        let id = *self.owners.get(&producer)?;
        let standing = self.standing(view, id).filter(Standing::is_preparing)?;
        let began = standing.began?;
        let undone = self.accounts[place(id)].undone;
        standing.record.partitions.iter().find_map(|&partition| {
            let ended = self.written(partition, producer)?.ended?;
            let marker = ended.at.batch;
            let of_undone = undone.is_some_and(|undone| began < undone && undone < marker);
            (marker > began && ended.commit != commit).then_some(Torn { partition, of_undone })
        })
    }

    /// The oldest batches of what was given another verdict than the rest of its transaction,
    /// because a decision was undone upon which markers had been written.
    pub(super) fn torn_by_undone(&self) -> &[BatchId] {
        &self.torn_by_undone
    }

    /// Takes in what is new, after the invariants have looked.
    pub(super) fn after(&mut self, view: &View<'_>, note: &Note) {
        match *note {
            Note::Appended { partition, entry, leader: true, .. } => {
                let body = view.batches.get(entry.batch);
                if !is_of_the_past(view, partition, entry) {
                    self.appended(view, partition, entry, body);
                } else if body.transactional {
                    self.of_the_past.of(partition).push(entry);
                }
            }
            Note::BecameLeader { node, partition, leader_epoch, start }
                if !leads_in_the_past(view, partition, leader_epoch) =>
            {
                self.leaders.insert(partition, node);
                self.elected(view, node, (partition, start));
            }
            _ => {}
        }
    }

    fn appended(&mut self, view: &View<'_>, partition: PartitionId, entry: LogEntry, body: &Batch) {
        match body.content {
            Content::Transaction { .. } => self.states(view, partition, entry, body),
            Content::Marker { commit, .. } => {
                let torn = self.torn_by(view, partition, (body.producer_id, commit));
                let written = self.entry(partition, body.producer_id);
                let first = written.oldest.filter(|_| torn.is_some_and(|torn| torn.of_undone));
                if written.open {
                    let batches = (written.oldest, written.newest);
                    written.ended = Some(Ended { at: entry, commit, batches });
                }
                (written.open, written.oldest, written.newest) = (false, None, None);
                written.marker = Some(entry.batch);
                self.torn_by_undone.extend(first);
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
        let is_ongoing = record.state == TransactionState::Ongoing;
        let began = match last {
            // Compaction may have taken the end of a transaction and left its beginning, where a
            // replica that was away has the rest from a leader that had cleaned it.
            Some(last) if last.start == record.start && (last.is_ongoing || !is_ongoing) => {
                last.began
            }
            _ => is_ongoing.then_some(at.batch),
        };
        if account.steps.len() == STEPS_KEPT {
            account.steps.remove(0);
        }
        let start = record.start;
        let step = Step { at, index, decision, decision_before, began, is_ongoing, start };
        account.steps.push(step);
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
        if let Some(replica) = view.replica(node, partition) {
            let log = replica.log();
            let lacked = self.written.of(partition).iter_mut().filter_map(|one| one.cut_to(log));
            let past = self.of_the_past.of(partition);
            past.extend(lacked);
            past.sort_unstable_by_key(|entry| entry.base_offset);
            let has = below(log, start);
            let is_back = |entry: &mut LogEntry| {
                let place = has.binary_search_by_key(&entry.base_offset, |one| one.base_offset);
                let Some(one) = place.ok().map(|place| has[place]) else { return false };
                // A batch that is sent again is the same one, in the epoch of the next leader.
                one.leader_epoch == entry.leader_epoch
                    && view.batches.origin(one.batch) == entry.batch
            };
            let back: Vec<LogEntry> = past.extract_if(.., is_back).collect();
            for entry in back {
                self.appended(view, partition, entry, view.batches.get(entry.batch));
            }
        }
        let Some(entries) = taken_over(view, node, partition, start) else { return };
        let Some(ids) = self.logs.get(&partition) else { return };
        let mut uncommitted = Vec::new();
        for &id in ids {
            let account = &mut self.accounts[place(id)];
            account.was_cut |= !account.steps.is_empty();
            uncommitted.extend(account.uncommitted_decision(view, partition).map(|d| (id, d)));
            account.steps.clear();
        }
        for &entry in entries {
            self.states(view, partition, entry, view.batches.get(entry.batch));
        }
        for (id, decision) in uncommitted {
            let account = &mut self.accounts[place(id)];
            if account.steps.last().and_then(|step| step.decision) != Some(decision) {
                account.undone = Some(decision);
            }
        }
    }

    fn entry(&mut self, partition: PartitionId, producer: ProducerId) -> &mut Written {
        let written = self.written.of(partition);
        let index = match written.binary_search_by_key(&producer, |w| w.producer) {
            Ok(index) => index,
            Err(index) => {
                let new = Written::none_of(producer);
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
