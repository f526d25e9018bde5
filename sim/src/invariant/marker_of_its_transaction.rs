//! A marker that ends a transaction on a partition belongs to the decision that its coordinator
//! has made of just that transaction: it is made, its end is not yet written, it has the
//! partition, and the records were sent after the decision before. An administrator needs no
//! decision to abort what hangs.
//!
//! Source: KIP-98, KIP-890; KAFKA-17754 (an end that outlives its transaction), KAFKA-19999. Which
//! transaction records are of is told by the ids of batches, which no broker looks at.

use broker_model::note::Note;
use broker_model::records::{Batch, Content, TransactionState};
use broker_model::types::PartitionId;

use super::ledger::is_of_the_past;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct MarkerOfItsTransaction;

fn wrong(view: &View<'_>, partition: PartitionId, body: &Batch) -> Option<String> {
    let ledger = view.ledger?;
    let written = ledger.written(partition, body.producer_id).filter(|w| w.open)?;
    let standing = ledger.standing_of(view, body.producer_id)?;
    let record = standing.record;
    let state = record.state.name();
    if !standing.is_preparing() {
        return Some(format!("while its coordinator has it in {state}"));
    }
    if record.producer.id != body.producer_id {
        return Some(format!("while the decision is on producer {}", record.producer.id));
    }
    if !standing.has(view, partition) {
        return Some("which the decision does not have".to_owned());
    }
    let of_the_one_before = written.oldest < standing.decision_before;
    if written.oldest.is_some() && of_the_one_before {
        return Some("with records that were sent before the decision before".to_owned());
    }
    // Who is aborted behind its back may go on for a while.
    let later =
        record.state == TransactionState::PrepareCommit && written.newest > standing.decision;
    later.then(|| "with records that were sent after the decision".to_owned())
}

impl Invariant for MarkerOfItsTransaction {
    fn name(&self) -> &'static str {
        "marker-of-its-transaction"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { node, partition, entry, .. } = *note else { return None };
        let body = view.batches.get(entry.batch);
        let Content::Marker { commit, .. } = body.content else { return None };
        let by_hand = !commit && view.is_aborted_by_hand(partition, body.producer_id);
        if by_hand || is_of_the_past(view, partition, entry) {
            return None;
        }
        let wrong = wrong(view, partition, body)?;
        Some(format!(
            "broker {node} ends the transaction of producer {} on partition {partition} at offset \
             {} {wrong}",
            body.producer_id,
            entry.base_offset,
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::records::TransactionState::{
        CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit,
    };

    use super::super::ledger::fixture::{Bench, record, with};
    use super::MarkerOfItsTransaction;

    const P: u32 = 3;

    fn begun() -> Bench {
        let mut bench = Bench::default();
        let mut say = |r| assert_eq!(bench.logs(&mut MarkerOfItsTransaction, r), None);
        say(record(Empty, 7, 0));
        say(with(record(Ongoing, 7, 0), &[P]));
        bench
    }

    #[test]
    fn rejects_an_end_that_nobody_decided() {
        let mut bench = begun();
        bench.data(&mut MarkerOfItsTransaction, P, 7, 0);
        assert!(bench.marker(&mut MarkerOfItsTransaction, P, 7, 0, true).is_some());
    }

    #[test]
    fn rejects_an_end_of_a_partition_that_is_not_in_it() {
        let mut bench = begun();
        bench.data(&mut MarkerOfItsTransaction, P + 1, 7, 0);
        bench.logs(&mut MarkerOfItsTransaction, with(record(PrepareCommit, 7, 1), &[P]));
        assert!(bench.marker(&mut MarkerOfItsTransaction, P + 1, 7, 1, true).is_some());
    }

    #[test]
    fn rejects_records_of_the_transaction_before_and_of_the_next() {
        let mut bench = begun();
        let old = bench.batch(7, 0);
        bench.logs(&mut MarkerOfItsTransaction, with(record(PrepareAbort, 7, 0), &[P]));
        assert_eq!(bench.marker(&mut MarkerOfItsTransaction, P, 7, 0, false), None);
        bench.logs(&mut MarkerOfItsTransaction, with(record(Ongoing, 7, 0), &[P]));
        bench.append(&mut MarkerOfItsTransaction, P, old);
        bench.logs(&mut MarkerOfItsTransaction, with(record(PrepareCommit, 7, 0), &[P]));
        assert!(bench.marker(&mut MarkerOfItsTransaction, P, 7, 0, true).is_some(), "late");
        let mut bench = begun();
        bench.logs(&mut MarkerOfItsTransaction, with(record(PrepareCommit, 7, 0), &[P]));
        bench.data(&mut MarkerOfItsTransaction, P, 7, 0);
        assert!(bench.marker(&mut MarkerOfItsTransaction, P, 7, 0, true).is_some(), "early");
    }

    #[test]
    fn accepts_its_own_end_twice_and_records_behind_an_abort() {
        let mut bench = begun();
        bench.data(&mut MarkerOfItsTransaction, P, 7, 0);
        bench.logs(&mut MarkerOfItsTransaction, with(record(PrepareCommit, 7, 1), &[P]));
        assert_eq!(bench.marker(&mut MarkerOfItsTransaction, P, 7, 1, true), None);
        bench.logs(&mut MarkerOfItsTransaction, record(CompleteCommit, 7, 1));
        let again = bench.marker(&mut MarkerOfItsTransaction, P, 7, 1, true);
        assert_eq!(again, None, "nothing is open");
        let mut bench = begun();
        bench.logs(&mut MarkerOfItsTransaction, with(record(PrepareAbort, 7, 1), &[P]));
        bench.data(&mut MarkerOfItsTransaction, P, 7, 0);
        assert_eq!(bench.marker(&mut MarkerOfItsTransaction, P, 7, 1, false), None);
    }
}
