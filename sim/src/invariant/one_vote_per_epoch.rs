//! A voter of the controllers' quorum votes for one candidate in an epoch, whatever becomes of its
//! process. It has voted when its vote is durable, or when it says so before that.
//!
//! Source: KIP-595; Raft; KAFKA-10533.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId};

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OneVotePerEpoch {
    /// The votes of a voter. Elections are rare.
    votes: BTreeMap<(NodeId, LeaderEpoch), NodeId>,
}

impl Invariant for OneVotePerEpoch {
    fn name(&self) -> &'static str {
        "one-vote-per-epoch"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::QuorumVoted]
    }

    fn on_note(&mut self, _view: &View<'_>, note: &Note) -> Option<String> {
        let Note::QuorumVoted { node, epoch, candidate } = *note else { return None };
        let first = *self.votes.entry((node, epoch)).or_insert(candidate);
        (first != candidate).then(|| {
            format!("controller {node} votes for {candidate} in epoch {epoch}, after {first}")
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId};

    use super::super::tests::violations;
    use super::OneVotePerEpoch;

    fn vote(node: u32, epoch: i32, candidate: u32) -> Note {
        let (node, candidate) = (NodeId(node), NodeId(candidate));
        Note::QuorumVoted { node, epoch: LeaderEpoch(epoch), candidate }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut OneVotePerEpoch::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_a_second_candidate() {
        assert_eq!(count(&[vote(1, 3, 2), vote(1, 3, 1)]), 1);
    }

    #[test]
    fn accepts_the_same_vote_again_and_others_in_other_epochs() {
        assert_eq!(count(&[vote(1, 3, 2), vote(1, 3, 2), vote(2, 3, 1), vote(1, 4, 1)]), 0);
    }
}
