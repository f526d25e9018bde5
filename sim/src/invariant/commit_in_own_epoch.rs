//! A controller that is elected commits nothing before a record of its own epoch: an older one
//! that a majority holds may still be overwritten.
//!
//! Source: Raft, 5.4.2; KAFKA-12619.

use broker_model::note::Note;
use broker_model::types::LeaderEpoch;

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CommitInOwnEpoch {
    /// The latest epochs with the offsets at which they begin.
    starts: Vec<(LeaderEpoch, u64)>,
}

impl Invariant for CommitInOwnEpoch {
    fn name(&self) -> &'static str {
        "commit-in-own-epoch"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::QuorumLeader, Interest::QuorumHighWatermark]
    }

    fn on_note(&mut self, _view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::QuorumLeader { epoch, start, .. } => {
                self.starts.push((epoch, start));
                None
            }
            Note::QuorumHighWatermark { node, epoch, high_watermark, leader: true } => {
                let (_, start) = *self.starts.iter().rev().find(|(e, _)| *e == epoch)?;
                (high_watermark <= start).then(|| {
                    format!(
                        "controller {node} commits up to {high_watermark} in epoch {epoch}, which \
                         begins at {start}"
                    )
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId};

    use super::super::tests::violations;
    use super::CommitInOwnEpoch;

    const ELECTED: Note = Note::QuorumLeader { node: NodeId(1), epoch: LeaderEpoch(3), start: 40 };

    fn commits(high_watermark: u64, leader: bool) -> Note {
        let (node, epoch) = (NodeId(1), LeaderEpoch(3));
        Note::QuorumHighWatermark { node, epoch, high_watermark, leader }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut CommitInOwnEpoch::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_a_commit_of_older_records_alone() {
        assert_eq!(count(&[ELECTED, commits(40, true)]), 1);
    }

    #[test]
    fn accepts_one_more_record_and_followers_that_are_behind() {
        assert_eq!(count(&[ELECTED, commits(41, true), commits(30, false)]), 0);
    }
}
