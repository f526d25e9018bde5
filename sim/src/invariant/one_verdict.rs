//! All partitions of a transaction get one verdict, records and offsets alike: each marker says
//! what the coordinator has decided and what the others of its transaction say, and none is missing
//! when the end is written. A decision that was undone is a name of its own: `decision-undone`.
//!
//! Source: KIP-98, atomicity across partitions; KAFKA-16352. That readers see it so is
//! `torn-transaction`.

use broker_model::note::Note;
use broker_model::records::{Content, LogEntry, TransactionRecord, TransactionState};
use broker_model::types::{NodeId, PartitionId, ProducerId};

use super::ledger::{Ledger, Torn, is_of_the_past};
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

/// A marker that is being written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    node: NodeId,
    partition: PartitionId,
    entry: LogEntry,
    producer: ProducerId,
    commit: bool,
}

const fn verdict(commit: bool) -> &'static str {
    if commit { "commit" } else { "abort" }
}

impl Marker {
    /// The marker of a note, if it tells of one.
    pub(super) fn of(view: &View<'_>, note: &Note) -> Option<Self> {
        let Note::Appended { node, partition, entry, .. } = *note else { return None };
        let body = view.batches.get(entry.batch);
        let Content::Marker { commit, .. } = body.content else { return None };
        Some(Self { node, partition, entry, producer: body.producer_id, commit })
    }

    /// What it tears, if another partition of its transaction has the other verdict.
    pub(super) fn tears(&self, view: &View<'_>) -> Option<Torn> {
        view.ledger?.torn_by(view, self.partition, (self.producer, self.commit))
    }

    /// Says how it differs from the marker of another partition of its transaction.
    pub(super) fn differs(&self, view: &View<'_>, torn: &Torn) -> String {
        format!(
            "{}, and partition {} has {} of the same transaction",
            self.told(view),
            view.partition(torn.partition),
            verdict(!self.commit)
        )
    }

    /// Says how it differs from what its coordinator has decided, if it does.
    fn contradicts(&self, view: &View<'_>, ledger: &Ledger) -> Option<String> {
        ledger.written(self.partition, self.producer).filter(|written| written.open)?;
        let standing = ledger.standing_of(view, self.producer).filter(|s| s.is_preparing())?;
        let decided = standing.record.state == TransactionState::PrepareCommit;
        (self.commit != decided).then(|| {
            format!("{}, and its coordinator has decided to {}", self.told(view), verdict(decided))
        })
    }

    fn told(&self, view: &View<'_>) -> String {
        format!(
            "broker {} writes {} for producer {} to partition {} at offset {}",
            self.node,
            verdict(self.commit),
            self.producer,
            view.partition(self.partition),
            self.entry.base_offset
        )
    }
}

impl Invariant for OneVerdict {
    fn name(&self) -> &'static str {
        "one-verdict"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { partition, entry, .. } = *note else { return None };
        let ledger = view.ledger?;
        if is_of_the_past(view, partition, entry) {
            return None;
        }
        if let Some(marker) = Marker::of(view, note) {
            // What a decision that was undone tears is told by `decision-undone`.
            let tears = || marker.tears(view).filter(|torn| !torn.of_undone);
            return marker
                .contradicts(view, ledger)
                .or_else(|| tears().map(|torn| marker.differs(view, &torn)));
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
