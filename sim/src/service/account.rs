//! What a service's producer has sent, and what became of it: told to the history as it happens.

use std::collections::BTreeMap;

use broker_model::protocol::Request;
use broker_model::types::{BatchId, Instant, PartitionId, RecordId, TopicId};
use reports::history::CallKind;
use reports::history::{Acknowledged, Sent};
use reports::metric::StageId;

use crate::client::ClientOutput;
use crate::client::producer::{Outcome, ProducerError};
use crate::world::{ActorContext, Shared};

/// What became of records that somebody waits for one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// All records of a batch.
    Batch(PartitionId, BatchId, Outcome),
    /// The producer never took this record.
    Refused(RecordId, ProducerError),
}

/// The books of one producer.
#[derive(Debug)]
pub struct Account {
    session: u32,
    produce_stage: Option<StageId>,
    outstanding: BTreeMap<BatchId, PartitionId>,
    newest: Option<BatchId>,
    transaction: Option<u32>,
    failed: u64,
    completed: u64,
    /// A call that ends the transaction has not returned.
    ending: bool,
    /// The transaction is to be committed.
    commits: bool,
    told: Option<Vec<Told>>,
}

impl Account {
    /// The empty books of a session of the history; batches that are acknowledged end this stage.
    pub const fn new(session: u32, produce_stage: Option<StageId>) -> Self {
        Self {
            session,
            produce_stage,
            outstanding: BTreeMap::new(),
            newest: None,
            transaction: None,
            failed: 0,
            completed: 0,
            ending: false,
            commits: false,
            told: None,
        }
    }

    /// From now on what becomes of every batch is kept for [`Self::take_told`].
    pub fn tell_everything(&mut self) {
        self.told = Some(Vec::new());
    }

    /// What became of records since this was last asked, in order.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The `send` of a record threw; what was queued of it is told of by its batch.
    pub fn threw(&mut self, record: RecordId, error: ProducerError) {
        self.failed += 1;
        if let Some(told) = &mut self.told {
            told.push(Told::Refused(record, error));
        }
    }

    /// Records that the producer did not take: the application hears of it at once, and they count
    /// as sends that failed.
    pub fn refused(
        &mut self,
        cx: &mut ActorContext<'_>,
        topic: TopicId,
        records: &[RecordId],
        error: ProducerError,
    ) {
        let Some(&first) = records.first() else { return };
        self.failed += records.len() as u64;
        self.completed += records.len() as u64;
        if let Some(told) = &mut self.told {
            told.extend(records.iter().map(|&id| Told::Refused(id, error)));
        }
        // They are in no log: where the first of them would have gone stands for all.
        let hash = cx.shared.records.get(first).key_hash;
        let partition = cx.shared.topics.partition_for(topic, hash);
        let partition = partition.expect("a topic that a producer knows has partitions").0;
        let at_ns = cx.now.instant.0;
        let ids = || records.iter().map(|id| id.0);
        let (session, transaction) = (self.session, self.transaction);
        let sent = Sent { partition, session, transaction, at_ns };
        cx.shared.recorder.sent_once(ids(), sent);
        cx.shared.recorder.failed(ids(), error.name(), at_ns);
    }

    /// Batches that leave for the first time are on record from then on.
    pub fn sends(&mut self, cx: &mut ActorContext<'_>, first_output: usize) {
        let now = cx.now.instant;
        let sends = cx.outputs.get(first_output..).unwrap_or_default();
        for (_, output) in sends {
            let ClientOutput::Send { request: Request::Produce(produce), .. } = output else {
                continue;
            };
            let seen = self.newest;
            for data in &produce.partitions {
                if seen.is_none_or(|seen| data.batch > seen) {
                    self.sent(cx.shared, now, (data.partition, data.batch));
                    self.newest = self.newest.max(Some(data.batch));
                }
            }
        }
    }

    fn sent(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        (partition, batch): (PartitionId, BatchId),
    ) {
        self.outstanding.insert(batch, partition);
        let records = shared.batches.records(batch);
        shared.recorder.sent_once(
            records.iter().map(|id| id.0),
            Sent {
                partition: partition.0,
                session: self.session,
                transaction: self.transaction,
                at_ns: now.0,
            },
        );
    }

    /// A batch is done with.
    pub fn completed(
        &mut self,
        cx: &mut ActorContext<'_>,
        (partition, batch): (PartitionId, BatchId),
        outcome: Outcome,
        renumbered: bool,
    ) {
        if renumbered {
            let ids = cx.shared.batches.records(batch).iter().map(|id| id.0);
            cx.shared.recorder.renumbered(ids);
        }
        if !self.outstanding.contains_key(&batch) {
            // It failed before it ever left.
            self.sent(cx.shared, cx.now.instant, (partition, batch));
        }
        self.outstanding.remove(&batch);
        if let Some(told) = &mut self.told {
            told.push(Told::Batch(partition, batch, outcome));
        }
        let records = cx.shared.batches.records(batch);
        self.completed += records.len() as u64;
        let ids = records.iter().map(|id| id.0);
        let at_ns = cx.now.instant.0;
        let recorder = &mut cx.shared.recorder;
        match outcome {
            Outcome::Acknowledged { base_offset } => {
                let bytes = u64::from(cx.shared.batches.get(batch).bytes);
                let answer = Acknowledged {
                    partition: partition.0,
                    base_offset: base_offset.0,
                    bytes,
                    at_ns,
                };
                recorder.acknowledged(ids, answer);
                if let Some(stage) = self.produce_stage {
                    let table = &cx.shared.records;
                    let spans = records.iter().map(|&id| (table.intended(id).0, at_ns));
                    recorder.completed_all(stage, spans);
                }
            }
            Outcome::Failed(error) => {
                self.failed += records.len() as u64;
                recorder.failed(ids, error.name(), at_ns);
            }
            Outcome::Unknown(error) => recorder.unknown(ids, error.name(), at_ns),
        }
    }

    /// Records that certainly failed since this was last asked: the application saw the error.
    pub const fn take_failed(&mut self) -> u64 {
        std::mem::replace(&mut self.failed, 0)
    }

    /// Records whose outcome became known since this was last asked.
    pub const fn take_completed(&mut self) -> u64 {
        std::mem::replace(&mut self.completed, 0)
    }

    /// Whether a transaction is open.
    pub const fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// A transaction begins.
    pub fn transaction_begun(&mut self, cx: &mut ActorContext<'_>) {
        let at = cx.now.instant.0;
        self.transaction = Some(cx.shared.recorder.transaction_begun(self.session, at));
        self.commits = false;
    }

    /// The transaction is to be committed or aborted; a call made again is the same call.
    pub fn end_called(&mut self, cx: &mut ActorContext<'_>, commit: bool) {
        self.commits |= commit;
        if !std::mem::replace(&mut self.ending, true) {
            cx.shared.recorder.calls_started(CallKind::EndTransaction, 1);
        }
    }

    /// The transaction is committed or aborted.
    pub fn transaction_ended(&mut self, cx: &mut ActorContext<'_>, committed: bool) {
        self.end_returned(cx);
        let at = cx.now.instant.0;
        let Some(number) = self.transaction.take() else { return };
        if committed {
            cx.shared.recorder.transaction_committed(number, at);
        } else {
            cx.shared.recorder.transaction_aborted(number, at);
        }
    }

    fn end_returned(&mut self, cx: &mut ActorContext<'_>) {
        if std::mem::take(&mut self.ending) {
            cx.shared.recorder.calls_ended(CallKind::EndTransaction, 1);
        }
    }

    /// The process is gone: what was in flight is unknown for ever. A transaction whose commit it
    /// never asked for can only be aborted.
    pub fn lost(&mut self, cx: &mut ActorContext<'_>) {
        let at = cx.now.instant.0;
        for &batch in self.outstanding.keys() {
            let ids = cx.shared.batches.records(batch).iter().map(|id| id.0);
            cx.shared.recorder.unknown(ids, "the process ended", at);
        }
        self.outstanding.clear();
        match self.transaction.take() {
            Some(number) if self.commits => cx.shared.recorder.transaction_unknown(number, at),
            Some(number) => cx.shared.recorder.transaction_aborted(number, at),
            None => {}
        }
        self.end_returned(cx);
    }
}

#[cfg(test)]
mod tests {
    use reports::checker::Claim;

    use crate::world::small::{cluster, world};

    /// What is said of aborted transactions when a producer that commits every two seconds is
    /// killed.
    fn killed(when: &str) -> String {
        let kill =
            format!("[[fault]]\nkind = \"service-kill\"\ntarget = \"service:order\"\n{when}");
        let file = cluster((3, 3), 6, 10, &kill);
        let transactional = "transactional = true\ncommit_interval = \"2s\"\n[load.customers]";
        let mut world = world(&file.replace("[load.customers]", transactional), &[], 1);
        while world.step() {}
        world.recorder().judge(&[Claim::AbortedNeverRead])[0].detail.clone()
    }

    #[test]
    fn a_transaction_that_nobody_asked_to_commit_can_only_be_aborted() {
        let before_the_commit = "at = \"1s\"\nfor = \"1s\"";
        assert_eq!(killed(before_the_commit), "none of 1 aborted transactions was visible");
    }

    #[test]
    fn a_commit_without_an_answer_may_have_worked() {
        let behind_the_commit = "on = \"end-txn\"\nfor = \"1s\"";
        assert_eq!(killed(behind_the_commit), "no transaction was aborted");
    }
}
