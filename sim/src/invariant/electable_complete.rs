//! Whoever may be elected, the members of ISR and ELR, holds everything that is committed.
//!
//! Source: KIP-966 and its model (`StrongIsr`, candidate completeness); KAFKA-7128. It fires
//! before an election does the damage. A broker that lost its power is left out until it
//! registers, which takes it out of both if it must.

use broker_model::note::Note;
use broker_model::partition::Replica;
use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

/// How far a replica has come.
#[derive(Clone, Copy, Debug)]
struct Reach {
    node: NodeId,
    /// What it knows to be committed.
    committed: Offset,
    /// Epoch of its last committed record.
    epoch: Option<LeaderEpoch>,
    end: Offset,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ElectableComplete {
    /// An unclean election was allowed to lose: what older watermarks say does not count.
    unclean: ByPartition<bool>,
}

/// The member that lacks committed records, if any, with where they end. `at` tells the epoch
/// that a member has at an offset.
fn incomplete(
    best: Reach,
    members: impl Iterator<Item = Reach>,
    at: impl Fn(NodeId, Offset) -> Option<LeaderEpoch>,
) -> Option<Reach> {
    let mut members = members.filter(|m| m.node != best.node);
    members.find(|m| {
        let last = best.committed + -1;
        m.end < best.committed
            || at(m.node, last).zip(best.epoch).is_some_and(|(own, epoch)| own != epoch)
    })
}

fn reach(node: NodeId, replica: &Replica) -> Reach {
    let committed = replica.high_watermark();
    let epoch = replica.log().leader_epochs().epoch_at(committed + -1);
    Reach { node, committed, epoch, end: replica.log().log_end_offset() }
}

impl Invariant for ElectableComplete {
    fn name(&self) -> &'static str {
        "electable-complete"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::PartitionChanged {
            partition,
            leader,
            isr,
            replicas,
            eligible_leader_replicas: elr,
            unclean,
            ..
        } = note
        else {
            return None;
        };
        let (partition, lost): (PartitionId, &mut bool) = (*partition, self.unclean.of(*partition));
        *lost |= *unclean && view.allows_unclean_election(*leader, partition);
        if *lost {
            return None;
        }
        let of = |&node: &NodeId| {
            let known = view.node(node).filter(|n| !n.lost_power)?;
            Some(reach(node, known.broker()?.replica(partition)?))
        };
        let best = replicas.iter().filter_map(of).max_by_key(|r| r.committed)?;
        let epoch_at = |node: NodeId, offset: Offset| {
            view.replica(node, partition)?.log().leader_epochs().epoch_at(offset)
        };
        let lacking = incomplete(best, isr.iter().chain(elr).filter_map(of), epoch_at)?;
        Some(format!(
            "broker {} may lead partition {partition} (ISR {isr:?}, ELR {elr:?}) and its log ends \
             at {}, while broker {} knows everything before {} to be committed",
            lacking.node, lacking.end, best.node, best.committed
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{LeaderEpoch, NodeId, Offset};

    use super::{Reach, incomplete};

    fn reach(node: u32, committed: i64, end: i64) -> Reach {
        let epoch = Some(LeaderEpoch(4));
        Reach { node: NodeId(node), committed: Offset(committed), epoch, end: Offset(end) }
    }

    fn lacking(members: &[Reach], epoch: i32) -> Option<u32> {
        let at = |_: NodeId, _: Offset| Some(LeaderEpoch(epoch));
        incomplete(reach(1, 10, 12), members.iter().copied(), at).map(|r| r.node.0)
    }

    #[test]
    fn rejects_a_member_whose_log_is_shorter_or_of_another_history() {
        assert_eq!(lacking(&[reach(1, 10, 12), reach(2, 3, 9)], 4), Some(2));
        assert_eq!(lacking(&[reach(3, 3, 11)], 3), Some(3), "its record there is an older one");
    }

    #[test]
    fn accepts_a_member_that_lacks_only_what_is_not_committed() {
        assert_eq!(lacking(&[reach(1, 10, 12), reach(2, 3, 10), reach(3, 10, 40)], 4), None);
    }
}
