//! A leader's high watermark is at or below the log end of every member of the maximal ISR:
//! the committed one and whoever has been asked for.
//!
//! Source: KIP-497, and `ValidHighWatermark` of the TLA+ model that belongs to it (J. Gustafson).

use broker_model::note::Note;
use broker_model::partition::Role;
use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct HighWatermarkInIsr;

/// The first member whose log ends below the high watermark.
fn passed(
    high_watermark: Offset,
    members: impl Iterator<Item = (NodeId, Offset)>,
) -> Option<(NodeId, Offset)> {
    let mut members = members;
    members.find(|&(_, end)| end < high_watermark)
}

/// The log end of a member that follows in this epoch. A broker that lost its tail with its
/// power has no role until it is registered anew, which takes it out of the ISR.
fn end_of(
    view: &View<'_>,
    node: NodeId,
    partition: PartitionId,
    epoch: LeaderEpoch,
) -> Option<(NodeId, Offset)> {
    let replica = view.replica(node, partition)?;
    let follows =
        matches!(replica.role(), Role::Follower { leader_epoch, .. } if *leader_epoch == epoch);
    follows.then(|| (node, replica.log().log_end_offset()))
}

impl Invariant for HighWatermarkInIsr {
    fn name(&self) -> &'static str {
        "high-watermark-in-isr"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::HighWatermark {
            node, partition, leader_epoch, high_watermark, leader: true, ..
        } = *note
        else {
            return None;
        };
        let leader = view.replica(node, partition)?.leader()?;
        let committed = view.record(partition)?;
        if leader.leader_epoch != leader_epoch || committed.leader_epoch != leader_epoch {
            // A leader of the past: what it may still hear was sent in its own time.
            return None;
        }
        let joining = leader.pending.as_ref().and_then(|p| p.joining);
        let members = committed.isr.iter().copied().chain(joining);
        let ends = members.filter_map(|n| end_of(view, n, partition, leader_epoch));
        let (member, end) = passed(high_watermark, ends)?;
        Some(format!(
            "the high watermark of partition {partition} is {high_watermark} on leader {node}, \
             but the log of broker {member}, a member of its maximal ISR, ends at {end}",
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{NodeId, Offset};

    use super::passed;

    #[test]
    fn rejects_a_member_that_is_behind() {
        let ends = [(NodeId(1), Offset(10)), (NodeId(2), Offset(8))];
        assert_eq!(passed(Offset(9), ends.into_iter()), Some((NodeId(2), Offset(8))));
    }

    #[test]
    fn accepts_a_member_that_ends_just_there() {
        let ends = [(NodeId(1), Offset(10)), (NodeId(2), Offset(9))];
        assert_eq!(passed(Offset(9), ends.into_iter()), None);
    }
}
