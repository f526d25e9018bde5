//! One step of a member towards its target. Source: KIP-848, "Reconciliation of the group";
//! Kafka 4.1, `CurrentAssignmentBuilder`.

use alloc::vec::Vec;

use crate::records::{ConsumerAssignmentRecord, Reconciliation};
use crate::types::{GroupEpoch, PartitionId};

/// Where a member goes.
#[derive(Clone, Copy, Debug)]
pub(in crate::group) struct Goal<'a> {
    pub(in crate::group) epoch: GroupEpoch,
    /// In order of id.
    pub(in crate::group) target: &'a [PartitionId],
}

/// How the member stands after a heartbeat that tells what it has (`owned`, if it tells).
/// `is_free`: nobody else has the partition.
///
/// It gives up what is not its own any more before it gets anything, and gets only what is free.
pub(in crate::group) fn reconcile(
    stands: &ConsumerAssignmentRecord,
    goal: Goal<'_>,
    owned: Option<&[PartitionId]>,
    is_free: impl Fn(PartitionId) -> bool,
) -> ConsumerAssignmentRecord {
    match stands.state {
        Reconciliation::Stable if stands.epoch == goal.epoch => stands.clone(),
        Reconciliation::Unrevoked if has_any(owned, &stands.revoking) => stands.clone(),
        // It did what its epoch asked for, and has reached the next, whatever the group's is.
        Reconciliation::Unrevoked => step(stands, stands.epoch.next(), goal, owned, is_free),
        Reconciliation::Stable | Reconciliation::Unreleased => {
            step(stands, stands.epoch, goal, owned, is_free)
        }
    }
}

fn step(
    stands: &ConsumerAssignmentRecord,
    reached: GroupEpoch,
    goal: Goal<'_>,
    owned: Option<&[PartitionId]>,
    is_free: impl Fn(PartitionId) -> bool,
) -> ConsumerAssignmentRecord {
    let has = |list: &[PartitionId], p: &PartitionId| list.binary_search(p).is_ok();
    let (kept, revoking): (Vec<PartitionId>, Vec<PartitionId>) =
        stands.assigned.iter().partition(|p| has(goal.target, p));
    let previous = stands.epoch;
    if !revoking.is_empty() && has_any(owned, &revoking) {
        let state = Reconciliation::Unrevoked;
        return ConsumerAssignmentRecord {
            epoch: reached,
            previous,
            state,
            assigned: kept,
            revoking,
        };
    }
    let mut assigned = kept;
    let mut state = Reconciliation::Stable;
    for &partition in goal.target {
        if has(&stands.assigned, &partition) {
            continue;
        }
        // What it gives up itself is free for it.
        if is_free(partition) || has(&stands.revoking, &partition) {
            assigned.push(partition);
        } else {
            state = Reconciliation::Unreleased;
        }
    }
    assigned.sort_unstable();
    ConsumerAssignmentRecord { epoch: goal.epoch, previous, state, assigned, revoking: Vec::new() }
}

/// Whether the member still has one of these; who does not tell may have.
fn has_any(owned: Option<&[PartitionId]>, partitions: &[PartitionId]) -> bool {
    owned.is_none_or(|owned| owned.iter().any(|p| partitions.binary_search(p).is_ok()))
}
