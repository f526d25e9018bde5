//! All partitions of a transaction get one verdict, records and offsets alike: each marker says
//! what the coordinator has decided and what the others of its transaction say, and none is missing
//! when the end is written. A decision that was undone is a name of its own: `decision-undone`.
//!
//! Source: KIP-98, atomicity across partitions; KAFKA-16352. That readers see it so is
//! `torn-transaction`.

use broker_model::note::Note;
use broker_model::records::{Content, LogEntry, TransactionRecord, TransactionState};
use broker_model::types::{NodeId, PartitionId};

use super::ledger::{Ledger, is_of_the_past};
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct OneVerdict;

/// A partition of a transaction that is over, whose marker was never written.
fn left_out(view: &View<'_>, ledger: &Ledger, end: &TransactionRecord) -> Option<PartitionId> {
    use TransactionState::{CompleteAbort, CompleteCommit};
    if !matches!(end.state, CompleteCommit | CompleteAbort) {
        return None;
    }
    let standing = ledger.standing(view, end.transactional_id)?;
    let decision = standing.decision.filter(|_| standing.is_preparing())?;
    let image = view.image()?;
    let mut partitions = standing.record.partitions.iter().copied();
    partitions.find(|&partition| {
        let written = ledger.written(partition, standing.record.producer.id);
        let is_written = written.and_then(|w| w.marker).is_some_and(|marker| marker > decision);
        // Who was deleted needs no marker, and what an unclean election lost nobody can tell.
        !is_written && image.partition(partition).is_some() && view.committed(partition).is_some()
    })
}

/// A marker that says otherwise than its transaction's coordinator.
fn contradicts(
    view: &View<'_>,
    ledger: &Ledger,
    node: NodeId,
    (partition, entry, commit): (PartitionId, LogEntry, bool),
) -> Option<String> {
    let producer = view.batches.get(entry.batch).producer_id;
    ledger.written(partition, producer).filter(|written| written.open)?;
    let standing = ledger.standing_of(view, producer).filter(|s| s.is_preparing())?;
    let decided = standing.record.state == TransactionState::PrepareCommit;
    let said = |commit| if commit { "commit" } else { "abort" };
    (commit != decided).then(|| {
        format!(
            "broker {node} writes {} for producer {producer} to partition {partition} at offset \
             {}, and its coordinator has decided to {}",
            said(commit),
            entry.base_offset,
            said(decided),
            partition = view.partition(partition)
        )
    })
}

/// A marker that says otherwise than another of its transaction, though no decision was undone.
fn tears(
    view: &View<'_>,
    ledger: &Ledger,
    node: NodeId,
    (partition, entry, commit): (PartitionId, LogEntry, bool),
) -> Option<String> {
    let producer = view.batches.get(entry.batch).producer_id;
    let torn = ledger.torn_by(view, partition, (producer, commit))?;
    (!torn.of_undone).then(|| tearing(view, (node, partition, entry, commit), torn.partition))
}

/// Says which markers of one transaction differ.
pub(super) fn tearing(
    view: &View<'_>,
    (node, partition, entry, commit): (NodeId, PartitionId, LogEntry, bool),
    other: PartitionId,
) -> String {
    let producer = view.batches.get(entry.batch).producer_id;
    let (said, before) = if commit { ("commit", "abort") } else { ("abort", "commit") };
    format!(
        "broker {node} writes {said} for producer {producer} to partition {partition} at offset \
         {}, and partition {other} has {before} of the same transaction",
        entry.base_offset,
        partition = view.partition(partition),
        other = view.partition(other)
    )
}

impl Invariant for OneVerdict {
    fn name(&self) -> &'static str {
        "one-verdict"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { node, partition, entry, .. } = *note else { return None };
        let ledger = view.ledger?;
        let content = view.batches.get(entry.batch).content;
        if is_of_the_past(view, partition, entry) {
            return None;
        }
        if let Content::Marker { commit, .. } = content {
            let marker = (partition, entry, commit);
            return contradicts(view, ledger, node, marker)
                .or_else(|| tears(view, ledger, node, marker));
        }
        view.batches.transaction_records(entry.batch).find_map(|end| {
            let left_out = left_out(view, ledger, end)?;
            let (id, state) = (view.transactional_id(end.transactional_id), end.state.name());
            Some(format!(
                "transactional id {id} is in {state}, and partition {left_out} has no marker",
                left_out = view.partition(left_out)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::records::TransactionRecord;
    use broker_model::records::TransactionState::{
        CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit,
    };
    use broker_model::types::Timestamp;

    use super::super::ledger::fixture::{Bench, record, with};
    use super::OneVerdict;

    fn decided(partitions: &[u32], commit: bool) -> Bench {
        let mut bench = Bench::living();
        let mut say = |r| assert_eq!(bench.logs(&mut OneVerdict, r), None);
        say(record(Empty, 7, 0));
        say(with(record(Ongoing, 7, 0), partitions));
        for &partition in partitions {
            assert_eq!(bench.data(&mut OneVerdict, partition, 7, 0), None);
        }
        let state = if commit { PrepareCommit } else { PrepareAbort };
        let prepared = with(record(state, 7, 1), partitions);
        assert_eq!(bench.logs(&mut OneVerdict, prepared), None);
        bench
    }

    #[test]
    fn rejects_a_marker_of_the_other_verdict() {
        assert!(decided(&[0], true).marker(&mut OneVerdict, 0, 7, 1, false).is_some());
        assert!(decided(&[0], false).marker(&mut OneVerdict, 0, 7, 1, true).is_some());
    }

    #[test]
    fn rejects_an_end_before_all_markers() {
        let mut bench = decided(&[0], true);
        assert!(bench.logs(&mut OneVerdict, record(CompleteCommit, 7, 1)).is_some());
    }

    #[test]
    fn rejects_markers_of_one_transaction_that_differ() {
        let mut bench = decided(&[0, 1], true);
        assert_eq!(bench.marker(&mut OneVerdict, 0, 7, 1, true), None);
        let other = with(record(PrepareAbort, 7, 1), &[0, 1]);
        assert_eq!(bench.logs(&mut OneVerdict, other), None);
        assert!(bench.marker(&mut OneVerdict, 1, 7, 1, false).is_some());
    }

    #[test]
    fn accepts_another_verdict_of_the_next_transaction_and_what_was_undone() {
        let mut bench = decided(&[0, 1], true);
        for partition in [0, 1] {
            assert_eq!(bench.marker(&mut OneVerdict, partition, 7, 1, true), None);
        }
        let mut say = |state| bench.logs(&mut OneVerdict, with(record(state, 7, 1), &[0, 1]));
        assert_eq!((say(CompleteCommit), say(Ongoing)), (None, None));
        assert_eq!(bench.data(&mut OneVerdict, 1, 7, 1), None);
        let prepared = with(record(PrepareAbort, 7, 2), &[0, 1]);
        assert_eq!(bench.logs(&mut OneVerdict, prepared), None);
        assert_eq!(bench.marker(&mut OneVerdict, 1, 7, 2, false), None);

        let mut undone = decided(&[0, 1], true);
        assert_eq!(undone.marker(&mut OneVerdict, 0, 7, 1, true), None);
        undone.undo();
        let other = with(record(PrepareAbort, 7, 1), &[0, 1]);
        assert_eq!(undone.logs(&mut OneVerdict, other), None);
        assert_eq!(undone.marker(&mut OneVerdict, 1, 7, 1, false), None);
    }

    #[test]
    fn accepts_another_verdict_when_compaction_took_the_end_of_the_one_before() {
        let mut bench = decided(&[0], true);
        assert_eq!(bench.marker(&mut OneVerdict, 0, 7, 1, true), None);
        assert_eq!(bench.logs(&mut OneVerdict, record(CompleteCommit, 7, 1)), None);
        bench.compacts();
        let later = |state, epoch| {
            let record = with(record(state, 7, epoch), &[0]);
            TransactionRecord { start: Timestamp(1), ..record }
        };
        assert_eq!(bench.logs(&mut OneVerdict, later(Ongoing, 1)), None);
        assert_eq!(bench.data(&mut OneVerdict, 0, 7, 1), None);
        assert_eq!(bench.logs(&mut OneVerdict, later(PrepareAbort, 2)), None);
        assert_eq!(bench.marker(&mut OneVerdict, 0, 7, 2, false), None);
    }

    #[test]
    fn accepts_one_verdict_everywhere_and_partitions_that_are_gone() {
        let mut bench = decided(&[0, 99], true);
        assert_eq!(bench.marker(&mut OneVerdict, 0, 7, 1, true), None);
        assert_eq!(bench.logs(&mut OneVerdict, record(CompleteCommit, 7, 1)), None);
        let late = bench.marker(&mut OneVerdict, 0, 7, 1, false);
        assert_eq!(late, None, "nothing is open there");
    }
}
