//! Partitions whose log is made to fit before they are fetched, for rules other than today's.

use alloc::vec::Vec;

use crate::rules::Truncate;
use crate::types::PartitionId;

use super::fetcher::{Fetcher, FollowedState};

/// Slots of a fetcher that wait to be cut, each with the rule by which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Untruncated {
    slots: Vec<(u32, Truncate)>,
}

impl Untruncated {
    pub(super) fn remove(&mut self, index: u32) {
        self.slots.retain(|(slot, _)| *slot != index);
    }
}

impl Fetcher {
    /// The partition is not fetched before it is cut. A fetch says no epoch, so that the leader
    /// finds no divergence.
    pub(crate) fn cut_first(&mut self, index: u32, rule: Truncate) {
        self.slot_mut(index).hides_epoch = true;
        self.untruncated.remove(index);
        self.untruncated.slots.push((index, rule));
    }

    /// The partitions that the leader can be asked about now. They wait for its answer.
    pub(crate) fn take_untruncated(&mut self) -> Vec<(PartitionId, Truncate)> {
        if self.untruncated.slots.is_empty() {
            return Vec::new();
        }
        let ready = |index| self.slot(index).state == FollowedState::Fetching;
        let (due, later): (Vec<_>, Vec<_>) =
            self.untruncated.slots.iter().copied().partition(|(index, _)| ready(*index));
        self.untruncated.slots = later;
        due.into_iter()
            .map(|(index, rule)| {
                self.set_state(index, FollowedState::Locating);
                (self.slot(index).partition, rule)
            })
            .collect()
    }
}
