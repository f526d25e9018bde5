//! Consumers read nothing above the true high watermark, and with `read_committed` nothing of a
//! transaction that is open.
//!
//! Source: KAFKA-9835, KAFKA-9807 (reads above the high watermark and the last stable offset);
//! KAFKA-14704. With `committed-stays` it is `ConsistentReadProperty` of the published TLA+ model of
//! KIP-966: what was read stays in the log of whoever leads. The log's own account of open transactions counts, not the offset that a replica
//! makes of it; the true high watermark is what leaders of current epochs have reached.

use broker_model::note::Note;
use broker_model::types::Offset;

use super::committed::Committed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct VisibleReads;

/// What a read up to `end` must not pass, and does.
fn passed(
    end: Offset,
    high_watermark: Option<Offset>,
    first_open: Option<Offset>,
) -> Option<(&'static str, Offset)> {
    let open = first_open.map(|open| ("the beginning of an open transaction", open));
    let truth = high_watermark.map(|truth| ("the true high watermark", truth));
    open.into_iter().chain(truth).find(|&(_, bound)| end > bound)
}

impl Invariant for VisibleReads {
    fn name(&self) -> &'static str {
        "visible-reads"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Read]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Read { node, partition, end, committed } = *note else { return None };
        let replica = view.replica(node, partition)?;
        // A leader of the past may still hear of copies that others have; the next leader, who has
        // them too, has not counted them yet.
        let epoch = replica.leader_epoch();
        let truth = view.committed(partition);
        let truth = truth.filter(|c| epoch.is_some_and(|epoch| !c.is_of_the_past(epoch)));
        let truth = truth.map(Committed::end);
        let open = replica.log().first_unstable_offset().filter(|_| committed);
        let (what, bound) = passed(end, truth, open)?;
        Some(format!(
            "broker {node} gives a consumer partition {partition} up to {end}, above {what}, {bound}",
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::Offset;

    use super::passed;

    #[test]
    fn rejects_what_is_not_replicated_and_what_may_be_aborted() {
        assert!(passed(Offset(6), Some(Offset(5)), None).is_some());
        assert!(passed(Offset(4), Some(Offset(5)), Some(Offset(3))).is_some());
    }

    #[test]
    fn accepts_reads_just_up_to_both() {
        assert!(passed(Offset(5), Some(Offset(5)), None).is_none());
        assert!(passed(Offset(3), Some(Offset(5)), Some(Offset(3))).is_none());
        assert!(passed(Offset(9), None, None).is_none(), "an election may have lost some");
    }
}
