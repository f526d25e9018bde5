//! The high watermark of the metadata log never goes back from one leader to the next, and what
//! is below it is on the disks of a majority of the controllers.
//!
//! Source: Kafka's simulation of its quorum (`RaftEventSimulationTest`); KAFKA-10533.

use broker_model::note::Note;
use broker_model::quorum::Quorum;
use broker_model::types::LeaderEpoch;

use super::{Interest, Invariant, View};
use crate::world::Node;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct MetadataHighWatermark {
    /// The largest one, and the epoch in which a leader had it.
    highest: (LeaderEpoch, u64),
}

impl MetadataHighWatermark {
    /// The high watermark of a leader.
    fn moved(&mut self, epoch: LeaderEpoch, high_watermark: u64) -> Option<String> {
        let (in_epoch, highest) = self.highest;
        if epoch >= in_epoch && high_watermark < highest {
            return Some(format!(
                "the metadata log was committed up to {highest} in epoch {in_epoch}, and up to \
                 {high_watermark} in epoch {epoch}"
            ));
        }
        self.highest = self.highest.max((epoch, high_watermark));
        None
    }
}

/// Whether a majority of logs, each told by its durable end and its epoch of the last committed
/// record, holds that record.
fn is_held(of: Option<LeaderEpoch>, by: &[(u64, Option<LeaderEpoch>)], end: u64) -> bool {
    let holders = by.iter().filter(|(durable, epoch)| *durable >= end && *epoch == of).count();
    holders * 2 > by.len()
}

impl Invariant for MetadataHighWatermark {
    fn name(&self) -> &'static str {
        "metadata-high-watermark"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::QuorumHighWatermark]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::QuorumHighWatermark { node, epoch, high_watermark, leader: true } = *note else {
            return None;
        };
        let last = high_watermark.checked_sub(1)?;
        let controllers = view.nodes.iter().rev().map_while(Node::controller);
        let logs = |q: &Quorum| (q.durable_end(), q.epoch_at(last));
        let logs: Vec<_> = controllers.map(|c| logs(c.quorum())).collect();
        let leader = view.node(node).and_then(Node::controller);
        let of = leader.and_then(|c| c.quorum().epoch_at(last));
        if leader.is_some() && !is_held(of, &logs, high_watermark) {
            return Some(format!(
                "controller {node} commits up to {high_watermark} in epoch {epoch}, which no \
                 majority has on disk"
            ));
        }
        self.moved(epoch, high_watermark)
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId};

    use super::super::tests::violations;
    use super::{MetadataHighWatermark, is_held};

    fn commits(node: u32, epoch: i32, high_watermark: u64, leader: bool) -> Note {
        let (node, epoch) = (NodeId(node), LeaderEpoch(epoch));
        Note::QuorumHighWatermark { node, epoch, high_watermark, leader }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut MetadataHighWatermark::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_a_later_leader_that_knows_of_less() {
        assert_eq!(count(&[commits(1, 3, 50, true), commits(2, 4, 49, true)]), 1);
    }

    #[test]
    fn accepts_a_deposed_leader_that_counts_late_and_followers() {
        let notes = [commits(2, 4, 50, true), commits(1, 3, 48, true), commits(3, 4, 20, false)];
        assert_eq!(count(&notes), 0);
    }

    #[test]
    fn a_majority_has_the_same_record_on_disk() {
        let epoch = |epoch| Some(LeaderEpoch(epoch));
        let two = [(10, epoch(3)), (10, epoch(3)), (9, epoch(3))];
        assert!(is_held(epoch(3), &two, 10));
        assert!(!is_held(epoch(3), &[(10, epoch(3)), (9, epoch(3)), (9, None)], 10), "one disk");
        let other = [(10, epoch(3)), (12, epoch(2)), (9, None)];
        assert!(!is_held(epoch(3), &other, 10), "another record at the same offset");
    }
}
