//! The leader-epoch cache. Source: KIP-101, KIP-279, KIP-320.

use alloc::vec::Vec;

use crate::protocol::fetch::EpochEnd;
use crate::types::{LeaderEpoch, Offset};

/// Each leader epoch with its first offset, both strictly rising.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeaderEpochs {
    starts: Vec<(LeaderEpoch, Offset)>,
}

impl LeaderEpochs {
    /// Every epoch with its first offset.
    #[must_use]
    pub fn starts(&self) -> &[(LeaderEpoch, Offset)] {
        &self.starts
    }

    /// The last epoch, if any.
    #[must_use]
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.starts.last().map(|s| s.0)
    }

    /// An epoch starts at `start`. An epoch without batches leaves no trace: the next one
    /// starts at the same offset and takes its place.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) {
        if self.latest().is_some_and(|latest| latest >= epoch) {
            return;
        }
        while self.starts.last().is_some_and(|s| s.1 >= start) {
            self.starts.pop();
        }
        self.starts.push((epoch, start));
    }

    /// The largest epoch at or below `epoch` with its end. `None` if `epoch` is above all.
    #[must_use]
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<EpochEnd> {
        if epoch < LeaderEpoch(0) {
            return None;
        }
        let above = self.starts.partition_point(|s| s.0 <= epoch);
        match self.starts.get(above) {
            None if self.latest() == Some(epoch) => Some(EpochEnd { epoch, end_offset: log_end }),
            None => None,
            Some(next) => {
                let floor = above.checked_sub(1).map_or(epoch, |i| self.starts[i].0);
                Some(EpochEnd { epoch: floor, end_offset: next.1 })
            }
        }
    }

    /// The epoch of the record at `offset`, if it is known.
    #[must_use]
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.starts.partition_point(|s| s.1 <= offset);
        after.checked_sub(1).map(|i| self.starts[i].0)
    }

    /// The log now ends at `end`: epochs that start there or later are gone.
    pub fn truncate_from_end(&mut self, end: Offset) {
        while self.starts.last().is_some_and(|s| s.1 >= end) {
            self.starts.pop();
        }
    }

    /// The log now starts at `start`: epochs that end before are gone, the first one left
    /// starts there.
    pub fn truncate_from_start(&mut self, start: Offset) {
        let after = self.starts.partition_point(|s| s.1 <= start);
        if let Some(first) = after.checked_sub(1) {
            self.starts[first].1 = start;
            self.starts.drain(..first);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.starts.clear();
    }
}
