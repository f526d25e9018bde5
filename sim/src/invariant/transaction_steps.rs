//! A transactional id goes from state to state as its coordinator may take it: a decision follows
//! an open transaction or aborts nothing, an end follows its decision, and once; the epoch of a
//! producer id never falls, and rises with every `InitProducerId`: nobody is given an epoch that
//! another process may have.
//!
//! Source: Kafka 4.1, `TransactionState`, which states may precede which; KIP-98, KIP-890.
//! KAFKA-10080 (an end that is written twice), KAFKA-16352, KAFKA-19999. That every decision comes
//! to its end is `hanging-transaction`.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::records::{TransactionRecord, TransactionState};
use broker_model::types::TransactionalId;

use super::ledger::is_of_the_past;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TransactionSteps {
    /// What coordinators have made of each id last. An append that failed is not among it: the
    /// same epoch is tried once more.
    made: BTreeMap<TransactionalId, ProducerIdAndEpoch>,
}

/// The last epoch that is given to a client; an id that has reached it is replaced. Source: Kafka,
/// `TransactionMetadata.isProducerEpochExhausted`.
const EXHAUSTED: i16 = i16::MAX - 1;

fn may_follow(new: TransactionState, before: Option<TransactionState>) -> bool {
    use TransactionState::{
        CompleteAbort, CompleteCommit, Dead, Empty, Ongoing, PrepareAbort, PrepareCommit,
    };
    let Some(before) = before else { return new == Empty };
    match new {
        Empty => matches!(before, Empty | CompleteCommit | CompleteAbort | Dead),
        Ongoing => matches!(before, Empty | Ongoing | CompleteCommit | CompleteAbort),
        PrepareCommit => before == Ongoing,
        // From protocol 2 on an abort of nothing raises the epoch.
        PrepareAbort => matches!(before, Ongoing | Empty | CompleteCommit | CompleteAbort),
        CompleteCommit => before == PrepareCommit,
        CompleteAbort => before == PrepareAbort,
        Dead => matches!(before, Empty | CompleteCommit | CompleteAbort),
    }
}

/// What is wrong with a record behind another, or as the first.
fn wrong(new: &TransactionRecord, before: Option<&TransactionRecord>) -> Option<String> {
    let state = before.map(|b| b.state);
    if !may_follow(new.state, state) {
        let before = state.map_or("nothing", TransactionState::name);
        return Some(format!("goes from {before} to {}", new.state.name()));
    }
    let before = before.filter(|b| b.state != TransactionState::Dead)?;
    let (old, now) = (before.producer, new.producer);
    if old.id == now.id {
        return (now.epoch < old.epoch).then(|| {
            format!("falls from epoch {} to {} of producer {}", old.epoch, now.epoch, now.id)
        });
    }
    let replaced = old.epoch.0 >= EXHAUSTED && now.epoch.0 == 0;
    (!replaced).then(|| {
        format!(
            "changes from producer {} at epoch {} to producer {} at epoch {}",
            old.id, old.epoch, now.id, now.epoch
        )
    })
}

impl Invariant for TransactionSteps {
    fn name(&self) -> &'static str {
        "transaction-steps"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Transactional, Interest::TransactionState]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let ledger = view.ledger?;
        if let Note::TransactionState { node, transactional_id: id, producer, state } = *note {
            // What its successor has in the log already, and has gone on from.
            if ledger.is_deposed(node, id) {
                return None;
            }
            let before = self.made.insert(id, producer);
            let initialized = state == TransactionState::Empty && ledger.is_whole(id);
            let same = before.filter(|b| b.id == producer.id && b.epoch >= producer.epoch);
            return same.filter(|_| initialized).map(|before| {
                let id = view.transactional_id(id);
                format!(
                    "transactional id {id} on coordinator {node} is initialized with epoch {} of \
                     producer {}, which was in epoch {}",
                    producer.epoch, producer.id, before.epoch
                )
            });
        }
        let Note::Appended { node, partition, entry, .. } = *note else { return None };
        if is_of_the_past(view, partition, entry) {
            return None;
        }
        view.batches.transaction_records(entry.batch).find_map(|record| {
            let id = record.transactional_id;
            if !ledger.is_whole(id) {
                return None;
            }
            let before = ledger.standing(view, id).map(|standing| standing.record);
            let wrong = wrong(record, before)?;
            let id = view.transactional_id(id);
            Some(format!("transactional id {id} on coordinator {node} {wrong}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::records::TransactionState::{
        self, CompleteAbort, CompleteCommit, Dead, Empty, Ongoing, PrepareAbort, PrepareCommit,
    };

    use super::super::ledger::fixture::{Bench, record};
    use super::{TransactionSteps, wrong};

    fn count(steps: &[(TransactionState, i64, i16)]) -> usize {
        let mut bench = Bench::default();
        let mut invariant = TransactionSteps::default();
        let say = |&(state, id, epoch): &_| bench.logs(&mut invariant, record(state, id, epoch));
        steps.iter().filter_map(say).count()
    }

    #[test]
    fn rejects_steps_that_no_coordinator_may_take() {
        assert_eq!(count(&[(Ongoing, 7, 0)]), 1, "nothing was initialized");
        assert_eq!(count(&[(Empty, 7, 0), (PrepareCommit, 7, 0)]), 1, "nothing to commit");
        let ended = [(Empty, 7, 0), (Ongoing, 7, 0), (PrepareCommit, 7, 1)];
        assert_eq!(count(&[&ended[..], &[(PrepareAbort, 7, 1)]].concat()), 1, "two decisions");
        assert_eq!(count(&[&ended[..], &[(CompleteAbort, 7, 1)]].concat()), 1, "the other end");
        let twice = [(CompleteCommit, 7, 1), (CompleteCommit, 7, 1)];
        assert_eq!(count(&[&ended[..], &twice].concat()), 1, "two ends");
    }

    #[test]
    fn rejects_epochs_that_fall_and_ids_that_change_early() {
        assert_eq!(count(&[(Empty, 7, 3), (Empty, 7, 2)]), 1);
        assert_eq!(count(&[(Empty, 7, 3), (Empty, 8, 0)]), 1);
    }

    fn initialized(made: &[(TransactionState, i64, i16)]) -> usize {
        let mut bench = Bench::default();
        let mut invariant = TransactionSteps::default();
        let say = |&(state, id, epoch): &_| bench.makes(&mut invariant, &record(state, id, epoch));
        made.iter().filter_map(say).count()
    }

    #[test]
    fn rejects_an_epoch_that_is_given_once_more() {
        assert_eq!(initialized(&[(Empty, 7, 0), (CompleteCommit, 7, 1), (Empty, 7, 1)]), 1);
    }

    #[test]
    fn accepts_what_a_deposed_coordinator_hears_of_late() {
        let mut bench = Bench::default();
        let mut invariant = TransactionSteps::default();
        let (old, new) = (record(Empty, 7, 0), record(Empty, 7, 1));
        bench.logs(&mut invariant, old.clone());
        bench.fails_over(&mut invariant);
        assert_eq!(bench.makes_at(2, &mut invariant, &new), None);
        assert_eq!(bench.makes_at(1, &mut invariant, &old), None);
        assert!(bench.makes_at(2, &mut invariant, &old).is_some(), "its successor may not");
    }

    #[test]
    fn accepts_an_epoch_that_rises_and_another_producer() {
        let all = [(Empty, 7, 0), (CompleteCommit, 7, 1), (Empty, 7, 2), (Empty, 8, 0)];
        assert_eq!(initialized(&all), 0);
    }

    #[test]
    fn accepts_what_coordinators_do() {
        let all = [
            (Empty, 7, 0),
            (Ongoing, 7, 0),
            (Ongoing, 7, 0),
            (PrepareCommit, 7, 1),
            (CompleteCommit, 7, 1),
            (PrepareAbort, 7, 2),
            (CompleteAbort, 7, 2),
            (Empty, 7, i16::MAX - 1),
            (Empty, 8, 0),
            (Dead, 8, 0),
            (Empty, 9, 0),
        ];
        assert_eq!(count(&all), 0);
    }

    #[test]
    fn what_a_failover_cut_off_is_not_what_came_before() {
        let mut bench = Bench::default();
        let mut steps = TransactionSteps::default();
        let mut say = |r| bench.logs(&mut steps, r);
        assert_eq!(say(record(Empty, 7, 0)), None);
        assert_eq!(say(record(Ongoing, 7, 0)), None);
        bench.cut();
        assert_eq!(
            bench.logs(&mut TransactionSteps::default(), record(CompleteCommit, 7, 1)),
            None
        );
        let (prepared, empty) = (record(PrepareAbort, 7, 1), record(Empty, 7, 0));
        assert!(wrong(&empty, Some(&prepared)).is_some());
    }
}
