//! No partition gets another verdict than those that were written upon a decision which the log of
//! the coordinators has lost since: a coordinator that takes over acts upon what its log has,
//! replicated or not.
//!
//! Source: Kafka, `TransactionStateManager`: it loads up to the log end and sends the markers of
//! what is prepared at once, without waiting for the high watermark. Open in Kafka itself;
//! recorded in `tests/dialogues/transactions/decision-undone.txt`.

use broker_model::note::Note;

use super::ledger::is_of_the_past;
use super::one_verdict::Marker;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct DecisionUndone;

impl Invariant for DecisionUndone {
    fn name(&self) -> &'static str {
        "decision-undone"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { partition, entry, .. } = *note else { return None };
        let marker = Marker::of(view, note)?;
        if is_of_the_past(view, partition, entry) {
            return None;
        }
        let torn = marker.tears(view).filter(|torn| torn.of_undone)?;
        let differ = marker.differs(view, &torn);
        Some(format!("{differ}, by a decision that its coordinators' log has lost"))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::records::TransactionState::{Empty, Ongoing, PrepareAbort, PrepareCommit};

    use super::super::ledger::fixture::{Bench, record, with};
    use super::DecisionUndone;

    /// Markers are written to the first of two partitions, and the decision is lost.
    fn undone() -> Bench {
        let mut bench = Bench::living();
        let both = |state, epoch| with(record(state, 7, epoch), &[0, 1]);
        assert_eq!(bench.logs(&mut DecisionUndone, record(Empty, 7, 0)), None);
        assert_eq!(bench.logs(&mut DecisionUndone, both(Ongoing, 0)), None);
        for partition in [0, 1] {
            assert_eq!(bench.data(&mut DecisionUndone, partition, 7, 0), None);
        }
        assert_eq!(bench.logs(&mut DecisionUndone, both(PrepareCommit, 1)), None);
        assert_eq!(bench.marker(&mut DecisionUndone, 0, 7, 1, true), None);
        bench.undo();
        bench
    }

    #[test]
    fn rejects_another_verdict_after_markers_of_a_lost_decision() {
        let mut bench = undone();
        let other = with(record(PrepareAbort, 7, 1), &[0, 1]);
        assert_eq!(bench.logs(&mut DecisionUndone, other), None);
        assert_eq!(bench.marker(&mut DecisionUndone, 0, 7, 1, false), None, "nothing is open");
        assert!(bench.marker(&mut DecisionUndone, 1, 7, 1, false).is_some());
    }

    #[test]
    fn accepts_a_lost_decision_that_is_made_again() {
        let mut bench = undone();
        let again = with(record(PrepareCommit, 7, 1), &[0, 1]);
        assert_eq!(bench.logs(&mut DecisionUndone, again), None);
        assert_eq!(bench.marker(&mut DecisionUndone, 1, 7, 1, true), None);
    }
}
