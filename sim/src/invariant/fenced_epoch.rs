//! Once a producer was given a newer epoch, or another id, nothing of an older one gets into a
//! transaction: neither on a partition that knows of the new one nor on one that does not.
//!
//! Source: KIP-98, KIP-890, "zombie fencing"; KAFKA-6119, KAFKA-9600. While a decision is on its way
//! to a partition, what it ends may still come there.

use broker_model::note::Note;
use broker_model::records::Batch;

use super::ledger::Standing;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct FencedEpoch;

fn is_fenced(standing: &Standing<'_>, body: &Batch) -> bool {
    let newest = match standing.is_preparing() {
        true => standing.before.map(|before| before.producer),
        false => Some(standing.record.producer),
    };
    newest.is_some_and(|p| body.producer_id != p.id || body.producer_epoch < p.epoch)
}

impl Invariant for FencedEpoch {
    fn name(&self) -> &'static str {
        "fenced-epoch"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { node, partition, entry, .. } = *note else { return None };
        let (body, standing) = view.ledger?.appending(view, partition, entry)?;
        if !is_fenced(&standing, body) {
            return None;
        }
        let now = standing.record.producer;
        Some(format!(
            "broker {node} appends at offset {} of partition {partition} what producer {} wrote in \
             epoch {}, and its transactional id has epoch {} of producer {} by now",
            entry.base_offset,
            body.producer_id,
            body.producer_epoch,
            now.epoch,
            now.id,
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
    use super::FencedEpoch;

    #[test]
    fn rejects_what_an_epoch_or_an_id_of_the_past_wrote() {
        let mut bench = Bench::default();
        bench.logs(&mut FencedEpoch, record(Empty, 7, 4));
        assert!(bench.data(&mut FencedEpoch, 3, 7, 3).is_some());
        bench.logs(&mut FencedEpoch, record(Empty, 8, 0));
        assert!(bench.data(&mut FencedEpoch, 3, 7, 4).is_some());
    }

    #[test]
    fn accepts_the_present_epoch_and_what_a_decision_still_ends() {
        let mut bench = Bench::default();
        bench.logs(&mut FencedEpoch, record(Empty, 7, 4));
        bench.logs(&mut FencedEpoch, with(record(Ongoing, 7, 4), &[3]));
        assert_eq!(bench.data(&mut FencedEpoch, 3, 7, 4), None);
        bench.logs(&mut FencedEpoch, with(record(PrepareAbort, 7, 5), &[3]));
        assert_eq!(bench.data(&mut FencedEpoch, 3, 7, 4), None, "on its way");
        bench.logs(&mut FencedEpoch, record(CompleteAbort, 7, 5));
        assert!(bench.data(&mut FencedEpoch, 3, 7, 4).is_some(), "too late");
        bench.logs(&mut FencedEpoch, with(record(Ongoing, 7, 5), &[3]));
        bench.logs(&mut FencedEpoch, with(record(PrepareCommit, 7, 6), &[3]));
        assert!(bench.data(&mut FencedEpoch, 3, 7, 4).is_some(), "of the one before");
    }
}
