//! What is appended of a transaction is appended while just that transaction is open: its
//! coordinator has it in `Ongoing` with that partition, or has decided and the end is not yet
//! written there.
//!
//! Source: KIP-890, part 1; KAFKA-14884 (what was verified before an end is appended behind it). Older epochs
//! are `fenced-epoch`.

use broker_model::note::Note;
use broker_model::records::{Batch, TransactionState};
use broker_model::types::PartitionId;

use super::ledger::{Ledger, Standing};
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct OpenWhenAppended;

fn wrong(
    view: &View<'_>,
    ledger: &Ledger,
    standing: &Standing<'_>,
    (partition, body): (PartitionId, &Batch),
) -> Option<&'static str> {
    let record = standing.record;
    let opened = if standing.is_preparing() { standing.before? } else { record };
    if (opened.producer.id, opened.producer.epoch) != (body.producer_id, body.producer_epoch) {
        return None;
    }
    if standing.is_preparing() {
        let marker = ledger.written(partition, body.producer_id).and_then(|w| w.marker);
        if marker > standing.decision {
            return Some("whose end is written there");
        }
    } else if record.state != TransactionState::Ongoing {
        return Some("which is not open");
    }
    (!standing.has(view, partition)).then_some("which does not have that partition")
}

impl Invariant for OpenWhenAppended {
    fn name(&self) -> &'static str {
        "open-when-appended"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { node, partition, entry, .. } = *note else { return None };
        let ledger = view.ledger?;
        let (body, standing) = ledger.appending(view, partition, entry)?;
        let wrong = wrong(view, ledger, &standing, (partition, body))?;
        Some(format!(
            "broker {node} appends at offset {} of partition {partition} to the transaction of \
             producer {} in epoch {}, {wrong}; its coordinator has it in {}",
            entry.base_offset,
            body.producer_id,
            body.producer_epoch,
            standing.record.state.name(),
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::records::TransactionState::{
        CompleteAbort, Empty, Ongoing, PrepareAbort, PrepareCommit,
    };

    use super::super::ledger::fixture::{Bench, record, with};
    use super::OpenWhenAppended;

    const P: u32 = 3;

    #[test]
    fn rejects_what_no_coordinator_knows() {
        let mut bench = Bench::default();
        bench.logs(&mut OpenWhenAppended, record(Empty, 7, 0));
        assert!(bench.data(&mut OpenWhenAppended, P, 7, 0).is_some(), "nothing is open");
        bench.logs(&mut OpenWhenAppended, with(record(Ongoing, 7, 0), &[P + 1]));
        assert!(bench.data(&mut OpenWhenAppended, P, 7, 0).is_some(), "not there");
    }

    #[test]
    fn rejects_what_comes_behind_the_end() {
        let mut bench = Bench::default();
        bench.logs(&mut OpenWhenAppended, record(Empty, 7, 0));
        bench.logs(&mut OpenWhenAppended, with(record(Ongoing, 7, 0), &[P]));
        bench.logs(&mut OpenWhenAppended, with(record(PrepareAbort, 7, 0), &[P]));
        assert_eq!(bench.data(&mut OpenWhenAppended, P, 7, 0), None, "just before");
        bench.marker(&mut OpenWhenAppended, P, 7, 0, false);
        assert!(bench.data(&mut OpenWhenAppended, P, 7, 0).is_some(), "just behind");
        bench.logs(&mut OpenWhenAppended, record(CompleteAbort, 7, 0));
        assert!(bench.data(&mut OpenWhenAppended, P, 7, 0).is_some(), "later");
    }

    #[test]
    fn accepts_what_is_open_and_what_only_epochs_can_tell() {
        let mut bench = Bench::default();
        bench.logs(&mut OpenWhenAppended, record(Empty, 7, 1));
        bench.logs(&mut OpenWhenAppended, with(record(Ongoing, 7, 1), &[P]));
        assert_eq!(bench.data(&mut OpenWhenAppended, P, 7, 1), None);
        assert_eq!(bench.data(&mut OpenWhenAppended, P, 7, 0), None, "of another epoch");
        assert_eq!(bench.data(&mut OpenWhenAppended, P, 8, 0), None, "of nobody");
        bench.logs(&mut OpenWhenAppended, with(record(PrepareCommit, 7, 2), &[P]));
        assert_eq!(bench.data(&mut OpenWhenAppended, P, 7, 1), None);
    }
}
