//! An epoch of the controllers' quorum has one leadership: nobody else leads in it, and whoever
//! led in it does not begin again after a restart.
//!
//! Source: KIP-595; Raft's election safety; KAFKA-10527.

use broker_model::note::Note;
use broker_model::types::NodeId;

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OneControllerPerEpoch {
    /// Who was elected, by epoch.
    elected: Vec<Option<NodeId>>,
}

impl Invariant for OneControllerPerEpoch {
    fn name(&self) -> &'static str {
        "one-controller-per-epoch"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::QuorumLeader]
    }

    fn on_note(&mut self, _view: &View<'_>, note: &Note) -> Option<String> {
        let Note::QuorumLeader { node, epoch, .. } = *note else { return None };
        let index = usize::try_from(epoch.0).ok()?;
        if self.elected.len() <= index {
            self.elected.resize(index + 1, None);
        }
        let other = self.elected[index].replace(node)?;
        Some(format!("controller {node} leads in epoch {epoch}, in which {other} led before"))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId};

    use super::super::tests::violations;
    use super::OneControllerPerEpoch;

    fn elected(node: u32, epoch: i32) -> Note {
        Note::QuorumLeader { node: NodeId(node), epoch: LeaderEpoch(epoch), start: 0 }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut OneControllerPerEpoch::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_two_leaders_of_an_epoch_and_one_that_begins_again() {
        assert_eq!(count(&[elected(1, 4), elected(2, 4)]), 1);
        assert_eq!(count(&[elected(1, 4), elected(1, 4)]), 1);
    }

    #[test]
    fn accepts_one_that_hears_late_that_it_was_elected() {
        // Its votes were on their way while others already elected in a later epoch.
        assert_eq!(count(&[elected(1, 4), elected(2, 6), elected(3, 5), elected(1, 7)]), 0);
    }
}
